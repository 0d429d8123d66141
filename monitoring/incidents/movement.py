"""Movement: findings of tracks that are one excursion of one object or group.

What moved is an *object*: the tracks that are one by their sketches (`same_object`, `objects`). A finding joins an
incident of movement when it is a new revision of a finding of it, or of the same object and the same happening:

- crossings are one happening when they lie within ten minutes of each other, and with the way back (the other
  direction) within the time that the agreement allows an excursion to take, unless they were permitted; what another
  sensor tells later as the same way out is that one too, badly placed, as nobody goes out twice without coming back;
- crossings of objects that were not found to be one may be one passage all the same (`passages`);
- stays are one happening when the object was not out, or unseen, for more than ten minutes between them; so are a
  stay and a crossing.

Where nothing was sketched of a track its findings are compared themselves: within the agreement's move and the
joint error of one of the incident's findings, no class or party against it, and in time the same passage (a
crossing the same way within two minutes), the way back (a crossing the other way within two hours of one that has
no return yet), or the same stay going on.

Findings are few; they are taken one by one in the canonical order of finals, which does not depend on where
batches were cut, each with the sketches up to its decision. Each one gives its incident's next revision.
"""

import json
from typing import Any, Final, NamedTuple

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from monitoring import findings, schema
from monitoring.agreement import Parameters
from monitoring.incidents import deeds, existence, passages, presences, statements, wording
from monitoring.incidents.excursions import Excursion, Excursions
from monitoring.incidents.existence import Sighting, Trust, Watch
from monitoring.incidents.following import Foresight
from monitoring.incidents.objects import Objects
from monitoring.incidents.passages import nanoseconds
from monitoring.incidents.same_object import Asked, Rules
from monitoring.incidents.sketchbook import WINDOW_NS, Sketchbook
from monitoring.tracks.keys import track_keys

MEMORY_S: Final = 86_400.0
"""Excursions that ended longer ago than this and the agreed excursion are closed for good."""


SHORT_NS: Final = 120_000_000_000
"""Clutter does not last so long."""
STILL_NS: Final = 600_000_000_000
"""What pauses at most so long is one happening, by the definition of one."""
_PERSON: Final = schema.OBJECT_CLASSES.index("person")


class Moving(NamedTuple):
    """What is remembered of movement: open excursions, objects, sketches of the tracks, trust in the sensors."""

    excursions: Excursions
    objects: Objects
    sketches: Sketchbook
    trust: Trust


class Scenes(NamedTuple):
    """What was seen of objects up to the decision of a finding."""

    objects: Objects
    sketches: Sketchbook
    moment_ns: int
    foresight: Foresight | None = None

    def is_lost_in_noise(self, rows: NDArray[np.int64], parameters: Parameters) -> bool:
        """Whether a track is a short one of a sensor that begins more of them than it can have seen."""
        time_ns = self.sketches.column("time_ns")
        begin_ns, end_ns = int(time_ns[rows[0]]), int(time_ns[rows[-1]])
        return end_ns - begin_ns < SHORT_NS and self.is_shouting(rows, parameters)

    def is_shouting(self, rows: NDArray[np.int64], parameters: Parameters) -> bool:
        """Whether the sensor of a track began too many about when this one began."""
        begin_ns = int(self.sketches.column("time_ns")[rows[0]])
        sensor = self.sketches.column("sensor")[rows[0]]
        begun = self.sketches.begun(sensor, begin_ns - STILL_NS, begin_ns)
        most = parameters.agreement.number("tracks.shouting_per_h", begin_ns)
        return begun > most * STILL_NS / 3_600e9

    def sighting(self, key: int, number: int, parameters: Parameters) -> Sighting | None:
        """What is known of an object by one of its tracks; None where nothing was sketched."""
        book, since_ns = self.sketches, self.moment_ns - WINDOW_NS
        own = low, high = book.span_of(key, since_ns, self.moment_ns)
        if low == high:
            return None
        others = (
            book.span_of(track, since_ns, self.moment_ns)
            for track in self.objects.tracks(number)
            if track != key
        )
        spans = [own, *(span for span in others if span[0] < span[1])]
        sensor_of, time_ns = book.in_track_order("sensor"), book.in_track_order("time_ns")
        return Sighting(
            float(time_ns[high - 1] - time_ns[low]) / 1e9,
            len({int(sensor_of[begin]) for begin, _ in spans}),
            any(book.in_track_order(word)[high - 1] >= 0 for word in ("object_class", "affiliation")),
            self.is_shouting(book.rows_in_track_order[low:high], parameters),
            _median(book.in_track_order("signed_distance_m")[low:high]),
            self._nameless(spans),
        )

    def _nameless(self, spans: list[tuple[int, int]]) -> tuple[str, ...]:
        """The sensors that followed an object and named nothing; none where one did or it was too fast.

        `spans`: of the object's tracks, the one asked for first (see `Sketchbook.span_of`).
        """
        book, newest = self.sketches, [high - 1 for _, high in spans]
        words = book.in_track_order("object_class")[newest].tolist()
        if any(word not in (-1, _PERSON) for word in words):
            return ()
        if (book.in_track_order("affiliation")[newest] >= 0).any():
            return ()
        (low, high), time_ns = spans[0], book.in_track_order("time_ns")
        east, north = book.local(low, high)
        elapsed_s = (time_ns[low:high] - time_ns[low]) / 1e9
        is_late = elapsed_s >= existence.SEEN_S_LEAST
        if (np.hypot(east, north)[is_late] > existence.ANIMAL_MPS * elapsed_s[is_late]).any():
            return ()
        lasting = (
            book.rows_in_track_order[end - 1]
            for (begin, end), word in zip(spans, words, strict=True)
            if word < 0 and (time_ns[end - 1] - time_ns[begin]) / 1e9 >= existence.SEEN_S_LEAST
        )
        return tuple(sorted({book.names(int(row))[0] for row in lasting}))

    def other_classes(self, key: int, number: int) -> list[int]:
        """The newest class stated by each other track of an object, as a code, -1 = none."""
        code_of, since_ns = self.sketches.column("object_class"), self.moment_ns - WINDOW_NS
        others = (track for track in self.objects.tracks(number) if track != key)
        ends = (self.sketches.ends_of(track, since_ns, self.moment_ns) for track in others)
        return [int(code_of[rows[1]]) for rows in ends if rows is not None]

    def was_out(self, number: int, stay: dict[str, Any], other: dict[str, Any]) -> bool:
        """Whether an object was outside the belt of two stays, or unseen, for longer than a happening pauses."""
        begin_ns, end_ns = sorted(
            (
                min(stay["time_end_ns"], other["time_end_ns"]),
                max(stay["time_start_ns"], other["time_start_ns"]),
            )
        )
        rows = np.concatenate(
            [np.zeros(0, dtype=np.int64)]
            + [self.sketches.rows_of(k, begin_ns, end_ns) for k in self.objects.tracks(number)]
        )
        distance_m = np.abs(self.sketches.column("signed_distance_m")[rows])
        # One of many poor fixes of an object far out always seems to lie inside; only the sure ones are heard.
        is_in = distance_m + self.sketches.column("major_m")[rows] <= _edge_m(stay, other)
        inside_ns = np.sort(self.sketches.column("time_ns")[rows[is_in]])
        return bool(np.diff(inside_ns, prepend=begin_ns, append=end_ns).max() > STILL_NS)


def associate(
    moving: Moving, movement: pa.Table, decided_ns: NDArray[np.int64], until_ns: int, parameters: Parameters
) -> tuple[Moving, list[dict[str, Any]], list[dict[str, Any]]]:
    """Gives every finding its incident.

    `movement` (FINDINGS) were decided at `decided_ns`; the sketches hold everything up to then. Returns what is
    remembered, the findings in their order with `incident_id`, and the new revisions of incidents.
    """
    if not movement.num_rows:
        return moving._replace(sketches=moving.sketches.without_old(until_ns)), [], []
    excursions, objects, trust = moving.excursions.copy(), moving.objects.copy(), moving.trust.copy()
    watch = Watch(parameters)
    judged, touched = [], {}
    keys = _keys(movement).tolist()
    foresight = Foresight(moving.sketches)
    firsts = _first_looks(keys, decided_ns.tolist(), objects, moving.sketches, parameters)
    foresight.look_ahead(firsts, objects)
    for row, moment_ns, key in zip(movement.to_pylist(), decided_ns.tolist(), keys, strict=True):
        seen = Scenes(objects, moving.sketches, moment_ns, foresight)
        is_new = objects.known(key) < 0
        number = _object(key, seen, parameters)
        home = excursions.of_finding(row["finding_id"])
        if home is None:
            home, number = passages.joined(row, number, excursions, objects, parameters)
        weighed = row
        if number >= 0 and row["state"] != "withdrawn":
            sighting = seen.sighting(key, number, parameters)
            if sighting is not None:
                is_watched = is_new or sighting.sensor_count == 1
                watchers = 0
                if is_watched:
                    watchers = watch.at(row["time_start_ns"]).watching(row, sighting.signed_distance_m)
                weighed = existence.weighed(row, sighting, watchers, trust, parameters, number)
                if is_new and watchers and sighting.seen_s >= existence.SEEN_S_LEAST:
                    is_alone = sighting.sensor_count == 1
                    claimed = number if number in objects.numbers else -1
                    trust.learn(row["sensor_ids"][0], claimed, existence.miss_prob(watchers), is_alone)
            if row["rule_id"] == deeds.HEAVY:
                classes = seen.other_classes(key, number)
                weighed = presences.class_weighed(weighed, classes, parameters)
        home = home or _home(weighed, number, excursions, seen, parameters)
        if home is None:
            first = row["event_ids"][0] if row["event_ids"] else row["finding_id"]
            incident_id = findings.identity(
                "incident", "movement", row["subject_key"], first, row["finding_id"]
            )
            home = excursions.opened(incident_id, number)
        filled = weighed | {"incident_id": home.incident_id}
        touched[home.incident_id] = excursions.joined(home, filled)
        judged.append(filled)
    incidents = [_incident(excursion, parameters) for excursion in touched.values()]
    memory_s = parameters.agreement.number("association.excursion_s", until_ns) + MEMORY_S
    excursions.forget_before(until_ns - nanoseconds(memory_s))
    objects.forget_before(until_ns - nanoseconds(memory_s))
    trust.keep(objects.numbers)
    return Moving(excursions, objects, moving.sketches.without_old(until_ns), trust), judged, incidents


def _keys(movement: pa.Table) -> NDArray[np.uint64]:
    """The number of the track that each finding judges."""
    names = [name.removeprefix("track:").partition("/") for name in movement["subject_key"].to_pylist()]
    return track_keys(pa.array([n[0] for n in names]), pa.array([n[2] for n in names]))


def _first_looks(
    keys: list[int], moments_ns: list[int], objects: Objects, book: Sketchbook, parameters: Parameters
) -> list[Asked]:
    """What will be asked of the tracks of findings that no object is known of."""
    moment_of: dict[int, int] = {}
    for key, moment_ns in zip(keys, moments_ns, strict=True):
        if key not in objects:
            moment_of.setdefault(key, moment_ns)
    asked = []
    for key, moment_ns in moment_of.items():
        rows = book.rows_of(key, moment_ns - WINDOW_NS, moment_ns)
        if len(rows) and not Scenes(objects, book, moment_ns).is_lost_in_noise(rows, parameters):
            asked.append(Asked(key, moment_ns, _rules(moment_ns, parameters)))
    return asked


def _rules(moment_ns: int, parameters: Parameters) -> Rules:
    agreement = parameters.agreement
    return Rules(
        agreement.number("association.k_sigma", moment_ns) ** 2,
        nanoseconds(agreement.number("association.handover_s", moment_ns)),
    )


def _object(key: int, seen: Scenes, parameters: Parameters) -> int:
    """The number of the object of a track, -1 where nothing was sketched of it."""
    moment_ns = seen.moment_ns
    rows = seen.sketches.rows_of(key, moment_ns - WINDOW_NS, moment_ns)
    if not len(rows):
        return seen.objects.known(key)
    if seen.is_lost_in_noise(rows, parameters):
        # One finding after the other of a sensor that has gone wrong is one happening: that it has.
        return seen.objects.of_sensor(key, int(seen.sketches.column("sensor")[rows[0]]), moment_ns)
    return seen.objects.of(key, moment_ns, seen.sketches, _rules(moment_ns, parameters), seen.foresight)


def _home(
    row: dict[str, Any], number: int, excursions: Excursions, seen: Scenes, parameters: Parameters
) -> Excursion | None:
    """The excursion that a finding belongs to; of several the one nearest in time, then the oldest."""
    found: list[tuple[bool, int, int, Excursion]] = []
    if number >= 0:
        for excursion in excursions.of_object(number):
            pause_ns = _pause_ns(row, excursion, seen, parameters)
            if pause_ns is not None:
                found.append((False, pause_ns, excursion.number, excursion))
    else:
        for excursion, other in excursions.of_subject(row["subject_key"]):
            limit_ns = nanoseconds(
                parameters.agreement.number("association.excursion_s", other["time_start_ns"])
            )
            gap_ns = passages.gap_ns(row, other)
            if gap_ns <= limit_ns:
                found.append((False, gap_ns, excursion.number, excursion))
        for excursion, other in excursions.near(row):
            gap_ns = passages.gap_ns(row, other)
            if passages.is_one_movement(row, other, excursion, gap_ns) and passages.is_near(
                row, other, parameters
            ):
                found.append((True, gap_ns, excursion.number, excursion))
    if found:
        return min(found, key=lambda candidate: candidate[:3])[3]
    return presences.resumed(row, excursions)


def _pause_ns(row: dict[str, Any], excursion: Excursion, seen: Scenes, parameters: Parameters) -> int | None:
    """Time between a finding and an excursion of its object that it belongs to, None where it does not."""
    rows = excursion.rows.values()
    is_crossing = row["direction"] is not None
    alike = [other for other in rows if other["rule_id"] == row["rule_id"]]
    nearest = min(alike or rows, key=lambda other: passages.gap_ns(row, other))
    gap_ns = passages.gap_ns(row, nearest)
    if gap_ns <= STILL_NS:
        return gap_ns
    if is_crossing and alike:
        if any(other["verdict"] == "permitted" for other in (row, *alike)):
            # Who may pass at a crossing point does so each time anew; another who comes along is soon taken for him.
            return None
        # The way back of an excursion, not the next way out of one that is over.
        longest_ns = nanoseconds(parameters.agreement.number("association.excursion_s", row["time_start_ns"]))
        is_back = {other["direction"] for other in alike} == {passages.OTHER_WAY[row["direction"]]}
        is_again = not is_back and passages.is_told_again(row, alike)
        return gap_ns if (is_back or is_again) and gap_ns <= longest_ns else None
    return None if seen.was_out(excursion.object, row, nearest) else gap_ns


def _edge_m(*stays: dict[str, Any]) -> float:
    """How far from the line the belt of some stays reaches."""
    return max(float(stay["distance_m"] or 0.0) + _depth_m(stay) for stay in stays)


def _depth_m(stay: dict[str, Any]) -> float:
    return float(json.loads(stay["detail"]).get("depth_m") or 0.0)


def _incident(excursion: Excursion, parameters: Parameters) -> dict[str, Any]:
    """The incident's row, from its findings."""
    rows = sorted(excursion.rows.values(), key=lambda r: (r["time_start_ns"], r["rule_id"], r["finding_id"]))
    standing = [row for row in rows if row["state"] != "withdrawn"] or rows
    lead = standing[0]
    parties = {row["party"] for row in standing} - {None}
    sensors = sorted({sensor for row in standing for sensor in row["sensor_ids"]})
    types = {_type(parameters, sensor) for sensor in sensors}
    event_ids = {event for row in standing for event in row["event_ids"]}
    by_rule = {
        rule_id: sum(r["rule_id"] == rule_id for r in standing)
        for rule_id in sorted({r["rule_id"] for r in standing})
    }
    words = [row["confidence"] for row in standing if row["confidence"]]
    best = max(words, key=("low", "medium", "high").index) if words else "low"
    start_ns = min(row["time_start_ns"] for row in standing)
    end_ns = max(row["time_end_ns"] for row in standing)
    return {
        "incident_id": excursion.incident_id,
        "revision": excursion.revision,
        "state": "withdrawn" if all(row["state"] == "withdrawn" for row in rows) else "final",
        "kind": "movement",
        "time_start_ns": start_ns,
        "time_end_ns": end_ns,
        "lon": lead["lon"],
        "lat": lead["lat"],
        "sigma_major_m": lead["sigma_m"],
        "sigma_minor_m": lead["sigma_m"],
        "sigma_azimuth_deg": None if lead["sigma_m"] is None else 0.0,
        "side": lead["side"],
        "signed_distance_m": None,
        "chainage_m": lead["chainage_m"],
        "line_part": lead["line_part"],
        "sector": lead["sector"],
        "line_version": lead["line_version"],
        "party": parties.pop() if len(parties) == 1 else None,
        "phenomena": findings.canonical_json(by_rule),
        "event_count": len(event_ids),
        "sensor_ids": sensors,
        "confidence": "high" if len(types) > 1 and best == "medium" else best,
        "summary": sentence(standing, parameters),
        "engine_version": schema.ENGINE_VERSION,
        "detail": findings.canonical_json(
            {
                "findings": [row["finding_id"] for row in rows],
                "subjects": sorted({row["subject_key"] for row in rows}),
                "sensor_types": sorted(types),
                "statements": statements.of_movement(standing, parameters),
            }
        ),
    }


def sentence(rows: list[dict[str, Any]], parameters: Parameters) -> str:
    """What findings of one movement, the first one first, say together."""
    lead = rows[0]
    start_ns, end_ns = min(row["time_start_ns"] for row in rows), max(row["time_end_ns"] for row in rows)
    sensor_count = len({sensor for row in rows for sensor in row["sensor_ids"]})
    where = wording.place(lead["chainage_m"], lead["sector"], None, None).removesuffix(", side not certain")
    when = wording.span(start_ns, end_ns, parameters.agreement.reporting.zone)
    seen = "1 sensor" if sensor_count == 1 else f"{sensor_count} sensors"
    return f"{deeds.objects(rows)} {deeds.done(rows)} {where}; {when}; recorded by {seen}."


def _type(parameters: Parameters, sensor_id: str) -> str:
    facts = parameters.sensors.get(sensor_id)
    return facts.type if facts else "generic"


def _median(values: NDArray[np.float64]) -> float:
    """As `numpy.median`, which is slow on few values."""
    ordered = np.sort(values)
    middle = len(ordered) // 2
    if np.isnan(ordered[-1]):
        return float("nan")
    return float(ordered[middle] if len(ordered) % 2 else (ordered[middle - 1] + ordered[middle]) / 2.0)
