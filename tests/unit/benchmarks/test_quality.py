"""What is published says the same everywhere."""

from api.quality import Quality, published_quality
from tests.benchmarks.quality import README, in_readme, readme_section


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


def test_a_party_that_is_treated_otherwise_is_told() -> None:
    known = published_quality().model_dump()
    known["impartiality"][0]["within_chance"] = False
    assert "**1 differ**" in readme_section(Quality.model_validate(known))
