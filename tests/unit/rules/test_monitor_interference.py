"""Interference: how it came changes nothing, sides are alike, emitters are told apart and honestly placed."""

import json
import random
from functools import cache

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from pyproj import Geod

from monitoring.agreement import SensorFacts
from monitoring.incidents import emitters, geometry, locating
from tests.small_world import START_NS, parameters, place, shot
from tests.unit.rules.worlds import at_once, cut, in_pieces

QUICK = settings(max_examples=6, deadline=None, suppress_health_check=[HealthCheck.too_slow])
POSTS = {"RF-1": (-6_000.0, 0.0), "RF-2": (-6_000.0, 14_000.0), "RF-3": (7_000.0, 5_000.0)}
OTHER = {"A": "B", "B": "A", None: None}
GEOD = Geod(ellps="WGS84")
VALUES = emitters.Values(2_700 * 10**9, 86_400 * 10**9, 30_000.0, 300.0, 0.5, 0.003, 0.5, 3.0)


@cache
def world(sign=1, north_m=0.0):
    sensors = {"UE-1": SensorFacts("uav_eo_ir"), "HR-1": SensorFacts("human_report")}
    for name, (east, north) in POSTS.items():
        sensors[name] = SensorFacts("rf_direction_finder", None, None, *place(sign * east, north + north_m))
    return parameters(name="illustrative", sensors=sensors, rules=("monitor_interference",))


report = st.tuples(
    st.integers(0, 60),
    st.sampled_from([("RF-1", 80.0), ("RF-1", 200.0), ("RF-2", 120.0), ("UE-1", None), ("HR-1", None)]),
    st.floats(-2, 2),
)


def events_of(reports, sign=1, north_m=0.0):
    rows = []
    for i, (slot, (sensor, bearing), wobble) in enumerate(reports):
        fields = {"id": f"e{i:04d}", "sensor_id": sensor, "kind": "jamming", "sigma_m": 4_000.0}
        if bearing is not None:
            turn = sign * (bearing + wobble) % 360.0
            fields |= {
                "lon": None,
                "lat": None,
                "sigma_m": None,
                "bearing_deg": turn,
                "bearing_sigma_deg": 2.5,
            }
        elif sensor == "HR-1":
            fields |= {"kind": "access_denied", "sigma_m": 50.0}
        rows.append(shot(300 * slot, sign * (wobble * 500 - 3_000), north_m + wobble * 100, **fields))
    return rows


@QUICK
@given(st.lists(report, min_size=1, max_size=25), st.lists(st.floats(0, 1), max_size=4))
def test_where_deliveries_are_cut_changes_nothing(reports, cuts):
    rows = events_of(reports)
    assert in_pieces(cut(rows, cuts), world()) == at_once(rows, world())


@QUICK
@given(st.lists(report, min_size=1, max_size=25), st.randoms(use_true_random=False))
def test_neither_the_order_of_arrival_nor_sending_again_changes_anything(reports, chance: random.Random):
    rows = events_of(reports)
    shuffled = [*rows, *rows[: len(rows) // 2]]
    chance.shuffle(shuffled)
    assert at_once(shuffled, world()) == at_once(rows, world())


@QUICK
@given(st.lists(report, min_size=1, max_size=25))
def test_a_mirrored_world_gives_mirrored_findings(reports):
    here, there = at_once(events_of(reports), world()), at_once(events_of(reports, -1), world(-1))
    assert [(row["finding_id"], row["verdict"], row["probability"]) for row in here] == [
        (row["finding_id"], row["verdict"], row["probability"]) for row in there
    ]
    assert [row["side"] for row in here] == [OTHER[row["side"]] for row in there]
    for one, other in zip(here, there, strict=True):
        assert one["lon"] - 37.0 == pytest.approx(37.0 - other["lon"], abs=1e-3)


@QUICK
@given(st.lists(report, min_size=1, max_size=20), st.sampled_from([-9_000.0, 6_500.0]))
def test_a_scene_moved_along_the_line_is_judged_alike(reports, north_m):
    here = at_once(events_of(reports), world())
    there = at_once(events_of(reports, 1, north_m), world(1, north_m))
    assert [(row["finding_id"], row["verdict"], row["side"]) for row in here] == [
        (row["finding_id"], row["verdict"], row["side"]) for row in there
    ]


def bearings(at, finders, times, chance, sigma_deg=2.5):
    """Reports of an emitter at (east, north) by finders, in canonical order."""
    columns = {name: [] for name in emitters.Reports._fields}
    for second in times:
        for number, name in enumerate(finders):
            lon, lat = place(*POSTS[name])
            turn, _, _ = GEOD.inv(lon, lat, *place(*at))
            said = (turn + sigma_deg * chance.standard_normal()) % 360.0
            time_ns = START_NS + second * 10**9
            for column, value in zip(
                columns.values(), (time_ns, time_ns, number, lon, lat, np.nan, said, sigma_deg), strict=True
            ):
                column.append(value)
    return emitters.Reports(*(np.array(column) for column in columns.values()))


@pytest.mark.parametrize("finders", [("RF-1",), ("RF-1", "RF-2"), ("RF-1", "RF-2", "RF-3")])
def test_nine_in_ten_ellipses_of_emitters_hold_them(finders):
    chance, inside = np.random.default_rng(7), 0
    for _ in range(100):
        far_m, turn = 30_000.0 * chance.uniform(), chance.uniform(0, 2 * np.pi)
        at = (POSTS["RF-1"][0] + far_m * np.sin(turn), POSTS["RF-1"][1] + far_m * np.cos(turn))
        found = locating.located(bearings(at, finders, range(0, 1_500, 300), chance), 30_000.0)
        lon, lat = place(*at)
        east, north = geometry.offsets_m(*(np.array([v]) for v in (found.lon, found.lat, lon, lat)))
        axes = (np.array([v]) for v in (found.major_m, found.minor_m, found.azimuth_deg))
        inside += bool(geometry.mahalanobis_sq(east, north, *geometry.covariance(*axes))[0] <= 4.605)
    assert inside >= 83


def test_finders_that_hear_one_emitter_at_once_are_joined_and_one_that_begins_long_after_is_not():
    chance = np.random.default_rng(3)
    both = bearings((4_000.0, 6_000.0), ("RF-1", "RF-2"), range(0, 3_000, 300), chance)
    assert set(emitters.heard(both, VALUES).emitter.tolist()) == {0}
    first = bearings((4_000.0, 6_000.0), ("RF-1",), range(0, 6_000, 300), chance)
    second = bearings((4_000.0, 6_000.0), ("RF-2",), range(4_500, 6_000, 300), chance)
    second = second._replace(sensor=second.sensor + 1)
    whole = emitters.Reports(*(np.concatenate(pair) for pair in zip(first, second, strict=True)))
    whole = whole.taken(np.lexsort((whole.sensor, whole.time_ns)))
    assert set(emitters.heard(whole, VALUES).emitter.tolist()) == {0, 1}


def test_a_finder_that_reports_each_second_makes_one_emitter_and_no_more_of_it_than_its_minutes_say():
    rows = [
        shot(second, 0.0, sensor_id="RF-1", kind="jamming", id=f"e{second:04d}", lon=None, lat=None, sigma_m=None,
             bearing_deg=80.0, bearing_sigma_deg=2.5)
        for second in range(1_200)
    ]  # fmt: skip
    (found,) = at_once(rows, world())
    detail = json.loads(found["detail"])
    assert (detail["reports"], detail["place"]["method"]) == (1_200, "bearing alone")
    assert found["side"] is None, "half-way out on a bearing is no certain side"


def test_jamming_that_never_ends_is_told_once_a_day():
    rows = [
        shot(1_800 * i, -3_000, sensor_id="UE-1", kind="jamming", id=f"e{i}", sigma_m=4_000.0)
        for i in range(100)
    ]
    assert [len(row["event_ids"]) for row in at_once(rows, world())] == [49, 49, 2]
