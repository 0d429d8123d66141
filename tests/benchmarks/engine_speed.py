"""How fast the engine is with everything in it: association, attribution, coverage and filing, on one core.

    python -m tests.benchmarks.engine_speed [--runs N] [--days D]

CPU time of all threads of this process, the best of several runs of one day with events in memory, by how far apart
the ticks are: a tick costs something whatever it brings, so that few long ones (a file) are cheaper than many short
ones (live). A step's share is what is spent in the functions of `STEPS`. Peak memory is that of a process of its own
in which simulator and engine go through many days in ticks of six hours, with what is published let go of.
"""

import argparse
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import wraps
from types import ModuleType
from typing import Any, Final

import pyarrow as pa
from msgspec import structs

from geodata.contact_line import packaged_line
from monitoring import coverage, incidents, schema
from monitoring.cases import filing
from monitoring.pipeline import Engine, engine, tracking, windows
from monitoring.simulation import Run, load_scenario, simulate
from tests.benchmarks.detectors import STEP_S, admitted, packaged_agreement, parameters_of
from tests.benchmarks.published import RESULTS, circumstances, peak_mb, preface

GOAL_PER_S: Final = 150_000
SCENARIO: Final = "busy-day"
LARGE: Final = "large"
TICKS: Final = {"30 min": 1, "6 h": 12, "a day": 48}
"""Deliveries of half an hour to a tick."""
STEPS: Final[dict[str, tuple[tuple[ModuleType, str], ...]]] = {
    "tracks and their rules": ((tracking, "advance"),),
    "association": ((incidents, "step"),),
    "rules of places": ((windows, "advance"),),
    "attribution": ((engine, "attribute"),),
    "filing": ((filing, "step"),),
    "coverage": ((coverage, "step"), (coverage, "with_coverage")),
}
"""By step the functions in which its time is spent; what is left is putting events in order."""


def _joined(run: Run, deliveries: int) -> list[tuple[int, pa.Table]]:
    """Reference times and EVENTS, so many deliveries to each."""
    every = admitted(run)
    parts = [every[i : i + deliveries] for i in range(0, len(every), deliveries)]
    return [(part[-1][0], pa.concat_tables([table for _, table in part]).combine_chunks()) for part in parts]


@contextmanager
def _timed() -> Iterator[dict[str, float]]:
    """CPU seconds by step, while it lasts."""
    spent = dict.fromkeys(STEPS, 0.0)
    before = [(where, name, getattr(where, name)) for of in STEPS.values() for where, name in of]

    def watched(step: str, function: Callable[..., Any]) -> Callable[..., Any]:
        @wraps(function)
        def call(*given: Any, **named: Any) -> Any:
            began = time.process_time()
            try:
                return function(*given, **named)
            finally:
                spent[step] += time.process_time() - began

        return call

    for step, of in STEPS.items():
        for where, name in of:
            setattr(where, name, watched(step, getattr(where, name)))
    try:
        yield spent
    finally:
        for where, name, function in before:
            setattr(where, name, function)


def measured(run: Run, deliveries: int, runs: int) -> tuple[int, float, dict[str, float]]:
    """Events of a run, and the best CPU time (s) of judging them, whole and by step."""
    line, agreement = packaged_line(), packaged_agreement()
    batches, parameters = _joined(run, deliveries), parameters_of(run, line, agreement)
    best, of_best = float("inf"), dict.fromkeys(STEPS, 0.0)
    for _ in range(runs + 1):  # the first one also builds indexes
        with _timed() as spent:
            began = time.process_time()
            judge = Engine(parameters)
            for reference_ns, table in batches:
                judge.feed(table)
                judge.tick(reference_ns)
            judge.tick(batches[-1][0], end_of_input=True)
            whole = time.process_time() - began
        if whole < best:
            best, of_best = whole, dict(spent)
    return sum(table.num_rows for _, table in batches), best, of_best


def large(days: int) -> None:
    """Judges some days like the busy one; prints their events, CPU seconds and the peak memory (MB) after the first
    quarter of the days and at the end."""
    line, agreement = packaged_line(), packaged_agreement()
    run = simulate(structs.replace(load_scenario(SCENARIO), days=days), line, agreement, seed=1)
    judge = Engine(parameters_of(run, line, agreement))
    count, seconds, reference_ns, early_mb = 0, 0.0, run.from_ns, 0
    address = {"journal_seq": pa.int64(), "row": pa.int32(), "flags": pa.uint16()}
    for number, (reference_ns, arrived) in enumerate(run.deliveries(12 * STEP_S), 1):
        nothing = {name: pa.array([0] * arrived.num_rows, kind) for name, kind in address.items()}
        columns = [
            nothing[f.name] if f.name in nothing else arrived.column(f.name).combine_chunks()
            for f in schema.EVENTS
        ]
        began = time.process_time()
        judge.feed(pa.Table.from_arrays(columns, schema=schema.EVENTS))
        judge.tick(reference_ns)
        seconds += time.process_time() - began
        count += arrived.num_rows
        if number == days:
            early_mb = peak_mb()
    judge.tick(reference_ns, end_of_input=True)
    print(count, round(seconds, 1), early_mb, peak_mb())


def main(arguments: list[str]) -> int:
    """The command line."""
    parser = argparse.ArgumentParser(prog="python -m tests.benchmarks.engine_speed", description=__doc__)
    parser.add_argument("--runs", type=int, default=3)
    parser.add_argument("--days", type=int, default=7)
    parser.add_argument("part", nargs="?", choices=[LARGE])
    given = parser.parse_args(arguments)
    if given.part == LARGE:
        large(given.days)
        return 0
    run = simulate(load_scenario(SCENARIO), packaged_line(), packaged_agreement(), seed=1)
    rows = [
        f"| a tick each | events | CPU s | events/s | of the goal | {' | '.join(STEPS)} | the rest |",
        f"|---|{'--:|' * (5 + len(STEPS))}",
    ]
    for name, deliveries in TICKS.items():
        count, seconds, of_step = measured(run, deliveries, given.runs)
        speed = count / seconds
        parts = [*of_step.values(), seconds - sum(of_step.values())]
        shares = " | ".join(f"{part / seconds:.0%}" for part in parts)
        rows.append(
            f"| {name} | {count:,} | {seconds:.2f} | {speed:,.0f} | {speed / GOAL_PER_S:.0%} | {shares} |"
        )
    command = [sys.executable, "-m", "tests.benchmarks.engine_speed", LARGE, "--days", str(given.days)]
    told = subprocess.run(command, check=True, capture_output=True, text=True).stdout.split()
    count_, seconds_, early_mb, late_mb = int(told[0]), float(told[1]), *told[2:]
    said = circumstances(scenario=f"{SCENARIO}, seed 1", runs=given.runs, goal=f"{GOAL_PER_S:,} events/s")
    page = [
        "# Speed and size of the engine",
        *preface(said),
        *rows,
        "",
        f"{given.days} such days, {count_:,} events, a tick each 6 h: {count_ / seconds_:,.0f} events/s, peak memory "
        f"{early_mb} MB after a quarter of them and {late_mb} MB at the end, the simulator's own included.",
    ]
    RESULTS.mkdir(exist_ok=True)
    (RESULTS / "engine_speed.md").write_text("\n".join(page) + "\n", encoding="utf-8")
    print("\n".join(page))
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
