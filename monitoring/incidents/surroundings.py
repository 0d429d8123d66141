"""Surroundings: the fixes around each of many tracks, and how far tracks were from each other there.

Each track asked for has a scene of its own: what was near it, in metres from its first fix. The scenes stand one
after the other, so that the pairs of all of them are compared at once; what is said of a pair depends on its scene
alone, not on what else is asked.
"""

from functools import cached_property
from typing import Final, Literal, NamedTuple

import numpy as np
from numpy.typing import NDArray

from monitoring import schema
from monitoring.incidents import geometry
from monitoring.incidents.sketchbook import Sketchbook

Ints = NDArray[np.int64]
Reals = NDArray[np.float64]
Flags = NDArray[np.bool_]

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
VELOCITY_NS: Final = 120_000_000_000
"""A track's velocity at an end is that of its fixes within this time."""
_HALVED_FROM: Final = 6
"""So many common times are needed before their halves are told apart."""
_AT_ONCE: Final = 1 << 17
"""About so many fixes are compared at once: in a crowd all of them would be too much."""
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


class Ends(NamedTuple):
    """First or last places of parts of tracks, (k,): row, time, place (m), velocity (m/s)."""

    row: Ints
    time_ns: Ints
    east: Reals
    north: Reals
    speed_e: Reals
    speed_n: Reals


class Surroundings:
    """The rows near tracks (r,) by scene, track and time; of a track those near are a *part*, (s,), numbered in order.

    `own` (r,) is the part of the track that a scene is about; `scene`, `track`, `begin`, `end`, `first_ns`, `last_ns`,
    `sensor` and, where stated, `medium` and `hand` (s,) tell of the parts.
    """

    def __init__(
        self, book: Sketchbook, low: Ints, high: Ints, reach_m: Reals, since_ns: Ints, until_ns: Ints
    ) -> None:
        """Around the tracks whose rows stand at [low, high) in track order (see `Sketchbook.near_each`)."""
        self._book = book
        self._of_row, track, self._at = book.near_each(low, high, reach_m, since_ns, until_ns)
        self._origin = low
        self.time_ns: Ints = book.in_track_order("time_ns")[self._at]
        begins = np.ones(len(track), dtype=np.bool_)
        begins[1:] = (track[1:] != track[:-1]) | (self._of_row[1:] != self._of_row[:-1])
        self.begin = np.flatnonzero(begins)
        self.end = np.append(self.begin[1:], len(track))[: len(self.begin)]
        self.scene, self.track = self._of_row[self.begin], track[self.begin]
        self.first_ns, self.last_ns = self.time_ns[self.begin], self.time_ns[self.end - 1]
        self.sensor = book.in_track_order("sensor")[self._at[self.begin]]
        # The newest stated words stand in a track's last row.
        newest = self._at[self.end - 1]
        self.medium = MEDIUM[book.in_track_order("object_class")[newest]]
        self.hand = _HAND[book.in_track_order("affiliation")[newest]]
        self._since_ns = since_ns
        self._track_count = book.track_count
        self._code = self.scene * self._track_count + self.track
        self.own = self._code.searchsorted(np.arange(len(low)) * self._track_count + book.numbers_at(low))

    def __len__(self) -> int:
        return len(self.begin)

    def parts_of(self, scene: Ints, track: Ints) -> Ints:
        """The parts of tracks in scenes, in order, of those that have one there."""
        asked = scene[track >= 0] * self._track_count + track[track >= 0]
        found = np.minimum(self._code.searchsorted(asked), len(self) - 1)
        return np.unique(found[self._code[found] == asked])

    @cached_property
    def place(self) -> tuple[Reals, Reals]:
        """East and north of the rows, metres from the first fix of the track that the scene is about."""
        lon, lat = self._book.in_track_order("lon"), self._book.in_track_order("lat")
        origin = self._origin[self._of_row]
        return geometry.offsets_m(lon[origin], lat[origin], lon[self._at], lat[self._at])

    @cached_property
    def cov(self) -> tuple[Reals, Reals, Reals]:
        """Variances east, east-north, north of the rows."""
        return self._book.covariance(self._at)

    def meet(self, some: Ints, others: Ints) -> Flags:
        """Whether parts overlap in time with others, each with its own."""
        first_ns, last_ns = self.first_ns, self.last_ns
        return np.asarray((first_ns[others] <= last_ns[some]) & (last_ns[others] >= first_ns[some]))

    def may_be(self, some: Ints, others: Ints) -> Flags:
        """Whether medium and hand allow parts to be one with others, each with its own, which it is not itself."""
        medium, hand = self.medium[some], self.hand[some]
        of_medium, of_hand = self.medium[others], self.hand[others]
        may = (of_medium == medium) | (of_medium < 0) | (medium < 0)
        may &= (of_hand == hand) | (of_hand < 0) | (hand < 0)
        return np.asarray(may & (some != others))

    def beside(self, ways: Ints, parts: Ints) -> Reals:
        """Mean squared distance of parts from those in `ways`, each from its own, over their common times, (k,).

        Infinite without any, for a part with itself, and where the two cannot be one. Where there are enough common
        times the worse of the two halves counts. The way of the one in `ways` is drawn between its fixes; where
        these are too sparse for that, the other's is.
        """
        mean = np.full(len(parts), np.inf)
        at = np.flatnonzero(self.may_be(ways, parts) & self.meet(ways, parts))
        total = np.cumsum(self.end[parts[at]] - self.begin[parts[at]])
        cuts = total.searchsorted(np.arange(_AT_ONCE, total[-1] if len(total) else 0, _AT_ONCE))
        for some in np.split(at, np.unique(cuts)):
            if len(some):
                mean[some] = self._beside(ways[some], parts[some])
        return mean

    def _beside(self, ways: Ints, parts: Ints) -> Reals:
        size = self.end[parts] - self.begin[parts]
        offset = np.cumsum(size) - size
        rows = np.arange(int(size.sum())) + np.repeat(self.begin[parts] - offset, size)
        squared, usable = self._apart(ways, size, rows)
        count = np.add.reduceat(usable, offset)
        # Of few common times the second half is empty.
        rank = np.cumsum(usable)
        rank -= np.repeat(rank[offset] - usable[offset], size)
        halves_at = np.where(count >= _HALVED_FROM, np.ceil(count / 2.0), count)
        first = usable * (rank <= np.repeat(halves_at, size))
        mean = np.zeros(len(parts))
        for half in (first, usable - first):
            number, summed = np.add.reduceat(half, offset), np.add.reduceat(squared * half, offset)
            np.maximum(mean, np.divide(summed, number, out=np.zeros(len(number)), where=number > 0), out=mean)
        sparse = np.flatnonzero(count == 0)
        mean[sparse] = self._between_sparse(parts[sparse], ways[sparse])
        return mean

    def _between_sparse(self, ways: Ints, parts: Ints) -> Reals:
        """As `_beside` without halves, infinite where nothing is known of common times."""
        mean = np.full(len(parts), np.inf)
        if not len(parts):
            return mean
        size = self.end[parts] - self.begin[parts]
        offset = np.cumsum(size) - size
        rows = np.arange(int(size.sum())) + np.repeat(self.begin[parts] - offset, size)
        squared, usable = self._apart(ways, size, rows)
        count = np.add.reduceat(usable, offset)
        for i in np.flatnonzero(count).tolist():
            mean[i] = squared[offset[i] : offset[i] + size[i]].sum() / count[i]
        return mean

    @cached_property
    def _order(self) -> tuple[Ints, Ints, int]:
        """A number of each row that rises with its part and then its time; each row's time since its scene's first;
        what a part adds to the number."""
        since_ns = self.time_ns - self._since_ns[self._of_row]
        stride = (int(since_ns.max()) if len(since_ns) else 0) + VELOCITY_NS + 1
        part = np.repeat(np.arange(len(self)), self.end - self.begin)
        return part * stride + since_ns, since_ns, stride

    def _reached(self, parts: Ints, since_ns: Ints, side: Literal["left", "right"]) -> Ints:
        """As `searchsorted` among the rows of a part each: the row of it, or its end, before which a time belongs."""
        order, _, stride = self._order
        found = order.searchsorted(parts * stride + np.clip(since_ns, -1, stride - 1), side)
        return np.asarray(np.clip(found, self.begin[parts], self.end[parts]))

    def _apart(self, ways: Ints, size: Ints, rows: Ints) -> tuple[Reals, Reals]:
        """Squared distance of each of `rows` from the way of a part at its time, and 1.0 where that is known.

        The first `size[0]` rows are compared with the way of the part `ways[0]`, and so on.
        """
        order, since_ns, stride = self._order
        all_ns, time_ns = self.time_ns, self.time_ns[rows]
        begin, end, shift, began_ns, ended_ns = (
            np.repeat(of[ways], size)
            for of in (self.begin, self.end, np.arange(len(self)) * stride, self.first_ns, self.last_ns)
        )
        reached = order.searchsorted(shift + since_ns[rows])
        last = np.minimum(np.maximum(reached, begin), end - 1)
        last_ns = all_ns[last]
        first = np.where(last_ns == time_ns, last, np.maximum(last - 1, begin))
        first_ns = all_ns[first]
        step_ns = last_ns - first_ns
        usable = (time_ns >= began_ns) & (time_ns <= ended_ns) & (step_ns <= BRIDGE_NS)
        share = np.divide(time_ns - first_ns, step_ns, out=np.zeros(len(rows)), where=step_ns > 0)
        east, north = self.place
        first_e, first_n = east[first], north[first]
        way_e, way_n = east[last] - first_e, north[last] - first_n
        off_e = east[rows] - (first_e + share * way_e)
        off_n = north[rows] - (first_n + share * way_n)
        stray = (STRAY_FRAC * np.hypot(way_e, way_n)) ** 2
        var_e, cov_en, var_n = (CLAIMED_SCALE**2 * (axis[rows] + axis[last]) for axis in self.cov)
        squared = _squared(off_e, off_n, var_e + stray, cov_en, var_n + stray)
        return np.where(usable, squared, 0.0), usable.astype(np.float64)

    def ends(self, parts: Ints, is_first: bool) -> Ends:
        """First or last places of parts (k,)."""
        row = self.begin[parts] if is_first else self.end[parts] - 1
        _, since_ns, _ = self._order
        if is_first:
            other = self._reached(parts, since_ns[row] + VELOCITY_NS, "right") - 1
        else:
            other = self._reached(parts, since_ns[row] - VELOCITY_NS, "left")
        time_ns = self.time_ns[row]
        lasts_s = (self.time_ns[other] - time_ns) / 1e9
        safe = np.where(lasts_s == 0.0, 1.0, lasts_s)
        east, north = self.place
        return Ends(
            row, time_ns, east[row], north[row],
            np.where(lasts_s == 0.0, 0.0, (east[other] - east[row]) / safe),
            np.where(lasts_s == 0.0, 0.0, (north[other] - north[row]) / safe),
        )  # fmt: skip

    def bridged(self, ended: Ints, begun: Ints) -> Reals:
        """Squared distance between the way from the end of parts to where others begin and that which the velocities
        of both make of it, (k,)."""
        return _squared(*self.way_on(ended, begun))

    def way_on(self, ended: Ints, begun: Ints) -> tuple[Reals, Reals, Reals, Reals, Reals]:
        """By how far others begin from where the velocities lead from parts that ended (east, north), and the
        variances of that."""
        last, first = self.ends(ended, is_first=False), self.ends(begun, is_first=True)
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
