import json
import pickle
import sqlite3
from pathlib import Path
from typing import Any

import numpy as np
import pyogrio
import pytest
import shapely

from geodata.contact_line import ContactLine, LineHistory, packaged_line, parse_line, read_line
from geodata.errors import LineInvalid
from geodata.line_file import LineDraft
from tests.reference.line_zoo import SHAPES, zoo_line

GOOD = [[37.0, 48.0], [37.1, 48.2], [37.3, 48.1]]
RING = [*GOOD, GOOD[0]]


def line_of(*vertices: tuple[float, float], **properties: Any) -> ContactLine:
    return ContactLine.from_draft(LineDraft(vertices, "test", **properties))


def feature(coordinates: Any, kind: str = "LineString", **properties: Any) -> dict[str, Any]:
    return {
        "type": "Feature",
        "properties": properties,
        "geometry": {"type": kind, "coordinates": coordinates},
    }


@pytest.mark.parametrize(
    ("data", "reason", "says"),
    [
        (b"", "empty", "is empty"),
        (b"   \n", "empty", "is empty"),
        (b"\xff\xfe{", "encoding", "not UTF-8"),
        (b'{"type": "LineString", ', "format", "not JSON"),
        (b"[1, 2]", "format", "not a GeoJSON object"),
        (b"[" * 100_000, "format", "JSON"),
        (json.dumps(feature(GOOD, kind="MultiPoint")).encode(), "line_invalid", "MultiPoint"),
        (
            json.dumps(feature([GOOD], kind="Polygon")).encode(),
            "line_invalid",
            "Polygon with no property side",
        ),
        (json.dumps(feature([GOOD], kind="Polygon", side="C")).encode(), "line_invalid", "side 'C'"),
        (json.dumps(feature([RING], kind="Polygon", side="A")).encode(), "line_invalid", "side A only"),
        (json.dumps(feature([GOOD], kind="Polygon", side="A")).encode(), "line_invalid", "is no ring"),
        (json.dumps(feature([], kind="MultiLineString")).encode(), "line_invalid", "no points"),
        (json.dumps(feature([GOOD, [GOOD[0]]], kind="MultiLineString")).encode(), "line_invalid", "part 1"),
        (
            json.dumps({"type": "GeometryCollection", "geometries": []}).encode(),
            "line_invalid",
            "GeometryColl",
        ),
        (json.dumps({"type": "FeatureCollection", "features": []}).encode(), "empty", "no features"),
        (json.dumps(feature(GOOD, left_side="left")).encode(), "line_invalid", "left_side"),
        (json.dumps(feature(GOOD, sigma_m=-3)).encode(), "line_invalid", "sigma_m"),
        (json.dumps(feature([[37.0, "x"], [37.1, 48.0]])).encode(), "line_invalid", "vertex 0"),
        (json.dumps(feature([[37.0], [37.1, 48.0]])).encode(), "line_invalid", "vertex 0"),
        (b'{"type": "LineString", "coordinates": [[37, 48], [1e999, 48]]}', "line_invalid", "vertex 1"),
        (b'{"type": "LineString", "coordinates": [[37, 48], [NaN, 48]]}', "line_invalid", "vertex 1"),
        (b'{"type": "LineString", "coordinates": [[37, 48], [true, 48]]}', "line_invalid", "vertex 1"),
    ],
)
def test_a_file_that_is_no_line_is_refused_with_its_reason_and_place(
    data: bytes, reason: str, says: str
) -> None:
    with pytest.raises(LineInvalid, match=r"test\.geojson") as caught:
        ContactLine.from_draft(parse_line(data, "test.geojson"))
    assert caught.value.reason == reason
    assert says in str(caught.value)


@pytest.mark.parametrize(
    ("vertices", "says"),
    [
        ([], "no points"),
        ([(37.0, 48.0)], "one point"),
        ([(37.0, 48.0), (37.0, 48.0)], "at one place"),
        ([(48.0, 137.0), (48.1, 137.2)], "swapped"),
        ([(200.0, 48.0), (37.0, 48.0)], "no place on the globe"),
        ([(0.0, 0.0), (1.0, 1.0), (1.0, 0.0), (0.0, 1.0)], "edges 0, 2 at 0.5000000, 0.5000000"),
        ([(0.0, 0.0), (2.0, 0.0), (1.0, 0.0)], "touches itself"),
        ([(0.0, 0.0), (2.0, 0.0), (2.0, 1.0), (1.0, 1.0), (1.0, 0.0)], "touches itself"),
        ([(0.0, 0.0), (1.0, 0.0), (1.0, 1.0), (1.0, 0.0), (0.0, 0.0)], "touches itself"),
        ([(-100.0, 0.0), (0.0, 1.0)], "90 degrees"),
        ([(10.0, 80.0), (10.0, 89.9)], "pole"),
    ],
)
def test_a_line_that_cannot_be_used_says_where_and_why(
    vertices: list[tuple[float, float]], says: str
) -> None:
    with pytest.raises(LineInvalid, match=r"^place") as caught:
        ContactLine.from_draft(LineDraft(tuple(vertices), "bad", where="place"))
    assert says in str(caught.value)


def test_an_unreadable_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(LineInvalid, match=r"missing\.geojson"):
        read_line(tmp_path / "missing.geojson")
    with pytest.raises(LineInvalid, match="cannot be read"):
        read_line(tmp_path)


def test_the_legacy_crs_member_may_only_say_wgs84() -> None:
    document = feature(GOOD)
    document["crs"] = {"type": "name", "properties": {"name": "urn:ogc:def:crs:OGC:1.3:CRS84"}}
    assert len(parse_line(document).vertices) == 3
    document["crs"] = {"type": "name", "properties": {"name": "urn:ogc:def:crs:EPSG::3857"}}
    with pytest.raises(LineInvalid, match="3857") as caught:
        parse_line(document)
    assert caught.value.reason == "crs"


def test_a_geopackage_is_read_and_other_databases_are_refused(tmp_path: Path) -> None:
    path = tmp_path / "line.gpkg"
    geometry = np.array([shapely.to_wkb(shapely.LineString(GOOD))], dtype=object)
    pyogrio.raw.write(
        path,
        geometry,
        [np.array(["B"], dtype=object)],
        ["left_side"],
        driver="GPKG",
        geometry_type="LineString",
        crs="EPSG:4326",
    )
    draft = read_line(path)
    assert [list(vertex) for vertex in draft.vertices] == GOOD
    assert draft.left_side == "B"
    other = tmp_path / "other.gpkg"
    connection = sqlite3.connect(other)
    connection.execute("create table t (a)")
    connection.close()
    with pytest.raises(LineInvalid, match=r"other\.gpkg"):
        read_line(other)


def test_a_line_goes_through_geojson_and_pickle_unchanged() -> None:
    line = line_of((37.0, 48.0), (37.1, 48.2), (37.3, 48.1), left_side="B", sigma_m=25.0)
    for copy in (ContactLine.from_geojson(line.to_geojson()), pickle.loads(pickle.dumps(line))):
        assert copy == line
        assert copy.version == line.version
        assert (copy.left_side, copy.sigma_m, copy.label) == ("B", 25.0, "test")


def test_the_version_changes_with_what_decides_results_and_not_with_the_label() -> None:
    line = line_of((37.0, 48.0), (37.1, 48.2))
    assert ContactLine.from_draft(LineDraft(((37.0, 48.0), (37.1, 48.2)), "other")).version == line.version
    assert line_of((37.0, 48.0), (37.1, 48.2), left_side="B").version != line.version
    assert line_of((37.0, 48.0), (37.1, 48.2), sigma_m=1.0).version != line.version
    assert line_of((37.0, 48.0), (37.1, 48.2000001)).version != line.version
    assert line_of((0.0, -0.0), (1.0, 1.0)).version == line_of((0.0, 0.0), (1.0, 1.0)).version


def test_vertices_cannot_be_written_to() -> None:
    line = line_of((37.0, 48.0), (37.1, 48.2))
    with pytest.raises(ValueError, match="read-only"):
        line.lon[0] = 0.0


def test_long_edges_are_cut_until_they_are_straight() -> None:
    line = line_of((30.0, 60.0), (31.0, 60.0), (31.0, 61.0))
    pieces = line.segments
    assert pieces.length_m.max() <= 500.5
    middle_x, middle_y = line.frame.forward((pieces.lon0 + pieces.lon1) / 2, (pieces.lat0 + pieces.lat1) / 2)
    bow_m = np.hypot(middle_x - (pieces.x0 + pieces.x1) / 2, middle_y - (pieces.y0 + pieces.y1) / 2)
    assert bow_m.max() <= 0.001
    assert (pieces.lon1[-1], pieces.lat1[-1]) == (31.0, 61.0)
    np.testing.assert_array_equal(pieces.lon1[:-1], pieces.lon0[1:])


def test_chainage_runs_along_the_vertices_and_back_to_places() -> None:
    line = zoo_line("comb")
    assert line.chainage_m[0] == 0.0
    assert line.chainage_m[-1] == line.length_m
    lon, lat = line.place_at(line.chainage_m)
    np.testing.assert_allclose(lon, line.lon, atol=1e-9)
    np.testing.assert_allclose(lat, line.lat, atol=1e-9)


def test_history_answers_with_the_version_in_force() -> None:
    first, second, third = (zoo_line(shape) for shape in ("straight", "saw", "comb"))
    history = LineHistory([first]).with_line(second, 1_000).with_line(third, 2_000)
    assert history.at([-(2**63), 999, 1_000, 1_999, 2_000, 2**62]).tolist() == [0, 0, 1, 1, 2, 2]
    replaced = history.with_line(first, 500)
    assert replaced.versions == (first.version, first.version, second.version, third.version)
    assert replaced.at([499, 500, 999, 1_000]).tolist() == [0, 1, 1, 2]
    again = LineHistory.from_json(json.loads(json.dumps(history.to_json())))
    assert again.versions == history.versions
    assert again.valid_from_ns == history.valid_from_ns
    with pytest.raises(LineInvalid):
        LineHistory([first], [5])


def test_every_line_of_the_zoo_is_accepted() -> None:
    for shape in SHAPES:
        assert zoo_line(shape).length_m > 0.0


def test_the_packaged_line_is_twelve_hundred_kilometres_of_land_and_water() -> None:
    line = packaged_line()
    assert abs(line.length_m - 1_200_000.0) <= 10_000.0
    assert 4_500 <= len(line.lon) <= 5_500
    assert line.lon[0] < line.lon[-1]
    assert line.lat[0] < line.lat[-1]
    # Far to the north-west is side A, far to the south-east side B.
    assert line.locator.locate([34.0, 38.5], [48.5, 47.5]).side.tolist() == [1, -1]
