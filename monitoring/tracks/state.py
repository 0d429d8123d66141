"""What S1 remembers of each track between batches: its newest fix, where the next step begins.

What a rule needs of earlier fixes is in the rule's own memory. So memory is bounded by the number of tracks.
"""

from typing import Any, Final, NamedTuple, Self

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

VERSION: Final = 4

FIXES: Final = pa.schema(
    [
        pa.field("key", pa.uint64(), nullable=False),
        pa.field("sensor_id", pa.string(), nullable=False),
        pa.field("track_id", pa.string(), nullable=False),
        pa.field("id", pa.string(), nullable=False),
        pa.field("time_ns", pa.int64(), nullable=False),
        pa.field("judged_ns", pa.int64(), nullable=False),
        pa.field("lon", pa.float64(), nullable=False),
        pa.field("lat", pa.float64(), nullable=False),
        pa.field("sigma_m", pa.float64(), nullable=False),
        pa.field("sigma_minor_m", pa.float64(), nullable=False),
        pa.field("sigma_azimuth_deg", pa.float64(), nullable=False),
        pa.field("object_class", pa.int8(), nullable=False),
        pa.field("affiliation", pa.int8(), nullable=False),
        pa.field("calibre_mm", pa.float64(), nullable=False),
        pa.field("is_doubtful", pa.bool_(), nullable=False),
        pa.field("is_at_odds", pa.bool_(), nullable=False),
        pa.field("pending_side", pa.int8(), nullable=False),
    ],
    metadata={"version": str(VERSION)},
)
"""Remembered fixes, by key. `judged_ns` is the time whose line they are judged against; `sigma_m` the standard
deviation along the longer axis of the error, `sigma_minor_m` along the other, `sigma_azimuth_deg` the longer
one's azimuth (0 for a circle); `calibre_mm` the newest stated one of the track, 0 = none; `is_at_odds`: a
fix of the same time contradicts it (see `batch`); `pending_side` the side from which it came, of a fix exactly on
the line."""


def of_this_version(table: pa.Table) -> pa.Table:
    """A table of schema `FIXES`, also from one that an earlier version wrote.

    Version 1 held up to four fixes a track, the newest last, and no ellipses; version 2 no calibre; version 3
    not what contradicts a fix.
    """
    if table.schema.names == FIXES.names:
        return table.cast(FIXES)
    key = table.column("key").to_numpy()
    newest = np.flatnonzero(np.concatenate([key[1:] != key[:-1], [True]])) if len(key) else np.arange(0)
    table = table.take(pa.array(newest))
    added = {
        "sigma_minor_m": table.column("sigma_m"),
        "sigma_azimuth_deg": pa.array(np.zeros(len(newest))),
        "calibre_mm": pa.array(np.zeros(len(newest))),
        "is_at_odds": pa.array(np.zeros(len(newest), dtype=bool)),
    }
    columns = [table.column(n) if n in table.schema.names else added[n] for n in FIXES.names]
    return pa.Table.from_arrays(columns, names=FIXES.names).cast(FIXES)


class Fixes(NamedTuple):
    """The columns of `FIXES` as arrays (n,); the id columns stay Arrow strings."""

    key: NDArray[np.uint64]
    sensor_id: pa.Array
    track_id: pa.Array
    id: pa.Array
    time_ns: NDArray[np.int64]
    judged_ns: NDArray[np.int64]
    lon: NDArray[np.float64]
    lat: NDArray[np.float64]
    sigma_m: NDArray[np.float64]
    sigma_minor_m: NDArray[np.float64]
    sigma_azimuth_deg: NDArray[np.float64]
    object_class: NDArray[np.int8]
    affiliation: NDArray[np.int8]
    calibre_mm: NDArray[np.float64]
    is_doubtful: NDArray[np.bool_]
    is_at_odds: NDArray[np.bool_]
    pending_side: NDArray[np.int8]

    @classmethod
    def empty(cls) -> Self:
        """No fix."""
        return cls.from_table(FIXES.empty_table())

    @classmethod
    def from_table(cls, table: pa.Table) -> Self:
        """The fixes of a table of schema `FIXES`."""
        columns = (table.column(name).combine_chunks() for name in cls._fields)
        return cls._make(column if pa.types.is_string(column.type) else _array(column) for column in columns)

    def to_table(self) -> pa.Table:
        """A table of schema `FIXES`."""
        columns = [pa.array(column) if isinstance(column, np.ndarray) else column for column in self]
        return pa.Table.from_arrays(columns, schema=FIXES)

    def take(self, rows: NDArray[np.int64] | NDArray[np.bool_]) -> Self:
        """The fixes at some positions, or where a mask holds."""
        at = np.flatnonzero(rows) if rows.dtype == np.bool_ else rows
        if len(at) == len(self.key) and rows.dtype == np.bool_:
            return self
        return type(self)._make(c[at] if isinstance(c, np.ndarray) else c.take(pa.array(at)) for c in self)

    def followed_by(self, other: "Fixes") -> Self:
        """These fixes and then those of `other`."""
        if not len(other.key):
            return self
        return type(self)._make(_joined(a, b) for a, b in zip(self, other, strict=True))


def _joined(first: NDArray[Any] | pa.Array, second: NDArray[Any] | pa.Array) -> object:
    if isinstance(first, np.ndarray):
        return np.concatenate([first, second])
    return pa.concat_arrays([first, second])


def _array(column: pa.Array) -> NDArray[Any]:
    values: NDArray[Any] = column.to_numpy(zero_copy_only=False)
    return values.astype(np.bool_) if pa.types.is_boolean(column.type) else values
