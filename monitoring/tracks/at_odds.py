"""Fixes of one track and one time that contradict each other: surely on both sides of the line."""

import numpy as np

from monitoring.tracks.batch import TrackBatch

Moment = tuple[str, str, int]
"""Sensor, track and time (ns)."""


def moments_at_odds(batch: TrackBatch) -> frozenset[Moment]:
    """The moments at which fixes of a track are surely on both sides of the line in force: no object is.

    A fix judged again against a new line stands beside its own copy, which contradicts nothing.
    """
    if len(batch) < 2:
        return frozenset()
    begins = np.ones(len(batch), dtype=bool)
    begins[1:] = batch.is_first[1:] | (batch.key[1:] != batch.key[:-1])
    begins[1:] |= batch.time_ns[1:] != batch.time_ns[:-1]
    if begins.all():
        return frozenset()
    first = np.flatnonzero(begins)
    least, most = (of.reduceat(batch.certain_side, first) for of in (np.minimum, np.maximum))
    rows = first[least * most < 0]
    sensor_id, track_id, _ = batch.names(rows)
    return frozenset(zip(sensor_id.tolist(), track_id.tolist(), batch.time_ns[rows].tolist(), strict=True))
