"""Who is told of events: subscribing, changing secrets, ending, and sending an event once more."""

import secrets
import uuid
from collections.abc import Mapping, Sequence

from sqlalchemy import func, select, update
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Session

from agents.errors import ConflictError, NotFoundError
from journal import audit_log
from journal.event_models import FAILED, PENDING, Delivery, Event, Subscription

OVERLAP_HOURS = 24
"""So long a secret signs beside the one that replaced it."""
SECRET_BYTES = 32
MOST_ACTIVE = 100
"""Every event is a delivery for each of them."""
NOBODY = audit_log.snapshot(None, None)


def create(
    session: Session, *, url: str, kinds: Sequence[str] | None, secret: str | None, actor: str
) -> tuple[Subscription, str]:
    """Subscribe an address to events from now on.

    Args:
        session: the open unit of work.
        url: where to send them, checked by the caller.
        kinds: of events; None for all, those of later versions included.
        secret: what signs; made up if there is none.
        actor: who asks, for the audit log.

    Returns:
        The subscription and its secret, which is not told again.

    Raises:
        ConflictError: there are too many already.
    """
    if session.scalars(select(func.count()).where(Subscription.active)).one() >= MOST_ACTIVE:
        raise ConflictError(f"there are {MOST_ACTIVE} subscriptions already: end one that nobody needs")
    signing = secret or new_secret()
    row = Subscription(url=url, kinds=sorted(set(kinds)) if kinds else None, secret=signing, created_by=actor)
    session.add(row)
    session.flush()
    _audit(session, row, "subscribe", NOBODY, actor=actor)
    return row, signing


def rotate(session: Session, subscription_id: uuid.UUID, *, secret: str | None, actor: str) -> tuple[Subscription, str]:
    """Have another secret sign; the present one signs too for a day.

    Raises:
        ConflictError: the subscription has ended.
        NotFoundError: there is none.
    """
    row = _lock_active(session, subscription_id)
    before = _state(row)
    signing = secret or new_secret()
    if signing == row.secret:
        raise ConflictError("this secret signs already: send another one, or none to have one made up")
    until = session.scalars(select(func.now() + func.make_interval(0, 0, 0, 0, OVERLAP_HOURS))).one()
    row.previous_secret, row.previous_until, row.secret = row.secret, until, signing
    session.flush()
    _audit(session, row, "rotate secret", before, actor=actor)
    return row, signing


def end(session: Session, subscription_id: uuid.UUID, *, actor: str) -> Subscription:
    """Send nothing more; what is still to be delivered is given up. Ending it again changes nothing.

    Raises:
        NotFoundError: there is none.
    """
    row = _lock(session, subscription_id)
    if not row.active:
        return row
    before = _state(row)
    row.active = False
    row.previous_secret = row.previous_until = None
    session.execute(
        update(Delivery)
        .where(Delivery.subscription_id == row.id, Delivery.status == PENDING)
        .values(status=FAILED, last_error="the subscription was ended")
    )
    session.flush()
    _audit(session, row, "unsubscribe", before, actor=actor)
    return row


def replay(session: Session, subscription_id: uuid.UUID, event_id: uuid.UUID, *, actor: str) -> None:
    """Have an event delivered to a subscription once more, or for the first time, whatever its kind, and at once.

    Raises:
        ConflictError: the subscription has ended.
        NotFoundError: there is no such subscription or event.
    """
    row = _lock_active(session, subscription_id)
    position = session.scalar(select(Event.position).where(Event.id == event_id))
    if position is None:
        raise NotFoundError(f"there is no event {event_id}")
    anew = {"status": PENDING, "attempts": 0, "requested_at": func.now(), "next_attempt_at": func.now()}
    nothing_yet = dict.fromkeys(("last_attempt_at", "last_status", "last_error", "delivered_at"))
    asked = insert(Delivery).values(subscription_id=row.id, event_id=event_id, position=position)
    keys = [Delivery.subscription_id, Delivery.event_id]
    session.execute(asked.on_conflict_do_update(index_elements=keys, set_={**anew, **nothing_yet}))
    row.blocked_until = None
    session.flush()
    _audit(session, row, "replay event", _state(row), actor=actor, event_id=str(event_id))


def new_secret() -> str:
    """One that nobody guesses."""
    return secrets.token_urlsafe(SECRET_BYTES)


def _lock(session: Session, subscription_id: uuid.UUID) -> Subscription:
    row = session.get(Subscription, subscription_id, with_for_update=True)
    if row is None:
        raise NotFoundError(f"there is no subscription {subscription_id}")
    return row


def _lock_active(session: Session, subscription_id: uuid.UUID) -> Subscription:
    row = _lock(session, subscription_id)
    if not row.active:
        raise ConflictError(f"subscription {subscription_id} has ended: make another one")
    return row


def _state(row: Subscription) -> Mapping[str, str | None]:
    """What the audit log may know of it: no secrets."""
    return {"subscription": str(row.id), "url": row.url, "active": str(row.active).lower()}


def _audit(
    session: Session, row: Subscription, action: str, before: audit_log.State, *, actor: str, **more: str
) -> None:
    after = {**_state(row), **more}
    audit_log.record(session, actor=actor, action=action, agent=None, account_id=None, before=before, after=after)
