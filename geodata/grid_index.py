"""A grid over the surroundings of a line that knows, for each cell, which pieces can be the nearest one.

Built from coarse to fine: a cell hands its candidates to the cells it is split into, and each drops those
that cannot be nearest to any of its places. The proof of dropping is *pivot dominance*: for a place q of
the line and a piece s, the places at least as near to q as to s form a convex set (an intersection of
half-planes, one for each place of s), so if all four corners of a cell are nearer to q than to s, every
place of the cell is, and s is never the nearest. Pivots are the places of the line nearest to the four
corners and to the centre. A piece is also dropped for its neighbour where all corners project onto the
vertex that both share.
"""

from typing import Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

from geodata.segments import Segments

Reals = NDArray[np.float64]
Indices = NDArray[np.int64]

ROOT_M: Final = 4_096.0
COARSEST_M: Final = 65_536.0
SPLIT: Final = 4
DEPTH_MAX: Final = 3
"""Root cells are split 4 x 4 at most three times, down to 64 m."""
CANDIDATES_MAX: Final = 4
"""Cells that keep more candidates than this are split further while they may be."""
OUTSIDE: Final = -1
_MARGIN_M: Final = 1e-6
"""Dominance must be clear by this much, and cells are padded by it, so that rounding decides nothing."""


class GridIndex(NamedTuple):
    """Root cells in a raster, each with its own table of leaves, each leaf with its candidate pieces.

    A place (x, y) is in root cell `(y - south) / ROOT_M * columns + (x - west) / ROOT_M`.
    `table_begin[root]` is where its table begins in `leaf_of` (-1: outside), `table_side[root]` how many
    leaves it has on a side. The candidates of leaf i are `candidate[leaf_begin[i] : leaf_begin[i] +
    leaf_count[i]]`, ascending.
    """

    west: float
    south: float
    columns: int
    rows: int
    table_begin: Indices
    table_side: Indices
    leaf_of: NDArray[np.int32]
    leaf_begin: Indices
    leaf_count: Indices
    candidate: Indices


class _Cells(NamedTuple):
    """Cells of one size with their candidates: pairs (cell, piece), ordered by both."""

    x: Reals
    y: Reals
    size_m: float
    root: Indices
    column: Indices
    row: Indices
    pair_cell: Indices
    pair_piece: Indices


def build_grid_index(pieces: Segments, reach_m: float) -> GridIndex:
    """The index of all cells that come within `reach_m` of the line."""
    west = float(min(pieces.x0.min(), pieces.x1.min())) - reach_m - ROOT_M
    south = float(min(pieces.y0.min(), pieces.y1.min())) - reach_m - ROOT_M
    width = float(max(pieces.x0.max(), pieces.x1.max())) + reach_m - west
    height = float(max(pieces.y0.max(), pieces.y1.max())) + reach_m - south
    cells = _coarsest(pieces, reach_m, west, south, width, height)
    while cells.size_m > ROOT_M:
        cells = _pruned(pieces, _split(cells, 4), reach_m)
    columns, rows = int(width // ROOT_M) + 2, int(height // ROOT_M) + 2
    cells = cells._replace(
        root=np.round((cells.y - south) / ROOT_M).astype(np.int64) * columns
        + np.round((cells.x - west) / ROOT_M).astype(np.int64),
        column=np.zeros(len(cells.x), dtype=np.int64),
        row=np.zeros(len(cells.x), dtype=np.int64),
    )
    return _assemble(_leaves(pieces, cells), west, south, columns, rows)


def _coarsest(
    pieces: Segments, reach_m: float, west: float, south: float, width: float, height: float
) -> _Cells:
    columns, rows = int(width // COARSEST_M) + 1, int(height // COARSEST_M) + 1
    column, row = (grid.ravel() for grid in np.meshgrid(np.arange(columns), np.arange(rows)))
    x, y = west + column * COARSEST_M, south + row * COARSEST_M
    # Pieces farther from the centre than the nearest one plus a diagonal are out; the bound uses their ends.
    kept: list[Indices] = []
    for cx, cy in zip(x + COARSEST_M / 2, y + COARSEST_M / 2, strict=True):
        distance = _distance(pieces, slice(None), cx, cy)[0]
        kept.append(np.flatnonzero(distance <= distance.min() + 1.4143 * COARSEST_M))
    pair_cell = np.repeat(np.arange(len(x)), [len(k) for k in kept])
    none = np.zeros(len(x), dtype=np.int64)
    cells = _Cells(x, y, COARSEST_M, none, none, none, pair_cell, np.concatenate(kept))
    return _pruned(pieces, cells, reach_m)


def _split(cells: _Cells, split: int) -> _Cells:
    """Each cell as split x split cells, which inherit its candidates."""
    size_m, count = cells.size_m / split, len(cells.x)
    parent = np.repeat(np.arange(count), split * split)
    column, row = (
        np.tile(np.arange(split * split) % split, count),
        np.tile(np.arange(split * split) // split, count),
    )
    per_cell = np.bincount(cells.pair_cell, minlength=count)
    begin = np.cumsum(per_cell) - per_cell
    inherits = per_cell[parent]
    pair_cell = np.repeat(np.arange(len(parent)), inherits)
    rank = np.arange(len(pair_cell)) - np.repeat(np.cumsum(inherits) - inherits, inherits)
    return _Cells(
        x=cells.x[parent] + column * size_m,
        y=cells.y[parent] + row * size_m,
        size_m=size_m,
        root=cells.root[parent],
        column=cells.column[parent] * split + column,
        row=cells.row[parent] * split + row,
        pair_cell=pair_cell,
        pair_piece=cells.pair_piece[begin[parent][pair_cell] + rank],
    )


def _pruned(pieces: Segments, cells: _Cells, reach_m: float = np.inf) -> _Cells:
    """The cells within reach, each with those candidates that can be nearest somewhere in it."""
    cell, piece = cells.pair_cell, cells.pair_piece
    begin = np.flatnonzero(np.diff(cell, prepend=-1))
    half, pad = cells.size_m / 2.0, cells.size_m / 2.0 + _MARGIN_M
    probes = [(-pad, -pad), (pad, -pad), (-pad, pad), (pad, pad), (0.0, 0.0)]
    probe_x = [cells.x + half + dx for dx, _ in probes]
    probe_y = [cells.y + half + dy for _, dy in probes]
    distance, along, pivot_x, pivot_y = [], [], [], []
    for px, py in zip(probe_x, probe_y, strict=True):
        d, t = _distance(pieces, piece, px[cell], py[cell])
        is_least = d == np.minimum.reduceat(d, begin)[cell]
        first = np.flatnonzero(is_least)[::-1]
        best, best_t = np.zeros(len(cells.x), dtype=np.int64), np.zeros(len(cells.x))
        best[cell[first]], best_t[cell[first]] = piece[first], np.clip(t[first], 0.0, 1.0)
        distance.append(d)
        along.append(t)
        pivot_x.append(pieces.x0[best] + best_t * (pieces.x1 - pieces.x0)[best])
        pivot_y.append(pieces.y0[best] + best_t * (pieces.y1 - pieces.y0)[best])
    is_dropped = np.zeros(len(cell), dtype=bool)
    for qx, qy in zip(pivot_x, pivot_y, strict=True):
        is_dominated = np.ones(len(cell), dtype=bool)
        for k in range(4):
            to_pivot = np.hypot(probe_x[k] - qx, probe_y[k] - qy)
            is_dominated &= to_pivot[cell] + _MARGIN_M < distance[k]
        is_dropped |= is_dominated
    is_dropped |= _shares_vertex(pieces, cell, piece, along[:4])
    is_near = np.minimum.reduceat(distance[4], begin) <= reach_m + 1.4143 * half
    is_kept = ~is_dropped & is_near[cell]
    renumbered = np.cumsum(is_near) - 1
    return cells._replace(
        x=cells.x[is_near],
        y=cells.y[is_near],
        root=cells.root[is_near],
        column=cells.column[is_near],
        row=cells.row[is_near],
        pair_cell=renumbered[cell[is_kept]],
        pair_piece=piece[is_kept],
    )


def _shares_vertex(pieces: Segments, cell: Indices, piece: Indices, along: list[Reals]) -> NDArray[np.bool_]:
    """Pairs whose piece is nowhere nearer than its neighbour in the cell: only their shared vertex counts.

    Of two pieces that both offer that vertex only, the second is dropped.
    """
    starts = np.logical_and.reduce([t <= -1e-9 for t in along])
    ends = np.logical_and.reduce([t >= 1.0 + 1e-9 for t in along])
    follows = np.zeros(len(cell), dtype=bool)
    follows[1:] = (cell[1:] == cell[:-1]) & (piece[1:] == piece[:-1] + 1)
    follows &= (
        (piece > 0) & (pieces.x0[piece] == pieces.x1[piece - 1]) & (pieces.y0[piece] == pieces.y1[piece - 1])
    )
    dropped = starts & follows
    dropped[:-1] |= ends[:-1] & follows[1:] & ~starts[1:]
    return dropped


def _distance(pieces: Segments, piece: Indices | slice, x: Reals, y: Reals) -> tuple[Reals, Reals]:
    """Distance from (x, y) to pieces, and where on their straight lines the foot is (0 = start, 1 = end)."""
    x0, y0 = pieces.x0[piece], pieces.y0[piece]
    dx, dy = pieces.x1[piece] - x0, pieces.y1[piece] - y0
    t = ((x - x0) * dx + (y - y0) * dy) / (dx * dx + dy * dy)
    inside = np.clip(t, 0.0, 1.0)
    return np.hypot(x - x0 - inside * dx, y - y0 - inside * dy), t


def _leaves(pieces: Segments, roots: _Cells) -> list[_Cells]:
    """Leaves by their depth: cells with few candidates, or as small as cells may be."""
    levels: list[_Cells] = []
    cells = roots
    for depth in range(DEPTH_MAX + 1):
        per_cell = np.bincount(cells.pair_cell, minlength=len(cells.x))
        is_leaf = (per_cell <= CANDIDATES_MAX) | (depth == DEPTH_MAX)
        levels.append(_only(cells, is_leaf))
        if is_leaf.all():
            break
        cells = _pruned(pieces, _split(_only(cells, ~is_leaf), SPLIT))
    return levels


def _only(cells: _Cells, is_kept: NDArray[np.bool_]) -> _Cells:
    renumbered = np.cumsum(is_kept) - 1
    pair = is_kept[cells.pair_cell]
    return cells._replace(
        x=cells.x[is_kept],
        y=cells.y[is_kept],
        root=cells.root[is_kept],
        column=cells.column[is_kept],
        row=cells.row[is_kept],
        pair_cell=renumbered[cells.pair_cell[pair]],
        pair_piece=cells.pair_piece[pair],
    )


def _assemble(levels: list[_Cells], west: float, south: float, columns: int, rows: int) -> GridIndex:
    root_depth = np.full(columns * rows, -1, dtype=np.int64)
    for depth, cells in enumerate(levels):
        root_depth[cells.root] = np.maximum(root_depth[cells.root], depth)
    is_inside = root_depth >= 0
    side = np.where(is_inside, SPLIT ** np.maximum(root_depth, 0), 0)
    area = side * side
    table_begin = np.where(is_inside, np.cumsum(area) - area, OUTSIDE)
    leaf_of = np.zeros(int(area.sum()), dtype=np.int32)
    first_leaf = 0
    for depth, cells in enumerate(levels):
        leaf = first_leaf + np.arange(len(cells.x))
        first_leaf += len(cells.x)
        # A leaf above its root's finest level fills a square of that root's table.
        spread = SPLIT ** (root_depth[cells.root] - depth)
        for width in np.unique(spread):
            of_width = np.flatnonzero(spread == width)
            fine_column, fine_row = (grid.ravel() for grid in np.meshgrid(np.arange(width), np.arange(width)))
            row = cells.row[of_width, None] * width + fine_row
            column = cells.column[of_width, None] * width + fine_column
            root = cells.root[of_width, None]
            leaf_of[table_begin[root] + row * side[root] + column] = leaf[of_width, None]
    counts = [np.bincount(cells.pair_cell, minlength=len(cells.x)) for cells in levels]
    leaf_count = np.concatenate(counts).astype(np.int64)
    return GridIndex(
        west=west,
        south=south,
        columns=columns,
        rows=rows,
        table_begin=table_begin,
        table_side=side,
        leaf_of=leaf_of,
        leaf_begin=np.cumsum(leaf_count) - leaf_count,
        leaf_count=leaf_count,
        candidate=np.concatenate([cells.pair_piece for cells in levels]),
    )
