"""What is written reads back as what was simulated, in every form."""

import csv
import gzip
import io
import json
from datetime import datetime
from pathlib import Path

import jsonschema
import pyarrow as pa
import pytest

from monitoring import events, schema
from monitoring.simulation import csv_bytes, csv_header, ndjson_bytes, write_events
from tests.unit.simulation.conftest import Finished

TIMES = {"time": "time_ns", "time_end": "time_end_ns"}


def nanoseconds(text: str) -> int:
    whole, fraction = text.removesuffix("Z").split(".")
    seconds = int(datetime.fromisoformat(whole + "+00:00").timestamp())
    return seconds * 1_000_000_000 + int(fraction.ljust(9, "0"))


def read_back(record: dict[str, object]) -> dict[str, object]:
    return {TIMES.get(k, k): nanoseconds(str(v)) if k in TIMES else v for k, v in record.items()}


def of_every_kind(finished: Finished) -> pa.Table:
    """A few events of each kind and sensor type."""
    table = finished.events
    seen: dict[tuple[str, str], int] = {}
    picked = []
    for i, (kind, sensor) in enumerate(
        zip(table["kind"].to_pylist(), table["sensor_id"].to_pylist(), strict=True)
    ):
        key = (kind, sensor[:2])
        seen[key] = seen.get(key, 0) + 1
        if seen[key] <= 20:
            picked.append(i)
    return table.take(picked)


def test_ndjson_reads_back_to_the_same_values(finished: Finished) -> None:
    table = of_every_kind(finished)
    rows = [read_back(json.loads(line)) for line in ndjson_bytes(table).splitlines()]
    wanted = [{k: v for k, v in row.items() if v is not None} for row in table.to_pylist()]
    assert rows == wanted


def test_csv_reads_back_to_the_same_values(finished: Finished) -> None:
    table = of_every_kind(finished)
    text = (csv_header() + csv_bytes(table)).decode()
    rows = list(csv.DictReader(io.StringIO(text)))
    assert len(rows) == table.num_rows
    for row, wanted in zip(rows, table.to_pylist(), strict=True):
        assert None not in row
        filled = {TIMES.get(k, k): v for k, v in row.items() if v != ""}
        assert set(filled) == {k for k, v in wanted.items() if v is not None}
        for name, value in filled.items():
            expected = wanted[name]
            if name.endswith("_ns"):
                assert nanoseconds(value) == expected
            elif isinstance(expected, bool):
                assert value == str(expected).lower()
            elif isinstance(expected, str):
                assert value == expected
            else:
                assert float(value) == expected


def test_every_record_satisfies_the_published_event_schema(finished: Finished) -> None:
    path = Path(schema.__file__).parent / "event.schema.json"
    validator = jsonschema.Draft202012Validator(json.loads(path.read_text()))
    for line in ndjson_bytes(of_every_kind(finished)).splitlines():
        validator.validate(json.loads(line))


def test_texts_and_nanoseconds_survive() -> None:
    text = 'a "quoted", comma\nnew line \\ and ї'
    row = {"sensor_id": "s", "id": "e", "time_ns": 1_781_454_600_000_000_001, "kind": "shot", "text": text}
    columns = [
        events.words(f.name, [row.get(f.name)])
        if pa.types.is_dictionary(f.type)
        else pa.array([row.get(f.name)], type=f.type)
        for f in schema.EVENT_FIELDS
    ]
    table = pa.Table.from_arrays(columns, schema=schema.EVENT_FIELDS)
    assert read_back(json.loads(ndjson_bytes(table))) == row
    read = next(csv.DictReader(io.StringIO((csv_header() + csv_bytes(table)).decode(), newline="")))
    assert (read["text"], read["time"]) == (text, "2026-06-14T16:30:00.000000001Z")


@pytest.mark.parametrize("name", ["events.ndjson", "events.jsonl.gz", "events.csv", "events.csv.gz"])
def test_a_file_holds_the_same_bytes_each_time(finished: Finished, tmp_path: Path, name: str) -> None:
    first, second = tmp_path / name, tmp_path / f"again-{name}"
    count = write_events(first, finished.tables[:2])
    assert write_events(second, finished.tables[:2]) == count
    assert first.read_bytes() == second.read_bytes()
    content = first.read_bytes()
    lines = (gzip.decompress(content) if name.endswith(".gz") else content).count(b"\n")
    assert lines == count + (".csv" in name)


def test_an_unknown_ending_is_refused_before_anything_is_written(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match=r"\.ndjson"):
        write_events(tmp_path / "events.xlsx", [])
    assert not list(tmp_path.iterdir())
