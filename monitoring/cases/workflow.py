"""The life of a case: which action is possible in which state, by whom, and where it leads.

`apply` is pure: a case, an action and a time give the next case and what to write on its timeline.
Everything that is not listed in `MOVES` is refused.

    filed → triaged → verifying → verified → attribution_proposed (→ with_party)
    → attributed → remedy_determined → compliance → closed

Side ways: verifying → not_substantiated or inconclusive (settled, can be reopened); an attribution may
also end in unattributable, which can be closed or given a remedy.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any, Final

from monitoring.cases import decisions
from monitoring.cases.decisions import Decision, Standards
from monitoring.cases.errors import Conflict, Forbidden, InvalidAction, InvalidTransition, NotFound
from monitoring.schema import CASE_STATES

SETTLED: Final = ("not_substantiated", "inconclusive", "closed")
"""States in which nobody has to do anything; every other state counts as open."""
OPEN: Final = tuple(state for state in CASE_STATES if state not in SETTLED)
NOTE_CHARS_MAX: Final = 20_000

MOVES: Final[dict[str, dict[str, str]]] = {
    "assign": {state: "triaged" if state == "filed" else state for state in OPEN},
    "note": {state: state for state in CASE_STATES},
    "start_verification": {"filed": "verifying", "triaged": "verifying"},
    "propose_finding_of_fact": {"filed": "verifying", "triaged": "verifying", "verifying": "verifying"},
    "propose_attribution": {"verified": "attribution_proposed"},
    "propose_remedy": {"attributed": "attributed", "unattributable": "unattributable"},
    "approve": {
        "verifying": "<outcome>",
        "attribution_proposed": "<outcome>",
        "with_party": "<outcome>",
        "attributed": "remedy_determined",
        "unattributable": "remedy_determined",
    },
    "return": {
        "verifying": "verifying",
        "attribution_proposed": "verified",
        "with_party": "verified",
        "attributed": "attributed",
        "unattributable": "unattributable",
    },
    "withdraw": {
        "verifying": "verifying",
        "attribution_proposed": "verified",
        "with_party": "verified",
        "attributed": "attributed",
        "unattributable": "unattributable",
    },
    "send_to_party": {"attribution_proposed": "with_party"},
    "record_reply": {"with_party": "with_party"},
    "start_compliance": {"remedy_determined": "compliance"},
    "close": dict.fromkeys(("not_substantiated", "inconclusive", "unattributable"), "closed")
    | dict.fromkeys(("remedy_determined", "compliance"), "closed"),
    "reopen": {"not_substantiated": "verifying", "inconclusive": "verifying", "closed": "verifying"},
}
"""action → state it is possible in → state it leads to (`<outcome>`: what was approved says)."""
STATE_AFTER: Final = {
    "verified": "verified",
    "not_substantiated": "not_substantiated",
    "inconclusive": "inconclusive",
    "party_a": "attributed",
    "party_b": "attributed",
    "other_actor": "attributed",
    "unattributable": "unattributable",
}
ROLES: Final[dict[str, tuple[str, ...]]] = {
    "approve": ("reviewer",),
    "return": ("reviewer",),
    "send_to_party": ("reviewer",),
    "record_reply": ("reviewer",),
    "start_compliance": ("reviewer",),
    "close": ("reviewer",),
    "reopen": ("reviewer",),
}
"""Who may do what; an action that is not listed is open to analysts and reviewers."""
_WORKERS: Final = ("analyst", "reviewer")


@dataclass(frozen=True)
class Procedure:
    """The commission's procedure: standards of proof and how long each state may last, in hours."""

    standards: Standards = field(default_factory=Standards)
    verify_hours: Mapping[int, float] = field(default_factory=lambda: {1: 4, 2: 8, 3: 24, 4: 48, 5: 72})
    """Hours from filing to a finding of fact, by priority 1 (first) to 5."""
    later_hours: Mapping[str, float] = field(
        default_factory=lambda: {
            "verified": 72,
            "attribution_proposed": 72,
            "with_party": 72,
            "attributed": 72,
            "unattributable": 72,
            "remedy_determined": 24,
            "compliance": 168,
        }
    )

    def due_at_ns(self, status: str, priority: int, filed_at_ns: int, since_ns: int) -> int | None:
        """When the next step is due, ns UTC: a case on its way to a finding of fact counts from its filing.

        >>> Procedure().due_at_ns("filed", 1, 0, 0) == 4 * 3600 * 10**9
        True
        >>> Procedure().due_at_ns("closed", 1, 0, 0) is None
        True
        """
        if status in ("filed", "triaged", "verifying"):
            return filed_at_ns + round(self.verify_hours[priority] * 3_600e9)
        hours = self.later_hours.get(status)
        return None if hours is None else since_ns + round(hours * 3_600e9)


@dataclass(frozen=True)
class Case:
    """What the workflow needs to know of a case."""

    number: str
    status: str
    version: int
    assignee: str | None = None
    decisions: tuple[Decision, ...] = ()

    @property
    def open_proposal(self) -> Decision | None:
        """The proposal that waits for a second person; there is never more than one."""
        return next((d for d in self.decisions if d.state == "proposed"), None)


@dataclass(frozen=True)
class Entry:
    """What goes on the timeline: a kind, one sentence, and the facts behind it."""

    kind: str
    summary: str
    detail: dict[str, Any]


@dataclass(frozen=True)
class Result:
    """The case after an action; `note` and `decision` are what was added or changed."""

    case: Case
    entry: Entry
    note: str | None = None
    decision: Decision | None = None


def apply(case: Case, action: Mapping[str, Any], at_ns: int, procedure: Procedure) -> Result:
    """The case after `action`.

    `action` names itself (`action`), who acts (`actor`, `roles`), optionally the `version` that the
    person saw, and what the action needs (`assignee`, `text`, `kind`, `outcome`, `reasoning`,
    `standard_of_proof`, `decision_id`, `comment`). Raises the errors of `monitoring.cases.errors`.
    """
    name = _word(action, "action")
    _word(action, "actor")
    steps = _STEPS.get(name)
    if steps is None:
        raise InvalidAction(f"action {name!r} is not one of {', '.join(sorted(_STEPS))}")
    allowed = ROLES.get(name, _WORKERS)
    if not set(action.get("roles", ())) & set(allowed):
        raise Forbidden(f"{name!r} needs the role {' or '.join(allowed)}")
    seen = action.get("version")
    if seen is not None and seen != case.version:
        raise Conflict(
            f"case {case.number} is at version {case.version}, you acted on version {seen}: look again",
            case.version,
        )
    result = steps(case, action, at_ns, procedure)
    moved = replace(result.case, version=case.version + 1)
    entry = result.entry
    if moved.status != case.status:
        entry = replace(entry, detail={**entry.detail, "status_from": case.status, "status_to": moved.status})
    return replace(result, case=moved, entry=entry)


def state_after(case: Case, move: str) -> str:
    """Where `move` leads from the case's state. Raises InvalidTransition where it is not listed."""
    target = MOVES[move].get(case.status)
    if target is None:
        possible = ", ".join(MOVES[move])
        raise InvalidTransition(f"case {case.number} is {case.status}: {move!r} is possible in {possible}")
    return target


def _word(action: Mapping[str, Any], key: str) -> str:
    value = action.get(key)
    if not isinstance(value, str) or not value:
        raise InvalidAction(f"the action has no {key!r}")
    return value


def _text(action: Mapping[str, Any], key: str) -> str:
    value = _word(action, key)
    if not value.strip():
        raise InvalidAction(f"{key} is empty")
    if len(value) > NOTE_CHARS_MAX:
        raise InvalidAction(f"{key} has {len(value)} characters, at most {NOTE_CHARS_MAX} are kept")
    return value


def _assign(case: Case, action: Mapping[str, Any], at_ns: int, procedure: Procedure) -> Result:
    del at_ns, procedure
    assignee = action.get("assignee")
    if assignee is not None and not isinstance(assignee, str):
        raise InvalidAction("assignee is neither a name nor null")
    status = state_after(case, "assign")
    if assignee is None:
        status = case.status
    summary = f"assigned to {assignee}" if assignee else "assigned to nobody"
    detail = {"from": case.assignee, "to": assignee}
    return Result(replace(case, status=status, assignee=assignee), Entry("assigned", summary, detail))


def _note(case: Case, action: Mapping[str, Any], at_ns: int, procedure: Procedure) -> Result:
    del at_ns, procedure
    text = _text(action, "text")
    return Result(case, Entry("note", "note added", {"text": text}), note=text)


def _propose(case: Case, action: Mapping[str, Any], at_ns: int, procedure: Procedure) -> Result:
    kind = _word(action, "kind")
    if kind not in decisions.OUTCOMES:
        raise InvalidAction(f"kind {kind!r} is not one of {', '.join(decisions.OUTCOMES)}")
    status = state_after(case, f"propose_{kind}")
    if case.open_proposal is not None:
        raise InvalidTransition(
            f"proposal {case.open_proposal.id} of {case.open_proposal.proposed_by} is open: "
            "it has to be approved, returned or withdrawn first"
        )
    decision = decisions.propose(
        f"{case.number}-D{len(case.decisions) + 1}",
        kind,
        _word(action, "outcome"),
        _text(action, "reasoning"),
        _word(action, "standard_of_proof"),
        actor=_word(action, "actor"),
        at_ns=at_ns,
        standards=procedure.standards,
    )
    proposed = replace(case, status=status, decisions=(*case.decisions, decision))
    summary = f"{_plain(kind)} proposed: {_plain(decision.outcome)}"
    return Result(proposed, Entry("proposed", summary, _decision_detail(decision)), decision=decision)


def _decide(state: str, move: str) -> Callable[[Case, Mapping[str, Any], int, Procedure], Result]:
    def step(case: Case, action: Mapping[str, Any], at_ns: int, procedure: Procedure) -> Result:
        del procedure
        decision_id = _word(action, "decision_id")
        known = next((d for d in case.decisions if d.id == decision_id), None)
        if known is None:
            raise NotFound(f"case {case.number} has no decision {decision_id!r}")
        decided = decisions.decide(
            known, state, actor=_word(action, "actor"), at_ns=at_ns, comment=action.get("comment")
        )
        status = state_after(case, move)
        if status == "<outcome>":
            status = STATE_AFTER[decided.outcome]
        others = tuple(decided if d.id == decision_id else d for d in case.decisions)
        summary = f"{_plain(decided.kind)} {state}: {_plain(decided.outcome)}"
        return Result(
            replace(case, status=status, decisions=others),
            Entry(state, summary, _decision_detail(decided)),
            decision=decided,
        )

    return step


def _move(name: str, kind: str, summary: str, *, needs_text: bool) -> Callable[..., Result]:
    def step(case: Case, action: Mapping[str, Any], at_ns: int, procedure: Procedure) -> Result:
        del at_ns, procedure
        status = state_after(case, name)
        if case.open_proposal is not None and name in ("close", "reopen", "start_compliance"):
            raise InvalidTransition(f"proposal {case.open_proposal.id} is open: decide on it first")
        text = _text(action, "text") if needs_text or action.get("text") else None
        detail = {} if text is None else {"text": text}
        return Result(replace(case, status=status), Entry(kind, summary, detail), note=text)

    return step


def _plain(word: str) -> str:
    """The word as people read it: `party_a` becomes `party A`."""
    return {"party_a": "party A", "party_b": "party B"}.get(word, word.replace("_", " "))


def _decision_detail(decision: Decision) -> dict[str, Any]:
    return {
        "decision_id": decision.id,
        "kind": decision.kind,
        "outcome": decision.outcome,
        "standard_of_proof": decision.standard_of_proof,
        "reasoning": decision.reasoning,
        "comment": decision.comment,
    }


_STEPS: Final[dict[str, Callable[[Case, Mapping[str, Any], int, Procedure], Result]]] = {
    "assign": _assign,
    "note": _note,
    "propose": _propose,
    "approve": _decide("approved", "approve"),
    "return": _decide("returned", "return"),
    "withdraw": _decide("withdrawn", "withdraw"),
    "start_verification": _move("start_verification", "moved", "verification started", needs_text=False),
    "send_to_party": _move("send_to_party", "moved", "sent to the party for its reply", needs_text=False),
    "record_reply": _move("record_reply", "reply", "reply of the party recorded", needs_text=True),
    "start_compliance": _move("start_compliance", "moved", "compliance is being followed", needs_text=False),
    "close": _move("close", "moved", "closed", needs_text=False),
    "reopen": _move("reopen", "moved", "reopened", needs_text=True),
}
