"""What each mechanism is worth: ours with one of them taken away, scored beside the whole and the naive detector.

    python -m tests.benchmarks.ablations --seeds 101-103 [--scenarios busy-day probing] [--hours H]

- `without uncertainty`: every position is taken as exact;
- `without hysteresis`: a crossing is asserted as soon as it is more likely than not, a stay as soon as it begins;
- `without fusion`: reports by different sensors are never one happening, a way back is never that of the way out;
- `without late evidence`: what came behind the watermark stays unjudged.
"""

import argparse
import json
import sys
from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any

from geodata.contact_line import ContactLine, packaged_line
from monitoring.agreement import Agreement
from monitoring.evaluation import evaluate
from monitoring.rules import bind
from monitoring.simulation import Run, load_scenario, simulate
from tests.benchmarks.detectors import (
    Detected,
    Detector,
    naive,
    ours,
    packaged_agreement,
    parameters_of,
    with_parameters,
)
from tests.benchmarks.published import RESULTS, circumstances, preface, seeds_of
from tests.benchmarks.scenarios import hours_of, percent
from tests.benchmarks.tally import Tally

RULES = ("line_crossing", "buffer_incursion", "ceasefire_fire")
NO_HYSTERESIS: Mapping[str, float] = {
    "line_crossing.report_prob": 0.5,
    "line_crossing.assert_prob": 0.51,
    "line_crossing.sure_prob": 0.51,
    "line_crossing.dwell_s": 0,
    "buffer_incursion.dwell_s": 0,
    "tracks.k_sigma": 0,
}
NO_FUSION: Mapping[str, float] = {
    "association.gap_s": 0,
    "association.move_m": 0,
    "association.k_sigma": 0.1,
    "association.phenomenon_gate_s": 0,
    "association.excursion_s": 0,
}


def changed(agreement: Agreement, values: Mapping[str, float]) -> Agreement:
    """The agreement with some values replaced for all time."""
    content = json.loads(agreement.to_json())
    for key, value in values.items():
        section, name = key.split(".")
        content["parameters"][section][name]["values"] = [{"from": "always", "value": value}]
    made = Agreement.parse(json.dumps(content), "changed")
    bind(made)
    return made


def _exact(run: Run, line: ContactLine, agreement: Agreement) -> Detected:
    return with_parameters(run, replace(parameters_of(run, line, agreement), position_error=0))


def _with(values: Mapping[str, float]) -> Detector:
    return lambda run, line, agreement: ours(run, line, changed(agreement, values))


def _punctual(run: Run, line: ContactLine, agreement: Agreement) -> Detected:
    return with_parameters(run, parameters_of(run, line, agreement), amends=False)


VARIANTS: Mapping[str, Callable[[Run, ContactLine, Agreement], Detected]] = {
    "ours": ours,
    "without uncertainty": _exact,
    "without hysteresis": _with(NO_HYSTERESIS),
    "without fusion": _with(NO_FUSION),
    "without late evidence": _punctual,
    "naive": naive,
}


def measured(scenario: str, seeds: list[int], hours: float) -> dict[tuple[str, str], Tally]:
    """(rule, variant) → counts over the seeds."""
    line, agreement = packaged_line(), packaged_agreement()
    parts: dict[tuple[str, str], list[Tally]] = {}
    for seed in seeds:
        for variant, detect in VARIANTS.items():
            run = simulate(
                load_scenario(scenario), line, agreement, seed=seed, hours=hours_of(scenario, hours)
            )
            found = detect(run, line, agreement)
            for rule in evaluate(run.truth(), found.findings, found.incidents).rules:
                if rule.rule_id in RULES:
                    parts.setdefault((rule.rule_id, variant), []).append(Tally.of(rule))
        print(f"{scenario}, seed {seed} done", file=sys.stderr)
    return {key: Tally.added(tallies) for key, tallies in parts.items()}


def table(scenario: str, found: Mapping[tuple[str, str], Tally]) -> list[str]:
    """Markdown lines, a rule and variant each."""
    lines = []
    for rule_id in RULES:
        for variant in VARIANTS:
            if (rule_id, variant) not in found:
                continue
            said: dict[str, Any] = found[rule_id, variant].summary()
            false = said["false_alarms"]
            cells = (
                scenario,
                rule_id,
                variant,
                str(said["recall"].whole),
                percent(said["observable"]),
                percent(said["precision"]),
                str(false.count),
                str(said["splits"]),
                str(said["merges"]),
                percent(said["inside_90"]),
            )
            lines.append("| " + " | ".join(cells) + " |")
    return lines


def main(arguments: list[str]) -> int:
    """The command line."""
    parser = argparse.ArgumentParser(prog="python -m tests.benchmarks.ablations", description=__doc__)
    parser.add_argument("--seeds", default="101-103")
    parser.add_argument("--scenarios", nargs="*", default=["busy-day", "probing", "artillery-duel"])
    parser.add_argument("--hours", type=float, default=24.0)
    given = parser.parse_args(arguments)
    rows: list[str] = []
    for scenario in given.scenarios:
        rows += table(scenario, measured(scenario, seeds_of(given.seeds), given.hours))
    said = circumstances(
        seeds=given.seeds,
        hours=given.hours,
        agreement=packaged_agreement().version,
        line=packaged_line().version,
    )
    page = [
        "# What each mechanism is worth",
        *preface(said),
        "Shares in per cent with 95 % intervals.",
        "",
        "| scenario | rule | detector | happened | recall, observable | precision | false alarms | splits | merges "
        "| inside 90 % |",
        "|---|---|---|--:|--:|--:|--:|--:|--:|--:|",
        *rows,
    ]
    RESULTS.mkdir(exist_ok=True)
    (RESULTS / "ablations.md").write_text("\n".join(page) + "\n", encoding="utf-8")
    print("\n".join(page))
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
