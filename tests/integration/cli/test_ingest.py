"""Files through the door by the command line: receipts that add up, files refused whole, one case of one explosion."""

import csv
import gzip
import io
import os
import threading
from pathlib import Path
from typing import Any

import pytest

from monitoring.bootstrap import read_home
from monitoring.settings import Settings
from tests.integration.cli.command_line import Ran, contactline
from tests.integration.cli.event_files import NOW, fixes, ndjson, shot, written


def ingest(home: Path, *files: object, stdin: bytes = b"", now: str = NOW) -> Ran:
    return contactline(home, "ingest", *files, "--now", now, "--json", stdin=stdin)


def row_count(receipt: dict[str, Any]) -> int:
    return int(
        receipt["accepted"]
        + receipt["duplicates"]
        + sum(receipt["rejected"].values())
        + receipt["flagged"].get("id_conflict", 0)
    )


def as_csv(rows: list[dict[str, Any]]) -> bytes:
    text = io.StringIO()
    writer = csv.DictWriter(text, list(rows[0]))
    writer.writeheader()
    writer.writerows(rows)
    return text.getvalue().encode()


def test_a_file_with_one_explosion_gives_one_finding_one_incident_one_case(
    home: Path, tmp_path: Path
) -> None:
    ran = ingest(home, written(tmp_path / "one.ndjson", [shot()]))
    assert ran.exit_code == 0
    receipt = ran.json
    assert (receipt["accepted"], receipt["findings"], receipt["incidents"], receipt["cases"]) == (1, 1, 1, 1)
    counts = contactline(home, "status", "--json").json["counts"]
    assert (counts["findings"], counts["incidents"], counts["cases"]) == (1, 1, 1)


def test_one_explosion_heard_by_five_sensors_is_one_case(home: Path, tmp_path: Path) -> None:
    heard = [
        shot(1, sensor_id=f"ACU-{i}", id=f"h-{i}", lon=37.2512 + i * 1e-3, sigma_m=200.0,
             time=f"2026-08-22T08:01:0{i}Z")
        for i in range(1, 6)
    ]  # fmt: skip
    receipt = ingest(home, written(tmp_path / "heard.ndjson", heard)).json
    assert (receipt["accepted"], receipt["incidents"], receipt["cases"]) == (5, 1, 1)


def test_a_tank_over_the_line_and_back_gives_two_crossings_in_one_case(home: Path, tmp_path: Path) -> None:
    out_and_back = fixes([0.02, 0.02, 0.01, -0.01, -0.02, -0.01, 0.01, 0.02])
    assert ingest(home, written(tmp_path / "tank.ndjson", out_and_back)).json["cases"] == 1
    with read_home(Settings(home=home)) as (_, store, _):
        found = store.findings_table().to_pylist()
    crossings = [row for row in found if row["rule_id"] == "line_crossing"]
    assert [row["direction"] for row in crossings] == ["B>A", "A>B"]
    assert {row["party"] for row in crossings} == {"B"}


@pytest.mark.parametrize("form", ["ndjson", "csv", "ndjson.gz", "csv.gz", "-", "pipe"])
def test_the_same_rows_are_taken_alike_in_every_form_and_way(form: str, home: Path, tmp_path: Path) -> None:
    rows = [shot(i) for i in range(1, 6)]
    data = as_csv(rows) if form.startswith("csv") else ndjson(rows)
    path = tmp_path / f"events.{form}"
    stdin = b""
    if form == "-":
        path, stdin = Path("-"), data
    elif form == "pipe":
        os.mkfifo(path)
        threading.Thread(target=path.write_bytes, args=(data,), daemon=True).start()
    else:
        path.write_bytes(gzip.compress(data) if form.endswith(".gz") else data)
    ran = ingest(home, path, stdin=stdin)
    assert (ran.exit_code, ran.json["accepted"], ran.json["rejected"]) == (0, 5, {})
    again = ingest(home, written(tmp_path / "again.ndjson", rows)).json
    assert (again["accepted"], again["duplicates"], again["flagged"]) == (0, 5, {})
    assert list((home / "spool").iterdir()) == []


def test_every_row_of_a_file_is_in_the_receipt_exactly_once(home: Path, tmp_path: Path) -> None:
    rows = [
        *(shot(i) for i in range(1, 11)),
        shot(1),  # known
        {**shot(2), "text": "another"},  # the same id, other content
        shot(20, sensor_id="NOBODY"),
        shot(21, kind="bang"),
        shot(22, lat=91.0),
        shot(23, lon=5.0),
        shot(24, time="2026-08-22T15:00:00Z"),
        {"id": "bare"},
    ]
    data = ndjson(rows) + b"\n{cut off\n\n"
    path = tmp_path / "mixed.ndjson"
    path.write_bytes(data)
    ran = ingest(home, path)
    receipt = ran.json
    assert ran.exit_code == 1
    assert row_count(receipt) == len(rows) + 1
    assert receipt["accepted"] == 10
    assert receipt["duplicates"] == 1
    assert receipt["flagged"]["id_conflict"] == 1
    assert receipt["rejected"] == {
        "clock_skew": 1, "coord_range": 1, "json_syntax": 1, "missing_field": 1, "outside_area": 1,
        "unknown_kind": 1, "unknown_sensor": 1,
    }  # fmt: skip
    told = {(row["line"], row["reason"]) for row in receipt["rows"]}
    assert {(12, "id_conflict"), (13, "unknown_sensor"), (20, "json_syntax")} <= told
    assert len(receipt["rows"]) == 8
    again = ingest(home, path).json
    assert (again["accepted"], again["duplicates"]) == (0, 11)
    assert row_count(again) == row_count(receipt)


def test_a_refused_file_leaves_nothing_behind_and_the_others_are_taken(home: Path, tmp_path: Path) -> None:
    before = contactline(home, "status", "--json").json
    broken = tmp_path / "broken.ndjson.gz"
    broken.write_bytes(gzip.compress(ndjson(shot(i) for i in range(40)))[:-20])
    empty = written(tmp_path / "empty.ndjson", [])
    ran = ingest(home, broken, empty)
    assert ran.exit_code == 1
    assert [(f["file"], f["reason"]) for f in ran.json["files"]] == [
        ("broken.ndjson.gz", "truncated"),
        ("empty.ndjson", "empty"),
    ]
    assert all(f["detail"] for f in ran.json["files"])
    assert (row_count(ran.json), ran.json["receipt_id"]) == (0, None)
    after = contactline(home, "status", "--json").json
    assert after["journal_seq"] == before["journal_seq"]
    assert after["quarantine"] == {}
    good = written(tmp_path / "good.ndjson", [shot(1)])
    more = written(tmp_path / "more.ndjson", [shot(2, lon=37.0, lat=48.6)])
    ran = ingest(home, good, broken, more)
    assert (ran.exit_code, ran.json["accepted"], len(ran.json["files"])) == (1, 2, 1)
    assert ran.json["cases"] == 2


def test_a_file_for_people_shows_what_was_refused_and_flags_alone_are_no_failure(
    home: Path, tmp_path: Path
) -> None:
    flagged = written(tmp_path / "flagged.ndjson", [shot(1, lon=37.0, lat=48.0)])
    ran = contactline(home, "ingest", flagged, "--now", NOW)
    assert ran.exit_code == 0
    assert "low_precision" in ran.out
    hostile = written(tmp_path / "hostile.ndjson", [shot(2, kind="[red]bold[/red]\u001b[31m")])
    ran = contactline(home, "ingest", hostile, "--now", NOW)
    assert ran.exit_code == 1
    assert "\u001b" not in ran.out
    assert "[red]bold" in ran.out


def test_a_file_with_nothing_acceptable_has_all_its_rows_in_the_receipt_and_no_results(
    home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("CONTACTLINE_CHUNK_BYTES", "4096")
    rows = [shot(i, sensor_id="NOBODY") for i in range(300)]
    receipt = ingest(home, written(tmp_path / "e.ndjson", rows)).json
    assert receipt["journal_to"] > receipt["journal_from"]
    assert receipt["rejected"] == {"unknown_sensor": 300}
    assert len(receipt["rows"]) == 300
    assert (receipt["findings"], receipt["incidents"], receipt["cases"]) == (0, 0, 0)


def test_a_folder_or_a_missing_file_is_told_before_a_home_is_changed(home: Path, tmp_path: Path) -> None:
    before = contactline(home, "status", "--json").json["journal_seq"]
    good = written(tmp_path / "good.ndjson", [shot(1)])
    assert ingest(home, good, tmp_path).exit_code == 1
    assert ingest(home, good, tmp_path / "none").exit_code == 2
    assert contactline(home, "status", "--json").json["journal_seq"] == before


def test_a_home_begun_by_another_command_still_shows_its_first_secrets_when_served(tmp_path: Path) -> None:
    ran = contactline(tmp_path / "h", "sensors", "add", "X-1", "--type", "generic")
    assert ran.exit_code == 0
    with read_home(Settings(home=tmp_path / "h")) as (_, store, _):
        assert store.accounts() == []
