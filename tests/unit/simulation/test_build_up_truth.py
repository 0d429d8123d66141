"""Build-ups in the truth: who was there at once, and whether a sensor could have counted them."""

from dataclasses import replace

import numpy as np
import pytest

from geodata.contact_line import ContactLine
from monitoring.simulation import Truth, simulate
from monitoring.simulation.activity import CIVILIAN
from monitoring.simulation.build_up_truth import Onlookers
from monitoring.simulation.build_ups import HEAVY, SLOT_S, _runs
from monitoring.simulation.looks import Gathered
from monitoring.simulation.sensors import CLASS_KNOWN_FRAC, TARGETS, TYPES
from monitoring.simulation.terms import Terms
from monitoring.simulation.world import World
from tests.unit.simulation.test_sides import mirrored_line, swapped

HOUR = int(3_600 / SLOT_S)
PLACES = 48


@pytest.fixture(scope="module")
def breach(line: ContactLine) -> tuple[World, Truth]:
    run = simulate("withdrawal-breach", line, seed=1, hours=10)
    list(run.tables())
    return run._world, run.truth()


def counts(*spells: tuple[int, int, int], hours: int = 48) -> np.ndarray:
    """How many are at a place by slot, from (hour, hour, how many)."""
    made = np.zeros(hours * HOUR, dtype=np.int64)
    for begin, end, objects in spells:
        made[begin * HOUR : end * HOUR] += objects
    return made


def test_many_where_there_were_few_are_a_build_up_from_their_coming_to_their_going() -> None:
    ((first, last, needed),) = _runs(counts((0, 48, 1), (30, 33, 12)), PLACES, Terms())
    assert (first, last) == (30 * HOUR, 33 * HOUR - 1)
    assert 6 <= needed <= 13


def test_as_many_as_ever_are_none() -> None:
    assert not _runs(counts((0, 48, 4), (30, 33, 5)), PLACES, Terms())
    assert not _runs(counts((30, 33, 5)), PLACES, Terms(build_up_least=6))


def test_what_is_enough_rises_with_what_is_usual() -> None:
    few, many = (_runs(counts((0, 48, usual), (40, 42, 30)), PLACES, Terms())[0][2] for usual in (1, 4))
    assert few < many


def test_a_run_that_ends_does_not_end_a_build_up_before_it() -> None:
    ((first, last, _),) = _runs(counts((40, 48, 20)), PLACES, Terms())
    assert (first, last) == (40 * HOUR, 48 * HOUR - 1)


def test_those_counted_are_the_heavy_forces_on_that_side_of_that_stretch(breach: tuple[World, Truth]) -> None:
    world, truth = breach
    happened = [h for h in truth.happenings if h.kind == "build_up"]
    assert len(happened) >= 3
    movers, space, found = world.movers, world.space, world.build_ups
    heavy = np.isin(movers.object_class, [TARGETS.index(name) for name in HEAVY]) & (movers.hand != CIVILIAN)
    recounted = 0
    for i, happening in enumerate(happened):
        t = float(found.fullest_slot[i] * SLOT_S)
        there = np.flatnonzero(heavy & (movers.paths.start_s <= t) & (movers.paths.end_s >= t))
        x, y, _, _ = movers.paths.at(there, np.full(len(there), t))
        left_m, _, _, chainage_m = space.signed(x, y)
        stretch = np.floor(chainage_m / space.length_m * round(space.length_m / 50_000.0))
        centre = happening.places[0]
        own = np.floor(centre.chainage_m / space.length_m * round(space.length_m / 50_000.0))
        near = (stretch == own) & (np.abs(left_m) < 36_000)
        near &= np.sign(left_m * space.line.left_sign) == np.sign(centre.signed_distance_m)
        # The middle of several groups may lie on the next stretch.
        if near.any():
            assert happening.objects == movers.objects[there[near]].sum()
            recounted += 1
        assert happening.objects >= found.needed[i] >= 6
        assert happening.party == ("A" if centre.signed_distance_m > 0 else "B")
        assert [(rule.rule_id, rule.verdict) for rule in happening.rules] == [("force_build_up", "violation")]
    assert recounted >= 3


def test_names_of_sides_swapped_are_swapped_in_build_ups_and_outages(line: ContactLine) -> None:
    truths = []
    for where, is_swapped in ((line, False), (mirrored_line(line), True)):
        run = simulate("withdrawal-breach", where, seed=4, hours=6)
        if is_swapped:
            run = simulate(run._world.scenario.swapped(), where, seed=4, hours=6)
        list(run.tables())
        truths.append([h for h in run.truth().happenings if h.kind in ("build_up", "outage")])
    assert [swapped(h) for h in truths[0]] == truths[1]
    assert {h.kind for h in truths[0]} == {"build_up", "outage"}


@pytest.mark.parametrize(("sensor_type", "is_counted"), [("eo_ir_tower", True), ("ground_radar", False)])
def test_a_tower_counts_who_is_in_a_group_and_a_radar_takes_it_for_one_object(
    breach: tuple[World, Truth], sensor_type: str, is_counted: bool
) -> None:
    world, _ = breach
    kind = TYPES.index(sensor_type)
    watch = int(np.flatnonzero(world.net.type_idx[world.net.watch_sensor] == kind)[0])
    own = np.flatnonzero(world.build_ups.build_up == 0)
    alone = own[world.build_ups.slot[own] == world.build_ups.fullest_slot[0]]
    objects = world.movers.objects.copy()
    objects[world.build_ups.mover[alone]] = world.build_ups.needed[0]
    onlookers = Onlookers(replace(world, movers=replace(world.movers, objects=objects)))
    for _ in range(2):
        onlookers.add(Gathered(alone[:1], np.array([watch]), np.log1p(-np.array([0.9]))))
    found = onlookers.probs()[0]
    right = CLASS_KNOWN_FRAC[kind] * (1.0 - world.scenario.faults.class_wrong_frac)
    assert found[kind] == pytest.approx(right * 0.99 if is_counted else 0.0)
    assert found.sum() == pytest.approx(found[kind])
