"""Events of any number put in order of time, on disk: sorted runs, merged from their beginnings.

A run is an Arrow file of rows sorted in canonical order, in small batches. The merge holds one batch of each run.
"""

from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

import numpy as np
import pyarrow as pa

from monitoring import events, schema

RUN_ROWS: Final = 1 << 18
BATCH_ROWS: Final = 1 << 12


class TimeOrder:
    """Takes EVENTS in any order and gives them by time. Files lie in `folder`, which is the caller's to remove."""

    def __init__(self, folder: Path, run_rows: int = RUN_ROWS, batch_rows: int = BATCH_ROWS) -> None:
        self._folder = folder
        self._run_rows = run_rows
        self._batch_rows = batch_rows
        self._waiting: list[pa.Table] = []
        self._waiting_rows = 0
        self._runs: list[Path] = []

    def add(self, table: pa.Table) -> None:
        """Takes some events. Raises OSError."""
        if table.num_rows:
            self._waiting.append(table)
            self._waiting_rows += table.num_rows
        if self._waiting_rows >= self._run_rows:
            self._write_run()

    def in_order(self) -> Iterator[pa.Table]:
        """All events, in tables that follow each other in time. Raises OSError."""
        if self._waiting_rows:
            self._write_run()
        runs = [_Run(path) for path in self._runs]
        while any(run.head is not None for run in runs):
            # Up to here every run is in memory: the earliest of the last rows that are not the very last.
            bounds = [run.last_ns for run in runs if run.head is not None and run.has_more]
            until_ns = min(bounds) if bounds else None
            parts = [part for run in runs if (part := run.taken(until_ns)) is not None]
            yield pa.concat_tables(parts)

    def _write_run(self) -> None:
        table = pa.concat_tables(self._waiting)
        filled = [name for name in table.column_names if table.column(name).null_count < table.num_rows]
        ordered = table.take(pa.array(events.canonical_order(table))).select(filled).combine_chunks()
        path = self._folder / f"run-{len(self._runs):06d}.arrow"
        options = pa.ipc.IpcWriteOptions(compression="lz4")
        with pa.ipc.new_file(str(path), ordered.schema, options=options) as writer:
            writer.write_table(ordered, max_chunksize=self._batch_rows)
        self._runs.append(path)
        self._waiting, self._waiting_rows = [], 0


class _Run:
    """One sorted run: the part of it that is in memory, and the rest."""

    def __init__(self, path: Path) -> None:
        self._reader: Any = pa.ipc.open_file(pa.OSFile(str(path)))
        self._next = 0
        self.head: pa.Table | None = None
        self._load()

    @property
    def has_more(self) -> bool:
        return bool(self._next < self._reader.num_record_batches)

    @property
    def last_ns(self) -> int:
        assert self.head is not None
        return int(self.head.column("time_ns")[-1].as_py())

    def taken(self, until_ns: int | None) -> pa.Table | None:
        """The rows of the head up to `until_ns` (None = all of them), None where there are none."""
        head = self.head
        if head is None:
            return None
        count = head.num_rows
        if until_ns is not None:
            count = int(np.searchsorted(events.ints(head, "time_ns"), until_ns, side="right"))
        if count == 0:
            return None
        if count == head.num_rows:
            self._load()
        else:
            self.head = head.slice(count)
        return head.slice(0, count)

    def _load(self) -> None:
        self.head = None
        if self.has_more:
            batch = self._reader.get_batch(self._next)
            self._next += 1
            self.head = _completed(pa.Table.from_batches([batch]))


def _completed(table: pa.Table) -> pa.Table:
    """The table with the columns that were empty in its run."""
    columns = []
    for field in schema.EVENTS:
        if field.name in table.column_names:
            columns.append(table.column(field.name))
        elif field.name in events.WORDS:
            columns.append(events.words(field.name, np.full(table.num_rows, -1, dtype=np.int8)))
        else:
            columns.append(pa.nulls(table.num_rows, field.type))
    return pa.Table.from_arrays(columns, schema=schema.EVENTS)
