"""When findings became final, read from the journal's ticks and from what was published for each."""

from dataclasses import dataclass, field

import numpy as np
import pyarrow.compute as pc

from monitoring.adapters.home import Home
from monitoring.adapters.journal import Journal
from monitoring.adapters.output_log import OutputLog
from monitoring.evidence.records import decode_json

RESOLVED_S = 600.0
"""Ticks further apart say too little about when a finding became final."""


@dataclass(frozen=True)
class FinalTimes:
    """`at_ns`: finding → reference time (ns UTC) of the tick that made it final; those that the end of input made
    final are left out, also if later evidence gave them another revision. `ticks_apart_s`: median between ticks,
    whether or not anything was published for them, None for fewer than two. `by_clock`: whether the reference was a
    server's clock, not the newest event of a file."""

    at_ns: dict[str, int] = field(default_factory=dict)
    ticks_apart_s: float | None = None
    by_clock: bool = False

    @property
    def resolved_ns(self) -> dict[str, int]:
        """The times where the ticks are near enough to each other to mean something; else none.

        >>> FinalTimes({"F": 5}, 60.0).resolved_ns, FinalTimes({"F": 5}, 3_600.0).resolved_ns
        ({'F': 5}, {})
        """
        apart_s = self.ticks_apart_s
        return self.at_ns if apart_s is not None and apart_s <= RESOLVED_S else {}


def final_times(home: Home) -> FinalTimes:
    """When each finding of the home first became final. Reads the whole journal and output log."""
    journal, published = (
        Journal(home.journal_dir, writable=False),
        OutputLog(home.output_dir, writable=False),
    )
    try:
        ticks = {
            record.seq: decode_json(record.payload) for record in journal.read() if record.type == "tick"
        }
        first: dict[str, int] = {}
        for output in published.read():
            if output.journal_seq in ticks:
                findings = output.tables["findings"]
                for name in findings.filter(pc.equal(findings["state"], "final"))["finding_id"].to_pylist():
                    first.setdefault(name, output.journal_seq)
    finally:
        journal.close()
        published.close()
    inside = {seq: int(tick["reference_ns"]) for seq, tick in ticks.items() if not tick["end_of_input"]}
    apart_ns = np.diff(list(inside.values()))
    return FinalTimes(
        at_ns={name: inside[seq] for name, seq in first.items() if seq in inside},
        ticks_apart_s=float(np.median(apart_ns)) / 1e9 if len(apart_ns) else None,
        by_clock={str(ticks[seq]["source"]) for seq in inside} == {"clock"},
    )
