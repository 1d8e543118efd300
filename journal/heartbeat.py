"""What each tick leaves behind on its agent: when it ran, what went wrong, the highest equity so far."""

from sqlalchemy import text
from sqlalchemy.orm import Session

RECORD_TICK = text("""
UPDATE trading.agents SET last_tick_at = clock_timestamp(), last_error = :error,
       peak_equity = greatest(peak_equity, (
           SELECT coalesce(sum(a.cash + a.reserved), 0) + coalesce((
               SELECT sum(coalesce(p.quantity * m.bid, p.cost))
               FROM trading.positions p JOIN trading.accounts o ON o.id = p.account_id
               LEFT JOIN trading.marks m ON m.symbol = p.symbol
               WHERE p.agent = :agent AND p.closed_at IS NULL AND o.kind <> 'dust'), 0)
           FROM trading.accounts a WHERE a.agent = :agent AND a.kind <> 'dust'))
WHERE name = :agent
""")


def record_tick(session: Session, agent: str, error: str | None) -> None:
    """Note that the agent's tick ran, with ``error`` or without."""
    session.execute(RECORD_TICK, {"agent": agent, "error": error})
