"""Are both parties treated alike? Two proofs.

Exact: exchange the parties' names in a world, and every result must be exchanged and nothing else may move
(`mirrored`). Statistical: over many seeds, recall, false alarms and attribution of A and of B must differ by
no more than chance (`compare`), which also catches a bias that hides behind geography. How small a bias would
still be caught is part of the table (`power`).

    python -m tests.benchmarks.impartiality --seeds 101-120 [--keep DIR] [--processes 2] [--scenarios NAME…]

prints, writes and publishes the table; exit 1 if a difference is more than chance.
"""

import argparse
import json
import sys
import zlib
from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from functools import cache, partial
from itertools import repeat
from math import sqrt
from pathlib import Path
from statistics import NormalDist
from typing import Any

import pyarrow as pa

from geodata.contact_line import ContactLine
from geodata.line_file import LineDraft
from monitoring.evaluation import RuleScore, Score, evaluate
from monitoring.evaluation.shares import Rate, Share
from monitoring.simulation import Scenario, Truth, load_scenario, simulate
from tests.benchmarks import quality
from tests.benchmarks.detectors import Detected, Detector, newest, ours, packaged_agreement
from tests.benchmarks.kept import code_fingerprint, kept
from tests.benchmarks.published import RESULTS, circumstances, preface, seeds_of
from tests.benchmarks.scenarios import percent, setting, workers

OTHER = {"A": "B", "B": "A", "A>B": "B>A", "B>A": "A>B"}
NOTHING = Share.of(0, 0)
FALSE_ALARMS = "false alarms"
MEASURES: dict[str, Callable[[RuleScore, str], Share]] = {
    "recall": lambda rule, party: rule.recall_by_party.get(party, NOTHING),
    "recall of violations": lambda rule, party: rule.recall_violation_by_party[party],
    "party right": lambda rule, party: rule.attribution.by_party[party],
    "laid to its doer": lambda rule, party: rule.attribution.laid_to[party],
}
Sides = dict[str, dict[str, dict[str, tuple[float, float]]]]
"""Of one seed: rule → measure → party → (part, whole), of false alarms (count, exposure)."""
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
    "sigma_m",
    "margin",
    "count",
    "probability",
    "confidence",
    "sector",
    "event_ids",
)
FILING_COLUMNS = ("action", "rule_id", "party", "place", "time_start_ns", "priority")


@cache
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
        rows = table.select([*columns, *(("detail",) if name == "findings" else ())]).to_pylist()
        made[name] = sorted(
            (
                (*(_named(row[column], is_swapped) for column in columns), _laid(row, is_swapped))
                for row in rows
            ),
            key=str,
        )
    return made


def _laid(row: dict[str, Any], is_swapped: bool) -> tuple[tuple[Any, float], ...]:
    """How probable it is whose deed a finding is, by party."""
    parties = json.loads(row.get("detail") or "{}").get("attribution", {}).get("parties", {})
    return tuple(sorted((_named(party, is_swapped), prob) for party, prob in parties.items()))


def _named(value: Any, is_swapped: bool) -> Any:
    if isinstance(value, list):
        return tuple(value)
    return OTHER.get(value, value) if is_swapped and isinstance(value, str) else value


def both_ways(
    detect: Detector, name: str, line: ContactLine, seed: int, hours: float
) -> tuple[dict[str, Any], dict[str, Any]]:
    """A detector's results in a world and in the same world with the parties' names exchanged (and back)."""
    agreement = packaged_agreement()
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


def sides(score: Score) -> Sides:
    """The counts of both parties behind one seed's score."""
    made: Sides = {}
    for rule in score.rules:
        measures: dict[str, dict[str, tuple[float, float]]] = {}
        for name, of in MEASURES.items():
            measures[name] = {party: (of(rule, party).part, of(rule, party).whole) for party in "AB"}
        rates = {party: rule.false_alarm_rate_by_party[party] for party in "AB"}
        measures[FALSE_ALARMS] = {party: (rate.count, rate.exposure) for party, rate in rates.items()}
        made[rule.rule_id] = measures
    return made


def compare(scenario: str, seeds: list[Sides]) -> list[Comparison]:
    """Recall, attribution and false alarms of A beside those of B, seeds pooled."""
    made = []
    for rule_id in sorted({rule_id for seed in seeds for rule_id in seed}):
        of_rule = [seed[rule_id] for seed in seeds if rule_id in seed]
        for name in MEASURES:
            a, b = (Share.pooled(Share.of(*map(int, one[name][party])) for one in of_rule) for party in "AB")
            if a.whole and b.whole:
                made.append(Comparison(scenario, rule_id, name, a, b, p_of_shares(a, b)))
        blamed = [
            Rate.pooled(
                Rate.of(int(one[FALSE_ALARMS][party][0]), one[FALSE_ALARMS][party][1]) for one in of_rule
            )
            for party in "AB"
        ]
        if blamed[0].count + blamed[1].count:
            made.append(Comparison(scenario, rule_id, FALSE_ALARMS, *blamed, p_of_rates(*blamed)))
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
    return 2.0 * NormalDist().cdf(-abs(z))


def power(a: Share, b: Share, lost: float, comparisons: int) -> float:
    """How likely it is that the table calls it a bias if the share `lost` of one party's findings is dropped.

    Normal approximation of the power of the two-proportion test at `P_LEAST` over all comparisons, from the
    numbers of happenings and the common recall of `a` and `b`.
    """
    found = (a.part + b.part) / (a.whole + b.whole)
    left = found * (1 - lost)
    middle = (found * a.whole + left * b.whole) / (a.whole + b.whole)
    by_chance = sqrt(middle * (1 - middle) * (1 / a.whole + 1 / b.whole))
    spread = sqrt(found * (1 - found) / a.whole + left * (1 - left) / b.whole)
    needed = NormalDist().inv_cdf(1 - P_LEAST / comparisons / 2) * by_chance
    if spread == 0:
        return float(found - left > needed)
    return NormalDist().cdf((found - left - needed) / spread)


def loss_seen(a: Share, b: Share, comparisons: int) -> float | None:
    """The smallest loss, in steps of 1 %, that would be called a bias nine times in ten; None if none would."""
    losses = (percents / 100 for percents in range(1, 101))
    return next((lost for lost in losses if power(a, b, lost, comparisons) >= 0.9), None)


def overlooking(found: Detected, party: str, share: float, rule_id: str | None = None) -> Detected:
    """The same results with a planted bias: a share of a party's happenings is overlooked.

    A finding is a party's if it is laid to it, or, where it is laid to nobody, if its subject came from that
    party's side.
    """
    columns = ("party", "direction", "side", "rule_id", "incident_id", "subject_key", "time_start_ns")
    rows = found.findings.select(list(columns)).to_pylist()
    home: dict[str, str | None] = {}
    for row in sorted(rows, key=lambda row: row["time_start_ns"]):
        home.setdefault(row["subject_key"], row["direction"][0] if row["direction"] else row["side"])
    keep = []
    for row in rows:
        lot = zlib.crc32((row["incident_id"] or row["subject_key"]).encode()) / 2**32
        is_theirs = (row["party"] or home[row["subject_key"]]) == party
        keep.append(not is_theirs or rule_id not in {None, row["rule_id"]} or lot >= share)
    return replace(found, findings=found.findings.filter(pa.array(keep)))


def blind_to(party: str, share: float) -> Detector:
    """Ours with a planted bias: it overlooks a share of what one party does."""
    return lambda run, line, agreement: overlooking(ours(run, line, agreement), party, share)


def detected(
    detect: Detector, scenario: Scenario | str, seeds: Iterable[int], hours: float, line: ContactLine
) -> list[tuple[Truth, Detected]]:
    """Truth and results of each seed."""
    agreement = packaged_agreement()
    made = []
    for seed in seeds:
        run = simulate(scenario, line, agreement, seed=seed, hours=hours)
        found = detect(run, line, agreement)
        made.append((run.truth(), found))
    return made


def judged(pairs: Iterable[tuple[Truth, Detected]]) -> list[Sides]:
    """The counts of both parties for each seed."""
    return [sides(evaluate(truth, found.findings, found.incidents)) for truth, found in pairs]


def published(comparisons: list[Comparison]) -> list[dict[str, Any]]:
    """The comparisons as they are published."""
    made = []
    for c in comparisons:
        a, b = (quality.measured(value.__dict__) for value in (c.a, c.b))
        is_recall = c.measure.startswith("recall") and isinstance(c.a, Share) and isinstance(c.b, Share)
        made.append(
            {
                "scenario": c.scenario,
                "rule_id": c.rule_id,
                "measure": c.measure,
                "a": a,
                "b": b,
                "difference": a["value"] - b["value"],
                "p": c.p,
                "within_chance": c.is_fair(len(comparisons)),
                "loss_seen": loss_seen(c.a, c.b, len(comparisons)) if is_recall else None,
            }
        )
    return made


def table(comparisons: list[Comparison]) -> list[str]:
    """Markdown, a line a comparison."""
    lines = ["| scenario | rule | measure | A | B | p | | loss seen |", "|---|---|---|--:|--:|--:|---|--:|"]
    for c, record in zip(comparisons, published(comparisons), strict=True):
        verdict = "chance" if record["within_chance"] else "BIAS"
        loss = "-" if record["loss_seen"] is None else f"{100 * record['loss_seen']:.0f} %"
        lines.append(
            f"| {c.scenario} | {c.rule_id} | {c.measure} | {_shown(c.a)} | {_shown(c.b)} | {c.p:.3f} | {verdict} "
            f"| {loss} |"
        )
    return lines


def _shown(value: Share | Rate) -> str:
    if isinstance(value, Share):
        return f"{percent(value)} of {value.whole}"
    if value.value is None or value.low is None or value.high is None:
        return str(value.count)
    return f"{value.value:.2f} [{value.low:.2f}, {value.high:.2f}] a day, 100 km"


def _seed(name: str, seed: int, hours: float, keep: Path | None) -> Sides:
    return kept(
        keep,
        f"sides-{name}-{seed}-{hours:g}h",
        lambda: judged(detected(ours, name, [seed], hours, setting()[0]))[0],
    )


def _is_exact(name: str, seed: int, hours: float, keep: Path | None) -> bool:
    def exchanged() -> bool:
        plain, swapped = both_ways(ours, name, setting()[0], seed, hours)
        return plain == swapped

    return bool(kept(keep, f"exchanged-{name}-{seed}-{hours:g}h", exchanged))


def main(arguments: list[str]) -> int:
    """The command line."""
    parser = argparse.ArgumentParser(prog="python -m tests.benchmarks.impartiality", description=__doc__)
    parser.add_argument("--seeds", default="101-120")
    parser.add_argument("--scenarios", nargs="*", default=["busy-day", "probing"])
    parser.add_argument("--hours", type=float, default=24.0)
    parser.add_argument(
        "--keep", type=Path, default=None, metavar="DIR", help="keep, and take up, results there"
    )
    parser.add_argument("--processes", type=int, default=1)
    given = parser.parse_args(arguments)
    seeds, comparisons = seeds_of(given.seeds), []
    with workers(given.processes) as mapped:
        for name in given.scenarios:
            work = partial(_seed, hours=given.hours, keep=given.keep)
            comparisons += compare(name, list(mapped(work, repeat(name), seeds)))
        check = partial(_is_exact, seed=seeds[0], hours=min(given.hours, 6.0), keep=given.keep)
        exact = dict(zip(given.scenarios, mapped(check, given.scenarios), strict=True))
    said = circumstances(
        seeds=given.seeds,
        hours=f"{given.hours:g}",
        line=setting()[0].version,
        code=code_fingerprint(),
    )
    page = [
        "# Impartiality: A beside B",
        *preface(said),
        f"Differences are called a bias below p = {P_LEAST} over all {len(comparisons)} comparisons (Bonferroni). "
        "*Loss seen*: a detector that drops this share of one party's findings would be called biased by that line "
        "in nine of ten such tables.",
        "",
        *table(comparisons),
        "",
        "Names of the parties exchanged, everything else exchanged with them and nothing moved:",
        *(f"- {name}, seed {seeds[0]}: {'yes' if is_exact else 'NO'}" for name, is_exact in exact.items()),
    ]
    RESULTS.mkdir(exist_ok=True)
    (RESULTS / "impartiality.md").write_text("\n".join(page) + "\n", encoding="utf-8")
    content = {"circumstances": said, "comparisons": published(comparisons), "exchanged": exact}
    text = json.dumps(content, sort_keys=True, indent=1)
    (RESULTS / "impartiality.json").write_text(text + "\n", encoding="utf-8")
    quality.publish()
    print("\n".join(page))
    return 0 if all(c.is_fair(len(comparisons)) for c in comparisons) and all(exact.values()) else 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
