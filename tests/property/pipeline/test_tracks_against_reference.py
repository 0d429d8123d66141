"""The rules over all tracks at once find what their slow twins find track by track."""

import itertools
import json
from collections import defaultdict
from dataclasses import replace
from typing import Any

import numpy as np
import pyarrow as pa
from hypothesis import example, given, settings
from hypothesis import strategies as st

from geodata.contact_line import ContactLine, LineHistory
from geodata.line_file import LineDraft
from monitoring.agreement import Parameters
from monitoring.pipeline import Engine
from monitoring.pipeline.detect import detect, newest_revisions
from tests.reference import side_changes, track_rules
from tests.small_world import LINE, LON, SECOND_NS, fix, parameters, table

CHANGES = {"buffer_incursion.dwell_s": 0, "line_crossing.bracket_s_max": 1e6, "tracks.forget_s": 3000}
PARAMETERS = parameters(CHANGES)
NO_WAITING = parameters({**CHANGES, "stream.lateness_s": 0})


def tracks(seed: int) -> list[dict[str, Any]]:
    """Fixes of some tracks that jitter around the line and the buffer's edge, with pauses, ties and fixes on it."""
    rng = np.random.default_rng(seed)
    rows = []
    for track in range(rng.integers(1, 5)):
        second, centre_m = 0.0, float(rng.choice([0, -1900, 2100, 500]))
        for _ in range(rng.integers(1, 30)):
            east_m = 0.0 if rng.random() < 0.1 else centre_m + float(rng.normal(0, 200))
            rows.append(
                fix(
                    second,
                    east_m,
                    second / 10,
                    track_id=f"t{track}",
                    sigma_m=float(rng.choice([1, 40])),
                    affiliation="A",
                )
            )
            second += float(rng.choice([0, 10, 60, 900, 1801, 3001], p=[0.1, 0.4, 0.3, 0.1, 0.05, 0.05]))
            centre_m += float(rng.normal(0, 100))
    ids = rng.permutation(len(rows))
    return [{**row, "id": f"e{number:04d}"} for row, number in zip(rows, ids.tolist(), strict=True)]


@given(st.integers(0, 2**32 - 1))
@example(171)  # fixes of one time on both sides
@settings(max_examples=40, deadline=None)
def test_all_tracks_at_once_give_what_each_track_gives_alone(seed: int) -> None:
    rows = tracks(seed)
    by_track = defaultdict(list)
    for row in rows:
        by_track[row["track_id"]].append(row)
    until_ns = max(row["time_ns"] for row in rows)
    found = detect([table(rows)], PARAMETERS).to_pylist()
    for name, own in by_track.items():
        crossed, stayed = [], []
        for row in (row for row in found if row["track_id"] == name):
            detail = json.loads(row["detail"])
            if row["rule_id"] == "buffer_incursion":
                deepest = {e.split("/")[1] for e in row["event_ids"]}
                stayed.append((row["time_start_ns"], row["time_end_ns"], deepest))
            elif not detail["inferred"]:
                ends = (detail[end]["event_id"].split("/")[1] for end in ("before", "after"))
                told = (*ends, row["direction"], row["time_start_ns"] // 1000, row["revision"])
                crossed.append((*told, row["probability"]))
        expected = sorted(side_changes.changes(own, PARAMETERS, until_ns))
        assert [told[:5] for told in sorted(crossed)] == [told[:5] for told in expected]
        for told, slow in zip(sorted(crossed), expected, strict=True):
            assert (told[5] is None) == (slow[5] is None)
            if slow[5] is not None:
                assert abs(told[5] - min(max(slow[5], 1e-4), 1 - 1e-4)) < 1e-4
        wanted = track_rules.stays(own, PARAMETERS)
        assert sorted(stay[:2] for stay in stayed) == sorted(stay[:2] for stay in wanted)
        for start, end, deepest in wanted:
            assert any(stay[:2] == (start, end) and deepest in stay[2] for stay in stayed)


@given(st.integers(0, 2**32 - 1))
@settings(max_examples=15, deadline=None)
@example(0)  # a stay goes on while the line moves
@example(115)  # what contradicts a fix is told after another instant
def test_fixes_judged_instant_by_instant_give_what_all_of_them_give_at_once(seed: int) -> None:
    rows = sorted(tracks(seed), key=lambda row: row["time_ns"])
    for used in (NO_WAITING, _with_a_line_that_moves(rows)):
        drop = ["incident_id", "agreement_version"]
        one_by_one = newest_revisions(_instant_by_instant(rows, used)).drop_columns(drop).to_pylist()
        assert one_by_one == detect([table(rows)], used).drop_columns(drop).to_pylist()


def _with_a_line_that_moves(rows: list[dict[str, Any]]) -> Parameters:
    """Parameters with another line in force from the middle of the rows on."""
    moved = ContactLine.from_draft(LineDraft(((LON + 0.003, 48.0), (LON + 0.003, 49.0)), "moved east"))
    lines = LineHistory([LINE]).with_line(moved, rows[len(rows) // 2]["time_ns"])
    return replace(NO_WAITING, lines=lines)


def _instant_by_instant(rows: list[dict[str, Any]], used: Parameters) -> pa.Table:
    engine, findings = Engine(used), []
    for _, instant in itertools.groupby(rows, key=lambda row: row["time_ns"]):
        together = list(instant)
        engine.feed(table(together))
        findings.append(engine.tick(together[0]["time_ns"]).findings)
    findings.append(engine.tick(rows[-1]["time_ns"], end_of_input=True).findings)
    return pa.concat_tables(findings)


def test_the_worlds_of_this_test_hold_crossings_and_stays() -> None:
    rows = tracks(1)
    assert any(track_rules.stays(rows, PARAMETERS) for rows in ([r for r in rows if r["track_id"] == "t0"],))
    assert max(row["time_ns"] for row in rows) - min(row["time_ns"] for row in rows) > 60 * SECOND_NS
