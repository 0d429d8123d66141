"""Places and activities that both sides told the mission of: in an agreement's sections, or in notices given later.

Sections: `crossing_points`, `notified`, `zones`, `protected_places`, `monitor_aircraft`. A file of notices has the
same sections beside `notices_format: 1`, and `withdrawn`, a list of ids that no longer hold. It may also be what
`contactline simulate --notices` writes (`announced`, hours as numbers), which is read as the same.

An id may come again in one file with other dates, which must not overlap; in a later file it replaces what was told
under it before.
"""

import hashlib
import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any, Final, Self, TypeVar

from monitoring import schema
from monitoring.agreement.checking import AgreementInvalid, Node, validity
from monitoring.agreement.hours import Hours, read_hours
from monitoring.agreement.permits import ACTIVITIES, words_of
from monitoring.agreement.shapes import Shape, read_area, read_circle, read_polygon

FORMAT: Final = 1
PURPOSES: Final = ("disengagement_area", "exercise_range", "no_fly", "other")
PLACES: Final = ("settlement", "water", "power", "school", "hospital")
PARTIES: Final = ("A", "B", "civilian", "monitor")
SECTIONS: Final = ("crossing_points", "notified", "zones", "protected_places", "monitor_aircraft")


@dataclass(frozen=True, kw_only=True)
class Entry:
    """What every entry has: it holds in [from_ns, to_ns); `file` and `key` say where it was written."""

    id: str
    from_ns: int
    to_ns: int
    file: str = field(compare=False)
    key: str = field(compare=False)


@dataclass(frozen=True, kw_only=True)
class CrossingPoint(Entry):
    """A place where people may cross within its hours."""

    name: str
    shape: Shape
    hours: Hours


@dataclass(frozen=True, kw_only=True)
class Activity(Entry):
    """Something of a `kind` that `party` will do inside `shape`; `classes` of objects, empty = any."""

    kind: str
    party: str
    shape: Shape
    classes: frozenset[str]
    source: str
    text: str


@dataclass(frozen=True, kw_only=True)
class Zone(Entry):
    """An area with a purpose."""

    name: str
    purpose: str
    shape: Shape
    source: str


@dataclass(frozen=True, kw_only=True)
class ProtectedPlace(Entry):
    """A place that fire must not come near to."""

    name: str
    kind: str
    shape: Shape
    source: str


@dataclass(frozen=True, kw_only=True)
class OwnAircraft(Entry):
    """An aircraft of the monitors: its `tracks` are `sensor_id/track_id`, or `sensor_id/*` for all of a sensor."""

    name: str
    tracks: frozenset[str]


@dataclass(frozen=True)
class Notices:
    """All that was told in one file, in its order, with what it withdrew."""

    crossing_points: tuple[CrossingPoint, ...] = ()
    notified: tuple[Activity, ...] = ()
    zones: tuple[Zone, ...] = ()
    protected_places: tuple[ProtectedPlace, ...] = ()
    monitor_aircraft: tuple[OwnAircraft, ...] = ()
    withdrawn: frozenset[str] = frozenset()

    @classmethod
    def read(cls, content: Mapping[str, Any], file: str) -> Self:
        """The sections that `content` has; what else it has is not looked at. Raises `AgreementInvalid`."""
        read: dict[str, Any] = {
            name: _entries(Node(content[name], file, name), _READERS[name])
            for name in SECTIONS
            if content.get(name) is not None
        }
        withdrawn = Node(content.get("withdrawn") or [], file, "withdrawn")
        return cls(**read, withdrawn=frozenset(entry.text() for entry in withdrawn.entries()))

    def followed_by(self, later: "Notices") -> "Notices":
        """What holds when `later` was told as well: it replaces and withdraws by id."""
        whole: dict[str, Any] = {}
        for name in SECTIONS:
            told = getattr(later, name)
            gone = {entry.id for entry in told} | later.withdrawn
            whole[name] = (*(entry for entry in getattr(self, name) if entry.id not in gone), *told)
        return Notices(**whole)


def canonical(document: object, file: str) -> dict[str, Any]:
    """A file of notices, whichever way it was written, in the one form that is kept; checked. Raises
    `AgreementInvalid`."""
    raw = Node(document, file, "")
    known = ("notices_format", "source", "withdrawn", "announced", *SECTIONS)
    fields = raw.mapping((), known)
    if "notices_format" in fields and fields["notices_format"].raw != FORMAT:
        raise fields["notices_format"].refused(f"this program reads {FORMAT}")
    content: dict[str, Any] = {name: fields[name].raw for name in known[1:] if name in fields}
    if not any(content.get(name) for name in ("withdrawn", "announced", *SECTIONS)):
        raise AgreementInvalid(file, "file", "tells nothing; known here: " + ", ".join(known))
    if "crossing_points" in content:
        content["crossing_points"] = [_with_hours(node) for node in fields["crossing_points"].entries()]
    if "announced" in content:
        del content["announced"]
        announced = [_activity_of(node) for node in fields["announced"].entries()]
        content["notified"] = [*content.get("notified", []), *announced]
    content = {"notices_format": FORMAT, **content}
    Notices.read(content, file)
    return content


def version_of(content: Mapping[str, Any]) -> str:
    """The hash of canonical notices."""
    text = json.dumps(content, sort_keys=True, separators=(",", ":"), ensure_ascii=False, allow_nan=False)
    return "sha256:" + hashlib.sha256(text.encode()).hexdigest()


E_ = TypeVar("E_", bound=Entry)


def _entries(section: Node, read: Callable[[Node], E_]) -> tuple[E_, ...]:
    found: list[E_] = []
    for node in section.entries():
        entry = read(node)
        for other in found:
            if other.id == entry.id and other.from_ns < entry.to_ns and entry.from_ns < other.to_ns:
                raise node.refused(f"{entry.id} is there already for some of these dates ({other.key})")
        found.append(entry)
    return tuple(found)


def _common(fields: Mapping[str, Node], node: Node) -> dict[str, Any]:
    begin_ns, end_ns = validity(fields, node)
    return {
        "id": fields["id"].text(),
        "from_ns": begin_ns,
        "to_ns": end_ns,
        "file": node.file,
        "key": node.key,
    }


def _name(fields: Mapping[str, Node]) -> str:
    return fields["name"].text() if "name" in fields else fields["id"].text()


def _source(fields: Mapping[str, Node]) -> str:
    return fields["source"].text() if "source" in fields else ""


def _crossing_point(node: Node) -> CrossingPoint:
    fields = node.mapping(("id", "lon", "lat", "radius_m", "hours"), ("name", "from", "to", "source"))
    return CrossingPoint(
        **_common(fields, node),
        name=_name(fields),
        shape=read_circle(fields),
        hours=read_hours(fields["hours"]),
    )


def _notified(node: Node) -> Activity:
    required = ("id", "kind", "party", "area", "from", "to", "source")
    fields = node.mapping(required, ("classes", "text"))
    return Activity(
        **_common(fields, node),
        kind=fields["kind"].word(ACTIVITIES),
        party=fields["party"].word(PARTIES),
        shape=read_area(fields["area"]),
        classes=words_of(fields.get("classes"), schema.OBJECT_CLASSES),
        source=fields["source"].text(),
        text=fields["text"].text() if "text" in fields else "",
    )


def _zone(node: Node) -> Zone:
    fields = node.mapping(("id", "purpose", "geometry", "source"), ("name", "from", "to"))
    return Zone(
        **_common(fields, node),
        name=_name(fields),
        purpose=fields["purpose"].word(PURPOSES),
        shape=read_polygon(fields["geometry"]),
        source=fields["source"].text(),
    )


def _protected_place(node: Node) -> ProtectedPlace:
    fields = node.mapping(("id", "kind", "lon", "lat", "radius_m"), ("name", "from", "to", "source"))
    return ProtectedPlace(
        **_common(fields, node),
        name=_name(fields),
        kind=fields["kind"].word(PLACES),
        shape=read_circle(fields),
        source=_source(fields),
    )


def _own_aircraft(node: Node) -> OwnAircraft:
    fields = node.mapping(("id", "tracks"), ("name", "from", "to", "source"))
    tracks = [entry.text() for entry in fields["tracks"].entries()]
    for position, track in enumerate(tracks):
        if not all(track.partition("/")):
            raise AgreementInvalid(
                node.file, f"{node.key}.tracks[{position}]", f"expected sensor_id/track_id, found {track!r}"
            )
    return OwnAircraft(**_common(fields, node), name=_name(fields), tracks=frozenset(tracks))


_READERS: Final[Mapping[str, Callable[[Node], Any]]] = {
    "crossing_points": _crossing_point,
    "notified": _notified,
    "zones": _zone,
    "protected_places": _protected_place,
    "monitor_aircraft": _own_aircraft,
}


def _with_hours(node: Node) -> Any:
    """A crossing point with `hours`, also where it says `opens_h` and `closes_h`."""
    if not isinstance(node.raw, dict) or "opens_h" not in node.raw:
        return node.raw
    required = ("id", "lon", "lat", "radius_m", "opens_h", "closes_h")
    fields = node.mapping(required, ("name", "from", "to", "source"))
    span = f"{_clock(fields['opens_h'])}-{_clock(fields['closes_h'])}"
    kept = {name: value for name, value in node.raw.items() if name not in ("opens_h", "closes_h")}
    return {**kept, "hours": {"every_day": [span]}}


def _clock(node: Node) -> str:
    """Hours as a number in the form HH:MM.

    >>> _clock(Node(6.5, "file", "key"))
    '06:30'
    """
    minutes = round(node.number(0.0, 24.0) * 60)
    return f"{minutes // 60:02d}:{minutes % 60:02d}"


def _activity_of(node: Node) -> dict[str, Any]:
    """What a simulation announced, as an activity."""
    required = ("id", "kind", "actor", "party", "lon", "lat", "radius_m", "from_ns", "to_ns")
    fields = node.mapping(required, ("classes",))
    circle = {name: fields[name].raw for name in ("lon", "lat", "radius_m")}
    activity = {
        "id": fields["id"].text(),
        "kind": fields["kind"].raw,
        "party": fields["party"].raw,
        "area": {"circle": circle},
        "from": _rfc3339(fields["from_ns"]),
        "to": _rfc3339(fields["to_ns"]),
        "source": "announced beforehand",
        "text": fields["actor"].text(),
    }
    if "classes" in fields:
        activity["classes"] = fields["classes"].raw
    return activity


def _rfc3339(node: Node) -> str:
    whole_us = int(node.number(-(2.0**62), 2.0**62)) // 1_000
    at = datetime(1970, 1, 1, tzinfo=UTC) + timedelta(microseconds=whole_us)
    return at.isoformat().replace("+00:00", "Z")


def joined(files: Sequence[Notices]) -> Notices:
    """What holds when these were told one after the other."""
    whole = Notices()
    for notices in files:
        whole = whole.followed_by(notices)
    return whole
