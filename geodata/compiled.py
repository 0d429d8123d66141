"""The block of `geodata.near_block` as one compiled loop, for `contactline[fast]` (numba).

The same operations in the same order, so the same bits: NumPy's are elementary ones, and nothing here is
fused or reordered. What needs a decision in rational arithmetic, or lies outside the index, is left to the
reference. Without numba this module still works, as slow Python; tests hold it equal to the reference either
way.
"""

from typing import TYPE_CHECKING, Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

from geodata.compilation import compiled
from geodata.grid_index import FAR, ROOT_M
from geodata.near_block import NEAR_LINE_M

if TYPE_CHECKING:
    from geodata.locator import Located
    from geodata.near_block import NearPieces

Reals = NDArray[np.float64]

CHUNK: Final = 512
"""Places at a time: what one step leaves for the next stays in the nearest cache."""
DEGREE: Final = 12
SHORT: Final = 8
COUNT_MAX: Final = 2**20
MANY: Final = 30
"""So many candidates or more are not told apart in ordering places."""
_PER_ROOT: Final = 1.0 / ROOT_M


class Plane(NamedTuple):
    """Of `FrameSeries`: its box, its factors, its polynomials from the highest coefficient downwards."""

    lon_centre: float
    lon_reach_deg: float
    south: float
    north: float
    lat_mid: float
    lat_factor: float
    cone: float
    q_mid: float
    q_factor: float
    northing_m: Reals
    sine_m: Reals
    cosine_m: Reals
    slope: Reals
    bend: Reals
    inverse_scale: Reals


class Cells(NamedTuple):
    """Of `GridIndex`."""

    west: float
    south: float
    columns: float
    tables: Reals
    """`table_begin` and `table_side` side by side, shape (roots, 2)."""
    leaf_of: NDArray[np.int32]
    leaves: NDArray[np.int64]
    """Begin of a leaf's candidates * COUNT_MAX + their number (0 for a far leaf)."""
    candidate: NDArray[np.int32]
    rank_mask: int


class Pieces(NamedTuple):
    """Of `NearPieces`: per piece a row of what is looked up together, and what holds at its corners."""

    ends: Reals
    """x0, y0, dx, dy, 1 / length^2 in the plane, and three unused, shape (m, 8): one line of the cache."""
    ways: Reals
    """lon0, dlon, lat0, dlat, chainage0, length, and two unused, shape (m, 8)."""
    tangents: Reals
    beyond: NDArray[np.int8]
    part: NDArray[np.int16]
    near_m2: float


Tables = tuple[Plane, Cells, Pieces]


def tables_of(near: "NearPieces") -> Tables | None:
    """What the loop reads, from the reference's own tables; None where it was not made for such."""
    series, grid, corners = near.series, near.grid, near.corners
    long, short = (
        (series.northing_m, series.inverse_scale),
        (series.sine_m, series.cosine_m, series.slope, series.bend),
    )
    if (
        grid.leaf_count.max() >= COUNT_MAX
        or max(map(len, long)) > DEGREE + 1
        or max(map(len, short)) > SHORT + 1
    ):
        return None
    down = [
        np.concatenate([np.zeros(DEGREE + 1 - len(coefficients)), coefficients[::-1]])
        for coefficients in (
            series.northing_m,
            series.sine_m,
            series.cosine_m,
            series.slope,
            series.bend,
            series.inverse_scale,
        )
    ]
    none = np.zeros(len(near.x0))
    plane = Plane(
        series.lon_centre,
        series.lon_reach_deg,
        series.south,
        series.north,
        series.lat_mid,
        series.lat_factor,
        series.cone,
        series.q_mid,
        series.q_factor,
        *down,
    )
    cells = Cells(
        grid.west,
        grid.south,
        float(grid.columns),
        np.stack([grid.table_begin, grid.table_side], axis=1),
        grid.leaf_of,
        grid.leaf_begin * COUNT_MAX + np.where(grid.leaf_rank == FAR, 0, grid.leaf_count),
        grid.candidate,
        -1 << near.rank_bits,
    )
    pieces = Pieces(
        np.stack([near.x0, near.y0, near.dx, near.dy, near.inverse_length2, none, none, none], axis=1),
        np.stack(
            [near.lon0, near.dlon, near.lat0, near.dlat, near.chainage0_m, near.length_m, none, none], axis=1
        ),
        np.stack([corners.tangent_x, corners.tangent_y], axis=1),
        corners.beyond,
        near.part,
        NEAR_LINE_M * NEAR_LINE_M,
    )
    return plane, cells, pieces


@compiled
def _horner(c: Reals, t: Reals, into: Reals) -> None:
    """The polynomial of the DEGREE + 1 coefficients `c`, highest first, at `t`.

    Leading zeros change no bit, and a fixed number of steps runs several places abreast.
    """
    for k in range(len(t)):
        u = t[k]
        high = (((((c[0] * u + c[1]) * u + c[2]) * u + c[3]) * u + c[4]) * u + c[5]) * u + c[6]
        into[k] = (((((high * u + c[7]) * u + c[8]) * u + c[9]) * u + c[10]) * u + c[11]) * u + c[12]


@compiled
def _short_horner(c: Reals, t: Reals, into: Reals) -> None:
    """The same where all but the last SHORT + 1 coefficients are 0."""
    for k in range(len(t)):
        u = t[k]
        high = (c[4] * u + c[5]) * u + c[6]
        into[k] = (((((high * u + c[7]) * u + c[8]) * u + c[9]) * u + c[10]) * u + c[11]) * u + c[12]


@compiled
def _forward(
    lon: Reals, lat: Reals, plane: Plane, x: Reals, y: Reals, rooms: Reals, leaves: NDArray[np.int64]
) -> None:
    """Metres of places; `leaves` becomes -1 for those outside the box or no places, else 0."""
    square, shrink, lift = rooms[0], rooms[1], rooms[2]
    for k in range(len(lon)):
        offset = lon[k] - plane.lon_centre
        is_inside = abs(offset) <= plane.lon_reach_deg and plane.south <= lat[k] <= plane.north
        leaves[k] = 0 if is_inside else -1
        square[k] = (lat[k] - plane.lat_mid) * plane.lat_factor
    _horner(plane.northing_m, square, y)
    for k in range(len(lon)):
        offset = lon[k] - plane.lon_centre
        shrink[k] = 1.0 - y[k] * plane.cone
        square[k] = offset * offset
    _short_horner(plane.sine_m, square, x)
    _short_horner(plane.cosine_m, square, lift)
    for k in range(len(lon)):
        offset = lon[k] - plane.lon_centre
        x[k] = x[k] * offset * shrink[k]
        y[k] += lift[k] * square[k] * shrink[k]


@compiled
def _slopes(x: Reals, y: Reals, plane: Plane, slope_x: Reals, slope_y: Reals, rooms: Reals) -> None:
    """Gradient of ln k at places."""
    t, slope = rooms[0], rooms[1]
    half_cone = 0.5 * plane.cone
    for k in range(len(x)):
        t[k] = ((x[k] * x[k] + y[k] * y[k]) * -half_cone + y[k] - plane.q_mid) * plane.q_factor
    _short_horner(plane.slope, t, slope)
    for k in range(len(x)):
        slope_x[k] = x[k] * -plane.cone * slope[k]
        slope_y[k] = (y[k] * -plane.cone + 1.0) * slope[k]


@compiled
def _leaves(x: Reals, y: Reals, cells: Cells, leaves: NDArray[np.int64], counts: NDArray[np.int64]) -> None:
    """`leaves`: where each place's candidates begin, `counts`: how many it has; 0 where it is in no cell or a
    far one, or was -1 before."""
    for k in range(len(x)):
        counts[k] = 0
        if leaves[k] < 0:
            continue
        column, row = (x[k] - cells.west) * _PER_ROOT, (y[k] - cells.south) * _PER_ROOT
        whole_column, whole_row = np.floor(column), np.floor(row)
        root = np.uint64(whole_row * cells.columns + whole_column)
        begin, side = cells.tables[root, 0], cells.tables[root, 1]
        if begin < 0.0:
            continue
        in_column, in_row = np.floor((column - whole_column) * side), np.floor((row - whole_row) * side)
        leaf = np.uint64(cells.leaf_of[np.uint64(in_row * side + in_column + begin)])
        leaves[k], counts[k] = cells.leaves[leaf] // COUNT_MAX, cells.leaves[leaf] % COUNT_MAX


@compiled
def _in_order(counts: NDArray[np.int64], begins: NDArray[np.int64], order: NDArray[np.int64]) -> None:
    """`order`: the places by their number of candidates, none first, so that the loop over them can be foreseen.

    `begins` (MANY + 2,) is written over.
    """
    begins[:] = 0
    for k in range(len(counts)):
        begins[(MANY if counts[k] > MANY else counts[k]) + 1] += 1
    for count in range(MANY + 1):
        begins[count + 1] += begins[count]
    for k in range(len(counts)):
        at = MANY if counts[k] > MANY else counts[k]
        order[begins[at]] = k
        begins[at] += 1


@compiled
def _nearest(
    x: Reals,
    y: Reals,
    slope_x: Reals,
    slope_y: Reals,
    leaves: NDArray[np.int64],
    counts: NDArray[np.int64],
    order: NDArray[np.int64],
    cells: Cells,
    ends: Reals,
    ways: NDArray[np.int64],
) -> None:
    """`ways`: the nearest piece of each place, of the candidates of its leaf; 0 where it has none."""
    candidate, rank_mask = cells.candidate, cells.rank_mask
    for n in range(len(order)):
        k = order[n]
        first, count = leaves[k], counts[k]
        if count == 0:
            ways[k] = 0
            continue
        best = np.int64(2**63 - 1)
        at_x, at_y, toward_x, toward_y = x[k], y[k], slope_x[k], slope_y[k]
        for rank in range(count if count > 1 else 0):
            piece = np.uint64(candidate[np.uint64(first + rank)])
            dx, dy = ends[piece, 2], ends[piece, 3]
            off_x, off_y = at_x - ends[piece, 0], at_y - ends[piece, 1]
            share = (off_x * dx + off_y * dy) * ends[piece, 4]
            # Written so that it becomes a choice of values: a branch would be guessed wrongly half the time.
            share = 1.0 if share >= 1.0 else share
            share = 0.0 if share <= 0.0 else share
            off_x -= dx * share
            off_y -= dy * share
            stretch = toward_x * off_x + toward_y * off_y + 1.0
            square = (off_x * off_x + off_y * off_y) * stretch
            key = (np.float64(square).view(np.int64) & rank_mask) | rank
            best = key if key < best else best
        ways[k] = candidate[np.uint64(first + (best & ~rank_mask if count > 1 else 0))]


@compiled
def _corners(
    places: Reals, ways: NDArray[np.int64], pieces: Pieces, sides: NDArray[np.int8], beyond: NDArray[np.int8]
) -> None:
    """Of a chunk: rows off_x, off_y, t, square and sign of `places` from its x and y; side and what is beyond."""
    ends, tangents = pieces.ends, pieces.tangents
    for k in range(len(ways)):
        piece = np.uint64(ways[k])
        dx, dy = ends[piece, 2], ends[piece, 3]
        off_x, off_y = places[0, k] - ends[piece, 0], places[1, k] - ends[piece, 1]
        share = (off_x * dx + off_y * dy) * ends[piece, 4]
        corner = np.uint64(3 * ways[k] + np.int64(share > 0.0) + np.int64(share >= 1.0))
        beyond[k] = pieces.beyond[corner] * np.int8(share != 0.0) * np.int8(share != 1.0)
        share = 1.0 if share >= 1.0 else share
        share = 0.0 if share <= 0.0 else share
        off_x -= dx * share
        off_y -= dy * share
        turn = tangents[corner, 0] * off_y - tangents[corner, 1] * off_x
        sign = -1.0 if turn < 0.0 else 1.0
        sides[k] = np.int8(sign)
        places[2, k], places[3, k], places[4, k] = off_x, off_y, share
        places[5, k], places[6, k] = off_x * off_x + off_y * off_y, sign


@compiled
def _feet(
    places: Reals, ways: NDArray[np.int64], plane: Plane, pieces: Pieces, rooms: Reals, answers: Reals
) -> None:
    """Distance, foot and chainage of a chunk: `places` has rows x, y, off_x, off_y, t, square, sign.

    `answers` gets rows distance, longitude, latitude, chainage.
    """
    x, y, off_x, off_y, t, square, sign = (
        places[0],
        places[1],
        places[2],
        places[3],
        places[4],
        places[5],
        places[6],
    )
    at, mean, slope, bend, change = rooms[0], rooms[1], rooms[2], rooms[3], rooms[4]
    half_cone = 0.5 * plane.cone
    for k in range(len(x)):
        middle_x, middle_y = off_x[k] * -0.5 + x[k], off_y[k] * -0.5 + y[k]
        at[k] = (
            (middle_x * middle_x + middle_y * middle_y) * -half_cone + middle_y - plane.q_mid
        ) * plane.q_factor
    _short_horner(plane.slope, at, slope)
    _short_horner(plane.bend, at, bend)
    _horner(plane.inverse_scale, at, mean)
    for k in range(len(x)):
        middle_x, middle_y = off_x[k] * -0.5 + x[k], off_y[k] * -0.5 + y[k]
        slope_x, slope_y = middle_x * -plane.cone, middle_y * -plane.cone + 1.0
        turn = (slope_x * off_x[k] + slope_y * off_y[k]) * plane.q_factor
        own_bend = (bend[k] * (turn * turn) + slope[k] * square[k] * plane.cone) * (1.0 / 24.0)
        answers[0, k] = (mean[k] + own_bend) * np.sqrt(square[k]) * sign[k]
        at[k], change[k] = slope_x * slope[k], slope_y * slope[k]
    for k in range(len(x)):
        piece, share = np.uint64(ways[k]), t[k]
        aside = at[k] * pieces.ends[piece, 2] + change[k] * pieces.ends[piece, 3]
        aside = aside * square[k] * (pieces.ends[piece, 4] * 0.5)
        share += aside if 0.0 < share < 1.0 else 0.0
        share = 1.0 if share >= 1.0 else share
        share = 0.0 if share <= 0.0 else share
        answers[1, k] = pieces.ways[piece, 1] * share + pieces.ways[piece, 0]
        answers[2, k] = pieces.ways[piece, 3] * share + pieces.ways[piece, 2]
        answers[3, k] = pieces.ways[piece, 5] * share + pieces.ways[piece, 4]


@compiled
def locate(
    lon: Reals,
    lat: Reals,
    plane: Plane,
    cells: Cells,
    pieces: Pieces,
    clearance: bool,
    into: "Located",
    is_left: NDArray[np.bool_],
) -> None:
    """Answers `into` for places of the index; `is_left` (n,): those left to the reference, whose answers mean
    nothing."""
    all_places, all_rooms, all_answers = np.zeros((7, CHUNK)), np.empty((5, CHUNK)), np.empty((4, CHUNK))
    all_ways, all_leaves = np.zeros(CHUNK, dtype=np.int64), np.zeros(CHUNK, dtype=np.int64)
    all_order, all_counts = np.zeros(CHUNK, dtype=np.int64), np.zeros(CHUNK, dtype=np.int64)
    begins = np.zeros(MANY + 2, dtype=np.int64)
    for begin in range(0, len(lon), CHUNK):
        end = min(begin + CHUNK, len(lon))
        places, rooms = all_places[:, : end - begin], all_rooms[:, : end - begin]
        ways, leaves, order = all_ways[: end - begin], all_leaves[: end - begin], all_order[: end - begin]
        counts = all_counts[: end - begin]
        x, y, slope_x, slope_y = places[0], places[1], rooms[2], rooms[3]
        _forward(lon[begin:end], lat[begin:end], plane, x, y, rooms, leaves)
        _leaves(x, y, cells, leaves, counts)
        _slopes(x, y, plane, slope_x, slope_y, rooms)
        _in_order(counts, begins, order)
        _nearest(x, y, slope_x, slope_y, leaves, counts, order, cells, pieces.ends, ways)
        _corners(places, ways, pieces, into.side[begin:end], into.beyond_end[begin:end])
        for k in range(end - begin):
            is_left[begin + k] = counts[k] == 0 or places[5, k] <= pieces.near_m2
            into.line_part[begin + k] = pieces.part[np.uint64(ways[k])]
        if clearance:
            answers = all_answers[:, : end - begin]
            _feet(places, ways, plane, pieces, rooms, answers)
            into.signed_distance_m[begin:end] = answers[0]
            into.foot_lon[begin:end] = answers[1]
            into.foot_lat[begin:end] = answers[2]
            into.chainage_m[begin:end] = answers[3]
