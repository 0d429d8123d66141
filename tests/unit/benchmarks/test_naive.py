"""The naive detector knows every rule, naively: one report is one finding, and nothing is weighed."""

from typing import Any

import pyarrow as pa
import pytest

from geodata.contact_line import ContactLine, LineDraft
from monitoring import events, schema
from monitoring.rules import discover
from tests.benchmarks.naive import naive_findings

WEST, EAST = 36.95, 37.05
"""About 3.7 km on either side of a line along 37 degrees: in the zone, outside the buffer."""
HOUR = 3_600_000_000_000


@pytest.fixture(scope="module")
def line() -> ContactLine:
    """To the north, so that A is in the west."""
    return ContactLine.from_draft(LineDraft(((37.0, 47.0), (37.0, 49.0)), "one"))


def event(number: int, kind: str, lon: float | None, **more: Any) -> dict[str, Any]:
    made: dict[str, Any] = {field.name: None for field in schema.EVENTS}
    made |= {"sensor_id": "GR-1", "id": str(number), "time_ns": number * 60_000_000_000, "kind": kind}
    made |= {"lon": lon, "lat": None if lon is None else 48.0, "journal_seq": 1, "row": number, "flags": 0}
    return made | more


def said(line: ContactLine, *rows: dict[str, Any]) -> list[dict[str, Any]]:
    columns = [
        events.words(field.name, [row[field.name] for row in rows]).cast(field.type)
        if field.name in events.WORDS
        else pa.array([row[field.name] for row in rows], type=field.type)
        for field in schema.EVENTS
    ]
    table = pa.Table.from_arrays(columns, schema=schema.EVENTS)
    return list(naive_findings(table, line, 2_000.0, 30_000.0).to_pylist())


def rules(found: list[dict[str, Any]]) -> list[str]:
    return [row["rule_id"] for row in found]


def test_a_run_has_findings_of_every_rule(line: ContactLine) -> None:
    heavy = [
        event(100 + i, "track", WEST, track_id=f"h{i}", object_class="tank", affiliation="A")
        for i in range(11)
    ]
    found = said(
        line,
        event(1, "track", WEST, track_id="t"),
        event(2, "track", 37.01, track_id="t"),
        event(3, "track", WEST, track_id="u", object_class="uav_small", affiliation="B"),
        event(4, "explosion", EAST, direction="impact"),
        event(5, "works", EAST),
        event(6, "jamming", EAST),
        event(7, "heartbeat", None, sensor_id="ET-1"),
        *heavy,
        event(500, "heartbeat", None, sensor_id="ET-1"),
    )
    assert set(rules(found)) == {rule.RULE_ID for rule in discover()}
    assert len({row["finding_id"] for row in found}) == len(found)


def test_two_fixes_on_different_sides_are_a_crossing_by_whoever_came(line: ContactLine) -> None:
    found = said(line, event(1, "track", WEST, track_id="t"), event(2, "track", EAST, track_id="t"))
    assert [(row["rule_id"], row["direction"], row["party"]) for row in found] == [
        ("line_crossing", "A>B", "A")
    ]
    other = said(line, event(1, "track", WEST, track_id="t"), event(2, "track", EAST, track_id="u"))
    assert other == []


def test_a_run_of_fixes_in_the_buffer_is_one_stay_and_a_second_run_another(line: ContactLine) -> None:
    places = [WEST, 36.99, 36.99, WEST, 36.99]
    found = said(line, *(event(i, "track", lon, track_id="t") for i, lon in enumerate(places)))
    spans = [(row["time_start_ns"] // 60_000_000_000, row["time_end_ns"] // 60_000_000_000) for row in found]
    assert (rules(found), spans) == (["buffer_incursion"] * 2, [(1, 2), (4, 4)])


@pytest.mark.parametrize(("object_class", "count"), [("tank", 1), ("mortar", 1), ("armoured_vehicle", 0)])
def test_a_heavy_weapon_anywhere_in_the_zone_should_be_away(
    line: ContactLine, object_class: str, count: int
) -> None:
    found = said(line, event(1, "track", WEST, track_id="t", object_class=object_class))
    assert rules(found) == ["heavy_weapon_zone"] * count
    assert not said(line, event(1, "track", 36.5, track_id="t", object_class=object_class)), "37 km away"


@pytest.mark.parametrize(
    ("lon", "affiliation", "party"),
    [(EAST, "A", "A"), (WEST, None, "A"), (EAST, None, "B"), (36.5, "A", None)],
)
def test_an_aircraft_in_the_zone_violates_the_air(
    line: ContactLine, lon: float, affiliation: str | None, party: str | None
) -> None:
    fix = event(1, "track", lon, track_id="t", object_class="uav_large", affiliation=affiliation)
    found = [(row["rule_id"], row["party"]) for row in said(line, fix)]
    assert found == ([] if party is None else [("air_violation", party)])


def test_an_impact_is_fire_across_the_line_by_the_other_side_and_a_launch_by_the_own(
    line: ContactLine,
) -> None:
    found = said(
        line,
        event(1, "explosion", EAST, direction="impact", count=3),
        event(2, "launch", EAST, direction="outgoing"),
    )
    told = [(row["rule_id"], row["party"], row["count"]) for row in found]
    assert told == [("ceasefire_fire", "A", 3), ("ceasefire_fire", "B", 1), ("cross_line_fire", "A", 3)]


def test_works_mines_and_interference_are_told_report_by_report(line: ContactLine) -> None:
    kinds = ("works", "mine", "works", "jamming", "access_denied")
    found = said(line, *(event(i, kind, WEST) for i, kind in enumerate(kinds)))
    assert rules(found) == ["engineering_works"] * 3 + ["monitor_interference"] * 2


@pytest.mark.parametrize(("minutes", "is_out"), [(180, False), (181, True)])
def test_a_sensor_of_which_nothing_came_for_three_hours_is_out(
    line: ContactLine, minutes: int, is_out: bool
) -> None:
    found = said(line, event(0, "heartbeat", None), event(minutes, "heartbeat", None))
    assert len(found) == is_out
    gone = said(line, event(0, "heartbeat", None), event(minutes, "heartbeat", None, sensor_id="ET-1"))
    assert [(row["sensor_ids"], row["lon"], row["time_end_ns"]) for row in gone] == [
        (["GR-1"], None, minutes * 60_000_000_000)
    ] * is_out


@pytest.mark.parametrize(("tracks", "is_found"), [(10, False), (11, True)])
def test_more_than_ten_heavy_tracks_in_an_hour_on_a_side_are_a_build_up(
    line: ContactLine, tracks: int, is_found: bool
) -> None:
    rows = [
        event(i, "track", WEST, track_id=f"t{i % tracks}", object_class="armoured_vehicle") for i in range(30)
    ]
    found = said(line, *rows)
    assert [(row["rule_id"], row["party"], row["count"]) for row in found] == (
        [("force_build_up", "A", tracks)] if is_found else []
    )
    elsewhere = [row | {"lon": EAST if row["row"] % tracks % 2 else WEST} for row in rows]
    assert "force_build_up" not in rules(said(line, *elsewhere))


def test_no_events_are_no_findings(line: ContactLine) -> None:
    assert said(line) == []
