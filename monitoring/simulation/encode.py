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
from monitoring.simulation.columns import beside, fixed_strings, numerals
from monitoring.simulation.truth import Truth, truth_lines

Quote = Callable[[str], str]

_NAMES: Final = tuple(name for name in schema.EVENT_FIELDS.names if name not in ("media", "extra"))
FIELDS: Final = tuple({"time_ns": "time", "time_end_ns": "time_end"}.get(name, name) for name in _NAMES)
"""The event record's fields in the order they are written."""
TEXT_ENDINGS: Final = (".ndjson", ".jsonl", ".csv", ".ndjson.gz", ".jsonl.gz", ".csv.gz")
BINARY_ENDINGS: Final = (".parquet", ".arrow")
ENDINGS: Final = (*TEXT_ENDINGS, *BINARY_ENDINGS)
"""What names of event files end with."""
TIMES: Final = ("time", "time_end")
MINUTE_NS: Final = 60_000_000_000
BLOCK_ROWS: Final = 50_000
SPARSE_FRAC: Final = 0.75
"""A column with a larger share of nulls is written with its sparse neighbours."""
SAMPLE: Final = 1_000
"""So many of a column's first values show whether it pays to look for repeated ones."""


def ndjson_bytes(table: pa.Table) -> bytes:
    """The events as NDJSON, a line each, absent fields left out. Columns of `schema.EVENT_FIELDS`."""
    blocks = (table.slice(at, BLOCK_ROWS) for at in range(0, table.num_rows, BLOCK_ROWS))
    return b"".join(_ndjson_block(block) for block in blocks)


def _ndjson_block(table: pa.Table) -> bytes:
    pieces: list[Any] = []
    sparse: list[tuple[str, pa.Array]] = []
    for name, column in _columns(table):
        if pieces and column.null_count > SPARSE_FRAC * len(column):
            sparse.append((name, column))
            continue
        pieces += _sparse_pieces(sparse)
        sparse = []
        pieces.append(_member(name, column, is_first=not pieces))
    return _bytes(_joined([*pieces, *_sparse_pieces(sparse), "}\n"]))


def _member(name: str, column: pa.Array, is_first: bool = False) -> Any:
    """The members of one name of the rows' objects; null stays null."""
    return _pieces(name, column, f'{"{" if is_first else ","}"{name}":', '"', json.dumps)


def _sparse_pieces(columns: list[tuple[str, pa.Array]]) -> list[Any]:
    """Neighbouring columns that few rows have, as one piece made of those rows alone."""
    if not columns:
        return []
    has = columns[0][1].is_valid()
    for _, column in columns[1:]:
        has = pc.or_(has, column.is_valid())
    is_row = has.to_numpy(zero_copy_only=False)
    few = pa.array(np.flatnonzero(is_row))
    text = _joined([_member(name, column.take(few)) for name, column in columns])
    return [text.take(pa.array(np.cumsum(is_row) - 1, mask=~is_row))]


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
            pieces.append(_pieces(name, present[name], "", "", _csv_quoted))
            commas = ""
        commas += ","
    return _bytes(_joined([*pieces, commas[1:] + "\n"]))


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
    """The columns that hold anything, by the names of the record."""
    for written, name in zip(FIELDS, _NAMES, strict=True):
        column = table.column(name).combine_chunks()
        if column.null_count < len(column):
            yield written, column


def _pieces(name: str, column: pa.Array, before: str, quote: str, escaped: Quote) -> Any:
    """Text of each value after `before`; null stays null. Repeated values are written once."""
    kind = column.type
    if name in TIMES:
        return _times(column, before + quote, quote)
    if pa.types.is_dictionary(kind):
        words = column.dictionary.to_pylist()
        return pa.array([f"{before}{quote}{word}{quote}" for word in words]).take(column.indices)
    if pa.types.is_boolean(kind):
        return pa.array([f"{before}false", f"{before}true"]).take(column.cast(pa.int8()))
    if len(column) > SAMPLE and len(column.slice(0, SAMPLE).unique()) > SAMPLE // 2:
        return _written(column, before, quote, escaped)
    coded = column.dictionary_encode()
    return _written(coded.dictionary, before, quote, escaped).take(coded.indices)


def _written(column: pa.Array, before: str, quote: str, escaped: Quote) -> Any:
    """Text of each number or string after `before`; null stays null."""
    if not pa.types.is_string(column.type):
        text = column.cast(pa.string())
        return pc.binary_join_element_wise(before, text, "") if before else text
    if pc.any(pc.match_substring_regex(column, r"[^A-Za-z0-9._:+-]")).as_py():
        coded = column.dictionary_encode()
        words = [f"{before}{escaped(word)}" for word in coded.dictionary.to_pylist()]
        return pa.array(words, type=pa.string()).take(coded.indices)
    return pc.binary_join_element_wise(before + quote, column, quote, "")


def _joined(pieces: list[Any]) -> pa.Array:
    """The pieces of each row, one after the other; null is nothing."""
    options = pc.JoinOptions(null_handling="replace", null_replacement="")
    return pc.binary_join_element_wise(*pieces, "", options=options)


def _bytes(texts: pa.Array) -> bytes:
    _, offsets, data = texts.buffers()
    first, last = np.frombuffer(offsets, dtype=np.int32)[[texts.offset, texts.offset + len(texts)]]
    return bytes(memoryview(data)[first:last])


def _csv_quoted(text: str) -> str:
    return '"' + text.replace('"', '""') + '"' if any(c in text for c in ',"\r\n') else text


def _times(column: pa.Array, before: str, after: str) -> pa.Array:
    """`2026-06-15T12:34:56.789Z` of int64 ns, in milliseconds, or in nanoseconds where any value needs them."""
    values = np.asarray(column.drop_null().to_numpy(), dtype=np.int64)
    minute, rest = np.divmod(values, MINUTE_NS)
    minutes, which = np.unique(minute, return_inverse=True)
    named = np.datetime_as_string(minutes.astype("datetime64[m]")).astype("S16")
    second, fraction = np.divmod(rest, 1_000_000_000)
    parts: list[bytes | NDArray[np.uint8]] = [
        before.encode(),
        named.view(np.uint8).reshape(len(minutes), 16)[which],
        b":",
        numerals(second, 2),
        b".",
    ]
    millisecond, finer = np.divmod(fraction, 1_000_000)
    parts.append(numerals(millisecond, 3))
    if finer.any():
        parts.append(numerals(finer, 6))
    parts.append(f"Z{after}".encode())
    text = fixed_strings(beside(parts, len(values)))
    if column.null_count:
        is_known = column.is_valid().to_numpy(zero_copy_only=False)
        text = text.take(pa.array(np.cumsum(is_known) - 1, mask=~is_known))
    return text
