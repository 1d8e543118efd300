"""Reading back the two tables that the platform reads, whoever owns them."""

from datetime import date

from sqlalchemy.orm import Session

from journal import outward
from journal.queries import View, rows

_TRANSACTION_COLUMNS = (
    "transaction_type, amount, balance_before, balance_after, description, reference_type, reference_id"
)

_PERFORMANCE = """
SELECT
    snapshot_date, period_type, opening_balance, closing_balance, profit_loss, total_trades, winning_trades
FROM investment.performance_snapshots
WHERE account_id = :account_id
    AND period_type = :period_type
    AND (CAST(:before AS date) IS NULL OR snapshot_date < CAST(:before AS date))
ORDER BY snapshot_date DESC
LIMIT :limit
"""


def transactions(session: Session, account_id: str, *, before: str | None = None, limit: int) -> list[View]:
    """An account's deposits, withdrawals, profits and losses, the newest first.

    Args:
        session: a view of the book.
        account_id: whose.
        before: the ``id`` of the last transaction of the page before.
        limit: the page's size.
    """
    types = outward.column_types(session, outward.TRANSACTIONS)
    # After a transaction that cannot be, as after one that is not, there is none.
    if not (outward.fits(account_id, types["account_id"]) and (before is None or outward.fits(before, types["id"]))):
        return []
    # Our own table counts its rows in the order of the balances; a platform's own may have UUIDs.
    order = "id" if types["id"] in outward.INTEGER_TYPES else "created_at, id"
    earlier = f"({order}) < (SELECT {order} FROM {outward.TRANSACTIONS} WHERE id = :before)"  # noqa: S608 - constants
    statement = f"""
        SELECT id, {_TRANSACTION_COLUMNS}, created_at
        FROM {outward.TRANSACTIONS}
        WHERE account_id = :account_id AND {earlier if before is not None else "true"}
        ORDER BY {order.replace(",", " DESC,")} DESC
        LIMIT :limit
    """  # noqa: S608 - constants
    parameters = {"account_id": account_id, "before": before, "limit": limit}
    return rows(session, statement, parameters)


def performance(
    session: Session, account_id: str, *, period_type: str, before: date | None = None, limit: int
) -> list[View]:
    """An account's snapshots of one period type, the newest first; ``before`` is the date of the last one of the page before."""
    types = outward.column_types(session, outward.SNAPSHOTS)
    if not outward.fits(account_id, types["account_id"]):
        return []
    parameters = {"account_id": account_id, "period_type": period_type, "before": before, "limit": limit}
    return rows(session, _PERFORMANCE, parameters)
