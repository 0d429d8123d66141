"""The life of a case: every listed move is possible, every other is refused, and nobody approves their own."""

from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from monitoring.cases import decisions, workflow
from monitoring.cases.errors import CaseError, Conflict, Forbidden, InvalidAction, InvalidTransition, NotFound
from monitoring.cases.next_steps import next_steps
from monitoring.cases.workflow import MOVES, Case, Procedure
from monitoring.schema import CASE_STATES

PROCEDURE = Procedure()
HOUR_NS = 3_600 * 10**9


def case(status: str = "filed", version: int = 1) -> Case:
    return Case("2026-00001", status, version)


def do(state: Case, action: str, actor: str = "ann", role: str = "analyst", **values: Any) -> Case:
    given_action = {"action": action, "actor": actor, "roles": [role], **values}
    return workflow.apply(state, given_action, 5, PROCEDURE).case


def proposal(kind: str, outcome: str, standard: str = "clear_and_convincing") -> dict[str, str]:
    return {"kind": kind, "outcome": outcome, "reasoning": "seen by three", "standard_of_proof": standard}


def decide(state: Case, action: str = "approve", actor: str = "rev", **values: Any) -> Case:
    assert state.open_proposal is not None
    return do(state, action, actor, "reviewer", decision_id=state.open_proposal.id, **values)


def test_a_case_goes_from_filing_to_closing_through_all_three_decisions() -> None:
    state = do(case(), "assign", assignee="ann")
    assert (state.status, state.assignee) == ("triaged", "ann")
    state = do(state, "start_verification")
    state = decide(do(state, "propose", **proposal("finding_of_fact", "verified")))
    assert state.status == "verified"
    state = do(state, "propose", **proposal("attribution", "party_a"))
    assert state.status == "attribution_proposed"
    state = do(state, "send_to_party", "rev", "reviewer")
    state = do(state, "record_reply", "rev", "reviewer", text="denied")
    state = decide(state)
    assert state.status == "attributed"
    state = decide(do(state, "propose", **proposal("remedy", "warning")))
    assert state.status == "remedy_determined"
    state = do(state, "start_compliance", "rev", "reviewer")
    state = do(state, "close", "rev", "reviewer")
    assert state.status == "closed"
    assert [d.state for d in state.decisions] == ["approved"] * 3
    assert [d.id for d in state.decisions] == [f"2026-00001-D{n}" for n in (1, 2, 3)]


@pytest.mark.parametrize(
    ("outcome", "status"),
    [("verified", "verified"), ("not_substantiated", "not_substantiated"), ("inconclusive", "inconclusive")],
)
def test_the_finding_of_fact_decides_where_the_case_stands(outcome: str, status: str) -> None:
    assert decide(do(case(), "propose", **proposal("finding_of_fact", outcome))).status == status


@pytest.mark.parametrize("outcome", decisions.OUTCOMES["attribution"])
def test_could_not_be_attributed_is_an_outcome_like_the_others(outcome: str) -> None:
    state = decide(do(case("verified"), "propose", **proposal("attribution", outcome)))
    assert state.status == ("unattributable" if outcome == "unattributable" else "attributed")


def test_the_proposer_cannot_approve_or_return_their_own_proposal() -> None:
    state = do(case(), "propose", "rev", "reviewer", **proposal("finding_of_fact", "verified"))
    for action in ("approve", "return"):
        with pytest.raises(Forbidden, match="another reviewer"):
            decide(state, action, "rev", comment="why not")
    assert decide(state, "approve", "rev2").status == "verified"


def test_only_the_proposer_can_withdraw_a_proposal() -> None:
    state = do(case(), "propose", **proposal("finding_of_fact", "verified"))
    with pytest.raises(Forbidden, match="only ann"):
        decide(state, "withdraw", "rev")
    withdrawn = do(state, "withdraw", decision_id="2026-00001-D1")
    assert withdrawn.open_proposal is None
    assert withdrawn.status == "verifying"


def test_a_returned_attribution_puts_the_case_back_to_verified_and_needs_a_reason() -> None:
    state = do(case("verified"), "propose", **proposal("attribution", "party_b"))
    with pytest.raises(InvalidAction, match="what is missing"):
        decide(state, "return", comment=" ")
    returned = decide(state, "return", comment="one source only")
    assert returned.status == "verified"
    assert returned.decisions[0].comment == "one source only"


def test_a_decision_is_taken_once() -> None:
    state = decide(do(case(), "propose", **proposal("finding_of_fact", "verified")))
    with pytest.raises(InvalidTransition, match="approved already"):
        do(state, "approve", "rev2", "reviewer", decision_id="2026-00001-D1")


def test_a_second_proposal_has_to_wait_for_the_first() -> None:
    state = do(case(), "propose", **proposal("finding_of_fact", "verified"))
    with pytest.raises(InvalidTransition, match="is open"):
        do(state, "propose", "bob", **proposal("finding_of_fact", "inconclusive"))


@pytest.mark.parametrize(
    ("kind", "outcome", "standard", "is_enough"),
    [
        ("finding_of_fact", "verified", "reasonable_suspicion", False),
        ("finding_of_fact", "verified", "reasonable_grounds", True),
        ("finding_of_fact", "not_substantiated", "reasonable_suspicion", True),
        ("attribution", "party_a", "reasonable_grounds", False),
        ("attribution", "party_b", "reasonable_grounds", False),
        ("attribution", "party_a", "balance_of_probabilities", True),
        ("attribution", "unattributable", "reasonable_suspicion", True),
        ("remedy", "compensation", "balance_of_probabilities", False),
        ("remedy", "compensation", "clear_and_convincing", True),
        ("remedy", "none", "reasonable_suspicion", True),
    ],
)
def test_what_is_asserted_against_someone_has_to_reach_its_standard(
    kind: str, outcome: str, standard: str, is_enough: bool
) -> None:
    at = {"finding_of_fact": "filed", "attribution": "verified", "remedy": "attributed"}[kind]
    if is_enough:
        do(case(at), "propose", **proposal(kind, outcome, standard))
    else:
        with pytest.raises(InvalidAction, match="needs at least"):
            do(case(at), "propose", **proposal(kind, outcome, standard))


@pytest.mark.parametrize(
    "broken",
    [
        proposal("verdict", "verified"),
        proposal("finding_of_fact", "party_a"),
        proposal("finding_of_fact", "verified", "beyond doubt"),
        {**proposal("finding_of_fact", "verified"), "reasoning": "  "},
        {**proposal("finding_of_fact", "verified"), "reasoning": "x" * 20_001},
    ],
)
def test_a_malformed_proposal_is_refused(broken: dict[str, str]) -> None:
    with pytest.raises(InvalidAction):
        do(case(), "propose", **broken)


@pytest.mark.parametrize("status", CASE_STATES)
@pytest.mark.parametrize("move", sorted(MOVES))
def test_every_move_that_is_not_listed_is_refused(move: str, status: str) -> None:
    if status in MOVES[move]:
        assert workflow.state_after(case(status), move) in (*CASE_STATES, "<outcome>")
    else:
        with pytest.raises(InvalidTransition, match=status):
            workflow.state_after(case(status), move)


def test_every_state_can_be_reached_and_left() -> None:
    moves = [move for by_state in MOVES.values() for move in by_state.items()]
    reached = {target for source, target in moves if source != target} | set(workflow.STATE_AFTER.values())
    assert reached - {"<outcome>"} == set(CASE_STATES) - {"filed"}
    left = {source for source, target in moves if source != target}
    assert left == set(CASE_STATES)


def test_an_action_on_an_old_version_is_a_conflict_that_names_the_present_one() -> None:
    with pytest.raises(Conflict) as caught:
        do(case(version=7), "note", text="late", version=6)
    assert caught.value.current_version == 7
    assert do(case(version=7), "note", text="in time", version=7).version == 8


@pytest.mark.parametrize("action", ["approve", "return", "close", "reopen", "send_to_party"])
def test_what_a_reviewer_decides_an_analyst_cannot(action: str) -> None:
    with pytest.raises(Forbidden, match="reviewer"):
        do(case("closed"), action, decision_id="2026-00001-D1", text="x")


@pytest.mark.parametrize("role", ["operator", "auditor", "admin", "liaison_a", "sensor"])
def test_other_roles_cannot_work_on_cases(role: str) -> None:
    with pytest.raises(Forbidden):
        do(case(), "note", role=role, text="x")


def test_closing_waits_for_an_open_proposal_and_reopening_needs_a_reason() -> None:
    state = do(case("unattributable"), "propose", **proposal("remedy", "warning"))
    with pytest.raises(InvalidTransition, match="decide on it first"):
        do(state, "close", "rev", "reviewer")
    with pytest.raises(InvalidAction, match="text"):
        do(case("closed"), "reopen", "rev", "reviewer")
    assert do(case("closed"), "reopen", "rev", "reviewer", text="new evidence").status == "verifying"


def test_unknown_decisions_and_actions_are_named() -> None:
    with pytest.raises(NotFound, match="D9"):
        do(case("verifying"), "approve", "rev", "reviewer", decision_id="2026-00001-D9")
    with pytest.raises(InvalidAction, match="is not one of"):
        do(case(), "delete")
    with pytest.raises(InvalidAction, match="attribution outcome 'A' is not one of party_a"):
        do(case("verified"), "propose", **proposal("attribution", "A"))


def test_unassigning_leaves_the_state_as_it_is() -> None:
    assert do(case("filed"), "assign", assignee=None).status == "filed"


def test_the_clock_of_a_case_runs_from_filing_until_the_fact_is_found() -> None:
    filed, later = 10 * HOUR_NS, 50 * HOUR_NS
    assert PROCEDURE.due_at_ns("verifying", 1, filed, later) == filed + 4 * HOUR_NS
    assert PROCEDURE.due_at_ns("verified", 1, filed, later) == later + 72 * HOUR_NS
    assert all(PROCEDURE.due_at_ns(state, 3, filed, later) is None for state in workflow.SETTLED)


def test_next_steps_say_who_must_agree_and_why_a_step_is_closed() -> None:
    state = do(case(), "propose", **proposal("finding_of_fact", "verified"))
    for_proposer = {s.action: s for s in next_steps(state, "ann", {"analyst", "reviewer"}, PROCEDURE)}
    assert not for_proposer["approve"].enabled
    assert "own proposal" in for_proposer["approve"].why_not
    assert for_proposer["withdraw"].enabled
    for_reviewer = {s.action: s for s in next_steps(state, "rev", {"reviewer"}, PROCEDURE)}
    assert for_reviewer["approve"].enabled
    assert for_reviewer["approve"].who_must_agree == "a reviewer who did not propose it"
    assert for_reviewer["approve"].then == "the case is verified"
    assert "waits to be decided" in for_reviewer["propose_finding_of_fact"].why_not
    assert all(not s.enabled for s in next_steps(state, "audi", {"auditor"}, PROCEDURE))


ACTIONS = st.fixed_dictionaries(
    {
        "action": st.sampled_from(
            sorted({*workflow.MOVES, "propose"} - {f"propose_{k}" for k in decisions.OUTCOMES})
        ),
        "actor": st.sampled_from(["ann", "rev", "rev2"]),
        "roles": st.sampled_from([["analyst"], ["reviewer"], ["analyst", "reviewer"]]),
        "kind": st.sampled_from(sorted(decisions.OUTCOMES)),
        "outcome": st.sampled_from([o for kind in decisions.OUTCOMES.values() for o in kind]),
        "standard_of_proof": st.just("beyond_reasonable_doubt"),
        "reasoning": st.just("because"),
        "text": st.just("text"),
        "comment": st.just("comment"),
        "decision_id": st.sampled_from(["2026-00001-D1", "2026-00001-D2", "2026-00001-D3"]),
    }
)


@settings(max_examples=100, deadline=None)
@given(st.lists(ACTIONS, max_size=40))
def test_no_sequence_of_actions_lets_one_person_decide_alone(actions: list[dict[str, Any]]) -> None:
    state = case()
    for action in actions:
        try:
            moved = workflow.apply(state, action, state.version, PROCEDURE).case
        except CaseError:
            continue
        assert moved.version == state.version + 1
        assert moved.status in CASE_STATES
        state = moved
    assert sum(d.state == "proposed" for d in state.decisions) <= 1
    for decision in state.decisions:
        if decision.state in ("approved", "returned"):
            assert decision.decided_by != decision.proposed_by
    if state.status in ("verified", "attributed", "remedy_determined", "compliance"):
        assert any(d.state == "approved" for d in state.decisions)


@settings(max_examples=50, deadline=None)
@given(st.lists(ACTIONS, max_size=30))
def test_swapping_the_parties_swaps_the_outcomes_and_nothing_else(actions: list[dict[str, Any]]) -> None:
    swap = {"party_a": "party_b", "party_b": "party_a"}

    def run(outcomes: dict[str, str]) -> Case:
        state = case()
        for action in actions:
            mirrored = {**action, "outcome": outcomes.get(action["outcome"], action["outcome"])}
            try:
                state = workflow.apply(state, mirrored, state.version, PROCEDURE).case
            except CaseError:
                continue
        return state

    there, mirrored = run({}), run(swap)
    back = tuple(replace(d, outcome=swap.get(d.outcome, d.outcome)) for d in mirrored.decisions)
    assert there == replace(mirrored, decisions=back)
