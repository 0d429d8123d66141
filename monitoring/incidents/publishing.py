"""Publishing: ids, revisions, and what became of incidents that were published before.

An id is fixed when an incident is first final: a hash of its kind and its first event. Whoever later holds that
first event inherits the id with the next revision; where one incident holds several, the earliest counts and the
others are withdrawn, never deleted.
"""

import hashlib
from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any, Final, Protocol

import numpy as np
import pyarrow as pa

from monitoring import events, findings, schema
from monitoring.agreement import Parameters
from monitoring.incidents.state import PUBLISHED
from monitoring.incidents.summary import Described, Gathered, event_keys

WITHDRAWN_WHY: Final = "Later evidence showed these reports to belong to another incident."
NO_LONGER_WHY: Final = "With the later evidence the incident no longer shows this."


class Judge(Protocol):
    """A rule of scope `incident`, as a step is handed it: INCIDENTS in, FINDINGS out."""

    def evaluate(self, incidents: pa.Table, parameters: Parameters) -> pa.Table: ...


@dataclass(frozen=True)
class Name:
    """Who an incident is: id, revision, and whether it differs from what was published."""

    incident_id: str
    revision: int
    is_new: bool


@dataclass(frozen=True)
class Named:
    """Names of incidents in their order, hashes of their members, and who is withdrawn in favour of which one.

    `withdrawn`: (ordinal of the withdrawn one's first event, number of the incident that took it); `handled`:
    ordinals of published first events that the named incidents hold.
    """

    names: list[Name]
    prints: list[str]
    withdrawn: list[tuple[int, int]]
    handled: list[int]


@dataclass(frozen=True)
class Before:
    """What was published: rows of PUBLISHED by the ordinal of their first event, findings by incident."""

    rows: dict[int, dict[str, Any]]
    findings: dict[str, list[dict[str, Any]]]

    @classmethod
    def of(cls, published: pa.Table, published_findings: pa.Table) -> "Before":
        by_incident: dict[str, list[dict[str, Any]]] = defaultdict(list)
        for row in published_findings.to_pylist():
            by_incident[row["incident_id"]].append(row)
        return cls({row["first_ordinal"]: row for row in published.to_pylist()}, by_incident)

    def incident(self, first_ordinal: int) -> dict[str, Any]:
        return self.rows[first_ordinal]

    def without(self, handled: set[int], fresh: Iterable[dict[str, Any]]) -> pa.Table:
        """PUBLISHED with the handled rows replaced by the fresh ones."""
        kept = [row for ordinal, row in self.rows.items() if ordinal not in handled]
        return pa.Table.from_pylist(
            sorted([*kept, *fresh], key=lambda r: r["first_ordinal"]), schema=PUBLISHED
        )


def identity(first_event: str) -> str:
    """The id of an incident of fire that begins with the event `sensor_id/id`."""
    return findings.identity("incident", "fire", "fire", first_event)


def name(gathered: Gathered, described: Described, before: Before) -> Named:
    """Names incidents against what was published before."""
    keys = event_keys(gathered.rows)
    ordinal = events.ints(gathered.rows, "ordinal")
    by_incident = keys.take(pa.array(np.argsort(gathered.incident, kind="stable"))).to_pylist()
    ends = np.cumsum(np.bincount(gathered.incident, minlength=gathered.incident_count)).tolist()
    slices = zip([0, *ends[:-1]], ends, strict=True)
    prints = [hashlib.sha256("\n".join(by_incident[low:high]).encode()).hexdigest() for low, high in slices]
    held: list[list[int]] = [[] for _ in range(gathered.incident_count)]
    known = np.array(sorted(before.rows), dtype=np.int64)
    for first in known[np.isin(known, ordinal)].tolist():
        held[int(gathered.incident[np.searchsorted(ordinal, first)])].append(first)

    names, withdrawn = [], []
    for number, inside in enumerate(held):
        if not inside:
            names.append(Name(identity(keys[int(described.first_row[number])].as_py()), 1, True))
            continue
        heir = before.rows[inside[0]]
        is_new = heir["members"] != prints[number]
        names.append(Name(heir["incident_id"], heir["revision"] + int(is_new), is_new))
        withdrawn += [(gone, number) for gone in inside[1:]]
    return Named(names, prints, withdrawn, [first for inside in held for first in inside])


def judge(
    rules: Sequence[Judge], incidents: pa.Table, member_table: pa.Table, parameters: Parameters
) -> list[dict[str, Any]]:
    """Findings of the rules on the incidents, with the ids of the events behind them.

    `member_table` holds the members of the same incidents, in the same order.
    """
    keys = event_keys(member_table).to_pylist()
    ends = np.cumsum(incidents.column("event_count").to_numpy()).tolist()
    ids = incidents.column("incident_id").to_pylist()
    events_of = {i: keys[low:high] for i, low, high in zip(ids, [0, *ends][: len(ids)], ends, strict=True)}
    rows = []
    for rule in rules:
        judged = rule.evaluate(incidents, parameters)
        rows += [row | {"event_ids": events_of[row["incident_id"]]} for row in judged.to_pylist()]
    return rows


def withdrawn_incident(row: dict[str, Any]) -> dict[str, Any]:
    """The row that withdraws a published incident."""
    return {name: row[name] for name in schema.INCIDENTS.names} | {
        "revision": row["revision"] + 1,
        "state": "withdrawn",
    }


def withdrawn_findings(before: Before, first_ordinal: int) -> list[dict[str, Any]]:
    """The rows that withdraw the findings of a published incident."""
    found = before.findings[before.rows[first_ordinal]["incident_id"]]
    return [withdrawn_finding(row) for row in found if row["state"] != "withdrawn"]


def withdrawn_finding(row: dict[str, Any], why: str = WITHDRAWN_WHY) -> dict[str, Any]:
    """The row that withdraws a published finding."""
    return row | {
        "revision": row["revision"] + 1,
        "state": "withdrawn",
        "reasons": [*row["reasons"], why],
    }


def no_longer(published: Iterable[dict[str, Any]], judged: Iterable[dict[str, Any]]) -> list[dict[str, Any]]:
    """The rows that withdraw those `published` findings of revised incidents that the rules do not make any more."""
    made = {row["finding_id"] for row in judged}
    return [
        withdrawn_finding(row, NO_LONGER_WHY)
        for row in published
        if row["finding_id"] not in made and row["state"] != "withdrawn"
    ]


def incidents_table(rows: Sequence[dict[str, Any]]) -> pa.Table:
    """INCIDENTS from rows."""
    return pa.Table.from_pylist(list(rows), schema=schema.INCIDENTS)
