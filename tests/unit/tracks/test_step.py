"""What S1 remembers, forgets and leaves out."""

import numpy as np
import pyarrow as pa
import pytest

from geodata.contact_line import ContactLine, LineHistory
from geodata.line_file import LineDraft
from monitoring import events
from monitoring.agreement import SensorFacts
from monitoring.tracks.sigma import position_sigma_m
from monitoring.tracks.state import FIXES, Fixes, of_this_version
from monitoring.tracks.step import step
from tests.small_world import LINE, START_NS, fix, parameters, table

PARAMETERS = parameters()
FAR_NS = START_NS + 10**15


def test_memory_is_bounded_by_tracks_not_by_fixes() -> None:
    rows = [fix(i, 100 * np.sin(i), id=f"e{i}", track_id=f"t{i % 3}", sigma_m=100.0) for i in range(3000)]
    output = step(Fixes.empty(), table(rows), START_NS, PARAMETERS)
    assert len(output.batch) == 3000
    assert len(output.state.key) == 3


def test_a_million_fixes_in_one_place_are_remembered_as_one() -> None:
    rows = [fix(i, 0.0, id=f"e{i}") for i in range(1000)]
    output = step(Fixes.empty(), table(rows), START_NS, parameters(position_error=0))
    assert len(output.state.key) == 1
    assert len(output.batch.crossings) == 0


def test_a_track_that_has_been_silent_for_too_long_is_forgotten() -> None:
    state = step(Fixes.empty(), table([fix(0, -400)]), START_NS, PARAMETERS).state
    assert len(step(state, table([]), START_NS + 86_400 * 10**9, PARAMETERS).state.key) == 1
    assert len(step(state, table([]), START_NS + 86_401 * 10**9, PARAMETERS).state.key) == 0


def test_the_state_survives_its_table() -> None:
    state = step(Fixes.empty(), table([fix(0, -400), fix(9, 5, track_id="u")]), START_NS, PARAMETERS).state
    again = Fixes.from_table(state.to_table().cast(FIXES))
    assert again.to_table().equals(state.to_table())


def test_fixes_without_a_place_or_with_low_precision_take_no_part() -> None:
    rows = [fix(0, -400), fix(5, 0, lon=None, lat=None), fix(10, 0, flags=2), fix(15, 400)]
    assert len(step(Fixes.empty(), table(rows), FAR_NS, PARAMETERS).batch) == 2


def test_no_fixes_give_an_empty_batch() -> None:
    output = step(Fixes.empty(), table([]), FAR_NS, PARAMETERS)
    assert len(output.batch) == 0
    assert len(output.batch.crossings) == 0


@pytest.mark.parametrize(
    ("fields", "sigma_m"),
    [
        ({"sigma_m": 7.0, "sigma_major_m": 90.0}, 7.0),
        ({"sigma_m": None, "sigma_major_m": 90.0, "sigma_minor_m": 3.0}, 90.0),
        ({"sigma_m": None}, 33.0),
        ({"sigma_m": None, "sensor_id": "GS-2"}, 3000.0),
        ({"sigma_m": None, "sensor_id": "nobody"}, 25.0),
    ],
)
def test_the_error_of_a_position_is_what_the_event_the_sensor_or_its_type_says(
    fields: dict[str, object], sigma_m: float
) -> None:
    sensors = {"GS-1": SensorFacts("ground_radar", sigma_m=33.0), "GS-2": SensorFacts("seismic_array")}
    assert position_sigma_m(table([fix(0, 0, **fields)]), parameters(sensors=sensors)).tolist() == [sigma_m]
    assert position_sigma_m(table([fix(0, 0, **fields)]), parameters(position_error=0)).tolist() == [0.0]


def test_repeated_times_are_taken_in_the_order_of_ids() -> None:
    rows = [fix(0, -400, id="b"), fix(0, -300, id="a"), fix(0, -200, id="c")]
    batch = step(Fixes.empty(), events.in_canonical_order(table(rows)), FAR_NS, PARAMETERS).batch
    assert batch.names(np.arange(3))[2].tolist() == ["a", "b", "c"]
    assert isinstance(batch.id, pa.StringArray)


def test_what_version_1_remembered_is_read_as_each_tracks_newest_fix() -> None:
    rows = [fix(0, -400), fix(9, 5, track_id="u"), fix(5, -300)]
    newest = step(Fixes.empty(), table(rows[::2]), START_NS, PARAMETERS).state.to_table()
    older = step(Fixes.empty(), table(rows[:1]), START_NS, PARAMETERS).state.to_table()
    version_1 = pa.concat_tables([older, newest]).drop_columns(["sigma_minor_m", "sigma_azimuth_deg"])
    version_1 = version_1.append_column("is_step", pa.array([False, False]))
    assert of_this_version(version_1).equals(newest)
    assert of_this_version(newest).equals(newest)


def test_what_contradicts_a_fix_contradicts_it_against_a_new_line_too() -> None:
    moved = ContactLine.from_draft(LineDraft(((37.001, 48.0), (37.001, 49.0)), "moved"))
    used = parameters(lines=LineHistory([LINE]).with_line(moved, START_NS + 90 * 10**9))
    rows = [fix(60, 400, id="a"), fix(60, -400, id="b"), fix(120, -400, id="c")]
    at_once = step(Fixes.empty(), table(rows), FAR_NS, used).batch
    assert at_once.is_at_odds.tolist() == [True, True, True, False]
    first = step(Fixes.empty(), table(rows[:2]), START_NS, used)
    then = step(first.state, table(rows[2:]), FAR_NS, used).batch
    assert then.is_at_odds.tolist() == at_once.is_at_odds.tolist()[1:]
