"""Where coverage is asked for: cells along the line about every 500 m, and beside it on both sides.

A cell is a place with a kind of happening, where that kind is taken to happen (see `reach.KINDS`). The cells of a
stretch of line and a kind share the stretch's length.
"""

from dataclasses import dataclass
from functools import cached_property, lru_cache
from typing import Final

import numpy as np
from numpy.typing import NDArray

from geodata.contact_line import ContactLine
from geodata.projection import Frame
from geodata.sectors import NO_SECTOR, Sectors
from monitoring.coverage import reach
from monitoring.coverage.ordering import ranges, stable_order

Reals = NDArray[np.float64]
Indices = NDArray[np.int64]

STEP_M: Final = 500.0
SAMPLES_MOST: Final = 12_000
"""On a line longer than 6,000 km the stretches grow instead of their number."""
_SMOOTH_M: Final = 1_000.0
"""The direction of the line is taken over this much on either side, so that a wiggle turns no place away."""


@dataclass(frozen=True)
class LineCells:
    """Cells, columns of shape (c,): the frame's metres, degrees, table row, kilometres of line that they stand for.

    Kind k has the cells from `begin[k]` to before `begin[k + 1]`, sorted by `along`, a coordinate on the unit vector
    `axis`. Rows are sector-major, kind-minor, the last sector being "outside every sector"; `row_km` (rows,).
    """

    frame: Frame
    x: Reals
    y: Reals
    lon: Reals
    lat: Reals
    along: Reals
    row: Indices
    km: Reals
    begin: Indices
    row_km: Reals
    axis: tuple[float, float]

    @property
    def cell_count(self) -> int:
        return len(self.x)

    @property
    def row_count(self) -> int:
        return len(self.row_km)

    @cached_property
    def _by_row(self) -> tuple[Indices, Indices]:
        """Cells sorted by row, and where each row begins among them."""
        order = stable_order(self.row)
        return order, np.searchsorted(self.row[order], np.arange(self.row_count + 1))

    def of_rows(self, rows: Indices) -> Indices:
        """The cells of some rows, row by row, those of a row in their order."""
        order, begin = self._by_row
        return order[ranges(begin, rows)]


@lru_cache(maxsize=4)
def cells_of(line: ContactLine, sectors: Sectors) -> LineCells:
    """The cells of a line, made once."""
    samples = [_samples(line, part) for part in range(len(line.part_length_m))]
    x, y, nx, ny, km, lon, lat, chainage = (np.concatenate(columns) for columns in zip(*samples, strict=True))
    sector = sectors.locate(lon, lat, chainage).astype(np.int64)
    sector[sector == NO_SECTOR] = len(sectors.ids)
    axis = (1.0, 0.0) if np.ptp(x) >= np.ptp(y) else (0.0, 1.0)
    kinds, begin, parts = len(reach.NAMES), [0], []
    for kind, offset_m in enumerate(reach.OFFSET_M.tolist()):
        offsets = np.array([offset_m, -offset_m] if offset_m else [0.0])
        cx = (x[:, None] + nx[:, None] * offsets).ravel()
        cy = (y[:, None] + ny[:, None] * offsets).ravel()
        order = np.argsort(cx * axis[0] + cy * axis[1], kind="stable")
        row = np.repeat(sector * kinds + kind, len(offsets))
        share = np.repeat(km / len(offsets), len(offsets))
        parts.append((cx[order], cy[order], row[order], share[order]))
        begin.append(begin[-1] + len(cx))
    cx, cy, row, share = (np.concatenate(columns) for columns in zip(*parts, strict=True))
    cell_lon, cell_lat = line.frame.inverse(cx, cy)
    return LineCells(
        frame=line.frame,
        x=cx,
        y=cy,
        lon=np.asarray(cell_lon),
        lat=np.asarray(cell_lat),
        along=cx * axis[0] + cy * axis[1],
        row=row,
        km=share,
        begin=np.array(begin, dtype=np.int64),
        row_km=np.bincount(row, share, (len(sectors.ids) + 1) * kinds).astype(np.float64),
        axis=axis,
    )


def _samples(line: ContactLine, part: int) -> tuple[Reals, ...]:
    """x, y, unit normal, length (km), degrees and chainage of the middle of each stretch of a part."""
    length_m = float(line.part_length_m[part])
    most = max(int(SAMPLES_MOST * length_m / float(line.part_length_m.sum())), 1)
    count = int(np.clip(round(length_m / STEP_M), 1, most))
    middle = (np.arange(count) + 0.5) * (length_m / count)
    lon, lat = line.place_at(middle, part)
    x, y = line.frame.forward(lon, lat)
    before_x, before_y = line.frame.forward(*line.place_at(middle - _SMOOTH_M, part))
    after_x, after_y = line.frame.forward(*line.place_at(middle + _SMOOTH_M, part))
    dx, dy = after_x - before_x, after_y - before_y
    norm = np.maximum(np.hypot(dx, dy), 1e-9)
    km = np.full(count, length_m / count / 1_000.0)
    return x, y, np.asarray(-dy / norm), np.asarray(dx / norm), km, lon, lat, np.asarray(middle)
