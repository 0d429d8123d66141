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

What the agreement permits there and then (a crossing point in its hours, a notified convoy) is `permitted`; the
deepest fix stands for the place of the whole stay. `detail.permission` and `permission_clause` name what permits it.

Known limits: one width for all kinds of object; a stay is judged by its own track, not together with other
sensors'.
"""

from collections.abc import Iterator
from typing import Any, Final

import numpy as np

from monitoring import findings
from monitoring.agreement import REFERENCE_LINE, Parameter, Parameters
from monitoring.tracks.batch import TrackBatch
from monitoring.tracks.facts import NEVER_NS
from monitoring.tracks.own_line import measured_for
from monitoring.tracks.stay_findings import (
    Moments,
    Said,
    advance,
    affiliations,
    excuses,
    inside_prob,
    pauses,
    row,
    sectors_of,
    time_text,
)
from monitoring.tracks.stays import STAYS, Marks, Published, Stays

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
remembered: Final = Stays.from_table


def evaluate(
    batch: TrackBatch, memory: Stays, until_ns: int, is_end: bool, parameters: Parameters
) -> tuple[list[findings.Decided], Stays]:
    """Findings of the stays that ended, or came to stand, with the new fixes or by silence until `until_ns`.

    At `is_end` open stays are published as they are and stay open. The memory holds the open stays.
    """
    batch = measured_for(batch, RULE_ID, parameters)
    told, memory = advance(memory, batch, _marks(batch, parameters), until_ns, is_end, RULE_ID)
    return list(_rows(told, parameters)), memory


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
    return Marks(
        zone=np.where(depth_m >= slack_m, 1, np.where(depth_m < -slack_m, -1, 0)).astype(np.int8),
        depth_m=depth_m,
        margin_m=depth_m - slack_m,
        pauses=pauses(RULE_ID, batch, parameters),
        is_critical=critical_m - np.abs(batch.signed_distance_m) >= slack_m,
    )


def _rows(published: Published, parameters: Parameters) -> Iterator[findings.Decided]:
    stays = published.stays
    if not len(stays):
        return
    moments = Moments.of(published)
    asked_s = parameters.agreement.numbers(f"{RULE_ID}.dwell_s", stays["start_ns"])
    probability = inside_prob(stays, moments, asked_s, parameters)
    is_told = moments.is_news & ((moments.dwell_s_most >= asked_s) | (stays["revision"] > 0))
    at = np.flatnonzero(is_told)
    if not len(at):
        return
    permissions = excuses(stays, at, RULE_ID, stays["object_class"], parameters)
    sectors = sectors_of(stays, at, parameters)
    for i, stay, permission, sector in zip(at.tolist(), stays.rows(at), permissions, sectors, strict=True):
        judged = findings.judgement(affiliations(stay))
        is_certain = bool(moments.dwell_s[i] >= asked_s[i])
        reasons = [judged.reason]
        if not is_certain:
            reasons.append(
                f"The certain stay of {moments.dwell_s[i]:.0f} s is shorter than {asked_s[i]:.0f} s."
            )
        verdict = judged.verdict if is_certain or judged.verdict != "violation" else "undetermined"
        if permission is not None:
            verdict = "permitted"
            reasons.append(permission.reason)
        said = Said(
            verdict=verdict,
            party=judged.party,
            reasons=reasons,
            probability=float(probability[i]),
            confidence="medium" if is_certain else "low",
            object_class=int(stay["object_class"]),
            detail={
                "belt": "warning" if stay["critical_last_ns"] == NEVER_NS else "critical",
                "critical": _critical(stay),
                **findings.permission_detail(permission),
            },
        )
        yield row(stay, published, i, moments, said, sector, RULE_ID, parameters)


def _critical(stay: dict[str, Any]) -> dict[str, Any] | None:
    """From when to when the object was certainly in the critical belt."""
    first_ns, last_ns = int(stay["critical_start_ns"]), int(stay["critical_last_ns"])
    if last_ns == NEVER_NS:
        return None
    return {"entry": time_text(first_ns), "last": time_text(last_ns), "dwell_s": (last_ns - first_ns) / 1e9}
