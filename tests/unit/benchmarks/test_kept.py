"""Kept results are told from those of other code by everything that a score is made of."""

import subprocess
import sys
from pathlib import Path

import monitoring
from tests.benchmarks.kept import OF_RESULTS

LISTED = """
import sys
import tests.benchmarks.detectors, tests.benchmarks.scenarios
print("\\n".join(name for name in sys.modules if name.startswith("monitoring.")))
"""


def test_every_part_of_the_core_that_a_score_uses_is_in_the_fingerprint_of_its_code() -> None:
    ran = subprocess.run([sys.executable, "-c", LISTED], capture_output=True, text=True, check=True)
    parts = {name.split(".")[1] for name in ran.stdout.split()}
    folders = {part for part in parts if (Path(monitoring.__file__).parent / part).is_dir()}
    assert folders
    assert folders <= set(OF_RESULTS)
