"""Which reports of fire become one incident, and how often its phenomena count."""

import json

import numpy as np
import pytest

from monitoring import findings
from monitoring.agreement import SensorFacts
from tests.small_world import START_NS, parameters, shot
from tests.unit.incidents.fire_world import WORLD, feed, heard

MINUTE = 60.0


def counts(output):
    return output.incidents.column("violations_smm").to_pylist()


def test_one_explosion_heard_by_five_sensors_is_one_incident_one_finding_one_phenomenon():
    _, output = feed(heard(0, -3_000), WORLD)
    assert output.incidents.num_rows == output.findings.num_rows == 1
    (row,) = output.incidents.to_pylist()
    assert (row["violations_smm"], row["event_count"], row["rounds_least"], row["rounds_best"]) == (
        1,
        5,
        1,
        1,
    )
    assert not row["count_is_minimum"]
    assert len(row["sensor_ids"]) == 5
    assert set(output.members.column("phenomenon").to_pylist()) == {0}


def test_repeats_by_the_same_sensor_are_different_phenomena():
    _, output = feed([shot(0, -3_000), shot(1, -3_000), shot(2, -3_000)], WORLD)
    assert counts(output) == [3]


def test_reports_of_one_group_and_kind_by_one_sensor_are_one_phenomenon():
    _, output = feed([shot(s, -3_000, group_id="g1") for s in (0, 2)], WORLD)
    assert counts(output) == [1]


def test_a_dense_volley_is_counted_once_per_explosion_whatever_the_number_of_sensors():
    rows = [report for n in range(120) for report in heard(n * 1.5, -3_000, by=5)]
    _, output = feed(rows, WORLD)
    assert counts(output) == [120]


def test_a_pause_within_the_gap_goes_on_and_a_longer_one_begins_a_new_incident():
    _, one = feed(heard(0, -3_000) + heard(10 * MINUTE - 1, -3_000), WORLD)
    _, two = feed(heard(0, -3_000) + heard(10 * MINUTE + 2, -3_000), WORLD)
    assert counts(one) == [2]
    assert counts(two) == [1, 1]


@pytest.mark.parametrize(("apart_m", "incident_count"), [(700, 1), (4_000, 2)])
def test_a_move_beyond_the_limit_is_another_incident(apart_m, incident_count):
    rows = heard(0, -3_000, sigma_m=20.0) + heard(30, -3_000, apart_m, sigma_m=20.0)
    _, output = feed(rows, WORLD)
    assert output.incidents.num_rows == incident_count


def test_a_group_on_the_corner_of_four_squares_is_one_incident():
    rng = np.random.default_rng(7)
    for _ in range(5):
        east, north = rng.uniform(-9_000, -2_000), rng.uniform(-8_000, 8_000)
        rows = [
            shot(20.0 * n, east + x, north + y, sensor_id=f"AC-{n % 4}", sigma_m=150.0)
            for n, (x, y) in enumerate(rng.normal(0, 150, (60, 2)))
        ]
        _, output = feed(rows, WORLD)
        assert output.incidents.num_rows == 1


def test_a_barrage_of_six_hours_is_cut_and_does_not_chain():
    _, output = feed([shot(60.0 * n, -3_000) for n in range(360)], WORLD)
    rows = output.incidents.to_pylist()
    assert sum(counts(output)) == 360
    assert len(rows) >= 3
    assert max(r["time_end_ns"] - r["time_start_ns"] for r in rows) <= 7_200 * 10**9


def test_a_barrage_along_twenty_kilometres_does_not_chain_into_one_incident():
    rng = np.random.default_rng(3)
    places = rng.uniform(-10_000, 10_000, 800)
    rows = [shot(2.0 * n, -3_000, north, sensor_id=f"AC-{n % 7}") for n, north in enumerate(places)]
    _, output = feed(rows, WORLD)
    members = output.members.column("incident_id").to_pylist()
    north = dict(zip((f"e{n:05d}" for n in range(len(places))), places, strict=True))
    by_incident = {}
    for incident_id, event in zip(members, output.members.column("id").to_pylist(), strict=True):
        by_incident.setdefault(incident_id, []).append(north[event])
    assert len(members) == 800
    assert len(by_incident) > 4
    assert max(max(v) - min(v) for v in by_incident.values()) <= 6_000


def test_every_event_belongs_to_exactly_one_incident():
    rng = np.random.default_rng(5)
    rows = [
        shot(float(t), -float(x), float(y), sensor_id=f"AC-{n % 9}", sigma_m=float(s))
        for n, (t, x, y, s) in enumerate(
            zip(
                rng.uniform(0, 7_200, 600),
                rng.uniform(500, 9_000, 600),
                rng.uniform(-9_000, 9_000, 600),
                rng.choice([20, 150, 900, 2_300], 600),
                strict=True,
            )
        )
    ]
    _, output = feed(rows, WORLD)
    named = output.members.column("id").to_pylist()
    assert len(named) == len(set(named)) == 600


def test_an_imprecise_report_joins_fire_beside_it_and_never_founds_an_incident():
    _, output = feed([*heard(0, -3_000), shot(3, -5_500, sensor_id="SEIS", sigma_m=4_000.0)], WORLD)
    (row,) = output.incidents.to_pylist()
    assert row["event_count"] == 6
    assert row["violations_smm"] == 1
    _, alone = feed([shot(3, -5_500, sensor_id="SEIS", sigma_m=4_000.0)], WORLD)
    assert alone.incidents.num_rows == 0
    assert alone.apart.column("sensor_id").to_pylist() == ["SEIS"]


def test_a_bearing_joins_the_fire_it_points_at():
    at_post = {"lon": None, "lat": None, "sigma_m": None, "sensor_id": "IR-1", "kind": "muzzle_flash"}
    lon, lat = shot(0, -8_000)["lon"], shot(0, -8_000)["lat"]
    towards = at_post | {"sensor_lon": lon, "sensor_lat": lat, "bearing_sigma_deg": 0.5}
    fire = [*heard(0, -3_000), *heard(0, -3_000, 6_000)]
    _, output = feed([*fire, shot(0.5, 0, **(towards | {"bearing_deg": 90.0}))], WORLD)
    by_place = {round(r["lat"], 2): r for r in output.incidents.to_pylist()}
    assert by_place[48.5]["event_count"] == 6
    assert by_place[48.5]["count_is_minimum"], "the flash has no precise report of its own"
    assert by_place[48.55]["event_count"] == 5
    _, beside = feed([*fire, shot(0.5, 0, **(towards | {"bearing_deg": 10.0}))], WORLD)
    assert beside.apart.num_rows == 1


def test_a_radar_that_saw_launch_and_impact_joins_both_ends_into_one_incident():
    radar = {"sensor_id": "CB-1", "group_id": "r1", "sigma_m": 60.0}
    rows = [shot(0, -9_000, kind="launch", **radar), shot(25, 2_500, direction="impact", **radar)]
    rows += [r | {"direction": "impact"} for r in heard(25, 2_500)]
    _, output = feed(rows, WORLD)
    (row,) = output.incidents.to_pylist()
    assert json.loads(row["phenomena"]) == {"explosion": 1, "launch": 1}
    assert (row["rounds_least"], row["rounds_best"]) == (1, 1)
    assert row["side"] == "A", "the place is where it was fired from"
    assert json.loads(row["detail"])["impact"]["reports"] == 6


def test_sound_travel_is_removed_where_the_post_is_known_so_that_late_reports_match():
    posts = {"N": -3_000 + 343 * 1, "F": -3_000 + 343 * 20}
    world = parameters(
        sensors={
            name: SensorFacts("acoustic_artillery", lon=shot(0, east)["lon"], lat=shot(0, east)["lat"])
            for name, east in posts.items()
        }
    )
    rows = [
        shot(delay, -3_000, sensor_id=name, time_basis="arrival", time_sigma_s=0.3)
        for name, delay in (("N", 1.0), ("F", 20.0))
    ]
    _, output = feed(rows, world)
    assert counts(output) == [1]
    _, unknown = feed([row | {"time_basis": "source"} for row in rows], world)
    assert counts(unknown) == [2]


def test_a_report_of_many_is_not_added_to_the_single_ones_it_may_contain():
    many = shot(30, -3_000, sensor_id="HR-1", count=12, count_is_minimum=True)
    _, output = feed([many, *[r for n in range(4) for r in heard(10.0 * n, -3_000)]], WORLD)
    (row,) = output.incidents.to_pylist()
    assert row["violations_smm"] == 12
    assert row["count_is_minimum"]
    assert row["summary"].startswith("At least 12 explosions")


def test_bursts_count_once_and_their_rounds_are_estimated_apart():
    rows = [
        shot(0, -3_000, kind="burst", rounds=7),
        shot(5, -3_000, kind="burst"),
        shot(9, -3_000, kind="shot"),
    ]
    (row,) = feed(rows, WORLD)[1].incidents.to_pylist()
    assert (row["violations_smm"], row["rounds_least"], row["rounds_best"]) == (3, 7 + 2 + 1, 7 + 4 + 1)


def test_fire_in_the_gap_of_the_antimeridian_counts_as_one_place():
    rows = [
        shot(n, 0, sensor_id=f"AC-{n}") | {"lon": lon, "lat": -17.0}
        for n, lon in enumerate((179.9995, -179.9995))
    ]
    assert counts(feed(rows, WORLD)[1]) == [1]


def test_swapping_the_sides_swaps_side_and_distance_and_nothing_else():
    rows = [r for n in range(6) for r in heard(30.0 * n, -3_000 - 20 * n)]
    mirrored = [r | {"lon": 74.0 - r["lon"]} for r in rows]
    (a,) = feed(rows, WORLD)[1].incidents.to_pylist()
    (b,) = feed(mirrored, WORLD)[1].incidents.to_pylist()
    assert (a["side"], b["side"]) == ("A", "B")
    assert b["signed_distance_m"] == pytest.approx(-a["signed_distance_m"], abs=0.01)
    assert a["violations_smm"] == b["violations_smm"]
    assert a["incident_id"] == b["incident_id"]


def test_the_place_is_inside_its_90_percent_ellipse_about_as_often_as_it_says():
    rng = np.random.default_rng(11)
    inside = []
    for trial in range(150):
        bias = rng.normal(0, 100 * np.sqrt(0.3), (4, 2))
        rows = [
            shot(20.0 * n, -4_000 + e, f, sensor_id=f"AC-{s}", sigma_m=100.0)
            for n in range(6)
            for s, (e, f) in enumerate(bias + rng.normal(0, 100 * np.sqrt(0.7), (4, 2)))
        ]
        (row,) = feed(rows, WORLD)[1].incidents.to_pylist()
        lon, lat = shot(0, -4_000)["lon"], shot(0, -4_000)["lat"]
        off = np.hypot((row["lon"] - lon) * 111_195 * np.cos(np.radians(lat)), (row["lat"] - lat) * 111_195)
        inside.append(off <= 2.146 * row["sigma_major_m"])
        assert trial < 150
    assert 0.82 <= np.mean(inside) <= 0.99


def test_the_id_is_a_hash_of_the_first_event_and_of_no_float():
    (row,) = feed(heard(0, -3_000), WORLD)[1].incidents.to_pylist()
    assert row["incident_id"] == findings.identity("incident", "fire", "fire", "AC-0/e00000")
    assert row["time_start_ns"] == START_NS


def test_both_ends_of_a_trajectory_are_located_with_side_and_error_and_swap_with_the_sides():
    radar = {"sensor_id": "CB-1", "group_id": "r1", "sigma_m": 60.0}
    rows = [shot(0, -9_000, kind="launch", **radar), shot(25, 2_500, direction="impact", **radar)]
    detail = json.loads(feed(rows, WORLD)[1].incidents.to_pylist()[0]["detail"])
    origin, impact = detail["origin"], detail["impact"]
    assert (origin["side"], impact["side"]) == ("A", "B")
    assert origin["signed_distance_m"] == pytest.approx(9_000, abs=20)
    assert impact["signed_distance_m"] == pytest.approx(-2_500, abs=20)
    assert (origin["sigma_m"], origin["reports"], impact["reports"]) == (60.0, 1, 1)
    mirrored = [r | {"lon": 74.0 - r["lon"]} for r in rows]
    swapped = json.loads(feed(mirrored, WORLD)[1].incidents.to_pylist()[0]["detail"])
    assert (swapped["origin"]["side"], swapped["impact"]["side"]) == ("B", "A")


def test_an_end_that_nobody_located_is_not_told():
    detail = json.loads(feed(heard(0, -3_000), WORLD)[1].incidents.to_pylist()[0]["detail"])
    assert "origin" not in detail
    assert "impact" not in detail
