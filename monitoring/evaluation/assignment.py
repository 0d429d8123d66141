"""One-to-one assignment: as many pairs as possible, and among those the cheapest.

The Hungarian method with potentials (Kuhn 1955; Munkres 1957; the O(n^2 m) form by rows), on each connected
part of the allowed pairs by itself: parts are small where gates are narrow.
"""

from typing import Final

import numpy as np
from numpy.typing import NDArray

Indices = NDArray[np.int64]
Reals = NDArray[np.float64]

FORBIDDEN: Final = 1e6
"""Cost of leaving a row without partner; far above any sum of real costs in a part."""


def assign(rows: Indices, columns: Indices, cost: Reals) -> tuple[Indices, Indices]:
    """The best one-to-one choice among allowed pairs (rows[k], columns[k]) with cost[k] in [0, 100].

    Returns the chosen rows and columns, ordered by row. Most pairs first, then least total cost; ties fall to
    the lower indices by the order of work, the same on every run.

    >>> assign(np.array([0, 0, 1]), np.array([5, 6, 5]), np.array([0.1, 0.9, 0.5]))
    (array([0, 1]), array([6, 5]))
    """
    chosen: list[tuple[int, int]] = []
    for part in _parts(rows, columns):
        row_ids, r = np.unique(rows[part], return_inverse=True)
        column_ids, c = np.unique(columns[part], return_inverse=True)
        dense = np.full((len(row_ids), len(column_ids) + len(row_ids)), FORBIDDEN)
        np.minimum.at(dense, (r, c), cost[part])
        # Every row may stay alone, at a price: one spare column each.
        partner = _hungarian(dense)
        chosen += [
            (int(row_ids[i]), int(column_ids[j]))
            for i, j in enumerate(partner.tolist())
            if j < len(column_ids) and dense[i, j] < FORBIDDEN
        ]
    chosen.sort()
    return np.array([i for i, _ in chosen], dtype=np.int64), np.array([j for _, j in chosen], dtype=np.int64)


def _hungarian(cost: Reals) -> Indices:
    """For each row of `cost`, shape (n, m) with n <= m, its column in a cheapest complete assignment."""
    n, m = cost.shape
    u, v = np.zeros(n + 1), np.zeros(m + 1)
    row_of = np.zeros(m + 1, dtype=np.int64)
    for row in range(1, n + 1):
        row_of[0] = row
        at = 0
        least = np.full(m + 1, np.inf)
        came_from = np.zeros(m + 1, dtype=np.int64)
        is_done = np.zeros(m + 1, dtype=bool)
        while True:
            is_done[at] = True
            current = row_of[at]
            reduced = cost[current - 1] - u[current] - v[1:]
            better = ~is_done[1:] & (reduced < least[1:])
            least[1:][better] = reduced[better]
            came_from[1:][better] = at
            open_ = np.where(is_done, np.inf, least)
            open_[0] = np.inf
            nearest = int(np.argmin(open_))
            step = open_[nearest]
            u[row_of[is_done]] += step
            v[is_done] -= step
            least[~is_done] -= step
            at = nearest
            if row_of[at] == 0:
                break
        while at:
            row_of[at] = row_of[came_from[at]]
            at = int(came_from[at])
    partner = np.full(n, -1, dtype=np.int64)
    taken = np.flatnonzero(row_of[1:] > 0)
    partner[row_of[1:][taken] - 1] = taken
    return partner


def _parts(rows: Indices, columns: Indices) -> list[Indices]:
    """Positions of the pairs of each connected part, parts ordered by their least row."""
    if not len(rows):
        return []
    _, c = np.unique(columns, return_inverse=True)
    row_ids, r = np.unique(rows, return_inverse=True)
    label = np.arange(len(row_ids))
    while True:
        of_column = np.full(int(c.max()) + 1, len(row_ids))
        np.minimum.at(of_column, c, label[r])
        spread = label.copy()
        np.minimum.at(spread, r, of_column[c])
        if np.array_equal(spread, label):
            break
        label = spread
    order = np.argsort(label[r], kind="stable")
    return np.split(order, np.flatnonzero(np.diff(label[r][order])) + 1)
