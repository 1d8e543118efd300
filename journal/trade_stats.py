"""Running sums over legs and trades, raised in the transaction that books them, so that reading them costs the same always.

``COUNT_BUYS`` and ``COUNT_SALES`` are parts of the statements that book an order, see :mod:`journal.booking`.
"""

from sqlalchemy import text
from sqlalchemy.orm import Session

LEG_FEES = "l.fee_base * o.executed_cost / o.executed_quantity + l.fee_quote + l.fee_other_value"
"""A fee in the base asset is worth the order's average price."""

STREAKS = """
    current_streak = CASE WHEN sign(s.current_streak) = sign(excluded.current_streak)
        THEN s.current_streak + excluded.current_streak ELSE excluded.current_streak END,
    longest_winning_streak = greatest(s.longest_winning_streak,
        CASE WHEN s.current_streak > 0 THEN s.current_streak ELSE 0 END + excluded.longest_winning_streak),
    longest_losing_streak = greatest(s.longest_losing_streak,
        CASE WHEN s.current_streak < 0 THEN -s.current_streak ELSE 0 END + excluded.longest_losing_streak),
    exposed_seconds = s.exposed_seconds
        + CASE WHEN excluded.exposed_since IS NULL THEN coalesce(extract(epoch FROM now() - s.exposed_since), 0) ELSE 0 END,
    exposed_since = CASE WHEN excluded.exposed_since IS NOT NULL THEN s.exposed_since END
"""
"""What one more result changes: a streak goes on or begins anew, and ``exposed_since`` comes as NULL when nothing is held."""

COUNT_BUYS = f"""
INSERT INTO trading.account_stats AS s (account_id, fees, bought, exposed_since)
SELECT l.account_id, {LEG_FEES}, l.cost, now()
FROM legs l, trading.orders o WHERE o.id = :order AND l.got
ON CONFLICT (account_id) DO UPDATE SET fees = s.fees + excluded.fees, bought = s.bought + excluded.bought,
    exposed_since = coalesce(s.exposed_since, excluded.exposed_since)
"""  # noqa: S608 - constants of this module

EXPOSE_AGENT = """
INSERT INTO trading.agent_stats AS s (agent, exposed_since) SELECT agent, now() FROM trading.orders WHERE id = :order
ON CONFLICT (agent) DO UPDATE SET exposed_since = coalesce(s.exposed_since, excluded.exposed_since)
"""

COUNT_SALES = f"""
INSERT INTO trading.account_stats AS s (account_id, fees, sold, losing_trades, best_trade, worst_trade, held_seconds,
    current_streak, longest_winning_streak, longest_losing_streak, exposed_since)
SELECT l.account_id, {LEG_FEES}, l.cost, (l.profit_loss < 0)::int, l.profit_loss, l.profit_loss,
       extract(epoch FROM now() - l.opened_at), sign(l.profit_loss), (l.profit_loss > 0)::int, (l.profit_loss < 0)::int,
       CASE WHEN l.stays OR l.account_id IN (
           SELECT p.account_id FROM trading.positions p
           WHERE p.agent = (SELECT agent FROM trading.orders WHERE id = :order) AND p.closed_at IS NULL
             AND p.symbol <> (SELECT symbol FROM trading.orders WHERE id = :order)) THEN now() END
FROM sold l, trading.orders o WHERE o.id = :order AND l.kind <> 'dust'
ON CONFLICT (account_id) DO UPDATE SET
    fees = s.fees + excluded.fees, sold = s.sold + excluded.sold, losing_trades = s.losing_trades + excluded.losing_trades,
    best_trade = greatest(s.best_trade, excluded.best_trade), worst_trade = least(s.worst_trade, excluded.worst_trade),
    held_seconds = s.held_seconds + excluded.held_seconds, {STREAKS}
"""  # noqa: S608 - constants of this module

COUNT_SALE = f"""
INSERT INTO trading.agent_stats AS s (agent, current_streak, longest_winning_streak, longest_losing_streak, exposed_since)
SELECT agent, sign(profit_loss), (profit_loss > 0)::int, (profit_loss < 0)::int,
       CASE WHEN EXISTS (
           SELECT FROM trading.positions p
           WHERE p.agent = sale.agent AND p.closed_at IS NULL AND p.entry_order_id IS NOT NULL) THEN now() END
FROM (
    SELECT agent, sum(profit_loss) AS profit_loss FROM trading.trades
    WHERE exit_order_id = :order AND account_id <> 'dust-' || agent GROUP BY agent
) sale
ON CONFLICT (agent) DO UPDATE SET {STREAKS}
"""  # noqa: S608 - constants of this module


def note_entry(session: Session, order_id: int) -> None:
    """Note that the agent holds something from now on."""
    session.execute(text(EXPOSE_AGENT), {"order": order_id})


def note_exit(session: Session, order_id: int) -> None:
    """Add a sale's result to the agent's; its trades are booked and its positions reduced."""
    session.execute(text(COUNT_SALE), {"order": order_id})
