"""The case store: one writing connection, many readers, effects and journal offset in one commit."""

import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import sqlalchemy as sa

from monitoring.adapters.store import casework, people, tables
from monitoring.adapters.store.connections import open_readers, open_writer, release_writer
from monitoring.adapters.store.errors import StoreError, StoreTooNew
from monitoring.adapters.store.migrate import SCHEMA_HEAD, migrate, schema_of
from monitoring.adapters.store.people import Account, Session, Token
from monitoring.adapters.store.queries import Queries
from monitoring.adapters.store.transaction import Output, Transaction
from monitoring.cases.workflow import Procedure


class Store(Queries):
    """The projection of journal and output log that people work with.

    `Store.open(path)` writes; `Store.open(path, read_only=True)` reads beside a running writer of another
    process.
    Reading methods come from `Queries` and may be called from any thread; writing goes through `transaction`.
    """

    def __init__(
        self, path: Path, writer: sa.Engine | None, readers: sa.Engine, procedure: Procedure
    ) -> None:
        super().__init__(readers)
        self.path = path
        self.procedure = procedure
        self._writer = writer
        self._lock = threading.RLock()
        self._listeners: list[Callable[[int], None]] = []
        self._cases_version = None if writer is None else 0

    @classmethod
    def open(cls, path: Path, *, read_only: bool = False, procedure: Procedure | None = None) -> Self:
        """Open the file, bringing it to this version's schema; made when it does not exist.

        Raises StoreTooNew for a file of a newer version, StoreBusy when this process writes to it already,
        StoreError when there is nothing to read.
        """
        procedure = procedure or Procedure()
        if read_only:
            return cls._open_to_read(path, procedure)
        path.parent.mkdir(parents=True, exist_ok=True)
        writer = open_writer(path)
        try:
            migrate(writer, path)
        except BaseException:
            writer.dispose()
            release_writer(path)
            raise
        return cls(path, writer, open_readers(path), procedure)

    @classmethod
    def _open_to_read(cls, path: Path, procedure: Procedure) -> Self:
        if not path.exists():
            raise StoreError(f"{path} does not exist: nothing was written there yet")
        readers = open_readers(path)
        found = schema_of(readers)
        if found != SCHEMA_HEAD:
            readers.dispose()
            if found is None or found < SCHEMA_HEAD:
                raise StoreError(
                    f"{path} has the schema {found!r}: open it once with a writing command first"
                )
            raise StoreTooNew(path, found, SCHEMA_HEAD)
        return cls(path, None, readers, procedure)

    def close(self) -> None:
        """Close every connection; the write-ahead log is folded in by the writer."""
        self._readers.dispose()
        with self._lock:
            if self._writer is not None:
                with self._writer.connect() as connection:
                    connection.exec_driver_sql("ROLLBACK")
                    connection.exec_driver_sql("PRAGMA optimize")
                self._writer.dispose()
                release_writer(self.path)
                self._writer = None

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    @contextmanager
    def transaction(self, journal_seq: int, received_at_ns: int) -> Iterator[Transaction]:
        """Apply one journal record: its effects and the offset commit together or not at all.

        `received_at_ns` is the record's, so that a rebuild writes the same times. A record that was
        applied before gives a transaction with `is_new` False that does nothing.
        """
        with self._writing() as connection:
            is_new = journal_seq > _offset(connection)
            tx = Transaction(
                connection,
                self.procedure,
                journal_seq=journal_seq,
                at_ns=received_at_ns,
                is_new=is_new,
            )
            yield tx
            newest = tx.finish()
        if tx.has_changed_cases and self._cases_version is not None:
            self._cases_version += 1
        self._tell(newest)

    def show_provisional(self, output: Output, at_ns: int) -> None:
        """Make the provisional view equal to `output`, between records: it is no effect of any of them."""
        with self._writing() as connection:
            tx = Transaction(
                connection, self.procedure, journal_seq=_offset(connection), at_ns=at_ns, is_new=False
            )
            tx.replace_provisional(output)
            newest = tx.finish()
        self._tell(newest)

    def offset(self) -> int:
        """The last journal record whose effects are in the store; 0 for none."""
        with self._reading() as connection:
            return _offset(connection)

    def subscribe(self, listener: Callable[[int], None]) -> Callable[[], None]:
        """Call `listener` with the newest change's id after each commit; returns how to stop it.

        It is called on the writing thread and must only hand over.
        """
        self._listeners.append(listener)
        return lambda: self._listeners.remove(listener)

    def check_action(self, action: Mapping[str, Any], at_ns: int) -> None:
        """Raise what `Transaction.action` would raise for it now; call it before journaling the action."""
        if "case" not in action:
            return
        with self._reading() as connection:
            casework.work_out(connection, action, at_ns, self.procedure)

    def add_session(self, session: Session) -> None:
        """Somebody signed in."""
        with self._writing() as connection:
            connection.execute(sa.insert(tables.sessions).values(**vars(session)))

    def touch_session(self, id_sha256: str, used_at_ns: int) -> None:
        """The session was used. Skipped while the store is busy: the next use will say so again."""
        if not self._lock.acquire(blocking=False):
            return
        try:
            with self._writing() as connection:
                connection.execute(
                    sa.update(tables.sessions)
                    .where(tables.sessions.c.id_sha256 == id_sha256)
                    .values(used_at_ns=used_at_ns)
                )
        finally:
            self._lock.release()

    def end_session(self, id_sha256: str) -> None:
        """Somebody signed out."""
        with self._writing() as connection:
            table = tables.sessions
            connection.execute(sa.delete(table).where(table.c.id_sha256 == id_sha256))

    def end_old_sessions(self, used_before_ns: int, created_before_ns: int) -> None:
        """Forget sessions that ran out."""
        with self._writing() as connection:
            table = tables.sessions
            too_old = (table.c.used_at_ns < used_before_ns) | (table.c.created_at_ns < created_before_ns)
            connection.execute(sa.delete(table).where(too_old))

    def account(self, name: str) -> Account | None:
        """The account of that name."""
        with self._reading() as connection:
            return people.account(connection, name)

    def accounts(self) -> list[dict[str, Any]]:
        """Who there is: name, display name, roles; nothing secret."""
        with self._reading() as connection:
            return people.accounts(connection)

    def token(self, prefix: str) -> Token | None:
        """The token of that prefix unless it was revoked."""
        with self._reading() as connection:
            return people.token(connection, prefix)

    def session(self, id_sha256: str) -> Session | None:
        """The session of that hash."""
        with self._reading() as connection:
            return people.session(connection, id_sha256)

    def _tell(self, newest: int | None) -> None:
        if newest is not None:
            for listener in list(self._listeners):
                listener(newest)

    @contextmanager
    def _writing(self) -> Iterator[sa.Connection]:
        with self._lock:
            if self._writer is None:
                raise StoreError(f"{self.path} is not open for writing")
            with self._writer.begin() as connection:
                yield connection


def _offset(connection: sa.Connection) -> int:
    found = connection.execute(
        sa.select(tables.offsets.c.journal_seq).where(tables.offsets.c.name == "journal")
    ).scalar_one_or_none()
    return 0 if found is None else int(found)
