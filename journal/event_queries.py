"""Lists of events, of subscriptions and of what was delivered, in pages."""

import json
import uuid
from collections.abc import Iterable
from decimal import Decimal

from sqlalchemy.orm import Session

from journal.queries import View, rows
from journal.walks import HIGHEST, LOWEST

MOST_COUNTED = 1000
"""Of what waits for one subscription."""

_EVENTS = """
SELECT id, position, kind, created_at, agent, account_id, CAST(payload AS text) AS data
FROM trading.events
WHERE ({names}) > ({low}) AND ({names}) < ({high})
ORDER BY {order}
LIMIT :limit
"""
"""Written so that only the index over exactly these columns has the order asked for."""

_SUBSCRIPTIONS = """
SELECT
    s.id,
    s.url,
    s.kinds AS events,
    s.active,
    s.failures,
    s.failing_since,
    s.blocked_until,
    CASE WHEN s.previous_until > now() THEN s.previous_until END AS previous_secret_until,
    (
        SELECT count(*)
        FROM (
            SELECT
            FROM trading.deliveries d
            WHERE d.subscription_id = s.id AND d.status = 'pending'
            ORDER BY d.next_attempt_at
            LIMIT :counted
        ) p
    ) AS pending,
    s.created_at,
    s.created_by
FROM trading.subscriptions s
WHERE (CAST(:id AS uuid) IS NULL OR s.id = CAST(:id AS uuid))
    AND (:active IS NULL OR s.active = CAST(:active AS boolean))
    AND (
        CAST(:before AS uuid) IS NULL
        OR (s.created_at, s.id) < (
            SELECT b.created_at, b.id
            FROM trading.subscriptions b
            WHERE b.id = CAST(:before AS uuid)
        )
    )
ORDER BY s.created_at DESC, s.id DESC
LIMIT :limit
"""

_DELIVERIES = """
SELECT
    d.event_id,
    d.position,
    e.kind,
    e.created_at,
    d.status,
    d.attempts,
    d.requested_at,
    CASE WHEN d.status = 'pending' THEN d.next_attempt_at END AS next_attempt_at,
    d.last_attempt_at,
    d.last_status,
    d.last_error,
    d.delivered_at
FROM trading.deliveries d
JOIN trading.events e ON e.id = d.event_id
WHERE d.subscription_id = :subscription
    AND (:status IS NULL OR d.status = :status)
    AND (CAST(:event AS uuid) IS NULL OR d.event_id = CAST(:event AS uuid))
    AND (CAST(:before AS bigint) IS NULL OR d.position < CAST(:before AS bigint))
ORDER BY d.position DESC
LIMIT :limit
"""


def events(
    session: Session,
    *,
    kind: str | None = None,
    agent: str | None = None,
    before: int | None = None,
    after: int | None = None,
    limit: int,
) -> list[View]:
    """Events that have a position: with ``after`` those behind it, the oldest first; else the newest first."""
    given = {name: value for name, value in (("agent", agent), ("kind", kind)) if value is not None}
    names = (*given, "position")
    parameters = [f":{name}" for name in given]
    statement = _EVENTS.format(
        names=", ".join(names),
        low=", ".join((*parameters, ":after")),
        high=", ".join((*parameters, ":before")),
        order=", ".join(f"{name} {'DESC' if after is None else 'ASC'}" for name in names),
    )
    ends = {"after": after or LOWEST, "before": before or HIGHEST, "limit": limit}
    return list(_with_data(rows(session, statement, {**given, **ends})))


def subscriptions(
    session: Session, *, active: bool | None = None, before: uuid.UUID | None = None, limit: int
) -> list[View]:
    """Subscriptions, the newest first, without their secrets."""
    chosen = {"id": None, "active": active, "before": _id(before), "limit": limit, "counted": MOST_COUNTED}
    return rows(session, _SUBSCRIPTIONS, chosen)


def subscription(session: Session, subscription_id: uuid.UUID) -> View | None:
    """One of them, or None."""
    chosen = {"id": str(subscription_id), "active": None, "before": None, "limit": 1, "counted": MOST_COUNTED}
    return next(iter(rows(session, _SUBSCRIPTIONS, chosen)), None)


def deliveries(
    session: Session,
    subscription_id: uuid.UUID,
    *,
    status: str | None = None,
    event_id: uuid.UUID | None = None,
    before: int | None = None,
    limit: int,
) -> list[View]:
    """What was or is to be delivered to a subscription, the newest event first."""
    filters = {"status": status, "event": _id(event_id), "before": before, "limit": limit}
    return rows(session, _DELIVERIES, {"subscription": str(subscription_id), **filters})


def _with_data(found: Iterable[View]) -> Iterable[View]:
    """With the payload's numbers exact, which the driver would make floats of."""
    for row in found:
        yield {**row, "data": json.loads(row["data"], parse_float=Decimal)}


def _id(value: uuid.UUID | None) -> str | None:
    return None if value is None else str(value)
