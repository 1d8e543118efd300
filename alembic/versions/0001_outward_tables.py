"""The two tables that the platform reads, created only where the platform does not own them already.

A table we create carries a comment that says so; the downgrade drops only those.
"""

import sqlalchemy as sa

from alembic import op

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None

SCHEMA = "investment"
OURS = "Created by trading-agents"

ACCOUNT_TRANSACTIONS = f"""
CREATE TABLE {SCHEMA}.account_transactions (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    account_id text NOT NULL,
    transaction_type text NOT NULL CHECK (transaction_type IN ('deposit', 'withdrawal', 'profit', 'loss')),
    amount numeric(38, 18) NOT NULL CHECK (amount >= 0),
    balance_before numeric(38, 18) NOT NULL,
    balance_after numeric(38, 18) NOT NULL,
    description text,
    reference_type text,
    reference_id text,
    created_at timestamptz NOT NULL DEFAULT now()
)
"""
ACCOUNT_TRANSACTIONS_INDEX = (
    f"CREATE INDEX ix_account_transactions_account_id_id ON {SCHEMA}.account_transactions (account_id, id)"
)

PERFORMANCE_SNAPSHOTS = f"""
CREATE TABLE {SCHEMA}.performance_snapshots (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    account_id text NOT NULL,
    snapshot_date date NOT NULL,
    period_type text NOT NULL,
    opening_balance numeric(38, 18) NOT NULL,
    closing_balance numeric(38, 18) NOT NULL,
    profit_loss numeric(38, 18) NOT NULL,
    total_trades integer NOT NULL DEFAULT 0,
    winning_trades integer NOT NULL DEFAULT 0,
    created_at timestamptz NOT NULL DEFAULT now(),
    UNIQUE (account_id, snapshot_date, period_type)
)
"""


def upgrade() -> None:
    tables = {
        "account_transactions": (ACCOUNT_TRANSACTIONS, ACCOUNT_TRANSACTIONS_INDEX),
        "performance_snapshots": (PERFORMANCE_SNAPSHOTS,),
    }
    existing = sa.inspect(op.get_bind()).get_table_names(schema=SCHEMA)
    for table, statements in tables.items():
        if table in existing:
            continue
        for statement in statements:
            op.execute(statement)
        op.execute(f"COMMENT ON TABLE {SCHEMA}.{table} IS '{OURS}'")


def downgrade() -> None:
    inspector = sa.inspect(op.get_bind())
    for table in inspector.get_table_names(schema=SCHEMA):
        if inspector.get_table_comment(table, schema=SCHEMA)["text"] == OURS:
            op.drop_table(table, schema=SCHEMA)
