"""The tokens of the API's callers, and indexes for reading the audit log by who, what and whom."""

import sqlalchemy as sa

from alembic import op

revision = "0012"
down_revision = "0011"
branch_labels = None
depends_on = None

MOMENT = sa.DateTime(timezone=True)
FILTERS = ("actor", "action", "agent", "account_id")


def upgrade() -> None:
    op.create_table(
        "api_tokens",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=True), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("digest", sa.LargeBinary(), nullable=False),
        sa.Column("scope", sa.Text(), nullable=False),
        sa.Column("created_at", MOMENT, server_default=sa.text("now()"), nullable=False),
        sa.Column("expires_at", MOMENT, nullable=True),
        sa.Column("revoked_at", MOMENT, nullable=True),
        sa.CheckConstraint("scope IN ('read', 'trade', 'admin')", name=op.f("ck_api_tokens_scope")),
        sa.CheckConstraint("length(digest) = 32", name=op.f("ck_api_tokens_digest_is_sha256")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_api_tokens")),
        sa.UniqueConstraint("digest", name=op.f("uq_api_tokens_digest")),
        schema="trading",
    )
    op.create_index(op.f("ix_api_tokens_name"), "api_tokens", ["name"], schema="trading")
    for column in FILTERS:
        op.create_index(op.f(f"ix_audit_log_{column}_id"), "audit_log", [column, "id"], schema="trading")


def downgrade() -> None:
    for column in FILTERS:
        op.drop_index(op.f(f"ix_audit_log_{column}_id"), table_name="audit_log", schema="trading")
    op.drop_table("api_tokens", schema="trading")
