"""Reports: what the commission reads. Pure: from results and counts to text, the same bytes for the same input."""

from monitoring.reports.content import (
    CaseLine,
    Material,
    Mission,
    Received,
    Report,
    Sector,
    SensorLine,
    Totals,
)
from monitoring.reports.daily import build, totals
from monitoring.reports.html import to_html
from monitoring.reports.period import Period, period_at, period_ending_on, periods_between
from monitoring.reports.tables import to_csv, to_json

FORMATS = ("html", "csv", "json")
"""Formats of the daily report; `render` knows each."""


def render(report: Report, form: str) -> bytes:
    """The report in one format. Raises `KeyError` for an unknown one."""
    return {"html": to_html, "csv": to_csv, "json": to_json}[form](report)


__all__ = [
    "FORMATS",
    "CaseLine",
    "Material",
    "Mission",
    "Period",
    "Received",
    "Report",
    "Sector",
    "SensorLine",
    "Totals",
    "build",
    "period_at",
    "period_ending_on",
    "periods_between",
    "render",
    "to_csv",
    "to_html",
    "to_json",
    "totals",
]
