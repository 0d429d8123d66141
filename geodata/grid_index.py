"""A grid over the surroundings of a line that knows, for each cell, which pieces can be the nearest one.

Built from coarse to fine: a cell hands its candidates to the sixteen cells it is split into, and each drops those
that cannot be nearest to any of its places, until few are left. The proof of dropping is *pivot dominance*: for
a place q of the line and a piece s, the places at least as near to q as to s form a convex set (an intersection
of half-planes, one for each place of s), so if all four corners of a cell are nearer to q than to s, every place
of the cell is, and s is never the nearest. Pivots are the places of the line nearest to the four corners and to
the centre. A piece is also dropped for its neighbour where all corners project onto the vertex that both share.

Nearest means by geodesic, while the plane stretches places unequally: a cell's pivot must be nearer by the share
that the scale can vary between two ways of the cell's distance. (The places nearer to q even then lie in an
intersection of discs, convex as well.)
"""

from typing import Any, Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

from geodata.frame_series import FrameSeries
from geodata.segments import Segments

Reals = NDArray[np.float64]
Indices = NDArray[np.int64]

ROOT_M: Final = 4_096.0
"""Cells of the raster. Each has a table of its own for what is finer; what is coarser is repeated."""
SPLIT: Final = 4
ROOT_LEVEL: Final = 2
"""Level 0 has cells of 65 km, level 2 the root cells, level 5, the last, cells of 64 m."""
CANDIDATES_MAX: Final = (3, 3, 3, 3, 12)
"""Cells of a level that keep more candidates than this are split, with a little more patience far from the line.
The finest cells are for crowds only: they save little work, and their tables cost memory that the cache wants.
"""
PATIENCE_M: Final = 4_000.0
CROWD: Final = 40
OUTSIDE: Final = -1
FAR: Final = 255
ONE: Final = 254
MANY: Final = 0
_COARSEST_M: Final = ROOT_M * SPLIT**ROOT_LEVEL
_EARTH_M: Final = 6_371_000.0
_MARGIN_M: Final = 1e-6
"""Dominance must be clear by this much, and cells are padded by it, so that rounding decides nothing."""
_DIAGONAL: Final = 1.4143
_PAIRS: Final = 16_384
"""Pairs at a time: what is made of them stays in the processor's cache."""


class Extent(NamedTuple):
    """The rectangle of the plane that the raster covers, metres."""

    west: float
    south: float
    east: float
    north: float


class GridIndex(NamedTuple):
    """Root cells in a raster, each with its own table of leaves, each leaf with its candidate pieces.

    A place (x, y) is in root cell `(y - south) // ROOT_M * columns + (x - west) // ROOT_M`. `table_begin[root]`
    is where its table begins in `leaf_of` (-1: outside), `table_side[root]` how many leaves it has on a side (whole
    numbers, but float64: they are reckoned with places). The candidates of leaf i are
    `candidate[leaf_begin[i] : leaf_begin[i] + leaf_count[i]]`, ascending. `leaf_rank[i]`: leaves with more
    candidates rank before those with fewer (`MANY` = so many or more, ..., `ONE`), far leaves (`FAR`) last; all
    places of a far leaf are farther than `far_m` from the line.
    """

    west: float
    south: float
    columns: int
    table_begin: Reals
    table_side: Reals
    leaf_of: NDArray[np.int32]
    leaf_begin: Indices
    leaf_count: Indices
    candidate: NDArray[np.int32]
    leaf_rank: NDArray[np.uint8]


class _Cells(NamedTuple):
    """Cells of one level (column and row from the south-west) with their candidates: pairs ordered by both.

    `inherited`: how many candidates the cell had from its parent before it dropped any; `least_m`: no place of
    the cell is nearer to the line; `alike_m`: distances that differ by less may be ordered otherwise by geodesics.
    """

    level: int
    column: Indices
    row: Indices
    inherited: Indices
    pair_cell: Indices
    pair_piece: Indices
    least_m: Reals
    alike_m: Reals

    @property
    def size_m(self) -> float:
        return _COARSEST_M / float(SPLIT**self.level)


class _Builder:
    """What all levels share while an index is built."""

    def __init__(self, pieces: Segments, reach_m: float, far_m: float, series: FrameSeries) -> None:
        self.x0, self.y0 = pieces.x0, pieces.y0
        self.dx, self.dy = pieces.x1 - pieces.x0, pieces.y1 - pieces.y0
        self.inverse_length2 = 1.0 / (self.dx * self.dx + self.dy * self.dy)
        self.follows = np.zeros(len(pieces), dtype=bool)
        self.follows[1:] = (pieces.x0[1:] == pieces.x1[:-1]) & (pieces.y0[1:] == pieces.y1[:-1])
        self.length_m = np.sqrt(self.dx * self.dx + self.dy * self.dy)
        self.reach_m, self.far_m, self.series, self.extent = reach_m, far_m, series, Extent(*series.extent())

    def leaves(self) -> list[_Cells]:
        """The leaves of each level: cells with few candidates, or as small as cells may be."""
        levels: list[_Cells] = []
        cells = self._pruned(self._coarsest())
        while True:
            per_cell = np.bincount(cells.pair_cell, minlength=len(cells.column))
            if cells.level == len(CANDIDATES_MAX):
                levels.append(cells)
                return levels
            is_leaf = per_cell <= CANDIDATES_MAX[cells.level] + np.maximum(cells.least_m, 0.0) / PATIENCE_M
            is_leaf |= cells.size_m <= 4.0 * cells.alike_m
            is_leaf |= (cells.least_m > self.far_m) & ((per_cell <= CROWD) | (cells.level >= ROOT_LEVEL))
            if cells.level > ROOT_LEVEL:
                # Where very many pieces are equally near (the middle of a round bay), splitting helps nobody.
                is_leaf |= (per_cell > CROWD) & (per_cell > 0.7 * cells.inherited)
            levels.append(_only(cells, is_leaf))
            if is_leaf.all():
                return levels
            cells = self._pruned(_split(_only(cells, ~is_leaf)))

    def _coarsest(self) -> _Cells:
        """The cells of level 0, each with the pieces that its distance from the line leaves possible."""
        extent = self.extent
        columns = int((extent.east - extent.west) // _COARSEST_M) + 1
        rows = int((extent.north - extent.south) // _COARSEST_M) + 1
        column, row = (grid.ravel() for grid in np.meshgrid(np.arange(columns), np.arange(rows)))
        kept: list[Indices] = []
        for cell_column, cell_row in zip(column.tolist(), row.tolist(), strict=True):
            x = extent.west + (cell_column + 0.5) * _COARSEST_M
            y = extent.south + (cell_row + 0.5) * _COARSEST_M
            square, _ = _square_and_along(x - self.x0, y - self.y0, self.dx, self.dy, self.inverse_length2)
            distance = np.sqrt(square)
            half_diagonal = _DIAGONAL * _COARSEST_M / 2.0
            farthest = distance.min() + half_diagonal
            slope = self._scale_slope(np.array([x]), np.array([y]), farthest)[0]
            kept.append(np.flatnonzero(distance <= farthest * _stretch(slope, farthest) + half_diagonal))
        pair_cell = np.repeat(np.arange(len(column)), [len(pieces) for pieces in kept])
        none = np.zeros(len(column))
        return _Cells(0, column, row, np.bincount(pair_cell), pair_cell, np.concatenate(kept), none, none)

    def _scale_slope(self, x: Any, y: Any, distance_m: Any) -> Reals:
        """No gradient of the logarithm of the scale is steeper within `distance_m` of the places, per metre."""
        at_middle = np.hypot(*self.series.scale_slope(x, y))
        return np.asarray(1.05 * at_middle + 1.1 * distance_m / _EARTH_M**2)

    def _pruned(self, cells: _Cells) -> _Cells:
        """The cells within reach, each with those candidates that can be nearest somewhere in it."""
        end_pair = np.cumsum(np.bincount(cells.pair_cell, minlength=len(cells.column)))
        is_dropped = np.empty(len(cells.pair_cell), dtype=bool)
        least_m, alike_m = np.empty(len(cells.column)), np.empty(len(cells.column))
        begin, begin_pair = 0, 0
        while begin < len(cells.column):
            end = max(int(np.searchsorted(end_pair, begin_pair + _PAIRS, side="right")), begin + 1)
            at, pairs = slice(begin, end), slice(begin_pair, int(end_pair[end - 1]))
            is_dropped[pairs], least_m[at], alike_m[at] = self._pruning(
                cells.size_m,
                cells.column[at],
                cells.row[at],
                cells.pair_cell[pairs] - begin,
                cells.pair_piece[pairs],
            )
            begin, begin_pair = end, pairs.stop
        kept = cells._replace(
            pair_cell=cells.pair_cell[~is_dropped],
            pair_piece=cells.pair_piece[~is_dropped],
            least_m=least_m,
            alike_m=alike_m,
        )
        return _only(kept, least_m <= self.reach_m)

    def _pruning(
        self, size_m: float, column: Indices, row: Indices, cell: Indices, piece: Indices
    ) -> tuple[NDArray[np.bool_], Reals, Reals]:
        """Of some cells of one level: which of their pairs are dropped; their `least_m` and `alike_m`."""
        first_pair = np.flatnonzero(np.diff(cell, prepend=-1))
        half = size_m / 2.0
        pad = half + _MARGIN_M
        middle_x = self.extent.west + column * size_m + half
        middle_y = self.extent.south + row * size_m + half
        probe_x = [middle_x - pad, middle_x + pad, middle_x - pad, middle_x + pad, middle_x]
        probe_y = [middle_y - pad, middle_y - pad, middle_y + pad, middle_y + pad, middle_y]
        x0, y0, dx, dy = self.x0[piece], self.y0[piece], self.dx[piece], self.dy[piece]
        inverse = self.inverse_length2[piece]
        clear2, along, pivots, least = [], [], [], np.zeros(0)
        for x, y in zip(probe_x, probe_y, strict=True):
            square, t = _square_and_along(x[cell] - x0, y[cell] - y0, dx, dy, inverse)
            least = np.minimum.reduceat(square, first_pair)
            nearest = np.zeros(len(column), dtype=np.int64)
            is_least = np.flatnonzero(square == least[cell])[::-1]
            nearest[cell[is_least]] = is_least
            pivot_t = np.clip(t[nearest], 0.0, 1.0)
            pivots.append((x0[nearest] + pivot_t * dx[nearest], y0[nearest] + pivot_t * dy[nearest]))
            clear2.append(np.square(np.maximum(np.sqrt(square) - _MARGIN_M, 0.0)))
            along.append(t)
        half_diagonal = _DIAGONAL * pad
        farthest_m = np.sqrt(least) + half_diagonal
        slope = self._scale_slope(middle_x, middle_y, farthest_m)
        stretch = _stretch(slope, farthest_m)
        # A geodesic is bent in the plane: its foot may be aside of the straight one by as much.
        bend_m = 0.6 * slope * farthest_m * farthest_m
        is_dropped = self._shares_vertex(cell, piece, along[:4], bend_m[cell])
        # The middle's pivot drops most; each is tried on what is left.
        for pivot_x, pivot_y in reversed(pivots):
            pair = np.flatnonzero(~is_dropped)
            for k in range(4):
                to_pivot2 = np.square(probe_x[k] - pivot_x) + np.square(probe_y[k] - pivot_y)
                to_pivot2 *= stretch * stretch
                pair = pair[to_pivot2[cell[pair]] < clear2[k][pair]]
            is_dropped[pair] = True
        # Between ways as alike as `alike_m` no splitting decides.
        return is_dropped, np.sqrt(least) - half_diagonal, farthest_m * (stretch - 1.0)

    def _shares_vertex(
        self, cell: Indices, piece: Indices, along: list[Reals], bend_m: Reals
    ) -> NDArray[np.bool_]:
        """Pairs whose piece is nowhere nearer than its neighbour in the cell: only their shared vertex counts.

        Of two pieces that both offer that vertex only, the second is dropped.
        """
        clear = (bend_m + _MARGIN_M) / self.length_m[piece]
        starts = np.logical_and.reduce([t <= -clear for t in along])
        ends = np.logical_and.reduce([t >= 1.0 + clear for t in along])
        follows = np.zeros(len(cell), dtype=bool)
        follows[1:] = (cell[1:] == cell[:-1]) & (piece[1:] == piece[:-1] + 1)
        follows &= self.follows[piece]
        dropped: NDArray[np.bool_] = starts & follows
        dropped[:-1] |= ends[:-1] & follows[1:] & ~starts[1:]
        return dropped


def _square_and_along(
    off_x: Reals, off_y: Reals, dx: Reals, dy: Reals, inverse: Reals
) -> tuple[Reals, Reals]:
    """Squared distances of places from pieces, by the ways to them from the pieces' starts, which are written over;
    and where on the pieces' straight lines the feet are (0 start, 1 end)."""
    t = off_x * dx
    t += off_y * dy
    t *= inverse
    inside = np.clip(t, 0.0, 1.0)
    off_x -= inside * dx
    off_y -= inside * dy
    off_x *= off_x
    off_y *= off_y
    off_x += off_y
    return off_x, t


def build_grid_index(pieces: Segments, reach_m: float, far_m: float, series: FrameSeries) -> GridIndex:
    """The index over the box of `series`, in which all cells answer that come within `reach_m` of the line."""
    builder = _Builder(pieces, reach_m, far_m, series)
    extent = builder.extent
    columns = int((extent.east - extent.west) // ROOT_M) + 1
    rows = int((extent.north - extent.south) // ROOT_M) + 1
    return _assemble(builder.leaves(), far_m, extent, columns, rows)


def _stretch(scale_slope: Any, distance_m: Any) -> Any:
    """By which factor the mean scales of two ways of `distance_m` from one place may differ, and more."""
    return 1.0 + 1.1 * scale_slope * distance_m + 0.1 * (distance_m / _EARTH_M) ** 2


def _split(cells: _Cells) -> _Cells:
    """Each cell as SPLIT x SPLIT cells, which inherit its candidates."""
    count, fold = len(cells.column), SPLIT * SPLIT
    parent = np.repeat(np.arange(count), fold)
    per_cell = np.bincount(cells.pair_cell, minlength=count)
    inherits = per_cell[parent]
    pair_cell = np.repeat(np.arange(len(parent)), inherits)
    rank = np.arange(len(pair_cell)) - np.repeat(np.cumsum(inherits) - inherits, inherits)
    first_pair = np.cumsum(per_cell) - per_cell
    return _Cells(
        level=cells.level + 1,
        column=cells.column[parent] * SPLIT + np.tile(np.arange(fold) % SPLIT, count),
        row=cells.row[parent] * SPLIT + np.tile(np.arange(fold) // SPLIT, count),
        inherited=inherits,
        pair_cell=pair_cell,
        pair_piece=cells.pair_piece[first_pair[parent][pair_cell] + rank],
        least_m=cells.least_m[parent],
        alike_m=cells.alike_m[parent],
    )


def _only(cells: _Cells, is_kept: NDArray[np.bool_]) -> _Cells:
    renumbered = np.cumsum(is_kept) - 1
    pair = is_kept[cells.pair_cell]
    return _Cells(
        level=cells.level,
        column=cells.column[is_kept],
        row=cells.row[is_kept],
        inherited=cells.inherited[is_kept],
        pair_cell=renumbered[cells.pair_cell[pair]],
        pair_piece=cells.pair_piece[pair],
        least_m=cells.least_m[is_kept],
        alike_m=cells.alike_m[is_kept],
    )


def _assemble(levels: list[_Cells], far_m: float, extent: Extent, columns: int, rows: int) -> GridIndex:
    """The raster of root cells over leaves of all levels."""
    finest = np.full((rows, columns), ROOT_LEVEL - 1, dtype=np.int64)
    for cells in levels:
        for _, root_row, root_column, _, _ in _in_roots(cells, rows, columns):
            finest[root_row, root_column] = np.maximum(
                finest[root_row, root_column], max(cells.level, ROOT_LEVEL)
            )
    is_inside = finest >= ROOT_LEVEL
    side = np.where(is_inside, SPLIT ** np.maximum(finest - ROOT_LEVEL, 0), 0)
    area = (side * side).ravel()
    table_begin = np.where(is_inside, (np.cumsum(area) - area).reshape(rows, columns), OUTSIDE)
    leaf_of = np.zeros(int(area.sum()), dtype=np.int32)
    first_leaf = 0
    for cells in levels:
        for which, root_row, root_column, row, column in _in_roots(cells, rows, columns):
            # A leaf above its root's finest level fills a square of that root's table.
            spread = SPLIT ** (finest[root_row, root_column] - max(cells.level, ROOT_LEVEL))
            for width in np.unique(spread).tolist():
                at = spread == width
                begin, root_side = (
                    table_begin[root_row[at], root_column[at]],
                    side[root_row[at], root_column[at]],
                )
                for fine_row in range(width):
                    for fine_column in range(width):
                        inside = (row[at] * width + fine_row) * root_side + column[at] * width + fine_column
                        leaf_of[begin + inside] = first_leaf + which[at]
        first_leaf += len(cells.column)
    counts = [np.bincount(cells.pair_cell, minlength=len(cells.column)) for cells in levels]
    leaf_count = np.concatenate(counts).astype(np.int64)
    least_m = np.concatenate([cells.least_m for cells in levels])
    return GridIndex(
        west=extent.west,
        south=extent.south,
        columns=columns,
        table_begin=table_begin.ravel().astype(np.float64),
        table_side=side.ravel().astype(np.float64),
        leaf_of=leaf_of,
        leaf_begin=np.cumsum(leaf_count) - leaf_count,
        leaf_count=leaf_count,
        candidate=np.concatenate([cells.pair_piece for cells in levels]).astype(np.int32),
        leaf_rank=np.where(least_m > far_m, FAR, ONE + 1 - np.minimum(leaf_count, ONE + 1)).astype(np.uint8),
    )


def _in_roots(
    cells: _Cells, rows: int, columns: int
) -> list[tuple[Indices, Indices, Indices, Indices, Indices]]:
    """Which root cells the cells are in, or cover: (cell, root row, root column, row and column inside)."""
    cell = np.arange(len(cells.column))
    if cells.level >= ROOT_LEVEL:
        fine = SPLIT ** (cells.level - ROOT_LEVEL)
        return [(cell, cells.row // fine, cells.column // fine, cells.row % fine, cells.column % fine)]
    wide = SPLIT ** (ROOT_LEVEL - cells.level)
    covered = []
    for root_row in range(wide):
        for root_column in range(wide):
            row, column = cells.row * wide + root_row, cells.column * wide + root_column
            kept = (row < rows) & (column < columns)
            none = np.zeros(int(kept.sum()), dtype=np.int64)
            covered.append((cell[kept], row[kept], column[kept], none, none))
    return covered
