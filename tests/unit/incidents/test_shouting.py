"""Sensors that shout: contained by needing support, found by event time alone."""

import json

from monitoring.agreement import SensorFacts
from monitoring.incidents import IncidentState
from tests.small_world import parameters, shot
from tests.unit.incidents.fire_world import feed, in_pieces, same

WORLD = parameters(
    {"fire_evidence.shouting_per_h": 60},
    sensors={name: SensorFacts("acoustic_artillery") for name in ("AC-1", "AC-2")},
)


def evidence(rows, world=WORLD):
    return {
        row["incident_id"]: json.loads(row["detail"])["evidence"]["happened"]
        for row in feed(rows, world)[1].incidents.to_pylist()
        if row["event_count"] == 4
    }


def noise(count, sensor_id="AC-1"):
    """A report each ten seconds for a while, each elsewhere."""
    return [shot(10.0 * n, -3_000, 5_000.0 * n, sensor_id=sensor_id) for n in range(count)]


def salvo(begin, by=("AC-1",)):
    """Four reports of one place far from all others."""
    return [shot(begin + 5.0 * n, -3_000, -40_000, sensor_id=by[n % len(by)]) for n in range(4)]


def test_a_shouting_sensors_repetitions_do_not_support_each_other():
    (calm,) = evidence(noise(20) + salvo(2_000)).values()
    (shouted,) = evidence(noise(120) + salvo(2_000)).values()
    assert shouted < 0.5 < calm


def test_another_sensors_report_supports_what_a_shouting_one_says():
    (supported,) = evidence(noise(120) + salvo(2_000, by=("AC-1", "AC-2"))).values()
    assert supported > 0.5


def test_an_hour_later_the_sensor_is_believed_again():
    (later,) = evidence(noise(120) + salvo(1_200 + 3_600 + 600)).values()
    assert later > 0.5


def test_who_shouts_does_not_depend_on_cuts_or_restarts():
    rows = noise(120) + salvo(2_000)
    whole = in_pieces(rows, WORLD, [])
    start_ns = rows[0]["time_ns"]
    cuts = [start_ns + minute * 60_000_000_000 for minute in (5, 17, 33, 40, 55)]
    assert same(whole, in_pieces(rows, WORLD, cuts, with_snapshots=True))


def test_a_snapshot_without_counts_is_read():
    state, _ = feed(noise(3), WORLD, until_ns=0)
    assert IncidentState.restore(state.snapshot()).counts.num_rows == state.counts.num_rows > 0
