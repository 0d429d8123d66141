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
    """Reliability table of stated probabilities, and the Brier score (Brier 1950): 0 perfect, 0.25 a coin's."""

    n: int
    brier: float | None
    table: tuple[Bin, ...]

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
        return cls(len(stated), round(brier, 6), table)


@dataclass(frozen=True)
class Attribution:
    """Of matched reports of deeds by `A` or `B`.

    `right` among those that name a party, `undetermined` among all; `by_party` is `right` by the true
    party, `laid_to` the share of all its deeds that were laid to it; `innocents_blamed`: reports of what
    civilians did that name a party. `calibration` is of the stated probability of the named party,
    `condition` of the stated probability that the rule's condition held (over all that was told, matched or not).
    """

    right: Share
    undetermined: Share
    by_party: dict[str, Share]
    laid_to: dict[str, Share]
    innocents_blamed: Share
    calibration: Calibration
    condition: Calibration


def attribution(pairs: list[tuple[Happening, Report]], held: list[tuple[float, bool]]) -> Attribution:
    """The score of attribution of one rule's matched pairs; `held`: stated probability of the rule's condition of
    each report, and whether it held.
    """
    ours = [(h, r) for h, r in pairs if h.party in ("A", "B")]
    named = [(h, r) for h, r in ours if r.party is not None]
    others = [r for h, r in pairs if h.party not in ("A", "B")]
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
    )
