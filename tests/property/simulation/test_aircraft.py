"""The monitors' aircraft fly no longer than their shift, rest between, and stay where their routes are."""

import numpy as np
import pytest

from geodata.contact_line import ContactLine, packaged_line
from monitoring.simulation.background import heartbeats
from monitoring.simulation.looks import observe_movers
from monitoring.simulation.scenario_file import load_scenario
from monitoring.simulation.sensors import CUT, RANGE_M, TYPES
from monitoring.simulation.terms import Terms
from monitoring.simulation.world import World, build_world

DAY_S = 86_400.0
FLEETS = {TYPES.index(fleet.type): fleet for fleet in load_scenario("busy-day").flights}


@pytest.fixture(scope="module")
def line() -> ContactLine:
    return packaged_line()


@pytest.fixture(scope="module")
def world(line: ContactLine) -> World:
    return build_world(
        load_scenario("busy-day"), line, 11, 1_781_454_600_000_000_000, DAY_S, 70_200.0, 1.0, Terms()
    )


def test_a_flight_ends_with_its_shift_and_the_next_waits_for_the_pause(world: World) -> None:
    net = world.net
    flown = np.flatnonzero(net.watch_flight >= 0)
    assert len(flown) > 50
    for sensor in np.unique(net.watch_sensor[flown]):
        fleet = FLEETS[int(net.type_idx[sensor])]
        own = flown[net.watch_sensor[flown] == sensor]
        start_s, end_s = net.watch_start_s[own], net.watch_end_s[own]
        assert np.all(end_s - start_s <= fleet.shift_h * 3_600 + 1e-6)
        assert np.all(start_s[1:] - end_s[:-1] >= fleet.pause_h * 3_600 - 1e-6)
        inside = (start_s > 0) & (end_s < DAY_S)
        assert np.all((end_s - start_s)[inside] > 0.5 * fleet.shift_h * 3_600)


def test_aircraft_are_silent_between_flights_and_report_health_from_where_they_are(world: World) -> None:
    net = world.net
    beats = heartbeats(world, 0.0, DAY_S)
    flies = np.isfinite(beats["sensor_lon"])
    sensor, made = beats["sensor"][flies], beats["made_s"][flies]
    assert set(net.type_idx[sensor]) == set(FLEETS)
    aloft = np.zeros(len(made), dtype=bool)
    for watch in np.flatnonzero(net.watch_flight >= 0):
        is_then = (made >= net.watch_start_s[watch]) & (made < net.watch_end_s[watch])
        aloft |= is_then & (sensor == net.watch_sensor[watch])
    assert aloft.all()


def test_the_track_of_an_aircraft_stays_on_its_hosts_side_and_by_its_stretch(world: World) -> None:
    net = world.net
    flown = np.flatnonzero((net.watch_flight >= 0) & (net.watch_end_s > net.watch_start_s))
    watch = np.repeat(flown, 60)
    part = np.tile(np.linspace(0.0, 1.0, 60), len(flown))
    t = net.watch_start_s[watch] + part * (net.watch_end_s[watch] - net.watch_start_s[watch])
    x, y = net.position(watch, t)
    left, _, _, _ = world.space.signed(x, y)
    own_m = left * net.hand[net.watch_sensor[watch]]
    kind = net.type_idx[net.watch_sensor[watch]]
    for code, fleet in FLEETS.items():
        depth = own_m[kind == code]
        # Straight legs between the places of a route cut meanders.
        assert np.mean(depth > 0) > 0.95
        assert np.quantile(depth, 0.99) < 2_000.0 * fleet.offset_km[1]
    home_x, home_y = net.x[net.watch_sensor[watch]], net.y[net.watch_sensor[watch]]
    route_m = 1_000.0 * np.array([FLEETS[int(code)].route_km for code in kind])
    assert np.all(np.hypot(x - home_x, y - home_y) < 0.75 * route_m + 15_000.0)


def test_an_aircraft_sees_nothing_beyond_its_reach(world: World) -> None:
    net, movers = world.net, world.movers
    batch, *_ = observe_movers(world, 40_000.0, 50_000.0, np.random.default_rng(1))
    sensor, made, mover = batch["sensor"], batch["made_s"], batch["link"]
    for code in FLEETS:
        own = np.flatnonzero(net.type_idx[sensor] == code)
        assert len(own) > 50
        x, y, _, _ = movers.paths.at(mover[own], made[own])
        nearest = np.full(len(own), np.inf)
        for watch in np.flatnonzero((net.watch_flight >= 0) & (net.type_idx[net.watch_sensor] == code)):
            is_own = sensor[own] == net.watch_sensor[watch]
            is_own &= (made[own] >= net.watch_start_s[watch]) & (made[own] <= net.watch_end_s[watch])
            at = np.flatnonzero(is_own)
            from_x, from_y = net.position(np.full(len(at), watch), made[own][at])
            nearest[at] = np.hypot(x[at] - from_x, y[at] - from_y)
        assert np.all(nearest < CUT * RANGE_M[code, movers.object_class[mover[own]]])
