"""The watermark, moved by hand."""

import pyarrow as pa

from monitoring.agreement import Agreement
from monitoring.pipeline.clock import EventClock

S = 1_000_000_000
MINIMAL = Agreement.load("minimal")


def seen(*events: tuple[str, int]) -> pa.Table:
    return pa.table(
        {
            "sensor_id": pa.array([sensor for sensor, _ in events], type=pa.string()),
            "time_ns": pa.array([second * S for _, second in events], type=pa.int64()),
        }
    )


def test_the_slowest_active_sensor_holds_the_watermark() -> None:
    clock = EventClock()
    clock.observe(seen(("a", 5000), ("b", 4000), ("b", 3000)))
    assert clock.tick(5000 * S, False, MINIMAL) == (4000 - 600) * S


def test_a_sensor_that_is_silent_for_longer_than_the_idle_time_holds_nothing_back() -> None:
    clock = EventClock()
    clock.observe(seen(("a", 1000), ("b", 1000)))
    clock.tick(1000 * S, False, MINIMAL)
    clock.observe(seen(("a", 1120)))
    assert clock.tick(1120 * S, False, MINIMAL) == 400 * S
    clock.observe(seen(("a", 1121)))
    assert clock.tick(1121 * S, False, MINIMAL) == 521 * S


def test_without_an_active_sensor_the_watermark_follows_the_reference_time() -> None:
    clock = EventClock()
    clock.observe(seen(("a", 1000)))
    clock.tick(1000 * S, False, MINIMAL)
    assert clock.tick(9000 * S, False, MINIMAL) == 8400 * S


def test_a_sensor_whose_clock_runs_ahead_does_not_pull_the_watermark_past_the_reference() -> None:
    clock = EventClock()
    clock.observe(seen(("a", 99_000)))
    assert clock.tick(1000 * S, False, MINIMAL) == 400 * S


def test_the_watermark_never_falls() -> None:
    clock = EventClock()
    clock.observe(seen(("a", 5000)))
    clock.tick(5000 * S, False, MINIMAL)
    clock.observe(seen(("b", 10)))
    assert clock.tick(5001 * S, False, MINIMAL) == 4400 * S


def test_at_the_end_of_the_input_the_watermark_is_the_reference_time() -> None:
    clock = EventClock()
    clock.observe(seen(("a", 5000)))
    assert clock.tick(5000 * S, True, MINIMAL) == 5000 * S


def test_a_clock_read_back_from_json_is_the_same() -> None:
    clock = EventClock()
    clock.observe(seen(("a", 5000), ("b", 10)))
    clock.tick(5000 * S, False, MINIMAL)
    assert EventClock.from_json(clock.to_json()) == clock == clock.copy()
