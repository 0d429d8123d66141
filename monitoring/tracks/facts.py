"""What is told of a fix and of a passage over the line, as columns that outlive the batch they came with.

A crossing is decided later than it happens, often with another batch; until then its facts wait in these
columns. They are the same for crossings that are seen, inferred and exact.
"""

from collections.abc import Mapping
from typing import Any, Final

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from monitoring.agreement import Parameters
from monitoring.tracks.batch import NOT_STATED, TrackBatch
from monitoring.tracks.speed import is_too_fast

Columns = dict[str, NDArray[Any]]
Rows = NDArray[np.int64]

NEVER_NS: Final = -(2**63)
ON_THE_LINE: Final = 1.645 / 2.146
"""A passage lies on the line and errs along it only: the circle that holds nine in ten such places has its radius
at 1.645 standard deviations, where one of errors in both directions has it at 2.146."""

_FIX: Final[Mapping[str, pa.DataType]] = {
    "id": pa.string(),
    "time_ns": pa.int64(),
    "lon": pa.float64(),
    "lat": pa.float64(),
    "sigma_m": pa.float64(),
    "k_sigma": pa.float64(),
    "distance_m": pa.float64(),
    "side": pa.int8(),
    "object_class": pa.int8(),
    "affiliation": pa.int8(),
    "is_doubtful": pa.bool_(),
    "is_at_odds": pa.bool_(),
    "line_version": pa.string(),
}
_PASSAGE: Final[Mapping[str, pa.DataType]] = {
    "passage_ns": pa.int64(),
    "passage_lon": pa.float64(),
    "passage_lat": pa.float64(),
    "passage_chainage_m": pa.float64(),
    "passage_line_part": pa.int16(),
    "passage_line_edge": pa.int32(),
    "passage_count": pa.int64(),
    "passage_ordinal": pa.int64(),
    "passage_from_id": pa.string(),
    "passage_to_id": pa.string(),
    "passage_step_ns": pa.int64(),
    "passage_sigma_m": pa.float64(),
    "passage_is_fast": pa.bool_(),
}
BEFORE: Final = {f"before_{name}": kind for name, kind in _FIX.items()}
AFTER: Final = {f"after_{name}": kind for name, kind in _FIX.items()}
PASSAGE: Final = _PASSAGE
"""Types by column. `before` is the fix on the old side, `after` the one that decided; of a passage
`passage_count` is how many its step has, `passage_ordinal` which of them it is, `passage_is_fast` whether no
object of the class can move as fast as its step; `passage_ns` NEVER_NS = none."""


def fix_facts(batch: TrackBatch, rows: Rows, prefix: str) -> Columns:
    """The columns of `BEFORE` or `AFTER` (by `prefix`) for some rows of a batch."""
    versions = np.array([line.version for line in batch.lines], dtype=np.object_)
    columns: Columns = {
        "id": batch.event_ids(rows),
        "time_ns": batch.time_ns[rows],
        "lon": batch.lon[rows],
        "lat": batch.lat[rows],
        "sigma_m": batch.sigma_m[rows],
        "k_sigma": batch.k_sigma[rows],
        "distance_m": batch.signed_distance_m[rows],
        "side": batch.side[rows],
        "object_class": batch.object_class[rows],
        "affiliation": batch.affiliation[rows],
        "is_doubtful": batch.is_doubtful[rows],
        "is_at_odds": batch.is_at_odds[rows],
        "line_version": versions[batch.line_idx[rows]],
    }
    return {f"{prefix}_{name}": column for name, column in columns.items()}


def passage_facts(batch: TrackBatch, crossing: Rows, parameters: Parameters) -> Columns:
    """The columns of `PASSAGE` for some crossings of a batch."""
    crossings = batch.crossings
    end = crossings.row[crossing]
    step_ns = batch.time_ns[end] - batch.time_ns[end - 1]
    # To the microsecond, so that the last digits of an arithmetic never show.
    share_us = np.rint(crossings.fraction[crossing] * step_ns / 1_000).astype(np.int64)
    first, last = (fix_facts(batch, rows, side) for rows, side in ((end - 1, "before"), (end, "after")))
    return {
        "passage_ns": batch.time_ns[end - 1] + 1_000 * share_us,
        "passage_lon": crossings.lon[crossing],
        "passage_lat": crossings.lat[crossing],
        "passage_chainage_m": crossings.chainage_m[crossing],
        "passage_line_part": crossings.line_part[crossing],
        "passage_line_edge": crossings.line_edge[crossing],
        "passage_count": crossings.in_step[crossing],
        "passage_ordinal": crossing - np.searchsorted(crossings.row, end, side="left"),
        "passage_from_id": first["before_id"],
        "passage_to_id": last["after_id"],
        "passage_step_ns": step_ns,
        "passage_sigma_m": ON_THE_LINE * np.maximum(batch.sigma_m[end - 1], batch.sigma_m[end]),
        "passage_is_fast": is_too_fast(first | last, parameters),
    }


def absent(types: Mapping[str, pa.DataType], count: int) -> Columns:
    """Columns that say nothing: NEVER_NS for times, "" for names, NaN, 0 and False for the rest."""
    columns: Columns = {}
    for name, kind in types.items():
        if pa.types.is_string(kind):
            columns[name] = np.full(count, "", dtype=np.object_)
        elif pa.types.is_floating(kind):
            columns[name] = np.full(count, np.nan)
        elif pa.types.is_int64(kind) and name.endswith("_ns"):
            columns[name] = np.full(count, NEVER_NS, dtype=np.int64)
        elif name.endswith(("object_class", "affiliation")):
            columns[name] = np.full(count, NOT_STATED, dtype=np.int8)
        else:
            columns[name] = np.zeros(count, dtype=kind.to_pandas_dtype())
    return columns


def taken(columns: Columns, at: Rows | NDArray[np.bool_]) -> Columns:
    """The rows at some positions, or where a mask holds."""
    rows = np.flatnonzero(at) if at.dtype == np.bool_ else at
    if not len(rows):
        return {name: column[:0] for name, column in columns.items()}
    if at.dtype == np.bool_ and len(rows) == len(at):
        return dict(columns)
    return {name: column[rows] for name, column in columns.items()}


def joined(first: Columns, second: Columns) -> Columns:
    """The rows of one and then those of the other, which has the same columns; `key` is one of them."""
    if not len(first["key"]) or not len(second["key"]):
        return dict(second if len(second["key"]) else first)
    return {name: np.concatenate([column, second[name]]) for name, column in first.items()}


def put(columns: Columns, at: Rows | NDArray[np.bool_], values: Columns) -> None:
    """Writes `values` at some positions, or where a mask holds."""
    for name, column in values.items():
        columns[name][at] = column
