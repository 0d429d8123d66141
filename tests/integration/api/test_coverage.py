"""Coverage over HTTP: who may see it, what it can be narrowed by, and that it never gives a sensor's place away."""

import csv
import io
import re

import pytest

from tests.fakes.tables import output, watched

HOURS = 3


@pytest.fixture
def with_coverage(runtime):
    rows = [
        watched(
            sector,
            hour,
            kind,
            **({"status": "not_observed", "watched_km_h": 0.0, "detection_prob": None} if dark else {}),
        )
        for hour in range(HOURS)
        for sector in ("S01", "")
        for kind, dark in (("crossing_vehicle", False), ("fire_mortar", True))
    ]
    runtime.publish(output(coverage=rows))
    return rows


def test_where_coverage_was_never_computed_the_answer_says_so(signed_in):
    answer = signed_in("analyst").get("/v1/coverage").json()
    assert answer["items"] == []
    assert answer["is_computed"] is False
    assert signed_in("analyst").get("/v1/mission").json()["coverage"] == "not computed"


def test_nobody_and_liaison_officers_do_not_see_it(signed_in, with_coverage):
    assert signed_in("nobody").get("/v1/coverage").status_code == 401
    assert signed_in("liaison_a").get("/v1/coverage").status_code == 403
    assert signed_in("ingest").get("/v1/coverage").status_code == 403


def test_pages_follow_each_other_newest_hour_first(signed_in, with_coverage):
    client, cursor, seen = signed_in("analyst"), None, []
    while True:
        page = client.get("/v1/coverage", params={"limit": 5} | ({"cursor": cursor} if cursor else {})).json()
        assert page["total"] == len(with_coverage)
        seen += page["items"]
        cursor = page["next_cursor"]
        if cursor is None:
            break
    assert (
        len(seen)
        == len({(one["sector"], one["kind"], one["time_start"]) for one in seen})
        == len(with_coverage)
    )
    assert [one["time_start"] for one in seen] == sorted((one["time_start"] for one in seen), reverse=True)
    assert client.get("/v1/mission").json()["coverage"] == "upper bound: no terrain mask"


@pytest.mark.parametrize(
    ("query", "count"),
    [
        ({"sector": "S01"}, 6),
        ({"sector": "none"}, 6),
        ({"kind": "fire_mortar"}, 6),
        ({"status": "not_observed"}, 6),
        ({"kind": "works"}, 0),
    ],
)
def test_it_can_be_narrowed(signed_in, with_coverage, query, count):
    answer = signed_in("analyst").get("/v1/coverage", params=query).json()
    assert answer["total"] == count
    assert answer["is_computed"] is True


def test_an_hour_counts_when_it_reaches_into_the_time_asked_for(signed_in, with_coverage):
    client = signed_in("analyst")
    first = client.get("/v1/coverage", params={"sort": "time"}).json()["items"][0]
    inside = client.get("/v1/coverage", params={"from": first["time_start"], "to": first["time_end"]}).json()
    assert {one["time_start"] for one in inside["items"]} == {first["time_start"]}


@pytest.mark.parametrize("query", [{"status": "quiet"}, {"from": "yesterday"}, {"cursor": "x"}, {"limit": 0}])
def test_what_is_malformed_is_refused(signed_in, with_coverage, query):
    assert signed_in("analyst").get("/v1/coverage", params=query).status_code == 422


def test_csv_has_the_same_rows_and_the_next_page_in_a_header(signed_in, with_coverage):
    answer = signed_in("analyst").get("/v1/coverage", params={"limit": 4}, headers={"Accept": "text/csv"})
    rows = list(csv.DictReader(io.StringIO(answer.text)))
    assert len(rows) == 4
    assert {"sector", "kind", "watched_km_h", "status"} <= set(rows[0])
    assert 'rel="next"' in answer.headers["Link"]


def test_no_place_and_no_sensor_shows(signed_in, with_coverage):
    text = signed_in("analyst").get("/v1/coverage").text
    assert not re.search(r'"(lon|lat|sensor_id|chainage_m)"', text)


def test_a_newer_revision_takes_the_place_of_the_older_one(runtime, signed_in, with_coverage):
    newer = watched("S01", 0, revision=2, watched_km_h=40.0, effective_km_h=30.0)
    runtime.publish(output(coverage=[newer]))
    runtime.publish(output(coverage=[watched("S01", 0, revision=1)]))
    client = signed_in("analyst")
    found = client.get(
        "/v1/coverage", params={"sector": "S01", "kind": "crossing_vehicle", "sort": "time"}
    ).json()
    assert found["total"] == HOURS
    assert (found["items"][0]["revision"], found["items"][0]["watched_km_h"]) == (2, 40.0)
