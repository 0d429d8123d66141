"""The engine step by step: what is final when, what the end publishes, what late evidence amends."""

import json

import msgspec
import pytest

from geodata.contact_line import ContactLine, LineHistory
from geodata.line_file import LineDraft
from monitoring.agreement import SensorFacts
from monitoring.pipeline import Engine, EngineOutput, StateTooNew
from tests.small_world import LINE, SECOND_NS, START_NS, fix, parameters, place, shot, table

PARAMETERS = parameters()
OVER = [fix(0, -400, id="a", affiliation="A"), fix(60, 400, id="b", affiliation="A")]


def at(second: float) -> int:
    return START_NS + round(second * SECOND_NS)


def verdicts(output: EngineOutput, rule_id: str = "line_crossing") -> list[tuple[str, int, str]]:
    rows = output.findings.to_pylist()
    return [(row["state"], row["revision"], row["verdict"]) for row in rows if row["rule_id"] == rule_id]


def test_a_crossing_is_final_when_the_watermark_has_passed_the_fix_that_decides_it() -> None:
    engine = Engine(PARAMETERS)
    engine.feed(table(OVER))
    assert verdicts(engine.tick(at(60))) == []
    assert verdicts(engine.provisional()) == [("provisional", 1, "violation")]
    assert verdicts(engine.tick(at(659))) == []
    assert verdicts(engine.tick(at(660))) == [("final", 1, "violation")]
    assert verdicts(engine.tick(at(9000))) == []


def test_before_any_event_there_is_nothing() -> None:
    engine = Engine(PARAMETERS)
    assert engine.tick(at(0)) == EngineOutput.empty()
    assert engine.provisional() == EngineOutput.empty()
    assert engine.watermark_ns is None
    assert engine.stragglers() is None


def test_what_is_open_at_the_end_is_published_and_what_continues_it_is_its_next_revision() -> None:
    engine = Engine(PARAMETERS)
    engine.feed(table([fix(0, -1000, id="a"), fix(60, -1000, id="b")]))
    first = engine.tick(at(60), end_of_input=True).findings.to_pylist()
    assert engine.tick(at(60), end_of_input=True).findings.num_rows == 0
    engine.feed(table([fix(120, -900, id="c"), fix(180, -5000, id="d")]))
    second = engine.tick(at(180), end_of_input=True).findings.to_pylist()
    assert [(row["finding_id"], row["revision"]) for row in [*first, *second]] == [
        (first[0]["finding_id"], 1),
        (first[0]["finding_id"], 2),
    ]
    assert second[0]["time_end_ns"] == at(120)
    assert json.loads(second[0]["detail"])["exit"] is not None


def test_a_stay_published_at_the_end_that_then_ends_in_silence_is_not_told_again() -> None:
    engine = Engine(PARAMETERS)
    engine.feed(table([fix(0, -1000, id="a"), fix(60, -1000, id="b")]))
    engine.tick(at(60), end_of_input=True)
    assert engine.tick(at(9000)).findings.num_rows == 0


def test_a_late_fix_that_refutes_a_crossing_withdraws_it_and_flags_its_case() -> None:
    engine = Engine(PARAMETERS)
    rows = [*OVER, fix(120, 500, id="c", affiliation="A")]
    engine.feed(table(rows))
    published = engine.tick(at(120), end_of_input=True)
    late = fix(60, 400, id="b2", affiliation="monitor", sensor_id="GS-1")
    engine.feed(table([late]))
    request = engine.stragglers()
    assert request is not None
    assert [(span.sensor_id, span.track_id) for span in request.tracks] == [("GS-1", "t1")]
    evidence = table([rows[0], late, rows[2]])  # as if "b" had been redacted
    amended = engine.reevaluate(request, evidence, published)
    states = {row["rule_id"]: (row["revision"], row["verdict"]) for row in amended.findings.to_pylist()}
    assert states["line_crossing"] == (2, "undetermined")
    assert "flag" in amended.filings["action"].to_pylist()
    assert engine.stragglers() is None


def test_a_burst_that_was_stored_and_forwarded_still_opens_its_case() -> None:
    engine = Engine(PARAMETERS)
    engine.feed(table([fix(0, -9000, id="x", track_id="other"), fix(5000, -9000, id="y", track_id="other")]))
    published = engine.tick(at(5000), end_of_input=True)
    assert published.filings.num_rows == 0
    burst = [*OVER, shot(100, -3000, id="s1")]
    engine.feed(table(burst))
    assert engine.tick(at(5000), end_of_input=True).findings.num_rows == 0
    request = engine.stragglers()
    assert request is not None
    assert len(request.fire) == 1
    amended = engine.reevaluate(request, table(burst), EngineOutput.empty())
    assert {row["rule_id"] for row in amended.findings.to_pylist()} >= {"line_crossing", "ceasefire_fire"}
    assert amended.filings["action"].to_pylist().count("open") == 2


def test_an_event_sent_again_after_it_was_judged_changes_nothing() -> None:
    engine = Engine(PARAMETERS)
    engine.feed(table(OVER))
    published = engine.tick(at(60), end_of_input=True)
    engine.feed(table(OVER))
    request = engine.stragglers()
    assert request is not None
    assert all(
        output.num_rows == 0 for output in engine.reevaluate(request, table([*OVER, *OVER]), published)
    )


def test_a_track_is_judged_against_the_line_in_force_at_its_times() -> None:
    moved = ContactLine.from_draft(LineDraft(((37.02, 48.0), (37.02, 49.0)), "moved east"))
    lines = LineHistory([LINE]).with_line(moved, at(100))
    engine = Engine(parameters(lines=lines))
    own = {"affiliation": "A"}
    rows = [
        fix(0, -500, id="a", **own),
        fix(60, 500, id="b", **own),
        fix(120, 600, id="c", **own),
        fix(180, 3000, id="d", **own),
    ]
    engine.feed(table(rows))
    found = [
        row
        for row in engine.tick(at(180), end_of_input=True).findings.to_pylist()
        if row["rule_id"] == "line_crossing"
    ]
    assert [(row["direction"], row["line_version"]) for row in found] == [
        ("A>B", LINE.version),
        ("A>B", moved.version),
    ]


def test_who_watched_a_crossing_is_told_by_the_line_of_its_time_whenever_it_is_judged() -> None:
    beyond, _ = place(4_001.0)
    moved = ContactLine.from_draft(LineDraft(((beyond, 48.0), (beyond, 49.0)), "moved behind the posts"))
    posts = [place(4_000.0, 500.0 * i) for i in range(4)]
    used = parameters(
        {"stream.lateness_s": 0},
        LineHistory([LINE]).with_line(moved, at(1_800)),
        {f"T-{i}": SensorFacts("ground_radar", lon=lon, lat=lat) for i, (lon, lat) in enumerate(posts)},
        rules=("line_crossing",),
    )
    over = [fix(10 * i, -500 + 20 * i, id=f"e{i:02}", affiliation="A", sigma_m=10.0) for i in range(40)]
    other = [fix(3_600, 9_000, id="z", track_id="t2")]
    found = []
    for deliveries in ([over, other], [over + other]):
        engine, outputs = Engine(used), []
        for rows in deliveries:
            engine.feed(table(rows))
            outputs += engine.tick(rows[-1]["time_ns"]).findings.to_pylist()
        found.append([row["probability"] for row in outputs])
    assert found[0] == found[1]
    assert found[0][0] < 0.5


def test_a_state_of_a_later_version_is_refused() -> None:
    content = msgspec.msgpack.decode(Engine(PARAMETERS).snapshot())
    content["version"] = 99
    with pytest.raises(StateTooNew, match="version 99"):
        Engine.restore(PARAMETERS, msgspec.msgpack.encode(content))


def test_a_snapshot_does_not_depend_on_the_number_of_shards() -> None:
    snapshots = []
    for shards in (1, 2, 7):
        engine = Engine(PARAMETERS, shards)
        engine.feed(table([fix(i, -1000 + 10 * i, id=f"e{i}", track_id=f"t{i % 5}") for i in range(300)]))
        engine.tick(at(1000))
        snapshots.append(engine.snapshot())
    assert snapshots[0] == snapshots[1] == snapshots[2]
