"""Interference with the monitors as it is read from events: in which way, from where, at what place."""

from collections.abc import Callable
from typing import Any, Final, NamedTuple

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from monitoring import events, schema
from monitoring.agreement import Parameters
from monitoring.incidents import geometry, locating
from monitoring.incidents.emitters import Reports
from monitoring.incidents.location import mean_place

Ints = NDArray[np.int64]
Reals = NDArray[np.float64]

IMPACT_KINDS: Final = ("explosion", "projectile")
WAYS: Final = ("jamming", "access denied", "tampering", "fire at a sensor", "off its post")
WORDS: Final = {
    "jamming": "Jamming from an emitter",
    "access denied": "Access denied to the monitors",
    "tampering": "Tampering with a sensor",
    "fire at a sensor": "Fire at a sensor's post",
    "off its post": "A sensor reported itself away from its post",
}
_FELL: Final = tuple(schema.FIRE_DIRECTIONS.index(word) for word in ("incoming", "impact", "airburst"))
_CODE: Final = {kind: schema.KINDS.index(kind) for kind in schema.KINDS}
_MANY_SIGMA: Final = 3.0


class Place(NamedTuple):
    """Where something interfered: the ellipse (standard deviations, azimuth of the longer axis), by what means, and
    the probability that it was there at all (of fire: within the given distance of a post)."""

    lon: float
    lat: float
    major_m: float
    minor_m: float
    azimuth_deg: float
    method: str
    prob: float = 1.0

    def told(self) -> dict[str, Any]:
        """For `detail`."""
        return {
            "method": self.method,
            "sigma_major_m": round(self.major_m, 1),
            "sigma_minor_m": round(self.minor_m, 1),
            "sigma_azimuth_deg": round(self.azimuth_deg, 1),
        }


class Posts(NamedTuple):
    """Of each place the nearest registered post: its number among the sensors with one, by id (-1 = there is none),
    and the distance (m)."""

    idx: Ints
    distance_m: Reals


def ways(placed: pa.Table, parameters: Parameters, number: Callable[[str], float]) -> NDArray[np.int8]:
    """In which of `WAYS` each of n events interferes, -1 = in none. `number` gives the rule's values by name."""
    n, kind = placed.num_rows, events.codes(placed, "kind")
    way = np.full(n, -1, dtype=np.int8)
    for name, code in (("jamming", 0), ("access_denied", 1), ("tamper", 2)):
        way[kind == _CODE[name]] = code
    fell = np.flatnonzero(
        np.isin(kind, [_CODE[name] for name in IMPACT_KINDS])
        & np.isin(events.codes(placed, "direction"), _FELL)
    )
    if len(fell):
        lon, lat = events.reals(placed, "lon")[fell], events.reals(placed, "lat")[fell]
        sigma_m = np.nan_to_num(events.reals(placed, "sigma_used_m")[fell])
        near = nearest_post(lon, lat, parameters)
        way[fell[near.distance_m <= number("post_m") + _MANY_SIGMA * sigma_m]] = 3
    self_placed = np.flatnonzero(
        (kind == _CODE["heartbeat"]) & np.isfinite(events.reals(placed, "sensor_lon"))
    )
    if len(self_placed):
        rows = placed.take(pa.array(self_placed))
        way[self_placed[off_post_m(rows, parameters) > number("moved_m")]] = 4
    return way


def off_post_m(rows: pa.Table, parameters: Parameters) -> Reals:
    """How far each sensor reports itself from its registered post, less three standard deviations; NaN without one."""
    lon, lat = _posts_of(rows, parameters)
    own = events.reals(rows, "sensor_lon"), events.reals(rows, "sensor_lat")
    slack_m = _MANY_SIGMA * np.nan_to_num(events.reals(rows, "sensor_sigma_m"))
    return np.asarray(np.hypot(*geometry.offsets_m(lon, lat, *own)) - slack_m)


def reports(placed: pa.Table, parameters: Parameters) -> Reports:
    """The events as reports: from where each was made, or which place it names."""
    time_ns = events.ints(placed, "time_ns")
    bearing = events.reals(placed, "bearing_deg")
    lon, lat = events.reals(placed, "lon"), events.reals(placed, "lat")
    has_place = np.isfinite(lon) & np.isfinite(lat)
    post = _posts_of(placed, parameters)
    own = events.reals(placed, "sensor_lon"), events.reals(placed, "sensor_lat")
    is_own = np.isfinite(own[0]) & np.isfinite(own[1])
    stood = tuple(np.where(is_own, said, known) for said, known in zip(own, post, strict=True))
    is_bearing = ~has_place & np.isfinite(bearing)
    sigma_m = np.where(has_place, np.maximum(events.reals(placed, "sigma_used_m"), 1.0), np.nan)
    # A report that names no place and no bearing was made where its sensor stands.
    stands = ~has_place & ~is_bearing & np.isfinite(stood[0])
    declared = np.array(
        [max(parameters.sigma_m(name), 1.0) for name in placed.column("sensor_id").to_pylist()]
    )
    encoded = placed.column("sensor_id").combine_chunks().dictionary_encode()
    return Reports(
        time_ns=time_ns,
        end_ns=np.maximum(events.ints(placed, "time_end_ns"), time_ns),
        sensor=np.asarray(encoded.indices).astype(np.int64),
        lon=np.where(has_place, lon, stood[0]),
        lat=np.where(has_place, lat, stood[1]),
        sigma_m=np.where(stands, declared, sigma_m),
        bearing_deg=np.where(is_bearing, bearing, np.nan),
        bearing_sigma_deg=np.where(
            is_bearing, np.nan_to_num(events.reals(placed, "bearing_sigma_deg"), nan=5.0), np.nan
        ),
    )


def nearest_post(lon: Reals, lat: Reals, parameters: Parameters) -> Posts:
    """The registered post nearest to each of n places."""
    at_lon, at_lat = parameters.posted.lon, parameters.posted.lat
    if not len(at_lon):
        return Posts(np.full(len(lon), -1), np.full(len(lon), np.inf))
    idx, best = np.full(len(lon), -1, dtype=np.int64), np.full(len(lon), np.inf)
    # Fire that fell near a post is rare and posts are some hundreds: in parts, all against all.
    for begin in range(0, len(lon), 4_096):
        part = slice(begin, begin + 4_096)
        away = np.hypot(*geometry.offsets_m(lon[part, None], lat[part, None], at_lon[None], at_lat[None]))
        away = np.where(np.isfinite(away), away, np.inf)
        idx[part] = np.argmin(away, axis=1)
        best[part] = np.min(away, axis=1)
    return Posts(np.where(np.isfinite(best), idx, -1), best)


def place_of(how: str, own: Reports, reach_m: float, post_m: float, parameters: Parameters) -> Place | None:
    """Where a group of reports puts what interferes; None where none of them has a place."""
    if how == "jamming":
        found = locating.located(own, reach_m)
        return None if found is None else Place(*found)
    is_placed = np.isfinite(own.lon) & np.isfinite(own.lat)
    if not is_placed.any():
        return None
    placed = own.taken(np.flatnonzero(is_placed))
    count, variance = len(placed.lon), np.maximum(np.nan_to_num(placed.sigma_m), 1e-3) ** 2
    every, one = np.ones(count, dtype=np.bool_), np.zeros(count, dtype=np.int64)
    errors = (variance, np.zeros(count), variance)
    at_lon, at_lat, spread = mean_place(one, 1, every, placed.lon, placed.lat, errors, placed.sensor)
    major, minor, azimuth = (float(part[0]) for part in geometry.ellipse(*spread))
    made = Place(float(at_lon[0]), float(at_lat[0]), major, minor, azimuth, "the places reported")
    if how == "fire at a sensor":
        near = nearest_post(at_lon, at_lat, parameters)
        prob = within_prob(float(near.distance_m[0]), major, post_m)
        return made._replace(method=parameters.posted.names[int(near.idx[0])], prob=prob)
    return made


def within_prob(distance_m: float, sigma_m: float, radius_m: float) -> float:
    """P(a place known to `sigma_m` lies within `radius_m` of a point `distance_m` from its mean).

    >>> round(within_prob(0.0, 100.0, 100.0), 2), round(within_prob(100.0, 1.0, 100.0), 1), within_prob(5.0, 0.0, 9.0)
    (0.39, 0.5, 1.0)
    """
    if sigma_m <= 0.0:
        return float(distance_m <= radius_m)
    step = np.linspace(-4.0, 4.0, 81)
    east, north = np.meshgrid(step, step)
    weight = np.exp(-0.5 * (east**2 + north**2))
    away_m = np.hypot(distance_m + sigma_m * east, sigma_m * north)
    # Cells on the edge count by how much of them lies inside.
    inside = np.clip((radius_m - away_m) / (0.1 * sigma_m) + 0.5, 0.0, 1.0)
    return float(np.sum(weight * inside) / np.sum(weight))


def _posts_of(rows: pa.Table, parameters: Parameters) -> tuple[Reals, Reals]:
    """Longitude and latitude of each event's sensor by the registry, NaN where it has no post."""
    names = rows.column("sensor_id").combine_chunks().dictionary_encode()
    facts = [parameters.sensors.get(name) for name in names.dictionary.to_pylist()]
    of_row = np.asarray(names.indices)
    lon = np.array([np.nan if f is None or f.lon is None else f.lon for f in facts], dtype=np.float64)
    lat = np.array([np.nan if f is None or f.lat is None else f.lat for f in facts], dtype=np.float64)
    return lon[of_row], lat[of_row]
