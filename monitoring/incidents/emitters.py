"""Emitters: which reports of jamming come from one emitter.

A direction finder gives a bearing, a receiver that lost its place says within what error it stands near an emitter;
the emitter itself may be anywhere within reach. Reports are taken in canonical order. Each joins the open emitter
that explains it best, or founds one, whichever is likelier: by how well bearing or place agree with what is known of
the emitter, by how often it went unheard since (a finder that stays where it is would have heard it), and by how
alike the stated errors are, since an emitter's strength does not change. What one sensor reports at one instant are
different emitters. An emitter's place is followed by a Kalman filter here, only to tell emitters apart; where it is
told to be is worked out by `locating`. What a report joins depends on emitters open at its time only, so closed ones
may be forgotten.
"""

from dataclasses import dataclass, field
from math import atan2, cos, degrees, hypot, inf, log, pi, radians, sin, sqrt
from typing import Any, Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

from monitoring.incidents.geometry import METRES_PER_DEG, bin_of
from monitoring.incidents.sites import readings

Ints = NDArray[np.int64]
Reals = NDArray[np.float64]

_BEARING_BIN_DEG: Final = 5.0
_DRIFT_M: Final = 200.0
"""Added to the error of a place at each report: linearised bearings make the filter surer than it should be."""
_NEAR_M: Final = 500.0
"""A bearing to a place nearer than this says nothing."""


class Reports(NamedTuple):
    """Reports of jamming in canonical order, (n,). `lon`, `lat`: where the observer of a bearing stood, or the
    place of the receiver (NaN where not known); `sigma_m` NaN for a bearing, `bearing_deg` NaN for a place."""

    time_ns: Ints
    end_ns: Ints
    sensor: Ints
    lon: Reals
    lat: Reals
    sigma_m: Reals
    bearing_deg: Reals
    bearing_sigma_deg: Reals

    def taken(self, rows: Ints) -> "Reports":
        """Some of them."""
        columns: list[Any] = [column[rows] for column in self]
        return Reports(*columns)

    def at(self, row: int) -> "Report":
        """One of them."""
        times = (int(column[row]) for column in self[:3])
        return Report(*times, *(float(column[row]) for column in self[3:]))


class Report(NamedTuple):
    """One report, as in `Reports`."""

    time_ns: int
    end_ns: int
    sensor: int
    lon: float
    lat: float
    sigma_m: float
    bearing_deg: float
    bearing_sigma_deg: float

    @property
    def is_bearing(self) -> bool:
        """A bearing, not a place."""
        return self.bearing_deg == self.bearing_deg

    @property
    def is_placed(self) -> bool:
        """Whether it is known where it was observed."""
        return self.lon == self.lon


class Values(NamedTuple):
    """Values in force at the first report: pause and length that close an emitter; how far one is heard; how often
    an emitter in reach is reported, and P(one such interval brings none), P(it brings a new emitter); spread of the
    logarithm of stated errors; how many standard deviations still agree."""

    gap_ns: int
    longest_ns: int
    reach_m: float
    interval_s: float
    miss_prob: float
    appear_prob: float
    strength_sigma: float
    k_sigma: float


class Emitters(NamedTuple):
    """`emitter` (n,): each report's emitter, numbered in the order of first reports; `close_ns` (m,)."""

    emitter: Ints
    close_ns: Ints


@dataclass
class _Emitter:
    number: int
    lon: float
    lat: float
    start_ns: int
    last_ns: int
    heard_by: set[int] = field(default_factory=set)
    x: float = 0.0
    y: float = 0.0
    var_x: float = 0.0
    cov: float = 0.0
    var_y: float = 0.0
    log_sigma: float | None = None
    bearing_deg: float | None = None
    """Only of one whose observer's place is not known: its bearing."""

    def close_ns(self, values: Values) -> int:
        return min(self.last_ns + values.gap_ns, self.start_ns + values.longest_ns)

    def from_observer(self, report: Report) -> tuple[float, float]:
        """East and north offset of the emitter from where a report was made."""
        east = METRES_PER_DEG * cos(radians(self.lat))
        away_deg = (report.lon - self.lon + 180.0) % 360.0 - 180.0
        return self.x - away_deg * east, self.y - (report.lat - self.lat) * METRES_PER_DEG


def heard(reports: Reports, values: Values) -> Emitters:
    """The emitters of n reports."""
    is_bearing = np.isfinite(reports.bearing_deg)
    direction = np.floor(np.where(is_bearing, reports.bearing_deg, 0.0) / _BEARING_BIN_DEG).astype(np.int64)
    what = np.where(is_bearing, direction, bin_of(reports.lon, reports.lat))
    first, reading = readings(reports.time_ns, is_bearing.astype(np.int64), reports.sensor, what)
    last_ns = reports.time_ns.copy()
    np.maximum.at(last_ns, first[reading], np.maximum(reports.end_ns, reports.time_ns))
    found: list[_Emitter] = []
    open_now: list[_Emitter] = []
    emitter = np.empty(len(first), dtype=np.int64)
    at = 0
    while at < len(first):
        together = [at]
        head = reports.at(int(first[at]))
        while at + 1 < len(first):
            after = int(first[at + 1])
            if (reports.time_ns[after], reports.sensor[after]) != (head.time_ns, head.sensor):
                break
            at += 1
            together.append(at)
        at += 1
        open_now = [one for one in open_now if one.close_ns(values) >= head.time_ns]
        said = [reports.at(int(first[k])) for k in together]
        for k, report, chosen in zip(together, said, _chosen(said, open_now, values), strict=True):
            known = chosen
            if known is None:
                known = _founded(len(found), report, values)
                found.append(known)
                open_now.append(known)
            else:
                _learn(known, report)
            known.heard_by.add(report.sensor)
            known.last_ns = max(known.last_ns, int(last_ns[int(first[k])]))
            emitter[k] = known.number
    close_ns = np.array([one.close_ns(values) for one in found], dtype=np.int64)
    return Emitters(emitter[reading], close_ns)


def _chosen(said: list[Report], open_now: list[_Emitter], values: Values) -> list[_Emitter | None]:
    """For each of the reports of one sensor and instant its emitter, each at most once; the likeliest pair first."""
    limit = -log(values.appear_prob)
    pairs = [
        (cost, one.number, k, one)
        for k, report in enumerate(said)
        for one in open_now
        if (cost := _cost(one, report, values)) < limit
    ]
    pairs.sort(key=lambda pair: pair[:3])
    chosen: list[_Emitter | None] = [None] * len(said)
    taken: set[int] = set()
    for _, number, k, one in pairs:
        if chosen[k] is None and number not in taken:
            chosen[k] = one
            taken.add(number)
    return chosen


def _cost(one: _Emitter, report: Report, values: Values) -> float:
    """How much less likely an emitter makes a report than one from anywhere within reach (log of the ratio)."""
    if (one.bearing_deg is None) != report.is_placed:
        return inf
    elapsed_s = (report.time_ns - one.last_ns) / 1e9
    unheard = max(elapsed_s // values.interval_s, 0.0)
    if report.is_bearing and report.sensor not in one.heard_by:
        unheard = max(unheard, (report.time_ns - one.start_ns) / 1e9 // values.interval_s)
    silence = -log(values.miss_prob) * unheard
    if not report.is_placed:
        if report.sensor not in one.heard_by or not report.is_bearing:
            return silence if report.sensor in one.heard_by else inf
        assert one.bearing_deg is not None
        turn_deg = (report.bearing_deg - one.bearing_deg + 180.0) % 360.0 - 180.0
        return silence + _misfit(turn_deg, sqrt(2.0) * report.bearing_sigma_deg, values.k_sigma)
    dx, dy = one.from_observer(report)
    if report.is_bearing:
        return silence + _bearing_cost(one, report, dx, dy, values)
    var_x, var_y = one.var_x + report.sigma_m**2, one.var_y + report.sigma_m**2
    determinant = var_x * var_y - one.cov**2
    misfit = (var_y * dx * dx - 2.0 * one.cov * dx * dy + var_x * dy * dy) / determinant
    if misfit > values.k_sigma**2:
        return inf
    cost = 0.5 * misfit + log(2.0 * pi * sqrt(determinant)) - log(pi * values.reach_m**2)
    if one.log_sigma is not None:
        cost += 0.5 * ((log(report.sigma_m) - one.log_sigma) / values.strength_sigma) ** 2
    return silence + cost


def _bearing_cost(one: _Emitter, report: Report, dx: float, dy: float, values: Values) -> float:
    far_m = hypot(dx, dy)
    along = (dx * dx * one.var_x + 2.0 * dx * dy * one.cov + dy * dy * one.var_y) / max(far_m, 1.0) ** 2
    if far_m - 2.0 * sqrt(along) > values.reach_m:
        return inf
    near_m = max(far_m, _NEAR_M)
    across = (dy * dy * one.var_x - 2.0 * dx * dy * one.cov + dx * dx * one.var_y) / max(far_m, 1.0) ** 2
    sigma_deg = hypot(report.bearing_sigma_deg, min(degrees(sqrt(max(across, 0.0)) / near_m), 90.0))
    turn_deg = (report.bearing_deg - degrees(atan2(dx, dy)) + 180.0) % 360.0 - 180.0
    return _misfit(turn_deg, sigma_deg, values.k_sigma)


def _misfit(turn_deg: float, sigma_deg: float, k_sigma: float) -> float:
    score = turn_deg / sigma_deg
    if abs(score) > k_sigma:
        return inf
    return 0.5 * score * score + log(sqrt(2.0 * pi) * sigma_deg) - log(360.0)


def _founded(number: int, report: Report, values: Values) -> _Emitter:
    """An emitter of which one report is known: half-way out on its bearing, or around its receiver."""
    made = _Emitter(number, report.lon, report.lat, report.time_ns, report.time_ns)
    if not report.is_placed:
        made.bearing_deg = report.bearing_deg if report.is_bearing else 0.0
        return made
    if not report.is_bearing:
        made.var_x = made.var_y = report.sigma_m**2
        made.log_sigma = log(report.sigma_m)
        return made
    turn = radians(report.bearing_deg)
    half_m = values.reach_m / 2.0
    made.x, made.y = half_m * sin(turn), half_m * cos(turn)
    along, across = values.reach_m**2 / 12.0, (half_m * radians(report.bearing_sigma_deg)) ** 2
    made.var_x = along * sin(turn) ** 2 + across * cos(turn) ** 2
    made.var_y = along * cos(turn) ** 2 + across * sin(turn) ** 2
    made.cov = (along - across) * sin(turn) * cos(turn)
    return made


def _learn(one: _Emitter, report: Report) -> None:
    """A further report moves the emitter's place and narrows its error."""
    if not report.is_placed:
        return
    dx, dy = one.from_observer(report)
    if report.is_bearing:
        far_m = max(hypot(dx, dy), _NEAR_M)
        turn = radians((report.bearing_deg - degrees(atan2(dx, dy)) + 180.0) % 360.0 - 180.0)
        _update(one, dy / far_m**2, -dx / far_m**2, turn, radians(report.bearing_sigma_deg) ** 2)
    else:
        _update(one, 1.0, 0.0, -dx, report.sigma_m**2)
        _, dy = one.from_observer(report)
        _update(one, 0.0, 1.0, -dy, report.sigma_m**2)
        known = one.log_sigma
        one.log_sigma = log(report.sigma_m) if known is None else known + 0.3 * (log(report.sigma_m) - known)
    one.var_x += _DRIFT_M**2
    one.var_y += _DRIFT_M**2


def _update(one: _Emitter, h_x: float, h_y: float, miss: float, variance: float) -> None:
    """One scalar measurement: its derivatives, what it misses by, and its variance."""
    gain_x = one.var_x * h_x + one.cov * h_y
    gain_y = one.cov * h_x + one.var_y * h_y
    total = gain_x * h_x + gain_y * h_y + variance
    one.x += gain_x * miss / total
    one.y += gain_y * miss / total
    one.var_x -= gain_x * gain_x / total
    one.cov -= gain_x * gain_y / total
    one.var_y -= gain_y * gain_y / total
