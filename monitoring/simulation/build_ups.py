"""Build-ups, found from the true paths: more heavy weapons and armoured vehicles at once at a place than chance brings.

A place is one side of a stretch of about 50 km of the line, as wide as sectors reach. Every ten minutes it is counted
who is there. The most at once in a window, and what the windows before it let expect, are compared as an all-knowing
judge would: with the true rate. That is the mean of the windows before (which do not overlap), and of
`force_build_up.prior_objects` for one more window, so that a run has a past from its first hour. A window is part of
a build-up when so many or more would come by chance (Poisson) less often than `false_alarms_per_year` lets happen over
all places and windows of a year, and at least `objects_least` are there. Windows one after the other are one build-up:
it lasts from the first to the last time at which enough were there at once. Passing convoys count like those that stay.
"""

from dataclasses import dataclass
from math import exp, lgamma, log
from typing import Final

import numpy as np
from numpy.typing import NDArray

from geodata.sectors import REACH_M
from monitoring.simulation.activity import CIVILIAN, Movers
from monitoring.simulation.paths import Intervals
from monitoring.simulation.placement import LineSpace
from monitoring.simulation.sensors import TARGETS
from monitoring.simulation.terms import Terms

Reals = NDArray[np.float64]
Indices = NDArray[np.int64]

HEAVY: Final = ("armoured_vehicle", "tank", "artillery", "mlrs", "mortar")
SLOT_S: Final = 600.0
"""How often it is counted who is there."""
STRETCH_M: Final = 50_000.0
YEAR_S: Final = 365.25 * 86_400


@dataclass(frozen=True)
class BuildUps:
    """Build-ups, columns of shape (b,): from when to when, when most were there, how many, how many would have been
    enough; and who was there in each slot of them, shape (k,): build-up, mover and slot's number. `slots` finds
    the position among these by mover and time.
    """

    start_s: Reals
    end_s: Reals
    fullest_slot: Indices
    objects: Indices
    needed: Indices
    build_up: Indices
    mover: Indices
    slot: Indices
    slots: Intervals

    def __len__(self) -> int:
        return len(self.start_s)


def build_ups(space: LineSpace, movers: Movers, terms: Terms, duration_s: float) -> BuildUps:
    """The build-ups of a run, ordered by place, then time."""
    mover, slot, place, place_count = _present(space, movers, duration_s)
    count = np.zeros((place_count, int(np.ceil(duration_s / SLOT_S))), dtype=np.int64)
    np.add.at(count, (place, slot), movers.objects[mover])
    found = [
        (at, *run)
        for at in np.flatnonzero(count.max(axis=1, initial=0) >= terms.build_up_least).tolist()
        for run in _runs(count[at], place_count, terms)
    ]
    members = [
        np.flatnonzero((place == at) & (slot >= first) & (slot <= last) & (count[at, slot] >= needed))
        for at, first, last, needed in found
    ]
    row = np.concatenate([np.empty(0, dtype=np.int64), *members])
    of = np.repeat(np.arange(len(found)), [len(one) for one in members])
    first, last, needed = (np.array([run[k] for run in found], dtype=np.int64) for k in (1, 2, 3))
    fullest = np.array([first + int(count[at, first : last + 1].argmax()) for at, first, last, _ in found])
    slots = Intervals(mover[row], slot[row] * SLOT_S, (slot[row] + 1) * SLOT_S)
    return BuildUps(
        start_s=np.asarray(first * SLOT_S, dtype=np.float64),
        end_s=np.minimum((last + 1) * SLOT_S, duration_s),
        fullest_slot=fullest.astype(np.int64),
        objects=np.array(
            [count[at, slot] for (at, *_), slot in zip(found, fullest, strict=True)], dtype=np.int64
        ),
        needed=needed,
        build_up=of[slots.order],
        mover=mover[row][slots.order],
        slot=slot[row][slots.order],
        slots=slots,
    )


def _present(space: LineSpace, movers: Movers, duration_s: float) -> tuple[Indices, Indices, Indices, int]:
    """Heavy objects of the parties by slot: mover, slot, place (two a stretch), and how many places there are."""
    is_heavy = np.isin(movers.object_class, [TARGETS.index(name) for name in HEAVY])
    heavy = np.flatnonzero(is_heavy & (movers.hand != CIVILIAN))
    first = np.maximum(np.ceil(movers.paths.start_s[heavy] / SLOT_S), 0.0).astype(np.int64)
    until = np.minimum(movers.paths.end_s[heavy], np.nextafter(duration_s, 0.0))
    size = np.maximum(np.floor(until / SLOT_S).astype(np.int64) - first + 1, 0)
    mover = np.repeat(heavy, size)
    slot = np.arange(len(mover)) - np.repeat(np.cumsum(size) - size, size) + np.repeat(first, size)
    stretches = max(1, round(space.length_m / STRETCH_M))
    if not len(mover):
        return mover, slot, mover, 2 * stretches
    x, y, _, _ = movers.paths.at(mover, slot * SLOT_S)
    left_m, _, _, chainage_m = space.signed(x, y)
    stretch = np.clip((chainage_m / space.length_m * stretches).astype(np.int64), 0, stretches - 1)
    near = np.flatnonzero(np.abs(left_m) <= REACH_M)
    return mover[near], slot[near], (2 * stretch + (left_m > 0))[near], 2 * stretches


def _runs(count: Indices, place_count: int, terms: Terms) -> list[tuple[int, int, int]]:
    """Build-ups of one place: first and last slot with enough at once, and how many are enough."""
    step = max(round(terms.build_up_window_s / SLOT_S / 2), 1)
    most = np.pad(count, (0, -len(count) % step)).reshape(-1, step).max(axis=1)
    window = np.maximum(most, np.append(0, most[:-1]))
    chance = terms.build_up_per_year * step * SLOT_S / YEAR_S / place_count
    runs: list[tuple[int, int, int]] = []
    begun, needed = -1, 0
    for at, there in enumerate([*window.tolist(), 0]):
        if begun < 0:
            past = window[: max(at - 1, 0)][::-1][::2]
            usual = (terms.build_up_prior + float(past.sum())) / (1 + len(past))
            needed = enough(usual, chance, terms.build_up_least)
        if there >= needed:
            begun = at if begun < 0 else begun
        elif begun >= 0:
            since = max(begun - 1, 0) * step
            full = since + np.flatnonzero(count[since : at * step] >= needed)
            runs.append((int(full[0]), int(full[-1]), needed))
            begun = -1
    return runs


def enough(usual: float, chance: float, least: float) -> int:
    """The least number, not below `least`, that a Poisson count with mean `usual` reaches with no more than `chance`.

    >>> enough(2.0, 1e-5, 6), enough(0.01, 1e-5, 6)
    (11, 6)
    """
    number = int(np.ceil(least))
    while _tail(number, usual) > chance:
        number += 1
    return number


def _tail(number: int, mean: float) -> float:
    term = exp(number * log(mean) - mean - lgamma(number + 1.0))
    total, at = 0.0, number
    while term > 1e-12 * total or at < mean:
        total += term
        at += 1
        term *= mean / at
    return total
