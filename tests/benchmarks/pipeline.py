"""From a file to findings beside only parsing the file: what decoding, admission, journal and track rules add.

    python -m tests.benchmarks.pipeline [--rows N] [--turns N]

A seeded file of interleaved tracks near and far from the line (95 % fixes, few crossings) as NDJSON and as
Parquet. Readers that only parse and our own steps, one more at a time, take turns, each turn in a process of its
own; the best turn counts. CPU time is that of all threads.
"""

import argparse
import importlib
import importlib.util
import json
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, Final

import numpy as np
import pyarrow as pa
import pyarrow.json as pj
import pyarrow.parquet as pq

from geodata.area import Area
from geodata.contact_line import LineHistory, packaged_line
from geodata.sectors import packaged_sectors
from geodata.segments import GEOD
from monitoring import events, schema
from monitoring.adapters.ahead import worked_ahead
from monitoring.adapters.intake import addressed
from monitoring.adapters.journal import Journal
from monitoring.adapters.seen_ids import SeenIds
from monitoring.admission import Admission, Registry, Sensor, admit
from monitoring.agreement import Agreement, Parameters, SensorFacts
from monitoring.decode import Chunk, DecodedRows, Format, chunks, decode
from monitoring.evidence.records import EventsPayload
from monitoring.pipeline.detect import Detection
from monitoring.simulation.encode import native_table, ndjson_bytes
from tests.benchmarks.published import RESULTS, circumstances, peak_mb, preface

SEED: Final = 20_260_107
BEGIN_NS: Final = 1_781_000_000_000_000_000
SENSORS: Final = 200
FIXES_A_TRACK: Final = 100
STEP_S: Final = 20.0
RULES: Final = ("line_crossing", "buffer_incursion")
WARM_ROWS: Final = 3_000
_THIS: Final = (sys.executable, "-m", "tests.benchmarks.pipeline")
GOAL: Final = {"ndjson": 0.6, "parquet": 0.3}

Reals = np.ndarray[tuple[int], np.dtype[np.float64]]


def event_tables(row_count: int) -> pa.Table:
    """`row_count` events (`schema.EVENT_FIELDS`) in order of time: 95 % fixes, 3 % heartbeats, 2 % sightings.

    One track in a hundred starts within 8 km of the line, the others 20 to 70 km off.
    """
    rng = np.random.default_rng(SEED)
    is_fix = rng.random(row_count) < 0.95
    fix_count = int(is_fix.sum())
    tracks = max(1, fix_count // FIXES_A_TRACK)
    rank, track = np.divmod(np.arange(fix_count), tracks)
    lon, lat = _paths(rng, tracks, int(rank.max()) + 1)
    others = row_count - fix_count
    is_sighting = rng.random(others) < 0.4
    where = rng.integers(0, tracks, others)
    sensor = np.empty(row_count, dtype=np.int64)
    sensor[is_fix] = track % SENSORS
    sensor[~is_fix] = rng.integers(0, SENSORS, others)
    columns: dict[str, pa.Array] = {
        "sensor_id": pa.array([f"GR-{n:03d}" for n in range(SENSORS)]).take(pa.array(sensor)),
        "id": pa.array([f"E{n:09d}" for n in range(row_count)]),
        "time_ns": pa.array(_times(row_count, tracks)),
    }
    kind = np.full(row_count, schema.KINDS.index("track"), dtype=np.int8)
    kind[~is_fix] = np.where(is_sighting, schema.KINDS.index("sighting"), schema.KINDS.index("heartbeat"))
    columns["kind"] = events.words("kind", kind)
    has_place = kind != schema.KINDS.index("heartbeat")
    for name, of_tracks in (("lon", lon), ("lat", lat)):
        degrees = np.empty(row_count)
        degrees[is_fix] = of_tracks[rank, track]
        degrees[~is_fix] = of_tracks[0, where]
        columns[name] = pa.array(np.round(degrees, 6), mask=~has_place)
    columns["sigma_m"] = pa.array(np.round(rng.uniform(5.0, 40.0, row_count), 1), mask=~has_place)
    names = pa.array([f"T{n:08d}" for n in range(tracks)])
    which = np.zeros(row_count, dtype=np.int64)
    which[is_fix] = track
    columns["track_id"] = names.take(pa.array(which, mask=~is_fix))
    object_class = rng.integers(0, 5, tracks).astype(np.int8)[which]
    affiliation = rng.choice(np.array([0, 1, 2, 2, 4], dtype=np.int8), tracks)[which]
    columns["object_class"] = events.words("object_class", np.where(has_place, object_class, np.int8(-1)))
    columns["affiliation"] = events.words("affiliation", np.where(is_fix, affiliation, np.int8(-1)))
    columns["speed_mps"] = pa.array(np.round(rng.uniform(0.5, 15.0, row_count), 1), mask=~is_fix)
    columns["heading_deg"] = pa.array(np.round(rng.uniform(0.0, 359.0, row_count), 0), mask=~is_fix)
    columns["reach_m"] = pa.array(np.full(row_count, 20_000.0), mask=has_place)
    filled = [columns.get(f.name, pa.nulls(row_count, f.type)) for f in schema.EVENT_FIELDS]
    return pa.Table.from_arrays(filled, schema=schema.EVENT_FIELDS)


def _paths(rng: np.random.Generator, tracks: int, ranks: int) -> tuple[Reals, Reals]:
    """Longitude and latitude (ranks, tracks) of tracks that keep their heading more or less, degrees."""
    line = packaged_line()
    lon, lat = line.place_at(rng.uniform(0.0, line.length_m, tracks))
    off_m = np.where(
        rng.random(tracks) < 1 / 100, rng.uniform(0, 8_000, tracks), rng.uniform(2e4, 7e4, tracks)
    )
    begin = GEOD.fwd(lon, lat, rng.uniform(0, 360, tracks), off_m)
    heading = rng.uniform(0, 2 * np.pi, tracks) + np.cumsum(rng.normal(0, 0.1, (ranks, tracks)), axis=0)
    step_m = rng.uniform(5.0, 100.0, tracks)
    north = np.cumsum(step_m * np.cos(heading), axis=0) / 111_200.0
    east = np.cumsum(step_m * np.sin(heading), axis=0) / (111_320.0 * np.cos(np.radians(begin[1])))
    return np.asarray(begin[0]) + east, np.asarray(begin[1]) + north


def _times(row_count: int, tracks: int) -> np.ndarray[tuple[int], np.dtype[np.int64]]:
    """Times in order, whole milliseconds: a round of all tracks takes `STEP_S`."""
    return BEGIN_NS + (np.arange(row_count) * (STEP_S * 950 / tracks)).astype(np.int64) * 1_000_000


def write_files(folder: Path, row_count: int) -> None:
    """The same events as NDJSON and as Parquet (zstd, the columns that hold anything)."""
    table = event_tables(row_count)
    paths = _paths_in(folder)
    paths["ndjson"].write_bytes(ndjson_bytes(table))
    native = native_table(table)
    native = native.select([n for n in native.schema.names if native[n].null_count < row_count])
    pq.write_table(native, paths["parquet"], compression="zstd", row_group_size=1 << 17)


def _paths_in(folder: Path) -> dict[str, Path]:
    return {"ndjson": folder / "events.ndjson", "parquet": folder / "events.parquet"}


def _written(folder: Path, row_count: int) -> dict[str, Path]:
    """The files, made by a process of its own: a process counts its parent's memory at the start as its own."""
    folder.mkdir()
    subprocess.run([*_THIS, "--write", str(folder), "--rows", str(row_count)], check=True)
    return _paths_in(folder)


def _parameters() -> Parameters:
    line = packaged_line()
    sensors = {name: SensorFacts(sensor.type) for name, sensor in _registry().sensors.items()}
    return Parameters(
        Agreement.load("minimal"), LineHistory([line]), packaged_sectors(), sensors, rules=RULES
    )


def _registry() -> Registry:
    return Registry.of(Sensor(f"GR-{n:03d}", "ground_radar") for n in range(SENSORS))


class _Ours:
    """Our own steps on one file, as far as wanted."""

    def __init__(self, path: Path, folder: Path, upto: str) -> None:
        self._path = path
        self._form = Format(path.suffix[1:])
        self._upto = upto
        self._registry = _registry()
        self._area = Area.fit(packaged_line())
        self._seen = SeenIds(folder / "ids")
        (folder / "journal").mkdir()
        self._journal = Journal(folder / "journal")

    def run(self) -> tuple[int, int]:
        """Rows taken, findings."""
        decoded = worked_ahead(chunks(self._path, self._form), self._decoded)
        if self._upto == "decode":
            return sum(rows.row_count for _, rows in decoded), 0
        taken = (table for _, table in worked_ahead(decoded, self._taken))
        if self._upto != "rules":
            return sum(table.num_rows for table in taken), 0
        count, detection = 0, Detection(_parameters())
        for table in taken:
            count += table.num_rows
            detection.take(table)
        return count, detection.end().num_rows

    def _decoded(self, chunk: Chunk) -> DecodedRows:
        return decode(self._form, chunk.data, chunk.first_line, chunk.header)

    def _taken(self, one: tuple[Chunk, DecodedRows]) -> pa.Table:
        chunk, rows = one
        admission = admit(rows, self._registry, self._area, None, None, self._seen)
        seq = self._journaled(chunk, admission) if self._upto != "admission" else 1
        kept = np.isin(rows.ok_rows, admission.accepted_rows)
        self._seen.add(rows.key_hash[kept], rows.content_hash[kept], seq, are_new=True)
        return addressed(admission.accepted, seq, admission.accepted_rows, admission.flags)

    def _journaled(self, chunk: Chunk, admission: Admission) -> int:
        payload = EventsPayload(
            format=self._form.value,
            data=chunk.data,
            reason=admission.reason,
            flags=admission.flags,
            duplicate=admission.duplicate,
            first_line=chunk.first_line,
            header=chunk.header,
            details=admission.detail,
            source=None,
        )
        return self._journal.append("events", payload, received_at_ns=BEGIN_NS, door="file")


def _pyarrow(path: Path, _: Path) -> tuple[int, int]:
    return (pj.read_json(path) if path.suffix == ".ndjson" else pq.read_table(path)).num_rows, 0


def _polars(path: Path, _: Path) -> tuple[int, int]:
    polars = importlib.import_module("polars")
    return (polars.read_ndjson(path) if path.suffix == ".ndjson" else polars.read_parquet(path)).height, 0


def _duckdb(path: Path, _: Path) -> tuple[int, int]:
    duckdb = importlib.import_module("duckdb")
    read = "read_json" if path.suffix == ".ndjson" else "read_parquet"
    return duckdb.sql(f"SELECT * FROM {read}('{path}')").to_arrow_table().num_rows, 0


def _ours(upto: str) -> Callable[[Path, Path], tuple[int, int]]:
    return lambda path, folder: _Ours(path, folder, upto).run()


READERS: Final = {"pyarrow": _pyarrow, "polars": _polars, "duckdb": _duckdb}
STEPS: Final = {
    "decode": "ours: decode, every row judged",
    "admission": "+ admission (registry, area, duplicates)",
    "journal": "+ journal, every chunk synced",
    "rules": "+ locate and track rules",
}
WAYS: Final = {**READERS, **{name: _ours(name) for name in STEPS}}


def measure(name: str, path: Path, warm: Path) -> None:
    """Prints what one turn of one way took, as JSON, in this process; a small file has warmed it up."""
    with tempfile.TemporaryDirectory(dir=path.parent) as cold, tempfile.TemporaryDirectory() as small:
        WAYS[name](warm, Path(small))
        cpu, wall = time.process_time(), time.perf_counter()
        rows, found = WAYS[name](path, Path(cold))
        cpu, wall = time.process_time() - cpu, time.perf_counter() - wall
    print(json.dumps({"cpu_s": cpu, "wall_s": wall, "rows": rows, "found": found, "peak_mb": peak_mb()}))


def _turn(name: str, path: Path, warm: Path) -> dict[str, Any]:
    command = [*_THIS, "--one", name, str(path), str(warm)]
    told: dict[str, Any] = json.loads(subprocess.run(command, check=True, stdout=subprocess.PIPE).stdout)
    return told


def _contest(path: Path, warm: Path, names: list[str], turns: int) -> dict[str, dict[str, Any]]:
    """Of each way the least of every figure, all of them taking turns."""
    best: dict[str, dict[str, Any]] = {}
    for _ in range(turns):
        for name in names:
            told = _turn(name, path, warm)
            best[name] = {k: min(v, best.get(name, told)[k]) for k, v in told.items()}
    return best


def _lines(kind: str, best: dict[str, dict[str, Any]], row_count: int) -> list[str]:
    readers = {n: b for n, b in best.items() if n in READERS}
    cpu_s = min(b["cpu_s"] for b in readers.values())
    wall_s = min(b["wall_s"] for b in readers.values())
    lines = [
        "",
        f"## {'NDJSON' if kind == 'ndjson' else 'Parquet'}",
        "",
        "| what | rows/s of CPU | of the best reader | rows/s of the clock | of the best reader | peak MB |",
        "|---|--:|--:|--:|--:|--:|",
    ]
    for name, told in best.items():
        if told["rows"] != row_count:
            raise SystemExit(f"{name} read {told['rows']} of {row_count} rows")
        lines.append(
            f"| {STEPS.get(name, f'{name}, only parsing')} | {row_count / told['cpu_s']:,.0f} |"
            f" {cpu_s / told['cpu_s']:.2f} | {row_count / told['wall_s']:,.0f} | {wall_s / told['wall_s']:.2f} |"
            f" {told['peak_mb']:,.0f} |"
        )
    whole = best["rules"]
    lines += [
        "",
        f"{whole['found']:,} findings. Goal for the last row: {GOAL[kind]} of the best reader; measured"
        f" {wall_s / whole['wall_s']:.2f} by the clock, {cpu_s / whole['cpu_s']:.2f} by CPU time.",
    ]
    return lines


def main(arguments: list[str]) -> int:
    """The command line."""
    parser = argparse.ArgumentParser(prog="python -m tests.benchmarks.pipeline", description=__doc__)
    parser.add_argument("--rows", type=int, default=1_000_000)
    parser.add_argument("--turns", type=int, default=3)
    parser.add_argument("--one", nargs=3, metavar=("WAY", "FILE", "WARM"), help="one turn, in this process")
    parser.add_argument("--write", metavar="FOLDER", help="only write the files")
    given = parser.parse_args(arguments)
    if given.write:
        write_files(Path(given.write), given.rows)
        return 0
    if given.one:
        measure(given.one[0], Path(given.one[1]), Path(given.one[2]))
        return 0
    names = [n for n in WAYS if n not in READERS or importlib.util.find_spec(n)]
    absent = [n for n in READERS if n not in names]
    page = [
        "# From a file to findings, beside only parsing the file",
        *preface(circumstances(rows=f"{given.rows:,}", turns=given.turns, seed=SEED)),
        "Each reader makes columns of the whole file with its own threads and judges nothing. Ours decodes in one"
        " thread, admits and journals in a second, and judges in a third."
        + (f" Could not be had here: {', '.join(absent)}." if absent else ""),
    ]
    with tempfile.TemporaryDirectory() as folder:
        warm, whole = (_written(Path(folder) / str(n), n) for n in (WARM_ROWS, given.rows))
        for kind, path in whole.items():
            page += _lines(kind, _contest(path, warm[kind], names, given.turns), given.rows)
    RESULTS.mkdir(exist_ok=True)
    (RESULTS / "pipeline.md").write_text("\n".join(page) + "\n", encoding="utf-8")
    print("\n".join(page))
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
