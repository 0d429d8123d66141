"""`contactline serve`: the API and the workspace."""

import socket
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Annotated

import typer
import uvicorn

from api.app import create_app
from api.cli.output import EXIT_DATA, EXIT_USAGE, console, fail, progress
from api.cli.welcome import show_credentials
from monitoring.adapters.runtime import Runtime, write_server_file
from monitoring.adapters.service import MissionService
from monitoring.bootstrap import configure_logging, issue_token, open_home, revoke_token
from monitoring.settings import Settings

LOOPBACK = frozenset({"127.0.0.1", "::1", "localhost"})


def serve(
    context: typer.Context,
    host: Annotated[str | None, typer.Option(help="address to listen on [127.0.0.1]")] = None,
    port: Annotated[int | None, typer.Option(min=1, max=65_535, help="port to listen on [8000]")] = None,
) -> None:
    """Serve API and workspace of the home until interrupted.

    Example: `contactline serve --port 8080`
    """
    settings: Settings = context.obj.settings
    host, port = host or settings.host, port or settings.port
    with (
        bound(host, port) as listening,
        progress("taking up the journal") as advance,
        open_home(settings, "serve", on_replay=advance) as opened,
    ):
        if opened.credentials is not None:
            if host not in LOOPBACK:
                fail(
                    f"{settings.home} has accounts nobody has signed in to yet: serve it on 127.0.0.1 first, let each "
                    f"person set a passphrase, then on {host}",
                    exit_code=EXIT_USAGE,
                )
            show_credentials(opened.credentials)
        serve_runtime(opened.runtime, listening)


@contextmanager
def bound(host: str, port: int) -> Iterator[socket.socket]:
    """The listening socket, taken before anything else so that a port in use is told at once."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    listening = socket.socket(family, socket.SOCK_STREAM)
    listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        try:
            listening.bind((host, port))
            listening.listen(1_024)
        except OSError as error:
            fail(
                f"cannot listen on {host} port {port} ({error.strerror}): another program uses it, or it is not allowed. "
                f"Stop that program or choose another port by --port or CONTACTLINE_PORT.",
                exit_code=EXIT_DATA,
            )
        yield listening
    finally:
        listening.close()


def serve_runtime(runtime: Runtime, listening: socket.socket) -> None:
    """Serve an open home until interrupted."""
    configure_logging(is_json=False)
    host, port = listening.getsockname()[:2]
    url = f"http://{f'[{host}]' if ':' in host else host}:{port}"
    token = issue_token(runtime, "local command line", ("local",))
    runtime.home.announce(url)
    write_server_file(runtime.home, url, token)
    runtime.serve_live()
    console.print(f"serving [bold]{url}[/]   [dim]Ctrl-C stops; API at {url}/docs[/]")
    config = uvicorn.Config(
        create_app(MissionService(runtime)),
        log_level="warning",
        access_log=False,
        timeout_graceful_shutdown=3,
    )
    try:
        uvicorn.Server(config).run(sockets=[listening])
    finally:
        runtime.home.server_file.unlink(missing_ok=True)
        runtime.home.announce(None)
        revoke_token(runtime, token)
