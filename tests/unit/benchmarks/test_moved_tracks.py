"""Recorded tracks are moved rigidly, and what is taken for true is where their smooth path crosses the new line."""

import csv
import gzip
import json
from pathlib import Path

import numpy as np
import pytest

from geodata.contact_line import ContactLine, packaged_line
from monitoring.simulation.terms import Terms
from tests.benchmarks import real_tracks
from tests.benchmarks.moved_tracks import (
    GEOD,
    JUDGED,
    SOURCES,
    Copy,
    MovedRun,
    Piece,
    copies,
    noise_m,
    pieces,
    smoothed,
)

NOISE_M = 8.0


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A recording made here: one bus that crosses a test line eastwards, and one that only comes near."""
    made = tmp_path_factory.mktemp("recorded")
    rng = np.random.default_rng(3)
    rows = []
    for name, turns in (("crosses", False), ("passes", True)):
        for i in range(120):
            east_m = -3_000.0 + 50.0 * i
            east_m = -abs(east_m) - 400.0 if turns else east_m
            lon, lat, _ = GEOD.fwd(-2.95, 53.4, 90.0, east_m + rng.normal(0, NOISE_M))
            lat += rng.normal(0, NOISE_M) / 111_000
            clock = f"2026-01-26T16:{10 * i // 60:02d}:{10 * i % 60:02d}.000Z"
            rows.append({"id": f"{name}{i}", "time": clock, "lon": lon, "lat": lat, "track_id": name})
    with gzip.open(made / "tracks_liverpool_bus.events.csv.gz", "wt", encoding="utf-8") as file:
        writer = csv.DictWriter(file, list(rows[0]))
        writer.writeheader()
        writer.writerows(rows)
    line = {"type": "LineString", "coordinates": [[-2.95, 53.3], [-2.95, 53.5]]}
    document = {"features": [{"geometry": line}]}
    (made / "tracks_liverpool_bus.line.geojson").write_text(json.dumps(document))
    (made / "tracks_liverpool_bus.crossings.csv").write_text(
        "track,t_cross,lon,lat,line_edge,degenerate\ncrosses,2026-01-26T16:10:00.000Z,-2.95,53.4,0,0\n"
    )
    return made


@pytest.fixture(scope="module")
def recorded(folder: Path) -> list[Piece]:
    return pieces(folder, "liverpool_bus")


@pytest.fixture(scope="module")
def line() -> ContactLine:
    return packaged_line()


@pytest.fixture(scope="module")
def moved(recorded: list[Piece], line: ContactLine) -> list[Copy]:
    return copies(recorded, line, seed=1)


def run_of(moved: list[Copy], line: ContactLine, kept: float = 1.0) -> MovedRun:
    return MovedRun(moved, line, Terms(), {"liverpool_bus": NOISE_M}, kept, seed=1)


def test_a_piece_lies_in_the_plane_of_its_passage_with_the_test_line_along_y(recorded: list[Piece]) -> None:
    crosses, passes = recorded
    assert crosses.name == "crosses-0"
    assert crosses.x[0] == pytest.approx(-3_000, abs=40)
    assert np.interp(0.0, crosses.t, crosses.x) == pytest.approx(0, abs=60)
    assert np.abs(crosses.y).max() < 50
    assert passes.x.max() == pytest.approx(-400, abs=60)


def test_the_smooth_path_is_nearer_to_what_was_done_than_the_fixes() -> None:
    rng = np.random.default_rng(1)
    t = np.arange(200) * 10.0
    x, y = t * 5.0 + rng.normal(0, NOISE_M, 200), rng.normal(0, NOISE_M, 200)
    smooth_x, smooth_y = smoothed(t, x, y)
    assert np.std(smooth_x - t * 5.0) < 0.95 * np.std(x - t * 5.0)
    assert np.std(smooth_y) < 0.95 * np.std(y)


def test_a_fix_alone_in_a_gap_is_its_own_path() -> None:
    t = np.array([0.0, 10.0, 20.0, 5_000.0, 9_000.0, 9_010.0])
    smooth_x, _ = smoothed(t, t * 2.0, t * 0.0)
    assert smooth_x == pytest.approx(t * 2.0, abs=1e-6)


def test_the_noise_of_a_recording_is_of_the_size_that_it_has(recorded: list[Piece]) -> None:
    assert 0.2 * NOISE_M < noise_m(recorded) < NOISE_M


def test_a_move_keeps_all_distances_between_the_place_and_the_fixes_and_the_way_it_crosses(
    recorded: list[Piece], moved: list[Copy], line: ContactLine
) -> None:
    copy = moved[0]
    legs_m = np.hypot(np.diff(recorded[0].x), np.diff(recorded[0].y))
    assert GEOD.inv(copy.lon[:-1], copy.lat[:-1], copy.lon[1:], copy.lat[1:])[2] == pytest.approx(
        legs_m, abs=0.01
    )
    passes_s = float(np.mean(copy.t - recorded[0].t))
    truth = run_of(moved, line).truth()
    crossed = [h for h in truth.of_rule("line_crossing") if h.id.startswith("crosses")]
    first = min(crossed, key=lambda h: h.time_start_ns)
    # From the left of the test line to its right: from A to B.
    assert first.party == "A"
    assert abs(first.time_start_ns - run_of(moved, line).from_ns - passes_s * 1e9) < 60e9
    assert abs(first.places[0].signed_distance_m) < 1.0


def test_another_seed_goes_elsewhere_and_the_same_one_to_the_same_place(
    recorded: list[Piece], line: ContactLine, moved: list[Copy]
) -> None:
    again, other = copies(recorded, line, seed=1), copies(recorded, line, seed=2)
    assert np.array_equal(again[0].lon, moved[0].lon)
    assert not np.array_equal(other[0].lon, moved[0].lon)


def test_every_fix_or_a_share_of_them_is_delivered_once_and_in_time(
    moved: list[Copy], line: ContactLine
) -> None:
    for kept, least, most in ((1.0, 240, 240), (0.3, 40, 110)):
        run = run_of(moved, line, kept)
        deliveries = list(run.deliveries(3_600.0))
        count = sum(table.num_rows for _, table in deliveries)
        assert least <= count <= most
        for until_ns, table in deliveries:
            assert all(time_ns < until_ns for time_ns in table["time_ns"].to_pylist())
    assert set(SOURCES) >= {entry["id"] for entry in run.registry}


def test_both_detectors_are_scored_on_what_recorded_tracks_can_tell(recorded: list[Piece]) -> None:
    scored = real_tracks.score(recorded, NOISE_M, "every fix", 1)
    told = {(rule["rule_id"], rule["detector"]): rule["tally"]["recall"] for rule in scored["rules"]}
    assert set(told) == {(rule_id, name) for rule_id in JUDGED for name in ("ours", "naive")}
    found, happened = told["line_crossing", "ours"]
    assert found == happened > 0


def test_where_no_recordings_are_this_is_said_and_nothing_is_written(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert real_tracks.main(["--folder", str(tmp_path / "none")]) == 0
    assert "not here" in capsys.readouterr().out
