"""Requests that may be sent again: claimed before they run, marked in the transaction that carries them out.

A key goes through three commits: the claim, the work itself with its mark, the answer. Whoever dies in between
leaves behind which of them were reached: claimed and never marked, the request runs anew once its lease is
over; marked, it was carried out and must not run again.
"""

import uuid
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, cast

from sqlalchemy import CursorResult, delete, func, null, or_, select, update
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Session

from agents.errors import StaleStateError
from journal.idempotency_models import IdempotencyKey

LEASE_SECONDS = 60
"""For so long a request counts as running; more than any takes. One that wakes up later cannot commit any more."""
KEPT_HOURS = 24


@dataclass(frozen=True, slots=True)
class Request:
    """A request with a key: whose, for which route, and a digest of all that it asks."""

    actor: str
    method: str
    path: str
    key: str
    fingerprint: str


@dataclass(frozen=True, slots=True)
class Claim:
    """The right to carry a request out; another request may take it over when the lease is over."""

    request: Request
    id: uuid.UUID


@dataclass(frozen=True, slots=True)
class Answer:
    """What the first request was told."""

    status: int
    headers: Mapping[str, str]
    body: bytes


@dataclass(frozen=True, slots=True)
class Known:
    """What became of a key so far; ``busy_seconds`` of its lease are left, none if nobody works on it any more."""

    fingerprint: str
    busy_seconds: int
    carried_out_at: datetime | None
    answer: Answer | None


def claim(session: Session, request: Request, *, may_repeat: bool) -> Claim | Known | None:
    """Claim a request, in a unit of work of its own.

    Args:
        session: the open unit of work.
        request: what is to be carried out.
        may_repeat: whether it does no harm to carry it out twice, so that a lost answer can be had again.

    Returns:
        The claim; else what is known of the key; or None if it was given up at this very moment.
    """
    mine = Claim(request, uuid.uuid4())
    row = {
        "fingerprint": request.fingerprint,
        "claim": mine.id,
        "claimed_at": func.clock_timestamp(),
        "running_until": func.clock_timestamp() + _interval(seconds=LEASE_SECONDS),
    }
    given_up = (
        (IdempotencyKey.fingerprint == request.fingerprint)
        & IdempotencyKey.status.is_(None)
        & (IdempotencyKey.running_until <= func.clock_timestamp())
    )
    if not may_repeat:
        given_up &= IdempotencyKey.carried_out_at.is_(None)
    blank = {"carried_out_at": null(), "status": null(), "headers": null(), "body": null()}
    statement = insert(IdempotencyKey).values(**_scope(request), **row)
    statement = statement.on_conflict_do_update(
        constraint="pk_idempotency_keys", set_=row | blank, where=or_(given_up, _is_old())
    )
    if session.scalar(statement.returning(IdempotencyKey.claim)) is not None:
        return mine
    return _known(session, request)


def carry_out(session: Session, claimed: Claim) -> None:
    """Mark the request as carried out, as the last step of the unit of work that does it.

    Raises:
        StaleStateError: another request took it over, or the key was forgotten; nothing may be committed.
    """
    session.flush()
    marked = _update(session, claimed, carried_out_at=func.coalesce(IdempotencyKey.carried_out_at, func.now()))
    if not marked:
        raise StaleStateError("another request with this Idempotency-Key took over: try again")


def keep_answer(session: Session, claimed: Claim, answer: Answer) -> None:
    """Give the same answer to every request to come; nothing if the claim is lost."""
    _update(session, claimed, status=answer.status, headers=dict(answer.headers), body=answer.body)


def give_up(session: Session, claimed: Claim) -> None:
    """Let the key be used anew; if the request was carried out after all, only its lease ends."""
    session.execute(
        delete(IdempotencyKey).where(IdempotencyKey.claim == claimed.id, *_is(claimed.request), _is_not_carried_out())
    )
    _update(session, claimed, running_until=func.clock_timestamp())


def forget_old(session: Session) -> int:
    """Delete what is older than ``KEPT_HOURS``; how many keys that were."""
    return cast("CursorResult[Any]", session.execute(delete(IdempotencyKey).where(_is_old()))).rowcount


def _known(session: Session, request: Request) -> Known | None:
    left = func.ceil(func.extract("epoch", IdempotencyKey.running_until - func.clock_timestamp()))
    found = session.execute(select(IdempotencyKey, left).where(*_is(request))).one_or_none()
    if found is None:
        return None
    row, seconds = found
    answer = None
    if row.status is not None and row.headers is not None and row.body is not None:
        answer = Answer(row.status, row.headers, row.body)
    return Known(row.fingerprint, max(0, int(seconds)), row.carried_out_at, answer)


def _update(session: Session, claimed: Claim, **values: Any) -> bool:  # noqa: ANN401 - a column's value or expression
    statement = update(IdempotencyKey).where(IdempotencyKey.claim == claimed.id, *_is(claimed.request)).values(**values)
    return cast("CursorResult[Any]", session.execute(statement)).rowcount == 1


def _scope(request: Request) -> dict[str, str]:
    return {"actor": request.actor, "method": request.method, "path": request.path, "key": request.key}


def _is(request: Request) -> list[Any]:
    return [getattr(IdempotencyKey, name) == value for name, value in _scope(request).items()]


def _is_not_carried_out() -> Any:  # noqa: ANN401 - an SQL condition
    return IdempotencyKey.carried_out_at.is_(None)


def _is_old() -> Any:  # noqa: ANN401 - an SQL condition
    return IdempotencyKey.claimed_at < func.clock_timestamp() - _interval(hours=KEPT_HOURS)


def _interval(*, hours: int = 0, seconds: int = 0) -> Any:  # noqa: ANN401 - an SQL expression
    return func.make_interval(0, 0, 0, 0, hours, 0, seconds)
