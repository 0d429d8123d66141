"""Secrets of people and machines: made here once, kept only as hashes.

A person's secret is hashed with Argon2id (about a tenth of a second and 64 MiB: keep it off an event loop). A
bearer token is 256 random bits behind a public prefix that it is looked up by; its SHA-256 is enough, since
nobody can guess it.
"""

import hashlib
import hmac
import secrets
from dataclasses import dataclass
from functools import cache
from typing import Any, Final

from pwdlib import PasswordHash

SECRET_CHARS_MIN: Final = 12
SECRET_CHARS_MAX: Final = 1_024
_WORD_LETTERS: Final = "abcdefghjkmnpqrstuvwxyz23456789"
FIRST_ACCOUNTS: Final = (
    ("analyst", "Analyst", ("analyst",)),
    ("reviewer", "Reviewer", ("reviewer",)),
    ("operator", "Operator", ("operator",)),
)


@dataclass(frozen=True)
class NewToken:
    """A bearer token: `text` is shown once, `record` is what is kept (an `account` record)."""

    text: str
    record: dict[str, Any]


@dataclass(frozen=True)
class FirstCredentials:
    """What a new home begins with: records to journal, and the words to print once by account name."""

    records: list[dict[str, Any]]
    printed: dict[str, str]


@cache
def _hasher() -> PasswordHash:
    return PasswordHash.recommended()


def hash_secret(secret: str) -> str:
    """The Argon2id hash of a secret."""
    return _hasher().hash(secret)


def verify_secret(secret: str, secret_hash: str) -> bool:
    """Whether the secret has this hash. Takes as long for a wrong one."""
    return _hasher().verify(secret, secret_hash)


@cache
def nobody_hash() -> str:
    """A hash that no secret has: verified for unknown names, so that they take as long as known ones."""
    return hash_secret(secrets.token_urlsafe(32))


def one_time_secret() -> str:
    """A secret for a first sign-in, easy to copy by hand: four groups, 79 bits.

    >>> len(one_time_secret())
    19
    """
    return "-".join("".join(secrets.choice(_WORD_LETTERS) for _ in range(4)) for _ in range(4))


def new_token(name: str, scopes: tuple[str, ...]) -> NewToken:
    """A bearer token `cl_<prefix>_<secret>` for a machine or a command, with its scopes."""
    prefix = secrets.token_hex(6)
    text = f"cl_{prefix}_{secrets.token_urlsafe(32)}"
    record = {
        "op": "token",
        "prefix": prefix,
        "sha256": token_sha256(text),
        "name": name,
        "scopes": list(scopes),
    }
    return NewToken(text, record)


def token_prefix(text: str) -> str | None:
    """The prefix that a token is looked up by, None for what is no token.

    >>> token_prefix("cl_0123456789ab_secret"), token_prefix("Bearer")
    ('0123456789ab', None)
    """
    parts = text.split("_", 2)
    is_token = len(parts) == 3 and parts[0] == "cl" and len(parts[1]) == 12 and parts[2] != ""
    return parts[1] if is_token else None


def token_sha256(text: str) -> str:
    """What is kept of a token or a session id."""
    return hashlib.sha256(text.encode()).hexdigest()


def is_same(left: str, right: str) -> bool:
    """Whether two hashes are equal, in constant time."""
    return hmac.compare_digest(left.encode(), right.encode())


def first_credentials() -> FirstCredentials:
    """Accounts with one-time secrets for an analyst, a reviewer and an operator, and a token for events."""
    records: list[dict[str, Any]] = []
    printed: dict[str, str] = {}
    for name, display_name, roles in FIRST_ACCOUNTS:
        secret = one_time_secret()
        records.append(
            {
                "op": "create",
                "name": name,
                "display_name": display_name,
                "roles": list(roles),
                "secret_hash": hash_secret(secret),
                "must_set_secret": True,
            }
        )
        printed[name] = secret
    token = new_token("ingest", ("events",))
    records.append(token.record)
    printed["ingest"] = token.text
    return FirstCredentials(records, printed)
