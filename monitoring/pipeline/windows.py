"""The rules of scope `place_window`: the rows that each still needs, and what it has told.

A rule is a pure function of its rows, so the step only keeps those that it still needs, asks it again when there
is something new or due, and publishes what has been decided, each finding with an incident of its own.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Final, NamedTuple, cast

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from monitoring import events, findings, schema
from monitoring.agreement import Parameters
from monitoring.incidents import geometry, of_windows, publishing
from monitoring.rules import NEVER_NS, WindowRule, Windows, chosen
from monitoring.tracks.place import place

_NOT_CONTENT: Final = (
    "finding_id",
    "revision",
    "state",
    "engine_version",
    "incident_id",
    "subject_key",
    "event_ids",
    "sensor_ids",
)


_NO_ROWS: Final = events.empty(schema.PLACED_EVENTS)
_NO_MEMBERS: Final = events.empty(schema.MEMBERS)


class Told(NamedTuple):
    """A finding (row of FINDINGS) as it was published last, and whether it was decided by then."""

    row: dict[str, Any]
    is_decided: bool


@dataclass(frozen=True)
class WindowState:
    """Of one rule: rows still needed (PLACED_EVENTS in canonical order), what was told by the id that the rule gives
    it, the watermark from which it must be asked again, and that until which further events are only kept."""

    rows: pa.Table = field(default_factory=lambda: _NO_ROWS)
    told: Mapping[str, Told] = field(default_factory=dict)
    due_ns: int = NEVER_NS
    settled_ns: int = 0


States = Mapping[str, WindowState]


class WindowOutput(NamedTuple):
    """Rows of FINDINGS with the time that decided each, rows of INCIDENTS, and MEMBERS."""

    findings: list[tuple[int, dict[str, Any]]]
    incidents: list[dict[str, Any]]
    members: pa.Table


class WindowSpan(NamedTuple):
    """Event times, edges included, in which the events of one rule are judged anew."""

    rule_id: str
    kinds: tuple[str, ...]
    from_ns: int
    to_ns: int
    reach_ns: int

    def covering(self, published: pa.Table) -> "WindowSpan":
        """The span widened so that every published finding of the rule in it is seen whole."""
        own = published.filter(pc.equal(published["rule_id"], self.rule_id))
        start_ns, end_ns = events.ints(own, "time_start_ns"), events.ints(own, "time_end_ns")
        touched = (end_ns >= self.from_ns) & (start_ns <= self.to_ns)
        low = min([self.from_ns, *start_ns[touched].tolist()])
        high = max([self.to_ns, *end_ns[touched].tolist()])
        return self._replace(from_ns=low - self.reach_ns, to_ns=high + self.reach_ns)


def window_rules(parameters: Parameters) -> tuple[WindowRule, ...]:
    """The rules of scope `place_window` in force."""
    return tuple(cast("WindowRule", rule) for rule in chosen(parameters, "place_window"))


def advance(
    states: States, due: pa.Table, until_ns: int, is_end: bool, parameters: Parameters
) -> tuple[States, WindowOutput]:
    """Events (EVENTS in canonical order, up to the watermark) through every rule."""
    after, sheet = dict(states), _Sheet(parameters)
    rules = window_rules(parameters)
    for rule, fresh in zip(rules, _read(rules, due, parameters), strict=True):
        state = states.get(rule.RULE_ID, WindowState())
        if not (fresh.num_rows or until_ns >= state.due_ns or (is_end and state.due_ns < NEVER_NS)):
            continue
        rows = pa.concat_tables([state.rows, fresh]) if fresh.num_rows else state.rows
        if until_ns < state.settled_ns and not is_end:
            after[rule.RULE_ID] = replace(state, rows=rows)
            continue
        rows = rows.combine_chunks()
        windows = rule.evaluate(rows, until_ns, parameters)
        told = _tell(rule, windows, rows, state.told, until_ns, is_end, sheet)
        kept = rows if windows.is_needed.all() else rows.filter(pa.array(windows.is_needed))
        settled_ns = windows.wake_ns if windows.is_settled else 0
        after[rule.RULE_ID] = WindowState(kept, told, _due_ns(windows, told, until_ns), settled_ns)
    return after, sheet.output()


def spans_of(
    known: Mapping[str, tuple[int, int]], late: pa.Table, parameters: Parameters
) -> dict[str, tuple[int, int]]:
    """First and last time of the late events of each rule, `known` ones included."""
    spans, rules = dict(known), window_rules(parameters)
    for rule, fresh in zip(rules, _read(rules, late, parameters), strict=True):
        if fresh.num_rows:
            time_ns = events.ints(fresh, "time_ns")
            low, high = int(time_ns.min()), int(time_ns.max())
            before = spans.get(rule.RULE_ID, (low, high))
            spans[rule.RULE_ID] = (min(low, before[0]), max(high, before[1]))
    return spans


def requested(spans: Mapping[str, tuple[int, int]], parameters: Parameters) -> tuple[WindowSpan, ...]:
    """The times in which something may bear on the same findings as the late events."""
    asked = []
    for rule in window_rules(parameters):
        if rule.RULE_ID in spans:
            low, high = spans[rule.RULE_ID]
            reach_ns = round(rule.reach_s(parameters.agreement, low) * 1e9)
            span = WindowSpan(rule.RULE_ID, rule.KINDS, low - reach_ns, high + reach_ns, reach_ns)
            asked.append(span)
    return tuple(asked)


def anew(
    states: States,
    asked: Iterable[WindowSpan],
    evidence: pa.Table,
    published: pa.Table,
    until_ns: int,
    is_end: bool,
    parameters: Parameters,
) -> tuple[States, WindowOutput]:
    """The rules judged anew where late evidence asks for it: states in their place, and amendments.

    `evidence`: EVENTS in canonical order, up to the watermark, all of those in the spans (see
    `WindowSpan.covering`); `published`: newest FINDINGS that overlap the spans.
    """
    after, sheet = dict(states), _Sheet(parameters)
    by_id = {rule.RULE_ID: rule for rule in window_rules(parameters)}
    for span in asked:
        rule, wide = by_id[span.rule_id], span.covering(published)
        state = states.get(rule.RULE_ID, WindowState())
        outside = state.rows.filter(pa.array(~_is_within(state.rows, wide)))
        (inside,) = _read((rule,), evidence.filter(pa.array(_is_within(evidence, wide))), parameters)
        # What is kept of other times may be the past that the rule compares with.
        rows = events.in_canonical_order(pa.concat_tables([outside, inside]))
        windows = rule.evaluate(rows, until_ns, parameters)
        known = {
            row["finding_id"]: row
            for row in published.filter(pc.equal(published["rule_id"], rule.RULE_ID)).to_pylist()
            if row["time_end_ns"] >= span.from_ns and row["time_start_ns"] <= span.to_ns
        }
        told = _amend(rule, windows, rows, state.told, known, span, until_ns, is_end, sheet)
        after[rule.RULE_ID] = WindowState(rows.filter(pa.array(windows.is_needed)), told, until_ns)
    return after, sheet.output()


def snapshot(states: States, to_ipc: Callable[[pa.Table], bytes]) -> dict[str, Any]:
    """What `restored` reads; equal states give equal content."""
    return {
        name: {
            "rows": to_ipc(state.rows),
            "told": [[own, told.row, told.is_decided] for own, told in sorted(state.told.items())],
            "due_ns": state.due_ns,
            "settled_ns": state.settled_ns,
        }
        for name, state in sorted(states.items())
    }


def restored(content: Mapping[str, Any], from_ipc: Callable[[bytes], pa.Table]) -> States:
    """The states that `snapshot` wrote."""
    return {
        name: WindowState(
            from_ipc(one["rows"]),
            {own: Told(row, is_decided) for own, row, is_decided in one["told"]},
            one["due_ns"],
            one.get("settled_ns", 0),
        )
        for name, one in content.items()
    }


class _Sheet:
    """What is published, as it is found."""

    def __init__(self, parameters: Parameters) -> None:
        self._parameters = parameters
        self._findings: list[tuple[int, dict[str, Any]]] = []
        self._incidents: list[dict[str, Any]] = []
        self._members: list[pa.Table] = []

    def tell(
        self, rule: WindowRule, row: dict[str, Any], members: pa.Table, decided_ns: int
    ) -> dict[str, Any]:
        """Publishes a finding under its id and revision, with its incident; the finding's whole row."""
        incident_id = of_windows.identity(rule.INCIDENT_KIND, row["finding_id"])
        keys = _keys(members)
        sensors = sorted(set(members["sensor_id"].to_pylist()))
        whole = row | {
            "incident_id": incident_id,
            "subject_key": f"incident:{incident_id}",
            "event_ids": keys,
            "sensor_ids": sensors,
        }
        self._findings.append((decided_ns, whole))
        self._incidents.append(
            of_windows.incident(rule.INCIDENT_KIND, whole, len(keys), sensors, self._parameters)
        )
        self._members.append(_members(members, incident_id, whole))
        return whole

    def withdraw(self, rule: WindowRule, row: dict[str, Any], until_ns: int) -> None:
        """Withdraws a published finding with its incident."""
        gone = publishing.withdrawn_finding(row)
        self._findings.append((until_ns, gone))
        self._incidents.append(
            of_windows.incident(
                rule.INCIDENT_KIND, gone, len(row["event_ids"]), row["sensor_ids"], self._parameters
            )
        )

    def output(self) -> WindowOutput:
        """Everything, in the order of telling."""
        members = pa.concat_tables([_NO_MEMBERS, *self._members])
        return WindowOutput(self._findings, self._incidents, members)


def _tell(
    rule: WindowRule,
    windows: Windows,
    rows: pa.Table,
    told: Mapping[str, Told],
    until_ns: int,
    is_end: bool,
    sheet: _Sheet,
) -> dict[str, Told]:
    """Publishes what has become due; what has been told, by the rule's own ids, of what it still speaks of."""
    after: dict[str, Told] = {}
    tell_ns = (
        windows.decided_ns if windows.tell_ns is None else np.minimum(windows.tell_ns, windows.decided_ns)
    )
    is_due = (tell_ns <= until_ns) | is_end
    befores = [told.get(own) for own in windows.ids]
    after.update(
        (own, before)
        for own, before in zip(windows.ids, befores, strict=True)
        if before and before.is_decided
    )
    # What was told but not decided may have vanished, so it is looked at too where that is not known.
    is_over = (windows.decided_ns <= until_ns) | is_end
    asked = []
    for i, before in enumerate(befores):
        if before is None:
            asked += [i] if is_due[i] else []
        elif not before.is_decided and windows.is_sure and not is_over[i]:
            after[windows.ids[i]] = before
        elif not before.is_decided:
            asked.append(i)
    for i, row in _made(windows, asked):
        own, before, decided_ns = row["finding_id"], befores[i], int(windows.decided_ns[i])
        is_decided = decided_ns <= until_ns
        if before is not None and not (is_decided or is_end):
            after[own] = before
            continue
        members = rows.take(pa.array(windows.members[i]))
        if before is not None:
            if _is_equal(before.row, row, _keys(members)):
                after[own] = Told(before.row, is_decided)
                continue
            row |= {"finding_id": before.row["finding_id"], "revision": before.row["revision"] + 1}
        moment = decided_ns if is_decided else min(int(tell_ns[i]), until_ns)
        after[own] = Told(sheet.tell(rule, row, members, moment), is_decided)
    # In the order of a snapshot, so that a restart between changes nothing.
    for own, before in sorted(told.items()):
        if own not in after and not before.is_decided:
            sheet.withdraw(rule, before.row, until_ns)
    return after


def _amend(
    rule: WindowRule,
    windows: Windows,
    rows: pa.Table,
    told: Mapping[str, Told],
    known: Mapping[str, dict[str, Any]],
    span: WindowSpan,
    until_ns: int,
    is_end: bool,
    sheet: _Sheet,
) -> dict[str, Told]:
    """Publishes amendments; what has been told after them.

    A finding judged anew is the next revision of the published one with its id, else of the one that it shares
    most events with. Published findings of the span (`known`) that none continues are withdrawn.
    """
    keys = _keys(rows)
    made = _made(windows, range(len(windows.ids)))
    anew = [row for _, row in made]
    events_of = [{keys[at] for at in windows.members[i].tolist()} for i, _ in made]
    standing = {name: row for name, row in known.items() if row["state"] != "withdrawn"}
    published_as = {own: one.row["finding_id"] for own, one in told.items()}
    heir_of = _heirs(anew, events_of, standing, known, published_as)
    # What is judged anew may go by another of the rule's ids than before; it must not be found under both.
    continued = set(heir_of.values())
    after = {own: one for own, one in told.items() if one.row["finding_id"] not in continued}
    for number, (i, row) in enumerate(made):
        own, decided_ns = row["finding_id"], int(windows.decided_ns[i])
        before = known.get(heir_of.get(number, ""))
        is_of_span = row["time_end_ns"] >= span.from_ns and row["time_start_ns"] <= span.to_ns
        is_decided = decided_ns <= until_ns
        is_told = windows.tell_ns is not None and int(windows.tell_ns[i]) <= until_ns
        if before is None and not (is_of_span and (is_decided or is_told or is_end)):
            continue
        members = rows.take(pa.array(windows.members[i]))
        if before is not None:
            if before["state"] != "withdrawn" and _is_equal(before, row, _keys(members)):
                after[own] = Told(before, is_decided)
                continue
            row |= {"finding_id": before["finding_id"], "revision": before["revision"] + 1}
        after[own] = Told(sheet.tell(rule, row, members, min(decided_ns, until_ns)), is_decided)
    for name, row in standing.items():
        if name not in continued:
            sheet.withdraw(rule, row, until_ns)
            after = {own: one for own, one in after.items() if one.row["finding_id"] != name}
    return after


def _heirs(
    anew: list[dict[str, Any]],
    events_of: list[set[str]],
    standing: Mapping[str, dict[str, Any]],
    known: Mapping[str, dict[str, Any]],
    published_as: Mapping[str, str],
) -> dict[int, str]:
    """By position the id of the published finding that each one judged anew continues."""
    heir_of = {}
    for i, row in enumerate(anew):
        name = published_as.get(row["finding_id"], row["finding_id"])
        if name in known:
            heir_of[i] = name
    taken = set(heir_of.values())
    shares = sorted(
        (-len(shared), name, i)
        for i, inside in enumerate(events_of)
        if i not in heir_of
        for name, row in standing.items()
        if name not in taken and (shared := inside.intersection(row["event_ids"]))
    )
    for _, name, i in shares:
        if i not in heir_of and name not in taken:
            heir_of[i] = name
            taken.add(name)
    return heir_of


def _made(windows: Windows, asked: Iterable[int]) -> list[tuple[int, dict[str, Any]]]:
    """The findings at some positions that there are, as whole rows of FINDINGS."""
    made = [(i, row) for i in asked if (row := windows.make(i)) is not None]
    whole = findings.table(row for _, row in made).to_pylist()
    return [(i, row) for (i, _), row in zip(made, whole, strict=True)]


def _due_ns(windows: Windows, told: Mapping[str, Told], until_ns: int) -> int:
    """The next watermark at which something may be told without any further event."""
    due = [windows.wake_ns]
    for i, own in enumerate(windows.ids):
        if own not in told and windows.tell_ns is not None:
            due.append(int(windows.tell_ns[i]))
        if own not in told or not told[own].is_decided:
            due.append(int(windows.decided_ns[i]))
    return min((moment for moment in due if moment > until_ns), default=NEVER_NS)


def _read(rules: Sequence[WindowRule], table: pa.Table, parameters: Parameters) -> list[pa.Table]:
    """For each rule the events of its kinds that matter to it, with their place facts."""
    if not table.num_rows or not rules:
        return [_NO_ROWS] * len(rules)
    wanted = _wanted(rules, table)
    at = np.flatnonzero(np.logical_or.reduce(wanted))
    if not len(at):
        return [_NO_ROWS] * len(rules)
    placed = place(events.taken(table, at), parameters)
    read = []
    for is_own, rule in zip(wanted, rules, strict=True):
        own = np.flatnonzero(is_own[at])
        rows = placed if len(own) == len(at) else placed.take(pa.array(own))
        is_used = rule.thin(rows, parameters) if len(own) else np.zeros(0, dtype=np.bool_)
        read.append(rows if is_used.all() else rows.filter(pa.array(is_used)))
    return read


def is_read(table: pa.Table, parameters: Parameters) -> NDArray[np.bool_]:
    """Which events (EVENTS) any of the rules reads, (n,); the others need not be handed to `advance`."""
    none = np.zeros(table.num_rows, dtype=np.bool_)
    return np.asarray(np.logical_or.reduce([none, *_wanted(window_rules(parameters), table)]))


def _wanted(rules: Sequence[WindowRule], table: pa.Table) -> list[NDArray[np.bool_]]:
    """For each rule the events of its kinds, and of its classes if it names some: fixes are many."""
    kind, object_class = events.codes(table, "kind"), events.codes(table, "object_class")
    wanted = []
    for rule in rules:
        is_own = _among(kind, schema.KINDS, rule.KINDS)
        classes = getattr(rule, "OBJECT_CLASSES", None)
        wanted.append(
            is_own if classes is None else is_own & _among(object_class, schema.OBJECT_CLASSES, classes)
        )
    return wanted


def _among(code: NDArray[np.int8], words: Sequence[str], some: Sequence[str]) -> NDArray[np.bool_]:
    """Whether codes (n,) of `words`, -1 for none, are those of some of them."""
    return np.array([*(word in some for word in words), False])[code]


def _is_within(table: pa.Table, span: WindowSpan) -> NDArray[np.bool_]:
    time_ns = events.ints(table, "time_ns")
    return np.asarray((time_ns >= span.from_ns) & (time_ns <= span.to_ns))


def _members(rows: pa.Table, incident_id: str, finding: Mapping[str, Any]) -> pa.Table:
    """MEMBERS of an incident; the residual is how far an event's place lies from the finding's."""
    residual_m = np.full(rows.num_rows, np.nan)
    if finding["lon"] is not None:
        lon, lat = events.reals(rows, "lon"), events.reals(rows, "lat")
        at = np.full(rows.num_rows, finding["lon"]), np.full(rows.num_rows, finding["lat"])
        residual_m = np.round(np.hypot(*geometry.offsets_m(*at, lon, lat)), 3)
    columns = {
        "incident_id": pa.array([incident_id] * rows.num_rows, pa.string()),
        "phenomenon": pa.array(np.zeros(rows.num_rows, dtype=np.int32)),
        "residual_m": pa.array(residual_m, from_pandas=True),
    }
    arrays = [columns[n] if n in columns else rows.column(n).combine_chunks() for n in schema.MEMBERS.names]
    return pa.Table.from_arrays(arrays, schema=schema.MEMBERS)


def _keys(rows: pa.Table) -> list[str]:
    return list(pc.binary_join_element_wise(rows["sensor_id"], rows["id"], "/").to_pylist())


def _is_equal(before: Mapping[str, Any], row: Mapping[str, Any], keys: list[str]) -> bool:
    """Whether a published finding says the same of the same events as one that the rule makes now."""
    names = [name for name in schema.FINDINGS.names if name not in _NOT_CONTENT]
    return before["event_ids"] == keys and all(before[name] == row[name] for name in names)
