"""One writer per home: an advisory lock of the kernel on a file that names who holds it.

The kernel drops the lock when its process ends, however it ends, so nothing stale is ever in the way.
"""

import fcntl
import json
import os
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Self


@dataclass(frozen=True, slots=True)
class Holder:
    """Who writes to a home: process id, command, and the address it serves on (None when it serves none)."""

    pid: int
    command: str
    url: str | None = None

    def describe(self) -> str:
        """One phrase for messages.

        >>> Holder(12, "serve", "http://127.0.0.1:8000").describe()
        '`contactline serve` (process 12, http://127.0.0.1:8000)'
        """
        where = f", {self.url}" if self.url else ""
        return f"`contactline {self.command}` (process {self.pid}{where})"


class HomeBusy(Exception):
    """Another process writes to this home. `holder` says which (None when it has not yet written its
    name)."""

    def __init__(self, home: Path, holder: Holder | None) -> None:
        who = holder.describe() if holder else "another process"
        then = (
            "send through it or stop it first"
            if holder and holder.url
            else "wait until it ends or stop it first"
        )
        super().__init__(f"{home} is in use by {who}: {then}. One process at a time may write to a home.")
        self.home = home
        self.holder = holder


class WriterLock:
    """The held lock. Not inherited by started programs; a forked child must not outlive its parent."""

    def __init__(self, path: Path, fd: int, holder: Holder) -> None:
        self.path = path
        self.holder = holder
        self._fd = fd

    @classmethod
    def acquire(cls, path: Path, command: str, url: str | None = None) -> Self:
        """Take the lock at once or raise `HomeBusy` naming who has it."""
        fd = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o640)
        try:
            _lock(fd)
        except OSError as error:
            os.close(fd)
            if isinstance(error, BlockingIOError):
                raise HomeBusy(path.parent, _read(path)) from error
            raise
        lock = cls(path, fd, Holder(os.getpid(), command, url))
        lock._write()
        return lock

    def announce(self, url: str | None) -> None:
        """Put the address that this process serves on (or None again) into the lock file."""
        self.holder = Holder(self.holder.pid, self.holder.command, url)
        self._write()

    def release(self) -> None:
        if self._fd >= 0:
            os.ftruncate(self._fd, 0)
            os.close(self._fd)
            self._fd = -1

    def _write(self) -> None:
        text = json.dumps(
            {"pid": self.holder.pid, "command": self.holder.command, "url": self.holder.url}
        ).encode()
        os.ftruncate(self._fd, 0)
        os.pwrite(self._fd, text, 0)


def _lock(fd: int) -> None:
    """Take the lock for writing. Whoever only looks who has it holds it for an instant: try a few times."""
    for wait_s in (0.01, 0.03, 0.1, 0.0):
        try:
            fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            if not wait_s:
                raise
            time.sleep(wait_s)
        else:
            return


def holder_of(path: Path) -> Holder | None:
    """Who holds the lock at `path` now, or None when it is free; takes nothing away from anybody."""
    try:
        fd = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    except FileNotFoundError:
        return None
    try:
        fcntl.flock(fd, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        return _read(path) or Holder(0, "?")
    finally:
        os.close(fd)
    return None


def _read(path: Path) -> Holder | None:
    try:
        stated = json.loads(path.read_text("utf-8"))
        return Holder(int(stated["pid"]), str(stated["command"]), stated.get("url"))
    except (OSError, ValueError, KeyError, TypeError):
        return None
