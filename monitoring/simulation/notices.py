"""What the mission was told beforehand: crossing points with their hours, announced works, convoys, exercises."""

from typing import Any, Final

import numpy as np

from monitoring.simulation.activity import CIVILIAN
from monitoring.simulation.hot_stretches import Chainages
from monitoring.simulation.sensors import hand_party
from monitoring.simulation.world import World

POINT_RADIUS_M: Final = 1_000.0
SHORTEST_S: Final = 60.0
"""Nothing is announced for a shorter time, though the run may end right after its beginning."""
MARGIN_M: Final = 500.0


def notices_of(world: World) -> dict[str, Any]:
    """`crossing_points` (place, radius, local hours) and `announced` (actor, kind, party, circle, from, to in ns UTC).

    `contactline notices import` reads it.
    """
    scenario, space = world.scenario, world.space
    chainage = Chainages(world.seed, space, scenario.concentration, scenario.crossing_points.count).points
    lon, lat = space.line.place_at(chainage)
    opens, closes = scenario.crossing_points.hours
    points = [
        {
            "id": f"CP-{i + 1:02d}",
            "lon": round(float(a), 6),
            "lat": round(float(b), 6),
            "radius_m": POINT_RADIUS_M,
            "opens_h": opens,
            "closes_h": closes,
        }
        for i, (a, b) in enumerate(zip(lon, lat, strict=True))
    ]
    announced = [*_movements(world), *_works(world)]
    return {
        "crossing_points": points,
        "announced": [{"id": f"AN-{i + 1:04d}", **notice} for i, notice in enumerate(announced)],
    }


def _movements(world: World) -> list[dict[str, Any]]:
    movers, paths = world.movers, world.movers.paths
    made = []
    for i in range(movers.count):
        spec = world.scenario.movements[movers.spec[i]]
        if not spec.notified:
            continue
        own = slice(int(paths.first[i]), int(paths.last[i]) + 1)
        x, y = float(np.mean(paths.x[own])), float(np.mean(paths.y[own]))
        radius = float(np.hypot(paths.x[own] - x, paths.y[own] - y).max())
        made.append(
            _notice(
                world,
                spec.name,
                "flight" if spec.object_class.startswith("uav_") else "convoy",
                int(movers.hand[i]),
                x,
                y,
                radius,
                paths.start_s[i],
                paths.end_s[i],
            )
        )
    return made


def _works(world: World) -> list[dict[str, Any]]:
    groups, facts = world.groups, world.fire
    return [
        _notice(
            world,
            world.scenario.fires[groups.spec[i]].name,
            "works" if world.scenario.fires[groups.spec[i]].weapon == "digging" else "exercise",
            int(groups.hand[i]),
            float(groups.x[i]),
            float(groups.y[i]),
            3.0 * world.scenario.fires[groups.spec[i]].spread_m,
            facts.start_s[i],
            facts.end_s[i],
        )
        for i in range(groups.count)
        if world.scenario.fires[groups.spec[i]].notified and facts.phenomena[i]
    ]


def _notice(
    world: World,
    name: str,
    kind: str,
    hand: int,
    x: float,
    y: float,
    radius_m: float,
    start_s: float,
    end_s: float,
) -> dict[str, Any]:
    lon, lat = world.space.line.frame.inverse(np.array([x]), np.array([y]))
    return {
        "actor": name,
        "kind": kind,
        "party": "civilian" if hand == CIVILIAN else hand_party(world.space, hand),
        "lon": round(float(lon[0]), 6),
        "lat": round(float(lat[0]), 6),
        "radius_m": round(radius_m + MARGIN_M, 0),
        "from_ns": world.start_ns + round(float(start_s) * 1_000) * 1_000_000,
        "to_ns": world.start_ns + round(max(float(end_s), float(start_s) + SHORTEST_S) * 1_000) * 1_000_000,
    }
