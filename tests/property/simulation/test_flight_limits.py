"""Battery, link and fence of the monitors' aircraft hold, and what had no power restarts, as the scenario says."""

from functools import cache

import msgspec
import numpy as np
import pytest
from numpy.typing import NDArray

from geodata.contact_line import ContactLine, packaged_line
from monitoring.simulation import Scenario, delivery, simulate
from monitoring.simulation.aircraft import out_of_reach
from monitoring.simulation.background import heartbeats
from monitoring.simulation.delivery import BURST_S
from monitoring.simulation.encode import ndjson_bytes
from monitoring.simulation.looks import observe_movers
from monitoring.simulation.paths import Paths
from monitoring.simulation.scenario_file import load_scenario
from monitoring.simulation.sensors import LATENCY_S, STORES, TYPES, SensorNet
from monitoring.simulation.terms import Terms
from monitoring.simulation.world import World, build_world
from tests.property.simulation.no_faults import NO_FAULTS

Reals = NDArray[np.float64]
DAY_S = 86_400.0
HOURS = 5.0
BATTERY_H, CHANGE_MIN, LINK_KM, FENCE_M = 0.8, 12.0, 12.0, 400.0
DRONE = TYPES.index("uav_eo_ir")
replaced = msgspec.structs.replace


@cache
def line() -> ContactLine:
    return packaged_line()


def limited(**changes: object) -> Scenario:
    """Small aircraft on a busy day, alone but for a few radars; nothing goes wrong."""
    base = load_scenario("busy-day")
    radars = tuple(posts for posts in base.posts if posts.type == "ground_radar")
    return replaced(
        base, posts=radars, flights=(replaced(base.flights[0], **changes),), jammers=(), faults=NO_FAULTS
    )


@cache
def world(seed: int = 11) -> World:
    scenario = limited(battery_h=BATTERY_H, change_min=CHANGE_MIN, link_km=LINK_KM, geofence_m=FENCE_M)
    return build_world(scenario, line(), seed, 1_781_454_600_000_000_000, DAY_S, 70_200.0, 1.0, Terms())


def test_no_flight_is_longer_than_the_battery_and_each_change_takes_its_time() -> None:
    net = world().net
    flown = np.flatnonzero(net.watch_flight >= 0)
    lasts_s = net.watch_end_s[flown] - net.watch_start_s[flown]
    assert len(flown) > 150
    assert lasts_s.max() <= BATTERY_H * 3_600 + 1e-6
    assert np.mean(lasts_s > BATTERY_H * 3_600 - 1.0) > 0.5
    for flight in np.unique(net.watch_flight[flown]):
        own = flown[net.watch_flight[flown] == flight]
        own = own[(net.watch_start_s[own] > 0) & (net.watch_end_s[own] < DAY_S)]
        assert net.watch_start_s[own[1:]] - net.watch_end_s[own[:-1]] == pytest.approx(CHANGE_MIN * 60)
        for landed, ready in zip(net.watch_end_s[own[:-1]], net.watch_start_s[own[1:]], strict=True):
            x, y, _, _ = net.flights.at(np.full(2, flight), np.array([landed, ready]))
            assert np.hypot(np.diff(x), np.diff(y)) == pytest.approx(0.0, abs=1e-3)


def test_nothing_is_seen_or_reported_while_the_battery_is_changed() -> None:
    net = world().net
    seen, *_ = observe_movers(world(), 30_000.0, 45_000.0, np.random.default_rng(1))
    for batch in (seen, heartbeats(world(), 0.0, DAY_S)):
        flies = net.type_idx[batch["sensor"]] == DRONE
        sensor, made = batch["sensor"][flies], batch["made_s"][flies]
        assert len(made) > 100
        aloft = np.zeros(len(made), dtype=bool)
        for watch in np.flatnonzero(net.watch_flight >= 0):
            is_then = (made >= net.watch_start_s[watch]) & (made <= net.watch_end_s[watch])
            aloft |= is_then & (sensor == net.watch_sensor[watch])
        assert aloft.all()


@pytest.mark.parametrize("seed", [11, 12])
def test_no_aircraft_is_nearer_to_the_line_than_its_fence_or_beyond_it(seed: int) -> None:
    net = world(seed).net
    flown = np.flatnonzero((net.watch_flight >= 0) & (net.watch_end_s > net.watch_start_s))
    watch = np.repeat(flown, 500)
    part = np.tile(np.linspace(0.0, 1.0, 500), len(flown))
    t = net.watch_start_s[watch] + part * (net.watch_end_s[watch] - net.watch_start_s[watch])
    left, _, _, _ = world(seed).space.signed(*net.position(watch, t))
    own_m = left * net.hand[net.watch_sensor[watch]]
    assert own_m.min() >= FENCE_M
    # Most still watch the line from near, along all of their stretch.
    assert np.median(own_m) < 3_000.0
    whole = build_world(limited(), line(), seed, 1_781_454_600_000_000_000, DAY_S, 70_200.0, 1.0, Terms()).net
    assert (whole.watch_flight >= 0).sum() == len(np.unique(net.watch_flight[net.watch_flight >= 0]))


@cache
def _arrived(link_km: float | None) -> tuple[World, Reals, Reals, Reals]:
    """The world, and of what aircraft sent in order of arrival: sensor, time, arrival (s, to the minute above)."""
    run = simulate(limited(link_km=link_km), line(), seed=11, hours=HOURS)
    names = {name: i for i, name in enumerate(run._world.net.ids)}
    sensor, made, arrived = [], [], []
    for at_ns, table in run.deliveries(60.0):
        sensor += [names[one] for one in table["sensor_id"].to_pylist()]
        made += [(t - run.from_ns) / 1e9 for t in table["time_ns"].cast("int64").to_pylist()]
        arrived += [(at_ns - run.from_ns) / 1e9] * table.num_rows
    flies = run._world.net.type_idx[np.array(sensor)] == DRONE
    return run._world, np.array(sensor)[flies], np.array(made)[flies], np.array(arrived)[flies]


def _is_beyond(net: SensorNet, sensor: Reals, made: Reals) -> NDArray[np.bool_]:
    """Which reports were made by an aircraft further from its base than its link reaches."""
    beyond = np.zeros(len(made), dtype=bool)
    for watch in np.flatnonzero(net.watch_flight >= 0):
        home = net.watch_sensor[watch]
        is_then = (made >= net.watch_start_s[watch]) & (made <= net.watch_end_s[watch])
        own = np.flatnonzero((sensor == home) & is_then)
        x, y = net.position(np.full(len(own), watch), made[own])
        beyond[own] = np.hypot(x - net.x[home], y - net.y[home]) > LINK_KM * 1_000 + 100.0
    return beyond


def test_what_is_seen_beyond_the_link_comes_in_order_of_time_once_back_and_none_of_it_is_lost() -> None:
    _, near_sensor, near_made, _ = _arrived(None)
    world, sensor, made, arrived = _arrived(LINK_KM)
    expected = sorted(zip(near_sensor, near_made, strict=True))
    assert sorted(zip(sensor, made, strict=True)) == expected
    reach = world.outages.reach
    beyond = _is_beyond(world.net, sensor, made)
    assert beyond.sum() > 300
    assert (~beyond).sum() > 300
    spell = reach.find(sensor, made)
    assert np.all(spell[beyond] >= 0)
    back = reach.end_s[spell]
    assert np.all(arrived[beyond] >= np.minimum(back, HOURS * 3_600)[beyond])
    in_time = beyond & (back + BURST_S + LATENCY_S[DRONE, 1] + 62 < HOURS * 3_600)
    assert in_time.sum() > 100
    assert np.all(arrived[in_time] <= back[in_time] + BURST_S + LATENCY_S[DRONE, 1] + 62)
    # Clocks are right to a few hundredths of a second.
    inside = (spell < 0) & (reach.find(sensor, made + 1.0) < 0) & (reach.find(sensor, made - 1.0) < 0)
    assert np.all(arrived[inside] <= made[inside] + LATENCY_S[DRONE, 1] + 62)
    for one in np.unique(spell[beyond]):
        assert np.all(np.diff(made[beyond & (spell == one)]) >= 0)


def test_what_is_seen_beyond_the_link_is_lost_where_the_type_stores_nothing(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    stores = STORES.copy()
    stores[DRONE] = False
    monkeypatch.setattr(delivery, "STORES", stores)
    world, sensor, made, _ = _arrived.__wrapped__(LINK_KM)
    assert len(made) > 300
    assert not _is_beyond(world.net, sensor, made).any()


def test_a_post_that_lost_power_comes_back_one_boot_later_and_numbers_from_the_start() -> None:
    base = load_scenario("busy-day")
    faults = replaced(NO_FAULTS, power_outages_per_day=4.0, power_cut_reboots=True)
    run = simulate(replaced(base, faults=faults, flights=()), line(), seed=11, hours=HOURS)
    power, names = run._world.outages.power, {name: i for i, name in enumerate(run._world.net.ids)}
    sensor, made, boot, seq = [], [], [], []
    for table in run.tables():
        sensor += [names[one] for one in table["sensor_id"].to_pylist()]
        made += [(t - run.from_ns) / 1e9 for t in table["time_ns"].cast("int64").to_pylist()]
        boot += table["boot"].to_pylist()
        seq += table["seq"].to_pylist()
    at, seq_at = np.array(sensor), np.array(seq)
    # Radars date what they see when they make the report; others date its cause.
    radar = np.isin(at, np.flatnonzero(run._world.net.type_idx == TYPES.index("ground_radar")))
    assert radar.sum() > 1_000
    cuts = 0
    for one in np.unique(at[radar]):
        own = at == one
        order = np.lexsort((seq_at[own], np.array(boot)[own]))
        boots, numbers = np.array(boot)[own][order], seq_at[own][order]
        ended = np.sort(power.end_s[power.owner == one])
        expected = np.searchsorted(ended, np.array(made)[own][order] - 0.1, side="right")
        assert np.array_equal(boots, expected)
        first = np.flatnonzero(np.diff(boots, prepend=-1))
        assert np.all(numbers[first] == 0)
        cuts += len(first) - 1
    assert cuts > 20


def test_nobody_starts_again_after_a_power_cut_where_the_scenario_does_not_say_so() -> None:
    base = load_scenario("busy-day")
    faults = replaced(base.faults, power_outages_per_day=4.0, reboots_per_day=0.0)
    run = simulate(replaced(base, faults=faults), line(), seed=11, hours=2.0)
    assert {boot for table in run.tables() for boot in table["boot"].to_pylist()} == {0}
    assert len(run._world.outages.power) > 20


@pytest.mark.parametrize("fence_m", [None, FENCE_M])
def test_aircraft_fly_as_fast_and_as_far_along_the_line_as_the_scenario_says(fence_m: float | None) -> None:
    scenario = limited(geofence_m=fence_m)
    fleet = scenario.flights[0]
    world = build_world(scenario, line(), 11, 1_781_454_600_000_000_000, DAY_S, 70_200.0, 1.0, Terms())
    net = world.net
    flown = np.flatnonzero((net.watch_flight >= 0) & (net.watch_end_s > net.watch_start_s))
    watch, part = np.repeat(flown, 200), np.tile(np.linspace(0.001, 0.999, 200), len(flown))
    t = net.watch_start_s[watch] + part * (net.watch_end_s[watch] - net.watch_start_s[watch])
    x, y, vx, vy = net.flights.at(net.watch_flight[watch], t)
    assert np.hypot(vx, vy) == pytest.approx(fleet.speed_mps, rel=1e-3)
    _, _, _, chainage = world.space.signed(x, y)
    stretch_m = np.ptp(chainage.reshape(-1, 200), axis=1)
    is_whole = (net.watch_end_s - net.watch_start_s)[flown] > fleet.shift_h * 3_000.0
    assert np.quantile(stretch_m[is_whole], 0.9) == pytest.approx(fleet.route_km * 1_000, rel=0.05)


@pytest.mark.parametrize("speed_mps", [10.0, 40.0])
def test_an_aircraft_whose_flight_ends_beyond_its_link_is_out_of_reach_until_it_is_home_again(
    speed_mps: float,
) -> None:
    away_m, link_m = 100.0 * speed_mps, 30.0 * speed_mps
    way = Paths(np.zeros(2, dtype=np.int64), np.array([0.0, 100.0]), np.array([0.0, away_m]), np.zeros(2), 1)
    zero, one = np.zeros(1), np.ones(1)
    flight, begin_s, end_s = out_of_reach(way, zero, zero, link_m * one, zero, 100.0 * one)
    assert flight.tolist() == [0]
    assert begin_s.tolist() == pytest.approx([30.0])
    assert end_s.tolist() == pytest.approx([100.0 + 70.0])


def test_a_run_with_every_limit_is_the_same_again() -> None:
    scenario = limited(battery_h=BATTERY_H, link_km=LINK_KM, geofence_m=FENCE_M)
    scenario = replaced(
        scenario, faults=replaced(scenario.faults, power_outages_per_day=2.0, power_cut_reboots=True)
    )
    first, second = (
        b"".join(ndjson_bytes(table) for table in simulate(scenario, line(), seed=5, hours=1.0).tables())
        for _ in range(2)
    )
    assert first == second
    assert first
