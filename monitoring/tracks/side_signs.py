"""What the probabilities of a change of side, after a piece of evidence, ask to be done."""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from monitoring.tracks import side_filter
from monitoring.tracks.changes import Thresholds

Reals = NDArray[np.float64]
Bools = NDArray[np.bool_]
Sides = NDArray[np.int8]

_ON_A, _ON_B = np.int8(1), np.int8(-1)


class Standing(NamedTuple):
    """How the changes of tracks stand before the evidence, columns of `CHANGES` (n,)."""

    side: Sides
    is_told: Bools
    is_asserted: Bools
    revision: NDArray[np.int64]
    surest_prob: Reals


class Signs(NamedTuple):
    """Of each track, (n,), or of each track rank by rank, (ranks, n).

    `change`: how probable one is; `now`, `surest`: the likelier side and how likely it is; `may_assert` a change;
    `is_news` that is worth telling; `is_undone`: a change that was told, and now the old side is sure again;
    `is_known`: the side is; `is_anchor`: from here on changes are counted; `is_likely`: a change is, and neither side
    known.
    """

    prob_a: Reals
    change: Reals
    now: Sides
    surest: Reals
    may_assert: Bools
    is_news: Bools
    is_undone: Bools
    is_known: Bools
    is_anchor: Bools
    is_likely: Bools

    @classmethod
    def of(cls, sums: Reals, standing: Standing, limits: Thresholds) -> "Signs":
        """From `sums` (3, 2, n) or (3, 2, ranks, n) of the filter; `limits` (n,) or (ranks, n)."""
        side, is_told, is_asserted, revision, surest_prob = standing
        prob_a, prob_b = side_filter.side_a(sums), side_filter.side_b(sums)
        change = side_filter.changed(sums, side)
        now = np.where(prob_a >= prob_b, _ON_A, _ON_B)
        surest = np.maximum(prob_a, prob_b)
        is_sure, is_same, was_told = surest >= limits.sure_prob, now == side, revision > 0
        is_likely = change >= limits.report_prob
        may_assert = change >= limits.assert_prob
        is_news = is_sure & (now == -side) & (is_likely | was_told) & ~(may_assert & is_asserted)
        is_news |= is_told & may_assert & ~is_asserted
        is_known = is_sure | ((side == 0) & (surest >= limits.assert_prob))
        # What a change is counted from is the fix that showed the old side best, not merely the last good one:
        # should the object have gone over a little before that, it has gone over all the same.
        is_anchor = is_known & (~is_same | is_told | was_told)
        is_anchor |= is_same & (surest >= surest_prob) & ~is_told
        return cls(
            prob_a,
            change,
            now,
            surest,
            may_assert,
            is_news,
            is_sure & is_same & was_told,
            is_known,
            is_anchor,
            is_likely & ~is_known,
        )

    def quiet_count(self, standing: Standing) -> int:
        """How many ranks pass before one changes more than what is known, where no change waits."""
        acts = self.is_news | self.is_undone | self.is_anchor
        acts |= self.is_likely & (standing.side != 0) & ~standing.is_told
        ranks = np.flatnonzero(acts.any(axis=1))
        return int(ranks[0]) if len(ranks) else len(acts)
