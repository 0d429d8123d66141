"""Captured sensors: what they report that never was. No event of these has a happening behind it."""

from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from monitoring import schema
from monitoring.simulation.activity import times_of_day
from monitoring.simulation.background import FALSE_LINK, FALSE_TRACK_BASE
from monitoring.simulation.columns import Rows, joined, rows, taken
from monitoring.simulation.randomness import stream
from monitoring.simulation.scenario import Spoof
from monitoring.simulation.sensors import DAY_S, LATENCY_S, TYPES, hand_party, scenario_party
from monitoring.simulation.world import World

Reals = NDArray[np.float64]
Indices = NDArray[np.int64]

TRACK, EXPLOSION = schema.KINDS.index("track"), schema.KINDS.index("explosion")
VEHICLE: Final = schema.OBJECT_CLASSES.index("light_vehicle")
IMPACT: Final = schema.FIRE_DIRECTIONS.index("impact")
FIX_S: Final = 12.0
SPEED_MPS: Final = 8.0
FROM_M: Final = (1_200.0, 2_500.0)
TO_M: Final = (400.0, 1_500.0)
ROUNDS: Final = (4, 12)
ROUND_S: Final = 30.0
ALONG_M: Final = 2_500.0
SIGMA_M: Final = 25.0


@dataclass(frozen=True)
class Deceptions:
    """Captured sensors, columns of shape (k,): which, whose doing (`hand`), by which spoof, first and last lie (s)."""

    spec: Indices
    sensor: Indices
    hand: Indices
    count: Indices
    start_s: Reals
    end_s: Reals


def inventions(world: World) -> tuple[Rows, Deceptions]:
    """Everything captured sensors invent in the run, in order of time, and who is behind it."""
    scenario, space, net = world.scenario, world.space, world.net
    parts: list[Rows] = []
    facts: list[tuple[int, int, int, int, float, float]] = []
    numbered = 0
    for idx, spec in enumerate(scenario.spoofs):
        rng = stream(world.seed, "spoofs", idx)
        for hand in (1, -1):
            if scenario_party(scenario, space, hand) not in spec.parties:
                continue
            posts = np.flatnonzero((net.type_idx == TYPES.index(spec.type)) & (net.hand == hand))
            for sensor in rng.permutation(posts)[: spec.sensors].tolist():
                expected = spec.per_day * world.duration_s / DAY_S
                t = np.sort(times_of_day(rng, spec.hours, expected, world.duration_s, world.local_start_s))
                if not len(t):
                    continue
                parts.append(_invented(world, rng, spec, sensor, hand, t, numbered))
                numbered += len(t)
                facts.append((idx, sensor, hand, len(t), float(t[0]), float(t[-1])))
    batch = joined(parts)
    keep = (batch["made_s"] < world.duration_s) & (
        world.outages.power.find(batch["sensor"], batch["made_s"]) < 0
    )
    batch = taken(batch, np.flatnonzero(keep))
    table = np.array(facts, dtype=np.float64).reshape(-1, 6)
    whole = table[:, :4].astype(np.int64)
    deceptions = Deceptions(whole[:, 0], whole[:, 1], whole[:, 2], whole[:, 3], table[:, 4], table[:, 5])
    return taken(batch, np.argsort(batch["made_s"], kind="stable")), deceptions


def _invented(
    world: World, rng: np.random.Generator, spec: Spoof, sensor: int, hand: int, t: Reals, numbered: int
) -> Rows:
    """Crossings by the other party into this one's side, or its shells coming down there."""
    space, net, n = world.space, world.net, len(t)
    _, _, _, chainage = space.signed(net.x[[sensor]], net.y[[sensor]])
    at = np.clip(chainage + rng.normal(0.0, ALONG_M, n), 0.0, space.length_m)
    begin, end = rng.uniform(*FROM_M, n), rng.uniform(*TO_M, n)
    x0, y0 = space.place_surely(rng, at, -hand * begin)
    x1, y1 = space.towards(x0, y0, end)
    if spec.invents == "crossings":
        lasts = np.hypot(x1 - x0, y1 - y0) / SPEED_MPS
        count = np.maximum((lasts / FIX_S).astype(np.int64), 2)
        every = lasts / count
    else:
        count = rng.integers(ROUNDS[0], ROUNDS[1] + 1, n)
        every = np.full(n, ROUND_S)
    source = np.repeat(np.arange(n), count + 1)
    step = np.arange(len(source)) - np.repeat(np.cumsum(count + 1) - count - 1, count + 1)
    made = t[source] + step * every[source]
    part = step / count[source] if spec.invents == "crossings" else np.ones(len(source))
    error = rng.standard_normal((2, len(source))) * SIGMA_M
    x = x0[source] + part * (x1 - x0)[source] + error[0]
    y = y0[source] + part * (y1 - y0)[source] + error[1]
    lon, lat = space.line.frame.inverse(x, y)
    kind = int(net.type_idx[sensor])
    own = np.full(len(source), sensor)
    is_track = spec.invents == "crossings"
    blamed = schema.AFFILIATIONS.index(hand_party(space, -hand))
    return rows(
        sensor=own,
        made_s=made,
        time_s=made + net.clock(own, made),
        latency_s=np.full(len(source), LATENCY_S[kind, 0]),
        kind=np.full(len(source), TRACK if is_track else EXPLOSION),
        lon=np.round(lon, 6),
        lat=np.round(lat, 6),
        sigma_m=np.full(len(source), SIGMA_M),
        object_class=np.full(len(source), VEHICLE if is_track else -1),
        affiliation=np.full(len(source), blamed if is_track else -1),
        direction=np.full(len(source), -1 if is_track else IMPACT),
        track=FALSE_TRACK_BASE + numbered + source if is_track else np.full(len(source), -1),
        confidence=np.full(len(source), 0.95),
        link=np.full(len(source), FALSE_LINK),
    )
