"""Whether a scenario fits a line: whether there are places as far from it as its posts and actors are to be.

A line that closes in on itself, or one with a narrow pocket for a side, has no place far from it on that side.
"""

from typing import Any, Final

import numpy as np

from monitoring.simulation.placement import LineSpace
from monitoring.simulation.scenario import Scenario, ScenarioError

_TRIED: Final = 16
"""Places tried along the line."""
_PLACED: Final = ("posts", "flights", "movements", "fires", "jammers")


def check_fit(scenario: Scenario, space: LineSpace, file: str) -> None:
    """Raises ScenarioError for the first key of the file whose least distance no place has."""
    placed: list[tuple[str, Any, int]] = [
        (f"{section}[{i}].offset_km", spec.offset_km[0], hand)
        for section in _PLACED
        for i, spec in enumerate(getattr(scenario, section))
        for hand in (1, -1)
    ]
    left_m = np.repeat([hand * least_km * 1_000.0 for _, least_km, hand in placed], _TRIED)
    along = np.tile(space.along(np.linspace(0.0, 1.0, _TRIED)), len(placed))
    _, _, is_placed = space.place(along, left_m)
    fits = is_placed.reshape(-1, _TRIED)
    for number, (key, least_km, _) in enumerate(placed):
        if not fits[number].any():
            reason = f"the line has no place {least_km:g} km away from it on one of its sides"
            raise ScenarioError(file, key, reason)
