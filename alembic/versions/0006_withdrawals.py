"""Withdrawals that wait for a sale, accounts that are closed, and exits that sell a part of a position."""

import sqlalchemy as sa

from alembic import op

revision = "0006"
down_revision = "0005"
branch_labels = None
depends_on = None

MONEY = sa.Numeric(precision=38, scale=18)
CLOSED_IS_EMPTY = "closed_at IS NULL OR (status = 'stopped' AND cash = 0 AND reserved = 0 AND balance = 0)"


def upgrade() -> None:
    op.add_column("accounts", sa.Column("closed_at", sa.DateTime(timezone=True), nullable=True), schema="trading")
    op.create_check_constraint(op.f("ck_accounts_closed_is_empty"), "accounts", CLOSED_IS_EMPTY, schema="trading")
    op.add_column("cash_flows", sa.Column("balance_after", MONEY, nullable=True), schema="trading")
    op.add_column(
        "shares", sa.Column("keeps_rest", sa.Boolean(), server_default="false", nullable=False), schema="trading"
    )
    op.create_table(
        "withdrawals",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=True), nullable=False),
        sa.Column("account_id", sa.Text(), nullable=False),
        sa.Column("reference_id", sa.Text(), nullable=False),
        sa.Column("kind", sa.Text(), server_default="withdrawal", nullable=False),
        sa.Column("amount", MONEY, nullable=True),
        sa.Column("status", sa.Text(), server_default="pending", nullable=False),
        sa.Column("free", MONEY, nullable=True),
        sa.Column("detail", sa.Text(), nullable=True),
        sa.Column("requested_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.Column("finished_at", sa.DateTime(timezone=True), nullable=True),
        sa.CheckConstraint("kind IN ('withdrawal', 'closing')", name=op.f("ck_withdrawals_kind")),
        sa.CheckConstraint("status IN ('pending', 'completed', 'failed')", name=op.f("ck_withdrawals_status")),
        sa.CheckConstraint(
            "(finished_at IS NULL) = (status = 'pending')", name=op.f("ck_withdrawals_finished_when_final")
        ),
        sa.CheckConstraint(
            "coalesce(amount, 0) > 0 OR kind = 'closing' AND coalesce(amount, 0) = 0",
            name=op.f("ck_withdrawals_amount"),
        ),
        sa.CheckConstraint(
            "status <> 'completed' OR amount IS NOT NULL", name=op.f("ck_withdrawals_completed_with_amount")
        ),
        sa.CheckConstraint("(status = 'failed') = (free IS NOT NULL)", name=op.f("ck_withdrawals_failed_with_free")),
        sa.ForeignKeyConstraint(["account_id"], ["trading.accounts.id"], name=op.f("fk_withdrawals_account_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_withdrawals")),
        sa.UniqueConstraint("account_id", "reference_id", name=op.f("uq_withdrawals_account_id_reference_id")),
        schema="trading",
    )
    op.create_index(op.f("ix_withdrawals_account_id_id"), "withdrawals", ["account_id", "id"], schema="trading")
    op.create_index(
        "ix_withdrawals_pending",
        "withdrawals",
        ["account_id", "id"],
        schema="trading",
        postgresql_where=sa.text("status = 'pending'"),
    )
    op.create_index(
        "uq_withdrawals_closing",
        "withdrawals",
        ["account_id"],
        unique=True,
        schema="trading",
        postgresql_where=sa.text("kind = 'closing' AND status <> 'failed'"),
    )


def downgrade() -> None:
    op.drop_table("withdrawals", schema="trading")
    op.drop_column("shares", "keeps_rest", schema="trading")
    op.drop_column("cash_flows", "balance_after", schema="trading")
    op.drop_constraint(op.f("ck_accounts_closed_is_empty"), "accounts", schema="trading", type_="check")
    op.drop_column("accounts", "closed_at", schema="trading")
