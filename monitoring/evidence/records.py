"""Typed payloads of the journal. An `events` record holds what came in and what was decided about each row.

A replay takes the recorded verdicts and never admits again, so admission may improve without changing the
past.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final

import msgspec
import numpy as np
import zstandard
from numpy.typing import NDArray

from monitoring.evidence.errors import FrameDamaged

RECORD_TYPES: Final = ("events", "registry", "reference", "action", "account", "tick")
"""`events` a batch as received; `registry` sensors and keys; `reference` line, agreement, area by hash;
`action` what a person did; `account` people and credentials (hashed); `tick` passing time. Append-only
list."""

COMPRESSION_LEVEL: Final = 1
MAX_ORIGINAL_BYTES: Final = 1 << 30


@dataclass(frozen=True, slots=True)
class EventsPayload:
    """One delivered piece: `data` are its original (uncompressed) bytes, whole rows of `format`.

    `reason` int8 (n,) positions in ROW_REASONS, -1 = decodes well; `flags` uint16 (n,) bits of FLAGS;
    `duplicate` bool (n,). `header` is the CSV header line, None for NDJSON. `first_line` is the 1-based line
    number of the first row in what was delivered.
    """

    format: str
    data: bytes
    reason: NDArray[np.int8]
    flags: NDArray[np.uint16]
    duplicate: NDArray[np.bool_]
    first_line: int = 1
    header: bytes | None = None
    details: Mapping[int, str] = field(default_factory=dict)
    source: str | None = None

    @property
    def row_count(self) -> int:
        return len(self.reason)


class _Envelope(msgspec.Struct, frozen=True, kw_only=True):
    version: int
    format: str
    first_line: int
    header: bytes | None
    rows: int
    data_size: int
    data: bytes
    verdicts: bytes
    details: bytes = b""
    source: str | None = None


def encode_events(payload: EventsPayload, level: int = COMPRESSION_LEVEL) -> bytes:
    """The payload as bytes: a MessagePack map with the original bytes and the verdicts under zstd.

    Raises `ValueError` when the verdict arrays differ in length.
    """
    rows = payload.row_count
    if len(payload.flags) != rows or len(payload.duplicate) != rows:
        raise ValueError("reason, flags and duplicate must have one entry per row")
    verdicts = b"".join(
        (
            np.ascontiguousarray(payload.reason, dtype="<i1").tobytes(),
            np.ascontiguousarray(payload.flags, dtype="<u2").tobytes(),
            np.ascontiguousarray(payload.duplicate, dtype="<u1").tobytes(),
        )
    )
    compressor = zstandard.ZstdCompressor(level=level, write_checksum=False, write_content_size=True)
    return msgspec.msgpack.encode(
        _Envelope(
            version=1,
            format=payload.format,
            first_line=payload.first_line,
            header=payload.header,
            rows=rows,
            data_size=len(payload.data),
            data=compressor.compress(payload.data),
            verdicts=compressor.compress(verdicts),
            details=_pack_details(payload.details),
            source=payload.source,
        )
    )


def decode_events(data: bytes) -> EventsPayload:
    """The payload that `encode_events` wrote; arrays are read-only views. Raises `FrameDamaged`."""
    try:
        envelope = msgspec.msgpack.decode(data, type=_Envelope)
        if max(envelope.data_size, 4 * envelope.rows) > MAX_ORIGINAL_BYTES:
            raise FrameDamaged("an events record states more bytes than one may hold")
        original = _expand(envelope.data, envelope.data_size)
        verdicts = _expand(envelope.verdicts, 4 * envelope.rows)
    except (msgspec.MsgspecError, UnicodeDecodeError, zstandard.ZstdError) as error:
        raise FrameDamaged(f"an events record cannot be read ({error})") from error
    rows = envelope.rows
    return EventsPayload(
        format=envelope.format,
        data=original,
        reason=np.frombuffer(verdicts, dtype="<i1", count=rows),
        flags=np.frombuffer(verdicts, dtype="<u2", count=rows, offset=rows),
        duplicate=np.frombuffer(verdicts, dtype=np.bool_, count=rows, offset=3 * rows),
        first_line=envelope.first_line,
        header=envelope.header,
        details=_unpack_details(envelope.details),
        source=envelope.source,
    )


def _pack_details(details: Mapping[int, str]) -> bytes:
    if not details:
        return b""
    return zstandard.ZstdCompressor(level=COMPRESSION_LEVEL).compress(
        msgspec.msgpack.encode(sorted(details.items()))
    )


def _unpack_details(data: bytes) -> dict[int, str]:
    if not data:
        return {}
    if zstandard.frame_content_size(data) > MAX_ORIGINAL_BYTES:
        raise FrameDamaged("an events record states more details than one may hold")
    try:
        pairs = msgspec.msgpack.decode(
            zstandard.ZstdDecompressor().decompress(data), type=list[tuple[int, str]]
        )
    except (msgspec.MsgspecError, zstandard.ZstdError) as error:
        raise FrameDamaged(f"the details of an events record cannot be read ({error})") from error
    return dict(pairs)


def _expand(data: bytes, size: int) -> bytes:
    if zstandard.frame_content_size(data) != size:
        raise FrameDamaged("an events record states another length than it holds")
    return zstandard.ZstdDecompressor().decompress(data)


def encode_json(value: dict[str, Any]) -> bytes:
    """Canonical JSON of the record types other than `events` (sorted keys, no spaces, UTF-8, no NaN).

    >>> encode_json({"b": 1, "a": "ж"}).decode()
    '{"a":"ж","b":1}'
    """
    return msgspec.json.encode(value, order="sorted")


def decode_json(data: bytes) -> dict[str, Any]:
    """The object that `encode_json` wrote. Raises `FrameDamaged`."""
    try:
        return msgspec.json.decode(data, type=dict[str, Any])
    except (msgspec.MsgspecError, UnicodeDecodeError) as error:
        raise FrameDamaged(f"a record's payload is not the JSON object it should be ({error})") from error
