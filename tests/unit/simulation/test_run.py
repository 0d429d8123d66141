"""A run as a whole: reproducible, in order of arrival, bounded, and of the promised size."""

from datetime import date

import msgspec
import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pytest

from geodata.contact_line import ContactLine
from monitoring import events, schema
from monitoring.agreement import Agreement
from monitoring.rules import bind
from monitoring.simulation import load_scenario, ndjson_bytes, simulate, truth_lines
from monitoring.simulation.terms import Terms
from tests.unit.simulation.conftest import Finished


def bytes_of(line: ContactLine, seed: int, hours: float = 2.0) -> tuple[bytes, str]:
    run = simulate("busy-day", line, seed=seed, hours=hours)
    written = b"".join(ndjson_bytes(table) for table in run.tables())
    return written, "\n".join(truth_lines(run.truth()))


def test_the_same_arguments_give_the_same_bytes(line: ContactLine) -> None:
    assert bytes_of(line, 5) == bytes_of(line, 5)


def test_another_seed_gives_another_day(line: ContactLine) -> None:
    assert bytes_of(line, 5)[0] != bytes_of(line, 6)[0]


def test_tables_have_the_columns_of_events_and_required_fields_are_there(finished: Finished) -> None:
    for table in finished.tables:
        assert table.schema.equals(schema.EVENT_FIELDS)
        table.validate(full=True)
    for name in ("sensor_id", "id", "time_ns", "kind"):
        assert finished.events.column(name).null_count == 0


def test_every_event_but_bearings_and_status_has_a_place(finished: Finished) -> None:
    table = finished.events
    has_place = ~np.isnan(events.reals(table, "lon"))
    has_bearing = ~np.isnan(events.reals(table, "bearing_deg"))
    is_status = np.isin(events.codes(table, "kind"), [schema.KINDS.index(k) for k in schema.STATUS_KINDS])
    assert np.all(has_place | has_bearing | is_status)


def test_every_fix_has_a_track_and_a_stated_error(finished: Finished) -> None:
    table = finished.events
    is_track = events.codes(table, "kind") == schema.KINDS.index("track")
    tracks = table.filter(pa.array(is_track))
    assert tracks.column("track_id").null_count == 0
    stated = ~np.isnan(events.reals(tracks, "sigma_m")) | ~np.isnan(events.reals(tracks, "sigma_major_m"))
    assert np.all(stated | ~np.isnan(events.reals(tracks, "bearing_deg")))


def test_every_sensor_of_an_event_is_in_the_registry_with_a_known_type(finished: Finished) -> None:
    known = {entry["id"]: entry for entry in finished.registry}
    assert set(finished.events.column("sensor_id").to_pylist()) <= set(known)
    assert {entry["type"] for entry in known.values()} <= set(schema.SENSOR_TYPES)
    assert {entry["host_side"] for entry in known.values()} == {"A", "B"}


def test_an_id_is_used_again_only_for_the_same_content(finished: Finished) -> None:
    lines = ndjson_bytes(finished.events).splitlines()
    keys = list(zip(*(finished.events.column(c).to_pylist() for c in ("sensor_id", "id")), strict=True))
    content: dict[tuple[str, str], bytes] = {}
    for key, row in zip(keys, lines, strict=True):
        assert content.setdefault(key, row) == row
    assert len(content) < len(keys), "some reports are sent twice"


def test_reports_are_missing_and_their_numbers_show_it(finished: Finished) -> None:
    table = finished.events
    numbers: dict[tuple[str, int], set[int]] = {}
    for sensor, boot, seq in zip(
        *(table.column(c).to_pylist() for c in ("sensor_id", "boot", "seq")), strict=True
    ):
        numbers.setdefault((sensor, boot), set()).add(seq)
    gaps = sum(max(found) + 1 - len(found) for found in numbers.values())
    assert 0.001 < gaps / table.num_rows < 0.02


def test_some_sensors_start_again_and_count_from_zero(line: ContactLine) -> None:
    run = simulate("busy-day", line, seed=3, hours=12)
    boots: dict[tuple[str, int], int] = {}
    for table in run.tables():
        for sensor, boot, seq in zip(
            *(table.column(c).to_pylist() for c in ("sensor_id", "boot", "seq")), strict=True
        ):
            boots[sensor, boot] = min(boots.get((sensor, boot), 10**9), seq)
    restarted = [first for (_, boot), first in boots.items() if boot > 0]
    assert restarted
    assert np.median(restarted) < 5


def test_some_reports_arrive_hours_late(finished: Finished) -> None:
    wrong = finished.run._world.net.hour_fault_s != 0
    hour_off = [name for name, is_wrong in zip(finished.run._world.net.ids, wrong, strict=True) if is_wrong]
    right = pc.invert(pc.is_in(finished.events["sensor_id"], pa.array(hour_off)))
    time_ns = events.ints(finished.events.filter(right), "time_ns")
    late = np.maximum.accumulate(time_ns) - time_ns
    assert 0.0005 < np.mean(late > 3_600e9) < 0.1


def test_the_default_day_has_the_promised_size_and_is_mostly_fixes(line: ContactLine) -> None:
    run = simulate("busy-day", line, seed=1)
    tables = list(run.tables())
    count = sum(table.num_rows for table in tables)
    fixes = sum(int((events.codes(t, "kind") == 0).sum()) for t in tables)
    assert 200_000 <= count <= 400_000
    assert 0.90 <= fixes / count <= 0.96
    assert max(table.num_rows for table in tables) < count / 8, "windows bound the memory"


def test_density_multiplies_activity_and_not_the_sensors(line: ContactLine) -> None:
    thin, thick = (simulate("quiet-day", line, seed=2, hours=3, density=d) for d in (0.5, 2.0))
    assert [e["id"] for e in thin.registry] == [e["id"] for e in thick.registry]
    n_thin, n_thick = (sum(t.num_rows for t in run.tables()) for run in (thin, thick))
    assert n_thick > 1.8 * n_thin


def test_a_period_ends_at_the_cut_off_of_its_date(finished: Finished) -> None:
    run = simulate(load_scenario("quiet-day"), finished.run._world.space.line, on=date(2026, 6, 15))
    assert (run.from_ns, run.to_ns) == (1781454600_000000000, 1781541000_000000000)


def test_terms_come_from_the_agreement_and_follow_the_left_side() -> None:
    agreement = Agreement.load("minimal")
    bind(agreement)
    terms = Terms.of(agreement, 0, "B")
    assert (terms.buffer_left_m, terms.zone_right_m) == (2_000.0, 30_000.0)
    assert terms.agreement_version == agreement.version


@pytest.mark.parametrize("change", [{"hours": 0.0}, {"hours": 10_000.0}, {"density": 0.0}])
def test_impossible_arguments_are_refused(line: ContactLine, change: dict[str, float]) -> None:
    with pytest.raises(ValueError, match="must lie between"):
        simulate("quiet-day", line, **change)


def test_progress_is_told_after_each_window(line: ContactLine) -> None:
    told: list[float] = []
    list(simulate("quiet-day", line, hours=4, density=0.2, progress=told.append).tables())
    assert told == [0.5, 1.0]


def test_a_world_in_which_nobody_fires_or_nobody_moves_runs(line: ContactLine) -> None:
    for without in ("fires", "movements"):
        scenario = msgspec.structs.replace(load_scenario("quiet-day"), **{without: ()})
        run = simulate(scenario, line, seed=1, hours=1)
        assert sum(table.num_rows for table in run.tables()) > 100
        assert run.truth().header["seed"] == 1
