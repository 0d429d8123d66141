"""How fast an object would have had to move between two fixes, and whether its class can."""

from collections.abc import Mapping
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from monitoring import schema
from monitoring.agreement import Parameters
from monitoring.tracks.batch import NOT_STATED

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


def is_too_fast(fixes: Mapping[str, NDArray[Any]], parameters: Parameters) -> NDArray[np.bool_]:
    """Whether the way between two fixes, less k sigma of both, was impossible; (n,).

    `fixes`: columns `before_*` and `after_*` as in `monitoring.tracks.facts`, each (n,).
    """
    before, after = (
        {name: fixes[f"{end}_{name}"] for name in ("lon", "lat", "sigma_m", "time_ns")}
        for end in ("before", "after")
    )
    way_m = chord_m(before["lon"], before["lat"], after["lon"], after["lat"])
    slack_m = fixes["after_k_sigma"] * np.hypot(before["sigma_m"], after["sigma_m"])
    way_s = (after["time_ns"] - before["time_ns"]) / 1e9
    limit_mps = speed_mps_max(parameters, after["time_ns"], fixes["after_object_class"])
    return np.asarray(way_m - slack_m > limit_mps * way_s)
