"""The sketchbook: where the tracks near the line were in the last hours, for one question after another.

Rows stand by time; a question is about a window of time and a box around a track, so it costs what is near, not
what is remembered.
"""

from functools import cached_property
from typing import Any, Final, Self

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from monitoring.incidents import geometry
from monitoring.tracks.sketches import SKETCHES

MEMORY_NS: Final = 4 * 3_600 * 1_000_000_000
"""How long sketches are remembered."""
WINDOW_NS: Final = 2 * 3_600 * 1_000_000_000
"""How far back from a finding's decision they are asked for: less than the memory, so that it is always full."""
FLOOR_M: Final = 15.0
"""No fix is taken for better than this, per axis."""

Ints = NDArray[np.int64]
Reals = NDArray[np.float64]
Keys = NDArray[np.uint64]

_NO_ROWS: Final = np.zeros(0, dtype=np.int64)


class Sketchbook:
    """Sketches (`SKETCHES`) by time and then key. Never changed; the methods that change give another."""

    def __init__(self, table: pa.Table | None = None) -> None:
        self.table = (SKETCHES.empty_table() if table is None else table).combine_chunks()

    def __len__(self) -> int:
        return int(self.table.num_rows)

    def with_rows(self, rows: pa.Table | None) -> Self:
        """With further rows in their places."""
        parts = [table for table in (self.table, rows) if table is not None and table.num_rows]
        if not parts:
            return self
        table = pa.concat_tables(parts)
        if len(parts) == 2 and _first(parts[1]) <= _last(parts[0]):
            table = _ordered(table)
        return type(self)(table)

    def replacing(self, rows: pa.Table | None) -> Self:
        """With tracks that were judged anew in the place of what was known of them."""
        if rows is None or not rows.num_rows:
            return self
        keeps = ~np.isin(self.column("key"), rows.column("key").to_numpy())
        return type(self)(self.table.filter(pa.array(keeps))).with_rows(rows)

    def without_old(self, until_ns: int) -> Self:
        """Without what no finding decided after `until_ns` can ask for."""
        first = int(np.searchsorted(self.column("time_ns"), until_ns - MEMORY_NS))
        return type(self)(self.table.slice(first)) if first else self

    def column(self, name: str) -> NDArray[Any]:
        """One numeric column."""
        return self._columns[name]

    def names(self, row: int) -> tuple[str, str, str]:
        """Sensor id, track id and event id of a row."""
        sensor_id, track_id, event_id = (
            str(self.table.column(name)[row].as_py()) for name in ("sensor_id", "track_id", "id")
        )
        return sensor_id, track_id, event_id

    def rows_of(self, key: np.uint64, since_ns: int, until_ns: int) -> Ints:
        """Rows of a track within a span of time, edges included."""
        rows = self._rows_by_key.get(int(key), _NO_ROWS)
        if not len(rows):
            return rows
        low, high = np.searchsorted(self.column("time_ns")[rows], [since_ns, until_ns + 1])
        return rows[low:high]

    def begun(self, sensor: np.uint64, since_ns: int, until_ns: int) -> int:
        """How many tracks a sensor began within a span of time, edges included."""
        times_ns = self._begun.get(int(sensor), _NO_ROWS)
        return int(np.searchsorted(times_ns, until_ns, "right") - np.searchsorted(times_ns, since_ns))

    def rows_near(self, track: Ints, reach_m: float, since_ns: int, until_ns: int) -> Ints:
        """Rows within a span of time and `reach_m` of the box around the rows `track`, the track's own too."""
        low, high = self._span(since_ns, until_ns)
        lon, lat = self.column("lon"), self.column("lat")
        south, north = float(lat[track].min()), float(lat[track].max())
        margin = reach_m / geometry.METRES_PER_DEG
        wide = margin / max(np.cos(np.radians(max(abs(south), abs(north)))), 0.01)
        middle = float(lon[track[0]])
        own = _around(lon[track], middle)
        at = np.flatnonzero(np.abs(lat[low:high] - (south + north) / 2) <= (north - south) / 2 + margin) + low
        there = _around(lon[at], middle)
        at = at[(there >= own.min() - wide) & (there <= own.max() + wide)]
        return np.asarray(at)

    def local(self, rows: Ints, origin: int) -> tuple[Reals, Reals]:
        """East and north of the place of the row `origin`, metres."""
        lon, lat = self.column("lon"), self.column("lat")
        return geometry.offsets_m(lon[[origin]], lat[[origin]], lon[rows], lat[rows])

    def covariance(self, rows: Ints) -> tuple[Reals, Reals, Reals]:
        """Variances east, east-north, north of the rows' errors (m²), none below the floor's."""
        major, minor, azimuth = (self.column(name)[rows] for name in ("major_m", "minor_m", "azimuth_deg"))
        return geometry.covariance(np.hypot(major, FLOOR_M), np.hypot(minor, FLOOR_M), azimuth)

    def _span(self, since_ns: int, until_ns: int) -> tuple[int, int]:
        time_ns = self.column("time_ns")
        low, high = np.searchsorted(time_ns, [since_ns, until_ns + 1])
        return int(low), int(high)

    @cached_property
    def _rows_by_key(self) -> dict[int, Ints]:
        return _grouped(self.column("key"), np.argsort(self.column("key"), kind="stable"))

    @cached_property
    def _begun(self) -> dict[int, Ints]:
        first = np.array([rows[0] for rows in self._rows_by_key.values()], dtype=np.int64)
        sensor, time_ns = self.column("sensor")[first], self.column("time_ns")[first]
        order = np.lexsort((time_ns, sensor))
        return {name: time_ns[at] for name, at in _grouped(sensor, order).items()}

    @cached_property
    def _columns(self) -> dict[str, NDArray[Any]]:
        table = self.table
        return {
            field.name: table.column(field.name).to_numpy()
            for field in SKETCHES
            if not pa.types.is_string(field.type)
        }


def _grouped(key: Keys, order: Ints) -> dict[int, Ints]:
    """Positions by key, from an order in which equal keys stand together."""
    if not len(order):
        return {}
    in_order = key[order]
    begin = np.concatenate([[0], np.flatnonzero(in_order[1:] != in_order[:-1]) + 1])
    return dict(zip(in_order[begin].tolist(), np.split(order, begin[1:]), strict=True))


def _around(lon: Reals, middle: float) -> Reals:
    """Longitudes as differences from a middle, the shorter way round."""
    return np.asarray((lon - middle + 180.0) % 360.0 - 180.0)


def _ordered(table: pa.Table) -> pa.Table:
    keys, time_ns = table.column("key").to_numpy(), table.column("time_ns").to_numpy()
    return table.take(pa.array(np.lexsort((keys, time_ns))))


def _first(table: pa.Table) -> int:
    return int(table.column("time_ns")[0].as_py())


def _last(table: pa.Table) -> int:
    return int(table.column("time_ns")[-1].as_py())
