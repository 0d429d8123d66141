"""Counts of many seeds add up to the score of all of them."""

import pytest

from monitoring.evaluation.attribution import Calibration
from tests.benchmarks.scenarios import attribution_table
from tests.benchmarks.tally import Tally, _stated

SAID = ([0.95, 0.92, 0.55, 1.0, 0.31], [True, False, True, True, False])


def test_calibration_over_two_seeds_is_that_of_all_statements() -> None:
    whole = Calibration.of(*SAID)
    parts = [Calibration.of(SAID[0][cut], SAID[1][cut]) for cut in (slice(0, 2), slice(2, 5))]
    added = Tally.added(Tally(stated=_stated(part)) for part in parts)
    assert added.calibration_error == pytest.approx(whole.error, abs=1e-5)
    assert Tally().calibration_error is None


def test_the_table_of_deeds_adds_rules_and_seeds_up_and_leaves_open_what_nobody_said() -> None:
    ours = Tally(determined=(9, 10), determined_right=(8, 9), wrong_side=(1, 12), innocents_blamed=(0, 4))
    scored = [
        {"scenario": "flood", "rules": [{"detector": "ours", "rule_id": rule, "tally": ours.__dict__}]}
        for rule in ("ceasefire_fire", "line_crossing")
    ]
    told = attribution_table(scored)[2:]
    cells = [[cell.strip() for cell in line.strip("|").split("|")] for line in told]
    assert [row[:3] for row in cells] == [["flood", "ours", "20"], ["flood", "naive", "0"]]
    assert cells[0][3].startswith("90 [")
    assert cells[0][4].startswith("89 [")
    assert cells[0][5:7] == ["-", "24"]
    assert cells[0][7].startswith("8 [")
    assert cells[0][8].startswith("0 [")
    assert cells[1][3:6] == ["-", "-", "-"]
