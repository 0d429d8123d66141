"""Run as a process of its own by tests that kill it: ingest a file, telling after each chunk how far it came."""

from multiprocessing.connection import Connection
from pathlib import Path

from monitoring.adapters.intake import Input
from tests.integration.runtime.homes import NOW_NS, opened


def ingest_and_tell(home: Path, events: Path, chunk_bytes: int, tell: Connection) -> None:
    """Send the number of bytes acknowledged after each chunk, and -1 in the end."""
    with opened(home, chunk_bytes=chunk_bytes, file_tick_rows=300, snapshot_rows=700) as runtime:
        runtime.ingest_files(
            [Input(events, events.name)],
            door="file",
            principal="test",
            now_ns=NOW_NS,
            progress=lambda done, _total: tell.send(int(done)),
        )
        tell.send(-1)
