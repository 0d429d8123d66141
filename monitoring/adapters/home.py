"""The folder that holds all state of a mission: its layout, its version, its one writer.

`journal/` and `output/` are the sources of truth; `archive/`, `index/`, `state/` and the database are made
from them and can be made again.
"""

import json
import shutil
import uuid
from dataclasses import dataclass, field
from pathlib import Path
from types import TracebackType
from typing import Final, Self

from monitoring import schema
from monitoring.adapters.file_ops import REAL, FileOps, write_whole
from monitoring.adapters.lock import Holder, WriterLock, holder_of
from monitoring.adapters.reserve import DiskReserve

FORMAT_VERSION: Final = 1
_FOLDERS: Final = ("journal", "output", "archive", "index", "state", "spool", "reports")
_LOCK: Final = "lock"
_STATEMENT: Final = "home.json"


class HomeMissing(Exception):
    """There is no home at this place, or it is a folder that holds something else."""


class HomeTooNew(Exception):
    """The home was written by a later program, whose format this one does not know."""

    def __init__(self, path: Path, found: int, engine: str) -> None:
        super().__init__(
            f"{path} has format version {found} (made by contactline {engine}); this program knows up to "
            f"{FORMAT_VERSION}. Nothing was touched: install a newer contactline to open it."
        )
        self.found = found


@dataclass(slots=True)
class Home:
    """An open home. `lock` is held when it was opened for writing, otherwise None."""

    path: Path
    home_id: str
    format_version: int
    created_by: str
    lock: WriterLock | None = None
    reserve: DiskReserve | None = field(default=None)

    @classmethod
    def open(
        cls,
        path: Path,
        *,
        create: bool = True,
        writer: str | None = None,
        url: str | None = None,
        ops: FileOps = REAL,
    ) -> Self:
        """Open the home at `path`; `writer` is the command that will write to it (None = only read).

        Makes a new home when there is none, `create` is set and a writer is named. Raises `HomeMissing`,
        `HomeBusy` (naming the process that writes to it) or `HomeTooNew`; none of them leaves anything
        changed.
        """
        path = Path(path)
        statement = path / _STATEMENT
        if not statement.exists():
            _refuse_foreign(path)
            if not (create and writer):
                raise HomeMissing(
                    f"there is no home at {path}: `contactline init` makes one, or name another by --home"
                )
            path.mkdir(parents=True, exist_ok=True)
        if writer is None:
            return cls._read(path)
        if statement.exists():
            cls._read(path)
        lock = WriterLock.acquire(path / _LOCK, writer, url)
        try:
            if not statement.exists():
                text = {
                    "format_version": FORMAT_VERSION,
                    "home_id": uuid.uuid4().hex,
                    "created_by": schema.ENGINE_VERSION,
                }
                write_whole(ops, statement, [[json.dumps(text, sort_keys=True).encode()]])
                ops.sync_directory(path.parent)
            home = cls._read(path)
            for name in _FOLDERS:
                (path / name).mkdir(exist_ok=True)
            ops.sync_directory(path)
            for (
                left
            ) in home.spool_dir.iterdir():  # of a command that was killed; nothing in it was acknowledged
                shutil.rmtree(left) if left.is_dir() else left.unlink()
            home.reserve = DiskReserve(path / "reserve", ops=ops)
            home.reserve.hold()
        except BaseException:
            lock.release()
            raise
        home.lock = lock
        return home

    @classmethod
    def _read(cls, path: Path) -> Self:
        try:
            stated = json.loads((path / _STATEMENT).read_text("utf-8"))
            version = int(stated["format_version"])
            engine = str(stated.get("created_by", "?"))
        except (ValueError, KeyError, TypeError) as error:
            raise HomeMissing(
                f"{path / _STATEMENT} cannot be read ({error}): restore it from a backup"
            ) from error
        if version > FORMAT_VERSION:
            raise HomeTooNew(path, version, engine)
        return cls(path, str(stated.get("home_id", "")), version, engine)

    @property
    def journal_dir(self) -> Path:
        return self.path / "journal"

    @property
    def output_dir(self) -> Path:
        return self.path / "output"

    @property
    def archive_dir(self) -> Path:
        return self.path / "archive"

    @property
    def index_dir(self) -> Path:
        return self.path / "index"

    @property
    def state_dir(self) -> Path:
        return self.path / "state"

    @property
    def spool_dir(self) -> Path:
        return self.path / "spool"

    @property
    def reports_dir(self) -> Path:
        return self.path / "reports"

    @property
    def database(self) -> Path:
        return self.path / "contactline.db"

    @property
    def server_file(self) -> Path:
        return self.path / "server.json"

    def announce(self, url: str | None) -> None:
        """Say under which address this process serves the home, so that others send through it."""
        assert self.lock is not None, "only the writer serves a home"
        self.lock.announce(url)

    def close(self) -> None:
        if self.lock is not None:
            self.lock.release()
            self.lock = None

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()


def writer_of(path: Path) -> Holder | None:
    """The process that writes to the home at `path` now, or None."""
    return holder_of(Path(path) / _LOCK)


def _refuse_foreign(path: Path) -> None:
    """A folder with other things in it is never made into a home."""
    if not path.exists():
        return
    if not path.is_dir():
        raise HomeMissing(f"{path} is a file, not a home: name another place by --home")
    strange = sorted(p.name for p in path.iterdir() if p.name not in (_LOCK, _STATEMENT, _STATEMENT + ".tmp"))
    if strange:
        raise HomeMissing(
            f"{path} is no home and not empty ({strange[0]} is in it): name another place by --home"
        )
