"""What sensors report of jamming: direction finders a bearing, aircraft that they have lost their place."""

from typing import Final

import numpy as np
from numpy.typing import NDArray

from monitoring import schema
from monitoring.simulation.columns import Rows, joined, rows
from monitoring.simulation.sensors import BEARING_SIGMA_DEG, LATENCY_S, MODELS, TYPES
from monitoring.simulation.world import World

Reals = NDArray[np.float64]
Indices = NDArray[np.int64]

JAMMING: Final = schema.KINDS.index("jamming")
FINDER: Final = TYPES.index("rf_direction_finder")
FINDER_RANGE_M: Final = 30_000.0
EVERY_S: Final = 300.0
NOTICE_P: Final = 0.6
"""Chance of a report in each interval in which a sensor is within reach of a jammer."""
LOST_SIGMA_FRAC: Final = 0.5
"""An aircraft knows that a jammer is near: it states its own place with half the disc's radius as error."""
IS_FLYING: Final = np.array([model.is_airborne for model in MODELS])


def observe_jamming(
    world: World, begin_s: float, end_s: float, rng: np.random.Generator
) -> tuple[Rows, Indices, Indices, Reals]:
    """Reports of jamming made in [begin_s, end_s); for truth the disc, sensor type and log(1 - p) of each chance.

    The link of a report is that of its disc: after all movers and firing groups.
    """
    net, discs = world.net, world.jamming
    parts: list[tuple[Indices, Indices, Reals]] = []
    kinds = net.type_idx[net.watch_sensor]
    able = np.flatnonzero(
        (IS_FLYING[kinds] | (kinds == FINDER)) & (net.watch_start_s < end_s) & (net.watch_end_s > begin_s)
    )
    for i in np.flatnonzero((discs.start_s < end_s) & (discs.end_s > begin_s)).tolist():
        first = np.ceil(max(begin_s, discs.start_s[i]) / EVERY_S) * EVERY_S
        t = np.arange(first, min(end_s, discs.end_s[i]), EVERY_S)
        watch, at = np.repeat(able, len(t)), np.tile(t, len(able))
        parts.append((np.full(len(watch), i), watch, at))
    if not parts:
        nothing = np.empty(0, dtype=np.int64)
        return joined([]), nothing, nothing, np.empty(0)
    disc, watch, t = (np.concatenate(column) for column in zip(*parts, strict=True))
    sensor = net.watch_sensor[watch]
    kind = net.type_idx[sensor]
    x, y = net.position(watch, t)
    range_m = np.hypot(x - discs.x[disc], y - discs.y[disc])
    reach = np.where(kind == FINDER, FINDER_RANGE_M, discs.radius_m[disc])
    is_able = (range_m < reach) & (t >= net.watch_start_s[watch]) & (t < net.watch_end_s[watch])
    is_able &= world.outages.power.find(sensor, t) < 0
    chance = np.flatnonzero(is_able)
    hit = chance[rng.uniform(size=len(chance)) < NOTICE_P * net.p_factor[sensor[chance]]]
    batch = _reports(world, rng, disc[hit], sensor[hit], t[hit], x[hit], y[hit])
    log_miss = np.log1p(-NOTICE_P * net.p_factor[sensor[chance]])
    return batch, disc[chance], kind[chance], log_miss


def _reports(
    world: World, rng: np.random.Generator, disc: Indices, sensor: Indices, t: Reals, x: Reals, y: Reals
) -> Rows:
    net, discs = world.net, world.jamming
    kind = net.type_idx[sensor]
    is_bearing = kind == FINDER
    bearing = np.degrees(np.arctan2(discs.x[disc] - x, discs.y[disc] - y)) + world.space.azimuth_to_true(x, y)
    bearing += BEARING_SIGMA_DEG[kind] * rng.standard_normal(len(disc))
    error = rng.standard_normal((2, len(disc))) * 200.0
    lon, lat = world.space.line.frame.inverse(x + error[0], y + error[1])
    latency = LATENCY_S[kind, 0] + rng.uniform(size=len(disc)) * (LATENCY_S[kind, 1] - LATENCY_S[kind, 0])
    return rows(
        sensor=sensor,
        made_s=t,
        time_s=t + net.clock(sensor, t),
        time_end_s=t + EVERY_S,
        latency_s=latency,
        kind=np.full(len(disc), JAMMING),
        lon=np.where(is_bearing, np.nan, np.round(lon, 5)),
        lat=np.where(is_bearing, np.nan, np.round(lat, 5)),
        sigma_m=np.where(is_bearing, np.nan, np.round(discs.radius_m[disc] * LOST_SIGMA_FRAC, -1)),
        bearing_deg=np.where(is_bearing, np.round(bearing % 360.0, 2) % 360.0, np.nan),
        bearing_sigma_deg=np.where(is_bearing, BEARING_SIGMA_DEG[kind], np.nan),
        link=world.movers.count + world.groups.count + disc,
    )
