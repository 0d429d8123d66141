"""Short distances and position errors on the sphere: all that association needs of geometry.

Association compares places a few kilometres apart, where a sphere is right to half a percent and position errors
are tens of percent. Exact distances to the contact line are taken elsewhere (`geodata`).
"""

from typing import Final

import numpy as np
from numpy.typing import NDArray

Reals = NDArray[np.float64]

METRES_PER_DEG: Final = 6_371_008.8 * np.pi / 180.0
BIN_M: Final = 1_000.0
"""Edge of the fixed squares in which fire is followed through time, in metres."""
_COLUMN_BITS: Final = 20


def offsets_m(lon0: Reals, lat0: Reals, lon1: Reals, lat1: Reals) -> tuple[Reals, Reals]:
    """East and north offset from place 0 to place 1, metres; any shape, NaN where a place is absent.

    Right to 0.5 % below 50 km; the shorter way round is taken across the antimeridian.

    >>> east, north = offsets_m(np.array([179.99]), np.array([0.0]), np.array([-179.99]), np.array([0.0]))
    >>> round(float(east[0])), float(north[0])
    (2224, 0.0)
    """
    lon_deg = (lon1 - lon0 + 180.0) % 360.0 - 180.0
    shrink = np.cos(np.radians((lat0 + lat1) / 2.0))
    return lon_deg * METRES_PER_DEG * shrink, (lat1 - lat0) * METRES_PER_DEG


def moved(lon: Reals, lat: Reals, east_m: Reals, north_m: Reals) -> tuple[Reals, Reals]:
    """The place `east_m`, `north_m` from a place (inverse of `offsets_m` for short ways)."""
    lat1 = lat + north_m / METRES_PER_DEG
    lon1 = lon + east_m / (METRES_PER_DEG * np.maximum(np.cos(np.radians((lat + lat1) / 2.0)), 1e-9))
    return (lon1 + 180.0) % 360.0 - 180.0, lat1


def covariance(major_m: Reals, minor_m: Reals, azimuth_deg: Reals) -> tuple[Reals, Reals, Reals]:
    """Variances east, east-north, north (m²) of ellipses whose major axis points to `azimuth_deg` from north.

    >>> [round(float(v[0])) for v in covariance(np.array([20.0]), np.array([10.0]), np.array([90.0]))]
    [400, 0, 100]
    """
    sin, cos = np.sin(np.radians(azimuth_deg)), np.cos(np.radians(azimuth_deg))
    major, minor = major_m**2, minor_m**2
    return major * sin**2 + minor * cos**2, (major - minor) * sin * cos, major * cos**2 + minor * sin**2


def ellipse(var_e: Reals, cov_en: Reals, var_n: Reals) -> tuple[Reals, Reals, Reals]:
    """Standard deviations along the axes and azimuth of the major one, [0, 180) degrees (inverse of `covariance`)."""
    mean, half = (var_e + var_n) / 2.0, (var_n - var_e) / 2.0
    spread = np.hypot(half, cov_en)
    azimuth_deg = np.degrees(np.arctan2(cov_en, half)) / 2.0 % 180.0
    return np.sqrt(mean + spread), np.sqrt(np.maximum(mean - spread, 0.0)), azimuth_deg


def mahalanobis_sq(east_m: Reals, north_m: Reals, var_e: Reals, cov_en: Reals, var_n: Reals) -> Reals:
    """Squared Mahalanobis distance of an offset under a joint covariance (m²); dimensionless."""
    determinant = np.maximum(var_e * var_n - cov_en**2, 1e-12)
    return (var_n * east_m**2 - 2.0 * cov_en * east_m * north_m + var_e * north_m**2) / determinant


def bin_of(lon: Reals, lat: Reals) -> NDArray[np.int64]:
    """The fixed square of about 1 km that holds each place, (n,), int64; -1 where the place is absent.

    Squares stand in rows of latitude and each row is cut into whole squares round the world.
    """
    placed = np.isfinite(lon) & np.isfinite(lat)
    row = np.floor((np.where(placed, lat, 0.0) + 90.0) * METRES_PER_DEG / BIN_M).astype(np.int64)
    columns = _columns_of_row(row)
    turn = ((np.where(placed, lon, 0.0) + 180.0) % 360.0) / 360.0
    column = np.minimum(np.floor(turn * columns).astype(np.int64), columns - 1)
    return np.where(placed, (row << _COLUMN_BITS) | column, -1)


def bin_centre(bins: NDArray[np.int64]) -> tuple[Reals, Reals]:
    """Longitude and latitude of the squares' centres.

    >>> lon, lat = bin_centre(bin_of(np.array([37.0]), np.array([48.0])))
    >>> bool(np.all(np.abs(np.array(offsets_m(np.array([37.0]), np.array([48.0]), lon, lat))) <= 505))
    True
    """
    row, column = bins >> _COLUMN_BITS, bins & ((1 << _COLUMN_BITS) - 1)
    lon = (column + 0.5) / _columns_of_row(row) * 360.0 - 180.0
    lat = (row + 0.5) * BIN_M / METRES_PER_DEG - 90.0
    return lon, np.minimum(lat, 90.0)


def pairs_within(lon: Reals, lat: Reals, limit_m: float) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Every ordered pair of different places that may lie within `limit_m`, as index arrays (i, j).

    A superset, as in `pairs_between`.
    """
    first, second = pairs_between(lon, lat, lon, lat, limit_m)
    different = first != second
    return first[different], second[different]


def pairs_between(
    lon: Reals, lat: Reals, other_lon: Reals, other_lat: Reals, limit_m: float
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Every pair of a place (i) and another one (j) that may lie within `limit_m`, as index arrays (i, j).

    A superset by a square of sides 2 x `limit_m` (callers gate exactly); work is proportional to the pairs.
    """
    rows, turn = _band_of(lat, limit_m), (lon + 180.0) % 360.0
    # One number that sorts by band of latitude, then by longitude.
    key = _band_of(other_lat, limit_m) * 1_000.0 + (other_lon + 180.0) % 360.0
    order = np.argsort(key, kind="stable")
    in_order = key[order]
    reach = limit_m / (METRES_PER_DEG * np.maximum(np.cos(np.radians(np.abs(lat) + 0.1)), 1e-3))
    firsts, seconds = [], []
    for band in (-1, 0, 1):
        for shift in (-360.0, 0.0, 360.0):  # the other two only matter beside the antimeridian
            centre = turn + shift
            near = (centre - reach < 360.0) & (centre + reach >= 0.0)
            at = np.flatnonzero(near)
            base = (rows[at] + band) * 1_000.0
            low = np.searchsorted(in_order, base + np.maximum(centre[at] - reach[at], 0.0), side="left")
            high = np.searchsorted(in_order, base + np.minimum(centre[at] + reach[at], 360.0), side="right")
            which, position = expand(low, high)
            firsts.append(at[which])
            seconds.append(order[position])
    return np.concatenate(firsts).astype(np.int64), np.concatenate(seconds).astype(np.int64)


def _band_of(lat: Reals, height_m: float) -> NDArray[np.int64]:
    """The band of latitude, `height_m` high, that each place lies in."""
    return np.floor((lat + 90.0) * METRES_PER_DEG / height_m).astype(np.int64)


def expand(low: NDArray[np.int64], high: NDArray[np.int64]) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """All positions of the half-open ranges [low, high), with the number of the range each belongs to.

    >>> expand(np.array([2, 5]), np.array([4, 6]))
    (array([0, 0, 1]), array([2, 3, 5]))
    """
    lengths = np.maximum(high - low, 0)
    which = np.repeat(np.arange(len(low), dtype=np.int64), lengths)
    starts = np.cumsum(lengths) - lengths
    return which, np.arange(len(which), dtype=np.int64) - starts[which] + low[which]


def _columns_of_row(row: NDArray[np.int64]) -> NDArray[np.int64]:
    lat = (row + 0.5) * BIN_M / METRES_PER_DEG - 90.0
    around = 360.0 * METRES_PER_DEG * np.maximum(np.cos(np.radians(lat)), 0.0)
    columns: NDArray[np.int64] = np.maximum(np.floor(around / BIN_M), 1.0).astype(np.int64)
    return columns
