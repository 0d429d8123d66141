"""Proposals: what attribution says of single incidents, and what it writes into findings."""

import json

import pytest

from monitoring.agreement import AgreementInvalid, SensorFacts
from monitoring.attribution import Evidence, as_judged, weigh
from monitoring.attribution.evidence import Located
from monitoring.findings import canonical_json, detail_of, parts_of
from monitoring.pipeline import Engine
from tests.small_world import START_NS, agreement, fix, parameters, shot, table

SENSORS = {
    "AC-1": SensorFacts("acoustic_artillery", "A"),
    "AC-2": SensorFacts("acoustic_artillery", "B"),
    "EO-1": SensorFacts("eo_ir_tower", "A"),
    "EO-2": SensorFacts("eo_ir_tower", "B"),
    "GR-1": SensorFacts("ground_radar", "B"),
}
BOTH = {"hosts": frozenset("AB"), "sensors": 3, "kinds": 3}


def said(says, word=None, kind="acoustic_artillery", host="A"):
    return {"says": says, "word": word, "type": kind, "host": host, "sensors": 1, "reports": 5}


def fire(*statements, origin=None, impact=None, **more):
    facts = BOTH | more
    return weigh(Evidence("fire", START_NS, statements, origin, impact, **facts), agreement())


def seen(rows):
    engine = Engine(parameters(sensors=SENSORS))
    engine.feed(table(rows))
    return engine, engine.tick(max(row["time_ns"] for row in rows), end_of_input=True)


@pytest.mark.parametrize("names", [("A", "B"), ("A_as_B", "B_as_A")])
def test_an_agreement_that_favours_a_party_is_refused_by_name(names):
    prior = agreement().value("attribution.prior", START_NS)
    shifted = dict(prior) | {names[0]: prior[names[0]] + 0.02, names[1]: prior[names[1]] - 0.02}
    with pytest.raises(AgreementInvalid, match=r"attribution\.prior.*must be equal"):
        agreement({"attribution.prior": shifted})


def test_priors_that_do_not_add_up_are_refused():
    prior = agreement().value("attribution.prior", START_NS)
    with pytest.raises(AgreementInvalid, match="must add up to 1"):
        agreement({"attribution.prior": dict(prior) | {"third": 0.2}})


def test_an_impact_alone_names_nobody():
    weighed = fire(said("impact"), impact=Located(1_500.0, 50.0))
    assert weighed.proposal == "undetermined"
    assert weighed.parties["B"] < 0.5
    assert "Nobody saw" in weighed.capped_by or weighed.parties["B"] < 0.45


def test_shells_from_deep_inside_a_side_onto_that_side_are_that_partys_deed():
    weighed = fire(said("origin"), origin=Located(4_500.0, 80.0, 3), impact=Located(1_500.0, 80.0, 3))
    assert weighed.party == "A"
    own = {h["id"]: h for h in weighed.as_json["hypotheses"]}
    assert own["A_as_B"]["probability"] > own["B"]["probability"]
    assert own["B"]["against"][0]["argument"].startswith("Fire came from 4.5 km inside side A")


def test_what_is_written_directly_is_canonical_json():
    weighed = [
        fire(said("impact"), impact=Located(1_500.0, 50.0)),
        fire(said("origin"), said("class", "tank"), origin=Located(4_500.0, 80.0, 3)),
    ]
    for each in weighed:
        assert each.text == canonical_json(json.loads(each.text))
    assert weighed[0].capped_by is not None


def test_a_detail_in_parts_is_the_same_text():
    detail = canonical_json({"b": [1.5, None], 'a"ü': {"z": 1, "y": "\n"}, "c": 1e-7})
    assert detail_of(parts_of(detail)) == detail


def test_heavy_guns_do_not_slip_across_where_mortars_may():
    def at_1500_m(weapon):
        return fire(said("origin"), said("class", weapon), origin=Located(1_500.0, 50.0, 3)).party

    assert (at_1500_m("artillery"), at_1500_m("mortar")) == ("A", None)


def test_who_saw_the_other_partys_men_at_a_launch_within_reach_decides():
    place = {"origin": Located(900.0, 30.0, 3)}
    assert fire(said("origin"), **place).party is None
    towers = [said("affiliation", "B", "eo_ir_tower", host) for host in "AB"]
    assert fire(said("origin"), *towers, **place).party == "B"


def test_sensors_in_the_accused_partys_hands_say_more_against_it_than_the_others_do():
    def seen_by(host):
        of = Evidence(
            "movement",
            START_NS,
            [said("affiliation", "A", "ground_radar", host)],
            hosts=frozenset(host),
            sensors=2,
        )
        return weigh(of, agreement())

    against_interest, in_interest = seen_by("A"), seen_by("B")
    assert against_interest.parties["A"] > in_interest.parties["A"]
    assert in_interest.parties["A"] <= 0.9


def test_objects_taken_for_civilian_are_no_partys_however_deep_they_stood():
    of = Evidence(
        "movement",
        START_NS,
        [
            said("affiliation", "civilian", "eo_ir_tower"),
            said("stood", "A") | {"distance_m": 9_000.0, "sigma_m": 20.0},
        ],
        **BOTH,
    )
    assert weigh(of, agreement()).party is None


def test_findings_and_incidents_carry_the_weighing_and_lose_it_again():
    _, output = seen([fix(30.0 * n, -600 + 120 * n, sensor_id="EO-1", affiliation="A") for n in range(10)])
    crossing = next(row for row in output.findings.to_pylist() if row["rule_id"] == "line_crossing")
    detail = json.loads(crossing["detail"])
    assert crossing["party"] == "A"
    assert detail["party_probability"] == detail["attribution"]["parties"]["A"] >= 0.65
    assert detail["attribution"]["capped_by"] is None or "one sensor" in detail["attribution"]["capped_by"]
    assert [h["id"] for h in detail["attribution"]["hypotheses"]][:4] == ["A", "A_as_B", "B", "B_as_A"]
    assert json.loads(output.incidents.to_pylist()[0]["detail"])["attribution"]["proposal"] == "A"
    bare = as_judged(output.findings)
    assert not any("attribution" in json.loads(text) for text in bare["detail"].to_pylist())
    assert bare["party"].to_pylist() == output.findings["party"].to_pylist()


def test_late_evidence_that_changes_nothing_amends_nothing():
    rows = [fix(60.0 * n, -600 + 120 * n, sensor_id="EO-1", affiliation="A", id=f"e{n}") for n in range(10)]
    far_later = fix(9_000, -9_000, sensor_id="GR-1", track_id="t9", id="late")
    engine, output = seen([*rows, far_later])
    again = dict(rows[9]) | {"time_ns": rows[9]["time_ns"] + 30_000_000_000, "id": "e9b"}
    engine.feed(table([again]))
    request = engine.stragglers()
    amended = engine.reevaluate(request, table([*rows, again]), output)
    crossings = [row for row in amended.findings.to_pylist() if row["rule_id"] == "line_crossing"]
    assert crossings == []


def test_fire_says_whose_it_may_have_been():
    rows = [
        shot(20.0 * n, -4_000, sensor_id=name, direction="outgoing", id=f"{name}-{n}")
        for n in range(4)
        for name in ("AC-1", "AC-2")
    ]
    _, output = seen(rows)
    (finding,) = (row for row in output.findings.to_pylist() if row["rule_id"] == "ceasefire_fire")
    assert finding["party"] == "A"
    assert json.loads(finding["detail"])["stated_party"] is None
