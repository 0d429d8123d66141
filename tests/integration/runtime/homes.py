"""Small homes and event files for tests of the whole chain: seeded hours on the shipped line."""

import json
import random
import shutil
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import numpy as np
import pyarrow as pa

from geodata.contact_line import ContactLine
from monitoring.adapters.intake import Input
from monitoring.adapters.runtime import Runtime
from monitoring.bootstrap import open_home, own_mission, shipped_mission
from monitoring.results import rfc3339
from monitoring.rules import bind
from monitoring.settings import Settings
from monitoring.simulation import simulate, write_events

NOW_NS = 1_800_000_000_000_000_000
"""A reference clock behind every event of these tests."""


@dataclass(frozen=True)
class Hours:
    """Simulated hours: the events of a file in order of delivery, and a home in which their sensors are known."""

    path: Path
    rows: tuple[bytes, ...]
    home: Path


def simulated_hours(
    folder: Path, *, hours: float, seed: int = 3, density: float = 1.0, line_file: Path | None = None
) -> Hours:
    """The first hours of a busy day on the shipped line, or on another one."""
    mission = shipped_mission() if line_file is None else own_mission(line_file, None, None)
    bind(mission.agreement)
    run = simulate(
        "busy-day", mission.lines.lines[0], mission.agreement, seed=seed, hours=hours, density=density
    )
    path = folder / "events.ndjson"
    write_events(path, run.tables())
    rows = [
        *path.read_bytes().splitlines(keepends=True),
        *_crossers(mission.lines.lines[0], run.from_ns, seed),
    ]
    rows.sort(key=lambda row: str(json.loads(row)["time"]))
    path.write_bytes(b"".join(rows))
    home = folder / "home"
    settings = Settings(home=home)
    with open_home(settings, "test", found=lambda: mission, makes_accounts=False) as at_work:
        at_work.runtime.register_sensors("test", [*run.registry, CROSSERS_SENSOR])
    (home / "reserve").unlink()  # it is taken again at the next start; copies need not hold it
    return Hours(path, tuple(rows), home)


CROSSERS_SENSOR: Final = {"id": "TEST-TOWER", "type": "eo_ir_tower"}


def _crossers(line: ContactLine, from_ns: int, seed: int) -> Iterator[bytes]:
    """Vehicles that go over the line and some of them back, in the first half hour: the first hours have few."""
    chance = random.Random(seed)
    lon, lat = line.place_at(np.linspace(0.1, 0.9, 12) * line.length_m)
    for number, (x, y) in enumerate(zip(lon.tolist(), lat.tolist(), strict=True)):
        steps = [-0.03, -0.02, -0.01, 0.012, 0.02, 0.03]
        if number % 2:
            steps += steps[::-1]
        for step, offset in enumerate(steps):
            time_ns = from_ns + (chance.randrange(60) + 60 * step + 30 * number) * 1_000_000_000
            row = {
                "id": f"c-{number}-{step}",
                "sensor_id": CROSSERS_SENSOR["id"],
                "time": rfc3339(time_ns),
                "kind": "track",
                "track_id": f"crosser-{number}",
                "lon": round(x + offset, 6),
                "lat": round(y + 0.003 * chance.random(), 6),
                "sigma_m": 8.0,
                "affiliation": "AB"[number % 2],
                "object_class": "light_vehicle",
            }
            yield json.dumps(row, separators=(",", ":")).encode() + b"\n"


@contextmanager
def opened(home: Path, **settings: Any) -> Iterator[Runtime]:
    """The home at work, as a command that writes has it."""
    with open_home(Settings(home=home, **settings), "test", makes_accounts=False) as at_work:
        yield at_work.runtime


@contextmanager
def a_copy(hours: Hours, home: Path, **settings: Any) -> Iterator[Runtime]:
    """A fresh home that knows the sensors of the hours."""
    shutil.copytree(hours.home, home)
    with opened(home, **settings) as runtime:
        yield runtime


def ids_of(rows: Sequence[bytes]) -> set[tuple[str, str]]:
    """The (sensor, id) of every row of NDJSON."""
    return {(row["sensor_id"], row["id"]) for row in map(json.loads, rows)}


def kept(runtime: Runtime) -> list[tuple[str, str]]:
    """The (sensor, id) of every accepted event."""
    events = runtime.archive.select()
    return list(zip(events.column("sensor_id").to_pylist(), events.column("id").to_pylist(), strict=True))


def ingest(runtime: Runtime, rows: Sequence[bytes], *, end_of_input: bool = True) -> dict[str, Any]:
    """The rows through the door as one file."""
    return runtime.ingest_files(
        [Input(b"".join(rows), "events.ndjson")],
        door="file",
        principal="test",
        now_ns=NOW_NS,
        end_of_input=end_of_input,
    )


def published(runtime: Runtime) -> dict[str, list[dict[str, Any]]]:
    """Everything that is published, revisions included; members without their addresses in the journal."""
    return {
        "findings": _by(runtime.store.findings_table(), "finding_id"),
        "incidents": _by(runtime.store.incidents_table(), "incident_id"),
    }


def standing(runtime: Runtime) -> dict[str, list[dict[str, Any]]]:
    """What stands as final, without the numbers of revisions: equal between runs that got there differently."""
    return {
        kind: [{k: v for k, v in row.items() if k != "revision"} for row in rows if row["state"] == "final"]
        for kind, rows in published(runtime).items()
    }


NAMES: Final = frozenset({"finding_id", "incident_id", "subject_key"})


def facts(results: dict[str, list[dict[str, Any]]]) -> dict[str, list[str]]:
    """Results without their ids: an incident keeps the id it was first published under, though an earlier event of
    it came to be known (an incident of a place names its one finding in its detail). Nor with the coverage that
    findings carry: that is what could be known when they were decided.
    """
    return {kind: sorted(repr(_fact(row)) for row in rows) for kind, rows in results.items()}


def _fact(row: dict[str, Any]) -> list[Any]:
    kept = {name: value for name, value in row.items() if name not in NAMES}
    if "detail" in kept:
        left_out = {"coverage"}
        if row.get("kind") not in (None, "fire", "movement"):
            left_out.add("findings")
        said = json.loads(kept["detail"])
        kept["detail"] = {name: value for name, value in said.items() if name not in left_out}
    return list(kept.values())


def _by(table: pa.Table, key: str) -> list[dict[str, Any]]:
    return sorted(table.to_pylist(), key=lambda row: row[key])
