"""Contestants side by side in one process: the same input, turn by turn, by CPU time, the best turn counts."""

import os
import platform
import time
import tracemalloc
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from importlib import metadata
from pathlib import Path
from typing import Any

SLOW_S, TURN_S = 2.0, 0.3
RESULTS = Path(__file__).parent / "results"
PACKAGES = (
    "numpy",
    "numba",
    "shapely",
    "pyproj",
    "geopandas",
    "duckdb",
    "duckdb-extension-spatial",
    "sedonadb",
    "psycopg",
)


@dataclass
class Contestant:
    """`run()` does the whole job; `is_ours`; after the contest: best CPU seconds, peak megabytes, its answer.

    A job that has work done by another process has an attribute `cpu_elsewhere_s`, a function that tells how many
    CPU seconds that process has used so far.
    """

    name: str
    run: Callable[[], Any]
    is_ours: bool = False
    cpu_s: float = float("inf")
    peak_mb: float = float("nan")
    answer: Any = None


def hold(contestants: list[Contestant], turns: int, *, is_long: bool = False) -> None:
    """Every contestant once for its answer and its memory, then all of them `turns` times in turn for time.

    Those that need more than `SLOW_S` a turn have one turn, for a table is made in minutes; in a long contest
    a peer's first turn counts and its memory is not measured. A turn of milliseconds is made up of several runs,
    of which the best counts: a shared machine leaves few of them undisturbed.
    """
    for contestant in contestants:
        is_traced = contestant.is_ours or not is_long
        if is_traced:
            tracemalloc.start()
        begin = _cpu_s(contestant)
        contestant.answer = contestant.run()
        if is_traced:
            contestant.peak_mb = tracemalloc.get_traced_memory()[1] / 1e6
            tracemalloc.stop()
        else:
            contestant.cpu_s = _cpu_s(contestant) - begin
    for _ in range(turns):
        for contestant in contestants:
            if contestant.cpu_s < SLOW_S or contestant.cpu_s == float("inf"):
                _take_a_turn(contestant)


def _take_a_turn(contestant: Contestant) -> None:
    spent_s = 0.0
    while spent_s < TURN_S:
        begin = _cpu_s(contestant)
        contestant.run()
        took_s = _cpu_s(contestant) - begin
        contestant.cpu_s = min(contestant.cpu_s, took_s)
        spent_s += max(took_s, TURN_S / 20)


def _cpu_s(contestant: Contestant) -> float:
    """CPU seconds used so far by this process and by the one that works for the contestant."""
    run = contestant.run.func if isinstance(contestant.run, partial) else contestant.run
    elsewhere = getattr(run, "cpu_elsewhere_s", None)
    return time.process_time() + (elsewhere() if elsewhere is not None else 0.0)


class BestPeer:
    """The best peer's rate by scene, of however many places: slow peers have few turns, and are not to lose by that."""

    def __init__(self) -> None:
        self._rates: dict[Any, tuple[float, int]] = {}

    def against(self, scene: Any, count: int, contestants: list[Contestant]) -> Callable[[Contestant], str]:
        """How many times faster a contestant is, in words."""
        rates = [(count / c.cpu_s, count) for c in contestants if not c.is_ours]
        rate, of = max([*rates, self._rates.get(scene, (0.0, count))])
        self._rates[scene] = rate, of
        note = "" if of == count else f" (of {of:,})"
        return lambda contestant: f"{count / contestant.cpu_s / rate:.2f}x{note}" if rate else "–"


def growth(what: str, jobs: dict[str, Callable[[], Any]], turns: int) -> list[list[str]]:
    """Rows that say how many times as long the second of two jobs takes as the first."""
    contestants = [Contestant(name, run, is_ours=True) for name, run in jobs.items()]
    hold(contestants, turns)
    first, second = contestants
    return [[what, f"{first.name} → {second.name}", f"{second.cpu_s / first.cpu_s:.2f}x the time"]]


def machine() -> str:
    """Processor, cores, Python and the versions of what took part."""
    model = platform.processor()
    for line in Path("/proc/cpuinfo").read_text().splitlines() if Path("/proc/cpuinfo").exists() else []:
        if line.startswith("model name"):
            model = line.partition(":")[2].strip()
            break
    load = os.getloadavg()[0]
    versions = [f"Python {platform.python_version()}"]
    for package in PACKAGES:
        try:
            versions.append(f"{package} {metadata.version(package)}")
        except metadata.PackageNotFoundError:
            versions.append(f"{package} not installed")
    return (
        f"Machine: {model}, {os.cpu_count()} cores, load {load:.1f} while this ran (shared with other work; ratios"
        f" hold, absolute figures less so).\n\nVersions: {', '.join(versions)}."
    )


def megabytes(contestant: Contestant) -> str:
    """Its memory; a dash where it was not measured."""
    return "–" if contestant.peak_mb != contestant.peak_mb else f"{contestant.peak_mb:,.0f}"


def table(header: list[str], rows: list[list[str]]) -> str:
    """A Markdown table."""
    lines = ["| " + " | ".join(header) + " |", "|" + "---|" * len(header)]
    return "\n".join(lines + ["| " + " | ".join(row) + " |" for row in rows])


def write(name: str, text: str) -> Path:
    """Writes the results file `name`."""
    RESULTS.mkdir(exist_ok=True)
    path = RESULTS / name
    path.write_text(text + "\n", encoding="utf-8")
    return path
