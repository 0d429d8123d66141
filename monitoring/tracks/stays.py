"""Stays of objects in a zone: from a mark per fix (inside, outside, undecided) to one record per stay.

A stay begins with the first fix that is certainly inside and lasts until one that is certainly outside, or
until no fix has come for longer than a given gap. All tracks are followed at once, and what is still open
goes from batch to batch, so where batches are cut changes nothing.
"""

from collections.abc import Sequence
from typing import Any, Final, NamedTuple, Self

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from monitoring.tracks.batch import TrackBatch
from monitoring.tracks.facts import NEVER_NS, joined, taken
from monitoring.tracks.keys import positions

STAYS: Final = pa.schema(
    [
        pa.field("key", pa.uint64(), nullable=False),
        pa.field("sensor_id", pa.string(), nullable=False),
        pa.field("track_id", pa.string(), nullable=False),
        pa.field("finding_id", pa.string(), nullable=False),
        pa.field("first_id", pa.string(), nullable=False),
        pa.field("last_id", pa.string(), nullable=False),
        pa.field("deepest_id", pa.string(), nullable=False),
        pa.field("line_version", pa.string(), nullable=False),
        pa.field("outside_ns", pa.int64(), nullable=False),
        pa.field("start_ns", pa.int64(), nullable=False),
        pa.field("last_ns", pa.int64(), nullable=False),
        pa.field("last_fix_ns", pa.int64(), nullable=False),
        pa.field("gap_ns", pa.int64(), nullable=False),
        pa.field("deepest_ns", pa.int64(), nullable=False),
        pa.field("critical_start_ns", pa.int64(), nullable=False),
        pa.field("critical_last_ns", pa.int64(), nullable=False),
        pa.field("fix_count", pa.int64(), nullable=False),
        pa.field("start_side", pa.int8(), nullable=False),
        pa.field("last_side", pa.int8(), nullable=False),
        pa.field("depth_m", pa.float64(), nullable=False),
        pa.field("margin_m", pa.float64(), nullable=False),
        pa.field("lon", pa.float64(), nullable=False),
        pa.field("lat", pa.float64(), nullable=False),
        pa.field("sigma_m", pa.float64(), nullable=False),
        pa.field("distance_m", pa.float64(), nullable=False),
        pa.field("start_lon", pa.float64(), nullable=False),
        pa.field("start_lat", pa.float64(), nullable=False),
        pa.field("last_lon", pa.float64(), nullable=False),
        pa.field("last_lat", pa.float64(), nullable=False),
        pa.field("chainage_m", pa.float64(), nullable=False),
        pa.field("line_part", pa.int16(), nullable=False),
        pa.field("object_class", pa.int8(), nullable=False),
        pa.field("deepest_object_class", pa.int8(), nullable=False),
        pa.field("calibre_mm", pa.float64(), nullable=False),
        pa.field("classes", pa.int64(), nullable=False),
        pa.field("said_count", pa.int64(), nullable=False),
        pa.field("said_for_count", pa.int64(), nullable=False),
        pa.field("objects", pa.int64(), nullable=False),
        pa.field("altitude_m_min", pa.float64(), nullable=False),
        pa.field("altitude_m_max", pa.float64(), nullable=False),
        pa.field("affiliations", pa.uint8(), nullable=False),
        pa.field("revision", pa.int32(), nullable=False),
        pa.field("published_ns", pa.int64(), nullable=False),
    ],
    metadata={"version": "3"},
)
"""Stays, one row each. `outside_ns`: the last fix before the stay; `start_ns`, `last_ns`: first and last
fix inside; `last_fix_ns`: last fix of any kind during it, `gap_ns` the silence after it that ends the stay;
`critical_start_ns`, `critical_last_ns`: first and last fix inside the critical belt or NEVER_NS; `start_lon` and
so on: the places of the first and the last fix inside; place,
`depth_m` (inside the edge), `margin_m` (certainly inside), `deepest_object_class` and `calibre_mm` at the deepest
fix, at `deepest_ns`; `classes`: bit i = `schema.OBJECT_CLASSES[i]` was stated; `said_count`, `said_for_count`: how
many fixes stated a class, and how many a class that may not be there; `objects`: twice the most objects that one
fix stated, and one more where it said "at least", 0 = none; `altitude_m_min`, `altitude_m_max`: heights stated,
NaN = none; `affiliations`: bit i = `schema.AFFILIATIONS[i]` was stated; `revision`, `published_ns`: how often it was
published, and the newest fix that was."""

_DEEPEST: Final = (
    "deepest_id", "line_version", "deepest_ns", "depth_m", "margin_m", "lon", "lat", "sigma_m", "distance_m",
    "chainage_m", "line_part", "deepest_object_class", "calibre_mm",
)  # fmt: skip
_LATEST: Final = ("last_id", "last_ns", "last_side", "last_lon", "last_lat")


class Stays:
    """Columns of `STAYS` as arrays (s,), strings as objects."""

    def __init__(self, columns: dict[str, NDArray[Any]]) -> None:
        self.columns = columns

    @classmethod
    def from_table(cls, table: pa.Table) -> Self:
        """The stays of a table of schema `STAYS`."""
        return cls({n: table.column(n).combine_chunks().to_numpy(zero_copy_only=False) for n in STAYS.names})

    def to_table(self) -> pa.Table:
        """A table of schema `STAYS`."""
        return pa.Table.from_arrays([pa.array(self[f.name], type=f.type) for f in STAYS], schema=STAYS)

    def __getitem__(self, name: str) -> NDArray[Any]:
        return self.columns[name]

    def __len__(self) -> int:
        return len(self.columns["key"])

    def take(self, at: NDArray[np.int64] | NDArray[np.bool_]) -> Self:
        """The stays at some positions, or where a mask holds."""
        return type(self)(taken(self.columns, at))

    def rows(self, at: NDArray[np.int64]) -> list[dict[str, Any]]:
        """The stays at some positions, each as a mapping of plain Python values."""
        columns = [column[at].tolist() for column in self.columns.values()]
        return [dict(zip(self.columns, values, strict=True)) for values in zip(*columns, strict=True)]

    def with_columns(self, **columns: NDArray[Any]) -> Self:
        """The same stays with some columns replaced."""
        return type(self)({**self.columns, **columns})

    def followed_by(self, other: "Stays") -> Self:
        """These stays and then those of `other`."""
        return type(self)(joined(self.columns, other.columns))

    def continued(self, later: "Stays") -> Self:
        """Each stay with what came later in it, row by row; `later` may hold no fix inside."""
        columns = dict(self.columns)
        is_inside = later["fix_count"] > 0
        is_deeper = is_inside & (later["margin_m"] > self["margin_m"])
        for name in _LATEST:
            columns[name] = np.where(is_inside, later[name], self[name])
        for name in _DEEPEST:
            columns[name] = np.where(is_deeper, later[name], self[name])
        is_critical = later["critical_last_ns"] != NEVER_NS
        is_first = is_critical & (self["critical_start_ns"] == NEVER_NS)
        for name, is_later in (("critical_start_ns", is_first), ("critical_last_ns", is_critical)):
            columns[name] = np.where(is_later, later[name], self[name])
        columns["last_fix_ns"], columns["gap_ns"] = later["last_fix_ns"], later["gap_ns"]
        columns["fix_count"] = self["fix_count"] + later["fix_count"]
        for name in ("said_count", "said_for_count"):
            columns[name] = self[name] + later[name]
        for name in ("affiliations", "classes"):
            columns[name] = self[name] | later[name]
        columns["objects"] = np.maximum(self["objects"], later["objects"])
        columns["altitude_m_max"] = np.fmax(self["altitude_m_max"], later["altitude_m_max"])
        columns["altitude_m_min"] = np.fmin(self["altitude_m_min"], later["altitude_m_min"])
        is_stated = later["object_class"] >= 0
        columns["object_class"] = np.where(is_stated, later["object_class"], self["object_class"])
        return type(self)(columns)


class Pauses(NamedTuple):
    """As in force at each row, (n,): the silence that ends a stay, and how long one lasts before it is told."""

    gap_ns: NDArray[np.int64]
    standing_ns: NDArray[np.int64]


class Marks(NamedTuple):
    """What a rule says of each row of a batch, (n,): `zone` +1 inside, -1 outside, 0 undecided; `is_critical` inside
    the critical belt too (None = nowhere); depths in metres. `says` is +1 where
    the class stated at the row may not be there, -1 where it may, 0 where none was (None = 0 everywhere); `objects`
    (see `STAYS`) and `altitude_m` are as stated at the row (None = nowhere)."""

    zone: NDArray[np.int8]
    depth_m: NDArray[np.float64]
    margin_m: NDArray[np.float64]
    pauses: Pauses
    is_critical: NDArray[np.bool_] | None = None
    says: NDArray[np.int8] | None = None
    objects: NDArray[np.int64] | None = None
    altitude_m: NDArray[np.float64] | None = None


class Published(NamedTuple):
    """Stays at a moment worth telling: `decided_ns` when that was clear, `exit_ns` the first fix outside or
    NEVER_NS, `exit_id` its event; all (p,)."""

    stays: Stays
    decided_ns: NDArray[np.int64]
    exit_ns: NDArray[np.int64]
    exit_id: NDArray[np.object_]

    def followed_by(self, others: Sequence["Published"]) -> "Published":
        """These moments and then those of others."""
        parts = [self, *(other for other in others if len(other.stays))]
        if len(parts) == 1:
            return self
        names = self.stays.columns
        return Published(
            Stays({name: np.concatenate([part.stays[name] for part in parts]) for name in names}),
            *(np.concatenate([part[i] for part in parts]) for i in range(1, 4)),
        )


class _Runs(NamedTuple):
    """Runs of new rows inside, each (g,): first and last row, the open stay continued (-1 = a new one), the row
    outside that ends it and whether it ended in silence."""

    begin: NDArray[np.int64]
    end: NDArray[np.int64]
    open_idx: NDArray[np.int64]
    exit_row: NDArray[np.int64]
    is_silent: NDArray[np.bool_]


def follow(open_stays: Stays, batch: TrackBatch, marks: Marks) -> tuple[Stays, list[Published]]:
    """Open stays after the batch, and what its fixes decided: stays that ended, and stays that came to stand."""
    rows = np.flatnonzero(batch.is_new)
    if not len(rows):
        return open_stays, []
    is_start = np.ones(len(rows), dtype=bool)
    is_start[1:] = batch.key[rows[1:]] != batch.key[rows[:-1]]
    has_previous = np.zeros(len(rows), dtype=bool)
    later = rows > 0
    has_previous[later] = batch.key[rows[later] - 1] == batch.key[rows[later]]
    pause_ns = np.where(has_previous, batch.time_ns[rows] - batch.time_ns[rows - 1], 0)
    is_pause = has_previous & (pause_ns > marks.pauses.gap_ns[np.maximum(rows - 1, 0)])
    open_of_row = positions(open_stays["key"], batch.key[rows])
    goes_on = is_start & (open_of_row >= 0) & ~is_pause
    zone = marks.zone[rows].astype(np.int8)
    undecided_start = (is_start | is_pause) & (zone == 0)
    zone[undecided_start] = np.where(goes_on[undecided_start], 1, -1)
    rank = np.arange(len(rows))
    zone = zone[np.maximum.accumulate(np.where(zone != 0, rank, 0))]
    runs = _runs(rows, zone, is_start, is_pause, np.where(goes_on, open_of_row, -1))
    outside_ns = np.where(has_previous & ~is_pause, batch.time_ns[rows - 1], NEVER_NS)
    at_begin = np.searchsorted(rows, runs.begin)
    left = _left_at_once(rows, is_start, is_pause, zone, open_of_row)
    known = open_stays.take(
        np.setdiff1d(np.arange(len(open_stays)), np.concatenate([left.idx, runs.open_idx]))
    )
    ended = [_ended(open_stays.take(left.idx), batch, left.exit_row)]
    now, stood = _grown(open_stays, batch, marks, runs, outside_ns[at_begin])
    is_over = (runs.exit_row >= 0) | runs.is_silent
    ended.append(_ended(now.take(is_over), batch, runs.exit_row[is_over]))
    return known.followed_by(now.take(~is_over)), [stood, *ended]


def lapsed(open_stays: Stays, until_ns: int) -> tuple[Stays, Published]:
    """Open stays without those that no fix up to `until_ns` has continued within their gap; and these."""
    silent_ns = open_stays["last_fix_ns"] + open_stays["gap_ns"]
    is_over = silent_ns < until_ns
    gone = open_stays.take(is_over)
    return open_stays.take(~is_over), Published(gone, silent_ns[is_over], *_no_exit(len(gone)))


def as_they_stand(open_stays: Stays, until_ns: int) -> tuple[Stays, Published]:
    """The open stays with those marked as published that have news; and these, decided at `until_ns`."""
    last_fix_ns = open_stays["last_fix_ns"]
    is_news = last_fix_ns > open_stays["published_ns"]
    told = open_stays.take(is_news)
    marked = open_stays.with_columns(
        revision=open_stays["revision"] + is_news.astype(np.int32),
        published_ns=np.where(is_news, last_fix_ns, open_stays["published_ns"]),
    )
    return marked, Published(told, np.full(len(told), until_ns, dtype=np.int64), *_no_exit(len(told)))


class _Left(NamedTuple):
    idx: NDArray[np.int64]
    exit_row: NDArray[np.int64]


def _left_at_once(
    rows: NDArray[np.int64],
    is_start: NDArray[np.bool_],
    is_pause: NDArray[np.bool_],
    zone: NDArray[np.int8],
    open_of_row: NDArray[np.int64],
) -> _Left:
    """Open stays whose track's first new fix is outside, or comes after the gap."""
    at = np.flatnonzero(is_start & (open_of_row >= 0) & (is_pause | (zone < 0)))
    return _Left(open_of_row[at], np.where(is_pause[at], -1, rows[at]))


def _runs(
    rows: NDArray[np.int64],
    zone: NDArray[np.int8],
    is_start: NDArray[np.bool_],
    is_pause: NDArray[np.bool_],
    continued: NDArray[np.int64],
) -> _Runs:
    is_inside = zone > 0
    breaks = is_start | is_pause
    was_inside = np.concatenate([[False], is_inside[:-1]])
    begin = np.flatnonzero(is_inside & (breaks | ~was_inside))
    goes_on = np.concatenate([is_inside[1:] & ~breaks[1:], [False]])
    end = np.flatnonzero(is_inside & ~goes_on)
    follower = np.minimum(end + 1, len(rows) - 1)
    has_follower = (end + 1 < len(rows)) & ~is_start[follower]
    exit_row = np.where(has_follower & ~is_pause[follower], rows[follower], -1)
    return _Runs(rows[begin], rows[end], continued[begin], exit_row, has_follower & is_pause[follower])


def _grown(
    open_stays: Stays, batch: TrackBatch, marks: Marks, runs: _Runs, outside_ns: NDArray[np.int64]
) -> tuple[Stays, Published]:
    """The stay of each run at its end, and those that came to stand during it as they were at that fix."""
    if not len(runs.begin):
        return open_stays.take(np.zeros(0, dtype=np.int64)), _nothing(open_stays)
    is_known = runs.open_idx >= 0
    start_ns = batch.time_ns[runs.begin]
    revision = np.zeros(len(runs.begin), dtype=np.int32)
    if is_known.any():
        start_ns = np.where(is_known, open_stays["start_ns"][runs.open_idx], start_ns)
        revision = np.where(is_known, open_stays["revision"][runs.open_idx], revision).astype(np.int32)
    stands_at = _first_standing(batch, marks, runs, start_ns, revision)
    stands = stands_at >= 0
    until = np.where(stands, stands_at, runs.end)
    first = _summaries(batch, marks, runs.begin, until, outside_ns)
    if is_known.any():
        grown = open_stays.take(runs.open_idx[is_known]).continued(first.take(is_known))
        order = np.argsort(np.concatenate([np.flatnonzero(is_known), np.flatnonzero(~is_known)]))
        first = grown.followed_by(first.take(~is_known)).take(order)
    stood = first.take(stands)
    decided_ns = batch.time_ns[stands_at[stands]]
    now = first.with_columns(
        revision=np.where(stands, first["revision"] + 1, first["revision"]).astype(np.int32),
        published_ns=np.where(stands, first["last_fix_ns"], first["published_ns"]),
    )
    rest = np.flatnonzero(stands & (stands_at < runs.end))
    if len(rest):
        tail = _summaries(batch, marks, stands_at[rest] + 1, runs.end[rest], outside_ns[rest])
        others = np.setdiff1d(np.arange(len(now)), rest)
        order = np.argsort(np.concatenate([rest, others]))
        now = now.take(rest).continued(tail).followed_by(now.take(others)).take(order)
    return now, Published(stood, decided_ns, *_no_exit(len(stood)))


def _first_standing(
    batch: TrackBatch,
    marks: Marks,
    runs: _Runs,
    start_ns: NDArray[np.int64],
    revision: NDArray[np.int32],
) -> NDArray[np.int64]:
    """Per run the first fix inside by which its stay has stood long enough to be told, -1 = none or told
    before."""
    row, offset, length = _spread(runs.begin, runs.end)
    stands = (marks.zone[row] > 0) & batch.is_new[row] & (np.repeat(revision, length) == 0)
    stands &= batch.time_ns[row] - np.repeat(start_ns, length) >= marks.pauses.standing_ns[row]
    none = len(batch)
    found = np.minimum.reduceat(np.where(stands, row, none), offset)
    return np.where(found < none, found, -1)


def _summaries(
    batch: TrackBatch,
    marks: Marks,
    begin: NDArray[np.int64],
    end: NDArray[np.int64],
    outside_ns: NDArray[np.int64],
) -> Stays:
    """One stay per run of rows `begin`..`end`; a run without a fix inside has `fix_count` 0 and no place."""
    row, offset, length = _spread(begin, end)
    # A fix that is judged again against a new line has been counted already, perhaps with an earlier batch.
    is_new = batch.is_new[row]
    is_inside = (marks.zone[row] > 0) & is_new
    none = len(batch)
    first = np.minimum.reduceat(np.where(is_inside, row, none), offset)
    last = np.maximum.reduceat(np.where(is_inside, row, -1), offset)
    is_critical = is_inside & (False if marks.is_critical is None else marks.is_critical[row])
    critical_first = np.minimum.reduceat(np.where(is_critical, row, none), offset)
    critical_last = np.maximum.reduceat(np.where(is_critical, row, -1), offset)
    margin_m = np.where(is_inside, marks.margin_m[row], -np.inf)
    best_m = np.maximum.reduceat(margin_m, offset)
    deepest = np.minimum.reduceat(
        np.where(is_inside & (margin_m == np.repeat(best_m, length)), row, none), offset
    )
    affiliations, classes = (
        np.where(code[row] >= 0, 1 << np.maximum(code[row], 0).astype(np.int64), 0)
        for code in (batch.affiliation, batch.object_class)
    )
    says = np.zeros(len(row), dtype=np.int8) if marks.says is None else np.where(is_new, marks.says[row], 0)
    objects = np.zeros(len(row), dtype=np.int64)
    if marks.objects is not None:
        objects = np.where(is_inside, marks.objects[row], 0)
    altitude_m = np.full(len(row), np.nan)
    if marks.altitude_m is not None:
        altitude_m = np.where(is_inside, marks.altitude_m[row], np.nan)
    first, deepest = np.where(first < none, first, begin), np.where(deepest < none, deepest, begin)
    last = np.where(last >= 0, last, begin)
    sensor_ids, track_ids, first_ids = batch.names(first)
    versions = np.array([line.version for line in batch.lines], dtype=np.object_)
    zeros = np.zeros(len(begin), dtype=np.int64)
    return Stays(
        {
            "key": batch.key[begin],
            "sensor_id": sensor_ids,
            "track_id": track_ids,
            "finding_id": np.full(len(begin), "", dtype=np.object_),
            "first_id": first_ids,
            "last_id": batch.event_ids(last),
            "deepest_id": batch.event_ids(deepest),
            "line_version": versions[batch.line_idx[deepest]],
            "outside_ns": outside_ns,
            "start_ns": batch.time_ns[first],
            "last_ns": batch.time_ns[last],
            "last_fix_ns": batch.time_ns[end],
            "gap_ns": marks.pauses.gap_ns[end],
            "deepest_ns": batch.time_ns[deepest],
            "critical_start_ns": np.where(
                critical_last >= 0, batch.time_ns[np.minimum(critical_first, none - 1)], NEVER_NS
            ),
            "critical_last_ns": np.where(critical_last >= 0, batch.time_ns[critical_last], NEVER_NS),
            "fix_count": np.add.reduceat(is_inside.astype(np.int64), offset),
            "start_side": batch.side[first],
            "last_side": batch.side[last],
            "depth_m": marks.depth_m[deepest],
            "margin_m": best_m,
            "lon": batch.lon[deepest],
            "lat": batch.lat[deepest],
            "sigma_m": batch.sigma_m[deepest],
            "start_lon": batch.lon[first],
            "start_lat": batch.lat[first],
            "last_lon": batch.lon[last],
            "last_lat": batch.lat[last],
            "distance_m": np.abs(batch.signed_distance_m[deepest]),
            "chainage_m": batch.chainage_m[deepest],
            "line_part": batch.line_part[deepest],
            "object_class": batch.object_class[end],
            "deepest_object_class": batch.object_class[deepest],
            "calibre_mm": batch.calibre_mm[deepest],
            "classes": np.bitwise_or.reduceat(classes, offset),
            "said_count": np.add.reduceat((says != 0).astype(np.int64), offset),
            "said_for_count": np.add.reduceat((says > 0).astype(np.int64), offset),
            "objects": np.maximum.reduceat(objects, offset),
            "altitude_m_min": np.fmin.reduceat(altitude_m, offset),
            "altitude_m_max": np.fmax.reduceat(altitude_m, offset),
            "affiliations": np.bitwise_or.reduceat(affiliations, offset).astype(np.uint8),
            "revision": zeros.astype(np.int32),
            "published_ns": zeros + NEVER_NS,
        }
    )


def _ended(stays: Stays, batch: TrackBatch, exit_row: NDArray[np.int64]) -> Published:
    """Stays that ended with a fix outside (`exit_row`), or in silence (-1)."""
    has_exit = exit_row >= 0
    if not len(stays):
        return _nothing(stays)
    exit_ns = np.where(has_exit, batch.time_ns[exit_row], NEVER_NS)
    exit_id = batch.event_ids(np.maximum(exit_row, 0))
    exit_id[~has_exit] = None
    silent_ns = stays["last_fix_ns"] + stays["gap_ns"]
    return Published(stays, np.where(has_exit, exit_ns, silent_ns), exit_ns, exit_id)


def _spread(
    begin: NDArray[np.int64], end: NDArray[np.int64]
) -> tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.int64]]:
    """All rows of the runs one after the other, where each run begins among them, and their lengths."""
    length = end - begin + 1
    offset = np.concatenate([[0], np.cumsum(length)[:-1]])
    row = np.arange(int(length.sum()), dtype=np.int64) + np.repeat(begin - offset, length)
    return row, offset, length


def _no_exit(count: int) -> tuple[NDArray[np.int64], NDArray[np.object_]]:
    return np.full(count, NEVER_NS, dtype=np.int64), np.full(count, None, dtype=np.object_)


def _nothing(stays: Stays) -> Published:
    return Published(stays.take(np.zeros(0, dtype=np.int64)), np.zeros(0, dtype=np.int64), *_no_exit(0))
