"""What each agent was worth at its ticks."""

import sqlalchemy as sa

from alembic import op

revision = "0011"
down_revision = "0010"
branch_labels = None
depends_on = None

MONEY = sa.Numeric(precision=38, scale=18)


def upgrade() -> None:
    op.create_table(
        "equity_points",
        sa.Column("agent", sa.Text(), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("equity", MONEY, nullable=False),
        sa.Column("drawdown", MONEY, nullable=False),
        sa.ForeignKeyConstraint(["agent"], ["trading.agents.name"], name=op.f("fk_equity_points_agent")),
        sa.PrimaryKeyConstraint("agent", "at", name=op.f("pk_equity_points")),
        schema="trading",
    )


def downgrade() -> None:
    op.drop_table("equity_points", schema="trading")
