"""The crossings of `geodata.crossings` as one compiled loop, for `contactline[fast]` (numba).

It answers the plain steps: those whose place against every edge floating point decides, and whose crossings it
brings into order. All others (fixes on the line, touched vertices, no room left) are left to the reference. What
it answers has the reference's bits: the same operations in the same order. Without numba it runs as slow Python.
"""

from typing import TYPE_CHECKING, Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

from geodata.compilation import compiled
from geodata.edge_raster import Cells
from geodata.orientation import BOUND, UNDERFLOW

if TYPE_CHECKING:
    from geodata.contact_line import ContactLine

Reals = NDArray[np.float64]
Indices = NDArray[np.int64]

HITS_MAX: Final = 64
"""Steps with more crossings are left to the reference."""
_ROOM: Final = 16_384
"""Crossings and steps left at a time."""
_CHUNK: Final = 2_048
"""Steps at a time: those that may meet the line are first picked out, then looked at."""
ONE: Final = np.uint64(1)
_WIDE: Final = 3
"""Steps over more columns are looked at row by row, each row where the step passes it."""


class Edges(NamedTuple):
    """What the loop reads of a line: its raster, its vertices, and the side of each edge's left hand (+1 = A)."""

    lon_centre: float
    cells: Cells
    clear: NDArray[np.uint8]
    begin: NDArray[np.int32]
    edge: NDArray[np.int32]
    lon: Reals
    lat: Reals
    left_sign: NDArray[np.int8]


class PlainCrossings(NamedTuple):
    """Crossings of the plain steps, ordered by step and fraction, shape (c,); `left` (m,): all steps not answered."""

    step: Indices
    edge: Indices
    fraction: Reals
    sign: NDArray[np.int8]
    left: Indices


_NONE: Final = PlainCrossings(
    np.zeros(0, np.int64), np.zeros(0, np.int64), np.zeros(0), np.zeros(0, np.int8), np.zeros(0, np.int64)
)


def edges_of(line: "ContactLine") -> Edges:
    """What the loop reads of a line."""
    raster = line.edge_raster
    left_sign = np.asarray(line.left_signs[line.part_of_vertex], dtype=np.int8)
    return Edges(
        line.lon_centre,
        raster.cells,
        raster.clear,
        raster.begin,
        raster.edge,
        line.lon_continuous,
        line.lat,
        left_sign,
    )


def plain_crossings(edges: Edges, lon0: Reals, lat0: Reals, lon1: Reals, lat1: Reals) -> PlainCrossings:
    """Crossings of the steps from (`lon0`, `lat0`) to (`lon1`, `lat1`), degrees, shape (n,)."""
    p_lon, p_lat, q_lon, q_lat = (np.ascontiguousarray(v) for v in (lon0, lat0, lon1, lat1))
    whole, reals, signs = np.empty((3, _ROOM), np.int64), np.empty(_ROOM), np.empty(_ROOM, np.int8)
    found, begin = [_NONE], 0
    with np.errstate(over="ignore", invalid="ignore"):  # of numbers that are no places
        while begin < len(p_lon):
            begin, count, left_count = _cross(
                p_lon, p_lat, q_lon, q_lat, begin, edges, whole[0], whole[1], reals, signs, whole[2]
            )
            step, edge = whole[:2, :count].copy()
            found.append(
                PlainCrossings(
                    step, edge, reals[:count].copy(), signs[:count].copy(), whole[2, :left_count].copy()
                )
            )
    return PlainCrossings(*(np.concatenate(columns) for columns in zip(*found, strict=True)))


@compiled
def _cross(
    lon0: Reals,
    lat0: Reals,
    lon1: Reals,
    lat1: Reals,
    begin: int,
    edges: Edges,
    step: Indices,
    edge: Indices,
    fraction: Reals,
    sign: NDArray[np.int8],
    left: Indices,
) -> tuple[int, int, int]:
    """Answers steps from `begin` on, until all are or room is short: how far it came, crossings, steps left."""
    picked = np.empty(_CHUNK, np.int64)
    count, left_count = 0, 0
    while begin < len(lon0) and left_count + _CHUNK <= len(left) and count + HITS_MAX <= len(step):
        end = min(begin + _CHUNK, len(lon0))
        picked_count = _pick(lon0, lat0, lon1, lat1, begin, end, edges, picked)
        done, count, left_count = _look(
            picked[:picked_count],
            lon0,
            lat0,
            lon1,
            lat1,
            edges,
            step,
            edge,
            fraction,
            sign,
            left,
            count,
            left_count,
        )
        begin = end if done == picked_count else picked[done]
    return begin, count, left_count


@compiled
def _continuous(lon0: float, lon1: float, centre: float) -> tuple[float, float]:
    """Longitudes of a step on the line's own turn of the globe, the short way round."""
    if abs(centre - lon0) > 180.0:
        lon0 += 360.0 * np.rint((centre - lon0) / 360.0)
    if abs(centre - lon1) > 180.0:
        lon1 += 360.0 * np.rint((centre - lon1) / 360.0)
    if abs(lon0 - lon1) > 180.0:
        lon1 += 360.0 * np.rint((lon0 - lon1) / 360.0)
    return lon0, lon1


@compiled
def _pick(
    lon0: Reals, lat0: Reals, lon1: Reals, lat1: Reals, begin: int, end: int, edges: Edges, picked: Indices
) -> int:
    """Writes the steps from `begin` to before `end` that may meet an edge into `picked`; their number."""
    cells, count = edges.cells, 0
    for k in range(begin, end):
        x0, x1 = _continuous(lon0[k], lon1[k], edges.lon_centre)
        y0, y1 = lat0[k], lat1[k]
        column, row = (
            np.floor((x0 - cells.west) * cells.per_lon),
            np.floor((y0 - cells.south) * cells.per_lat),
        )
        wide = abs(np.floor((x1 - cells.west) * cells.per_lon) - column)
        high = abs(np.floor((y1 - cells.south) * cells.per_lat) - row)
        are_places = abs(lon0[k]) <= 360.0 and abs(lon1[k]) <= 360.0 and abs(y0) <= 90.0 and abs(y1) <= 90.0
        if are_places and (x0 != x1 or y0 != y1):
            cell = _within(row, cells.rows) * cells.columns + _within(column, cells.columns)
            picked[count] = k
            count += max(wide, high) >= edges.clear[np.uint64(cell)]
    return count


@compiled
def _within(at: float, count: int) -> int:
    """The row or column nearest to `at` that is one of `count`."""
    return int(min(max(at, 0.0), count - 1.0))


@compiled
def _certain(ax: float, ay: float, bx: float, by: float, px: float, py: float) -> float:
    """Positive where p is left of a -> b, negative right (see `orientation.orient`); 0 where that is in doubt."""
    left, right = (bx - ax) * (py - ay), (by - ay) * (px - ax)
    det = left - right
    return 0.0 if abs(det) <= BOUND * (abs(left) + abs(right)) + UNDERFLOW else det


@compiled
def _look(
    picked: Indices,
    lon0: Reals,
    lat0: Reals,
    lon1: Reals,
    lat1: Reals,
    edges: Edges,
    step: Indices,
    edge: Indices,
    fraction: Reals,
    sign: NDArray[np.int8],
    left: Indices,
    count: int,
    left_count: int,
) -> tuple[int, int, int]:
    """Crossings of picked steps, until room is short: how many steps it answered or left, and both counts."""
    lon, lat, left_sign, of_cell, begin_of_cell = (
        edges.lon,
        edges.lat,
        edges.left_sign,
        edges.edge,
        edges.begin,
    )
    for n in range(len(picked)):
        k = picked[n]
        if count + HITS_MAX > len(step):
            return n, count, left_count
        x0, x1 = _continuous(lon0[k], lon1[k], edges.lon_centre)
        y0, y1 = lat0[k], lat1[k]
        west, east, south, north = min(x0, x1), max(x0, x1), min(y0, y1), max(y0, y1)
        first_row, last_row, first_column, last_column = _cells_of(west, east, south, north, edges.cells)
        hits, is_plain = 0, True
        for row in range(first_row, last_row + 1):
            begin, end = first_column, last_column
            if end - begin > _WIDE and (north - south) * edges.cells.per_lat > 1.0:
                begin, end = _columns_in_row(row, x0, y0, x1, y1, begin, end, edges.cells)
            cell = row * edges.cells.columns
            for at in range(begin_of_cell[cell + begin], begin_of_cell[cell + end + 1]):
                of = np.uint64(of_cell[at])
                a_lon, a_lat, b_lon, b_lat = lon[of], lat[of], lon[of + ONE], lat[of + ONE]
                if max(a_lon, b_lon) < west or min(a_lon, b_lon) > east:
                    continue
                if max(a_lat, b_lat) < south or min(a_lat, b_lat) > north:
                    continue
                meets, along, hand = _meeting(x0, y0, x1, y1, a_lon, a_lat, b_lon, b_lat)
                if meets > 0:
                    hand *= left_sign[of]
                    hits = _put(edge, fraction, sign, count, hits, int(of), along, hand)
                is_plain &= meets >= 0 and hits <= HITS_MAX
        hits = min(hits, HITS_MAX)
        for other in range(
            count + 1, count + hits
        ):  # they alternate but where rounding has them in wrong order
            is_plain &= sign[other] != sign[other - 1]
        if is_plain:
            step[count : count + hits] = k
            count += hits
        else:
            left[left_count] = k
            left_count += 1
    return len(picked), count, left_count


@compiled
def _put(
    edge: Indices,
    fraction: Reals,
    sign: NDArray[np.int8],
    begin: int,
    hits: int,
    of: int,
    along: float,
    hand: int,
) -> int:
    """Puts a crossing among the `hits` ones from `begin` on, by fraction, then edge; how many there are then.

    An edge may stand in several cells and is put once; one more than there is room for is counted only.
    """
    for k in range(begin, begin + min(hits, HITS_MAX)):
        if edge[k] == of:
            return hits
    if hits >= HITS_MAX:
        return HITS_MAX + 1
    at = begin + hits
    while at > begin and (fraction[at - 1] > along or (fraction[at - 1] == along and edge[at - 1] > of)):
        edge[at], fraction[at], sign[at] = edge[at - 1], fraction[at - 1], sign[at - 1]
        at -= 1
    edge[at], fraction[at], sign[at] = of, along, hand
    return hits + 1


@compiled
def _cells_of(
    west: float, east: float, south: float, north: float, cells: Cells
) -> tuple[int, int, int, int]:
    """First and last row, first and last column of a box."""
    return (
        _within(np.floor((south - cells.south) * cells.per_lat), cells.rows),
        _within(np.floor((north - cells.south) * cells.per_lat), cells.rows),
        _within(np.floor((west - cells.west) * cells.per_lon), cells.columns),
        _within(np.floor((east - cells.west) * cells.per_lon), cells.columns),
    )


@compiled
def _columns_in_row(
    row: int, x0: float, y0: float, x1: float, y1: float, begin: int, end: int, cells: Cells
) -> tuple[int, int]:
    """Of the columns `begin` to `end` those that a step has in a row; a column more outweighs rounding."""
    per_row = (x1 - x0) / (y1 - y0) / cells.per_lat
    low = ((x0 - cells.west) + (row - (y0 - cells.south) * cells.per_lat) * per_row) * cells.per_lon
    high = low + per_row * cells.per_lon
    return (
        max(begin, _within(np.floor(min(low, high)) - 1.0, cells.columns)),
        min(end, _within(np.floor(max(low, high)) + 1.0, cells.columns)),
    )


@compiled
def _meeting(
    x0: float,
    y0: float,
    x1: float,
    y1: float,
    a_lon: float,
    a_lat: float,
    b_lon: float,
    b_lat: float,
) -> tuple[int, float, int]:
    """Whether a step crosses an edge (-1: in doubt), where on the step, and from which hand (+1 = left)."""
    a, b = _certain(x0, y0, x1, y1, a_lon, a_lat), _certain(x0, y0, x1, y1, b_lon, b_lat)
    if a == 0.0 or b == 0.0:
        return -1, 0.0, 0
    if (a > 0.0) == (b > 0.0):
        return 0, 0.0, 0
    p, q = _certain(a_lon, a_lat, b_lon, b_lat, x0, y0), _certain(a_lon, a_lat, b_lon, b_lat, x1, y1)
    if p == 0.0 or q == 0.0:
        return -1, 0.0, 0
    if (p > 0.0) == (q > 0.0):
        return 0, 0.0, 0
    return 1, abs(p) / (abs(p) + abs(q)), 1 if p > 0.0 else -1
