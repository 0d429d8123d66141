"""Refused rows: listed, exported as they came, and sent through the door again when the reason is gone."""

import base64
import json
from pathlib import Path
from typing import Any

from monitoring.bootstrap import read_home
from monitoring.settings import Settings
from tests.integration.cli.command_line import contactline
from tests.integration.cli.event_files import NOW, ndjson, shot, written


def listed(home: Path, *options: str) -> list[dict[str, Any]]:
    return list(contactline(home, "quarantine", "list", "--json", *options).json["items"])


def exported(home: Path, *options: str) -> list[dict[str, Any]]:
    ran = contactline(home, "quarantine", "export", *options)
    assert ran.exit_code == 0
    return [json.loads(line) for line in ran.out.splitlines()]


def counts(home: Path) -> dict[str, int]:
    return dict(contactline(home, "status", "--json").json["counts"])


def test_rows_of_an_unknown_sensor_come_in_once_it_is_registered(home: Path, tmp_path: Path) -> None:
    rows = [shot(1), shot(2, sensor_id="LATER", lon=37.0, lat=48.7), shot(3, kind="bang")]
    assert contactline(home, "ingest", written(tmp_path / "e.ndjson", rows), "--now", NOW).exit_code == 1
    assert [(row["line_no"], row["reason"]) for row in listed(home)] == [
        (3, "unknown_kind"),
        (2, "unknown_sensor"),
    ]
    assert counts(home)["cases"] == 1
    contactline(home, "sensors", "add", "LATER", "--type", "acoustic_artillery")
    ran = contactline(home, "quarantine", "replay", "--reason", "unknown_sensor", "--json")
    assert (ran.exit_code, ran.json["accepted"], ran.json["rejected"]) == (0, 1, {})
    assert (ran.json["findings"], ran.json["incidents"], ran.json["cases"]) == (1, 1, 1)
    assert [row["reason"] for row in listed(home)] == ["unknown_kind"]
    assert counts(home)["cases"] == 2
    assert counts(home)["quarantine"] == 1
    again = contactline(home, "quarantine", "replay", "--reason", "unknown_sensor", "--json")
    assert (again.exit_code, again.json["accepted"], again.json["receipt_id"]) == (0, 0, None)


def test_a_row_that_is_refused_again_stands_there_once_with_its_place(home: Path, tmp_path: Path) -> None:
    rows = [shot(1), shot(2, sensor_id="NOBODY"), shot(3), shot(4, sensor_id="NOBODY")]
    contactline(home, "ingest", written(tmp_path / "first.ndjson", rows), "--now", NOW)
    before = listed(home)
    for _ in range(3):
        ran = contactline(home, "quarantine", "replay", "--json")
        assert ran.exit_code == 1
        assert ran.json["rejected"] == {"unknown_sensor": 2}
        assert [row["line"] for row in ran.json["rows"]] == [2, 4]
        told = ("line_no", "source", "reason", "detail", "original")
        assert [[row[name] for name in told] for row in listed(home)] == [
            [row[name] for name in told] for row in before
        ]
    assert {(row["source"], row["line_no"]) for row in listed(home)} == {
        ("first.ndjson", 2),
        ("first.ndjson", 4),
    }
    assert contactline(home, "quarantine", "list", "--json").json["counts"] == {"unknown_sensor": 2}


def test_of_several_rows_with_one_id_the_first_that_came_stays(home: Path, tmp_path: Path) -> None:
    rows = [shot(1, sensor_id="LATER", text="first"), shot(1, sensor_id="LATER", text="second")]
    contactline(home, "ingest", written(tmp_path / "e.ndjson", rows), "--now", NOW)
    contactline(home, "sensors", "add", "LATER", "--type", "generic")
    ran = contactline(home, "quarantine", "replay", "--json")
    assert (ran.json["accepted"], ran.json["flagged"]) == (1, {"id_conflict": 1})
    [left] = listed(home)
    assert (left["reason"], json.loads(left["original"])["text"]) == ("id_conflict", "second")


def test_rows_of_a_csv_come_in_again_under_their_header_whatever_stands_between_them(
    home: Path, tmp_path: Path
) -> None:
    head = "id,sensor_id,time,kind,lon,lat,text\r\n"
    lines = [
        'c-1,LATER,2026-08-22T08:01:00Z,explosion,37.25,48.3011,"two\r\nlines, and ""quotes"""',
        'c-2,LATER,2026-08-22T08:02:00Z,explosion,37.25,48.3011,stray " quote',
        "c-3,LATER,2026-08-22T08:03:00Z,explosion,37.25,48.3011,fine",
        "c-4,LATER,2026-08-22T08:04:00Z,explosion",
        "c-5,LATER,2026-08-22T08:05:00Z,explosion,37.25,48.3011,fine",
    ]
    path = tmp_path / "e.csv"
    path.write_bytes((head + "\r\n".join(lines) + "\r\n").encode())
    ran = contactline(home, "ingest", path, "--now", NOW, "--json")
    assert ran.json["accepted"] == 0
    assert sum(ran.json["rejected"].values()) == 5
    before = {row["line_no"]: row for row in listed(home)}
    assert sorted(before) == [2, 4, 5, 6, 7]
    contactline(home, "sensors", "add", "LATER", "--type", "generic")
    ran = contactline(home, "quarantine", "replay", "--json")
    assert ran.json["accepted"] == 3
    assert {row["line_no"]: row["original"] for row in listed(home)} == {
        number: before[number]["original"] for number in (4, 6)
    }


def test_the_export_holds_the_original_bytes(home: Path, tmp_path: Path) -> None:
    bad = b'{"id":"u-1","text":"\xff\xfe"}'
    path = tmp_path / "e.ndjson"
    path.write_bytes(bad + b"\n" + ndjson([shot(2, sensor_id="NOBODY", text="=1+1")]))
    contactline(home, "ingest", path, "--now", NOW)
    rows = {row["line_no"]: row for row in exported(home)}
    assert base64.b64decode(rows[1]["original_base64"]) == bad
    assert rows[2]["original"].encode() == path.read_bytes().splitlines()[1]
    assert exported(home, "--reason", "encoding") == [rows[1]]
    out = tmp_path / "refused.ndjson"
    assert contactline(home, "quarantine", "export", "--out", out).exit_code == 0
    assert len(out.read_text(encoding="utf-8").splitlines()) == 2
    shown = contactline(home, "quarantine", "list")
    assert shown.exit_code == 0
    assert "2 of" not in shown.err


def test_events_held_for_their_clock_come_in_when_it_has_come(home: Path, tmp_path: Path) -> None:
    rows = [shot(1), shot(2, time="2026-08-22T12:04:00Z"), shot(3, time="2026-08-22T12:30:00Z")]
    ran = contactline(home, "ingest", written(tmp_path / "e.ndjson", rows), "--now", NOW, "--json")
    assert (ran.json["accepted"], ran.json["rejected"]) == (2, {"clock_skew": 1})
    with read_home(Settings(home=home)) as (_, store, _):
        assert store.quarantine_counts() == {"clock_skew": 1}
    # The machine's own clock decides at the replay, and it stands before that time or after it.
    ran = contactline(home, "quarantine", "replay", "--json")
    assert ran.json["accepted"] + ran.json["rejected"].get("clock_skew", 0) == 1


def test_sending_a_file_again_shows_its_refused_rows_once(home: Path, tmp_path: Path) -> None:
    twice_in_one_file = shot(2, sensor_id="NOBODY")
    rows = [shot(1), twice_in_one_file, twice_in_one_file, shot(3, kind="bang")]
    file = written(tmp_path / "e.ndjson", rows)
    for _ in range(2):
        assert contactline(home, "ingest", file, "--now", NOW).exit_code == 1
        assert sorted(row["line_no"] for row in listed(home)) == [2, 3, 4]
    assert counts(home)["quarantine"] == 3
