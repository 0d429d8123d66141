"""Which tracks are one object, and whether there was one."""

from dataclasses import replace

import numpy as np
import pyarrow as pa
import pytest

from monitoring import incidents, schema
from monitoring.agreement import SensorFacts
from monitoring.incidents import existence
from monitoring.incidents.existence import Posts, Sighting, Trust
from monitoring.incidents.movement import Scenes
from monitoring.incidents.objects import OBJECTS, Objects
from monitoring.incidents.same_object import Rules, matches
from monitoring.incidents.sketchbook import MEMORY_NS, Sketchbook
from monitoring.pipeline import tracking
from monitoring.tracks.keys import track_keys
from tests.small_world import START_NS, fix, parameters, place, table

SECOND_NS = 1_000_000_000
HOUR_NS = 3_600 * SECOND_NS
RADARS = {name: SensorFacts("ground_radar") for name in ("GS-1", "GS-2", "GS-3")}
WORLD = parameters(sensors=RADARS)
GATE, HANDOVER_NS = 9.0, 420 * SECOND_NS


def track(name, begin=0, end=600, every=12, east=lambda _: 500.0, north=lambda t: 1.5 * t, **fields):
    """Fixes of the track `sensor/track`, second by second a place."""
    sensor_id, track_id = name.split("/")
    return [
        fix(t, east(t), north(t), sensor_id=sensor_id, track_id=track_id, id=f"{track_id}-{t}", **fields)
        for t in range(begin, end, every)
    ]


def book(*tracks):
    rows = sorted((row for rows in tracks for row in rows), key=lambda row: row["time_ns"])
    _, judged = tracking.advance(tracking.start(WORLD, 1), table(rows), START_NS + 4 * HOUR_NS, False, WORLD)
    return Sketchbook(judged.sketches)


def key(name):
    return track_keys(*(pa.array([part]) for part in name.split("/")))[0]


def partners(name, *tracks, at=3_600, handover_ns=HANDOVER_NS):
    names = {
        int(key(f"{rows[0]['sensor_id']}/{rows[0]['track_id']}")): rows[0]["track_id"] for rows in tracks
    }
    found = matches(book(*tracks), key(name), START_NS + at * SECOND_NS, handover_ns, GATE)
    return [(names[match.key], match.is_earlier) for match in found]


def test_a_track_of_which_nothing_is_known_is_like_no_other():
    assert partners("GS-9/t9", track("GS-1/t1")) == []
    assert matches(Sketchbook(), key("GS-1/t1"), START_NS, HANDOVER_NS, GATE) == []


def test_two_sensors_that_place_a_track_alike_see_one_object():
    assert partners("GS-1/t1", track("GS-1/t1"), track("GS-2/t2", begin=5, east=lambda _: 530.0)) == [
        ("t2", False)
    ]


def test_two_that_walk_beside_each_other_are_two():
    assert partners("GS-1/t1", track("GS-1/t1"), track("GS-2/t2", begin=5, east=lambda _: 700.0)) == []


def test_two_that_meet_and_part_are_two():
    crossing = track("GS-2/t2", begin=5, east=lambda t: 500.0 + 0.8 * t)
    assert partners("GS-1/t1", track("GS-1/t1"), crossing) == []


def test_two_tracks_of_one_sensor_at_one_time_are_two():
    assert partners("GS-1/t1", track("GS-1/t1"), track("GS-1/t2", begin=5)) == []


@pytest.mark.parametrize(
    "other", [{"object_class": "uav_small"}, {"affiliation": "B"}], ids=["medium", "affiliation"]
)
def test_what_contradicts_in_words_is_two(other):
    own = track("GS-1/t1", object_class="tank", affiliation="A")
    assert partners("GS-1/t1", own, track("GS-2/t2", begin=5, **other)) == []
    assert partners("GS-1/t1", own, track("GS-2/t2", begin=5, object_class="group", affiliation="A"))


def test_in_a_crowd_each_gets_its_own_and_not_its_neighbour():
    def walkers(sensor, shift):
        return [
            track(f"{sensor}/{sensor[-1]}{i}", begin=shift, east=lambda _, i=i: 500.0 + 40.0 * i + shift)
            for i in range(4)
        ]

    everyone = [*walkers("GS-1", 0), *walkers("GS-2", 5)]
    for i in range(4):
        assert partners(f"GS-1/1{i}", *everyone) == [(f"2{i}", False)]


def test_a_track_goes_on_from_one_that_ended_where_it_begins():
    first = track("GS-1/t1", end=300)
    assert partners("GS-1/t2", first, track("GS-1/t2", begin=400, end=700)) == [("t1", True)]
    assert partners("GS-2/t2", first, track("GS-2/t2", begin=400, end=700)) == [("t1", True)]


@pytest.mark.parametrize(
    ("begin", "north"),
    [(900, lambda t: 1.5 * t), (320, lambda t: 1.5 * t + 900.0)],
    ids=["too long after", "too far away"],
)
def test_a_track_that_begins_elsewhere_or_much_later_is_another_object(begin, north):
    assert (
        partners("GS-1/t2", track("GS-1/t1", end=300), track("GS-1/t2", begin=begin, end=1_200, north=north))
        == []
    )


def test_without_handover_no_track_is_continued():
    tracks = track("GS-1/t1", end=300), track("GS-1/t2", begin=400, end=700)
    assert partners("GS-1/t2", *tracks, handover_ns=0) == []


def test_among_many_others_a_track_far_from_where_one_ended_is_rather_a_stranger():
    ended = track("GS-1/t1", end=300, north=lambda t: 8.0 * t)
    begins = track("GS-1/t2", begin=420, end=660, north=lambda t: 8.0 * t + 300.0)
    bystanders = [
        track(f"GS-1/b{i}", begin=300, end=660, east=lambda _, i=i: 900.0 + 60.0 * i, north=lambda _: 3_900.0)
        for i in range(12)
    ]
    assert partners("GS-1/t2", ended, begins) == [("t1", True)]
    assert ("t1", True) not in partners("GS-1/t2", ended, begins, *bystanders)


def test_what_a_poor_sensor_could_not_tell_apart_is_not_one_where_a_good_one_can():
    good = track("GS-1/t1", sigma_m=10.0)
    poor = track("GS-2/t2", begin=5, east=lambda _: 600.0, sigma_m=90.0)
    neighbour = track("GS-3/t3", begin=8, east=lambda _: 700.0, sigma_m=10.0)
    everyone = book(good, poor, neighbour)
    now_ns = START_NS + HOUR_NS

    def keys_beside(company):
        found = matches(everyone, int(key("GS-2/t2")), now_ns, HANDOVER_NS, GATE, company)
        return {match.key for match in found}

    assert keys_beside([]) == {int(key("GS-1/t1")), int(key("GS-3/t3"))}
    assert keys_beside([int(key("GS-1/t1"))]) == {int(key("GS-1/t1"))}


def test_one_stray_track_in_an_object_keeps_nobody_out_for_whom_most_of_it_speaks():
    sensors = {f"GS-{i}": SensorFacts("ground_radar") for i in range(1, 6)}
    own = [track(f"GS-{i}/t{i}", begin=i, east=lambda _, i=i: 500.0 + i) for i in range(1, 5)]
    stray = track("GS-1/stray", begin=3, east=lambda _: 1_500.0)
    rows = sorted((row for rows in (*own, stray) for row in rows), key=lambda row: row["time_ns"])
    world = parameters(sensors=sensors)
    _, judged = tracking.advance(tracking.start(world, 1), table(rows), START_NS + 4 * HOUR_NS, False, world)
    seen = Sketchbook(judged.sketches)

    def object_beside(*together):
        known = [
            {"key": int(key(name)), "object": 7, "last_ns": START_NS, "noise_of": None} for name in together
        ]
        objects = Objects.of_table(pa.Table.from_pylist(known, schema=OBJECTS), 8)
        return objects.of(int(key("GS-1/t1")), START_NS + HOUR_NS, seen, Rules(GATE, HANDOVER_NS))

    assert object_beside("GS-1/stray", "GS-2/t2", "GS-3/t3", "GS-4/t4") == 7
    assert object_beside("GS-1/stray", "GS-2/t2") == 8


def test_an_object_that_another_sensor_still_sees_is_continued_by_nobody_elsewhere():
    lost, still = track("GS-1/t1", end=300), track("GS-2/t2", begin=5, end=600)
    new = track("GS-1/t3", begin=330, end=600, north=lambda t: 1.5 * t - 300.0)
    assert ("t1", True) not in partners("GS-1/t3", lost, still, new)


def test_what_was_sketched_does_not_depend_on_where_batches_were_cut():
    rows = track("GS-1/t1", end=900, every=7)
    whole = book(rows).table
    shards, parts = tracking.start(WORLD, 1), []
    for low in range(0, len(rows), 5):
        part = table(rows).slice(low, 5)
        shards, judged = tracking.advance(shards, part, rows[low]["time_ns"], False, WORLD)
        parts.append(judged.sketches)
    assert pa.concat_tables(parts).combine_chunks().equals(whole)


def test_the_book_forgets_what_is_too_old_and_takes_late_tracks_in_their_places():
    early, late = book(track("GS-1/t1", end=60)), book(track("GS-2/t2", begin=30, end=90))
    both = late.replacing(early.table)
    assert np.all(np.diff(both.column("time_ns")) >= 0)
    assert len(both) == len(early) + len(late)
    assert len(both.replacing(early.table)) == len(both)
    assert len(both.without_old(START_NS + MEMORY_NS + 61 * SECOND_NS)) < len(both)


LON, LAT = place(500.0)
ROW = {
    "probability": 0.99,
    "verdict": "violation",
    "confidence": "medium",
    "reasons": ["because"],
    "detail": "{}",
    "time_start_ns": START_NS,
    "sensor_ids": ["GS-1"],
    "party": "A",
    "object_class": "tank",
    "lon": LON,
    "lat": LAT,
}
SEEN = Sighting(600.0, 1, True, False, -500.0)


def test_a_long_track_and_one_that_two_sensors_saw_are_left_as_they_were_judged():
    assert existence.weighed(ROW, SEEN, 0, Trust(), WORLD) == ROW
    short = SEEN._replace(seen_s=10.0, is_named=False, sensor_count=2)
    assert existence.weighed(ROW, short, 3, Trust(), WORLD) == ROW


def test_a_sensors_claim_of_an_object_is_not_held_against_that_very_object():
    trust = Trust()
    first = existence.weighed(ROW, SEEN, 3, trust, WORLD, 7)
    trust.learn("GS-1", 7, existence.miss_prob(3), True)
    assert existence.weighed(ROW, SEEN, 3, trust, WORLD, 7) == first
    other = existence.weighed(ROW, SEEN, 3, trust, WORLD, 8)
    assert other["probability"] < first["probability"]
    assert existence.weighed(ROW, SEEN, 3, Trust.of_table(trust.table()), WORLD, 7) == first
    trust.keep({8})
    assert existence.weighed(ROW, SEEN, 3, trust, WORLD, 7) == other


def test_a_finding_without_a_probability_gets_none():
    exact = ROW | {"probability": None}
    assert existence.weighed(exact, SEEN._replace(seen_s=1.0, is_named=False), 3, Trust(), WORLD) == exact


def test_a_short_lone_track_without_a_class_is_told_and_not_asserted():
    doubted = existence.weighed(ROW, SEEN._replace(seen_s=36.0, is_named=False), 0, Trust(), WORLD)
    assert doubted["probability"] < 0.5
    assert doubted["verdict"] == "undetermined"
    assert doubted["reasons"][-1].startswith("One sensor saw it for 36 s only")
    assert existence.unweighed(doubted) == ROW


def test_clutter_that_lasts_longer_than_a_minute_is_not_asserted_but_a_named_object_is():
    alone = SEEN._replace(seen_s=84.0, is_named=False)
    assert existence.weighed(ROW, alone, 0, Trust(), WORLD)["probability"] < 0.5
    assert existence.weighed(ROW, alone._replace(is_named=True), 0, Trust(), WORLD)["probability"] > 0.9


def test_what_a_camera_follows_and_cannot_name_may_be_an_animal():
    world = parameters(sensors={"T-1": SensorFacts("eo_ir_tower"), "GS-1": SensorFacts("ground_radar")})
    followed = SEEN._replace(is_named=False)

    def probability(*nameless, **fields):
        seen = followed._replace(nameless=nameless, **fields)
        return existence.weighed(ROW, seen, 0, Trust(), world)["probability"]

    assert probability("T-1") < 0.5
    assert probability("GS-1", "T-1", sensor_count=2) < 0.5
    assert probability("GS-1") > 0.5
    assert probability() == ROW["probability"]


@pytest.mark.parametrize(
    ("fields", "is_doubted"),
    [
        ({}, True),
        ({"object_class": "person"}, False),
        ({"object_class": "group"}, False),
        ({"affiliation": "civilian"}, False),
        ({"north": lambda t: 9.0 * t}, False),
    ],
    ids=["nameless", "person alone", "named", "whose is known", "fast"],
)
def test_only_what_is_slow_and_named_by_nobody_may_be_an_animal(fields, is_doubted):
    seen = book(track("GS-1/t1", **fields))
    objects = Objects()
    now_ns = START_NS + HOUR_NS
    number = objects.of(int(key("GS-1/t1")), now_ns, seen, Rules(GATE, HANDOVER_NS))
    sighting = Scenes(objects, seen, now_ns).sighting(int(key("GS-1/t1")), number, WORLD)
    assert sighting.nameless == (("GS-1",) if is_doubted else ())


def test_the_longer_a_track_the_less_it_is_doubted():
    probs = [
        existence.weighed(ROW, SEEN._replace(seen_s=s, is_named=False), 0, Trust(), WORLD)["probability"]
        for s in (0.0, 20.0, 40.0, 60.0, 90.0, 200.0)
    ]
    assert probs == sorted(probs)
    assert probs[0] < 0.1
    assert probs[-1] > 0.9


def test_a_sensor_that_shouts_is_not_believed_in_short_tracks():
    shouted = SEEN._replace(seen_s=100.0, is_named=False, is_shouting=True)
    assert existence.weighed(ROW, shouted, 0, Trust(), WORLD)["probability"] < 0.5
    assert existence.weighed(ROW, shouted._replace(seen_s=900.0), 0, Trust(), WORLD)["probability"] > 0.9


def test_posts_that_should_have_seen_it_and_did_not_speak_against_a_lone_accusation():
    trust = Trust()
    sensors = RADARS | {"GS-1": replace(RADARS["GS-1"], host_side="B")}
    world = parameters(sensors=sensors)
    probs = [existence.weighed(ROW, SEEN, n, trust, world)["probability"] for n in range(5)]
    assert probs == sorted(probs, reverse=True)
    assert probs[0] > 0.9
    assert probs[3] < 0.5
    told = existence.weighed(ROW, SEEN, 3, trust, world)
    assert told["verdict"] == "undetermined"
    assert "3 other posts should have seen it" in told["reasons"][-1]


def test_one_post_that_did_not_see_it_is_enough_against_a_first_lone_accusation():
    sensors = RADARS | {"GS-1": replace(RADARS["GS-1"], host_side="B")}
    accusing, world = existence.weighed(ROW, SEEN, 1, Trust(), parameters(sensors=sensors)), WORLD
    assert accusing["probability"] < 0.5 < existence.weighed(ROW, SEEN, 1, Trust(), world)["probability"]
    many = [existence.miss_prob(n) for n in range(9)]
    assert many[0] == 1.0
    assert many == sorted(many, reverse=True)
    assert many[4] == many[8] > 0.0


def test_a_lone_accusation_that_nobody_could_contradict_stands_until_its_sensor_is_contradicted():
    sensors = RADARS | {"GS-1": replace(RADARS["GS-1"], host_side="B")}
    world, trust = parameters(sensors=sensors), Trust()
    assert existence.weighed(ROW, SEEN, 0, trust, world) == ROW
    trust.learn("GS-1", -1, existence.miss_prob(1), is_contradicted=True)
    doubted = existence.weighed(ROW, SEEN, 0, trust, world)
    assert doubted["verdict"] == "undetermined"
    assert "others have contradicted" in doubted["reasons"][-1]


def test_a_sensor_whose_claims_are_contradicted_loses_credit_and_one_whose_are_borne_out_keeps_it():
    trust = Trust()
    before = trust.captured_prob("GS-1", is_accusing=True)
    for _ in range(3):
        trust.learn("GS-1", -1, existence.miss_prob(2), is_contradicted=True)
        trust.learn("GS-2", -1, existence.miss_prob(2), is_contradicted=False)
    assert trust.captured_prob("GS-1", is_accusing=True) > 0.8
    assert trust.captured_prob("GS-2", is_accusing=True) < before
    assert Trust.of_table(trust.table()) == trust


def test_only_posts_in_reach_that_look_towards_the_line_are_asked():
    def at(east_m, north_m=0.0, kind="ground_radar"):
        lon, lat = place(east_m, north_m)
        return SensorFacts(kind, lon=lon, lat=lat)

    sensors = {
        "GS-1": at(2_000.0),
        "near": at(3_000.0, 2_000.0),
        "opposite": at(-3_000.0),
        "in front": at(100.0),
        "far": at(3_000.0, 30_000.0),
        "ear": at(1_000.0, kind="acoustic_artillery"),
        "aircraft": SensorFacts("ground_radar"),
    }
    world = parameters(sensors=sensors)
    posts = Posts(world, START_NS)
    signed_m = float(
        world.lines.lines[0].locator.locate(np.array([LON]), np.array([LAT])).signed_distance_m[0]
    )
    assert posts.watching(ROW, signed_m) == 2
    assert posts.watching(ROW | {"object_class": "uav_small"}, signed_m) == 0


def test_the_findings_of_a_sensor_that_shouts_are_one_incident_and_survive_a_snapshot():
    noise = [
        row
        for i in range(200)
        for row in track(f"GS-1/n{i}", begin=i, end=i + 37, north=lambda _, i=i: 1_000.0 * (i % 40))
    ]
    rows = sorted(noise, key=lambda row: row["time_ns"])
    _, judged = tracking.advance(tracking.start(WORLD, 1), table(rows), START_NS + HOUR_NS, False, WORLD)
    late = judged.findings.slice(judged.findings.num_rows - 20)
    decided_ns = judged.decided_ns[-20:]
    state, out = incidents.start(), []
    for at in range(0, 20, 10):
        state, output = incidents.step(
            state, schema.PLACED_EVENTS.empty_table(), late.slice(at, 10), START_NS + HOUR_NS, WORLD,
            movement_decided_ns=decided_ns[at : at + 10], sketches=judged.sketches if at == 0 else None,
        )  # fmt: skip
        state = incidents.IncidentState.restore(state.snapshot())
        out.append(output)
    assert len({row["incident_id"] for o in out for row in o.findings.to_pylist()}) == 1
    assert all(row["probability"] < 0.5 for o in out for row in o.findings.to_pylist())
