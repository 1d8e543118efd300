"""Bringing events to those who subscribed: what is due, for whom, and what came of each attempt.

A subscription is served by one worker at a time, which claims it by a conditional update and for a short while, so that
what a killed worker was about to do is done again. Whoever fails is left alone for a while, and holds up nobody else.
"""

import uuid
from dataclasses import dataclass, field
from typing import Any

from sqlalchemy import text
from sqlalchemy.orm import Session

from journal.locks import AdvisoryLock, hold

LEASE_SECONDS = 30
"""A subscription is claimed for so long; serving it takes less, attempts that hang included."""
KEEP_TRYING_HOURS = 72
FEWEST_ATTEMPTS = 5
"""Before an event is given up on, however old it is: our own workers may have been away."""
BATCH = 1000

_PUBLISH = """
WITH fresh AS (
    SELECT id, row_number() OVER (ORDER BY created_at, id) AS number
    FROM trading.events WHERE position IS NULL ORDER BY created_at, id LIMIT :batch
), published AS (
    UPDATE trading.events e
    SET position = (SELECT coalesce(max(position), 0) FROM trading.events) + f.number
    FROM fresh f WHERE e.id = f.id
    RETURNING e.id, e.position, e.kind
), requested AS (
    INSERT INTO trading.deliveries (subscription_id, event_id, position)
    SELECT s.id, p.id, p.position
    FROM published p JOIN trading.subscriptions s ON s.active AND (s.kinds IS NULL OR p.kind = ANY(s.kinds))
    ORDER BY p.position
)
SELECT count(*) FROM published
"""

_DUE = """
s.active AND coalesce(s.leased_until, '-infinity') <= now() AND coalesce(s.blocked_until, '-infinity') <= now()
AND EXISTS (SELECT FROM trading.deliveries d
            WHERE d.subscription_id = s.id AND d.status = 'pending' AND d.next_attempt_at <= now())
"""

_COUNT_DUE = f"SELECT count(*) FROM trading.subscriptions s WHERE {_DUE}"  # noqa: S608 - our own text

_CLAIM = f"""
UPDATE trading.subscriptions s SET leased_until = clock_timestamp() + make_interval(secs => :lease)
WHERE s.id = (
    SELECT s.id FROM trading.subscriptions s
    WHERE {_DUE} AND (:failing OR s.failures = 0)
    ORDER BY s.failures = 0, s.leased_until NULLS FIRST LIMIT 1 FOR UPDATE SKIP LOCKED)
RETURNING s.id, s.url, s.secret, CASE WHEN s.previous_until > now() THEN s.previous_secret END AS previous, s.failures
"""  # noqa: S608 - our own text

_NEXT = """
SELECT e.id, d.attempts, CAST(json_build_object(
    'id', e.id, 'kind', e.kind, 'position', e.position, 'created_at', e.created_at,
    'agent', e.agent, 'account_id', e.account_id, 'data', e.payload) AS text) AS body
FROM trading.deliveries d JOIN trading.events e ON e.id = d.event_id
WHERE d.subscription_id = :subscription AND d.status = 'pending' AND d.next_attempt_at <= now()
ORDER BY d.next_attempt_at, d.position LIMIT 1
"""

_DELIVERED = """
UPDATE trading.deliveries
SET status = 'delivered', attempts = attempts + 1, last_status = :status, last_error = NULL,
    last_attempt_at = clock_timestamp(), delivered_at = clock_timestamp()
WHERE subscription_id = :subscription AND event_id = :event AND status = 'pending'
"""
_RECOVERED = """
UPDATE trading.subscriptions SET failures = 0, failing_since = NULL, blocked_until = NULL
WHERE id = :subscription AND failures > 0
"""

_NOT_DELIVERED = """
UPDATE trading.deliveries
SET status = CASE WHEN attempts + 1 >= :fewest AND requested_at <= now() - make_interval(hours => :hours)
                  THEN 'failed' ELSE 'pending' END,
    attempts = attempts + 1, last_status = :status, last_error = :error, last_attempt_at = clock_timestamp(),
    next_attempt_at = clock_timestamp() + make_interval(secs => :pause)
WHERE subscription_id = :subscription AND event_id = :event AND status = 'pending'
RETURNING status
"""
_FAILING = """
UPDATE trading.subscriptions
SET failures = failures + 1, failing_since = coalesce(failing_since, clock_timestamp()),
    blocked_until = clock_timestamp() + make_interval(secs => :pause)
WHERE id = :subscription
"""

_RELEASE = "UPDATE trading.subscriptions SET leased_until = clock_timestamp() WHERE id = :subscription"

_GIVE_UP = """
WITH given_up AS (
    UPDATE trading.deliveries d
    SET status = 'failed', last_error = coalesce(d.last_error, 'the subscriber answered nothing else either')
    FROM trading.subscriptions s
    WHERE s.failing_since <= now() - make_interval(hours => :hours) AND d.subscription_id = s.id
      AND d.status = 'pending' AND d.requested_at <= now() - make_interval(hours => :hours)
    RETURNING d.subscription_id
)
SELECT subscription_id, count(*) AS events FROM given_up GROUP BY subscription_id ORDER BY subscription_id
"""


@dataclass(frozen=True, slots=True)
class Claimed:
    """A subscription that this worker serves now; every one of ``secrets`` signs."""

    id: uuid.UUID
    url: str
    secrets: tuple[str, ...] = field(repr=False)
    failures: int


@dataclass(frozen=True, slots=True)
class Due:
    """An event to be delivered now, with the JSON text to send; ``attempts`` were made before."""

    event_id: uuid.UUID
    attempts: int
    body: str


def publish(session: Session) -> int:
    """Give the events that are committed and have none their positions, and ask for their deliveries; how many there were.

    At most :data:`BATCH` of them.
    """
    hold(session, AdvisoryLock.EVENT_POSITIONS)
    return int(_run(session, _PUBLISH, batch=BATCH).scalar_one())


def subscriptions_due(session: Session) -> int:
    """How many subscriptions wait for an attempt that may be made now."""
    return int(_run(session, _COUNT_DUE).scalar_one())


def claim(session: Session, *, failing: bool) -> Claimed | None:
    """The subscription that waits and was served longest ago, for this worker alone; None if there is none.

    With ``failing``, one whose last attempt failed comes first; without, there is none of those.
    """
    row = _run(session, _CLAIM, lease=LEASE_SECONDS, failing=failing).one_or_none()
    if row is None:
        return None
    return Claimed(row.id, row.url, tuple(secret for secret in (row.secret, row.previous) if secret), row.failures)


def next_due(session: Session, subscription_id: uuid.UUID) -> Due | None:
    """What is to be delivered to a subscription now, what waits longest first."""
    row = _run(session, _NEXT, subscription=subscription_id).one_or_none()
    return Due(row.id, row.attempts, row.body) if row else None


def record_delivered(session: Session, subscription_id: uuid.UUID, event_id: uuid.UUID, status: int) -> None:
    """Note that the subscriber took the event."""
    # The subscription first, as whoever ends it or asks for a replay locks them.
    _run(session, _RECOVERED, subscription=subscription_id)
    _run(session, _DELIVERED, subscription=subscription_id, event=event_id, status=status)


def record_failed(
    session: Session,
    subscription_id: uuid.UUID,
    event_id: uuid.UUID,
    *,
    status: int | None,
    error: str,
    retry_seconds: int,
    block_seconds: int,
) -> bool:
    """Note an attempt that failed; True if it was the last.

    Args:
        session: the open unit of work.
        subscription_id: whose.
        event_id: which.
        status: the HTTP status of the answer, None if there was none.
        error: what went wrong, without the address.
        retry_seconds: until the event is tried again.
        block_seconds: until anything is tried again with this subscriber.
    """
    values = {"status": status, "error": error, "pause": retry_seconds}
    limits = {"fewest": FEWEST_ATTEMPTS, "hours": KEEP_TRYING_HOURS}
    # In the same order as above.
    _run(session, _FAILING, subscription=subscription_id, pause=block_seconds)
    row = _run(session, _NOT_DELIVERED, subscription=subscription_id, event=event_id, **values, **limits).one_or_none()
    return row is not None and row.status == "failed"


def release(session: Session, subscription_id: uuid.UUID) -> None:
    """Let other workers serve the subscription."""
    _run(session, _RELEASE, subscription=subscription_id)


def give_up(session: Session) -> dict[uuid.UUID, int]:
    """Give up on what is too old for subscribers that failed all that time; the number of events by subscription."""
    rows = _run(session, _GIVE_UP, hours=KEEP_TRYING_HOURS)
    return {row.subscription_id: row.events for row in rows}


def _run(session: Session, statement: str, **values: object) -> Any:  # noqa: ANN401 - rows of any shape
    return session.execute(text(statement), values)
