"""Room for the snapshots that go on: a week's and a month's row is written anew every night, without touching an index if its page has room.

Of what a night adds to a page, up to two thirds are such rows, so three fifths are filled. A table of the platform's own stays as it is.
"""

import sqlalchemy as sa

from alembic import op

revision = "0025"
down_revision = "0024"
branch_labels = None
depends_on = None

SCHEMA, TABLE = "investment", "performance_snapshots"
OURS = "Created by trading-agents"
PERCENT = 60


def upgrade() -> None:
    _if_ours(f"SET (fillfactor = {PERCENT})")


def downgrade() -> None:
    _if_ours("RESET (fillfactor)")


def _if_ours(change: str) -> None:
    if sa.inspect(op.get_bind()).get_table_comment(TABLE, schema=SCHEMA)["text"] == OURS:
        op.execute(f"ALTER TABLE {SCHEMA}.{TABLE} {change}")
