"""How good the findings are: matched one to one with what really happened, misses and false alarms
together.
"""

from monitoring.evaluation.cases import CaseScore
from monitoring.evaluation.matching import DEFAULT_GATES, Gates, evaluate
from monitoring.evaluation.score import RuleScore, Score
from monitoring.evaluation.tables import detail_tables, markdown, score_tables

__all__ = [
    "DEFAULT_GATES",
    "CaseScore",
    "Gates",
    "RuleScore",
    "Score",
    "detail_tables",
    "evaluate",
    "markdown",
    "score_tables",
]
