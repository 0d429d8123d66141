"""What opens a case, what joins one, what flags one, and how cases are numbered."""

from datetime import UTC, datetime

import msgspec
import pytest

from monitoring import findings, schema
from monitoring.agreement import SensorFacts
from monitoring.cases import filing
from monitoring.cases.filing import FilingState
from tests.small_world import START_NS, parameters

WORLD = parameters()
HOUR_NS = 3_600 * 1_000_000_000
NO_INCIDENTS = schema.INCIDENTS.empty_table()


def final(name, hour=0.0, rule_id="ceasefire_fire", verdict="violation", **fields):
    """A final finding."""
    time_ns = START_NS + int(hour * HOUR_NS)
    row = {
        "finding_id": f"F-{name}",
        "revision": 1,
        "state": "final",
        "rule_id": rule_id,
        "verdict": verdict,
        "time_start_ns": time_ns,
        "time_end_ns": time_ns,
        "lon": 37.0,
        "lat": 48.5,
        "sector": "S01",
        "confidence": "medium",
        "count": 1,
        "incident_id": f"I-{name}",
        "subject_key": f"incident:I-{name}",
        "sensor_ids": ["AC-1"],
        "event_ids": [],
        "engine_version": schema.ENGINE_VERSION,
        "reasons": ["Something happened."],
        "detail": "{}",
    }
    return row | fields


def file(rows, state=None, world=WORLD):
    state, filings = filing.step(state or filing.start(), findings.table(rows), NO_INCIDENTS, world)
    return state, filings.to_pylist()


def actions(filings):
    return [(row["action"], row["case_number"]) for row in filings]


def test_the_first_finding_opens_a_case_and_the_next_of_its_party_pattern_and_place_joins_it():
    _, filings = file([final("a"), final("b", 5)])
    assert actions(filings) == [("open", "2025-00001"), ("join", "2025-00001")]
    assert filings[0]["summary"] == "Something happened."
    assert filings[0]["place"] == "S01"


def test_another_place_party_or_pattern_opens_another_case():
    rows = [
        final("a"),
        final("b", sector="S02"),
        final("c", party="A"),
        final("d", rule_id="line_crossing"),
    ]
    assert [number for _, number in actions(file(rows)[1])] == [f"2025-0000{n}" for n in (1, 2, 3, 4)]


def test_after_the_window_a_new_case_is_opened_however_busy_the_place_is():
    _, filings = file([final(str(n), hour=6 * n) for n in range(9)])
    assert [a for a, _ in actions(filings)] == ["open", *["join"] * 4, "open", *["join"] * 3]


def test_a_finding_joins_the_case_opened_nearest_to_it_whatever_was_filed_last():
    rows = [final("a", 72), final("b", 0), final("c", 74)]
    assert actions(file(rows)[1]) == [
        ("open", "2025-00001"),
        ("open", "2025-00002"),
        ("join", "2025-00001"),
    ]
    state, _ = file(rows[:2])
    assert actions(file(rows[2:], FilingState.restore(state.snapshot()))[1]) == [("join", "2025-00001")]


def test_of_two_cases_equally_near_the_lower_number_takes_the_finding():
    rows = [final("a", 40), final("b", 0), final("c", 20)]
    assert actions(file(rows)[1])[2] == ("join", "2025-00001")


def test_what_does_not_open_cases_stays_out_unless_its_incident_has_one():
    crossing = final("a", rule_id="line_crossing", incident_id="I-1")
    stay = final("b", rule_id="buffer_incursion", verdict="undetermined", incident_id="I-1")
    other = final("c", rule_id="buffer_incursion", verdict="undetermined", incident_id="I-2")
    permitted = final("d", verdict="permitted", incident_id="I-3")
    assert actions(file([crossing, stay, other, permitted])[1]) == [
        ("open", "2025-00001"),
        ("join", "2025-00001"),
    ]


def test_two_rules_on_one_incident_make_one_case():
    rows = [
        final("a", rule_id="line_crossing", incident_id="I-1"),
        final("b", rule_id="buffer_incursion", incident_id="I-1"),
    ]
    assert actions(file(rows)[1]) == [("open", "2025-00001"), ("join", "2025-00001")]


def test_a_withdrawn_finding_flags_its_case_and_closes_nothing():
    state, _ = file([final("a"), final("b")])
    state, filings = file([final("b", revision=2, state="withdrawn")], state)
    assert actions(filings) == [("flag", "2025-00001")]
    assert filings[0]["finding_revision"] == 2
    _, filings = file([final("c", state="withdrawn")], state)
    assert filings == []


def test_a_revision_is_not_filed_twice_but_flags_when_it_no_longer_breaks_the_clause():
    state, _ = file([final("a")])
    state, filings = file([final("a", revision=2)], state)
    assert actions(filings) == [("update", "2025-00001")]
    _, filings = file([final("a", revision=3, verdict="undetermined")], state)
    assert actions(filings) == [("flag", "2025-00001"), ("update", "2025-00001")]


def test_a_revision_of_what_never_carried_its_case_flags_nothing():
    state, _ = file([final("F1", incident_id="I1")])
    quiet = {"rule_id": "buffer_incursion", "verdict": "undetermined", "margin": -1.0, "incident_id": "I1"}
    state, filings = file([final("F2", **quiet)], state)
    assert actions(filings) == [("join", "2025-00001")]
    state = filing.FilingState.restore(state.snapshot())
    state, filings = file([final("F2", **quiet, revision=2)], state)
    assert actions(filings) == [("update", "2025-00001")]
    state, filings = file([final("F2", **{**quiet, "verdict": "violation"}, revision=3)], state)
    assert actions(filings) == [("update", "2025-00001")]
    _, filings = file([final("F2", **quiet, revision=4)], state)
    assert actions(filings) == [("flag", "2025-00001"), ("update", "2025-00001")]


def test_a_revision_updates_its_case_with_the_priority_and_the_words_of_now():
    state, _ = file([final("a"), final("b")])
    state, (raised,) = file([final("b", revision=2, count=50, reasons=["Much more happened."])], state)
    assert (raised["action"], raised["finding_id"], raised["finding_revision"]) == ("update", "F-b", 2)
    assert (raised["priority"], raised["summary"]) == (2, "Much more happened.")
    state = FilingState.restore(state.snapshot())
    state, (other,) = file([final("a", revision=2)], state)
    assert other["priority"] == 2
    _, (lowered,) = file([final("b", revision=3, count=1)], state)
    assert lowered["priority"] == 3


def test_a_snapshot_of_the_first_version_goes_on_with_the_priorities_of_its_cases():
    state, _ = file([final("a", count=50), final("b")])
    content = msgspec.msgpack.decode(state.snapshot())
    del content["priority_of_finding"]
    older = FilingState.restore(msgspec.msgpack.encode({**content, "version": 1}))
    assert older.priority_of_finding == {"F-a": 2, "F-b": 2}
    assert file([final("a", revision=2)], older)[1][0]["priority"] == 2
    with pytest.raises(filing.StateTooNew):
        FilingState.restore(msgspec.msgpack.encode({**content, "version": filing.STATE_VERSION + 1}))


def test_movement_is_told_by_the_finding_alone_wherever_the_batch_ends():
    fields = {"rule_id": "line_crossing", "subject_key": "track:GS-1/t1", "chainage_m": 55_000.0}
    (row,) = file([final("a", direction="A>B", object_class="tank", **fields)])[1]
    assert row["summary"].startswith("A tank crossed the line A to B near km 55 in sector S01; ")


def test_heavy_weapons_are_told_with_how_many_there_were_and_how_near():
    fields = {"rule_id": "heavy_weapon_zone", "subject_key": "track:GS-1/t1", "chainage_m": 55_000.0}
    said = {"object_class": "tank", "count": 4, "count_is_minimum": True, "distance_m": 9_200.0, "side": "B"}
    world = parameters(name="illustrative")
    (row,) = file([final("a", **fields, **said)], world=world)[1]
    told = "At least 4 tanks were 9.2 km from the line on side B, nearer than allowed, near km 55 in sector S01; "
    assert row["summary"].startswith(told)


def test_a_revision_that_now_breaks_the_clause_opens_a_case():
    state, filings = file([final("a", verdict="undetermined")])
    assert filings == []
    assert actions(file([final("a", revision=2)], state)[1]) == [("open", "2025-00001")]


def test_large_counts_raise_the_priority_only_when_more_than_one_sensor_vouches_for_them():
    def priority(**fields):
        return file([final("a", **fields)])[1][0]["priority"]

    assert priority(count=1) == 3
    assert priority(count=50) == 2
    assert priority(count=50, confidence="low") == 4
    assert priority(rule_id="line_crossing", count=None) == 2


def test_what_rests_on_one_source_is_less_urgent_and_says_so():
    (row,) = file([final("a", confidence="low")])[1]
    assert row["priority"] == 4
    assert row["priority_reasons"] == ["severity of the rule: 3", "less urgent: it rests on one source"]


ATTENDED = parameters(sensors={"AC-2": SensorFacts("acoustic_artillery", lon=37.1, lat=48.5)})
"""A world with a further post seven kilometres from where things happen."""


def test_an_improbable_finding_opens_a_case_only_where_nobody_else_could_have_confirmed_it():
    lone = final("a", verdict="undetermined", margin=100.0, probability=0.06)
    assert actions(file([lone])[1]) == [("open", "2025-00001")]
    assert file([lone], world=ATTENDED)[1] == []
    alone = parameters(sensors={"AC-1": SensorFacts("acoustic_artillery", lon=37.1, lat=48.5)})
    assert actions(file([lone], world=alone)[1]) == [("open", "2025-00001")]


def test_a_finding_less_probable_than_agreed_opens_no_case_and_one_without_a_probability_does():
    assert file([final("a", probability=0.69)], world=ATTENDED)[1] == []
    assert actions(file([final("a", probability=0.7)], world=ATTENDED)[1]) == [("open", "2025-00001")]
    assert actions(file([final("a", probability=None)], world=ATTENDED)[1]) == [("open", "2025-00001")]


def test_a_finding_that_becomes_improbable_flags_its_case():
    state, _ = file([final("a", probability=0.9)], world=ATTENDED)
    assert actions(file([final("a", revision=2, probability=0.2)], state, ATTENDED)[1]) == [
        ("flag", "2025-00001"),
        ("update", "2025-00001"),
    ]


def test_many_corroborated_incidents_make_a_case_more_urgent_and_many_of_one_source_do_not():
    _, filings = file([final(str(n)) for n in range(8)])
    assert [row["priority"] for row in filings] == [3] * 5 + [2] * 3
    assert filings[-1]["priority_reasons"][-1] == "more urgent: many corroborated incidents in the case"
    lone = [final(str(n), confidence="low") for n in range(8)]
    assert {row["priority"] for row in file(lone)[1]} == {4}


def test_many_findings_of_one_incident_do_not_make_a_case_more_urgent():
    rows = [final(str(n), incident_id="I-one") for n in range(8)]
    assert {row["priority"] for row in file(rows)[1]} == {3}


def test_a_case_does_not_stay_escalated_by_findings_whose_sources_were_taken_back():
    state, filings = file([final(str(n)) for n in range(6)])
    assert filings[-1]["priority"] == 2
    state = FilingState.restore(state.snapshot())
    _, (row,) = file([final("0", revision=2, confidence="low")], state)
    assert row["priority"] == 3


def test_what_was_not_seen_here_for_a_month_is_more_urgent_once_there_is_a_month_to_compare_with():
    state, (first,) = file([final("a")])
    assert first["priority"] == 3
    state, filings = file([final("b", hour=24 * 31), final("c", hour=24 * 33, sector="S02")], state)
    assert [row["priority"] for row in filings] == [2, 2]
    _, (again,) = file([final("d", hour=24 * 35, sector="S02")], state)
    assert again["priority"] == 3


def test_a_joining_finding_can_raise_its_cases_priority_and_never_lowers_it():
    _, filings = file([final("a"), final("b", count=50), final("c")])
    assert [row["priority"] for row in filings] == [3, 2, 2]


def test_outside_every_sector_the_cell_is_the_place():
    (row,) = file([final("a", sector=None)])[1]
    assert row["place"].startswith("cell:")


def test_numbers_follow_the_year_of_the_missions_zone_and_are_never_reused():
    def at(text):
        return int(datetime.fromisoformat(text).astimezone(UTC).timestamp()) * 1_000_000_000

    rows = [
        final("a", time_start_ns=at("2025-12-31T21:59:00+00:00")),
        final("b", time_start_ns=at("2025-12-31T22:01:00+00:00"), sector="S02"),
        final("c", time_start_ns=at("2025-12-31T21:00:00+00:00"), sector="S03"),
    ]
    assert [n for _, n in actions(file(rows)[1])] == ["2025-00001", "2026-00001", "2025-00002"]


def test_cutting_batches_elsewhere_and_resuming_change_nothing():
    rows = [final(str(n), hour=n / 3, sector=f"S{n % 5:02d}", party="AB"[n % 2]) for n in range(60)]
    _, whole = file(rows)
    state, pieces = filing.start(), []
    for n in range(0, 60, 7):
        state, filings = file(rows[n : n + 7], FilingState.restore(state.snapshot()))
        pieces += filings
    assert pieces == whole


def test_a_busy_day_gives_tens_of_cases():
    rows = [final(str(n), hour=23 * n / 4_000, sector=f"S{n % 24:02d}") for n in range(4_000)]
    _, filings = file(rows)
    assert len(filings) == 4_000
    assert len({row["case_number"] for row in filings}) == 24
