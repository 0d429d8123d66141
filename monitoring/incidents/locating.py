"""Locating an emitter: least squares over bearings, places of receivers that it reached, and how far it can reach.

Each bearing is a line from its observer, each receiver's place a circle with its stated error; that the emitter lies
within reach of an observer enters as a distance of half the reach with the spread of an even distribution. A
sensor's many reports count for less than as many sensors: of a bearing's error a part is repeated, and a receiver
that keeps to its route repeats all of what lies across it. Scatter that the stated errors do not explain widens the
ellipse.
"""

from typing import Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

from monitoring.incidents import geometry
from monitoring.incidents.emitters import Reports

Reals = NDArray[np.float64]

_ROUNDS: Final = 8
_STEP_M_MAX: Final = 10_000.0
_BEARING_REPEATED_FRAC: Final = 0.5
_PLACE_REPEATED_FRAC: Final = 1.0
"""Part of the error's variance that a sensor repeats from report to report."""


class Located(NamedTuple):
    """Place, error ellipse (standard deviations along its axes, azimuth of the longer), and by what means."""

    lon: float
    lat: float
    major_m: float
    minor_m: float
    azimuth_deg: float
    method: str


def located(reports: Reports, reach_m: float) -> Located | None:
    """Where the emitter of these reports is; None where no report says from where it was made."""
    is_placed = np.isfinite(reports.lon)
    if not is_placed.any():
        return None
    lon, lat, sensor = reports.lon[is_placed], reports.lat[is_placed], reports.sensor[is_placed]
    bearing, sigma_m = reports.bearing_deg[is_placed], reports.sigma_m[is_placed]
    is_bearing = np.isfinite(bearing)
    x, y = geometry.offsets_m(np.full(len(lon), lon[0]), np.full(len(lat), lat[0]), lon, lat)
    turn, error = np.radians(bearing), np.radians(reports.bearing_sigma_deg[is_placed])
    _, of, number = np.unique(sensor, return_inverse=True, return_counts=True)
    repeated = np.where(is_bearing, _BEARING_REPEATED_FRAC, _PLACE_REPEATED_FRAC)
    common = np.asarray(1.0 + repeated * (number[of] - 1.0), dtype=np.float64)
    here = _start(x, y, turn, is_bearing, sigma_m, reach_m)
    for _ in range(_ROUNDS):
        info, pull, misfit = _normal(here, x, y, turn, error, is_bearing, sigma_m, common, reach_m)
        step = np.linalg.solve(info, pull)
        length = float(np.hypot(*step))
        here = here + step * min(1.0, _STEP_M_MAX / max(length, 1e-9))
        if length < 1.0:
            break
    info, _, misfit = _normal(here, x, y, turn, error, is_bearing, sigma_m, common, reach_m)
    scatter = max(misfit / max(len(lon) - 1.0, 1.0), 1.0)
    spread = np.linalg.inv(info) * scatter
    parts = (np.array([spread[0, 0]]), np.array([spread[0, 1]]), np.array([spread[1, 1]]))
    axes = geometry.ellipse(*parts)
    at_lon, at_lat = geometry.moved(lon[:1], lat[:1], here[:1], here[1:])
    major_m, minor_m, azimuth_deg = (float(part[0]) for part in axes)
    method = _method(sensor[is_bearing], bool((~is_bearing).any()))
    return Located(float(at_lon[0]), float(at_lat[0]), major_m, minor_m, azimuth_deg, method)


def _method(finders: NDArray[np.int64], has_places: bool) -> str:
    count = len(np.unique(finders))
    if count > 1:
        return "cross-bearing"
    if count == 1:
        return "bearing and place of receivers" if has_places else "bearing alone"
    return "place of receivers"


def _start(
    x: Reals, y: Reals, turn: Reals, is_bearing: NDArray[np.bool_], sigma_m: Reals, reach_m: float
) -> Reals:
    """The mean of the receivers' places, else half-way out on the mean bearing of the first finder."""
    if not is_bearing.all():
        weight = sigma_m[~is_bearing] ** -2
        return np.array([np.sum(weight * x[~is_bearing]), np.sum(weight * y[~is_bearing])]) / np.sum(weight)
    same = (x == x[0]) & (y == y[0])
    mean = np.arctan2(np.sin(turn[same]).mean(), np.cos(turn[same]).mean())
    return np.array([x[0] + reach_m / 2.0 * np.sin(mean), y[0] + reach_m / 2.0 * np.cos(mean)])


def _normal(
    here: Reals,
    x: Reals,
    y: Reals,
    turn: Reals,
    error: Reals,
    is_bearing: NDArray[np.bool_],
    sigma_m: Reals,
    common: Reals,
    reach_m: float,
) -> tuple[Reals, Reals, float]:
    """Information matrix, pull and misfit of the normal equations at `here`."""
    dx, dy = here[0] - x, here[1] - y
    far = np.maximum(np.hypot(dx, dy), 500.0)
    miss = (turn - np.arctan2(dx, dy) + np.pi) % (2.0 * np.pi) - np.pi
    h_x, h_y = dy / far**2, -dx / far**2
    weight = np.where(is_bearing, 1.0 / (np.where(is_bearing, error, 1.0) ** 2 * common), 0.0)
    place = np.where(is_bearing, 0.0, 1.0 / (np.where(is_bearing, 1.0, sigma_m) ** 2 * common))
    miss = np.where(is_bearing, miss, 0.0)
    xx = np.sum(weight * h_x**2 + place)
    xy = np.sum(weight * h_x * h_y)
    yy = np.sum(weight * h_y**2 + place)
    pull = np.array([np.sum(weight * h_x * miss - place * dx), np.sum(weight * h_y * miss - place * dy)])
    misfit = float(np.sum((weight * miss**2 + place * (dx**2 + dy**2) / 2.0) * common))
    first = np.flatnonzero(is_bearing)[:1]
    for at in first.tolist():
        # Within reach of the finder, anywhere alike: a mean and a spread of the distance.
        u_x, u_y, spread = dx[at] / far[at], dy[at] / far[at], reach_m / np.sqrt(12.0)
        short = (reach_m / 2.0 - far[at]) / spread**2
        xx, xy, yy = xx + (u_x / spread) ** 2, xy + u_x * u_y / spread**2, yy + (u_y / spread) ** 2
        pull = pull + np.array([u_x, u_y]) * short
    return np.array([[xx, xy], [xy, yy]]), pull, misfit
