"""Where incidents lie relative to the contact line, each by the line version in force when it began."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from monitoring.agreement import Parameters


def on_the_line(
    parameters: Parameters, line_idx: NDArray[np.int64], lon: NDArray[np.float64], lat: NDArray[np.float64]
) -> dict[str, Any]:
    """`side`, `signed_distance_m`, `chainage_m`, `line_part` of places, arrays (n,), by each place's line version."""
    facts: dict[str, Any] = {
        "side": np.zeros(len(lon), dtype=np.int8),
        "signed_distance_m": np.full(len(lon), np.nan),
        "chainage_m": np.full(len(lon), np.nan),
        "line_part": np.full(len(lon), -1, dtype=np.int16),
    }
    for idx in np.unique(line_idx).tolist():
        at = line_idx == idx
        located = parameters.lines.lines[idx].locator.locate(lon[at], lat[at])
        for name, values in facts.items():
            values[at] = getattr(located, name)
    return facts
