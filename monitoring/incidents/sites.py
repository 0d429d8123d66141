"""Sites: which reports of something that lasts at a place (works, mines, a refusal) are of one place and time.

Reports are taken in canonical order. One joins the nearest open site of its kind whose place it agrees with, or
founds a site. A site closes after a pause, or when it has lasted too long, and its place is the mean of its
reports, so that neither in space nor in time can reports chain on for ever. What a report joins depends on sites
that are open at its time only; closed ones may be forgotten without changing anything.
"""

from dataclasses import dataclass, field
from math import cos, floor, hypot, radians
from typing import Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

from monitoring.incidents.geometry import METRES_PER_DEG, offsets_m

Ints = NDArray[np.int64]
Reals = NDArray[np.float64]

SLOT_NS: Final = 60_000_000_000
SPOT_M: Final = 500.0
"""Reports of one sensor in a minute, this near to the first of them, are one reading: shouting costs no more."""
_CELL_DEG: Final = 0.1
_SIGMA_LEAST_M: Final = 5.0


class Limits(NamedTuple):
    """Values at the time of each report, (n,): pause and length that close a site, and how near is the same place."""

    gap_ns: Ints
    longest_ns: Ints
    radius_m: Reals
    k_sigma: Reals
    limit_m: Reals


class Sites(NamedTuple):
    """`site` (n,): each report's site, numbered in the order of first reports; `close_ns` (m,): when it closes."""

    site: Ints
    close_ns: Ints


@dataclass
class _Site:
    number: int
    lon: float
    lat: float
    sigma_m: float
    weight: float
    start_ns: int
    last_ns: int
    gap_ns: int
    longest_ns: int
    cell: tuple[int, int, int] = field(default=(0, 0, 0))

    @property
    def close_ns(self) -> int:
        return min(self.last_ns + self.gap_ns, self.start_ns + self.longest_ns)


def grouped(
    time_ns: Ints,
    end_ns: Ints,
    lon: Reals,
    lat: Reals,
    sigma_m: Reals,
    kind: Ints,
    sensor: Ints,
    limits: Limits,
) -> Sites:
    """The sites of n reports in canonical order; `end_ns` is when what they tell of ended, `kind` keeps apart."""
    first, reading = readings(time_ns, kind, sensor, spots(time_ns, kind, sensor, lon, lat))
    last_ns = time_ns.copy()
    np.maximum.at(last_ns, first[reading], np.maximum(end_ns, time_ns))
    found: list[_Site] = []
    by_cell: dict[tuple[int, int, int], list[_Site]] = {}
    site = np.empty(len(first), dtype=np.int64)
    for at, row in enumerate(first.tolist()):
        x, y, now_ns = float(lon[row]), float(lat[row]), int(time_ns[row])
        cell = (int(kind[row]), floor(x / _CELL_DEG), floor(y / _CELL_DEG))
        own_m = max(float(sigma_m[row]), _SIGMA_LEAST_M)
        near = _nearest(by_cell, cell, x, y, own_m, now_ns, row, limits)
        if near is None:
            near = _Site(
                len(found),
                x,
                y,
                own_m,
                0.0,
                now_ns,
                now_ns,
                int(limits.gap_ns[row]),
                int(limits.longest_ns[row]),
            )
            found.append(near)
            by_cell.setdefault(cell, []).append(near)
        weight = own_m**-2
        near.weight += weight
        near.lon += (x - near.lon) * weight / near.weight
        near.lat += (y - near.lat) * weight / near.weight
        near.sigma_m = min(near.sigma_m, own_m)
        near.last_ns = max(near.last_ns, int(last_ns[row]))
        site[at] = near.number
    close_ns = np.array([one.close_ns for one in found], dtype=np.int64)
    return Sites(site[reading], close_ns)


def spots(time_ns: Ints, kind: Ints, sensor: Ints, lon: Reals, lat: Reals) -> Ints:
    """Where each of n reports in canonical order is, (n,): the row of the report whose spot it shares.

    Of the reports of one sensor, kind and minute the first has a spot and those within SPOT_M share it, then the
    first of the others, and so on. Spots stand where the reports are, not on fixed squares: a scene that is moved
    or mirrored has the same.

    >>> zero, lat = np.zeros(3, dtype=np.int64), np.array([48.0, 48.006, 48.003])
    >>> spots(np.arange(3), zero, zero, np.full(3, 37.0), lat)
    array([0, 1, 0])
    """
    spot = np.arange(len(time_ns))
    if not len(time_ns):
        return spot
    key = np.stack([sensor, kind, time_ns // SLOT_NS])
    left = np.lexsort(key[::-1])
    while len(left):
        opens = np.ones(len(left), dtype=np.bool_)
        opens[1:] = np.any(key[:, left[1:]] != key[:, left[:-1]], axis=0)
        lead = left[opens][np.cumsum(opens) - 1]
        east_m, north_m = offsets_m(lon[lead], lat[lead], lon[left], lat[left])
        shares = (np.hypot(east_m, north_m) <= SPOT_M) | (left == lead)
        spot[left[shares]] = lead[shares]
        left = left[~shares]
    return spot


def readings(time_ns: Ints, kind: Ints, sensor: Ints, place: Ints) -> tuple[Ints, Ints]:
    """Readings of n reports in canonical order: the first report of each (m,), and each report's reading (n,).

    Reports of one sensor, kind, minute and `place` at different times are one reading; those at the same instant
    are told apart by the sensor and stay apart.

    >>> ns = np.array([0, 0, 30, 90]) * 1_000_000_000
    >>> same = np.zeros(4, dtype=np.int64)
    >>> readings(ns, same, same, same)
    (array([0, 1, 3]), array([0, 1, 0, 2]))
    """
    if not len(time_ns):
        return np.zeros(0, dtype=np.int64), np.zeros(0, dtype=np.int64)
    key = np.stack([sensor, kind, place, time_ns // SLOT_NS])
    order = np.lexsort((np.arange(len(time_ns)), *key[::-1]))
    opens = np.ones(len(order), dtype=np.bool_)
    opens[1:] = np.any(key[:, order[1:]] != key[:, order[:-1]], axis=0)
    group = np.cumsum(opens) - 1
    begin = np.flatnonzero(opens)
    rank = np.arange(len(order)) - begin[group]
    is_apart = (time_ns[order] == time_ns[order[begin]][group]) & (rank > 0)
    leader = np.where(is_apart, order, order[begin][group])
    of = np.empty(len(order), dtype=np.int64)
    of[order] = leader
    first, reading = np.unique(of, return_inverse=True)
    return first, reading.astype(np.int64)


def _nearest(
    by_cell: dict[tuple[int, int, int], list[_Site]],
    cell: tuple[int, int, int],
    lon: float,
    lat: float,
    sigma_m: float,
    now_ns: int,
    row: int,
    limits: Limits,
) -> _Site | None:
    """The nearest open site that a report agrees with; of equally near ones the elder."""
    east = METRES_PER_DEG * cos(radians(lat))
    radius_m, k_sigma = float(limits.radius_m[row]), float(limits.k_sigma[row])
    limit_m = float(limits.limit_m[row])
    best: tuple[float, int] | None = None
    chosen: _Site | None = None
    for column in (-1, 0, 1):
        for line in (-1, 0, 1):
            key = (cell[0], cell[1] + column, cell[2] + line)
            sites = by_cell.get(key)
            if not sites:
                continue
            sites[:] = [one for one in sites if one.close_ns >= now_ns]
            for one in sites:
                far_m = hypot((one.lon - lon) * east, (one.lat - lat) * METRES_PER_DEG)
                gate_m = min(radius_m + k_sigma * hypot(sigma_m, one.sigma_m), limit_m)
                if far_m <= gate_m and (best is None or (far_m, one.number) < best):
                    best, chosen = (far_m, one.number), one
    return chosen
