"""Works: how they came changes nothing, sides and places are all alike, and a shouting sensor makes one site."""

import random
from dataclasses import replace

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from monitoring.agreement import SensorFacts
from tests.small_world import parameters, place, table, works
from tests.unit.rules.worlds import at_once, cut, in_pieces

SENSORS = {
    "W-1": SensorFacts("eo_ir_tower"),
    "W-2": SensorFacts("fibre_das"),
    "W-3": SensorFacts("uav_eo_ir"),
}
PARAMETERS = parameters(name="illustrative", sensors=SENSORS, rules=("engineering_works",))
QUICK = settings(max_examples=6, deadline=None, suppress_health_check=[HealthCheck.too_slow])
OTHER = {"A": "B", "B": "A", None: None}

report = st.tuples(
    st.integers(0, 40_000), st.sampled_from([-4_000, -900, 700]), st.integers(-200, 200),
    st.sampled_from(["W-1", "W-2", "W-3"]), st.sampled_from(["works", "works", "works", "mine"]),
)  # fmt: skip


def events_of(reports, sign=1, north_m=0.0):
    return [
        works(second, sign * (east_m + drift_m), north_m + drift_m, sensor_id=sensor, kind=kind, sigma_m=30.0,
              id=f"e{i:04d}")
        for i, (second, east_m, drift_m, sensor, kind) in enumerate(reports)
    ]  # fmt: skip


@QUICK
@given(st.lists(report, min_size=1, max_size=25), st.lists(st.floats(0, 1), max_size=4))
def test_where_deliveries_are_cut_changes_nothing(reports, cuts):
    rows = events_of(reports)
    assert in_pieces(cut(rows, cuts), PARAMETERS) == at_once(rows, PARAMETERS)


@QUICK
@given(st.lists(report, min_size=1, max_size=25), st.randoms(use_true_random=False))
def test_neither_the_order_of_arrival_nor_sending_again_changes_anything(reports, chance: random.Random):
    rows = events_of(reports)
    shuffled = [*rows, *rows[: len(rows) // 2]]
    chance.shuffle(shuffled)
    assert at_once(shuffled, PARAMETERS) == at_once(rows, PARAMETERS)


@QUICK
@given(st.lists(report, min_size=1, max_size=25))
def test_a_mirrored_world_gives_mirrored_findings(reports):
    here, there = at_once(events_of(reports), PARAMETERS), at_once(events_of(reports, sign=-1), PARAMETERS)
    assert len(here) == len(there)
    for one, other in zip(here, there, strict=True):
        assert (one["finding_id"], one["verdict"]) == (other["finding_id"], other["verdict"])
        assert one["side"] == OTHER[other["side"]]
        assert one["margin"] == pytest.approx(other["margin"], abs=0.1)
        assert one["probability"] == other["probability"]


@QUICK
@given(st.lists(report, min_size=1, max_size=25), st.floats(-20_000, 20_000))
def test_a_scene_moved_along_the_line_is_judged_alike(reports, north_m):
    here, there = at_once(events_of(reports), PARAMETERS), at_once(events_of(reports, 1, north_m), PARAMETERS)
    assert [(row["finding_id"], row["verdict"], row["side"]) for row in here] == [
        (row["finding_id"], row["verdict"], row["side"]) for row in there
    ]


@pytest.mark.parametrize(("sign", "north_m"), [(-1, 0.0), *((1, 130.0 * i) for i in range(1, 8))])
def test_what_a_sensor_tells_within_a_minute_is_parted_alike_wherever_it_is(sign, north_m):
    reports = [(i, -900, 60 * i, "W-1", "works") for i in range(8)]
    here, there = (
        at_once(events_of(reports), PARAMETERS),
        at_once(events_of(reports, sign, north_m), PARAMETERS),
    )
    assert [row["event_ids"] for row in here] == [row["event_ids"] for row in there]


def test_a_shouting_sensor_makes_one_site_that_it_alone_does_not_prove():
    rows = [works(i, -900, sensor_id="W-2", sigma_m=30.0, id=f"e{i}") for i in range(600)]
    (found,) = at_once(rows, PARAMETERS)
    assert (found["verdict"], found["probability"]) == ("undetermined", pytest.approx(0.94, abs=0.01))


def test_works_that_go_on_for_days_are_told_once_a_day():
    rows = [works(3_600 * hour, -900, id=f"e{hour}") for hour in range(50)]
    assert [len(row["event_ids"]) for row in at_once(rows, PARAMETERS)] == [25, 25]


def test_exact_places_are_inside_or_not():
    exact = replace(PARAMETERS, position_error=0)
    assert at_once([works(0, -29_990.0), works(60, -29_990.0, id="b")], exact)[0]["margin"] == pytest.approx(
        10, abs=1
    )
    assert not at_once([works(0, -30_010.0), works(60, -30_010.0, id="b")], exact)


def test_a_site_s_place_and_extent_are_those_of_its_reports():
    rows = [works(300 * i, -900, north, sigma_m=10.0, id=f"e{i}") for i, north in enumerate((0, 120, -120))]
    (found,) = at_once(rows, PARAMETERS)
    assert (found["lon"], found["lat"]) == pytest.approx(place(-900), abs=1e-4)
    assert '"extent_m":110' in found["detail"]
    assert '"duration_s":600.0' in found["detail"]
    assert table(rows).num_rows == len(found["event_ids"])
