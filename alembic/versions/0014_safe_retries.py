"""Requests that may be sent again, with the answers they got; what callers based a change on."""

import sqlalchemy as sa
from sqlalchemy.dialects import postgresql

from alembic import op

revision = "0014"
down_revision = "0013"
branch_labels = None
depends_on = None

TIME = sa.DateTime(timezone=True)


def upgrade() -> None:
    op.create_table(
        "idempotency_keys",
        sa.Column("actor", sa.Text(), nullable=False),
        sa.Column("method", sa.Text(), nullable=False),
        sa.Column("path", sa.Text(), nullable=False),
        sa.Column("key", sa.Text(), nullable=False),
        sa.Column("fingerprint", sa.Text(), nullable=False),
        sa.Column("claim", sa.Uuid(), nullable=False),
        sa.Column("claimed_at", TIME, server_default=sa.text("now()"), nullable=False),
        sa.Column("running_until", TIME, nullable=False),
        sa.Column("carried_out_at", TIME, nullable=True),
        sa.Column("status", sa.BigInteger(), nullable=True),
        sa.Column("headers", postgresql.JSONB(astext_type=sa.Text()), nullable=True),
        sa.Column("body", sa.LargeBinary(), nullable=True),
        sa.CheckConstraint(
            "(status IS NULL) = (body IS NULL) AND (status IS NULL) = (headers IS NULL)",
            name=op.f("ck_idempotency_keys_answer_is_whole"),
        ),
        sa.PrimaryKeyConstraint("actor", "method", "path", "key", name=op.f("pk_idempotency_keys")),
        schema="trading",
    )
    op.create_index(
        op.f("ix_idempotency_keys_claimed_at"), "idempotency_keys", ["claimed_at"], unique=False, schema="trading"
    )
    op.add_column(
        "agents", sa.Column("revision", sa.BigInteger(), server_default="0", nullable=False), schema="trading"
    )


def downgrade() -> None:
    op.drop_column("agents", "revision", schema="trading")
    op.drop_table("idempotency_keys", schema="trading")
