"""Saved state of the steps: where a restart goes on instead of replaying the whole journal.

A snapshot is only a shortcut. A missing or damaged one costs time, never a result: the journal replays from the one
before, or from the beginning.
"""

import hashlib
import re
import struct
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from monitoring.adapters.file_ops import REAL, FileOps, write_whole

_MAGIC: Final = b"CLSNAP01"
_NAME: Final = re.compile(r"steps-(\d{12})\.snapshot")
_KEPT: Final = 3


@dataclass(frozen=True)
class Snapshot:
    """State after journal record `journal_seq`: the mission as it was known then, and the engine's state."""

    journal_seq: int
    mission: bytes
    engine: bytes


class Snapshots:
    """The snapshots of one home, newest last; only a few are kept."""

    def __init__(self, directory: Path, *, ops: FileOps = REAL) -> None:
        self._directory = directory
        self._ops = ops

    def save(self, snapshot: Snapshot) -> None:
        """Write it whole, synced, under its own name; older ones beyond the few kept are removed."""
        head = _MAGIC + struct.pack("<QQQ", snapshot.journal_seq, len(snapshot.mission), len(snapshot.engine))
        digest = hashlib.sha256(head + snapshot.mission + snapshot.engine).digest()
        path = self._directory / f"steps-{snapshot.journal_seq:012d}.snapshot"
        write_whole(self._ops, path, [[head, snapshot.mission, snapshot.engine, digest]])
        for old in self._paths()[:-_KEPT]:
            old.unlink(missing_ok=True)

    def newest(self, at_most_seq: int) -> Snapshot | None:
        """The newest whole snapshot not later than the record `at_most_seq`, None where there is none.

        Later ones are of a run whose results did not reach the store; they are removed.
        """
        for path in reversed(self._paths()):
            if _seq(path) > at_most_seq:
                path.unlink(missing_ok=True)
                continue
            found = _read(path)
            if found is not None:
                return found
        return None

    def _paths(self) -> list[Path]:
        return sorted(p for p in self._directory.iterdir() if _NAME.fullmatch(p.name))


def _seq(path: Path) -> int:
    found = _NAME.fullmatch(path.name)
    assert found is not None
    return int(found.group(1))


def _read(path: Path) -> Snapshot | None:
    data = path.read_bytes()
    head_size = len(_MAGIC) + 24
    if len(data) < head_size + 32 or not data.startswith(_MAGIC):
        return None
    seq, mission_size, engine_size = struct.unpack_from("<QQQ", data, len(_MAGIC))
    if len(data) != head_size + mission_size + engine_size + 32:
        return None
    if hashlib.sha256(data[:-32]).digest() != data[-32:]:
        return None
    mission_end = head_size + mission_size
    return Snapshot(seq, data[head_size:mission_end], data[mission_end:-32])
