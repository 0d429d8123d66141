"""Fixes of one track and one time that contradict each other: surely on both sides of the line."""

import numpy as np
from numpy.typing import NDArray


def at_odds(
    key: NDArray[np.uint64],
    is_first: NDArray[np.bool_],
    time_ns: NDArray[np.int64],
    certain_side: NDArray[np.int8],
) -> NDArray[np.bool_]:
    """Which rows, track by track in order of time (n,), lie at a moment at which fixes of their track are surely on
    both sides of the line in force: no object is.

    A fix judged again against a new line (`is_first`) stands beside its own copy, which contradicts nothing.

    >>> at_odds(np.zeros(3, np.uint64), np.array([True, False, False]), np.array([5, 9, 9]), np.array([1, 1, -1]))
    array([False,  True,  True])
    """
    count = len(key)
    begins = np.ones(count, dtype=bool)
    begins[1:] = is_first[1:] | (key[1:] != key[:-1]) | (time_ns[1:] != time_ns[:-1])
    if begins.all():
        return np.zeros(count, dtype=bool)
    first = np.flatnonzero(begins)
    is_both = np.minimum.reduceat(certain_side, first) * np.maximum.reduceat(certain_side, first) < 0
    return np.repeat(is_both, np.diff(first, append=count))
