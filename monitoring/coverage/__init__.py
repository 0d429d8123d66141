"""Coverage: where and when somebody was looking, for what, and how surely; an upper bound while no terrain is known.

`step` takes the events (`COLUMNS` of them) as they become due and gives COVERAGE rows hour by hour; `late` takes
stragglers.
"""

from monitoring.coverage.health import COLUMNS
from monitoring.coverage.loss import Loss, loss_of
from monitoring.coverage.of_findings import kinds_of, with_coverage, without_coverage
from monitoring.coverage.reach import NAMES as KINDS
from monitoring.coverage.step import CoverageState, late, step

__all__ = [
    "COLUMNS",
    "KINDS",
    "CoverageState",
    "Loss",
    "kinds_of",
    "late",
    "loss_of",
    "step",
    "with_coverage",
    "without_coverage",
]
