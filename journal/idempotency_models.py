"""The table of requests that their callers made repeatable, and of the answers they got."""

from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import CheckConstraint, Index
from sqlalchemy.orm import Mapped, mapped_column

from journal.tables import Base, Now


class IdempotencyKey(Base):
    """One key of one caller for one route.

    ``claim`` names the request that works on it until ``running_until``; ``carried_out_at`` is set in the very
    transaction that did what was asked; ``status``, ``headers`` and ``body`` are the answer, once it was given.
    ``fingerprint`` tells another request from the same one.
    """

    __tablename__ = "idempotency_keys"
    __table_args__ = (
        CheckConstraint(
            "(status IS NULL) = (body IS NULL) AND (status IS NULL) = (headers IS NULL)", name="answer_is_whole"
        ),
        Index(None, "claimed_at"),
    )

    actor: Mapped[str] = mapped_column(primary_key=True)
    method: Mapped[str] = mapped_column(primary_key=True)
    path: Mapped[str] = mapped_column(primary_key=True)
    key: Mapped[str] = mapped_column(primary_key=True)
    fingerprint: Mapped[str]
    claim: Mapped[UUID]
    claimed_at: Mapped[Now]
    running_until: Mapped[datetime]
    carried_out_at: Mapped[datetime | None]
    status: Mapped[int | None]
    headers: Mapped[dict[str, Any] | None]
    body: Mapped[bytes | None]
