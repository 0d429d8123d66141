"""Which tracks are one object: by where both were at common times, and by one beginning where another ends.

Two tracks of different sensors that overlap in time are compared where both were: the squared Mahalanobis
distance of their places, averaged over the common times. Errors that a track's fixes share do not average out, so
no number of common fixes makes the gate narrower. It must hold in the first and in the second half of the common
time, else the two only met. Two tracks of one sensor at one time are two objects.

A track that begins where, and soon after, another one ends goes on from it: the way between them is compared
with what the mean of both velocities would have made of it; how little that says grows with the gap. Where the
sensor has many other tracks, it must be likelier than that one of them begins there by chance.

In a crowd several tracks pass the gate. Of those of one sensor the nearest is taken, and only if of the first
sensor's tracks none is nearer to it (mutual choice). Classes of different media (ground, air, water) and the
affiliations of different hands exclude each other.

Tracks are asked for many at once (`matches_of_each`); what comes out for one does not depend on the others.
"""

from collections.abc import Iterator, Sequence
from typing import Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

from monitoring.incidents import geometry
from monitoring.incidents.sketchbook import WINDOW_NS, Sketchbook
from monitoring.incidents.surroundings import MEDIUM, Surroundings
from monitoring.tracks.sketches import SLOT_NS

Ints = NDArray[np.int64]
Reals = NDArray[np.float64]
Flags = NDArray[np.bool_]

REACH_M: Final = 1_500.0
"""Tracks further from each other than this are not compared."""
REACH_M_GROUND: Final = 600.0
"""The same for what certainly moves on the ground, which no sensor places as badly as an aircraft."""
_AT_ONCE_FIRST, _AT_ONCE_MOST = 32, 256
"""So many tracks are asked for at once, at first and at most, so that memory does not grow with their number."""
_AROUND_MOST: Final = 1 << 19
"""About so many fixes around them are looked at at once: in a dense crowd fewer tracks are asked for together."""


class Rules(NamedTuple):
    """What the agreement says of stitching: `gate` in squared standard deviations, `handover_ns` of the longest gap."""

    gate: float
    handover_ns: int


class Asked(NamedTuple):
    """A question: which tracks are the same object as `key`, by what was known at `now_ns`?

    `company`: tracks that are the object already, which none beside `key` may contradict.
    """

    key: int
    now_ns: int
    rules: Rules
    company: tuple[int, ...] = ()


class Match(NamedTuple):
    """A track that is the same object as the one asked for; `is_earlier`: it had ended before that began."""

    key: int
    is_earlier: bool


def matches(
    book: Sketchbook, key: int, now_ns: int, handover_ns: int, gate: float, company: Sequence[int] = ()
) -> list[Match]:
    """The tracks that are the same object as `key` by what was known at `now_ns`, nearest first (see `Asked`)."""
    asked = Asked(int(key), now_ns, Rules(gate, handover_ns), tuple(company))
    return matches_of_each(book, [asked])[0]


def matches_of_each(book: Sketchbook, asked: Sequence[Asked]) -> list[list[Match]]:
    """To each question the tracks that are the same object, nearest first."""
    found: list[list[Match]] = [[] for _ in asked]
    spans = [book.span_of(one.key, one.now_ns - WINDOW_NS, one.now_ns) for one in asked]
    known = [i for i, (low, high) in enumerate(spans) if low < high]
    size = _AT_ONCE_FIRST
    while known:
        some, known = known[:size], known[size:]
        answers, around = _matches(book, [asked[i] for i in some], np.array([spans[i] for i in some]))
        for i, answer in zip(some, answers, strict=True):
            found[i] = answer
        size = min(max(len(some) * _AROUND_MOST // max(around, 1), 1), _AT_ONCE_MOST)
    return found


def _matches(book: Sketchbook, asked: Sequence[Asked], spans: Ints) -> tuple[list[list[Match]], int]:
    """As `matches_of_each`, of tracks whose rows stand at `spans` (r, 2) in track order; and how many fixes were around
    them."""
    low, high = spans.T
    now_ns = np.array([one.now_ns for one in asked])
    gate = np.array([one.rules.gate for one in asked])
    handover_ns = np.array([one.rules.handover_ns for one in asked])
    begin_ns = book.in_track_order("time_ns")[low]
    is_ground = MEDIUM[book.in_track_order("object_class")[high - 1]] == 0
    reach_m = np.where(is_ground, REACH_M_GROUND, REACH_M)
    around = Surroundings(book, low, high, reach_m, begin_ns, now_ns)
    chosen = _together(around, _company(book, around, asked), gate)
    keys = [book.keys_of(around.track[parts].tolist()) for parts in chosen]
    found = [[Match(name, False) for name in names] for names in keys]
    # Who was seen before by another sensor, and all the while, goes on from nobody.
    since_ns = begin_ns - handover_ns
    first_row = book.rows_in_track_order[low].tolist()
    before = (
        any(ends[0] < row for ends in (book.ends_of(name, since, one.now_ns) for name in names) if ends)
        for names, since, one, row in zip(keys, since_ns.tolist(), asked, first_row, strict=True)
    )
    fix_count = len(around.time_ns)
    alone = np.flatnonzero((handover_ns > 0) & ~np.fromiter(before, np.bool_, len(keys)))
    if len(alone):
        around = Surroundings(
            book, low[alone], high[alone], np.full(len(alone), REACH_M), since_ns[alone], now_ns[alone]
        )
        fix_count = max(fix_count, len(around.time_ns))
        for scene, part in _earlier(around, handover_ns[alone], gate[alone]):
            (name,) = book.keys_of([int(around.track[part])])
            found[alone[scene]].append(Match(name, True))
    return found, fix_count


def _company(book: Sketchbook, around: Surroundings, asked: Sequence[Asked]) -> Ints:
    """The parts of the company of each track asked for, in order."""
    scene = np.repeat(np.arange(len(asked)), [len(one.company) for one in asked])
    return around.parts_of(scene, book.numbers(key for one in asked for key in one.company))


def _together(around: Surroundings, members: Ints, gate: Reals) -> list[list[int]]:
    """The parts, by scene, that are beside its own one, the nearest first, mutually chosen.

    Of parts of one sensor at one time only one can be the object; one after the other they may all be. None is
    further than the gate from one of the `members` of its scene at their common times.
    """
    every, own = np.arange(len(around)), around.own[around.scene]
    is_seen_then, is_own_sensor = around.meet(own, every), around.sensor == around.sensor[own]
    others = np.flatnonzero(is_seen_then & ~is_own_sensor & around.may_be(own, every))
    distance = around.beside(own[others], others)
    is_near = distance <= gate[around.scene[others]]
    others, distance = others[is_near], distance[is_near]
    order = np.lexsort((distance, around.scene[others]))
    near, distance = others[order], distance[order]
    rivals = np.flatnonzero(is_seen_then & is_own_sensor & (every != own))
    stands = _stands(around, near, distance, members, rivals, gate)
    return _chosen(around, near[stands], len(gate))


def _stands(
    around: Surroundings, near: Ints, distance: Reals, members: Ints, rivals: Ints, gate: Reals
) -> Flags:
    """Which parts (k,), so far from the own one of their scene, nothing else keeps from being one with it.

    One that is none of `members` must not have been further than the gate from one of them when both were seen;
    none of `rivals`, parts of the own sensor at the own part's time, may be nearer to it.
    """
    is_new = np.flatnonzero(~np.isin(near, members))
    of_member, member = _within(around, near[is_new], members)
    of_member = is_new[of_member]
    of_rival, rival = _within(around, near, rivals)
    apart = around.beside(near[np.concatenate([of_member, of_rival])], np.concatenate([member, rival]))
    of_members, of_rivals = apart[: len(member)], apart[len(member) :]
    stands = np.ones(len(near), dtype=np.bool_)
    stands[of_member[np.isfinite(of_members) & (of_members > gate[around.scene[member]])]] = False
    stands[of_rival[of_rivals < distance[of_rival]]] = False
    return stands


def _within(around: Surroundings, some: Ints, others: Ints) -> tuple[Ints, Ints]:
    """Every pair of one of some parts, by its place among them, with one of `others`, in order, of its scene."""
    scene, of_others = around.scene[some], around.scene[others]
    which, at = geometry.expand(of_others.searchsorted(scene), of_others.searchsorted(scene, "right"))
    return which, others[at]


def _chosen(around: Surroundings, near: Ints, scene_count: int) -> list[list[int]]:
    """Of parts of each scene, the nearest first, those of whose sensor no nearer one was seen at the time."""
    chosen: list[list[int]] = [[] for _ in range(scene_count)]
    taken: dict[tuple[int, int], list[tuple[int, int]]] = {}
    told = (around.scene, around.sensor, around.first_ns, around.last_ns)
    for part, scene, sensor, first_ns, last_ns in zip(
        near.tolist(), *(of[near].tolist() for of in told), strict=True
    ):
        spans = taken.setdefault((scene, sensor), [])
        if not any(min(last_ns, until_ns) >= max(first_ns, since_ns) for since_ns, until_ns in spans):
            chosen[scene].append(part)
            spans.append((first_ns, last_ns))
    return chosen


def _earlier(around: Surroundings, handover_ns: Ints, gate: Reals) -> Iterator[tuple[int, int]]:
    """The scenes whose own part goes on from another one, and that one."""
    every, own = np.arange(len(around)), around.own[around.scene]
    at = np.flatnonzero(_may_go_on(around, every, own, handover_ns))
    cost = around.bridged(at, own[at])
    order = np.lexsort((cost, around.scene[at]))
    _, first = np.unique(around.scene[at][order], return_index=True)
    best, cost = at[order][first], cost[order][first]
    is_near = cost <= gate[around.scene[best]]
    best, cost = best[is_near], cost[is_near]
    is_own = ~_is_rather_gone_on_elsewhere(around, best, handover_ns)
    is_own[is_own] = ~_is_still_seen(around, best[is_own], gate)
    is_own[is_own] = ~_is_rather_a_stranger(around, best[is_own], cost[is_own])
    yield from zip(around.scene[best[is_own]].tolist(), best[is_own].tolist(), strict=True)


def _may_go_on(around: Surroundings, ended: Ints, begun: Ints, handover_ns: Ints) -> Flags:
    """Whether parts can go on from others that ended, each from its own."""
    gap_ns = around.first_ns[begun] - around.last_ns[ended]
    may = around.may_be(begun, ended) & (gap_ns <= handover_ns[around.scene[begun]])
    is_other_sensor = around.sensor[begun] != around.sensor[ended]
    return np.asarray(may & ((gap_ns > 0) | ((gap_ns > -2 * SLOT_NS) & is_other_sensor)))


def _is_rather_gone_on_elsewhere(around: Surroundings, ended: Ints, handover_ns: Ints) -> Flags:
    """Whether another part of the own one's sensor goes on better from parts that ended, one of a scene."""
    which, other = _within(around, ended, np.arange(len(around)))
    own = around.own[around.scene[ended]]
    may = around.sensor[other] == around.sensor[own[which]]
    may &= _may_go_on(around, ended[which], other, handover_ns)
    which, other = which[may], other[may]
    better = around.bridged(ended[which], other) < around.bridged(ended, own)[which]
    return np.bincount(which[better], minlength=len(ended)) > 0


def _is_still_seen(around: Surroundings, ended: Ints, gate: Reals) -> Flags:
    """Whether the object of a part that ended is seen by another sensor after the own one began elsewhere."""
    own = around.own[around.scene[ended]]
    which, other = _within(around, ended, np.arange(len(around)))
    goes_on = around.last_ns[other] > around.first_ns[own[which]]
    goes_on &= around.sensor[other] != around.sensor[ended[which]]
    which, other = which[goes_on], other[goes_on]
    limit = gate[around.scene[other]]
    is_its = around.beside(ended[which], other) <= limit
    which, other, limit = which[is_its], other[is_its], limit[is_its]
    is_own = around.beside(own[which], other) <= limit
    sees, sees_own = (np.bincount(of, minlength=len(ended)) > 0 for of in (which, which[is_own]))
    return np.asarray(sees & ~sees_own)


def _is_rather_a_stranger(around: Surroundings, ended: Ints, cost: Reals) -> Flags:
    """Whether another object begins where the own part does sooner than the one of the part that ended goes on.

    Its sensor has so many other tracks hereabouts, which may begin anywhere within reach.
    """
    own = around.own[around.scene[ended]]
    which, other = _within(around, ended, np.arange(len(around)))
    is_of_sensor = around.sensor[other] == around.sensor[own[which]]
    is_of_sensor &= (other != own[which]) & (other != ended[which])
    strangers = np.bincount(which[is_of_sensor], minlength=len(ended))
    _, _, var_e, cov_en, var_n = around.way_on(ended, own)
    area_m2 = 2.0 * np.pi * np.sqrt(var_e * var_n - cov_en**2)
    chance = np.log(np.maximum(strangers, 1) * area_m2 / (np.pi * REACH_M**2))
    return np.asarray((strangers > 0) & (cost + 2.0 * chance > 0.0))
