"""The ledger is only added to, and its numbers make sense: rules that the database itself holds."""

from alembic import op

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None

LEDGER = ("shares", "fills", "legs", "trades", "cash_flows", "audit_log")
"""Tables without update, delete or truncate."""

CHECKS = {
    ("orders", "resolved_when_final"): "(resolved_at IS NULL) = (state IN ('intended', 'unknown'))",
    ("shares", "not_negative"): "quantity >= 0 AND reserved >= 0",
    ("fills", "amounts"): "price > 0 AND quantity > 0 AND cost > 0 AND commission >= 0",
    ("legs", "not_negative"): (
        "quantity >= 0 AND cost >= 0 AND fee_base >= 0 AND fee_quote >= 0 AND fee_other >= 0 "
        "AND fee_other_value >= 0 AND dust >= 0"
    ),
    ("legs", "fee_within_quantity"): "fee_base <= quantity",
    ("positions", "closed_is_empty"): "closed_at IS NULL OR (quantity = 0 AND cost = 0)",
    ("trades", "profit_loss"): "profit_loss = proceeds - cost",
}


def upgrade() -> None:
    for (table, name), rule in CHECKS.items():
        op.create_check_constraint(op.f(f"ck_{table}_{name}"), table, rule, schema="trading")
    op.execute("""
        CREATE FUNCTION trading.refuse_change() RETURNS trigger LANGUAGE plpgsql AS $$
        BEGIN
            RAISE EXCEPTION '% on trading.% refused: the ledger is only added to', TG_OP, TG_TABLE_NAME
                USING ERRCODE = 'integrity_constraint_violation';
        END $$
    """)
    for table in LEDGER:
        op.execute(f"""
            CREATE TRIGGER only_added_to BEFORE UPDATE OR DELETE OR TRUNCATE ON trading.{table}
            FOR EACH STATEMENT EXECUTE FUNCTION trading.refuse_change()
        """)


def downgrade() -> None:
    for table in LEDGER:
        op.execute(f"DROP TRIGGER only_added_to ON trading.{table}")
    op.execute("DROP FUNCTION trading.refuse_change()")
    for table, name in CHECKS:
        op.drop_constraint(op.f(f"ck_{table}_{name}"), table, schema="trading", type_="check")
