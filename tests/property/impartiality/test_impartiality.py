"""Both parties are treated alike, and a detector that does not is found out."""

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest

from geodata.contact_line import ContactLine, packaged_line
from monitoring.agreement import Agreement
from monitoring.evaluation.shares import Share
from monitoring.simulation import Run, Truth, load_scenario
from tests.benchmarks import impartiality
from tests.benchmarks.detectors import Detected, Detector, naive, ours
from tests.benchmarks.impartiality import (
    Comparison,
    blind_to,
    both_ways,
    compare,
    detected,
    judged,
    loss_seen,
    overlooking,
    p_of_shares,
    power,
)

MANY = Path(impartiality.__file__).parent / "many-crossings.yaml"
LOST = 0.2


@pytest.fixture(scope="module")
def line() -> ContactLine:
    return packaged_line()


@pytest.fixture(scope="module")
def twenty_seeds(line: ContactLine) -> list[tuple[Truth, Detected]]:
    return detected(ours, load_scenario(MANY), range(1, 21), 0.5, line)


def crossings(compared: list[Comparison], measure: str = "recall") -> Comparison:
    return next(c for c in compared if (c.rule_id, c.measure) == ("line_crossing", measure))


@pytest.mark.parametrize(
    ("name", "detect", "hours"),
    [("busy-day", ours, 1.0), ("false-flag", ours, 0.6), ("spoofed-sensor", ours, 0.6), ("busy-day", naive, 0.5)],
)  # fmt: skip
def test_exchanging_the_parties_names_exchanges_them_in_every_result_and_moves_nothing(
    line: ContactLine, name: str, detect: Detector, hours: float
) -> None:
    plain, swapped = both_ways(detect, name, line, seed=6, hours=hours)
    assert len(plain["findings"]) > 3
    assert any(laid for *_, laid in plain["findings"]) == (detect is ours)
    assert plain["findings"] == swapped["findings"]
    assert plain["filings"] == swapped["filings"]


def test_a_detector_that_overlooks_half_of_one_party_fails_the_exchange(line: ContactLine) -> None:
    plain, swapped = both_ways(blind_to("B", 0.5), str(MANY), line, seed=6, hours=0.5)
    assert len(plain["findings"]) > 3
    assert plain["findings"] != swapped["findings"]


def leaning(run: Run, line: ContactLine, agreement: Agreement) -> Detected:
    """Ours, a hundredth surer whenever it weighs that it was B."""
    found = ours(run, line, agreement)
    details = [json.loads(text) for text in found.findings["detail"].to_pylist()]
    for detail in details:
        parties = detail.get("attribution", {}).get("parties", {})
        parties |= {"B": parties["B"] + 0.01} if "B" in parties else {}
    at = found.findings.schema.get_field_index("detail")
    text = pa.array([json.dumps(detail) for detail in details])
    return replace(found, findings=found.findings.set_column(at, "detail", text))


def test_a_detector_that_is_a_little_surer_of_one_party_fails_the_exchange(line: ContactLine) -> None:
    plain, swapped = both_ways(leaning, "busy-day", line, seed=6, hours=0.5)
    assert any(laid for *_, laid in plain["findings"])
    assert [one[:-1] for one in plain["findings"]] == [one[:-1] for one in swapped["findings"]]
    assert plain["findings"] != swapped["findings"]


def test_over_twenty_seeds_both_parties_differ_by_chance_only(
    twenty_seeds: list[tuple[Truth, Detected]],
) -> None:
    fair = compare("many-crossings", judged(twenty_seeds))
    assert {c.measure for c in fair} >= {"recall", "recall of violations", "party right", "laid to its doer"}
    assert [c for c in fair if not c.is_fair(len(fair))] == []


@pytest.mark.parametrize("party", ["A", "B"])
def test_over_twenty_seeds_a_fifth_of_one_partys_crossings_dropped_is_called_a_bias(
    twenty_seeds: list[tuple[Truth, Detected]], party: str
) -> None:
    fair = compare("many-crossings", judged(twenty_seeds))
    # Stated before the bias is planted: seeds and hours are enough to see it in 99 of 100 such tables.
    assert power(crossings(fair).a, crossings(fair).b, LOST, len(fair)) > 0.99
    biased = [(truth, overlooking(found, party, LOST, "line_crossing")) for truth, found in twenty_seeds]
    planted = compare("many-crossings", judged(biased))
    assert not crossings(planted).is_fair(len(planted))
    assert [c.rule_id for c in planted if not c.is_fair(len(planted)) and c.rule_id != "line_crossing"] == []


def test_the_stated_power_is_how_often_a_bias_is_seen() -> None:
    rng = np.random.default_rng(5)
    comparisons, n, found = 10, 300, 0.8
    for lost in (0.1, 0.16, 0.25):
        seen = 0
        for a, b in zip(
            rng.binomial(n, found, 2_000), rng.binomial(n, found * (1 - lost), 2_000), strict=True
        ):
            seen += p_of_shares(Share.of(int(a), n), Share.of(int(b), n)) < 0.01 / comparisons
        stated = power(Share.of(240, n), Share.of(240, n), lost, comparisons)
        assert seen / 2_000 == pytest.approx(stated, abs=0.04)


def test_the_more_is_counted_the_smaller_a_loss_is_seen() -> None:
    seen = [loss_seen(Share.of(8 * n, 10 * n), Share.of(8 * n, 10 * n), 10) for n in (1, 20, 200)]
    assert seen[0] is None or seen[0] > 0.9
    assert seen[1] is not None
    assert seen[2] is not None
    assert 0.01 < seen[2] < seen[1] < 0.5


def test_equal_shares_are_no_evidence_and_unequal_ones_are() -> None:
    assert p_of_shares(Share.of(50, 100), Share.of(50, 100)) == pytest.approx(1.0)
    assert p_of_shares(Share.of(90, 100), Share.of(50, 100)) < 1e-6
    assert p_of_shares(Share.of(10, 10), Share.of(12, 12)) == 1.0
