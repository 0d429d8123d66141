"""Killed at any moment and started again: nothing acknowledged is lost, nothing counts twice."""

import random
import subprocess
import sys
import time
from pathlib import Path

import pytest

from monitoring.bootstrap import open_home
from monitoring.settings import Settings
from tests.integration.runtime.homes import finals, ids_of, ingest, simulated_hour

ROOT = Path(__file__).parents[3]
ROUNDS = 20


@pytest.fixture(scope="module")
def hour(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, list[dict[str, object]]]:
    return simulated_hour(tmp_path_factory.mktemp("hour"), hours=0.5)


@pytest.fixture(scope="module")
def undisturbed(hour, tmp_path_factory: pytest.TempPathFactory) -> list[tuple[object, ...]]:
    path, sensors = hour
    settings = Settings(home=tmp_path_factory.mktemp("undisturbed") / "home")
    with open_home(settings, "test") as opened:
        opened.runtime.register_sensors("test", sensors)
        ingest(opened.runtime, path)
        return finals(opened.runtime)


@pytest.mark.slow
def test_a_process_killed_in_the_middle_of_an_ingest_loses_and_doubles_nothing(
    hour, undisturbed, tmp_path: Path
) -> None:
    path, sensors = hour
    chance = random.Random(20260615)
    home = tmp_path / "home"
    settings = Settings(home=home)
    with open_home(settings, "test") as opened:
        opened.runtime.register_sensors("test", sensors)
    size = path.stat().st_size
    chunk_bytes = max(4_096, size // 60)
    killed = 0
    for _ in range(ROUNDS):
        process = subprocess.Popen(
            [
                sys.executable,
                "-m",
                "tests.integration.runtime.killed_ingest",
                str(home),
                str(path),
                str(chunk_bytes),
            ],
            cwd=ROOT,
            stdout=subprocess.PIPE,
            text=True,
        )
        assert process.stdout is not None
        acknowledged = 0
        stop_at = chance.randrange(0, size)
        while line := process.stdout.readline():
            if line.strip() == "done":
                break
            acknowledged = int(line)
            if acknowledged >= stop_at:
                time.sleep(chance.random() * 0.05)
                process.kill()
                killed += 1
                break
        process.wait()
        process.stdout.close()
        with open_home(settings, "test") as opened:
            events = opened.runtime.archive.select()
            kept = list(
                zip(events.column("sensor_id").to_pylist(), events.column("id").to_pylist(), strict=True)
            )
            assert len(kept) == len(set(kept)), "an event is stored twice"
            with path.open("rb") as source:
                told = source.read(acknowledged)
            sent = tmp_path / "acknowledged.ndjson"
            sent.write_bytes(told[: told.rfind(b"\n") + 1])
            assert ids_of(sent) <= set(kept), "an acknowledged event is lost"
    assert killed >= ROUNDS // 2
    with open_home(settings, "test") as opened:
        receipt = ingest(opened.runtime, path)
        events = opened.runtime.archive.select()
        assert set(
            zip(events.column("sensor_id").to_pylist(), events.column("id").to_pylist(), strict=True)
        ) == ids_of(path)
        assert receipt["rejected"] == {}
        assert finals(opened.runtime) == undisturbed
