"""Standing: where one located thing stands towards the line, in the columns of a finding."""

from typing import Any

import numpy as np

from monitoring import findings
from monitoring.agreement import Parameters
from monitoring.tracks.ellipse import across


def standing(
    parameters: Parameters, lon: float, lat: float, sigma_m: float, time_ns: int, k_sigma: float, rule_id: str
) -> dict[str, Any]:
    """`lon`, `lat`, `sigma_m`, `side`, `distance_m`, `chainage_m`, `line_part`, `sector`, `line_version` of a place.

    Two further entries are for the rule and no columns: `signed_m`, the distance from the reference line of the
    side's party (equivalent distance where the line bends within the error), and `error_m`, its standard
    deviation with the line's own. `side` is None where it is not certain by `k_sigma` of these.
    """
    at = np.array([lon]), np.array([lat])
    line = parameters.lines.lines[int(parameters.lines.at(time_ns))]
    located = line.locator.locate(*at)
    party = "A" if located.signed_distance_m[0] >= 0.0 else "B"
    lines = parameters.line_for(rule_id, party)
    reference = lines.lines[int(lines.at(time_ns))]
    away_m = (located if reference is line else reference.locator.locate(*at)).signed_distance_m
    signed_m, error_m = _across(parameters, reference, *at, away_m, sigma_m)
    sector = int(parameters.sectors.locate(*at, located.chainage_m)[0])
    is_certain = abs(signed_m) > k_sigma * error_m
    return {
        "lon": round(lon, 7),
        "lat": round(lat, 7),
        "sigma_m": findings.millimetres(sigma_m),
        "side": findings.SIDE_NAMES[1 if signed_m > 0 else -1] if is_certain else None,
        "distance_m": findings.millimetres(abs(signed_m)),
        "chainage_m": findings.millimetres(located.chainage_m[0]),
        "line_part": int(located.line_part[0]),
        "sector": parameters.sectors.ids[sector] if sector >= 0 else None,
        "line_version": reference.version,
        "signed_m": signed_m,
        "error_m": error_m,
    }


def _across(
    parameters: Parameters, line: Any, lon: Any, lat: Any, signed_m: Any, sigma_m: float
) -> tuple[float, float]:
    if parameters.is_exact:
        return float(signed_m[0]), 0.0
    if sigma_m <= 0.0:
        return float(signed_m[0]), float(line.sigma_m)
    circle = np.array([sigma_m])
    found = across(line.locator, lon, lat, signed_m, circle, circle, np.zeros(1), line.sigma_m)
    return float(found.distance_m[0]), float(np.hypot(found.sigma_m[0], line.sigma_m))
