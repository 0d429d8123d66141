"""How facts of a run are written into its truth: times, parties' names and places."""

import numpy as np
from numpy.typing import NDArray

from monitoring.simulation.activity import CIVILIAN
from monitoring.simulation.sensors import hand_party
from monitoring.simulation.truth import Place
from monitoring.simulation.world import World

Reals = NDArray[np.float64]


class Scribe:
    """Writes for one world."""

    def __init__(self, world: World) -> None:
        self.world = world

    def ns(self, t: float) -> int:
        """A time of the run (s) as ns UTC, whole milliseconds."""
        return self.world.start_ns + round(float(t) * 1_000) * 1_000_000

    def party(self, hand: int) -> str:
        """Whose forces those of a hand are."""
        return "civilian" if hand == CIVILIAN else hand_party(self.world.space, hand)

    def places(self, roles: list[str], x: Reals, y: Reals) -> list[Place]:
        """Places (m in the line's frame) with their roles."""
        space = self.world.space
        left, _, _, chainage = space.signed(x, y)
        lon, lat = space.line.frame.inverse(x, y)
        signed = left * space.line.left_sign
        return [
            Place(role, round(float(a), 6), round(float(b), 6), round(float(d), 1), round(float(c), 1))
            for role, a, b, d, c in zip(roles, lon, lat, signed, chainage, strict=True)
        ]
