"""Coverage by the plain formulas: one place, one sensor at a time."""

from collections import defaultdict
from collections.abc import Mapping
from math import prod

from pyproj import Geod

from geodata.contact_line import ContactLine
from monitoring.agreement import SensorFacts
from monitoring.coverage import reach

_GEOD = Geod(ellps="WGS84")
STEP_M = 500.0


def probability(
    sensors: Mapping[str, SensorFacts], kind: str, line: ContactLine
) -> list[tuple[float, float]]:
    """(chance of detection, kilometres of line it stands for) along a line that runs straight north."""
    happening = reach.KINDS[kind]
    count = round(line.length_m / STEP_M)
    found = []
    for i in range(count):
        lon, lat = (float(value) for value in line.place_at((i + 0.5) * line.length_m / count))
        sides = [90.0, -90.0] if happening.offset_m else [90.0]
        for azimuth in sides:
            x, y, _ = _GEOD.fwd(lon, lat, azimuth, happening.offset_m)
            found.append((_at(sensors, kind, x, y), line.length_m / count / 1_000 / len(sides)))
    return found


def _at(sensors: Mapping[str, SensorFacts], kind: str, lon: float, lat: float) -> float:
    looks = reach.KINDS[kind].looks
    by_cause: dict[str, dict[str | None, list[float]]] = defaultdict(lambda: defaultdict(list))
    for facts in sensors.values():
        means = reach.TYPES[facts.type]
        half_m = means.half_m.get(kind)
        if half_m is None:
            continue
        _, _, distance_m = _GEOD.inv(facts.lon, facts.lat, lon, lat)
        if distance_m > reach.CUT * half_m:
            continue
        one = means.best_prob / (1.0 + (distance_m / half_m) ** 8)
        several = 1.0 - (1.0 - one) ** looks
        by_cause[means.cause][facts.host_side].append(min(several, reach.LOOK_PROB_MOST))
    kinds = []
    for cause, by_host in by_cause.items():
        hosts = [(1 - reach.HOST_PROB) * (1 - prod(1 - p for p in group)) for group in by_host.values()]
        kinds.append((1 - reach.CAUSES[cause]) * (1 - prod(1 - g for g in hosts)))
    return (1 - reach.NETWORK_PROB) * (1 - prod(1 - k for k in kinds))
