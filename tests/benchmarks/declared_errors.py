"""What it costs that every sensor states its errors wrong by a factor of two: ours, scored beside the plain run.

    python -m tests.benchmarks.declared_errors --seeds 101-103 [--scenario busy-day] [--hours H]

The same world is observed three times: sensors state what the scenario says, half of that, twice that, in the
registry and in every event. Recall is over what could be observed; the bound is a loss of 0.03 of either share.
"""

import argparse
import sys
from collections.abc import Mapping

import msgspec

from geodata.contact_line import packaged_line
from monitoring.evaluation import evaluate
from monitoring.evaluation.shares import Share
from monitoring.simulation import load_scenario, simulate
from monitoring.simulation.scenario import Scenario
from tests.benchmarks.detectors import ours, packaged_agreement
from tests.benchmarks.published import RESULTS, circumstances, preface, seeds_of
from tests.benchmarks.scenarios import hours_of, percent
from tests.benchmarks.tally import Tally

PLAIN = "as in the scenario"
VARIANTS: Mapping[str, Mapping[str, float]] = {
    PLAIN: {},
    "halved": {"understated_error_frac": 1.0, "overstated_error_frac": 0.0},
    "doubled": {"understated_error_frac": 0.0, "overstated_error_frac": 1.0},
}
"""Which share of the sensors states half, and which twice its error."""

Found = Mapping[tuple[str, str], Tally]
"""(rule, variant) → counts over the seeds."""


def stating(scenario: Scenario, variant: str) -> Scenario:
    """The scenario with sensors that state their errors as in a variant."""
    faults = msgspec.structs.replace(scenario.faults, **VARIANTS[variant])
    return msgspec.structs.replace(scenario, faults=faults)


def measured(name: str, seeds: list[int], hours: float) -> Found:
    """Counts of a scenario, with every variant of what sensors state."""
    line, agreement = packaged_line(), packaged_agreement()
    parts: dict[tuple[str, str], list[Tally]] = {}
    for seed in seeds:
        for variant in VARIANTS:
            scenario = stating(load_scenario(name), variant)
            run = simulate(scenario, line, agreement, seed=seed, hours=hours_of(name, hours))
            found = ours(run, line, agreement)
            for rule in evaluate(run.truth(), found.findings, found.incidents).rules:
                parts.setdefault((rule.rule_id, variant), []).append(Tally.of(rule))
        print(f"{name}, seed {seed} done", file=sys.stderr)
    return {key: Tally.added(tallies) for key, tallies in parts.items()}


def table(found: Found) -> list[str]:
    """Markdown lines, a rule and variant each; a loss is against the plain run of the same rule."""
    lines = []
    for rule_id in dict.fromkeys(rule_id for rule_id, _ in found):
        plain = found[rule_id, PLAIN].summary() if (rule_id, PLAIN) in found else {}
        for variant in VARIANTS:
            if (rule_id, variant) not in found:
                continue
            said = found[rule_id, variant].summary()
            cells = [rule_id, variant, str(said["recall"].whole)]
            for share in ("observable", "precision"):
                cells += [percent(said[share]), _loss(plain.get(share), said[share])]
            lines.append(
                "| " + " | ".join([*cells, str(said["false_alarms"].count), str(said["splits"])]) + " |"
            )
    return lines


def _loss(before: Share | None, now: Share) -> str:
    """By how much a share is lower, `-` where there is none."""
    if before is None or before.value is None or now.value is None:
        return "-"
    return f"{before.value - now.value:+.3f}"


def main(arguments: list[str]) -> int:
    """The command line."""
    parser = argparse.ArgumentParser(prog="python -m tests.benchmarks.declared_errors", description=__doc__)
    parser.add_argument("--seeds", default="101-103")
    parser.add_argument("--scenario", default="busy-day")
    parser.add_argument("--hours", type=float, default=24.0)
    given = parser.parse_args(arguments)
    found = measured(given.scenario, seeds_of(given.seeds), given.hours)
    said = circumstances(
        scenario=given.scenario,
        seeds=given.seeds,
        hours=given.hours,
        agreement=packaged_agreement().version,
        line=packaged_line().version,
    )
    page = [
        "# What it costs that sensors state their errors wrong",
        *preface(said),
        "Shares in per cent with 95 % intervals; a loss is against the plain run, of 1.",
        "",
        "| rule | errors stated | happened | recall, observable | loss | precision | loss | false alarms | splits |",
        "|---|---|--:|--:|--:|--:|--:|--:|--:|",
        *table(found),
    ]
    RESULTS.mkdir(exist_ok=True)
    (RESULTS / "declared_errors.md").write_text("\n".join(page) + "\n", encoding="utf-8")
    print("\n".join(page))
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
