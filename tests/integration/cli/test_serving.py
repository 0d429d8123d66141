"""A server holds the home: other commands go through it or stand back, and it stops in order."""

import json
import shutil
import signal
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx2
import pytest

from tests.integration.cli.command_line import (
    Serving,
    contactline,
    free_port,
    serving,
    started,
    wait_until_served,
)
from tests.integration.cli.conftest import line_through
from tests.integration.cli.event_files import NOW, fixes, ndjson, shot, written
from tests.integration.cli.test_quarantine import listed

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def served(template: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Path, Serving]]:
    home = Path(shutil.copytree(template, tmp_path_factory.mktemp("served") / "home"))
    with serving(home) as server:
        yield home, server


def ask(server: Serving, path: str, **query: Any) -> dict[str, Any]:
    headers = {"Authorization": f"Bearer {server.token}"}
    answer = httpx2.get(server.url + path, params=query, headers=headers, timeout=30, trust_env=False)
    assert answer.status_code == 200, answer.text
    return dict(answer.json())


def test_a_file_fed_while_it_serves_gives_its_case_though_all_of_it_is_late(
    served: tuple[Path, Serving], tmp_path: Path
) -> None:
    home, server = served
    # A first file and a tick of the clock bring the watermark to the present: the next one comes behind it.
    first = written(tmp_path / "first.ndjson", [shot(1)])
    assert contactline(home, "ingest", first, "--now", NOW, "--json").json["cases"] == 1
    deadline = time.monotonic() + 20
    while (ask(server, "/v1/status")["watermark_ns"] or 0) < 1_790_000_000_000_000_000:
        httpx2.post(
            server.url + "/v1/events", params={"wait": "processed", "now": NOW}, content=ndjson([shot(1)]),
            headers={"Authorization": f"Bearer {server.token}", "Content-Type": "application/x-ndjson"},
            timeout=60, trust_env=False,
        )  # fmt: skip
        assert time.monotonic() < deadline
    late = written(tmp_path / "late.ndjson", [shot(2, time="2026-08-22T06:00:00Z", lon=37.02, lat=48.7017)])
    ran = contactline(home, "ingest", late, "--now", NOW, "--json")
    assert ran.exit_code == 0
    assert ran.json["flagged"] == {"late": 1}
    assert (ran.json["findings"], ran.json["incidents"], ran.json["cases"]) == (1, 1, 1)
    again = contactline(home, "ingest", late, "--now", NOW, "--json").json
    assert (again["accepted"], again["duplicates"], again["cases"]) == (0, 1, 0)
    assert ask(server, "/v1/cases")["total"] == 2
    tank = written(tmp_path / "tank.ndjson", fixes([0.03, 0.01, -0.01, -0.03]))
    receipt = contactline(home, "ingest", tank, "--now", NOW, "--json").json
    assert (receipt["accepted"], receipt["cases"]) == (4, 1)
    with_results = ask(server, f"/v1/receipts/{receipt['receipt_id']}")
    assert with_results["findings"] == receipt["findings"] > 0


def test_write_commands_go_through_the_server(served: tuple[Path, Serving], tmp_path: Path) -> None:
    home, _ = served
    added = contactline(home, "sensors", "add", "MANY-1", "--type", "generic", "--json")
    assert added.json == {"added": 1, "changed": 0}
    assert contactline(home, "sensors", "add", "MANY-1", "--type", "geophone", "--json").json["changed"] == 1
    assert "MANY-1" in {
        row["sensor_id"] for row in contactline(home, "sensors", "list", "--json").json["sensors"]
    }
    line = tmp_path / "moved.geojson"
    line.write_text(json.dumps(line_through(37.16, label="moved while serving")), encoding="utf-8")
    loaded = contactline(home, "line", "load", line, "--valid-from", "2027-01-01T00:00:00Z", "--json")
    assert loaded.json["label"] == "moved while serving"
    assert loaded.json["length_m"] > 90_000
    far = tmp_path / "far.geojson"
    far.write_text(json.dumps(line_through(5.0)), encoding="utf-8")
    refused = contactline(home, "line", "load", far, "--valid-from", "2027-01-01T00:00:00Z")
    assert refused.exit_code == 1
    assert "area of operations" in refused.err


def test_files_that_are_refused_are_told_alike_through_the_server(
    served: tuple[Path, Serving], tmp_path: Path
) -> None:
    home, _ = served
    bad = tmp_path / "bad.ndjson"
    bad.write_bytes(b"\n\n")
    zipped = tmp_path / "a.zip"
    zipped.write_bytes(b"PK\x03\x04rest")
    good = written(tmp_path / "good.ndjson", [shot(41), shot(42, kind="bang"), shot(43, sensor_id="NOBODY")])
    ran = contactline(home, "ingest", bad, good, zipped, "--now", NOW, "--json")
    assert ran.exit_code == 1
    assert [(one["file"], one["reason"]) for one in ran.json["files"]] == [
        ("bad.ndjson", "empty"),
        ("a.zip", "format"),
    ]
    assert (ran.json["accepted"], ran.json["rejected"]) == (1, {"unknown_kind": 1, "unknown_sensor": 1})
    only_bad = contactline(home, "ingest", bad, "--now", NOW, "--json")
    assert (only_bad.exit_code, only_bad.json["receipt_id"]) == (1, None)
    none_good = written(tmp_path / "none.ndjson", [shot(44, kind="bang")])
    ran = contactline(home, "ingest", none_good, "--now", NOW, "--json")
    assert (ran.exit_code, ran.json["accepted"], ran.json["rejected"]) == (1, 0, {"unknown_kind": 1})
    piped = contactline(home, "ingest", "-", "--now", NOW, "--json", stdin=ndjson([shot(45)]))
    assert (piped.exit_code, piped.json["accepted"]) == (0, 1)
    assert contactline(home, "ingest", tmp_path / "none", "--now", NOW).exit_code == 2
    assert list((home / "spool").iterdir()) == []


def test_the_quarantine_is_replayed_through_the_server(served: tuple[Path, Serving], tmp_path: Path) -> None:
    home, _ = served
    held = written(tmp_path / "held.ndjson", [shot(51, sensor_id="COMES-LATER")])
    contactline(home, "ingest", held, "--now", NOW)
    assert [row["source"] for row in listed(home, "--reason", "unknown_sensor")].count("held.ndjson") == 1
    contactline(home, "sensors", "add", "COMES-LATER", "--type", "generic")
    ran = contactline(home, "quarantine", "replay", "--reason", "unknown_sensor", "--json")
    assert ran.json["accepted"] == 1
    assert ran.json["receipt_id"]
    assert "held.ndjson" not in [row["source"] for row in listed(home)]


def test_a_second_server_refuses_naming_the_first_and_status_stands_beside_it(
    served: tuple[Path, Serving],
) -> None:
    home, server = served
    second = started(home, "serve", "--port", free_port())
    out, err = second.communicate(timeout=60)
    assert second.returncode == 1
    told = " ".join(err.split())
    assert "contactline serve" in told
    assert str(server.process.pid) in told
    assert server.url in told
    assert "Traceback" not in out + err
    status = contactline(home, "status", "--json").json
    assert status["writer"] == {"pid": server.process.pid, "command": "serve", "url": server.url}
    assert status["ready"] is True


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM], ids=["Ctrl-C", "SIGTERM"])
def test_it_stops_in_order_and_goes_on_where_it_was(
    number: signal.Signals, home: Path, tmp_path: Path
) -> None:
    process = started(home, "serve", "--port", free_port())
    server = wait_until_served(home, process)
    live = threading.Thread(target=_listen, args=(server,), daemon=True)
    live.start()
    events = written(tmp_path / "e.ndjson", [shot(1)])
    assert contactline(home, "ingest", events, "--now", NOW, "--json").json["cases"] == 1
    process.send_signal(number)
    out, err = process.communicate(timeout=30)
    assert process.returncode == 0
    assert "Traceback" not in out + err
    assert not (home / "server.json").exists()
    status = contactline(home, "status", "--json").json
    assert (status["writer"], status["waiting"]) == (None, 0)
    again = contactline(home, "ingest", events, "--now", NOW, "--json").json
    assert (again["accepted"], again["duplicates"]) == (0, 1)
    assert contactline(home, "status", "--json").json["counts"]["cases"] == 1


def _listen(server: Serving) -> None:
    headers = {"Authorization": f"Bearer {server.token}"}
    try:
        with httpx2.stream(
            "GET", server.url + "/v1/live", headers=headers, timeout=60, trust_env=False
        ) as stream:
            for _ in stream.iter_lines():
                pass
    except httpx2.HTTPError:
        pass


def test_a_killed_server_leaves_nothing_in_the_way(home: Path, tmp_path: Path) -> None:
    process = started(home, "serve", "--port", free_port())
    wait_until_served(home, process)
    process.kill()
    process.communicate()
    assert (home / "server.json").exists()
    assert contactline(home, "status", "--json").json["writer"] is None
    events = written(tmp_path / "e.ndjson", [shot(1)])
    assert contactline(home, "ingest", events, "--now", NOW, "--json").json["cases"] == 1


def test_a_home_nobody_has_signed_in_to_is_served_on_this_machine_only(home: Path) -> None:
    ran = contactline(home, "serve", "--host", "0.0.0.0", "--port", free_port())
    assert ran.exit_code == 2
    assert "127.0.0.1" in ran.err


def test_a_scenario_is_played_into_the_running_server_with_its_sensors_and_its_truth(
    home: Path, template: Path, tmp_path: Path
) -> None:
    truth = tmp_path / "truth.ndjson"
    with serving(home) as server:
        ran = contactline(
            home, "simulate", "--scenario", "quiet-day", "--line", template.parent / "line.geojson",
            "--hours", 0.5, "--density", 4, "--live", "home", "--rate", 600, "--truth", truth, "--json",
        )  # fmt: skip
        assert ran.exit_code == 0, ran.err
        known = {row["sensor_id"] for row in contactline(home, "sensors", "list", "--json").json["sensors"]}
        held = ask(server, "/v1/status")["counts"]
    told = ran.json
    assert (told["is_whole"], told["rejected"], held["quarantine"]) == (True, {}, 0)
    assert 20 < told["accepted"] == told["sent"] - told["duplicates"]
    assert {"GR-001", "ET-001"} <= known
    assert '"type":"header"' in truth.read_text(encoding="utf-8")
