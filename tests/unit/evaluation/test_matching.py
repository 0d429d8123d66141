"""The score of detectors whose faults are known."""

import io
import json
from dataclasses import replace
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
from rich.console import Console

from monitoring import schema
from monitoring.evaluation import Gates, evaluate, score_tables
from monitoring.evaluation.counts import Counts
from monitoring.evaluation.matching import KIND_OF_RULE
from monitoring.evaluation.reports import reports_of
from monitoring.evaluation.score import Score
from monitoring.evaluation.shares import Share
from monitoring.evaluation.tables import detail_rows
from monitoring.simulation.truth import Happening, Place, RuleTruth, Truth

HOUR = 3_600_000_000_000
RULE = {"crossing": "line_crossing", "incursion": "buffer_incursion", "fire": "ceasefire_fire"}


def happening(name: str, kind: str, hour: float, lon: float = 37.0, **changes: Any) -> Happening:
    start = int(hour * HOUR)
    made = Happening(
        id=name,
        kind=kind,  # type: ignore[arg-type]  # a word of the kinds
        actor="x",
        party="A",
        object_class="group",
        objects=1,
        time_start_ns=start,
        time_end_ns=start + HOUR // 6,
        places=(Place("at", lon, 48.0, 100.0, 0.0),),
        extent_m=100.0,
        rules=(RuleTruth(RULE[kind], "violation"),),
        detection_prob=0.99,
        band="observable",
        phenomena=10 if kind == "fire" else None,
    )
    return replace(made, **changes)


def finding(name: str, rule_id: str, hour: float, lon: float = 37.0, **changes: Any) -> dict[str, Any]:
    start = int(hour * HOUR)
    row: dict[str, Any] = {field.name: None for field in schema.FINDINGS}
    row |= {
        "finding_id": name,
        "revision": 1,
        "state": "final",
        "rule_id": rule_id,
        "verdict": "violation",
        "time_start_ns": start,
        "time_end_ns": start,
        "lon": lon,
        "lat": 48.0,
        "party": "A",
        "subject_key": f"track:{name}",
        "sensor_ids": [],
        "event_ids": [],
        "engine_version": "0",
        "reasons": [],
        "detail": "{}",
    }
    return row | changes


def table(*rows: dict[str, Any]) -> pa.Table:
    return pa.Table.from_pylist(list(rows), schema=schema.FINDINGS)


def truth(*happenings: Happening) -> Truth:
    return Truth({"from_ns": 0, "to_ns": 24 * HOUR, "scenario": "made", "seed": 1}, happenings)


def test_a_perfect_detector_scores_one() -> None:
    world = truth(happening("c", "crossing", 1), happening("i", "incursion", 2), happening("f", "fire", 3))
    score = evaluate(
        world,
        table(
            finding("1", "line_crossing", 1),
            finding("2", "buffer_incursion", 2),
            finding("3", "ceasefire_fire", 3, count=10),
        ),
    )
    assert score.recall() == score.precision() == dict.fromkeys(RULE.values(), 1.0)
    assert score.rules[2].count_ratio == 1.0
    assert all(rule.party_right.value == 1.0 for rule in score.rules)


def test_a_count_is_held_against_what_a_sensor_noticed_of_observable_fire() -> None:
    heard = replace(happening("f", "fire", 3), noticed=8, band="observable")
    faint = replace(happening("g", "fire", 9), noticed=5, band="in_reach")
    found = table(finding("1", "ceasefire_fire", 3, count=6), finding("2", "ceasefire_fire", 9, count=1))
    (rule,) = evaluate(truth(heard, faint), found).rules
    assert rule.matched == 2
    assert rule.counts == Counts(happenings=1, true=10, noticed=8, reported=6)
    assert (rule.counts.of_true, rule.counts.of_noticed, rule.counts.bound) == (0.6, 0.75, 0.8)
    rows = dict(detail_rows(rule))
    assert rows["observable: counted / noticed by a sensor"] == "0.750 of 8"
    assert rows["observable: noticed by a sensor / true"] == "0.800 of 10"


def test_a_site_of_works_is_not_counted_by_how_often_it_was_heard() -> None:
    broken = (RuleTruth("engineering_works", "violation"),)
    dug = replace(happening("w", "fire", 3), kind="works", rules=broken)
    (rule,) = evaluate(truth(dug), table(finding("1", "engineering_works", 3, count=1))).rules
    assert (rule.matched, rule.count_ratio, rule.phenomena_true) == (1, None, 0)


def test_counts_of_a_truth_that_does_not_say_what_was_noticed_are_unknown() -> None:
    (rule,) = evaluate(
        truth(happening("f", "fire", 3)), table(finding("1", "ceasefire_fire", 3, count=6))
    ).rules
    assert rule.counts == Counts()
    assert rule.counts.of_noticed is None


def test_no_findings_is_no_recall_and_no_precision_to_speak_of() -> None:
    score = evaluate(truth(happening("c", "crossing", 1)), table())
    rule = score.rules[0]
    assert (rule.recall.value, rule.precision.value, rule.misses) == (0.0, None, ("c",))


def test_a_report_of_nothing_is_a_false_alarm_and_costs_precision() -> None:
    score = evaluate(
        truth(happening("c", "crossing", 1)),
        table(finding("1", "line_crossing", 1), finding("far", "line_crossing", 1, lon=38.0)),
    )
    rule = score.rules[0]
    assert (rule.recall.value, rule.precision.value, rule.false_alarms) == (1.0, 0.5, ("far",))


def test_a_second_report_of_the_same_happening_is_a_split() -> None:
    score = evaluate(
        truth(happening("f", "fire", 1)),
        table(finding("1", "ceasefire_fire", 1), finding("2", "ceasefire_fire", 1.1, lon=37.001)),
    )
    rule = score.rules[0]
    assert (rule.matched, rule.splits, rule.false_alarms, rule.precision.value) == (1, ("2",), (), 0.5)


def test_two_happenings_in_one_report_are_a_miss_by_merging() -> None:
    score = evaluate(
        truth(happening("f", "fire", 1), happening("g", "fire", 1.1, lon=37.005)),
        table(finding("1", "ceasefire_fire", 1, time_end_ns=int(1.2 * HOUR))),
    )
    rule = score.rules[0]
    assert (rule.matched, rule.misses, rule.merges) == (1, ("g",), ("g",))


def test_an_innocent_cause_of_a_false_alarm_is_told() -> None:
    quarry = happening("q", "fire", 1, rules=(), party="civilian")
    score = evaluate(truth(quarry), table(finding("1", "ceasefire_fire", 1)))
    assert (score.rules[0].n, score.rules[0].false_alarms, score.rules[0].innocent) == (0, ("1",), ("1",))


@pytest.mark.parametrize(("late_s", "is_found"), [(179, True), (181, False)])
def test_the_gate_in_time_holds_on_either_side_of_its_edge(late_s: int, is_found: bool) -> None:
    world = truth(happening("c", "crossing", 1, time_end_ns=HOUR))
    score = evaluate(world, table(finding("1", "line_crossing", 1 + late_s / 3_600)))
    assert (score.rules[0].matched == 1) == is_found


@pytest.mark.parametrize(("metres", "is_found"), [(1_090, True), (1_110, False)])
def test_the_gate_in_space_holds_on_either_side_of_its_edge(metres: float, is_found: bool) -> None:
    degrees = metres / (6_371_008.8 * 3.141592653589793 / 180)
    score = evaluate(
        truth(happening("c", "crossing", 1)), table(finding("1", "line_crossing", 1, lat=48.0 + degrees))
    )
    assert (score.rules[0].matched == 1) == is_found


def test_a_wide_error_widens_the_gate_but_not_without_limit() -> None:
    world = truth(happening("f", "fire", 1))
    near = evaluate(world, table(finding("1", "ceasefire_fire", 1, lon=37.05, sigma_m=1_500.0)))
    far = evaluate(world, table(finding("1", "ceasefire_fire", 1, lon=37.2, sigma_m=50_000.0)))
    assert (near.rules[0].matched, far.rules[0].matched) == (1, 0)


def test_the_nearer_of_two_reports_is_taken() -> None:
    score = evaluate(
        truth(happening("f", "fire", 1)),
        table(finding("b", "ceasefire_fire", 1), finding("a", "ceasefire_fire", 1, lon=37.01)),
    )
    assert score.rules[0].splits == ("a",)


def test_verdicts_are_compared_and_a_wrong_one_counts_against_the_violations() -> None:
    civilian = (RuleTruth("line_crossing", "undetermined"),)
    score = evaluate(
        truth(happening("c", "crossing", 1), happening("d", "crossing", 5, rules=civilian, party="civilian")),
        table(
            finding("1", "line_crossing", 1, verdict="undetermined"),
            finding("2", "line_crossing", 5, verdict="violation"),
        ),
    )
    rule = score.rules[0]
    assert rule.recall.value == 1.0
    assert (rule.recall_violation.value, rule.precision_violation.value) == (0.0, 0.0)
    assert rule.verdicts == {"undetermined": {"violation": 1}, "violation": {"undetermined": 1}}


def test_out_and_back_is_one_report_with_and_without_an_incident() -> None:
    out = finding("1", "line_crossing", 1, direction="A>B", subject_key="track:s/t")
    back = finding("2", "line_crossing", 1.5, direction="B>A", subject_key="track:s/t")
    again = finding("3", "line_crossing", 9, direction="A>B", subject_key="track:s/t")
    assert [r.finding_ids for r in reports_of(table(out, back, again))] == [("1", "2"), ("3",)]
    together = [row | {"incident_id": "i"} for row in (out, back)]
    assert [r.finding_ids for r in reports_of(table(*together))] == [("1", "2")]


def test_withdrawn_and_superseded_findings_are_not_judged() -> None:
    first = finding("1", "line_crossing", 1)
    rows = [first, first | {"revision": 2, "state": "withdrawn"}, finding("2", "line_crossing", 2, lon=None)]
    assert reports_of(table(*rows)) == []


def test_findings_outside_the_period_are_not_judged() -> None:
    score = evaluate(truth(happening("c", "crossing", 1)), table(finding("1", "line_crossing", 30)))
    assert score.rules[0].reports == 0


def test_narrower_gates_find_less() -> None:
    world, found = truth(happening("c", "crossing", 1)), table(finding("1", "line_crossing", 1.2))
    assert evaluate(world, found).rules[0].matched == 1
    assert evaluate(world, found, gates=Gates(time_s=10.0)).rules[0].matched == 0


def test_the_score_is_json_and_a_table() -> None:
    score = evaluate(truth(happening("c", "crossing", 1)), table(finding("1", "line_crossing", 1)))
    assert json.loads(json.dumps(score.to_json()))["rules"]["line_crossing"]["n"] == 1
    console = Console(width=80, record=True, file=io.StringIO())
    for one in score_tables(score):
        console.print(one)
    assert "100 % of 1" in console.export_text()


def test_the_short_tables_fit_a_terminal_of_eighty_columns_with_every_rule() -> None:
    one = evaluate(truth(happening("c", "crossing", 1)), table(finding("1", "line_crossing", 1))).rules[0]
    many = Share.of(12_345, 12_345)
    crowded = replace(
        one,
        recall=many,
        recall_observable=many,
        precision=many,
        false_alarms=("1",) * 1_234,
        innocent=("1",) * 123,
        told=replace(one.told, not_asserted=12_345, recall_observable=many, precision=many),
        attribution=replace(one.attribution, right=many, undetermined=many),
    )
    rules = tuple(replace(crowded, rule_id=name) for name in KIND_OF_RULE)
    console = Console(width=80, record=True, file=io.StringIO())
    for part in score_tables(Score({}, rules)):
        console.print(part)
    text = console.export_text()
    assert "…" not in text
    assert all(text.count(f"{name} ") == 4 for name in KIND_OF_RULE)
    assert text.count("100 % of 12345") == 7 * len(KIND_OF_RULE)
    assert "undetermined" in text
    assert "1234 (123)" in text


def test_what_is_told_without_being_asserted_counts_beside_the_headline_not_in_it() -> None:
    world = truth(happening("f", "fire", 3), happening("g", "fire", 9))
    found = table(
        finding("sure", "ceasefire_fire", 3, probability=0.5),
        finding("weak", "ceasefire_fire", 9, probability=0.49),
        finding("noise", "ceasefire_fire", 20, probability=0.1),
    )
    (fire,) = (rule for rule in evaluate(world, found).rules if rule.rule_id == "ceasefire_fire")
    assert (fire.reports, fire.recall.value, fire.precision.value) == (1, 0.5, 1.0)
    assert (fire.told.reports, fire.told.not_asserted, fire.told.not_asserted_true) == (3, 2, 1)
    assert (fire.told.recall.value, fire.told.recall_observable.value) == (1.0, 1.0)
    assert fire.told.precision.value == pytest.approx(2 / 3)
    assert fire.attribution.condition.n == 3, "calibration is judged over everything told"


def test_a_report_without_a_probability_is_asserted() -> None:
    (fire,) = evaluate(truth(happening("f", "fire", 3)), table(finding("1", "ceasefire_fire", 3))).rules[-1:]
    assert (fire.reports, fire.told.not_asserted) == (1, 0)


def test_duplicates_are_reports_per_found_happening_and_merges_the_reverse() -> None:
    world = truth(happening("f", "fire", 3), happening("g", "fire", 3, lon=37.001))
    twice = table(*(finding(str(n), "ceasefire_fire", 9) for n in range(2)))
    alone = truth(happening("f", "fire", 9))
    (split,) = (r for r in evaluate(alone, twice).rules if r.rule_id == "ceasefire_fire")
    assert (split.duplicates, split.happenings_per_report) == (2.0, 1.0)
    (merge,) = (
        r
        for r in evaluate(world, table(finding("1", "ceasefire_fire", 3))).rules
        if r.rule_id == "ceasefire_fire"
    )
    assert (merge.duplicates, merge.happenings_per_report) == (1.0, 2.0)


def test_observable_vehicles_have_a_recall_of_their_own() -> None:
    world = truth(
        happening("v", "crossing", 1, object_class="tank"),
        happening("w", "crossing", 5, object_class="tank", band="in_reach"),
        happening("p", "crossing", 9, object_class="person"),
    )
    found = evaluate(world, table(finding("1", "line_crossing", 1))).rules[0]
    assert (found.recall_observable_vehicles.part, found.recall_observable_vehicles.whole) == (1, 1)
    assert found.recall_observable_by_class["person"].value == 0.0


def filing(case: str, finding_id: str, action: str = "open") -> dict[str, Any]:
    row: dict[str, Any] = {field.name: None for field in schema.FILINGS}
    return row | {
        "action": action,
        "case_number": case,
        "finding_id": finding_id,
        "finding_revision": 1,
        "rule_id": "ceasefire_fire",
        "place": "S1",
        "time_start_ns": 0,
        "time_end_ns": 0,
        "priority": 3,
        "summary": "",
    }


def test_a_case_is_false_when_none_of_its_findings_is_a_happening() -> None:
    world = truth(
        happening("f", "fire", 3), happening("blast", "fire", 12, party="civilian", rules=(), lon=38.0)
    )
    found = table(
        finding("true", "ceasefire_fire", 3),
        finding("late", "ceasefire_fire", 9),
        finding("quarry", "ceasefire_fire", 12, lon=38.0),
        finding("nothing", "ceasefire_fire", 20),
    )
    filings = pa.Table.from_pylist(
        [
            filing("2026-00001", "late"),
            filing("2026-00001", "true", "join"),
            filing("2026-00002", "quarry"),
            filing("2026-00003", "nothing"),
        ],
        schema=schema.FILINGS,
    )
    cases = evaluate(world, found, filings=filings).cases
    assert cases is not None
    assert (cases.opened, cases.false, cases.innocent) == (3, 2, 1)
    assert (cases.false_per_day.value, cases.by_rule) == (2.0, {"ceasefire_fire": 2})
    assert evaluate(world, found).cases is None


def test_of_interference_only_jamming_is_scored() -> None:
    broken = (RuleTruth("monitor_interference", "violation"),)
    jam = replace(happening("j", "fire", 1), kind="jamming", rules=broken)
    jammed = finding("a", "monitor_interference", 1, detail='{"how":"jamming"}')
    hit = finding("b", "monitor_interference", 2, detail='{"how":"fire at a sensor"}')
    (rule,) = evaluate(truth(jam), table(jammed, hit)).rules
    assert (rule.matched, rule.reports) == (1, 1)


def outage(name: str, hour: float, *sensors: str, **changes: Any) -> Happening:
    broken = (RuleTruth("sensor_outage", "undetermined"),)
    made = happening(name, "fire", hour, party="none", phenomena=len(sensors))
    return replace(made, **({"kind": "outage", "sensor_ids": sensors, "rules": broken} | changes))


def silence(name: str, hour: float, *sensors: str) -> dict[str, Any]:
    placeless = {"lon": None, "lat": None, "party": None, "sensor_ids": list(sensors), "count": len(sensors)}
    return finding(name, "sensor_outage", hour, verdict="undetermined", **placeless)


def test_an_outage_is_known_by_its_sensors_since_no_finding_says_where_they_stand() -> None:
    world = truth(outage("o", 1, "GR-1", "GR-2"), outage("p", 1, "GR-3"))
    found = table(silence("1", 1, "GR-2"), silence("2", 1, "ET-1"), silence("3", 5, "GR-3"))
    (rule,) = evaluate(world, found).rules
    assert (rule.matched, rule.misses, rule.false_alarms) == (1, ("p",), ("2", "3"))
    assert (rule.count_ratio, rule.accuracy.location_m.n) == (0.5, 0)
    assert rule.attribution.innocents_blamed.whole == 0, "nobody does an outage"


def test_the_report_with_more_of_an_outages_sensors_is_it_and_the_other_a_split() -> None:
    world = truth(outage("o", 1, "GR-1", "GR-2", "GR-3"))
    (rule,) = evaluate(world, table(silence("1", 1, "GR-1"), silence("2", 1, "GR-2", "GR-3"))).rules
    assert (rule.matched, rule.splits) == (1, ("1",))


def test_an_outage_whose_reports_only_came_late_is_an_innocent_cause() -> None:
    world = truth(outage("o", 1, "GR-1", rules=()))
    (rule,) = evaluate(world, table(silence("1", 1, "GR-1"))).rules
    assert (rule.n, rule.innocent) == (0, ("1",))


def build_up(name: str, hour: float, lon: float = 37.0, **changes: Any) -> Happening:
    broken = (RuleTruth("force_build_up", "violation"),)
    made = happening(name, "fire", hour, lon, phenomena=12)
    return replace(made, **({"kind": "build_up", "rules": broken, "extent_m": 8_000.0} | changes))


@pytest.mark.parametrize(("beyond_m", "is_found"), [(9_900.0, True), (10_100.0, False)])
def test_a_build_up_is_found_within_ten_kilometres_of_where_its_objects_were(
    beyond_m: float, is_found: bool
) -> None:
    lon = 37.0 + (8_000.0 + beyond_m) / 6_371_008.8 / np.cos(np.radians(48.0)) * 180.0 / np.pi
    world = truth(build_up("b", 1), build_up("far", 1, 39.0))
    found = table(finding("1", "force_build_up", 1, lon, count=9))
    (rule,) = evaluate(world, found).rules
    assert (rule.matched, len(rule.misses), len(rule.false_alarms)) == (is_found, 2 - is_found, 1 - is_found)
    assert rule.count_ratio == (0.75 if is_found else None)


def test_an_outage_and_a_build_up_are_counted_by_the_finding_not_by_its_incident() -> None:
    incident: dict[str, Any] = {field.name: None for field in schema.INCIDENTS}
    incident |= {"incident_id": "i", "revision": 1, "phenomena": '{"sensor_outage":1}', "detail": "{}"}
    incidents = pa.Table.from_pylist(
        [
            {field.name: incident.get(field.name) for field in schema.INCIDENTS}
            | {"kind": "outage", "state": "final", "time_start_ns": 0, "time_end_ns": 0, "event_ids": []}
        ],
        schema=schema.INCIDENTS,
    )
    named = table(
        silence("1", 1, "GR-1", "GR-2") | {"incident_id": "i"},
        finding("2", "force_build_up", 1, count=14, incident_id="i"),
    )
    counts = {report.rule_id: report.count for report in reports_of(named, incidents)}
    assert counts == {"sensor_outage": 2, "force_build_up": 14}
