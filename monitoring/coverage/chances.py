"""Chances of single sensors at single cells, and what they amount to together.

Sensors that one cause can take out together are not multiplied as if they were independent. Three levels, each a
cause that nobody tells us of: sensors of one kind and host (`reach.HOST_PROB`), sensors of one kind whatever their
host (`reach.CAUSES`: fog, wind, ...), and everything at a place (`reach.NETWORK_PROB`). With p of single sensors,

    host group   g = (1 - host)    * (1 - product of (1 - p))
    kind group   k = (1 - cause)   * (1 - product of (1 - g))
    together     P = (1 - network) * (1 - product of (1 - k))

so that any number of cameras stays below (1 - network) (1 - fog) (1 - host).
"""

from itertools import pairwise
from threading import Lock
from typing import Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

from monitoring.coverage import reach
from monitoring.coverage.line_points import LineCells
from monitoring.coverage.ordering import ranges, spans, stable_order, starts

Reals = NDArray[np.float64]
Indices = NDArray[np.int64]
Flags = NDArray[np.bool_]

HOSTS: Final = ("A", "B", None)
_GROUPS: Final = len(reach.CAUSE_NAMES) * len(HOSTS)
_BESIDE_EACH_OTHER: Final = tuple(
    np.flatnonzero(far_m == reach.OFFSET_M).tolist() for far_m in np.unique(reach.OFFSET_M)
)
"""Kinds of happening by how far from the line they are taken to happen: those of one list share their places, so how
far these are and whether they are in view is worked out once."""


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
    """Chances of observers at cells, columns of shape (k,)."""

    observer: Indices
    cell: Indices
    prob: Reals


def pairs_of(observers: Observers, cells: LineCells) -> Pairs:
    """Every observer with every cell at which it may notice something; those of a cell by observer."""
    x, y = cells.frame.forward(observers.lon, observers.lat)
    half_m = reach.HALF_M.T[:, observers.type_idx] * observers.scale
    half_m[:, ~(np.isfinite(x) & np.isfinite(y))] = 0.0
    limit_m = np.where(half_m > 0, reach.CUT * half_m, -1.0)
    found = [(np.zeros(0, dtype=np.int64), np.zeros(0, dtype=np.int64), np.zeros(0))]
    for beside in _BESIDE_EACH_OTHER:
        kinds = [kind for kind in beside if (limit_m[kind] > 0).any()]
        if not kinds:
            continue
        observer, place, distance_m = _near(observers, x, y, limit_m[kinds].max(axis=0), cells, kinds[0])
        for kind in kinds:
            own = np.flatnonzero(distance_m <= limit_m[kind].take(observer))
            who = observer.take(own)
            half, best = half_m[kind].take(who), observers.best_prob.take(who)
            prob = reach.chance(distance_m.take(own), half, best, reach.LOOKS[kind])
            found.append((who, place.take(own) + cells.begin[kind], prob))
    return Pairs(*(np.concatenate(column) for column in zip(*found, strict=True)))


def _near(
    observers: Observers, x: Reals, y: Reals, limit_m: Reals, cells: LineCells, kind: int
) -> tuple[Indices, Indices, Reals]:
    """Observers at `x`, `y` and the places of a kind of happening (counted from the kind's first cell) that lie in
    view and about within each one's limit, with their distance, by observer. Columns of shape (k,)."""
    able = np.flatnonzero(limit_m > 0)
    at = x[able] * cells.axis[0] + y[able] * cells.axis[1]
    begin, end = cells.begin[kind : kind + 2]
    first, last = (
        np.searchsorted(cells.along[begin:end], at + side * limit_m[able]) + begin for side in (-1.0, 1.0)
    )
    observer, cell = np.repeat(able, last - first), spans(first, last)
    dx, dy = cells.x.take(cell) - x.take(observer), cells.y.take(cell) - y.take(observer)
    # A little wide, so that the distance itself decides: to square is cheaper than to measure what lies far off.
    near = np.flatnonzero(dx * dx + dy * dy <= (limit_m * limit_m * (1.0 + 1e-9)).take(observer))
    observer, cell, dx, dy = observer.take(near), cell.take(near), dx.take(near), dy.take(near)
    is_inside = _is_in_view(observers, cells, observer, cell)
    if not is_inside.all():
        observer, cell, dx, dy = observer[is_inside], cell[is_inside], dx[is_inside], dy[is_inside]
    return observer, cell - begin, np.hypot(dx, dy)


def by_observer(pairs: Pairs) -> Pairs:
    """The pairs sorted by observer, those of one observer in their order."""
    order = stable_order(pairs.observer)
    return Pairs(pairs.observer[order], pairs.cell[order], pairs.prob[order])


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


class Nest(NamedTuple):
    """Where groups begin, the end included: host groups among pairs, kind groups among host groups, cells among kind
    groups; what is left to each kind group by its cause, and which cell each is."""

    hosted: Indices
    kinds: Indices
    cells: Indices
    keep: Reals
    cell: Indices


class Grouping:
    """Pairs of observers and cells, sorted once, for being combined again and again.

    Pairs, given by observer, are nested: those of one cell, kind and host are a host group, those of one cell and
    kind a kind group. What each group came to is remembered, so that only groups with an observer that has changed
    are worked out anew.
    """

    def __init__(self, pairs: Pairs, group: Indices, cell_count: int) -> None:
        key = pairs.cell * _GROUPS + group[pairs.observer]
        order = stable_order(key)
        self._observer, self._prob = pairs.observer[order], pairs.prob[order]
        self._log_miss = np.log1p(-self._prob)
        self._nest = _nest(key[order])
        hosted_of = np.empty(len(order), dtype=np.int64)
        hosted_of[order] = _owner(self._nest.hosted)
        self._hosted_of = hosted_of  # of each pair as given, by observer
        self._begin_of = np.searchsorted(pairs.observer, np.arange(len(group) + 1))
        self._kind_of = _owner(self._nest.kinds)
        self._cell_of = _owner(self._nest.cells)
        # The sums of logarithms that no observer at work comes to, and the cells that nobody sees.
        self._factor = np.zeros(len(group))
        self._log_hosted = np.zeros(len(self._nest.hosted) - 1)
        self._log_kinds = np.zeros(len(self._nest.kinds) - 1)
        self._miss = np.ones(cell_count)
        self._lock = Lock()

    def miss(self, factor: Reals) -> Reals:
        """Chance that all kinds of sensors miss a happening, shape (cells,), before what befalls everything.

        `factor`: what is left of each observer's chances (0 = not working), shape (observers,).
        """
        with self._lock:  # what is remembered is shared by all who ask about the same sensors
            changed = np.flatnonzero(factor != self._factor)
            if len(changed):
                hosted = _marked(self._hosted_of[ranges(self._begin_of, changed)], len(self._log_hosted))
                self._work_out(hosted, factor)
                self._factor = factor.copy()
            return self._miss.copy()

    def _work_out(self, hosted: Indices, factor: Reals) -> None:
        """Some host groups, and what they are part of."""
        nest = self._nest
        chosen = ranges(nest.hosted, hosted)
        left = factor.take(self._observer.take(chosen))
        log_miss = np.where(left == 1.0, self._log_miss.take(chosen), 0.0)
        part = np.flatnonzero((left > 0.0) & (left < 1.0))
        log_miss[part] = np.log1p(-self._prob[chosen[part]] * left[part])
        self._log_hosted[hosted] = _of_hosts(_sums(log_miss, nest.hosted, hosted))
        kinds = _marked(self._kind_of[hosted], len(self._log_kinds))
        own = self._log_hosted[ranges(nest.kinds, kinds)]
        self._log_kinds[kinds] = _of_kinds(_sums(own, nest.kinds, kinds), nest.keep[kinds])
        cells = _marked(self._cell_of[kinds], len(nest.cell))
        own = self._log_kinds[ranges(nest.cells, cells)]
        self._miss[nest.cell[cells]] = np.exp(_sums(own, nest.cells, cells))


class Nested(NamedTuple):
    """Pairs of observers that are combined once or twice only, put in order: observer and chance of each (k,)."""

    observer: Indices
    prob: Reals
    nest: Nest

    def missed(self, factor: Reals) -> tuple[Indices, Reals]:
        """Cells that the observers reach, ascending, and the chance that all of them miss a happening there.

        `factor`: as for `Grouping.miss`.
        """
        return self.nest.cell, _missed(self.nest, np.log1p(-self.prob * factor[self.observer]))


def nested(pairs: Pairs, group: Indices, part: Indices, count: int, cell_count: int) -> list[Nested]:
    """Of each of `count` parts of some observers its pairs; `part` (observers,) tells which each observer is of."""
    key = (part[pairs.observer] * cell_count + pairs.cell) * _GROUPS + group[pairs.observer]
    order = stable_order(key)
    key, observer, prob = key[order], pairs.observer[order], pairs.prob[order]
    bounds = np.searchsorted(key, np.arange(count + 1) * (cell_count * _GROUPS)).tolist()
    first = np.searchsorted(part, np.arange(count))
    return [
        Nested(
            observer[begin:end] - first[i],
            prob[begin:end],
            _nest(key[begin:end] - i * (cell_count * _GROUPS)),
        )
        for i, (begin, end) in enumerate(pairwise(bounds))
    ]


def _nest(key: Indices) -> Nest:
    """Of sorted keys (cell, cause, host) of pairs."""
    hosted = starts(key)
    kind_key = key[hosted] // len(HOSTS)
    kinds = starts(kind_key)
    causes = len(reach.CAUSE_NAMES)
    keep = 1.0 - reach.CAUSE_PROB[kind_key[kinds] % causes]
    cell = kind_key[kinds] // causes
    cells = starts(cell)
    return Nest(
        np.append(hosted, len(key)),
        np.append(kinds, len(hosted)),
        np.append(cells, len(kinds)),
        keep,
        cell[cells],
    )


def _of_hosts(log_miss: Reals) -> Reals:
    """log(1 - g) of host groups, of the sums of log(1 - p) of their sensors."""
    return np.log1p(-((1.0 - reach.HOST_PROB) * -np.expm1(log_miss)))


def _of_kinds(log_miss: Reals, keep: Reals) -> Reals:
    """log(1 - k) of kind groups, of the sums of log(1 - g) of their host groups and what their causes leave."""
    return np.log1p(-(keep * -np.expm1(log_miss)))


def _missed(nest: Nest, log_miss: Reals) -> Reals:
    """Chance that all miss at each cell of the nest, of log(1 - p) of each pair."""
    if not len(log_miss):
        return np.zeros(0)
    of_hosts = _of_hosts(np.add.reduceat(log_miss, nest.hosted[:-1]))
    of_kinds = _of_kinds(np.add.reduceat(of_hosts, nest.kinds[:-1]), nest.keep)
    return np.exp(np.add.reduceat(of_kinds, nest.cells[:-1]))


def _sums(values: Reals, begin: Indices, chosen: Indices) -> Reals:
    """Sums over some groups, none empty, whose members' values stand one behind the other."""
    count = begin[chosen + 1] - begin[chosen]
    return np.add.reduceat(values, np.cumsum(count) - count)


def _owner(begin: Indices) -> Indices:
    """The group of each member, by where groups begin."""
    return np.repeat(np.arange(len(begin) - 1), np.diff(begin))


def _marked(idx: Indices, count: int) -> Indices:
    """Each position that is named, once, ascending."""
    is_named = np.zeros(count, dtype=bool)
    is_named[idx] = True
    return np.flatnonzero(is_named)


def all_miss(cell: Indices, group: Indices, prob: Reals, cell_count: int) -> Reals:
    """Chance that all kinds of sensors miss a happening, shape (cells,), of chances by cell and group, each (k,)."""
    miss = np.ones(cell_count)
    if len(cell):
        key = cell * _GROUPS + group
        order = stable_order(key)
        nest = _nest(key[order])
        miss[nest.cell] = _missed(nest, np.log1p(-prob[order]))
    return miss


def together(miss: Reals) -> Reals:
    """Chance that a happening is noticed, of the chance that all kinds of sensors miss it."""
    return np.asarray((1.0 - reach.NETWORK_PROB) * (1.0 - miss))
