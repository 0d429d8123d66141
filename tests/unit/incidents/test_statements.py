"""Statements: what an incident says of the evidence on whose deed it was."""

import json
import random

import msgspec
import pyarrow as pa

from monitoring import findings
from monitoring.agreement import SensorFacts
from monitoring.incidents import IncidentState, statements
from monitoring.incidents.readings import ROWS, of_former_versions
from tests.small_world import START_NS, parameters, shot
from tests.unit.incidents.fire_world import feed

WORLD = parameters(
    sensors={
        "AC-1": SensorFacts("acoustic_artillery", "A"),
        "AC-2": SensorFacts("acoustic_artillery", "A"),
        "HR-1": SensorFacts("human_report", "B"),
    }
)


def told(rows):
    _, output = feed(rows, WORLD)
    (row,) = output.incidents.to_pylist()
    return json.loads(row["detail"])["statements"]


def test_reports_of_fire_are_told_by_kind_of_sensor_and_host():
    said = told(
        [
            shot(0, -3_000, sensor_id="AC-1", direction="outgoing", object_class="mortar"),
            shot(0.2, -3_000, sensor_id="AC-2", direction="outgoing"),
            shot(20, -3_000, sensor_id="AC-2"),
            shot(21, -3_000, sensor_id="HR-1", affiliation="A"),
        ]
    )
    assert {"says": "origin", "type": "acoustic_artillery", "host": "A", "sensors": 2, "reports": 2} in said
    assert {"says": "fire", "type": "acoustic_artillery", "host": "A", "sensors": 1, "reports": 1} in said
    own = {"type": "human_report", "host": "B", "sensors": 1, "reports": 1}
    assert {"says": "affiliation", "word": "A", **own} in said
    assert [entry["word"] for entry in said if entry["says"] == "class"] == ["mortar"]


def test_unknown_affiliation_is_no_statement():
    assert not [s for s in told([shot(0, -3_000, affiliation="unknown")]) if s["says"] == "affiliation"]


def test_an_azimuth_of_fire_is_followed_back_to_the_side_it_came_from():
    east_bound, west_bound = (
        [
            entry["word"]
            for entry in told([shot(0, -3_000, fire_azimuth_deg=azimuth)])
            if entry["says"] == "came_from"
        ]
        for azimuth in (90.0, 270.0)
    )
    assert east_bound == ["A"]
    assert west_bound == ["B"]


def moved(number, sensor, **fields):
    row = {
        "finding_id": f"F-{number}",
        "revision": 1,
        "state": "final",
        "rule_id": "line_crossing",
        "verdict": "violation",
        "time_start_ns": START_NS + number,
        "time_end_ns": START_NS + number,
        "subject_key": f"track:{sensor}/t",
        "sensor_ids": [sensor],
        "event_ids": [],
        "engine_version": "test",
        "reasons": [],
        "detail": findings.canonical_json({"affiliations": ["B"]}),
    }
    return findings.table([row | fields]).to_pylist()[0]


def test_of_movement_a_track_says_a_thing_once_and_its_first_crossing_counts():
    rows = [
        moved(1, "AC-1", direction="B>A", object_class="tank"),
        moved(2, "AC-1", direction="A>B", object_class="tank"),
        moved(3, "HR-1", rule_id="buffer_incursion", side="A", distance_m=700.0, sigma_m=20.0),
    ]
    said = statements.of_movement(rows, WORLD)
    assert [(s["says"], s["word"], s["host"], s["reports"]) for s in said] == [
        ("affiliation", "B", "A", 1),
        ("affiliation", "B", "B", 1),
        ("class", "tank", "A", 1),
        ("crossed", "B>A", "A", 1),
        ("stood", "A", "B", 1),
    ]
    assert said[-1]["distance_m"] == 700.0


def test_the_order_of_findings_does_not_matter():
    rows = [moved(n, f"AC-{n % 3}", direction="B>A", side=None) for n in range(9)]
    expected = statements.of_movement(rows, WORLD)
    random.Random(3).shuffle(rows)
    assert statements.of_movement(rows, WORLD) == expected


def test_a_snapshot_that_kept_no_classes_is_read():
    state, _ = feed([shot(0, -3_000)], WORLD, until_ns=START_NS)
    content = msgspec.msgpack.decode(state.snapshot())
    with pa.ipc.open_stream(pa.py_buffer(content["rows"])) as reader:
        rows = reader.read_all()
    assert rows.num_rows == 1
    former = rows.drop_columns(["object_class", "calibre_mm", "fire_azimuth_deg"])
    sink = pa.BufferOutputStream()
    with pa.ipc.new_stream(sink, former.schema) as writer:
        writer.write_table(former)
    content |= {"version": 1, "rows": bytes(sink.getvalue())}
    restored = IncidentState.restore(msgspec.msgpack.encode(content))
    assert restored.rows.schema == ROWS
    assert restored.rows.column("object_class").null_count == 1
    assert of_former_versions(rows).equals(rows)
    _, output = feed([shot(5, -3_000)], WORLD, state=restored)
    assert output.incidents.column("event_count").to_pylist() == [2]
