"""Which tracks are one object: by where both were at common times, and by one beginning where another ends.

Two tracks of different sensors that overlap in time are compared where both were: the squared Mahalanobis
distance of their places, averaged over the common times. Errors that a track's fixes share do not average out, so
no number of common fixes makes the gate narrower. It must hold in the first and in the second half of the common
time, else the two only met. Two tracks of one sensor at one time are two objects.

A track that begins where, and soon after, another one ends goes on from it: the way between them is compared
with what the mean of both velocities would have made of it; how little that says grows with the gap. Where the
sensor has many other tracks, it must be likelier than that one of them begins there by chance.

In a crowd several tracks pass the gate. Of those of one sensor the nearest is taken, and only if of the first
sensor's tracks none is nearer to it (mutual choice). Classes of different media (ground, air, water) and the
affiliations of different hands exclude each other.
"""

from collections.abc import Sequence
from functools import cached_property
from typing import Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

from monitoring import schema
from monitoring.incidents.sketchbook import WINDOW_NS, Sketchbook
from monitoring.tracks.sketches import SLOT_NS

Ints = NDArray[np.int64]
Reals = NDArray[np.float64]
Keys = NDArray[np.uint64]

CLAIMED_SCALE: Final = 1.5
"""Stated errors are claims: gates are as wide as if they were too small by this factor."""
BRIDGE_NS: Final = 90_000_000_000
"""Between two fixes further apart than this nobody says where the object was."""
STRAY_FRAC: Final = 0.2
"""Share of the way between two fixes by which an object may be off the straight line, one standard deviation."""
TURN_FRAC: Final = 0.25
"""Share of the way that an object would make in a gap by which it may miss, one standard deviation."""
TURN_MPS: Final = 0.4
"""The same for one that stood."""
REACH_M: Final = 1_500.0
"""Tracks further from each other than this are not compared."""
REACH_M_GROUND: Final = 600.0
"""The same for what certainly moves on the ground, which no sensor places as badly as an aircraft."""
VELOCITY_NS: Final = 120_000_000_000
"""A track's velocity at an end is that of its fixes within this time."""
_HALVED_FROM: Final = 6
"""So many common times are needed before their halves are told apart."""
MEDIUM: Final = np.array(
    [
        {"uav_small": 1, "uav_large": 1, "aircraft": 1, "boat": 2, "unknown": -1}.get(name, 0)
        for name in schema.OBJECT_CLASSES
    ]
    + [-1],
    dtype=np.int8,
)
"""By class code: 0 ground, 1 air, 2 water, -1 (also the last place, for a class not stated) any."""
_HAND: Final = np.array(
    [{"A": 0, "B": 1, "civilian": 2, "monitor": 3}.get(name, -1) for name in schema.AFFILIATIONS] + [-1],
    dtype=np.int8,
)


class Match(NamedTuple):
    """A track that is the same object as the one asked for; `is_earlier`: it had ended before that began."""

    key: int
    is_earlier: bool


class _Ends(NamedTuple):
    """First or last places of tracks, (k,): row, time, place (m), velocity (m/s), and the error's variances."""

    row: Ints
    time_ns: Ints
    east: Reals
    north: Reals
    speed_e: Reals
    speed_n: Reals


def matches(
    book: Sketchbook, key: int, now_ns: int, handover_ns: int, gate: float, company: Sequence[int] = ()
) -> list[Match]:
    """The tracks that are the same object as `key` by what was known at `now_ns`, nearest first.

    `gate`: largest squared distance in standard deviations; `handover_ns`: longest gap between two tracks.
    `company`: tracks that are the object already, which none beside `key` may contradict.
    """
    own = book.rows_of(key, now_ns - WINDOW_NS, now_ns)
    if not len(own):
        return []
    begin_ns = int(book.column("time_ns")[own[0]])
    is_ground = MEDIUM[book.column("object_class")[own[-1]]] == 0
    reach_m = REACH_M_GROUND if is_ground else REACH_M
    scene = _Scene(book, book.rows_near(own, reach_m, begin_ns, now_ns), own[0])
    found = scene.together(key, gate, company)
    if handover_ns <= 0:
        return found
    since_ns = begin_ns - handover_ns
    # Who was seen before by another sensor, and all the while, goes on from nobody.
    before = (book.ends_of(match.key, since_ns, now_ns) for match in found)
    if any(ends is not None and ends[0] < own[0] for ends in before):
        return found
    scene = _Scene(book, book.rows_near(own, REACH_M, since_ns, now_ns), own[0])
    return found + scene.earlier(key, handover_ns, gate)


class _Scene:
    """The rows around a track, by key and then time, in metres from its first fix."""

    def __init__(self, book: Sketchbook, rows: Ints, origin: int) -> None:
        self._book, self._origin = book, origin
        self.rows = rows
        self.keys = book.column("key")[rows]
        self.time_ns = book.column("time_ns")[rows]
        starts = np.ones(len(rows), dtype=bool)
        np.not_equal(self.keys[1:], self.keys[:-1], out=starts[1:])
        self.begin = np.flatnonzero(starts)
        self.end = np.append(self.begin[1:], len(rows))
        self.key = self.keys[self.begin]
        self.first_ns, self.last_ns = self.time_ns[self.begin], self.time_ns[self.end - 1]
        self.sensor_of = book.column("sensor")[rows[self.begin]]
        # The newest stated words stand in a track's last row.
        newest = rows[self.end - 1]
        self.medium = MEDIUM[book.column("object_class")[newest]]
        self.hand = _HAND[book.column("affiliation")[newest]]

    @cached_property
    def place(self) -> tuple[Reals, Reals]:
        """East and north of the rows."""
        return self._book.local(self.rows, self._origin)

    @cached_property
    def cov(self) -> tuple[Reals, Reals, Reals]:
        """Variances east, east-north, north of the rows."""
        return self._book.covariance(self.rows)

    def index(self, key: int) -> int:
        return int(self.key.searchsorted(np.uint64(key)))

    def together(self, key: int, gate: float, company: Sequence[int] = ()) -> list[Match]:
        """Tracks of other sensors beside the track, the nearest first, mutually chosen.

        Of tracks of one sensor at one time only one can be the object; one after the other they may all be. None is
        further than the gate from one of the `company` at their common times.
        """
        own = self.index(key)
        is_seen_then, is_own_sensor = self._meets(own), self.sensor_of == self.sensor_of[own]
        others = np.flatnonzero(is_seen_then & ~is_own_sensor & self._may_be_one(own))
        if not len(others):
            return []
        distance = self._beside(own, others)
        order = np.argsort(distance, kind="stable")
        order = order[distance[order] <= gate]
        is_seen_then[own] = False
        rivals = np.flatnonzero(is_seen_then & is_own_sensor)
        members = np.flatnonzero(np.isin(self.key, np.array(company, dtype=np.uint64)))
        chosen: list[int] = []
        taken: list[tuple[int, int, int]] = []
        near = others[order]
        spans = zip(*(of[near].tolist() for of in (self.sensor_of, self.first_ns, self.last_ns)), strict=True)
        for track, apart, (sensor, first_ns, last_ns) in zip(
            near.tolist(), distance[order].tolist(), spans, strict=True
        ):
            is_taken = any(
                other == sensor and min(last_ns, until_ns) >= max(first_ns, since_ns)
                for other, since_ns, until_ns in taken
            )
            if is_taken or self._is_beyond(track, members, gate):
                continue
            if not self._prefers_another(track, rivals, apart):
                chosen.append(track)
                taken.append((sensor, first_ns, last_ns))
        return [Match(name, False) for name in self.key[chosen].tolist()]

    def _is_beyond(self, track: int, members: Ints, gate: float) -> bool:
        """Whether a track, if it is none of some others, was further than the gate from one when both were seen."""
        if not len(members) or track in members:
            return False
        distance = self._beside(track, members)
        return bool((distance[np.isfinite(distance)] > gate).any())

    def _prefers_another(self, track: int, rivals: Ints, distance: float) -> bool:
        """Whether one of `rivals`, tracks of the first track's sensor at its time, is nearer to `track`."""
        if not len(rivals):
            return False
        rivals = rivals[self._meets(track)[rivals]]
        return bool(len(rivals)) and bool(self._beside(track, rivals).min() < distance)

    def _meets(self, own: int) -> NDArray[np.bool_]:
        """Whether each track overlaps in time with this one."""
        return np.asarray((self.first_ns <= self.last_ns[own]) & (self.last_ns >= self.first_ns[own]))

    def earlier(self, key: int, handover_ns: int, gate: float) -> list[Match]:
        """The track that this one goes on from, if there is one."""
        own = self.index(key)
        cost = self._handed_over(own, handover_ns)
        best = int(np.argmin(cost))
        if not cost[best] <= gate:
            return []
        rivals = self._goes_on(best, handover_ns)
        rivals[self.sensor_of != self.sensor_of[own]] = np.inf
        if rivals[own] > rivals.min() or self._is_still_seen(best, own, gate):
            return []
        if self._is_rather_a_stranger(best, own, float(cost[best])):
            return []
        return [Match(int(self.key[best]), True)]

    def _is_rather_a_stranger(self, ended: int, own: int, cost: float) -> bool:
        """Whether another object begins where this track does sooner than the one of the track that ended goes on.

        Its sensor has so many other tracks hereabouts, which may begin anywhere within reach.
        """
        is_of_sensor = self.sensor_of == self.sensor_of[own]
        is_of_sensor[[own, ended]] = False
        strangers = int(np.count_nonzero(is_of_sensor))
        if not strangers:
            return False
        last, first = (
            self._ends(np.array([ended]), is_first=False),
            self._ends(np.array([own]), is_first=True),
        )
        _, _, var_e, cov_en, var_n = self._way_on(last, first)
        area_m2 = 2.0 * np.pi * float(np.sqrt(var_e * var_n - cov_en**2)[0])
        return cost + 2.0 * float(np.log(strangers * area_m2 / (np.pi * REACH_M**2))) > 0.0

    def _is_still_seen(self, ended: int, own: int, gate: float) -> bool:
        """Whether the object of a track that ended is seen by another sensor after this one began elsewhere."""
        goes_on = (self.last_ns > self.first_ns[own]) & (self.sensor_of != self.sensor_of[ended])
        goes_on &= self._meets(ended)
        others = np.flatnonzero(goes_on)
        others = others[self._beside(ended, others) <= gate]
        return bool(len(others)) and not bool((self._beside(own, others) <= gate).any())

    def _may_be_one(self, own: int) -> NDArray[np.bool_]:
        medium, hand = self.medium[own], self.hand[own]
        may = (self.medium == medium) | (self.medium < 0) | (medium < 0)
        may &= (self.hand == hand) | (self.hand < 0) | (hand < 0)
        may[own] = False
        return np.asarray(may)

    def _beside(self, own: int, tracks: Ints) -> Reals:
        """Mean squared distance of some tracks from this one over their common times, (k,); inf without any.

        Where there are enough of them the worse of the two halves counts. The track's way is drawn between its
        fixes; where these are too sparse for that, the other's way is.
        """
        if not len(tracks):
            return np.zeros(0)
        way = np.arange(self.begin[own], self.end[own])
        size = self.end[tracks] - self.begin[tracks]
        offset = np.cumsum(size) - size
        rows = np.arange(int(size.sum())) + np.repeat(self.begin[tracks] - offset, size)
        squared, usable = self._apart(way, rows)
        count = np.add.reduceat(usable, offset)
        parts = [(count, squared)]
        if (count >= _HALVED_FROM).any():
            total = np.cumsum(usable)
            rank = total - np.repeat(total[offset] - usable[offset], size)
            halves_at = np.where(count >= _HALVED_FROM, np.ceil(count / 2.0), count)
            first = usable * (rank <= np.repeat(halves_at, size))
            parts = [(np.add.reduceat(part, offset), squared * part) for part in (first, usable - first)]
        mean = np.zeros(len(tracks))
        for number, of_part in parts:
            summed = np.add.reduceat(of_part, offset)
            np.maximum(mean, np.divide(summed, number, out=np.zeros(len(number)), where=number > 0), out=mean)
        mean[count == 0] = np.inf
        for i in np.flatnonzero((count == 0) & self._meets(own)[tracks]).tolist():
            squared, usable = self._apart(np.arange(self.begin[tracks[i]], self.end[tracks[i]]), way)
            if usable.any():
                mean[i] = float(squared.sum() / usable.sum())
        return np.where(self._may_be_one(own)[tracks], mean, np.inf)

    def _apart(self, way: Ints, rows: Ints) -> tuple[Reals, Reals]:
        """Squared distance of each of `rows` from the way through `way` at its time, and 1.0 where that is known."""
        t0, time_ns = self.time_ns[way], self.time_ns[rows]
        after = np.minimum(np.searchsorted(t0, time_ns, side="left"), len(t0) - 1)
        before = np.maximum(after - 1, 0)
        before = np.where(t0[after] == time_ns, after, before)
        step_ns = t0[after] - t0[before]
        usable = (time_ns >= t0[0]) & (time_ns <= t0[-1]) & (step_ns <= BRIDGE_NS)
        share = np.divide(time_ns - t0[before], step_ns, out=np.zeros(len(rows)), where=step_ns > 0)
        first, last = way[before], way[after]
        east, north = self.place
        way_e, way_n = east[last] - east[first], north[last] - north[first]
        off_e = east[rows] - (east[first] + share * way_e)
        off_n = north[rows] - (north[first] + share * way_n)
        stray = (STRAY_FRAC * np.hypot(way_e, way_n)) ** 2
        var_e, cov_en, var_n = (CLAIMED_SCALE**2 * (axis[rows] + axis[last]) for axis in self.cov)
        return np.where(
            usable, _squared(off_e, off_n, var_e + stray, cov_en, var_n + stray), 0.0
        ), usable.astype(np.float64)

    def _ends(self, tracks: Ints, is_first: bool) -> _Ends:
        begin, end = self.begin[tracks], self.end[tracks]
        row = begin if is_first else end - 1
        time_ns = self.time_ns[row]
        other = np.empty(len(tracks), dtype=np.int64)
        for i, (low, high) in enumerate(zip(begin.tolist(), end.tolist(), strict=True)):
            span = self.time_ns[low:high]
            if is_first:
                other[i] = low + np.searchsorted(span, time_ns[i] + VELOCITY_NS, side="right") - 1
            else:
                other[i] = low + np.searchsorted(span, time_ns[i] - VELOCITY_NS, side="left")
        lasts_s = (self.time_ns[other] - time_ns) / 1e9
        safe = np.where(lasts_s == 0.0, 1.0, lasts_s)
        east, north = self.place
        return _Ends(
            row, time_ns, east[row], north[row],
            np.where(lasts_s == 0.0, 0.0, (east[other] - east[row]) / safe),
            np.where(lasts_s == 0.0, 0.0, (north[other] - north[row]) / safe),
        )  # fmt: skip

    def _handed_over(self, own: int, handover_ns: int) -> Reals:
        """How well this track goes on from each other one; inf where it cannot."""
        cost = np.full(len(self.key), np.inf)
        gap_ns = self.first_ns[own] - self.last_ns
        may = self._may_be_one(own) & (gap_ns <= handover_ns)
        may &= (gap_ns > 0) | ((gap_ns > -2 * SLOT_NS) & (self.sensor_of != self.sensor_of[own]))
        at = np.flatnonzero(may)
        if len(at):
            cost[at] = self._bridged(
                self._ends(at, is_first=False), self._ends(np.array([own]), is_first=True)
            )
        return cost

    def _goes_on(self, own: int, handover_ns: int) -> Reals:
        """How well each other track goes on from this one; inf where it cannot."""
        cost = np.full(len(self.key), np.inf)
        gap_ns = self.first_ns - self.last_ns[own]
        may = self._may_be_one(own) & (gap_ns <= handover_ns)
        may &= (gap_ns > 0) | ((gap_ns > -2 * SLOT_NS) & (self.sensor_of != self.sensor_of[own]))
        at = np.flatnonzero(may)
        if len(at):
            cost[at] = self._bridged(
                self._ends(np.array([own]), is_first=False), self._ends(at, is_first=True)
            )
        return cost

    def _bridged(self, last: _Ends, first: _Ends) -> Reals:
        """Squared distance between the way from `last` to `first` and that which their velocities make of it."""
        return _squared(*self._way_on(last, first))

    def _way_on(self, last: _Ends, first: _Ends) -> tuple[Reals, Reals, Reals, Reals, Reals]:
        """By how far `first` misses where the velocities lead from `last` (east, north), and the variances of that."""
        gap_s = np.maximum((first.time_ns - last.time_ns) / 1e9, 0.0)
        speed_e, speed_n = (last.speed_e + first.speed_e) / 2, (last.speed_n + first.speed_n) / 2
        off_e = first.east - last.east - speed_e * gap_s
        off_n = first.north - last.north - speed_n * gap_s
        speed = np.maximum(np.hypot(last.speed_e, last.speed_n), np.hypot(first.speed_e, first.speed_n))
        turn = ((TURN_FRAC * speed + TURN_MPS) * gap_s) ** 2
        var_e, cov_en, var_n = (CLAIMED_SCALE**2 * (axis[last.row] + axis[first.row]) for axis in self.cov)
        return off_e, off_n, var_e + turn, cov_en, var_n + turn


def _squared(off_e: Reals, off_n: Reals, var_e: Reals, cov_en: Reals, var_n: Reals) -> Reals:
    determinant = var_e * var_n - cov_en**2
    return np.asarray((var_n * off_e**2 - 2.0 * cov_en * off_e * off_n + var_e * off_n**2) / determinant)
