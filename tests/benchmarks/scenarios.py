"""Ours and the naive detector on the packaged scenarios, scored by the same tool: a table that can be published.

    python -m tests.benchmarks.scenarios --seeds 101-120 [--hours H] [--scenarios NAME…] [--minutes M]

Seeds 1-20 are for tuning, 101-120 for published tables. Runs go seed by seed through all scenarios, so that
stopping early (`--minutes`) leaves whole seeds; the table says which ones it holds.
"""

import argparse
import json
import sys
import time
from collections.abc import Iterable
from typing import Any

from geodata.contact_line import ContactLine, packaged_line
from monitoring.agreement import Agreement
from monitoring.evaluation import RuleScore, evaluate
from monitoring.evaluation.shares import Rate, Share
from monitoring.simulation import load_scenario, scenario_names, simulate
from tests.benchmarks.detectors import DETECTORS, minimal_agreement
from tests.benchmarks.published import RESULTS, circumstances, preface, seeds_of

Scores = dict[tuple[str, str, str], list[RuleScore]]
"""Scores of the seeds by (scenario, rule, detector)."""
FLOOD_HOURS = 2.0
"""The flood is a test of endurance: a few hours are as good as a day."""


def run_seed(
    scores: Scores, seed: int, names: Iterable[str], hours: float, line: ContactLine, agreement: Agreement
) -> None:
    """Adds the scores of one seed."""
    for name in names:
        for detector, detect in DETECTORS.items():
            lasts = min(hours, FLOOD_HOURS) if name == "flood" else hours
            run = simulate(load_scenario(name), line, agreement, seed=seed, hours=lasts)
            detected = detect(run, line, agreement)
            score = evaluate(
                run.truth(), detected.findings, detected.incidents, published_ns=detected.published_ns
            )
            for rule in score.rules:
                scores.setdefault((name, rule.rule_id, detector), []).append(rule)


def summary(rules: list[RuleScore]) -> dict[str, Any]:
    """Several seeds' scores of one rule as one."""
    errors = [r.accuracy.location_m for r in rules if r.accuracy.location_m.n]
    return {
        "recall": Share.pooled(r.recall for r in rules),
        "observable": Share.pooled(r.recall_observable for r in rules),
        "precision": Share.pooled(r.precision for r in rules),
        "false_alarms": Rate.pooled(r.false_alarm_rate for r in rules),
        "splits": sum(len(r.splits) for r in rules),
        "merges": sum(len(r.merges) for r in rules),
        "party_right": Share.pooled(r.attribution.right for r in rules),
        "undetermined": Share.pooled(r.attribution.undetermined for r in rules),
        "inside_90": Share.pooled(r.accuracy.inside["90"] for r in rules),
        "location_m": sum((e.median or 0.0) * e.n for e in errors) / max(sum(e.n for e in errors), 1),
        "phenomena": (sum(r.phenomena_reported for r in rules), sum(r.phenomena_true for r in rules)),
    }


def table(scores: Scores) -> list[str]:
    """Markdown: a line a scenario, rule and detector; shares in per cent with 95 % intervals."""
    lines = [
        "| scenario | rule | detector | happened | recall | recall, observable | precision "
        "| false alarms a day, 100 km | splits | merges | party right | undetermined | inside 90 % | counted / true |",
        "|---|---|---|--:|--:|--:|--:|--:|--:|--:|--:|--:|--:|--:|",
    ]
    for (scenario, rule_id, detector), rules in sorted(scores.items(), key=_order):
        s = summary(rules)
        reported, true = s["phenomena"]
        cells = (
            scenario,
            rule_id,
            detector,
            str(s["recall"].whole),
            *(percent(s[name]) for name in ("recall", "observable", "precision")),
            "-" if s["false_alarms"].value is None else f"{s['false_alarms'].value:.2f}",
            str(s["splits"]),
            str(s["merges"]),
            *(percent(s[name]) for name in ("party_right", "undetermined", "inside_90")),
            f"{reported / true:.2f}" if true else "-",
        )
        lines.append("| " + " | ".join(cells) + " |")
    return lines


def _order(item: tuple[tuple[str, str, str], Any]) -> tuple[str, str, int]:
    (scenario, rule_id, detector), _ = item
    return scenario, rule_id, list(DETECTORS).index(detector)


def percent(share: Share) -> str:
    """`84 [70, 92]`, or `-`."""
    if share.value is None or share.low is None or share.high is None:
        return "-"
    return f"{100 * share.value:.0f} [{100 * share.low:.0f}, {100 * share.high:.0f}]"


def main(arguments: list[str]) -> int:
    """The command line."""
    parser = argparse.ArgumentParser(prog="python -m tests.benchmarks.scenarios", description=__doc__)
    parser.add_argument("--seeds", default="101-120")
    parser.add_argument("--scenarios", nargs="*", default=[n for n in scenario_names() if n != "long-week"])
    parser.add_argument("--hours", type=float, default=24.0)
    parser.add_argument("--minutes", type=float, default=None, help="begin no further seed after this time")
    parser.add_argument("--name", default="scenarios", help="of the files in tests/benchmarks/results")
    given = parser.parse_args(arguments)
    line, agreement = packaged_line(), minimal_agreement()
    scores: Scores = {}
    done: list[int] = []
    began = time.process_time()
    for seed in seeds_of(given.seeds):
        if given.minutes is not None and time.process_time() - began > given.minutes * 60:
            break
        run_seed(scores, seed, given.scenarios, given.hours, line, agreement)
        done.append(seed)
        print(f"seed {seed}: {time.process_time() - began:.0f} s of CPU so far", file=sys.stderr)
    said = circumstances(
        seeds=", ".join(map(str, done)),
        asked_for=given.seeds,
        hours=f"{given.hours:g} of each scenario, flood {min(given.hours, FLOOD_HOURS):g}",
        line=line.version,
        agreement=agreement.version,
        cpu_s=round(time.process_time() - began),
    )
    RESULTS.mkdir(exist_ok=True)
    page = ["# Scenarios: ours and the naive detector", *preface(said), *table(scores)]
    (RESULTS / f"{given.name}.md").write_text("\n".join(page) + "\n", encoding="utf-8")
    content = {
        "circumstances": said,
        "scores": [
            {"scenario": k[0], "rule_id": k[1], "detector": k[2], **_plain(summary(v))}
            for k, v in sorted(scores.items(), key=_order)
        ],
    }
    text = json.dumps(content, sort_keys=True, indent=1)
    (RESULTS / f"{given.name}.json").write_text(text + "\n", encoding="utf-8")
    return 0


def _plain(values: dict[str, Any]) -> dict[str, Any]:
    return {
        name: value.__dict__ if isinstance(value, Share | Rate) else value for name, value in values.items()
    }


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
