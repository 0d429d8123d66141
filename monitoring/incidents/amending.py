"""Amending: what late evidence changes in incidents.

The surroundings of the late events are associated anew, from the archive, as if everything had come in time.
Incidents that hold a late event, and whatever shares events with the published incidents these replace, are
matched with what was published: the one that took most of a published incident's events is its next revision,
and a published incident that nobody continues is withdrawn. Late events whose incident is still open take their
place in the state as well (see `insertion`).
"""

from collections import Counter, defaultdict
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from monitoring import events, findings, schema
from monitoring.agreement import Parameters
from monitoring.incidents import claims, movement, publishing
from monitoring.incidents.excursions import Excursions
from monitoring.incidents.insertion import with_late
from monitoring.incidents.state import PUBLISHED, IncidentOutput, IncidentState
from monitoring.incidents.step import start, step

Ints = NDArray[np.int64]


@dataclass(frozen=True)
class _Known:
    """Published incidents of fire: newest rows, their findings, and the keys of their events both ways."""

    rows: dict[str, dict[str, Any]]
    findings: dict[str, list[dict[str, Any]]]
    members: dict[str, frozenset[str]]
    home: dict[str, str]


@dataclass(frozen=True)
class _Matching:
    """`named`: incidents judged anew that are amendments → published id and revision; `gone`: to be withdrawn."""

    named: dict[str, tuple[str, int]]
    gone: list[str]


def amend(
    state: IncidentState,
    placed: pa.Table,
    movement_findings: pa.Table,
    movement_decided_ns: Ints,
    published_findings: pa.Table,
    published_incidents: pa.Table,
    until_ns: int,
    parameters: Parameters,
    is_end: bool = False,
    rules: tuple[publishing.Judge, ...] = (),
    sketches: pa.Table | None = None,
) -> tuple[IncidentState, IncidentOutput]:
    """Amendments of incidents and their findings, decided at the watermark; and the state with the late events.

    - `placed`: all fire (PLACED_EVENTS) of the surroundings up to the watermark `until_ns`, late events included;
    - `movement_findings`: amended findings of S1 in the canonical order of finals;
    - `sketches` (SKETCHES): thinned fixes of the tracks that were judged anew;
    - `published_findings`, `published_incidents`: newest revisions of what was published in the surroundings.
    """
    known = _published(published_findings, published_incidents)
    afresh = replace(start(), counts=state.counts, claims=state.claims)
    after, anew = step(
        afresh, placed, schema.FINDINGS.empty_table(), until_ns, parameters, is_end, is_again=True
    )
    waiting = set(_keys(state.rows))
    late = frozenset(key for key in _keys(placed) if key not in known.home and key not in waiting)
    members = _members_of(anew)
    matching = _match(members, known, late)

    incidents = [
        row
        | {
            "incident_id": matching.named[row["incident_id"]][0],
            "revision": matching.named[row["incident_id"]][1],
        }
        for row in anew.incidents.to_pylist()
        if row["incident_id"] in matching.named
    ]
    member_table = _renamed_members(anew, matching)
    judged = publishing.judge(rules, publishing.incidents_table(incidents), member_table, parameters)
    judged += publishing.no_longer(
        (row for name, _ in matching.named.values() for row in known.findings.get(name, ())), judged
    )
    fire = [(until_ns, row) for row in judged]
    for gone in matching.gone:
        standing = [row for row in known.findings[gone] if row["state"] != "withdrawn"]
        fire += [(until_ns, publishing.withdrawn_finding(row)) for row in standing]
    withdrawn = [publishing.withdrawn_incident(known.rows[gone]) for gone in matching.gone]

    state = with_late(state, placed, late & frozenset(_keys(after.rows)), parameters)
    state = _with_published(state, after, incidents, judged, matching, members)
    state = replace(state, claims=_not_borne_out(state.claims, anew))
    excursions = _remembering(state.excursions, movement_findings, published_findings, published_incidents)
    moving, moved, move_incidents = movement.associate(
        movement.Moving(excursions, state.objects, state.sketches.replacing(sketches), state.trust),
        movement_findings,
        movement_decided_ns,
        until_ns,
        parameters,
    )
    state = replace(state, **moving._asdict())
    output = findings.Judged.of([*fire, *zip(movement_decided_ns.tolist(), moved, strict=True)])
    table = publishing.incidents_table([*incidents, *withdrawn, *move_incidents])
    return state, IncidentOutput(output.findings, table, member_table, output.decided_ns, anew.apart)


def _not_borne_out(known: pa.Table, anew: IncidentOutput) -> pa.Table:
    """CLAIMS without contradicted ones of an incident which, with the late evidence, several sensors reported."""
    rows = zip(
        anew.incidents["incident_id"].to_pylist(), anew.incidents["sensor_ids"].to_pylist(), strict=True
    )
    shared = pa.array([incident_id for incident_id, sensors in rows if len(sensors) > 1], pa.string())
    reports = anew.members.filter(pc.is_in(anew.members.column("incident_id"), shared))
    return claims.without(known, reports.column("sensor_id"), reports.column("id"))


def _published(published_findings: pa.Table, published_incidents: pa.Table) -> _Known:
    rows = {
        row["incident_id"]: row
        for row in published_incidents.sort_by("revision").to_pylist()
        if row["kind"] == "fire"
    }
    newest: dict[str, dict[str, Any]] = {
        row["finding_id"]: row
        for row in published_findings.sort_by("revision").to_pylist()
        if row["incident_id"] in rows
    }
    by_incident: dict[str, list[dict[str, Any]]] = defaultdict(list)
    for row in newest.values():
        by_incident[row["incident_id"]].append(row)
    members = {
        incident_id: frozenset(key for row in by_incident[incident_id] for key in row["event_ids"])
        for incident_id, row in rows.items()
        if row["state"] != "withdrawn"
    }
    home = {key: incident_id for incident_id, keys in members.items() for key in keys}
    return _Known(rows, by_incident, members, home)


def _keys(table: pa.Table) -> list[str]:
    return list(pc.binary_join_element_wise(table.column("sensor_id"), table.column("id"), "/").to_pylist())


def _members_of(anew: IncidentOutput) -> dict[str, list[str]]:
    members: dict[str, list[str]] = defaultdict(list)
    for incident_id, key in zip(
        anew.members.column("incident_id").to_pylist(), _keys(anew.members), strict=True
    ):
        members[incident_id].append(key)
    return members


def _match(members: dict[str, list[str]], known: _Known, late: frozenset[str]) -> _Matching:
    """Which incidents judged anew are amendments of which published ones."""
    holders: dict[str, set[str]] = defaultdict(set)
    for incident_id, inside in members.items():
        for key in inside:
            if key in known.home:
                holders[known.home[key]].add(incident_id)
    touched = {incident_id for incident_id, inside in members.items() if not late.isdisjoint(inside)}
    concerned: set[str] = set()
    frontier = touched
    while frontier:
        reached = {
            known.home[key] for incident_id in frontier for key in members[incident_id] if key in known.home
        }
        concerned |= reached
        frontier = {incident_id for old in reached for incident_id in holders[old]} - touched
        touched = touched | frontier

    shares = Counter(
        (known.home[key], incident_id)
        for incident_id in touched
        for key in members[incident_id]
        if key in known.home
    )
    heir_of: dict[str, str] = {}
    for (old, incident_id), _ in sorted(shares.items(), key=lambda item: (-item[1], item[0])):
        if old not in heir_of.values() and incident_id not in heir_of:
            heir_of[incident_id] = old
    named: dict[str, tuple[str, int]] = {}
    for incident_id in sorted(touched):
        old = heir_of.get(incident_id, incident_id)
        if known.members.get(old) == frozenset(members[incident_id]):
            continue
        name = _free_name(old, incident_id in heir_of, known)
        named[incident_id] = (name, known.rows[name]["revision"] + 1 if name in known.rows else 1)
    return _Matching(named, sorted(concerned - set(heir_of.values())))


def _free_name(name: str, is_heir: bool, known: _Known) -> str:
    """A new incident takes the id of its first event, unless a published incident stands under that id already."""
    while not is_heir and name in known.members:
        name = findings.identity("incident", "fire", "split", name)
    return name


def _renamed_members(anew: IncidentOutput, matching: _Matching) -> pa.Table:
    """MEMBERS of the amended incidents under their published ids, in the order of the incidents."""
    table = anew.members.filter(
        pc.is_in(anew.members.column("incident_id"), pa.array(sorted(matching.named), pa.string()))
    )
    names = [matching.named[incident_id][0] for incident_id in table.column("incident_id").to_pylist()]
    return table.set_column(0, schema.MEMBERS.field(0), pa.array(names, type=pa.string()))


def _with_published(
    state: IncidentState,
    after: IncidentState,
    incidents: list[dict[str, Any]],
    judged: list[dict[str, Any]],
    matching: _Matching,
    members: dict[str, list[str]],
) -> IncidentState:
    """The state with the amended rows of incidents that were published but are still open."""
    rows_by_id = {row["incident_id"]: row for row in incidents}
    ordinal_of = dict(zip(_keys(state.rows), events.ints(state.rows, "ordinal").tolist(), strict=True))
    replaced = set(matching.gone) | set(rows_by_id)
    fresh = []
    for row in after.published.to_pylist():
        if row["incident_id"] not in matching.named:
            continue
        name, _ = matching.named[row["incident_id"]]
        ordinals = [ordinal_of[key] for key in members[row["incident_id"]] if key in ordinal_of]
        if ordinals:
            fresh.append({"first_ordinal": min(ordinals), "members": row["members"], **rows_by_id[name]})
    kept = [row for row in state.published.to_pylist() if row["incident_id"] not in replaced]
    open_ids = {row["incident_id"] for row in [*kept, *fresh]}
    newest = {
        row["finding_id"]: row
        for row in [*state.published_findings.to_pylist(), *judged]
        if row["incident_id"] in open_ids
    }
    return replace(
        state,
        published=pa.Table.from_pylist(
            sorted([*kept, *fresh], key=lambda r: r["first_ordinal"]), schema=PUBLISHED
        ),
        published_findings=findings.table(newest.values()),
    )


def _remembering(
    excursions: Excursions, amended: pa.Table, published_findings: pa.Table, published_incidents: pa.Table
) -> Excursions:
    """The open excursions and, should they have been forgotten, those of the amended findings."""
    amended_ids = set(amended.column("finding_id").to_pylist())
    forgotten = {
        row["finding_id"]: row
        for row in published_findings.sort_by("revision").to_pylist()
        if row["incident_id"] is not None and excursions.of_finding(row["finding_id"]) is None
    }
    wanted = {row["incident_id"] for finding_id, row in forgotten.items() if finding_id in amended_ids}
    revisions = {
        row["incident_id"]: row["revision"]
        for row in published_incidents.sort_by("revision").to_pylist()
        if row["kind"] == "movement" and row["incident_id"] in wanted
    }
    if not revisions:
        return excursions
    excursions = excursions.copy()
    for incident_id, revision in sorted(revisions.items()):
        rows = [row for row in forgotten.values() if row["incident_id"] == incident_id]
        excursions.remember(incident_id, revision, rows)
    return excursions
