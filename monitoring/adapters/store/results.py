"""Writing what the engine published: findings, incidents, memberships, and the provisional view.

Arrow tables become rows in bulk. A revision that arrives for a known id moves the older one to
`superseded_*`; the same or an older revision again changes nothing, so that applying a record twice is
harmless by itself.
"""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Final

import pyarrow as pa
import sqlalchemy as sa

from monitoring.adapters.store import tables
from monitoring.adapters.store.canonical import to_json

Row = dict[str, Any]
IDS_PER_QUERY: Final = 500
"""Ids in one `IN (…)`: far below SQLite's limit of variables."""
INSERT_ROWS: Final = 5_000


def rows_of(table: pa.Table) -> list[Row]:
    """The rows of a table as dictionaries; lists become JSON text. O(rows x columns), columns at a time."""
    columns: list[list[Any]] = []
    for name in table.column_names:
        column = table.column(name)
        values = column.to_pylist()
        if pa.types.is_list(column.type):
            values = [to_json(v if v is not None else []) for v in values]
        columns.append(values)
    names = table.column_names
    return [dict(zip(names, values, strict=True)) for values in zip(*columns, strict=True)]


def in_parts(values: Sequence[str]) -> Iterable[Sequence[str]]:
    """The values in parts that fit one query."""
    for start in range(0, len(values), IDS_PER_QUERY):
        yield values[start : start + IDS_PER_QUERY]


def insert(connection: sa.Connection, table: sa.Table, rows: Sequence[Row]) -> None:
    """Insert all rows with one prepared statement."""
    statement = sa.insert(table)
    for start in range(0, len(rows), INSERT_ROWS):
        connection.execute(statement, rows[start : start + INSERT_ROWS])


def publish(
    connection: sa.Connection,
    current: sa.Table,
    superseded: sa.Table,
    id_column: str,
    results: pa.Table,
    *,
    journal_seq: int,
    at_ns: int,
) -> list[Row]:
    """Write finals and amendments; the rows that are new or newer, in the order given."""
    newest: dict[str, Row] = {}
    for row in rows_of(results):
        known = newest.get(row[id_column])
        if known is None or row["revision"] >= known["revision"]:
            newest[row[id_column]] = row
    if not newest:
        return []
    key = current.c[id_column]
    present: dict[str, int] = {}
    for part in in_parts(list(newest)):
        found = connection.execute(sa.select(key, current.c.revision).where(key.in_(part)))
        present.update({str(i): int(r) for i, r in found})
    changed = [r for i, r in newest.items() if i not in present or r["revision"] > present[i]]
    replaced = [r[id_column] for r in changed if r[id_column] in present]
    names = [c.name for c in current.columns]
    for part in in_parts(replaced):
        older = sa.select(*(current.c[n] for n in names)).where(key.in_(part))
        connection.execute(sa.insert(superseded).prefix_with("OR IGNORE").from_select(names, older))
        connection.execute(sa.delete(current).where(key.in_(part)))
    for row in changed:
        row["journal_seq"] = journal_seq
        row["recorded_at_ns"] = at_ns
    insert(connection, current, changed)
    return changed


def publish_coverage(connection: sa.Connection, coverage: pa.Table, *, journal_seq: int, at_ns: int) -> None:
    """Write what was watched in some hours; a newer revision moves the older one to `superseded_coverage`."""
    newest: dict[tuple[str, str, int], Row] = {}
    for row in rows_of(coverage):
        key = (row["sector"], row["kind"], row["time_start_ns"])
        if key not in newest or row["revision"] >= newest[key]["revision"]:
            newest[key] = row | {"journal_seq": journal_seq, "recorded_at_ns": at_ns}
    current, superseded = tables.coverage, tables.superseded_coverage
    names = [c.name for c in current.columns]
    for hour in sorted({start_ns for _, _, start_ns in newest}):
        own = {key: row for key, row in newest.items() if key[2] == hour}
        of_hour = current.c.time_start_ns == hour
        found = connection.execute(sa.select(current).where(of_hour)).mappings()
        known = {(row["sector"], row["kind"], row["time_start_ns"]): dict(row) for row in found}
        older = [row for key, row in known.items() if key in own and row["revision"] < own[key]["revision"]]
        if older:
            connection.execute(sa.insert(superseded).prefix_with("OR IGNORE"), older)
        fresh = [row for key, row in own.items() if key not in known or known[key] in older]
        if fresh:
            connection.execute(
                sa.insert(current).prefix_with("OR REPLACE"), [{n: row[n] for n in names} for row in fresh]
            )


def replace_members(connection: sa.Connection, members: pa.Table) -> None:
    """Each incident named in `members` has exactly these members from now on."""
    rows = rows_of(members)
    for part in in_parts(list(dict.fromkeys(row["incident_id"] for row in rows))):
        connection.execute(sa.delete(tables.members).where(tables.members.c.incident_id.in_(part)))
    insert(connection, tables.members, rows)


def replace_provisional(
    connection: sa.Connection,
    table: sa.Table,
    id_column: str,
    results: pa.Table,
    *,
    journal_seq: int,
    at_ns: int,
) -> tuple[list[Row], list[str]]:
    """Make the provisional view equal to `results`; what differs in it now, and which ids are gone."""
    before = {row[id_column]: dict(row) for row in connection.execute(sa.select(table)).mappings()}
    after = {row[id_column]: row for row in rows_of(results)}
    gone = [i for i in before if i not in after]
    changed = [row for i, row in after.items() if i not in before or _differs(row, before[i])]
    stale = gone + [row[id_column] for row in changed if row[id_column] in before]
    for part in in_parts(stale):
        connection.execute(sa.delete(table).where(table.c[id_column].in_(part)))
    for row in changed:
        row["journal_seq"] = journal_seq
        row["recorded_at_ns"] = at_ns
    insert(connection, table, changed)
    return changed, gone


def _differs(row: Row, before: Mapping[str, Any]) -> bool:
    return any(before[name] != value for name, value in row.items())
