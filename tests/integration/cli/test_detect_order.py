"""`detect` on files in any order, in several pieces and formats: the same findings as from one tidy file."""

import csv
import io
import json
import random
from pathlib import Path
from typing import Any

import pytest

from monitoring.pipeline import detect as pieces
from tests.event_forms import FORMS
from tests.integration.cli.command_line import contactline
from tests.integration.cli.conftest import line_through


def wander() -> list[dict[str, Any]]:
    """Six hours of forty objects that go to and fro over the line, by time."""
    rng = random.Random(5)
    rows = []
    for track in range(40):
        offset = rng.uniform(-0.02, 0.02)
        for step in range(120):
            offset += rng.gauss(0.0, 0.004)
            second = step * 180 + track
            rows.append(
                {
                    "id": f"{track}-{step}",
                    "sensor_id": f"GR-{track % 3}",
                    "time": f"2026-08-22T{second // 3600:02d}:{second // 60 % 60:02d}:{second % 60:02d}Z",
                    "kind": "track",
                    "track_id": f"t-{track}",
                    "lon": round(37.15 + offset, 6),
                    "lat": round(48.2 + track / 100, 6),
                    "sigma_m": 20.0,
                    "object_class": "tank",
                    "affiliation": "B",
                }
            )
    return sorted(rows, key=lambda row: str(row["time"]))


@pytest.fixture
def line(tmp_path: Path) -> Path:
    path = tmp_path / "line.geojson"
    path.write_text(json.dumps(line_through(37.15)), encoding="utf-8")
    return path


def found(tmp_path: Path, line: Path, *files: Path) -> list[dict[str, str]]:
    out = tmp_path / "found.csv"
    ran = contactline(tmp_path / "no-home", "detect", *files, "--line", line, "--out", out, "--json")
    assert ran.exit_code == 0
    assert ran.json["accepted"] == 4_800
    return list(csv.DictReader(io.StringIO(out.read_text(encoding="utf-8"))))


def test_order_pieces_and_formats_of_files_change_no_finding(
    line: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    rows = wander()

    def written(name: str, some: list[dict[str, Any]]) -> Path:
        path = tmp_path / name
        path.write_bytes(FORMS[name.rsplit(".", 1)[1]][0](some))
        return path

    tidy = found(tmp_path, line, written("tidy.ndjson", rows))
    assert len(tidy) > 100
    monkeypatch.setattr(pieces, "TICK_ROWS", 300)  # so that event time moves on inside the files
    assert found(tmp_path, line, written("again.csv", rows)) == tidy
    shuffled = rows[:]
    random.Random(7).shuffle(shuffled)
    assert found(tmp_path, line, written("shuffled.parquet", shuffled)) == tidy
    by_sensor = [[row for row in rows if row["sensor_id"] == f"GR-{number}"] for number in range(3)]
    files = [
        written(f"sensor-{number}.{ending}", some)
        for number, (some, ending) in enumerate(zip(by_sensor, ["geojson", "arrow", "json"], strict=True))
    ]
    assert found(tmp_path, line, *files) == tidy


def test_a_line_that_meets_itself_is_taken_with_a_word_about_it(tmp_path: Path) -> None:
    path = tmp_path / "line.geojson"
    vertices = [[37.0, 48.0], [37.2, 48.2], [37.2, 48.0], [37.0, 48.2]]
    path.write_text(json.dumps({"type": "LineString", "coordinates": vertices}), encoding="utf-8")
    events = tmp_path / "events.ndjson"
    fixes = [{**row, "lon": 37.05 + 0.1 * k, "lat": 48.11} for k, row in enumerate(wander()[::40][:2])]
    events.write_bytes(FORMS["ndjson"][0]([{**row, "track_id": "t", "sensor_id": "S"} for row in fixes]))
    out = tmp_path / "found.csv"
    ran = contactline(
        tmp_path / "none", "detect", events, "--line", path, "--position-error", "0", "--rule", "line_crossing",
        "--out", out,
    )  # fmt: skip
    assert ran.exit_code == 0
    assert "crosses or touches itself" in ran.err
    assert len(list(csv.DictReader(io.StringIO(out.read_text(encoding="utf-8"))))) == 2
