"""Silence: how probable it is that real fire goes unnoticed by everybody who did not report it.

By the published table of coverage (`coverage.reach`): chances by type, kind of fire and distance, sensors of one
kind and host grouped because one cause may take them all out. Blasts are taken for mortars', which carry the least
far, so that silence never says too much. Only what stands somewhere counts: where an aircraft was looking is not
known here, nor which way a post looks, so types that look one way count for half.
"""

from collections.abc import Sequence
from typing import Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

from monitoring import schema
from monitoring.agreement import Parameters
from monitoring.coverage import chances, reach
from monitoring.incidents import geometry

Ints = NDArray[np.int64]
Reals = NDArray[np.float64]

NOTHING: Final = -1
BLASTS: Final = reach.NAMES.index("fire_mortar")
SHOTS: Final = reach.NAMES.index("fire_small_arms")
LIKELY: Final = 0.5
"""A post that would have noticed with at least this probability is counted as one that gave nothing."""
_LOOKS_ONE_WAY: Final = np.array([name == "counter_battery_radar" for name in schema.SENSOR_TYPES])


class Silence(NamedTuple):
    """Chance that nobody else would have reported (1 where nobody else could), and silent posts. Shapes (k,)."""

    miss_prob: Reals
    posts: Ints


def of_others(
    kind: Ints,
    looks: Reals,
    incident: Ints,
    sensor: Ints,
    sensor_names: Sequence[str],
    lon: Reals,
    lat: Reals,
    parameters: Parameters,
) -> Silence:
    """What the posts that gave nothing say of k incidents at `lon`, `lat`.

    `kind` (k,): `BLASTS`, `SHOTS`, or `NOTHING` where no post can be relied on to notice; `looks` (k,): independent
    chances to notice. The reports (n,) lie in `incident` and came from `sensor`, a number in `sensor_names`.
    """
    size = len(kind)
    nothing = Silence(np.ones(size), np.zeros(size, dtype=np.int64))
    asked = np.flatnonzero(kind != NOTHING)
    names, posts, at_lon, at_lat = parameters.posted
    if not posts or not len(asked):
        return nothing
    types = np.array([schema.SENSOR_TYPES.index(facts.type) for facts in posts])
    half_m = reach.HALF_M[types][:, [BLASTS, SHOTS]]
    farthest_m = reach.CUT * float(half_m.max(initial=0.0))
    if farthest_m <= 0.0:
        return nothing
    i, j = geometry.pairs_between(lon[asked], lat[asked], at_lon, at_lat, farthest_m)
    i = asked[i]
    # Who spoke, even of another part of it, was not silent.
    numbers = {name: k for k, name in enumerate(names)}
    own = np.array([numbers.get(name, -1) for name in sensor_names], dtype=np.int64)
    width = np.int64(len(posts) + 1)
    spoke = np.isin(i * width + j, np.unique(incident * width + own[sensor]))
    half_m = half_m[j, np.where(kind[i] == BLASTS, 0, 1)]
    near = np.flatnonzero(~spoke & (half_m > 0))
    i, j, half_m = i[near], j[near], half_m[near]
    east, north = geometry.offsets_m(lon[i], lat[i], at_lon[j], at_lat[j])
    best = reach.BEST_PROB[types[j]] * np.where(_LOOKS_ONE_WAY[types[j]], 0.5, 1.0)
    prob = reach.chance(np.hypot(east, north), half_m, best, looks[i])
    hosts = np.array([chances.HOSTS.index(facts.host_side) for facts in posts])
    group = reach.CAUSE_IDX[types] * len(chances.HOSTS) + hosts
    return Silence(
        chances.all_miss(i, group[j], prob, size),
        np.bincount(i[prob >= LIKELY], minlength=size).astype(np.int64),
    )
