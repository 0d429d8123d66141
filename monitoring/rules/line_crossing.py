"""Crossing the contact line.

What it checks: whether an object went from one side of the line to the other, where, when, which way, and how
sure that is.

Why: forces of neither party may cross (the clause of the agreement that names this rule).

How: where positions have errors, a filter follows the side of each track (`monitoring.tracks.side_filter`): the
side changes at the prior rate `tracks.side_change_per_h`; of the error of a fix the share `tracks.bias_frac` is
the track's own, and the line's error is common to all; the error ellipse is integrated over the two sides. An
object is surely on a side when that is as probable as `sure_prob`. `probability` is that it was on the old side
at the fix that showed this best (`detail.surest_before`) and on the new one at the fix that decided (`after`),
given all fixes up to then. When the new side is sure, the crossing is told at once. One that is only as
probable as `report_prob` waits for `dwell_s` and is told then, as a violation if as probable as `assert_prob`,
else as undetermined; it is told again (next revision) when further fixes allow to assert it or speak against
it. It is over when either side is sure; until then no other crossing is told, so noise along the line does not
flap. Place and instant are those of the last passage of the track over the line in that direction since the
last fix that was surely on the old side (`before`); `detail.beyond_prob` is how probable the new side was after
each fix since.

Where positions are exact, every intersection of every step counts and `probability` is null. A touch never
counts; a fix exactly on the line counts once if the track leaves it on the other side. Forces of a party are in
violation, monitors are permitted, for others the meaning is undetermined. What the agreement permits there and then
(civilians at a crossing point in its hours, a notified convoy) is `permitted`, also where it is in doubt;
`detail.permission` and `permission_clause` name what permits it.

Never a violation by itself: a chord between two fixes on one side that cuts a bend of the line twice
(`detail.inferred`: nobody saw the object beyond the line; its probability is that the way between the fixes,
which strays from the chord by `wander_m_per_sqrt_s` and the errors of the fixes, was beyond the line half way
between the two intersections); a bracket longer in time than `bracket_s_max`; a step, or a bracket, faster than
any object of the class (`detail.implausible`); a fix given with low precision; a fix that another of the same time
contradicts, being surely on the other side (nothing orders the two, so `probability` is null).

Example: a tank of side A is seen 400 m west of the line at 11:50 and 300 m east of it at 11:52, each to 50
m: one finding A>B with the instant between, party A, probability above 0.999, margin 150 m.

Known limits: an object is taken to be anywhere on its side with equal right, so standing still just beyond the
line for long looks more certain than it is, up to the bias; the bias acts along the normal of the line, also
where that turns; an object that goes around an end of the line has not crossed it; a pause longer than
`tracks.forget_s`, or a change of the line, begins the track anew.
"""

from collections.abc import Iterator
from typing import Any, Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

from monitoring import events, findings, schema
from monitoring.agreement import Parameter, Parameters, Permission
from monitoring.tracks.batch import NOT_STATED, TrackBatch
from monitoring.tracks.changes import CHANGES, Pending, Thresholds, Told, finding_id
from monitoring.tracks.facts import NEVER_NS, Columns, fix_facts, passage_facts
from monitoring.tracks.following import follow
from monitoring.tracks.normal import normal_tails
from monitoring.tracks.speed import is_too_fast

RULE_ID: Final = "line_crossing"
SCOPE: Final = "track"
PARAMETERS: Final = (
    Parameter("report_prob", "1", least=0.01, most=1),
    Parameter("assert_prob", "1", least=0.51, most=1),
    Parameter("sure_prob", "1", least=0.51, most=1),
    Parameter("dwell_s", "s"),
    Parameter("wander_m_per_sqrt_s", "m/s^0.5"),
    Parameter("bracket_s_max", "s", least=1),
)
MARGIN_UNIT: Final = "m"
MEMORY: Final = CHANGES
remembered: Final = Pending.from_table


class _Found(NamedTuple):
    """Crossings of single steps, arrays (c,): which crossing, inferred or seen, and how probable (NaN = no
    model)."""

    crossing: NDArray[np.int64]
    is_inferred: NDArray[np.bool_]
    probability: NDArray[np.float64]


def evaluate(
    batch: TrackBatch, memory: Pending, until_ns: int, is_end: bool, parameters: Parameters
) -> tuple[list[findings.Decided], Pending]:
    """Findings of the crossings that the new fixes, or waiting until `until_ns`, decided.

    At `is_end` what is in doubt is told as it stands and stays open. The memory holds the tracks in doubt.
    """
    if parameters.is_exact:
        return list(_rows(_of_steps(batch, _every_crossing(batch), parameters), parameters)), memory

    def thresholds(times_ns: NDArray[np.int64]) -> Thresholds:
        report, asserted, sure, dwell_s = (
            parameters.agreement.numbers(f"{RULE_ID}.{name}", times_ns)
            for name in ("report_prob", "assert_prob", "sure_prob", "dwell_s")
        )
        return Thresholds(report, asserted, sure, (dwell_s * 1e9).astype(np.int64))

    pending, told = follow(memory, batch, until_ns, is_end, parameters, RULE_ID, thresholds)
    bends = _bends_cut(batch, parameters)
    rows = list(_rows(_of_steps(batch, bends, parameters), parameters)) if len(bends.crossing) else []
    rows += [row for changes in told if len(changes) for row in _rows(_of_changes(changes), parameters)]
    return rows, pending


def _every_crossing(batch: TrackBatch) -> _Found:
    """Every intersection of every new step."""
    crossings = batch.crossings
    crossing = np.flatnonzero(batch.is_new[crossings.row])
    after = crossings.row[crossing]
    # An even number leaves the object where it was: what it did between was not seen.
    is_inferred = (crossings.in_step[crossing] % 2 == 0) & (batch.side[after - 1] == batch.side[after])
    return _Found(crossing, is_inferred, np.full(len(crossing), np.nan))


def _bends_cut(batch: TrackBatch, parameters: Parameters) -> _Found:
    """Crossings of steps between two fixes certainly on one side, where the chord goes certainly beyond the
    line."""
    crossings = batch.crossings
    after = crossings.row
    is_bend = batch.is_new[after] & (batch.certain_side[after] != 0)
    is_bend &= batch.certain_side[after] == batch.certain_side[after - 1]
    first = np.flatnonzero(is_bend & (crossings.in_step % 2 == 0))[::2]
    is_deep, probability = _beyond(batch, first, parameters)
    deep, single = first[is_deep], np.flatnonzero(is_bend & (crossings.in_step % 2 == 1))
    crossing = np.concatenate([deep, deep + 1, single])
    probability = np.concatenate([probability[is_deep], probability[is_deep], np.full(len(single), np.nan)])
    order = np.argsort(crossing, kind="stable")
    return _Found(crossing[order], np.ones(len(crossing), dtype=bool), probability[order])


def _beyond(
    batch: TrackBatch, first: NDArray[np.int64], parameters: Parameters
) -> tuple[NDArray[np.bool_], NDArray[np.float64]]:
    """Whether the chord, half way between crossing `first` and the next, lies beyond the line by k sigma of the
    fixes, and how probable it is that the way itself did there."""
    crossings, after = batch.crossings, batch.crossings.row[first]
    half = (crossings.fraction[first] + crossings.fraction[first + 1]) / 2 if len(first) else np.zeros(0)
    sigma_m = np.maximum(batch.sigma_m[after], batch.sigma_m[after - 1])
    distance_m = np.zeros(len(first))
    for idx in np.unique(batch.line_idx[after]).tolist():
        at = batch.line_idx[after] == idx
        row, share = after[at], half[at]
        lon = batch.lon[row - 1] + share * (batch.lon[row] - batch.lon[row - 1])
        lat = batch.lat[row - 1] + share * (batch.lat[row] - batch.lat[row - 1])
        distance_m[at] = np.abs(batch.lines[idx].locator.locate(lon, lat).signed_distance_m)
    # A Brownian bridge: certain at its ends, furthest from the chord in the middle, the more so the longer.
    step_s = (batch.time_ns[after] - batch.time_ns[after - 1]) / 1e9
    wander = parameters.agreement.numbers(f"{RULE_ID}.wander_m_per_sqrt_s", batch.time_ns[after])
    stray_m = wander * np.sqrt(step_s * half * (1.0 - half))
    probability, _ = normal_tails(distance_m / np.hypot(sigma_m, stray_m))
    least = parameters.agreement.numbers(f"{RULE_ID}.report_prob", batch.time_ns[after])
    return (distance_m > batch.k_sigma[after] * sigma_m) & (probability >= least), probability


def _of_steps(batch: TrackBatch, found: _Found, parameters: Parameters) -> Columns:
    """Crossings of single steps in the columns of `Told`, with `is_inferred`."""
    after = batch.crossings.row[found.crossing]
    count = len(after)
    sensor_ids, track_ids, _ = batch.names(after)
    columns: Columns = {
        "sensor_id": sensor_ids,
        "track_id": track_ids,
        "revision": np.ones(count, dtype=np.int64),
        "side": batch.crossings.direction[found.crossing],
        "surest_ns": batch.time_ns[after - 1],
        "probability": found.probability,
        "is_undone": np.zeros(count, dtype=bool),
        "is_inferred": found.is_inferred,
        "is_unordered": np.zeros(count, dtype=bool),
        "decided_ns": batch.time_ns[after],
        "trace_ns": np.full((count, 0), NEVER_NS, dtype=np.int64),
        "trace_prob": np.zeros((count, 0)),
        **fix_facts(batch, after - 1, "before"),
        **fix_facts(batch, after, "after"),
        **passage_facts(batch, found.crossing, parameters),
    }
    ids = [finding_id(RULE_ID, {name: c[i] for name, c in columns.items()}) for i in range(count)]
    return columns | {"finding_id": np.array(ids, dtype=np.object_)}


def _of_changes(told: Told) -> Columns:
    """With `is_unordered`: one of the fixes that show the change has another of its time against it."""
    columns = told.columns
    is_unordered = columns["before_time_ns"] == columns["after_time_ns"]
    is_unordered |= columns["before_is_at_odds"] | columns["after_is_at_odds"]
    return columns | {
        "is_inferred": np.zeros(len(told), dtype=bool),
        "is_unordered": is_unordered,
        "probability": np.where(is_unordered, np.nan, columns["probability"]),
    }


def _rows(columns: Columns, parameters: Parameters) -> Iterator[findings.Decided]:
    if not len(columns["side"]):
        return
    sector_idx = parameters.sectors.locate(
        columns["passage_lon"], columns["passage_lat"], columns["passage_chainage_m"]
    )
    is_fast = columns["passage_is_fast"] | is_too_fast(columns, parameters)
    bracket_s = (columns["after_time_ns"] - columns["before_time_ns"]) / 1e9
    longest_s = parameters.agreement.numbers(f"{RULE_ID}.bracket_s_max", columns["after_time_ns"])
    is_long = (bracket_s > longest_s) & (not parameters.is_exact)
    least_prob = parameters.agreement.numbers(f"{RULE_ID}.assert_prob", columns["after_time_ns"])
    clause = parameters.agreement.clause(RULE_ID)
    stated_of = list(
        zip(columns["before_affiliation"].tolist(), columns["after_affiliation"].tolist(), strict=True)
    )
    permissions = findings.excuses(
        parameters,
        RULE_ID,
        (columns["passage_lon"], columns["passage_lat"], columns["passage_sigma_m"]),
        (columns["passage_ns"], columns["passage_ns"]),
        columns["after_object_class"],
        stated_of,
    )
    for i, (stated, permission) in enumerate(zip(stated_of, permissions, strict=True)):
        told = {name: column[i] for name, column in columns.items()}
        sensor_id = told["sensor_id"]
        first, step_from, step_to, last = (
            events.event_key(sensor_id, told[name])
            for name in ("before_id", "passage_from_id", "passage_to_id", "after_id")
        )
        doubts = _doubts(told, bool(is_fast[i]), bool(is_long[i]), float(least_prob[i]))
        judged = findings.judgement(stated)
        verdict, because = _verdict(judged, doubts, permission)
        yield (
            int(told["decided_ns"]),
            {
                "finding_id": told["finding_id"],
                "revision": int(told["revision"]),
                "state": "final",
                "rule_id": RULE_ID,
                "clause": clause.id if clause else None,
                "verdict": verdict,
                "time_start_ns": int(told["passage_ns"]),
                "time_end_ns": int(told["passage_ns"]),
                "lon": round(float(told["passage_lon"]), 8),
                "lat": round(float(told["passage_lat"]), 8),
                "sigma_m": findings.millimetres(told["passage_sigma_m"]),
                "direction": findings.DIRECTION_NAMES[int(told["side"])],
                "distance_m": 0.0,
                "chainage_m": findings.millimetres(told["passage_chainage_m"]),
                "line_part": int(told["passage_line_part"]),
                "sector": parameters.sectors.ids[int(sector_idx[i])] if sector_idx[i] >= 0 else None,
                "probability": findings.probability(told["probability"]),
                "confidence": "low" if doubts else "medium",
                "margin": findings.millimetres(min(_margin_m(told, end) for end in ("before", "after"))),
                "margin_unit": MARGIN_UNIT,
                "track_id": told["track_id"],
                "object_class": _object_class(told),
                "party": judged.party,
                "subject_key": f"track:{sensor_id}/{told['track_id']}",
                "sensor_ids": [sensor_id],
                "event_ids": list(dict.fromkeys([first, step_from, step_to, last])),
                "line_version": told["after_line_version"],
                "agreement_version": parameters.agreement.version,
                "engine_version": schema.ENGINE_VERSION,
                "reasons": [judged.reason, *doubts, *because],
                "detail": findings.canonical_json(
                    {
                        "affiliations": findings.stated_words(stated),
                        "before": _fix(told, "before", first),
                        "after": _fix(told, "after", last),
                        "surest_before": findings.utc_text(int(told["surest_ns"])),
                        "beyond_prob": _beyond_prob(told),
                        "step_from": step_from,
                        "step_to": step_to,
                        "step_s": int(told["passage_step_ns"]) / 1e9,
                        "line_edge": int(told["passage_line_edge"]),
                        "crossings_in_step": int(told["passage_count"]),
                        "inferred": bool(told["is_inferred"] or is_long[i]),
                        "implausible": bool(is_fast[i]),
                        **findings.permission_detail(permission),
                    }
                ),
            },
        )


def _verdict(
    judged: findings.Judgement, doubts: list[str], permission: Permission | None
) -> tuple[str, list[str]]:
    """The verdict, and the sentence that says what permits the crossing."""
    if permission is not None:
        return "permitted", [permission.reason]
    return ("undetermined" if doubts and judged.verdict == "violation" else judged.verdict), []


def _doubts(told: dict[str, Any], is_fast: bool, is_long: bool, least_prob: float) -> list[str]:
    doubts = []
    if told["is_inferred"]:
        doubts.append(
            "Nobody saw the object beyond the line: the straight way between its fixes cuts a bend."
        )
    elif told["is_undone"]:
        doubts.append("Later fixes lie on the old side again; it may never have left it.")
    elif told["is_unordered"]:
        doubts.append("Fixes of one time show it on both sides; what came first is not known.")
    elif told["probability"] < least_prob:
        doubts.append(f"The fixes make it {told['probability']:.2f} probable; {least_prob:g} is asked for.")
    if is_fast:
        doubts.append("No object of this class moves so fast; at least one fix is wrong.")
    if is_long:
        doubts.append("Too much time lies between the fixes to say where and when.")
    if told["before_is_doubtful"] or told["after_is_doubtful"]:
        doubts.append("A position was given with low precision.")
    return doubts


def _beyond_prob(told: dict[str, Any]) -> list[list[Any]]:
    """Pairs of time and P(on the new side) after the newest fixes that were evidence."""
    pairs = zip(told["trace_ns"].tolist(), told["trace_prob"].tolist(), strict=True)
    return [
        [findings.utc_text(time_ns), findings.probability(1.0 - prob_a if told["side"] > 0 else prob_a)]
        for time_ns, prob_a in pairs
        if time_ns != NEVER_NS
    ]


def _margin_m(told: dict[str, Any], end: str) -> float:
    """By how much a fix is beyond what certainty asks."""
    return float(abs(told[f"{end}_distance_m"]) - told[f"{end}_k_sigma"] * told[f"{end}_sigma_m"])


def _fix(told: dict[str, Any], end: str, event_key: str) -> dict[str, Any]:
    return {
        "event_id": event_key,
        "time": findings.utc_text(int(told[f"{end}_time_ns"])),
        "lon": float(told[f"{end}_lon"]),
        "lat": float(told[f"{end}_lat"]),
        "sigma_m": findings.millimetres(told[f"{end}_sigma_m"]),
        "side": findings.SIDE_NAMES.get(int(told[f"{end}_side"])),
        "distance_m": findings.millimetres(abs(told[f"{end}_distance_m"])),
    }


def _object_class(told: dict[str, Any]) -> str | None:
    code = int(told["after_object_class"])
    return None if code == NOT_STATED else schema.OBJECT_CLASSES[code]
