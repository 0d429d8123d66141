"""What a person can do next with a case, said before the button is pressed, or why they cannot."""

from collections.abc import Collection
from dataclasses import dataclass
from typing import Final

from monitoring.cases import workflow
from monitoring.cases.decisions import OUTCOMES
from monitoring.cases.workflow import Case, Procedure

SECOND_PERSON: Final = "a reviewer who did not propose it"


@dataclass(frozen=True)
class NextStep:
    """One possible step; `why_not` is empty when it is enabled."""

    action: str
    label: str
    enabled: bool
    why_not: str
    standard_of_proof: str | None = None
    who_must_agree: str | None = None
    then: str = ""
    decision_id: str | None = None
    outcomes: tuple[str, ...] = ()
    needs_text: bool = False


_SIMPLE: Final = (
    ("start_verification", "Start verification", "the evidence is examined for a finding of fact", False),
    ("send_to_party", "Send to the party", "the party may reply before the attribution is final", False),
    ("record_reply", "Record the party's reply", "the reply is part of the record", True),
    ("start_compliance", "Follow compliance", "it is followed whether the remedy is carried out", False),
    ("close", "Close", "the case is closed; it can be reopened with a reason", False),
    ("reopen", "Reopen", "the case is verified again", True),
)
_PROPOSALS: Final = (
    (
        "finding_of_fact",
        "Propose a finding of fact",
        "if approved: verified, not substantiated or inconclusive",
    ),
    ("attribution", "Propose an attribution", "if approved: attributed or unattributable, then a remedy"),
    ("remedy", "Propose a remedy", "if approved: the remedy is determined, then its compliance is followed"),
)


def next_steps(case: Case, actor: str, roles: Collection[str], procedure: Procedure) -> list[NextStep]:
    """The steps that the case's state has room for, enabled or with the reason why not for this person."""
    steps: list[NextStep] = []
    proposal = case.open_proposal
    if proposal is not None:
        subject = f"{proposal.kind.replace('_', ' ')}: {proposal.outcome.replace('_', ' ')}"
        own = (
            "it is your own proposal; another reviewer has to decide on it"
            if actor == proposal.proposed_by
            else ""
        )
        for action, label, then in (
            ("approve", f"Approve {subject}", f"the case is {_after_approval(case)}"),
            ("return", f"Return {subject}", "the proposer is told what is missing"),
        ):
            why_not = _missing_role(action, roles) or own
            steps.append(
                NextStep(
                    action,
                    label,
                    not why_not,
                    why_not,
                    proposal.standard_of_proof,
                    SECOND_PERSON,
                    then,
                    proposal.id,
                    needs_text=action == "return",
                )
            )
        if actor == proposal.proposed_by:
            then = "another proposal can be made"
            steps.append(
                NextStep("withdraw", f"Withdraw {subject}", True, "", then=then, decision_id=proposal.id)
            )
    for kind, label, then in _PROPOSALS:
        if case.status in workflow.MOVES[f"propose_{kind}"]:
            why_not = _missing_role("propose", roles)
            if not why_not and proposal is not None:
                why_not = f"a proposal of {proposal.proposed_by} waits to be decided"
            steps.append(
                NextStep(
                    f"propose_{kind}",
                    label,
                    not why_not,
                    why_not,
                    procedure.standards.least(kind),
                    SECOND_PERSON,
                    then,
                    outcomes=OUTCOMES[kind],
                    needs_text=True,
                )
            )
    for action, label, then, needs_text in _SIMPLE:
        if case.status in workflow.MOVES[action]:
            why_not = _missing_role(action, roles)
            if not why_not and proposal is not None and action in ("close", "reopen", "start_compliance"):
                why_not = f"a proposal of {proposal.proposed_by} waits to be decided"
            steps.append(NextStep(action, label, not why_not, why_not, then=then, needs_text=needs_text))
    return steps


def _missing_role(action: str, roles: Collection[str]) -> str:
    allowed = workflow.ROLES.get(action, ("analyst", "reviewer"))
    return "" if set(roles) & set(allowed) else f"needs the role {' or '.join(allowed)}"


def _after_approval(case: Case) -> str:
    target = workflow.MOVES["approve"][case.status]
    proposal = case.open_proposal
    assert proposal is not None
    word = workflow.STATE_AFTER[proposal.outcome] if target == "<outcome>" else target
    return word.replace("_", " ")
