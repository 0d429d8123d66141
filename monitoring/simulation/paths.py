"""Many paths in flat arrays, where everything is asked at once: where is object i at time t, is t inside an
interval that belongs to i.

Times are seconds since the scenario's start, float64. A search among all paths is one search in one sorted
key (owner and time folded into a number), so there is no loop over objects.
"""

from typing import Final

import numpy as np
from numpy.typing import NDArray

Reals = NDArray[np.float64]
Indices = NDArray[np.int64]

SPAN_S: Final = 1e7
"""More than any scenario lasts (115 days): the distance between two owners' keys."""


def spread(count: Indices) -> tuple[Indices, Indices]:
    """Of each of `count[i]` members of i: i, and the member's number from 0; shapes (sum of `count`,).

    >>> spread(np.array([2, 0, 1]))
    (array([0, 0, 2]), array([0, 1, 0]))
    """
    of = np.repeat(np.arange(len(count)), count)
    return of, np.arange(len(of)) - np.repeat(np.cumsum(count) - count, count)


class Paths:
    """Straight legs between timed places. `owner` rises, `t` rises within an owner; shapes (v,).

    `fastest_mps`: the greatest speed that an owner ever has, shape (count,).
    """

    def __init__(self, owner: Indices, t: Reals, x: Reals, y: Reals, count: int) -> None:
        self.t, self.x, self.y, self.count = t, x, y, count
        self.owner = owner
        self.first = np.searchsorted(owner, np.arange(count))
        self.last = np.searchsorted(owner, np.arange(count), side="right") - 1
        self.start_s = t[self.first] if count else np.empty(0)
        self.end_s = t[self.last] if count else np.empty(0)
        self._key = owner * SPAN_S + t
        self._last_leg = np.maximum(self.last - 1, self.first)
        after = np.minimum(np.arange(len(t)) + 1, self.last[owner])
        self._span_s = np.maximum(t[after] - t, 1e-6)
        self._go_x, self._go_y = x[after] - x, y[after] - y
        self.fastest_mps = np.zeros(count)
        np.maximum.at(self.fastest_mps, owner, np.hypot(self._go_x, self._go_y) / self._span_s)

    def leg(self, owner: Indices, t: Reals) -> Indices:
        """Position of the vertex that begins the leg on which `owner` is at `t` (clipped to the path)."""
        idx = np.searchsorted(self._key, owner * SPAN_S + t, side="right") - 1
        return np.clip(idx, self.first[owner], self._last_leg[owner])

    def at(self, owner: Indices, t: Reals) -> tuple[Reals, Reals, Reals, Reals]:
        """x, y (m) and velocity (m/s) of `owner` at `t`, shapes (n,); a path's ends hold beyond it."""
        leg = self.leg(owner, t)
        return *self.on_leg(leg, t), *self.velocity(leg)

    def on_leg(self, leg: Indices, t: Reals) -> tuple[Reals, Reals]:
        """x, y (m) at `t` on the legs that `leg` gave, shapes (n,)."""
        part = np.clip((t - self.t[leg]) / self._span_s[leg], 0.0, 1.0)
        return self.x[leg] + part * self._go_x[leg], self.y[leg] + part * self._go_y[leg]

    def velocity(self, leg: Indices) -> tuple[Reals, Reals]:
        """Velocity to x and y (m/s) on legs, shapes (n,)."""
        return self._go_x[leg] / self._span_s[leg], self._go_y[leg] / self._span_s[leg]


def from_routes(
    owner: Indices, x: Reals, y: Reals, pause_s: Reals, start_s: Reals, speed_mps: Reals
) -> Paths:
    """Paths through places at a speed per owner; `pause_s[i]` is spent at place i. Shapes (v,) and
    (owners,).
    """
    count = len(start_s)
    length = np.hypot(np.diff(x, prepend=x[:1]), np.diff(y, prepend=y[:1]))
    is_first = np.diff(owner, prepend=-1) != 0
    length[is_first] = 0.0
    travel = length / speed_mps[owner]
    # A pause is a second vertex at the same place.
    repeats = np.where(pause_s > 0, 2, 1)
    source = np.repeat(np.arange(len(x)), repeats)
    is_second = np.diff(source, prepend=-1) == 0
    spent = np.where(is_second, pause_s[source], travel[source])
    running = np.cumsum(spent)
    new_owner = owner[source]
    begin = np.searchsorted(new_owner, np.arange(count))
    t = running - running[begin][new_owner] + start_s[new_owner]
    return Paths(new_owner, t, x[source], y[source], count)


class Intervals:
    """Intervals [start, end) with an owner each, not overlapping within an owner. Shapes (k,)."""

    def __init__(self, owner: Indices, start_s: Reals, end_s: Reals) -> None:
        order = np.lexsort((start_s, owner))
        self.owner = owner[order].astype(np.int64)
        self.start_s, self.end_s = start_s[order], end_s[order]
        self.order = order
        self._key = self.owner * SPAN_S + self.start_s
        self._has_some = np.zeros(int(self.owner.max(initial=-1)) + 1, dtype=bool)
        self._has_some[self.owner] = True

    def __len__(self) -> int:
        return len(self.owner)

    def may_own(self, owner: Indices) -> NDArray[np.bool_]:
        """Whether each of `owner` has an interval at all, shape (n,); those above the last that has one may."""
        return self._has_some.take(owner, mode="clip") if len(self) else np.zeros(len(owner), dtype=bool)

    def find(self, owner: Indices, t: Reals) -> Indices:
        """Position of the interval of `owner` that contains `t`, -1 where there is none. Shape (n,).

        >>> out = Intervals(np.array([0, 1]), np.array([5.0, 7.0]), np.array([6.0, 9.0]))
        >>> out.find(np.array([0, 1, 1]), np.array([5.5, 8.0, 9.0]))
        array([ 0,  1, -1])
        """
        found = np.full(len(owner), -1, dtype=np.int64)
        if not len(self):
            return found
        some = np.flatnonzero(self.may_own(owner))
        owner, t = owner[some], t[some]
        idx = np.searchsorted(self._key, owner * SPAN_S + t, side="right") - 1
        clipped = np.maximum(idx, 0)
        is_in = (idx >= 0) & (self.owner[clipped] == owner) & (t < self.end_s[clipped])
        found[some] = np.where(is_in, clipped, -1)
        return found


def merged(owner: Indices, start_s: Reals, end_s: Reals, gap_s: float) -> tuple[Indices, Reals, Reals]:
    """The same intervals with those of one owner joined where no more than `gap_s` lies between them."""
    if not len(owner):
        return owner.astype(np.int64), start_s, end_s
    order = np.lexsort((start_s, owner))
    owner, start_s, end_s = owner[order].astype(np.int64), start_s[order], end_s[order]
    # Ends are folded with their owner so that the running maximum restarts by itself at each owner.
    reach = np.maximum.accumulate(owner * SPAN_S + end_s)
    is_new = np.ones(len(owner), dtype=bool)
    is_new[1:] = (owner[1:] != owner[:-1]) | (owner[1:] * SPAN_S + start_s[1:] > reach[:-1] + gap_s)
    first = np.flatnonzero(is_new)
    last = np.append(first[1:], len(owner)) - 1
    return owner[first], start_s[first], reach[last] - owner[last] * SPAN_S


def below_zero(owner: Indices, t: Reals, value: Reals) -> tuple[Indices, Reals, Reals]:
    """Intervals in which a sampled value is negative, their ends interpolated. Samples sorted by owner,
    then t.
    """
    is_in = value < 0
    same = np.zeros(len(owner), dtype=bool)
    same[1:] = owner[1:] == owner[:-1]
    before = np.zeros(len(owner), dtype=bool)
    before[1:] = is_in[:-1] & same[1:]
    begins = np.flatnonzero(is_in & ~before)
    after = np.zeros(len(owner), dtype=bool)
    after[:-1] = is_in[1:] & same[1:]
    ends = np.flatnonzero(is_in & ~after)
    start_s = _crossing(t, value, begins - 1, begins, same[begins])
    next_idx = np.minimum(ends + 1, len(owner) - 1)
    has_next = np.zeros(len(ends), dtype=bool)
    has_next[:] = (ends + 1 < len(owner)) & same[next_idx]
    end_s = np.where(has_next, _crossing(t, value, ends, next_idx, has_next), t[ends])
    return owner[begins].astype(np.int64), start_s, end_s


def _crossing(t: Reals, value: Reals, left: Indices, right: Indices, is_pair: NDArray[np.bool_]) -> Reals:
    left = np.maximum(left, 0)
    span = value[right] - value[left]
    part = np.divide(-value[left], span, out=np.zeros(len(left)), where=span != 0)
    between = t[left] + np.clip(part, 0.0, 1.0) * (t[right] - t[left])
    return np.where(is_pair, between, t[right])
