"""Pages that stay right while rows arrive: a cursor names the last row's sort key, never an offset."""

import base64
import binascii
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

import sqlalchemy as sa

COUNTED_MAX: Final = 100_000
"""Rows that a total counts to; above it the total is a lower bound."""


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
) -> Page:
    """One page of `query` under `conditions`, in `order`, after `cursor`; it selects the order's columns."""
    keys = [table.c[name] for name in order.columns]
    total = _count(connection, table, conditions)
    paged = query.where(*conditions)
    if cursor is not None:
        place = sa.tuple_(*keys)
        after = zip(keys, decode(order, table, cursor), strict=True)
        last = sa.tuple_(*(sa.bindparam(None, value, key.type) for key, value in after))
        paged = paged.where(place < last if order.is_descending else place > last)
    paged = paged.order_by(*(k.desc() if order.is_descending else k for k in keys)).limit(limit + 1)
    rows = [dict(row) for row in connection.execute(paged).mappings()]
    more = len(rows) > limit
    rows = rows[:limit]
    next_cursor = encode(order, rows[-1]) if more else None
    return Page(rows, next_cursor, min(total, COUNTED_MAX), total > COUNTED_MAX)


def _count(connection: sa.Connection, table: sa.Table, conditions: Sequence[sa.ColumnElement[bool]]) -> int:
    some = sa.select(sa.literal(1)).select_from(table).where(*conditions).limit(COUNTED_MAX + 1)
    return int(connection.execute(sa.select(sa.func.count()).select_from(some.subquery())).scalar_one())
