"""Cases of the build-up of forces from `tests/rules/force_build_up.yaml`, and what holds for all of them."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import yaml

from monitoring.pipeline import Engine
from monitoring.rules import force_build_up
from tests.small_world import START_NS, fix, parameters, table

CONTENT = yaml.safe_load((Path(__file__).parent / "force_build_up.yaml").read_text(encoding="utf-8"))
CASES = [pytest.param(case, id=case["name"]) for case in CONTENT["cases"]]
TWO_DAYS = {"force_build_up.past_s": 172_800}
HOUR_NS = 3_600 * 10**9


def sights(case: dict[str, Any]) -> list[dict[str, Any]]:
    objects, east_m = case["past"]
    seen = [[hour, east_m, objects] for hour in range(0, 48, 6)] + case["sights"]
    rows = [
        fix(
            hour * 3_600 + number,
            east,
            30.0 * number,
            **({"track_id": f"t{number}"} | CONTENT["track"] | dict(*rest)),
        )
        for hour, east, count, *rest in seen
        for number in range(count)
    ]
    end = fix(case["until"] * 3_600, 0.0, kind="heartbeat", sensor_id="HB-1", track_id=None)
    return [row | {"id": f"e{i}"} for i, row in enumerate([*rows, end])]


def engine_of(case: dict[str, Any]) -> Engine:
    changes = TWO_DAYS | case.get("agreement", {})
    return Engine(parameters(changes, name="illustrative", rules=("force_build_up",)))


def newest(rows: list[dict[str, Any]]) -> list[dict[str, Any]]:
    return [row for row in {row["finding_id"]: row for row in rows}.values() if row["state"] != "withdrawn"]


@pytest.mark.parametrize("case", CASES)
def test_a_build_up_is_judged_as_its_case_says(case: dict[str, Any]) -> None:
    engine, rows = engine_of(case), sights(case)
    engine.feed(table(rows))
    found = newest(engine.tick(rows[-1]["time_ns"], end_of_input=True).findings.to_pylist())
    assert len(found) == len(case["expect"]), [row["reasons"] for row in found]
    for row, expected in zip(found, case["expect"], strict=True):
        row["hour"], row["hour_end"] = (
            int((row[name] - START_NS) // HOUR_NS) for name in ("time_start_ns", "time_end_ns")
        )
        # The rule's own party; what attribution adds is tested apart.
        row["party"] = json.loads(row["detail"])["stated_party"]
        assert {name: row[name] for name in expected} == expected
        assert row["incident_id"]


@pytest.mark.parametrize("hours", [1.0, 5.0])
def test_where_deliveries_are_cut_changes_no_build_up(hours: float) -> None:
    case = next(case for case in CONTENT["cases"] if "follow each other" in case["name"])
    rows = sights(case)
    whole = engine_of(case)
    whole.feed(table(rows))
    expected = newest(whole.tick(rows[-1]["time_ns"], end_of_input=True).findings.to_pylist())
    engine, told = engine_of(case), []
    for begin in np.arange(0, case["until"] + 1, hours):
        begin_ns = START_NS + begin * HOUR_NS
        part = [row for row in rows if begin_ns <= row["time_ns"] < begin_ns + hours * HOUR_NS]
        engine.feed(table(part))
        told += engine.tick(int(begin_ns + hours * HOUR_NS)).findings.to_pylist()
    told += engine.tick(rows[-1]["time_ns"], end_of_input=True).findings.to_pylist()
    for row in (*expected, *newest(told)):
        row.pop("revision")
    assert newest(told) == expected


def test_the_sides_swapped_swap_the_build_ups() -> None:
    case = CONTENT["cases"][0]
    mirrored = case | {"past": [2, -9000], "sights": [[50, -9000, 14, {"affiliation": "A"}]]}
    found = []
    for one in (case, mirrored):
        engine, rows = engine_of(one), sights(one)
        engine.feed(table(rows))
        found += newest(engine.tick(rows[-1]["time_ns"], end_of_input=True).findings.to_pylist())
    assert [row["side"] for row in found] == ["B", "A"]
    assert len({(row["count"], row["probability"], row["margin"]) for row in found}) == 1


def test_false_alarms_are_as_rare_as_asked_for() -> None:
    rng = np.random.default_rng(3)
    shape, rate, asked = 30.0, 10.0, 0.01
    alarms = 0
    for _ in range(4_000):
        count = int(rng.poisson(rng.gamma(shape, 1.0 / rate)))
        alarms += force_build_up.tail_prob(count, shape, rate) <= asked
    assert 0 < alarms / 4_000 <= asked + 3 * np.sqrt(asked / 4_000)
