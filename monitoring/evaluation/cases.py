"""False cases: what was filed without anything behind it that broke a rule.

A case is judged by the findings that opened or joined it: it is false when none of them belongs to a happening.
Cases all of whose findings are of rules that the truth does not know are left out.
"""

from collections import defaultdict
from dataclasses import dataclass

import pyarrow as pa

from monitoring.evaluation.shares import Rate


@dataclass(frozen=True)
class CaseScore:
    """Cases and, of them, the false ones, over the whole line; `innocent`: false, with an innocent happening behind."""

    opened: int
    false: int
    innocent: int
    false_per_day: Rate
    innocent_per_day: Rate
    by_rule: dict[str, int]


def case_score(
    filings: pa.Table, scored: set[str], true_ids: set[str], innocent_ids: set[str], days: float
) -> CaseScore:
    """Scores FILINGS; `scored`: the rules judged, `true_ids`, `innocent_ids`: findings by what is behind them.

    `by_rule` counts false cases by the rule that opened them.
    """
    filed: dict[str, set[str]] = defaultdict(set)
    opened_by: dict[str, str] = {}
    for row in filings.select(["action", "case_number", "finding_id", "rule_id"]).to_pylist():
        if row["action"] not in ("open", "join") or row["rule_id"] not in scored:
            continue
        filed[row["case_number"]].add(row["finding_id"])
        opened_by.setdefault(row["case_number"], row["rule_id"])
    false = [number for number, inside in filed.items() if not inside & true_ids]
    innocent = sum(bool(filed[number] & innocent_ids) for number in false)
    by_rule: dict[str, int] = defaultdict(int)
    for number in false:
        by_rule[opened_by[number]] += 1
    return CaseScore(
        opened=len(filed),
        false=len(false),
        innocent=innocent,
        false_per_day=Rate.of(len(false), days),
        innocent_per_day=Rate.of(innocent, days),
        by_rule=dict(sorted(by_rule.items())),
    )
