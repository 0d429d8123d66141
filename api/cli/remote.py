"""Talking to the server that holds a home: write commands go through it, so that there is one writer."""

import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self

from api.cli.output import Advance
from monitoring.adapters.home import writer_of

if TYPE_CHECKING:
    import httpx2


class ServerRefused(Exception):
    """The running server answered with a problem; `problem` is its RFC 9457 body."""

    def __init__(self, status: int, problem: Mapping[str, Any]) -> None:
        self.status = status
        self.problem = problem
        super().__init__(str(problem.get("detail") or problem.get("title") or f"HTTP {status}"))


class RemoteHome:
    """A home that is held by a running server, reached through its HTTP door with the local token."""

    def __init__(self, home: Path, url: str, token: str) -> None:
        import httpx2  # noqa: PLC0415  only where a server holds the home

        self.home = home
        self.url = url
        self._client = httpx2.Client(
            base_url=url,
            headers={"Authorization": f"Bearer {token}"},
            timeout=httpx2.Timeout(30.0, read=600.0),
            trust_env=False,
        )
        self._is_silent = httpx2.HTTPError

    @classmethod
    def of(cls, home: Path) -> "RemoteHome | None":
        """The server of `home`, or None where none is running."""
        # A killed server leaves its file behind; the token in it is told to nobody but who holds the lock now.
        writer = writer_of(home)
        if writer is None or writer.url is None:
            return None
        try:
            held_by = json.loads((home / "server.json").read_text(encoding="utf-8"))
        except (OSError, ValueError):
            return None
        if held_by["url"] != writer.url:
            return None
        remote = cls(home, held_by["url"], held_by["token"])
        try:
            remote._client.get("/healthz", timeout=5.0)
        except remote._is_silent:
            remote.close()
            return None
        return remote

    def close(self) -> None:
        """Closes the connection."""
        self._client.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def get(self, path: str, **query: Any) -> dict[str, Any]:
        """The JSON object at `path`; raises `ServerRefused` for a problem."""
        return _body(self._client.get(path, params=_clean(query)))

    def get_bytes(self, path: str) -> bytes:
        """The bytes at `path`; raises `ServerRefused` for a problem."""
        response = self._client.get(path)
        if response.status_code >= 400:
            _body(response)
        return response.content

    def post(self, path: str, body: Mapping[str, Any], **query: Any) -> dict[str, Any]:
        """Posts a JSON object; raises `ServerRefused` for a problem."""
        return _body(self._client.post(path, json=dict(body), params=_clean(query)))

    def post_file(
        self, path: str, file: Path, media_type: str, advance: Advance, **query: Any
    ) -> dict[str, Any]:
        """Posts a file's bytes as they are, reporting progress in bytes; raises `ServerRefused` for a problem."""
        total = file.stat().st_size

        def pieces() -> Iterator[bytes]:
            done = 0
            with file.open("rb") as source:
                while piece := source.read(1 << 20):
                    yield piece
                    done += len(piece)
                    advance(done, total)

        headers = {"Content-Type": media_type, "Content-Length": str(total)}
        return _body(self._client.post(path, content=pieces(), headers=headers, params=_clean(query)))


def _clean(query: Mapping[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in query.items() if value is not None}


def _body(response: "httpx2.Response") -> dict[str, Any]:
    try:
        body = response.json()
    except ValueError:
        body = {"title": f"HTTP {response.status_code}", "detail": response.text[:500]}
    if response.status_code >= 400:
        raise ServerRefused(response.status_code, body if isinstance(body, dict) else {"detail": str(body)})
    return body if isinstance(body, dict) else {"items": body}
