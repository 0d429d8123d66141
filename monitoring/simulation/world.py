"""The whole plan of one simulated run: sensors, activity, true happenings, outages. Made once, then
observed.
"""

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from geodata.contact_line import ContactLine
from monitoring.simulation.activity import Groups, Movers, plan_fire, plan_movers
from monitoring.simulation.build_ups import BuildUps, build_ups
from monitoring.simulation.jamming import JammingDiscs, plan_jamming
from monitoring.simulation.outages import Outages, plan_outages
from monitoring.simulation.paths import Intervals
from monitoring.simulation.placement import LineSpace, Plan, together
from monitoring.simulation.scenario import Scenario
from monitoring.simulation.sensors import SensorNet, place_sensors
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
    build_ups: BuildUps
    crossing_flanks: Intervals
    incursion_flanks: Intervals
    presence_flanks: Intervals
    fire: FireFacts
    outages: Outages
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
    plans: list[Plan[Any]] = [
        place_sensors(scenario, space, seed, duration_s),
        plan_movers(scenario, space, seed, duration_s, local_start_s, density),
        plan_fire(scenario, space, seed, duration_s, local_start_s, density),
    ]
    net, movers, groups = space.answered(together(plans))
    path = sample(space, movers, max(terms.buffer_left_m, terms.buffer_right_m))
    over = crossings(movers, path, terms, duration_s)
    inside = incursions(movers, path, terms, duration_s)
    there = presences(movers, path, terms, duration_s)
    jamming = plan_jamming(scenario, space, seed, duration_s, local_start_s, density)
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
        build_ups=build_ups(space, movers, terms, duration_s),
        crossing_flanks=_flanks(over),
        incursion_flanks=_flanks(inside),
        presence_flanks=_flanks(there),
        fire=fire_facts(space, groups, terms),
        outages=plan_outages(scenario.faults, space, net, jamming, seed, duration_s),
        jamming=jamming,
        weather=WeatherField(seed, scenario.weather),
    )


def _flanks(episodes: Episodes) -> Intervals:
    """The episodes with what is needed before and after; they do not overlap since shorter gaps were
    joined.
    """
    return Intervals(episodes.mover, episodes.start_s - FLANK_S, episodes.end_s + FLANK_S)
