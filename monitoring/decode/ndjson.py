"""NDJSON chunks to rows: a columnar reader for the plain lines, `json_line` for every other.

The columnar reader (pyarrow.json) is fast but forgiving, and it can be crashed by input that is not a
sequence of objects. So a line goes to it only when its bytes prove that it is one flat object: it begins
with `{`, ends with `}`, has no other `}`, is UTF-8, holds no NUL and no escape of a surrogate or U+0000.
What is left that the reader takes and we do not (`NaN`, overflow) shows in its result and is read again,
and whatever it refuses is read again line by line. Both ways give the same verdicts; a property test
holds them together.
"""

import re
from collections.abc import Callable
from typing import Any, Final, TypeVar

import msgspec
import numpy as np
import pyarrow as pa
import pyarrow.json as pj
from numpy.typing import NDArray

from monitoring.decode.columns import NO_LINES, Columns, Lines, from_lists, is_present, merged
from monitoring.decode.fields import BY_NAME, COLUMNAR, Kind
from monitoring.decode.json_line import RowRefused, read_line
from monitoring.decode.limits import Limits
from monitoring.decode.rows import Verdicts

T = TypeVar("T")

COLUMNAR_LEAST: Final = 48
"""Fewer rows than this are read line by line: the columnar reader costs as much as 40 rows just to start."""
_RETRIES_MAX: Final = 32
"""How many rows that the columnar reader refuses one after the other are read around in a chunk."""
_NAMED_ROW: Final = re.compile(r" in row (\d+)")
_SAMPLE: Final = 200
_BAD_ESCAPE: Final = re.compile(rb"\\u(?:[dD][89a-fA-F]|0000)")
_NEWLINE, _RETURN, _OPEN, _CLOSE = 10, 13, 123, 125
_BLANK: Final = b" \t\r\n"
_PYTHON_TYPES: Final = {
    Kind.REAL: float,
    Kind.INTEGER: int,
    Kind.TRUTH: bool,
}
_PROBE: Final = msgspec.json.Decoder(
    msgspec.defstruct(
        "Probe",
        [
            (field.name, _PYTHON_TYPES.get(field.kind, str) | None, None)
            for field in BY_NAME.values()
            if field.name in COLUMNAR
        ],
        forbid_unknown_fields=True,
    )
)


def split_lines(data: bytes, first_line: int) -> Lines:
    """(line number, start, end) of every line that is not blank; ends leave out the line end."""
    if not data:
        return NO_LINES
    buffer = np.frombuffer(data, dtype=np.uint8)
    newlines = np.flatnonzero(buffer == _NEWLINE)
    ends = newlines if data.endswith(b"\n") else np.append(newlines, len(data))
    starts = np.zeros(len(ends), dtype=np.int64)
    starts[1:] = ends[:-1] + 1
    ends = ends - ((ends > starts) & (buffer[np.maximum(ends - 1, 0)] == _RETURN))
    keep = ends > starts
    first = buffer[np.minimum(starts, len(data) - 1)]
    for row in np.flatnonzero(keep & (first <= 32)).tolist():
        keep[row] = bool(data[starts[row] : ends[row]].strip(_BLANK))
    rows = np.flatnonzero(keep)
    return rows + first_line, starts[rows], ends[rows].astype(np.int64)


def read_columns(data: bytes, lines: Lines, limits: Limits) -> tuple[Columns, Verdicts]:
    """The columns of all lines (see `Columns`) and what could not be read."""
    _, start, end = lines
    verdicts = Verdicts.none_yet(len(start))
    doubtful = _doubtful(data, start, end, limits)
    plain = np.flatnonzero(~doubtful)
    parts: list[tuple[NDArray[np.int64], Columns]] = []
    strict = [np.flatnonzero(doubtful)]
    if len(plain) < COLUMNAR_LEAST:
        strict = [np.arange(len(start))]
    else:
        known = _names_in(data, start, end, plain)
        if known is None:
            strict.append(plain)
        else:
            _read_plain(data, start, end, plain, known, parts, strict)
    left = np.sort(np.concatenate(strict))
    if len(left):
        parts.append((left, _read_strictly(data, start, end, left, verdicts, limits)))
    return merged(parts, len(start)), verdicts


def _doubtful(
    data: bytes, start: NDArray[np.int64], end: NDArray[np.int64], limits: Limits
) -> NDArray[np.bool_]:
    """Which lines are not proven to be one flat object of plain bytes, shape (n,)."""
    buffer = np.frombuffer(data, dtype=np.uint8)
    doubtful = (buffer[start] != _OPEN) | (buffer[end - 1] != _CLOSE) | (end - start > limits.line_bytes_max)
    if np.count_nonzero(buffer == _CLOSE) != len(start) or doubtful.any():
        _mark(doubtful, start, np.flatnonzero(buffer == _CLOSE), end - 1)
    mark_bad_bytes(data, start, end, doubtful)
    return np.asarray(doubtful, dtype=np.bool_)


def mark_bad_bytes(
    data: bytes, start: NDArray[np.int64], end: NDArray[np.int64], doubtful: NDArray[np.bool_]
) -> None:
    """Mark the rows that hold NUL, an escape of it or of half a surrogate pair, or bytes that are not UTF-8."""
    if b"\x00" in data:
        buffer = np.frombuffer(data, dtype=np.uint8)
        _mark(doubtful, start, np.flatnonzero(buffer == 0))
    if b"\\" in data:
        _mark(doubtful, start, np.array([m.start() for m in _BAD_ESCAPE.finditer(data)], dtype=np.int64))
    if not data.isascii():
        _mark_undecodable(data, doubtful, start, end)


def _mark(
    doubtful: NDArray[np.bool_],
    start: NDArray[np.int64],
    places: NDArray[np.int64],
    allowed: NDArray[np.int64] | None = None,
) -> None:
    """Mark the lines that hold one of `places`; the line's own place in `allowed` does not count."""
    rows = np.searchsorted(start, places, side="right") - 1
    if allowed is not None:
        odd = (rows >= 0) & (allowed[np.maximum(rows, 0)] != places)
        rows = rows[odd]
    doubtful[rows[rows >= 0]] = True


def _mark_undecodable(
    data: bytes, doubtful: NDArray[np.bool_], start: NDArray[np.int64], end: NDArray[np.int64]
) -> None:
    try:
        data.decode("utf-8")
    except UnicodeDecodeError:
        for row, (first, last) in enumerate(zip(start.tolist(), end.tolist(), strict=True)):
            line = data[first:last]
            if not line.isascii():
                try:
                    line.decode("utf-8")
                except UnicodeDecodeError:
                    doubtful[row] = True


def _names_in(
    data: bytes, start: NDArray[np.int64], end: NDArray[np.int64], plain: NDArray[np.int64]
) -> tuple[str, ...] | None:
    """The known names in some of the lines: the columnar reader is twice as fast when told no others.

    None where most of the lines have unknown names too; those are not for the columnar reader.
    """
    names: set[str] = set()
    unknown_count = 0
    for row in plain[np.linspace(0, len(plain) - 1, _SAMPLE).astype(np.int64)].tolist():
        try:
            found = msgspec.json.decode(data[start[row] : end[row]], type=dict[str, msgspec.Raw])
        except (ValueError, RecursionError):
            continue
        names.update(found)
        unknown_count += not found.keys() <= BY_NAME.keys()
    if 2 * unknown_count > _SAMPLE:
        return None
    return tuple(name for name in COLUMNAR if name in names)


def _names_by_reading(data: bytes) -> tuple[str, ...] | None:
    """The names in all lines if they are all known, None otherwise or where the lines cannot be read."""
    if b"[" in data:  # the reader would build a type as deep as the input nests
        return None
    try:
        found = set(pj.read_json(pa.BufferReader(data), read_options=_one_block(data)).schema.names)
    except pa.ArrowInvalid:
        return None
    return tuple(name for name in COLUMNAR if name in found) if found <= COLUMNAR.keys() else None


def _read_plain(
    data: bytes,
    start: NDArray[np.int64],
    end: NDArray[np.int64],
    rows: NDArray[np.int64],
    names: tuple[str, ...],
    parts: list[tuple[NDArray[np.int64], Columns]],
    strict: list[NDArray[np.int64]],
) -> None:
    """Read `rows` columnar into `parts`; rows that the reader refuses or distorts go to `strict`."""
    joined = joined_rows(data, start, end, rows)
    columns = _columnar(joined, len(rows), names)
    if not isinstance(columns, dict):
        # Most often a name is so rare that no line of the sample has it.
        names = tuple(COLUMNAR)
        columns = _columnar(joined, len(rows), names)
    if not isinstance(columns, dict):
        every_name = _names_by_reading(joined)
        if every_name is None:
            rows, every_name = _probed(data, start, end, rows, strict)
            joined = joined_rows(data, start, end, rows)
        columns = _columnar(joined, len(rows), every_name)
        names = every_name
    read_around(
        rows,
        columns,
        lambda some: _columnar(joined_rows(data, start, end, some), len(some), names),
        lambda found, some: _take(found, some, parts, strict),
    )


def read_around(
    rows: NDArray[np.int64],
    outcome: T | int | None,
    read: Callable[[NDArray[np.int64]], T | int | None],
    take: Callable[[T | int | None, NDArray[np.int64]], None],
) -> None:
    """Read around single rows that a columnar reader refuses: `outcome` is what reading all of `rows` gave, a
    position in them where it named the row it refused. `take` gets every part with its rows."""
    for _ in range(_RETRIES_MAX):
        if not isinstance(outcome, int):
            break
        # What stands before the named row is good; go on behind it.
        take(read(rows[:outcome]), rows[:outcome])
        take(None, rows[outcome : outcome + 1])
        rows = rows[outcome + 1 :]
        outcome = read(rows)
    take(outcome, rows)


def _take(
    columns: Columns | int | None,
    rows: NDArray[np.int64],
    parts: list[tuple[NDArray[np.int64], Columns]],
    strict: list[NDArray[np.int64]],
) -> None:
    """Take what was read into `parts`, but for rows with numbers that are none."""
    if not isinstance(columns, dict):
        strict.append(rows)
        return
    distorted = _not_finite(columns, len(rows))
    if distorted.any():
        strict.append(rows[distorted])
        keep = pa.array(~distorted)
        columns = {name: column.filter(keep) for name, column in columns.items()}
        rows = rows[~distorted]
    parts.append((rows, columns))


def _probed(
    data: bytes,
    start: NDArray[np.int64],
    end: NDArray[np.int64],
    rows: NDArray[np.int64],
    strict: list[NDArray[np.int64]],
) -> tuple[NDArray[np.int64], tuple[str, ...]]:
    """Rows whose syntax, types and names are as a columnar reader wants them; the others go to `strict`."""
    good = np.ones(len(rows), dtype=np.bool_)
    for position, (first, last) in enumerate(zip(start[rows].tolist(), end[rows].tolist(), strict=True)):
        try:
            _PROBE.decode(data[first:last])
        except (msgspec.MsgspecError, RecursionError):
            good[position] = False
    strict.append(rows[~good])
    return rows[good], tuple(COLUMNAR)


def joined_rows(
    data: bytes, start: NDArray[np.int64], end: NDArray[np.int64], rows: NDArray[np.int64]
) -> bytes:
    """The bytes of some of the rows, a line each."""
    if len(rows) == len(start):
        return data
    if len(rows) == 0:
        return b""
    breaks = np.flatnonzero(np.diff(rows) != 1)
    first = rows[np.concatenate(([0], breaks + 1))]
    last = rows[np.concatenate((breaks, [len(rows) - 1]))]
    return b"\n".join(data[start[a] : end[b]] for a, b in zip(first.tolist(), last.tolist(), strict=True))


def _columnar(data: bytes, row_count: int, names: tuple[str, ...]) -> Columns | int | None:
    """Columns of a run of plain lines; where the reader refuses one, its row if it says which, else None."""
    if row_count == 0:
        return {}
    wanted = pa.schema([(name, COLUMNAR[name]) for name in names])
    table = read_json(data, wanted, row_count)
    if not isinstance(table, pa.Table):
        return table
    columns = {name: table.column(name).combine_chunks() for name in table.schema.names}
    return {name: column for name, column in columns.items() if column.null_count < row_count}


def read_json(data: bytes, wanted: pa.Schema, row_count: int) -> pa.Table | int | None:
    """A run of objects read columnar, with no names but the wanted ones; where the reader refuses one, its row if
    it says which, else None."""
    try:
        table = pj.read_json(
            pa.BufferReader(data),
            read_options=_one_block(data),
            parse_options=pj.ParseOptions(explicit_schema=wanted, unexpected_field_behavior="error"),
        )
    except pa.ArrowInvalid as error:
        named = _NAMED_ROW.search(str(error))
        return int(named.group(1)) if named and int(named.group(1)) < row_count else None
    return table if table.num_rows == row_count else None


def _one_block(data: bytes) -> pj.ReadOptions:
    return pj.ReadOptions(use_threads=False, block_size=len(data) + 1)


def _not_finite(columns: Columns, row_count: int) -> NDArray[np.bool_]:
    mask = np.zeros(row_count, dtype=np.bool_)
    for column in columns.values():
        if pa.types.is_floating(column.type):
            finite = np.isfinite(column.to_numpy(zero_copy_only=False))
            if not finite.all():
                mask |= ~finite & is_present(column)
    return mask


def _read_strictly(
    data: bytes,
    start: NDArray[np.int64],
    end: NDArray[np.int64],
    rows: NDArray[np.int64],
    verdicts: Verdicts,
    limits: Limits,
) -> Columns:
    records: list[dict[str, Any]] = []
    for row, first, last in zip(rows.tolist(), start[rows].tolist(), end[rows].tolist(), strict=True):
        try:
            records.append(read_line(data[first:last], limits))
        except RowRefused as refusal:
            verdicts.refuse(row, refusal.reason, refusal.detail)
            records.append({})
    names = dict.fromkeys(name for record in records for name in record)
    return from_lists({name: [record.get(name) for record in records] for name in names}, BY_NAME)
