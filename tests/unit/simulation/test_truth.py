"""The truth file says what the paths did, and where each event came from."""

import json
from collections import Counter
from pathlib import Path

import jsonschema
import numpy as np
import pytest

from geodata.crossings import step_crossings
from monitoring.rules.heavy_weapon_zone import KINDS_OF_WEAPON
from monitoring.simulation import TruthInvalid, parse_truth, truth_schema, write_truth
from monitoring.simulation.terms import Terms
from monitoring.simulation.truth import band
from tests.small_world import agreement
from tests.unit.simulation.conftest import Finished


def test_the_file_satisfies_its_schema_and_reads_back_the_same(finished: Finished, tmp_path: Path) -> None:
    path = tmp_path / "truth.ndjson"
    write_truth(path, finished.truth)
    lines = path.read_text(encoding="utf-8").splitlines()
    validator = jsonschema.Draft202012Validator(truth_schema())
    for line in lines[:1] + lines[1::7]:
        validator.validate(json.loads(line))
    assert parse_truth(lines) == finished.truth


@pytest.mark.parametrize(
    "text", ["", "not json", '{"type":"happening"}', '{"type":"header","truth_format":9}', "[1]"]
)
def test_what_is_no_truth_file_is_refused_by_name(text: str) -> None:
    with pytest.raises(TruthInvalid, match=r"mine\.ndjson"):
        parse_truth(text.splitlines(), "mine.ndjson")


def test_every_crossing_of_a_true_path_is_in_exactly_one_excursion(finished: Finished) -> None:
    world = finished.run._world
    paths, frame, line = world.movers.paths, world.space.line.frame, world.space.line
    # Paths are straight in the plane, steps in lon/lat: cut finely, the difference is millimetres.
    t = np.concatenate([np.linspace(a, b, 400) for a, b in zip(paths.start_s, paths.end_s, strict=True)])
    owner = np.repeat(np.arange(paths.count), 400)
    x, y, _, _ = paths.at(owner, t)
    lon, lat = frame.inverse(x, y)
    steps = np.flatnonzero(owner[1:] == owner[:-1])
    found = step_crossings(line, lon[steps], lat[steps], lon[steps + 1], lat[steps + 1])
    at = steps[found.step_idx]
    when = t[at] + found.fraction * (t[at + 1] - t[at])
    crossed = Counter(owner[at][when < world.duration_s].tolist())
    excursions = Counter(world.crossings.mover.tolist())
    assert set(crossed) == set(excursions)
    edges = np.concatenate([world.crossings.start_s, world.crossings.end_s])
    movers = np.concatenate([world.crossings.mover, world.crossings.mover])
    for mover in excursions:
        own, seen = edges[movers == mover], when[owner[at] == mover]
        apart = np.abs(own[:, None] - seen[None, :]).min(axis=1)
        # The end of an excursion may also be the end of the run or of the path.
        assert (apart < 15.0).sum() >= (own < min(paths.end_s[mover], world.duration_s) - 1.0).sum()


def test_noticed_phenomena_are_those_of_which_a_sensor_sent_a_report(finished: Finished) -> None:
    posts = {entry["id"] for entry in finished.run.registry if entry["type"] != "human_report"}
    reporting = {link.happening for link in finished.truth.links if link.sensor_id in posts}
    fires = [h for h in finished.truth.happenings if h.kind == "fire"]
    assert all(
        0 <= h.noticed <= h.phenomena for h in fires if h.noticed is not None and h.phenomena is not None
    )
    silent = [h for h in fires if not h.noticed]
    assert silent, "somebody fires out of hearing"
    assert len(fires) > len(silent)
    assert not reporting.intersection(h.id for h in silent)
    # A report that was made may be lost on its way, a few of a hundred are.
    assert len(reporting.intersection(h.id for h in fires if h.noticed)) > 0.9 * (len(fires) - len(silent))


def test_depths_are_those_of_the_deepest_place(finished: Finished) -> None:
    for happening in finished.truth.happenings:
        if happening.kind == "crossing":
            deepest = next(p for p in happening.places if p.role == "deepest")
            assert happening.depth_m == pytest.approx(abs(deepest.signed_distance_m), abs=1.0)
            assert (deepest.signed_distance_m > 0) == (happening.direction == "B>A")


def test_a_crossing_of_forces_is_a_violation_and_one_of_civilians_undetermined(finished: Finished) -> None:
    for happening in finished.truth.of_rule("line_crossing"):
        verdict = "undetermined" if happening.party == "civilian" else "violation"
        assert [rule.verdict for rule in happening.rules] == [verdict]


def test_each_crossing_is_also_a_stay_in_the_buffer(finished: Finished) -> None:
    stays = {h.of for h in finished.truth.happenings if h.kind == "incursion"}
    assert {h.of for h in finished.truth.happenings if h.kind == "crossing"} <= stays


def test_every_event_of_a_happening_is_linked_once_and_heartbeats_never(finished: Finished) -> None:
    table = finished.events
    linked = Counter((links.sensor_id, name) for links in finished.truth.links for name in links.ids)
    tracked = Counter((links.sensor_id, name) for links in finished.truth.links for name in links.track_ids)
    assert max(linked.values()) == 1
    assert max(tracked.values()) == 1
    for sensor, name, kind, track in zip(
        *(table[c].to_pylist() for c in ("sensor_id", "id", "kind", "track_id")), strict=True
    ):
        if kind == "track":
            assert (sensor, track) in tracked
        else:
            assert ((sensor, name) in linked) == (kind != "heartbeat")


def test_links_name_happenings_that_exist(finished: Finished) -> None:
    known = {h.id for h in finished.truth.happenings} | {None}
    assert {links.happening for links in finished.truth.links} <= known


def test_what_is_observable_was_mostly_seen_and_what_is_out_of_reach_hardly(finished: Finished) -> None:
    seen = {links.happening for links in finished.truth.links if links.ids}
    fires = [h for h in finished.truth.happenings if h.kind == "fire"]
    sure = [h for h in fires if h.band == "observable"]
    hidden = [h for h in fires if h.band == "out_of_reach"]
    assert len(sure) > 10
    assert hidden
    assert sum(h.id in seen for h in sure) >= 0.9 * len(sure)
    assert sum(h.id in seen for h in hidden) <= 0.3 * len(hidden) + 1


@pytest.mark.parametrize(
    ("detection_prob", "depth_sigmas", "expected"),
    [
        (0.95, 3.0, "observable"),
        (0.95, None, "observable"),
        (0.95, 2.99, "in_reach"),
        (0.949, 3.0, "in_reach"),
        (0.05, 3.0, "in_reach"),
        (0.049, 3.0, "out_of_reach"),
    ],
)
def test_bands_hold_on_either_side_of_their_edges(
    detection_prob: float, depth_sigmas: float | None, expected: str
) -> None:
    assert band(detection_prob, depth_sigmas) == expected


def test_a_crossing_is_observable_only_where_it_was_deep_for_the_best_fix_and_all_but_surely_seen(
    finished: Finished,
) -> None:
    crossings = [h for h in finished.truth.happenings if h.kind == "crossing"]
    bands = Counter(h.band for h in crossings)
    assert bands["observable"] > 3
    assert bands["observable"] < len(crossings)
    for h in crossings:
        is_deep = h.depth_sigmas is not None and h.depth_sigmas >= 3.0
        assert (h.band == "observable") == (h.detection_prob >= 0.95 and is_deep)
        assert (h.band == "out_of_reach") == (h.detection_prob < 0.05)


def test_a_happening_lies_within_the_run(finished: Finished) -> None:
    header = finished.truth.header
    for h in finished.truth.happenings:
        assert header["from_ns"] <= h.time_start_ns <= h.time_end_ns <= header["to_ns"]


def test_presences_follow_the_agreement_that_is_in_force() -> None:
    of_a, of_b = (dict.fromkeys(KINDS_OF_WEAPON, distance_m) for distance_m in (1_000.0, 9_000.0))
    changed = agreement({"heavy_weapon_zone.distance_m": {"A": of_a, "B": of_b}}, name="illustrative")
    terms = Terms.of(changed, 0, left_side="B")
    assert (terms.weapon_left_m["tank"], terms.weapon_right_m["tank"]) == (9_000.0, 1_000.0)
    assert Terms.of(agreement(), 0, left_side="A").weapon_left_m == Terms().weapon_left_m


def test_fire_is_determinable_only_beyond_where_infiltrators_go_and_movement_only_if_somebody_knew_whose(
    finished: Finished,
) -> None:
    fire = [h for h in finished.truth.happenings if h.kind == "fire"]
    could = [h for h in fire if h.is_determinable]
    assert could
    assert len(could) < len(fire)
    assert all(abs(h.places[0].signed_distance_m) > 1_000.0 for h in could)
    assert all(h.attributable_prob >= 0.95 for h in could)
    assert not any(h.is_determinable for h in fire if h.object_class == "small_arms")
    moved = [h for h in finished.truth.happenings if h.kind in ("crossing", "incursion")]
    assert all(h.is_determinable == (h.attributable_prob >= 0.95) for h in moved)
    assert all(h.attributable_prob <= h.detection_prob + 1e-6 for h in moved)
