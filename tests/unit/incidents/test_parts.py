"""Groups apart inside one activity, and impacts that follow the group which fired them."""

import json

import pytest

from tests.small_world import shot
from tests.unit.incidents.fire_world import WORLD, feed


def incidents(rows):
    return feed(rows, WORLD)[1].incidents.to_pylist()


def bursts(east_m, north_m=0.0, begin=0.0, count=6, every=20.0, **fields):
    return [
        shot(
            begin + every * n,
            east_m + 5 * (n % 3),
            north_m,
            kind="burst",
            sigma_m=12.0,
            sensor_id="AS-1",
            **fields,
        )
        for n in range(count)
    ]


def guns(east_m, begin=0.0, count=6, every=30.0, **fields):
    return [
        shot(begin + every * n + i, east_m, 20.0 * i, sensor_id=f"AC-{i}", direction="outgoing", **fields)
        for n in range(count)
        for i in range(2)
    ]


def shells(east_m, begin, count=6, every=30.0, **fields):
    return [
        shot(begin + every * n + i, east_m, 20.0 * i, sensor_id=f"BC-{i}", direction="impact", **fields)
        for n in range(count)
        for i in range(2)
    ]


def test_two_groups_that_fire_at_each_other_by_turns_are_two_incidents():
    found = incidents(bursts(-300) + bursts(400, begin=10))
    assert sorted(row["violations_smm"] for row in found) == [6, 6]
    assert {row["side"] for row in found} == {"A", "B"}


def test_a_group_that_moves_between_its_salvos_is_one_incident():
    (found,) = incidents(bursts(-300) + bursts(-800, begin=300))
    assert found["violations_smm"] == 12


def test_groups_whose_places_are_not_known_sharply_are_not_set_apart():
    blurred = {"kind": "shot"}
    rows = [shot(20.0 * n, -300 - 400 * (n % 2), sensor_id=f"AC-{n % 2}", **blurred) for n in range(12)]
    assert len(incidents(rows)) == 1


def test_shells_that_fall_on_a_firing_group_are_no_fire_of_its_own():
    rows = bursts(-300) + shells(-350, begin=5)
    found = incidents(rows)
    assert {tuple(json.loads(row["phenomena"])) for row in found} == {("burst",), ("explosion",)}


def test_one_slip_of_the_ear_among_many_launches_divides_nothing():
    rows = guns(-3_000)
    rows[5] = rows[5] | {"direction": "impact"}
    assert len(incidents(rows)) == 1


def test_impacts_follow_the_launches_of_their_time_of_flight_without_any_radar():
    (found,) = incidents(guns(-6_000) + shells(1_500, begin=30))
    detail = json.loads(found["detail"])
    assert (detail["origin"]["reports"], detail["impact"]["reports"]) == (12, 12)
    assert found["side"] == "A", "the place is where it was fired from"
    assert (found["violations_smm"], found["rounds_best"]) == (12, 6)


@pytest.mark.parametrize(
    ("begin", "fields"),
    [
        (-40, {}),  # it fell before it was fired
        (5, {}),  # no shell flies 7.5 km in five seconds
        (400, {}),  # nor for so long
        (30, {"calibre_mm": 82.0}),
    ],
)
def test_impacts_that_these_launches_cannot_have_made_are_an_incident_of_their_own(begin, fields):
    rows = guns(-6_000, calibre_mm=152.0) + shells(1_500, begin=begin, every=30.0, **fields)
    if begin == 5:
        rows = guns(-6_000, count=1) + shells(1_500, begin=begin, count=1)
    assert len(incidents(rows)) == 2


def test_of_two_batteries_the_impacts_follow_the_one_whose_rhythm_they_keep():
    steady = guns(-6_000, count=8, every=60.0)
    early = [r | {"sensor_id": "D" + r["sensor_id"]} for r in guns(-7_000, begin=-300, count=12, every=30.0)]
    early = [r | {"lat": r["lat"] + 0.05} for r in early]
    found = incidents(steady + early + shells(1_500, begin=30, count=8, every=60.0))
    with_both = [row for row in found if "impact" in json.loads(row["detail"])]
    assert len(found) == 2
    assert [json.loads(row["detail"])["origin"]["reports"] for row in with_both] == [16]


def test_vague_reports_follow_sharper_fire_of_the_same_kind_and_time_and_no_other():
    def seismic(begin, north=2_500):
        return [shot(begin + 60.0 * n, -6_000, north, sensor_id="SA-1", sigma_m=1_200.0) for n in range(2)]

    (found,) = incidents(guns(-6_000) + seismic(30))
    assert found["event_count"] == 14
    assert found["sigma_major_m"] < 200
    assert len(incidents(guns(-6_000) + seismic(30, north=12_000))) == 2, "too far"
    assert len(incidents(guns(-6_000) + seismic(400))) == 2, "another time"
    assert len(incidents(bursts(-6_000) + seismic(30))) == 2, "another kind"
