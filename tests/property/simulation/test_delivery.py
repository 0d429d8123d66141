"""On the way to the door reports are lost, late, repeated and numbered as the scenario and the catalogue say.

Bounds are about five standard deviations and seeds fixed, so a failure means a defect.
"""

from typing import Any, NamedTuple

import msgspec
import numpy as np
import pytest

from geodata.contact_line import ContactLine, packaged_line
from monitoring.simulation.background import heartbeats
from monitoring.simulation.columns import Rows, taken
from monitoring.simulation.delivery import BURST_S, REPEAT_S, Delivery
from monitoring.simulation.looks import TRACK, observe_movers
from monitoring.simulation.scenario_file import load_scenario
from monitoring.simulation.sensors import LATENCY_S, STORES
from monitoring.simulation.terms import Terms
from monitoring.simulation.world import World, build_world

DAY_S = 86_400.0
BEGIN_S, END_S = 30_000.0, 40_800.0


class Sent(NamedTuple):
    """Reports of a few hours: how many were made, those that were not lost, and all that will arrive."""

    world: World
    made: int
    kept: Rows
    arriving: Rows


@pytest.fixture(scope="module")
def line() -> ContactLine:
    return packaged_line()


def sent(line: ContactLine, **faults: Any) -> Sent:
    """With no faults of links and starts but those named."""
    base = load_scenario("busy-day")
    none = {"link_outages_per_day": 0.0, "jamming_discs": 0, "reboots_per_day": 0.0, "duplicate_frac": 0.0}
    scenario = msgspec.structs.replace(
        base, faults=msgspec.structs.replace(base.faults, **(none | {"missing_frac": 0.0} | faults))
    )
    world = build_world(scenario, line, 11, 1_781_454_600_000_000_000, DAY_S, 70_200.0, 1.0, Terms())
    fixes, *_ = observe_movers(world, BEGIN_S, END_S, np.random.default_rng(1))
    parts = [fixes, heartbeats(world, BEGIN_S, END_S)]
    delivery = Delivery(world)
    kept = len(delivery.take(parts, 0)["sensor"])
    arriving = delivery.on_its_way()
    made = sum(len(part["sensor"]) for part in parts)
    return Sent(world, made, taken(arriving, np.arange(kept)), arriving)


def test_reports_are_lost_and_repeated_as_often_as_the_scenario_says(line: ContactLine) -> None:
    found = sent(line, missing_frac=0.1, duplicate_frac=0.2)
    count = len(found.kept["sensor"])
    assert found.made > 10_000
    assert abs(count - 0.9 * found.made) < 5 * np.sqrt(0.09 * found.made)
    again = len(found.arriving["sensor"]) - count
    assert abs(again - 0.2 * count) < 5 * np.sqrt(0.16 * count)
    late = found.arriving["arrival_s"][count:] - found.arriving["made_s"][count:]
    assert REPEAT_S[0] < late.min() < late.max() < REPEAT_S[1] + LATENCY_S.max()


def test_every_fix_takes_as_long_as_its_sensors_type_says(line: ContactLine) -> None:
    found = sent(line)
    is_fix = found.kept["kind"] == TRACK
    kept = {name: column[is_fix] for name, column in found.kept.items()}
    low, high = LATENCY_S[found.world.net.type_idx[kept["sensor"]]].T
    took = (kept["arrival_s"] - kept["made_s"] - low) / (high - low)
    assert -1e-6 < took.min() < 0.05
    assert 0.95 < took.max() < 1 + 1e-6
    assert took.mean() == pytest.approx(0.5, abs=0.02)


def test_what_a_cut_link_holds_back_comes_in_a_burst_when_it_is_back_or_is_lost(line: ContactLine) -> None:
    found = sent(line, link_outages_per_day=6.0, resent_frac=0.5)
    net, links = found.world.net, found.world.outages.link
    kept = found.kept
    due = kept["made_s"] + kept["latency_s"]
    outage = links.find(kept["sensor"].astype(np.int64), due)
    is_cut = outage >= 0
    assert is_cut.sum() > 500
    assert np.all(STORES[net.type_idx[kept["sensor"][is_cut]]])
    behind = kept["arrival_s"][is_cut] - links.end_s[outage[is_cut]]
    assert behind.min() >= 0.0
    assert behind.max() <= BURST_S
    np.testing.assert_allclose(kept["arrival_s"][~is_cut], due[~is_cut])
    # A burst comes twice as a whole or not at all.
    again = {name: column[len(due) :] for name, column in found.arriving.items()}
    twice = links.find(again["sensor"].astype(np.int64), again["made_s"] + again["latency_s"])
    bursts = len(np.unique(outage[is_cut]))
    assert np.all(twice >= 0)
    assert len(np.unique(twice)) / bursts == pytest.approx(0.5, abs=2.5 / np.sqrt(bursts))


def test_sensors_start_again_as_often_as_the_scenario_says_and_number_from_zero(line: ContactLine) -> None:
    kept = sent(line, reboots_per_day=4.0).kept
    sensor = np.unique(kept["sensor"])
    starts = np.zeros(int(sensor.max()) + 1)
    np.maximum.at(starts, kept["sensor"].astype(np.int64), kept["boot"].astype(np.float64))
    # As often as its last report shows, which most sensors made near the end.
    expected = 4.0 * len(sensor) * END_S / DAY_S
    assert 0.7 * expected < starts.sum() < expected + 5 * np.sqrt(expected)
    key = kept["sensor"].astype(np.int64) * 1_000 + kept["boot"].astype(np.int64)
    order = np.lexsort((kept["made_s"], key))
    is_first = np.diff(key[order], prepend=-1) != 0
    assert np.all(kept["seq"][order][is_first] == 0)
    assert np.all(np.diff(kept["seq"][order])[~is_first[1:]] == 1)
