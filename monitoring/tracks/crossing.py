"""Where the steps of a batch cross the line in force: the passage from rows of tracks to steps and back."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from geodata.contact_line import ContactLine
from geodata.crossings import StepCrossings, step_crossings
from monitoring.tracks.batch import Crossings
from monitoring.tracks.speed import METRES_PER_DEGREE_MAX


def find_crossings(
    lines: tuple[ContactLine, ...],
    line_idx: NDArray[np.int64],
    lon: NDArray[np.float64],
    lat: NDArray[np.float64],
    signed_distance_m: NDArray[np.float64],
    is_step: NDArray[np.bool_],
    pending_side: NDArray[np.int8],
) -> tuple[Crossings, NDArray[np.int8]]:
    """Every strict crossing of every step, and for each row the side from which its track stopped on the line.

    All inputs (n,), rows as in `TrackBatch`; `pending_side` is what was returned for remembered rows and 0
    for others. Steps that cannot reach the line cost a few comparisons each.
    """
    found: list[StepCrossings] = []
    rows_of: list[NDArray[np.int64]] = []
    pending = np.where(is_step, 0, pending_side).astype(np.int8)
    for row in _candidate_rows(lines, line_idx, lon, lat, signed_distance_m, is_step):
        idx = int(line_idx[row[0]])
        continues = np.zeros(len(row), dtype=bool)
        continues[1:] = row[1:] - 1 == row[:-1]
        steps = step_crossings(
            lines[idx],
            lon[row - 1],
            lat[row - 1],
            lon[row],
            lat[row],
            continues=continues,
            pending_before=pending_side[row - 1],
        )
        pending[row] = steps.pending_side
        found.append(steps)
        rows_of.append(row[steps.step_idx])
    return _in_order(found, rows_of), pending


def _candidate_rows(
    lines: tuple[ContactLine, ...],
    line_idx: NDArray[np.int64],
    lon: NDArray[np.float64],
    lat: NDArray[np.float64],
    signed_distance_m: NDArray[np.float64],
    is_step: NDArray[np.bool_],
) -> list[NDArray[np.int64]]:
    """Rows whose step may meet the line, per line in force, those without any left out."""
    if len(lon) < 2:
        return []
    distance_m = np.abs(signed_distance_m)
    # No step is longer than its way along the meridian and the equator; most end here.
    dlon = np.abs(np.diff(lon))
    if np.max(dlon, initial=0.0) > 180.0:
        dlon = np.minimum(dlon, np.abs(360.0 - dlon))
    reach_m = (dlon + np.abs(np.diff(lat))) * METRES_PER_DEGREE_MAX
    is_near = is_step[1:] & (distance_m[1:] + distance_m[:-1] <= 1.001 * reach_m + 1.0)
    # One who stands still meets the line only by standing on it.
    is_near &= (reach_m > 0.0) | (distance_m[1:] == 0.0)
    row = np.flatnonzero(is_near) + 1
    by_line = [row] if len(lines) == 1 else [row[line_idx[row] == idx] for idx in range(len(lines))]
    return [rows for rows in by_line if len(rows)]


def _in_order(found: list[StepCrossings], rows_of: list[NDArray[np.int64]]) -> Crossings:
    row = np.concatenate([np.zeros(0, dtype=np.int64), *rows_of])
    fraction = np.concatenate([np.zeros(0), *(steps.fraction for steps in found)])
    order = np.lexsort((fraction, row))
    row = row[order]
    _, of_step, in_step = np.unique(row, return_inverse=True, return_counts=True)

    def column(name: str, dtype: type[np.generic]) -> NDArray[Any]:
        return np.concatenate([np.zeros(0, dtype=dtype), *(getattr(steps, name) for steps in found)])[order]

    return Crossings(
        row=row,
        fraction=fraction[order],
        lon=column("lon", np.float64),
        lat=column("lat", np.float64),
        chainage_m=column("chainage_m", np.float64),
        line_edge=column("line_edge", np.int32),
        line_part=column("line_part", np.int16),
        direction=column("direction", np.int8),
        in_step=in_step[of_step].astype(np.int64),
    )
