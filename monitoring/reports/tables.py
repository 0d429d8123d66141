"""The daily report for machines: one CSV table of incidents, one JSON document of everything.

A cell of the CSV that a spreadsheet would take for a formula gets an apostrophe in front; the JSON keeps the text.
"""

import csv
import io
import json
from dataclasses import asdict
from datetime import UTC, datetime, timedelta
from typing import Any, Final

from monitoring.reports import observed
from monitoring.reports.content import EvidenceLine, Report, Section
from monitoring.reports.watch import Rate, Watch

COLUMNS: Final = (
    "incident_id", "revision", "kind", "verdict", "time_start", "time_end", "sector", "chainage_km", "side", "party",
    "lon", "lat", "sigma_m", "violations_smm", "count_is_minimum", "rounds_least", "rounds_best", "observation",
    "means", "sensor_count", "confidence", "distance", "direction", "object", "case_number", "summary",
    "rules", "objects", "objects_is_minimum", "allowed_from_km", "watched_frac", "detection_prob",
)  # fmt: skip
_FORMULA_STARTS: Final = ("=", "+", "-", "@", "\t", "\r")


def to_csv(report: Report) -> bytes:
    """One row per incident, fire first, then movement, then places; RFC 4180, UTF-8, times in UTC."""
    text = io.StringIO(newline="")
    writer = csv.writer(text, lineterminator="\r\n")
    writer.writerow(COLUMNS)
    for line in (*report.fire, *report.movement, *report.other):
        writer.writerow([_cell(value) for value in _row(line)])
    return text.getvalue().encode()


def to_json(report: Report) -> bytes:
    """Everything the report says, with figures as numbers; canonical but for its indentation."""
    period, mission = report.period, report.mission
    document = {
        "report": "daily",
        "format_version": 1,
        "title": report.title,
        "period": {
            "date": period.date.isoformat(),
            "from": _utc(period.from_ns),
            "to": _utc(period.to_ns),
            "hours": period.hours,
            "zone": period.zone,
            "cut_off": period.cut_off,
        },
        "as_of": _utc(report.as_of_ns),
        "is_preliminary": report.is_preliminary,
        "coverage": report.coverage,
        "watched": None if report.watch is None else _watched(report.watch),
        "rates": None if report.watch is None else [_rate(rate) for rate in report.watch.rates],
        "versions": {
            "line": mission.line_version,
            "line_label": mission.line_label,
            "agreement": mission.agreement_version,
            "agreement_label": mission.agreement_label,
            "engine": mission.engine_version,
        },
        "header": report.header,
        "sections": [_section(section) for section in report.sections],
        "sectors": [asdict(line) for line in report.sectors],
        "total": asdict(report.total),
        "incidents": [
            dict(zip(COLUMNS, _row(line), strict=True))
            for line in (*report.fire, *report.movement, *report.other)
        ],
        "cases": [
            {
                **{k: v for k, v in asdict(case).items() if not k.endswith("_ns")},
                "time_start": _utc(case.time_start_ns),
                "time_end": _utc(case.time_end_ns),
            }
            for case in report.cases
        ],
        "sensors": [asdict(line) for line in report.sensors],
        "received": {
            **asdict(report.received),
            "rejected": dict(report.received.rejected),
            "flagged": dict(report.received.flagged),
        },
        "amended_findings": report.amended,
        "withdrawn_findings": report.withdrawn,
    }
    text = json.dumps(document, sort_keys=True, indent=1, ensure_ascii=False, allow_nan=False)
    return text.encode() + b"\n"


def harmless(value: Any) -> Any:
    """A text that a spreadsheet cannot take for a formula; other values as they are.

    >>> harmless("=1+1"), harmless("two"), harmless(-3.5)
    ("'=1+1", 'two', -3.5)
    """
    if isinstance(value, str) and value.startswith(_FORMULA_STARTS):
        return "'" + value
    return value


def _cell(value: Any) -> Any:
    """A cell of the CSV: truth values are `true` and `false`, as in the JSON and in every other CSV."""
    return ("false", "true")[value] if isinstance(value, bool) else harmless(value)


def _row(line: EvidenceLine) -> list[Any]:
    return [
        line.incident_id,
        line.revision,
        line.kind,
        line.verdict,
        _utc(line.time_start_ns),
        _utc(line.time_end_ns),
        line.sector,
        None if line.chainage_m is None else round(line.chainage_m / 1_000, 3),
        line.side,
        line.party,
        None if line.lon is None else round(line.lon, 5),
        None if line.lat is None else round(line.lat, 5),
        None if line.sigma_m is None else round(line.sigma_m, 1),
        line.violations,
        line.is_minimum if line.kind == "fire" else None,
        line.rounds_least,
        line.rounds_best,
        line.observation,
        line.means,
        line.sensor_count,
        line.confidence,
        line.distance,
        line.direction,
        line.weapon,
        line.case_number,
        line.summary,
        " ".join(line.rules),
        line.objects,
        line.objects_is_minimum,
        None if line.limit_m is None else round(line.limit_m / 1_000, 3),
        line.watched_frac,
        line.detection_prob,
    ]


def _watched(watch: Watch) -> list[dict[str, Any]]:
    """Kilometre-hours by sector and kind of happening."""
    return [
        {
            "sector": sector or None,
            "kind": kind,
            "line_km_h": round(one.line, 3),
            "watched_km_h": round(one.watched, 3),
            "effective_km_h": round(one.effective, 3),
            "lost_km_h": round(one.lost, 3),
            "detection_prob": None if one.detection_prob is None else round(one.detection_prob, 4),
            "hours_not_observed": observed.unwatched_hours(watch, sector, kind),
        }
        for (sector, kind), one in sorted(watch.of_sector.items())
    ]


def _rate(rate: Rate) -> dict[str, Any]:
    """A rate per 1,000 observed kilometre-hours, to six places."""
    return {name: round(v, 6) if isinstance(v, float) else v for name, v in asdict(rate).items()}


def _section(section: Section) -> dict[str, Any]:
    """A section with each row of its tables by the keys of the columns."""
    tables = [
        {
            "key": table.key,
            "title": table.title,
            "rows": [
                dict(zip((column.key for column in table.columns), row, strict=True)) for row in table.rows
            ],
        }
        for table in section.tables
    ]
    return {**asdict(section), "tables": tables}


def _utc(time_ns: int) -> str:
    whole_s = time_ns // 1_000_000_000
    return f"{datetime(1970, 1, 1, tzinfo=UTC) + timedelta(seconds=whole_s):%Y-%m-%dT%H:%M:%SZ}"
