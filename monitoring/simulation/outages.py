"""What takes sensors out of work, each cause with the sensors that it takes. Made once, for the whole run.

Without power a sensor does nothing. Without its link it goes on, keeps its reports and sends them later (or loses
them, where its type stores nothing).
"""

from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from monitoring.simulation.aircraft import out_of_reach
from monitoring.simulation.jamming import JammingDiscs
from monitoring.simulation.paths import Intervals, merged
from monitoring.simulation.placement import LineSpace
from monitoring.simulation.randomness import between, stream
from monitoring.simulation.scenario import Faults
from monitoring.simulation.sensors import DAY_S, SensorNet

Reals = NDArray[np.float64]
Indices = NDArray[np.int64]
Part = tuple[Indices, Indices, Reals, Reals]
"""Spells with causes of one kind: which of them, sensor, start and end."""

CAUSES: Final = ("post", "region", "link", "jamming", "clock_ahead", "clock_behind")
"""A post's own power, that of a whole region, a post's own link, links inside a jamming disc, and clocks that are
wrong by a whole hour: what a sensor dates an hour ahead is held at the door."""
JAMMED_LINK_FRAC: Final = 0.3
"""Share of the sensors inside a jamming disc that lose their link."""
JOINED_S: Final = 60.0
"""Spells of one sensor with less than this between them are one."""


@dataclass(frozen=True)
class Spells:
    """Spells without power, link or right time, columns of shape (k,): position in `CAUSES`, which of these causes
    (all spells of a region, or a jamming disc, have one number), the sensor, when."""

    cause: Indices
    number: Indices
    sensor: Indices
    start_s: Reals
    end_s: Reals


@dataclass(frozen=True)
class Outages:
    """When sensors have no power, and when no link; `spells` says why. `reach`: when aircraft are too far off for
    theirs, which is no failure."""

    power: Intervals
    link: Intervals
    spells: Spells
    reach: Intervals


def plan_outages(
    faults: Faults, space: LineSpace, net: SensorNet, jamming: JammingDiscs, seed: int, duration_s: float
) -> Outages:
    """All outages of a run. Deterministic in its arguments."""
    rng = stream(seed, "faults", 2)
    own = _spells(rng, net.count, faults.power_outages_per_day, faults.power_outage_h, duration_s)
    region = _regional(stream(seed, "faults", 3), faults, space, net, duration_s)
    link = _spells(rng, net.count, faults.link_outages_per_day, faults.link_outage_h, duration_s)
    cut = _jammed(rng, net, jamming)
    wrong = np.flatnonzero(net.hour_fault_s)
    is_ahead = net.hour_fault_s[wrong] > 0
    parts = [own, region, link, cut, _wrong(net, wrong[is_ahead]), _wrong(net, wrong[~is_ahead])]
    cause = np.repeat(np.arange(len(CAUSES)), [len(part[0]) for part in parts])
    number, sensor, start_s, end_s = (np.concatenate(column) for column in zip(*parts, strict=True))
    spells = Spells(cause, number, sensor, start_s, end_s)
    return Outages(_joined(own, region), _joined(link, cut), spells, _beyond_reach(net))


def _beyond_reach(net: SensorNet) -> Intervals:
    flown = np.flatnonzero(net.watch_flight >= 0)
    flight, craft, count = net.watch_flight[flown], net.watch_sensor[flown], net.flights.count
    home = np.zeros(count, dtype=np.int64)
    start_s, end_s = np.full(count, np.inf), np.full(count, -np.inf)
    home[flight] = craft
    np.minimum.at(start_s, flight, net.watch_start_s[flown])
    np.maximum.at(end_s, flight, net.watch_end_s[flown])
    flight, begin, end = out_of_reach(
        net.flights,
        net.x[home],
        net.y[home],
        np.where(np.isfinite(start_s), net.link_m[home], np.inf),
        start_s,
        end_s,
    )
    return Intervals(*merged(home[flight], begin, end, 0.0))


def _joined(*parts: Part) -> Intervals:
    _, owner, start_s, end_s = (np.concatenate(column) for column in zip(*parts, strict=True))
    return Intervals(*merged(owner, start_s, end_s, JOINED_S))


def _wrong(net: SensorNet, sensor: Indices) -> Part:
    return np.arange(len(sensor)), sensor, net.hour_fault_from_s[sensor], net.hour_fault_to_s[sensor]


def _jammed(rng: np.random.Generator, net: SensorNet, jamming: JammingDiscs) -> Part:
    nothing = np.empty(0, dtype=np.int64)
    number, owner = [nothing], [nothing]
    for i in range(len(jamming.x)):
        near = np.flatnonzero(np.hypot(net.x - jamming.x[i], net.y - jamming.y[i]) < jamming.radius_m[i])
        owner.append(near[rng.uniform(size=len(near)) < JAMMED_LINK_FRAC])
        number.append(np.full(len(owner[-1]), i))
    disc = np.concatenate(number)
    return disc, np.concatenate(owner), jamming.start_s[disc], jamming.end_s[disc]


def _regional(
    rng: np.random.Generator, faults: Faults, space: LineSpace, net: SensorNet, duration_s: float
) -> Part:
    """Outages that take every post within their radius at once: a grid fails, a storm, a cut cable."""
    n = rng.poisson(faults.regional_outages_per_day * duration_s / DAY_S)
    x, y = space.on_line(space.along(rng.uniform(size=n)))
    radius = between(rng, faults.regional_outage_km, n) * 1_000
    start = rng.uniform(0.0, duration_s, n)
    end = start + between(rng, faults.regional_outage_h, n) * 3_600
    is_near = np.hypot(net.x[None, :] - x[:, None], net.y[None, :] - y[:, None]) < radius[:, None]
    region, owner = np.nonzero(is_near)
    return region, owner, start[region], end[region]


def _spells(
    rng: np.random.Generator, count: int, per_day: float, hours: tuple[float, float], duration_s: float
) -> Part:
    """Spells of so many hours, so often a day on average, for each of `count` owners; each is its own cause."""
    owner = np.repeat(np.arange(count), rng.poisson(per_day * duration_s / DAY_S, count))
    start = rng.uniform(0.0, duration_s, len(owner))
    return np.arange(len(owner)), owner, start, start + between(rng, hours, len(owner)) * 3_600
