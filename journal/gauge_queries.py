"""Figures for monitoring, over all agents."""

from datetime import datetime

from sqlalchemy import text
from sqlalchemy.orm import Session

from journal.queries import View, rows

_AGENTS = """
SELECT
    g.name AS agent,
    g.status = 'running' AS running,
    extract(epoch FROM now() - g.last_tick_at) AS seconds_since_tick,
    (SELECT count(*) FROM trading.decisions d WHERE d.agent = g.name AND d.decided_at IS NULL) AS pending_decisions,
    (
        SELECT count(*)
        FROM trading.orders o
        WHERE o.agent = g.name AND o.state IN ('intended', 'unknown')
    ) AS unresolved_orders
FROM trading.agents g
ORDER BY g.name
"""

_ACCOUNTS = """
SELECT agent, status, count(*) AS accounts
FROM trading.accounts
WHERE kind <> 'dust'
GROUP BY agent, status
ORDER BY agent, status
"""

_ORDERS = """
SELECT agent, state, count(*) AS orders
FROM trading.orders
GROUP BY agent, state
ORDER BY agent, state
"""


def clock(session: Session) -> datetime:
    """What the book's clock shows."""
    now: datetime = session.scalars(text("SELECT clock_timestamp()")).one()
    return now


def agents(session: Session) -> list[View]:
    """Each agent started so far: whether it runs, its last tick's age, and what is still open."""
    return rows(session, _AGENTS, {})


def accounts(session: Session) -> list[View]:
    """Accounts by agent and status."""
    return rows(session, _ACCOUNTS, {})


def orders(session: Session) -> list[View]:
    """Orders by agent and state, since the beginning."""
    return rows(session, _ORDERS, {})


def agents_running(session: Session) -> int:
    """How many agents have status running."""
    return int(session.scalar(text("SELECT count(*) FROM trading.agents WHERE status = 'running'")) or 0)
