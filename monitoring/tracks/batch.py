"""The fixes of many tracks at once, placed and in order: what the rules of scope `track` judge.

Rows stand track by track and inside a track in canonical order. A *stretch* is a run of rows that are
judged together: it ends where a track ends, where it was silent for longer than the agreement remembers,
and where the line in force changed; the last fix before such a change opens the next stretch, placed
against the new line.
"""

from dataclasses import dataclass, fields, replace
from typing import Any, Final

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from geodata.contact_line import ContactLine
from monitoring import schema

Names = NDArray[np.object_]

NOT_STATED: Final = -1
UNKNOWN: Final = schema.AFFILIATIONS.index("unknown")


@dataclass(frozen=True)
class Crossings:
    """Where steps cross the line, ordered by (row, fraction); all arrays (c,).

    `row` is the row at the end of the step, `fraction` the part of the step before the crossing,
    `direction` +1 = A>B and -1 = B>A, `in_step` how many crossings the same step has.
    """

    row: NDArray[np.int64]
    fraction: NDArray[np.float64]
    lon: NDArray[np.float64]
    lat: NDArray[np.float64]
    chainage_m: NDArray[np.float64]
    line_edge: NDArray[np.int32]
    line_part: NDArray[np.int16]
    direction: NDArray[np.int8]
    in_step: NDArray[np.int64]

    def __len__(self) -> int:
        return len(self.row)


@dataclass(frozen=True)
class TrackBatch:
    """Placed fixes of a batch, each track's behind those remembered from before. All arrays (n,).

    - `key`: the track's number (see `monitoring.tracks.keys`); `is_first`: the row opens its stretch;
    - `is_step`: the object moved straight (in lon/lat) from the row before to this one;
    - `is_new`: the row came with this batch; others are remembered and were judged before;
    - `own_sigma_m`: standard deviation of the fix along the longer axis of its error, `minor_m` along the
    other, `azimuth_deg` the longer one's azimuth (0 for a circle); `sigma_m`: of fix and line together; 0
    if exact;
    - `side` +1 = A, -1 = B, 0 = unknown or exactly on the line; `signed_distance_m` positive on A;
    - `certain_side`: `side` where it is so by k sigma, else 0;
    - `object_class`, `affiliation`: the newest stated ones of the track, positions in the schema's tuples
    or -1;
    - `calibre_mm`: the newest stated calibre of the track, 0 = none;
    - `is_doubtful`: the position was given with low precision;
    - `is_at_odds`: another fix of the track and time is surely on the other side, and nothing orders the two;
    - `sensor_id`, `track_id`, `id`: Arrow strings, of which row i has element `source[i]`;
    - `fixes`: the events (EVENTS) of the new rows, of which row i has row `source[i] - first_fix`.
    """

    key: NDArray[np.uint64]
    is_first: NDArray[np.bool_]
    is_step: NDArray[np.bool_]
    is_new: NDArray[np.bool_]
    time_ns: NDArray[np.int64]
    lon: NDArray[np.float64]
    lat: NDArray[np.float64]
    own_sigma_m: NDArray[np.float64]
    minor_m: NDArray[np.float64]
    azimuth_deg: NDArray[np.float64]
    sigma_m: NDArray[np.float64]
    k_sigma: NDArray[np.float64]
    line_idx: NDArray[np.int64]
    side: NDArray[np.int8]
    certain_side: NDArray[np.int8]
    signed_distance_m: NDArray[np.float64]
    chainage_m: NDArray[np.float64]
    line_part: NDArray[np.int16]
    object_class: NDArray[np.int8]
    affiliation: NDArray[np.int8]
    calibre_mm: NDArray[np.float64]
    is_doubtful: NDArray[np.bool_]
    is_at_odds: NDArray[np.bool_]
    source: NDArray[np.int64]
    sensor_id: pa.Array
    track_id: pa.Array
    id: pa.Array
    crossings: Crossings
    lines: tuple[ContactLine, ...]
    fixes: pa.Table
    first_fix: int

    def __len__(self) -> int:
        return len(self.time_ns)

    def names(self, rows: NDArray[np.int64]) -> tuple[Names, Names, Names]:
        """Sensor ids, track ids and event ids of some rows, object arrays of their shape."""
        at = pa.array(self.source[rows])
        sensor_id, track_id, event_id = (
            np.asarray(column.take(at).to_numpy(zero_copy_only=False), dtype=np.object_)
            for column in (self.sensor_id, self.track_id, self.id)
        )
        return sensor_id, track_id, event_id

    def event_ids(self, rows: NDArray[np.int64]) -> Names:
        """Event ids of some rows, an object array of their shape."""
        ids = self.id.take(pa.array(self.source[rows]))
        return np.asarray(ids.to_numpy(zero_copy_only=False), dtype=np.object_)

    def stated(self, name: str) -> NDArray[np.float64]:
        """Column `name` of the events of the new rows, (n,); NaN for remembered rows and where it is absent."""
        column = self.fixes.column(name)
        if column.null_count == len(column):
            return np.full(len(self), np.nan)
        values = column.combine_chunks().cast(pa.float64()).to_numpy(zero_copy_only=False)
        at = self.source - self.first_fix
        return np.where(at >= 0, values[np.maximum(at, 0)], np.nan)

    def objects(self) -> NDArray[np.int64]:
        """Twice the count of objects stated at each row, and one more where it was said to be the least; 0 = none."""
        count = np.nan_to_num(self.stated("count")).astype(np.int64)
        return np.where(count > 0, 2 * count + (self.stated("count_is_minimum") > 0), 0)

    def of_tracks(self, is_wanted: NDArray[np.bool_], keys: NDArray[np.uint64]) -> "TrackBatch":
        """All rows of the tracks that have a wanted row, (n,), or are among `keys`; without crossings."""
        starts = np.flatnonzero(np.concatenate([[True], self.key[1:] != self.key[:-1]]))[: len(self)]
        if len(starts):
            is_of = np.logical_or.reduceat(is_wanted, starts) | np.isin(self.key[starts], keys)
            at = np.flatnonzero(np.repeat(is_of, np.diff(starts, append=len(self))))
        else:
            at = starts
        nothing = {f.name: getattr(self.crossings, f.name)[:0] for f in fields(Crossings)}
        columns: dict[str, Any] = {
            field.name: column[at]
            for field in fields(self)
            if isinstance(column := getattr(self, field.name), np.ndarray)
        }
        return replace(self, crossings=Crossings(**nothing), **columns)
