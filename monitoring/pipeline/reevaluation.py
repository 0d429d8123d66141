"""Late evidence: which results it touches, and how they are judged again.

A track is judged anew from all its archived fixes, so that the outcome is the one that timely evidence
would have given; the same for fire in the surroundings of a late event. New results are then matched with
the published ones.
"""

import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Final, NamedTuple

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from geodata import cells
from monitoring import events, schema
from monitoring.agreement import Parameters
from monitoring.findings import Judged
from monitoring.incidents import HALO_M, anchors
from monitoring.incidents.existence import unweighed
from monitoring.pipeline import tracking, windows
from monitoring.pipeline.windows import WindowSpan
from monitoring.tracks.facts import NEVER_NS
from monitoring.tracks.keys import track_keys
from monitoring.tracks.place import place

_FIRE: Final = np.array([kind in schema.FIRE_KINDS for kind in schema.KINDS])
_METRES_PER_DEGREE: Final = 110_000.0
_NS: Final = 1_000_000_000


class TrackSpan(NamedTuple):
    """A track with late fixes, from the first of them to the last; all its fixes are judged anew."""

    sensor_id: str
    track_id: str
    from_ns: int
    to_ns: int


class FireArea(NamedTuple):
    """Where and when fire is judged anew: degrees and event times, edges included."""

    west: float
    south: float
    east: float
    north: float
    from_ns: int
    to_ns: int


class ReevaluationRequest(NamedTuple):
    """What `Engine.reevaluate` wants to see: every fix of `tracks`, the fire in each of `fire`, and the events of
    each of `windows` (widened by what is published there, see `WindowSpan.covering`)."""

    tracks: tuple[TrackSpan, ...]
    fire: tuple[FireArea, ...]
    windows: tuple[WindowSpan, ...] = ()


@dataclass(frozen=True)
class Stragglers:
    """Late events so far: span of times by (sensor, track), box and span of times by cell for fire, span of times by
    rule of scope `place_window`."""

    tracks: dict[tuple[str, str], tuple[int, int]] = field(default_factory=dict)
    fire: dict[int, FireArea] = field(default_factory=dict)
    windows: dict[str, tuple[int, int]] = field(default_factory=dict)

    def with_events(self, late: pa.Table, parameters: Parameters) -> "Stragglers":
        """These and further late events. Fire seen from nobody knows where bears on nothing and asks for nothing."""
        tracks, fire = dict(self.tracks), dict(self.fire)
        fixes = tracking.fixes_of(late, parameters)
        spans = fixes.group_by(["sensor_id", "track_id"]).aggregate([("time_ns", "min"), ("time_ns", "max")])
        for row in spans.to_pylist():
            key = (row["sensor_id"], row["track_id"])
            low, high = tracks.get(key, (row["time_ns_min"], row["time_ns_max"]))
            tracks[key] = (min(low, row["time_ns_min"]), max(high, row["time_ns_max"]))
        lon, lat = anchors(late, parameters.sensors)
        time_ns = events.ints(late, "time_ns")
        shots = np.flatnonzero(_FIRE[events.codes(late, "kind")] & np.isfinite(lon) & np.isfinite(lat))
        cell = cells.cell_of(lon[shots], lat[shots])
        for number in np.unique(cell).tolist():
            at = shots[cell == number]
            area = FireArea(
                float(lon[at].min()),
                float(lat[at].min()),
                float(lon[at].max()),
                float(lat[at].max()),
                int(time_ns[at].min()),
                int(time_ns[at].max()),
            )
            fire[number] = _around(area, fire[number]) if number in fire else area
        return Stragglers(tracks, fire, windows.spans_of(self.windows, late, parameters))

    def request(self, parameters: Parameters) -> ReevaluationRequest | None:
        """The request that these late events make, None when there are none."""
        if not self.tracks and not self.fire and not self.windows:
            return None
        tracks = tuple(TrackSpan(*key, *span) for key, span in sorted(self.tracks.items()))
        fire = tuple(_widened(self.fire[number], parameters) for number in sorted(self.fire))
        return ReevaluationRequest(tracks, fire, windows.requested(self.windows, parameters))

    def to_json(self) -> dict[str, Any]:
        """What `from_json` reads."""
        return {
            "tracks": [[*key, *span] for key, span in sorted(self.tracks.items())],
            "fire": [[number, *area] for number, area in sorted(self.fire.items())],
            "windows": [[name, *span] for name, span in sorted(self.windows.items())],
        }

    @classmethod
    def from_json(cls, content: dict[str, Any]) -> "Stragglers":
        """The stragglers that `to_json` described."""
        return cls(
            {(sensor, track): (low, high) for sensor, track, low, high in content["tracks"]},
            {number: FireArea(*area) for number, *area in content["fire"]},
            {name: (low, high) for name, low, high in content.get("windows", ())},
        )


def tracks_anew(
    shards: Sequence[tracking.TrackShard],
    request: ReevaluationRequest,
    evidence: pa.Table,
    published: pa.Table,
    until_ns: int,
    is_end: bool,
    parameters: Parameters,
) -> tuple[tuple[tracking.TrackShard, ...], Judged]:
    """The tracks of the request judged from their first fix on; state in their place, and the amendments."""
    if not request.tracks:
        return tuple(shards), Judged.of(())
    keys = track_keys(*(pa.array([span[i] for span in request.tracks]) for i in (0, 1)))
    subjects = pa.array([f"track:{span.sensor_id}/{span.track_id}" for span in request.tracks])
    fixes = tracking.fixes_of(evidence, parameters)
    names = pc.binary_join_element_wise("track:", fixes["sensor_id"], "")
    names = pc.binary_join_element_wise(names, fixes["track_id"], "/")
    fixes = fixes.filter(pc.is_in(names, value_set=subjects))
    # The end is assumed so that stays which were published while they went on find their successors.
    anew, judged = tracking.advance(
        tracking.start(parameters, len(shards)), fixes, until_ns, True, parameters
    )
    rules = [rule.RULE_ID for rule in tracking.track_rules(parameters)]
    is_meant = pc.and_(
        pc.is_in(published["subject_key"], value_set=subjects),
        pc.is_in(published["rule_id"], value_set=pa.array(rules, type=pa.string())),
    )
    going_on = {
        name for shard in anew for memory in shard.memory.values() for name in memory["finding_id"].tolist()
    }  # fmt: skip
    withheld = frozenset() if is_end else frozenset(going_on)
    amended = amendments(judged, published.filter(is_meant), until_ns, withheld)
    anew = tuple(_renamed(shard, amended.names) for shard in anew)
    return tracking.with_tracks(tracking.without(shards, keys), anew), amended.judged._replace(
        sketches=judged.sketches
    )


class Amended(NamedTuple):
    """Amendments, and under which id and revision each finding judged anew now stands (revision 0 = it does
    not)."""

    judged: Judged
    names: dict[str, tuple[str, int]]


def amendments(
    judged: Judged, published: pa.Table, until_ns: int, going_on: frozenset[str] = frozenset()
) -> Amended:
    """What differs between findings judged anew and the published ones of the same subjects.

    A finding matches the published one of its id, else the first of its rule, subject and direction that
    overlaps it in time; it keeps that id and takes the next revision when anything else differs. Published
    findings that nothing matches are withdrawn. Of a finding in `going_on`, what was decided only by taking
    `until_ns` for the end is left out unless it has been published before.
    """
    known = {row["finding_id"]: row for row in published.sort_by("revision").to_pylist()}
    decided = list(zip(judged.decided_ns.tolist(), judged.findings.to_pylist(), strict=True))
    newest = _newest(decided)
    free = {name: row for name, row in known.items() if row["state"] != "withdrawn"}
    matches = {row["finding_id"]: row["finding_id"] for _, row in newest if row["finding_id"] in known}
    for name in matches.values():
        free.pop(name, None)
    for _, row in newest:
        if row["finding_id"] not in matches:
            in_order = sorted(free, key=lambda name: (free[name]["time_start_ns"], name))
            found = next((name for name in in_order if _is_same_fact(free[name], row)), None)
            if found is not None:
                matches[row["finding_id"]] = found
                del free[found]
    withheld = going_on - matches.keys()
    standing = _newest(
        (decided_ns, row)
        for decided_ns, row in decided
        if row["finding_id"] not in withheld or decided_ns < until_ns
    )
    names = dict.fromkeys(withheld, ("", 0))
    rows: list[tuple[int, dict[str, Any]]] = []
    for decided_ns, row in standing:
        own = row["finding_id"]
        before = known.get(matches.get(own, ""))
        if before is None:
            names[own] = (own, 1)
            rows.append((decided_ns, {**row, "revision": 1}))
        elif before["state"] == "withdrawn" or _content(before) != _content(row):
            names[own] = (before["finding_id"], before["revision"] + 1)
            rows.append((decided_ns, {**row, "finding_id": names[own][0], "revision": names[own][1]}))
        else:
            names[own] = (before["finding_id"], before["revision"])
    rows.extend(
        (until_ns, {**row, "state": "withdrawn", "revision": row["revision"] + 1}) for row in free.values()
    )
    return Amended(Judged.of(rows), names)


def _renamed(shard: tracking.TrackShard, names: dict[str, tuple[str, int]]) -> tracking.TrackShard:
    """What goes on, remembered under the id and revision that its finding has been published with."""
    memory = {}
    for rule_id, held in shard.memory.items():
        table = held.to_table()
        rows = table.to_pylist()
        for row in rows:
            name, revision = names.get(row["finding_id"], ("", 0))
            row["revision"] = revision
            row["finding_id"] = name or row["finding_id"]
            if revision == 0:
                row["published_ns"] = NEVER_NS
        memory[rule_id] = held.from_table(pa.Table.from_pylist(rows, schema=table.schema)) if rows else held
    return tracking.TrackShard(shard.fixes, memory)


NOT_PLACED: Final = events.empty(schema.PLACED_EVENTS)
"""No event with place facts."""


def placed(table: pa.Table, parameters: Parameters) -> pa.Table:
    """Place facts of events that belong to no track (PLACED_EVENTS)."""
    return place(table, parameters) if table.num_rows else NOT_PLACED


_NOT_CONTENT: Final = frozenset({"finding_id", "revision", "state", "engine_version", "incident_id"})


def _content(row: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in unweighed(row).items() if name not in _NOT_CONTENT}


def _newest(rows: Iterable[tuple[int, dict[str, Any]]]) -> list[tuple[int, dict[str, Any]]]:
    """Of each finding its last revision, in the order given."""
    newest = {row["finding_id"]: (decided_ns, row) for decided_ns, row in rows}
    return list(newest.values())


def _is_same_fact(known: dict[str, Any], row: dict[str, Any]) -> bool:
    if any(known[name] != row[name] for name in ("rule_id", "subject_key", "direction")):
        return False
    known_from, known_to = _span(known)
    row_from, row_to = _span(row)
    return known_from <= row_to and row_from <= known_to


def _span(row: dict[str, Any]) -> tuple[float, float]:
    """The time in which the fact lies: for a crossing the time between its bracketing fixes, in seconds."""
    detail = json.loads(row["detail"])
    if "before" in detail and "after" in detail:
        before, after = (datetime.fromisoformat(detail[name]["time"]) for name in ("before", "after"))
        return before.timestamp(), after.timestamp()
    return row["time_start_ns"] / _NS, row["time_end_ns"] / _NS


def _around(first: FireArea, second: FireArea) -> FireArea:
    return FireArea(
        min(first.west, second.west),
        min(first.south, second.south),
        max(first.east, second.east),
        max(first.north, second.north),
        min(first.from_ns, second.from_ns),
        max(first.to_ns, second.to_ns),
    )


def _widened(area: FireArea, parameters: Parameters) -> FireArea:
    """The area with everything in place and time that may belong to one incident with fire in it."""
    agreement = parameters.agreement
    reach_m = HALO_M + agreement.number("association.limit_m", area.from_ns)
    reach_ns = int(
        (2 * agreement.number("association.duration_s_max", area.from_ns)
        + agreement.number("association.gap_s", area.from_ns)) * _NS
    )  # fmt: skip
    dlat = reach_m / _METRES_PER_DEGREE
    dlon = dlat / max(np.cos(np.radians(max(abs(area.south), abs(area.north)) + dlat)), 0.01)
    return FireArea(
        area.west - dlon,
        area.south - dlat,
        area.east + dlon,
        area.north + dlat,
        area.from_ns - reach_ns,
        area.to_ns + reach_ns,
    )
