"""Counting: the two figures of an incident, never mixed.

`violations_smm` counts recorded phenomena in the convention of earlier missions: each explosion, projectile,
flash, flare, burst and shot once, however many sensors recorded it. A report that stands for many ("at least ten
explosions") counts them all, but reports of single ones beside it may be among them: per kind family the larger
of (phenomena recorded one by one) and (what a single sensor reported in all) is taken, which is a lower bound.

`rounds` estimates what was fired: launches and impacts are two ends of one round; a burst whose rounds nobody
counted is at least two, and four by best estimate.
"""

from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from monitoring import schema
from monitoring.incidents.phenomena import FAMILY

Ints = NDArray[np.int64]
Flags = NDArray[np.bool_]

BURST_ROUNDS_LEAST: Final = 2
BURST_ROUNDS_BEST: Final = 4
_KIND: Final = {kind: code for code, kind in enumerate(schema.KINDS)}
_FIRE_CODES: Final = np.array([_KIND[kind] for kind in schema.FIRE_KINDS])
_BLAST_WORDS: Final = ("out", "in", "unsaid")


@dataclass(frozen=True)
class Counts:
    """Per incident, arrays (k,); `by_kind` (k, number of fire kinds) in the order of `schema.FIRE_KINDS`."""

    by_kind: Ints
    rounds_least: Ints
    rounds_best: Ints
    is_minimum: Flags
    unmatched: Ints

    @property
    def total(self) -> Ints:
        return np.asarray(self.by_kind.sum(axis=1), dtype=np.int64)


def count(
    incident: Ints,
    incident_count: int,
    phenomenon: Ints,
    is_precise: Flags,
    kind: Ints,
    role: Ints,
    sensor: Ints,
    repeats: Ints,
    is_minimum: Flags,
    burst_rounds: Ints,
) -> Counts:
    """Counts reports (n,) into incidents.

    `phenomenon`: label per report; `repeats` >= 1; `burst_rounds` -1 = not stated; an imprecise report that no
    precise one matches is not counted, and makes the count a minimum.
    """
    labels, of = np.unique(phenomenon, return_inverse=True)
    counted, many = np.zeros(len(labels), dtype=np.bool_), np.zeros(len(labels), dtype=np.bool_)
    counted[of[is_precise]] = True
    many[of[repeats > 1]] = True
    first = np.full(len(labels), len(incident))
    np.minimum.at(first, of, np.arange(len(incident)))
    kind_of = kind[first].copy()
    kind_of[of[kind == _KIND["launch"]]] = _KIND[
        "launch"
    ]  # who saw the launch knows more than who heard a bang

    by_kind = np.zeros((incident_count, len(schema.KINDS)), dtype=np.int64)
    singly = counted & ~many
    np.add.at(by_kind, (incident[first[singly]], kind_of[singly]), 1)
    _add_reported_totals(by_kind, incident, kind, sensor, repeats, is_precise)

    least, best = _rounds(by_kind, incident, of, first, counted, kind_of, role, burst_rounds)
    unmatched = np.bincount(incident[first[~counted]], minlength=incident_count).astype(np.int64)
    minimum = unmatched > 0
    minimum[incident[is_minimum]] = True
    return Counts(by_kind[:, _FIRE_CODES], least, best, minimum, unmatched)


def _add_reported_totals(
    by_kind: Ints, incident: Ints, kind: Ints, sensor: Ints, repeats: Ints, is_precise: Flags
) -> None:
    """Raises each family's count to what one sensor reported in all, where that is more (in place)."""
    family = FAMILY[kind]
    many = is_precise & (repeats > 1)
    if not many.any():
        return
    told = np.flatnonzero(is_precise & np.isin(incident, incident[many]))
    key = np.stack([incident[told], family[told], sensor[told]])
    groups, which = np.unique(key, axis=1, return_inverse=True)
    which = which.reshape(-1)
    total, largest = np.zeros(groups.shape[1], dtype=np.int64), np.zeros(groups.shape[1], dtype=np.int64)
    np.add.at(total, which, repeats[told])
    np.maximum.at(largest, which, repeats[told])
    kind_told = np.zeros(groups.shape[1], dtype=np.int64)
    by_size = np.argsort(repeats[told], kind="stable")
    kind_told[which[by_size]] = kind[told][by_size]  # the kind of the largest report
    for at in np.flatnonzero(largest > 1).tolist():
        where, of_family = int(groups[0, at]), groups[1, at] == FAMILY
        missing = int(total[at]) - int(by_kind[where, of_family].sum())
        if missing > 0:
            by_kind[where, int(kind_told[at])] += missing


def _rounds(
    by_kind: Ints,
    incident: Ints,
    of: Ints,
    first: Ints,
    counted: Flags,
    kind_of: Ints,
    role: Ints,
    burst_rounds: Ints,
) -> tuple[Ints, Ints]:
    incident_count = len(by_kind)
    sign = np.zeros(len(first), dtype=np.int64)
    np.add.at(sign, of, role)
    blast = counted & (FAMILY[kind_of] == FAMILY[_KIND["explosion"]])
    ends = {}
    for word, mask in zip(_BLAST_WORDS, (sign > 0, sign < 0, sign == 0), strict=True):
        ends[word] = np.bincount(incident[first[blast & mask]], minlength=incident_count)
    blasts = by_kind[:, _KIND["explosion"]] + by_kind[:, _KIND["launch"]]
    extra = np.maximum(blasts - sum(ends.values()), 0)  # repetitions told in one report
    ends_known = np.maximum(ends["out"], ends["in"])
    least = np.maximum(np.maximum(ends_known, ends["unsaid"] + extra), by_kind[:, _KIND["projectile"]])
    best = np.maximum(ends_known + ends["unsaid"] + extra, by_kind[:, _KIND["projectile"]])

    bursts = counted & (kind_of == _KIND["burst"])
    inside = np.full(len(first), -1, dtype=np.int64)
    np.maximum.at(inside, of, burst_rounds)
    burst_count = by_kind[:, _KIND["burst"]]
    said = np.bincount(incident[first[bursts & (inside > 0)]], minlength=incident_count)
    said_rounds = np.bincount(
        incident[first[bursts & (inside > 0)]],
        weights=inside[bursts & (inside > 0)].astype(np.float64),
        minlength=incident_count,
    ).astype(np.int64)
    unsaid = np.maximum(burst_count - said, 0)
    shots = by_kind[:, _KIND["shot"]] + said_rounds
    flashes = by_kind[:, _KIND["muzzle_flash"]]
    least = np.maximum(least + shots + BURST_ROUNDS_LEAST * unsaid, flashes)
    best = np.maximum(best + shots + BURST_ROUNDS_BEST * unsaid, flashes)
    return least.astype(np.int64), best.astype(np.int64)
