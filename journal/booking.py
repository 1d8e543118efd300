"""The set-based statements that move money and positions, whatever the number of accounts.

Shares and legs are written once, by COPY; everything else follows from them in a few statements.
``cash + reserved + cost of open positions = balance`` holds for every account before and after each
public function here.
"""

from collections.abc import Sequence

from sqlalchemy import text
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.engine import CursorResult
from sqlalchemy.orm import Session

from agents.model import Bracket, Fill, Leg
from journal import events, outward, trade_stats
from journal.database import copy_rows
from journal.trade_models import Bracket as BracketRow
from journal.trade_models import Fill as FillRow
from journal.trade_models import Order

LEG_COLUMNS = (
    "order_id",
    "account_id",
    "quantity",
    "cost",
    "fee_base",
    "fee_quote",
    "fee_other",
    "fee_other_value",
    "dust",
)


def reserve_cash(session: Session, order_id: int) -> int:
    """Move every share's cash from free to reserved; the number of running accounts that had it to spend."""
    return _run(
        session,
        order_id,
        """
        UPDATE trading.accounts a SET cash = a.cash - s.reserved, reserved = a.reserved + s.reserved, updated_at = now()
        FROM trading.shares s
        WHERE s.order_id = :order AND a.id = s.account_id AND a.status = 'running' AND a.cash >= s.reserved
          AND NOT EXISTS (SELECT FROM trading.withdrawals w WHERE w.account_id = a.id AND w.status = 'pending')
        """,
    )


def claim_positions(session: Session, order_id: int) -> int:
    """Tie every share's position to the exit; the number that were free and as large as expected."""
    return _run(
        session,
        order_id,
        """
        UPDATE trading.positions p SET exit_order_id = :order
        FROM trading.shares s, trading.orders o
        WHERE s.order_id = :order AND o.id = :order AND p.account_id = s.account_id AND p.symbol = o.symbol
          AND p.closed_at IS NULL AND p.exit_order_id IS NULL
          AND CASE WHEN s.keeps_rest THEN p.quantity > s.quantity ELSE p.quantity = s.quantity END
        """,
    )


def insert_fills(session: Session, order_id: int, symbol: str, fills: Sequence[Fill]) -> None:
    """Add the order's fills; one known already is an error of the caller and refused by the key."""
    rows = [
        {
            "symbol": symbol,
            "trade_id": fill.trade_id,
            "order_id": order_id,
            "price": fill.price,
            "quantity": fill.quantity,
            "cost": fill.cost,
            "commission": fill.commission,
            "commission_asset": fill.commission_asset,
            "executed_at": fill.at,
        }
        for fill in fills
    ]
    if rows:
        session.execute(insert(FillRow), rows)


def insert_legs(session: Session, order_id: int, legs: Sequence[Leg]) -> None:
    """Add the order's legs."""
    rows = (
        (
            order_id,
            leg.account_id,
            leg.quantity,
            leg.cost,
            leg.fee_base,
            leg.fee_quote,
            leg.fee_other,
            leg.fee_other_value,
            leg.dust,
        )
        for leg in legs
    )
    copy_rows(session, "trading.legs", LEG_COLUMNS, rows)


def book_entry(session: Session, order_id: int, bracket: Bracket | None) -> None:
    """Pay for a buy: free the reservation less its cost, and open the positions and their exit levels."""
    _run(
        session,
        order_id,
        """
        UPDATE trading.accounts a
        SET reserved = a.reserved - s.reserved, updated_at = now(),
            cash = a.cash + s.reserved - coalesce(l.cost + l.fee_quote + l.fee_other_value, 0)
        FROM trading.shares s LEFT JOIN trading.legs l ON l.order_id = s.order_id AND l.account_id = s.account_id
        WHERE s.order_id = :order AND a.id = s.account_id
        """,
    )
    if bracket is None:
        return
    _run(
        session,
        order_id,
        """
        INSERT INTO trading.positions (account_id, agent, symbol, quantity, cost, entry_price, entry_order_id)
        SELECT l.account_id, o.agent, o.symbol, l.quantity - l.fee_base, l.cost + l.fee_quote + l.fee_other_value,
               o.executed_cost / o.executed_quantity, o.id
        FROM trading.legs l JOIN trading.orders o ON o.id = l.order_id
        WHERE l.order_id = :order
        """,
    )
    _insert_bracket(session, order_id, bracket)
    trade_stats.count_entry(session, order_id)


def _insert_bracket(session: Session, order_id: int, bracket: Bracket) -> None:
    order = session.get_one(Order, order_id)
    session.add(
        BracketRow(
            order_id=order_id,
            agent=order.agent,
            symbol=bracket.symbol,
            entry_price=bracket.entry_price,
            stop_price=bracket.stop_price,
            target_price=bracket.target_price,
            trailing_stop=bracket.trailing_stop,
            highest_price=bracket.highest_price,
            leave_at=bracket.leave_at,
        )
    )


def book_exit(session: Session, order_id: int, agent: str) -> None:
    """Book a sale: trades with their profit or loss, cash and balances, the outward rows, dust, closed brackets, the event."""
    _run(session, order_id, INSERT_TRADES)
    _run(session, order_id, REDUCE_POSITIONS)
    outward.record_trades(session, order_id)
    _run(session, order_id, CREDIT_ACCOUNTS)
    trade_stats.count_exit(session, order_id)
    _collect_dust(session, order_id, agent)
    _run(session, order_id, CLOSE_BRACKETS)
    _run(session, order_id, "UPDATE trading.positions SET exit_order_id = NULL WHERE exit_order_id = :order")
    events.record_trades_closed(session, order_id)


INSERT_TRADES = """
INSERT INTO trading.trades (account_id, agent, symbol, quantity, entry_price, exit_price, cost, proceeds, profit_loss,
                            reason, entry_order_id, exit_order_id, opened_at)
SELECT t.account_id, t.agent, t.symbol, t.quantity, t.entry_price, t.exit_price, t.cost, t.proceeds, t.proceeds - t.cost,
       t.reason, t.entry_order_id, t.order_id, t.opened_at
FROM (
    SELECT p.account_id, p.agent, p.symbol, l.quantity, p.entry_price, o.executed_cost / o.executed_quantity AS exit_price,
           CASE WHEN l.quantity + l.dust = p.quantity THEN p.cost ELSE trunc(p.cost * l.quantity / p.quantity, 8) END AS cost,
           l.cost - l.fee_quote - l.fee_other_value AS proceeds, o.reason, p.entry_order_id, o.id AS order_id, p.opened_at
    FROM trading.legs l
    JOIN trading.orders o ON o.id = l.order_id
    JOIN trading.positions p ON p.exit_order_id = l.order_id AND p.account_id = l.account_id
    WHERE l.order_id = :order
) t
"""
"""What is sold of a position takes its part of the cost with it; the last part takes all that is left."""

REDUCE_POSITIONS = """
UPDATE trading.positions p
SET quantity = p.quantity - l.quantity - l.dust, cost = p.cost - t.cost,
    closed_at = CASE WHEN p.quantity = l.quantity + l.dust THEN now() END
FROM trading.legs l JOIN trading.trades t ON t.exit_order_id = l.order_id AND t.account_id = l.account_id
WHERE l.order_id = :order AND p.exit_order_id = :order AND p.account_id = l.account_id
"""

CREDIT_ACCOUNTS = """
UPDATE trading.accounts a
SET cash = a.cash + t.proceeds, balance = a.balance + t.profit_loss,
    peak_equity = greatest(a.peak_equity, a.balance + t.profit_loss),
    total_profit = a.total_profit + greatest(t.profit_loss, 0), total_loss = a.total_loss + greatest(-t.profit_loss, 0),
    total_trades = a.total_trades + 1, winning_trades = a.winning_trades + (t.profit_loss > 0)::int, updated_at = now()
FROM trading.trades t
WHERE t.exit_order_id = :order AND a.id = t.account_id
"""

CLOSE_BRACKETS = """
UPDATE trading.brackets b SET closed_at = now()
FROM trading.orders o
WHERE o.id = :order AND b.agent = o.agent AND b.symbol = o.symbol AND b.closed_at IS NULL
  AND NOT EXISTS (SELECT FROM trading.positions p WHERE p.entry_order_id = b.order_id AND p.closed_at IS NULL)
"""

OPEN_DUST_ACCOUNT = """
INSERT INTO trading.accounts (id, agent, kind) VALUES ('dust-' || :agent, :agent, 'dust') ON CONFLICT DO NOTHING
"""

KEEP_DUST = """
INSERT INTO trading.positions (account_id, agent, symbol, quantity, cost, entry_price)
SELECT 'dust-' || o.agent, o.agent, o.symbol, sum(l.dust), 0, o.executed_cost / o.executed_quantity
FROM trading.legs l JOIN trading.orders o ON o.id = l.order_id
WHERE l.order_id = :order AND l.dust > 0
GROUP BY o.id
ON CONFLICT (account_id, symbol) WHERE closed_at IS NULL DO UPDATE SET quantity = positions.quantity + excluded.quantity
"""


def _collect_dust(session: Session, order_id: int, agent: str) -> None:
    session.execute(text(OPEN_DUST_ACCOUNT), {"agent": agent})
    _run(session, order_id, KEEP_DUST)


def _run(session: Session, order_id: int, statement: str) -> int:
    result = session.execute(text(statement), {"order": order_id})
    return result.rowcount if isinstance(result, CursorResult) else 0
