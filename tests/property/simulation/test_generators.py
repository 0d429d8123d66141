"""The generators do what their configuration says: rates, error distributions, detection against range.

Statistical bounds are wide (about five standard deviations) and seeds fixed, so a failure means a defect.
"""

import tracemalloc
from dataclasses import fields
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray
from pyproj import Geod

from geodata.contact_line import ContactLine, packaged_line
from monitoring.simulation import placement, sightlines
from monitoring.simulation.activity import Groups, plan_fire, plan_movers
from monitoring.simulation.background import FALSE_LINK, false_alarms
from monitoring.simulation.looks import observe_movers
from monitoring.simulation.paths import Intervals, below_zero, merged
from monitoring.simulation.placement import LineSpace, Plan, placing_surely, together
from monitoring.simulation.randomness import normal_field, stream, uniform_field
from monitoring.simulation.scenario_file import load_scenario
from monitoring.simulation.sensors import CUT, MODELS, RANGE_M, TYPES, detection_probability, place_sensors
from monitoring.simulation.sightlines import looks_of
from monitoring.simulation.sounds import SOUND_MPS, observe_fire
from monitoring.simulation.terms import Terms
from monitoring.simulation.world import World, build_world

DAY_S = 86_400.0


@pytest.fixture(scope="module")
def line() -> ContactLine:
    return packaged_line()


@pytest.fixture(scope="module")
def world(line: ContactLine) -> World:
    return build_world(
        load_scenario("busy-day"), line, 11, 1_781_454_600_000_000_000, DAY_S, 70_200.0, 1.0, Terms()
    )


def test_places_are_as_far_from_the_line_as_asked_and_on_the_right_side(line: ContactLine) -> None:
    space, rng = LineSpace(line), np.random.default_rng(1)
    left = rng.choice([-1.0, 1.0], 2_000) * np.exp(rng.uniform(np.log(50.0), np.log(30_000.0), 2_000))
    x, y, is_placed = space.place(space.along(rng.uniform(size=2_000)), left)
    got, *_ = space.signed(x, y)
    assert is_placed.mean() > 0.9
    assert np.all(np.sign(got[is_placed]) == np.sign(left[is_placed]))
    assert np.all(np.abs(got - left)[is_placed] <= np.maximum(40.0, 0.05 * np.abs(left[is_placed])))


def asked(space: LineSpace, n: int) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Chainages and distances to the left, up to some tens of kilometres."""
    rng = np.random.default_rng(1)
    return space.along(rng.uniform(size=n)), rng.normal(0.0, 1e4, n)


def test_many_places_take_little_more_memory_than_their_answer(line: ContactLine) -> None:
    space = LineSpace(line)
    space.place(*asked(space, 10))  # so that the line's index is built
    wanted = asked(space, 262_144)
    tracemalloc.start()
    try:
        answer = space.place(*wanted)
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    # Looked for at once they took 80 MB.
    assert peak - 2 * sum(column.nbytes for column in answer) < 25e6


@pytest.mark.parametrize("block", [1, 7, 100, 300])
def test_places_do_not_depend_on_the_blocks_in_which_they_are_looked_for(
    line: ContactLine, block: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    space = LineSpace(line)
    wanted = [asked(space, n) for n in (0, 1, 300)]
    whole = [space.place(*places) for places in wanted]
    monkeypatch.setattr(placement, "BLOCK", block)
    for places, answer in zip(wanted, whole, strict=True):
        for column, own in zip(answer, space.place(*places), strict=True):
            assert column.dtype == own.dtype
            assert column.tobytes() == own.tobytes()


def test_everybody_moves_and_fires_as_often_as_the_scenario_says(line: ContactLine) -> None:
    scenario, space, seeds = load_scenario("busy-day"), LineSpace(line), range(3)
    planned = [(scenario.movements, plan_movers), (scenario.fires, plan_fire)]
    total, expected = 0, 0.0
    for specs, plan in planned:
        runs = [space.answered(plan(scenario, space, seed, DAY_S, 70_200.0, 1.0)) for seed in seeds]
        # Who answers somebody's fire comes on top of those who began.
        began = [one.spec[one.answers < 0] if isinstance(one, Groups) else one.spec for one in runs]
        counts = np.bincount(np.concatenate(began), minlength=len(specs)).tolist()
        for spec, count in zip(specs, counts, strict=True):
            # A rate is that of each party, and of the civilians of both sides together.
            wanted = len(seeds) * len(spec.parties) * spec.per_day_100km * line.length_m / 1e5
            assert abs(count - wanted) < 5 * np.sqrt(wanted) + 1, spec.name
            total, expected = total + count, expected + wanted
    assert abs(total - expected) < 5 * np.sqrt(expected)


def test_shells_come_down_after_the_flight_that_the_scenario_states(world: World) -> None:
    groups, fires = world.groups, world.scenario.fires
    flown: dict[int, list[float]] = {}
    launched = dict(
        zip(groups.pair[~groups.is_impact].tolist(), groups.time_s[~groups.is_impact], strict=True)
    )
    spec = groups.spec[groups.group]
    for i in np.flatnonzero(groups.is_impact).tolist():
        flown.setdefault(int(spec[i]), []).append(float(groups.time_s[i] - launched[int(groups.pair[i])]))
    assert {fires[idx].name for idx in flown} == {fire.name for fire in fires if fire.target_km is not None}
    for idx, times in flown.items():
        low, high = fires[idx].flight_s
        assert low <= min(times) <= max(times) <= high + 1e-6
        assert np.mean(times) == pytest.approx(
            (low + high) / 2, abs=5 * (high - low) / np.sqrt(12 * len(times))
        )


def test_posts_stand_as_close_as_the_scenario_says_but_for_their_gaps(line: ContactLine) -> None:
    scenario = load_scenario("busy-day")
    space = LineSpace(line)
    worlds = [space.answered(place_sensors(scenario, space, seed, DAY_S)) for seed in range(4)]
    for posts in scenario.posts:
        kind = TYPES.index(posts.type)
        places = len(worlds) * len(posts.hosts) * max(round(line.length_m / 1_000 / posts.spacing_km), 1)
        found = sum(int((net.type_idx == kind).sum()) for net in worlds)
        wanted = places * (1.0 - posts.gap_frac)
        assert found <= places
        assert abs(found - wanted) < 5 * np.sqrt(wanted * posts.gap_frac) + 1, posts.type


def test_bearings_err_as_the_catalogue_says(world: World) -> None:
    batch, *_ = observe_movers(world, 30_000.0, 50_000.0, np.random.default_rng(5))
    net, frame = world.net, world.space.line.frame
    own = np.flatnonzero(~np.isnan(batch["bearing_deg"]) & ~net.has_heavy_tail[batch["sensor"]])
    own = own[net.type_idx[batch["sensor"][own]] == TYPES.index("eo_ir_tower")]
    assert len(own) > 500
    sensor = batch["sensor"][own]
    x, y, _, _ = world.movers.paths.at(batch["link"][own], batch["made_s"][own])
    (lon, lat), (lon0, lat0) = frame.inverse(x, y), frame.inverse(net.x[sensor], net.y[sensor])
    azimuth, _, _ = Geod(ellps="WGS84").inv(lon0, lat0, lon, lat)
    z = ((batch["bearing_deg"][own] - azimuth + 180.0) % 360.0 - 180.0) / batch["bearing_sigma_deg"][own]
    assert abs(np.mean(z)) < 0.3
    assert z.std() == pytest.approx(1.0, abs=0.2)


@pytest.mark.parametrize("sensor_type", [t for t in TYPES if t != "generic"])
def test_detection_falls_with_range_to_half_at_the_stated_range_and_ends(sensor_type: str) -> None:
    kind = TYPES.index(sensor_type)
    for target in np.flatnonzero(RANGE_M[kind] > 0):
        reach = RANGE_M[kind, target]
        r = np.linspace(0.0, 2 * reach, 400)
        p = detection_probability(np.full(400, kind), np.full(400, target), r)
        assert np.all(np.diff(p) <= 0)
        half = detection_probability(np.array([kind]), np.array([target]), np.array([reach]))[0]
        assert half == pytest.approx(MODELS[kind].p_best / 2)
        assert np.all(p[r > CUT * reach] == 0)


@pytest.mark.parametrize("stride", [1, 7, 10_000])
def test_looks_left_out_by_strides_are_out_of_reach(
    world: World, stride: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    _, looks = looks_of(world, 30_000.0, 37_200.0)
    monkeypatch.setattr(sightlines, "STRIDE", stride)
    _, again = looks_of(world, 30_000.0, 37_200.0)
    assert len(looks.t) > 10_000
    for column in fields(looks):
        assert np.array_equal(getattr(looks, column.name), getattr(again, column.name)), column.name


def test_plans_made_together_are_those_made_one_after_the_other(line: ContactLine) -> None:
    space = LineSpace(line)

    def plans() -> list[Plan[tuple[NDArray[np.float64], NDArray[np.float64]]]]:
        # Far from the line many places fail, so that each plan asks its own number of times.
        drawn = [np.random.default_rng(seed) for seed in range(6)]
        return [
            placing_surely(rng, space.length_m, space.along(rng.uniform(size=n)), rng.normal(0.0, 3e4, n))
            for rng, n in zip(drawn, (1, 40, 0, 400, 3, 90), strict=True)
        ]

    alone = [space.answered(plan) for plan in plans()]
    for (x, y), (own_x, own_y) in zip(space.answered(together(plans())), alone, strict=True):
        assert x.tobytes() == own_x.tobytes()
        assert y.tobytes() == own_y.tobytes()


def test_fixes_are_as_frequent_as_the_probability_of_their_looks(world: World) -> None:
    begin, end = 30_000.0, 33_600.0
    pairs, looks = looks_of(world, begin, end)
    seen = [len(observe_movers(world, begin, end, np.random.default_rng(k))[0]["sensor"]) for k in range(8)]
    kind = world.net.type_idx[looks.sensor]
    p = detection_probability(kind, world.movers.object_class[pairs.mover[looks.pair]], looks.range_m)
    # Terrain, fields of view, weather and poor sensors take a part.
    assert 0.4 * p.sum() < np.mean(seen) <= p.sum()
    assert np.std(seen) < 5 * np.sqrt((p * (1 - p)).sum())


def test_position_errors_have_the_stated_size_but_for_sensors_that_misstate_it(world: World) -> None:
    batch, *_ = observe_movers(world, 30_000.0, 40_000.0, np.random.default_rng(5))
    net, frame = world.net, world.space.line.frame
    sensor = batch["sensor"]
    honest = (
        (net.declared_factor[sensor] == 1.0)
        & (net.bias_x_m[sensor] == 0.0)
        & ~net.has_heavy_tail[sensor]
        & ~np.isnan(batch["sigma_m"])
        & ~world.jamming.is_jammed(net.x[sensor], net.y[sensor], batch["made_s"])
        & (net.fov_width_deg[sensor] < 360.0)
    )
    x, y, _, _ = world.movers.paths.at(batch["link"][honest], batch["made_s"][honest])
    seen_x, seen_y = frame.forward(batch["lon"][honest], batch["lat"][honest])
    z = np.concatenate([seen_x - x, seen_y - y]) / np.tile(batch["sigma_m"][honest], 2)
    assert len(z) > 5_000
    assert 0.9 < z.std() < 1.15
    assert abs(np.mean(np.abs(z) < 1.0) - 0.683) < 0.05


def test_errors_grow_with_range(world: World) -> None:
    batch, *_ = observe_movers(world, 30_000.0, 40_000.0, np.random.default_rng(6))
    net = world.net
    radar = np.flatnonzero(net.type_idx[batch["sensor"]] == TYPES.index("ground_radar"))
    x, y, _, _ = world.movers.paths.at(batch["link"][radar], batch["made_s"][radar])
    range_m = np.hypot(x - net.x[batch["sensor"][radar]], y - net.y[batch["sensor"][radar]])
    seen_x, seen_y = world.space.line.frame.forward(batch["lon"][radar], batch["lat"][radar])
    error = np.hypot(seen_x - x, seen_y - y)
    near, far = error[range_m < 4_000], error[range_m > 10_000]
    assert np.median(far) > 2.0 * np.median(near)


def test_sound_arrives_three_seconds_a_kilometre_late_where_the_time_is_that_of_arrival(world: World) -> None:
    parts = [
        observe_fire(world, k * 3_600.0, (k + 1) * 3_600.0, stream(11, "sounds", k + 2))[0] for k in range(24)
    ]
    late, expected, source = [], [], []
    net, groups = world.net, world.groups
    for part in parts:
        acoustic = np.flatnonzero(
            np.isin(net.type_idx[part["sensor"]], [TYPES.index("acoustic_artillery")])
            & (np.abs(net.clock_offset_s[part["sensor"]]) < 0.1)
        )
        for i in acoustic:
            own = np.flatnonzero(groups.group == part["link"][i] - world.movers.count)
            sensor = part["sensor"][i]
            travel = (
                np.hypot(groups.phenomenon_x[own] - net.x[sensor], groups.phenomenon_y[own] - net.y[sensor])
                / SOUND_MPS
            )
            made = groups.time_s[own] + travel
            best = own[np.argmin(np.abs(made - part["made_s"][i]))]
            if part["time_basis"][i] == 1:
                late.append(part["time_s"][i] - groups.time_s[best])
                expected.append(float(travel[own == best][0]))
            else:
                source.append(part["time_s"][i] - groups.time_s[best])
    assert len(late) > 50
    assert abs(np.mean(np.array(late) - np.array(expected))) < 0.1
    assert abs(np.mean(source)) < 0.1


def test_false_alarms_are_as_frequent_as_the_catalogue_says(world: World) -> None:
    batch = false_alarms(world)
    assert np.all(batch["link"] == FALSE_LINK)
    radars = world.net.type_idx == TYPES.index("acoustic_artillery")
    found = radars[batch["sensor"]].sum()
    expected = radars.sum() * MODELS[TYPES.index("acoustic_artillery")].false_alarms_per_day
    assert abs(found - expected) < 5 * np.sqrt(expected)


@given(st.integers(0, 2**31), st.integers(0, 1_000))
@settings(max_examples=30, deadline=None)
def test_fields_are_uniform_and_normal_whatever_the_seed(seed: int, purpose: int) -> None:
    first, second = np.arange(4_000), np.arange(4_000)[::-1].copy()
    u = uniform_field(seed, purpose, first, second)
    assert 0.0 <= u.min() <= u.max() < 1.0
    assert abs(u.mean() - 0.5) < 5 * np.sqrt(1 / 12 / 4_000)
    z = normal_field(seed, purpose, first, second)
    assert abs(z.mean()) < 5 / np.sqrt(4_000)
    assert abs(z.std() - 1.0) < 0.07


@given(
    st.lists(st.tuples(st.integers(0, 3), st.integers(0, 50), st.integers(1, 20)), max_size=20),
    st.integers(0, 8),
)
@settings(max_examples=100, deadline=None)
def test_merged_intervals_cover_the_same_time_and_gaps_up_to_the_limit(
    spans: list[tuple[int, int, int]], gap: int
) -> None:
    owner = np.array([s[0] for s in spans], dtype=np.int64)
    start = np.array([float(s[1]) for s in spans])
    end = start + np.array([float(s[2]) for s in spans])
    covered = {(o, t) for o, a, n in spans for t in range(a, a + n)}
    wanted = set(covered)
    for o in range(4):
        own = sorted(t for who, t in covered if who == o)
        for a, b in pairwise(own):
            if b - a - 1 <= gap:
                wanted |= {(o, t) for t in range(a, b)}
    made = Intervals(*merged(owner, start, end, float(gap)))
    places = np.array([(o, t) for o in range(4) for t in range(80)])
    inside = made.find(places[:, 0], places[:, 1] + 0.5) >= 0
    assert {tuple(p) for p in places[inside].tolist()} == wanted


@given(st.lists(st.integers(-3, 3).filter(bool), min_size=2, max_size=15), st.integers(1, 14))
@settings(max_examples=100, deadline=None)
def test_intervals_below_zero_are_those_a_walk_finds(values: list[int], cut: int) -> None:
    cut = min(cut, len(values) - 1)
    owner = np.array([0] * cut + [1] * (len(values) - cut))
    t = np.arange(len(values), dtype=float)
    got = list(zip(*(c.tolist() for c in below_zero(owner, t, np.array(values, dtype=float))), strict=True))
    wanted = []
    begun: float | None = None
    for i, value in enumerate(values):
        is_first = i == 0 or owner[i] != owner[i - 1]
        is_last = i == len(values) - 1 or owner[i] != owner[i + 1]
        if value < 0 and (is_first or values[i - 1] > 0):
            begun = float(i) if is_first else i - 1 + values[i - 1] / (values[i - 1] - value)
        if value < 0 and (is_last or values[i + 1] > 0):
            end = float(i) if is_last else i + value / (value - values[i + 1])
            wanted.append((int(owner[i]), begun, end))
    assert [w[0] for w in got] == [w[0] for w in wanted]
    assert np.allclose([w[1:] for w in got], [w[1:] for w in wanted]) if wanted else not got
