"""File operations that fail, fill up or forget, in place of the real ones."""

import contextlib
import errno
import os
import random
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import pytest

from monitoring.adapters.file_ops import FileOps


class FaultyOps(FileOps):
    """The real operations until call number `fail_at` (over all kinds in `kinds`), which raises `error`.

    `sticky`: every later one fails too. A failing write first writes half of what it was given.
    """

    def __init__(
        self, fail_at: int = 0, error: int = errno.EIO, kinds: str = "write sync", sticky: bool = False
    ) -> None:
        self.fail_at, self.error, self.kinds, self.sticky = fail_at, error, kinds.split(), sticky
        self.calls = 0
        self.log: list[str] = []

    def _count(self, kind: str) -> bool:
        self.log.append(kind)
        if kind not in self.kinds:
            return False
        self.calls += 1
        return bool(self.fail_at) and (
            self.calls == self.fail_at or (self.sticky and self.calls > self.fail_at)
        )

    def _check(self, kind: str) -> None:
        if self._count(kind):
            raise OSError(self.error, os.strerror(self.error))

    def create(self, path: Path) -> int:
        self._check("create")
        return super().create(path)

    def write(self, fd: int, parts: Sequence[bytes]) -> None:
        if self._count("write"):
            whole = b"".join(parts)
            super().write(fd, [whole[: len(whole) // 2]])
            raise OSError(self.error, os.strerror(self.error))
        super().write(fd, parts)

    def sync(self, fd: int) -> None:
        self._check("sync")
        super().sync(fd)

    def sync_directory(self, path: Path) -> None:
        self._check("sync_directory")
        super().sync_directory(path)

    def truncate(self, fd: int, size: int) -> None:
        self._check("truncate")
        super().truncate(fd, size)

    def replace(self, source: Path, target: Path) -> None:
        self._check("replace")
        super().replace(source, target)

    def unlink(self, path: Path) -> None:
        self._check("unlink")
        super().unlink(path)

    def allocate(self, fd: int, size: int) -> None:
        self._check("allocate")
        super().allocate(fd, size)


class PowerCutOps(FileOps):
    """Remembers what a disk would still hold if the power went now: synced data under synced names.

    `cut(target)` writes such a disk to another folder. Of data that was not synced, each sector survives, is
    zero, or the file ends before it, as `rng` decides; a name that was not synced is there or not.
    """

    def __init__(self, root: Path, rng: random.Random) -> None:
        self.root, self.rng = root, rng
        self.synced: dict[int, bytes] = {}
        self.names: dict[Path, int] = {}
        self.kept: dict[int, int] = {}

    def _inode(self, path: Path) -> int:
        inode = path.stat().st_ino
        if inode not in self.kept:
            # An open descriptor keeps the number of a replaced or removed file from being given to another.
            self.kept[inode] = os.open(path, os.O_RDONLY)
        return inode

    def create(self, path: Path) -> int:
        fd = super().create(path)
        self.synced.setdefault(self._inode(path), b"")
        return fd

    def sync(self, fd: int) -> None:
        self.synced[os.fstat(fd).st_ino] = os.pread(fd, os.fstat(fd).st_size, 0)

    def sync_directory(self, path: Path) -> None:
        self.names = {name: inode for name, inode in self.names.items() if name.parent != path}
        for name in path.iterdir():
            if name.is_file():
                self.names[name] = self._inode(name)

    def cut(self, target: Path) -> None:
        target.mkdir()
        now = {name: self._inode(name) for name in self.root.rglob("*") if name.is_file()}
        for name in sorted(set(now) | set(self.names)):
            before, after = self.names.get(name), now.get(name)
            inode = before if before == after else self.rng.choice([before, after])
            if inode is not None:
                place = target / name.relative_to(self.root)
                place.parent.mkdir(parents=True, exist_ok=True)
                place.write_bytes(self._contents(inode))

    def _contents(self, inode: int) -> bytes:
        synced = self.synced.get(inode, b"")
        fd = self.kept[inode]
        whole = os.pread(fd, os.fstat(fd).st_size, 0)
        if whole[: len(synced)] != synced:  # truncated and written again: the synced state is the older one
            return synced
        tail = bytearray(whole[len(synced) :])
        sector_starts = (start for start in range(len(tail)) if (len(synced) + start) % 512 == 0)
        for start in {0, *sector_starts} if tail else ():
            if self.rng.random() < 0.4:
                end = min(len(tail), start + 512 - (len(synced) + start) % 512)
                tail[start:end] = bytes(end - start)
        return synced + bytes(tail[: self.rng.randint(0, len(tail))])

    def close_all(self) -> None:
        for fd in self.kept.values():
            os.close(fd)


@pytest.fixture
def faulty() -> type[FaultyOps]:
    return FaultyOps


@pytest.fixture
def power_cut() -> Iterator[Callable[[Path, random.Random], PowerCutOps]]:
    made: list[PowerCutOps] = []

    def make(root: Path, rng: random.Random) -> PowerCutOps:
        made.append(PowerCutOps(root, rng))
        return made[-1]

    yield make
    for ops in made:
        with contextlib.suppress(OSError):
            ops.close_all()
