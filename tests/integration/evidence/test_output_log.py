from pathlib import Path

import pyarrow as pa
import pytest

from monitoring import schema
from monitoring.adapters.output_log import OutputLog
from monitoring.evidence.errors import JournalDamaged, OutputConflict


def members(seq: int, residual_m: float = 1.0, rows: int = 2) -> dict[str, pa.Table]:
    row = {
        "incident_id": f"i{seq}",
        "sensor_id": "s",
        "id": "e",
        "journal_seq": seq,
        "row": 0,
        "phenomenon": 0,
    }
    return {
        "members": pa.Table.from_pylist([{**row, "residual_m": residual_m}] * rows, schema=schema.MEMBERS)
    }


def test_what_was_published_comes_back_with_its_engine_version(tmp_path: Path) -> None:
    log = OutputLog(tmp_path)
    assert log.last_journal_seq == 0
    assert log.append(5, members(5), engine_version="1.2", meta={"why": "late"})
    assert log.append(9, members(9))
    assert log.last_journal_seq == 9
    first, second = log.read()
    assert (first.journal_seq, first.engine_version, first.meta["why"]) == (5, "1.2", "late")
    assert first.tables["members"].equals(members(5)["members"])
    assert first.tables["findings"].num_rows == 0
    assert (second.journal_seq, second.engine_version) == (9, schema.ENGINE_VERSION)
    assert [output.journal_seq for output in log.read(6)] == [9]
    assert log.get(7) is None
    assert log.verify().record_count == 2


def test_the_same_again_changes_nothing_and_something_else_is_refused(tmp_path: Path) -> None:
    log = OutputLog(tmp_path)
    log.append(5, members(5, rows=4))
    log.append(9, members(9))
    table = members(5, rows=4)["members"]
    in_pieces = pa.concat_tables([table.slice(0, 1), table.slice(1)])
    assert not log.append(5, {"members": in_pieces})
    assert not log.append(7, {})
    with pytest.raises(OutputConflict, match=r"members\.residual_m; stored by engine 0\.2\.0, now engine 2"):
        log.append(9, members(9, residual_m=2.0), engine_version="2")
    with pytest.raises(OutputConflict, match="stored by nothing"):
        log.append(7, members(7))
    assert log.verify().record_count == 2


def test_the_log_is_opened_again_over_many_files_and_goes_on(tmp_path: Path) -> None:
    log = OutputLog(tmp_path, segment_bytes=2_000)
    for seq in range(3, 90, 3):
        log.append(seq, members(seq))
    log.close()
    assert len(list(tmp_path.glob("*.output"))) > 3
    again = OutputLog(tmp_path, segment_bytes=2_000)
    assert again.last_journal_seq == 87
    assert not again.append(30, members(30))
    assert again.append(88, members(88))
    assert [output.journal_seq for output in again.read(50)] == [*range(51, 90, 3), 88]
    assert OutputLog(tmp_path, writable=False).last_journal_seq == 88


def test_a_torn_tail_is_cut_off_and_a_flipped_bit_is_damage(tmp_path: Path) -> None:
    log = OutputLog(tmp_path)
    log.append(1, members(1))
    log.append(2, members(2))
    log.close()
    (path,) = tmp_path.glob("*.output")
    whole = path.read_bytes()
    path.write_bytes(whole[:-1])
    again = OutputLog(tmp_path)
    assert (again.last_journal_seq, len(again.repairs), again.failure) == (1, 1, None)
    again.close()
    path.write_bytes(whole[:-10] + bytes([whole[-10] ^ 4]) + whole[-9:])
    with pytest.raises(JournalDamaged):
        OutputLog(tmp_path)
