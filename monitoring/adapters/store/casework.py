"""Carrying out what people did: action records on cases, through the pure workflow."""

from collections.abc import Mapping
from dataclasses import asdict
from typing import Any

import sqlalchemy as sa

from monitoring.adapters.store import tables
from monitoring.adapters.store.canonical import from_json
from monitoring.adapters.store.case_files import NEW_EVIDENCE, CaseFiles
from monitoring.cases import workflow
from monitoring.cases.decisions import Decision
from monitoring.cases.errors import InvalidAction, NotFound
from monitoring.cases.workflow import Case, Procedure, Result

CASE_ROLES = frozenset(("analyst", "reviewer"))


def load_case(connection: sa.Connection, number: str) -> Case:
    """The case as the workflow sees it. Raises NotFound."""
    case = tables.cases.c
    row = connection.execute(
        sa.select(case.status, case.version, case.assignee).where(case.number == number)
    ).one_or_none()
    if row is None:
        raise NotFound(f"there is no case {number!r}")
    return Case(number, row.status, row.version, row.assignee, load_decisions(connection, number))


def load_decisions(connection: sa.Connection, number: str) -> tuple[Decision, ...]:
    """The decisions of a case, oldest first."""
    decision = tables.decisions.c
    query = sa.select(tables.decisions).where(decision.case_number == number).order_by(decision.number)
    return tuple(
        Decision(**{k: v for k, v in row.items() if k not in ("case_number", "number")})
        for row in connection.execute(query).mappings()
    )


def work_out(
    connection: sa.Connection, action: Mapping[str, Any], at_ns: int, procedure: Procedure
) -> Result:
    """What the action would do, without doing it. Raises the errors of `monitoring.cases.errors`."""
    number = action.get("case")
    if not isinstance(number, str):
        raise InvalidAction("the action names no case")
    if action.get("action") == "assign" and isinstance(action.get("assignee"), str):
        _check_assignee(connection, action["assignee"])
    return workflow.apply(load_case(connection, number), action, at_ns, procedure)


def carry_out(
    connection: sa.Connection,
    files: CaseFiles,
    action: Mapping[str, Any],
    at_ns: int,
    procedure: Procedure,
) -> Result:
    """Apply the action to the case, its decisions and its timeline."""
    result = work_out(connection, action, at_ns, procedure)
    number = result.case.number
    moved = result.case.status != files.row(number)["status"]
    files.change(number, status=result.case.status, assignee=result.case.assignee)
    if moved:
        files.set_due(number)
    if result.decision is not None:
        _keep(connection, number, result)
        if result.decision.kind == "finding_of_fact" and result.decision.state == "approved":
            files.unflag(number, NEW_EVIDENCE)
    files.entry(number, action["actor"], result.entry.kind, result.entry.summary, result.entry.detail)
    return result


def _keep(connection: sa.Connection, number: str, result: Result) -> None:
    decision = result.decision
    assert decision is not None
    at = next(i for i, d in enumerate(result.case.decisions, start=1) if d.id == decision.id)
    connection.execute(sa.delete(tables.decisions).where(tables.decisions.c.id == decision.id))
    connection.execute(sa.insert(tables.decisions).values(**asdict(decision), case_number=number, number=at))


def _check_assignee(connection: sa.Connection, name: str) -> None:
    account = tables.accounts.c
    roles = connection.execute(
        sa.select(account.roles).where(account.name == name, account.is_disabled.is_(False))
    ).scalar_one_or_none()
    if roles is None:
        raise NotFound(f"there is no account {name!r} to assign the case to")
    if not CASE_ROLES & set(from_json(roles)):
        raise InvalidAction(f"{name!r} is neither analyst nor reviewer: the case cannot be assigned to them")
