"""When findings became final, from a journal and an output log as a runtime leaves them."""

from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest

from monitoring import schema
from monitoring.adapters.final_times import FinalTimes, final_times
from monitoring.adapters.home import Home
from monitoring.adapters.journal import Journal
from monitoring.adapters.output_log import OutputLog

S = 1_000_000_000


class Kept:
    """A home into which ticks are written with what was published for them."""

    def __init__(self, home: Home) -> None:
        self.home = home
        self._journal, self._outputs = Journal(home.journal_dir), OutputLog(home.output_dir)

    def tick(self, at_s: int, *findings: tuple[str, str], source: str = "file", is_end: bool = False) -> None:
        """A tick at `at_s`, and (finding, state) published for it; nothing is logged where nothing was."""
        payload = {
            "reference_ns": at_s * S,
            "source": source,
            "end_of_input": is_end,
            "receipt_ids": [],
        }
        seq = self._journal.append("tick", payload, received_at_ns=9_999 * S, door="file")
        if findings:
            rows = pa.Table.from_pylist([_row(*one) for one in findings], schema=schema.FINDINGS)
            self._outputs.append(seq, {"findings": rows})

    def close(self) -> None:
        self._journal.close()
        self._outputs.close()


def _row(name: str, state: str) -> dict[str, Any]:
    told: dict[str, Any] = {one.name: None for one in schema.FINDINGS}
    told |= {
        "finding_id": name,
        "revision": 1,
        "state": state,
        "rule_id": "line_crossing",
        "verdict": "violation",
    }
    told |= {"time_start_ns": 0, "time_end_ns": 0, "lon": 37.0, "lat": 48.0, "subject_key": f"track:{name}"}
    return told | {"sensor_ids": [], "event_ids": [], "engine_version": "0", "reasons": [], "detail": "{}"}


@pytest.fixture
def kept(tmp_path: Path) -> Any:
    with Home.open(tmp_path / "home", writer="test") as home:
        made = Kept(home)
        yield made
        made.close()


def test_a_finding_became_final_at_the_first_tick_that_said_so(kept: Kept) -> None:
    kept.tick(100, ("a", "provisional"), ("b", "withdrawn"), source="clock")
    kept.tick(160, ("a", "final"), source="clock")
    kept.tick(220, ("a", "final"), ("c", "final"), source="clock")
    assert final_times(kept.home) == FinalTimes({"a": 160 * S, "c": 220 * S}, 60.0, by_clock=True)


def test_what_the_end_of_input_made_final_is_left_out_whatever_comes_after(kept: Kept) -> None:
    kept.tick(100, ("a", "final"))
    kept.tick(9_000, ("b", "final"), is_end=True)
    kept.tick(200, ("a", "final"), ("b", "final"), ("c", "final"))
    assert final_times(kept.home) == FinalTimes({"a": 100 * S, "c": 200 * S}, 100.0, by_clock=False)


def test_ticks_for_which_nothing_was_published_count_for_how_far_apart_they_are(kept: Kept) -> None:
    for at_s in (0, 60, 120, 180, 240, 9_000):
        kept.tick(at_s, *([("a", "final")] if at_s == 0 else [("b", "final")] if at_s == 240 else []))
    assert final_times(kept.home).ticks_apart_s == 60.0


def test_one_tick_alone_says_nothing_of_how_late_a_finding_was(kept: Kept) -> None:
    kept.tick(100, ("a", "final"))
    kept.tick(200, ("b", "final"), is_end=True)
    known = final_times(kept.home)
    assert (known.at_ns, known.ticks_apart_s, known.resolved_ns) == ({"a": 100 * S}, None, {})


def test_a_clock_that_also_read_files_is_not_called_a_clock(kept: Kept) -> None:
    kept.tick(100, source="clock")
    assert final_times(kept.home).by_clock
    kept.tick(160, source="file")
    assert not final_times(kept.home).by_clock
