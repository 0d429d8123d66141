"""Whether a sensor works, against the definition told slot by slot."""

from dataclasses import replace

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from monitoring.coverage.health import HOUR_SLOTS, KEEP_SLOTS, Health

SLOTS = st.sets(st.integers(0, 80), max_size=12)


def works(signs: set[int], down: set[int], slot: int, end: int, hold: int) -> bool:
    """Whether one sensor works in a slot, by what was known before `end`; it may be silent for `hold` slots."""
    if slot >= end:
        return False
    last = max((one for one in signs if one <= slot), default=None)
    if last is None or any(last <= one <= slot for one in down):
        return False
    following = min((one for one in signs if slot <= one < end), default=None)
    return last == slot or (end - 1 if following is None else following) - last <= hold


@settings(max_examples=150, deadline=None)
@given(
    sensors=st.lists(st.tuples(SLOTS, SLOTS, st.integers(1, 30)), min_size=1, max_size=4),
    hour=st.integers(0, 14),
    later=st.integers(0, 90),
)
def test_a_sensor_works_between_signs_of_life_near_enough_to_each_other(
    sensors: list[tuple[set[int], set[int], int]], hour: int, later: int
) -> None:
    def flags(which: int) -> NDArray[np.bool_]:
        return np.array([[slot in sensor[which] for slot in range(KEEP_SLOTS)] for sensor in sensors])  # type: ignore[operator]

    health = replace(
        Health.empty([str(i) for i in range(len(sensors))], [], 0), signs=flags(0), down=flags(1)
    )
    first = hour * HOUR_SLOTS
    as_of = first + later
    hold = np.array([sensor[2] for sensor in sensors])
    end = min(as_of, KEEP_SLOTS)
    expected = [
        [works(signs, down, slot, end, own) for slot in range(first, first + HOUR_SLOTS)]
        for signs, down, own in sensors
    ]
    assert health.working(first, as_of, hold).tolist() == expected
