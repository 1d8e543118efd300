"""Orders whose presence at the exchange shows that it has not forgotten everything, as the testnet does monthly."""

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import text
from sqlalchemy.orm import Session

from agents.reconciliation import ARCHIVED_AFTER

NEWEST = """
(SELECT id, client_order_id, symbol, resolved_at FROM trading.orders
 WHERE exchange_order_id IS NOT NULL AND resolved_at IS NOT NULL AND id < :before
   AND (executed_quantity > 0 OR created_at > now() - make_interval(days => :archived))
 ORDER BY id DESC LIMIT 1)
"""
LATEST = 2**62


@dataclass(frozen=True, slots=True)
class Canary:
    """An order that the exchange accepted, and when the book learned of it."""

    client_order_id: str
    symbol: str
    known_since: datetime


def canaries(session: Session, before: int) -> list[Canary]:
    """The newest accepted order, and the newest one older than order ``before``; fewer if there are none.

    The second shows a wipe also when orders were accepted after it.
    """
    parameters = {"archived": ARCHIVED_AFTER.days}
    rows = [
        row
        for bound in (LATEST, before)
        if (row := session.execute(text(NEWEST), parameters | {"before": bound}).one_or_none()) is not None
    ]
    return [Canary(row.client_order_id, row.symbol, row.resolved_at) for row in {row.id: row for row in rows}.values()]
