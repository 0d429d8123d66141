"""Which event ids were ever accepted, and with which content: a durable set that is never forgotten.

New ids wait in memory in small sorted runs; from time to time they go to disk as one run, and runs of similar
size are merged, so that there are only a few. Files are memory-mapped: memory stays bounded, whatever the
number of ids.

The set is made from the journal and can be made again. `position` is the journal number up to which the files
are complete: after a start, add the accepted events of the records behind it. *Add ids only once their record
is on disk*: an id added for a record that was then refused would turn the next attempt into a duplicate.
"""

import json
import mmap
import struct
import threading
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import google_crc32c
import numpy as np
from numpy.typing import NDArray

from monitoring.adapters.file_ops import REAL, FileOps, write_whole
from monitoring.evidence import id_runs
from monitoring.evidence.errors import JournalDamaged

MEMORY_ROWS: Final = 1 << 18
MERGE_ROWS: Final = 1 << 19
FRUGAL_ROWS: Final = 1 << 19
"""So many rows of the files are mapped at a time by a frugal set (32 bytes each)."""
_SIZE_RATIO: Final = 3
_MANIFEST: Final = "seen_ids.json"
_MAGIC: Final = b"CLSEEN\x00\x01"
_HEADER: Final = struct.Struct("<8sQQ8x")
_ROW_BYTES: Final = 32

Hashes = NDArray[np.uint64]


@dataclass(slots=True)
class _Run:
    """A sorted run in memory or in a file (`name` empty = memory)."""

    rows: Hashes
    starts: NDArray[np.uint32]
    bits: int
    name: str = ""
    crc: int = 0
    mapped: mmap.mmap | None = None

    def release(self) -> None:
        """Give the pages of the file back to the system, which reads them again when they are needed."""
        if self.mapped is not None and hasattr(mmap, "MADV_DONTNEED"):
            self.mapped.madvise(mmap.MADV_DONTNEED)

    @classmethod
    def of(cls, rows: Hashes) -> "_Run":
        bits = id_runs.bits_for(len(rows))
        return cls(rows, id_runs.starts_of(rows, bits), bits)


class SeenIds:
    """See the module. One writer; lookups from any thread."""

    def __init__(
        self,
        directory: Path,
        *,
        memory_rows: int = MEMORY_ROWS,
        is_frugal: bool = False,
        ops: FileOps = REAL,
    ) -> None:
        """`is_frugal`: keep next to nothing of the files mapped, at the price of some more page faults."""
        self.directory = directory
        self._is_frugal = is_frugal
        self._memory_rows = memory_rows
        self._ops = ops
        self._lock = threading.RLock()
        self._tail: list[_Run] = []
        self._runs: list[_Run] = []
        self._next = 1
        self._position = self._complete_to = 0
        directory.mkdir(parents=True, exist_ok=True)
        self._load()

    @property
    def position(self) -> int:
        """Journal number up to which the files hold every accepted id."""
        return self._position

    @property
    def complete_to(self) -> int:
        """The same with what waits in memory."""
        return self._complete_to

    def __len__(self) -> int:
        return sum(len(run.rows) for run in (*self._runs, *self._tail))

    def lookup(self, key_hash: Hashes) -> tuple[Hashes, NDArray[np.bool_]]:
        """Content hash (m, 2) of each key (m, 2) and whether it was seen (m,); zeros where it was not."""
        if not self._is_frugal:
            return self._lookup(key_hash)
        # Keys in order touch the files from front to back, so that each piece maps its own part of them only.
        content = np.zeros((len(key_hash), 2), dtype=np.uint64)
        is_found = np.zeros(len(key_hash), dtype=np.bool_)
        in_order = np.argsort(key_hash[:, 0])
        pieces = 1 + sum(len(run.rows) for run in self._runs) // FRUGAL_ROWS
        for piece in np.array_split(in_order, pieces):
            content[piece], is_found[piece] = self._lookup(key_hash[piece])
            for run in self._runs:
                run.release()
        return content, is_found

    def _lookup(self, key_hash: Hashes) -> tuple[Hashes, NDArray[np.bool_]]:
        content = np.zeros((len(key_hash), 2), dtype=np.uint64)
        is_found = np.zeros(len(key_hash), dtype=np.bool_)
        with self._lock:
            runs = [*self._runs, *self._tail]
        open_keys = np.arange(len(key_hash))
        for run in runs:
            at = id_runs.find(run.rows, run.starts, run.bits, key_hash[open_keys])
            hit = at >= 0
            if hit.any():
                content[open_keys[hit]] = run.rows[at[hit], 2:]
                is_found[open_keys[hit]] = True
                open_keys = open_keys[~hit]
        return content, is_found

    def add(
        self,
        key_hash: Hashes,
        content_hash: Hashes,
        journal_seq: int | None = None,
        *,
        are_new: bool = False,
    ) -> None:
        """Remember keys (m, 2) with their contents (m, 2); a key that is known keeps its first content.

        `journal_seq`: the record whose accepted events these *all* are (the set is then complete up to it).
        `are_new`: `lookup` found none of them, and nothing was added since; they are not looked up again.
        """
        if len(key_hash):
            if not are_new:
                known = self.lookup(key_hash)[1]
                key_hash, content_hash = key_hash[~known], content_hash[~known]
            rows = id_runs.sorted_run(key_hash, content_hash)
            with self._lock:
                if len(rows):
                    self._tail.append(_Run.of(rows))
                while _is_due(self._tail):
                    # Nothing is taken away before what replaces it is there, whatever breaks off in between.
                    self._tail[-2:] = [_Run.of(id_runs.merged([run.rows for run in self._tail[-2:]]))]
        if journal_seq is not None:
            self.advance(journal_seq)
        if sum(len(run.rows) for run in self._tail) >= self._memory_rows:
            self.flush()

    def advance(self, journal_seq: int) -> None:
        """Say that the set is complete up to `journal_seq` (for records without accepted events)."""
        self._complete_to = max(self._complete_to, journal_seq)

    def flush(self) -> None:
        """Put what waits in memory on disk and move `position`. Raises `OSError`; the set in memory stays
        right."""
        with self._lock:
            runs = list(self._runs)
            if self._tail:
                runs.append(self._write(self._tail))
            while _is_due(runs):
                last, before = runs.pop(), runs.pop()
                runs.append(self._write([before, last]))
            replaced = {run.name for run in self._runs} - {run.name for run in runs}
            self._commit(runs)
            self._runs, self._tail, self._position = runs, [], self._complete_to
            self._drop_others(replaced)

    def reset(self) -> None:
        """Forget everything, to be made again from the journal."""
        with self._lock:
            self._runs, self._tail = [], []
            self._position = self._complete_to = 0
            self._commit([])
            self._drop_others(None)

    def verify(self) -> None:
        """Read all files and compare their checksums. Raises `JournalDamaged`; `reset` and refill then
        helps."""
        for run in self._runs:
            path = self.directory / run.name
            crc = 0
            with path.open("rb") as file:
                while piece := file.read(1 << 20):
                    crc = google_crc32c.extend(crc, piece)
            if crc != run.crc:
                raise JournalDamaged(str(path), 0, "the index of seen ids does not match its checksum")

    def _load(self) -> None:
        manifest = self.directory / _MANIFEST
        if not manifest.exists():
            self._drop_others(None)
            return
        stated = json.loads(manifest.read_text("utf-8"))
        self._position = self._complete_to = int(stated["position"])
        self._next = int(stated["next"])
        for entry in stated["runs"]:
            self._runs.append(self._open(str(entry["name"]), int(entry["crc"])))
        self._drop_others(None)

    def _drop_others(self, names: set[str] | None) -> None:
        """Remove replaced files, or (None) every file that the manifest does not name."""
        kept = {run.name for run in self._runs}
        for path in self.directory.glob("seen-*"):
            if path.name not in kept and (names is None or path.name in names):
                self._ops.unlink(path)

    def _open(self, name: str, crc: int) -> _Run:
        path = self.directory / name
        with path.open("rb") as file:
            data = mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ)
        magic, count, bits = _HEADER.unpack_from(data)
        size = _HEADER.size + count * _ROW_BYTES + 4 * ((1 << bits) + 1) if bits <= id_runs.MAX_BITS else -1
        if magic != _MAGIC or len(data) != size:
            raise JournalDamaged(str(path), 0, "the index of seen ids has not the length it states")
        rows = np.frombuffer(data, dtype="<u8", count=4 * count, offset=_HEADER.size).reshape(count, 4)
        starts = np.frombuffer(data, dtype="<u4", offset=_HEADER.size + count * _ROW_BYTES)
        return _Run(rows, starts, bits, name, crc, data)

    def _write(self, runs: Sequence[_Run]) -> _Run:
        """Merge runs into one file, part by part of the key space, and map it."""
        name = f"seen-{self._next:08d}"
        self._next += 1
        count = sum(len(run.rows) for run in runs)
        bits = id_runs.bits_for(count)
        crc = 0

        def pieces() -> Iterator[list[bytes]]:
            nonlocal crc
            starts = np.zeros((1 << bits) + 1, dtype="<u4")
            header = _HEADER.pack(_MAGIC, count, bits)
            crc = google_crc32c.extend(crc, header)
            yield [header]
            written = 0
            for rows in _in_parts(runs, count):
                data = np.ascontiguousarray(rows, dtype="<u8").tobytes()
                crc = google_crc32c.extend(crc, data)
                written += len(rows)
                if len(rows):
                    bucket = id_runs.bucket_of(rows[:, 0], bits)
                    counts = np.bincount(bucket - bucket[0])
                    starts[bucket[0] + 1 : bucket[0] + 1 + len(counts)] += counts.astype(np.uint32)
                yield [data]
                for run in runs:
                    run.release()
            assert written == count, "a key stands in one run only"
            np.cumsum(starts, out=starts)
            data = starts.tobytes()
            crc = google_crc32c.extend(crc, data)
            yield [data]

        write_whole(self._ops, self.directory / name, pieces())
        return self._open(name, crc)

    def _commit(self, runs: Sequence[_Run]) -> None:
        text = {
            "version": 1,
            "position": self._complete_to,
            "next": self._next,
            "runs": [{"name": run.name, "crc": run.crc} for run in runs],
        }
        write_whole(self._ops, self.directory / _MANIFEST, [[json.dumps(text, sort_keys=True).encode()]])


def _is_due(runs: list[_Run]) -> bool:
    """Whether the last two runs are near enough in size to be merged."""
    return len(runs) > 1 and len(runs[-2].rows) < _SIZE_RATIO * len(runs[-1].rows)


def _in_parts(runs: Sequence[_Run], count: int) -> Iterator[Hashes]:
    """The merged rows of `runs` in order, a bounded number at a time: the key space is cut evenly."""
    bits = (count // MERGE_ROWS).bit_length()
    bounds = [_cuts(run, bits) for run in runs]
    for part in range(1 << bits):
        yield id_runs.merged(
            [np.asarray(run.rows[b[part] : b[part + 1]]) for run, b in zip(runs, bounds, strict=True)]
        )


def _cuts(run: _Run, bits: int) -> NDArray[np.int64]:
    """Where each of 2**bits even parts of the key space begins in a run, and its end; by its index, which does not
    touch the rows."""
    if run.bits >= bits:
        return np.asarray(run.starts[np.arange((1 << bits) + 1) << (run.bits - bits)], dtype=np.int64)
    edges = np.arange(1, 1 << bits, dtype=np.uint64) << np.uint64(64 - bits)
    inner = np.searchsorted(np.ascontiguousarray(run.rows[:, 0]), edges)
    return np.concatenate(([0], inner, [len(run.rows)]))
