"""The step: `(state, placed events, findings of movement, watermark) → (state', incidents, members, findings)`.

Results depend on the events alone: not on where batches were cut, nor on how squares are shared out. An incident
is final when the watermark has passed the time from which nothing can change it any more; finals come in the
order of that time.
"""

from collections.abc import Sequence
from dataclasses import replace
from typing import Any, Final, NamedTuple

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from monitoring import events, findings, schema
from monitoring.agreement import Parameters
from monitoring.incidents import claims, movement, publishing, shouting
from monitoring.incidents.activities import HALO_M, NO_RUN, Activities, founded, gather, joined, with_run
from monitoring.incidents.evidence import Record
from monitoring.incidents.readings import STRIDE, read
from monitoring.incidents.stars import still_needed
from monitoring.incidents.state import APART, IncidentOutput, IncidentState
from monitoring.incidents.summary import Gathered, describe, members

__all__ = ["HALO_M", "start", "step"]

Ints = NDArray[np.int64]
Flags = NDArray[np.bool_]

_CHUNKS_MAX: Final = 32
_NO_MEMBERS: Final = events.empty(schema.MEMBERS)
_NONE_APART: Final = events.empty(APART)
_NO_CLAIMS: Final = events.empty(claims.CLAIMS)


class _Fire(NamedTuple):
    """What a step gives about fire: rows of tables, when each finding was decided, and what sensors claimed."""

    findings: list[tuple[int, dict[str, Any]]]
    incidents: list[dict[str, Any]]
    members: pa.Table
    apart: pa.Table
    claims: pa.Table


def start() -> IncidentState:
    """The state before any event."""
    return IncidentState()


def step(
    state: IncidentState,
    placed: pa.Table,
    movement_findings: pa.Table,
    until_ns: int,
    parameters: Parameters,
    is_end: bool = False,
    shards: int = 1,
    movement_decided_ns: Ints | None = None,
    rules: Sequence[publishing.Judge] = (),
    sketches: pa.Table | None = None,
    is_again: bool = False,
) -> tuple[IncidentState, IncidentOutput]:
    """Takes a batch and gives what has become final at the watermark `until_ns`.

    - `placed`: PLACED_EVENTS, all of them at or before the watermark and none earlier than those before;
    - `movement_findings`: final FINDINGS of S1 in the canonical order of finals, decided at `movement_decided_ns`
      (their ends where it is not given);
    - `sketches` (SKETCHES): thinned fixes of the batch's tracks, all after those before;
    - `rules`: those of scope `incident` that judge the incidents of fire;
    - `is_end`: everything open is published as final and stays open; what follows makes the next revision;
    - `is_again`: the events were counted before (see `shouting`), and their claims are known (see `claims`);
    - `shards`: over how many workers the cells are shared out; it changes nothing but who computes what.
    """
    state, fire = _step_fire(state, placed, until_ns, parameters, rules, is_end, shards, is_again)
    if movement_decided_ns is None:
        movement_decided_ns = events.ints(movement_findings, "time_end_ns")
    moving, moved, move_incidents = movement.associate(
        movement.Moving(state.excursions, state.objects, state.sketches.with_rows(sketches), state.trust),
        movement_findings,
        movement_decided_ns,
        until_ns,
        parameters,
    )
    state = replace(state, **moving._asdict())
    judged = findings.Judged.of([*fire.findings, *zip(movement_decided_ns.tolist(), moved, strict=True)])
    incidents = publishing.incidents_table([*fire.incidents, *move_incidents])
    return state, IncidentOutput(judged.findings, incidents, fire.members, judged.decided_ns, fire.apart)


def _step_fire(
    state: IncidentState,
    placed: pa.Table,
    until_ns: int,
    parameters: Parameters,
    rules: Sequence[publishing.Judge],
    is_end: bool,
    shards: int,
    is_again: bool,
) -> tuple[IncidentState, _Fire]:
    fresh, runs = founded(read(placed, parameters.sensors, state.ordinal_next), state.runs, parameters)
    state = replace(state, ordinal_next=state.ordinal_next + STRIDE * fresh.num_rows)
    if fresh.num_rows and not is_again:
        state = replace(state, counts=shouting.counted(state.counts, fresh))
    rows = pa.concat_tables([state.rows, fresh])
    if rows.num_rows == 0:
        kept = runs.take(runs.close_ns >= until_ns)
        state = _without_old(replace(state, runs=kept), until_ns)
        return state, _Fire([], [], _NO_MEMBERS, _NONE_APART, _NO_CLAIMS)
    if rows.column(0).num_chunks > _CHUNKS_MAX:
        rows = rows.combine_chunks()
    run, is_due = joined(rows, until_ns, is_end, parameters)
    activities = gather(rows, run, runs, shards, until_ns, is_end, parameters)
    ready = activities.complete_ns <= until_ns  # by part
    head = activities.head
    has_run = head >= 0
    leaves = has_run & ready[head] if len(ready) else has_run
    out = np.flatnonzero(has_run if is_end else leaves)
    apart = np.flatnonzero(is_due & (run == NO_RUN))
    fire, published, published_findings = _publish(
        state, rows, out, head, activities, ready, parameters, rules, apart, until_ns, is_again
    )

    stays = ~leaves
    stays[apart] = False
    lasting = np.where(is_due | (events.ints(rows, "run") != NO_RUN), run, NO_RUN)
    rows = with_run(rows, lasting, activities.stored).filter(pa.array(stays))
    decided = activities.runs
    decided = replace(
        decided,
        is_emitted=decided.is_emitted | _is_left(activities.run_idx, leaves, len(decided)),
        is_settled=decided.is_settled | (decided.leader_known_ns <= until_ns),
    )
    kept = decided.take(still_needed(decided, activities.near, until_ns))
    state = replace(
        state,
        rows=rows,
        runs=kept,
        published=published,
        published_findings=published_findings,
        claims=claims.with_claims(state.claims, fire.claims),
    )
    return _without_old(state, until_ns), fire


def _without_old(state: IncidentState, until_ns: int) -> IncidentState:
    """The state without what is known of sensors from too long ago to count at the watermark."""
    return replace(
        state,
        counts=shouting.recent(state.counts, until_ns),
        claims=claims.recent(state.claims, until_ns),
    )


def _is_left(run_idx: Ints, leaves: Flags, count: int) -> Flags:
    """Runs (r,) that have reports and all of whose reports leave."""
    leaving, staying = (
        np.bincount(run_idx[mask & (run_idx >= 0)], minlength=count) for mask in (leaves, ~leaves)
    )
    return np.asarray((leaving > 0) & (staying == 0))


def _publish(
    state: IncidentState,
    rows: pa.Table,
    out: Ints,
    head: Ints,
    activities: Activities,
    ready: Flags,
    parameters: Parameters,
    rules: Sequence[publishing.Judge],
    apart: Ints,
    until_ns: int,
    is_again: bool,
) -> tuple[_Fire, pa.Table, pa.Table]:
    """Describes the incidents of the rows `out` and names them against what was published before."""
    apart_table = rows.take(pa.array(apart)).select(APART.names).cast(APART)
    gathered, heads = _gathered(rows, out, head, activities, state, is_again, parameters)
    if not len(heads):
        return (
            _Fire([], [], _NO_MEMBERS, apart_table, _NO_CLAIMS),
            state.published,
            state.published_findings,
        )
    described = describe(gathered, parameters)
    ordinal = events.ints(gathered.rows, "ordinal")
    before = publishing.Before.of(state.published, state.published_findings)
    named = publishing.name(gathered, described, before)
    incidents = [
        {"incident_id": n.incident_id, "revision": n.revision, "state": "final", **row}
        for n, row in zip(named.names, described.rows, strict=True)
    ]
    member_table = members(gathered, described, [n.incident_id for n in named.names])
    judged = publishing.judge(rules, publishing.incidents_table(incidents), member_table, parameters)
    judged += publishing.no_longer(
        (row for n in named.names if n.is_new for row in before.findings.get(n.incident_id, ())), judged
    )

    decided_ns = {
        incidents[i]["incident_id"]: int(activities.complete_ns[h]) for i, h in enumerate(heads.tolist())
    }
    is_new = {incidents[i]["incident_id"] for i, n in enumerate(named.names) if n.is_new}
    new_incidents = [row for row in incidents if row["incident_id"] in is_new]
    new_findings = [(decided_ns[row["incident_id"]], row) for row in judged if row["incident_id"] in is_new]
    for gone, at in named.withdrawn:
        new_incidents.append(publishing.withdrawn_incident(before.incident(gone)))
        moment = int(activities.complete_ns[heads[at]])
        new_findings += [(moment, row) for row in publishing.withdrawn_findings(before, gone)]
    new_members = member_table
    if len(is_new) < len(incidents):
        new_members = member_table.filter(
            pc.is_in(member_table.column("incident_id"), pa.array(sorted(is_new), pa.string()))
        )

    stays_open = np.flatnonzero(~ready[heads])
    open_rows = [
        {"first_ordinal": int(ordinal[described.first_row[i]]), "members": named.prints[i], **incidents[i]}
        for i in stays_open.tolist()
    ]
    published = before.without(set(named.handled), open_rows)
    open_ids = set(published.column("incident_id").to_pylist())
    newest = {
        row["finding_id"]: row
        for row in [*state.published_findings.to_pylist(), *judged]
        if row["incident_id"] in open_ids
    }
    # What is published before it is complete is claimed when it is.
    is_complete = pc.less_equal(described.claims.column("decided_ns"), pa.scalar(until_ns, pa.int64()))
    fire = _Fire(new_findings, new_incidents, new_members, apart_table, described.claims.filter(is_complete))
    return fire, published, findings.table(newest.values())


def _gathered(
    rows: pa.Table,
    out: Ints,
    head: Ints,
    activities: Activities,
    state: IncidentState,
    is_again: bool,
    parameters: Parameters,
) -> tuple[Gathered, Ints]:
    """The rows of the incidents to publish, which are numbered in the order of (completion, first event)."""
    heads, first, which = np.unique(head[out], return_index=True, return_inverse=True)
    precise = activities.is_precise[out]
    first = np.full(len(heads), len(out))
    np.minimum.at(first, which[precise], np.flatnonzero(precise))
    order = np.lexsort((first, activities.complete_ns[heads]))
    number = np.empty(len(heads), dtype=np.int64)
    number[order] = np.arange(len(heads))
    published_rows = rows.take(pa.array(out)).combine_chunks()
    gathered = Gathered(
        rows=published_rows,
        incident=number[which],
        is_precise=precise,
        is_lead=activities.part[out] == head[out],
        is_shouting=shouting.is_shouting(state.counts, published_rows, parameters.agreement),
        incident_count=len(heads),
        record=Record(state.claims, activities.complete_ns[heads[order]], is_again),
    )
    return gathered, heads[order]
