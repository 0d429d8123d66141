"""The published quality, `monitoring/evaluation/published/quality.json`, and its account in the README.

Both come from the results of the benchmarks.

Written again by `python -m tests.benchmarks.scenarios` and `… impartiality`, or alone from what they left in
`tests/benchmarks/results`:

    python -m tests.benchmarks.quality
"""

import json
from dataclasses import asdict
from importlib import resources
from pathlib import Path
from typing import Any, Final

from api.quality import Compared, Measured, Naive, Quality
from monitoring import schema
from monitoring.evaluation.shares import Rate, Share
from monitoring.simulation import load_scenario, scenario_names
from tests.benchmarks.published import RESULTS
from tests.benchmarks.tally import Tally

PUBLISHED = Path(str(resources.files("monitoring") / "evaluation" / "published" / "quality.json"))
README = Path(__file__).resolve().parents[2] / "README.md"
BEGIN, END = "<!-- quality: written by tests.benchmarks.quality -->", "<!-- end of quality -->"


NOTHING: dict[str, Any] = {
    name: asdict(value) if isinstance(value, Share | Rate) else value
    for name, value in Tally().summary().items()
}
"""A detector's row where nothing happened and it told nothing."""


def document(scores: dict[str, Any], impartiality: dict[str, Any]) -> dict[str, Any]:
    """The published file from `results/scenarios.json` and `results/impartiality.json`."""
    said = scores["circumstances"]
    by_rule: dict[str, dict[str, dict[str, Any]]] = {}
    for row in scores["scores"]:
        by_rule.setdefault(row["scenario"], {}).setdefault(row["rule_id"], {})[row["detector"]] = row
    scenarios = [_scenario(name, rules) for name, rules in sorted(by_rule.items())]
    seeds = [seed for scenario in scenarios for seed in scenario["seeds"]]
    unnamed = by_rule["busy-day"]["ceasefire_fire"]["ours"]["undetermined"]["value"]
    made = {
        "engine_version": said["engine"],
        "date": said["date"],
        "seeds": [min(seeds), max(seeds)],
        "line_version": said["line"],
        "agreement_version": said["agreement"],
        "scenarios": scenarios,
        "impartiality": impartiality["comparisons"],
        "limits": [
            *limits({s["name"]: {r["rule_id"]: r for r in s["rules"]} for s in scenarios}, unnamed),
            *uncounted(
                {
                    name: rules["ceasefire_fire"]["ours"]
                    for name, rules in by_rule.items()
                    if "ceasefire_fire" in rules
                }
            ),
            *not_scored({s["name"] for s in scenarios}),
        ],
    }
    return Quality.model_validate(made).model_dump()


def not_scored(scored: set[str]) -> list[str]:
    """A sentence that names the packaged scenarios without a score, if there are any.

    >>> not_scored(set(scenario_names()) - {"flood"})
    ['Not yet scored: flood.']
    """
    missing = [name for name in scenario_names() if name not in scored]
    return [f"Not yet scored: {', '.join(missing)}."] if missing else []


def uncounted(fire: dict[str, dict[str, Any]]) -> list[str]:
    """A sentence on how far counts of fire, ours by scenario, stay behind the truth, and why.

    >>> uncounted({"flood": {"counted": [9, 9, 10]}, "probing": {"counted": [8, 8, 8]}})
    ['What no sensor noticed is not counted: of the phenomena of well observable fire, sensors noticed 90-100 % (by \
scenario), and counts come to 100-100 % of what they noticed.']
    """
    known = [row["counted"] for row in fire.values() if row.get("counted") and row["counted"][1]]
    if not known:
        return []
    bound = [100 * noticed / true for _, noticed, true in known]
    counted = [100 * ours / noticed for ours, noticed, _ in known]
    return [
        "What no sensor noticed is not counted: of the phenomena of well observable fire, sensors noticed "
        f"{min(bound):.0f}-{max(bound):.0f} % (by scenario), and counts come to "
        f"{min(counted):.0f}-{max(counted):.0f} % of what they noticed."
    ]


def _scenario(name: str, rules: dict[str, dict[str, Any]]) -> dict[str, Any]:
    known = next(row for rows in rules.values() for row in rows.values())
    return {
        "name": name,
        "title": name.replace("-", " ").capitalize(),
        "summary": load_scenario(name).summary,
        "hours": known["hours"],
        "seeds": [min(known["seeds"]), max(known["seeds"])],
        "rules": [
            _rule(rule_id, rows.get("ours", NOTHING), rows.get("naive", NOTHING))
            for rule_id, rows in sorted(rules.items())
        ],
    }


def _rule(rule_id: str, ours: dict[str, Any], naive: dict[str, Any]) -> dict[str, Any]:
    return {
        "rule_id": rule_id,
        "happenings": ours["recall"]["whole"],
        "recall": measured(ours["recall"]),
        "recall_observable": measured(ours["observable"]),
        "precision": measured(ours["precision"]),
        "missed": ours["recall"]["whole"] - ours["recall"]["part"],
        "false_alarms": ours["false_alarms"]["count"],
        "false_per_day_100km": ours["false_alarms"]["value"],
        "splits": ours["splits"],
        "merges": ours["merges"],
        "violations": {
            "recall": measured(ours["recall_violation"]),
            "precision": measured(ours["precision_violation"]),
        }
        if "recall_violation" in ours
        else None,
        "told": {
            "reports": ours["not_asserted"],
            "recall": measured(ours["told_recall"]),
            "recall_observable": measured(ours["told_observable"]),
            "precision": measured(ours["told_precision"]),
        }
        if ours.get("not_asserted")
        else None,
        "naive": {
            "recall": naive["recall"]["value"],
            "precision": naive["precision"]["value"],
            "missed": naive["recall"]["whole"] - naive["recall"]["part"],
            "false_alarms": naive["false_alarms"]["count"],
            "splits": naive["splits"],
        },
    }


def measured(value: dict[str, Any]) -> dict[str, Any]:
    """A share, or a rate, of the results as it is published."""
    n = value["whole"] if "whole" in value else value["count"]
    return {"value": value["value"], "low": value["low"], "high": value["high"], "n": n}


def limits(rules: dict[str, dict[str, dict[str, Any]]], unnamed: float) -> list[str]:
    """What is known to be weak, in sentences whose figures are those of the table.

    `unnamed` is the share of the reported fire that is laid to nobody.
    """

    def share(scenario: str, rule_id: str, of: str = "recall") -> str:
        return f"{100 * rules[scenario][rule_id][of]['value']:.0f} %"

    def sure(scenario: str, rule_id: str) -> str:
        known = rules[scenario][rule_id]["violations"]
        if known is None or known["precision"]["value"] is None:
            return ""
        return f" (of those called violations {100 * known['precision']['value']:.0f} %)"

    def a_day(scenario: str, rule_id: str) -> str:
        return f"{rules[scenario][rule_id]['false_per_day_100km']:.1f}"

    silent = [f"Whoever fired is seldom named: {100 * unnamed:.0f} % of the reported fire is laid to nobody."]
    return [
        "All figures come from simulated worlds (recorded tracks carried onto the line are scored apart): no real "
        "feed of a ceasefire has been, and one may fail in ways that nobody thought of here.",
        *_lone_hearings(rules["quiet-day"]["ceasefire_fire"]),
        f"False incidents of fire are asserted {a_day('quiet-day', 'ceasefire_fire')} times a day and 100 km, so on a "
        f"quiet day {share('quiet-day', 'ceasefire_fire', 'precision')} of the asserted incidents of fire are true "
        f"ones{sure('quiet-day', 'ceasefire_fire')}.",
        "Small-arms fire far from any microphone is not heard: on a quiet day "
        f"{share('quiet-day', 'ceasefire_fire')} of all fire is found, of what the sensors could well observe "
        f"{share('quiet-day', 'ceasefire_fire', 'recall_observable')}.",
        *(silent if unnamed > 0.5 else []),
        "Dense crowds may run together: when thousands cross at the crossing points, "
        f"{share('civilians-at-crossing', 'line_crossing')} of their crossings get a finding of their own, the "
        "others are merged with a neighbour's.",
        "One object seen by several sensors may be reported more than once as an incursion; such splits are "
        "counted as false in the precision.",
        "A registered sensor that lies is doubted only where others would have noticed what it says: with captured "
        "radars and microphones the precision of crossings is "
        f"{share('spoofed-sensor', 'line_crossing', 'precision')}, of fire "
        f"{share('spoofed-sensor', 'ceasefire_fire', 'precision')}.",
        "Whether something slow that nobody names is an animal, and how far a force may come unseen, is judged by "
        "shares that no field data stand behind; they suit the simulator's animals and people.",
        "What no sensor watches is not found: in the blackout "
        f"{share('sensor-blackout', 'line_crossing')} of the crossings and "
        f"{share('sensor-blackout', 'ceasefire_fire')} of the fire are.",
        "Between two fixes far apart a crossing's place is guessed along a straight line, and its stated error "
        "is too small: on recorded tracks thinned to one fix in ten, fewer than half of the true places lie inside "
        "the 90 % ellipse.",
        "Small drones are seen for moments only: with the air full of them "
        f"{share('drone-incursions', 'line_crossing')} of the crossings are found.",
        *_short_outages(rules["sensor-blackout"].get("sensor_outage")),
        *_many_sites(rules.get("mined-strip", {}).get("engineering_works")),
    ]


def _many_sites(rule: dict[str, Any] | None) -> list[str]:
    if rule is None or rule["precision"]["value"] is None:
        return []
    return [
        "Where many dig at once, works are reported that are none, or twice: along the mined strip "
        f"{100 * rule['precision']['value']:.0f} % of the reports of works are right ({rule['false_alarms']} of "
        f"nothing, {rule['splits']} further ones of a site)."
    ]


def _short_outages(rule: dict[str, Any] | None) -> list[str]:
    if rule is None or rule["recall"]["value"] is None or rule["recall_observable"]["value"] is None:
        return []
    all_of_them, could_show = (100 * rule[name]["value"] for name in ("recall", "recall_observable"))
    return [
        "An outage too short to miss two reports of health in turn is not known: in the blackout "
        f"{all_of_them:.0f} % of all outages are found, of those that could show {could_show:.0f} %; one that begins "
        "beside another is taken for its part."
    ]


def _lone_hearings(rule: dict[str, Any]) -> list[str]:
    told = rule["told"]
    if told is None:
        return []
    return [
        "What is heard once, by one sensor, is told but not asserted: on quiet days "
        f"{told['reports']:,} such reports of fire stand beside the asserted ones, and of everything told "
        f"{100 * told['precision']['value']:.0f} % are true."
    ]


def readme_section(known: Quality) -> str:
    """The README's account: the ordinary days, the worst scenarios of each rule, parties, weaknesses."""
    ordinary = {"busy-day", "quiet-day"}
    worst: set[tuple[str, str]] = set()
    rule_ids = sorted({rule.rule_id for scenario in known.scenarios for rule in scenario.rules})
    for rule_id in rule_ids:
        of_rule = [(s.name, r) for s in known.scenarios for r in s.rules if r.rule_id == rule_id]
        worst.add((min(of_rule, key=lambda pair: _known(pair[1].recall))[0], rule_id))
        worst.add((min(of_rule, key=lambda pair: _known(pair[1].precision))[0], rule_id))
    lines = [
        f"Engine {known.engine_version}, {known.date}, {_seeds(known)} of simulated days "
        "on the shipped line; the two ordinary days and, of each rule, the worst scenarios. *Found* is recall over "
        "all that happened, *right* the share of reports that are a happening's first; in % with 95 % intervals. "
        "*False + split*: reports of nothing, and further reports of the same. Counted are asserted reports (their "
        "probability is at least one half, or they state none); *told beside* are those below. Beside it, on the same "
        "events, a naive detector: every change of the nearer side is a crossing, every report a happening of its own.",
        "",
        "| scenario | rule | happened | found | missed | right | false + split | told beside "
        "| naive: found | right | false + split |",
        "|---|---|--:|--:|--:|--:|--:|--:|--:|--:|--:|",
    ]
    for scenario in known.scenarios:
        for rule in scenario.rules:
            if scenario.name not in ordinary and (scenario.name, rule.rule_id) not in worst:
                continue
            cells = (
                scenario.name,
                rule.rule_id,
                f"{rule.happenings:,}",
                _shown(rule.recall),
                f"{rule.missed:,}",
                _shown(rule.precision),
                f"{rule.false_alarms:,} + {rule.splits:,}",
                f"{rule.told.reports:,}" if rule.told else "0",
                *_naive(rule.naive),
            )
            lines.append("| " + " | ".join(cells) + " |")
    return "\n".join(
        [*lines, "", _parties(known), "", "Known weaknesses:", "", *(f"- {s}" for s in known.limits)]
    )


def _known(share: Measured) -> float:
    """A share; of nothing, which is no weakness, above all others."""
    return 2.0 if share.value is None else share.value


def _seeds(known: Quality) -> str:
    first, last = known.seeds
    return f"seed {first}" if first == last else f"seeds {first}-{last}"


def _naive(known: Naive) -> tuple[str, str, str]:
    """Found, right, false + split; dashes where the naive detector told nothing."""
    if not (known.recall or known.false_alarms or known.splits):
        return "-", "-", "-"
    return (
        f"{100 * (known.recall or 0):.0f}",
        f"{100 * (known.precision or 0):.0f}",
        f"{known.false_alarms:,} + {known.splits:,}",
    )


def _shown(share: Measured) -> str:
    if share.value is None or share.low is None or share.high is None:
        return "-"
    return f"{100 * share.value:.0f} [{100 * share.low:.0f}, {100 * share.high:.0f}]"


_OFTEN: Final = {
    "line_crossing": "crossings",
    "buffer_incursion": "stays in the buffer",
    "ceasefire_fire": "fire",
}
"""The rules that judge enough happenings for a loss to be seen."""


def _is_recall_of(compared: Compared, rule_id: str) -> bool:
    return compared.measure == "recall" and compared.rule_id == rule_id and compared.loss_seen is not None


def _parties(known: Quality) -> str:
    beyond = sum(not c.within_chance for c in known.impartiality)
    said = "none differs" if not beyond else f"**{beyond} differ**"
    seen = {
        word: max(c.loss_seen or 0.0 for c in known.impartiality if _is_recall_of(c, rule_id))
        for rule_id, word in _OFTEN.items()
        if any(_is_recall_of(c, rule_id) for c in known.impartiality)
    }
    shares = ", ".join(f"{100 * loss:.0f} % of its {word}" for word, loss in seen.items())
    smallest = (
        f"; a detector that dropped of one party {shares} would be caught nine times in ten" if seen else ""
    )
    return (
        f"Both parties alike: of {len(known.impartiality)} comparisons of A with B {said} by more than chance"
        f"{smallest}; and with the parties' names exchanged every result is exchanged and nothing else moves."
    )


def in_readme(text: str, known: Quality) -> str:
    """The README with its account replaced."""
    before, _, rest = text.partition(BEGIN)
    _, _, after = rest.partition(END)
    assert after, f"the README has no {BEGIN} … {END}"
    return f"{before}{BEGIN}\n{readme_section(known)}\n{END}{after}"


def publish() -> None:
    """Writes the published file, and its account in the README, from the results at hand."""
    scores, impartiality = (
        json.loads((RESULTS / f"{name}.json").read_text(encoding="utf-8"))
        for name in ("scenarios", "impartiality")
    )
    assert all(impartiality["exchanged"].values()), (
        "exchanging the parties' names moved something: nothing to publish"
    )
    assert scores["circumstances"]["engine"] == schema.ENGINE_VERSION, (
        "results of another engine: run them again"
    )
    made = document(scores, impartiality)
    text = json.dumps(made, sort_keys=True, ensure_ascii=False, indent=1)
    PUBLISHED.write_text(text + "\n", encoding="utf-8")
    README.write_text(
        in_readme(README.read_text(encoding="utf-8"), Quality.model_validate(made)), encoding="utf-8"
    )


if __name__ == "__main__":
    publish()
