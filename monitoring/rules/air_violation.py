"""Military aircraft where the agreement keeps the air free of them.

What it checks: whether an aircraft, manned or not, flew over the security zone along the line or over a no-fly zone,
from when to when, how deep, how high, over which side.

Why: no military aircraft and no unmanned aircraft of the parties fly there (the clause of the agreement that names
this rule).

How: an object is an aircraft by the class that its sensor stated. Each class has its depth of closed air on either
side of the line, up to `ceiling_m`; no-fly zones of the agreement are closed to all. A fix is inside when it is so
by `tracks.k_sigma` standard deviations of fix and line together (exactly on the edge is inside), outside when it is
beyond the edge by as much, or higher than the ceiling by `tracks.k_sigma` times `height_sigma_m`; other fixes decide
nothing. Stays are followed and told as those of `buffer_incursion` are.

Heights are above the ellipsoid, as sensors state them; the ground under the aircraft is not known, nor how far the
ellipsoid lies from the sea's level, nor the error of the height. A fix without a height counts by its place alone:
that it was below the ceiling is then not known, and said.

`probability` is that the object was inside at its deepest fix for as long as asked for (as in `buffer_incursion`),
times the share of the statements that name an aircraft, times `class_right_prob`; null where positions are exact.
Statements of less than `class_share` leave it `undetermined`.

The monitors' own aircraft, known by their affiliation or by the registry of flights, are `permitted`, as are flights
that were notified; aircraft of a party are in violation; of others the meaning is undetermined. `side` is the side of
the first fix inside, `detail.sides` are both if it changed over the line. `count` is the most objects that one fix
stated; where nobody counted them it is at least 1.

Example: a quadcopter of A is seen from 5 km west to 600 m east of the line and back: one finding, side A, party A,
`detail.sides` A and B.

A sighting that belongs to no track is a stay of one fix.

Known limits: an aircraft whose class was never stated is not judged; an aircraft standing on the ground is not told
from one that flies low.
"""

from collections.abc import Iterator
from typing import Final

import numpy as np
from numpy.typing import NDArray

from monitoring import findings, schema
from monitoring.agreement import Parameter, Parameters
from monitoring.tracks.batch import TrackBatch
from monitoring.tracks.stay_findings import (
    Moments,
    Said,
    advance,
    affiliations,
    counted,
    excuses,
    inside_prob,
    pauses,
    row,
    sectors_of,
)
from monitoring.tracks.stays import STAYS, Marks, Published, Stays

RULE_ID: Final = "air_violation"
SCOPE: Final = "track"
CLASSES: Final = ("uav_small", "uav_large", "aircraft")
PARAMETERS: Final = (
    Parameter("depth_m", "m", "numbers by party and name", names=CLASSES),
    Parameter("ceiling_m", "m"),
    Parameter("height_sigma_m", "m"),
    Parameter("dwell_s", "s"),
    Parameter("gap_s", "s", least=1),
    Parameter("standing_s", "s", least=1),
    Parameter("class_share", "1", least=0.5, most=1),
    Parameter("class_right_prob", "1", most=1),
)
SIGHTINGS: Final = CLASSES
MARGIN_UNIT: Final = "m"
MEMORY: Final = STAYS
remembered: Final = Stays.from_table

_CODES: Final = np.array([schema.OBJECT_CLASSES.index(word) for word in CLASSES])
_IS_AIRCRAFT: Final = np.isin(np.arange(-1, len(schema.OBJECT_CLASSES)), _CODES)
"""By class code + 1."""


def evaluate(
    batch: TrackBatch, memory: Stays, until_ns: int, is_end: bool, parameters: Parameters
) -> tuple[list[findings.Decided], Stays]:
    """Findings of the stays that ended, or came to stand, with the new fixes or by silence until `until_ns`.

    At `is_end` open stays are published as they are and stay open. The memory holds the open stays.
    """
    batch = batch.of_tracks(_IS_AIRCRAFT[batch.object_class + 1], memory["key"])
    told, memory = advance(memory, batch, _marks(batch, parameters), until_ns, is_end, RULE_ID)
    return list(_rows(told, parameters)), memory


def _marks(batch: TrackBatch, parameters: Parameters) -> Marks:
    """Which rows are inside closed air, how deep, and what silence ends a stay."""
    agreement, times_ns = parameters.agreement, batch.time_ns
    is_aircraft = _IS_AIRCRAFT[batch.object_class + 1]
    depth_m, slack_m = _depths_m(batch, parameters), batch.k_sigma * batch.sigma_m
    altitude_m = batch.stated("alt_m")
    over_m = altitude_m - agreement.numbers(f"{RULE_ID}.ceiling_m", times_ns)
    height_slack_m = batch.k_sigma * agreement.numbers(f"{RULE_ID}.height_sigma_m", times_ns)
    if parameters.is_exact:
        height_slack_m = np.zeros(len(batch))
    # Comparisons with a height that was not stated are false: it speaks for nothing.
    is_above, is_low = over_m > height_slack_m, ~(over_m > -height_slack_m)
    is_inside = is_aircraft & is_low & (depth_m >= slack_m)
    is_outside = is_above | (depth_m < -slack_m)
    is_stated = batch.object_class >= 0
    return Marks(
        zone=np.where(is_inside, 1, np.where(is_outside, -1, 0)).astype(np.int8),
        depth_m=depth_m,
        margin_m=depth_m - slack_m,
        pauses=pauses(RULE_ID, batch, parameters),
        says=np.where(is_inside, 1, np.where(is_stated & ~is_aircraft, -1, 0)).astype(np.int8),
        objects=batch.objects(),
        altitude_m=altitude_m,
    )


def _depths_m(batch: TrackBatch, parameters: Parameters) -> NDArray[np.float64]:
    """How deep inside closed air each row is, in metres; negative outside, and for what is no aircraft by the
    deepest zone of any; (n,)."""
    closed_m = np.zeros(len(batch))
    is_on_a = batch.signed_distance_m >= 0.0
    by_class = [
        np.where(
            is_on_a,
            *(
                parameters.agreement.numbers(f"{RULE_ID}.depth_m", batch.time_ns, side, word)
                for side in ("A", "B")
            ),
        )
        for word in CLASSES
    ]
    closed_m = np.maximum.reduce(by_class)
    for of_class_m, code in zip(by_class, _CODES.tolist(), strict=True):
        closed_m = np.where(batch.object_class == code, of_class_m, closed_m)
    # Over a side whose air is open to the class nothing is inside, not even exactly on the line.
    depth_m = np.where(closed_m > 0.0, closed_m - np.abs(batch.signed_distance_m), -np.inf)
    no_fly = parameters.terms.zones_at("no_fly", batch.lon, batch.lat, batch.time_ns)
    return np.asarray(np.maximum(depth_m, no_fly.depth_m))


def _rows(published: Published, parameters: Parameters) -> Iterator[findings.Decided]:
    stays = published.stays
    if not len(stays):
        return
    moments = Moments.of(published)
    agreement, times_ns = parameters.agreement, stays["start_ns"]
    asked_s, share_asked, right_prob = (
        agreement.numbers(f"{RULE_ID}.{name}", times_ns)
        for name in ("dwell_s", "class_share", "class_right_prob")
    )
    share = stays["said_for_count"] / np.maximum(stays["said_count"], 1)
    probability = inside_prob(stays, moments, asked_s, parameters) * share * right_prob
    is_told = moments.is_news & ((moments.dwell_s_most >= asked_s) | (stays["revision"] > 0))
    at = np.flatnonzero(is_told)
    if not len(at):
        return
    permissions = excuses(stays, at, RULE_ID, stays["deepest_object_class"], parameters)
    sectors = sectors_of(stays, at, parameters)
    sensor_ids, track_ids = (stays[name][at].tolist() for name in ("sensor_id", "track_id"))
    own = parameters.terms.is_own_aircraft(sensor_ids, track_ids, times_ns[at]).tolist()
    told = zip(at.tolist(), stays.rows(at), permissions, sectors, own, strict=True)
    for i, stay, permission, sector, is_own in told:
        aircraft = int(stay["deepest_object_class"])
        judged = findings.judgement(affiliations(stay))
        if is_own and judged.verdict != "permitted":
            judged = findings.Judgement(
                "permitted", None, "It is an aircraft of the monitors, by the registry."
            )
        doubts = []
        if share[i] < share_asked[i]:
            doubts.append("Statements of its class contradict: some name an object on the ground.")
        if moments.dwell_s[i] < asked_s[i]:
            doubts.append(
                f"The certain stay of {moments.dwell_s[i]:.0f} s is shorter than {asked_s[i]:.0f} s."
            )
        notes = [] if np.isfinite(stay["altitude_m_min"]) else ["Its height was not stated."]
        verdict = "undetermined" if doubts and judged.verdict == "violation" else judged.verdict
        count, is_least = counted(stay)
        sides = {int(stay["start_side"]), int(stay["last_side"])} - {0}
        said = Said(
            verdict="permitted" if permission else verdict,
            party=judged.party,
            reasons=[permission.reason, judged.reason] if permission else [judged.reason, *doubts, *notes],
            probability=float(probability[i]),
            confidence="low" if doubts else "medium",
            object_class=aircraft,
            count=count,
            count_is_minimum=is_least,
            detail={
                "altitude_m": [
                    findings.millimetres(stay["altitude_m_min"]),
                    findings.millimetres(stay["altitude_m_max"]),
                ],
                "class_share": round(float(share[i]), 4),
                "sides": [findings.SIDE_NAMES[side] for side in sorted(sides, reverse=True)],
                "permission": permission.id if permission else None,
                "permission_clause": permission.clause if permission else None,
            },
        )
        yield row(stay, published, i, moments, said, sector, RULE_ID, parameters)
