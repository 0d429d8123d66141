"""The monitors' unmanned aircraft: their routes, what a battery, a radio link and a fence allow of them.

Each flies along its own stretch of the line, out and back, shift after shift. With `battery_h` it lands by its route
when the battery is empty, stays there for `change_min`, and goes on from there. With `geofence_m` its route is bent
away from the line until no place of it is nearer than that, and cut where no bending helps. With `link_km` what it
makes further from its base than that is kept until it is back within reach.
"""

from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from monitoring.simulation.paths import Paths, below_zero, from_routes
from monitoring.simulation.placement import LineSpace, Plan, placing_surely
from monitoring.simulation.randomness import between
from monitoring.simulation.scenario import Flights

Reals = NDArray[np.float64]
Indices = NDArray[np.int64]

NODES: Final = 17
"""Places that a route is laid through."""
SAMPLE_M: Final = 100.0
"""At least so often a leg's distance from the line is looked at."""
FENCE_MARGIN_M: Final = SAMPLE_M / 2 + 1.0
"""Distance to the line changes by no more than the way flown: samples this far beyond the fence keep the whole leg
beyond it."""
BENDS: Final = 8
"""How often a leg is moved away from the line before it is given up."""
ROUTE_M_MIN: Final = 1_000.0
"""Nobody takes off for less."""
REACH_STEP_S: Final = 10.0


@dataclass(frozen=True)
class Fleet:
    """The aircraft of one kind on one hand: homes (m), shape (a,), and flights.

    Columns of shape (w,), one row a stretch of time aloft: `craft` (position of the home), `flight` (in `paths`),
    `start_s`, `end_s`.
    """

    home_x: Reals
    home_y: Reals
    paths: Paths
    craft: Indices
    flight: Indices
    start_s: Reals
    end_s: Reals
    link_m: float


def plan_fleet(
    rng: np.random.Generator, space: LineSpace, fleet: Flights, hand: int, duration_s: float
) -> Plan[Fleet]:
    """Homes of the aircraft, and all their flights within [0, duration_s]."""
    count = max(round(space.length_m / 1_000 / fleet.spacing_km), 1)
    centre = space.along((np.arange(count) + 0.5 + rng.uniform(-0.3, 0.3, count)) / count)
    left = hand * (between(rng, fleet.offset_km, count) * 1_000 + 2_000.0)
    home_x, home_y = yield from placing_surely(rng, space.length_m, centre, left)
    cycle_s, shift_s = (fleet.shift_h + fleet.pause_h) * 3_600, fleet.shift_h * 3_600
    starts, airframe = [], []
    for i, phase in enumerate(rng.uniform(-shift_s, fleet.pause_h * 3_600, count)):
        times = np.arange(phase, duration_s, cycle_s)
        starts.append(times)
        airframe.append(np.full(len(times), i))
    start_s, craft = np.concatenate(starts), np.concatenate(airframe).astype(np.int64)
    offset = np.maximum(np.abs(hand * between(rng, fleet.offset_km, len(start_s)) * 1_000), 50.0)
    if fleet.geofence_m is None:
        paths = yield from _routes(space, fleet, hand, centre[craft], offset, start_s)
    else:
        paths, flies = yield from _fenced_routes(space, fleet, hand, centre[craft], offset, start_s)
        craft, start_s = craft[flies], start_s[flies]
    flight = np.arange(paths.count)
    if fleet.battery_h is None:
        begin_s, end_s = paths.start_s, np.minimum(paths.end_s, paths.start_s + shift_s)
    else:
        battery_s, change_s = fleet.battery_h * 3_600, fleet.change_min * 60
        paths = with_changes(paths, battery_s, change_s)
        hops = int(np.ceil(shift_s / (battery_s + change_s)))
        flight = np.repeat(flight, hops)
        begin_s = paths.start_s[flight] + np.tile(np.arange(hops), paths.count) * (battery_s + change_s)
        whole_s = np.minimum(paths.end_s, paths.start_s + shift_s)[flight]
        end_s = np.minimum(begin_s + battery_s, whole_s)
        is_flown = end_s > begin_s
        flight, begin_s, end_s = flight[is_flown], begin_s[is_flown], end_s[is_flown]
    link_m = np.inf if fleet.link_km is None else fleet.link_km * 1_000
    begin_s, end_s = np.clip(begin_s, 0.0, duration_s), np.clip(end_s, 0.0, duration_s)
    return Fleet(home_x, home_y, paths, craft[flight], flight, begin_s, end_s, link_m)


def _along(space: LineSpace, fleet: Flights, centre: Reals, part: Reals) -> Reals:
    """Chainages of a route's places at shares 0-1 of it, shape (flights, parts)."""
    half = fleet.route_km * 500
    ends = space.along(np.array([0.0]))[0], space.along(np.array([1.0]))[0]
    return np.clip(centre[:, None] - half + 2 * half * part[None, :], *ends)


def _routes(
    space: LineSpace, fleet: Flights, hand: int, centre: Reals, offset: Reals, start_s: Reals
) -> Plan[Paths]:
    flights = len(start_s)
    legs = max(int(np.ceil(fleet.shift_h * 3_600 * fleet.speed_mps / (fleet.route_km * 1_000))), 1)
    sweep = np.abs((np.arange(legs * (NODES - 1) + 1) / (NODES - 1) + 1.0) % 2.0 - 1.0)
    along = _along(space, fleet, centre, sweep)
    left = np.broadcast_to(hand * offset[:, None], along.shape)
    x, y, _ = yield along.ravel(), left.ravel()
    owner = np.repeat(np.arange(flights), along.shape[1])
    return from_routes(owner, x, y, np.zeros(len(x)), start_s, np.full(flights, fleet.speed_mps))


def _fenced_routes(
    space: LineSpace, fleet: Flights, hand: int, centre: Reals, offset: Reals, start_s: Reals
) -> Plan[tuple[Paths, NDArray[np.bool_]]]:
    """Routes no place of which is nearer to the line than the fence, and which flights have one, (flights,)."""
    least_m = (fleet.geofence_m or 0.0) + FENCE_MARGIN_M
    along = _along(space, fleet, centre, np.linspace(0.0, 1.0, NODES))
    left = np.broadcast_to(np.maximum(offset, least_m)[:, None], along.shape).copy()
    for bend in range(BENDS + 1):
        x, y, _ = yield along.ravel(), hand * left.ravel()
        x, y = x.reshape(along.shape), y.reshape(along.shape)
        lacks = least_m - _nearest(space, hand, x, y)
        if bend == BENDS or not (lacks > 0).any():
            break
        more = np.where(lacks > 0, np.maximum(lacks, SAMPLE_M), 0.0)
        left += np.maximum(np.pad(more, ((0, 0), (0, 1))), np.pad(more, ((0, 0), (1, 0))))
    first, last = _longest_run(lacks <= 0)
    row = np.arange(len(x))
    way = np.cumsum(np.hypot(np.diff(x, axis=1), np.diff(y, axis=1)), axis=1)
    way = np.concatenate([np.zeros((len(x), 1)), way], axis=1)
    length = way[row, last] - way[row, first]
    flies = length >= ROUTE_M_MIN
    first, legs, row = first[flies], (last - first)[flies], row[flies]
    laps = np.ceil(fleet.shift_h * 3_600 * fleet.speed_mps / length[flies]).astype(np.int64)
    count = laps * legs + 1
    owner = np.repeat(np.arange(len(row)), count)
    step = np.arange(len(owner)) - np.repeat(np.cumsum(count) - count, count)
    node = first[owner] + legs[owner] - np.abs(step % (2 * legs[owner]) - legs[owner])
    x, y = x[row[owner], node], y[row[owner], node]
    speed = np.full(len(row), fleet.speed_mps)
    return from_routes(owner, x, y, np.zeros(len(x)), start_s[flies], speed), flies


def _nearest(space: LineSpace, hand: int, x: Reals, y: Reals) -> Reals:
    """How near each leg comes to the line (m, negative beyond it), by samples; shape (flights, nodes - 1)."""
    go_x, go_y = np.diff(x, axis=1).ravel(), np.diff(y, axis=1).ravel()
    count = np.ceil(np.hypot(go_x, go_y) / SAMPLE_M).astype(np.int64) + 1
    leg = np.repeat(np.arange(len(count)), count)
    first = np.cumsum(count) - count
    part = (np.arange(len(leg)) - first[leg]) / np.maximum(count - 1, 1)[leg]
    left = space.left_of(x[:, :-1].ravel()[leg] + part * go_x[leg], y[:, :-1].ravel()[leg] + part * go_y[leg])
    least: Reals = np.minimum.reduceat(hand * left, first).reshape(len(x), -1)
    return least


def _longest_run(is_good: NDArray[np.bool_]) -> tuple[Indices, Indices]:
    """The first and last node of the longest row of good legs; the same one where there is none. (flights,).

    >>> _longest_run(np.array([[True, False, True, True], [False, False, False, False]]))
    (array([2, 0]), array([4, 0]))
    """
    run = np.zeros((len(is_good), is_good.shape[1] + 1), dtype=np.int64)
    for leg in range(is_good.shape[1]):
        run[:, leg + 1] = (run[:, leg] + 1) * is_good[:, leg]
    last = run.argmax(axis=1)
    return last - run.max(axis=1), last


def with_changes(paths: Paths, battery_s: float, change_s: float) -> Paths:
    """The same paths, each interrupted for `change_s` where it is whenever `battery_s` have been flown.

    >>> way = Paths(np.array([0, 0]), np.array([0.0, 10.0]), np.array([0.0, 100.0]), np.zeros(2), 1)
    >>> with_changes(way, 6.0, 2.0).t
    array([ 0.,  6.,  8., 12.])
    """
    lands = np.maximum(np.ceil((paths.end_s - paths.start_s) / battery_s).astype(np.int64) - 1, 0)
    owner = np.repeat(np.arange(paths.count), lands)
    number = np.arange(len(owner)) - np.repeat(np.cumsum(lands) - lands, lands)
    flown_s = (number + 1) * battery_s
    x, y, _, _ = paths.at(owner, paths.start_s[owner] + flown_s)
    own_s = paths.t - paths.start_s[paths.owner]
    before = np.maximum(np.ceil(own_s / battery_s) - 1, 0)
    owners = np.concatenate([paths.owner, owner, owner])
    since = np.concatenate(
        [own_s + before * change_s, flown_s + number * change_s, flown_s + (number + 1) * change_s]
    )
    order = np.lexsort((since, owners))
    owners = owners[order]
    return Paths(
        owners,
        since[order] + paths.start_s[owners],
        np.concatenate([paths.x, x, x])[order],
        np.concatenate([paths.y, y, y])[order],
        paths.count,
    )


def out_of_reach(
    flights: Paths, home_x: Reals, home_y: Reals, link_m: Reals, start_s: Reals, end_s: Reals
) -> tuple[Indices, Reals, Reals]:
    """When flights are further from home than their link reaches: flight, start and end (s), shapes (k,).

    All arguments but `flights` have shape (flights,). One that ends out of reach is brought home straight.
    """
    limited = np.flatnonzero(np.isfinite(link_m) & (end_s > start_s))
    if not len(limited):
        return limited, np.empty(0), np.empty(0)
    count = np.ceil((end_s - start_s)[limited] / REACH_STEP_S).astype(np.int64) + 1
    which = np.repeat(limited, count)
    step = np.arange(len(which)) - np.repeat(np.cumsum(count) - count, count)
    t = np.minimum(start_s[which] + step * REACH_STEP_S, end_s[which])
    x, y, vx, vy = flights.at(which, t)
    spare_m = link_m[which] - np.hypot(x - home_x[which], y - home_y[which])
    flight, begin, end = below_zero(which, t, spare_m)
    last = np.cumsum(count) - 1
    beyond_m, speed = np.zeros(len(start_s)), np.ones(len(start_s))
    beyond_m[limited] = np.maximum(-spare_m[last], 0.0)
    speed[limited] = np.maximum(np.hypot(vx, vy)[last], 1.0)
    return flight, begin, end + np.where(end >= end_s[flight], (beyond_m / speed)[flight], 0.0)
