"""The line where the polygons of side A and of side B touch.

The line is what both sides' borders share, edge by edge, walked with A on the left. Borders of one side alone
(a coast, the edge of the map) are no contact line. Where one side has a vertex on the other's edge, or its
copy of a vertex a hand's breadth aside, both are brought together first: what is less than `TOUCH_DEG` apart
is one place.
"""

from itertools import pairwise
from typing import Final

import numpy as np
import shapely

from geodata.errors import LineInvalid

TOUCH_DEG: Final = 1e-6
"""About 0.1 m."""

Vertex = tuple[float, float]
Edge = tuple[Vertex, Vertex]
Ring = list[Vertex]
Polygon = list[Ring]
"""The outer ring, then the holes; each closed, whichever way it is walked."""


def line_between(side_a: list[Polygon], side_b: list[Polygon], where: str) -> list[list[Vertex]]:
    """The parts of the line where the sides touch, each walked with A on the left; closed ones close.

    Raises LineInvalid where the sides overlap along an edge, or touch nowhere.

    >>> left, right = [(0, 0), (1, 0), (1, 1), (0, 1), (0, 0)], [(1, 0), (2, 0), (2, 1), (1, 1), (1, 0)]
    >>> line_between([[left]], [[right]], "two squares")
    [[(1, 0), (1, 1)]]
    """
    rings_b = [ring for polygon in side_b for ring in _with_inside_left(polygon)]
    rings_a = [_snapped(ring, rings_b) for polygon in side_a for ring in _with_inside_left(polygon)]
    rings_a, rings_b = _cut_at(rings_a, rings_b), _cut_at(rings_b, rings_a)
    edges_b = {edge for ring in rings_b for edge in _edges(ring)}
    runs: list[list[Vertex]] = []
    for ring in rings_a:
        edges = _edges(ring)
        for start, end in edges:
            if (start, end) in edges_b:
                raise LineInvalid(
                    "line_invalid",
                    f"{where}, edge {start} to {end}",
                    "has both sides on the same hand: the polygons of side A and side B overlap",
                )
        runs += _runs([(end, start) in edges_b for start, end in edges], edges)
    if not runs:
        raise LineInvalid(
            "line_invalid",
            where,
            "has polygons of both sides that share no edge; the line is where side A and side B touch",
        )
    return runs


def _runs(is_shared: list[bool], edges: list[Edge]) -> list[list[Vertex]]:
    """Stretches of consecutive shared edges around a ring."""
    if all(is_shared):
        return [[edges[0][0], *(end for _, end in edges)]]
    # Begin after an edge that is not shared, so that no run is cut by where the ring happens to begin.
    first = is_shared.index(False) + 1
    runs: list[list[Vertex]] = []
    is_open = False
    for k in range(first, first + len(edges)):
        start, end = edges[k % len(edges)]
        if not is_shared[k % len(edges)]:
            is_open = False
        elif is_open:
            runs[-1].append(end)
        else:
            runs.append([start, end])
            is_open = True
    return runs


def _with_inside_left(polygon: Polygon) -> list[Ring]:
    """The rings of a polygon walked so that its inside is on the left; vertices stated twice only once."""
    turned: list[Ring] = []
    for idx, ring in enumerate(polygon):
        places = [place for k, place in enumerate(ring) if k == 0 or place != ring[k - 1]]
        x0, y0 = places[0]
        double_area = sum(
            (ax - x0) * (by - y0) - (bx - x0) * (ay - y0) for (ax, ay), (bx, by) in pairwise(places)
        )
        is_outer = idx == 0
        turned.append(places if (double_area > 0.0) == is_outer else places[::-1])
    return turned


def _edges(ring: Ring) -> list[Edge]:
    return [(start, end) for start, end in pairwise(ring) if start != end]


def _snapped(ring: Ring, rings_b: list[Ring]) -> Ring:
    """The ring with each vertex moved onto the nearest one of the other side that is as good as there."""
    vertices = sorted({place for other in rings_b for place in other})
    tree = shapely.STRtree(np.atleast_1d(np.asarray(shapely.points(np.array(vertices)))))
    own, other = tree.query_nearest(shapely.points(np.array(ring)), max_distance=TOUCH_DEG, all_matches=False)
    moved = list(ring)
    for k, vertex in zip(own.tolist(), other.tolist(), strict=True):
        moved[k] = vertices[vertex]
    return moved


def _cut_at(rings: list[Ring], others: list[Ring]) -> list[Ring]:
    """The rings with the vertices of `others` that lie on their edges put in."""
    vertices = sorted({place for other in others for place in other})
    tree = shapely.STRtree(np.atleast_1d(np.asarray(shapely.points(np.array(vertices)))))
    cut: list[Ring] = []
    for ring in rings:
        edges = _edges(ring)
        lines = np.asarray(shapely.linestrings(np.array(edges)))
        edge, vertex = tree.query(lines, predicate="dwithin", distance=TOUCH_DEG)
        along: dict[int, list[tuple[float, Vertex]]] = {}
        for k, v in zip(edge.tolist(), vertex.tolist(), strict=True):
            if vertices[v] not in edges[k]:
                along.setdefault(k, []).append((_share(edges[k], vertices[v]), vertices[v]))
        fine: Ring = [edges[0][0]]
        for k, (_, end) in enumerate(edges):
            fine += [place for _, place in sorted(along.get(k, []))]
            fine.append(end)
        cut.append(fine)
    return cut


def _share(edge: Edge, place: Vertex) -> float:
    (x0, y0), (x1, y1) = edge
    return (place[0] - x0) * (x1 - x0) + (place[1] - y0) * (y1 - y0)
