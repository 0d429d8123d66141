"""Outages in the truth: one happening for each cause, known where its silence could show."""

from dataclasses import replace

import msgspec
import numpy as np
import pyarrow as pa
import pytest

from geodata.contact_line import ContactLine
from monitoring import events, schema
from monitoring.simulation import Happening, simulate
from monitoring.simulation.outage_truth import outage_happenings
from monitoring.simulation.outages import CAUSES, Outages, Spells
from monitoring.simulation.paths import Intervals
from monitoring.simulation.scenario_file import load_scenario
from monitoring.simulation.sensors import health_reports
from monitoring.simulation.terms import Terms
from monitoring.simulation.world import World, build_world

H = 3_600.0
NOTHING = Intervals(np.empty(0, dtype=np.int64), np.empty(0), np.empty(0))


@pytest.fixture(scope="module")
def world(line: ContactLine) -> World:
    quiet = msgspec.structs.replace(load_scenario("sensor-blackout"), movements=(), fires=())
    return build_world(quiet, line, 5, 0, 24 * H, 70_200.0, 1.0, Terms())


def with_spells(world: World, *spells: tuple[str, int, int, float, float]) -> list[Happening]:
    """The outages of a world whose only spells are these: cause, number, sensor, start and end (s)."""
    cause, number, sensor, start_s, end_s = zip(*spells, strict=True)
    made = Spells(
        np.array([CAUSES.index(name) for name in cause]),
        np.array(number),
        np.array(sensor),
        np.array(start_s, dtype=np.float64),
        np.array(end_s, dtype=np.float64),
    )
    return outage_happenings(replace(world, outages=Outages(NOTHING, NOTHING, made, NOTHING)))


def radars(world: World) -> list[int]:
    return [i for i, name in enumerate(world.net.ids) if name.startswith("GR-")]


def due_s(world: World, post: int, number: int) -> float:
    """When a post's report of health of that number is due."""
    phase_s, every_s = health_reports(world.net)
    return float(phase_s[post] + number * every_s[post])


def test_what_a_region_loses_is_one_happening_with_all_of_its_posts(world: World) -> None:
    a, b, c = radars(world)[:3]
    (found,) = with_spells(world, *(("region", 7, post, 5 * H, 9 * H) for post in (a, b, c)))
    assert (found.objects, found.phenomena, found.band) == (3, 3, "observable")
    assert found.sensor_ids == tuple(sorted(world.net.ids[i] for i in (a, b, c)))
    assert [rule.verdict for rule in found.rules] == ["undetermined"]
    assert found.party == "none"


@pytest.mark.parametrize(("lost", "band"), [(1, "out_of_reach"), (2, "observable")])
def test_a_silence_shows_from_the_second_report_that_is_missing(world: World, lost: int, band: str) -> None:
    post = radars(world)[0]
    end_s = due_s(world, post, 5 + lost) - 1.0
    (found,) = with_spells(world, ("post", 0, post, due_s(world, post, 5) - 1.0, end_s))
    assert (found.band, found.phenomena) == (band, lost - 1)


def test_a_post_that_never_reported_cannot_be_missed(world: World) -> None:
    (found,) = with_spells(world, ("post", 0, radars(world)[0], 0.0, 12 * H))
    assert (found.band, found.objects, found.phenomena) == ("out_of_reach", 1, 0)


def test_spells_without_a_report_between_them_are_one_silence_of_the_first_cause(world: World) -> None:
    post, other = radars(world)[:2]
    first = ("post", 0, post, due_s(world, post, 5) - 10.0, due_s(world, post, 6) + 10.0)
    region = [("region", 1, i, due_s(world, post, 6) + 60.0, 20 * H) for i in (post, other)]
    own, whole = with_spells(world, first, *region)
    assert (own.sensor_ids, own.time_end_ns) == ((world.net.ids[post],), round(20 * H * 1e9))
    assert whole.sensor_ids == (world.net.ids[other],)


def test_spells_with_a_report_between_them_are_two(world: World) -> None:
    post = radars(world)[0]
    one = ("post", 0, post, due_s(world, post, 5) - 10.0, due_s(world, post, 8) - 10.0)
    two = ("post", 1, post, due_s(world, post, 8) + 10.0, due_s(world, post, 11))
    assert [found.phenomena for found in with_spells(world, one, two)] == [1, 1]


def test_reports_that_only_come_late_break_no_rule_and_name_what_cut_the_link(world: World) -> None:
    post = radars(world)[0]
    cut, jammed = with_spells(world, ("link", 0, post, 5 * H, 9 * H), ("jamming", 3, post, 10 * H, 12 * H))
    assert (cut.rules, cut.band, cut.of) == ((), "out_of_reach", None)
    assert (jammed.rules, jammed.of) == ((), "j-000003")


def test_a_clock_an_hour_ahead_is_a_silence_since_the_door_holds_it_and_one_behind_is_none(
    world: World,
) -> None:
    post, other = radars(world)[:2]
    ahead, behind = with_spells(
        world, ("clock_ahead", 0, post, 5 * H, 30 * H), ("clock_behind", 1, other, 6 * H, 30 * H)
    )
    assert (ahead.band, bool(ahead.rules), ahead.time_end_ns) == ("observable", True, round(24 * H * 1e9))
    assert behind.rules == ()


def test_aircraft_and_spells_outside_the_run_do_not_count(world: World) -> None:
    drone = next(i for i, name in enumerate(world.net.ids) if name.startswith("UE-"))
    post = radars(world)[0]
    assert with_spells(world, ("region", 0, drone, 2 * H, 9 * H), ("post", 0, post, 24 * H, 30 * H)) == []


def test_regions_take_many_posts_and_what_shows_is_observable(world: World) -> None:
    made = outage_happenings(world)
    regions = [found for found in made if found.object_class == "region"]
    assert regions
    assert max(found.objects for found in regions) > 8
    assert all(found.phenomena <= found.objects for found in made)
    assert all((found.band == "observable") == (found.phenomena > 0) for found in made)


def test_posts_lose_the_reports_of_health_that_the_truth_says_and_no_others(line: ContactLine) -> None:
    faults = load_scenario("sensor-blackout").faults
    quiet = msgspec.structs.replace(
        load_scenario("sensor-blackout"),
        movements=(),
        fires=(),
        faults=msgspec.structs.replace(faults, missing_frac=0.0, hour_fault_sensors=0),
    )
    run = simulate(quiet, line, seed=5, hours=12)
    table = pa.concat_tables(run.tables())
    table = table.filter(pa.array(events.codes(table, "kind") == schema.KINDS.index("heartbeat")))
    told: dict[str, list[int]] = {}
    for name, time_ns in zip(table["sensor_id"].to_pylist(), events.ints(table, "time_ns"), strict=True):
        told.setdefault(name, []).append(int(time_ns))
    silences: dict[str, list[tuple[int, int, bool]]] = {}
    for outage in run.truth().happenings:
        if outage.kind == "outage" and outage.rules:
            for name in outage.sensor_ids:
                span = (outage.time_start_ns, outage.time_end_ns, outage.objects == 1)
                silences.setdefault(name, []).append(span)
    net = run._world.net
    phase_s, every_s = health_reports(net)
    lost = 0
    for watch, (sensor, flight) in enumerate(zip(net.watch_sensor, net.watch_flight, strict=True)):
        if flight >= 0:
            continue
        name, own = net.ids[sensor], np.array(sorted(told.get(net.ids[sensor], ())))
        for due_ns in run.from_ns + np.arange(phase_s[watch], 12 * H, every_s[watch]) * 1e9:
            is_told = bool(len(own)) and np.abs(own - due_ns).min() < 60e9
            inside = [is_alone for begin, end, is_alone in silences.get(name, ()) if begin <= due_ns < end]
            assert is_told or inside, (name, due_ns)
            # What takes several posts lasts until the last of them is back.
            assert not (is_told and any(inside)), (name, due_ns)
            lost += not is_told
    assert lost > 50
