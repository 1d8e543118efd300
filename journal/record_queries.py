"""Lists of what was decided and done, the newest first, in pages: decisions, orders, trades.

Filters that are None do not narrow. The driver writes parameters into the statement, so the
planner sees ``'x' IS NULL`` as a constant and a filter that is off costs nothing.
"""

import uuid

from sqlalchemy import text
from sqlalchemy.orm import Session

from agents.orders import UNRESOLVED
from journal.queries import View, rows

_DECISIONS = """
SELECT *
FROM (
    SELECT
        d.id,
        d.agent,
        d.signal_id,
        s.source,
        s.symbol,
        s.action,
        s.confidence,
        s.price,
        s.signal_at,
        s.received_at,
        d.code,
        d.detail,
        d.counts,
        CASE WHEN CAST(:number AS bigint) IS NOT NULL THEN coalesce(
            (
                SELECT o.code
                FROM trading.decision_outcomes o
                WHERE o.decision_id = d.id AND o.accounts @> CAST(:number AS bigint)
            ),
            d.code
        ) END AS account_code,
        d.profile_version,
        d.bid,
        d.ask,
        d.created_at,
        d.decided_at,
        ARRAY(SELECT o.client_order_id FROM trading.orders o WHERE o.decision_id = d.id ORDER BY o.id) AS order_ids
    FROM trading.decisions d
    JOIN trading.signals s ON s.id = d.signal_id
    WHERE (:agent IS NULL OR d.agent = :agent)
        AND (:signal_id IS NULL OR d.signal_id = :signal_id)
        AND (:symbol IS NULL OR s.symbol = :symbol)
        AND (CAST(:decision_id AS bigint) IS NULL OR d.id = CAST(:decision_id AS bigint))
        AND (CAST(:before AS bigint) IS NULL OR d.id < CAST(:before AS bigint))
        AND (
            :account_id IS NULL
            OR EXISTS (
                SELECT 1
                FROM trading.assignments x
                WHERE x.account_id = :account_id
                    AND x.agent = d.agent
                    AND coalesce(d.decided_at, now()) >= x.started_at
                    AND (x.ended_at IS NULL OR coalesce(d.decided_at, now()) < x.ended_at)
            )
        )
) v
WHERE :code IS NULL OR coalesce(v.account_code, v.code) = :code
ORDER BY v.id DESC
LIMIT :limit
"""

_ORDERS = """
SELECT
    o.id,
    o.client_order_id,
    o.exchange_order_id,
    o.agent,
    o.symbol,
    o.side,
    o.reason,
    o.decision_id,
    o.quantity,
    o.limit_price,
    o.bid,
    o.ask,
    o.state,
    o.executed_quantity,
    o.executed_cost,
    o.executed_cost / nullif(o.executed_quantity, 0) AS average_price,
    (SELECT count(*) FROM trading.shares s WHERE s.order_id = o.id AND s.account_id <> 'dust-' || o.agent) AS accounts,
    o.error_code,
    o.error_message,
    o.created_at,
    o.resolved_at
FROM trading.orders o
WHERE (:agent IS NULL OR o.agent = :agent)
    AND (:symbol IS NULL OR o.symbol = :symbol)
    AND (:state IS NULL OR o.state = :state)
    AND (:client_order_id IS NULL OR o.client_order_id = :client_order_id)
    AND (CAST(:decision_id AS bigint) IS NULL OR o.decision_id = CAST(:decision_id AS bigint))
    AND (CAST(:before AS bigint) IS NULL OR o.id < CAST(:before AS bigint))
ORDER BY o.id DESC
LIMIT :limit
"""

_TRADES = """
SELECT
    t.id,
    t.account_id,
    t.agent,
    t.symbol,
    t.quantity,
    t.entry_price,
    t.exit_price,
    t.cost,
    t.proceeds,
    t.profit_loss,
    t.reason,
    entered.client_order_id AS entry_order_id,
    exited.client_order_id AS exit_order_id,
    t.opened_at,
    t.closed_at
FROM trading.trades t
LEFT JOIN trading.orders entered ON entered.id = t.entry_order_id
JOIN trading.orders exited ON exited.id = t.exit_order_id
WHERE t.account_id <> 'dust-' || t.agent
    AND (:account_id IS NULL OR t.account_id = :account_id)
    AND (:agent IS NULL OR t.agent = :agent)
    AND (:symbol IS NULL OR t.symbol = :symbol)
    AND (
        CAST(:before AS uuid) IS NULL
        OR (t.closed_at, t.id) < (SELECT b.closed_at, b.id FROM trading.trades b WHERE b.id = CAST(:before AS uuid))
    )
ORDER BY t.closed_at DESC, t.id DESC
LIMIT :limit
"""


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
) -> list[View]:
    """What agents did about signals, and why.

    With ``account_id``, the decisions of the agents that served it at the time; each then carries
    ``account_code``, the outcome for this one account, and ``code`` filters by it.
    """
    filters = {
        "agent": agent,
        "symbol": symbol,
        "account_id": account_id,
        "number": _account_number(session, account_id) if account_id else None,
        "code": code,
        "signal_id": signal_id,
        "decision_id": decision_id,
        "before": before,
        "limit": limit,
    }
    found = rows(session, _DECISIONS, filters)
    return found if account_id else [{k: v for k, v in row.items() if k != "account_code"} for row in found]


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
) -> list[View]:
    """Block orders: what was sent and what became of it."""
    filters = {
        "agent": agent,
        "symbol": symbol,
        "state": state,
        "client_order_id": client_order_id,
        "decision_id": decision_id,
        "before": before,
        "limit": limit,
    }
    return rows(session, _ORDERS, filters)


def trades(
    session: Session,
    *,
    account_id: str | None = None,
    agent: str | None = None,
    symbol: str | None = None,
    before: uuid.UUID | None = None,
    limit: int,
) -> list[View]:
    """Closed positions with their profit or loss after all fees."""
    filters = {
        "account_id": account_id,
        "agent": agent,
        "symbol": symbol,
        "before": str(before) if before else None,
        "limit": limit,
    }
    return rows(session, _TRADES, filters)


def is_settled(session: Session, decision_id: int) -> bool:
    """Whether a decision is made and the outcome of every order it led to is known."""
    statement = text(
        "SELECT d.decided_at IS NOT NULL AND NOT EXISTS "
        "(SELECT 1 FROM trading.orders o WHERE o.decision_id = d.id AND o.state = ANY(:unresolved)) "
        "FROM trading.decisions d WHERE d.id = :decision_id"
    )
    unresolved = [state.value for state in UNRESOLVED]
    return bool(session.scalar(statement, {"decision_id": decision_id, "unresolved": unresolved}))


def _account_number(session: Session, account_id: str) -> int | None:
    number: int | None = session.scalar(text("SELECT number FROM trading.accounts WHERE id = :id"), {"id": account_id})
    return number
