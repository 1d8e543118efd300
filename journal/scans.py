"""Pages that take bounded time: a list walks one index over at most :data:`SCANNED` rows and filters those.

A page that found less than it may hold says where to go on.
"""

import uuid
from collections.abc import Mapping
from dataclasses import dataclass

from sqlalchemy import text
from sqlalchemy.orm import Session

from journal.queries import View, rows
from journal.walks import Walk

SCANNED = 5000
"""Rows looked at for one page."""


@dataclass(frozen=True, slots=True)
class Listing:
    """Rows of a list; with ``resume``, the key of the last row looked at, there may be more beyond it."""

    rows: list[View]
    resume: int | uuid.UUID | None


@dataclass(frozen=True, slots=True)
class BoundedList:
    """A list of the rows of ``table``, whose order is that of an index ``key``.

    ``statement`` takes ``{walk} LIMIT :scanned`` for its rows, applies all filters, and ends with ``ORDER BY {order}
    LIMIT :limit``, where the walked columns belong to ``alias``. Few rows have the same of the ``selective`` columns.
    """

    statement: str
    alias: str
    table: str
    key: tuple[str, ...]
    selective: frozenset[str]


def scan(session: Session, listed: BoundedList, walked: Mapping[str, object], filters: Mapping[str, object]) -> Listing:
    """A page. It walks the index of the first filter of ``walked`` that is given.

    Args:
        session: a view of the book.
        listed: which list.
        walked: filters by column, the most selective first; each has an index that ends with the list's key.
        filters: the statement's parameters, those of the walk's ends among them.
    """
    first = next((name for name, value in walked.items() if value is not None), None)
    columns = (first,) if first else ()
    walk = Walk(listed.table, columns, listed.key, is_selective=first in listed.selective)
    parameters = {**filters, **{f"by_{name}": walked[name] for name in columns}, "scanned": SCANNED}
    found = rows(session, listed.statement.format(walk=walk.statement, order=walk.order(listed.alias)), parameters)
    if len(found) == filters["limit"]:
        return Listing(found, None)
    last = f"SELECT id FROM ({walk.statement} OFFSET :scanned - 1 LIMIT 1) s"  # noqa: S608 - our own names
    return Listing(found, session.scalar(text(last), parameters))
