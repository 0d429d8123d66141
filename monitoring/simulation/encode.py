"""Events as NDJSON, CSV, Parquet or Arrow, written column by column: no row is ever a Python object.

Each field becomes a column of ready pieces (`,"lon":35.1`), absent ones empty; joining the columns joins the
rows. Numbers are written in their shortest form that reads back the same, times as RFC 3339 in UTC.
"""

import gzip
import json
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import IO, Any, Final, cast

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
from numpy.typing import NDArray

from monitoring import schema
from monitoring.simulation.columns import fixed_strings
from monitoring.simulation.truth import Truth, truth_lines

Quote = Callable[[str], str]

_NAMES: Final = tuple(name for name in schema.EVENT_FIELDS.names if name not in ("media", "extra"))
FIELDS: Final = tuple({"time_ns": "time", "time_end_ns": "time_end"}.get(name, name) for name in _NAMES)
"""The event record's fields in the order they are written."""
TEXT_ENDINGS: Final = (".ndjson", ".jsonl", ".csv", ".ndjson.gz", ".jsonl.gz", ".csv.gz")
BINARY_ENDINGS: Final = (".parquet", ".arrow")
ENDINGS: Final = (*TEXT_ENDINGS, *BINARY_ENDINGS)
"""What names of event files end with."""
DAY_NS: Final = 86_400_000_000_000
BLOCK_ROWS: Final = 50_000


def ndjson_bytes(table: pa.Table) -> bytes:
    """The events as NDJSON, a line each, absent fields left out. Columns of `schema.EVENT_FIELDS`."""
    blocks = (table.slice(at, BLOCK_ROWS) for at in range(0, table.num_rows, BLOCK_ROWS))
    return b"".join(_ndjson_block(block) for block in blocks)


def _ndjson_block(table: pa.Table) -> bytes:
    pieces: list[Any] = []
    for name, column in _columns(table):
        before = f'{"{" if not pieces else ","}"{name}":'
        pieces.append(_pieces(column, before, "", '"', json.dumps))
    return _joined(pieces, "}\n")


def csv_header() -> bytes:
    """The header line of a CSV file of events."""
    return (",".join(FIELDS) + "\n").encode()


def csv_bytes(table: pa.Table) -> bytes:
    """The events as CSV lines under `csv_header`, absent fields empty."""
    blocks = (table.slice(at, BLOCK_ROWS) for at in range(0, table.num_rows, BLOCK_ROWS))
    return b"".join(_csv_block(block) for block in blocks)


def _csv_block(table: pa.Table) -> bytes:
    present = dict(_columns(table))
    pieces: list[Any] = []
    commas = ""
    for name in FIELDS:
        if name in present:
            # Commas of absent fields are written whether or not this row has the field.
            pieces += [commas] if commas else []
            pieces.append(_pieces(present[name], "", "", "", _csv_quoted))
            commas = ""
        commas += ","
    return _joined(pieces, commas[1:] + "\n")


def native_table(table: pa.Table) -> pa.Table:
    """The events with the record's own names and native types: `time`, `time_end` are timestamps in UTC."""
    columns, names = [], []
    for written, name in zip(FIELDS, _NAMES, strict=True):
        column = table.column(name)
        columns.append(column.cast(pa.timestamp("ns", tz="UTC")) if name.endswith("_ns") else column)
        names.append(written)
    return pa.Table.from_arrays(columns, names=names)


def write_events(path: Path, tables: Iterable[pa.Table]) -> int:
    """Writes events to a file, by its name's ending (see `ENDINGS`); returns their number.

    Raises ValueError for another ending, before anything is written.
    """
    if not path.name.endswith(ENDINGS):
        raise ValueError(f"{path}: events are written as {', '.join(ENDINGS)}")
    if path.name.endswith(BINARY_ENDINGS):
        return _write_binary(path, tables)
    is_csv = path.name.removesuffix(".gz").endswith(".csv")
    count = 0
    with path.open("wb") as raw:
        # No name and no time in the gzip header: the same run gives the same bytes.
        out: IO[bytes] = raw
        if path.name.endswith(".gz"):
            out = cast(
                "IO[bytes]", gzip.GzipFile(filename="", mode="wb", fileobj=raw, compresslevel=5, mtime=0)
            )
        if is_csv:
            out.write(csv_header())
        for table in tables:
            out.write(csv_bytes(table) if is_csv else ndjson_bytes(table))
            count += table.num_rows
        if out is not raw:
            out.close()
    return count


def _write_binary(path: Path, tables: Iterable[pa.Table]) -> int:
    count = 0
    form = native_table(schema.EVENT_FIELDS.empty_table()).schema
    is_parquet = path.name.endswith(".parquet")
    with (
        pq.ParquetWriter(path, form, compression="zstd")
        if is_parquet
        else pa.ipc.new_file(path, form) as writer
    ):
        for table in tables:
            writer.write_table(native_table(table))
            count += table.num_rows
    return count


def write_truth(path: Path, truth: Truth) -> None:
    """Writes the truth file (NDJSON, see `truth`)."""
    with path.open("w", encoding="utf-8", newline="\n") as out:
        for line in truth_lines(truth):
            out.write(line + "\n")


def _columns(table: pa.Table) -> Iterable[tuple[str, pa.Array]]:
    """The columns that hold anything, by the names of the record; times as text."""
    for written, name in zip(FIELDS, _NAMES, strict=True):
        column = table.column(name).combine_chunks()
        if column.null_count < len(column):
            yield written, _times(column) if name.endswith("_ns") else column


def _pieces(column: pa.Array, before: str, after: str, quote: str, escaped: Quote) -> Any:
    """Text of each value between `before` and `after`; null stays null."""
    kind = column.type
    if pa.types.is_dictionary(kind):
        words = column.dictionary.to_pylist()
        return pa.array([f"{before}{quote}{word}{quote}{after}" for word in words]).take(column.indices)
    if pa.types.is_string(kind):
        if pc.any(pc.match_substring_regex(column, r"[^A-Za-z0-9._:+-]")).as_py():
            coded = column.dictionary_encode()
            words = [f"{before}{escaped(word)}{after}" for word in coded.dictionary.to_pylist()]
            return pa.array(words, type=pa.string()).take(coded.indices)
        return pc.binary_join_element_wise(before + quote, column, quote + after, "")
    if pa.types.is_boolean(kind):
        words = pa.array([f"{before}false{after}", f"{before}true{after}"])
        return words.take(column.cast(pa.int8()))
    text = _decimal(column) if pa.types.is_floating(kind) else column.cast(pa.string())
    return pc.binary_join_element_wise(before, text, after, "") if before or after else text


def _decimal(column: pa.Array) -> pa.Array:
    """Floats as text. Few distinct values are written once each."""
    return column.cast(pa.string())


def _joined(pieces: list[Any], ending: str) -> bytes:
    options = pc.JoinOptions(null_handling="replace", null_replacement="")
    lines = pc.binary_join_element_wise(*pieces, ending, "", options=options)
    _, offsets, data = lines.buffers()
    first, last = np.frombuffer(offsets, dtype=np.int32)[[lines.offset, lines.offset + len(lines)]]
    return bytes(memoryview(data)[first:last])


def _csv_quoted(text: str) -> str:
    return '"' + text.replace('"', '""') + '"' if any(c in text for c in ',"\r\n') else text


def _times(column: pa.Array) -> pa.Array:
    """`2026-06-15T12:34:56.789Z` of int64 ns, in milliseconds, or in nanoseconds where any value needs
    them.
    """
    values = np.asarray(column.fill_null(0).to_numpy(zero_copy_only=False), dtype=np.int64)
    places, unit = (3, 1_000_000) if not np.any(values % 1_000_000) else (9, 1)
    day, rest = np.divmod(values, DAY_NS)
    days, which = np.unique(day, return_inverse=True)
    named = np.datetime_as_string(days.astype("datetime64[D]")).astype("S10")
    width = 10 + 10 + places + 1
    matrix = np.empty((len(values), width), dtype=np.uint8)
    matrix[:, :10] = named.view(np.uint8).reshape(len(days), 10)[which]
    matrix[:, 10:] = np.frombuffer(b"T00:00:00." + b"0" * places + b"Z", dtype=np.uint8)
    seconds, fraction = np.divmod(rest // unit, 1_000_000_000 // unit)
    minutes, second = np.divmod(seconds, 60)
    hour, minute = np.divmod(minutes, 60)
    for at, number in ((11, hour), (14, minute), (17, second)):
        _put(matrix, at, number, 2)
    _put(matrix, 20, fraction, places)
    text = fixed_strings(matrix)
    if column.null_count:
        nulls = column.is_null().to_numpy(zero_copy_only=False)
        text = text.take(pa.array(np.arange(len(values)), mask=nulls))
    return text


def _put(matrix: NDArray[np.uint8], at: int, number: NDArray[np.int64], width: int) -> None:
    for place in range(width - 1, -1, -1):
        number, digit = np.divmod(number, 10)
        matrix[:, at + place] += digit.astype(np.uint8)
