"""Excursions: the open incidents of movement, found by finding, by subject and by time.

Held as plain objects, because findings are few and are looked up one by one; `tables` and `of_tables` turn them
into Arrow and back. An `Excursions` handed to a step is not changed: the step works on a copy.
"""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Any, Final

import pyarrow as pa

from monitoring import findings

STATE: Final = pa.schema(
    [
        pa.field("incident_id", pa.string(), nullable=False),
        pa.field("number", pa.int64(), nullable=False),
        pa.field("revision", pa.int32(), nullable=False),
    ]
)
TOGETHER_NS: Final = 120 * 1_000_000_000
"""Two sensors' findings of one movement lie at most so far apart in time."""


@dataclass(frozen=True)
class Excursion:
    """One incident of movement: its number in the order of opening, revision and newest findings by id."""

    incident_id: str
    number: int
    revision: int
    rows: dict[str, dict[str, Any]]

    @property
    def end_ns(self) -> int:
        return max(int(row["time_end_ns"]) for row in self.rows.values())


class Excursions:
    """Open excursions with their indexes."""

    def __init__(self) -> None:
        self._by_id: dict[str, Excursion] = {}
        self._next_number = 0
        self._home_of_finding: dict[str, str] = {}
        self._findings_of_subject: dict[str, tuple[str, ...]] = {}
        self._findings_of_slot: dict[tuple[str, str | None, int], tuple[str, ...]] = {}

    def __len__(self) -> int:
        return len(self._by_id)

    def copy(self) -> "Excursions":
        """Excursions that can be changed without changing these."""
        copied = Excursions()
        copied._by_id = dict(self._by_id)
        copied._next_number = self._next_number
        copied._home_of_finding = dict(self._home_of_finding)
        copied._findings_of_subject = dict(self._findings_of_subject)
        copied._findings_of_slot = dict(self._findings_of_slot)
        return copied

    def of_finding(self, finding_id: str) -> Excursion | None:
        """The excursion that a finding already belongs to."""
        incident_id = self._home_of_finding.get(finding_id)
        return None if incident_id is None else self._by_id[incident_id]

    def of_subject(self, subject_key: str) -> Iterator[tuple[Excursion, dict[str, Any]]]:
        """Findings of one subject with their excursions."""
        return self._named(self._findings_of_subject.get(subject_key, ()))

    def near_in_time(self, row: dict[str, Any]) -> Iterator[tuple[Excursion, dict[str, Any]]]:
        """Findings of the same rule and direction that may lie within two minutes of this one."""
        seen: dict[str, None] = {}
        for slot in _slots(row, margin=1):
            seen.update(
                dict.fromkeys(self._findings_of_slot.get((row["rule_id"], row["direction"], slot), ()))
            )
        return self._named(tuple(seen))

    def opened(self, incident_id: str) -> Excursion:
        """A new excursion without findings."""
        excursion = Excursion(incident_id, self._next_number, 0, {})
        self._next_number += 1
        self._by_id[incident_id] = excursion
        return excursion

    def joined(self, excursion: Excursion, row: dict[str, Any]) -> Excursion:
        """The excursion's next revision, with a finding, or a new revision of one, in it."""
        if row["finding_id"] in excursion.rows:
            self._unindex(excursion.rows[row["finding_id"]])
        excursion = replace(
            excursion, revision=excursion.revision + 1, rows=excursion.rows | {row["finding_id"]: row}
        )
        self._by_id[excursion.incident_id] = excursion
        self._index(row, excursion.incident_id)
        return excursion

    def remember(self, incident_id: str, revision: int, rows: list[dict[str, Any]]) -> None:
        """Takes up a published excursion again that was forgotten."""
        self._by_id[incident_id] = replace(
            self._by_id.get(incident_id) or self.opened(incident_id),
            revision=revision,
            rows={row["finding_id"]: row for row in rows},
        )
        for row in rows:
            self._index(row, incident_id)

    def forget_before(self, horizon_ns: int) -> None:
        """Drops the excursions that ended before `horizon_ns`."""
        gone = [
            incident_id for incident_id, excursion in self._by_id.items() if excursion.end_ns < horizon_ns
        ]
        for incident_id in gone:
            for row in self._by_id.pop(incident_id).rows.values():
                self._unindex(row)

    def tables(self) -> tuple[pa.Table, pa.Table]:
        """STATE and FINDINGS of the open excursions."""
        rows = [
            {"incident_id": e.incident_id, "number": e.number, "revision": e.revision}
            for e in self._by_id.values()
        ]
        return pa.Table.from_pylist(rows, schema=STATE), findings.table(
            row for excursion in self._by_id.values() for row in excursion.rows.values()
        )

    @classmethod
    def of_tables(cls, incidents: pa.Table, moves: pa.Table) -> "Excursions":
        """From `tables`."""
        made = cls()
        for row in incidents.to_pylist():
            made._by_id[row["incident_id"]] = Excursion(
                row["incident_id"], row["number"], row["revision"], {}
            )
            made._next_number = max(made._next_number, row["number"] + 1)
        for row in moves.to_pylist():
            made._by_id[row["incident_id"]].rows[row["finding_id"]] = row
            made._index(row, row["incident_id"])
        return made

    def _named(self, finding_ids: tuple[str, ...]) -> Iterator[tuple[Excursion, dict[str, Any]]]:
        for finding_id in finding_ids:
            excursion = self._by_id[self._home_of_finding[finding_id]]
            yield excursion, excursion.rows[finding_id]

    def _index(self, row: dict[str, Any], incident_id: str) -> None:
        finding_id, subject = row["finding_id"], row["subject_key"]
        self._home_of_finding[finding_id] = incident_id
        self._findings_of_subject[subject] = (*self._findings_of_subject.get(subject, ()), finding_id)
        for slot in _slots(row):
            key = (row["rule_id"], row["direction"], slot)
            self._findings_of_slot[key] = (*self._findings_of_slot.get(key, ()), finding_id)

    def _unindex(self, row: dict[str, Any]) -> None:
        finding_id = row["finding_id"]
        del self._home_of_finding[finding_id]
        _drop(self._findings_of_subject, row["subject_key"], finding_id)
        for slot in _slots(row):
            _drop(self._findings_of_slot, (row["rule_id"], row["direction"], slot), finding_id)


def _slots(row: dict[str, Any], margin: int = 0) -> range:
    """Numbers of the two-minute slots that a finding touches, and `margin` more on each side."""
    return range(row["time_start_ns"] // TOGETHER_NS - margin, row["time_end_ns"] // TOGETHER_NS + margin + 1)


def _drop(index: dict[Any, tuple[str, ...]], key: object, finding_id: str) -> None:
    left = tuple(name for name in index[key] if name != finding_id)
    if left:
        index[key] = left
    else:
        del index[key]
