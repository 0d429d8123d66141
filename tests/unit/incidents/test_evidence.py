"""How much reports of fire are worth: what supports them, what speaks against them, and innocent bangs."""

import json
import tracemalloc

import numpy as np
import pytest

from monitoring.agreement import SensorFacts
from monitoring.incidents import silence
from tests.small_world import parameters, place, shot
from tests.unit.incidents.fire_world import feed, heard

TYPES = {
    "AC": "acoustic_artillery",
    "CB": "counter_battery_radar",
    "HR": "human_report",
    "AS": "acoustic_small_arms",
    "GS": "geophone",
}


def world(**posts):
    """Sensors of the small world by the letters of their names, without posts unless given."""
    names = [f"{letters}-{n}" for letters in TYPES for n in range(6)]
    sensors = {name: SensorFacts(TYPES[name[:2]]) for name in names}
    for key, (east, north) in posts.items():
        name = key.replace("_", "-")
        lon, lat = place(east, north)
        sensors[name] = SensorFacts(TYPES[name[:2]], lon=lon, lat=lat)
    return parameters(sensors=sensors)


def weighed(rows, setting=None):
    (row,) = feed(rows, setting or world())[1].incidents.to_pylist()
    return json.loads(row["detail"])["evidence"]


def judged(rows, setting=None):
    (row,) = feed(rows, setting or world())[1].findings.to_pylist()
    return row


def bang(second=0.0, **fields):
    return shot(second, -3_000, **({"sensor_id": "AC-1", "direction": "outgoing"} | fields))


def test_a_lone_report_of_a_sensor_that_is_often_wrong_is_told_and_not_asserted():
    finding = judged([bang(confidence=0.9)])
    assert finding["probability"] < 0.5
    assert finding["verdict"] == "undetermined"
    assert "told, not asserted" in finding["reasons"][-1]


def test_repeated_reports_of_one_place_support_each_other_and_a_second_sensor_does_so_more():
    lone = weighed([bang()])["happened"]
    twice = weighed([bang(), bang(20)])["happened"]
    two_sensors = weighed([bang(), bang(0.2, sensor_id="AC-2")])["happened"]
    assert lone < twice < two_sensors
    assert judged([bang(), bang(0.2, sensor_id="AC-2")])["verdict"] == "violation"


def test_many_repetitions_of_one_sensor_count_no_more_than_a_few():
    few = weighed([bang(20.0 * n) for n in range(4)])["happened"]
    many = weighed([bang(20.0 * n) for n in range(40)])["happened"]
    assert many == few


def test_a_trajectory_seen_from_launch_to_impact_is_fire_and_a_lone_launch_is_not_yet():
    radar = {"sensor_id": "CB-1", "group_id": "r1", "sigma_m": 60.0}
    launch = shot(0, -5_000, kind="launch", **radar)
    assert judged([launch])["probability"] < 0.5
    assert judged([launch, shot(25, 2_500, direction="impact", **radar)])["probability"] > 0.9


def test_the_stated_confidence_counts_within_bounds():
    doubted, neutral, sure = (weighed([bang(confidence=c)])["happened"] for c in (0.05, 0.5, 0.95))
    assert doubted < neutral < sure < 0.5
    assert weighed([bang()])["happened"] == neutral
    assert weighed([bang(confidence=0.999)])["happened"] == pytest.approx(sure, abs=1e-9)


def test_what_one_sensor_repeats_shows_no_more_than_the_sensor_can_be_trusted():
    lone = [bang(30.0 * n, direction="impact", confidence=0.95) for n in range(12)]
    seconded = [*lone, bang(0.1, sensor_id="AC-9", direction="impact")]
    assert 0.8 < weighed(lone)["happened"] <= 0.9, "odds of nine to one, whatever it repeats"
    assert weighed(seconded)["happened"] > 0.98


def test_an_array_that_alone_tells_of_shells_beside_posts_that_hear_them_is_not_believed():
    shells = [bang(30.0 * n, sensor_id="HR-1", direction="impact", confidence=0.95) for n in range(12)]
    posts = {"HR_1": (-3_500, 0), "AC_2": (-3_000, 2_000), "HR_3": (-3_000, -1_000)}
    assert judged(shells, world(**posts))["probability"] < 0.5 < judged(shells)["probability"]


def test_nobodys_silence_speaks_against_a_flare_and_of_all_silence_only_so_much():
    flare = shot(0, -3_000, kind="flare", sensor_id="EO-1")
    posts = {f"AC_{n}": (-3_000, 300 * n) for n in range(12)}
    assert weighed([flare], world(**posts))["happened"] == weighed([flare])["happened"]
    crowd, few = (weighed([bang()], world(**dict(list(posts.items())[:n])))["happened"] for n in (12, 4))
    assert crowd == pytest.approx(few, rel=0.3), "posts of one kind share their weather"


def test_posts_of_a_kind_that_notices_no_fire_say_nothing():
    beside = weighed([bang()], world(GS_1=(-3_000, 0)))
    assert (beside["happened"], beside["silent_posts"]) == (weighed([bang()])["happened"], 0)


def test_a_barrage_is_compared_with_the_posts_and_not_with_itself():
    count = 1_500
    lon, lat = (np.full(count, axis) for axis in place(-3_000.0))
    which, looks = np.arange(count), np.ones(count)
    asked = (np.full(count, silence.BLASTS), looks, which, np.zeros_like(which), ["AC-1"], lon, lat)
    tracemalloc.start()
    try:
        quiet = silence.of_others(*asked, world(AC_2=(-3_000, 2_000)))
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert quiet.posts.tolist() == [1] * count
    assert peak < 5_000_000


def test_posts_that_would_have_noticed_and_gave_nothing_speak_against_a_report():
    rows = [bang(sensor_id="HR-1", count=3)]
    alone = weighed(rows, world(HR_1=(-3_500, 0)))
    beside = weighed(rows, world(HR_1=(-3_500, 0), AC_2=(-3_000, 2_000), AC_3=(-3_000, 30_000)))
    assert (alone["silent_posts"], beside["silent_posts"]) == (0, 1)
    assert beside["happened"] < alone["happened"]


def test_blasts_that_nobody_could_call_launch_or_impact_are_seldom_of_weapons():
    def many(direction):
        return [bang(0.1 * n, sensor_id=f"AC-{n}", direction=direction) for n in range(4)]

    assert weighed(many("undetermined"))["weapon"] < 0.5 < weighed(many("outgoing"))["weapon"]
    assert judged(many("undetermined"))["verdict"] == "undetermined"
    assert weighed(many("undetermined"))["happened"] > 0.95, "something did happen"
    one_told = [*many("undetermined")[:3], bang(0.3, sensor_id="AC-5", direction="impact")]
    assert weighed(one_told)["weapon"] > 0.9


def test_bursts_heard_by_an_array_for_guns_are_taken_for_fireworks_and_by_a_microphone_for_fire():
    def bursts(name):
        return [bang(5.0 * n, sensor_id=name, kind="burst", direction=None, sigma_m=20.0) for n in range(5)]

    assert weighed(bursts("AC-1"))["weapon"] < 0.5 < weighed(bursts("AS-1"))["weapon"]


def test_fire_beyond_the_zone_is_not_asserted_as_fire_inside_it():
    outside = judged([r | {"direction": "outgoing"} for r in heard(0, -34_000)])
    inside = judged([r | {"direction": "outgoing"} for r in heard(0, -26_000)])
    assert outside["probability"] < 0.01 < 0.9 < inside["probability"]


def test_the_weights_are_the_same_on_either_side_of_the_line():
    rows = [bang(0.1 * n, sensor_id=f"AC-{n}", confidence=0.7) for n in range(2)]
    mirrored = [row | {"lon": 74.0 - row["lon"]} for row in rows]
    assert weighed(rows) == weighed(mirrored)
    assert judged(rows)["probability"] == judged(mirrored)["probability"]
