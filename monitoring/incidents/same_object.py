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
from typing import Final, Literal, NamedTuple

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
_AT_ONCE: Final = 16
"""So many tracks are compared with others at once: in a crowd all of them would be too much."""
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
        stands = self._stands(near, distance[order], members, rivals, gate)
        spans = zip(*(of[near].tolist() for of in (self.sensor_of, self.first_ns, self.last_ns)), strict=True)
        for track, is_standing, (sensor, first_ns, last_ns) in zip(
            near.tolist(), stands.tolist(), spans, strict=True
        ):
            is_taken = any(
                other == sensor and min(last_ns, until_ns) >= max(first_ns, since_ns)
                for other, since_ns, until_ns in taken
            )
            if is_standing and not is_taken:
                chosen.append(track)
                taken.append((sensor, first_ns, last_ns))
        return [Match(name, False) for name in self.key[chosen].tolist()]

    def _stands(
        self, tracks: Ints, distance: Reals, members: Ints, rivals: Ints, gate: float
    ) -> NDArray[np.bool_]:
        """Which tracks (k,), so far from the first one, nothing else keeps from being one with it.

        One that is none of `members` must not have been further than the gate from one of them when both were seen;
        none of `rivals`, tracks of the first track's sensor at its time, may be nearer to it.
        """
        stands = np.ones(len(tracks), dtype=bool)
        for first in range(0, len(tracks) if len(members) + len(rivals) else 0, _AT_ONCE):
            some = tracks[first : first + _AT_ONCE]
            is_new = ~np.isin(some, members)
            shape = int(np.count_nonzero(is_new)), len(members)
            meets = self._meet(some[:, None], rivals)
            way = np.concatenate([np.repeat(some[is_new], len(members)), some[np.nonzero(meets)[0]]])
            other = np.concatenate([np.tile(members, shape[0]), rivals[np.nonzero(meets)[1]]])
            apart = self._beside_each(way, other)
            of_members = apart[: shape[0] * shape[1]].reshape(shape)
            is_beyond = np.zeros(len(some), dtype=bool)
            is_beyond[is_new] = (np.isfinite(of_members) & (of_members > gate)).any(axis=1)
            nearest = np.full(meets.shape, np.inf)
            nearest[meets] = apart[of_members.size :]
            is_nearer = (nearest < distance[first : first + _AT_ONCE, None]).any(axis=1)
            stands[first : first + _AT_ONCE] = ~is_beyond & ~is_nearer
        return stands

    def _meets(self, own: int) -> NDArray[np.bool_]:
        """Whether each track overlaps in time with this one."""
        return np.asarray((self.first_ns <= self.last_ns[own]) & (self.last_ns >= self.first_ns[own]))

    def _meet(self, some: Ints, others: Ints) -> NDArray[np.bool_]:
        """Whether tracks overlap in time with others, by the rules of broadcasting."""
        first_ns, last_ns = self.first_ns, self.last_ns
        return np.asarray((first_ns[others] <= last_ns[some]) & (last_ns[others] >= first_ns[some]))

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
        """Whether medium and hand allow each track to be one with this one, which it is not itself."""
        return self._may_be(np.array([own]), np.arange(len(self.key)))

    def _may_be(self, some: Ints, others: Ints) -> NDArray[np.bool_]:
        """Whether medium and hand allow tracks to be one with others, each with its own, which it is not itself."""
        medium, hand = self.medium[some], self.hand[some]
        of_medium, of_hand = self.medium[others], self.hand[others]
        may = (of_medium == medium) | (of_medium < 0) | (medium < 0)
        may &= (of_hand == hand) | (of_hand < 0) | (hand < 0)
        return np.asarray(may & (some != others))

    def _beside(self, own: int, tracks: Ints) -> Reals:
        """How far some tracks were from this one (see `_beside_each`), (k,)."""
        return self._beside_each(np.full(len(tracks), own), tracks)

    def _beside_each(self, ways: Ints, tracks: Ints) -> Reals:
        """Mean squared distance of tracks from those in `ways`, each from its own, over their common times, (k,).

        Infinite without any, for a track with itself, and where the two cannot be one. Where there are enough
        common times the worse of the two halves counts. The way of the one in `ways` is drawn between its fixes;
        where these are too sparse for that, the other's is.
        """
        if not len(tracks):
            return np.zeros(0)
        size = self.end[tracks] - self.begin[tracks]
        offset = np.cumsum(size) - size
        rows = np.arange(int(size.sum())) + np.repeat(self.begin[tracks] - offset, size)
        squared, usable = self._apart(np.repeat(ways, size), rows)
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
        is_sparse = count == 0
        mean[is_sparse] = np.inf
        for i in np.flatnonzero(is_sparse & self._meet(ways, tracks)).tolist():
            own = np.arange(self.begin[ways[i]], self.end[ways[i]])
            squared, usable = self._apart(np.full(len(own), tracks[i]), own)
            if usable.any():
                mean[i] = float(squared.sum() / usable.sum())
        return np.where(self._may_be(ways, tracks), mean, np.inf)

    @cached_property
    def _order(self) -> tuple[Ints, int, int]:
        """A number of each row that rises with its track and then its time; what a track adds to it; the first time."""
        first_ns = int(self.time_ns.min())
        stride = int(self.time_ns.max()) - first_ns + VELOCITY_NS + 1
        track = np.repeat(np.arange(len(self.key)), self.end - self.begin)
        return track * stride + (self.time_ns - first_ns), stride, first_ns

    def _reached(self, tracks: Ints, time_ns: Ints, side: Literal["left", "right"]) -> Ints:
        """As `searchsorted` among the rows of a track each: the row of it, or its end, before which a time belongs."""
        order, stride, first_ns = self._order
        since_ns = np.clip(time_ns - first_ns, -1, stride - 1)
        found = order.searchsorted(tracks * stride + since_ns, side)
        return np.asarray(np.clip(found, self.begin[tracks], self.end[tracks]))

    def _apart(self, ways: Ints, rows: Ints) -> tuple[Reals, Reals]:
        """Squared distance of each of `rows` from the way of a track each at its time, and 1.0 where that is known."""
        all_ns, time_ns = self.time_ns, self.time_ns[rows]
        begin, end = self.begin[ways], self.end[ways]
        last = np.minimum(self._reached(ways, time_ns, "left"), end - 1)
        last_ns = all_ns[last]
        first = np.where(last_ns == time_ns, last, np.maximum(last - 1, begin))
        first_ns = all_ns[first]
        step_ns = last_ns - first_ns
        usable = (time_ns >= self.first_ns[ways]) & (time_ns <= self.last_ns[ways]) & (step_ns <= BRIDGE_NS)
        share = np.divide(time_ns - first_ns, step_ns, out=np.zeros(len(rows)), where=step_ns > 0)
        east, north = self.place
        first_e, first_n = east[first], north[first]
        way_e, way_n = east[last] - first_e, north[last] - first_n
        off_e = east[rows] - (first_e + share * way_e)
        off_n = north[rows] - (first_n + share * way_n)
        stray = (STRAY_FRAC * np.hypot(way_e, way_n)) ** 2
        var_e, cov_en, var_n = (CLAIMED_SCALE**2 * (axis[rows] + axis[last]) for axis in self.cov)
        return np.where(
            usable, _squared(off_e, off_n, var_e + stray, cov_en, var_n + stray), 0.0
        ), usable.astype(np.float64)

    def _ends(self, tracks: Ints, is_first: bool) -> _Ends:
        row = self.begin[tracks] if is_first else self.end[tracks] - 1
        time_ns = self.time_ns[row]
        if is_first:
            other = self._reached(tracks, time_ns + VELOCITY_NS, "right") - 1
        else:
            other = self._reached(tracks, time_ns - VELOCITY_NS, "left")
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
