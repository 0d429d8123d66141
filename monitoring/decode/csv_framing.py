"""CSV framing: the header, and where each record begins and ends.

RFC 4180 with commas, exactly: a quote opens a field only at its very beginning, so a stray quote spoils
its own record and nothing else. Runs whose quotes are all regular are framed as a whole; the others
record by record.
"""

import re
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from monitoring.decode.errors import FileRefused
from monitoring.decode.fields import BY_NAME, REQUIRED
from monitoring.decode.limits import Limits
from monitoring.decode.rows import echo

_QUOTE, _COMMA, _NEWLINE, _RETURN = 34, 44, 10, 13
_SEPARATORS: Final = (";", "\t", "|")
_UNQUOTED_END: Final = re.compile(rb"[,\n]")


def header_names(header: bytes, limits: Limits) -> tuple[str, ...]:
    """The column names of a header line.

    Raises FileRefused: `encoding`; `csv_dialect` for another separator or a `sep=` line; `csv_header` for
    names that are empty, repeated, differ only by case, or for required columns that are missing.

    >>> header_names(b"id,sensor_id,time,kind,note", Limits())[-1]
    'note'
    """
    try:
        line = header.decode("utf-8").rstrip("\r\n")
    except UnicodeDecodeError as error:
        raise FileRefused("encoding", f"the header is not UTF-8 at byte {error.start + 1}") from None
    if line.lower().startswith("sep="):
        raise FileRefused("csv_dialect", "a sep= line; the separator is a comma and the header comes first")
    for separator in _SEPARATORS:
        if separator in line and {"id", "sensor_id", "time"} & _words(line, separator) and "," not in line:
            raise FileRefused("csv_dialect", f"separated by {echo(separator)}; the separator is a comma")
    record = scan_record(header.rstrip(b"\r\n") + b"\n", 0, limits.line_bytes_max)
    if record.cells is None:
        raise FileRefused("csv_header", "the header is not a CSV record")
    names = tuple(cell.decode("utf-8") for cell in record.cells)
    _check_names(names, limits)
    return names


def _words(line: str, separator: str) -> set[str]:
    return {word.strip(' "').lower() for word in line.split(separator)}


def _check_names(names: tuple[str, ...], limits: Limits) -> None:
    seen: dict[str, str] = {}
    for name in names:
        plain = name.strip().casefold()
        if plain in seen:
            raise FileRefused("csv_header", f"{echo(name)} repeats {echo(seen[plain])}")
        if not plain:
            raise FileRefused("csv_header", "a column without a name")
        if plain in BY_NAME and name not in BY_NAME:
            raise FileRefused("csv_header", f"{echo(name)} must be written {plain}")
        if "\x00" in name or len(name) > limits.id_chars_max:
            raise FileRefused("csv_header", f"{echo(name)} is no name for a column")
        seen[plain] = name
    missing = [name for name in REQUIRED if name not in names]
    if missing:
        raise FileRefused("csv_header", f"no column {', '.join(missing)}")
    if len(names) - len(BY_NAME.keys() & set(names)) > limits.unknown_fields_max:
        raise FileRefused("csv_header", f"more than {limits.unknown_fields_max} unknown columns")


@dataclass(frozen=True, slots=True)
class Record:
    """One record as scanned: where the next begins, its cells (None where it breaks RFC 4180), and
    whether its end was found (False: more data could go on with it)."""

    next_start: int
    cells: list[bytes] | None
    is_complete: bool


def scan_record(data: bytes, start: int, record_bytes_max: int) -> Record:
    """Scan the record that begins at `start`, cell by cell.

    A record with an unclosed quote ends with the data, but takes at most `record_bytes_max`: then it is
    cut at the last line end before that, so that one quote cannot swallow a file.
    """
    cells: list[bytes] = []
    position = start
    is_good = True
    while True:
        if data[position : position + 1] == b'"':
            closing = _closing_quote(data, position + 1, start + record_bytes_max)
            if closing < 0:
                is_cut = len(data) - start > record_bytes_max
                return Record(_cut(data, start, record_bytes_max), None, is_cut)
            cells.append(data[position + 1 : closing].replace(b'""', b'"'))
            position = closing + 1
            is_after_quote = True
        else:
            is_after_quote = False
        stop = _UNQUOTED_END.search(data, position)
        end = len(data) if stop is None else stop.start()
        rest = data[position:end]
        is_last = stop is None or stop.group() == b"\n"
        if is_last and rest.endswith(b"\r"):
            rest = rest[:-1]
        if is_after_quote:
            is_good &= rest == b""
        else:
            is_good &= b'"' not in rest and b"\r" not in rest
            cells.append(rest)
        if is_last:
            return Record(end + (stop is not None), cells if is_good else None, stop is not None)
        position = end + 1


def _closing_quote(data: bytes, position: int, limit: int) -> int:
    while True:
        closing = data.find(b'"', position, limit)
        if closing < 0 or data[closing + 1 : closing + 2] != b'"':
            return closing
        position = closing + 2


def _cut(data: bytes, start: int, record_bytes_max: int) -> int:
    if len(data) - start <= record_bytes_max:
        return len(data)
    last = data.rfind(b"\n", start, start + record_bytes_max)
    if last < 0:
        last = data.find(b"\n", start + record_bytes_max)
    return len(data) if last < 0 else last + 1


def split_records(data: bytes, record_bytes_max: int) -> NDArray[np.int64]:
    """Where each record begins, and at last where the data ends: shape (n + 1,), blank lines included."""
    buffer = np.frombuffer(data, dtype=np.uint8)
    ends = np.flatnonzero(buffer == _NEWLINE) + 1
    quotes = np.flatnonzero(buffer == _QUOTE) if b'"' in data else None
    if quotes is not None:
        ends = ends[np.searchsorted(quotes, ends) % 2 == 0]
    if data and (len(ends) == 0 or ends[-1] != len(data)):
        ends = np.append(ends, len(data))
    if quotes is not None:
        longest = int(np.diff(ends, prepend=0).max(initial=0))
        if longest > record_bytes_max or not are_regular(buffer, quotes):
            return _split_by_scanning(data, record_bytes_max)
    return np.concatenate((np.zeros(1, dtype=np.int64), ends))


def are_regular(buffer: NDArray[np.uint8], quotes: NDArray[np.int64]) -> bool:
    """Whether every quote opens a field at its beginning, closes one at its end, or is one of a pair."""
    if len(quotes) % 2:
        return False
    opening, closing = quotes[0::2], quotes[1::2]
    before = buffer[np.maximum(opening - 1, 0)]
    after = buffer[np.minimum(closing + 1, len(buffer) - 1)]
    doubled = np.zeros(len(opening), dtype=np.bool_)
    doubled[1:] = opening[1:] == closing[:-1] + 1
    opens_well = (opening == 0) | (before == _COMMA) | (before == _NEWLINE) | doubled
    is_doubled = np.append(doubled[1:], False)
    return_after = after == _RETURN
    if return_after.any():
        second = buffer[np.minimum(closing + 2, len(buffer) - 1)]
        return_after &= (second == _NEWLINE) | (closing + 2 >= len(buffer))
    closes_well = (after == _COMMA) | (after == _NEWLINE) | return_after | is_doubled
    closes_well |= closing == len(buffer) - 1
    return bool(opens_well.all() and closes_well.all())


def _split_by_scanning(data: bytes, record_bytes_max: int) -> NDArray[np.int64]:
    starts = [0]
    while starts[-1] < len(data):
        starts.append(scan_record(data, starts[-1], record_bytes_max).next_start)
    return np.array(starts, dtype=np.int64)


def complete_length(data: bytes, record_bytes_max: int) -> int:
    """How much of `data`, which begins with a record, is complete records."""
    last = data.rfind(b"\n") + 1
    if b'"' not in data[:last]:
        return last
    buffer = np.frombuffer(data, dtype=np.uint8)
    quotes = np.flatnonzero(buffer == _QUOTE)
    ends = np.flatnonzero(buffer == _NEWLINE) + 1
    ends = ends[np.searchsorted(quotes, ends) % 2 == 0]
    if len(ends):
        length = int(ends[-1])
        longest = int(np.diff(ends, prepend=0).max())
        inside = quotes[quotes < length]
        if max(longest, len(data) - length) <= record_bytes_max and are_regular(buffer[:length], inside):
            return length
    length = 0
    while length < len(data):
        record = scan_record(data, length, record_bytes_max)
        if not record.is_complete:
            break
        length = record.next_start
    return length
