"""Located places in the form of the user's choice: CSV, Parquet, Arrow or GeoJSON, written piece by piece."""

import json
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Any, Final, Protocol

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from api.cli import located_file
from monitoring.decode.errors import FileRefused
from monitoring.decode.json_line import canonical_json
from monitoring.decode.point_files import Points
from monitoring.decode.points import PointRows
from monitoring.decode.rows import Verdicts
from monitoring.decode.table_rows import json_cells

FEATURES: Final = (".geojson", ".geojson.gz", ".ndjson", ".ndjson.gz")
"""Features need no columns, so a file of features that becomes one is read once."""
ENDINGS: Final = (".csv", ".csv.gz", ".parquet", ".arrow", *FEATURES)
_NEEDS_QUOTES: Final = '[",\r\n]'


class Form(Protocol):
    """Takes the rows of a file with their answers; `renamed`: names of the input that an answer has."""

    renamed: dict[str, str]

    def write(self, rows: PointRows, answers: Mapping[str, pa.Array]) -> None:
        """Write the rows that are rows, `answers` (m,) being theirs."""
        ...


@contextmanager
def writing(out: Path, points: Points) -> Iterator[Form]:
    """The form that the ending of `out` says (one of `ENDINGS`); `out` is there when all is written, not before."""
    with located_file.replacing(out) as target:
        if out.name.endswith((".csv", ".csv.gz")):
            yield _Csv(target, points)
        elif out.name.endswith(FEATURES):
            features = _Features(target, points, is_collection=out.name.endswith((".geojson", ".geojson.gz")))
            yield features
            features.finish()
        else:
            with _table_writer(out, target, points) as table:
                yield table


class _Csv:
    def __init__(self, target: IO[bytes], points: Points) -> None:
        self._target = target
        self.renamed = located_file.renamed_columns(points.schema.names)
        target.write(located_file.header(points.schema.names, self.renamed))

    def write(self, rows: PointRows, answers: Mapping[str, pa.Array]) -> None:
        text = _texts(_columns(rows)) if rows.text is None else _kept(rows, rows.text)
        self._target.write(located_file.lines(text, answers))


class _Table:
    def __init__(self, writer: Any, schema: pa.Schema, renamed: dict[str, str]) -> None:
        self._writer, self._schema = writer, schema
        self.renamed = renamed

    def write(self, rows: PointRows, answers: Mapping[str, pa.Array]) -> None:
        columns = [*_columns(rows).columns, *(answers[name] for name in located_file.COLUMNS)]
        if len(columns[0]):
            self._writer.write_batch(pa.RecordBatch.from_arrays(columns, schema=self._schema))


@contextmanager
def _table_writer(out: Path, target: IO[bytes], points: Points) -> Iterator[_Table]:
    renamed = located_file.renamed_columns(points.schema.names)
    fields = [(renamed.get(field.name, field.name), field.type) for field in points.schema]
    schema = pa.schema([*fields, *located_file.COLUMNS.items()])
    is_parquet = out.suffix == ".parquet"
    try:
        opened = pq.ParquetWriter(target, schema, compression="zstd") if is_parquet else None
    except pa.ArrowNotImplementedError as error:
        told = str(error).split("\n", 1)[0][:120]
        raise FileRefused("schema", f"Parquet has no type for a column ({told}); write .arrow") from None
    with opened or pa.ipc.new_file(target, schema) as writer:
        yield _Table(writer, schema, renamed)


class _Features:
    """A FeatureCollection, or one feature a line. What a feature of the input has besides is kept."""

    def __init__(self, target: IO[bytes], points: Points, *, is_collection: bool) -> None:
        self._target, self._points = target, points
        self._is_collection = is_collection
        self._is_first = True
        self.renamed: dict[str, str] = {}
        if is_collection:
            target.write(b'{"type":"FeatureCollection","features":[')

    def write(self, rows: PointRows, answers: Mapping[str, pa.Array]) -> None:
        told = zip(*(answers[name].to_pylist() for name in located_file.COLUMNS), strict=True)
        for feature, values in zip(self._given(rows), told, strict=True):
            properties = feature.get("properties") or {}
            if not located_file.COLUMNS.keys().isdisjoint(properties):
                renamed = located_file.renamed_columns(list(properties))
                properties = {renamed.get(name, name): value for name, value in properties.items()}
                self.renamed.update(renamed)
            found = dict(zip(located_file.COLUMNS, values, strict=True))
            self._put({**feature, "properties": {**properties, **found}})

    def finish(self) -> None:
        """Write what ends the document."""
        if self._is_collection:
            self._target.write(b"\n]}\n")

    def _put(self, feature: dict[str, Any]) -> None:
        line = json.dumps(feature, ensure_ascii=False, allow_nan=False, separators=(",", ":")).encode()
        if not self._is_collection:
            self._target.write(line + b"\n")
        else:
            self._target.write((b"\n" if self._is_first else b",\n") + line)
        self._is_first = False

    def _given(self, rows: PointRows) -> Iterator[dict[str, Any]]:
        """The features of the rows: those of the input, else made of its columns. Where a row has no position, what
        stands in its place stays a property."""
        if rows.features is not None:
            yield from (rows.features[row] for row in np.flatnonzero(rows.is_row).tolist())
            return
        columns = _columns(rows)
        cells = [_json_cells(name, columns.column(name)) for name in columns.schema.names]
        held = {self._points.lon_name, self._points.lat_name}
        lon, lat = rows.lon[rows.is_row].tolist(), rows.lat[rows.is_row].tolist()
        for x, y, *values in zip(lon, lat, *cells, strict=True):
            record = dict(zip(columns.schema.names, values, strict=True))
            point = {"type": "Point", "coordinates": [x, y]} if x == x else None  # noqa: PLR0124 - NaN is not
            if point is not None:
                record = {name: value for name, value in record.items() if name not in held}
            yield {"type": "Feature", "geometry": point, "properties": record}


def _columns(rows: PointRows) -> pa.RecordBatch:
    columns = rows.columns()
    return columns if rows.is_row.all() else columns.filter(pa.array(rows.is_row))


def _kept(rows: PointRows, column: pa.Array) -> pa.Array:
    return column if rows.is_row.all() else column.filter(pa.array(rows.is_row))


def _texts(columns: pa.RecordBatch) -> pa.Array:
    """The rows as CSV, without their line ends."""
    cells = []
    for name in columns.schema.names:
        text = _as_text(name, columns.column(name))
        needs_quotes = pc.match_substring_regex(text, _NEEDS_QUOTES)
        if pc.any(needs_quotes).as_py():
            quoted = pc.replace_substring(text, '"', '""')
            quoted = pc.binary_join_element_wise(pa.scalar('"'), quoted, pa.scalar('"'), "")
            text = pc.if_else(needs_quotes, quoted, text)
        cells.append(text.cast(pa.binary()))
    return pc.binary_join_element_wise(*cells, b",")


def _as_text(name: str, column: pa.Array) -> pa.Array:
    """A column as text: times as UTC, lists and objects as JSON, nothing where it is absent."""
    column = _in_utc(column)
    kind = column.type
    is_plain = pa.types.is_primitive(kind) and not pa.types.is_interval(kind)
    if is_plain or pa.types.is_string(kind) or pa.types.is_decimal(kind):
        return column.cast(pa.string()).fill_null("")
    cells = json_cells(name, column, Verdicts.none_yet(len(column)))
    return pa.array(
        ["" if cell is None else cell if isinstance(cell, str) else canonical_json(cell) for cell in cells],
        type=pa.string(),
    )


def _json_cells(name: str, column: pa.Array) -> list[Any]:
    return json_cells(name, _in_utc(column), Verdicts.none_yet(len(column)))


def _in_utc(column: pa.Array) -> pa.Array:
    """Instants in UTC: a zone of the input may be one that is not known here."""
    if pa.types.is_timestamp(column.type) and column.type.tz is not None:
        return column.cast(pa.timestamp(column.type.unit, "UTC"))
    return column
