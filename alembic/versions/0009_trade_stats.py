"""Running sums over legs and trades per account and agent, begun with what was booked before."""

from typing import Any

import sqlalchemy as sa

from alembic import op

revision = "0009"
down_revision = "0008"
branch_labels = None
depends_on = None

MONEY = sa.Numeric(precision=38, scale=18)

SUMS = """
INSERT INTO trading.account_stats (account_id, fees, bought, sold, losing_trades, best_trade, worst_trade, held_seconds)
SELECT l.account_id, sum(round(l.fee_base * o.executed_cost / o.executed_quantity + l.fee_quote + l.fee_other_value, 18)),
       coalesce(sum(l.cost) FILTER (WHERE o.side = 'buy'), 0), coalesce(sum(l.cost) FILTER (WHERE o.side = 'sell'), 0),
       count(*) FILTER (WHERE t.profit_loss < 0), max(t.profit_loss), min(t.profit_loss),
       coalesce(sum(extract(epoch FROM t.closed_at - t.opened_at)), 0)
FROM trading.legs l
JOIN trading.orders o ON o.id = l.order_id
LEFT JOIN trading.trades t ON t.exit_order_id = l.order_id AND t.account_id = l.account_id
WHERE l.account_id <> 'dust-' || o.agent
GROUP BY l.account_id
"""
AGENTS = """
INSERT INTO trading.agent_stats (agent)
SELECT DISTINCT o.agent FROM trading.orders o JOIN trading.legs l ON l.order_id = o.id
"""
EXPOSED = """
UPDATE trading.{table} s SET exposed_since = e.since, exposed_seconds = coalesce(e.seconds, 0) FROM (
    SELECT subject, sum(extract(epoch FROM upper(held) - lower(held))) FILTER (WHERE NOT upper_inf(held)) AS seconds,
           max(lower(held)) FILTER (WHERE upper_inf(held)) AS since
    FROM (
        SELECT {subject} AS subject, unnest(range_agg(tstzrange(opened_at, closed_at))) AS held
        FROM trading.positions WHERE entry_order_id IS NOT NULL GROUP BY {subject}
    ) times GROUP BY subject
) e WHERE s.{key} = e.subject
"""
STREAKS = """
UPDATE trading.{table} s SET current_streak = r.current, longest_winning_streak = coalesce(r.winning, 0),
    longest_losing_streak = coalesce(r.losing, 0)
FROM (
    SELECT subject, max(length) FILTER (WHERE way > 0) AS winning, max(length) FILTER (WHERE way < 0) AS losing,
           (array_agg(way * length ORDER BY last DESC))[1] AS current
    FROM (
        SELECT subject, way, count(*) AS length, max(number) AS last FROM (
            SELECT subject, way, number, number - row_number() OVER (PARTITION BY subject, way ORDER BY number) AS island
            FROM (
                SELECT {subject} AS subject, sign(sum(profit_loss)) AS way,
                       row_number() OVER (PARTITION BY {subject} ORDER BY exit_order_id) AS number
                FROM trading.trades WHERE account_id <> 'dust-' || agent GROUP BY {subject}, exit_order_id
            ) results
        ) marked GROUP BY subject, way, island
    ) streaks GROUP BY subject
) r WHERE s.{key} = r.subject
"""


def streaks() -> list[sa.Column[Any]]:
    counted = ("current_streak", "longest_winning_streak", "longest_losing_streak")
    return [
        *(sa.Column(name, sa.BigInteger(), server_default=sa.text("0"), nullable=False) for name in counted),
        sa.Column("exposed_since", sa.DateTime(timezone=True), nullable=True),
        money("exposed_seconds"),
    ]


def money(name: str) -> sa.Column[Any]:
    return sa.Column(name, MONEY, server_default="0", nullable=False)


def upgrade() -> None:
    op.create_table(
        "account_stats",
        sa.Column("account_id", sa.Text(), nullable=False),
        *(money(name) for name in ("fees", "bought", "sold")),
        sa.Column("losing_trades", sa.BigInteger(), server_default=sa.text("0"), nullable=False),
        sa.Column("best_trade", MONEY, nullable=True),
        sa.Column("worst_trade", MONEY, nullable=True),
        money("held_seconds"),
        *streaks(),
        sa.ForeignKeyConstraint(["account_id"], ["trading.accounts.id"], name=op.f("fk_account_stats_account_id")),
        sa.PrimaryKeyConstraint("account_id", name=op.f("pk_account_stats")),
        schema="trading",
    )
    op.create_table(
        "agent_stats",
        sa.Column("agent", sa.Text(), nullable=False),
        *streaks(),
        sa.ForeignKeyConstraint(["agent"], ["trading.agents.name"], name=op.f("fk_agent_stats_agent")),
        sa.PrimaryKeyConstraint("agent", name=op.f("pk_agent_stats")),
        schema="trading",
    )
    op.execute(SUMS)
    op.execute(AGENTS)
    for table, key, subject in (("account_stats", "account_id", "account_id"), ("agent_stats", "agent", "agent")):
        for statement in (EXPOSED, STREAKS):
            op.execute(statement.format(table=table, key=key, subject=subject))


def downgrade() -> None:
    op.drop_table("agent_stats", schema="trading")
    op.drop_table("account_stats", schema="trading")
