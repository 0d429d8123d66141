"""How good the findings are: matched one to one with what really happened, misses and false alarms
together.
"""

from monitoring.evaluation.matching import DEFAULT_GATES, Gates, evaluate
from monitoring.evaluation.score import RuleScore, Score, score_table

__all__ = ["DEFAULT_GATES", "Gates", "RuleScore", "Score", "evaluate", "score_table"]
