"""Activities: open fire events with the run each belongs to, and which runs make one incident, complete from when.

The part of a step that works on whole columns; see `publishing` for what is done with incidents.
"""

from dataclasses import dataclass, replace
from typing import Final

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from geodata import cells
from monitoring import events, schema
from monitoring.agreement import Parameters
from monitoring.incidents import geometry
from monitoring.incidents.flights import followed, waits
from monitoring.incidents.joining import Reports, best_fit
from monitoring.incidents.limits import JOIN_S, Limits
from monitoring.incidents.linking import heads
from monitoring.incidents.parts import decided as decided_parts
from monitoring.incidents.parts import parts
from monitoring.incidents.readings import group_numbers
from monitoring.incidents.runs import Runs, grow
from monitoring.incidents.stars import Neighbours, decide, neighbours

Ints = NDArray[np.int64]
Flags = NDArray[np.bool_]

HALO_M: Final = 24_000.0
"""How far around its cells a shard must see: five adjacencies of at most 3 km between means, and the squares."""
NO_RUN: Final = -1
_LAUNCH: Final = schema.KINDS.index("launch")
_DECIDED: Final = (
    "is_root",
    "is_left",
    "is_root_of_left",
    "leader",
    "root_known_ns",
    "left_known_ns",
    "second_known_ns",
    "leader_known_ns",
)


@dataclass(frozen=True)
class Activities:
    """What the open rows amount to.

    - `run_idx` (n,): index of each row's run, -1 = none; `is_precise` (n,); `part` (n,): each row's part (see
      `parts`), -1 = none; `head` (n,): the part that leads its incident; `complete_ns` (p,): from when the incident
      led by a part is complete; `stored` (n,): the column `part` with what is decided by the watermark.
    """

    runs: Runs
    near: Neighbours
    run_idx: Ints
    is_precise: Flags
    part: Ints
    head: Ints
    complete_ns: Ints
    stored: Ints


def is_precise(rows: pa.Table, parameters: Parameters) -> Flags:
    """Whether each row has a place with an error within the agreement's limit: only such rows found incidents."""
    limits = Limits.at(parameters.agreement, events.ints(rows, "time_ns"))
    return np.isfinite(events.reals(rows, "at_lon")) & (events.reals(rows, "sigma_m_max") <= limits.limit_m)


def founded(fresh: pa.Table, runs: Runs, parameters: Parameters) -> tuple[pa.Table, Runs]:
    """Gives the precise ones of new rows their runs."""
    precise = np.flatnonzero(is_precise(fresh, parameters))
    runs, run_of = grow(
        runs,
        parameters.agreement,
        events.ints(fresh, "ordinal")[precise],
        events.ints(fresh, "time_ns")[precise],
        events.reals(fresh, "at_lon")[precise],
        events.reals(fresh, "at_lat")[precise],
        events.reals(fresh, "sigma_m_max")[precise],
    )
    run = np.full(fresh.num_rows, NO_RUN, dtype=np.int64)
    run[precise] = run_of
    return with_run(fresh, run), runs


def with_run(rows: pa.Table, run: Ints, part: Ints | None = None) -> pa.Table:
    """The rows with other runs, and with these parts, or none of them decided."""
    part = np.full(rows.num_rows, -1, dtype=np.int64) if part is None else part
    rows = rows.set_column(rows.schema.get_field_index("run"), rows.schema.field("run"), pa.array(run))
    return rows.set_column(rows.schema.get_field_index("part"), rows.schema.field("part"), pa.array(part))


def joined(rows: pa.Table, until_ns: int, is_end: bool, parameters: Parameters) -> tuple[Ints, Flags]:
    """Runs of all rows (n,), imprecise reports included; and which of these are settled by the watermark (n,).

    A report is settled when the watermark is a minute past it. At an end of input the others are tried as well,
    for this time only.
    """
    run = events.ints(rows, "run").copy()
    waiting = np.flatnonzero(run == NO_RUN)
    time_ns = events.ints(rows, "time_ns")
    is_due = np.zeros(len(run), dtype=np.bool_)
    limits = Limits.at(parameters.agreement, time_ns[waiting])
    due = time_ns[waiting] + np.minimum(np.int64(JOIN_S * 1e9), limits.gap_ns) <= until_ns
    is_due[waiting[due]] = True
    tried = np.ones(len(waiting), dtype=np.bool_) if is_end else due
    targets = np.flatnonzero(is_precise(rows, parameters)) if len(waiting) else waiting
    at = waiting[tried]
    best = best_fit(
        _reports(rows, at),
        _reports(rows, targets),
        limits.k_sigma[tried],
        limits.limit_m[tried],
        limits.gap_ns[tried],
    )
    run[at[best >= 0]] = run[targets[best[best >= 0]]]
    return run, is_due


def gather(
    rows: pa.Table, run: Ints, runs: Runs, shards: int, until_ns: int, is_end: bool, parameters: Parameters
) -> Activities:
    """Decides which runs, and which parts of their activities, are one incident."""
    near = neighbours(runs)
    decided, complete_ns = _decide(runs, near, shards)
    names = decided.run
    leader = np.minimum(np.searchsorted(names, decided.leader), max(len(names) - 1, 0)).astype(np.int64)
    run_idx = np.where(run >= 0, np.searchsorted(names, run), -1).astype(np.int64)
    precise = is_precise(rows, parameters)
    activity = np.where(run_idx >= 0, leader[run_idx] if len(names) else -1, -1)
    divided = parts(rows, activity, precise)
    part = divided.of_row
    own_ns = complete_ns[divided.activity] if len(names) else complete_ns
    stored = decided_parts(rows, divided, own_ns <= until_ns)
    group = group_numbers(rows)
    grouped = np.flatnonzero((part >= 0) & (group >= 0))
    lead, complete_ns = heads(
        part[grouped],
        len(divided),
        group[grouped],
        events.codes(rows, "kind")[grouped] == _LAUNCH,
        events.ints(rows, "time_ns")[grouped],
        own_ns,
    )
    chosen_ns, certain_ns = waits(divided, complete_ns)
    is_free = lead == np.arange(len(divided))
    lead = followed(rows, divided, is_free, is_end | (chosen_ns <= until_ns))[lead]
    np.maximum.at(certain_ns, lead, certain_ns.copy())
    head = np.where(part >= 0, lead[part] if len(divided) else -1, -1)
    return Activities(decided, near, run_idx, precise, part, head, certain_ns, stored)


def _decide(runs: Runs, near: Neighbours, shards: int) -> tuple[Runs, Ints]:
    """`stars.decide`, shared out: each shard sees its cells and their halo, and keeps what its cells own."""
    if shards == 1 or not len(runs):
        return decide(runs, near)
    lon, lat = geometry.bin_centre(runs.square)
    owner = cells.cell_of(lon, lat) % shards
    place, cell = cells.cells_within(lon, lat, HALO_M)
    merged = {name: getattr(runs, name).copy() for name in _DECIDED}
    complete_ns = np.zeros(len(runs), dtype=np.int64)
    for shard in range(shards):
        seen = np.unique(place[cell % shards == shard])
        part = runs.take(seen)
        decided, complete = decide(part, neighbours(part))
        own = owner[seen] == shard
        for name, values in merged.items():
            values[seen[own]] = getattr(decided, name)[own]
        complete_ns[seen[own]] = complete[own]
    return replace(runs, **merged), complete_ns


def _reports(rows: pa.Table, at: Ints) -> Reports:
    def reals(name: str) -> NDArray[np.float64]:
        return events.reals(rows, name)[at]

    return Reports(
        time_ns=events.ints(rows, "time_ns")[at],
        lon=reals("at_lon"),
        lat=reals("at_lat"),
        var_e=reals("var_e"),
        cov_en=reals("cov_en"),
        var_n=reals("var_n"),
        from_lon=reals("from_lon"),
        from_lat=reals("from_lat"),
        bearing_deg=reals("bearing_deg"),
        bearing_sigma_deg=reals("bearing_sigma_deg"),
    )
