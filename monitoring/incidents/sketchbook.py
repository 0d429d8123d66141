"""The sketchbook: where the tracks near the line were in the last hours, for one question after another.

Rows stand by time; a question is about a window of time and a box around a track, so it costs what is near, not
what is remembered.
"""

from functools import cached_property
from typing import Any, Final, NamedTuple, Self

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from monitoring import events
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

_NO_SKETCHES: Final = events.empty(SKETCHES)
_NO_ROWS: Final = np.zeros(0, dtype=np.int64)


class Sketchbook:
    """Sketches (`SKETCHES`) by time and then key. Never changed; the methods that change give another."""

    def __init__(self, table: pa.Table | None = None) -> None:
        self.table = (_NO_SKETCHES if table is None else table).combine_chunks()

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

    def rows_of(self, key: int, since_ns: int, until_ns: int) -> Ints:
        """Rows of a track within a span of time, edges included."""
        low, high = self._places_of(key, since_ns, until_ns)
        return self._by_key.order[low:high]

    def ends_of(self, key: int, since_ns: int, until_ns: int) -> tuple[int, int] | None:
        """The first and the last row of a track within a span of time, edges included; None without any."""
        low, high = self._places_of(key, since_ns, until_ns)
        order = self._by_key.order
        return (int(order[low]), int(order[high - 1])) if low < high else None

    def _places_of(self, key: int, since_ns: int, until_ns: int) -> tuple[int, int]:
        known = self._by_key
        track = known.number.get(int(key))
        if track is None:
            return 0, 0
        low, high = known.begin[track], known.begin[track + 1]
        if since_ns <= known.first_ns[track] and known.last_ns[track] <= until_ns:
            return low, high
        times_ns = known.time_ns[low:high]
        return low + int(times_ns.searchsorted(since_ns)), low + int(times_ns.searchsorted(until_ns, "right"))

    def begun(self, sensor: np.uint64, since_ns: int, until_ns: int) -> int:
        """How many tracks a sensor began within a span of time, edges included."""
        times_ns = self._begun.get(int(sensor), _NO_ROWS)
        return int(times_ns.searchsorted(until_ns, "right") - times_ns.searchsorted(since_ns))

    def rows_near(self, track: Ints, reach_m: float, since_ns: int, until_ns: int) -> Ints:
        """Rows within a span of time and `reach_m` of the box around the rows `track`, the track's own too.

        They stand by track and then time, the tracks in the order of their keys.
        """
        lon, lat = self.column("lon"), self.column("lat")
        south, north = float(lat[track].min()), float(lat[track].max())
        margin = reach_m / geometry.METRES_PER_DEG
        wide = margin / max(np.cos(np.radians(max(abs(south), abs(north)))), 0.01)
        middle = float(lon[track[0]])
        own = _around(lon[track], middle)
        rows = self._rows_of_all(since_ns, until_ns, south - 1.1 * margin, north + 1.1 * margin)
        time_ns = self.column("time_ns")[rows]
        is_near = np.abs(lat[rows] - (south + north) / 2) <= (north - south) / 2 + margin
        is_near &= (time_ns >= since_ns) & (time_ns <= until_ns)
        there = _around(lon[rows], middle)
        is_near &= (there >= own.min() - wide) & (there <= own.max() + wide)
        return np.asarray(rows[is_near])

    def _rows_of_all(self, since_ns: int, until_ns: int, south: float, north: float) -> Ints:
        """The rows of all tracks that reach into a span of time and of latitudes."""
        known = self._by_key
        first_ns, last_ns, lowest, highest, begin = self._spans
        reaches = (last_ns >= since_ns) & (first_ns <= until_ns) & (highest >= south) & (lowest <= north)
        tracks = np.flatnonzero(reaches)
        return known.order[geometry.expand(begin[tracks], begin[tracks + 1])[1]]

    @cached_property
    def _spans(self) -> tuple[Ints, Ints, Reals, Reals, Ints]:
        """Of each track (k,): first and last time, lowest and highest latitude; where each begins (k + 1,)."""
        known = self._by_key
        begin = np.array(known.begin, dtype=np.int64)
        lat = self.column("lat")[known.order]
        lowest, highest = (
            extreme.reduceat(lat, begin[:-1]) if len(lat) else lat for extreme in (np.minimum, np.maximum)
        )
        return (
            np.array(known.first_ns, dtype=np.int64),
            np.array(known.last_ns, dtype=np.int64),
            lowest,
            highest,
            begin,
        )

    def local(self, rows: Ints, origin: int) -> tuple[Reals, Reals]:
        """East and north of the place of the row `origin`, metres."""
        lon, lat = self.column("lon"), self.column("lat")
        return geometry.offsets_m(lon[[origin]], lat[[origin]], lon[rows], lat[rows])

    def covariance(self, rows: Ints) -> tuple[Reals, Reals, Reals]:
        """Variances east, east-north, north of the rows' errors (m²), none below the floor's."""
        var_e, cov_en, var_n = self._covariances
        return var_e[rows], cov_en[rows], var_n[rows]

    @cached_property
    def _covariances(self) -> tuple[Reals, Reals, Reals]:
        """`covariance` of every row: a row is asked for by many questions."""
        major, minor, azimuth = (self.column(name) for name in ("major_m", "minor_m", "azimuth_deg"))
        return geometry.covariance(np.hypot(major, FLOOR_M), np.hypot(minor, FLOOR_M), azimuth)

    @cached_property
    def _by_key(self) -> "_ByKey":
        key = self.column("key")
        order = np.argsort(key, kind="stable")
        time_ns, begin = self.column("time_ns")[order], _begins(key[order])
        return _ByKey(
            order,
            time_ns,
            {name: track for track, name in enumerate(key[order[begin[:-1]]].tolist())},
            begin.tolist(),
            time_ns[begin[:-1]].tolist(),
            time_ns[begin[1:] - 1].tolist(),
        )

    @cached_property
    def _begun(self) -> dict[int, Ints]:
        first = self._by_key.order[self._by_key.begin[:-1]]
        sensor, time_ns = self.column("sensor")[first], self.column("time_ns")[first]
        order = np.lexsort((time_ns, sensor))
        sensor, time_ns, begin = sensor[order], time_ns[order], _begins(sensor[order])
        names = sensor[begin[:-1]].tolist()
        return dict(zip(names, np.split(time_ns, begin[1:-1]), strict=True)) if names else {}

    @cached_property
    def _columns(self) -> dict[str, NDArray[Any]]:
        table = self.table
        return {
            field.name: table.column(field.name).to_numpy()
            for field in SKETCHES
            if not pa.types.is_string(field.type)
        }


class _ByKey(NamedTuple):
    """Rows by track and then time: their positions and times (n,), the number of each track by its key, where each
    begins (the last entry is the end of all), and its first and last time."""

    order: Ints
    time_ns: Ints
    number: dict[int, int]
    begin: list[int]
    first_ns: list[int]
    last_ns: list[int]


def _begins(in_order: Keys) -> Ints:
    """Where each run of equal keys begins, and the end."""
    if not len(in_order):
        return np.zeros(1, dtype=np.int64)
    changes = np.flatnonzero(in_order[1:] != in_order[:-1]) + 1
    return np.concatenate([[0], changes, [len(in_order)]])


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
