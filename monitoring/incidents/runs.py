"""Runs: fire inside one fixed square of a kilometre without a pause longer than the agreement's gap.

Time has memory, places have not: a run depends on the events of its own square alone, so what happens in one
square never spreads to the next through time. A run that goes on and on is cut at the end of every second slot
of half the agreed duration, counted from the slot in which its square fell under fire; neighbours that began
together are cut together.

Sums are whole numbers (weights in 1e-9 m⁻², offsets in decimetres), so that their value does not depend on the
order or the portions in which events come.
"""

from dataclasses import dataclass, fields, replace
from typing import Final

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from monitoring.agreement import Agreement
from monitoring.incidents import geometry
from monitoring.incidents.limits import FLOOR_M, Limits

Ints = NDArray[np.int64]
Reals = NDArray[np.float64]
Flags = NDArray[np.bool_]

_WEIGHT_UNIT: Final = 1e9


@dataclass(frozen=True)
class Runs:
    """Every run that may still matter, one element each, ordered by `run`; all arrays (n,).

    - `run`: ordinal of its first event; `square`: its bin; `segment_ns`: when its square fell under fire;
    - `cut_ns`: the run takes no event from here on; `start_ns`, `end_ns`: its first and last event;
    - `weight`, `weight_east`, `weight_north`: sums over its events (see above), offsets from the square's centre;
    - `gap_ns`, `move_m`, `k_sigma`, `limit_m`: the agreement's values at its beginning;
    - `is_settled`: the four decisions of `stars` are made and stand: `is_root`, `is_left`, `is_root_of_left`,
      `leader` (the run it follows), known at `root_known_ns` <= … <= `leader_known_ns`;
    - `is_emitted`: its incident was published as final.
    """

    run: Ints
    square: Ints
    segment_ns: Ints
    cut_ns: Ints
    start_ns: Ints
    end_ns: Ints
    weight: Ints
    weight_east: Ints
    weight_north: Ints
    gap_ns: Ints
    move_m: Reals
    k_sigma: Reals
    limit_m: Reals
    is_settled: Flags
    is_root: Flags
    is_left: Flags
    is_root_of_left: Flags
    leader: Ints
    root_known_ns: Ints
    left_known_ns: Ints
    second_known_ns: Ints
    leader_known_ns: Ints
    is_emitted: Flags

    def __len__(self) -> int:
        return len(self.run)

    @property
    def close_ns(self) -> Ints:
        """When each run is over: no later event can join it, no later run can touch it."""
        return self.end_ns + self.gap_ns

    def mean(self) -> tuple[Reals, Reals, Reals]:
        """Weighted mean place (lon, lat) and its standard deviation in metres, at least the floor."""
        lon, lat = geometry.bin_centre(self.square)
        east_m, north_m = self.weight_east / self.weight / 10.0, self.weight_north / self.weight / 10.0
        lon, lat = geometry.moved(lon, lat, east_m, north_m)
        return lon, lat, np.maximum(np.sqrt(_WEIGHT_UNIT / self.weight), FLOOR_M)

    def take(self, idx: Ints | Flags) -> "Runs":
        return Runs(*(getattr(self, field.name)[idx] for field in fields(self)))

    def table(self) -> pa.Table:
        """As an Arrow table, one column per field."""
        return pa.table({field.name: pa.array(getattr(self, field.name)) for field in fields(self)})

    @classmethod
    def of(cls, table: pa.Table) -> "Runs":
        """From `table()`."""
        return cls(
            *(
                np.asarray(table.column(field.name).combine_chunks().to_numpy(zero_copy_only=False))
                for field in fields(cls)
            )
        )

    @classmethod
    def none(cls) -> "Runs":
        empty = {"Ints": np.int64, "Reals": np.float64, "Flags": np.bool_}
        return cls(*(np.zeros(0, dtype=empty[_type_name(field.type)]) for field in fields(cls)))


def grow(
    runs: Runs, agreement: Agreement, ordinal: Ints, time_ns: Ints, lon: Reals, lat: Reals, sigma_m: Reals
) -> tuple[Runs, Ints]:
    """Adds events (in canonical order, none earlier than those before) and tells each one's run.

    Returns the runs and (n,) int64, the `run` of every event.
    """
    if not len(ordinal):
        return runs, np.zeros(0, dtype=np.int64)
    square = geometry.bin_of(lon, lat)
    order = np.argsort(square, kind="stable")
    square_s, time_s, ordinal_s = square[order], time_ns[order], ordinal[order]
    opens_square = np.concatenate([[True], square_s[1:] != square_s[:-1]])
    newest = _newest_of_square(runs, square_s)
    remembers = opens_square & (newest >= 0)
    before_ns = np.concatenate([[0], time_s[:-1]])
    before_ns[remembers] = runs.end_ns[newest[remembers]]
    has_before = ~opens_square | remembers
    paused = ~has_before | (time_s - before_ns > Limits.at(agreement, time_s).gap_ns)

    position = np.arange(len(time_s))
    origin = np.maximum.accumulate(np.where(paused | opens_square, position, 0))
    segment_ns = np.where(paused, time_s, np.int64(0))
    continued = remembers & ~paused
    segment_ns[continued] = runs.segment_ns[newest[continued]]
    segment_ns = segment_ns[origin]
    at_start = Limits.at(agreement, segment_ns)
    slots = time_s // at_start.slot_ns - segment_ns // at_start.slot_ns
    last_slot = segment_ns // at_start.slot_ns + 2 * (slots // 2 + 1)
    cut_ns = np.asarray(last_slot * at_start.slot_ns, dtype=np.int64)

    same_run = ~opens_square & ~paused & (cut_ns == np.concatenate([[0], cut_ns[:-1]]))
    goes_on = continued & (cut_ns == runs.cut_ns[newest] if len(runs) else continued)
    first = np.maximum.accumulate(np.where(same_run, 0, position))
    name = ordinal_s.copy()
    name[goes_on] = runs.run[newest[goes_on]]
    run_s = name[first]

    grown = _accumulate(
        runs, run_s, square_s, segment_ns, cut_ns, at_start, time_s, lon[order], lat[order], sigma_m[order]
    )
    run_of_event = np.empty_like(run_s)
    run_of_event[order] = run_s
    return grown, run_of_event


def _newest_of_square(runs: Runs, squares: Ints) -> Ints:
    """Index of the newest run of each square, -1 where there is none."""
    if not len(runs):
        return np.full(len(squares), -1, dtype=np.int64)
    order = np.lexsort((runs.run, runs.square))
    at = np.searchsorted(runs.square[order], squares, side="right") - 1
    found = order[np.maximum(at, 0)]
    return np.where((at >= 0) & (runs.square[found] == squares), found, -1)


def _accumulate(
    runs: Runs,
    run: Ints,
    square: Ints,
    segment_ns: Ints,
    cut_ns: Ints,
    limits: Limits,
    time_ns: Ints,
    lon: Reals,
    lat: Reals,
    sigma_m: Reals,
) -> Runs:
    """Adds the events' sums to known runs and appends the new ones."""
    weight = np.maximum(np.rint(_WEIGHT_UNIT / np.maximum(sigma_m, FLOOR_M) ** 2), 1.0).astype(np.int64)
    centre_lon, centre_lat = geometry.bin_centre(square)
    east_m, north_m = geometry.offsets_m(centre_lon, centre_lat, lon, lat)
    names, first, group = np.unique(run, return_index=True, return_inverse=True)

    def total(values: Ints) -> Ints:
        out = np.zeros(len(names), dtype=np.int64)
        np.add.at(out, group, values)
        return out

    end_ns = np.full(len(names), np.iinfo(np.int64).min)
    np.maximum.at(end_ns, group, time_ns)
    none, zero = np.zeros(len(names), dtype=np.bool_), np.zeros(len(names), dtype=np.int64)
    fresh = Runs(
        run=names,
        square=square[first],
        segment_ns=segment_ns[first],
        cut_ns=cut_ns[first],
        start_ns=time_ns[first],
        end_ns=end_ns,
        weight=total(weight),
        weight_east=total(weight * np.rint(east_m * 10).astype(np.int64)),
        weight_north=total(weight * np.rint(north_m * 10).astype(np.int64)),
        gap_ns=limits.gap_ns[first],
        move_m=limits.move_m[first],
        k_sigma=limits.k_sigma[first],
        limit_m=limits.limit_m[first],
        is_settled=none,
        is_root=none,
        is_left=none,
        is_root_of_left=none,
        leader=names,
        root_known_ns=zero,
        left_known_ns=zero,
        second_known_ns=zero,
        leader_known_ns=zero,
        is_emitted=none,
    )
    known = np.isin(names, runs.run)
    at = np.searchsorted(runs.run, names[known])
    summed = {}
    for name in ("weight", "weight_east", "weight_north"):
        values = getattr(runs, name).copy()
        values[at] += getattr(fresh, name)[known]
        summed[name] = values
    ends = runs.end_ns.copy()
    ends[at] = np.maximum(ends[at], fresh.end_ns[known])
    older, added = replace(runs, end_ns=ends, **summed), fresh.take(~known)
    return Runs(*(np.concatenate([getattr(older, f.name), getattr(added, f.name)]) for f in fields(Runs)))


def _type_name(kind: object) -> str:
    return {Ints: "Ints", Reals: "Reals", Flags: "Flags"}[kind]  # type: ignore[index]  # the three aliases above
