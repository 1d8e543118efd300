"""The tables that say who trades and why: agents, accounts, signals, decisions, the switch, the audit log.

What was traded is in :mod:`journal.trade_models`.
"""

from datetime import date, datetime
from decimal import Decimal
from typing import Any

from sqlalchemy import CheckConstraint, ForeignKey, Identity, Index, Text, UniqueConstraint, func, text
from sqlalchemy.dialects.postgresql import ARRAY, INT8MULTIRANGE, Range
from sqlalchemy.orm import Mapped, mapped_column

from journal.tables import Amount, Base, BigId, Now

STATUSES = "('stopped', 'running', 'paused')"


class Agent(Base):
    """One strategy instance.

    ``version`` rises with every control call that changes the agent or reduces what an account of it
    does, and withdraws orders on their way; ``revision`` with all that callers change of the agent or of its
    accounts' states, so that they can tell whether somebody else did; ``book_version`` with every order booked.
    ``equity`` is what its accounts were worth when they were last judged, at ``judged_version`` of the book;
    ``peak_equity`` and ``day_equity``, of ``equity_day``, are the starting points that losses are measured from,
    see :mod:`agents.breakers`. Its row of ``trading.leeways`` is valid while ``leeway_version`` is the book's.
    """

    __tablename__ = "agents"
    __table_args__ = (CheckConstraint(f"status IN {STATUSES}", name="status"),)

    name: Mapped[str] = mapped_column(primary_key=True)
    status: Mapped[str] = mapped_column(server_default="stopped")
    version: Mapped[int] = mapped_column(server_default="0")
    revision: Mapped[int] = mapped_column(server_default="0")
    book_version: Mapped[int] = mapped_column(server_default="0")
    profile_version: Mapped[int] = mapped_column(server_default="1")
    profile: Mapped[dict[str, Any] | None]
    """The limits that ``profile_version`` stands for, as text by name."""
    tick_seconds: Mapped[Decimal]
    symbols: Mapped[list[str]] = mapped_column(ARRAY(Text))
    equity: Mapped[Amount]
    peak_equity: Mapped[Amount]
    day_equity: Mapped[Amount]
    equity_day: Mapped[date | None]
    judged_version: Mapped[int | None]
    leeway_version: Mapped[int | None]
    last_tick_at: Mapped[datetime | None]
    last_error: Mapped[str | None]
    created_at: Mapped[Now]
    updated_at: Mapped[Now]


class Account(Base):
    """One investor's money under one agent.

    ``version`` rises with all that changes it, orders excepted. ``cash`` is free, ``reserved`` is set aside for
    orders not yet final, ``balance`` is flows plus realised profit; always ``cash + reserved + cost of open
    positions = balance``. ``number`` is the compact name used in per-account decision records.
    ``close_requested_at`` is set while an operator waits for all of its positions to be closed. ``closed_at`` is
    set when all of its money was paid out; it is never used again.
    """

    __tablename__ = "accounts"
    __table_args__ = (
        CheckConstraint(f"status IN {STATUSES}", name="status"),
        CheckConstraint("kind IN ('investor', 'house', 'dust')", name="kind"),
        CheckConstraint("cash >= 0", name="cash_not_negative"),
        CheckConstraint("reserved >= 0", name="reserved_not_negative"),
        CheckConstraint(
            "closed_at IS NULL OR (status = 'stopped' AND cash = 0 AND reserved = 0 AND balance = 0)",
            name="closed_is_empty",
        ),
        Index(None, "agent", "number"),
        Index(None, "agent", "status", "number"),
        Index(None, "status", "number"),
        Index("ix_accounts_closing", "agent", postgresql_where=text("close_requested_at IS NOT NULL")),
    )

    id: Mapped[str] = mapped_column(primary_key=True)
    number: Mapped[int] = mapped_column(Identity(always=True), unique=True)
    agent: Mapped[str] = mapped_column(ForeignKey(Agent.name))
    kind: Mapped[str] = mapped_column(server_default="investor")
    status: Mapped[str] = mapped_column(server_default="stopped")
    version: Mapped[int] = mapped_column(server_default="0")
    cash: Mapped[Amount]
    reserved: Mapped[Amount]
    balance: Mapped[Amount]
    peak_equity: Mapped[Amount]
    day_equity: Mapped[Amount]
    equity_day: Mapped[date | None]
    total_profit: Mapped[Amount]
    total_loss: Mapped[Amount]
    total_trades: Mapped[int] = mapped_column(server_default="0")
    winning_trades: Mapped[int] = mapped_column(server_default="0")
    close_requested_at: Mapped[datetime | None]
    closed_at: Mapped[datetime | None]
    opened_at: Mapped[Now]
    updated_at: Mapped[Now]


class Assignment(Base):
    """Which agent served an account from when to when; the open one has no end."""

    __tablename__ = "assignments"
    __table_args__ = (
        Index("uq_assignments_open", "account_id", unique=True, postgresql_where=text("ended_at IS NULL")),
        Index(None, "agent", "started_at"),
        Index(None, "account_id", "started_at"),
    )

    id: Mapped[BigId]
    account_id: Mapped[str] = mapped_column(ForeignKey(Account.id))
    agent: Mapped[str] = mapped_column(ForeignKey(Agent.name))
    started_at: Mapped[Now]
    ended_at: Mapped[datetime | None]


class CashFlow(Base):
    """Money in or out of an account, once per ``reference_id``; the amount is positive, the type gives the sign."""

    __tablename__ = "cash_flows"
    __table_args__ = (
        CheckConstraint("flow_type IN ('deposit', 'withdrawal')", name="flow_type"),
        CheckConstraint("amount > 0", name="amount_positive"),
        UniqueConstraint("account_id", "reference_id"),
        Index(None, "created_at"),
    )

    id: Mapped[BigId]
    account_id: Mapped[str] = mapped_column(ForeignKey(Account.id))
    flow_type: Mapped[str]
    amount: Mapped[Decimal]
    reference_id: Mapped[str]
    balance_after: Mapped[Decimal | None]
    created_at: Mapped[Now]


class Signal(Base):
    """A signal as it was received, once; a malformed one keeps its ``raw`` text and no values."""

    __tablename__ = "signals"

    id: Mapped[str] = mapped_column(primary_key=True)
    source: Mapped[str]
    symbol: Mapped[str | None]
    action: Mapped[str | None]
    confidence: Mapped[Decimal | None]
    price: Mapped[Decimal | None]
    signal_at: Mapped[datetime | None]
    raw: Mapped[dict[str, Any] | None]
    received_at: Mapped[Now]


class Decision(Base):
    """What one agent did about one signal, and why; pending until a worker has decided.

    ``code`` is the outcome for the agent as a whole; ``counts`` the number of accounts by code.
    """

    __tablename__ = "decisions"
    __table_args__ = (
        UniqueConstraint("signal_id", "agent"),
        CheckConstraint("(code IS NULL) = (decided_at IS NULL)", name="decided_with_code"),
        Index("ix_decisions_pending", "agent", "id", postgresql_where=text("decided_at IS NULL")),
        Index(None, "agent", "id"),
        Index(None, "code", "id"),
    )

    id: Mapped[BigId]
    signal_id: Mapped[str] = mapped_column(ForeignKey(Signal.id))
    agent: Mapped[str] = mapped_column(ForeignKey(Agent.name))
    code: Mapped[str | None]
    detail: Mapped[str | None]
    counts: Mapped[dict[str, Any] | None]
    profile_version: Mapped[int | None]
    bid: Mapped[Decimal | None]
    ask: Mapped[Decimal | None]
    created_at: Mapped[Now]
    decided_at: Mapped[datetime | None]


class DecisionOutcome(Base):
    """The accounts (by number, as ranges) that one code of a decision applies to."""

    __tablename__ = "decision_outcomes"

    decision_id: Mapped[int] = mapped_column(ForeignKey(Decision.id), primary_key=True)
    code: Mapped[str] = mapped_column(primary_key=True)
    accounts_count: Mapped[int]
    accounts: Mapped[list[Range[int]]] = mapped_column(INT8MULTIRANGE)


class ServiceState(Base):
    """The one switch above all agents, and the starting points of the whole service's losses: a single row."""

    __tablename__ = "service_state"
    __table_args__ = (
        CheckConstraint("id = 1", name="single_row"),
        CheckConstraint("state IN ('ACTIVE', 'REDUCING', 'HALTED')", name="state"),
    )

    id: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    state: Mapped[str]
    reason: Mapped[str]
    version: Mapped[int] = mapped_column(server_default="0")
    peak_equity: Mapped[Amount]
    day_equity: Mapped[Amount]
    equity_day: Mapped[date | None]
    updated_at: Mapped[Now]


class AuditLog(Base):
    """Every control call: who did what to whom, before and after."""

    __tablename__ = "audit_log"
    __table_args__ = tuple(Index(None, column, "id") for column in ("actor", "action", "agent", "account_id"))

    id: Mapped[BigId]
    at: Mapped[datetime] = mapped_column(server_default=func.now(), index=True)
    actor: Mapped[str]
    action: Mapped[str]
    agent: Mapped[str | None]
    account_id: Mapped[str | None]
    before: Mapped[dict[str, Any] | None]
    after: Mapped[dict[str, Any] | None]
