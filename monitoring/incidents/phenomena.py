"""Phenomena: which reports of an incident are the same explosion, shot or flash.

Two reports are the same phenomenon when different sensors made them, they are of one family of kinds, their
times agree within their joint error (travel of sound removed where the observer's place is known), their places
agree within theirs, and each is the other's best such match at its sensor. Taking only mutual best matches keeps
a dense barrage apart where a greedy gate would melt neighbours, and needs no order. Matches are closed over
sensors; a group in which one sensor would stand twice is cut back to the reports matched with its earliest one,
because repeats by one sensor are different phenomena. A sensor's own `group_id` makes its reports of one kind one.
"""

from typing import Final

import numpy as np
from numpy.typing import NDArray

from monitoring import schema
from monitoring.incidents import geometry
from monitoring.incidents.limits import (
    CLOCK_SIGMA_S,
    SOUND_DELAY_S_MAX,
    SOUND_MPS,
    SOUND_SPEED_ERROR_FRAC,
    TIME_SIGMA_S,
    UNKNOWN_DELAY_S,
)

Ints = NDArray[np.int64]
Reals = NDArray[np.float64]
Flags = NDArray[np.bool_]

_FAMILY_OF_KIND: Final = {
    "explosion": 0,
    "launch": 0,
    "shot": 1,
    "burst": 1,
    "muzzle_flash": 2,
    "flare": 3,
    "projectile": 4,
}
FAMILY: Final = np.array([_FAMILY_OF_KIND.get(kind, -1) for kind in schema.KINDS], dtype=np.int64)
"""Family of kinds by kind code: a launch is heard as an explosion, a burst as shots."""
NEAREST_MAX: Final = 128
"""A report is compared with at most this many that follow it in its incident and family."""
_OUTGOING: Final = schema.FIRE_DIRECTIONS.index("outgoing")
_INCOMING: Final = tuple(schema.FIRE_DIRECTIONS.index(word) for word in ("incoming", "impact", "airburst"))
_EXPLOSION: Final = schema.KINDS.index("explosion")
_LAUNCH: Final = schema.KINDS.index("launch")
_ROUNDS_MAX: Final = 32


def origin_times(
    time_ns: Ints, time_sigma_s: Reals, is_arrival: Flags, way_m: Reals, place_sigma_m: Reals
) -> tuple[Ints, Reals]:
    """When each phenomenon happened at its place, and the standard deviation of that, seconds; (n,).

    `way_m` from the observer to the place, NaN = not known. A time of arrival loses the travel of sound when the
    way is known and plausible; otherwise it stays and its error grows.
    """
    sigma_s = np.hypot(np.where(np.isfinite(time_sigma_s), time_sigma_s, TIME_SIGMA_S), CLOCK_SIGMA_S)
    delay_s = way_m / SOUND_MPS
    removable = is_arrival & (delay_s <= SOUND_DELAY_S_MAX)
    taken_s = np.where(removable, delay_s, 0.0)
    travel_sigma_s = np.hypot(
        SOUND_SPEED_ERROR_FRAC * taken_s, np.where(removable, place_sigma_m / SOUND_MPS, 0.0)
    )
    sigma_s = np.hypot(sigma_s, np.where(is_arrival & ~removable, UNKNOWN_DELAY_S, travel_sigma_s))
    return time_ns - np.rint(taken_s * 1e9).astype(np.int64), sigma_s


def roles(kind: NDArray[np.int8], direction: NDArray[np.int8]) -> Ints:
    """+1 = at the weapon, -1 = at the target, 0 = not said; (n,)."""
    outgoing = (kind == _LAUNCH) | (direction == _OUTGOING)
    return np.where(outgoing, 1, np.where(np.isin(direction, _INCOMING), -1, 0)).astype(np.int64)


def same(
    incident: Ints,
    family: Ints,
    role: Ints,
    sensor: Ints,
    node: Ints,
    origin_ns: Ints,
    origin_sigma_s: Reals,
    lon: Reals,
    lat: Reals,
    var_e: Reals,
    cov_en: Reals,
    var_n: Reals,
    gate_s: Reals,
    k_sigma: Reals,
) -> Ints:
    """Number of the phenomenon of each report, unique over all incidents: index of its first report; (n,).

    Reports stand in canonical order. `node`: reports that the sensor itself calls one share the index of their
    first one. `gate_s` bounds how far apart in time matches may be, whatever the stated errors.
    """
    count = len(incident)
    order = np.lexsort((np.arange(count), origin_ns, family, incident))
    i, j, score = _gated(
        order,
        incident,
        family,
        role,
        sensor,
        origin_ns,
        origin_sigma_s,
        lon,
        lat,
        var_e,
        cov_en,
        var_n,
        gate_s,
        k_sigma,
    )
    i, j = _mutual_best(
        np.concatenate([i, j]), np.concatenate([j, i]), np.concatenate([score, score]), sensor
    )
    i, j = node[i], node[j]
    label = connected(count, i, j)
    crowded = _crowded(label[node], node, sensor)
    label = np.where(crowded[label], -1, label)
    return _stars(label, i, j, np.unique(node))[node]


def _gated(
    order: Ints,
    incident: Ints,
    family: Ints,
    role: Ints,
    sensor: Ints,
    origin_ns: Ints,
    origin_sigma_s: Reals,
    lon: Reals,
    lat: Reals,
    var_e: Reals,
    cov_en: Reals,
    var_n: Reals,
    gate_s: Reals,
    k_sigma: Reals,
) -> tuple[Ints, Ints, Reals]:
    """Pairs within all gates, found by sliding the time-ordered reports along themselves."""
    found_i, found_j, found_score = [], [], []
    active = np.arange(len(order))
    for shift in range(1, NEAREST_MAX + 1):
        active = active[active + shift < len(order)]
        i, j = order[active], order[active + shift]
        apart_s = (origin_ns[j] - origin_ns[i]) / 1e9
        inside = (incident[i] == incident[j]) & (family[i] == family[j]) & (apart_s <= gate_s[i])
        active, i, j, apart_s = active[inside], i[inside], j[inside], apart_s[inside]
        if not len(active):
            break
        sigma_s = np.hypot(origin_sigma_s[i], origin_sigma_s[j])
        may = (sensor[i] != sensor[j]) & (role[i] * role[j] >= 0) & (apart_s <= k_sigma[i] * sigma_s)
        i, j, apart_s, sigma_s = i[may], j[may], apart_s[may], sigma_s[may]
        east, north = geometry.offsets_m(lon[i], lat[i], lon[j], lat[j])
        place = geometry.mahalanobis_sq(
            east, north, var_e[i] + var_e[j], cov_en[i] + cov_en[j], var_n[i] + var_n[j]
        )
        # A report without a place agrees with every place: its incident already says whereabouts it was.
        place = np.where(np.isfinite(place), place, 1.0)
        close = place <= k_sigma[i] ** 2
        found_i.append(i[close])
        found_j.append(j[close])
        found_score.append((place + (apart_s / sigma_s) ** 2)[close])
    if not found_i:
        return np.zeros(0, dtype=np.int64), np.zeros(0, dtype=np.int64), np.zeros(0)
    return np.concatenate(found_i), np.concatenate(found_j), np.concatenate(found_score)


def _mutual_best(i: Ints, j: Ints, score: Reals, sensor: Ints) -> tuple[Ints, Ints]:
    """Of directed pairs, those where each is the other's best match at its sensor, once each with i < j."""
    order = np.lexsort((j, score, sensor[j], i))
    i, j = i[order], j[order]
    if not len(i):
        return i, j
    best = np.concatenate([[True], (i[1:] != i[:-1]) | (sensor[j[1:]] != sensor[j[:-1]])])
    i, j = i[best], j[best]
    low, high = np.minimum(i, j), np.maximum(i, j)
    order = np.lexsort((high, low))
    low, high = low[order], high[order]
    twice = np.flatnonzero((low[1:] == low[:-1]) & (high[1:] == high[:-1]))
    return low[twice], high[twice]


def connected(count: int, i: Ints, j: Ints) -> Ints:
    """Smallest index of each one's connected component, (count,)."""
    label = np.arange(count, dtype=np.int64)
    while len(i):
        before = label.copy()
        low = np.minimum(label[i], label[j])
        np.minimum.at(label, i, low)
        np.minimum.at(label, j, low)
        label = label[label]
        if np.array_equal(before, label):
            break
    return label


def _crowded(label: Ints, node: Ints, sensor: Ints) -> Flags:
    """By label: whether one sensor stands in it with two reports that it does not itself call one."""
    crowded = np.zeros(len(label), dtype=np.bool_)
    own = np.flatnonzero(node == np.arange(len(node)))
    order = own[np.lexsort((sensor[own], label[own]))]
    twice = (label[order][1:] == label[order][:-1]) & (sensor[order][1:] == sensor[order][:-1])
    crowded[label[order][1:][twice]] = True
    return crowded


def _stars(label: Ints, i: Ints, j: Ints, nodes: Ints) -> Ints:
    """Labels those still at -1: the earliest takes the ones matched with it, and so on."""
    label = label.copy()
    for _ in range(_ROUNDS_MAX):
        open_pair = (label[i] < 0) & (label[j] < 0)
        i, j = i[open_pair], j[open_pair]
        if not len(i):
            break
        earliest = np.full(len(label), np.iinfo(np.int64).max)
        np.minimum.at(earliest, j, i)  # i < j
        leads = (label[i] < 0) & (earliest[i] > i)
        label[i[leads]] = i[leads]
        follower, leader = j[leads], i[leads]
        chosen = np.full(len(label), np.iinfo(np.int64).max)
        np.minimum.at(chosen, follower, leader)
        label[follower] = chosen[follower]
    alone = nodes[label[nodes] < 0]
    label[alone] = alone
    return label
