"""`locate` on files of any size: exact answers, the input's columns kept, bad rows told and never a crash."""

import csv
import gzip
import io
from pathlib import Path

import pytest

from tests.integration.cli.locating import ANSWERS, locate
from tests.real_data import real


def rows_of(path: Path) -> list[dict[str, str]]:
    data = path.read_bytes()
    text = (gzip.decompress(data) if path.name.endswith(".gz") else data).decode()
    return list(csv.DictReader(io.StringIO(text)))


@pytest.mark.parametrize("name", ["points", "places"])
def test_answers_are_those_of_the_exact_oracle(name: str, tmp_path: Path) -> None:
    given, out = real(f"{name}_2025-06-01.expected.csv"), tmp_path / "out.csv"
    ran = locate(given, real("contact_line_20250601.geojson"), out, "--json")
    assert ran.exit_code == 0
    for row in rows_of(out):
        expected_m, tolerance_m = float(row["distance_m_in"]), float(row.get("tolerance_m") or 0.0)
        limit_m = 0.005 if expected_m < 5_000 else 0.15 if expected_m < 50_000 else 2.0
        assert row["side"] == row["side_in"], row["id"]
        assert abs(float(row["distance_m"]) - expected_m) <= limit_m + tolerance_m, row["id"]
        assert row["beyond_end"] == row["beyond_end_in"], row["id"]
        if not row.get("ambiguity"):
            # Far from the line the foot moves much further than the distance changes.
            slack_m = 0.02 + tolerance_m + expected_m * 2e-5
            assert abs(float(row["chainage_m"]) - float(row["chainage_m_in"])) <= slack_m, row["id"]


def test_the_input_is_kept_as_written_and_names_that_clash_are_kept_apart(line: Path, tmp_path: Path) -> None:
    points = tmp_path / "points.csv"
    points.write_bytes(
        b'\xef\xbb\xbfname,"Lat",side,LON\r\n"a ""b"", c",48.50,x,37.2\r\n\r\n"two\nlines",48.60,y,37.10\r\n'
    )
    out = tmp_path / "out.csv"
    ran = locate(points, line, out)
    assert ran.exit_code == 0
    assert "side is now side_in" in ran.err
    first, second = rows_of(out)
    assert list(first) == ["name", "Lat", "side_in", "LON", *ANSWERS]
    assert (first["name"], first["Lat"], first["side_in"], first["LON"]) == ('a "b", c', "48.50", "x", "37.2")
    assert (first["side"], second["side"], second["name"]) == ("B", "A", "two\nlines")
    assert float(first["signed_distance_m"]) == -float(first["distance_m"]) < 0
    assert first["zones"] == "security_zone"


def test_rows_without_a_position_are_counted_and_answered_with_nothing(line: Path, tmp_path: Path) -> None:
    positions = [
        "37.2,48.5", "nan,48.5", "37.2,inf", "-Infinity,NaN", ",48.5", "37.2,", "x,48.5", "37.2,48.5.1", "181,48.5",
        "37.2,91", "1e400,48.5", "397.2,48.5", "0,90", "0,-90", "-142.8,-48.5", "180,0", "-180,0", "1e-320,0",
    ]  # fmt: skip
    points, out = tmp_path / "points.csv", tmp_path / "out.csv"
    broken = ["37.2", "37.2,48.5,more", '37.2,"48.5" x']
    points.write_text("lon,lat\n" + "\n".join([*positions, *broken, "37.1,48.5"]) + "\n", encoding="utf-8")
    ran = locate(points, line, out, "--json")
    assert ran.exit_code == 1
    assert ran.json["rejected"] == {
        "coord_range": 3, "csv_columns": 2, "csv_syntax": 1, "missing_field": 2, "non_finite": 3,
        "number_format": 2, "number_range": 1,
    }  # fmt: skip
    assert (ran.json["rows"], ran.json["located"]) == (22, 8)
    assert (ran.json["rejected_rows"][0]["line"], ran.json["rejected_rows"][0]["reason"]) == (3, "non_finite")
    rows = rows_of(out)
    assert [f"{row['lon']},{row['lat']}" for row in rows] == [*positions, "37.1,48.5"]
    for row in rows:
        filled = {name for name in ANSWERS if row[name]}
        assert not filled or filled >= {
            "side",
            "distance_m",
            "chainage_m",
            "foot_lon",
            "foot_lat",
            "line_part",
        }
    assert sum(bool(row["side"]) for row in rows) == 8


@pytest.mark.parametrize("packed", [False, True])
def test_a_large_file_goes_through_in_pieces_compressed_or_not(
    packed: bool, line: Path, tmp_path: Path
) -> None:
    count = 150_000
    text = "id,lon,lat\n" + "".join(
        f"p{i},{36.5 + i % 1000 / 800:.4f},{47.9 + i / 130_000:.6f}\n" for i in range(count)
    )
    ending = ".csv.gz" if packed else ".csv"
    points, out = tmp_path / f"points{ending}", tmp_path / f"out{ending}"
    points.write_bytes(gzip.compress(text.encode(), 1) if packed else text.encode())
    assert locate(points, line, out, "--json").json["located"] == count
    rows = rows_of(out)
    assert [row["id"] for row in rows] == [f"p{i}" for i in range(count)]
    assert {row["beyond_end"] for row in rows} == {"", "start", "end"}
    assert {row["sector"] for row in rows} >= {"S01", "S02"}


def test_what_is_no_file_of_places_is_refused_and_leaves_nothing_behind(line: Path, tmp_path: Path) -> None:
    out = tmp_path / "out.csv"
    whole = gzip.compress(b"lon,lat\n" + b"37.1,48.5\n" * 1000)
    for data, reason in (
        (b"", "empty"), (b"x,y\n1,2\n", "csv_header"), (b"lon;lat\n1;2\n", "csv_header"), (whole[:-9], "truncated"),
        (b"Lon,LON,lat\n1,2,3\n", "csv_header"), (b"PK\x03\x04\x00\x00", "format"), (b"lon,lon,lat\n", "csv_header"),
    ):  # fmt: skip
        points = tmp_path / "points.csv"
        points.write_bytes(data)
        ran = locate(points, line, out)
        assert (ran.exit_code, reason in ran.err) == (1, True), (data, ran.err)
        assert sorted(path.name for path in tmp_path.iterdir()) == ["line.geojson", "points.csv"]
    assert locate(points, line, points).exit_code == 2
    assert locate(tmp_path / "none.csv", line, out).exit_code == 2
    assert locate(points, line, tmp_path / "out.json").exit_code == 2
    points.write_bytes(b"lon,lat\n")
    assert locate(points, line, out).exit_code == 0
    assert rows_of(out) == []


def test_places_with_lon_and_lat_exchanged_are_asked_about(line: Path, tmp_path: Path) -> None:
    points, out = tmp_path / "points.csv", tmp_path / "out.csv"
    points.write_text("lon,lat\n48.5,37.2\n48.6,37.1\n37.2,48.5\n", encoding="utf-8")
    ran = locate(points, line, out)
    assert ran.exit_code == 0
    assert (
        "2 of 3 places are farther than 100 km from the line; with lon and lat exchanged 2 would lie within 100 km: "
        "are they exchanged?" in " ".join(ran.err.split())
    )
    told = locate(points, line, out, "--json").json["far"]
    assert told == {"farther_than_km": 100.0, "places": 2, "tried_exchanged": 2, "near_if_exchanged": 2}


def test_places_that_are_far_either_way_are_not_asked_about(line: Path, tmp_path: Path) -> None:
    points, out = tmp_path / "points.csv", tmp_path / "out.csv"
    points.write_text("lon,lat\n10.0,20.0\n-120.0,20.0\n", encoding="utf-8")
    ran = locate(points, line, out)
    assert ran.exit_code == 0
    assert "exchanged" not in ran.err
