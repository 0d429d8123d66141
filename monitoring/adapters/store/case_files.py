"""Writing cases: the facts of filing, and the marks that evidence leaves on a case when it changes.

One `CaseFiles` serves one transaction. Cases are loaded once, changed in memory, and written together
with their timeline, so that a change to a case and its entry can never part.
"""

from collections.abc import Iterable, Sequence
from typing import Any, Final

import pyarrow as pa
import sqlalchemy as sa

from monitoring.adapters.store import tables
from monitoring.adapters.store.canonical import from_json, to_json
from monitoring.adapters.store.change_log import CASE_FIELDS, ChangeLog
from monitoring.adapters.store.results import Row, in_parts, insert, rows_of
from monitoring.cases.errors import NotFound
from monitoring.cases.wording import case_sentence
from monitoring.cases.workflow import SETTLED, Procedure

ENGINE_ACTOR: Final = "contactline"
"""Who acts when no person does: filing and amendments by the engine."""
EVIDENCE_WITHDRAWN: Final = "evidence_withdrawn"
NEW_EVIDENCE: Final = "new_evidence"
"""Evidence joined after a finding of fact was decided; the next approved finding of fact takes it in."""
_UNDECIDED: Final = ("filed", "triaged", "verifying")
"""States before the finding of fact, whose time runs from the filing by priority."""
_VERDICT_RANKS: Final = ("permitted", "undetermined", "violation")
_CONFIDENCE_RANKS: Final = ("low", "medium", "high")


class CaseFiles:
    """The cases that one transaction touches."""

    def __init__(
        self,
        connection: sa.Connection,
        changes: ChangeLog,
        procedure: Procedure,
        *,
        journal_seq: int,
        at_ns: int,
    ) -> None:
        self._connection = connection
        self._changes = changes
        self._procedure = procedure
        self._journal_seq = journal_seq
        self._at_ns = at_ns
        self._rows: dict[str, Row] = {}
        self._new: set[str] = set()
        self._touched: dict[str, None] = {}
        self._last_entry: dict[str, int] = {}
        self._entries: list[Row] = []

    def load(self, numbers: Iterable[str]) -> None:
        """Read the cases that are not at hand yet; unknown numbers are left out."""
        wanted = [n for n in dict.fromkeys(numbers) if n not in self._rows]
        for part in in_parts(wanted):
            query = sa.select(tables.cases).where(tables.cases.c.number.in_(part))
            for row in self._connection.execute(query).mappings():
                self._rows[row["number"]] = {**row, "flags": from_json(row["flags"])}
            entry = tables.timeline.c
            query = (
                sa.select(entry.case_number, sa.func.max(entry.number))
                .where(entry.case_number.in_(part))
                .group_by(entry.case_number)
            )
            self._last_entry.update((str(n), int(m)) for n, m in self._connection.execute(query))

    def has(self, number: str) -> bool:
        """Whether the case exists (among those loaded)."""
        return number in self._rows

    def row(self, number: str) -> Row:
        """The case as it stands in this transaction. Raises NotFound."""
        self.load([number])
        if number not in self._rows:
            raise NotFound(f"there is no case {number!r}")
        return self._rows[number]

    def change(self, number: str, **values: Any) -> None:
        """Set some columns of a case."""
        row = self.row(number)
        row.update(values)
        if "status" in values:
            row["is_settled"] = row["status"] in SETTLED
        self._touched[number] = None

    def set_due(self, number: str) -> None:
        """Start the clock of the state that the case is in now."""
        row = self.row(number)
        due = self._procedure.due_at_ns(row["status"], row["priority"], row["filed_at_ns"], self._at_ns)
        self.change(number, due_at_ns=tables.NEVER_NS if due is None else due)

    def flag(self, number: str, flag: str) -> bool:
        """Mark the case; whether it was not marked before."""
        flags = self.row(number)["flags"]
        if flag in flags:
            return False
        self.change(number, flags=sorted([*flags, flag]))
        return True

    def unflag(self, number: str, flag: str) -> None:
        """Take a mark off the case."""
        self.change(number, flags=[other for other in self.row(number)["flags"] if other != flag])

    def entry(self, number: str, actor: str, kind: str, summary: str, detail: dict[str, Any]) -> None:
        """Add an entry to the case's timeline."""
        self.row(number)
        at = self._last_entry.get(number, 0) + 1
        self._last_entry[number] = at
        self._touched[number] = None
        self._entries.append(
            {
                "case_number": number,
                "number": at,
                "at_ns": self._at_ns,
                "actor": actor,
                "kind": kind,
                "summary": summary,
                "detail": to_json(detail),
                "journal_seq": self._journal_seq,
            }
        )

    def file(self, filings: pa.Table) -> None:
        """Carry out what the filing policy decided: open cases, join findings to them, update, flag them."""
        rows = rows_of(filings)
        self.load(row["case_number"] for row in rows)
        openers = self._openers([row["case_number"] for row in rows if row["action"] == "update"])
        links: list[Row] = []
        for row in rows:
            number = row["case_number"]
            if row["action"] == "open":
                openers.setdefault(number, row["finding_id"])
            if row["action"] == "open" and not self.has(number):
                self._open(row)
            if row["action"] in ("open", "join"):
                links.append(
                    {
                        "case_number": number,
                        "finding_id": row["finding_id"],
                        "incident_id": row["incident_id"],
                        "linked_at_ns": self._at_ns,
                    }
                )
            if row["action"] == "join":
                self._join(row)
            elif row["action"] == "update":
                self._update(row, is_opener=openers.get(number) == row["finding_id"])
            elif row["action"] == "flag" and self.flag(number, EVIDENCE_WITHDRAWN):
                self.entry(number, ENGINE_ACTOR, EVIDENCE_WITHDRAWN, row["summary"], _evidence(row))
        self._write_new_cases()
        if links:
            statement = sa.insert(tables.case_links).prefix_with("OR IGNORE")
            self._connection.execute(statement, links)
        self._relink([row for row in rows if row["action"] == "update" and row["incident_id"] is not None])
        self._aggregate(list(self._touched))

    def mark_amended(self, findings: Sequence[Row], incidents: Sequence[Row]) -> None:
        """Tell the cases whose findings or incidents got a new revision; a withdrawn one flags its case."""
        link = tables.case_links.c
        for rows, key, column, noun in (
            (findings, "finding_id", link.finding_id, "finding"),
            (incidents, "incident_id", link.incident_id, "incident"),
        ):
            amended = {r[key]: r for r in rows if r["revision"] > 1 or r["state"] == "withdrawn"}
            for part in in_parts(list(amended)):
                query = (
                    sa.select(link.case_number, column)
                    .where(column.in_(part))
                    .distinct()
                    .order_by(link.case_number, column)
                )
                linked = [(str(n), str(i)) for n, i in self._connection.execute(query)]
                self.load(number for number, _ in linked)
                for number, subject in linked:
                    row = amended[subject]
                    is_withdrawn = row["state"] == "withdrawn"
                    if is_withdrawn:
                        self.flag(number, EVIDENCE_WITHDRAWN)
                    kind = EVIDENCE_WITHDRAWN if is_withdrawn else "evidence_amended"
                    word = "withdrawn" if is_withdrawn else "amended"
                    detail = {key: subject, "revision": row["revision"], "state": row["state"]}
                    summary = f"{noun} {word} after later evidence (revision {row['revision']})"
                    self.entry(number, ENGINE_ACTOR, kind, summary, detail)

    def save(self) -> int:
        """Write every touched case with a new version, its entries and its change; how many there were."""
        self._write_new_cases()
        for number in self._touched:
            row = self._rows[number]
            row["version"] += 1
            row["updated_at_ns"] = self._at_ns
            row["journal_seq"] = self._journal_seq
        if self._touched:
            columns = [c.name for c in tables.cases.columns if c.name != "number"]
            statement = (
                sa.update(tables.cases)
                .where(tables.cases.c.number == sa.bindparam("key"))
                .values({name: sa.bindparam(f"new_{name}") for name in columns})
            )
            self._connection.execute(
                statement,
                [
                    {"key": n} | {f"new_{c}": v for c, v in self._stored(n).items() if c != "number"}
                    for n in self._touched
                ],
            )
        insert(self._connection, tables.timeline, self._entries)
        self._changes.add_rows("case", "number", (self._rows[n] for n in self._touched), CASE_FIELDS)
        count = len(self._touched)
        self._touched = {}
        self._entries = []
        return count

    def _open(self, row: Row) -> None:
        number = row["case_number"]
        self._rows[number] = {
            "number": number,
            "version": 0,
            "status": "filed",
            **{
                name: row[name]
                for name in (
                    "rule_id",
                    "party",
                    "place",
                    "sector",
                    "chainage_m",
                    "lon",
                    "lat",
                    "time_start_ns",
                    "time_end_ns",
                    "priority",
                    "summary",
                )
            },
            "opening": row["summary"],
            "search": search_text(number, row["summary"], row["rule_id"], row["sector"]),
            "assignee": None,
            "incident_count": 0,
            "finding_count": 0,
            "due_at_ns": tables.NEVER_NS,
            "is_settled": False,
            "flags": [],
            "verdict": None,
            "probability": None,
            "confidence": None,
            "filed_at_ns": self._at_ns,
            "updated_at_ns": self._at_ns,
            "journal_seq": self._journal_seq,
        }
        self._new.add(number)
        self.set_due(number)
        self.entry(number, ENGINE_ACTOR, "filed", row["summary"], _evidence(row))

    def _join(self, row: Row) -> None:
        number = row["case_number"]
        case = self.row(number)
        values: Row = {
            "time_start_ns": min(case["time_start_ns"], row["time_start_ns"]),
            "time_end_ns": max(case["time_end_ns"], row["time_end_ns"]),
        }
        if not case["is_settled"]:
            values["priority"] = min(case["priority"], row["priority"])
        is_more_urgent = values.get("priority", case["priority"]) < case["priority"]
        self.change(number, **values)
        if is_more_urgent and case["status"] in _UNDECIDED:
            self.set_due(number)
        self.entry(number, ENGINE_ACTOR, "finding_joined", row["summary"], _evidence(row))
        if case["status"] not in _UNDECIDED and self.flag(number, NEW_EVIDENCE):
            summary = "later evidence joined the case and is not covered by the decisions made before it"
            self.entry(number, ENGINE_ACTOR, NEW_EVIDENCE, summary, _evidence(row))

    def _update(self, row: Row, *, is_opener: bool) -> None:
        """Carry a finding's new revision over to its case; that there is one stands on the timeline already.

        What a person triaged does not become less urgent by itself, and what was decided keeps its time.
        """
        number = row["case_number"]
        case = self.row(number)
        before, after = case["priority"], row["priority"]
        values: Row = {
            "time_start_ns": min(case["time_start_ns"], row["time_start_ns"]),
            "time_end_ns": max(case["time_end_ns"], row["time_end_ns"]),
        }
        if is_opener:
            values |= {name: row[name] for name in ("summary", "chainage_m", "lon", "lat")}
            values["opening"] = row["summary"]
            values["search"] = search_text(number, row["summary"], case["rule_id"], case["sector"])
        self.change(number, **values)
        if (after < before and case["status"] in _UNDECIDED) or (
            after > before and case["status"] == "filed"
        ):
            self.change(number, priority=after)
            self.set_due(number)
            summary = f"priority {before} became {after} by the amended evidence"
            self.entry(number, ENGINE_ACTOR, "priority_changed", summary, _evidence(row))

    def _openers(self, numbers: Sequence[str]) -> dict[str, str]:
        """The finding that opened each case, which is told by the first entry of its timeline."""
        entry = tables.timeline.c
        found: dict[str, str] = {}
        for part in in_parts(list(dict.fromkeys(numbers))):
            query = sa.select(entry.case_number, entry.detail).where(
                entry.case_number.in_(part), entry.kind == "filed"
            )
            for number, detail in self._connection.execute(query):
                found[str(number)] = from_json(detail)["finding_id"]
        return found

    def _relink(self, rows: Sequence[Row]) -> None:
        """Point the links of revised findings to the incidents that these belong to now."""
        if not rows:
            return
        link = tables.case_links.c
        statement = (
            sa.update(tables.case_links)
            .where(link.case_number == sa.bindparam("of_case"), link.finding_id == sa.bindparam("of_finding"))
            .values(incident_id=sa.bindparam("now"))
        )
        self._connection.execute(
            statement,
            [
                {"of_case": r["case_number"], "of_finding": r["finding_id"], "now": r["incident_id"]}
                for r in rows
            ],
        )

    def _write_new_cases(self) -> None:
        insert(self._connection, tables.cases, [self._stored(n) for n in self._rows if n in self._new])
        self._new.clear()

    def _stored(self, number: str) -> Row:
        row = self._rows[number]
        return {**row, "flags": to_json(row["flags"])}

    def _aggregate(self, numbers: Sequence[str]) -> None:
        """Take counts, verdict, probability and confidence of the cases from their linked findings."""
        link, finding = tables.case_links.c, tables.findings.c
        stands = finding.state != "withdrawn"
        query = (
            sa.select(
                link.case_number,
                sa.func.count(),
                sa.func.count(link.incident_id.distinct()),
                sa.func.max(sa.case((stands, finding.probability))),
                sa.func.max(sa.case((stands, _rank(finding.verdict, _VERDICT_RANKS)))),
                sa.func.max(sa.case((stands, _rank(finding.confidence, _CONFIDENCE_RANKS)))),
            )
            .select_from(tables.case_links.outerjoin(tables.findings, finding.finding_id == link.finding_id))
            .group_by(link.case_number)
        )
        for part in in_parts(numbers):
            for number, count, incident_count, probability, verdict, confidence in self._connection.execute(
                query.where(link.case_number.in_(part))
            ):
                case = self.row(number)
                self.change(
                    number,
                    summary=case_sentence(case["rule_id"], incident_count, case["sector"], case["opening"]),
                    finding_count=count,
                    incident_count=incident_count,
                    probability=probability,
                    verdict=None if verdict is None else _VERDICT_RANKS[verdict],
                    confidence=None if confidence is None else _CONFIDENCE_RANKS[confidence],
                )


def search_text(*parts: str | None) -> str:
    """What a search looks in: the words of a case, case-folded.

    >>> search_text("2026-00001", "Fire near Торське", None)
    '2026-00001 fire near торське'
    """
    return " ".join(part for part in parts if part).casefold()


def _rank(column: sa.ColumnElement[Any], words: Sequence[str]) -> sa.ColumnElement[Any]:
    return sa.case({word: rank for rank, word in enumerate(words)}, value=column)


def _evidence(row: Row) -> dict[str, Any]:
    names = ("finding_id", "finding_revision", "incident_id", "rule_id", "priority")
    found = {name: row[name] for name in names}
    reasons = from_json(row["priority_reasons"]) if row.get("priority_reasons") else []
    return found | ({"priority_reasons": reasons} if reasons else {})
