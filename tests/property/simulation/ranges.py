"""A world to shoot in: sensors of every type of the catalogue, each with targets of its own all over its range.

What moves stands still; there is no weather, no outage, no wrong clock: what is left is the type's own figures.
"""

from dataclasses import dataclass, replace
from functools import cache
from typing import Any

import msgspec
import numpy as np
from numpy.typing import NDArray

from geodata.contact_line import packaged_line
from monitoring import schema
from monitoring.simulation import Scenario
from monitoring.simulation.activity import Groups, Movers
from monitoring.simulation.catalogue import CATALOGUE
from monitoring.simulation.paths import Paths
from monitoring.simulation.scenario import Weather
from monitoring.simulation.scenario_file import load_scenario
from monitoring.simulation.sensors import TARGETS, TYPES
from monitoring.simulation.terms import Terms
from monitoring.simulation.truth_facts import fire_facts
from monitoring.simulation.weather import WeatherField
from monitoring.simulation.world import World, build_world
from tests.property.simulation.no_faults import NO_FAULTS

Reals = NDArray[np.float64]
Indices = NDArray[np.int64]
replaced = msgspec.structs.replace
DAY_S = 86_400.0
SEED = 11
MOVERS_EACH, FIRES_EACH = 2, 20
"""Targets of each sensor."""
SEES_MOVERS = tuple(name for name, model in CATALOGUE.items() if model.sees_tracks)
SEES_FIRE = tuple(name for name, model in CATALOGUE.items() if model.sees_fire and name != "human_report")
MOVING = {*schema.OBJECT_CLASSES, "animal"}
WEAPONS = [target for target in TARGETS if target not in ("impact", "animal", "thunder")]


def every_type(**faults: Any) -> Scenario:
    """Posts and aircraft of every type along the whole line, and nobody else; of the faults only those asked for."""
    base = load_scenario("busy-day")
    apart_km = packaged_line().length_m / 1_000 / 14
    post, flight = base.posts[0], base.flights[0]
    return replaced(
        base,
        faults=replaced(NO_FAULTS, **faults),
        jammers=(),
        movements=(),
        fires=(),
        weather=Weather(),
        posts=tuple(
            replaced(post, type=name, spacing_km=apart_km, gap_frac=0.0, hosts=("A", "B"))
            for name, model in CATALOGUE.items()
            if not model.is_airborne
        ),
        flights=tuple(
            replaced(flight, type=name, spacing_km=apart_km)
            for name, model in CATALOGUE.items()
            if model.is_airborne
        ),
    )


@cache
def world_of(**faults: Any) -> World:
    """The world as it is built, aircraft aloft."""
    return build_world(
        every_type(**faults), packaged_line(), SEED, 1_781_454_600_000_000_000, DAY_S, 70_200.0, 1.0, Terms()
    )


@dataclass(frozen=True)
class Around:
    """Targets around sensors, columns of shape (n,): the sensor, the place (m), the target."""

    sensor: Indices
    x: Reals
    y: Reals
    target: Indices


def _around(world: World, types: tuple[str, ...], words: set[str], each: int) -> Around:
    """`each` targets around every sensor of the types, evenly over 1.3 times its range."""
    rng = np.random.default_rng(5)
    sensor, reach, target = [], [], []
    for name in types:
        ranges = {word: r for word, r in CATALOGUE[name].range_m.items() if word in words}
        own = np.repeat(np.flatnonzero(world.net.type_idx == TYPES.index(name)), each)
        chosen = np.arange(len(own)) % len(ranges)
        sensor.append(own)
        reach.append(np.array(list(ranges.values()), dtype=float)[chosen])
        target.append(np.array([TARGETS.index(word) for word in ranges])[chosen])
    at = np.concatenate(sensor)
    away = np.concatenate(reach) * rng.uniform(0.0, 1.3, len(at))
    turn = rng.uniform(0.0, 2 * np.pi, len(at))
    x, y = world.net.x[at] + away * np.cos(turn), world.net.y[at] + away * np.sin(turn)
    return Around(at, x, y, np.concatenate(target))


@cache
def shooting_range(**faults: Any) -> World:
    """The same sensors, standing and looking all round without pause, with what moves and what fires around them."""
    world = world_of(**faults)
    net, count = world.net, world.net.count
    net = replace(
        net,
        fov_width_deg=np.full(count, 360.0),
        error_factor=np.ones(count),
        clock_offset_s=np.zeros(count),
        watch_sensor=np.arange(count),
        watch_flight=np.full(count, -1),
        watch_start_s=np.zeros(count),
        watch_end_s=np.full(count, DAY_S),
    )
    world = replace(world, net=net, weather=WeatherField(SEED, Weather()))
    fires = tuple(replaced(load_scenario("busy-day").fires[0], name=word, weapon=word) for word in WEAPONS)
    world = replace(world, scenario=replaced(world.scenario, fires=fires))
    groups = _groups(_around(world, (*SEES_FIRE, "human_report"), set(TARGETS), FIRES_EACH))
    return replace(
        world,
        movers=_movers(_around(world, SEES_MOVERS, MOVING, MOVERS_EACH)),
        groups=groups,
        fire=fire_facts(world.space, groups, world.terms),
    )


def _movers(around: Around) -> Movers:
    n = len(around.x)
    owner, ones = np.repeat(np.arange(n), 2), np.ones(n, dtype=np.int64)
    still = Paths(
        owner,
        np.tile([0.0, DAY_S], n),
        np.repeat(around.x, 2),
        np.repeat(around.y, 2) + np.tile([0.0, 0.01], n),
        n,
    )
    return Movers(0 * ones, ones, ones, around.target, ones, still)


def _groups(around: Around) -> Groups:
    """A group a target, each of one phenomenon."""
    n = len(around.x)
    number, ones = np.arange(n), np.ones(n, dtype=np.int64)
    is_impact = around.target == TARGETS.index("impact")
    weapon = np.array([WEAPONS.index(word) if word in WEAPONS else 0 for word in TARGETS])[around.target]
    return Groups(
        spec=weapon,
        hand=ones,
        x=around.x,
        y=around.y,
        target_x=np.full(n, np.nan),
        target_y=np.full(n, np.nan),
        rounds=ones,
        calibre_mm=np.full(n, 122.0),
        answers=-ones,
        group=number,
        time_s=np.sort(np.random.default_rng(6).uniform(0.0, 3_600.0, n)),
        phenomenon_x=around.x,
        phenomenon_y=around.y,
        kind=np.full(n, schema.KINDS.index("explosion")),
        is_impact=is_impact,
        target=around.target,
        pair=number,
    )
