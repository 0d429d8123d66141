"""The engine: events in, final results out, and nothing else: no file, no clock, no database.

`feed` takes events as they come, `tick` tells how late it is. Everything up to the watermark goes through
the three steps in canonical order; what comes behind the watermark is a straggler and leads to amendments.
Which results come out does not depend on how deliveries were cut, on their order within the allowed
lateness, nor on the number of shards.
"""

import copy
from typing import Any, Final, NamedTuple, cast

import msgspec
import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from monitoring import coverage, events, incidents, schema
from monitoring.agreement import Parameters
from monitoring.attribution import as_judged, attribute
from monitoring.cases import filing
from monitoring.findings import Judged
from monitoring.incidents import IncidentState
from monitoring.pipeline import reevaluation, tracking, windows
from monitoring.pipeline.clock import EventClock
from monitoring.pipeline.reevaluation import ReevaluationRequest, Stragglers
from monitoring.rules import IncidentRule, chosen

STATE_VERSION: Final = 4
_NO_EVENTS: Final = events.empty(schema.EVENTS)
_NO_COVERAGE: Final = events.empty(schema.COVERAGE)
_FIRE: Final = np.array([kind in schema.FIRE_KINDS for kind in schema.KINDS])


class StateTooNew(ValueError):
    """A snapshot was written by a later version of the program."""


class EngineOutput(NamedTuple):
    """Results in the order of decision: tables of FINDINGS, INCIDENTS, MEMBERS, FILINGS, COVERAGE."""

    findings: pa.Table
    incidents: pa.Table
    members: pa.Table
    filings: pa.Table
    coverage: pa.Table = events.empty(schema.COVERAGE)

    @classmethod
    def empty(cls) -> "EngineOutput":
        """No result."""
        return cls(*(events.empty(schema.schema_of(name)) for name in cls._fields))


class Engine:
    """S1, S2 and S3 with the events that wait for the watermark."""

    def __init__(self, parameters: Parameters, shards: int = 1) -> None:
        self._parameters = parameters
        self._incident_rules = tuple(cast("IncidentRule", rule) for rule in chosen(parameters, "incident"))
        self._clock = EventClock()
        self._reference_ns: int | None = None
        self._is_ended = False
        self._waiting: list[pa.Table] = []
        self._stragglers = Stragglers()
        self._tracks = tracking.start(parameters, shards)
        self._incidents = incidents.start()
        self._windows: windows.States = {}
        self._filing = filing.start()
        self._coverage = coverage.CoverageState()

    @property
    def watermark_ns(self) -> int | None:
        """Event time up to which results are final; None before the first tick that follows an event."""
        return self._clock.watermark_ns

    def feed(self, table: pa.Table) -> None:
        """Takes events (EVENTS). What is not after the watermark goes to the stragglers, the rest waits for it."""
        if not table.num_rows:
            return
        self._is_ended = False
        self._clock.observe(table)
        watermark_ns = self._clock.watermark_ns
        if watermark_ns is not None:
            is_late = events.ints(table, "time_ns") <= watermark_ns
            if is_late.any():
                late = events.taken(table, np.flatnonzero(is_late))
                self._stragglers = self._stragglers.with_events(late, self._parameters)
                self._coverage = coverage.late(self._coverage, late, self._parameters)
                table = events.taken(table, np.flatnonzero(~is_late))
        if table.num_rows:
            self._waiting.append(table)

    def tick(self, reference_ns: int, end_of_input: bool = False) -> EngineOutput:
        """Moves the watermark by the reference time and gives what has become final.

        At the end of the input everything open is published as final and stays open: what continues it later
        gives the next revision of the same id.
        """
        self._reference_ns = reference_ns
        self._is_ended = end_of_input
        if self._clock.watermark_ns is None and not self._clock.newest_ns:
            return EngineOutput.empty()
        until_ns = self._clock.tick(reference_ns, end_of_input, self._parameters.agreement)
        assert until_ns is not None
        return self._advance(until_ns, end_of_input)

    def provisional(self) -> EngineOutput:
        """What would be final if the input ended now; moves nothing and files no case."""
        copied = copy.copy(self)
        copied._waiting = list(self._waiting)
        newest = [int(events.ints(table, "time_ns").max()) for table in self._waiting]
        known = [time_ns for time_ns in (self._clock.watermark_ns, *newest) if time_ns is not None]
        if not known:
            return EngineOutput.empty()
        output = copied._advance(max(known), is_end=True, has_coverage=False)
        provisional = {
            name: _with_state(getattr(output, name), "provisional") for name in ("findings", "incidents")
        }
        return output._replace(**provisional, filings=events.empty(schema.FILINGS))

    def stragglers(self) -> ReevaluationRequest | None:
        """What has to be judged again because evidence came behind the watermark; None when nothing has."""
        return self._stragglers.request(self._parameters)

    def reevaluate(
        self, request: ReevaluationRequest, evidence: pa.Table, published: EngineOutput
    ) -> EngineOutput:
        """Amendments: what late evidence changes in what was published.

        `evidence`: EVENTS from the archive for the tracks and areas of the request, late ones included, up
        to the watermark; `published`: newest revisions of the findings and incidents of these, withdrawn
        ones too. A result that matches its predecessor (rule, subject, direction, overlap in time) keeps
        its id; what vanished is withdrawn; new results, and changed ones, go through the filing.
        """
        until_ns = self._clock.watermark_ns
        assert until_ns is not None, "there are no stragglers before a watermark"
        published = published._replace(
            findings=coverage.without_coverage(as_judged(published.findings)),
            incidents=as_judged(published.incidents),
        )
        known = np.flatnonzero(events.ints(evidence, "time_ns") <= until_ns)
        evidence = events.taken(evidence, events.distinct_in_order(evidence, known))
        self._tracks, movement = reevaluation.tracks_anew(
            self._tracks, request, evidence, published.findings, until_ns, self._is_ended, self._parameters
        )
        fire = evidence.filter(pa.array(_is_fire(evidence)))
        self._incidents, amended = incidents.amend(
            self._incidents,
            reevaluation.placed(fire, self._parameters),
            movement.findings,
            movement.decided_ns,
            published.findings,
            published.incidents,
            until_ns,
            self._parameters,
            self._is_ended,
            self._incident_rules,
            movement.sketches,
        )
        self._windows, around = windows.anew(
            self._windows,
            request.windows,
            evidence,
            published.findings,
            until_ns,
            self._is_ended,
            self._parameters,
        )
        self._stragglers = Stragglers()
        return self._filed(_together(amended, around))

    def snapshot(self) -> bytes:
        """The whole state, as bytes; equal states give equal bytes whatever the number of shards."""
        fixes, memory = tracking.joined(self._tracks)
        waiting = _concatenated(self._waiting)
        content = {
            "version": STATE_VERSION,
            "clock": self._clock.to_json(),
            "reference_ns": self._reference_ns,
            "is_ended": self._is_ended,
            "waiting": _to_ipc(events.in_canonical_order(waiting)),
            "stragglers": self._stragglers.to_json(),
            "fixes": _to_ipc(fixes),
            "memory": {name: _to_ipc(table) for name, table in sorted(memory.items())},
            "incidents": self._incidents.snapshot(),
            "windows": windows.snapshot(self._windows, _to_ipc),
            "filing": self._filing.snapshot(),
            "coverage": self._coverage.to_state(),
        }
        return msgspec.msgpack.encode(content, order="deterministic")

    @classmethod
    def restore(cls, parameters: Parameters, data: bytes, shards: int = 1) -> "Engine":
        """The engine of a snapshot, with any number of shards. Raises `StateTooNew`."""
        content: dict[str, Any] = msgspec.msgpack.decode(data)
        if content["version"] > STATE_VERSION:
            raise StateTooNew(
                f"the engine's state has version {content['version']}, this program reads {STATE_VERSION}: "
                "use the newer program, or rebuild from the journal"
            )
        engine = cls(parameters, shards)
        engine._clock = EventClock.from_json(content["clock"])
        engine._reference_ns = content["reference_ns"]
        engine._is_ended = content["is_ended"]
        waiting = _from_ipc(content["waiting"])
        engine._waiting = [waiting] if waiting.num_rows else []
        engine._stragglers = Stragglers.from_json(content["stragglers"])
        memory = {name: _from_ipc(table) for name, table in content["memory"].items()}
        engine._tracks = tracking.restored(_from_ipc(content["fixes"]), memory, parameters, shards)
        engine._incidents = IncidentState.restore(content["incidents"])
        engine._windows = windows.restored(content.get("windows", {}), _from_ipc)
        engine._filing = filing.FilingState.restore(content["filing"])
        engine._coverage = coverage.CoverageState.from_state(content.get("coverage"))
        return engine

    def _advance(self, until_ns: int, is_end: bool, has_coverage: bool = True) -> EngineOutput:
        everything, rows = self._due(until_ns)
        watched = _NO_COVERAGE
        if has_coverage:
            signs = events.taken(everything.select(coverage.COLUMNS), rows)
            self._coverage, watched = coverage.step(self._coverage, signs, until_ns, is_end, self._parameters)
        # Each step takes the columns and rows that it reads: to copy all of them would take as long as to judge them.
        fixes = tracking.fixes_of(events.taken(everything.select(tracking.READ), rows), self._parameters)
        self._tracks, movement = tracking.advance(self._tracks, fixes, until_ns, is_end, self._parameters)
        fire = events.taken(everything, rows[_is_fire(everything)[rows]])
        self._incidents, output = incidents.step(
            self._incidents,
            reevaluation.placed(fire, self._parameters),
            movement.findings,
            until_ns,
            self._parameters,
            is_end,
            len(self._tracks),
            movement.decided_ns,
            self._incident_rules,
            movement.sketches,
        )
        around_places = events.taken(everything, rows[windows.is_read(everything, self._parameters)[rows]])
        self._windows, around = windows.advance(
            self._windows, around_places, until_ns, is_end, self._parameters
        )
        return self._filed(_together(output, around))._replace(coverage=watched)

    def _filed(self, output: incidents.IncidentOutput) -> EngineOutput:
        judged, described = attribute(output.findings, output.incidents, self._parameters)
        judged = coverage.with_coverage(self._coverage, judged, output.decided_ns)
        self._filing, filings = filing.step(self._filing, judged, described, self._parameters)
        return EngineOutput(judged, described, output.members, filings)

    def _due(self, until_ns: int) -> tuple[pa.Table, NDArray[np.int64]]:
        """Events that waited, and which of them are up to the watermark, each once, in canonical order.

        Later ones go on waiting.
        """
        everything = _concatenated(self._waiting)
        is_due = events.ints(everything, "time_ns") <= until_ns
        waiting = np.flatnonzero(~is_due)
        self._waiting = [events.taken(everything, waiting)] if len(waiting) else []
        return everything, events.distinct_in_order(everything, np.flatnonzero(is_due))


def _together(output: incidents.IncidentOutput, around: windows.WindowOutput) -> incidents.IncidentOutput:
    """The results of both, findings in the order of decision."""
    if not around.findings:
        return output
    judged = Judged(output.findings, output.decided_ns).with_others(Judged.of(around.findings))
    rows = pa.Table.from_pylist(around.incidents, schema=schema.INCIDENTS)
    return output._replace(
        findings=judged.findings,
        decided_ns=judged.decided_ns,
        incidents=pa.concat_tables([output.incidents, rows]),
        members=pa.concat_tables([output.members, around.members]),
    )


def _is_fire(table: pa.Table) -> NDArray[np.bool_]:
    return np.asarray(_FIRE[events.codes(table, "kind")])


def _concatenated(tables: list[pa.Table]) -> pa.Table:
    return pa.concat_tables(tables).combine_chunks() if tables else _NO_EVENTS


def _with_state(table: pa.Table, state: str) -> pa.Table:
    at = table.schema.get_field_index("state")
    return table.set_column(at, table.schema.field(at), pa.array([state] * table.num_rows, type=pa.string()))


def _to_ipc(table: pa.Table) -> bytes:
    sink = pa.BufferOutputStream()
    with pa.ipc.new_stream(sink, table.schema) as writer:
        writer.write_table(table.combine_chunks())
    return bytes(sink.getvalue())


def _from_ipc(data: bytes) -> pa.Table:
    with pa.ipc.open_stream(pa.py_buffer(data)) as reader:
        return reader.read_all()
