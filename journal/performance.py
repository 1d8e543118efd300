"""Daily performance of every account, in set-based SQL, as the platform reads it."""

from datetime import UTC, date, datetime, time, timedelta

from sqlalchemy import text
from sqlalchemy.engine import CursorResult
from sqlalchemy.orm import Session

from journal import outward

SYNC_DAY = """
WITH flows AS (
    SELECT account_id, sum(CASE flow_type WHEN 'deposit' THEN amount ELSE -amount END) AS until_close,
           sum(CASE flow_type WHEN 'deposit' THEN amount ELSE -amount END) FILTER (WHERE created_at < :open) AS until_open
    FROM trading.cash_flows WHERE created_at < :close GROUP BY account_id
), trades AS (
    SELECT account_id, sum(profit_loss) AS until_close, sum(profit_loss) FILTER (WHERE closed_at < :open) AS until_open,
           sum(profit_loss) FILTER (WHERE closed_at >= :open) AS profit_loss,
           count(*) FILTER (WHERE closed_at >= :open) AS total,
           count(*) FILTER (WHERE closed_at >= :open AND profit_loss > 0) AS winning
    FROM trading.trades WHERE closed_at < :close GROUP BY account_id
)
INSERT INTO investment.performance_snapshots (account_id, snapshot_date, period_type, opening_balance, closing_balance,
                                              profit_loss, total_trades, winning_trades)
SELECT CAST(a.id AS {account_id_type}), :day, 'daily',
       coalesce(f.until_open, 0) + coalesce(t.until_open, 0), f.until_close + coalesce(t.until_close, 0),
       coalesce(t.profit_loss, 0), coalesce(t.total, 0), coalesce(t.winning, 0)
FROM trading.accounts a JOIN flows f ON f.account_id = a.id LEFT JOIN trades t ON t.account_id = a.id
WHERE a.kind <> 'dust'
ON CONFLICT (account_id, snapshot_date, period_type) DO UPDATE SET
    opening_balance = EXCLUDED.opening_balance, closing_balance = EXCLUDED.closing_balance,
    profit_loss = EXCLUDED.profit_loss, total_trades = EXCLUDED.total_trades, winning_trades = EXCLUDED.winning_trades
"""
"""Balances are realised: flows plus realised profit, open positions at cost. So for every row
closing - opening = profit_loss + the day's net flows."""


def sync_day(session: Session, day: date) -> int:
    """Write or correct the daily snapshot of every account that existed at the day's end; the number of accounts."""
    opening = datetime.combine(day, time(), UTC)
    statement = SYNC_DAY.format(account_id_type=outward.column_types(session, outward.SNAPSHOTS)["account_id"])
    result = session.execute(text(statement), {"day": day, "open": opening, "close": opening + timedelta(days=1)})
    return result.rowcount if isinstance(result, CursorResult) else 0
