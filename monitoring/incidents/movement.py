"""Movement: findings of tracks that are one excursion of one object or group.

A finding joins an incident of movement when

- it is a new revision of a finding of that incident;
- it is of the same subject (sensor and track) and overlaps it, or follows or precedes it within the time that the
  agreement allows an excursion to take;
- it lies, in place, within the agreement's move and the joint error of one of its findings, no class or party
  speaks against it, and in time it is the same passage (a crossing the same way within two minutes), the way back
  (a crossing the other way within two hours of one that has no return yet), or the same stay going on (not more
  than a quarter of an hour apart). Two tracks of one sensor at one time are two objects and never joined.

Findings are few; they are taken one by one in the canonical order of finals, which does not depend on where
batches were cut. Each one gives its incident's next revision.
"""

from typing import Any, Final

import numpy as np
import pyarrow as pa

from monitoring import findings, schema
from monitoring.agreement import Parameters
from monitoring.incidents import deeds, geometry, statements, wording
from monitoring.incidents.excursions import Excursion, Excursions

PASSAGE_S: Final = 120.0
"""Two sensors' crossings of one passage lie at most so far apart in time."""
STAY_S: Final = 900.0
"""A stay that another track continues pauses at most so long."""
RETURN_S: Final = 7_200.0
"""The way back of an object that was lost and found again comes at most so much later."""
OVERLAP_S: Final = 60.0
"""Tracks of one sensor that overlap by more than this are two objects."""
MEMORY_S: Final = 86_400.0
"""Excursions that ended longer ago than this and the agreed excursion are closed for good."""


def associate(
    excursions: Excursions, movement: pa.Table, until_ns: int, parameters: Parameters
) -> tuple[Excursions, list[dict[str, Any]], list[dict[str, Any]]]:
    """Gives every finding its incident.

    Returns the excursions, the findings in their order with `incident_id`, and the new revisions of incidents.
    """
    if not movement.num_rows:
        return excursions, [], []
    excursions = excursions.copy()
    judged, touched = [], {}
    for row in movement.to_pylist():
        home = _home(row, excursions, parameters)
        if home is None:
            first = row["event_ids"][0] if row["event_ids"] else row["finding_id"]
            incident_id = findings.identity(
                "incident", "movement", row["subject_key"], first, row["finding_id"]
            )
            home = excursions.opened(incident_id)
        filled = row | {"incident_id": home.incident_id}
        touched[home.incident_id] = excursions.joined(home, filled)
        judged.append(filled)
    incidents = [_incident(excursion, parameters) for excursion in touched.values()]
    memory_s = parameters.agreement.number("association.excursion_s", until_ns) + MEMORY_S
    excursions.forget_before(until_ns - _ns(memory_s))
    return excursions, judged, incidents


def _home(row: dict[str, Any], excursions: Excursions, parameters: Parameters) -> Excursion | None:
    """The excursion that a finding belongs to; of several the one nearest in time, then the oldest."""
    known = excursions.of_finding(row["finding_id"])
    if known is not None:
        return known
    found: list[tuple[bool, int, int, Excursion]] = []
    for excursion, other in excursions.of_subject(row["subject_key"]):
        limit_ns = _ns(parameters.agreement.number("association.excursion_s", other["time_start_ns"]))
        gap_ns = _gap_ns(row, other)
        if gap_ns <= limit_ns:
            found.append((False, gap_ns, excursion.number, excursion))
    for excursion, other in excursions.near(row):
        gap_ns = _gap_ns(row, other)
        if _is_one_movement(row, other, excursion, gap_ns) and _is_near(row, other, parameters):
            found.append((True, gap_ns, excursion.number, excursion))
    return min(found, key=lambda candidate: candidate[:3])[3] if found else None


def _gap_ns(row: dict[str, Any], other: dict[str, Any]) -> int:
    """Time between two findings, 0 where they overlap."""
    return max(
        int(row["time_start_ns"] - other["time_end_ns"]), int(other["time_start_ns"] - row["time_end_ns"]), 0
    )


def _is_one_movement(row: dict[str, Any], other: dict[str, Any], excursion: Excursion, gap_ns: int) -> bool:
    """Whether time, sensor, class and party allow two findings to be of one object or group."""
    if row["subject_key"] == other["subject_key"] or _contradict(row, other):
        return False
    overlap_ns = min(row["time_end_ns"], other["time_end_ns"]) - max(
        row["time_start_ns"], other["time_start_ns"]
    )
    if row["sensor_ids"] == other["sensor_ids"] and overlap_ns > _ns(OVERLAP_S):
        return False
    if row["direction"] is None or other["direction"] is None:
        return gap_ns <= _ns(STAY_S)
    if row["direction"] == other["direction"]:
        return gap_ns <= _ns(PASSAGE_S) and row["sensor_ids"] != other["sensor_ids"]
    return gap_ns <= _ns(RETURN_S) and excursion.last_direction() != row["direction"]


def _contradict(row: dict[str, Any], other: dict[str, Any]) -> bool:
    """Whether classes or parties say that these were two."""
    classes = {row["object_class"], other["object_class"]} - {None, "unknown"}
    parties = {row["party"], other["party"]} - {None}
    return len({_medium(word) for word in classes}) > 1 or len(parties) > 1


def _is_near(row: dict[str, Any], other: dict[str, Any], parameters: Parameters) -> bool:
    """Whether two findings' places agree within the agreement's move and their joint error."""
    if None in (row["lon"], other["lon"]):
        return False
    time_ns, agreement = other["time_start_ns"], parameters.agreement
    east, north = geometry.offsets_m(*(np.array([p[k]]) for p in (row, other) for k in ("lon", "lat")))
    joint_m = float(np.hypot(row["sigma_m"] or 0.0, other["sigma_m"] or 0.0))
    gate_m = agreement.number("association.move_m", time_ns) + joint_m * agreement.number(
        "association.k_sigma", time_ns
    )
    return float(np.hypot(east, north)[0]) <= min(gate_m, agreement.number("association.limit_m", time_ns))


def _medium(object_class: str) -> str:
    return {"uav_small": "air", "uav_large": "air", "aircraft": "air", "boat": "water"}.get(
        object_class, "ground"
    )


def _incident(excursion: Excursion, parameters: Parameters) -> dict[str, Any]:
    """The incident's row, from its findings."""
    rows = sorted(excursion.rows.values(), key=lambda r: (r["time_start_ns"], r["rule_id"], r["finding_id"]))
    standing = [row for row in rows if row["state"] != "withdrawn"] or rows
    lead = standing[0]
    parties = {row["party"] for row in standing} - {None}
    sensors = sorted({sensor for row in standing for sensor in row["sensor_ids"]})
    types = {_type(parameters, sensor) for sensor in sensors}
    event_ids = {event for row in standing for event in row["event_ids"]}
    by_rule = {
        rule_id: sum(r["rule_id"] == rule_id for r in standing)
        for rule_id in sorted({r["rule_id"] for r in standing})
    }
    words = [row["confidence"] for row in standing if row["confidence"]]
    best = max(words, key=("low", "medium", "high").index) if words else "low"
    start_ns = min(row["time_start_ns"] for row in standing)
    end_ns = max(row["time_end_ns"] for row in standing)
    return {
        "incident_id": excursion.incident_id,
        "revision": excursion.revision,
        "state": "withdrawn" if all(row["state"] == "withdrawn" for row in rows) else "final",
        "kind": "movement",
        "time_start_ns": start_ns,
        "time_end_ns": end_ns,
        "lon": lead["lon"],
        "lat": lead["lat"],
        "sigma_major_m": lead["sigma_m"],
        "sigma_minor_m": lead["sigma_m"],
        "sigma_azimuth_deg": None if lead["sigma_m"] is None else 0.0,
        "side": lead["side"],
        "signed_distance_m": None,
        "chainage_m": lead["chainage_m"],
        "line_part": lead["line_part"],
        "sector": lead["sector"],
        "line_version": lead["line_version"],
        "party": parties.pop() if len(parties) == 1 else None,
        "phenomena": findings.canonical_json(by_rule),
        "event_count": len(event_ids),
        "sensor_ids": sensors,
        "confidence": "high" if len(types) > 1 and best == "medium" else best,
        "summary": sentence(standing, parameters),
        "engine_version": schema.ENGINE_VERSION,
        "detail": findings.canonical_json(
            {
                "findings": [row["finding_id"] for row in rows],
                "subjects": sorted({row["subject_key"] for row in rows}),
                "sensor_types": sorted(types),
                "statements": statements.of_movement(standing, parameters),
            }
        ),
    }


def sentence(rows: list[dict[str, Any]], parameters: Parameters) -> str:
    """What findings of one movement, the first one first, say together."""
    lead = rows[0]
    start_ns, end_ns = min(row["time_start_ns"] for row in rows), max(row["time_end_ns"] for row in rows)
    sensor_count = len({sensor for row in rows for sensor in row["sensor_ids"]})
    where = wording.place(lead["chainage_m"], lead["sector"], None, None).removesuffix(", side not certain")
    when = wording.span(start_ns, end_ns, parameters.agreement.reporting.zone)
    seen = "1 sensor" if sensor_count == 1 else f"{sensor_count} sensors"
    return f"{deeds.objects(rows)} {deeds.done(rows)} {where}; {when}; recorded by {seen}."


def _type(parameters: Parameters, sensor_id: str) -> str:
    facts = parameters.sensors.get(sensor_id)
    return facts.type if facts else "generic"


def _ns(seconds: float) -> int:
    return round(seconds * 1e9)
