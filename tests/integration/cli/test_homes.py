"""Homes and their lines: what is wrong is told by name, and nothing is left half made."""

import fcntl
import json
import os
import sqlite3
import threading
from pathlib import Path
from typing import Any

import pytest

from monitoring.adapters.home import Home
from monitoring.bootstrap import read_home
from monitoring.settings import Settings
from tests.integration.cli.command_line import contactline
from tests.integration.cli.conftest import line_through
from tests.integration.cli.event_files import NOW, fixes, shot, written
from tests.real_data import real


def line_file(path: Path, content: Any) -> Path:
    path.write_bytes(content if isinstance(content, bytes) else json.dumps(content).encode())
    return path


BROKEN_LINES = {
    "not json": b"{\"type\": ",
    "binary": bytes(range(256)),
    "empty": b"",
    "no features": {"type": "FeatureCollection", "features": []},
    "one point": {"type": "LineString", "coordinates": [[37.0, 48.0]]},
    "the same point twice": {"type": "LineString", "coordinates": [[37.0, 48.0], [37.0, 48.0]]},
    "a point": {"type": "Point", "coordinates": [37.0, 48.0]},
    "a polygon": {"type": "Polygon", "coordinates": [[[37, 48], [38, 48], [38, 49], [37, 48]]]},
    "metres": {"type": "LineString", "coordinates": [[4_140_000, 6_100_000], [4_150_000, 6_110_000]]},
    "crosses itself": {"type": "LineString", "coordinates": [[37, 48], [38, 49], [38, 48], [37, 49]]},
    "words": {"type": "LineString", "coordinates": [["a", "b"], ["c", "d"]]},
    "markup": {"type": "[/red]", "coordinates": []},
}  # fmt: skip


@pytest.mark.parametrize("content", BROKEN_LINES.values(), ids=BROKEN_LINES)
def test_a_file_that_is_no_line_is_refused_by_name_and_makes_no_home(
    content: Any, home: Path, tmp_path: Path
) -> None:
    file = line_file(tmp_path / "odd.geojson", content)
    for ran in (
        contactline(tmp_path / "new", "init", "--line", file),
        contactline(home, "line", "load", file, "--valid-from", NOW),
        contactline(tmp_path / "new", "detect", written(tmp_path / "e.ndjson", [shot()]), "--line", file,
                    "--out", tmp_path / "f.csv"),
    ):  # fmt: skip
        if content is BROKEN_LINES["crosses itself"] and ran.exit_code == 0:
            continue  # edges have a direction each all the same, so `detect` takes it
        assert ran.exit_code == 1
        assert "odd.geojson" in "".join(ran.err.split("\n"))
    assert not (tmp_path / "new").exists()


def test_a_line_file_that_cannot_be_read_is_named(home: Path, tmp_path: Path) -> None:
    for file in (tmp_path / "none.geojson", tmp_path):
        ran = contactline(home, "line", "load", file, "--valid-from", NOW)
        assert ran.exit_code == 1
        assert file.name in "".join(ran.err.split("\n"))


def test_a_real_line_of_one_point_is_refused(tmp_path: Path) -> None:
    ran = contactline(tmp_path / "new", "init", "--line", real("bad_input/e09_line_single_point.geojson"))
    assert ran.exit_code == 1
    assert not (tmp_path / "new").exists()


def test_a_line_outside_the_area_is_refused_and_changes_nothing(home: Path, tmp_path: Path) -> None:
    far = line_file(tmp_path / "far.geojson", line_through(5.0))
    before = contactline(home, "status", "--json").json
    ran = contactline(home, "line", "load", far, "--valid-from", NOW)
    assert ran.exit_code == 1
    assert "area of operations" in ran.err
    assert contactline(home, "status", "--json").json == before
    ran = contactline(tmp_path / "new", "init", "--line", far, "--area", "30,44,41,53")
    assert ran.exit_code == 1
    assert not (tmp_path / "new").exists()


@pytest.mark.parametrize("bounds", ["40,44,30,53", "30,53,40,44", "30,44,400,53", "nan,44,40,53"])
def test_an_impossible_area_is_told(bounds: str, tmp_path: Path) -> None:
    ran = contactline(tmp_path / "new", "init", "--area", bounds)
    assert ran.exit_code in {1, 2}
    assert "area" in ran.err.lower()
    assert not (tmp_path / "new").exists()


def test_an_agreement_with_an_unknown_key_is_refused_naming_file_and_key(tmp_path: Path) -> None:
    file = tmp_path / "own.yaml"
    file.write_text("label: own\nbelts: 3\n", encoding="utf-8")
    ran = contactline(tmp_path / "new", "init", "--agreement", file)
    assert ran.exit_code == 1
    assert "own.yaml" in ran.err
    assert not (tmp_path / "new").exists()


def test_init_never_touches_what_is_there(home: Path, tmp_path: Path) -> None:
    before = (home / "home.json").read_bytes()
    ran = contactline(home, "init")
    assert ran.exit_code == 2
    assert "home already" in ran.err
    assert (home / "home.json").read_bytes() == before
    other = tmp_path / "other"
    other.mkdir()
    (other / "letters.txt").write_text("mine")
    assert contactline(other, "init").exit_code == 2
    assert contactline(tmp_path / "other" / "letters.txt", "init").exit_code == 2
    assert [path.name for path in other.iterdir()] == ["letters.txt"]
    assert contactline(home, "demo", "--no-serve").exit_code == 2
    assert contactline(home, "status").exit_code == 0


@pytest.mark.parametrize(
    "command", [("status",), ("ingest", "e.ndjson"), ("serve",), ("sensors", "list")], ids=" ".join
)
def test_a_home_of_a_newer_version_is_left_alone(
    command: tuple[str, ...], home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    written(tmp_path / "e.ndjson", [shot()])
    stated = json.loads((home / "home.json").read_text())
    (home / "home.json").write_text(json.dumps({**stated, "format_version": 99, "created_by": "9.1.0"}))
    ran = contactline(home, *command)
    assert ran.exit_code == 1
    assert "99" in ran.err
    assert "9.1.0" in ran.err


@pytest.mark.parametrize("command", [("status",), ("ingest", "e.ndjson"), ("sensors", "list")], ids=" ".join)
def test_a_store_of_a_newer_version_is_left_alone(
    command: tuple[str, ...], home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    written(tmp_path / "e.ndjson", [shot()])
    with sqlite3.connect(home / "contactline.db") as database:
        database.execute("UPDATE alembic_version SET version_num = 'v9999'")
    database.close()
    ran = contactline(home, *command)
    assert ran.exit_code == 1
    assert "v9999" in ran.err


def test_a_damaged_statement_of_the_home_is_told(home: Path) -> None:
    (home / "home.json").write_bytes(b"{")
    ran = contactline(home, "status")
    assert ran.exit_code == 2
    assert "home.json" in ran.err


def test_a_second_writer_is_refused_naming_the_first_and_readers_are_not(home: Path, tmp_path: Path) -> None:
    events = written(tmp_path / "e.ndjson", [shot()])
    with Home.open(home, writer="ingest"):
        for command in (("ingest", events), ("serve", "--port", "0"), ("quarantine", "replay")):
            ran = contactline(home, *command) if command[0] != "serve" else contactline(home, "serve")
            assert ran.exit_code == 1
            assert "contactline ingest" in ran.err
            assert str(os.getpid()) in ran.err
        status = contactline(home, "status", "--json")
        assert status.exit_code == 0
        assert status.json["writer"]["command"] == "ingest"
    assert contactline(home, "ingest", events, "--now", NOW).exit_code == 0


def test_looking_who_writes_keeps_no_writer_out(home: Path) -> None:
    with (home / "lock").open("rb") as looking:
        fcntl.flock(looking, fcntl.LOCK_SH)
        release = threading.Timer(0.05, fcntl.flock, (looking, fcntl.LOCK_UN))
        release.start()
        Home.open(home, writer="test").close()
        release.join()


def at(hour: str, rows: list[dict[str, Any]]) -> list[dict[str, Any]]:
    return [{**row, "time": row["time"].replace("T09", f"T{hour}")} for row in rows]


def test_findings_cite_the_line_that_held_at_their_time(home: Path, tmp_path: Path) -> None:
    moved = line_file(tmp_path / "moved.geojson", line_through(37.25, label="moved"))
    loaded = contactline(
        home, "line", "load", moved, "--valid-from", "2026-08-22T12:00:00+03:00", "--json"
    ).json
    assert loaded["label"] == "moved"
    over_old = at("07", fixes([0.04, 0.02, -0.02, -0.04], track="old"))
    before = at("08", fixes([0.14, 0.12, 0.08, 0.06], track="none"))  # the new line does not hold yet
    late = at("09", fixes([0.14, 0.12, 0.08, 0.06], track="new"))
    receipt = contactline(
        home, "ingest", written(tmp_path / "e.ndjson", [*over_old, *before, *late]), "--now", NOW, "--json"
    ).json
    assert receipt["accepted"] == 12
    with read_home(Settings(home=home)) as (_, store, mission):
        found = [row for row in store.findings_table().to_pylist() if row["rule_id"] == "line_crossing"]
        versions = [line.version for line in mission.lines.lines]
    assert [(row["track_id"], row["line_version"]) for row in found] == [
        ("old", versions[0]),
        ("new", versions[1]),
    ]
    assert contactline(home, "status", "--json").json["line"]["label"] == "moved"


def test_a_line_loaded_for_a_moment_takes_the_place_of_what_was_to_hold_from_then(
    home: Path, tmp_path: Path
) -> None:
    for lon, label in ((37.25, "moved"), (37.35, "corrected")):
        file = line_file(tmp_path / f"{label}.geojson", line_through(lon, label=label))
        assert contactline(home, "line", "load", file, "--valid-from", NOW).exit_code == 0
    assert contactline(home, "status", "--json").json["line"]["label"] == "corrected"
    with read_home(Settings(home=home)) as (_, _, mission):
        assert [line.label for line in mission.lines.lines] == ["test line", "corrected"]
