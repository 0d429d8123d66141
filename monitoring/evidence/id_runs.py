"""Sorted runs of event identities: how a key seen once is found again among hundreds of millions.

A run is a uint64 array of shape (n, 4), sorted by its first two columns: key hash (high, low), content hash
(high, low). Beside it lies an index of `starts` over the leading bits of the key, so that a lookup touches a
handful of rows. Hashes are uniform, so buckets are small; a skewed hash costs time, never a wrong answer.
"""

from typing import Final

import numpy as np
from numpy.typing import NDArray

Rows = NDArray[np.uint64]
Starts = NDArray[np.uint32]

ROWS_PER_BUCKET: Final = 4
SMALL_ROWS: Final = 1 << 20
"""Runs up to this size, which are asked most, have nearly a bucket for every row: many new keys then meet an empty
one."""
ROWS_PER_BUCKET_SMALL: Final = 2
MAX_BITS: Final = 28


def sorted_run(key_hash: Rows, content_hash: Rows) -> Rows:
    """A run from keys (n, 2) and contents (n, 2) in any order; of equal keys the first stays.

    >>> k = np.array([[7, 1], [3, 0], [7, 1]], dtype=np.uint64); c = np.array([[1, 1], [2, 2], [9, 9]],
    dtype=np.uint64)
    >>> sorted_run(k, c).tolist()
    [[3, 0, 2, 2], [7, 1, 1, 1]]
    """
    return _in_order(np.concatenate([key_hash, content_hash], axis=1, dtype=np.uint64))


def merged(runs: list[Rows]) -> Rows:
    """One run from several; of equal keys the one in the earlier run stays."""
    return _in_order(np.concatenate(runs)) if runs else np.zeros((0, 4), dtype=np.uint64)


def _in_order(rows: Rows) -> Rows:
    order = np.argsort(rows[:, 0], kind="stable")
    high = rows[order, 0]
    if np.any(high[1:] == high[:-1]):
        order = np.lexsort((rows[:, 1], rows[:, 0]))
        ordered = rows[order]
        is_new = np.ones(len(rows), dtype=np.bool_)
        is_new[1:] = (ordered[1:, 0] != ordered[:-1, 0]) | (ordered[1:, 1] != ordered[:-1, 1])
        return np.ascontiguousarray(ordered[is_new])
    return rows[order]


def bits_for(row_count: int) -> int:
    """How many leading bits of the key the index of a run of `row_count` rows uses (1 to MAX_BITS)."""
    rows_per_bucket = ROWS_PER_BUCKET_SMALL if row_count <= SMALL_ROWS else ROWS_PER_BUCKET
    return min(MAX_BITS, max(1, (row_count // rows_per_bucket).bit_length()))


def bucket_of(key_high: NDArray[np.uint64], bits: int) -> NDArray[np.int64]:
    """The leading `bits` of each key, int64, shape (n,)."""
    return (key_high >> np.uint64(64 - bits)).astype(np.int64)


def starts_of(rows: Rows, bits: int) -> Starts:
    """Index of a run: `starts[b]` = first row whose leading bits are >= b; shape (2**bits + 1,)."""
    counts = np.bincount(bucket_of(rows[:, 0], bits), minlength=1 << bits)
    starts = np.zeros((1 << bits) + 1, dtype=np.uint32)
    np.cumsum(counts, out=starts[1:])
    return starts


def find(rows: Rows, starts: Starts, bits: int, key_hash: Rows) -> NDArray[np.int64]:
    """Row of each key (m, 2) in a run, -1 where it is not in it. int64, shape (m,).

    A binary search inside the bucket, all keys at once; only keys whose bucket is not empty take part.
    """
    found = np.full(len(key_hash), -1, dtype=np.int64)
    if not len(rows) or not len(key_hash):
        return found
    bucket = bucket_of(key_hash[:, 0], bits)
    low, end = starts[bucket].astype(np.int64), starts[bucket + 1].astype(np.int64)
    asked = np.flatnonzero(low < end)
    low, end, high_key, low_key = low[asked], end[asked], key_hash[asked, 0], key_hash[asked, 1]
    high = end.copy()
    active = np.arange(len(asked))
    while len(active):
        middle = (low[active] + high[active]) >> 1
        value = rows[middle, 0]
        is_less = value < high_key[active]
        equal = np.flatnonzero(value == high_key[active])
        if len(equal):
            is_less[equal] = rows[middle[equal], 1] < low_key[active[equal]]
        low[active[is_less]] = middle[is_less] + 1
        high[active[~is_less]] = middle[~is_less]
        active = active[low[active] < high[active]]
    inside = np.flatnonzero(low < end)
    at = low[inside]
    hit = (rows[at, 0] == high_key[inside]) & (rows[at, 1] == low_key[inside])
    found[asked[inside[hit]]] = at[hit]
    return found
