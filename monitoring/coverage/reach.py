"""How far a sensor of each type notices a happening of each kind, and how surely: the published table.

Plausible public figures of earlier and neighbouring missions' sensors, chosen with caution; no maker's. A figure
is the distance at which one look is half as likely to notice as one close by. A sensor's own declaration (registry
or heartbeat) scales its type's figures; what it does not say stands as here. Where a type gives no position of its
own (bearings only, or a sighting that makes no track) it counts for nothing that such evidence cannot prove.
"""

from typing import Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

from monitoring import schema

Reals = NDArray[np.float64]
Indices = NDArray[np.int64]


class Happening(NamedTuple):
    """A kind of happening that coverage is stated for.

    `offset_m`: how far from the line, on either side, it is taken to happen; `looks`: looks of one sensor at one
    happening that count as independent of each other (many more may be taken).
    """

    offset_m: float
    looks: float


KINDS: Final[dict[str, Happening]] = {
    "crossing_person": Happening(0.0, 3.0),
    "crossing_vehicle": Happening(0.0, 3.0),
    "crossing_uav": Happening(0.0, 0.8),
    "incursion_person": Happening(1_000.0, 3.0),
    "incursion_vehicle": Happening(1_000.0, 3.0),
    "incursion_uav": Happening(1_000.0, 2.0),
    "fire_small_arms": Happening(1_000.0, 2.0),
    "fire_mortar": Happening(4_000.0, 2.0),
    "fire_artillery": Happening(8_000.0, 2.0),
    "fire_rocket": Happening(8_000.0, 3.0),
    "works": Happening(1_000.0, 3.0),
    "jamming": Happening(4_000.0, 3.0),
}
"""Kinds of happening, in the order of tables and reports. The list is append-only."""
NAMES: Final = tuple(KINDS)


class Means(NamedTuple):
    """One type of sensor: the chance of one look close by, how often it reports its health, what disturbs it together
    with its like, and the distances (m) at which a look's chance has halved, by kind of happening."""

    best_prob: float
    heartbeat_s: float
    cause: str
    half_m: dict[str, float]


def _moving(
    person: float = 0.0, vehicle: float = 0.0, uav: float = 0.0, works: float = 0.0
) -> dict[str, float]:
    by_object = {"person": person, "vehicle": vehicle, "uav": uav}
    named = {f"{what}_{name}": far for what in ("crossing", "incursion") for name, far in by_object.items()}
    return {name: far for name, far in {**named, "works": works}.items() if far > 0}


TYPES: Final[dict[str, Means]] = {
    "acoustic_artillery": Means(
        0.85, 7_200, "air", {"fire_mortar": 7_500.0, "fire_artillery": 14_000.0, "fire_rocket": 16_000.0}
    ),
    "acoustic_uav": Means(0.8, 7_200, "air", _moving(uav=2_500.0)),
    "acoustic_small_arms": Means(0.9, 7_200, "air", {"fire_small_arms": 1_300.0}),
    "geophone": Means(0.8, 14_400, "ground", {"works": 400.0}),
    "seismic_array": Means(0.1, 3_600, "ground", {"fire_artillery": 50_000.0, "fire_rocket": 60_000.0}),
    "ground_radar": Means(0.9, 3_600, "radar", _moving(8_000.0, 15_000.0, 5_000.0)),
    "eo_ir_tower": Means(0.9, 3_600, "sight", _moving(4_000.0, 8_500.0, 2_500.0, works=4_500.0)),
    "fibre_das": Means(0.8, 3_600, "ground", _moving(1_200.0, 2_500.0, works=1_500.0)),
    "rf_direction_finder": Means(0.6, 7_200, "radio", {"jamming": 20_000.0}),
    "uav_eo_ir": Means(0.9, 600, "flight", {**_moving(4_000.0, 7_500.0, works=5_000.0), "jamming": 6_000.0}),
    "uav_sar_gmti": Means(0.8, 600, "flight", {**_moving(vehicle=22_000.0), "jamming": 6_000.0}),
    "counter_battery_radar": Means(
        0.85, 3_600, "radar", {"fire_mortar": 18_000.0, "fire_artillery": 26_000.0, "fire_rocket": 38_000.0}
    ),
    "muzzle_flash_ir": Means(0.6, 7_200, "sight", {}),
    "magnetic": Means(0.9, 14_400, "ground", {}),
    "human_report": Means(
        0.7,
        14_400,
        "people",
        {
            "fire_mortar": 5_500.0,
            "fire_artillery": 7_500.0,
            "fire_rocket": 9_000.0,
            "fire_small_arms": 2_200.0,
            "works": 2_500.0,
        },
    ),
    "generic": Means(0.5, 7_200, "none", {}),
}
"""Every type of the registry. `heartbeat_s`: a sensor of the type reports its health at least so often."""

CAUSES: Final[dict[str, float]] = {
    "air": 0.10,
    "sight": 0.10,
    "radar": 0.03,
    "ground": 0.03,
    "radio": 0.05,
    "flight": 0.15,
    "people": 0.20,
    "none": 0.20,
}
"""Chance that one cause takes all sensors of a kind out at a place, unknown to us: wind and inversions for what listens
(`air`), fog for what looks (`sight`), weather and links for what flies (`flight`), and so on."""
HOST_PROB: Final = 0.02
"""Chance that a side takes out, or misreads, all sensors of one kind that it hosts at a place."""
NETWORK_PROB: Final = 0.02
"""Chance that what was seen at a place does not come through at all, whoever saw it."""
JAMMED_FACTOR: Final = 0.5
"""What is left of an aircraft's chances while its satellite navigation is jammed."""
SCALE_MOST: Final = 1.5
"""However far a sensor claims to reach, it is not believed to reach farther than this many times its type."""
CUT: Final = 1.2
"""Beyond this multiple of the table's distance nothing is noticed."""
LOOK_PROB_MOST: Final = 0.97
"""No single sensor notices a happening more surely than this."""

_TYPE_NAMES: Final = schema.SENSOR_TYPES
CAUSE_NAMES: Final = tuple(CAUSES)
HALF_M: Final = np.array([[TYPES[name].half_m.get(kind, 0.0) for kind in NAMES] for name in _TYPE_NAMES])
"""Distances by type and kind, shape (types, kinds); 0 = never."""
BEST_PROB: Final = np.array([TYPES[name].best_prob for name in _TYPE_NAMES])
HEARTBEAT_S: Final = np.array([TYPES[name].heartbeat_s for name in _TYPE_NAMES])
CAUSE_IDX: Final = np.array([CAUSE_NAMES.index(TYPES[name].cause) for name in _TYPE_NAMES])
CAUSE_PROB: Final = np.array(list(CAUSES.values()))
LOOKS: Final = np.array([happening.looks for happening in KINDS.values()])
OFFSET_M: Final = np.array([happening.offset_m for happening in KINDS.values()])
FARTHEST_M: Final = HALF_M.max(axis=1)
"""The farthest of a type's distances, shape (types,): what its declared `reach_m` is compared with."""


def chance(distance_m: Reals, half_m: Reals, best_prob: Reals, looks: float | Reals) -> Reals:
    """Chance that one sensor notices a happening at a distance, elementwise (`half_m` > 0); 0 beyond `CUT`.

    One look: best / (1 + (d / half)^8); the looks that count as independent are combined, and the outcome is kept
    below `LOOK_PROB_MOST`.

    >>> chance(np.array([0.0, 1e3, 2e3]), np.array([1e3] * 3), np.array([0.8] * 3), 1.0).round(2)
    array([0.8, 0.4, 0. ])
    """
    ratio = distance_m / half_m
    squared = np.minimum(ratio, 9.0) ** 2
    one = best_prob / (1.0 + (squared * squared) ** 2)
    several = -np.expm1(looks * np.log1p(-np.minimum(one, 0.999)))
    return np.asarray(np.where(ratio <= CUT, np.minimum(several, LOOK_PROB_MOST), 0.0))


def scale(type_idx: Indices, registered_m: Reals, stated_m: Reals) -> Reals:
    """By how much each sensor's distances differ from its type's, shape (n,): the smaller of what the registry and
    its heartbeat say (NaN = nothing), at most `SCALE_MOST`."""
    claimed = np.fmin(registered_m, stated_m)
    known = np.isfinite(claimed) & (FARTHEST_M[type_idx] > 0)
    ratio = np.divide(claimed, FARTHEST_M[type_idx], out=np.ones(len(claimed)), where=known)
    return np.asarray(np.minimum(ratio, SCALE_MOST))
