"""Detection in bounded memory finds what detection of everything at once finds, in whatever order events lie."""

import tempfile
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from monitoring import events, schema
from monitoring.adapters.time_order import TimeOrder
from monitoring.pipeline import detect as pieces
from monitoring.pipeline.detect import Detection, OutOfOrder, detect
from tests.property.pipeline.test_engine_properties import PARAMETERS, chunks_of, world
from tests.small_world import fix, table

seeds = st.integers(min_value=0, max_value=2**32 - 1)
budget = settings(max_examples=12, deadline=None)


@given(seeds)
@budget
def test_events_in_order_of_time_give_the_same_findings_in_pieces_as_at_once(seed: int) -> None:
    rows, rng = world(seed), np.random.default_rng(seed)
    detection = Detection(PARAMETERS)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(pieces, "TICK_ROWS", int(rng.integers(1, 20)))
        for part in chunks_of(rows, rng):
            detection.take(part)
        assert detection.end().equals(detect([table(rows)], PARAMETERS))


@given(seeds)
@budget
def test_events_in_any_order_give_the_same_findings_when_they_are_put_in_order(seed: int) -> None:
    rows, rng = world(seed), np.random.default_rng(seed)
    shuffled = [rows[i] for i in rng.permutation(len(rows)).tolist()]
    detection = Detection(PARAMETERS)
    with tempfile.TemporaryDirectory() as folder:
        order = TimeOrder(Path(folder), run_rows=int(rng.integers(1, 40)), batch_rows=int(rng.integers(1, 9)))
        for part in chunks_of(shuffled, rng):
            order.add(part)
        newest_ns, count = 0, 0
        for part in order.in_order():
            time_ns = events.ints(part, "time_ns")
            assert newest_ns <= time_ns.min()
            newest_ns, count = int(time_ns.max()), count + part.num_rows
            assert part.schema == schema.EVENTS
            detection.take(part)
    assert count == len(rows)
    assert detection.end().equals(detect([table(rows)], PARAMETERS))


def test_nothing_to_put_in_order_is_nothing(tmp_path: Path) -> None:
    order = TimeOrder(tmp_path)
    order.add(schema.EVENTS.empty_table())
    assert list(order.in_order()) == []
    assert Detection(PARAMETERS).end().equals(schema.FINDINGS.empty_table())


def test_an_event_behind_what_was_judged_is_told_and_not_lost_in_silence(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(pieces, "TICK_ROWS", 2)
    detection = Detection(PARAMETERS)
    detection.take(table([fix(0, -400, id="a"), fix(60, -400, id="b")]))
    detection.take(table([fix(2000, -400, id="c"), fix(2060, -400, id="d")]))
    detection.take(table([fix(1500, -400, id="e")]))
    with pytest.raises(OutOfOrder):
        detection.take(table([fix(1400, -400, id="f")]))


def test_the_whole_events_of_a_run_come_back_with_their_empty_columns(tmp_path: Path) -> None:
    given_table = table([fix(60, 5, id="b", text="seen"), fix(0, 5, id="a")])
    order = TimeOrder(tmp_path)
    order.add(given_table)
    (found,) = order.in_order()
    assert pa.Table.from_batches(found.to_batches()).equals(events.in_canonical_order(given_table))
