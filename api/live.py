"""The live feed: what changed, told to every subscriber, resumed where a connection broke.

There is no queue per subscriber. Each one waits for the feed to move on and then reads the changes after its
own position, from a short memory of the newest ones or from the store; a slow reader costs only its own delay.
"""

import asyncio
from collections import deque
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass
from itertools import islice
from typing import Any, Final

import anyio.to_thread
from sse_starlette import ServerSentEvent

from monitoring.adapters.store import Store

REMEMBERED: Final = 5_000
BATCH: Final = 500


@dataclass(frozen=True)
class Position:
    """Where a subscriber begins, and whether changes before it can no longer be had."""

    change_id: int
    is_reset: bool


class LiveFeed:
    """Hands the store's changes to the subscribers of one application."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._newest = 0
        self._moved = asyncio.Event()
        self._memory: deque[dict[str, Any]] = deque(maxlen=REMEMBERED)
        self._reading = asyncio.Lock()
        self._stop: Callable[[], None] = lambda: None
        self.is_closing = False

    async def start(self) -> None:
        """Begin to listen to the store."""
        loop = asyncio.get_running_loop()
        _, self._newest = await anyio.to_thread.run_sync(self._store.change_bounds)

        def told(newest: int) -> None:
            loop.call_soon_threadsafe(self._move, newest)

        self._stop = self._store.subscribe(told)

    def close(self) -> None:
        """Let every subscriber go; more than once is harmless."""
        if self.is_closing:
            return
        self.is_closing = True
        self._stop()
        self._move(self._newest)

    def _move(self, newest: int) -> None:
        self._newest = max(self._newest, newest)
        self._moved.set()
        self._moved = asyncio.Event()

    async def position(self, last_event_id: str | None) -> Position:
        """Where to begin for a client that saw `last_event_id`; a strange id begins now and says so."""
        oldest, newest = await anyio.to_thread.run_sync(self._store.change_bounds)
        if last_event_id is None:
            return Position(newest, is_reset=False)
        if not last_event_id.isascii() or not last_event_id.isdecimal() or len(last_event_id) > 18:
            return Position(newest, is_reset=True)
        seen = int(last_event_id)
        if seen > newest or seen < oldest - 1:
            return Position(newest, is_reset=True)
        return Position(seen, is_reset=False)

    async def follow(self, start: Position) -> AsyncIterator[ServerSentEvent]:
        """The events after `start`, for ever; the first one tells the position."""
        seen = start.change_id
        hello = f'{{"id":"live","reset":{"true" if start.is_reset else "false"}}}'
        yield ServerSentEvent(data=hello, event="status", id=str(seen))
        while not self.is_closing:
            moved = self._moved
            newest = self._newest
            changes = await self._after(seen)
            if not changes:
                seen = max(seen, newest)
            for change in changes:
                seen = change["id"]
                yield ServerSentEvent(data=change["data"], event=change["kind"], id=str(seen))
            if seen >= self._newest:
                await moved.wait()

    async def _after(self, seen: int) -> list[dict[str, Any]]:
        if seen >= self._newest:
            return []
        async with self._reading:
            await self._remember()
        if self._memory and self._memory[0]["id"] <= seen + 1 <= self._memory[-1]["id"]:
            first = seen + 1 - self._memory[0]["id"]
            rows = list(islice(self._memory, first, first + BATCH))
            if rows and rows[0]["id"] == seen + 1:
                return rows
        return await anyio.to_thread.run_sync(self._store.changes_since, seen, BATCH)

    async def _remember(self) -> None:
        """Read what the memory lacks up to the newest change."""
        while True:
            known = self._memory[-1]["id"] if self._memory else max(0, self._newest - BATCH)
            if known >= self._newest:
                return
            rows = await anyio.to_thread.run_sync(self._store.changes_since, known, BATCH)
            if not rows:
                return
            self._memory.extend(rows)
