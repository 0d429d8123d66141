"""Incidents of rules that judge a place over some time: each finding is the one judgement on its own incident."""

from collections.abc import Mapping, Sequence
from typing import Any

from monitoring import findings, schema
from monitoring.agreement import Parameters
from monitoring.incidents.summary import confidence

_SIGN = {"A": 1.0, "B": -1.0}


def identity(kind: str, finding_id: str) -> str:
    """The id of the incident of a finding.

    >>> identity("works", "F-1")[:2]
    'I-'
    """
    return findings.identity("incident", kind, finding_id, "")


def incident(
    kind: str,
    finding: Mapping[str, Any],
    member_count: int,
    sensor_ids: Sequence[str],
    parameters: Parameters,
) -> dict[str, Any]:
    """The incident's row (INCIDENTS) for a finding that already bears its id, revision and state.

    Its sentence is the finding's first reason. Counts of fire are none of its business.
    """
    types = sorted({_type(parameters, sensor) for sensor in sensor_ids})
    sigma_m, distance_m = finding["sigma_m"], finding["distance_m"]
    sign = _SIGN.get(finding["side"] or "")
    return {
        "incident_id": finding["incident_id"],
        "revision": finding["revision"],
        "state": finding["state"],
        "kind": kind,
        "time_start_ns": finding["time_start_ns"],
        "time_end_ns": finding["time_end_ns"],
        "lon": finding["lon"],
        "lat": finding["lat"],
        "sigma_major_m": sigma_m,
        "sigma_minor_m": sigma_m,
        "sigma_azimuth_deg": None if sigma_m is None else 0.0,
        "side": finding["side"],
        "signed_distance_m": None if sign is None or distance_m is None else sign * distance_m,
        "chainage_m": finding["chainage_m"],
        "line_part": finding["line_part"],
        "sector": finding["sector"],
        "line_version": finding["line_version"],
        "party": finding["party"],
        "phenomena": findings.canonical_json({finding["rule_id"]: 1}),
        "event_count": member_count,
        "sensor_ids": list(sensor_ids),
        "confidence": finding["confidence"] or confidence(len(sensor_ids), len(types)),
        "summary": finding["reasons"][0] if finding["reasons"] else finding["rule_id"],
        "engine_version": schema.ENGINE_VERSION,
        "detail": findings.canonical_json({"findings": [finding["finding_id"]], "sensor_types": types}),
    }


def _type(parameters: Parameters, sensor_id: str) -> str:
    facts = parameters.sensors.get(sensor_id)
    return facts.type if facts else "generic"
