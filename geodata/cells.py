"""A fixed grid of cells of about 28 km over the globe: the key by which happenings are shared out.

Rows are a quarter of a degree of latitude (27.8 km). A row's columns are as wide in degrees as makes them at
least as wide as the row is high on the row's poleward edge. The grid is fixed for ever: cell ids are written
to snapshots.
"""

import math
from typing import Final

import numpy as np
from numpy.typing import ArrayLike, NDArray

Indices = NDArray[np.int64]

ROW_DEG: Final = 0.25
ROW_COUNT: Final = 720
CELL_M: Final = 27_600.0
"""Cells are at least so wide and high (but for the cells around a pole), so a shorter radius touches
neighbours only."""

NO_CELL: Final = -1
_METRES_PER_DEGREE: Final = 110_560.0
"""The shortest degree of latitude, rounded down."""
_EQUATOR_DEGREE_M: Final = 111_310.0


def _column_counts() -> Indices:
    counts = []
    for row in range(ROW_COUNT):
        poleward = max(abs(row * ROW_DEG - 90.0), abs((row + 1) * ROW_DEG - 90.0))
        width_m = 360.0 * _EQUATOR_DEGREE_M * math.cos(math.radians(poleward))
        counts.append(max(1, math.floor(width_m / (ROW_DEG * _METRES_PER_DEGREE))))
    return np.array(counts, dtype=np.int64)


_COLUMNS: Final = _column_counts()
_STRIDE: Final = 2_048
"""More than any row has columns: a cell id is row * stride + column."""


def cell_of(lon: ArrayLike, lat: ArrayLike) -> Indices:
    """The cell of each place (degrees, shape (n,)), int64; -1 for what is no place.

    >>> cell_of([37.62, 37.63, float("nan")], [48.02, 48.02, 48.0])
    array([1130596, 1130596,      -1])
    """
    lon_deg, lat_deg = np.atleast_1d(np.asarray(lon, np.float64)), np.atleast_1d(np.asarray(lat, np.float64))
    is_place = (np.abs(lon_deg) <= 360.0) & (np.abs(lat_deg) <= 90.0)
    row, turn = _row(np.where(is_place, lat_deg, 0.0)), _turn(np.where(is_place, lon_deg, 0.0))
    column = np.minimum((turn * _COLUMNS[row]).astype(np.int64), _COLUMNS[row] - 1)
    return np.where(is_place, row * _STRIDE + column, NO_CELL)


def cells_within(lon: ArrayLike, lat: ArrayLike, radius_m: ArrayLike) -> tuple[Indices, Indices]:
    """Every cell that the disc of `radius_m` around each place touches, and a few that it only nearly
    touches.

    Returns (position of the place, cell), ordered and without repeats. Radii must be below `CELL_M`. What is
    no place has no cells.

    >>> idx, cell = cells_within([37.62], [48.02], 100.0)
    >>> cell
    array([1130596])
    """
    lon_deg, lat_deg = np.atleast_1d(np.asarray(lon, np.float64)), np.atleast_1d(np.asarray(lat, np.float64))
    radius = np.broadcast_to(np.asarray(radius_m, np.float64), lon_deg.shape)
    assert not np.any(radius >= CELL_M), "discs must be smaller than a cell"
    at = np.flatnonzero((np.abs(lon_deg) <= 360.0) & (np.abs(lat_deg) <= 90.0) & (radius >= 0.0))
    lon_deg, lat_deg, radius = lon_deg[at], lat_deg[at], radius[at]
    turn, reach_lat = _turn(lon_deg), radius / _METRES_PER_DEGREE
    south, north = np.maximum(lat_deg - reach_lat, -90.0), np.minimum(lat_deg + reach_lat, 90.0)
    first_row, last_row = _row(south), _row(north)
    # A disc is widest, in degrees, towards the pole; its width there is bounded by that at its poleward edge.
    shrink = np.cos(np.radians(np.minimum(np.maximum(np.abs(south), np.abs(north)), 89.999)))
    reach_turn = np.minimum(radius / (0.99 * _EQUATOR_DEGREE_M * shrink) / 360.0, 0.5)
    found: list[tuple[Indices, Indices]] = []
    for step in range(int(np.max(last_row - first_row, initial=0)) + 1):
        row = first_row + step
        count = _COLUMNS[np.minimum(row, ROW_COUNT - 1)]
        first_column = np.floor((turn - reach_turn) * count).astype(np.int64)
        last_column = np.floor((turn + reach_turn) * count).astype(np.int64)
        last_column = np.minimum(last_column, first_column + count - 1)
        width = np.where(row <= last_row, last_column - first_column + 1, 0)
        place = np.repeat(np.arange(len(at)), width)
        rank = np.arange(len(place)) - np.repeat(np.cumsum(width) - width, width)
        column = np.remainder(first_column[place] + rank, count[place])
        found.append((place, row[place] * _STRIDE + column))
    place = np.concatenate([pair[0] for pair in found])
    cell = np.concatenate([pair[1] for pair in found])
    order = np.lexsort((cell, place))
    return at[place[order]], cell[order]


def _row(lat: NDArray[np.float64]) -> Indices:
    return np.clip(np.floor((lat + 90.0) / ROW_DEG).astype(np.int64), 0, ROW_COUNT - 1)


def _turn(lon: NDArray[np.float64]) -> NDArray[np.float64]:
    """Longitude as a fraction of the globe, [0, 1)."""
    turn = np.remainder(lon / 360.0, 1.0)
    return np.where(turn < 1.0, turn, 0.0)
