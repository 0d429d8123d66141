"""What the product reported, in the unit of a happening: one report is what it says is one happening.

Findings of one rule with one incident are one report. Findings without an incident are one report per
subject; crossings of a subject are taken in pairs, out and back.
"""

import json
from dataclasses import dataclass, field
from typing import Any, Final

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

ELLIPSE: Final = ("sigma_major_m", "sigma_minor_m", "sigma_azimuth_deg")
ASSERTED_FROM: Final = 0.5
"""A report is asserted when its probability is at least this, or when it states none."""
SCORED_WAY: Final = "jamming"
"""Of interference with the monitors only this is scored: the truth holds no other way of it."""
PLACELESS: Final = frozenset({"sensor_outage"})
"""Rules whose findings name sensors and never a place."""
COUNTED: Final = frozenset({"sensor_outage", "force_build_up"})
"""Rules whose findings count what they are about; their incidents count findings."""
SEVERITY: Final = {"permitted": 0, "undetermined": 1, "violation": 2}


@dataclass(frozen=True)
class Report:
    """One reported happening. `lon`, `lat` are all its places, shape (k,), none of an outage (whose `sensor_ids` say
    which it is); times ns UTC.

    The ellipse (`sigma_major_m` and so on, standard deviations) is the incident's where there is one, else a
    circle of the finding's; 0 = not stated. `probability` is that of the rule's condition,
    `party_probability` that of the likelier party (`detail.party_probability`), `parties` those of both. Whose
    deed it was is what the incident says in the end, where there is one: a finding keeps what was known when it
    was made.
    """

    rule_id: str
    finding_ids: tuple[str, ...]
    verdict: str
    party: str | None
    time_start_ns: int
    time_end_ns: int
    lon: NDArray[np.float64]
    lat: NDArray[np.float64]
    sigma_m: float
    sigma_major_m: float
    sigma_minor_m: float
    sigma_azimuth_deg: float
    probability: float | None
    party_probability: float | None
    count: int | None
    parties: dict[str, float] = field(default_factory=dict)
    sensor_ids: tuple[str, ...] = ()

    @property
    def is_asserted(self) -> bool:
        """Whether the report says that it happened, rather than only tells what was recorded."""
        return self.probability is None or self.probability >= ASSERTED_FROM


def reports_of(findings: pa.Table, incidents: pa.Table | None = None) -> list[Report]:
    """The reports of a table of findings (columns of `schema.FINDINGS`), ordered by rule, time, first
    finding.

    Withdrawn findings and superseded revisions are left out, as are findings without a place of rules that should
    give one. `incidents`
    (columns of `schema.INCIDENTS`) adds an incident's own place and count.
    """
    wanted = (
        "finding_id",
        "revision",
        "state",
        "rule_id",
        "verdict",
        "time_start_ns",
        "time_end_ns",
        "lon",
        "lat",
        "sigma_m",
        "direction",
        "count",
        "party",
        "incident_id",
        "subject_key",
        "sensor_ids",
        "probability",
        "detail",
    )
    newest: dict[str, dict[str, Any]] = {}
    for row in findings.select(list(wanted)).to_pylist():
        known = newest.get(row["finding_id"])
        if known is None or row["revision"] >= known["revision"]:
            newest[row["finding_id"]] = row
    known_incidents = _newest_incidents(incidents)
    groups: dict[tuple[str, str, int], list[dict[str, Any]]] = {}
    crossed: dict[tuple[str, str], int] = {}
    for row in sorted(newest.values(), key=lambda r: (r["rule_id"], r["time_start_ns"], r["finding_id"])):
        has_place = row["lon"] is not None and row["lat"] is not None
        if row["state"] == "withdrawn" or not (has_place or row["rule_id"] in PLACELESS):
            continue
        if json.loads(row["detail"]).get("how", SCORED_WAY) != SCORED_WAY:
            continue
        subject, number = row["incident_id"] or row["finding_id"], 0
        if row["incident_id"] is None and row["rule_id"] == "line_crossing":
            subject = row["subject_key"]
            number = crossed.get((row["rule_id"], subject), 0) // 2
            crossed[row["rule_id"], subject] = crossed.get((row["rule_id"], subject), 0) + 1
        groups.setdefault((row["rule_id"], subject, number), []).append(row)
    made = [
        _report(rule_id, rows, known_incidents.get(subject)) for (rule_id, subject, _), rows in groups.items()
    ]
    return sorted(made, key=lambda r: (r.rule_id, r.time_start_ns, r.finding_ids))


def _report(rule_id: str, rows: list[dict[str, Any]], incident: dict[str, Any] | None) -> Report:
    verdict = max((row["verdict"] for row in rows), key=lambda word: SEVERITY[word])
    stated = [row["count"] for row in rows if row["count"] is not None]
    count = None if incident is None or rule_id in COUNTED else incident["count"]
    sigma_m = max((row["sigma_m"] or 0.0 for row in rows), default=0.0)
    ellipse: tuple[float, ...] = (sigma_m, sigma_m, 0.0)
    if incident is not None and len(rows) == 1 and incident["sigma_major_m"]:
        ellipse = tuple(incident[name] or 0.0 for name in ELLIPSE)
    likely = [row["probability"] for row in rows if row["probability"] is not None]
    stated_party = [
        p for p in (json.loads(row["detail"]).get("party_probability") for row in rows) if p is not None
    ]
    parties = {row["party"] for row in rows if row["party"] is not None}
    party, party_probability = parties.pop() if len(parties) == 1 else None, max(stated_party, default=None)
    weighed = [json.loads(row["detail"]).get("attribution", {}).get("parties", {}) for row in rows]
    if incident is not None and "attribution" in incident["said"]:
        party, party_probability = incident["party"], incident["said"]["party_probability"]
        weighed = [incident["said"]["attribution"]["parties"]]
    return Report(
        rule_id=rule_id,
        finding_ids=tuple(row["finding_id"] for row in rows),
        verdict=verdict,
        party=party,
        time_start_ns=min(row["time_start_ns"] for row in rows),
        time_end_ns=max(row["time_end_ns"] for row in rows),
        lon=np.array([row["lon"] for row in rows if row["lon"] is not None], dtype=np.float64),
        lat=np.array([row["lat"] for row in rows if row["lat"] is not None], dtype=np.float64),
        sigma_m=sigma_m,
        sigma_major_m=ellipse[0],
        sigma_minor_m=ellipse[1],
        sigma_azimuth_deg=ellipse[2],
        probability=max(likely, default=None),
        party_probability=party_probability,
        count=count if count is not None else (sum(stated) if stated else None),
        parties={name: max(p.get(name, 0.0) for p in weighed) for name in ("A", "B") if any(weighed)},
        sensor_ids=tuple(sorted({name for row in rows for name in row["sensor_ids"]})),
    )


def _newest_incidents(incidents: pa.Table | None) -> dict[str, dict[str, Any]]:
    """The newest revision of each incident: its ellipse, party and detail (`said`), and `count`, its recorded
    phenomena.
    """
    if incidents is None:
        return {}
    newest: dict[str, dict[str, Any]] = {}
    columns = ["incident_id", "revision", "violations_smm", "phenomena", "party", "detail", *ELLIPSE]
    for row in incidents.select(columns).to_pylist():
        count = row["violations_smm"]
        if count is None:
            count = sum(json.loads(row["phenomena"] or "{}").values()) or None
        known = newest.get(row["incident_id"])
        if known is None or row["revision"] >= known["revision"]:
            newest[row["incident_id"]] = {**row, "count": count, "said": json.loads(row["detail"] or "{}")}
    return newest
