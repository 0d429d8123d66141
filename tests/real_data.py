"""Real data that some tests try things on when it lies beside the checkout; the project never depends on it."""

from pathlib import Path

import pytest

FOLDER = Path(__file__).resolve().parents[2] / "shared" / "real"


def real(name: str) -> Path:
    """The path of a real data file; skips the calling test where the folder is absent."""
    path = FOLDER / name
    if not path.exists():
        pytest.skip(f"real data is not here: {name}")
    return path
