"""A conformal frame of metres, fitted to any line in the world.

The frame is the conformal map `f(w) = (1 - exp(-n w)) / n` of the ellipsoid's isometric coordinates
`w = (psi - psi0) + i (lon - lon0)` with `n = sin(lat0)`: Lambert's conformal conic, which passes smoothly
into Mercator at the equator (`n = 0`), into the polar stereographic towards the poles, and works unchanged in
the southern hemisphere (`n < 0`) and across the antimeridian (longitudes are taken relative to `lon0`). True
scale is on the parallel `lat0`; elsewhere the scale `k` depends on the latitude alone, so that a planar
distance divided by the mean of `k` along it is the geodesic distance. As far as 600 km from the centre and
with `k` taken at the middle it is so within 0.1 mm over 5 km and 15 cm over 50 km; with the mean of `k` by
Simpson's rule within 1 mm over 50 km and 25 cm over 300 km.

Source of the formulas: Snyder, Map Projections: A Working Manual (USGS PP 1395), section 15; the ellipsoid is
WGS 84.
"""

import math
from dataclasses import dataclass
from typing import Any, Final, Self

import numpy as np
from numpy.typing import ArrayLike, NDArray

from geodata.errors import LineInvalid

Reals = NDArray[np.float64]

WGS84_A_M: Final = 6_378_137.0
WGS84_F: Final = 1 / 298.257_223_563
WGS84_E2: Final = WGS84_F * (2 - WGS84_F)
WGS84_E: Final = math.sqrt(WGS84_E2)

_MERCATOR_BELOW_N: Final = 1e-9
"""Within 6 mm of the equator the cone is so flat that its formula would divide by nothing."""
_N: Final = WGS84_F / (2 - WGS84_F)
SERIES: Final = (
    2 * _N - 2 / 3 * _N**2 - 2 * _N**3 + 116 / 45 * _N**4 + 26 / 45 * _N**5 - 2_854 / 675 * _N**6,
    7 / 3 * _N**2 - 8 / 5 * _N**3 - 227 / 45 * _N**4 + 2_704 / 315 * _N**5 + 2_323 / 945 * _N**6,
    56 / 15 * _N**3 - 136 / 35 * _N**4 - 1_262 / 105 * _N**5 + 73_814 / 2_835 * _N**6,
    4_279 / 630 * _N**4 - 332 / 35 * _N**5 - 399_572 / 14_175 * _N**6,
    4_174 / 315 * _N**5 - 144_838 / 6_237 * _N**6,
    601_676 / 22_275 * _N**6,
)
"""Geodetic less conformal latitude as sines of multiples of twice the conformal one (Krueger 1912, Karney 2011)."""
ADDED_ERROR_MAX: Final = 8e-18
"""More than twice what a round's addition to `psi` (at most 0.0067) changes by between starts that differ by rounding
and by the series' error."""


def wrap_deg(lon_deg: ArrayLike) -> Reals:
    """Longitudes brought into [-180, 180). Values already there keep their bits.

    >>> wrap_deg([190.0, -180.0, 180.0, 37.6])
    array([-170. , -180. , -180. ,   37.6])
    """
    lon = np.asarray(lon_deg, dtype=np.float64)
    with np.errstate(invalid="ignore"):
        return np.where((lon >= -180.0) & (lon < 180.0), lon, (lon + 180.0) % 360.0 - 180.0)


def unwrap_deg(lon_deg: ArrayLike) -> Reals:
    """Longitudes along a line, made continuous: steps longer than 180 degrees go the short way round.

    >>> unwrap_deg([179.5, -179.5, -178.0])
    array([179.5, 180.5, 182. ])
    """
    lon = np.asarray(lon_deg, dtype=np.float64)
    if len(lon) < 2:
        return lon.copy()
    turns = np.zeros(len(lon))
    step = np.diff(lon)
    turns[1:] = np.cumsum(np.where(step > 180.0, -360.0, np.where(step < -180.0, 360.0, 0.0)))
    return lon + turns


@dataclass(frozen=True, slots=True)
class Frame:
    """A conformal plane of metres whose centre is (`lon0_deg`, `lat0_deg`); x to the east, y to the north.

    Immutable, picklable, and fully given by its two numbers.
    """

    lon0_deg: float
    lat0_deg: float

    @classmethod
    def fit(cls, lon: ArrayLike, lat: ArrayLike) -> Self:
        """The frame whose centre is the middle of the box around the places `lon`, `lat` (degrees, shape
        (n,)).

        Raises LineInvalid where the places span more than 90 degrees of longitude or come nearer than 1
        degree to a pole: no flat frame is exact there.

        >>> Frame.fit([179.0, -179.0], [-40.0, -42.0])
        Frame(lon0_deg=-180.0, lat0_deg=-41.0)
        """
        lon_deg, lat_deg = unwrap_deg(lon), np.asarray(lat, dtype=np.float64)
        west, east = float(np.min(lon_deg)), float(np.max(lon_deg))
        south, north = float(np.min(lat_deg)), float(np.max(lat_deg))
        if east - west > 90.0 or max(abs(south), abs(north)) > 89.0:
            raise LineInvalid(
                "line_invalid",
                f"lon {west:.3f} to {east:.3f}, lat {south:.3f} to {north:.3f}",
                "spans more than 90 degrees of longitude or touches a pole; check that coordinates are"
                " longitude, latitude in degrees",
            )
        return cls(float(wrap_deg((west + east) / 2.0)), (south + north) / 2.0)

    @property
    def n(self) -> float:
        """The cone's constant, sin(lat0)."""
        return math.sin(math.radians(self.lat0_deg))

    @property
    def unit_m(self) -> float:
        """Radius of the parallel `lat0`: metres per unit of the map f."""
        return WGS84_A_M * _parallel_radius(self.lat0_deg)

    def to_json(self) -> dict[str, Any]:
        """What `from_json` reads.

        >>> Frame.from_json(Frame(35.0, 48.0).to_json())
        Frame(lon0_deg=35.0, lat0_deg=48.0)
        """
        return {"kind": "conformal_conic", "lon0_deg": self.lon0_deg, "lat0_deg": self.lat0_deg}

    @classmethod
    def from_json(cls, data: dict[str, Any]) -> Self:
        """The frame that `to_json` described."""
        return cls(float(data["lon0_deg"]), float(data["lat0_deg"]))

    def forward(self, lon: ArrayLike, lat: ArrayLike) -> tuple[Reals, Reals]:
        """Degrees to metres, elementwise; exact to 1e-8 m anywhere but at the far pole. NaN gives NaN.

        >>> x, y = Frame(35.0, 48.0).forward([35.0, 36.0], [48.0, 48.0])
        >>> x.round(3), y.round(3)
        (array([    0.   , 74623.261]), array([  0.   , 483.951]))
        """
        theta = np.radians(wrap_deg(np.asarray(lon, dtype=np.float64) - self.lon0_deg))
        dpsi = _isometric(np.asarray(lat, dtype=np.float64)) - float(_isometric(np.float64(self.lat0_deg)))
        n, unit_m = self.n, self.unit_m
        if abs(n) < _MERCATOR_BELOW_N:
            return unit_m * theta, unit_m * dpsi
        half = np.sin(n * theta / 2.0)
        with np.errstate(over="ignore", invalid="ignore"):
            shrink = np.expm1(-n * dpsi)
            east = (1.0 + shrink) * np.sin(n * theta) / n
            north = (2.0 * half * half - shrink * np.cos(n * theta)) / n
        return unit_m * east, unit_m * north

    def inverse(self, x: ArrayLike, y: ArrayLike) -> tuple[Reals, Reals]:
        """Metres to degrees, elementwise; longitudes in [-180, 180). NaN gives NaN.

        >>> lon, lat = Frame(35.0, 48.0).inverse(74623.261, 483.966)
        >>> round(float(lon), 6), round(float(lat), 6)
        (36.0, 48.0)
        """
        n, unit_m = self.n, self.unit_m
        east, north = np.asarray(x, dtype=np.float64) / unit_m, np.asarray(y, dtype=np.float64) / unit_m
        if abs(n) < _MERCATOR_BELOW_N:
            theta, dpsi = east, north
        else:
            theta = np.arctan2(n * east, 1.0 - n * north) / n
            dpsi = _dpsi(n, east, north)
        psi = dpsi + float(_isometric(np.float64(self.lat0_deg)))
        return wrap_deg(np.degrees(theta) + self.lon0_deg), _latitude(psi)

    def scale(self, x: ArrayLike, y: ArrayLike) -> Reals:
        """Planar length / geodesic length at (x, y), elementwise.

        >>> Frame(35.0, 48.0).scale([0.0, 0.0], [0.0, 500_000.0]).round(5)
        array([1.     , 1.00317])
        """
        n, unit_m = self.n, self.unit_m
        east, north = np.asarray(x, dtype=np.float64) / unit_m, np.asarray(y, dtype=np.float64) / unit_m
        dpsi = north if abs(n) < _MERCATOR_BELOW_N else _dpsi(n, east, north)
        lat_deg = _latitude(dpsi + float(_isometric(np.float64(self.lat0_deg))))
        return self.scale_at(lat_deg)

    def scale_at(self, lat: ArrayLike) -> Reals:
        """Planar length / geodesic length on the parallel `lat` (degrees), elementwise."""
        lat_deg = np.asarray(lat, dtype=np.float64)
        dpsi = _isometric(lat_deg) - float(_isometric(np.float64(self.lat0_deg)))
        sin_lat = np.sin(np.radians(lat_deg))
        radius = np.cos(np.radians(lat_deg)) / np.sqrt(1.0 - WGS84_E2 * sin_lat * sin_lat)
        with np.errstate(divide="ignore"):
            return np.asarray(_parallel_radius(self.lat0_deg) * np.exp(-self.n * dpsi) / radius)


def _parallel_radius(lat_deg: float) -> float:
    """Radius of a parallel in units of the equator's radius."""
    sin_lat = math.sin(math.radians(lat_deg))
    return math.cos(math.radians(lat_deg)) / math.sqrt(1.0 - WGS84_E2 * sin_lat * sin_lat)


def _isometric(lat_deg: Any) -> Reals:
    """Isometric latitude psi (radians); infinite at the poles."""
    phi = np.radians(lat_deg)
    with np.errstate(invalid="ignore"):
        return np.asarray(np.arcsinh(np.tan(phi)) - WGS84_E * np.arctanh(WGS84_E * np.sin(phi)))


def _latitude(psi: Any) -> Reals:
    """Latitude (degrees) of an isometric latitude (radians): the bits of `_latitude_by_rounds`, sooner.

    A series gives what the last round starts from. What that round adds to `psi` hardly depends on its start: where
    every start that is as near gives the same sum, that is it; the others go through all rounds.
    """
    of = np.atleast_1d(np.asarray(psi, dtype=np.float64))
    with np.errstate(over="ignore", invalid="ignore"):
        start = _series_latitude(np.sinh(of))
        added = WGS84_E * np.arctanh(WGS84_E * np.sin(start))
        phi = np.arctan(np.sinh(of + added))
        in_doubt = ~(of + (added - ADDED_ERROR_MAX) == of + (added + ADDED_ERROR_MAX))  # NaN included
        at = np.flatnonzero(in_doubt)
        if len(at):
            phi[at] = _latitude_by_rounds(of[at])
    return np.degrees(phi).reshape(np.shape(psi))


def _latitude_by_rounds(psi: Reals) -> Reals:
    """Latitude (radians) of an isometric latitude: a fixed point that gains two digits a round."""
    phi = np.arctan(np.sinh(psi))
    for _ in range(8):
        phi = np.arctan(np.sinh(psi + WGS84_E * np.arctanh(WGS84_E * np.sin(phi))))
    return np.asarray(phi)


def _series_latitude(tangent: Reals) -> Reals:
    """Latitude (radians) of the tangent of a conformal latitude, within 3e-16 (Clenshaw's sum of sines)."""
    square = tangent * tangent
    twice_cosine = 2.0 * (1.0 - square) / (1.0 + square)
    last: Reals | float = 0.0
    total: Reals | float = SERIES[-1]
    for coefficient in SERIES[-2::-1]:
        total, last = coefficient + twice_cosine * total - last, total
    return np.asarray(np.arctan(tangent) + 2.0 * tangent / (1.0 + square) * total)


def _dpsi(n: float, east: Reals, north: Reals) -> Reals:
    """psi - psi0 of a place given in units of the map f."""
    with np.errstate(divide="ignore", invalid="ignore"):
        return np.asarray(-np.log1p(n * (n * (east * east + north * north) - 2.0 * north)) / (2.0 * n))
