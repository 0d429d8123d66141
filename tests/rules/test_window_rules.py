"""Cases of the rules of scope `place_window`, from `tests/rules/<rule_id>.yaml`, through the whole engine.

A file has `event` (fields that every report has unless it says otherwise) and `sensors` (id to type, or to the
facts of the registry, with `at` in metres east and north). Reports are [second, metres east of the line, metres
north, further fields], by each sensor of `by`.
"""

from pathlib import Path
from typing import Any

import pytest
import yaml

from monitoring.agreement import SensorFacts
from monitoring.pipeline import Engine
from monitoring.rules import discover
from tests.small_world import START_NS, parameters, place, shot, table

FOLDER = Path(__file__).parent
WINDOW_RULES = [
    rule.RULE_ID
    for rule in discover()
    if rule.SCOPE == "place_window"
    and "event" in yaml.safe_load((FOLDER / f"{rule.RULE_ID}.yaml").read_text(encoding="utf-8"))
]
APPROXIMATE = ("margin_km", "probability")


def notified(kind: str, east_m: float) -> dict[str, Any]:
    """What was announced of a place east of the line, for the day of the cases, whoever does it."""
    lon, lat = place(east_m)
    return {
        "id": "N-1",
        "kind": kind,
        "party": "A",
        "area": {"circle": {"lon": lon, "lat": lat, "radius_m": 500}},
        "from": "2025-10-09T00:00:00Z",
        "to": "2025-10-10T00:00:00Z",
        "source": "the test",
        "text": "Announced.",
    }


def content(rule_id: str) -> dict[str, Any]:
    return yaml.safe_load((FOLDER / f"{rule_id}.yaml").read_text(encoding="utf-8"))


def cases() -> list[Any]:
    made = []
    for rule_id in WINDOW_RULES:
        every = content(rule_id)
        assert every["rule"] == rule_id
        made += [pytest.param(every, case, id=f"{rule_id}: {case['name']}") for case in every["cases"]]
    return made


def facts(said: Any) -> SensorFacts:
    if isinstance(said, str):
        return SensorFacts(said)
    lon, lat = place(*said["at"])
    return SensorFacts(said["type"], said.get("host_side"), said.get("sigma_m"), lon, lat)


def judged(every: dict[str, Any], case: dict[str, Any]) -> list[dict[str, Any]]:
    sensors = {name: facts(said) for name, said in every["sensors"].items()}
    told: dict[str, Any] = {"notified": [notified(*one) for one in case.get("notified", [])]}
    if "permits" in case:
        told["permits"] = case["permits"]
    given = parameters(
        case.get("agreement"), sensors=sensors, name="illustrative", rules=(every["rule"],), said_besides=told
    )
    engine, rows = Engine(given), []
    for second, east_m, *rest in case["reports"]:
        fields = every["event"] | (rest[1] if len(rest) > 1 else {})
        north_m = rest[0] if rest else 0.0
        if "lasts_s" in fields:
            fields["time_end_ns"] = START_NS + round((second + fields.pop("lasts_s")) * 1e9)
        by = case.get("by", every["by"])
        rows += [shot(second, east_m, north_m, sensor_id=name, **fields) for name in by]
    engine.feed(table(rows))
    return engine.tick(max(row["time_ns"] for row in rows), end_of_input=True).findings.to_pylist()


@pytest.mark.parametrize(("every", "case"), cases())
def test_a_rule_judges_as_its_case_says(every: dict[str, Any], case: dict[str, Any]) -> None:
    found = sorted(judged(every, case), key=lambda row: (row["time_start_ns"], row["lon"] or 0.0))
    assert len(found) == len(case["expect"]), [(row["verdict"], row["reasons"]) for row in found]
    for row, expected in zip(found, case["expect"], strict=True):
        row["margin_km"] = None if row["margin"] is None else row["margin"] / 1_000
        row["lasts_s"] = (row["time_end_ns"] - row["time_start_ns"]) / 1e9
        for name, value in expected.items():
            is_near = name in APPROXIMATE and value is not None
            assert row[name] == (pytest.approx(value, abs=0.02) if is_near else value), (name, row["reasons"])
        assert all(
            sentence[0] == sentence[0].upper() and sentence.endswith(".") for sentence in row["reasons"]
        ), row["reasons"]
        assert row["incident_id"], "a finding of a place opens an incident of its own"


@pytest.mark.parametrize("rule_id", WINDOW_RULES)
def test_every_rule_has_cases_for_what_it_must_tell_apart(rule_id: str) -> None:
    every = content(rule_id)["cases"]
    outcomes = {finding["verdict"] for case in every for finding in case["expect"]}
    assert outcomes == {"violation", "permitted", "undetermined"}
    assert any(not case["expect"] for case in every)
    assert any("exactly" in case["name"] for case in every)
    assert any(isinstance(value, list) for case in every for value in case.get("agreement", {}).values())
