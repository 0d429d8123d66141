"""`contactline serve`: the API and the workspace."""

import signal
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Annotated, Any

import typer

from api.cli.output import EXIT_DATA, EXIT_USAGE, console, fail, progress
from api.cli.welcome import show_credentials
from monitoring.adapters.runtime import Runtime, write_server_file
from monitoring.bootstrap import configure_logging, has_signed_in, issue_token, open_home, revoke_token
from monitoring.settings import Settings

if TYPE_CHECKING:
    from uvicorn import Server

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
    is_local = host in LOOPBACK
    with (
        bound(host, port) as listening,
        progress("taking up the journal") as advance,
        open_home(settings, "serve", on_replay=advance, makes_accounts=is_local) as opened,
    ):
        if not is_local and not has_signed_in(opened.runtime):
            fail(
                f"nobody has signed in to {settings.home} yet: serve it on 127.0.0.1 first, let each person set a "
                f"passphrase, then on {host}",
                exit_code=EXIT_USAGE,
            )
        if opened.credentials is not None:
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
                f"cannot listen on {host} port {port} ({error.strerror}): another program uses it, or it is not "
                f"allowed. Stop that program or choose another port by --port or CONTACTLINE_PORT.",
                exit_code=EXIT_DATA,
            )
        yield listening
    finally:
        listening.close()


def serve_runtime(runtime: Runtime, listening: socket.socket) -> None:
    """Serve an open home until Ctrl-C or SIGTERM."""
    # The web framework takes half a second to import, and only this command needs it.
    from api.app import create_app  # noqa: PLC0415
    from api.serving import server as server_of  # noqa: PLC0415
    from monitoring.adapters.service import MissionService  # noqa: PLC0415

    configure_logging(is_json=False)
    host, port = listening.getsockname()[:2]
    url = f"http://{f'[{host}]' if ':' in host else host}:{port}"
    token = issue_token(runtime, "local command line", ("local",))
    server = server_of(create_app(MissionService(runtime)), host, port)
    try:
        runtime.home.announce(url)
        write_server_file(runtime.home, url, token)
        runtime.serve_live()
        console.print(f"serving [bold]{url}[/]   [dim]Ctrl-C stops; API at {url}/docs[/]")
        with _stopping_in_order(server):
            server.run(sockets=[listening])
    finally:
        runtime.home.server_file.unlink(missing_ok=True)
        runtime.home.announce(None)
        revoke_token(runtime, token)


@contextmanager
def _stopping_in_order(server: "Server") -> Iterator[None]:
    """Let SIGINT and SIGTERM end the serving only: the server would raise them again, and the home stay open."""

    def stop(*_: Any) -> None:
        server.should_exit = True

    before = {number: signal.signal(number, stop) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
