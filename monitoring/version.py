"""The version that results are published under, alone so that telling it loads nothing else."""

from typing import Final

ENGINE_VERSION: Final = "0.2.0"
"""Written with every published result. It changes whenever the same journal would give other results."""
