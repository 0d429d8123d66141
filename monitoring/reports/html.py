"""The daily report as one self-contained page: no script, no outside resource, readable on paper and by ear."""

from dataclasses import dataclass
from functools import cache
from typing import Final

from jinja2 import Environment, PackageLoader, StrictUndefined, Template, select_autoescape
from markupsafe import Markup

from monitoring.reports import wording
from monitoring.reports.content import CaseLine, Report, SectorLine
from monitoring.reports.coverage_strip import coverage_strip
from monitoring.reports.strip import strip

_OWN_PLACE: Final = ("violations", "coverage", "cases", "received", "sensors")
"""Sections that the page lays out in a way of their own."""
ROWS_MAX: Final = 1_000
"""Incidents of one kind that the page lists; the CSV has all of them."""


@dataclass(frozen=True)
class _Bar:
    """Widths, in percent of the largest sector, of this period's and the previous period's figure."""

    now: float
    before: float | None


def to_html(report: Report) -> bytes:
    """The page, UTF-8."""
    largest = max([1, *(max(line.violations, line.previous or 0) for line in report.sectors)])
    sections = {section.key: section for section in report.sections}
    text = _template().render(
        report=report,
        sections=sections,
        told=[
            section for section in report.sections if section.is_computed and section.key not in _OWN_PLACE
        ],
        apart=[
            section for section in report.sections if not section.is_computed and section.key != "coverage"
        ],
        rows=[(line, _bar(line, largest)) for line in report.sectors],
        strip=Markup(strip(report)),  # noqa: S704  # made here from numbers and escaped sector ids
        coverage_strip=Markup(coverage_strip(report)),  # noqa: S704  # likewise
        fire=report.fire[:ROWS_MAX],
        movement=report.movement[:ROWS_MAX],
        other=report.other[:ROWS_MAX],
        rows_max=ROWS_MAX,
        rejected=sorted(report.received.rejected.items()),
        flagged=sorted(report.received.flagged.items()),
        cases=[(case, _when(case, report)) for case in report.cases],
        words=wording,
    )
    return text.encode()


def _bar(line: SectorLine, largest: int) -> _Bar:
    before = None if line.previous is None else round(100 * line.previous / largest, 1)
    return _Bar(round(100 * line.violations / largest, 1), before)


def _when(case: CaseLine, report: Report) -> str:
    return wording.clock(report.period.local(case.time_start_ns), report.period.local(case.time_end_ns))


@cache
def _template() -> Template:
    environment = Environment(
        loader=PackageLoader("monitoring.reports"),
        autoescape=select_autoescape(default=True, default_for_string=True),
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters["thousands"] = lambda value: f"{value:,}"
    return environment.get_template("daily.html.j2")
