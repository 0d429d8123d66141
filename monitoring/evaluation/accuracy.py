"""How far off reports are that were right: in place, in time, and whether the stated uncertainty was honest.

A stated uncertainty is honest when about half of the true places lie inside the ellipse that should hold
half of them, and so on: the squared Mahalanobis distance in the plane is below -2 ln(1 - q) with
probability q.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from math import log
from typing import Final

import numpy as np
from numpy.typing import NDArray

from monitoring.evaluation.reports import Report
from monitoring.evaluation.shares import Share
from monitoring.simulation.truth import Happening

Reals = NDArray[np.float64]

EARTH_M: Final = 6_371_008.8
LEVELS: Final = (0.5, 0.9, 0.95)
PLACED: Final = {"crossing": ("at", "exit"), "fire": ("origin", "impact", "at"), "works": ("origin",)}
"""Kinds of happening that have a place, not only an extent, and the roles of these places."""


@dataclass(frozen=True)
class Spread:
    """A few quantiles of `n` numbers; null where there are none."""

    n: int
    median: float | None
    p90: float | None
    mean: float | None

    @classmethod
    def of(cls, values: list[float]) -> "Spread":
        """
        >>> Spread.of([1.0, 2.0, 3.0]).median
        2.0
        """
        if not values:
            return cls(0, None, None, None)
        median, p90 = np.quantile(values, [0.5, 0.9])
        return cls(
            len(values), round(float(median), 3), round(float(p90), 3), round(float(np.mean(values)), 3)
        )


@dataclass(frozen=True)
class Accuracy:
    """Errors of the matched reports of one rule.

    `location_m`: from the report's first place to the nearest true one. `inside`: level (`50`, `90`, `95`) →
    share of true places inside that ellipse. `time_s`: how far the reported start is from the true one,
    without sign. `delay_s`: from the happening's start to the final finding, where that is known.
    """

    location_m: Spread
    inside: dict[str, Share]
    time_s: Spread
    delay_s: Spread


def accuracy(pairs: list[tuple[Happening, Report]], published_ns: Mapping[str, int] | None) -> Accuracy:
    """The errors of matched pairs; `published_ns` says when findings became final (by finding id)."""
    errors, squared, times, delays = [], [], [], []
    for happening, report in pairs:
        offset = _offset(happening, report)
        if offset is not None:
            errors.append(float(np.hypot(*offset)))
            if report.sigma_major_m > 0:
                squared.append(mahalanobis2(*offset, report))
        times.append(abs(report.time_start_ns - happening.time_start_ns) / 1e9)
        known = [(published_ns or {}).get(name) for name in report.finding_ids]
        final = [at for at in known if at is not None]
        if final:
            delays.append((min(final) - happening.time_start_ns) / 1e9)
    limits = {f"{100 * level:g}": -2.0 * log(1.0 - level) for level in LEVELS}
    return Accuracy(
        location_m=Spread.of(errors),
        inside={
            name: Share.of(sum(m <= most for m in squared), len(squared)) for name, most in limits.items()
        },
        time_s=Spread.of(times),
        delay_s=Spread.of(delays),
    )


def _offset(happening: Happening, report: Report) -> tuple[float, float] | None:
    """East and north (m) from the report's first place to the nearest of the happening's; None without one."""
    roles = PLACED.get(happening.kind, ())
    if not roles or not len(report.lon):
        return None
    lon, lat = float(report.lon[0]), float(report.lat[0])
    offsets = [
        (
            float(np.radians(place.lon - lon) * np.cos(np.radians((place.lat + lat) / 2)) * EARTH_M),
            float(np.radians(place.lat - lat) * EARTH_M),
        )
        for place in happening.places
        if place.role in roles
    ]
    return min(offsets, key=lambda offset: np.hypot(*offset), default=None)


def mahalanobis2(east: float, north: float, report: Report) -> float:
    """Squared distance in standard deviations of the report's ellipse (azimuth of its major axis from north)."""
    azimuth = np.radians(report.sigma_azimuth_deg)
    along = east * np.sin(azimuth) + north * np.cos(azimuth)
    across = east * np.cos(azimuth) - north * np.sin(azimuth)
    minor = report.sigma_minor_m if report.sigma_minor_m > 0 else report.sigma_major_m
    return float((along / report.sigma_major_m) ** 2 + (across / minor) ** 2)
