import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from geodata.contact_line import ContactLine
from geodata.line_file import LineDraft
from geodata.locator import Located
from geodata.near_block import BLOCK
from tests.reference.line_zoo import ORIGINS, SHAPES, UNIT_DEG, ring_line, zoo_line

LINES = {(shape, origin): zoo_line(shape, origin) for shape in SHAPES for origin in ("north", "south")}
any_float = st.floats(allow_nan=True, allow_infinity=True, width=64)


@settings(max_examples=60, deadline=None)
@given(st.lists(st.tuples(any_float, any_float), min_size=1, max_size=20))
def test_any_numbers_are_answered_without_an_error(places: list[tuple[float, float]]) -> None:
    lon, lat = (np.array([place[axis] for place in places]) for axis in (0, 1))
    at = LINES["comb", "north"].locator.locate(lon, lat)
    is_place = (np.abs(lon) <= 360.0) & (np.abs(lat) <= 90.0)
    assert np.array_equal(at.side != 0, is_place)
    assert np.array_equal(np.isfinite(at.signed_distance_m), is_place)
    assert np.array_equal(at.line_part >= 0, is_place)


def test_no_places_give_no_answers() -> None:
    assert all(len(column) == 0 for column in LINES["comb", "north"].locator.locate([], []))


@settings(max_examples=60, deadline=None)
@given(
    st.sampled_from(sorted(SHAPES)),
    st.sampled_from(["north", "south"]),
    st.lists(st.tuples(st.floats(-40, 52), st.floats(-40, 48)), min_size=1, max_size=30),
    st.booleans(),
)
def test_mirrored_sides_give_mirrored_answers(
    shape: str, origin: str, grid: list[tuple[float, float]], backwards: bool
) -> None:
    lon0, lat0 = ORIGINS[origin]
    lon, lat = (
        lon0 + np.array([x for x, _ in grid]) * UNIT_DEG,
        lat0 + np.array([y for _, y in grid]) * UNIT_DEG,
    )
    line = LINES[shape, origin]
    plain = line.locator.locate(lon, lat)
    other = zoo_line(shape, origin, left_side="A" if backwards else "B", backwards=backwards)
    mirrored = other.locator.locate(lon, lat)
    off_line = plain.signed_distance_m != 0.0
    assert np.array_equal(plain.side[off_line], -mirrored.side[off_line])
    np.testing.assert_allclose(plain.signed_distance_m, -mirrored.signed_distance_m, atol=1e-6)
    if backwards:
        assert np.array_equal(plain.beyond_end, np.array([0, 2, 1])[mirrored.beyond_end])


@settings(max_examples=60, deadline=None)
@given(
    st.sampled_from(sorted(SHAPES)), st.lists(st.tuples(st.integers(0, 48), st.integers(0, 36)), min_size=1)
)
def test_a_place_exactly_on_the_line_has_distance_zero_and_side_a(
    shape: str, grid: list[tuple[int, int]]
) -> None:
    lon = 37.0 + np.array([x for x, _ in grid]) / 4 * UNIT_DEG
    lat = 48.0 + np.array([y for _, y in grid]) / 4 * UNIT_DEG
    at = LINES[shape, "north"].locator.locate(lon, lat)
    expected = np.zeros(len(lon), dtype=bool)
    for (x0, y0), (x1, y1) in zip(SHAPES[shape][:-1], SHAPES[shape][1:], strict=True):
        for k, (x, y) in enumerate((x / 4, y / 4) for x, y in grid):
            straight = (x1 - x0) * (y - y0) == (y1 - y0) * (x - x0)
            expected[k] |= straight and min(x0, x1) <= x <= max(x0, x1) and min(y0, y1) <= y <= max(y0, y1)
    assert np.array_equal(at.signed_distance_m == 0.0, expected)
    assert np.all(at.side[expected] == 1)


@pytest.mark.parametrize("shape", SHAPES)
def test_the_index_finds_what_looking_at_every_piece_finds(shape: str) -> None:
    line, rng = LINES[shape, "north"], np.random.default_rng(8)
    spread = np.concatenate([rng.normal(0, s, (2, 700)) for s in (0.05, 1.0, 20.0, 80.0)], axis=1)
    lon, lat = 37.0 + (6 + spread[0]) * UNIT_DEG, 48.0 + (4 + spread[1]) * UNIT_DEG
    assert_nearest(line, lon, lat)


def test_the_index_is_right_where_every_piece_is_equally_far() -> None:
    line = ring_line(500, 0.2)
    rng = np.random.default_rng(9)
    lon = np.concatenate([37.0 + rng.normal(0, 1e-4, 300), rng.uniform(36.5, 37.5, 1_000), [37.0]])
    lat = np.concatenate([48.0 + rng.normal(0, 1e-4, 300), rng.uniform(47.6, 48.4, 1_000), [48.0]])
    assert_nearest(line, lon, lat)
    assert np.all(line.locator.locate(lon[:300], lat[:300]).side == 1)


def test_edges_of_a_hand_and_of_twenty_kilometres_stand_side_by_side() -> None:
    rng = np.random.default_rng(10)
    tiny = np.cumsum(rng.uniform(0.1, 1.0, (400, 2)) * 3e-6, axis=0)
    vertices = [(37.0, 48.0), (37.25, 48.0), *(np.array([37.25, 48.0]) + tiny).tolist(), (37.5, 48.2)]
    line = ContactLine.from_draft(LineDraft(tuple((x, y) for x, y in vertices), "tiny and huge"))
    lon = 37.25 + rng.normal(0, 1, 2_000) * np.repeat([1e-6, 1e-4, 1e-2, 0.3], 500)
    lat = 48.0 + rng.normal(0, 1, 2_000) * np.repeat([1e-6, 1e-4, 1e-2, 0.3], 500)
    assert_nearest(line, lon, lat)


def test_answers_do_not_depend_on_company_or_order() -> None:
    line, rng = LINES["saw", "north"], np.random.default_rng(11)
    lon, lat = 37.0 + rng.normal(0, 1, BLOCK + 99), 48.0 + rng.normal(0, 1, BLOCK + 99)
    lon[::7] = np.nan
    together = line.locator.locate(lon, lat)
    for begin, end in ((0, 1), (5, 77), (BLOCK - 3, BLOCK + 40)):
        alone = line.locator.locate(lon[begin:end], lat[begin:end])
        for one, all_of_them in zip(alone, together, strict=True):
            np.testing.assert_array_equal(one, all_of_them[begin:end])
    order = rng.permutation(len(lon))
    shuffled = line.locator.locate(lon[order], lat[order])
    for mixed, straight in zip(shuffled, together, strict=True):
        np.testing.assert_array_equal(mixed, straight[order])


def test_side_only_is_the_side_of_the_whole_answer() -> None:
    line, rng = LINES["hook", "south"], np.random.default_rng(12)
    lon, lat = -60.0 + rng.normal(0, 2, 3_000), -34.0 + rng.normal(0, 2, 3_000)
    whole, side_only = line.locator.locate(lon, lat), line.locator.locate(lon, lat, clearance=False)
    assert np.array_equal(whole.side, side_only.side)
    assert np.array_equal(whole.beyond_end, side_only.beyond_end)
    assert np.isnan(side_only.signed_distance_m).all()


def test_moving_the_scene_along_its_parallel_moves_nothing_but_places() -> None:
    rng = np.random.default_rng(13)
    x, y = rng.normal(0, 1, 500), rng.normal(0, 1, 500)
    answers: list[Located] = []
    for lon0 in (37.0, -91.0, 179.9375):
        vertices = tuple(
            (lon - 360.0 if lon > 180 else lon, lat)
            for lon, lat in ((lon0 + a / 64, -17.0 + b / 64) for a, b in SHAPES["saw"])
        )
        line = ContactLine.from_draft(LineDraft(vertices, "moved"))
        answers.append(line.locator.locate(lon0 + x, -17.0 + y))
    for moved in answers[1:]:
        assert np.array_equal(moved.side, answers[0].side)
        np.testing.assert_allclose(moved.signed_distance_m, answers[0].signed_distance_m, atol=1e-6)
        np.testing.assert_allclose(moved.chainage_m, answers[0].chainage_m, atol=1e-3)


def assert_nearest(line: ContactLine, lon: np.ndarray, lat: np.ndarray) -> None:
    """The distance is that to the nearest of all pieces, measured one by one in the plane."""
    at, pieces = line.locator.locate(lon, lat), line.segments
    x, y = line.frame.forward(lon, lat)
    foot_x, foot_y = line.frame.forward(at.foot_lon, at.foot_lat)
    found_m = np.hypot(x - foot_x, y - foot_y)
    dx, dy = pieces.x1 - pieces.x0, pieces.y1 - pieces.y0
    for k in range(len(lon)):
        off_x, off_y = x[k] - pieces.x0, y[k] - pieces.y0
        t = np.clip((off_x * dx + off_y * dy) / (dx * dx + dy * dy), 0.0, 1.0)
        least_m = np.hypot(off_x - t * dx, off_y - t * dy).min()
        # The foot is on the edge, the chord of a piece up to 1 mm off; far feet are corrected for geodesics.
        assert found_m[k] <= least_m + 0.0011 + 1e-7 * least_m
