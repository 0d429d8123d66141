"""Are both parties treated alike? Two proofs.

Exact: exchange the parties' names in a world, and every result must be exchanged and nothing else may move
(`mirrored`). Statistical: over many seeds, recall, false alarms and attribution of A and of B must differ by
no more than chance (`compare`), which also catches a bias that hides behind geography.

    python -m tests.benchmarks.impartiality --seeds 101-120 [--scenarios NAME…] [--hours H]

prints and writes the table that a release publishes; exit 1 if a difference is more than chance.
"""

import argparse
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from math import erf, sqrt
from typing import Any

import pyarrow as pa

from geodata.contact_line import ContactLine, packaged_line
from geodata.line_file import LineDraft
from monitoring.evaluation import Score, evaluate
from monitoring.evaluation.shares import Rate, Share
from monitoring.simulation import load_scenario, simulate
from tests.benchmarks.detectors import Detected, Detector, minimal_agreement, newest, ours
from tests.benchmarks.published import RESULTS, circumstances, preface, seeds_of
from tests.benchmarks.scenarios import percent

OTHER = {"A": "B", "B": "A", "A>B": "B>A", "B>A": "A>B"}
NOTHING = Share.of(0, 0)
P_LEAST = 0.01
"""A difference as large by chance alone less often than this, over all comparisons together, is a bias."""
FINDING_COLUMNS = (
    "rule_id",
    "verdict",
    "time_start_ns",
    "time_end_ns",
    "lon",
    "lat",
    "side",
    "direction",
    "party",
    "distance_m",
    "margin",
    "count",
    "sector",
    "event_ids",
)
FILING_COLUMNS = ("action", "rule_id", "party", "place", "time_start_ns", "priority")


def mirrored(line: ContactLine) -> ContactLine:
    """The same line with the names of its sides exchanged."""
    vertices = tuple(zip(line.lon.tolist(), line.lat.tolist(), strict=True))
    draft = LineDraft(vertices, line.label)
    return ContactLine.from_draft(replace(draft, left_side=OTHER[line.left_side], sigma_m=line.sigma_m))


def results(detected: Detected, is_swapped: bool) -> dict[str, list[tuple[Any, ...]]]:
    """What a detector said, names of the sides exchanged back if they were, ids left out; sorted."""
    tables = {
        "findings": (newest(detected.findings, "finding_id"), FINDING_COLUMNS),
        "filings": (detected.filings, FILING_COLUMNS),
    }
    made = {}
    for name, (table, columns) in tables.items():
        rows = table.select(list(columns)).to_pylist()
        made[name] = sorted(
            (tuple(_named(row[column], is_swapped) for column in columns) for row in rows), key=str
        )
    return made


def _named(value: Any, is_swapped: bool) -> Any:
    if isinstance(value, list):
        return tuple(value)
    return OTHER.get(value, value) if is_swapped and isinstance(value, str) else value


def both_ways(
    detect: Detector, name: str, line: ContactLine, seed: int, hours: float
) -> tuple[dict[str, Any], dict[str, Any]]:
    """A detector's results in a world and in the same world with the parties' names exchanged (and back)."""
    agreement = minimal_agreement()
    scenario = load_scenario(name)
    plain = detect(simulate(scenario, line, agreement, seed=seed, hours=hours), line, agreement)
    other = mirrored(line)
    swapped = detect(simulate(scenario.swapped(), other, agreement, seed=seed, hours=hours), other, agreement)
    return results(plain, False), results(swapped, True)


@dataclass(frozen=True)
class Comparison:
    """One measure for both parties; `p` is how likely a difference at least this large is by chance."""

    scenario: str
    rule_id: str
    measure: str
    a: Share | Rate
    b: Share | Rate
    p: float

    def is_fair(self, comparisons: int) -> bool:
        """Whether the difference may be chance, given that so many comparisons were made (Bonferroni)."""
        return self.p >= P_LEAST / max(comparisons, 1)


def compare(scenario: str, scores: list[Score]) -> list[Comparison]:
    """Recall, attribution and false alarms of A beside those of B, seeds pooled."""
    made = []
    for rule_id in sorted({rule.rule_id for score in scores for rule in score.rules}):
        rules = [rule for score in scores for rule in score.rules if rule.rule_id == rule_id]
        measures: list[tuple[str, Callable[[Any, str], Share]]] = [
            ("recall", lambda rule, party: rule.recall_by_party.get(party, NOTHING)),
            ("recall of violations", lambda rule, party: rule.recall_violation_by_party[party]),
            ("party right", lambda rule, party: rule.attribution.by_party[party]),
            ("laid to its doer", lambda rule, party: rule.attribution.laid_to[party]),
        ]
        for name, of in measures:
            a, b = (Share.pooled(of(rule, party) for rule in rules) for party in "AB")
            if a.whole and b.whole:
                made.append(Comparison(scenario, rule_id, name, a, b, p_of_shares(a, b)))
        blamed = [Rate.pooled(rule.false_alarm_rate_by_party[party] for rule in rules) for party in "AB"]
        if blamed[0].count + blamed[1].count:
            made.append(
                Comparison(scenario, rule_id, "false alarms", blamed[0], blamed[1], p_of_rates(*blamed))
            )
    return made


def p_of_shares(a: Share, b: Share) -> float:
    """Two-sided p of equal shares (pooled two-proportion z-test)."""
    pooled = (a.part + b.part) / (a.whole + b.whole)
    spread = sqrt(pooled * (1 - pooled) * (1 / a.whole + 1 / b.whole))
    if spread == 0:
        return 1.0
    return _two_sided((a.part / a.whole - b.part / b.whole) / spread)


def p_of_rates(a: Rate, b: Rate) -> float:
    """Two-sided p of equal rates over the same exposure (normal approximation of the conditional test)."""
    return _two_sided((a.count - b.count) / sqrt(a.count + b.count))


def _two_sided(z: float) -> float:
    return 1.0 - erf(abs(z) / sqrt(2.0))


def blind_to(party: str, share: float) -> Detector:
    """Ours with a planted bias: it overlooks a share of what one party does."""

    def detect(run: Any, line: Any, agreement: Any) -> Detected:
        found = ours(run, line, agreement)
        parties, ids = found.findings["party"].to_pylist(), found.findings["finding_id"].to_pylist()
        keep = [p != party or int(i[-6:], 16) / 16**6 >= share for p, i in zip(parties, ids, strict=True)]
        return replace(found, findings=found.findings.filter(pa.array(keep)))

    return detect


def scored(
    detect: Detector, name: str, seeds: list[int], hours: float, line: ContactLine, density: float = 1.0
) -> list[Score]:
    """A score for each seed."""
    agreement = minimal_agreement()
    scores = []
    for seed in seeds:
        run = simulate(name, line, agreement, seed=seed, hours=hours, density=density)
        found = detect(run, line, agreement)
        scores.append(evaluate(run.truth(), found.findings, found.incidents))
    return scores


def table(comparisons: list[Comparison]) -> list[str]:
    """Markdown, a line a comparison."""
    lines = ["| scenario | rule | measure | A | B | p | |", "|---|---|---|--:|--:|--:|---|"]
    for c in comparisons:
        verdict = "chance" if c.is_fair(len(comparisons)) else "BIAS"
        lines.append(
            f"| {c.scenario} | {c.rule_id} | {c.measure} | {_shown(c.a)} | {_shown(c.b)} | {c.p:.3f} | {verdict} |"
        )
    return lines


def _shown(value: Share | Rate) -> str:
    if isinstance(value, Share):
        return f"{percent(value)} of {value.whole}"
    if value.value is None or value.low is None or value.high is None:
        return str(value.count)
    return f"{value.value:.2f} [{value.low:.2f}, {value.high:.2f}] a day, 100 km"


def main(arguments: list[str]) -> int:
    """The command line."""
    parser = argparse.ArgumentParser(prog="python -m tests.benchmarks.impartiality", description=__doc__)
    parser.add_argument("--seeds", default="101-120")
    parser.add_argument("--scenarios", nargs="*", default=["busy-day", "probing"])
    parser.add_argument("--hours", type=float, default=24.0)
    given = parser.parse_args(arguments)
    line, seeds = packaged_line(), seeds_of(given.seeds)
    began = time.process_time()
    exact = {name: _is_exact(name, line, seeds[0], min(given.hours, 6.0)) for name in given.scenarios}
    comparisons = [
        one for name in given.scenarios for one in compare(name, scored(ours, name, seeds, given.hours, line))
    ]
    said = circumstances(
        seeds=given.seeds,
        hours=f"{given.hours:g}",
        line=line.version,
        cpu_s=round(time.process_time() - began),
    )
    page = [
        "# Impartiality: A beside B",
        *preface(said),
        f"Differences are called a bias below p = {P_LEAST} over all {len(comparisons)} comparisons (Bonferroni).",
        "",
        *table(comparisons),
        "",
        "Names of the parties exchanged, everything else exchanged with them and nothing moved:",
        *(f"- {name}, seed {seeds[0]}: {'yes' if is_exact else 'NO'}" for name, is_exact in exact.items()),
    ]
    RESULTS.mkdir(exist_ok=True)
    (RESULTS / "impartiality.md").write_text("\n".join(page) + "\n", encoding="utf-8")
    print("\n".join(page))
    return 0 if all(c.is_fair(len(comparisons)) for c in comparisons) and all(exact.values()) else 1


def _is_exact(name: str, line: ContactLine, seed: int, hours: float) -> bool:
    plain, swapped = both_ways(ours, name, line, seed, hours)
    return plain == swapped


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
