"""`line check` and `line show` as a user calls them."""

import json
from pathlib import Path
from typing import Any

import pytest

from tests.integration.cli.command_line import Ran, contactline
from tests.integration.cli.conftest import line_through
from tests.real_data import real

CROSSES_ITSELF = [[37, 48], [37.1, 48.1], [37.1, 48], [37, 48.1]]
UNTIDY = [[37.0, 48.0], [37.0, 48.0], [37.05, 48.02000000001], [37.1, 48.01]]


def check(path: Path, *more: object) -> Ran:
    return contactline(path.parent / "no-home", "line", "check", path, *more)


def written(path: Path, vertices: list[Any]) -> Path:
    path.write_text(json.dumps({"type": "LineString", "coordinates": vertices}), encoding="utf-8")
    return path


def test_a_line_that_can_be_used_is_told_so_and_stays_as_it_is(tmp_path: Path) -> None:
    path = written(tmp_path / "line.geojson", UNTIDY)
    before = path.read_bytes()
    ran = check(path)
    assert ran.exit_code == 0
    assert "can be used" in ran.out
    assert "vertex 1 at 37.00000, 48.00000" in ran.out
    assert path.read_bytes() == before
    assert [file.name for file in tmp_path.iterdir()] == ["line.geojson"]


def test_a_repair_lists_every_change_and_leaves_what_only_the_owner_knows(tmp_path: Path) -> None:
    path, mended = written(tmp_path / "line.geojson", UNTIDY), tmp_path / "mended.geojson"
    ran = check(path, "--repair", mended, "--json")
    assert (ran.exit_code, ran.json["usable"], ran.json["repaired_usable"]) == (0, True, True)
    assert {change["kind"] for change in ran.json["changes"]} == {"duplicate_vertex", "excess_decimals"}
    assert ran.json["faults_left"] == []
    assert len(json.loads(mended.read_text("utf-8"))["coordinates"]) == 3
    assert check(mended).out.strip() == "mended.geojson: nothing to complain about."
    written(path, CROSSES_ITSELF)
    ran = check(path, "--repair", mended)
    assert ran.exit_code == 1
    assert "0 changes" in ran.out
    assert ran.out.count("FATAL: the line meets itself") == 2
    assert check(path, "--repair", path).exit_code == 2


@pytest.mark.parametrize(
    ("content", "reason", "kind"),
    [
        (b"", "empty", "unusable"),
        (b"{", "format", "unusable"),
        (b"\xff\xfe", "encoding", "unusable"),
        (b'{"type": "Point", "coordinates": [37, 48]}', "line_invalid", "unusable"),
        (b'{"type": "LineString", "coordinates": [[37, 48]]}', "line_invalid", "one_point"),
        (json.dumps({"type": "LineString", "coordinates": CROSSES_ITSELF}).encode(), "line_invalid", "meets_itself"),
        (b'{"type": "LineString", "coordinates": [[37, 48], [38, 48]], "crs": {"properties": {"name": "EPSG:3857"}}}',
         "crs", "unusable"),
        (b"SQLite format 3\x00 but nothing behind it", "format", ""),
    ],
)  # fmt: skip
def test_a_line_that_cannot_be_used_ends_with_1_and_its_reason(
    content: bytes, reason: str, kind: str, tmp_path: Path
) -> None:
    path = tmp_path / "line.geojson"
    path.write_bytes(content)
    ran = check(path, "--json")
    assert ran.exit_code == 1
    if kind:
        assert (ran.json["usable"], ran.json["reason"], ran.json["faults"][0]["kind"]) == (
            False,
            reason,
            kind,
        )
    else:
        assert "GeoPackage" in ran.err


def test_outside_the_area_is_a_remark_and_the_homes_area_is_taken(home: Path, tmp_path: Path) -> None:
    path = written(tmp_path / "line.geojson", [[10.0, 48.0], [10.01, 48.0]])
    assert "outside_area" not in check(path, "--json").out
    assert "outside_area" in check(path, "--area", "30,44,41,53", "--json").out
    ran = contactline(home, "line", "check", path, "--json")
    assert (ran.exit_code, ran.json["faults"][0]["kind"]) == (0, "outside_area")
    assert check(path, "--area", "east").exit_code == 2
    assert check(tmp_path / "none.geojson").exit_code == 2


def test_the_lines_of_a_home_and_of_a_file_are_shown(home: Path, tmp_path: Path) -> None:
    moved = tmp_path / "moved.geojson"
    moved.write_text(json.dumps(line_through(37.25, label="moved")), encoding="utf-8")
    assert contactline(home, "line", "load", moved, "--valid-from", "2026-08-22T00:00:00Z").exit_code == 0
    out = tmp_path / "out.geojson"
    ran = contactline(home, "line", "show", "--json", "--out", out)
    first, second = ran.json["versions"]
    assert (first["label"], first["valid_from"]) == ("test line", None)
    assert (second["label"], second["valid_from"]) == ("moved", "2026-08-22T00:00:00Z")
    assert (second["vertices"], len(second["parts"]), second["left_side"]) == (91, 1, "A")
    assert json.loads(out.read_text("utf-8"))["properties"]["version"] == second["version"]
    shown = contactline(home, "line", "show", moved)
    assert second["version"] in shown.out
    assert "there is no home" in contactline(tmp_path / "none", "line", "show").err


def test_the_raw_file_of_an_operator_reads_like_a_colleagues_note() -> None:
    ran = contactline(Path("no-home"), "line", "check", real("raw_deepstatemap_20250601.geojson"))
    assert ran.exit_code == 1
    assert "polygons do not say whose they are" in ran.out
    assert "slivers (1)" in ran.out
    assert ran.out.count("\n") < 40
    assert contactline(Path("no-home"), "line", "check", real("contact_line_20250601.geojson")).exit_code == 0
