"""The journal on a real disk: what is acknowledged stays, what is not is cut off, what is changed is
noticed."""

import errno
import json
import random
import threading
from pathlib import Path
from typing import Any

import pytest

from monitoring.adapters.journal import Journal, draft
from monitoring.adapters.reserve import DiskReserve
from monitoring.evidence.errors import JournalDamaged, JournalFull, JournalReadOnly, RecordErased


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "journal").mkdir()
    return tmp_path / "journal"


def tick(journal: Journal, number: int, padding: int = 0) -> int:
    value = {"reference_ns": number, "padding": "x" * padding}
    return journal.append("tick", value, received_at_ns=number, door="clock")


def numbers(journal: Journal, from_seq: int = 1) -> list[int]:
    return [json.loads(record.payload)["reference_ns"] for record in journal.read(from_seq)]


def filled(folder: Path, count: int = 3, **options: Any) -> Path:
    journal = Journal(folder, **options)
    for number in range(1, count + 1):
        tick(journal, number)
    journal.close()
    return max(folder.glob("*.journal"))


def test_records_come_back_with_everything_that_was_said_about_them(folder: Path) -> None:
    journal = Journal(folder)
    assert journal.last_seq == 0
    seq = journal.append(
        "action", b"bytes", received_at_ns=12, door="http", principal="analyst", meta={"b": [1], "a": None}
    )
    (record,) = journal.read()
    assert (seq, record.seq, record.type, record.payload) == (1, 1, "action", b"bytes")
    assert (record.received_at_ns, record.door, record.principal) == (12, "http", "analyst")
    assert (record.meta, record.format_version) == ({"b": [1], "a": None}, 1)


def test_a_journal_that_is_opened_again_goes_on_where_it_ended(folder: Path) -> None:
    filled(folder, 3)
    journal = Journal(folder)
    assert (journal.last_seq, journal.repairs) == (3, [])
    assert tick(journal, 4) == 4
    assert numbers(journal) == [1, 2, 3, 4]
    assert numbers(journal, 3) == [3, 4]
    assert numbers(journal, 9) == []
    assert journal.verify().record_count == 4


def test_records_run_over_many_files_and_are_found_from_any_number(folder: Path) -> None:
    filled(folder, 40, segment_bytes=1_500)
    assert len(list(folder.glob("*.journal"))) > 5
    journal = Journal(folder, segment_bytes=1_500)
    for start in range(1, 41):
        assert numbers(journal, start) == list(range(start, 41))
    assert journal.get(17) is not None
    assert journal.get(41) is None
    assert journal.verify().record_count == 40


def test_several_records_are_stored_with_one_sync(folder: Path, faulty: Any) -> None:
    ops = faulty()
    journal = Journal(folder, ops=ops)
    tick(journal, 1)
    before = ops.log.count("sync")
    drafts = [draft("tick", {"reference_ns": n}, received_at_ns=n, door="clock") for n in range(2, 50)]
    assert journal.append_all(drafts) == list(range(2, 50))
    assert ops.log.count("sync") == before + 1
    assert journal.append_all([]) == []


def test_threads_that_append_at_once_all_get_their_own_number(folder: Path) -> None:
    journal = Journal(folder, segment_bytes=20_000)
    seqs: list[int] = []

    def work(start: int) -> None:
        seqs.extend(tick(journal, start + n) for n in range(50))

    threads = [threading.Thread(target=work, args=(1_000 * n,)) for n in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(seqs) == list(range(1, 301))
    assert sorted(numbers(journal)) == sorted(1_000 * n + k for n in range(6) for k in range(50))
    assert journal.verify().record_count == 300


def test_an_unknown_record_type_is_refused(folder: Path) -> None:
    with pytest.raises(ValueError, match="no such record type: event"):
        Journal(folder).append("event", b"", received_at_ns=0, door="cli")


def test_a_reader_beside_the_writer_sees_what_is_whole_and_writes_nothing(folder: Path) -> None:
    writer = Journal(folder)
    tick(writer, 1)
    reader = Journal(folder, writable=False)
    assert (reader.last_seq, numbers(reader)) == (1, [1])
    tick(writer, 2)
    with min(folder.glob("*.journal")).open("ab") as file:
        file.write(b"\xc7LR\xb1half a record")
    assert (reader.last_seq, numbers(reader)) == (2, [1, 2])
    with pytest.raises(JournalReadOnly, match="opened for reading"):
        tick(reader, 3)


def test_an_incomplete_last_record_is_cut_off_at_every_byte_and_nothing_else(folder: Path) -> None:
    path = filled(folder, 2)
    start = path.stat().st_size
    filled(folder, 1)  # record 3 holds number 1 again
    whole = path.read_bytes()
    for size in range(start, len(whole)):
        path.write_bytes(whole[:size])
        journal = Journal(folder)
        assert journal.last_seq == 2
        assert [(r.offset, r.size) for r in journal.repairs] == (
            [(start, size - start)] if size > start else []
        )
        assert path.stat().st_size == start
        assert tick(journal, 30) == 3
        assert numbers(journal) == [1, 2, 30]
        journal.close()


def test_sectors_that_were_never_written_are_a_torn_tail_too(folder: Path) -> None:
    path = filled(folder, 2)
    start = path.stat().st_size
    journal = Journal(folder)
    tick(journal, 3, padding=3_000)
    journal.close()
    whole = path.read_bytes()
    first = start + -start % 512
    for begin in (start, *range(first, len(whole), 512)):
        end = min(len(whole), begin + 512 - begin % 512)
        path.write_bytes(whole[:begin] + bytes(end - begin) + whole[end:])
        journal = Journal(folder)
        assert (journal.last_seq, len(journal.repairs)) == (2, 1)
        journal.close()
    path.write_bytes(whole[:start] + bytes(5_000))
    assert Journal(folder).last_seq == 2


def test_zeroed_sectors_before_a_later_synced_record_are_damage(folder: Path) -> None:
    path = filled(folder, 1)
    journal = Journal(folder)
    begin = path.stat().st_size
    tick(journal, 2, padding=3_000)
    tick(journal, 3)
    journal.close()
    whole = path.read_bytes()
    for place in (begin + -begin % 512, begin + -begin % 512 + 512):
        path.write_bytes(whole[:place] + bytes(512) + whole[place + 512 :])
        with pytest.raises(JournalDamaged):
            Journal(folder)
    assert path.stat().st_size == len(whole)


def test_any_flipped_bit_is_noticed_and_the_file_and_place_are_named(folder: Path) -> None:
    path = filled(folder, 3)
    whole = path.read_bytes()
    rng = random.Random(5)
    for place in sorted(rng.sample(range(len(whole)), 250)):
        changed = bytearray(whole)
        changed[place] ^= 1 << rng.randrange(8)
        path.write_bytes(changed)
        with pytest.raises(JournalDamaged, match=r"Copy the home aside") as caught:
            Journal(folder)
        assert caught.value.file == str(path)
        assert caught.value.offset <= place
        with pytest.raises(JournalDamaged):
            Journal(folder, writable=False).verify()
        assert path.read_bytes() == changed


def test_damage_in_an_older_file_is_found_by_a_full_check_and_by_reading_there(folder: Path) -> None:
    filled(folder, 40, segment_bytes=1_500)
    first = min(folder.glob("*.journal"))
    changed = bytearray(first.read_bytes())
    changed[-20] ^= 1
    first.write_bytes(changed)
    journal = Journal(folder)
    assert numbers(journal, 20) == list(range(20, 41))
    with pytest.raises(JournalDamaged):
        journal.verify()
    with pytest.raises(JournalDamaged):
        numbers(journal)


def test_a_file_that_is_missing_or_cut_short_in_the_middle_is_noticed(folder: Path) -> None:
    filled(folder, 40, segment_bytes=1_500)
    paths = sorted(folder.glob("*.journal"))
    kept = {path: path.read_bytes() for path in paths}
    for path in (paths[0], paths[3]):
        path.unlink()
        with pytest.raises(JournalDamaged, match="missing"):
            Journal(folder, writable=False).verify()
        path.write_bytes(kept[path])
    paths[2].write_bytes(kept[paths[2]][:-30])
    with pytest.raises(JournalDamaged, match="ends inside"):
        Journal(folder, writable=False).verify()
    paths[2].write_bytes(kept[paths[1]])
    with pytest.raises(JournalDamaged, match="name does not fit"):
        Journal(folder, writable=False).verify()


def test_a_new_file_that_was_never_finished_is_removed(folder: Path) -> None:
    filled(folder, 3)
    for contents in (b"", b"\xc7LRSEG", bytes(200)):
        (folder / f"{4:020d}.journal").write_bytes(contents)
        (folder / f"{5:020d}.journal.tmp").write_bytes(b"left over")
        journal = Journal(folder)
        assert (journal.last_seq, len(journal.repairs)) == (3, 1)
        assert len(list(folder.iterdir())) == 1
        journal.close()


def test_a_replaced_record_with_right_checksums_breaks_the_chain(folder: Path, tmp_path: Path) -> None:
    path = filled(folder, 3)
    (tmp_path / "other").mkdir()
    other = filled(tmp_path / "other", 3)
    sizes = [path.stat().st_size, other.stat().st_size]
    assert sizes[0] == sizes[1]
    middle = sizes[0] // 2
    boundary = path.read_bytes().find(b"\xc7LR\xb1", middle)
    path.write_bytes(path.read_bytes()[:boundary] + other.read_bytes()[boundary:])
    with pytest.raises(JournalDamaged, match="does not continue the chain"):
        Journal(folder)


@pytest.mark.parametrize("kind", ["write", "sync"])
def test_after_a_failed_write_or_sync_nothing_is_acknowledged_or_tried_again(
    folder: Path, faulty: Any, kind: str
) -> None:
    filled(folder, 2)
    ops = faulty(kinds=kind)
    journal = Journal(folder, ops=ops)
    tick(journal, 3)
    ops.fail_at = ops.calls + 1
    with pytest.raises(JournalReadOnly, match="Input/output error"):
        tick(journal, 4)
    calls = len(ops.log)
    with pytest.raises(JournalReadOnly):
        tick(journal, 5)
    assert len(ops.log) == calls
    assert journal.failure is not None
    assert numbers(journal) == [1, 2, 3]
    assert journal.last_seq == 3
    journal.close()
    again = Journal(folder)
    assert again.last_seq in (3, 4)
    assert numbers(again)[:3] == [1, 2, 3]


def test_every_failing_operation_in_turn_leaves_a_journal_that_opens_with_all_that_was_acknowledged(
    tmp_path: Path, faulty: Any
) -> None:
    kinds = "create write sync sync_directory replace truncate unlink allocate"
    for error in (errno.EIO, errno.ENOSPC):
        for fail_at in range(1, 400):
            folder = tmp_path / f"{error}-{fail_at}"
            folder.mkdir()
            ops = faulty(fail_at, error, kinds)
            acknowledged: list[int] = []
            try:
                journal = Journal(folder, ops=ops, segment_bytes=900)
            except OSError:
                continue
            for number in range(1, 9):
                try:
                    tick(journal, number)
                except (JournalReadOnly, JournalFull):
                    continue
                acknowledged.append(number)
            journal.close()
            again = Journal(folder, segment_bytes=900)
            stored = numbers(again)
            assert set(acknowledged) <= set(stored)
            assert len(stored) == len(set(stored))
            assert again.verify().record_count == len(stored)
            if ops.calls < fail_at:
                break
        else:
            pytest.fail("the loop should have run out of operations")


def test_a_full_disk_keeps_nothing_of_the_refused_record_and_goes_on_when_there_is_room(
    folder: Path, tmp_path: Path, faulty: Any
) -> None:
    ops = faulty(error=errno.ENOSPC, kinds="write allocate", sticky=True)
    reserve = DiskReserve(tmp_path / "reserve", 1 << 16, ops)
    journal = Journal(folder, reserve=reserve, ops=ops)
    assert reserve.is_held
    tick(journal, 1)
    ops.fail_at = ops.calls + 1
    with pytest.raises(JournalFull, match="free some space"):
        journal.append("events", b"rows", received_at_ns=1, door="file")
    assert journal.is_full
    assert not reserve.path.exists()
    with pytest.raises(JournalFull, match="still is"):
        journal.append("events", b"rows", received_at_ns=1, door="file")
    ops.kinds = ["allocate"]
    assert tick(journal, 2) == 2, "the reserve lets the program write down what it must"
    with pytest.raises(JournalFull):
        journal.append("events", b"rows", received_at_ns=1, door="file")
    ops.fail_at = 0
    assert journal.append("events", b"rows", received_at_ns=1, door="file") == 3
    assert not journal.is_full
    assert reserve.is_held
    assert journal.verify().record_count == 3


def test_a_full_disk_that_cannot_be_cut_back_makes_the_journal_read_only(folder: Path, faulty: Any) -> None:
    ops = faulty(error=errno.ENOSPC, kinds="write truncate", sticky=True)
    journal = Journal(folder, ops=ops)
    tick(journal, 1)
    ops.fail_at = ops.calls + 1
    with pytest.raises(JournalReadOnly):
        tick(journal, 2)
    journal.close()
    assert numbers(Journal(folder)) == [1]


@pytest.mark.parametrize("segment_bytes", [64 << 20, 600])
def test_an_erased_payload_is_gone_and_the_chain_still_verifies(folder: Path, segment_bytes: int) -> None:
    journal = Journal(folder, segment_bytes=segment_bytes)
    journal.append("account", b"Jane Roe, born 1980", received_at_ns=1, door="cli")
    before = journal.verify()
    tick(journal, 2)
    order = journal.append("action", {"erase": 1}, received_at_ns=3, door="cli", principal="admin")
    journal.erase(1, action_seq=order)
    assert all(b"Jane" not in path.read_bytes() for path in folder.iterdir())
    records = list(journal.read())
    assert records[0].is_erased
    with pytest.raises(RecordErased):
        _ = records[0].payload
    assert records[0].header_hash.hex() == before.last_hash
    tick(journal, 4)
    journal.close()
    again = Journal(folder, segment_bytes=segment_bytes)
    assert (again.verify().erased, again.last_seq) == ((1,), 4)


def test_nothing_is_erased_without_a_logged_order(folder: Path) -> None:
    journal = Journal(folder)
    tick(journal, 1)
    action = journal.append("action", {}, received_at_ns=3, door="cli")
    for seq, order in ((1, 1), (2, 2), (1, 9)):
        with pytest.raises(ValueError, match="log the order first"):
            journal.erase(seq, action_seq=order)
    journal.erase(1, action_seq=action)
