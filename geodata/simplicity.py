"""Where a line meets itself: found with boxes in a tree, decided exactly.

A contact line has a left and a right only while it is simple: no two edges may cross or touch but at the
vertex that neighbours share, and no edge may run back over its neighbour.
"""

from typing import NamedTuple

import numpy as np
import shapely
from numpy.typing import NDArray

from geodata.orientation import orient

Reals = NDArray[np.float64]


class Contact(NamedTuple):
    """Two edges (0-based, `edge_a` < `edge_b`) of a line that meet at (`lon`, `lat`), degrees."""

    edge_a: int
    edge_b: int
    lon: float
    lat: float


def self_contacts(lon: Reals, lat: Reals) -> list[Contact]:
    """Every place where the line through (`lon`, `lat`), shape (v,), meets itself, in order of the edges.

    Vertices stated twice in a row are no contact. A ring's closing vertex is one. Inputs must be finite.

    >>> self_contacts(np.array([0.0, 2.0, 2.0, 1.0]), np.array([0.0, 0.0, 1.0, -1.0]))
    [Contact(edge_a=0, edge_b=2, lon=1.5, lat=0.0)]
    """
    is_new = np.ones(len(lon), dtype=bool)
    is_new[1:] = (lon[1:] != lon[:-1]) | (lat[1:] != lat[:-1])
    kept = np.flatnonzero(is_new)
    if len(kept) < 3:
        return []
    x, y = lon[kept], lat[kept]
    pairs = np.concatenate([_meeting_pairs(x, y), _folded_pairs(x, y)])
    pairs = pairs[np.lexsort((pairs[:, 1], pairs[:, 0]))]
    edge_of = kept[1:] - 1
    return [
        Contact(int(edge_of[a]), int(edge_of[b]), *_meeting_place(x, y, int(a), int(b)))
        for a, b in pairs.tolist()
    ]


def _meeting_pairs(x: Reals, y: Reals) -> NDArray[np.int64]:
    """Pairs (i, j), shape (p, 2), of edges that are no neighbours and share a place."""
    boxes = shapely.box(
        np.minimum(x[:-1], x[1:]),
        np.minimum(y[:-1], y[1:]),
        np.maximum(x[:-1], x[1:]),
        np.maximum(y[:-1], y[1:]),
    )
    first, second = shapely.STRtree(boxes).query(boxes)
    is_apart = second > first + 1
    i, j = first[is_apart], second[is_apart]
    corners = (x[i], y[i], x[i + 1], y[i + 1], x[j], y[j], x[j + 1], y[j + 1])
    return np.stack([i, j], axis=1)[_meets(*corners)].astype(np.int64)


def _meets(
    ax: Reals, ay: Reals, bx: Reals, by: Reals, cx: Reals, cy: Reals, dx: Reals, dy: Reals
) -> NDArray[np.bool_]:
    """Whether the closed edges a-b and c-d share a place; their boxes are known to overlap."""
    c_side, d_side = orient(ax, ay, bx, by, cx, cy), orient(ax, ay, bx, by, dx, dy)
    a_side, b_side = orient(cx, cy, dx, dy, ax, ay), orient(cx, cy, dx, dy, bx, by)
    # Overlapping boxes make collinear edges meet, so the two sign tests are enough.
    return np.asarray((c_side * d_side <= 0) & (a_side * b_side <= 0))


def _folded_pairs(x: Reals, y: Reals) -> NDArray[np.int64]:
    """Pairs (i, i + 1), shape (p, 2), of neighbours of which the second runs back over the first."""
    turn = orient(x[:-2], y[:-2], x[1:-1], y[1:-1], x[2:], y[2:])
    along = (x[1:-1] - x[:-2]) * (x[2:] - x[1:-1]) + (y[1:-1] - y[:-2]) * (y[2:] - y[1:-1])
    i = np.flatnonzero((turn == 0) & (along < 0))
    return np.stack([i, i + 1], axis=1).astype(np.int64)


def _meeting_place(x: Reals, y: Reals, i: int, j: int) -> tuple[float, float]:
    """A place that the edges i and j share, for a message (rounded to 1e-7 degrees)."""
    if j == i + 1:
        return round(float(x[j]), 7), round(float(y[j]), 7)
    first = shapely.LineString([(x[i], y[i]), (x[i + 1], y[i + 1])])
    second = shapely.LineString([(x[j], y[j]), (x[j + 1], y[j + 1])])
    shared = shapely.get_coordinates(shapely.shortest_line(first, second)).mean(axis=0)
    if first.crosses(second):
        shared = shapely.get_coordinates(shapely.intersection(first, second))[0]
    return round(float(shared[0]), 7), round(float(shared[1]), 7)
