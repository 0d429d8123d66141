"""Permissions know no side and no place of their own: swapping the parties or moving everything changes nothing."""

from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from monitoring.agreement import Notices
from monitoring.agreement.terms import Terms
from tests.small_world import LAT, LON, agreement

NOON_NS = 1_783_245_600_000_000_000
"""2026-07-05T10:00:00Z."""
MINUTE_NS = 60 * 10**9
AGREEMENT = agreement()
SWAPPED = {"A": "B", "B": "A"}

PARTY = st.sampled_from(["A", "B", "civilian", "monitor"])
OFFSET = st.integers(-25, 25).map(lambda n: n * 1e-3)
AREA = st.one_of(
    st.builds(lambda r: ("circle", r), st.sampled_from([500, 2500, 9000])),
    st.builds(lambda w: ("corridor", w), st.sampled_from([600, 3000])),
    st.builds(lambda w: ("polygon", w), st.sampled_from([20, 70])),
)
NOTIFIED = st.tuples(st.sampled_from(["convoy", "exercise", "demining"]), PARTY, AREA, OFFSET, OFFSET)
QUESTION = st.tuples(
    st.sampled_from(["buffer_incursion", "ceasefire_fire", "line_crossing"]),
    st.none() | PARTY,
    OFFSET,
    OFFSET,
    st.sampled_from([0.0, 30.0, 900.0]),
    st.sampled_from([-30, 0, 20, 64, 90]),
)


def area_of(kind: str, size: int, lon: float, lat: float) -> dict[str, Any]:
    if kind == "circle":
        return {"circle": {"lon": wrapped(lon), "lat": lat, "radius_m": size}}
    if kind == "corridor":
        line = [[wrapped(lon - 0.05), lat - 0.013], [wrapped(lon), lat], [wrapped(lon + 0.04), lat + 0.017]]
        return {"corridor": {"line": {"type": "LineString", "coordinates": line}, "width_m": size}}
    east, north = size * 1.03e-3, size * 0.71e-3
    corners = [(-east, -north), (east, -north), (east, north), (-east, north), (-east, -north)]
    ring = [[wrapped(lon + x), lat + y] for x, y in corners]
    return {"polygon": {"type": "Polygon", "coordinates": [ring]}}


def wrapped(lon: float) -> float:
    return (lon + 180.0) % 360.0 - 180.0


def answers(
    notified: list[Any], questions: list[Any], moved_deg: float, parties: dict[str, str]
) -> list[Any]:
    told = [
        {
            "id": f"N-{i}",
            "kind": kind,
            "party": parties.get(party, party),
            "area": area_of(*area, LON + east + moved_deg, LAT + north),
            "from": "2026-07-05T10:00:00Z",
            "to": "2026-07-05T11:00:00Z",
            "source": "letter",
        }
        for i, (kind, party, area, east, north) in enumerate(notified)
    ]
    terms = Terms(AGREEMENT, Notices.read({"notified": told}, "notices"))
    return [
        terms.permission(
            rule_id,
            wrapped(LON + east + moved_deg),
            LAT + north,
            NOON_NS + begin * MINUTE_NS,
            NOON_NS + begin * MINUTE_NS + MINUTE_NS,
            None,
            None if party is None else parties.get(party, party),
            sigma_m,
        )
        for rule_id, party, east, north, sigma_m, begin in questions
    ]


def without_words(found: list[Any]) -> list[Any]:
    return [one and (one.id, one.kind, one.clause) for one in found]


SOME_NOTIFIED = st.lists(NOTIFIED, min_size=1, max_size=4)
SOME_QUESTIONS = st.lists(QUESTION, min_size=8, max_size=25)


@settings(max_examples=40, deadline=None)
@given(SOME_NOTIFIED, SOME_QUESTIONS)
def test_swapping_the_parties_swaps_what_is_permitted_and_nothing_else(
    notified: list[Any], questions: list[Any]
) -> None:
    ours = answers(notified, questions, 0.0, {})
    assert without_words(ours) == without_words(answers(notified, questions, 0.0, SWAPPED))


@settings(max_examples=40, deadline=None)
@given(SOME_NOTIFIED, SOME_QUESTIONS, st.sampled_from([-70.0, 143.0, 110.0]))
def test_moving_everything_changes_nothing(
    notified: list[Any], questions: list[Any], moved_deg: float
) -> None:
    assert answers(notified, questions, 0.0, {}) == answers(notified, questions, moved_deg, {})
