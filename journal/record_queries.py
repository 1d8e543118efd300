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
from datetime import datetime

from sqlalchemy import text
from sqlalchemy.orm import Session

from agents.orders import UNRESOLVED
from journal import record_statements
from journal.queries import View, rows
from journal.walks import HIGHEST, LOWEST, Walk

SCANNED = 5000
"""Rows looked at for one page."""


@dataclass(frozen=True, slots=True)
class Listing:
    """Rows of a list; with ``resume``, the key of the last row looked at, there may be more beyond it."""

    rows: list[View]
    resume: int | uuid.UUID | None


@dataclass(frozen=True, slots=True)
class _List:
    """A statement, its table there and the index key of its order; few rows have the same of ``selective`` columns."""

    statement: str
    alias: str
    table: str
    key: tuple[str, ...]
    selective: frozenset[str]


_DECISIONS = _List(record_statements.DECISIONS, "v", "trading.decisions", ("id",), frozenset({"signal_id"}))
_ORDERS = _List(record_statements.ORDERS, "o", "trading.orders", ("id",), frozenset({"client_order_id", "decision_id"}))
_TRADES = _List(record_statements.TRADES, "t", "trading.trades", ("closed_at", "id"), frozenset({"exit_order_id"}))


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
        "signal_id": signal_id,
        "code": None if account_id else code,
        "agent": agent or (served_by[0] if len(served_by) == 1 else None),
    }
    filters: dict[str, object] = {
        "agent": agent,
        "symbol": symbol,
        "account_id": account_id,
        "number": number,
        "code": code,
        "signal_id": signal_id,
        "limit": limit,
    }
    ends: dict[str, object] = {"low_id": LOWEST, "high_id": before or HIGHEST}
    if decision_id is not None:
        ends = {"low_id": decision_id - 1, "high_id": decision_id + 1}
    found = _scan(session, _DECISIONS, walked, {**filters, **ends})
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
    filters = {"agent": agent, "symbol": symbol, "state": state, "limit": limit}
    ends = {"low_id": LOWEST, "high_id": before or HIGHEST}
    return _scan(session, _ORDERS, walked, {**filters, **ends})


def trades(
    session: Session,
    *,
    account_id: str | None = None,
    agent: str | None = None,
    symbol: str | None = None,
    client_order_id: str | None = None,
    before: uuid.UUID | None = None,
    limit: int,
) -> Listing:
    """Closed positions with their profit or loss after all fees; ``client_order_id`` is of the order that closed them."""
    exit_order_id = None
    if client_order_id is not None:
        known = {"client_order_id": client_order_id}
        exit_order_id = session.scalar(
            text("SELECT id FROM trading.orders WHERE client_order_id = :client_order_id"), known
        )
        if exit_order_id is None:
            return Listing([], None)
    closed_at: datetime | str | None = "infinity"
    if before is not None:
        closed_at = session.scalar(text("SELECT closed_at FROM trading.trades WHERE id = :id"), {"id": str(before)})
        if closed_at is None:
            return Listing([], None)
    ends = {
        "low_closed_at": "-infinity",
        "low_id": str(uuid.UUID(int=0)),
        "high_closed_at": closed_at,
        "high_id": str(before or uuid.UUID(int=2**128 - 1)),
    }
    filters = {"account_id": account_id, "agent": agent, "symbol": symbol, "limit": limit}
    walked = {"exit_order_id": exit_order_id, "account_id": account_id, "agent": agent}
    return _scan(session, _TRADES, walked, {**filters, **ends})


def _scan(session: Session, listed: _List, walked: Mapping[str, object], filters: Mapping[str, object]) -> Listing:
    """Walk the index of the first filter of ``walked`` that is given; a full page needs no look at where that ended."""
    first = next((name for name, value in walked.items() if value is not None), None)
    columns = (first,) if first else ()
    walk = Walk(listed.table, columns, listed.key, is_selective=first in listed.selective)
    parameters = {**filters, **{f"by_{name}": walked[name] for name in columns}, "scanned": SCANNED}
    found = rows(session, listed.statement.format(walk=walk.statement, order=walk.order(listed.alias)), parameters)
    if len(found) == filters["limit"]:
        return Listing(found, None)
    last = f"SELECT id FROM ({walk.statement} OFFSET :scanned - 1 LIMIT 1) s"  # noqa: S608 - our own names
    return Listing(found, session.scalar(text(last), parameters))


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
