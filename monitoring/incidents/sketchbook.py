"""The sketchbook: where the tracks near the line were in the last hours, for one question after another.

Rows stand by time; a question is about a window of time and a box around a track, so it costs what is near, not
what is remembered.
"""

from bisect import bisect_left, bisect_right
from collections.abc import Iterable
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
        self._in_track_order: dict[str, NDArray[Any]] = {}

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
        low, high = self.span_of(key, since_ns, until_ns)
        return self._by_key.order[low:high]

    def ends_of(self, key: int, since_ns: int, until_ns: int) -> tuple[int, int] | None:
        """The first and the last row of a track within a span of time, edges included; None without any."""
        low, high = self.span_of(key, since_ns, until_ns)
        order = self._by_key.order
        return (int(order[low]), int(order[high - 1])) if low < high else None

    def extent_of(self, key: int, since_ns: int, until_ns: int) -> "Extent | None":
        """From when until when a track was seen within a span of time, and by which sensor; None without any row."""
        low, high = self.span_of(key, since_ns, until_ns)
        if low == high:
            return None
        known = self._by_key
        return Extent(known.time_ns[low], known.time_ns[high - 1], known.sensor[known.number[key]])

    def span_of(self, key: int, since_ns: int, until_ns: int) -> tuple[int, int]:
        """The places [low, high) in track order (see `in_track_order`) of a track's rows within a span of time."""
        known = self._by_key
        track = known.number.get(key)
        if track is None:
            return 0, 0
        low, high = known.begin[track], known.begin[track + 1]
        if since_ns <= known.first_ns[track] and known.last_ns[track] <= until_ns:
            return low, high
        return bisect_left(known.time_ns, since_ns, low, high), bisect_right(
            known.time_ns, until_ns, low, high
        )

    def begun(self, sensor: np.uint64, since_ns: int, until_ns: int) -> int:
        """How many tracks a sensor began within a span of time, edges included."""
        times_ns = self._begun.get(int(sensor), _NO_ROWS)
        return int(times_ns.searchsorted(until_ns, "right") - times_ns.searchsorted(since_ns))

    def numbers(self, keys: Iterable[int]) -> Ints:
        """The number of each track in the order of keys, -1 = none of its rows is here."""
        number = self._by_key.number
        return np.array([number.get(key, -1) for key in keys], dtype=np.int64)

    def keys_of(self, tracks: Iterable[int]) -> list[int]:
        """The keys of tracks by their numbers."""
        known = self._by_key.keys
        return [known[track] for track in tracks]

    def numbers_at(self, at: Ints) -> Ints:
        """The numbers of the tracks whose rows stand at places in track order."""
        return np.asarray(self._spans.begin.searchsorted(at, "right") - 1)

    @property
    def track_count(self) -> int:
        return len(self._by_key.keys)

    @property
    def rows_in_track_order(self) -> Ints:
        """The rows by track, in the order of their keys, and then time."""
        return self._by_key.order

    def in_track_order(self, name: str) -> NDArray[Any]:
        """A numeric column by track, in the order of their keys, and then time."""
        if name not in self._in_track_order:
            self._in_track_order[name] = self.column(name)[self._by_key.order]
        return self._in_track_order[name]

    def near_each(
        self, low: Ints, high: Ints, reach_m: Reals, since_ns: Ints, until_ns: Ints
    ) -> tuple[Ints, Ints, Ints]:
        """What was near each of some tracks (r,), of which each has a row: their places [low, high) in track order.

        Near is what lies within `reach_m` of the box around those rows and within [`since_ns`, `until_ns`]. Returns
        (which of the tracks asked for, the number of the track nearby, the place of its row), each (n,), in order.
        """
        lon, lat = self.in_track_order("lon"), self.in_track_order("lat")
        middle = lon[low]
        begins = np.cumsum(high - low) - (high - low)
        own_of, own = geometry.expand(low, high)
        south, north = np.minimum.reduceat(lat[own], begins), np.maximum.reduceat(lat[own], begins)
        around = _around(lon[own], middle[own_of])
        west, east = np.minimum.reduceat(around, begins), np.maximum.reduceat(around, begins)
        margin = reach_m / geometry.METRES_PER_DEG
        furthest = np.radians(np.maximum(np.abs(south), np.abs(north)))
        wide = margin / np.maximum(np.cos(furthest), 0.01)
        which, track = self._reaching(since_ns, until_ns, south - 1.1 * margin, north + 1.1 * margin)
        spans = self._spans
        away = np.abs(_around(spans.lon[track], middle[which]))
        is_near = away <= spans.lon_reach[track] + (np.maximum(-west, east) + 1.1 * wide)[which]
        which, track = which[is_near], track[is_near]
        order = np.argsort(which * len(spans.begin) + track)
        which, track = which[order], track[order]
        of_pair, at = geometry.expand(spans.begin[track], spans.begin[track + 1])
        which, track = which[of_pair], track[of_pair]
        time_ns, half, centre = self.in_track_order("time_ns")[at], (north - south) / 2, (south + north) / 2
        is_near = np.abs(lat[at] - centre[which]) <= (half + margin)[which]
        is_near &= (time_ns >= since_ns[which]) & (time_ns <= until_ns[which])
        there = _around(lon[at], middle[which])
        is_near &= (there >= (west - wide)[which]) & (there <= (east + wide)[which])
        return which[is_near], track[is_near], at[is_near]

    def _reaching(self, since_ns: Ints, until_ns: Ints, south: Reals, north: Reals) -> tuple[Ints, Ints]:
        """Pairs of a question (r,) and a track that reaches into its span of time and of latitudes."""
        spans = self._spans
        # None of the tracks that began before the first one of these lasted until then.
        first = spans.latest_ns.searchsorted(since_ns)
        last = spans.first_ns[spans.by_time].searchsorted(until_ns, "right")
        which, at = geometry.expand(first, last)
        track = spans.by_time[at]
        reaches = spans.last_ns[track] >= since_ns[which]
        reaches &= (spans.highest[track] >= south[which]) & (spans.lowest[track] <= north[which])
        return which[reaches], track[reaches]

    @cached_property
    def _spans(self) -> "_Spans":
        known = self._by_key
        begin, first_ns, last_ns = (
            np.array(of, dtype=np.int64) for of in (known.begin, known.first_ns, known.last_ns)
        )
        lon, lat = self.in_track_order("lon"), self.in_track_order("lat")
        middle = lon[begin[:-1]]
        off = np.abs(_around(lon, np.repeat(middle, np.diff(begin))))
        lowest, highest, reach = (
            extreme.reduceat(of, begin[:-1]) if len(of) else of
            for extreme, of in ((np.minimum, lat), (np.maximum, lat), (np.maximum, off))
        )
        by_time = np.argsort(first_ns, kind="stable")
        latest_ns = np.maximum.accumulate(last_ns[by_time])
        return _Spans(begin, first_ns, last_ns, lowest, highest, middle, reach, by_time, latest_ns)

    def local(self, low: int, high: int) -> tuple[Reals, Reals]:
        """East and north of rows [low, high) in track order from the first of them, metres."""
        lon, lat = self.in_track_order("lon")[low:high], self.in_track_order("lat")[low:high]
        return geometry.offsets_m(lon[:1], lat[:1], lon, lat)

    def covariance(self, at: Ints) -> tuple[Reals, Reals, Reals]:
        """Variances east, east-north, north of the errors (m²) of rows in track order, none below the floor's."""
        major, minor, azimuth = (
            self.in_track_order(name)[at] for name in ("major_m", "minor_m", "azimuth_deg")
        )
        return geometry.covariance(np.hypot(major, FLOOR_M), np.hypot(minor, FLOOR_M), azimuth)

    @cached_property
    def _by_key(self) -> "_ByKey":
        key = self.column("key")
        order = np.argsort(key, kind="stable")
        time_ns, begin = self.column("time_ns")[order], _begins(key[order])
        keys = key[order[begin[:-1]]].tolist()
        return _ByKey(
            order,
            time_ns.tolist(),
            keys,
            {name: track for track, name in enumerate(keys)},
            begin.tolist(),
            time_ns[begin[:-1]].tolist(),
            time_ns[begin[1:] - 1].tolist(),
            self.column("sensor")[order[begin[:-1]]].tolist(),
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


class Extent(NamedTuple):
    """The first and the last time of a track's rows, and the number of its sensor."""

    first_ns: int
    last_ns: int
    sensor: int


class _ByKey(NamedTuple):
    """Rows by track and then time: their positions and times (n,), the key of each track and its number by its key,
    where each begins (the last entry is the end of all), its first and last time, and its sensor."""

    order: Ints
    time_ns: list[int]
    keys: list[int]
    number: dict[int, int]
    begin: list[int]
    first_ns: list[int]
    last_ns: list[int]
    sensor: list[int]


class _Spans(NamedTuple):
    """Of each track (k,): first and last time, lowest and highest latitude, its first longitude and how far it gets
    from that; where it begins in track order (k + 1,); the tracks by their first time, and until when those up to
    each lasted."""

    begin: Ints
    first_ns: Ints
    last_ns: Ints
    lowest: Reals
    highest: Reals
    lon: Reals
    lon_reach: Reals
    by_time: Ints
    latest_ns: Ints


def _begins(in_order: Keys) -> Ints:
    """Where each run of equal keys begins, and the end."""
    if not len(in_order):
        return np.zeros(1, dtype=np.int64)
    changes = np.flatnonzero(in_order[1:] != in_order[:-1]) + 1
    return np.concatenate([[0], changes, [len(in_order)]])


def _around(lon: Reals, middle: Reals) -> Reals:
    """Longitudes as differences from middles, the shorter way round."""
    return np.asarray((lon - middle + 180.0) % 360.0 - 180.0)


def _ordered(table: pa.Table) -> pa.Table:
    keys, time_ns = table.column("key").to_numpy(), table.column("time_ns").to_numpy()
    return table.take(pa.array(np.lexsort((keys, time_ns))))


def _first(table: pa.Table) -> int:
    return int(table.column("time_ns")[0].as_py())


def _last(table: pa.Table) -> int:
    return int(table.column("time_ns")[-1].as_py())
