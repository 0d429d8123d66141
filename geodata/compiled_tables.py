"""What the compiled loops of `geodata.compiled` read, laid out for the processor's caches."""

from typing import TYPE_CHECKING, Final, NamedTuple, TypeVar

import numpy as np
from numpy.typing import NDArray

from geodata.grid_index import CANDIDATES_MAX, FAR, ROOT_LEVEL, SPLIT, GridIndex

if TYPE_CHECKING:
    from geodata.near_block import NearPieces

Reals = NDArray[np.float64]
Number = TypeVar("Number", np.float64, np.int32)
Polynomial = tuple[float, ...]

DEGREE: Final = 12
SHORT: Final = 8
"""Degrees of the longer and the shorter polynomials."""
RECORD: Final = 8
FIRST: Final = 3
"""So many candidates of each place are looked at abreast, be there more or fewer."""
HEAD: Final = FIRST + 1
"""A list begins with their number and the first of them: a quarter of a line of the cache."""
SIDE_BITS: Final = 3
RUN_BITS: Final = 6
RUN_MAX: Final = 2**RUN_BITS - 1
FINE: Final = SPLIT ** (len(CANDIDATES_MAX) - ROOT_LEVEL)
"""Cells of the last level on a side of a root."""
COARSE: Final = FINE // SPLIT
"""As many on a side has the table of a root; what is finer has small tables of its own."""


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
    northing_m: Polynomial
    sine_m: Polynomial
    cosine_m: Polynomial
    slope: Polynomial
    bend: Polynomial
    inverse_scale: Polynomial


class Cells(NamedTuple):
    """Of `GridIndex`, in as little memory as may be."""

    west: float
    south: float
    columns: float
    rank_mask: int
    roots: NDArray[np.int32]
    """Where a root's table begins, and in the last bits the logarithm (base SPLIT) of its side; -1 outside."""
    entries: NDArray[np.int32]
    """Tables of the roots, row by row, then those of cells that are split once more, of SPLIT x SPLIT entries.

    An entry is a run of candidates that follow each other, `first point << RUN_BITS | how many` (0 of a far leaf);
    or -1 - 2 k: a list that begins at `lists[k]`; or -2 - 2 k: a table that begins at `entries[k]`.
    """
    lists: NDArray[np.int32]
    """Lists of candidates that are no run, equal ones stated once: how many, then their points. One fills multiples
    of HEAD numbers, the first candidate's again after its last."""
    one: float
    """1, in disguise (see `geodata.compiled`)."""


class Points(NamedTuple):
    """The ends of the pieces: piece k runs from point `k + its part` to the next one. All start a line of the cache."""

    places: Reals
    """x and y of each in turn, metres: what all candidates are measured with, as small as may be."""
    records: Reals
    """RECORD numbers of each: x and y of the tangent there; then of the piece that begins there lon0, dlon, lat0,
    dlat, chainage0 and length."""
    codes: NDArray[np.int32]
    """Of the piece that begins there: the sign is that of side A on the left; 1 + what lies beyond the start + 4 times
    what lies beyond the end + 16 times the part."""


Tables = tuple[Plane, Cells, Points]


def tables_of(near: "NearPieces") -> Tables | None:
    """What the loops read, from the reference's own tables; None where they were not made for such."""
    series, grid = near.series, near.grid
    long, short = (
        (series.northing_m, series.inverse_scale),
        (series.sine_m, series.cosine_m, series.slope, series.bend),
    )
    point_count = len(near.x0) + int(near.part[-1]) + 1
    size = max(len(grid.candidate) + 2 * HEAD * len(grid.leaf_count), point_count << RUN_BITS)
    if (
        max(2 * size + 2, len(grid.leaf_of) << SIDE_BITS) >= 2**31
        or max(map(len, long)) > DEGREE + 1
        or max(map(len, short)) > SHORT + 1
    ):
        return None
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
        _downwards(series.northing_m, DEGREE),
        _downwards(series.sine_m, SHORT),
        _downwards(series.cosine_m, SHORT),
        _downwards(series.slope, SHORT),
        _downwards(series.bend, SHORT),
        _downwards(series.inverse_scale, DEGREE),
    )
    lists, entry_of_leaf = _lists(grid, grid.candidate + near.part[grid.candidate].astype(np.int32))
    roots, entries = _entries(grid, entry_of_leaf)
    cells = Cells(
        grid.west, grid.south, float(grid.columns), -1 << near.rank_bits, roots, entries, lists, 1.0
    )
    return plane, cells, _points(near)


def _downwards(coefficients: list[float], degree: int) -> Polynomial:
    """From the highest coefficient on, of this degree: leading zeros change no bit."""
    return (*(0.0 for _ in range(degree + 1 - len(coefficients))), *reversed(coefficients))


def _entries(
    grid: GridIndex, entry_of_leaf: NDArray[np.int32]
) -> tuple[NDArray[np.int32], NDArray[np.int32]]:
    """`Cells.roots` and `Cells.entries`, of tables no finer than COARSE but where a cell is split indeed."""
    begin, side = grid.table_begin.astype(np.int64), grid.table_side.astype(np.int64)
    is_fine = side > COARSE
    fine = entry_of_leaf[grid.leaf_of[begin[is_fine][:, None] + np.arange(FINE * FINE)]]
    fine = fine.reshape(-1, COARSE, SPLIT, COARSE, SPLIT).transpose(0, 1, 3, 2, 4)
    fine = fine.reshape(-1, COARSE * COARSE, SPLIT * SPLIT)
    is_split = (fine != fine[..., :1]).any(axis=2)
    sides = np.where(is_fine, COARSE, side)
    area = sides * sides
    begins = np.cumsum(area) - area
    tables = np.zeros(int(area.sum()), dtype=np.int32)
    is_plain = ~is_fine & (side > 0)
    count = area[is_plain]
    rank = np.arange(int(count.sum())) - np.repeat(np.cumsum(count) - count, count)
    from_, to = (np.repeat(of[is_plain], count) + rank for of in (begin, begins))
    tables[to] = entry_of_leaf[grid.leaf_of[from_]]
    small = len(tables) + np.arange(int(is_split.sum())) * (SPLIT * SPLIT)
    coarse = fine[..., 0].copy()
    coarse[is_split] = -2 - 2 * small
    tables[begins[is_fine][:, None] + np.arange(COARSE * COARSE)] = coarse
    level = np.round(np.log2(np.maximum(sides, 1)) / np.log2(SPLIT)).astype(np.int64)
    roots = np.where(side > 0, begins << SIDE_BITS | level, -1).astype(np.int32)
    return roots, _aligned(np.concatenate([tables, fine[is_split].ravel()]))


def _lists(grid: GridIndex, point: NDArray[np.int32]) -> tuple[NDArray[np.int32], NDArray[np.int32]]:
    """`Cells.lists`, and the entry of each leaf; `point`: where each of its candidates begins.

    Most leaves have the candidates of a neighbour: equal lists are one, and stay in the caches.
    """
    count = np.where(grid.leaf_rank == FAR, 0, grid.leaf_count)
    last = np.maximum(grid.leaf_begin + count - 1, 0)
    first = point[np.minimum(grid.leaf_begin, len(point) - 1)]
    is_run = (count == 0) | (point[last] - first == count - 1) & (count <= RUN_MAX)
    entry = np.where(count > 0, first.astype(np.int64) << RUN_BITS | count, 0)
    room: list[NDArray[np.int32]] = []
    size = 0
    for length in np.unique(count[~is_run]).tolist():
        leaf = np.flatnonzero(~is_run & (count == length))
        members = point[grid.leaf_begin[leaf][:, None] + np.arange(length)]
        distinct, which = np.unique(members, axis=0, return_inverse=True)
        width = (length // HEAD + 1) * HEAD
        lists = np.empty((len(distinct), width), dtype=np.int32)
        lists[:, 0] = length
        lists[:, 1:] = distinct[:, :1]
        lists[:, 1 : length + 1] = distinct
        entry[leaf] = -1 - 2 * (size + which.reshape(-1) * width)
        room.append(lists.ravel())
        size += lists.size
    room.append(np.zeros(HEAD, dtype=np.int32))
    return _aligned(np.concatenate(room)), entry.astype(np.int32)


def _points(near: "NearPieces") -> Points:
    corners, piece = near.corners, np.arange(len(near.x0))
    at = piece + near.part
    is_last = np.append(near.part[1:] != near.part[:-1], True)
    count = int(at[-1]) + 2
    tangent_x, tangent_y = corners.tangent_x.reshape(-1, 3), corners.tangent_y.reshape(-1, 3)
    beyond = corners.beyond.reshape(-1, 3).astype(np.int32)
    is_left = tangent_x[:, 1] * near.dx + tangent_y[:, 1] * near.dy > 0.0
    codes = np.zeros(count, dtype=np.int32)
    codes[at] = (1 + beyond[:, 0] + 4 * beyond[:, 2] + 16 * near.part.astype(np.int32)) * np.where(
        is_left, 1, -1
    )
    places, records = np.zeros((count, 2)), np.zeros((count, RECORD))
    ways = (near.lon0, near.dlon, near.lat0, near.dlat, near.chainage0_m, near.length_m)
    places[at] = np.stack([near.x0, near.y0], axis=1)
    records[at] = np.stack([tangent_x[:, 0], tangent_y[:, 0], *ways], axis=1)
    end = at[is_last] + 1
    places[end] = np.stack([near.x1[is_last], near.y1[is_last]], axis=1)
    records[end, :2] = np.stack([tangent_x[is_last, 2], tangent_y[is_last, 2]], axis=1)
    return Points(_aligned(places.ravel()), _aligned(records.ravel()), _aligned(codes))


def _aligned(values: NDArray[Number]) -> NDArray[Number]:
    """A copy that begins with a line of the cache."""
    spare = 64 // values.itemsize
    room = np.empty(len(values) + spare, dtype=values.dtype)
    begin = (-room.ctypes.data % 64) // values.itemsize
    room[begin : begin + len(values)] = values
    return room[begin : begin + len(values)]
