"""Room for a signal's updates: pages with space for a row's next version, and fewer indexes on positions.

A signal changes every account's row, twice; where its page has room, no index is touched (a heap-only update).
"""

import sqlalchemy as sa

from alembic import op

revision = "0017"
down_revision = "0016"
branch_labels = None
depends_on = None

TABLES = ("accounts", "positions", "account_stats")
PERCENT = 45
OPEN = sa.text("closed_at IS NULL")


def upgrade() -> None:
    for table in TABLES:
        op.execute(f"ALTER TABLE trading.{table} SET (fillfactor = {PERCENT})")
    for name in ("ix_positions_agent_open", "ix_positions_entry_order", "ix_positions_exit_order"):
        op.drop_index(name, table_name="positions", schema="trading")
    columns = ["agent", "symbol", "entry_order_id"]
    op.create_index("ix_positions_agent_open", "positions", columns, schema="trading", postgresql_where=OPEN)


def downgrade() -> None:
    op.drop_index("ix_positions_agent_open", table_name="positions", schema="trading")
    for name, columns, where in (
        ("ix_positions_agent_open", ["agent", "symbol"], OPEN),
        ("ix_positions_entry_order", ["entry_order_id"], OPEN),
        ("ix_positions_exit_order", ["exit_order_id"], sa.text("exit_order_id IS NOT NULL")),
    ):
        op.create_index(name, "positions", columns, schema="trading", postgresql_where=where)
    for table in TABLES:
        op.execute(f"ALTER TABLE trading.{table} RESET (fillfactor)")
