"""What was announced is in the notices file, and is what happens: who, whose, what, where and when."""

from functools import cache
from typing import Any

import numpy as np
import pytest

from geodata.contact_line import packaged_line
from monitoring.simulation import Run, simulate
from monitoring.simulation.activity import CIVILIAN
from monitoring.simulation.notices import MARGIN_M
from monitoring.simulation.world import World


@cache
def _run(name: str) -> Run:
    return simulate(name, packaged_line(), seed=3, hours=24.0, density=3.0)


def announced(name: str, actor: str) -> list[dict[str, Any]]:
    return [notice for notice in _run(name).notices["announced"] if notice["actor"] == actor]


def party_of(world: World, hand: int) -> str:
    """Whose a deed is: of the party on that hand of the line, or of civilians."""
    return "civilian" if hand == CIVILIAN else {world.space.line.left_sign: "A"}.get(hand, "B")


@pytest.mark.parametrize(
    ("scenario", "actor", "kind"),
    [
        ("mined-strip", "notified-clearance", "works"),
        ("quiet-day", "notified-repairs", "works"),
    ],
)
def test_each_announced_work_is_announced_once_over_its_places_and_times(
    scenario: str, actor: str, kind: str
) -> None:
    world = _run(scenario)._world
    specs, groups, frame = world.scenario.fires, world.groups, world.space.line.frame
    spec = next(i for i, fire in enumerate(specs) if fire.name == actor)
    working = [g for g in np.flatnonzero(groups.spec == spec).tolist() if (groups.group == g).any()]
    notices = announced(scenario, actor)
    assert len(notices) == len(working) > 5
    for notice, group in zip(notices, working, strict=True):
        own = groups.group == group
        x, y = frame.forward(np.array([notice["lon"]]), np.array([notice["lat"]]))
        away_m = np.hypot(groups.phenomenon_x[own] - x[0], groups.phenomenon_y[own] - y[0])
        assert away_m.max() <= notice["radius_m"] + 1.0
        assert notice["radius_m"] == pytest.approx(3.0 * specs[spec].spread_m + MARGIN_M, abs=1.0)
        time_ns = world.start_ns + np.round(groups.time_s[own] * 1e9)
        assert notice["from_ns"] == pytest.approx(time_ns.min(), abs=1e6)
        assert notice["to_ns"] == pytest.approx(max(time_ns.max(), time_ns.min() + 6e10), abs=1e6)
        assert notice["kind"] == kind
        assert notice["party"] == party_of(world, int(groups.hand[group]))


@pytest.mark.parametrize(
    ("scenario", "actor"), [("mined-strip", "deminers"), ("quiet-day", "notified-convoy")]
)
def test_each_announced_movement_stays_within_its_circle_and_time(scenario: str, actor: str) -> None:
    world = _run(scenario)._world
    movers, paths, frame = world.movers, world.movers.paths, world.space.line.frame
    spec = next(i for i, one in enumerate(world.scenario.movements) if one.name == actor)
    who = np.flatnonzero(movers.spec == spec).tolist()
    notices = announced(scenario, actor)
    assert len(notices) == len(who) > 3
    for notice, mover in zip(notices, who, strict=True):
        t = np.linspace(paths.start_s[mover], paths.end_s[mover], 500)
        x, y, _, _ = paths.at(np.full(500, mover), t)
        at_x, at_y = frame.forward(np.array([notice["lon"]]), np.array([notice["lat"]]))
        assert np.hypot(x - at_x[0], y - at_y[0]).max() <= notice["radius_m"] + 1.0
        assert notice["from_ns"] == pytest.approx(world.start_ns + t[0] * 1e9, abs=1e6)
        assert notice["party"] == party_of(world, int(movers.hand[mover]))
        assert notice["to_ns"] == pytest.approx(world.start_ns + max(t[-1], t[0] + 60.0) * 1e9, abs=1e6)


def test_queues_cross_where_a_crossing_point_is_named_with_the_hours_of_the_scenario() -> None:
    world, points = _run("quiet-day")._world, _run("quiet-day").notices["crossing_points"]
    assert len(points) == 12
    assert {(point["opens_h"], point["closes_h"]) for point in points} == {(6.0, 18.0)}
    at_x, at_y = world.space.line.frame.forward(
        np.array([point["lon"] for point in points]), np.array([point["lat"] for point in points])
    )
    assert world.space.left_of(at_x, at_y) == pytest.approx(np.zeros(len(points)), abs=1.0)
    movers, paths = world.movers, world.movers.paths
    spec = next(i for i, one in enumerate(world.scenario.movements) if one.pattern == "queue")
    used = set()
    for mover in np.flatnonzero(movers.spec == spec).tolist():
        t = np.linspace(paths.start_s[mover], paths.end_s[mover], 5_000)
        x, y, vx, vy = paths.at(np.full(5_000, mover), t)
        away_m = np.hypot(x[:, None] - at_x, y[:, None] - at_y).min(axis=0)
        step_m = float((np.hypot(vx, vy) * (t[1] - t[0])).max())
        assert away_m.min() <= step_m
        used.add(int(away_m.argmin()))
    assert len(used) > 6


@pytest.mark.parametrize("scenario", ["mined-strip", "quiet-day"])
def test_nothing_is_announced_that_the_scenario_does_not_call_notified(scenario: str) -> None:
    specs = _run(scenario)._world.scenario
    named = {one.name for one in (*specs.movements, *specs.fires) if one.notified}
    assert {notice["actor"] for notice in _run(scenario).notices["announced"]} == named


@pytest.mark.parametrize("scenario", ["mined-strip", "quiet-day"])
def test_the_truth_calls_what_was_announced_by_the_same_actor_permitted_or_no_breach_at_its_time(
    scenario: str,
) -> None:
    run = _run(scenario)
    for _ in run.tables():
        pass
    notices = run.notices["announced"]
    by_actor: dict[str, list[dict[str, Any]]] = {}
    for notice in notices:
        by_actor.setdefault(notice["actor"], []).append(notice)
    told = [h for h in run.truth().happenings if h.actor in by_actor]
    assert len(told) > 3
    for happening in told:
        assert any(
            notice["from_ns"] <= happening.time_start_ns + 1e6
            and happening.time_end_ns <= notice["to_ns"] + 1e6
            for notice in by_actor[happening.actor]
        )
        assert {rule.verdict for rule in happening.rules} <= {"permitted"}
