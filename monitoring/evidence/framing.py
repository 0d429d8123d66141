"""How one record lies in a file: `prefix | header | body | end mark`, each part under its own CRC-32C.

The prefix has a fixed length and its own checksum, so a wrong length is told from a short file. It also
carries `synced_to`, the file offset that was known to be on disk when the frame was written. With it a reader
can tell apart what a power cut does to bytes that were never acknowledged (missing, or whole sectors of
zeros) from a change made to bytes that were: only the first may be cut off, the second is damage.

Layout of the prefix, little-endian, 44 bytes: magic, flags, version, seq, synced_to, header length, body
length, header CRC, body CRC, prefix CRC.
"""

import struct
from dataclasses import dataclass
from typing import Final

import google_crc32c

from monitoring.evidence.errors import FrameDamaged

MAGIC: Final = b"\xc7LR\xb1"
END_MARK: Final = b"\xbe\xef\xd9\xed"
FRAME_VERSION: Final = 1
FLAG_ERASED: Final = 1
ERASED_FILL: Final = b"\xff"
SECTOR_BYTES: Final = 512
MAX_HEADER_BYTES: Final = 1 << 24
MAX_BODY_BYTES: Final = 1 << 31

_PREFIX = struct.Struct("<4sHHQQIIIII")
PREFIX_BYTES: Final = _PREFIX.size

SEGMENT_MAGIC: Final = b"\xc7LRSEG\x01\xb1"
_SEGMENT = struct.Struct("<8s8sHHQ32sI")
SEGMENT_HEADER_BYTES: Final = _SEGMENT.size


def crc32c(data: bytes) -> int:
    """CRC-32C (Castagnoli) of `data`, as in RFC 3720.

    >>> hex(crc32c(b"123456789"))
    '0xe3069283'
    """
    return int(google_crc32c.value(data))


@dataclass(frozen=True, slots=True)
class Prefix:
    """The fixed part of a frame. Lengths in bytes; `synced_to` is a file offset."""

    seq: int
    synced_to: int
    header_len: int
    body_len: int
    header_crc: int
    body_crc: int
    flags: int = 0

    @property
    def frame_len(self) -> int:
        """Bytes of the whole frame, end mark included."""
        return PREFIX_BYTES + self.header_len + self.body_len + len(END_MARK)

    @property
    def is_erased(self) -> bool:
        return bool(self.flags & FLAG_ERASED)

    def encode(self) -> bytes:
        packed = _PREFIX.pack(
            MAGIC,
            self.flags,
            FRAME_VERSION,
            self.seq,
            self.synced_to,
            self.header_len,
            self.body_len,
            self.header_crc,
            self.body_crc,
            0,
        )[:-4]
        return packed + crc32c(packed).to_bytes(4, "little")


def encode_frame(seq: int, synced_to: int, header: bytes, body: bytes, flags: int = 0) -> list[bytes]:
    """The frame as parts to be written one after the other (so that a large body is not copied)."""
    prefix = Prefix(seq, synced_to, len(header), len(body), crc32c(header), crc32c(body), flags)
    return [prefix.encode(), header, body, END_MARK]


def decode_prefix(data: bytes) -> Prefix:
    """The prefix at the start of `data`. Raises `FrameDamaged` when it is not one, naming why."""
    magic, flags, version, seq, synced_to, header_len, body_len, header_crc, body_crc, crc = (
        _PREFIX.unpack_from(data)
    )
    if magic != MAGIC:
        raise FrameDamaged("no record starts here (the mark is wrong)")
    if crc32c(bytes(data[: PREFIX_BYTES - 4])) != crc:
        raise FrameDamaged("the record's prefix does not match its checksum")
    if version > FRAME_VERSION:
        raise FrameDamaged(
            f"the record has frame version {version}; this program reads up to {FRAME_VERSION}"
        )
    if header_len > MAX_HEADER_BYTES or body_len > MAX_BODY_BYTES:
        raise FrameDamaged("the record's length is out of bounds")
    return Prefix(seq, synced_to, header_len, body_len, header_crc, body_crc, flags)


def split_frame(prefix: Prefix, rest: bytes) -> tuple[bytes, bytes]:
    """Header and body from the bytes after the prefix. Raises `FrameDamaged` when a checksum disagrees."""
    header = rest[: prefix.header_len]
    body = rest[prefix.header_len : prefix.header_len + prefix.body_len]
    if crc32c(header) != prefix.header_crc:
        raise FrameDamaged(f"the header of record {prefix.seq} does not match its checksum")
    if crc32c(body) != prefix.body_crc:
        raise FrameDamaged(f"the payload of record {prefix.seq} does not match its checksum")
    if rest[prefix.header_len + prefix.body_len :] != END_MARK:
        raise FrameDamaged(f"record {prefix.seq} has no end mark")
    return header, body


def erase_frame(prefix: Prefix, header: bytes) -> list[bytes]:
    """The same frame, of the same length, with its body overwritten and marked as erased."""
    body = ERASED_FILL * prefix.body_len
    return encode_frame(prefix.seq, prefix.synced_to, header, body, prefix.flags | FLAG_ERASED)


def has_unwritten_sector(data: bytes, file_offset: int) -> bool:
    """Whether `data`, which stands at `file_offset`, has a disk sector of nothing but zeros.

    That is what a power cut leaves of a write that was never synced. A record holds no such run: it begins
    and ends with marks free of zeros, its header is text and its body compressed, random or filled with 0xFF.

    >>> has_unwritten_sector(b"x" * 512 + bytes(100), 0), has_unwritten_sector(b"x" * 612, 0)
    (True, False)
    """
    start = 0
    while start < len(data):
        end = min(len(data), start + SECTOR_BYTES - (file_offset + start) % SECTOR_BYTES)
        if not data[start:end].strip(b"\0"):
            return True
        start = end
    return False


def later_frame_proves_sync(data: bytes, file_offset: int, damaged_at: int) -> bool:
    """Whether any readable frame in `data` was written after the bytes at `damaged_at` were on disk.

    If so, the damage hit an acknowledged record; if not, everything from there on was one unsynced write.
    """
    at = data.find(MAGIC)
    while at >= 0:
        if len(data) - at >= PREFIX_BYTES:
            try:
                prefix = decode_prefix(data[at : at + PREFIX_BYTES])
            except FrameDamaged:
                pass
            else:
                if file_offset + at > damaged_at and prefix.synced_to > damaged_at:
                    return True
        at = data.find(MAGIC, at + 1)
    return False


@dataclass(frozen=True, slots=True)
class SegmentHeader:
    """The start of each file: `kind` (8 bytes of text), first sequence number, hash of the header before
    it."""

    kind: str
    first_seq: int
    previous_hash: bytes

    def encode(self) -> bytes:
        kind = self.kind.encode().ljust(8, b" ")
        packed = _SEGMENT.pack(SEGMENT_MAGIC, kind, FRAME_VERSION, 0, self.first_seq, self.previous_hash, 0)[
            :-4
        ]
        return packed + crc32c(packed).to_bytes(4, "little")


def decode_segment_header(data: bytes) -> SegmentHeader:
    """The header at the start of a file. Raises `FrameDamaged` when it is not one."""
    magic, kind, version, _, first_seq, previous_hash, crc = _SEGMENT.unpack_from(data)
    if magic != SEGMENT_MAGIC or crc32c(bytes(data[: SEGMENT_HEADER_BYTES - 4])) != crc:
        raise FrameDamaged("the file's header does not match its checksum")
    if version > FRAME_VERSION:
        raise FrameDamaged(f"the file has version {version}; this program reads up to {FRAME_VERSION}")
    return SegmentHeader(kind.decode().rstrip(), first_seq, previous_hash)
