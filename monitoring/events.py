"""Working with tables of events: typed access to columns, canonical order, identity.

The steps keep `pyarrow.Table` at their edges and NumPy arrays inside; these few functions are the passage
between the two.
"""

from typing import Final

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from monitoring import schema

WORDS: Final = {
    "kind": schema.KINDS,
    "time_basis": schema.TIME_BASES,
    "object_class": schema.OBJECT_CLASSES,
    "affiliation": schema.AFFILIATIONS,
    "direction": schema.FIRE_DIRECTIONS,
}
"""The tuple behind each word column of an event table."""


def reals(table: pa.Table, name: str) -> NDArray[np.float64]:
    """Column `name` as float64, shape (n,), NaN where the field is absent.

    >>> reals(pa.table({"lon": pa.array([1.0, None])}), "lon")
    array([ 1., nan])
    """
    column = _whole(table, name)
    if not pa.types.is_float64(column.type):
        column = column.cast(pa.float64())
    return np.asarray(column.to_numpy(zero_copy_only=False), dtype=np.float64)


def ints(table: pa.Table, name: str, absent: int = -1) -> NDArray[np.int64]:
    """Column `name` as int64, shape (n,), `absent` where the field is absent.

    >>> ints(pa.table({"count": pa.array([3, None])}), "count")
    array([ 3, -1])
    """
    column = _whole(table, name)
    if not pa.types.is_int64(column.type):
        column = column.cast(pa.int64())
    if column.null_count:
        column = column.fill_null(absent)
    return np.asarray(column.to_numpy(zero_copy_only=False), dtype=np.int64)


def codes(table: pa.Table, name: str) -> NDArray[np.int8]:
    """Word column `name` as positions in its tuple, int8, shape (n,), -1 where the field is absent.

    >>> codes(pa.table({"kind": words("kind", ["shot", None])}), "kind")
    array([ 3, -1], dtype=int8)
    """
    indices = _whole(table, name).indices
    if indices.null_count:
        indices = indices.fill_null(-1)
    return np.asarray(indices.to_numpy(zero_copy_only=False), dtype=np.int8)


def strings(table: pa.Table, name: str) -> NDArray[np.object_]:
    """Column `name` as Python strings, object dtype, shape (n,), None where the field is absent."""
    return np.asarray(_whole(table, name).to_numpy(zero_copy_only=False), dtype=np.object_)


def _whole(table: pa.Table, name: str) -> pa.Array:
    column = table.column(name)
    # To join the one piece that most columns have takes longer than to read it.
    return column.chunk(0) if column.num_chunks == 1 else column.combine_chunks()


def words(name: str, values: list[str | None] | NDArray[np.int8]) -> pa.DictionaryArray:
    """A word column from words, or from positions (-1 = absent), over the whole tuple of `name`.

    >>> words("affiliation", np.array([1, -1], dtype=np.int8)).to_pylist()
    ['B', None]
    """
    tuple_of_words = WORDS[name]
    if isinstance(values, np.ndarray):
        positions = pa.array(values, mask=values < 0, type=pa.int8())
    else:
        position_of = {word: position for position, word in enumerate(tuple_of_words)}
        positions = pa.array([None if v is None else position_of[v] for v in values], type=pa.int8())
    return pa.DictionaryArray.from_arrays(positions, pa.array(tuple_of_words, type=pa.string()))


def canonical_order(table: pa.Table) -> NDArray[np.int64]:
    """Positions that put events in canonical order: by time, then sensor, then id. Shape (n,), int64.

    Arrival order never decides a result; this order does. Strings compare by their bytes.

    >>> t = pa.table({"time_ns": [2, 1, 1], "sensor_id": ["s", "s", "r"], "id": ["a", "b", "c"]})
    >>> canonical_order(t)
    array([2, 1, 0])
    """
    time_ns = ints(table, "time_ns")
    order = np.argsort(time_ns, kind="stable")
    in_order = time_ns[order]
    if len(in_order) < 2 or not np.any(in_order[1:] == in_order[:-1]):
        return order.astype(np.int64)
    # Few events share an instant with another: only these are put in order by their names.
    is_tied = np.zeros(len(order), dtype=bool)
    is_tied[1:] = in_order[1:] == in_order[:-1]
    is_tied[:-1] |= is_tied[1:]
    place = np.flatnonzero(is_tied)
    tied = order[place]
    named = table.select(["time_ns", "sensor_id", "id"]).take(pa.array(tied))
    keys = [(name, "ascending") for name in named.column_names]
    order[place] = tied[np.asarray(pc.sort_indices(named, sort_keys=keys))]
    return order.astype(np.int64)


def in_canonical_order(table: pa.Table) -> pa.Table:
    """The same events in canonical order (see `canonical_order`), copied: equal rows give equal bytes in a file."""
    return table.take(pa.array(canonical_order(table)))


def distinct_in_order(table: pa.Table, rows: NDArray[np.int64]) -> NDArray[np.int64]:
    """Some rows of a table of events, in canonical order, each event (same sensor, id and time) once.

    >>> t = pa.table({"time_ns": [2, 1, 2], "sensor_id": ["s", "s", "s"], "id": ["a", "b", "a"]})
    >>> distinct_in_order(t, np.arange(3))
    array([1, 0])
    """
    names = table.select(["time_ns", "sensor_id", "id"])
    rows = rows[canonical_order(taken(names, rows))]
    time_ns = ints(names, "time_ns")[rows]
    tied = np.flatnonzero(time_ns[1:] == time_ns[:-1])
    if not len(tied):
        return rows
    before, after = names.take(pa.array(rows[tied])), names.take(pa.array(rows[tied + 1]))
    is_same = np.ones(len(tied), dtype=bool)
    for name in ("sensor_id", "id"):
        is_same &= np.asarray(strings(before, name) == strings(after, name), dtype=bool)
    return np.delete(rows, tied[is_same] + 1)


def taken(table: pa.Table, rows: NDArray[np.int64]) -> pa.Table:
    """The rows at some positions. Rows that follow each other are a view: a wide table takes long to copy.

    >>> taken(pa.table({"id": ["a", "b", "c"]}), np.array([1, 2]))["id"].to_pylist()
    ['b', 'c']
    """
    if not len(rows):
        return table.slice(0, 0)
    first = int(rows[0])
    if rows[-1] - first == len(rows) - 1 and bool(np.all(rows[1:] - rows[:-1] == 1)):
        return table.slice(first, len(rows))
    return table.take(pa.array(rows))


def event_key(sensor_id: str, event_id: str) -> str:
    """How an event is named outside its sensor: `sensor_id/id` (neither contains a slash).

    >>> event_key("GS-017", "ev-1")
    'GS-017/ev-1'
    """
    return f"{sensor_id}/{event_id}"


def empty(table_schema: pa.Schema) -> pa.Table:
    """A table without rows; a wide one is worth keeping: it takes as long to make as to read some hundred events.

    It loads no pandas, as `empty_table` would.

    >>> empty(schema.EVENTS).num_rows
    0
    """
    return pa.Table.from_arrays([pa.nulls(0, field.type) for field in table_schema], schema=table_schema)
