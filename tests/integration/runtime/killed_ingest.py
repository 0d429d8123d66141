"""Run as a program by tests that break it off: ingest a file, saying after each chunk how far it is acknowledged."""

import sys
from pathlib import Path

from monitoring.adapters.intake import Input
from tests.integration.runtime.homes import NOW_NS, opened


def main(home: str, events: str, chunk_bytes: str) -> None:
    with opened(Path(home), chunk_bytes=int(chunk_bytes), file_tick_rows=400, snapshot_rows=900) as runtime:

        def acknowledged(done: float, _total: float | None) -> None:
            sys.stdout.write(f"{int(done)}\n")
            sys.stdout.flush()

        path = Path(events)
        runtime.ingest_files(
            [Input(path, path.name)], door="file", principal="test", now_ns=NOW_NS, progress=acknowledged
        )
        sys.stdout.write("done\n")
        sys.stdout.flush()


if __name__ == "__main__":
    main(*sys.argv[1:])
