"""Reading what came in: receipts, quarantine, sensors, reference versions, reports, audit, changes."""

from collections.abc import Sequence
from typing import Any, Final

import sqlalchemy as sa

from monitoring.adapters.store import tables
from monitoring.adapters.store.canonical import from_json
from monitoring.adapters.store.queries.filters import Conditions
from monitoring.adapters.store.queries.paging import Order, Page, page

_NEWEST_ROW: Final = Order("-row", ("journal_seq", "row"), is_descending=True)
_OLDEST_ROW: Final = Order("row", ("journal_seq", "row"))
_NEWEST_AUDIT: Final = Order("-audit", ("journal_seq", "number"), is_descending=True)


def receipt(connection: sa.Connection, receipt_id: str) -> dict[str, Any] | None:
    """A receipt: `principal` and the whole `body`."""
    r = tables.receipts.c
    row = connection.execute(sa.select(r.principal, r.body).where(r.receipt_id == receipt_id)).one_or_none()
    return None if row is None else {"principal": row.principal, "body": from_json(row.body)}


def receipts_about(connection: sa.Connection, from_ns: int, to_ns: int) -> list[dict[str, Any]]:
    """Receipts of deliveries with accepted events in [from_ns, to_ns), by first journal record: their bodies."""
    r = tables.receipts.c
    query = (
        sa.select(r.body).where(r.event_to_ns >= from_ns, r.event_from_ns < to_ns).order_by(r.journal_from)
    )
    return [from_json(body) for (body,) in connection.execute(query)]


def quarantine_page(
    connection: sa.Connection,
    *,
    reason: str | None = None,
    receipt_id: str | None = None,
    is_open_only: bool = False,
    from_ns: int | None = None,
    to_ns: int | None = None,
    newest_first: bool = True,
    limit: int = 50,
    cursor: str | None = None,
) -> Page:
    """Refused rows with their original bytes, by time of receipt. Raises InvalidCursor."""
    q = tables.quarantine.c
    conditions: Conditions = []
    if reason is not None:
        conditions.append(q.reason == reason)
    if receipt_id is not None:
        conditions.append(q.receipt_id == receipt_id)
    if is_open_only:
        conditions.append(q.replayed_at_ns.is_(None))
    if from_ns is not None:
        conditions.append(q.received_at_ns >= from_ns)
    if to_ns is not None:
        conditions.append(q.received_at_ns < to_ns)
    return page(
        connection,
        sa.select(tables.quarantine),
        tables.quarantine,
        _NEWEST_ROW if newest_first else _OLDEST_ROW,
        limit=limit,
        cursor=cursor,
        conditions=conditions,
    )


def quarantined(connection: sa.Connection, keys: Sequence[tuple[int, int]]) -> list[dict[str, Any]]:
    """The refused rows at these (journal_seq, row), in their order. Raises KeyError for one that is not there."""
    q = tables.quarantine.c
    found: dict[tuple[int, int], dict[str, Any]] = {}
    for start in range(0, len(keys), 500):
        some = keys[start : start + 500]
        query = sa.select(tables.quarantine).where(sa.tuple_(q.journal_seq, q.row).in_(some))
        found |= {(row["journal_seq"], row["row"]): dict(row) for row in connection.execute(query).mappings()}
    return [found[key] for key in keys]


def quarantine_counts(
    connection: sa.Connection,
    *,
    is_open_only: bool = False,
    from_ns: int | None = None,
    to_ns: int | None = None,
) -> dict[str, int]:
    """How many rows were refused for which reason, by time of receipt; all, or those not sent again since."""
    q = tables.quarantine.c
    query = sa.select(q.reason, sa.func.count()).group_by(q.reason).order_by(q.reason)
    if is_open_only:
        query = query.where(q.replayed_at_ns.is_(None))
    if from_ns is not None:
        query = query.where(q.received_at_ns >= from_ns)
    if to_ns is not None:
        query = query.where(q.received_at_ns < to_ns)
    return {str(reason): int(count) for reason, count in connection.execute(query)}


def sensors(connection: sa.Connection) -> list[dict[str, Any]]:
    """The registry with what each sensor last delivered, by id; `record` is the sensor as registered."""
    s, status = tables.sensors, tables.sensor_status
    query = (
        sa.select(
            s,
            status.c.last_time_ns,
            status.c.last_received_ns,
            sa.func.coalesce(status.c.event_count, 0).label("event_count"),
            status.c.last_status,
        )
        .select_from(s.outerjoin(status, status.c.sensor_id == s.c.sensor_id))
        .order_by(s.c.sensor_id)
    )
    return [{**row, "record": from_json(row["record"])} for row in connection.execute(query).mappings()]


def references(connection: sa.Connection, kind: str | None = None) -> list[dict[str, Any]]:
    """Versions of line, agreement and area in the order in which they came to hold."""
    r = tables.reference
    query = sa.select(r).order_by(r.c.kind, r.c.valid_from_ns, r.c.journal_seq)
    if kind is not None:
        query = query.where(r.c.kind == kind)
    return [{**row, "body": from_json(row["body"])} for row in connection.execute(query).mappings()]


def reports(connection: sa.Connection) -> list[dict[str, Any]]:
    """Written reports, newest first; `files` is format → name."""
    r = tables.reports
    query = sa.select(r).order_by(r.c.date.desc())
    return [{**row, "files": from_json(row["files"])} for row in connection.execute(query).mappings()]


def audit_page(
    connection: sa.Connection, *, actor: str | None = None, limit: int = 50, cursor: str | None = None
) -> Page:
    """Who did what, newest first. Raises InvalidCursor."""
    conditions: Conditions = [] if actor is None else [tables.audit.c.actor == actor]
    found = page(
        connection,
        sa.select(tables.audit),
        tables.audit,
        _NEWEST_AUDIT,
        limit=limit,
        cursor=cursor,
        conditions=conditions,
    )
    for row in found.items:
        row["detail"] = from_json(row["detail"])
    return found


def changes_since(connection: sa.Connection, change_id: int, limit: int) -> list[dict[str, Any]]:
    """Changes after `change_id`, oldest first: `id`, `kind`, `subject`, `data` (JSON text)."""
    c = tables.changes
    query = sa.select(c).where(c.c.id > change_id).order_by(c.c.id).limit(limit)
    return [dict(row) for row in connection.execute(query).mappings()]


def change_bounds(connection: sa.Connection) -> tuple[int, int]:
    """The oldest and the newest change that can be had; (0, 0) while there is none."""
    c = tables.changes.c
    oldest = connection.execute(sa.select(sa.func.min(c.id))).scalar_one()
    newest = connection.execute(sa.select(sa.func.max(c.id))).scalar_one()
    return (oldest or 0, newest or 0)


def counts(connection: sa.Connection) -> dict[str, int]:
    """How many rows of each kind there are; of refused rows those that were not sent again since."""
    answer = {}
    for table in (tables.findings, tables.incidents, tables.cases, tables.quarantine, tables.sensors):
        query = sa.select(sa.func.count()).select_from(table)
        if table is tables.quarantine:
            query = query.where(tables.quarantine.c.replayed_at_ns.is_(None))
        answer[table.name] = int(connection.execute(query).scalar_one())
    return answer
