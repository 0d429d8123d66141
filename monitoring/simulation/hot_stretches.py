"""Where along the line things are placed: evenly, or mostly on a few hot stretches."""

from typing import Final

import numpy as np
from numpy.typing import NDArray

from monitoring.simulation.placement import LineSpace
from monitoring.simulation.randomness import stream
from monitoring.simulation.scenario import Concentration

Reals = NDArray[np.float64]

BINS: Final = 512


class Chainages:
    """Turns shares 0-1 into chainages: of the line's length, or of its activity."""

    def __init__(self, seed: int, space: LineSpace, concentration: Concentration, points: int = 0) -> None:
        rng = stream(seed, "hot")
        weight = np.ones(BINS)
        width = concentration.length_km * 1_000 / space.length_m
        at = (np.arange(BINS) + 0.5) / BINS
        for centre in rng.uniform(width / 2, max(1 - width / 2, width / 2), concentration.stretches):
            weight[np.abs(at - centre) <= width / 2] = concentration.weight
        self._cumulative = np.concatenate([[0.0], np.cumsum(weight) / weight.sum()])
        self._edges = np.linspace(0.0, 1.0, BINS + 1)
        self._space = space
        points_rng = stream(seed, "points")
        self.points = space.along(
            np.sort((np.arange(points) + points_rng.uniform(0.1, 0.9, points)) / max(points, 1))
        )
        """Chainages (m) of the crossing points, shape (points,)."""

    def at(self, frac: Reals, is_concentrated: bool) -> Reals:
        """Chainages (m) of shares, shape (n,); concentrated ones are close together where it is hot."""
        return self._space.along(np.interp(frac, self._cumulative, self._edges) if is_concentrated else frac)

    def draw_point(self, rng: np.random.Generator, n: int) -> Reals:
        """Chainages (m) of `n` crossing points at random."""
        return self.points[rng.integers(0, len(self.points), n)]

    def draw(self, rng: np.random.Generator, n: int, is_concentrated: bool) -> Reals:
        """`n` chainages (m) at random."""
        return self.at(rng.uniform(size=n), is_concentrated)
