"""The tables of tripped breakers, and of how far prices may move before another one can trip."""

from datetime import datetime
from decimal import Decimal

from sqlalchemy import CheckConstraint, ForeignKey, Index, Numeric, Text, text
from sqlalchemy.dialects.postgresql import ARRAY
from sqlalchemy.orm import Mapped, mapped_column

from journal.models import Account, Agent
from journal.tables import Base, BigId, Now

STANDING = text("ended_at IS NULL")
"""Condition of the indexes; what has expired is ended by the next judging."""
STANDS = "b.ended_at IS NULL AND (b.expires_at IS NULL OR b.expires_at > now())"
"""SQL condition on ``trading.breakers b``: it denies entries now."""


class Breaker(Base):
    """A breaker that tripped, see :mod:`agents.breakers`; it stands until ``expires_at`` or until it is reset.

    ``subject`` is the account's id, the agent's name or ``service``; ``agent`` is empty for the service.
    ``ended_at`` and ``ended_by`` say when and by whom it was ended.
    """

    __tablename__ = "breakers"
    __table_args__ = (
        CheckConstraint("scope IN ('account', 'agent', 'service')", name="scope"),
        CheckConstraint("kind IN ('daily_loss', 'drawdown')", name="kind"),
        CheckConstraint("action IN ('block', 'close')", name="action"),
        CheckConstraint("(account_id IS NOT NULL) = (scope = 'account')", name="account"),
        CheckConstraint("(agent IS NULL) = (scope = 'service')", name="agent"),
        CheckConstraint("(ended_at IS NULL) = (ended_by IS NULL)", name="ended"),
        Index("uq_breakers_standing", "scope", "subject", "kind", unique=True, postgresql_where=STANDING),
        Index("ix_breakers_account", "account_id", postgresql_where=STANDING),
        Index("ix_breakers_agent", "agent", postgresql_where=STANDING),
        Index("ix_breakers_expiring", "expires_at", postgresql_where=STANDING),
    )

    id: Mapped[BigId]
    scope: Mapped[str]
    subject: Mapped[str]
    agent: Mapped[str | None] = mapped_column(ForeignKey(Agent.name))
    account_id: Mapped[str | None] = mapped_column(ForeignKey(Account.id))
    kind: Mapped[str]
    action: Mapped[str]
    allowed: Mapped[Decimal]
    reference: Mapped[Decimal]
    equity: Mapped[Decimal]
    reason: Mapped[str]
    tripped_at: Mapped[Now]
    expires_at: Mapped[datetime | None]
    ended_at: Mapped[datetime | None]
    ended_by: Mapped[str | None]


class AgentLeeway(Base):
    """What the last judging of an agent's accounts left behind, see :class:`agents.leeway.Memory`.

    ``symbols``, ``quantities`` and ``bids`` belong together; a bid is empty where no price was known.
    """

    __tablename__ = "leeways"

    agent: Mapped[str] = mapped_column(ForeignKey(Agent.name), primary_key=True)
    lowest: Mapped[Decimal | None] = mapped_column(Numeric)
    highest: Mapped[Decimal | None] = mapped_column(Numeric)
    cash: Mapped[Decimal]
    symbols: Mapped[list[str]] = mapped_column(ARRAY(Text))
    quantities: Mapped[list[Decimal]] = mapped_column(ARRAY(Numeric(38, 18)))
    bids: Mapped[list[Decimal | None]] = mapped_column(ARRAY(Numeric(38, 18)))
