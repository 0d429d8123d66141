"""Shouting: sensors that report fire far more often than any sensor should, so that they only repeat themselves.

Reports are counted by sensor in fixed spans of five minutes of event time. A report was made by a shouting sensor
when the hour of whole spans before it holds more reports than the agreement allows; such reports do not support
each other, and need another sensor's. Late events are not counted.
"""

from typing import Final

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from monitoring import events
from monitoring.agreement import Agreement

Flags = NDArray[np.bool_]

SPAN_NS: Final = 300_000_000_000
SPANS: Final = 12
"""An hour of them is looked back on."""
KEPT_NS: Final = 28_800_000_000_000
"""Counts are kept for eight hours: nothing waits that long for its completion."""
COUNTS: Final = pa.schema(
    [
        pa.field("sensor_id", pa.string(), nullable=False),
        pa.field("span", pa.int64(), nullable=False),
        pa.field("count", pa.int64(), nullable=False),
    ]
)


def counted(counts: pa.Table, fresh: pa.Table) -> pa.Table:
    """COUNTS with the reports `fresh` added, in order of sensor and span."""
    span = events.ints(fresh, "time_ns") // SPAN_NS
    ones = np.ones(fresh.num_rows, dtype=np.int64)
    sensors = fresh.column("sensor_id").combine_chunks().cast(pa.string())
    added = pa.Table.from_arrays([sensors, pa.array(span), pa.array(ones)], schema=COUNTS)
    every = pa.concat_tables([counts, added])
    summed = every.group_by(["sensor_id", "span"]).aggregate([("count", "sum")])
    arrays = [summed.column(name).combine_chunks() for name in ("sensor_id", "span", "count_sum")]
    by = [("sensor_id", "ascending"), ("span", "ascending")]
    return pa.Table.from_arrays(arrays, schema=COUNTS).sort_by(by).combine_chunks()


def recent(counts: pa.Table, until_ns: int) -> pa.Table:
    """COUNTS without spans that nothing still open at the watermark can look back on."""
    return counts.filter(
        pa.array(events.ints(counts, "span") >= (until_ns - KEPT_NS) // SPAN_NS)
    ).combine_chunks()


def is_shouting(counts: pa.Table, rows: pa.Table, agreement: Agreement) -> Flags:
    """Whether each report's sensor had been shouting in the hour before it, (n,)."""
    time_ns = events.ints(rows, "time_ns")
    allowed = agreement.numbers("fire_evidence.shouting_per_h", time_ns)
    if not counts.num_rows:
        return np.zeros(len(time_ns), dtype=np.bool_)
    known = counts.column("sensor_id").combine_chunks().dictionary_encode()
    code_of = {name: code for code, name in enumerate(known.dictionary.to_pylist())}
    own = rows.column("sensor_id").combine_chunks().dictionary_encode()
    codes = np.array([code_of.get(name, -1) for name in own.dictionary.to_pylist()], dtype=np.int64)
    code = codes[np.asarray(own.indices)]
    width = np.int64(1) << 40  # wider than any span of the calendar
    key = np.asarray(known.indices).astype(np.int64) * width + events.ints(counts, "span")
    running = np.concatenate([[0], np.cumsum(events.ints(counts, "count"))])
    at = code * width + time_ns // SPAN_NS
    heard = running[np.searchsorted(key, at)] - running[np.searchsorted(key, at - SPANS)]
    return np.asarray((code >= 0) & (heard > allowed))
