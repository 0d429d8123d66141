"""Which side a place within millimetres of the line is on: decided exactly, in degrees.

There the metric frame, in which an edge is a row of chords, no longer says it; the edges straight in
lon/lat do.
"""

from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from geodata.orientation import orient

if TYPE_CHECKING:
    from geodata.contact_line import ContactLine

Reals = NDArray[np.float64]
Indices = NDArray[np.int64]


def exact_sign(line: "ContactLine", lon: Reals, lat: Reals, piece: Indices, t: Reals) -> NDArray[np.int8]:
    """+1 on side A of the line, -1 on side B, 0 exactly on it, for places next to it, shape (n,).

    `lon` continuous; `piece` and `t`: the nearest piece of the line and where on it the foot is.
    """
    pieces, vertex_lon, vertex_lat = line.segments, line.lon_continuous, line.lat
    edge = pieces.edge[piece].astype(np.int64)
    sign = _side_of(vertex_lon, vertex_lat, edge, lon, lat)
    along = pieces.t0[piece] + t * (pieces.t1 - pieces.t0)[piece]
    before, after = line.neighbour_edges
    first = np.where(along < 0.5, before[edge], edge)
    second = np.where(along < 0.5, edge, after[edge])
    corner = np.flatnonzero((first >= 0) & (second >= 0))
    a, b = first[corner], second[corner]
    # Near a corner both edges have a say. Degrees do to tell "near": less than half of each edge.
    reach = np.minimum(_span(vertex_lon, vertex_lat, a), _span(vertex_lon, vertex_lat, b)) / 2.0
    is_near = np.hypot(lon[corner] - vertex_lon[b], lat[corner] - vertex_lat[b]) < reach
    corner, a, b = corner[is_near], a[is_near], b[is_near]
    of_a = _side_of(vertex_lon, vertex_lat, a, lon[corner], lat[corner])
    of_b = _side_of(vertex_lon, vertex_lat, b, lon[corner], lat[corner])
    turn = _side_of(vertex_lon, vertex_lat, a, vertex_lon[b + 1], vertex_lat[b + 1])
    # Left of a left turn is left of both edges; left of a right turn is left of either.
    sign[corner] = np.where(
        turn > 0, np.minimum(of_a, of_b), np.where(turn < 0, np.maximum(of_a, of_b), of_a)
    )
    return np.asarray(sign * line.left_signs[line.part_of_vertex[edge]], dtype=np.int8)


def _side_of(vertex_lon: Reals, vertex_lat: Reals, edge: Indices, lon: Reals, lat: Reals) -> NDArray[np.int8]:
    return orient(vertex_lon[edge], vertex_lat[edge], vertex_lon[edge + 1], vertex_lat[edge + 1], lon, lat)


def _span(vertex_lon: Reals, vertex_lat: Reals, edge: Indices) -> Reals:
    """Length of edges in degrees."""
    return np.asarray(
        np.hypot(vertex_lon[edge + 1] - vertex_lon[edge], vertex_lat[edge + 1] - vertex_lat[edge])
    )
