"""Past prices, and what every day was worth to each account and each agent."""

import sqlalchemy as sa

from alembic import op

revision = "0008"
down_revision = "0007"
branch_labels = None
depends_on = None

TIME = sa.DateTime(timezone=True)
ADDS_UP = "closing - opening = profit_loss + net_flows"
TABLES = ("synced_days", "agent_days", "account_days", "mark_history")


def money(*names: str) -> list[sa.Column[object]]:
    return [sa.Column(name, sa.Numeric(precision=38, scale=18), nullable=False) for name in names]


def upgrade() -> None:
    op.create_table(
        "mark_history",
        sa.Column("symbol", sa.Text(), nullable=False),
        sa.Column("at", TIME, nullable=False),
        *money("bid"),
        sa.PrimaryKeyConstraint("symbol", "at", name=op.f("pk_mark_history")),
        schema="trading",
    )
    op.create_table(
        "account_days",
        sa.Column("day", sa.Date(), nullable=False),
        sa.Column("account_id", sa.Text(), nullable=False),
        sa.Column("agent", sa.Text(), nullable=False),
        *money("opening", "net_flows", "capital", "profit_loss", "closing", "realised"),
        sa.Column("trades", sa.BigInteger(), nullable=False),
        sa.Column("winning_trades", sa.BigInteger(), nullable=False),
        sa.CheckConstraint(ADDS_UP, name=op.f("ck_account_days_adds_up")),
        sa.ForeignKeyConstraint(["account_id"], ["trading.accounts.id"], name=op.f("fk_account_days_account_id")),
        sa.ForeignKeyConstraint(["agent"], ["trading.agents.name"], name=op.f("fk_account_days_agent")),
        sa.PrimaryKeyConstraint("day", "account_id", name=op.f("pk_account_days")),
        schema="trading",
    )
    op.create_index(op.f("ix_account_days_account_id_day"), "account_days", ["account_id", "day"], schema="trading")
    op.create_table(
        "agent_days",
        sa.Column("agent", sa.Text(), nullable=False),
        sa.Column("day", sa.Date(), nullable=False),
        sa.Column("accounts", sa.BigInteger(), nullable=False),
        *money("opening", "net_flows", "capital", "profit_loss", "closing"),
        sa.CheckConstraint(ADDS_UP, name=op.f("ck_agent_days_adds_up")),
        sa.ForeignKeyConstraint(["agent"], ["trading.agents.name"], name=op.f("fk_agent_days_agent")),
        sa.PrimaryKeyConstraint("agent", "day", name=op.f("pk_agent_days")),
        schema="trading",
    )
    op.create_table(
        "synced_days",
        sa.Column("day", sa.Date(), nullable=False),
        sa.Column("is_final", sa.Boolean(), nullable=False),
        sa.Column("accounts", sa.BigInteger(), nullable=False),
        sa.Column("trades", sa.BigInteger(), nullable=False),
        *money("net_flows", "realised_profit"),
        sa.Column("synced_at", TIME, server_default=sa.text("now()"), nullable=False),
        sa.PrimaryKeyConstraint("day", name=op.f("pk_synced_days")),
        schema="trading",
    )
    op.create_index(op.f("ix_cash_flows_created_at"), "cash_flows", ["created_at"], schema="trading")


def downgrade() -> None:
    op.drop_index(op.f("ix_cash_flows_created_at"), "cash_flows", schema="trading")
    for table in TABLES:
        op.drop_table(table, schema="trading")
