"""Filing: which final findings open a case, join one, or flag one.

The policy stands in the agreement. A finding whose rule and verdict are listed there opens a case (an undetermined one
only if it lies inside the rule's bounds), unless

- its incident already has one, or
- a case of the same party, pattern (rule) and place was opened within the agreed time of it (before it or after
  it, since late evidence is filed late; of several the one nearest in time):

then it joins that case, so that a busy day gives commission staff tens of cases and every incident stays in one
of them or in the day's tables. A finding of any verdict joins the case of its incident. A later revision of a
filed finding updates its case, with the priority that the case's findings give it by now. A finding that is
withdrawn, or whose verdict opened cases and no longer does, flags its case; nothing is closed or undone by this step.

Findings are taken in the order given, the canonical order of finals, which depends neither on shards nor on
where batches were cut; numbers are given in that order, by the year of the mission's zone, and never reused.
"""

from collections import Counter, defaultdict
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from functools import cached_property
from typing import Any, Final
from zoneinfo import ZoneInfo

import msgspec
import numpy as np
import pyarrow as pa

from geodata import cells
from monitoring import events, schema
from monitoring.agreement import Agreement, Parameters
from monitoring.cases.posts import Posts
from monitoring.cases.priority import FIRST, LAST, Circumstances, is_corroborated, priority_of
from monitoring.incidents import movement

STATE_VERSION: Final = 4
MEMORY_NS: Final = 92 * 86_400 * 1_000_000_000
"""Findings and cases older than this, by event time, before the newest one are no longer joined or flagged."""

_NO_FILINGS: Final = events.empty(schema.FILINGS)
_UNREAD: Final = ["detail", "event_ids"]
"""Columns of a finding that no policy asks for, and most of its bytes."""


class StateTooNew(ValueError):
    """A snapshot was written by a later version of the program."""


@dataclass(frozen=True)
class Case:
    """What filing remembers of a case: its number, key, priority and the time of the finding that opened it."""

    number: str
    key: tuple[str, str, str]
    opened_ns: int
    priority: int


@dataclass(frozen=True)
class FilingState:
    """`last_number` by year; cases by number; the case of each filed finding and incident; the priority that each
    filed finding gives its case; the findings that as they stand would open one; of those that independent
    sources agree on, the incident; first and newest event time."""

    last_number: Mapping[int, int] = field(default_factory=dict)
    cases: Mapping[str, Case] = field(default_factory=dict)
    case_of_finding: Mapping[str, str] = field(default_factory=dict)
    case_of_incident: Mapping[str, str] = field(default_factory=dict)
    priority_of_finding: Mapping[str, int] = field(default_factory=dict)
    opening: frozenset[str] = frozenset()
    corroborated: Mapping[str, str] = field(default_factory=dict)
    first_ns: int | None = None
    newest_ns: int = 0

    def snapshot(self) -> bytes:
        """The state as bytes; equal states give equal bytes."""
        content = {
            "version": STATE_VERSION,
            "last_number": {str(year): number for year, number in self.last_number.items()},
            "cases": [[c.number, list(c.key), c.opened_ns, c.priority] for c in self.cases.values()],
            "case_of_finding": dict(self.case_of_finding),
            "case_of_incident": dict(self.case_of_incident),
            "priority_of_finding": dict(self.priority_of_finding),
            "opening": sorted(self.opening),
            "corroborated": dict(sorted(self.corroborated.items())),
            "first_ns": self.first_ns,
            "newest_ns": self.newest_ns,
        }
        return msgspec.msgpack.encode(content)

    @classmethod
    def restore(cls, data: bytes) -> "FilingState":
        """The state that `snapshot` wrote. Raises `StateTooNew`."""
        content = msgspec.msgpack.decode(data)
        if content["version"] > STATE_VERSION:
            raise StateTooNew(
                f"state of filing has version {content['version']}, this program reads {STATE_VERSION}"
            )
        cases = [
            Case(number, (key[0], key[1], key[2]), opened_ns, p)
            for number, key, opened_ns, p in content["cases"]
        ]
        return cls(
            last_number={int(year): number for year, number in content["last_number"].items()},
            cases={case.number: case for case in cases},
            case_of_finding=content["case_of_finding"],
            case_of_incident=content["case_of_incident"],
            priority_of_finding=content.get("priority_of_finding") or _priority_of_version_1(content),
            # Before version 3 every filed finding was taken for one that opens.
            opening=frozenset(content.get("opening", content["case_of_finding"])),
            corroborated=content.get("corroborated", {}),
            first_ns=content.get("first_ns"),
            newest_ns=content["newest_ns"],
        )


def _priority_of_version_1(content: Mapping[str, Any]) -> dict[str, int]:
    """Version 1 kept no priority by finding: each is taken to give its case the priority that it has."""
    by_case = {number: priority for number, _, _, priority in content["cases"]}
    return {key: by_case[number] for key, number in content["case_of_finding"].items()}


def start() -> FilingState:
    """The state before any finding."""
    return FilingState()


def step(
    state: FilingState, findings: pa.Table, incidents: pa.Table, parameters: Parameters
) -> tuple[FilingState, pa.Table]:
    """Files final findings (FINDINGS in the canonical order of finals); returns the state and FILINGS.

    `incidents` (INCIDENTS) lends the sentences of fire; movement is told by the finding alone, since how far its
    incident has come depends on where the batch ends. A finding already filed is not filed again when it is
    revised: its case is updated.
    """
    if not findings.num_rows:
        return state, _NO_FILINGS
    desk = _Desk(state, parameters)
    sentences = dict(
        zip(incidents.column("incident_id").to_pylist(), incidents.column("summary").to_pylist(), strict=True)
    )

    def sentence(row: dict[str, Any]) -> str | None:
        if row["subject_key"].startswith("track:"):
            return movement.sentence([row], parameters)
        return sentences.get(row["incident_id"])

    for row in findings.drop_columns(_UNREAD).to_pylist():
        desk.take(row, sentence)
    return desk.state(), pa.Table.from_pylist(desk.filings, schema=schema.FILINGS)


Sentence = Callable[[dict[str, Any]], str | None]
"""What a finding (row of FINDINGS) says in one sentence, if there is one for it."""


class _Desk:
    """The state opened for one batch."""

    def __init__(self, state: FilingState, parameters: Parameters) -> None:
        self._agreement: Agreement = parameters.agreement
        self._parameters = parameters
        self._zone = ZoneInfo(parameters.agreement.reporting.zone)
        self._last_number = dict(state.last_number)
        self._cases = dict(state.cases)
        self._cases_of_key: defaultdict[tuple[str, str, str], list[Case]] = defaultdict(list)
        for case in state.cases.values():
            self._cases_of_key[case.key].append(case)
        self._case_of_finding = dict(state.case_of_finding)
        self._case_of_incident = dict(state.case_of_incident)
        self._priority_of_finding = dict(state.priority_of_finding)
        self._opening = set(state.opening)
        self._corroborated = dict(state.corroborated)
        self._sure_of_case: defaultdict[str, Counter[str]] = defaultdict(Counter)
        for finding_id, incident_id in state.corroborated.items():
            self._sure_of_case[state.case_of_finding[finding_id]][incident_id] += 1
        self._first_ns = state.first_ns
        self._newest_ns = state.newest_ns
        self.filings: list[dict[str, Any]] = []

    def take(self, row: dict[str, Any], sentence: Sentence) -> None:
        """Files one finding; `sentence` is only asked for what is written."""
        self._newest_ns = max(self._newest_ns, row["time_start_ns"])
        self._first_ns = min(row["time_start_ns"], self._first_ns or row["time_start_ns"])
        number = self._case_of_finding.get(row["finding_id"])
        opens = (
            row["state"] == "final"
            and row["verdict"] in self._opening_verdicts(row)
            and _is_inside(row)
            and self._is_likely(row)
        )
        if number is not None:
            was_opening = row["finding_id"] in self._opening
            if row["state"] == "withdrawn" or (row["state"] == "final" and was_opening and not opens):
                self._write("flag", number, row, sentence)
            self._note(row["finding_id"], opens=opens)
            if row["state"] == "final":
                self._write("update", number, row, sentence)
            return
        if row["state"] != "final":
            return
        number = self._case_of_incident.get(row["incident_id"])
        if number is None and opens:
            number = self._open_case(row)
            if number is None:
                self._note(row["finding_id"], opens=opens)
                self._write("open", self._new_case(row), row, sentence)
                return
        if number is not None:
            self._note(row["finding_id"], opens=opens)
            self._write("join", number, row, sentence)

    def _note(self, finding_id: str, *, opens: bool) -> None:
        if opens:
            self._opening.add(finding_id)
        else:
            self._opening.discard(finding_id)

    @cached_property
    def _posts(self) -> Posts:
        return Posts.of(self._parameters.sensors)

    def state(self) -> FilingState:
        """The state after the batch, without what is older than memory."""
        whole = FilingState(
            last_number=self._last_number,
            cases=self._cases,
            case_of_finding=self._case_of_finding,
            case_of_incident=self._case_of_incident,
            priority_of_finding=self._priority_of_finding,
            opening=frozenset(self._opening),
            corroborated=self._corroborated,
            first_ns=self._first_ns,
            newest_ns=self._newest_ns,
        )
        horizon_ns = self._newest_ns - MEMORY_NS
        is_any_old = any(case.opened_ns < horizon_ns for case in self._cases.values())
        return _without_old(whole, horizon_ns) if is_any_old else whole

    def _opening_verdicts(self, row: dict[str, Any]) -> tuple[str, ...]:
        by_rule = self._agreement.value("filing.opens_on", row["time_start_ns"])
        assert isinstance(by_rule, Mapping), "filing.opens_on is declared by rule"
        return tuple(by_rule.get(row["rule_id"], ()))

    def _place(self, row: dict[str, Any]) -> str:
        by_sector = self._agreement.value("filing.place", row["time_start_ns"]) == "sector"
        if by_sector and row["sector"] is not None:
            return str(row["sector"])
        if row["lon"] is None or row["lat"] is None:
            return "cell:none"
        return f"cell:{int(cells.cell_of([row['lon']], [row['lat']])[0])}"

    def _key(self, row: dict[str, Any]) -> tuple[str, str, str]:
        return row["party"] or "", row["rule_id"], self._place(row)

    def _open_case(self, row: dict[str, Any]) -> str | None:
        """The case of the same party, pattern and place opened nearest in time, if within the window of the finding;
        of two equally near the one with the lower number."""
        window_ns = round(self._agreement.number("filing.join_window_s", row["time_start_ns"]) * 1e9)
        near = [
            (apart_ns, _in_order(case.number), case.number)
            for case in self._cases_of_key.get(self._key(row), ())
            if (apart_ns := abs(row["time_start_ns"] - case.opened_ns)) <= window_ns
        ]
        return min(near)[2] if near else None

    def _new_case(self, row: dict[str, Any]) -> str:
        opened_at = datetime(1970, 1, 1, tzinfo=UTC) + timedelta(
            seconds=row["time_start_ns"] // 1_000_000_000
        )
        year = opened_at.astimezone(self._zone).year
        self._last_number[year] = self._last_number.get(year, 0) + 1
        number = f"{year}-{self._last_number[year]:05d}"
        key = self._key(row)
        self._cases[number] = Case(number, key, row["time_start_ns"], LAST)
        self._cases_of_key[key].append(self._cases[number])
        return number

    def _is_likely(self, row: dict[str, Any]) -> bool:
        """Whether a finding is probable enough to open a case: it states no probability, or enough of it, or there was
        nobody else who could have confirmed it."""
        by_rule = self._agreement.value("filing.least_prob", row["time_start_ns"])
        assert isinstance(by_rule, Mapping), "filing.least_prob is declared by rule"
        if row["probability"] is None or row["probability"] >= by_rule.get(row["rule_id"], 0.0):
            return True
        return self._posts.is_nobody_near(row, self._agreement.number("filing.alone_m", row["time_start_ns"]))

    def _circumstances(self, number: str, row: dict[str, Any]) -> Circumstances:
        """What lies around a finding of a case: a protected place, and, if it opened the case, whether nothing of the
        kind was filed there for long."""
        time_ns = row["time_start_ns"]
        distance_m, name = None, ""
        if row["lon"] is not None and row["lat"] is not None:
            near = self._parameters.terms.protected_near(
                np.array([row["lon"]]),
                np.array([row["lat"]]),
                np.array([time_ns]),
                self._agreement.number("filing.harm_near_m", time_ns),
            )
            if near.idx[0] >= 0:
                distance_m = float(near.distance_m[0])
                name = self._parameters.terms.protected_places[int(near.idx[0])].name
        novelty_ns = round(self._agreement.number("filing.novelty_s", time_ns) * 1e9)
        is_watched_long = self._first_ns is not None and time_ns - self._first_ns >= novelty_ns
        is_known = any(
            time_ns - case.opened_ns < novelty_ns
            for case in self._cases_of_key.get(self._key(row), ())
            if case.number != number
        )
        opened_it = self._cases[number].opened_ns == time_ns
        return Circumstances(distance_m, name, is_watched_long and opened_it and not is_known)

    def _set_priority(self, number: str, row: dict[str, Any], *, is_known: bool) -> tuple[str, ...]:
        """The case's priority is the most urgent one that a finding filed in it gives by its newest revision; the
        reasons for this finding's."""
        case, given = self._cases[number], priority_of(row, self._agreement, self._circumstances(number, row))
        before = self._priority_of_finding.get(row["finding_id"])
        self._priority_of_finding[row["finding_id"]] = given.value
        priority = min(case.priority, given.value)
        if is_known and before == case.priority < given.value:
            priority = min(
                self._priority_of_finding[key]
                for key, of_case in self._case_of_finding.items()
                if of_case == number
            )
        self._cases[number] = replace(case, priority=priority)
        return given.reasons

    def _note_source(self, number: str, row: dict[str, Any]) -> None:
        """Remembers which incidents of a case have a finding that opens cases and that independent sources agree on."""
        finding_id, of_case = row["finding_id"], self._sure_of_case[number]
        before = self._corroborated.pop(finding_id, None)
        if before is not None:
            of_case[before] -= 1
        if finding_id in self._opening and is_corroborated(row):
            self._corroborated[finding_id] = row["incident_id"] or finding_id
            of_case[self._corroborated[finding_id]] += 1

    def _urgency(self, number: str, row: dict[str, Any]) -> tuple[int, tuple[str, ...]]:
        """The case's priority, one more urgent where corroborated incidents have come together in it."""
        case, count = self._cases[number], sum(n > 0 for n in self._sure_of_case[number].values())
        if count < self._agreement.number("filing.escalation_count", row["time_start_ns"]):
            return case.priority, ()
        return max(case.priority - 1, FIRST), ("more urgent: many corroborated incidents in the case",)

    def _write(self, action: str, number: str, row: dict[str, Any], sentence: Sentence) -> None:
        case = self._cases[number]
        reasons: tuple[str, ...] = ()
        if action != "flag":
            self._case_of_finding[row["finding_id"]] = number
            if row["incident_id"] is not None:
                self._case_of_incident.setdefault(row["incident_id"], number)
            reasons = self._set_priority(number, row, is_known=action == "update")
            self._note_source(number, row)
        priority, escalation = self._urgency(number, row)
        summary = sentence(row) or (row["reasons"][0] if row["reasons"] else row["rule_id"])
        self.filings.append(
            {
                "action": action,
                "case_number": number,
                "finding_id": row["finding_id"],
                "finding_revision": row["revision"],
                "incident_id": row["incident_id"],
                "rule_id": row["rule_id"],
                "party": row["party"],
                "place": case.key[2],
                "sector": row["sector"],
                "chainage_m": row["chainage_m"],
                "lon": row["lon"],
                "lat": row["lat"],
                "time_start_ns": row["time_start_ns"],
                "time_end_ns": row["time_end_ns"],
                "priority": priority,
                "summary": summary,
                "priority_reasons": [*reasons, *escalation],
            }
        )


def _without_old(state: FilingState, horizon_ns: int) -> FilingState:
    """The state without the cases opened before `horizon_ns` and all that names them."""
    cases = {number: case for number, case in state.cases.items() if case.opened_ns >= horizon_ns}
    kept = {key: number for key, number in state.case_of_finding.items() if number in cases}
    return replace(
        state,
        cases=cases,
        case_of_finding=kept,
        case_of_incident={key: n for key, n in state.case_of_incident.items() if n in cases},
        priority_of_finding={key: p for key, p in state.priority_of_finding.items() if key in kept},
        opening=frozenset(key for key in state.opening if key in kept),
        corroborated={key: incident for key, incident in state.corroborated.items() if key in kept},
    )


def _is_inside(row: dict[str, Any]) -> bool:
    """Whether what was found lies inside the bounds of its rule, so that only its meaning is undetermined."""
    return row["verdict"] != "undetermined" or (row["margin"] is not None and row["margin"] > 0)


def _in_order(number: str) -> tuple[int, ...]:
    """The year and the count of a case's number."""
    return tuple(int(part) for part in number.split("-"))
