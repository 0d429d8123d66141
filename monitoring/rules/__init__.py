"""The rules: one file each, found by listing this folder.

A rule's file has its documentation as module docstring and then

- `RULE_ID`: the file's name;
- `SCOPE`: what it judges: `track` (one object's fixes), `incident`, or `place_window`;
- `PARAMETERS`: what it reads from its section of the agreement, with units;
- `MARGIN_UNIT`: the unit of `margin` in its findings;
- `evaluate`: pure, Arrow tables or NumPy arrays in and out (see `TrackRule` and `IncidentRule`).

A rule is in force when the agreement has a clause for it.

>>> [rule.RULE_ID for rule in discover() if rule.SCOPE == "track"]
['buffer_incursion', 'line_crossing']
"""

import importlib
import pkgutil
from functools import cache
from typing import Any, Literal, Protocol, cast, runtime_checkable

import pyarrow as pa

from monitoring.agreement import Agreement, AgreementInvalid, Parameter, Parameters, agreement_schema
from monitoring.findings import Judged
from monitoring.tracks.batch import TrackBatch

Scope = Literal["track", "incident", "place_window"]


class RuleInvalid(ValueError):
    """A file in the rules folder is no rule, or two rules have one id."""


@runtime_checkable
class Rule(Protocol):
    """What every rule declares."""

    RULE_ID: str
    SCOPE: Scope
    PARAMETERS: tuple[Parameter, ...]
    MARGIN_UNIT: str


class TrackRule(Rule, Protocol):
    """A rule of scope `track`: steps of tracks and its own memory in, findings and memory out.

    `memory` is an Arrow table of the rule's schema `MEMORY`, keyed by `sensor_id`, `track_id`; `until_ns` is
    the watermark; at `is_end` what is open is published as it stands and stays open.
    """

    MEMORY: pa.Schema

    def evaluate(
        self, batch: TrackBatch, memory: pa.Table, until_ns: int, is_end: bool, parameters: Parameters
    ) -> tuple[Judged, pa.Table]: ...


class IncidentRule(Rule, Protocol):
    """A rule of scope `incident`: INCIDENTS in, FINDINGS out (final or provisional as the incident is)."""

    def evaluate(self, incidents: pa.Table, parameters: Parameters) -> pa.Table: ...


@cache
def discover() -> tuple[Rule, ...]:
    """Every rule of the folder, sorted by file name. A duplicate id, or a file that is no rule, fails."""
    found: dict[str, Rule] = {}
    for module_info in sorted(pkgutil.iter_modules(__path__), key=lambda info: info.name):
        module = importlib.import_module(f"{__name__}.{module_info.name}")
        if not isinstance(module, Rule) or not hasattr(module, "evaluate"):
            raise RuleInvalid(f"monitoring/rules/{module_info.name}.py lacks the metadata of a rule")
        if module.RULE_ID in found:
            raise RuleInvalid(f"two rules have the id {module.RULE_ID}")
        found[module.RULE_ID] = cast("Rule", module)
    return tuple(found.values())


def bind(agreement: Agreement) -> tuple[Rule, ...]:
    """The rules that the agreement has a clause for, with their sections checked.

    Raises `AgreementInvalid` for a clause whose rule does not exist and for unknown or missing keys.
    """
    known = {rule.RULE_ID: rule for rule in discover()}
    for position, clause in enumerate(agreement.clauses):
        if clause.rule_id not in known:
            what = f"there is no rule {clause.rule_id}; there are {', '.join(known)}"
            raise AgreementInvalid(agreement.file, f"clauses[{position}].rule", what)
        agreement.declare(clause.rule_id, known[clause.rule_id].PARAMETERS)
    return tuple(rule for rule_id, rule in known.items() if agreement.clause(rule_id) is not None)


def published_agreement_schema() -> dict[str, Any]:
    """The JSON Schema of agreement files, every rule's section included.

    It is published as `monitoring/agreement/agreement_schema.json`, which a test keeps in step with it.
    """
    return agreement_schema({rule.RULE_ID: rule.PARAMETERS for rule in discover()})


def chosen(parameters: Parameters, scope: Scope) -> tuple[Rule, ...]:
    """The rules of one scope that are in force and asked for (`parameters.rules`)."""
    in_force = bind(parameters.agreement)
    return tuple(
        rule
        for rule in in_force
        if scope == rule.SCOPE and (parameters.rules is None or rule.RULE_ID in parameters.rules)
    )
