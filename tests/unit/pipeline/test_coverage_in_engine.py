"""Coverage in the engine: published by the hour, carried by findings, kept over a restart, left alone by amendments."""

import json

import pyarrow as pa
import pytest

from monitoring.pipeline import Engine
from tests.small_world import fix, table
from tests.watching import FIRST_NS, HOUR_NS, beats, every, newest, post, world_of

WORLD = world_of({"GS-1": post("ground_radar", -3_000.0, host_side="A")})
SECONDS = 1_000_000_000


def crossing(hour, **fields):
    at_ns = FIRST_NS + round(hour * HOUR_NS)
    return [
        fix(0, -400, id=f"a{hour}", time_ns=at_ns, affiliation="A", object_class="tank") | fields,
        fix(0, 400, id=f"b{hour}", time_ns=at_ns + 60 * SECONDS, affiliation="A", object_class="tank")
        | fields,
    ]


def run(rows, until_h, pieces=1, *, restarts=False):
    engine, outputs = Engine(WORLD), []
    rows = sorted(rows, key=lambda row: row["time_ns"])
    step = round(until_h * HOUR_NS / pieces)
    for piece in range(1, pieces + 1):
        until_ns = FIRST_NS + step * piece
        due = [
            row
            for row in rows
            if until_ns - step < row["time_ns"] <= until_ns or (piece == 1 and row["time_ns"] <= until_ns)
        ]
        if due:
            engine.feed(table(due))
        outputs.append(engine.tick(until_ns, end_of_input=piece == pieces))
        if restarts:
            engine = Engine.restore(WORLD, engine.snapshot())
    return engine, outputs


def rows_of(outputs, name):
    return [row for output in outputs for row in getattr(output, name).to_pylist()]


def test_a_finding_carries_the_coverage_of_its_sector_in_the_last_hour_that_was_over():
    _, outputs = run([*beats(["GS-1"], every(0.25, 4.0)), *crossing(2.5)], 4.0, pieces=24)
    (row,) = [one for one in rows_of(outputs, "findings") if one["rule_id"] == "line_crossing"]
    said = json.loads(row["detail"])["coverage"]
    assert said["kind"] == "crossing_vehicle"
    assert said["status"] == "partly_observed"
    assert said["is_upper_bound"] is True
    assert 0.0 < said["watched_frac"] < 1.0
    assert said["to"].startswith("2025-10-09T11:00:00")


def test_a_finding_in_the_first_hour_of_all_carries_none():
    _, outputs = run([*beats(["GS-1"], every(0.25, 1.0)), *crossing(0.3)], 0.9, pieces=3)
    (row,) = [one for one in rows_of(outputs, "findings") if one["rule_id"] == "line_crossing"]
    assert "coverage" not in json.loads(row["detail"])


@pytest.mark.parametrize(("pieces", "restarts"), [(6, False), (30, False), (30, True)])
def test_findings_and_coverage_are_the_same_however_the_input_was_cut(pieces, restarts):
    rows = [*beats(["GS-1"], every(0.25, 5.0)), *crossing(1.7), *crossing(3.2, track_id="t2")]
    _, whole = run(rows, 5.0)
    _, cut = run(rows, 5.0, pieces, restarts=restarts)
    assert newest(whole[0].coverage) == newest(pa.concat_tables([o.coverage for o in cut]))
    details = [
        {
            row["finding_id"]: json.loads(row["detail"])["coverage"]["kind"]
            for row in rows_of(outputs, "findings")
        }
        for outputs in (whole, cut)
    ]
    assert details[0].keys() == details[1].keys()


def test_the_provisional_view_moves_no_coverage():
    engine = Engine(WORLD)
    engine.feed(table([*beats(["GS-1"], every(0.25, 3.0)), *crossing(2.5)]))
    engine.tick(FIRST_NS + 3 * HOUR_NS)
    before = engine.snapshot()
    assert not engine.provisional().coverage.num_rows
    assert engine.snapshot() == before


def test_late_evidence_that_changes_nothing_of_a_finding_amends_nothing_for_its_coverage():
    rows = [*beats(["GS-1"], every(0.25, 4.0)), *crossing(2.5)]
    engine, outputs = run(rows, 4.0, pieces=8)
    late = fix(
        0, 900, id="late", time_ns=FIRST_NS + round(2.6 * HOUR_NS), affiliation="A", object_class="tank"
    )
    engine.feed(table([late]))
    request = engine.stragglers()
    assert request is not None

    published = outputs[0]._replace(
        **{
            name: pa.concat_tables([getattr(output, name) for output in outputs])
            for name in ("findings", "incidents")
        }
    )
    amended = engine.reevaluate(request, table([*rows, late]), published)
    assert "line_crossing" not in amended.findings["rule_id"].to_pylist()


def test_without_a_registry_nothing_is_said_of_coverage():
    engine = Engine(world_of({}))
    engine.feed(table([*beats(["GS-1"], every(0.25, 4.0)), *crossing(2.5)]))
    output = engine.tick(FIRST_NS + 4 * HOUR_NS, end_of_input=True)
    assert not output.coverage.num_rows
    assert not any("coverage" in json.loads(detail) for detail in output.findings["detail"].to_pylist())
