"""The counts behind one rule's score, small enough to keep for each seed and to add up over seeds."""

from collections.abc import Iterable
from dataclasses import asdict, dataclass, fields
from typing import Any

from monitoring.evaluation import RuleScore
from monitoring.evaluation.attribution import BINS, Calibration
from monitoring.evaluation.shares import Rate, Share

Pair = tuple[int, int]
"""Part and whole."""
SHARES = (
    "recall",
    "observable",
    "precision",
    "recall_violation",
    "precision_violation",
    "party_right",
    "undetermined",
    "inside_90",
    "told_recall",
    "told_observable",
    "told_precision",
    "observable_vehicles",
    "determined",
    "determined_right",
    "wrong_side",
    "innocents_blamed",
)
_NOTHING_STATED = (0.0,) * (3 * BINS)


@dataclass(frozen=True)
class Tally:
    """What one detector scored on one rule; everything adds up.

    Shares are over asserted reports, `told_…` over all that was told; `not_asserted` counts the difference.
    `located`: (sum of median errors in metres times their number, that number); `phenomena`: (recorded, true);
    `counted`: (counted, noticed by a sensor, true) of observable happenings.
    `determined` and `determined_right` are over deeds that sensors could have told the party of, `wrong_side` over all
    deeds; `stated`: for each bin of the stated probability of the named party how many, their sum, how many were right.
    """

    recall: Pair = (0, 0)
    observable: Pair = (0, 0)
    precision: Pair = (0, 0)
    recall_violation: Pair = (0, 0)
    precision_violation: Pair = (0, 0)
    party_right: Pair = (0, 0)
    undetermined: Pair = (0, 0)
    inside_90: Pair = (0, 0)
    told_recall: Pair = (0, 0)
    told_observable: Pair = (0, 0)
    told_precision: Pair = (0, 0)
    observable_vehicles: Pair = (0, 0)
    determined: Pair = (0, 0)
    determined_right: Pair = (0, 0)
    wrong_side: Pair = (0, 0)
    innocents_blamed: Pair = (0, 0)
    stated: tuple[float, ...] = _NOTHING_STATED
    phenomena: Pair = (0, 0)
    counted: tuple[int, int, int] = (0, 0, 0)
    located: tuple[float, float] = (0.0, 0.0)
    false_alarms: tuple[float, float] = (0, 0.0)
    splits: tuple[int] = (0,)
    merges: tuple[int] = (0,)
    not_asserted: tuple[int] = (0,)

    @classmethod
    def of(cls, rule: RuleScore) -> "Tally":
        """The counts of a score."""
        error = rule.accuracy.location_m
        return cls(
            recall=_pair(rule.recall),
            observable=_pair(rule.recall_observable),
            precision=_pair(rule.precision),
            recall_violation=_pair(rule.recall_violation),
            precision_violation=_pair(rule.precision_violation),
            party_right=_pair(rule.attribution.right),
            undetermined=_pair(rule.attribution.undetermined),
            inside_90=_pair(rule.accuracy.inside["90"]),
            told_recall=_pair(rule.told.recall),
            told_observable=_pair(rule.told.recall_observable),
            told_precision=_pair(rule.told.precision),
            observable_vehicles=_pair(rule.recall_observable_vehicles),
            determined=_pair(rule.attribution.determinable.determined),
            determined_right=_pair(rule.attribution.determinable.right),
            wrong_side=_pair(rule.attribution.wrong_side),
            innocents_blamed=_pair(rule.attribution.innocents_blamed),
            stated=_stated(rule.attribution.determinable.calibration),
            phenomena=(rule.phenomena_reported, rule.phenomena_true),
            counted=(rule.counts.reported, rule.counts.noticed, rule.counts.true),
            located=((error.median or 0.0) * error.n, error.n),
            false_alarms=(rule.false_alarm_rate.count, rule.false_alarm_rate.exposure),
            splits=(len(rule.splits),),
            merges=(len(rule.merges),),
            not_asserted=(rule.told.not_asserted,),
        )

    @classmethod
    def from_json(cls, record: dict[str, Any]) -> "Tally":
        """What `asdict` made, read back."""
        return cls(**{name: tuple(value) for name, value in record.items()})

    @classmethod
    def added(cls, tallies: Iterable["Tally"]) -> "Tally":
        """All of them as one.

        >>> Tally.added([Tally(recall=(1, 2)), Tally(recall=(2, 2))]).recall
        (3, 4)
        """
        many = [asdict(tally) for tally in tallies]
        return cls(
            **{f.name: tuple(map(sum, zip(*(one[f.name] for one in many), strict=True))) for f in fields(cls)}
        )

    @property
    def calibration_error(self) -> float | None:
        """How far statements and outcomes lie apart in the bins, on average.

        >>> Tally(stated=(4, 3.6, 3) + (0.0,) * 27).calibration_error
        0.15
        """
        many, said, right = (self.stated[i::3] for i in range(3))
        apart = sum(abs(s - t) for s, t in zip(said, right, strict=True))
        return round(apart / sum(many), 6) if sum(many) else None

    def summary(self) -> dict[str, Any]:
        """Shares and rates with their intervals."""
        count, exposure = self.false_alarms
        return {
            **{name: Share.of(*getattr(self, name)) for name in SHARES},
            "false_alarms": Rate.of(int(count), exposure),
            "splits": self.splits[0],
            "merges": self.merges[0],
            "not_asserted": self.not_asserted[0],
            "location_m": self.located[0] / max(self.located[1], 1),
            "phenomena": self.phenomena,
            "counted": self.counted,
            "calibration_error": self.calibration_error,
        }


def _stated(calibration: Calibration) -> tuple[float, ...]:
    bins = [0.0] * (3 * BINS)
    for found in calibration.table:
        at = 3 * round(found.low * BINS)
        bins[at : at + 3] = found.n, found.n * found.mean_stated, found.came_true.part
    return tuple(bins)


def _pair(share: Share) -> Pair:
    return share.part, share.whole
