"""What sensors see of objects that move: track fixes and sightings, one window of time at once.

Every pair of an object and a watch that come near each other in the window gets its looks, a look every few
seconds; each look detects with the probability of its distance. There is no loop over events, objects or
sensors. Along with the fixes it gives what truth needs: the chance that each episode was seen.
"""

from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from monitoring import schema
from monitoring.simulation.activity import CIVILIAN
from monitoring.simulation.columns import Rows, rows
from monitoring.simulation.paths import Intervals
from monitoring.simulation.randomness import normal_field, uniform_field
from monitoring.simulation.rounded import rounded_place
from monitoring.simulation.sensors import (
    AFFILIATION_KNOWN_FRAC,
    BEARING_SIGMA_DEG,
    CLASS_KNOWN_FRAC,
    LATENCY_S,
    SIGMA_FLOOR_M,
    SIGMA_RANGE_FRAC,
    TARGETS,
    TYPES,
    detection_probability,
    hand_party,
)
from monitoring.simulation.sightlines import Looks, Pairs, azimuth_to_true, looks_of, shadow
from monitoring.simulation.truth_facts import FLANK_S
from monitoring.simulation.world import World

Reals = NDArray[np.float64]
Indices = NDArray[np.int64]

STRETCHES: Final = 128
"""Stretches of a track that are told apart; a track has fewer in any scenario."""
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
class Errors:
    """Standard deviations of fixes along and across the line of sight (m), and the stated share of them. (n,)."""

    along_m: Reals
    across_m: Reals
    stated: Reals


@dataclass(frozen=True)
class Near:
    """Looks that may give a fix, columns of shape (n,): chance `p` and sigma (m) of each."""

    mover: Indices
    watch: Indices
    t: Reals
    stretch: Indices
    p: Reals
    sigma_m: Reals


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
    pairs, looks = looks_of(world, begin_s, end_s)
    lot = rng.uniform(size=len(looks.t))
    is_shadowed, segment = shadow(world.seed, pairs, looks)
    is_able = ~is_shadowed & (world.outages.power.find(looks.sensor, looks.t) < 0)
    able = np.flatnonzero(is_able)
    looks, segment, lot = looks.taken(able), segment[able], lot[able]
    bearing = np.degrees(np.arctan2(looks.x - looks.sensor_x, looks.y - looks.sensor_y))
    bearing += azimuth_to_true(world, pairs, looks)
    off_axis = np.abs((bearing - net.fov_azimuth_deg[looks.sensor] + 180.0) % 360.0 - 180.0)
    turned = np.flatnonzero(off_axis <= net.fov_width_deg[looks.sensor] / 2)
    looks, bearing, segment, lot = looks.taken(turned), bearing[turned], segment[turned], lot[turned]
    kind = net.type_idx[looks.sensor]
    seen_m = looks.range_m / world.weather.range_factor(kind, looks.sensor_x, looks.sensor_y, looks.t)
    p = (
        detection_probability(kind, movers.object_class[pairs.mover][looks.pair], seen_m)
        * net.p_factor[looks.sensor]
    )
    along_m, across_m, stated = _true_sigmas(world, looks, kind)
    is_fixing = ~net.is_bearing_only[looks.sensor] & ~SIGHTS_ONLY[kind] & (p > 0)
    fixing = np.flatnonzero(is_fixing & _is_of_note(world)[pairs.mover][looks.pair])
    sigma = np.maximum(along_m, across_m)[fixing]
    pair = looks.pair[fixing]
    near = Near(pairs.mover[pair], pairs.watch[pair], looks.t[fixing], segment[fixing], p[fixing], sigma)
    over, inside, there = (
        _seen(flanks, near)
        for flanks in (world.crossing_flanks, world.incursion_flanks, world.presence_flanks)
    )
    hit = np.flatnonzero(lot < p)
    errors = Errors(along_m[hit], across_m[hit], stated[hit])
    batch = _fixes(world, rng, pairs, looks.taken(hit), bearing[hit], segment[hit], errors)
    member = world.build_ups.slots.find(near.mover, near.t)
    idx = np.flatnonzero(member >= 0)
    gathered = Gathered(member[idx], near.watch[idx], np.log1p(-np.minimum(near.p[idx], 0.999)))
    return batch, over, inside, there, gathered


def _is_of_note(world: World) -> NDArray[np.bool_]:
    """Movers that may be in an episode or a build-up, shape (movers,)."""
    every = np.arange(world.movers.count)
    flanks = world.crossing_flanks, world.incursion_flanks, world.presence_flanks
    is_in = world.build_ups.slots.may_own(every)
    for flank in flanks:
        is_in |= flank.may_own(every)
    return is_in


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


def _seen(flanks: Intervals, near: Near) -> Seen:
    at = flanks.find(near.mover, near.t)
    idx = np.flatnonzero(at >= 0)
    episode, t = at[idx], near.t[idx]
    is_inside = (t >= flanks.start_s[episode] + FLANK_S) & (t < flanks.end_s[episode] - FLANK_S)
    log_miss = np.log1p(-np.minimum(near.p[idx], 0.999))
    return Seen(
        episode, near.watch[idx], near.stretch[idx] % STRETCHES, is_inside, log_miss, near.sigma_m[idx]
    )


def _fixes(
    world: World,
    rng: np.random.Generator,
    pairs: Pairs,
    looks: Looks,
    bearing: Reals,
    segment: Indices,
    errors: "Errors",
) -> Rows:
    """The fixes of the looks that detected: with errors, as the sensor states them."""
    net, movers, mover, sensor = world.net, world.movers, pairs.mover[looks.pair], looks.sensor
    kind = net.type_idx[sensor]
    n = len(mover)
    along_m, across_m = errors.along_m, errors.across_m
    e_along, e_across = _errors(world, rng, pairs, looks)
    e_along, e_across = e_along * along_m, e_across * across_m
    range_m = np.maximum(looks.range_m, 1.0)
    ux, uy = (looks.x - looks.sensor_x) / range_m, (looks.y - looks.sensor_y) / range_m
    lon, lat = rounded_place(
        world.space.line.frame,
        looks.x + e_along * ux - e_across * uy + net.bias_x_m[sensor],
        looks.y + e_along * uy + e_across * ux + net.bias_y_m[sensor],
    )
    is_bearing = net.is_bearing_only[sensor]
    is_oval = (across_m > along_m * 1.05) & ~is_bearing
    bears, oval = np.flatnonzero(is_bearing), np.flatnonzero(is_oval)
    declared = net.declared_factor[sensor] * errors.stated
    major = np.maximum(np.round(np.maximum(along_m, across_m) * declared, 1), 1.0)
    minor_m = np.round(np.minimum(along_m[oval], across_m[oval]) * declared[oval], 1)
    aside_deg = BEARING_SIGMA_DEG[kind[bears]] * (e_across[bears] / np.maximum(across_m[bears], 1e-9))
    bearing_seen = bearing[bears] + aside_deg
    lon[bears], lat[bears] = np.nan, np.nan
    track, object_class, affiliation = _judgements(world, pairs, looks, segment)
    moves = REPORTS_MOTION[kind]
    speed, heading = _motion(world, looks, moves)
    heading += 3.0 * rng.standard_normal(n)
    heads = np.flatnonzero(moves & (speed > 0.3))
    return rows(
        sensor=sensor,
        made_s=looks.t,
        time_s=looks.t + net.clock(sensor, looks.t),
        latency_s=LATENCY_S[kind, 0] + rng.uniform(size=n) * (LATENCY_S[kind, 1] - LATENCY_S[kind, 0]),
        kind=np.where(SIGHTS_ONLY[kind], SIGHTING, TRACK),
        lon=lon,
        lat=lat,
        sigma_m=np.where(is_bearing | is_oval, np.nan, major),
        sigma_major_m=_only(n, oval, major[oval]),
        sigma_minor_m=_only(n, oval, np.maximum(minor_m, 1.0)),
        sigma_azimuth_deg=_only(n, oval, np.round((bearing[oval] + 90.0) % 180.0, 1) % 180.0),
        bearing_deg=_only(n, bears, np.round(bearing_seen % 360.0, 2) % 360.0),
        bearing_sigma_deg=_only(n, bears, BEARING_SIGMA_DEG[kind[bears]]),
        object_class=object_class,
        affiliation=affiliation,
        count=np.where((movers.objects[mover] > 1) & ~moves, movers.objects[mover], -1),
        track=np.where(SIGHTS_ONLY[kind], -1, track),
        speed_mps=np.where(moves, np.round(np.abs(speed * (1 + 0.1 * rng.standard_normal(n))), 1), np.nan),
        heading_deg=_only(n, heads, np.round(heading[heads] % 360.0, 0) % 360.0),
        link=mover,
    )


def _only(n: int, at: Indices, values: Reals) -> Reals:
    """A column of `n` rows with `values` in the rows `at`, NaN in the others."""
    column = np.full(n, np.nan)
    column[at] = values
    return column


def _motion(world: World, looks: Looks, is_told: NDArray[np.bool_]) -> tuple[Reals, Reals]:
    """Speed (m/s) and heading (degrees from true north, not wrapped) of objects; 0 where nobody tells them. (n,)."""
    speed, heading = np.zeros(len(looks.t)), np.zeros(len(looks.t))
    told = np.flatnonzero(is_told)
    vx, vy = world.movers.paths.velocity(looks.leg[told])
    speed[told] = np.hypot(vx, vy)
    turn = world.space.azimuth_to_true(looks.x[told], looks.y[told])
    heading[told] = np.degrees(np.arctan2(vx, vy)) + turn
    return speed, heading


def _errors(world: World, rng: np.random.Generator, pairs: Pairs, looks: Looks) -> tuple[Reals, Reals]:
    """Errors along and across in units of sigma: a part that a track's fixes share, the rest white.

    Some sensors have heavier tails than they say, and no sensor's error is quite what it is on paper.
    """
    seed, net, n = world.seed, world.net, len(looks.pair)
    is_wild = net.has_heavy_tail[looks.sensor] & (rng.uniform(size=n) < 0.03)
    size = np.where(is_wild, 4.0, 1.0) * net.error_factor[looks.sensor]
    white = np.sqrt(1.0 - SHARED_BIAS_FRAC**2)
    shared = [
        (SHARED_BIAS_FRAC * normal_field(seed, purpose, pairs.mover, pairs.watch))[looks.pair]
        for purpose in (11, 12)
    ]
    along, across = (size * (own + white * rng.standard_normal(n)) for own in shared)
    return along, across


def _judgements(
    world: World, pairs: Pairs, looks: Looks, segment: Indices
) -> tuple[Indices, Indices, Indices]:
    """Track number, class and affiliation as the sensor judged them for this stretch of the track, (n,) each."""
    is_new = np.ones(len(segment), dtype=bool)
    is_new[1:] = (np.diff(looks.pair) != 0) | (np.diff(segment) != 0)
    which = np.cumsum(is_new) - 1
    begin = np.flatnonzero(is_new)
    track, object_class, affiliation = _judged(world, pairs, looks.pair[begin], segment[begin])
    return track[which], object_class[which], affiliation[which]


def _judged(world: World, pairs: Pairs, pair: Indices, segment: Indices) -> tuple[Indices, Indices, Indices]:
    seed, movers = world.seed, world.movers
    mover, watch, sensor = pairs.mover[pair], pairs.watch[pair], pairs.sensor[pair]
    kind = world.net.type_idx[sensor]
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
