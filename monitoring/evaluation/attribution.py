"""Whose deed it was: how often a named party was the right one, and whether stated probabilities kept their word."""

from dataclasses import dataclass
from typing import Final

from monitoring.evaluation.reports import Report
from monitoring.evaluation.shares import Share
from monitoring.simulation.truth import Happening

BINS: Final = 10


@dataclass(frozen=True)
class Bin:
    """Statements between two probabilities: how many, their mean, and how often they came true."""

    low: float
    high: float
    n: int
    mean_stated: float
    came_true: Share


@dataclass(frozen=True)
class Calibration:
    """Reliability table of stated probabilities, the Brier score (Brier 1950): 0 perfect, 0.25 a coin's, and the
    expected calibration error (Naeini et al. 2015): how far statements and outcomes lie apart in the bins, on average.
    """

    n: int
    brier: float | None
    table: tuple[Bin, ...]
    error: float | None = None

    @classmethod
    def of(cls, stated: list[float], came_true: list[bool]) -> "Calibration":
        """
        >>> Calibration.of([1.0, 0.5], [True, False]).brier
        0.125
        """
        if not stated:
            return cls(0, None, ())
        brier = sum((p - t) ** 2 for p, t in zip(stated, came_true, strict=True)) / len(stated)
        bins: dict[int, list[tuple[float, bool]]] = {}
        for p, t in zip(stated, came_true, strict=True):
            bins.setdefault(min(int(p * BINS), BINS - 1), []).append((p, t))
        table = tuple(
            Bin(
                low=number / BINS,
                high=(number + 1) / BINS,
                n=len(found),
                mean_stated=round(sum(p for p, _ in found) / len(found), 6),
                came_true=Share.of(sum(t for _, t in found), len(found)),
            )
            for number, found in sorted(bins.items())
        )
        apart = sum(b.n * abs(b.mean_stated - (b.came_true.value or 0.0)) for b in table) / len(stated)
        return cls(len(stated), round(brier, 6), table, round(apart, 6))


@dataclass(frozen=True)
class Determinable:
    """Of matched reports of deeds that the sensors could have told the party of: how many are `determined`, how
    many of those name the right one, and the calibration of the stated probability of the named party.
    """

    determined: Share
    right: Share
    calibration: Calibration

    @classmethod
    def of(cls, pairs: list[tuple[Happening, Report]]) -> "Determinable":
        """From the pairs of parties' deeds; those whose truth does not say are left out."""
        could = [(h, r) for h, r in pairs if h.is_determinable]
        named = [(h, r) for h, r in could if r.party is not None]
        stated = [
            (r.party_probability, r.party == h.party) for h, r in named if r.party_probability is not None
        ]
        return cls(
            determined=Share.of(len(named), len(could)),
            right=Share.of(sum(h.party == r.party for h, r in named), len(named)),
            calibration=Calibration.of([p for p, _ in stated], [t for _, t in stated]),
        )


@dataclass(frozen=True)
class Attribution:
    """Of matched reports of deeds by `A` or `B`.

    `right` among those that name a party, `undetermined` among all; `by_party` is `right` by the true
    party, `laid_to` the share of all its deeds that were laid to it; `innocents_blamed`: reports of what
    civilians did that name a party. `calibration` is of the stated probability of the named party,
    `condition` of the stated probability that the rule's condition held (over all that was told, matched or not).
    `wrong_side` is the share of all these deeds, determinable or not, for which the other party was given more than
    one half (or was named, where no probabilities are given).
    """

    right: Share
    undetermined: Share
    by_party: dict[str, Share]
    laid_to: dict[str, Share]
    innocents_blamed: Share
    calibration: Calibration
    condition: Calibration
    wrong_side: Share
    determinable: Determinable


def is_wrong_side(happening: Happening, report: Report) -> bool:
    """Whether a report of a party's deed makes it the other party's rather than not."""
    other = {"A": "B", "B": "A"}[happening.party]
    return report.parties[other] > 0.5 if report.parties else report.party == other


def attribution(pairs: list[tuple[Happening, Report]], held: list[tuple[float, bool]]) -> Attribution:
    """The score of attribution of one rule's matched pairs; `held`: stated probability of the rule's condition of
    each report, and whether it held.
    """
    ours = [(h, r) for h, r in pairs if h.party in ("A", "B")]
    named = [(h, r) for h, r in ours if r.party is not None]
    others = [r for h, r in pairs if h.party == "civilian"]
    by_party = {
        party: Share.of(
            sum(r.party == party for h, r in named if h.party == party),
            sum(h.party == party for h, _ in named),
        )
        for party in ("A", "B")
    }
    stated = [(r.party_probability, r.party == h.party) for h, r in named if r.party_probability is not None]
    return Attribution(
        right=Share.of(sum(h.party == r.party for h, r in named), len(named)),
        undetermined=Share.of(len(ours) - len(named), len(ours)),
        by_party=by_party,
        laid_to={
            party: Share.of(
                sum(r.party == party for h, r in ours if h.party == party),
                sum(h.party == party for h, _ in ours),
            )
            for party in ("A", "B")
        },
        innocents_blamed=Share.of(sum(r.party is not None for r in others), len(others)),
        calibration=Calibration.of([p for p, _ in stated], [t for _, t in stated]),
        condition=Calibration.of([p for p, _ in held], [t for _, t in held]),
        wrong_side=Share.of(sum(is_wrong_side(h, r) for h, r in ours), len(ours)),
        determinable=Determinable.of(ours),
    )
