"""The few file operations that durability rests on, behind one seam.

Everything that must survive a power cut is written through a `FileOps`. Tests put their own in its place: one
that fails at the k-th call, one that runs out of space, one that forgets what was never synced.
"""

import contextlib
import os
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Final

_PARTS_AT_ONCE: Final = 512  # below IOV_MAX everywhere


class FileOps:
    """The real operations. Each raises `OSError` like the system call it stands for."""

    def create(self, path: Path) -> int:
        """A new file opened for appending; `FileExistsError` if there is one."""
        return os.open(path, os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_APPEND | os.O_CLOEXEC, 0o640)

    def open_append(self, path: Path) -> int:
        """An existing file opened for appending."""
        return os.open(path, os.O_RDWR | os.O_APPEND | os.O_CLOEXEC)

    def write(self, fd: int, parts: Sequence[bytes]) -> None:
        """Write all `parts` one after the other; short writes are continued."""
        for start in range(0, len(parts), _PARTS_AT_ONCE):
            views = [memoryview(part) for part in parts[start : start + _PARTS_AT_ONCE] if len(part)]
            while views:
                written = os.writev(fd, views)
                while views and written >= len(views[0]):
                    written -= len(views[0])
                    views.pop(0)
                if views and written:
                    views[0] = views[0][written:]

    def sync(self, fd: int) -> None:
        """Wait until data and size are on disk."""
        if hasattr(os, "fdatasync"):
            os.fdatasync(fd)
        else:  # pragma: no cover - macOS
            os.fsync(fd)

    def sync_directory(self, path: Path) -> None:
        """Wait until the names in a directory are on disk."""
        fd = os.open(path, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
        try:
            os.fsync(fd)
        finally:
            os.close(fd)

    def truncate(self, fd: int, size: int) -> None:
        os.ftruncate(fd, size)

    def replace(self, source: Path, target: Path) -> None:
        source.replace(target)

    def unlink(self, path: Path) -> None:
        path.unlink(missing_ok=True)

    def allocate(self, fd: int, size: int) -> None:
        """Reserve `size` bytes of the disk for a file."""
        if hasattr(os, "posix_fallocate"):
            os.posix_fallocate(fd, 0, size)
        else:  # pragma: no cover - macOS
            self.write(fd, [bytes(size)])

    def close(self, fd: int) -> None:
        os.close(fd)


REAL: Final = FileOps()


def write_whole(ops: FileOps, path: Path, parts: Iterable[Sequence[bytes]]) -> None:
    """Put a whole file in place so that after any crash the old or the new one is there, never a mixture.

    Temporary name, sync, rename, sync of the directory. On failure the temporary file is removed and the
    `OSError` goes on.
    """
    temporary = path.with_name(path.name + ".tmp")
    ops.unlink(temporary)
    fd = ops.create(temporary)
    try:
        try:
            for part in parts:
                ops.write(fd, part)
            ops.sync(fd)
        finally:
            ops.close(fd)
        ops.replace(temporary, path)
        ops.sync_directory(path.parent)
    except OSError:
        with contextlib.suppress(OSError):
            ops.unlink(temporary)
        raise


def adopt_whole(ops: FileOps, temporary: Path, path: Path) -> None:
    """Sync a finished temporary file (written by a library) and rename it to `path`, durably."""
    fd = ops.open_append(temporary)
    try:
        ops.sync(fd)
    finally:
        ops.close(fd)
    ops.replace(temporary, path)
    ops.sync_directory(path.parent)
