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
from monitoring.simulation.placement import LineSpace
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
    TYPES,
    detection_probability,
    hand_party,
)
from monitoring.simulation.world import World

Reals = NDArray[np.float64]
Indices = NDArray[np.int64]

PROBES: Final = 7
"""Positions at which a path is probed to bound it within the window."""
TRACK: Final = schema.KINDS.index("track")
SIGHTING: Final = schema.KINDS.index("sighting")
UNKNOWN_CLASS: Final = schema.OBJECT_CLASSES.index("unknown")
UNKNOWN_AFFILIATION: Final = schema.AFFILIATIONS.index("unknown")
REPORTS_MOTION: Final = np.array([name in ("ground_radar", "uav_sar_gmti") for name in TYPES])
SIGHTS_ONLY: Final = np.array([name in ("geophone", "magnetic") for name in TYPES])
SHARED_BIAS_FRAC: Final = 0.5
"""Share of a track's error (as standard deviation) that all its fixes have in common."""
TRACK_SCRAMBLE: Final = 611_953
"""Prime to 900,000: numbers a sensor's tracks so that they are unique and do not name the object."""


@dataclass(frozen=True)
class Seen:
    """For truth: per look near an episode its position, watch, whether inside, log(1 - p) and sigma (m)."""

    episode: Indices
    watch: Indices
    is_inside: NDArray[np.bool_]
    log_miss: Reals
    sigma_m: Reals


def observe_movers(world: World, begin_s: float, end_s: float, rng: np.random.Generator) -> tuple[Rows, Seen, Seen]:
    """Fixes made in [begin_s, end_s), and what of crossings and of incursions could be seen."""
    net, movers, seed = world.net, world.movers, world.seed
    mover, watch = _pairs(world, begin_s, end_s)
    sensor = net.watch_sensor[watch]
    kind = net.type_idx[sensor]
    every = LOOK_S[kind]
    phase = uniform_field(seed, 1, mover, watch) * every
    lo = np.maximum(np.maximum(begin_s, movers.paths.start_s[mover]), net.watch_start_s[watch])
    hi = np.minimum(np.minimum(end_s, movers.paths.end_s[mover]), net.watch_end_s[watch])
    first = np.ceil((lo - phase) / every)
    count = np.maximum(np.ceil((hi - phase) / every) - first, 0).astype(np.int64)
    pair = np.repeat(np.arange(len(mover)), count)
    step = np.arange(len(pair)) - np.repeat(np.cumsum(count) - count, count)
    t = phase[pair] + (first[pair] + step) * every[pair]
    mover, watch = mover[pair], watch[pair]
    x, y, vx, vy = movers.paths.at(mover, t)
    sx, sy = net.position(watch, t)
    dx, dy = x - sx, y - sy
    range_m = np.hypot(dx, dy)
    near = range_m < CUT * RANGE_M[net.type_idx[net.watch_sensor[watch]], movers.object_class[mover]]
    idx = np.flatnonzero(near)
    mover, watch, t, x, y, vx, vy, dx, dy, range_m = (
        c[idx] for c in (mover, watch, t, x, y, vx, vy, dx, dy, range_m)
    )
    sx, sy, sensor = sx[idx], sy[idx], net.watch_sensor[watch]
    kind = net.type_idx[sensor]
    bearing = np.degrees(np.arctan2(dx, dy)) + world.space.azimuth_to_true(sx, sy)
    shadow, segment = _shadow(seed, mover, watch, t)
    off_axis = np.abs((bearing - net.fov_azimuth_deg[sensor] + 180.0) % 360.0 - 180.0)
    is_able = ~shadow & ((off_axis <= net.fov_width_deg[sensor] / 2) | (net.watch_flight[watch] >= 0))
    is_able &= world.power_outages.find(sensor, t) < 0
    p = np.where(is_able, detection_probability(kind, movers.object_class[mover], range_m), 0.0)
    along_m, across_m = _true_sigmas(world, sensor, kind, range_m, sx, sy, t)
    places = ~net.is_bearing_only[sensor] & ~SIGHTS_ONLY[kind]
    sigma = np.maximum(along_m, across_m)
    seen = tuple(
        _seen(flanks, mover[places], watch[places], t[places], p[places], sigma[places])
        for flanks in (world.crossing_flanks, world.incursion_flanks)
    )
    hit = np.flatnonzero(rng.uniform(size=len(p)) < p)
    batch = _fixes(
        world, rng, mover[hit], watch[hit], t[hit], x[hit], y[hit], vx[hit], vy[hit], bearing[hit], segment[hit],
        along_m[hit], across_m[hit], dx[hit], dy[hit], range_m[hit],
    )  # fmt: skip
    return batch, seen[0], seen[1]


def _pairs(world: World, begin_s: float, end_s: float) -> tuple[Indices, Indices]:
    """Movers and watches whose bounding circles in the window come within range of each other."""
    net, paths = world.net, world.movers.paths
    active = np.flatnonzero((paths.start_s < end_s) & (paths.end_s > begin_s)) if paths.count else np.empty(0, dtype=int)
    watches = np.flatnonzero(
        (net.watch_start_s < end_s) & (net.watch_end_s > begin_s) & SEES_TRACKS[net.type_idx[net.watch_sensor]]
    )
    mx, my, m_radius = _circles(
        active, np.maximum(begin_s, paths.start_s[active]), np.minimum(end_s, paths.end_s[active]), world.movers.paths
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


def _circles(owner: Indices, lo: Reals, hi: Reals, paths: object) -> tuple[Reals, Reals, Reals]:
    part = np.linspace(0.0, 1.0, PROBES)
    t = lo[:, None] + (hi - lo)[:, None] * part[None, :]
    x, y, vx, vy = paths.at(np.repeat(owner, PROBES), t.ravel())  # type: ignore[attr-defined]  # Paths
    x, y = x.reshape(-1, PROBES), y.reshape(-1, PROBES)
    speed = np.hypot(vx, vy).reshape(-1, PROBES).max(axis=1, initial=0.0)
    cx, cy = (x.min(axis=1) + x.max(axis=1)) / 2, (y.min(axis=1) + y.max(axis=1)) / 2
    radius = np.hypot(x - cx[:, None], y - cy[:, None]).max(axis=1, initial=0.0)
    return cx, cy, radius + speed * (hi - lo) / (PROBES - 1)


def _shadow(seed: int, mover: Indices, watch: Indices, t: Reals) -> tuple[NDArray[np.bool_], Indices]:
    """Terrain between the two: recurrent gaps of a few minutes per pair, and the number of the visible stretch."""
    period = 1_200.0 + 3_600.0 * uniform_field(seed, 2, mover, watch)
    gap = np.maximum(600.0 * uniform_field(seed, 3, mover, watch) - 180.0, 0.0)
    cycle = (t + period * uniform_field(seed, 4, mover, watch) + period) / period
    whole = np.floor(cycle)
    return (cycle - whole) * period < gap, whole.astype(np.int64)


def _true_sigmas(
    world: World, sensor: Indices, kind: Indices, range_m: Reals, sx: Reals, sy: Reals, t: Reals
) -> tuple[Reals, Reals]:
    """Standard deviation along the line of sight and across it (m)."""
    along = np.hypot(SIGMA_FLOOR_M[kind], SIGMA_RANGE_FRAC[kind] * range_m)
    across = np.maximum(along, range_m * np.radians(BEARING_SIGMA_DEG[kind]))
    flying = np.flatnonzero(world.net.fov_width_deg[sensor] >= 360.0)
    if len(world.jamming.x) and len(flying):
        jammed = flying[world.jamming.is_jammed(sx[flying], sy[flying], t[flying])]
        is_drone = np.char.startswith(np.array(TYPES), "uav_")[kind[jammed]]
        along[jammed[is_drone]] *= 8.0
        across[jammed[is_drone]] *= 8.0
    return along, across


def _seen(flanks: Intervals, mover: Indices, watch: Indices, t: Reals, p: Reals, sigma: Reals) -> Seen:
    at = flanks.find(mover, t)
    idx = np.flatnonzero((at >= 0) & (p > 0))
    episode = at[idx]
    inside = (t[idx] >= flanks.start_s[episode] + 300.0) & (t[idx] < flanks.end_s[episode] - 300.0)
    return Seen(episode, watch[idx], inside, np.log1p(-np.minimum(p[idx], 0.999)), sigma[idx])


def _fixes(
    world: World, rng: np.random.Generator, mover: Indices, watch: Indices, t: Reals, x: Reals, y: Reals, vx: Reals,
    vy: Reals, bearing: Reals, segment: Indices, along_m: Reals, across_m: Reals, dx: Reals, dy: Reals, range_m: Reals,
) -> Rows:  # fmt: skip
    net, movers, seed = world.net, world.movers, world.seed
    sensor = net.watch_sensor[watch]
    kind = net.type_idx[sensor]
    n = len(mover)
    # A track's fixes share part of their error; the rest is white, with heavier tails in some sensors.
    white = np.sqrt(1.0 - SHARED_BIAS_FRAC**2)
    tail = np.where(net.has_heavy_tail[sensor] & (rng.uniform(size=n) < 0.03), 4.0, 1.0) * net.error_factor[sensor]
    e_along = SHARED_BIAS_FRAC * normal_field(seed, 11, mover, watch) + white * rng.standard_normal(n)
    e_across = SHARED_BIAS_FRAC * normal_field(seed, 12, mover, watch) + white * rng.standard_normal(n)
    e_along, e_across = e_along * along_m * tail, e_across * across_m * tail
    safe = np.maximum(range_m, 1.0)
    ux, uy = dx / safe, dy / safe
    seen_x = x + e_along * ux - e_across * uy + net.bias_x_m[sensor]
    seen_y = y + e_along * uy + e_across * ux + net.bias_y_m[sensor]
    lon, lat = world.space.line.frame.inverse(seen_x, seen_y)
    declared = net.declared_factor[sensor]
    is_bearing = net.is_bearing_only[sensor]
    is_round = (across_m <= along_m * 1.05) | is_bearing
    major, minor = np.maximum(along_m, across_m) * declared, np.minimum(along_m, across_m) * declared
    bearing_seen = bearing + np.degrees(e_across / np.maximum(safe, 50.0))
    track, object_class, affiliation = _judgement(world, mover, watch, sensor, kind, segment)
    speed = np.hypot(vx, vy)
    moves = REPORTS_MOTION[kind]
    heading = np.degrees(np.arctan2(vx, vy)) + world.space.azimuth_to_true(x, y) + 3.0 * rng.standard_normal(n)
    latency = LATENCY_S[kind, 0] + rng.uniform(size=n) * (LATENCY_S[kind, 1] - LATENCY_S[kind, 0])
    lon, lat = np.round(lon, 6), np.round(lat, 6)
    flies = net.watch_flight[watch] >= 0
    lon[is_bearing], lat[is_bearing] = np.nan, np.nan
    batch = rows(
        sensor=sensor,
        made_s=t,
        time_s=t + net.clock_offset_s[sensor] + net.clock_drift[sensor] * t,
        latency_s=latency,
        kind=np.where(SIGHTS_ONLY[kind], SIGHTING, TRACK),
        lon=lon,
        lat=lat,
        sigma_m=np.where(is_round & ~is_bearing, np.maximum(np.round(major, 1), 1.0), np.nan),
        sigma_major_m=np.where(is_round, np.nan, np.maximum(np.round(major, 1), 1.0)),
        sigma_minor_m=np.where(is_round, np.nan, np.maximum(np.round(minor, 1), 1.0)),
        sigma_azimuth_deg=np.where(is_round, np.nan, np.round((bearing + 90.0) % 180.0, 1) % 180.0),
        bearing_deg=np.where(is_bearing, np.round(bearing_seen % 360.0, 2) % 360.0, np.nan),
        bearing_sigma_deg=np.where(is_bearing, np.maximum(BEARING_SIGMA_DEG[kind], 0.05), np.nan),
        object_class=object_class,
        affiliation=affiliation,
        count=np.where((movers.objects[mover] > 1) & ~moves, movers.objects[mover], -1),
        track=np.where(SIGHTS_ONLY[kind], -1, track),
        speed_mps=np.where(moves, np.round(np.abs(speed * (1 + 0.1 * rng.standard_normal(n))), 1), np.nan),
        heading_deg=np.where(moves & (speed > 0.3), np.round(heading % 360.0, 0) % 360.0, np.nan),
        link=mover,
    )
    carried = np.flatnonzero(flies & is_bearing)
    if len(carried):
        batch |= _own_positions(world.space, net.position(watch, t), carried)
    return batch


def _own_positions(space: LineSpace, position: tuple[Reals, Reals], idx: Indices) -> Rows:
    """Where an aircraft was when it reported a bearing."""
    lon, lat = space.line.frame.inverse(*position)
    sensor_lon, sensor_lat = np.full(len(lon), np.nan), np.full(len(lon), np.nan)
    sensor_lon[idx], sensor_lat[idx] = np.round(lon[idx], 6), np.round(lat[idx], 6)
    return rows(sensor_lon=sensor_lon, sensor_lat=sensor_lat)


def _judgement(
    world: World, mover: Indices, watch: Indices, sensor: Indices, kind: Indices, segment: Indices
) -> tuple[Indices, Indices, Indices]:
    """Track number, class and affiliation as the sensor judged them for this stretch of the track."""
    seed, movers = world.seed, world.movers
    salt = np.floor(uniform_field(seed, 20, sensor, np.zeros(len(sensor), dtype=np.int64)) * 1e6).astype(np.int64)
    track = ((mover * TRACK_SCRAMBLE + salt) % 900_000) * 100 + segment % 100
    knows = uniform_field(seed, 21, mover, watch * 128 + segment % 128)
    object_class = np.where(knows < CLASS_KNOWN_FRAC[kind], movers.object_class[mover], UNKNOWN_CLASS)
    hand = movers.hand[mover]
    left = schema.AFFILIATIONS.index(hand_party(world.space, 1))
    right = schema.AFFILIATIONS.index(hand_party(world.space, -1))
    civilian = schema.AFFILIATIONS.index("civilian")
    true = np.where(hand == CIVILIAN, civilian, np.where(hand > 0, left, right))
    whose = uniform_field(seed, 22, mover, watch * 128 + segment % 128)
    affiliation = np.where(whose < AFFILIATION_KNOWN_FRAC[kind], true, UNKNOWN_AFFILIATION)
    return track, object_class, affiliation
