"""Fire across the line: mirror, move, and the end that nobody saw."""

import json

import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from monitoring import findings, schema
from monitoring.rules import cross_line_fire
from tests.small_world import START_NS, parameters, place

PARAMETERS = parameters(name="illustrative")
EXACT = parameters(name="illustrative", position_error=0)
OTHER = {"A": "B", "B": "A", None: None}


def end(east_m, sigma_m=100.0, north_m=0.0):
    lon, lat = place(east_m, north_m)
    return {"lon": lon, "lat": lat, "sigma_m": sigma_m, "reports": 1, "side": None, "signed_distance_m": None}


def judged(by=PARAMETERS, kind="fire", **detail):
    lon, lat = place(0.0)
    row = {
        "incident_id": "I-1",
        "revision": 1,
        "state": "final",
        "kind": kind,
        "time_start_ns": START_NS,
        "time_end_ns": START_NS,
        "lon": lon,
        "lat": lat,
        "phenomena": "{}",
        "event_count": 2,
        "sensor_ids": ["S"],
        "summary": "Fire was recorded.",
        "engine_version": "0",
        "detail": findings.canonical_json(detail),
    }
    found = cross_line_fire.evaluate(pa.Table.from_pylist([row], schema=schema.INCIDENTS), by).to_pylist()
    return found[0] if found else None


def test_only_fire_is_judged():
    assert judged(kind="works", origin=end(-900), impact=end(900)) is None


def test_an_incident_without_ends_gives_no_finding():
    assert judged() is None
    assert judged(origin=end(-900)) is None
    assert judged(fire_azimuth_deg=90.0) is None


def test_a_whole_fan_beyond_the_line_is_certain():
    found = judged(origin=end(-30, 5), fire_azimuth_deg=90.0, object_class="mortar")
    assert (found["verdict"], found["direction"]) == ("violation", "A>B")
    assert json.loads(found["detail"])["impact"]["is_seen"] is False


def test_a_fan_that_begins_before_the_line_is_not_certain_however_probable():
    found = judged(origin=end(-900, 5), fire_azimuth_deg=90.0, object_class="mortar")
    assert found["verdict"] == "undetermined"
    assert 0.8 < found["probability"] < 0.95


def test_a_fan_along_the_line_or_away_from_it_says_nothing():
    assert judged(origin=end(-9_000, 5), fire_azimuth_deg=0.0, object_class="mortar") is None
    assert judged(origin=end(-900, 5), fire_azimuth_deg=270.0) is None


def test_a_crater_s_azimuth_leads_back_to_where_the_fire_came_from():
    found = judged(impact=end(30, 5), fire_azimuth_deg=90.0, object_class="mortar")
    assert (found["verdict"], found["direction"]) == ("violation", "A>B")
    assert json.loads(found["detail"])["origin"]["lon"] < place(0.0)[0]


def test_exact_places_have_no_probability_and_a_touch_of_the_line_is_not_across_it():
    across = judged(EXACT, origin=end(-900), impact=end(1))
    assert (across["verdict"], across["probability"]) == ("violation", None)
    assert judged(EXACT, origin=end(-900), impact=end(0))["verdict"] == "undetermined"


def test_fire_that_was_allowed_where_it_came_from_is_permitted_and_says_by_what():
    lon, lat = place(-900)
    told = {
        "id": "N-7",
        "kind": "return_fire",
        "party": "A",
        "area": {"circle": {"lon": lon, "lat": lat, "radius_m": 300}},
        "from": "2025-10-09T00:00:00Z",
        "to": "2025-10-10T00:00:00Z",
        "source": "order 7",
    }
    allowed = parameters(name="illustrative", said_besides={"notified": [told]})
    found = judged(allowed, origin=end(-900), impact=end(900), object_class="mortar")
    assert (found["verdict"], json.loads(found["detail"])["permission"]) == ("permitted", "N-7")
    assert any("N-7" in sentence for sentence in found["reasons"])
    assert judged(allowed, origin=end(900), impact=end(-900), object_class="mortar")["verdict"] == "violation"


def test_a_protected_place_near_the_impact_is_named():
    lon, lat = place(1_000)
    school = {
        "id": "P-1",
        "name": "School 4",
        "kind": "school",
        "lon": lon,
        "lat": lat,
        "radius_m": 100,
        "source": "x",
    }
    given_ = parameters(name="illustrative", said_besides={"protected_places": [school]})
    near = judged(given_, origin=end(-900), impact=end(700))
    assert "It fell 200 m from the protected place School 4 (school)." in near["reasons"]
    assert json.loads(near["detail"])["protected_place"]["id"] == "P-1"
    inside = judged(given_, origin=end(-900), impact=end(1_010))
    assert "It fell inside the protected place School 4 (school)." in inside["reasons"]
    assert "protected_place" not in judged(given_, origin=end(-900), impact=end(200))["detail"]


def test_the_reference_line_is_stated():
    found = judged(origin=end(-900), impact=end(900))
    assert json.loads(found["detail"])["reference_line"]["label"] == "straight north"
    assert any("“straight north”" in sentence for sentence in found["reasons"])


@settings(max_examples=40, deadline=None)
@given(
    origin=st.floats(-20_000, 20_000),
    impact=st.floats(-20_000, 20_000),
    sigma=st.floats(1, 800),
    azimuth=st.none() | st.floats(0, 359),
)
def test_a_mirrored_world_gives_the_mirrored_finding(origin, impact, sigma, azimuth):
    given_, mirrored = {"origin": end(origin, sigma)}, {"origin": end(-origin, sigma)}
    if azimuth is None:
        given_["impact"], mirrored["impact"] = end(impact, sigma), end(-impact, sigma)
    else:
        given_["fire_azimuth_deg"], mirrored["fire_azimuth_deg"] = azimuth, 360.0 - azimuth
    one, other = judged(**given_), judged(**mirrored)
    if one is None or other is None:
        likely = (one or other or {"probability": 0.2})["probability"]
        assert likely == pytest.approx(0.2, abs=1e-3)
        return
    assert one["probability"] == pytest.approx(other["probability"], abs=1e-3)
    assert one["margin"] == pytest.approx(other["margin"], abs=0.5)
    if abs(one["margin"]) > 1:
        assert one["verdict"] == other["verdict"]
        if one["direction"] and abs(one["probability"] - 0.5) > 1e-3:
            assert one["direction"] == other["direction"][::-1]
    assert one["side"] == OTHER[other["side"]] or abs(abs(origin) - sigma) < 1


@settings(max_examples=20, deadline=None)
@given(north=st.floats(-30_000, 30_000), origin=st.floats(-5_000, 5_000), impact=st.floats(-5_000, 5_000))
def test_a_scene_moved_along_the_line_is_judged_alike(north, origin, impact):
    here = judged(origin=end(origin), impact=end(impact))
    there = judged(origin=end(origin, north_m=north), impact=end(impact, north_m=north))
    if here is None or there is None:
        assert (here or there or {"probability": 0.2})["probability"] == pytest.approx(0.2, abs=0.01)
        return
    assert here["margin"] == pytest.approx(there["margin"], abs=5)
    assert here["probability"] == pytest.approx(there["probability"], abs=0.02)
