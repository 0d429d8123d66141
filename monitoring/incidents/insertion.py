"""Insertion: late events take their place among the open ones.

Ordinals are spread out anew, so that there is room between any two; the late events get those their times and
names ask for, and the runs of the squares they fall into are followed again from their open events.
"""

from dataclasses import fields, replace

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from monitoring import events
from monitoring.agreement import Parameters
from monitoring.incidents import geometry
from monitoring.incidents.activities import NO_RUN, is_precise, with_run
from monitoring.incidents.readings import STRIDE, read
from monitoring.incidents.runs import Runs, grow
from monitoring.incidents.state import IncidentState

Ints = NDArray[np.int64]


def with_late(
    state: IncidentState, placed: pa.Table, late: frozenset[str], parameters: Parameters
) -> IncidentState:
    """The state with the events `late` (keys `sensor_id/id`) of `placed` among its open rows."""
    if not late:
        return state
    keys = pc.binary_join_element_wise(placed.column("sensor_id"), placed.column("id"), "/")
    fresh = read(placed.filter(pc.is_in(keys, pa.array(sorted(late)))), parameters.sensors, 0)
    state = _spread_out(state)
    fresh = _set(fresh, "ordinal", _places_between(state, fresh))
    rows = pa.concat_tables([state.rows, fresh]).combine_chunks()
    rows = rows.take(pa.array(np.argsort(events.ints(rows, "ordinal"), kind="stable")))
    return _followed_again(replace(state, rows=rows), fresh, parameters)


def _spread_out(state: IncidentState) -> IncidentState:
    """Every ordinal in use becomes a multiple of the stride, in the same order."""
    runs, rows = state.runs, state.rows
    columns = [
        events.ints(rows, "ordinal"),
        events.ints(rows, "run"),
        runs.run,
        runs.leader,
        events.ints(state.published, "first_ordinal"),
    ]
    used = np.unique(np.concatenate(columns))
    used = used[used >= 0]

    def spread(values: Ints) -> Ints:
        return np.where(values >= 0, (np.searchsorted(used, values) + 1) * STRIDE, values)

    return replace(
        state,
        ordinal_next=(len(used) + 1) * STRIDE,
        rows=with_run(
            _set(rows, "ordinal", spread(events.ints(rows, "ordinal"))), spread(events.ints(rows, "run"))
        ),
        runs=replace(runs, run=spread(runs.run), leader=spread(runs.leader)),
        published=_set(
            state.published, "first_ordinal", spread(events.ints(state.published, "first_ordinal"))
        ),
    )


def _places_between(state: IncidentState, fresh: pa.Table) -> Ints:
    """Ordinals of late events: behind everything earlier, before everything later; ties by sensor and id."""
    names = {
        int(o): key for o, key in zip(events.ints(state.rows, "ordinal"), _names(state.rows), strict=True)
    }
    ordinals = np.concatenate([events.ints(state.rows, "ordinal"), state.runs.run])
    times_ns = np.concatenate([events.ints(state.rows, "time_ns"), state.runs.start_ns])
    ordinals, first = np.unique(ordinals, return_index=True)
    times_ns = times_ns[first]
    slots = []
    for time_ns, name in zip(events.ints(fresh, "time_ns").tolist(), _names(fresh), strict=True):
        at = int(np.searchsorted(times_ns, time_ns, side="left"))
        while (
            at < len(ordinals) and times_ns[at] == time_ns and names.get(int(ordinals[at]), ("", "")) < name
        ):
            at += 1
        slots.append(at)
    slot = np.array(slots, dtype=np.int64)
    before = np.where(slot > 0, ordinals[np.maximum(slot - 1, 0)] if len(ordinals) else 0, 0)
    rank = np.arange(len(slot)) - np.searchsorted(slot, slot)  # late events come in canonical order
    width = STRIDE // (np.bincount(slot, minlength=int(slot.max()) + 1)[slot] + 1)
    return np.asarray(before + (rank + 1) * width, dtype=np.int64)


def _followed_again(state: IncidentState, fresh: pa.Table, parameters: Parameters) -> IncidentState:
    """Runs of the late events' squares, from the open rows; nothing undecided stays settled."""
    rows, runs = state.rows, state.runs
    lon, lat = events.reals(rows, "at_lon"), events.reals(rows, "at_lat")
    precise = is_precise(rows, parameters)
    square = np.where(precise, geometry.bin_of(lon, lat), -1)
    late = is_precise(fresh, parameters)
    touched = np.unique(geometry.bin_of(events.reals(fresh, "at_lon"), events.reals(fresh, "at_lat"))[late])
    dissolved = np.isin(runs.square, touched) & ~runs.is_emitted
    over = runs.take(runs.is_emitted & np.isin(runs.square, touched))
    others = runs.take(~dissolved & ~np.isin(runs.square, touched))
    at = np.flatnonzero(np.isin(square, touched) & precise)
    time_ns = events.ints(rows, "time_ns")
    # Emitted runs are memory for what follows them; one that a late event precedes is none.
    first_ns = np.full(len(touched), np.iinfo(np.int64).max)
    np.minimum.at(first_ns, np.searchsorted(touched, square[at]), time_ns[at])
    is_memory = (
        over.end_ns < first_ns[np.searchsorted(touched, over.square)] if len(over) else over.is_emitted
    )
    grown, run_of = grow(
        over.take(is_memory),
        parameters.agreement,
        events.ints(rows, "ordinal")[at],
        time_ns[at],
        lon[at],
        lat[at],
        events.reals(rows, "sigma_m_max")[at],
    )
    run = events.ints(rows, "run").copy()
    run[np.isin(run, runs.run[dissolved])] = NO_RUN  # imprecise reports look again for what they fit
    run[at] = run_of
    parts = (others, over.take(~is_memory), grown)
    together = Runs(*(np.concatenate([getattr(part, f.name) for part in parts]) for f in fields(Runs)))
    together = together.take(np.argsort(together.run, kind="stable"))
    return replace(
        state,
        rows=with_run(rows, run),
        runs=replace(together, is_settled=together.is_settled & together.is_emitted),
    )


def _names(rows: pa.Table) -> list[tuple[str, str]]:
    return list(zip(rows.column("sensor_id").to_pylist(), rows.column("id").to_pylist(), strict=True))


def _set(table: pa.Table, name: str, values: Ints) -> pa.Table:
    return table.set_column(
        table.schema.get_field_index(name), table.schema.field(name), pa.array(values, pa.int64())
    )
