"""Jammers: whose they are, where, how far they reach and when. Made once, for the whole run."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from monitoring.simulation.activity import expected_count, times_of_day
from monitoring.simulation.hot_stretches import Chainages
from monitoring.simulation.placement import LineSpace
from monitoring.simulation.randomness import between, stream
from monitoring.simulation.scenario import Scenario
from monitoring.simulation.sensors import scenario_party

Reals = NDArray[np.float64]
Indices = NDArray[np.int64]


@dataclass(frozen=True)
class JammingDiscs:
    """Where and when satellite navigation and radio links are jammed; columns of shape (d,).

    `spec` is the position among the scenario's jammers, -1 for interference that nobody planned.
    """

    spec: Indices
    hand: Indices
    x: Reals
    y: Reals
    radius_m: Reals
    start_s: Reals
    end_s: Reals

    def __len__(self) -> int:
        return len(self.x)

    def is_jammed(self, x: Reals, y: Reals, t: Reals) -> NDArray[np.bool_]:
        """Whether each place is inside a disc at its time. Few discs, so one pass each."""
        jammed = np.zeros(len(x), dtype=bool)
        for i in range(len(self.x)):
            near = np.hypot(x - self.x[i], y - self.y[i]) < self.radius_m[i]
            jammed |= near & (t >= self.start_s[i]) & (t < self.end_s[i])
        return jammed


def plan_jamming(
    scenario: Scenario, space: LineSpace, seed: int, duration_s: float, local_start_s: float, density: float
) -> JammingDiscs:
    """All jamming of a run: the parties' jammers, and the interference of unknown origin among the faults."""
    where = Chainages(seed, space, scenario.concentration)
    parts = []
    for idx, spec in enumerate(scenario.jammers):
        rng = stream(seed, "jammers", idx)
        for hand in (1, -1):
            if scenario_party(scenario, space, hand) not in spec.parties:
                continue
            expected = expected_count(spec.per_day_100km, space, duration_s, density)
            start_s = times_of_day(rng, spec.hours, expected, duration_s, local_start_s)
            n = len(start_s)
            left = hand * between(rng, spec.offset_km, n) * 1_000
            x, y = space.place_surely(rng, where.draw(rng, n, spec.is_concentrated), left)
            radius = between(rng, spec.radius_km, n) * 1_000
            end_s = start_s + between(rng, spec.duration_h, n) * 3_600
            parts.append((np.full(n, idx), np.full(n, hand), x, y, radius, start_s, end_s))
    faults = scenario.faults
    rng = stream(seed, "faults", 1)
    n = faults.jamming_discs
    left = rng.uniform(-5_000.0, 5_000.0, n)
    x, y, _ = space.place(space.along(rng.uniform(size=n)), left)
    start = rng.uniform(0.0, duration_s, n)
    radius = between(rng, faults.jamming_radius_km, n) * 1_000
    end = start + between(rng, faults.jamming_h, n) * 3_600
    parts.append((np.full(n, -1), np.where(left >= 0, 1, -1), x, y, radius, start, end))
    spec_idx, hands, *rest = (np.concatenate(column) for column in zip(*parts, strict=True))
    return JammingDiscs(spec_idx.astype(np.int64), hands.astype(np.int64), *rest)
