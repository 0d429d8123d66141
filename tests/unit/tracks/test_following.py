"""Changes of side told or not told: noise along the line, restarts, ends of input, repeated fixes."""

from typing import Any

import numpy as np
import pyarrow as pa
import pytest

from geodata.contact_line import ContactLine, LineHistory
from geodata.line_file import LineDraft
from monitoring.pipeline import Engine, tracking
from monitoring.tracks import following
from monitoring.tracks.changes import CHANGES, Pending
from tests.small_world import LAT, LINE, LON, SECOND_NS, START_NS, fix, parameters, place, table

CROSSING = ("line_crossing",)
USED = parameters(rules=CROSSING)


def along(
    seed: int, count: int, sigma_m: float = 40.0, step_s: float = 5.0, bias_m: float = 0.0
) -> list[dict[str, Any]]:
    """Somebody who walks on the line itself, seen with noise."""
    rng = np.random.default_rng(seed)
    east_m = bias_m + rng.normal(0.0, sigma_m, count)
    return [
        fix(step_s * i, float(east_m[i]), 3.0 * i, sigma_m=sigma_m, affiliation="A", object_class="person")
        for i in range(count)
    ]


def told(rows: list[dict[str, Any]], used: Any = USED) -> list[dict[str, Any]]:
    engine = Engine(used)
    engine.feed(table(rows))
    return list(engine.tick(rows[-1]["time_ns"], end_of_input=True).findings.to_pylist())


@pytest.mark.parametrize(("bias_frac", "most"), [(0.25, 1), (0.5, 1), (0.8, 1), (0.0, 8)])
def test_noise_along_the_line_does_not_flap(bias_frac: float, most: int) -> None:
    used = parameters({"tracks.bias_frac": bias_frac}, rules=CROSSING)
    naive, found = [], []
    for seed in range(4):
        rows = along(seed, 400)
        east = np.array([row["lon"] - LON for row in rows])
        naive.append(int(np.sum(east[1:] * east[:-1] < 0)))
        found.append(len({row["finding_id"] for row in told([fix(-60, -500, affiliation="A"), *rows], used)}))
    assert min(naive) > 150
    # Without any bias a hundred fixes with noise of their own are taken at their word.
    assert max(found) <= most


def test_noise_along_a_meandering_line_does_not_flap_either() -> None:
    """Bends as wide as the error: which bend a fix lies in says little of the side."""
    north = np.arange(-400, 12_000, 60.0)
    vertices = tuple(place(60.0 if i % 2 else -60.0, float(n)) for i, n in enumerate(north))
    line = ContactLine.from_draft(LineDraft(((LON, 48.0), *vertices, (LON, 49.0)), "meander"))
    used = parameters(lines=LineHistory([line]), rules=CROSSING)
    for seed in range(3):
        rows = [fix(-60, -900, affiliation="A"), *along(seed, 300, sigma_m=60.0)]
        side = line.locator.locate([r["lon"] for r in rows], [r["lat"] for r in rows]).side
        assert np.sum(side[1:] != side[:-1]) > 80
        assert len({row["finding_id"] for row in told(rows, used)}) <= 1


def test_a_passage_after_long_noise_is_told_once() -> None:
    rows = along(1, 200)
    rows += [
        fix(1000 + 10 * i, 60.0 * i, 600.0, sigma_m=40.0, affiliation="A", object_class="person")
        for i in range(1, 12)
    ]
    found = told([fix(-60, -500, affiliation="A", object_class="person"), *rows])
    assert [row["direction"] for row in found] == ["A>B"]
    assert found[0]["probability"] == pytest.approx(1.0, abs=1e-3)


def test_a_pending_change_is_told_when_its_waiting_ends_in_silence() -> None:
    engine = Engine(parameters({"stream.lateness_s": 0}, rules=CROSSING))
    rows = [fix(0, -400, sigma_m=50.0, affiliation="A"), fix(60, 160, sigma_m=50.0, affiliation="A")]
    engine.feed(table(rows))
    assert engine.tick(START_NS + 119 * SECOND_NS).findings.num_rows == 0
    engine.tick(START_NS + 300 * SECOND_NS)
    found = engine.tick(START_NS + 301 * SECOND_NS, end_of_input=True).findings
    assert found.num_rows == 0  # it was told before, and nothing has come since


def test_what_the_end_of_one_input_left_open_the_next_one_settles_under_the_same_id() -> None:
    engine = Engine(USED)
    engine.feed(
        table([fix(0, -400, sigma_m=50.0, affiliation="A"), fix(60, 130, sigma_m=50.0, affiliation="A")])
    )
    first = engine.tick(START_NS + 60 * SECOND_NS, end_of_input=True).findings.to_pylist()
    engine.feed(table([fix(700, 300, id="later", sigma_m=50.0, affiliation="A")]))
    second = engine.tick(START_NS + 700 * SECOND_NS, end_of_input=True).findings.to_pylist()
    assert [(row["verdict"], row["revision"]) for row in first] == [("undetermined", 1)]
    assert [(row["verdict"], row["revision"]) for row in second] == [("violation", 2)]
    assert first[0]["finding_id"] == second[0]["finding_id"]


def test_the_end_of_the_input_tells_nothing_of_a_track_that_was_to_be_forgotten_before() -> None:
    used = parameters({"tracks.forget_s": 600, "stream.lateness_s": 0}, rules=CROSSING)
    beyond = (fix(60 * i, 100 + i, id=f"b{i:02}", sigma_m=60.0) for i in range(1, 16))
    in_doubt = [fix(0, -400, id="a"), *beyond]
    much_later = [fix(9_000, -9_000, id="z", track_id="t2")]
    found = []
    for deliveries in ([in_doubt, [], much_later], [in_doubt + much_later]):
        engine, outputs = Engine(used), []
        for rows in deliveries:
            engine.feed(table(rows))
            newest_ns = rows[-1]["time_ns"] if rows else START_NS + 5_000 * SECOND_NS
            is_end = rows == deliveries[-1]
            outputs += engine.tick(newest_ns, end_of_input=is_end).findings.to_pylist()
        found.append([(row["revision"], row["probability"]) for row in outputs])
    assert found[0] == found[1]
    assert found[0]


def test_a_hundred_thousand_fixes_in_one_place_near_the_line_are_one_measurement() -> None:
    one = table([fix(0, 30.0, sigma_m=50.0)])
    many = one.take(pa.array(np.zeros(100_000, dtype=np.int64)))
    times = pa.array(START_NS + np.arange(100_000) * SECOND_NS)
    many = many.set_column(many.schema.get_field_index("time_ns"), many.schema.field("time_ns"), times)
    until_ns = START_NS + 100_000 * SECOND_NS
    shards, judged = tracking.advance(tracking.start(USED, 1), many, until_ns, True, USED)
    pending = shards[0].memory["line_crossing"]
    assert judged.findings.num_rows == 0
    assert np.sum(np.isfinite(pending["trace_prob"])) == 1


def test_all_fixes_at_one_instant_give_an_answer_and_no_violation() -> None:
    rows = [
        fix(0, float(east_m), id=f"e{i}", affiliation="A")
        for i, east_m in enumerate([-400, 90, -90, 300, 20])
    ]
    assert {row["verdict"] for row in told(rows)} <= {"undetermined"}


def test_the_memory_survives_its_table_and_is_bounded_by_tracks() -> None:
    rows = [fix(i, 50 * np.sin(i), id=f"e{i}", track_id=f"t{i % 3}", sigma_m=40.0) for i in range(600)]
    shards, _ = tracking.advance(tracking.start(USED, 1), table(rows), START_NS, False, USED)
    memory = shards[0].memory["line_crossing"].to_table()
    assert memory.num_rows == 3
    assert memory.schema.equals(CHANGES)
    again = Pending.from_table(Pending.from_table(memory).to_table())
    for name, column in Pending.from_table(memory).columns.items():
        np.testing.assert_array_equal(column, again[name])


def test_a_track_far_from_the_line_takes_no_memory() -> None:
    rows = [fix(i, -5000.0 + i, id=f"e{i}") for i in range(50)]
    shards, _ = tracking.advance(tracking.start(USED, 1), table(rows), START_NS, False, USED)
    assert len(shards[0].memory["line_crossing"]) == 0


def test_following_a_track_leaves_what_it_was_handed_as_it_was() -> None:
    rows = [fix(0, 30.0, id="near"), fix(60, -2_000.0, id="far")]
    shards, _ = tracking.advance(tracking.start(USED, 1), table(rows), START_NS + 60 * SECOND_NS, False, USED)
    memory = shards[0].memory["line_crossing"]
    before = {name: memory[name].copy() for name in CHANGES.names}
    assert len(memory) == 1
    further = table([fix(120, -2_500.0, id="further")])
    after, _ = tracking.advance(shards, further, START_NS + 120 * SECOND_NS, True, USED)
    assert after[0].memory["line_crossing"]["last_ns"].tolist() == [START_NS + 120 * SECOND_NS]
    for name, column in before.items():
        np.testing.assert_array_equal(memory[name], column, name)


def test_the_line_of_this_world_is_straight() -> None:
    assert LINE.locator.locate([LON - 0.01], [LAT]).side[0] == 1


def at_once(second: float, *east_m: float) -> list[dict[str, Any]]:
    """Fixes of one time, in the order of their ids."""
    return [fix(second, east, affiliation="A", id=f"{second:04.0f}-{i:03}") for i, east in enumerate(east_m)]


def test_fixes_of_one_time_on_both_sides_order_no_crossing() -> None:
    found = told(at_once(0, *(400.0, -400.0) * 25))
    assert found
    assert {row["verdict"] for row in found} == {"undetermined"}
    assert {row["probability"] for row in found} == {None}
    assert all("Fixes of one time show it on both sides" in " ".join(row["reasons"]) for row in found)


@pytest.mark.parametrize("order", [(400.0, -400.0), (-400.0, 400.0)])
def test_a_fix_that_another_of_its_time_contradicts_asserts_no_crossing(order: tuple[float, float]) -> None:
    found = told(at_once(0, -400.0) + at_once(60, *order) + at_once(120, -400.0))
    assert {row["verdict"] for row in found} <= {"undetermined"}
    assert {row["probability"] for row in found} <= {None}


def test_fixes_of_one_time_on_one_side_contradict_nothing() -> None:
    found = told(at_once(0, -400.0, -380.0) + at_once(60, 400.0, 420.0))
    assert [(row["verdict"], row["direction"]) for row in found] == [("violation", "A>B")]
    assert found[0]["probability"] > 0.99


def loitering(seed: int, count: int, track: str, sigma_m: float = 40.0) -> list[dict[str, Any]]:
    """Somebody who stays by the line on one side, then the other, then on it, seen with noise; pauses between."""
    rng = np.random.default_rng(seed)
    middle_m = np.repeat(rng.choice([-400.0, -60.0, -20.0, 0.0, 30.0, 70.0, 500.0], count // 20 + 1), 20)[
        :count
    ]
    east_m = middle_m + rng.normal(0.0, sigma_m, count)
    second = np.cumsum(rng.choice([5.0, 30.0, 900.0], count, p=[0.8, 0.18, 0.02]))
    return [
        fix(
            float(second[i]),
            float(east_m[i]),
            sigma_m=sigma_m,
            affiliation="A",
            track_id=track,
            id=f"{track}{i}",
        )
        for i in range(count)
    ]


@pytest.mark.parametrize("tracks", [1, 3])
def test_ranks_taken_in_ahead_decide_as_rank_by_rank(tracks: int, monkeypatch: pytest.MonkeyPatch) -> None:
    verdicts = set()
    for seed in range(3):
        rows = [row for k in range(tracks) for row in loitering(10 * seed + k, 300 + 7 * k, f"t{k}")]
        rows.sort(key=lambda row: (row["time_ns"], row["id"]))
        ahead = told(rows)
        with monkeypatch.context() as one_by_one:
            one_by_one.setattr(following, "_FEW_LANES", 0)
            assert told(rows) == ahead
        verdicts |= {row["verdict"] for row in ahead}
    assert verdicts == {"violation", "undetermined"}


def test_a_long_track_that_stays_by_the_line_is_judged_at_few_of_its_fixes(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    judged = []
    judge = following._Lanes._judge
    monkeypatch.setattr(
        following._Lanes, "_judge", lambda *given: (judged.append(len(given[2])), judge(*given))[1]
    )
    told(along(2, 3_000, bias_m=25.0))
    assert 0 < sum(judged) < 300
