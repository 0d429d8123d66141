"""Contestants side by side in one process: the same input, turn by turn, by CPU time, the best turn counts."""

import os
import platform
import time
import tracemalloc
from collections.abc import Callable
from dataclasses import dataclass
from importlib import metadata
from pathlib import Path
from typing import Any

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
    """`run()` does the whole job; `is_ours`; after the contest: best CPU seconds, peak megabytes, its answer."""

    name: str
    run: Callable[[], Any]
    is_ours: bool = False
    cpu_s: float = float("inf")
    peak_mb: float = 0.0
    answer: Any = None


def hold(contestants: list[Contestant], turns: int) -> None:
    """Every contestant once for its answer and its memory, then all of them `turns` times in turn for time.

    CPU time of the whole process, threads included: a machine shared with others changes it less than the
    clock, and more threads win nothing.
    """
    for contestant in contestants:
        tracemalloc.start()
        contestant.answer = contestant.run()
        contestant.peak_mb = tracemalloc.get_traced_memory()[1] / 1e6
        tracemalloc.stop()
    for _ in range(turns):
        for contestant in contestants:
            begin = time.process_time()
            contestant.run()
            contestant.cpu_s = min(contestant.cpu_s, time.process_time() - begin)


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
