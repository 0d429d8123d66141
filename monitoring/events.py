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
    column = table.column(name).combine_chunks()
    return np.asarray(column.cast(pa.float64()).to_numpy(zero_copy_only=False), dtype=np.float64)


def ints(table: pa.Table, name: str, absent: int = -1) -> NDArray[np.int64]:
    """Column `name` as int64, shape (n,), `absent` where the field is absent.

    >>> ints(pa.table({"count": pa.array([3, None])}), "count")
    array([ 3, -1])
    """
    column = table.column(name).combine_chunks().cast(pa.int64())
    if column.null_count:
        column = column.fill_null(absent)
    return np.asarray(column.to_numpy(zero_copy_only=False), dtype=np.int64)


def codes(table: pa.Table, name: str) -> NDArray[np.int8]:
    """Word column `name` as positions in its tuple, int8, shape (n,), -1 where the field is absent.

    >>> codes(pa.table({"kind": words("kind", ["shot", None])}), "kind")
    array([ 3, -1], dtype=int8)
    """
    column = table.column(name).combine_chunks()
    indices = column.indices.fill_null(-1)
    return np.asarray(indices.to_numpy(zero_copy_only=False), dtype=np.int8)


def strings(table: pa.Table, name: str) -> NDArray[np.object_]:
    """Column `name` as Python strings, object dtype, shape (n,), None where the field is absent."""
    return np.asarray(table.column(name).combine_chunks().to_numpy(zero_copy_only=False), dtype=np.object_)


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
    keys = [("time_ns", "ascending"), ("sensor_id", "ascending"), ("id", "ascending")]
    return np.asarray(pc.sort_indices(table.select(["time_ns", "sensor_id", "id"]), sort_keys=keys)).astype(
        np.int64
    )


def in_canonical_order(table: pa.Table) -> pa.Table:
    """The same events in canonical order (see `canonical_order`)."""
    return table.take(pa.array(canonical_order(table)))


def event_key(sensor_id: str, event_id: str) -> str:
    """How an event is named outside its sensor: `sensor_id/id` (neither contains a slash).

    >>> event_key("GS-017", "ev-1")
    'GS-017/ev-1'
    """
    return f"{sensor_id}/{event_id}"


def empty(table_schema: pa.Schema) -> pa.Table:
    """A table without rows.

    >>> empty(schema.EVENTS).num_rows
    0
    """
    return table_schema.empty_table()
