"""Findings as a file of the user's choice: CSV, NDJSON, GeoJSON or Parquet, in the contract's columns."""

import csv
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

import pyarrow as pa
import pyarrow.parquet as pq

from monitoring import schema
from monitoring.results import finding_record

ENDINGS: Final = (".csv", ".ndjson", ".geojson", ".parquet")


def write_findings(findings: pa.Table, path: Path) -> None:
    """Write FINDINGS; the form follows the name's ending. Raises OSError."""
    if path.suffix == ".parquet":
        pq.write_table(_with_timestamps(findings), path, compression="zstd")
        return
    with path.open("w", encoding="utf-8", newline="") as target:
        if path.suffix == ".csv":
            writer = csv.writer(target, lineterminator="\r\n")
            columns: list[str] | None = None
            for record in _records(findings):
                if columns is None:
                    columns = list(record)
                    writer.writerow(columns)
                writer.writerow([_cell(record[name]) for name in columns])
            if columns is None:
                writer.writerow(finding_columns())
        elif path.suffix == ".ndjson":
            target.writelines(json.dumps(record, ensure_ascii=False) + "\n" for record in _records(findings))
        else:
            features = [_feature(record) for record in _records(findings)]
            json.dump({"type": "FeatureCollection", "features": features}, target, ensure_ascii=False)
            target.write("\n")


def finding_columns() -> list[str]:
    """The columns of a findings file, in their order."""
    return [name.removesuffix("_ns") for name in schema.FINDINGS.names]


def _records(findings: pa.Table) -> Iterator[dict[str, Any]]:
    for batch in findings.to_batches(max_chunksize=10_000):
        for row in batch.to_pylist():
            yield finding_record(row)


def _feature(record: dict[str, Any]) -> dict[str, Any]:
    properties = {name: value for name, value in record.items() if name not in {"lon", "lat"}}
    has_place = record["lon"] is not None and record["lat"] is not None
    geometry = {"type": "Point", "coordinates": [record["lon"], record["lat"]]} if has_place else None
    return {"type": "Feature", "geometry": geometry, "properties": properties}


def _cell(value: Any) -> str:
    """A CSV cell: lists joined by a semicolon, objects as JSON; a leading formula character is neutralised."""
    if value is None:
        return ""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, list):
        text = ";".join(str(part) for part in value)
    elif isinstance(value, dict):
        text = json.dumps(value, ensure_ascii=False, separators=(",", ":"))
    elif isinstance(value, int | float):
        return repr(value)
    else:
        text = str(value)
    return "'" + text if text[:1] in "=+-@\t\r" else text


def _with_timestamps(findings: pa.Table) -> pa.Table:
    columns = {}
    for name in findings.schema.names:
        column = findings.column(name)
        if name.endswith("_ns"):
            column = column.cast(pa.timestamp("ns", tz="UTC"))
        columns[name.removesuffix("_ns")] = column
    return pa.table(columns)
