"""The monitors' sensors: posts along the line, aircraft on their routes, and how each of them really behaves.

What a sensor declares (its registry entry, the errors it states in events) and what it does are two things:
some understate or overstate their error, some are biased, some have heavy tails, a few clocks are wrong.
"""

from dataclasses import dataclass
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from monitoring import schema
from monitoring.simulation.aircraft import Fleet, plan_fleet
from monitoring.simulation.catalogue import CATALOGUE
from monitoring.simulation.hot_stretches import Chainages
from monitoring.simulation.paths import Paths
from monitoring.simulation.placement import LineSpace, Plan, placing_surely, together
from monitoring.simulation.randomness import between, stream
from monitoring.simulation.scenario import Scenario

Reals = NDArray[np.float64]
Indices = NDArray[np.int64]

TYPES: Final = schema.SENSOR_TYPES
MODELS: Final = tuple(CATALOGUE[name] for name in TYPES)
TARGETS: Final = (
    *schema.OBJECT_CLASSES,
    "small_arms",
    "flare",
    "blast",
    "thunder",
    "fireworks",
    "impact",
    "animal",
    "digging",
)
"""What a range is stated for: object classes (by their code), then further sources of sound, light and sight."""
DAY_S: Final = 86_400.0


def _by_type(attribute: str) -> Reals:
    return np.array([float(getattr(model, attribute)) for model in MODELS])


RANGE_M: Final = np.array([[model.range_m.get(target, 0.0) for target in TARGETS] for model in MODELS])
"""Range by type and target, shape (types, targets); 0 = does not see it."""
P_BEST: Final = _by_type("p_best")
LOOK_S: Final = _by_type("look_s")
SIGMA_FLOOR_M: Final = _by_type("sigma_floor_m")
SIGMA_RANGE_FRAC: Final = _by_type("sigma_range_frac")
BEARING_SIGMA_DEG: Final = _by_type("bearing_sigma_deg")
CLASS_KNOWN_FRAC: Final = _by_type("class_known_frac")
AFFILIATION_KNOWN_FRAC: Final = _by_type("affiliation_known_frac")
TIME_SIGMA_S: Final = _by_type("time_sigma_s")
SEES_TRACKS: Final = _by_type("sees_tracks") > 0
SEES_FIRE: Final = _by_type("sees_fire") > 0
IS_ACOUSTIC: Final = _by_type("is_acoustic") > 0
STORES: Final = _by_type("stores_and_forwards") > 0
LATENCY_S: Final = np.array([model.latency_s for model in MODELS])

CUT: Final = 1.25
"""Beyond this multiple of its range a sensor sees nothing."""


def detection_probability(sensor_type: Indices, target: Indices, range_m: Reals) -> Reals:
    """Probability that one look detects, against distance: a logistic fall, half of the best at the range.

    >>> p = detection_probability(np.array([5, 5]), np.array([4, 4]), np.array([1_000.0, 20_000.0]))
    >>> p.round(3)
    array([0.93 , 0.465])
    """
    reach = RANGE_M[sensor_type, target]
    ratio = np.divide(range_m, reach, out=np.full(len(range_m), 99.0), where=reach > 0)
    with np.errstate(over="ignore"):
        p = P_BEST[sensor_type] / (1.0 + np.exp(12.0 * (ratio - 1.0)))
    return np.where(ratio < CUT, p, 0.0)


@dataclass(frozen=True)
class SensorNet:
    """All sensors, in columns of shape (s,), and the watches they keep, shape (w,).

    A watch is a stretch of time in which a sensor looks: the whole scenario for a post, one flight for an
    aircraft. `flight` is the watch's path in `flights`, -1 for a post. `link_m`: how far from its home an aircraft
    reaches the mission.
    """

    ids: tuple[str, ...]
    type_idx: Indices
    hand: Indices
    x: Reals
    y: Reals
    fov_azimuth_deg: Reals
    fov_width_deg: Reals
    is_bearing_only: NDArray[np.bool_]
    is_arrival_time: NDArray[np.bool_]
    error_factor: Reals
    declared_factor: Reals
    bias_x_m: Reals
    bias_y_m: Reals
    has_heavy_tail: NDArray[np.bool_]
    clock_offset_s: Reals
    clock_drift: Reals
    hour_fault_s: Reals
    hour_fault_from_s: Reals
    hour_fault_to_s: Reals
    p_factor: Reals
    watch_sensor: Indices
    watch_flight: Indices
    watch_start_s: Reals
    watch_end_s: Reals
    flights: Paths
    link_m: Reals

    @property
    def count(self) -> int:
        return len(self.ids)

    def clock(self, sensor: Indices, t: Reals) -> Reals:
        """What the clocks of the sensors are ahead (s) at true times `t`: offset, drift, whole-hour faults."""
        is_off = (t >= self.hour_fault_from_s[sensor]) & (t < self.hour_fault_to_s[sensor])
        ahead = self.clock_offset_s[sensor] + self.clock_drift[sensor] * t
        return ahead + np.where(is_off, self.hour_fault_s[sensor], 0.0)

    def position(self, watch: Indices, t: Reals) -> tuple[Reals, Reals]:
        """Where the sensor of each watch is at `t`; shapes (n,)."""
        sensor, flight = self.watch_sensor[watch], self.watch_flight[watch]
        x, y = self.x[sensor], self.y[sensor]
        flies = np.flatnonzero(flight >= 0)
        if len(flies):
            flown_s = t[flies]
            x[flies], y[flies] = self.flights.on_leg(self.flights.leg(flight[flies], flown_s), flown_s)
        return x, y


def health_reports(net: SensorNet) -> tuple[Reals, Reals]:
    """Of each watch, shape (w,): when after the start its first report of health is due, and how often (s)."""
    every_s = np.array([model.heartbeat_s for model in MODELS])[net.type_idx[net.watch_sensor]]
    return (np.arange(len(every_s)) * 0.6180339887 % 1.0) * every_s, every_s


def place_sensors(scenario: Scenario, space: LineSpace, seed: int, duration_s: float) -> Plan[SensorNet]:
    """Posts and aircraft of a scenario on this line. Deterministic in (scenario, line, seed)."""
    plans: list[Plan[Any]] = [
        _posts(scenario, space, seed),
        _fleets(scenario, space, seed, duration_s),
    ]
    chunks, fleets = yield from together(plans)
    return _assemble(scenario, space, seed, duration_s, chunks, fleets)


def _posts(scenario: Scenario, space: LineSpace, seed: int) -> Plan[list[tuple[int, int, Reals, Reals]]]:
    """Type, hand and places (m) of the posts of each kind and hand."""
    where = Chainages(seed, space, scenario.concentration)
    rng = stream(seed, "posts")
    chunks: list[tuple[int, int, Reals, Reals]] = []
    for posts in scenario.posts:
        for hand in (1, -1):
            if scenario_party(scenario, space, hand) not in posts.hosts:
                continue
            count = max(round(space.length_m / 1_000 / posts.spacing_km), 1)
            frac = (np.arange(count) + 0.5 + rng.uniform(-0.35, 0.35, count)) / count
            frac = frac[rng.uniform(size=count) >= posts.gap_frac]
            chainage = where.at(frac, posts.is_concentrated)
            left = hand * between(rng, posts.offset_km, len(frac)) * 1_000
            x, y = yield from placing_surely(rng, space.length_m, chainage, left)
            chunks.append((TYPES.index(posts.type), hand, x, y))
    return chunks


def _fleets(
    scenario: Scenario, space: LineSpace, seed: int, duration_s: float
) -> Plan[list[tuple[int, int, Fleet]]]:
    """Type, hand and aircraft of each fleet and hand."""
    rng = stream(seed, "flights")
    fleets = []
    for spec in scenario.flights:
        for hand in (1, -1):
            fleet = yield from plan_fleet(rng, space, spec, hand, duration_s)
            fleets.append((TYPES.index(spec.type), hand, fleet))
    return fleets


def scenario_party(scenario: Scenario, space: LineSpace, hand: int) -> str:
    """The party that the scenario's text means by the one on this hand (its names may be swapped)."""
    name = hand_party(space, hand)
    return {"A": "B", "B": "A"}[name] if scenario.swap_sides else name


def hand_party(space: LineSpace, hand: int) -> str:
    """The party whose side lies on this hand of the line."""
    return "A" if hand == space.line.left_sign else "B"


def _assemble(
    scenario: Scenario,
    space: LineSpace,
    seed: int,
    duration_s: float,
    chunks: list[tuple[int, int, Reals, Reals]],
    fleets: list[tuple[int, int, Fleet]],
) -> SensorNet:
    groups = [*chunks, *((kind, hand, fleet.home_x, fleet.home_y) for kind, hand, fleet in fleets)]
    sizes = [len(x) for _, _, x, _ in groups]
    type_idx = np.repeat(np.array([kind for kind, *_ in groups], dtype=np.int64), sizes)
    hand = np.repeat(np.array([h for _, h, *_ in groups], dtype=np.int64), sizes)
    x, y = np.concatenate([g[2] for g in groups]), np.concatenate([g[3] for g in groups])
    count = len(x)
    is_post = np.arange(count) < sum(sizes[: len(chunks)])

    watch_sensor, watch_flight = [np.flatnonzero(is_post)], [np.full(is_post.sum(), -1, dtype=np.int64)]
    starts, ends = [np.zeros(is_post.sum())], [np.full(is_post.sum(), duration_s)]
    owners, path_t, path_x, path_y, flown = [], [], [], [], 0
    first_sensor = int(is_post.sum())
    link_m = np.full(count, np.inf)
    for _, _, fleet in fleets:
        owners.append(fleet.paths.owner + flown)
        path_t.append(fleet.paths.t)
        path_x.append(fleet.paths.x)
        path_y.append(fleet.paths.y)
        watch_sensor.append(first_sensor + fleet.craft)
        watch_flight.append(flown + fleet.flight)
        starts.append(fleet.start_s)
        ends.append(fleet.end_s)
        link_m[first_sensor : first_sensor + len(fleet.home_x)] = fleet.link_m
        flown += fleet.paths.count
        first_sensor += len(fleet.home_x)
    nothing = np.empty(0)
    flights = Paths(
        np.concatenate([*owners, nothing]).astype(np.int64),
        np.concatenate([*path_t, nothing]),
        np.concatenate([*path_x, nothing]),
        np.concatenate([*path_y, nothing]),
        flown,
    )
    foot_x, foot_y = space.towards(x, y, np.zeros(count))
    facing = np.degrees(np.arctan2(foot_x - x, foot_y - y)) + space.azimuth_to_true(x, y)
    faults = _faults(scenario, seed, type_idx, duration_s)
    return SensorNet(
        ids=_ids(type_idx),
        type_idx=type_idx,
        hand=hand,
        x=x,
        y=y,
        fov_azimuth_deg=np.round(facing % 360.0, 1),
        fov_width_deg=_by_type("fov_width_deg")[type_idx],
        watch_sensor=np.concatenate(watch_sensor).astype(np.int64),
        watch_flight=np.concatenate(watch_flight).astype(np.int64),
        watch_start_s=np.concatenate(starts),
        watch_end_s=np.concatenate(ends),
        flights=flights,
        link_m=link_m,
        **faults,
    )


def _faults(scenario: Scenario, seed: int, type_idx: Indices, duration_s: float) -> dict[str, Any]:
    """How the sensors differ from their data sheets; every column has shape (s,)."""
    faults, count = scenario.faults, len(type_idx)
    rng = stream(seed, "faults")
    lot = rng.uniform(size=count)
    low = faults.understated_error_frac
    declared = np.where(lot < low, 0.5, np.where(lot < low + faults.overstated_error_frac, 2.0, 1.0))
    is_biased = rng.uniform(size=count) < faults.biased_frac
    turn = rng.uniform(0, 2 * np.pi, count)
    sigma_m = np.hypot(SIGMA_FLOOR_M[type_idx], SIGMA_RANGE_FRAC[type_idx] * 5_000)
    bias = np.where(is_biased, 1.5 * sigma_m, 0.0)
    is_drifting = rng.uniform(size=count) < faults.drifting_clock_frac
    offset_s = np.where(is_drifting, rng.uniform(-1.0, 1.0, count), rng.normal(0.0, 0.01, count))
    drift = np.where(is_drifting, rng.uniform(-2.0, 2.0, count) / DAY_S, 0.0)
    wrong = rng.permutation(count)[: faults.hour_fault_sensors]
    hour_s = np.zeros(count)
    hour_s[wrong] = rng.choice([-3_600.0, 3_600.0], len(wrong))
    hour_from_s = np.zeros(count)
    hour_from_s[wrong] = rng.uniform(-0.5 * duration_s, 0.7 * duration_s, len(wrong))
    hour_to_s = hour_from_s + between(rng, faults.hour_fault_h, count) * 3_600
    return {
        "is_bearing_only": rng.uniform(size=count) < _by_type("bearing_only_frac")[type_idx],
        "is_arrival_time": rng.uniform(size=count) < _by_type("arrival_time_frac")[type_idx],
        "error_factor": np.clip(rng.lognormal(0.0, 0.1, count), 0.7, 1.4),
        "declared_factor": declared,
        "bias_x_m": bias * np.cos(turn),
        "bias_y_m": bias * np.sin(turn),
        "has_heavy_tail": rng.uniform(size=count) < faults.heavy_tail_frac,
        "clock_offset_s": offset_s,
        "clock_drift": drift,
        "hour_fault_s": hour_s,
        "hour_fault_from_s": hour_from_s,
        "hour_fault_to_s": hour_to_s,
        "p_factor": np.where(rng.uniform(size=count) < faults.poor_detection_frac, 0.5, 1.0),
    }


def _ids(type_idx: Indices) -> tuple[str, ...]:
    """`GR-001` and so on, numbered within a type."""
    seen: dict[int, int] = {}
    names = []
    for kind in type_idx.tolist():
        seen[kind] = seen.get(kind, 0) + 1
        names.append(f"{MODELS[kind].id_prefix}-{seen[kind]:03d}")
    return tuple(names)


def registry_of(net: SensorNet, space: LineSpace) -> list[dict[str, Any]]:
    """What the sensors' operators declare: one entry a sensor, in the order of `net.ids`.

    Aircraft have no fixed place (`lon`, `lat` are null). Errors and detection rates are the data sheet's, not
    the true ones.
    """
    lon, lat = space.line.frame.inverse(net.x, net.y)
    flies = np.zeros(net.count, dtype=bool)
    flies[net.watch_sensor[net.watch_flight >= 0]] = True
    entries: list[dict[str, Any]] = []
    for i, (name, kind) in enumerate(zip(net.ids, net.type_idx.tolist(), strict=True)):
        model = MODELS[kind]
        is_fixed = not (flies[i] or model.is_airborne)
        entries.append(
            {
                "id": name,
                "type": TYPES[kind],
                "lon": round(float(lon[i]), 6) if is_fixed else None,
                "lat": round(float(lat[i]), 6) if is_fixed else None,
                "host_side": hand_party(space, int(net.hand[i])),
                "sigma_m": _declared_sigma(model) * float(net.declared_factor[i]),
                "detection_prob": model.p_best,
            }
        )
    return entries


def _declared_sigma(model: Any) -> float:
    """The one figure of a data sheet: standard deviation per axis at half of the longest range."""
    half = max(model.range_m.values(), default=0.0) / 2
    across = half * np.radians(model.bearing_sigma_deg)
    return float(round(max(np.hypot(model.sigma_floor_m, model.sigma_range_frac * half), across, 1.0), 1))
