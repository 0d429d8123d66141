"""Running the application under uvicorn, with a deadline for connections that never finish asking."""

import asyncio
import socket
from typing import Any, Final

import uvicorn
from fastapi import FastAPI
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

from api.limits import Limits

CONNECTIONS_MAX: Final = 1_000
SHUTDOWN_S: Final = 5


def with_head_deadline(head_s: float) -> type[HttpToolsProtocol]:
    """A protocol that closes a connection which has not sent a whole request head after `head_s` seconds.

    The server itself only limits how long an idle connection is kept between requests: one that sends a byte
    now and then would be kept for ever. Bodies have their own deadline in the application.
    """

    class HeadDeadlineProtocol(HttpToolsProtocol):
        _deadline: asyncio.TimerHandle | None = None

        def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override] # as uvicorn has it
            super().connection_made(transport)
            self._expect_head()

        def on_message_begin(self) -> None:
            super().on_message_begin()
            if self._deadline is None:
                self._expect_head()

        def on_headers_complete(self) -> None:
            self._forget()
            super().on_headers_complete()

        def connection_lost(self, exc: Exception | None) -> None:
            self._forget()
            super().connection_lost(exc)

        def _expect_head(self) -> None:
            self._deadline = self.loop.call_later(head_s, self._give_up)

        def _forget(self) -> None:
            if self._deadline is not None:
                self._deadline.cancel()
                self._deadline = None

        def _give_up(self) -> None:
            self._deadline = None
            if not self.transport.is_closing():
                self.transport.close()

    return HeadDeadlineProtocol


class Server(uvicorn.Server):
    """A server that ends the live streams first when it stops, so that it need not wait for them."""

    def __init__(self, config: uvicorn.Config, app: FastAPI) -> None:
        super().__init__(config)
        self._app = app

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        self._app.state.live.close()
        await super().shutdown(sockets)


def server(app: FastAPI, host: str, port: int, *, limits: Limits | None = None, **options: Any) -> Server:
    """A server that is ready to `run()`; it answers `port in use` by exiting as uvicorn does."""
    config = uvicorn.Config(
        app,
        host=host,
        port=port,
        http=with_head_deadline((limits or Limits()).head_s),
        loop="auto",
        ws="none",
        log_level="warning",
        access_log=False,
        server_header=False,
        timeout_keep_alive=15,
        timeout_graceful_shutdown=SHUTDOWN_S,
        limit_concurrency=CONNECTIONS_MAX,
        **options,
    )
    return Server(config, app)
