"""Tables of results made by hand: a few named columns, the rest filled in with plain values."""

from collections.abc import Sequence
from typing import Any, NamedTuple

import pyarrow as pa

from monitoring import schema

DAY_NS = 24 * 3_600 * 10**9
START_NS = 1_795_500_000 * 10**9


class Output(NamedTuple):
    """What the engine gives."""

    findings: pa.Table = schema.FINDINGS.empty_table()
    incidents: pa.Table = schema.INCIDENTS.empty_table()
    members: pa.Table = schema.MEMBERS.empty_table()
    filings: pa.Table = schema.FILINGS.empty_table()
    coverage: pa.Table = schema.COVERAGE.empty_table()


def table(arrow: pa.Schema, rows: Sequence[dict[str, Any]]) -> pa.Table:
    """Rows as a table; a required column that a row lacks gets a plain value of its type."""
    filled = []
    for row in rows:
        assert set(row) <= set(arrow.names), set(row) - set(arrow.names)
        filled.append({f.name: row[f.name] if f.name in row else _plain(f) for f in arrow})
    return pa.Table.from_pylist(filled, schema=arrow)


def finding(finding_id: str, **values: Any) -> dict[str, Any]:
    """A final crossing in the first sector, unless `values` say otherwise."""
    return {
        "finding_id": finding_id,
        "state": "final",
        "rule_id": "line_crossing",
        "verdict": "violation",
        "time_start_ns": START_NS,
        "time_end_ns": START_NS,
        "lon": 35.0,
        "lat": 48.0,
        "chainage_m": 612_000.0,
        "sector": "S01",
        "party": "A",
        "direction": "A>B",
        "confidence": "high",
        "subject_key": f"track:s/{finding_id}",
        "sensor_ids": ["s"],
        "event_ids": ["s/1", "s/2"],
        "engine_version": "0.1.0",
        **values,
    }


def incident(incident_id: str, **values: Any) -> dict[str, Any]:
    """A final incident of fire in the first sector, unless `values` say otherwise."""
    return {
        "incident_id": incident_id,
        "state": "final",
        "kind": "fire",
        "time_start_ns": START_NS,
        "time_end_ns": START_NS,
        "lon": 35.0,
        "lat": 48.0,
        "chainage_m": 612_000.0,
        "sector": "S01",
        "party": "A",
        "violations_smm": 3,
        "phenomena": '{"explosion":3}',
        "event_count": 5,
        "sensor_ids": ["s"],
        "summary": "Fire near km 612",
        **values,
    }


def filing(case_number: str, finding_id: str, **values: Any) -> dict[str, Any]:
    """The filing that opens a case with a finding, unless `values` say otherwise."""
    return {
        "action": "open",
        "case_number": case_number,
        "finding_id": finding_id,
        "finding_revision": 1,
        "rule_id": "line_crossing",
        "party": "A",
        "place": "S01",
        "sector": "S01",
        "chainage_m": 612_000.0,
        "lon": 35.0,
        "lat": 48.0,
        "time_start_ns": START_NS,
        "time_end_ns": START_NS,
        "priority": 3,
        "summary": "Tracked vehicle crossed A>B near km 612",
        "priority_reasons": [],
        **values,
    }


def watched(sector: str, hour: int, kind: str = "crossing_vehicle", **values: Any) -> dict[str, Any]:
    """A row of coverage, so many hours after START_NS."""
    start_ns = START_NS + hour * 3_600 * 10**9
    return {
        "sector": sector,
        "kind": kind,
        "time_start_ns": start_ns,
        "time_end_ns": start_ns + 3_600 * 10**9,
        "line_km_h": 50.0,
        "watched_km_h": 25.0,
        "effective_km_h": 20.0,
        "lost_km_h": 5.0,
        "detection_prob": 0.8,
        "status": "partly_observed",
        "is_upper_bound": True,
        **values,
    }


def output(
    findings: Sequence[dict[str, Any]] = (),
    incidents: Sequence[dict[str, Any]] = (),
    members: Sequence[dict[str, Any]] = (),
    filings: Sequence[dict[str, Any]] = (),
    coverage: Sequence[dict[str, Any]] = (),
) -> Output:
    """An output of these rows."""
    return Output(
        table(schema.FINDINGS, findings),
        table(schema.INCIDENTS, incidents),
        table(schema.MEMBERS, members),
        table(schema.FILINGS, filings),
        table(schema.COVERAGE, coverage),
    )


def _plain(field: pa.Field) -> Any:
    if field.nullable:
        return None
    if pa.types.is_list(field.type):
        return []
    if pa.types.is_integer(field.type):
        return 1
    return "{}" if field.name in ("detail", "phenomena") else "x"
