"""One writer per home, readers beside it, and nothing of a home that is not understood is touched."""

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from monitoring.adapters.home import Home, HomeMissing, HomeTooNew, writer_of
from monitoring.adapters.lock import HomeBusy, WriterLock


def test_a_new_home_has_its_folders_a_name_and_a_version(tmp_path: Path) -> None:
    with Home.open(tmp_path / "a" / "home", writer="init") as home:
        for folder in (home.journal_dir, home.output_dir, home.archive_dir, home.index_dir, home.state_dir):
            assert folder.is_dir()
        assert home.spool_dir.is_dir()
        assert home.reports_dir.is_dir()
        assert home.reserve is not None
        assert home.reserve.is_held
        name = home.home_id
    assert len(name) == 32
    again = Home.open(tmp_path / "a" / "home")
    assert (again.home_id, again.format_version, again.lock) == (name, 1, None)
    assert again.database.name == "contactline.db"
    assert again.server_file.name == "server.json"


def test_a_second_writer_is_refused_and_told_who_the_first_is(tmp_path: Path) -> None:
    home = Home.open(tmp_path / "home", writer="serve")
    with pytest.raises(HomeBusy, match=rf"`contactline serve` \(process {os.getpid()}\): wait until it ends"):
        Home.open(tmp_path / "home", writer="ingest")
    home.announce("http://127.0.0.1:8000")
    with pytest.raises(HomeBusy, match=r"http://127\.0\.0\.1:8000\): send through it") as caught:
        Home.open(tmp_path / "home", writer="ingest")
    assert caught.value.holder == writer_of(tmp_path / "home")
    assert Home.open(tmp_path / "home").home_id == home.home_id, "reading goes on beside the writer"
    home.close()
    assert writer_of(tmp_path / "home") is None
    Home.open(tmp_path / "home", writer="ingest").close()


def test_a_writer_in_another_process_is_seen_and_one_that_was_killed_is_no_obstacle(tmp_path: Path) -> None:
    program = (
        "import sys, time; from pathlib import Path; from monitoring.adapters.home import Home\n"
        "home = Home.open(Path(sys.argv[1]), writer='serve', url='http://x'); print('held', flush=True)\n"
        "time.sleep(60)"
    )
    environment = {**os.environ, "PYTHONPATH": str(Path(__file__).parents[3])}
    other = subprocess.Popen(
        [sys.executable, "-c", program, str(tmp_path / "home")],
        stdout=subprocess.PIPE,
        env=environment,
        text=True,
    )
    assert other.stdout is not None
    assert other.stdout.readline() == "held\n"
    with pytest.raises(HomeBusy, match=f"process {other.pid}, http://x"):
        Home.open(tmp_path / "home", writer="ingest")
    other.kill()
    other.wait()
    other.stdout.close()
    assert "serve" in (tmp_path / "home" / "lock").read_text("utf-8"), "its name is still there"
    Home.open(tmp_path / "home", writer="ingest").close()


def test_a_lock_whose_holder_has_not_yet_written_its_name_still_refuses(tmp_path: Path) -> None:
    lock = WriterLock.acquire(tmp_path / "lock", "serve")
    (tmp_path / "lock").write_bytes(b"")
    with pytest.raises(HomeBusy, match="another process"):
        WriterLock.acquire(tmp_path / "lock", "ingest")
    lock.release()
    lock.release()


@pytest.mark.parametrize("writer", [None, "ingest"])
def test_a_home_of_a_newer_format_is_refused_and_left_as_it_is(tmp_path: Path, writer: str | None) -> None:
    Home.open(tmp_path / "home", writer="init").close()
    statement = tmp_path / "home" / "home.json"
    newer = {**json.loads(statement.read_text("utf-8")), "format_version": 2, "created_by": "9.9"}
    statement.write_text(json.dumps(newer), "utf-8")
    before = sorted((p.name, p.stat().st_mtime_ns) for p in (tmp_path / "home").iterdir())
    with pytest.raises(HomeTooNew, match=r"format version 2 \(made by contactline 9\.9\)"):
        Home.open(tmp_path / "home", writer=writer)
    assert sorted((p.name, p.stat().st_mtime_ns) for p in (tmp_path / "home").iterdir()) == before


def test_where_there_is_no_home_reading_says_so_and_makes_nothing(tmp_path: Path) -> None:
    for options in ({}, {"create": False, "writer": "ingest"}):
        with pytest.raises(HomeMissing, match="contactline init"):
            Home.open(tmp_path / "home", **options)  # type: ignore[arg-type]  # a table of options
    assert not (tmp_path / "home").exists()
    assert writer_of(tmp_path / "home") is None


def test_a_folder_with_other_things_in_it_is_never_made_into_a_home(tmp_path: Path) -> None:
    (tmp_path / "notes.txt").write_text("mine", "utf-8")
    with pytest.raises(HomeMissing, match=r"notes\.txt is in it"):
        Home.open(tmp_path, writer="init")
    with pytest.raises(HomeMissing, match="is a file"):
        Home.open(tmp_path / "notes.txt", writer="init")


def test_a_home_whose_making_was_cut_off_is_made_anew(tmp_path: Path) -> None:
    (tmp_path / "lock").write_bytes(b"")
    (tmp_path / "home.json.tmp").write_bytes(b"{")
    Home.open(tmp_path, writer="init").close()


def test_an_unreadable_statement_is_named(tmp_path: Path) -> None:
    Home.open(tmp_path / "home", writer="init").close()
    (tmp_path / "home" / "home.json").write_bytes(b"{")
    with pytest.raises(HomeMissing, match=r"home\.json cannot be read"):
        Home.open(tmp_path / "home", writer="ingest")


def test_a_failed_making_gives_the_lock_back(tmp_path: Path, faulty: Any) -> None:
    with pytest.raises(OSError, match="Input/output error"):
        Home.open(tmp_path / "home", writer="init", ops=faulty(1))
    Home.open(tmp_path / "home", writer="init").close()


def test_what_a_killed_command_left_in_the_spool_is_gone_at_the_next_start(tmp_path: Path) -> None:
    with Home.open(tmp_path / "home", writer="test") as home:
        (home.spool_dir / "stdin-x").mkdir()
        (home.spool_dir / "stdin-x" / "stdin").write_bytes(b"never acknowledged")
        spool = home.spool_dir
    with Home.open(tmp_path / "home", writer="test"):
        assert list(spool.iterdir()) == []
