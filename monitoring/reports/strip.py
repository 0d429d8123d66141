"""The unrolled line of one period as a drawing: kilometres from left to right, time from top to bottom.

A mark stands for incidents that began near one place and time; its size grows with what it stands for. The whole
drawing is hatched as long as coverage is not computed, and where nobody was looking when it is: blank means "nothing
recorded", never "nothing happened".
"""

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import timedelta
from math import sqrt
from typing import Final
from xml.sax.saxutils import escape

from monitoring.incidents.wording import month
from monitoring.reports.content import EvidenceLine, Report
from monitoring.reports.period import Period

WIDTH: Final = 1_200.0
HEIGHT: Final = 330.0
_LEFT, _RIGHT, _TOP, _BOTTOM = 62.0, 14.0, 26.0, 26.0
_FIELD_SIZE: Final = f'width="{WIDTH - _LEFT - _RIGHT:.0f}" height="{HEIGHT - _TOP - _BOTTOM:.0f}"'
_BIN: Final = 7.0
_RADIUS_MIN, _RADIUS_MAX = 2.0, 9.0
_CLEAR_NS: Final = 5_400 * 1_000_000_000
"""Hours nearer than this to an end of the period have no label of their own."""
_HOUR_NS: Final = 3_600 * 1_000_000_000
_LOOKED_FOR: Final = ("crossing_vehicle", "fire_mortar")
_DARK_FRAC: Final = 0.5
_STEPS_KM: Final = (1, 2, 5, 10, 20, 50, 100, 200, 500, 1_000)


@dataclass(frozen=True)
class _Mark:
    x: float
    y: float
    weight: int
    kind: str
    side: str


def strip(report: Report) -> str:
    """SVG text, the same for the same report; colours come from the page's style."""
    length_m = max(report.mission.line_length_m, 1.0)
    parts = [
        f'<svg class="strip" viewBox="0 0 {WIDTH:.0f} {HEIGHT:.0f}" role="img" '
        'aria-labelledby="strip-title strip-desc">',
        '<title id="strip-title">Unrolled line: where and when incidents were recorded</title>',
        f'<desc id="strip-desc">{escape(_described(report))}</desc>',
        '<defs><pattern id="hatch" width="6" height="6" patternUnits="userSpaceOnUse" patternTransform="rotate(45)">'
        '<line class="hatch" x1="0" y1="0" x2="0" y2="6"/></pattern></defs>',
        f'<rect class="field" x="{_LEFT}" y="{_TOP}" {_FIELD_SIZE}/>',
        *_hatched(report, length_m),
        *_sector_rules(report, length_m),
        *_time_rules(report.period),
        *_kilometres(length_m),
        *(_drawn(mark) for mark in _marks(report, length_m)),
        "</svg>",
    ]
    return "".join(parts)


def _described(report: Report) -> str:
    return (
        f"{len(report.fire)} incidents of fire and {len(report.movement)} of movement between kilometre 0 and "
        f"{report.mission.line_length_m / 1_000:.0f}. {_blank(report)}"
    )


def _blank(report: Report) -> str:
    if report.watch is None:
        return "Coverage is not computed: blank means that nothing was recorded there and then."
    return "Hatched: hardly anybody was looking for vehicles or for fire of mortars. Blank: nothing was recorded."


def _hatched(report: Report, length_m: float) -> Iterable[str]:
    """Where nothing can be said: all of it without coverage, else sectors and hours that hardly anybody watched."""
    if report.watch is None:
        yield f'<rect fill="url(#hatch)" x="{_LEFT}" y="{_TOP}" {_FIELD_SIZE}/>'
        return
    stretch = {sector.sector_id: sector for sector in report.mission.sectors}
    dark = {
        (sector, hour)
        for (sector, hour, kind), one in report.watch.cells.items()
        if kind in _LOOKED_FOR and sector in stretch and one.watched_frac < _DARK_FRAC
    }
    for sector, hour in sorted(dark):
        begin, end = hour * _HOUR_NS, (hour + 1) * _HOUR_NS
        top, bottom = (
            _y(min(max(at, report.period.from_ns), report.period.to_ns), report.period) for at in (begin, end)
        )
        x = _x(stretch[sector].chainage_from_m, length_m)
        width = _x(stretch[sector].chainage_to_m, length_m) - x
        yield (
            f'<rect fill="url(#hatch)" x="{x:.1f}" y="{top:.1f}" width="{width:.1f}" height="{bottom - top:.1f}"/>'
        )


def _marks(report: Report, length_m: float) -> Iterable[_Mark]:
    """Incidents gathered into bins, larger marks first so that small ones stay visible."""
    bins: dict[tuple[str, str, int, int], int] = defaultdict(int)
    for line in (*report.fire, *report.movement):
        if line.chainage_m is None:
            continue
        x = _x(line.chainage_m, length_m)
        y = _y(max(line.time_start_ns, report.period.from_ns), report.period)
        column, row = int((x - _LEFT) / _BIN), int((y - _TOP) / _BIN)
        bins[(_kind(line), _side(line), column, row)] += max(line.violations or 1, 1)
    marks = [
        _Mark(
            min(_LEFT + (column + 0.5) * _BIN, WIDTH - _RIGHT),
            min(_TOP + (row + 0.5) * _BIN, HEIGHT - _BOTTOM),
            weight,
            kind,
            side,
        )
        for (kind, side, column, row), weight in bins.items()
    ]
    return sorted(marks, key=lambda mark: (-mark.weight, mark.kind, mark.side, mark.x, mark.y))


def _kind(line: EvidenceLine) -> str:
    if line.kind == "movement":
        return "move"
    return "fire" if line.verdict == "violation" else "other"


def _side(line: EvidenceLine) -> str:
    side = line.side if line.kind == "fire" else line.party
    return side.lower() if side in ("A", "B") else "n"


def _drawn(mark: _Mark) -> str:
    radius = min(_RADIUS_MIN + sqrt(mark.weight) * 0.8, _RADIUS_MAX)
    style = f"mark {mark.kind} side-{mark.side}"
    if mark.kind == "move":
        size = max(radius, 4.0)
        return (
            f'<path class="{style}" d="M{mark.x:.1f} {mark.y - size:.1f}L{mark.x + size:.1f} {mark.y:.1f}'
            f'L{mark.x:.1f} {mark.y + size:.1f}L{mark.x - size:.1f} {mark.y:.1f}Z"/>'
        )
    return f'<circle class="{style}" cx="{mark.x:.1f}" cy="{mark.y:.1f}" r="{radius:.1f}"/>'


def _sector_rules(report: Report, length_m: float) -> Iterable[str]:
    for sector in report.mission.sectors:
        x = _x(sector.chainage_from_m, length_m)
        end = _x(min(sector.chainage_to_m, length_m), length_m)
        if sector.chainage_from_m > 0:
            yield f'<line class="rule" x1="{x:.1f}" y1="{_TOP}" x2="{x:.1f}" y2="{HEIGHT - _BOTTOM}"/>'
        if end - x >= 24:
            middle = (x + end) / 2
            name = escape(sector.sector_id)
            yield f'<text class="tick sector" x="{middle:.1f}" y="{_TOP - 9}" text-anchor="middle">{name}</text>'


def _time_rules(period: Period) -> Iterable[str]:
    yield _time_label(period.from_ns, period, is_edge=True)
    at = period.from_at.replace(minute=0, second=0, microsecond=0)
    for _ in range(int(period.hours) + 2):
        at = period.local(_ns(at.timestamp()) + 3_600 * 1_000_000_000)
        at_ns = _ns(at.timestamp())
        is_clear = period.from_ns + _CLEAR_NS < at_ns < period.to_ns - _CLEAR_NS
        if at.hour % 6 == 0 and at.minute == 0 and is_clear:
            yield _time_label(at_ns, period, is_edge=False)
    yield _time_label(period.to_ns, period, is_edge=True)


def _time_label(time_ns: int, period: Period, is_edge: bool) -> str:
    y, at = _y(time_ns, period), period.local(time_ns)
    rule = (
        ""
        if is_edge
        else f'<line class="rule" x1="{_LEFT}" y1="{y:.1f}" x2="{WIDTH - _RIGHT}" y2="{y:.1f}"/>'
    )
    text = f"{at:%H:%M}" if not is_edge else f"{at.day} {month(at)[:3]} {at:%H:%M}"
    if is_edge:
        first, second = text.rsplit(" ", 1)
        shift = 0 if time_ns == period.from_ns else -12
        return (
            f'<text class="tick" x="{_LEFT - 8}" y="{y + 9 + shift:.1f}" text-anchor="end">{first}'
            f'<tspan x="{_LEFT - 8}" dy="13">{second}</tspan></text>'
        )
    return f'{rule}<text class="tick" x="{_LEFT - 8}" y="{y + 4:.1f}" text-anchor="end">{text}</text>'


def _kilometres(length_m: float) -> Iterable[str]:
    step_km = next((step for step in _STEPS_KM if length_m / 1_000 / step <= 13), _STEPS_KM[-1])
    for km in range(0, int(length_m / 1_000) + 1, step_km):
        x = _x(km * 1_000, length_m)
        label = f"km {km:,}" if km == 0 else f"{km:,}"
        anchor = "start" if km == 0 else "middle"
        yield f'<line class="notch" x1="{x:.1f}" y1="{HEIGHT - _BOTTOM}" x2="{x:.1f}" y2="{HEIGHT - _BOTTOM + 4}"/>'
        yield f'<text class="tick" x="{x:.1f}" y="{HEIGHT - _BOTTOM + 17}" text-anchor="{anchor}">{label}</text>'


def _x(chainage_m: float, length_m: float) -> float:
    return _LEFT + min(max(chainage_m / length_m, 0.0), 1.0) * _inner_width()


def _y(time_ns: int, period: Period) -> float:
    return _TOP + (time_ns - period.from_ns) / (period.to_ns - period.from_ns) * _inner_height()


def _inner_width() -> float:
    return WIDTH - _LEFT - _RIGHT


def _inner_height() -> float:
    return HEIGHT - _TOP - _BOTTOM


def _ns(seconds: float) -> int:
    return round(timedelta(seconds=seconds).total_seconds()) * 1_000_000_000
