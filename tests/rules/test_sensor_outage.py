"""Cases of the rule on outages, from `tests/rules/sensor_outage.yaml`, through the whole engine; blackouts; places."""

import json
from functools import cache
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest
import yaml

from geodata.contact_line import LineHistory
from monitoring.agreement import Agreement, Parameters, SensorFacts
from monitoring.findings import utc_text
from monitoring.pipeline import Engine
from tests.small_world import LINE, SECTORS, agreement, parameters, place, table
from tests.watching import FIRST_NS, HOUR_NS, beats, heartbeat, post

CASES = yaml.safe_load(Path(__file__).with_name("sensor_outage.yaml").read_text(encoding="utf-8"))


def facts(said: dict[str, Any], side: int) -> SensorFacts:
    if "at" not in said:
        return SensorFacts(said["type"])
    lon, lat = place(side * said["at"][0], said["at"][1])
    return SensorFacts(said["type"], lon=lon, lat=lat)


def announced() -> dict[str, Any]:
    lon, lat = place(-3_000.0)
    return {
        "id": "N-1",
        "kind": "maintenance",
        "party": "A",
        "area": {"circle": {"lon": lon, "lat": lat, "radius_m": 500}},
        "from": "2025-10-09T00:00:00Z",
        "to": "2025-10-10T00:00:00Z",
        "source": "the test",
        "text": "Announced.",
    }


@cache
def usual() -> Agreement:
    """The agreement with every rule, read once."""
    return agreement(name="illustrative")


def engine_of(sensors: dict[str, SensorFacts], changes: Any = None, notified: Any = ()) -> Engine:
    if not changes and not notified:
        return Engine(Parameters(usual(), LineHistory([LINE]), SECTORS, sensors, rules=("sensor_outage",)))
    told = {"notified": list(notified)}
    return Engine(
        parameters(changes, sensors=sensors, name="illustrative", rules=("sensor_outage",), said_besides=told)
    )


def judged(case: dict[str, Any]) -> list[dict[str, Any]]:
    side = -1 if case.get("mirrored") else 1
    sensors = {name: facts(said, side) for name, said in CASES["sensors"].items()}
    rows = []
    for name, listed in case["heard"].items():
        behind = range(int(listed[-1]) + 1, int(case["until"]) + 1)
        goes_on = name not in case.get("silent", [])
        rows += beats([name], [*listed, *(behind if goes_on else ())])
    for number, (hour, name, kind, end) in enumerate(case.get("stated", [])):
        end_ns = None if end is None else FIRST_NS + round(end * HOUR_NS)
        rows.append(heartbeat(name, hour, kind=kind, id=f"o{number}", time_end_ns=end_ns))
    engine = engine_of(sensors, case.get("agreement"), [announced()] if case.get("notified") else [])
    engine.feed(table(rows))
    found = engine.tick(FIRST_NS + round(case["until"] * HOUR_NS), end_of_input=True).findings.to_pylist()
    return sorted(found, key=lambda row: (row["time_start_ns"], row["sector"]))


@pytest.mark.parametrize("case", [pytest.param(case, id=case["name"]) for case in CASES["cases"]])
def test_the_rule_judges_as_its_case_says(case: dict[str, Any]) -> None:
    found = judged(case)
    assert len(found) == len(case["expect"]), [row["reasons"] for row in found]
    for row, expected in zip(found, case["expect"], strict=True):
        from_h, to_h = ((row[name] - FIRST_NS) / HOUR_NS for name in ("time_start_ns", "time_end_ns"))
        said = row | json.loads(row["detail"]) | {"from_h": from_h, "to_h": to_h}
        for name, value in expected.items():
            assert said[name] == (pytest.approx(value) if isinstance(value, float) else value), name
        assert all(sentence[0].isupper() or sentence[0].isdigit() for sentence in row["reasons"])
        assert all(sentence.endswith(".") for sentence in row["reasons"])
        assert row["incident_id"]


def blackout(count: int = 100, last: int = 10) -> tuple[dict[str, SensorFacts], list[dict[str, Any]]]:
    sensors = {
        f"GR-{i:03d}": post("ground_radar", -3_000.0, -40_000.0 + i * 80_000.0 / count) for i in range(count)
    }
    rows = []
    for number, name in enumerate(sensors):
        phase = (number * 0.618) % 1.0
        rows += beats([name], [h + phase for h in (0, 1, *range(6, last))])
    return sensors, rows


def test_a_blackout_of_a_hundred_posts_is_one_incident():
    sensors, rows = blackout()
    engine = engine_of(sensors)
    engine.feed(table(rows))
    output = engine.tick(FIRST_NS + 10 * HOUR_NS, end_of_input=True)
    assert output.findings.num_rows == output.incidents.num_rows == 1
    (row,) = output.findings.to_pylist()
    assert row["count"] == 100
    assert json.loads(row["detail"])["lost_km"]["crossing_vehicle"] > 60.0
    assert output.incidents["kind"].to_pylist() == ["outage"]
    assert not output.filings.num_rows


def test_no_place_of_a_sensor_shows():
    sensors, rows = blackout(3)
    engine = engine_of(sensors)
    engine.feed(table(rows))
    output = engine.tick(FIRST_NS + 10 * HOUR_NS, end_of_input=True)
    for row in (*output.findings.to_pylist(), *output.incidents.to_pylist()):
        assert row["lon"] is row["lat"] is row["chainage_m"] is None
    assert output.members["residual_m"].null_count == output.members.num_rows


@pytest.mark.parametrize("step_h", [0.1, 0.7, 2.5])
def test_the_same_finals_come_however_often_the_watermark_moves(step_h):
    sensors, rows = blackout(6, 25)
    until_h = 24.0

    def finals(step: float) -> list[dict[str, Any]]:
        engine, found, at = engine_of(sensors), [], 0.0
        pending = sorted(rows, key=lambda row: row["time_ns"])
        while at < until_h:
            at = min(at + step, until_h)
            due = [row for row in pending if row["time_ns"] <= FIRST_NS + at * HOUR_NS]
            pending = pending[len(due) :]
            engine.feed(table(due)) if due else None
            found += engine.tick(FIRST_NS + round(at * HOUR_NS)).findings.to_pylist()
            engine = Engine.restore(engine._parameters, engine.snapshot())
        return [{k: v for k, v in row.items() if k != "detail"} for row in found]

    assert finals(step_h)[-1] == finals(until_h)[-1] | {"revision": finals(step_h)[-1]["revision"]}
    assert {row["finding_id"] for row in finals(step_h)} == {row["finding_id"] for row in finals(until_h)}


@pytest.mark.parametrize("ticks_h", [(4.9, 30), (30,)])
def test_a_silence_is_judged_by_what_was_agreed_when_it_began(ticks_h):
    changed = [{"from": "always", "value": 2}, {"from": utc_text(FIRST_NS + 5 * HOUR_NS), "value": 3}]
    sensors = {"GR-1": post("ground_radar", -3_000.0), "GR-2": post("ground_radar", -3_000.0, 45_000.0)}
    rows = beats(["GR-1"], [0, 1, 2, 4.5, *range(5, 31)]) + beats(["GR-2"], range(31))
    engine, found = engine_of(sensors, {"sensor_outage.missed_count": changed}), []
    engine.feed(table(rows))
    for hour in ticks_h:
        found += engine.tick(FIRST_NS + round(hour * HOUR_NS)).findings.to_pylist()
    assert [(row["sensor_ids"], row["state"]) for row in found] == [(["GR-1"], "final")]


def by_hour(engine: Engine, rows: list[dict[str, Any]], hours: list[int]) -> list[tuple[int, dict[str, Any]]]:
    """Findings with the hour of the tick that told them, of rows fed as their hours come."""
    told, fed = [], set[int]()
    for hour in hours:
        due = [
            i for i, row in enumerate(rows) if row["time_ns"] <= FIRST_NS + hour * HOUR_NS and i not in fed
        ]
        fed |= set(due)
        engine.feed(table([rows[i] for i in due])) if due else None
        told += [(hour, row) for row in engine.tick(FIRST_NS + hour * HOUR_NS).findings.to_pylist()]
    return told


@pytest.mark.parametrize("hours", [[*range(1, 31)], [30]])
def test_a_brief_outage_joins_a_neighbours_silence_that_becomes_known_later(hours):
    sensors = {"GR-1": post("ground_radar", -3_000.0), "GR-2": post("ground_radar", -3_000.0, 5_000.0)}
    rows = beats(["GR-1"], [0, 1, 2, *range(8, 31)])
    rows += beats(["GR-2"], [2.6, *(hour + 0.4 for hour in range(30))])
    end_ns = FIRST_NS + round(2.55 * HOUR_NS)
    rows.append(heartbeat("GR-2", 2.5, kind="outage", id="stated", time_end_ns=end_ns))
    told = by_hour(engine_of(sensors), rows, hours)
    assert {tuple(row["sensor_ids"]) for _, row in told} == {("GR-1", "GR-2")}


def test_a_long_outage_is_told_while_it_goes_on_and_again_when_it_is_over():
    sensors = {"GR-1": post("ground_radar", -3_000.0), "GR-2": post("ground_radar", -3_000.0, 45_000.0)}
    engine = engine_of(sensors)
    rows = beats(["GR-1"], [0, 1, *range(20, 31)]) + beats(["GR-2"], range(31))
    told = by_hour(engine, rows, [*range(1, 31)])
    assert [(row["revision"], json.loads(row["detail"])["goes_on"]) for _, row in told] == [
        (1, True),
        (2, False),
    ]
    assert told[0][0] == 5
    assert told[1][1]["time_end_ns"] == FIRST_NS + 20 * HOUR_NS


def test_reports_that_come_late_take_an_outage_back():
    sensors = {"GR-1": post("ground_radar", -3_000.0), "GR-2": post("ground_radar", -3_000.0, 45_000.0)}
    engine = engine_of(sensors)
    rows = table(beats(["GR-1"], [0, 1, *range(6, 20)]) + beats(["GR-2"], range(20)))
    engine.feed(rows)
    first = engine.tick(FIRST_NS + 19 * HOUR_NS, end_of_input=True)
    assert first.findings["state"].to_pylist() == ["final"]
    late = table([replace_id(row) for row in beats(["GR-1"], [2, 3, 4, 5])])
    engine.feed(late)
    engine.tick(FIRST_NS + 20 * HOUR_NS, end_of_input=True)
    request = engine.stragglers()
    assert request is not None
    amended = engine.reevaluate(request, pa.concat_tables([rows, late]), first)
    assert amended.findings["state"].to_pylist() == ["withdrawn"]


def replace_id(row: dict[str, Any]) -> dict[str, Any]:
    return {**row, "id": f"late-{row['id']}"}
