"""Indexes for lists: each is walked in its order from any cursor, whichever filter narrows it."""

from alembic import op

revision = "0015"
down_revision = "0014"
branch_labels = None
depends_on = None

ADDED: tuple[tuple[str, tuple[str, ...]], ...] = (
    ("accounts", ("status", "number")),
    ("accounts", ("agent", "status", "number")),
    ("decisions", ("code", "id")),
    ("orders", ("symbol", "id")),
    ("orders", ("state", "id")),
    # All accounts of a block close at the same moment: without the id, a page would sort them all.
    ("trades", ("agent", "closed_at", "id")),
    ("trades", ("account_id", "closed_at", "id")),
)
REPLACED: tuple[tuple[str, tuple[str, ...]], ...] = (
    ("trades", ("agent", "closed_at")),
    ("trades", ("account_id", "closed_at")),
)


def upgrade() -> None:
    for table, columns in ADDED:
        _create(table, columns)
    for table, columns in REPLACED:
        op.drop_index(_name(table, columns), table_name=table, schema="trading")


def downgrade() -> None:
    for table, columns in REPLACED:
        _create(table, columns)
    for table, columns in ADDED:
        op.drop_index(_name(table, columns), table_name=table, schema="trading")


def _create(table: str, columns: tuple[str, ...]) -> None:
    op.create_index(_name(table, columns), table, list(columns), schema="trading")


def _name(table: str, columns: tuple[str, ...]) -> str:
    return op.f(f"ix_{table}_{'_'.join(columns)}")
