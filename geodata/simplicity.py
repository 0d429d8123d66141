"""Where a line meets itself: found with boxes in a tree, decided exactly.

A contact line has a left and a right only while it is simple: no two edges may cross or touch but at the
vertex that neighbours share, and no edge may run back over its neighbour.
"""

from typing import Any, NamedTuple

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


def self_contacts(lon: Reals, lat: Reals, part_begin: NDArray[np.int64] | None = None) -> list[Contact]:
    """Every place where the line through (`lon`, `lat`), shape (v,), meets itself, in order of the edges.

    `part_begin`: where its parts begin, and the number of vertices (default: one part); edge i begins with
    vertex i. Vertices stated twice in a row are no contact, nor is the vertex that closes a part whose first
    and last are the same. Inputs must be finite.

    >>> self_contacts(np.array([0.0, 2.0, 2.0, 1.0]), np.array([0.0, 0.0, 1.0, -1.0]))
    [Contact(edge_a=0, edge_b=2, lon=1.5, lat=0.0)]
    """
    begin = np.array([0, len(lon)]) if part_begin is None else part_begin
    has_length = (lon[1:] != lon[:-1]) | (lat[1:] != lat[:-1])
    has_length[begin[1:-1] - 1] = False
    edge = np.flatnonzero(has_length)
    if len(edge) < 2:
        return []
    after = _edges_after(lon, lat, begin, edge)
    ends = (lon[edge], lat[edge], lon[edge + 1], lat[edge + 1])
    pairs = np.concatenate([_meeting_pairs(ends, after), _folded_pairs(ends, after)])
    pairs = np.sort(pairs, axis=1)
    pairs = np.unique(pairs, axis=0)
    return [
        Contact(int(edge[a]), int(edge[b]), *_meeting_place(ends, a, b, after[a] == b or after[b] == a))
        for a, b in pairs.tolist()
    ]


def _edges_after(lon: Reals, lat: Reals, begin: NDArray[np.int64], edge: NDArray[np.int64]) -> Any:
    """Position of the edge that goes on where each one ends, along its part; -1 at the end of an open one."""
    part = np.searchsorted(begin, edge, side="right")
    after = np.arange(1, len(edge) + 1)
    is_last = np.append(part[1:] != part[:-1], True)
    first = np.searchsorted(part, part, side="left")
    last_vertex, first_vertex = begin[part] - 1, begin[part - 1]
    is_closed = (lon[last_vertex] == lon[first_vertex]) & (lat[last_vertex] == lat[first_vertex])
    after[is_last] = np.where(is_closed, first, -1)[is_last]
    return after


def _meeting_pairs(ends: tuple[Reals, Reals, Reals, Reals], after: Any) -> NDArray[np.int64]:
    """Pairs (i, j), shape (p, 2), of edges that are no neighbours and share a place."""
    x0, y0, x1, y1 = ends
    boxes = shapely.box(np.minimum(x0, x1), np.minimum(y0, y1), np.maximum(x0, x1), np.maximum(y0, y1))
    i, j = shapely.STRtree(boxes).query(boxes)
    is_apart = (j > i) & (after[i] != j) & (after[j] != i)
    i, j = i[is_apart], j[is_apart]
    corners = (x0[i], y0[i], x1[i], y1[i], x0[j], y0[j], x1[j], y1[j])
    return np.stack([i, j], axis=1)[_meets(*corners)].astype(np.int64)


def _meets(
    ax: Reals, ay: Reals, bx: Reals, by: Reals, cx: Reals, cy: Reals, dx: Reals, dy: Reals
) -> NDArray[np.bool_]:
    """Whether the closed edges a-b and c-d share a place; their boxes are known to overlap."""
    c_side, d_side = orient(ax, ay, bx, by, cx, cy), orient(ax, ay, bx, by, dx, dy)
    a_side, b_side = orient(cx, cy, dx, dy, ax, ay), orient(cx, cy, dx, dy, bx, by)
    # Overlapping boxes make collinear edges meet, so the two sign tests are enough.
    return np.asarray((c_side * d_side <= 0) & (a_side * b_side <= 0))


def _folded_pairs(ends: tuple[Reals, Reals, Reals, Reals], after: Any) -> NDArray[np.int64]:
    """Pairs (i, j), shape (p, 2), of neighbours of which the second runs back over the first."""
    x0, y0, x1, y1 = ends
    i = np.flatnonzero(after >= 0)
    j = after[i]
    turn = orient(x0[i], y0[i], x1[i], y1[i], x1[j], y1[j])
    along = (x1[i] - x0[i]) * (x1[j] - x0[j]) + (y1[i] - y0[i]) * (y1[j] - y0[j])
    is_folded = (turn == 0) & (along < 0)
    return np.stack([i[is_folded], j[is_folded]], axis=1).astype(np.int64)


def _meeting_place(
    ends: tuple[Reals, Reals, Reals, Reals], i: int, j: int, are_neighbours: bool
) -> tuple[float, float]:
    """A place that the edges i and j share, for a message (rounded to 1e-7 degrees)."""
    x0, y0, x1, y1 = (values[[i, j]].tolist() for values in ends)
    if are_neighbours:
        is_after = (x1[0], y1[0]) == (x0[1], y0[1])
        return round(x0[int(is_after)], 7), round(y0[int(is_after)], 7)
    first = shapely.LineString([(x0[0], y0[0]), (x1[0], y1[0])])
    second = shapely.LineString([(x0[1], y0[1]), (x1[1], y1[1])])
    shared = shapely.get_coordinates(shapely.shortest_line(first, second)).mean(axis=0)
    if first.crosses(second):
        shared = shapely.get_coordinates(shapely.intersection(first, second))[0]
    return round(float(shared[0]), 7), round(float(shared[1]), 7)
