"""The rule of references: what the tables that are written per account name exists, as the database's triggers promise."""

from journal.audit.check import Check

KEYS = {"accounts": "id", "agents": "name", "orders": "id"}
"""What is referred to, and by which key."""

REFERENCES = {
    "shares": {"order_id": "orders", "account_id": "accounts"},
    "legs": {"order_id": "orders", "account_id": "accounts"},
    "positions": {"account_id": "accounts", "agent": "agents", "entry_order_id": "orders", "exit_order_id": "orders"},
    "trades": {"account_id": "accounts", "agent": "agents", "entry_order_id": "orders", "exit_order_id": "orders"},
    "account_stats": {"account_id": "accounts"},
    "account_days": {"account_id": "accounts", "agent": "agents"},
}
"""What each table refers to, by column; all other tables have foreign keys. See docs/decisions/references.md."""


def _dangling(table: str, column: str, parent: str) -> str:
    return f"""
    SELECT '{table}.{column}' AS subject, 0 AS expected, count(*) AS actual FROM trading.{table} c
    WHERE c.{column} IS NOT NULL AND NOT EXISTS (SELECT FROM trading.{parent} p WHERE p.{KEYS[parent]} = c.{column})
    """  # noqa: S608 - names of tables and columns


EXIST = " UNION ALL ".join(
    _dangling(table, column, parent) for table, columns in REFERENCES.items() for column, parent in columns.items()
)

CHECKS = (Check("reference_missing", "every account, agent and order that is named exists", EXIST),)
