"""The assignment against every possible one."""

from itertools import permutations

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from monitoring.evaluation.assignment import assign


def best_by_trying_all(pairs: dict[tuple[int, int], float], rows: int, columns: int) -> tuple[int, float]:
    best = (0, 0.0)
    spare = [*range(columns), *[-1] * rows]
    for choice in set(permutations(spare, rows)):
        used = [pairs[i, j] for i, j in enumerate(choice) if (i, j) in pairs]
        if any((i, j) not in pairs for i, j in enumerate(choice) if j >= 0):
            continue
        if (len(used), -sum(used)) > (best[0], -best[1]):
            best = (len(used), sum(used))
    return best


@given(
    st.integers(1, 4),
    st.integers(1, 4),
    st.dictionaries(st.tuples(st.integers(0, 3), st.integers(0, 3)), st.integers(0, 30), max_size=12),
)
@settings(max_examples=60, deadline=None)
def test_no_other_choice_has_more_pairs_or_as_many_at_less_cost(
    rows: int, columns: int, costs: dict[tuple[int, int], int]
) -> None:
    pairs = {(i, j): cost / 10 for (i, j), cost in costs.items() if i < rows and j < columns}
    keys = sorted(pairs)
    r, c = assign(
        np.array([k[0] for k in keys], dtype=np.int64),
        np.array([k[1] for k in keys], dtype=np.int64),
        np.array([pairs[k] for k in keys], dtype=np.float64),
    )
    assert len(set(r.tolist())) == len(r)
    assert len(set(c.tolist())) == len(c)
    got = [pairs[i, j] for i, j in zip(r.tolist(), c.tolist(), strict=True)]
    count, cost = best_by_trying_all(pairs, rows, columns)
    assert (len(got), round(sum(got), 6)) == (count, round(cost, 6))


def test_nothing_to_assign_gives_nothing() -> None:
    nothing = np.empty(0, dtype=np.int64)
    r, c = assign(nothing, nothing, np.empty(0))
    assert len(r) == len(c) == 0


def test_a_near_pair_gives_way_when_that_makes_two_pairs() -> None:
    r, c = assign(np.array([0, 0, 1]), np.array([0, 1, 0]), np.array([0.0, 5.0, 5.0]))
    assert list(zip(r.tolist(), c.tolist(), strict=True)) == [(0, 1), (1, 0)]
