"""Reading Arrow string columns as the bytes they are, so that checks and hashes run on whole columns."""

from typing import Any, Final

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from monitoring.decode.fields import Field, Kind

Columns = dict[str, pa.Array]
"""Field name → column as written (`Field.raw_type`), all of one length; a missing name = absent everywhere.

`extra` (unknown fields as canonical JSON text) is one of the names.
"""

Lines = tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.int64]]
"""(line number, start, end) of each row of a chunk, (n,) each; the end leaves out the line end."""

NO_LINES: Final[Lines] = (np.zeros(0, np.int64), np.zeros(0, np.int64), np.zeros(0, np.int64))
_EMPTY: Final = np.zeros(0, dtype=np.uint8)


def spans(texts: pa.Array) -> tuple[NDArray[np.uint8], NDArray[np.int64], NDArray[np.int64]]:
    """The bytes behind a string column: (data, start (n,), size (n,)); absent rows have size 0."""
    if len(texts) == 0:
        return _EMPTY, np.zeros(0, dtype=np.int64), np.zeros(0, dtype=np.int64)
    _, offset_buffer, data_buffer = texts.buffers()
    offsets = np.frombuffer(offset_buffer, dtype=np.int32)[texts.offset : texts.offset + len(texts) + 1]
    data = _EMPTY if data_buffer is None else np.frombuffer(data_buffer, dtype=np.uint8)
    wide = offsets.astype(np.int64)
    size = np.diff(wide)
    if texts.null_count:
        size = np.where(np.asarray(texts.is_valid(), dtype=np.bool_), size, 0)
    return data, wide[:-1], size


def content(texts: pa.Array) -> tuple[NDArray[np.uint8], int]:
    """All bytes of the column in one run, and where that run begins in the buffer behind it."""
    if len(texts) == 0:
        return _EMPTY, 0
    _, offset_buffer, data_buffer = texts.buffers()
    offsets = np.frombuffer(offset_buffer, dtype=np.int32)[texts.offset : texts.offset + len(texts) + 1]
    if data_buffer is None:
        return _EMPTY, 0
    return np.frombuffer(data_buffer, dtype=np.uint8)[offsets[0] : offsets[-1]], int(offsets[0])


def rows_with(texts: pa.Array, marked: NDArray[np.bool_]) -> NDArray[np.int64]:
    """Which rows hold any of the bytes marked in `marked` (parallel to `content(texts)[0]`)."""
    places = np.flatnonzero(marked)
    if len(places) == 0:
        return np.zeros(0, dtype=np.int64)
    _, first = content(texts)
    _, start, _ = spans(texts)
    return np.unique(np.searchsorted(start, places + first, side="right") - 1)


def is_present(column: pa.Array) -> NDArray[np.bool_]:
    """Whether each row has a value, shape (n,)."""
    if column.null_count == 0:
        return np.ones(len(column), dtype=np.bool_)
    return np.asarray(column.is_valid(), dtype=np.bool_)


def values(column: pa.Array) -> NDArray[Any]:
    """The numbers of a column, absent rows 0, shape (n,)."""
    if column.null_count:
        column = column.fill_null(False if pa.types.is_boolean(column.type) else 0)
    return np.asarray(column.to_numpy(zero_copy_only=False))


def from_lists(lists: dict[str, list[object]], fields: dict[str, Field]) -> Columns:
    """Columns from Python values per field; names whose values are all None are left out."""
    columns: Columns = {}
    for name, cells in lists.items():
        if any(cell is not None for cell in cells):
            raw_type = fields[name].raw_type if name in fields else pa.string()
            columns[name] = pa.array(cells, type=raw_type)
    return columns


def merged(parts: list[tuple[NDArray[np.int64], Columns]], row_count: int) -> Columns:
    """One set of columns from parts that each hold the rows at the given positions; other rows are absent."""
    if len(parts) == 1 and len(parts[0][0]) == row_count:
        return parts[0][1]
    places = np.concatenate([rows for rows, _ in parts]) if parts else np.zeros(0, dtype=np.int64)
    source = np.full(row_count, -1, dtype=np.int64)
    source[places] = np.arange(len(places))
    take = pa.array(source, mask=source < 0)
    names = {name: column.type for _, columns in parts for name, column in columns.items()}
    out: Columns = {}
    for name, raw_type in names.items():
        pieces = [columns.get(name, pa.nulls(len(rows), raw_type)) for rows, columns in parts]
        out[name] = pa.concat_arrays(pieces).take(take)
    return out


def words_are(kind: Kind) -> bool:
    """Whether a field of this kind is written as a JSON string."""
    return kind in {Kind.ID, Kind.WORD, Kind.TEXT, Kind.TIME}
