"""Faults, weather, mistakes and lies are as frequent and as large as the scenario says.

Bounds are about five standard deviations and seeds fixed, so a failure means a defect.
"""

from dataclasses import replace
from typing import Any

import msgspec
import numpy as np
import pytest

from geodata.contact_line import ContactLine, packaged_line
from monitoring.simulation import Scenario
from monitoring.simulation.background import _babble
from monitoring.simulation.deception import inventions
from monitoring.simulation.jamming import JammingDiscs
from monitoring.simulation.looks import TAKEN_FOR, observe_movers
from monitoring.simulation.scenario import Weather
from monitoring.simulation.scenario_file import load_scenario
from monitoring.simulation.sensors import TARGETS, TYPES, detection_probability, registry_of
from monitoring.simulation.sightlines import looks_of
from monitoring.simulation.terms import Terms
from monitoring.simulation.weather import FOG_FACTOR, IS_OPTICAL, WIND_FACTOR, WeatherField
from monitoring.simulation.world import World, build_world

DAY_S = 86_400.0
replaced = msgspec.structs.replace


@pytest.fixture(scope="module")
def line() -> ContactLine:
    return packaged_line()


def world_of(scenario: Scenario, line: ContactLine, seed: int = 11, density: float = 1.0) -> World:
    return build_world(scenario, line, seed, 1_781_454_600_000_000_000, DAY_S, 70_200.0, density, Terms())


def with_faults(**changes: Any) -> Scenario:
    base = load_scenario("busy-day")
    return replaced(base, faults=replaced(base.faults, **changes))


def is_near(found: int, expected: float) -> bool:
    return bool(abs(found - expected) < 5.0 * np.sqrt(expected) + 1.0)


def test_sensors_misstate_their_errors_as_often_as_the_scenario_says(line: ContactLine) -> None:
    scenario = with_faults(
        understated_error_frac=0.2,
        overstated_error_frac=0.1,
        biased_frac=0.3,
        heavy_tail_frac=0.4,
        poor_detection_frac=0.25,
    )
    net = world_of(scenario, line).net
    assert net.count > 200
    assert is_near(int((net.declared_factor == 0.5).sum()), 0.2 * net.count)
    assert is_near(int((net.declared_factor == 2.0).sum()), 0.1 * net.count)
    assert is_near(int((np.hypot(net.bias_x_m, net.bias_y_m) > 0).sum()), 0.3 * net.count)
    assert is_near(int(net.has_heavy_tail.sum()), 0.4 * net.count)
    assert is_near(int((net.p_factor == 0.5).sum()), 0.25 * net.count)


def test_sensors_of_poor_detection_give_half_the_fixes_and_declare_the_data_sheets_rate(
    line: ContactLine,
) -> None:
    counts, declared = [], []
    for share in (0.0, 1.0):
        world = world_of(with_faults(poor_detection_frac=share, power_outages_per_day=0.0), line)
        batch, *_ = observe_movers(world, 30_000.0, 40_000.0, np.random.default_rng(1))
        counts.append(len(batch["sensor"]))
        declared.append([entry["detection_prob"] for entry in registry_of(world.net, world.space)])
    assert declared[0] == declared[1]
    assert 0 < min(declared[0]) < max(declared[0]) <= 1
    assert counts[1] / counts[0] == pytest.approx(0.5, abs=0.02)


def test_detection_against_range_is_the_stated_curve(line: ContactLine) -> None:
    world = world_of(with_faults(poor_detection_frac=0.0, power_outages_per_day=0.0), line, density=4.0)
    everywhere = replace(world.net, fov_width_deg=np.full(world.net.count, 360.0))
    world = replace(world, net=everywhere, weather=WeatherField(11, Weather()))
    begin, end = 30_000.0, 37_200.0
    pairs, looks = looks_of(world, begin, end)
    mover = pairs.mover[looks.pair]
    kind = world.net.type_idx[looks.sensor]
    radar = (kind == TYPES.index("ground_radar")) & (
        world.movers.object_class[mover] == TARGETS.index("light_vehicle")
    )
    batch, *_ = observe_movers(world, begin, end, np.random.default_rng(2))
    fixed = {
        (int(s), int(m), round(float(t), 3))
        for s, m, t in zip(batch["sensor"], batch["link"], batch["made_s"], strict=True)
    }
    hit = np.array(
        [
            (int(s), int(m), round(float(t), 3)) in fixed
            for s, m, t in zip(looks.sensor[radar], mover[radar], looks.t[radar], strict=True)
        ]
    )
    range_m = looks.range_m[radar]
    p = detection_probability(kind[radar], world.movers.object_class[mover][radar], range_m)
    shares = []
    for low, high in ((0, 8_000), (8_000, 14_000), (14_000, 16_000), (16_000, 18_000)):
        own = (range_m >= low) & (range_m < high)
        assert own.sum() > 200
        shares.append(hit[own].sum() / p[own].sum())
    # Terrain takes about the same share at every range; the fall with range is the curve's.
    assert max(shares) - min(shares) < 0.1
    assert 0.8 < np.mean(shares) <= 1.0


def test_classes_are_mistaken_as_often_as_the_scenario_says(line: ContactLine) -> None:
    world = world_of(with_faults(class_wrong_frac=0.3), line)
    wrong, known = 0, 0
    for begin in (0.0, 20_000.0, 40_000.0, 60_000.0):
        batch, *_ = observe_movers(world, begin, begin + 7_200.0, np.random.default_rng(3))
        true = world.movers.object_class[batch["link"]]
        # One judgement holds for a stretch of a track: count stretches, not fixes.
        _, first = np.unique(batch["sensor"] * 10**8 + batch["track"], return_index=True)
        said, true = batch["object_class"][first], true[first]
        is_known = (said != TARGETS.index("unknown")) & (TAKEN_FOR[true] != true) & (said >= 0)
        known += int(is_known.sum())
        wrong += int((said[is_known] != true[is_known]).sum())
        assert np.all((said == true)[is_known] | (said == TAKEN_FOR[true])[is_known])
    assert known > 300
    assert wrong / known == pytest.approx(0.3, abs=0.12)


def test_weather_covers_its_share_of_cells_and_cuts_the_ranges_of_its_sensors() -> None:
    spec = replaced(load_scenario("busy-day").weather, fog_frac=0.2, wind_frac=0.1)
    field = WeatherField(5, spec)
    rng = np.random.default_rng(4)
    x, y, t = rng.uniform(-1e6, 1e6, 40_000), rng.uniform(-1e6, 1e6, 40_000), rng.uniform(0, 6e5, 40_000)
    camera, microphone, radar = (
        field.range_factor(np.full(len(x), TYPES.index(name)), x, y, t)
        for name in ("eo_ir_tower", "acoustic_artillery", "ground_radar")
    )
    assert set(np.unique(camera)) == {FOG_FACTOR, 1.0}
    assert np.mean(camera < 1) == pytest.approx(0.2, abs=0.02)
    assert np.mean(microphone == WIND_FACTOR) == pytest.approx(0.1, abs=0.02)
    assert np.all(radar == 1.0)
    assert IS_OPTICAL.sum() == 3


def test_jamming_makes_the_positions_of_aircraft_eight_times_poorer_and_some_do_not_say_so(
    line: ContactLine,
) -> None:
    world = world_of(with_faults(jamming_discs=0, biased_frac=0.0), line, density=2.0)
    one, zero = np.ones(1, dtype=np.int64), np.zeros(1)
    everywhere = JammingDiscs(-one, one, zero, zero, zero + 1e7, zero, zero + DAY_S)
    errors, stated = [], []
    for jamming in (world.jamming, everywhere):
        jammed = replace(world, jamming=jamming)
        batch, *_ = observe_movers(jammed, 30_000.0, 44_400.0, np.random.default_rng(4))
        x, y, _, _ = world.movers.paths.at(batch["link"], batch["made_s"])
        seen_x, seen_y = world.space.line.frame.forward(batch["lon"], batch["lat"])
        errors.append(np.hypot(seen_x - x, seen_y - y))
        stated.append(np.fmax(batch["sigma_m"], batch["sigma_major_m"]))
    flies = np.isin(
        world.net.type_idx[batch["sensor"]], [TYPES.index(n) for n in ("uav_eo_ir", "uav_sar_gmti")]
    )
    assert flies.sum() > 1_000
    poorer = errors[1] / errors[0]
    assert np.median(poorer[flies]) == pytest.approx(8.0, rel=0.01)
    assert np.nanmax(poorer[~flies]) == 1.0
    said = np.round(stated[1] / stated[0])
    sensors = np.unique(batch["sensor"][flies])
    unsaid = [sensor for sensor in sensors if np.median(said[batch["sensor"] == sensor]) == 1.0]
    assert len(unsaid) / len(sensors) == pytest.approx(0.3, abs=0.25)


def test_jammers_and_lies_are_as_many_as_the_scenario_says(line: ContactLine) -> None:
    scenario = load_scenario("jamming-night")
    counts = [int((world_of(scenario, line, seed).jamming.spec >= 0).sum()) for seed in range(3)]
    expected = sum(j.per_day_100km for j in scenario.jammers) * line.length_m / 1e5 * 2
    assert is_near(sum(counts), 3 * expected)
    spoofed = load_scenario("spoofed-sensor")
    lies = [inventions(world_of(spoofed, line, seed))[1] for seed in range(2)]
    said = sum(int(one.count.sum()) for one in lies)
    assert is_near(said, 2 * 2 * sum(s.sensors * s.per_day for s in spoofed.spoofs))


def test_regional_outages_take_every_post_within_their_radius(line: ContactLine) -> None:
    world = world_of(with_faults(regional_outages_per_day=5.0, power_outages_per_day=0.0), line)
    begins, counts = np.unique(np.round(world.outages.power.start_s, 6), return_counts=True)
    assert len(begins) >= 2
    assert counts.max() >= 5


def test_babbling_radars_say_as_much_as_the_scenario_says(line: ContactLine) -> None:
    watch, t = _babble(world_of(with_faults(babbling_sensors=4, babble_per_s=2.0, babble_h=(1.0, 1.0)), line))
    assert len(watch) == 4 * 3_600 * 2
    assert len(np.unique(watch)) == 4
    assert t.max() <= DAY_S + 3_600
