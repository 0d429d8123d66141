"""`contactline simulate` and `evaluate` as a user runs them."""

import json
from pathlib import Path

import pytest

from tests.integration.cli.command_line import contactline


@pytest.fixture(scope="module")
def shipped(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A home on the shipped line with two simulated hours in it; the files lie beside it."""
    folder = tmp_path_factory.mktemp("shipped")
    home = folder / "home"
    assert contactline(home, "init").exit_code == 0
    made = contactline(
        home, "simulate", "--scenario", "busy-day", "--seed", 4, "--hours", 2, "--out", folder / "events.ndjson",
        "--truth", folder / "truth.ndjson", "--registry", folder / "sensors.json",
        "--notices", folder / "notices.json", "--json",
    )  # fmt: skip
    assert made.exit_code == 0, made.err
    assert contactline(home, "sensors", "import", folder / "sensors.json").exit_code == 0
    assert (
        contactline(home, "ingest", folder / "events.ndjson", "--now", "2026-06-16T00:00:00Z").exit_code == 0
    )
    return folder


def test_a_home_is_scored_as_table_json_page_and_plots(shipped: Path) -> None:
    out = shipped / "score"
    ran = contactline(
        shipped / "home", "evaluate", "--truth", shipped / "truth.ndjson", "--out", out, "--json"
    )
    assert ran.exit_code == 0, ran.err
    rules = ran.json["rules"]
    assert set(rules) >= {"line_crossing", "buffer_incursion", "ceasefire_fire"}
    assert rules["ceasefire_fire"]["recall"]["value"] > 0.5
    assert {path.name for path in out.iterdir()} >= {"score.json", "score.md", "recall.svg", "honesty.svg"}
    assert json.loads((out / "score.json").read_text("utf-8"))["rules"] == rules
    shown = contactline(shipped / "home", "evaluate", "--truth", shipped / "truth.ndjson", "--full")
    assert "false alarms" in shown.out


def test_the_delay_is_not_known_where_only_the_end_of_input_made_findings_final(shipped: Path) -> None:
    ran = contactline(shipped / "home", "evaluate", "--truth", shipped / "truth.ndjson", "--json")
    assert all(rule["accuracy"]["delay_s"]["n"] == 0 for rule in ran.json["rules"].values())
    assert "not known, for nothing became final before the end of input" in ran.json["delay"]
    shown = contactline(shipped / "home", "evaluate", "--truth", shipped / "truth.ndjson", "--full")
    assert "not known" in " ".join((shown.out + shown.err).split())


@pytest.mark.parametrize(
    ("tick_rows", "is_known", "said"),
    [
        (1_000, True, "by the reference time of that tick (the newest event that had been read)"),
        (4_000, False, "not known, for event time moved on in steps of 30 min (median)"),
    ],
)
def test_the_delay_is_known_where_event_time_moved_on_often_while_a_file_was_read(
    shipped: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, tick_rows: int, is_known: bool, said: str
) -> None:
    monkeypatch.setenv("CONTACTLINE_FILE_TICK_ROWS", str(tick_rows))
    monkeypatch.setenv("CONTACTLINE_CHUNK_BYTES", "100000")
    home = tmp_path / "home"
    assert contactline(home, "init").exit_code == 0
    assert contactline(home, "sensors", "import", shipped / "sensors.json").exit_code == 0
    assert (
        contactline(home, "ingest", shipped / "events.ndjson", "--now", "2026-06-16T00:00:00Z").exit_code == 0
    )
    ran = contactline(home, "evaluate", "--truth", shipped / "truth.ndjson", "--json")
    delays = [rule["accuracy"]["delay_s"] for rule in ran.json["rules"].values()]
    known_count = sum(delay["n"] for delay in delays)
    assert known_count > 5 if is_known else known_count == 0
    assert all(delay["median"] >= 0 for delay in delays if delay["n"])
    assert said in ran.json["delay"]


def test_what_was_published_of_this_version_is_printed_without_a_home_and_fits_a_terminal(
    tmp_path: Path,
) -> None:
    shown = contactline(tmp_path / "none", "evaluate", "--published")
    assert shown.exit_code == 0
    assert "…" not in shown.out
    assert "civilians-at-crossing" in shown.out
    known = contactline(tmp_path / "none", "evaluate", "--published", "--json").json
    assert known["scenarios"][0]["rules"][0]["naive"]["recall"] is not None
    assert not (tmp_path / "none").exists()
    assert contactline(tmp_path / "none", "evaluate").exit_code == 2


def test_notices_are_written_as_json(shipped: Path) -> None:
    notices = json.loads((shipped / "notices.json").read_text("utf-8"))
    assert len(notices["crossing_points"]) == 12


def test_what_is_no_truth_file_is_told_with_its_line(shipped: Path) -> None:
    ran = contactline(shipped / "home", "evaluate", "--truth", shipped / "events.ndjson")
    assert (ran.exit_code, "events.ndjson, line 1" in ran.err) == (1, True)
    assert contactline(shipped / "home", "evaluate", "--truth", shipped / "nowhere").exit_code == 2


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["--scenario", "busy-day"], "--out and --truth"),
        (["--scenario", "no-such", "--out", "e.ndjson", "--truth", "t"], "no packaged scenario"),
        (["--scenario", "busy-day", "--out", "e.xlsx", "--truth", "t"], ".parquet"),
        (["--scenario", "busy-day", "--live", "home"], "no server holds"),
        (["--scenario", "busy-day", "--live", "example"], "a URL"),
        (["--scenario", "busy-day", "--live", "home", "--rate", "0"], "--rate"),
        (["--scenario", "busy-day", "--live", "home", "--out", "e.ndjson"], "exclude"),
    ],
)
def test_wrong_usage_of_simulate_is_told(shipped: Path, arguments: list[str], said: str) -> None:
    ran = contactline(shipped / "home", "simulate", *arguments)
    assert ran.exit_code == 2
    assert said in " ".join(ran.err.split())


def test_a_mistake_in_a_users_own_scenario_is_told_with_file_key_and_reason(shipped: Path) -> None:
    mine = shipped / "mine.yaml"
    mine.write_text("format: 1\nextends: quiet-day\nname: mine\nsummary: Mine.\ncolour: green\n", "utf-8")
    ran = contactline(
        shipped / "home",
        "simulate",
        "--scenario",
        mine,
        "--out",
        shipped / "e.ndjson",
        "--truth",
        shipped / "t",
    )
    assert ran.exit_code == 2
    assert "mine.yaml: colour: unknown key" in " ".join(ran.err.split())
