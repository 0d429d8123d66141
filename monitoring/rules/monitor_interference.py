"""Interference with the monitors: jamming, denial of access, tampering, fire at sensors, a sensor off its post.

What it checks: whether somebody interferes with the monitors' work: how, where, since when, how well shown.

Why: the monitors and their equipment are not interfered with (the clause of the agreement that names this rule).

How: each kind is gathered by its common cause and judged alike.
- Jamming: reports of one emitter, bearings and places of receivers that lost theirs, are one finding. The emitter
  may be anywhere within `reach_m` of a receiver; its place is a cross-bearing where there are several finders, else
  the middle of what is possible, and its error says so.
- Denial of access: reports within `radius_m` and error of each other.
- Tampering: what one sensor reports of itself, at its post.
- Fire at a sensor: an impact within `post_m` of a registered post, with the probability that it was so near.
- A sensor that reports itself further than `moved_m` from its post, beyond its error: moved, or its navigation is
  deceived; always `undetermined`.
Each ends with a pause (`gap_s` by kind). `probability` is that there was something (see the standard of evidence; a
lone report by a sensor of the types in `second_report` stays below a half); from its `assert_prob` on it is a
`violation`, else `undetermined`; less probable than `report_prob` it is not told. Whose doing it was is left open
unless those who were there said so.

Example: a finder hears jamming from the north-west for an hour, a second one from the north-east: one finding at
the crossing of the bearings, `violation`, side B, party not named.

Places of tampering and of fire at sensors are given to some kilometres only, since they would tell where sensors stand.

Known limits: emitters in one direction from the only finder that hears them, one after the other, are taken for
one; outages are judged by their own rule; fire at a sensor is told where it fell, whether it was meant is not known.
"""

from collections.abc import Callable, Iterator, Mapping
from typing import Any, Final, NamedTuple

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from monitoring import events, findings, schema
from monitoring.agreement import REFERENCE_LINE, Agreement, Parameter, Parameters
from monitoring.incidents import emitters, interference, sites, wording
from monitoring.incidents.credence import STANDARD, credence
from monitoring.incidents.standing import standing
from monitoring.rules import NEVER_NS, Windows

RULE_ID: Final = "monitor_interference"
SCOPE: Final = "place_window"
KINDS: Final = ("jamming", "access_denied", "tamper", "heartbeat", *interference.IMPACT_KINDS)
INCIDENT_KIND: Final = "interference"
_HOW: Final = interference.WAYS
PARAMETERS: Final = (
    Parameter("gap_s", "s", "numbers by name", least=1, names=_HOW),
    Parameter("duration_s_max", "s", least=1),
    Parameter("k_sigma", "1", least=0.5, most=10),
    Parameter("reach_m", "m", least=1_000, most=100_000),
    Parameter("report_interval_s", "s", least=1),
    Parameter("miss_prob", "1", least=0.01, most=0.99),
    Parameter("appear_prob", "1", least=1e-6, most=0.5),
    Parameter("strength_spread", "1", least=0.01, most=10),
    Parameter("radius_m", "m", least=1, most=2_000),
    Parameter("post_m", "m", least=1, most=2_000),
    Parameter("moved_m", "m", least=1),
    Parameter("report_prob", "1", most=1),
    Parameter(
        "second_report", "sensor types", "words by name", names=("needed_by",), words=schema.SENSOR_TYPES
    ),
    Parameter("standard", "1", "numbers by name", names=STANDARD),
    REFERENCE_LINE,
)
MARGIN_UNIT: Final = "m"

_AT_POSTS: Final = ("tampering", "fire at a sensor")
"""Ways of interference whose place would tell where a sensor stands."""

Ints = NDArray[np.int64]
Reals = NDArray[np.float64]


class _Group(NamedTuple):
    """Rows of one cause: how it interferes, which rows, when it closes, and what they report."""

    how: str
    rows: Ints
    close_ns: int
    reports: emitters.Reports


def thin(placed: pa.Table, parameters: Parameters) -> NDArray[np.bool_]:
    """All but heartbeats from the post and impacts away from every post."""
    way = interference.ways(placed, parameters, _number(parameters, placed))
    return np.asarray(way >= 0)


def reach_s(agreement: Agreement, time_ns: int) -> float:
    """Twice the longest pause: emitters are told apart by what was open beside them."""
    return 2.0 * max(float(gap_s) for gap_s in agreement.value(f"{RULE_ID}.gap_s", time_ns).values())


def evaluate(placed: pa.Table, until_ns: int, parameters: Parameters) -> Windows:
    """One finding per cause, decided when nothing has been heard of it for the agreed time."""
    if not placed.num_rows:
        return Windows.none(0)
    number = _number(parameters, placed)
    way = interference.ways(placed, parameters, number)
    is_needed = np.zeros(placed.num_rows, dtype=np.bool_)
    groups = tuple(_groups(placed, way, parameters))
    wake_ns = NEVER_NS
    for group in groups:
        if group.close_ns > until_ns:
            is_needed[group.rows] = True
            wake_ns = min(wake_ns, group.close_ns)

    def make(which: int) -> dict[str, Any] | None:
        return _finding(placed.take(pa.array(groups[which].rows)), groups[which], number, parameters)

    return Windows(
        tuple(_identity(placed, int(group.rows[0]), group.how) for group in groups),
        make,
        np.array([group.close_ns for group in groups], dtype=np.int64),
        tuple(group.rows for group in groups),
        is_needed,
        wake_ns=wake_ns,
    )


def _number(parameters: Parameters, placed: pa.Table) -> Callable[[str], float]:
    """Values of this rule in force at the first of some rows."""
    time_ns = int(events.ints(placed, "time_ns")[0]) if placed.num_rows else 0

    def number(name: str) -> float:
        return parameters.agreement.number(f"{RULE_ID}.{name}", time_ns)

    return number


def _groups(placed: pa.Table, way: NDArray[np.int8], parameters: Parameters) -> Iterator[_Group]:
    """Every cause among the rows, way by way, each in the order of first reports."""
    number, time_ns = _number(parameters, placed), events.ints(placed, "time_ns")
    gap_s = parameters.agreement.value(f"{RULE_ID}.gap_s", int(time_ns[0]))
    longest_ns = round(number("duration_s_max") * 1e9)
    reports = interference.reports(placed, parameters)
    for code, how in enumerate(_HOW):
        at = np.flatnonzero(way == code)
        if not len(at):
            continue
        gap_ns = round(gap_s[how] * 1e9)
        own = reports.taken(at)
        if how == "jamming":
            found = emitters.heard(own, _values(number, gap_ns, longest_ns))
            group_of, close_ns = found.emitter, found.close_ns
        else:
            group_of, close_ns = _sites(
                placed.take(pa.array(at)), own, how, gap_ns, longest_ns, number, parameters
            )
        for one, close in enumerate(close_ns.tolist()):
            inside = np.flatnonzero(group_of == one)
            yield _Group(how, at[inside].astype(np.int64), close, own.taken(inside))


def _values(number: Callable[[str], float], gap_ns: int, longest_ns: int) -> emitters.Values:
    return emitters.Values(
        gap_ns=gap_ns,
        longest_ns=longest_ns,
        reach_m=number("reach_m"),
        interval_s=number("report_interval_s"),
        miss_prob=number("miss_prob"),
        appear_prob=number("appear_prob"),
        strength_sigma=number("strength_spread"),
        k_sigma=number("k_sigma"),
    )


def _sites(
    rows: pa.Table,
    own: emitters.Reports,
    how: str,
    gap_ns: int,
    longest_ns: int,
    number: Callable[[str], float],
    parameters: Parameters,
) -> tuple[Ints, Ints]:
    """Groups by place (denial of access), by post (fire at it), or by the sensor that speaks of itself."""
    n = rows.num_rows
    kind = np.zeros(n, dtype=np.int64)
    lon, lat = own.lon, own.lat
    if how == "fire at a sensor":
        kind = interference.nearest_post(lon, lat, parameters).idx
    elif how != "access denied":
        kind, lon, lat = own.sensor, np.zeros(n), np.zeros(n)
    limits = sites.Limits(
        gap_ns=np.full(n, gap_ns),
        longest_ns=np.full(n, longest_ns),
        radius_m=np.full(n, number("radius_m")),
        k_sigma=np.full(n, number("k_sigma")),
        limit_m=np.full(n, 3_000.0),
    )
    sigma_m = np.where(np.isfinite(own.sigma_m), own.sigma_m, 0.0)
    lon, lat = np.where(np.isfinite(lon), lon, 0.0), np.where(np.isfinite(lat), lat, 0.0)
    found = sites.grouped(own.time_ns, own.end_ns, lon, lat, sigma_m, kind, own.sensor, limits)
    return found.site, found.close_ns


def _finding(
    rows: pa.Table, group: _Group, number: Callable[[str], float], parameters: Parameters
) -> dict[str, Any] | None:
    agreement, time_ns = parameters.agreement, events.ints(rows, "time_ns")
    start_ns, end_ns = int(time_ns[0]), int(np.maximum(events.ints(rows, "time_end_ns"), time_ns).max())
    end_ns = min(end_ns, start_ns + round(agreement.number(f"{RULE_ID}.duration_s_max", start_ns) * 1e9))
    standard = agreement.value(f"{RULE_ID}.standard", start_ns)
    how = group.how
    place = interference.place_of(how, group.reports, number("reach_m"), number("post_m"), parameters)
    there = _credence(rows, parameters, standard, start_ns) * (1.0 if place is None else place.prob)
    if (findings.probability(there) or 0.0) < number("report_prob"):
        return None
    at: dict[str, Any] = {}
    if place is not None:
        k_sigma = agreement.number(f"{RULE_ID}.k_sigma", start_ns)
        at = standing(parameters, place.lon, place.lat, place.major_m, start_ns, k_sigma, RULE_ID)
        if how in _AT_POSTS:
            at |= _coarse(at)
    stated = findings.judgement(events.codes(rows, "affiliation").tolist())
    verdict = "violation" if there >= standard["assert_prob"] and how != "off its post" else "undetermined"
    reasons = [_summary(rows, at, how, start_ns, end_ns, parameters), *_whereabouts(place, how)]
    reasons.append(_evidence(rows, there >= standard["assert_prob"]))
    told: dict[str, Any] = {
        "how": how,
        "duration_s": round((end_ns - start_ns) / 1e9, 1),
        "reports": rows.num_rows,
        "place": None if place is None else place.told(),
    }
    if how == "off its post":
        told["off_post_m"] = round(float(np.nanmax(interference.off_post_m(rows, parameters))))
    if place is not None:
        permission = parameters.terms.permission(
            RULE_ID, place.lon, place.lat, start_ns, end_ns, None, stated.party, place.major_m
        )
        if permission is not None:
            verdict = "permitted"
            told.update(findings.permission_detail(permission))
            reasons.append(permission.reason)
    reasons.append(_whose(stated.party))
    clause = agreement.clause(RULE_ID)
    first = events.event_key(rows.column("sensor_id")[0].as_py(), rows.column("id")[0].as_py())
    return {
        **{name: value for name, value in at.items() if name in schema.FINDINGS.names},
        "finding_id": _identity(rows, 0, how),
        "revision": 1,
        "state": "final",
        "rule_id": RULE_ID,
        "clause": clause.id if clause else None,
        "verdict": verdict,
        "time_start_ns": start_ns,
        "time_end_ns": end_ns,
        "probability": findings.probability(there),
        "party": stated.party,
        "subject_key": f"place:{first}",
        "sensor_ids": [],
        "event_ids": [],
        "agreement_version": agreement.version,
        "engine_version": schema.ENGINE_VERSION,
        "reasons": reasons,
        "detail": findings.canonical_json(told),
    }


def _identity(placed: pa.Table, first: int, how: str) -> str:
    """The finding's id, of the cause whose first row this is."""
    key = events.event_key(placed.column("sensor_id")[first].as_py(), placed.column("id")[first].as_py())
    return findings.identity("finding", RULE_ID, how, key)


def _credence(rows: pa.Table, parameters: Parameters, standard: Mapping[str, float], time_ns: int) -> float:
    needed_by = parameters.agreement.value(f"{RULE_ID}.second_report", time_ns)["needed_by"]
    names = rows.column("sensor_id").to_pylist()
    facts = {name: parameters.sensors.get(name) for name in names}
    doubtful = {name: (fact.type if fact else "generic") in needed_by for name, fact in facts.items()}
    return credence(names, doubtful, standard)


def _summary(
    rows: pa.Table, at: Mapping[str, Any], how: str, start_ns: int, end_ns: int, parameters: Parameters
) -> str:
    when = wording.span(start_ns, end_ns, parameters.agreement.reporting.zone)
    where = "at a place not known"
    if at:
        where = wording.place(at["chainage_m"], at["sector"], at["side"], at["distance_m"])
    count = len(set(rows.column("sensor_id").to_pylist()))
    seen = "1 sensor" if count == 1 else f"{count} sensors"
    return f"{interference.WORDS[how]} {where}; {when}; recorded by {seen}."


def _coarse(at: Mapping[str, Any]) -> dict[str, Any]:
    """A place to some kilometres: where sensors stand does not leave the operators."""

    def rounded(value: float | None, step: float) -> float | None:
        return None if value is None else round(round(value / step) * step, 6)

    return {
        "lon": rounded(at["lon"], 0.05),
        "lat": rounded(at["lat"], 0.05),
        "sigma_m": 3_000.0,
        "distance_m": rounded(at["distance_m"], 1_000.0),
        "chainage_m": rounded(at["chainage_m"], 5_000.0),
    }


def _whereabouts(place: interference.Place | None, how: str) -> Iterator[str]:
    if place is None:
        yield "Where it came from is not known: no report says where it was made."
    elif how == "jamming":
        yield (
            f"The emitter was located by {place.method}; with nine chances in ten it is within "
            f"{2.146 * place.major_m / 1_000:,.1f} km of the place given."
        )
    elif how == "fire at a sensor":
        yield f"It fell near enough to the post of {place.method} with probability {place.prob:.2f}."
    if how in _AT_POSTS:
        yield "The place is given to some kilometres only: where sensors stand does not leave the operators."
    if how == "off its post":
        yield "Either it was moved, or its navigation is deceived; the place is the one that it reports."


def _evidence(rows: pa.Table, is_met: bool) -> str:
    reports = "1 report" if rows.num_rows == 1 else f"{rows.num_rows} reports"
    return f"This rests on {reports} and {'meets' if is_met else 'does not meet'} the standard of evidence."


def _whose(party: str | None) -> str:
    if party is None:
        return "Whose doing it was is not determined."
    return f"Those who reported it named party {party}."
