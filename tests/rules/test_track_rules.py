"""Cases of the rules of scope `track`, from `tests/rules/<rule_id>.yaml`, through the whole engine."""

import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
import yaml

from geodata.contact_line import ContactLine, LineHistory
from geodata.line_file import LineDraft
from monitoring.pipeline import Engine
from monitoring.rules import discover
from tests.small_world import LAT, LON, SECOND_NS, START_NS, fix, parameters, table

FOLDER = Path(__file__).parent
TRACK_RULES = [rule.RULE_ID for rule in discover() if rule.SCOPE == "track"]


def cases() -> list[Any]:
    made = []
    for rule_id in TRACK_RULES:
        content = yaml.safe_load((FOLDER / f"{rule_id}.yaml").read_text(encoding="utf-8"))
        assert content["rule"] == rule_id
        made += [pytest.param(rule_id, case, id=f"{rule_id}: {case['name']}") for case in content["cases"]]
    return made


def judged(rule_id: str, case: dict[str, Any]) -> list[dict[str, Any]]:
    vertices = tuple(tuple(v) for v in case.get("line", [(LON, LAT - 0.5), (LON, LAT + 0.5)]))
    line = ContactLine.from_draft(LineDraft(vertices, "of the case", sigma_m=case.get("line_sigma_m", 0.0)))
    rows = []
    for second, east_m, *rest in case["fixes"]:
        fields = rest[1] if len(rest) > 1 else {}
        rows.append(fix(second, east_m, rest[0] if rest else 0.0, **(case["track"] | fields)))
    given = parameters(
        case.get("agreement"),
        LineHistory([line]),
        name="illustrative",
        said_besides=case.get("told"),
        rules=(rule_id,),
        position_error=case.get("position_error", "sigma"),
    )
    engine = Engine(given)
    engine.feed(table(rows))
    return engine.tick(rows[-1]["time_ns"], end_of_input=True).findings.to_pylist()


@pytest.mark.parametrize(("rule_id", "case"), cases())
def test_a_rule_judges_as_its_case_says(rule_id: str, case: dict[str, Any]) -> None:
    every = judged(rule_id, case)
    found = list({row["finding_id"]: row for row in every}.values())
    found.sort(key=lambda row: row["time_start_ns"])
    assert len(found) == len(case["expect"]), [(row["verdict"], row["reasons"]) for row in found]
    assert len(every) == case.get("expect_revisions", len(found))
    for row, expected in zip(found, case["expect"], strict=True):
        row["second"] = (row["time_start_ns"] - START_NS) / SECOND_NS
        row["second_end"] = (row["time_end_ns"] - START_NS) / SECOND_NS
        row["detail"] = json.loads(row["detail"])
        row["party"] = row["detail"]["stated_party"]  # the rule's own; what attribution adds is tested apart
        for name, value in expected.items():
            tolerance = {"sigma_m": 1e-9, "probability": 1e-3}.get(name, 0.05)
            near = pytest.approx(value, abs=tolerance)
            assert _field(row, name) == (near if isinstance(value, int | float) else value), name


def _field(row: dict[str, Any], name: str) -> Any:
    """A column, or `detail.name` of the detail."""
    value: Any = row
    for part in name.split("."):
        value = value[part]
    return value


@pytest.mark.parametrize("rule_id", TRACK_RULES)
def test_every_rule_has_cases_for_what_it_must_tell_apart(rule_id: str) -> None:
    content = yaml.safe_load((FOLDER / f"{rule_id}.yaml").read_text(encoding="utf-8"))
    outcomes = [
        finding["verdict"] for case in content["cases"] for finding in case["expect"] if "verdict" in finding
    ]
    assert {"violation", "permitted", "undetermined"} <= set(outcomes)
    assert any(not case["expect"] for case in content["cases"])
    assert any("exactly" in case["name"] for case in content["cases"])
    assert any(
        isinstance(value, list) for case in content["cases"] for value in case.get("agreement", {}).values()
    )


def test_the_changes_in_the_cases_lie_400_seconds_after_the_start() -> None:
    at = datetime(2025, 10, 9, 9, 0, tzinfo=UTC).timestamp()
    assert (at * SECOND_NS - START_NS) / SECOND_NS == pytest.approx(400)
