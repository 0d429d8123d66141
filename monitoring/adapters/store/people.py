"""Accounts, tokens and sessions: hashed, looked up by name, prefix or hash."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import sqlalchemy as sa

from monitoring.adapters.store import tables
from monitoring.adapters.store.canonical import from_json, to_json
from monitoring.cases.errors import InvalidAction, NotFound


@dataclass(frozen=True)
class Account:
    """A person who may sign in."""

    name: str
    display_name: str
    roles: tuple[str, ...]
    secret_hash: str
    must_set_secret: bool
    is_disabled: bool


@dataclass(frozen=True)
class Token:
    """A bearer token as it is kept."""

    prefix: str
    sha256: str
    name: str
    scopes: tuple[str, ...]


@dataclass(frozen=True)
class Session:
    """Somebody who is signed in."""

    id_sha256: str
    account: str
    created_at_ns: int
    used_at_ns: int


def change(connection: sa.Connection, record: Mapping[str, Any], *, at_ns: int) -> str:
    """Apply an `account` record; what it was about.

    `op` is `create` (`name`, `display_name`, `roles`, `secret_hash`, `must_set_secret`), `set_secret`
    (`name`, `secret_hash`, `must_set_secret`), `disable` (`name`), `token` (`prefix`, `sha256`, `name`,
    `scopes`) or `revoke_token` (`prefix`). A new secret and a disabled account end the account's
    sessions.
    """
    op = record.get("op")
    if op == "create":
        connection.execute(
            sa.insert(tables.accounts).values(
                name=record["name"],
                display_name=record["display_name"],
                roles=to_json(list(record["roles"])),
                secret_hash=record["secret_hash"],
                must_set_secret=bool(record["must_set_secret"]),
                is_disabled=False,
                changed_at_ns=at_ns,
            )
        )
        return str(record["name"])
    if op in ("set_secret", "disable"):
        name = record["name"]
        values = (
            {"is_disabled": True}
            if op == "disable"
            else {
                "secret_hash": record["secret_hash"],
                "must_set_secret": bool(record["must_set_secret"]),
            }
        )
        done = connection.execute(
            sa.update(tables.accounts)
            .where(tables.accounts.c.name == name)
            .values(**values, changed_at_ns=at_ns)
        )
        if done.rowcount == 0:
            raise NotFound(f"there is no account {name!r}")
        connection.execute(sa.delete(tables.sessions).where(tables.sessions.c.account == name))
        return str(name)
    if op == "token":
        connection.execute(
            sa.insert(tables.tokens).values(
                prefix=record["prefix"],
                sha256=record["sha256"],
                name=record["name"],
                scopes=to_json(list(record["scopes"])),
                is_revoked=False,
                created_at_ns=at_ns,
            )
        )
        return f"token:{record['prefix']}"
    if op == "revoke_token":
        prefix = record["prefix"]
        done = connection.execute(
            sa.update(tables.tokens).where(tables.tokens.c.prefix == prefix).values(is_revoked=True)
        )
        if done.rowcount == 0:
            raise NotFound(f"there is no token {prefix!r}")
        return f"token:{prefix}"
    raise InvalidAction(f"account record has the unknown op {op!r}")


def account(connection: sa.Connection, name: str) -> Account | None:
    """The account of that name."""
    row = (
        connection.execute(sa.select(tables.accounts).where(tables.accounts.c.name == name))
        .mappings()
        .one_or_none()
    )
    if row is None:
        return None
    return Account(
        row["name"],
        row["display_name"],
        tuple(from_json(row["roles"])),
        row["secret_hash"],
        row["must_set_secret"],
        row["is_disabled"],
    )


def accounts(connection: sa.Connection) -> list[dict[str, Any]]:
    """Who there is, without anything secret."""
    a = tables.accounts.c
    query = sa.select(a.name, a.display_name, a.roles, a.is_disabled).order_by(a.name)
    return [{**row, "roles": from_json(row["roles"])} for row in connection.execute(query).mappings()]


def token(connection: sa.Connection, prefix: str) -> Token | None:
    """The token of that prefix unless it was revoked."""
    t = tables.tokens.c
    row = connection.execute(
        sa.select(t.prefix, t.sha256, t.name, t.scopes).where(t.prefix == prefix, t.is_revoked.is_(False))
    ).one_or_none()
    return None if row is None else Token(row.prefix, row.sha256, row.name, tuple(from_json(row.scopes)))


def session(connection: sa.Connection, id_sha256: str) -> Session | None:
    """The session of that hash."""
    row = (
        connection.execute(sa.select(tables.sessions).where(tables.sessions.c.id_sha256 == id_sha256))
        .mappings()
        .one_or_none()
    )
    return None if row is None else Session(**row)
