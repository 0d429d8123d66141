"""The rules: one file each, found by listing this folder.

A rule's file has its documentation as module docstring and then

- `RULE_ID`: the file's name;
- `SCOPE`: what it judges: `track` (one object's fixes), `incident`, or `place_window`;
- `PARAMETERS`: what it reads from its section of the agreement, with units;
- `MARGIN_UNIT`: the unit of `margin` in its findings;
- `evaluate`: pure, Arrow tables or NumPy arrays in and out (see `TrackRule`, `IncidentRule` and `WindowRule`).

A rule is in force when the agreement has a clause for it.

>>> {'buffer_incursion', 'line_crossing'} <= {rule.RULE_ID for rule in discover() if rule.SCOPE == "track"}
True
"""

import importlib
import pkgutil
from collections.abc import Callable, Sequence
from functools import cache
from typing import Any, Final, Literal, NamedTuple, Protocol, Self, cast, runtime_checkable

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from monitoring.agreement import Agreement, AgreementInvalid, Parameter, Parameters, agreement_schema
from monitoring.findings import Decided
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


class Memory(Protocol):
    """What a rule on tracks remembers: columns by name, arrays (m,), `key` among them; never changed in place."""

    def __getitem__(self, name: str) -> NDArray[Any]: ...

    def __len__(self) -> int: ...

    def take(self, at: NDArray[np.int64] | NDArray[np.bool_]) -> Self: ...

    def followed_by(self, other: Any) -> Self: ...

    def to_table(self) -> pa.Table: ...

    @classmethod
    def from_table(cls, table: pa.Table) -> Self: ...


class TrackRule(Rule, Protocol):
    """A rule of scope `track`: steps of tracks and its own memory in, findings and memory out.

    `memory` is what `remembered` reads from an Arrow table of the rule's schema `MEMORY`, keyed by `sensor_id`,
    `track_id`; `until_ns` is the watermark; at `is_end` what is open is published as it stands and stays open. A
    rule may name classes as `SIGHTINGS`: sightings of these that belong to no track come to all rules as tracks of
    one fix.
    """

    MEMORY: pa.Schema

    def remembered(self, table: pa.Table) -> Memory: ...

    def evaluate(
        self, batch: TrackBatch, memory: Any, until_ns: int, is_end: bool, parameters: Parameters
    ) -> tuple[Sequence[Decided], Memory]: ...


class IncidentRule(Rule, Protocol):
    """A rule of scope `incident`: INCIDENTS in, FINDINGS out (final or provisional as the incident is)."""

    def evaluate(self, incidents: pa.Table, parameters: Parameters) -> pa.Table: ...


NEVER_NS: Final = 2**62
"""Later than any event."""


class Windows(NamedTuple):
    """What a rule of scope `place_window` makes of the events that it was handed, n of them giving m findings.

    - `ids` (m,): each finding's own id, made from its first event;
    - `make`: the finding at a position as a row of FINDINGS, of revision 1 and final, with that id (`incident_id`,
      `event_ids`, `sensor_ids` and `subject_key` are filled in by the step; any text stands in), or None where a
      closer look shows that there is none. It is asked for only when the finding is to be told: most are looked at
      many times before that;
    - `decided_ns` (m,): the watermark from which no event that comes in time can change the finding any more.
      It is published then; at an end of input it is published as it stands and may get further revisions;
    - `members`: the events of each finding, as positions among the n rows, in canonical order, at least one each;
    - `is_needed` (n,): rows without which later calls would come out differently. The others are not handed in
      again. Every row of an undecided finding is needed; rows of a decided one may be (as a place's past): its
      finding may then be made again by each call, and is not published again;
    - `tell_ns` (m,): the watermark from which a finding is told though it still goes on (its decision then gives
      the next revision), as it stood at that time; `NEVER_NS`, or None for all, where it waits to be decided;
    - `wake_ns`: the next watermark at which the outcome changes though no further event comes (silence lasts);
    - `is_sure`: `make` gives a finding for every id;
    - `is_settled`: until `wake_ns` further events, all of them needed, change nothing either.
    """

    ids: tuple[str, ...]
    make: Callable[[int], dict[str, Any] | None]
    decided_ns: NDArray[np.int64]
    members: tuple[NDArray[np.int64], ...]
    is_needed: NDArray[np.bool_]
    tell_ns: NDArray[np.int64] | None = None
    wake_ns: int = NEVER_NS
    is_settled: bool = False
    is_sure: bool = False

    @classmethod
    def none(cls, rows: int) -> "Windows":
        """No finding in so many rows, none of which is needed."""
        return cls((), lambda _: None, np.zeros(0, dtype=np.int64), (), np.zeros(rows, dtype=np.bool_))


class WindowRule(Rule, Protocol):
    """A rule of scope `place_window`: what happens around a place, or with a sensor, over some time.

    `KINDS` are the kinds of event that it reads, `INCIDENT_KIND` the word for its incidents. `evaluate` is a pure
    function of the rows that are still needed and those that came (PLACED_EVENTS in canonical order, all at or
    before the watermark `until_ns`), so the outcome does not depend on how they came. `thin` says which rows
    (n,) matter at all, before they are kept; it looks at each row alone, or keeps the first of a kind.
    `reach_s` is how far in time from an event evidence may lie that bears on the same finding; late evidence is
    judged anew with that much around it.
    """

    KINDS: tuple[str, ...]
    INCIDENT_KIND: str

    def thin(self, placed: pa.Table, parameters: Parameters) -> NDArray[np.bool_]: ...

    def evaluate(self, placed: pa.Table, until_ns: int, parameters: Parameters) -> Windows: ...

    def reach_s(self, agreement: Agreement, time_ns: int) -> float: ...


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
