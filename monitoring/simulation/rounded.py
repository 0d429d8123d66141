"""Degrees of places to six decimals, as events state them, at a fraction of the cost of exact ones.

A latitude comes from a series first; only where the series' error could decide the last digit is it computed
exactly. The numbers are always those of rounding the exact ones.
"""

import math
from typing import Final

import numpy as np
from numpy.typing import NDArray

from geodata.projection import WGS84_E, WGS84_F, Frame, wrap_deg

Reals = NDArray[np.float64]

_SCALE: Final = 1e6
_N: Final = WGS84_F / (2 - WGS84_F)
SERIES: Final = (
    2 * _N - 2 / 3 * _N**2 - 2 * _N**3 + 116 / 45 * _N**4,
    7 / 3 * _N**2 - 8 / 5 * _N**3 - 227 / 45 * _N**4,
    56 / 15 * _N**3 - 136 / 35 * _N**4,
    4_279 / 630 * _N**4,
)
"""Geodetic less conformal latitude as sines of twice, four, six, eight times the conformal one (Krueger 1912)."""
ERROR_DEG_MAX: Final = 1e-10
"""More than four times what the series is ever off by."""
_FLAT_CONE: Final = 1e-6
"""A frame about the equator is left to `Frame.inverse`."""


def rounded_place(frame: Frame, x: Reals, y: Reals) -> tuple[Reals, Reals]:
    """Longitude and latitude (degrees, six decimals) of places (m, shape (n,)): `frame.inverse`, rounded.

    >>> rounded_place(Frame(35.0, 48.0), np.array([74623.261]), np.array([483.966]))
    (array([36.]), array([48.]))
    """
    n, unit_m = frame.n, frame.unit_m
    if abs(n) < _FLAT_CONE:
        lon, lat = frame.inverse(x, y)
        return np.round(lon, 6), np.round(lat, 6)
    east, north = x / unit_m, y / unit_m
    lon = wrap_deg(np.degrees(np.arctan2(n * east, 1.0 - n * north) / n) + frame.lon0_deg)
    lat = _series_latitude(frame, east, north)
    scaled = lat * _SCALE
    in_doubt = np.flatnonzero(
        ~(np.abs(np.abs(scaled - np.rint(scaled)) - 0.5) > ERROR_DEG_MAX * _SCALE)  # NaN included
    )
    if len(in_doubt):
        lat[in_doubt] = frame.inverse(x[in_doubt], y[in_doubt])[1]
    return np.round(lon, 6), np.round(lat, 6)


def _series_latitude(frame: Frame, east: Reals, north: Reals) -> Reals:
    n = frame.n
    with np.errstate(divide="ignore", invalid="ignore"):
        dpsi = np.log1p(n * (n * (east * east + north * north) - 2.0 * north)) / (-2.0 * n)
    phi0 = math.radians(frame.lat0_deg)
    psi0 = math.asinh(math.tan(phi0)) - WGS84_E * math.atanh(WGS84_E * math.sin(phi0))
    tangent = np.sinh(dpsi + psi0)
    square = tangent * tangent
    sine, twice_cosine = 2.0 * tangent / (1.0 + square), 2.0 * (1.0 - square) / (1.0 + square)
    c1, c2, c3, c4 = SERIES
    b3 = c3 + twice_cosine * c4
    b2 = c2 + twice_cosine * b3 - c4
    return np.asarray(np.degrees(np.arctan(tangent) + sine * (c1 + twice_cosine * b2 - b3)))
