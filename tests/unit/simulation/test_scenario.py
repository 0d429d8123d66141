"""Scenario files: what is understood, and how a mistake is named."""

from pathlib import Path

import jsonschema
import pytest
import yaml

from monitoring.simulation import (
    ScenarioError,
    load_scenario,
    parse_scenario,
    scenario_names,
    scenario_schema,
)
from monitoring.simulation.scenario_file import whole_scenario

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
    assert "expected `float`" in error.reason


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
