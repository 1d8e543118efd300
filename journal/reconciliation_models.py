"""The tables of reconciliation: its runs, what differs, how far it has come, and what belongs to nobody."""

from datetime import datetime
from decimal import Decimal
from typing import Any

from sqlalchemy import CheckConstraint, ForeignKey, Index, UniqueConstraint, text
from sqlalchemy.orm import Mapped, mapped_column

from journal.tables import Amount, Base, BigId, Now

RESULTS = "('ok', 'accepted', 'mismatch', 'venue_wiped', 'busy', 'failed')"


class Reconciliation(Base):
    """One run: asked for, then carried out.

    ``seen`` is the last order of every agent that was in the book, and ``flows`` the sum of all cash
    flows; only runs that compared something have them. The next run begins there.
    """

    __tablename__ = "reconciliations"
    __table_args__ = (
        CheckConstraint(f"result IN {RESULTS}", name="result"),
        CheckConstraint("(result IS NULL) = (finished_at IS NULL)", name="finished_with_result"),
        Index("ix_reconciliations_pending", "id", postgresql_where=text("finished_at IS NULL")),
        Index("ix_reconciliations_compared", "id", postgresql_where=text("seen IS NOT NULL")),
    )

    id: Mapped[BigId]
    requested_by: Mapped[str]
    is_full: Mapped[bool] = mapped_column(server_default="false")
    requested_at: Mapped[Now]
    started_at: Mapped[datetime | None]
    finished_at: Mapped[datetime | None]
    result: Mapped[str | None]
    detail: Mapped[str | None]
    orders: Mapped[int] = mapped_column(server_default="0")
    fills: Mapped[int] = mapped_column(server_default="0")
    seen: Mapped[dict[str, Any] | None]
    flows: Mapped[Decimal | None]


class Discrepancy(Base):
    """One difference between the book and the exchange, or within the book; it stands until ``gone_at``.

    ``since`` is when it was found, or found again or larger: a turn of the switch after that accepts it.
    """

    __tablename__ = "discrepancies"
    __table_args__ = (
        UniqueConstraint("code", "subject"),
        Index("ix_discrepancies_standing", "id", postgresql_where=text("gone_at IS NULL")),
    )

    id: Mapped[BigId]
    code: Mapped[str]
    subject: Mapped[str]
    expected: Mapped[Decimal | None]
    actual: Mapped[Decimal | None]
    size: Mapped[Decimal]
    detail: Mapped[str]
    halts: Mapped[bool]
    since: Mapped[Now]
    last_seen_at: Mapped[Now]
    gone_at: Mapped[datetime | None]
    reconciliation_id: Mapped[int] = mapped_column(ForeignKey(Reconciliation.id))


class Unassigned(Base):
    """What the exchange holds of an asset and no account owns (``amount``), as of the last comparison.

    ``taken_out`` is what left the exchange so far and is explained by withdrawals from accounts.
    """

    __tablename__ = "unassigned"

    asset: Mapped[str] = mapped_column(primary_key=True)
    venue: Mapped[Decimal]
    assigned: Mapped[Decimal]
    amount: Mapped[Decimal]
    taken_out: Mapped[Amount]
    at: Mapped[Now]


class ReconciliationCursor(Base):
    """The exchange's orders and trades of one symbol that were compared: from the first that concerns us to the last."""

    __tablename__ = "reconciliation_cursors"

    symbol: Mapped[str] = mapped_column(primary_key=True)
    first_order_id: Mapped[int]
    last_order_id: Mapped[int]
    first_trade_id: Mapped[int]
    last_trade_id: Mapped[int]
