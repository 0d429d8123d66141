"""What lists can be narrowed by, and the conditions that follow from it."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Final

import sqlalchemy as sa

from monitoring.adapters.store import tables
from monitoring.cases.workflow import OPEN

Conditions = list[sa.ColumnElement[bool]]
Box = tuple[float, float, float, float]
TERMS_MAX: Final = 8
NOBODY: Final = "nobody"
"""In the place of an assignee: cases that nobody has taken."""


@dataclass(frozen=True)
class CaseFilter:
    """Which cases; times int64 ns UTC, kilometres along the line, box = west, south, east, north.

    `status` may hold `open` for every state that is not settled.
    """

    status: tuple[str, ...] = ()
    sector: tuple[str, ...] = ()
    party: tuple[str, ...] = ()
    rule_id: tuple[str, ...] = ()
    priority: tuple[int, ...] = ()
    assignee: str | None = None
    q: str | None = None
    from_ns: int | None = None
    to_ns: int | None = None
    updated_since_ns: int | None = None
    overdue_at_ns: int | None = None
    bbox: Box | None = None
    km_from: float | None = None
    km_to: float | None = None

    @property
    def is_narrow(self) -> bool:
        """Whether anything but the time of the last change is asked for."""
        return replace(self, updated_since_ns=None) != CaseFilter()

    def conditions(self) -> Conditions:
        """As conditions on `tables.cases`."""
        case = tables.cases.c
        found: Conditions = []
        if self.status:
            words = [word for word in self.status if word != "open"]
            if len(words) < len(self.status):
                words.extend(OPEN)
            if set(words) == set(OPEN):
                found.append(case.is_settled.is_(False))
            else:
                found.append(one_of(case.status, tuple(dict.fromkeys(words))))
        for column, values in ((case.sector, self.sector), (case.rule_id, self.rule_id)):
            if values:
                found.append(one_of(column, values))
        if self.party:
            found.append(party_of(case.party, self.party))
        if self.priority:
            found.append(case.priority.in_(self.priority))
        if self.assignee is not None:
            is_nobody = self.assignee == NOBODY
            found.append(case.assignee.is_(None) if is_nobody else case.assignee == self.assignee)
        if self.q:
            # instr() takes the words as they are: no character of a search is a wildcard.
            terms = self.q.casefold().split()[:TERMS_MAX]
            found += [sa.func.instr(case.search, term) > 0 for term in terms]
        if self.updated_since_ns is not None:
            found.append(case.updated_at_ns >= self.updated_since_ns)
        if self.overdue_at_ns is not None:
            found.append(case.due_at_ns < self.overdue_at_ns)
        found += overlapping(tables.cases, self.from_ns, self.to_ns)
        found += inside(tables.cases, self.bbox, self.km_from, self.km_to)
        return found


@dataclass(frozen=True)
class ResultFilter:
    """Which findings or incidents; `state` None means what was published (final and withdrawn)."""

    state: str | None = None
    rule_id: tuple[str, ...] = ()
    verdict: tuple[str, ...] = ()
    kind: tuple[str, ...] = ()
    sector: tuple[str, ...] = ()
    party: tuple[str, ...] = ()
    case: str | None = None
    incident_id: str | None = None
    from_ns: int | None = None
    to_ns: int | None = None
    updated_since_ns: int | None = None
    bbox: Box | None = None
    km_from: float | None = None
    km_to: float | None = None

    def conditions(self, table: sa.Table) -> Conditions:
        """As conditions on a table of findings or incidents."""
        found: Conditions = []
        if self.state is not None:
            found.append(table.c.state == self.state)
        for name in ("rule_id", "verdict", "kind", "sector"):
            values: tuple[str, ...] = getattr(self, name)
            if values and name in table.c:
                found.append(one_of(table.c[name], values))
        if self.party:
            found.append(party_of(table.c.party, self.party))
        if self.case is not None:
            found.append(self._of_case(table))
        if self.incident_id is not None:
            found.append(table.c.incident_id == self.incident_id)
        if self.updated_since_ns is not None:
            found.append(table.c.recorded_at_ns >= self.updated_since_ns)
        found += overlapping(table, self.from_ns, self.to_ns)
        found += inside(table, self.bbox, self.km_from, self.km_to)
        return found

    def _of_case(self, table: sa.Table) -> sa.ColumnElement[bool]:
        key = "finding_id" if "finding_id" in table.c else "incident_id"
        link = tables.case_links.c
        return table.c[key].in_(sa.select(link[key]).where(link.case_number == self.case))


@dataclass(frozen=True)
class CoverageFilter:
    """Which hours of coverage: sectors (`""` = outside all), kinds of happening, words of `schema.COVERAGE_WORDS`."""

    sector: tuple[str, ...] = ()
    kind: tuple[str, ...] = ()
    status: tuple[str, ...] = ()
    from_ns: int | None = None
    to_ns: int | None = None
    updated_since_ns: int | None = None

    def conditions(self) -> Conditions:
        """As conditions on `tables.coverage`; hours count that reach into [from, to)."""
        column = tables.coverage.c
        found: Conditions = []
        for name in ("sector", "kind", "status"):
            values: tuple[str, ...] = getattr(self, name)
            if values:
                found.append(one_of(column[name], values))
        if self.from_ns is not None:
            found.append(column.time_end_ns > self.from_ns)
        if self.to_ns is not None:
            found.append(column.time_start_ns < self.to_ns)
        if self.updated_since_ns is not None:
            found.append(column.recorded_at_ns >= self.updated_since_ns)
        return found


def one_of(column: sa.ColumnElement[str], values: Sequence[str]) -> sa.ColumnElement[bool]:
    """The column is one of the values; one value is an equality, which keeps an index in order."""
    return column == values[0] if len(values) == 1 else column.in_(values)


def party_of(column: sa.ColumnElement[str], values: Sequence[str]) -> sa.ColumnElement[bool]:
    """The column is one of the parties; `undetermined` is where no party is known."""
    known = tuple(v for v in values if v != "undetermined")
    if len(known) == len(values):
        return one_of(column, known)
    return column.is_(None) | column.in_(known) if known else column.is_(None)


def overlapping(table: sa.Table, from_ns: int | None, to_ns: int | None) -> Conditions:
    """What lasted into [from, to)."""
    found: Conditions = []
    if from_ns is not None:
        found.append(table.c.time_end_ns >= from_ns)
    if to_ns is not None:
        found.append(table.c.time_start_ns < to_ns)
    return found


def inside(table: sa.Table, bbox: Box | None, km_from: float | None, km_to: float | None) -> Conditions:
    """What lies in the box (west > east: across the antimeridian) and between the kilometres."""
    found: Conditions = []
    if bbox is not None:
        west, south, east, north = bbox
        found.append(table.c.lat.between(south, north))
        if west <= east:
            found.append(table.c.lon.between(west, east))
        else:
            found.append((table.c.lon >= west) | (table.c.lon <= east))
    if km_from is not None:
        found.append(table.c.chainage_m >= km_from * 1_000)
    if km_to is not None:
        found.append(table.c.chainage_m <= km_to * 1_000)
    return found
