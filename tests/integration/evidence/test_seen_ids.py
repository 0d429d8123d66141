from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from monitoring.adapters.seen_ids import SeenIds
from monitoring.evidence.errors import JournalDamaged

RNG = np.random.default_rng(11)


def hashes(count: int) -> NDArray[np.uint64]:
    return RNG.integers(0, 2**64, (count, 2), dtype=np.uint64)


def test_ids_are_found_with_their_content_through_many_flushes_merges_and_starts(tmp_path: Path) -> None:
    keys, contents = hashes(20_000), hashes(20_000)
    seen = SeenIds(tmp_path, memory_rows=700)
    for seq, start in enumerate(range(0, 20_000, 100), 1):
        part = slice(start, start + 100)
        assert not seen.lookup(keys[part])[1].any()
        seen.add(keys[part], contents[part], seq)
        if seq % 40 == 0:
            seen.flush()
            seen = SeenIds(tmp_path, memory_rows=700)
            assert seen.position == seen.complete_to == seq
    got, is_found = seen.lookup(keys)
    assert is_found.all()
    assert np.array_equal(got, contents)
    got, is_found = seen.lookup(hashes(5_000))
    assert not is_found.any()
    assert not got.any()
    assert len(seen) == 20_000
    assert len(list(tmp_path.glob("seen-*"))) <= 8
    seen.verify()


def test_the_first_content_of_an_id_stays(tmp_path: Path) -> None:
    keys, contents = hashes(10), hashes(10)
    seen = SeenIds(tmp_path)
    seen.add(np.concatenate([keys, keys]), np.concatenate([contents, hashes(10)]), 1)
    seen.flush()
    seen.add(keys, hashes(10), 2)
    assert len(seen) == 10
    assert np.array_equal(seen.lookup(keys)[0], contents)


def test_ids_that_were_just_looked_up_are_added_without_looking_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    keys, contents = hashes(500), hashes(500)
    seen = SeenIds(tmp_path)
    seen.add(keys[:200], contents[:200], 1)
    assert not seen.lookup(keys[200:])[1].any()
    with monkeypatch.context() as patched:
        patched.setattr(SeenIds, "lookup", lambda *_: pytest.fail("looked up once more"))
        seen.add(keys[200:], contents[200:], 2, are_new=True)
    got, is_found = seen.lookup(keys)
    assert is_found.all()
    assert np.array_equal(got, contents)
    assert seen.complete_to == 2


def test_what_was_not_flushed_is_added_again_from_the_journal(tmp_path: Path) -> None:
    keys = hashes(30)
    seen = SeenIds(tmp_path)
    seen.add(keys[:10], keys[:10], 1)
    seen.flush()
    seen.add(keys[10:], keys[10:], 2)
    seen.advance(5)
    assert (seen.position, seen.complete_to) == (1, 5)
    again = SeenIds(tmp_path)
    assert again.position == 1
    assert again.lookup(keys)[1].sum() == 10
    for _ in range(2):
        again.add(keys[10:], keys[10:], 2)
    assert again.lookup(keys)[1].all()
    assert len(again) == 30


def test_nothing_added_and_nothing_asked_is_fine(tmp_path: Path) -> None:
    seen = SeenIds(tmp_path)
    seen.flush()
    seen.add(hashes(0), hashes(0), 3)
    content, is_found = seen.lookup(hashes(0))
    assert (content.shape, is_found.shape) == ((0, 2), (0,))
    seen.flush()
    assert SeenIds(tmp_path).position == 3


def test_every_failing_operation_in_turn_leaves_a_set_that_holds_all_up_to_its_position(
    tmp_path: Path, faulty: Any
) -> None:
    keys = hashes(200)
    for fail_at in range(1, 200):
        folder = tmp_path / str(fail_at)
        ops = faulty(fail_at, kinds="create write sync sync_directory replace unlink")
        seen = SeenIds(folder, memory_rows=25, ops=ops)
        for seq in range(1, 21):
            part = keys[10 * (seq - 1) : 10 * seq]
            try:
                seen.add(part, part, seq)
            except OSError:
                assert seen.lookup(keys[: 10 * seq])[1].all(), "what is in memory stays right"
        again = SeenIds(folder)
        assert again.position >= 15
        assert again.lookup(keys[: 10 * again.position])[1].all()
        if ops.calls < fail_at:
            return
    pytest.fail("the loop should have run out of operations")


def test_a_flipped_bit_is_found_by_a_check_and_a_wrong_length_at_the_start(tmp_path: Path) -> None:
    keys = hashes(100)
    seen = SeenIds(tmp_path)
    seen.add(keys, keys, 1)
    seen.flush()
    (path,) = tmp_path.glob("seen-0*")
    whole = path.read_bytes()
    path.write_bytes(whole[:900] + bytes([whole[900] ^ 1]) + whole[901:])
    with pytest.raises(JournalDamaged, match="checksum"):
        SeenIds(tmp_path).verify()
    path.write_bytes(whole[:-4])
    with pytest.raises(JournalDamaged, match="length"):
        SeenIds(tmp_path)


def test_a_reset_set_is_empty_and_its_files_are_gone(tmp_path: Path) -> None:
    seen = SeenIds(tmp_path)
    seen.add(hashes(10), hashes(10), 1)
    seen.flush()
    seen.reset()
    assert (len(seen), seen.position, SeenIds(tmp_path).position) == (0, 0, 0)
    assert list(tmp_path.glob("seen-0*")) == []
