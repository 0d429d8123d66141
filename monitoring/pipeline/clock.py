"""Event time: how far every sensor has come, and up to when results are final.

The watermark is the newest event time of the slowest active sensor less the allowed lateness. A sensor is
active while it has delivered something within the idle time, measured in reference time (see `tick`
records); when none is active the watermark follows the reference time. It never falls. At the end of the
input it is the reference time.
"""

from dataclasses import dataclass, field
from typing import Final

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from monitoring import events
from monitoring.agreement import Agreement

_NS: Final = 1_000_000_000


@dataclass
class EventClock:
    """Per sensor its newest event time, and the reference time of the tick that followed its newest delivery."""

    watermark_ns: int | None = None
    newest_ns: dict[str, int] = field(default_factory=dict)
    delivered_ns: dict[str, int | None] = field(default_factory=dict)

    def observe(self, table: pa.Table) -> None:
        """Takes note of a delivery of events."""
        if not table.num_rows:
            return
        sensors = pc.dictionary_encode(table.column("sensor_id").combine_chunks())
        code = sensors.indices.to_numpy(zero_copy_only=False)
        newest = np.full(len(sensors.dictionary), np.iinfo(np.int64).min)
        np.maximum.at(newest, code, events.ints(table, "time_ns"))
        for sensor, newest_ns in zip(sensors.dictionary.to_pylist(), newest.tolist(), strict=True):
            self.newest_ns[sensor] = max(newest_ns, self.newest_ns.get(sensor, newest_ns))
            self.delivered_ns[sensor] = None  # since the last tick

    def tick(self, reference_ns: int, is_end: bool, agreement: Agreement) -> int | None:
        """The watermark at this reference time; None while nothing has ever been observed."""
        idle_ns = int(agreement.number("stream.idle_s", reference_ns) * _NS)
        lateness_ns = int(agreement.number("stream.lateness_s", reference_ns) * _NS)
        for sensor, delivered_ns in list(self.delivered_ns.items()):
            if delivered_ns is None:
                self.delivered_ns[sensor] = reference_ns
            elif reference_ns - delivered_ns > idle_ns:
                # An idle sensor holds nothing back, and becomes active again with its next delivery.
                del self.delivered_ns[sensor], self.newest_ns[sensor]
        if is_end:
            reached_ns = reference_ns
        else:
            active = (self.newest_ns[sensor] for sensor in self.delivered_ns)
            reached_ns = min([reference_ns, *active]) - lateness_ns
        if self.watermark_ns is None or reached_ns > self.watermark_ns:
            self.watermark_ns = reached_ns
        return self.watermark_ns

    def copy(self) -> "EventClock":
        """An independent copy."""
        return EventClock(self.watermark_ns, dict(self.newest_ns), dict(self.delivered_ns))

    def to_json(self) -> dict[str, object]:
        """What `from_json` reads."""
        return {
            "watermark_ns": self.watermark_ns,
            "newest_ns": self.newest_ns,
            "delivered_ns": self.delivered_ns,
        }

    @classmethod
    def from_json(cls, content: dict[str, object]) -> "EventClock":
        """The clock that `to_json` described."""
        return cls(**content)  # type: ignore[arg-type]  # what to_json wrote
