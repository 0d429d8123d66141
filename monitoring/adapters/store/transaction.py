"""One journal record's effects on the store: all of them and the offset, or nothing."""

from collections.abc import Mapping, Sequence
from typing import Any, Protocol

import pyarrow as pa
import sqlalchemy as sa

from monitoring.adapters.store import intake, people, results, tables
from monitoring.adapters.store.canonical import to_json
from monitoring.adapters.store.case_files import CaseFiles
from monitoring.adapters.store.casework import carry_out
from monitoring.adapters.store.change_log import FINDING_FIELDS, INCIDENT_FIELDS, ChangeLog
from monitoring.adapters.store.intake import QuarantinedRow, SensorSeen
from monitoring.cases.workflow import Procedure


class Output(Protocol):
    """What the engine gives: tables of `monitoring.schema`."""

    @property
    def findings(self) -> pa.Table: ...
    @property
    def incidents(self) -> pa.Table: ...
    @property
    def members(self) -> pa.Table: ...
    @property
    def filings(self) -> pa.Table: ...
    @property
    def coverage(self) -> pa.Table: ...


class Transaction:
    """What may be written while one record is applied.

    `is_new` is False when the record's effects are in the store already: then every method does nothing,
    so that a record can be applied again after a crash without a second effect.
    """

    def __init__(
        self,
        connection: sa.Connection,
        procedure: Procedure,
        *,
        journal_seq: int,
        at_ns: int,
        is_new: bool,
    ) -> None:
        self.journal_seq = journal_seq
        self.at_ns = at_ns
        self.is_new = is_new
        self._connection = connection
        self._procedure = procedure
        self._changes = ChangeLog(connection)
        self._cases = CaseFiles(connection, self._changes, procedure, journal_seq=journal_seq, at_ns=at_ns)
        self._audit_count = 0
        self.has_changed_cases = False

    def apply(self, output: Output) -> None:
        """Finals, amendments and filings. `members` names all members of each incident that it names."""
        if not self.is_new:
            return
        position = {"journal_seq": self.journal_seq, "at_ns": self.at_ns}
        found = results.publish(
            self._connection,
            tables.findings,
            tables.superseded_findings,
            "finding_id",
            output.findings,
            **position,
        )
        happened = results.publish(
            self._connection,
            tables.incidents,
            tables.superseded_incidents,
            "incident_id",
            output.incidents,
            **position,
        )
        results.replace_members(self._connection, output.members)
        results.publish_coverage(self._connection, output.coverage, **position)
        self._cases.mark_amended(found, happened)
        self._cases.file(output.filings)
        self._changes.add_rows("finding", "finding_id", found, FINDING_FIELDS)
        self._changes.add_rows("incident", "incident_id", happened, INCIDENT_FIELDS)

    def replace_provisional(self, output: Output) -> None:
        """Make the provisional view equal to `output`; only what differs is written and told.

        It is no effect of the record and is therefore done even when the record was applied before.
        """
        for kind, table, key, rows, fields in (
            ("finding", tables.provisional_findings, "finding_id", output.findings, FINDING_FIELDS),
            ("incident", tables.provisional_incidents, "incident_id", output.incidents, INCIDENT_FIELDS),
        ):
            changed, gone = results.replace_provisional(
                self._connection, table, key, rows, journal_seq=self.journal_seq, at_ns=self.at_ns
            )
            self._changes.add_rows(kind, key, changed, fields)
            for subject in gone:
                self._changes.add(kind, subject, {"state": "gone"})

    def receipt(self, receipt: Mapping[str, Any], *, principal: str) -> None:
        """Keep a receipt (`receipt_id`, `journal_from`, `journal_to`, …); a later one takes its place."""
        if self.is_new:
            intake.keep_receipt(self._connection, receipt, principal=principal, at_ns=self.at_ns)

    def quarantine(self, rows: Sequence[QuarantinedRow], *, receipt_id: str | None = None) -> None:
        """Keep the record's refused rows with their reasons and original bytes."""
        if not self.is_new or not rows:
            return
        intake.quarantine(
            self._connection,
            rows,
            journal_seq=self.journal_seq,
            receipt_id=receipt_id,
            at_ns=self.at_ns,
        )
        self._changes.add("status", "quarantine", {"rejected": len(rows)})

    def replayed(self, keys: Sequence[tuple[int, int]]) -> None:
        """Mark quarantined rows, as (journal_seq, row), as sent through the door again."""
        if not self.is_new or not keys:
            return
        table = tables.quarantine
        self._connection.execute(
            sa.update(table)
            .where(table.c.journal_seq == sa.bindparam("seq"), table.c.row == sa.bindparam("at"))
            .values(replayed_at_ns=self.at_ns),
            [{"seq": seq, "at": row} for seq, row in keys],
        )

    def registry(self, sensor: Mapping[str, Any], *, actor: str) -> None:
        """Put a sensor into the registry or change it."""
        if not self.is_new:
            return
        intake.register(self._connection, sensor, at_ns=self.at_ns)
        self._audit(actor, "register_sensor", sensor["id"], sensor)
        self._changes.add("sensor", sensor["id"], {"type": sensor["type"], "state": "registered"})

    def seen(self, sensors: Sequence[SensorSeen]) -> None:
        """Bring the status of the sensors forward that delivered in this record."""
        if not self.is_new:
            return
        intake.saw(self._connection, sensors, at_ns=self.at_ns)
        for one in sensors:
            if one.last_status is not None:
                self._changes.add("sensor", one.sensor_id, {"state": one.last_status})

    def action(self, action: Mapping[str, Any]) -> dict[str, Any] | None:
        """Carry out what a person did; with a `case` it moves the case, any other is only audited.

        Returns `{"case", "version", "decision_id"}` for a case. Raises the errors of
        `monitoring.cases.errors`.
        """
        if not self.is_new:
            return None
        answer: dict[str, Any] | None = None
        if "case" in action:
            result = carry_out(self._connection, self._cases, action, self.at_ns, self._procedure)
            decision_id = None if result.decision is None else result.decision.id
            answer = {
                "case": result.case.number,
                "version": result.case.version,
                "decision_id": decision_id,
            }
        subject = str(action.get("case") or action.get("subject") or "")
        self._audit(str(action["actor"]), str(action["action"]), subject, action)
        return answer

    def account(self, record: Mapping[str, Any], *, actor: str) -> None:
        """Apply an account record (see `people.change`)."""
        if not self.is_new:
            return
        subject = people.change(self._connection, record, at_ns=self.at_ns)
        told = {k: v for k, v in record.items() if k not in ("secret_hash", "sha256")}
        self._audit(actor, f"account_{record['op']}", subject, told)

    def reference(
        self,
        kind: str,
        version: str,
        *,
        label: str,
        body: Any,
        valid_from_ns: int,
        valid_to_ns: int | None = None,
        actor: str,
    ) -> None:
        """Keep a version of line, agreement or area."""
        if not self.is_new:
            return
        intake.keep_reference(
            self._connection,
            kind,
            version,
            label=label,
            body=body,
            valid_from_ns=valid_from_ns,
            valid_to_ns=valid_to_ns,
            journal_seq=self.journal_seq,
        )
        detail = {"version": version, "label": label, "valid_from_ns": valid_from_ns}
        self._audit(actor, f"load_{kind}", version, detail)
        self._changes.add("status", kind, {"version": version, "label": label})

    def report(
        self, date: str, *, from_ns: int, to_ns: int, files: Mapping[str, str], is_sealed: bool
    ) -> None:
        """Note a written report: `files` is format → name inside the home's reports folder."""
        if not self.is_new:
            return
        self._connection.execute(
            sa.insert(tables.reports)
            .prefix_with("OR REPLACE")
            .values(
                date=date,
                from_ns=from_ns,
                to_ns=to_ns,
                is_sealed=is_sealed,
                files=to_json(dict(files)),
                written_at_ns=self.at_ns,
            )
        )
        self._changes.add("status", "report", {"date": date})

    def status(self, subject: str, data: Mapping[str, Any]) -> None:
        """Tell the live feed something about the system."""
        if self.is_new:
            self._changes.add("status", subject, data)

    def finish(self) -> int | None:
        """Write cases, changes and the offset; called once by the store. The newest change's id."""
        self.has_changed_cases = self._cases.save() > 0
        newest = self._changes.write()
        if not self.is_new:
            return newest
        self._connection.execute(
            sa.insert(tables.offsets)
            .prefix_with("OR REPLACE")
            .values(name="journal", journal_seq=self.journal_seq)
        )
        return newest

    def _audit(self, actor: str, action: str, subject: str, detail: Mapping[str, Any]) -> None:
        self._connection.execute(
            sa.insert(tables.audit).values(
                journal_seq=self.journal_seq,
                number=self._audit_count,
                at_ns=self.at_ns,
                actor=actor,
                action=action,
                subject=subject,
                detail=to_json(dict(detail)),
            )
        )
        self._audit_count += 1
