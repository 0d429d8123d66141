"""One home at work. What comes in is admitted, journaled and acknowledged; one thread leads it through the steps.

    doors ── admit ── journal (synced) ── receipt
                         │ queue
                         └── processor: steps → output log → store

Every method may be called from any thread.
"""

import json
import queue
import secrets
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import Future
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, Final, Self

import pyarrow as pa
import structlog

from geodata.contact_line import ContactLine
from geodata.errors import LineInvalid
from monitoring.adapters.archive import Archive
from monitoring.adapters.entry import Entry
from monitoring.adapters.home import Home
from monitoring.adapters.intake import Input, ingest_files, limits_of, remember
from monitoring.adapters.journal import Journal
from monitoring.adapters.mission import Mission, line_reference, notices_reference
from monitoring.adapters.output_log import OutputLog
from monitoring.adapters.processor import REANALYSE, SYSTEM, Processor
from monitoring.adapters.refusals import Overloaded, StorageFull
from monitoring.adapters.requeue import replay_quarantine
from monitoring.adapters.seen_ids import SeenIds
from monitoring.adapters.snapshots import Snapshots
from monitoring.adapters.store import Store
from monitoring.admission import Sensor
from monitoring.agreement.notices import canonical
from monitoring.cases.errors import CaseError
from monitoring.evidence.errors import JournalFull, JournalReadOnly
from monitoring.results import finding_record
from monitoring.settings import Settings

log = structlog.get_logger()
_STOP: Final = object()
MEANWHILE_S: Final = 0.2


class ProcessingFailed(Exception):
    """The steps met an error that is a fault of the program; nothing more is processed until it is started anew."""


@dataclass(frozen=True)
class _Work:
    record: Entry
    accepted: pa.Table | None
    done: "Future[dict[str, Any] | None] | None"


class Runtime:
    """The one writer of a home: journal, steps and store behind one set of calls."""

    def __init__(
        self, home: Home, settings: Settings, store: Store, clock_ns: Callable[[], int] = time.time_ns
    ) -> None:
        self.home = home
        self.settings = settings
        self.store = store
        self.clock_ns = clock_ns
        self.journal = Journal(home.journal_dir, reserve=home.reserve)
        self.archive = Archive(home.archive_dir)
        self.seen = SeenIds(home.index_dir)
        self.outputs = OutputLog(home.output_dir)
        self.processor = Processor(
            store=store,
            archive=self.archive,
            outputs=self.outputs,
            snapshots=Snapshots(home.state_dir),
            seen=self.seen,
            shards=settings.shards,
            snapshot_rows=settings.snapshot_rows,
        )
        self.limits = limits_of(settings.line_bytes_max, settings.chunk_bytes)
        self.admission = threading.RLock()
        """Held while rows are judged and journaled, so that the journal's order is the order of judgement."""
        self.mission: Mission | None = None
        """What rows are admitted by: as of the last journaled record, so ahead of the processor's."""
        self._queue: queue.Queue[_Work | object] = queue.Queue(maxsize=settings.queue_records_max)
        self._moved = threading.Condition()
        self._done_seq = 0
        """The last record whose effects are in the store."""
        self._failure: BaseException | None = None
        self._files_open = 0
        self._shows_provisional = False
        self._worker = threading.Thread(target=self._work, name="steps", daemon=True)
        self._ticker: threading.Thread | None = None
        self._stopping = threading.Event()
        self._tick_wanted = threading.Event()
        self._awaiting_tick: list[tuple[str, Future[int]]] = []

    @classmethod
    def open(
        cls,
        home: Home,
        settings: Settings,
        *,
        found: Callable[[], Mission],
        clock_ns: Callable[[], int] = time.time_ns,
        on_replay: Callable[[int, int], None] = lambda _done, _total: None,
    ) -> Self:
        """Take up the home where it was left: replay what was journaled and not yet processed.

        `found` gives the mission of a home that has none yet; `on_replay(done, total)` counts replayed records.
        """
        store = Store.open(home.database)
        try:
            runtime = cls(home, settings, store, clock_ns)
        except BaseException:
            store.close()
            raise
        try:
            runtime._replay(on_replay)
            if runtime.mission is None:
                for payload in found().references():
                    runtime._enter("reference", payload, door="cli", principal=SYSTEM)
                runtime._replay(on_replay)
            runtime._done_seq = runtime.processor.processed_seq
        except BaseException:
            runtime._release()
            raise
        runtime._worker.start()
        return runtime

    def _replay(self, on_replay: Callable[[int, int], None]) -> None:
        first = (
            self.processor.resume() if self.processor.processed_seq == 0 else self.processor.processed_seq + 1
        )
        start = min(first, self.seen.complete_to + 1)
        total = self.journal.last_seq - start + 1
        for done, stored in enumerate(self.journal.read(start), start=1):
            record = Entry.of(stored)
            if record.seq > self.seen.complete_to:
                remember(self.seen, record, self.home.home_id)
            if record.seq < first:
                on_replay(done, total)
                continue
            try:
                self.processor.process(record)
            except CaseError as error:  # told to whoever tried it; any other failure stops the start
                log.info("action without effect", seq=record.seq, why=str(error))
            on_replay(done, total)
        self.mission = self.processor.mission

    def close(self) -> None:
        """Finish what was acknowledged, save the steps' state and let the home go."""
        self._stopping.set()
        self._tick_wanted.set()
        if self._ticker is not None:
            self._ticker.join()
        for _, ticked in self._awaiting_tick:
            ticked.set_exception(ProcessingFailed("the home was closed; the receipt has its results later"))
        if self._worker.is_alive():
            self._queue.put(_STOP)
            self._worker.join()
        if self._failure is None and self.processor.processed_seq > 0:
            self.processor.save()
        self.seen.flush()
        self.archive.flush()
        self._release()
        self.home.close()

    def _release(self) -> None:
        """Let go of the files; nothing is written."""
        self.outputs.close()
        self.journal.close()
        self.store.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    # What comes in

    def enter(
        self,
        record_type: str,
        payload: Any,
        *,
        door: str,
        principal: str,
        meta: Mapping[str, Any] | None = None,
        accepted: Callable[[int], pa.Table] | None = None,
        wants_answer: bool = False,
    ) -> tuple[int, "Future[dict[str, Any] | None] | None"]:
        """Journal one record and queue it for the steps; its number once it is on disk. Hold `admission`.

        `accepted(seq)` gives the admitted rows of an `events` record. Raises `Overloaded`, `StorageFull` or
        `ProcessingFailed`; then nothing was kept.
        """
        self._check_running()
        record = self._enter(record_type, payload, door=door, principal=principal, meta=meta)
        done: Future[dict[str, Any] | None] | None = Future() if wants_answer else None
        self._queue.put(_Work(record, None if accepted is None else accepted(record.seq), done))
        return record.seq, done

    def _enter(
        self,
        record_type: str,
        payload: Any,
        *,
        door: str,
        principal: str,
        meta: Mapping[str, Any] | None = None,
    ) -> Entry:
        received_at_ns = self.clock_ns()
        try:
            seq = self.journal.append(
                record_type,
                payload,
                received_at_ns=received_at_ns,
                door=door,
                principal=principal,
                meta=meta,
            )
        except (JournalFull, JournalReadOnly) as error:
            raise StorageFull(str(error)) from error
        return Entry(seq, record_type, received_at_ns, door, principal, dict(meta or {}), payload)

    def room(self) -> None:
        """Raise `Overloaded` when as much waits as may wait; for doors that can say so instead of waiting."""
        self._check_running()
        if self._queue.full():
            raise Overloaded(f"{self._queue.qsize()} batches wait to be processed; send it again in a second")

    @contextmanager
    def reading_a_file(self) -> Iterator[None]:
        """While a file is being read, time is the file's: the clock writes no ticks."""
        with self.admission:
            self._files_open += 1
        try:
            yield
        finally:
            with self.admission:
                self._files_open -= 1

    def tick(
        self, reference_ns: int, *, source: str, end_of_input: bool = False, receipt_ids: Sequence[str] = ()
    ) -> int:
        """Let time pass up to `reference_ns`; the tick's journal number."""
        payload = {
            "reference_ns": reference_ns,
            "source": source,
            "end_of_input": end_of_input,
            "receipt_ids": list(receipt_ids),
        }
        with self.admission:
            seq, _ = self.enter(
                "tick", payload, door="clock" if source == "clock" else "file", principal=SYSTEM
            )
        return seq

    def reached_ns(self) -> int:
        """How far event time has come: the watermark, before there is one the newest event, 0 without any."""
        if self.processor.watermark_ns is not None:
            return self.processor.watermark_ns
        newest = (row["last_time_ns"] for row in self.store.sensors())
        return max((time_ns for time_ns in newest if time_ns is not None), default=0)

    def want_tick(self, receipt_id: str) -> "Future[int]":
        """Let the clock tick soon, so that late evidence is judged and the receipt gets its results.

        The number of that tick comes when it is journaled, which is not while a file is being read.
        """
        ticked: Future[int] = Future()
        with self._moved:
            self._awaiting_tick.append((receipt_id, ticked))
        self._tick_wanted.set()
        return ticked

    def settle(self, receipt_id: str) -> dict[str, Any] | None:
        """Let time pass by the clock until the receipt has its results, and give it. Raises `ProcessingFailed`."""
        if self._ticker is None:
            seq = self.tick(self.clock_ns(), source="clock", receipt_ids=[receipt_id])
        else:
            seq = self.want_tick(receipt_id).result()
        self.wait_for(seq)
        return self.settled(receipt_id)

    def wait_for(self, seq: int, meanwhile: Callable[[], None] = lambda: None) -> None:
        """Wait until the record `seq` is processed; `meanwhile` is called now and then. Raises `ProcessingFailed`."""

        def is_over() -> bool:
            return self._failure is not None or self._done_seq >= seq

        while not is_over():
            with self._moved:
                self._moved.wait_for(is_over, timeout=MEANWHILE_S)
            meanwhile()
        self._check_running()

    def settled(self, receipt_id: str) -> dict[str, Any] | None:
        """The receipt as it stands in the store, with its results once they are there."""
        kept = self.store.receipt(receipt_id)
        return None if kept is None else dict(kept["body"])

    # What people do

    def act(self, principal: str, action: Mapping[str, Any]) -> dict[str, Any]:
        """Check, journal and apply what a person decided. Raises the errors of `monitoring.cases.errors`."""
        stated = {**action, "actor": principal}
        self.store.check_action(stated, self.clock_ns())
        with self.admission:
            _, done = self.enter("action", stated, door="http", principal=principal, wants_answer=True)
        assert done is not None
        return done.result() or {}

    def change_account(self, principal: str, record: Mapping[str, Any]) -> None:
        """Journal and apply an `account` record."""
        with self.admission:
            _, done = self.enter("account", dict(record), door="http", principal=principal, wants_answer=True)
        assert done is not None
        done.result()

    def register_sensors(self, principal: str, sensors: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
        """Add sensors to the registry or change them. Raises `ValueError` naming sensor and field."""
        checked = [Sensor.from_json(sensor) for sensor in sensors]
        with self.admission:
            assert self.mission is not None
            known = self.mission.registry.sensors
            added = sum(1 for sensor in checked if sensor.id not in known)
            payload = {"sensors": [sensor.to_json() for sensor in checked]}
            _, done = self.enter("registry", payload, door="cli", principal=principal, wants_answer=True)
            self.mission = self.mission.with_sensors(checked)
        assert done is not None
        done.result()
        return {"added": added, "changed": len(checked) - added}

    def load_line(self, principal: str, geojson: Mapping[str, Any], valid_from_ns: int) -> dict[str, Any]:
        """Add a line version that holds from `valid_from_ns` on; `misplaced` says what of the agreement it leaves
        away from it (see `Mission.misplaced_by`). Raises `LineInvalid`."""
        line = ContactLine.from_geojson(dict(geojson))
        with self.admission:
            assert self.mission is not None
            area = self.mission.area
            if not area.contains(line.lon, line.lat).all():
                is_swapped = area.contains(line.lat, line.lon).all()
                text = (
                    "lies inside the home's area of operations only with latitude and longitude exchanged"
                    if is_swapped
                    else "leaves the home's area of operations; load it into a home of its own"
                )
                raise LineInvalid("outside_area", line.label, text)
            misplaced = self.mission.misplaced_by(line, valid_from_ns)
            reference = line_reference(line, valid_from_ns)
            _, done = self.enter("reference", reference, door="cli", principal=principal, wants_answer=True)
            self.mission = self.mission.with_line(line, valid_from_ns)
        assert done is not None
        done.result()
        return {
            "version": line.version,
            "label": line.label,
            "length_m": line.length_m,
            "misplaced": misplaced,
        }

    def load_notices(self, principal: str, document: Mapping[str, Any], name: str) -> dict[str, Any]:
        """Take notices (crossing points, activities, zones, places) of the file `name`, in force by event time.

        Answers `{"version", "label", "told": counts by section}`. Raises `AgreementInvalid` naming file and key.
        """
        content = canonical(dict(document), name)
        with self.admission:
            assert self.mission is not None
            changed = self.mission.with_notices(content)
            changed.check_newest(name)
            reference = notices_reference(content, name)
            _, done = self.enter("reference", reference, door="cli", principal=principal, wants_answer=True)
            self.mission = changed
        assert done is not None
        done.result()
        told = {section: len(entries) for section, entries in content.items() if isinstance(entries, list)}
        return {"version": reference["version"], "label": name, "told": told}

    def reanalyse(self, principal: str, from_ns: int, to_ns: int, *, is_applied: bool) -> dict[str, Any]:
        """What the present engine and reference data would change in the results of a time; published if `is_applied`.

        Answers `{"applied", "findings": [records], "incidents": n}`; a finding's record has the revision and state
        that it would get.
        """
        with self.admission:
            self.wait_for(self.journal.last_seq)
            output = self.processor.reanalysed(from_ns, to_ns)
            if is_applied and any(table.num_rows for table in output):
                order = {"action": REANALYSE, "actor": principal, "from_ns": from_ns, "to_ns": to_ns}
                _, done = self.enter("action", order, door="cli", principal=principal, wants_answer=True)
                assert done is not None
                done.result()
        return {
            "applied": is_applied,
            "findings": [finding_record(row) for row in output.findings.to_pylist()],
            "incidents": output.incidents.num_rows,
        }

    def replay_quarantine(self, principal: str, selection: Mapping[str, Any]) -> dict[str, Any]:
        """Send quarantined rows (`reason`, `receipt_id`, or all) through the door again; the receipt."""
        return replay_quarantine(self, principal, selection)

    def ingest_files(self, files: Sequence[Input], **how: Any) -> dict[str, Any]:
        """Take whole files through the door (see `intake.ingest_files`)."""
        return ingest_files(self, files, **how)

    # How it stands

    def status(self) -> dict[str, Any]:
        """Where journal, steps and store stand."""
        waiting = self.journal.last_seq - self.processor.processed_seq
        why = ""
        if self._failure is not None:
            why = f"the steps stopped: {self._failure}"
        elif self.journal.failure is not None:
            why = f"the journal is read-only: {self.journal.failure}"
        elif self.journal.is_full:
            why = "the disk is full: events are refused until there is room"
        return {
            "ready": not why,
            "why": why,
            "journal_seq": self.journal.last_seq,
            "processed_seq": self.processor.processed_seq,
            "waiting": waiting,
            "watermark_ns": self.processor.watermark_ns,
        }

    # Threads

    def serve_live(self) -> None:
        """From now on time passes by the clock and provisional results are shown."""
        self._shows_provisional = True
        self._ticker = threading.Thread(target=self._tick_by_clock, name="clock", daemon=True)
        self._ticker.start()

    def _work(self) -> None:
        shown_at = 0.0
        is_stale = False
        while True:
            wait_s = None
            if self._shows_provisional and is_stale:
                wait_s = max(0.0, shown_at + self.settings.provisional_s - time.monotonic())
            try:
                work = self._queue.get(timeout=wait_s)
            except queue.Empty:
                work = None
            if work is _STOP:
                return
            try:
                if isinstance(work, _Work):
                    self._do(work)
                    is_stale = True
                if (
                    self._shows_provisional
                    and is_stale
                    and time.monotonic() >= shown_at + self.settings.provisional_s
                ):
                    self.processor.show_provisional(self.clock_ns())
                    shown_at, is_stale = time.monotonic(), False
            except BaseException as error:  # it is kept, told at every call, and ends the processing
                log.error("processing failed", error=str(error), exc_info=True)
                with self._moved:
                    self._failure = error
                    self._moved.notify_all()
                if isinstance(work, _Work) and work.done is not None:
                    work.done.set_exception(error)
                self._drain(error)
                return

    def _do(self, work: _Work) -> None:
        try:
            answer = self.processor.process(work.record, work.accepted)
        except CaseError as error:
            if work.done is not None:
                work.done.set_exception(error)
        else:
            if work.done is not None:
                work.done.set_result(answer)
        with self._moved:
            self._done_seq = work.record.seq
            self._moved.notify_all()

    def _drain(self, error: BaseException) -> None:
        """Answer whoever waits; what they sent is journaled and will be processed at the next start."""
        while not self._stopping.is_set():
            try:
                work = self._queue.get(timeout=0.2)
            except queue.Empty:
                continue
            if work is _STOP:
                return
            if isinstance(work, _Work) and work.done is not None:
                work.done.set_exception(ProcessingFailed(str(error)))

    def _tick_by_clock(self) -> None:
        next_at = time.monotonic()
        while not self._stopping.is_set():
            wanted = self._tick_wanted.wait(max(0.0, next_at - time.monotonic()))
            if self._stopping.is_set():
                return
            if wanted:
                self._stopping.wait(0.2)  # several deliveries share a tick
                self._tick_wanted.clear()
            with self._moved:
                awaiting, self._awaiting_tick = self._awaiting_tick, []
            try:
                with self.admission:
                    if self._files_open == 0:
                        receipt_ids = [receipt_id for receipt_id, _ in awaiting]
                        seq = self.tick(self.clock_ns(), source="clock", receipt_ids=receipt_ids)
                        for _, ticked in awaiting:
                            ticked.set_result(seq)
                        next_at = time.monotonic() + self.settings.tick_s
                    else:
                        with self._moved:
                            self._awaiting_tick = awaiting + self._awaiting_tick
                        next_at = time.monotonic() + 1.0
            except (StorageFull, ProcessingFailed) as error:
                log.warning("no tick", why=str(error))
                for _, ticked in awaiting:
                    ticked.set_exception(error)
                next_at = time.monotonic() + self.settings.tick_s

    def _check_running(self) -> None:
        if self._failure is not None:
            raise ProcessingFailed(
                f"processing stopped ({self._failure}); what was acknowledged is in the journal and is processed at "
                "the next start"
            )


def new_local_token() -> str:
    """A token for commands of the same user on the same machine: `cl_<prefix>_<secret>`."""
    return f"cl_{secrets.token_hex(6)}_{secrets.token_urlsafe(32)}"


def write_server_file(home: Home, url: str, token: str) -> None:
    """Tell the user's own commands where the server is and how to be let in; readable by the user only."""
    home.server_file.unlink(missing_ok=True)
    home.server_file.touch(mode=0o600)
    home.server_file.write_text(json.dumps({"url": url, "token": token}), encoding="utf-8")
