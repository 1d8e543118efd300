"""The tables of events, of who wants to be told of them, and of what was delivered to whom."""

import uuid
from datetime import datetime
from typing import Any

from sqlalchemy import CheckConstraint, ForeignKey, Index, Text, UniqueConstraint, func, text, true
from sqlalchemy.dialects.postgresql import ARRAY
from sqlalchemy.orm import Mapped, mapped_column

from journal.tables import Base, Now

PENDING, DELIVERED, FAILED = "pending", "delivered", "failed"
"""The states of a delivery."""


class Event(Base):
    """Something that happened, written with its cause in one transaction, and once per ``cause``.

    ``position`` is its place in the feed. It is given after the commit, by :func:`journal.deliveries.publish`, so that
    whoever has read up to one position will never find a new event before it. Nothing else of a row ever changes.
    """

    __tablename__ = "events"
    __table_args__ = (
        UniqueConstraint("kind", "cause"),
        UniqueConstraint("position"),
        Index("ix_events_unpublished", "created_at", postgresql_where=text("position IS NULL")),
        Index(None, "kind", "position"),
        Index(None, "agent", "position"),
        Index(None, "agent", "kind", "position"),
    )

    id: Mapped[uuid.UUID] = mapped_column(primary_key=True, server_default=func.gen_random_uuid())
    kind: Mapped[str]
    cause: Mapped[str]
    agent: Mapped[str | None]
    account_id: Mapped[str | None]
    payload: Mapped[dict[str, Any]]
    created_at: Mapped[datetime] = mapped_column(server_default=func.clock_timestamp())
    position: Mapped[int | None]


class Subscription(Base):
    """Who is told of events, and how its deliveries fare.

    ``kinds`` is NULL for all kinds. ``previous_secret`` signs beside ``secret`` until ``previous_until``. One worker at a
    time serves it, until ``leased_until``. ``failures`` counts attempts in a row that failed, the first of them at
    ``failing_since``; until ``blocked_until`` none is made.
    """

    __tablename__ = "subscriptions"
    __table_args__ = (
        CheckConstraint("(previous_secret IS NULL) = (previous_until IS NULL)", name="previous_secret_ends"),
        CheckConstraint("(failures = 0) = (failing_since IS NULL)", name="failing_since"),
        Index(None, "created_at", "id"),
    )

    id: Mapped[uuid.UUID] = mapped_column(primary_key=True, server_default=func.gen_random_uuid())
    url: Mapped[str]
    kinds: Mapped[list[str] | None] = mapped_column(ARRAY(Text))
    secret: Mapped[str]
    previous_secret: Mapped[str | None]
    previous_until: Mapped[datetime | None]
    active: Mapped[bool] = mapped_column(server_default=true())
    failures: Mapped[int] = mapped_column(server_default="0")
    failing_since: Mapped[datetime | None]
    blocked_until: Mapped[datetime | None]
    leased_until: Mapped[datetime | None]
    created_at: Mapped[datetime] = mapped_column(server_default=func.clock_timestamp())
    created_by: Mapped[str]


class Delivery(Base):
    """One event to be delivered to one subscription; while pending, the row is the work.

    ``requested_at`` is when it became pending, the last time; ``attempts`` and the rest count from then on.
    """

    __tablename__ = "deliveries"
    __table_args__ = (
        CheckConstraint(f"status IN ('{PENDING}', '{DELIVERED}', '{FAILED}')", name="status"),
        CheckConstraint(f"(delivered_at IS NOT NULL) = (status = '{DELIVERED}')", name="delivered_at"),
        Index(
            "ix_deliveries_pending", "subscription_id", "next_attempt_at", postgresql_where=text("status = 'pending'")
        ),
        Index(None, "subscription_id", "position"),
        Index(None, "subscription_id", "status", "position"),
    )

    subscription_id: Mapped[uuid.UUID] = mapped_column(ForeignKey(Subscription.id), primary_key=True)
    event_id: Mapped[uuid.UUID] = mapped_column(ForeignKey(Event.id), primary_key=True)
    position: Mapped[int]
    status: Mapped[str] = mapped_column(server_default=PENDING)
    attempts: Mapped[int] = mapped_column(server_default="0")
    requested_at: Mapped[Now]
    next_attempt_at: Mapped[Now]
    last_attempt_at: Mapped[datetime | None]
    last_status: Mapped[int | None]
    last_error: Mapped[str | None]
    delivered_at: Mapped[datetime | None]
