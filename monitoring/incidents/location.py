"""Location: where an incident was, from the reports that say where or from which direction, and how well it is known.

Weighted least squares over places with their ellipses and over bearings, each of which holds the place across its line
of sight; reports far from the rest weigh less (Huber 1964). The covariance is honest about four things: the part of
its error that a sensor repeats does not average out over its reports; scatter larger, or smaller, than the stated
errors explain widens, or narrows, the ellipse (both ways bounded, and weighed against a prior so that two reports do
not decide it); sensors that contradict each other widen it further; and there is a floor.
"""

from typing import Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

from monitoring.incidents import geometry
from monitoring.incidents.limits import COMMON_ERROR_FRAC, PLACE_FLOOR_M, UNCHECKED_ERROR_FRAC

Ints = NDArray[np.int64]
Reals = NDArray[np.float64]
Flags = NDArray[np.bool_]
Three = tuple[Reals, Reals, Reals]

ROUNDS: Final = 3
"""Rounds of reweighting and of laying bearings through the place."""
FAR_SIGMAS: Final = 2.5
"""A report further off than this weighs less, in proportion."""
PRIOR_DEGREES: Final = 6.0
"""Weight of the stated errors against the scatter that is seen, in degrees of freedom."""
SCALE_LEAST: Final = 0.25
SCALE_MOST: Final = 16.0
"""Bounds of the scale of variances: stated errors are doubted by a factor of two down, of four up."""
_NEAREST_M: Final = 30.0


class Bearings(NamedTuple):
    """Lines of sight, arrays (n,): which reports are some, where from, degrees from north and standard deviation."""

    is_bearing: Flags
    from_lon: Reals
    from_lat: Reals
    bearing_deg: Reals
    sigma_deg: Reals


def mean_place(
    incident: Ints,
    size: int,
    anchor: Flags,
    lon: Reals,
    lat: Reals,
    errors: Three,
    sensor: Ints,
    bearings: Bearings | None = None,
    own_var: Reals | float = 0.0,
) -> tuple[Reals, Reals, Three]:
    """Places (k,) and their covariances (m²), see above; incidents without an `anchor` report have no meaning here.

    `anchor` (n,): reports whose place counts; `own_var` (k,): variance per axis between what was seen and its source.
    """
    first = first_of(incident, size, anchor)
    origin_lon, origin_lat = lon[first], lat[first]
    at = np.flatnonzero(anchor if bearings is None else anchor | bearings.is_bearing)
    of, who = incident[at], sensor[at]
    is_line = np.zeros(len(at), dtype=np.bool_) if bearings is None else ~anchor[at]
    east, north = geometry.offsets_m(origin_lon[of], origin_lat[of], lon[at], lat[at])
    info = _information(errors, at)
    share = _share_of_sensor(of, who, is_line)

    shift_e, shift_n = np.zeros(size), np.zeros(size)
    robust = np.where(is_line, 0.0, 1.0)
    misfit = np.zeros(len(at))
    cov: Three = (np.ones(size), np.zeros(size), np.ones(size))
    for number in range(ROUNDS):
        if bearings is not None and is_line.any():
            east, north, info = _lines(
                bearings, at, of, is_line, origin_lon, origin_lat, shift_e, shift_n, (east, north, info)
            )
        weight = robust * share
        cov, shift_e, shift_n = _solved(of, size, weight, east, north, info)
        misfit = _misfit(east - shift_e[of], north - shift_n[of], info)
        if number == 0:
            robust = np.ones(len(at))
        robust = np.minimum(1.0, FAR_SIGMAS / np.maximum(np.sqrt(misfit), 1e-9))

    scale = _scale(of, size, np.minimum(misfit, FAR_SIGMAS**2 * robust**-1), is_line)
    scale *= _contradiction(
        of, size, who, share, east - shift_e[of], north - shift_n[of], info, scale, is_line
    )
    scale = np.clip(scale, SCALE_LEAST, SCALE_MOST)
    number_of = np.bincount(of, minlength=size)
    floor = np.where(number_of > 1, PLACE_FLOOR_M**2, 0.0) + own_var
    scale = np.where(number_of > 1, scale, 1.0)
    mean_lon, mean_lat = geometry.moved(origin_lon, origin_lat, shift_e, shift_n)
    return mean_lon, mean_lat, (cov[0] * scale + floor, cov[1] * scale, cov[2] * scale + floor)


def _information(errors: Three, at: Ints) -> Three:
    var_e, cov_en, var_n = (error[at] for error in errors)
    determinant = np.maximum(var_e * var_n - cov_en**2, 1e-6)
    return var_n / determinant, -cov_en / determinant, var_e / determinant


def _share_of_sensor(of: Ints, who: Ints, is_line: Flags) -> Reals:
    """What each report counts for beside the others of its sensor, whose common error they all have, (m,)."""
    width = np.int64(who.max(initial=0) + 1)
    key = of * width + who
    _, which, count = np.unique(key * 2 + is_line, return_inverse=True, return_counts=True)
    sensors = np.bincount(np.unique(key) // width)
    common = np.where(sensors[of] > 1, COMMON_ERROR_FRAC, UNCHECKED_ERROR_FRAC)
    return np.asarray(1.0 / (1.0 - common + common * count[which]))


def _lines(
    bearings: Bearings,
    at: Ints,
    of: Ints,
    is_line: Flags,
    origin_lon: Reals,
    origin_lat: Reals,
    shift_e: Reals,
    shift_n: Reals,
    known: tuple[Reals, Reals, Three],
) -> tuple[Reals, Reals, Three]:
    """Offsets and information with those of the lines of sight as they pass the present place."""
    east, north, info = known
    line = np.flatnonzero(is_line)
    row, i = at[line], of[line]
    eye_e, eye_n = geometry.offsets_m(
        origin_lon[i], origin_lat[i], bearings.from_lon[row], bearings.from_lat[row]
    )
    turn = np.radians(bearings.bearing_deg[row])
    along_e, along_n = np.sin(turn), np.cos(turn)
    ahead_m = (shift_e[i] - eye_e) * along_e + (shift_n[i] - eye_n) * along_n
    way_m = np.maximum(ahead_m, _NEAREST_M)
    weight = np.where(
        ahead_m > 0.0, (way_m * np.radians(np.maximum(bearings.sigma_deg[row], 1e-3))) ** -2.0, 0.0
    )
    across_e, across_n = along_n, -along_e
    east, north = east.copy(), north.copy()
    east[line], north[line] = eye_e + ahead_m * along_e, eye_n + ahead_m * along_n
    parts = (weight * across_e**2, weight * across_e * across_n, weight * across_n**2)
    made = tuple(np.where(is_line, 0.0, part) for part in info)
    for whole, part in zip(made, parts, strict=True):
        whole[line] = part
    return east, north, (made[0], made[1], made[2])


def _solved(
    of: Ints, size: int, weight: Reals, east: Reals, north: Reals, info: Three
) -> tuple[Three, Reals, Reals]:
    def total(values: Reals) -> Reals:
        return np.asarray(np.bincount(of, weights=weight * values, minlength=size), dtype=np.float64)

    sum_e, sum_en, sum_n = (total(part) for part in info)
    determinant = np.maximum(sum_e * sum_n - sum_en**2, 1e-18)
    cov = (sum_n / determinant, -sum_en / determinant, sum_e / determinant)
    used_e, used_n = np.where(weight > 0, east, 0.0), np.where(weight > 0, north, 0.0)
    pull_e, pull_n = total(info[0] * used_e + info[1] * used_n), total(info[1] * used_e + info[2] * used_n)
    return cov, cov[0] * pull_e + cov[1] * pull_n, cov[1] * pull_e + cov[2] * pull_n


def _misfit(east: Reals, north: Reals, info: Three) -> Reals:
    squared = info[0] * east**2 + 2.0 * info[1] * east * north + info[2] * north**2
    return np.where(np.isfinite(squared), squared, 0.0)


def _scale(of: Ints, size: int, misfit: Reals, is_line: Flags) -> Reals:
    """What the scatter of the reports says of their stated variances, (k,)."""
    degrees = np.bincount(of, weights=np.where(is_line, 1.0, 2.0), minlength=size) - 2.0
    total = np.bincount(of, weights=misfit, minlength=size)
    return np.asarray((PRIOR_DEGREES + total) / (PRIOR_DEGREES + np.maximum(degrees, 0.0)))


def _contradiction(
    of: Ints,
    size: int,
    who: Ints,
    share: Reals,
    east: Reals,
    north: Reals,
    info: Three,
    scale: Reals,
    is_line: Flags,
) -> Reals:
    """By how much sensors' means lie further apart than their errors explain, as a scale of variances >= 1, (k,)."""
    width = np.int64(who.max(initial=0) + 1)
    key, which = np.unique(of * width + who, return_inverse=True)
    keep = ~is_line

    def total(values: Reals) -> Reals:
        weighed = np.where(keep, share * values, 0.0)
        return np.asarray(np.bincount(which, weights=weighed, minlength=len(key)), dtype=np.float64)

    sums: Three = (total(info[0]), total(info[1]), total(info[2]))
    pull_e = total(info[0] * np.where(keep, east, 0.0) + info[1] * np.where(keep, north, 0.0))
    pull_n = total(info[1] * np.where(keep, east, 0.0) + info[2] * np.where(keep, north, 0.0))
    determinant = np.maximum(sums[0] * sums[2] - sums[1] ** 2, 1e-18)
    squared = (sums[2] * pull_e**2 - 2.0 * sums[1] * pull_e * pull_n + sums[0] * pull_n**2) / determinant
    incident = key // width
    own = np.where(sums[0] > 0, squared / scale[incident], 0.0)
    degrees = 2.0 * np.maximum(np.bincount(incident[sums[0] > 0], minlength=size) - 1, 0)
    total_of = np.bincount(incident, weights=own, minlength=size)
    return np.maximum((PRIOR_DEGREES + total_of) / (PRIOR_DEGREES + degrees), 1.0)


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
