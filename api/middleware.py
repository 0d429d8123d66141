"""What holds for every answer and every body: headers, limits, deadlines, counters; nothing is buffered."""

import asyncio
import time
from typing import Final

from starlette.datastructures import Headers, MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from api.errors import BodyTooLarge, BodyTooSlow
from api.limits import Limits
from api.metrics import Metrics

CONTENT_POLICY: Final = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data: blob:; font-src 'self'; "
    "connect-src 'self'; worker-src 'self' blob:; manifest-src 'self'; form-action 'self'; base-uri 'none'; "
    "frame-ancestors 'none'"
)
"""No script and no style but the workspace's own files; map workers may be started from them."""
DOCUMENT_POLICY: Final = (
    "default-src 'none'; style-src 'unsafe-inline'; img-src data:; base-uri 'none'; form-action 'none'; "
    "frame-ancestors 'self'; sandbox allow-popups"
)
"""For reports: documents with their own style and no script at all."""
_HEADERS: Final = {
    "content-security-policy": CONTENT_POLICY,
    "x-content-type-options": "nosniff",
    "referrer-policy": "no-referrer",
    "cross-origin-opener-policy": "same-origin",
    "cross-origin-resource-policy": "same-origin",
    "permissions-policy": "camera=(), geolocation=(), microphone=(), payment=()",
    "x-frame-options": "DENY",
}


class SafeHeaders:
    """Adds the security headers that an answer does not set itself; answers of the API are not stored."""

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return

        async def send_with_headers(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = MutableHeaders(scope=message)
                for name, value in _HEADERS.items():
                    headers.setdefault(name, value)
                if scope["path"].startswith("/v1/"):
                    headers.setdefault("cache-control", "no-store")
            await send(message)

        await self.app(scope, receive, send_with_headers)


class BoundedBody:
    """Gives up a body that is too large or too slow, before and while it is read."""

    def __init__(self, app: ASGIApp, limits: Limits, events_bytes_max: int) -> None:
        self.app = app
        self.limits = limits
        self.events_bytes_max = events_bytes_max

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http" or scope["method"] in ("GET", "HEAD", "OPTIONS"):
            await self.app(scope, receive, send)
            return
        stated = Headers(scope=scope).get("content-length")
        is_delivery = scope["path"] == "/v1/events"
        is_stream = is_delivery and stated is None
        bytes_max = self.events_bytes_max if is_delivery else self.limits.json_bytes_max
        too_large = stated is not None and (not stated.isdecimal() or int(stated) > bytes_max)
        begun_s = time.monotonic()
        count = 0
        is_whole = False

        async def bounded() -> Message:
            nonlocal count, is_whole
            if is_whole:
                return await receive()
            if too_large:
                raise BodyTooLarge(bytes_max)
            try:
                message = await asyncio.wait_for(receive(), self.limits.body_idle_s)
            except TimeoutError:
                raise BodyTooSlow from None
            if message["type"] == "http.request":
                count += len(message.get("body", b""))
                is_whole = not message.get("more_body", False)
            if is_stream:
                return message
            if count > bytes_max:
                raise BodyTooLarge(bytes_max)
            took_s = time.monotonic() - begun_s
            late_s = took_s - self.limits.body_grace_s
            if not is_whole and late_s > 0 and count < took_s * self.limits.body_bytes_per_s:
                raise BodyTooSlow
            return message

        await self.app(scope, bounded, send)


class Counted:
    """Counts requests by route and status, with how long they took."""

    def __init__(self, app: ASGIApp, metrics: Metrics) -> None:
        self.app = app
        self.metrics = metrics

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        begun_s = time.perf_counter()
        status = 500

        async def send_counted(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
            await send(message)

        try:
            await self.app(scope, receive, send_counted)
        finally:
            path = getattr(scope.get("route"), "path", "other")
            self.metrics.request(scope["method"], path, status, time.perf_counter() - begun_s)
