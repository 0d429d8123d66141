"""Reading findings and incidents: pages, single ones, memberships, and whole periods as Arrow tables."""

from collections.abc import Sequence
from typing import Any, Final

import msgspec
import pyarrow as pa
import sqlalchemy as sa

from monitoring import schema
from monitoring.adapters.store import tables
from monitoring.adapters.store.canonical import from_json
from monitoring.adapters.store.queries.filters import Box, ResultFilter, inside, overlapping
from monitoring.adapters.store.queries.paging import Order, Page, page
from monitoring.adapters.store.results import in_parts

FETCH_ROWS: Final = 20_000
_decode_list: Final = msgspec.json.Decoder(list[str]).decode
_LISTS: Final = ("sensor_ids", "event_ids", "reasons", "detail", "phenomena")
_FINDINGS: Final = (tables.findings, tables.provisional_findings, "finding_id")
_INCIDENTS: Final = (tables.incidents, tables.provisional_incidents, "incident_id")


def finding_page(
    connection: sa.Connection, chosen: ResultFilter, *, sort: str, limit: int, cursor: str | None
) -> Page:
    """One page of findings, newest happening first by default. Raises InvalidCursor."""
    return _page(connection, _FINDINGS, chosen, sort=sort, limit=limit, cursor=cursor)


def incident_page(
    connection: sa.Connection, chosen: ResultFilter, *, sort: str, limit: int, cursor: str | None
) -> Page:
    """One page of incidents, newest first by default. Raises InvalidCursor."""
    return _page(connection, _INCIDENTS, chosen, sort=sort, limit=limit, cursor=cursor)


RESULT_SORTS: Final = ("-time", "time", "updated")


def _order(key: str, sort: str) -> Order:
    if sort == "updated":
        return Order(sort, ("recorded_at_ns", key))
    return Order(sort, ("time_start_ns", key), is_descending=sort == "-time")


def _page(
    connection: sa.Connection,
    kind: tuple[sa.Table, sa.Table, str],
    chosen: ResultFilter,
    *,
    sort: str,
    limit: int,
    cursor: str | None,
) -> Page:
    published, provisional, key = kind
    table = provisional if chosen.state == "provisional" else published
    found = page(
        connection,
        sa.select(table, _case_number(table, key)),
        table,
        _order(key, sort),
        limit=limit,
        cursor=cursor,
        conditions=chosen.conditions(table),
    )
    for row in found.items:
        _open_up(row)
    return found


def finding(connection: sa.Connection, finding_id: str) -> dict[str, Any] | None:
    """One finding at its present revision with its case's number; provisional if nothing is published."""
    return _one(connection, _FINDINGS, finding_id)


def incident(connection: sa.Connection, incident_id: str) -> dict[str, Any] | None:
    """One incident at its present revision with its case's number; provisional if nothing is published."""
    return _one(connection, _INCIDENTS, incident_id)


def _one(
    connection: sa.Connection, kind: tuple[sa.Table, sa.Table, str], subject: str
) -> dict[str, Any] | None:
    published, provisional, key = kind
    for table in (published, provisional):
        query = sa.select(table, _case_number(table, key)).where(table.c[key] == subject)
        row = connection.execute(query).mappings().one_or_none()
        if row is not None:
            return _open_up(dict(row))
    return None


def case_results(connection: sa.Connection, number: str, limit: int) -> dict[str, list[dict[str, Any]]]:
    """The findings and incidents of a case in order of time, at most `limit` of each."""
    answer = {}
    for name, (table, _, key) in (("findings", _FINDINGS), ("incidents", _INCIDENTS)):
        query = (
            sa.select(table, _case_number(table, key))
            .where(*ResultFilter(case=number).conditions(table))
            .order_by(table.c.time_start_ns, table.c[key])
            .limit(limit)
        )
        answer[name] = [_open_up(dict(row)) for row in connection.execute(query).mappings()]
    return answer


def revisions(connection: sa.Connection, kind: str, subject: str) -> list[dict[str, Any]]:
    """Every published revision of a `finding` or `incident`, oldest first."""
    key = f"{kind}_id"
    current, older = {
        "finding": (tables.findings, tables.superseded_findings),
        "incident": (tables.incidents, tables.superseded_incidents),
    }[kind]
    both = sa.union_all(
        sa.select(older).where(older.c[key] == subject),
        sa.select(current).where(current.c[key] == subject),
    )
    rows = [_open_up(dict(row)) for row in connection.execute(both).mappings()]
    return sorted(rows, key=lambda row: row["revision"])


def marks(
    connection: sa.Connection, from_ns: int | None, to_ns: int | None, limit: int
) -> list[dict[str, Any]]:
    """Light marks for the unrolled line: published and provisional incidents that have a place along it."""
    found: list[dict[str, Any]] = []
    seen: set[str] = set()
    for table in (tables.incidents, tables.provisional_incidents):
        c = table.c
        verdict = (
            sa.select(sa.func.min(tables.findings.c.verdict))
            .where(tables.findings.c.incident_id == c.incident_id, tables.findings.c.verdict == "violation")
            .scalar_subquery()
        )
        query = (
            sa.select(
                c.incident_id,
                c.state,
                c.kind,
                c.time_start_ns,
                c.chainage_m,
                c.party,
                c.violations_smm,
                c.event_count,
                verdict.label("verdict"),
                _case_number(table, "incident_id"),
            )
            .where(c.chainage_m.is_not(None), c.state != "withdrawn", *overlapping(table, from_ns, to_ns))
            .order_by(c.time_start_ns.desc())
            .limit(limit - len(found))
        )
        for row in connection.execute(query).mappings():
            if row["incident_id"] not in seen:
                seen.add(row["incident_id"])
                found.append(dict(row))
    return found


def member_events(connection: sa.Connection, incident_ids: Sequence[str], limit: int) -> list[dict[str, Any]]:
    """The events of some incidents (`sensor_id`, `id`, `phenomenon`, `residual_m`), at most `limit`."""
    member = tables.members.c
    found: list[dict[str, Any]] = []
    for part in in_parts(list(incident_ids)):
        query = (
            sa.select(tables.members)
            .where(member.incident_id.in_(part))
            .order_by(member.incident_id, member.phenomenon, member.sensor_id, member.id)
            .limit(limit - len(found))
        )
        found += [dict(row) for row in connection.execute(query).mappings()]
    return found


def time_span(connection: sa.Connection) -> tuple[int, int] | None:
    """The first and the last event time of anything published, ns UTC; None while there is nothing."""
    spans = []
    for table in (tables.findings, tables.incidents):
        query = sa.select(sa.func.min(table.c.time_start_ns), sa.func.max(table.c.time_start_ns))
        spans.append(connection.execute(query).one())
    starts = [s for s, _ in spans if s is not None]
    ends = [e for _, e in spans if e is not None]
    return (min(starts), max(ends)) if starts else None


def findings_table(
    connection: sa.Connection,
    *,
    from_ns: int | None = None,
    to_ns: int | None = None,
    subject_keys: Sequence[str] | None = None,
    incident_ids: Sequence[str] | None = None,
    bbox: Box | None = None,
    rule_id: str | None = None,
) -> pa.Table:
    """Published findings as `schema.FINDINGS`, in order of time and id: what lasted into [from, to)."""
    table = tables.findings
    conditions = [*overlapping(table, from_ns, to_ns), *inside(table, bbox, None, None)]
    if rule_id is not None:
        conditions.append(table.c.rule_id == rule_id)
    if subject_keys is not None:
        return _in_parts(connection, table, schema.FINDINGS, "subject_key", subject_keys, conditions)
    if incident_ids is not None:
        return _in_parts(connection, table, schema.FINDINGS, "incident_id", incident_ids, conditions)
    return read_arrow(connection, table, schema.FINDINGS, conditions)


def incidents_table(
    connection: sa.Connection,
    *,
    from_ns: int | None = None,
    to_ns: int | None = None,
    incident_ids: Sequence[str] | None = None,
    bbox: Box | None = None,
) -> pa.Table:
    """Published incidents as `schema.INCIDENTS`, in order of time and id: what lasted into [from, to)."""
    table = tables.incidents
    conditions = [*overlapping(table, from_ns, to_ns), *inside(table, bbox, None, None)]
    if incident_ids is not None:
        return _in_parts(connection, table, schema.INCIDENTS, "incident_id", incident_ids, conditions)
    return read_arrow(connection, table, schema.INCIDENTS, conditions)


def members_table(connection: sa.Connection, incident_ids: Sequence[str]) -> pa.Table:
    """Memberships of some incidents as `schema.MEMBERS`."""
    return _in_parts(connection, tables.members, schema.MEMBERS, "incident_id", incident_ids, [])


def _in_parts(
    connection: sa.Connection,
    table: sa.Table,
    arrow: pa.Schema,
    name: str,
    values: Sequence[str],
    conditions: Sequence[sa.ColumnElement[bool]],
) -> pa.Table:
    parts = [
        read_arrow(connection, table, arrow, [*conditions, table.c[name].in_(part)])
        for part in in_parts(list(dict.fromkeys(values)))
    ]
    return pa.concat_tables(parts) if parts else arrow.empty_table()


def read_arrow(
    connection: sa.Connection,
    table: sa.Table,
    arrow: pa.Schema,
    conditions: Sequence[sa.ColumnElement[bool]],
) -> pa.Table:
    """The rows of a table under conditions with the columns of a schema, in order of time and key."""
    order = [table.c[n] for n in ("time_start_ns",) if n in table.c] + list(table.primary_key)
    query = sa.select(*(table.c[name] for name in arrow.names)).where(*conditions).order_by(*order)
    result = connection.execute(query)
    cursor = result.cursor
    assert cursor is not None
    batches = []
    # Rows are taken from the driver as plain tuples: there may be a million of them.
    while rows := cursor.fetchmany(FETCH_ROWS):
        columns = zip(arrow, zip(*rows, strict=True), strict=True)
        batches.append(pa.record_batch([_array(field.type, cells) for field, cells in columns], schema=arrow))
    result.close()
    return pa.Table.from_batches(batches, schema=arrow)


def _array(kind: pa.DataType, cells: Sequence[Any]) -> pa.Array:
    if pa.types.is_list(kind):
        return pa.array([_decode_list(text) for text in cells], type=kind)
    if pa.types.is_boolean(kind):
        return pa.array(cells, type=pa.int8()).cast(pa.bool_())
    return pa.array(cells, type=kind)


def _case_number(table: sa.Table, key: str) -> sa.Label[str]:
    link = tables.case_links.c
    return (
        sa.select(sa.func.min(link.case_number))
        .where(link[key] == table.c[key])
        .scalar_subquery()
        .label("case_number")
    )


def _open_up(row: dict[str, Any]) -> dict[str, Any]:
    for name in _LISTS:
        if name in row:
            row[name] = from_json(row[name])
    return row
