"""`detect` on files alone: crossings as the exact oracle has them, every form of output, nothing else touched."""

import csv
import gzip
import io
import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest

from tests.integration.cli.command_line import Ran, contactline
from tests.integration.cli.conftest import line_through
from tests.integration.cli.event_files import fixes, ndjson, shot, written
from tests.real_data import real


@pytest.fixture
def line(tmp_path: Path) -> Path:
    path = tmp_path / "line.geojson"
    path.write_text(json.dumps(line_through(37.15)), encoding="utf-8")
    return path


def detect(tmp_path: Path, *arguments: object) -> Ran:
    return contactline(tmp_path / "no-home", "detect", *arguments, "--json")


def seconds(text: str) -> float:
    return datetime.fromisoformat(text).astimezone(UTC).timestamp()


@pytest.mark.parametrize("name", ["ais_us", "glider_franconia", "liverpool_bus"])
def test_crossings_of_real_tracks_are_those_of_the_exact_oracle(name: str, tmp_path: Path) -> None:
    out = tmp_path / "found.csv"
    ran = detect(
        tmp_path, real(f"tracks_{name}.events.csv.gz"), "--line", real(f"tracks_{name}.line.geojson"),
        "--position-error", "0", "--rule", "line_crossing", "--out", out,
    )  # fmt: skip
    assert ran.exit_code == 0
    found = list(csv.DictReader(io.StringIO(out.read_text(encoding="utf-8"))))
    expected = list(
        csv.DictReader(io.StringIO(real(f"tracks_{name}.crossings.csv").read_text(encoding="utf-8")))
    )
    firm = [
        row
        for row in expected
        if row["degenerate"] in {"0", "False"} and row["model_sensitive"] in {"0", "False"}
    ]
    assert len(firm) > 5
    assert len(firm) <= len(found) <= len(expected)
    assert ran.json["by_rule"] == {"line_crossing": len(found)}
    for row in firm:
        near = [
            one
            for one in found
            if one["track_id"] == row["track"]
            and one["direction"] == {"L2R": "A>B", "R2L": "B>A"}[row["direction"]]
            and abs(seconds(one["time_start"]) - seconds(row["t_cross"])) < 2e-3
        ]
        assert len(near) == 1
        assert near[0]["time_start"] == near[0]["time_end"]
        assert abs(float(near[0]["lon"]) - float(row["lon"])) < 2e-8
        assert abs(float(near[0]["lat"]) - float(row["lat"])) < 2e-8
        assert abs(float(near[0]["chainage_m"]) - float(row["chainage_m"])) < 0.02


def read(path: Path) -> list[dict[str, Any]]:
    if path.suffix == ".csv":
        return list(csv.DictReader(io.StringIO(path.read_text(encoding="utf-8"), newline="")))
    if path.suffix == ".ndjson":
        return [json.loads(text) for text in path.read_text(encoding="utf-8").splitlines()]
    if path.suffix == ".geojson":
        features = json.loads(path.read_text(encoding="utf-8"))["features"]
        return [
            {
                **one["properties"],
                "lon": one["geometry"]["coordinates"][0],
                "lat": one["geometry"]["coordinates"][1],
            }
            for one in features
        ]
    return list(pq.read_table(path).to_pylist())


CONTRACT = (
    "finding_id", "revision", "state", "rule_id", "clause", "verdict", "time_start", "time_end", "lon", "lat",
    "sigma_m", "side", "direction", "distance_m", "chainage_m", "line_part", "sector", "probability", "confidence",
    "margin", "margin_unit", "count", "count_is_minimum", "track_id", "object_class", "incident_id", "sensor_ids",
    "event_ids", "line_version", "agreement_version", "engine_version", "reasons", "detail",
)  # fmt: skip


def test_every_form_of_output_holds_the_same_findings_in_the_promised_columns(
    line: Path, tmp_path: Path
) -> None:
    rows = [*fixes([0.03, 0.01, -0.01, -0.03]), shot(1), shot(30, lon=36.9, lat=48.6)]
    events = written(tmp_path / "e.ndjson", rows)
    by_form = {}
    for ending in ("csv", "ndjson", "geojson", "parquet"):
        ran = detect(tmp_path, events, "--line", line, "--out", tmp_path / f"f.{ending}")
        assert ran.exit_code == 0
        by_form[ending] = read(tmp_path / f"f.{ending}")
        assert set(CONTRACT) <= set(by_form[ending][0])
        assert ran.json["findings"] == len(by_form[ending])
    assert {row["rule_id"] for row in by_form["csv"]} >= {
        "line_crossing",
        "buffer_incursion",
        "ceasefire_fire",
    }
    for name in ("finding_id", "rule_id", "verdict", "direction"):
        columns = [[row[name] or None for row in rows] for rows in by_form.values()]
        assert columns[0] == columns[1] == columns[2] == columns[3]
    for rows in by_form.values():
        assert {row["state"] for row in rows} == {"final"}
        assert all(abs(float(row["lon"]) - 37.0) < 1.0 for row in rows)
    assert by_form["ndjson"][0]["time_start"].endswith("Z")
    assert by_form["parquet"][0]["time_start"].tzinfo is not None


def test_no_findings_give_an_empty_file_with_its_columns(line: Path, tmp_path: Path) -> None:
    events = written(tmp_path / "e.ndjson", [shot(1, kind="heartbeat")])
    for ending in ("csv", "ndjson", "geojson", "parquet"):
        out = tmp_path / f"f.{ending}"
        assert detect(tmp_path, events, "--line", line, "--out", out).exit_code == 0
        assert read(out) == []
    assert (tmp_path / "f.csv").read_text().split(",")[0] == "finding_id"


def test_rows_in_any_order_over_any_files_give_the_same_findings(line: Path, tmp_path: Path) -> None:
    rows = [*fixes([0.03, 0.01, -0.01, -0.03, 0.02]), *(shot(i) for i in range(1, 9))]
    whole = written(tmp_path / "whole.ndjson", rows)
    first, second = written(tmp_path / "1.ndjson", rows[::-2]), written(tmp_path / "2.ndjson", rows[-2::-2])
    detect(tmp_path, whole, "--line", line, "--out", tmp_path / "a.csv")
    ran = detect(tmp_path, first, second, whole, "--line", line, "--out", tmp_path / "b.csv")
    assert ran.json["duplicates"] == len(rows)
    assert (tmp_path / "a.csv").read_bytes() == (tmp_path / "b.csv").read_bytes()


def test_without_registry_or_area_any_sensor_anywhere_counts(tmp_path: Path) -> None:
    line = tmp_path / "far.geojson"
    line.write_text(json.dumps({"type": "LineString", "coordinates": [[-71.0, -33.0], [-71.0, -32.0]]}))
    rows = [
        {**row, "lon": row["lon"] - 108.15, "lat": -32.5, "sensor_id": "ANY"} for row in fixes([0.02, -0.02])
    ]
    ran = detect(tmp_path, written(tmp_path / "e.ndjson", rows), "--line", line, "--position-error", "0",
                 "--out", tmp_path / "f.csv")  # fmt: skip
    assert ran.json["by_rule"]["line_crossing"] == 1
    assert not (tmp_path / "no-home").exists()


def test_refused_rows_and_files_are_told_and_the_rest_is_judged(line: Path, tmp_path: Path) -> None:
    good = written(tmp_path / "good.ndjson", [shot(1), shot(2, kind="bang")])
    broken = tmp_path / "broken.ndjson.gz"
    broken.write_bytes(gzip.compress(ndjson([shot(3)]))[:-9])
    ran = detect(tmp_path, good, broken, "--line", line, "--out", tmp_path / "f.csv")
    assert ran.exit_code == 1
    assert (ran.json["findings"], ran.json["accepted"], ran.json["rejected"]) == (1, 1, {"unknown_kind": 1})
    assert [one["reason"] for one in ran.json["files"]] == ["truncated"]
    shown = contactline(tmp_path, "detect", good, broken, "--line", line, "--out", tmp_path / "f.csv")
    assert "unknown_kind" in shown.out
    assert "broken.ndjson.gz" in shown.out


def test_the_default_error_decides_where_an_event_states_none(line: Path, tmp_path: Path) -> None:
    rows = [
        {key: value for key, value in row.items() if key != "sigma_m"}
        for row in fixes([0.004, 0.004, -0.004])
    ]
    events = written(tmp_path / "e.ndjson", rows)
    found = {}
    for sigma in ("10", "2000"):
        ran = detect(tmp_path, events, "--line", line, "--default-sigma", sigma, "--rule", "line_crossing",
                     "--out", tmp_path / "f.ndjson")  # fmt: skip
        found[sigma] = [row["verdict"] for row in read(tmp_path / "f.ndjson") if ran.exit_code == 0]
    assert found["10"] == ["violation"]
    assert "violation" not in found["2000"]


@pytest.mark.parametrize(
    "options",
    [
        (),
        ("--out", "f.xlsx"),
        ("--out", "findings"),
        ("--out", "f.csv", "--rule", "no_such_rule"),
        ("--out", "f.csv", "--position-error", "5"),
        ("--out", "f.csv", "--default-sigma", "0"),
        ("--out", "f.csv", "--default-sigma", "-1"),
        ("--out", "f.csv", "--default-sigma", "nan"),
        ("--out", "f.csv", "--default-sigma", "many"),
    ],
    ids=" ".join,
)
def test_wrong_options_end_with_2_and_write_nothing(
    options: tuple[str, ...], line: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    events = written(tmp_path / "e.ndjson", [shot(1)])
    before = {path.name for path in tmp_path.iterdir()}
    assert contactline(tmp_path / "none", "detect", events, "--line", line, *options).exit_code == 2
    assert {path.name for path in tmp_path.iterdir()} == before


def test_a_place_to_write_that_is_not_there_is_told(line: Path, tmp_path: Path) -> None:
    events = written(tmp_path / "e.ndjson", [shot(1)])
    ran = detect(tmp_path, events, "--line", line, "--out", tmp_path / "nowhere" / "f.csv")
    assert ran.exit_code == 2
    assert "nowhere" in "".join(ran.err.split("\n"))
    assert (
        detect(tmp_path, tmp_path / "none.ndjson", "--line", line, "--out", tmp_path / "f.csv").exit_code == 2
    )
    assert (
        detect(
            tmp_path, events, "--line", line, "--agreement", "no-such", "--out", tmp_path / "f.csv"
        ).exit_code
        > 0
    )
