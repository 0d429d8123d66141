"""What must not change a result: cuts, order of arrival, repetition, shards, a restart, the names of the sides."""

import itertools
from collections.abc import Iterator
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from geodata.contact_line import ContactLine, LineHistory
from geodata.line_file import LineDraft
from geodata.sectors import Sectors
from monitoring import events
from monitoring.agreement import Parameters
from monitoring.pipeline import Engine, EngineOutput
from monitoring.pipeline.detect import newest_revisions
from tests.small_world import LINE, START_NS, fix, parameters, shot, table

PARAMETERS = parameters({"buffer_incursion.standing_s": 900, "tracks.forget_s": 7200})
budget = settings(max_examples=15, deadline=None)
seeds = st.integers(min_value=0, max_value=2**32 - 1)


def world(seed: int) -> list[dict[str, Any]]:
    """Two hours of some objects that wander over the line and its buffer, and of some fire; in order of time."""
    rng = np.random.default_rng(seed)
    rows: list[dict[str, Any]] = []
    for track in range(rng.integers(1, 6)):
        own = {
            "sensor_id": f"GS-{rng.integers(1, 4)}",
            "track_id": f"t{track}",
            "affiliation": rng.choice(["A", "B", "civilian", "monitor", "unknown"]),
            "object_class": rng.choice(["tank", "uav_small", "person"]),
            "sigma_m": float(rng.choice([5.0, 60.0, 400.0])),
        }
        second, east_m = float(rng.integers(0, 3000)), float(rng.normal(0, 1500))
        for _ in range(rng.integers(1, 40)):
            on_line = rng.random() < 0.05
            rows.append(fix(second, 0.0 if on_line else east_m, float(rng.integers(-50, 50)), **own))
            second += float(rng.choice([0, 5, 20, 60, 400, 2500], p=[0.05, 0.2, 0.3, 0.3, 0.1, 0.05]))
            east_m += float(rng.normal(0, rng.choice([50, 400, 1500])))
    for _ in range(rng.integers(0, 12)):
        row = shot(
            float(rng.integers(0, 7200)),
            float(rng.choice([-4000, -3900, 9000])),
            sensor_id=f"AC-{rng.integers(1, 3)}",
        )
        rows.append(row)
    for number, row in enumerate(rows):
        row["id"] = f"e{number:05d}"
    return sorted(rows, key=lambda row: row["time_ns"])


def chunks_of(rows: list[dict[str, Any]], rng: np.random.Generator) -> Iterator[pa.Table]:
    cuts = sorted(rng.integers(0, len(rows) + 1, rng.integers(0, 8)).tolist())
    for begin, end in itertools.pairwise([0, *cuts, len(rows)]):
        if end > begin:
            yield table(rows[begin:end])


def run(
    tables: Iterator[pa.Table] | list[pa.Table],
    shards: int = 1,
    restart: bool = False,
    used: Parameters = PARAMETERS,
) -> list[EngineOutput]:
    """Everything an engine gives: a tick after every table, the end after the last."""
    engine, outputs, newest_ns = Engine(used, shards), [], START_NS
    for given_table in tables:
        engine.feed(given_table)
        newest_ns = max(newest_ns, int(events.ints(given_table, "time_ns").max()))
        outputs.append(engine.tick(newest_ns))
        if restart:
            engine = Engine.restore(used, engine.snapshot(), shards % 3 + 1)
    outputs.append(engine.tick(newest_ns, end_of_input=True))
    assert engine.stragglers() is None
    return outputs


def finals(outputs: list[EngineOutput]) -> list[list[dict[str, Any]]]:
    """Findings, filings and newest incidents of a whole run, in the order given."""
    findings, incidents, _, filings, _ = (pa.concat_tables(parts) for parts in zip(*outputs, strict=True))
    newest = {row["incident_id"]: {**row, "revision": 0} for row in incidents.to_pylist()}
    return [
        findings.to_pylist(),
        filings.to_pylist(),
        [newest[name] for name in sorted(newest)],
    ]


@given(seeds)
@budget
def test_one_two_and_seven_shards_give_the_same_finals(seed: int) -> None:
    whole = [table(world(seed))]
    assert finals(run(whole, 1)) == finals(run(whole, 2)) == finals(run(whole, 7))


@given(seeds)
@budget
def test_where_deliveries_are_cut_changes_no_final(seed: int) -> None:
    rows = world(seed)
    assert finals(run(chunks_of(rows, np.random.default_rng(seed)))) == finals(run([table(rows)]))


@given(seeds)
@budget
def test_order_of_arrival_within_the_allowed_lateness_changes_no_final(seed: int) -> None:
    rows, rng = world(seed), np.random.default_rng(seed)
    delay_ns = rng.integers(0, 590_000_000_000, len(rows))
    arrival = [row["time_ns"] + int(delay) for row, delay in zip(rows, delay_ns, strict=True)]
    shuffled = [rows[i] for i in np.argsort(arrival, kind="stable")]
    assert finals(run(chunks_of(shuffled, rng))) == finals(run([table(rows)]))


@given(seeds)
@budget
def test_an_engine_restored_from_a_snapshot_goes_on_as_if_it_had_never_stopped(seed: int) -> None:
    rows = world(seed)
    cuts = [list(chunks_of(rows, np.random.default_rng(seed))) for _ in range(2)]
    assert finals(run(cuts[0], restart=True)) == finals(run(cuts[1]))


@given(seeds)
@budget
def test_events_sent_twice_change_nothing(seed: int) -> None:
    rows, rng = world(seed), np.random.default_rng(seed)
    twice = sorted([*rows, *(row for row in rows if rng.random() < 0.5)], key=lambda row: row["time_ns"])
    assert finals(run([table(twice)])) == finals(run([table(rows)]))


@given(seeds)
@budget
def test_the_provisional_view_moves_nothing_and_shows_what_the_end_would_give(seed: int) -> None:
    rows = world(seed)
    half = len(rows) // 2
    engine, quiet = Engine(PARAMETERS), Engine(PARAMETERS)
    for one in (engine, quiet):
        one.feed(table(rows[: half + 1]))
        one.tick(rows[half]["time_ns"])
    before = engine.snapshot()
    shown = engine.provisional()
    assert engine.snapshot() == before == quiet.snapshot()
    assert set(shown.findings["state"].to_pylist()) <= {"provisional"}
    ended = quiet.tick(rows[half]["time_ns"], end_of_input=True)
    assert shown.findings.drop_columns("state").equals(ended.findings.drop_columns("state"))


MIRRORED = ContactLine.from_draft(LineDraft(((37.0, 48.0), (37.0, 49.0)), "straight north", "B"))
SWAP = {"A": "B", "B": "A", "A>B": "B>A", "B>A": "A>B"}


@given(seeds)
@budget
def test_swapping_the_names_of_the_sides_swaps_every_result_and_nothing_else(seed: int) -> None:
    rows = world(seed)
    mirrored = [
        {**row, "affiliation": SWAP.get(row.get("affiliation"), row.get("affiliation"))} for row in rows
    ]
    other = Parameters(PARAMETERS.agreement, LineHistory([MIRRORED]), PARAMETERS.sectors)
    columns = [
        "rule_id",
        "time_start_ns",
        "time_end_ns",
        "verdict",
        "side",
        "direction",
        "party",
        "distance_m",
        "margin",
        "probability",
        "lon",
        "lat",
        "count",
        "event_ids",
    ]
    plain = finals(run([table(rows)]))[0]
    swapped = finals(run([table(mirrored)], used=other))[0]
    key = lambda row: [str(row[name]) for name in columns]  # noqa: E731 - one use
    unswapped = [
        {
            name: SWAP.get(row[name], row[name]) if isinstance(row[name], str) else row[name]
            for name in columns
        }
        for row in swapped
    ]
    assert sorted(unswapped, key=key) == sorted(
        ({name: row[name] for name in columns} for row in plain), key=key
    )


@pytest.mark.parametrize("seed", range(8))
@pytest.mark.parametrize("east_deg", [64.0, 143.0, -97.5])
def test_the_whole_scene_moved_along_its_parallel_moves_nothing_but_places(
    seed: int, east_deg: float
) -> None:
    rows = [row for row in world(seed) if row["kind"] == "track"]
    moved = [{**row, "lon": (row["lon"] + east_deg + 180.0) % 360.0 - 180.0} for row in rows]
    # East of 180 degrees is west of it: one of the moved lines lies on that meridian.
    lon = (LINE.lon + east_deg + 180.0) % 360.0 - 180.0
    line = ContactLine.from_draft(
        LineDraft(tuple(zip(lon.tolist(), LINE.lat.tolist(), strict=True)), "moved")
    )
    there = Parameters(PARAMETERS.agreement, LineHistory([line]), Sectors.fit(line))
    same = ("finding_id", "rule_id", "verdict", "time_start_ns", "time_end_ns", "direction", "side", "party")
    near = {"probability": 1e-3, "distance_m": 0.01, "margin": 0.01, "chainage_m": 0.01}
    found, beside = finals(run([table(rows)]))[0], finals(run([table(moved)], used=there))[0]
    assert [[row[name] for name in same] for row in found] == [[row[name] for name in same] for row in beside]
    for one, other in zip(found, beside, strict=True):
        for name, within in near.items():
            assert one[name] == pytest.approx(other[name], abs=within), name


NOT_CONTENT = ("finding_id", "revision", "incident_id", "subject_key", "engine_version", "detail")


@given(seeds)
@budget
def test_late_evidence_leads_to_what_timely_evidence_would_have_given(seed: int) -> None:
    rows, rng = world(seed), np.random.default_rng(seed)
    is_late = rng.random(len(rows)) < 0.2
    engine = Engine(PARAMETERS)
    timely = [row for row, late in zip(rows, is_late, strict=True) if not late]
    end_ns = rows[-1]["time_ns"]
    published = []
    if timely:
        engine.feed(table(timely))
        published.append(engine.tick(end_ns, end_of_input=True))
        late = [row for row, late in zip(rows, is_late, strict=True) if late]
        if late:
            engine.feed(table(late))
            published.append(engine.tick(end_ns, end_of_input=True))
            request = engine.stragglers()
            if request is not None:
                published.append(engine.reevaluate(request, table(rows), _newest(published)))
                assert engine.stragglers() is None
        wanted = finals(run([table(rows)]))[0]
        standing = [row for row in _newest(published).findings.to_pylist() if row["state"] == "final"]
        assert _movement(standing) == _movement(newest_revisions(_as_table(wanted)).to_pylist())


def _newest(outputs: list[EngineOutput]) -> EngineOutput:
    findings, incidents, members, filings, _ = (
        pa.concat_tables(parts) for parts in zip(*outputs, strict=True)
    )
    last = {row["incident_id"]: row for row in incidents.to_pylist()}
    return EngineOutput(
        newest_revisions(findings),
        pa.Table.from_pylist(list(last.values()), schema=incidents.schema),
        members,
        filings,
    )


def _as_table(rows: list[dict[str, Any]]) -> pa.Table:
    return pa.Table.from_pylist(rows, schema=EngineOutput.empty().findings.schema)


def _movement(rows: list[dict[str, Any]]) -> list[dict[str, Any]]:
    moves = [
        {k: v for k, v in row.items() if k not in NOT_CONTENT}
        for row in rows
        if row["rule_id"] != "ceasefire_fire"
    ]
    return sorted(moves, key=str)


def test_the_line_of_these_worlds_is_the_one_its_tests_think_of() -> None:
    assert LINE.locator.locate([36.9, 37.1], [48.5, 48.5]).side.tolist() == [1, -1]
    with pytest.raises(AssertionError):
        assert finals(run([table([fix(0, -500), fix(60, 500)])]))[0] == []
