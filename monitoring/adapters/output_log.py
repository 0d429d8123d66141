"""The output log: what was published for each journal record, with the engine version that made it.

A source beside the journal, never rewritten: the database and every view are made from the two. Appending is
idempotent, so a runtime that died between this log and its database simply runs the record again.
"""

import os
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import pyarrow as pa

from monitoring import schema
from monitoring.adapters.file_ops import REAL, FileOps
from monitoring.adapters.segment_files import Record, TornTail
from monitoring.adapters.segmented_log import SEGMENT_BYTES, Draft, SegmentedLog, Verification
from monitoring.evidence import outputs
from monitoring.evidence.errors import JournalReadOnly, OutputConflict

KIND: Final = "output"


@dataclass(frozen=True, slots=True)
class Output:
    """What was published for one journal record. `tables` holds `findings`, `incidents`, `members`,
    `filings`, `coverage`."""

    journal_seq: int
    engine_version: str
    meta: dict[str, Any]
    tables: dict[str, pa.Table]


class OutputLog:
    """Append and read published results, at most one record per journal record, in the journal's order."""

    def __init__(
        self,
        directory: Path,
        *,
        writable: bool = True,
        segment_bytes: int = SEGMENT_BYTES,
        ops: FileOps = REAL,
        salt: Callable[[int], bytes] = os.urandom,
    ) -> None:
        self._log = SegmentedLog(
            directory,
            KIND,
            writable=writable,
            contiguous=False,
            segment_bytes=segment_bytes,
            ops=ops,
            salt=salt,
        )

    @property
    def last_journal_seq(self) -> int:
        """The last journal record with published results here; 0 when there is none."""
        return self._log.last_seq

    @property
    def repairs(self) -> list[TornTail]:
        return self._log.repairs

    @property
    def failure(self) -> JournalReadOnly | None:
        return self._log.failure

    def append(
        self,
        journal_seq: int,
        tables: Mapping[str, pa.Table],
        *,
        engine_version: str = schema.ENGINE_VERSION,
        received_at_ns: int = 0,
        meta: Mapping[str, Any] | None = None,
    ) -> bool:
        """Store what record `journal_seq` led to and return True once it is on disk.

        `tables`: any of findings, incidents, members, filings, coverage (an `EngineOutput` by `_asdict()`). Returns
        False when the same content is there already. When nothing at all was published the record may be left
        out. Raises `OutputConflict` when other content is there, or when content is brought for a record that
        was passed.
        """
        data = outputs.encode_tables(tables)
        if journal_seq <= self.last_journal_seq:
            self._compare(journal_seq, data, engine_version)
            return False
        self._log.append(
            [
                Draft(
                    type="output",
                    payload=data,
                    received_at_ns=received_at_ns,
                    door="engine",
                    principal="",
                    meta={**(meta or {}), "engine_version": engine_version},
                    seq=journal_seq,
                )
            ]
        )
        return True

    def read(self, from_journal_seq: int = 0) -> Iterator[Output]:
        """What was published for journal records from `from_journal_seq` on, in order. Raises
        `JournalDamaged`."""
        return map(_output, self._log.read(from_journal_seq))

    def get(self, journal_seq: int) -> Output | None:
        """What was published for one journal record, or None."""
        record = self._log.get(journal_seq)
        return None if record is None else _output(record)

    def verify(self) -> Verification:
        return self._log.verify()

    def close(self) -> None:
        self._log.close()

    def _compare(self, journal_seq: int, data: bytes, engine_version: str) -> None:
        record = self._log.get(journal_seq)
        if record is not None and record.payload == data:
            return
        stored = {} if record is None else outputs.decode_tables(record.payload)
        difference = outputs.first_difference(stored, outputs.decode_tables(data))
        if difference is not None:
            made_by = "nothing" if record is None else f"engine {record.meta.get('engine_version')}"
            raise OutputConflict(
                journal_seq, f"{difference}; stored by {made_by}, now engine {engine_version}"
            )


def _output(record: Record) -> Output:
    return Output(
        record.seq,
        str(record.meta.get("engine_version", "")),
        record.meta,
        outputs.decode_tables(record.payload),
    )
