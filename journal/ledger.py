"""The life of an order in the book, after its intent (:mod:`journal.intents`): what is open, and the outcome.

An outcome books fills and legs and frees the rest of what the intent reserved, in one transaction. Like an intent it locks
the agent's row first, so the orders of one agent follow each other, and it does nothing the second time.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal

from sqlalchemy import func, select, text, update
from sqlalchemy.orm import Session

from agents.allocation import Total
from agents.errors import BookError
from agents.model import ZERO, Bracket, Fill, Side
from agents.orders import UNRESOLVED, OrderState, check_transition
from journal import booking
from journal.trade_models import Order


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
