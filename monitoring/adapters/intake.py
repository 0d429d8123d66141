"""A delivery on its way in: rows are judged and journaled chunk by chunk; only then do they count.

Files and requests come through here alike, so the same rows get the same verdicts whichever door they take.
"""

import time
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from io import BytesIO
from pathlib import Path
from typing import TYPE_CHECKING, Any, BinaryIO, Final

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from monitoring import schema
from monitoring.adapters.entry import Entry
from monitoring.adapters.seen_ids import SeenIds
from monitoring.adapters.store import QuarantinedRow
from monitoring.admission import Admission, Receipt, admit
from monitoring.decode import (
    CheckedFile,
    Chunk,
    DecodedRows,
    FileRefused,
    Format,
    Limits,
    RowFeeder,
    check_file,
    chunks,
    decode,
    original_of,
)
from monitoring.evidence.records import EventsPayload
from monitoring.results import rfc3339

if TYPE_CHECKING:
    from monitoring.adapters.runtime import Runtime

STREAM_ROWS: Final = 10_000
STREAM_S: Final = 1.0
CHUNKS_AHEAD: Final = 2
Progress = Callable[[float, float | None], None]


def hash_key_of(home_id: str) -> bytes:
    """A home's own secret for key hashes, so that nobody can make two ids collide by design."""
    return home_id.encode()[:64]


def accepted_rows(entry: Entry) -> pa.Table:
    """The accepted rows of an `events` record as EVENTS, by the verdicts that were recorded."""
    payload = entry.events()
    decoded = decode(Format(payload.format), payload.data, payload.first_line, payload.header)
    return _accepted(decoded, payload, entry.seq)


def refused_rows(entry: Entry) -> list[QuarantinedRow]:
    """The refused rows of an `events` record, with reason, detail and original bytes."""
    payload = entry.events()
    rows = np.flatnonzero(payload.reason >= 0)
    if not len(rows):
        return []
    form = Format(payload.format)
    decoded = decode(form, payload.data, payload.first_line, payload.header)
    refused = []
    for row in rows.tolist():
        reason = schema.ROW_REASONS[payload.reason[row]]
        refused.append(
            QuarantinedRow(
                row=row,
                line_no=int(decoded.line_no[row]),
                reason=reason,
                detail=payload.details.get(row, ""),
                original=original_of(form, payload.data, decoded, row),
                format=payload.format,
                header=payload.header,
                source=payload.source,
            )
        )
    return refused


def remember(seen: SeenIds, entry: Entry, home_id: str) -> None:
    """Put a replayed record's accepted ids into the durable set."""
    if entry.type != "events":
        seen.advance(entry.seq)
        return
    payload = entry.events()
    decoded = decode(
        Format(payload.format),
        payload.data,
        payload.first_line,
        payload.header,
        hash_key=hash_key_of(home_id),
    )
    kept = _is_accepted(payload)[decoded.ok_rows]
    seen.add(decoded.key_hash[kept], decoded.content_hash[kept], entry.seq)


@dataclass(frozen=True)
class Input:
    """A whole file at the door: where its bytes are, and what to call it. It is read twice."""

    source: Path | bytes
    name: str

    def open(self) -> Path | BinaryIO:
        """The bytes from their beginning."""
        return BytesIO(self.source) if isinstance(self.source, bytes) else self.source


class Delivery:
    """One file or request while it comes in. Every chunk that `take` returned for is durable."""

    def __init__(
        self,
        runtime: "Runtime",
        *,
        door: str,
        principal: str,
        source: str | None = None,
        now_ns: int | None = None,
        may_refuse: bool = False,
    ) -> None:
        self._runtime = runtime
        self._door = door
        self._principal = principal
        self._source = source
        self._now_ns = now_ns
        self._may_refuse = may_refuse
        self._watermark_ns = runtime.processor.watermark_ns
        self._limits = runtime.limits
        self._rows_since_tick = 0
        self.receipt = Receipt()
        self.receipt_id: str | None = None
        self.journal_from: int | None = None
        self.journal_to: int | None = None
        self.oldest_ns: int | None = None
        self.newest_ns: int | None = None
        self.reached_ns: int | None = None
        """How far event time has come with it, by what was known already too."""
        self.late_count = 0

    def take(
        self,
        form: Format,
        chunk: Chunk,
        *,
        is_last: bool = False,
        replays: Sequence[tuple[int, int]] = (),
    ) -> None:
        """Judge and journal the rows of one chunk; `replays` are the quarantined rows that they are.

        Raises `Overloaded`, `StorageFull`, `ProcessingFailed`.
        """
        self.admit(form, chunk, self.decode(form, chunk), is_last=is_last, replays=replays)

    def decode(self, form: Format, chunk: Chunk) -> DecodedRows:
        """The rows of one chunk; touches nothing else, so it may run ahead in another thread."""
        key = hash_key_of(self._runtime.home.home_id)
        return decode(form, chunk.data, chunk.first_line, chunk.header, self._limits, hash_key=key)

    def admit(
        self,
        form: Format,
        chunk: Chunk,
        decoded: DecodedRows,
        *,
        is_last: bool = False,
        replays: Sequence[tuple[int, int]] = (),
    ) -> None:
        """The same as `take` for rows that are decoded already."""
        runtime = self._runtime
        if not decoded.row_count:
            return
        if self._may_refuse:
            runtime.room()
        with runtime.admission:
            assert runtime.mission is not None
            now_ns = runtime.clock_ns() if self._now_ns is None else self._now_ns
            admission = admit(
                decoded,
                runtime.mission.registry,
                runtime.mission.area,
                now_ns,
                self._watermark_ns,
                runtime.seen,
                self._limits,
            )
            self._journal(form, chunk, decoded, admission, is_last=is_last, replays=replays)

    def _journal(
        self,
        form: Format,
        chunk: Chunk,
        decoded: DecodedRows,
        admission: Admission,
        *,
        is_last: bool,
        replays: Sequence[tuple[int, int]],
    ) -> None:
        runtime = self._runtime
        payload = EventsPayload(
            format=form.value,
            data=chunk.data,
            reason=admission.reason,
            flags=admission.flags,
            duplicate=admission.duplicate,
            first_line=chunk.first_line,
            header=chunk.header,
            details=admission.detail,
            source=self._source,
        )
        self.receipt = self.receipt.merge(admission.receipt)
        self._note_times(admission.accepted)
        known = pc.max(
            decoded.table.column("time_ns").filter(pa.array(admission.reason[decoded.ok_rows] < 0))
        )
        if known.is_valid:
            self.reached_ns = max(
                known.as_py(), known.as_py() if self.reached_ns is None else self.reached_ns
            )
        expected_seq = runtime.journal.last_seq + 1
        first = self.journal_from or expected_seq
        receipt_id = f"r-{first}"
        meta = {
            # The rows named in it follow from the payload; the header that this becomes can never be erased.
            "receipt": {**self._body(receipt_id, first, expected_seq), "rows": []},
            "is_last": is_last,
            "replays": [list(address) for address in replays],
        }
        table = admission.accepted
        seq, _ = runtime.enter(
            "events",
            payload,
            door=self._door,
            principal=self._principal,
            meta=meta,
            accepted=lambda at: addressed(table, at, admission.accepted_rows, admission.flags),
        )
        assert seq == expected_seq, "the journal's order is the order of judgement"
        kept = np.isin(decoded.ok_rows, admission.accepted_rows)
        # Admission looked them up under the same lock.
        runtime.seen.add(decoded.key_hash[kept], decoded.content_hash[kept], seq, are_new=True)
        self.receipt_id, self.journal_from, self.journal_to = receipt_id, first, seq
        self._rows_since_tick += decoded.row_count
        self.late_count = self.receipt.flagged.get("late", 0)

    def _note_times(self, accepted: pa.Table) -> None:
        if accepted.num_rows:
            span = pc.min_max(accepted.column("time_ns")).as_py()
            self.oldest_ns = min(span["min"], span["min"] if self.oldest_ns is None else self.oldest_ns)
            self.newest_ns = max(span["max"], span["max"] if self.newest_ns is None else self.newest_ns)

    def tick_if_due(self) -> None:
        """Let event time move on inside a long file."""
        if self._rows_since_tick >= self._runtime.settings.file_tick_rows and self.reached_ns is not None:
            self._runtime.tick(self.reached_ns, source="file")
            self._rows_since_tick = 0

    def end(self, meanwhile: Callable[[], None] = lambda: None) -> dict[str, Any]:
        """Close what the delivery opened, now or when it was sent before; its receipt with the results."""
        runtime = self._runtime
        if self.receipt_id is None or self.journal_to is None:
            return self.body()
        reference_ns = self.reached_ns
        if reference_ns is None:  # no time is known from it: time stands where it was
            runtime.wait_for(self.journal_to, meanwhile)
            reference_ns = runtime.reached_ns()
        seq = runtime.tick(reference_ns, source="file", end_of_input=True, receipt_ids=[self.receipt_id])
        runtime.wait_for(seq, meanwhile)
        return runtime.settled(self.receipt_id) or self.body()

    def body(self) -> dict[str, Any]:
        """The receipt as it stands."""
        return self._body(self.receipt_id, self.journal_from, self.journal_to)

    def _body(
        self, receipt_id: str | None, journal_from: int | None, journal_to: int | None
    ) -> dict[str, Any]:
        return {
            "receipt_id": receipt_id,
            "journal_from": journal_from,
            "journal_to": journal_to,
            **self.receipt.to_json(),
            "first_event": None if self.oldest_ns is None else rfc3339(self.oldest_ns),
            "last_event": None if self.newest_ns is None else rfc3339(self.newest_ns),
            "findings": None,
            "incidents": None,
            "cases": None,
        }


def ingest_files(
    runtime: "Runtime",
    files: Iterable[Input],
    *,
    door: str,
    principal: str,
    now_ns: int | None = None,
    expected: Format | None = None,
    end_of_input: bool = True,
    progress: Progress = lambda _done, _total: None,
) -> dict[str, Any]:
    """Take whole files through the door as one input; the receipt, its results included.

    A file that is refused stands in `files` and leaves nothing behind; the others go on.
    """
    refused: list[dict[str, str]] = []
    checked: list[tuple[Input, CheckedFile]] = []
    for one in files:
        try:
            checked.append((one, check_file(one.open(), runtime.limits, one.name, expected)))
        except FileRefused as error:
            refused.append({"file": one.name, "reason": error.reason, "detail": error.detail})
    total = float(sum(file.bytes_uncompressed for _, file in checked))
    done = 0.0
    source = ", ".join(one.name for one, _ in checked)[:200]
    delivery = Delivery(runtime, door=door, principal=principal, source=source, now_ns=now_ns)
    with runtime.reading_a_file():
        for one, file in checked:
            for chunk, decoded in _decoded_ahead(delivery, one, file.format, runtime.limits):
                delivery.admit(file.format, chunk, decoded)
                delivery.tick_if_due()
                done += len(chunk.data)
                progress(done, total)
        body = delivery.end(lambda: progress(done, total)) if end_of_input else delivery.body()
    return {**body, "files": refused}


def _decoded_ahead(
    delivery: Delivery, one: Input, form: Format, limits: Limits
) -> Iterator[tuple[Chunk, DecodedRows]]:
    """The chunks of a file in order, the next ones being decoded while one is judged and journaled."""
    waiting: deque[tuple[Chunk, Future[DecodedRows]]] = deque()
    with ThreadPoolExecutor(max_workers=1, thread_name_prefix="decode") as ahead:
        for chunk in chunks(one.open(), form, limits):
            waiting.append((chunk, ahead.submit(delivery.decode, form, chunk)))
            if len(waiting) > CHUNKS_AHEAD:
                first, decoded = waiting.popleft()
                yield first, decoded.result()
        while waiting:
            first, decoded = waiting.popleft()
            yield first, decoded.result()


def ingest_stream(
    runtime: "Runtime",
    pieces: Iterable[bytes],
    *,
    form: Format,
    principal: str,
) -> Iterator[dict[str, Any]]:
    """Take a stream of rows through the door: a running receipt per 10,000 rows or second, the last one `final`.

    Whatever a receipt counts is durable. A stream that breaks ends with a receipt that says where.
    """
    delivery = Delivery(runtime, door="http", principal=principal, may_refuse=True)
    feeder = RowFeeder(form, runtime.limits)
    last_line = 0
    told_rows, told_at = 0, time.monotonic()
    broken: str | None = None
    try:
        for piece in pieces:
            for chunk in feeder.feed(piece):
                delivery.take(form, chunk)
                last_line = chunk.first_line + chunk.data.count(b"\n") - 1
            rows = delivery.receipt.row_count
            if rows and (rows - told_rows >= STREAM_ROWS or time.monotonic() - told_at >= STREAM_S):
                told_rows, told_at = rows, time.monotonic()
                yield {**delivery.body(), "final": False}
        for chunk in feeder.finish():
            delivery.take(form, chunk, is_last=True)
    except (ConnectionError, FileRefused) as error:
        broken = f"after line {last_line}: {error}"
    if delivery.receipt_id is not None:
        runtime.want_tick(delivery.receipt_id)
    body = {**delivery.body(), "final": True}
    yield body if broken is None else {**body, "broken": broken}


def addressed(table: pa.Table, seq: int, rows: Any, flags: Any) -> pa.Table:
    """EVENT_FIELDS rows with their address: EVENTS. `rows` are positions among the record's rows."""
    head = [
        pa.array(np.full(table.num_rows, seq, dtype=np.int64)),
        pa.array(np.asarray(rows, dtype=np.int32)),
        pa.array(np.asarray(flags, dtype=np.uint16)[rows]),
    ]
    return pa.table([*head, *table.columns], schema=schema.EVENTS)


def limits_of(line_bytes_max: int, chunk_bytes: int) -> Limits:
    """The limits of reading that the settings of an installation ask for."""
    return Limits(line_bytes_max=line_bytes_max, chunk_bytes=chunk_bytes)


def _is_accepted(payload: EventsPayload) -> Any:
    return (payload.reason < 0) & ~payload.duplicate


def _accepted(decoded: DecodedRows, payload: EventsPayload, seq: int) -> pa.Table:
    kept = _is_accepted(payload)[decoded.ok_rows]
    rows = decoded.ok_rows[kept]
    return addressed(decoded.table.filter(pa.array(kept)), seq, rows, payload.flags)
