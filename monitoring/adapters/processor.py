"""Leads journal records, one after the other, through the steps to the output log and the store.

The only writer of results. What it does with a record depends on the record, on what came before it and on nothing
else, so after a crash the records since the last snapshot are simply processed again: the output log recognises
what it has, the store what it applied.
"""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any, Final

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from geodata.contact_line import ContactLine
from monitoring import events as event_tables
from monitoring import schema
from monitoring.adapters import evidence_for
from monitoring.adapters.archive import Archive
from monitoring.adapters.entry import Entry
from monitoring.adapters.intake import accepted_rows, refused_rows
from monitoring.adapters.mission import REFERENCE_KINDS, Mission
from monitoring.adapters.output_log import OutputLog
from monitoring.adapters.seen_ids import SeenIds
from monitoring.adapters.snapshots import Snapshot, Snapshots
from monitoring.adapters.store import QuarantinedRow, SensorSeen, Store, Transaction
from monitoring.admission import Registry, Sensor
from monitoring.cases.decisions import Standards
from monitoring.cases.errors import CaseError
from monitoring.decode import DEFAULT_LIMITS
from monitoring.pipeline import Engine, EngineOutput
from monitoring.pipeline.reevaluation import Stragglers

REANALYSE: Final = "reanalyse"
"""The action that publishes what a re-analysis changes."""
SYSTEM: Final = "contactline"
"""The actor of what no person did."""


class Processor:
    """The steps of one home. Not thread-safe: one thread processes."""

    def __init__(
        self,
        *,
        store: Store,
        archive: Archive,
        outputs: OutputLog,
        snapshots: Snapshots,
        seen: SeenIds,
        shards: int,
        snapshot_rows: int,
    ) -> None:
        self.store = store
        self.archive = archive
        self.mission: Mission | None = None
        self.engine: Engine | None = None
        self.processed_seq = 0
        self._outputs = outputs
        self._snapshots = snapshots
        self._seen = seen
        self._shards = shards
        self._snapshot_rows = snapshot_rows
        self._rows_since_snapshot = 0
        self._references: dict[str, Mapping[str, Any]] = {}
        self._provisional_shown = False

    def resume(self) -> int:
        """Take up the newest snapshot that the store has reached; the first journal record still to process."""
        snapshot = self._snapshots.newest(self.store.offset())
        if snapshot is None:
            return 1
        self.mission = Mission.from_bytes(snapshot.mission)
        self._decide_by(self.mission)
        self.engine = Engine.restore(self.mission.parameters(), snapshot.engine, self._shards)
        self.processed_seq = snapshot.journal_seq
        return snapshot.journal_seq + 1

    @property
    def watermark_ns(self) -> int | None:
        """Event time up to which results are final; None before the first event."""
        return None if self.engine is None else self.engine.watermark_ns

    def process(self, record: Entry, accepted: pa.Table | None = None) -> dict[str, Any] | None:
        """Do what the record says. `accepted` spares decoding an `events` record that was just admitted.

        Returns what an `action` gave. Raises `CaseError` for an action that cannot be carried out; it is passed all
        the same, so the records behind it go on.
        """
        assert record.seq == self.processed_seq + 1, "records are processed in order"
        answer: dict[str, Any] | None = None
        try:
            match record.type:
                case "events":
                    self._events(record, accepted)
                case "tick":
                    self._tick(record)
                case "registry":
                    self._registry(record)
                case "reference":
                    self._reference(record)
                case "account":
                    with self.store.transaction(record.seq, record.received_at_ns) as tx:
                        tx.account(record.json(), actor=record.principal)
                case "action":
                    answer = self._action(record)
        finally:
            self.processed_seq = record.seq
        return answer

    def show_provisional(self, at_ns: int) -> None:
        """Bring the provisional view up to date: what would be final if input ended now."""
        if self.engine is None:
            return
        output = self.engine.provisional()
        is_empty = not (output.findings.num_rows or output.incidents.num_rows)
        if is_empty and not self._provisional_shown:
            return
        self.store.show_provisional(output, at_ns)
        self._provisional_shown = not is_empty

    def save(self) -> None:
        """Save the steps' state as of the last processed record."""
        if self.mission is None or self.engine is None:
            return
        self.archive.flush()
        self._seen.flush()
        self._snapshots.save(Snapshot(self.processed_seq, self.mission.to_bytes(), self.engine.snapshot()))
        self._rows_since_snapshot = 0

    def _events(self, record: Entry, accepted: pa.Table | None) -> None:
        assert self.engine is not None, "a mission is founded before the first event"
        table = accepted_rows(record) if accepted is None else accepted
        self.archive.append(table, record.seq)
        self.engine.feed(table)
        self._rows_since_snapshot += table.num_rows
        with self.store.transaction(record.seq, record.received_at_ns) as tx:
            if not tx.is_new:
                return
            receipt = record.meta["receipt"]
            refused = self._as_first_refused(record, refused_rows(record))
            tx.quarantine(refused, receipt_id=receipt["receipt_id"])
            tx.replayed([(seq, row) for seq, row in record.meta.get("replays", ())])
            tx.seen(_seen(table))
            receipt = {**receipt, "rows": self._named(receipt["receipt_id"], refused)}
            tx.receipt(
                self._with_results(receipt, None) if record.meta.get("is_last") else receipt,
                principal=record.principal,
            )

    def _as_first_refused(self, record: Entry, refused: list[QuarantinedRow]) -> list[QuarantinedRow]:
        """Rows of the quarantine that were refused again keep the file and line they first came from."""
        replays = [(int(seq), int(row)) for seq, row in record.meta.get("replays", ())]
        if not replays or not refused:
            return refused
        first = self.store.quarantined([replays[one.row] for one in refused])
        return [
            replace(one, line_no=before["line_no"], source=before["source"])
            for one, before in zip(refused, first, strict=True)
        ]

    def _named(self, receipt_id: str, refused: Sequence[QuarantinedRow]) -> list[dict[str, Any]]:
        """The refused rows that the receipt names: the first of all its records."""
        kept = self.store.receipt(receipt_id)
        before: list[dict[str, Any]] = [] if kept is None else kept["body"]["rows"]
        room = DEFAULT_LIMITS.receipt_rows_max - len(before)
        return before + [{"line": r.line_no, "reason": r.reason, "detail": r.detail} for r in refused[:room]]

    def _tick(self, record: Entry) -> None:
        assert self.engine is not None, "a mission is founded before the first tick"
        tick = record.json()
        output = self.engine.tick(tick["reference_ns"], tick["end_of_input"])
        has_late = False
        if tick["end_of_input"] or tick["source"] == "clock":
            has_late, output = self._with_amendments(record.seq, output)
        if any(table.num_rows for table in output):
            self._outputs.append(record.seq, output._asdict(), received_at_ns=record.received_at_ns)
        # A re-evaluation reads what is published, so it must never be run again on top of its own results: the
        # snapshot behind it is in place before the store passes it.
        self.processed_seq = record.seq
        if has_late or tick["end_of_input"] or self._rows_since_snapshot >= self._snapshot_rows:
            self.save()
        with self.store.transaction(record.seq, record.received_at_ns) as tx:
            if not tx.is_new:
                return
            tx.apply(output)
            for receipt_id in tick.get("receipt_ids", ()):
                self._settle(tx, receipt_id, output)

    def _with_amendments(self, seq: int, output: EngineOutput) -> tuple[bool, EngineOutput]:
        assert self.engine is not None
        request = self.engine.stragglers()
        if request is None:
            return False, output
        known = evidence_for.published(self.store, request, output)
        assert self.mission is not None
        sensors = self.mission.parameters().sensors
        events = evidence_for.archived(self.archive, request, sensors, seq, known.findings)
        return True, _joined(output, self.engine.reevaluate(request, events, known))

    def _settle(self, tx: Transaction, receipt_id: str, output: EngineOutput) -> None:
        kept = self.store.receipt(receipt_id)
        if kept is not None:
            tx.receipt(self._with_results(kept["body"], output), principal=kept["principal"])

    def _with_results(self, receipt: Mapping[str, Any], output: EngineOutput | None) -> dict[str, Any]:
        """The receipt with what its delivery led to: distinct ids in everything published since its first record."""
        found: dict[str, set[str]] = {"finding_id": set(), "incident_id": set(), "case_number": set()}
        published = [o.tables for o in self._outputs.read(receipt["journal_from"])]
        if output is not None:
            published.append(output._asdict())
        for tables in published:
            for name, column in (
                ("findings", "finding_id"),
                ("incidents", "incident_id"),
                ("filings", "case_number"),
            ):
                if name in tables:
                    found[column].update(tables[name].column(column).to_pylist())
        return {
            **receipt,
            "findings": len(found["finding_id"]),
            "incidents": len(found["incident_id"]),
            "cases": len(found["case_number"]),
        }

    def _registry(self, record: Entry) -> None:
        sensors = record.json()["sensors"]
        if self.mission is None:
            raise AssertionError("sensors are registered in a founded mission")
        self._adopt(self.mission.with_sensors(Sensor.from_json(sensor) for sensor in sensors))
        with self.store.transaction(record.seq, record.received_at_ns) as tx:
            for sensor in sensors:
                tx.registry(sensor, actor=record.principal)

    def _reference(self, record: Entry) -> None:
        payload = record.json()
        if self.mission is None:
            self._references[payload["kind"]] = payload
            if all(kind in self._references for kind in REFERENCE_KINDS):
                self._adopt(Mission.found(self._references, Registry()))
        elif payload["kind"] == "line":
            line = ContactLine.from_geojson(payload["body"])
            self._adopt(self.mission.with_line(line, payload["valid_from_ns"]))
        elif payload["kind"] == "notices":
            self._adopt(self.mission.with_notices(payload["body"]))
        with self.store.transaction(record.seq, record.received_at_ns) as tx:
            tx.reference(
                payload["kind"],
                payload["version"],
                label=payload["label"],
                body=payload["body"],
                valid_from_ns=payload["valid_from_ns"],
                actor=record.principal,
            )

    def _decide_by(self, mission: Mission) -> None:
        """Decisions on cases need the standards of proof of the mission's agreement."""
        standards = Standards.of(mission.agreement.standards)
        self.store.procedure = replace(self.store.procedure, standards=standards)

    def _adopt(self, mission: Mission) -> None:
        """Judge what comes from now on by `mission`; the state of the steps goes on."""
        state = None if self.engine is None else self.engine.snapshot()
        self.mission = mission
        self._decide_by(mission)
        parameters = mission.parameters()
        self.engine = (
            Engine(parameters, self._shards)
            if state is None
            else Engine.restore(parameters, state, self._shards)
        )

    def reanalysed(self, from_ns: int, to_ns: int) -> EngineOutput:
        """What the present engine, line and agreement would change in what is published; moves nothing.

        Judges anew every track and fire with an event in [from_ns, to_ns). Amendments carry the revision that they
        would have.
        """
        assert self.mission is not None, "a mission is founded before it is analysed"
        assert self.engine is not None, "a mission is founded before it is analysed"
        twin = Engine.restore(self.mission.parameters(), self.engine.snapshot(), self._shards)
        return self._judged_anew(twin, from_ns, to_ns, self.processed_seq)

    def _judged_anew(self, engine: Engine, from_ns: int, to_ns: int, seq: int) -> EngineOutput:
        assert self.mission is not None, "a mission is founded before it is analysed"
        nothing = EngineOutput.empty()
        if engine.watermark_ns is None:
            return nothing
        events = self.archive.select(from_ns=from_ns, to_ns=min(to_ns, engine.watermark_ns + 1))
        known = events.filter(pc.less_equal(events.column("journal_seq"), seq))
        parameters = self.mission.parameters()
        request = Stragglers().with_events(known, parameters).request(parameters)
        if request is None:
            return nothing
        published = evidence_for.published(self.store, request, nothing)
        evidence = evidence_for.archived(self.archive, request, parameters.sensors, seq, published.findings)
        return engine.reevaluate(request, evidence, published)

    def _reanalyse(self, record: Entry) -> dict[str, Any]:
        """Publish the amendments of a re-analysis that somebody ordered."""
        assert self.engine is not None, "a mission is founded before it is analysed"
        action = record.json()
        output = self._judged_anew(self.engine, action["from_ns"], action["to_ns"], record.seq)
        if any(table.num_rows for table in output):
            self._outputs.append(record.seq, output._asdict(), received_at_ns=record.received_at_ns)
        # As behind a tick with late evidence: it must never run again on top of its own results.
        self.processed_seq = record.seq
        self.save()
        with self.store.transaction(record.seq, record.received_at_ns) as tx:
            tx.apply(output)
            tx.action(action)
        return {"findings": output.findings.num_rows, "incidents": output.incidents.num_rows}

    def _action(self, record: Entry) -> dict[str, Any] | None:
        action = record.json()
        if action["action"] == REANALYSE:
            return self._reanalyse(record)
        try:
            with self.store.transaction(record.seq, record.received_at_ns) as tx:
                return tx.action(action)
        except CaseError:
            # The record stays in the journal as what somebody tried; it is passed without effect.
            with self.store.transaction(record.seq, record.received_at_ns):
                pass
            raise


def _seen(table: pa.Table) -> list[SensorSeen]:
    """What a batch says of its sensors, by sensor id."""
    if not table.num_rows:
        return []
    counted = (
        table.select(["sensor_id", "time_ns"])
        .group_by("sensor_id")
        .aggregate([("time_ns", "max"), ("time_ns", "count")])
        .sort_by("sensor_id")
    )
    status_of: dict[str, str] = {}
    kind = event_tables.codes(table, "kind")
    said = np.flatnonzero(np.isin(kind, [schema.KINDS.index(k) for k in schema.STATUS_KINDS]))
    if len(said):
        told = event_tables.in_canonical_order(table.take(pa.array(said)))
        kinds = pc.cast(told.column("kind"), pa.string()).to_pylist()
        status_of = dict(zip(told.column("sensor_id").to_pylist(), kinds, strict=True))
    rows = zip(
        counted.column("sensor_id").to_pylist(),
        counted.column("time_ns_max").to_pylist(),
        counted.column("time_ns_count").to_pylist(),
        strict=True,
    )
    return [SensorSeen(sensor, newest, number, status_of.get(sensor)) for sensor, newest, number in rows]


def _joined(first: EngineOutput, second: EngineOutput) -> EngineOutput:
    return EngineOutput(*(pa.concat_tables(pair) for pair in zip(first, second, strict=True)))
