"""How fast and how large the simulator is: events a second on one core as Arrow and as NDJSON, memory of a week.

    python -m tests.benchmarks.simulation_speed [--runs N]

CPU time of this process, the best of several runs; the line's index is built beforehand. With four times as much
happening on the same line, what it takes to plan the sensors counts less. Peak memory is that of a process of its own.
"""

import argparse
import subprocess
import sys
import time
from collections.abc import Callable

import pyarrow as pa

from geodata.contact_line import packaged_line
from monitoring.simulation import ndjson_bytes, simulate
from tests.benchmarks.published import RESULTS, circumstances, peak_mb, preface

WEEK = "week"
DENSE = 4.0


def measured(consume: Callable[[pa.Table], object], runs: int, density: float = 1.0) -> tuple[int, float]:
    """Events of the busy day, and the best CPU time (s) of planning, simulating and consuming it."""
    line = packaged_line()
    line.locator.locate(line.lon, line.lat)
    best, count = float("inf"), 0
    for _ in range(runs + 1):
        began, count = time.process_time(), 0
        for table in simulate("busy-day", line, seed=1, density=density).tables():
            consume(table)
            count += table.num_rows
        best = min(best, time.process_time() - began)
    return count, best


def week() -> None:
    """Walks the long week and prints its events, CPU seconds and this process's peak memory (MB)."""
    began, count = time.process_time(), 0
    run = simulate("long-week", packaged_line(), seed=1)
    for table in run.tables():
        count += table.num_rows
    run.truth()
    print(count, round(time.process_time() - began, 1), peak_mb())


def main(arguments: list[str]) -> int:
    """The command line."""
    parser = argparse.ArgumentParser(prog="python -m tests.benchmarks.simulation_speed", description=__doc__)
    parser.add_argument("--runs", type=int, default=4)
    parser.add_argument("part", nargs="?", choices=[WEEK])
    given = parser.parse_args(arguments)
    if given.part == WEEK:
        week()
        return 0
    rows = ["| what | events | CPU s | events/s |", "|---|--:|--:|--:|"]
    for name, consume, density in (
        ("Arrow tables", len, 1.0),
        ("NDJSON bytes", ndjson_bytes, 1.0),
        ("Arrow tables, four times as much happening", len, DENSE),
    ):
        count, seconds = measured(consume, given.runs, density)
        rows.append(f"| {name} | {count:,} | {seconds:.2f} | {count / seconds:,.0f} |")
    command = [sys.executable, "-m", "tests.benchmarks.simulation_speed", WEEK]
    count_, seconds_, peak = subprocess.run(
        command, check=True, capture_output=True, text=True
    ).stdout.split()
    rows.append(
        f"| long-week as Arrow, truth included, index built; peak {peak} MB | {int(count_):,} | {seconds_} | "
        f"{int(count_) / float(seconds_):,.0f} |"
    )
    page = ["# Speed and size of the simulator", *preface(circumstances(runs=given.runs)), *rows]
    RESULTS.mkdir(exist_ok=True)
    (RESULTS / "simulation_speed.md").write_text("\n".join(page) + "\n", encoding="utf-8")
    print("\n".join(page))
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
