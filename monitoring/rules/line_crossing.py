"""Crossing the contact line.

What it checks: whether an object went from one side of the line to the other, where, when and which way.

Why: forces of neither party may cross (the clause of the agreement that names this rule).

How: where positions have errors, an object has crossed when one fix lies certainly on one side and a later
fix of the same track certainly on the other: further from the line than `tracks.k_sigma` standard
deviations of fix and line together. Fixes between them that are not certain never decide; place and instant
are those of the last passage of the track over the line in that direction before the second fix. Where
positions are exact, every intersection of every step counts. A touch never counts; a fix exactly on the
line counts once if the track leaves it on the other side. Forces of a party are in violation, monitors are
permitted, for others the meaning is undetermined.

Never a violation by itself: a chord between two fixes on one side that cuts a bend of the line twice
(`detail.inferred`: nobody saw the object beyond the line); a bracket longer in time than `bracket_s_max`; a
step faster than any object of the class (`detail.implausible`); a fix given with low precision.

Example: a tank of side A is seen 400 m west of the line at 11:50 and 300 m east of it at 11:52, each to 50
m: one finding A>B with the instant between, party A, margin 150 m.

Known limits: `probability` is null until a filter estimates it; an object that goes around an end of the
line has not crossed it; a pause longer than `tracks.forget_s`, or a change of the line, begins the track
anew.
"""

from collections.abc import Iterator
from typing import Any, Final, NamedTuple

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from monitoring import events, findings, schema
from monitoring.agreement import Parameter, Parameters
from monitoring.tracks.batch import NOT_STATED, TrackBatch
from monitoring.tracks.speed import is_too_fast

RULE_ID: Final = "line_crossing"
SCOPE: Final = "track"
PARAMETERS: Final = (Parameter("bracket_s_max", "s", least=1),)
MARGIN_UNIT: Final = "m"
MEMORY: Final = pa.schema([])


class _Found(NamedTuple):
    """Crossings to report, arrays (c,): which crossing, the rows before and after, seen or inferred."""

    crossing: NDArray[np.int64]
    before: NDArray[np.int64]
    after: NDArray[np.int64]
    is_inferred: NDArray[np.bool_]


def evaluate(
    batch: TrackBatch, memory: pa.Table, until_ns: int, is_end: bool, parameters: Parameters
) -> tuple[findings.Judged, pa.Table]:
    """Findings of the crossings that the new fixes decided. Nothing stays open, so there is no memory."""
    del until_ns, is_end
    found = _every_crossing(batch) if parameters.is_exact else _certain_crossings(batch)
    if not len(found.crossing):
        return findings.Judged.of(()), memory
    return findings.Judged.of(_rows(batch, found, parameters)), memory


def _every_crossing(batch: TrackBatch) -> _Found:
    """Every intersection of every new step."""
    row = batch.crossings.row
    crossing = np.flatnonzero(batch.is_new[row])
    after = row[crossing]
    # An even number leaves the object where it was: what it did between was not seen.
    is_inferred = (batch.crossings.in_step[crossing] % 2 == 0) & (batch.side[after - 1] == batch.side[after])
    return _Found(crossing, after - 1, after, is_inferred)


def _certain_crossings(batch: TrackBatch) -> _Found:
    """One crossing per change between certain sides, and chords that cut a bend between certain fixes."""
    certain = batch.certain_side
    before = batch.last_row_before(certain != 0)
    is_change = batch.is_new & (certain != 0) & (before >= 0)
    is_change &= certain * certain[before] < 0
    after = np.flatnonzero(is_change)
    parts = [_last_passages(batch, before[after], after, direction) for direction in (1, -1)]
    parts.append(_bends_cut(batch))
    crossing, rows_before, rows_after, is_inferred = (
        np.concatenate([np.asarray(part[i]) for part in parts]) for i in range(4)
    )
    return _Found(crossing, rows_before, rows_after, is_inferred.astype(np.bool_))


def _last_passages(
    batch: TrackBatch, before: NDArray[np.int64], after: NDArray[np.int64], direction: int
) -> _Found:
    """For each bracket that left the side `direction`, the last passage in that direction inside it."""
    of = batch.certain_side[before] == direction
    before, after = before[of], after[of]
    crossing = np.flatnonzero(batch.crossings.direction == direction)
    rows = batch.crossings.row[crossing]
    newest = np.searchsorted(rows, after, side="right") - 1
    # Without a passage the track went round an end of the line.
    is_there = newest >= 0
    is_there[is_there] &= rows[newest[is_there]] > before[is_there]
    chosen = crossing[newest[is_there]]
    return _Found(chosen, before[is_there], after[is_there], np.zeros(len(chosen), dtype=bool))


def _bends_cut(batch: TrackBatch) -> _Found:
    """Crossings of steps between two fixes certainly on one side, where the chord goes certainly beyond the
    line."""
    crossings = batch.crossings
    after = crossings.row
    is_bend = batch.is_new[after] & (batch.certain_side[after] != 0)
    is_bend &= batch.certain_side[after] == batch.certain_side[after - 1]
    first = np.flatnonzero(is_bend & (crossings.in_step % 2 == 0))[::2]
    deep = first[_is_deep(batch, first)]
    crossing = np.sort(
        np.concatenate([deep, deep + 1, np.flatnonzero(is_bend & (crossings.in_step % 2 == 1))])
    )
    after = crossings.row[crossing]
    return _Found(crossing, after - 1, after, np.ones(len(crossing), dtype=bool))


def _is_deep(batch: TrackBatch, first: NDArray[np.int64]) -> NDArray[np.bool_]:
    """Whether the chord, half way between crossing `first` and the next, lies beyond the line by k sigma."""
    crossings, after = batch.crossings, batch.crossings.row[first]
    half = (crossings.fraction[first] + crossings.fraction[first + 1]) / 2 if len(first) else np.zeros(0)
    sigma_m = np.maximum(batch.sigma_m[after], batch.sigma_m[after - 1])
    is_deep = np.zeros(len(first), dtype=bool)
    for idx in np.unique(batch.line_idx[after]).tolist():
        at = batch.line_idx[after] == idx
        row, share = after[at], half[at]
        lon = batch.lon[row - 1] + share * (batch.lon[row] - batch.lon[row - 1])
        lat = batch.lat[row - 1] + share * (batch.lat[row] - batch.lat[row - 1])
        distance_m = np.abs(batch.lines[idx].locator.locate(lon, lat).signed_distance_m)
        is_deep[at] = distance_m > batch.k_sigma[row] * sigma_m[at]
    return is_deep


def _rows(batch: TrackBatch, found: _Found, parameters: Parameters) -> Iterator[tuple[int, dict[str, Any]]]:
    crossings = batch.crossings
    at = found.crossing
    sector_idx = parameters.sectors.locate(crossings.lon[at], crossings.lat[at], crossings.chainage_m[at])
    end = crossings.row[at]
    is_fast = is_too_fast(batch, found.before, found.after, parameters)
    is_fast |= is_too_fast(batch, end - 1, end, parameters)
    bracket_s = (batch.time_ns[found.after] - batch.time_ns[found.before]) / 1e9
    is_long = bracket_s > parameters.agreement.numbers(f"{RULE_ID}.bracket_s_max", batch.time_ns[found.after])
    if parameters.is_exact:
        is_long[:] = False
    ordinal = at - np.searchsorted(crossings.row, end, side="left")
    sensors, tracks, ids = batch.names(np.stack([found.before, end - 1, end, found.after], axis=1).ravel())
    keys = [events.event_key(sensor, name) for sensor, name in zip(sensors, ids, strict=True)]
    clause = parameters.agreement.clause(RULE_ID)
    for i, (crossing, before, end_row, after) in enumerate(
        zip(at.tolist(), found.before.tolist(), end.tolist(), found.after.tolist(), strict=True)
    ):
        sensor_id, track_id = sensors[4 * i], tracks[4 * i]
        first, step_from, step_to, last = keys[4 * i : 4 * i + 4]
        doubts = _doubts(batch, before, after, found.is_inferred[i], is_fast[i], is_long[i])
        judged = findings.judgement([int(batch.affiliation[before]), int(batch.affiliation[after])])
        direction = findings.DIRECTION_NAMES[int(crossings.direction[crossing])]
        subject = f"track:{sensor_id}/{track_id}"
        step_ns = int(batch.time_ns[end_row] - batch.time_ns[end_row - 1])
        # To the microsecond, so that the last digits of an arithmetic never show.
        time_ns = int(batch.time_ns[end_row - 1]) + 1_000 * round(
            crossings.fraction[crossing] * step_ns / 1_000
        )
        yield (
            int(batch.time_ns[after]),
            {
                "finding_id": findings.identity(
                    "finding", RULE_ID, subject, first, direction, int(ordinal[i])
                ),
                "revision": 1,
                "state": "final",
                "rule_id": RULE_ID,
                "clause": clause.id if clause else None,
                "verdict": "undetermined" if doubts and judged.verdict == "violation" else judged.verdict,
                "time_start_ns": time_ns,
                "time_end_ns": time_ns,
                "lon": round(float(crossings.lon[crossing]), 8),
                "lat": round(float(crossings.lat[crossing]), 8),
                "sigma_m": findings.millimetres(max(batch.sigma_m[end_row - 1], batch.sigma_m[end_row])),
                "direction": direction,
                "distance_m": 0.0,
                "chainage_m": findings.millimetres(crossings.chainage_m[crossing]),
                "line_part": int(crossings.line_part[crossing]),
                "sector": parameters.sectors.ids[int(sector_idx[i])] if sector_idx[i] >= 0 else None,
                "confidence": "low" if doubts else "medium",
                "margin": findings.millimetres(_margin_m(batch, before, after)),
                "margin_unit": MARGIN_UNIT,
                "track_id": track_id,
                "object_class": _object_class(batch, after),
                "party": judged.party,
                "subject_key": subject,
                "sensor_ids": [sensor_id],
                "event_ids": list(dict.fromkeys([first, step_from, step_to, last])),
                "line_version": batch.lines[int(batch.line_idx[after])].version,
                "agreement_version": parameters.agreement.version,
                "engine_version": schema.ENGINE_VERSION,
                "reasons": [judged.reason, *doubts],
                "detail": findings.canonical_json(
                    {
                        "before": _fix(batch, before, first),
                        "after": _fix(batch, after, last),
                        "step_from": step_from,
                        "step_to": step_to,
                        "step_s": step_ns / 1e9,
                        "line_edge": int(crossings.line_edge[crossing]),
                        "crossings_in_step": int(crossings.in_step[crossing]),
                        "inferred": bool(found.is_inferred[i] or is_long[i]),
                        "implausible": bool(is_fast[i]),
                    }
                ),
            },
        )


def _doubts(
    batch: TrackBatch, before: int, after: int, is_inferred: bool, is_fast: bool, is_long: bool
) -> list[str]:
    doubts = []
    if is_inferred:
        doubts.append(
            "Nobody saw the object beyond the line: the straight way between its fixes cuts a bend."
        )
    if is_fast:
        doubts.append("No object of this class moves so fast; at least one fix is wrong.")
    if is_long:
        doubts.append("Too much time lies between the fixes to say where and when.")
    if batch.is_doubtful[before] or batch.is_doubtful[after]:
        doubts.append("A position was given with low precision.")
    return doubts


def _margin_m(batch: TrackBatch, before: int, after: int) -> float:
    """By how much the nearer of the two fixes is beyond what certainty asks."""
    beyond = (abs(batch.signed_distance_m[r]) - batch.k_sigma[r] * batch.sigma_m[r] for r in (before, after))
    return float(min(beyond))


def _fix(batch: TrackBatch, row: int, event_key: str) -> dict[str, Any]:
    return {
        "event_id": event_key,
        "time": findings.utc_text(int(batch.time_ns[row])),
        "lon": float(batch.lon[row]),
        "lat": float(batch.lat[row]),
        "sigma_m": findings.millimetres(batch.sigma_m[row]),
        "side": findings.SIDE_NAMES.get(int(batch.side[row])),
        "distance_m": findings.millimetres(abs(batch.signed_distance_m[row])),
    }


def _object_class(batch: TrackBatch, row: int) -> str | None:
    code = int(batch.object_class[row])
    return None if code == NOT_STATED else schema.OBJECT_CLASSES[code]
