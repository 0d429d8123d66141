"""The same event records written in every format that is read."""

import csv
import io
import json
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from typing import Any, Final

import pyarrow as pa
import pyarrow.parquet as pq

from monitoring.decode.fields import BY_NAME, Kind

Records = Sequence[Mapping[str, Any]]

_TYPES: Final = {
    Kind.TIME: pa.timestamp("ns", tz="UTC"),
    Kind.REAL: pa.float64(),
    Kind.INTEGER: pa.int64(),
    Kind.TRUTH: pa.bool_(),
    Kind.MEDIA: pa.list_(pa.struct([(name, pa.string()) for name in ("sha256", "type", "uri")])),
}


def as_ndjson(records: Records) -> bytes:
    """A line each."""
    return b"".join(json.dumps(record, ensure_ascii=False).encode() + b"\n" for record in records)


def as_csv(records: Records) -> bytes:
    """Under a header of all names; lists and truth values as JSON has them."""
    names = list(dict.fromkeys(name for record in records for name in record))
    text = io.StringIO()
    writer = csv.DictWriter(text, names, lineterminator="\r\n")
    writer.writeheader()
    for record in records:
        writer.writerow(
            {
                name: json.dumps(value) if isinstance(value, bool | list | float | int) else value
                for name, value in record.items()
            }
        )
    return text.getvalue().encode()


def as_json(records: Records) -> bytes:
    """One array."""
    return json.dumps(list(records), indent=1, ensure_ascii=False).encode()


def feature_of(record: Mapping[str, Any]) -> dict[str, Any]:
    """A record as a GeoJSON feature."""
    properties = dict(record)
    position = [properties.pop(name) for name in ("lon", "lat", "alt_m") if properties.get(name) is not None]
    geometry = {"type": "Point", "coordinates": position} if position else None
    return {"type": "Feature", "geometry": geometry, "properties": properties}


def as_geojson(records: Records) -> bytes:
    """One FeatureCollection."""
    features = [feature_of(record) for record in records]
    return json.dumps({"type": "FeatureCollection", "features": features}, ensure_ascii=False).encode()


def as_feature_lines(records: Records) -> bytes:
    """A feature a line."""
    return as_ndjson([feature_of(record) for record in records])


def as_table(records: Records) -> pa.Table:
    """Columns of the contract's types; unknown fields are text."""
    names = list(dict.fromkeys(name for record in records for name in record))
    columns = {}
    for name in names:
        kind = BY_NAME[name].kind if name in BY_NAME else None
        cells = [record.get(name) for record in records]
        if kind is Kind.TIME:
            columns[name] = pa.array([_ns(cell) for cell in cells], type=pa.int64()).cast(_TYPES[kind])
        else:
            columns[name] = pa.array(cells, type=_TYPES.get(kind, pa.string()) if kind else pa.string())
    return pa.table(columns)


def _ns(text: str | None) -> int | None:
    if text is None:
        return None
    whole, _, fraction = text.removesuffix("Z").partition(".")
    seconds = int(datetime.fromisoformat(whole + "+00:00").timestamp())
    return seconds * 1_000_000_000 + int(fraction.ljust(9, "0") or 0)


def as_parquet(records: Records) -> bytes:
    """A Parquet file with small row groups."""
    sink = io.BytesIO()
    pq.write_table(as_table(records), sink, row_group_size=7)
    return sink.getvalue()


def as_arrow_file(records: Records) -> bytes:
    """An Arrow IPC file."""
    return _ipc(pa.ipc.new_file, records)


def as_arrow_stream(records: Records) -> bytes:
    """An Arrow IPC stream."""
    return _ipc(pa.ipc.new_stream, records)


def _ipc(writer_of: Callable[..., Any], records: Records) -> bytes:
    table = as_table(records)
    sink = pa.BufferOutputStream()
    with writer_of(sink, table.schema) as writer:
        writer.write_table(table, max_chunksize=5)
    return bytes(sink.getvalue())


FORMS: Final[dict[str, tuple[Callable[[Records], bytes], str]]] = {
    "ndjson": (as_ndjson, "application/x-ndjson"),
    "csv": (as_csv, "text/csv"),
    "json": (as_json, "application/json"),
    "geojson": (as_geojson, "application/geo+json"),
    "geojsonl": (as_feature_lines, "application/geo+json-seq"),
    "parquet": (as_parquet, "application/vnd.apache.parquet"),
    "arrow": (as_arrow_file, "application/vnd.apache.arrow.file"),
    "arrows": (as_arrow_stream, "application/vnd.apache.arrow.stream"),
}
"""By file ending: how it is written, and its media type."""
