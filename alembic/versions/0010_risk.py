"""Breakers and the equities they measure losses from, the limits each agent trades under, time limits of positions."""

import sqlalchemy as sa
from sqlalchemy.dialects import postgresql

from alembic import op

revision = "0010"
down_revision = "0009"
branch_labels = None
depends_on = None

MONEY = sa.Numeric(precision=38, scale=18)
TIME = sa.DateTime(timezone=True)
STANDING = sa.text("ended_at IS NULL")
STARTING_POINTS = (
    ("agents", ("equity", "day_equity")),
    ("accounts", ("day_equity",)),
    ("service_state", ("peak_equity", "day_equity")),
)
RULES = {
    "scope": "scope IN ('account', 'agent', 'service')",
    "kind": "kind IN ('daily_loss', 'drawdown')",
    "action": "action IN ('block', 'close')",
    "account": "(account_id IS NOT NULL) = (scope = 'account')",
    "agent": "(agent IS NULL) = (scope = 'service')",
    "ended": "(ended_at IS NULL) = (ended_by IS NULL)",
}
WORTH_NOW = """
UPDATE trading.agents SET equity = (
    SELECT coalesce(sum(a.cash + a.reserved), 0) + coalesce((
        SELECT sum(p.cost) FROM trading.positions p WHERE p.agent = agents.name AND p.closed_at IS NULL), 0)
    FROM trading.accounts a WHERE a.agent = agents.name AND a.kind <> 'dust')
"""


def upgrade() -> None:
    for table, columns in STARTING_POINTS:
        for column in columns:
            op.add_column(table, sa.Column(column, MONEY, server_default="0", nullable=False), schema="trading")
        op.add_column(table, sa.Column("equity_day", sa.Date(), nullable=True), schema="trading")
    op.execute(WORTH_NOW)
    op.add_column("agents", sa.Column("judged_version", sa.BigInteger(), nullable=True), schema="trading")
    op.add_column(
        "agents", sa.Column("profile", postgresql.JSONB(astext_type=sa.Text()), nullable=True), schema="trading"
    )
    op.add_column("brackets", sa.Column("leave_at", TIME, nullable=True), schema="trading")
    op.create_table(
        "breakers",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=True), nullable=False),
        sa.Column("scope", sa.Text(), nullable=False),
        sa.Column("subject", sa.Text(), nullable=False),
        sa.Column("agent", sa.Text(), nullable=True),
        sa.Column("account_id", sa.Text(), nullable=True),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("action", sa.Text(), nullable=False),
        sa.Column("allowed", MONEY, nullable=False),
        sa.Column("reference", MONEY, nullable=False),
        sa.Column("equity", MONEY, nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("tripped_at", TIME, server_default=sa.text("now()"), nullable=False),
        sa.Column("expires_at", TIME, nullable=True),
        sa.Column("ended_at", TIME, nullable=True),
        sa.Column("ended_by", sa.Text(), nullable=True),
        *(sa.CheckConstraint(rule, name=op.f(f"ck_breakers_{name}")) for name, rule in RULES.items()),
        sa.ForeignKeyConstraint(["agent"], ["trading.agents.name"], name=op.f("fk_breakers_agent")),
        sa.ForeignKeyConstraint(["account_id"], ["trading.accounts.id"], name=op.f("fk_breakers_account_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_breakers")),
        schema="trading",
    )
    for name, keys, unique in (
        ("uq_breakers_standing", ["scope", "subject", "kind"], True),
        ("ix_breakers_account", ["account_id"], False),
        ("ix_breakers_agent", ["agent"], False),
        ("ix_breakers_expiring", ["expires_at"], False),
    ):
        op.create_index(name, "breakers", keys, unique=unique, schema="trading", postgresql_where=STANDING)


def downgrade() -> None:
    op.drop_table("breakers", schema="trading")
    op.drop_column("brackets", "leave_at", schema="trading")
    op.drop_column("agents", "profile", schema="trading")
    op.drop_column("agents", "judged_version", schema="trading")
    for table, columns in STARTING_POINTS:
        for column in (*columns, "equity_day"):
            op.drop_column(table, column, schema="trading")
