"""Changes of side that are in doubt, from batch to batch: what is known of each track that has been near the line.

A track gets a row here with its first fix near the line. The row holds the side it was last surely on and the
fix that showed it (`before`), the newest fix (`after`), the newest passage in between, and the joint
probabilities of `monitoring.tracks.side_filter`. When a change has become likely it is *pending* until
`due_ns`; then it is *told* as it stands. It stays open until fixes make sure of one side or the other, and is
told again when they allow to assert it, or speak against it. Tracks that never came near need no row.
"""

from collections.abc import Callable
from typing import Any, Final, NamedTuple, Self

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from monitoring import events, findings
from monitoring.tracks.facts import AFTER, BEFORE, NEVER_NS, PASSAGE, Columns, absent, joined, taken
from monitoring.tracks.side_filter import (
    JOINT_SIZE,
    NODE_COUNT,
    changed,
    had_changed,
    marked,
    over_nodes,
)

TRACE_LENGTH: Final = 12
_STATE: Final = {
    "key": pa.uint64(),
    "sensor_id": pa.string(),
    "track_id": pa.string(),
    "last_ns": pa.int64(),
    "side": pa.int8(),
    "due_ns": pa.int64(),
    "surest_prob": pa.float64(),
    "surest_ns": pa.int64(),
    "is_told": pa.bool_(),
    "is_asserted": pa.bool_(),
    "revision": pa.int32(),
    "published_ns": pa.int64(),
    "finding_id": pa.string(),
    "joint": pa.list_(pa.float64(), JOINT_SIZE),
    "trace_ns": pa.list_(pa.int64(), TRACE_LENGTH),
    "trace_prob": pa.list_(pa.float64(), TRACE_LENGTH),
}
_TYPES: Final = {**_STATE, **BEFORE, **AFTER, **PASSAGE}
_FLAT: Final = {name: kind for name, kind in _TYPES.items() if not pa.types.is_fixed_size_list(kind)}
CHANGES: Final = pa.schema(
    [pa.field(name, kind, nullable=False) for name, kind in _TYPES.items()], metadata={"version": "1"}
)
"""One row per track. `last_ns`: its newest fix; `side`: where it was surely last (+1 = A, -1 = B, 0 = not known
yet), `surest_prob` how surely at best and `surest_ns` when, which is the anchor of `joint`; `due_ns`: until
then a pending change waits, NEVER_NS = none is; `is_told`: its waiting is over; `is_asserted`: it was told with
a probability that allows to assert it; `revision`, `published_ns`, `finding_id`: how often it was told, with
the fix of which time last, and under which id; `joint` in the order of `side_filter`; `trace_ns`, `trace_prob`:
P(side A) after the newest evidence since `before`, the newest last, NEVER_NS and NaN where there is less."""


class Thresholds(NamedTuple):
    """What a rule asks of the probability of a change, at some times, all (n,).

    From `report_prob` on it is told as it stands when it has been so for `dwell_ns`; from `assert_prob` on it
    may be asserted; from `sure_prob` on a side is known for sure and nothing has to wait.
    """

    report_prob: NDArray[np.float64]
    assert_prob: NDArray[np.float64]
    sure_prob: NDArray[np.float64]
    dwell_ns: NDArray[np.int64]

    def take(self, at: slice) -> "Thresholds":
        """Those of a part of the times."""
        return Thresholds(self.report_prob[at], self.assert_prob[at], self.sure_prob[at], self.dwell_ns[at])

    def by_rank(self, ranks: int, lanes: int) -> "Thresholds":
        """The same as (ranks, lanes)."""
        shape = (ranks, lanes)
        return Thresholds(
            self.report_prob.reshape(shape),
            self.assert_prob.reshape(shape),
            self.sure_prob.reshape(shape),
            self.dwell_ns.reshape(shape),
        )


ThresholdsAt = Callable[[NDArray[np.int64]], Thresholds]


class Pending:
    """Columns of `CHANGES` as arrays (p,); `joint` (p, JOINT_SIZE), `trace_ns` and `trace_prob` (p, TRACE_LENGTH)."""

    def __init__(self, columns: Columns) -> None:
        self.columns = columns

    @classmethod
    def from_table(cls, table: pa.Table) -> Self:
        """The tracks of a table of schema `CHANGES`."""
        columns: Columns = {}
        for name, kind in _TYPES.items():
            column = table.column(name).combine_chunks()
            if pa.types.is_fixed_size_list(kind):
                values = column.flatten().to_numpy(zero_copy_only=False)
                columns[name] = values.reshape(table.num_rows, kind.list_size).copy()
            else:
                columns[name] = np.array(column.to_numpy(zero_copy_only=False))
        return cls(columns)

    @classmethod
    def blank(cls, count: int) -> Self:
        """Tracks of which nothing is known."""
        columns = absent(_FLAT, count)
        columns["joint"] = np.zeros((count, JOINT_SIZE))
        columns["trace_ns"] = np.full((count, TRACE_LENGTH), NEVER_NS, dtype=np.int64)
        columns["trace_prob"] = np.full((count, TRACE_LENGTH), np.nan)
        return cls(columns)

    def to_table(self) -> pa.Table:
        """A table of schema `CHANGES`."""
        arrays = []
        for name, kind in _TYPES.items():
            if pa.types.is_fixed_size_list(kind):
                flat = pa.array(self[name].ravel(), type=kind.value_type)
                arrays.append(pa.FixedSizeListArray.from_arrays(flat, kind.list_size))
            else:
                arrays.append(pa.array(self[name], type=kind))
        return pa.Table.from_arrays(arrays, schema=CHANGES)

    def __getitem__(self, name: str) -> NDArray[Any]:
        return self.columns[name]

    def __len__(self) -> int:
        return len(self.columns["key"])

    def take(self, at: NDArray[np.int64] | NDArray[np.bool_]) -> Self:
        """The tracks at some positions, or where a mask holds."""
        return type(self)(taken(self.columns, at))

    def followed_by(self, other: "Pending") -> Self:
        """These tracks and then those of `other`."""
        return type(self)(joined(self.columns, other.columns))

    def copy(self) -> Self:
        """The same, to be changed in place."""
        return type(self)({name: column.copy() for name, column in self.columns.items()})

    def joint_at(self, at: NDArray[np.int64]) -> NDArray[np.float64]:
        """The joint probabilities of some tracks in the filter's shape (3, 2, node, track)."""
        return np.ascontiguousarray(self["joint"][at].T).reshape(3, 2, NODE_COUNT, len(at))

    def set_joint(self, at: NDArray[np.int64], joint: NDArray[np.float64]) -> None:
        """Replaces the joint probabilities of some tracks."""
        self["joint"][at] = joint.reshape(JOINT_SIZE, len(at)).T


class Told:
    """Changes worth telling, columns (t,).

    `sensor_id`, `track_id`, `finding_id`, `revision`, `side` (that was left), `surest_ns` (when it was there
    most surely), `probability`, `is_undone` (later fixes lie on the old side again), `decided_ns`, `trace_ns`,
    `trace_prob`, and those of `BEFORE`, `AFTER`, `PASSAGE`.
    """

    def __init__(self, columns: Columns) -> None:
        self.columns = columns

    def __getitem__(self, name: str) -> NDArray[Any]:
        return self.columns[name]

    def __len__(self) -> int:
        return len(self.columns["side"])


_FACTS: Final = (
    "sensor_id",
    "track_id",
    "side",
    "surest_ns",
    "trace_ns",
    "trace_prob",
    *BEFORE,
    *AFTER,
    *PASSAGE,
)


def settle(
    pending: Pending,
    at: NDArray[np.int64],
    decided_ns: NDArray[np.int64],
    rule_id: str,
    thresholds: ThresholdsAt,
) -> Told:
    """Tells pending changes at the end of their waiting, as they stand; they stay open.

    Changes `pending` in place. A change without a passage went round an end of the line and is not told.
    """
    joint = pending.joint_at(at)
    probability = changed(over_nodes(joint), pending["side"][at])
    told = tell(pending, at, probability, decided_ns, rule_id)
    pending.set_joint(at, marked(joint, pending["side"][at]))
    pending["is_asserted"][at] = probability >= thresholds(decided_ns).assert_prob
    pending["is_told"][at], pending["due_ns"][at] = True, NEVER_NS
    return told


def as_they_stand(pending: Pending, until_ns: int, rule_id: str, thresholds: ThresholdsAt) -> Told:
    """What is in doubt when the input ends, told as it stands and left open. Changes `pending` in place."""
    at = np.flatnonzero((pending["due_ns"] != NEVER_NS) | (pending["revision"] > 0))
    times_ns = np.full(len(at), until_ns, dtype=np.int64)
    joint = pending.joint_at(at)
    sums = over_nodes(joint)
    probability = changed(sums, pending["side"][at])
    is_likely = probability >= thresholds(times_ns).report_prob
    # One that was told and has since become unlikely is told by what is now known of the instant it was told for.
    probability = np.where(is_likely, probability, had_changed(sums))
    told = tell(pending, at, probability, times_ns, rule_id, is_undone=~is_likely)
    pending["is_asserted"][at] = is_likely & (probability >= thresholds(times_ns).assert_prob)
    pending.set_joint(at[is_likely], marked(joint[..., is_likely], pending["side"][at[is_likely]]))
    return told


def tell(
    pending: Pending,
    at: NDArray[np.int64],
    probability: NDArray[np.float64],
    decided_ns: NDArray[np.int64],
    rule_id: str,
    is_undone: NDArray[np.bool_] | None = None,
) -> Told:
    """The changes of some tracks as they stand, those that have a passage and news; counted in `pending`."""
    is_news = (pending["passage_ns"][at] != NEVER_NS) & (
        pending["after_time_ns"][at] > pending["published_ns"][at]
    )
    news = at[is_news]
    for i in news.tolist():
        if pending["revision"][i] == 0:
            pending["finding_id"][i] = finding_id(rule_id, {name: pending[name][i] for name in _FACTS})
    pending["revision"][news] += 1
    pending["published_ns"][news] = pending["after_time_ns"][news]
    columns = taken({name: pending[name] for name in (*_FACTS, "finding_id", "revision")}, news)
    columns["probability"], columns["decided_ns"] = probability[is_news], decided_ns[is_news]
    columns["is_undone"] = np.zeros(len(news), dtype=bool) if is_undone is None else is_undone[is_news]
    return Told(columns)


def finding_id(rule_id: str, facts: dict[str, Any]) -> str:
    """The id of the finding of a change: by its track, the fix before it and its direction."""
    return findings.identity(
        "finding",
        rule_id,
        f"track:{facts['sensor_id']}/{facts['track_id']}",
        events.event_key(facts["sensor_id"], facts["before_id"]),
        findings.DIRECTION_NAMES[int(facts["side"])],
        int(facts["passage_ordinal"]),
    )
