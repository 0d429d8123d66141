"""Location: where an incident was, from the reports that say where, and how well that is known.

The mean of the reports, weighted by the inverse of their covariances. Its covariance is honest about three things:
errors that a sensor repeats (they do not average out over its reports), scatter larger than the stated errors
explain (the ellipse is widened by it), and a floor.
"""

import numpy as np
from numpy.typing import NDArray

from monitoring.incidents import geometry
from monitoring.incidents.limits import COMMON_ERROR_FRAC, FLOOR_M

Ints = NDArray[np.int64]
Reals = NDArray[np.float64]
Flags = NDArray[np.bool_]


def mean_place(
    incident: Ints,
    size: int,
    anchor: Flags,
    lon: Reals,
    lat: Reals,
    errors: tuple[Reals, Reals, Reals],
    sensor: Ints,
) -> tuple[Reals, Reals, tuple[Reals, Reals, Reals]]:
    """Weighted mean places (k,) and their covariances (m²), see above."""
    at = np.flatnonzero(anchor)
    of = incident[at]
    first = first_of(incident, size, anchor)
    east, north = geometry.offsets_m(lon[first][of], lat[first][of], lon[at], lat[at])
    var_e, cov_en, var_n = (error[at] for error in errors)
    determinant = np.maximum(var_e * var_n - cov_en**2, 1e-6)
    info = (var_n / determinant, -cov_en / determinant, var_e / determinant)

    def total(values: Reals) -> Reals:
        return np.asarray(np.bincount(of, weights=values, minlength=size), dtype=np.float64)

    sum_e, sum_en, sum_n = (total(part) for part in info)
    scale = np.maximum(sum_e * sum_n - sum_en**2, 1e-18)
    mean_e, mean_en, mean_n = sum_n / scale, -sum_en / scale, sum_e / scale
    pull_e = total(info[0] * east + info[1] * north)
    pull_n = total(info[1] * east + info[2] * north)
    shift_e, shift_n = mean_e * pull_e + mean_en * pull_n, mean_en * pull_e + mean_n * pull_n
    misfit = total(geometry.mahalanobis_sq(east - shift_e[of], north - shift_n[of], var_e, cov_en, var_n))
    number = total(np.ones(len(at)))
    sensors = np.maximum(np.bincount(pairs_of(of, sensor[at])[0], minlength=size), 1)
    scatter = np.maximum(misfit / np.maximum(2.0 * (number - 1.0), 1.0), 1.0)
    widen = (1.0 - COMMON_ERROR_FRAC + COMMON_ERROR_FRAC * number / sensors) * scatter
    floor = np.where(number > 1, FLOOR_M**2, 0.0)
    mean_lon, mean_lat = geometry.moved(lon[first], lat[first], shift_e, shift_n)
    return mean_lon, mean_lat, (mean_e * widen + floor, mean_en * widen, mean_n * widen + floor)


def first_of(incident: Ints, size: int, counted: Flags) -> Ints:
    """Position of the first counted report of each incident, 0 where there is none."""
    at = np.flatnonzero(counted)
    first = np.full(size, len(incident))
    np.minimum.at(first, incident[at], at)
    return np.where(first < len(incident), first, 0)


def extent_of(incident: Ints, size: int, counted: Flags, time_ns: Ints) -> tuple[Ints, Ints]:
    """Earliest and latest time of the counted reports of each incident."""
    start_ns, end_ns = np.full(size, np.iinfo(np.int64).max), np.full(size, np.iinfo(np.int64).min)
    np.minimum.at(start_ns, incident[counted], time_ns[counted])
    np.maximum.at(end_ns, incident[counted], time_ns[counted])
    return start_ns, end_ns


def pairs_of(incident: Ints, sensor: Ints) -> tuple[Ints, Ints]:
    """Each (incident, sensor) once, in order."""
    width = np.int64(sensor.max(initial=0) + 1)
    return np.divmod(np.unique(incident * width + sensor), width)
