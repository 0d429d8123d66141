"""The connections to the database file: exactly one that writes and checkpoints, any number that only read.

SQLite before 3.51.3 (and 3.50.7, 3.44.6) can lose commits when two connections write and checkpoint one
write-ahead log. Python's own library may be older, so the promise does not rest on its version: this
module opens one writing connection to a file in a process, the home's lock keeps other processes away,
and readers are opened with `mode=ro`, which cannot checkpoint.
"""

import sqlite3
import threading
from pathlib import Path
from typing import Any, Final
from urllib.parse import quote

import sqlalchemy as sa
from sqlalchemy.pool import QueuePool, StaticPool

from monitoring.adapters.store.errors import StoreBusy, StoreUnsafe

READERS_MAX: Final = 12
CACHE_KIB: Final = 32_768
_open_writers: set[Path] = set()
_guard = threading.Lock()


def has_wal_reset_bug(version: tuple[int, int, int]) -> bool:
    """Whether this SQLite can lose commits when two connections write and checkpoint.

    >>> has_wal_reset_bug((3, 40, 1)), has_wal_reset_bug((3, 51, 3)), has_wal_reset_bug((3, 44, 6))
    (True, False, False)
    """
    if version < (3, 7, 0) or version >= (3, 51, 3):
        return False
    return not ((3, 50, 7) <= version < (3, 51, 0) or (3, 44, 6) <= version < (3, 45, 0))


def open_writer(path: Path) -> sa.Engine:
    """The writing engine: one connection, WAL, every commit synced, foreign keys on.

    Raises StoreBusy when this process writes to the file already, StoreUnsafe when SQLite refuses a setting.
    """
    resolved = path.resolve()
    with _guard:
        if resolved in _open_writers:
            raise StoreBusy(f"{path} is open for writing in this process already: use that store")
        _open_writers.add(resolved)
    try:
        engine = sa.create_engine(
            "sqlite://",
            creator=lambda: _connect(path, read_only=False),
            poolclass=StaticPool,
        )
        sa.event.listen(engine, "begin", _begin_immediate)
        with engine.connect() as connection:
            _check(connection, path)
    except BaseException:
        release_writer(path)
        raise
    return engine


def release_writer(path: Path) -> None:
    """Let the file be opened for writing again."""
    with _guard:
        _open_writers.discard(path.resolve())


def open_readers(path: Path) -> sa.Engine:
    """The reading engine: pooled connections that can neither write nor checkpoint."""
    engine = sa.create_engine(
        "sqlite://",
        creator=lambda: _connect(path, read_only=True),
        poolclass=QueuePool,
        pool_size=READERS_MAX,
        max_overflow=0,
        pool_timeout=30,
        pool_use_lifo=True,
    )
    sa.event.listen(engine, "begin", _begin_deferred)
    return engine


def _connect(path: Path, *, read_only: bool) -> sqlite3.Connection:
    mode = "ro" if read_only else "rwc"
    connection = sqlite3.connect(
        f"file:{quote(str(path.resolve()))}?mode={mode}",
        uri=True,
        isolation_level=None,
        check_same_thread=False,
        timeout=30,
        cached_statements=256,
    )
    cursor = connection.cursor()
    if read_only:
        cursor.execute("PRAGMA query_only=ON")
    else:
        cursor.execute("PRAGMA journal_mode=WAL")
        cursor.execute("PRAGMA synchronous=FULL")
        cursor.execute("PRAGMA foreign_keys=ON")
        cursor.execute("PRAGMA wal_autocheckpoint=4000")
        cursor.execute("PRAGMA journal_size_limit=268435456")
    cursor.execute(f"PRAGMA cache_size=-{CACHE_KIB}")
    cursor.execute("PRAGMA temp_store=MEMORY")
    cursor.close()
    return connection


def _begin_immediate(connection: sa.Connection) -> None:
    connection.exec_driver_sql("BEGIN IMMEDIATE")


def _begin_deferred(connection: sa.Connection) -> None:
    connection.exec_driver_sql("BEGIN")


def _check(connection: sa.Connection, path: Path) -> None:
    """Raises StoreUnsafe unless the file is really written the way the promises need."""
    wanted: dict[str, Any] = {"journal_mode": "wal", "synchronous": 2, "foreign_keys": 1}
    for pragma, value in wanted.items():
        found = connection.exec_driver_sql(f"PRAGMA {pragma}").scalar()
        if found != value:
            raise StoreUnsafe(
                f"{path}: SQLite {sqlite3.sqlite_version} gave {pragma}={found!r} instead of {value!r}. "
                "Put the home on a local disk whose file system has locks and shared memory"
            )
