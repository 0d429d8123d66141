"""Reading the files of a framed log: one record after the other, and what an unreadable place means.

A file is `SegmentHeader` and frames. Its name is the first sequence number in it, so the right file for a
record is found without reading any other.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO

from monitoring.evidence import chain, framing
from monitoring.evidence.errors import FrameDamaged, JournalDamaged, RecordErased


@dataclass(frozen=True, slots=True)
class Record:
    """One stored record. `meta`, `door` and `principal` stay for ever; the payload may have been erased."""

    header: chain.Header
    stored_payload: bytes | None
    header_hash: bytes

    @property
    def seq(self) -> int:
        return self.header.seq

    @property
    def type(self) -> str:
        return self.header.type

    @property
    def format_version(self) -> int:
        return self.header.format_version

    @property
    def received_at_ns(self) -> int:
        return self.header.received_at_ns

    @property
    def door(self) -> str:
        return self.header.door

    @property
    def principal(self) -> str:
        return self.header.principal

    @property
    def meta(self) -> dict[str, Any]:
        return self.header.meta

    @property
    def is_erased(self) -> bool:
        return self.stored_payload is None

    @property
    def payload(self) -> bytes:
        """The payload's bytes. Raises `RecordErased` when it was erased under a logged action."""
        if self.stored_payload is None:
            raise RecordErased(self.seq)
        return self.stored_payload


@dataclass(frozen=True, slots=True)
class Frame:
    """A frame at its place: `offset` and `end` in bytes from the start of the file."""

    offset: int
    end: int
    prefix: framing.Prefix
    header_bytes: bytes
    body: bytes

    def record(self, check_commitment: bool = False) -> Record:
        """Decoded, with its commitment compared when asked. Raises `FrameDamaged`."""
        header = chain.decode_header(self.header_bytes)
        _require(header.seq == self.prefix.seq, f"prefix and header of record {header.seq} disagree")
        if self.prefix.is_erased:
            return Record(header, None, chain.header_hash(self.header_bytes))
        payload = chain.unseal(header, self.body, check_commitment)
        return Record(header, payload, chain.header_hash(self.header_bytes))


@dataclass(frozen=True, slots=True)
class TornTail:
    """Bytes after the last whole record that were never synced: `file` from `offset` on, `size` bytes."""

    file: Path
    offset: int
    size: int


def segments(directory: Path, kind: str) -> list[Path]:
    """The log's files in order."""
    return sorted(directory.glob(f"*.{kind}"))


def first_seq_of(path: Path) -> int:
    return int(path.stem)


def segment_path(directory: Path, kind: str, first_seq: int) -> Path:
    return directory / f"{first_seq:020d}.{kind}"


def read_segment_header(path: Path, is_last: bool) -> framing.SegmentHeader | TornTail:
    """The file's header; a `TornTail` when the last file was being made when the power went.

    Raises `JournalDamaged` when it is anything else.
    """
    with path.open("rb") as file:
        start = file.read(framing.SEGMENT_HEADER_BYTES)
        size = file.seek(0, 2)
        if is_last and (len(start) < framing.SEGMENT_HEADER_BYTES or not start.strip(b"\0")):
            return TornTail(path, 0, size)
        try:
            _require(len(start) == framing.SEGMENT_HEADER_BYTES, "the file ends inside its header")
            header = framing.decode_segment_header(start)
            fits = header.first_seq == first_seq_of(path)
            _require(fits, f"the file's name does not fit its header (first record {header.first_seq})")
        except FrameDamaged as error:
            raise JournalDamaged(str(path), 0, error.what) from error
    return header


def frames(path: Path, is_last: bool, skip_below: int = 0) -> Iterator[Frame | TornTail]:
    """The frames of one file in order; those with a sequence number below `skip_below` are passed over
    unread.

    In the log's last file the sequence may end with a `TornTail`. Raises `JournalDamaged` at anything else
    that is not a whole, correct frame.
    """
    with path.open("rb", buffering=1 << 18) as file:
        size = file.seek(0, 2)
        offset = file.seek(framing.SEGMENT_HEADER_BYTES)
        while offset < size:
            start = file.read(framing.PREFIX_BYTES)
            try:
                is_short = len(start) < framing.PREFIX_BYTES
                _require(is_last or not is_short, "the file ends inside a record's prefix")
                prefix = None if is_short else framing.decode_prefix(start)
                if prefix is None or offset + prefix.frame_len > size:
                    _require(is_last, "the file ends inside a record")
                    yield TornTail(path, offset, size - offset)
                    return
                end = offset + prefix.frame_len
                if prefix.seq < skip_below:
                    offset = file.seek(end)
                    continue
                header_bytes, body = framing.split_frame(
                    prefix, file.read(prefix.frame_len - framing.PREFIX_BYTES)
                )
            except FrameDamaged as error:
                if is_last and _was_never_synced(file, offset, size):
                    yield TornTail(path, offset, size - offset)
                    return
                raise JournalDamaged(str(path), offset, error.what) from error
            yield Frame(offset, end, prefix, header_bytes, body)
            offset = end


def _require(is_so: bool, what: str) -> None:
    if not is_so:
        raise FrameDamaged(what)


def _was_never_synced(file: BinaryIO, offset: int, size: int) -> bool:
    """Whether the unreadable frame at `offset` is what a power cut left of unacknowledged writes.

    Two things must hold: sectors of it are still unwritten (a changed byte is no such thing), and no later
    frame shows that these bytes were on disk when it was written.
    """
    file.seek(offset)
    rest = file.read(size - offset)
    try:
        touched = framing.decode_prefix(rest).frame_len
    except FrameDamaged:
        prefix_end = offset + framing.PREFIX_BYTES
        touched = prefix_end + (-prefix_end) % framing.SECTOR_BYTES - offset
    return framing.has_unwritten_sector(rest[:touched], offset) and not framing.later_frame_proves_sync(
        rest, offset, offset
    )
