import csv
import io

import numpy as np
import pytest

from geodata.contact_line import ContactLine, read_line
from geodata.line_file import LineDraft
from geodata.segments import GEOD
from tests.real_data import real
from tests.reference.line_zoo import zoo_line, zoo_vertices
from tests.reference.slow_geodesy import nearest_slowly

LONG_LINES = {
    "theatre": [
        (32.0, 46.5),
        (34.5, 47.5),
        (35.8, 47.4),
        (37.1, 48.0),
        (38.1, 48.9),
        (37.7, 50.0),
        (36.5, 50.3),
    ],
    "andes": [(-70.0, -18.0), (-69.2, -22.0), (-69.8, -27.0)],
    "fiji": [(178.0, -17.0), (179.5, -16.2), (181.0, -17.4), (182.0, -16.0)],
    "equator": [(9.0, -1.0), (10.0, 1.0), (12.0, 0.5)],
    "meridian": [(-3.0, 52.0), (-3.0, 57.0)],
}


@pytest.mark.parametrize("name", LONG_LINES)
def test_distance_and_chainage_agree_with_geodesics_near_and_far(name: str) -> None:
    vertices = LONG_LINES[name]
    wrapped = tuple((lon - 360.0 if lon > 180.0 else lon, lat) for lon, lat in vertices)
    line = ContactLine.from_draft(LineDraft(wrapped, name))
    rng = np.random.default_rng(5)
    for reach_m, error_m_max in ((3_000.0, 0.005), (5_000.0, 0.005), (45_000.0, 0.01), (400_000.0, 0.02)):
        lon, lat = _around(line, reach_m, 6, rng)
        at = line.locator.locate(lon, lat)
        for k in range(len(lon)):
            turned = lon[k] + 360.0 if name == "fiji" and lon[k] < 0 else lon[k]
            distance_m, chainage_m = nearest_slowly(vertices, float(turned), float(lat[k]))
            assert abs(abs(at.signed_distance_m[k]) - distance_m) < error_m_max
            # A foot on a chord instead of its arc, up to 2e-5 of the distance aside; the minimum is flat besides.
            assert abs(at.chainage_m[k] - chainage_m) < 0.5 + 3e-5 * distance_m
            foot_m = GEOD.inv(lon[k], lat[k], at.foot_lon[k], at.foot_lat[k])[2]
            assert abs(foot_m - distance_m) < error_m_max


@pytest.mark.parametrize("origin", ["north", "south", "antimeridian", "high"])
@pytest.mark.parametrize("shape", ["comb", "needle", "a vertex stated twice"])
def test_small_ugly_lines_agree_with_geodesics(shape: str, origin: str) -> None:
    line, vertices = zoo_line(shape, origin), zoo_vertices(shape, origin)
    rng = np.random.default_rng(6)
    lon = vertices[0][0] + rng.uniform(-2, 14, 8) / 64
    lat = vertices[0][1] - 4 / 64 + rng.uniform(-2, 10, 8) / 64
    at = line.locator.locate(lon, lat)
    for k in range(len(lon)):
        distance_m, _ = nearest_slowly(vertices, float(lon[k]), float(lat[k]))
        assert abs(abs(at.signed_distance_m[k]) - distance_m) < 0.005


@pytest.mark.parametrize("name", ["places", "points"])
def test_the_answers_for_a_real_line_are_met(name: str) -> None:
    rows = list(csv.DictReader(io.StringIO(real(f"{name}_2025-06-01.expected.csv").read_text())))
    line = ContactLine.from_draft(read_line(real("contact_line_20250601.geojson")))

    def column(key: str) -> np.ndarray:
        return np.array([float(row.get(key, 0.0)) for row in rows])

    at = line.locator.locate(column("lon"), column("lat"))
    distance_m = column("distance_m")
    error_m = np.abs(np.abs(at.signed_distance_m) - distance_m) - column("tolerance_m")
    assert np.all(error_m[distance_m < 50_000.0] <= 0.005)
    assert np.all(error_m <= 0.15)
    assert [("B", "?", "A")[side + 1] for side in at.side] == [row["side"] for row in rows]
    assert [("", "start", "end")[beyond] for beyond in at.beyond_end] == [row["beyond_end"] for row in rows]
    assert np.all(np.abs(at.chainage_m - column("chainage_m")) < 0.5 + 3e-5 * distance_m)


def _around(
    line: ContactLine, reach_m: float, count: int, rng: np.random.Generator
) -> tuple[np.ndarray, np.ndarray]:
    lon, lat = line.place_at(rng.uniform(0.0, line.length_m, count))
    there = GEOD.fwd(lon, lat, rng.uniform(0, 360, count), rng.uniform(0.2, 1.0, count) * reach_m)
    return np.asarray(there[0]), np.asarray(there[1])
