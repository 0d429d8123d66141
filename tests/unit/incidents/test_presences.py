"""When two stays of weapons or aircraft are one, and what other tracks of an object say of its class."""

import json
from typing import Any

import pytest

from monitoring import findings, schema
from monitoring.incidents import presences
from monitoring.incidents.deeds import AIR, HEAVY
from monitoring.incidents.excursions import Excursion, Excursions
from tests.small_world import SECOND_NS, START_NS, parameters, place

PARAMETERS = parameters(name="illustrative")


def stay(begin_s: float, end_s: float, east_m: float = 9_000.0, **fields: Any) -> dict[str, Any]:
    end_m = fields.pop("end_m", east_m)
    lon, lat = place(min(east_m, end_m))
    ends = {"entry_place": list(place(east_m)), "last_place": list(place(end_m))}
    return {
        "finding_id": f"F-{begin_s:g}-{end_s:g}",
        "state": "final",
        "rule_id": HEAVY,
        "verdict": "violation",
        "probability": 0.85,
        "confidence": "medium",
        "reasons": ["So it was."],
        "time_start_ns": START_NS + round(begin_s * SECOND_NS),
        "time_end_ns": START_NS + round(end_s * SECOND_NS),
        "lon": lon,
        "lat": lat,
        "sigma_m": 50.0,
        "party": "B",
        "object_class": "tank",
        "sensor_ids": ["GS-1"],
        "detail": json.dumps(ends),
    } | fields


def resumed(row: dict[str, Any], *others: dict[str, Any]) -> Excursion | None:
    return presences.resumed(row, [Excursion("I-1", 0, 1, {other["finding_id"]: other for other in others})])


def test_a_gun_seen_again_where_it_stood_an_hour_ago_is_the_same() -> None:
    assert resumed(stay(5_000, 6_000), stay(0, 1_400)) is not None


@pytest.mark.parametrize(
    "changed",
    [
        {"party": "A"},
        {"object_class": "mortar"},
        {"state": "withdrawn"},
        {"rule_id": AIR},
        {"detail": "{}"},
    ],
)
def test_what_speaks_against_it_keeps_two_stays_apart(changed: dict[str, Any]) -> None:
    assert resumed(stay(5_000, 6_000), stay(0, 1_400, **changed)) is None


def test_a_pause_that_is_too_long_makes_two_stays() -> None:
    assert resumed(stay(6_799, 7_000), stay(0, 1_400)) is not None
    assert resumed(stay(6_801, 7_000), stay(0, 1_400)) is None


def test_a_way_that_is_too_long_for_the_pause_makes_two_stays() -> None:
    assert resumed(stay(2_000, 3_000, 3_000.0), stay(0, 1_400, 9_000.0)) is not None
    assert resumed(stay(1_500, 3_000, 3_000.0), stay(0, 1_400, 9_000.0)) is None


def test_an_earlier_stay_that_is_decided_later_joins_too() -> None:
    assert resumed(stay(0, 1_400), stay(5_000, 6_000)) is not None


def test_two_at_once_are_one_for_different_sensors_at_one_place_only() -> None:
    other = stay(0, 4_000)
    assert resumed(stay(500, 3_000, sensor_ids=["ET-1"]), other) is not None
    assert resumed(stay(500, 3_000), other) is None
    assert resumed(stay(500, 3_000, 12_000.0, sensor_ids=["ET-1"]), other) is None


def test_a_quadcopter_is_soon_another_one() -> None:
    drone = {"rule_id": AIR, "object_class": "uav_small"}
    assert resumed(stay(900, 950, **drone), stay(0, 1, **drone)) is not None
    assert resumed(stay(902, 950, **drone), stay(0, 1, **drone)) is None


def flight(begin_s: float, end_s: float, from_m: float, to_m: float, **fields: Any) -> dict[str, Any]:
    """A fixed-wing aircraft that comes nearer to the line all the while."""
    row = stay(begin_s, end_s, from_m, end_m=to_m, rule_id=AIR, object_class="uav_large", **fields)
    ends = json.loads(row["detail"])
    return row | {"detail": json.dumps(ends | {"deepest_at": findings.utc_text(row["time_end_ns"])})}


def test_an_aircraft_that_two_sensors_follow_on_different_parts_of_its_way_is_one() -> None:
    first, second = flight(0, 300, 14_000.0, 4_000.0), flight(200, 400, 7_500.0, 1_000.0, sensor_ids=["ET-1"])
    assert resumed(second, first) is not None
    assert resumed(first, second) is not None


def test_aircraft_too_far_apart_for_their_speed_at_one_time_are_two() -> None:
    first, second = flight(0, 300, 14_000.0, 4_000.0), flight(290, 400, 9_000.0, 1_000.0, sensor_ids=["ET-1"])
    assert resumed(second, first) is None
    assert resumed(first, second) is None
    unknown = second | {"detail": "{}"}
    assert resumed(unknown, first) is None


def test_aircraft_of_which_no_places_at_one_time_are_known_are_not_taken_for_one() -> None:
    # Stays that were remembered before the places of their ends were: of each one moment is known.
    first, second = flight(0, 300, 14_000.0, 4_000.0), flight(200, 500, 7_500.0, 1_000.0, sensor_ids=["ET-1"])

    def known_only(row: dict[str, Any], deepest_ns: int) -> dict[str, Any]:
        return row | {"detail": json.dumps({"deepest_at": findings.utc_text(deepest_ns)})}

    early, late = known_only(first, first["time_start_ns"]), known_only(second, second["time_end_ns"])
    assert resumed(late, early) is None
    assert resumed(late, first) is None, "the other way had ended by then"


def test_a_quadcopter_is_no_fixed_wing_aircraft_whatever_one_sensor_says() -> None:
    large, small = ({"rule_id": AIR, "object_class": word} for word in ("uav_large", "uav_small"))
    assert resumed(stay(300, 400, **small), stay(0, 100, **large)) is None
    mistaken = stay(0, 100, **small) | {"finding_id": "F-mistaken"}
    assert resumed(stay(300, 400, **small), mistaken, stay(0, 100, **large)) is not None
    rest = [stay(0, 100 - i, **large) for i in range(2)]
    assert resumed(stay(300, 400, **small), mistaken, *rest) is None
    assert resumed(stay(300, 400, **large), mistaken, *rest) is not None


def test_stays_in_the_buffer_are_joined_by_other_means() -> None:
    assert resumed(stay(5_000, 6_000, rule_id="buffer_incursion"), stay(0, 1_400)) is None


def test_of_several_the_one_that_fits_best_is_taken() -> None:
    excursions = [
        Excursion("I-far", 0, 1, {"F-1": stay(0, 1_400, 9_500.0)}),
        Excursion("I-near", 1, 1, {"F-2": stay(0, 1_400, 9_010.0)}),
    ]
    found = presences.resumed(stay(5_000, 6_000), excursions)
    assert found is not None
    assert found.incident_id == "I-near"


def classes(*words: str) -> list[int]:
    return [schema.OBJECT_CLASSES.index(word) for word in words]


def test_other_tracks_that_name_a_lighter_vehicle_leave_it_undetermined() -> None:
    row = presences.class_weighed(
        stay(0, 60), [*classes("armoured_vehicle", "armoured_vehicle", "armoured_vehicle"), -1], PARAMETERS
    )
    assert (row["verdict"], row["confidence"]) == ("undetermined", "low")
    assert row["probability"] == findings.probability(0.85 / 4)
    assert row["reasons"][-1] == "Other tracks of the same object name another class: armoured vehicle."
    assert json.loads(row["detail"])["before_doubts"]["probability"] == 0.85


def test_one_track_among_many_only_lowers_the_probability() -> None:
    row = presences.class_weighed(stay(0, 60), classes(*["tank"] * 8, "armoured_vehicle"), PARAMETERS)
    assert row["verdict"] == "violation"
    assert row["probability"] == findings.probability(0.85 * 0.9)


def test_tracks_that_agree_or_say_nothing_change_nothing() -> None:
    assert presences.class_weighed(stay(0, 60), [*classes("tank"), -1], PARAMETERS) == stay(0, 60)
    exact = stay(0, 60, probability=None)
    assert presences.class_weighed(exact, classes("armoured_vehicle"), PARAMETERS) == exact


def test_the_open_excursions_come_in_the_order_of_opening() -> None:
    excursions = Excursions()
    for name in ("I-2", "I-1"):
        excursions.opened(name)
    assert [excursion.incident_id for excursion in excursions] == ["I-2", "I-1"]
