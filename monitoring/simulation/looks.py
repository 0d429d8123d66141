"""What sensors see of objects that move: track fixes and sightings, one window of time at once.

Every pair of an object and a watch that come near each other in the window gets its looks, a look every few
seconds; each look detects with the probability of its distance. There is no loop over events, objects or
sensors. Along with the fixes it gives what truth needs: the chance that each episode was seen.
"""

from dataclasses import dataclass, fields
from typing import Final

import numpy as np
from numpy.typing import NDArray

from monitoring import schema
from monitoring.simulation.activity import CIVILIAN
from monitoring.simulation.columns import Rows, rows
from monitoring.simulation.paths import Intervals, Paths
from monitoring.simulation.randomness import normal_field, uniform_field
from monitoring.simulation.sensors import (
    AFFILIATION_KNOWN_FRAC,
    BEARING_SIGMA_DEG,
    CLASS_KNOWN_FRAC,
    CUT,
    LATENCY_S,
    LOOK_S,
    RANGE_M,
    SEES_TRACKS,
    SIGMA_FLOOR_M,
    SIGMA_RANGE_FRAC,
    TARGETS,
    TYPES,
    detection_probability,
    hand_party,
)
from monitoring.simulation.truth_facts import FLANK_S
from monitoring.simulation.world import World

Reals = NDArray[np.float64]
Indices = NDArray[np.int64]

STRETCHES: Final = 128
"""Stretches of a track that are told apart; a track has fewer in any scenario."""
PROBES: Final = 7
"""Positions at which a path is probed to bound it within the window."""
TRACK: Final = schema.KINDS.index("track")
SIGHTING: Final = schema.KINDS.index("sighting")
UNKNOWN_CLASS: Final = schema.OBJECT_CLASSES.index("unknown")
UNKNOWN_AFFILIATION: Final = schema.AFFILIATIONS.index("unknown")
IS_AIRBORNE: Final = np.array([name.startswith("uav_") for name in TYPES])
JAMMED_FACTOR: Final = 8.0
"""How much poorer an aircraft's positions are while its satellite navigation is jammed."""
UNNOTICED_FRAC: Final = 0.3
"""Share of the aircraft that do not notice it."""
REPORTS_MOTION: Final = np.array([name in ("ground_radar", "uav_sar_gmti") for name in TYPES])
SIGHTS_ONLY: Final = np.array([name in ("geophone", "magnetic") for name in TYPES])
SHARED_BIAS_FRAC: Final = 0.5
"""Share of a track's error (as standard deviation) that all its fixes have in common."""
PERSON: Final = schema.OBJECT_CLASSES.index("person")
ANIMAL: Final = TARGETS.index("animal")
ANIMAL_AS_PERSON_FRAC: Final = 0.25
_MISTAKES: Final = {
    "person": "group",
    "group": "person",
    "light_vehicle": "armoured_vehicle",
    "armoured_vehicle": "tank",
    "tank": "armoured_vehicle",
    "artillery": "armoured_vehicle",
    "mlrs": "light_vehicle",
    "mortar": "group",
    "uav_small": "uav_large",
    "uav_large": "uav_small",
}
TAKEN_FOR: Final = np.array([TARGETS.index(_MISTAKES.get(name, name)) for name in TARGETS], dtype=np.int64)
"""What each class is taken for by mistake."""
TRACK_SCRAMBLE: Final = 611_953
"""Prime to 900,000: numbers a sensor's tracks so that they are unique and do not name the object."""


@dataclass(frozen=True)
class Looks:
    """Looks of watches at movers, columns of shape (n,): where both are, and what lies between them."""

    mover: Indices
    watch: Indices
    sensor: Indices
    t: Reals
    x: Reals
    y: Reals
    vx: Reals
    vy: Reals
    sensor_x: Reals
    sensor_y: Reals
    range_m: Reals

    def taken(self, idx: Indices) -> "Looks":
        return Looks(*(getattr(self, column.name)[idx] for column in fields(self)))


@dataclass(frozen=True)
class Errors:
    """Standard deviations of fixes along and across the line of sight (m), and the stated share of them. (n,)."""

    along_m: Reals
    across_m: Reals
    stated: Reals


@dataclass(frozen=True)
class Seen:
    """For truth: per look near an episode its position, watch, the visible stretch of the track (modulo 128), whether
    inside, log(1 - p) and sigma (m)."""

    episode: Indices
    watch: Indices
    stretch: Indices
    is_inside: NDArray[np.bool_]
    log_miss: Reals
    sigma_m: Reals


@dataclass(frozen=True)
class Gathered:
    """For truth: per look at an object of a build-up the position of object and slot (see `BuildUps`), the watch, and
    log(1 - p)."""

    member: Indices
    watch: Indices
    log_miss: Reals


def observe_movers(
    world: World, begin_s: float, end_s: float, rng: np.random.Generator
) -> tuple[Rows, Seen, Seen, Seen, Gathered]:
    """Fixes made in [begin_s, end_s), and what of crossings, incursions, presences and build-ups could be seen."""
    net, movers = world.net, world.movers
    looks = _looks(world, begin_s, end_s)
    kind = net.type_idx[looks.sensor]
    bearing = np.degrees(np.arctan2(looks.x - looks.sensor_x, looks.y - looks.sensor_y))
    bearing += world.space.azimuth_to_true(looks.sensor_x, looks.sensor_y)
    is_shadowed, segment = _shadow(world.seed, looks.mover, looks.watch, looks.t)
    off_axis = np.abs((bearing - net.fov_azimuth_deg[looks.sensor] + 180.0) % 360.0 - 180.0)
    is_able = ~is_shadowed & (off_axis <= net.fov_width_deg[looks.sensor] / 2)
    is_able &= world.outages.power.find(looks.sensor, looks.t) < 0
    seen_m = looks.range_m / world.weather.range_factor(kind, looks.sensor_x, looks.sensor_y, looks.t)
    p = detection_probability(kind, movers.object_class[looks.mover], seen_m) * net.p_factor[looks.sensor]
    p = np.where(is_able, p, 0.0)
    along_m, across_m, stated = _true_sigmas(world, looks, kind)
    fixing = np.flatnonzero(~net.is_bearing_only[looks.sensor] & ~SIGHTS_ONLY[kind] & (p > 0))
    sigma = np.maximum(along_m, across_m)[fixing]
    near = looks.taken(fixing)
    over, inside, there = (
        _seen(flanks, near, segment[fixing], p[fixing], sigma)
        for flanks in (world.crossing_flanks, world.incursion_flanks, world.presence_flanks)
    )
    hit = np.flatnonzero(rng.uniform(size=len(p)) < p)
    errors = Errors(along_m[hit], across_m[hit], stated[hit])
    batch = _fixes(world, rng, looks.taken(hit), bearing[hit], segment[hit], errors)
    member = world.build_ups.slots.find(near.mover, near.t)
    idx = np.flatnonzero(member >= 0)
    gathered = Gathered(member[idx], near.watch[idx], np.log1p(-np.minimum(p[fixing][idx], 0.999)))
    return batch, over, inside, there, gathered


def _looks(world: World, begin_s: float, end_s: float) -> Looks:
    """Every look in the window at which the object is near enough to be seen at all."""
    net, movers = world.net, world.movers
    mover, watch = _pairs(world, begin_s, end_s)
    every = LOOK_S[net.type_idx[net.watch_sensor[watch]]]
    phase = uniform_field(world.seed, 1, mover, watch) * every
    lo = np.maximum(np.maximum(begin_s, movers.paths.start_s[mover]), net.watch_start_s[watch])
    hi = np.minimum(np.minimum(end_s, movers.paths.end_s[mover]), net.watch_end_s[watch])
    first = np.ceil((lo - phase) / every)
    count = np.maximum(np.ceil((hi - phase) / every) - first, 0).astype(np.int64)
    pair = np.repeat(np.arange(len(mover)), count)
    step = np.arange(len(pair)) - np.repeat(np.cumsum(count) - count, count)
    t = phase[pair] + (first[pair] + step) * every[pair]
    mover, watch = mover[pair], watch[pair]
    sensor = net.watch_sensor[watch]
    x, y, vx, vy = movers.paths.at(mover, t)
    sensor_x, sensor_y = net.position(watch, t)
    range_m = np.hypot(x - sensor_x, y - sensor_y)
    near = np.flatnonzero(range_m < CUT * RANGE_M[net.type_idx[sensor], movers.object_class[mover]])
    return Looks(mover, watch, sensor, t, x, y, vx, vy, sensor_x, sensor_y, range_m).taken(near)


def _pairs(world: World, begin_s: float, end_s: float) -> tuple[Indices, Indices]:
    """Movers and watches whose bounding circles in the window come within range of each other."""
    net, paths = world.net, world.movers.paths
    active = (
        np.flatnonzero((paths.start_s < end_s) & (paths.end_s > begin_s))
        if paths.count
        else np.empty(0, dtype=int)
    )
    watches = np.flatnonzero(
        (net.watch_start_s < end_s)
        & (net.watch_end_s > begin_s)
        & SEES_TRACKS[net.type_idx[net.watch_sensor]]
    )
    mx, my, m_radius = _circles(
        active,
        np.maximum(begin_s, paths.start_s[active]),
        np.minimum(end_s, paths.end_s[active]),
        world.movers.paths,
    )
    wx, wy = net.x[net.watch_sensor[watches]], net.y[net.watch_sensor[watches]]
    w_radius = np.zeros(len(watches))
    flies = np.flatnonzero(net.watch_flight[watches] >= 0)
    if len(flies):
        flown = net.watch_flight[watches[flies]]
        lo = np.maximum(begin_s, net.watch_start_s[watches[flies]])
        hi = np.minimum(end_s, net.watch_end_s[watches[flies]])
        wx[flies], wy[flies], w_radius[flies] = _circles(flown, lo, hi, net.flights)
    kind = net.type_idx[net.watch_sensor[watches]]
    found_m, found_w = [], []
    block = max(4_000_000 // max(len(watches), 1), 1)
    for at in range(0, len(active), block):
        part = slice(at, at + block)
        reach = RANGE_M[kind][:, world.movers.object_class[active[part]]].T
        limit = CUT * reach + m_radius[part, None] + w_radius[None, :]
        apart = np.hypot(mx[part, None] - wx[None, :], my[part, None] - wy[None, :])
        m, w = np.nonzero((reach > 0) & (apart < limit))
        found_m.append(active[part][m])
        found_w.append(watches[w])
    nothing = np.empty(0, dtype=np.int64)
    return np.concatenate([*found_m, nothing]), np.concatenate([*found_w, nothing])


def _circles(owner: Indices, lo: Reals, hi: Reals, paths: Paths) -> tuple[Reals, Reals, Reals]:
    part = np.linspace(0.0, 1.0, PROBES)
    t = lo[:, None] + (hi - lo)[:, None] * part[None, :]
    x, y, vx, vy = paths.at(np.repeat(owner, PROBES), t.ravel())
    x, y = x.reshape(-1, PROBES), y.reshape(-1, PROBES)
    speed = np.hypot(vx, vy).reshape(-1, PROBES).max(axis=1, initial=0.0)
    cx, cy = (x.min(axis=1) + x.max(axis=1)) / 2, (y.min(axis=1) + y.max(axis=1)) / 2
    radius = np.hypot(x - cx[:, None], y - cy[:, None]).max(axis=1, initial=0.0)
    return cx, cy, radius + speed * (hi - lo) / (PROBES - 1)


def _shadow(seed: int, mover: Indices, watch: Indices, t: Reals) -> tuple[NDArray[np.bool_], Indices]:
    """Terrain between the two: recurrent gaps of a few minutes per pair, and the number of the visible
    stretch.
    """
    period = 1_200.0 + 3_600.0 * uniform_field(seed, 2, mover, watch)
    gap = np.maximum(600.0 * uniform_field(seed, 3, mover, watch) - 180.0, 0.0)
    cycle = (t + period * uniform_field(seed, 4, mover, watch) + period) / period
    whole = np.floor(cycle)
    return (cycle - whole) * period < gap, whole.astype(np.int64)


def _true_sigmas(world: World, looks: Looks, kind: Indices) -> tuple[Reals, Reals, Reals]:
    """Standard deviation along the line of sight and across it (m), and the share of it that is stated."""
    stated = np.ones(len(kind))
    along = np.hypot(SIGMA_FLOOR_M[kind], SIGMA_RANGE_FRAC[kind] * looks.range_m)
    across = np.maximum(along, looks.range_m * np.radians(BEARING_SIGMA_DEG[kind]))
    drones = np.flatnonzero(IS_AIRBORNE[kind])
    if len(world.jamming.x) and len(drones):
        # An aircraft places objects from its own position, which is poor under jamming.
        at = looks.sensor_x[drones], looks.sensor_y[drones], looks.t[drones]
        jammed = drones[world.jamming.is_jammed(*at)]
        along[jammed] *= JAMMED_FACTOR
        across[jammed] *= JAMMED_FACTOR
        # Some receivers do not notice and go on stating what their data sheet says.
        lot = uniform_field(world.seed, 50, looks.sensor[jammed], np.zeros(len(jammed), dtype=np.int64))
        stated[jammed[lot < UNNOTICED_FRAC]] = 1.0 / JAMMED_FACTOR
    return along, across, stated


def _seen(flanks: Intervals, looks: Looks, stretch: Indices, p: Reals, sigma_m: Reals) -> Seen:
    at = flanks.find(looks.mover, looks.t)
    idx = np.flatnonzero(at >= 0)
    episode, t = at[idx], looks.t[idx]
    is_inside = (t >= flanks.start_s[episode] + FLANK_S) & (t < flanks.end_s[episode] - FLANK_S)
    log_miss = np.log1p(-np.minimum(p[idx], 0.999))
    return Seen(episode, looks.watch[idx], stretch[idx] % STRETCHES, is_inside, log_miss, sigma_m[idx])


def _fixes(
    world: World,
    rng: np.random.Generator,
    looks: Looks,
    bearing: Reals,
    segment: Indices,
    errors: "Errors",
) -> Rows:
    """The fixes of the looks that detected: with errors, as the sensor states them."""
    net, movers, mover, sensor = world.net, world.movers, looks.mover, looks.sensor
    kind = net.type_idx[sensor]
    n = len(mover)
    along_m, across_m = errors.along_m, errors.across_m
    e_along, e_across = _errors(world, rng, looks)
    e_along, e_across = e_along * along_m, e_across * across_m
    range_m = np.maximum(looks.range_m, 1.0)
    ux, uy = (looks.x - looks.sensor_x) / range_m, (looks.y - looks.sensor_y) / range_m
    lon, lat = world.space.line.frame.inverse(
        looks.x + e_along * ux - e_across * uy + net.bias_x_m[sensor],
        looks.y + e_along * uy + e_across * ux + net.bias_y_m[sensor],
    )
    is_bearing = net.is_bearing_only[sensor]
    is_round = (across_m <= along_m * 1.05) & ~is_bearing
    is_oval = ~is_round & ~is_bearing
    declared = net.declared_factor[sensor] * errors.stated
    major = np.maximum(np.round(np.maximum(along_m, across_m) * declared, 1), 1.0)
    minor = np.maximum(np.round(np.minimum(along_m, across_m) * declared, 1), 1.0)
    bearing_seen = bearing + BEARING_SIGMA_DEG[kind] * (e_across / np.maximum(across_m, 1e-9))
    track, object_class, affiliation = _judgement(world, looks, kind, segment)
    speed = np.hypot(looks.vx, looks.vy)
    moves = REPORTS_MOTION[kind]
    heading = np.degrees(np.arctan2(looks.vx, looks.vy)) + world.space.azimuth_to_true(looks.x, looks.y)
    heading += 3.0 * rng.standard_normal(n)
    return rows(
        sensor=sensor,
        made_s=looks.t,
        time_s=looks.t + net.clock(sensor, looks.t),
        latency_s=LATENCY_S[kind, 0] + rng.uniform(size=n) * (LATENCY_S[kind, 1] - LATENCY_S[kind, 0]),
        kind=np.where(SIGHTS_ONLY[kind], SIGHTING, TRACK),
        lon=np.where(is_bearing, np.nan, np.round(lon, 6)),
        lat=np.where(is_bearing, np.nan, np.round(lat, 6)),
        sigma_m=np.where(is_round, major, np.nan),
        sigma_major_m=np.where(is_oval, major, np.nan),
        sigma_minor_m=np.where(is_oval, minor, np.nan),
        sigma_azimuth_deg=np.where(is_oval, np.round((bearing + 90.0) % 180.0, 1) % 180.0, np.nan),
        bearing_deg=np.where(is_bearing, np.round(bearing_seen % 360.0, 2) % 360.0, np.nan),
        bearing_sigma_deg=np.where(is_bearing, BEARING_SIGMA_DEG[kind], np.nan),
        object_class=object_class,
        affiliation=affiliation,
        count=np.where((movers.objects[mover] > 1) & ~moves, movers.objects[mover], -1),
        track=np.where(SIGHTS_ONLY[kind], -1, track),
        speed_mps=np.where(moves, np.round(np.abs(speed * (1 + 0.1 * rng.standard_normal(n))), 1), np.nan),
        heading_deg=np.where(moves & (speed > 0.3), np.round(heading % 360.0, 0) % 360.0, np.nan),
        link=mover,
    )


def _errors(world: World, rng: np.random.Generator, looks: Looks) -> tuple[Reals, Reals]:
    """Errors along and across in units of sigma: a part that a track's fixes share, the rest white.

    Some sensors have heavier tails than they say, and no sensor's error is quite what it is on paper.
    """
    seed, net, n = world.seed, world.net, len(looks.mover)
    is_wild = net.has_heavy_tail[looks.sensor] & (rng.uniform(size=n) < 0.03)
    size = np.where(is_wild, 4.0, 1.0) * net.error_factor[looks.sensor]
    white = np.sqrt(1.0 - SHARED_BIAS_FRAC**2)
    shared = [
        SHARED_BIAS_FRAC * normal_field(seed, purpose, looks.mover, looks.watch) for purpose in (11, 12)
    ]
    along, across = (size * (own + white * rng.standard_normal(n)) for own in shared)
    return along, across


def _judgement(
    world: World, looks: Looks, kind: Indices, segment: Indices
) -> tuple[Indices, Indices, Indices]:
    """Track number, class and affiliation as the sensor judged them for this stretch of the track."""
    seed, movers, mover, watch, sensor = world.seed, world.movers, looks.mover, looks.watch, looks.sensor
    salt = np.floor(uniform_field(seed, 20, sensor, np.zeros(len(sensor), dtype=np.int64)) * 1e6).astype(
        np.int64
    )
    track = ((mover * TRACK_SCRAMBLE + salt) % 900_000) * 100 + segment % 100
    knows = uniform_field(seed, 21, mover, watch * STRETCHES + segment % STRETCHES)
    true_class = movers.object_class[mover]
    lot = uniform_field(seed, 23, mover, watch * STRETCHES + segment % STRETCHES)
    taken_for = np.where(lot < world.scenario.faults.class_wrong_frac, TAKEN_FOR[true_class], true_class)
    object_class = np.where(knows < CLASS_KNOWN_FRAC[kind], taken_for, UNKNOWN_CLASS)
    object_class = np.where(
        true_class == ANIMAL, np.where(lot < ANIMAL_AS_PERSON_FRAC, PERSON, UNKNOWN_CLASS), object_class
    )
    hand = movers.hand[mover]
    left = schema.AFFILIATIONS.index(hand_party(world.space, 1))
    right = schema.AFFILIATIONS.index(hand_party(world.space, -1))
    civilian = schema.AFFILIATIONS.index("civilian")
    whose_animal = np.where(true_class == ANIMAL, UNKNOWN_AFFILIATION, civilian)
    true = np.where(hand == CIVILIAN, whose_animal, np.where(hand > 0, left, right))
    whose = uniform_field(seed, 22, mover, watch * STRETCHES + segment % STRETCHES)
    affiliation = np.where(whose < AFFILIATION_KNOWN_FRAC[kind], true, UNKNOWN_AFFILIATION)
    return track, object_class, affiliation
