"""How fast an object would have had to move between two fixes, and whether its class can."""

from typing import Final

import numpy as np
from numpy.typing import NDArray

from monitoring import schema
from monitoring.agreement import Parameters
from monitoring.tracks.batch import NOT_STATED, TrackBatch

METRES_PER_DEGREE_MAX: Final = 111_694.0
"""The longest degree on the ellipsoid, so that a step is never thought shorter than it was."""
_UNKNOWN_CLASS: Final = schema.OBJECT_CLASSES.index("unknown")


def chord_m(
    lon0: NDArray[np.float64], lat0: NDArray[np.float64], lon1: NDArray[np.float64], lat1: NDArray[np.float64]
) -> NDArray[np.float64]:
    """Length of the straight way in lon/lat (degrees), from above: at most 2 % too long for steps below 100 km.

    >>> chord_m(np.array([179.5]), np.array([0.0]), np.array([-179.5]), np.array([0.0])).round()
    array([111694.])
    """
    dlon = np.abs(lon1 - lon0)
    dlon = np.minimum(dlon, np.abs(360.0 - dlon))
    nearest_equator = np.where(lat0 * lat1 < 0, 0.0, np.minimum(np.abs(lat0), np.abs(lat1)))
    return np.asarray(
        np.hypot(dlon * np.cos(np.radians(nearest_equator)), lat1 - lat0) * METRES_PER_DEGREE_MAX
    )


def speed_mps_max(
    parameters: Parameters, time_ns: NDArray[np.int64], object_class: NDArray[np.int8]
) -> NDArray[np.float64]:
    """The speed that no object of the class reaches, by class and event time, shape (n,)."""
    dated = parameters.agreement.dated("tracks.speed_mps_max")
    table = np.stack([dated.numbers(name) for name in schema.OBJECT_CLASSES], axis=1)
    of_class = np.where(object_class == NOT_STATED, _UNKNOWN_CLASS, object_class)
    if len(table) == 1:
        return np.asarray(table[0][of_class])
    return np.asarray(table[dated.idx_at(time_ns), of_class])


def is_too_fast(
    batch: TrackBatch, before: NDArray[np.int64], after: NDArray[np.int64], parameters: Parameters
) -> NDArray[np.bool_]:
    """Whether the way from row `before` to row `after`, less k sigma of both fixes, was impossible; (n,)."""
    way_m = chord_m(batch.lon[before], batch.lat[before], batch.lon[after], batch.lat[after])
    slack_m = batch.k_sigma[after] * np.hypot(batch.sigma_m[before], batch.sigma_m[after])
    way_s = (batch.time_ns[after] - batch.time_ns[before]) / 1e9
    limit_mps = speed_mps_max(parameters, batch.time_ns[after], batch.object_class[after])
    return np.asarray(way_m - slack_m > limit_mps * way_s)
