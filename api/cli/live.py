"""Playing a simulated run into a server's door at a rate that can be turned while it runs.

Scenario time runs `rate` times as fast as the clock. No event is ever sent before the instant it is dated,
because the door holds what comes from the future; a run that has caught up with the clock goes on in real
time.
"""

import contextlib
import select
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, Protocol

from monitoring.simulation import Run, ndjson_bytes

if TYPE_CHECKING:
    from api.cli.live_door import Door

STEP_S: Final = 5.0
"""Scenario time between two cuts of the stream."""
ROWS_MAX: Final = 10_000
"""Rows in one delivery."""
POLL_S: Final = 0.25
"""How often keys and the control file are looked at while waiting."""
RATE_MAX: Final = 100_000.0
KEYS: Final = "+ faster, - slower, space pauses, q ends"


class Control(Protocol):
    """Where the rate comes from: asked for the rate, given the present one; None ends the play."""

    def __call__(self, rate: float) -> float | None: ...


class Pace:
    """When scenario time is due, at a rate that may change. Times in ns UTC; `rate` 0 = paused."""

    def __init__(self, start_ns: int, now_ns: int, rate: float) -> None:
        self.rate = rate
        self._scenario_ns, self._wall_ns = start_ns, now_ns

    def reached_ns(self, now_ns: int) -> int:
        """The scenario's time at `now_ns`, never beyond it.

        >>> Pace(0, 100, 2.0).reached_ns(110)
        20
        """
        return min(self._scenario_ns + int((now_ns - self._wall_ns) * self.rate), now_ns)

    def turn(self, rate: float, now_ns: int) -> None:
        """Goes on at another rate from where it is."""
        self._scenario_ns, self._wall_ns = self.reached_ns(now_ns), now_ns
        self.rate = rate


def start_of(hours: float, rate: float, now_ns: int) -> int:
    """The instant at which a run begins so that, at this rate throughout, it ends as the clock reaches its end.

    >>> start_of(24.0, 1.0, 1_000)
    1000
    """
    return now_ns - int(hours * 3_600e9 * (1.0 - 1.0 / rate)) if rate > 1.0 else now_ns


@dataclass
class Played:
    """What the door answered so far."""

    sent: int = 0
    accepted: int = 0
    duplicates: int = 0
    rejected: dict[str, int] = field(default_factory=dict)
    deliveries: int = 0
    is_whole: bool = False

    def add(self, receipt: dict[str, Any]) -> None:
        """Counts one receipt."""
        self.deliveries += 1
        self.accepted += receipt.get("accepted", 0)
        self.duplicates += receipt.get("duplicates", 0)
        for reason, count in receipt.get("rejected", {}).items():
            self.rejected[reason] = self.rejected.get(reason, 0) + count


def play(
    run: Run,
    door: "Door",
    pace: Pace,
    control: Control,
    *,
    now: Callable[[], int] = time.time_ns,
    sleep: Callable[[float], None] = time.sleep,
    told: Callable[[Played, int, float], None] | None = None,
) -> Played:
    """Sends a run's events as they fall due; `told` hears of progress (sums, scenario time in ns, rate)."""
    played = Played()
    waiting: list[bytes] = []
    rows = 0
    for until_ns, table in run.deliveries(STEP_S):
        while pace.reached_ns(now()) < until_ns:
            if waiting:
                _send(door, waiting, rows, played, sleep)
                waiting, rows = [], 0
            rate = control(pace.rate)
            if rate is None:
                return played
            if rate != pace.rate:
                pace.turn(rate, now())
            if told is not None:
                told(played, pace.reached_ns(now()), pace.rate)
            behind_s = (until_ns - pace.reached_ns(now())) / 1e9 / max(pace.rate, 1e-9)
            sleep(min(max(behind_s, 0.005), POLL_S))
        if table.num_rows:
            waiting.append(ndjson_bytes(table))
            rows += table.num_rows
        if rows >= ROWS_MAX:
            _send(door, waiting, rows, played, sleep)
            waiting, rows = [], 0
    if waiting:
        _send(door, waiting, rows, played, sleep)
    played.is_whole = True
    return played


def _send(
    door: "Door", waiting: list[bytes], rows: int, played: Played, sleep: Callable[[float], None]
) -> None:
    played.add(door.deliver(b"".join(waiting), sleep))
    played.sent += rows


class Knobs:
    """The rate as keys turn it (on a terminal) and as a control file says it; both may be used at once."""

    def __init__(self, file: Path | None, key: Callable[[], str] = lambda: "") -> None:
        self._file, self._key = file, key
        self._text = ""
        self._resume = 1.0

    def __call__(self, rate: float) -> float | None:
        """The rate to go on with; None to end."""
        pressed = self._key()
        if pressed == "q":
            return None
        if pressed == " ":
            self._resume, rate = (rate, 0.0) if rate else (self._resume, self._resume)
        elif pressed in ("+", "-"):
            rate = min(rate * (2.0 if pressed == "+" else 0.5), RATE_MAX)
        if self._file is not None:
            with contextlib.suppress(OSError, UnicodeDecodeError):
                text = self._file.read_text(encoding="utf-8").strip()
                if text != self._text:
                    self._text = text
                    # Half-written or mistaken content leaves the rate as it is.
                    with contextlib.suppress(ValueError):
                        rate = min(max(float(text), 0.0), RATE_MAX)
        return rate


@contextlib.contextmanager
def keys_of_terminal() -> Iterator[Callable[[], str]]:
    """Gives a function for the key pressed since it was last asked, or nothing; always nothing off a terminal."""
    if not sys.stdin.isatty():
        yield lambda: ""
        return
    try:
        import termios  # noqa: PLC0415  # only where there are such terminals
        import tty  # noqa: PLC0415
    except ImportError:
        yield lambda: ""
        return
    before = termios.tcgetattr(sys.stdin)
    try:
        tty.setcbreak(sys.stdin)
        yield lambda: sys.stdin.read(1) if select.select([sys.stdin], [], [], 0)[0] else ""
    finally:
        termios.tcsetattr(sys.stdin, termios.TCSADRAIN, before)
