"""Heavy weapons nearer to the line than their kind may be.

What it checks: whether a heavy weapon stayed nearer to the line than the agreement lets weapons of its kind come,
from when to when, how near.

Why: the parties keep heavy weapons back so that they cannot reach the other side, or be used at once (the clause of
the agreement that names this rule).

How: the kind follows from the class that the sensor stated and, where one was stated, from the calibre: artillery
above and not above a bound, rocket launchers of long and of ordinary range, heavy and other mortars. A calibre that
nobody stated counts as the usual one (`artillery`, `mlrs`, `mortar`). Each kind has its distance for each party, from
that party's reference line; where nobody stated whose weapon it was, the shorter of both distances holds. A fix is
nearer when it is so by `tracks.k_sigma` standard deviations of fix and line together (exactly at the distance is
nearer), further when it is beyond by as much; other fixes decide nothing. Stays are followed and told as those of
`buffer_incursion` are.

Sensors confuse classes. While a class is stated that may be where it is, fixes decide nothing either; a stay of which
less than `class_share` of the statements name a weapon that may not be there is `undetermined`. So is one that only
the usual calibre puts too near.

`probability` is that the object was nearer at its deepest fix for as long as asked for (as in `buffer_incursion`),
times the share of statements that name such a weapon, times `class_right_prob` of the class, times
`usual_calibre_prob` where the calibre matters and was not stated; null where positions are exact.

`count` is the most objects that one fix stated; where nobody counted them it is at least 1. Storage sites and
withdrawals that were notified are `permitted`, as are the monitors' own vehicles; of weapons that nobody says whose
they are, the meaning is undetermined.

A sighting that belongs to no track is a stay of one fix.

Example: a tank of B is seen 9.2 km east of the line, where tanks stay back 15 km: one finding, side B, party B,
margin 5,650 m where fixes are good to 50 m.

Known limits: a weapon whose class was never stated is not judged; one that is nearer than its kind may be but taken
for a lighter vehicle from first to last is missed; whether it could be fired is not judged.
"""

from collections.abc import Iterator
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from monitoring import findings, schema
from monitoring.agreement import REFERENCE_LINE, Parameter, Parameters
from monitoring.tracks.batch import TrackBatch
from monitoring.tracks.own_line import measured_for
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

RULE_ID: Final = "heavy_weapon_zone"
SCOPE: Final = "track"
CLASSES: Final = ("tank", "artillery", "mlrs", "mortar", "air_defence")
KINDS_OF_WEAPON: Final = (
    "tank", "artillery", "artillery_light", "mlrs", "mlrs_long", "mortar", "mortar_heavy", "air_defence",
)  # fmt: skip
WITH_CALIBRE: Final = {
    "artillery": ("artillery_light", "artillery"),
    "mlrs": ("mlrs", "mlrs_long"),
    "mortar": ("mortar", "mortar_heavy"),
}
"""For classes whose distance depends on the calibre the kinds up to its bound and above it; the kind that has the name
of its class is the usual one."""
PARAMETERS: Final = (
    Parameter("distance_m", "m", "numbers by party and name", names=KINDS_OF_WEAPON),
    Parameter("calibre_mm", "mm", "numbers by name", names=tuple(WITH_CALIBRE)),
    Parameter("dwell_s", "s"),
    Parameter("gap_s", "s", least=1),
    Parameter("standing_s", "s", least=1),
    Parameter("class_share", "1", least=0.5, most=1),
    Parameter("class_right_prob", "1", "numbers by name", most=1, names=CLASSES),
    Parameter("usual_calibre_prob", "1", most=1),
    Parameter("report_prob", "1", most=1),
    REFERENCE_LINE,
)
SIGHTINGS: Final = CLASSES
MARGIN_UNIT: Final = "m"
MEMORY: Final = STAYS
remembered: Final = Stays.from_table

_CODES: Final = np.array([schema.OBJECT_CLASSES.index(word) for word in CLASSES])
_IS_HEAVY: Final = np.isin(np.arange(-1, len(schema.OBJECT_CLASSES)), _CODES)
"""By class code + 1."""
_GUN: Final = schema.OBJECT_CLASSES.index("artillery")

Reals = NDArray[np.float64]
Flags = NDArray[np.bool_]


def evaluate(
    batch: TrackBatch, memory: Stays, until_ns: int, is_end: bool, parameters: Parameters
) -> tuple[list[findings.Decided], Stays]:
    """Findings of the stays that ended, or came to stand, with the new fixes or by silence until `until_ns`.

    At `is_end` open stays are published as they are and stay open. The memory holds the open stays.
    """
    batch = batch.of_tracks(_IS_HEAVY[batch.object_class + 1], memory["key"])
    batch = measured_for(batch, RULE_ID, parameters)
    told, memory = advance(memory, batch, _marks(batch, parameters), until_ns, is_end, RULE_ID)
    return list(_rows(told, parameters)), memory


def _marks(batch: TrackBatch, parameters: Parameters) -> Marks:
    """Which rows are too near, by how much, and what silence ends a stay."""
    kind = _kinds(batch, parameters)
    limit_m, widest_m = _limits_m(kind, batch, parameters)
    distance_m, slack_m = np.abs(batch.signed_distance_m), batch.k_sigma * batch.sigma_m
    depth_m = limit_m - distance_m
    is_heavy = kind >= 0
    is_near, is_far = is_heavy & (depth_m >= slack_m), is_heavy & (depth_m < -slack_m)
    # Of what is taken for something lighter, only the way out of every distance is sure.
    is_far |= ~is_heavy & (widest_m - distance_m < -slack_m)
    is_stated = batch.object_class >= 0
    return Marks(
        zone=np.where(is_near, 1, np.where(is_far, -1, 0)).astype(np.int8),
        depth_m=depth_m,
        margin_m=depth_m - slack_m,
        pauses=pauses(RULE_ID, batch, parameters),
        says=np.where(is_near, 1, np.where(is_stated & ~is_heavy, -1, 0)).astype(np.int8),
        objects=batch.objects(),
    )


def _limits_m(kind: NDArray[np.int64], batch: TrackBatch, parameters: Parameters) -> tuple[Reals, Reals]:
    """How near to the line a weapon of each row's kind may not be, and the longest such distance of any; (n,)."""
    limit_m, widest_m = np.zeros(len(batch)), np.zeros(len(batch))
    for number, word in enumerate(KINDS_OF_WEAPON):
        of_a_m, of_b_m = (
            parameters.agreement.numbers(f"{RULE_ID}.distance_m", batch.time_ns, party, word)
            for party in ("A", "B")
        )
        of_party_m = np.where(batch.affiliation == 0, of_a_m, np.minimum(of_a_m, of_b_m))
        of_party_m = np.where(batch.affiliation == 1, of_b_m, of_party_m)
        limit_m = np.where(kind == number, of_party_m, limit_m)
        widest_m = np.maximum(widest_m, of_party_m)
    return limit_m, widest_m


def _kinds(batch: TrackBatch, parameters: Parameters) -> NDArray[np.int64]:
    """Position in `KINDS_OF_WEAPON` of the object of each row, -1 = no heavy weapon; (n,)."""
    kind = np.full(len(batch), -1, dtype=np.int64)
    for word, code in zip(CLASSES, _CODES.tolist(), strict=True):
        is_of = batch.object_class == code
        usual = number = KINDS_OF_WEAPON.index(word)
        if word in WITH_CALIBRE:
            bound_mm = parameters.agreement.numbers(f"{RULE_ID}.calibre_mm", batch.time_ns, word)
            low, high = (KINDS_OF_WEAPON.index(name) for name in WITH_CALIBRE[word])
            stated = np.where(batch.calibre_mm > bound_mm, high, low)
            kind = np.where(is_of, np.where(batch.calibre_mm > 0.0, stated, usual), kind)
        else:
            kind = np.where(is_of, number, kind)
    return kind


def _rows(published: Published, parameters: Parameters) -> Iterator[findings.Decided]:
    stays = published.stays
    if not len(stays):
        return
    moments = Moments.of(published)
    agreement, times_ns = parameters.agreement, stays["start_ns"]
    asked_s, share_asked, report_prob, usual_prob = (
        agreement.numbers(f"{RULE_ID}.{name}", times_ns)
        for name in ("dwell_s", "class_share", "report_prob", "usual_calibre_prob")
    )
    share = stays["said_for_count"] / np.maximum(stays["said_count"], 1)
    is_usual = _needs_usual_calibre(stays.columns, parameters)
    likely = share * _right_prob(stays.columns, parameters) * np.where(is_usual, usual_prob, 1.0)
    probability = inside_prob(stays, moments, asked_s, parameters) * likely
    is_told = (moments.dwell_s_most >= asked_s) & (likely >= report_prob)
    is_told = moments.is_news & (is_told | (stays["revision"] > 0))
    at = np.flatnonzero(is_told)
    if not len(at):
        return
    permissions = excuses(stays, at, RULE_ID, stays["deepest_object_class"], parameters)
    sectors = sectors_of(stays, at, parameters)
    for i, stay, permission, sector in zip(at.tolist(), stays.rows(at), permissions, sectors, strict=True):
        weapon = int(stay["deepest_object_class"])
        judged = findings.judgement(affiliations(stay))
        doubts = []
        if share[i] < share_asked[i]:
            doubts.append(f"Statements of its class contradict: {_words(stay)}.")
        if is_usual[i]:
            doubts.append("Its calibre was not stated; with a lesser one it might be there.")
        if moments.dwell_s[i] < asked_s[i]:
            doubts.append(
                f"The certain stay of {moments.dwell_s[i]:.0f} s is shorter than {asked_s[i]:.0f} s."
            )
        verdict = "undetermined" if doubts and judged.verdict == "violation" else judged.verdict
        count, is_least = counted(stay)
        said = Said(
            verdict="permitted" if permission else verdict,
            party=judged.party,
            reasons=[permission.reason, judged.reason] if permission else [judged.reason, *doubts],
            probability=float(probability[i]),
            confidence="low" if doubts else "medium",
            object_class=weapon,
            count=count,
            count_is_minimum=is_least,
            detail={
                "limit_m": findings.millimetres(stay["depth_m"] + stay["distance_m"]),
                "calibre_mm": float(stay["calibre_mm"]) or None,
                "classes": _classes(stay),
                "class_share": round(float(share[i]), 4),
                "permission": permission.id if permission else None,
                "permission_clause": permission.clause if permission else None,
            },
        )
        yield row(stay, published, i, moments, said, sector, RULE_ID, parameters)


def _right_prob(stays: dict[str, NDArray[Any]], parameters: Parameters) -> Reals:
    """That an object is of the class that all statements name, (s,)."""
    right = np.ones(len(stays["key"]))
    for word, code in zip(CLASSES, _CODES.tolist(), strict=True):
        of_class = parameters.agreement.numbers(f"{RULE_ID}.class_right_prob", stays["start_ns"], word)
        right = np.where(stays["deepest_object_class"] == code, of_class, right)
    return right


def _needs_usual_calibre(stays: dict[str, NDArray[Any]], parameters: Parameters) -> Flags:
    """Where nobody stated the calibre of a gun and a light one might be as near as it was, (s,)."""
    light_m = np.minimum(
        *(
            parameters.agreement.numbers(
                f"{RULE_ID}.distance_m", stays["deepest_ns"], party, "artillery_light"
            )
            for party in ("A", "B")
        )
    )
    is_gun = stays["deepest_object_class"] == _GUN
    return np.asarray(is_gun & (stays["calibre_mm"] == 0.0) & (stays["distance_m"] > light_m))


def _classes(stay: dict[str, Any]) -> list[str]:
    """The classes stated during a stay."""
    return [word for code, word in enumerate(schema.OBJECT_CLASSES) if int(stay["classes"]) >> code & 1]


def _words(stay: dict[str, Any]) -> str:
    return " and ".join(word.replace("_", " ") for word in _classes(stay))
