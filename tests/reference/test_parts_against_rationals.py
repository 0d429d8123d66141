"""Lines with pockets and enclaves: sides and crossings against exact parity, whichever way rings are walked."""

from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from geodata.contact_line import ContactLine, read_line
from geodata.crossings import step_crossings
from geodata.projection import wrap_deg
from tests.real_data import real
from tests.reference.line_zoo import ORIGINS, SHAPES, UNIT_DEG, zoo_rings, zoo_scene, zoo_vertices
from tests.reference.slow_geodesy import Point, crossings_of_scene, nearest_slowly, side_of_scene

shapes = st.sampled_from(sorted(SHAPES))
origins = st.sampled_from(["north", "antimeridian"])
grid_fix = st.tuples(st.integers(1, 23), st.integers(-13, 29))


def exact(vertices: list[tuple[float, float]]) -> list[Point]:
    return [(Fraction(lon), Fraction(lat)) for lon, lat in vertices]


def left_ring(vertices: list[tuple[float, float]]) -> list[Point]:
    """The main part closed far away around its left, which in the zoo is the north."""
    (west, lat0), *_, (east, lat1) = exact(vertices)
    return [(west - 5, lat0), *exact(vertices), (east + 5, lat1), (east + 5, lat1 + 5), (west - 5, lat0 + 5)]


def in_degrees(origin: str, grid: list[tuple[float, float]]) -> tuple[np.ndarray, np.ndarray]:
    lon0, lat0 = ORIGINS[origin]
    return (
        lon0 + np.array([x / 2 for x, _ in grid]) * UNIT_DEG,
        lat0 + np.array([y / 2 for _, y in grid]) * UNIT_DEG,
    )


@settings(max_examples=60, deadline=None)
@given(
    shapes,
    origins,
    st.lists(st.tuples(st.floats(1, 23), st.floats(-13, 29)), min_size=1, max_size=12),
    st.booleans(),
)
def test_the_side_is_that_of_exact_parity_near_every_part(
    shape: str, origin: str, grid: list[tuple[float, float]], turned: bool
) -> None:
    line = zoo_scene(shape, origin, turned=turned)
    main, rings = zoo_vertices(shape, origin), zoo_rings(origin)
    lon, lat = in_degrees(origin, grid)
    at = line.locator.locate(lon, lat)
    for k in range(len(lon)):
        place = Fraction(float(lon[k])), Fraction(float(lat[k]))
        side = side_of_scene(left_ring(main), [exact(ring)[:-1] for ring in rings], place)
        assert at.side[k] == (side or 1)
        assert (at.signed_distance_m[k] == 0.0) == (side == 0)


@settings(max_examples=80, deadline=None)
@given(shapes, origins, st.lists(grid_fix, min_size=2, max_size=7), st.booleans())
def test_every_strict_change_of_side_through_pockets_is_found_once(
    shape: str, origin: str, grid: list[tuple[float, float]], turned: bool
) -> None:
    line = zoo_scene(shape, origin, turned=turned)
    main, rings = zoo_vertices(shape, origin), zoo_rings(origin)
    lon, lat = in_degrees(origin, grid)
    expected = crossings_of_scene(
        [main, *rings],
        left_ring(main),
        [exact(ring)[:-1] for ring in rings],
        list(zip(lon.tolist(), lat.tolist(), strict=True)),
    )
    found = step_crossings(line, lon[:-1], lat[:-1], lon[1:], lat[1:])
    assert found.step_idx.tolist() == [step for step, _, _ in expected]
    assert found.direction.tolist() == [direction for _, _, direction in expected]
    assert found.fraction == pytest.approx([float(fraction) for _, fraction, _ in expected], abs=1e-12)


@settings(max_examples=40, deadline=None)
@given(shapes, st.lists(grid_fix, min_size=2, max_size=7), st.booleans())
def test_mirrored_sides_give_mirrored_crossings_and_places(
    shape: str, grid: list[tuple[float, float]], backwards: bool
) -> None:
    line = zoo_scene(shape)
    mirrored = zoo_scene(shape, left_side="A" if backwards else "B", backwards=backwards)
    lon, lat = in_degrees("north", grid)
    plain = step_crossings(line, lon[:-1], lat[:-1], lon[1:], lat[1:])
    swapped = step_crossings(mirrored, lon[:-1], lat[:-1], lon[1:], lat[1:])
    assert plain.step_idx.tolist() == swapped.step_idx.tolist()
    assert plain.direction.tolist() == (-swapped.direction).tolist()
    assert plain.line_part.tolist() == swapped.line_part.tolist()
    at, other = line.locator.locate(lon, lat), mirrored.locator.locate(lon, lat)
    np.testing.assert_allclose(at.signed_distance_m, -other.signed_distance_m, atol=1e-6)
    off_line = at.signed_distance_m != 0.0
    assert np.array_equal(at.side[off_line], -other.side[off_line])


@pytest.mark.parametrize("origin", sorted(ORIGINS))
def test_each_part_has_its_own_chainage_and_closed_ones_have_no_end(origin: str) -> None:
    line = zoo_scene("saw", origin)
    parts = [zoo_vertices("saw", origin), *zoo_rings(origin)]
    rng = np.random.default_rng(4)
    lon = parts[0][0][0] + rng.uniform(-1, 13, 40) * UNIT_DEG
    lat = ORIGINS[origin][1] + rng.uniform(-8, 16, 40) * UNIT_DEG
    at = line.locator.locate(lon, lat)
    for k in range(len(lon)):
        near = [nearest_slowly(part, float(lon[k]), float(lat[k])) for part in parts]
        part = min(range(len(parts)), key=lambda p: near[p][0])
        assert at.line_part[k] == part
        assert abs(abs(at.signed_distance_m[k]) - near[part][0]) < 0.005
        assert abs(at.chainage_m[k] - near[part][1]) < 0.5
        assert part == 0 or at.beyond_end[k] == 0
    for part in range(len(parts)):
        back_lon, back_lat = line.place_at(line.chainage_m[line.part_of_vertex == part], part)
        closing = slice(None, -1 if part else None)
        np.testing.assert_allclose(back_lat[closing], line.parts[part][1][closing], atol=1e-9)
        np.testing.assert_allclose(back_lon[closing], wrap_deg(line.parts[part][0][closing]), atol=1e-9)


@pytest.mark.parametrize("name", ["contact_line_20250601_ext", "contact_line_20250601_rest"])
def test_real_lines_put_the_two_hands_of_every_edge_on_the_two_sides(name: str) -> None:
    line = ContactLine.from_draft(read_line(real(f"{name}.geojson")))
    pieces = line.segments
    x, y = (pieces.x0 + pieces.x1) / 2, (pieces.y0 + pieces.y1) / 2
    off = 0.02 / np.hypot(pieces.x1 - pieces.x0, pieces.y1 - pieces.y0)
    left_x, left_y = -(pieces.y1 - pieces.y0) * off, (pieces.x1 - pieces.x0) * off
    sign = line.left_signs[pieces.part]
    for hand in (1, -1):
        at = line.locator.locate(*line.frame.inverse(x + hand * left_x, y + hand * left_y))
        assert np.array_equal(at.side, hand * sign)
        assert np.array_equal(at.line_part, pieces.part)


def test_polygons_of_real_sides_give_the_real_line_and_its_places() -> None:
    line = ContactLine.from_draft(read_line(real("sides_20250601.geojson")))
    edges = set()
    for lon, lat in line.parts:
        edges |= set(zip(lon[:-1], lat[:-1], lon[1:], lat[1:], strict=True))
    for name in ("contact_line_20250601", "contact_line_20250601_ext"):
        known = ContactLine.from_draft(read_line(real(f"{name}.geojson")))
        lon, lat = known.parts[0]
        assert set(zip(lon[:-1], lat[:-1], lon[1:], lat[1:], strict=True)) <= edges
    # Around the line both agree on the side; the polygons also know the pockets and the coast.
    rng = np.random.default_rng(6)
    lon, lat = known.place_at(rng.uniform(0, known.length_m, 3_000))
    lon, lat = lon + rng.normal(0, 1e-3, 3_000), lat + rng.normal(0, 1e-3, 3_000)
    own, derived = known.locator.locate(lon, lat), line.locator.locate(lon, lat)
    same = np.abs(np.abs(own.signed_distance_m) - np.abs(derived.signed_distance_m)) < 0.003
    assert same.mean() > 0.95
    assert np.array_equal(own.side[same], derived.side[same])
