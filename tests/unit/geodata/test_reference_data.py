import json
from importlib import resources
from pathlib import Path

import numpy as np
import pytest
import shapely

from geodata import generator
from geodata.area import Area
from geodata.cells import CELL_M, cell_of, cells_within
from geodata.contact_line import packaged_line
from geodata.errors import AreaInvalid, SectorsInvalid
from geodata.places import packaged_places
from geodata.sectors import Sectors, packaged_sectors
from geodata.segments import GEOD
from tests.reference.line_zoo import zoo_line


def test_the_generator_writes_the_packaged_bytes(tmp_path: Path) -> None:
    generator.main(tmp_path)
    for name in ("line.geojson", "sectors.geojson"):
        packaged = resources.files("geodata").joinpath(f"data/{name}").read_bytes()
        assert (tmp_path / name).read_bytes() == packaged


def test_the_line_stays_near_its_coarse_places_and_wanders_on_land() -> None:
    line, places = packaged_line(), generator.COARSE_PLACES
    x, y = line.frame.forward(line.lon, line.lat)
    coarse = shapely.LineString(
        np.stack(line.frame.forward([p.lon for p in places], [p.lat for p in places]), axis=1)
    )
    vertices = shapely.points(x, y)
    assert shapely.distance(vertices, coarse).max() <= 10_000.0
    water_m = shapely.LineString(coarse.coords[: sum(p.on_water for p in places) + 1]).length
    at_water_m = line.chainage_m[np.searchsorted(shapely.line_locate_point(coarse, vertices), water_m)]
    assert 1.0 < at_water_m / water_m < 1.15
    assert 1.5 < (line.length_m - at_water_m) / (coarse.length - water_m) < 1.6
    edges_m = np.diff(line.chainage_m)
    assert edges_m.min() > 100.0
    assert edges_m.max() < 1_000.0


def test_24_sectors_cover_thirty_kilometres_on_each_side() -> None:
    line, sectors = packaged_line(), packaged_sectors()
    assert sectors.ids == tuple(f"S{number:02d}" for number in range(1, 25))
    assert all(set(names) == {"en", "uk", "ru"} and all(names.values()) for names in sectors.names)
    assert shapely.coverage_is_valid(sectors.polygons)
    rng = np.random.default_rng(2)
    lon, lat = line.place_at(rng.uniform(0, line.length_m, 3_000))
    lon, lat, _ = GEOD.fwd(lon, lat, rng.uniform(0, 360, 3_000), rng.uniform(0, 30_000, 3_000))
    assert sectors.locate(lon, lat).min() >= 0
    own = sectors.locate(line.lon, line.lat)
    expected = np.minimum(line.chainage_m // (line.length_m / 24), 23)
    assert np.mean(own == expected) > 0.93


def test_a_sector_is_found_as_the_polygons_say() -> None:
    sectors = packaged_sectors()
    rng = np.random.default_rng(3)
    lon, lat = rng.uniform(30, 40, 4_000), rng.uniform(45, 51, 4_000)
    found = sectors.locate(lon, lat)
    for idx, polygon in enumerate(sectors.polygons):
        inside = shapely.contains_xy(polygon, lon, lat)
        assert np.all(found[inside] == idx)
    assert np.all(sectors.locate([np.nan, np.inf, 0.0], [48.0, 48.0, np.nan]) == -1)


def test_overlapping_sectors_are_told_apart_by_chainage() -> None:
    box = shapely.box(37.0, 48.0, 37.5, 48.5)
    sectors = Sectors(["S01", "S02"], [{"en": "a"}, {"en": "b"}], [box, box], [0.0, 10.0], [10.0, 20.0])
    assert sectors.locate([37.2, 37.2, 37.2], [48.2, 48.2, 48.2], [5.0, 15.0, 99.0]).tolist() == [0, 1, 0]
    assert sectors.locate([37.2], [48.2]).tolist() == [0]


def test_a_line_anywhere_gets_sectors_of_its_own_and_they_survive_json() -> None:
    for origin in ("south", "antimeridian"):
        line = zoo_line("saw", origin)
        sectors = Sectors.fit(line, 10_000.0)
        again = Sectors.from_geojson(json.loads(json.dumps(sectors.to_geojson())))
        assert again.ids == sectors.ids
        assert again.locate(line.lon, line.lat).min() >= 0


def test_sector_files_that_are_none_are_refused() -> None:
    with pytest.raises(SectorsInvalid, match="collection"):
        Sectors.from_geojson({"type": "FeatureCollection"})
    box = shapely.box(0, 0, 1, 1)
    with pytest.raises(SectorsInvalid, match="repeat"):
        Sectors(["S01", "S01"], [{}, {}], [box, box], [0, 1], [1, 2])
    with pytest.raises(SectorsInvalid, match="S01"):
        Sectors(["S01"], [{}], [shapely.Point(0, 0)], [0], [1])


def test_the_area_reaches_as_far_as_it_says() -> None:
    line = packaged_line()
    area = Area.from_json(json.loads(json.dumps(Area.fit(line).to_json())))
    rng = np.random.default_rng(4)
    lon, lat = rng.uniform(26, 46, 4_000), rng.uniform(43, 54, 4_000)
    distance_m = np.abs(line.locator.locate(lon, lat).signed_distance_m)
    inside = area.contains(lon, lat)
    assert np.all(inside[distance_m < 297_000.0])
    assert not np.any(inside[distance_m > 303_000.0])
    assert area.contains([np.nan, 37.0, 181.0], [48.0, np.inf, 48.0]).tolist() == [False, False, False]


def test_the_area_says_of_a_place_the_same_whatever_it_was_asked_before() -> None:
    rng = np.random.default_rng(5)
    lon = np.concatenate(
        [rng.uniform(-400, 400, 400), rng.uniform(28, 44, 400), [180.0, -180.0, 540.0, -180.00000001]]
    )
    lat = np.concatenate([rng.uniform(-95, 95, 400), rng.uniform(43, 54, 400), [90.0, -90.0, 48.0, 48.0]])
    line = packaged_line()
    area = Area.fit(line)
    one_by_one = [bool(area.contains([x], [y])[0]) for x, y in zip(lon, lat, strict=True)]
    assert one_by_one == area.contains(lon, lat).tolist() == Area.fit(line).contains(lon, lat).tolist()


@pytest.mark.parametrize("bounds", [(0, 0, 0, 1), (0, 1, 1, 0), (-200, 0, 0, 1), (0, float("nan"), 1, 1)])
def test_boxes_that_are_none_are_refused(bounds: tuple[float, float, float, float]) -> None:
    with pytest.raises(AreaInvalid):
        Area.box(*bounds)


def test_a_disc_touches_no_cell_that_is_not_listed() -> None:
    rng = np.random.default_rng(5)
    count = 20_000
    lon = rng.uniform(-180, 180, count)
    lat = np.concatenate([rng.uniform(45, 51, count // 2), rng.uniform(-90, 90, count // 2)])
    radius_m = rng.uniform(0, CELL_M - 1.0, count)
    place, cell = cells_within(lon, lat, radius_m)
    listed = place * 10_000_000 + cell
    assert len(np.unique(listed)) == len(listed)
    for share in (0.0, 0.5, 1.0):
        rim_lon, rim_lat, _ = GEOD.fwd(lon, lat, rng.uniform(0, 360, count), radius_m * share)
        assert np.isin(np.arange(count) * 10_000_000 + cell_of(rim_lon, rim_lat), listed).all()


def test_cells_are_the_same_on_every_turn_and_no_place_has_none() -> None:
    assert cell_of([37.0, 397.0 - 720.0, np.nan], [48.0, 48.0, 48.0]).tolist()[0:3:2] == [
        cell_of(37.0, 48.0)[0],
        -1,
    ]
    assert cell_of([180.0], [10.0]) == cell_of([-180.0], [10.0])
    assert cells_within([np.nan], [48.0], [1.0])[0].size == 0


def test_settlements_have_names_in_three_languages() -> None:
    places = packaged_places()
    assert len(places.lon) > 100
    assert all(len(places.names[language]) == len(places.lon) for language in ("en", "uk", "ru"))
    idx, distance_m = places.nearest([36.25, np.nan], [50.0, 50.0])
    assert places.names["uk"][idx[0]] == "Харків"
    assert distance_m[0] < 5_000.0
    assert idx[1] == -1
