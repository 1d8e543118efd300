"""The book: every table of schema ``trading``, and the switch set to ACTIVE."""

import sqlalchemy as sa
from sqlalchemy.dialects import postgresql

from alembic import op

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "agents",
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("status", sa.Text(), server_default="stopped", nullable=False),
        sa.Column("version", sa.BigInteger(), server_default="0", nullable=False),
        sa.Column("book_version", sa.BigInteger(), server_default="0", nullable=False),
        sa.Column("profile_version", sa.BigInteger(), server_default="1", nullable=False),
        sa.Column("tick_seconds", sa.Numeric(precision=38, scale=18), nullable=False),
        sa.Column("symbols", postgresql.ARRAY(sa.Text()), nullable=False),
        sa.Column("peak_equity", sa.Numeric(precision=38, scale=18), server_default="0", nullable=False),
        sa.Column("last_tick_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("last_error", sa.Text(), nullable=True),
        sa.Column("created_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.Column("updated_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.CheckConstraint("status IN ('stopped', 'running', 'paused')", name=op.f("ck_agents_status")),
        sa.PrimaryKeyConstraint("name", name=op.f("pk_agents")),
        schema="trading",
    )
    op.create_table(
        "audit_log",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=True), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.Column("actor", sa.Text(), nullable=False),
        sa.Column("action", sa.Text(), nullable=False),
        sa.Column("agent", sa.Text(), nullable=True),
        sa.Column("account_id", sa.Text(), nullable=True),
        sa.Column("before", postgresql.JSONB(astext_type=sa.Text()), nullable=True),
        sa.Column("after", postgresql.JSONB(astext_type=sa.Text()), nullable=True),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_audit_log")),
        schema="trading",
    )
    op.create_index(op.f("ix_audit_log_at"), "audit_log", ["at"], unique=False, schema="trading")
    op.create_table(
        "marks",
        sa.Column("symbol", sa.Text(), nullable=False),
        sa.Column("bid", sa.Numeric(precision=38, scale=18), nullable=False),
        sa.Column("ask", sa.Numeric(precision=38, scale=18), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("symbol", name=op.f("pk_marks")),
        schema="trading",
    )
    op.create_table(
        "service_state",
        sa.Column("id", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("state", sa.Text(), nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("version", sa.BigInteger(), server_default="0", nullable=False),
        sa.Column("updated_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.CheckConstraint("state IN ('ACTIVE', 'REDUCING', 'HALTED')", name=op.f("ck_service_state_state")),
        sa.CheckConstraint("id = 1", name=op.f("ck_service_state_single_row")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_service_state")),
        schema="trading",
    )
    op.create_table(
        "signals",
        sa.Column("id", sa.Text(), nullable=False),
        sa.Column("source", sa.Text(), nullable=False),
        sa.Column("symbol", sa.Text(), nullable=True),
        sa.Column("action", sa.Text(), nullable=True),
        sa.Column("confidence", sa.Numeric(precision=38, scale=18), nullable=True),
        sa.Column("price", sa.Numeric(precision=38, scale=18), nullable=True),
        sa.Column("signal_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("raw", postgresql.JSONB(astext_type=sa.Text()), nullable=True),
        sa.Column("received_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_signals")),
        schema="trading",
    )
    op.create_table(
        "accounts",
        sa.Column("id", sa.Text(), nullable=False),
        sa.Column("number", sa.BigInteger(), sa.Identity(always=True), nullable=False),
        sa.Column("agent", sa.Text(), nullable=False),
        sa.Column("kind", sa.Text(), server_default="investor", nullable=False),
        sa.Column("status", sa.Text(), server_default="stopped", nullable=False),
        sa.Column("version", sa.BigInteger(), server_default="0", nullable=False),
        sa.Column("cash", sa.Numeric(precision=38, scale=18), server_default="0", nullable=False),
        sa.Column("reserved", sa.Numeric(precision=38, scale=18), server_default="0", nullable=False),
        sa.Column("balance", sa.Numeric(precision=38, scale=18), server_default="0", nullable=False),
        sa.Column("peak_equity", sa.Numeric(precision=38, scale=18), server_default="0", nullable=False),
        sa.Column("total_profit", sa.Numeric(precision=38, scale=18), server_default="0", nullable=False),
        sa.Column("total_loss", sa.Numeric(precision=38, scale=18), server_default="0", nullable=False),
        sa.Column("total_trades", sa.BigInteger(), server_default="0", nullable=False),
        sa.Column("winning_trades", sa.BigInteger(), server_default="0", nullable=False),
        sa.Column("opened_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.Column("updated_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.CheckConstraint("kind IN ('investor', 'house', 'dust')", name=op.f("ck_accounts_kind")),
        sa.CheckConstraint("status IN ('stopped', 'running', 'paused')", name=op.f("ck_accounts_status")),
        sa.CheckConstraint("cash >= 0", name=op.f("ck_accounts_cash_not_negative")),
        sa.CheckConstraint("reserved >= 0", name=op.f("ck_accounts_reserved_not_negative")),
        sa.ForeignKeyConstraint(["agent"], ["trading.agents.name"], name=op.f("fk_accounts_agent")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_accounts")),
        sa.UniqueConstraint("number", name=op.f("uq_accounts_number")),
        schema="trading",
    )
    op.create_index(op.f("ix_accounts_agent_number"), "accounts", ["agent", "number"], unique=False, schema="trading")
    op.create_table(
        "decisions",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=True), nullable=False),
        sa.Column("signal_id", sa.Text(), nullable=False),
        sa.Column("agent", sa.Text(), nullable=False),
        sa.Column("code", sa.Text(), nullable=True),
        sa.Column("detail", sa.Text(), nullable=True),
        sa.Column("counts", postgresql.JSONB(astext_type=sa.Text()), nullable=True),
        sa.Column("profile_version", sa.BigInteger(), nullable=True),
        sa.Column("bid", sa.Numeric(precision=38, scale=18), nullable=True),
        sa.Column("ask", sa.Numeric(precision=38, scale=18), nullable=True),
        sa.Column("created_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.Column("decided_at", sa.DateTime(timezone=True), nullable=True),
        sa.CheckConstraint("(code IS NULL) = (decided_at IS NULL)", name=op.f("ck_decisions_decided_with_code")),
        sa.ForeignKeyConstraint(["agent"], ["trading.agents.name"], name=op.f("fk_decisions_agent")),
        sa.ForeignKeyConstraint(["signal_id"], ["trading.signals.id"], name=op.f("fk_decisions_signal_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_decisions")),
        sa.UniqueConstraint("signal_id", "agent", name=op.f("uq_decisions_signal_id_agent")),
        schema="trading",
    )
    op.create_index(op.f("ix_decisions_agent_id"), "decisions", ["agent", "id"], unique=False, schema="trading")
    op.create_index(
        "ix_decisions_pending",
        "decisions",
        ["agent", "id"],
        unique=False,
        schema="trading",
        postgresql_where=sa.text("decided_at IS NULL"),
    )
    op.create_table(
        "assignments",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=True), nullable=False),
        sa.Column("account_id", sa.Text(), nullable=False),
        sa.Column("agent", sa.Text(), nullable=False),
        sa.Column("started_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.Column("ended_at", sa.DateTime(timezone=True), nullable=True),
        sa.ForeignKeyConstraint(["account_id"], ["trading.accounts.id"], name=op.f("fk_assignments_account_id")),
        sa.ForeignKeyConstraint(["agent"], ["trading.agents.name"], name=op.f("fk_assignments_agent")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_assignments")),
        schema="trading",
    )
    op.create_index(
        op.f("ix_assignments_agent_started_at"), "assignments", ["agent", "started_at"], unique=False, schema="trading"
    )
    op.create_index(
        "uq_assignments_open",
        "assignments",
        ["account_id"],
        unique=True,
        schema="trading",
        postgresql_where=sa.text("ended_at IS NULL"),
    )
    op.create_table(
        "cash_flows",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=True), nullable=False),
        sa.Column("account_id", sa.Text(), nullable=False),
        sa.Column("flow_type", sa.Text(), nullable=False),
        sa.Column("amount", sa.Numeric(precision=38, scale=18), nullable=False),
        sa.Column("reference_id", sa.Text(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.CheckConstraint("flow_type IN ('deposit', 'withdrawal')", name=op.f("ck_cash_flows_flow_type")),
        sa.CheckConstraint("amount > 0", name=op.f("ck_cash_flows_amount_positive")),
        sa.ForeignKeyConstraint(["account_id"], ["trading.accounts.id"], name=op.f("fk_cash_flows_account_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_cash_flows")),
        sa.UniqueConstraint("account_id", "reference_id", name=op.f("uq_cash_flows_account_id_reference_id")),
        schema="trading",
    )
    op.create_table(
        "decision_outcomes",
        sa.Column("decision_id", sa.BigInteger(), nullable=False),
        sa.Column("code", sa.Text(), nullable=False),
        sa.Column("accounts_count", sa.BigInteger(), nullable=False),
        sa.Column("accounts", postgresql.INT8MULTIRANGE(), nullable=False),
        sa.ForeignKeyConstraint(
            ["decision_id"], ["trading.decisions.id"], name=op.f("fk_decision_outcomes_decision_id")
        ),
        sa.PrimaryKeyConstraint("decision_id", "code", name=op.f("pk_decision_outcomes")),
        schema="trading",
    )
    op.create_table(
        "orders",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=True), nullable=False),
        sa.Column("client_order_id", sa.String(length=36), nullable=False),
        sa.Column("agent", sa.Text(), nullable=False),
        sa.Column("symbol", sa.Text(), nullable=False),
        sa.Column("side", sa.Text(), nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("decision_id", sa.BigInteger(), nullable=True),
        sa.Column("quantity", sa.Numeric(precision=38, scale=18), nullable=False),
        sa.Column("limit_price", sa.Numeric(precision=38, scale=18), nullable=False),
        sa.Column("bid", sa.Numeric(precision=38, scale=18), nullable=False),
        sa.Column("ask", sa.Numeric(precision=38, scale=18), nullable=False),
        sa.Column("state", sa.Text(), server_default="intended", nullable=False),
        sa.Column("agent_version", sa.BigInteger(), nullable=False),
        sa.Column("exchange_order_id", sa.Text(), nullable=True),
        sa.Column("executed_quantity", sa.Numeric(precision=38, scale=18), server_default="0", nullable=False),
        sa.Column("executed_cost", sa.Numeric(precision=38, scale=18), server_default="0", nullable=False),
        sa.Column("error_code", sa.Text(), nullable=True),
        sa.Column("error_message", sa.Text(), nullable=True),
        sa.Column("created_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.Column("resolved_at", sa.DateTime(timezone=True), nullable=True),
        sa.CheckConstraint("side IN ('buy', 'sell')", name=op.f("ck_orders_side")),
        sa.CheckConstraint(
            "state IN ('intended', 'unknown', 'filled', 'partially_filled', 'expired', 'rejected', 'withdrawn', 'absent')",
            name=op.f("ck_orders_state"),
        ),
        sa.CheckConstraint("executed_quantity <= quantity", name=op.f("ck_orders_not_overfilled")),
        sa.ForeignKeyConstraint(["agent"], ["trading.agents.name"], name=op.f("fk_orders_agent")),
        sa.ForeignKeyConstraint(["decision_id"], ["trading.decisions.id"], name=op.f("fk_orders_decision_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_orders")),
        sa.UniqueConstraint("client_order_id", name=op.f("uq_orders_client_order_id")),
        schema="trading",
    )
    op.create_index(op.f("ix_orders_agent_id"), "orders", ["agent", "id"], unique=False, schema="trading")
    op.create_index(op.f("ix_orders_decision_id"), "orders", ["decision_id"], unique=False, schema="trading")
    op.create_index(
        "ix_orders_unresolved",
        "orders",
        ["agent"],
        unique=False,
        schema="trading",
        postgresql_where=sa.text("state IN ('intended', 'unknown')"),
    )
    op.create_table(
        "brackets",
        sa.Column("order_id", sa.BigInteger(), nullable=False),
        sa.Column("agent", sa.Text(), nullable=False),
        sa.Column("symbol", sa.Text(), nullable=False),
        sa.Column("entry_price", sa.Numeric(precision=38, scale=18), nullable=False),
        sa.Column("stop_price", sa.Numeric(precision=38, scale=18), nullable=False),
        sa.Column("target_price", sa.Numeric(precision=38, scale=18), nullable=False),
        sa.Column("trailing_stop", sa.Numeric(precision=38, scale=18), nullable=True),
        sa.Column("highest_price", sa.Numeric(precision=38, scale=18), nullable=False),
        sa.Column("opened_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.Column("closed_at", sa.DateTime(timezone=True), nullable=True),
        sa.ForeignKeyConstraint(["agent"], ["trading.agents.name"], name=op.f("fk_brackets_agent")),
        sa.ForeignKeyConstraint(["order_id"], ["trading.orders.id"], name=op.f("fk_brackets_order_id")),
        sa.PrimaryKeyConstraint("order_id", name=op.f("pk_brackets")),
        schema="trading",
    )
    op.create_index(
        "ix_brackets_open",
        "brackets",
        ["agent", "symbol"],
        unique=False,
        schema="trading",
        postgresql_where=sa.text("closed_at IS NULL"),
    )
    op.create_table(
        "fills",
        sa.Column("symbol", sa.Text(), nullable=False),
        sa.Column("trade_id", sa.Text(), nullable=False),
        sa.Column("order_id", sa.BigInteger(), nullable=False),
        sa.Column("price", sa.Numeric(precision=38, scale=18), nullable=False),
        sa.Column("quantity", sa.Numeric(precision=38, scale=18), nullable=False),
        sa.Column("cost", sa.Numeric(precision=38, scale=18), nullable=False),
        sa.Column("commission", sa.Numeric(precision=38, scale=18), nullable=False),
        sa.Column("commission_asset", sa.Text(), nullable=False),
        sa.Column("executed_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(["order_id"], ["trading.orders.id"], name=op.f("fk_fills_order_id")),
        sa.PrimaryKeyConstraint("symbol", "trade_id", name=op.f("pk_fills")),
        schema="trading",
    )
    op.create_index(op.f("ix_fills_order_id"), "fills", ["order_id"], unique=False, schema="trading")
    op.create_table(
        "legs",
        sa.Column("order_id", sa.BigInteger(), nullable=False),
        sa.Column("account_id", sa.Text(), nullable=False),
        sa.Column("quantity", sa.Numeric(precision=38, scale=18), nullable=False),
        sa.Column("cost", sa.Numeric(precision=38, scale=18), nullable=False),
        sa.Column("fee_base", sa.Numeric(precision=38, scale=18), nullable=False),
        sa.Column("fee_quote", sa.Numeric(precision=38, scale=18), nullable=False),
        sa.Column("fee_other", sa.Numeric(precision=38, scale=18), nullable=False),
        sa.Column("fee_other_value", sa.Numeric(precision=38, scale=18), nullable=False),
        sa.Column("dust", sa.Numeric(precision=38, scale=18), nullable=False),
        sa.ForeignKeyConstraint(["account_id"], ["trading.accounts.id"], name=op.f("fk_legs_account_id")),
        sa.ForeignKeyConstraint(["order_id"], ["trading.orders.id"], name=op.f("fk_legs_order_id")),
        sa.PrimaryKeyConstraint("order_id", "account_id", name=op.f("pk_legs")),
        schema="trading",
    )
    op.create_table(
        "positions",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=True), nullable=False),
        sa.Column("account_id", sa.Text(), nullable=False),
        sa.Column("agent", sa.Text(), nullable=False),
        sa.Column("symbol", sa.Text(), nullable=False),
        sa.Column("quantity", sa.Numeric(precision=38, scale=18), nullable=False),
        sa.Column("cost", sa.Numeric(precision=38, scale=18), nullable=False),
        sa.Column("entry_price", sa.Numeric(precision=38, scale=18), nullable=False),
        sa.Column("entry_order_id", sa.BigInteger(), nullable=True),
        sa.Column("exit_order_id", sa.BigInteger(), nullable=True),
        sa.Column("opened_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.Column("closed_at", sa.DateTime(timezone=True), nullable=True),
        sa.CheckConstraint("cost >= 0", name=op.f("ck_positions_cost_not_negative")),
        sa.CheckConstraint("quantity >= 0", name=op.f("ck_positions_quantity_not_negative")),
        sa.ForeignKeyConstraint(["account_id"], ["trading.accounts.id"], name=op.f("fk_positions_account_id")),
        sa.ForeignKeyConstraint(["agent"], ["trading.agents.name"], name=op.f("fk_positions_agent")),
        sa.ForeignKeyConstraint(["entry_order_id"], ["trading.orders.id"], name=op.f("fk_positions_entry_order_id")),
        sa.ForeignKeyConstraint(["exit_order_id"], ["trading.orders.id"], name=op.f("fk_positions_exit_order_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_positions")),
        schema="trading",
    )
    op.create_index(
        "ix_positions_agent_open",
        "positions",
        ["agent", "symbol"],
        unique=False,
        schema="trading",
        postgresql_where=sa.text("closed_at IS NULL"),
    )
    op.create_index(
        "ix_positions_entry_order",
        "positions",
        ["entry_order_id"],
        unique=False,
        schema="trading",
        postgresql_where=sa.text("closed_at IS NULL"),
    )
    op.create_index(
        "ix_positions_exit_order",
        "positions",
        ["exit_order_id"],
        unique=False,
        schema="trading",
        postgresql_where=sa.text("exit_order_id IS NOT NULL"),
    )
    op.create_index(
        "uq_positions_open",
        "positions",
        ["account_id", "symbol"],
        unique=True,
        schema="trading",
        postgresql_where=sa.text("closed_at IS NULL"),
    )
    op.create_table(
        "shares",
        sa.Column("order_id", sa.BigInteger(), nullable=False),
        sa.Column("account_id", sa.Text(), nullable=False),
        sa.Column("quantity", sa.Numeric(precision=38, scale=18), nullable=False),
        sa.Column("reserved", sa.Numeric(precision=38, scale=18), nullable=False),
        sa.ForeignKeyConstraint(["account_id"], ["trading.accounts.id"], name=op.f("fk_shares_account_id")),
        sa.ForeignKeyConstraint(["order_id"], ["trading.orders.id"], name=op.f("fk_shares_order_id")),
        sa.PrimaryKeyConstraint("order_id", "account_id", name=op.f("pk_shares")),
        schema="trading",
    )
    op.create_table(
        "trades",
        sa.Column("id", sa.Uuid(), server_default=sa.text("gen_random_uuid()"), nullable=False),
        sa.Column("account_id", sa.Text(), nullable=False),
        sa.Column("agent", sa.Text(), nullable=False),
        sa.Column("symbol", sa.Text(), nullable=False),
        sa.Column("quantity", sa.Numeric(precision=38, scale=18), nullable=False),
        sa.Column("entry_price", sa.Numeric(precision=38, scale=18), nullable=False),
        sa.Column("exit_price", sa.Numeric(precision=38, scale=18), nullable=False),
        sa.Column("cost", sa.Numeric(precision=38, scale=18), nullable=False),
        sa.Column("proceeds", sa.Numeric(precision=38, scale=18), nullable=False),
        sa.Column("profit_loss", sa.Numeric(precision=38, scale=18), nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("entry_order_id", sa.BigInteger(), nullable=True),
        sa.Column("exit_order_id", sa.BigInteger(), nullable=False),
        sa.Column("opened_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("closed_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.ForeignKeyConstraint(["account_id"], ["trading.accounts.id"], name=op.f("fk_trades_account_id")),
        sa.ForeignKeyConstraint(["agent"], ["trading.agents.name"], name=op.f("fk_trades_agent")),
        sa.ForeignKeyConstraint(["entry_order_id"], ["trading.orders.id"], name=op.f("fk_trades_entry_order_id")),
        sa.ForeignKeyConstraint(["exit_order_id"], ["trading.orders.id"], name=op.f("fk_trades_exit_order_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_trades")),
        sa.UniqueConstraint("exit_order_id", "account_id", name=op.f("uq_trades_exit_order_id_account_id")),
        schema="trading",
    )
    op.create_index(
        op.f("ix_trades_account_id_closed_at"), "trades", ["account_id", "closed_at"], unique=False, schema="trading"
    )
    op.create_index(op.f("ix_trades_agent_closed_at"), "trades", ["agent", "closed_at"], unique=False, schema="trading")
    op.execute("INSERT INTO trading.service_state (id, state, reason) VALUES (1, 'ACTIVE', 'first start')")


def downgrade() -> None:
    op.drop_index(op.f("ix_trades_agent_closed_at"), table_name="trades", schema="trading")
    op.drop_index(op.f("ix_trades_account_id_closed_at"), table_name="trades", schema="trading")
    op.drop_table("trades", schema="trading")
    op.drop_table("shares", schema="trading")
    op.drop_index(
        "uq_positions_open", table_name="positions", schema="trading", postgresql_where=sa.text("closed_at IS NULL")
    )
    op.drop_index(
        "ix_positions_exit_order",
        table_name="positions",
        schema="trading",
        postgresql_where=sa.text("exit_order_id IS NOT NULL"),
    )
    op.drop_index(
        "ix_positions_entry_order",
        table_name="positions",
        schema="trading",
        postgresql_where=sa.text("closed_at IS NULL"),
    )
    op.drop_index(
        "ix_positions_agent_open",
        table_name="positions",
        schema="trading",
        postgresql_where=sa.text("closed_at IS NULL"),
    )
    op.drop_table("positions", schema="trading")
    op.drop_table("legs", schema="trading")
    op.drop_index(op.f("ix_fills_order_id"), table_name="fills", schema="trading")
    op.drop_table("fills", schema="trading")
    op.drop_index(
        "ix_brackets_open", table_name="brackets", schema="trading", postgresql_where=sa.text("closed_at IS NULL")
    )
    op.drop_table("brackets", schema="trading")
    op.drop_index(
        "ix_orders_unresolved",
        table_name="orders",
        schema="trading",
        postgresql_where=sa.text("state IN ('intended', 'unknown')"),
    )
    op.drop_index(op.f("ix_orders_decision_id"), table_name="orders", schema="trading")
    op.drop_index(op.f("ix_orders_agent_id"), table_name="orders", schema="trading")
    op.drop_table("orders", schema="trading")
    op.drop_table("decision_outcomes", schema="trading")
    op.drop_table("cash_flows", schema="trading")
    op.drop_index(
        "uq_assignments_open", table_name="assignments", schema="trading", postgresql_where=sa.text("ended_at IS NULL")
    )
    op.drop_index(op.f("ix_assignments_agent_started_at"), table_name="assignments", schema="trading")
    op.drop_table("assignments", schema="trading")
    op.drop_index(
        "ix_decisions_pending", table_name="decisions", schema="trading", postgresql_where=sa.text("decided_at IS NULL")
    )
    op.drop_index(op.f("ix_decisions_agent_id"), table_name="decisions", schema="trading")
    op.drop_table("decisions", schema="trading")
    op.drop_index(op.f("ix_accounts_agent_number"), table_name="accounts", schema="trading")
    op.drop_table("accounts", schema="trading")
    op.drop_table("signals", schema="trading")
    op.drop_table("service_state", schema="trading")
    op.drop_table("marks", schema="trading")
    op.drop_index(op.f("ix_audit_log_at"), table_name="audit_log", schema="trading")
    op.drop_table("audit_log", schema="trading")
    op.drop_table("agents", schema="trading")
