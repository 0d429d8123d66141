"""Proposals: attribution of the findings and incidents that a step gives.

An incident is one deed, and what it says of whose it was rests on everything that belongs to it. Findings of fire
say the same. A finding of movement or of a place stands for itself: it rests on its own evidence, for the incident may
still grow after it is final, and how far it had grown then depends on how deliveries were cut. Sensors' outages are
nobody's deed and are left alone. Steps that compare new results with published ones compare them as the
rules gave them, which `as_judged` restores.
"""

import json
from collections.abc import Mapping, Sequence
from typing import Any, Final

import pyarrow as pa

from monitoring import findings as rows_of
from monitoring.agreement import Parameters
from monitoring.attribution.evidence import SMALL_ARMS, Evidence, Located
from monitoring.attribution.weighing import Weighed, weigh
from monitoring.incidents import statements

NOBODYS: Final = ("sensor_outage",)
STATED: Final = "stated_party"
"""In `detail`: the party that sensors named, as the rule read it, before hypotheses were weighed."""
_ADDED: Final = (STATED, "party_probability", "attribution")
_READ: Final = (
    "finding_id", "incident_id", "rule_id", "subject_key", "party", "time_start_ns", "sensor_ids", "object_class",
    "direction", "side", "distance_m", "sigma_m", "detail",
)  # fmt: skip
"""The columns of a finding that are read here and by `statements.of_movement`."""


def attribute(findings: pa.Table, incidents: pa.Table, parameters: Parameters) -> tuple[pa.Table, pa.Table]:
    """FINDINGS and INCIDENTS with `party` where it is determined and the weighing in `detail`."""
    if not findings.num_rows and not incidents.num_rows:
        return findings, incidents
    judged, described = findings.select(_READ).to_pylist(), incidents.to_pylist()
    of_incident: dict[str, list[dict[str, Any]]] = {}
    for row in judged:
        of_incident.setdefault(row["incident_id"] or "", []).append(row)
    deeds = {
        row["incident_id"]: weigh(
            evidence_of(row, of_incident.get(row["incident_id"], []), parameters), parameters.agreement
        )
        for row in described
        if not _is_nobodys(of_incident.get(row["incident_id"], []))
    }
    fire = {row["incident_id"] for row in described if row["kind"] == "fire"}
    told: list[tuple[str | None, str]] = []
    for row in judged:
        if _is_nobodys([row]):
            told.append((row["party"], row["detail"]))
        elif row["incident_id"] in fire:
            told.append(_told(row, deeds[row["incident_id"]]))
        else:
            told.append(_told(row, weigh(evidence_of(None, [row], parameters), parameters.agreement)))
    summed_up = [
        _told(row, deeds[row["incident_id"]])
        if row["incident_id"] in deeds
        else (row["party"], row["detail"])
        for row in described
    ]
    return _rewritten(findings, told), _rewritten(incidents, summed_up)


def _is_nobodys(own: Sequence[Mapping[str, Any]]) -> bool:
    return bool(own) and all(row["rule_id"] in NOBODYS for row in own)


def evidence_of(
    incident: Mapping[str, Any] | None, own: Sequence[Mapping[str, Any]], parameters: Parameters
) -> Evidence:
    """What an incident (or, where there is none, what findings of one thing) says."""
    detail = json.loads(incident["detail"]) if incident else {}
    said = detail.get("statements")
    if said is None:
        said = statements.of_movement(own, parameters)
    lead = incident or own[0]
    sensors = sorted(set(lead["sensor_ids"]))
    of = [parameters.sensors.get(sensor) for sensor in sensors]
    kinds = {(facts.type, facts.host_side) if facts else ("generic", None) for facts in of}
    phenomena = frozenset(json.loads(incident["phenomena"])) if incident else frozenset()
    origin = _end(detail, said, "origin")
    if origin is None and incident and incident["kind"] == "fire" and phenomena and phenomena <= SMALL_ARMS:
        origin = _of_itself(incident)
    return Evidence(
        kind=incident["kind"] if incident else _kind(lead),
        time_ns=lead["time_start_ns"],
        statements=said,
        origin=origin,
        impact=_end(detail, said, "impact"),
        phenomena=phenomena,
        hosts=frozenset(host or "none" for _, host in kinds),
        sensors=len(sensors),
        kinds=len(kinds),
    )


def _end(detail: Mapping[str, Any], said: Sequence[Mapping[str, Any]], name: str) -> Located | None:
    end = detail.get(name)
    if end is None or end.get("signed_distance_m") is None:
        return None
    sensors = sum(int(entry["sensors"]) for entry in said if entry["says"] == name)
    return Located(end["signed_distance_m"], end["sigma_m"], max(sensors, 1))


def _kind(finding: Mapping[str, Any]) -> str:
    return "movement" if finding["subject_key"].startswith("track:") else "place"


def _of_itself(incident: Mapping[str, Any]) -> Located | None:
    """Shots are heard where they are fired."""
    if incident["signed_distance_m"] is None:
        return None
    return Located(
        incident["signed_distance_m"], incident["sigma_major_m"] or 0.0, len(incident["sensor_ids"])
    )


def _told(row: Mapping[str, Any], weighed: Weighed) -> tuple[str | None, str]:
    """Party and detail after the weighing; what the detail says besides is taken over as it is written."""
    added = {
        STATED: json.dumps(row["party"]),
        "party_probability": repr(round(max(weighed.parties.values()), 4)),
        "attribution": weighed.text,
    }
    parts = rows_of.parts_of(row["detail"]) | {name: text.encode() for name, text in added.items()}
    return weighed.party, rows_of.detail_of(parts)


def _rewritten(table: pa.Table, told: Sequence[tuple[str | None, str]]) -> pa.Table:
    """A table of FINDINGS or INCIDENTS with other parties and details, one pair for each row."""
    for name, values in (("party", [party for party, _ in told]), ("detail", [text for _, text in told])):
        at = table.schema.get_field_index(name)
        table = table.set_column(at, table.schema.field(at), pa.array(values, pa.string()))
    return table


def as_judged(table: pa.Table) -> pa.Table:
    """FINDINGS or INCIDENTS as they were before `attribute`."""
    if not table.num_rows:
        return table
    return _rewritten(table, [_restored(row) for row in table.select(["party", "detail"]).to_pylist()])


def _restored(row: Mapping[str, Any]) -> tuple[str | None, str]:
    parts = rows_of.parts_of(row["detail"])
    if "attribution" not in parts:
        return row["party"], row["detail"]
    party: str | None = json.loads(bytes(parts[STATED]))
    return party, rows_of.detail_of({name: part for name, part in parts.items() if name not in _ADDED})
