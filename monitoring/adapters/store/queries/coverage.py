"""Reading coverage: pages of sectors and hours, and a whole period as an Arrow table."""

from typing import Final

import pyarrow as pa
import sqlalchemy as sa

from monitoring import schema
from monitoring.adapters.store import tables
from monitoring.adapters.store.queries.filters import Conditions, CoverageFilter
from monitoring.adapters.store.queries.paging import Order, Page, page
from monitoring.adapters.store.queries.results import read_arrow

_KEYS: Final = ("time_start_ns", "sector", "kind")


def coverage_page(
    connection: sa.Connection, chosen: CoverageFilter, *, sort: str, limit: int, cursor: str | None
) -> Page:
    """One page of coverage, newest hour first by default. Raises InvalidCursor."""
    return page(
        connection,
        sa.select(tables.coverage),
        tables.coverage,
        Order(sort, _KEYS, is_descending=sort == "-time"),
        limit=limit,
        cursor=cursor,
        conditions=chosen.conditions(),
    )


def coverage_table(connection: sa.Connection, from_ns: int, to_ns: int) -> pa.Table:
    """Newest revisions of coverage (`schema.COVERAGE`) of the hours that reach into [from, to)."""
    column = tables.coverage.c
    inside: Conditions = [column.time_end_ns > from_ns, column.time_start_ns < to_ns]
    return read_arrow(connection, tables.coverage, schema.COVERAGE, inside)


def has_coverage(connection: sa.Connection) -> bool:
    """Whether any coverage was computed."""
    return (
        connection.execute(sa.select(sa.literal(1)).select_from(tables.coverage).limit(1)).first() is not None
    )
