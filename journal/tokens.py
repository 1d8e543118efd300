"""Tokens of the control API's callers: made, rotated and revoked, each with a row in the audit log; secrets are told once."""

import hashlib
import re
import secrets
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum

from sqlalchemy import ColumnElement, and_, func, or_, select, text
from sqlalchemy.orm import Session

from agents.errors import ConflictError, InvalidInputError, NotFoundError
from journal import audit_log
from journal.token_models import ApiToken

PREFIX = "ta_"
"""So that scanners of source code and logs can tell a token that got lost."""
RANDOM_BYTES = 32
NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]{0,63}")
NAME_MEANING = "1 to 64 of A-Z, a-z, 0-9, _ . and -, beginning with a letter or digit"


class Scope(StrEnum):
    """What a caller may do; each includes the ones before it."""

    READ = "read"
    TRADE = "trade"
    ADMIN = "admin"

    def includes(self, other: "Scope") -> bool:
        """Whether a holder of this one may do what takes the other."""
        ladder = list(Scope)
        return ladder.index(self) >= ladder.index(other)


@dataclass(frozen=True, slots=True)
class Token:
    """A token as callers are known by: who it names, what it allows and until when; not its secret."""

    name: str
    scope: Scope
    created_at: datetime
    expires_at: datetime | None
    revoked_at: datetime | None


def digest(secret: str) -> bytes:
    """What is kept of a secret."""
    return hashlib.sha256(secret.encode()).digest()


def create(session: Session, name: str, scope: Scope, *, expires_in: timedelta | None, actor: str) -> str:
    """Make a token.

    Args:
        session: the open unit of work.
        name: who will hold it, as the audit log will name them.
        scope: what it allows.
        expires_in: from now; None: it stays until it is revoked.
        actor: who asks, for the audit log.

    Returns:
        Its secret, which is kept nowhere.

    Raises:
        ConflictError: a token of this name is in use.
        InvalidInputError: the name is none.
    """
    if NAME.fullmatch(name) is None:
        raise InvalidInputError("name", f"must be {NAME_MEANING}")
    if _lock_current(session, name):
        raise ConflictError(f"there is a token {name} already: rotate or revoke it, or take another name")
    secret, row = _new(session, name, scope, expires_in)
    _record(session, "token create", actor, before=[], after=[row])
    return secret


def rotate(session: Session, name: str, *, overlap: timedelta, actor: str) -> str:
    """Give a token a new secret; the old one ends after ``overlap``, or when it would have ended anyway.

    The new one has the old one's scope, and lasts as long from now as the old one did from its creation.

    Returns:
        The new secret, which is kept nowhere.

    Raises:
        NotFoundError: no such token is in use.
    """
    rows = _in_use(session, name)
    before = [_snapshot(row) for row in rows]
    newest = rows[-1]
    lasting = None if newest.expires_at is None else newest.expires_at - newest.created_at
    end = _now(session) + overlap
    for row in rows:
        row.expires_at = end if row.expires_at is None else min(end, row.expires_at)
    secret, row = _new(session, name, Scope(newest.scope), lasting)
    _record(session, "token rotate", actor, before=before, after=[*rows, row])
    return secret


def revoke(session: Session, name: str, *, actor: str) -> int:
    """End a token at once, all secrets of it.

    Returns:
        How many secrets ended.

    Raises:
        NotFoundError: no such token is in use.
    """
    rows = _in_use(session, name)
    before = [_snapshot(row) for row in rows]
    now = _now(session)
    for row in rows:
        row.revoked_at = now
    _record(session, "token revoke", actor, before=before, after=rows)
    return len(rows)


def active(session: Session) -> dict[bytes, Token]:
    """The tokens in use, by their digest."""
    return {row.digest: _value(row) for row in session.scalars(select(ApiToken).where(_is_current()))}


def any_ever(session: Session) -> bool:
    """Whether there ever was a token, in use or not: where there was one, nobody gets in without one."""
    return session.scalar(select(ApiToken.id).limit(1)) is not None


def every(session: Session) -> Sequence[Token]:
    """All tokens that ever were, by name, the oldest first."""
    return [_value(row) for row in session.scalars(select(ApiToken).order_by(ApiToken.name, ApiToken.id))]


def _new(session: Session, name: str, scope: Scope, lasting: timedelta | None) -> tuple[str, ApiToken]:
    secret = PREFIX + secrets.token_urlsafe(RANDOM_BYTES)
    now = _now(session)
    row = ApiToken(
        name=name,
        digest=digest(secret),
        scope=scope.value,
        created_at=now,
        expires_at=None if lasting is None else now + lasting,
    )
    session.add(row)
    session.flush()
    return secret, row


def _in_use(session: Session, name: str) -> Sequence[ApiToken]:
    rows = _lock_current(session, name)
    if not rows:
        raise NotFoundError(f"no token {name} is in use")
    return rows


def _lock_current(session: Session, name: str) -> Sequence[ApiToken]:
    """The rows of a token in use, the newest last; nobody else changes tokens until the unit of work ends."""
    session.execute(text("LOCK TABLE trading.api_tokens IN SHARE ROW EXCLUSIVE MODE"))
    return session.scalars(select(ApiToken).where(ApiToken.name == name, _is_current()).order_by(ApiToken.id)).all()


def _is_current() -> ColumnElement[bool]:
    return and_(ApiToken.revoked_at.is_(None), or_(ApiToken.expires_at.is_(None), ApiToken.expires_at > func.now()))


def _now(session: Session) -> datetime:
    return session.scalars(select(func.now())).one()


def _record(
    session: Session, action: str, actor: str, *, before: Sequence[audit_log.State], after: Sequence[ApiToken]
) -> None:
    session.flush()
    audit_log.record(
        session,
        actor=actor,
        action=action,
        agent=None,
        account_id=None,
        before=_merged(before),
        after=_merged([_snapshot(row) for row in after]),
    )


def _snapshot(row: ApiToken) -> audit_log.State:
    prefix = f"{row.name} #{row.id}"
    return {
        f"{prefix} scope": row.scope,
        f"{prefix} expires_at": row.expires_at.isoformat() if row.expires_at else None,
        f"{prefix} revoked_at": row.revoked_at.isoformat() if row.revoked_at else None,
    }


def _merged(states: Sequence[audit_log.State]) -> audit_log.State:
    return {name: value for state in states for name, value in state.items()}


def _value(row: ApiToken) -> Token:
    return Token(row.name, Scope(row.scope), row.created_at, row.expires_at, row.revoked_at)
