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
from geodata.compiled_tables import (
    FIRST,
    HEAD,
    RECORD,
    RUN_BITS,
    RUN_MAX,
    SIDE_BITS,
    Cells,
    Plane,
    Points,
    Polynomial,
)
from geodata.grid_index import ROOT_M, SPLIT
from geodata.near_block import NEAR_LINE_M

if TYPE_CHECKING:
    from geodata.locator import Located

Reals = NDArray[np.float64]
Indices = NDArray[np.int64]
Integers = NDArray[np.int32]

CHUNK: Final = 256
"""Places at a time: what one loop leaves for the next stays in the nearest caches."""
STRIDE: Final = CHUNK + 8
"""From row to row of the scratch; a power of two would put all rows into the same few lines of the cache."""
_PER_ROOT: Final = 1.0 / ROOT_M
_NEAR_M2: Final = NEAR_LINE_M * NEAR_LINE_M

# Rows of the scratch: where each begins.
X, Y, SLOPE_X, SLOPE_Y, ROOT, COLUMN, ROW = (k * STRIDE for k in range(7))
# Of the first FIRST candidates: x and y of their starts and ends in turn.
FIRSTS = 7 * STRIDE
# Of the nearest piece: its key, the way from its foot, where the foot is, and its dx, dy, 1 / length^2.
BEST, OFF_X, OFF_Y, RAW, DX, DY, INVERSE = (k * STRIDE for k in range(19, 26))
ROWS: Final = 26
# These take the place of rows that are no longer needed.
BEST_OF_REST = ROOT
SQUARE, SIGN = ROOT, COLUMN
CODE, TANGENT_X, TANGENT_Y = (k * STRIDE for k in range(7, 10))
WAYS = 10 * STRIDE


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
    cells: Cells,
    w: Reals,
    found: Integers,
    heads: Integers,
    listed: Indices,
) -> None:
    """The entry of each place (the run 0 where it is in no cell), how many candidates it has, and the first of them.

    `listed` is written over.
    """
    roots, entries, lists = cells.roots, cells.entries, cells.lists
    for k in range(len(lon)):
        at, small = np.int64(0), np.int64(-1)
        if abs(lon[k] - plane.lon_centre) <= plane.lon_reach_deg and plane.south <= lat[k] <= plane.north:
            root = np.int64(roots[np.uint64(np.int64(w[ROOT + k]))])
            if root >= 0:
                bits = 2 * (root & ((1 << SIDE_BITS) - 1))
                side = np.float64(np.int64(1) << bits)
                column, row = w[COLUMN + k] * side, w[ROW + k] * side
                whole_column, whole_row = np.int64(column), np.int64(row)
                at = (root >> SIDE_BITS) + (whole_row << bits) + whole_column
                small = np.int64((row - whole_row) * SPLIT) * SPLIT + np.int64(
                    (column - whole_column) * SPLIT
                )
        found[k] = entries[np.uint64(at)] if small >= 0 else 0
        heads[HEAD * k] = np.int32(small)
    listed_count = np.int64(0)
    for k in range(len(lon)):
        entry, none = np.int64(found[k]), np.int64(0)
        is_split = (entry < 0) & ((entry & 1) == 0)
        finer = entries[np.uint64(((-2 - entry) >> 1) + heads[HEAD * k] if is_split else none)]
        entry = np.int64(finer) if is_split else entry
        found[k] = entry
        first, count = entry >> RUN_BITS, entry & RUN_MAX
        heads[HEAD * k] = np.int32(count)
        for rank in range(FIRST):
            heads[HEAD * k + 1 + rank] = np.int32(first + (rank if rank < count else none))
        listed[listed_count] = k
        listed_count += np.int64(entry < 0)
    for n in range(listed_count):
        k = listed[n]
        first = np.int64(-1 - found[k]) >> 1
        for rank in range(HEAD):
            heads[HEAD * k + rank] = lists[np.uint64(first + rank)]


@compiled
def _fetch_firsts(count: int, heads: Integers, places: Reals, w: Reals) -> None:
    """What is needed of each place's first candidates."""
    for k in range(count):
        for rank in range(FIRST):
            at = np.uint64(2 * np.int64(heads[HEAD * k + 1 + rank]))
            for column in range(4):
                w[FIRSTS + (4 * rank + column) * STRIDE + k] = places[at + np.uint64(column)]


@compiled
def _measure(
    x: float,
    y: float,
    toward_x: float,
    toward_y: float,
    x0: float,
    y0: float,
    dx: float,
    dy: float,
    inverse: float,
    one: float,
    rank_mask: int,
    rank: int,
) -> tuple[float, float, float, float]:
    """What orders like the squared geodesic distances of a place from pieces (see `NearPieces.nearest`), then like
    `rank`; the way from the foot; where the foot is. `one` is 1.

    The key is a number made of bits, not an integer: its least is found without a branch. Nor may a compiler know
    `one`: it would make branches of the two limits, which nobody could foretell.
    """
    off_x, off_y = x - x0, y - y0
    raw = (off_x * dx + off_y * dy) * inverse
    share = raw if raw < one else one
    share = share if share > 0.0 else 0.0
    off_x -= dx * share
    off_y -= dy * share
    stretch = toward_x * off_x + toward_y * off_y + 1.0
    square = (off_x * off_x + off_y * off_y) * stretch
    key = np.int64((np.float64(square).view(np.int64) & rank_mask) | np.int64(rank)).view(np.float64)
    return key, off_x, off_y, raw


@compiled
def _choose(count: int, one: float, rank_mask: int, w: Reals) -> None:
    """The nearest of each place's first candidates."""
    for k in range(count):
        at = FIRSTS + k
        x, y, toward_x, toward_y = w[X + k], w[Y + k], w[SLOPE_X + k], w[SLOPE_Y + k]
        # All is read before anything is chosen, so that choosing becomes a choice of values.
        x0, y0 = w[at], w[at + STRIDE]
        x1, y1 = w[at + 4 * STRIDE], w[at + 5 * STRIDE]
        x2, y2 = w[at + 8 * STRIDE], w[at + 9 * STRIDE]
        dx, dy = w[at + 2 * STRIDE] - x0, w[at + 3 * STRIDE] - y0
        dx1, dy1 = w[at + 6 * STRIDE] - x1, w[at + 7 * STRIDE] - y1
        dx2, dy2 = w[at + 10 * STRIDE] - x2, w[at + 11 * STRIDE] - y2
        inverse, inverse1, inverse2 = (
            1.0 / (dx * dx + dy * dy),
            1.0 / (dx1 * dx1 + dy1 * dy1),
            1.0 / (dx2 * dx2 + dy2 * dy2),
        )
        key, off_x, off_y, raw = _measure(
            x, y, toward_x, toward_y, x0, y0, dx, dy, inverse, one, rank_mask, 0
        )
        key1, off_x1, off_y1, raw1 = _measure(
            x, y, toward_x, toward_y, x1, y1, dx1, dy1, inverse1, one, rank_mask, 1
        )
        key2, off_x2, off_y2, raw2 = _measure(
            x, y, toward_x, toward_y, x2, y2, dx2, dy2, inverse2, one, rank_mask, 2
        )
        best = key1 if key1 < key else key
        off_x = off_x1 if key1 < key else off_x
        off_y = off_y1 if key1 < key else off_y
        raw = raw1 if key1 < key else raw
        dx = dx1 if key1 < key else dx
        dy = dy1 if key1 < key else dy
        inverse = inverse1 if key1 < key else inverse
        w[OFF_X + k] = off_x2 if key2 < best else off_x
        w[OFF_Y + k] = off_y2 if key2 < best else off_y
        w[RAW + k] = raw2 if key2 < best else raw
        w[DX + k] = dx2 if key2 < best else dx
        w[DY + k] = dy2 if key2 < best else dy
        w[INVERSE + k] = inverse2 if key2 < best else inverse
        w[BEST + k] = key2 if key2 < best else best


@compiled
def _rank(key: float, rank_mask: int) -> int:
    """The rank in a key."""
    return int(np.float64(key).view(np.int64) & ~rank_mask)


@compiled
def _choose_of_rest(
    count: int,
    one: float,
    found: Integers,
    heads: Integers,
    lists: Integers,
    places: Reals,
    rank_mask: int,
    w: Reals,
    many: Indices,
) -> None:
    """The same for places with more candidates than FIRST, of all of them; the last of their heads becomes the
    nearest one where it is none of the first. `many` is written over."""
    many_count = np.int64(0)
    for k in range(count):
        many[many_count] = k
        many_count += np.int64(heads[HEAD * k] > FIRST)
    for n in range(many_count):
        k = many[n]
        entry = np.int64(found[k])
        x, y, toward_x, toward_y = w[X + k], w[Y + k], w[SLOPE_X + k], w[SLOPE_Y + k]
        best = w[BEST + k]
        first = ((-1 - entry) >> 1) + 1 if entry < 0 else entry >> RUN_BITS
        for rank in range(FIRST, heads[HEAD * k]):
            at = first + rank
            if entry < 0:
                at = np.int64(lists[np.uint64(at)])
            place = np.uint64(2 * at)
            x0, y0 = places[place], places[place + np.uint64(1)]
            dx, dy = places[place + np.uint64(2)] - x0, places[place + np.uint64(3)] - y0
            inverse = 1.0 / (dx * dx + dy * dy)
            key, _, _, _ = _measure(x, y, toward_x, toward_y, x0, y0, dx, dy, inverse, one, rank_mask, rank)
            best = key if key < best else best
        w[BEST_OF_REST + n] = best
    # In a loop of its own: whether there is a nearer one is known late, and would hold up the next places.
    for n in range(many_count):
        k, best = many[n], w[BEST_OF_REST + n]
        if best < w[BEST + k]:
            entry, rank = np.int64(found[k]), _rank(best, rank_mask)
            at = (entry >> RUN_BITS) + rank
            if entry < 0:
                at = np.int64(lists[np.uint64(((-1 - entry) >> 1) + 1 + rank)])
            heads[HEAD * k + FIRST] = np.int32(at)
            place = np.uint64(2 * at)
            x0, y0 = places[place], places[place + np.uint64(1)]
            dx, dy = places[place + np.uint64(2)] - x0, places[place + np.uint64(3)] - y0
            inverse = 1.0 / (dx * dx + dy * dy)
            _, w[OFF_X + k], w[OFF_Y + k], w[RAW + k] = _measure(
                w[X + k], w[Y + k], 0.0, 0.0, x0, y0, dx, dy, inverse, one, rank_mask, 0
            )
            w[BEST + k], w[DX + k], w[DY + k], w[INVERSE + k] = best, dx, dy, inverse


@compiled
def _fetch_nearest(count: int, heads: Integers, points: Points, rank_mask: int, w: Reals) -> None:
    """Of the nearest pieces their codes, the tangent at the end that the place is off, and the way along them."""
    records, codes = points.records, points.codes
    for k in range(count):
        rank = min(_rank(w[BEST + k], rank_mask), FIRST - 1)
        at = np.int64(heads[HEAD * k + 1 + rank])
        record = np.uint64(RECORD * at)
        corner = np.uint64(RECORD * (at + np.int64(w[RAW + k] >= 1.0)))
        w[CODE + k] = codes[np.uint64(at)]
        w[TANGENT_X + k], w[TANGENT_Y + k] = records[corner], records[corner + np.uint64(1)]
        for column in range(6):
            w[WAYS + column * STRIDE + k] = records[record + np.uint64(2 + column)]


@compiled
def _answer(
    count: int, plane: Plane, w: Reals, distance_m: Reals, foot_lon: Reals, foot_lat: Reals, chainage_m: Reals
) -> None:
    """Distance, foot and chainage of places from their nearest pieces; what is needed for the rest of the answer."""
    cone, half_cone, q_mid, q_factor = plane.cone, 0.5 * plane.cone, plane.q_mid, plane.q_factor
    for k in range(count):
        dx, dy, inverse = w[DX + k], w[DY + k], w[INVERSE + k]
        off_x, off_y, raw = w[OFF_X + k], w[OFF_Y + k], w[RAW + k]
        share = 1.0 if raw >= 1.0 else raw
        share = 0.0 if share <= 0.0 else share
        square = off_x * off_x + off_y * off_y
        # Inside a piece its own direction is the tangent; so near to the line that this might err none is answered.
        turn = (dx * off_y - dy * off_x) * w[CODE + k]
        turn_end = w[TANGENT_X + k] * off_y - w[TANGENT_Y + k] * off_x
        turn = turn if (raw > 0.0) & (raw < 1.0) else turn_end
        sign = -1.0 if turn < 0.0 else 1.0
        middle_x, middle_y = off_x * -0.5 + w[X + k], off_y * -0.5 + w[Y + k]
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
        distance_m[k] = (mean + own_bend) * np.sqrt(square) * sign
        foot_lon[k] = w[WAYS + STRIDE + k] * foot + w[WAYS + k]
        foot_lat[k] = w[WAYS + 3 * STRIDE + k] * foot + w[WAYS + 2 * STRIDE + k]
        chainage_m[k] = w[WAYS + 5 * STRIDE + k] * foot + w[WAYS + 4 * STRIDE + k]
        w[SQUARE + k], w[SIGN + k] = square, sign


@compiled
def _state(
    count: int,
    heads: Integers,
    w: Reals,
    side: NDArray[np.int8],
    part: NDArray[np.int16],
    beyond: NDArray[np.int8],
    is_left: NDArray[np.bool_],
) -> None:
    """Side, part, what the place is beyond, and whether it is left to the reference."""
    # Half as wide as other numbers: of these the processor converts several at a time.
    for k in range(count):
        code, raw = np.int32(abs(w[CODE + k])) - np.int32(1), w[RAW + k]
        start, end = code & np.int32(3), code >> np.int32(2) & np.int32(3)
        side[k] = np.int8(np.int32(w[SIGN + k]))
        part[k] = np.int16(code >> np.int32(4))
        beyond[k] = np.int8(start * np.int32(raw < 0.0) + end * np.int32(raw > 1.0))
        is_left[k] = (heads[HEAD * k] == 0) | (w[SQUARE + k] <= _NEAR_M2)


@compiled
def locate(
    lon: Reals,
    lat: Reals,
    plane: Plane,
    cells: Cells,
    points: Points,
    clearance: bool,
    into: "Located",
    is_left: NDArray[np.bool_],
) -> None:
    """Answers `into` for places of the index; `is_left` (n,): those left to the reference, whose answers mean
    nothing."""
    w = np.empty(ROWS * STRIDE)
    some, found = np.empty(CHUNK + 1, dtype=np.int64), np.empty(CHUNK, dtype=np.int32)
    heads = np.empty(HEAD * CHUNK, dtype=np.int32)
    distance_m = np.empty(0 if clearance else CHUNK)
    foot_lon, foot_lat, chainage_m = (
        np.empty_like(distance_m),
        np.empty_like(distance_m),
        np.empty_like(distance_m),
    )
    rank_mask, one = cells.rank_mask, cells.one
    for begin in range(0, len(lon), CHUNK):
        end = min(begin + CHUNK, len(lon))
        count = end - begin
        here_lon, here_lat = lon[begin:end], lat[begin:end]
        _project(here_lon, here_lat, plane, cells.west, cells.south, cells.columns, w)
        _look_up(here_lon, here_lat, plane, cells, w, found, heads, some)
        _fetch_firsts(count, heads, points.places, w)
        _choose(count, one, rank_mask, w)
        _choose_of_rest(count, one, found, heads, cells.lists, points.places, rank_mask, w, some)
        _fetch_nearest(count, heads, points, rank_mask, w)
        if clearance:
            distance_m, foot_lon = into.signed_distance_m[begin:end], into.foot_lon[begin:end]
            foot_lat, chainage_m = into.foot_lat[begin:end], into.chainage_m[begin:end]
        _answer(count, plane, w, distance_m, foot_lon, foot_lat, chainage_m)
        _state(
            count,
            heads,
            w,
            into.side[begin:end],
            into.line_part[begin:end],
            into.beyond_end[begin:end],
            is_left[begin:end],
        )
