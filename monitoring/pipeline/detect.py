"""`contactline detect`: events in, findings out, all of them final at the end of the input; no home, no
registry.

`Detection` takes events as time goes on and remembers open tracks and incidents only; `detect` takes them all at
once, in any order, and is what the other must equal.
"""

from collections.abc import Iterable
from typing import Final

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from monitoring import events, schema
from monitoring.agreement import Parameters
from monitoring.pipeline.engine import Engine

TICK_ROWS: Final = 50_000
"""So many rows of ordered input go by between two ticks: what waits for the watermark stays small."""


class OutOfOrder(ValueError):
    """An event came behind the watermark: the input must be put in order of time first."""


class Detection:
    """Findings of events that come in order of time, each id of a sensor once.

    Events may be out of order by less than the allowed lateness (`stream.lateness_s` of the agreement).
    """

    def __init__(self, parameters: Parameters, shards: int = 1) -> None:
        self._engine = Engine(parameters, shards)
        self._found: list[pa.Table] = []
        self._newest_ns: int | None = None
        self._rows_since_tick = 0

    def take(self, table: pa.Table) -> None:
        """Takes some events (EVENTS). Raises OutOfOrder, after which this detection cannot go on."""
        for first in range(0, table.num_rows, TICK_ROWS):
            self._take(table.slice(first, TICK_ROWS))

    def end(self) -> pa.Table:
        """The findings (FINDINGS, newest revisions, by start and id) when the input has ended."""
        if self._newest_ns is None:
            return schema.FINDINGS.empty_table()
        self._tick(end_of_input=True)
        return newest_revisions(pa.concat_tables(self._found).combine_chunks())

    def _take(self, table: pa.Table) -> None:
        time_ns = events.ints(table, "time_ns")
        watermark_ns = self._engine.watermark_ns
        if watermark_ns is not None and int(time_ns.min()) <= watermark_ns:
            raise OutOfOrder("an event is older than what has been judged already")
        self._engine.feed(table)
        newest_ns = int(time_ns.max())
        self._newest_ns = newest_ns if self._newest_ns is None else max(newest_ns, self._newest_ns)
        self._rows_since_tick += table.num_rows
        if self._rows_since_tick >= TICK_ROWS:
            self._tick(end_of_input=False)

    def _tick(self, end_of_input: bool) -> None:
        assert self._newest_ns is not None
        self._rows_since_tick = 0
        found = self._engine.tick(self._newest_ns, end_of_input).findings
        if found.num_rows or not self._found:
            self._found.append(found)


def detect(tables: Iterable[pa.Table], parameters: Parameters, shards: int = 1) -> pa.Table:
    """The findings (FINDINGS, newest revisions, by start and id) of all events in `tables` (EVENTS).

    The events may come in any order; of several with one id of one sensor the first counts. Nothing is late,
    because nothing is judged before everything is there.
    """
    given = [table for table in tables if table.num_rows]
    if not given:
        return schema.FINDINGS.empty_table()
    everything = _first_of_each(pa.concat_tables(given).combine_chunks())
    engine = Engine(parameters, shards)
    engine.feed(everything)
    output = engine.tick(int(events.ints(everything, "time_ns").max()), end_of_input=True)
    return newest_revisions(output.findings)


def newest_revisions(findings: pa.Table) -> pa.Table:
    """Of each finding its newest revision, in the order of start, rule and id."""
    if not findings.num_rows:
        return findings
    newest = findings.group_by("finding_id").aggregate([("revision", "max")])
    revision_of = dict(zip(*(newest.column(i).to_pylist() for i in (0, 1)), strict=True))
    ids, revisions = findings["finding_id"].to_pylist(), findings["revision"].to_pylist()
    is_newest = [revision_of[name] == revision for name, revision in zip(ids, revisions, strict=True)]
    by = [("time_start_ns", "ascending"), ("rule_id", "ascending"), ("finding_id", "ascending")]
    return findings.filter(pa.array(is_newest)).sort_by(by)


def _first_of_each(table: pa.Table) -> pa.Table:
    """Without events whose sensor has given the same id before."""
    codes = []
    for name in ("sensor_id", "id"):
        encoded = pc.dictionary_encode(table.column(name).combine_chunks())
        codes.append(encoded.indices.to_numpy(zero_copy_only=False).astype(np.int64))
    _, first = np.unique(codes[0] * (int(codes[1].max()) + 1) + codes[1], return_index=True)
    if len(first) == table.num_rows:
        return table
    return table.take(pa.array(np.sort(first)))
