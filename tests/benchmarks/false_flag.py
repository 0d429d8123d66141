"""Staged fire: how often the wrong party is given more than one half, over seeded variants of `false-flag`.

    python -m tests.benchmarks.false_flag --seeds 1-200 [--hours 6] [--keep DIR] [--processes 2]

Each seed is a variant: how much fire is staged, how much is ordinary, how far beyond the line the staging groups
stand and where their shells fall are drawn anew, and so is the time of day. Ours is compared with the rule that so
much staging counts on: a launch is the deed of whoever holds the ground, an impact that of the other side.
"""

import argparse
import json
import sys
from itertools import repeat
from pathlib import Path
from typing import Any, Final

import numpy as np
from msgspec.structs import replace

from geodata.contact_line import packaged_line
from monitoring.evaluation import evaluate
from monitoring.evaluation.shares import Share
from monitoring.simulation import DEMO_DATE, load_scenario, period, simulate
from monitoring.simulation.scenario import Scenario
from tests.benchmarks.detectors import DETECTORS, packaged_agreement
from tests.benchmarks.kept import code_fingerprint, kept
from tests.benchmarks.published import RESULTS, circumstances, preface, seeds_of
from tests.benchmarks.scenarios import percent, workers

STAGED: Final = ("own-ground-shelled", "mortar-from-beyond", "shots-from-beyond")
FROM_BEYOND: Final = ("mortar-from-beyond", "shots-from-beyond")
RULE: Final = "ceasefire_fire"
MEASURES: Final = ("wrong_side", "determined", "right", "named")
DAY_H: Final = 24.0


def variant(seed: int) -> Scenario:
    """The scenario of one seed. Groups slip across no further than the packaged scenario lets them."""
    base = load_scenario("false-flag")
    rng = np.random.default_rng(seed)
    fires = []
    for fire in base.fires:
        if fire.kind == "works" or "civilian" in fire.parties:
            fires.append(fire)
            continue
        more = float(rng.uniform(1.0, 4.0) if fire.name in STAGED else rng.uniform(0.5, 2.0))
        changes: dict[str, Any] = {"per_day_100km": fire.per_day_100km * more}
        if fire.name in FROM_BEYOND:
            low, high = fire.offset_km
            changes["offset_km"] = tuple(np.sort(rng.uniform(low, high, 2)).round(3).tolist())
        if fire.target_km is not None and fire.name in STAGED:
            low, high = fire.target_km
            changes["target_km"] = tuple(np.sort(rng.uniform(low, high, 2)).round(3).tolist())
        fires.append(replace(fire, **changes))
    return replace(base, fires=tuple(fires))


def score_seed(seed: int, hours: float, keep: Path | None) -> dict[str, Any]:
    """Both detectors on one variant: counts (part, whole) by detector and measure."""
    return kept(keep, f"false-flag-variant-{seed}-{hours:g}h", lambda: _score_seed(seed, hours))


def _score_seed(seed: int, hours: float) -> dict[str, Any]:
    line, agreement = packaged_line(), packaged_agreement()
    begin_ns, _ = period(DEMO_DATE, agreement.reporting.zone, agreement.reporting.cut_off)
    later_h = float(np.random.default_rng([seed, 1]).uniform(0.0, DAY_H))
    counts: dict[str, dict[str, list[int]]] = {}
    for detector, detect in DETECTORS.items():
        start_ns = begin_ns + round(later_h * 3_600) * 1_000_000_000
        run = simulate(variant(seed), line, agreement, seed=seed, hours=hours, start_ns=start_ns)
        found = detect(run, line, agreement)
        score = evaluate(run.truth(), found.findings, found.incidents)
        for rule in score.rules:
            if rule.rule_id == RULE:
                whose = rule.attribution
                shares = (
                    whose.wrong_side,
                    whose.determinable.determined,
                    whose.determinable.right,
                    whose.right,
                )
                counts[detector] = {
                    name: [share.part, share.whole] for name, share in zip(MEASURES, shares, strict=True)
                }
    return {"seed": seed, "counts": counts}


def pooled(scored: list[dict[str, Any]]) -> dict[str, dict[str, Share]]:
    """By detector: all variants as one, and `variants`, the share of those with any deed on the wrong side."""
    made: dict[str, dict[str, Share]] = {}
    for detector in DETECTORS:
        own = [one["counts"][detector] for one in scored if detector in one["counts"]]
        made[detector] = {
            name: Share.of(sum(c[name][0] for c in own), sum(c[name][1] for c in own)) for name in MEASURES
        }
        made[detector]["variants"] = Share.of(sum(c["wrong_side"][0] > 0 for c in own), len(own))
    return made


def page(shares: dict[str, dict[str, Share]], said: dict[str, Any]) -> str:
    """The table as Markdown: per cent with 95 % intervals."""
    lines = [
        "# Staged fire: variants of `false-flag`",
        *preface(said),
        "| detector | deeds matched | wrong side above 50 % | determinable, of them determined | of those right "
        "| right where named, all | variants with any on the wrong side |",
        "|---|--:|--:|--:|--:|--:|--:|",
    ]
    for detector, own in shares.items():
        cells = [percent(own[name]) for name in (*MEASURES, "variants")]
        lines.append("| " + " | ".join([detector, str(own["wrong_side"].whole), *cells]) + " |")
    return "\n".join(lines) + "\n"


def main(arguments: list[str]) -> int:
    """The command line."""
    parser = argparse.ArgumentParser(prog="python -m tests.benchmarks.false_flag", description=__doc__)
    parser.add_argument("--seeds", default="1-200", help="1-50 were looked at while the models were made")
    parser.add_argument("--hours", type=float, default=6.0)
    parser.add_argument(
        "--keep", type=Path, default=None, metavar="DIR", help="keep, and take up, results there"
    )
    parser.add_argument("--processes", type=int, default=1)
    parser.add_argument("--name", default="false_flag", help="of the files in tests/benchmarks/results")
    given = parser.parse_args(arguments)
    seeds = seeds_of(given.seeds)
    with workers(given.processes) as mapped:
        scored = list(mapped(score_seed, seeds, repeat(given.hours), repeat(given.keep)))
    said = circumstances(
        seeds=given.seeds,
        hours=given.hours,
        line=packaged_line().version,
        agreement=packaged_agreement().version,
        code=code_fingerprint(),
    )
    shares = pooled(scored)
    RESULTS.mkdir(exist_ok=True)
    (RESULTS / f"{given.name}.md").write_text(page(shares, said), encoding="utf-8")
    content = {
        "circumstances": said,
        "shares": {d: {name: share.__dict__ for name, share in own.items()} for d, own in shares.items()},
        "variants": scored,
    }
    (RESULTS / f"{given.name}.json").write_text(
        json.dumps(content, sort_keys=True, indent=1) + "\n", encoding="utf-8"
    )
    print(page(shares, said))
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
