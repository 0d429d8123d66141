"""Which ids were accepted before: what admission asks, and a set in memory for runs without a home."""

from typing import Protocol

import numpy as np
from numpy.typing import NDArray

Hashes = NDArray[np.uint64]


class SeenIds(Protocol):
    """A set of key hashes (m, 2), each with the content hash (m, 2) it was first accepted with."""

    def lookup(self, key_hash: Hashes) -> tuple[Hashes, NDArray[np.bool_]]:
        """Content hash (m, 2) of each key and whether it was seen (m,); zeros where it was not."""
        ...


class MemorySeenIds:
    """`SeenIds` in memory, in sorted runs of doubling size; forgets nothing.

    >>> seen = MemorySeenIds()
    >>> key = np.array([[1, 2]], dtype=np.uint64)
    >>> seen.add(key, np.array([[3, 4]], dtype=np.uint64))
    >>> seen.lookup(key)[1]
    array([ True])
    """

    def __init__(self) -> None:
        self._runs: list[tuple[Hashes, Hashes]] = []

    def lookup(self, key_hash: Hashes) -> tuple[Hashes, NDArray[np.bool_]]:
        """See `SeenIds.lookup`."""
        content = np.zeros((len(key_hash), 2), dtype=np.uint64)
        is_found = np.zeros(len(key_hash), dtype=np.bool_)
        for keys, contents in self._runs:
            place = np.searchsorted(keys[:, 0], key_hash[:, 0])
            # Two keys that share their first half are as good as impossible, but not quite.
            for _ in range(3):
                inside = np.minimum(place, len(keys) - 1)
                hit = (keys[inside] == key_hash).all(axis=1) & ~is_found
                content[hit] = contents[inside[hit]]
                is_found |= hit
                place = place + 1
        return content, is_found

    def add(self, key_hash: Hashes, content_hash: Hashes) -> None:
        """Remember these keys, none of which may be known already."""
        if len(key_hash) == 0:
            return
        order = np.argsort(key_hash[:, 0], kind="stable")
        run = (key_hash[order], content_hash[order])
        while self._runs and len(self._runs[-1][0]) <= 2 * len(run[0]):
            before = self._runs.pop()
            keys, contents = np.concatenate((before[0], run[0])), np.concatenate((before[1], run[1]))
            order = np.argsort(keys[:, 0], kind="stable")
            run = (keys[order], contents[order])
        self._runs.append(run)
