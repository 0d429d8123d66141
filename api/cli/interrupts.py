"""Ctrl-C at the command line: held back while something is half done, heeded at the next moment when nothing is.

An exception out of nowhere could leave what is in memory half changed, and closing the home would write that down.
Whoever insists by a second Ctrl-C ends the process on the spot, which a home survives like any other crash.
"""

import os
import signal
import threading
from types import FrameType, TracebackType
from typing import Any, Self

from api.cli.output import EXIT_INTERRUPTED


class Interrupts:
    """While entered, Ctrl-C only takes effect in `heed`."""

    def __init__(self) -> None:
        self._is_noted = False
        self._before: Any = None

    def __enter__(self) -> Self:
        if threading.current_thread() is threading.main_thread():
            self._before = signal.signal(signal.SIGINT, self._note)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._before is not None:
            signal.signal(signal.SIGINT, self._before)
            self._before = None
        if kind is None:
            self.heed()

    def heed(self) -> None:
        """Raise KeyboardInterrupt if there was a Ctrl-C."""
        if self._is_noted:
            self._is_noted = False
            raise KeyboardInterrupt

    def _note(self, _number: int, _frame: FrameType | None) -> None:
        if self._is_noted:
            os._exit(EXIT_INTERRUPTED)
        self._is_noted = True
