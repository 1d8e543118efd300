"""Running sums over legs and trades, raised in the transaction that books them, so that reading them costs the same always.

``COUNT_BUYS`` and ``COUNT_SALES`` are parts of the statements that book an order, ``filled`` there, see :mod:`journal.booking`.
"""

from decimal import Decimal

from sqlalchemy import text
from sqlalchemy.orm import Session


def leg_fees(cost: str, quantity: str) -> str:
    """What the fees of leg ``l`` are worth; one in the base asset by its order's average price, ``cost`` by ``quantity``."""
    in_base = f"CASE WHEN l.fee_base = 0 THEN 0 ELSE l.fee_base * {cost} / {quantity} END"
    return f"{in_base} + l.fee_quote + l.fee_other_value"


FEES_OF_FILLED = leg_fees("(SELECT cost FROM filled)", "(SELECT quantity FROM filled)")

STREAKS = """
    current_streak = CASE WHEN sign(s.current_streak) = sign({new}.current_streak)
        THEN s.current_streak + {new}.current_streak ELSE {new}.current_streak END,
    longest_winning_streak = greatest(s.longest_winning_streak,
        CASE WHEN s.current_streak > 0 THEN s.current_streak ELSE 0 END + {new}.longest_winning_streak),
    longest_losing_streak = greatest(s.longest_losing_streak,
        CASE WHEN s.current_streak < 0 THEN -s.current_streak ELSE 0 END + {new}.longest_losing_streak),
    exposed_seconds = s.exposed_seconds
        + CASE WHEN {new}.exposed_since IS NULL THEN coalesce(extract(epoch FROM now() - s.exposed_since), 0) ELSE 0 END,
    exposed_since = CASE WHEN {new}.exposed_since IS NOT NULL THEN s.exposed_since END
"""
"""What one more result changes: a streak goes on or begins anew, and ``exposed_since`` comes as NULL when nothing is held."""

FILLED = """
filled AS MATERIALIZED (
    SELECT agent, symbol, reason, executed_cost AS cost, executed_quantity AS quantity,
           CAST(executed_cost / executed_quantity AS numeric(38, 18)) AS price
    FROM trading.orders WHERE id = :order
)
"""
"""The order itself; what is the same for all of its accounts is asked of it once, not joined row by row."""

COUNT_BUYS = f"""
counted AS (
    UPDATE trading.account_stats s SET fees = s.fees + l.fees, bought = s.bought + l.cost,
        exposed_since = coalesce(s.exposed_since, now())
    FROM (SELECT account_id, {FEES_OF_FILLED} AS fees, cost FROM legs l WHERE got OFFSET 0) l WHERE s.account_id = l.account_id
    RETURNING 1
)
"""  # noqa: S608 - constants of this module
"""For who has sums already; an upsert would lock every row before it changes it."""

BEGIN_SUMS = f"""
WITH {FILLED} INSERT INTO trading.account_stats (account_id, fees, bought, exposed_since)
SELECT l.account_id, {FEES_OF_FILLED}, l.cost, now() FROM trading.legs l
WHERE l.order_id = :order AND NOT EXISTS (SELECT FROM trading.account_stats s WHERE s.account_id = l.account_id)
"""  # noqa: S608 - constants of this module
"""Orders of an agent are booked one after another, so nobody else begins an account's sums meanwhile."""

EXPOSE_AGENT = """
INSERT INTO trading.agent_stats AS s (agent, exposed_since) SELECT agent, now() FROM trading.orders WHERE id = :order
ON CONFLICT (agent) DO UPDATE SET exposed_since = coalesce(s.exposed_since, excluded.exposed_since)
"""

COUNT_SALES = f"""
counted AS (
    UPDATE trading.account_stats s SET
        fees = s.fees + l.fees, sold = s.sold + l.cost, losing_trades = s.losing_trades + l.longest_losing_streak,
        best_trade = greatest(s.best_trade, l.profit_loss), worst_trade = least(s.worst_trade, l.profit_loss),
        held_seconds = s.held_seconds + l.held_seconds, {STREAKS.format(new="l")}
    FROM (
        SELECT account_id, fees, cost, profit_loss, extract(epoch FROM now() - opened_at) AS held_seconds,
               CAST(sign(profit_loss) AS bigint) AS current_streak, CAST(profit_loss > 0 AS int) AS longest_winning_streak,
               CAST(profit_loss < 0 AS int) AS longest_losing_streak,
               CASE WHEN stays OR account_id IN (
                   SELECT p.account_id FROM trading.positions p
                   WHERE p.agent = (SELECT agent FROM filled) AND p.closed_at IS NULL
                     AND p.symbol <> (SELECT symbol FROM filled)) THEN now() END AS exposed_since
        FROM sold WHERE kind <> 'dust' OFFSET 0
    ) l WHERE s.account_id = l.account_id
)
"""  # noqa: S608 - constants of this module
"""Who sells has bought, so there are sums to raise."""

COUNT_SALE = f"""
INSERT INTO trading.agent_stats AS s (agent, current_streak, longest_winning_streak, longest_losing_streak, exposed_since)
SELECT sale.agent, sign(profit_loss), (profit_loss > 0)::int, (profit_loss < 0)::int,
       CASE WHEN EXISTS (
           SELECT FROM trading.positions p
           WHERE p.agent = sale.agent AND p.closed_at IS NULL AND p.entry_order_id IS NOT NULL) THEN now() END
FROM (SELECT CAST(:agent AS text) AS agent, CAST(:profit_loss AS numeric) AS profit_loss) sale
ON CONFLICT (agent) DO UPDATE SET {STREAKS.format(new="excluded")}
"""  # noqa: S608 - constants of this module


def note_entry(session: Session, order_id: int) -> None:
    """Note that the agent holds something from now on."""
    session.execute(text(EXPOSE_AGENT), {"order": order_id})


def begin_sums(session: Session, order_id: int) -> None:
    """Begin the sums of those who never bought before; what the order did to all others is counted."""
    session.execute(text(BEGIN_SUMS), {"order": order_id})


def note_exit(session: Session, agent: str, profit_loss: Decimal | None) -> None:
    """Add a sale's result to the agent's; its positions are reduced. None: it sold nobody's but dust."""
    if profit_loss is not None:
        session.execute(text(COUNT_SALE), {"agent": agent, "profit_loss": profit_loss})
