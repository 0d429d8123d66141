"""Crossings of tracks that were not stitched, and yet are one passage, or one way out and back."""

import json

import pytest

from monitoring import findings, incidents, schema
from monitoring.agreement import SensorFacts
from monitoring.incidents import passages
from monitoring.incidents.excursions import Excursions
from monitoring.incidents.objects import OBJECTS, Objects
from monitoring.pipeline import tracking
from tests.small_world import START_NS, fix, parameters, place, table

SECOND_NS = 1_000_000_000
UNTIL_NS = START_NS + 4 * 3_600 * SECOND_NS
WORLD = parameters(sensors={name: SensorFacts("ground_radar") for name in ("GS-1", "GS-2", "GS-3")})


def walked(name, begin=0, east_m=500.0, lasts=300):
    """Fixes of the track `sensor/track`, 500 m and more from those of tracks elsewhere: nothing stitches them."""
    sensor_id, track_id = name.split("/")
    return [
        fix(begin + t, east_m, 1.5 * t, sensor_id=sensor_id, track_id=track_id, id=f"{track_id}-{t}")
        for t in range(0, lasts, 12)
    ]


def crossing(name, second, direction="A>B", **fields):
    lon, lat = place(0.0, 0.0)
    time_ns = START_NS + second * SECOND_NS
    return {
        "finding_id": f"F-{name}-{second}",
        "revision": 1,
        "state": "final",
        "rule_id": "line_crossing",
        "verdict": "violation",
        "time_start_ns": time_ns,
        "time_end_ns": time_ns,
        "lon": lon,
        "lat": lat,
        "sigma_m": 20.0,
        "direction": direction,
        "confidence": "medium",
        "party": None,
        "object_class": "light_vehicle",
        "subject_key": f"track:{name}",
        "sensor_ids": [name.split("/")[0]],
        "event_ids": [f"{name}-0"],
        "engine_version": schema.ENGINE_VERSION,
        "reasons": ["because"],
        "detail": "{}",
    } | fields


def incidents_of(tracks, rows):
    """How the crossings are shared out among incidents: a number each, in the order of first appearance."""
    fixes = sorted((row for one in tracks for row in one), key=lambda row: row["time_ns"])
    _, judged = tracking.advance(tracking.start(WORLD, 1), table(fixes), UNTIL_NS, False, WORLD)
    state, ids = incidents.start(), []
    for i, row in enumerate(rows):
        state, output = incidents.step(
            state,
            schema.PLACED_EVENTS.empty_table(),
            findings.table([row]),
            START_NS + 3_600 * SECOND_NS,
            WORLD,
            sketches=judged.sketches if i == 0 else None,
        )
        state = incidents.IncidentState.restore(state.snapshot())
        ids += output.findings["incident_id"].to_pylist()
    return [list(dict.fromkeys(ids)).index(name) for name in ids]


def stated(*words):
    return json.dumps({"affiliations": list(words)})


APART = [walked("GS-1/a"), walked("GS-2/b", east_m=5_000.0), walked("GS-3/c", east_m=9_000.0)]


def test_one_passage_told_by_sensors_whose_tracks_were_not_stitched_is_one_happening():
    rows = [crossing("GS-1/a", 300), crossing("GS-2/b", 330), crossing("GS-3/c", 310)]
    assert incidents_of(APART, rows) == [0, 0, 0]


@pytest.mark.parametrize(
    "other",
    [
        crossing("GS-2/b", 500),
        crossing("GS-2/b", 310, direction="B>A"),
        crossing("GS-2/b", 310, object_class="uav_small"),
        crossing("GS-2/b", 310, detail=stated("A")),
        crossing("GS-2/b", 310, lon=place(0.0, 3_000.0)[0], lat=place(0.0, 3_000.0)[1]),
    ],
    ids=["later", "the other way", "in the air", "of another hand", "elsewhere"],
)
def test_what_differs_in_time_way_medium_hand_or_place_is_another_passage(other):
    assert incidents_of(APART, [crossing("GS-1/a", 300, detail=stated("civilian")), other]) == [0, 1]


def test_two_passages_told_by_one_sensor_are_two_and_another_sensor_joins_one_of_them():
    tracks = [walked("GS-1/a"), walked("GS-1/a2", east_m=5_000.0), walked("GS-2/b", east_m=9_000.0)]
    rows = [crossing("GS-1/a", 300), crossing("GS-1/a2", 360), crossing("GS-2/b", 355)]
    assert incidents_of(tracks, rows) == [0, 1, 1]


def test_the_way_back_of_forces_told_by_another_sensor_ends_their_excursion():
    tracks = [walked("GS-1/a"), walked("GS-2/b", begin=2_000, east_m=5_000.0)]
    out, back = crossing("GS-1/a", 300, party="A"), crossing("GS-2/b", 2_100, direction="B>A")
    assert incidents_of(tracks, [out, back]) == [0, 0]
    assert incidents_of(tracks, [out | {"party": None}, back]) == [0, 1], "it may be anybody's"
    assert incidents_of(tracks, [out, back | {"verdict": "permitted"}]) == [0, 1]


def test_noise_along_the_line_on_the_way_out_hides_no_way_back():
    tracks = [walked("GS-1/a"), walked("GS-2/b", begin=2_000, east_m=5_000.0)]
    out = [
        crossing("GS-1/a", second, way, party="A")
        for second, way in ((250, "A>B"), (270, "B>A"), (290, "A>B"))
    ]
    back = crossing("GS-2/b", 2_100, direction="B>A")
    assert incidents_of(tracks, [*out, back]) == [0, 0, 0, 0]
    assert incidents_of(tracks, [*out[:2], back]) == [0, 0, 1], "it was back"


def test_one_object_told_to_cross_the_same_way_by_another_sensor_later_has_crossed_once():
    tracks = [walked("GS-1/a", lasts=2_000), walked("GS-2/b", lasts=2_000)]
    out, again = crossing("GS-1/a", 300), crossing("GS-2/b", 1_700)
    assert incidents_of(tracks, [out, again]) == [0, 0]
    assert incidents_of(tracks, [out, crossing("GS-1/a", 1_700)]) == [0, 1], "a sensor tells a passage once"
    assert incidents_of(tracks, [out, crossing("GS-1/a", 1_000, "B>A"), again]) == [0, 0, 1], "it was back"


def test_where_others_cross_too_nobody_says_whose_way_back_it_is():
    tracks = [*APART[:2], walked("GS-3/c", begin=2_000, east_m=9_000.0)]
    rows = [
        crossing("GS-1/a", 300, party="A"),
        crossing("GS-2/b", 900, party="A"),
        crossing("GS-3/c", 2_100, direction="B>A"),
    ]
    assert incidents_of(tracks, rows) == [0, 1, 2]


def test_who_may_pass_does_so_each_time_anew():
    rows = [
        crossing("GS-1/a", 300, verdict="permitted"),
        crossing("GS-1/a", 2_100, direction="B>A", verdict="permitted"),
    ]
    assert incidents_of([walked("GS-1/a", lasts=2_400)], rows) == [0, 1]
    raid = [row | {"verdict": "violation"} for row in rows]
    assert incidents_of([walked("GS-1/a", lasts=2_400)], raid) == [0, 0]


def test_who_may_pass_is_not_taken_to_pass_once_when_another_sensor_tells_it_later():
    tracks = [walked("GS-1/a", lasts=3_000), walked("GS-2/b", lasts=3_000)]
    rows = [crossing("GS-1/a", 300), crossing("GS-2/b", 1_700)]
    assert incidents_of(tracks, rows) == [0, 0], "by forces it is one"
    for verdicts in (("permitted", "permitted"), ("permitted", "violation"), ("violation", "permitted")):
        told = [row | {"verdict": verdict} for row, verdict in zip(rows, verdicts, strict=True)]
        assert incidents_of(tracks, told) == [0, 1], verdicts


def test_merged_objects_keep_the_order_of_their_tracks_through_a_table():
    rows = [{"key": key, "object": key % 2, "last_ns": key, "noise_of": None} for key in range(1, 6)]
    objects = Objects.of_table(OBJECTS.empty_table().from_pylist(rows, schema=OBJECTS), 2)
    objects.merge(0, 1)
    assert objects.tracks(0) == ()
    assert objects.tracks(1) == (1, 2, 3, 4, 5)
    assert Objects.of_table(objects.table(), 2).tracks(1) == (1, 2, 3, 4, 5)


@pytest.mark.parametrize("told_first", [0, 1], ids=["noise first", "object first"])
def test_the_noise_of_a_sensor_is_nobodys_passage(told_first):
    rows = [
        {"key": 11, "object": 0, "last_ns": 0, "noise_of": 99},
        {"key": 22, "object": 1, "last_ns": 0, "noise_of": None},
    ]
    objects, excursions = (
        Objects.of_table(OBJECTS.empty_table().from_pylist(rows, schema=OBJECTS), 2),
        Excursions(),
    )
    one, other = findings.table([crossing("GS-1/a", 300), crossing("GS-2/b", 310)]).to_pylist()
    home = excursions.opened("I-1", told_first)
    excursions.joined(home, one | {"incident_id": "I-1"})
    assert passages.joined(other, 1 - told_first, excursions, objects, WORLD) == (None, 1 - told_first)
    assert objects.tracks(1) == (22,)
