"""What the daily report says, and that it says the same for the same input."""

import csv
import io
import json
import re
import time
from dataclasses import replace
from datetime import date

import numpy as np
import pyarrow as pa
import pytest

from monitoring import findings, schema
from monitoring.incidents.wording import span
from monitoring.reports import (
    CaseLine,
    Material,
    Mission,
    Received,
    Sector,
    SensorLine,
    Totals,
    build,
    period_ending_on,
    render,
    totals,
)

PERIOD = period_ending_on(date(2026, 6, 15), "Europe/Kyiv", "19:30")
MISSION = Mission(
    name="test mission",
    line_label="straight",
    line_version="sha256:1",
    line_length_m=100_000.0,
    agreement_label="minimal",
    agreement_version="sha256:2",
    engine_version="0.1.0",
    sectors=(Sector("S01", "South", 0.0, 50_000.0), Sector("S02", "North", 50_000.0, 100_000.0)),
)
HOUR_NS = 3_600 * 1_000_000_000
HOSTILE = "=HYPERLINK(1)<script>alert(1)</script>\u202e\"'&"


def incident(name, hour=1.0, kind="fire", **fields):
    time_ns = PERIOD.from_ns + int(hour * HOUR_NS)
    row = {
        "incident_id": f"I-{name}",
        "revision": 1,
        "state": "final",
        "kind": kind,
        "time_start_ns": time_ns,
        "time_end_ns": time_ns + HOUR_NS // 10,
        "lon": 37.0,
        "lat": 48.0,
        "sigma_major_m": 100.0,
        "side": "A",
        "signed_distance_m": 2_400.0,
        "chainage_m": 12_300.0,
        "sector": "S01",
        "violations_smm": 4 if kind == "fire" else None,
        "rounds_least": 4,
        "rounds_best": 6,
        "count_is_minimum": False,
        "phenomena": '{"burst":1,"explosion":3}' if kind == "fire" else '{"line_crossing":1}',
        "event_count": 7,
        "sensor_ids": ["AC-1", "AC-2"],
        "confidence": "medium",
        "summary": "Something was recorded.",
        "engine_version": "0.1.0",
        "detail": '{"sensor_types":["acoustic_artillery"]}',
    }
    return row | fields


def finding(of, rule_id="ceasefire_fire", verdict="violation", number=0, **fields):
    row = {
        "finding_id": f"F-{of['incident_id']}-{rule_id}-{number}",
        "revision": 1,
        "state": "final",
        "rule_id": rule_id,
        "verdict": verdict,
        "time_start_ns": of["time_start_ns"],
        "time_end_ns": of["time_end_ns"],
        "sector": of["sector"],
        "incident_id": of["incident_id"],
        "subject_key": "s",
        "sensor_ids": [],
        "event_ids": [],
        "engine_version": "0.1.0",
        "reasons": [],
        "detail": "{}",
    }
    return row | fields


def material(incidents, found, **fields):
    table = pa.Table.from_pylist(incidents, schema=schema.INCIDENTS)
    return Material(
        MISSION, PERIOD, fields.pop("as_of_ns", PERIOD.to_ns), findings.table(found), table, **fields
    )


FIRE, FAR, WALK = incident("a"), incident("b", 2, sector="S02"), incident("c", 3, kind="movement", side=None)
FOUND = [
    finding(FIRE),
    finding(FAR, verdict="undetermined"),
    finding(WALK, "line_crossing", direction="A>B", object_class="tank", party="A"),
    finding(WALK, "line_crossing", direction="B>A", object_class="tank", party="A", number=1),
]
CASE = CaseLine(
    "2026-00001",
    "filed",
    "ceasefire_fire",
    None,
    "S01",
    12_300.0,
    FIRE["time_start_ns"],
    FIRE["time_end_ns"],
    3,
    "Fire.",
    1,
    1,
    (),
    ("I-a",),
)


SENSORS = (SensorLine("acoustic_artillery", 3, 2, ("AC-3",)),)
RECEIVED = Received(100, 2, {"unknown_sensor": 3}, {"late": 4})
PREVIOUS = Totals(violations={"S01": 9}, is_minimum=frozenset({"S01"}))


def whole(**fields):
    given = {"cases": (CASE,), "sensors": SENSORS, "received": RECEIVED, "previous": PREVIOUS}
    return build(material([FIRE, FAR, WALK], FOUND, **(given | fields)))


def page(report):
    return render(report, "html").decode()


def sentences(report, key):
    return " ".join(next(s for s in report.sections if s.key == key).sentences)


def test_only_fire_inside_the_zone_counts_as_violations_and_the_rest_is_counted_apart():
    report = whole()
    assert (report.total.violations, report.total.explosions, report.total.other_fire) == (4, 3, 4)
    assert "In the previous reporting period, it recorded at least 9." in sentences(report, "violations")
    assert [line.violations for line in report.sectors] == [4, 0]


def test_totals_say_at_least_when_something_was_too_much_to_count():
    least = incident("a", count_is_minimum=True)
    report = build(material([least], [finding(least)]))
    assert "at least 4 ceasefire violations" in sentences(report, "violations")
    assert "at least" in page(report)


def test_out_and_back_is_one_crossing():
    report = whole()
    assert report.total.crossings == 1
    assert "1 crossing (out and back count as one): 1 in violation" in sentences(report, "crossings")
    assert report.movement[0].direction == "A to B, B to A"


def test_the_sections_stand_in_a_fixed_order_and_what_is_not_computed_says_so():
    report = whole()
    assert [section.key for section in report.sections] == [
        "violations", "crossings", "incursions", "casualties", "own_assets", "disengagement", "weapons", "air",
        "repairs", "checkpoints", "restrictions", "coverage", "cases", "received", "sensors",
    ]  # fmt: skip
    assert report.coverage == "coverage: not computed"
    assert "Coverage: not computed." in page(report)
    assert json.loads(render(report, "json"))["coverage"] == "coverage: not computed"


def test_an_empty_period_claims_nothing_about_what_happened():
    report = build(material([], []))
    text = page(report)
    assert "recorded no ceasefire violations" in text
    assert "For the previous reporting period there is no figure." in text
    assert "not thereby shown to have been free of violations" in text
    assert not re.search(r"\b(quiet|calm|no incidents occurred|respected)\b", text)


def test_the_header_names_period_zone_length_and_the_state_of_information():
    assert whole().header == (
        "Reporting period: 14 June 2026, 19:30 (UTC+3) to 15 June 2026, 19:30 (UTC+3), 24 hours; "
        "times are Europe/Kyiv time.",
        "Based on information as of 15 June 2026, 19:30 (UTC+3).",
    )


def test_a_period_with_a_change_of_clocks_says_so():
    period = period_ending_on(date(2026, 10, 25), "Europe/Kyiv", "19:30")
    report = build(replace(material([], []), period=period, as_of_ns=period.to_ns))
    assert "(UTC+3) to 25 October 2026, 19:30 (UTC+2), 25 hours" in report.header[0]
    assert report.header[-1] == "Clocks changed within this period, which therefore has 25 hours."


def test_a_report_before_its_period_is_over_is_preliminary():
    report = whole(as_of_ns=PERIOD.to_ns - HOUR_NS)
    assert report.is_preliminary
    assert "Preliminary" in page(report)
    assert not whole().is_preliminary


def test_what_began_outside_the_period_and_what_is_not_final_does_not_count():
    before, withdrawn, live = (
        incident("x", -1),
        incident("y", state="withdrawn"),
        incident("z", state="provisional"),
    )
    rows = [before, withdrawn, live]
    report = build(material(rows, [finding(row, state=row["state"]) for row in rows]))
    assert report.total.violations == 0
    assert report.fire == ()
    assert report.withdrawn == 1


def test_evidence_is_told_in_the_grammar_of_monitors():
    (line, _) = whole().fire
    assert line.when == "14 Jun 20:30-20:36"
    assert (line.means, line.observation) == ("heard", "3 explosions, 1 burst")
    assert (line.location, line.distance) == ("km 12.3, side A", "2-3 km from the line")
    assert (line.weapon, line.party) == ("N/K", "undetermined")
    assert line.case_number == "2026-00001"


@pytest.mark.parametrize("form", ["html", "csv", "json"])
def test_the_same_input_in_any_order_gives_the_same_bytes(form):
    once = render(whole(), form)
    order = np.random.default_rng(1).permutation(len(FOUND))
    given = {"cases": (CASE,), "sensors": SENSORS, "received": RECEIVED, "previous": PREVIOUS}
    shuffled = build(material([WALK, FIRE, FAR], [FOUND[i] for i in order], **given))
    assert render(shuffled, form) == once


def test_hostile_text_is_shown_as_text_and_never_as_markup_or_formula():
    row = incident("a", summary=HOSTILE)
    report = build(material([row], [finding(row)], cases=(replace(CASE, summary=HOSTILE),)))
    text = page(report)
    assert "<script" not in text
    assert "&lt;script&gt;" in text
    (header, line) = csv.reader(io.StringIO(render(report, "csv").decode(), newline=""))
    assert dict(zip(header, line, strict=True))["summary"] == "'" + HOSTILE
    assert json.loads(render(report, "json"))["incidents"][0]["summary"] == HOSTILE


def test_truth_values_of_the_csv_are_words_that_every_reader_knows():
    rows = [incident("a", count_is_minimum=True), incident("b", hour=2.0)]
    report = build(material(rows, [finding(row, number=n) for n, row in enumerate(rows)]))
    lines = csv.DictReader(io.StringIO(render(report, "csv").decode(), newline=""))
    assert [line["count_is_minimum"] for line in lines] == ["true", "false"]


def test_the_locale_of_the_process_changes_no_byte(monkeypatch):
    whole_in_english = [render(whole(), form) for form in ("html", "csv", "json")]
    said = span(PERIOD.from_ns, PERIOD.to_ns, "Europe/Kyiv")
    english = time.strftime

    def ukrainian(form, *moment):
        return english(form.replace("%B", "червень").replace("%b", "чер"), *moment)

    monkeypatch.setattr(time, "strftime", ukrainian)
    assert f"{PERIOD.date:%B}" == "червень"
    assert [render(whole(), form) for form in ("html", "csv", "json")] == whole_in_english
    assert span(PERIOD.from_ns, PERIOD.to_ns, "Europe/Kyiv") == said


@pytest.mark.parametrize("start", ["=", "+", "-", "@", "\t", "\r"])
def test_no_cell_of_the_csv_starts_a_formula(start):
    row = incident("a", summary=f"{start}1+1")
    data = render(build(material([row], [finding(row)])), "csv").decode()
    for line in csv.reader(io.StringIO(data, newline="")):
        assert not any(cell.startswith(start) and not re.fullmatch(r"-?[\d.]+", cell) for cell in line)


def test_the_page_needs_nothing_from_outside_and_runs_nothing():
    text = page(whole())
    assert not re.search(r"(src|href)=\"(?!#)", text)
    assert "url(http" not in text
    assert "default-src 'none'" in text
    assert '<html lang="en">' in text
    assert text.count("<h1>") == 1


def test_every_mark_of_the_strip_lies_inside_it():
    rng = np.random.default_rng(3)
    hours, chainages = rng.uniform(0, 23.9, 300), rng.uniform(-10, 100_010, 300)
    rows = [incident(str(n), hours[n], chainage_m=float(chainages[n])) for n in range(300)]
    text = page(build(material(rows, [finding(row) for row in rows])))
    xs = [float(x) for x in re.findall(r'class="mark[^>]*cx="([\d.]+)"', text)]
    assert xs
    assert min(xs) >= 55
    assert max(xs) <= 1_195


def test_totals_of_a_period_are_what_the_next_report_compares_with():
    before = totals(
        PERIOD, findings.table(FOUND), pa.Table.from_pylist([FIRE, FAR, WALK], schema=schema.INCIDENTS)
    )
    assert before.violations == {"S01": 4}
    report = build(material([], [], previous=before))
    assert report.total.previous == 4
    assert "it recorded 4." in sentences(report, "violations")


def test_what_lies_outside_every_sector_has_its_own_row_and_is_in_the_total():
    out = incident("o", sector=None)
    report = build(material([FIRE, out], [finding(FIRE), finding(out)]))
    assert [(line.name, line.violations) for line in report.sectors][-1] == ("outside the sectors", 4)
    assert report.total.violations == 8


def test_late_and_refused_reports_versions_and_silent_sensors_are_named():
    text = page(whole())
    for part in (
        "unknown_sensor",
        "4 reports came late",
        "sha256:1",
        "sha256:2",
        "0.1.0",
        "AC-3",
        "For the commission",
    ):
        assert part in text


def test_whose_deed_is_proposed_is_not_in_the_report_only_what_sensors_stated() -> None:
    weighed = json.dumps({"stated_party": None, "attribution": {"proposal": "B"}, "sensor_types": []})
    proposed = incident("p", party="B", detail=weighed)
    stated = incident("s", 2, party="A", detail=weighed.replace("null", '"A"'))
    made = build(
        material([proposed, stated], [finding(proposed, party="B", detail=weighed), finding(stated)])
    )
    assert [line.party for line in made.fire] == ["undetermined", "A"]


def test_an_outage_is_no_object_and_has_no_one_place():
    place = {"lon": None, "lat": None, "chainage_m": None, "side": None, "signed_distance_m": None}
    outage = incident("o", 4, kind="outage", **place)
    report = build(material([outage], [finding(outage, "sensor_outage", "undetermined")]))
    (line,) = report.other
    assert (line.observation, line.location) == ("outage of sensors", "no one place")
