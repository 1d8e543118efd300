"""Indexes for two lists: an account's decisions, and the trades of all agents."""

from alembic import op

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_index(
        op.f("ix_assignments_account_id_started_at"), "assignments", ["account_id", "started_at"], schema="trading"
    )
    op.create_index(op.f("ix_trades_closed_at_id"), "trades", ["closed_at", "id"], schema="trading")


def downgrade() -> None:
    op.drop_index(op.f("ix_trades_closed_at_id"), table_name="trades", schema="trading")
    op.drop_index(op.f("ix_assignments_account_id_started_at"), table_name="assignments", schema="trading")
