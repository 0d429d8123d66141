"""The tables of the first version."""

import sqlalchemy as sa
from alembic import op

revision = "v0001"
down_revision = None
branch_labels = None
depends_on = None


def upgrade() -> None:  # noqa: PLR0915 - one statement for each table and index
    op.create_table(
        "accounts",
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("display_name", sa.Text(), nullable=False),
        sa.Column("roles", sa.Text(), nullable=False),
        sa.Column("secret_hash", sa.Text(), nullable=False),
        sa.Column("must_set_secret", sa.Boolean(), nullable=False),
        sa.Column("is_disabled", sa.Boolean(), nullable=False),
        sa.Column("changed_at_ns", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("name", name=op.f("pk_accounts")),
    )
    op.create_table(
        "audit",
        sa.Column("journal_seq", sa.BigInteger(), nullable=False),
        sa.Column("number", sa.Integer(), nullable=False),
        sa.Column("at_ns", sa.BigInteger(), nullable=False),
        sa.Column("actor", sa.Text(), nullable=False),
        sa.Column("action", sa.Text(), nullable=False),
        sa.Column("subject", sa.Text(), nullable=False),
        sa.Column("detail", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("journal_seq", "number", name=op.f("pk_audit")),
    )
    op.create_table(
        "cases",
        sa.Column("number", sa.Text(), nullable=False),
        sa.Column("version", sa.BigInteger(), nullable=False),
        sa.Column("status", sa.Text(), nullable=False),
        sa.Column("rule_id", sa.Text(), nullable=False),
        sa.Column("party", sa.Text(), nullable=True),
        sa.Column("place", sa.Text(), nullable=False),
        sa.Column("sector", sa.Text(), nullable=True),
        sa.Column("chainage_m", sa.Float(), nullable=True),
        sa.Column("lon", sa.Float(), nullable=True),
        sa.Column("lat", sa.Float(), nullable=True),
        sa.Column("time_start_ns", sa.BigInteger(), nullable=False),
        sa.Column("time_end_ns", sa.BigInteger(), nullable=False),
        sa.Column("priority", sa.Integer(), nullable=False),
        sa.Column("summary", sa.Text(), nullable=False),
        sa.Column("search", sa.Text(), nullable=False),
        sa.Column("opening", sa.Text(), nullable=False),
        sa.Column("assignee", sa.Text(), nullable=True),
        sa.Column("incident_count", sa.Integer(), nullable=False),
        sa.Column("finding_count", sa.Integer(), nullable=False),
        sa.Column("due_at_ns", sa.BigInteger(), nullable=False),
        sa.Column("is_settled", sa.Boolean(), nullable=False),
        sa.Column("flags", sa.Text(), nullable=False),
        sa.Column("verdict", sa.Text(), nullable=True),
        sa.Column("probability", sa.Float(), nullable=True),
        sa.Column("confidence", sa.Text(), nullable=True),
        sa.Column("filed_at_ns", sa.BigInteger(), nullable=False),
        sa.Column("updated_at_ns", sa.BigInteger(), nullable=False),
        sa.Column("journal_seq", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("number", name=op.f("pk_cases")),
    )
    with op.batch_alter_table("cases", schema=None) as batch_op:
        batch_op.create_index(
            "ix_cases_queue",
            [
                "is_settled",
                "priority",
                "due_at_ns",
                "number",
                "status",
                "sector",
                "party",
                "rule_id",
                "assignee",
                "time_start_ns",
                "time_end_ns",
                "updated_at_ns",
                "chainage_m",
                "lon",
                "lat",
                "search",
            ],
            unique=False,
        )
        batch_op.create_index(
            batch_op.f("ix_cases_updated_at_ns_number"), ["updated_at_ns", "number"], unique=False
        )

    op.create_table(
        "changes",
        sa.Column("id", sa.Integer(), autoincrement=True, nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("subject", sa.Text(), nullable=False),
        sa.Column("data", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_changes")),
        sqlite_autoincrement=True,
    )
    op.create_table(
        "findings",
        sa.Column("finding_id", sa.Text(), nullable=False),
        sa.Column("revision", sa.BigInteger(), nullable=False),
        sa.Column("state", sa.Text(), nullable=False),
        sa.Column("rule_id", sa.Text(), nullable=False),
        sa.Column("clause", sa.Text(), nullable=True),
        sa.Column("verdict", sa.Text(), nullable=False),
        sa.Column("time_start_ns", sa.BigInteger(), nullable=False),
        sa.Column("time_end_ns", sa.BigInteger(), nullable=False),
        sa.Column("lon", sa.Float(), nullable=True),
        sa.Column("lat", sa.Float(), nullable=True),
        sa.Column("sigma_m", sa.Float(), nullable=True),
        sa.Column("side", sa.Text(), nullable=True),
        sa.Column("direction", sa.Text(), nullable=True),
        sa.Column("distance_m", sa.Float(), nullable=True),
        sa.Column("chainage_m", sa.Float(), nullable=True),
        sa.Column("line_part", sa.BigInteger(), nullable=True),
        sa.Column("sector", sa.Text(), nullable=True),
        sa.Column("probability", sa.Float(), nullable=True),
        sa.Column("confidence", sa.Text(), nullable=True),
        sa.Column("margin", sa.Float(), nullable=True),
        sa.Column("margin_unit", sa.Text(), nullable=True),
        sa.Column("count", sa.BigInteger(), nullable=True),
        sa.Column("count_is_minimum", sa.Boolean(), nullable=True),
        sa.Column("track_id", sa.Text(), nullable=True),
        sa.Column("object_class", sa.Text(), nullable=True),
        sa.Column("party", sa.Text(), nullable=True),
        sa.Column("incident_id", sa.Text(), nullable=True),
        sa.Column("subject_key", sa.Text(), nullable=False),
        sa.Column("sensor_ids", sa.Text(), nullable=False),
        sa.Column("event_ids", sa.Text(), nullable=False),
        sa.Column("line_version", sa.Text(), nullable=True),
        sa.Column("agreement_version", sa.Text(), nullable=True),
        sa.Column("engine_version", sa.Text(), nullable=False),
        sa.Column("reasons", sa.Text(), nullable=False),
        sa.Column("detail", sa.Text(), nullable=False),
        sa.Column("journal_seq", sa.BigInteger(), nullable=False),
        sa.Column("recorded_at_ns", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("finding_id", name=op.f("pk_findings")),
    )
    with op.batch_alter_table("findings", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_findings_incident_id"), ["incident_id"], unique=False)
        batch_op.create_index(
            "ix_findings_list",
            [
                "time_start_ns",
                "finding_id",
                "time_end_ns",
                "state",
                "sector",
                "party",
                "chainage_m",
                "lon",
                "lat",
                "recorded_at_ns",
                "rule_id",
                "verdict",
            ],
            unique=False,
        )
        batch_op.create_index(
            batch_op.f("ix_findings_recorded_at_ns_finding_id"),
            ["recorded_at_ns", "finding_id"],
            unique=False,
        )
        batch_op.create_index(
            batch_op.f("ix_findings_subject_key_time_start_ns"),
            ["subject_key", "time_start_ns"],
            unique=False,
        )

    op.create_table(
        "incidents",
        sa.Column("incident_id", sa.Text(), nullable=False),
        sa.Column("revision", sa.BigInteger(), nullable=False),
        sa.Column("state", sa.Text(), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("time_start_ns", sa.BigInteger(), nullable=False),
        sa.Column("time_end_ns", sa.BigInteger(), nullable=False),
        sa.Column("lon", sa.Float(), nullable=True),
        sa.Column("lat", sa.Float(), nullable=True),
        sa.Column("sigma_major_m", sa.Float(), nullable=True),
        sa.Column("sigma_minor_m", sa.Float(), nullable=True),
        sa.Column("sigma_azimuth_deg", sa.Float(), nullable=True),
        sa.Column("side", sa.Text(), nullable=True),
        sa.Column("signed_distance_m", sa.Float(), nullable=True),
        sa.Column("chainage_m", sa.Float(), nullable=True),
        sa.Column("line_part", sa.BigInteger(), nullable=True),
        sa.Column("sector", sa.Text(), nullable=True),
        sa.Column("line_version", sa.Text(), nullable=True),
        sa.Column("party", sa.Text(), nullable=True),
        sa.Column("violations_smm", sa.BigInteger(), nullable=True),
        sa.Column("rounds_least", sa.BigInteger(), nullable=True),
        sa.Column("rounds_best", sa.BigInteger(), nullable=True),
        sa.Column("count_is_minimum", sa.Boolean(), nullable=True),
        sa.Column("phenomena", sa.Text(), nullable=False),
        sa.Column("event_count", sa.BigInteger(), nullable=False),
        sa.Column("sensor_ids", sa.Text(), nullable=False),
        sa.Column("confidence", sa.Text(), nullable=True),
        sa.Column("summary", sa.Text(), nullable=False),
        sa.Column("engine_version", sa.Text(), nullable=False),
        sa.Column("detail", sa.Text(), nullable=False),
        sa.Column("journal_seq", sa.BigInteger(), nullable=False),
        sa.Column("recorded_at_ns", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("incident_id", name=op.f("pk_incidents")),
    )
    with op.batch_alter_table("incidents", schema=None) as batch_op:
        batch_op.create_index(
            "ix_incidents_list",
            [
                "time_start_ns",
                "incident_id",
                "time_end_ns",
                "state",
                "sector",
                "party",
                "chainage_m",
                "lon",
                "lat",
                "recorded_at_ns",
                "kind",
            ],
            unique=False,
        )
        batch_op.create_index(
            batch_op.f("ix_incidents_recorded_at_ns_incident_id"),
            ["recorded_at_ns", "incident_id"],
            unique=False,
        )

    op.create_table(
        "members",
        sa.Column("incident_id", sa.Text(), nullable=False),
        sa.Column("sensor_id", sa.Text(), nullable=False),
        sa.Column("id", sa.Text(), nullable=False),
        sa.Column("journal_seq", sa.BigInteger(), nullable=False),
        sa.Column("row", sa.BigInteger(), nullable=False),
        sa.Column("phenomenon", sa.BigInteger(), nullable=False),
        sa.Column("residual_m", sa.Float(), nullable=True),
        sa.PrimaryKeyConstraint("incident_id", "sensor_id", "id", name=op.f("pk_members")),
    )
    with op.batch_alter_table("members", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_members_sensor_id_id"), ["sensor_id", "id"], unique=False)

    op.create_table(
        "offsets",
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("journal_seq", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("name", name=op.f("pk_offsets")),
    )
    op.create_table(
        "provisional_findings",
        sa.Column("finding_id", sa.Text(), nullable=False),
        sa.Column("revision", sa.BigInteger(), nullable=False),
        sa.Column("state", sa.Text(), nullable=False),
        sa.Column("rule_id", sa.Text(), nullable=False),
        sa.Column("clause", sa.Text(), nullable=True),
        sa.Column("verdict", sa.Text(), nullable=False),
        sa.Column("time_start_ns", sa.BigInteger(), nullable=False),
        sa.Column("time_end_ns", sa.BigInteger(), nullable=False),
        sa.Column("lon", sa.Float(), nullable=True),
        sa.Column("lat", sa.Float(), nullable=True),
        sa.Column("sigma_m", sa.Float(), nullable=True),
        sa.Column("side", sa.Text(), nullable=True),
        sa.Column("direction", sa.Text(), nullable=True),
        sa.Column("distance_m", sa.Float(), nullable=True),
        sa.Column("chainage_m", sa.Float(), nullable=True),
        sa.Column("line_part", sa.BigInteger(), nullable=True),
        sa.Column("sector", sa.Text(), nullable=True),
        sa.Column("probability", sa.Float(), nullable=True),
        sa.Column("confidence", sa.Text(), nullable=True),
        sa.Column("margin", sa.Float(), nullable=True),
        sa.Column("margin_unit", sa.Text(), nullable=True),
        sa.Column("count", sa.BigInteger(), nullable=True),
        sa.Column("count_is_minimum", sa.Boolean(), nullable=True),
        sa.Column("track_id", sa.Text(), nullable=True),
        sa.Column("object_class", sa.Text(), nullable=True),
        sa.Column("party", sa.Text(), nullable=True),
        sa.Column("incident_id", sa.Text(), nullable=True),
        sa.Column("subject_key", sa.Text(), nullable=False),
        sa.Column("sensor_ids", sa.Text(), nullable=False),
        sa.Column("event_ids", sa.Text(), nullable=False),
        sa.Column("line_version", sa.Text(), nullable=True),
        sa.Column("agreement_version", sa.Text(), nullable=True),
        sa.Column("engine_version", sa.Text(), nullable=False),
        sa.Column("reasons", sa.Text(), nullable=False),
        sa.Column("detail", sa.Text(), nullable=False),
        sa.Column("journal_seq", sa.BigInteger(), nullable=False),
        sa.Column("recorded_at_ns", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("finding_id", name=op.f("pk_provisional_findings")),
    )
    with op.batch_alter_table("provisional_findings", schema=None) as batch_op:
        batch_op.create_index(
            batch_op.f("ix_provisional_findings_time_start_ns"), ["time_start_ns"], unique=False
        )

    op.create_table(
        "provisional_incidents",
        sa.Column("incident_id", sa.Text(), nullable=False),
        sa.Column("revision", sa.BigInteger(), nullable=False),
        sa.Column("state", sa.Text(), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("time_start_ns", sa.BigInteger(), nullable=False),
        sa.Column("time_end_ns", sa.BigInteger(), nullable=False),
        sa.Column("lon", sa.Float(), nullable=True),
        sa.Column("lat", sa.Float(), nullable=True),
        sa.Column("sigma_major_m", sa.Float(), nullable=True),
        sa.Column("sigma_minor_m", sa.Float(), nullable=True),
        sa.Column("sigma_azimuth_deg", sa.Float(), nullable=True),
        sa.Column("side", sa.Text(), nullable=True),
        sa.Column("signed_distance_m", sa.Float(), nullable=True),
        sa.Column("chainage_m", sa.Float(), nullable=True),
        sa.Column("line_part", sa.BigInteger(), nullable=True),
        sa.Column("sector", sa.Text(), nullable=True),
        sa.Column("line_version", sa.Text(), nullable=True),
        sa.Column("party", sa.Text(), nullable=True),
        sa.Column("violations_smm", sa.BigInteger(), nullable=True),
        sa.Column("rounds_least", sa.BigInteger(), nullable=True),
        sa.Column("rounds_best", sa.BigInteger(), nullable=True),
        sa.Column("count_is_minimum", sa.Boolean(), nullable=True),
        sa.Column("phenomena", sa.Text(), nullable=False),
        sa.Column("event_count", sa.BigInteger(), nullable=False),
        sa.Column("sensor_ids", sa.Text(), nullable=False),
        sa.Column("confidence", sa.Text(), nullable=True),
        sa.Column("summary", sa.Text(), nullable=False),
        sa.Column("engine_version", sa.Text(), nullable=False),
        sa.Column("detail", sa.Text(), nullable=False),
        sa.Column("journal_seq", sa.BigInteger(), nullable=False),
        sa.Column("recorded_at_ns", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("incident_id", name=op.f("pk_provisional_incidents")),
    )
    with op.batch_alter_table("provisional_incidents", schema=None) as batch_op:
        batch_op.create_index(
            batch_op.f("ix_provisional_incidents_time_start_ns"), ["time_start_ns"], unique=False
        )

    op.create_table(
        "quarantine",
        sa.Column("journal_seq", sa.BigInteger(), nullable=False),
        sa.Column("row", sa.BigInteger(), nullable=False),
        sa.Column("receipt_id", sa.Text(), nullable=True),
        sa.Column("source", sa.Text(), nullable=True),
        sa.Column("line_no", sa.BigInteger(), nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("detail", sa.Text(), nullable=False),
        sa.Column("format", sa.Text(), nullable=False),
        sa.Column("header", sa.LargeBinary(), nullable=True),
        sa.Column("original", sa.LargeBinary(), nullable=False),
        sa.Column("fingerprint", sa.Text(), nullable=False),
        sa.Column("received_at_ns", sa.BigInteger(), nullable=False),
        sa.Column("replayed_at_ns", sa.BigInteger(), nullable=True),
        sa.PrimaryKeyConstraint("journal_seq", "row", name=op.f("pk_quarantine")),
    )
    with op.batch_alter_table("quarantine", schema=None) as batch_op:
        batch_op.create_index(
            batch_op.f("ix_quarantine_reason_journal_seq_row"), ["reason", "journal_seq", "row"], unique=False
        )
        batch_op.create_index(batch_op.f("ix_quarantine_fingerprint"), ["fingerprint"], unique=False)
        batch_op.create_index(batch_op.f("ix_quarantine_receipt_id"), ["receipt_id"], unique=False)
        batch_op.create_index(batch_op.f("ix_quarantine_received_at_ns"), ["received_at_ns"], unique=False)

    op.create_table(
        "receipts",
        sa.Column("receipt_id", sa.Text(), nullable=False),
        sa.Column("principal", sa.Text(), nullable=False),
        sa.Column("received_at_ns", sa.BigInteger(), nullable=False),
        sa.Column("journal_from", sa.BigInteger(), nullable=True),
        sa.Column("journal_to", sa.BigInteger(), nullable=True),
        sa.Column("event_from_ns", sa.BigInteger(), nullable=True),
        sa.Column("event_to_ns", sa.BigInteger(), nullable=True),
        sa.Column("body", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("receipt_id", name=op.f("pk_receipts")),
    )
    with op.batch_alter_table("receipts", schema=None) as batch_op:
        batch_op.create_index(
            batch_op.f("ix_receipts_event_to_ns_event_from_ns"),
            ["event_to_ns", "event_from_ns"],
            unique=False,
        )
        batch_op.create_index(batch_op.f("ix_receipts_received_at_ns"), ["received_at_ns"], unique=False)

    op.create_table(
        "reference",
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("version", sa.Text(), nullable=False),
        sa.Column("valid_from_ns", sa.BigInteger(), nullable=False),
        sa.Column("valid_to_ns", sa.BigInteger(), nullable=True),
        sa.Column("label", sa.Text(), nullable=False),
        sa.Column("body", sa.Text(), nullable=False),
        sa.Column("journal_seq", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("kind", "version", "valid_from_ns", name=op.f("pk_reference")),
    )
    op.create_table(
        "reports",
        sa.Column("date", sa.Text(), nullable=False),
        sa.Column("from_ns", sa.BigInteger(), nullable=False),
        sa.Column("to_ns", sa.BigInteger(), nullable=False),
        sa.Column("is_sealed", sa.Boolean(), nullable=False),
        sa.Column("files", sa.Text(), nullable=False),
        sa.Column("written_at_ns", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("date", name=op.f("pk_reports")),
    )
    op.create_table(
        "sensor_status",
        sa.Column("sensor_id", sa.Text(), nullable=False),
        sa.Column("last_time_ns", sa.BigInteger(), nullable=False),
        sa.Column("last_received_ns", sa.BigInteger(), nullable=False),
        sa.Column("event_count", sa.BigInteger(), nullable=False),
        sa.Column("last_status", sa.Text(), nullable=True),
        sa.PrimaryKeyConstraint("sensor_id", name=op.f("pk_sensor_status")),
    )
    op.create_table(
        "sensors",
        sa.Column("sensor_id", sa.Text(), nullable=False),
        sa.Column("type", sa.Text(), nullable=False),
        sa.Column("lon", sa.Float(), nullable=True),
        sa.Column("lat", sa.Float(), nullable=True),
        sa.Column("host_side", sa.Text(), nullable=True),
        sa.Column("record", sa.Text(), nullable=False),
        sa.Column("registered_at_ns", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("sensor_id", name=op.f("pk_sensors")),
    )
    op.create_table(
        "sessions",
        sa.Column("id_sha256", sa.Text(), nullable=False),
        sa.Column("account", sa.Text(), nullable=False),
        sa.Column("created_at_ns", sa.BigInteger(), nullable=False),
        sa.Column("used_at_ns", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("id_sha256", name=op.f("pk_sessions")),
    )
    with op.batch_alter_table("sessions", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_sessions_account"), ["account"], unique=False)

    op.create_table(
        "superseded_findings",
        sa.Column("finding_id", sa.Text(), nullable=False),
        sa.Column("revision", sa.BigInteger(), nullable=False),
        sa.Column("state", sa.Text(), nullable=False),
        sa.Column("rule_id", sa.Text(), nullable=False),
        sa.Column("clause", sa.Text(), nullable=True),
        sa.Column("verdict", sa.Text(), nullable=False),
        sa.Column("time_start_ns", sa.BigInteger(), nullable=False),
        sa.Column("time_end_ns", sa.BigInteger(), nullable=False),
        sa.Column("lon", sa.Float(), nullable=True),
        sa.Column("lat", sa.Float(), nullable=True),
        sa.Column("sigma_m", sa.Float(), nullable=True),
        sa.Column("side", sa.Text(), nullable=True),
        sa.Column("direction", sa.Text(), nullable=True),
        sa.Column("distance_m", sa.Float(), nullable=True),
        sa.Column("chainage_m", sa.Float(), nullable=True),
        sa.Column("line_part", sa.BigInteger(), nullable=True),
        sa.Column("sector", sa.Text(), nullable=True),
        sa.Column("probability", sa.Float(), nullable=True),
        sa.Column("confidence", sa.Text(), nullable=True),
        sa.Column("margin", sa.Float(), nullable=True),
        sa.Column("margin_unit", sa.Text(), nullable=True),
        sa.Column("count", sa.BigInteger(), nullable=True),
        sa.Column("count_is_minimum", sa.Boolean(), nullable=True),
        sa.Column("track_id", sa.Text(), nullable=True),
        sa.Column("object_class", sa.Text(), nullable=True),
        sa.Column("party", sa.Text(), nullable=True),
        sa.Column("incident_id", sa.Text(), nullable=True),
        sa.Column("subject_key", sa.Text(), nullable=False),
        sa.Column("sensor_ids", sa.Text(), nullable=False),
        sa.Column("event_ids", sa.Text(), nullable=False),
        sa.Column("line_version", sa.Text(), nullable=True),
        sa.Column("agreement_version", sa.Text(), nullable=True),
        sa.Column("engine_version", sa.Text(), nullable=False),
        sa.Column("reasons", sa.Text(), nullable=False),
        sa.Column("detail", sa.Text(), nullable=False),
        sa.Column("journal_seq", sa.BigInteger(), nullable=False),
        sa.Column("recorded_at_ns", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("finding_id", "revision", name=op.f("pk_superseded_findings")),
    )
    op.create_table(
        "superseded_incidents",
        sa.Column("incident_id", sa.Text(), nullable=False),
        sa.Column("revision", sa.BigInteger(), nullable=False),
        sa.Column("state", sa.Text(), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("time_start_ns", sa.BigInteger(), nullable=False),
        sa.Column("time_end_ns", sa.BigInteger(), nullable=False),
        sa.Column("lon", sa.Float(), nullable=True),
        sa.Column("lat", sa.Float(), nullable=True),
        sa.Column("sigma_major_m", sa.Float(), nullable=True),
        sa.Column("sigma_minor_m", sa.Float(), nullable=True),
        sa.Column("sigma_azimuth_deg", sa.Float(), nullable=True),
        sa.Column("side", sa.Text(), nullable=True),
        sa.Column("signed_distance_m", sa.Float(), nullable=True),
        sa.Column("chainage_m", sa.Float(), nullable=True),
        sa.Column("line_part", sa.BigInteger(), nullable=True),
        sa.Column("sector", sa.Text(), nullable=True),
        sa.Column("line_version", sa.Text(), nullable=True),
        sa.Column("party", sa.Text(), nullable=True),
        sa.Column("violations_smm", sa.BigInteger(), nullable=True),
        sa.Column("rounds_least", sa.BigInteger(), nullable=True),
        sa.Column("rounds_best", sa.BigInteger(), nullable=True),
        sa.Column("count_is_minimum", sa.Boolean(), nullable=True),
        sa.Column("phenomena", sa.Text(), nullable=False),
        sa.Column("event_count", sa.BigInteger(), nullable=False),
        sa.Column("sensor_ids", sa.Text(), nullable=False),
        sa.Column("confidence", sa.Text(), nullable=True),
        sa.Column("summary", sa.Text(), nullable=False),
        sa.Column("engine_version", sa.Text(), nullable=False),
        sa.Column("detail", sa.Text(), nullable=False),
        sa.Column("journal_seq", sa.BigInteger(), nullable=False),
        sa.Column("recorded_at_ns", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("incident_id", "revision", name=op.f("pk_superseded_incidents")),
    )
    op.create_table(
        "tokens",
        sa.Column("prefix", sa.Text(), nullable=False),
        sa.Column("sha256", sa.Text(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("scopes", sa.Text(), nullable=False),
        sa.Column("is_revoked", sa.Boolean(), nullable=False),
        sa.Column("created_at_ns", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("prefix", name=op.f("pk_tokens")),
    )
    op.create_table(
        "case_links",
        sa.Column("case_number", sa.Text(), nullable=False),
        sa.Column("finding_id", sa.Text(), nullable=False),
        sa.Column("incident_id", sa.Text(), nullable=True),
        sa.Column("linked_at_ns", sa.BigInteger(), nullable=False),
        sa.ForeignKeyConstraint(["case_number"], ["cases.number"], name=op.f("fk_case_links_case_number")),
        sa.PrimaryKeyConstraint("case_number", "finding_id", name=op.f("pk_case_links")),
    )
    with op.batch_alter_table("case_links", schema=None) as batch_op:
        batch_op.create_index(
            batch_op.f("ix_case_links_finding_id_case_number"), ["finding_id", "case_number"], unique=False
        )
        batch_op.create_index(
            batch_op.f("ix_case_links_incident_id_case_number"), ["incident_id", "case_number"], unique=False
        )

    op.create_table(
        "decisions",
        sa.Column("id", sa.Text(), nullable=False),
        sa.Column("case_number", sa.Text(), nullable=False),
        sa.Column("number", sa.Integer(), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("outcome", sa.Text(), nullable=False),
        sa.Column("reasoning", sa.Text(), nullable=False),
        sa.Column("standard_of_proof", sa.Text(), nullable=False),
        sa.Column("state", sa.Text(), nullable=False),
        sa.Column("proposed_by", sa.Text(), nullable=False),
        sa.Column("proposed_at_ns", sa.BigInteger(), nullable=False),
        sa.Column("decided_by", sa.Text(), nullable=True),
        sa.Column("decided_at_ns", sa.BigInteger(), nullable=True),
        sa.Column("comment", sa.Text(), nullable=True),
        sa.ForeignKeyConstraint(["case_number"], ["cases.number"], name=op.f("fk_decisions_case_number")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_decisions")),
    )
    with op.batch_alter_table("decisions", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_decisions_case_number"), ["case_number"], unique=False)

    op.create_table(
        "timeline",
        sa.Column("case_number", sa.Text(), nullable=False),
        sa.Column("number", sa.Integer(), nullable=False),
        sa.Column("at_ns", sa.BigInteger(), nullable=False),
        sa.Column("actor", sa.Text(), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("summary", sa.Text(), nullable=False),
        sa.Column("detail", sa.Text(), nullable=False),
        sa.Column("journal_seq", sa.BigInteger(), nullable=False),
        sa.ForeignKeyConstraint(["case_number"], ["cases.number"], name=op.f("fk_timeline_case_number")),
        sa.PrimaryKeyConstraint("case_number", "number", name=op.f("pk_timeline")),
    )


def downgrade() -> None:  # noqa: PLR0915 - one statement for each table and index
    op.drop_table("timeline")
    with op.batch_alter_table("decisions", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_decisions_case_number"))

    op.drop_table("decisions")
    with op.batch_alter_table("case_links", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_case_links_incident_id_case_number"))
        batch_op.drop_index(batch_op.f("ix_case_links_finding_id_case_number"))

    op.drop_table("case_links")
    op.drop_table("tokens")
    op.drop_table("superseded_incidents")
    op.drop_table("superseded_findings")
    with op.batch_alter_table("sessions", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_sessions_account"))

    op.drop_table("sessions")
    op.drop_table("sensors")
    op.drop_table("sensor_status")
    op.drop_table("reports")
    op.drop_table("reference")
    with op.batch_alter_table("receipts", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_receipts_received_at_ns"))
        batch_op.drop_index(batch_op.f("ix_receipts_event_to_ns_event_from_ns"))

    op.drop_table("receipts")
    with op.batch_alter_table("quarantine", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_quarantine_received_at_ns"))
        batch_op.drop_index(batch_op.f("ix_quarantine_receipt_id"))
        batch_op.drop_index(batch_op.f("ix_quarantine_fingerprint"))
        batch_op.drop_index(batch_op.f("ix_quarantine_reason_journal_seq_row"))

    op.drop_table("quarantine")
    with op.batch_alter_table("provisional_incidents", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_provisional_incidents_time_start_ns"))

    op.drop_table("provisional_incidents")
    with op.batch_alter_table("provisional_findings", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_provisional_findings_time_start_ns"))

    op.drop_table("provisional_findings")
    op.drop_table("offsets")
    with op.batch_alter_table("members", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_members_sensor_id_id"))

    op.drop_table("members")
    with op.batch_alter_table("incidents", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_incidents_recorded_at_ns_incident_id"))
        batch_op.drop_index("ix_incidents_list")

    op.drop_table("incidents")
    with op.batch_alter_table("findings", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_findings_subject_key_time_start_ns"))
        batch_op.drop_index(batch_op.f("ix_findings_recorded_at_ns_finding_id"))
        batch_op.drop_index("ix_findings_list")
        batch_op.drop_index(batch_op.f("ix_findings_incident_id"))

    op.drop_table("findings")
    op.drop_table("changes")
    with op.batch_alter_table("cases", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_cases_updated_at_ns_number"))
        batch_op.drop_index("ix_cases_queue")

    op.drop_table("cases")
    op.drop_table("audit")
    op.drop_table("accounts")
