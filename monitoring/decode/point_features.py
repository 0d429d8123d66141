"""GeoJSON files of places: Points with any properties, in a FeatureCollection or one feature a line.

Which properties there are is known when all features were seen, so a file that shall become a table is looked
through beforehand.
"""

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, Final

import numpy as np
import pyarrow as pa

from monitoring.decode.chunk import Chunk
from monitoring.decode.columns import Lines, from_lists
from monitoring.decode.errors import FileRefused
from monitoring.decode.fields import BY_NAME
from monitoring.decode.formats import Format
from monitoring.decode.framing import chunks
from monitoring.decode.geojson import MEMBERS, load_feature, position_of, without_separators
from monitoring.decode.json_elements import split
from monitoring.decode.json_line import RowRefused, canonical_json, read_record
from monitoring.decode.limits import Limits
from monitoring.decode.ndjson import split_lines
from monitoring.decode.points import PointRows, positions
from monitoring.decode.rows import Verdicts
from monitoring.decode.table_files import COLUMNS_MAX

_POSITION: Final = ("lon", "lat")
_INT64: Final = range(-(2**63), 2**63)
_TRUTH, _INTEGER, _REAL, _TEXT, _OTHER = 1, 2, 4, 8, 16
_TYPES: Final = {
    _TRUTH: pa.bool_(),
    _INTEGER: pa.int64(),
    _REAL: pa.float64(),
    _INTEGER | _REAL: pa.float64(),
}
"""The column for a property by the kinds of its values; that of all others is text, with JSON for what is none."""


class PointFeatures:
    """A GeoJSON file of places, read a chunk of features at a time; see `PointFile`.

    `schema` has the position, a third coordinate as `alt_m`, and the properties; only the position where
    `needs_columns` is false. A feature's other members count as properties where no property has their name.
    `on_read` is told how many bytes were looked through. Raises FileRefused.
    """

    lon_name, lat_name = _POSITION

    def __init__(
        self,
        path: Path,
        form: Format,
        limits: Limits,
        needs_columns: bool,
        on_read: Callable[[float], None],
    ) -> None:
        self._path, self._form, self._limits = path, form, limits
        self.row_word = "row" if form is Format.GEOJSON else "line"
        self.schema = pa.schema(
            [
                *((name, pa.float64()) for name in _POSITION),
                *(self._look(on_read) if needs_columns else {}).items(),
            ]
        )

    def rows(self) -> Iterator[PointRows]:
        """The rows, a chunk at a time. Raises FileRefused for a damaged file."""
        for chunk in chunks(self._path, self._form, self._limits):
            data, lines = self._rows_of(chunk)
            yield self._read(data, lines)

    def _rows_of(self, chunk: Chunk) -> tuple[bytes, Lines]:
        if self._form is Format.GEOJSON:
            found = split(chunk.data)
            row = np.arange(len(found.start), dtype=np.int64)
            return without_separators(chunk.data, (row + chunk.first_line, found.start, found.end))
        return without_separators(chunk.data, split_lines(chunk.data, chunk.first_line))

    def _read(self, data: bytes, lines: Lines) -> PointRows:
        line_no, start, end = lines
        verdicts = Verdicts.none_yet(len(start))
        is_row = np.ones(len(start), dtype=np.bool_)
        features: list[dict[str, Any]] = []
        place: dict[str, list[object]] = {name: [None] * len(start) for name in _POSITION}
        for row, (first, last) in enumerate(zip(start.tolist(), end.tolist(), strict=True)):
            features.append({})
            try:
                is_row[row] = False
                feature, properties = load_feature(data[first:last], self._limits)
                is_row[row] = True
                features[row] = feature
                position = position_of(feature.get("geometry"), properties)
                numbers = {name: position.get(name) for name in _POSITION}
                for name, value in read_record(numbers, self._limits).items():
                    place[name][row] = value
            except RowRefused as refusal:
                verdicts.refuse(row, refusal.reason, refusal.detail)
        read = from_lists(place, BY_NAME)
        lon, lat = positions(read, verdicts)

        def columns() -> pa.RecordBatch:
            records = [
                {**_flat(feature), "lon": x, "lat": y}
                for feature, x, y in zip(features, place["lon"], place["lat"], strict=True)
            ]
            arrays = [_column([record.get(field.name) for record in records], field) for field in self.schema]
            return pa.RecordBatch.from_arrays(arrays, schema=self.schema)

        return PointRows(line_no, verdicts, is_row, lon, lat, columns, len(data), features=features)

    def _look(self, on_read: Callable[[float], None]) -> dict[str, pa.DataType]:
        """The properties of all features and the types that hold them, in order of first appearance."""
        kinds: dict[str, int] = {}
        done = 0.0
        for chunk in chunks(self._path, self._form, self._limits):
            data, (_, start, end) = self._rows_of(chunk)
            for first, last in zip(start.tolist(), end.tolist(), strict=True):
                try:
                    feature, _ = load_feature(data[first:last], self._limits)
                except RowRefused:
                    continue
                for name, value in _flat(feature).items():
                    kinds[name] = kinds.get(name, 0) | _kind(value)
            if len(kinds) > COLUMNS_MAX:
                raise FileRefused(
                    "schema",
                    f"more than {COLUMNS_MAX} different properties are too many columns; write GeoJSON instead",
                )
            done += len(chunk.data)
            on_read(done)
        return {name: _TYPES.get(kind, pa.string()) for name, kind in kinds.items()}


def _flat(feature: dict[str, Any]) -> dict[str, Any]:
    """What a feature says besides its position, by the names of columns."""
    record: dict[str, Any] = {}
    geometry = feature.get("geometry")
    if isinstance(geometry, dict) and geometry.get("type") == "Point":
        coordinates = geometry.get("coordinates")
        if isinstance(coordinates, list) and len(coordinates) == len(_POSITION) + 1:
            record["alt_m"] = coordinates[-1]
    besides = {name: value for name, value in feature.items() if name == "id" or name not in MEMBERS}
    properties = feature.get("properties") or {}
    for name, value in (*properties.items(), *((a, b) for a, b in besides.items() if a not in properties)):
        free = name
        while free in record or free in _POSITION:
            free += "_in"
        record[free] = value
    return record


def _kind(value: Any) -> int:
    if value is None:
        return 0
    if isinstance(value, bool):
        return _TRUTH
    if isinstance(value, int):
        return _INTEGER if value in _INT64 else _OTHER
    if isinstance(value, float):
        return _REAL
    return _TEXT if isinstance(value, str) else _OTHER


def _column(cells: list[Any], field: pa.Field) -> pa.Array:
    if pa.types.is_string(field.type):
        cells = [cell if cell is None or isinstance(cell, str) else canonical_json(cell) for cell in cells]
    elif pa.types.is_floating(field.type):
        cells = [None if cell is None else float(cell) for cell in cells]
    return pa.array(cells, type=field.type)
