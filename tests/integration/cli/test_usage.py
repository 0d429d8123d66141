"""How the commands are called: help, exit codes, JSON for machines."""

import importlib
import json
import os
import socket
import subprocess
import textwrap
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import geopandas
import pytest
import typer
from shapely import LineString

from api.cli.app import app
from api.cli.commands import COMMANDS as NAMED
from api.cli.commands.simulate import simulate
from api.cli.failures import EXIT_OF, explain
from tests.integration.cli.command_line import PROGRAM, contactline
from tests.integration.cli.event_files import NOW, shot, written

PROMISED = (
    "demo", "init", "line load", "sensors add", "sensors import", "sensors list", "ingest", "detect", "report",
    "serve", "simulate", "status", "quarantine list", "quarantine export", "quarantine replay",
)  # fmt: skip


def _commands(of: Any, path: tuple[str, ...] = ()) -> Iterator[tuple[str, ...]]:
    inside = getattr(of, "commands", None)
    if inside is None:
        yield path
        return
    for name, command in inside.items():
        yield from _commands(command, (*path, name))


COMMANDS = tuple(path for name, command in NAMED.items() for path in _commands(command.load(name), (name,)))


def test_every_promised_command_is_there() -> None:
    assert set(PROMISED) <= {" ".join(command) for command in COMMANDS}


@pytest.mark.parametrize("command", COMMANDS, ids=" ".join)
def test_the_help_of_every_command_shows_an_example_of_it(command: tuple[str, ...], tmp_path: Path) -> None:
    shown = contactline(tmp_path / "none", *command, "--help")
    assert shown.exit_code == 0
    example = " ".join(shown.out.split()).partition("Example:")[2]
    assert "contactline" in example
    assert " ".join(command) in example
    assert not (tmp_path / "none").exists()


def test_the_first_scenario_that_the_help_of_simulate_shows_runs_as_it_stands(tmp_path: Path) -> None:
    shown = (simulate.__doc__ or "").partition("```yaml\n")[2].partition("```")[0]
    assert "night-raid" in shown
    assert "night-raid" in contactline(tmp_path / "none", "simulate", "--help").out
    mine, out, truth = (tmp_path / name for name in ("mine.yaml", "events.ndjson", "truth.ndjson"))
    mine.write_text(textwrap.dedent(shown), "utf-8")
    made = contactline(
        tmp_path / "none", "simulate", "--scenario", mine, "--hours", 0.2, "--out", out, "--truth", truth, "--json",
    )  # fmt: skip
    assert made.exit_code == 0, made.err
    assert (made.json["scenario"], made.json["events"] > 100) == ("mine", True)


def test_every_key_of_a_scenario_can_be_looked_up_from_the_help_of_simulate(tmp_path: Path) -> None:
    assert "contactline simulate --keys" in " ".join(contactline(tmp_path, "simulate", "--help").out.split())
    shown = contactline(tmp_path, "simulate", "--keys")
    assert shown.exit_code == 0
    assert "  battery_h: number 0.1 to 48 h; nothing\n" in shown.out
    named = contactline(tmp_path, "simulate", "--keys", "--json").json["keys"]
    assert {"section": "faults", "name": "power_cut_reboots"}.items() <= next(
        key for key in named if key["name"] == "power_cut_reboots"
    ).items()


@pytest.mark.parametrize("name", NAMED)
def test_the_root_says_of_a_command_what_the_command_says_of_itself(name: str) -> None:
    listed = typer.main.get_command(app).commands[name]  # type: ignore[attr-defined]
    itself = NAMED[name].load(name)
    assert itself.name == name
    first, _, _ = (itself.help or "").partition("\n\n")
    assert listed.help == " ".join(first.split())


def test_every_foreseen_failure_is_named_as_where_it_is_defined() -> None:
    for name, exit_code in EXIT_OF.items():
        module, _, kind = name.rpartition(".")
        failure: type[Exception] = getattr(importlib.import_module(module), kind)
        assert (failure.__module__, failure.__qualname__) == (module, kind)
        one = failure.__new__(type("Special", (failure,), {}))
        told = explain(one)
        assert told is not None
        assert told[1] == exit_code
    assert explain(RuntimeError("a bug")) is None


def test_the_root_help_names_every_command(tmp_path: Path) -> None:
    shown = contactline(tmp_path, "--help")
    assert shown.exit_code == 0
    for command in COMMANDS:
        assert command[0] in shown.out
    assert "--home" in shown.out
    assert contactline(tmp_path, "--version").out.startswith("contactline ")


@pytest.mark.parametrize(
    "arguments",
    [
        (),
        ("line",),
        ("sensors",),
        ("quarantine",),
        ("ingest",),
        ("nosuch",),
        ("status", "--nope"),
        ("demo", "--seed", "x"),
        ("demo", "--date", "2026-13-01", "--no-serve"),
        ("serve", "--port", "99999"),
        ("init", "--area", "1,2,3"),
        ("ingest", "f.ndjson", "--now", "yesterday"),
        ("ingest", "f.ndjson", "--now", "2026-08-22T12:00:00"),
        ("ingest", "no-such-file.ndjson"),
        ("line", "load", "l.geojson", "--valid-from", "2026"),
        ("sensors", "add", "X-1"),
        ("sensors", "add", "X-1", "--type", "telescope"),
        ("sensors", "add", "-X", "--type", "generic"),
        ("sensors", "add", "X-1", "--type", "generic", "--lon", "37"),
        ("sensors", "add", "X-1", "--type", "generic", "--lon", "37", "--lat", "95"),
        ("sensors", "add", "X-1", "--type", "generic", "--host-side", "C"),
        ("simulate", "--scenario", "no-such", "--out", "e.ndjson", "--truth", "t.ndjson"),
        ("simulate", "--scenario", "quiet-day", "--out", "e.xlsx", "--truth", "t.ndjson"),
        ("report", "--date", "15.6.2026", "--out", "r"),
        ("report", "--date", "2026-06-15", "--out", "r", "--lang", "xx"),
        ("report", "--date", "2026-06-15", "--out", "r", "--format", "docx"),
    ],
    ids=" ".join,
)
def test_wrong_usage_is_told_in_words_and_ends_with_2(
    arguments: tuple[str, ...], home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    ran = contactline(home, *arguments)
    assert ran.exit_code == 2
    assert ran.out + ran.err
    assert "Traceback" not in ran.out + ran.err
    assert {path.name for path in tmp_path.iterdir()} <= {"home"}


def test_a_setting_out_of_bounds_is_named(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CONTACTLINE_SHARDS", "0")
    ran = contactline(home, "status")
    assert ran.exit_code == 2
    assert "CONTACTLINE_SHARDS" in ran.err


@pytest.mark.parametrize("command", [("status",), ("sensors", "list"), ("quarantine", "list")], ids=" ".join)
def test_reading_where_there_is_no_home_says_so_and_makes_none(
    command: tuple[str, ...], tmp_path: Path
) -> None:
    ran = contactline(tmp_path / "none", *command)
    assert ran.exit_code == 2
    assert "contactline init" in ran.err
    assert not (tmp_path / "none").exists()


def test_json_is_one_object_wherever_it_is_offered(home: Path, tmp_path: Path) -> None:
    events = written(tmp_path / "e.ndjson", [shot(1), shot(2, sensor_id="NOBODY")])
    assert contactline(home, "sensors", "add", "X-1", "--type", "generic", "--json").json == {
        "added": 1,
        "changed": 0,
    }
    listed = contactline(home, "sensors", "list", "--json").json["sensors"]
    assert {"X-1", "GS-017"} <= {sensor["sensor_id"] for sensor in listed}
    receipt = contactline(home, "ingest", events, "--now", NOW, "--json")
    assert receipt.exit_code == 1
    assert receipt.json["rejected"] == {"unknown_sensor": 1}
    status = contactline(home, "status", "--json").json
    assert status["ready"] is True
    assert status["waiting"] == 0
    assert status["counts"]["cases"] == 1
    assert status["quarantine"] == {"unknown_sensor": 1}
    assert contactline(home, "quarantine", "list", "--json").json["counts"] == {"unknown_sensor": 1}
    assert contactline(home, "quarantine", "replay", "--json").json["rejected"] == {"unknown_sensor": 1}


def test_a_home_is_only_ever_where_it_is_asked_for(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CONTACTLINE_HOME", str(tmp_path / "by-environment"))
    monkeypatch.chdir(tmp_path)
    ran = subprocess.run([PROGRAM, "init", "--json"], capture_output=True, text=True, check=True)
    about = json.loads(ran.stdout)
    assert set(about["credentials"]) == {"analyst", "reviewer", "operator"}
    assert about["ingest_token"].startswith("cl_")
    assert [path.name for path in tmp_path.iterdir()] == ["by-environment"]


def test_a_port_in_use_is_told_before_anything_is_opened(home: Path) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        for command in ("serve", "demo"):
            ran = contactline(home, command, "--port", port)
            assert ran.exit_code == 1
            assert str(port) in ran.err
            assert "--port" in ran.err


HEAVY = "pandas geopandas numba fastapi uvicorn alembic scipy pyogrio httpx2"
"""Of what nothing is loaded unless it is needed."""
STATE = "sqlalchemy structlog monitoring.bootstrap"
ARRAYS = "numpy pyarrow pyproj shapely yaml pydantic_settings"


@pytest.mark.parametrize(
    ("command", "spared"),
    [
        ("--version", f"{HEAVY} {STATE} {ARRAYS} pydantic"),
        ("--help", f"{HEAVY} {STATE} {ARRAYS}"),
        ("nosuch", f"{HEAVY} {STATE} {ARRAYS}"),
        ("simulate --help", f"{HEAVY} {STATE} pydantic_settings"),
        ("locate points.csv --line line.geojson --out located.csv", f"{HEAVY} {STATE} pydantic_settings"),
        ("locate points.csv --line none.geojson --out located.csv", f"{HEAVY} {STATE} pydantic_settings"),
        ("status", HEAVY),
        ("sensors list", HEAVY),
    ],
)
def test_a_command_loads_only_what_it_needs(
    command: str, spared: str, home: Path, line: Path, tmp_path: Path
) -> None:
    (tmp_path / "points.csv").write_text("lon,lat\n37.1,48.5\n", "utf-8")
    probe = (
        "import sys; from api.cli import main\n"
        "try: main()\n"
        f"finally: print('loaded', sorted(set({spared!r}.split()) & set(sys.modules)), file=sys.stderr)"
    )
    python = PROGRAM.with_name("python")
    ran = subprocess.run(
        [python, "-c", probe, "--home", home, *command.split()],
        capture_output=True,
        text=True,
        cwd=tmp_path,
        env={**os.environ, "PYTHONPATH": str(Path(__file__).parents[3])},
        check=False,
    )
    assert ran.stderr.strip().endswith("loaded []")
    assert "Traceback" not in ran.stderr


def test_a_geopackage_is_read_by_the_program_that_keeps_pandas_away_from_arrow(tmp_path: Path) -> None:
    frame = geopandas.GeoDataFrame(geometry=[LineString([(37.0, 48.0), (37.1, 48.1)])], crs=4326)
    frame.to_file(tmp_path / "line.gpkg", driver="GPKG")
    ran = subprocess.run(
        [PROGRAM, "line", "check", "line.gpkg"], capture_output=True, text=True, cwd=tmp_path, check=True
    )
    assert "can be used" in ran.stdout
