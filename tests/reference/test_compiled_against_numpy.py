"""The compiled loop gives the reference's bits. Without numba it runs as slow Python, which is as good a test."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from geodata.compiled_tables import FINE, RUN_BITS, RUN_MAX, SIDE_BITS, Cells, tables_of
from geodata.contact_line import packaged_line
from geodata.grid_index import FAR, SPLIT
from geodata.locator import Located, Locator
from geodata.segments import GEOD
from tests.reference.line_zoo import ORIGINS, UNIT_DEG, ring_line, zoo_scene

BOTH = {
    (shape, origin): tuple(Locator(zoo_scene(shape, origin), compiled=c) for c in (False, True))
    for shape in ("comb", "needle")
    for origin in ("north", "south", "antimeridian")
}
any_float = st.floats(allow_nan=True, allow_infinity=True, width=64)


def assert_same_bits(one: Located, other: Located) -> None:
    for name, a, b in zip(one._fields, one, other, strict=True):
        assert a.dtype == b.dtype
        assert np.array_equal(a, b, equal_nan=True), name


@settings(max_examples=40, deadline=None)
@given(
    st.sampled_from(sorted(BOTH)),
    st.lists(st.tuples(st.integers(-20, 50), st.integers(-40, 80)), min_size=1, max_size=30),
    st.floats(0.0, 1e-5),
    st.booleans(),
)
def test_places_on_and_next_to_every_part_have_the_same_bits(
    which: tuple[str, str], grid: list[tuple[int, int]], aside: float, clearance: bool
) -> None:
    lon0, lat0 = ORIGINS[which[1]]
    lon = lon0 + np.array([x for x, _ in grid]) / 4 * UNIT_DEG + aside
    lat = lat0 + np.array([y for _, y in grid]) / 4 * UNIT_DEG
    reference, compiled = BOTH[which]
    assert_same_bits(reference.locate(lon, lat, clearance), compiled.locate(lon, lat, clearance))


@settings(max_examples=40, deadline=None)
@given(st.lists(st.tuples(any_float, any_float), min_size=1, max_size=20))
def test_any_numbers_have_the_same_bits(places: list[tuple[float, float]]) -> None:
    lon, lat = (np.array([place[axis] for place in places]) for axis in (0, 1))
    reference, compiled = BOTH["comb", "antimeridian"]
    assert_same_bits(reference.locate(lon, lat), compiled.locate(lon, lat))


def test_the_packaged_line_has_the_same_bits_near_and_far() -> None:
    line, rng = packaged_line(), np.random.default_rng(2)
    lon, lat = line.place_at(rng.uniform(0, line.length_m, 4_000))
    lon, lat, _ = GEOD.fwd(lon, lat, rng.uniform(0, 360, 4_000), rng.uniform(0, 1, 4_000) ** 4 * 120e3)
    lon[:50], lat[:50] = line.lon[100:150], line.lat[100:150]
    assert_same_bits(line.locator.locate(lon, lat), Locator(line, compiled=True).locate(lon, lat))


@pytest.mark.parametrize("origin", sorted(ORIGINS))
def test_the_loop_is_made_for_lines_anywhere(origin: str) -> None:
    assert Locator(zoo_scene("saw", origin), compiled=True).is_compiled
    assert not Locator(zoo_scene("saw", origin), compiled=False).is_compiled


def test_crowds_of_equally_near_pieces_have_the_same_bits() -> None:
    line, rng = ring_line(500, 0.2), np.random.default_rng(5)
    lon, lat = 37.0 + rng.normal(0, 1e-3, 300), 48.0 + rng.normal(0, 1e-3, 300)
    assert_same_bits(line.locator.locate(lon, lat), Locator(line, compiled=True).locate(lon, lat))


def test_every_cell_states_its_candidates_and_lists_are_shared() -> None:
    line = packaged_line()
    near = Locator(line, compiled=False)._near
    tables = tables_of(near)
    assert tables is not None
    cells, grid = tables[1], near.grid
    rng, kinds = np.random.default_rng(3), set()
    roots = np.flatnonzero(grid.table_side > 0)
    finest = roots[grid.table_side[roots] == FINE]
    for root in np.append(rng.choice(roots, 100), finest[:20]).tolist():
        side = int(grid.table_side[root])
        for row, column in rng.integers(0, side, (50, 2)).tolist():
            leaf = grid.leaf_of[int(grid.table_begin[root]) + row * side + column]
            count = 0 if grid.leaf_rank[leaf] == FAR else grid.leaf_count[leaf]
            piece = grid.candidate[grid.leaf_begin[leaf] : grid.leaf_begin[leaf] + count]
            stated, kind = _stated(cells, root, row, column, side)
            assert stated == (piece + near.part[piece]).tolist()
            kinds.add(kind)
    assert kinds >= {"run", "list"}
    listed = grid.leaf_count[np.unique(grid.leaf_of)]
    assert len(cells.lists) < listed[listed > 1].sum() / 2


def _stated(cells: Cells, root: int, row: int, column: int, side: int) -> tuple[list[int], str]:
    """The points of the candidates of a cell, read as the loop reads them."""
    level = int(cells.roots[root]) & (2**SIDE_BITS - 1)
    fold = max(side >> (2 * level), 1)
    entry = int(
        cells.entries[(int(cells.roots[root]) >> SIDE_BITS) + (row // fold << 2 * level) + column // fold]
    )
    if entry < 0 and entry % 2 == 0:
        entry = int(cells.entries[(-2 - entry) // 2 + SPLIT * (row % fold) + column % fold])
    if entry >= 0:
        first, count = entry >> RUN_BITS, entry & RUN_MAX
        return list(range(first, first + count)), "run"
    begin = (-1 - entry) // 2
    return cells.lists[begin + 1 : begin + 1 + cells.lists[begin]].tolist(), "list"


def test_a_cell_split_to_the_last_has_a_table_of_its_own() -> None:
    line, rng = ring_line(3_000, 0.02), np.random.default_rng(6)
    near = Locator(line, compiled=False)._near
    tables = tables_of(near)
    assert tables is not None
    assert np.any((tables[1].entries < 0) & (tables[1].entries % 2 == 0))
    lon, lat = line.place_at(rng.uniform(0.0, line.length_m, 2_000))
    lon, lat = lon + rng.normal(0.0, 1e-3, 2_000), lat + rng.normal(0.0, 1e-3, 2_000)
    assert_same_bits(
        Locator(line, compiled=False).locate(lon, lat), Locator(line, compiled=True).locate(lon, lat)
    )
