"""Cases of the rules of scope `incident`, from `tests/rules/<rule_id>.yaml`, through the whole engine."""

import json
from pathlib import Path
from typing import Any

import pytest
import yaml

from monitoring.agreement import SensorFacts
from monitoring.pipeline import Engine
from monitoring.rules import discover
from tests.small_world import parameters, shot, table

FOLDER = Path(__file__).parent
INCIDENT_RULES = [rule.RULE_ID for rule in discover() if rule.SCOPE == "incident"]
THREE_ARRAYS = ("AC-1", "AC-2", "AC-3")


def content(rule_id: str) -> dict[str, Any]:
    return yaml.safe_load((FOLDER / f"{rule_id}.yaml").read_text(encoding="utf-8"))


def cases() -> list[Any]:
    made = []
    for rule_id in INCIDENT_RULES:
        every = content(rule_id)
        assert every["rule"] == rule_id
        made += [pytest.param(every, case, id=f"{rule_id}: {case['name']}") for case in every["cases"]]
    return made


def judged(every: dict[str, Any], case: dict[str, Any]) -> list[dict[str, Any]]:
    sensors = {name: SensorFacts(kind) for name, kind in every["sensors"].items()}
    given = parameters(case.get("agreement"), sensors=sensors, name="illustrative", rules=(every["rule"],))
    engine = Engine(given)
    rows = []
    for second, east_m, *rest in case["reports"]:
        fields = {"sigma_m": case.get("sigma_m", 100.0)} | (rest[1] if len(rest) > 1 else {})
        north_m = rest[0] if rest else 0.0
        rows += [
            shot(second, east_m, north_m, sensor_id=name, **fields) for name in case.get("by", THREE_ARRAYS)
        ]
    engine.feed(table(rows))
    return engine.tick(max(row["time_ns"] for row in rows), end_of_input=True).findings.to_pylist()


@pytest.mark.parametrize(("every", "case"), cases())
def test_a_rule_judges_as_its_case_says(every: dict[str, Any], case: dict[str, Any]) -> None:
    found = judged(every, case)
    assert len(found) == len(case["expect"]), [(row["verdict"], row["reasons"]) for row in found]
    for row, expected in zip(found, case["expect"], strict=True):
        row["margin_km"] = row["margin"] / 1_000
        # The rule's own party; what attribution adds is tested apart.
        row["party"] = json.loads(row["detail"])["stated_party"]
        for name, value in expected.items():
            is_near = name in ("margin_km", "probability")
            near = pytest.approx(value, abs=0.02) if is_near and value is not None else value
            assert row[name] == near, name
        assert all(
            sentence[0] == sentence[0].upper() and sentence.endswith(".") for sentence in row["reasons"]
        )


@pytest.mark.parametrize("rule_id", INCIDENT_RULES)
def test_every_rule_has_cases_for_what_it_must_tell_apart(rule_id: str) -> None:
    every = content(rule_id)["cases"]
    outcomes = {finding["verdict"] for case in every for finding in case["expect"]}
    assert {"violation", "undetermined"} <= outcomes
    assert any(not case["expect"] for case in every)
    assert any("exactly" in case["name"] for case in every)
    assert any(isinstance(value, list) for case in every for value in case.get("agreement", {}).values())
