"""The values of association, as the agreement dates them, and the physical constants beside them."""

from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from monitoring.agreement import Agreement

SOUND_MPS: Final = 343.0
"""Speed of sound in air at 20 °C."""
SOUND_DELAY_S_MAX: Final = 90.0
"""Longest travel of sound that is removed from a time of arrival (31 km)."""
SOUND_SPEED_ERROR_FRAC: Final = 0.03
"""Standard deviation of the speed of sound through wind and temperature."""
TIME_SIGMA_S: Final = 1.0
"""Standard deviation of an event's time where none is stated."""
CLOCK_SIGMA_S: Final = 0.5
"""Standard deviation of a sensor's clock that its events do not state; free-running ones stray by a second or two."""
UNKNOWN_DELAY_S: Final = 15.0
"""Standard deviation of an arrival time whose travel cannot be removed because the observer's place is unknown."""
JOIN_S: Final = 60.0
"""An imprecise report joins fire that lies at most this far from it in time."""
JOIN_REACH: Final = 3.0
"""An imprecise report joins fire at most this many association limits away."""
COMMON_ERROR_FRAC: Final = 0.12
"""Part of a sensor's error variance that it repeats from event to event (survey, wind), where others check it."""
UNCHECKED_ERROR_FRAC: Final = 0.4
"""The same of a sensor that is alone, so that nothing would show a larger one."""
FLOOR_M: Final = 10.0
"""No single report's place is taken to be better than this, per axis."""
PLACE_FLOOR_M: Final = 6.0
"""No incident's place is known better than this, per axis."""
FLARE_SPREAD_M: Final = 60.0
"""A flare burns this far from whoever fired it, per axis."""


@dataclass(frozen=True)
class Limits:
    """Association values at given event times; all arrays (n,)."""

    gap_ns: NDArray[np.int64]
    move_m: NDArray[np.float64]
    k_sigma: NDArray[np.float64]
    limit_m: NDArray[np.float64]
    slot_ns: NDArray[np.int64]

    @classmethod
    def at(cls, agreement: Agreement, times_ns: NDArray[np.int64]) -> "Limits":
        """The values in force at each time. A run keeps the values of its beginning."""

        def numbers(name: str) -> NDArray[np.float64]:
            return agreement.numbers(f"association.{name}", times_ns)

        return cls(
            gap_ns=_ns(numbers("gap_s")),
            move_m=numbers("move_m"),
            k_sigma=numbers("k_sigma"),
            limit_m=numbers("limit_m"),
            slot_ns=np.maximum(_ns(numbers("duration_s_max")) // 2, 1),
        )


def _ns(seconds: NDArray[np.float64]) -> NDArray[np.int64]:
    return np.rint(seconds * 1e9).astype(np.int64)
