import json
import pickle
from typing import Any

import numpy as np
import pytest
import shapely

from geodata.area import Area
from geodata.belts import belts_along
from geodata.contact_line import ContactLine, LineHistory, parse_line
from geodata.errors import LineInvalid
from geodata.sectors import Sectors
from tests.reference.line_zoo import zoo_scene

MAIN = [[37.0, 48.0], [37.5, 48.1], [38.0, 48.0]]
POCKET = [[37.4, 48.3], [37.4, 48.4], [37.5, 48.4], [37.5, 48.3], [37.4, 48.3]]


def multi(*parts: list[list[float]], **properties: Any) -> ContactLine:
    geometry = {"type": "MultiLineString", "coordinates": list(parts)}
    return ContactLine.from_geojson({"type": "Feature", "properties": properties, "geometry": geometry})


def sides(**polygons: list[Any]) -> dict[str, Any]:
    features = [
        {
            "type": "Feature",
            "properties": {"side": side},
            "geometry": {"type": "Polygon", "coordinates": rings},
        }
        for side, rings in polygons.items()
    ]
    return {"type": "FeatureCollection", "features": features}


def square(west: float, south: float, east: float, north: float) -> list[list[float]]:
    return [[west, south], [east, south], [east, north], [west, north], [west, south]]


def test_the_longest_open_part_is_the_main_one_wherever_it_stands() -> None:
    line = multi(POCKET, [[39.0, 48.0], [39.1, 48.0]], MAIN)
    assert line.parts[0][0].tolist() == [37.0, 37.5, 38.0]
    assert line.is_closed.tolist() == [False, True, False]
    assert line.length_m == line.part_length_m[0] > 70_000.0
    assert line.chainage_m[line.part_begin[:-1]].tolist() == [0.0, 0.0, 0.0]


def test_parts_that_go_on_from_each_other_are_one() -> None:
    line = multi(MAIN[1:], POCKET, MAIN[:2])
    assert line.version == multi(MAIN, POCKET).version
    assert (
        multi(MAIN[1:], MAIN[:2]).version
        == ContactLine.from_geojson({"type": "LineString", "coordinates": MAIN}).version
    )
    ring = multi(POCKET[:3], POCKET[2:])
    assert ring.is_closed.tolist() == [True]


def test_parts_that_meet_in_any_other_way_are_refused() -> None:
    for other in (
        [[38.0, 48.0], [37.9, 47.9]][::-1],
        [[37.5, 48.1], [37.6, 49.0]],
        [POCKET[0], [37.5, 47.0]],
    ):
        with pytest.raises(LineInvalid, match="of part"):
            multi(MAIN, other)


@pytest.mark.parametrize("walk", [1, -1])
@pytest.mark.parametrize(("shift", "inside"), [(0.0, -1), (-1.0, 1)])
def test_a_pocket_holds_the_side_that_does_not_surround_it(walk: int, shift: float, inside: int) -> None:
    ring = [[lon, lat + shift] for lon, lat in POCKET][::walk]
    line = multi(MAIN, ring)
    at = line.locator.locate([37.45, 37.45, 37.3], [48.35 + shift, 48.25 + shift, 48.35 + shift])
    assert at.side.tolist() == [inside, -inside, -inside]
    assert at.line_part.tolist() == [1, 1, 1]


def test_a_ring_alone_says_its_sides_by_its_walk() -> None:
    clockwise = ContactLine.from_geojson({"type": "LineString", "coordinates": POCKET})
    assert clockwise.locator.locate([37.45, 39.0], [48.35, 48.35]).side.tolist() == [-1, 1]
    other = ContactLine.from_geojson({"type": "LineString", "coordinates": POCKET[::-1]})
    assert other.locator.locate([37.45, 39.0], [48.35, 48.35]).side.tolist() == [1, -1]
    assert clockwise.locator.locate([37.4], [48.2]).beyond_end.tolist() == [0]


def test_a_line_with_parts_goes_through_geojson_history_and_pickle_unchanged() -> None:
    line = zoo_scene("saw", turned=True)
    document = json.loads(json.dumps(line.to_geojson()))
    assert document["geometry"]["type"] == "MultiLineString"
    history = LineHistory.from_json(json.loads(json.dumps(LineHistory([line]).to_json())))
    for copy in (ContactLine.from_geojson(document), pickle.loads(pickle.dumps(line)), history.lines[0]):
        assert copy.version == line.version
        assert copy.left_signs.tolist() == line.left_signs.tolist()
        assert copy.part_begin.tolist() == line.part_begin.tolist()
    assert "7 parts" in repr(line)


def test_a_collection_of_lines_is_one_line_and_must_be_walked_alike() -> None:
    features = [
        {"type": "Feature", "properties": {}, "geometry": {"type": "LineString", "coordinates": part}}
        for part in (POCKET, MAIN)
    ]
    document = {"type": "FeatureCollection", "features": features}
    assert ContactLine.from_geojson(document).version == multi(MAIN, POCKET).version
    features[1]["properties"] = {"side_left": "B"}
    with pytest.raises(LineInvalid, match="feature 1: has another left_side"):
        parse_line(document)
    features[1]["geometry"] = {"type": "Polygon", "coordinates": [POCKET], "properties": {"side": "A"}}
    with pytest.raises(LineInvalid, match="both lines and polygons"):
        parse_line(document)


@pytest.mark.parametrize("turn", [1, -1])
def test_the_line_is_where_the_polygons_of_the_sides_touch(turn: int) -> None:
    hole, inner = square(37.2, 48.2, 37.4, 48.4), square(37.2, 48.2, 37.4, 48.4)
    north, south = square(37.0, 48.0, 38.0, 49.0)[::turn], square(36.5, 47.0, 38.0, 48.0)
    document = sides(A=[north, hole], B=[south[::-1]])
    document["features"].append(sides(B=[inner])["features"][0])
    line = ContactLine.from_geojson(document)
    assert line.parts[0][0].tolist() == [37.0, 38.0]
    assert line.is_closed.tolist() == [False, True]
    at = line.locator.locate([37.5, 37.5, 37.3], [48.1, 47.9, 48.3])
    assert at.side.tolist() == [1, -1, -1]


def test_polygons_with_vertices_on_each_others_edges_or_a_hand_aside_touch_all_the_same() -> None:
    north = [[37.0, 48.0], [37.31, 48.0], [38.0, 48.0], [38.0, 49.0], [37.0, 49.0], [37.0, 48.0]]
    south = [
        [36.5, 47.0],
        [38.0, 47.0],
        [38.0, 48.0],
        [37.7, 48.0000003],
        [37.31, 48.0000004],
        [37.0, 48.0],
        [36.5, 48.0],
        [36.5, 47.0],
    ]
    line = ContactLine.from_geojson(sides(A=[north], B=[south]))
    assert line.parts[0][0].tolist() == [37.0, 37.31, 37.7, 38.0]


def test_polygons_that_overlap_or_do_not_touch_are_refused() -> None:
    with pytest.raises(LineInvalid, match="overlap"):
        parse_line(sides(A=[square(0, 0, 1, 1)], B=[square(0, 0, 1, 2)]))
    with pytest.raises(LineInvalid, match="share no edge"):
        parse_line(sides(A=[square(0, 0, 1, 1)], B=[square(2, 0, 3, 1)]))


def test_sectors_belts_and_area_reach_around_every_part() -> None:
    line = multi(MAIN, POCKET, [[39.0, 49.0], [39.2, 49.1]])
    assert Sectors.fit(line, 20_000.0).locate(line.lon, line.lat).min() >= 0
    assert Area.fit(line, 5_000.0).contains(line.lon, line.lat).all()
    belts = belts_along(line, {"A": 1_000.0, "B": 2_000.0})
    rng = np.random.default_rng(3)
    lon, lat = rng.uniform(36.9, 39.3, 6_000), rng.uniform(47.9, 49.2, 6_000)
    at = line.locator.locate(lon, lat)
    for feature in belts["features"]:
        side, width = feature["properties"]["side"], feature["properties"]["width_m"]
        shape = shapely.from_geojson(json.dumps(feature["geometry"]))
        signed = at.signed_distance_m * (1 if side == "A" else -1)
        clear = (np.abs(np.abs(signed) - width) > 150.0) & (np.abs(signed) > 50.0) & (at.beyond_end == 0)
        inside = shapely.contains_xy(shape, lon[clear], lat[clear])
        assert np.array_equal(inside, (signed > 0)[clear] & (signed < width)[clear])
        assert inside.any()
