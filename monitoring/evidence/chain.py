"""Record headers, the salted commitment to a payload, and the hash chain over headers.

A header holds the hash of the header before it, and of its payload only a *salted commitment*. The salt lies
with the payload: when both are erased (personal data, under a logged action), what remains says nothing about
the payload, and the chain still verifies.
"""

import hashlib
from typing import Any, Final

import msgspec

from monitoring.evidence.errors import FrameDamaged

RECORD_VERSION: Final = 1
"""Version of the record's header and payload forms; additive changes only."""
SALT_BYTES: Final = 16
GENESIS: Final = bytes(32)
"""The hash before the first record."""


class Header(msgspec.Struct, frozen=True, kw_only=True):
    """What is said about a record and can never be erased: put no personal data into it.

    `size` is the payload's length in bytes, `commitment` and `prev` are SHA-256 in hexadecimal.
    """

    seq: int
    type: str
    received_at_ns: int
    door: str
    principal: str
    meta: dict[str, Any]
    size: int
    commitment: str
    prev: str
    format_version: int = RECORD_VERSION

    def encode(self) -> bytes:
        """Canonical JSON (sorted keys, no spaces, UTF-8)."""
        return msgspec.json.encode(self, order="sorted")


def decode_header(data: bytes) -> Header:
    """The header in `data`; fields it does not know are passed over. Raises `FrameDamaged`."""
    try:
        return msgspec.json.decode(data, type=Header)
    except (msgspec.MsgspecError, UnicodeDecodeError) as error:
        raise FrameDamaged(f"the record's header cannot be read ({error})") from error


def commitment(salt: bytes, payload: bytes) -> str:
    """SHA-256 over a label, the salt and the payload, hexadecimal.

    >>> commitment(bytes(16), b"")[:16]
    '27089b9f04242fb4'
    """
    digest = hashlib.sha256(b"contactline payload 1\0")
    digest.update(salt)
    digest.update(payload)
    return digest.hexdigest()


def header_hash(header: bytes) -> bytes:
    """SHA-256 over a label and the header's exact bytes: the link that the next header carries as `prev`."""
    return hashlib.sha256(b"contactline header 1\0" + header).digest()


def seal(salt: bytes, payload: bytes) -> bytes:
    """The erasable body of a record: the salt, then the payload."""
    return salt + payload


def unseal(header: Header, body: bytes, check: bool = False) -> bytes:
    """The payload of a body; with `check` its commitment is compared with the header's (`FrameDamaged`)."""
    salt, payload = body[:SALT_BYTES], body[SALT_BYTES:]
    if len(payload) != header.size:
        raise FrameDamaged(f"the payload of record {header.seq} has not the length its header states")
    if check and commitment(salt, payload) != header.commitment:
        raise FrameDamaged(f"the payload of record {header.seq} does not match its commitment")
    return payload


def check_link(header: Header, expected_seq: int | None, previous_hash: bytes) -> None:
    """Raise `FrameDamaged` unless `header` follows the header of `previous_hash` (and has `expected_seq`)."""
    if expected_seq is not None and header.seq != expected_seq:
        raise FrameDamaged(f"record {expected_seq} is missing, {header.seq} stands in its place")
    if header.prev != previous_hash.hex():
        raise FrameDamaged(f"record {header.seq} does not continue the chain")
