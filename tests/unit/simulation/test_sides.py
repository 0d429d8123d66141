"""Both sides alike: exchanging the parties' names exchanges them in everything and moves nothing else."""

from dataclasses import replace
from functools import cache

import pyarrow as pa
import pytest

from geodata.contact_line import ContactLine, LineDraft
from monitoring.simulation import Happening, Truth, load_scenario, simulate

OTHER = {"A": "B", "B": "A"}


@cache
def mirrored_line(line: ContactLine) -> ContactLine:
    vertices = tuple(zip(line.lon.tolist(), line.lat.tolist(), strict=True))
    side = OTHER[line.left_side]
    return ContactLine.from_draft(
        replace(LineDraft(vertices, line.label), left_side=side, sigma_m=line.sigma_m)
    )


def swapped(happening: Happening) -> Happening:
    places = tuple(replace(place, signed_distance_m=-place.signed_distance_m) for place in happening.places)
    party = OTHER.get(happening.party, happening.party)
    direction = happening.direction and happening.direction[::-1]
    return replace(happening, places=places, party=party, direction=direction)


def run_of(name: str, line: ContactLine, is_swapped: bool) -> tuple[pa.Table, Truth, list[dict[str, object]]]:
    scenario = load_scenario(name)
    run = simulate(scenario.swapped() if is_swapped else scenario, line, seed=4, hours=1)
    table = pa.concat_tables(run.tables())
    return table, run.truth(), run.registry


@pytest.mark.parametrize("name", ["busy-day", "jamming-night", "spoofed-sensor", "false-flag"])
def test_swapping_the_names_of_the_sides_swaps_every_name_and_nothing_else(
    line: ContactLine, name: str
) -> None:
    events, truth, registry = run_of(name, line, False)
    events_m, truth_m, registry_m = run_of(name, mirrored_line(line), True)
    assert events.drop_columns("affiliation").equals(events_m.drop_columns("affiliation"))
    assert [OTHER.get(w, w) for w in events["affiliation"].to_pylist()] == events_m["affiliation"].to_pylist()
    assert [swapped(h) for h in truth.happenings] == list(truth_m.happenings)
    assert truth.links == truth_m.links
    assert [{**e, "host_side": OTHER[str(e["host_side"])]} for e in registry] == registry_m


def test_over_a_day_neither_party_does_more_than_the_other(line: ContactLine) -> None:
    run = simulate("busy-day", line, seed=2, hours=12, density=3.0)
    list(run.tables())
    happenings = run.truth().happenings
    for kind in ("crossing", "incursion", "fire"):
        a, b = (sum(1 for h in happenings if h.kind == kind and h.party == party) for party in "AB")
        assert abs(a - b) < 4.0 * (a + b) ** 0.5, f"{kind}: {a} and {b}"
