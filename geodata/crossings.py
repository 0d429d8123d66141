"""Where the steps of tracks cross the line: every strict change of side, exactly, in order.

A step is straight in lon/lat between two fixes, an edge is straight in lon/lat between two vertices, and
whether they cross is decided exactly (`geodata.orientation`). A crossing is a strict change between the two
sides: a touch is none, running along the line is none until the track leaves it on the other side, and a fix
exactly on the line counts for the step that leaves the line, once, or not at all. Which side a track came
from when it stopped on the line is handed from step to step as its *pending side*.
"""

from typing import TYPE_CHECKING, NamedTuple

import numpy as np
import shapely
from numpy.typing import ArrayLike, NDArray

from geodata.compilation import HAS_NUMBA
from geodata.compiled_crossings import plain_crossings
from geodata.contacts import Contact, contacts_of_step
from geodata.orientation import orient
from geodata.projection import wrap_deg

if TYPE_CHECKING:
    from geodata.contact_line import ContactLine

Reals = NDArray[np.float64]
Indices = NDArray[np.int64]

A_TO_B = 1
B_TO_A = -1

_BLOCK = 8_192
"""Steps at a time: what is made of them stays in the processor's cache."""


class StepCrossings(NamedTuple):
    """Crossings, arrays of shape (c,), ordered by (`step_idx`, `fraction`), and one array over the steps.

    `fraction`: where on the step, 0 to 1; `lon`, `lat`: the place, degrees; `chainage_m`: along the line;
    `direction`: +1 = A>B, -1 = B>A; `line_edge`: 0-based edge of the line (see `ContactLine`); `line_part`: its
    part.
    `pending_side`, shape (n steps,): the side (+1 A, -1 B, 0 unknown) from which a track came that ends its
    step exactly on the line; 0 for every other step. Hand it to the track's next step as `pending_before`.
    """

    step_idx: Indices
    fraction: Reals
    lon: Reals
    lat: Reals
    chainage_m: Reals
    direction: NDArray[np.int8]
    line_edge: NDArray[np.int32]
    line_part: NDArray[np.int16]
    pending_side: NDArray[np.int8]


def step_crossings(
    line: "ContactLine",
    lon0: ArrayLike,
    lat0: ArrayLike,
    lon1: ArrayLike,
    lat1: ArrayLike,
    *,
    continues: ArrayLike | None = None,
    pending_before: ArrayLike | None = None,
    compiled: bool | None = None,
) -> StepCrossings:
    """Every crossing of every step from (`lon0`, `lat0`) to (`lon1`, `lat1`), degrees, shape (n,).

    `continues[i]`: step i begins where step i - 1 ended, on the same track (default: whenever the places are
    equal). `pending_before[i]`: for a step that continues none in this call, the pending side of its track
    from an earlier call (default 0). Steps with a fix that is no place have no crossings. `compiled`: whether by
    the compiled loop (default: where numba is installed).

    >>> from geodata.contact_line import ContactLine, LineDraft
    >>> line = ContactLine.from_draft(LineDraft(((37.0, 48.0), (37.0, 49.0)), "northwards"))
    >>> found = step_crossings(line, [36.9, 37.1], [48.5, 48.5], [37.1, 37.2], [48.5, 48.5])
    >>> found.step_idx, found.direction, found.fraction.round(6)
    (array([0]), array([1], dtype=int8), array([0.5]))

    A touch is none; a step that ends on the line leaves its crossing to the step that goes on:

    >>> touch = step_crossings(line, [36.9, 37.0], [48.5, 48.5], [37.0, 36.9], [48.5, 48.6])
    >>> through = step_crossings(line, [36.9, 37.0], [48.5, 48.5], [37.0, 37.1], [48.5, 48.6])
    >>> touch.step_idx, through.step_idx, through.fraction
    (array([], dtype=int64), array([1]), array([0.]))
    """
    ends = _Ends(line, *(np.atleast_1d(np.asarray(v, dtype=np.float64)) for v in (lon0, lat0, lon1, lat1)))
    if HAS_NUMBA if compiled is None else compiled:
        plain = plain_crossings(line.edges_compiled, *ends.raw)
        possible = plain.left
    else:
        plain, possible = None, _possible_steps(ends)
    steps = ends.at(possible)
    which, edge = _overlapping_pairs(line, steps)
    crossing, crossing_edge, fraction, sign, odd_which = _proper_crossings(line, steps, which, edge)
    begin, end = np.searchsorted(which, odd_which, "left"), np.searchsorted(which, odd_which, "right")
    edges_of = {int(possible[k]): edge[i:j] for k, i, j in zip(odd_which, begin, end, strict=True)}
    odd = _odd_crossings(ends, edges_of, continues, pending_before)
    crossing_step = np.concatenate([possible[crossing], odd.step])
    crossing_edge, fraction = (
        np.concatenate([crossing_edge, odd.edge]),
        np.concatenate([fraction, odd.fraction]),
    )
    sign = np.concatenate([sign, odd.sign])
    if plain is not None:
        crossing_step = np.concatenate([plain.step, crossing_step])
        crossing_edge = np.concatenate([plain.edge, crossing_edge])
        fraction, sign = np.concatenate([plain.fraction, fraction]), np.concatenate([plain.sign, sign])
    order = np.lexsort((fraction, crossing_step))
    crossing_step, fraction = crossing_step[order], fraction[order]
    crossing_edge, sign = crossing_edge[order], sign[order]
    at = ends.at(crossing_step)
    lon = at[:, 0] + fraction * (at[:, 2] - at[:, 0])
    lat = at[:, 1] + fraction * (at[:, 3] - at[:, 1])
    chainage_m, part = line.chainage_on_edge(crossing_edge, lon, lat)
    return StepCrossings(
        step_idx=crossing_step,
        fraction=fraction,
        lon=wrap_deg(lon),
        lat=lat,
        chainage_m=chainage_m,
        direction=sign.astype(np.int8),
        line_edge=crossing_edge.astype(np.int32),
        line_part=part,
        pending_side=odd.pending_side,
    )


class _Ends:
    """The ends of n steps as they were given, and brought onto the line's own turn of the globe."""

    def __init__(self, line: "ContactLine", lon0: Reals, lat0: Reals, lon1: Reals, lat1: Reals) -> None:
        self.line, self.raw = line, (lon0, lat0, lon1, lat1)

    def __len__(self) -> int:
        return len(self.raw[0])

    def at(self, idx: Indices | slice) -> Reals:
        """Columns lon0, lat0, lon1, lat1 of some steps, longitudes continuous, shape (m, 4)."""
        lon0, lat0, lon1, lat1 = (column[idx] for column in self.raw)
        p_lon, q_lon = self.line.continuous(lon0), self.line.continuous(lon1)
        # A step goes the short way round the globe, whatever turn its ends are written on.
        with np.errstate(invalid="ignore"):
            q_lon = q_lon + 360.0 * np.round((p_lon - q_lon) / 360.0)
        return np.stack([p_lon, lat0, q_lon, lat1], axis=1)

    def are_places(self, at: slice) -> NDArray[np.bool_]:
        """Which steps have places at both ends: as in `Locator`, within 360 degrees of longitude, 90 of latitude."""
        lon0, lat0, lon1, lat1 = (np.abs(column[at]) for column in self.raw)
        return np.asarray((lon0 <= 360.0) & (lon1 <= 360.0) & (lat0 <= 90.0) & (lat1 <= 90.0))

    def standing(self) -> Indices:
        """Positions of the steps that have no length."""
        level = np.flatnonzero(self.raw[1] == self.raw[3])
        steps = self.at(level)
        stands: Indices = level[steps[:, 0] == steps[:, 2]]
        return stands


def _possible_steps(ends: _Ends) -> Indices:
    """Positions of the steps that may reach the line, ascending."""
    raster, found = ends.line.edge_raster, [np.zeros(0, dtype=np.int64)]
    for begin in range(0, len(ends), _BLOCK):
        at = slice(begin, begin + _BLOCK)
        here = begin + np.flatnonzero(ends.are_places(at))
        p_lon, p_lat, q_lon, q_lat = ends.at(here).T
        is_possible = (p_lon != q_lon) | (p_lat != q_lat)
        is_possible &= raster.may_meet(p_lon, p_lat, q_lon, q_lat)
        found.append(here[is_possible])
    return np.concatenate(found)


def _overlapping_pairs(line: "ContactLine", steps: Reals) -> tuple[Indices, Indices]:
    """Pairs of a step and an edge whose boxes overlap, ordered by step, then edge."""
    boxes = shapely.box(
        np.minimum(steps[:, 0], steps[:, 2]),
        np.minimum(steps[:, 1], steps[:, 3]),
        np.maximum(steps[:, 0], steps[:, 2]),
        np.maximum(steps[:, 1], steps[:, 3]),
    )
    which, edge = line.edge_tree.query(boxes)
    order = np.lexsort((edge, which))
    return which[order], line.edges_with_length[edge[order]]


def _proper_crossings(
    line: "ContactLine", steps: Reals, step: Indices, edge: Indices
) -> tuple[Indices, Indices, Reals, NDArray[np.int8], Indices]:
    """Crossings inside a step and inside an edge; and the steps that touch a vertex or the line with a fix.

    Returns step, edge, fraction, sign (+1 = A>B) of the crossings of all other steps, and the
    positions of the steps left over.
    """
    lon, lat = line.lon_continuous, line.lat
    p_lon, p_lat, q_lon, q_lat = steps[step].T
    a_lon, a_lat, b_lon, b_lat = lon[edge], lat[edge], lon[edge + 1], lat[edge + 1]
    a_side = orient(p_lon, p_lat, q_lon, q_lat, a_lon, a_lat)
    b_side = orient(p_lon, p_lat, q_lon, q_lat, b_lon, b_lat)
    may = a_side * b_side <= 0
    step, edge, a_side, b_side = step[may], edge[may], a_side[may], b_side[may]
    p_lon, p_lat, q_lon, q_lat = steps[step].T
    a_lon, a_lat, b_lon, b_lat = lon[edge], lat[edge], lon[edge + 1], lat[edge + 1]
    p_side = orient(a_lon, a_lat, b_lon, b_lat, p_lon, p_lat)
    q_side = orient(a_lon, a_lat, b_lon, b_lat, q_lon, q_lat)
    meets = p_side * q_side <= 0
    is_proper = (p_side * q_side < 0) & (a_side * b_side < 0)
    odd_steps = np.unique(step[meets & ~is_proper])
    kept = is_proper & ~np.isin(step, odd_steps)
    p_cross = np.abs((b_lon - a_lon) * (p_lat - a_lat) - (b_lat - a_lat) * (p_lon - a_lon))[kept]
    q_cross = np.abs((b_lon - a_lon) * (q_lat - a_lat) - (b_lat - a_lat) * (q_lon - a_lon))[kept]
    with np.errstate(invalid="ignore", divide="ignore"):
        fraction = np.nan_to_num(p_cross / (p_cross + q_cross), nan=0.5)
    step, edge = step[kept], edge[kept]
    sign = p_side[kept] * line.left_signs[line.part_of_vertex[edge]]
    # Crossings of one step alternate. Two that rounding has put in the wrong order betray themselves here.
    order = np.lexsort((fraction, step))
    repeats = (step[order][1:] == step[order][:-1]) & (sign[order][1:] == sign[order][:-1])
    if repeats.any():
        disordered = np.unique(step[order][1:][repeats])
        odd_steps = np.union1d(odd_steps, disordered)
        rest = ~np.isin(step, disordered)
        step, edge, fraction, sign = step[rest], edge[rest], fraction[rest], sign[rest]
    return step, edge, fraction, sign, odd_steps


class _Odd(NamedTuple):
    step: Indices
    edge: Indices
    fraction: Reals
    sign: NDArray[np.int8]
    pending_side: NDArray[np.int8]


def _odd_crossings(
    ends: _Ends,
    edges_of: dict[int, Indices],
    continues: ArrayLike | None,
    pending_before: ArrayLike | None,
) -> _Odd:
    """Crossings of the steps that touch a vertex or have a fix on the line, one by one in exact arithmetic.

    `edges_of`: such steps, ascending, with all edges that each may meet. They are rare in real tracks. Standing
    still on the line hands the pending side on.
    """
    pending = np.zeros(len(ends), dtype=np.int8)
    found: list[tuple[int, int, float, int]] = []
    before = np.zeros_like(pending) if pending_before is None else np.asarray(pending_before, np.int8)
    for idx in _in_need_of_care(ends, edges_of, before):
        is_next = idx > 0 and _continues(ends, idx, continues)
        side = int(pending[idx - 1]) if is_next else int(before[idx])
        if idx not in edges_of:  # it stands still: on the line if its track was there
            pending[idx] = side
            continue
        step = tuple(ends.at(np.array([idx]))[0].tolist())
        pending[idx] = _walk(idx, contacts_of_step(ends.line, step, edges_of[idx].tolist()), side, found)
    rows = np.array(found, dtype=np.float64).reshape(-1, 4)
    return _Odd(
        rows[:, 0].astype(np.int64),
        rows[:, 1].astype(np.int64),
        rows[:, 2],
        rows[:, 3].astype(np.int8),
        pending,
    )


def _in_need_of_care(ends: _Ends, edges_of: dict[int, Indices], before: NDArray[np.int8]) -> list[int]:
    """Odd steps and the standing steps that may follow one, in order."""
    if not edges_of and not before.any():
        return []
    return sorted({*edges_of, *ends.standing().tolist()})


def _continues(ends: _Ends, idx: int, continues: ArrayLike | None) -> bool:
    if continues is not None:
        return bool(np.asarray(continues)[idx])
    before, step = ends.at(np.array([idx - 1, idx]))
    return bool(step[0] == before[2] and step[1] == before[3])


def _walk(idx: int, contacts: list[Contact], pending: int, found: list[tuple[int, int, float, int]]) -> int:
    """Walks the contacts of step `idx`, noting its crossings; gives the pending side (+1 A) at its end.

    `pending` is the side from which the track had come onto the line before this step.
    """
    for contact in contacts:
        came_from = pending if contact.side_in == 0 else contact.side_in
        if contact.is_at_end:
            return came_from
        if came_from * contact.side_out < 0:
            found.append((idx, contact.edge, contact.fraction, came_from))
    return 0
