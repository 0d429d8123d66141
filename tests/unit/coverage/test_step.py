"""What is told of an hour: silence, outages, loss, aircraft, and how later knowledge changes it."""

import msgspec
import numpy as np
import pytest

from monitoring import coverage, events, schema
from monitoring.agreement import SensorFacts
from monitoring.coverage import reach
from tests.small_world import fix, place, table
from tests.watching import (
    FIRST_NS,
    HOUR_NS,
    beats,
    every,
    heartbeat,
    newest,
    post,
    told,
    total,
    watched,
    world_of,
)

RADAR = {"GR-1": post("ground_radar", -3_000.0)}
VEHICLES = "crossing_vehicle"


def test_without_a_registry_there_is_no_coverage_at_all():
    assert not watched({}, beats(["GR-1"], every(0.5, 2.0)), 3.0)


def test_a_registry_of_sensors_whose_places_nobody_knows_gives_no_coverage():
    assert not watched({"GR-1": SensorFacts("ground_radar")}, beats(["GR-1"], every(0.5, 2.0)), 3.0)


def test_a_registered_sensor_that_was_never_heard_watches_nothing():
    sensors = {**RADAR, "GR-2": post("ground_radar", -3_000.0, 40_000.0)}
    rows = watched(sensors, beats(["GR-2"], every(0.5, 2.0)), 2.0)
    near = [row for row in rows if row["sector"] == "S01" and row["kind"] == VEHICLES]
    assert {row["working_count"] for row in near} <= {0, 1}
    assert total(rows, VEHICLES, "lost_km_h") > 10.0
    assert max(row["down_count"] for row in rows if row["kind"] == VEHICLES) == 1


def test_a_working_radar_watches_the_line_in_its_reach_and_not_more():
    rows = watched(RADAR, beats(["GR-1"], every(0.5, 2.0)), 2.0)
    expected_km = 2 * np.sqrt((1.2 * 15_000.0) ** 2 - 3_000.0**2) / 1_000.0
    assert 0.8 * expected_km < total(rows, VEHICLES, hour=0) < expected_km
    assert total(rows, "crossing_person", hour=0) < total(rows, VEHICLES, hour=0)
    assert total(rows, "fire_mortar") == 0.0
    assert {row["status"] for row in rows if row["kind"] == "fire_mortar"} == {"not_observed"}
    assert all(row["detection_prob"] is None for row in rows if not row["watched_km_h"])


def test_a_stated_field_of_view_leaves_out_what_lies_behind():
    away = beats(["GR-1"], every(0.5, 2.0), fov_azimuth_deg=270.0, fov_width_deg=120.0)
    towards = beats(["GR-1"], every(0.5, 2.0), fov_azimuth_deg=90.0, fov_width_deg=120.0)
    assert total(watched(RADAR, away, 2.0), VEHICLES) == 0.0
    assert total(watched(RADAR, towards, 2.0), VEHICLES) > 10.0


@pytest.mark.parametrize("claim_m", [50_000.0, 1e6])
def test_no_claim_makes_a_sensor_reach_much_farther_than_its_type(claim_m):
    boasting = watched(RADAR, beats(["GR-1"], every(0.5, 1.0), reach_m=claim_m), 1.0)
    honest = watched(RADAR, beats(["GR-1"], every(0.5, 1.0)), 1.0)
    assert total(honest, VEHICLES) < total(boasting, VEHICLES) < 1.7 * total(honest, VEHICLES)


def test_the_smaller_of_two_claims_counts():
    sensors = {"GR-1": post("ground_radar", -3_000.0, reach_m=5_000.0)}
    assert total(
        watched(sensors, beats(["GR-1"], [0.0, 0.5], reach_m=15_000.0), 1.0), VEHICLES
    ) == pytest.approx(total(watched(sensors, beats(["GR-1"], [0.0, 0.5]), 1.0), VEHICLES))


def test_silence_longer_than_the_interval_and_the_lateness_is_not_watching():
    # A radar reports its health each hour and is waited for another ten minutes: it falls silent after hour 1.
    rows = [*beats(["GR-1"], [0.0, 0.5, 1.0]), heartbeat("GR-1", 8.0)]
    hours = watched(RADAR, rows, 9.0)
    assert total(hours, VEHICLES, hour=0) > 0.0
    for hour in range(2, 8):
        assert total(hours, VEHICLES, hour=hour) == 0.0
    assert total(hours, VEHICLES, hour=8) > 0.0
    assert total(hours, VEHICLES, "lost_km_h", hour=4) == pytest.approx(total(hours, VEHICLES, hour=0))


def test_an_hour_before_the_next_report_is_due_is_presumed_watched_and_taken_back_when_it_does_not_come():
    sensors = {"AU-1": post("acoustic_uav", 1_000.0), "GR-1": post("ground_radar", -3_000.0, 40_000.0)}
    rows = beats(["AU-1"], [0.0]) + beats(["GR-1"], every(0.5, 9.0))
    due = events.in_canonical_order(table(rows))
    first = newest(told(world_of(sensors), due, 1.0))
    assert total(first, "crossing_uav", hour=0) > 0.0
    last = newest(told(world_of(sensors), due, 9.0))
    mine = [row for row in last if row["kind"] == "crossing_uav" and row["time_start_ns"] == FIRST_NS]
    assert max(row["revision"] for row in mine) == 2
    assert total(last, "crossing_uav", hour=0) < total(first, "crossing_uav", hour=0)


def test_a_stated_outage_ends_watching_until_the_next_sign_of_life():
    outage = heartbeat("GR-1", 1.02, kind="outage", id="o1")
    rows = [*beats(["GR-1"], every(0.5, 1.0)), outage, heartbeat("GR-1", 2.05)]
    hours = watched(RADAR, rows, 3.0)
    assert total(hours, VEHICLES, hour=1) == 0.0
    assert total(hours, VEHICLES, hour=2) > 0.0


def test_tampering_counts_like_an_outage():
    rows = [*beats(["GR-1"], every(0.5, 2.0)), heartbeat("GR-1", 1.52, kind="tamper", id="t1")]
    whole = watched(RADAR, beats(["GR-1"], every(0.5, 2.0)), 2.0)
    assert total(watched(RADAR, rows, 2.0), VEHICLES, hour=1) < total(whole, VEHICLES, hour=1)


def test_any_report_is_a_sign_of_life():
    rows = [
        fix(0.0, -50.0, sensor_id="GR-1", time_ns=FIRST_NS + i * 600 * 10**9, id=f"f{i}") for i in range(7)
    ]
    assert total(watched(RADAR, rows, 1.0), VEHICLES) > 0.0


def test_missing_numbers_are_missing_evidence():
    whole = [heartbeat("GR-1", i / 20, seq=i) for i in range(20)]
    gaps = [row for row in whole if row["seq"] % 3 == 0]
    some = total(watched(RADAR, gaps, 1.0), VEHICLES, "effective_km_h")
    assert 0.0 < some < 0.8 * total(watched(RADAR, whole, 1.0), VEHICLES, "effective_km_h")


def test_a_restart_is_not_taken_for_a_loss():
    rows = [heartbeat("GR-1", i / 20, seq=i % 10, boot=i // 10) for i in range(20)]
    whole = [heartbeat("GR-1", i / 20, seq=i) for i in range(20)]
    assert watched(RADAR, rows, 1.0) == watched(RADAR, whole, 1.0)


def test_an_aircraft_watches_where_it_says_that_it_is():
    sensors = {"UE-1": SensorFacts("uav_eo_ir")}
    lon, lat = place(-1_000.0)
    rows = beats(["UE-1"], every(1 / 6, 1.0), sensor_lon=lon, sensor_lat=lat)
    hours = watched(sensors, rows, 3.0)
    assert total(hours, "crossing_person", hour=0) > 3.0
    assert total(hours, "crossing_person", hour=2) == 0.0
    assert total(hours, "crossing_person", "lost_km_h") == 0.0


def test_jamming_lowers_what_an_aircraft_is_trusted_with():
    sensors = {"UE-1": SensorFacts("uav_eo_ir")}
    lon, lat = place(-1_000.0)
    rows = beats(["UE-1"], every(1 / 6, 1.0), sensor_lon=lon, sensor_lat=lat)
    jammed = [
        {**row, "kind": "jamming", "id": f"j{i}", "lon": lon, "lat": lat, "sigma_m": 5_000.0}
        for i, row in enumerate(rows)
    ]
    clear = total(watched(sensors, rows, 1.0), "crossing_person", "effective_km_h")
    assert (
        0.3 * clear
        < total(watched(sensors, rows + jammed, 1.0), "crossing_person", "effective_km_h")
        < 0.8 * clear
    )


def test_late_evidence_amends_the_hour_with_the_next_revision():
    world = world_of(RADAR)
    on_time = events.in_canonical_order(table(beats(["GR-1"], [0.0, 7.0])))
    until_ns = FIRST_NS + 7 * HOUR_NS
    state, first = coverage.step(coverage.CoverageState(), on_time, until_ns, False, world)
    assert total(newest(first), VEHICLES, hour=3) == 0.0
    state = coverage.late(state, table(beats(["GR-1"], every(0.5, 6.5))), world)
    again = events.in_canonical_order(table(beats(["GR-1"], [8.0])))
    state, second = coverage.step(state, again, until_ns + HOUR_NS, True, world)
    amended = [row for row in second.to_pylist() if row["time_start_ns"] == FIRST_NS + 3 * HOUR_NS]
    assert {row["kind"] for row in amended} >= {VEHICLES, "crossing_person"}
    assert {row["revision"] for row in amended} == {2}
    timely = watched(RADAR, beats(["GR-1"], [*every(0.5, 7.0), 8.0]), 8.0)
    assert total(newest(second), VEHICLES, hour=3) == total(timely, VEHICLES, hour=3)


def test_the_running_hour_is_told_as_far_as_it_has_come_when_the_input_ends():
    rows = watched(RADAR, beats(["GR-1"], every(0.25, 1.5)), 1.5, is_end=True)
    assert total(rows, VEHICLES, hour=1) == pytest.approx(total(rows, VEHICLES, hour=0) / 2, rel=1e-3)
    assert {row["time_end_ns"] - row["time_start_ns"] for row in rows} == {HOUR_NS, HOUR_NS // 2}


def test_years_without_any_sign_of_life_have_no_rows():
    rows = watched(RADAR, [*beats(["GR-1"], [0.0, 0.5]), heartbeat("GR-1", 20_000.0)], 20_001.0)
    assert len({row["time_start_ns"] for row in rows}) < 60
    assert total(rows, VEHICLES, hour=20_000) > 0.0


def test_the_state_holds_two_days_whatever_has_gone_before():
    world = world_of(RADAR)
    due = events.in_canonical_order(table(beats(["GR-1"], every(0.5, 200.0))))
    state, _ = coverage.step(coverage.CoverageState(), due, FIRST_NS + 200 * HOUR_NS, False, world)
    assert len(state.pruned().told) <= 48
    assert (
        coverage.CoverageState.from_state(
            msgspec.msgpack.decode(msgspec.msgpack.encode(state.to_state()))
        ).to_state()
        == state.to_state()
    )


def test_every_type_of_the_registry_has_figures_of_its_own():
    assert set(reach.TYPES) == set(schema.SENSOR_TYPES)
    assert all(set(means.half_m) <= set(reach.KINDS) for means in reach.TYPES.values())
    assert {means.cause for means in reach.TYPES.values()} <= set(reach.CAUSES)
