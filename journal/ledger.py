"""The life of an order in the book: the intent before it is sent, the outcome after. One transaction each.

An intent reserves what the order may take: cash of the buyers, positions of the sellers. An outcome
books fills and legs and frees the rest. Both lock the agent's row first, so the orders of one agent
follow each other, and both do nothing the second time.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Protocol

from sqlalchemy import func, select, text, update
from sqlalchemy.orm import Session

from agents.allocation import Total
from agents.errors import BookError, StaleStateError
from agents.model import ZERO, Block, Bracket, Fill, Quote, Side, TradingState
from agents.orders import UNRESOLVED, OrderState, check_transition
from journal import booking
from journal.holdings import AgentSnapshot
from journal.trade_models import Order

ALLOWING = {Side.BUY: (TradingState.ACTIVE,), Side.SELL: (TradingState.ACTIVE, TradingState.REDUCING)}
"""The positions of the switch above all agents at which orders of a side go out."""


class Shares(Protocol):
    """What the accounts ask of an order."""

    def write(self, session: Session, order_id: int) -> None:
        """Write every account's share and set aside what it takes.

        Raises:
            StaleStateError: it is no longer what was decided on.
        """


@dataclass(frozen=True, slots=True)
class Intent:
    """An order about to be committed: what, why, and the state of the agent it was decided under."""

    client_order_id: str
    seen: AgentSnapshot
    block: Block
    reason: str
    quote: Quote
    decision_id: int | None = None
    shares: Shares | None = None
    """What each account asks of the order, where that is no list but the book's own to say; None: the block's wants."""


@dataclass(frozen=True, slots=True)
class OpenOrder:
    """An order in the book whose outcome is still to be booked; ``age`` is by the book's own clock, when it was read."""

    id: int
    client_order_id: str
    agent: str
    symbol: str
    side: Side
    reason: str
    quantity: Decimal
    limit_price: Decimal
    state: OrderState
    agent_version: int
    created_at: datetime
    age: timedelta = timedelta(0)


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of an order; ``total`` is that of ``fills``, and an entry that filled has a ``bracket``."""

    state: OrderState
    exchange_order_id: str | None = None
    fills: Sequence[Fill] = ()
    total: Total | None = None
    lot_step: Decimal = ZERO
    """The market's; a sale leaves what is below it as dust."""
    bracket: Bracket | None = None
    error_code: str | None = None
    error_message: str | None = None


INTEND = text("""
SELECT * FROM trading.intend(
    :client_order_id, :agent, :symbol, :side, :reason, :decision_id, :quantity, :limit_price, :bid, :ask, :agent_version,
    :book_version, CAST(:states AS text[]))
""")


def record_intent(session: Session, intent: Intent) -> OpenOrder:
    """Commit to an order: its row, every account's share, and what they set aside for it.

    Raises:
        StaleStateError: the agent, its accounts or its positions changed since they were read, or the
            same order is in the book already; decide again.
    """
    order = _insert_order(session, intent)
    if intent.shares is not None:
        intent.shares.write(session, order.id)
    else:
        booking.set_aside(session, order.id, intent.block.side, intent.block.wants)
    return order


def _insert_order(session: Session, intent: Intent) -> OpenOrder:
    seen, block = intent.seen, intent.block
    values = {
        "client_order_id": intent.client_order_id,
        "agent": seen.name,
        "symbol": block.symbol,
        "side": block.side.value,
        "reason": intent.reason,
        "decision_id": intent.decision_id,
        "quantity": block.quantity,
        "limit_price": block.limit_price,
        "bid": intent.quote.bid,
        "ask": intent.quote.ask,
        "agent_version": seen.version,
        "book_version": seen.book_version,
        "states": [state.value for state in ALLOWING[block.side]],
    }
    row = session.execute(INTEND, values).one_or_none()
    if row is None:
        raise StaleStateError(_obstacle(session, intent))
    return OpenOrder(
        id=row.id,
        client_order_id=intent.client_order_id,
        agent=seen.name,
        symbol=block.symbol,
        side=block.side,
        reason=intent.reason,
        quantity=block.quantity,
        limit_price=block.limit_price,
        state=OrderState.INTENDED,
        agent_version=seen.version,
        created_at=row.created_at,
    )


def _obstacle(session: Session, intent: Intent) -> str:
    known = select(Order.id).where(Order.client_order_id == intent.client_order_id)
    if session.scalar(known) is not None:
        return f"order {intent.client_order_id} is in the book already"
    return "the agent changed, or trading was halted, since it was read"


def _count_booking(session: Session, agent: str) -> None:
    session.execute(
        text("UPDATE trading.agents SET book_version = book_version + 1, updated_at = now() WHERE name = :agent"),
        {"agent": agent},
    )


def _open_order(row: Order, age: timedelta = timedelta(0)) -> OpenOrder:
    return OpenOrder(
        id=row.id,
        client_order_id=row.client_order_id,
        agent=row.agent,
        symbol=row.symbol,
        side=Side(row.side),
        reason=row.reason,
        quantity=row.quantity,
        limit_price=row.limit_price,
        state=OrderState(row.state),
        agent_version=row.agent_version,
        created_at=row.created_at,
        age=age,
    )


def unresolved_orders(session: Session, agent: str) -> list[OpenOrder]:
    """The agent's orders whose outcome is not booked, oldest first."""
    unresolved = Order.state.in_([state.value for state in UNRESOLVED])
    statement = select(Order, func.clock_timestamp() - Order.created_at).where(Order.agent == agent, unresolved)
    return [_open_order(row, age) for row, age in session.execute(statement.order_by(Order.id))]


def agents_with_unresolved_orders(session: Session) -> list[str]:
    """Names of the agents that have an order whose outcome is not booked."""
    statement = select(Order.agent).where(Order.state.in_([state.value for state in UNRESOLVED])).distinct()
    return sorted(session.scalars(statement))


def mark_unknown(session: Session, order_id: int, reason: str) -> None:
    """Note that the exchange's answer was lost; everything stays reserved."""
    session.execute(
        update(Order)
        .where(Order.id == order_id, Order.state == OrderState.INTENDED.value)
        .values(state=OrderState.UNKNOWN.value, error_message=reason)
    )


def record_outcome(session: Session, order: OpenOrder, outcome: Outcome) -> bool:
    """Book what became of an order; False if that is booked already, and then nothing is written.

    Raises:
        BookError: what is to be divided is not what was filled, or the change of state is not legal.
    """
    session.execute(text("SELECT FROM trading.agents WHERE name = :agent FOR NO KEY UPDATE"), {"agent": order.agent})
    state = OrderState(session.scalars(select(Order.state).where(Order.id == order.id).with_for_update()).one())
    if state not in UNRESOLVED:
        return False
    check_transition(state, outcome.state)
    _check_sums(outcome)
    _finish_order(session, order, outcome)
    booking.insert_fills(session, order.id, order.symbol, outcome.fills)
    if order.side is Side.BUY:
        booking.book_entry(session, order.id, outcome.total, outcome.bracket)
    else:
        booking.book_exit(session, order.id, order.agent, outcome.total, outcome.lot_step)
    _count_booking(session, order.agent)
    return True


def _check_sums(outcome: Outcome) -> None:
    for column in ("quantity", "cost"):
        filled = sum((getattr(fill, column) for fill in outcome.fills), ZERO)
        divided = ZERO if outcome.total is None else getattr(outcome.total, column)
        if filled != divided:
            raise BookError(f"the {column} to be divided is {divided}, the fills' is {filled}")


def _finish_order(session: Session, order: OpenOrder, outcome: Outcome) -> None:
    session.execute(
        update(Order)
        .where(Order.id == order.id)
        .values(
            state=outcome.state.value,
            exchange_order_id=outcome.exchange_order_id,
            executed_quantity=sum((fill.quantity for fill in outcome.fills), ZERO),
            executed_cost=sum((fill.cost for fill in outcome.fills), ZERO),
            error_code=outcome.error_code,
            error_message=outcome.error_message,
            resolved_at=func.clock_timestamp(),
        )
    )
