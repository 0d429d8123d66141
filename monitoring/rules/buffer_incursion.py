"""Forces inside the buffer along the contact line.

What it checks: whether an object stayed inside the buffer on either side of the line, from when to when,
how deep.

Why: the parties keep their forces out of the buffer (the clause of the agreement that names this rule).

How: a fix is inside when it is so by `tracks.k_sigma` standard deviations of fix and line together (its
distance plus that much does not exceed the `width_m` of its side; exactly on the edge is inside), outside
when it is beyond the edge by as much; other fixes decide nothing. A stay begins with the first fix inside
and ends with the first one outside; it also ends, at its last fix, when no fix came for `gap_s`. It is one
finding however often the object nears the edge or crosses the line during it. `time_start` and `time_end`
are the first and the last fix inside: the certain stay. A stay that lasted `dwell_s` for certain is an
incursion; one that may have, judged by the fixes just before and after it, is `undetermined`; a shorter one
is none. A stay that has lasted `standing_s` is published while it goes on, and again (next revision) at its
end.

The buffer has two belts: the critical one next to the line, `critical_m` wide on each side, and the warning
belt, which is the rest. Both are forbidden alike; `detail.belt` says how far a stay came, `detail.critical` from
when to when it was certainly in the critical belt.

`probability` is that the object was inside at its deepest fix (normal error of fix and line along the normal of
the line) and that it stayed as long as asked for, if entry and exit may each have been at any instant between
the fixes around them; null where positions are exact.

Place, `distance_m` and `margin` are those of its deepest fix; the margin is how far inside the edge that
fix certainly was. `side` is the side of the first fix inside. Forces of a party are in violation wherever
in the buffer they are, monitors are permitted, for others the meaning is undetermined.

Example: an armoured vehicle of B comes from 5 km east to 1.2 km east of the line, stays for ten minutes and
leaves: one finding, side B, party B, margin 650 m where fixes are good to 50 m.

Where the agreement gives the forces of a party a line of their own (`reference_line`), they are measured from that
line as soon as a sensor said whose they are; until then, as for objects of nobody, from the contact line.

Known limits: one width for all kinds of object; a stay is judged by its own track, not together with other
sensors'.
"""

from collections.abc import Iterator
from typing import Any, Final

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from monitoring import events, findings, schema
from monitoring.agreement import REFERENCE_LINE, Parameter, Parameters
from monitoring.tracks.batch import NOT_STATED, TrackBatch
from monitoring.tracks.facts import NEVER_NS
from monitoring.tracks.normal import normal_tails
from monitoring.tracks.own_line import measured_for
from monitoring.tracks.stays import STAYS, Marks, Published, Stays, as_they_stand, follow, lapsed

RULE_ID: Final = "buffer_incursion"
SCOPE: Final = "track"
PARAMETERS: Final = (
    Parameter("width_m", "m", "numbers by name", names=("A", "B")),
    Parameter("critical_m", "m", "numbers by name", names=("A", "B")),
    Parameter("dwell_s", "s"),
    Parameter("gap_s", "s", least=1),
    Parameter("standing_s", "s", least=1),
    REFERENCE_LINE,
)
MARGIN_UNIT: Final = "m"
MEMORY: Final = STAYS


def evaluate(
    batch: TrackBatch, memory: pa.Table, until_ns: int, is_end: bool, parameters: Parameters
) -> tuple[findings.Judged, pa.Table]:
    """Findings of the stays that ended, or came to stand, with the new fixes or by silence until `until_ns`.

    At `is_end` open stays are published as they are and stay open. The memory holds the open stays.
    """
    batch = measured_for(batch, RULE_ID, parameters)
    open_stays, told = follow(Stays.from_table(memory), batch, _marks(batch, parameters))
    open_stays, silent = lapsed(open_stays, until_ns)
    told.append(silent)
    if is_end:
        open_stays, standing = as_they_stand(open_stays, until_ns)
        told.append(standing)
    rows = [row for published in told for row in _rows(published, parameters)]
    return findings.Judged.of(rows), _named(open_stays).to_table()


def _named(stays: Stays) -> Stays:
    """The stays with the id of their finding, which they keep from then on."""
    names = stays["finding_id"].copy()
    for i in np.flatnonzero(names == "").tolist():
        names[i] = _finding_id(stays["sensor_id"][i], stays["track_id"][i], stays["first_id"][i])
    return stays.with_columns(finding_id=names)


def _finding_id(sensor_id: str, track_id: str, first_id: str) -> str:
    return findings.identity(
        "finding", RULE_ID, f"track:{sensor_id}/{track_id}", events.event_key(sensor_id, first_id)
    )


def _marks(batch: TrackBatch, parameters: Parameters) -> Marks:
    """Which rows are inside, how deep, and what silence ends a stay."""
    agreement, times_ns = parameters.agreement, batch.time_ns
    width_a_m = agreement.numbers(f"{RULE_ID}.width_m", times_ns, "A")
    width_b_m = agreement.numbers(f"{RULE_ID}.width_m", times_ns, "B")
    width_m = np.where(batch.signed_distance_m >= 0.0, width_a_m, width_b_m)
    depth_m = width_m - np.abs(batch.signed_distance_m)
    critical_a_m = agreement.numbers(f"{RULE_ID}.critical_m", times_ns, "A")
    critical_b_m = agreement.numbers(f"{RULE_ID}.critical_m", times_ns, "B")
    critical_m = np.where(batch.signed_distance_m >= 0.0, critical_a_m, critical_b_m)
    slack_m = batch.k_sigma * batch.sigma_m
    # A track that is silent for longer than the agreement remembers begins anew, whatever the gap.
    gap_s = agreement.numbers(f"{RULE_ID}.gap_s", times_ns)
    if not parameters.is_exact:
        gap_s = np.minimum(gap_s, agreement.numbers("tracks.forget_s", times_ns))
    return Marks(
        zone=np.where(depth_m >= slack_m, 1, np.where(depth_m < -slack_m, -1, 0)).astype(np.int8),
        depth_m=depth_m,
        margin_m=depth_m - slack_m,
        gap_ns=(gap_s * 1e9).astype(np.int64),
        standing_ns=(agreement.numbers(f"{RULE_ID}.standing_s", times_ns) * 1e9).astype(np.int64),
        is_critical=critical_m - np.abs(batch.signed_distance_m) >= slack_m,
    )


def _rows(published: Published, parameters: Parameters) -> Iterator[tuple[int, dict[str, Any]]]:
    stays = published.stays
    if not len(stays):
        return
    has_exit = published.exit_ns != NEVER_NS
    is_news = (stays["revision"] == 0) | has_exit | (stays["last_fix_ns"] > stays["published_ns"])
    dwell_s = (stays["last_ns"] - stays["start_ns"]) / 1e9
    begins_ns = np.where(stays["outside_ns"] == NEVER_NS, stays["start_ns"], stays["outside_ns"])
    ends_ns = np.where(has_exit, published.exit_ns, stays["last_fix_ns"])
    dwell_s_most = (ends_ns - begins_ns) / 1e9
    asked_s = parameters.agreement.numbers(f"{RULE_ID}.dwell_s", stays["start_ns"])
    probability = _probability(stays, asked_s, begins_ns, ends_ns, parameters)
    is_told = is_news & ((dwell_s_most >= asked_s) | (stays["revision"] > 0))
    sector_idx = parameters.sectors.locate(stays["lon"], stays["lat"], stays["chainage_m"])
    clause = parameters.agreement.clause(RULE_ID)
    for i in np.flatnonzero(is_told).tolist():
        stay = {name: column[i] for name, column in stays.columns.items()}
        sensor, track = stay["sensor_id"], stay["track_id"]
        codes = [code for code in range(len(schema.AFFILIATIONS)) if int(stay["affiliations"]) >> code & 1]
        judged = findings.judgement(codes)
        is_certain = bool(dwell_s[i] >= asked_s[i])
        reasons = [judged.reason]
        if not is_certain:
            reasons.append(f"The certain stay of {dwell_s[i]:.0f} s is shorter than {asked_s[i]:.0f} s.")
        subject = f"track:{sensor}/{track}"
        first = f"{sensor}/{stay['first_id']}"
        exit_id = None if published.exit_id[i] is None else f"{sensor}/{published.exit_id[i]}"
        named = [first, f"{sensor}/{stay['deepest_id']}", f"{sensor}/{stay['last_id']}", exit_id]
        object_class = int(stay["object_class"])
        yield (
            int(published.decided_ns[i]),
            {
                "finding_id": stay["finding_id"] or _finding_id(sensor, track, stay["first_id"]),
                "revision": int(stay["revision"]) + 1,
                "state": "final",
                "rule_id": RULE_ID,
                "clause": clause.id if clause else None,
                "verdict": judged.verdict if is_certain or judged.verdict != "violation" else "undetermined",
                "time_start_ns": int(stay["start_ns"]),
                "time_end_ns": int(stay["last_ns"]),
                "lon": round(float(stay["lon"]), 8),
                "lat": round(float(stay["lat"]), 8),
                "sigma_m": findings.millimetres(stay["sigma_m"]),
                "side": findings.SIDE_NAMES.get(int(stay["start_side"])),
                "distance_m": findings.millimetres(stay["distance_m"]),
                "chainage_m": findings.millimetres(stay["chainage_m"]),
                "line_part": int(stay["line_part"]),
                "sector": parameters.sectors.ids[int(sector_idx[i])] if sector_idx[i] >= 0 else None,
                "probability": findings.probability(probability[i]),
                "confidence": "medium" if is_certain else "low",
                "margin": findings.millimetres(stay["margin_m"]),
                "margin_unit": MARGIN_UNIT,
                "track_id": track,
                "object_class": None if object_class == NOT_STATED else schema.OBJECT_CLASSES[object_class],
                "party": judged.party,
                "subject_key": subject,
                "sensor_ids": [sensor],
                "event_ids": list(dict.fromkeys(name for name in named if name is not None)),
                "line_version": stay["line_version"],
                "agreement_version": parameters.agreement.version,
                "engine_version": schema.ENGINE_VERSION,
                "reasons": reasons,
                "detail": findings.canonical_json(
                    {
                        "affiliations": findings.stated_words(codes),
                        "belt": "warning" if stay["critical_last_ns"] == NEVER_NS else "critical",
                        "critical": _critical(stay),
                        "entry": findings.utc_text(int(stay["start_ns"])),
                        "fix_before": _time(int(stay["outside_ns"])),
                        "exit": _time(int(published.exit_ns[i])),
                        "dwell_s": float(dwell_s[i]),
                        "dwell_s_most": float(dwell_s_most[i]),
                        "depth_m": findings.millimetres(stay["depth_m"]),
                        "deepest_at": findings.utc_text(int(stay["deepest_ns"])),
                        "fixes_inside": int(stay["fix_count"]),
                        "side_last": findings.SIDE_NAMES.get(int(stay["last_side"])),
                    }
                ),
            },
        )


def _probability(
    stays: Stays,
    asked_s: NDArray[np.float64],
    begins_ns: NDArray[np.int64],
    ends_ns: NDArray[np.int64],
    parameters: Parameters,
) -> NDArray[np.float64]:
    """That each object was inside and stayed as long as asked for, (s,); NaN where positions are exact."""
    if parameters.is_exact:
        return np.full(len(stays), np.nan)
    is_inside, _ = normal_tails(stays["depth_m"] / np.maximum(stays["sigma_m"], 1e-3))
    entry_s, exit_s = (stays["start_ns"] - begins_ns) / 1e9, (ends_ns - stays["last_ns"]) / 1e9
    certain_s = (stays["last_ns"] - stays["start_ns"]) / 1e9
    return is_inside * _at_least(asked_s - certain_s, entry_s, exit_s)


def _at_least(
    wanted: NDArray[np.float64], first: NDArray[np.float64], second: NDArray[np.float64]
) -> NDArray[np.float64]:
    """P(U + V >= wanted) for U uniform on [0, first] and V on [0, second]; all (n,).

    >>> _at_least(np.array([0.0, 1.0, 1.0, 3.0]), np.array([0.0, 2.0, 1.0, 1.0]), np.array([0.0, 0.0, 1.0, 1.0]))
    array([1. , 0.5, 0.5, 0. ])
    """
    low, high = np.minimum(first, second), np.maximum(first, second)
    with np.errstate(divide="ignore", invalid="ignore"):
        start = 1.0 - wanted**2 / (2.0 * low * high)
        middle = 1.0 - (wanted - low / 2.0) / high
        end = (low + high - wanted) ** 2 / (2.0 * low * high)
    inner = np.where(wanted < low, start, np.where(wanted <= high, middle, end))
    return np.where(wanted <= 0.0, 1.0, np.where(wanted >= low + high, 0.0, inner))


def _critical(stay: dict[str, Any]) -> dict[str, Any] | None:
    """From when to when the object was certainly in the critical belt."""
    first_ns, last_ns = int(stay["critical_start_ns"]), int(stay["critical_last_ns"])
    if last_ns == NEVER_NS:
        return None
    return {"entry": _time(first_ns), "last": _time(last_ns), "dwell_s": (last_ns - first_ns) / 1e9}


def _time(time_ns: int) -> str | None:
    return None if time_ns == NEVER_NS else findings.utc_text(time_ns)
