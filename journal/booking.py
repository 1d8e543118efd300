"""The set-based statements that move money and positions, whatever the number of accounts.

An outcome is booked in one statement: the fills are divided, and legs, accounts, positions, trades and running sums
follow from the same rows. ``cash + reserved + cost of open positions = balance`` holds for every account before and
after each public function here.
"""

import secrets
import time
from collections.abc import Sequence
from decimal import Decimal
from typing import Any

from sqlalchemy import Row, text
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.engine import CursorResult
from sqlalchemy.orm import Session

from agents.allocation import Total
from agents.errors import BookError
from agents.model import Bracket, Fill
from journal import events, outward, trade_stats
from journal.booking_statements import BUY, SALE
from journal.database import expect_rows
from journal.direct import Direct
from journal.dividing import Division, divide
from journal.trade_models import Bracket as BracketRow
from journal.trade_models import Fill as FillRow
from journal.trade_models import Order

FREE_CASH = """
UPDATE trading.accounts a SET cash = a.cash + s.reserved, reserved = a.reserved - s.reserved, updated_at = now()
FROM trading.shares s WHERE s.order_id = :order AND a.id = s.account_id
"""

FREE_POSITIONS = """
UPDATE trading.positions p SET exit_order_id = NULL FROM trading.orders o
WHERE o.id = :order AND p.agent = o.agent AND p.symbol = o.symbol AND p.closed_at IS NULL AND p.exit_order_id = o.id
"""

CLOSE_BRACKETS = """
UPDATE trading.brackets b SET closed_at = now()
FROM trading.orders o
WHERE o.id = :order AND b.agent = o.agent AND b.symbol = o.symbol AND b.closed_at IS NULL
  AND NOT EXISTS (SELECT FROM trading.positions p WHERE p.agent = b.agent AND p.symbol = b.symbol
                  AND p.entry_order_id = b.order_id AND p.closed_at IS NULL)
"""

OPEN_DUST_ACCOUNT = """
INSERT INTO trading.accounts (id, agent, kind) VALUES ('dust-' || :agent, :agent, 'dust') ON CONFLICT DO NOTHING
"""

KEEP_DUST = """
INSERT INTO trading.positions (account_id, agent, symbol, quantity, cost, entry_price)
SELECT 'dust-' || o.agent, o.agent, o.symbol, :dust, 0, o.executed_cost / o.executed_quantity
FROM trading.orders o WHERE o.id = :order
ON CONFLICT (account_id, symbol) WHERE closed_at IS NULL DO UPDATE SET quantity = positions.quantity + excluded.quantity
"""


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


def book_entry(session: Session, order_id: int, total: Total | None, bracket: Bracket | None) -> None:
    """Pay for a buy: legs, less cash, positions and their exit levels; what was reserved for nothing is free again.

    Raises:
        BookError: the legs would not sum to ``total``.
    """
    if total is None or bracket is None:
        _run(session, order_id, FREE_CASH)
        return
    division = divide(session, order_id, total, None)
    sums = _divide(session, BUY, division, total)
    if sums.counted < sums.booked:
        trade_stats.begin_sums(session, order_id)
    _insert_bracket(session, order_id, bracket)
    trade_stats.note_entry(session, order_id)


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


def book_exit(session: Session, order_id: int, agent: str, total: Total | None, lot_step: Decimal) -> None:
    """Book a sale: legs, trades, cash and balances, the outward rows, dust, closed brackets, the event.

    Raises:
        BookError: the legs would not sum to ``total``.
    """
    if total is None:
        _run(session, order_id, FREE_POSITIONS)
        return
    division = divide(session, order_id, total, lot_step)
    session.execute(text(OPEN_DUST_ACCOUNT), {"agent": agent})
    division.parameters["trade_ids"] = _first_digits()
    sums = _divide(session, SALE, division, total, tell=outward.tell_trades(session))
    if sums.dust:
        session.execute(text(KEEP_DUST), {"order": order_id, "dust": sums.dust})
    trade_stats.note_exit(session, agent, sums.profit_loss)
    _run(session, order_id, CLOSE_BRACKETS)
    if not sums.everyone_sold:
        _run(session, order_id, FREE_POSITIONS)
    events.record_trades_closed(session, order_id)


def _divide(session: Session, statement: str, division: Division, total: Total, **parts: str) -> Row[Any]:
    """Run one of the two statements that book everything; the sums of the legs."""
    expect_rows(Direct.of(session), division.accounts)
    columns = ("quantity", *division.amounts)
    parts["sums"] = ", ".join(f"sum({name}) AS {name}" for name in columns)
    written = text(statement.format(division=division.expressions, **parts))
    sums = session.execute(written, division.parameters).one()
    for name in columns:
        if getattr(sums, name) != getattr(total, name):
            raise BookError(f"the legs' {name} sums to {getattr(sums, name)}, the fills' to {getattr(total, name)}")
    return sums


def _first_digits() -> str:
    """The first twenty hexadecimal digits of a block's trade ids: a UUID of version 7 (RFC 9562), to end in the position's number.

    In order, so that a block's ids go to one end of each index; a server that makes each of them asks the system for random
    bits a hundred thousand times.
    """
    milliseconds = time.time_ns() // 1_000_000
    return f"{milliseconds:012x}7{secrets.randbits(12):03x}{0x8000 | secrets.randbits(14):04x}"


def _run(session: Session, order_id: int, statement: str) -> int:
    result = session.execute(text(statement), {"order": order_id})
    return result.rowcount if isinstance(result, CursorResult) else 0
