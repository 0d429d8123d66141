"""Secrets of people and machines, known here only by their hashes.

A person's secret is hashed with Argon2id (about a tenth of a second and 64 MiB: keep it off an event loop). A
bearer token is 256 random bits behind a public prefix that it is looked up by; its SHA-256 is enough, since
nobody can guess it.
"""

import hashlib
import hmac
import secrets
from functools import cache

from pwdlib import PasswordHash


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
