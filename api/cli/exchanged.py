"""Whether places are far from the line because their longitude and latitude are exchanged."""

from dataclasses import dataclass
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from geodata.contact_line import ContactLine
from geodata.locator import Located

Reals = NDArray[np.float64]

FAR_KM: Final = 100.0
LOOKED_AT_MAX: Final = 10_000
"""So many of the far places are tried the other way round: far ones are located slowly."""


@dataclass
class Exchanged:
    """Counts places farther than `FAR_KM` from the line, and of the first `LOOKED_AT_MAX` of them those that would lie
    within it with longitude and latitude exchanged."""

    line: ContactLine
    far_count: int = 0
    looked_at: int = 0
    near_if_exchanged: int = 0

    def add(self, lon: Reals, lat: Reals, found: Located) -> None:
        """Takes places (degrees, shape (n,)) with their answers."""
        far = np.flatnonzero(np.abs(found.signed_distance_m) > FAR_KM * 1e3)
        self.far_count += len(far)
        far = far[: LOOKED_AT_MAX - self.looked_at]
        if len(far):
            other = self.line.locator.locate(lat[far], lon[far])
            self.looked_at += len(far)
            self.near_if_exchanged += int(np.count_nonzero(np.abs(other.signed_distance_m) <= FAR_KM * 1e3))

    @property
    def is_likely(self) -> bool:
        """Whether most of the far places would be near."""
        return 2 * self.near_if_exchanged > self.looked_at

    def told(self) -> dict[str, Any]:
        """For machines."""
        return {
            "farther_than_km": FAR_KM,
            "places": self.far_count,
            "tried_exchanged": self.looked_at,
            "near_if_exchanged": self.near_if_exchanged,
        }

    def question(self, place_count: int) -> str:
        """For people."""
        tried = "" if self.looked_at == self.far_count else f" of the first {self.looked_at:,} of them"
        return (
            f"{self.far_count:,} of {place_count:,} places are farther than {FAR_KM:.0f} km from the line; with lon and"
            f" lat exchanged {self.near_if_exchanged:,}{tried} would lie within {FAR_KM:.0f} km: are they exchanged?"
        )
