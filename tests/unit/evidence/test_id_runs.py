import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from monitoring.evidence import id_runs

# Few distinct values, at the ends of the range and in the middle, so that equal high halves and empty buckets
# occur.
HALF = st.sampled_from([0, 1, 2, 2**32, 2**63 - 1, 2**63, 2**64 - 2, 2**64 - 1])
KEYS = st.lists(st.tuples(HALF, HALF), max_size=60)


def as_hashes(pairs: list[tuple[int, int]]) -> NDArray[np.uint64]:
    return np.array(pairs, dtype=np.uint64).reshape(-1, 2)


@given(stored=KEYS, asked=KEYS)
@settings(max_examples=100, deadline=None)
def test_a_run_finds_what_a_dictionary_finds_and_the_first_content_stays(
    stored: list[tuple[int, int]], asked: list[tuple[int, int]]
) -> None:
    contents = [(position, 2**64 - 1 - position) for position in range(len(stored))]
    expected: dict[tuple[int, int], tuple[int, int]] = {}
    for key, content in zip(stored, contents, strict=True):
        expected.setdefault(key, content)
    rows = id_runs.sorted_run(as_hashes(stored), as_hashes(contents))
    bits = id_runs.bits_for(len(rows))
    at = id_runs.find(rows, id_runs.starts_of(rows, bits), bits, as_hashes(asked))
    got = [None if place < 0 else tuple(map(int, rows[place, 2:])) for place in at]
    assert got == [expected.get(key) for key in asked]
    assert len(rows) == len(expected)


@given(one=KEYS, other=KEYS)
@settings(max_examples=50, deadline=None)
def test_merging_keeps_every_key_once_in_order(
    one: list[tuple[int, int]], other: list[tuple[int, int]]
) -> None:
    runs = [
        id_runs.sorted_run(as_hashes(keys), np.full((len(keys), 2), number, dtype=np.uint64))
        for number, keys in enumerate((one, other))
    ]
    merged = id_runs.merged(runs)
    keys = [tuple(map(int, row[:2])) for row in merged]
    assert keys == sorted(set(one) | set(other))
    assert all(row[2] == 0 for row, key in zip(merged, keys, strict=True) if key in set(one))


@pytest.mark.parametrize("rows", [0, 1, 7, 8, 10_000, 2**20, 2**20 + 1, 2**40])
def test_the_index_stays_small_beside_its_run(rows: int) -> None:
    bits = id_runs.bits_for(rows)
    assert 1 <= bits <= id_runs.MAX_BITS
    assert (1 << bits) <= max(2, rows)
