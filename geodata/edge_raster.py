"""A raster over a line in degrees: how far from each cell the nearest edge is, and which edges a cell has.

Most steps of tracks are short and nowhere near the line; two looks into the raster end them. A step between two
cells stays in the box of both, so that it meets no edge where the nearest cell with one is farther from its
first cell, in columns and in rows, than its last cell is.
"""

import math
from typing import TYPE_CHECKING, Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    from geodata.contact_line import ContactLine

Reals = NDArray[np.float64]
Indices = NDArray[np.int64]

CELL_COUNT_MAX: Final = 2**19
"""So many bytes stay in the processor's cache."""
SIDE_COUNT_MAX: Final = 2**12
CELL_DEG_MIN: Final = 0.005
"""Cells smaller than a step are of no use."""
CLEAR_MAX: Final = 16
"""Cells farther away from an edge count as this far."""
_PAD_DEG: Final = 1e-9
"""More than rounding takes a piece away from its edge."""


class Cells(NamedTuple):
    """A place is in column `floor((lon - west) * per_lon)`, `lon` continuous, row `floor((lat - south) * per_lat)`."""

    west: float
    south: float
    per_lon: float
    per_lat: float
    columns: int
    rows: int

    def of(self, lon: Reals, lat: Reals) -> tuple[Reals, Reals]:
        """Columns and rows of places (degrees, shape (n,)); whole numbers, also outside."""
        column, row = lon - self.west, lat - self.south
        column *= self.per_lon
        row *= self.per_lat
        return np.floor(column, out=column), np.floor(row, out=row)


class EdgeRaster(NamedTuple):
    """`clear` (rows * columns,), row by row: how many columns or rows away the nearest cell with an edge is.

    It is 0 where the cell has one, and at most `CLEAR_MAX`; the outermost cells have none. The edges of cell i are
    `edge[begin[i] : begin[i + 1]]`, ascending.
    """

    cells: Cells
    clear: NDArray[np.uint8]
    begin: NDArray[np.int32]
    edge: NDArray[np.int32]

    @classmethod
    def of(cls, line: "ContactLine") -> "EdgeRaster":
        """The raster of a line's edges."""
        pieces, count = line.segments, len(line.lon)
        cells = _cells_over(line.lon_continuous, line.lat)
        west, south = np.minimum(pieces.lon0, pieces.lon1), np.minimum(pieces.lat0, pieces.lat1)
        east, north = np.maximum(pieces.lon0, pieces.lon1), np.maximum(pieces.lat0, pieces.lat1)
        column, row = (v.astype(np.int64) for v in cells.of(west - _PAD_DEG, south - _PAD_DEG))
        last_column, last_row = (v.astype(np.int64) for v in cells.of(east + _PAD_DEG, north + _PAD_DEG))
        wide = last_column - column + 1
        covered = wide * (last_row - row + 1)
        piece = np.repeat(np.arange(len(pieces)), covered)
        rank = np.arange(len(piece)) - np.repeat(np.cumsum(covered) - covered, covered)
        cell = (row[piece] + rank // wide[piece]) * cells.columns + column[piece] + rank % wide[piece]
        pair = np.unique(cell * count + pieces.edge[piece])
        begin = np.zeros(cells.rows * cells.columns + 1, dtype=np.int32)
        np.cumsum(np.bincount(pair // count, minlength=len(begin) - 1), out=begin[1:])
        is_taken = (np.diff(begin) > 0).reshape(cells.rows, cells.columns)
        return cls(cells, _clear(is_taken), begin, (pair % count).astype(np.int32))

    def may_meet(self, lon0: Reals, lat0: Reals, lon1: Reals, lat1: Reals) -> NDArray[np.bool_]:
        """False for steps that meet no edge; degrees, longitudes continuous, shape (n,); NaN gives False."""
        columns, rows = self.cells.columns, self.cells.rows
        with np.errstate(invalid="ignore", over="ignore"):
            column, row = self.cells.of(lon0, lat0)
            last_column, last_row = self.cells.of(lon1, lat1)
            last_column -= column
            last_row -= row
            np.abs(last_column, out=last_column)
            moved = np.maximum(last_column, np.abs(last_row, out=last_row), out=last_column)
            # A cell of the raster's rim is no farther from any edge than what lies outside before it.
            np.clip(column, 0.0, columns - 1.0, out=column)
            np.clip(row, 0.0, rows - 1.0, out=row)
            row *= columns
            row += column
            return np.asarray(moved >= self.clear.take(row.astype(np.int64), mode="clip"))


def _cells_over(lon: Reals, lat: Reals) -> Cells:
    """Cells over the places of a line, about as wide as high in metres, and at least one more all around."""
    span_lon, span_lat = float(np.ptp(lon)), float(np.ptp(lat))
    shrink = max(math.cos(math.radians(float(np.max(np.abs(lat))))), 0.02)
    high = max(
        math.sqrt(span_lon * shrink * span_lat / CELL_COUNT_MAX),
        max(span_lon * shrink, span_lat) / SIDE_COUNT_MAX,
        CELL_DEG_MIN,
    )
    wide = high / shrink
    return Cells(
        west=float(lon.min()) - 1.5 * wide,
        south=float(lat.min()) - 1.5 * high,
        per_lon=1.0 / wide,
        per_lat=1.0 / high,
        columns=int(span_lon / wide) + 4,
        rows=int(span_lat / high) + 4,
    )


def _clear(is_taken: NDArray[np.bool_]) -> NDArray[np.uint8]:
    """How many columns or rows from each cell the nearest taken one is, shape (rows * columns,)."""
    clear = np.zeros(is_taken.shape, dtype=np.uint8)
    reached = is_taken.copy()
    for _ in range(CLEAR_MAX):
        clear += ~reached
        wider = reached.copy()
        wider[1:] |= reached[:-1]
        wider[:-1] |= reached[1:]
        reached = wider.copy()
        reached[:, 1:] |= wider[:, :-1]
        reached[:, :-1] |= wider[:, 1:]
    return clear.ravel()
