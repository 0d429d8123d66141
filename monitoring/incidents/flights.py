"""Flights: impacts whose launches were seen by other sensors, and vague reports of fire that others saw sharply.

Where shells fell follows the group that can have fired them: near enough, nearly every impact a time of flight after
a launch and nearly every launch a time of flight before an impact, and no other calibre. Times of flight are bounded
by physics alone: no faster than a direct shot, no longer than a steep throw without drag.

Fire that only vague reports tell of (a seismic array, people far away) follows sharper fire of the same kind at the
same time within its error and the move that one happening may make: it is the same fire, badly placed, far more often
than another one that nobody placed.

The choice is made when everything that could be chosen is complete; who chooses and who can be chosen wait for that,
nothing else does. Who follows is followed by nobody, so that no chain of waiting forms.
"""

from typing import Final

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from monitoring import events
from monitoring.incidents import geometry
from monitoring.incidents.parts import Parts
from monitoring.incidents.phenomena import origin_times, roles
from monitoring.incidents.readings import is_arrival

Ints = NDArray[np.int64]
Reals = NDArray[np.float64]
Flags = NDArray[np.bool_]

REACH_M: Final = 25_000.0
"""Further apart, two ends are paired only by a sensor that saw both."""
WAIT_M: Final = 30_000.0
"""Both ends wait for whatever lies within this: means may still move by less than the difference."""
FLIGHT_S_MAX: Final = 150.0
TIMING_S: Final = 3.0
"""Slack of times."""
FASTEST_MPS: Final = 900.0
STEEP_S_PER_SQRT_M: Final = 0.95
"""Time of flight without drag at 77 degrees of elevation: sqrt(2 tan(e) d / g)."""
FELL_FRAC: Final = 0.7
FIRED_FRAC: Final = 0.6
"""So many of the impacts must have a launch before them, and of the launches an impact behind them."""


VAGUE_M: Final = 300.0
"""Fire placed no better than this may follow fire placed at least twice as well."""
VAGUE_SIGMAS: Final = 5.0
VAGUE_REACH_M: Final = 8_000.0
MOVE_M: Final = 1_000.0
"""What a happening may move, besides the error of a vague place."""
OVERLAP_S: Final = 60.0


def is_vague(parts: Parts) -> Flags:
    """Parts that no report places well, (p,)."""
    return parts.sigma_m > VAGUE_M


def waits(parts: Parts, complete_ns: Ints) -> tuple[Ints, Ints]:
    """From when each part's own choice is certain, and from when also who chooses it, both (p,).

    A part that can be neither end of a flight waits for nothing beyond its own completion.
    """
    # Where guns fire, impacts may yet be heard that make a part of their own.
    i, j = _near(parts, np.flatnonzero(parts.is_fall | parts.has_launch | is_vague(parts)))
    chosen_ns = complete_ns.copy()
    np.maximum.at(chosen_ns, i, complete_ns[j])
    all_ns = chosen_ns.copy()
    np.maximum.at(all_ns, j, chosen_ns[i])
    return chosen_ns, all_ns


def followed(rows: pa.Table, parts: Parts, is_free: Flags, is_known: Flags) -> Ints:
    """The part that each part follows, itself where none, (p,).

    `is_free` (p,): follows nobody yet and nobody follows it as an impact; `is_known` (p,): its choice is certain.
    """
    lead = _sharper(parts, is_free, is_known)
    falls = np.flatnonzero(parts.is_fall & ~is_vague(parts) & is_free & is_known)
    if not len(falls) or not parts.has_launch.any():
        return lead
    i, j = _near(parts, falls)
    may = parts.has_launch[j] & ~is_vague(parts)[j] & is_free[j]
    i, j = i[may], j[may]
    east, north = geometry.offsets_m(parts.lon[i], parts.lat[i], parts.lon[j], parts.lat[j])
    way_m = np.hypot(east, north)
    close = way_m <= REACH_M
    i, j, way_m = i[close], j[close], way_m[close]
    if not len(i):
        return lead
    times = _Times(rows, parts, np.unique(np.concatenate([i, j])))
    score = np.array(
        [times.score(*pair) for pair in zip(i.tolist(), j.tolist(), way_m.tolist(), strict=True)]
    )
    fits = np.flatnonzero(np.isfinite(score))
    order = fits[np.lexsort((j[fits], -score[fits], i[fits]))]
    first = np.ones(len(order), dtype=np.bool_)
    first[1:] = i[order][1:] != i[order][:-1]
    lead[i[order[first]]] = j[order[first]]
    return lead


def _sharper(parts: Parts, is_free: Flags, is_known: Flags) -> Ints:
    """The sharper part that each vague part follows, itself where none, (p,)."""
    lead = np.arange(len(parts), dtype=np.int64)
    vague = is_vague(parts)
    i, j = _near(parts, np.flatnonzero(vague & is_free & is_known))
    slack_ns = np.int64(OVERLAP_S * 1e9)
    may = ~vague[j] & ~parts.is_fall[j] & is_free[j] & (2.0 * parts.sigma_m[j] <= parts.sigma_m[i])
    may &= parts.is_small[i] == parts.is_small[j]
    may &= (parts.start_ns[i] <= parts.end_ns[j] + slack_ns) & (
        parts.end_ns[i] >= parts.start_ns[j] - slack_ns
    )
    i, j = i[may], j[may]
    east, north = geometry.offsets_m(parts.lon[i], parts.lat[i], parts.lon[j], parts.lat[j])
    gate_m = np.minimum(MOVE_M + VAGUE_SIGMAS * parts.sigma_m[i], VAGUE_REACH_M)
    score = np.hypot(east, north) / gate_m
    fits = np.flatnonzero(score <= 1.0)
    order = fits[np.lexsort((j[fits], score[fits], i[fits]))]
    first = np.ones(len(order), dtype=np.bool_)
    first[1:] = i[order][1:] != i[order][:-1]
    lead[i[order[first]]] = j[order[first]]
    return lead


def _near(parts: Parts, of: Ints) -> tuple[Ints, Ints]:
    """Ordered pairs (one of `of`, any part) that touch in time of flight and lie within the distance of waiting."""
    i, j = geometry.pairs_within(parts.lon, parts.lat, WAIT_M)
    wanted = np.zeros(len(parts), dtype=np.bool_)
    wanted[of] = True
    reach_ns = np.int64(FLIGHT_S_MAX * 1e9)
    keep = wanted[i] & (parts.start_ns[j] <= parts.end_ns[i] + reach_ns)
    keep &= parts.end_ns[j] >= parts.start_ns[i] - reach_ns
    return i[keep], j[keep]


class _Times:
    """Launches and impacts of some parts, at their places, and what calibres were stated."""

    def __init__(self, rows: pa.Table, parts: Parts, wanted: Ints) -> None:
        at = np.flatnonzero(np.isin(parts.of_row, wanted))
        rows = rows.take(pa.array(at))
        lon, lat = events.reals(rows, "at_lon"), events.reals(rows, "at_lat")
        east, north = geometry.offsets_m(
            events.reals(rows, "from_lon"), events.reals(rows, "from_lat"), lon, lat
        )
        time_ns, _ = origin_times(
            events.ints(rows, "time_ns"),
            events.reals(rows, "time_sigma_s"),
            is_arrival(rows),
            np.hypot(east, north),
            events.reals(rows, "sigma_m_max"),
        )
        role = roles(events.codes(rows, "kind"), events.codes(rows, "direction"))
        of = parts.of_row[at]
        self._is_fall = parts.is_fall
        timed = np.where(parts.is_fall[of], role < 0, role > 0)
        self._time_s = _by_part(of[timed], (time_ns - int(time_ns.min(initial=0)))[timed] / 1e9)
        calibre = events.reals(rows, "calibre_mm")
        known = np.isfinite(calibre)
        self._calibre_mm = _by_part(of[known], calibre[known])

    def score(self, fall: int, launch: int, way_m: float) -> float:
        """How well the impacts of one part fit the launches of another, -inf = not."""
        fell, fired = self._time_s.get(fall), self._time_s.get(launch)
        if fell is None or fired is None:
            return -np.inf
        calibres = self._calibre_mm.get(fall), self._calibre_mm.get(launch)
        agreed = 0.0
        if calibres[0] is not None and calibres[1] is not None:
            if abs(float(np.median(calibres[0]) - np.median(calibres[1]))) > 1.0:
                return -np.inf
            agreed = 0.3
        least_s = way_m / FASTEST_MPS - TIMING_S
        most_s = min(STEEP_S_PER_SQRT_M * way_m**0.5, FLIGHT_S_MAX) + TIMING_S
        after = _share_with(fell - most_s, fell - least_s, fired)
        before = _share_with(fired + least_s, fired + most_s, fell)
        if after < FELL_FRAC or before < FIRED_FRAC:
            return -np.inf
        return after + before + agreed - way_m / REACH_M


def _share_with(low: Reals, high: Reals, times: Reals) -> float:
    """Share of the intervals that hold at least one of the sorted times."""
    inside = np.searchsorted(times, high, side="right") > np.searchsorted(times, low, side="left")
    return float(np.mean(inside))


def _by_part(of: Ints, values: Reals) -> dict[int, Reals]:
    order = np.lexsort((values, of))
    if not len(order):
        return {}
    names, begin = np.unique(of[order], return_index=True)
    return dict(zip(names.tolist(), np.split(values[order], begin[1:]), strict=True))
