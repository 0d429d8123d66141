"""Run as a program by a test that kills it: ingest a file, saying after each chunk what is acknowledged."""

import sys
from pathlib import Path

from monitoring.adapters.intake import Input
from monitoring.bootstrap import open_home
from monitoring.settings import Settings
from tests.integration.runtime.homes import NOW_NS


def main(home: str, events: str, chunk_bytes: str) -> None:
    settings = Settings(home=Path(home), chunk_bytes=int(chunk_bytes), file_tick_rows=400, snapshot_rows=900)
    with open_home(settings, "ingest") as opened:
        runtime = opened.runtime

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
