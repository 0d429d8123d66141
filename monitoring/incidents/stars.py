"""Stars: which runs are one activity, decided locally in a fixed number of rounds.

Runs are *adjacent* when their mean places agree within the move that the agreement allows plus their joint error
(never beyond its limit) and neither a pause nor a cut lies between them. Then

1. a run without an earlier adjacent run is a *root*; the others follow the nearest adjacent root;
2. runs that no root is adjacent to are *left*; among them the same is done once more;
3. whoever is left still stands alone.

So an activity is one run and runs beside it: it cannot chain, however long and wide a barrage is. What a run
becomes depends on runs at most five adjacencies away, which bounds both the halo that a cell must see (`HALO_M`
in `step`) and the wait: every decision carries the time from which nothing can change it any more.
"""

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from monitoring.incidents import geometry
from monitoring.incidents.runs import Flags, Ints, Reals, Runs


@dataclass(frozen=True)
class Neighbours:
    """Ordered pairs (`i`, `j`) of runs that may come to be adjacent; arrays (p,).

    `is_adjacent` by their means as they are now, `score` = distance as part of the gate.
    """

    i: Ints
    j: Ints
    is_adjacent: Flags
    score: Reals


def neighbours(runs: Runs) -> Neighbours:
    """Pairs of runs in different squares that touch in time and, by their squares, may touch in place."""
    if len(runs) < 2:
        none = np.zeros(0, dtype=np.int64)
        return Neighbours(none, none, np.zeros(0, dtype=np.bool_), np.zeros(0))
    lon, lat = geometry.bin_centre(runs.square)
    reach_m = float(np.max(runs.limit_m)) + geometry.BIN_M * 2**0.5
    i, j = geometry.pairs_within(lon, lat, reach_m)
    earlier, later = np.minimum(i, j), np.maximum(i, j)  # runs stand in the order of their first events
    touches = (runs.start_ns[later] - runs.end_ns[earlier] <= runs.gap_ns[earlier]) & (
        runs.start_ns[later] < runs.cut_ns[earlier]
    )
    touches &= runs.square[i] != runs.square[j]
    east, north = geometry.offsets_m(lon[i], lat[i], lon[j], lat[j])
    touches &= np.hypot(east, north) <= runs.limit_m[earlier] + geometry.BIN_M * 2**0.5
    i, j, earlier = i[touches], j[touches], earlier[touches]
    mean_lon, mean_lat, sigma_m = runs.mean()
    east, north = geometry.offsets_m(mean_lon[i], mean_lat[i], mean_lon[j], mean_lat[j])
    gate_m = np.minimum(
        runs.move_m[earlier] + runs.k_sigma[earlier] * np.hypot(sigma_m[i], sigma_m[j]), runs.limit_m[earlier]
    )
    score = np.hypot(east, north) / gate_m
    return Neighbours(i, j, score <= 1.0, score)


def decide(runs: Runs, near: Neighbours) -> tuple[Runs, Ints]:
    """Makes the four decisions for every run that is not settled yet.

    Returns the runs and (n,) int64: the time from which the activity led by each run is complete.
    """
    count, settled = len(runs), runs.is_settled
    i, j, earlier = near.i, near.j, near.j < near.i
    adjacent, ahead = near.is_adjacent, near.is_adjacent & earlier

    is_root = np.where(settled, runs.is_root, ~_any(ahead, i, count))
    sees_root = _any(ahead & is_root[j], i, count)
    is_left = np.where(settled, runs.is_left, ~is_root & ~sees_root)
    second = np.where(settled, runs.is_root_of_left, is_left & ~_any(ahead & is_left[j], i, count))

    leads = adjacent & earlier & (is_root[j] | (is_left[i] & second[j]))
    leads &= ~(is_root | second)[i]
    leader = np.arange(count)
    pick = np.flatnonzero(leads)
    pick = pick[np.lexsort((j[pick], near.score[pick], i[pick]))]
    first = (
        np.concatenate([[True], i[pick][1:] != i[pick][:-1]]) if len(pick) else np.zeros(0, dtype=np.bool_)
    )
    leader[i[pick[first]]] = j[pick[first]]
    leader_name = np.where(settled, runs.leader, runs.run[leader] if count else runs.leader)

    root_known = _latest(runs.close_ns, i[earlier], j[earlier], settled, runs.root_known_ns)
    left_known = _latest(root_known, i[earlier], j[earlier], settled, runs.left_known_ns)
    second_known = _latest(left_known, i[earlier], j[earlier], settled, runs.second_known_ns)
    leader_known = _latest(second_known, i[earlier], j[earlier], settled, runs.leader_known_ns)
    complete_ns = _latest(leader_known, i, j, np.zeros(count, dtype=np.bool_), leader_known)
    decided = replace(
        runs,
        is_root=is_root,
        is_left=is_left,
        is_root_of_left=second,
        leader=leader_name,
        root_known_ns=root_known,
        left_known_ns=left_known,
        second_known_ns=second_known,
        leader_known_ns=leader_known,
    )
    return decided, complete_ns


def still_needed(runs: Runs, near: Neighbours, until_ns: int) -> Flags:
    """Runs that a run not yet published, or one still to come, may need; the others can be forgotten."""
    return ~runs.is_emitted | (runs.close_ns >= until_ns) | _any(~runs.is_emitted[near.j], near.i, len(runs))


def _any(mask: NDArray[np.bool_], i: Ints, count: int) -> Flags:
    out = np.zeros(count, dtype=np.bool_)
    out[i[mask]] = True
    return out


def _latest(known: Ints, i: Ints, j: Ints, settled: Flags, stored: Ints) -> Ints:
    """Each run's own time or the latest of its neighbours' (`stored` where it is settled)."""
    out = known.copy()
    np.maximum.at(out, i, known[j])
    return np.where(settled, stored, out)
