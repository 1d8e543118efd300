"""Lists of what was decided and done, the newest first, in pages: decisions, orders, trades.

Each walks the index of its most selective filter, see :mod:`journal.scans`.

Filters that are None do not narrow. The driver writes parameters into the statement, so the
planner sees ``'x' IS NULL`` as a constant and a filter that is off costs nothing.
"""

import uuid
from datetime import datetime

from sqlalchemy import text
from sqlalchemy.orm import Session

from agents.orders import UNRESOLVED
from journal import record_statements
from journal.scans import BoundedList, Listing, scan
from journal.walks import HIGHEST, LOWEST

_DECISIONS = BoundedList(record_statements.DECISIONS, "v", "trading.decisions", ("id",), frozenset({"signal_id"}))
_ORDERS = BoundedList(
    record_statements.ORDERS, "o", "trading.orders", ("id",), frozenset({"client_order_id", "decision_id"})
)
_TRADES = BoundedList(
    record_statements.TRADES, "t", "trading.trades", ("closed_at", "id"), frozenset({"exit_order_id"})
)


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
    found = scan(session, _DECISIONS, walked, {**filters, **ends})
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
    return scan(session, _ORDERS, walked, {**filters, **ends})


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
    return scan(session, _TRADES, walked, {**filters, **ends})


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
