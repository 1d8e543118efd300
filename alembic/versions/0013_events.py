"""Events, who is told of them, and what was delivered."""

import sqlalchemy as sa
from sqlalchemy.dialects import postgresql

from alembic import op

revision = "0013"
down_revision = "0012"
branch_labels = None
depends_on = None

ID = postgresql.UUID(as_uuid=True)
TIME = sa.DateTime(timezone=True)
NEW_ID = sa.text("gen_random_uuid()")
CLOCK = sa.text("clock_timestamp()")
NOW = sa.text("now()")


def upgrade() -> None:
    op.create_table(
        "events",
        sa.Column("id", ID, server_default=NEW_ID, nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("cause", sa.Text(), nullable=False),
        sa.Column("agent", sa.Text(), nullable=True),
        sa.Column("account_id", sa.Text(), nullable=True),
        sa.Column("payload", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.Column("created_at", TIME, server_default=CLOCK, nullable=False),
        sa.Column("position", sa.BigInteger(), nullable=True),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_events")),
        sa.UniqueConstraint("kind", "cause", name=op.f("uq_events_kind_cause")),
        sa.UniqueConstraint("position", name=op.f("uq_events_position")),
        schema="trading",
    )
    unpublished = sa.text("position IS NULL")
    op.create_index("ix_events_unpublished", "events", ["created_at"], schema="trading", postgresql_where=unpublished)
    op.create_index(op.f("ix_events_kind_position"), "events", ["kind", "position"], schema="trading")
    op.create_index(op.f("ix_events_agent_position"), "events", ["agent", "position"], schema="trading")
    _only_ever_placed()
    op.create_table(
        "subscriptions",
        sa.Column("id", ID, server_default=NEW_ID, nullable=False),
        sa.Column("url", sa.Text(), nullable=False),
        sa.Column("kinds", postgresql.ARRAY(sa.Text()), nullable=True),
        sa.Column("secret", sa.Text(), nullable=False),
        sa.Column("previous_secret", sa.Text(), nullable=True),
        sa.Column("previous_until", TIME, nullable=True),
        sa.Column("active", sa.Boolean(), server_default="true", nullable=False),
        sa.Column("failures", sa.BigInteger(), server_default="0", nullable=False),
        sa.Column("failing_since", TIME, nullable=True),
        sa.Column("blocked_until", TIME, nullable=True),
        sa.Column("leased_until", TIME, nullable=True),
        sa.Column("created_at", TIME, server_default=CLOCK, nullable=False),
        sa.Column("created_by", sa.Text(), nullable=False),
        sa.CheckConstraint(
            "(previous_secret IS NULL) = (previous_until IS NULL)",
            name=op.f("ck_subscriptions_previous_secret_ends"),
        ),
        sa.CheckConstraint("(failures = 0) = (failing_since IS NULL)", name=op.f("ck_subscriptions_failing_since")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_subscriptions")),
        schema="trading",
    )
    op.create_index(op.f("ix_subscriptions_created_at_id"), "subscriptions", ["created_at", "id"], schema="trading")
    op.create_table(
        "deliveries",
        sa.Column("subscription_id", ID, nullable=False),
        sa.Column("event_id", ID, nullable=False),
        sa.Column("position", sa.BigInteger(), nullable=False),
        sa.Column("status", sa.Text(), server_default="pending", nullable=False),
        sa.Column("attempts", sa.BigInteger(), server_default="0", nullable=False),
        sa.Column("requested_at", TIME, server_default=NOW, nullable=False),
        sa.Column("next_attempt_at", TIME, server_default=NOW, nullable=False),
        sa.Column("last_attempt_at", TIME, nullable=True),
        sa.Column("last_status", sa.BigInteger(), nullable=True),
        sa.Column("last_error", sa.Text(), nullable=True),
        sa.Column("delivered_at", TIME, nullable=True),
        sa.CheckConstraint("status IN ('pending', 'delivered', 'failed')", name=op.f("ck_deliveries_status")),
        sa.CheckConstraint(
            "(delivered_at IS NOT NULL) = (status = 'delivered')", name=op.f("ck_deliveries_delivered_at")
        ),
        sa.ForeignKeyConstraint(
            ["subscription_id"], ["trading.subscriptions.id"], name=op.f("fk_deliveries_subscription_id")
        ),
        sa.ForeignKeyConstraint(["event_id"], ["trading.events.id"], name=op.f("fk_deliveries_event_id")),
        sa.PrimaryKeyConstraint("subscription_id", "event_id", name=op.f("pk_deliveries")),
        schema="trading",
    )
    for columns in (["subscription_id", "position"], ["subscription_id", "status", "position"]):
        name = op.f(f"ix_deliveries_{'_'.join(columns)}")
        op.create_index(name, "deliveries", columns, schema="trading")
    op.create_index(
        "ix_deliveries_pending",
        "deliveries",
        ["subscription_id", "next_attempt_at"],
        schema="trading",
        postgresql_where=sa.text("status = 'pending'"),
    )


def _only_ever_placed() -> None:
    """Of an event nothing but its position is ever written, and that once."""
    op.execute("""
        CREATE FUNCTION trading.only_place_event() RETURNS trigger LANGUAGE plpgsql AS $$
        BEGIN
            IF OLD.position IS NOT NULL OR to_jsonb(NEW) - 'position' IS DISTINCT FROM to_jsonb(OLD) - 'position' THEN
                RAISE EXCEPTION 'UPDATE on trading.events refused: of an event only its position is written, once'
                    USING ERRCODE = 'integrity_constraint_violation';
            END IF;
            RETURN NEW;
        END $$
    """)
    op.execute("""
        CREATE TRIGGER only_placed BEFORE UPDATE ON trading.events
        FOR EACH ROW EXECUTE FUNCTION trading.only_place_event()
    """)
    op.execute("""
        CREATE TRIGGER only_added_to BEFORE DELETE OR TRUNCATE ON trading.events
        FOR EACH STATEMENT EXECUTE FUNCTION trading.refuse_change()
    """)


def downgrade() -> None:
    op.drop_table("deliveries", schema="trading")
    op.drop_table("subscriptions", schema="trading")
    op.drop_table("events", schema="trading")
    op.execute("DROP FUNCTION trading.only_place_event()")
