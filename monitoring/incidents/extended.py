"""Extended sites: the middle of something that is no point, from reports each of which saw a part of it.

A trench, a camp or a minefield has an extent, and reports lie all over it. Besides its own error each report has the
distance of what it saw from the middle; how large that is the reports say themselves, by as much as they scatter
beyond their errors (the method of moments for random effects, DerSimonian and Laird 1986), weighed against a prior so
that two or three reports do not decide it. What lies all over averages out; the part of its error that a sensor
repeats does not. Reports of one minute, by whichever sensors, are of the same part and count as one look at it.
"""

from typing import Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

from monitoring.incidents import geometry
from monitoring.incidents.limits import COMMON_ERROR_FRAC, PLACE_FLOOR_M, UNCHECKED_ERROR_FRAC

Ints = NDArray[np.int64]
Reals = NDArray[np.float64]

SPREAD_M: Final = 50.0
"""Prior standard deviation of places within a site, per axis: that of a disc 200 m across, as wide as the position of
a platoon."""
PRIOR_DEGREES: Final = 4.0
"""Weight of the prior, in degrees of freedom; each look beyond the first brings two."""
SLOT_NS: Final = 60_000_000_000
"""Reports within so long see the same machine at the same place."""
FAR_SIGMAS: Final = 2.5
"""A look further off than this weighs less, in proportion (Huber 1964)."""


class _Moments(NamedTuple):
    """What was seen of a site at about one time, by whoever saw it, (m,): the site, where (m east and north of the
    site's first report), and the variance of that per axis."""

    site: Ints
    east: Reals
    north: Reals
    variance: Reals


def extended_place(
    site: Ints, size: int, time_ns: Ints, lon: Reals, lat: Reals, sigma_m: Reals, sensor: Ints
) -> tuple[Reals, Reals, Reals]:
    """Longitude, latitude and standard deviation per axis (m) of the middles of `size` sites, each with a report.

    Of each report (n,), in the order of time: its site, time, place, error per axis and sensor, by number.
    """
    first = np.full(size, len(site))
    np.minimum.at(first, site, np.arange(len(site)))
    east, north = geometry.offsets_m(lon[first[site]], lat[first[site]], lon, lat)
    variance = np.maximum(sigma_m, 1e-3) ** 2
    slot = (time_ns - time_ns[first[site]]) // SLOT_NS
    keys, moment = np.unique(np.stack([site, slot]), axis=1, return_inverse=True)
    moment = moment.reshape(-1)
    known = np.bincount(moment, weights=1.0 / variance)
    share = 1.0 / (variance * known[moment])
    at_e, at_n = (
        np.asarray(np.bincount(moment, weights=share * off), dtype=np.float64) for off in (east, north)
    )
    seen = _Moments(keys[0], at_e, at_n, 1.0 / known)

    spread = _spread(seen, size)
    weight = 1.0 / (seen.variance + spread[seen.site])
    weight *= np.minimum(1.0, FAR_SIGMAS / np.maximum(np.sqrt(_off_sq(seen, weight, size) * weight), 1e-9))
    whole = _total(seen, weight, size)
    middle = (_total(seen, weight * off, size) / whole for off in (seen.east, seen.north))
    middle_lon, middle_lat = geometry.moved(lon[first], lat[first], *middle)
    repeated = _of_reports(site, size, sensor, (weight[moment] * share) ** 2 * variance)
    within = _total(seen, weight**2 * spread[seen.site], size)
    return middle_lon, middle_lat, np.sqrt((within + repeated) / whole**2 + PLACE_FLOOR_M**2)


def _of_reports(site: Ints, size: int, sensor: Ints, variance: Reals) -> Reals:
    """Variance of each site's sum of reports with these variances (n,), of which sensors repeat a part, (k,)."""
    width = np.int64(sensor.max(initial=0) + 1)
    key, of = np.unique(site * width + sensor, return_inverse=True)
    owner = key // width
    common = np.where(np.bincount(owner, minlength=size) > 1, COMMON_ERROR_FRAC, UNCHECKED_ERROR_FRAC)
    own = np.bincount(site, weights=(1.0 - common[site]) * variance, minlength=size)
    repeated = common[owner] * np.bincount(of, weights=np.sqrt(variance)) ** 2
    return np.asarray(own + np.bincount(owner, weights=repeated, minlength=size))


def _total(seen: _Moments, values: Reals, size: int) -> Reals:
    """Sums of moments' values by site, (k,)."""
    return np.asarray(np.bincount(seen.site, weights=values, minlength=size), dtype=np.float64)


def _off_sq(seen: _Moments, weight: Reals, size: int) -> Reals:
    """Squared distance (m²) of each moment from its site's weighted mean, (m,)."""
    whole = _total(seen, weight, size)
    off_e = seen.east - (_total(seen, weight * seen.east, size) / whole)[seen.site]
    off_n = seen.north - (_total(seen, weight * seen.north, size) / whole)[seen.site]
    return np.asarray(off_e**2 + off_n**2)


def _spread(seen: _Moments, size: int) -> Reals:
    """Variance per axis of places within each site, beyond the reports' errors, as well as it is known, (k,)."""
    weight = 1.0 / (seen.variance + SPREAD_M**2)
    whole = _total(seen, weight, size)
    free = np.maximum(1.0 - _total(seen, weight**2, size) / whole**2, 1e-9)  # the mean was fitted
    off_sq = _total(seen, weight * _off_sq(seen, weight, size), size) / (2.0 * free)
    found = np.maximum((off_sq - _total(seen, weight * seen.variance, size)) / whole, 0.0)
    degrees = 2.0 * (np.bincount(seen.site, minlength=size) - 1.0)
    # What is estimated from few looks is itself uncertain: Student's distribution is wider by that.
    return np.asarray((PRIOR_DEGREES * SPREAD_M**2 + degrees * found) / (PRIOR_DEGREES - 2.0 + degrees))
