"""The door of a server that a simulated run is played into."""

import json
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, Final

import httpx2

NDJSON: Final = "application/x-ndjson"


class DoorRefused(RuntimeError):
    """The server did not take a delivery; says why and what to do."""


class Door:
    """A server's door for events."""

    def __init__(self, url: str, token: str, transport: httpx2.BaseTransport | None = None) -> None:
        self._client = httpx2.Client(
            base_url=url,
            headers={"Authorization": f"Bearer {token}"},
            timeout=httpx2.Timeout(30.0, read=300.0),
            trust_env=False,
            transport=transport,
        )

    @classmethod
    def of_home(cls, home: Path) -> "Door | None":
        """The door of the server that holds a home; None where none does."""
        try:
            held_by = json.loads((home / "server.json").read_text(encoding="utf-8"))
            return cls(held_by["url"], held_by["token"])
        except (OSError, ValueError, KeyError):
            return None

    def close(self) -> None:
        """Closes the connection."""
        self._client.close()

    def register(self, sensors: list[dict[str, Any]]) -> bool:
        """Registers sensors; whether the token allows it."""
        answer = self._asked("POST", "/v1/sensors", json={"sensors": sensors})
        if answer.status_code in (401, 403):
            return False
        if answer.status_code >= 400:
            raise DoorRefused(f"sensors were not registered: {_why(answer)}")
        return True

    def deliver(self, body: bytes, sleep: Callable[[float], None] = time.sleep) -> dict[str, Any]:
        """Delivers NDJSON; the receipt. Waits where the door is full. Raises DoorRefused."""
        while True:
            answer = self._asked("POST", "/v1/events", content=body, headers={"Content-Type": NDJSON})
            if answer.status_code == 429:
                sleep(float(answer.headers.get("Retry-After", "1")))
                continue
            content: Any = answer.json() if answer.content else {}
            if answer.status_code == 422 and "receipt" in content:
                return dict(content["receipt"])
            if answer.status_code >= 400:
                raise DoorRefused(f"the door refused events: {_why(answer)}")
            return dict(content)

    def _asked(self, method: str, path: str, **more: Any) -> httpx2.Response:
        try:
            return self._client.request(method, path, **more)
        except httpx2.HTTPError as error:
            raise DoorRefused(f"{self._client.base_url}: {error}; is the server running?") from error


def _why(answer: httpx2.Response) -> str:
    try:
        problem = answer.json()
        return str(problem.get("detail") or problem.get("title"))
    except ValueError:
        return f"HTTP {answer.status_code}"
