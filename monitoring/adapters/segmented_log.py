"""A framed, chained, append-only log over numbered files: what the journal and the output log are made of.

A record is acknowledged only after `fdatasync`; a new file's name is on disk before the first record in it is
acknowledged. Threads that append at the same time share one sync. After a failed write or sync nothing is
tried again: the log is read-only until the program starts anew.
"""

import errno
import os
import threading
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

from monitoring.adapters import segment_files
from monitoring.adapters.file_ops import REAL, FileOps, write_whole
from monitoring.adapters.segment_files import Frame, Record, TornTail
from monitoring.evidence import chain, framing
from monitoring.evidence.errors import FrameDamaged, JournalDamaged, JournalFull, JournalReadOnly

SEGMENT_BYTES: Final = 64 << 20
_NO_ROOM: Final = frozenset({errno.ENOSPC, errno.EDQUOT})
_COPY_BYTES: Final = 1 << 20


@dataclass(frozen=True, slots=True)
class Draft:
    """A record to be appended. `seq` only for a log whose numbers are given from outside."""

    type: str
    payload: bytes
    received_at_ns: int
    door: str
    principal: str
    meta: dict[str, Any] = field(default_factory=dict)
    seq: int | None = None


@dataclass(frozen=True, slots=True)
class _Place:
    """Where the log ends: last sequence number, end offset in the active file, hash of the last header."""

    seq: int
    offset: int
    last_hash: bytes


@dataclass(frozen=True, slots=True)
class Verification:
    """What a full check found: records, first and last number, numbers whose payload was erased, last
    hash."""

    record_count: int
    first_seq: int
    last_seq: int
    erased: tuple[int, ...]
    last_hash: str


class SegmentedLog:
    """See the module. One writing instance per home (held by the home's lock); any number of readers.

    `contiguous` = numbers rise by one and are given here; otherwise each draft brings a higher one.
    Opening for writing cuts off a torn tail (see `repairs`) and raises `JournalDamaged` for any other fault
    in the last file; older files are checked as they are read, all of them by `verify`.
    """

    def __init__(
        self,
        directory: Path,
        kind: str,
        *,
        writable: bool = True,
        contiguous: bool = True,
        segment_bytes: int = SEGMENT_BYTES,
        ops: FileOps = REAL,
        salt: Callable[[int], bytes] = os.urandom,
    ) -> None:
        self.directory = directory
        self.kind = kind
        self.repairs: list[TornTail] = []
        self._contiguous = contiguous
        self._segment_bytes = segment_bytes
        self._ops = ops
        self._salt = salt
        self._writable = writable
        self._failure: JournalReadOnly | None = None
        self._write_lock = threading.Lock()
        self._sync_lock = threading.Lock()
        self._fd = -1
        self._path: Path | None = None
        self._written = self._durable = _Place(0, 0, chain.GENESIS)
        if writable:
            self._recover()

    @property
    def last_seq(self) -> int:
        """Number of the last durable record; 0 when there is none."""
        if self._writable:
            return self._durable.seq
        for path in reversed(segment_files.segments(self.directory, self.kind)):
            last = 0
            for frame in self._frames_of(path, is_last=True):
                last = frame.prefix.seq
            if last:
                return last
        return 0

    @property
    def failure(self) -> JournalReadOnly | None:
        """Why the log is read-only, or None."""
        return self._failure

    def append(self, drafts: Sequence[Draft]) -> list[int]:
        """Write `drafts` and return their numbers once they are on disk.

        Raises `JournalFull` (nothing kept, may be tried again) or `JournalReadOnly` (nothing acknowledged).
        """
        if not drafts:
            return []
        with self._write_lock:
            seqs = self._write(drafts)
        self._sync_up_to(seqs[-1])
        return seqs

    def read(self, from_seq: int = 1, *, check_commitments: bool = False) -> Iterator[Record]:
        """Durable records from number `from_seq` on, in order, chain checked. Raises `JournalDamaged`."""
        until = self._durable.seq if self._writable else None
        paths = segment_files.segments(self.directory, self.kind)
        start = 0
        for position, path in enumerate(paths):
            if segment_files.first_seq_of(path) <= from_seq:
                start = position
        previous: bytes | None = chain.GENESIS if start == 0 else None
        expected: int | None = 1 if start == 0 and self._contiguous else None
        for position, path in enumerate(paths[start:], start):
            is_last = position == len(paths) - 1
            header = segment_files.read_segment_header(path, is_last)
            if isinstance(header, TornTail):
                return
            if previous is not None and header.previous_hash != previous:
                raise JournalDamaged(
                    str(path), 0, "the file does not continue the one before it: one is missing"
                )
            previous, skipped = header.previous_hash, from_seq > header.first_seq
            if self._contiguous:
                expected = header.first_seq
            for frame in self._frames_of(path, is_last, from_seq):
                if until is not None and frame.prefix.seq > until:
                    return
                if skipped:
                    previous, expected, skipped = None, None, False
                record = self._checked(path, frame, expected, previous, check_commitments)
                previous = record.header_hash
                expected = record.seq + 1 if self._contiguous else None
                yield record
            if skipped:
                previous, expected = None, None

    def get(self, seq: int) -> Record | None:
        """The record with number `seq`, or None."""
        for record in self.read(seq):
            return record if record.seq == seq else None
        return None

    def verify(self) -> Verification:
        """Read everything: checksums, chain, commitments. Raises `JournalDamaged` at the first fault."""
        count = first = last = 0
        erased: list[int] = []
        last_hash = chain.GENESIS
        for record in self.read(0, check_commitments=True):
            count, first, last = count + 1, first or record.seq, record.seq
            last_hash = record.header_hash
            if record.is_erased:
                erased.append(record.seq)
        return Verification(count, first, last, tuple(erased), last_hash.hex())

    def erase(self, seq: int) -> bool:
        """Overwrite the payload of record `seq`; False when there is no such record.

        The file is written anew beside the old one and renamed, so a crash leaves one or the other. Header,
        offsets and chain stay as they are.
        """
        with self._write_lock, self._sync_lock:
            self._refuse_if_closed()
            for path in reversed(segment_files.segments(self.directory, self.kind)):
                if segment_files.first_seq_of(path) > seq:
                    continue
                for frame in self._frames_of(path, path == self._path, seq):
                    if frame.prefix.seq == seq:
                        self._rewrite_erased(path, frame)
                        return True
                    break
                return False
        return False

    def close(self) -> None:
        """Close the active file. Everything acknowledged is on disk already."""
        with self._write_lock, self._sync_lock:
            if self._fd >= 0:
                self._ops.close(self._fd)
                self._fd = -1
            self._failure = self._failure or JournalReadOnly(str(self.directory), "it was closed")

    def _recover(self) -> None:
        for leftover in self.directory.glob(f"*.{self.kind}.tmp"):
            self._ops.unlink(leftover)
        while paths := segment_files.segments(self.directory, self.kind):
            path = paths[-1]
            header = segment_files.read_segment_header(path, is_last=True)
            if isinstance(header, TornTail):
                self._drop_file(header)
                continue
            place = _Place(0, framing.SEGMENT_HEADER_BYTES, header.previous_hash)
            torn: TornTail | None = None
            expected = header.first_seq if self._contiguous else None
            for frame in segment_files.frames(path, is_last=True):
                if isinstance(frame, TornTail):
                    torn = frame
                    break
                record = self._checked(path, frame, expected, place.last_hash, False)
                place = _Place(record.seq, frame.end, record.header_hash)
                expected = record.seq + 1 if self._contiguous else None
            if not place.seq:
                self._drop_file(torn or TornTail(path, 0, path.stat().st_size))
                continue
            self._fd, self._path = self._ops.open_append(path), path
            if torn is not None:
                self.repairs.append(torn)
                self._ops.truncate(self._fd, torn.offset)
            # What was read may still be only in the page cache of a killed writer: make it durable before
            # building on it.
            self._ops.sync(self._fd)
            self._ops.sync_directory(self.directory)
            self._written = self._durable = place
            return

    def _drop_file(self, torn: TornTail) -> None:
        """Remove a last file in which no whole record stands (it was made, but nothing in it
        acknowledged)."""
        self.repairs.append(torn)
        self._ops.unlink(torn.file)
        self._ops.sync_directory(self.directory)

    def _frames_of(self, path: Path, is_last: bool, skip_below: int = 0) -> Iterator[Frame]:
        for frame in segment_files.frames(path, is_last, skip_below):
            if isinstance(frame, TornTail):
                return
            yield frame

    def _checked(
        self, path: Path, frame: Frame, expected: int | None, previous: bytes | None, check_commitment: bool
    ) -> Record:
        try:
            record = frame.record(check_commitment)
            if previous is not None:
                chain.check_link(record.header, expected, previous)
        except FrameDamaged as error:
            raise JournalDamaged(str(path), frame.offset, error.what) from error
        return record

    def _refuse_if_closed(self) -> None:
        if not self._writable:
            raise JournalReadOnly(str(self.directory), "it was opened for reading")
        if self._failure is not None:
            raise self._failure

    def _write(self, drafts: Sequence[Draft]) -> list[int]:
        self._refuse_if_closed()
        if self._fd < 0 or self._written.offset >= self._segment_bytes:
            self._start_segment(drafts[0].seq or self._written.seq + 1)
        place, synced_to = self._written, self._durable.offset
        parts: list[bytes] = []
        seqs: list[int] = []
        for draft in drafts:
            seq = draft.seq if draft.seq is not None else place.seq + 1
            assert seq > place.seq, "numbers of a log only rise"
            salt = self._salt(chain.SALT_BYTES)
            header = chain.Header(
                seq=seq,
                type=draft.type,
                received_at_ns=draft.received_at_ns,
                door=draft.door,
                principal=draft.principal,
                meta=draft.meta,
                size=len(draft.payload),
                commitment=chain.commitment(salt, draft.payload),
                prev=place.last_hash.hex(),
            ).encode()
            frame = framing.encode_frame(seq, synced_to, header, chain.seal(salt, draft.payload))
            parts += frame
            place = _Place(seq, place.offset + sum(map(len, frame)), chain.header_hash(header))
            seqs.append(seq)
        try:
            self._ops.write(self._fd, parts)
        except OSError as error:
            raise self._after_failed_write(error) from error
        self._written = place
        return seqs

    def _after_failed_write(self, error: OSError) -> JournalFull | JournalReadOnly:
        """A full disk is survivable if the piece that was written can be taken back; nothing else is."""
        if error.errno not in _NO_ROOM:
            return self._fail(error)
        try:
            self._ops.truncate(self._fd, self._written.offset)
        except OSError as second:
            return self._fail(second)
        return JournalFull(str(self._path), _cause(error))

    def _start_segment(self, first_seq: int) -> None:
        """Make the next file: everything before it is synced first, and its name before anything is put in
        it."""
        if self._fd >= 0:
            self._sync_up_to(self._written.seq)
        path = segment_files.segment_path(self.directory, self.kind, first_seq)
        header = framing.SegmentHeader(self.kind, first_seq, self._written.last_hash).encode()
        try:
            write_whole(self._ops, path, [[header]])
            fd = self._ops.open_append(path)
        except OSError as error:
            if error.errno in _NO_ROOM:
                raise JournalFull(str(path), _cause(error)) from error
            raise self._fail(error) from error
        with self._sync_lock:
            if self._fd >= 0:
                self._ops.close(self._fd)
            self._fd, self._path = fd, path
            place = _Place(self._written.seq, len(header), self._written.last_hash)
            self._written = self._durable = place

    def _sync_up_to(self, seq: int) -> None:
        """Return once record `seq` is on disk. One of the waiting threads syncs for all that have written."""
        with self._sync_lock:
            if self._durable.seq >= seq:
                return
            if self._failure is not None:
                raise self._failure
            place = self._written
            try:
                self._ops.sync(self._fd)
            except OSError as error:
                raise self._fail(error) from error
            self._durable = place

    def _fail(self, error: OSError) -> JournalReadOnly:
        if self._failure is None:
            self._failure = JournalReadOnly(str(self._path or self.directory), _cause(error))
        return self._failure

    def _rewrite_erased(self, path: Path, frame: Frame) -> None:
        size = self._durable.offset if path == self._path else path.stat().st_size

        def pieces() -> Iterator[list[bytes]]:
            with path.open("rb") as file:
                yield from _copied(file.read, frame.offset)
                yield framing.erase_frame(frame.prefix, frame.header_bytes)
                file.seek(frame.end)
                yield from _copied(file.read, size - frame.end)

        try:
            if path == self._path and self._written != self._durable:
                self._ops.sync(self._fd)
                self._durable = self._written
                size = self._durable.offset
            write_whole(self._ops, path, pieces())
            if path == self._path:
                fd = self._ops.open_append(path)
                self._ops.close(self._fd)
                self._fd = fd
        except OSError as error:
            if error.errno in _NO_ROOM:
                raise JournalFull(str(path), _cause(error)) from error
            raise self._fail(error) from error


def _copied(read: Callable[[int], bytes], size: int) -> Iterator[list[bytes]]:
    while size > 0:
        piece = read(min(size, _COPY_BYTES))
        if not piece:
            return
        size -= len(piece)
        yield [piece]


def _cause(error: OSError) -> str:
    return error.strerror or type(error).__name__
