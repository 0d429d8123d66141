"""Which watch looks at which moving object, when, from where, and what lies between them; one window at once."""

from dataclasses import dataclass, fields
from typing import Final

import numpy as np
from numpy.typing import NDArray

from monitoring.simulation.paths import Paths, spread
from monitoring.simulation.randomness import uniform_field
from monitoring.simulation.sensors import CUT, LOOK_S, RANGE_M, SEES_TRACKS
from monitoring.simulation.world import World

Reals = NDArray[np.float64]
Indices = NDArray[np.int64]

STRIDE: Final = 32
"""So many looks of a pair are left out at once, or looked into one by one."""
PROBES: Final = 7
"""Positions at which a path is probed to bound it within the window."""


@dataclass(frozen=True)
class Pairs:
    """Movers and the watches that they come near, columns of shape (k,)."""

    mover: Indices
    watch: Indices
    sensor: Indices


@dataclass(frozen=True)
class Looks:
    """Looks of watches at movers, columns of shape (n,): where both are, and what lies between them.

    `pair` is the position in `Pairs`, `leg` that of the mover's leg in its paths; a pair's looks follow each other in
    order of time.
    """

    pair: Indices
    sensor: Indices
    t: Reals
    leg: Indices
    x: Reals
    y: Reals
    sensor_x: Reals
    sensor_y: Reals
    range_m: Reals

    def taken(self, idx: Indices) -> "Looks":
        return Looks(*(getattr(self, column.name).take(idx) for column in fields(self)))


def looks_of(world: World, begin_s: float, end_s: float) -> tuple[Pairs, Looks]:
    """Every look in the window at which the object is near enough to be seen at all."""
    net, movers = world.net, world.movers
    mover, watch = _pairs(world, begin_s, end_s)
    pairs = Pairs(mover, watch, net.watch_sensor[watch])
    every = LOOK_S[net.type_idx[pairs.sensor]]
    reach = CUT * RANGE_M[net.type_idx[pairs.sensor], movers.object_class[mover]]
    phase = uniform_field(world.seed, 1, mover, watch) * every
    lo = np.maximum(np.maximum(begin_s, movers.paths.start_s[mover]), net.watch_start_s[watch])
    hi = np.minimum(np.minimum(end_s, movers.paths.end_s[mover]), net.watch_end_s[watch])
    first = np.ceil((lo - phase) / every)
    count = np.maximum(np.ceil((hi - phase) / every) - first, 0).astype(np.int64)
    timed = _Timed(phase, first, every)
    pair, step = _near_steps(world, pairs, timed, count, reach)
    t = timed.at(pair, step)
    leg = movers.paths.leg(mover[pair], t)
    x, y = movers.paths.on_leg(leg, t)
    sensor_x, sensor_y = net.position(watch[pair], t)
    range_m = np.hypot(x - sensor_x, y - sensor_y)
    near = np.flatnonzero(range_m < reach[pair])
    looks = Looks(pair, pairs.sensor[pair], t, leg, x, y, sensor_x, sensor_y, range_m)
    return pairs, looks.taken(near)


@dataclass(frozen=True)
class _Timed:
    """When pairs look, columns of shape (k,): at `phase` (s) and every so often (s) from it, from step `first` on."""

    phase: Reals
    first: Reals
    every: Reals

    def at(self, pair: Indices, step: Indices) -> Reals:
        """Instants (s) of the `step`-th looks of pairs, shape (n,)."""
        return self.phase[pair] + (self.first[pair] + step) * self.every[pair]


def _near_steps(
    world: World, pairs: Pairs, timed: _Timed, count: Indices, reach: Reals
) -> tuple[Indices, Indices]:
    """Looks that may be near enough, as pair and step, both rising: (n,) each. `count`: how many looks a pair has.

    Looks are taken `STRIDE` at a time: whole strides are left out where even at full speed the two are not within
    reach between the first and the last of them.
    """
    net, paths = world.net, world.movers.paths
    strides = -(-count // STRIDE)
    pair, number = spread(strides)
    first = number * STRIDE
    size = np.minimum(count[pair] - first, STRIDE)
    half_s = (size - 1) / 2 * timed.every[pair]
    t = timed.at(pair, first) + half_s
    mover, watch = pairs.mover[pair], pairs.watch[pair]
    x, y = paths.on_leg(paths.leg(mover, t), t)
    sensor_x, sensor_y = net.position(watch, t)
    speed = paths.fastest_mps[mover]
    flies = np.flatnonzero(net.watch_flight[watch] >= 0)
    speed[flies] += net.flights.fastest_mps[net.watch_flight[watch[flies]]]
    way_m = speed * (half_s + 1e-3) + 1.0
    may_be = np.flatnonzero(np.hypot(x - sensor_x, y - sensor_y) < reach[pair] + way_m)
    of, step = spread(size[may_be])
    return pair[may_be][of], first[may_be][of] + step


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


def azimuth_to_true(world: World, pairs: Pairs, looks: Looks) -> Reals:
    """As `LineSpace.azimuth_to_true` of where the sensors are; shape (n,)."""
    net = world.net
    turn = world.space.azimuth_to_true(net.x, net.y)[looks.sensor]
    flies = np.flatnonzero((net.watch_flight[pairs.watch] >= 0)[looks.pair])
    turn[flies] = world.space.azimuth_to_true(looks.sensor_x[flies], looks.sensor_y[flies])
    return turn


def shadow(seed: int, pairs: Pairs, looks: Looks) -> tuple[NDArray[np.bool_], Indices]:
    """Terrain between the two: recurrent gaps of a few minutes per pair, and the number of the visible
    stretch.
    """
    mover, watch, pair = pairs.mover, pairs.watch, looks.pair
    period = 1_200.0 + 3_600.0 * uniform_field(seed, 2, mover, watch)
    gap = np.maximum(600.0 * uniform_field(seed, 3, mover, watch) - 180.0, 0.0)
    offset = period * uniform_field(seed, 4, mover, watch)
    period_s = period[pair]
    cycle = (looks.t + offset[pair] + period_s) / period_s
    whole = np.floor(cycle)
    return (cycle - whole) * period_s < gap[pair], whole.astype(np.int64)
