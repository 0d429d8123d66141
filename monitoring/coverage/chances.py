"""Chances of single sensors at single cells, and what they amount to together.

Sensors that one cause can take out together are not multiplied as if they were independent. Three levels, each a
cause that nobody tells us of: sensors of one kind and host (`reach.HOST_PROB`), sensors of one kind whatever their
host (`reach.CAUSES`: fog, wind, ...), and everything at a place (`reach.NETWORK_PROB`). With p of single sensors,

    host group   g = (1 - host)    * (1 - product of (1 - p))
    kind group   k = (1 - cause)   * (1 - product of (1 - g))
    together     P = (1 - network) * (1 - product of (1 - k))

so that any number of cameras stays below (1 - network) (1 - fog) (1 - host).
"""

from typing import Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

from monitoring.coverage import reach
from monitoring.coverage.line_points import LineCells

Reals = NDArray[np.float64]
Indices = NDArray[np.int64]
Flags = NDArray[np.bool_]

HOSTS: Final = ("A", "B", None)
_GROUPS: Final = len(reach.CAUSE_NAMES) * len(HOSTS)


class Observers(NamedTuple):
    """Sensors at places, columns of shape (n,): type, host (position in `HOSTS`), degrees, scale of the type's
    distances, chance of one look close by, and field of view (NaN or 360 = all round)."""

    type_idx: Indices
    host_idx: Indices
    lon: Reals
    lat: Reals
    scale: Reals
    best_prob: Reals
    fov_azimuth_deg: Reals
    fov_width_deg: Reals

    def taken(self, idx: Indices) -> "Observers":
        """Those at these positions."""
        return Observers(
            self.type_idx[idx],
            self.host_idx[idx],
            self.lon[idx],
            self.lat[idx],
            self.scale[idx],
            self.best_prob[idx],
            self.fov_azimuth_deg[idx],
            self.fov_width_deg[idx],
        )


class Pairs(NamedTuple):
    """Chances of observers at cells, columns of shape (k,), by observer."""

    observer: Indices
    cell: Indices
    prob: Reals


def pairs_of(observers: Observers, cells: LineCells) -> Pairs:
    """Every observer with every cell at which it may notice something."""
    x, y = cells.frame.forward(observers.lon, observers.lat)
    is_placed = np.isfinite(x) & np.isfinite(y)
    at = np.nan_to_num(x * cells.axis[0] + y * cells.axis[1])
    found = []
    for kind in range(len(reach.NAMES)):
        half_m = np.where(is_placed, reach.HALF_M[observers.type_idx, kind] * observers.scale, 0.0)
        able = np.flatnonzero(half_m > 0)
        begin, end = cells.begin[kind : kind + 2]
        first, last = (
            np.searchsorted(cells.along[begin:end], at[able] + side * reach.CUT * half_m[able]) + begin
            for side in (-1.0, 1.0)
        )
        count = last - first
        observer = np.repeat(able, count)
        cell = np.arange(len(observer)) + np.repeat(first - (np.cumsum(count) - count), count)
        distance_m = np.hypot(cells.x[cell] - x[observer], cells.y[cell] - y[observer])
        near = np.flatnonzero(distance_m <= reach.CUT * half_m[observer])
        near = near[_is_in_view(observers, cells, observer[near], cell[near])]
        observer, cell = observer[near], cell[near]
        best, looks = observers.best_prob[observer], reach.LOOKS[kind]
        found.append((observer, cell, reach.chance(distance_m[near], half_m[observer], best, looks)))
    observer, cell, prob = (np.concatenate(columns) for columns in zip(*found, strict=True))
    order = np.argsort(observer, kind="stable")
    return Pairs(observer[order], cell[order], prob[order])


def _is_in_view(observers: Observers, cells: LineCells, observer: Indices, cell: Indices) -> Flags:
    """Whether the cell lies within the observer's field of view, by the bearing from true north. Shape (k,)."""
    is_inside = np.ones(len(observer), dtype=bool)
    with np.errstate(invalid="ignore"):
        is_sector = (observers.fov_width_deg < 360.0) & np.isfinite(observers.fov_azimuth_deg)
    at = np.flatnonzero(is_sector[observer])
    observer, cell = observer[at], cell[at]
    lat = observers.lat[observer]
    east = (cells.lon[cell] - observers.lon[observer] + 180.0) % 360.0 - 180.0
    middle = np.radians((lat + cells.lat[cell]) / 2.0)
    bearing = np.degrees(np.arctan2(east * np.cos(middle), cells.lat[cell] - lat))
    off_axis = np.abs((bearing - observers.fov_azimuth_deg[observer] + 180.0) % 360.0 - 180.0)
    is_inside[at] = off_axis <= observers.fov_width_deg[observer] / 2.0
    return is_inside


def group_of(observers: Observers) -> Indices:
    """The group, by kind and host, of each observer (n,)."""
    return np.asarray(reach.CAUSE_IDX[observers.type_idx] * len(HOSTS) + observers.host_idx, dtype=np.int64)


class Grouping:
    """Pairs of observers and cells, sorted once, for being combined again and again."""

    def __init__(self, pairs: Pairs, group: Indices, cell_count: int) -> None:
        self._cell_count = cell_count
        self._cells_of = pairs.cell
        self._begin_of = np.searchsorted(pairs.observer, np.arange(len(group) + 1))
        key = pairs.cell * _GROUPS + group[pairs.observer]
        order = np.argsort(key, kind="stable")
        self._key, self._observer, self._prob = key[order], pairs.observer[order], pairs.prob[order]
        self._log_miss = np.log1p(-self._prob)
        self._begin_at = np.searchsorted(self._key, np.arange(cell_count + 1) * _GROUPS)
        self._remembered: tuple[Reals, Reals] | None = None

    def miss(self, factor: Reals) -> Reals:
        """Chance that all kinds of sensors miss a happening, shape (cells,), before what befalls everything.

        `factor`: what is left of each observer's chances (0 = not working), shape (observers,). Only cells near
        observers that differ from the last call are worked out anew.
        """
        if self._remembered is None:
            chosen, miss = np.arange(len(self._key)), np.ones(self._cell_count)
        else:
            before, known = self._remembered
            changed = np.zeros(self._cell_count, dtype=bool)
            changed[self._cells_of[_ranges(self._begin_of, np.flatnonzero(factor != before))]] = True
            chosen, miss = _ranges(self._begin_at, np.flatnonzero(changed)), known.copy()
        if len(chosen):
            left = factor[self._observer[chosen]]
            log_miss = np.where(left == 1.0, self._log_miss[chosen], 0.0)
            part = np.flatnonzero((left > 0.0) & (left < 1.0))
            log_miss[part] = np.log1p(-self._prob[chosen[part]] * left[part])
            cell, missed = _combined(self._key[chosen], log_miss)
            miss[cell] = missed
        self._remembered = factor.copy(), miss
        return miss


def missed_at(pairs: Pairs, group: Indices, factor: Reals) -> tuple[Indices, Reals]:
    """Cells that observers reach, ascending, and the chance that all of them miss a happening there.

    As `Grouping.miss`, for observers that are combined once only.
    """
    key = pairs.cell * _GROUPS + group[pairs.observer]
    order = np.argsort(key, kind="stable")
    log_miss = np.log1p(-pairs.prob * factor[pairs.observer])
    return _combined(key[order], log_miss[order])


def _ranges(begin: Indices, chosen: Indices) -> Indices:
    """All positions from `begin[i]` to before `begin[i + 1]`, for each chosen i."""
    first = begin[chosen]
    count = begin[chosen + 1] - first
    return np.asarray(np.arange(count.sum()) + np.repeat(first - (np.cumsum(count) - count), count))


def _combined(key: Indices, log_miss: Reals) -> tuple[Indices, Reals]:
    """Cells and the chance that all miss there, of sorted keys (cell, cause, host) and log(1 - p) of each pair."""
    hosted = np.flatnonzero(np.diff(key, prepend=-1))
    g = (1.0 - reach.HOST_PROB) * -np.expm1(np.add.reduceat(log_miss, hosted))
    kind_key = key[hosted] // len(HOSTS)
    kinds = np.flatnonzero(np.diff(kind_key, prepend=-1))
    causes = len(reach.CAUSE_NAMES)
    keep = 1.0 - reach.CAUSE_PROB[kind_key[kinds] % causes]
    k = keep * -np.expm1(np.add.reduceat(np.log1p(-g), kinds))
    cell = kind_key[kinds] // causes
    cells = np.flatnonzero(np.diff(cell, prepend=-1))
    return cell[cells], np.exp(np.add.reduceat(np.log1p(-k), cells))


def all_miss(cell: Indices, group: Indices, prob: Reals, cell_count: int) -> Reals:
    """Chance that all kinds of sensors miss a happening, shape (cells,), of chances by cell and group, each (k,)."""
    miss = np.ones(cell_count)
    if len(cell):
        key = cell * _GROUPS + group
        order = np.argsort(key, kind="stable")
        at, missed = _combined(key[order], np.log1p(-prob[order]))
        miss[at] = missed
    return miss


def together(miss: Reals) -> Reals:
    """Chance that a happening is noticed, of the chance that all kinds of sensors miss it."""
    return np.asarray((1.0 - reach.NETWORK_PROB) * (1.0 - miss))
