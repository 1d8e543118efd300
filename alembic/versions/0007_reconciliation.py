"""Runs of the reconciliation, what differs, how far it has come, and what belongs to nobody."""

import sqlalchemy as sa
from sqlalchemy.dialects import postgresql

from alembic import op

revision = "0007"
down_revision = "0006"
branch_labels = None
depends_on = None

MONEY = sa.Numeric(precision=38, scale=18)
TIME = sa.DateTime(timezone=True)
RESULTS = "('ok', 'accepted', 'mismatch', 'venue_wiped', 'busy', 'failed')"


def upgrade() -> None:
    op.create_table(
        "reconciliations",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=True), nullable=False),
        sa.Column("requested_by", sa.Text(), nullable=False),
        sa.Column("is_full", sa.Boolean(), server_default="false", nullable=False),
        sa.Column("requested_at", TIME, server_default=sa.text("now()"), nullable=False),
        sa.Column("started_at", TIME, nullable=True),
        sa.Column("finished_at", TIME, nullable=True),
        sa.Column("result", sa.Text(), nullable=True),
        sa.Column("detail", sa.Text(), nullable=True),
        sa.Column("orders", sa.BigInteger(), server_default="0", nullable=False),
        sa.Column("fills", sa.BigInteger(), server_default="0", nullable=False),
        sa.Column("seen", postgresql.JSONB(astext_type=sa.Text()), nullable=True),
        sa.Column("flows", MONEY, nullable=True),
        sa.CheckConstraint(f"result IN {RESULTS}", name=op.f("ck_reconciliations_result")),
        sa.CheckConstraint(
            "(result IS NULL) = (finished_at IS NULL)", name=op.f("ck_reconciliations_finished_with_result")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_reconciliations")),
        schema="trading",
    )
    for name, condition in (("pending", "finished_at IS NULL"), ("compared", "seen IS NOT NULL")):
        op.create_index(
            f"ix_reconciliations_{name}",
            "reconciliations",
            ["id"],
            schema="trading",
            postgresql_where=sa.text(condition),
        )
    op.create_table(
        "discrepancies",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=True), nullable=False),
        sa.Column("code", sa.Text(), nullable=False),
        sa.Column("subject", sa.Text(), nullable=False),
        sa.Column("expected", MONEY, nullable=True),
        sa.Column("actual", MONEY, nullable=True),
        sa.Column("size", MONEY, nullable=False),
        sa.Column("detail", sa.Text(), nullable=False),
        sa.Column("halts", sa.Boolean(), nullable=False),
        sa.Column("since", TIME, server_default=sa.text("now()"), nullable=False),
        sa.Column("last_seen_at", TIME, server_default=sa.text("now()"), nullable=False),
        sa.Column("gone_at", TIME, nullable=True),
        sa.Column("reconciliation_id", sa.BigInteger(), nullable=False),
        sa.ForeignKeyConstraint(
            ["reconciliation_id"], ["trading.reconciliations.id"], name=op.f("fk_discrepancies_reconciliation_id")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_discrepancies")),
        sa.UniqueConstraint("code", "subject", name=op.f("uq_discrepancies_code_subject")),
        schema="trading",
    )
    op.create_index(
        "ix_discrepancies_standing",
        "discrepancies",
        ["id"],
        schema="trading",
        postgresql_where=sa.text("gone_at IS NULL"),
    )
    op.create_table(
        "unassigned",
        sa.Column("asset", sa.Text(), nullable=False),
        sa.Column("venue", MONEY, nullable=False),
        sa.Column("assigned", MONEY, nullable=False),
        sa.Column("amount", MONEY, nullable=False),
        sa.Column("taken_out", MONEY, server_default="0", nullable=False),
        sa.Column("at", TIME, server_default=sa.text("now()"), nullable=False),
        sa.PrimaryKeyConstraint("asset", name=op.f("pk_unassigned")),
        schema="trading",
    )
    op.create_table(
        "reconciliation_cursors",
        sa.Column("symbol", sa.Text(), nullable=False),
        sa.Column("first_order_id", sa.BigInteger(), nullable=False),
        sa.Column("last_order_id", sa.BigInteger(), nullable=False),
        sa.Column("first_trade_id", sa.BigInteger(), nullable=False),
        sa.Column("last_trade_id", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("symbol", name=op.f("pk_reconciliation_cursors")),
        schema="trading",
    )


def downgrade() -> None:
    for table in ("reconciliation_cursors", "unassigned", "discrepancies", "reconciliations"):
        op.drop_table(table, schema="trading")
