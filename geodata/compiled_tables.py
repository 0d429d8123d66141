"""What the compiled loops of `geodata.compiled` read, laid out for the processor's caches."""

from typing import TYPE_CHECKING, Final, NamedTuple, TypeVar

import numpy as np
from numpy.typing import NDArray

from geodata.grid_index import FAR, SPLIT, GridIndex

if TYPE_CHECKING:
    from geodata.near_block import NearPieces

Reals = NDArray[np.float64]
Number = TypeVar("Number", np.float64, np.int32)
Polynomial = tuple[float, ...]

DEGREE: Final = 12
SHORT: Final = 8
"""Degrees of the longer and the shorter polynomials."""
RECORD: Final = 16
FIRST: Final = 3
"""So many candidates of each place are looked at abreast, be there more or fewer."""
HEAD: Final = FIRST + 1
"""A list begins with their number and the first of them: a quarter of a line of the cache."""
SIDE_BITS: Final = 3


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
    list_of: NDArray[np.int32]
    """Where the list of each leaf is in `candidates`; leaves with the same few candidates share one."""
    candidates: NDArray[np.int32]
    """Lists: how many candidates (0 for a far leaf), then where their records are. A list fills multiples of HEAD
    numbers, the first candidate's again after its last; the first of all is an empty one."""
    one: float
    """1, in disguise (see `geodata.compiled`)."""


Tables = tuple[Plane, Cells, Reals]
"""The last: a record of RECORD numbers per piece, two lines of the cache (see `_records`)."""


def tables_of(near: "NearPieces") -> Tables | None:
    """What the loops read, from the reference's own tables; None where they were not made for such."""
    series, grid = near.series, near.grid
    long, short = (
        (series.northing_m, series.inverse_scale),
        (series.sine_m, series.cosine_m, series.slope, series.bend),
    )
    size = max(len(grid.candidate) + 2 * HEAD * len(grid.leaf_count), len(near.x0) * RECORD)
    if (
        max(size, len(grid.leaf_of) << SIDE_BITS) >= 2**31
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
    candidates, begins = _lists(grid)
    side = np.log2(np.maximum(grid.table_side, 1.0)) / np.log2(SPLIT)
    roots = grid.table_begin.astype(np.int64) << SIDE_BITS | side.astype(np.int64)
    cells = Cells(
        grid.west,
        grid.south,
        float(grid.columns),
        -1 << near.rank_bits,
        np.where(grid.table_begin < 0.0, -1, roots).astype(np.int32),
        begins.astype(np.int32)[grid.leaf_of],
        candidates,
        1.0,
    )
    return plane, cells, _records(near)


def _downwards(coefficients: list[float], degree: int) -> Polynomial:
    """From the highest coefficient on, of this degree: leading zeros change no bit."""
    return (*(0.0 for _ in range(degree + 1 - len(coefficients))), *reversed(coefficients))


def _lists(grid: GridIndex) -> tuple[NDArray[np.int32], NDArray[np.int64]]:
    """The lists of `Cells.candidates`, and where that of each leaf begins.

    Sharing makes a tenth of them, for most leaves have the candidates of a neighbour: these stay in the caches.
    """
    count = np.where(grid.leaf_rank == FAR, 0, grid.leaf_count)
    is_short = count <= FIRST
    short_count = np.append(0, count[is_short])
    first = np.append(0, grid.leaf_begin[is_short])
    short = np.zeros((len(first), HEAD), dtype=np.int64)
    short[:, 0] = short_count
    for rank in range(FIRST):
        at = np.minimum(first + rank * (rank < short_count), len(grid.candidate) - 1)
        short[:, 1 + rank] = np.where(short_count > 0, grid.candidate[at].astype(np.int64) * RECORD, 0)
    # Like lists have like numbers; the empty one sorts first.
    number = short[:, 0]
    for column in short.T[1:]:
        number = np.unique(number * (int(short.max()) + 1) + column, return_inverse=True)[1]
    _, whose, which = np.unique(number, return_index=True, return_inverse=True)
    shared = short[whose]
    begins = np.zeros(len(count), dtype=np.int64)
    begins[is_short] = which[1:] * HEAD
    long = np.flatnonzero(~is_short)
    width = (count[long] // HEAD + 1) * HEAD
    begins[long] = shared.size + np.cumsum(width) - width
    lists = np.zeros(shared.size + int(width.sum()), dtype=np.int32)
    lists[: shared.size] = shared.ravel()
    lists[begins[long]] = count[long]
    leaf = np.repeat(long, count[long])
    rank = np.arange(len(leaf)) - np.repeat(np.cumsum(count[long]) - count[long], count[long])
    lists[begins[leaf] + 1 + rank] = grid.candidate[grid.leaf_begin[leaf] + rank] * RECORD
    return _aligned(lists), begins


def _records(near: "NearPieces") -> Reals:
    """Per piece x0, y0, dx, dy, 1 / length^2 in the plane, its code, its tangents at start and end; then lon0, dlon,
    lat0, dlat, chainage0 and length; flat, each record at the beginning of a line of the cache.

    The code has the sign of side A on the left, and 1 + what lies beyond the start + 4 times what lies beyond the
    end + 16 times the part.
    """
    corners = near.corners
    tangent_x, tangent_y = corners.tangent_x.reshape(-1, 3), corners.tangent_y.reshape(-1, 3)
    beyond = corners.beyond.reshape(-1, 3).astype(np.float64)
    is_left = tangent_x[:, 1] * near.dx + tangent_y[:, 1] * near.dy > 0.0
    code = (1.0 + beyond[:, 0] + 4.0 * beyond[:, 2] + 16.0 * near.part) * np.where(is_left, 1.0, -1.0)
    start, end = (tangent_x[:, 0], tangent_y[:, 0]), (tangent_x[:, 2], tangent_y[:, 2])
    ends = (near.x0, near.y0, near.dx, near.dy, near.inverse_length2, code, *start, *end)
    ways = (near.lon0, near.dlon, near.lat0, near.dlat, near.chainage0_m, near.length_m)
    return _aligned(np.stack([*ends, *ways], axis=1).ravel())


def _aligned(values: NDArray[Number]) -> NDArray[Number]:
    """A copy that begins with a line of the cache."""
    spare = 64 // values.itemsize
    room = np.empty(len(values) + spare, dtype=values.dtype)
    begin = (-room.ctypes.data % 64) // values.itemsize
    room[begin : begin + len(values)] = values
    return room[begin : begin + len(values)]
