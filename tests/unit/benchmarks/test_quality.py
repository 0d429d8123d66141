"""What is published says the same everywhere."""

import json
from dataclasses import asdict, is_dataclass

import pytest

from api.quality import Quality, published_quality
from tests.benchmarks.published import RESULTS
from tests.benchmarks.quality import README, _many_sites, _short_outages, document, in_readme, readme_section
from tests.benchmarks.tally import Tally


def test_the_readme_tells_what_the_published_file_tells() -> None:
    text = README.read_text(encoding="utf-8")
    assert in_readme(text, published_quality()) == text


def test_the_worst_scenarios_of_each_rule_are_in_the_readme() -> None:
    known = published_quality()
    told = readme_section(known)
    for rule_id in ("line_crossing", "buffer_incursion", "ceasefire_fire"):
        of_rule = [(s.name, r) for s in known.scenarios for r in s.rules if r.rule_id == rule_id]
        worst = min(of_rule, key=lambda pair: pair[1].recall.value or 0.0)[0]
        assert f"| {worst} | {rule_id} |" in told


def test_a_scenario_without_a_happening_of_a_rule_is_not_its_worst() -> None:
    known = published_quality().model_dump()
    for scenario in known["scenarios"]:
        for rule in scenario["rules"]:
            if (scenario["name"], rule["rule_id"]) == ("flood", "line_crossing"):
                nothing = {"value": None, "low": None, "high": None, "n": 0}
                rule |= {"recall": nothing, "recall_observable": nothing, "precision": nothing}
    assert "| flood | line_crossing |" not in readme_section(Quality.model_validate(known))


def test_how_many_outages_can_be_known_is_told_with_its_figures_where_there_are_any() -> None:
    found = {"recall": {"value": 0.2}, "recall_observable": {"value": 0.82}}
    (said,) = _short_outages(found)
    assert "20 % of all outages are found, of those that could show 82 %" in said
    assert _short_outages(None) == []


def test_how_often_works_are_none_is_told_with_its_figures_where_there_are_any() -> None:
    (said,) = _many_sites({"precision": {"value": 0.68}, "false_alarms": 77, "splits": 68})
    assert "68 % of the reports of works are right (77 of nothing, 68 further ones of a site)" in said
    assert _many_sites(None) == _many_sites({"precision": {"value": None}}) == []
    limits = published_quality().limits
    assert any("along the mined strip" in sentence for sentence in limits)


@pytest.mark.parametrize("detector", ["ours", "naive"])
def test_where_nothing_happened_and_one_detector_told_nothing_its_row_is_empty(detector: str) -> None:
    scores, impartiality = (
        json.loads((RESULTS / f"{name}.json").read_text(encoding="utf-8"))
        for name in ("scenarios", "impartiality")
    )
    base = next(row for row in scores["scores"] if row["scenario"] == "quiet-day")
    told = Tally(precision=(0, 2), false_alarms=(2, 12.0)).summary()
    row = {name: asdict(value) if is_dataclass(value) else value for name, value in told.items()}
    row = base | row | {"rule_id": "force_build_up", "detector": detector}
    other = [one for one in scores["scores"] if one["rule_id"] != "force_build_up"]
    made = Quality.model_validate(document(scores | {"scores": [*other, row]}, impartiality))
    quiet = next(scenario for scenario in made.scenarios if scenario.name == "quiet-day")
    rule = next(rule for rule in quiet.rules if rule.rule_id == "force_build_up")
    assert (rule.happenings, rule.recall.value, rule.naive.recall) == (0, None, None)
    assert (rule.false_alarms, rule.naive.false_alarms) == ((2, 0) if detector == "ours" else (0, 2))


def test_a_party_that_is_treated_otherwise_is_told() -> None:
    known = published_quality().model_dump()
    known["impartiality"][0]["within_chance"] = False
    assert "**1 differ**" in readme_section(Quality.model_validate(known))
