"""Which build-ups could be known: the chance that one sensor followed enough of the objects at once.

In a slot of ten minutes a sensor follows those of which it has a fix and knows the class. A radar takes a group for one
object; other sensors count who is in it. Within an hour the best slot stands for all (a track keeps its class),
hours and sensors are taken for independent. The bound is low: what several sensors see together does not count.
"""

from collections import Counter
from itertools import groupby

import numpy as np
from numpy.typing import NDArray

from monitoring.simulation.build_ups import SLOT_S, BuildUps
from monitoring.simulation.looks import REPORTS_MOTION, Gathered
from monitoring.simulation.scribe import Scribe
from monitoring.simulation.sensors import CLASS_KNOWN_FRAC, TARGETS, TYPES
from monitoring.simulation.truth import IN_REACH_P, Happening, RuleTruth, band
from monitoring.simulation.world import World

Reals = NDArray[np.float64]
Indices = NDArray[np.int64]

_HOUR_SLOTS = round(3_600.0 / SLOT_S)


class Onlookers:
    """Collects the chances to see members of build-ups; `probs` is asked once, at the end."""

    def __init__(self, world: World) -> None:
        self._world = world
        self._log_miss: dict[tuple[int, int], float] = {}

    def add(self, gathered: Gathered) -> None:
        """Looks of one window at objects that are part of a build-up."""
        key, of = np.unique(gathered.member * 1_000_000 + gathered.watch, return_inverse=True)
        for one, log_miss in zip(key.tolist(), np.bincount(of, gathered.log_miss).tolist(), strict=True):
            pair = divmod(one, 1_000_000)
            self._log_miss[pair] = self._log_miss.get(pair, 0.0) + log_miss

    def probs(self) -> Reals:
        """By build-up and sensor type the chance that a sensor of the type followed enough at once."""
        world, found = self._world, self._world.build_ups
        log_miss = np.zeros((len(found), len(TYPES)))
        right = CLASS_KNOWN_FRAC * (1.0 - world.scenario.faults.class_wrong_frac)
        types = world.net.type_idx[world.net.watch_sensor]
        looked = sorted(
            (int(found.build_up[row]), watch, int(found.slot[row]) // _HOUR_SLOTS, int(found.slot[row]), row)
            for row, watch in self._log_miss
        )
        for (build_up, watch, _), hour in groupby(looked, key=lambda one: one[:3]):
            kind, best = int(types[watch]), 0.0
            for _, slot in groupby(hour, key=lambda one: one[3]):
                rows = [one[4] for one in slot]
                p = [-np.expm1(self._log_miss[row, watch]) * right[kind] for row in rows]
                objects = world.movers.objects[found.mover[rows]]
                seen = np.ones(len(rows), dtype=np.int64) if REPORTS_MOTION[kind] else objects
                best = max(best, at_least(int(found.needed[build_up]), seen.tolist(), p))
            log_miss[build_up, kind] += np.log1p(-min(best, 1 - 1e-9))
        return np.asarray(-np.expm1(log_miss))


def at_least(needed: int, sizes: list[int], probs: list[float]) -> float:
    """The chance that those of independent groups that are seen are together at least `needed`.

    >>> round(at_least(3, [2, 1, 4], [0.5, 0.5, 0.1]), 3)
    0.325
    """
    chance = np.ones(1)
    for size, p in zip(sizes, probs, strict=True):
        chance = np.append(chance * (1.0 - p), np.zeros(size)) + p * np.append(np.zeros(size), chance)
    return float(chance[needed:].sum())


def build_up_happenings(world: World, probs: Reals) -> list[Happening]:
    """The build-ups as happenings; `probs` by build-up and sensor type."""
    scribe = Scribe(world)
    return [_happening(scribe, world.build_ups, i, probs[i]) for i in range(len(world.build_ups))]


def _happening(scribe: Scribe, found: BuildUps, number: int, by_type: Reals) -> Happening:
    world, movers = scribe.world, scribe.world.movers
    own = np.flatnonzero(found.build_up == number)
    there = found.mover[own[found.slot[own] == found.fullest_slot[number]]]
    x, y, _, _ = movers.paths.at(there, np.full(len(there), found.fullest_slot[number] * SLOT_S))
    objects = movers.objects[there]
    centre_x, centre_y = (np.array([np.average(axis, weights=objects)]) for axis in (x, y))
    specs = [world.scenario.movements[spec] for spec in movers.spec[there].tolist()]
    is_permitted = all(spec.notified or spec.expected == "permitted" for spec in specs)
    p = round(float(1.0 - np.prod(1.0 - by_type)), 6)
    return Happening(
        id=f"b-{number:06d}",
        kind="build_up",
        actor=world.scenario.movements[_most(movers.spec[there], objects)].name,
        party=scribe.party(_most(movers.hand[there], objects)),
        object_class=TARGETS[_most(movers.object_class[there], objects)],
        objects=int(found.objects[number]),
        time_start_ns=scribe.ns(found.start_s[number]),
        time_end_ns=scribe.ns(found.end_s[number]),
        places=tuple(scribe.places(["at"], centre_x, centre_y)),
        extent_m=round(float(np.hypot(x - centre_x, y - centre_y).max()), 1),
        rules=(RuleTruth("force_build_up", "permitted" if is_permitted else "violation"),),
        detection_prob=p,
        band=band(p, None),
        phenomena=int(found.objects[number]),
        sensor_types=tuple(TYPES[kind] for kind in np.flatnonzero(by_type >= IN_REACH_P).tolist()),
    )


def _most(codes: Indices, objects: Indices) -> int:
    """The code of most of the objects; of equals the one named first."""
    counted: Counter[int] = Counter()
    for code, count in zip(codes.tolist(), objects.tolist(), strict=True):
        counted[code] += count
    return counted.most_common(1)[0][0]
