"""The sections on fire across the line, works and mines, fire at assets and interference, in every format."""

import csv
import io
import json
from dataclasses import replace

from monitoring.reports import build, render
from tests.unit.reports.test_daily import HOSTILE, finding, incident, material

RULES = ("line_crossing", "ceasefire_fire", "cross_line_fire", "engineering_works", "monitor_interference")
SHELLS = incident("s")
DUG = incident("w", 2, kind="works", side="A", detail='{"sensor_types":["eo_ir_tower"]}')
JAMMED = incident("j", 3, kind="interference", side=None, detail='{"sensor_types":["rf_direction_finder"]}')
HIT = incident("h", 4, kind="interference", side="B", detail='{"sensor_types":["human_report"]}')
ENDS = json.dumps(
    {
        "origin": {"signed_distance_m": 3_200.0, "side": "A", "is_seen": True},
        "impact": {"signed_distance_m": -1_150.0, "side": "B", "is_seen": True},
        "protected_place": {"name": HOSTILE},
    }
)
WORKS = '{"what":"works","duration_s":7800.0,"extent_m":110,"machines":2}'
JAM = '{"how":"jamming","duration_s":3600.0,"place":{"method":"cross-bearing"}}'
FOUND = [
    finding(SHELLS),
    finding(SHELLS, "cross_line_fire", direction="A>B", detail=ENDS, probability=0.98),
    finding(DUG, "engineering_works", "permitted", detail=WORKS, probability=0.97),
    finding(JAMMED, "monitor_interference", detail=JAM, sigma_m=2_000.0, probability=0.99),
    finding(
        HIT, "monitor_interference", "undetermined", detail='{"how":"fire at a sensor","duration_s":0.0}'
    ),
]


def report_of(incidents, found, rules=RULES):
    given = material(incidents, found)
    return build(replace(given, mission=replace(given.mission, rules=rules)))


REPORT = report_of([SHELLS, DUG, JAMMED, HIT], FOUND)
SECTIONS = {section.key: section for section in REPORT.sections}


def rows_of(report, key):
    sections = json.loads(render(report, "json"))["sections"]
    return next(s for s in sections if s["key"] == key)["tables"][-1]["rows"]


def test_the_sections_stand_in_the_fixed_order() -> None:
    keys = [section.key for section in REPORT.sections if section.is_computed]
    wanted = ["violations", "across", "crossings", "own_assets", "weapons", "restrictions"]
    assert [key for key in keys if key in wanted] == wanted


def test_fire_across_the_line_has_both_ends_and_the_protected_place() -> None:
    assert SECTIONS["across"].sentences == (
        "The system recorded 1 happening of fire across the contact line: 1 in violation of the agreement.",
        "By direction: A to B 1. The direction is not whose fire it was.",
    )
    (row,) = rows_of(REPORT, "across")
    assert (row["direction"], row["from"], row["to"]) == ("A to B", "3-4 km, side A", "1-2 km, side B")
    assert row["protected"] == HOSTILE
    assert b"<script>alert(1)" not in render(REPORT, "html")


def test_works_stand_with_the_weapons_with_duration_extent_and_machines() -> None:
    assert (
        "1 site of works or mines inside the security zone: 1 permitted." in SECTIONS["weapons"].sentences[-1]
    )
    (row,) = rows_of(REPORT, "weapons")
    told = (row["what"], row["lasted"], row["extent"], row["machines"], row["verdict"], row["means"])
    assert told == ("works", "2 h 10 min", "110 m around", "2", "permitted", "camera")


def test_interference_says_how_far_around_its_place_the_emitter_may_be() -> None:
    assert "By kind: jamming 1." in SECTIONS["restrictions"].sentences
    (row,) = rows_of(REPORT, "restrictions")
    assert (row["how"], row["lasted"], row["located"], row["within"]) == (
        "jamming",
        "1 h 0 min",
        "cross-bearing",
        "4.3 km",
    )
    (row,) = rows_of(REPORT, "own_assets")
    assert (row["how"], row["lasted"], row["within"], row["verdict"]) == (
        "fire at a sensor",
        "seen once",
        "N/K",
        "undetermined",
    )


def test_every_incident_is_in_the_csv_with_what_it_was() -> None:
    rows = list(csv.DictReader(io.StringIO(render(REPORT, "csv").decode())))
    told = {row["incident_id"]: (row["kind"], row["observation"]) for row in rows}
    assert told["I-w"] == ("works", "works or mines")
    assert told["I-j"] == ("interference", "interference with the monitors")


def test_without_such_happenings_the_sections_say_so_and_without_the_rules_they_are_not_computed() -> None:
    none = {section.key: section for section in report_of([], []).sections}
    assert none["across"].sentences == ("The system recorded no happenings of fire across the contact line.",)
    assert none["restrictions"].sentences == (
        "The system recorded no instances of interference with the monitors.",
    )
    assert none["weapons"].sentences == (
        "The system recorded no sites of works or mines inside the security zone.",
    )
    bare = {section.key: section for section in report_of([], [], ("line_crossing",)).sections}
    assert "across" not in bare
    assert not any(bare[key].is_computed for key in ("own_assets", "weapons", "restrictions"))
