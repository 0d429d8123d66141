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

from geodata.compilation import HAS_NUMBA
from geodata.compiled import locate as compiled_locate
from geodata.compiled_crossings import plain_crossings
from geodata.compiled_tables import Tables, tables_of
from geodata.far import FarSearch
from geodata.frame_series import FrameSeries
from geodata.grid_index import FAR, build_grid_index
from geodata.near_block import BLOCK, Corners, NearPieces, Rooms
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
BEYOND_START: Final = 1
BEYOND_END: Final = 2


class Located(NamedTuple):
    """Answers for n places, arrays of shape (n,).

    `side`: +1 = A, -1 = B, 0 = not known (no position); a place on the line is on side A by convention and
    has distance 0. `signed_distance_m`: geodesic, positive on side A. `chainage_m`: of the foot point
    (`foot_lon`, `foot_lat`, degrees), along `line_part` (-1 = none). `beyond_end`: 0 no, 1 beyond the
    start, 2 beyond the end of that part. Places without a usable position have NaN.
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

    def __init__(self, line: "ContactLine", compiled: bool | None = None) -> None:
        """The index of `line`; `compiled`: whether by the compiled loop (default: where numba is installed)."""
        self.line = line
        pieces = line.segments
        self._series = FrameSeries.around(line.frame, line.lon_continuous, line.lat, REACH_M)
        # The index lives in the metres of the series, so that a vertex has the same bits as a fix upon it.
        x0, y0 = self._series.forward(pieces.lon0, pieces.lat0)
        x1, y1 = self._series.forward(pieces.lon1, pieces.lat1)
        self._pieces = replace(pieces, x0=x0, y0=y0, x1=x1, y1=y1)
        self._grid = build_grid_index(self._pieces, REACH_M, FAR_M, self._series)
        self._far = FarSearch(pieces)
        self._near = NearPieces(line, self._pieces, self._series, self._grid, _corners(self._pieces, line))
        self._crosses_antimeridian = bool(np.any(np.abs(line.lon_continuous) > 180.0))
        self._tables: Tables | None = None
        if HAS_NUMBA if compiled is None else compiled:
            self._tables = tables_of(self._near)
            # Loops are compiled or loaded here, not in a first request.
            place = line.lon[:1], line.lat[:1]
            self.locate(*place)
            plain_crossings(line.edges_compiled, *place, *place)

    @property
    def is_compiled(self) -> bool:
        """Whether places go through the compiled loop."""
        return self._tables is not None

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
        if self._tables is not None:
            return self._locate_compiled(self._tables, lon_deg, lat_deg, clearance)
        found = _blank(len(lon_deg))
        self._locate_by_blocks(lon_deg, lat_deg, clearance, found)
        return found

    def _is_in_box(self, lon: Reals, lat: Reals) -> NDArray[np.bool_]:
        """Whether places are inside the box of the series; `lon` continuous."""
        series = self._series
        in_lon = np.abs(lon - series.lon_centre) <= series.lon_reach_deg
        return np.asarray(in_lon & (lat >= series.south) & (lat <= series.north))

    def _in_the_plane(self, lon: Reals, lat: Reals, all_rooms: Rooms) -> tuple[Rooms, Indices | None]:
        """Rooms with the metres of places in rows 12 and 13, and their leaves; None where one is out of the box."""
        series, rooms = self._series, all_rooms.first(len(lon))
        offset = np.subtract(lon, series.lon_centre, out=rooms.reals[0])
        if not self._is_in_box(lon, lat).all():
            return rooms, None
        series.forward_into(rooms.reals[12], rooms.reals[13], offset, lat, rooms.reals[1:4])
        self._near.leaves(rooms.reals[12], rooms.reals[13], rooms, rooms.whole[1])
        return rooms, rooms.whole[1]

    def _locate_compiled(self, tables: Tables, lon: Reals, lat: Reals, clearance: bool) -> Located:
        """The compiled loops; what they leave is decided by the reference."""
        into = _room(len(lon)) if clearance else _blank(len(lon))
        is_left = np.zeros(len(lon), dtype=np.bool_)
        with np.errstate(over="ignore", invalid="ignore"):  # of numbers that are no places, and are left
            compiled_locate(
                np.ascontiguousarray(lon), np.ascontiguousarray(lat), *tables, clearance, into, is_left
            )
        if clearance and self._crosses_antimeridian:
            into.foot_lon[:] = wrap_deg(into.foot_lon)
        if is_left.any():
            left = np.flatnonzero(is_left)
            found = _blank(len(left))
            self._locate_by_blocks(lon[left], lat[left], clearance, found)
            into.put(left, found)
        return into

    def _locate_by_blocks(self, lon_deg: Reals, lat_deg: Reals, clearance: bool, found: Located) -> None:
        rooms = Rooms.of(min(len(lon_deg), BLOCK))
        for begin in range(0, len(lon_deg), BLOCK):
            block = slice(begin, begin + BLOCK)
            self._locate_block(lon_deg[block], lat_deg[block], clearance, rooms, found.part(block))

    def _locate_block(self, lon: Reals, lat: Reals, clearance: bool, all_rooms: Rooms, into: Located) -> None:
        rooms, leaf = self._in_the_plane(lon, lat, all_rooms)
        if leaf is None:
            is_inside = self._is_in_box(lon, lat)
            self._locate_elsewhere(lon, lat, ~is_inside, clearance, all_rooms, into)
            self._locate_some(lon, lat, np.flatnonzero(is_inside), clearance, all_rooms, into)
            return
        x, y = rooms.reals[12], rooms.reals[13]
        if leaf.min() < 0:
            is_outside = leaf < 0
            outside = np.flatnonzero(is_outside)
            self._locate_far(lon[outside], lat[outside], outside, clearance, into)
            self._locate_some(lon, lat, np.flatnonzero(~is_outside), clearance, all_rooms, into)
            return
        rank = self._grid.leaf_rank.take(leaf)
        if rank.max() == FAR:
            is_far = rank == FAR
            far = np.flatnonzero(is_far)
            self._locate_far(lon[far], lat[far], far, clearance, into, leaf[far])
            self._locate_some(lon, lat, np.flatnonzero(~is_far), clearance, all_rooms, into)
            return
        piece = self._near.nearest(x, y, leaf, rank, rooms)
        self._near.answer(lon, lat, x, y, piece, clearance, rooms, into)
        if clearance and self._crosses_antimeridian:
            into.foot_lon[:] = wrap_deg(into.foot_lon)

    def _locate_some(
        self, lon: Reals, lat: Reals, at: Indices, clearance: bool, rooms: Rooms, into: Located
    ) -> None:
        """The places `at` of a block, with the others left out."""
        if len(at):
            found = _blank(len(at))
            self._locate_block(lon[at], lat[at], clearance, rooms, found)
            into.put(at, found)

    def _locate_elsewhere(
        self,
        lon: Reals,
        lat: Reals,
        elsewhere: NDArray[np.bool_],
        clearance: bool,
        rooms: Rooms,
        into: Located,
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
            self._locate_block(turned[is_turned], lat[again], clearance, rooms, found)
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
        leaf: Indices | None = None,
    ) -> None:
        """Far places, measured over the globe; `at`: their positions in the answer; `leaf`: theirs in the index."""
        frame, pieces, near = self.line.frame, self._pieces, self._near
        if leaf is None:
            piece, t, distance_m = self._far.nearest(lon, lat)
        else:
            count = self._grid.leaf_count.take(leaf)
            row = np.repeat(np.arange(len(leaf)), count)
            rank = np.arange(len(row)) - np.repeat(np.cumsum(count) - count, count)
            candidate = self._grid.candidate.take(np.repeat(self._grid.leaf_begin.take(leaf), count) + rank)
            piece, t, distance_m = self._far.nearest_of(lon, lat, row, candidate.astype(np.int64))
        foot_x, foot_y = pieces.x0[piece] + t * near.dx[piece], pieces.y0[piece] + t * near.dy[piece]
        x, y = frame.forward(lon, np.clip(lat, -89.9, 89.9))
        corner = 3 * piece + (t > 0.0) + (t >= 1.0)
        tangent_x, tangent_y, beyond = near.corners
        sign = np.sign(tangent_x[corner] * (y - foot_y) - tangent_y[corner] * (x - foot_x))
        sign[sign == 0.0] = 1.0
        into.side[at] = sign
        into.line_part[at] = pieces.part[piece]
        along = (x - foot_x) * near.dx[piece] + (y - foot_y) * near.dy[piece]
        into.beyond_end[at] = np.where(along != 0.0, beyond[corner], 0)
        if clearance:
            into.signed_distance_m[at] = distance_m * sign
            foot_lon = near.lon0[piece] + t * near.dlon[piece]
            into.foot_lon[at] = wrap_deg(foot_lon) if self._crosses_antimeridian else foot_lon
            into.foot_lat[at] = near.lat0[piece] + t * near.dlat[piece]
            into.chainage_m[at] = near.chainage0_m[piece] + t * near.length_m[piece]


def _room(count: int) -> Located:
    """Columns for `count` answers, with anything in them."""
    reals = [np.empty(count) for _ in range(4)]
    side, beyond = (np.empty(count, dtype=np.int8) for _ in range(2))
    return Located(side, reals[0], reals[1], np.empty(count, dtype=np.int16), reals[2], reals[3], beyond)


def _blank(count: int) -> Located:
    """Answers for `count` places that are none."""
    blank = _room(count)
    for column, value in zip(blank, (0, np.nan, np.nan, -1, np.nan, np.nan, 0), strict=True):
        cast("Any", column).fill(value)
    return blank


def _corners(pieces: Segments, line: "ContactLine") -> Corners:
    """What holds at the ends of the pieces and inside them.

    At the vertex between two pieces the tangent is the sum of their unit tangents, so that both give one
    answer. A closed part has no end for anything to be beyond.
    """
    dx, dy = pieces.x1 - pieces.x0, pieces.y1 - pieces.y0
    length = np.hypot(dx, dy)
    beyond = np.zeros((3, len(dx)), dtype=np.int8)
    before, after = np.arange(len(dx)) - 1, np.arange(len(dx)) + 1
    for part, is_closed in enumerate(line.is_closed.tolist()):
        first, last = np.searchsorted(pieces.part, [part, part + 1]) - np.array([0, 1])
        before[first], after[last] = (last, first) if is_closed else (first, last)
        if not is_closed:
            beyond[0, first], beyond[2, last] = BEYOND_START, BEYOND_END
    # At the end of an open part a piece is its own neighbour: twice its tangent judges like once.
    sign = line.left_signs[pieces.part]
    x, y = sign * dx / length, sign * dy / length
    tangent_x, tangent_y = (
        np.stack([x[before] + x, x, x + x[after]]),
        np.stack([y[before] + y, y, y + y[after]]),
    )
    return Corners(tangent_x.T.ravel(), tangent_y.T.ravel(), beyond.T.ravel())
