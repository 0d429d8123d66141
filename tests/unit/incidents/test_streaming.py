"""Cuts, shards, snapshots, the end of the input and late events: they never change what is found."""

import numpy as np
import pyarrow as pa
from hypothesis import given, settings
from hypothesis import strategies as st

from monitoring import events, incidents, schema
from monitoring.incidents import IncidentState
from monitoring.incidents.geometry import bin_of
from monitoring.rules import ceasefire_fire
from tests.small_world import START_NS, shot
from tests.unit.incidents.fire_world import (
    LONG_AFTER_NS,
    NO_MOVEMENT,
    WORLD,
    feed,
    heard,
    in_pieces,
    placed,
    same,
)

SECOND_NS = 1_000_000_000


def busy(seed: int, count: int = 400, width_m: float = 60_000.0) -> list[dict]:
    """Fire all along a front, dense enough that neighbourhoods touch."""
    rng = np.random.default_rng(seed)
    rows = []
    for _ in range(count):
        group = rng.integers(0, 60)
        centre = np.random.default_rng(int(group)).uniform(-0.5, 0.5) * width_m
        rows.append(
            shot(
                float(np.round(rng.uniform(0, 9_000), 3)), -float(rng.uniform(1_000, 4_000)),
                float(centre + rng.normal(0, 900)), sensor_id=f"AC-{rng.integers(0, 12)}",
                sigma_m=float(rng.choice([30.0, 150.0, 1_500.0, 5_000.0])),
                group_id=f"g{rng.integers(0, 5)}" if rng.random() < 0.1 else None,
                kind=str(rng.choice(["explosion", "launch", "shot"])),
                direction=[None, "outgoing", "impact"][rng.integers(0, 3)],
            )
        )  # fmt: skip
    return rows


@settings(max_examples=25, deadline=None)
@given(
    seed=st.integers(0, 10_000),
    cuts=st.lists(st.integers(0, 12_000), max_size=8),
    shards=st.sampled_from([1, 2, 7]),
    with_snapshots=st.booleans(),
)
def test_cutting_batches_elsewhere_sharding_and_resuming_change_no_byte(seed, cuts, shards, with_snapshots):
    rows = busy(seed)
    whole = in_pieces(rows, WORLD, [])
    pieces = in_pieces(rows, WORLD, [START_NS + c * SECOND_NS for c in cuts], shards, with_snapshots)
    assert whole.incidents.num_rows > 20
    assert same(whole, pieces)


def test_the_order_of_arrival_changes_no_byte():
    rows = busy(4)
    numbered = [row | {"id": f"x{n}"} for n, row in enumerate(rows)]
    shuffled = [numbered[i] for i in np.random.default_rng(1).permutation(len(rows))]
    whole, other = in_pieces(numbered, WORLD, []), in_pieces(shuffled, WORLD, [])
    assert whole.findings.equals(other.findings)
    assert whole.incidents.equals(other.incidents)


def test_finals_come_in_the_order_of_the_time_that_decided_them():
    output = in_pieces(busy(2), WORLD, [START_NS + c * SECOND_NS for c in range(0, 12_000, 700)])
    assert np.all(np.diff(output.decided_ns) >= 0)


def test_an_incident_is_final_when_the_gap_has_passed_and_not_before():
    state, early = feed(heard(0, -3_000), WORLD, START_NS + 600 * SECOND_NS)
    assert early.incidents.num_rows == 0
    state, final = feed([], WORLD, START_NS + 601 * SECOND_NS, state=state)
    assert final.incidents.num_rows == 1
    assert state.rows.num_rows == 0
    state, nothing = feed([], WORLD, LONG_AFTER_NS, state=state)
    assert nothing.incidents.num_rows == 0
    assert len(state.runs) == 0


def test_the_end_of_input_publishes_what_is_open_and_a_continuation_is_its_next_revision():
    until_ns = START_NS + 10 * SECOND_NS
    state, ended = feed(heard(0, -3_000), WORLD, until_ns, is_end=True)
    (first,) = ended.incidents.to_pylist()
    assert (first["state"], first["revision"]) == ("final", 1)
    state = IncidentState.restore(state.snapshot())
    state, again = feed([], WORLD, until_ns, is_end=True, state=state)
    assert again.incidents.num_rows == 0, "nothing new"
    state, continued = feed(heard(200, -3_000), WORLD, LONG_AFTER_NS, state=state)
    (second,) = continued.incidents.to_pylist()
    assert (second["incident_id"], second["revision"]) == (first["incident_id"], 2)
    assert second["violations_smm"] == 2
    (finding,) = continued.findings.to_pylist()
    assert finding["revision"] == 2
    assert finding["finding_id"] == ended.findings.column("finding_id")[0].as_py()


def test_an_end_of_input_without_continuation_is_not_published_twice():
    state, ended = feed(heard(0, -3_000), WORLD, START_NS + 10 * SECOND_NS, is_end=True)
    _, later = feed([], WORLD, LONG_AFTER_NS, state=state)
    assert ended.incidents.num_rows == 1
    assert later.incidents.num_rows == later.findings.num_rows == 0


def test_when_later_fire_melts_two_published_incidents_one_is_withdrawn():
    edge = next(n for n in range(0, 2_000, 10) if square(n) != square(n - 10))  # a square begins there
    first, second = edge - 300, edge + 950  # 1,250 m apart: two incidents
    apart = named(heard(0, -3_000, first, 1, sigma_m=30.0) + heard(5, -3_000, second, 1, sigma_m=30.0), "a")
    state, ended = feed(apart, WORLD, START_NS + 60 * SECOND_NS, is_end=True)
    assert ended.incidents.num_rows == 2
    more = named([r for n in range(40) for r in heard(70 + n, -3_000, edge + 200, 1, sigma_m=30.0)], "b")
    _, later = feed(more, WORLD, LONG_AFTER_NS, state=state)
    (final, withdrawn) = sorted(later.incidents.to_pylist(), key=lambda r: r["state"])
    known = ended.incidents.column("incident_id").to_pylist()
    assert (final["incident_id"], final["revision"], final["event_count"]) == (known[0], 2, 42)
    assert (withdrawn["incident_id"], withdrawn["revision"], withdrawn["state"]) == (known[1], 2, "withdrawn")
    assert sorted(later.findings.column("state").to_pylist()) == ["final", "withdrawn"]


def square(north_m: float) -> int:
    row = shot(0, -3_000, north_m)
    return int(bin_of(np.array([row["lon"]]), np.array([row["lat"]]))[0]) >> 20


def amend(state, evidence, published, until_ns, is_end=False, rules=(ceasefire_fire,)):
    return incidents.amend(
        state, placed(evidence, WORLD), NO_MOVEMENT, np.zeros(0, dtype=np.int64), published.findings,
        published.incidents, until_ns, WORLD, is_end, rules,
    )  # fmt: skip


def named(rows, prefix):
    return [row | {"id": f"{prefix}{n}"} for n, row in enumerate(rows)]


def test_a_late_event_before_the_first_one_keeps_the_id_and_takes_the_next_revision():
    on_time = named(heard(100, -3_000), "a")
    state, output = feed(on_time, WORLD)
    late = named(heard(0, -3_000), "late")
    state, amended = amend(state, on_time + late, output, LONG_AFTER_NS)
    (row,) = amended.incidents.to_pylist()
    assert row["incident_id"] == output.incidents.column("incident_id")[0].as_py()
    assert (row["revision"], row["violations_smm"], row["event_count"]) == (2, 2, 10)
    (finding,) = amended.findings.to_pylist()
    assert finding["revision"] == 2
    assert finding["finding_id"] == output.findings.column("finding_id")[0].as_py()
    assert amended.members.num_rows == 10


def test_a_late_event_elsewhere_is_an_incident_of_its_own_and_leaves_the_others_alone():
    on_time = named(heard(100, -3_000), "a")
    state, output = feed(on_time, WORLD)
    _, amended = amend(state, on_time + named(heard(0, -3_000, 9_000), "late"), output, LONG_AFTER_NS)
    (row,) = amended.incidents.to_pylist()
    assert row["revision"] == 1
    assert row["incident_id"] != output.incidents.column("incident_id")[0].as_py()


def test_a_late_event_that_bridges_a_pause_melts_two_incidents_and_withdraws_one():
    on_time = named([*heard(0, -3_000), *heard(900, -3_000)], "a")
    state, output = feed(on_time, WORLD)
    assert output.incidents.num_rows == 2
    _, amended = amend(state, on_time + named([shot(450, -3_000)], "late"), output, LONG_AFTER_NS)
    states = sorted((r["state"], r["revision"]) for r in amended.incidents.to_pylist())
    assert states == [("final", 2), ("withdrawn", 2)]
    assert sorted(amended.findings.column("state").to_pylist()) == ["final", "withdrawn"]


def test_nothing_changes_when_the_late_event_was_known():
    on_time = named(heard(100, -3_000), "a")
    state, output = feed(on_time, WORLD)
    _, amended = amend(state, on_time, output, LONG_AFTER_NS)
    assert amended.incidents.num_rows == amended.findings.num_rows == 0


def test_a_late_event_of_an_open_incident_is_in_it_when_it_becomes_final():
    on_time = named([*heard(0, -3_000), *heard(500, -3_000)], "a")
    until_ns = START_NS + 700 * SECOND_NS
    state, output = feed(on_time, WORLD, until_ns)
    assert output.incidents.num_rows == 0
    late = named([shot(-100, -3_000, sensor_id="LATE"), shot(200, -3_000, sensor_id="LATE")], "late")
    state, amended = amend(state, on_time + late, output, until_ns)
    assert amended.incidents.num_rows == 0
    _, final = feed([], WORLD, LONG_AFTER_NS, state=IncidentState.restore(state.snapshot()))
    _, timely = feed(on_time + late, WORLD)
    assert final.incidents.equals(timely.incidents)
    assert final.findings.equals(timely.findings)


def test_a_late_event_after_the_end_of_input_amends_what_was_published_and_stays_open():
    until_ns = START_NS + 300 * SECOND_NS
    on_time = named(heard(200, -3_000), "a")
    state, ended = feed(on_time, WORLD, until_ns, is_end=True)
    late = named(heard(100, -3_000), "late")
    state, amended = amend(state, on_time + late, ended, until_ns, is_end=True)
    (second,) = amended.incidents.to_pylist()
    assert (second["revision"], second["violations_smm"]) == (2, 2)
    _, nothing = feed([], WORLD, LONG_AFTER_NS, state=state)
    assert nothing.incidents.num_rows == 0
    _, continued = feed(named(heard(400, -3_000), "b"), WORLD, LONG_AFTER_NS, state=state)
    (third,) = continued.incidents.to_pylist()
    assert (third["incident_id"], third["revision"], third["violations_smm"]) == (second["incident_id"], 3, 3)


class Few:
    """A rule that speaks of incidents of few reports only."""

    @staticmethod
    def evaluate(incidents_table, parameters):
        few = np.array(incidents_table.column("event_count").to_pylist(), dtype=np.int64) < 7
        return ceasefire_fire.evaluate(incidents_table.filter(pa.array(few)), parameters)


def test_a_finding_that_a_rule_does_not_make_any_more_is_withdrawn_once_when_late_evidence_comes():
    on_time = named(heard(100, -3_000), "a")
    state, output = feed(on_time, WORLD, rules=(Few,))
    (before,) = output.findings.to_pylist()
    _, amended = amend(state, on_time + named(heard(0, -3_000), "late"), output, LONG_AFTER_NS, rules=(Few,))
    (gone,) = amended.findings.to_pylist()
    assert (gone["finding_id"], gone["state"], gone["revision"]) == (before["finding_id"], "withdrawn", 2)
    assert gone["reasons"][-1] == "With the later evidence the incident no longer shows this."
    assert amended.incidents.column("state").to_pylist() == ["final"]


def test_a_finding_told_at_the_end_of_input_is_withdrawn_once_when_its_incident_goes_on_without_it():
    state, ended = feed(named(heard(0, -3_000), "a"), WORLD, START_NS + 10 * SECOND_NS, True, rules=(Few,))
    assert ended.findings.column("state").to_pylist() == ["final"]
    until_ns = START_NS + 210 * SECOND_NS
    state, second = feed(named(heard(200, -3_000), "b"), WORLD, until_ns, True, state, rules=(Few,))
    assert second.findings.column("state").to_pylist() == ["withdrawn"]
    _, third = feed(named(heard(400, -3_000), "c"), WORLD, state=state, rules=(Few,))
    assert third.findings.num_rows == 0
    assert third.incidents.column("revision").to_pylist() == [3]


def test_outputs_have_the_published_schemas():
    _, output = feed(heard(0, -3_000), WORLD)
    assert output.findings.schema == schema.FINDINGS
    assert output.incidents.schema == schema.INCIDENTS
    assert output.members.schema == schema.MEMBERS
    assert pa.types.is_int64(pa.array(output.decided_ns).type)
    assert events.ints(output.incidents, "event_count").sum() == 5
