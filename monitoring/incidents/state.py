"""What association remembers between batches, and what it gives.

Everything is an Arrow table with a versioned schema; no table is keyed by anything but a square, an event or an
incident, so state taken with any number of shards restores with any other.
"""

from dataclasses import dataclass, field
from typing import Any, Final, NamedTuple

import msgspec
import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from monitoring import schema
from monitoring.incidents.claims import CLAIMS
from monitoring.incidents.excursions import Excursions
from monitoring.incidents.existence import Trust
from monitoring.incidents.objects import Objects
from monitoring.incidents.readings import ROWS, of_former_versions
from monitoring.incidents.runs import Runs
from monitoring.incidents.shouting import COUNTS
from monitoring.incidents.sketchbook import Sketchbook

STATE_VERSION: Final = 7

PUBLISHED: Final = pa.schema(
    [
        pa.field("first_ordinal", pa.int64(), nullable=False),
        pa.field("members", pa.string(), nullable=False),
        *schema.INCIDENTS,
    ]
)
"""Incidents published at an end of input that may still grow; `members` is a hash of who belongs to them."""
APART: Final = pa.schema([schema.MEMBERS.field(name) for name in ("sensor_id", "id", "journal_seq", "row")])


class StateTooNew(ValueError):
    """A snapshot was written by a later version of the program."""


class IncidentOutput(NamedTuple):
    """Results of one step, each in the canonical order of finals: (`decided_ns`, rule, first event).

    `findings` are those of fire and those of movement with `incident_id` filled in; `decided_ns` (n,) belongs to
    `findings`; `apart` names imprecise reports of fire that fitted no incident.
    """

    findings: pa.Table
    incidents: pa.Table
    members: pa.Table
    decided_ns: NDArray[np.int64]
    apart: pa.Table


@dataclass(frozen=True)
class IncidentState:
    """`rows` are fire events not yet published for good; `excursions` the open incidents of movement, `objects` the
    tracks that are one, by the `sketches` of the last hours; `trust` what sensors' lone claims came to; `counts` how
    much fire each sensor reported lately (see `shouting`), `claims` what others made of the fire that it told of alone.
    """

    ordinal_next: int = 0
    rows: pa.Table = field(default_factory=ROWS.empty_table)
    runs: Runs = field(default_factory=Runs.none)
    published: pa.Table = field(default_factory=PUBLISHED.empty_table)
    published_findings: pa.Table = field(default_factory=schema.FINDINGS.empty_table)
    excursions: Excursions = field(default_factory=Excursions)
    objects: Objects = field(default_factory=Objects)
    sketches: Sketchbook = field(default_factory=Sketchbook)
    trust: Trust = field(default_factory=Trust)
    counts: pa.Table = field(default_factory=COUNTS.empty_table)
    claims: pa.Table = field(default_factory=CLAIMS.empty_table)

    def snapshot(self) -> bytes:
        """The state as bytes; equal states give equal bytes."""
        excursions, moves = self.excursions.tables()
        tables = {
            "rows": self.rows,
            "runs": self.runs.table(),
            "published": self.published,
            "published_findings": self.published_findings,
            "excursions": excursions,
            "moves": moves,
            "objects": self.objects.table(),
            "sketches": self.sketches.table,
            "trust": self.trust.table(),
            "counts": self.counts,
            "claims": self.claims,
        }
        content = {
            "version": STATE_VERSION,
            "ordinal_next": self.ordinal_next,
            "object_next": self.objects.next_number,
        }
        return msgspec.msgpack.encode(content | {name: _to_ipc(table) for name, table in tables.items()})

    @classmethod
    def restore(cls, data: bytes) -> "IncidentState":
        """The state that `snapshot` wrote. Raises `StateTooNew`."""
        content = msgspec.msgpack.decode(data)
        if content["version"] > STATE_VERSION:
            raise StateTooNew(
                f"state of association has version {content['version']}, this program reads {STATE_VERSION}"
            )
        return cls(
            ordinal_next=content["ordinal_next"],
            rows=of_former_versions(_from_ipc(content["rows"])),
            runs=Runs.of(_from_ipc(content["runs"])),
            published=_from_ipc(content["published"]),
            published_findings=_from_ipc(content["published_findings"]),
            excursions=Excursions.of_tables(_from_ipc(content["excursions"]), _from_ipc(content["moves"])),
            **_movement(content),
            counts=_from_ipc(content["counts"]) if "counts" in content else COUNTS.empty_table(),
            claims=_from_ipc(content["claims"]) if "claims" in content else CLAIMS.empty_table(),
        )


def _movement(content: dict[str, Any]) -> dict[str, Any]:
    """Objects, sketches and trust, of which versions before 4 knew nothing."""
    if content["version"] < 4:
        return {}
    return {
        "objects": Objects.of_table(_from_ipc(content["objects"]), content["object_next"]),
        "sketches": Sketchbook(_from_ipc(content["sketches"])),
        "trust": Trust.of_table(_from_ipc(content["trust"])),
    }


def _to_ipc(table: pa.Table) -> bytes:
    sink = pa.BufferOutputStream()
    with pa.ipc.new_stream(sink, table.schema) as writer:
        writer.write_table(table.combine_chunks())
    return bytes(sink.getvalue())


def _from_ipc(data: bytes) -> pa.Table:
    with pa.ipc.open_stream(pa.py_buffer(data)) as reader:
        return reader.read_all()
