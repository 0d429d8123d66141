"""The published quality through the door: for monitors, complete, and agreeing with itself."""

from typing import Any

import pytest
from fastapi import FastAPI

from api.quality import published_quality
from monitoring.schema import ENGINE_VERSION
from monitoring.simulation import scenario_names
from tests.integration.api.conftest import SignIn


@pytest.fixture
def quality(signed_in: SignIn) -> dict[str, Any]:
    answer = signed_in("analyst").get("/v1/quality")
    assert answer.status_code == 200
    found: dict[str, Any] = answer.json()
    return found


def test_it_is_for_monitors(signed_in: SignIn) -> None:
    answers = {
        name: signed_in(name).get("/v1/quality").status_code for name in ("operator", "liaison_a", "nobody")
    }
    assert answers == {"operator": 200, "liaison_a": 403, "nobody": 401}


def test_it_says_of_which_engine_line_and_seeds_it_speaks_and_where_the_system_is_weak(
    quality: dict[str, Any],
) -> None:
    assert quality["engine_version"] == ENGINE_VERSION
    assert quality["line_version"].startswith("sha256:")
    assert quality["agreement_version"].startswith("sha256:")
    assert 101 <= quality["seeds"][0] <= quality["seeds"][1] <= 120
    assert len(quality["limits"]) >= 3
    assert all(sentence.endswith(".") for sentence in quality["limits"])


def test_every_packaged_scenario_is_there_or_said_to_be_not_yet_scored(quality: dict[str, Any]) -> None:
    scored = {s["name"] for s in quality["scenarios"]}
    unscored = [sentence for sentence in quality["limits"] if sentence.startswith("Not yet scored: ")]
    assert len(scored) >= 14
    assert scored <= set(scenario_names())
    missing = sorted(set(scenario_names()) - scored)
    assert unscored == ([f"Not yet scored: {', '.join(missing)}."] if missing else [])


def test_every_scored_scenario_has_every_rule_ours_beside_naive(quality: dict[str, Any]) -> None:
    for scenario in quality["scenarios"]:
        rules = {rule["rule_id"]: rule for rule in scenario["rules"]}
        assert {"line_crossing", "buffer_incursion", "ceasefire_fire"} <= set(rules)
        for rule in rules.values():
            assert (rule["naive"]["recall"] is None) == (rule["happenings"] == 0)


def test_misses_and_false_alarms_agree_with_recall_and_precision(quality: dict[str, Any]) -> None:
    for scenario in quality["scenarios"]:
        for rule in scenario["rules"]:
            found = rule["happenings"] - rule["missed"]
            reports = found + rule["false_alarms"] + rule["splits"]
            assert rule["recall"]["n"] == rule["happenings"]
            assert rule["precision"]["n"] == reports
            shares = {"recall": rule["happenings"], "precision": reports}
            for name, whole in shares.items():
                assert rule[name]["value"] == (pytest.approx(found / whole) if whole else None)
            assert rule["merges"] <= rule["missed"]
            for name in ("recall", "recall_observable", "precision"):
                measured = rule[name]
                if measured["n"]:
                    assert 0 <= measured["low"] <= measured["value"] <= measured["high"] <= 1


def test_both_parties_stand_side_by_side(quality: dict[str, Any]) -> None:
    compared = quality["impartiality"]
    assert {"recall", "false alarms"} <= {c["measure"] for c in compared}
    for c in compared:
        assert c["difference"] == pytest.approx(c["a"]["value"] - c["b"]["value"])


def test_the_shape_is_published_in_the_openapi_document(app: FastAPI) -> None:
    shapes = app.openapi()["components"]["schemas"]
    assert set(shapes["Quality"]["required"]) == set(published_quality().model_dump())
    assert "happenings" in shapes["RuleQuality"]["properties"]
