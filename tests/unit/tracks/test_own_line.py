"""A rule may measure the forces of each party from a line of that party's own."""

import json
from typing import Any

import pytest

from geodata.contact_line import ContactLine, LineHistory
from geodata.line_file import LineDraft
from monitoring.agreement import AgreementInvalid
from monitoring.pipeline import Engine
from tests.small_world import LAT, LON, SECOND_NS, START_NS, agreement, fix, parameters, place, table

RULE = "buffer_incursion"
PARTIES = ("A", "B")


def north_south(east_m: float) -> dict[str, Any]:
    lon, _ = place(east_m)
    return {"type": "LineString", "coordinates": [[lon, LAT - 0.5], [lon, LAT + 0.5]]}


def of_2014(*versions: tuple[str, float], left_side: str = "A") -> dict[str, Any]:
    dated = [{"from": t, "geometry": north_south(east_m), "left_side": left_side} for t, east_m in versions]
    return {"reference_lines": {"of_2014": {"title": "Line", "source": "the test", "versions": dated}}}


def found(
    fixes: list[tuple[float, float]],
    affiliation: str,
    lines: Any,
    besides: dict[str, Any],
    left_side: str = "A",
) -> list[dict[str, Any]]:
    ground = ContactLine.from_draft(
        LineDraft(((LON, LAT - 0.5), (LON, LAT + 0.5)), "line", left_side=left_side)
    )
    given = parameters(
        {f"{RULE}.reference_line": lines}, LineHistory([ground]), said_besides=besides, rules=(RULE,)
    )
    engine = Engine(given)
    engine.feed(table(fix(second, east_m, affiliation=affiliation) for second, east_m in fixes))
    rows = engine.tick(START_NS + round(fixes[-1][0] * SECOND_NS), end_of_input=True).findings.to_pylist()
    return list(rows)


def test_a_line_that_the_agreement_does_not_have_stops_the_start() -> None:
    with pytest.raises(
        AgreementInvalid, match=r"buffer_incursion\.reference_line\.values\[0\]\.value: .*of_2014"
    ):
        agreement({f"{RULE}.reference_line": {"A": "contact_line", "B": "of_2014"}})


@pytest.mark.parametrize(
    ("versions", "key"),
    [
        ([("2026-01-01T00:00:00Z", 1.0)], "versions[0].from"),
        ([("always", 1.0), ("always", 2.0)], "versions[1].from"),
        ([], "versions"),
    ],
)
def test_a_line_with_a_gap_or_an_overlap_in_its_dates_stops_the_start(
    versions: list[tuple[str, float]], key: str
) -> None:
    with pytest.raises(AgreementInvalid) as refused:
        agreement(None, of_2014(*versions))
    assert refused.value.key == f"reference_lines.of_2014.{key}"


def test_a_line_that_is_none_stops_the_start() -> None:
    besides = of_2014(("always", 0.0))
    besides["reference_lines"]["of_2014"]["versions"][0]["geometry"] = {
        "type": "Point",
        "coordinates": [1, 2],
    }
    with pytest.raises(AgreementInvalid, match=r"of_2014\.versions\[0\]\.geometry: "):
        agreement(None, besides)


def test_the_name_of_the_contact_line_cannot_be_taken() -> None:
    besides = of_2014(("always", 0.0))
    besides["reference_lines"]["contact_line"] = besides["reference_lines"].pop("of_2014")
    with pytest.raises(AgreementInvalid, match=r"reference_lines\.contact_line"):
        agreement(None, besides)


IN_THE_EAST = [(0.0, 9000.0), (60.0, 4500.0), (600.0, 4500.0), (660.0, 9000.0)]


@pytest.mark.parametrize(("affiliation", "distance_m"), [("A", None), ("B", 500.0), ("unknown", None)])
def test_only_forces_of_the_party_are_measured_from_its_line(
    affiliation: str, distance_m: float | None
) -> None:
    lines = {"A": "contact_line", "B": "of_2014"}
    rows = found(IN_THE_EAST, affiliation, lines, of_2014(("always", 4000.0)))
    assert [row["distance_m"] for row in rows] == (
        [] if distance_m is None else [pytest.approx(distance_m, abs=1.0)]
    )


def test_a_party_that_keeps_away_from_its_own_line_is_not_measured_from_the_contact_line() -> None:
    near_the_contact_line = [(0.0, 500.0), (600.0, 500.0)]
    besides = of_2014(("always", 4000.0))
    assert found(near_the_contact_line, "B", {"A": "contact_line", "B": "contact_line"}, besides)
    assert not found(near_the_contact_line, "B", {"A": "contact_line", "B": "of_2014"}, besides)


def test_the_version_of_the_line_in_force_at_the_time_counts_and_so_does_a_change_of_the_rule() -> None:
    # 2025-10-09T09:00:00Z lies 400 seconds after the start.
    moved = of_2014(("always", 4000.0), ("2025-10-09T09:00:00Z", 20000.0))
    only_b = {"A": "contact_line", "B": "of_2014"}
    (row,) = found(IN_THE_EAST, "B", only_b, moved)
    assert (row["verdict"], row["time_end_ns"]) == ("undetermined", START_NS + 60 * SECOND_NS)
    dated = [
        {"from": "always", "value": {"A": "contact_line", "B": "contact_line"}},
        {"from": "2025-10-09T09:00:00Z", "value": only_b},
    ]
    (row,) = found(
        [(0, 9000), (60, 4500), (500, 4500), (600, 4500), (660, 9000)],
        "B",
        dated,
        of_2014(("always", 4000.0)),
    )
    assert row["time_start_ns"] == START_NS + 500 * SECOND_NS


def test_swapping_the_parties_swaps_the_findings_and_nothing_else() -> None:
    besides = of_2014(("always", 4000.0))
    swapped = of_2014(("always", 4000.0), left_side="B")
    for party, other in (("A", "B"), ("B", "A")):
        lines = {"A": "contact_line", "B": "of_2014"}
        ours = found(IN_THE_EAST, party, lines, besides)
        theirs = found(IN_THE_EAST, other, {"B": "contact_line", "A": "of_2014"}, swapped, left_side="B")
        for row in (*ours, *theirs):
            for name in ("line_version", "agreement_version", "reasons"):
                del row[name]
        for row in theirs:
            row["side"] = {"A": "B", "B": "A"}[row["side"]]
            row["party"] = {"A": "B", "B": "A"}[row["party"]]
            row["detail"] = row["detail"].replace('"A"', "?").replace('"B"', '"A"').replace("?", '"B"')
        for row in (*ours, *theirs):
            # Whose deed it was is put into words too; that mirror has tests of its own.
            row["detail"] = {k: v for k, v in json.loads(row["detail"]).items() if k != "attribution"}
        assert ours == theirs
