"""Fire across the reference line.

What it checks: whether an incident's fire came from one side of the line and fell on the other.

Why: no weapon is fired across the line (the clause of the agreement that names this rule).

How: judged on the incident's two ends, the origin and the impact, each with its own error, as radar pairs,
bearings and sound located them. The error of an end is integrated over the two sides of the line where it bends,
and widened by the line's own error; `probability` is P(the sides differ), both ends taken as independent. Both ends
certain by `k_sigma` standard deviations on different sides: a `violation`. Less certain, but at least
`report_prob` probable: `undetermined`. Less probable than that: no finding. The margin is how far the less certain
end lies on its side beyond those standard deviations.

Where one end is known and an azimuth of fire was reported, the other end lies somewhere on a fan: the azimuth with
its error, and any distance between the least and the longest flight of the weapon, all alike. The probability is
the share of the fan beyond the line; it is a `violation` only if the whole fan, out to `k_sigma`, lies there.

Where the agreement names a reference line for a party, fire from that party's side is judged by it; the line that
counted is stated. Fire that was allowed (return fire on an order, a notified exercise) is `permitted`, with the
permission named. Whose fire it was is left to attribution; `direction` says from which side to which. A
protected place within `protected_m` of the impact is named.

Example: a radar pair, launch 3 km west of a line that runs north, impact 1.2 km east of it, both good to 80 m:
one finding, `A>B`, verdict `violation`, probability 0.9999, margin 1,040 m (2 standard deviations).

Known limits: shells and rockets are taken to fly straight over the ground; an incident with one end and no azimuth
says nothing about crossing and gives no finding.
"""

import json
from collections.abc import Mapping, Sequence
from typing import Any, Final, NamedTuple

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from geodata.contact_line import ContactLine
from monitoring import findings, schema
from monitoring.agreement import REFERENCE_LINE, Parameter, Parameters, Permission
from monitoring.incidents import geometry
from monitoring.tracks.ellipse import across
from monitoring.tracks.normal import normal_tails

RULE_ID: Final = "cross_line_fire"
SCOPE: Final = "incident"
WEAPONS: Final = ("mortar", "artillery", "mlrs", "tank", "unknown")
PARAMETERS: Final = (
    Parameter("k_sigma", "1", most=10),
    Parameter("report_prob", "1", most=1),
    Parameter("azimuth_sigma_deg", "deg", least=0.1, most=90),
    Parameter("flight_least_m", "m", "numbers by name", names=WEAPONS),
    Parameter("flight_most_m", "m", "numbers by name", least=1, names=WEAPONS),
    Parameter("protected_m", "m"),
    REFERENCE_LINE,
)
MARGIN_UNIT: Final = "m"

_FAN: Final = 9
"""So many azimuths and so many distances stand for a fan."""

Reals = NDArray[np.float64]


class End(NamedTuple):
    """An end of the fire: places that stand for it with equal weight or `weight` (k,), and how sure each side is.

    `distance_m` (k,) signed, positive on side A; `error_m` (k,) standard deviation across the line, the line's own
    error included; `is_seen`: located by reports, not laid out as a fan; `prob_a`: P(on side A).
    """

    lon: Reals
    lat: Reals
    weight: Reals
    distance_m: Reals
    error_m: Reals
    is_seen: bool
    prob_a: float

    def side(self) -> int:
        """The likelier side, +1 = A, -1 = B, 0 = both alike."""
        return int(np.sign(self.prob_a - 0.5))

    def margin_m(self, k_sigma: float) -> float:
        """How far all of it lies on its likelier side beyond `k_sigma` standard deviations; negative: not all."""
        return float(np.min(self.side() * self.distance_m - k_sigma * self.error_m))


class Course(NamedTuple):
    """One way the fire may have gone: the line that counts for it, both ends against that line, how likely."""

    line: ContactLine
    origin: End
    impact: End
    likely: float


Courses = tuple[Course, Course]
"""From side A to side B and from side B to side A."""


def evaluate(incidents: pa.Table, parameters: Parameters) -> pa.Table:
    """One finding per incident of fire whose ends lie, or may lie, on different sides."""
    fire = [row for row in incidents.to_pylist() if row["kind"] == "fire"]
    details = [json.loads(row["detail"]) for row in fire]
    judged = _courses(details, [row["time_start_ns"] for row in fire], parameters)
    return findings.table(
        made
        for row, detail, courses in zip(fire, details, judged, strict=True)
        if courses is not None and (made := _finding(row, detail, courses, parameters)) is not None
    )


def _finding(
    incident: dict[str, Any], detail: dict[str, Any], courses: Courses, parameters: Parameters
) -> dict[str, Any] | None:
    agreement, time_ns = parameters.agreement, incident["time_start_ns"]
    from_a, from_b = courses
    likely = min(from_a.likely + from_b.likely, 1.0)
    if likely < agreement.number(f"{RULE_ID}.report_prob", time_ns):
        return None
    course = int(np.sign(from_a.likely - from_b.likely))
    line, origin, impact, _ = from_b if course < 0 else from_a
    margin_m = round(_margin_m(origin, impact, agreement.number(f"{RULE_ID}.k_sigma", time_ns)), 3)
    is_certain = margin_m >= 0.0 and not any(np.any(end.distance_m == 0.0) for end in (origin, impact))
    reasons = [
        incident["summary"],
        _in_words(origin, impact, course),
        _certainty(is_certain, margin_m, likely),
    ]
    reasons.append(f"Sides are those of the line “{line.label}”.")
    told: dict[str, Any] = {
        "origin": _told(origin, detail.get("origin")),
        "impact": _told(impact, detail.get("impact")),
        "reference_line": {"label": line.label, "version": line.version},
        "violations_smm": incident["violations_smm"],
    }
    reasons += _protected(told, time_ns, parameters)
    permission = _permission(incident, detail, told["origin"], parameters)
    verdict = "violation" if is_certain else "undetermined"
    if permission is not None:
        verdict = "permitted"
        reasons.append(permission.reason)
        told.update(findings.permission_detail(permission))
    reasons.append("Whose fire it was is left to attribution.")
    clause, subject = agreement.clause(RULE_ID), f"incident:{incident['incident_id']}"
    return {
        "finding_id": findings.identity("finding", RULE_ID, subject, incident["incident_id"]),
        "revision": incident["revision"],
        "state": incident["state"],
        "rule_id": RULE_ID,
        "clause": clause.id if clause else None,
        "verdict": verdict,
        "time_start_ns": time_ns,
        "time_end_ns": incident["time_end_ns"],
        "lon": incident["lon"],
        "lat": incident["lat"],
        "sigma_m": incident["sigma_major_m"],
        "side": findings.SIDE_NAMES.get(origin.side()) if origin.margin_m(1.0) >= 0.0 else None,
        "direction": findings.DIRECTION_NAMES.get(course),
        "distance_m": findings.millimetres(abs(float(np.sum(origin.weight * origin.distance_m)))),
        "chainage_m": incident["chainage_m"],
        "line_part": incident["line_part"],
        "sector": incident["sector"],
        "probability": None if parameters.is_exact else findings.probability(likely),
        "confidence": incident["confidence"],
        "margin": margin_m,
        "margin_unit": MARGIN_UNIT,
        "count": incident["violations_smm"],
        "count_is_minimum": incident["count_is_minimum"],
        "party": incident["party"],
        "incident_id": incident["incident_id"],
        "subject_key": subject,
        "sensor_ids": incident["sensor_ids"],
        "event_ids": [],
        "line_version": line.version,
        "agreement_version": agreement.version,
        "engine_version": schema.ENGINE_VERSION,
        "reasons": reasons,
        "detail": findings.canonical_json(told),
    }


class _Place(NamedTuple):
    """Where an end may be: places with weights (k,), the error of each (m), and whether it was located by reports."""

    lon: Reals
    lat: Reals
    weight: Reals
    own_m: float
    is_seen: bool


def _courses(
    details: Sequence[Mapping[str, Any]], times_ns: Sequence[int], parameters: Parameters
) -> list[Courses | None]:
    """Both ways that the fire of each incident may have gone, each by the line that counts for forces of its first
    side; None where an end is not known. All that one line counts for is located at once."""
    laid = [_ends(*told, parameters) for told in zip(details, times_ns, strict=True)]
    known = [i for i, places in enumerate(laid) if places is not None]
    line_of: list[tuple[ContactLine, ContactLine]] = []
    asked: dict[int, tuple[ContactLine, dict[int, tuple[_Place, _Place]]]] = {}
    for i in known:
        histories = (parameters.line_for(RULE_ID, party) for party in ("A", "B"))
        first, second = (lines.lines[int(lines.at(times_ns[i]))] for lines in histories)
        line_of.append((first, second))
        for line in (first, second):
            places = laid[i]
            assert places is not None
            asked.setdefault(id(line), (line, {}))[1][i] = places
    found = {
        number: dict(zip(of, _located(list(of.values()), line, parameters), strict=True))
        for number, (line, of) in asked.items()
    }
    made: list[Courses | None] = [None] * len(laid)
    for i, (first, second) in zip(known, line_of, strict=True):
        origin, impact = found[id(first)][i]
        from_a = Course(first, origin, impact, origin.prob_a * (1.0 - impact.prob_a))
        origin, impact = found[id(second)][i]
        made[i] = from_a, Course(second, origin, impact, (1.0 - origin.prob_a) * impact.prob_a)
    return made


def _ends(detail: Mapping[str, Any], time_ns: int, parameters: Parameters) -> tuple[_Place, _Place] | None:
    """Origin and impact: both as seen, or one seen and the other laid out along the azimuth of fire."""
    seen = {name: _seen(detail[name], parameters) for name in ("origin", "impact") if name in detail}
    if len(seen) == 2:
        return seen["origin"], seen["impact"]
    azimuth = detail.get("fire_azimuth_deg")
    if not seen or azimuth is None:
        return None
    if "origin" in seen:
        return seen["origin"], _fan(detail["origin"], float(azimuth), detail, time_ns, parameters)
    back = (float(azimuth) + 180.0) % 360.0
    return _fan(detail["impact"], back, detail, time_ns, parameters), seen["impact"]


def _seen(place: Mapping[str, Any], parameters: Parameters) -> _Place:
    lon, lat = np.array([place["lon"]]), np.array([place["lat"]])
    return _Place(lon, lat, np.ones(1), _own_m(place, parameters), is_seen=True)


def _own_m(place: Mapping[str, Any], parameters: Parameters) -> float:
    return 0.0 if parameters.is_exact else float(place.get("sigma_m") or 0.0)


def _fan(
    place: Mapping[str, Any],
    azimuth_deg: float,
    detail: Mapping[str, Any],
    time_ns: int,
    parameters: Parameters,
) -> _Place:
    """Where the other end may lie: azimuths out to `k_sigma` by their normal weight, distances all alike."""
    agreement = parameters.agreement
    k_sigma = max(agreement.number(f"{RULE_ID}.k_sigma", time_ns), 1.0)
    sigma_deg = agreement.number(f"{RULE_ID}.azimuth_sigma_deg", time_ns)
    weapon = detail.get("object_class")
    weapon = weapon if weapon in WEAPONS else "unknown"
    least_m = agreement.value(f"{RULE_ID}.flight_least_m", time_ns)[weapon]
    most_m = max(agreement.value(f"{RULE_ID}.flight_most_m", time_ns)[weapon], least_m)
    score = np.linspace(-k_sigma, k_sigma, _FAN)
    turn = np.radians(azimuth_deg + score * sigma_deg).repeat(_FAN)
    far_m = np.tile(np.linspace(least_m, most_m, _FAN), _FAN)
    weight = np.exp(-0.5 * score**2).repeat(_FAN)
    lon, lat = np.full(_FAN**2, place["lon"]), np.full(_FAN**2, place["lat"])
    lon, lat = geometry.moved(lon, lat, far_m * np.sin(turn), far_m * np.cos(turn))
    return _Place(lon, lat, weight / weight.sum(), _own_m(place, parameters), is_seen=False)


def _located(
    pairs: Sequence[tuple[_Place, _Place]], line: ContactLine, parameters: Parameters
) -> list[tuple[End, End]]:
    """Origins and impacts against one line."""
    places = [place for pair in pairs for place in pair]
    size = [len(place.lon) for place in places]
    lon, lat = (np.concatenate([getattr(place, name) for place in places]) for name in ("lon", "lat"))
    own_m = np.repeat([place.own_m for place in places], size)
    line_m = 0.0 if parameters.is_exact else line.sigma_m
    distance_m = line.locator.locate(lon, lat).signed_distance_m
    error_m = np.full(len(lon), line_m)
    wide = np.flatnonzero(own_m > 0.0)
    if len(wide):
        circle_m, north = own_m[wide], np.zeros(len(wide))
        found = across(
            line.locator, lon[wide], lat[wide], distance_m[wide], circle_m, circle_m, north, line_m
        )
        distance_m[wide], error_m[wide] = found.distance_m, np.hypot(found.sigma_m, line_m)
    on_a = normal_tails(distance_m / np.maximum(error_m, 1e-6))[0]
    cuts = np.cumsum(size)[:-1]
    ends = [
        End(place.lon, place.lat, place.weight, far_m, of_m, place.is_seen, float(np.sum(place.weight * a)))
        for place, far_m, of_m, a in zip(
            places, *(np.split(column, cuts) for column in (distance_m, error_m, on_a)), strict=True
        )
    ]
    return list(zip(ends[::2], ends[1::2], strict=True))


def _margin_m(origin: End, impact: End, k_sigma: float) -> float:
    """Of both ends the lesser margin; where both are likelier on one side, how far from the other one of them is."""
    if origin.side() * impact.side() <= 0:
        return min(origin.margin_m(k_sigma), impact.margin_m(k_sigma))
    reach = (end.side() * end.distance_m + k_sigma * end.error_m for end in (origin, impact))
    return -min(float(np.max(part)) for part in reach)


def _permission(
    incident: Mapping[str, Any],
    detail: Mapping[str, Any],
    origin: Mapping[str, Any],
    parameters: Parameters,
) -> Permission | None:
    """What excuses the fire at the place it came from (return fire on an order, a notified exercise)."""
    return parameters.terms.permission(
        RULE_ID,
        origin["lon"],
        origin["lat"],
        incident["time_start_ns"],
        incident["time_end_ns"],
        detail.get("object_class"),
        incident["party"],
        origin["sigma_m"] or 0.0,
    )


def _protected(told: dict[str, Any], time_ns: int, parameters: Parameters) -> list[str]:
    """A sentence on the protected place near the impact, if there is one; it is put into `told` as well."""
    impact = told["impact"]
    if not impact["is_seen"]:
        return []
    within_m = parameters.agreement.number(f"{RULE_ID}.protected_m", time_ns)
    lon, lat = np.array([impact["lon"]]), np.array([impact["lat"]])
    near = parameters.terms.protected_near(lon, lat, np.array([time_ns]), within_m)
    if near.idx[0] < 0:
        return []
    place, distance_m = parameters.terms.protected_places[int(near.idx[0])], round(float(near.distance_m[0]))
    told["protected_place"] = {
        "id": place.id,
        "name": place.name,
        "kind": place.kind,
        "distance_m": distance_m,
    }
    where = "inside" if distance_m == 0 else f"{distance_m:,} m from"
    return [f"It fell {where} the protected place {place.name} ({place.kind})."]


def _in_words(origin: End, impact: End, course: int) -> str:
    if course == 0:
        return "From which side to which the fire went is not known."
    first, second = findings.SIDE_NAMES[course], findings.SIDE_NAMES[-course]
    return f"The fire {_at(origin, 'came from', first)} and {_at(impact, 'fell on', second)}."


def _at(end: End, verb: str, side: str) -> str:
    """`came from side A, 3.0 km from the line (good to 80 m)`; of a fan, what it stands for."""
    if not end.is_seen:
        return f"{verb} side {side} by its azimuth, the distance not known"
    error = f" (good to {end.error_m[0]:,.0f} m)" if end.error_m[0] > 0.0 else ""
    return f"{verb} side {side}, {abs(end.distance_m[0]) / 1_000:,.1f} km from the line{error}"


def _certainty(is_certain: bool, margin_m: float, likely: float) -> str:
    if is_certain:
        return f"Both ends are certainly on different sides, the less certain one by {margin_m:,.0f} m."
    return f"It is not certain that the ends lie on different sides: probability {likely:.2f}."


def _told(end: End, seen: Mapping[str, Any] | None) -> dict[str, Any]:
    """An end for `detail`: its place, or the middle of the fan with the fan's spread."""
    if end.is_seen:
        assert seen is not None, "an end that was seen is described by its incident"
        return dict(seen) | {"is_seen": True}
    lon, lat = float(np.sum(end.weight * end.lon)), float(np.sum(end.weight * end.lat))
    middle = np.full(len(end.lon), lon), np.full(len(end.lon), lat)
    east, north = geometry.offsets_m(*middle, end.lon, end.lat)
    spread_m = float(np.sqrt(np.sum(end.weight * (east**2 + north**2)) / 2.0))
    return {"lon": round(lon, 5), "lat": round(lat, 5), "sigma_m": round(spread_m, 1), "is_seen": False}
