"""New positions, trenches and mines inside the security zone.

What it checks: whether earth is moved, positions are built or mines laid inside the security zone, where, for how
long and over what extent.

Why: no new positions, trenches or mines (the clause of the agreement that names this rule).

How: reports of works, and of mines, are gathered into sites: reports of one kind agree in place within `radius_m`
and `k_sigma` of their errors, and follow each other without a pause longer than `gap_s`; several sensors, and one
sensor many times, make one site; its place is the middle of what they saw, its error allows for the site's extent.
`probability` is that there was something (see the standard of evidence: a lone
report by a sensor of the types in `second_report` stays below a half) times that it lay inside the zone. A
`violation` asks for the standard's `assert_prob` and for a place inside the zone by `k_sigma`; less is
`undetermined`; what lies beyond the zone by as much gives no finding. Notified works, demining and the monitors' own
are `permitted`, with the permission named. People taken for civilians leave the meaning undetermined.

Example: a camera sees digging 900 m west of the line, for two hours, every five minutes: one finding, side A,
`violation`, with its duration and extent; announced repairs at the same place: `permitted`.

Known limits: whether a position is new is known only from the work on it; a site that lasts longer than
`duration_s_max` is told again as another; a report without a place founds nothing.
"""

from collections import Counter
from collections.abc import Mapping
from itertools import pairwise
from typing import Any, Final

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from monitoring import events, findings, schema
from monitoring.agreement import REFERENCE_LINE, Agreement, Parameter, Parameters
from monitoring.incidents import geometry, sites, wording
from monitoring.incidents.credence import STANDARD, credence
from monitoring.incidents.extended import extended_place
from monitoring.incidents.standing import standing
from monitoring.rules import Windows
from monitoring.tracks.normal import normal_tails

RULE_ID: Final = "engineering_works"
SCOPE: Final = "place_window"
KINDS: Final = ("works", "mine")
INCIDENT_KIND: Final = "works"
PARAMETERS: Final = (
    Parameter("zone_m", "m", "numbers by name", names=("A", "B")),
    Parameter("k_sigma", "1", most=10),
    Parameter("radius_m", "m", least=1, most=2_000),
    Parameter("gap_s", "s", least=1),
    Parameter("duration_s_max", "s", least=1),
    Parameter(
        "second_report", "sensor types", "words by name", names=("needed_by",), words=schema.SENSOR_TYPES
    ),
    Parameter("standard", "1", "numbers by name", names=STANDARD),
    REFERENCE_LINE,
)
MARGIN_UNIT: Final = "m"

_LIMIT_M: Final = 3_000.0
"""However poor two places, reports this far apart are two sites."""
_WORDS: Final = {"works": "Works (digging or building)", "mine": "Mines or mine laying"}

Ints = NDArray[np.int64]
Reals = NDArray[np.float64]


def thin(placed: pa.Table, parameters: Parameters) -> NDArray[np.bool_]:  # noqa: ARG001
    """Reports that have a place."""
    return np.isfinite(events.reals(placed, "lon")) & np.isfinite(events.reals(placed, "lat"))


def reach_s(agreement: Agreement, time_ns: int) -> float:
    """A pause closes a site; until then anything may join it."""
    return agreement.number(f"{RULE_ID}.gap_s", time_ns)


def evaluate(placed: pa.Table, until_ns: int, parameters: Parameters) -> Windows:
    """One finding per site inside the zone, decided when the site has closed."""
    if not placed.num_rows:
        return Windows.none(0)
    found = _sites(placed, parameters)
    order = np.argsort(found.site, kind="stable")
    begins = np.searchsorted(found.site[order], np.arange(len(found.close_ns) + 1))
    members = tuple(order[begin:end].astype(np.int64) for begin, end in pairwise(begins))
    place = _places(placed, found)

    def make(number: int) -> dict[str, Any] | None:
        lon, lat, sigma_m = (float(part[number]) for part in place)
        return _finding(placed.take(pa.array(members[number])), lon, lat, sigma_m, parameters)

    open_ns = found.close_ns[found.close_ns > until_ns]
    return Windows(
        tuple(_identity(placed, int(rows[0])) for rows in members),
        make,
        found.close_ns,
        members,
        (found.close_ns > until_ns)[found.site],
        wake_ns=int(open_ns.min()) if len(open_ns) else Windows.none(0).wake_ns,
    )


def _sites(placed: pa.Table, parameters: Parameters) -> sites.Sites:
    agreement, time_ns = parameters.agreement, events.ints(placed, "time_ns")

    def numbers(name: str) -> Reals:
        return agreement.numbers(f"{RULE_ID}.{name}", time_ns)

    limits = sites.Limits(
        gap_ns=np.rint(numbers("gap_s") * 1e9).astype(np.int64),
        longest_ns=np.rint(numbers("duration_s_max") * 1e9).astype(np.int64),
        radius_m=numbers("radius_m"),
        k_sigma=numbers("k_sigma"),
        limit_m=np.full(len(time_ns), _LIMIT_M),
    )
    end_ns = np.maximum(events.ints(placed, "time_end_ns"), time_ns)
    lon, lat = events.reals(placed, "lon"), events.reals(placed, "lat")
    sigma_m, kind = events.reals(placed, "sigma_used_m"), events.codes(placed, "kind").astype(np.int64)
    return sites.grouped(time_ns, end_ns, lon, lat, sigma_m, kind, _sensors(placed), limits)


def _sensors(placed: pa.Table) -> Ints:
    encoded = placed.column("sensor_id").combine_chunks().dictionary_encode()
    return np.asarray(encoded.indices).astype(np.int64)


def _places(placed: pa.Table, found: sites.Sites) -> tuple[Reals, Reals, Reals]:
    """Longitude, latitude and error per axis of the middle of each site."""
    lon, lat, sigma_m = (events.reals(placed, name) for name in ("lon", "lat", "sigma_used_m"))
    time_ns = events.ints(placed, "time_ns")
    return extended_place(found.site, len(found.close_ns), time_ns, lon, lat, sigma_m, _sensors(placed))


def _finding(
    rows: pa.Table, lon: float, lat: float, sigma_m: float, parameters: Parameters
) -> dict[str, Any] | None:
    agreement, time_ns = parameters.agreement, events.ints(rows, "time_ns")
    start_ns, end_ns = int(time_ns[0]), int(np.maximum(events.ints(rows, "time_end_ns"), time_ns).max())
    k_sigma = agreement.number(f"{RULE_ID}.k_sigma", start_ns)
    at = standing(parameters, lon, lat, sigma_m, start_ns, k_sigma, RULE_ID)
    margin_m, depth_m = _margin_m(at, agreement.value(f"{RULE_ID}.zone_m", start_ns))
    if margin_m < -k_sigma * at["error_m"] or (at["error_m"] == 0.0 and margin_m < 0.0):
        return None
    standard = agreement.value(f"{RULE_ID}.standard", start_ns)
    there = _credence(rows, parameters, standard, start_ns)
    is_inside = margin_m >= k_sigma * at["error_m"]
    stated = findings.judgement(events.codes(rows, "affiliation").tolist())
    object_class, machines = _objects(rows)
    verdict = "violation" if is_inside and there >= standard["assert_prob"] else "undetermined"
    reasons = [_summary(rows, at, start_ns, end_ns, parameters), _where(is_inside, margin_m, depth_m)]
    reasons.append(_evidence(rows, there, standard["assert_prob"]))
    kind = rows.column("kind")[0].as_py()
    told: dict[str, Any] = {
        "what": kind,
        "duration_s": round((end_ns - start_ns) / 1e9, 1),
        "extent_m": _extent_m(rows, lon, lat),
        "machines": machines,
        "reports": rows.num_rows,
        "credence": findings.probability(there),
    }
    permission = parameters.terms.permission(
        RULE_ID, at["lon"], at["lat"], start_ns, end_ns, object_class, stated.party, sigma_m
    )
    if permission is not None:
        verdict = "permitted"
        told.update(findings.permission_detail(permission))
        reasons.append(permission.reason)
    elif stated.verdict == "permitted" or "civilian" in stated.reason:
        verdict = stated.verdict
        reasons.append(stated.reason)
    clause = agreement.clause(RULE_ID)
    first = events.event_key(rows.column("sensor_id")[0].as_py(), rows.column("id")[0].as_py())
    inside = 1.0 if at["error_m"] == 0.0 else float(normal_tails(np.array([margin_m / at["error_m"]]))[0][0])
    return {
        **{name: value for name, value in at.items() if name in schema.FINDINGS.names},
        "finding_id": _identity(rows, 0),
        "revision": 1,
        "state": "final",
        "rule_id": RULE_ID,
        "clause": clause.id if clause else None,
        "verdict": verdict,
        "time_start_ns": start_ns,
        "time_end_ns": end_ns,
        "probability": findings.probability(there * inside),
        "margin": margin_m,
        "margin_unit": MARGIN_UNIT,
        "count": machines,
        "object_class": object_class,
        "party": stated.party,
        "subject_key": f"place:{first}",
        "sensor_ids": [],
        "event_ids": [],
        "agreement_version": agreement.version,
        "engine_version": schema.ENGINE_VERSION,
        "reasons": reasons,
        "detail": findings.canonical_json(told),
    }


def _identity(placed: pa.Table, first: int) -> str:
    """The finding's id, of the site that begins with a row."""
    kind, sensor, name = (placed.column(column)[first].as_py() for column in ("kind", "sensor_id", "id"))
    return findings.identity("finding", RULE_ID, f"place:{kind}", events.event_key(sensor, name))


def _margin_m(at: Mapping[str, Any], zone_m: Mapping[str, float]) -> tuple[float, float]:
    """How far inside the zone's edge, and the zone's depth; where the side is not certain the shallower one."""
    depth_m = zone_m[at["side"]] if at["side"] else min(zone_m.values())
    return round(depth_m - abs(at["signed_m"]), 3), depth_m


def _credence(rows: pa.Table, parameters: Parameters, standard: Mapping[str, float], time_ns: int) -> float:
    needed_by = parameters.agreement.value(f"{RULE_ID}.second_report", time_ns)["needed_by"]
    names = rows.column("sensor_id").to_pylist()
    facts = {name: parameters.sensors.get(name) for name in names}
    doubtful = {name: (fact.type if fact else "generic") in needed_by for name, fact in facts.items()}
    return credence(names, doubtful, standard)


def _objects(rows: pa.Table) -> tuple[str | None, int | None]:
    """The class named most often (of equals the first by name), and the most objects that a report counted."""
    named = Counter(word for word in rows.column("object_class").to_pylist() if word not in (None, "unknown"))
    counts = [number for number in rows.column("count").to_pylist() if number is not None]
    most = min(named, key=lambda word: (-named[word], word), default=None)
    return most, max(counts, default=None)


def _extent_m(rows: pa.Table, lon: float, lat: float) -> float:
    """How far from the middle the furthest report certainly lies, in whole metres."""
    own = events.reals(rows, "lon"), events.reals(rows, "lat")
    middle = np.full(rows.num_rows, lon), np.full(rows.num_rows, lat)
    far_m = np.hypot(*geometry.offsets_m(*middle, *own)) - events.reals(rows, "sigma_used_m")
    return round(max(float(np.max(far_m)), 0.0))


def _summary(
    rows: pa.Table, at: Mapping[str, Any], start_ns: int, end_ns: int, parameters: Parameters
) -> str:
    what = _WORDS[rows.column("kind")[0].as_py()]
    where = wording.place(at["chainage_m"], at["sector"], at["side"], at["distance_m"])
    when = wording.span(start_ns, end_ns, parameters.agreement.reporting.zone)
    count = len(set(rows.column("sensor_id").to_pylist()))
    return f"{what} {where}; {when}; recorded by {'1 sensor' if count == 1 else f'{count} sensors'}."


def _where(is_inside: bool, margin_m: float, depth_m: float) -> str:
    depth_km = f"{depth_m / 1_000:g} km"
    if is_inside:
        return f"The place lies inside the security zone, which is {depth_km} deep there."
    edge = (
        f"The place is too near to the zone's edge, {depth_km} from the line, to say whether it lies inside"
    )
    return f"{edge} (by {margin_m:,.0f} m)."


def _evidence(rows: pa.Table, there: float, assert_prob: float) -> str:
    reports = "1 report" if rows.num_rows == 1 else f"{rows.num_rows} reports"
    if there >= assert_prob:
        return f"That there were works rests on {reports} and meets the standard of evidence."
    return f"That there were works rests on {reports} and does not meet the standard of evidence."
