"""Reading cases: the queue, one case, its timeline, and the counts above the queue."""

from typing import Any, Final

import sqlalchemy as sa

from monitoring.adapters.store import casework, tables
from monitoring.adapters.store.canonical import from_json
from monitoring.adapters.store.queries.filters import CaseFilter
from monitoring.adapters.store.queries.paging import Order, Page, page
from monitoring.cases.errors import NotFound
from monitoring.cases.workflow import SETTLED, Case

ORDERS: Final = {
    "priority": Order("priority", tables.QUEUE_ORDER),
    "-updated": Order("-updated", ("updated_at_ns", "number"), is_descending=True),
    "updated": Order("updated", ("updated_at_ns", "number")),
    "number": Order("number", ("number",)),
    "-number": Order("-number", ("number",), is_descending=True),
}
"""The orders of the queue. Following `updated` with `updated_since` sees every change once more or once."""
_COLUMNS: Final = [
    c for c in tables.cases.columns if c.name not in ("search", "journal_seq", "place", "opening")
]


def case_page(
    connection: sa.Connection, chosen: CaseFilter, *, sort: str, limit: int, cursor: str | None
) -> Page:
    """One page of the queue. Raises InvalidCursor."""
    found = page(
        connection,
        sa.select(*_COLUMNS),
        tables.cases,
        ORDERS[sort],
        limit=limit,
        cursor=cursor,
        conditions=chosen.conditions(),
        is_narrow=sort != "priority" and chosen.is_narrow,
    )
    for row in found.items:
        _open_up(row)
    return found


def case_standing(connection: sa.Connection) -> list[tuple[str, str | None, int]]:
    """How many cases stand in each state with each assignee: (status, assignee, count)."""
    case = tables.cases.c
    query = sa.select(case.status, case.assignee, sa.func.count()).group_by(case.status, case.assignee)
    return [(str(status), assignee, int(count)) for status, assignee, count in connection.execute(query)]


def overdue_count(connection: sa.Connection, now_ns: int) -> int:
    """How many open cases are past their deadline."""
    case = tables.cases.c
    query = sa.select(sa.func.count()).select_from(tables.cases)
    is_overdue = (case.is_settled.is_(False), case.due_at_ns < now_ns)
    return int(connection.execute(query.where(*is_overdue)).scalar_one())


def counts_of(standing: list[tuple[str, str | None, int]], me: str | None) -> dict[str, Any]:
    """`open`, `mine`, `by_status` of what `case_standing` gave."""
    by_status: dict[str, int] = {}
    mine = 0
    for status, assignee, count in standing:
        by_status[status] = by_status.get(status, 0) + count
        if assignee is not None and assignee == me and status not in SETTLED:
            mine += count
    return {
        "open": sum(count for status, count in by_status.items() if status not in SETTLED),
        "mine": mine,
        "by_status": dict(sorted(by_status.items())),
    }


def case_row(connection: sa.Connection, number: str) -> dict[str, Any]:
    """One case as the queue shows it. Raises NotFound."""
    row = (
        connection.execute(sa.select(*_COLUMNS).where(tables.cases.c.number == number))
        .mappings()
        .one_or_none()
    )
    if row is None:
        raise NotFound(f"there is no case {number!r}")
    return _open_up(dict(row))


def case_state(connection: sa.Connection, number: str) -> Case:
    """The case as the workflow sees it. Raises NotFound."""
    return casework.load_case(connection, number)


def case_timeline(connection: sa.Connection, number: str) -> list[dict[str, Any]]:
    """What happened to a case, oldest first."""
    entry = tables.timeline.c
    query = (
        sa.select(entry.number, entry.at_ns, entry.actor, entry.kind, entry.summary, entry.detail)
        .where(entry.case_number == number)
        .order_by(entry.number)
    )
    return [{**row, "detail": from_json(row["detail"])} for row in connection.execute(query).mappings()]


def case_links(connection: sa.Connection, number: str) -> list[dict[str, Any]]:
    """Which findings and incidents a case is about."""
    link = tables.case_links.c
    query = (
        sa.select(link.finding_id, link.incident_id, link.linked_at_ns)
        .where(link.case_number == number)
        .order_by(link.finding_id)
    )
    return [dict(row) for row in connection.execute(query).mappings()]


def _open_up(row: dict[str, Any]) -> dict[str, Any]:
    row["flags"] = from_json(row["flags"])
    if row["due_at_ns"] == tables.NEVER_NS:
        row["due_at_ns"] = None
    return row
