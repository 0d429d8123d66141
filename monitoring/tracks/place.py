"""Place facts of events that belong to no track: side, distance, chainage, sector, by the line in force."""

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from monitoring import events, schema
from monitoring.agreement import Parameters
from monitoring.tracks.sigma import position_sigma_m


def place(table: pa.Table, parameters: Parameters) -> pa.Table:
    """The events (EVENTS) with their place facts (PLACED_EVENTS); without a position these are unknown.

    A place on the line is on side A by convention and has distance 0.
    """
    n = table.num_rows
    lon, lat = events.reals(table, "lon"), events.reals(table, "lat")
    line_idx = parameters.lines.at(events.ints(table, "time_ns"))
    side, beyond_end = np.zeros(n, dtype=np.int8), np.zeros(n, dtype=np.int8)
    line_part = np.full(n, -1, dtype=np.int16)
    distance_m, chainage_m = np.full(n, np.nan), np.full(n, np.nan)
    for idx in np.unique(line_idx).tolist():
        at = line_idx == idx
        found = parameters.lines.lines[idx].locator.locate(lon[at], lat[at])
        side[at], beyond_end[at], line_part[at] = found.side, found.beyond_end, found.line_part
        distance_m[at], chainage_m[at] = found.signed_distance_m, found.chainage_m
    sector_idx = parameters.sectors.locate(lon, lat, chainage_m)
    names = pa.array([*parameters.sectors.ids, None], type=pa.string())
    versions = pa.array([line.version for line in parameters.lines.lines], type=pa.string())
    columns = {
        "side": pa.array(side),
        "signed_distance_m": _reals(distance_m),
        "chainage_m": _reals(chainage_m),
        "line_part": pa.array(line_part),
        "beyond_end": pa.array(beyond_end),
        "sector": names.take(pa.array(np.where(sector_idx < 0, len(names) - 1, sector_idx))),
        "line_version": versions.take(pa.array(line_idx)),
        "sigma_used_m": _reals(position_sigma_m(table, parameters)),
    }
    arrays = [columns[name] if name in columns else table.column(name) for name in schema.PLACED_EVENTS.names]
    return pa.Table.from_arrays(arrays, schema=schema.PLACED_EVENTS)


def _reals(values: NDArray[np.float64]) -> pa.Array:
    return pa.array(values, mask=np.isnan(values))
