"""Fire inside the security zone.

What it checks: whether an incident of fire took place inside the security zone along the contact line.

Why: no weapon may be fired inside, or into, the zone (the clause of the agreement that names this rule).

How: judged on the incident, never per report. Its place lies inside the zone when it is nearer to the line than
the zone's depth on its side by `k_sigma` standard deviations of its place: a `violation`. Beyond the zone, or
nearer to its edge than that, what was recorded stands and its meaning is
`undetermined`; so it is for a single report by a sensor that alone is too often wrong (`second_report`).

`probability` is P(a weapon was fired inside the zone) = P(something happened, given the reports and their sensors'
false alarms) x P(a weapon made it) x P(the place lies inside); the first two are weighed by the incident's evidence
(`incidents.evidence`, with the agreement's stated ratios). Below one half the incident is told and counted as
recorded, `undetermined`, and not asserted. Fire that the agreement or a notice allows there (a notified exercise,
authorised return fire, notified demining) is `permitted`, with the permission named.

Both counts are given and never mixed: recorded phenomena (`count`, also `detail.violations_smm`) and rounds estimated
(`detail.rounds_least`, `detail.rounds_best`). Whose fire it was stays open (`party` null) unless sensors said so.

Example: two explosions 3 km from the line on side A, heard by four sensors: one finding, verdict `violation`,
count 2, side A, margin 12,000 m inside the zone's edge.

Known limits: fire from outside into the zone is recognised where the impacts are the incident's place. Innocent
bangs are told apart by what sensors say of them; a quarry that blasts beside a battery is taken for fire.
"""

import json
from collections.abc import Mapping, Sequence
from math import erfc, sqrt
from typing import Any, Final

import numpy as np
import pyarrow as pa

from monitoring import findings, schema
from monitoring.agreement import Parameter, Parameters, Permission

RULE_ID: Final = "ceasefire_fire"
SCOPE: Final = "incident"
PARAMETERS: Final = (
    Parameter("zone_m", "m", "numbers by name", names=("A", "B")),
    Parameter("k_sigma", "1", least=0, most=10),
    Parameter(
        "second_report", "sensor types", "words by name", names=("needed_by",), words=schema.SENSOR_TYPES
    ),
)
MARGIN_UNIT: Final = "m"
ASSERTED_FROM: Final = 0.5
"""Less probable than this, fire is told and not asserted."""


def evaluate(incidents: pa.Table, parameters: Parameters) -> pa.Table:
    """One finding per incident of fire, with its id, state and revision taken from the incident."""
    fire = [row for row in incidents.to_pylist() if row["kind"] == "fire"]
    permissions = _permissions(fire, parameters)
    return findings.table(
        _finding(row, permission, parameters) for row, permission in zip(fire, permissions, strict=True)
    )


def _permissions(fire: Sequence[Mapping[str, Any]], parameters: Parameters) -> list[Permission | None]:
    """What excuses each incident, whatever the weapon, at its place."""
    lon, lat, sigma_m = (
        np.array([row[name] for row in fire], dtype=np.float64) for name in ("lon", "lat", "sigma_major_m")
    )
    from_ns, to_ns = (
        np.array([row[name] for row in fire], dtype=np.int64) for name in ("time_start_ns", "time_end_ns")
    )
    party = np.array(
        [-1 if row["party"] is None else schema.AFFILIATIONS.index(row["party"]) for row in fire],
        dtype=np.int8,
    )
    own_m = np.zeros(len(fire)) if parameters.is_exact else sigma_m
    no_class = np.full(len(fire), -1, dtype=np.int8)
    return parameters.terms.permissions_at(RULE_ID, lon, lat, from_ns, to_ns, no_class, party, own_m)


def _finding(
    incident: dict[str, Any], permission: Permission | None, parameters: Parameters
) -> dict[str, Any]:
    agreement, time_ns = parameters.agreement, incident["time_start_ns"]
    zone_m = agreement.value(f"{RULE_ID}.zone_m", time_ns)
    k_sigma = agreement.number(f"{RULE_ID}.k_sigma", time_ns)
    clause = agreement.clause(RULE_ID)
    detail = json.loads(incident["detail"])
    distance_m = incident["signed_distance_m"]
    sigma_m = 0.0 if parameters.is_exact else incident["sigma_major_m"]
    verdict, margin_m, where = _inside(distance_m, sigma_m, k_sigma, zone_m)
    if verdict == "violation" and _is_alone(incident, detail, parameters):
        verdict = "undetermined"
        where += " A single report by a sensor of this type, with nothing to support it, shows no fire yet."
    probability = _probability(detail, distance_m, sigma_m, zone_m)
    if verdict == "violation" and probability < ASSERTED_FROM:
        verdict = "undetermined"
    if permission is not None:
        verdict = "permitted"
    certain = distance_m is not None and abs(distance_m) > k_sigma * sigma_m
    side = findings.SIDE_NAMES[1 if distance_m > 0 else -1] if certain else None
    subject = f"incident:{incident['incident_id']}"
    return {
        "finding_id": findings.identity("finding", RULE_ID, subject, incident["incident_id"]),
        "revision": incident["revision"],
        "state": incident["state"],
        "rule_id": RULE_ID,
        "clause": permission.clause if permission else (clause.id if clause else None),
        "verdict": verdict,
        "time_start_ns": time_ns,
        "time_end_ns": incident["time_end_ns"],
        "lon": incident["lon"],
        "lat": incident["lat"],
        "sigma_m": incident["sigma_major_m"],
        "side": side,
        "distance_m": None if distance_m is None else abs(distance_m),
        "chainage_m": incident["chainage_m"],
        "line_part": incident["line_part"],
        "sector": incident["sector"],
        "probability": probability,
        "confidence": incident["confidence"],
        "margin": margin_m,
        "margin_unit": MARGIN_UNIT,
        "count": incident["violations_smm"],
        "count_is_minimum": incident["count_is_minimum"],
        "party": incident["party"],
        "incident_id": incident["incident_id"],
        "subject_key": subject,
        "sensor_ids": incident["sensor_ids"],
        "event_ids": [],
        "line_version": incident["line_version"],
        "agreement_version": agreement.version,
        "engine_version": schema.ENGINE_VERSION,
        "reasons": [
            incident["summary"],
            where,
            *([permission.reason] if permission else []),
            _whose(incident["party"]),
            _evidence(incident),
            _likelihood(detail, probability),
        ],
        "detail": findings.canonical_json(
            {
                "violations_smm": incident["violations_smm"],
                "rounds_least": incident["rounds_least"],
                "rounds_best": incident["rounds_best"],
                "phenomena": json.loads(incident["phenomena"]),
                "evidence": detail["evidence"],
                **findings.permission_detail(permission),
            }
        ),
    }


def _inside(
    distance_m: float | None, sigma_m: float, k_sigma: float, zone_m: Any
) -> tuple[str, float | None, str]:
    """Verdict, margin to the zone's edge (positive = inside) and the sentence that explains both.

    Where the side is not certain, the shallower of the two depths decides.
    """
    if distance_m is None:
        return "undetermined", None, "Its place relative to the contact line is not known."
    is_certain_side = abs(distance_m) > k_sigma * sigma_m
    depth_m = zone_m["A" if distance_m > 0 else "B"] if is_certain_side else min(zone_m.values())
    margin_m = round(depth_m - abs(distance_m), 3)
    depth_km = f"{depth_m / 1_000:g} km"
    if margin_m >= k_sigma * sigma_m:
        return (
            "violation",
            margin_m,
            f"The place lies inside the security zone, which is {depth_km} deep there.",
        )
    if margin_m > -k_sigma * sigma_m:
        edge = f"The place is too near to the zone's edge, {depth_km} from the line, to say whether it lies inside."
        return "undetermined", margin_m, edge
    return (
        "undetermined",
        margin_m,
        f"The place lies beyond the security zone, which is {depth_km} deep there.",
    )


def _probability(
    detail: Mapping[str, Any], distance_m: float | None, sigma_m: float, zone_m: Mapping[str, float]
) -> float:
    """P(a weapon was fired inside the zone): happened, of a weapon, and inside (depths of the two sides apart)."""
    evidence = detail["evidence"]
    fired = float(evidence["happened"] * evidence["weapon"])
    if distance_m is None:
        return 0.0
    low_m, high_m = -zone_m["B"], zone_m["A"]
    if sigma_m <= 0.0:
        return round(fired * float(low_m <= distance_m <= high_m), 4)
    inside = normal_share((high_m - distance_m) / sigma_m) - normal_share((low_m - distance_m) / sigma_m)
    return round(fired * inside, 4)


def normal_share(z: float) -> float:
    """Share of a normal distribution below `z` standard deviations.

    >>> round(normal_share(1.645), 3)
    0.95
    """
    return 0.5 * erfc(-z / sqrt(2.0))


def _likelihood(detail: Mapping[str, Any], probability: float) -> str:
    evidence = detail["evidence"]
    words = f"That something happened is {100 * evidence['happened']:.0f} % probable by the reports"
    if evidence["silent_posts"]:
        posts = "one post" if evidence["silent_posts"] == 1 else f"{evidence['silent_posts']} posts"
        words += f" ({posts} near enough to notice it gave nothing)"
    words += f", that a weapon made it {100 * evidence['weapon']:.0f} %."
    if evidence.get("contradicted_before"):
        claims = (
            "one claim"
            if evidence["contradicted_before"] == 1
            else f"{evidence['contradicted_before']} claims"
        )
        words += f" Others contradicted {claims} of fire that its sensors made before."
    return words if probability >= ASSERTED_FROM else f"{words} It is told, not asserted."


def _is_alone(incident: Mapping[str, Any], detail: Mapping[str, Any], parameters: Parameters) -> bool:
    """Whether one report, by a sensor whose type needs a second one, is all there is."""
    if incident["event_count"] != 1:
        return False
    needing = parameters.agreement.value(f"{RULE_ID}.second_report", incident["time_start_ns"])
    assert isinstance(needing, Mapping), "second_report is declared as words by name"
    return set(detail["sensor_types"]) <= set(needing["needed_by"])


def _whose(party: str | None) -> str:
    if party is None:
        return "Whose fire it was is not determined."
    return f"The sensors that said whose fire it was named party {party}."


def _evidence(incident: dict[str, Any]) -> str:
    count, confidence = len(incident["sensor_ids"]), incident["confidence"]
    sensors = "one sensor" if count == 1 else f"{count} sensors"
    return f"The evidence base is {confidence}: {incident['event_count']} reports by {sensors}."
