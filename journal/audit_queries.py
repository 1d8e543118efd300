"""The audit log as it is read: the newest first, in pages."""

from collections.abc import Mapping

from sqlalchemy import select
from sqlalchemy.orm import Session

from journal.models import AuditLog
from journal.queries import View


def entries(session: Session, filters: Mapping[str, str], *, before: int | None, limit: int) -> list[View]:
    """Who did what.

    Args:
        session: a view of the book.
        filters: what ``actor``, ``action``, ``agent`` or ``account_id`` must be; each has an index.
        before: only entries with a lower id.
        limit: at most so many.
    """
    columns = AuditLog.__table__.columns
    statement = select(*columns).order_by(AuditLog.id.desc()).limit(limit)
    for name, value in filters.items():
        statement = statement.where(columns[name] == value)
    if before is not None:
        statement = statement.where(AuditLog.id < before)
    return [dict(row) for row in session.execute(statement).mappings()]
