"""Sightings that belong to no track are judged where a rule wants it, and crossed by nothing."""

from typing import Any

import pytest

from monitoring import schema
from monitoring.pipeline import Engine, EngineOutput
from tests.small_world import fix, parameters, table

PARAMETERS = parameters(name="illustrative")


def sighting(second: float, east_m: float, **fields: Any) -> dict[str, Any]:
    row = (
        fix(second, east_m, kind="sighting", object_class="tank", affiliation="B", sensor_id="MG-1") | fields
    )
    return row | {"track_id": None, "id": f"s{second:g}"}


def found(rows: list[dict[str, Any]], world: Any = PARAMETERS) -> list[dict[str, Any]]:
    engine = Engine(world)
    engine.feed(table(rows))
    return engine.tick(rows[-1]["time_ns"], end_of_input=True).findings.to_pylist()


def test_a_tank_that_was_sighted_once_is_too_near() -> None:
    (row,) = found([sighting(0, 9_200)])
    assert (row["rule_id"], row["verdict"], row["track_id"]) == ("heavy_weapon_zone", "violation", None)
    assert row["event_ids"] == ["MG-1/s0"]


def test_sightings_of_one_sensor_on_both_sides_are_no_crossing() -> None:
    rows = found([sighting(0, -900), sighting(60, 900)])
    assert [row["rule_id"] for row in rows] == ["heavy_weapon_zone"] * 2


@pytest.mark.parametrize("object_class", ["light_vehicle", "unknown", None])
def test_sightings_of_other_classes_are_not_judged(object_class: str | None) -> None:
    assert found([sighting(0, 900, object_class=object_class)]) == []


def test_an_agreement_without_such_a_rule_does_not_look_at_sightings() -> None:
    assert found([sighting(0, 900)], parameters()) == []


def test_a_sighting_is_remembered_by_no_track() -> None:
    engine = Engine(PARAMETERS)
    engine.feed(table([sighting(0, 9_200), fix(5_000, 40_000.0)]))
    engine.tick(fix(9_000, 0.0)["time_ns"])
    assert b"sighting/" not in engine.snapshot()


def test_a_late_sighting_is_told_as_an_amendment() -> None:
    engine = Engine(PARAMETERS)
    engine.feed(table([fix(9_000, 40_000.0)]))
    engine.tick(fix(20_000, 0.0)["time_ns"])
    late = table([sighting(0, 9_200)])
    engine.feed(late)
    request = engine.stragglers()
    assert request is not None
    assert [span.track_id for span in request.tracks] == ["sighting/s0"]
    output = engine.reevaluate(request, late, EngineOutput.empty())
    assert output.findings["rule_id"].to_pylist() == ["heavy_weapon_zone"]
    assert output.findings.schema == schema.FINDINGS
