"""What the last judging of an agent's accounts says of the next one: how far prices may move before it can find anything."""

import sqlalchemy as sa
from sqlalchemy.dialects import postgresql

from alembic import op

revision = "0020"
down_revision = "0019"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("agents", sa.Column("leeway_version", sa.BigInteger()), schema="trading")
    op.create_table(
        "leeways",
        sa.Column("agent", sa.Text(), nullable=False),
        sa.Column("lowest", sa.Numeric()),
        sa.Column("highest", sa.Numeric()),
        sa.Column("cash", sa.Numeric(38, 18), nullable=False),
        sa.Column("symbols", postgresql.ARRAY(sa.Text()), nullable=False),
        sa.Column("quantities", postgresql.ARRAY(sa.Numeric(38, 18)), nullable=False),
        sa.Column("bids", postgresql.ARRAY(sa.Numeric(38, 18)), nullable=False),
        sa.ForeignKeyConstraint(["agent"], ["trading.agents.name"], name=op.f("fk_leeways_agent")),
        sa.PrimaryKeyConstraint("agent", name=op.f("pk_leeways")),
        sa.CheckConstraint("lowest <> 'NaN' AND highest <> 'NaN' AND cash <> 'NaN'", name=op.f("ck_leeways_numbers")),
        schema="trading",
    )


def downgrade() -> None:
    op.drop_table("leeways", schema="trading")
    op.drop_column("agents", "leeway_version", schema="trading")
