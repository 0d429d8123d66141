"""Every format through both doors: the same rows, known again whatever they come in, replayed from quarantine."""

import json
from pathlib import Path

import pytest
from starlette.testclient import TestClient

from api.app import create_app
from monitoring.adapters.service import MissionService
from monitoring.bootstrap import issue_token, open_home
from monitoring.settings import Settings
from tests.event_forms import FORMS
from tests.integration.cli.command_line import contactline
from tests.integration.cli.event_files import NOW, fixes, shot

ROWS = [
    *(shot(number, text=f"heard {number}, «їжак»") for number in range(1, 20)),
    *fixes([0.02, 0.01, -0.01, -0.02]),
    shot(30, kind="heartbeat", lon=None, lat=None),
    shot(31, lat=91.5),
    shot(32, sensor_id="LATER-1", seq=7),
]
RECORDS = [{name: value for name, value in row.items() if value is not None} for row in ROWS]


def test_the_same_rows_are_known_again_in_every_format_over_both_doors(home: Path, tmp_path: Path) -> None:
    paths = {ending: tmp_path / f"events.{ending}" for ending in FORMS}
    for ending, (write, _) in FORMS.items():
        paths[ending].write_bytes(write(RECORDS))
    first = contactline(home, "ingest", paths["parquet"], "--now", NOW, "--json").json
    assert (first["accepted"], first["rejected"]) == (24, {"coord_range": 1, "unknown_sensor": 1})
    assert [(row["line"], row["reason"]) for row in first["rows"]] == [
        (25, "coord_range"),
        (26, "unknown_sensor"),
    ]
    for ending in FORMS:
        again = contactline(home, "ingest", paths[ending], "--now", NOW, "--json").json
        assert (again["accepted"], again["duplicates"], again["flagged"]) == (0, 24, {}), ending
        assert again["rejected"] == first["rejected"]
    with open_home(Settings(home=home), "serve", makes_accounts=False) as opened:
        token = issue_token(opened.runtime, "ingest", ("events",))
        with TestClient(create_app(MissionService(opened.runtime))) as client:
            for ending, (_, media_type) in FORMS.items():
                answer = client.post(
                    "/v1/events",
                    params={"now": NOW},
                    content=paths[ending].read_bytes(),
                    headers={"Authorization": f"Bearer {token}", "Content-Type": media_type},
                )
                assert (answer.status_code, answer.json()["duplicates"]) == (200, 24), ending


@pytest.mark.parametrize("ending", ["geojson", "json", "geojsonl", "parquet", "arrow"])
def test_a_refused_row_of_any_format_can_be_shown_and_sent_again(
    ending: str, home: Path, tmp_path: Path
) -> None:
    path = tmp_path / f"events.{ending}"
    late = [shot(number, sensor_id="LATER-1", seq=number, lon=37.2 + number / 100) for number in range(1, 6)]
    path.write_bytes(FORMS[ending][0]([*late, shot(9)]))
    assert contactline(home, "ingest", path, "--now", NOW, "--json").json["rejected"] == {"unknown_sensor": 5}
    items = contactline(home, "quarantine", "list", "--json").json["items"]
    shown = json.loads(items[0]["original"]) if "original" in items[0] else items[0]["columns"]
    assert "LATER-1" in str(shown)
    assert contactline(home, "quarantine", "list").exit_code == 0
    assert contactline(home, "sensors", "add", "LATER-1", "--type", "geophone").exit_code == 0
    replayed = contactline(home, "quarantine", "replay", "--json").json
    assert (replayed["accepted"], replayed["rejected"]) == (5, {})
    plain = tmp_path / "events.ndjson"
    plain.write_bytes(FORMS["ndjson"][0](late))
    assert contactline(home, "ingest", plain, "--now", NOW, "--json").json["duplicates"] == 5
