"""References of what is written per account are checked once per statement, for all of its rows together.

A foreign key looks its parent up and locks it row by row; that was 40 to 50 % of a signal's time at 100,000 accounts. The
checks here are as strict, by two rules that hold together:

1. Accounts, agents and orders are never deleted, truncated or given another key: a trigger refuses it.
2. A statement that writes references is refused unless each of them exists when it ends, in what is committed by then or was written by
   its own transaction.

What once existed exists for good (1), so what was found when it was written (2) needs no lock and no second look: nobody can take it
away afterwards, in no order of concurrent transactions. A parent that another transaction has not committed yet is not seen,
and the reference to it refused, as a foreign key would. Undoing a parent by a savepoint undoes what was written after it.

References that are written are checked on insert; of those that an update may change, on update; any other update of a reference is
refused. Up to 99 rows are looked up one by one; the queries for more are planned anew each time, with the number of rows at hand.
"""

from alembic import op

revision = "0019"
down_revision = "0018"
branch_labels = None
depends_on = None

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
CHANGING = {"positions": ("exit_order_id",), "account_days": ("agent",)}
"""References that an update may change."""
LEDGER = ("shares", "legs", "trades")
"""Tables that refuse every update already."""

IS_KNOWN = """
CREATE FUNCTION trading.is_known(parent text, key text) RETURNS boolean LANGUAGE plpgsql STABLE STRICT
-- The plan is kept, and a table that was small when it was made may be large by now.
SET enable_seqscan = off AS $$
BEGIN
    RETURN CASE parent
        WHEN 'accounts' THEN EXISTS (SELECT FROM trading.accounts WHERE id = key)
        WHEN 'agents' THEN EXISTS (SELECT FROM trading.agents WHERE name = key)
        WHEN 'orders' THEN EXISTS (SELECT FROM trading.orders WHERE id = CAST(key AS bigint))
    END;
END $$
"""

CHECK = """
CREATE FUNCTION trading.check_references() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    first_rows CONSTANT bigint := (SELECT count(*) FROM (SELECT FROM written LIMIT 100) first_rows);
    missing text;
BEGIN
    IF first_rows = 0 THEN
        RETURN NULL;
    END IF;
    FOR n IN 0 .. TG_NARGS - 1 BY 3 LOOP
        IF first_rows < 100 THEN
            SELECT min(one.written ->> TG_ARGV[n]) INTO missing FROM (SELECT to_jsonb(w) AS written FROM written w) one
            WHERE NOT trading.is_known(TG_ARGV[n + 1], one.written ->> TG_ARGV[n]);
        ELSIF TG_ARGV[n + 1] = 'accounts' THEN
            EXECUTE format('SELECT min(w.%1$I) FROM written w
                            WHERE NOT EXISTS (SELECT FROM trading.%2$I p WHERE p.%3$I = w.%1$I) AND w.%1$I IS NOT NULL',
                           TG_ARGV[n], TG_ARGV[n + 1], TG_ARGV[n + 2]) INTO missing;
        ELSE
            -- All rows of a statement have nearly the same order and agent.
            EXECUTE format('SELECT min(CAST(value AS text)) FROM (SELECT DISTINCT %1$I AS value FROM written) w
                            WHERE value IS NOT NULL AND (SELECT count(*) FROM trading.%2$I p WHERE p.%3$I = w.value) = 0',
                           TG_ARGV[n], TG_ARGV[n + 1], TG_ARGV[n + 2]) INTO missing;
        END IF;
        IF missing IS NOT NULL THEN
            RAISE foreign_key_violation USING
                MESSAGE = format('insert or update on table "%s" violates foreign key constraint "fk_%s_%s"',
                                 TG_TABLE_NAME, TG_TABLE_NAME, TG_ARGV[n]),
                DETAIL = format('Key (%s)=(%s) is not present in table "%s".', TG_ARGV[n], missing, TG_ARGV[n + 1]),
                SCHEMA = TG_TABLE_SCHEMA, TABLE = TG_TABLE_NAME,
                CONSTRAINT = format('fk_%s_%s', TG_TABLE_NAME, TG_ARGV[n]);
        END IF;
    END LOOP;
    RETURN NULL;
END $$
"""

REFUSE = """
CREATE FUNCTION trading.refuse_other_key() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION '% on trading.% refused: %', TG_OP, TG_TABLE_NAME, TG_ARGV[0]
        USING ERRCODE = 'integrity_constraint_violation';
END $$
"""
REFERRED_TO = "what the ledger refers to is never removed, and keeps its key"
REFERRING = "a reference stays what it is"


def upgrade() -> None:
    op.execute(IS_KNOWN)
    op.execute(CHECK)
    op.execute(REFUSE)
    for parent, key in KEYS.items():
        _refuse(parent, "is_referred_to", f"DELETE OR TRUNCATE OR UPDATE OF {key}", REFERRED_TO)
    for table, references in REFERENCES.items():
        for column in references:
            op.drop_constraint(op.f(f"fk_{table}_{column}"), table, schema="trading", type_="foreignkey")
        _check(table, "INSERT", references)
        if table in LEDGER:
            continue
        changing = {column: parent for column, parent in references.items() if column in CHANGING.get(table, ())}
        if changing:
            _check(table, "UPDATE", changing)
        _refuse(
            table, "keeps_references", f"UPDATE OF {', '.join(c for c in references if c not in changing)}", REFERRING
        )


def downgrade() -> None:
    for table, references in REFERENCES.items():
        for name in ("references_exist_on_insert", "references_exist_on_update", "keeps_references"):
            op.execute(f"DROP TRIGGER IF EXISTS {name} ON trading.{table}")
        for column, parent in references.items():
            op.create_foreign_key(
                op.f(f"fk_{table}_{column}"),
                table,
                parent,
                [column],
                [KEYS[parent]],
                source_schema="trading",
                referent_schema="trading",
            )
    for parent in KEYS:
        op.execute(f"DROP TRIGGER is_referred_to ON trading.{parent}")
    op.execute("DROP FUNCTION trading.refuse_other_key()")
    op.execute("DROP FUNCTION trading.check_references()")
    op.execute("DROP FUNCTION trading.is_known(text, text)")


def _check(table: str, change: str, references: dict[str, str]) -> None:
    arguments = ", ".join(f"'{column}', '{parent}', '{KEYS[parent]}'" for column, parent in references.items())
    op.execute(f"""
        CREATE TRIGGER references_exist_on_{change.lower()} AFTER {change} ON trading.{table}
        REFERENCING NEW TABLE AS written FOR EACH STATEMENT EXECUTE FUNCTION trading.check_references({arguments})
    """)


def _refuse(table: str, name: str, changes: str, reason: str) -> None:
    op.execute(f"""
        CREATE TRIGGER {name} BEFORE {changes} ON trading.{table}
        FOR EACH STATEMENT EXECUTE FUNCTION trading.refuse_other_key('{reason}')
    """)
