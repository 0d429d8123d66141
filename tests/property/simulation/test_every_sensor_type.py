"""Every type of sensor of the catalogue does what its entry says: how often it sees at what distance, how far it errs,
how often it reports what is not there, how often its health; and differs from it as the scenario says it shall.

Seeds are fixed and a p-value below 1e-4 fails. The catalogue's figures are put into formulas of the tests' own.
"""

from dataclasses import dataclass
from functools import cache
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from monitoring.simulation.background import false_alarms, heartbeats
from monitoring.simulation.catalogue import CATALOGUE
from monitoring.simulation.looks import observe_movers
from monitoring.simulation.paths import Intervals
from monitoring.simulation.sensors import TARGETS, TYPES, registry_of
from monitoring.simulation.sightlines import looks_of, shadow
from monitoring.simulation.sounds import human_reports, observe_fire
from monitoring.simulation.world import World
from tests.property.simulation.ranges import DAY_S, SEES_FIRE, SEES_MOVERS, shooting_range, world_of
from tests.significance import P_LEAST, gauss_p, ks_p, normal, poisson_p, trials_p

Reals = NDArray[np.float64]
Indices = NDArray[np.int64]
BEGIN_S, END_S = 30_000.0, 30_900.0
BANDS = ((0.0, 0.5), (0.5, 0.8), (0.8, 0.95), (0.95, 1.05), (1.05, 1.25))
"""Of the distance, in ranges."""
SOUND_MPS = 340.0
HEAVY = {"heavy_tail_frac": 1.0}
KINDS_OF_LIARS: dict[str, dict[str, Any]] = {
    "honest": {},
    "half": {"understated_error_frac": 1.0},
    "double": {"overstated_error_frac": 1.0},
    "biased": {"biased_frac": 1.0},
    "heavy tails": HEAVY,
    "half the rate": {"poor_detection_frac": 1.0},
}
STATED = {"half": 0.5, "double": 2.0}


@dataclass(frozen=True)
class Shots:
    """Chances of one type, columns of shape (n,): distance in ranges, the catalogue's chance, whether it was seen."""

    ratio: Reals
    chance: Reals
    is_seen: NDArray[np.bool_]


@dataclass(frozen=True)
class Placed:
    """Reports with a place of one type, columns of shape (n,): what it is off along and across the line of sight (m),
    the catalogue's standard deviations of both (m), that stated (m), what it is off to x and y (m)."""

    sensor: Indices
    along_m: Reals
    across_m: Reals
    sigma_along_m: Reals
    sigma_across_m: Reals
    stated_m: Reals
    off_x_m: Reals
    off_y_m: Reals


def curve(name: str, target: Indices, range_m: Reals) -> tuple[Reals, Reals]:
    """Distance in ranges and the chance of one look, (n,)."""
    model = CATALOGUE[name]
    reach = np.array([model.range_m.get(word, np.nan) for word in TARGETS])[target]
    ratio = range_m / reach
    chance = np.where(ratio < 1.25, model.p_best / (1.0 + np.exp(12.0 * (np.minimum(ratio, 2.0) - 1.0))), 0.0)
    return np.nan_to_num(ratio, nan=99.0), np.where(np.isnan(ratio), 0.0, chance)


def sigmas(name: str, range_m: Reals) -> tuple[Reals, Reals]:
    """The catalogue's standard deviation along and across, (n,)."""
    model = CATALOGUE[name]
    along = np.hypot(model.sigma_floor_m, model.sigma_range_frac * range_m)
    return along, np.maximum(along, range_m * np.radians(model.bearing_sigma_deg))


@cache
def watched(liar: str) -> tuple[World, Any, Indices, Any, Indices]:
    """The world, its looks past no hill and at which mover each was, the reports, and the looks that led to them."""
    world = shooting_range(**KINDS_OF_LIARS[liar])
    pairs, looks = looks_of(world, BEGIN_S, END_S)
    looks = looks.taken(np.flatnonzero(~shadow(world.seed, pairs, looks)[0]))
    batch, *_ = observe_movers(world, BEGIN_S, END_S, np.random.default_rng(1))
    return (
        world,
        looks,
        pairs.mover[looks.pair],
        batch,
        np.sort(_look(batch["sensor"], batch["link"], batch["made_s"])),
    )


def _look(sensor: Indices, target: Indices, t: Reals) -> Indices:
    return (sensor * 10_000 + target) * 10_000_000 + np.round((t - BEGIN_S) * 1_000).astype(np.int64)


@cache
def heard(liar: str) -> tuple[World, Any, Indices]:
    world = shooting_range(**KINDS_OF_LIARS[liar])
    batch, phenomenon, *_ = observe_fire(world, 0.0, 3_600.0, np.random.default_rng(2))
    return world, batch, phenomenon


@cache
def reported(liar: str) -> tuple[World, Any]:
    world = shooting_range(**KINDS_OF_LIARS[liar])
    return world, human_reports(world)[0]


def shots_at_movers(name: str, liar: str) -> Shots:
    world, looks, mover, _, seen = watched(liar)
    own = np.flatnonzero(world.net.type_idx[looks.sensor] == TYPES.index(name))
    target = world.movers.object_class[mover[own]]
    ratio, chance = curve(name, target, looks.range_m[own])
    return Shots(ratio, chance, np.isin(_look(looks.sensor[own], mover[own], looks.t[own]), seen))


def shots_at_fire(name: str, liar: str) -> Shots:
    if name == "human_report":
        world, batch = reported(liar)
        phenomenon = batch["link"] - world.movers.count
    else:
        world, batch, phenomenon = heard(liar)
    groups, net = world.groups, world.net
    sensors = np.flatnonzero(net.type_idx == TYPES.index(name))
    range_m = np.hypot(groups.x[:, None] - net.x[sensors], groups.y[:, None] - net.y[sensors])
    row, column = np.nonzero(range_m < 1.25 * max(CATALOGUE[name].range_m.values()))
    target = groups.target[row]
    if name in ("counter_battery_radar", "human_report"):
        target = np.array([TARGETS.index(fire.weapon) for fire in world.scenario.fires])[groups.spec[row]]
    if name == "counter_battery_radar":
        target = np.where(groups.is_impact[row], TARGETS.index("unknown"), target)
    ratio, chance = curve(name, target, range_m[row, column])
    own = batch["sensor"] * 100_000 + phenomenon
    return Shots(ratio, chance, np.isin(sensors[column] * 100_000 + row, own))


def _placed(name: str, world: World, batch: Any, own: Indices, x: Reals, y: Reals) -> Placed:
    net, sensor = world.net, batch["sensor"][own]
    seen_x, seen_y = world.space.line.frame.forward(batch["lon"][own], batch["lat"][own])
    off_x, off_y = seen_x - x, seen_y - y
    range_m = np.maximum(np.hypot(x - net.x[sensor], y - net.y[sensor]), 1e-6)
    ux, uy = (x - net.x[sensor]) / range_m, (y - net.y[sensor]) / range_m
    along, across = sigmas(name, range_m)
    stated = batch["sigma_m"][own]
    if "sigma_major_m" in batch:
        stated = np.fmax(stated, batch["sigma_major_m"][own])
    return Placed(
        sensor, off_x * ux + off_y * uy, off_y * ux - off_x * uy, along, across, stated, off_x, off_y
    )


def placed_movers(name: str, liar: str) -> Placed:
    """The first report of each sensor on each target."""
    world, _, _, batch, _ = watched(liar)
    own = np.flatnonzero((world.net.type_idx[batch["sensor"]] == TYPES.index(name)) & ~np.isnan(batch["lon"]))
    _, first = np.unique(batch["sensor"][own] * 10_000 + batch["link"][own], return_index=True)
    own = own[first]
    mover = batch["link"][own]
    x, y, _, _ = world.movers.paths.at(mover, batch["made_s"][own])
    return _placed(name, world, batch, own, x, y)


def placed_fire(name: str, liar: str) -> Placed:
    world, batch, phenomenon = heard(liar)
    own = np.flatnonzero((world.net.type_idx[batch["sensor"]] == TYPES.index(name)) & ~np.isnan(batch["lon"]))
    at = phenomenon[own]
    return _placed(name, world, batch, own, world.groups.x[at], world.groups.y[at])


MOVERS_AND_FIRE = [
    *((name, "movers") for name in SEES_MOVERS),
    *((name, "fire") for name in (*SEES_FIRE, "human_report")),
]
PLACING = [
    (name, what)
    for name, what in MOVERS_AND_FIRE
    if CATALOGUE[name].bearing_only_frac < 1.0 and name != "human_report"
]


def shots(name: str, what: str, liar: str) -> Shots:
    return shots_at_movers(name, liar) if what == "movers" else shots_at_fire(name, liar)


def placed(name: str, what: str, liar: str) -> Placed:
    return placed_movers(name, liar) if what == "movers" else placed_fire(name, liar)


def test_every_type_but_the_one_that_sees_nothing_is_shot_at() -> None:
    assert {name for name, _ in MOVERS_AND_FIRE} == set(CATALOGUE) - {"generic"}


@pytest.mark.parametrize(("name", "what"), MOVERS_AND_FIRE)
def test_it_sees_with_the_catalogues_chance_at_every_distance(name: str, what: str) -> None:
    seen = shots(name, what, "honest")
    for low, high in BANDS:
        own = (seen.ratio >= low) & (seen.ratio < high) & (seen.chance > 0)
        assert own.sum() > 20
        assert trials_p(seen.is_seen[own], seen.chance[own]) > P_LEAST, (low, high)
    assert not seen.is_seen[seen.chance == 0].any()


@pytest.mark.parametrize(("name", "what"), MOVERS_AND_FIRE)
def test_where_its_rate_is_wrong_it_sees_half_as_often(name: str, what: str) -> None:
    seen = shots(name, what, "half the rate")
    own = seen.chance > 0
    assert trials_p(seen.is_seen[own], seen.chance[own] / 2) > P_LEAST
    assert trials_p(seen.is_seen[own], seen.chance[own]) < P_LEAST


@pytest.mark.parametrize(("name", "what"), PLACING)
@pytest.mark.parametrize("liar", ["honest", "half", "double"])
def test_its_places_err_as_the_catalogue_says_and_state_what_the_scenario_says(
    name: str, what: str, liar: str
) -> None:
    found = placed(name, what, liar)
    assert len(found.along_m) > 30
    assert gauss_p(found.along_m / found.sigma_along_m) > P_LEAST
    assert gauss_p(found.across_m / found.sigma_across_m) > P_LEAST
    largest = np.maximum(found.sigma_along_m, found.sigma_across_m)
    assert found.stated_m == pytest.approx(np.maximum(STATED.get(liar, 1.0) * largest, 1.0), abs=0.06)


@pytest.mark.parametrize(("name", "what"), PLACING)
def test_a_bias_moves_all_places_of_a_sensor_alike_by_one_and_a_half_of_its_errors(
    name: str, what: str
) -> None:
    found = placed(name, what, "biased")
    model = CATALOGUE[name]
    wanted = 1.5 * np.hypot(model.sigma_floor_m, model.sigma_range_frac * 5_000.0)
    net = shooting_range(**KINDS_OF_LIARS["biased"]).net
    bias_x, bias_y = net.bias_x_m[found.sensor], net.bias_y_m[found.sensor]
    assert np.hypot(bias_x, bias_y) == pytest.approx(wanted)
    sigma = np.maximum(found.sigma_along_m, found.sigma_across_m)
    is_round = found.sigma_across_m <= 1.01 * found.sigma_along_m
    z_x, z_y = (found.off_x_m - bias_x) / sigma, (found.off_y_m - bias_y) / sigma
    if is_round.all():
        assert gauss_p(z_x) > P_LEAST
        assert gauss_p(z_y) > P_LEAST
    along_bias = (found.off_x_m * bias_x + found.off_y_m * bias_y) / wanted
    error = (along_bias - wanted) / sigma
    assert abs(error.mean()) < 4.0 / np.sqrt(len(error))
    assert ks_p(np.arctan2(bias_y, bias_x)[np.unique(found.sensor, return_index=True)[1]], _turns) > P_LEAST


def _turns(angle: Reals) -> Reals:
    return (angle + np.pi) / (2 * np.pi)


@pytest.mark.parametrize(("name", "what"), PLACING)
def test_heavy_tails_put_three_in_a_hundred_four_times_as_far_off(name: str, what: str) -> None:
    chance = {limit: 0.97 * _beyond(limit) + 0.03 * _beyond(limit / 4.0) for limit in (1.0, 3.5)}
    found = placed(name, what, "heavy tails")
    off = np.abs(found.along_m / found.sigma_along_m)
    for limit, share in chance.items():
        assert trials_or_poisson(off > limit, share) > P_LEAST, limit


def test_heavy_tails_are_there() -> None:
    off = [
        np.abs(found.along_m / found.sigma_along_m)
        for found in (placed(name, what, "heavy tails") for name, what in PLACING)
    ]
    far = int((np.concatenate(off) > 4.0).sum())
    total = sum(len(part) for part in off)
    assert poisson_p(far, total * (0.97 * _beyond(4.0) + 0.03 * _beyond(1.0))) > P_LEAST
    assert poisson_p(far, total * _beyond(4.0)) < P_LEAST


def _beyond(limit: float) -> float:
    return float(2.0 * normal(np.array([-limit]))[0])


def trials_or_poisson(hits: NDArray[np.bool_], share: float) -> float:
    expected = share * len(hits)
    return (
        poisson_p(int(hits.sum()), expected) if expected < 30 else trials_p(hits, np.full(len(hits), share))
    )


@pytest.mark.parametrize("name", [name for name in SEES_MOVERS if CATALOGUE[name].bearing_only_frac > 0])
def test_bearings_to_what_moves_err_as_the_catalogue_says(name: str) -> None:
    world, _, _, batch, _ = watched("honest")
    net = world.net
    own = np.flatnonzero(
        (net.type_idx[batch["sensor"]] == TYPES.index(name)) & ~np.isnan(batch["bearing_deg"])
    )
    _, first = np.unique(batch["sensor"][own] * 10_000 + batch["link"][own], return_index=True)
    own = own[first]
    x, y, _, _ = world.movers.paths.at(batch["link"][own], batch["made_s"][own])
    z = _bearing_off(world, batch, own, x, y) / CATALOGUE[name].bearing_sigma_deg
    assert len(z) > 5
    assert gauss_p(z) > P_LEAST
    assert set(batch["bearing_sigma_deg"][own]) == {CATALOGUE[name].bearing_sigma_deg}
    alone = net.is_bearing_only[net.type_idx == TYPES.index(name)]
    share = CATALOGUE[name].bearing_only_frac
    assert alone.all() if share == 1.0 else trials_or_poisson(alone, share) > P_LEAST


def test_bearings_to_flashes_err_as_the_catalogue_says() -> None:
    world, batch, phenomenon = heard("honest")
    own = np.flatnonzero(world.net.type_idx[batch["sensor"]] == TYPES.index("muzzle_flash_ir"))
    at = phenomenon[own]
    z = _bearing_off(world, batch, own, world.groups.x[at], world.groups.y[at])
    assert len(z) > 100
    assert gauss_p(z / CATALOGUE["muzzle_flash_ir"].bearing_sigma_deg) > P_LEAST
    assert np.isnan(batch["lon"][own]).all()


def _bearing_off(world: World, batch: Any, own: Indices, x: Reals, y: Reals) -> Reals:
    net, sensor = world.net, batch["sensor"][own]
    grid = np.degrees(np.arctan2(x - net.x[sensor], y - net.y[sensor]))
    true = grid + world.space.azimuth_to_true(net.x[sensor], net.y[sensor])
    return (batch["bearing_deg"][own] - true + 180.0) % 360.0 - 180.0


def test_places_and_times_that_people_report_err_as_the_catalogue_says() -> None:
    world, batch = reported("honest")
    at = batch["link"] - world.movers.count
    found = _placed("human_report", world, batch, np.arange(len(at)), world.groups.x[at], world.groups.y[at])
    assert len(at) > 150
    assert gauss_p(found.along_m / found.sigma_along_m) > P_LEAST
    assert gauss_p(found.across_m / found.sigma_across_m) > P_LEAST
    assert np.all(batch["time_s"] % 60.0 == 0.0)
    late = batch["time_s"] - world.groups.time_s[at]
    assert late.std() == pytest.approx(np.hypot(20.0, 60.0 / np.sqrt(12.0)), rel=0.15)


@pytest.mark.parametrize("name", SEES_FIRE)
def test_times_of_fire_err_as_the_catalogue_says_and_those_of_arrival_are_late_by_the_sounds_way(
    name: str,
) -> None:
    world, batch, phenomenon = heard("honest")
    net = world.net
    own = np.flatnonzero(net.type_idx[batch["sensor"]] == TYPES.index(name))
    sensor, at = batch["sensor"][own], phenomenon[own]
    way_s = np.hypot(world.groups.x[at] - net.x[sensor], world.groups.y[at] - net.y[sensor]) / SOUND_MPS
    is_arrival = net.is_arrival_time[sensor]
    model = CATALOGUE[name]
    expected = world.groups.time_s[at] + np.where(is_arrival, way_s, 0.0)
    assert gauss_p((batch["time_s"][own] - expected) / model.time_sigma_s) > P_LEAST
    assert np.array_equal(batch["time_basis"][own], np.where(model.is_acoustic, is_arrival.astype(int), -1))
    of_type = net.is_arrival_time[net.type_idx == TYPES.index(name)]
    if model.arrival_time_frac:
        assert trials_or_poisson(of_type, model.arrival_time_frac) > P_LEAST
    else:
        assert not of_type.any()


@pytest.mark.parametrize("name", CATALOGUE)
@pytest.mark.parametrize("factor", [1.0, 30.0])
def test_false_alarms_are_as_frequent_as_the_catalogue_says_and_come_at_any_time(
    name: str, factor: float
) -> None:
    world = world_of(false_alarm_factor=factor)
    net, batch = world.net, _alarms(factor)
    own = net.type_idx[batch["sensor"]] == TYPES.index(name)
    watches = np.flatnonzero(
        (net.type_idx[net.watch_sensor] == TYPES.index(name)) & (net.watch_end_s > net.watch_start_s)
    )
    watched = Intervals(net.watch_sensor[watches], net.watch_start_s[watches], net.watch_end_s[watches])
    aloft_s = float((watched.end_s - watched.start_s).sum())
    model = CATALOGUE[name]
    assert len(watched) >= 25
    # What a radar takes for an object may last for several fixes.
    made, track = batch["made_s"][own], batch["track"][own]
    _, first = np.unique(np.where(track >= 0, track, -1 - np.arange(len(track))), return_index=True)
    expected = model.false_alarms_per_day * factor * aloft_s / DAY_S if model.false_kind else 0.0
    if expected == 0.0:
        assert not own.any()
        return
    assert poisson_p(len(first), expected) > P_LEAST
    during = watched.find(batch["sensor"][own][first], made[first])
    assert np.all(during >= 0)
    begin_s, end_s = watched.start_s[during], watched.end_s[during]
    assert ks_p((made[first] - begin_s) / (end_s - begin_s), lambda share: share) > P_LEAST


@cache
def _alarms(factor: float) -> Any:
    return false_alarms(world_of(false_alarm_factor=factor))


@pytest.mark.parametrize("name", CATALOGUE)
def test_health_is_reported_as_often_as_the_catalogue_says(name: str) -> None:
    world = world_of()
    net, batch = world.net, _beats()
    every_s = CATALOGUE[name].heartbeat_s
    for watch in np.flatnonzero(net.type_idx[net.watch_sensor] == TYPES.index(name)):
        begin_s, end_s = net.watch_start_s[watch], net.watch_end_s[watch]
        is_own = (batch["sensor"] == net.watch_sensor[watch]) & (batch["made_s"] >= begin_s)
        made = np.sort(batch["made_s"][is_own & (batch["made_s"] < end_s)])
        assert abs(len(made) - (end_s - begin_s) / every_s) < 1.0
        assert np.diff(made) == pytest.approx(every_s)


@cache
def _beats() -> Any:
    return heartbeats(world_of(), 0.0, DAY_S)


@pytest.mark.parametrize("liar", KINDS_OF_LIARS)
def test_the_registry_tells_no_lie_but_the_one_of_the_errors_size(liar: str) -> None:
    world = shooting_range(**KINDS_OF_LIARS[liar])
    entries = registry_of(world.net, world.space)
    assert {entry["type"] for entry in entries} == set(CATALOGUE)
    for entry in entries:
        model = CATALOGUE[entry["type"]]
        half_m = max(model.range_m.values(), default=0.0) / 2
        along, across = sigmas(entry["type"], np.array([half_m]))
        wanted = max(round(float(max(along[0], across[0])), 1), 1.0) * STATED.get(liar, 1.0)
        assert entry["sigma_m"] == pytest.approx(wanted)
        assert entry["detection_prob"] == model.p_best
