"""Which findings of tracks are one excursion."""

import numpy as np
import pytest

from monitoring import findings, incidents, schema
from monitoring.agreement import SensorFacts
from tests.small_world import START_NS, parameters, place

WORLD = parameters(sensors={"GS-1": SensorFacts("ground_radar"), "ET-1": SensorFacts("eo_ir_tower")})
SECOND_NS = 1_000_000_000


def found(
    second, rule_id="line_crossing", track="GS-1/t1", direction="A>B", until=None, north_m=0.0, **fields
):
    """A finding of S1."""
    lon, lat = place(0.0, north_m)
    sensor = track.split("/")[0]
    time_ns = START_NS + int(second * SECOND_NS)
    row = {
        "finding_id": f"F-{rule_id}-{track}-{second}",
        "revision": 1,
        "state": "final",
        "rule_id": rule_id,
        "verdict": "violation",
        "time_start_ns": time_ns,
        "time_end_ns": time_ns if until is None else START_NS + int(until * SECOND_NS),
        "lon": lon,
        "lat": lat,
        "sigma_m": 20.0,
        "direction": direction,
        "chainage_m": 55_000.0,
        "sector": "S01",
        "confidence": "medium",
        "party": "A",
        "object_class": "tank",
        "subject_key": f"track:{track}",
        "sensor_ids": [sensor],
        "event_ids": [f"{sensor}/e1", f"{sensor}/e2"],
        "engine_version": schema.ENGINE_VERSION,
        "reasons": ["because"],
        "detail": "{}",
    }
    return row | fields


def associate(*batches):
    state, outputs = incidents.start(), []
    for batch in batches:
        until_ns = START_NS + 100_000 * SECOND_NS
        table = findings.table(batch)
        state, output = incidents.step(state, schema.PLACED_EVENTS.empty_table(), table, until_ns, WORLD)
        state = incidents.IncidentState.restore(state.snapshot())
        outputs.append(output)
    newest = {r["incident_id"]: r for o in outputs for r in o.incidents.to_pylist()}
    judged = {r["finding_id"]: r["incident_id"] for o in outputs for r in o.findings.to_pylist()}
    return newest, judged


def test_a_crossing_gets_an_incident_and_a_sentence():
    newest, judged = associate([found(0)])
    (row,) = newest.values()
    assert row["kind"] == "movement"
    assert row["party"] == "A"
    assert row["violations_smm"] is None
    assert judged == {"F-line_crossing-GS-1/t1-0": row["incident_id"]}
    assert row["summary"].startswith("A tank crossed the line A to B near km 55 in sector S01; ")


def test_out_and_back_and_the_stay_between_are_one_incident():
    newest, judged = associate(
        [found(0)],
        [found(900, direction="B>A")],
        [found(-100, "buffer_incursion", direction=None, until=1_000, side="B")],
    )
    (row,) = newest.values()
    assert len(set(judged.values())) == 1
    assert row["revision"] == 3
    assert "crossed the line and came back and was inside the buffer on side B" in row["summary"]


def test_the_same_object_long_after_is_another_excursion():
    newest, _ = associate([found(0), found(21_601 + 1)])
    assert len(newest) == 2


def test_two_sensors_that_see_one_crossing_give_one_incident():
    newest, _ = associate([found(0), found(60, track="ET-1/x9", north_m=300)])
    (row,) = newest.values()
    assert row["sensor_ids"] == ["ET-1", "GS-1"]
    assert row["confidence"] == "high"


@pytest.mark.parametrize(
    "other",
    [
        found(60, track="ET-1/x9", north_m=3_000),
        found(600, track="ET-1/x9"),
        found(60, track="ET-1/x9", object_class="uav_small"),
        found(60, track="GS-1/t2"),
        found(60, track="ET-1/x9", party="B"),
    ],
    ids=["elsewhere", "later", "other class", "other track of the same sensor", "other party"],
)
def test_a_different_movement_is_another_incident(other):
    newest, _ = associate([found(0), other])
    assert len(newest) == 2


def test_the_way_back_seen_by_another_sensor_ends_the_same_excursion_and_a_further_one_does_not():
    back = found(1_800, track="ET-1/x9", direction="B>A", north_m=200)
    again = found(3_600, track="ET-1/x10", direction="B>A", north_m=200)
    newest, judged = associate([found(0), back, again])
    assert judged[back["finding_id"]] == judged["F-line_crossing-GS-1/t1-0"]
    assert len(newest) == 2


def test_a_stay_that_the_same_sensor_lost_and_found_again_under_another_track_goes_on():
    first = found(0, "buffer_incursion", direction=None, until=600)
    second = found(900, "buffer_incursion", track="GS-1/t2", direction=None, until=1_500, north_m=300)
    beside = found(200, "buffer_incursion", track="GS-1/t3", direction=None, until=1_500, north_m=300)
    assert len(associate([first, second])[0]) == 1
    assert len(associate([first, beside])[0]) == 2, (
        "one sensor that follows two tracks at a time sees two objects"
    )


def test_a_revised_finding_stays_in_its_incident_and_a_withdrawn_one_withdraws_it():
    newest, judged = associate(
        [found(0)], [found(0, revision=2, lat=48.9)], [found(0, revision=3, state="withdrawn")]
    )
    (row,) = newest.values()
    assert (row["revision"], row["state"]) == (3, "withdrawn")
    assert len(judged) == 1


def test_cutting_batches_elsewhere_changes_no_newest_incident():
    rng = np.random.default_rng(2)
    rows = [
        found(float(s), track=f"GS-{i % 5}/t{i % 7}", direction=("A>B", "B>A")[i % 2], north_m=float(n))
        for i, (s, n) in enumerate(
            zip(np.sort(rng.uniform(0, 9_000, 40)), rng.uniform(-4_000, 4_000, 40), strict=True)
        )
    ]
    assert associate(rows) == associate(*[rows[i : i + 3] for i in range(0, 40, 3)])
