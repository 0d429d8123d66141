"""What agreement and notices permit, where zones and protected places are, and what is refused of them."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from geodata.area import Area
from geodata.contact_line import LineHistory
from monitoring import schema
from monitoring.agreement import Agreement, AgreementInvalid, Notices
from monitoring.agreement.terms import Terms
from tests.small_world import LINE, agreement, place

HOUR_NS = 3_600 * 10**9
NOON_NS = 1_783_245_600_000_000_000
"""Sunday 2026-07-05T10:00:00Z: 13:00 in Kyiv."""


def point(**changes: Any) -> dict[str, Any]:
    lon, lat = place(0.0)
    made = {"id": "CP-1", "name": "Bridge", "lon": lon, "lat": lat, "radius_m": 1000}
    return made | {"hours": {"every_day": ["08:00-17:00"]}} | changes


def circle_at(east_m: float, radius_m: float = 1000.0) -> dict[str, Any]:
    lon, lat = place(east_m)
    return {"circle": {"lon": lon, "lat": lat, "radius_m": radius_m}}


def convoy(**changes: Any) -> dict[str, Any]:
    return {
        "id": "N-1",
        "kind": "convoy",
        "party": "A",
        "area": circle_at(0.0),
        "from": "2026-07-05T10:00:00Z",
        "to": "2026-07-05T12:00:00Z",
        "source": "letter 1",
    } | changes


def box(west_m: float, east_m: float, purpose: str = "disengagement_area", **more: Any) -> dict[str, Any]:
    (west, south), (east, north) = place(west_m, -1000.0), place(east_m, 1000.0)
    ring = [[west, south], [east, south], [east, north], [west, north], [west, south]]
    geometry = {"type": "Polygon", "coordinates": [ring]}
    return {"id": "Z-1", "purpose": purpose, "source": "annex", "geometry": geometry} | more


def terms(**sections: Any) -> Terms:
    return Terms.of(agreement(None, sections))


def asked(given: Terms, rule_id: str = "buffer_incursion", **changes: Any) -> Any:
    lon, lat = place(changes.pop("east_m", 0.0))
    question = {
        "lon": lon,
        "lat": lat,
        "from_ns": NOON_NS,
        "to_ns": NOON_NS + 60 * 10**9,
        "object_class": "light_vehicle",
        "party": "A",
        "sigma_m": 10.0,
    }
    return given.permission(rule_id, **(question | changes))


@pytest.mark.parametrize(
    ("sections", "key"),
    [
        ({"crossing_points": [point(hours={})]}, "crossing_points[0].hours"),
        ({"crossing_points": [point(hours={"noday": []})]}, "crossing_points[0].hours.noday"),
        ({"crossing_points": [point(hours={"monday": ["8-17"]})]}, "crossing_points[0].hours.monday[0]"),
        ({"crossing_points": [point(hours={"monday": ["17:00-08:00"]})]}, "crossing_points[0].hours.monday[0]"),
        (
            {"crossing_points": [point(hours={"monday": ["08:00-12:00", "11:00-13:00"]})]},
            "crossing_points[0].hours.monday[1]",
        ),
        ({"crossing_points": [point(), point()]}, "crossing_points[1]"),
        ({"crossing_points": [point(to="2026-01-01T00:00:00")]}, "crossing_points[0].to"),
        ({"crossing_points": [point(radius_m=0)]}, "crossing_points[0].radius_m"),
        ({"notified": [convoy(kind="picnic")]}, "notified[0].kind"),
        ({"notified": [convoy(to="2026-07-05T10:00:00Z")]}, "notified[0]"),
        ({"notified": [convoy(area={})]}, "notified[0].area"),
        ({"notified": [convoy(area=circle_at(0.0) | {"polygon": {}})]}, "notified[0].area"),
        ({"notified": [convoy(classes=["bicycle"])]}, "notified[0].classes[0]"),
        (
            {"notified": [convoy(area={"corridor": {"line": {"type": "Point"}, "width_m": 5}})]},
            "notified[0].area.corridor.line",
        ),
        ({"zones": [box(-500, 500, purpose="picnic")]}, "zones[0].purpose"),
        ({"zones": [box(-500, 500, geometry={"type": "Point", "coordinates": [1, 2]})]}, "zones[0].geometry"),
        ({"zones": [box(-500, 500), box(0, 900)]}, "zones[1]"),
        ({"zones": [box(-500, 500) | {"file": "zone.geojson"}]}, "zones[0].file"),
        ({"protected_places": [{"id": "P", "kind": "castle", "lon": 1, "lat": 1, "radius_m": 5}]},
         "protected_places[0].kind"),
        ({"monitor_aircraft": [{"id": "U", "tracks": ["one"]}]}, "monitor_aircraft[0].tracks[0]"),
        ({"standards": {"occurrence": {"standard": "gut feeling", "source": "x"}}},
         "standards.occurrence.standard"),
        ({"weapon_classes": [{"id": "g", "title": "t", "source": "s", "object_classes": ["sword"]}]},
         "weapon_classes[0].object_classes[0]"),
    ],
)  # fmt: skip
def test_what_cannot_be_meant_stops_the_start_by_file_and_key(sections: dict[str, Any], key: str) -> None:
    with pytest.raises(AgreementInvalid) as refused:
        agreement(None, sections)
    assert (refused.value.file, refused.value.key) == ("changed minimal.yaml", key)


def changed_permits(change: Callable[[list[dict[str, Any]]], None]) -> list[dict[str, Any]]:
    permits: list[dict[str, Any]] = json.loads(Agreement.load("minimal").to_json())["permits"]
    change(permits)
    return permits


@pytest.mark.parametrize(
    ("change", "key"),
    [
        (lambda permits: permits[0].update(rules=["no_such_rule"]), "permits[0].rules[0]"),
        (lambda permits: permits[0].update(kind="picnic"), "permits[0].kind"),
        (lambda permits: permits[0].update(id="1.1"), "permits[0].id"),
        (lambda permits: permits.append(permits[0] | {"id": "9.9"}), "permits[8]"),
        (lambda permits: permits[0].pop("source"), "permits[0].source"),
    ],
)
def test_a_permit_of_an_unknown_rule_or_clause_stops_the_start(
    change: Callable[[list[dict[str, Any]]], None], key: str
) -> None:
    with pytest.raises(AgreementInvalid) as refused:
        agreement(None, {"permits": changed_permits(change)})
    assert refused.value.key == key


def test_what_lies_outside_the_area_or_away_from_the_line_is_refused_by_file_and_key() -> None:
    lines, area = LineHistory([LINE]), Area.fit(LINE)
    terms(zones=[box(-500, 500)], crossing_points=[point()], notified=[convoy()]).check(lines, area)
    away_lon, _ = place(1_100.0)
    with pytest.raises(
        AgreementInvalid, match=r"changed minimal\.yaml: crossing_points\[0\]: CP-1 lies 1,100 m"
    ):
        terms(crossing_points=[point(lon=away_lon)]).check(lines, area)
    far = [box(800_000, 801_000)]
    with pytest.raises(AgreementInvalid, match=r"zones\[0\]: Z-1 lies outside"):
        terms(zones=far).check(lines, area)
    terms(zones=far).check(lines, None)


def test_without_permits_nothing_is_permitted() -> None:
    given = terms(permits=[], crossing_points=[point()], notified=[convoy()])
    assert asked(given) is None
    assert asked(Terms()) is None


def test_civilians_at_a_crossing_point_within_its_hours_are_permitted_by_its_clause() -> None:
    given = terms(crossing_points=[point()])
    found = asked(given, party="civilian", rule_id="line_crossing")
    assert (found.id, found.kind, found.clause) == ("CP-1", "crossing_point", "8.1")
    assert found.reason.startswith(
        "It was at the crossing point Bridge in its opening hours; clause 8.1 permits"
    )
    assert asked(given, party="A") is None
    assert asked(given, party=None) is None
    assert asked(given, party="civilian", east_m=1100.0) is None
    assert asked(given, party="civilian", rule_id="ceasefire_fire") is None


def test_hours_are_those_of_the_wall_clock_on_both_sides_of_a_clock_change() -> None:
    # In Kyiv the clocks go back on 2026-10-25: 07:30Z is 10:30 the day before and 09:30 on that day.
    given = terms(crossing_points=[point(hours={"saturday": ["10:00-11:00"], "sunday": ["10:00-11:00"]})])
    saturday_ns = 1_792_827_000_000_000_000
    at = [saturday_ns, saturday_ns + 24 * HOUR_NS, saturday_ns + 25 * HOUR_NS, saturday_ns + 49 * HOUR_NS]
    found = [asked(given, party="civilian", from_ns=t, to_ns=t) is not None for t in at]
    assert found == [True, False, True, False]


def test_who_came_in_the_hours_has_time_to_leave_and_who_came_behind_them_has_not() -> None:
    given = terms(crossing_points=[point()])
    closing_ns = NOON_NS + 4 * HOUR_NS
    ask = {"party": "civilian", "from_ns": closing_ns - 1}
    assert asked(given, **ask, to_ns=closing_ns + HOUR_NS)
    assert asked(given, **ask, to_ns=closing_ns + HOUR_NS + 10**9) is None
    late_ns = closing_ns + 301 * 10**9
    assert asked(given, party="civilian", from_ns=late_ns, to_ns=late_ns) is None


def test_a_notified_activity_permits_its_own_party_in_its_area_and_time() -> None:
    given = terms(notified=[convoy(classes=["light_vehicle"])])
    assert asked(given).clause == "8.2"
    assert asked(given, party=None), "whose it was nobody said: it fits what was notified"
    assert asked(given, object_class=None)
    assert asked(given, party="B") is None
    assert asked(given, object_class="tank") is None
    assert asked(given, from_ns=NOON_NS - 301 * 10**9) is None
    assert asked(given, from_ns=NOON_NS - 300 * 10**9)
    assert asked(given, to_ns=NOON_NS + 2 * HOUR_NS + 301 * 10**9) is None


def test_a_place_may_lie_outside_the_area_by_its_error_and_no_more_than_agreed() -> None:
    given = terms(notified=[convoy()])
    assert asked(given, east_m=1100.0, sigma_m=51.0)
    assert asked(given, east_m=1100.0, sigma_m=49.0) is None
    assert asked(given, east_m=2100.0, sigma_m=5000.0) is None


def test_monitors_are_permitted_by_their_clause() -> None:
    assert asked(terms(), party="monitor").clause == "8.3"


def test_a_permit_holds_for_its_dates_only() -> None:
    def until_july(permits: list[dict[str, Any]]) -> None:
        permits[1]["to"] = "2026-07-05T10:00:00Z"
        permits.append(
            permits[1] | {"id": "9.9", "from": "2026-07-05T10:00:00Z", "to": "2027-01-01T00:00:00Z"}
        )

    given = terms(permits=changed_permits(until_july), notified=[convoy()])
    assert asked(given, from_ns=NOON_NS - 10**9).clause == "8.2"
    assert asked(given).clause == "9.9"


def test_a_corridor_and_a_polygon_hold_what_is_inside_them() -> None:
    line = {"type": "LineString", "coordinates": [list(place(-20_000.0)), list(place(20_000.0))]}
    given = terms(notified=[convoy(area={"corridor": {"line": line, "width_m": 400}})])
    assert [asked(given, east_m=e) is not None for e in (-19_000.0, 0.0, 20_150.0, 20_400.0)] == [
        True, True, True, False,
    ]  # fmt: skip
    given = terms(notified=[convoy(area={"polygon": box(-500, 2000)["geometry"]})])
    assert [asked(given, east_m=e) is not None for e in (-530.0, -500.0, 1990.0, 2030.0)] == [
        False, True, True, False,
    ]  # fmt: skip


def test_many_are_answered_as_one_by_one() -> None:
    given = terms(crossing_points=[point()], notified=[convoy(), convoy(id="N-2", area=circle_at(5000.0))])
    rng = np.random.default_rng(1)
    east = rng.choice([0.0, 900.0, 1100.0, 5000.0], 60)
    lon, lat = np.array([place(e) for e in east.tolist()]).T
    from_ns = NOON_NS + rng.integers(-3, 6, 60) * HOUR_NS
    party, classes = rng.integers(-1, 5, 60).astype(np.int8), rng.integers(-1, 14, 60).astype(np.int8)
    sigma = rng.choice([1.0, 80.0], 60)
    many = given.permissions_at("buffer_incursion", lon, lat, from_ns, from_ns + 10, classes, party, sigma)
    assert len({None if one is None else one.id for one in many}) == 5
    for i, one in enumerate(many):
        object_class = None if classes[i] < 0 else schema.OBJECT_CLASSES[classes[i]]
        whose = None if party[i] < 0 else schema.AFFILIATIONS[party[i]]
        begin = int(from_ns[i])
        single = given.permission(
            "buffer_incursion", lon[i], lat[i], begin, begin + 10, object_class, whose, sigma[i]
        )
        assert one == single


def test_many_are_answered_by_the_tolerance_in_force_at_each_of_their_times() -> None:
    tolerance = [
        {"from": "always", "value": 0},
        {"from": "2026-07-05T12:15:00Z", "value": 7_200},
        {"from": "2026-07-05T12:45:00Z", "value": 0},
    ]
    given = Terms.of(agreement({"permissions.tolerance_s": tolerance}, {"notified": [convoy()]}))
    lon, lat = (np.full(3, axis) for axis in place(0.0))
    from_ns = NOON_NS + HOUR_NS * 2 + np.array([5, 30, 55]) * 60 * 10**9
    party, classes, sigma = np.zeros(3, dtype=np.int8), np.full(3, -1, dtype=np.int8), np.ones(3)
    found = given.permissions_at("buffer_incursion", lon, lat, from_ns, from_ns, classes, party, sigma)
    assert [one is not None for one in found] == [False, True, False]


def test_zones_tell_how_deep_inside_a_place_is_while_they_hold() -> None:
    given = terms(zones=[box(-500, 500, to="2026-07-05T10:00:00Z"), box(4000, 6000, id="Z-2")])
    lon, lat = np.array([place(0.0), place(4100.0), place(3900.0)]).T
    before = np.full(3, NOON_NS - 1)
    found = given.zones_at("disengagement_area", lon, lat, before)
    assert found.idx.tolist() == [0, 1, 1]
    assert found.depth_m == pytest.approx([500.0, 100.0, -100.0], abs=2.0)
    assert given.zones_at("disengagement_area", lon, lat, before + 1).idx.tolist() == [1, 1, 1]
    assert given.zones_at("no_fly", lon, lat, before).idx.tolist() == [-1, -1, -1]


def test_protected_places_tell_what_is_near() -> None:
    lon, lat = place(3000.0)
    school = {"id": "P-1", "kind": "school", "lon": lon, "lat": lat, "radius_m": 500}
    given = terms(protected_places=[school])
    lon_at, lat_at = np.array([place(3100.0), place(4500.0), place(6000.0)]).T
    found = given.protected_near(lon_at, lat_at, np.full(3, NOON_NS), 1500.0)
    assert found.idx.tolist() == [0, 0, -1]
    assert found.distance_m == pytest.approx([0.0, 1000.0, np.inf], abs=2.0)


def test_the_monitors_own_aircraft_are_known_by_their_tracks() -> None:
    given = terms(
        monitor_aircraft=[{"id": "U-1", "tracks": ["GPS-1/*", "R-1/t7"], "to": "2026-07-05T10:00:00Z"}]
    )
    names = (["GPS-1", "R-1", "R-1"], ["x", "t7", "t8"])
    assert given.is_own_aircraft(*names, np.full(3, NOON_NS - 1)).tolist() == [True, True, False]
    assert not given.is_own_aircraft(*names, np.full(3, NOON_NS)).any()


def test_later_notices_replace_and_withdraw_by_id() -> None:
    made = agreement(None, {"notified": [convoy()], "crossing_points": [point()]})
    moved = Notices.read({"notified": [convoy(area=circle_at(5000.0))]}, "later.yaml")
    gone = Notices.read({"withdrawn": ["CP-1"]}, "last.yaml")
    given = Terms.of(made, [moved, gone])
    assert asked(given) is None
    assert asked(given, east_m=5000.0)
    assert asked(given, party="civilian") is None


def test_geometry_may_stand_in_files_beside_the_agreement_and_decides_its_version(tmp_path: Path) -> None:
    content = json.loads(Agreement.load("minimal").to_json())
    (tmp_path / "line.geojson").write_text(json.dumps(LINE.to_geojson()), encoding="utf-8")
    content["zones"] = [{"id": "Z", "purpose": "other", "source": "s", "file": "zone.geojson"}]
    content["reference_lines"] = {
        "old": {"title": "t", "source": "s", "versions": [{"from": "always", "file": "line.geojson"}]}
    }
    (tmp_path / "own.yaml").write_text(json.dumps(content), encoding="utf-8")
    with pytest.raises(AgreementInvalid, match=r"own\.yaml: zones\[0\]\.file: .*zone\.geojson"):
        Agreement.load(tmp_path / "own.yaml")
    versions = set()
    for east_m in (500, 600, 500):
        zone = {"type": "Feature", "properties": {}, "geometry": box(0, east_m)["geometry"]}
        (tmp_path / "zone.geojson").write_text(json.dumps(zone), encoding="utf-8")
        made = Agreement.load(tmp_path / "own.yaml")
        assert Agreement.parse(made.to_json(), "again").version == made.version
        assert made.reference_lines["old"].lines[0].length_m == LINE.length_m
        versions.add(made.version)
    assert len(versions) == 2
