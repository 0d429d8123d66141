"""Decisions on a case: proposed by one person, approved or returned by another.

Three kinds follow each other: a *finding of fact* (did it happen), an *attribution* (whose act it was) and a
*remedy*. Each proposal states the standard of proof that it claims to meet. Nobody decides on their own
proposal.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Final, Self

from monitoring.agreement.standards import LADDER, Standard
from monitoring.cases.errors import Forbidden, InvalidAction, InvalidTransition
from monitoring.schema import DECISION_KINDS

OUTCOMES: Final = {
    "finding_of_fact": ("verified", "not_substantiated", "inconclusive"),
    "attribution": ("party_a", "party_b", "other_actor", "unattributable"),
    "remedy": ("none", "warning", "restoration", "compensation", "other"),
}
"""What each kind of decision can say. "Unattributable" and "inconclusive" are outcomes, not failures."""
STANDARDS: Final = LADDER
"""Standards of proof, weakest first."""
_ASSERTING: Final = {
    "finding_of_fact": ("verified",),
    "attribution": ("party_a", "party_b", "other_actor"),
    "remedy": ("warning", "restoration", "compensation", "other"),
}
"""Outcomes that assert something against someone and therefore must reach the standard of their kind."""
REASONING_CHARS_MAX: Final = 20_000


@dataclass(frozen=True)
class Standards:
    """The least standard of proof for each kind of decision: the agreement's, else that of the usual procedure."""

    finding_of_fact: str = "reasonable_grounds"
    attribution: str = "balance_of_probabilities"
    remedy: str = "balance_of_probabilities"
    heavy_remedy: str = "clear_and_convincing"
    heavy_remedies: tuple[str, ...] = ("compensation",)

    @classmethod
    def of(cls, agreed: Mapping[str, Standard]) -> Self:
        """Those of an agreement, by `occurrence`, `attribution`, `remedy`; what it leaves out is as usual.

        A remedy that weighs heavily never needs less than the usual procedure asks for it.

        >>> Standards.of({"remedy": Standard("beyond_reasonable_doubt", "annex E")}).heavy_remedy
        'beyond_reasonable_doubt'
        """
        usual = cls()
        words = {decision: standard.standard for decision, standard in agreed.items()}
        remedy = words.get("remedy", usual.remedy)
        return cls(
            finding_of_fact=words.get("occurrence", usual.finding_of_fact),
            attribution=words.get("attribution", usual.attribution),
            remedy=remedy,
            heavy_remedy=max(remedy, usual.heavy_remedy, key=LADDER.index),
        )

    def least(self, kind: str, outcome: str | None = None) -> str:
        """The weakest standard that a decision of this kind and outcome may state.

        >>> Standards().least("remedy", "compensation")
        'clear_and_convincing'
        """
        if kind == "remedy" and outcome in self.heavy_remedies:
            return self.heavy_remedy
        return {
            "finding_of_fact": self.finding_of_fact,
            "attribution": self.attribution,
            "remedy": self.remedy,
        }[kind]


@dataclass(frozen=True)
class Decision:
    """One proposal and what became of it. `state`: `proposed`, `approved`, `returned`, `withdrawn`."""

    id: str
    kind: str
    outcome: str
    reasoning: str
    standard_of_proof: str
    state: str
    proposed_by: str
    proposed_at_ns: int
    decided_by: str | None = None
    decided_at_ns: int | None = None
    comment: str | None = None


def propose(
    decision_id: str,
    kind: str,
    outcome: str,
    reasoning: str,
    standard_of_proof: str,
    *,
    actor: str,
    at_ns: int,
    standards: Standards,
) -> Decision:
    """A new proposal. Raises InvalidAction for an unknown word, missing reasoning or too weak a standard."""
    if kind not in DECISION_KINDS:
        raise InvalidAction(f"kind {kind!r} is not one of {', '.join(DECISION_KINDS)}")
    if outcome not in OUTCOMES[kind]:
        raise InvalidAction(f"{kind} outcome {outcome!r} is not one of {', '.join(OUTCOMES[kind])}")
    if standard_of_proof not in STANDARDS:
        raise InvalidAction(f"standard_of_proof {standard_of_proof!r} is not one of {', '.join(STANDARDS)}")
    if not reasoning.strip():
        raise InvalidAction("reasoning is empty: a decision states its reasons")
    if len(reasoning) > REASONING_CHARS_MAX:
        raise InvalidAction(
            f"reasoning has {len(reasoning)} characters, at most {REASONING_CHARS_MAX} are kept"
        )
    least = standards.least(kind, outcome)
    if outcome in _ASSERTING[kind] and STANDARDS.index(standard_of_proof) < STANDARDS.index(least):
        raise InvalidAction(
            f"{kind} {outcome!r} needs at least the standard {least!r}, "
            f"the proposal states {standard_of_proof!r}"
        )
    return Decision(decision_id, kind, outcome, reasoning, standard_of_proof, "proposed", actor, at_ns)


def decide(decision: Decision, state: str, *, actor: str, at_ns: int, comment: str | None) -> Decision:
    """The proposal approved, returned or withdrawn.

    Raises Forbidden when the proposer would approve or return it, or somebody else withdraw it;
    InvalidTransition when it was decided before; InvalidAction when a return gives no reason.
    """
    if decision.state != "proposed":
        raise InvalidTransition(f"decision {decision.id} is {decision.state} already")
    is_own = actor == decision.proposed_by
    if state == "withdrawn" and not is_own:
        raise Forbidden(f"only {decision.proposed_by} can withdraw the proposal {decision.id}")
    if state != "withdrawn" and is_own:
        raise Forbidden(f"{actor} proposed {decision.id}: another reviewer has to decide on it")
    if state == "returned" and not (comment and comment.strip()):
        raise InvalidAction("comment is empty: a returned proposal needs to say what is missing")
    if comment is not None and len(comment) > REASONING_CHARS_MAX:
        raise InvalidAction(f"comment has {len(comment)} characters, at most {REASONING_CHARS_MAX} are kept")
    return replace(decision, state=state, decided_by=actor, decided_at_ns=at_ns, comment=comment)
