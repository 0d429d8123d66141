import csv
import gzip
import io
from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from geodata.contact_line import ContactLine, read_line
from geodata.crossings import step_crossings
from tests.real_data import real
from tests.reference.line_zoo import ORIGINS, SHAPES, UNIT_DEG, zoo_line, zoo_vertices
from tests.reference.slow_geodesy import crossings_slowly

LINES = {(shape, origin): zoo_line(shape, origin) for shape in SHAPES for origin in ("north", "antimeridian")}

grid_fix = st.tuples(st.integers(1, 23), st.integers(0, 18))
"""Half grid units inside the line's reach: fixes on vertices, on edges, and steps along edges are common."""


@settings(max_examples=100, deadline=None)
@given(
    st.sampled_from(sorted(SHAPES)),
    st.sampled_from(["north", "antimeridian"]),
    st.lists(grid_fix, min_size=2, max_size=8),
)
def test_every_strict_change_of_side_is_found_once_and_in_order(
    shape: str, origin: str, grid: list[tuple[int, int]]
) -> None:
    line, vertices = LINES[shape, origin], zoo_vertices(shape, origin)
    lon0, lat0 = ORIGINS[origin]
    fixes = [(lon0 + x / 2 * UNIT_DEG, lat0 + y / 2 * UNIT_DEG) for x, y in grid]
    expected = crossings_slowly(vertices, _left_ring(vertices), fixes)
    lon, lat = (np.array([fix[axis] for fix in fixes]) for axis in (0, 1))
    found = step_crossings(line, lon[:-1], lat[:-1], lon[1:], lat[1:])
    assert found.step_idx.tolist() == [step for step, _, _ in expected]
    assert found.direction.tolist() == [direction for _, _, direction in expected]
    assert found.fraction == pytest.approx([float(fraction) for _, fraction, _ in expected], abs=1e-12)


@settings(max_examples=60, deadline=None)
@given(st.sampled_from(sorted(SHAPES)), st.lists(grid_fix, min_size=3, max_size=10), st.data())
def test_cutting_a_track_into_calls_changes_nothing(
    shape: str, grid: list[tuple[int, int]], data: st.DataObject
) -> None:
    line = LINES[shape, "north"]
    lon = 37.0 + np.array([x for x, _ in grid]) / 2 * UNIT_DEG
    lat = 48.0 + np.array([y for _, y in grid]) / 2 * UNIT_DEG
    whole = step_crossings(line, lon[:-1], lat[:-1], lon[1:], lat[1:])
    cut = data.draw(st.integers(1, len(grid) - 1))
    first = step_crossings(line, lon[:cut], lat[:cut], lon[1 : cut + 1], lat[1 : cut + 1])
    pending = np.zeros(len(grid) - 1 - cut, dtype=np.int8)
    pending[:1] = first.pending_side[-1]
    rest = step_crossings(
        line, lon[cut:-1], lat[cut:-1], lon[cut + 1 :], lat[cut + 1 :], pending_before=pending
    )
    assert whole.step_idx.tolist() == first.step_idx.tolist() + (rest.step_idx + cut).tolist()
    assert whole.direction.tolist() == first.direction.tolist() + rest.direction.tolist()
    assert whole.pending_side.tolist() == first.pending_side.tolist() + rest.pending_side.tolist()


@settings(max_examples=60, deadline=None)
@given(st.sampled_from(sorted(SHAPES)), st.lists(grid_fix, min_size=2, max_size=8), st.booleans())
def test_mirrored_sides_give_mirrored_crossings(
    shape: str, grid: list[tuple[int, int]], backwards: bool
) -> None:
    line = LINES[shape, "north"]
    mirrored = zoo_line(shape, "north", left_side="A" if backwards else "B", backwards=backwards)
    lon = 37.0 + np.array([x for x, _ in grid]) / 2 * UNIT_DEG
    lat = 48.0 + np.array([y for _, y in grid]) / 2 * UNIT_DEG
    plain = step_crossings(line, lon[:-1], lat[:-1], lon[1:], lat[1:])
    swapped = step_crossings(mirrored, lon[:-1], lat[:-1], lon[1:], lat[1:])
    assert plain.step_idx.tolist() == swapped.step_idx.tolist()
    assert plain.direction.tolist() == (-swapped.direction).tolist()
    np.testing.assert_allclose(plain.fraction, swapped.fraction, atol=1e-12)
    far, back = plain.chainage_m, swapped.chainage_m
    np.testing.assert_allclose(far, line.length_m - back if backwards else back, atol=1e-3)


def test_chords_over_a_meander_cross_it_every_time() -> None:
    line = LINES["comb", "north"]
    rng = np.random.default_rng(3)
    lon, lat = 37.0 + rng.uniform(0, 12, 4_000) / 64, 48.0 + rng.uniform(-4, 12, 4_000) / 64
    side = line.locator.locate(lon, lat).side
    found = step_crossings(line, lon[:-1], lat[:-1], lon[1:], lat[1:])
    assert len(found.step_idx) > 1_000
    times = np.bincount(found.step_idx, minlength=len(lon) - 1)
    assert np.any(times == 2), "chords over a meander cross it an even number of times"
    # A step with an odd number of crossings, and no other, ends on the other side.
    assert np.array_equal(times % 2 == 1, side[:-1] != side[1:])


def test_steps_few_or_many_give_the_same_crossings() -> None:
    line = LINES["comb", "north"]
    rng = np.random.default_rng(4)
    lon, lat = 37.0 + rng.uniform(-90, 90, 3_000) / 64, 48.0 + rng.uniform(-90, 90, 3_000) / 64
    lon[::97] = np.nan
    many = step_crossings(line, lon[:-1], lat[:-1], lon[1:], lat[1:])
    few = [
        step_crossings(line, lon[i:j], lat[i:j], lon[i + 1 : j + 1], lat[i + 1 : j + 1])
        for i, j in zip(range(0, 2_999, 100), [*range(100, 2_999, 100), 2_999], strict=True)
    ]
    assert len(many.step_idx) > 100
    assert many.step_idx.tolist() == [int(k) + 100 * n for n, found in enumerate(few) for k in found.step_idx]
    assert many.fraction.tolist() == [float(t) for found in few for t in found.fraction]


def test_fixes_that_are_no_places_cross_nothing() -> None:
    line = LINES["straight", "north"]
    nan = float("nan")
    found = step_crossings(
        line, [37.05, nan, 37.05, np.inf], [48.0, 48.0, 48.0, 1.0], [nan, 37.1, 37.05, 1.0], [48.5] * 4
    )
    assert found.step_idx.tolist() == [2]


@pytest.mark.parametrize("name", ["ais_us", "glider_franconia", "liverpool_bus"])
def test_real_tracks_cross_where_exact_arithmetic_says(name: str) -> None:
    line = ContactLine.from_draft(read_line(real(f"tracks_{name}.line.geojson")), allow_self_contacts=True)
    text = gzip.decompress(real(f"tracks_{name}.events.csv.gz").read_bytes()).decode()
    events = sorted(csv.DictReader(io.StringIO(text)), key=lambda event: (event["track_id"], event["time"]))
    track = np.array([event["track_id"] for event in events])
    lon, lat = (np.array([float(event[axis]) for event in events]) for axis in ("lon", "lat"))
    step = np.flatnonzero(track[1:] == track[:-1])
    found = step_crossings(
        line, lon[step], lat[step], lon[step + 1], lat[step + 1], continues=np.diff(step, prepend=-9) == 1
    )
    begin = {name: idx for idx, name in reversed(list(enumerate(track)))}
    got = {}
    for k, idx in enumerate(step[found.step_idx]):
        key = (track[idx], idx - begin[track[idx]])
        got.setdefault(key, []).append((int(found.direction[k]), round(found.chainage_m[k], 2)))
    rows = list(csv.DictReader(io.StringIO(real(f"tracks_{name}.crossings.csv").read_text())))
    doubtful = {
        (r["track"], int(r["seg"])) for r in rows if r["degenerate"] == "1" or r["model_sensitive"] == "1"
    }
    expected: dict = {}
    for row in rows:
        direction = 1 if row["direction"] == "L2R" else -1
        expected.setdefault((row["track"], int(row["seg"])), []).append((direction, float(row["chainage_m"])))
    certain = {
        key for key in set(got) | set(expected) if not doubtful & {(key[0], key[1] + d) for d in (-1, 0, 1)}
    }
    assert certain
    for key in certain:
        assert [d for d, _ in got[key]] == [d for d, _ in expected[key]]
        assert [c for _, c in got[key]] == pytest.approx([c for _, c in expected[key]], abs=0.03)


def _left_ring(vertices: list[tuple[float, float]]) -> list[tuple[Fraction, Fraction]]:
    """The line closed far away around its left, which in the zoo is the north."""
    exact = [(Fraction(lon), Fraction(lat)) for lon, lat in vertices]
    (west, lat0), (east, lat1) = exact[0], exact[-1]
    return [(west - 5, lat0), *exact, (east + 5, lat1), (east + 5, lat1 + 5), (west - 5, lat0 + 5)]
