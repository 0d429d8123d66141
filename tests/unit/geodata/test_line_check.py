import copy
import json
import math
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from geodata.area import Area
from geodata.contact_line import ContactLine, parse_line
from geodata.line_check import NOTES, as_note, check
from geodata.line_file import LineDraft
from geodata.line_repair import repair
from tests.real_data import real
from tests.reference.line_zoo import SHAPES, zoo_line, zoo_scene

THEATRE = Area.box(20.0, 43.0, 46.0, 54.0)
GOOD = [[37.0, 48.0], [37.05, 48.02], [37.1, 48.01]]
RING = [[37.0, 48.0], [37.1, 48.0], [37.1, 48.1], [37.0, 48.0]]


def line(*vertices: list[Any]) -> dict[str, Any]:
    return {"type": "LineString", "coordinates": list(vertices)}


def polygon(*rings: list[Any], **properties: Any) -> dict[str, Any]:
    geometry = {"type": "Polygon", "coordinates": list(rings)}
    return {"type": "Feature", "properties": properties, "geometry": geometry}


SWAPPED = line(*([lat, lon] for lon, lat in GOOD))
CASES: list[tuple[str, Any, str, bool, str]] = [
    ("no text", b"", "unusable", True, "is empty"),
    ("a point", {"type": "Point", "coordinates": [37, 48]}, "unusable", True, "is a Point"),
    ("no vertices", line(), "one_point", True, "is empty"),
    ("one vertex", line([37, 48]), "one_point", True, "has one point"),
    ("NaN", line([37, 48], [math.nan, 48.1], [37, 49]), "not_a_place", True, "vertex 1: [nan, 48.1]"),
    ("a word", line([37, 48], ["east", 48.1]), "not_a_place", True, "vertex 1"),
    ("far out", line([37, 48], [370, 48]), "not_a_place", True, "vertex 1"),
    ("swapped beyond the pole", line([48, 137], [49, 138]), "swapped", True, "exchanged"),
    ("swapped out of the area", SWAPPED, "swapped", True, "outside the area, and inside it with"),
    ("outside", line([10, 48], [10.01, 48]), "outside_area", False, "vertex 0 at 10.00000, 48.00000"),
    (
        "itself",
        line([37, 48], [37.1, 48.1], [37.1, 48], [37, 48.1]),
        "meets_itself",
        True,
        "37.0500000, 48.05",
    ),
    ("spike", line([37, 48], [37.1, 48], [37.05, 48]), "meets_itself", True, "edge 0 and line, edge 1"),
    ("twice", line(GOOD[0], GOOD[0], *GOOD[1:]), "duplicate_vertex", False, "vertex 1"),
    ("nearly twice", line(GOOD[0], [37.0, 48.0000005], GOOD[1]), "near_duplicate_vertex", False, "5.6 cm"),
    ("long", line([37, 48], [37.5, 48.2]), "long_edge", False, "km long"),
    ("digits", line(GOOD[0], [37.05000000001, 48.02]), "excess_decimals", False, "up to 11"),
    (
        "crs",
        {**line(*GOOD), "crs": {"type": "name", "properties": {"name": "EPSG:4326"}}},
        "legacy_crs",
        False,
        "WGS",
    ),
    ("alien crs", {**line(*GOOD), "crs": {"properties": {"name": "EPSG:3857"}}}, "unusable", True, "3857"),
    ("whose", polygon(RING), "no_side", True, "whose"),
    ("clockwise", polygon(RING[::-1], side="A"), "clockwise", False, "is walked clockwise"),
    ("open ring", polygon(RING[:-1], side="A"), "unclosed", True, "ends elsewhere"),
    ("alone", polygon(RING, side="A"), "unusable", True, "polygons of side A only"),
]


@pytest.mark.parametrize(
    ("document", "kind", "is_fatal", "says"), [c[1:] for c in CASES], ids=[c[0] for c in CASES]
)
def test_each_fault_is_named_with_its_place(document: Any, kind: str, is_fatal: bool, says: str) -> None:
    faults = check(document, "line.geojson", THEATRE)
    named = [fault for fault in faults if fault.kind == kind]
    assert named
    assert named[0].is_fatal == is_fatal
    assert says in named[0].text
    assert says in as_note(faults, "line.geojson")
    assert set(NOTES) >= {fault.kind for fault in faults}


def test_slivers_holes_and_rings_against_their_surroundings_are_noted() -> None:
    sliver = [[37.02, 48.01], [37.021, 48.010001], [37.022, 48.01], [37.02, 48.01]]
    hole = [[37.06, 48.02], [37.09, 48.02], [37.09, 48.05], [37.06, 48.02]]
    kinds = {fault.kind for fault in check(polygon(RING, hole, sliver, side="A"))}
    assert {"sliver", "hole", "clockwise"} <= kinds
    scene = zoo_scene("saw", turned=True).to_geojson()
    assert [fault.kind for fault in check(scene)].count("ring_walk") > 0
    assert "parts" in {fault.kind for fault in check(scene)}


def test_good_lines_get_praise() -> None:
    assert check(line(*GOOD), area=THEATRE) == []
    assert as_note([], "x.geojson") == "x.geojson: nothing to complain about."
    draft = LineDraft(tuple((lon, lat) for lon, lat in GOOD), "draft")
    assert check(draft) == []
    joined = {"type": "MultiLineString", "coordinates": [GOOD[:2], GOOD[1:]]}
    assert {fault.kind for fault in check(joined)} == {"parts"}


@pytest.mark.parametrize("shape", SHAPES)
def test_what_is_usable_has_no_fatal_fault(shape: str) -> None:
    assert not any(fault.is_fatal for fault in check(zoo_line(shape).to_geojson()))


MENDED = {
    "NaN",
    "twice",
    "nearly twice",
    "digits",
    "crs",
    "clockwise",
    "open ring",
    "swapped beyond the pole",
    "swapped out of the area",
}


@pytest.mark.parametrize("case", CASES, ids=[c[0] for c in CASES])
def test_what_is_mended_is_listed_and_gone_and_the_rest_stays(case: tuple[str, Any, str, bool, str]) -> None:
    name, document, kind, _, _ = case
    if kind == "unusable" and name != "alone" and name != "a point":
        return
    before = copy.deepcopy(document)
    mended, changes = repair(document, "line.geojson", THEATRE)
    assert document == before or name == "NaN"
    assert repair(mended, "line.geojson", THEATRE) == (mended, [])
    after = {fault.kind for fault in check(mended, "line.geojson", THEATRE)}
    if name in MENDED:
        assert kind in {change.kind for change in changes}
        assert kind not in after
    else:
        assert kind in after or name in ("a word", "far out")


def test_a_mended_line_is_the_same_line_but_for_what_is_listed() -> None:
    stated = line(GOOD[0], GOOD[0], GOOD[1], [37.05, 48.0200002], GOOD[2])
    mended, changes = repair(stated)
    assert mended["coordinates"] == GOOD
    assert [change.kind for change in changes] == ["duplicate_vertex", "near_duplicate_vertex"]
    ends = repair(line(GOOD[0], GOOD[1], [37.1, 48.0100002], GOOD[2]))[0]["coordinates"]
    assert ends == GOOD, "the last vertex stays, the one before it goes"


def test_slivers_are_dropped_with_their_polygons() -> None:
    sliver = [[37.5, 48.01], [37.501, 48.010001], [37.502, 48.01], [37.5, 48.01]]
    geometry = {"type": "MultiPolygon", "coordinates": [[RING, [p[:] for p in sliver]], [sliver]]}
    mended, changes = repair({"type": "Feature", "properties": {"side": "A"}, "geometry": geometry})
    assert mended["geometry"]["coordinates"] == [[RING]]
    assert [change.kind for change in changes].count("sliver") == 2


@settings(max_examples=60, deadline=None)
@given(
    st.recursive(
        st.none() | st.booleans() | st.floats() | st.integers() | st.text(max_size=3),
        lambda inner: st.lists(inner, max_size=4),
        max_leaves=12,
    ),
    st.sampled_from(["LineString", "MultiLineString", "Polygon", "MultiPolygon", "Point"]),
)
def test_nothing_in_a_file_makes_the_check_fail(coordinates: Any, kind: str) -> None:
    faults = check({"type": kind, "coordinates": coordinates}, "x", THEATRE)
    assert all(fault.text.endswith(".") for fault in faults)


def test_the_note_on_a_real_raw_file_says_what_is_wrong_with_it() -> None:
    data = real("raw_deepstatemap_20250601.geojson").read_bytes()
    faults = check(data, "raw.geojson", THEATRE)
    assert [fault.kind for fault in faults if fault.is_fatal] == ["no_side"]
    kinds = {fault.kind for fault in faults}
    assert {"legacy_crs", "clockwise", "sliver", "long_edge", "excess_decimals"} <= kinds
    assert max(float(f.text.split("is ")[1].split(" km")[0]) for f in faults if f.kind == "long_edge") == 20.5
    mended, changes = repair(data, "raw.geojson")
    left = {fault.kind for fault in check(mended, "raw.geojson", THEATRE)}
    assert left == {"no_side", "long_edge"}
    assert len([change for change in changes if change.kind == "clockwise"]) == 9
    assert json.loads(data)["crs"]


def test_real_lines_stay_usable_when_mended() -> None:
    for name in ("contact_line_20250601_ext", "contact_line_20250601_rest", "sides_20250601"):
        mended, _ = repair(real(f"{name}.geojson").read_bytes(), name)
        assert not any(fault.is_fatal for fault in check(mended, name))
        assert ContactLine.from_draft(parse_line(mended)).length_m > 10_000.0


def test_a_long_edge_is_measured_alike_beyond_the_antimeridian() -> None:
    def aside(shift_deg: float) -> list[str]:
        """What is said of each edge of a line moved in longitude: how long, and how far aside of the geodesic."""
        places = [(-0.5, -17.0), (-0.1, -16.5), (0.2, -16.0), (0.5, -15.5)]
        vertices = [[round((x + shift_deg + 180.0) % 360.0 - 180.0, 6), y] for x, y in places]
        faults = check(json.dumps(line(*vertices)).encode(), "line.geojson")
        return [fault.text.partition(" is ")[2] for fault in faults if fault.kind == "long_edge"]

    assert len(aside(20.0)) == 3
    assert aside(180.0) == aside(20.0)
