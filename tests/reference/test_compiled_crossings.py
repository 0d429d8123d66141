"""The compiled crossings are those of the reference, bit for bit. Without numba they run as slow Python."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from geodata.compiled_crossings import HITS_MAX, plain_crossings
from geodata.contact_line import ContactLine, LineDraft, packaged_line
from geodata.crossings import StepCrossings, step_crossings
from tests.reference.line_zoo import ORIGINS, SHAPES, UNIT_DEG, zoo_scene

LINES = {(shape, origin): zoo_scene(shape, origin) for shape in SHAPES for origin in ORIGINS}
any_float = st.floats(allow_nan=True, allow_infinity=True, width=64)
grid_fix = st.tuples(st.integers(-10, 40), st.integers(-10, 40))
"""Half grid units: fixes on vertices and on edges, and steps along edges, are common."""


def both(line: ContactLine, lon: np.ndarray, lat: np.ndarray) -> tuple[StepCrossings, StepCrossings]:
    one, other = (
        step_crossings(line, lon[:-1], lat[:-1], lon[1:], lat[1:], compiled=compiled)
        for compiled in (False, True)
    )
    for name, a, b in zip(one._fields, one, other, strict=True):
        assert a.dtype == b.dtype, name
        assert np.array_equal(a, b), name
    return one, other


@settings(max_examples=60, deadline=None)
@given(
    st.sampled_from(sorted(LINES)),
    st.lists(grid_fix, min_size=2, max_size=12),
    st.sampled_from([0.0, 1e-16, 3e-7]),
    st.sampled_from([0.0, -360.0]),
)
def test_tracks_over_and_along_every_line_cross_alike(
    which: tuple[str, str], grid: list[tuple[int, int]], aside: float, turns: float
) -> None:
    lon0, lat0 = ORIGINS[which[1]]
    lon = lon0 + np.array([x for x, _ in grid]) / 2 * UNIT_DEG + aside + turns
    lat = lat0 + np.array([y for _, y in grid]) / 2 * UNIT_DEG
    both(LINES[which], lon, lat)


@settings(max_examples=60, deadline=None)
@given(st.lists(st.tuples(any_float, any_float), min_size=2, max_size=12), st.booleans())
def test_any_numbers_cross_alike(fixes: list[tuple[float, float]], in_the_middle: bool) -> None:
    lon, lat = (np.array([fix[axis] for fix in fixes]) for axis in (0, 1))
    if in_the_middle:
        lon[1::2], lat[1::2] = ORIGINS["antimeridian"]
    both(LINES["comb", "antimeridian"], lon, lat)


@pytest.mark.parametrize("far", [(1.0, 1e306), (1.0, 90.1), (1e300, 48.0), (361.0, 48.0)])
def test_steps_from_and_to_what_is_no_place_cross_nothing(far: tuple[float, float]) -> None:
    line = LINES["comb", "antimeridian"]
    here = ORIGINS["antimeridian"]
    found, _ = both(line, np.array([here[0], far[0], here[0]]), np.array([here[1], far[1], here[1]]))
    assert len(found.step_idx) == 0


@pytest.mark.parametrize("reach_deg", [0.002, 0.05, 3.0])
def test_steps_short_and_long_over_the_packaged_line_cross_alike(reach_deg: float) -> None:
    line, rng = packaged_line(), np.random.default_rng(8)
    lon, lat = line.place_at(rng.uniform(0, line.length_m, 300))
    found, _ = both(
        line, lon + rng.uniform(-1, 1, 300) * reach_deg, lat + rng.uniform(-1, 1, 300) * reach_deg
    )
    assert len(found.step_idx) > 200


def test_most_steps_are_plain_and_those_on_the_line_are_left() -> None:
    line = LINES["straight", "north"]
    lon, lat = line.place_at([0.0, 100.0])
    west, east, on = lon[1] - 0.01, lon[1] + 0.01, line.lon[0]
    south, north = lat[1] - 0.01, lat[1] + 0.01
    found = plain_crossings(
        line.edges_compiled,
        *(
            np.array(v)
            for v in ([west, on, west], [south, line.lat[0], 0.0], [east, east, east], [north] * 3)
        ),
    )
    assert 1 in found.left
    assert 0 not in found.left


def test_a_step_over_very_many_edges_is_left_and_crossed_all_the_same() -> None:
    teeth = 2 * HITS_MAX
    vertices = [(37.0 + k / 1_000, 48.0 + 0.01 * (k % 2)) for k in range(teeth + 1)]
    line = ContactLine.from_draft(LineDraft(tuple(vertices), "saw"))
    found, _ = both(line, np.array([36.99, 37.0 + (teeth + 10) / 1_000]), np.array([48.005, 48.0051]))
    assert len(found.step_idx) == teeth
    assert np.all(np.diff(found.fraction) > 0.0)


def test_more_crossings_than_there_is_room_for_at_a_time_are_all_found() -> None:
    line = ContactLine.from_draft(LineDraft(((37.0, 48.0), (37.0, 49.0)), "meridian"))
    count = 20_000
    lon = np.where(np.arange(count) % 2 == 0, 36.9999, 37.0001)
    found = plain_crossings(
        line.edges_compiled, lon[:-1], np.full(count - 1, 48.5), lon[1:], np.full(count - 1, 48.5)
    )
    assert found.step.tolist() == list(range(count - 1))
    assert found.sign.tolist() == [1, -1] * (count // 2 - 1) + [1]
