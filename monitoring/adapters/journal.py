"""The journal: everything that came in, was done, or passed, in one order. The source of truth.

    journal = Journal(home.journal_dir, reserve=home.reserve)
    seq = journal.append("events", encode_events(payload), received_at_ns=…, door="file", principal="analyst")
    for record in journal.read(seq): …

`append` returns when the record is on disk; only then may anything be acknowledged.
"""

import os
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, Final

from monitoring.adapters.file_ops import REAL, FileOps
from monitoring.adapters.reserve import DiskReserve
from monitoring.adapters.segment_files import Record, TornTail
from monitoring.adapters.segmented_log import SEGMENT_BYTES, Draft, SegmentedLog, Verification
from monitoring.evidence.errors import JournalFull, JournalReadOnly
from monitoring.evidence.records import RECORD_TYPES, EventsPayload, encode_events, encode_json

__all__ = ["Draft", "Journal", "Record", "TornTail", "Verification", "draft"]

KIND: Final = "journal"


def draft(
    record_type: str,
    payload: bytes | EventsPayload | Mapping[str, Any],
    *,
    received_at_ns: int,
    door: str,
    principal: str = "",
    meta: Mapping[str, Any] | None = None,
) -> Draft:
    """A record to be appended; a mapping becomes canonical JSON, an `EventsPayload` its bytes.

    `door` = how it came in (`file`, `http`, `cli`, `clock`), `principal` = account id. `meta` and both of
    these can never be erased: no personal data. Raises `ValueError` for a type not in RECORD_TYPES.
    """
    if record_type not in RECORD_TYPES:
        raise ValueError(f"no such record type: {record_type}")
    if isinstance(payload, EventsPayload):
        data = encode_events(payload)
    elif isinstance(payload, bytes):
        data = payload
    else:
        data = encode_json(dict(payload))
    return Draft(record_type, data, received_at_ns, door, principal, dict(meta or {}))


class Journal:
    """Append and read records. Threads may append at once: they share one sync. One instance writes per home.

    Opening for writing cuts off an incomplete last record (`repairs` says what) and raises `JournalDamaged`
    when the last file holds any other fault.
    """

    def __init__(
        self,
        directory: Path,
        *,
        writable: bool = True,
        reserve: DiskReserve | None = None,
        segment_bytes: int = SEGMENT_BYTES,
        ops: FileOps = REAL,
        salt: Callable[[int], bytes] = os.urandom,
    ) -> None:
        self._log = SegmentedLog(
            directory, KIND, writable=writable, segment_bytes=segment_bytes, ops=ops, salt=salt
        )
        self._reserve = reserve
        self._is_full = reserve is not None and writable and not reserve.hold()

    @property
    def last_seq(self) -> int:
        """Number of the last durable record, 0 when the journal is empty."""
        return self._log.last_seq

    @property
    def repairs(self) -> list[TornTail]:
        """What was cut off when the journal was opened (never acknowledged)."""
        return self._log.repairs

    @property
    def failure(self) -> JournalReadOnly | None:
        """Why nothing can be appended any more, or None."""
        return self._log.failure

    @property
    def is_full(self) -> bool:
        """Whether the disk was full at the last try; events are refused until the reserve can be taken
        again."""
        return self._is_full

    def append(
        self,
        record_type: str,
        payload: bytes | EventsPayload | Mapping[str, Any],
        *,
        received_at_ns: int,
        door: str,
        principal: str = "",
        meta: Mapping[str, Any] | None = None,
    ) -> int:
        """Store one record (see `draft`) and return its number once it is on disk.

        Raises `JournalFull` (nothing kept; try later) or `JournalReadOnly` (nothing acknowledged; start
        anew).
        """
        one = draft(
            record_type, payload, received_at_ns=received_at_ns, door=door, principal=principal, meta=meta
        )
        return self.append_all([one])[0]

    def append_all(self, drafts: Sequence[Draft]) -> list[int]:
        """Store several records with one sync; their numbers, in order. All are kept or none is
        acknowledged."""
        if self._is_full and any(one.type == "events" for one in drafts):
            if self._reserve is None or not self._reserve.hold():
                raise JournalFull(str(self._log.directory), "the disk was full and still is")
            self._is_full = False
        try:
            seqs = self._log.append(drafts)
        except JournalFull:
            if self._reserve is not None:
                self._is_full = True
                self._reserve.release()
            raise
        return seqs

    def read(self, from_seq: int = 1) -> Iterator[Record]:
        """Durable records from `from_seq` on, in order. Raises `JournalDamaged` at the first fault.

        The view ends where the journal ended when reading began; read again from the next number for more.
        """
        return self._log.read(from_seq)

    def get(self, seq: int) -> Record | None:
        """The record with this number, or None."""
        return self._log.get(seq)

    def verify(self) -> Verification:
        """Read everything and compare checksums, chain and commitments. Raises `JournalDamaged`."""
        return self._log.verify()

    def erase(self, seq: int, *, action_seq: int) -> None:
        """Overwrite the payload of record `seq`, as ordered by the `action` record `action_seq`.

        Header, commitment and chain remain and still verify. Raises `ValueError` when either record is not
        there.
        """
        order = self.get(action_seq)
        if order is None or order.type != "action" or action_seq <= seq:
            raise ValueError(
                f"record {action_seq} is not an action later than record {seq}: log the order first"
            )
        if not self._log.erase(seq):
            raise ValueError(f"there is no record {seq}")

    def close(self) -> None:
        self._log.close()
