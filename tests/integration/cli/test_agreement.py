"""`agreement check`, `show`, `diff` and `notices import`, `list`: what a user sees, and what is refused."""

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import yaml

from monitoring.adapters.store import Store
from monitoring.agreement import DEFAULT, Agreement
from tests.integration.cli.command_line import contactline
from tests.integration.cli.conftest import line_through

NOTICES: dict[str, Any] = {
    "notices_format": 1,
    "crossing_points": [
        {
            "id": "CP-1",
            "name": "Bridge",
            "lon": 37.15,
            "lat": 48.0,
            "radius_m": 1000,
            "hours": {"every_day": ["00:00-24:00"]},
        }
    ],
}


def written(path: Path, content: Any) -> Path:
    path.write_text(yaml.safe_dump(content), encoding="utf-8")
    return path


def changed(path: Path, change: Callable[[dict[str, Any]], None]) -> Path:
    content = json.loads(Agreement.load("minimal").to_json())
    change(content)
    return written(path, content)


def overlapping(content: dict[str, Any]) -> None:
    values = content["parameters"]["buffer_incursion"]["width_m"]["values"]
    values.append({"from": "2026-01-01T00:00:00Z", "value": {"A": 1, "B": 1}})
    values.append({"from": "2025-01-01T00:00:00Z", "value": {"A": 2, "B": 2}})


def zone_far_away(content: dict[str, Any]) -> None:
    ring = [[1, 1], [2, 1], [2, 2], [1, 1]]
    geometry = {"type": "Polygon", "coordinates": [ring]}
    content["zones"] = [{"id": "Z-1", "purpose": "other", "source": "s", "geometry": geometry}]


def unknown_rule(content: dict[str, Any]) -> None:
    content["clauses"][0]["rule"] = "no_such_rule"


def point_off_the_line(content: dict[str, Any]) -> None:
    content["crossing_points"] = [NOTICES["crossing_points"][0] | {"lon": 37.3}]


@pytest.mark.parametrize(
    ("change", "key"),
    [
        (overlapping, "parameters.buffer_incursion.width_m.values[2].from"),
        (zone_far_away, "zones[0]"),
        (unknown_rule, "clauses[0].rule"),
        (point_off_the_line, "crossing_points[0]"),
    ],
)
def test_a_bad_agreement_is_told_by_file_and_key_and_makes_no_home(
    tmp_path: Path, change: Callable[[dict[str, Any]], None], key: str
) -> None:
    line = tmp_path / "line.geojson"
    line.write_text(json.dumps(line_through(37.15)), encoding="utf-8")
    bad = changed(tmp_path / "bad.yaml", change)
    for words in (
        ("agreement", "check", bad, "--line", line),
        ("init", "--agreement", bad, "--line", line),
    ):
        ran = contactline(tmp_path / "none", *words)
        assert ran.exit_code == 1
        assert f"bad.yaml: {key}: " in ran.err
    assert not (tmp_path / "none").exists()


def test_check_and_show_tell_what_an_agreement_says(tmp_path: Path) -> None:
    ran = contactline(tmp_path / "none", "agreement", "check", "illustrative", "--json")
    assert ran.json["usable"]
    assert contactline(tmp_path / "none", "agreement", "check", "minimal").exit_code == 0
    shown = contactline(tmp_path / "none", "agreement", "show", "minimal")
    for words in ("8.1", "crossing_point", "width_m", "Europe/Kyiv"):
        assert words in shown.out
    assert contactline(tmp_path / "none", "agreement", "show", "minimal", "--json").json["agreement"][
        "clauses"
    ]


def test_the_agreement_of_the_home_is_shown(template: Path) -> None:
    assert (
        contactline(template, "agreement", "show", "--json").json["version"]
        == Agreement.load(DEFAULT).version
    )


def test_diff_tells_changes_by_key_and_date_and_nothing_for_the_same(tmp_path: Path) -> None:
    def wider(content: dict[str, Any]) -> None:
        content["parameters"]["buffer_incursion"]["width_m"]["values"].append(
            {"from": "2026-09-01T00:00:00Z", "value": {"A": 3000, "B": 3000}}
        )
        content["permits"].reverse()

    own = changed(tmp_path / "own.yaml", wider)
    ran = contactline(tmp_path / "none", "agreement", "diff", "minimal", own, "--json")
    assert ran.json["changes"] == [
        {
            "key": "parameters.buffer_incursion.width_m",
            "since": "2026-09-01T00:00:00Z",
            "before": None,
            "after": '{"A": 3000, "B": 3000}',
        }
    ]
    assert "width_m" in contactline(tmp_path / "none", "agreement", "diff", "minimal", own).out
    assert "say the same" in contactline(tmp_path / "none", "agreement", "diff", own, own).out


@pytest.mark.parametrize(
    ("content", "key"),
    [
        ([], "file"),
        ({}, "file"),
        (
            {"notices_format": 2, **{k: v for k, v in NOTICES.items() if k != "notices_format"}},
            "notices_format",
        ),
        ({"crossing_point": []}, "crossing_point"),
        ({"announced": [{"id": "AN-1"}]}, "announced[0].kind"),
        ({"crossing_points": [NOTICES["crossing_points"][0] | {"lat": 98}]}, "crossing_points[0].lat"),
        ({"crossing_points": [NOTICES["crossing_points"][0] | {"lon": 38}]}, "crossing_points[0]"),
    ],
)
def test_bad_notices_are_told_by_file_and_key_and_change_nothing(
    home: Path, tmp_path: Path, content: Any, key: str
) -> None:
    ran = contactline(home, "notices", "import", written(tmp_path / "bad.yaml", content))
    assert ran.exit_code == 1
    assert f"bad.yaml: {key}: " in ran.err
    assert contactline(home, "notices", "list", "--json").json["crossing_points"] == []


def crossing(path: Path) -> Path:
    def event(name: str, minute: int, lon: float) -> dict[str, Any]:
        return {
            "id": f"{name}-{minute}",
            "sensor_id": "GS-017",
            "time": f"2026-06-14T09:{minute:02d}:00Z",
            "kind": "track",
            "track_id": name,
            "lon": lon,
            "lat": 48.001,
            "sigma_m": 20,
            "affiliation": "civilian",
        }

    rows = [event(path.stem, m, lon) for m, lon in ((0, 37.14), (2, 37.16), (4, 37.165), (6, 37.17))]
    path.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
    return path


def verdicts(home: Path) -> list[tuple[str, str | None]]:
    with Store.open(home / "contactline.db", read_only=True) as store:
        rows = store.findings_table().to_pylist()
    return [
        (row["verdict"], json.loads(row["detail"]).get("permission"))
        for row in rows
        if row["rule_id"] == "line_crossing"
    ]


def test_imported_notices_permit_what_comes_then_and_are_listed_replayed_and_withdrawn(
    home: Path, tmp_path: Path
) -> None:
    assert contactline(home, "ingest", crossing(tmp_path / "first.ndjson")).exit_code == 0
    assert verdicts(home) == [("undetermined", None)]
    told = contactline(home, "notices", "import", written(tmp_path / "notices.yaml", NOTICES), "--json")
    assert told.json["told"] == {"crossing_points": 1}
    assert contactline(home, "ingest", crossing(tmp_path / "second.ndjson")).exit_code == 0
    assert sorted(verdicts(home)) == [("permitted", "CP-1"), ("undetermined", None)]
    assert "Bridge" in contactline(home, "notices", "list").out
    # Without snapshots the mission is taken up from the journal alone: what it was told is in it.
    shutil.rmtree(home / "state")
    shutil.rmtree(home / "index")
    again = contactline(home, "reanalyse", "--json").json["findings"]
    assert [row["verdict"] for row in again if row["rule_id"] == "line_crossing"] == ["permitted"]
    gone = {"notices_format": 1, "withdrawn": ["CP-1"]}
    assert contactline(home, "notices", "import", written(tmp_path / "gone.yaml", gone)).exit_code == 0
    assert contactline(home, "notices", "list", "--json").json["crossing_points"] == []


def test_detect_takes_notices_from_a_file(tmp_path: Path) -> None:
    line, out = tmp_path / "line.geojson", tmp_path / "findings.ndjson"
    line.write_text(json.dumps(line_through(37.15)), encoding="utf-8")
    notices = written(tmp_path / "notices.yaml", NOTICES)
    words = ("detect", crossing(tmp_path / "c.ndjson"), "--line", line, "--out", out)
    for more, expected in (((), "undetermined"), (("--notices", notices), "permitted")):
        assert contactline(tmp_path / "none", *words, "--rule", "line_crossing", *more).exit_code == 0
        (row,) = [json.loads(text) for text in out.read_text(encoding="utf-8").splitlines()]
        assert row["verdict"] == expected


def test_a_new_line_names_the_crossing_points_that_it_leaves_behind(home: Path, tmp_path: Path) -> None:
    assert contactline(home, "notices", "import", written(tmp_path / "notices.yaml", NOTICES)).exit_code == 0
    misplaced = []
    for lon, valid_from in ((37.155, "2026-07-01T00:00:00Z"), (37.25, "2026-08-01T00:00:00Z")):
        line = tmp_path / f"{lon}.geojson"
        line.write_text(json.dumps(line_through(lon, label=f"at {lon}")), encoding="utf-8")
        loaded = contactline(home, "line", "load", line, "--valid-from", valid_from, "--json").json
        misplaced.append(loaded["misplaced"])
    assert misplaced[0] == []
    (told,) = misplaced[1]
    assert "CP-1 lies 7,4" in told
    assert "m from the line at 37.25, beyond its own radius of 1,000 m" in told
    line.write_text(json.dumps(line_through(37.3, label="farther")), encoding="utf-8")
    ran = contactline(home, "line", "load", line, "--valid-from", "2026-09-01T00:00:00Z")
    assert ran.exit_code == 0
    assert "CP-1 lies 11,1" in ran.err
    # What the line left behind does not stand in the way of other notices; what they misplace themselves does.
    (bridge,) = NOTICES["crossing_points"]
    for number, lon, exit_code in ((2, 37.3, 0), (3, 37.4, 1)):
        ford = {**bridge, "id": f"CP-{number}", "name": "Ford", "lon": lon, "from": "2026-09-02T00:00:00Z"}
        notices = written(tmp_path / "more.yaml", {"notices_format": 1, "crossing_points": [ford]})
        assert contactline(home, "notices", "import", notices).exit_code == exit_code
