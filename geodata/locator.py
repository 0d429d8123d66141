"""Where a place is relative to the line: side, signed geodesic distance, chainage, foot point.

Places go through in blocks: to metres by polynomials, to the candidates of their grid cell, to the nearest
of these, to degrees and geodesic length again. The side within 5 mm of the line is decided exactly against
the edges straight in lon/lat; elsewhere by the normal of the nearest piece, or of the vertex where two
pieces meet. Beyond an end of the line the side is that of the end edge produced straight in the metric
frame, and the answer is flagged. Of pieces equally near, the first along the line counts. Places beyond the
index are answered over the globe, slower and as exactly.

Accuracy against a geodesic oracle: 1 mm, most of it from edges being cut into chords; a few millimetres more
between 50 and 80 km from the line.
"""

from dataclasses import replace
from typing import TYPE_CHECKING, Any, Final, NamedTuple, cast

import numpy as np
from numpy.typing import ArrayLike, NDArray

from geodata.far import FarSearch
from geodata.frame_series import FrameSeries
from geodata.grid_index import ROOT_M, build_grid_index
from geodata.near_line import exact_sign
from geodata.projection import wrap_deg
from geodata.segments import Segments

if TYPE_CHECKING:
    from geodata.contact_line import ContactLine

Reals = NDArray[np.float64]
Indices = NDArray[np.int64]

REACH_M: Final = 350_000.0
"""How far from the line the index reaches: over every area of operations."""
FAR_M: Final = 80_000.0
"""From about here on the distance is that of the geodesic library, where the frame's would be off by centimetres."""
BLOCK: Final = 8_192
"""Places at a time: their arrays stay in the processor's cache."""
NEAR_LINE_M: Final = 0.005
BEYOND_START: Final = 1
BEYOND_END: Final = 2


class Located(NamedTuple):
    """Answers for n places, arrays of shape (n,).

    `side`: +1 = A, -1 = B, 0 = not known (no position); a place on the line is on side A by convention and
    has distance 0. `signed_distance_m`: geodesic, positive on side A. `chainage_m`: of the foot point
    (`foot_lon`, `foot_lat`, degrees), along `line_part` (-1 = none). `beyond_end`: 0 no, 1 beyond the
    start, 2 beyond the end. Places without a usable position have NaN.
    """

    side: NDArray[np.int8]
    signed_distance_m: Reals
    chainage_m: Reals
    line_part: NDArray[np.int16]
    foot_lon: Reals
    foot_lat: Reals
    beyond_end: NDArray[np.int8]

    def part(self, at: slice) -> "Located":
        """Views of some consecutive answers."""
        return Located(*(cast("Any", column)[at] for column in self))

    def put(self, at: Indices, answers: "Located") -> None:
        """Writes `answers` at the positions `at`."""
        for column, values in zip(self, answers, strict=True):
            cast("Any", column)[at] = values


class Locator:
    """Answers for places against one line. Immutable once built."""

    def __init__(self, line: "ContactLine") -> None:
        self.line = line
        pieces = line.segments
        self._series = FrameSeries.around(line.frame, line.lon_continuous, line.lat, REACH_M)
        # The index lives in the metres of the series, so that a vertex has the same bits as a fix upon it.
        x0, y0 = self._series.forward(pieces.lon0, pieces.lat0)
        x1, y1 = self._series.forward(pieces.lon1, pieces.lat1)
        self._pieces = replace(pieces, x0=x0, y0=y0, x1=x1, y1=y1)
        self._grid = build_grid_index(self._pieces, REACH_M, FAR_M, self._series)
        self._far = FarSearch(pieces)
        dx, dy = x1 - x0, y1 - y0
        self._dx, self._dy, self._inverse_length2 = dx, dy, 1.0 / (dx * dx + dy * dy)
        self._half_inverse = 0.5 * self._inverse_length2
        self._crosses_antimeridian = bool(np.any(np.abs(line.lon_continuous) > 180.0))
        self._dlon, self._dlat = pieces.lon1 - pieces.lon0, pieces.lat1 - pieces.lat0
        self._tangent_x, self._tangent_y, self._beyond = _corners(self._pieces)
        self._rank_bits = int(self._grid.leaf_count.max() - 1).bit_length()

    def locate(self, lon: ArrayLike, lat: ArrayLike, clearance: bool = True) -> Located:
        """Side, distance, chainage and foot of the places (`lon`, `lat`), degrees, shape (n,).

        Not-finite or impossible positions give side 0, part -1 and NaN, never an error. With
        `clearance=False` only side, part and `beyond_end` are answered, the other columns are NaN.

        >>> from geodata.contact_line import ContactLine, LineDraft
        >>> line = ContactLine.from_draft(LineDraft(((37.0, 48.0), (37.0, 49.0)), "northwards"))
        >>> at = line.locator.locate([36.9, 37.1, float("nan"), 37.0], [48.5, 48.5, 48.5, 48.2])
        >>> at.side, at.signed_distance_m.round(2)
        (array([ 1, -1,  0,  1], dtype=int8), array([ 7390.14, -7390.14,      nan,     0.  ]))
        """
        lon_deg = np.atleast_1d(np.asarray(lon, dtype=np.float64))
        lat_deg = np.atleast_1d(np.asarray(lat, dtype=np.float64))
        assert lon_deg.shape == lat_deg.shape
        assert lon_deg.ndim == 1
        found = _blank(len(lon_deg))
        for begin in range(0, len(lon_deg), BLOCK):
            block = slice(begin, begin + BLOCK)
            self._locate_block(lon_deg[block], lat_deg[block], clearance, found.part(block))
        return found

    def _locate_block(self, lon: Reals, lat: Reals, clearance: bool, into: Located) -> None:
        series, grid = self._series, self._grid
        offset = lon - series.lon_centre
        in_box = (np.abs(offset) <= series.lon_reach_deg) & (lat >= series.south) & (lat <= series.north)
        chosen: Indices | slice = slice(None)
        if not in_box.all():
            self._locate_elsewhere(lon, lat, ~in_box, clearance, into)
            chosen = np.flatnonzero(in_box)
            lon, lat = lon[chosen], lat[chosen]
        x, y = series.forward(lon, lat)
        column, row = (x - grid.west) * (1.0 / ROOT_M), (y - grid.south) * (1.0 / ROOT_M)
        root_column, root_row = column.astype(np.int64), row.astype(np.int64)
        root = root_row * grid.columns
        root += root_column
        begin = grid.table_begin.take(root)
        is_outside = begin < 0
        if is_outside.any():
            chosen = np.arange(len(into.side))[chosen]
            beyond = np.flatnonzero(is_outside)
            self._locate_far(lon[beyond], lat[beyond], chosen[beyond], clearance, into)
            inside = np.flatnonzero(~is_outside)
            chosen, lon, lat, x, y = chosen[inside], lon[inside], lat[inside], x[inside], y[inside]
            column, row, root, begin = column[inside], row[inside], root[inside], begin[inside]
            root_column, root_row = root_column[inside], root_row[inside]
        side = grid.table_side.take(root)
        column -= root_column
        row -= root_row
        column *= side
        row *= side
        begin += row.astype(np.int64) * side
        begin += column.astype(np.int64)
        leaf = grid.leaf_of.take(begin)
        is_far = grid.is_far_leaf.take(leaf)
        if is_far.any():
            chosen = np.arange(len(into.side))[chosen]
            far = np.flatnonzero(is_far)
            self._locate_far(lon[far], lat[far], chosen[far], clearance, into, leaf[far])
            near = np.flatnonzero(~is_far)
            chosen, lon, lat, x, y, leaf = chosen[near], lon[near], lat[near], x[near], y[near], leaf[near]
        if len(x):
            self._answer(lon, lat, x, y, self._nearest(x, y, leaf), chosen, clearance, into)

    def _nearest(self, x: Reals, y: Reals, leaf: NDArray[np.int32]) -> Indices:
        """The nearest piece of each place: the candidates of all its cell's places, laid end to end."""
        grid = self._grid
        first, count = grid.leaf_begin.take(leaf), grid.leaf_count.take(leaf)
        choice = np.flatnonzero(count > 1)
        if len(choice):
            of_choice = count.take(choice)
            end = np.cumsum(of_choice)
            begin = end - of_choice
            at = np.arange(end[-1])
            at += np.repeat(first.take(choice) - begin, of_choice)
            piece = grid.candidate.take(at)
            px, py = np.repeat(x.take(choice), of_choice), np.repeat(y.take(choice), of_choice)
            px -= self._pieces.x0.take(piece)
            py -= self._pieces.y0.take(piece)
            dx, dy = self._dx.take(piece), self._dy.take(piece)
            t = px * dx
            t += py * dy
            t *= self._inverse_length2.take(piece)
            np.minimum(t, 1.0, out=t)
            np.maximum(t, 0.0, out=t)
            dx *= t
            dy *= t
            px -= dx
            py -= dy
            # Geodesic length is planar length over the scale, which differs between the ways to two pieces.
            slope_x, slope_y = self._series.scale_slope(x.take(choice), y.take(choice))
            stretch = np.repeat(slope_x, of_choice)
            stretch *= px
            other = np.repeat(slope_y, of_choice)
            other *= py
            stretch += other
            stretch += 1.0
            px *= px
            py *= py
            px += py
            px *= stretch
            # A square is never negative, so its bits order like integers: the candidate's rank goes into the
            # last few, and the smallest integer names the nearest piece, the first of (almost) equals.
            key = px.view(np.int64)
            key &= -1 << self._rank_bits
            key |= at - np.repeat(first.take(choice), of_choice)
            least = np.minimum.reduceat(key, begin)
            first[choice] += least & ((1 << self._rank_bits) - 1)
        return grid.candidate.take(first)

    def _answer(
        self,
        lon: Reals,
        lat: Reals,
        x: Reals,
        y: Reals,
        piece: Indices,
        chosen: Indices | slice,
        clearance: bool,
        into: Located,
    ) -> None:
        pieces = self._pieces
        off_x, off_y = x - pieces.x0.take(piece), y - pieces.y0.take(piece)
        dx, dy = self._dx.take(piece), self._dy.take(piece)
        t = off_x * dx
        t += off_y * dy
        t *= self._inverse_length2.take(piece)
        corner = 3 * piece
        corner += t > 0.0
        corner += t >= 1.0
        beyond = self._beyond.take(corner)
        beyond[(t == 0.0) | (t == 1.0)] = 0
        np.minimum(t, 1.0, out=t)
        np.maximum(t, 0.0, out=t)
        dx *= t
        dy *= t
        off_x -= dx
        off_y -= dy
        square = off_x * off_x
        square += off_y * off_y
        turn = self._tangent_x.take(corner)
        turn *= off_y
        other = self._tangent_y.take(corner)
        other *= off_x
        turn -= other
        sign = np.sign(turn)
        near = np.flatnonzero(square <= NEAR_LINE_M * NEAR_LINE_M)
        if len(near):
            sign[near] = exact_sign(self.line, lon[near], lat[near], piece[near], t[near])
            square[near[sign[near] == 0.0]] = 0.0
        sign *= self.line.left_sign
        sign[sign == 0.0] = 1.0
        into.side[chosen] = sign
        into.line_part[chosen] = pieces.part.take(piece)
        into.beyond_end[chosen] = beyond
        if not clearance:
            return
        distance_m, bend_x, bend_y = self._series.along(x, y, off_x, off_y)
        # A geodesic bends towards larger scale: its foot lies aside of the straight one, inside the same piece.
        bend_x *= self._dx.take(piece)
        bend_y *= self._dy.take(piece)
        bend_x += bend_y
        bend_x *= square
        bend_x *= self._half_inverse.take(piece)
        bend_x *= (t > 0.0) & (t < 1.0)
        t += bend_x
        np.minimum(t, 1.0, out=t)
        np.maximum(t, 0.0, out=t)
        np.sqrt(square, out=square)
        distance_m *= square
        distance_m *= sign
        into.signed_distance_m[chosen] = distance_m
        self._answer_foot(piece, t, chosen, into)

    def _answer_foot(self, piece: Indices, t: Reals, chosen: Indices | slice, into: Located) -> None:
        pieces = self._pieces
        foot_lon, foot_lat = self._dlon.take(piece), self._dlat.take(piece)
        foot_lon *= t
        foot_lon += pieces.lon0.take(piece)
        foot_lat *= t
        foot_lat += pieces.lat0.take(piece)
        into.foot_lon[chosen] = wrap_deg(foot_lon) if self._crosses_antimeridian else foot_lon
        into.foot_lat[chosen] = foot_lat
        chainage = pieces.length_m.take(piece)
        chainage *= t
        chainage += pieces.chainage0_m.take(piece)
        into.chainage_m[chosen] = chainage

    def _locate_elsewhere(
        self, lon: Reals, lat: Reals, elsewhere: NDArray[np.bool_], clearance: bool, into: Located
    ) -> None:
        """Places outside the box of the series: on another turn of the globe, far away, or no places."""
        at = np.flatnonzero(elsewhere)
        is_place = (np.abs(lon[at]) <= 360.0) & (np.abs(lat[at]) <= 90.0)
        at = at[is_place]
        turned = self.line.continuous(lon[at])
        series = self._series
        is_turned = (turned != lon[at]) & (np.abs(turned - series.lon_centre) <= series.lon_reach_deg)
        is_turned &= (lat[at] >= series.south) & (lat[at] <= series.north)
        again = at[is_turned]
        if len(again):
            found = _blank(len(again))
            self._locate_block(turned[is_turned], lat[again], clearance, found)
            into.put(again, found)
        rest = ~is_turned
        if rest.any():
            self._locate_far(turned[rest], lat[at[rest]], at[rest], clearance, into)

    def _locate_far(
        self,
        lon: Reals,
        lat: Reals,
        at: Indices,
        clearance: bool,
        into: Located,
        leaf: NDArray[np.int32] | None = None,
    ) -> None:
        """Far places, measured over the globe; `at`: their positions in the answer; `leaf`: theirs in the index."""
        frame, pieces = self.line.frame, self._pieces
        if leaf is None:
            piece, t, distance_m = self._far.nearest(lon, lat)
        else:
            count = self._grid.leaf_count.take(leaf)
            row = np.repeat(np.arange(len(leaf)), count)
            rank = np.arange(len(row)) - np.repeat(np.cumsum(count) - count, count)
            candidate = self._grid.candidate.take(np.repeat(self._grid.leaf_begin.take(leaf), count) + rank)
            piece, t, distance_m = self._far.nearest_of(lon, lat, row, candidate)
        foot_x, foot_y = pieces.x0[piece] + t * self._dx[piece], pieces.y0[piece] + t * self._dy[piece]
        x, y = frame.forward(lon, np.clip(lat, -89.9, 89.9))
        corner = 3 * piece + (t > 0.0) + (t >= 1.0)
        sign = np.sign(self._tangent_x[corner] * (y - foot_y) - self._tangent_y[corner] * (x - foot_x))
        sign = np.where(sign == 0.0, 1.0, sign * self.line.left_sign)
        into.side[at] = sign
        into.line_part[at] = pieces.part[piece]
        along = (x - foot_x) * self._dx[piece] + (y - foot_y) * self._dy[piece]
        into.beyond_end[at] = np.where(along != 0.0, self._beyond[corner], 0)
        if clearance:
            into.signed_distance_m[at] = distance_m * sign
            self._answer_foot(piece, t, at, into)


def _blank(count: int) -> Located:
    return Located(
        side=np.zeros(count, dtype=np.int8),
        signed_distance_m=np.full(count, np.nan),
        chainage_m=np.full(count, np.nan),
        line_part=np.full(count, -1, dtype=np.int16),
        foot_lon=np.full(count, np.nan),
        foot_lat=np.full(count, np.nan),
        beyond_end=np.zeros(count, dtype=np.int8),
    )


def _corners(pieces: Segments) -> tuple[Reals, Reals, NDArray[np.int8]]:
    """Tangents by which a side is judged, and what lies beyond, shape (3 m,): at start, inside, at end.

    At the vertex between two pieces the tangent is the sum of their unit tangents, so that both give one
    answer.
    """
    dx, dy = pieces.x1 - pieces.x0, pieces.y1 - pieces.y0
    length = np.hypot(dx, dy)
    tangent_x, tangent_y = np.stack([dx / length] * 3), np.stack([dy / length] * 3)
    tangent_x[0, 1:] = tangent_x[2, :-1] = tangent_x[1, 1:] + tangent_x[1, :-1]
    tangent_y[0, 1:] = tangent_y[2, :-1] = tangent_y[1, 1:] + tangent_y[1, :-1]
    beyond = np.zeros((3, len(dx)), dtype=np.int8)
    beyond[0, 0], beyond[2, -1] = BEYOND_START, BEYOND_END
    return tangent_x.T.ravel().copy(), tangent_y.T.ravel().copy(), beyond.T.ravel().copy()
