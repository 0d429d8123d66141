"""Scenario files: what is understood, and how a mistake is named."""

from pathlib import Path

import jsonschema
import numpy as np
import pytest
import yaml

from geodata.contact_line import ContactLine, LineDraft
from monitoring.simulation import (
    Scenario,
    ScenarioError,
    load_scenario,
    parse_scenario,
    scenario_keys,
    scenario_names,
    scenario_schema,
    simulate,
)
from monitoring.simulation.scenario_file import whole_scenario
from monitoring.simulation.scenario_keys import MEANINGS

SMALL = {
    "format": 1,
    "name": "small",
    "summary": "A small one.",
    "posts": [{"type": "ground_radar", "spacing_km": 30, "offset_km": [2, 4]}],
    "movements": [
        {
            "name": "patrol",
            "object_class": "group",
            "pattern": "approach",
            "per_day_100km": 2,
            "offset_km": [3, 4],
            "speed_mps": [1, 2],
        }
    ],
}


def small(**changes: object) -> bytes:
    return yaml.safe_dump(SMALL | changes).encode()


def refused(content: bytes) -> ScenarioError:
    with pytest.raises(ScenarioError) as caught:
        parse_scenario(content, "mine.yaml")
    assert str(caught.value).startswith("mine.yaml: ")
    return caught.value


@pytest.mark.parametrize("name", scenario_names())
def test_every_packaged_scenario_loads_under_its_own_name(name: str) -> None:
    assert load_scenario(name).name == name


@pytest.mark.parametrize("name", scenario_names())
def test_every_packaged_scenario_satisfies_the_published_schema(name: str) -> None:
    folder = Path(__file__).resolve().parents[3] / "monitoring" / "simulation" / "scenarios"
    content = (folder / f"{name}.yaml").read_bytes()
    jsonschema.validate(whole_scenario(content, f"{name}.yaml"), scenario_schema())


def test_a_small_scenario_needs_few_keys() -> None:
    assert parse_scenario(small(), "mine.yaml").faults.missing_frac == 0.004


def test_an_unknown_key_is_named_with_its_place() -> None:
    posts = [SMALL["posts"][0] | {"colour": "green"}]
    error = refused(small(posts=posts))
    assert (error.key, error.reason) == ("posts[0].colour", "unknown key")


def test_a_missing_key_is_named() -> None:
    error = refused(yaml.safe_dump({k: v for k, v in SMALL.items() if k != "summary"}).encode())
    assert (error.key, error.reason) == ("summary", "is missing")


def test_a_value_of_the_wrong_type_is_named_with_its_place() -> None:
    moves = [SMALL["movements"][0] | {"per_day_100km": "many"}]
    error = refused(small(movements=moves))
    assert error.key == "movements[0].per_day_100km"
    assert error.reason == "must be a number, not text"


@pytest.mark.parametrize(
    ("change", "key"),
    [
        ({"per_day_100km": -1}, "movements[0].per_day_100km"),
        ({"speed_mps": [3, 2]}, "movements[0].speed_mps"),
        ({"speed_mps": [0, 2]}, "movements[0].speed_mps"),
        ({"hours": [5, 25]}, "movements[0].hours"),
        ({"hours": [5, 5]}, "movements[0].hours"),
        ({"reach_m": [500, 3500]}, "movements[0].reach_m"),
        ({"parties": []}, "movements[0].parties"),
    ],
)
def test_an_impossible_value_is_refused(change: dict[str, object], key: str) -> None:
    moves = [SMALL["movements"][0] | change]
    assert refused(small(movements=moves)).key == key


def test_a_sensor_type_that_does_not_exist_is_refused_with_those_that_do() -> None:
    error = refused(small(posts=[SMALL["posts"][0] | {"type": "telescope"}]))
    assert error.key == "posts[0].type"
    assert "ground_radar" in error.reason


def test_an_aircraft_is_no_post_and_a_post_does_not_fly() -> None:
    assert refused(small(posts=[SMALL["posts"][0] | {"type": "uav_eo_ir"}])).key == "posts[0].type"
    flights = [{"type": "ground_radar", "spacing_km": 30, "offset_km": [2, 4]}]
    assert refused(small(flights=flights)).key == "flights[0].type"


def test_a_name_that_stands_twice_is_refused() -> None:
    assert "stands twice" in refused(small(movements=SMALL["movements"] * 2)).reason


def test_what_is_not_yaml_is_refused_with_its_line() -> None:
    assert refused(b"name: [1\nother: 2\n").key == "line 2"
    assert refused(b"- 1\n- 2\n").key == "file"
    assert refused(b"\xff\xfe\x00").key == "file"


def test_a_name_that_is_neither_packaged_nor_a_file_lists_what_there_is() -> None:
    with pytest.raises(ScenarioError, match="artillery-duel, busy-day"):
        load_scenario("no-such-day")


def test_a_scenario_of_a_users_own_is_read_from_its_file(tmp_path: Path) -> None:
    path = tmp_path / "mine.yaml"
    path.write_bytes(small())
    assert load_scenario(path) == parse_scenario(small(), "mine.yaml")


def extended(**changes: object) -> dict[str, object]:
    return {"format": 1, "extends": "quiet-day", "name": "mine", "summary": "Mine."} | changes


def parsed(content: dict[str, object]) -> Scenario:
    return parse_scenario(yaml.safe_dump(content).encode(), "mine.yaml")


def test_a_scenario_that_extends_another_changes_items_by_name_and_adds_the_rest() -> None:
    base = load_scenario("quiet-day")
    new = {**SMALL["movements"][0], "name": "newcomer"}
    mine = parsed(extended(movements=[{"name": "farmer", "per_day_100km": 9}, new]))
    farmer = next(m for m in mine.movements if m.name == "farmer")
    before = next(m for m in base.movements if m.name == "farmer")
    assert (farmer.per_day_100km, farmer.offset_km) == (9.0, before.offset_km)
    assert [m.name for m in mine.movements] == [*(m.name for m in base.movements), "newcomer"]
    assert mine.posts == base.posts


def test_what_a_scenario_is_without_is_left_out_and_must_be_there() -> None:
    mine = parsed(extended(without=["farmer", "ground_radar"]))
    assert "farmer" not in {m.name for m in mine.movements}
    assert "ground_radar" not in {p.type for p in mine.posts}
    error = refused(yaml.safe_dump(extended(without=["farmer", "nobody"])).encode())
    assert (error.key, "`nobody`" in error.reason) == ("without[1]", True)
    assert refused(small(without=["patrol"])).key == "without"


def test_mappings_are_joined_key_by_key() -> None:
    mine, base = parsed(extended(faults={"missing_frac": 0.5})), load_scenario("quiet-day")
    assert mine.faults.missing_frac == 0.5
    assert mine.faults.duplicate_frac == base.faults.duplicate_frac


def test_extending_what_does_not_exist_is_refused() -> None:
    assert refused(yaml.safe_dump(extended(extends="no-such-day")).encode()).key == "extends"


@pytest.mark.parametrize(
    ("changes", "key"),
    [
        ({"movements": [{"name": "q", "object_class": "group", "pattern": "queue", "per_day_100km": 1,
                         "offset_km": [2, 3], "reach_m": [-900, -100], "speed_mps": [1, 2]}],
          "crossing_points": {"count": 0}, "without": ["civilian-at-crossing"]}, "movements"),
        ({"fires": [{"name": "gun", "weapon": "artillery", "kind": "works", "per_day_100km": 1,
                     "offset_km": [2, 3], "rounds": [1, 2], "interval_s": [1, 2]}]}, "fires"),
        ({"fires": [{"name": "gun", "weapon": "artillery", "kind": "launch", "per_day_100km": 1,
                     "offset_km": [2, 3], "target_km": [-2, -1], "rounds": [1, 2], "interval_s": [1, 2]}]},
         "fires"),
        ({"spoofs": [{"name": "s", "type": "generic", "invents": "fire", "per_day": 1}]}, "spoofs[0].type"),
        ({"jammers": [{"name": "j", "per_day_100km": 1, "offset_km": [3, 2]}]}, "jammers[0].offset_km"),
        ({"weather": {"fog_frac": 1.5}}, "weather.fog_frac"),
        ({"days": 0}, "days"),
    ],
)  # fmt: skip
def test_impossible_things_of_every_kind_are_refused(changes: dict[str, object], key: str) -> None:
    assert refused(yaml.safe_dump(extended(**changes)).encode()).key.startswith(key)


def ring(radius_km: float) -> ContactLine:
    """A closed line around a place."""
    turn = np.linspace(0.0, 2.0 * np.pi, 41)[:-1]
    lon, lat = 37.0 + radius_km / 74.5 * np.cos(turn), 48.0 + radius_km / 111.2 * np.sin(turn)
    places = list(zip(lon.tolist(), lat.tolist(), strict=True))
    return ContactLine.from_draft(LineDraft((*places, places[0]), "ring"))


def test_a_line_on_which_nothing_can_be_so_far_away_is_refused_with_file_and_key(tmp_path: Path) -> None:
    path = tmp_path / "mine.yaml"
    path.write_bytes(small())
    with pytest.raises(ScenarioError) as caught:
        simulate(path, ring(1.5), hours=0.1)
    assert (caught.value.file, caught.value.key) == (str(path), "posts[0].offset_km")
    assert "no place 2 km away" in caught.value.reason
    assert {post["host_side"] for post in simulate(path, ring(20.0), hours=0.1).registry} == {"A", "B"}


RAID = SMALL["movements"][0] | {"name": "raid"}


@pytest.mark.parametrize(
    ("changes", "key", "reason"),
    [
        ({"movements": [RAID | {"colour": "red"}]}, "movements[0].colour", "unknown key"),
        ({"movements": [RAID, {"name": "farmer", "hours": 5}]}, "movements[1].hours",
         "must be a list as [from, to], not a whole number"),
        ({"movements": [RAID | {"object_class": 5}]}, "movements[0].object_class", "must be text, not a whole number"),
        ({"fires": 3}, "fires", "must be a list, not a whole number"),
        ({"posts": [{"type": "geophone", "hosts": 5}]}, "posts[0].hosts", "must be a list, not a whole number"),
        ({"movements": [RAID | {"parties": 0.5}]}, "movements[0].parties", "must be a list, not a number"),
        ({"fires": [{"name": "gun-152", "target_km": 2}]}, "fires[0].target_km",
         "must be a list as [from, to] or nothing, not a whole number"),
        ({"fires": [{"name": "flare", "hours": "0-4"}]}, "fires[0].hours",
         "must be a list as [from, to], not text"),
        ({"movements": [RAID | {"hours": [5]}]}, "movements[0].hours", "must be two numbers, from and to, not 1"),
        ({"movements": [RAID | {"hours": [22, 4]}]}, "movements[0].hours",
         "starts at 22 and ends below, at 4; for hours over midnight write two items"),
        ({"movements": [RAID | {"pause_min": [float("nan"), 5]}]}, "movements[0].pause_min",
         "must be two numbers, from and to"),
        ({"movements": [RAID | {"per_day_100km": -1}]}, "movements[0].per_day_100km", "must be at least 0, not -1"),
        ({"movements": [RAID | {"name": ["raid"]}]}, "movements[0].name", "must be text, not a list"),
        ({"movements": [RAID | {"pattern": "walk"}]}, "movements[0].pattern",
         "`walk` is not known; there are: along, approach, field, queue"),
        ({"without": [{"a": 1}]}, "without[0]", "`{'a': 1}` is nothing that `quiet-day` has"),
        ({"posts": [{"type": "geophone", "hosts": []}]}, "posts[0].hosts", "names nobody"),
        ({"name": "My day"}, "name", "must be up to 40 small letters, digits and hyphens"),
        ({"faults": {"understated_error_frac": 0.7, "overstated_error_frac": 0.7}}, "faults.overstated_error_frac",
         "and understated_error_frac add up to more than 1"),
        ({"crossing_points": {"count": 0}}, "movements[civilian-at-crossing].pattern",
         "queues need crossing_points.count above 0"),
    ],
)  # fmt: skip
def test_a_mistake_is_named_where_the_file_has_it_in_words_of_the_file(
    changes: dict[str, object], key: str, reason: str
) -> None:
    error = refused(yaml.safe_dump(extended(**changes)).encode())
    assert (error.key, error.reason) == (key, reason)


def test_a_key_that_stands_twice_or_is_no_text_is_refused_with_its_line() -> None:
    twice = refused(small() + b"faults:\n  missing_frac: 0.1\n  missing_frac: 0.2\n")
    assert twice.key == "missing_frac"
    assert twice.reason.startswith("stands twice (line ")
    assert refused(small() + b"2026-01-01: 3\n").reason.startswith("is no key: keys are text")


FLEET = {"type": "uav_eo_ir", "spacing_km": 90, "offset_km": [0.5, 2]}


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"battery_h": -1}, "must be at least 0.1, not -1"),
        ({"change_min": 0}, "must be at least 1, not 0"),
        ({"link_km": 0}, "must be at least 0.1, not 0"),
        ({"geofence_m": -5}, "must be at least 0, not -5"),
        ({"geofence_m": 501}, "must not lie beyond where offset_km begins: at most 500"),
    ],
)
def test_an_impossible_limit_of_a_flight_is_named(change: dict[str, float], reason: str) -> None:
    error = refused(small(flights=[FLEET | change]))
    assert (error.key, error.reason) == (f"flights[0].{next(iter(change))}", reason)


def test_a_fence_where_the_route_begins_is_allowed() -> None:
    assert (
        parse_scenario(small(flights=[FLEET | {"geofence_m": 500}]), "mine.yaml").flights[0].geofence_m == 500
    )


def test_every_key_of_a_scenario_is_listed_with_its_meaning_and_none_that_is_not() -> None:
    listed = {(key.section, key.name) for key in scenario_keys()}
    schema = scenario_schema()["$defs"]
    forms = {
        "": "Scenario", "posts": "Posts", "flights": "Flights", "movements": "Movement", "fires": "Fire",
        "jammers": "Jammer", "spoofs": "Spoof", "concentration": "Concentration",
        "crossing_points": "CrossingPoints", "weather": "Weather", "faults": "Faults",
    }  # fmt: skip
    expected = {(section, name) for section, form in forms.items() for name in schema[form]["properties"]}
    assert listed == expected - {("", section) for section in forms}
    assert {key.name for key in scenario_keys()} - {"type"} == set(MEANINGS)
    assert all(key.meaning and key.allowed and key.default for key in scenario_keys())
