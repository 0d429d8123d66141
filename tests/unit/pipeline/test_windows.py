"""Rules of scope `place_window`: what is told when, and that the way in which events came changes nothing.

The rule here is as simple as can be: works in one square without a pause over ten minutes are one finding, told
while they go on once they have lasted an hour.
"""

from typing import Any, Final

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from monitoring import events, findings, schema
from monitoring.agreement import Agreement, Parameters
from monitoring.pipeline import windows
from monitoring.pipeline.windows import WindowOutput, WindowState
from monitoring.rules import NEVER_NS, Windows
from tests.small_world import SECOND_NS, START_NS, parameters, table, works

GAP_NS: Final = 600 * SECOND_NS
STANDING_NS: Final = 3_600 * SECOND_NS
PARAMETERS: Final = parameters()
Row = dict[str, Any]


class Digging:
    """The simple rule."""

    RULE_ID = "engineering_works"
    SCOPE = "place_window"
    PARAMETERS = ()
    MARGIN_UNIT = "m"
    KINDS = ("works",)
    INCIDENT_KIND = "works"

    def thin(self, placed: pa.Table, parameters: Parameters) -> NDArray[np.bool_]:
        return np.ones(placed.num_rows, dtype=np.bool_)

    def reach_s(self, agreement: Agreement, time_ns: int) -> float:
        return 600.0

    def evaluate(self, placed: pa.Table, until_ns: int, parameters: Parameters) -> Windows:
        time_ns, square = (
            events.ints(placed, "time_ns"),
            np.floor(events.reals(placed, "lat") * 10).astype(np.int64),
        )
        rows, decided, tell, members = [], [], [], []
        is_needed = np.zeros(placed.num_rows, dtype=np.bool_)
        for one in np.unique(square).tolist():
            at = np.flatnonzero(square == one)
            for group in np.split(at, np.flatnonzero(np.diff(time_ns[at]) > GAP_NS) + 1):
                first, last = int(time_ns[group[0]]), int(time_ns[group[-1]])
                key = events.event_key(
                    *(placed.column(name)[int(group[0])].as_py() for name in ("sensor_id", "id"))
                )
                rows.append(_finding(one, key, first, last, len(group)))
                decided.append(last + GAP_NS)
                tell.append(first + STANDING_NS if last - first >= STANDING_NS else NEVER_NS)
                members.append(group)
                is_needed[group] = last + GAP_NS > until_ns
        return Windows(
            tuple(row["finding_id"] for row in rows),
            rows.__getitem__,
            np.array(decided, dtype=np.int64),
            tuple(members),
            is_needed,
            np.array(tell, dtype=np.int64),
        )


def _finding(square: int, first_event: str, start_ns: int, end_ns: int, count: int) -> Row:
    return {
        "finding_id": findings.identity("finding", "engineering_works", str(square), first_event),
        "revision": 1,
        "state": "final",
        "rule_id": "engineering_works",
        "verdict": "violation",
        "time_start_ns": start_ns,
        "time_end_ns": end_ns,
        "lon": 37.0,
        "lat": square / 10,
        "count": count,
        "subject_key": "",
        "sensor_ids": [],
        "event_ids": [],
        "engine_version": schema.ENGINE_VERSION,
        "reasons": [f"Earth was moved in square {square}."],
        "detail": "{}",
    }


@pytest.fixture(autouse=True)
def _only_digging(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(windows, "window_rules", lambda _: (Digging(),))


def at(second: float) -> int:
    return START_NS + round(second * SECOND_NS)


def told(output: WindowOutput) -> list[tuple[str, int, int]]:
    return [(row["state"], row["revision"], row["count"]) for _, row in output.findings]


def test_a_finding_is_made_only_when_it_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    made = []

    class Watched(Digging):
        def evaluate(self, placed: pa.Table, until_ns: int, parameters: Parameters) -> Windows:
            windows = super().evaluate(placed, until_ns, parameters)
            return windows._replace(make=lambda i: made.append(until_ns) or windows.make(i))  # type: ignore[func-returns-value]

    monkeypatch.setattr(windows, "window_rules", lambda _: (Watched(),))
    states, _ = windows.advance({}, table([works(0, id="a")]), at(0), False, PARAMETERS)
    states, _ = windows.advance(states, table([works(60, id="b")]), at(60), False, PARAMETERS)
    _, output = windows.advance(states, table([]), at(900), False, PARAMETERS)
    assert told(output) == [("final", 1, 2)]
    assert made == [at(900)]


def test_a_finding_that_is_sure_is_made_again_only_when_it_is_decided(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    made = []

    class Sure(Digging):
        def evaluate(self, placed: pa.Table, until_ns: int, parameters: Parameters) -> Windows:
            found = super().evaluate(placed, until_ns, parameters)
            return found._replace(make=lambda i: made.append(until_ns) or found.make(i), is_sure=True)  # type: ignore[func-returns-value]

    monkeypatch.setattr(windows, "window_rules", lambda _: (Sure(),))
    long = table([works(500 * i, id=f"{i}") for i in range(9)])
    states, first = windows.advance({}, long, at(4_000), False, PARAMETERS)
    states, still = windows.advance(states, table([works(4_400, id="x")]), at(4_400), False, PARAMETERS)
    _, last = windows.advance(states, table([]), at(5_100), False, PARAMETERS)
    assert [told(output) for output in (first, still, last)] == [[("final", 1, 9)], [], [("final", 2, 10)]]
    assert made == [at(4_000), at(5_100)]


def test_a_rule_that_is_settled_is_asked_again_when_it_wakes_or_the_input_ends(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    asked = []

    class Settled(Digging):
        def evaluate(self, placed: pa.Table, until_ns: int, parameters: Parameters) -> Windows:
            asked.append((round((until_ns - START_NS) / SECOND_NS), placed.num_rows))
            found = super().evaluate(placed, until_ns, parameters)
            return found._replace(wake_ns=at(500), is_settled=until_ns < at(500))

    monkeypatch.setattr(windows, "window_rules", lambda _: (Settled(),))
    states, _ = windows.advance({}, table([works(0, id="a")]), at(0), False, PARAMETERS)
    states, _ = windows.advance(states, table([works(60, id="b")]), at(60), False, PARAMETERS)
    kept = windows.restored(windows.snapshot(states, _ipc), _table)
    _, ended = windows.advance(kept, table([]), at(60), True, PARAMETERS)
    assert told(ended) == [("final", 1, 2)]
    windows.advance(kept, table([works(500, id="c")]), at(500), False, PARAMETERS)
    assert asked == [(0, 1), (60, 2), (500, 3)]


def test_what_vanishes_is_withdrawn_in_one_order_whether_or_not_there_was_a_restart(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    far_apart = table([works(0, north_m=-40_000.0 + 12_000.0 * i, id=f"{i}") for i in range(8)])
    states, ended = windows.advance({}, far_apart, at(0), True, PARAMETERS)
    assert len(told(ended)) == 8

    class Vanished(Digging):
        def evaluate(self, placed: pa.Table, until_ns: int, parameters: Parameters) -> Windows:
            return Windows.none(placed.num_rows)

    monkeypatch.setattr(windows, "window_rules", lambda _: (Vanished(),))
    again = windows.restored(windows.snapshot(states, _ipc), _table)
    _, gone = windows.advance(states, table([]), at(900), False, PARAMETERS)
    _, gone_again = windows.advance(again, table([]), at(900), False, PARAMETERS)
    assert told(gone) == [("withdrawn", 2, 1)] * 8
    assert gone.incidents == gone_again.incidents


def _ipc(rows: pa.Table) -> bytes:
    sink = pa.BufferOutputStream()
    with pa.ipc.new_stream(sink, rows.schema) as writer:
        writer.write_table(rows)
    return bytes(sink.getvalue())


def _table(data: bytes) -> pa.Table:
    with pa.ipc.open_stream(data) as reader:
        return reader.read_all()


def test_a_finding_is_told_once_when_it_is_decided() -> None:
    rows = table([works(0, id="a"), works(60, id="b")])
    states, output = windows.advance({}, rows, at(60), False, PARAMETERS)
    assert told(output) == []
    states, output = windows.advance(states, table([]), at(659), False, PARAMETERS)
    assert told(output) == []
    states, output = windows.advance(states, table([]), at(660), False, PARAMETERS)
    assert told(output) == [("final", 1, 2)]
    assert [row["kind"] for row in output.incidents] == ["works"]
    assert output.members["id"].to_pylist() == ["a", "b"]
    assert output.findings[0][1]["event_ids"] == ["W-1/a", "W-1/b"]
    states, output = windows.advance(states, table([]), at(9_000), False, PARAMETERS)
    assert told(output) == []
    assert states["engineering_works"].rows.num_rows == 0


def test_what_is_open_at_the_end_is_told_and_what_goes_on_is_its_next_revision() -> None:
    states, output = windows.advance({}, table([works(0, id="a")]), at(0), True, PARAMETERS)
    assert told(output) == [("final", 1, 1)]
    states, output = windows.advance(states, table([]), at(10), True, PARAMETERS)
    assert told(output) == []
    states, output = windows.advance(states, table([works(60, id="b")]), at(700), False, PARAMETERS)
    assert told(output) == [("final", 2, 2)]


def test_what_lasts_is_told_while_it_goes_on() -> None:
    rows = [works(second, id=f"e{second}") for second in range(0, 4_200, 300)]
    states: windows.States = {}
    seen = []
    for row in rows:
        states, output = windows.advance(states, table([row]), row["time_ns"], False, PARAMETERS)
        seen += told(output)
    assert seen == [("final", 1, 13)]
    _, output = windows.advance(states, table([]), at(9_000), False, PARAMETERS)
    assert told(output) == [("final", 2, 14)]


def test_a_snapshot_between_changes_nothing() -> None:
    states, _ = windows.advance({}, table([works(0, id="a")]), at(0), True, PARAMETERS)
    content = windows.snapshot(states, lambda rows: rows)  # type: ignore[arg-type, return-value]
    again = windows.restored(content, lambda rows: rows)  # type: ignore[arg-type, return-value]
    assert isinstance(again["engineering_works"], WindowState)
    _, output = windows.advance(again, table([works(60, id="b")]), at(700), False, PARAMETERS)
    assert told(output) == [("final", 2, 2)]


def _late(
    states: windows.States, published: list[Row], rows: list[Row], late: list[Row], until: float
) -> Any:
    """What late events change, given everything that came so far."""
    spans = windows.spans_of({}, table(late), PARAMETERS)
    asked = windows.requested(spans, PARAMETERS)
    newest = {row["finding_id"]: row for row in published}
    return windows.anew(
        states,
        asked,
        events.in_canonical_order(table([*rows, *late])),
        findings.table(newest.values()),
        at(until),
        False,
        PARAMETERS,
    )


def test_a_late_event_that_joins_two_makes_one_of_them_and_withdraws_the_other() -> None:
    rows = [works(0, id="a"), works(1_000, id="b"), works(1_050, id="c")]
    states, output = windows.advance({}, table(rows), at(3_000), False, PARAMETERS)
    assert told(output) == [("final", 1, 1), ("final", 1, 2)]
    published = [row for _, row in output.findings]
    _, amended = _late(states, published, rows, [works(500, id="late")], 3_000)
    assert sorted(told(amended)) == [("final", 2, 4), ("withdrawn", 2, 2)]
    assert {row["state"] for row in amended.incidents} == {"final", "withdrawn"}


def test_a_late_event_apart_from_all_others_is_a_new_finding() -> None:
    rows = [works(0, id="a")]
    states, output = windows.advance({}, table(rows), at(9_000), False, PARAMETERS)
    _, amended = _late(states, [row for _, row in output.findings], rows, [works(5_000, id="late")], 9_000)
    assert told(amended) == [("final", 1, 1)]


def test_a_late_event_of_what_is_still_open_is_told_with_it() -> None:
    rows = [works(0, id="a")]
    states, _ = windows.advance({}, table(rows), at(500), False, PARAMETERS)
    states, amended = _late(states, [], rows, [works(100, id="late")], 500)
    assert told(amended) == []
    _, output = windows.advance(states, table([]), at(5_000), False, PARAMETERS)
    assert told(output) == [("final", 1, 2)]


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    seconds=st.lists(
        st.tuples(st.integers(0, 6_000), st.integers(0, 1)), min_size=1, max_size=14, unique=True
    ),
    cuts=st.lists(st.integers(0, 7_000), max_size=5),
    lates=st.sets(st.integers(0, 13)),
    stops=st.sets(st.integers(0, 4)),
)
def test_cuts_ends_and_lateness_change_nothing_in_the_end(
    seconds: list[tuple[int, int]], cuts: list[int], lates: set[int], stops: set[int]
) -> None:
    rows = [works(s, id=f"e{i}", lat=48.05 + 0.1 * square) for i, (s, square) in enumerate(seconds)]
    _, whole = windows.advance({}, events.in_canonical_order(table(rows)), at(20_000), False, PARAMETERS)
    expected = {
        (row["time_start_ns"], row["time_end_ns"], row["count"], tuple(row["event_ids"]))
        for _, row in whole.findings
    }
    timely = sorted((row for i, row in enumerate(rows) if i not in lates), key=lambda row: row["time_ns"])
    late = [row for i, row in enumerate(rows) if i in lates]
    states: windows.States = {}
    published: list[Row] = []
    before = -1
    for number, cut in enumerate([*sorted(cuts), 20_000]):
        part = [row for row in timely if before < (row["time_ns"] - START_NS) // SECOND_NS <= cut]
        states, output = windows.advance(states, table(part), at(cut), number in stops, PARAMETERS)
        published += [row for _, row in output.findings]
        before = cut
        arrived = [row for row in late if (row["time_ns"] - START_NS) // SECOND_NS <= cut][:2]
        if arrived:
            late = [row for row in late if row not in arrived]
            seen = [row for row in timely if (row["time_ns"] - START_NS) // SECOND_NS <= cut]
            earlier = [row for row in rows if row not in timely and row not in late and row not in arrived]
            states, amended = _late(states, published, [*seen, *earlier], arrived, cut)
            published += [row for _, row in amended.findings]
    while late:
        arrived, late = late[:2], late[2:]
        earlier = [row for row in rows if row not in late and row not in arrived]
        states, amended = _late(states, published, earlier, arrived, 20_000)
        published += [row for _, row in amended.findings]
    newest = {row["finding_id"]: row for row in published}
    standing = {
        (row["time_start_ns"], row["time_end_ns"], row["count"], tuple(row["event_ids"]))
        for row in newest.values()
        if row["state"] == "final"
    }
    assert standing == expected
