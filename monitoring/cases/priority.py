"""How urgent a case is, and why: 1 (first) to 5, by the filing policy of the agreement.

The rule's own priority is its severity. Weak evidence makes a case less urgent; what calls for people sooner makes
it more urgent, but only where independent sources agree (confidence `medium` or `high`): nothing escalates by
itself on one source. Every step is told in words.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from monitoring.agreement import Agreement

FIRST: Final = 1
LAST: Final = 5
_CORROBORATED: Final = ("medium", "high")


@dataclass(frozen=True)
class Circumstances:
    """What is known beside the finding: distance to the nearest protected place (m, None = none near) with its
    name, and whether nothing of the kind was filed here for the agreed time."""

    protected_m: float | None = None
    protected_name: str = ""
    is_new_here: bool = False


@dataclass(frozen=True)
class Priority:
    """A finding's priority for its case, with the reasons in the order in which they counted."""

    value: int
    reasons: tuple[str, ...]


def is_corroborated(row: Mapping[str, Any]) -> bool:
    """Whether sources that do not depend on each other agree on a finding (row of FINDINGS).

    >>> is_corroborated({"confidence": "low"}), is_corroborated({"confidence": "high"})
    (False, True)
    """
    return row["confidence"] in _CORROBORATED


def priority_of(row: Mapping[str, Any], agreement: Agreement, around: Circumstances) -> Priority:
    """The priority that a finding (row of FINDINGS) gives its case."""
    time_ns = row["time_start_ns"]
    by_rule = agreement.value("filing.priority", time_ns)
    assert isinstance(by_rule, Mapping), "filing.priority is declared by rule"
    value = int(by_rule.get(row["rule_id"], LAST))
    reasons = [f"severity of the rule: {value}"]
    if row["verdict"] == "undetermined":
        value += 1
        reasons.append("less urgent: what it means is not determined")
    elif not is_corroborated(row):
        value += 1
        reasons.append("less urgent: it rests on one source")
    if is_corroborated(row):
        for why in _calls(row, agreement, around):
            value -= 1
            reasons.append(why)
    return Priority(min(max(value, FIRST), LAST), tuple(reasons))


def _calls(row: Mapping[str, Any], agreement: Agreement, around: Circumstances) -> list[str]:
    """What makes a corroborated finding more urgent."""
    time_ns, calls = row["time_start_ns"], []
    count = row["count"] or 0
    if count >= agreement.number("filing.urgent_count", time_ns):
        calls.append(f"more urgent: {count:,} recorded")
    near_m = agreement.number("filing.harm_near_m", time_ns)
    if around.protected_m is not None and around.protected_m <= near_m:
        calls.append(f"more urgent: {around.protected_name or 'a protected place'} is near")
    if around.is_new_here:
        calls.append("more urgent: the first of its kind here for a long time")
    return calls
