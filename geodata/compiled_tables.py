"""What the compiled loops of `geodata.compiled` read, laid out for the processor's caches."""

from typing import TYPE_CHECKING, Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

from geodata.grid_index import FAR, SPLIT

if TYPE_CHECKING:
    from geodata.near_block import NearPieces

Reals = NDArray[np.float64]
Polynomial = tuple[float, ...]

DEGREE: Final = 12
SHORT: Final = 8
"""Degrees of the longer and the shorter polynomials."""
RECORD: Final = 16
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
    leaf_of: NDArray[np.int32]
    """Where each leaf's candidates are in `candidates`."""
    candidates: NDArray[np.int32]
    """Of each leaf their number (0 for a far leaf), then themselves."""


Tables = tuple[Plane, Cells, Reals]
"""The last: a record of RECORD numbers per piece, two lines of the cache (see `_records`)."""


def tables_of(near: "NearPieces") -> Tables | None:
    """What the loops read, from the reference's own tables; None where they were not made for such."""
    series, grid = near.series, near.grid
    long, short = (
        (series.northing_m, series.inverse_scale),
        (series.sine_m, series.cosine_m, series.slope, series.bend),
    )
    size = len(grid.candidate) + len(grid.leaf_count)
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
    leaf = np.arange(len(grid.leaf_count))
    candidates = np.zeros(size, dtype=np.int32)
    first = grid.leaf_begin + leaf
    candidates[first] = np.where(grid.leaf_rank == FAR, 0, grid.leaf_count)
    candidates[np.arange(len(grid.candidate)) + 1 + np.repeat(leaf, grid.leaf_count)] = grid.candidate
    side = np.log2(np.maximum(grid.table_side, 1.0)) / np.log2(SPLIT)
    roots = grid.table_begin.astype(np.int64) << SIDE_BITS | side.astype(np.int64)
    cells = Cells(
        grid.west,
        grid.south,
        float(grid.columns),
        -1 << near.rank_bits,
        np.where(grid.table_begin < 0.0, -1, roots).astype(np.int32),
        first.astype(np.int32)[grid.leaf_of],
        candidates,
    )
    return plane, cells, _records(near)


def _downwards(coefficients: list[float], degree: int) -> Polynomial:
    """From the highest coefficient on, of this degree: leading zeros change no bit."""
    return (*(0.0 for _ in range(degree + 1 - len(coefficients))), *reversed(coefficients))


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


def _aligned(values: Reals) -> Reals:
    """A copy that begins with a line of the cache."""
    room = np.empty(len(values) + 8)
    begin = (-room.ctypes.data % 64) // 8
    room[begin : begin + len(values)] = values
    return room[begin : begin + len(values)]
