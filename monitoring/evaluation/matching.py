"""Findings against truth: which report is which happening.

A report may be a happening if both are of one rule and lie within the gates in time and space. Among the
allowed pairs the assignment is one to one, with as many pairs as possible and then the nearest. What
remains is counted: a happening without a report is missed (merged, if its report went to a neighbour), a
report without a happening is a false alarm, or a split where it describes one that another report already
has.

The headline is over what is *asserted*: reports whose probability is at least one half or that state none.
What is only told, with a lower probability, is scored beside it (`RuleScore.told`), so that a detector can
neither gain recall by telling everything nor hide what it told.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from monitoring.evaluation.assignment import assign
from monitoring.evaluation.cases import case_score
from monitoring.evaluation.reports import Report, reports_of
from monitoring.evaluation.score import Matching, Score, score_rule
from monitoring.simulation.truth import Happening, Truth

Reals = NDArray[np.float64]
Indices = NDArray[np.int64]

EARTH_M: Final = 6_371_008.8
KIND_OF_RULE: Final = {
    "line_crossing": "crossing",
    "buffer_incursion": "incursion",
    "ceasefire_fire": "fire",
    "cross_line_fire": "fire",
    "heavy_weapon_zone": "presence",
    "air_violation": "presence",
    "engineering_works": "works",
    "monitor_interference": "jamming",
    "sensor_outage": "outage",
    "force_build_up": "build_up",
}
"""The kind of happening that each rule judges; rules that are not here are not scored."""
FIRST_RULES: Final = ("line_crossing", "buffer_incursion", "ceasefire_fire")


@dataclass(frozen=True)
class Gates:
    """How far a report may be from its happening.

    `time_s`: between the two intervals. `space_m` by kind of happening: from the report's nearest place to
    the happening's nearest, beyond the happening's own extent and `sigmas` standard deviations of the
    report. An outage has no place in reports: there the two must have a sensor in common.
    """

    time_s: float = 180.0
    sigmas: float = 3.0
    sigma_m_most: float = 2_000.0
    space_m: dict[str, float] = field(
        default_factory=lambda: {
            "crossing": 1_000.0,
            "incursion": 1_000.0,
            "fire": 1_500.0,
            "presence": 2_000.0,
            "works": 1_000.0,
            "jamming": 5_000.0,
            "build_up": 10_000.0,
        }
    )


DEFAULT_GATES: Final = Gates()


def evaluate(
    truth: Truth,
    findings: pa.Table,
    incidents: pa.Table | None = None,
    gates: Gates = DEFAULT_GATES,
    published_ns: Mapping[str, int] | None = None,
    filings: pa.Table | None = None,
) -> Score:
    """The score of findings (`schema.FINDINGS`) and incidents (`schema.INCIDENTS`) against what happened.

    `published_ns` (finding id → when it became final) gives delays, `filings` (`schema.FILINGS`) false cases a
    day. Findings outside the truth's period are
    not judged. Scored are the rules of the agreement that the truth was made with, and rules that report;
    those without a happening and without a report are left out.
    """
    margin_ns = int(gates.time_s * 1e9)
    begin_ns, end_ns = truth.header["from_ns"] - margin_ns, truth.header["to_ns"] + margin_ns
    reports = [
        r for r in reports_of(findings, incidents) if r.time_end_ns >= begin_ns and r.time_start_ns <= end_ns
    ]
    in_force = truth.header.get("rules") or FIRST_RULES
    days = (truth.header["to_ns"] - truth.header["from_ns"]) / 86_400e9
    exposure = days * truth.header.get("line_m", 0.0) / 100_000.0
    rules = []
    true_ids: set[str] = set()
    innocent_ids: set[str] = set()
    for rule_id, kind in KIND_OF_RULE.items():
        mine = [r for r in reports if r.rule_id == rule_id]
        happenings = [h for h in truth.of_rule(rule_id) if h.kind == kind]
        innocent = [
            h for h in truth.happenings if h.kind == kind and all(r.rule_id != rule_id for r in h.rules)
        ]
        if mine or (happenings and rule_id in in_force):
            asserted = [r for r in mine if r.is_asserted]
            matching = match(kind, happenings, innocent, asserted, gates)
            told = matching if len(asserted) == len(mine) else match(kind, happenings, innocent, mine, gates)
            rules.append(
                score_rule(rule_id, happenings, asserted, matching, mine, told, exposure, published_ns)
            )
            right = [j for _, j in told.matched] + told.splits
            true_ids.update(name for j in right for name in mine[j].finding_ids)
            innocent_ids.update(name for j in told.innocent for name in mine[j].finding_ids)
    scored = {rule.rule_id for rule in rules}
    cases = None if filings is None else case_score(filings, scored, true_ids, innocent_ids, days)
    return Score(header=truth.header, rules=tuple(rules), cases=cases)


def match(
    kind: str, happenings: list[Happening], innocent: list[Happening], reports: list[Report], gates: Gates
) -> Matching:
    """Which report is which happening of one rule; `innocent` are happenings of the kind that do not break it."""
    h, r, cost = allowed_pairs(happenings, reports, kind, gates)
    matched_h, matched_r = assign(h, r, cost)
    other = np.setdiff1d(np.arange(len(reports)), matched_r)
    explained = np.unique(allowed_pairs(innocent, reports, kind, gates)[1])
    missed = np.setdiff1d(np.arange(len(happenings)), matched_h)
    false = np.setdiff1d(other, r)
    return Matching(
        matched=list(zip(matched_h.tolist(), matched_r.tolist(), strict=True)),
        splits=np.intersect1d(other, r).tolist(),
        false_alarms=false.tolist(),
        innocent=np.intersect1d(false, explained).tolist(),
        merged=np.intersect1d(missed, h).tolist(),
    )


def allowed_pairs(
    happenings: list[Happening], reports: list[Report], kind: str, gates: Gates
) -> tuple[Indices, Indices, Reals]:
    """Pairs (happening, report) within the gates and their cost, 0 (the same) to about 3. Shapes (k,)."""
    if not happenings or not reports:
        nothing = np.empty(0, dtype=np.int64)
        return nothing, nothing, np.empty(0)
    starts = np.array([[h.time_start_ns, h.time_end_ns] for h in happenings], dtype=np.int64)
    said = np.array([[r.time_start_ns, r.time_end_ns] for r in reports], dtype=np.int64)
    found_h, found_r = [], []
    for at in range(0, len(happenings), 512):
        part = starts[at : at + 512]
        apart_ns = np.maximum(part[:, None, 0] - said[None, :, 1], said[None, :, 0] - part[:, None, 1])
        h, r = np.nonzero(apart_ns <= gates.time_s * 1e9)
        found_h.append(h + at)
        found_r.append(r)
    h, r = np.concatenate(found_h), np.concatenate(found_r)
    late = np.minimum(np.abs(starts[h, 0] - said[r, 0]) / 1_800e9, 1.0)
    if kind == "outage":
        alike = _shared_sensors(happenings, reports)[h, r]
        keep = alike > 0.0
        return h[keep], r[keep], (1.0 - alike + late)[keep]
    distance = _distances(happenings, reports, h, r)
    extent = np.array([x.extent_m for x in happenings])[h]
    slack = gates.sigmas * np.minimum(np.array([x.sigma_m for x in reports])[r], gates.sigma_m_most)
    limit = gates.space_m[kind] + slack
    beyond = np.maximum(distance - extent, 0.0)
    keep = beyond <= limit
    h, r = h[keep], r[keep]
    cost = beyond[keep] / limit[keep] + late[keep] + 0.5 * np.minimum(distance[keep] / 10_000.0, 1.0)
    return h, r, cost


def _shared_sensors(happenings: list[Happening], reports: list[Report]) -> Reals:
    """Sensors in both of all sensors in either (Jaccard), shape (happenings, reports)."""
    own, said = ([one.sensor_ids for one in happenings], [one.sensor_ids for one in reports])
    column = {
        name: number for number, name in enumerate(sorted({name for ids in own + said for name in ids}))
    }
    is_of_h, is_of_r = (np.zeros((len(of), len(column))) for of in (own, said))
    for is_of, many in ((is_of_h, own), (is_of_r, said)):
        for row, ids in enumerate(many):
            is_of[row, [column[name] for name in ids]] = 1.0
    both = is_of_h @ is_of_r.T
    either = is_of_h.sum(axis=1)[:, None] + is_of_r.sum(axis=1)[None, :] - both
    return np.asarray(both / np.maximum(either, 1.0))


def _distances(happenings: list[Happening], reports: list[Report], h: Indices, r: Indices) -> Reals:
    """Least distance (m) from any place of the report to any of the happening; good to 0.1 % below 100 km."""
    least = np.full(len(h), np.inf)
    h_places = _padded([[(p.lon, p.lat) for p in x.places] for x in happenings])
    r_places = _padded([list(zip(x.lon.tolist(), x.lat.tolist(), strict=True)) for x in reports])
    for i in range(h_places.shape[1]):
        for j in range(r_places.shape[1]):
            a, b = h_places[h, i], r_places[r, j]
            east = np.radians((a[:, 0] - b[:, 0] + 180.0) % 360.0 - 180.0) * np.cos(
                np.radians((a[:, 1] + b[:, 1]) / 2)
            )
            north = np.radians(a[:, 1] - b[:, 1])
            least = np.fmin(least, EARTH_M * np.hypot(east, north))
    return least


def _padded(places: list[list[tuple[float, float]]], most: int = 8) -> Reals:
    """Places as an array (n, k, 2), padded with NaN; of long lists the first, last and evenly spaced
    between.
    """
    width = min(max(map(len, places)), most)
    out = np.full((len(places), width, 2), np.nan)
    for i, own in enumerate(places):
        step = (
            range(len(own)) if len(own) <= width else np.linspace(0, len(own) - 1, width).astype(int).tolist()
        )
        picked = [own[k] for k in step]
        out[i, : len(picked)] = picked
    return out
