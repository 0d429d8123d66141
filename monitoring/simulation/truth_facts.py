"""What really happened, found from the true paths and phenomena by the definitions of a happening.

crossing: one out-and-back excursion of one object or group beyond the line. incursion: one stay inside the
buffer, on either side. presence: one stay of a heavy weapon, or of a military aircraft, nearer to the line
than its class may be. fire: the activity of one firing group. An object that is back (or out of the buffer)
for less than ten minutes is still on the same excursion. All distances are geodesic, by the locator.
"""

from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from monitoring.simulation.activity import CIVILIAN, Groups, Movers
from monitoring.simulation.paths import below_zero, merged
from monitoring.simulation.placement import LineSpace
from monitoring.simulation.sensors import TARGETS
from monitoring.simulation.terms import Terms

Reals = NDArray[np.float64]
Indices = NDArray[np.int64]

COARSE_M: Final = 1_000.0
FINE_M: Final = 40.0
STAY_GAP_S: Final = 600.0
"""Excursions, or stays in the buffer, with less than this between them are one."""
FLANK_S: Final = 300.0
"""How long before and after an excursion a fix shows where the object came from."""


@dataclass(frozen=True)
class Episodes:
    """Episodes of movers, columns of shape (e,), ordered by mover and start.

    `depth_m` is the greatest distance beyond the line (crossing) or from the belt's edge inwards
    (incursion); `x`, `y` the place of the first crossing, or the deepest point; `extent_m` how far the
    episode reaches from it.
    """

    mover: Indices
    start_s: Reals
    end_s: Reals
    depth_m: Reals
    deepest_s: Reals
    x: Reals
    y: Reals
    extent_m: Reals

    def __len__(self) -> int:
        return len(self.mover)


@dataclass(frozen=True)
class Sampled:
    """True positions along the paths, fine near the line; shapes (n,), sorted by mover, then time."""

    mover: Indices
    t: Reals
    x: Reals
    y: Reals
    left_m: Reals


def sample(space: LineSpace, movers: Movers, near_m: float) -> Sampled:
    """Positions every 1 km of path, and every 40 m where the path may come within `near_m` of the line."""
    mover, t = _steps(movers, np.ones(len(movers.paths.t), dtype=bool), COARSE_M)
    x, y, _, _ = movers.paths.at(mover, t)
    left = space.left_of(x, y)
    leg = movers.paths.leg(mover, t)
    closest = np.full(len(movers.paths.t), np.inf)
    np.minimum.at(closest, leg, np.abs(left))
    # A leg's last sample belongs to the next leg; both ends count for it.
    shifted = np.minimum(leg[1:], leg[:-1])
    np.minimum.at(closest, shifted, np.minimum(np.abs(left[1:]), np.abs(left[:-1])))
    is_near = closest < near_m + COARSE_M
    fine_mover, fine_t = _steps(movers, is_near, FINE_M)
    fx, fy, _, _ = movers.paths.at(fine_mover, fine_t)
    fine_left = space.left_of(fx, fy)
    keep = ~is_near[leg]
    mover, t = np.concatenate([mover[keep], fine_mover]), np.concatenate([t[keep], fine_t])
    x, y = np.concatenate([x[keep], fx]), np.concatenate([y[keep], fy])
    left = np.concatenate([left[keep], fine_left])
    order = np.lexsort((t, mover))
    return Sampled(mover[order], t[order], x[order], y[order], left[order])


def _steps(movers: Movers, is_wanted: NDArray[np.bool_], step_m: float) -> tuple[Indices, Reals]:
    """Instants on each wanted leg (named by its first vertex), no more than `step_m` of path apart."""
    paths = movers.paths
    is_last = np.zeros(len(paths.t), dtype=bool)
    is_last[paths.last] = True
    after = np.minimum(np.arange(len(paths.t)) + 1, len(paths.t) - 1)
    length = np.hypot(paths.x[after] - paths.x, paths.y[after] - paths.y)
    count = np.where(is_last, 1, np.maximum(np.ceil(length / step_m), 1)).astype(np.int64) * is_wanted
    leg = np.repeat(np.arange(len(count)), count)
    position = np.arange(len(leg)) - np.repeat(np.cumsum(count) - count, count)
    part = position / np.maximum(count[leg], 1)
    t = paths.t[leg] + part * np.where(is_last, 0.0, paths.t[after] - paths.t)[leg]
    return paths.owner[leg], t


def crossings(movers: Movers, path: Sampled, terms: Terms, duration_s: float) -> Episodes:
    """Excursions beyond the line, cut off at the agreement's longest excursion."""
    home = movers.start_hand[path.mover]
    owner, start_s, end_s = merged(*below_zero(path.mover, path.t, path.left_m * home), STAY_GAP_S)
    return _episodes(movers, path, owner, start_s, end_s, -path.left_m * home, duration_s, terms.excursion_s)


def incursions(movers: Movers, path: Sampled, terms: Terms, duration_s: float) -> Episodes:
    """Stays of parties' forces and civilians within the buffer of either side."""
    width = np.where(path.left_m > 0, terms.buffer_left_m, terms.buffer_right_m)
    inside = width - np.abs(path.left_m)
    owner, start_s, end_s = merged(*below_zero(path.mover, path.t, -inside), STAY_GAP_S)
    long = end_s - start_s >= terms.dwell_s
    return _episodes(movers, path, owner[long], start_s[long], end_s[long], inside, duration_s, np.inf)


def presences(movers: Movers, path: Sampled, terms: Terms, duration_s: float) -> Episodes:
    """Stays of parties' heavy weapons within the limits of their class and party, and of their aircraft within the
    limits of class and side."""
    weapon_left, weapon_right, air_left, air_right = (
        np.array([of_class.get(name, 0.0) for name in TARGETS])
        for of_class in (terms.weapon_left_m, terms.weapon_right_m, terms.air_left_m, terms.air_right_m)
    )
    hand, target = movers.hand[path.mover], movers.object_class[path.mover]
    limit = np.where(hand > 0, weapon_left[target], weapon_right[target])
    limit = np.maximum(limit, np.where(path.left_m > 0, air_left[target], air_right[target]))
    inside = np.where(hand == CIVILIAN, 0.0, limit) - np.abs(path.left_m)
    owner, start_s, end_s = merged(*below_zero(path.mover, path.t, -inside), STAY_GAP_S)
    return _episodes(movers, path, owner, start_s, end_s, inside, duration_s, np.inf)


def _episodes(
    movers: Movers,
    path: Sampled,
    owner: Indices,
    start_s: Reals,
    end_s: Reals,
    depth: Reals,
    duration_s: float,
    longest_s: float,
) -> Episodes:
    keep = start_s < duration_s
    owner, start_s, end_s = owner[keep], start_s[keep], np.minimum(end_s[keep], duration_s)
    end_s = np.minimum(end_s, start_s + longest_s)
    count = len(owner)
    key = path.mover * 1e7 + path.t
    first = np.searchsorted(key, owner * 1e7 + start_s)
    last = np.maximum(np.searchsorted(key, owner * 1e7 + end_s, side="right"), first + 1)
    episode = np.repeat(np.arange(count), last - first)
    position = np.arange(len(episode)) - np.repeat(np.cumsum(last - first) - (last - first), last - first)
    at = np.minimum(first[episode] + position, max(len(key) - 1, 0))
    order = np.lexsort((-depth[at], episode))
    deepest = at[order][np.searchsorted(episode[order], np.arange(count))] if count else at
    x, y, _, _ = movers.paths.at(owner, start_s)
    extent = np.zeros(count)
    np.maximum.at(extent, episode, np.hypot(path.x[at] - x[episode], path.y[at] - y[episode]))
    return Episodes(owner, start_s, end_s, np.maximum(depth[deepest], 0.0), path.t[deepest], x, y, extent)


@dataclass(frozen=True)
class FireFacts:
    """Facts of firing groups, columns of shape (g,)."""

    start_s: Reals
    end_s: Reals
    phenomena: Indices
    left_m: Reals
    chainage_m: Reals
    target_left_m: Reals
    is_in_zone: NDArray[np.bool_]
    is_across: NDArray[np.bool_]


def fire_facts(space: LineSpace, groups: Groups, terms: Terms) -> FireFacts:
    """When and where each group fired, whether inside or into the security zone, and whether across the line."""
    count = groups.count
    start_s, end_s = np.full(count, np.inf), np.full(count, -np.inf)
    np.minimum.at(start_s, groups.group, groups.time_s)
    np.maximum.at(end_s, groups.group, groups.time_s)
    left, _, _, chainage = space.signed(groups.x, groups.y)
    has_target = np.isfinite(groups.target_x)
    target_left = np.full(count, np.nan)
    if has_target.any():
        target_left[has_target] = space.left_of(groups.target_x[has_target], groups.target_y[has_target])

    def is_in_zone(left_m: Reals) -> NDArray[np.bool_]:
        with np.errstate(invalid="ignore"):
            return np.abs(left_m) < np.where(left_m > 0, terms.zone_left_m, terms.zone_right_m)

    is_inside = is_in_zone(left) | is_in_zone(target_left)
    with np.errstate(invalid="ignore"):
        is_across = left * target_left < 0
    phenomena = np.bincount(groups.group, minlength=count)
    return FireFacts(start_s, end_s, phenomena, left, chainage, target_left, is_inside, is_across)
