"""Accepted events as Parquet files by UTC day of event time, so that a finding's events open.

An event's address is (`journal_seq`, `row`). Appended events are visible at once; `flush` writes them as one
file for each day they touch and then puts a new manifest in place. The manifest decides what belongs to the
archive: a flush that was cut off leaves files that nobody names, and they are removed at the next start. What
was not flushed is made again from the journal: append the events of the records behind `flushed_seq`; what is
already here is passed over.
"""

import json
import threading
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
from numpy.typing import NDArray

from monitoring import events as event_tables
from monitoring import schema
from monitoring.adapters.archive_query import Selection
from monitoring.adapters.file_ops import REAL, FileOps, write_whole
from monitoring.evidence.errors import JournalDamaged

if TYPE_CHECKING:
    import pyarrow.dataset as ds

DAY_NS: Final = 86_400 * 10**9
MEMORY_ROWS: Final = 1 << 17
FILE_ROWS: Final = 1 << 18
ROW_GROUP_ROWS: Final = 1 << 15
SMALL_FILES_MAX: Final = 8
LATE_BIT: Final = 1 << schema.FLAGS.index("late")
_MANIFEST: Final = "manifest.json"
_SUFFIX: Final = ".parquet"

STORED: Final = pa.schema(
    [
        pa.field(f.name, pa.string(), nullable=f.nullable) if pa.types.is_dictionary(f.type) else f
        for f in schema.EVENTS
    ]
)
"""The columns of a file: those of EVENTS, with words as text, so that any Parquet reader can use it."""


@dataclass(frozen=True, slots=True)
class ArchiveFile:
    """One file: its day, the journal numbers its events come from, and the bounds of what is in it."""

    name: str
    day: str
    seq_from: int
    seq_to: int
    rows: int
    time_from_ns: int
    time_to_ns: int
    bbox: tuple[float, float, float, float] | None


class Archive:
    """See the module. One writer per home; `select` from any thread, or from another process
    (`writable=False`)."""

    def __init__(
        self,
        directory: Path,
        *,
        writable: bool = True,
        memory_rows: int = MEMORY_ROWS,
        file_rows: int = FILE_ROWS,
        ops: FileOps = REAL,
    ) -> None:
        self.directory = directory
        self._writable = writable
        self._memory_rows = memory_rows
        self._file_rows = file_rows
        self._ops = ops
        self._lock = threading.RLock()
        self._waiting: list[pa.Table] = []
        self._files: tuple[ArchiveFile, ...] = ()
        self._flushed_seq = self._appended_seq = 0
        if writable:
            directory.mkdir(parents=True, exist_ok=True)
        self._load()
        if writable:
            self._drop_unnamed()

    @property
    def flushed_seq(self) -> int:
        """Journal number up to which every accepted event is in a file."""
        return self._flushed_seq

    @property
    def appended_seq(self) -> int:
        """Journal number up to which every accepted event is visible to `select`."""
        return self._appended_seq

    @property
    def files(self) -> tuple[ArchiveFile, ...]:
        return self._files

    @property
    def row_count(self) -> int:
        with self._lock:
            waiting: int = sum(table.num_rows for table in self._waiting)
            return sum(file.rows for file in self._files) + waiting

    def append(self, events: pa.Table, through_seq: int | None = None) -> None:
        """Take accepted events (EVENTS), all those of each journal record in them at once, in the journal's
        order.

        `through_seq`: the last record they stand for, when it has no accepted event itself. Events of records
        that are here already are passed over, so appending again after a crash changes nothing.
        """
        seqs = event_tables.ints(events, "journal_seq")
        with self._lock:
            fresh = seqs > self._appended_seq
            if fresh.any():
                kept = events if fresh.all() else events.filter(pa.array(fresh))
                self._waiting.append(_with_whole_words(kept.select(schema.EVENTS.names)))
                self._appended_seq = int(seqs.max())
            self._appended_seq = max(self._appended_seq, through_seq or 0)
            if sum(table.num_rows for table in self._waiting) >= self._memory_rows:
                self.flush()

    def flush(self) -> None:
        """Write what waits to files and move `flushed_seq`. On `OSError` everything stays visible and
        waiting."""
        with self._lock:
            if self._appended_seq == self._flushed_seq:
                return
            added: list[ArchiveFile] = []
            if self._waiting:
                table = pa.concat_tables(self._waiting)
                days = event_tables.ints(table, "time_ns") // DAY_NS
                for day in np.unique(days):
                    of_day = table.filter(pa.array(days == day))
                    for start in range(0, of_day.num_rows, self._file_rows):
                        part = of_day.slice(start, self._file_rows)
                        name = f"{_day_text(int(day))}_{self._flushed_seq + 1:012d}-{self._appended_seq:012d}"
                        suffix = f"_{start // self._file_rows}" if start else ""
                        added.append(self._write(name + suffix + _SUFFIX, part))
            files, replaced = self._compacted((*self._files, *added))
            self._commit(files, self._appended_seq)
            self._waiting = []
            for old in replaced:
                self._ops.unlink(self.directory / old.name)

    def select(
        self,
        keys: Iterable[tuple[str, str | None]] | None = None,
        ids: Iterable[str] | None = None,
        bbox: tuple[float, float, float, float] | None = None,
        from_ns: int | None = None,
        to_ns: int | None = None,
        *,
        kinds: Iterable[str] | None = None,
        addresses: Iterable[tuple[int, int]] | None = None,
        limit: int | None = None,
    ) -> pa.Table:
        """Events (EVENTS) that meet every condition given, in canonical order, flushed or not.

        `keys`: (sensor_id, track_id), track_id None = the sensor's events without one. `ids`: `sensor_id/id`.
        `bbox`: west, south, east, north, edges included; events without position never match. Times:
        `from_ns` included, `to_ns` excluded. `addresses`: (journal_seq, row). `limit`: only so many from the
        start.
        """
        selection = Selection.of(keys, ids, bbox, from_ns, to_ns, kinds, addresses)
        for attempt in range(5):
            with self._lock:
                if not self._writable:
                    self._load()
                files, waiting = self._files, list(self._waiting)
            try:
                found = self._read([f for f in files if selection.may_be_in(f)], selection)
            except FileNotFoundError:
                # Files were merged by the writer between looking at the manifest and opening them.
                if attempt == 4:
                    raise
                continue
            break
        parts = [found, *(selection.exact(table) for table in waiting)]
        ordered = event_tables.in_canonical_order(pa.concat_tables(parts))
        return ordered if limit is None else ordered.slice(0, limit)

    def heard(self, from_ns: int, to_ns: int) -> pa.Table:
        """Per sensor, by id: `event_count` and `late_count` of its events with `from_ns` <= time < `to_ns`."""
        columns = ["sensor_id", "time_ns", "flags"]
        with self._lock:
            if not self._writable:
                self._load()
            files = [f for f in self._files if f.time_to_ns >= from_ns and f.time_from_ns < to_ns]
            parts = [table.select(columns) for table in self._waiting]
        inside = (pc.field("time_ns") >= from_ns) & (pc.field("time_ns") < to_ns)
        if files:
            parts.append(self._dataset(files).to_table(columns=columns, filter=inside, use_threads=False))
        if not parts:
            parts = [schema.EVENTS.empty_table().select(columns)]
        events = pa.concat_tables(parts).filter(inside)
        late = pc.equal(pc.bit_wise_and(events.column("flags"), pa.scalar(LATE_BIT, pa.uint16())), LATE_BIT)
        counted = (
            pa.table({"sensor_id": events.column("sensor_id"), "late": pc.cast(late, pa.int64())})
            .group_by("sensor_id")
            .aggregate([("late", "count"), ("late", "sum")])
            .sort_by("sensor_id")
        )
        return pa.table(
            {
                "sensor_id": counted.column("sensor_id"),
                "event_count": counted.column("late_count"),
                "late_count": counted.column("late_sum"),
            }
        )

    def reset(self) -> None:
        """Forget everything, to be made again from the journal."""
        with self._lock:
            self._waiting, self._appended_seq = [], 0
            self._commit((), 0)
            self._drop_unnamed()

    def verify(self) -> int:
        """Read every file whole and compare its rows with the manifest; the number of rows.

        Raises `JournalDamaged`; `reset` and appending again from the journal then helps.
        """
        rows = 0
        for file in self._files:
            path = self.directory / file.name
            try:
                count = pq.ParquetFile(path, page_checksum_verification=True).read(use_threads=False).num_rows
            except (OSError, pa.ArrowInvalid) as error:
                raise JournalDamaged(str(path), 0, f"the archive file cannot be read ({error})") from error
            if count != file.rows:
                raise JournalDamaged(str(path), 0, f"the archive file has {count} rows, not {file.rows}")
            rows += count
        return rows

    def _dataset(self, files: Sequence[ArchiveFile]) -> "ds.Dataset":
        import pyarrow.dataset as ds  # noqa: PLC0415  loads pandas where it is installed; only reading needs it

        return ds.dataset([str(self.directory / f.name) for f in files], schema=STORED, format="parquet")

    def _read(self, files: Sequence[ArchiveFile], selection: Selection) -> pa.Table:
        if not files:
            return schema.EVENTS.empty_table()
        dataset = self._dataset(files)
        return selection.exact(to_events(dataset.to_table(filter=selection.pushdown, use_threads=False)))

    def _write(self, name: str, events: pa.Table) -> ArchiveFile:
        """Write one day's events, sorted by track and time so that a track's rows lie together."""
        ordered = events.take(pa.array(_by_track(events)))
        sink = pa.BufferOutputStream()
        pq.write_table(
            to_stored(ordered),
            sink,
            compression="zstd",
            compression_level=1,
            row_group_size=ROW_GROUP_ROWS,
            use_dictionary=[
                f.name for f in STORED if pa.types.is_string(f.type) and f.name not in ("id", "text")
            ],
            write_page_checksum=True,
        )
        write_whole(self._ops, self.directory / name, [[sink.getvalue().to_pybytes()]])
        times, seqs = (event_tables.ints(events, column) for column in ("time_ns", "journal_seq"))
        return ArchiveFile(
            name=name,
            day=_day_text(int(times[0] // DAY_NS)),
            seq_from=int(seqs.min()),
            seq_to=int(seqs.max()),
            rows=events.num_rows,
            time_from_ns=int(times.min()),
            time_to_ns=int(times.max()),
            bbox=_bbox(events),
        )

    def _compacted(self, files: Sequence[ArchiveFile]) -> tuple[tuple[ArchiveFile, ...], list[ArchiveFile]]:
        """Merge the small files of days that have many; gives the new list and the files no longer in it."""
        by_day: dict[str, list[ArchiveFile]] = {}
        for file in files:
            if file.rows < self._file_rows // 2:
                by_day.setdefault(file.day, []).append(file)
        replaced: list[ArchiveFile] = []
        merged: list[ArchiveFile] = []
        for day, small in sorted(by_day.items()):
            if len(small) < SMALL_FILES_MAX:
                continue
            batches: list[list[ArchiveFile]] = [[]]
            for file in small:
                if sum(f.rows for f in batches[-1]) + file.rows > self._file_rows:
                    batches.append([])
                batches[-1].append(file)
            for batch in batches:
                if len(batch) > 1:
                    merged.append(self._merge(day, batch))
                    replaced += batch
        gone = {file.name for file in replaced}
        return (*(f for f in files if f.name not in gone), *merged), replaced

    def _merge(self, day: str, batch: Sequence[ArchiveFile]) -> ArchiveFile:
        tables = [pq.read_table(self.directory / f.name, schema=STORED, use_threads=False) for f in batch]
        seq_from, seq_to = min(f.seq_from for f in batch), max(f.seq_to for f in batch)
        # The count of events is part of the name: a merged file never has the name of one it is made from.
        name = f"{day}_{seq_from:012d}-{seq_to:012d}_n{sum(f.rows for f in batch)}{_SUFFIX}"
        return self._write(name, to_events(pa.concat_tables(tables)))

    def _load(self) -> None:
        try:
            stated: dict[str, Any] = json.loads((self.directory / _MANIFEST).read_text("utf-8"))
        except FileNotFoundError:
            return
        self._files = tuple(
            ArchiveFile(**{**entry, "bbox": tuple(entry["bbox"]) if entry["bbox"] else None})
            for entry in stated["files"]
        )
        self._flushed_seq = int(stated["flushed_seq"])
        self._appended_seq = max(self._appended_seq, self._flushed_seq)

    def _commit(self, files: tuple[ArchiveFile, ...], flushed_seq: int) -> None:
        text = {"version": 1, "flushed_seq": flushed_seq, "files": [asdict(file) for file in files]}
        write_whole(self._ops, self.directory / _MANIFEST, [[json.dumps(text, sort_keys=True).encode()]])
        self._files, self._flushed_seq = files, flushed_seq

    def _drop_unnamed(self) -> None:
        named = {file.name for file in self._files}
        for path in self.directory.glob("*" + _SUFFIX + "*"):
            if path.name not in named:
                self._ops.unlink(path)


def to_stored(events: pa.Table) -> pa.Table:
    """EVENTS → STORED: words as text."""
    return events.cast(STORED)


def to_events(stored: pa.Table) -> pa.Table:
    """STORED → EVENTS: words as positions in their tuples. A word that this program does not know is null."""
    columns = []
    for field in schema.EVENTS:
        column = stored.column(field.name)
        if pa.types.is_dictionary(field.type):
            words = pa.array(event_tables.WORDS[field.name], type=pa.string())
            positions = pc.index_in(column.combine_chunks(), value_set=words).cast(pa.int8())
            column = pa.DictionaryArray.from_arrays(positions, words)
        columns.append(column)
    return pa.Table.from_arrays(columns, schema=schema.EVENTS)


def _with_whole_words(events: pa.Table) -> pa.Table:
    """The same events, their word columns over the whole tuples in order, so that tables can be put
    together."""
    for name, words in event_tables.WORDS.items():
        whole = pa.array(words, type=pa.string())
        if any(not chunk.dictionary.equals(whole) for chunk in events.column(name).chunks):
            return to_events(to_stored(events))
    return events.cast(schema.EVENTS)


def _by_track(events: pa.Table) -> NDArray[np.int64]:
    """Order by sensor, track, time, then address: the same file whatever the order of arrival."""
    codes = []
    for name in ("track_id", "sensor_id"):
        encoded = events.column(name).combine_chunks().dictionary_encode()
        rank = np.empty(len(encoded.dictionary) + 1, dtype=np.int64)
        rank[-1] = -1
        rank[np.asarray(pc.sort_indices(encoded.dictionary))] = np.arange(len(encoded.dictionary))
        codes.append(rank[np.asarray(encoded.indices.fill_null(-1))])
    numbers = (event_tables.ints(events, name) for name in ("row", "journal_seq", "time_ns"))
    return np.lexsort((*numbers, *codes))


def _bbox(events: pa.Table) -> tuple[float, float, float, float] | None:
    lon, lat = event_tables.reals(events, "lon"), event_tables.reals(events, "lat")
    placed = ~(np.isnan(lon) | np.isnan(lat))
    if not placed.any():
        return None
    lon, lat = lon[placed], lat[placed]
    return float(lon.min()), float(lat.min()), float(lon.max()), float(lat.max())


def _day_text(day: int) -> str:
    return str(np.datetime64(day, "D"))
