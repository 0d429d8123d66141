"""The tables of the store, as SQLAlchemy Core on SQLite (and nothing that PostgreSQL could not hold).

The store is a projection: every row follows from a journal record or the output log and can be made again
from them. Times are int64 ns UTC (`_ns`); lists and objects are canonical JSON text. Results have the
columns of `monitoring.schema`, in their order; an older revision moves to `superseded_*` when the next
one arrives.
"""

from typing import Any, Final

import pyarrow as pa
import sqlalchemy as sa

from monitoring import schema

metadata: Final = sa.MetaData(
    naming_convention={
        "ix": "ix_%(table_name)s_%(column_0_N_name)s",
        "uq": "uq_%(table_name)s_%(column_0_N_name)s",
        "fk": "fk_%(table_name)s_%(column_0_N_name)s",
        "pk": "pk_%(table_name)s",
    }
)


def _type_of(arrow: pa.DataType) -> sa.types.TypeEngine[Any]:
    """The column type of an Arrow type; lists are kept as JSON text."""
    if pa.types.is_boolean(arrow):
        return sa.Boolean()
    if pa.types.is_integer(arrow):
        return sa.BigInteger()
    if pa.types.is_floating(arrow):
        return sa.Float()
    return sa.Text()


def _columns_of(arrow: pa.Schema, *keys: str) -> list[sa.Column[object]]:
    return [
        sa.Column(f.name, _type_of(f.type), primary_key=f.name in keys, nullable=f.nullable) for f in arrow
    ]


def _result(name: str, arrow: pa.Schema, *keys: str) -> sa.Table:
    """A table of results: the published columns, and which journal record they came with, when."""
    return sa.Table(
        name,
        metadata,
        *_columns_of(arrow, *keys),
        sa.Column("journal_seq", sa.BigInteger, nullable=False),
        sa.Column("recorded_at_ns", sa.BigInteger, nullable=False),
    )


offsets: Final = sa.Table(
    "offsets",
    metadata,
    sa.Column("name", sa.Text, primary_key=True),
    sa.Column("journal_seq", sa.BigInteger, nullable=False),
)
"""How far the store has come: the row `journal` holds the last record whose effects are in it."""

findings: Final = _result("findings", schema.FINDINGS, "finding_id")
superseded_findings: Final = _result("superseded_findings", schema.FINDINGS, "finding_id", "revision")
provisional_findings: Final = _result("provisional_findings", schema.FINDINGS, "finding_id")
incidents: Final = _result("incidents", schema.INCIDENTS, "incident_id")
superseded_incidents: Final = _result("superseded_incidents", schema.INCIDENTS, "incident_id", "revision")
provisional_incidents: Final = _result("provisional_incidents", schema.INCIDENTS, "incident_id")

for _table, _id in ((findings, "finding_id"), (incidents, "incident_id")):
    # What lists are narrowed by stands in one index with the list's order, so that a page and its count are
    # found without touching the wide rows.
    _narrow = ("time_end_ns", "state", "sector", "party", "chainage_m", "lon", "lat", "recorded_at_ns")
    _own = [name for name in ("rule_id", "verdict", "kind") if name in _table.c]
    sa.Index(f"ix_{_table.name}_list", *(_table.c[n] for n in ("time_start_ns", _id, *_narrow, *_own)))
    sa.Index(None, _table.c.recorded_at_ns, _table.c[_id])
sa.Index(None, findings.c.subject_key, findings.c.time_start_ns)
sa.Index(None, findings.c.incident_id)
sa.Index(None, provisional_findings.c.time_start_ns)
sa.Index(None, provisional_incidents.c.time_start_ns)

members: Final = sa.Table("members", metadata, *_columns_of(schema.MEMBERS, "incident_id", "sensor_id", "id"))
"""Which event belongs to which incident, as of the incident's present revision."""
sa.Index(None, members.c.sensor_id, members.c.id)

coverage: Final = _result("coverage", schema.COVERAGE, "sector", "kind", "time_start_ns")
superseded_coverage: Final = _result(
    "superseded_coverage", schema.COVERAGE, "sector", "kind", "time_start_ns", "revision"
)
sa.Index(None, coverage.c.time_start_ns, coverage.c.sector, coverage.c.kind)

cases: Final = sa.Table(
    "cases",
    metadata,
    sa.Column("number", sa.Text, primary_key=True),
    sa.Column("version", sa.BigInteger, nullable=False),
    sa.Column("status", sa.Text, nullable=False),
    sa.Column("rule_id", sa.Text, nullable=False),
    sa.Column("party", sa.Text),
    sa.Column("place", sa.Text, nullable=False),
    sa.Column("sector", sa.Text),
    sa.Column("chainage_m", sa.Float),
    sa.Column("lon", sa.Float),
    sa.Column("lat", sa.Float),
    sa.Column("time_start_ns", sa.BigInteger, nullable=False),
    sa.Column("time_end_ns", sa.BigInteger, nullable=False),
    sa.Column("priority", sa.Integer, nullable=False),
    sa.Column("summary", sa.Text, nullable=False),
    sa.Column("opening", sa.Text, nullable=False),
    sa.Column("search", sa.Text, nullable=False),
    sa.Column("assignee", sa.Text),
    sa.Column("incident_count", sa.Integer, nullable=False),
    sa.Column("finding_count", sa.Integer, nullable=False),
    sa.Column("due_at_ns", sa.BigInteger, nullable=False),
    sa.Column("is_settled", sa.Boolean, nullable=False),
    sa.Column("flags", sa.Text, nullable=False),
    sa.Column("verdict", sa.Text),
    sa.Column("probability", sa.Float),
    sa.Column("confidence", sa.Text),
    sa.Column("filed_at_ns", sa.BigInteger, nullable=False),
    sa.Column("updated_at_ns", sa.BigInteger, nullable=False),
    sa.Column("journal_seq", sa.BigInteger, nullable=False),
)
"""What people work on. `opening` is the sentence of the finding that opened it; `flags` is a JSON list; the
aggregates follow from the linked findings.

A case without a deadline has `due_at_ns` = NEVER_NS, so that the queue's order has no nulls in it;
`search` is what a search looks in, case-folded.
"""
NEVER_NS: Final = 1 << 62
QUEUE_ORDER: Final = ("is_settled", "priority", "due_at_ns", "number")
"""The order of the queue: what is open first, then by priority, then what is due first."""
# The queue's order with everything that it is narrowed by, so that no filter has to touch the wide rows. There is
# no index on single filters beside it: the planner would take it and then read every row that matches.
sa.Index(
    "ix_cases_queue",
    *(cases.c[name] for name in QUEUE_ORDER),
    *(cases.c[name] for name in ("status", "sector", "party", "rule_id", "assignee", "time_start_ns")),
    *(cases.c[name] for name in ("time_end_ns", "updated_at_ns", "chainage_m", "lon", "lat", "search")),
)
sa.Index(None, cases.c.updated_at_ns, cases.c.number)

case_links: Final = sa.Table(
    "case_links",
    metadata,
    sa.Column("case_number", sa.Text, sa.ForeignKey("cases.number"), primary_key=True),
    sa.Column("finding_id", sa.Text, primary_key=True),
    sa.Column("incident_id", sa.Text),
    sa.Column("linked_at_ns", sa.BigInteger, nullable=False),
)
"""Which findings, and through them incidents, a case is about."""
sa.Index(None, case_links.c.finding_id, case_links.c.case_number)
sa.Index(None, case_links.c.incident_id, case_links.c.case_number)

decisions: Final = sa.Table(
    "decisions",
    metadata,
    sa.Column("id", sa.Text, primary_key=True),
    sa.Column("case_number", sa.Text, sa.ForeignKey("cases.number"), nullable=False, index=True),
    sa.Column("number", sa.Integer, nullable=False),
    sa.Column("kind", sa.Text, nullable=False),
    sa.Column("outcome", sa.Text, nullable=False),
    sa.Column("reasoning", sa.Text, nullable=False),
    sa.Column("standard_of_proof", sa.Text, nullable=False),
    sa.Column("state", sa.Text, nullable=False),
    sa.Column("proposed_by", sa.Text, nullable=False),
    sa.Column("proposed_at_ns", sa.BigInteger, nullable=False),
    sa.Column("decided_by", sa.Text),
    sa.Column("decided_at_ns", sa.BigInteger),
    sa.Column("comment", sa.Text),
)

timeline: Final = sa.Table(
    "timeline",
    metadata,
    sa.Column("case_number", sa.Text, sa.ForeignKey("cases.number"), primary_key=True),
    sa.Column("number", sa.Integer, primary_key=True),
    sa.Column("at_ns", sa.BigInteger, nullable=False),
    sa.Column("actor", sa.Text, nullable=False),
    sa.Column("kind", sa.Text, nullable=False),
    sa.Column("summary", sa.Text, nullable=False),
    sa.Column("detail", sa.Text, nullable=False),
    sa.Column("journal_seq", sa.BigInteger, nullable=False),
)
"""What happened to a case, in order; notes are entries of kind `note` with their text in `detail`."""

audit: Final = sa.Table(
    "audit",
    metadata,
    sa.Column("journal_seq", sa.BigInteger, primary_key=True),
    sa.Column("number", sa.Integer, primary_key=True),
    sa.Column("at_ns", sa.BigInteger, nullable=False),
    sa.Column("actor", sa.Text, nullable=False),
    sa.Column("action", sa.Text, nullable=False),
    sa.Column("subject", sa.Text, nullable=False),
    sa.Column("detail", sa.Text, nullable=False),
)
"""Who did what: one row for each action, account and registry record."""

changes: Final = sa.Table(
    "changes",
    metadata,
    sa.Column("id", sa.Integer, primary_key=True, autoincrement=True),
    sa.Column("kind", sa.Text, nullable=False),
    sa.Column("subject", sa.Text, nullable=False),
    sa.Column("data", sa.Text, nullable=False),
    sqlite_autoincrement=True,
)
"""What the live feed tells, oldest first; ids only grow and old rows are let go."""

receipts: Final = sa.Table(
    "receipts",
    metadata,
    sa.Column("receipt_id", sa.Text, primary_key=True),
    sa.Column("principal", sa.Text, nullable=False),
    sa.Column("received_at_ns", sa.BigInteger, nullable=False),
    sa.Column("journal_from", sa.BigInteger),
    sa.Column("journal_to", sa.BigInteger),
    sa.Column("event_from_ns", sa.BigInteger),
    sa.Column("event_to_ns", sa.BigInteger),
    sa.Column("body", sa.Text, nullable=False),
)
"""Receipts as the contract words them; `body` is the whole receipt. The event times are those of what was accepted."""
sa.Index(None, receipts.c.received_at_ns)
sa.Index(None, receipts.c.event_to_ns, receipts.c.event_from_ns)

quarantine: Final = sa.Table(
    "quarantine",
    metadata,
    sa.Column("journal_seq", sa.BigInteger, primary_key=True),
    sa.Column("row", sa.BigInteger, primary_key=True),
    sa.Column("receipt_id", sa.Text),
    sa.Column("source", sa.Text),
    sa.Column("line_no", sa.BigInteger, nullable=False),
    sa.Column("reason", sa.Text, nullable=False),
    sa.Column("detail", sa.Text, nullable=False),
    sa.Column("format", sa.Text, nullable=False),
    sa.Column("header", sa.LargeBinary),
    sa.Column("original", sa.LargeBinary, nullable=False),
    sa.Column("fingerprint", sa.Text, nullable=False),
    sa.Column("received_at_ns", sa.BigInteger, nullable=False),
    sa.Column("replayed_at_ns", sa.BigInteger),
)
"""Refused rows with their original bytes; `header` is the CSV header they stood under, `fingerprint` a hash of both.

`replayed_at_ns`: when the row was sent through the door again; from then on the newer row stands for it."""
sa.Index(None, quarantine.c.reason, quarantine.c.journal_seq, quarantine.c.row)
sa.Index(None, quarantine.c.receipt_id)
sa.Index(None, quarantine.c.fingerprint)
sa.Index(None, quarantine.c.received_at_ns)

sensors: Final = sa.Table(
    "sensors",
    metadata,
    sa.Column("sensor_id", sa.Text, primary_key=True),
    sa.Column("type", sa.Text, nullable=False),
    sa.Column("lon", sa.Float),
    sa.Column("lat", sa.Float),
    sa.Column("host_side", sa.Text),
    sa.Column("record", sa.Text, nullable=False),
    sa.Column("registered_at_ns", sa.BigInteger, nullable=False),
)
"""The registry; `record` is the sensor as it was registered."""

sensor_status: Final = sa.Table(
    "sensor_status",
    metadata,
    sa.Column("sensor_id", sa.Text, primary_key=True),
    sa.Column("last_time_ns", sa.BigInteger, nullable=False),
    sa.Column("last_received_ns", sa.BigInteger, nullable=False),
    sa.Column("event_count", sa.BigInteger, nullable=False),
    sa.Column("last_status", sa.Text),
)
"""What a sensor last delivered; `last_status` is its newest `heartbeat`, `outage` or `tamper`."""

reports: Final = sa.Table(
    "reports",
    metadata,
    sa.Column("date", sa.Text, primary_key=True),
    sa.Column("from_ns", sa.BigInteger, nullable=False),
    sa.Column("to_ns", sa.BigInteger, nullable=False),
    sa.Column("is_sealed", sa.Boolean, nullable=False),
    sa.Column("files", sa.Text, nullable=False),
    sa.Column("written_at_ns", sa.BigInteger, nullable=False),
)

accounts: Final = sa.Table(
    "accounts",
    metadata,
    sa.Column("name", sa.Text, primary_key=True),
    sa.Column("display_name", sa.Text, nullable=False),
    sa.Column("roles", sa.Text, nullable=False),
    sa.Column("secret_hash", sa.Text, nullable=False),
    sa.Column("must_set_secret", sa.Boolean, nullable=False),
    sa.Column("is_disabled", sa.Boolean, nullable=False),
    sa.Column("changed_at_ns", sa.BigInteger, nullable=False),
)

tokens: Final = sa.Table(
    "tokens",
    metadata,
    sa.Column("prefix", sa.Text, primary_key=True),
    sa.Column("sha256", sa.Text, nullable=False),
    sa.Column("name", sa.Text, nullable=False),
    sa.Column("scopes", sa.Text, nullable=False),
    sa.Column("is_revoked", sa.Boolean, nullable=False),
    sa.Column("created_at_ns", sa.BigInteger, nullable=False),
)
"""Bearer tokens: looked up by prefix, compared by SHA-256; the token itself is never kept."""

sessions: Final = sa.Table(
    "sessions",
    metadata,
    sa.Column("id_sha256", sa.Text, primary_key=True),
    sa.Column("account", sa.Text, nullable=False, index=True),
    sa.Column("created_at_ns", sa.BigInteger, nullable=False),
    sa.Column("used_at_ns", sa.BigInteger, nullable=False),
)
"""Who is signed in. The one table that no record rebuilds: after a rebuild people sign in again."""

reference: Final = sa.Table(
    "reference",
    metadata,
    sa.Column("kind", sa.Text, primary_key=True),
    sa.Column("version", sa.Text, primary_key=True),
    sa.Column("valid_from_ns", sa.BigInteger, primary_key=True),
    sa.Column("valid_to_ns", sa.BigInteger),
    sa.Column("label", sa.Text, nullable=False),
    sa.Column("body", sa.Text, nullable=False),
    sa.Column("journal_seq", sa.BigInteger, nullable=False),
)
"""Versions of line, agreement and area, with the event times for which they hold."""
