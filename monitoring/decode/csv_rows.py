"""CSV chunks to rows: by column where every record is regular, record by record elsewhere."""

from typing import Any, Final

import numpy as np
import pyarrow as pa
import pyarrow.csv as pv
from numpy.typing import NDArray

from monitoring.decode.columns import NO_LINES, Columns, Lines, merged
from monitoring.decode.csv_cells import typed_columns
from monitoring.decode.csv_framing import are_regular, scan_record, split_records
from monitoring.decode.limits import Limits
from monitoring.decode.rows import Verdicts

_QUOTE, _COMMA, _NEWLINE, _RETURN = 34, 44, 10, 13
COLUMNAR_LEAST: Final = 16


def read_columns(
    data: bytes, names: tuple[str, ...], first_line: int, limits: Limits
) -> tuple[Lines, Columns, Verdicts]:
    """Lines, columns (see `Columns`) and what could not be read, for the records of one chunk."""
    lines, cells, verdicts = read_cells(data, names, first_line, limits)
    return lines, typed_columns(cells, verdicts, limits), verdicts


def read_cells(
    data: bytes, names: tuple[str, ...], first_line: int, limits: Limits
) -> tuple[Lines, Columns, Verdicts]:
    """The same with every cell as it is written."""
    lines = _lines(data, first_line, limits)
    _, start, end = lines
    verdicts = Verdicts.none_yet(len(start))
    regular = _regular_rows(data, start, end, len(names), limits)
    plain = np.flatnonzero(regular)
    parts: list[tuple[NDArray[np.int64], Columns]] = []
    cells = _columnar(data, start, end, plain, names) if len(plain) >= COLUMNAR_LEAST else None
    if cells is None:
        regular[:] = False
    else:
        parts.append((plain, cells))
    strict = np.flatnonzero(~regular)
    if len(strict):
        parts.append((strict, _read_strictly(data, start, end, strict, names, verdicts, limits)))
    return lines, merged(parts, len(start)), verdicts


def _lines(data: bytes, first_line: int, limits: Limits) -> Lines:
    if not data:
        return NO_LINES
    bounds = split_records(data, limits.line_bytes_max)
    buffer = np.frombuffer(data, dtype=np.uint8)
    start, stop = bounds[:-1], bounds[1:]
    end = stop - (buffer[stop - 1] == _NEWLINE)
    end = end - ((end > start) & (buffer[np.maximum(end - 1, 0)] == _RETURN))
    keep = end > start
    first = buffer[np.minimum(start, len(data) - 1)]
    for row in np.flatnonzero(keep & (first <= 32)).tolist():
        keep[row] = bool(data[start[row] : end[row]].strip())
    newlines = np.flatnonzero(buffer == _NEWLINE)
    line_no = first_line + np.searchsorted(newlines, start)
    return line_no[keep], start[keep], end[keep]


def _regular_rows(
    data: bytes, start: NDArray[np.int64], end: NDArray[np.int64], column_count: int, limits: Limits
) -> NDArray[np.bool_]:
    """Which records a columnar reader is sure to read as we do, shape (n,)."""
    buffer = np.frombuffer(data, dtype=np.uint8)
    regular = end - start <= limits.line_bytes_max
    if not data.isascii() and not _is_utf8(data):
        return np.zeros(len(start), dtype=np.bool_)
    commas = np.flatnonzero(buffer == _COMMA)
    if b'"' in data:
        quotes = np.flatnonzero(buffer == _QUOTE)
        if not are_regular(buffer, quotes):
            return np.zeros(len(start), dtype=np.bool_)
        commas = commas[np.searchsorted(quotes, commas) % 2 == 0]
    inside = np.searchsorted(commas, end) - np.searchsorted(commas, start)
    regular &= inside == column_count - 1
    odd = np.flatnonzero(buffer == 0)
    if b"\r" in data:
        returns = np.flatnonzero(buffer == _RETURN)
        following = buffer[np.minimum(returns + 1, len(buffer) - 1)]
        odd = np.concatenate((odd, returns[(following != _NEWLINE) & (returns + 1 < len(buffer))]))
    if len(odd):
        rows = np.searchsorted(start, odd, side="right") - 1
        regular[rows[rows >= 0]] = False
    return np.asarray(regular, dtype=np.bool_)


def _is_utf8(data: bytes) -> bool:
    try:
        data.decode("utf-8")
    except UnicodeDecodeError:
        return False
    return True


def _columnar(
    data: bytes,
    start: NDArray[np.int64],
    end: NDArray[np.int64],
    rows: NDArray[np.int64],
    names: tuple[str, ...],
) -> Columns | None:
    if len(rows) == len(start):
        joined = data
    else:
        spans = zip(start[rows].tolist(), end[rows].tolist(), strict=True)
        joined = b"\n".join(data[first:last] for first, last in spans)
    try:
        table = pv.read_csv(
            pa.BufferReader(joined),
            read_options=pv.ReadOptions(column_names=names, use_threads=False, block_size=len(joined) + 1),
            parse_options=pv.ParseOptions(newlines_in_values=True),
            convert_options=pv.ConvertOptions(
                column_types=dict.fromkeys(names, pa.string()), strings_can_be_null=False
            ),
        )
    except pa.ArrowInvalid:
        return None
    if table.num_rows != len(rows):
        return None
    return {name: table.column(name).combine_chunks() for name in names}


def _read_strictly(
    data: bytes,
    start: NDArray[np.int64],
    end: NDArray[np.int64],
    rows: NDArray[np.int64],
    names: tuple[str, ...],
    verdicts: Verdicts,
    limits: Limits,
) -> Columns:
    records: list[list[Any]] = []
    nothing = [None] * len(names)
    for row, first, last in zip(rows.tolist(), start[rows].tolist(), end[rows].tolist(), strict=True):
        problem, cells = _read_record(data[first:last], len(names), limits)
        if problem is not None:
            verdicts.refuse(row, *problem)
        records.append(nothing if cells is None else cells)
    return {
        name: pa.array([record[position] for record in records], type=pa.string())
        for position, name in enumerate(names)
    }


def _read_record(
    record: bytes, column_count: int, limits: Limits
) -> tuple[tuple[str, str] | None, list[str] | None]:
    if len(record) > limits.line_bytes_max:
        return ("too_long", f"the record has more than {limits.line_bytes_max} bytes"), None
    if b"\x00" in record:
        return ("control_chars", "a NUL byte"), None
    try:
        record.decode("utf-8")
    except UnicodeDecodeError as error:
        return ("encoding", f"not UTF-8 at byte {error.start + 1}"), None
    scanned = scan_record(record, 0, limits.line_bytes_max + 1)
    if scanned.cells is None or scanned.next_start < len(record):
        return ("csv_syntax", "quotes or line ends are not as RFC 4180 has them"), None
    if len(scanned.cells) != column_count:
        return ("csv_columns", f"{len(scanned.cells)} cells, the header has {column_count}"), None
    return None, [cell.decode("utf-8") for cell in scanned.cells]
