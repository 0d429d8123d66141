"""Small homes and event files for tests of the whole chain: a seeded hour on the shipped line."""

import json
from pathlib import Path

from monitoring.adapters.intake import Input
from monitoring.adapters.runtime import Runtime
from monitoring.bootstrap import shipped_mission
from monitoring.rules import bind
from monitoring.simulation import simulate, write_events

NOW_NS = 1_800_000_000_000_000_000
"""A reference clock behind every event of these tests."""


def simulated_hour(
    folder: Path, *, seed: int = 3, hours: float = 1.0
) -> tuple[Path, list[dict[str, object]]]:
    """An event file of the first hours of a busy day, and the sensors that made it."""
    mission = shipped_mission()
    bind(mission.agreement)
    run = simulate("busy-day", mission.lines.lines[0], mission.agreement, seed=seed, hours=hours)
    path = folder / "events.ndjson"
    write_events(path, run.tables())
    return path, run.registry


def ids_of(path: Path) -> set[tuple[str, str]]:
    """The (sensor, id) of every line of an NDJSON file."""
    rows = (json.loads(line) for line in path.read_text(encoding="utf-8").splitlines())
    return {(row["sensor_id"], row["id"]) for row in rows}


def ingest(runtime: Runtime, path: Path) -> dict[str, object]:
    """The file through the door as a whole input."""
    return runtime.ingest_files([Input(path, path.name)], door="file", principal="test", now_ns=NOW_NS)


def finals(runtime: Runtime) -> list[tuple[object, ...]]:
    """What is published, without revisions' numbers: comparable between runs that got there differently."""
    rows = runtime.store.findings_table().to_pylist()
    told = (
        "finding_id",
        "rule_id",
        "verdict",
        "time_start_ns",
        "time_end_ns",
        "lon",
        "lat",
        "state",
        "count",
        "party",
    )
    return sorted(tuple(row[name] for name in told) for row in rows if row["state"] == "final")
