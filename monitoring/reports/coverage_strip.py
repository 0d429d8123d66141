"""What was watched as a drawing: for some kinds of happening a field of sectors (left to right) and hours (down).

The darker a cell, the surer a happening there would have been noticed; hatched cells were not observed. Cells without
a row were not computed and are left open with a dotted edge.
"""

from collections.abc import Iterable
from itertools import groupby
from typing import Final
from xml.sax.saxutils import escape

from monitoring.reports.content import Report
from monitoring.reports.observed import KINDS
from monitoring.reports.period import Period
from monitoring.reports.watch import NOT_OBSERVED_FRAC, Figures, Watch

WIDTH: Final = 1_200.0
SHOWN: Final = ("crossing_person", "crossing_vehicle", "fire_small_arms", "fire_mortar")
LEVELS: Final = 5
"""Shades: a fifth of the chance each."""
_LEFT, _GAP, _TOP, _BOTTOM = 62.0, 26.0, 26.0, 22.0
_CELL_H: Final = 8.0
_HOUR_NS: Final = 3_600 * 10**9


def coverage_strip(report: Report) -> str:
    """SVG text, the same for the same report; empty where coverage was not computed."""
    watch = report.watch
    if watch is None:
        return ""
    sectors = [sector.sector_id for sector in report.mission.sectors]
    hours = _hours(report.period)
    height = _TOP + len(hours) * _CELL_H + _BOTTOM
    panel = (WIDTH - _LEFT - 14.0 - _GAP * (len(SHOWN) - 1)) / len(SHOWN)
    parts = [
        f'<svg class="strip watch" viewBox="0 0 {WIDTH:.0f} {height:.0f}" role="img" '
        'aria-labelledby="watch-title watch-desc">',
        '<title id="watch-title">What was watched, by sector and hour</title>',
        f'<desc id="watch-desc">{escape(_described(watch))}</desc>',
        '<defs><pattern id="unwatched" width="5" height="5" patternUnits="userSpaceOnUse" '
        'patternTransform="rotate(45)"><line class="unwatched" x1="0" y1="0" x2="0" y2="5"/></pattern></defs>',
        *_hour_labels(report.period, hours),
    ]
    for number, kind in enumerate(SHOWN):
        x0 = _LEFT + number * (panel + _GAP)
        parts += _panel(watch, kind, sectors, hours, x0, panel)
    return "".join([*parts, "</svg>"])


def level(figures: Figures) -> int:
    """The shade of a cell: 0 = not observed, then by the chance that a happening on its line was noticed.

    >>> level(Figures(10, 0, 0)), level(Figures(10, 10, 9.5)), level(Figures(10, 10, 3))
    (0, 5, 2)
    """
    if figures.watched_frac < NOT_OBSERVED_FRAC:
        return 0
    return min(int(figures.effective / figures.line * LEVELS) + 1, LEVELS)


def _panel(
    watch: Watch, kind: str, sectors: list[str], hours: list[int], x0: float, width: float
) -> Iterable[str]:
    cell_w = width / max(len(sectors), 1)
    bottom = _TOP + len(hours) * _CELL_H
    yield f'<text class="tick panel" x="{x0:.1f}" y="{_TOP - 9}">{escape(KINDS[kind])}</text>'
    for column, sector in enumerate(sectors):
        x = x0 + column * cell_w
        for row, count, shade in _runs([watch.cells.get((sector, hour, kind)) for hour in hours]):
            y = _TOP + row * _CELL_H
            size = f'x="{x:.1f}" y="{y:.1f}" width="{cell_w + 0.05:.2f}" height="{count * _CELL_H:.1f}"'
            fill = 'fill="url(#unwatched)"' if shade == 0 else f'class="w{shade}"'
            yield f"<rect {fill} {size}/>"
    yield f'<rect class="frame" x="{x0:.1f}" y="{_TOP}" width="{width:.1f}" height="{bottom - _TOP:.1f}"/>'
    step = max(round(len(sectors) / 4), 1)
    for column in range(0, len(sectors), step):
        x = x0 + column * cell_w
        name = escape(sectors[column])
        yield f'<line class="notch" x1="{x:.1f}" y1="{bottom:.1f}" x2="{x:.1f}" y2="{bottom + 4:.1f}"/>'
        yield f'<text class="tick" x="{x:.1f}" y="{bottom + 16:.1f}">{name}</text>'


def _runs(cells: list[Figures | None]) -> Iterable[tuple[int, int, int]]:
    """First row, number of rows and shade of each run of equal cells; rows without line are left out."""
    shades = [None if one is None or not one.line else level(one) for one in cells]
    row = 0
    for shade, run in groupby(shades):
        count = len(list(run))
        if shade is not None:
            yield row, count, shade
        row += count


def _hour_labels(period: Period, hours: list[int]) -> Iterable[str]:
    for row, hour in enumerate(hours):
        at = period.local(hour * _HOUR_NS)
        if at.hour % 6 == 0 and at.minute == 0:
            y = _TOP + row * _CELL_H
            yield f'<text class="tick" x="{_LEFT - 8}" y="{y + 4:.1f}" text-anchor="end">{at:%H:%M}</text>'


def _hours(period: Period) -> list[int]:
    return list(range(period.from_ns // _HOUR_NS, -(-period.to_ns // _HOUR_NS)))


def _described(watch: Watch) -> str:
    shares = (
        f"{KINDS[kind].lower()}: {100 * watch.of_kind(kind).watched_frac:.0f} percent" for kind in SHOWN
    )
    return f"Share of the line's kilometre-hours that were watched. {'; '.join(shares)}."
