"""What attribution keeps whatever the evidence: fairness, order, bounds, and no certainty out of nothing."""

from dataclasses import replace
from math import fsum

from hypothesis import given
from hypothesis import strategies as st

from monitoring import schema
from monitoring.attribution import Evidence, identity, weigh
from monitoring.attribution.evidence import Located
from monitoring.attribution.hypotheses import IDS, OTHER
from tests.small_world import START_NS, agreement

AGREEMENT = agreement()
SWAPPED = {"A": "B", "B": "A", "A>B": "B>A", "B>A": "A>B", "A_as_B": "B_as_A", "B_as_A": "A_as_B"}

types = st.sampled_from(schema.SENSOR_TYPES)
hosts = st.sampled_from(["A", "B", "none"])
words = {
    "affiliation": st.sampled_from(["A", "B", "civilian", "monitor"]),
    "class": st.sampled_from(schema.OBJECT_CLASSES[:-1]),
    "crossed": st.sampled_from(["A>B", "B>A"]),
    "came_from": st.sampled_from(["A", "B"]),
    "stood": st.sampled_from(["A", "B"]),
}


@st.composite
def statements(draw, says=None):
    says = says or draw(st.sampled_from(sorted(words)))
    made = {"says": says, "word": draw(words[says]), "type": draw(types), "host": draw(hosts)}
    made |= {"sensors": draw(st.integers(1, 20)), "reports": draw(st.integers(1, 500))}
    if says == "stood":
        made |= {"distance_m": draw(st.floats(0, 20_000)), "sigma_m": draw(st.floats(1, 500))}
    return made


def is_distinct(said):
    return len({(s["says"], s["word"], s["type"], s["host"]) for s in said}) == len(said)


places = st.none() | st.builds(Located, st.floats(-20_000, 20_000), st.floats(1, 2_000), st.integers(1, 9))


@st.composite
def evidence(draw):
    said = draw(st.lists(statements(), max_size=8).filter(is_distinct))
    kinds = draw(st.integers(1, 6))
    return Evidence(
        kind=draw(st.sampled_from(["fire", "movement", "works"])),
        time_ns=START_NS,
        statements=said,
        origin=draw(places),
        impact=draw(places),
        phenomena=frozenset(draw(st.lists(st.sampled_from(schema.FIRE_KINDS), max_size=3))),
        hosts=frozenset({s["host"] for s in said} or {draw(hosts)}),
        sensors=kinds + draw(st.integers(0, 9)),
        kinds=kinds,
    )


def mirrored(of):
    def turned(entry):
        return entry | {
            "word": SWAPPED.get(entry["word"], entry["word"]),
            "host": SWAPPED.get(entry["host"], entry["host"]),
        }

    def flipped(at):
        return at and replace(at, signed_distance_m=-at.signed_distance_m)

    return replace(
        of,
        statements=[turned(entry) for entry in of.statements],
        origin=flipped(of.origin),
        impact=flipped(of.impact),
        hosts=frozenset(SWAPPED.get(host, host) for host in of.hosts),
    )


@given(evidence())
def test_swapping_the_parties_swaps_the_result_and_nothing_else(of):
    here, there = weigh(of, AGREEMENT), weigh(mirrored(of), AGREEMENT)
    for name in IDS:
        assert here.probabilities[name] == there.probabilities[SWAPPED.get(name, name)]
    assert SWAPPED.get(here.proposal, here.proposal) == there.proposal
    assert here.confidence == there.confidence
    shown = {h["id"]: h for h in here.as_json["hypotheses"]}
    turned = {h["id"]: h for h in there.as_json["hypotheses"]}
    for name in IDS:
        for key in ("for", "against"):
            ratios = [
                [a["likelihood_ratio"] for a in side[key]]
                for side in (shown[name], turned[SWAPPED.get(name, name)])
            ]
            assert ratios[0] == ratios[1]


@given(evidence(), st.randoms())
def test_the_order_of_statements_does_not_matter(of, rng):
    said = list(of.statements)
    rng.shuffle(said)
    assert weigh(replace(of, statements=said), AGREEMENT).as_json == weigh(of, AGREEMENT).as_json


@given(evidence())
def test_probabilities_add_up_to_one_and_a_party_is_named_only_at_the_standard(of):
    weighed = weigh(of, AGREEMENT)
    assert abs(fsum(weighed.probabilities.values()) - 1.0) < 1e-12
    assert all(0.0 <= p <= 1.0 for p in weighed.probabilities.values())
    assert (weighed.party is not None) == (max(weighed.parties.values()) >= 0.65)
    if weighed.party:
        assert weighed.parties[weighed.party] == max(weighed.parties.values())


@given(evidence(), st.sampled_from(["A", "B"]), types, hosts)
def test_a_further_independent_source_that_agrees_never_lowers_a_partys_probability(of, party, kind, host):
    key = ("affiliation", kind, host)
    if any((s["says"], s["type"], s["host"]) == key for s in of.statements):
        return
    entry = {"says": "affiliation", "word": party, "type": kind, "host": host, "sensors": 1, "reports": 1}
    more = replace(
        of,
        statements=[*of.statements, entry],
        hosts=of.hosts | {host},
        sensors=of.sensors + 1,
        kinds=of.kinds + 1,
    )
    assert weigh(more, AGREEMENT).parties[party] >= weigh(of, AGREEMENT).parties[party] - 1e-12


@given(types, hosts, st.integers(2, 10_000))
def test_many_sensors_of_one_kind_and_host_are_worth_two_at_most_and_their_repeats_nothing(kind, host, count):
    def told(sensors, reports):
        entry = {"says": "affiliation", "word": "A", "type": kind, "host": host}
        entry |= {"sensors": sensors, "reports": reports}
        return Evidence("movement", START_NS, [entry], hosts=frozenset({host}), sensors=2)

    once, many = weigh(told(1, 1), AGREEMENT), weigh(told(count, count), AGREEMENT)
    assert weigh(told(1, count), AGREEMENT).probabilities == once.probabilities
    (one,), (all_of_them,) = (tuple(identity.arguments(told(n, n), AGREEMENT)) for n in (1, count))
    assert one.weight < all_of_them.weight <= 2 * one.weight
    assert once.parties["A"] <= many.parties["A"] < 1.0


@given(hosts, st.sampled_from(["fire", "movement", "works", "interference"]))
def test_without_evidence_the_parties_stand_alike_and_nothing_is_determined(host, kind):
    weighed = weigh(Evidence(kind, START_NS, hosts=frozenset({host})), AGREEMENT)
    assert weighed.parties["A"] == weighed.parties["B"] < 0.5
    assert weighed.proposal == "undetermined"
    assert weighed.confidence == "low"


@given(st.floats(0, 1_500), st.floats(1, 200), st.sampled_from(["A", "B"]), places)
def test_light_fire_within_reach_of_the_line_names_nobody_whatever_it_hit(far_m, sigma_m, side, impact):
    at = Located(far_m if side == "A" else -far_m, sigma_m, 5)
    said = [
        {
            "says": says,
            "word": word,
            "type": "acoustic_artillery",
            "host": OTHER[side],
            "sensors": 5,
            "reports": 50,
        }
        for says, word in (("class", "mortar"), ("origin", None))
    ]
    of = Evidence("fire", START_NS, said, at, impact, hosts=frozenset("AB"), sensors=10, kinds=5)
    weighed = weigh(of, AGREEMENT)
    assert max(weighed.parties.values()) < 0.5
    assert weighed.party is None
