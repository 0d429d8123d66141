"""Place: what it says of the actor where something came from, fell, stood and went.

*Origin.* The place is split into four: beyond reach on side A or B, and within reach of the line on either. Reach is
how far forces of the other party are taken to have gone unseen with that class of weapon (`infiltration_m`, known to
`infiltration_sigma_m`); the place's own error is added, so that each of the four has a probability. Their weights:

| origin | A | A staging | B | B staging | third | others |
|---|--:|--:|--:|--:|--:|--:|
| on A's side beyond reach | 1 | 0.5 | 0.01 | 0.02 | fire 0.05, movement 0.5 | 0.5 |
| on A's side within reach | 1 | 0.5 | 0.5 | 1 | 0.5 | 0.5 |

and mirrored on B's side. Within reach a party's own men and those of the other who slipped across are told apart by
nobody; beyond it the other party would have had to pass all posts. A sensor that says "outgoing" may be wrong
(`direction_wrong_frac`); then the place is that of an impact.

*Impact.* Where shells fell says where the target was, not who fired: on A's side B 1, A staging 1, A 0.3 (own ground is
hit by error and in exercises), B staging 0.15, others 0.6. That an impact on one side were the other's doing is the
mistake that staged fire counts on.

*Flight.* An azimuth of fire followed back to side A: A 1, either staging 0.6, B 0.3, others 0.6.

*Movement.* The first crossing of an object from A to B: A 1 and A staging 1, B and B staging 0.3 (they may be on their
way back from a way out that nobody saw), others 0.5. A stay is weighed as an origin is. What flies may be anywhere.
"""

from collections.abc import Iterator
from functools import lru_cache
from math import erfc, hypot, sqrt
from typing import Final, NamedTuple

from monitoring.agreement import Agreement
from monitoring.attribution.evidence import IN_THE_AIR, Argument, Evidence, Located, repeated
from monitoring.attribution.hypotheses import IDS, OTHER, PARTIES, Likelihoods, for_side, stated


def _by_side(likelihoods: Likelihoods) -> dict[str, Likelihoods]:
    """Likelihoods that were stated for side A, by side."""
    return {side: for_side(side, likelihoods) for side in PARTIES}


_BEYOND_A: Final = stated(own=1.0, staged=0.5, other=0.01, other_staged=0.02, rest=0.5, third=0.05)
_BEYOND: Final = _by_side(_BEYOND_A)
_STOOD_BEYOND: Final = _by_side({**_BEYOND_A, "third": 0.5})
_WITHIN: Final = _by_side(stated(own=1.0, staged=0.5, other=0.5, other_staged=1.0, rest=0.5))
_FELL: Final = _by_side(stated(own=0.3, staged=1.0, other=1.0, other_staged=0.15, rest=0.6))
_FLEW: Final = _by_side(stated(own=1.0, staged=0.6, other=0.3, other_staged=0.6, rest=0.6))
_CROSSED: Final = _by_side(stated(own=1.0, staged=1.0, other=0.3, other_staged=0.3, rest=0.5))
_SIGMA_M_MIN: Final = 1.0


class Zones(NamedTuple):
    """Probabilities of the four parts in which a place may lie, by side."""

    beyond: dict[str, float]
    within: dict[str, float]


def zones(at: Located, reach_m: float, reach_sigma_m: float) -> Zones:
    """In which part a place lies.

    >>> zones(Located(5_000.0, 100.0), 2_200.0, 200.0).beyond["A"] > 0.999
    True
    """
    sigma_m = max(at.sigma_m, _SIGMA_M_MIN)
    by_side = {"A": at.signed_distance_m, "B": -at.signed_distance_m}
    joint_m = hypot(sigma_m, max(reach_sigma_m, _SIGMA_M_MIN))
    beyond = {side: _normal((far_m - reach_m) / joint_m) for side, far_m in by_side.items()}
    near = max(1.0 - (beyond["A"] + beyond["B"]), 0.0)
    return Zones(beyond, {side: near * _normal(far_m / sigma_m) for side, far_m in by_side.items()})


def reach_of(evidence: Evidence, agreement: Agreement) -> tuple[float, float]:
    """How far the other party's forces may have gone with this class, and how well that is known, metres."""
    reach_m = agreement.value("attribution.infiltration_m", evidence.time_ns)[evidence.object_class]
    return reach_m, agreement.number("attribution.infiltration_sigma_m", evidence.time_ns)


def base_of(evidence: Evidence) -> Located | None:
    """The place that may tell the party: where fire came from, or the deepest stay of what moved on the ground."""
    if evidence.kind == "fire":
        return evidence.origin
    if evidence.object_class in IN_THE_AIR:
        return None
    stays = [
        (entry["distance_m"], entry["sigma_m"], entry["word"])
        for entry in evidence.said("stood")
        if entry.get("distance_m") is not None
    ]
    sides = {side for _, _, side in stays}
    if len(sides) != 1:
        return None
    far_m, sigma_m, side = max(stays)
    return Located(far_m if side == "A" else -far_m, sigma_m)


def beyond_reach(evidence: Evidence, agreement: Agreement) -> dict[str, float]:
    """Probability, by side, that the place lies where only that side's party is taken to have been."""
    at = base_of(evidence)
    if at is None:
        return dict.fromkeys(PARTIES, 0.0)
    right = 1.0 - _wrong(evidence, at, agreement)
    return {side: right * p for side, p in zones(at, *reach_of(evidence, agreement)).beyond.items()}


def arguments(evidence: Evidence, agreement: Agreement) -> Iterator[Argument]:
    """Arguments from places and ways."""
    at = base_of(evidence)
    if at is not None:
        yield _origin(evidence, at, agreement)
    if evidence.impact is not None:
        yield _impact(evidence.impact)
    weight = agreement.number("attribution.repeat_weight", evidence.time_ns)
    for says in ("came_from", "crossed"):
        for entry in evidence.said(says):
            yield _way(says, entry["word"][0], repeated(int(entry["sensors"]), weight))


@lru_cache(maxsize=512)
def _way(says: str, side: str, sources: float) -> Argument:
    if says == "came_from":
        return Argument(f"Projectiles flew from the direction of side {side}.", _FLEW[side], sources)
    text = f"The first crossing seen led from side {side} to side {OTHER[side]}."
    return Argument(text, _CROSSED[side], sources)


def _wrong(evidence: Evidence, at: Located, agreement: Agreement) -> float:
    """Probability that what was taken for an origin was none."""
    if evidence.kind != "fire":
        return 0.0
    share = agreement.number("attribution.direction_wrong_frac", evidence.time_ns)
    weight = agreement.number("attribution.repeat_weight", evidence.time_ns)
    return float(share ** repeated(max(at.sensors, 1), weight))


def _origin(evidence: Evidence, at: Located, agreement: Agreement) -> Argument:
    reach_m, reach_sigma_m = reach_of(evidence, agreement)
    parts = zones(at, reach_m, reach_sigma_m)
    wrong = _wrong(evidence, at, agreement)
    fell = _mixed_sides(at)
    is_fire = evidence.kind == "fire"
    far, near = (_BEYOND if is_fire else _STOOD_BEYOND), _WITHIN
    far_a, far_b, near_a, near_b = (table[side] for table in (far, near) for side in PARTIES)
    likelihoods = {
        name: (1.0 - wrong)
        * (
            (parts.beyond["A"] * far_a[name] + parts.beyond["B"] * far_b[name])
            + (parts.within["A"] * near_a[name] + parts.within["B"] * near_b[name])
        )
        + wrong * fell[name]
        for name in IDS
    }
    side = "A" if at.signed_distance_m > 0 else "B"
    what = "Fire came from" if is_fire else "The object stood"
    where = f"{_km(abs(at.signed_distance_m))} inside side {side} (within {at.sigma_m:,.0f} m)"
    if parts.beyond[side] >= 0.5:
        return Argument(
            f"{what} {where}, further from the line than the other party is taken to go unseen ({_km(reach_m)}).",
            likelihoods,
        )
    return Argument(f"{what} {where}, where forces of either party may have been.", likelihoods)


def _impact(at: Located) -> Argument:
    side = "A" if at.signed_distance_m > 0 else "B"
    return Argument(
        f"Fire fell {_km(abs(at.signed_distance_m))} inside side {side}: where the target was, not who fired.",
        _mixed_sides(at),
    )


def _mixed_sides(at: Located) -> dict[str, float]:
    share = _normal(at.signed_distance_m / max(at.sigma_m, _SIGMA_M_MIN))
    other = _normal(-at.signed_distance_m / max(at.sigma_m, _SIGMA_M_MIN))
    on_a, on_b = _FELL["A"], _FELL["B"]
    return {name: share * on_a[name] + other * on_b[name] for name in IDS}


def _normal(z: float) -> float:
    return 0.5 * erfc(-z / sqrt(2.0))


def _km(metres: float) -> str:
    return f"{metres:,.0f} m" if metres < 1_000 else f"{metres / 1_000:,.1f} km"
