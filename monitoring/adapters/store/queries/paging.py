"""Pages that stay right while rows arrive: a cursor names the last row's sort key, never an offset."""

import base64
import binascii
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

import sqlalchemy as sa

COUNTED_MAX: Final = 10_000
"""Rows that a total counts to; above it the total is a lower bound, so that a page costs the same on any day."""


class InvalidCursor(ValueError):
    """The cursor was not made by this list in this order."""


@dataclass(frozen=True)
class Page:
    """Some rows of a list, the cursor of the next page (None at the end), and how many rows there are."""

    items: list[dict[str, Any]]
    next_cursor: str | None
    total: int
    is_total_least: bool


@dataclass(frozen=True)
class Order:
    """A total order of a table: columns whose tuple is unique, all ascending or all descending."""

    name: str
    columns: tuple[str, ...]
    is_descending: bool = False


def encode(order: Order, row: Mapping[str, Any]) -> str:
    """The cursor that continues after `row`."""
    keys = [row[name] for name in order.columns]
    text = json.dumps([order.name, *keys], separators=(",", ":"), ensure_ascii=False)
    return base64.urlsafe_b64encode(text.encode()).decode().rstrip("=")


def decode(order: Order, table: sa.Table, cursor: str) -> list[Any]:
    """The keys in a cursor. Raises InvalidCursor for anything but what `encode` makes for this order."""
    problem = f"cursor {cursor[:80]!r} does not belong to this list in the order {order.name!r}"
    try:
        padded = cursor + "=" * (-len(cursor) % 4)
        keys = json.loads(base64.urlsafe_b64decode(padded.encode("ascii")))
    except (binascii.Error, ValueError, RecursionError) as error:
        raise InvalidCursor(problem) from error
    if not isinstance(keys, list) or len(keys) != 1 + len(order.columns) or keys[0] != order.name:
        raise InvalidCursor(problem)
    for name, key in zip(order.columns, keys[1:], strict=True):
        expected = table.c[name].type.python_type
        is_integer = expected in (int, bool) and isinstance(key, int) and abs(key) < 1 << 63
        if not (is_integer or (expected is str and isinstance(key, str))):
            raise InvalidCursor(problem)
    return keys[1:]


def page(
    connection: sa.Connection,
    query: sa.Select[Any],
    table: sa.Table,
    order: Order,
    *,
    limit: int,
    cursor: str | None,
    conditions: Sequence[sa.ColumnElement[bool]],
    is_narrow: bool = False,
) -> Page:
    """One page of `query` (which selects the order's columns) under `conditions`, in `order`, after `cursor`.

    Which rows make up the page is found first, from an index that holds all that is asked; only they are read
    whole. `is_narrow` says that few rows may match: then the table is not walked in the order's own index, which
    would read each row to judge it.
    """
    keys = [table.c[name] for name in order.columns]
    chosen = sa.select(*table.primary_key).where(*conditions)
    if cursor is not None:
        place = sa.tuple_(*keys)
        after = zip(keys, decode(order, table, cursor), strict=True)
        last = sa.tuple_(*(sa.bindparam(None, value, key.type) for key, value in after))
        chosen = chosen.where(place < last if order.is_descending else place > last)
    sorts = [_unindexed(key) for key in keys] if is_narrow else keys
    chosen = chosen.order_by(*_directed(sorts, order)).limit(limit + 1)
    keys_of_row = list(table.primary_key)
    row = sa.tuple_(*keys_of_row) if len(keys_of_row) > 1 else keys_of_row[0]
    paged = query.where(row.in_(chosen)).order_by(*_directed(keys, order))
    rows = [dict(row) for row in connection.execute(paged).mappings()]
    more = len(rows) > limit
    rows = rows[:limit]
    next_cursor = encode(order, rows[-1]) if more else None
    total = len(rows) if cursor is None and not more else _count(connection, table, conditions)
    return Page(rows, next_cursor, min(total, COUNTED_MAX), total > COUNTED_MAX)


def _directed(keys: Sequence[sa.ColumnElement[Any]], order: Order) -> list[sa.ColumnElement[Any]]:
    return [key.desc() if order.is_descending else key.asc() for key in keys]


def _unindexed(key: sa.Column[Any]) -> sa.ColumnElement[Any]:
    """The same value in a form that the planner takes no index for."""
    return sa.literal_column(f"+{key.table.name}.{key.name}", key.type)


def _count(connection: sa.Connection, table: sa.Table, conditions: Sequence[sa.ColumnElement[bool]]) -> int:
    some = sa.select(sa.literal(1)).select_from(table).where(*conditions).limit(COUNTED_MAX + 1)
    return int(connection.execute(sa.select(sa.func.count()).select_from(some.subquery())).scalar_one())
