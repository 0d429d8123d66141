"""What sensors hear and see of fire: each phenomenon by each sensor in range, one window of time at once.

Sound needs about three seconds a kilometre. A sensor whose time is that of arrival says so (`time_basis`
`arrival`) and is late by the travel; others have removed it already, with some error.
"""

from dataclasses import dataclass, fields, replace
from typing import Final

import numpy as np
from numpy.typing import NDArray

from monitoring import schema
from monitoring.simulation.columns import TEXTS, Rows, joined, rows
from monitoring.simulation.randomness import stream
from monitoring.simulation.rounded import rounded_place
from monitoring.simulation.sensors import (
    BEARING_SIGMA_DEG,
    CUT,
    IS_ACOUSTIC,
    LATENCY_S,
    RANGE_M,
    SEES_FIRE,
    SIGMA_FLOOR_M,
    SIGMA_RANGE_FRAC,
    TARGETS,
    TIME_SIGMA_S,
    TYPES,
    detection_probability,
)
from monitoring.simulation.world import World

Reals = NDArray[np.float64]
Indices = NDArray[np.int64]

SOUND_MPS: Final = 340.0
FARTHEST_M: Final = CUT * RANGE_M.max(axis=1)
"""Beyond this no sensor of a type sees or hears anything, shape (types,)."""
NOTHING: Final = TARGETS.index("unknown")
"""A target for which no sensor has a range."""
EXPLOSION, LAUNCH, SHOT, BURST, FLASH, FLARE = (
    schema.KINDS.index(kind) for kind in ("explosion", "launch", "shot", "burst", "muzzle_flash", "flare")
)
OUTGOING, IMPACT, UNDETERMINED = (
    schema.FIRE_DIRECTIONS.index(name) for name in ("outgoing", "impact", "undetermined")
)
LASTING: Final = np.array([schema.KINDS.index("works"), schema.KINDS.index("mine")])
"""Kinds that are there for a while, so that an aircraft may come and see them."""
HUMAN: Final = TYPES.index("human_report")
RADAR: Final = TYPES.index("counter_battery_radar")
FLASH_IR: Final = TYPES.index("muzzle_flash_ir")
BASIS_SOURCE, BASIS_ARRIVAL = 0, 1
CLASS_OF_TARGET: Final = np.array(
    [i if i < len(schema.OBJECT_CLASSES) and i > 3 else -1 for i in range(len(TARGETS))], dtype=np.int64
)


@dataclass(frozen=True)
class Heard:
    """Chances of a sensor to detect a phenomenon, columns of shape (n,)."""

    phenomenon: Indices
    sensor: Indices
    kind: Indices
    range_m: Reals
    bearing_deg: Reals
    sensor_x: Reals
    sensor_y: Reals

    def taken(self, idx: Indices) -> "Heard":
        return Heard(*(getattr(self, column.name)[idx] for column in fields(self)))


TELLS_PROB: Final = 0.8
"""How often an acoustic array tells outgoing from impact; a radar always does."""


def observe_fire(
    world: World, begin_s: float, end_s: float, rng: np.random.Generator
) -> tuple[Rows, Indices, Indices, Indices, Reals, tuple[Indices, Reals, Reals]]:
    """Reports of phenomena in [begin_s, end_s).

    Also for truth: which phenomenon each report is of; the group, sensor type and log(1 - p) of every chance of a
    sensor that can place fire; and the group, chance and error (m) of every one to place a launch and say that it is
    one.
    """
    net, groups = world.net, world.groups
    chances = _chances(world, begin_s, end_s)
    phenomenon, sensor, kind = chances.phenomenon, chances.sensor, chances.kind
    t = groups.time_s[phenomenon]
    factor = world.weather.range_factor(kind, chances.sensor_x, chances.sensor_y, t)
    p = detection_probability(kind, _range_target(world, chances), chances.range_m / factor)
    p *= net.p_factor[sensor]
    off_axis = np.abs((chances.bearing_deg - net.fov_azimuth_deg[sensor] + 180.0) % 360.0 - 180.0)
    is_able = off_axis <= net.fov_width_deg[sensor] / 2
    is_able &= world.outages.power.find(sensor, t) < 0
    p = np.where(is_able, p, 0.0)
    placing = np.flatnonzero((kind != FLASH_IR) & (p > 0))
    hit = np.flatnonzero(rng.uniform(size=len(p)) < p)
    batch, reported = _reports(world, rng, chances.taken(hit))
    log_miss = np.log1p(-np.minimum(p[placing], 0.999))
    at = placing[~groups.is_impact[phenomenon[placing]] & (groups.kind[phenomenon[placing]] == LAUNCH)]
    sigma_m = np.hypot(SIGMA_FLOOR_M[kind[at]], SIGMA_RANGE_FRAC[kind[at]] * chances.range_m[at])
    launches = groups.group[phenomenon[at]], p[at] * np.where(kind[at] == RADAR, 1.0, TELLS_PROB), sigma_m
    return batch, reported, groups.group[phenomenon[placing]], kind[placing], log_miss, launches


def _chances(world: World, begin_s: float, end_s: float) -> Heard:
    """Every phenomenon of the window with every sensor that may be near enough."""
    net, groups = world.net, world.groups
    lo, hi = np.searchsorted(groups.time_s, [begin_s, end_s])
    heard = np.arange(lo, hi)
    sees = SEES_FIRE[net.type_idx[net.watch_sensor]] & (net.type_idx[net.watch_sensor] != HUMAN)
    posts = np.flatnonzero(sees & (net.watch_flight < 0))
    post_x, post_y = net.x[net.watch_sensor[posts]], net.y[net.watch_sensor[posts]]
    dx = groups.phenomenon_x[heard, None] - post_x[None, :]
    dy = groups.phenomenon_y[heard, None] - post_y[None, :]
    farthest_m = FARTHEST_M[net.type_idx[net.watch_sensor[posts]]]
    # Squares first, a little wide: lengths are exact only of the few that may be in reach.
    row, column = np.nonzero(dx * dx + dy * dy < (farthest_m * farthest_m * 1.000_001)[None, :])
    is_near = np.hypot(dx[row, column], dy[row, column]) < farthest_m[column]
    row, column = row[is_near], column[is_near]
    phenomenon, watch = heard[row], posts[column]
    flights = np.flatnonzero(
        sees & (net.watch_flight >= 0) & (net.watch_start_s < end_s) & (net.watch_end_s > begin_s)
    )
    # Aircraft look at what lasts, not at single shots.
    lasting = heard[np.isin(groups.kind[heard], LASTING)]
    flown, flown_by = np.repeat(lasting, len(flights)), np.tile(flights, len(lasting))
    in_air = groups.time_s[flown] >= net.watch_start_s[flown_by]
    in_air &= groups.time_s[flown] < net.watch_end_s[flown_by]
    phenomenon = np.concatenate([phenomenon, flown[in_air]])
    watch = np.concatenate([watch, flown_by[in_air]])
    sensor = net.watch_sensor[watch]
    sensor_x, sensor_y = net.position(watch, groups.time_s[phenomenon])
    dx, dy = groups.phenomenon_x[phenomenon] - sensor_x, groups.phenomenon_y[phenomenon] - sensor_y
    bearing = np.degrees(np.arctan2(dx, dy)) + world.space.azimuth_to_true(sensor_x, sensor_y)
    return Heard(phenomenon, sensor, net.type_idx[sensor], np.hypot(dx, dy), bearing, sensor_x, sensor_y)


def _range_target(world: World, chances: Heard) -> Indices:
    """What decides a sensor's range; -1 where it takes no notice."""
    groups = world.groups
    is_radar = chances.kind == RADAR
    # A radar tracks the projectile of its weapon and reports origin and impact together: at the launch.
    weapon = _weapons(world)[_spec(world, chances.phenomenon)]
    of_radar = np.where(groups.is_impact[chances.phenomenon], NOTHING, weapon)
    return np.where(is_radar, of_radar, groups.target[chances.phenomenon])


def _weapons(world: World) -> Indices:
    return np.array([TARGETS.index(fire.weapon) for fire in world.scenario.fires] or [0], dtype=np.int64)


def _spec(world: World, phenomenon: Indices) -> Indices:
    return world.groups.spec[world.groups.group[phenomenon]]


def _reports(world: World, rng: np.random.Generator, heard: Heard) -> tuple[Rows, Indices]:
    """The reports, and which phenomenon each is of."""
    groups = world.groups
    first = _report(world, rng, heard)
    # A counter-battery radar's second event: where the same round came down.
    impact_of = np.full(int(groups.pair.max(initial=-1)) + 1, -1, dtype=np.int64)
    impacts = np.flatnonzero(groups.is_impact)
    impact_of[groups.pair[impacts]] = impacts
    radar = np.flatnonzero(heard.kind == RADAR)
    landed = impact_of[groups.pair[heard.phenomenon[radar]]]
    second = replace(heard.taken(radar[landed >= 0]), phenomenon=landed[landed >= 0])
    batch = joined([first, _report(world, rng, second)])
    return batch, np.concatenate([heard.phenomenon, second.phenomenon])


def _report(world: World, rng: np.random.Generator, heard: Heard) -> Rows:
    """One report for each phenomenon heard, with errors, as the sensor states them."""
    phenomenon, sensor, kind, range_m = heard.phenomenon, heard.sensor, heard.kind, heard.range_m
    net, groups = world.net, world.groups
    n = len(phenomenon)
    sigma = np.hypot(SIGMA_FLOOR_M[kind], SIGMA_RANGE_FRAC[kind] * range_m)
    tail = (
        np.where(net.has_heavy_tail[sensor] & (rng.uniform(size=n) < 0.03), 4.0, 1.0)
        * net.error_factor[sensor]
    )
    error = rng.standard_normal((2, n)) * (sigma * tail)
    lon, lat = rounded_place(
        world.space.line.frame,
        groups.phenomenon_x[phenomenon] + error[0] + net.bias_x_m[sensor],
        groups.phenomenon_y[phenomenon] + error[1] + net.bias_y_m[sensor],
    )
    is_bearing = kind == FLASH_IR
    lon, lat = np.where(is_bearing, np.nan, lon), np.where(is_bearing, np.nan, lat)
    made = groups.time_s[phenomenon] + np.where(IS_ACOUSTIC[kind], range_m / SOUND_MPS, 0.0)
    is_arrival = net.is_arrival_time[sensor]
    jitter = TIME_SIGMA_S[kind] * rng.standard_normal(n)
    said = np.where(is_arrival, made, groups.time_s[phenomenon]) + jitter
    latency = LATENCY_S[kind, 0] + rng.uniform(size=n) * (LATENCY_S[kind, 1] - LATENCY_S[kind, 0])
    true_kind = groups.kind[phenomenon]
    is_impact = groups.is_impact[phenomenon]
    is_gun = true_kind == LAUNCH
    # An acoustic array hears a launch as an explosion; it tells outgoing from impact four times in five.
    tells = rng.uniform(size=n) < np.where(kind == RADAR, 1.0, TELLS_PROB)
    reported = np.where(is_bearing, FLASH, np.where(is_gun & (kind != RADAR), EXPLOSION, true_kind))
    direction = np.where(is_impact, IMPACT, np.where(is_gun, OUTGOING, UNDETERMINED))
    direction = np.where(tells, direction, UNDETERMINED)
    direction = np.where(np.isin(reported, (EXPLOSION, LAUNCH)), direction, -1)
    calibre = groups.calibre_mm[groups.group[phenomenon]]
    knows_weapon = (kind == RADAR) | (rng.uniform(size=n) < 0.3)
    of_spec = np.array([TARGETS.index(f.weapon) for f in world.scenario.fires], dtype=np.int64)
    weapon = CLASS_OF_TARGET[of_spec[_spec(world, phenomenon)]]
    is_burst = true_kind == BURST
    declared = np.maximum(sigma * net.declared_factor[sensor], 1.0)
    return rows(
        sensor=sensor,
        made_s=made,
        time_s=said + net.clock(sensor, made),
        time_sigma_s=np.round(TIME_SIGMA_S[kind] + np.where(is_arrival, 0.01 * range_m / SOUND_MPS, 0.0), 2),
        time_basis=np.where(IS_ACOUSTIC[kind], np.where(is_arrival, BASIS_ARRIVAL, BASIS_SOURCE), -1),
        latency_s=latency,
        kind=reported,
        lon=lon,
        lat=lat,
        sigma_m=np.where(is_bearing, np.nan, np.round(declared, 1)),
        bearing_deg=np.where(
            is_bearing,
            np.round((heard.bearing_deg + BEARING_SIGMA_DEG[kind] * rng.standard_normal(n)) % 360.0, 2)
            % 360.0,
            np.nan,
        ),
        bearing_sigma_deg=np.where(is_bearing, BEARING_SIGMA_DEG[kind], np.nan),
        object_class=np.where(knows_weapon, weapon, -1),
        direction=direction,
        count=np.where(is_burst, 1, -1),
        rounds=np.where(is_burst, rng.integers(3, 12, n), -1),
        calibre_mm=np.where(knows_weapon, calibre, np.nan),
        group=np.where(kind == RADAR, groups.pair[phenomenon] % 10_000_000, -1),
        confidence=np.round(rng.beta(8.0, 2.0, n), 2),
        link=world.movers.count + groups.group[phenomenon],
    )


def human_reports(world: World) -> tuple[Rows, Indices, Indices, Reals]:
    """Reports by people: one for a whole happening, with a count and a while later. For the whole run at
    once.

    Also for truth: the group, sensor type and log(1 - p) of every chance.
    """
    net, groups, facts = world.net, world.groups, world.fire
    rng = stream(world.seed, "sounds", 1)
    posts = np.flatnonzero(net.type_idx == HUMAN)
    which: list[Indices] = []
    for x, y in ((groups.x, groups.y), (groups.target_x, groups.target_y)):
        range_m = np.hypot(x[:, None] - net.x[None, posts], y[:, None] - net.y[None, posts])
        group, post = np.nonzero(range_m < 12_000.0)
        which.append(np.stack([group, posts[post], np.full(len(group), x is groups.target_x)]))
    group, sensor, is_far = np.concatenate(which, axis=1)
    is_target = is_far.astype(bool)
    x, y = (
        np.where(is_target, groups.target_x[group], groups.x[group]),
        np.where(is_target, groups.target_y[group], groups.y[group]),
    )
    range_m = np.hypot(x - net.x[sensor], y - net.y[sensor])
    weapon = _weapons(world)[groups.spec[group]]
    kind = net.type_idx[sensor]
    # A group all of whose rounds fall behind the end has no start.
    started_s = np.where(groups.rounds[group] > 0, facts.start_s[group], 0.0)
    heard_m = range_m / world.weather.range_factor(kind, net.x[sensor], net.y[sensor], started_s)
    p = detection_probability(kind, np.where(is_target, TARGETS.index("impact"), weapon), heard_m)
    p *= net.p_factor[sensor]
    is_able = (world.outages.power.find(sensor, started_s) < 0) & (groups.rounds[group] > 0)
    p = np.where(is_able, p, 0.0)
    chance = (group[p > 0], kind[p > 0], np.log1p(-np.minimum(p[p > 0], 0.999)))
    hit = np.flatnonzero(rng.uniform(size=len(p)) < p)
    group, sensor, is_target, x, y, range_m, kind = (
        c[hit] for c in (group, sensor, is_target, x, y, range_m, kind)
    )
    n = len(group)
    sigma = np.hypot(SIGMA_FLOOR_M[kind], SIGMA_RANGE_FRAC[kind] * range_m)
    error = rng.standard_normal((2, n)) * sigma
    lon, lat = world.space.line.frame.inverse(x + error[0], y + error[1])
    heard = np.maximum(rng.binomial(groups.rounds[group], 0.85), 1)
    is_many = heard > 10
    kinds = np.array([schema.KINDS.index(f.kind) for f in world.scenario.fires] or [0])[groups.spec[group]]
    reported = np.where(is_target | (kinds == LAUNCH), EXPLOSION, kinds)
    # People round their watches to the minute.
    said_start = np.round((facts.start_s[group] + 20.0 * rng.standard_normal(n)) / 60.0) * 60.0
    said_end = np.maximum(np.round(facts.end_s[group] / 60.0) * 60.0, said_start)
    latency = LATENCY_S[kind, 0] + rng.uniform(size=n) * (LATENCY_S[kind, 1] - LATENCY_S[kind, 0])
    batch = rows(
        sensor=sensor,
        made_s=np.maximum(facts.end_s[group], 0.0),
        time_s=said_start,
        time_end_s=said_end,
        time_sigma_s=np.full(n, 30.0),
        latency_s=latency,
        kind=reported,
        lon=np.round(lon, 4),
        lat=np.round(lat, 4),
        sigma_m=np.round(sigma, -1) + 10.0,
        direction=np.where(reported == EXPLOSION, UNDETERMINED, -1),
        count=np.where(is_many, 10, heard),
        is_minimum=np.where(is_many, 1, -1),
        text=rng.integers(0, len(TEXTS), n),
        confidence=np.round(rng.beta(6.0, 3.0, n), 2),
        link=world.movers.count + group,
    )
    return batch, *chance
