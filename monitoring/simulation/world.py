"""The whole plan of one simulated run: sensors, activity, true happenings, outages. Made once, then
observed.
"""

from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from geodata.contact_line import ContactLine
from monitoring.simulation.activity import Groups, Movers, plan_fire, plan_movers
from monitoring.simulation.jamming import JammingDiscs, plan_jamming
from monitoring.simulation.paths import Intervals, merged
from monitoring.simulation.placement import LineSpace
from monitoring.simulation.randomness import between, stream
from monitoring.simulation.scenario import Faults, Scenario
from monitoring.simulation.sensors import DAY_S, SensorNet, place_sensors
from monitoring.simulation.terms import Terms
from monitoring.simulation.truth_facts import (
    FLANK_S,
    Episodes,
    FireFacts,
    crossings,
    fire_facts,
    incursions,
    presences,
    sample,
)
from monitoring.simulation.weather import WeatherField

Reals = NDArray[np.float64]
Indices = NDArray[np.int64]

JAMMED_LINK_FRAC: Final = 0.3
"""Share of the sensors inside a jamming disc that lose their link."""


@dataclass(frozen=True)
class World:
    """Everything that is true in one run. Times are seconds since `start_ns`."""

    scenario: Scenario
    space: LineSpace
    seed: int
    start_ns: int
    duration_s: float
    local_start_s: float
    terms: Terms
    net: SensorNet
    movers: Movers
    groups: Groups
    crossings: Episodes
    incursions: Episodes
    presences: Episodes
    crossing_flanks: Intervals
    incursion_flanks: Intervals
    presence_flanks: Intervals
    fire: FireFacts
    power_outages: Intervals
    link_outages: Intervals
    jamming: JammingDiscs
    weather: WeatherField


def build_world(
    scenario: Scenario,
    line: ContactLine,
    seed: int,
    start_ns: int,
    duration_s: float,
    local_start_s: float,
    density: float,
    terms: Terms,
) -> World:
    """Plans a run. `local_start_s` is the local time of day at the start, in seconds."""
    space = LineSpace(line)
    net = place_sensors(scenario, space, seed, duration_s)
    movers = plan_movers(scenario, space, seed, duration_s, local_start_s, density)
    groups = plan_fire(scenario, space, seed, duration_s, local_start_s, density)
    path = sample(space, movers, max(terms.buffer_left_m, terms.buffer_right_m))
    over = crossings(movers, path, terms, duration_s)
    inside = incursions(movers, path, terms, duration_s)
    there = presences(movers, path, terms, duration_s)
    jamming = plan_jamming(scenario, space, seed, duration_s, local_start_s, density)
    power, link = _outages(scenario.faults, space, net, jamming, seed, duration_s)
    return World(
        scenario=scenario,
        space=space,
        seed=seed,
        start_ns=start_ns,
        duration_s=duration_s,
        local_start_s=local_start_s,
        terms=terms,
        net=net,
        movers=movers,
        groups=groups,
        crossings=over,
        incursions=inside,
        presences=there,
        crossing_flanks=_flanks(over),
        incursion_flanks=_flanks(inside),
        presence_flanks=_flanks(there),
        fire=fire_facts(space, groups, terms),
        power_outages=power,
        link_outages=link,
        jamming=jamming,
        weather=WeatherField(seed, scenario.weather),
    )


def _flanks(episodes: Episodes) -> Intervals:
    """The episodes with what is needed before and after; they do not overlap since shorter gaps were
    joined.
    """
    return Intervals(episodes.mover, episodes.start_s - FLANK_S, episodes.end_s + FLANK_S)


def _outages(
    faults: Faults, space: LineSpace, net: SensorNet, jamming: JammingDiscs, seed: int, duration_s: float
) -> tuple[Intervals, Intervals]:
    """When sensors have no power (by themselves, or a whole region), and when no link (or jammed)."""
    rng = stream(seed, "faults", 2)
    power = _spells(rng, net.count, faults.power_outages_per_day, faults.power_outage_h, duration_s)
    region = _regional(stream(seed, "faults", 3), faults, space, net, duration_s)
    power = tuple(np.concatenate(both) for both in zip(power, region, strict=True))  # type: ignore[assignment]  # three of them
    owner, start, end = _spells(rng, net.count, faults.link_outages_per_day, faults.link_outage_h, duration_s)
    for i in range(len(jamming.x)):
        near = np.flatnonzero(np.hypot(net.x - jamming.x[i], net.y - jamming.y[i]) < jamming.radius_m[i])
        cut = near[rng.uniform(size=len(near)) < JAMMED_LINK_FRAC]
        owner = np.concatenate([owner, cut])
        start = np.concatenate([start, np.full(len(cut), jamming.start_s[i])])
        end = np.concatenate([end, np.full(len(cut), jamming.end_s[i])])
    return Intervals(*merged(*power, 60.0)), Intervals(*merged(owner, start, end, 60.0))


def _regional(
    rng: np.random.Generator, faults: Faults, space: LineSpace, net: SensorNet, duration_s: float
) -> tuple[Indices, Reals, Reals]:
    """Outages that take every post within their radius at once: a grid fails, a storm, a cut cable."""
    n = rng.poisson(faults.regional_outages_per_day * duration_s / DAY_S)
    x, y = space.on_line(space.along(rng.uniform(size=n)))
    radius = between(rng, faults.regional_outage_km, n) * 1_000
    start = rng.uniform(0.0, duration_s, n)
    end = start + between(rng, faults.regional_outage_h, n) * 3_600
    is_near = np.hypot(net.x[None, :] - x[:, None], net.y[None, :] - y[:, None]) < radius[:, None]
    region, owner = np.nonzero(is_near)
    return owner, start[region], end[region]


def _spells(
    rng: np.random.Generator, count: int, per_day: float, hours: tuple[float, float], duration_s: float
) -> tuple[Indices, Reals, Reals]:
    """Spells of so many hours, so often a day on average, for each of `count` owners."""
    owner = np.repeat(np.arange(count), rng.poisson(per_day * duration_s / DAY_S, count))
    start = rng.uniform(0.0, duration_s, len(owner))
    return owner, start, start + between(rng, hours, len(owner)) * 3_600
