"""What a table says of the machine."""

import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest


@pytest.mark.skipif(not Path("/proc/self/status").exists(), reason="only Linux tells a process's own peak")
def test_a_peak_is_that_of_the_process_not_of_the_one_that_started_it() -> None:
    held = np.ones(600_000_000 // 8)
    told = subprocess.run(
        [sys.executable, "-c", "from tests.benchmarks.published import peak_mb; print(peak_mb())"],
        capture_output=True, text=True, check=True, cwd=Path(__file__).parents[3],
    )  # fmt: skip
    assert held[-1] == 1.0
    assert 20 < int(told.stdout) < 400
