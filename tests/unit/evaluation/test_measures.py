"""Measures of matched reports: honest ellipses, calibrated probabilities, classes, rates, and how they are shown."""

import hashlib
import io
import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from rich.console import Console

from monitoring.evaluation import detail_tables, evaluate, markdown
from monitoring.evaluation.accuracy import accuracy, mahalanobis2
from monitoring.evaluation.attribution import Calibration, attribution
from monitoring.evaluation.plots import write_plots
from monitoring.evaluation.reports import Report
from monitoring.evaluation.rule_plots import RULE_PLOTS
from monitoring.evaluation.shares import Rate, Share
from monitoring.simulation.truth import Happening, Place
from tests.unit.evaluation.test_matching import finding, happening, table, truth

METRES_PER_DEGREE = 6_371_008.8 * np.pi / 180


def report(lon: float = 37.0, lat: float = 48.0, **changes: Any) -> Report:
    made = Report(
        rule_id="ceasefire_fire",
        finding_ids=("1",),
        verdict="violation",
        party="A",
        time_start_ns=0,
        time_end_ns=0,
        lon=np.array([lon]),
        lat=np.array([lat]),
        sigma_m=100.0,
        sigma_major_m=100.0,
        sigma_minor_m=100.0,
        sigma_azimuth_deg=0.0,
        probability=None,
        party_probability=None,
        count=None,
    )
    return replace(made, **changes)


def pairs_with(sigma_m: float, stated_m: float, n: int = 2_000) -> list[tuple[Happening, Report]]:
    rng = np.random.default_rng(1)
    east, north = rng.normal(0.0, sigma_m, (2, n)) / METRES_PER_DEGREE
    happened = happening("f", "fire", 0, places=(Place("origin", 37.0, 48.0, 0.0, 0.0),))
    stated = {"sigma_major_m": stated_m, "sigma_minor_m": stated_m}
    return [
        (happened, report(37.0 + e / np.cos(np.radians(48.0)), 48.0 + n_, **stated))
        for e, n_ in zip(east.tolist(), north.tolist(), strict=True)
    ]


def test_an_honest_sigma_has_its_share_of_true_places_inside_each_ellipse() -> None:
    inside = accuracy(pairs_with(100.0, 100.0), None).inside
    for level, share in inside.items():
        assert share.low is not None
        assert share.high is not None
        assert share.low < int(level) / 100 < share.high


@pytest.mark.parametrize(("stated_m", "share"), [(50.0, 0.44), (200.0, 0.99)])
def test_a_sigma_of_half_or_double_the_truth_is_found_out(stated_m: float, share: float) -> None:
    # Within the 90 % ellipse of half the size lie 1 - 0.1 ** 0.25 of the places, of double the size nearly all.
    assert accuracy(pairs_with(100.0, stated_m), None).inside["90"].value == pytest.approx(share, abs=0.03)


def test_an_ellipse_lies_along_its_azimuth() -> None:
    long = report(sigma_major_m=1_000.0, sigma_minor_m=10.0, sigma_azimuth_deg=90.0)
    assert mahalanobis2(1_000.0, 0.0, long) == pytest.approx(1.0)
    assert mahalanobis2(0.0, 10.0, long) == pytest.approx(1.0)
    assert mahalanobis2(0.0, 1_000.0, long) > 1_000


def test_delays_are_those_of_the_first_final_of_a_report() -> None:
    happened = happening("f", "fire", 1)
    found = accuracy([(happened, report(finding_ids=("1", "2")))], {"1": happened.time_start_ns + 90 * 10**9})
    assert (found.delay_s.n, found.delay_s.median) == (1, 90.0)


def test_a_calibrated_forecaster_lies_on_the_diagonal_and_a_boaster_does_not() -> None:
    rng = np.random.default_rng(2)
    p = rng.uniform(0, 1, 20_000)
    true = rng.uniform(size=20_000) < p
    honest = Calibration.of(p.tolist(), true.tolist())
    assert all(abs(b.mean_stated - (b.came_true.value or 0.0)) < 0.04 for b in honest.table)
    boaster = Calibration.of(np.where(p > 0.5, 0.99, 0.01).tolist(), true.tolist())
    assert boaster.brier is not None
    assert honest.brier is not None
    assert boaster.brier > honest.brier + 0.05


def test_attribution_tells_right_wrong_undetermined_and_innocents() -> None:
    deeds = [
        (happening("1", "fire", 1), report(party="A", party_probability=0.9)),
        (happening("2", "fire", 1), report(party="B", party_probability=0.6)),
        (happening("3", "fire", 1, party="B"), report(party=None)),
        (happening("4", "fire", 1, party="civilian"), report(party="A")),
    ]
    whose = attribution(deeds, [])
    assert (whose.right.part, whose.right.whole) == (1, 2)
    assert (whose.undetermined.part, whose.undetermined.whole) == (1, 3)
    assert (whose.innocents_blamed.part, whose.innocents_blamed.whole) == (1, 1)
    assert whose.calibration.brier == pytest.approx((0.1**2 + 0.6**2) / 2)
    assert (whose.by_party["A"].value, whose.by_party["B"].value) == (0.5, None)


def test_stated_probabilities_of_false_alarms_count_as_not_come_true() -> None:
    found = attribution([(happening("1", "fire", 1), report())], [(1.0, True), (1.0, False)])
    assert found.condition.brier == 0.5


def test_recall_is_told_by_speed_and_by_sensors_in_reach() -> None:
    slow = happening("s", "crossing", 1, speed_mps=1.0, sensor_types=("ground_radar",))
    fast = happening("q", "crossing", 5, speed_mps=30.0, sensor_types=("ground_radar", "uav_eo_ir"))
    rule = evaluate(truth(slow, fast), table(finding("1", "line_crossing", 1))).rules[0]
    assert {k: v.value for k, v in rule.recall_by_speed.items()} == {"0-2 m/s": 1.0, "over 20 m/s": 0.0}
    assert rule.recall_by_sensor_type["ground_radar"].value == 0.5
    assert {k: v.value for k, v in rule.recall_by_sensor_mix.items()} == {"1": 1.0, "2": 0.0}


def test_false_alarms_are_a_rate_per_day_and_100_km_and_by_the_party_blamed() -> None:
    world = truth(happening("c", "crossing", 1))
    world = replace(world, header={**world.header, "line_m": 200_000.0})
    rule = evaluate(world, table(finding("far", "line_crossing", 1, lon=39.0, party="B"))).rules[0]
    assert (rule.false_alarm_rate.value, rule.false_alarm_rate.exposure) == (0.5, 2.0)
    assert (rule.false_alarm_rate_by_party["A"].count, rule.false_alarm_rate_by_party["B"].count) == (0, 1)


def test_only_rules_in_force_are_missed() -> None:
    tank = happening("p", "incursion", 1)
    tank = replace(tank, kind="presence", rules=(replace(tank.rules[0], rule_id="heavy_weapon_zone"),))
    world = truth(tank)
    assert evaluate(world, table()).rules == ()
    world = replace(world, header={**world.header, "rules": ["heavy_weapon_zone"]})
    assert [(r.rule_id, r.recall.value) for r in evaluate(world, table()).rules] == [
        ("heavy_weapon_zone", 0.0)
    ]


@given(st.integers(0, 200), st.integers(0, 200))
@settings(max_examples=100, deadline=None)
def test_intervals_hold_their_value_and_pooling_is_counting_together(part: int, more: int) -> None:
    share = Share.of(part, part + more)
    if share.value is not None:
        assert share.low is not None
        assert share.high is not None
        assert 0.0 <= share.low <= share.value <= share.high <= 1.0
    assert Share.pooled([share, share]) == Share.of(2 * part, 2 * (part + more))
    rate = Rate.of(part, 3.0)
    assert rate.low is not None
    assert rate.value is not None
    assert rate.high is not None
    assert rate.low <= rate.value <= rate.high


def test_poisson_intervals_are_the_exact_ones_to_a_few_per_cent() -> None:
    # Exact limits (Garwood 1936) for 5 and 20 events: [1.62, 11.67] and [12.22, 30.89].
    for count, low, high in ((5, 1.62, 11.67), (20, 12.22, 30.89)):
        rate = Rate.of(count, 1.0)
        assert (rate.low, rate.high) == (pytest.approx(low, rel=0.03), pytest.approx(high, rel=0.03))


def a_score() -> Any:
    return evaluate(
        truth(happening("c", "crossing", 1), happening("f", "fire", 3), happening("g", "fire", 5)),
        table(
            finding("1", "line_crossing", 1, sigma_m=30.0, probability=0.8),
            finding("2", "ceasefire_fire", 3, count=9, sigma_m=200.0, detail='{"party_probability": 0.7}'),
        ),
    )


def test_pages_and_tables_show_every_measure_and_json_holds_no_nan() -> None:
    score = a_score()
    page = markdown(score)
    assert "recall, observable" in page
    assert "Brier score, party" in page
    console = Console(file=io.StringIO(), width=200)
    for one in detail_tables(score):
        console.print(one)
    json.dumps(score.to_json(), allow_nan=False)


def test_plots_are_the_same_bytes_each_time(tmp_path: Path) -> None:
    def written(name: str) -> dict[str, str]:
        folder = tmp_path / name
        folder.mkdir()
        paths = write_plots(a_score(), folder)
        return {path.name: hashlib.sha256(path.read_bytes()).hexdigest() for path in paths}

    first = written("first")
    plots = {"recall", "honesty", "reliability", *RULE_PLOTS}
    assert set(first) == {f"{name}.svg" for name in plots}
    assert written("second") == first
    assert b"<dc:date>" not in (tmp_path / "first" / "recall.svg").read_bytes()


def deed(party: str, is_determinable: bool | None) -> Happening:
    return replace(happening("f", "fire", 0), party=party, is_determinable=is_determinable)


def said(party: str | None, probability: float | None, parties: dict[str, float]) -> Report:
    return report(party=party, party_probability=probability, parties=parties)


def test_a_deed_is_on_the_wrong_side_where_the_other_party_was_given_more_than_one_half() -> None:
    pairs = [
        (deed("A", True), said("A", 0.9, {"A": 0.9, "B": 0.05})),
        (deed("A", True), said(None, None, {"A": 0.4, "B": 0.45})),
        (deed("B", False), said(None, None, {"A": 0.55, "B": 0.2})),
        (deed("B", True), said("A", 0.8, {"A": 0.8, "B": 0.1})),
        (deed("civilian", None), said(None, None, {"A": 0.6, "B": 0.1})),
    ]
    scored = attribution(pairs, [])
    assert (scored.wrong_side.part, scored.wrong_side.whole) == (2, 4)
    whose = scored.determinable
    assert (whose.determined.part, whose.determined.whole, whose.right.part) == (2, 3, 1)
    assert whose.calibration.error == pytest.approx((0.1 + 0.8) / 2)
