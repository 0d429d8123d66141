"""Detectors behind one interface: a simulated run in, findings out. Ours, and a naive one to compare with."""

import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from functools import cache
from weakref import WeakKeyDictionary

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from geodata.contact_line import ContactLine, LineHistory
from geodata.sectors import Sectors
from monitoring import events, schema
from monitoring.agreement import Agreement, Parameters, SensorFacts
from monitoring.agreement.notices import Notices, canonical
from monitoring.pipeline import Engine, EngineOutput, ReevaluationRequest
from monitoring.rules import bind
from monitoring.simulation import Run
from monitoring.tracks.keys import LONE
from tests.benchmarks.naive import naive_findings

STEP_S = 1_800.0
SKEW_NS = 300_000_000_000
"""What is dated further ahead of the clock than this is held at the door."""


@dataclass
class Detected:
    """What a detector made of a run; `published_ns` is when each finding first became final."""

    findings: pa.Table
    incidents: pa.Table
    filings: pa.Table
    published_ns: dict[str, int] = field(default_factory=dict)
    events: int = 0
    seconds: float = 0.0


Detector = Callable[[Run, ContactLine, Agreement], Detected]


@cache
def packaged_agreement(name: str = "illustrative") -> Agreement:
    """A packaged agreement with its rules declared, read once: a long run must not see it change."""
    agreement = Agreement.load(name)
    bind(agreement)
    return agreement


_ADMITTED: WeakKeyDictionary[Run, list[tuple[int, pa.Table]]] = WeakKeyDictionary()


def admitted(run: Run) -> list[tuple[int, pa.Table]]:
    """(reference time, EVENTS) as the door would let them in: each event once, none from the future.

    A run is walked once, whoever asks, so that every detector sees the same and its truth is complete.
    """
    if run not in _ADMITTED:
        _ADMITTED[run] = list(_let_in(run))
    return _ADMITTED[run]


def _let_in(run: Run) -> Iterator[tuple[int, pa.Table]]:
    known: set[str] = set()
    for number, (reference_ns, arrived) in enumerate(run.deliveries(STEP_S), 1):
        delivery = arrived.filter(pa.array(events.ints(arrived, "time_ns") <= reference_ns + SKEW_NS))
        names = pc.binary_join_element_wise(delivery["sensor_id"], delivery["id"], "/").to_pylist()
        # Of what is told twice the first telling stays: the dictionary keeps the last that it is given.
        first = dict(zip(reversed(names), range(len(names) - 1, -1, -1), strict=True))
        again = first.keys() & known
        rows = sorted(row for name, row in first.items() if name not in again)
        fresh = delivery if len(rows) == len(names) else delivery.take(pa.array(rows, type=pa.int64()))
        known |= first.keys()
        count = fresh.num_rows
        address = {
            "journal_seq": pa.array(np.full(count, number), type=pa.int64()),
            "row": pa.array(np.arange(count), type=pa.int32()),
            "flags": pa.array(np.zeros(count), type=pa.uint16()),
        }
        columns = [
            address.get(f.name, fresh[f.name] if f.name in fresh.column_names else None)
            for f in schema.EVENTS
        ]
        yield reference_ns, pa.Table.from_arrays(columns, schema=schema.EVENTS)


@cache
def sectors_of(line: ContactLine) -> Sectors:
    """Sectors along a line; with their index they take longer to make than an hour to judge."""
    return Sectors.fit(line)


def parameters_of(run: Run, line: ContactLine, agreement: Agreement) -> Parameters:
    """What the engine is told of a run: the line, what the sensors' operators declare, what was announced."""
    sensors = {
        entry["id"]: SensorFacts(
            entry["type"],
            entry["host_side"],
            entry["sigma_m"],
            entry["lon"],
            entry["lat"],
            entry["detection_prob"],
        )
        for entry in run.registry
    }
    told = (Notices.read(canonical(run.notices, "notices"), "notices"),) if any(run.notices.values()) else ()
    return Parameters(agreement, LineHistory([line]), sectors_of(line), sensors, given_later=told)


def ours(run: Run, line: ContactLine, agreement: Agreement) -> Detected:
    """The engine, fed as things arrive, with a tick each half hour and late evidence judged every second time."""
    return with_parameters(run, parameters_of(run, line, agreement))


def with_parameters(run: Run, parameters: Parameters, *, amends: bool = True) -> Detected:
    """The engine with any parameters, fed as `ours` is; without amendments late evidence stays unjudged."""
    engine = Engine(parameters)
    archive: list[pa.Table] = []
    outputs: list[EngineOutput] = [EngineOutput.empty()]
    published_ns: dict[str, int] = {}
    seconds, count, reference_ns = 0.0, 0, run.from_ns

    def keep(output: EngineOutput) -> None:
        outputs.append(output)
        for name in output.findings["finding_id"].to_pylist():
            published_ns.setdefault(name, reference_ns)

    for number, (reference_ns, table) in enumerate(admitted(run)):
        began = time.process_time()
        archive.append(table)
        count += table.num_rows
        engine.feed(table)
        keep(engine.tick(reference_ns))
        if amends and number % 2 == 0:
            _amend(engine, archive, outputs, keep)
        seconds += time.process_time() - began
    began = time.process_time()
    keep(engine.tick(reference_ns, end_of_input=True))
    if amends:
        _amend(engine, archive, outputs, keep)
    seconds += time.process_time() - began
    whole = EngineOutput(*(pa.concat_tables(parts) for parts in zip(*outputs, strict=True)))
    return Detected(whole.findings, whole.incidents, whole.filings, published_ns, count, seconds)


def _amend(
    engine: Engine,
    archive: list[pa.Table],
    outputs: list[EngineOutput],
    keep: Callable[[EngineOutput], None],
) -> None:
    request = engine.stragglers()
    if request is None:
        return
    published = EngineOutput.empty()._replace(
        findings=newest(pa.concat_tables(output.findings for output in outputs), "finding_id"),
        incidents=newest(pa.concat_tables(output.incidents for output in outputs), "incident_id"),
    )
    evidence = _asked_for(request, pa.concat_tables(archive), published.findings)
    keep(engine.reevaluate(request, evidence, published))


def _asked_for(request: ReevaluationRequest, table: pa.Table, known: pa.Table) -> pa.Table:
    keys = pa.array([f"{span.sensor_id}/{span.track_id}" for span in request.tracks], type=pa.string())
    track_id = pc.coalesce(table["track_id"], pc.binary_join_element_wise(LONE, table["id"], ""))
    own = pc.binary_join_element_wise(table["sensor_id"], track_id, "/")
    mask = pc.is_in(own, value_set=keys).to_numpy()
    lon, lat, time_ns = events.reals(table, "lon"), events.reals(table, "lat"), events.ints(table, "time_ns")
    is_fire = np.isin(events.codes(table, "kind"), [schema.KINDS.index(kind) for kind in schema.FIRE_KINDS])
    for area in request.fire:
        with np.errstate(invalid="ignore"):
            inside = (lon >= area.west) & (lon <= area.east) & (lat >= area.south) & (lat <= area.north)
        mask = mask | (is_fire & inside & (time_ns >= area.from_ns) & (time_ns <= area.to_ns))
    for span in request.windows:
        wide = span.covering(known)
        of_rule = np.isin(events.codes(table, "kind"), [schema.KINDS.index(kind) for kind in span.kinds])
        mask = mask | (of_rule & (time_ns >= wide.from_ns) & (time_ns <= wide.to_ns))
    return table.filter(pa.array(mask))


def newest(table: pa.Table, key: str) -> pa.Table:
    """Of each id the newest revision, in the order of first appearance."""
    last = {name: i for i, name in enumerate(table[key].to_pylist())}
    return table.take(pa.array(sorted(last.values()), type=pa.int64()))


def naive(run: Run, line: ContactLine, agreement: Agreement) -> Detected:
    """The nearest-side flip on every event as it comes: no errors, no fusion, no late evidence."""
    width = agreement.value("buffer_incursion.width_m", run.from_ns)
    zone = agreement.value("ceasefire_fire.zone_m", run.from_ns)
    tables = [table for _, table in admitted(run)]
    began = time.process_time()
    findings = naive_findings(pa.concat_tables(tables), line, min(width.values()), min(zone.values()))
    seconds = time.process_time() - began
    empty = EngineOutput.empty()
    return Detected(
        findings, empty.incidents, empty.filings, {}, sum(table.num_rows for table in tables), seconds
    )


DETECTORS: dict[str, Detector] = {"ours": ours, "naive": naive}
