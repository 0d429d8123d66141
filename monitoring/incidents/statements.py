"""Statements: what an incident's evidence said that bears on whose deed it was, in few words.

An incident keeps, in `detail.statements`, one entry for each thing that sensors of one type and one host side said.
Attribution reads these and never the events, so they stand beside the published result and can be checked. Entries:

- `affiliation`: `word` is what the sensors took the forces for;
- `origin`, `impact`, `fire`: sensors placed where fire came from, where it fell, or did not say which;
- `class`, `calibre`: `word` is the class of object or weapon, or the calibre in whole millimetres;
- `came_from`: `word` is the side from which a projectile flew, by a stated azimuth of fire followed back;
- `crossed`: `word` is the way of an object's first crossing (`A>B`); `stood`: the side on which it stayed, with
  `distance_m` and `sigma_m` of the place furthest from the line;
- each with `type` and `host` of the sensors (`host` is `none` where neither party hosts them), `sensors` (how
  many different ones) and `reports` (how many events; of movement how many tracks).

The list is sorted, so it does not depend on the order in which evidence came.
"""

import json
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Final

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from monitoring import events, findings, schema
from monitoring.agreement import Parameters
from monitoring.incidents import geometry
from monitoring.incidents.place_facts import on_the_line

Ints = NDArray[np.int64]
Reals = NDArray[np.float64]
Key = tuple[str, str | None, str, str]
"""What is said, the word, the sensors' type and host side."""

_FOLLOWED_BACK_M: Final = 10_000.0
"""How far back along its azimuth a projectile is followed; most guns and mortars stand nearer to their target."""
_ROLES: Final = {1: "origin", -1: "impact", 0: "fire"}


def of_fire(
    rows: pa.Table,
    incident: Ints,
    size: int,
    role: Ints,
    sensor: Ints,
    sensor_names: Sequence[str],
    start_ns: Ints,
    parameters: Parameters,
) -> list[list[dict[str, Any]]]:
    """Statements of each of `size` incidents of fire, from their reports (n,) (see `summary.Gathered`).

    `role` as `phenomena.roles` says; `sensor` numbers `sensor_names`; `start_ns` (size,) picks the line.
    """
    found: list[dict[Key, tuple[set[int], int]]] = [{} for _ in range(size)]
    told = [(parameters.sensors.get(name)) for name in sensor_names]
    types = [facts.type if facts else "generic" for facts in told]
    hosts = [(facts.host_side if facts else None) or "none" for facts in told]

    def add(says: str, at: Ints, words: Sequence[str | None]) -> None:
        key = np.stack([incident[at], sensor[at]])
        counted: dict[tuple[int, int, str | None], int] = defaultdict(int)
        for i, s, word in zip(*key.tolist(), words, strict=True):
            counted[i, s, word] += 1
        for (i, s, word), reports in counted.items():
            sensors, before = found[i].get((says, word, types[s], hosts[s]), (set(), 0))
            found[i][says, word, types[s], hosts[s]] = (sensors | {s}, before + reports)

    has_place = np.isfinite(events.reals(rows, "at_lon"))
    for code, says in _ROLES.items():
        at = np.flatnonzero((role == code) & has_place)
        add(says, at, [None] * len(at))
    for says, names, column in (
        ("affiliation", schema.AFFILIATIONS, "affiliation"),
        ("class", schema.OBJECT_CLASSES, "object_class"),
    ):
        codes = events.codes(rows, column).astype(np.int64)
        at = np.flatnonzero((codes >= 0) & (codes != names.index("unknown")))
        add(says, at, [names[code] for code in codes[at].tolist()])
    calibre_mm = events.reals(rows, "calibre_mm")
    at = np.flatnonzero(np.isfinite(calibre_mm))
    add("calibre", at, [f"{value:.0f}" for value in calibre_mm[at].tolist()])
    at, sides = _came_from(rows, incident, start_ns, parameters)
    add("came_from", at, sides)
    return [_listed(one) for one in found]


def _came_from(
    rows: pa.Table, incident: Ints, start_ns: Ints, parameters: Parameters
) -> tuple[Ints, list[str | None]]:
    """Reports with a place and an azimuth of fire, and the side that lies back along it."""
    azimuth_deg = events.reals(rows, "fire_azimuth_deg")
    lon, lat = events.reals(rows, "at_lon"), events.reals(rows, "at_lat")
    at = np.flatnonzero(np.isfinite(azimuth_deg) & np.isfinite(lon))
    if not len(at):
        return at, []
    back = np.radians(azimuth_deg[at] + 180.0)
    far_lon, far_lat = geometry.moved(
        lon[at], lat[at], _FOLLOWED_BACK_M * np.sin(back), _FOLLOWED_BACK_M * np.cos(back)
    )
    side = on_the_line(parameters, parameters.lines.at(start_ns[incident[at]]), far_lon, far_lat)["side"]
    known = side != 0
    return at[known], [findings.SIDE_NAMES[code] for code in side[known].tolist()]


def of_movement(rows: Iterable[Mapping[str, Any]], parameters: Parameters) -> list[dict[str, Any]]:
    """Statements of one incident of movement, from its standing findings; a track says a thing once."""
    found: dict[Key, tuple[set[str], set[str]]] = {}
    stood: dict[Key, tuple[float, float]] = {}
    crossed: set[tuple[str, str]] = set()
    for row in sorted(rows, key=lambda r: (r["time_start_ns"], r["rule_id"], r["finding_id"])):
        detail = json.loads(row["detail"])
        for sensor in row["sensor_ids"]:
            facts = parameters.sensors.get(sensor)
            of = (facts.type if facts else "generic", (facts.host_side if facts else None) or "none")
            said: list[tuple[str, str | None]] = [
                ("affiliation", word) for word in detail.get("affiliations", [row["party"]]) if word
            ]
            if row["object_class"] not in (None, "unknown"):
                said.append(("class", row["object_class"]))
            if row["direction"] is not None and (sensor, row["subject_key"]) not in crossed:
                crossed.add((sensor, row["subject_key"]))
                said.append(("crossed", row["direction"]))
            if row["direction"] is None and row["side"] is not None and row["distance_m"] is not None:
                said.append(("stood", row["side"]))
                deep = (row["distance_m"], row["sigma_m"] or 0.0)
                key = ("stood", row["side"], *of)
                stood[key] = max(stood.get(key, deep), deep)
            for says, word in said:
                sensors, tracks = found.setdefault((says, word, *of), (set(), set()))
                sensors.add(sensor)
                tracks.add(f"{sensor} {row['subject_key']}")
    listed = _listed({key: (sensors, len(tracks)) for key, (sensors, tracks) in found.items()})
    for entry in listed:
        key = (entry["says"], entry.get("word"), entry["type"], entry["host"])
        if key in stood:
            entry["distance_m"], entry["sigma_m"] = stood[key]
    return listed


def _listed(found: Mapping[Key, tuple[set[Any], int]]) -> list[dict[str, Any]]:
    made = []
    for says, word, kind, host in sorted(found, key=lambda key: tuple(part or "" for part in key)):
        sensors, reports = found[says, word, kind, host]
        entry: dict[str, Any] = {"says": says, "type": kind, "host": host}
        if word is not None:
            entry["word"] = word
        made.append(entry | {"sensors": len(sensors), "reports": reports})
    return made
