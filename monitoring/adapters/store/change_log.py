"""What the live feed tells: one small row for each thing that changed, written with the change itself."""

from collections.abc import Iterable, Mapping
from typing import Any, Final

import sqlalchemy as sa

from monitoring.adapters.store import tables
from monitoring.adapters.store.canonical import to_json

KEPT: Final = 200_000
"""How many changes a subscriber can catch up on; older ones are let go."""
PRUNED_EVERY: Final = 10_000

FINDING_FIELDS: Final = (
    "revision",
    "state",
    "rule_id",
    "verdict",
    "time_start_ns",
    "time_end_ns",
    "lon",
    "lat",
    "chainage_m",
    "sector",
    "party",
    "incident_id",
)
INCIDENT_FIELDS: Final = (
    "revision",
    "state",
    "kind",
    "time_start_ns",
    "time_end_ns",
    "lon",
    "lat",
    "chainage_m",
    "sector",
    "party",
    "summary",
)
CASE_FIELDS: Final = (
    "status",
    "version",
    "rule_id",
    "party",
    "sector",
    "chainage_m",
    "priority",
    "assignee",
    "summary",
)


class ChangeLog:
    """Collects the changes of one transaction and writes them at its end."""

    def __init__(self, connection: sa.Connection) -> None:
        self._connection = connection
        self._rows: list[dict[str, str]] = []

    def add(self, kind: str, subject: str, data: Mapping[str, Any]) -> None:
        """Note that `subject` changed."""
        self._rows.append({"kind": kind, "subject": subject, "data": to_json({"id": subject, **data})})

    def add_rows(
        self, kind: str, key: str, rows: Iterable[Mapping[str, Any]], fields: tuple[str, ...]
    ) -> None:
        """Note that each row changed, with some of its fields."""
        for row in rows:
            self.add(kind, row[key], {name: row[name] for name in fields})

    def write(self) -> int | None:
        """Append what was collected; the newest id, None when nothing changed."""
        if not self._rows:
            return None
        self._connection.execute(sa.insert(tables.changes), self._rows)
        newest = self._connection.execute(sa.select(sa.func.max(tables.changes.c.id))).scalar_one()
        if newest // PRUNED_EVERY != (newest - len(self._rows)) // PRUNED_EVERY:
            self._connection.execute(sa.delete(tables.changes).where(tables.changes.c.id <= newest - KEPT))
        return int(newest)
