"""Sensors that are out of work: one finding for each outage, and for each cause that takes several out together.

What it checks: whether a sensor states an outage or tampering, or a post that reported its health has fallen silent:
`missed_count` of the reports that its type sends in turn are missing. Other events do not break a silence here: what
is judged is whether the sensor says that it works.

Why: what nobody could see must be known as well as what was seen (the clause of the agreement that names this rule).

How: outages that may have begun at one moment (within `group_s`; a silence may have begun at any time before the
report that was due next) at neighbouring posts (each within `group_m` of another) are one happening with one cause: a
power cut that silences a hundred posts is one finding. It begins with the last sign of any of them before that moment
and ends when the last of them is heard again. The verdict is
`undetermined`: an outage breaks no clause by itself; it is `permitted` when maintenance was announced for the place
and time of every post. An outage that goes on is told `tell_after_s` after it became known, and again when it ends.
The finding says how many sensors of which types are out, how that is known, in which sectors, and how many
kilometres of line nobody watches for it. It never says where a sensor stands.

Example: at 14:00 all radars and towers of 60 km fall silent, at 17:10 they are back: one finding, 14:00 to 17:10.

Known limits: a post that never reported its health is not judged here (its coverage is none); an aircraft is silent
between flights by design, so only what it states counts; what stored reports show later amends the finding.
"""

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from monitoring import events, findings, schema
from monitoring.agreement import Agreement, Parameter, Parameters
from monitoring.coverage import Loss, loss_of
from monitoring.coverage.reach import TYPES
from monitoring.incidents import geometry, wording
from monitoring.rules import NEVER_NS, Windows

RULE_ID: Final = "sensor_outage"
SCOPE: Final = "place_window"
KINDS: Final = schema.STATUS_KINDS
INCIDENT_KIND: Final = "outage"
PARAMETERS: Final = (
    Parameter("missed_count", "reports", least=1, most=100),
    Parameter("duration_s_min", "s"),
    Parameter("group_s", "s"),
    Parameter("group_m", "m"),
    Parameter("tell_after_s", "s"),
)
MARGIN_UNIT: Final = "s"

_HEARTBEAT, _OUTAGE, _TAMPER = (schema.KINDS.index(kind) for kind in ("heartbeat", "outage", "tamper"))
_HOW: Final = {"silent": "fell silent", "stated": "stated an outage", "tampered": "reported tampering"}
_NAMED_MOST: Final = 5
_IN_TIME_FRAC: Final = 0.05
"""A report that comes later than it is due by no more than this share of its interval is not missing: clocks drift."""
_LONGEST_INTERVAL_S: Final = max(means.heartbeat_s for means in TYPES.values())

Ints = NDArray[np.int64]


@dataclass(frozen=True)
class _Outage:
    """One sensor's outage: rows of its first and last evidence (-1 = goes on), begun in [from_ns, by_ns], until
    `end_ns` (NEVER_NS = goes on), known from `known_ns` on, and how."""

    sensor_id: str
    first: int
    last: int
    from_ns: int
    by_ns: int
    end_ns: int
    known_ns: int
    how: str


def thin(placed: pa.Table, parameters: Parameters) -> NDArray[np.bool_]:
    """What sensors state of outages, and the health of those that have a post."""
    kind = events.codes(placed, "kind")
    names = placed.column("sensor_id").combine_chunks().dictionary_encode()
    facts = (parameters.sensors.get(name) for name in names.dictionary.to_pylist())
    has_post = np.array([fact is not None and fact.lon is not None for fact in facts] or [False], dtype=bool)
    return np.asarray((kind != _HEARTBEAT) | has_post[np.asarray(names.indices)])


def reach_s(agreement: Agreement, time_ns: int) -> float:
    """The longest silence that is nothing to wonder at, and the time within which causes are one."""
    missed = agreement.number(f"{RULE_ID}.missed_count", time_ns)
    return (missed + _IN_TIME_FRAC) * _LONGEST_INTERVAL_S + agreement.number(f"{RULE_ID}.group_s", time_ns)


def evaluate(placed: pa.Table, until_ns: int, parameters: Parameters) -> Windows:
    """One finding per cause, decided when all of its sensors are back and nothing can join it any more."""
    if not placed.num_rows:
        return Windows.none(0)
    outages, newest, wake_ns = _outages(placed, until_ns, parameters)
    is_needed = np.zeros(placed.num_rows, dtype=np.bool_)
    is_needed[newest] = True
    groups, decided, tell, members = [], [], [], []
    for group in _groups(outages, parameters):
        begun_ns = min(outage.by_ns for outage in group)
        settled_ns = begun_ns + round(reach_s(parameters.agreement, begun_ns) * 1e9)
        over_ns = max(max(outage.end_ns, outage.known_ns) for outage in group)
        decided_ns = min(max(over_ns, settled_ns), NEVER_NS)
        own = sorted({at for outage in group for at in (outage.first, outage.last) if at >= 0})
        if decided_ns > until_ns:
            # Also of what is brief so far: a neighbour's silence that becomes known later may have its cause.
            is_needed[own] = True
        if _is_brief(group, *_span(group, until_ns), until_ns, parameters):
            continue
        told_s = parameters.agreement.number(f"{RULE_ID}.tell_after_s", begun_ns)
        groups.append(group)
        decided.append(decided_ns)
        tell.append(min(outage.known_ns for outage in group) + round(told_s * 1e9))
        members.append(np.array(own, dtype=np.int64))
    return Windows(
        tuple(_identity(placed, group) for group in groups),
        lambda which: _finding(placed, groups[which], until_ns, parameters),
        np.array(decided, dtype=np.int64),
        tuple(members),
        _with_all_behind(placed, is_needed),
        tell_ns=np.array(tell, dtype=np.int64),
        wake_ns=wake_ns,
        is_sure=True,
    )


def _with_all_behind(placed: pa.Table, is_needed: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """The needed rows, and all of the same sensors behind them: a row left out would look like a silence."""
    sensor = np.asarray(placed.column("sensor_id").combine_chunks().dictionary_encode().indices)
    time_ns = events.ints(placed, "time_ns")
    since_ns = np.full(int(sensor.max()) + 1, NEVER_NS)
    np.minimum.at(since_ns, sensor[is_needed], time_ns[is_needed])
    return np.asarray(time_ns >= since_ns[sensor])


def _outages(placed: pa.Table, until_ns: int, parameters: Parameters) -> tuple[list[_Outage], Ints, int]:
    """Outages known by now, the newest row of every sensor, and when the next silence becomes one."""
    names = placed.column("sensor_id").combine_chunks().dictionary_encode()
    ids, sensor = names.dictionary.to_pylist(), np.asarray(names.indices).astype(np.int64)
    time_ns, kind = events.ints(placed, "time_ns"), events.codes(placed, "kind")
    order = np.lexsort((np.arange(len(sensor)), time_ns, sensor))
    sensor, time_ns, kind = sensor[order], time_ns[order], kind[order]
    is_last = np.diff(sensor, append=-1) != 0
    following_ns = np.where(is_last, NEVER_NS, np.append(time_ns[1:], NEVER_NS))
    limit_ns = _limits_ns(ids, sensor, time_ns, parameters)
    is_down = kind != _HEARTBEAT
    was_down = np.append(False, is_down[:-1]) & (np.diff(sensor, prepend=-1) == 0)
    stated_end_ns = events.ints(placed, "time_end_ns", absent=NEVER_NS)[order]
    # Behind the end that a sensor states for its outage it has as long as any other to be heard again.
    overdue_ns = np.minimum(np.where(is_down, stated_end_ns, time_ns), NEVER_NS - limit_ns) + limit_ns
    has_post = np.array([_has_post(name, parameters) for name in ids], dtype=bool)[sensor]
    is_silent = ~is_down & has_post & (np.minimum(following_ns, until_ns) > overdue_ns)
    waiting = has_post & is_last & (overdue_ns >= until_ns) & (overdue_ns < NEVER_NS)
    wake_ns = int(overdue_ns[waiting].min()) + 1 if waiting.any() else NEVER_NS
    found = []
    for at in np.flatnonzero(is_silent | (is_down & ~was_down)).tolist():
        name = ids[sensor[at]]
        if is_silent[at]:
            interval_ns = round(_interval_s(name, parameters) * 1e9)
            end, last = int(following_ns[at]), -1 if is_last[at] else int(order[at + 1])
            start = int(time_ns[at])
            span = (start, start + interval_ns, end, int(overdue_ns[at]) + 1)
            found.append(_Outage(name, int(order[at]), last, *span, "silent"))
            continue
        back = _back(at, sensor, kind)
        back_ns = NEVER_NS if back < 0 else int(time_ns[back])
        end = back_ns if min(back_ns, until_ns) > overdue_ns[at] else min(back_ns, int(stated_end_ns[at]))
        how = "tampered" if kind[at] == _TAMPER else "stated"
        start = int(time_ns[at])
        last = -1 if back < 0 else int(order[back])
        found.append(_Outage(name, int(order[at]), last, start, start, end, start, how))
    return found, order[is_last], wake_ns


def _back(at: int, sensor: Ints, kind: NDArray[np.int8]) -> int:
    """The sensor's next report of health behind a row (in order of sensor and time), -1 for none."""
    following = at + 1
    while following < len(sensor) and sensor[following] == sensor[at]:
        if kind[following] == _HEARTBEAT:
            return following
        following += 1
    return -1


def _limits_ns(ids: Sequence[str], sensor: Ints, time_ns: Ints, parameters: Parameters) -> Ints:
    """How long the sensor of each row, a number in `ids`, may be silent after it."""
    missed = parameters.agreement.numbers(f"{RULE_ID}.missed_count", time_ns)
    intervals_s = np.array([_interval_s(name, parameters) for name in ids], dtype=np.float64)
    return np.rint((missed + _IN_TIME_FRAC) * intervals_s[sensor] * 1e9).astype(np.int64)


def _interval_s(sensor_id: str, parameters: Parameters) -> float:
    facts = parameters.sensors.get(sensor_id)
    return TYPES[facts.type if facts else "generic"].heartbeat_s


def _has_post(sensor_id: str, parameters: Parameters) -> bool:
    facts = parameters.sensors.get(sensor_id)
    return facts is not None and facts.lon is not None


def _groups(outages: Iterable[_Outage], parameters: Parameters) -> Iterable[list[_Outage]]:
    """Outages with one cause: the one that must have begun first gathers the neighbours that may have begun with
    it, and theirs."""
    left = sorted(outages, key=lambda one: (one.by_ns, one.from_ns, one.sensor_id))
    while left:
        seed = left[0]
        near_ns = round(parameters.agreement.number(f"{RULE_ID}.group_s", seed.by_ns) * 1e9)
        near_m = parameters.agreement.number(f"{RULE_ID}.group_m", seed.by_ns)
        at_once = [one for one in left if one.from_ns - near_ns <= seed.by_ns and seed.from_ns <= one.end_ns]
        chosen = _linked(at_once, near_m, parameters)
        yield chosen
        taken = {id(one) for one in chosen}
        left = [one for one in left if id(one) not in taken]


def _linked(outages: list[_Outage], near_m: float, parameters: Parameters) -> list[_Outage]:
    """Those that neighbours link with the first, one outage of a sensor each."""
    places = [_post(one.sensor_id, parameters) for one in outages]
    lon, lat = (np.array([place[axis] for place in places]) for axis in (0, 1))
    is_in = np.zeros(len(outages), dtype=bool)
    is_in[0] = True
    edge = [0]
    while edge:
        at = edge.pop()
        middle = np.full(len(lon), lon[at]), np.full(len(lat), lat[at])
        with np.errstate(invalid="ignore"):
            joins = (np.hypot(*geometry.offsets_m(*middle, lon, lat)) <= near_m) & ~is_in
        edge += np.flatnonzero(joins).tolist()
        is_in |= joins
    found: dict[str, _Outage] = {}
    for one, is_meant in zip(outages, is_in.tolist(), strict=True):
        if is_meant:
            found.setdefault(one.sensor_id, one)
    return list(found.values())


def _post(sensor_id: str, parameters: Parameters) -> tuple[float, float]:
    facts = parameters.sensors.get(sensor_id)
    if facts is None or facts.lon is None or facts.lat is None:
        return np.nan, np.nan
    return facts.lon, facts.lat


def _finding(placed: pa.Table, group: list[_Outage], until_ns: int, parameters: Parameters) -> dict[str, Any]:
    agreement = parameters.agreement
    start_ns, end_ns = _span(group, until_ns)
    goes_on = any(outage.end_ns > until_ns for outage in group)
    lasts_s = (end_ns - start_ns) / 1e9
    margin_s = _margin_s(start_ns, end_ns, parameters)
    ids = sorted(outage.sensor_id for outage in group)
    loss = loss_of(ids, parameters, start_ns)
    how = Counter(outage.how for outage in group)
    permission = _permission(group, end_ns, parameters)
    key = _key(placed, group)
    clause = agreement.clause(RULE_ID)
    told: dict[str, Any] = {
        "sensors": len(ids),
        "types": dict(sorted(Counter(_type(name, parameters) for name in ids).items())),
        "known_by": dict(sorted(how.items())),
        "goes_on": goes_on,
        "back": sum(outage.end_ns <= until_ns for outage in group),
        "one_cause": len(ids) > 1,
        "sectors": list(loss.sectors),
        "lost_km": dict(loss.km),
        "lost_km_h": {kind: round(km * lasts_s / 3_600, 1) for kind, km in loss.km.items()},
    }
    reasons = [_summary(ids, start_ns, end_ns, goes_on, parameters), _known(how), _lost(loss)]
    if len(ids) > 1:
        reasons.append(
            "They are neighbours and may have gone out at one moment, so they are taken for one outage."
        )
    if permission is not None:
        told["permission"] = permission.id
        reasons.append(permission.reason)
    return {
        "finding_id": _identity(placed, group),
        "revision": 1,
        "state": "final",
        "rule_id": RULE_ID,
        "clause": clause.id if clause else None,
        "verdict": "undetermined" if permission is None else "permitted",
        "time_start_ns": start_ns,
        "time_end_ns": end_ns,
        "sector": _sector(ids, loss, parameters),
        "margin": round(margin_s, 3),
        "margin_unit": MARGIN_UNIT,
        "count": len(ids),
        "subject_key": f"outage:{key}",
        "sensor_ids": [],
        "event_ids": [],
        "agreement_version": agreement.version,
        "engine_version": schema.ENGINE_VERSION,
        "reasons": reasons,
        "detail": findings.canonical_json(told),
    }


def _span(group: list[_Outage], until_ns: int) -> tuple[int, int]:
    """When an outage began and when it was over, as far as it has come."""
    # One cause: it came after the last sign of any of them that it can have come after.
    latest_ns = min(outage.by_ns for outage in group)
    start_ns = max((one.from_ns for one in group if one.from_ns <= latest_ns), default=latest_ns)
    return start_ns, max(min(outage.end_ns, until_ns) for outage in group)


def _margin_s(start_ns: int, end_ns: int, parameters: Parameters) -> float:
    return (end_ns - start_ns) / 1e9 - parameters.agreement.number(f"{RULE_ID}.duration_s_min", start_ns)


def _is_brief(
    group: list[_Outage], start_ns: int, end_ns: int, until_ns: int, parameters: Parameters
) -> bool:
    """Whether it is a stated outage that was over before it is worth telling."""
    is_over = all(outage.end_ns <= until_ns for outage in group)
    is_stated = all(outage.how == "stated" for outage in group)
    return is_over and is_stated and _margin_s(start_ns, end_ns, parameters) < 0


def _identity(placed: pa.Table, group: list[_Outage]) -> str:
    return findings.identity("finding", RULE_ID, "outage", _key(placed, group))


def _key(placed: pa.Table, group: list[_Outage]) -> str:
    """The first event of an outage."""
    first = min(group, key=lambda one: (one.from_ns, one.sensor_id))
    return events.event_key(first.sensor_id, placed.column("id")[first.first].as_py())


def _permission(group: list[_Outage], end_ns: int, parameters: Parameters) -> Any:
    """The permission that covers every sensor's outage, None when one of them has none."""
    found = None
    for outage in group:
        lon, lat = _post(outage.sensor_id, parameters)
        if not np.isfinite(lon):
            return None
        until_ns = min(outage.end_ns, end_ns)
        found = parameters.terms.permission(RULE_ID, lon, lat, outage.by_ns, until_ns, None, None, 0.0)
        if found is None:
            return None
    return found


def _type(sensor_id: str, parameters: Parameters) -> str:
    facts = parameters.sensors.get(sensor_id)
    return facts.type if facts else "generic"


def _sector(ids: Iterable[str], loss: Loss, parameters: Parameters) -> str | None:
    """The sector in which most of the posts stand, else the first that loses something."""
    places = np.array([_post(name, parameters) for name in ids])
    known = places[np.isfinite(places[:, 0])]
    sectors = parameters.sectors
    found = sectors.locate(known[:, 0], known[:, 1]) if len(known) else np.zeros(0, dtype=np.int16)
    named = Counter(sectors.ids[at] for at in found.tolist() if at >= 0)
    if named:
        return str(min(named, key=lambda name: (-named[name], name)))
    return loss.sectors[0] if loss.sectors else None


def _summary(ids: Sequence[str], start_ns: int, end_ns: int, goes_on: bool, parameters: Parameters) -> str:
    when = wording.span(start_ns, end_ns, parameters.agreement.reporting.zone)
    going = ", going on" if goes_on else ""
    if len(ids) == 1:
        return f"Sensor {ids[0]} was out of work; {when}{going}."
    named = ", ".join(ids[:_NAMED_MOST]) + (
        f" and {len(ids) - _NAMED_MOST} more" if len(ids) > _NAMED_MOST else ""
    )
    return f"{len(ids)} sensors were out of work; {when}{going}: {named}."


def _known(how: Counter[str]) -> str:
    parts = [f"{how[name]} {words}" for name, words in _HOW.items() if how[name]]
    return f"How it is known: {', '.join(parts)}."


def _lost(loss: Loss) -> str:
    if not loss.km:
        return "Other sensors watch everything that these do."
    kind = max(loss.km, key=lambda name: (loss.km[name], name))
    where = f" in {', '.join(loss.sectors)}" if loss.sectors else ""
    return (
        f"Up to {loss.km[kind]:g} km of the line{where} were not watched for it (most for "
        f"{kind.replace('_', ' ')}); no terrain went into that."
    )
