"""What a re-evaluation needs to see: the archived events it asks for, and what is published about them."""

from collections.abc import Iterator, Mapping

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from monitoring import events as event_tables
from monitoring import schema
from monitoring.adapters.archive import Archive
from monitoring.adapters.store import Store
from monitoring.agreement import SensorFacts
from monitoring.incidents import anchors
from monitoring.pipeline import EngineOutput
from monitoring.pipeline.reevaluation import ReevaluationRequest, TrackSpan
from monitoring.tracks.keys import LONE


def archived(
    archive: Archive,
    request: ReevaluationRequest,
    sensors: Mapping[str, SensorFacts],
    journal_seq: int,
    known: pa.Table,
) -> pa.Table:
    """The events of the request's tracks, fire areas and windows that were journaled up to `journal_seq`.

    `known` are the published findings (FINDINGS) that the windows must show whole. Fire belongs to an area by its
    place or, where only a bearing is known, by the place of its observer.

    The archive may already hold later ones, when a run is repeated after a crash; they are not known yet.
    """
    parts = []
    tracks = [span for span in request.tracks if not span.track_id.startswith(LONE)]
    if tracks:
        parts.append(archive.select(keys=[(span.sensor_id, span.track_id) for span in tracks]))
    parts.extend(_sightings(archive, [span for span in request.tracks if span.track_id.startswith(LONE)]))
    parts.extend(
        archive.select(
            bbox=(area.west, area.south, area.east, area.north),
            from_ns=area.from_ns,
            to_ns=area.to_ns + 1,
            kinds=schema.FIRE_KINDS,
        )
        for area in request.fire
    )
    parts.extend(_unplaced(archive, request, sensors))
    for span in request.windows:
        wide = span.covering(known)
        parts.append(archive.select(from_ns=wide.from_ns, to_ns=wide.to_ns + 1, kinds=span.kinds))
    if not parts:
        return schema.EVENTS.empty_table()
    events = pa.concat_tables(parts)
    return events.filter(pc.less_equal(events.column("journal_seq"), journal_seq))


def _sightings(archive: Archive, lone: list[TrackSpan]) -> Iterator[pa.Table]:
    """Sightings that belong to no track, each asked for as a track of its own."""
    if lone:
        from_ns, to_ns = min(span.from_ns for span in lone), max(span.to_ns for span in lone)
        found = archive.select(from_ns=from_ns, to_ns=to_ns + 1, kinds=("sighting",))
        keys = pa.array([f"{span.sensor_id}/{span.track_id.removeprefix(LONE)}" for span in lone])
        names = pc.binary_join_element_wise(found["sensor_id"], found["id"], "/")
        yield found.filter(pc.is_in(names, value_set=keys))


def _unplaced(
    archive: Archive, request: ReevaluationRequest, sensors: Mapping[str, SensorFacts]
) -> Iterator[pa.Table]:
    """Fire without stated coordinates that bears on one of the areas."""
    spans: list[tuple[int, int]] = []
    for from_ns, to_ns in sorted((area.from_ns, area.to_ns + 1) for area in request.fire):
        if spans and from_ns <= spans[-1][1]:
            spans[-1] = (spans[-1][0], max(to_ns, spans[-1][1]))
        else:
            spans.append((from_ns, to_ns))
    for from_ns, to_ns in spans:
        fire = archive.select(from_ns=from_ns, to_ns=to_ns, kinds=schema.FIRE_KINDS)
        fire = fire.filter(pc.is_null(fire.column("lon")))
        lon, lat = anchors(fire, sensors)
        time_ns = event_tables.ints(fire, "time_ns")
        is_inside = np.zeros(fire.num_rows, dtype=np.bool_)
        for area in request.fire:
            is_inside |= (
                (lon >= area.west) & (lon <= area.east) & (lat >= area.south) & (lat <= area.north)
                & (time_ns >= area.from_ns) & (time_ns <= area.to_ns)
            )  # fmt: skip
        yield fire.filter(pa.array(is_inside))


def published(store: Store, request: ReevaluationRequest, fresh: EngineOutput) -> EngineOutput:
    """The newest revisions of what is published about the request, `fresh` results of the same record included."""
    subjects = [f"track:{span.sensor_id}/{span.track_id}" for span in request.tracks]
    findings = [store.findings_table(subject_keys=subjects)] if subjects else []
    incidents = []
    for area in request.fire:
        box = (area.west, area.south, area.east, area.north)
        findings.append(store.findings_table(bbox=box, from_ns=area.from_ns, to_ns=area.to_ns + 1))
        incidents.append(store.incidents_table(bbox=box, from_ns=area.from_ns, to_ns=area.to_ns + 1))
    findings += [
        store.findings_table(rule_id=span.rule_id, from_ns=span.from_ns, to_ns=span.to_ns + 1)
        for span in request.windows
    ]
    found = _newest([*findings, fresh.findings], schema.FINDINGS, "finding_id")
    wanted = [i for i in pc.unique(found.column("incident_id")).to_pylist() if i is not None]
    if wanted:
        incidents.append(store.incidents_table(incident_ids=wanted))
    return EngineOutput(
        findings=found,
        incidents=_newest([*incidents, fresh.incidents], schema.INCIDENTS, "incident_id"),
        members=schema.MEMBERS.empty_table(),
        filings=schema.FILINGS.empty_table(),
    )


def _newest(tables: list[pa.Table], table_schema: pa.Schema, key: str) -> pa.Table:
    """Of each id its newest revision, in the order of ids."""
    whole = pa.concat_tables([table_schema.empty_table(), *tables])
    if not whole.num_rows:
        return whole
    order = pc.sort_indices(
        whole.select([key, "revision"]), sort_keys=[(key, "ascending"), ("revision", "ascending")]
    )
    whole = whole.take(order)
    keys = whole.column(key).combine_chunks()
    is_last = pc.not_equal(keys.slice(0, len(keys) - 1), keys.slice(1))
    return whole.filter(pa.concat_arrays([is_last, pa.array([True])]))
