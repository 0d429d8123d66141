"""Claims: who tells alone of fire that others should have noticed is believed less, and slowly more again."""

import json

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from geodata.contact_line import ContactLine, LineHistory
from geodata.line_file import LineDraft
from monitoring.agreement import SensorFacts
from monitoring.events import ints, reals
from monitoring.incidents import IncidentState, amend, claims
from monitoring.rules import ceasefire_fire
from tests.small_world import SECOND_NS, START_NS, parameters, place, shot
from tests.unit.incidents.fire_world import LONG_AFTER_NS, NO_MOVEMENT, feed, in_pieces, placed, same

HOUR = 3_600.0
POSTS = {"AC-1": (-3_500, 0), "AC-2": (-3_000, 2_000), "HR-3": (-3_000, -1_000), "AC-9": (-3_000, 160_000)}
TYPES = {"AC": "acoustic_artillery", "HR": "human_report"}
FAR_M = 40_000.0
"""North of all posts but one that is farther still: nobody else could notice anything there."""


def world(changes=None, **fields):
    sensors = {}
    for name, at in POSTS.items():
        lon, lat = place(*at)
        sensors[name] = SensorFacts(TYPES[name[:2]], lon=lon, lat=lat)
    return parameters(changes, sensors=sensors, **fields)


WORLD = world()


def salvo(hour, north_m=0.0, by="AC-1", rounds=4, east_m=-3_000, **fields):
    """Reports of one place, half a minute apart, of shells that came down."""
    return [
        shot(
            hour * HOUR + 30.0 * n,
            east_m,
            north_m,
            sensor_id=by,
            direction="impact",
            id=f"{by}-{hour:g}-{north_m:g}-{n}",
            **fields,
        )
        for n in range(rounds)
    ]


def shared(hour, north_m=0.0, by=("AC-1", "AC-2")):
    """Shells that several sensors hear."""
    return [row for name in by for row in salvo(hour, north_m, name)]


def evidence(rows, setting=WORLD):
    """What is said of each incident, in order of time."""
    found = sorted(feed(rows, setting)[1].incidents.to_pylist(), key=lambda row: row["time_start_ns"])
    return [json.loads(row["detail"])["evidence"] for row in found]


def happened(rows, setting=WORLD):
    return [one["happened"] for one in evidence(rows, setting)]


def test_who_was_contradicted_is_not_believed_where_nobody_else_could_have_noticed():
    *_, trusted = evidence(salvo(2, FAR_M))
    *_, doubted = evidence([*salvo(0), *salvo(1), *salvo(2, FAR_M)])
    assert (trusted["contradicted_before"], doubted["contradicted_before"]) == (0, 2)
    assert doubted["happened"] < 0.5 < trusted["happened"]


def test_what_it_told_before_it_was_contradicted_is_believed_as_before():
    first, *_ = happened([*salvo(0, FAR_M), *salvo(1), *salvo(2)])
    assert [first] == happened(salvo(0, FAR_M))


def test_claims_that_nobody_could_have_denied_are_held_against_nobody():
    told = happened([*salvo(0, FAR_M), *salvo(1, FAR_M), *salvo(2, FAR_M)])
    assert told == [told[0]] * 3


def test_false_alarms_of_a_sensor_are_no_claims():
    alarms = [row for hour in range(8) for row in salvo(hour, rounds=1)]
    assert happened([*alarms, *salvo(9, FAR_M)])[-1] == happened(salvo(9, FAR_M))[0]


def test_what_its_neighbour_invents_is_held_against_the_neighbour_alone():
    assert happened([*salvo(0, by="AC-9"), *salvo(1, by="AC-9"), *salvo(2, FAR_M)])[-1] == pytest.approx(
        happened(salvo(2, FAR_M))[0]
    )


def test_trust_comes_back_with_what_others_bear_out_and_not_at_once():
    lies = [*salvo(0), *salvo(1), *salvo(2)]

    def after(confirmed):
        truths = [row for n in range(confirmed) for row in shared(3 + n)]
        return happened([*lies, *truths, *salvo(12, FAR_M)])[-1]

    known = [after(n) for n in range(7)]
    assert known == sorted(known)
    assert known[1] < 0.5 < known[6] == happened(salvo(12, FAR_M))[0]


def test_what_is_borne_out_first_is_no_licence_to_invent():
    truths = [row for n in range(6) for row in shared(n)]
    lies = [*salvo(7), *salvo(8)]
    assert happened([*truths, *lies, *salvo(9, FAR_M)])[-1] == happened([*lies, *salvo(9, FAR_M)])[-1]


def test_claims_are_forgotten_after_the_agreed_time():
    rows = [*salvo(0), *salvo(1), *salvo(20, FAR_M)]
    forgetful = world({"fire_evidence.claims_kept_s": 6 * HOUR}, name="illustrative")
    assert happened(rows)[-1] < 0.5 < happened(rows, forgetful)[-1]


def test_who_is_not_believed_takes_nothing_from_what_another_one_tells():
    lies = [*salvo(0), *salvo(1), *salvo(2)]
    alone = happened([*lies, *salvo(4, FAR_M, "AC-9")])[-1]
    together = happened([*lies, *shared(4, FAR_M, ("AC-1", "AC-9"))])[-1]
    assert together >= alone > 0.5


def test_a_claim_counts_from_when_its_incident_is_complete():
    # The second begins before the first is complete, and is complete after it.
    *_, second = evidence([*salvo(0), *salvo(0.1, FAR_M)])
    assert second["contradicted_before"] == 1
    first, _ = evidence([*salvo(0, FAR_M), *salvo(0.1)])
    assert first["contradicted_before"] == 0


def amended(on_time, late):
    """The state and the amendments when some events come after everything was judged."""
    state, output = feed(on_time, WORLD)
    return amend(
        state,
        placed([*on_time, *late], WORLD),
        NO_MOVEMENT,
        np.zeros(0, dtype=np.int64),
        output.findings,
        output.incidents,
        LONG_AFTER_NS,
        WORLD,
        rules=(ceasefire_fire,),
    )


def test_a_claim_that_is_judged_again_is_not_held_against_itself():
    late = salvo(0.02, rounds=1)
    _, again = amended(salvo(0), [late[0] | {"id": "late"}])
    (row,) = again.incidents.to_pylist()
    assert row["revision"] == 2
    assert json.loads(row["detail"])["evidence"]["contradicted_before"] == 0


def test_what_others_bear_out_late_is_no_longer_held_against_who_told_it():
    state, _ = feed(salvo(0), WORLD)
    assert state.claims.num_rows == 1
    state, _ = amended(salvo(0), salvo(0, by="AC-2"))
    assert state.claims.num_rows == 0


def test_what_others_bear_out_once_more_late_takes_no_trust_away():
    rows = [*salvo(0), *salvo(1), *shared(3)]
    known = feed(rows, WORLD)[0].claims
    assert sorted(np.sign(reals(known, "log_odds")).tolist()) == [-1, 1, 1]
    state, again = amended(rows, salvo(3, by="HR-3", rounds=1))
    assert again.incidents.num_rows == 1
    assert state.claims.equals(known)


def test_what_is_published_at_an_end_of_input_is_claimed_once_when_it_is_complete():
    state, ended = feed(salvo(0), WORLD, START_NS + 200 * SECOND_NS, is_end=True)
    assert (ended.incidents.num_rows, state.claims.num_rows) == (1, 0)
    state, _ = feed([], WORLD, state=state)
    assert state.claims.num_rows == 1
    state, _ = feed([], WORLD, LONG_AFTER_NS + 1, state=state)
    assert state.claims.num_rows == 1


def tale(seed):
    """Hours in which sensors tell of fire alone, together, truly and falsely, and much at a time."""
    rng = np.random.default_rng(seed)
    rows = []
    for _ in range(rng.integers(5, 60)):
        hour, north_m = float(rng.uniform(0, 12)), float(rng.choice([0.0, 500.0, FAR_M, 80_000.0]))
        by = rng.choice(["AC-1", "AC-1", "HR-3", "AC-9"])
        rows += salvo(
            round(hour, 3), north_m, str(by), int(rng.integers(1, 6)), float(rng.choice([-3e3, 2e3]))
        )
        if rng.random() < 0.2:
            rows += salvo(round(hour, 3), north_m, "AC-2")
    return [row | {"id": f"x{n:05d}"} for n, row in enumerate(rows)]


@settings(max_examples=25, deadline=None)
@given(
    seed=st.integers(0, 10_000),
    cuts=st.lists(st.integers(0, 50_000), max_size=8),
    shards=st.sampled_from([1, 2, 7]),
    with_snapshots=st.booleans(),
)
def test_who_is_believed_depends_on_neither_cuts_nor_shards_nor_restarts(seed, cuts, shards, with_snapshots):
    rows, cuts_ns = tale(seed), [START_NS + second * SECOND_NS for second in cuts]
    assert same(in_pieces(rows, WORLD, []), in_pieces(rows, WORLD, cuts_ns, shards, with_snapshots))


@settings(max_examples=15, deadline=None)
@given(seed=st.integers(0, 10_000))
def test_who_is_believed_does_not_depend_on_the_order_of_arrival(seed):
    rows = tale(seed)
    shuffled = [rows[n] for n in np.random.default_rng(seed).permutation(len(rows))]
    whole, other = in_pieces(rows, WORLD, []), in_pieces(shuffled, WORLD, [])
    # Where in its delivery a row stood is told of every member.
    assert whole.incidents.equals(other.incidents)
    assert whole.findings.equals(other.findings)


@settings(max_examples=15, deadline=None)
@given(seed=st.integers(0, 10_000))
def test_either_side_is_believed_alike(seed):
    rows = tale(seed)
    straight = LineDraft(((37.0, 48.0), (37.0, 49.0)), "straight north", "B")
    mirrored = world(lines=LineHistory([ContactLine.from_draft(straight)]))
    assert evidence(rows) == evidence(rows, mirrored)


def slow_doubt(rows, sensor, moment_ns, kept_ns, most):
    """The odds as the docstring says it, claim by claim."""
    known = [row for row in rows if row["sensor_id"] == sensor and row["decided_ns"] < moment_ns][
        -claims.MOST :
    ]
    grown = 0.0
    for row in known:
        if row["decided_ns"] >= moment_ns - kept_ns:
            grown = min(max(grown + row["log_odds"], 0.0), most)
    return grown


@settings(max_examples=50, deadline=None)
@given(seed=st.integers(0, 10_000))
def test_doubts_are_added_up_as_one_by_one_and_forgetting_changes_none(seed):
    rng = np.random.default_rng(seed)
    count, size = int(rng.integers(1, 120)), int(rng.integers(1, 30))
    rows = [
        {
            "sensor_id": f"s{rng.integers(0, 4)}",
            "id": f"e{n}",
            "decided_ns": int(rng.integers(0, 200)),
            "log_odds": float(rng.choice([-1.2, 0.5, 2.0])),
        }
        for n in range(count)
    ]
    table = claims.with_claims(claims.CLAIMS.empty_table(), pa.Table.from_pylist(rows, claims.CLAIMS))
    names = [f"s{n}" for n in range(6)]
    who = rng.integers(0, 6, size)
    pairs = claims.Told(np.arange(size), who, np.arange(size))
    moment_ns, kept_ns = rng.integers(200, 260, size), rng.integers(0, 300, size)
    nobody = pa.table({"sensor_id": ["x"] * size, "id": ["y"] * size})
    asked = (nobody, np.arange(size), pairs, names, moment_ns, kept_ns, np.full(size, 5.0))
    grown, _ = claims.doubts(table, *asked)
    ordered = table.to_pylist()
    slow = [slow_doubt(ordered, names[who[i]], moment_ns[i], kept_ns[i], 5.0) for i in range(size)]
    assert grown.tolist() == pytest.approx(slow)
    assert grown.tolist() == claims.doubts(claims.recent(table, 200), *asked)[0].tolist()


def test_what_is_remembered_is_bounded_and_of_honest_sensors_nothing():
    rows = [row for n in range(60) for row in salvo(0.5 * n)] + [
        row for n in range(20) for row in shared(0.5 * n, FAR_M, ("AC-9", "HR-3"))
    ]
    state, _ = feed(rows, WORLD)
    assert state.claims.num_rows == claims.MOST
    assert set(state.claims["sensor_id"].to_pylist()) == {"AC-1"}
    assert np.all(np.diff(ints(state.claims, "decided_ns")) > 0)
    assert np.all(reals(state.claims, "log_odds") > 0)
    much_later, _ = feed([], WORLD, LONG_AFTER_NS + claims.KEPT_NS, state=state)
    assert much_later.claims.num_rows == 0


def test_a_snapshot_keeps_claims():
    state, _ = feed(salvo(0), WORLD)
    again = IncidentState.restore(state.snapshot())
    assert again.claims.equals(state.claims)
    assert again.snapshot() == state.snapshot()
