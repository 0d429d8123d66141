"""Passages: whether two findings of different tracks are one movement, where the tracks alone did not say so.

Sensors that lost each other's tracks in a queue, or that never saw an object at the same time, still tell of one
passage of the line. Two crossings are one passage when they go the same way at one time and place, no sensor told
both, and nobody's word of class or hand is against it: that each of the sensors overlooked one of two objects that
passed together is far less probable than that there was one. A crossing by somebody unknown so far, the other way
and at the only place near which anybody had crossed, is the way back of the forces that did.
"""

import json
from collections.abc import Sequence
from typing import Any, Final

import numpy as np

from monitoring.agreement import Parameters
from monitoring.incidents import geometry
from monitoring.incidents.excursions import Excursion, Excursions
from monitoring.incidents.objects import Objects

PASSAGE_S: Final = 120.0
"""Two sensors' crossings of one passage lie at most so far apart in time."""
STAY_S: Final = 900.0
"""A stay that another track continues pauses at most so long."""
RETURN_S: Final = 7_200.0
"""The way back of an object that was lost and found again comes at most so much later."""
OVERLAP_S: Final = 60.0
"""Tracks of one sensor that overlap by more than this are two objects."""
OTHER_WAY: Final = {"A>B": "B>A", "B>A": "A>B"}

Row = dict[str, Any]


def joined(
    row: Row, number: int, excursions: Excursions, objects: Objects, parameters: Parameters
) -> tuple[Excursion | None, int]:
    """The excursion whose passage a crossing by the object `number` is, None without one; and the object's number
    from then on."""
    # The noise of a sensor has a number too and is no object: it neither passes the line nor takes others in.
    if number not in objects.numbers or row["direction"] is None or row["state"] == "withdrawn":
        return None, number
    own = list(excursions.of_object(number))
    if any(_tells(excursion, row, parameters) or _lacks_return(excursion, row) for excursion in own):
        return None, number
    found: dict[str, tuple[int, int, Excursion]] = {}
    for excursion, other in excursions.near(row):
        gap = gap_ns(row, other)
        if other["direction"] != row["direction"] or gap > nanoseconds(PASSAGE_S):
            continue
        if excursion.object not in objects.numbers:
            continue
        if is_near(row, other, parameters) and _may_be_one(row, excursion):
            found[excursion.incident_id] = min(
                (gap, excursion.number, excursion),
                found.get(excursion.incident_id, (gap, excursion.number, excursion)),
                key=lambda candidate: candidate[0],
            )
    if not found:
        return _back(row, number, excursions, objects, parameters) if not own else (None, number)
    home = min(found.values(), key=lambda candidate: candidate[:2])[2]
    return home, number if own else _as_one(number, home, objects)


def _back(
    row: Row, number: int, excursions: Excursions, objects: Objects, parameters: Parameters
) -> tuple[Excursion | None, int]:
    """As `joined`, for the way back of an object that was lost beyond the line: the only one that crossed here."""
    if row["verdict"] == "permitted":
        return None, number
    here: dict[str, Excursion] = {}
    for excursion, other in excursions.near(row):
        if other["direction"] is None or other["state"] == "withdrawn" or other["verdict"] == "permitted":
            continue
        if gap_ns(row, other) <= nanoseconds(RETURN_S) and is_near(row, other, parameters):
            here[excursion.incident_id] = excursion
    if len(here) != 1:
        return None, number
    home = next(iter(here.values()))
    # Traffic passes a crossing point both ways; who is known to be of a party is no traffic.
    is_force = any(other["party"] for other in (row, *home.rows.values()))
    if home.object not in objects.numbers or not is_force:
        return None, number
    if not _lacks_return(home, row) or not _is_alike(row, home):
        return None, number
    return home, _as_one(number, home, objects)


def _lacks_return(excursion: Excursion, row: Row) -> bool:
    """Whether a crossing can be the way back of an excursion that began, and was last seen to cross, the other way.

    What noise along the line told between does not count.
    """
    crossings = sorted(
        (o["time_start_ns"], o["finding_id"], o["direction"])
        for o in excursion.rows.values()
        if o["direction"] and o["state"] != "withdrawn"
    )
    if not crossings or crossings[-1][0] > row["time_start_ns"]:
        return False
    return {crossings[0][2], crossings[-1][2]} == {OTHER_WAY[row["direction"]]}


def is_told_again(row: Row, crossings: Sequence[Row]) -> bool:
    """Whether a crossing by an object can only be the one that other sensors told, whatever their times: nobody goes
    the same way twice without coming back between."""
    sensors = {sensor for other in crossings for sensor in other["sensor_ids"]}
    is_same_way = {other["direction"] for other in crossings} == {row["direction"]}
    return is_same_way and not sensors & set(row["sensor_ids"])


def _as_one(number: int, home: Excursion, objects: Objects) -> int:
    objects.merge(number, home.object)
    return home.object


def _tells(excursion: Excursion, row: Row, parameters: Parameters) -> bool:
    """Whether an excursion has this very passage by another track already."""
    return any(
        other["direction"] == row["direction"]
        and other["state"] != "withdrawn"
        and gap_ns(row, other) <= nanoseconds(PASSAGE_S)
        and is_near(row, other, parameters)
        for other in excursion.rows.values()
    )


def _may_be_one(row: Row, excursion: Excursion) -> bool:
    """Whether no sensor and nobody's word tells an excursion's passages from this one."""
    crossings = [
        other
        for other in excursion.rows.values()
        if other["direction"] == row["direction"] and other["state"] != "withdrawn"
    ]
    sensors = {sensor for other in crossings for sensor in other["sensor_ids"]}
    return not sensors & set(row["sensor_ids"]) and _is_alike(row, excursion)


def _is_alike(row: Row, excursion: Excursion) -> bool:
    """Whether nobody's word is against a crossing's being by the object of an excursion."""
    crossings = [o for o in excursion.rows.values() if o["direction"] and o["state"] != "withdrawn"]
    hands = {word for other in (row, *crossings) for word in _hands(other)}
    return bool(crossings) and len(hands) <= 1 and not any(contradict(row, other) for other in crossings)


def _hands(row: Row) -> set[str]:
    """Whose a track was said to be: parties, civilians, monitors."""
    stated = json.loads(row["detail"]).get("affiliations") or []
    return {word for word in stated if word in ("A", "B", "civilian", "monitor")}


def gap_ns(row: Row, other: Row) -> int:
    """Time between two findings, 0 where they overlap."""
    return max(
        int(row["time_start_ns"] - other["time_end_ns"]), int(other["time_start_ns"] - row["time_end_ns"]), 0
    )


def is_one_movement(row: Row, other: Row, excursion: Excursion, gap: int) -> bool:
    """Whether time, sensor, class and party allow two findings, `gap` ns apart, to be of one object or group."""
    if row["subject_key"] == other["subject_key"] or contradict(row, other):
        return False
    overlap_ns = min(row["time_end_ns"], other["time_end_ns"]) - max(
        row["time_start_ns"], other["time_start_ns"]
    )
    if row["sensor_ids"] == other["sensor_ids"] and overlap_ns > nanoseconds(OVERLAP_S):
        return False
    if row["direction"] is None or other["direction"] is None:
        return gap <= nanoseconds(STAY_S)
    if row["direction"] == other["direction"]:
        return gap <= nanoseconds(PASSAGE_S) and row["sensor_ids"] != other["sensor_ids"]
    return gap <= nanoseconds(RETURN_S) and excursion.last_direction() != row["direction"]


def contradict(row: Row, other: Row) -> bool:
    """Whether classes or parties say that these were two."""
    classes = {row["object_class"], other["object_class"]} - {None, "unknown"}
    parties = {row["party"], other["party"]} - {None}
    return len({_medium(word) for word in classes}) > 1 or len(parties) > 1


def is_near(row: Row, other: Row, parameters: Parameters) -> bool:
    """Whether two findings' places agree within the agreement's move and their joint error."""
    if None in (row["lon"], other["lon"]):
        return False
    time_ns, agreement = other["time_start_ns"], parameters.agreement
    east, north = geometry.offsets_m(*(np.array([p[k]]) for p in (row, other) for k in ("lon", "lat")))
    joint_m = float(np.hypot(row["sigma_m"] or 0.0, other["sigma_m"] or 0.0))
    gate_m = agreement.number("association.move_m", time_ns) + joint_m * agreement.number(
        "association.k_sigma", time_ns
    )
    return float(np.hypot(east, north)[0]) <= min(gate_m, agreement.number("association.limit_m", time_ns))


def _medium(object_class: str) -> str:
    return {"uav_small": "air", "uav_large": "air", "aircraft": "air", "boat": "water"}.get(
        object_class, "ground"
    )


def nanoseconds(seconds: float) -> int:
    """Of seconds."""
    return round(seconds * 1e9)
