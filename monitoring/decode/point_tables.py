"""Parquet and Arrow files of places: any columns, of which two hold longitude and latitude as numbers."""

import itertools
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pyarrow as pa

from monitoring.decode.chunk import Chunk
from monitoring.decode.columns import Columns
from monitoring.decode.errors import FileRefused
from monitoring.decode.fields import BY_NAME
from monitoring.decode.formats import Format
from monitoring.decode.framing import chunks
from monitoring.decode.limits import Limits
from monitoring.decode.points import PointRows, position_names, positions
from monitoring.decode.rows import Verdicts, echo
from monitoring.decode.table_files import batch_of, is_number, is_text, refuse_deep, refuse_wide
from monitoring.decode.table_rows import reals, texts


class PointTable:
    """A Parquet or Arrow file of places, read batch by batch; see `PointFile`. Rows are numbered from 1.

    `schema` is that of the file, with plain text for text of any layout and without dictionaries.
    Raises FileRefused for a file that is no table of places.
    """

    row_word = "row"

    def __init__(self, path: Path, form: Format, limits: Limits) -> None:
        self._limits = limits
        self.schema = pa.schema([])
        self.lon_name, self.lat_name = "", ""
        rows = chunks(path, form, limits, self._take_schema)
        # The schema is judged when the first rows are asked for.
        self._chunks = itertools.chain(list(itertools.islice(rows, 1)), rows)

    def rows(self) -> Iterator[PointRows]:
        """The rows, a chunk at a time. Raises FileRefused for a damaged file."""
        for chunk in self._chunks:
            yield self._read(chunk)

    def _take_schema(self, found: pa.Schema, limits: Limits) -> None:
        refuse_wide(found)
        self.lon_name, self.lat_name = position_names(tuple(found.names), "schema")
        for column in found:
            refuse_deep(column, limits)
            is_fit = is_number(column.type) or pa.types.is_null(column.type)
            if column.name in {self.lon_name, self.lat_name} and not is_fit:
                raise FileRefused("schema", f"{echo(column.name)} is {str(column.type)[:80]}, not a number")
        self.schema = pa.schema([(column.name, _plain_type(column.type)) for column in found])

    def _read(self, chunk: Chunk) -> PointRows:
        batch = batch_of(chunk.data)
        row_count = batch.num_rows
        verdicts = Verdicts.none_yet(row_count)
        read: Columns = {}
        kept = []
        for field, column in zip(self.schema, batch.columns, strict=True):
            if is_text(column.type):
                kept.append(texts(field.name, column, verdicts))
            elif pa.types.is_dictionary(column.type):
                kept.append(column.dictionary_decode())
            else:
                kept.append(column)
        for name, held in (("lon", self.lon_name), ("lat", self.lat_name)):
            column = batch.column(self.schema.get_field_index(held))
            if column.null_count < row_count:
                read[name] = reals(BY_NAME[name], column, verdicts)
        lon, lat = positions(read, verdicts)
        line_no = np.arange(row_count, dtype=np.int64) + chunk.first_line
        columns = pa.RecordBatch.from_arrays(kept, schema=self.schema)
        is_row = np.ones(row_count, dtype=np.bool_)
        return PointRows(line_no, verdicts, is_row, lon, lat, lambda: columns, len(chunk.data))


def _plain_type(given: pa.DataType) -> pa.DataType:
    if is_text(given):
        return pa.string()
    return given.value_type if pa.types.is_dictionary(given) else given
