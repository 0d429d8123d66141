"""The fixes of many tracks at once, placed and in order: what the rules of scope `track` judge.

Rows stand track by track and inside a track in canonical order. A *stretch* is a run of rows that are judged
together: it ends where a track ends, where it was silent for longer than the agreement remembers, and where the
line in force changed; the last fix before such a change opens the next stretch, placed against the new line.
"""

from dataclasses import dataclass
from functools import cached_property
from typing import Final

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from geodata.contact_line import ContactLine
from monitoring import schema

NO_AFFILIATION: Final = -1
UNKNOWN_AFFILIATION: Final = schema.AFFILIATIONS.index("unknown")


@dataclass(frozen=True)
class Crossings:
    """Where steps cross the line, ordered by (row, fraction); all arrays (c,).

    `row` is the row at the end of the step, `fraction` the part of the step before the crossing, `direction` +1 =
    A>B and -1 = B>A, `in_step` how many crossings the same step has.
    """

    row: NDArray[np.int64]
    fraction: NDArray[np.float64]
    lon: NDArray[np.float64]
    lat: NDArray[np.float64]
    chainage_m: NDArray[np.float64]
    direction: NDArray[np.int8]
    in_step: NDArray[np.int64]


@dataclass(frozen=True)
class TrackBatch:
    """Placed fixes of a batch behind those remembered from before. All arrays (n,) unless said otherwise.

    - `stretch`: number of the row's stretch, rising; `is_first`: the row opens its stretch;
    - `is_step`: the object moved straight (in lon/lat) from the row before to this one;
    - `is_new`: the row came with this batch; others are remembered and were judged before;
    - `sigma_m`: standard deviation per axis of fix and line together, 0 where positions are exact;
    - `side` +1 = A, -1 = B, 0 = unknown or exactly on the line; `signed_distance_m` positive on A;
    - `step_m`, `step_s`, `is_implausible`: of the step that ends here (NaN, NaN, False where there is none);
    - `object_class`, `affiliation`: the newest stated ones of the track, positions in the schema's tuples or -1;
    - `is_doubtful`: the position was given with low precision;
    - `sensor_id`, `track_id`, `id`: Arrow string arrays.
    """

    stretch: NDArray[np.int64]
    is_first: NDArray[np.bool_]
    is_step: NDArray[np.bool_]
    is_new: NDArray[np.bool_]
    time_ns: NDArray[np.int64]
    lon: NDArray[np.float64]
    lat: NDArray[np.float64]
    sigma_m: NDArray[np.float64]
    line_idx: NDArray[np.int64]
    side: NDArray[np.int8]
    signed_distance_m: NDArray[np.float64]
    chainage_m: NDArray[np.float64]
    line_part: NDArray[np.int16]
    step_m: NDArray[np.float64]
    step_s: NDArray[np.float64]
    is_implausible: NDArray[np.bool_]
    object_class: NDArray[np.int8]
    affiliation: NDArray[np.int8]
    is_doubtful: NDArray[np.bool_]
    sensor_id: pa.Array
    track_id: pa.Array
    id: pa.Array
    crossings: Crossings
    lines: tuple[ContactLine, ...]

    def __len__(self) -> int:
        return len(self.time_ns)

    @cached_property
    def first_row(self) -> NDArray[np.int64]:
        """Row that opens the stretch of each row, (n,)."""
        starts = np.flatnonzero(self.is_first)
        return starts[self.stretch] if len(starts) else np.zeros(0, dtype=np.int64)

    def last_row_where(self, mask: NDArray[np.bool_]) -> NDArray[np.int64]:
        """For each row the newest row before it, in its stretch, where `mask` holds; -1 where there is none."""
        rows = np.arange(len(self), dtype=np.int64)
        newest = np.maximum.accumulate(np.where(mask, rows, -1))
        before = np.empty_like(newest)
        if len(before):
            before[0] = -1
            before[1:] = newest[:-1]
        before[before < self.first_row] = -1
        return before

    def names(self, row: int) -> tuple[str, str, str]:
        """(sensor id, track id, event id) of one row."""
        return self.sensor_id[row].as_py(), self.track_id[row].as_py(), self.id[row].as_py()
