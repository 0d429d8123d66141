"""Ends: where an incident's fire came from and where it fell, each with its own error and side.

The origin is located by reports made at the weapon (launches, outgoing fire), the impact by reports made at the
target (impacts, incoming fire, airbursts) and by what else was recorded at the far end of a linked trajectory.
"""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from monitoring import findings
from monitoring.agreement import Parameters
from monitoring.incidents import geometry
from monitoring.incidents.location import mean_place
from monitoring.incidents.place_facts import on_the_line

Ints = NDArray[np.int64]
Reals = NDArray[np.float64]
Flags = NDArray[np.bool_]


def ends(
    incident: Ints,
    size: int,
    is_precise: Flags,
    is_lead: Flags,
    role: Ints,
    sensor: Ints,
    lon: Reals,
    lat: Reals,
    errors: tuple[Reals, Reals, Reals],
    start_ns: Ints,
    parameters: Parameters,
) -> list[dict[str, Any]]:
    """Per incident a dictionary with `origin` and `impact`, each only where precise reports located it.

    Reports (n,) in canonical order as in `summary.Gathered`; `role` as `phenomena.roles` says; `start_ns` (size,).
    An end has `lon`, `lat`, `sigma_m` (worse axis), `reports`, `side` (null where it is not certain by one
    standard deviation) and `signed_distance_m` (positive on side A).
    """
    found: list[dict[str, Any]] = [{} for _ in range(size)]
    fell = is_precise & ((role < 0) | ((role == 0) & ~is_lead))
    for name, chosen in (("origin", is_precise & (role > 0)), ("impact", fell)):
        number = np.bincount(incident[chosen], minlength=size)
        at = np.flatnonzero(number)
        if not len(at):
            continue
        end_lon, end_lat, spread = mean_place(incident, size, chosen, lon, lat, errors, sensor)
        major_m, _, _ = geometry.ellipse(*(part[at] for part in spread))
        facts = on_the_line(parameters, parameters.lines.at(start_ns[at]), end_lon[at], end_lat[at])
        for place, i in enumerate(at.tolist()):
            distance_m = findings.millimetres(facts["signed_distance_m"][place])
            is_certain = distance_m is not None and abs(distance_m) >= major_m[place]
            found[i][name] = {
                "lon": round(float(end_lon[i]), 6),
                "lat": round(float(end_lat[i]), 6),
                "sigma_m": round(float(major_m[place]), 1),
                "reports": int(number[i]),
                "side": findings.SIDE_NAMES.get(int(facts["side"][place])) if is_certain else None,
                "signed_distance_m": distance_m,
            }
    return found
