"""Coverage by sector and hour."""

import sqlalchemy as sa
from alembic import op

revision = "v0002"
down_revision = "v0001"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "coverage",
        sa.Column("sector", sa.Text(), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("time_start_ns", sa.BigInteger(), nullable=False),
        sa.Column("time_end_ns", sa.BigInteger(), nullable=False),
        sa.Column("revision", sa.BigInteger(), nullable=False),
        sa.Column("line_km_h", sa.Float(), nullable=False),
        sa.Column("watched_km_h", sa.Float(), nullable=False),
        sa.Column("effective_km_h", sa.Float(), nullable=False),
        sa.Column("lost_km_h", sa.Float(), nullable=False),
        sa.Column("detection_prob", sa.Float(), nullable=True),
        sa.Column("status", sa.Text(), nullable=False),
        sa.Column("working_count", sa.BigInteger(), nullable=False),
        sa.Column("down_count", sa.BigInteger(), nullable=False),
        sa.Column("is_upper_bound", sa.Boolean(), nullable=False),
        sa.Column("line_version", sa.Text(), nullable=True),
        sa.Column("engine_version", sa.Text(), nullable=False),
        sa.Column("journal_seq", sa.BigInteger(), nullable=False),
        sa.Column("recorded_at_ns", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("sector", "kind", "time_start_ns", name=op.f("pk_coverage")),
    )
    with op.batch_alter_table("coverage", schema=None) as batch_op:
        batch_op.create_index(
            batch_op.f("ix_coverage_time_start_ns_sector_kind"),
            ["time_start_ns", "sector", "kind"],
            unique=False,
        )
    op.create_table(
        "superseded_coverage",
        sa.Column("sector", sa.Text(), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("time_start_ns", sa.BigInteger(), nullable=False),
        sa.Column("time_end_ns", sa.BigInteger(), nullable=False),
        sa.Column("revision", sa.BigInteger(), nullable=False),
        sa.Column("line_km_h", sa.Float(), nullable=False),
        sa.Column("watched_km_h", sa.Float(), nullable=False),
        sa.Column("effective_km_h", sa.Float(), nullable=False),
        sa.Column("lost_km_h", sa.Float(), nullable=False),
        sa.Column("detection_prob", sa.Float(), nullable=True),
        sa.Column("status", sa.Text(), nullable=False),
        sa.Column("working_count", sa.BigInteger(), nullable=False),
        sa.Column("down_count", sa.BigInteger(), nullable=False),
        sa.Column("is_upper_bound", sa.Boolean(), nullable=False),
        sa.Column("line_version", sa.Text(), nullable=True),
        sa.Column("engine_version", sa.Text(), nullable=False),
        sa.Column("journal_seq", sa.BigInteger(), nullable=False),
        sa.Column("recorded_at_ns", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint(
            "sector", "kind", "time_start_ns", "revision", name=op.f("pk_superseded_coverage")
        ),
    )


def downgrade() -> None:
    op.drop_table("superseded_coverage")
    with op.batch_alter_table("coverage", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_coverage_time_start_ns_sector_kind"))
    op.drop_table("coverage")
