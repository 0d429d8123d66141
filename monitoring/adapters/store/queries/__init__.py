"""Everything that can be asked of the store, from any thread; each call reads one consistent state."""

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any, Concatenate, ParamSpec, TypeVar

import pyarrow as pa
import sqlalchemy as sa

from monitoring.adapters.store.queries import cases, coverage, intake, results
from monitoring.adapters.store.queries.filters import Box, CaseFilter, CoverageFilter, ResultFilter
from monitoring.adapters.store.queries.paging import InvalidCursor, Page
from monitoring.cases.workflow import Case

__all__ = ["CaseFilter", "CoverageFilter", "InvalidCursor", "Page", "Queries", "ResultFilter"]

P = ParamSpec("P")
T = TypeVar("T")
Rows = list[dict[str, Any]]


class Queries:
    """The reading half of the store."""

    def __init__(self, readers: sa.Engine) -> None:
        self._readers = readers
        self._cases_version: int | None = None
        """Grows with each commit that changed a case; None where another process writes."""
        self._standing: tuple[int, list[tuple[str, str | None, int]]] | None = None

    def case_page(
        self, chosen: CaseFilter, *, sort: str = "priority", limit: int = 50, cursor: str | None = None
    ) -> Page:
        """One page of the queue (`cases.ORDERS` names the sorts). Raises InvalidCursor."""
        return self._read(cases.case_page, chosen, sort=sort, limit=limit, cursor=cursor)

    def case_counts(self, me: str | None, now_ns: int) -> dict[str, Any]:
        """`open`, `overdue`, `mine`, `by_status` over all cases."""
        version = self._cases_version
        remembered = self._standing
        if version is None or remembered is None or remembered[0] != version:
            remembered = (version or 0, self._read(cases.case_standing))
            self._standing = remembered
        overdue = self._read(cases.overdue_count, now_ns)
        return {**cases.counts_of(remembered[1], me), "overdue": overdue}

    def case(self, number: str) -> dict[str, Any]:
        """One case as the queue shows it. Raises NotFound."""
        return self._read(cases.case_row, number)

    def case_file(self, number: str, results_max: int = 500) -> dict[str, Any]:
        """A case with all that belongs to it, of one moment. Raises NotFound.

        `row`, `state` (for the workflow), `timeline`, `findings`, `incidents` (at most `results_max` each).
        """
        with self._reading() as connection:
            return {
                "row": cases.case_row(connection, number),
                "state": cases.case_state(connection, number),
                "timeline": cases.case_timeline(connection, number),
                **results.case_results(connection, number, results_max),
            }

    def case_state(self, number: str) -> Case:
        """The case as the workflow sees it. Raises NotFound."""
        return self._read(cases.case_state, number)

    def case_timeline(self, number: str) -> Rows:
        """What happened to a case, oldest first."""
        return self._read(cases.case_timeline, number)

    def case_links(self, number: str) -> Rows:
        """Which findings and incidents a case is about."""
        return self._read(cases.case_links, number)

    def finding_page(
        self, chosen: ResultFilter, *, sort: str = "-time", limit: int = 50, cursor: str | None = None
    ) -> Page:
        """One page of findings with their case's number. Raises InvalidCursor."""
        return self._read(results.finding_page, chosen, sort=sort, limit=limit, cursor=cursor)

    def incident_page(
        self, chosen: ResultFilter, *, sort: str = "-time", limit: int = 50, cursor: str | None = None
    ) -> Page:
        """One page of incidents with their case's number. Raises InvalidCursor."""
        return self._read(results.incident_page, chosen, sort=sort, limit=limit, cursor=cursor)

    def finding(self, finding_id: str) -> dict[str, Any] | None:
        """One finding at its present revision."""
        return self._read(results.finding, finding_id)

    def incident(self, incident_id: str) -> dict[str, Any] | None:
        """One incident at its present revision."""
        return self._read(results.incident, incident_id)

    def revisions(self, kind: str, subject: str) -> Rows:
        """Every published revision of a `finding` or `incident`, oldest first."""
        return self._read(results.revisions, kind, subject)

    def marks(self, from_ns: int | None, to_ns: int | None, limit: int) -> Rows:
        """Light marks of incidents for the unrolled line."""
        return self._read(results.marks, from_ns, to_ns, limit)

    def member_events(self, incident_ids: Sequence[str], limit: int = 5_000) -> Rows:
        """Which events make up some incidents."""
        return self._read(results.member_events, incident_ids, limit)

    def time_span(self) -> tuple[int, int] | None:
        """First and last event time of anything published, ns UTC."""
        return self._read(results.time_span)

    def findings_table(
        self,
        *,
        from_ns: int | None = None,
        to_ns: int | None = None,
        subject_keys: Sequence[str] | None = None,
        incident_ids: Sequence[str] | None = None,
        bbox: Box | None = None,
        rule_id: str | None = None,
    ) -> pa.Table:
        """Published findings (final and withdrawn) as `schema.FINDINGS`."""
        return self._read(
            results.findings_table,
            from_ns=from_ns,
            to_ns=to_ns,
            subject_keys=subject_keys,
            incident_ids=incident_ids,
            bbox=bbox,
            rule_id=rule_id,
        )

    def incidents_table(
        self,
        *,
        from_ns: int | None = None,
        to_ns: int | None = None,
        incident_ids: Sequence[str] | None = None,
        bbox: Box | None = None,
    ) -> pa.Table:
        """Published incidents (final and withdrawn) as `schema.INCIDENTS`."""
        return self._read(
            results.incidents_table,
            from_ns=from_ns,
            to_ns=to_ns,
            incident_ids=incident_ids,
            bbox=bbox,
        )

    def members_table(self, incident_ids: Sequence[str]) -> pa.Table:
        """Memberships of some incidents as `schema.MEMBERS`."""
        return self._read(results.members_table, incident_ids)

    def coverage_page(
        self, chosen: CoverageFilter, *, sort: str = "-time", limit: int = 50, cursor: str | None = None
    ) -> Page:
        """One page of what was watched, by hour, sector and kind of happening. Raises InvalidCursor."""
        return self._read(coverage.coverage_page, chosen, sort=sort, limit=limit, cursor=cursor)

    def coverage_table(self, from_ns: int, to_ns: int) -> pa.Table:
        """What was watched in the hours that reach into [from, to), as `schema.COVERAGE`."""
        return self._read(coverage.coverage_table, from_ns, to_ns)

    def has_coverage(self) -> bool:
        """Whether any coverage was computed."""
        return self._read(coverage.has_coverage)

    def receipt(self, receipt_id: str) -> dict[str, Any] | None:
        """A receipt: `principal`, `body`."""
        return self._read(intake.receipt, receipt_id)

    def receipts_about(self, from_ns: int, to_ns: int) -> Rows:
        """Bodies of the receipts of deliveries with accepted events in [from_ns, to_ns)."""
        return self._read(intake.receipts_about, from_ns, to_ns)

    def quarantine_page(
        self,
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
        """Refused rows with their original bytes. Raises InvalidCursor."""
        return self._read(
            intake.quarantine_page,
            reason=reason,
            receipt_id=receipt_id,
            is_open_only=is_open_only,
            from_ns=from_ns,
            to_ns=to_ns,
            newest_first=newest_first,
            limit=limit,
            cursor=cursor,
        )

    def quarantined(self, keys: Sequence[tuple[int, int]]) -> Rows:
        """The refused rows at these (journal_seq, row), in their order."""
        return self._read(intake.quarantined, keys)

    def quarantine_counts(
        self, *, is_open_only: bool = False, from_ns: int | None = None, to_ns: int | None = None
    ) -> dict[str, int]:
        """How many rows were refused for which reason; `is_open_only` leaves out what was sent again since."""
        return self._read(intake.quarantine_counts, is_open_only=is_open_only, from_ns=from_ns, to_ns=to_ns)

    def sensors(self) -> Rows:
        """The registry with what each sensor last delivered."""
        return self._read(intake.sensors)

    def references(self, kind: str | None = None) -> Rows:
        """Versions of line, agreement and area."""
        return self._read(intake.references, kind)

    def reports(self) -> Rows:
        """Written reports, newest first."""
        return self._read(intake.reports)

    def audit_page(self, *, actor: str | None = None, limit: int = 50, cursor: str | None = None) -> Page:
        """Who did what, newest first. Raises InvalidCursor."""
        return self._read(intake.audit_page, actor=actor, limit=limit, cursor=cursor)

    def changes_since(self, change_id: int, limit: int = 500) -> Rows:
        """Changes after `change_id`, oldest first; `data` is JSON text."""
        return self._read(intake.changes_since, change_id, limit)

    def change_bounds(self) -> tuple[int, int]:
        """The oldest and the newest change that can be had."""
        return self._read(intake.change_bounds)

    def counts(self) -> dict[str, int]:
        """How many findings, incidents, cases, quarantined rows and sensors there are."""
        return self._read(intake.counts)

    def _read(
        self, query: Callable[Concatenate[sa.Connection, P], T], *args: P.args, **kwargs: P.kwargs
    ) -> T:
        with self._reading() as connection:
            return query(connection, *args, **kwargs)

    @contextmanager
    def _reading(self) -> Iterator[sa.Connection]:
        with self._readers.begin() as connection:
            yield connection
