"""What the report says of coverage: not observed and nothing observed are two answers; rates and their intervals."""

import json
import re
from collections import Counter
from dataclasses import replace

import numpy as np
import pyarrow as pa
import pytest

from monitoring import findings, schema
from monitoring.coverage import KINDS
from monitoring.reports import Material, build, render
from monitoring.reports.coverage_strip import level
from monitoring.reports.observed import KINDS as WORDS
from monitoring.reports.watch import Figures, rate_of, watch_of
from tests.unit.reports.test_daily import HOUR_NS, MISSION, PERIOD, finding, incident

FIRST_HOUR_NS = PERIOD.from_ns // HOUR_NS * HOUR_NS


def row(sector="S01", kind="crossing_vehicle", hour=0, watched=40.0, prob=0.8, **fields):
    start_ns = FIRST_HOUR_NS + hour * HOUR_NS
    made = {
        "sector": sector,
        "kind": kind,
        "time_start_ns": start_ns,
        "time_end_ns": start_ns + HOUR_NS,
        "revision": 1,
        "line_km_h": 50.0,
        "watched_km_h": watched,
        "effective_km_h": watched * prob,
        "lost_km_h": 0.0,
        "detection_prob": prob if watched else None,
        "status": "observed",
        "working_count": 1,
        "down_count": 0,
        "is_upper_bound": True,
        "engine_version": "0.1.0",
    }
    return made | fields


def coverage(rows):
    return pa.Table.from_pylist(list(rows), schema=schema.COVERAGE)


def whole_day(watched_in=("S01", "S02"), hours=25):
    return coverage(
        row(sector, kind, hour, 40.0 if sector in watched_in else 0.0)
        for sector in ("S01", "S02")
        for kind in KINDS
        for hour in range(hours)
    )


def material(coverage_rows, happened=()):
    found = [finding(one, "line_crossing", object_class="light_vehicle", probability=0.9) for one in happened]
    return Material(
        MISSION,
        PERIOD,
        PERIOD.to_ns,
        findings.table({"engine_version": "0.1.0", "reasons": [], "detail": "{}"} | one for one in found),
        pa.Table.from_pylist([*happened], schema=schema.INCIDENTS),
        coverage=coverage_rows,
    )


def section(report):
    return next(one for one in report.sections if one.key == "coverage")


def test_without_coverage_the_report_says_so_and_shows_no_figure():
    report = build(material(coverage([])))
    assert report.coverage == "coverage: not computed"
    assert not section(report).is_computed
    document = json.loads(render(report, "json"))
    assert document["watched"] is document["rates"] is None
    assert "What was watched" not in render(report, "html").decode()


def test_a_sector_that_nobody_watched_is_not_observed_and_a_quiet_one_is_nothing_observed():
    report = build(material(whole_day(watched_in=("S01",))))
    sentences = " ".join(section(report).sentences)
    assert "Not observed, for any of these kinds, for the whole period: S02 (North)" in sentences
    assert "Nothing observed though somebody was looking: S01 (South)." in sentences
    by_sector = {values[0]: values for values in section(report).tables[1].rows}
    assert by_sector["S01 South"][-1] == "nothing observed"
    assert by_sector["S02 North"][-1] == "not observed"
    assert report.coverage == "coverage: upper bound, no terrain mask"


def test_a_sector_with_an_incident_shows_its_number():
    report = build(material(whole_day(), [incident("a", kind="movement")]))
    by_sector = {values[0]: values for values in section(report).tables[1].rows}
    assert by_sector["S01 South"][-1] == "1"
    assert by_sector["S02 North"][-1] == "nothing observed"


def test_hours_that_reach_over_the_edges_of_the_period_count_by_their_share():
    watch = watch_of(whole_day(), PERIOD, [])
    assert watch is not None
    assert watch.hours == pytest.approx(24.0)
    assert watch.of_kind("works").line == pytest.approx(2 * 50.0 * 24.0)


def test_hours_that_were_not_computed_are_named():
    report = build(material(whole_day(hours=13)))
    assert any("Coverage was computed for 12.5 of the 24 hours" in text for text in section(report).sentences)


def test_a_kind_that_nobody_looked_for_has_no_rate():
    rate = rate_of("works", {}, {})
    assert rate.rate is rate.low is rate.high is None
    rows = {values[0]: values for values in section(build(material(whole_day(watched_in=())))).tables[0].rows}
    assert rows[WORDS["works"]][5] == "not observed"


def test_no_record_among_much_watching_bounds_the_rate_from_above():
    rate = rate_of("works", {}, {("S01", 0): 1_000.0})
    assert rate.rate == rate.low == 0.0
    assert rate.high == pytest.approx(3.69, abs=0.03)


def test_counts_that_cluster_widen_the_interval():
    exposure = {(f"S{i}", 0): 100.0 for i in range(20)}
    even = rate_of("works", {(f"S{i}", 0): 2 for i in range(20)}, exposure)
    heaped = rate_of("works", {("S1", 0): 40}, exposure)
    assert even.rate == heaped.rate == pytest.approx(20.0)
    assert even.dispersion == 1.0
    assert heaped.high - heaped.low > 3 * (even.high - even.low)


def test_the_interval_holds_the_true_rate_nineteen_times_in_twenty_though_happenings_come_in_clusters():
    rng = np.random.default_rng(5)
    exposure = {(f"S{i:02d}", 0): 500.0 for i in range(24)}
    held = 0
    for _ in range(400):
        counts = Counter()
        for place in exposure:
            counts[place] = int(rng.poisson(1.0) and rng.poisson(3.0, rng.poisson(1.0)).sum())
        mean = sum(counts.values())
        rate = rate_of("works", counts, exposure)
        true = 1_000.0 * 24 * (1 - np.exp(-1.0)) * 3.0 / (24 * 500.0)
        held += bool(mean) and rate.low <= true <= rate.high
    assert 0.91 <= held / 400 <= 0.99


def test_findings_less_likely_than_not_are_no_part_of_a_rate():
    one = incident("a", kind="movement")
    doubtful = [
        {"detail": "{}"} | finding(one, "line_crossing", object_class="light_vehicle", probability=0.3)
    ]
    watch = watch_of(whole_day(), PERIOD, doubtful)
    assert {rate.count for rate in watch.rates} == {0}


def test_the_page_draws_every_hour_and_hatches_what_nobody_watched():
    page = render(build(material(whole_day(watched_in=("S01",)))), "html").decode()
    drawing = re.search(r'<svg class="strip watch".*?</svg>', page, re.DOTALL).group()
    assert drawing.count('fill="url(#unwatched)"') == 4
    assert drawing.count('class="w4"') == 4
    assert "hardly watched for vehicles or mortars" in page


@pytest.mark.parametrize(
    ("watched", "prob", "shade"), [(0.0, 0.0, 0), (4.9, 1.0, 0), (5.0, 1.0, 1), (50.0, 1.0, 5)]
)
def test_the_shade_tells_the_chance_on_all_of_the_line(watched, prob, shade):
    assert level(Figures(50.0, watched, watched * prob)) == shade


def test_machine_readable_forms_carry_the_same_figures():
    said = {"coverage": {"watched_frac": 0.4, "detection_prob": 0.7}}
    one = incident("a", kind="movement")
    given = material(whole_day(), [one])
    changed = given.findings.set_column(
        given.findings.schema.get_field_index("detail"), "detail", pa.array([json.dumps(said)])
    )
    report = build(replace(given, findings=changed))
    document = json.loads(render(report, "json"))
    assert len(document["watched"]) == 2 * len(KINDS)
    assert {rate["kind"] for rate in document["rates"]} <= set(KINDS)
    assert document["incidents"][0]["watched_frac"] == 0.4
    assert b"watched_frac,detection_prob" in render(report, "csv")
