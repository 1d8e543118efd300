"""An account's days are found by the key, day after day: its own index was touched all over, once per account every night.

300 days of one of 10,000 accounts take 1.2 ms by the key and took 0.4 ms by the index.
"""

from alembic import op

revision = "0021"
down_revision = "0020"
branch_labels = None
depends_on = None

INDEX = "ix_account_days_account_id_day"


def upgrade() -> None:
    op.drop_index(op.f(INDEX), table_name="account_days", schema="trading")


def downgrade() -> None:
    op.create_index(op.f(INDEX), "account_days", ["account_id", "day"], schema="trading")
