"""What holds for heavy weapons and aircraft, whatever they did and however the reports came."""

from typing import Any

import hypothesis.strategies as st
import pytest
from hypothesis import given, settings

from monitoring.pipeline import Engine
from tests.small_world import fix, parameters, table

PARAMETERS = parameters(name="illustrative", rules=("heavy_weapon_zone", "air_violation"))
OTHER = {"A": "B", "B": "A"}
CLASSES = ("tank", "artillery", "mlrs", "armoured_vehicle", "uav_small", "aircraft", None)

Rows = list[dict[str, Any]]


@st.composite
def sights(draw: st.DrawFn) -> list[tuple[int, int, dict[str, Any]]]:
    """Second, metres east of the line, and fields of a few tracks' fixes, some of which change their mind."""
    rows = []
    for track in range(draw(st.integers(1, 3))):
        second, east_m = draw(st.integers(0, 900)), draw(st.integers(-40_000, 40_000))
        for _ in range(draw(st.integers(1, 6))):
            second += draw(st.sampled_from([30, 300, 1_000, 2_500]))
            east_m += draw(st.integers(-9_000, 9_000))
            said = {
                "track_id": f"t{track}",
                "object_class": draw(st.sampled_from(CLASSES)),
                "affiliation": draw(st.sampled_from(["A", "B", "monitor", None])),
                "count": draw(st.sampled_from([None, 2, 5])),
                "alt_m": draw(st.sampled_from([None, 300.0, 25_000.0])),
                "calibre_mm": draw(st.sampled_from([None, None, 85.0, 300.0])),
            }
            rows.append((second, east_m, said))
    rows.sort(key=lambda row: row[0])
    return [(second, east_m, said | {"id": f"e{i:03d}"}) for i, (second, east_m, said) in enumerate(rows)]


def fixes(seen: list[tuple[int, int, dict[str, Any]]], north_m: float = 0.0) -> Rows:
    return [fix(second, float(east_m), north_m, sigma_m=40.0, **said) for second, east_m, said in seen]


def found(parts: list[Rows]) -> Rows:
    """The newest revision of every finding, fed part by part."""
    engine, told = Engine(PARAMETERS), []
    for part in parts:
        engine.feed(table(part))
        told += engine.tick(part[-1]["time_ns"]).findings.to_pylist()
    told += engine.tick(parts[-1][-1]["time_ns"], end_of_input=True).findings.to_pylist()
    newest = {row["finding_id"]: row | {"revision": 0} for row in told}
    return sorted(newest.values(), key=lambda row: row["finding_id"])


@settings(max_examples=25, deadline=None)
@given(sights().map(fixes), st.data())
def test_neither_cuts_nor_repetitions_change_what_is_found(rows: Rows, data: st.DataObject) -> None:
    whole = found([rows])
    cuts = sorted(data.draw(st.sets(st.integers(1, len(rows)), max_size=4)) | {len(rows)})
    parts = [rows[begin:end] for begin, end in zip([0, *cuts[:-1]], cuts, strict=True) if end > begin]
    assert found(parts) == whole
    repeated = [*rows, *rows]
    repeated.sort(key=lambda row: row["time_ns"])
    assert found([repeated]) == whole


@settings(max_examples=25, deadline=None)
@given(sights().map(fixes))
def test_sides_swapped_swap_what_is_found_and_nothing_else(rows: Rows) -> None:
    def mirrored(row: dict[str, Any]) -> dict[str, Any]:
        swapped = {
            "lon": 2 * 37.0 - row["lon"],
            "affiliation": OTHER.get(row["affiliation"], row["affiliation"]),
        }
        return row | swapped

    here, there = found([rows]), found([[mirrored(row) for row in rows]])
    assert len(here) == len(there)
    for one, other in zip(here, there, strict=True):
        for name in ("side", "party"):
            assert OTHER.get(one[name], one[name]) == other[name]
        for name in ("verdict", "time_start_ns", "time_end_ns", "count", "object_class", "event_ids"):
            assert one[name] == other[name]
        for name in ("margin", "distance_m", "probability", "sigma_m"):
            assert one[name] == pytest.approx(other[name], abs=2e-3)


@settings(max_examples=12, deadline=None)
@given(sights(), st.integers(-30_000, 30_000))
def test_the_scene_moved_along_the_line_moves_only_places(
    seen: list[tuple[int, int, dict[str, Any]]], north_m: int
) -> None:
    here, there = found([fixes(seen)]), found([fixes(seen, float(north_m))])
    told = ("finding_id", "verdict", "side", "party", "object_class", "count", "time_start_ns", "time_end_ns")
    assert [[row[name] for name in told] for row in here] == [[row[name] for name in told] for row in there]
    for one, other in zip(here, there, strict=True):
        assert one["margin"] == pytest.approx(other["margin"], abs=0.01)
