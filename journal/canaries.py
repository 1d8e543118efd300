"""Orders whose presence at the exchange shows that it has not forgotten everything, as the testnet does monthly."""

from dataclasses import dataclass
from datetime import timedelta

from sqlalchemy import text
from sqlalchemy.orm import Session

from agents.reconciliation import ARCHIVED_AFTER

ASKED_FOR = 3
"""One order that is missing is a discrepancy; only if so many are, everything is."""

NEWEST = """
SELECT client_order_id, symbol, clock_timestamp() - resolved_at AS age FROM trading.orders
WHERE exchange_order_id IS NOT NULL AND resolved_at IS NOT NULL AND id < :before
  AND (executed_quantity > 0 OR created_at > now() - make_interval(days => :archived))
ORDER BY id DESC LIMIT :asked_for
"""
ANY = 2**62


@dataclass(frozen=True, slots=True)
class Canary:
    """An order that the exchange accepted; ``age`` is how long the book knows it, by the book's own clock, when it was read."""

    client_order_id: str
    symbol: str
    age: timedelta


def canaries(session: Session, before: int) -> list[Canary]:
    """The newest accepted orders older than order ``before``, the newest first; if there are none, the newest of all.

    Older ones, because a wipe forgets only what came before it.
    """
    parameters = {"archived": ARCHIVED_AFTER.days, "asked_for": ASKED_FOR}
    for bound in (before, ANY):
        rows = session.execute(text(NEWEST), parameters | {"before": bound}).all()
        if rows:
            return [Canary(row.client_order_id, row.symbol, row.age) for row in rows]
    return []
