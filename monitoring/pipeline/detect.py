"""`contactline detect`: events in, findings out, all of them final at the end of the input; no home, no
registry."""

from collections.abc import Iterable

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from monitoring import events, schema
from monitoring.agreement import Parameters
from monitoring.pipeline.engine import Engine


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
