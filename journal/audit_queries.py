"""The audit log as it is read: the newest first, in pages."""

from collections.abc import Mapping

from sqlalchemy.orm import Session

from journal.scans import BoundedList, Listing, scan
from journal.walks import HIGHEST, LOWEST

_ENTRIES = BoundedList(
    """
SELECT a.*
FROM ({walk} LIMIT :scanned) a
WHERE (:actor IS NULL OR a.actor = :actor)
    AND (:action IS NULL OR a.action = :action)
    AND (:agent IS NULL OR a.agent = :agent)
    AND (:account_id IS NULL OR a.account_id = :account_id)
ORDER BY {order}
LIMIT :limit
""",
    "a",
    "trading.audit_log",
    ("id",),
    frozenset(),
)


def entries(session: Session, filters: Mapping[str, str], *, before: int | None, limit: int) -> Listing:
    """Who did what.

    Args:
        session: a view of the book.
        filters: what ``actor``, ``action``, ``agent`` or ``account_id`` must be; each has an index.
        before: only entries with a lower id.
        limit: at most so many.
    """
    walked = {name: filters.get(name) for name in ("account_id", "actor", "action", "agent")}
    ends = {"low_id": LOWEST, "high_id": before or HIGHEST, "limit": limit}
    return scan(session, _ENTRIES, walked, {**walked, **ends})
