"""Accounts remember that an operator asked for their positions to be closed."""

import sqlalchemy as sa

from alembic import op

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column(
        "accounts", sa.Column("close_requested_at", sa.DateTime(timezone=True), nullable=True), schema="trading"
    )
    op.create_index(
        "ix_accounts_closing",
        "accounts",
        ["agent"],
        schema="trading",
        postgresql_where=sa.text("close_requested_at IS NOT NULL"),
    )


def downgrade() -> None:
    op.drop_index(
        "ix_accounts_closing",
        table_name="accounts",
        schema="trading",
        postgresql_where=sa.text("close_requested_at IS NOT NULL"),
    )
    op.drop_column("accounts", "close_requested_at", schema="trading")
