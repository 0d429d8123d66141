"""Where a place is relative to the line: side, signed geodesic distance, chainage, foot point.

The side near the line (5 mm) is decided exactly against the edges straight in lon/lat; elsewhere by the
normal of the nearest piece, or of the vertex where two pieces meet. Beyond an end of the line the side is
that of the end edge produced straight in the metric frame, and the answer is flagged.
"""

from typing import TYPE_CHECKING, Final, NamedTuple

import numpy as np
import shapely
from numpy.typing import ArrayLike, NDArray

from geodata.orientation import orient
from geodata.projection import wrap_deg

if TYPE_CHECKING:
    from geodata.contact_line import ContactLine

Reals = NDArray[np.float64]

NEAR_LINE_M: Final = 0.005
BEYOND_NOT: Final = 0
BEYOND_START: Final = 1
BEYOND_END: Final = 2


class Located(NamedTuple):
    """Answers for n places, arrays of shape (n,).

    `side`: +1 = A, -1 = B, 0 = not known (no position); a place on the line is on side A by convention and
    has distance 0. `signed_distance_m`: geodesic, positive on side A. `chainage_m`: of the foot point
    (`foot_lon`, `foot_lat`, degrees), along `line_part` (-1 = none). `beyond_end`: 0 no, 1 beyond the start,
    2 beyond the end. Places without a usable position have NaN.
    """

    side: NDArray[np.int8]
    signed_distance_m: Reals
    chainage_m: Reals
    line_part: NDArray[np.int16]
    foot_lon: Reals
    foot_lat: Reals
    beyond_end: NDArray[np.int8]


class Locator:
    """Answers for places against one line. Immutable once built."""

    def __init__(self, line: "ContactLine") -> None:
        self.line = line
        self._pieces = line.segments
        pieces = self._pieces
        ends = np.stack([pieces.x0, pieces.y0, pieces.x1, pieces.y1], axis=1).reshape(-1, 2, 2)
        self._tree = shapely.STRtree(shapely.linestrings(ends))
        self._tangent_x, self._tangent_y = _tangents(line)

    def locate(self, lon: ArrayLike, lat: ArrayLike, clearance: bool = True) -> Located:
        """Side, distance, chainage and foot of the places (`lon`, `lat`), degrees, shape (n,).

        Not-finite or impossible positions give side 0, part -1 and NaN, never an error. With
        `clearance=False` only side, part and `beyond_end` are wanted, and the rest may be NaN.

        >>> from geodata.contact_line import ContactLine, LineDraft
        >>> line = ContactLine.from_draft(LineDraft(((37.0, 48.0), (37.0, 49.0)), "northwards"))
        >>> at = line.locator.locate([36.9, 37.1, float("nan"), 37.0], [48.5, 48.5, 48.5, 48.2])
        >>> at.side, at.signed_distance_m.round(2)
        (array([ 1, -1,  0,  1], dtype=int8), array([ 7390.14, -7390.14,      nan,     0.  ]))
        """
        lon_deg = np.atleast_1d(np.asarray(lon, dtype=np.float64))
        lat_deg = np.atleast_1d(np.asarray(lat, dtype=np.float64))
        is_place = (np.abs(lon_deg) <= 360.0) & (np.abs(lat_deg) < 90.0)
        if is_place.all():
            return self._locate_places(lon_deg, lat_deg)
        found = self._locate_places(lon_deg[is_place], lat_deg[is_place])
        blank = Located(
            side=np.zeros(len(lon_deg), dtype=np.int8),
            signed_distance_m=np.full(len(lon_deg), np.nan),
            chainage_m=np.full(len(lon_deg), np.nan),
            line_part=np.full(len(lon_deg), -1, dtype=np.int16),
            foot_lon=np.full(len(lon_deg), np.nan),
            foot_lat=np.full(len(lon_deg), np.nan),
            beyond_end=np.zeros(len(lon_deg), dtype=np.int8),
        )
        for column, values in zip(blank, found, strict=True):
            column[is_place] = values
        return blank

    def _locate_places(self, lon: Reals, lat: Reals) -> Located:
        frame, pieces = self.line.frame, self._pieces
        lon_continuous = self.line.continuous(lon)
        x, y = frame.forward(lon, lat)
        piece = self._nearest(x, y)
        dx, dy = pieces.x1[piece] - pieces.x0[piece], pieces.y1[piece] - pieces.y0[piece]
        raw_t = ((x - pieces.x0[piece]) * dx + (y - pieces.y0[piece]) * dy) / (dx * dx + dy * dy)
        t = np.clip(raw_t, 0.0, 1.0)
        off_x, off_y = x - (pieces.x0[piece] + t * dx), y - (pieces.y0[piece] + t * dy)
        planar_m = np.hypot(off_x, off_y)
        k = frame.scale(x, y) ** -1 + 4.0 * frame.scale(x - off_x / 2, y - off_y / 2) ** -1
        distance_m = planar_m * (k + frame.scale(x - off_x, y - off_y) ** -1) / 6.0
        corner = 3 * piece + (raw_t > 0.0) + (raw_t >= 1.0)
        turn = self._tangent_x[corner] * off_y - self._tangent_y[corner] * off_x
        sign = np.sign(turn).astype(np.int8)
        near = np.flatnonzero(planar_m <= NEAR_LINE_M)
        if len(near):
            sign[near] = self._exact_sign(lon_continuous[near], lat[near], piece[near], t[near])
            distance_m[near[sign[near] == 0]] = 0.0
        side = (sign * self.line.left_sign).astype(np.int8)
        side[side == 0] = 1
        beyond_end = np.zeros(len(x), dtype=np.int8)
        beyond_end[(piece == 0) & (raw_t < 0.0)] = BEYOND_START
        beyond_end[(piece == len(pieces) - 1) & (raw_t > 1.0)] = BEYOND_END
        return Located(
            side=side,
            signed_distance_m=distance_m * side,
            chainage_m=pieces.chainage0_m[piece] + t * pieces.length_m[piece],
            line_part=pieces.part[piece],
            foot_lon=wrap_deg(pieces.lon0[piece] + t * (pieces.lon1 - pieces.lon0)[piece]),
            foot_lat=pieces.lat0[piece] + t * (pieces.lat1 - pieces.lat0)[piece],
            beyond_end=beyond_end,
        )

    def _nearest(self, x: Reals, y: Reals) -> NDArray[np.int64]:
        """The nearest piece of each place in the plane; the first of equals."""
        points, piece = self._tree.query_nearest(shapely.points(x, y))
        order = np.lexsort((piece, points))
        _, first = np.unique(points[order], return_index=True)
        return np.asarray(piece[order][first], dtype=np.int64)

    def _exact_sign(self, lon: Reals, lat: Reals, piece: NDArray[np.int64], t: Reals) -> NDArray[np.int8]:
        """+1 left, -1 right, 0 on the line, for places next to it: exact in lon/lat."""
        line, pieces = self.line, self._pieces
        vlon, vlat = line.lon_continuous, line.lat
        edge = pieces.edge[piece].astype(np.int64)
        sign = orient(vlon[edge], vlat[edge], vlon[edge + 1], vlat[edge + 1], lon, lat)
        along = pieces.t0[piece] + t * (pieces.t1 - pieces.t0)[piece]
        first = np.where(along < 0.5, self._edge_before(edge), edge)
        second = np.where(along < 0.5, edge, self._edge_after(edge))
        at_corner = np.flatnonzero((first >= 0) & (second >= 0))
        a, b = first[at_corner], second[at_corner]
        qlon, qlat = lon[at_corner], lat[at_corner]
        # Degrees compare well enough here: a corner counts while it is nearer than the ends of both its
        # edges.
        reach = np.minimum(_span(vlon, vlat, a), _span(vlon, vlat, b))
        is_near = np.hypot(qlon - vlon[b], qlat - vlat[b]) < reach / 2.0
        at_corner, a, b = at_corner[is_near], a[is_near], b[is_near]
        if len(at_corner):
            qlon, qlat = lon[at_corner], lat[at_corner]
            of_first = orient(vlon[a], vlat[a], vlon[a + 1], vlat[a + 1], qlon, qlat)
            of_second = orient(vlon[b], vlat[b], vlon[b + 1], vlat[b + 1], qlon, qlat)
            turn = orient(vlon[a], vlat[a], vlon[b], vlat[b], vlon[b + 1], vlat[b + 1])
            both, either = np.minimum(of_first, of_second), np.maximum(of_first, of_second)
            sign[at_corner] = np.where(turn > 0, both, np.where(turn < 0, either, of_first))
        return sign

    def _edge_before(self, edge: NDArray[np.int64]) -> NDArray[np.int64]:
        """The edge with length that comes before, -1 at the start."""
        known = np.unique(self._pieces.edge)
        at = np.searchsorted(known, edge)
        return np.where(at > 0, known[np.maximum(at - 1, 0)], -1)

    def _edge_after(self, edge: NDArray[np.int64]) -> NDArray[np.int64]:
        """The edge with length that comes after, -1 at the end."""
        known = np.unique(self._pieces.edge)
        at = np.searchsorted(known, edge)
        return np.where(at + 1 < len(known), known[np.minimum(at + 1, len(known) - 1)], -1)


def _span(lon: Reals, lat: Reals, edge: NDArray[np.int64]) -> Reals:
    """Length of edges in degrees."""
    return np.asarray(np.hypot(lon[edge + 1] - lon[edge], lat[edge + 1] - lat[edge]))


def _tangents(line: "ContactLine") -> tuple[Reals, Reals]:
    """Tangents by which a side is judged, shape (3 m,): at a piece's start, along it, at its end.

    At the vertex between two pieces it is the sum of their unit tangents, so that both pieces give one
    answer.
    """
    pieces = line.segments
    dx, dy = pieces.x1 - pieces.x0, pieces.y1 - pieces.y0
    length = np.hypot(dx, dy)
    ux, uy = dx / length, dy / length
    tangent_x, tangent_y = np.stack([ux, ux, ux]), np.stack([uy, uy, uy])
    tangent_x[0, 1:] = tangent_x[2, :-1] = ux[1:] + ux[:-1]
    tangent_y[0, 1:] = tangent_y[2, :-1] = uy[1:] + uy[:-1]
    return tangent_x.T.ravel().copy(), tangent_y.T.ravel().copy()
