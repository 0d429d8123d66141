"""One block of places next to the line: from metres to the nearest piece, from there to the answers.

Everything is written into rooms that are kept from block to block: making new arrays would cost more than the
arithmetic. Places are looked at in order of how many candidates their cells have, so that the k-th candidates
of all places that have as many stand side by side.
"""

from typing import TYPE_CHECKING, Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

from geodata.frame_series import FrameSeries
from geodata.grid_index import FAR, ONE, ROOT_M, GridIndex
from geodata.near_line import exact_sign
from geodata.segments import Segments

if TYPE_CHECKING:
    from geodata.contact_line import ContactLine
    from geodata.locator import Located

Reals = NDArray[np.float64]
Indices = NDArray[np.int64]

BLOCK: Final = 16_384
"""Places at a time: fewer, and calls cost more than arithmetic; more, and their rooms leave the caches."""
FEW: Final = 96
"""Where fewer places have another candidate, all that are left are looked at in one go."""
NEAR_LINE_M: Final = 0.005
"""So near to the line its chords do not say the side; it is decided exactly."""


class Rooms(NamedTuple):
    """Arrays of one block, written over and over: `reals` (14, n), `whole` (4, n)."""

    reals: Reals
    whole: Indices

    @classmethod
    def of(cls, count: int) -> "Rooms":
        """Rooms for blocks of at most `count` places."""
        return cls(np.empty((14, count)), np.empty((4, count), dtype=np.int64))

    def first(self, count: int) -> "Rooms":
        """The same rooms, for a block of `count` places."""
        return Rooms(self.reals[:, :count], self.whole[:, :count])


class Corners(NamedTuple):
    """What holds at the start, inside and at the end of each of m pieces, shape (3 m,).

    `tangent_x`, `tangent_y`: by which a side is judged; side A is on their left. `beyond`: the end of the
    line that lies there (1 start, 2 end, 0 none).
    """

    tangent_x: Reals
    tangent_y: Reals
    beyond: NDArray[np.int8]


class NearPieces:
    """Pieces in the metres of the series, laid out for looking many up at once. Immutable."""

    def __init__(
        self,
        line: "ContactLine",
        pieces: Segments,
        series: FrameSeries,
        grid: GridIndex,
        corners: Corners,
    ) -> None:
        self.line, self.series, self.grid, self.corners = line, series, grid, corners
        self.x0, self.y0, self.x1, self.y1 = pieces.x0, pieces.y0, pieces.x1, pieces.y1
        self.dx, self.dy = pieces.x1 - pieces.x0, pieces.y1 - pieces.y0
        self.inverse_length2 = 1.0 / (self.dx * self.dx + self.dy * self.dy)
        self.lon0, self.lat0 = pieces.lon0, pieces.lat0
        self.dlon, self.dlat = pieces.lon1 - pieces.lon0, pieces.lat1 - pieces.lat0
        self.chainage0_m, self.length_m, self.part = pieces.chainage0_m, pieces.length_m, pieces.part
        self.is_one_part = not self.part.any()
        self.candidate = grid.candidate.astype(np.int64)  # as NumPy wants what it looks up with
        self.rank_bits = int(grid.leaf_count.max() - 1).bit_length()

    def leaves(self, x: Reals, y: Reals, rooms: Rooms, leaf: Indices) -> None:
        """Writes the leaf of each place (metres, inside the box of the series) into `leaf`; -1 where in none."""
        grid = self.grid
        column, row, whole_row, begin, side = rooms.reals[:5]
        at = rooms.whole[0]
        np.subtract(x, grid.west, out=column)
        np.subtract(y, grid.south, out=row)
        column *= 1.0 / ROOT_M
        row *= 1.0 / ROOT_M
        np.floor(column, out=begin)
        np.floor(row, out=whole_row)
        column -= begin
        row -= whole_row
        whole_row *= grid.columns
        whole_row += begin
        at[:] = whole_row
        grid.table_begin.take(at, out=begin, mode="clip")
        grid.table_side.take(at, out=side, mode="clip")
        column *= side
        row *= side
        np.floor(column, out=column)
        np.floor(row, out=row)
        row *= side
        row += column
        row += begin
        at[:] = row
        leaf[:] = grid.leaf_of.take(at, mode="clip")
        if begin.min() < 0.0:
            leaf[begin < 0.0] = -1

    def nearest(self, x: Reals, y: Reals, leaf: Indices, rank: NDArray[np.uint8], rooms: Rooms) -> Indices:
        """The nearest piece of each place: of the candidates of its leaf (`rank`: that of the leaf; none far).

        Of pieces equally near, up to the last bits, the first counts. A geodesic is as long as its straight
        picture in the plane over the scale, which differs between the ways to two pieces.
        """
        grid = self.grid
        order = np.argsort(rank, kind="stable")
        ends = np.bincount(rank, minlength=FAR + 1).cumsum()
        with_choice = int(ends[ONE - 1])
        first, in_order = rooms.whole[0], rooms.whole[2]
        piece: Indices = rooms.whole[3]
        leaf.take(order, out=in_order, mode="clip")
        grid.leaf_begin.take(in_order, out=first, mode="clip")
        if with_choice:
            self._choose(
                x, y, in_order, order[:with_choice], ends, rooms.first(with_choice), first[:with_choice]
            )
        piece[order] = self.candidate.take(first, mode="clip")
        return piece

    def _choose(
        self, x: Reals, y: Reals, leaf: Indices, order: Indices, ends: Indices, rooms: Rooms, first: Indices
    ) -> None:
        """Moves `first`, the first candidates of the places `order`, on to the nearest ones."""
        count = len(order)
        at = rooms.reals[:4]
        x.take(order, out=at[0], mode="clip")
        y.take(order, out=at[1], mode="clip")
        self.series.scale_slope_into(at[2], at[3], at[0], at[1], rooms.reals[4])
        best = rooms.reals[5].view(np.int64)
        best[:] = self._key(first, 0, at, rooms.reals[6:12])
        rank = 1
        while count > FEW and rank < ONE:
            key = self._key(first[:count] + rank, rank, at[:, :count], rooms.reals[6:12, :count])
            np.minimum(best[:count], key, out=best[:count])
            rank += 1
            count = int(ends[ONE - rank]) if rank <= ONE else 0
        if count:
            rest = self.grid.leaf_count.take(leaf[:count]) - rank
            end = np.cumsum(rest)
            place = np.repeat(np.arange(count), rest)
            ranks = np.arange(rank, rank + len(place)) - np.repeat(end - rest, rest)
            key = self._key(
                first.take(place) + ranks, ranks, at.take(place, axis=1), np.empty((6, len(place)))
            )
            np.minimum(best[:count], np.minimum.reduceat(key, end - rest), out=best[:count])
        best &= (1 << self.rank_bits) - 1
        first += best

    def _key(self, candidate: Indices, rank: int | Indices, at: Reals, rooms: Reals) -> Indices:
        """Integers that order like the squared geodesic distances of places from candidates, then like `rank`.

        `at`: rows x, y and the gradient of ln k there. A square is never negative, so its bits order like an
        integer; the last few are given to the candidate's rank.
        """
        piece = self.candidate.take(candidate, mode="clip")
        off_x, off_y, dx, dy, t, room = rooms
        self.x0.take(piece, out=off_x, mode="clip")
        self.y0.take(piece, out=off_y, mode="clip")
        self.dx.take(piece, out=dx, mode="clip")
        self.dy.take(piece, out=dy, mode="clip")
        np.subtract(at[0], off_x, out=off_x)
        np.subtract(at[1], off_y, out=off_y)
        np.multiply(off_x, dx, out=t)
        np.multiply(off_y, dy, out=room)
        t += room
        self.inverse_length2.take(piece, out=room, mode="clip")
        t *= room
        np.minimum(t, 1.0, out=t)
        np.maximum(t, 0.0, out=t)
        dx *= t
        dy *= t
        off_x -= dx
        off_y -= dy
        stretch, other = dx, dy
        np.multiply(at[2], off_x, out=stretch)
        np.multiply(at[3], off_y, out=other)
        stretch += other
        stretch += 1.0
        off_x *= off_x
        off_y *= off_y
        off_x += off_y
        off_x *= stretch
        key: Indices = off_x.view(np.int64)
        key &= -1 << self.rank_bits
        key |= rank
        return key

    def answer(
        self,
        lon: Reals,
        lat: Reals,
        x: Reals,
        y: Reals,
        piece: Indices,
        clearance: bool,
        rooms: Rooms,
        into: "Located",
    ) -> None:
        """Writes the answers for places whose nearest pieces are known; with `clearance` all of them."""
        off_x, off_y, dx, dy, t, square, turn, room = rooms.reals[:8]
        corner, inverse = rooms.whole[0], rooms.reals[10]
        self.x0.take(piece, out=off_x, mode="clip")
        self.y0.take(piece, out=off_y, mode="clip")
        self.dx.take(piece, out=dx, mode="clip")
        self.dy.take(piece, out=dy, mode="clip")
        np.subtract(x, off_x, out=off_x)
        np.subtract(y, off_y, out=off_y)
        np.multiply(off_x, dx, out=t)
        np.multiply(off_y, dy, out=room)
        t += room
        self.inverse_length2.take(piece, out=inverse, mode="clip")
        t *= inverse
        np.multiply(piece, 3, out=corner)
        corner += t > 0.0
        corner += t >= 1.0
        self.corners.beyond.take(corner, out=into.beyond_end, mode="clip")
        if into.beyond_end.any():
            into.beyond_end[(t == 0.0) | (t == 1.0)] = 0
        np.minimum(t, 1.0, out=t)
        np.maximum(t, 0.0, out=t)
        np.multiply(dx, t, out=room)
        off_x -= room
        np.multiply(dy, t, out=room)
        off_y -= room
        np.multiply(off_x, off_x, out=square)
        np.multiply(off_y, off_y, out=room)
        square += room
        self.corners.tangent_x.take(corner, out=turn, mode="clip")
        turn *= off_y
        self.corners.tangent_y.take(corner, out=room, mode="clip")
        room *= off_x
        turn -= room
        sign = np.sign(turn, out=turn)
        if square.min() <= NEAR_LINE_M * NEAR_LINE_M:
            near = np.flatnonzero(square <= NEAR_LINE_M * NEAR_LINE_M)
            sign[near] = exact_sign(self.line, lon[near], lat[near], piece[near], t[near])
            square[near[sign[near] == 0.0]] = 0.0
        if np.count_nonzero(sign) < len(sign):
            sign[sign == 0.0] = 1.0
        into.side[:] = sign
        if self.is_one_part:
            into.line_part.fill(0)
        else:
            self.part.take(piece, out=into.line_part, mode="clip")
        if clearance:
            self._answer_foot(x, y, piece, rooms, into)

    def _answer_foot(self, x: Reals, y: Reals, piece: Indices, rooms: Rooms, into: "Located") -> None:
        """Distance, foot and chainage, from what `answer` has left in the rooms."""
        off_x, off_y, dx, dy, t, square, sign = rooms.reals[:7]
        bend, bend_y = rooms.reals[7], rooms.reals[8]
        distance_m = into.signed_distance_m
        # The foot's columns are written last and serve as rooms before.
        spare = (into.foot_lon, into.foot_lat, into.chainage_m, rooms.reals[9])
        self.series.along_into(distance_m, bend, bend_y, x, y, off_x, off_y, square, spare)
        # A geodesic bends towards larger scale: its foot lies aside of the straight one, inside the same piece.
        bend *= dx
        bend_y *= dy
        bend += bend_y
        bend *= square
        np.multiply(rooms.reals[10], 0.5, out=bend_y)
        bend *= bend_y
        bend *= (t > 0.0) & (t < 1.0)
        t += bend
        np.minimum(t, 1.0, out=t)
        np.maximum(t, 0.0, out=t)
        np.sqrt(square, out=square)
        distance_m *= square
        distance_m *= sign
        _part_of_way(self.lon0, self.dlon, piece, t, into.foot_lon, rooms.reals[9])
        _part_of_way(self.lat0, self.dlat, piece, t, into.foot_lat, rooms.reals[9])
        _part_of_way(self.chainage0_m, self.length_m, piece, t, into.chainage_m, rooms.reals[9])


def _part_of_way(start: Reals, step: Reals, piece: Indices, t: Reals, into: Reals, room: Reals) -> None:
    """start + t step, of each place's piece."""
    step.take(piece, out=into, mode="clip")
    into *= t
    start.take(piece, out=room, mode="clip")
    into += room
