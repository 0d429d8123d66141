"""Weapons and aircraft where they should not be: one stay, though they were lost from sight; one object, though
sensors named its class differently.

*Lost and found.* A gun that stands for hours is one happening, and so is a flight, whoever looks away meanwhile. A
stay goes on from another one of the same kind of object when nobody's word of class or party is against it, not more
time lies between them than `LOST_S`, and the way between the place where one ended and the place where the other
began is no longer than such an object makes in that time. Where different sensors saw both at once, weapons are one if
both came nearest to the line at one place, aircraft if one could be where both were seen, at their times; of one sensor
they are two. An aircraft is what most of its stays name; a sensor may be wrong about one.

*Named differently.* A rule judges one track. Where other tracks of the same object name a class that may be there,
the finding's probability is that of its own track times the share of tracks that name a weapon, and it is asserted
only if that share is as large as the rule asks of a single track's statements.
"""

import json
from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any, Final

import numpy as np

from monitoring import findings, schema
from monitoring.agreement import Parameters
from monitoring.incidents import geometry
from monitoring.incidents.deeds import AIR, HEAVY
from monitoring.incidents.excursions import Excursion

LOST_S: Final = {
    "tank": 5_400.0, "artillery": 5_400.0, "mlrs": 5_400.0, "mortar": 5_400.0, "air_defence": 5_400.0,
    "uav_small": 900.0, "uav_large": 2_400.0, "aircraft": 900.0,
}  # fmt: skip
"""For so long an object may be lost from sight during a stay: a gun stands for hours, a quadcopter is soon home."""
USUAL_MPS: Final = {
    "tank": 9.0, "artillery": 11.0, "mlrs": 14.0, "mortar": 9.0, "air_defence": 14.0,
    "uav_small": 20.0, "uav_large": 42.0, "aircraft": 250.0,
}  # fmt: skip
"""How fast objects usually are on the way."""
SLACK_M: Final = 600.0
TOGETHER_NS: Final = 60_000_000_000
"""Objects that were seen at the same time for longer than this, and not found to be one, are two."""
UNFIT: Final = 9.0
"""More than any misfit of what fits."""
WEAPONS: Final = frozenset(
    schema.OBJECT_CLASSES.index(word) for word in ("tank", "artillery", "mlrs", "mortar", "air_defence")
)
_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_DOUBTED: Final = ("probability", "verdict", "confidence", "reasons")

Row = Mapping[str, Any]


def resumed(row: Row, excursions: Iterable[Excursion]) -> Excursion | None:
    """The excursion that a stay goes on from, or is the beginning of; of several the one that fits best."""
    if row["rule_id"] not in (HEAVY, AIR):
        return None
    longest_ns = round(LOST_S.get(row["object_class"] or "", 0.0) * 1e9)
    found = []
    for excursion in excursions:
        if excursion.end_ns < row["time_start_ns"] - longest_ns:
            continue
        misfit = _misfit(
            [other for other in excursion.rows.values() if other["rule_id"] == row["rule_id"]],
            row,
            longest_ns,
        )
        if misfit is not None:
            found.append((misfit, excursion.number, excursion))
    return min(found, key=lambda candidate: candidate[:2])[2] if found else None


def _misfit(others: list[dict[str, Any]], row: Row, longest_ns: int) -> float | None:
    """How badly a stay fits to others of one object, 0 (as well as can be) to 2; None where it does not.

    Of those before and after it one must fit: the other may be where the object went later.
    """
    standing = [other for other in others if other["state"] != "withdrawn"]
    if not standing or any(_contradict(row, other) for other in standing) or _is_other_craft(row, standing):
        return None
    misfits = []
    before = [other for other in standing if other["time_end_ns"] <= row["time_start_ns"] + TOGETHER_NS]
    after = [other for other in standing if other["time_start_ns"] >= row["time_end_ns"] - TOGETHER_NS]
    apart = {other["finding_id"] for other in (*before, *after)}
    at_once = [other for other in standing if other["finding_id"] not in apart]
    if any(set(other["sensor_ids"]) & set(row["sensor_ids"]) for other in at_once):
        return None
    if at_once:
        misfit_of = _way_apart if row["rule_id"] == AIR else _place_misfit
        misfits.append(min(misfit_of(row, other) for other in at_once))
    if before:
        last = max(before, key=lambda other: (other["time_end_ns"], other["finding_id"]))
        misfits.append(_way_misfit(last, row, longest_ns))
    if after:
        first = min(after, key=lambda other: (other["time_start_ns"], other["finding_id"]))
        misfits.append(_way_misfit(row, first, longest_ns))
    worst = max(misfits) if at_once else min(misfits)
    return worst if worst < UNFIT else None


def _place_misfit(row: Row, other: Row) -> float:
    """How far from each other two stays came nearest to the line, as a share of what they may be apart."""
    longest_m = SLACK_M + _error_m(row, other)
    way_m = _way_m((row["lon"], row["lat"]), (other["lon"], other["lat"]))
    return way_m / longest_m if way_m <= longest_m else UNFIT


def _way_apart(row: Row, other: Row) -> float:
    """How far one aircraft would have to go to be at all places of two stays, as a share of what it can in the time."""
    speed_mps = max(USUAL_MPS.get(one["object_class"] or "", 0.0) for one in (row, other))
    slack_m = SLACK_M + _error_m(row, other)
    ways = _known_places(row), _known_places(other)
    if not all(ways):
        return UNFIT
    shares = []
    for points, way in (ways, ways[::-1]):
        for time_ns, place in points:
            if not way[0][0] <= time_ns <= way[-1][0]:
                continue
            before = max((at for at in way if at[0] <= time_ns), key=lambda at: at[0])
            after = min((at for at in way if at[0] >= time_ns), key=lambda at: at[0])
            for then_ns, there in (before, after):
                longest_m = slack_m + speed_mps * abs(then_ns - time_ns) / 1e9
                shares.append(_way_m(place, there) / longest_m)
    worst = max(shares, default=UNFIT)
    return worst if worst <= 1.0 else UNFIT


def _known_places(row: Row) -> list[tuple[int, Sequence[float]]]:
    """When (ns) and where a stay's object came in, was deepest inside, and was last seen inside, in order of time."""
    detail = json.loads(row["detail"])
    start_ns, end_ns = int(row["time_start_ns"]), int(row["time_end_ns"])
    known = [(start_ns, detail.get("entry_place")), (end_ns, detail.get("last_place"))]
    if "deepest_at" in detail:
        since = datetime.fromisoformat(detail["deepest_at"]) - _EPOCH
        deepest_ns = since // timedelta(milliseconds=1) * 1_000_000
        known.insert(1, (min(max(deepest_ns, start_ns), end_ns), (row["lon"], row["lat"])))
    return [(time_ns, place) for time_ns, place in known if place is not None]


def _way_misfit(first: Row, second: Row, longest_ns: int) -> float:
    """How badly the second stay goes on from the first: its share of the longest pause and of the longest way."""
    gap_ns = max(second["time_start_ns"] - first["time_end_ns"], 0)
    ended = json.loads(first["detail"]).get("last_place")
    begun = json.loads(second["detail"]).get("entry_place")
    if gap_ns > longest_ns or ended is None or begun is None:
        return UNFIT
    speed_mps = max(USUAL_MPS.get(row["object_class"] or "", 0.0) for row in (first, second))
    longest_m = SLACK_M + _error_m(first, second) + speed_mps * gap_ns / 1e9
    way_m = _way_m(ended, begun)
    return gap_ns / max(longest_ns, 1) + way_m / longest_m if way_m <= longest_m else UNFIT


def _error_m(row: Row, other: Row) -> float:
    return 3.0 * float(np.hypot(row["sigma_m"] or 0.0, other["sigma_m"] or 0.0))


def _way_m(place: Sequence[float], other: Sequence[float]) -> float:
    (lon, lat), (lon_then, lat_then) = place, other
    east, north = geometry.offsets_m(*(np.array([value]) for value in (lon, lat, lon_then, lat_then)))
    return float(np.hypot(east, north)[0])


def _contradict(row: Row, other: Row) -> bool:
    parties = {row["party"], other["party"]} - {None}
    classes = {row["object_class"], other["object_class"]}
    return len(parties) > 1 or (row["rule_id"] == HEAVY and len(classes) > 1)


def _is_other_craft(row: Row, others: Sequence[Row]) -> bool:
    """Whether most stays of an aircraft name another class of aircraft; a sensor may be wrong about one of them."""
    alike = sum(other["object_class"] == row["object_class"] for other in others)
    return bool(row["rule_id"] == AIR and 2 * alike < len(others))


def class_weighed(row: dict[str, Any], classes: list[int], parameters: Parameters) -> dict[str, Any]:
    """A finding of a heavy weapon, weighed by the classes (codes) that other tracks of its object name, -1 = none."""
    stated = [code for code in classes if code >= 0]
    if row["rule_id"] != HEAVY or row["probability"] is None or not stated:
        return row
    share = (1 + sum(code in WEAPONS for code in stated)) / (1 + len(stated))
    if share >= 1.0:
        return row
    probability = findings.probability(row["probability"] * share)
    asked = parameters.agreement.number(f"{HEAVY}.class_share", row["time_start_ns"])
    detail = json.loads(row["detail"])
    # What others doubted before keeps what the rule had said.
    detail.setdefault("before_doubts", {name: row[name] for name in _DOUBTED})
    detail["track_share"] = round(share, 4)
    weighed = row | {"probability": probability, "detail": findings.canonical_json(detail)}
    if share >= asked:
        return weighed
    lighter = sorted(
        {schema.OBJECT_CLASSES[code].replace("_", " ") for code in stated if code not in WEAPONS}
    )
    reason = f"Other tracks of the same object name another class: {' and '.join(lighter)}."
    verdict = "undetermined" if row["verdict"] == "violation" else row["verdict"]
    return weighed | {"verdict": verdict, "confidence": "low", "reasons": [*row["reasons"], reason]}
