"""A small reserve of disk, so that a full disk still lets the program write down why it stopped and close."""

from pathlib import Path
from typing import Final

from monitoring.adapters.file_ops import REAL, FileOps

RESERVE_BYTES: Final = 16 << 20


class DiskReserve:
    """A file that holds `size` bytes of the disk until they are needed."""

    def __init__(self, path: Path, size: int = RESERVE_BYTES, ops: FileOps = REAL) -> None:
        self.path = path
        self.size = size
        self._ops = ops

    @property
    def is_held(self) -> bool:
        try:
            return self.path.stat().st_size >= self.size
        except FileNotFoundError:
            return False

    def hold(self) -> bool:
        """Take the reserve (again); False when the disk has no room for it."""
        if self.is_held:
            return True
        try:
            self._ops.unlink(self.path)
            fd = self._ops.create(self.path)
            try:
                self._ops.allocate(fd, self.size)
            finally:
                self._ops.close(fd)
        except OSError:
            self.path.unlink(missing_ok=True)
            return False
        return True

    def release(self) -> None:
        """Give the reserve to whoever has to write now."""
        self._ops.unlink(self.path)
