"""Running `contactline` as a user does: in this process where that is enough, as a process of its own where not."""

import io
import json
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, redirect_stderr, redirect_stdout
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from unittest import mock

from api.cli.app import run

PROGRAM = Path(sys.executable).with_name("contactline")
START_S = 60.0


@dataclass(frozen=True)
class Ran:
    """What a command did: exit code and what it wrote."""

    exit_code: int
    out: str
    err: str

    @property
    def json(self) -> dict[str, Any]:
        """Standard output as the one JSON object that `--json` promises."""
        found = json.loads(self.out)
        assert isinstance(found, dict)
        return found


def contactline(home: Path, *arguments: object, stdin: bytes = b"") -> Ran:
    """Run a command on `home` in this process."""
    out, err = io.StringIO(), io.StringIO()
    given = io.TextIOWrapper(io.BytesIO(stdin), encoding="utf-8")
    with redirect_stdout(out), redirect_stderr(err), mock.patch.object(sys, "stdin", given):
        exit_code = run(["--home", str(home), *map(str, arguments)])
    return Ran(exit_code, out.getvalue(), err.getvalue())


def started(home: Path, *arguments: object, settings: Mapping[str, str] | None = None, **how: Any) -> Any:
    """A command as a process of its own, with its output piped."""
    return subprocess.Popen(
        [str(PROGRAM), "--home", str(home), *map(str, arguments)],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env={**os.environ, "COLUMNS": "200", **(settings or {})},
        **how,
    )


def free_port() -> int:
    """A port that nobody listens on at this moment."""
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        return int(one.getsockname()[1])


@dataclass(frozen=True)
class Serving:
    """A running server: its process, address, and the token of the user's own commands."""

    process: Any
    url: str
    token: str


def wait_until_served(home: Path, process: Any) -> Serving:
    """The server of `home` once it answers."""
    deadline = time.monotonic() + START_S
    while time.monotonic() < deadline:
        if process.poll() is not None:
            raise AssertionError(f"the server ended with {process.returncode}: {process.stderr.read()}")
        try:
            told = json.loads((home / "server.json").read_text("utf-8"))
            port = int(told["url"].rsplit(":", 1)[1])
            socket.create_connection(("127.0.0.1", port), timeout=1.0).close()
        except (OSError, ValueError):
            time.sleep(0.05)
        else:
            return Serving(process, told["url"], told["token"])
    raise AssertionError("the server did not start in time")


@contextmanager
def serving(home: Path, **settings: str) -> Iterator[Serving]:
    """`contactline serve` on `home`, stopped in the end."""
    process = started(home, "serve", "--port", free_port(), settings=settings)
    try:
        yield wait_until_served(home, process)
    finally:
        if process.poll() is None:
            process.send_signal(signal.SIGTERM)
        process.communicate(timeout=60)
