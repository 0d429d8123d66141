"""The daily report of a home: gathers what the pure builder needs, and puts the rendered report where it belongs.

What the report says of deliveries follows from event time, never from when a file happened to be fed in, so that the
same journal gives the same report.
"""

from collections.abc import Sequence
from datetime import date
from pathlib import Path
from typing import Any, Final

import pyarrow as pa
import pyarrow.compute as pc

from monitoring import schema
from monitoring.adapters.archive import Archive
from monitoring.adapters.file_ops import REAL, write_whole
from monitoring.adapters.home import Home
from monitoring.adapters.journal import Journal
from monitoring.adapters.mission import Mission
from monitoring.adapters.store import Store
from monitoring.adapters.store.queries import CaseFilter
from monitoring.agreement import Agreement
from monitoring.evidence.records import decode_json
from monitoring.reports import (
    FORMATS,
    CaseLine,
    Material,
    Period,
    Received,
    Sector,
    SensorLine,
    build,
    period_ending_on,
    periods_between,
    render,
    totals,
)
from monitoring.reports import Mission as ReportMission
from monitoring.results import rfc3339

__all__ = ["FORMATS", "final_up_to_ns", "periods_with_data", "render_report", "write_report"]

_NS: Final = 1_000_000_000
_PAGE: Final = 1_000
_TICKS_LOOKED_THROUGH: Final = 10_000


def periods_with_data(store: Store, agreement: Agreement) -> list[dict[str, str]]:
    """Every reporting period from the first to the last result: `{date, from, to}`, oldest first."""
    span = store.time_span()
    if span is None:
        return []
    reporting = agreement.reporting
    return [
        {"date": p.date.isoformat(), "from": rfc3339(p.from_ns), "to": rfc3339(p.to_ns)}
        for p in periods_between(*span, reporting.zone, reporting.cut_off)
    ]


def render_report(
    store: Store,
    archive: Archive,
    mission: Mission,
    on: date,
    as_of_ns: int,
    forms: Sequence[str] = FORMATS,
) -> dict[str, bytes]:
    """The report of the period that ends on a date, by format."""
    reporting = mission.agreement.reporting
    period = period_ending_on(on, reporting.zone, reporting.cut_off)
    report = build(_material(store, archive, mission, period, as_of_ns))
    return {form: render(report, form) for form in forms}


def write_report(
    store: Store,
    archive: Archive,
    mission: Mission,
    on: date,
    as_of_ns: int,
    folder: Path,
    forms: Sequence[str] = FORMATS,
) -> dict[str, Path]:
    """Write the report into a folder, made when it is not there; the files by format. Raises OSError."""
    return put(render_report(store, archive, mission, on, as_of_ns, forms), on, folder)


def put(rendered: dict[str, bytes], on: date, folder: Path) -> dict[str, Path]:
    """Write rendered reports into a folder, each whole or not at all; the files by format."""
    folder.mkdir(parents=True, exist_ok=True)
    written = {}
    for form, data in rendered.items():
        written[form] = folder / f"report-{on.isoformat()}.{form}"
        write_whole(REAL, written[form], [[data]])
    return written


def final_up_to_ns(home: Home, agreement: Agreement, offset: int) -> int:
    """Event time up to which results are final, as of journal record `offset`; 0 before the first tick."""
    journal = Journal(home.journal_dir, writable=False)
    try:
        for seq in range(offset, max(0, offset - _TICKS_LOOKED_THROUGH), -1):
            record = journal.get(seq)
            if record is not None and record.type == "tick":
                tick = decode_json(record.payload)
                reference_ns = int(tick["reference_ns"])
                if tick["end_of_input"]:
                    return reference_ns
                return reference_ns - round(agreement.number("stream.lateness_s", reference_ns) * _NS)
    finally:
        journal.close()
    return 0


def _material(store: Store, archive: Archive, mission: Mission, period: Period, as_of_ns: int) -> Material:
    heard = archive.heard(period.from_ns, period.to_ns)
    span = store.time_span()
    before = period.previous()
    previous = None
    if span is not None and span[0] < before.to_ns:
        previous = totals(before, *_results(store, before))
    findings, incidents = _results(store, period)
    return Material(
        mission=_about(mission, period),
        period=period,
        as_of_ns=as_of_ns,
        findings=findings,
        incidents=incidents,
        cases=tuple(_cases(store, period)),
        sensors=tuple(_sensors(mission, heard)),
        received=_received(store, heard, period),
        previous=previous,
        coverage=store.coverage_table(period.from_ns, period.to_ns),
    )


def _results(store: Store, period: Period) -> tuple[pa.Table, pa.Table]:
    """Findings and incidents that began in the period."""
    found = []
    for table in (
        store.findings_table(from_ns=period.from_ns, to_ns=period.to_ns),
        store.incidents_table(from_ns=period.from_ns, to_ns=period.to_ns),
    ):
        begins = table.column("time_start_ns")
        inside = pc.and_(pc.greater_equal(begins, period.from_ns), pc.less(begins, period.to_ns))
        found.append(table.filter(inside))
    return found[0], found[1]


def _about(mission: Mission, period: Period) -> ReportMission:
    lines, sectors = mission.lines_in(period.from_ns, period.to_ns), mission.sectors
    return ReportMission(
        name=mission.name,
        line_label=", then ".join(line.label for line in lines),
        line_version=", then ".join(line.version for line in lines),
        line_length_m=lines[-1].length_m,
        agreement_label=mission.agreement.label,
        agreement_version=mission.agreement.version,
        engine_version=schema.ENGINE_VERSION,
        sectors=tuple(
            Sector(sector_id, names.get("en") or sector_id, float(begin), float(end))
            for sector_id, names, begin, end in zip(
                sectors.ids, sectors.names, sectors.chainage_from_m, sectors.chainage_to_m, strict=True
            )
        ),
        is_illustrative=mission.is_illustrative,
        rules=tuple(clause.rule_id for clause in mission.agreement.clauses),
    )


def _cases(store: Store, period: Period) -> list[CaseLine]:
    """Cases whose first finding began in the period."""
    lines: list[CaseLine] = []
    cursor: str | None = None
    chosen = CaseFilter(from_ns=period.from_ns, to_ns=period.to_ns)
    while True:
        page = store.case_page(chosen, sort="number", limit=_PAGE, cursor=cursor)
        lines.extend(
            _case_line(row, store.case_links(row["number"]))
            for row in page.items
            if period.holds(row["time_start_ns"])
        )
        cursor = page.next_cursor
        if cursor is None:
            return lines


def _case_line(row: dict[str, Any], links: list[dict[str, Any]]) -> CaseLine:
    incidents = dict.fromkeys(link["incident_id"] for link in links if link["incident_id"] is not None)
    return CaseLine(
        number=row["number"],
        status=row["status"],
        rule_id=row["rule_id"],
        party=row["party"],
        sector=row["sector"],
        chainage_m=row["chainage_m"],
        time_start_ns=row["time_start_ns"],
        time_end_ns=row["time_end_ns"],
        priority=row["priority"],
        summary=row["summary"],
        incident_count=row["incident_count"],
        finding_count=row["finding_count"],
        flags=tuple(row["flags"]),
        incident_ids=tuple(incidents),
    )


def _sensors(mission: Mission, heard: pa.Table) -> list[SensorLine]:
    """By type: registered, heard in the period, and which were silent."""
    reported = set(heard.column("sensor_id").to_pylist())
    by_type: dict[str, list[str]] = {}
    for name in sorted(mission.registry.sensors):
        by_type.setdefault(mission.registry.sensors[name].type, []).append(name)
    return [
        SensorLine(
            type=kind,
            registered=len(names),
            heard=sum(name in reported for name in names),
            silent=tuple(name for name in names if name not in reported),
        )
        for kind, names in sorted(by_type.items())
    ]


def _received(store: Store, heard: pa.Table, period: Period) -> Received:
    """Accepted events of the period by event time; what deliveries with events of the period had refused."""
    rejected: dict[str, int] = {}
    duplicates = 0
    for body in store.receipts_about(period.from_ns, period.to_ns):
        duplicates += body["duplicates"]
        for code, number in body["rejected"].items():
            rejected[code] = rejected.get(code, 0) + number
        conflicts = body["flagged"].get("id_conflict", 0)
        if conflicts:
            rejected["id_conflict"] = rejected.get("id_conflict", 0) + conflicts
    late = pc.sum(heard.column("late_count")).as_py() or 0
    return Received(
        accepted=pc.sum(heard.column("event_count")).as_py() or 0,
        duplicates=duplicates,
        rejected=dict(sorted(rejected.items())),
        flagged={"late": late} if late else {},
    )
