"""The block of `geodata.near_block` as a few compiled loops, for `contactline[fast]` (numba).

The same operations in the same order, so the same bits: NumPy's are elementary ones, and nothing here is
fused or reordered. What needs a decision in rational arithmetic, or lies outside the index, is left to the
reference. Without numba this module still works, as slow Python; tests hold it equal to the reference either
way.

A chunk of places goes from loop to loop in a scratch of rows, all in one flat array: the compiler then sees that
rows do not overlap, and does arithmetic on several places abreast. Memory is looked up in loops of their own that
do nothing else, so that many look-ups are under way at a time.
"""

from typing import TYPE_CHECKING, Final

import numpy as np
from numpy.typing import NDArray

from geodata.compilation import compiled
from geodata.compiled_tables import RECORD, SIDE_BITS, Cells, Plane, Polynomial
from geodata.grid_index import ROOT_M
from geodata.near_block import NEAR_LINE_M

if TYPE_CHECKING:
    from geodata.locator import Located

Reals = NDArray[np.float64]
Indices = NDArray[np.int64]

CHUNK: Final = 256
"""Places at a time: what one loop leaves for the next stays in the nearest caches."""
STRIDE: Final = CHUNK + 8
"""From row to row of the scratch; a power of two would put all rows into the same few lines of the cache."""
MANY: Final = 30
"""So many candidates or more are not told apart in ordering places."""
FEW: Final = 8
"""Where fewer places have another candidate, each is looked at on its own."""
_PER_ROOT: Final = 1.0 / ROOT_M
_NEAR_M2: Final = NEAR_LINE_M * NEAR_LINE_M

# Rows of the scratch: where each begins.
X, Y, SLOPE_X, SLOPE_Y, ROOT, COLUMN, ROW = (k * STRIDE for k in range(7))
# Of places with a choice, in order of how many candidates they have.
AT_X, AT_Y, TOWARD_X, TOWARD_Y, X0, Y0, DX, DY, INVERSE, KEY, BEST = (k * STRIDE for k in range(4, 15))
# Of the nearest pieces: the columns of their records, in turn; and answers.
NEAREST = 4 * STRIDE
SQUARE, DISTANCE, LON, LAT, CHAINAGE, SHARE = (k * STRIDE for k in range(20, 26))
ROWS: Final = 26


@compiled
def _long(c: Polynomial, t: float) -> float:
    """The polynomial of degree DEGREE at `t`."""
    high = (((((c[0] * t + c[1]) * t + c[2]) * t + c[3]) * t + c[4]) * t + c[5]) * t + c[6]
    return (((((high * t + c[7]) * t + c[8]) * t + c[9]) * t + c[10]) * t + c[11]) * t + c[12]


@compiled
def _short(c: Polynomial, t: float) -> float:
    """The polynomial of degree SHORT at `t`."""
    high = (((c[0] * t + c[1]) * t + c[2]) * t + c[3]) * t + c[4]
    return (((high * t + c[5]) * t + c[6]) * t + c[7]) * t + c[8]


@compiled
def _project(
    lon: Reals, lat: Reals, plane: Plane, west: float, south: float, columns: float, w: Reals
) -> None:
    """Metres of places, the gradient of ln k there, their root cells and how far into these they are."""
    cone, half_cone = plane.cone, 0.5 * plane.cone
    for k in range(len(lon)):
        offset = lon[k] - plane.lon_centre
        north = _long(plane.northing_m, (lat[k] - plane.lat_mid) * plane.lat_factor)
        shrink = 1.0 - north * cone
        square = offset * offset
        x = _short(plane.sine_m, square) * offset * shrink
        y = _short(plane.cosine_m, square) * square * shrink + north
        t = ((x * x + y * y) * -half_cone + y - plane.q_mid) * plane.q_factor
        slope = _short(plane.slope, t)
        column, row = (x - west) * _PER_ROOT, (y - south) * _PER_ROOT
        whole_column, whole_row = np.floor(column), np.floor(row)
        w[X + k], w[Y + k] = x, y
        w[SLOPE_X + k], w[SLOPE_Y + k] = x * -cone * slope, (y * -cone + 1.0) * slope
        w[ROOT + k] = whole_row * columns + whole_column
        w[COLUMN + k], w[ROW + k] = column - whole_column, row - whole_row


@compiled
def _look_up(
    lon: Reals,
    lat: Reals,
    plane: Plane,
    roots: NDArray[np.int32],
    leaf_of: NDArray[np.int32],
    candidates: NDArray[np.int32],
    w: Reals,
    firsts: Indices,
    counts: Indices,
) -> None:
    """Where each place's candidates begin, and how many it has: 0 where it is in no cell or a far one."""
    for k in range(len(lon)):
        firsts[k], counts[k] = 0, 0
        if abs(lon[k] - plane.lon_centre) <= plane.lon_reach_deg and plane.south <= lat[k] <= plane.north:
            root = np.int64(roots[np.uint64(w[ROOT + k])])
            if root >= 0:
                side = np.int64(1) << 2 * (root & 7)
                column, row = np.int64(w[COLUMN + k] * side), np.int64(w[ROW + k] * side)
                leaf = np.uint64((root >> SIDE_BITS) + row * side + column)
                firsts[k] = np.int64(leaf_of[leaf]) + 1
    for k in range(len(lon)):
        if firsts[k] > 0:
            counts[k] = candidates[np.uint64(firsts[k] - 1)]


@compiled
def _put_in_order(counts: Indices, order: Indices, ends: Indices) -> None:
    """`order`: the places, those with most candidates first; `ends[r]`: how many have more than r, r to MANY - 1."""
    ends[:] = 0
    for k in range(len(counts)):
        ends[MANY if counts[k] > MANY else counts[k]] += 1
    above = 0
    for rank in range(MANY, -1, -1):  # now: how many have more
        here = ends[rank]
        ends[rank] = above
        above += here
    for k in range(len(counts)):
        at = MANY if counts[k] > MANY else counts[k]
        order[ends[at]] = k
        ends[at] += 1
    for rank in range(MANY):  # after the filling: how many have as many or more
        ends[rank] = ends[rank + 1]


@compiled
def _fetch_in_order(order: Indices, firsts: Indices, begins: Indices, w: Reals) -> None:
    """Metres, gradients and first candidates of places in order."""
    for n in range(len(order)):
        k = np.uint64(order[n])
        begins[n] = firsts[k]
    for n in range(len(order)):
        k = order[n]
        w[AT_X + n], w[AT_Y + n] = w[X + k], w[Y + k]
        w[TOWARD_X + n], w[TOWARD_Y + n] = w[SLOPE_X + k], w[SLOPE_Y + k]


@compiled
def _square(
    off_x: float, off_y: float, dx: float, dy: float, inverse: float, toward_x: float, toward_y: float
) -> float:
    """What orders like the squared geodesic distances of one place from pieces (see `NearPieces.nearest`)."""
    share = (off_x * dx + off_y * dy) * inverse
    # Written so that it becomes a choice of values, not a branch.
    share = 1.0 if share >= 1.0 else share
    share = 0.0 if share <= 0.0 else share
    off_x -= dx * share
    off_y -= dy * share
    stretch = toward_x * off_x + toward_y * off_y + 1.0
    return (off_x * off_x + off_y * off_y) * stretch


@compiled
def _compare(
    rank: int,
    count: int,
    begins: Indices,
    candidates: NDArray[np.int32],
    records: Reals,
    rank_mask: int,
    w: Reals,
    keys: Indices,
) -> None:
    """Lowers BEST by the candidates `rank` of the first `count` places with a choice."""
    for n in range(count):
        at = np.uint64(RECORD) * np.uint64(candidates[np.uint64(begins[n] + rank)])
        w[X0 + n], w[Y0 + n] = records[at], records[at + np.uint64(1)]
        w[DX + n], w[DY + n] = records[at + np.uint64(2)], records[at + np.uint64(3)]
        w[INVERSE + n] = records[at + np.uint64(4)]
    for n in range(count):
        w[KEY + n] = _square(
            w[AT_X + n] - w[X0 + n],
            w[AT_Y + n] - w[Y0 + n],
            w[DX + n],
            w[DY + n],
            w[INVERSE + n],
            w[TOWARD_X + n],
            w[TOWARD_Y + n],
        )
    for n in range(count):
        key = (keys[KEY + n] & rank_mask) | rank
        keys[BEST + n] = key if key < keys[BEST + n] else keys[BEST + n]


@compiled
def _compare_rest(
    rank: int,
    count: int,
    place: int,
    begin: int,
    candidates: NDArray[np.int32],
    records: Reals,
    rank_mask: int,
    w: Reals,
    keys: Indices,
) -> None:
    """Lowers BEST of one place by all its candidates from `rank` on."""
    for k in range(rank, count):
        at = np.uint64(RECORD) * np.uint64(candidates[np.uint64(begin + k)])
        square = _square(
            w[AT_X + place] - records[at],
            w[AT_Y + place] - records[at + np.uint64(1)],
            records[at + np.uint64(2)],
            records[at + np.uint64(3)],
            records[at + np.uint64(4)],
            w[TOWARD_X + place],
            w[TOWARD_Y + place],
        )
        key = (np.float64(square).view(np.int64) & rank_mask) | k
        keys[BEST + place] = key if key < keys[BEST + place] else keys[BEST + place]


@compiled
def _fetch_nearest(ways: Indices, records: Reals, w: Reals) -> None:
    """The records of the nearest pieces, column by column."""
    for k in range(len(ways)):
        at = np.uint64(RECORD) * np.uint64(ways[k])
        for column in range(RECORD):
            w[NEAREST + column * STRIDE + k] = records[at + np.uint64(column)]


@compiled
def _answer(count: int, plane: Plane, w: Reals) -> None:
    """Distance, foot and chainage of places from their nearest pieces; what is needed for the rest of the answer."""
    cone, half_cone, q_mid, q_factor = plane.cone, 0.5 * plane.cone, plane.q_mid, plane.q_factor
    for k in range(count):
        x, y = w[X + k], w[Y + k]
        dx, dy = w[NEAREST + 2 * STRIDE + k], w[NEAREST + 3 * STRIDE + k]
        inverse, code = w[NEAREST + 4 * STRIDE + k], w[NEAREST + 5 * STRIDE + k]
        off_x, off_y = x - w[NEAREST + k], y - w[NEAREST + STRIDE + k]
        raw = (off_x * dx + off_y * dy) * inverse
        share = 1.0 if raw >= 1.0 else raw
        share = 0.0 if share <= 0.0 else share
        off_x -= dx * share
        off_y -= dy * share
        square = off_x * off_x + off_y * off_y
        # Inside a piece its own direction is the tangent; so near to the line that this might err none is answered.
        turn_start = w[NEAREST + 6 * STRIDE + k] * off_y - w[NEAREST + 7 * STRIDE + k] * off_x
        turn_end = w[NEAREST + 8 * STRIDE + k] * off_y - w[NEAREST + 9 * STRIDE + k] * off_x
        turn = (dx * off_y - dy * off_x) * code
        turn = turn if raw > 0.0 else turn_start
        turn = turn_end if raw >= 1.0 else turn
        sign = -1.0 if turn < 0.0 else 1.0
        middle_x, middle_y = off_x * -0.5 + x, off_y * -0.5 + y
        at = ((middle_x * middle_x + middle_y * middle_y) * -half_cone + middle_y - q_mid) * q_factor
        slope, bend, mean = _short(plane.slope, at), _short(plane.bend, at), _long(plane.inverse_scale, at)
        slope_x, slope_y = middle_x * -cone, middle_y * -cone + 1.0
        change = (slope_x * off_x + slope_y * off_y) * q_factor
        own_bend = (bend * (change * change) + slope * square * cone) * (1.0 / 24.0)
        aside = slope_x * slope * dx + slope_y * slope * dy
        aside = aside * square * (inverse * 0.5)
        foot = share + (aside if (share > 0.0) & (share < 1.0) else 0.0)
        foot = 1.0 if foot >= 1.0 else foot
        foot = 0.0 if foot <= 0.0 else foot
        w[SQUARE + k], w[SHARE + k] = square, raw
        w[DISTANCE + k] = (mean + own_bend) * np.sqrt(square) * sign
        w[LON + k] = w[NEAREST + 11 * STRIDE + k] * foot + w[NEAREST + 10 * STRIDE + k]
        w[LAT + k] = w[NEAREST + 13 * STRIDE + k] * foot + w[NEAREST + 12 * STRIDE + k]
        w[CHAINAGE + k] = w[NEAREST + 15 * STRIDE + k] * foot + w[NEAREST + 14 * STRIDE + k]
        w[X + k] = sign


@compiled
def _state(
    counts: Indices,
    w: Reals,
    side: NDArray[np.int8],
    part: NDArray[np.int16],
    beyond: NDArray[np.int8],
    is_left: NDArray[np.bool_],
) -> None:
    """Side, part, what the place is beyond, and whether it is left to the reference."""
    for k in range(len(counts)):
        code, raw = np.int64(abs(w[NEAREST + 5 * STRIDE + k])) - 1, w[SHARE + k]
        side[k] = np.int8(w[X + k])
        part[k] = np.int16(code >> 4)
        beyond[k] = np.int8((code & 3) * (raw < 0.0) + (code >> 2 & 3) * (raw > 1.0))
        is_left[k] = (counts[k] == 0) | (w[SQUARE + k] <= _NEAR_M2)


@compiled
def locate(
    lon: Reals,
    lat: Reals,
    plane: Plane,
    cells: Cells,
    records: Reals,
    clearance: bool,
    into: "Located",
    is_left: NDArray[np.bool_],
) -> None:
    """Answers `into` for places of the index; `is_left` (n,): those left to the reference, whose answers mean
    nothing."""
    w = np.zeros(ROWS * STRIDE)
    keys = w.view(np.int64)
    firsts, counts, order, begins, ways = np.zeros((5, CHUNK), dtype=np.int64)
    ends = np.zeros(MANY + 1, dtype=np.int64)
    candidates, rank_mask = cells.candidates, cells.rank_mask
    for begin in range(0, len(lon), CHUNK):
        end = min(begin + CHUNK, len(lon))
        count = end - begin
        here_lon, here_lat = lon[begin:end], lat[begin:end]
        _project(here_lon, here_lat, plane, cells.west, cells.south, cells.columns, w)
        _look_up(here_lon, here_lat, plane, cells.roots, cells.leaf_of, candidates, w, firsts, counts)
        _put_in_order(counts[:count], order, ends)
        choice = ends[1]
        _fetch_in_order(order[:count], firsts, begins, w)
        keys[BEST : BEST + choice] = 2**63 - 1
        rank = 0
        while rank < MANY - 1 and ends[max(rank, 1)] >= FEW:
            _compare(rank, ends[max(rank, 1)], begins, candidates, records, rank_mask, w, keys)
            rank += 1
        for n in range(ends[max(rank, 1)]):
            _compare_rest(rank, counts[order[n]], n, begins[n], candidates, records, rank_mask, w, keys)
        for n in range(count):
            pick = keys[BEST + n] & ~rank_mask if n < choice else 0
            ways[order[n]] = candidates[np.uint64(begins[n] + pick)] if counts[order[n]] > 0 else 0
        _fetch_nearest(ways[:count], records, w)
        _answer(count, plane, w)
        _state(
            counts[:count],
            w,
            into.side[begin:end],
            into.line_part[begin:end],
            into.beyond_end[begin:end],
            is_left[begin:end],
        )
        if clearance:
            into.signed_distance_m[begin:end] = w[DISTANCE : DISTANCE + count]
            into.foot_lon[begin:end] = w[LON : LON + count]
            into.foot_lat[begin:end] = w[LAT : LAT + count]
            into.chainage_m[begin:end] = w[CHAINAGE : CHAINAGE + count]
