"""The score: per rule what was found, missed and falsely reported, with the numbers behind each share."""

from collections import Counter
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any, Final

from monitoring.evaluation import breakdown
from monitoring.evaluation.accuracy import Accuracy, accuracy
from monitoring.evaluation.attribution import Attribution, attribution
from monitoring.evaluation.breakdown import recall_by
from monitoring.evaluation.cases import CaseScore
from monitoring.evaluation.counts import Counts
from monitoring.evaluation.reports import Report
from monitoring.evaluation.shares import Rate, Share
from monitoring.simulation.truth import Happening

VEHICLES: Final = frozenset({"light_vehicle", "armoured_vehicle", "tank", "artillery", "mlrs", "air_defence"})
"""Classes of objects that drive."""


@dataclass(frozen=True)
class Matching:
    """Pairs (happening, report) by position, and what remained: positions of reports, but `merged` of happenings."""

    matched: list[tuple[int, int]]
    splits: list[int]
    false_alarms: list[int]
    innocent: list[int]
    merged: list[int]


@dataclass(frozen=True)
class Told:
    """The same over all reports, the ones that are told and not asserted included.

    `not_asserted` counts these; of them `not_asserted_true` belong to a happening.
    """

    reports: int
    not_asserted: int
    not_asserted_true: int
    recall: Share
    recall_observable: Share
    precision: Share


@dataclass(frozen=True)
class RuleScore:
    """One rule's score.

    A happening of a rule is one for which the rule's condition held, whatever the verdict; a report
    likewise. `recall` is over all of them, `recall_observable` over those that the sensors could observe,
    `recall_violation` counts only happenings that are violations and were reported as such,
    `precision_violation` reports of violations that were violations. `misses` holds the ids of missed
    happenings, `merges` those whose report went to a neighbour, `false_alarms` the finding ids of reports
    of nothing, of which `innocent` had an innocent cause, `splits` those of further reports of one
    happening. `count_ratio` compares recorded with true phenomena over the matched happenings,
    `counts` also with those that a sensor noticed, over observable ones.

    All of this is over *asserted* reports; `told` gives the figures over everything that was told.
    `duplicates` is reports per found happening, `happenings_per_report` the reverse (merges);
    `recall_observable_vehicles` is over observable vehicles on the ground.
    """

    rule_id: str
    n: int
    reports: int
    matched: int
    recall: Share
    recall_observable: Share
    recall_observable_by_class: dict[str, Share]
    recall_observable_vehicles: Share
    recall_by_band: dict[str, Share]
    recall_by_class: dict[str, Share]
    recall_by_party: dict[str, Share]
    recall_by_speed: dict[str, Share]
    recall_by_sensor_type: dict[str, Share]
    recall_by_sensor_mix: dict[str, Share]
    recall_violation: Share
    recall_violation_by_party: dict[str, Share]
    precision: Share
    told: Told
    duplicates: float | None
    happenings_per_report: float | None
    precision_violation: Share
    verdicts: dict[str, dict[str, int]]
    party_right: Share
    false_alarm_rate: Rate
    false_alarm_rate_by_party: dict[str, Rate]
    accuracy: Accuracy
    attribution: Attribution
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
    counts: Counts


@dataclass(frozen=True)
class Score:
    """Scores of all rules against one truth; `header` is the truth's. `cases` where filings were given."""

    header: dict[str, Any]
    rules: tuple[RuleScore, ...]
    cases: CaseScore | None = None

    def to_json(self) -> dict[str, Any]:
        """Everything, as JSON values."""
        return {
            "truth": self.header,
            "rules": {rule.rule_id: asdict(rule) for rule in self.rules},
            "cases": None if self.cases is None else asdict(self.cases),
        }

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
    matching: Matching,
    told: list[Report],
    told_matching: Matching,
    exposure: float = 0.0,
    published_ns: Mapping[str, int] | None = None,
) -> RuleScore:
    """The score of one rule from the matching of its asserted `reports` and that of all that were `told`.

    `exposure` in days times 100 km of line.
    """
    matched, splits, false_alarms = matching.matched, matching.splits, matching.false_alarms
    pairs = [(happenings[i], reports[j]) for i, j in matched]
    falsely = [reports[j] for j in false_alarms]
    report_of = dict(matched)
    found = set(report_of)
    observable = [i for i, h in enumerate(happenings) if h.band == "observable"]
    vehicles = [i for i in observable if happenings[i].object_class in VEHICLES]
    expected = [next(rule.verdict for rule in h.rules if rule.rule_id == rule_id) for h in happenings]
    verdicts: dict[str, Counter[str]] = {}
    for i, verdict in enumerate(expected):
        said = reports[report_of[i]].verdict if i in found else "none"
        verdicts.setdefault(verdict, Counter())[said] += 1
    for j in (*splits, *false_alarms):
        verdicts.setdefault("split" if j in set(splits) else "nothing", Counter())[reports[j].verdict] += 1
    wrongs = [i for i, verdict in enumerate(expected) if verdict == "violation"]
    condemned = {i for i in wrongs if i in found and reports[report_of[i]].verdict == "violation"}
    rightly = len(condemned)
    by_whom = {party: [i for i in wrongs if happenings[i].party == party] for party in ("A", "B")}
    named = [(happenings[i].party, reports[j].party) for i, j in matched if reports[j].party is not None]
    counted = [
        (happenings[i].phenomena or 0, reports[j].count or 0)
        for i, j in matched
        if happenings[i].phenomena is not None
        and reports[j].count is not None
        and happenings[i].kind != "works"  # a site is one, however often its digging was heard
    ]
    true, said_count = sum(t for t, _ in counted), sum(s for _, s in counted)
    errors = [abs(s - t) / t for t, s in counted if t]
    return RuleScore(
        rule_id=rule_id,
        n=len(happenings),
        reports=len(reports),
        matched=len(matched),
        recall=Share.of(len(found), len(happenings)),
        recall_observable=_found(observable, found),
        recall_observable_by_class={
            name: _found([i for i in observable if happenings[i].object_class == name], found)
            for name in sorted({happenings[i].object_class for i in observable})
        },
        recall_observable_vehicles=_found(vehicles, found),
        recall_by_band=recall_by(happenings, found, breakdown.bands),
        recall_by_class=recall_by(happenings, found, breakdown.classes),
        recall_by_party=recall_by(happenings, found, breakdown.parties),
        recall_by_speed=recall_by(happenings, found, breakdown.speeds),
        recall_by_sensor_type=recall_by(happenings, found, breakdown.sensor_types),
        recall_by_sensor_mix=recall_by(happenings, found, breakdown.sensor_mix),
        recall_violation=Share.of(rightly, len(wrongs)),
        recall_violation_by_party={
            party: Share.of(len(condemned.intersection(theirs)), len(theirs))
            for party, theirs in by_whom.items()
        },
        precision=Share.of(len(matched), len(reports)),
        told=_told(observable, told, told_matching, len(happenings)),
        duplicates=(len(matched) + len(splits)) / len(matched) if matched else None,
        happenings_per_report=(len(matched) + len(matching.merged)) / len(matched) if matched else None,
        precision_violation=Share.of(rightly, sum(1 for r in reports if r.verdict == "violation")),
        verdicts={verdict: dict(sorted(counts.items())) for verdict, counts in sorted(verdicts.items())},
        party_right=Share.of(sum(1 for true_party, said in named if true_party == said), len(named)),
        false_alarm_rate=Rate.of(len(falsely), exposure),
        false_alarm_rate_by_party={
            party or "none": Rate.of(sum(r.party == party for r in falsely), exposure)
            for party in ("A", "B", None)
        },
        accuracy=accuracy(pairs, published_ns),
        attribution=attribution(pairs, _stated(told, told_matching)),
        misses=tuple(h.id for i, h in enumerate(happenings) if i not in found),
        misses_observable=tuple(
            h.id for i, h in enumerate(happenings) if i not in found and h.band == "observable"
        ),
        merges=tuple(happenings[i].id for i in matching.merged),
        splits=tuple(reports[j].finding_ids[0] for j in splits),
        false_alarms=tuple(reports[j].finding_ids[0] for j in false_alarms),
        innocent=tuple(reports[j].finding_ids[0] for j in matching.innocent),
        phenomena_true=true,
        phenomena_reported=said_count,
        count_ratio=said_count / true if true else None,
        count_error_mean=sum(errors) / len(errors) if errors else None,
        counts=Counts.of(pairs),
    )


def _found(of: list[int], found: set[int]) -> Share:
    return Share.of(sum(i in found for i in of), len(of))


def _told(observable: list[int], reports: list[Report], matching: Matching, count: int) -> Told:
    found = {i for i, _ in matching.matched}
    quiet = {j for j, report in enumerate(reports) if not report.is_asserted}
    right = {j for _, j in matching.matched} | set(matching.splits)
    return Told(
        reports=len(reports),
        not_asserted=len(quiet),
        not_asserted_true=len(quiet & right),
        recall=Share.of(len(found), count),
        recall_observable=_found(observable, found),
        precision=Share.of(len(found), len(reports)),
    )


def _stated(reports: list[Report], matching: Matching) -> list[tuple[float, bool]]:
    """Stated probabilities of the rule's condition, over everything told, and whether it held."""
    wrong = set(matching.false_alarms)
    return [
        (report.probability, j not in wrong)
        for j, report in enumerate(reports)
        if report.probability is not None
    ]
