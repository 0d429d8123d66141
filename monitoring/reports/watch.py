"""What was watched in a period, summed up from COVERAGE rows, and rates per observed kilometre-hour.

"Nothing observed" (somebody looked and recorded nothing) and "not observed" (nobody looked) are different answers.
"""

import json
from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from math import sqrt
from typing import Any, Final

import pyarrow as pa

from monitoring.coverage import KINDS, kinds_of
from monitoring.reports.period import Period

NOT_OBSERVED_FRAC: Final = 0.1
"""Below this share of its line watched, an hour of a sector counts as not observed."""
HEAVY: Final = "fire_mortar"
WITH_HEAVY: Final = ("fire_artillery", "fire_rocket")
"""Which heavy weapon fired is seldom told: all of them make one rate, against what was watched for mortars, which are
heard least far."""
_MORE_LIKELY: Final = 0.5
_Z: Final = 1.959964
_HOUR_NS: Final = 3_600 * 10**9
Cell = tuple[str, int, str]
"""Sector id ("" = outside all), hour (its number in UTC), kind of happening."""


@dataclass(frozen=True)
class Figures:
    """Kilometre-hours: of line, watched, watched weighted by the chance of detection, lost by what did not work."""

    line: float = 0.0
    watched: float = 0.0
    effective: float = 0.0
    lost: float = 0.0

    def __add__(self, other: "Figures") -> "Figures":
        return Figures(
            self.line + other.line,
            self.watched + other.watched,
            self.effective + other.effective,
            self.lost + other.lost,
        )

    @property
    def watched_frac(self) -> float:
        """Share of the line's kilometre-hours that was watched."""
        return self.watched / self.line if self.line else 0.0

    @property
    def detection_prob(self) -> float | None:
        """Mean chance of detection where it was watched; None where nothing was."""
        return self.effective / self.watched if self.watched else None


@dataclass(frozen=True)
class Rate:
    """Happenings of one kind, more likely than not, per 1,000 observed kilometre-hours with a 95 % interval; None =
    nothing was observed.

    `dispersion`: by how much counts of sectors and hours vary more than chance alone would have them (1 = as chance).
    """

    kind: str
    count: int
    observed_km_h: float
    rate: float | None
    low: float | None
    high: float | None
    dispersion: float


@dataclass(frozen=True)
class Watch:
    """Coverage of one period. `cells`: figures by sector, hour and kind; `hours`: hours of the period with a row."""

    cells: Mapping[Cell, Figures]
    hours: float
    rates: tuple[Rate, ...] = ()
    of_sector: Mapping[tuple[str, str], Figures] = field(default_factory=dict)

    def of_kind(self, kind: str) -> Figures:
        """The whole line's figures for one kind."""
        return sum((one for (_, of), one in self.of_sector.items() if of == kind), Figures())


def watch_of(coverage: pa.Table, period: Period, findings: Iterable[Mapping[str, Any]]) -> Watch | None:
    """The period's coverage with its rates, of COVERAGE rows and standing findings; None = it was not computed."""
    cells: dict[Cell, Figures] = {}
    spans: dict[int, float] = {}
    for row in coverage.to_pylist():
        begin, end = row["time_start_ns"], row["time_end_ns"]
        share = (min(end, period.to_ns) - max(begin, period.from_ns)) / (end - begin)
        if share <= 0:
            continue
        hour = begin // _HOUR_NS
        spans[hour] = share * (end - begin) / _HOUR_NS
        figures = (row[name] * share for name in ("line_km_h", "watched_km_h", "effective_km_h", "lost_km_h"))
        cells[row["sector"], hour, row["kind"]] = Figures(*figures)
    if not cells:
        return None
    of_sector: dict[tuple[str, str], Figures] = defaultdict(Figures)
    for (sector, _, kind), one in cells.items():
        of_sector[sector, kind] += one
    return Watch(cells, sum(spans.values()), tuple(_rates(cells, findings)), dict(of_sector))


def coverage_of(findings: Sequence[Mapping[str, Any]]) -> Mapping[str, Any]:
    """What findings of one incident say of their coverage: of several the one watched least."""
    said = [json.loads(row["detail"]).get("coverage") for row in findings]
    known = [one for one in said if one is not None]
    return min(known, key=lambda one: one["watched_frac"] * (one["detection_prob"] or 0.0), default={})


def _rates(cells: Mapping[Cell, Figures], findings: Iterable[Mapping[str, Any]]) -> Iterable[Rate]:
    happened: dict[str, dict[str, tuple[str, int]]] = defaultdict(dict)
    for row in findings:
        if row["probability"] is not None and row["probability"] < _MORE_LIKELY:
            continue
        kinds = kinds_of(row["rule_id"], row["object_class"], json.loads(row["detail"]))
        if kinds:
            place = (row["sector"] or "", row["time_start_ns"] // _HOUR_NS)
            kind = HEAVY if set(kinds) & {HEAVY, *WITH_HEAVY} else kinds[0]
            happened[kind].setdefault(row["incident_id"] or row["finding_id"], place)
    for kind in KINDS:
        if kind in WITH_HEAVY:
            continue
        exposure = {
            (s, h): one.effective for (s, h, of), one in cells.items() if of == kind and one.effective > 0
        }
        counts = Counter(happened[kind].values())
        yield rate_of(kind, counts, exposure)


def rate_of(
    kind: str, counts: Mapping[tuple[str, int], int], exposure: Mapping[tuple[str, int], float]
) -> Rate:
    """The rate of counts by sector and hour over their observed kilometre-hours.

    The interval is that of a Poisson count (exact, by Wilson and Hilferty's approximation of chi squared), widened for
    clustering: the dispersion is Pearson's chi squared of sectors' counts over its degrees of freedom, at least 1,
    and stands in for the number of independent clusters, n / dispersion.
    """
    observed = sum(exposure.values())
    count = sum(counts.values())
    if observed <= 0:
        return Rate(kind, count, 0.0, None, None, None, 1.0)
    of_sector: dict[str, list[float]] = defaultdict(lambda: [0.0, 0.0])
    for (sector, _), km_h in exposure.items():
        of_sector[sector][1] += km_h
    for (sector, _), number in counts.items():
        of_sector[sector][0] += number
    expected = [(n, count * km_h / observed) for n, km_h in of_sector.values() if km_h > 0]
    pearson = sum((n - mean) ** 2 / mean for n, mean in expected if mean > 0)
    dispersion = max(pearson / max(len(expected) - 1, 1), 1.0)
    clusters = count / dispersion
    scale = dispersion * 1_000.0 / observed
    return Rate(
        kind,
        count,
        observed,
        1_000.0 * count / observed,
        _half_chi2(clusters, -_Z) * scale if count else 0.0,
        _half_chi2(clusters + 1.0, _Z) * scale,
        dispersion,
    )


def _half_chi2(shape: float, z: float) -> float:
    """Half the quantile of chi squared with 2 * shape degrees of freedom at the normal quantile z.

    >>> round(_half_chi2(11.0, 1.959964), 2), round(_half_chi2(10.0, -1.959964), 2)
    (18.39, 4.8)
    """
    ninth = 1.0 / (9.0 * shape)
    return float(shape * max(1.0 - ninth + z * sqrt(ninth), 0.0) ** 3)
