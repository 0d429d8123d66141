"""Credence: how far reports of one thing support each other against false alarms.

A stated model, not a learned one. A lone report is true with the probability that its type of sensor earns; each
further report divides the odds of a false alarm by a factor, a larger one where another sensor made it, because a
sensor's own mistakes repeat. Only so many repetitions by one sensor count.
"""

from collections.abc import Mapping, Sequence
from typing import Final

STANDARD: Final = ("lone_prob", "observer_prob", "again_factor", "other_factor", "again_most", "assert_prob")
"""Names of the standard of evidence: P of a lone report by a sensor that needs a second one, and by another; by
what a further report of the same sensor, and one by another, divides the odds of a false alarm; how many
repetitions of one sensor count at most; from which probability on the fact is asserted."""


def credence(sensors: Sequence[str], is_doubtful: Mapping[str, bool], standard: Mapping[str, float]) -> float:
    """P(there was something), from the sensor of each report; `is_doubtful` says who needs a second report.

    >>> standard = dict(zip(STANDARD, (0.4, 0.8, 5, 30, 3, 0.95)))
    >>> round(credence(["a"], {"a": True}, standard), 2), round(credence(["a", "a"], {"a": True}, standard), 2)
    (0.4, 0.77)
    >>> round(credence(["a", "b"], {"a": True, "b": True}, standard), 2)
    0.95
    """
    own = set(sensors)
    first = standard["lone_prob"] if all(is_doubtful[name] for name in own) else standard["observer_prob"]
    again = min(len(sensors) - len(own), int(standard["again_most"]))
    odds = first / max(1.0 - first, 1e-9)
    odds *= standard["other_factor"] ** min(len(own) - 1, 8) * standard["again_factor"] ** again
    return odds / (1.0 + odds)
