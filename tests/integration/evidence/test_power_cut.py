"""The power goes at any moment: synced bytes under synced names are what is left, and everything acknowledged
is."""

import json
import random
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from monitoring.adapters.journal import Journal, draft
from monitoring.adapters.seen_ids import SeenIds
from monitoring.evidence.errors import JournalDamaged

ROUNDS = 150


def one_round(tmp_path: Path, power_cut: Any, seed: int) -> None:
    rng = random.Random(seed)
    root = tmp_path / f"disk-{seed}"
    root.mkdir()
    ops = power_cut(root, rng)
    journal = Journal(root, ops=ops, segment_bytes=6_000, salt=rng.randbytes)
    acknowledged: list[int] = []
    number = 0
    for _ in range(rng.randrange(1, 12)):
        batch = range(number, number + rng.randrange(1, 4))
        number = batch.stop
        drafts = [
            draft(
                "tick",
                {"n": n, "pad": rng.randbytes(rng.randrange(1_500)).hex()},
                received_at_ns=0,
                door="clock",
            )
            for n in batch
        ]
        journal.append_all(drafts)
        acknowledged += batch
    # The last batch is written and the power goes before, or in the middle of, its sync.
    if rng.random() < 0.7:
        drafts = [
            draft("tick", {"n": number + n, "pad": rng.randbytes(900).hex()}, received_at_ns=0, door="clock")
            for n in range(rng.randrange(1, 4))
        ]
        journal._log._write(drafts)
    survived = tmp_path / f"after-{seed}"
    ops.cut(survived)
    again = Journal(survived, segment_bytes=6_000)
    stored = [json.loads(record.payload)["n"] for record in again.read()]
    assert stored[: len(acknowledged)] == acknowledged
    assert again.verify().record_count == len(stored)
    again.append("tick", {"n": -1}, received_at_ns=0, door="clock")
    assert again.verify().record_count == len(stored) + 1


def many_rounds(tmp_path: Path, power_cut: Any) -> None:
    for seed in range(ROUNDS):
        one_round(tmp_path, power_cut, seed)


def test_nothing_acknowledged_is_lost_when_the_power_goes(tmp_path: Path, power_cut: Any) -> None:
    many_rounds(tmp_path, power_cut)


def test_what_a_killed_writer_left_is_synced_before_the_next_one_builds_on_it(
    tmp_path: Path, power_cut: Any
) -> None:
    for seed in range(20):
        root = tmp_path / f"disk-{seed}"
        root.mkdir()
        ops = power_cut(root, random.Random(seed))
        first = Journal(root, ops=ops)
        first.append("tick", {"n": 1}, received_at_ns=0, door="clock")
        first._log._write([draft("tick", {"n": 2}, received_at_ns=0, door="clock")])
        second = Journal(root, ops=ops)
        seen = second.last_seq
        ops.cut(tmp_path / f"after-{seed}")
        assert Journal(tmp_path / f"after-{seed}").last_seq == seen == 2


def test_the_simulation_would_notice_a_directory_that_is_never_synced(
    tmp_path: Path, power_cut: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    def careless(ops: Any, path: Path, parts: Any) -> None:
        fd = ops.create(path)
        for part in parts:
            ops.write(fd, part)
        ops.sync(fd)
        ops.close(fd)

    monkeypatch.setattr("monitoring.adapters.segmented_log.write_whole", careless)
    with pytest.raises((AssertionError, JournalDamaged)):
        many_rounds(tmp_path, power_cut)


def test_seen_ids_hold_everything_up_to_their_position_when_the_power_goes(
    tmp_path: Path, power_cut: Any
) -> None:
    for seed in range(40):
        rng = random.Random(seed)
        root = tmp_path / f"disk-{seed}"
        root.mkdir()
        ops = power_cut(root, rng)
        seen = SeenIds(root, memory_rows=50, ops=ops)
        keys = np.random.default_rng(seed).integers(0, 2**64, (400, 2), dtype=np.uint64)
        for seq in range(1, rng.randrange(2, 21)):
            part = keys[20 * (seq - 1) : 20 * seq]
            seen.add(part, part + np.uint64(1), seq)
        survived = tmp_path / f"after-{seed}"
        ops.cut(survived)
        again = SeenIds(survived)
        content, is_found = again.lookup(keys[: 20 * again.position])
        assert again.position <= seen.position
        assert is_found.all()
        assert np.array_equal(content, keys[: 20 * again.position] + np.uint64(1))
        again.verify()
