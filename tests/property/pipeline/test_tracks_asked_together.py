"""Which tracks are one object is answered alike for one track and for many at once, and as a slow twin says."""

from datetime import timedelta

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from monitoring import schema
from monitoring.incidents import same_object
from monitoring.incidents.following import CHAIN_MOST, Foresight, followed
from monitoring.incidents.same_object import Asked, Rules, matches_of_each
from monitoring.incidents.sketchbook import Sketchbook
from monitoring.incidents.surroundings import Surroundings
from monitoring.tracks.sketches import SKETCHES
from tests.reference.slow_surroundings import slow_beside
from tests.small_world import START_NS, place

SECOND_NS = 1_000_000_000
RULES = Rules(9.0, 420 * SECOND_NS)

walks = st.fixed_dictionaries(
    {
        "sensor": st.integers(1, 3),
        "begin": st.integers(0, 20),
        "count": st.integers(1, 25),
        "every": st.sampled_from([20, 35, 100]),
        "east": st.integers(-8, 8),
        "north": st.integers(-8, 8),
        "speed": st.sampled_from([0.0, 1.5, 6.0]),
        "object_class": st.sampled_from(
            [-1, *map(schema.OBJECT_CLASSES.index, ("person", "tank", "uav_small"))]
        ),
        "sigma_m": st.sampled_from([5.0, 30.0, 120.0]),
    }
)


def book(drawn):
    """Tracks that walk beside, behind and across each other."""
    rows = []
    for number, walk in enumerate(drawn):
        east, north, stands = 60.0 * walk["east"], 60.0 * walk["north"], number % 2
        for step in range(walk["count"]):
            t = 30 * walk["begin"] + walk["every"] * step
            lon, lat = place(east + walk["speed"] * t * stands, north + walk["speed"] * t)
            rows.append(
                {"time_ns": START_NS + t * SECOND_NS, "key": 100 - number, "sensor": walk["sensor"],
                 "sensor_id": f"GS-{walk['sensor']}", "track_id": f"t{number}", "id": f"{number}-{step}",
                 "lon": lon, "lat": lat, "major_m": walk["sigma_m"], "minor_m": walk["sigma_m"] / 2,
                 "azimuth_deg": 30.0, "signed_distance_m": 0.0, "certain_side": 1,
                 "object_class": walk["object_class"], "affiliation": -1}
            )  # fmt: skip
    rows.sort(key=lambda row: (row["time_ns"], row["key"]))
    return Sketchbook(pa.Table.from_pylist(rows, schema=SKETCHES))


def asked_of(seen, data):
    keys = np.unique(seen.column("key")).tolist()
    company = st.lists(st.sampled_from(keys), max_size=3, unique=True).map(tuple)
    now_ns = st.integers(0, 3_000).map(lambda s: START_NS + s * SECOND_NS)
    one = st.builds(
        Asked, st.sampled_from([*keys, 7]), now_ns, st.sampled_from([RULES, Rules(4.0, 0)]), company
    )
    return data.draw(st.lists(one, min_size=1, max_size=12))


@settings(max_examples=30, deadline=timedelta(seconds=60))
@given(st.lists(walks, min_size=1, max_size=9), st.data())
def test_an_answer_does_not_depend_on_what_else_is_asked(drawn, data):
    seen = book(drawn)
    asked = asked_of(seen, data)
    assert matches_of_each(seen, asked) == [matches_of_each(seen, [one])[0] for one in asked]


def test_in_a_crowd_fewer_are_asked_at_once_and_answered_alike(monkeypatch):
    walk = {"sensor": 1, "begin": 0, "count": 12, "every": 20, "east": 0, "north": 0, "speed": 1.5}
    seen = book([walk | {"sensor": n % 3, "object_class": -1, "sigma_m": 30.0} for n in range(100)])
    asked = [
        Asked(key, START_NS + 1_000 * SECOND_NS, RULES) for key in np.unique(seen.column("key")).tolist()
    ]
    together = matches_of_each(seen, asked)
    at_once = []

    def looked_around(*given):
        around = Surroundings(*given)
        at_once.append(len(around.time_ns))
        return around

    monkeypatch.setattr(same_object, "Surroundings", looked_around)
    monkeypatch.setattr(same_object, "_AROUND_MOST", 10_000)
    assert matches_of_each(seen, asked) == together
    assert max(at_once[2:]) <= 10_000 < max(at_once[:2])


@settings(max_examples=30, deadline=timedelta(seconds=60))
@given(st.lists(walks, min_size=2, max_size=9))
def test_how_far_tracks_were_from_each_other_is_what_fix_by_fix_it_is(drawn):
    seen = book(drawn)
    count = seen.track_count
    spans = [seen.span_of(key, 0, 2 * START_NS) for key in seen.keys_of(range(count))]
    low, high = np.array(spans).T
    since_ns, until_ns = np.full(count, START_NS), np.full(count, START_NS + 10**13)
    around = Surroundings(seen, low, high, np.full(count, 1_500.0), since_ns, until_ns)
    own = around.own[around.scene]
    found = around.beside(own, np.arange(len(around)))
    for part in range(len(around)):
        assert found[part] == pytest.approx(slow_beside(around, int(own[part]), part), rel=1e-9)


@settings(max_examples=30, deadline=timedelta(seconds=60))
@given(st.lists(walks, min_size=1, max_size=9), st.data())
def test_a_chain_is_the_same_whether_or_not_it_was_foreseen(drawn, data):
    seen = book(drawn)
    keys = np.unique(seen.column("key")).tolist()
    known = set(data.draw(st.lists(st.sampled_from(keys), max_size=2)))
    moments = data.draw(st.lists(st.integers(0, 3_000), min_size=len(keys), max_size=len(keys)))
    firsts = [
        Asked(key, START_NS + moment * SECOND_NS, RULES)
        for key, moment in zip(keys, moments, strict=True)
        if key not in known
    ]
    ahead = Foresight(seen)
    ahead.look_ahead(firsts, known)
    for first in firsts:
        chains = [], []
        for chain, foresight in zip(chains, (ahead, Foresight(seen)), strict=True):
            chain.append(first.key)
            list(followed(chain, known, first.now_ns, foresight, RULES))
        assert chains[0] == chains[1]
        known |= set(chains[0][:CHAIN_MOST])
