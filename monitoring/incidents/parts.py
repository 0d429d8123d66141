"""Parts: firing groups, and what they hit, apart inside one activity.

An activity is fire that lies together; it may hold two groups that shoot at each other, or a group and the shells that
fall on it. Nobody shells himself, so what fell is a part of its own. Groups whose places are known sharply are apart
when a gap no error explains lies between them and they fire by turns: one that moves fires here and then there, not
here again. Every other report goes to the part that it fits best. The parts depend on the activity's reports alone;
once it is complete they are kept, so that what remains after one part was published stays in the same parts.
"""

from dataclasses import dataclass
from typing import Final

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from monitoring import events, schema
from monitoring.incidents import geometry
from monitoring.incidents.phenomena import FAMILY, connected, roles

Ints = NDArray[np.int64]
Reals = NDArray[np.float64]
Flags = NDArray[np.bool_]

SHARP_M: Final = 75.0
"""Only reports with an error below this can set groups apart."""
APART_M: Final = 300.0
"""A gap between the places of two groups that neither error nor the spread of one group explains."""
CELL_M: Final = 100.0
SLIPS_FRAC: Final = 0.25
"""Fewer impacts than this share of an activity's launches are launches taken for impacts."""
MISFIT_OF_KIND: Final = 9.0
"""What it costs, in squared standard deviations, to take a blast for small arms or a flash for an impact."""
WAIT_S: Final = 30.0
"""A report this long before or after a part is a standard deviation away from it."""
_SPREAD_M: Final = {False: 60.0, True: 200.0}
"""Standard deviation of a group's own places, and of where its shells fall."""
_BLAST, _SMALL_ARMS, _FLASH, _FLARE = (
    FAMILY[schema.KINDS.index(k)] for k in ("explosion", "shot", "muzzle_flash", "flare")
)


@dataclass(frozen=True)
class Parts:
    """Parts of all activities, numbered by their first report.

    `of_row` (n,): each report's part, -1 = none; `defines` (n,): the part's kind, place and times are from it; per part
    (p,): `first` (its first report that defines it), `activity` (index of its leader), `is_fall` (where
    shells fell), `has_launch` (guns, mortars or rockets fired there), `is_small` (small arms fired there), `start_ns`,
    `end_ns`, `lon`, `lat`, `sigma_m` (the least error of a report that defines it).
    """

    of_row: Ints
    first: Ints
    defines: Flags
    activity: Ints
    is_fall: Flags
    has_launch: Flags
    is_small: Flags
    start_ns: Ints
    end_ns: Ints
    lon: Reals
    lat: Reals
    sigma_m: Reals

    def __len__(self) -> int:
        return len(self.activity)


def parts(rows: pa.Table, activity: Ints, is_precise: Flags) -> Parts:
    """Divides the reports (n,) of activities (`activity`: index, -1 = none) into parts; order is canonical.

    What was decided before (column `part`, see `decided`) stands.
    """
    stored = events.ints(rows, "part", -1)
    first = np.full(len(activity), -1, dtype=np.int64)
    known = np.flatnonzero(stored >= 0)
    first[known] = np.searchsorted(events.ints(rows, "ordinal"), stored[known] // 2)
    defines = first >= 0
    defines[known] = stored[known] % 2 == 1
    anew = _defining(rows, np.where(stored >= 0, -1, activity), is_precise)
    first, defines = np.where(anew >= 0, anew, first), defines | (anew >= 0)
    made = _described(rows, first, defines, activity)
    rest = np.flatnonzero((activity >= 0) & (first < 0))
    if len(rest):
        made.of_row[rest] = _fitting(rows, rest, activity, made)
    return made


def decided(rows: pa.Table, made: Parts, is_complete: Flags) -> Ints:
    """The column `part` (n,) with what is decided of complete parts (p,): twice the ordinal of the part's first report,
    and one more for a report that defines the part; -1 = not decided.
    """
    own = np.flatnonzero((made.of_row >= 0) & (is_complete[made.of_row] if len(made) else False))
    stored = np.full(len(made.of_row), -1, dtype=np.int64)
    first = events.ints(rows, "ordinal")[made.first]
    stored[own] = 2 * first[made.of_row[own]] + made.defines[own]
    return stored


def _defining(rows: pa.Table, activity: Ints, is_precise: Flags) -> Ints:
    """For each report that defines a part, the first report of that part, else -1; (n,)."""
    kind = events.codes(rows, "kind")
    role, family = roles(kind, events.codes(rows, "direction")), FAMILY[kind.astype(np.int64)]
    lon, lat = events.reals(rows, "at_lon"), events.reals(rows, "at_lat")
    time_ns, sigma_m = events.ints(rows, "time_ns"), events.reals(rows, "sigma_m_max")
    inside = activity >= 0
    falls = inside & is_precise & (role < 0) & (family == _BLAST)
    falls &= _are_many(activity, falls, inside & is_precise & (role > 0))
    fires = inside & is_precise & ~falls & ((role > 0) | (family == _SMALL_ARMS) | (family == _FLARE))
    sharp = np.flatnonzero(fires & (sigma_m <= SHARP_M))

    key = np.full(len(activity), -1, dtype=np.int64)
    key[falls], key[fires] = 2 * activity[falls], 2 * activity[fires] + 1
    group = np.zeros(len(activity), dtype=np.int64)
    group[sharp] = _groups(activity[sharp], lon[sharp], lat[sharp], time_ns[sharp])
    defined = falls.copy()
    defined[sharp] = group[sharp] > 0
    has_groups = np.zeros(int(activity.max(initial=-1)) + 2, dtype=np.bool_)  # the last stands for none
    has_groups[activity[sharp[group[sharp] > 0]]] = True
    # Where no group is set apart sharply, whatever fired in the activity is one part.
    defined |= fires & ~defined & ~has_groups[activity]
    at = np.flatnonzero(defined)
    first = np.full(len(activity), -1, dtype=np.int64)
    first[at] = _first_of(key[at], group[at], at)
    covered = np.zeros(len(has_groups), dtype=np.bool_)
    covered[activity[at]] = True
    bare = np.flatnonzero(inside & is_precise & ~covered[activity])
    first[bare] = _first_of(activity[bare], np.zeros(len(bare), dtype=np.int64), bare)
    return first


def _are_many(activity: Ints, falls: Flags, launches: Flags) -> Flags:
    """Whether each report's activity has enough impacts beside its launches that they are no slips of the ear, (n,)."""
    size = int(activity.max(initial=-1)) + 1
    fell, fired = (np.bincount(activity[mask], minlength=size) for mask in (falls, launches))
    enough = fell >= SLIPS_FRAC * fired
    return enough[np.maximum(activity, 0)] if size else np.zeros(len(activity), dtype=np.bool_)


def _first_of(key: Ints, group: Ints, at: Ints) -> Ints:
    """The first row of each row's (key, group)."""
    if not len(at):
        return at
    pairs = np.stack([key, group])
    _, first, which = np.unique(pairs, axis=1, return_index=True, return_inverse=True)
    return np.asarray(at[first][which.reshape(-1)], dtype=np.int64)


def _groups(activity: Ints, lon: Reals, lat: Reals, time_ns: Ints) -> Ints:
    """Numbers groups of sharp reports (from 1; 0 = a single report that is no group by itself), (m,).

    Reports are gathered in small fixed cells; cells of one activity closer than the gap are one group; groups that
    never fire by turns are one that moved.
    """
    if not len(activity):
        return np.zeros(0, dtype=np.int64)
    row = np.floor((lat + 90.0) * geometry.METRES_PER_DEG / CELL_M).astype(np.int64)
    shrink = np.cos(np.radians((row + 0.5) * CELL_M / geometry.METRES_PER_DEG - 90.0))
    column = np.floor((lon + 180.0) * geometry.METRES_PER_DEG * shrink / CELL_M).astype(np.int64)
    cells, cell = np.unique(np.stack([activity, row, column]), axis=1, return_inverse=True)
    cell = cell.reshape(-1)
    number = np.bincount(cell)
    mean_lon, mean_lat = (np.bincount(cell, weights=v) / number for v in (lon, lat))
    i, j = geometry.pairs_within(mean_lon, mean_lat, APART_M)
    own = (cells[0][i] == cells[0][j]) & (i < j)
    i, j = i[own], j[own]
    east, north = geometry.offsets_m(mean_lon[i], mean_lat[i], mean_lon[j], mean_lat[j])
    near = np.hypot(east, north) <= APART_M
    group = connected(len(number), i[near], j[near])
    size = np.bincount(group, weights=number.astype(np.float64), minlength=len(number))
    start_ns, end_ns = (
        np.full(len(number), np.iinfo(np.int64).max),
        np.full(len(number), np.iinfo(np.int64).min),
    )
    np.minimum.at(start_ns, group[cell], time_ns)
    np.maximum.at(end_ns, group[cell], time_ns)
    heads = np.flatnonzero((group == np.arange(len(number))) & (size > 1))
    by_activity = np.argsort(cells[0][heads], kind="stable")
    heads = heads[by_activity]
    low = np.searchsorted(cells[0][heads], cells[0][heads], side="left")
    which, position = geometry.expand(low, np.arange(len(heads), dtype=np.int64))
    a, b = heads[position], heads[which]
    moved = (start_ns[a] > end_ns[b]) | (start_ns[b] > end_ns[a])
    joined = connected(len(number), np.minimum(a, b)[moved], np.maximum(a, b)[moved])
    group = joined[group]
    is_group = np.zeros(len(number), dtype=np.bool_)
    is_group[joined[heads]] = True
    return np.where(is_group[group], group + 1, 0)[cell]


def _described(rows: pa.Table, first: Ints, defines: Flags, activity: Ints) -> Parts:
    """Parts from the reports that define them; `first` (n,): first report of each one's part, -1 = none yet."""
    kind = events.codes(rows, "kind")
    role, family = roles(kind, events.codes(rows, "direction")), FAMILY[kind.astype(np.int64)]
    lon, lat = events.reals(rows, "at_lon"), events.reals(rows, "at_lat")
    time_ns = events.ints(rows, "time_ns")
    firsts = np.unique(first[defines])
    size = len(firsts)
    of_row = np.where(first >= 0, np.searchsorted(firsts, first), -1)
    at = np.flatnonzero(defines)
    of = of_row[at]
    start_ns, end_ns = np.full(size, np.iinfo(np.int64).max), np.full(size, np.iinfo(np.int64).min)
    np.minimum.at(start_ns, of, time_ns[at])
    np.maximum.at(end_ns, of, time_ns[at])
    has_launch, is_small, is_fall = (np.zeros(size, dtype=np.bool_) for _ in range(3))
    has_launch[of[(role[at] > 0) & (family[at] == _BLAST)]] = True
    is_small[of[family[at] == _SMALL_ARMS]] = True
    is_fall[of[(role[at] < 0) & (family[at] == _BLAST)]] = True
    number = np.maximum(np.bincount(of, minlength=size), 1)
    east, north = geometry.offsets_m(lon[firsts][of], lat[firsts][of], lon[at], lat[at])
    mean_e, mean_n = (np.bincount(of, weights=v, minlength=size) / number for v in (east, north))
    mean_lon, mean_lat = geometry.moved(lon[firsts], lat[firsts], mean_e, mean_n)
    sigma_m = np.full(size, np.inf)
    np.minimum.at(sigma_m, of, events.reals(rows, "sigma_m_max")[at])
    return Parts(
        of_row,
        firsts,
        defines,
        activity[firsts],
        is_fall & ~has_launch & ~is_small,
        has_launch,
        is_small,
        start_ns,
        end_ns,
        mean_lon,
        mean_lat,
        sigma_m,
    )


def _fitting(rows: pa.Table, rest: Ints, activity: Ints, made: Parts) -> Ints:
    """The part of its activity that each of the rows `rest` fits best, -1 where its activity has none."""
    kind, time_ns = events.codes(rows, "kind"), events.ints(rows, "time_ns")
    role, family = roles(kind, events.codes(rows, "direction")), FAMILY[kind.astype(np.int64)]
    order = np.argsort(made.activity, kind="stable")
    low = np.searchsorted(made.activity[order], activity[rest], side="left")
    high = np.searchsorted(made.activity[order], activity[rest], side="right")
    which, position = geometry.expand(low, high)
    i, part = rest[which], order[position]
    lon, lat = events.reals(rows, "at_lon")[i], events.reals(rows, "at_lat")[i]
    var_e, cov_en, var_n = (events.reals(rows, name)[i] for name in ("var_e", "cov_en", "var_n"))
    spread = np.where(made.is_fall[part], _SPREAD_M[True], _SPREAD_M[False]) ** 2
    east, north = geometry.offsets_m(lon, lat, made.lon[part], made.lat[part])
    misfit = geometry.mahalanobis_sq(east, north, var_e + spread, cov_en, var_n + spread)
    from_lon, from_lat = events.reals(rows, "from_lon")[i], events.reals(rows, "from_lat")[i]
    east, north = geometry.offsets_m(from_lon, from_lat, made.lon[part], made.lat[part])
    stated_deg = events.reals(rows, "bearing_sigma_deg")[i]
    blur_deg = np.degrees(np.sqrt(spread) / np.maximum(np.hypot(east, north), 1.0))
    off_deg = (
        np.degrees(np.arctan2(east, north)) - events.reals(rows, "bearing_deg")[i] + 180.0
    ) % 360.0 - 180.0
    bearing = off_deg**2 / (np.where(np.isfinite(stated_deg), stated_deg, 1.0) ** 2 + blur_deg**2)
    misfit = np.where(np.isfinite(lon), misfit, bearing)
    misfit = np.where(np.isfinite(misfit), misfit, 0.0)
    outside_ns = np.maximum(np.maximum(made.start_ns[part] - time_ns[i], time_ns[i] - made.end_ns[part]), 0)
    misfit += (outside_ns / 1e9 / WAIT_S) ** 2
    has_no_guns = ~made.is_fall[part] & ~made.has_launch[part]
    strange = ((family[i] == _BLAST) & has_no_guns) | ((family[i] != _BLAST) & made.is_fall[part])
    strange |= (family[i] == _SMALL_ARMS) & made.has_launch[part]
    misfit += np.where(strange, MISFIT_OF_KIND, 0.0)
    misfit += np.where((role[i] > 0) & made.is_fall[part], 4.0 * MISFIT_OF_KIND, 0.0)
    misfit += np.where((role[i] < 0) & ~made.is_fall[part], 4.0 * MISFIT_OF_KIND, 0.0)
    ranked = np.lexsort((part, misfit, which))
    opens = np.ones(len(ranked), dtype=np.bool_)
    opens[1:] = which[ranked][1:] != which[ranked][:-1]
    best = np.full(len(rest), -1, dtype=np.int64)
    best[which[ranked[opens]]] = part[ranked[opens]]
    return best
