"""Lists of what was decided and done, the newest first, in pages: decisions, orders, trades.

Every list walks one index, that of its most selective filter, over at most :data:`SCANNED` rows; the other
filters are applied to those. So a page takes bounded time whatever is asked for, and one that found
less than it may hold says where to go on.

Filters that are None do not narrow. The driver writes parameters into the statement, so the
planner sees ``'x' IS NULL`` as a constant and a filter that is off costs nothing.
"""

import uuid
from collections.abc import Mapping
from dataclasses import dataclass

from sqlalchemy import text
from sqlalchemy.orm import Session

from agents.orders import UNRESOLVED
from journal import record_statements
from journal.queries import View, rows

SCANNED = 5000
"""Rows looked at for one page."""


@dataclass(frozen=True, slots=True)
class Listing:
    """Rows of a list; with ``resume``, the key of the last row looked at, there may be more beyond it."""

    rows: list[View]
    resume: int | uuid.UUID | None


def decisions(  # noqa: PLR0913 - one argument per filter
    session: Session,
    *,
    agent: str | None = None,
    symbol: str | None = None,
    account_id: str | None = None,
    code: str | None = None,
    signal_id: str | None = None,
    decision_id: int | None = None,
    before: int | None = None,
    limit: int,
) -> Listing:
    """What agents did about signals, and why.

    With ``account_id``, the decisions of the agents that served it at the time; each then carries
    ``account_code``, the outcome for this one account, and ``code`` filters by it.
    """
    number, served_by = _account(session, account_id) if account_id else (None, [])
    walked = {
        "decision_id": decision_id,
        "signal_id": signal_id,
        "code": None if account_id else code,
        "agent": agent or (served_by[0] if len(served_by) == 1 else None),
    }
    filters = {
        "agent": agent,
        "symbol": symbol,
        "account_id": account_id,
        "number": number,
        "code": code,
        "signal_id": signal_id,
        "before": before,
        "limit": limit,
    }
    found = _scan(session, record_statements.DECISIONS, record_statements.SCANNED_DECISIONS, walked, filters)
    if account_id:
        return found
    return Listing([{k: v for k, v in row.items() if k != "account_code"} for row in found.rows], found.resume)


def orders(  # noqa: PLR0913 - one argument per filter
    session: Session,
    *,
    agent: str | None = None,
    symbol: str | None = None,
    state: str | None = None,
    client_order_id: str | None = None,
    decision_id: int | None = None,
    before: int | None = None,
    limit: int,
) -> Listing:
    """Block orders: what was sent and what became of it."""
    walked = {
        "client_order_id": client_order_id,
        "decision_id": decision_id,
        "symbol": symbol,
        "state": state,
        "agent": agent,
    }
    filters = {"agent": agent, "symbol": symbol, "state": state, "before": before, "limit": limit}
    return _scan(session, record_statements.ORDERS, record_statements.SCANNED_ORDERS, walked, filters)


def trades(
    session: Session,
    *,
    account_id: str | None = None,
    agent: str | None = None,
    symbol: str | None = None,
    before: uuid.UUID | None = None,
    limit: int,
) -> Listing:
    """Closed positions with their profit or loss after all fees."""
    filters = {"agent": agent, "symbol": symbol, "before": str(before) if before else None, "limit": limit}
    return _scan(
        session,
        record_statements.TRADES,
        record_statements.SCANNED_TRADES,
        {"account_id": account_id, "agent": agent},
        filters,
    )


def _scan(
    session: Session,
    statement: str,
    scanned: str,
    walked: Mapping[str, object],
    filters: Mapping[str, object],
) -> Listing:
    """Walk the index of the first filter of ``walked`` that is given; a full page needs no look at where that ended."""
    first = next((name for name, value in walked.items() if value is not None), None)
    by = {f"by_{name}": value if name == first else None for name, value in walked.items()}
    parameters = {**filters, **by, "scanned": SCANNED}
    found = rows(session, statement, parameters)
    if len(found) == filters["limit"]:
        return Listing(found, None)
    last = session.scalar(text(f"SELECT id FROM ({scanned} OFFSET :scanned - 1 LIMIT 1) s"), parameters)  # noqa: S608 - our own text
    return Listing(found, last)


def is_settled(session: Session, decision_id: int) -> bool:
    """Whether a decision is made and the outcome of every order it led to is known."""
    statement = text(
        "SELECT d.decided_at IS NOT NULL AND NOT EXISTS "
        "(SELECT 1 FROM trading.orders o WHERE o.decision_id = d.id AND o.state = ANY(:unresolved)) "
        "FROM trading.decisions d WHERE d.id = :decision_id"
    )
    unresolved = [state.value for state in UNRESOLVED]
    return bool(session.scalar(statement, {"decision_id": decision_id, "unresolved": unresolved}))


def _account(session: Session, account_id: str) -> tuple[int | None, list[str]]:
    """An account's number, and every agent that ever served it."""
    known = {"account_id": account_id}
    number: int | None = session.scalar(text("SELECT number FROM trading.accounts WHERE id = :account_id"), known)
    agents = session.scalars(
        text("SELECT DISTINCT agent FROM trading.assignments WHERE account_id = :account_id"), known
    )
    return number, list(agents)
