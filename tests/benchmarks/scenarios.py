"""Ours and the naive detector on the packaged scenarios, scored by the same tool: a table that can be published.

    python -m tests.benchmarks.scenarios --seeds 101-120 [--keep DIR] [--processes 2] [--hours H] [--minutes M]

Seeds 1-20 are for tuning, 101-120 for published tables. Runs go seed by seed through all scenarios, so that
stopping early (`--minutes`) leaves whole seeds; with `--keep` a run that was stopped goes on where it was. A
table of all scenarios is also published as data (`tests.benchmarks.quality`).
"""

import argparse
import json
import os
import sys
import time
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ProcessPoolExecutor
from contextlib import contextmanager
from dataclasses import asdict
from functools import cache, partial
from itertools import repeat
from multiprocessing import get_context
from pathlib import Path
from typing import Any

from api.quality import published_quality
from geodata.contact_line import ContactLine, packaged_line
from monitoring.agreement import Agreement
from monitoring.evaluation import CaseScore, evaluate
from monitoring.evaluation.shares import Rate, Share
from monitoring.simulation import load_scenario, scenario_names, simulate
from tests.benchmarks import quality
from tests.benchmarks.detectors import DETECTORS, packaged_agreement
from tests.benchmarks.kept import code_fingerprint, kept
from tests.benchmarks.published import RESULTS, circumstances, preface, seeds_of
from tests.benchmarks.tally import SHARES, Tally

Scored = dict[str, Any]
"""One scenario and seed: `scenario`, `seed`, `hours`, `cpu_s`, `rules`: [{rule_id, detector, tally}]."""
Rows = list[dict[str, Any]]
"""A scenario, rule and detector each, over its seeds: names, `seeds`, `hours` and a summary."""
WEEK = "long-week"
FLOOD_HOURS = 2.0
"""The flood is a test of endurance: a few hours are as good as a day."""


@cache
def setting() -> tuple[ContactLine, Agreement]:
    """The shipped line and agreement."""
    return packaged_line(), packaged_agreement()


def hours_of(name: str, hours: float) -> float:
    """How much of a scenario is run where `hours` of a day are asked for."""
    if name == "flood":
        return min(hours, FLOOD_HOURS)
    return hours * load_scenario(name).days


def score_seed(name: str, seed: int, hours: float, keep: Path | None) -> Scored:
    """Both detectors on one scenario and seed."""
    lasts = hours_of(name, hours)
    return kept(keep, f"{name}-{seed}-{lasts:g}h", lambda: _score_seed(name, seed, lasts))


def _score_seed(name: str, seed: int, hours: float) -> Scored:
    line, agreement = setting()
    began = time.process_time()
    rules: list[dict[str, Any]] = []
    cases: CaseScore | None = None
    run = simulate(load_scenario(name), line, agreement, seed=seed, hours=hours)
    for detector, detect in DETECTORS.items():
        found = detect(run, line, agreement)
        score = evaluate(
            run.truth(),
            found.findings,
            found.incidents,
            published_ns=found.published_ns,
            filings=found.filings if detector == "ours" else None,
        )
        cases = cases or score.cases
        rules += [
            {"rule_id": rule.rule_id, "detector": detector, "tally": asdict(Tally.of(rule))}
            for rule in score.rules
        ]
    spent = round(time.process_time() - began, 1)
    filed = None if cases is None else [cases.opened, cases.false, cases.innocent]
    return {"scenario": name, "seed": seed, "hours": hours, "cpu_s": spent, "rules": rules, "cases": filed}


def pooled(scored: Iterable[Scored]) -> Rows:
    """Seeds added up, ordered by scenario, rule and detector."""
    parts: dict[tuple[str, str, str], list[tuple[Scored, Tally]]] = {}
    for one in scored:
        for rule in one["rules"]:
            key = (one["scenario"], rule["rule_id"], rule["detector"])
            parts.setdefault(key, []).append((one, Tally.from_json(rule["tally"])))
    order = list(DETECTORS)
    return [
        {
            "scenario": scenario,
            "rule_id": rule_id,
            "detector": detector,
            "seeds": sorted(one["seed"] for one, _ in many),
            "hours": many[0][0]["hours"],
            **Tally.added(tally for _, tally in many).summary(),
        }
        for (scenario, rule_id, detector), many in sorted(
            parts.items(), key=lambda item: (*item[0][:2], order.index(item[0][2]))
        )
    ]


def table(rows: Rows) -> list[str]:
    """Markdown: a line a scenario, rule and detector; shares in per cent with 95 % intervals.

    Recall and precision are over asserted reports; *told beside* counts those that are only told, and the two
    columns behind it are over everything told. *counted / noticed* holds the count of phenomena against those that a
    sensor reported, *noticed / true* is what counting each of them once would give.
    """
    lines = [
        "| scenario | rule | detector | seeds | happened | recall | recall, observable | precision "
        "| told beside | all told: observable | precision "
        "| violations: recall | precision | false alarms | a day, 100 km | splits | merges "
        "| party right | undetermined | inside 90 % | counted / true "
        "| observable: counted / noticed | noticed / true |",
        "|---|---|---|--:|--:|--:|--:|--:|--:|--:|--:|--:|--:|--:|--:|--:|--:|--:|--:|--:|--:|--:|--:|",
    ]
    for row in rows:
        counted, noticed, happened = row["counted"]
        false = row["false_alarms"]
        cells = (
            row["scenario"],
            row["rule_id"],
            row["detector"],
            str(len(row["seeds"])),
            str(row["recall"].whole),
            *(percent(row[name]) for name in SHARES[:3]),
            str(row["not_asserted"]),
            *(percent(row[name]) for name in ("told_observable", "told_precision")),
            *(percent(row[name]) for name in SHARES[3:5]),
            str(false.count),
            "-" if false.value is None else f"{false.value:.2f}",
            str(row["splits"]),
            str(row["merges"]),
            *(percent(row[name]) for name in ("party_right", "undetermined", "inside_90")),
            *(ratio(*of) for of in (row["phenomena"], (counted, noticed), (noticed, happened))),
        )
        lines.append("| " + " | ".join(cells) + " |")
    return lines


def attribution_table(scored: Iterable[Scored]) -> list[str]:
    """Markdown: a line a scenario and detector, over all rules; whose deed it was said to be.

    *determined* and *right* are over reports of deeds that sensors could have told the party of, *wrong side* over all
    deeds: those for which the other party was given more than one half.
    """
    tallies: dict[tuple[str, str], list[Tally]] = {}
    for one in scored:
        for rule in one["rules"]:
            tallies.setdefault((one["scenario"], rule["detector"]), []).append(Tally.from_json(rule["tally"]))
    lines = [
        "| scenario | detector | could be told | determined | right | calibration error | all deeds | wrong side "
        "| innocents named a party |",
        "|---|---|--:|--:|--:|--:|--:|--:|--:|",
    ]
    for name in sorted({scenario for scenario, _ in tallies}):
        for detector in DETECTORS:
            row = Tally.added(tallies.get((name, detector), [Tally()])).summary()
            error = row["calibration_error"]
            cells = (
                name,
                detector,
                str(row["determined"].whole),
                *(percent(row[share]) for share in ("determined", "determined_right")),
                "-" if error is None else f"{error:.3f}",
                str(row["wrong_side"].whole),
                *(percent(row[share]) for share in ("wrong_side", "innocents_blamed")),
            )
            lines.append("| " + " | ".join(cells) + " |")
    return lines


def cases_table(scored: list[Scored]) -> list[str]:
    """Markdown: cases of ours over the whole line a day, by scenario; those from results without filings left out."""
    lines = ["| scenario | cases a day | false | of them from innocent causes |", "|---|--:|--:|--:|"]
    for name in sorted({one["scenario"] for one in scored if one.get("cases")}):
        many = [one for one in scored if one["scenario"] == name and one.get("cases")]
        days = sum(one["hours"] for one in many) / 24.0
        rates = [Rate.of(sum(one["cases"][i] for one in many), days) for i in range(3)]
        lines.append("| " + " | ".join([name, *(_rate(rate) for rate in rates)]) + " |")
    return lines


def _rate(rate: Rate) -> str:
    return "-" if rate.value is None else f"{rate.value:.1f} [{rate.low:.1f}, {rate.high:.1f}]"


def ratio(part: float, whole: float) -> str:
    """`0.97`, or `-`."""
    return f"{part / whole:.2f}" if whole else "-"


def percent(share: Share) -> str:
    """`84 [70, 92]`, or `-`."""
    if share.value is None or share.low is None or share.high is None:
        return "-"
    return f"{100 * share.value:.0f} [{100 * share.low:.0f}, {100 * share.high:.0f}]"


@contextmanager
def workers(processes: int) -> Iterator[Callable[..., Iterator[Any]]]:
    """`map`, in this process or over several, all of them nice."""
    os.nice(10)
    if processes == 1:
        yield map
        return
    with ProcessPoolExecutor(processes, mp_context=get_context("spawn")) as pool:
        yield pool.map


def main(arguments: list[str]) -> int:
    """The command line."""
    parser = argparse.ArgumentParser(prog="python -m tests.benchmarks.scenarios", description=__doc__)
    parser.add_argument("--seeds", default="101-120")
    parser.add_argument("--scenarios", nargs="*", default=scenario_names())
    parser.add_argument("--hours", type=float, default=24.0, help="of each day")
    parser.add_argument("--minutes", type=float, default=None, help="begin no further seed after this time")
    parser.add_argument("--week-seeds", type=int, default=2, help=f"run {WEEK} for so many seeds only")
    parser.add_argument(
        "--keep", type=Path, default=None, metavar="DIR", help="keep, and take up, results there"
    )
    parser.add_argument("--processes", type=int, default=1)
    parser.add_argument("--name", default="scenarios", help="of the files in tests/benchmarks/results")
    given = parser.parse_args(arguments)
    scored: list[Scored] = []
    began = time.monotonic()
    # The longest first, so that no process waits for it alone at the end of a seed.
    names = sorted(given.scenarios, key=lambda name: -load_scenario(name).days)
    with workers(given.processes) as mapped:
        for number, seed in enumerate(seeds_of(given.seeds)):
            if given.minutes is not None and time.monotonic() - began > given.minutes * 60:
                break
            todo = [name for name in names if name != WEEK or number < given.week_seeds]
            work = partial(score_seed, hours=given.hours, keep=given.keep)
            scored += mapped(work, todo, repeat(seed))
            print(f"seed {seed}: {time.monotonic() - began:.0f} s so far", file=sys.stderr)
    write(scored, given.name, given.seeds)
    published = {one.name for one in published_quality().scenarios}
    if given.name == "scenarios" and {one["scenario"] for one in scored} >= published:
        quality.publish()
    return 0


def write(scored: list[Scored], name: str, asked_for: str) -> None:
    """The table as Markdown and as JSON among the results."""
    line, agreement = setting()
    said = circumstances(
        seeds=", ".join(map(str, sorted({one["seed"] for one in scored}))),
        asked_for=asked_for,
        hours=", ".join(sorted({f"{one['scenario']} {one['hours']:g}" for one in scored})),
        line=line.version,
        agreement=agreement.version,
        code=code_fingerprint(),
        cpu_s=round(sum(one["cpu_s"] for one in scored)),
    )
    rows = pooled(scored)
    RESULTS.mkdir(exist_ok=True)
    page = ["# Scenarios: ours and the naive detector", *preface(said), *table(rows)]
    page += ["", "## Whose deed it was", "", *attribution_table(scored)]
    page += ["", "## Cases over the whole line", "", *cases_table(scored)]
    (RESULTS / f"{name}.md").write_text("\n".join(page) + "\n", encoding="utf-8")
    content = {"circumstances": said, "scores": [_plain(row) for row in rows]}
    text = json.dumps(content, sort_keys=True, indent=1)
    (RESULTS / f"{name}.json").write_text(text + "\n", encoding="utf-8")


def _plain(values: dict[str, Any]) -> dict[str, Any]:
    return {
        name: value.__dict__ if isinstance(value, Share | Rate) else value for name, value in values.items()
    }


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
