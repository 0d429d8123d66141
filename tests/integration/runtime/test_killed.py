"""Broken off at any moment and started again: nothing acknowledged is lost, nothing counts twice."""

import json
import multiprocessing
import random
import shutil
import signal
import threading
import time
from pathlib import Path
from typing import Any

import httpx2
import pytest

from tests.integration.cli.command_line import contactline, free_port, started, wait_until_served
from tests.integration.cli.conftest import line_through
from tests.integration.runtime.homes import (
    Hours,
    a_copy,
    facts,
    ids_of,
    ingest,
    kept,
    opened,
    simulated_hours,
    standing,
)
from tests.integration.runtime.killed_ingest import ingest_and_tell

pytestmark = pytest.mark.slow
ROUNDS = 20
NOW = "2027-01-15T08:00:00Z"


@pytest.fixture(scope="module")
def hours(tmp_path_factory: pytest.TempPathFactory) -> Hours:
    folder = tmp_path_factory.mktemp("hours")
    (folder / "line.geojson").write_text(json.dumps(line_through(37.15)), encoding="utf-8")
    return simulated_hours(folder, hours=2.0, density=1.5, line_file=folder / "line.geojson")


@pytest.fixture(scope="module")
def undisturbed(hours: Hours, tmp_path_factory: pytest.TempPathFactory) -> dict[str, list[dict[str, Any]]]:
    with a_copy(hours, tmp_path_factory.mktemp("undisturbed") / "home") as runtime:
        ingest(runtime, hours.rows)
        return standing(runtime)


def rows_within(hours: Hours, acknowledged: int) -> list[bytes]:
    told = b"".join(hours.rows)[:acknowledged]
    return told[: told.rfind(b"\n") + 1].splitlines(keepends=True)


def test_a_process_killed_in_the_middle_of_an_ingest_loses_and_doubles_nothing(
    hours: Hours, undisturbed: dict[str, list[dict[str, Any]]], tmp_path: Path
) -> None:
    chance = random.Random(20260615)
    home = Path(shutil.copytree(hours.home, tmp_path / "home"))
    size = hours.path.stat().st_size
    # Each round is a process of its own; they are forked from one that has everything imported.
    processes = multiprocessing.get_context("forkserver")
    processes.set_forkserver_preload([ingest_and_tell.__module__])
    killed = 0
    for round_number in range(ROUNDS):
        told, tell = processes.Pipe(duplex=False)
        process = processes.Process(
            target=ingest_and_tell, args=(home, hours.path, max(4_096, size // 30), tell)
        )
        process.start()
        tell.close()
        acknowledged = 0
        stop_at = chance.randrange(0, size)
        while (done := told.recv()) >= 0:
            acknowledged = done
            if acknowledged >= stop_at:
                time.sleep(chance.random() * 0.05)
                process.kill()
                killed += 1
                break
        process.join()
        told.close()
        process.close()
        with opened(home) as runtime:
            there = kept(runtime)
        assert len(there) == len(set(there)), f"round {round_number}: an event is stored twice"
        assert ids_of(rows_within(hours, acknowledged)) <= set(there), f"round {round_number}: one is lost"
    assert killed >= ROUNDS // 2
    with opened(home) as runtime:
        receipt = ingest(runtime, hours.rows)
        assert set(kept(runtime)) == ids_of(hours.rows)
        assert receipt["rejected"] == {}
        assert facts(standing(runtime)) == facts(undisturbed)


def test_ctrl_c_in_the_middle_of_an_ingest_keeps_what_was_acknowledged_and_the_rest_can_be_sent_again(
    hours: Hours, undisturbed: dict[str, list[dict[str, Any]]], tmp_path: Path
) -> None:
    home = Path(shutil.copytree(hours.home, tmp_path / "home"))
    process = started(home, "ingest", hours.path, "--now", NOW, settings={"CONTACTLINE_CHUNK_BYTES": "4096"})
    journal = home / "journal"
    before = sum(path.stat().st_size for path in journal.iterdir())
    while process.poll() is None and sum(path.stat().st_size for path in journal.iterdir()) < before + 20_000:
        time.sleep(0.002)
    process.send_signal(signal.SIGINT)
    out, err = process.communicate(timeout=60)
    assert process.returncode == 130
    assert "can be run again" in err
    assert "Traceback" not in out + err
    with opened(home) as runtime:
        there = kept(runtime)
    assert 0 < len(there) == len(set(there)) < len(ids_of(hours.rows))
    again = contactline(home, "ingest", hours.path, "--now", NOW, "--json").json
    assert again["duplicates"] >= len(there)
    assert again["accepted"] == len(ids_of(hours.rows)) - len(there)
    with opened(home) as runtime:
        assert sorted(kept(runtime)) == sorted(ids_of(hours.rows))
        assert standing(runtime) == undisturbed


def test_a_file_acknowledged_to_its_end_but_cut_off_before_its_results_gets_them_when_sent_again(
    hours: Hours, undisturbed: dict[str, list[dict[str, Any]]], tmp_path: Path
) -> None:
    with a_copy(hours, tmp_path / "home") as runtime:
        receipt = ingest(runtime, hours.rows, end_of_input=False)
        assert receipt["findings"] is None
    with opened(tmp_path / "home") as runtime:
        again = ingest(runtime, hours.rows)
        assert again["accepted"] == 0
        assert again["findings"] == len(undisturbed["findings"])
        assert standing(runtime) == undisturbed


def test_a_server_killed_while_it_is_posted_to_keeps_all_that_it_acknowledged(
    hours: Hours, undisturbed: dict[str, list[dict[str, Any]]], tmp_path: Path
) -> None:
    home = Path(shutil.copytree(hours.home, tmp_path / "home"))
    process = started(home, "serve", "--port", free_port(), settings={"CONTACTLINE_PROVISIONAL_S": "0.01"})
    server = wait_until_served(home, process)
    acknowledged: list[bytes] = []
    parts = [hours.rows[start : start + 20] for start in range(0, len(hours.rows), 20)]
    enough = threading.Event()

    def post(some: list[tuple[bytes, ...]]) -> None:
        headers = {"Authorization": f"Bearer {server.token}", "Content-Type": "application/x-ndjson"}
        with httpx2.Client(base_url=server.url, headers=headers, timeout=30, trust_env=False) as client:
            for number, part in enumerate(some):
                try:
                    answer = client.post("/v1/events", params={"now": NOW}, content=b"".join(part))
                except httpx2.HTTPError:
                    return
                if answer.status_code == 200:
                    acknowledged.extend(part)
                if number == 12:
                    enough.set()

    posting = [threading.Thread(target=post, args=(parts[start::3],)) for start in range(3)]
    for thread in posting:
        thread.start()
    assert enough.wait(60)
    process.kill()
    for thread in posting:
        thread.join()
    process.communicate()
    assert 0 < len(acknowledged) < len(hours.rows)
    with opened(home) as runtime:
        there = kept(runtime)
        assert len(there) == len(set(there))
        assert ids_of(acknowledged) <= set(there)
        ingest(runtime, hours.rows)
        assert set(kept(runtime)) == ids_of(hours.rows)
        assert facts(standing(runtime)) == facts(undisturbed)
