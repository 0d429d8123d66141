"""What sensors send without cause: heartbeats, and false alarms."""

from typing import Final

import numpy as np
from numpy.typing import NDArray

from monitoring import schema
from monitoring.simulation.columns import Rows, rows, taken
from monitoring.simulation.randomness import between, stream
from monitoring.simulation.rounded import rounded_place
from monitoring.simulation.sensors import (
    BEARING_SIGMA_DEG,
    DAY_S,
    LATENCY_S,
    MODELS,
    RANGE_M,
    TYPES,
    health_reports,
)
from monitoring.simulation.world import World

Indices = NDArray[np.int64]
Reals = NDArray[np.float64]

STATUS_LINK: Final = -2
FALSE_LINK: Final = -1
HEARTBEAT: Final = schema.KINDS.index("heartbeat")
TRACK: Final = schema.KINDS.index("track")
SIGHTING: Final = schema.KINDS.index("sighting")
FLASH: Final = schema.KINDS.index("muzzle_flash")
UNKNOWN_CLASS: Final = schema.OBJECT_CLASSES.index("unknown")
RADAR: Final = TYPES.index("ground_radar")
FALSE_TRACK_ENDS_P: Final = 0.5
FALSE_TRACK_FIXES_MOST: Final = 8
FALSE_TRACK_BASE: Final = 90_000_000
"""Tracks of nothing are numbered above those of objects (which stay under 10**8 by their scrambled number).
"""


def heartbeats(world: World, begin_s: float, end_s: float) -> Rows:
    """One report of health per watch and interval, with reach and field of view. No draw."""
    net = world.net
    phase, every = health_reports(net)
    lo, hi = np.maximum(begin_s, net.watch_start_s), np.minimum(end_s, net.watch_end_s)
    first = np.ceil((lo - phase) / every)
    count = np.maximum(np.ceil((hi - phase) / every) - first, 0).astype(np.int64)
    watch = np.repeat(np.arange(len(every)), count)
    step = np.arange(len(watch)) - np.repeat(np.cumsum(count) - count, count)
    t = phase[watch] + (first[watch] + step) * every[watch]
    sensor = net.watch_sensor[watch]
    on = np.flatnonzero(world.outages.power.find(sensor, t) < 0)
    watch, t, sensor = watch[on], t[on], sensor[on]
    kind = net.type_idx[sensor]
    x, y = net.position(watch, t)
    lon, lat = rounded_place(world.space.line.frame, x, y)
    flies = net.watch_flight[watch] >= 0
    is_wide = net.fov_width_deg[sensor] >= 360.0
    return rows(
        sensor=sensor,
        made_s=t,
        time_s=t + net.clock(sensor, t),
        latency_s=np.full(len(t), 1.0),
        kind=np.full(len(t), HEARTBEAT),
        sensor_lon=np.where(flies, lon, np.nan),
        sensor_lat=np.where(flies, lat, np.nan),
        reach_m=RANGE_M.max(axis=1)[kind],
        fov_azimuth_deg=np.where(is_wide, np.nan, net.fov_azimuth_deg[sensor]),
        fov_width_deg=np.where(is_wide, np.nan, net.fov_width_deg[sensor]),
        clock_offset_s_min=np.full(len(t), -0.05),
        clock_offset_s_max=np.full(len(t), 0.05),
        link=np.full(len(t), STATUS_LINK),
    )


def false_alarms(world: World) -> Rows:
    """Every false alarm of the run, in order of time: Poisson by type, anywhere in range."""
    net = world.net
    rng = stream(world.seed, "false")
    kind = net.type_idx[net.watch_sensor]
    rate = np.array([m.false_alarms_per_day if m.false_kind else 0.0 for m in MODELS])[kind]
    lasts = net.watch_end_s - net.watch_start_s
    count = rng.poisson(rate * np.maximum(lasts, 0.0) / DAY_S * world.scenario.faults.false_alarm_factor)
    watch = np.repeat(np.arange(len(kind)), count)
    t = net.watch_start_s[watch] + rng.uniform(size=len(watch)) * lasts[watch]
    babble_watch, babble_t = _babble(world)
    watch, t = np.concatenate([watch, babble_watch]), np.concatenate([t, babble_t])
    n = len(watch)
    sensor = net.watch_sensor[watch]
    kind = net.type_idx[sensor]
    says = np.array([m.false_kind for m in MODELS])[kind]
    x, y = net.position(watch, t)
    reach = 0.8 * np.array([np.median(r[r > 0]) if (r > 0).any() else 0.0 for r in RANGE_M])[kind]
    half = np.minimum(net.fov_width_deg[sensor], 360.0) / 2
    bearing = net.fov_azimuth_deg[sensor] + rng.uniform(-1.0, 1.0, n) * half
    grid = np.radians(bearing - world.space.azimuth_to_true(x, y))
    away = reach * np.sqrt(rng.uniform(size=n))
    x, y = x + away * np.sin(grid), y + away * np.cos(grid)
    drift = rng.normal(0.0, 2.0, (2, n))
    # Clutter seldom lasts: half of what a radar takes for an object is seen once, few for half a minute.
    fixes = np.where(
        says == "track", np.minimum(rng.geometric(FALSE_TRACK_ENDS_P, n), FALSE_TRACK_FIXES_MOST), 1
    )
    source = np.repeat(np.arange(n), fixes)
    step = np.arange(len(source)) - np.repeat(np.cumsum(fixes) - fixes, fixes)
    made = t[source] + 12.0 * step
    sigma = np.array([max(m.sigma_floor_m, m.sigma_range_frac * 5_000, 20.0) for m in MODELS])[kind[source]]
    wander = rng.standard_normal((2, len(source))) * sigma
    lon, lat = rounded_place(
        world.space.line.frame,
        x[source] + drift[0][source] * 12.0 * step + wander[0],
        y[source] + drift[1][source] * 12.0 * step + wander[1],
    )
    said = says[source]
    is_bearing, is_track = said == "bearing", said == "track"
    named = np.array(
        [TRACK if k in ("track", "bearing", "") else schema.KINDS.index(k) for k in said], dtype=np.int64
    )
    hears_fire = np.array([m.sees_fire for m in MODELS])[kind[source]]
    named = np.where(is_bearing & hears_fire, FLASH, named)
    bears = BEARING_SIGMA_DEG[kind[source]]
    batch = rows(
        sensor=sensor[source],
        made_s=made,
        time_s=made + net.clock(sensor[source], made),
        latency_s=LATENCY_S[kind[source], 1],
        kind=named,
        lon=np.where(is_bearing, np.nan, lon),
        lat=np.where(is_bearing, np.nan, lat),
        sigma_m=np.where(is_bearing, np.nan, np.round(sigma, 1)),
        bearing_deg=np.where(is_bearing, np.round(bearing[source] % 360.0, 2) % 360.0, np.nan),
        bearing_sigma_deg=np.where(is_bearing, np.maximum(bears, 0.05), np.nan),
        object_class=np.where(is_track, UNKNOWN_CLASS, -1),
        track=np.where(named == TRACK, 100_000_000 - 1 - source % (100_000_000 - FALSE_TRACK_BASE), -1),
        confidence=np.where(hears_fire, np.round(rng.beta(2.0, 5.0, n)[source], 2), np.nan),
        link=np.full(len(source), FALSE_LINK),
    )
    on = (world.outages.power.find(batch["sensor"], made) < 0) & (made < world.duration_s)
    batch = taken(batch, on)
    return taken(batch, np.argsort(batch["made_s"], kind="stable"))


def _babble(world: World) -> tuple[Indices, Reals]:
    """Watches of radars that have gone wrong, once for each false alarm they utter, and when."""
    faults, net = world.scenario.faults, world.net
    rng = stream(world.seed, "false", 1)
    radars = np.flatnonzero((net.type_idx[net.watch_sensor] == RADAR) & (net.watch_flight < 0))
    chosen = rng.permutation(radars)[: faults.babbling_sensors]
    begin = rng.uniform(0.0, 0.8 * world.duration_s, len(chosen))
    lasts = between(rng, faults.babble_h, len(chosen)) * 3_600
    watch = np.repeat(chosen, (lasts * faults.babble_per_s).astype(np.int64))
    which = np.repeat(np.arange(len(chosen)), (lasts * faults.babble_per_s).astype(np.int64))
    return watch, begin[which] + rng.uniform(size=len(watch)) * lasts[which]


def within(batch: Rows, begin_s: float, end_s: float) -> Rows:
    """The rows of a batch in order of time that were made in [begin_s, end_s)."""
    lo, hi = np.searchsorted(batch["made_s"], [begin_s, end_s])
    return {name: column[lo:hi] for name, column in batch.items()}
