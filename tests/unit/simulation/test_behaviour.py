"""What the further scenarios are about really happens in them."""

import json
from collections import Counter
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from geodata.contact_line import ContactLine
from monitoring import events, schema
from monitoring.simulation import (
    Happening,
    Truth,
    parse_scenario,
    parse_truth,
    scenario_names,
    simulate,
    truth_lines,
    write_events,
)
from tests.unit.simulation.conftest import Finished

MORNING_NS = 1_781_510_400_000_000_000
"""15 June 2026, 08:00 UTC: works and convoys are about."""


def walked(line: ContactLine, name: str, hours: float, seed: int = 3, density: float = 1.0) -> Finished:
    run = simulate(name, line, seed=seed, hours=hours, density=density)
    tables = list(run.tables())
    return Finished(run, tables, run.truth(), run.registry)


def of_kind(truth: Truth, kind: str) -> list[Happening]:
    return [h for h in truth.happenings if h.kind == kind]


@pytest.mark.parametrize("name", [n for n in scenario_names() if n != "flood"])
def test_every_scenario_runs_and_its_truth_reads_back(line: ContactLine, name: str) -> None:
    done = walked(line, name, 0.5)
    assert done.events.num_rows > 500
    assert parse_truth(truth_lines(done.truth)) == done.truth
    known = {entry["id"] for entry in done.registry}
    assert {links.sensor_id for links in done.truth.links} <= known


def test_a_flood_is_many_times_a_busy_day(line: ContactLine) -> None:
    many = sum(t.num_rows for t in simulate("flood", line, seed=3, hours=0.5).tables())
    few = sum(t.num_rows for t in simulate("busy-day", line, seed=3, hours=0.5).tables())
    assert many > 10 * few


def test_staged_fire_has_its_shells_on_the_shooters_own_side_or_comes_from_the_others(
    line: ContactLine,
) -> None:
    fires = of_kind(walked(line, "false-flag", 12, density=2.0).truth, "fire")
    own = [h for h in fires if h.actor == "own-ground-shelled"]
    beyond = [h for h in fires if h.actor in ("mortar-from-beyond", "shots-from-beyond")]
    assert own
    assert beyond
    sides = {"A": 1.0, "B": -1.0}
    # A bend of the line may catch a stray shell; the groups as such stand where they are said to.
    right = [all(p.signed_distance_m * sides[h.party] > 0 for p in h.places) for h in own]
    assert np.mean(right) > 0.9
    right = [h.places[0].signed_distance_m * sides[h.party] < 0 for h in beyond]
    assert np.mean(right) > 0.9
    assert all(
        "cross_line_fire" not in {r.rule_id for r in h.rules} for h, ok in zip(own, right, strict=False) if ok
    )


def test_a_mined_strip_has_mines_laid_beside_trenches(line: ContactLine) -> None:
    run = simulate("mined-strip", line, seed=3, hours=2, density=8, start_ns=MORNING_NS)
    kinds = [kind for table in run.tables() for kind in table["kind"].to_pylist()]
    assert kinds.count("mine") > 5
    assert kinds.count("works") > 5
    works = {(h.actor, h.rules[0].verdict) for h in of_kind(run.truth(), "works") if h.rules}
    assert ("mine-laying", "violation") in works


def test_jammers_are_reported_by_bearing_and_by_aircraft(line: ContactLine) -> None:
    done = walked(line, "jamming-night", 8)
    table = done.events.filter(pa.array(events.codes(done.events, "kind") == schema.KINDS.index("jamming")))
    prefixes = Counter(name[:2] for name in table["sensor_id"].to_pylist())
    assert {"RF"} <= set(prefixes) <= {"RF", "UE", "UG"}
    jammed = of_kind(done.truth, "jamming")
    assert {h.actor for h in jammed} >= {"night-jammer", "evening-jammer", "interference"}
    linked = {links.happening for links in done.truth.links if links.happening}
    assert linked & {h.id for h in jammed}


def test_captured_sensors_invent_crossings_by_the_other_party_that_no_happening_explains(
    line: ContactLine,
) -> None:
    done = walked(line, "spoofed-sensor", 12)
    lies = of_kind(done.truth, "deception")
    assert {h.actor for h in lies} == {"captured-radar", "captured-microphone"}
    hosts = {entry["id"]: entry["host_side"] for entry in done.registry}
    assert all(hosts[h.object_class] == h.party for h in lies)
    radar = next(h.object_class for h in lies if h.actor == "captured-radar")
    own = done.events.filter(pa.array(np.array(done.events["sensor_id"].to_pylist()) == radar))
    invented = [t for t in own["track_id"].to_pylist() if t and t.startswith("T90")]
    assert invented
    explained = {
        t
        for links in done.truth.links
        if links.sensor_id == radar and links.happening
        for t in links.track_ids
    }
    assert not explained & set(invented)


def test_civilians_cross_within_the_hours_with_permission_and_after_them_without(line: ContactLine) -> None:
    crossings = of_kind(walked(line, "civilians-at-crossing", 24, density=0.6).truth, "crossing")
    verdicts = Counter((h.actor, h.rules[0].verdict) for h in crossings)
    assert verdicts["civilian-at-crossing", "permitted"] > 50
    assert verdicts["late-crosser", "undetermined"] > 0
    assert verdicts["late-crosser", "permitted"] == 0
    assert verdicts["soldiers-at-crossing", "violation"] > 0
    assert set(verdicts) & {("smuggler", "undetermined")}


def test_animals_break_no_rule_and_are_never_said_to_be_anybodys(line: ContactLine) -> None:
    done = walked(line, "quiet-day", 24)
    stays = [h for h in of_kind(done.truth, "incursion") if h.object_class == "animal"]
    assert stays
    assert all(h.rules == () and h.party == "civilian" for h in stays)


def test_weapons_brought_back_are_presences_and_their_pits_are_works(line: ContactLine) -> None:
    truth = walked(line, "withdrawal-breach", 12).truth
    rules = Counter(r.rule_id for h in truth.happenings for r in h.rules)
    assert rules["heavy_weapon_zone"] > 10
    assert rules["engineering_works"] > 2
    guns = [h for h in of_kind(truth, "presence") if h.object_class == "artillery"]
    assert guns
    assert all(abs(h.places[1].signed_distance_m) < 25_000 for h in guns)


def test_a_regional_outage_silences_posts_together(line: ContactLine) -> None:
    run = simulate("sensor-blackout", line, seed=3, hours=12)
    world = run._world
    begins = Counter(np.round(world.outages.power.start_s, 3).tolist())
    assert max(begins.values()) > 8


def test_whole_hour_faults_begin_and_end_within_the_day(line: ContactLine) -> None:
    net = simulate("clock-chaos", line, seed=3)._world.net
    wrong = np.flatnonzero(net.hour_fault_s)
    assert len(wrong) == 40
    middle = (net.hour_fault_from_s + net.hour_fault_to_s)[wrong] / 2
    assert np.all(np.abs(net.clock(wrong, middle)) > 3_500)
    assert np.all(np.abs(net.clock(wrong, net.hour_fault_to_s[wrong] + 1.0)) < 30)


def test_a_long_week_lasts_seven_periods_and_ends_on_its_date(line: ContactLine) -> None:
    run, day = simulate("long-week", line), simulate("busy-day", line)
    assert (run.to_ns, run.to_ns - run.from_ns) == (day.to_ns, 7 * 86_400_000_000_000)


def test_where_deliveries_are_cut_changes_no_event_and_no_order(line: ContactLine) -> None:
    whole = pa.concat_tables(simulate("busy-day", line, seed=3, hours=3).tables())
    run = simulate("busy-day", line, seed=3, hours=3)
    cut = list(run.deliveries(600.0))
    assert [until for until, _ in cut][:3] == [run.from_ns + k * 600_000_000_000 for k in (1, 2, 3)]
    assert pa.concat_tables(table for _, table in cut).equals(whole)


def test_notices_name_crossing_points_on_the_line_and_what_was_announced(line: ContactLine) -> None:
    notices = simulate("quiet-day", line, seed=3, density=4.0).notices
    points = notices["crossing_points"]
    located = line.locator.locate([p["lon"] for p in points], [p["lat"] for p in points])
    assert len(points) == 12
    assert np.all(np.abs(located.signed_distance_m) < 5.0)
    assert {"notified-convoy", "notified-repairs"} <= {notice["actor"] for notice in notices["announced"]}
    json.dumps(notices, allow_nan=False)


def test_what_was_announced_ends_after_it_begins_however_short_the_run(line: ContactLine) -> None:
    announced = [
        notice
        for seed in range(1, 4)
        for notice in simulate(
            "quiet-day", line, seed=seed, density=20.0, hours=0.5, start_ns=MORNING_NS
        ).notices["announced"]
    ]
    assert len(announced) > 5
    assert all(notice["to_ns"] > notice["from_ns"] for notice in announced)


@pytest.mark.parametrize("ending", [".parquet", ".arrow"])
def test_native_files_hold_the_same_events_with_times_as_timestamps(
    finished: Finished, tmp_path: Path, ending: str
) -> None:
    path = tmp_path / f"events{ending}"
    assert write_events(path, finished.tables) == finished.events.num_rows
    read = (
        pq.read_table(path, use_threads=False) if ending == ".parquet" else pa.ipc.open_file(path).read_all()
    )
    assert read.schema.field("time").type == pa.timestamp("ns", tz="UTC")
    assert read["time"].cast(pa.int64()).to_pylist() == finished.events["time_ns"].to_pylist()
    assert read["lon"].equals(finished.events["lon"])
    assert "media" not in read.column_names


MINERS = b"""
format: 1
extends: quiet-day
name: miners
summary: Mines are laid near the line at night.
fires:
  - {name: mine-laying, weapon: digging, kind: mine, per_day_100km: 3, offset_km: [0.3, 1], rounds: [5, 20],
     interval_s: [60, 240], spread_m: 150, hours: [0, 5]}
"""


def test_mines_are_laid_in_a_scenario_of_a_users_own_and_seen_as_mines(line: ContactLine) -> None:
    run = simulate(parse_scenario(MINERS, "miners.yaml"), line, seed=3, hours=12)
    table = pa.concat_tables(run.tables())
    laid = [h for h in run.truth().happenings if h.actor == "mine-laying"]
    assert len(laid) > 10
    assert {h.kind for h in laid} == {"works"}
    assert {(r.rule_id, r.verdict) for h in laid for r in h.rules} == {("engineering_works", "violation")}
    assert "mine" in table.column("kind").to_pylist()
