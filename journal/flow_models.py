"""The table of withdrawals; the money itself moves by a row in ``cash_flows``, see :mod:`journal.flows`."""

from datetime import datetime
from decimal import Decimal

from sqlalchemy import CheckConstraint, ForeignKey, Index, UniqueConstraint, text
from sqlalchemy.orm import Mapped, mapped_column

from journal.models import Account
from journal.tables import Base, BigId, Now


class Withdrawal(Base):
    """One request to pay out of an account, once per ``reference_id``; while pending, the row is the work.

    A closing pays out everything: its amount is not known, and NULL, before it is paid. ``free`` is the
    cash there was when a withdrawal failed; ``detail`` says what a pending one waits for, or why it failed.
    """

    __tablename__ = "withdrawals"
    __table_args__ = (
        CheckConstraint("kind IN ('withdrawal', 'closing')", name="kind"),
        CheckConstraint("status IN ('pending', 'completed', 'failed')", name="status"),
        CheckConstraint("(finished_at IS NULL) = (status = 'pending')", name="finished_when_final"),
        CheckConstraint("coalesce(amount, 0) > 0 OR kind = 'closing' AND coalesce(amount, 0) = 0", name="amount"),
        CheckConstraint("status <> 'completed' OR amount IS NOT NULL", name="completed_with_amount"),
        CheckConstraint("(status = 'failed') = (free IS NOT NULL)", name="failed_with_free"),
        UniqueConstraint("account_id", "reference_id"),
        Index("ix_withdrawals_pending", "account_id", "id", postgresql_where=text("status = 'pending'")),
        Index(
            "uq_withdrawals_closing",
            "account_id",
            unique=True,
            postgresql_where=text("kind = 'closing' AND status <> 'failed'"),
        ),
        Index(None, "account_id", "id"),
    )

    id: Mapped[BigId]
    account_id: Mapped[str] = mapped_column(ForeignKey(Account.id))
    reference_id: Mapped[str]
    kind: Mapped[str] = mapped_column(server_default="withdrawal")
    amount: Mapped[Decimal | None]
    status: Mapped[str] = mapped_column(server_default="pending")
    free: Mapped[Decimal | None]
    detail: Mapped[str | None]
    requested_at: Mapped[Now]
    finished_at: Mapped[datetime | None]
