from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pytest

from monitoring import events as event_tables
from monitoring import schema
from monitoring.adapters import archive as archive_module
from monitoring.adapters.archive import DAY_NS, Archive, to_events, to_stored
from monitoring.evidence.errors import JournalDamaged

MIDNIGHT = 20_240 * DAY_NS  # 2025-06-01


def batch(seq: int, count: int = 60, first_ns: int = MIDNIGHT, step_ns: int = 10**9) -> pa.Table:
    """Events of three sensors with two tracks each and some fire without a track, along a diagonal."""
    rng = np.random.default_rng(seq)
    sensor = np.arange(count) % 3
    is_fire = np.arange(count) % 10 == 7
    made: dict[str, Any] = {
        "journal_seq": np.full(count, seq),
        "row": np.arange(count, dtype=np.int32),
        "flags": np.zeros(count, dtype=np.uint16),
        "sensor_id": [f"S-{s}" for s in sensor],
        "id": [f"e-{seq}-{row}" for row in range(count)],
        "time_ns": first_ns + rng.permutation(count) * step_ns,
        "kind": event_tables.words("kind", np.where(is_fire, 2, 0).astype(np.int8)),
        "affiliation": event_tables.words("affiliation", (np.arange(count) % 6 - 1).astype(np.int8)),
        "lon": [None if row % 20 == 19 else 36.0 + row / count for row in range(count)],
        "lat": [None if row % 20 == 19 else 48.0 + row / count for row in range(count)],
        "track_id": [None if fire else f"t{row % 2}" for row, fire in enumerate(is_fire)],
        "count": [row if row % 4 else None for row in range(count)],
        "text": [f"пострiл {row}" for row in range(count)],
    }
    arrays = [
        pa.array(made[field.name], type=field.type)
        if field.name in made and not isinstance(made[field.name], pa.Array)
        else made.get(field.name, pa.nulls(count, field.type))
        for field in schema.EVENTS
    ]
    return pa.Table.from_arrays(arrays, schema=schema.EVENTS)


def same(one: pa.Table, other: pa.Table) -> bool:
    assert one.schema == schema.EVENTS == other.schema
    return bool(
        event_tables.in_canonical_order(one).to_pylist() == event_tables.in_canonical_order(other).to_pylist()
    )


@pytest.fixture
def three_days() -> pa.Table:
    return pa.concat_tables(batch(seq, first_ns=MIDNIGHT + (seq % 3) * DAY_NS) for seq in range(1, 10))


@pytest.fixture(params=["waiting", "flushed", "half and half", "read by another"])
def full(request: pytest.FixtureRequest, tmp_path: Path, three_days: pa.Table) -> Archive:
    archive = Archive(tmp_path)
    for seq in range(1, 10):
        archive.append(three_days.slice(60 * (seq - 1), 60))
        if request.param in ("flushed", "read by another") or (request.param == "half and half" and seq == 5):
            archive.flush()
    return Archive(tmp_path, writable=False) if request.param == "read by another" else archive


def test_everything_comes_back_in_canonical_order(full: Archive, three_days: pa.Table) -> None:
    got = full.select()
    assert same(got, three_days)
    assert np.array_equal(event_tables.canonical_order(got), np.arange(got.num_rows))
    assert full.row_count == three_days.num_rows
    assert full.select(limit=7).equals(got.slice(0, 7))


def test_events_are_found_by_track(full: Archive, three_days: pa.Table) -> None:
    rows = three_days.to_pylist()
    keys = [("S-1", "t0"), ("S-2", None), ("S-9", "t0")]
    expected = [r for r in rows if (r["sensor_id"], r["track_id"]) in keys]
    assert len(expected) > 20
    got = full.select(keys=keys)
    assert sorted(got["id"].to_pylist()) == sorted(r["id"] for r in expected)
    until = MIDNIGHT + DAY_NS + 30 * 10**9
    got = full.select(keys=keys, from_ns=MIDNIGHT + DAY_NS, to_ns=until)
    expected = [r for r in expected if MIDNIGHT + DAY_NS <= r["time_ns"] < until]
    assert sorted(got["id"].to_pylist()) == sorted(r["id"] for r in expected)
    assert full.select(keys=[]).num_rows == 0


def test_events_are_found_by_id_and_by_address(full: Archive) -> None:
    got = full.select(ids=["S-1/e-3-1", "S-2/e-3-1", "S-0/e-9-0", "nonsense"])
    assert got["id"].to_pylist() == ["e-9-0", "e-3-1"] or got["id"].to_pylist() == ["e-3-1", "e-9-0"]
    got = full.select(addresses=[(4, 59), (9, 0), (40, 1)])
    assert sorted(got["id"].to_pylist()) == ["e-4-59", "e-9-0"]
    assert full.select(addresses=[]).num_rows == 0


def test_events_are_found_by_place_time_and_kind(full: Archive, three_days: pa.Table) -> None:
    box = (36.2, 48.2, 36.5, 48.5)
    got = full.select(bbox=box, kinds=["explosion"])
    expected = [
        r["id"]
        for r in three_days.to_pylist()
        if r["kind"] == "explosion" and r["lon"] is not None and 36.2 <= r["lon"] <= 36.5
    ]
    assert sorted(got["id"].to_pylist()) == sorted(expected)
    assert len(expected) > 5
    assert full.select(bbox=(0, 0, 1, 1)).num_rows == 0
    assert full.select(from_ns=MIDNIGHT + 50 * DAY_NS).num_rows == 0


def test_files_are_named_by_day_and_journal_range_and_readable_by_others(
    tmp_path: Path, three_days: pa.Table
) -> None:
    archive = Archive(tmp_path)
    archive.append(three_days)
    archive.flush()
    assert [file.name for file in archive.files] == [
        f"2025-06-0{day}_000000000001-000000000009.parquet" for day in (1, 2, 3)
    ]
    import pyarrow.parquet as pq  # noqa: PLC0415  # stands for another program

    table = pq.read_table(tmp_path / archive.files[0].name, use_threads=False)
    assert set(table["kind"].to_pylist()) == {"track", "explosion"}
    assert archive.verify() == 540


def test_appending_again_after_a_crash_changes_nothing(tmp_path: Path, three_days: pa.Table) -> None:
    archive = Archive(tmp_path)
    archive.append(three_days.slice(0, 240))
    archive.flush()
    archive.append(three_days.slice(240))
    assert (archive.flushed_seq, archive.appended_seq) == (4, 9)
    again = Archive(tmp_path)
    assert (again.flushed_seq, again.appended_seq) == (4, 4)
    again.append(three_days)
    again.append(three_days.slice(120))
    assert same(again.select(), three_days)
    again.append(schema.EVENTS.empty_table(), through_seq=12)
    again.flush()
    assert Archive(tmp_path).flushed_seq == 12
    assert same(Archive(tmp_path).select(), three_days)


def test_a_full_buffer_is_flushed_and_large_days_are_cut_into_files(
    tmp_path: Path, three_days: pa.Table
) -> None:
    archive = Archive(tmp_path, memory_rows=300, file_rows=70)
    for seq in range(1, 10):
        archive.append(three_days.slice(60 * (seq - 1), 60))
    assert archive.flushed_seq == 5
    archive.flush()
    assert max(file.rows for file in archive.files) <= 70
    assert same(archive.select(), three_days)


def test_many_small_files_of_a_day_become_few(tmp_path: Path) -> None:
    archive = Archive(tmp_path)
    parts = [batch(seq) for seq in range(1, 31)]
    for part in parts:
        archive.append(part)
        archive.flush()
    assert len(archive.files) < archive_module.SMALL_FILES_MAX
    assert len(list(tmp_path.glob("*.parquet"))) == len(archive.files)
    assert same(archive.select(), pa.concat_tables(parts))
    assert same(Archive(tmp_path).select(), pa.concat_tables(parts))


def test_every_failing_operation_in_turn_loses_and_doubles_nothing(
    tmp_path: Path, faulty: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(archive_module, "SMALL_FILES_MAX", 3)
    parts = [batch(seq, 6, MIDNIGHT + (seq % 2) * DAY_NS) for seq in range(1, 5)]
    whole = pa.concat_tables(parts)
    for fail_at in range(1, 200):
        folder = tmp_path / str(fail_at)
        ops = faulty(fail_at, kinds="create write sync sync_directory replace unlink")
        try:
            archive = Archive(folder, ops=ops)
            for part in parts:
                archive.append(part)
                archive.flush()
        except OSError:
            assert same(archive.select(), whole.slice(0, archive.row_count)), "what was taken stays visible"
        again = Archive(folder)
        again.append(whole.slice(6 * again.flushed_seq))
        again.flush()
        assert same(again.select(), whole)
        named = {file.name for file in again.files}
        assert {path.name for path in folder.glob("*.parquet*")} == named
        if ops.calls < fail_at:
            return
    pytest.fail("the loop should have run out of operations")


def test_a_damaged_file_is_found_by_a_check_and_a_reset_archive_is_made_again(
    tmp_path: Path, three_days: pa.Table
) -> None:
    archive = Archive(tmp_path)
    archive.append(three_days)
    archive.flush()
    path = tmp_path / archive.files[1].name
    whole = bytearray(path.read_bytes())
    whole[len(whole) // 3] ^= 1
    path.write_bytes(whole)
    with pytest.raises(JournalDamaged, match="archive file"):
        archive.verify()
    archive.reset()
    assert (archive.row_count, archive.flushed_seq, list(tmp_path.glob("*.parquet"))) == (0, 0, [])
    archive.append(three_days)
    assert same(archive.select(), three_days)


def test_words_become_text_in_files_and_positions_again(three_days: pa.Table) -> None:
    assert to_events(to_stored(three_days)).to_pylist() == three_days.to_pylist()
    back = to_events(to_stored(three_days)).column("kind").combine_chunks()
    assert back.dictionary.to_pylist() == list(schema.KINDS)


def test_tables_whose_words_are_in_another_order_are_taken_as_what_they_say(tmp_path: Path) -> None:
    table = batch(1)
    kinds = table["kind"].to_pylist()
    other = pa.array(kinds).dictionary_encode().cast(pa.dictionary(pa.int8(), pa.string()))
    archive = Archive(tmp_path)
    archive.append(table.set_column(table.column_names.index("kind"), schema.EVENTS.field("kind"), other))
    archive.append(batch(2))
    got = archive.select(addresses=[(1, row) for row in range(60)])
    assert sorted(zip(got["row"].to_pylist(), got["kind"].to_pylist(), strict=True)) == list(enumerate(kinds))
    assert set(event_tables.codes(got, "kind").tolist()) == {0, 2}
