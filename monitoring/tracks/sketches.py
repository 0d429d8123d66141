"""Sketches: thinned fixes of the tracks on both sides of the line, by which association tells one object from another.

Rules judge each track by itself; whether two tracks are one object can only be seen from where both were at the
same times. All fixes would be too many to remember, and neighbours in time add little: of each track the first
fix of every `SLOT_NS` is kept. Which those are depends on the track's own fixes alone, so batches may be cut
anywhere.
"""

from typing import Final

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from monitoring import events, schema
from monitoring.tracks.batch import TrackBatch
from monitoring.tracks.keys import LONE, sensor_keys

SLOT_NS: Final = 20_000_000_000
NEAR_M: Final = 20_000.0
"""Nearer than this are the movements that rules of tracks judge, but for the longest zones of heavy weapons."""

WATCHED: Final = (
    "armoured_vehicle", "tank", "artillery", "mlrs", "mortar", "air_defence", "uav_small", "uav_large", "aircraft",
)  # fmt: skip
"""Classes that matter further from the line too; an armoured vehicle is what a tank is most often taken for."""
_IS_WATCHED: Final = np.array([False, *(word in WATCHED for word in schema.OBJECT_CLASSES)])
"""By class code + 1."""

SKETCHES: Final = pa.schema(
    [
        pa.field("time_ns", pa.int64(), nullable=False),
        pa.field("key", pa.uint64(), nullable=False),
        pa.field("sensor", pa.uint64(), nullable=False),
        pa.field("sensor_id", pa.string(), nullable=False),
        pa.field("track_id", pa.string(), nullable=False),
        pa.field("id", pa.string(), nullable=False),
        pa.field("lon", pa.float64(), nullable=False),
        pa.field("lat", pa.float64(), nullable=False),
        pa.field("major_m", pa.float64(), nullable=False),
        pa.field("minor_m", pa.float64(), nullable=False),
        pa.field("azimuth_deg", pa.float64(), nullable=False),
        pa.field("signed_distance_m", pa.float64(), nullable=False),
        pa.field("certain_side", pa.int8(), nullable=False),
        pa.field("object_class", pa.int8(), nullable=False),
        pa.field("affiliation", pa.int8(), nullable=False),
    ]
)
"""One kept fix a row, by time and then key. `key` numbers the track, `sensor` its sensor; `major_m`, `minor_m`,
`azimuth_deg`: the stated error ellipse; `signed_distance_m` positive on A, `certain_side` +1 = A, -1 = B, 0 =
not certain; `object_class`, `affiliation`: the newest stated ones, -1 = none."""


def sketch(batch: TrackBatch) -> pa.Table:
    """The kept fixes among the new ones of a batch (SKETCHES, by time and then key)."""
    slot = batch.time_ns // SLOT_NS
    keeps = batch.is_new & ((np.abs(batch.signed_distance_m) <= NEAR_M) | _IS_WATCHED[batch.object_class + 1])
    keeps[1:] &= (slot[1:] != slot[:-1]) | (batch.key[1:] != batch.key[:-1])
    row = np.flatnonzero(keeps)
    # A sighting that belongs to no track shows no way that could be compared.
    lone = pc.fill_null(pc.starts_with(batch.track_id.take(pa.array(batch.source[row])), LONE), False)
    row = row[~lone.to_numpy(zero_copy_only=False)]
    row = row[np.lexsort((batch.key[row], batch.time_ns[row]))]
    at = pa.array(batch.source[row])
    sensor_id, track_id, event_id = (
        column.take(at).cast(pa.string()) for column in (batch.sensor_id, batch.track_id, batch.id)
    )
    columns = [
        batch.time_ns[row],
        batch.key[row],
        sensor_keys(sensor_id),
        sensor_id,
        track_id.fill_null(""),
        event_id,
        batch.lon[row],
        batch.lat[row],
        batch.own_sigma_m[row],
        batch.minor_m[row],
        batch.azimuth_deg[row],
        batch.signed_distance_m[row],
        batch.certain_side[row],
        batch.object_class[row],
        batch.affiliation[row],
    ]
    arrays = [pa.array(column) if isinstance(column, np.ndarray) else column for column in columns]
    return pa.Table.from_arrays(arrays, schema=SKETCHES)


def in_order(parts: list[pa.Table]) -> pa.Table:
    """Sketches of several shards, by time and then key."""
    if len(parts) == 1:
        return parts[0]
    table = pa.concat_tables(parts).combine_chunks() if parts else events.empty(SKETCHES)
    if not table.num_rows:
        return table
    keys, time_ns = table.column("key").to_numpy(), table.column("time_ns").to_numpy()
    return table.take(pa.array(np.lexsort((keys, time_ns))))
