"""Events of one agent and one kind are found without reading its others."""

from alembic import op

revision = "0018"
down_revision = "0017"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_index(op.f("ix_events_agent_kind_position"), "events", ["agent", "kind", "position"], schema="trading")


def downgrade() -> None:
    op.drop_index(op.f("ix_events_agent_kind_position"), table_name="events", schema="trading")
