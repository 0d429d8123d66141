"""Determinable: of which happenings the sensors could have told whose they were.

A movement is determinable when the chance that somebody who saw it knew whose forces they were is at least
`DETERMINABLE_P`. Fire is so when, with that chance, its launch was placed as one, and lay further from the line, by two
standard deviations of the best such report, than infiltrators with that weapon go (`INFILTRATION_M`). Other fire
could have been either party's: men who slip across fire from where the others stand.
"""

from typing import Final

import numpy as np
from numpy.typing import NDArray

DETERMINABLE_P: Final = 0.95
PLACING_P: Final = 0.3
"""A report counts for the best error of a launch if it had at least this chance."""
INFILTRATION_M: Final = {"artillery": 1_000.0, "mlrs": 1_000.0, "tank": 1_000.0}
"""How far beyond the line a group with this weapon may be at most."""
LIGHT_M: Final = 2_500.0
"""The same for what men carry."""


def is_fire_determinable(weapon: str, placed_prob: float, signed_distance_m: float, sigma_m: float) -> bool:
    """
    >>> is_fire_determinable("mortar", 0.99, 3_500.0, 100.0), is_fire_determinable("mortar", 0.99, -1_500.0, 50.0)
    (True, False)
    """
    beyond_m = abs(signed_distance_m) - 2.0 * sigma_m
    return placed_prob >= DETERMINABLE_P and bool(beyond_m > INFILTRATION_M.get(weapon, LIGHT_M))


class Launches:
    """Sums over windows, by group: the chance that its launch was placed, and the best error of that (m)."""

    def __init__(self, groups: int) -> None:
        self._log_miss = np.zeros(groups)
        self.sigma_m = np.full(groups, np.inf)

    def add(self, group: NDArray[np.int64], p: NDArray[np.float64], sigma_m: NDArray[np.float64]) -> None:
        """Chances (n,) of single sensors to place single launches, each with its error."""
        np.add.at(self._log_miss, group, np.log1p(-np.minimum(p, 0.999)))
        np.minimum.at(self.sigma_m, group, np.where(p >= PLACING_P, sigma_m, np.inf))

    @property
    def prob(self) -> NDArray[np.float64]:
        """By group."""
        return np.asarray(-np.expm1(self._log_miss))
