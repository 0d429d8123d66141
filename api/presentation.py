"""From rows of the store and tables of events to the shapes of `/v1`."""

import json
from collections.abc import Iterable, Mapping
from typing import Any, Final

import pyarrow as pa

from api.times import to_text, to_text_or_none
from monitoring import schema
from monitoring.agreement import Agreement, Clause
from monitoring.agreement.permits import Permit
from monitoring.cases.decisions import Decision
from monitoring.cases.next_steps import NextStep

Row = dict[str, Any]
_OBSERVER: Final = ("sensor_lon", "sensor_lat", "sensor_alt_m", "sensor_sigma_m")
_FROM_OBSERVER: Final = ("bearing_deg", "bearing_sigma_deg", "range_m", "range_sigma_m")
"""Together with the event's position these give the sensor's place away."""
_PLACE_OF_STATUS: Final = ("lon", "lat", "alt_m", "fov_azimuth_deg", "fov_width_deg", "reach_m")


def case_summary(row: Mapping[str, Any], sector_names: Mapping[str, str], now_ns: int) -> Row:
    """A case as the queue shows it."""
    shown = _timed(row, "time_start", "time_end", "due_at", "filed_at", "updated_at")
    shown.pop("is_settled", None)
    shown["overdue"] = row["due_at_ns"] is not None and row["due_at_ns"] < now_ns
    shown["sector_name"] = sector_names.get(row["sector"] or "")
    return shown


def finding(row: Mapping[str, Any]) -> Row:
    """A finding with the contract's columns."""
    shown = _timed(row, "time_start", "time_end", "recorded_at")
    del shown["subject_key"], shown["journal_seq"]
    shown.setdefault("case_number", None)
    return shown


def coverage(row: Mapping[str, Any]) -> Row:
    """What was watched of a sector in an hour."""
    shown = _timed(row, "time_start", "time_end", "recorded_at")
    del shown["journal_seq"]
    shown["sector"] = row["sector"] or None
    return shown


def incident(row: Mapping[str, Any]) -> Row:
    """An incident."""
    shown = _timed(row, "time_start", "time_end", "recorded_at")
    del shown["journal_seq"]
    shown.setdefault("case_number", None)
    return shown


def mark(row: Mapping[str, Any]) -> Row:
    """A light mark for the unrolled line; its weight is the number of phenomena, or of events."""
    return {
        "id": row["incident_id"],
        "kind": row["kind"],
        "state": row["state"],
        "t": to_text(row["time_start_ns"]),
        "chainage_m": row["chainage_m"],
        "party": row["party"],
        "verdict": row["verdict"],
        "case_number": row["case_number"],
        "weight": row["violations_smm"] or row["event_count"],
    }


def decision(one: Decision) -> Row:
    """A decision."""
    return {
        "id": one.id,
        "kind": one.kind,
        "outcome": one.outcome,
        "reasoning": one.reasoning,
        "standard_of_proof": one.standard_of_proof,
        "state": one.state,
        "proposed_by": one.proposed_by,
        "proposed_at": to_text(one.proposed_at_ns),
        "decided_by": one.decided_by,
        "decided_at": to_text_or_none(one.decided_at_ns),
        "comment": one.comment,
    }


def next_step(step: NextStep) -> Row:
    """A possible step."""
    return {
        "action": step.action,
        "label": step.label,
        "enabled": step.enabled,
        "why_not": step.why_not or None,
        "standard_of_proof": step.standard_of_proof,
        "who_must_agree": step.who_must_agree,
        "then": step.then or None,
        "decision_id": step.decision_id,
        "outcomes": list(step.outcomes),
        "needs_text": step.needs_text,
    }


def timeline_entry(row: Mapping[str, Any]) -> Row:
    """An entry of a case's timeline."""
    return _timed(row, "at")


def notes(timeline: Iterable[Mapping[str, Any]], number: str) -> list[Row]:
    """The notes among the entries of a case's timeline, and replies of the parties."""
    return [
        {
            "id": f"{number}-N{row['number']}",
            "at": to_text(row["at_ns"]),
            "author": row["actor"],
            "text": row["detail"]["text"],
        }
        for row in timeline
        if row["kind"] in ("note", "reply")
    ]


def priority_reasons(timeline: Iterable[Mapping[str, Any]], priority: int) -> list[str]:
    """The reasons for a case's priority: those of the last entry (oldest first) that brought it about.

    >>> first = {"detail": {"priority": 2, "priority_reasons": ["severity of the rule: 2"]}}
    >>> priority_reasons([first, {"detail": {"priority": 2, "priority_reasons": ["of another"]}}], 2)
    ['severity of the rule: 2']
    """
    reasons: list[str] = []
    before: int | None = None
    for detail in (row["detail"] for row in timeline if "priority_reasons" in row["detail"]):
        if detail.get("priority") == priority != before:
            reasons = detail["priority_reasons"]
        before = detail.get("priority")
    return reasons


def clauses(agreement: Agreement, findings: Iterable[Mapping[str, Any]]) -> list[Row]:
    """The clauses that findings come under, and those that permit them, each once, in the agreement's order."""
    named: set[str] = set()
    rules: set[str] = set()
    for row in findings:
        rules.add(row["rule_id"])
        named.update(one for one in (row["clause"], row["detail"].get("permission_clause")) if one)
    judged = [_clause(one, one.rule_id, None) for one in agreement.clauses if one.rule_id in rules]
    permits = {one.id: _clause(one, None, one.kind) for one in agreement.permits if one.id in named}
    return [*judged, *permits.values()]


def _clause(one: Clause | Permit, rule_id: str | None, kind: str | None) -> Row:
    words = {"title": one.title, "text": one.text, "source": one.source}
    return {"id": one.id, "rule_id": rule_id, "kind": kind, **words}


def crossing(row: Mapping[str, Any]) -> Row:
    """A crossing of the line as a case's map draws it."""
    names = ("finding_id", "lon", "lat", "direction", "chainage_m", "probability")
    return {"time": to_text(row["time_start_ns"]), **{name: row[name] for name in names}}


def sensor(row: Mapping[str, Any], newest_ns: int | None, silent_ns: int, *, with_place: bool) -> Row:
    """A sensor with its state; `newest_ns` is the newest event time of any sensor."""
    last_ns = row["last_time_ns"]
    if last_ns is None or newest_ns is None:
        state = "never_seen"
    elif row["last_status"] in ("outage", "tamper"):
        state = row["last_status"]
    else:
        state = "silent" if newest_ns - last_ns > silent_ns else "reporting"
    return {
        "sensor_id": row["sensor_id"],
        "type": row["type"],
        "host_side": row["host_side"],
        "last_seen": to_text_or_none(last_ns),
        "last_received": to_text_or_none(row["last_received_ns"]),
        "event_count": row["event_count"],
        "state": state,
        **({"lon": row["lon"], "lat": row["lat"]} if with_place else {}),
    }


def events(table: pa.Table, *, with_sensor_places: bool) -> list[Row]:
    """Events as the contract's records, with `event_id` and `flags`; absent fields are left out.

    Without `with_sensor_places` nothing is left from which a sensor's place could be worked out.
    """
    shown = []
    for row in table.to_pylist():
        one: Row = {"event_id": f"{row['sensor_id']}/{row['id']}", "time": to_text(row.pop("time_ns"))}
        end_ns = row.pop("time_end_ns")
        if end_ns is not None:
            one["time_end"] = to_text(end_ns)
        bits = row.pop("flags")
        flags = [flag for at, flag in enumerate(schema.FLAGS) if bits >> at & 1]
        if flags:
            one["flags"] = flags
        media, extra = row.pop("media"), row.pop("extra")
        if media is not None:
            one["media"] = json.loads(media)
        if extra is not None and with_sensor_places:
            one["extra"] = json.loads(extra)
        hidden: tuple[str, ...] = ()
        if not with_sensor_places:
            hidden = (*_OBSERVER, *_FROM_OBSERVER)
            if row["kind"] in schema.STATUS_KINDS:
                hidden += _PLACE_OF_STATUS
        one.update({k: v for k, v in row.items() if v is not None and k not in hidden})
        shown.append(one)
    return shown


def event_features(records: Iterable[Mapping[str, Any]]) -> dict[str, Any]:
    """Events as GeoJSON; what has no position has no geometry."""
    features = []
    for record in records:
        properties = {k: v for k, v in record.items() if k not in ("lon", "lat")}
        features.append(feature(record, properties))
    return {"type": "FeatureCollection", "features": features}


def feature(row: Mapping[str, Any], properties: Mapping[str, Any]) -> dict[str, Any]:
    """A GeoJSON feature at `lon`, `lat` of the row."""
    lon, lat = row.get("lon"), row.get("lat")
    geometry = None if lon is None or lat is None else {"type": "Point", "coordinates": [lon, lat]}
    return {"type": "Feature", "geometry": geometry, "properties": dict(properties)}


def _timed(row: Mapping[str, Any], *names: str) -> Row:
    """The row with `<name>_ns` of each name replaced by `<name>` as text."""
    shown = {k: v for k, v in row.items() if not k.endswith("_ns") or k[:-3] not in names}
    shown.update({name: to_text_or_none(row[f"{name}_ns"]) for name in names})
    return shown
