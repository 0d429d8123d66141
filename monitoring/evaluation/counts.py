"""How well phenomena were counted, and how well they could be.

What no sensor noticed cannot be in a count of recorded phenomena. So beside the true number stands that of phenomena
which at least one sensor reported, and an error of counting is held against that.
"""

from collections.abc import Iterable
from dataclasses import dataclass

from monitoring.evaluation.reports import Report
from monitoring.simulation.truth import Happening


@dataclass(frozen=True)
class Counts:
    """Phenomena of the observable happenings that were found and of which it is known what was noticed.

    `true` happened, `noticed` of them by at least one sensor, `reported` in all; `happenings` is how many they are of.
    """

    happenings: int = 0
    true: int = 0
    noticed: int = 0
    reported: int = 0

    @classmethod
    def of(cls, pairs: Iterable[tuple[Happening, Report]]) -> "Counts":
        """The counts of happenings and the reports of them."""
        known = [
            (made.phenomena, made.noticed, report.count)
            for made, report in pairs
            if made.band == "observable"
            and made.phenomena is not None
            and made.noticed is not None
            and report.count is not None
        ]
        return cls(len(known), *(sum(column) for column in zip(*known, strict=True))) if known else cls()

    @property
    def of_true(self) -> float | None:
        """Reported by true."""
        return _ratio(self.reported, self.true)

    @property
    def of_noticed(self) -> float | None:
        """Reported by noticed: 1 where each phenomenon was counted once."""
        return _ratio(self.reported, self.noticed)

    @property
    def bound(self) -> float | None:
        """Noticed by true: what counting each once would give.

        >>> Counts(1, true=10, noticed=9, reported=9).bound
        0.9
        """
        return _ratio(self.noticed, self.true)


def _ratio(part: int, whole: int) -> float | None:
    return part / whole if whole else None
