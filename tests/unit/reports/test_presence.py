"""The sections on heavy weapons, build-ups and aircraft, in every format."""

import csv
import io
import json
from dataclasses import replace

from monitoring.reports import build, render
from tests.unit.reports.test_daily import HOSTILE, finding, incident, material

RULES = (
    "line_crossing",
    "buffer_incursion",
    "ceasefire_fire",
    "heavy_weapon_zone",
    "force_build_up",
    "air_violation",
)
TANKS = incident(
    "t", kind="movement", side="B", party="B", sensor_ids=["GS-1"], detail='{"sensor_types":["ground_radar"]}'
)
DRONE = incident("u", 2, kind="movement", side="A", party=None)
GATHERED = incident("g", 3, kind="presence", side="B", signed_distance_m=-9_000.0)
NEAR = {"object_class": "tank", "distance_m": 9_200.0, "count": 4, "count_is_minimum": True}
LIMIT = '{"limit_m":15000.0}'
FLOWN = {"object_class": "uav_small", "distance_m": 600.0, "count": 1, "count_is_minimum": True}
FOUND = [
    finding(TANKS, "heavy_weapon_zone", party="B", detail=LIMIT, **NEAR),
    finding(TANKS, "heavy_weapon_zone", number=1, party="B", detail=LIMIT, **(NEAR | {"count": 1})),
    finding(DRONE, "air_violation", "undetermined", detail='{"altitude_m":[240.0,310.4]}', **FLOWN),
    finding(GATHERED, "force_build_up", distance_m=9_000.0, count=14, count_is_minimum=True),
]


def report_of(incidents, found, rules=RULES):
    given = material(incidents, found)
    return build(replace(given, mission=replace(given.mission, rules=rules)))


REPORT = report_of([TANKS, DRONE, GATHERED], FOUND)
SECTIONS = {section.key: section for section in REPORT.sections}


def test_weapons_are_told_by_happening_with_their_number_and_the_distance_they_should_have_kept() -> None:
    section = SECTIONS["weapons"]
    assert section.sentences[0] == (
        "The system recorded 1 stay of heavy weapons nearer to the line than allowed (each weapon or group counts "
        "once): 1 in violation of the agreement."
    )
    assert section.sentences[1] == "At least, by class: tank 4."
    weapons = json.loads(render(REPORT, "json"))["sections"]
    (row,) = next(s for s in weapons if s["key"] == "weapons")["tables"][0]["rows"]
    assert row | {"when": ""} == {
        "when": "",
        "sector": "S01",
        "place": "km 12.3, side B",
        "number": "at least 4",
        "type": "tank",
        "distance": "9-10 km",
        "allowed": "15 km",
        "party": "B",
        "means": "radar",
        "verdict": "violation",
        "case": None,
    }


def test_build_ups_stand_in_the_section_of_weapons() -> None:
    section = SECTIONS["weapons"]
    assert "The system recorded 1 build-up of heavy objects" in section.sentences[2]
    assert section.tables[1].rows[0][3] == "at least 14"


def test_aircraft_have_a_section_with_their_heights() -> None:
    section = SECTIONS["air"]
    assert section.sentences[0].endswith("in closed air (out and back count as one): 1 undetermined.")
    assert section.tables[0].rows[0][6] == "240-310 m"


def test_without_such_a_happening_the_sections_say_so() -> None:
    sections = {section.key: section for section in report_of([], []).sections}
    assert sections["weapons"].sentences[0] == (
        "The system recorded no stays of heavy weapons nearer to the line than allowed."
    )
    assert sections["air"].tables == ()


def test_an_agreement_without_these_rules_leaves_them_not_computed() -> None:
    sections = {s.key: s for s in report_of([TANKS], FOUND[:1], RULES[:3]).sections}
    assert not sections["weapons"].is_computed
    assert not sections["air"].is_computed


def test_the_tables_are_on_the_page_and_every_incident_is_in_the_csv() -> None:
    page = render(REPORT, "html").decode()
    assert "Weapons nearer to the line than allowed" in page
    assert "240-310 m" in page
    assert "Places" in page
    rows = {row["incident_id"]: row for row in csv.DictReader(io.StringIO(render(REPORT, "csv").decode()))}
    assert [rows[f"I-{name}"]["rules"] for name in "tug"] == [
        "heavy_weapon_zone",
        "air_violation",
        "force_build_up",
    ]
    assert (rows["I-t"]["objects"], rows["I-t"]["objects_is_minimum"]) == ("4", "true")
    assert rows["I-t"]["allowed_from_km"] == "15.0"
    assert rows["I-u"]["allowed_from_km"] == ""


def test_hostile_words_are_harmless_in_the_tables() -> None:
    hostile = incident("h", kind="movement", sector=HOSTILE, party=HOSTILE)
    page = render(report_of([hostile], [finding(hostile, "heavy_weapon_zone", **NEAR)]), "html").decode()
    assert "<script>" not in page
