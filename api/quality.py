"""How good the findings are, as last published: the file `monitoring/evaluation/published/quality.json`.

It holds what the system finds, misses and falsely reports in simulated worlds with known truth, per scenario
and rule, beside a naive detector on the same events, and whether both parties are treated alike. It is made
by `python -m tests.benchmarks.scenarios` and `… impartiality` in a checkout, ships with the program, is served
as `GET /v1/quality` and printed by `contactline evaluate --published`. Its shape, with all counts pooled over
the seeds and all intervals of 95 %:

    {engine_version, date, seeds: [first, last], line_version, agreement_version,
     scenarios: [{name, title, summary, hours, seeds: [first, last],
       rules: [{rule_id, happenings, recall: {value, low, high, n}, recall_observable: {…}, precision: {…},
                missed, false_alarms, false_per_day_100km, splits, merges,
                told: {reports, recall: {…}, recall_observable: {…}, precision: {…}} or null,
                naive: {recall, precision, missed, false_alarms, splits},
                violations: {recall: {…}, precision: {…}} or null}]}],
     impartiality: [{measure, scenario, rule_id, a: {value, low, high, n}, b: {…}, difference, p, within_chance,
                    loss_seen}],
     limits: [sentences]}

Recall and precision are over *asserted* reports: those whose probability is at least one half, or that state
none. What is told with a lower probability is counted in `told`, whose shares are over everything told.
Shares lie between 0 and 1; a share of nothing has `value` null and `n` 0.
"""

from importlib import resources
from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field

Span = Annotated[list[int], Field(min_length=2, max_length=2, description="first and last seed")]


class Part(BaseModel):
    """A part of the published quality; nothing beyond what is documented."""

    model_config = ConfigDict(extra="forbid")


class Measured(Part):
    """A share (or, for false alarms, a rate a day and 100 km of line) with its 95 % interval."""

    value: float | None = Field(description="null where there was nothing to count")
    low: float | None
    high: float | None
    n: int = Field(description="of how many; of a rate, how many were counted")


class Naive(Part):
    """The same of a detector that takes every change of the nearer side for a crossing, every report for a happening of
    its own, and joins nothing."""

    recall: float | None
    precision: float | None
    missed: int
    false_alarms: int = Field(description="reports of nothing")
    splits: int = Field(description="further reports of something already reported")


class Violations(Part):
    """The same of violations alone: reports that only say *undetermined* are left out."""

    recall: Measured = Field(description="violations reported as such, of all violations")
    precision: Measured = Field(description="reported violations that are some, of all reported violations")


class ToldQuality(Part):
    """The same over all reports, those that are told and not asserted included."""

    reports: int = Field(description="told and not asserted")
    recall: Measured
    recall_observable: Measured
    precision: Measured


class RuleQuality(Part):
    """One rule in one scenario: found, missed and falsely reported together."""

    rule_id: str
    happenings: int = Field(description="happenings for which the rule's condition held")
    recall: Measured = Field(description="reported, of all happenings")
    recall_observable: Measured = Field(
        description="reported, of those that the sensors had at least 95 % chance to see"
    )
    precision: Measured = Field(description="reports that are a happening's first, of all reports")
    missed: int = Field(description="happenings without a report of their own, merged ones included")
    false_alarms: int = Field(description="reports of nothing")
    false_per_day_100km: float | None = Field(description="false alarms a day and 100 km of line")
    splits: int = Field(description="further reports of a happening that has one")
    merges: int = Field(description="missed happenings whose only report went to a neighbour")
    naive: Naive
    violations: Violations | None = None
    told: ToldQuality | None = Field(
        default=None, description="null where nothing is told without being asserted"
    )


class ScenarioQuality(Part):
    """One packaged scenario."""

    name: str
    title: str
    summary: str
    hours: float = Field(description="simulated for each seed")
    seeds: Span
    rules: list[RuleQuality]


class Compared(Part):
    """One measure for each party; `within_chance` at p = 0.01 over all comparisons together (Bonferroni)."""

    measure: str
    scenario: str
    rule_id: str
    a: Measured
    b: Measured
    difference: float | None = Field(description="a minus b")
    p: float = Field(description="how likely a difference at least this large is by chance")
    within_chance: bool
    loss_seen: float | None = Field(
        default=None,
        description="of recall: a detector that drops this share of one party's findings would be called biased "
        "by this measure nine times in ten",
    )


class Quality(Part):
    """What is found, missed and falsely reported, as last published."""

    engine_version: str
    date: str = Field(description="when it was measured, YYYY-MM-DD")
    seeds: Span
    line_version: str
    agreement_version: str
    scenarios: list[ScenarioQuality]
    impartiality: list[Compared]
    limits: list[str] = Field(description="known weaknesses, in sentences")


def published_quality() -> Quality:
    """The published file that ships with this version."""
    # By path: importing `monitoring.evaluation` would load the simulator into every server.
    file = resources.files("monitoring") / "evaluation" / "published" / "quality.json"
    return Quality.model_validate_json(file.read_bytes())
