"""What every published table says of itself: the machine, the versions, the seeds."""

import os
import platform
import resource
import sys
from datetime import UTC, datetime
from importlib import metadata
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa

from monitoring import schema

RESULTS = Path(__file__).resolve().parent / "results"


def circumstances(**more: Any) -> dict[str, Any]:
    """Machine, versions and whatever else the table depends on."""
    return {
        "machine": f"{_processor()}, {os.cpu_count()} cores",
        "python": platform.python_version(),
        "numpy": np.__version__,
        "pyarrow": pa.__version__,
        "contactline": metadata.version("contactline"),
        "engine": schema.ENGINE_VERSION,
        "date": datetime.now(UTC).date().isoformat(),
        **more,
    }


def _processor() -> str:
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
    except OSError:
        return platform.machine()
    return next((line.split(":", 1)[1].strip() for line in lines if line.startswith("model name")), "?")


def peak_mb() -> int:
    """The most memory that this process has held (MB).

    Not what `getrusage` tells: there a child begins with the peak of the process that started it.
    """
    try:
        lines = Path("/proc/self/status").read_text(encoding="utf-8").splitlines()
        return next(int(line.split()[1]) for line in lines if line.startswith("VmHWM")) // 1024
    except (OSError, StopIteration):
        peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
        return peak // 1024 // (1024 if sys.platform == "darwin" else 1)


def preface(said: dict[str, Any]) -> list[str]:
    """The circumstances as lines of Markdown."""
    return ["", *(f"- {name}: {value}" for name, value in said.items()), ""]


def seeds_of(text: str) -> list[int]:
    """Seeds from `101-105,110`.

    >>> seeds_of("1-3,7")
    [1, 2, 3, 7]
    """
    seeds: list[int] = []
    for part in text.split(","):
        low, _, high = part.partition("-")
        seeds += range(int(low), int(high or low) + 1)
    return seeds
