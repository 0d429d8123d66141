"""The score: per rule what was found, missed and falsely reported, with the numbers behind each share."""

from collections import Counter
from dataclasses import asdict, dataclass
from math import sqrt
from typing import Any, Final

from rich.table import Table

from monitoring.evaluation.reports import Report
from monitoring.simulation.truth import Happening

Z95: Final = 1.959963984540054


@dataclass(frozen=True)
class Share:
    """`part` of `whole` with the 95 % Wilson interval (Wilson 1927); `value` is null where there is
    nothing.
    """

    part: int
    whole: int
    value: float | None
    low: float | None
    high: float | None

    @classmethod
    def of(cls, part: int, whole: int) -> "Share":
        """
        >>> Share.of(9, 10).value, round(Share.of(9, 10).low, 3)
        (0.9, 0.596)
        """
        if whole == 0:
            return cls(0, 0, None, None, None)
        p, z2 = part / whole, Z95 * Z95
        middle = (p + z2 / (2 * whole)) / (1 + z2 / whole)
        half = Z95 * sqrt(p * (1 - p) / whole + z2 / (4 * whole * whole)) / (1 + z2 / whole)
        low = max(middle - half, 0.0) if part else 0.0
        high = min(middle + half, 1.0) if part < whole else 1.0
        return cls(part, whole, p, low, high)


@dataclass(frozen=True)
class RuleScore:
    """One rule's score.

    A happening of a rule is one for which the rule's condition held, whatever the verdict; a report
    likewise. `recall` is over all of them, `recall_observable` over those that the sensors could observe,
    `recall_violation` counts only happenings that are violations and were reported as such,
    `precision_violation` reports of violations that were violations. `misses` holds the ids of missed
    happenings, `merges` those whose report went to a neighbour, `false_alarms` the finding ids of reports
    of nothing, of which `innocent` had an innocent cause, `splits` those of further reports of one
    happening. `count_ratio` compares recorded with true phenomena over the matched happenings.
    """

    rule_id: str
    n: int
    reports: int
    matched: int
    recall: Share
    recall_observable: Share
    recall_by_band: dict[str, Share]
    recall_by_class: dict[str, Share]
    recall_by_party: dict[str, Share]
    recall_violation: Share
    precision: Share
    precision_violation: Share
    verdicts: dict[str, dict[str, int]]
    party_right: Share
    misses: tuple[str, ...]
    misses_observable: tuple[str, ...]
    merges: tuple[str, ...]
    splits: tuple[str, ...]
    false_alarms: tuple[str, ...]
    innocent: tuple[str, ...]
    phenomena_true: int
    phenomena_reported: int
    count_ratio: float | None
    count_error_mean: float | None


@dataclass(frozen=True)
class Score:
    """Scores of all rules against one truth; `header` is the truth's."""

    header: dict[str, Any]
    rules: tuple[RuleScore, ...]

    def to_json(self) -> dict[str, Any]:
        """Everything, as JSON values."""
        return {"truth": self.header, "rules": {rule.rule_id: asdict(rule) for rule in self.rules}}

    def recall(self) -> dict[str, float | None]:
        """Recall over all happenings, by rule."""
        return {rule.rule_id: rule.recall.value for rule in self.rules}

    def precision(self) -> dict[str, float | None]:
        """Precision by rule."""
        return {rule.rule_id: rule.precision.value for rule in self.rules}


def score_rule(
    rule_id: str,
    happenings: list[Happening],
    reports: list[Report],
    *,
    matched: list[tuple[int, int]],
    splits: list[int],
    false_alarms: list[int],
    innocent: list[int],
    merged: list[int],
) -> RuleScore:
    """The score of one rule from its matching (positions in `happenings` and `reports`)."""
    report_of = dict(matched)
    found = set(report_of)
    expected = [next(rule.verdict for rule in h.rules if rule.rule_id == rule_id) for h in happenings]
    verdicts: dict[str, Counter[str]] = {}
    for i, verdict in enumerate(expected):
        said = reports[report_of[i]].verdict if i in found else "none"
        verdicts.setdefault(verdict, Counter())[said] += 1
    for j in (*splits, *false_alarms):
        verdicts.setdefault("split" if j in set(splits) else "nothing", Counter())[reports[j].verdict] += 1
    wrongs = [i for i, verdict in enumerate(expected) if verdict == "violation"]
    rightly = sum(1 for i in wrongs if i in found and reports[report_of[i]].verdict == "violation")
    named = [(happenings[i].party, reports[j].party) for i, j in matched if reports[j].party is not None]
    counted = [
        (happenings[i].phenomena or 0, reports[j].count or 0)
        for i, j in matched
        if happenings[i].phenomena is not None and reports[j].count is not None
    ]
    true, said_count = sum(t for t, _ in counted), sum(s for _, s in counted)
    errors = [abs(s - t) / t for t, s in counted if t]
    return RuleScore(
        rule_id=rule_id,
        n=len(happenings),
        reports=len(reports),
        matched=len(matched),
        recall=Share.of(len(found), len(happenings)),
        recall_observable=_recall(happenings, found, "band").get("observable", Share.of(0, 0)),
        recall_by_band=_recall(happenings, found, "band"),
        recall_by_class=_recall(happenings, found, "object_class"),
        recall_by_party=_recall(happenings, found, "party"),
        recall_violation=Share.of(rightly, len(wrongs)),
        precision=Share.of(len(matched), len(reports)),
        precision_violation=Share.of(rightly, sum(1 for r in reports if r.verdict == "violation")),
        verdicts={verdict: dict(sorted(counts.items())) for verdict, counts in sorted(verdicts.items())},
        party_right=Share.of(sum(1 for true_party, said in named if true_party == said), len(named)),
        misses=tuple(h.id for i, h in enumerate(happenings) if i not in found),
        misses_observable=tuple(
            h.id for i, h in enumerate(happenings) if i not in found and h.band == "observable"
        ),
        merges=tuple(happenings[i].id for i in merged),
        splits=tuple(reports[j].finding_ids[0] for j in splits),
        false_alarms=tuple(reports[j].finding_ids[0] for j in false_alarms),
        innocent=tuple(reports[j].finding_ids[0] for j in innocent),
        phenomena_true=true,
        phenomena_reported=said_count,
        count_ratio=said_count / true if true else None,
        count_error_mean=sum(errors) / len(errors) if errors else None,
    )


def _recall(happenings: list[Happening], found: set[int], by: str) -> dict[str, Share]:
    whole = Counter(str(getattr(h, by)) for h in happenings)
    part = Counter(str(getattr(h, by)) for i, h in enumerate(happenings) if i in found)
    return {key: Share.of(part[key], whole[key]) for key in sorted(whole)}


def score_table(score: Score) -> Table:
    """The score as a table for a terminal."""
    header = score.header
    table = Table(
        title=f"Found against the truth ({header.get('scenario', '?')}, seed {header.get('seed', '?')})"
    )
    table.add_column("rule")
    for name in (
        "happened",
        "reported",
        "recall",
        "recall, observable",
        "precision",
        "missed",
        "false alarms",
        "split",
        "merged",
        "counted / true",
    ):
        table.add_column(name, justify="right")
    for rule in score.rules:
        innocent = f" ({len(rule.innocent)} innocent)" if rule.innocent else ""
        table.add_row(
            rule.rule_id,
            str(rule.n),
            str(rule.reports),
            _percent(rule.recall),
            _percent(rule.recall_observable),
            _percent(rule.precision),
            str(len(rule.misses)),
            f"{len(rule.false_alarms)}{innocent}",
            str(len(rule.splits)),
            str(len(rule.merges)),
            "-" if rule.count_ratio is None else f"{rule.count_ratio:.2f}",
        )
    return table


def _percent(share: Share) -> str:
    if share.value is None:
        return "-"
    return f"{100 * share.value:.0f} % of {share.whole}"
