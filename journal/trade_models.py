"""The tables that say what was traded: orders, shares, fills, legs, positions, brackets, trades, marks.

Shares, fills, legs and trades are the ledger: rows are added and never changed. Account cash and
positions are running sums over them.

Columns of shares, legs, positions and trades that name an account, an agent or an order are no declared foreign keys: triggers check
them once per statement, as strictly; see docs/decisions/references.md.
"""

import uuid
from datetime import datetime
from decimal import Decimal

from sqlalchemy import CheckConstraint, ForeignKey, Index, String, UniqueConstraint, false, func, text
from sqlalchemy.orm import Mapped, mapped_column

from journal.models import Agent, Decision
from journal.tables import Amount, Base, BigId, Now


class Order(Base):
    """One block order; committed before it is sent, see :mod:`agents.orders` for its states.

    ``reason`` is ``signal`` for entries and an :class:`agents.model.ExitReason` for exits.
    ``executed_cost`` is the sum over fills of price times quantity.
    """

    __tablename__ = "orders"
    __table_args__ = (
        CheckConstraint("side IN ('buy', 'sell')", name="side"),
        CheckConstraint(
            "state IN ('intended', 'unknown', 'filled', 'partially_filled', 'expired', 'rejected', 'withdrawn', 'absent')",
            name="state",
        ),
        CheckConstraint("executed_quantity <= quantity", name="not_overfilled"),
        CheckConstraint("(resolved_at IS NULL) = (state IN ('intended', 'unknown'))", name="resolved_when_final"),
        Index("ix_orders_unresolved", "agent", postgresql_where=text("state IN ('intended', 'unknown')")),
        Index(None, "agent", "id"),
        Index(None, "symbol", "id"),
        Index(None, "state", "id"),
    )

    id: Mapped[BigId]
    client_order_id: Mapped[str] = mapped_column(String(36), unique=True)
    agent: Mapped[str] = mapped_column(ForeignKey(Agent.name))
    symbol: Mapped[str]
    side: Mapped[str]
    reason: Mapped[str]
    decision_id: Mapped[int | None] = mapped_column(ForeignKey(Decision.id), index=True)
    quantity: Mapped[Decimal]
    limit_price: Mapped[Decimal]
    bid: Mapped[Decimal]
    ask: Mapped[Decimal]
    state: Mapped[str] = mapped_column(server_default="intended")
    agent_version: Mapped[int]
    exchange_order_id: Mapped[str | None]
    executed_quantity: Mapped[Amount]
    executed_cost: Mapped[Amount]
    error_code: Mapped[str | None]
    error_message: Mapped[str | None]
    created_at: Mapped[Now]
    resolved_at: Mapped[datetime | None]


class Share(Base):
    """What one account asked of an order, and the cash reserved for it.

    ``keeps_rest`` marks an exit that sells less than the account's whole position.
    """

    __tablename__ = "shares"
    __table_args__ = (CheckConstraint("quantity >= 0 AND reserved >= 0", name="not_negative"),)

    order_id: Mapped[int] = mapped_column(primary_key=True)
    account_id: Mapped[str] = mapped_column(primary_key=True)
    quantity: Mapped[Decimal]
    reserved: Mapped[Decimal]
    keeps_rest: Mapped[bool] = mapped_column(server_default=false())


class Fill(Base):
    """One execution on the exchange, booked once."""

    __tablename__ = "fills"
    __table_args__ = (CheckConstraint("price > 0 AND quantity > 0 AND cost > 0 AND commission >= 0", name="amounts"),)

    symbol: Mapped[str] = mapped_column(primary_key=True)
    trade_id: Mapped[str] = mapped_column(primary_key=True)
    order_id: Mapped[int] = mapped_column(ForeignKey(Order.id), index=True)
    price: Mapped[Decimal]
    quantity: Mapped[Decimal]
    cost: Mapped[Decimal]
    commission: Mapped[Decimal]
    commission_asset: Mapped[str]
    executed_at: Mapped[datetime]


class Leg(Base):
    """One account's part of an order's fills; for every order the legs sum to the fills exactly."""

    __tablename__ = "legs"
    __table_args__ = (
        CheckConstraint(
            "quantity >= 0 AND cost >= 0 AND fee_base >= 0 AND fee_quote >= 0 AND fee_other >= 0 "
            "AND fee_other_value >= 0 AND dust >= 0",
            name="not_negative",
        ),
        CheckConstraint("fee_base <= quantity", name="fee_within_quantity"),
    )

    order_id: Mapped[int] = mapped_column(primary_key=True)
    account_id: Mapped[str] = mapped_column(primary_key=True)
    quantity: Mapped[Decimal]
    cost: Mapped[Decimal]
    fee_base: Mapped[Decimal]
    fee_quote: Mapped[Decimal]
    fee_other: Mapped[Decimal]
    fee_other_value: Mapped[Decimal]
    dust: Mapped[Decimal]


class Position(Base):
    """One account's holding of one symbol; ``cost`` is what it paid for the quantity still held.

    ``entry_order_id`` is empty for dust; ``exit_order_id`` is set while an exit is not yet final.
    """

    __tablename__ = "positions"
    __table_args__ = (
        CheckConstraint("quantity >= 0", name="quantity_not_negative"),
        CheckConstraint("cost >= 0", name="cost_not_negative"),
        CheckConstraint("closed_at IS NULL OR (quantity = 0 AND cost = 0)", name="closed_is_empty"),
        Index("uq_positions_open", "account_id", "symbol", unique=True, postgresql_where=text("closed_at IS NULL")),
        Index(
            "ix_positions_agent_open", "agent", "symbol", "entry_order_id", postgresql_where=text("closed_at IS NULL")
        ),
    )

    id: Mapped[BigId]
    account_id: Mapped[str]
    agent: Mapped[str]
    symbol: Mapped[str]
    quantity: Mapped[Decimal]
    cost: Mapped[Decimal]
    entry_price: Mapped[Decimal]
    entry_order_id: Mapped[int | None]
    exit_order_id: Mapped[int | None]
    opened_at: Mapped[Now]
    closed_at: Mapped[datetime | None]


class Bracket(Base):
    """The exit levels of all positions that one entry order opened; closed with the last of them."""

    __tablename__ = "brackets"
    __table_args__ = (Index("ix_brackets_open", "agent", "symbol", postgresql_where=text("closed_at IS NULL")),)

    order_id: Mapped[int] = mapped_column(ForeignKey(Order.id), primary_key=True)
    agent: Mapped[str] = mapped_column(ForeignKey(Agent.name))
    symbol: Mapped[str]
    entry_price: Mapped[Decimal]
    stop_price: Mapped[Decimal]
    target_price: Mapped[Decimal]
    trailing_stop: Mapped[Decimal | None]
    highest_price: Mapped[Decimal]
    leave_at: Mapped[datetime | None]
    opened_at: Mapped[Now]
    closed_at: Mapped[datetime | None]


class Trade(Base):
    """The closing of a position, or of the part of it that one exit order sold; profit is after all fees."""

    __tablename__ = "trades"
    __table_args__ = (
        UniqueConstraint("exit_order_id", "account_id"),
        CheckConstraint("profit_loss = proceeds - cost", name="profit_loss"),
        Index(None, "account_id", "closed_at", "id"),
        Index(None, "agent", "closed_at", "id"),
        Index(None, "closed_at", "id"),
    )

    id: Mapped[uuid.UUID] = mapped_column(primary_key=True, server_default=func.gen_random_uuid())
    account_id: Mapped[str]
    agent: Mapped[str]
    symbol: Mapped[str]
    quantity: Mapped[Decimal]
    entry_price: Mapped[Decimal]
    exit_price: Mapped[Decimal]
    cost: Mapped[Decimal]
    proceeds: Mapped[Decimal]
    profit_loss: Mapped[Decimal]
    reason: Mapped[str]
    entry_order_id: Mapped[int | None]
    exit_order_id: Mapped[int]
    opened_at: Mapped[datetime]
    closed_at: Mapped[Now]


class Mark(Base):
    """The market's last known price of a symbol; equity is measured at the bid."""

    __tablename__ = "marks"

    symbol: Mapped[str] = mapped_column(primary_key=True)
    bid: Mapped[Decimal]
    ask: Mapped[Decimal]
    at: Mapped[datetime]
