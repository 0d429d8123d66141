"""Playing a run into a door: when things are due, how the rate turns, and what the door may answer."""

import json
from pathlib import Path
from typing import Any

import httpx2
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from api.cli.live import Knobs, Pace, play, start_of
from api.cli.live_door import Door, DoorRefused
from geodata.contact_line import packaged_line
from monitoring.simulation import simulate

SECOND = 1_000_000_000


class Clock:
    """A clock that sleeping moves."""

    def __init__(self, at_ns: int) -> None:
        self.at_ns = at_ns

    def now(self) -> int:
        return self.at_ns

    def sleep(self, seconds: float) -> None:
        self.at_ns += int(seconds * 1e9)


class Server:
    """What a door received, and answers of its own."""

    def __init__(self, clock: Clock, answers: list[httpx2.Response] | None = None) -> None:
        self.clock, self.answers = clock, answers or []
        self.rows: list[dict[str, Any]] = []
        self.times: list[int] = []
        self.paths: list[str] = []

    def door(self) -> Door:
        return Door("http://door", "secret", transport=httpx2.MockTransport(self._answer))

    def _answer(self, request: httpx2.Request) -> httpx2.Response:
        assert request.headers["Authorization"] == "Bearer secret"
        self.paths.append(request.url.path)
        if self.answers:
            return self.answers.pop(0)
        rows = [json.loads(line) for line in request.content.splitlines()]
        self.rows += rows
        self.times += [self.clock.now()] * len(rows)
        return httpx2.Response(200, json={"accepted": len(rows), "duplicates": 0, "rejected": {}})


def played(rate: float, hours: float = 0.5, turn: Any = None) -> tuple[Server, Any, Any]:
    clock = Clock(1_781_454_600 * SECOND)
    server = Server(clock)
    began = clock.now()
    run = simulate("quiet-day", packaged_line(), seed=1, hours=hours, start_ns=start_of(hours, rate, began))
    pace = Pace(run.from_ns, began, rate)
    done = play(run, server.door(), pace, turn or (lambda now_at: now_at), now=clock.now, sleep=clock.sleep)
    return server, done, (clock.now() - began) / SECOND


@pytest.mark.parametrize("rate", [1.0, 60.0])
def test_everything_is_sent_in_the_time_that_the_rate_asks_for(rate: float) -> None:
    server, done, lasted_s = played(rate)
    assert (done.is_whole, done.sent, done.accepted) == (True, len(server.rows), len(server.rows))
    assert done.sent > 2_000
    assert lasted_s == pytest.approx(1_800 / rate, rel=0.02)
    assert done.deliveries > 20


def test_no_event_is_sent_before_the_instant_it_is_dated_but_for_wrong_clocks() -> None:
    server, _, _ = played(60.0)
    ahead = [
        row["id"]
        for row, at_ns in zip(server.rows, server.times, strict=True)
        if _ns(row["time"]) > at_ns + 2 * SECOND
    ]
    assert len(ahead) < 0.02 * len(server.rows)


def _ns(text: str) -> int:
    from datetime import datetime  # noqa: PLC0415  # used here only

    return int(datetime.fromisoformat(text).timestamp() * 1e9)


def test_the_rate_can_be_turned_while_it_runs_and_the_play_be_ended() -> None:
    asked: list[float] = []

    def turn(rate: float) -> float | None:
        asked.append(rate)
        return None if len(asked) > 40 else 8.0 if len(asked) > 20 else rate

    _, done, lasted_s = played(2.0, turn=turn)
    assert asked[-1] == 8.0
    assert not done.is_whole
    assert lasted_s < 900


@given(st.lists(st.tuples(st.floats(0.0, 1e4), st.integers(0, 10**12)), max_size=12))
@settings(max_examples=100, deadline=None)
def test_scenario_time_never_jumps_back_nor_passes_the_clock(turns: list[tuple[float, int]]) -> None:
    now, pace = 10**18, Pace(10**18 - 10**13, 10**18, 1.0)
    before = pace.reached_ns(now)
    for rate, later in turns:
        now += later
        at = pace.reached_ns(now)
        assert before <= at <= now
        pace.turn(rate, now)
        assert pace.reached_ns(now) == at
        before = at


def test_keys_and_the_control_file_turn_the_rate(tmp_path: Path) -> None:
    file, keys = tmp_path / "rate", list("++- q")
    knobs = Knobs(file, lambda: keys.pop(0) if keys else "")
    assert [knobs(1.0), knobs(2.0), knobs(4.0)] == [2.0, 4.0, 2.0]
    assert knobs(2.0) == 0.0
    assert knobs(0.0) is None
    file.write_text("30\n", encoding="utf-8")
    assert knobs(1.0) == 30.0
    assert knobs(7.0) == 7.0, "only a new number counts"
    file.write_text("thirt", encoding="utf-8")
    assert knobs(7.0) == 7.0


def test_pausing_resumes_at_the_rate_before() -> None:
    keys = list("  ")
    knobs = Knobs(None, lambda: keys.pop(0))
    assert knobs(5.0) == 0.0
    assert knobs(0.0) == 5.0


def test_a_full_door_is_waited_for_and_a_refusal_is_told() -> None:
    clock = Clock(0)
    full = httpx2.Response(429, headers={"Retry-After": "3"}, json={"detail": "full"})
    server = Server(clock, [full])
    assert server.door().deliver(b'{"id":"e"}\n', clock.sleep)["accepted"] == 1
    assert clock.now() == 3 * SECOND
    nothing = {"receipt": {"accepted": 0, "duplicates": 0, "rejected": {"unknown_sensor": 1}}}
    server = Server(clock, [httpx2.Response(422, json=nothing)])
    assert server.door().deliver(b"{}\n", clock.sleep)["rejected"] == {"unknown_sensor": 1}
    server = Server(clock, [httpx2.Response(507, json={"detail": "disk full"})])
    with pytest.raises(DoorRefused, match="disk full"):
        server.door().deliver(b"{}\n", clock.sleep)


def test_sensors_are_registered_where_the_token_may() -> None:
    for status, allowed in ((201, True), (403, False)):
        server = Server(Clock(0), [httpx2.Response(status, json={})])
        assert server.door().register([{"id": "s", "type": "generic"}]) is allowed
        assert server.paths == ["/v1/sensors"]
