"""What each tick leaves behind on its agent: when it ran, what went wrong, the highest equity so far."""

from sqlalchemy import text
from sqlalchemy.orm import Session

RECORD_TICK = text("""
UPDATE trading.agents SET last_tick_at = clock_timestamp(), last_error = :error,
       peak_equity = greatest(peak_equity, (
           SELECT coalesce(sum(a.cash + a.reserved), 0) + coalesce((
               SELECT sum(p.quantity * coalesce(m.bid, p.entry_price))
               FROM trading.positions p LEFT JOIN trading.marks m ON m.symbol = p.symbol
               WHERE p.agent = :agent AND p.closed_at IS NULL), 0)
           FROM trading.accounts a WHERE a.agent = :agent AND a.kind <> 'dust'))
WHERE name = :agent
""")


def record_tick(session: Session, agent: str, error: str | None) -> None:
    """Note that the agent's tick ran, with ``error`` or without."""
    session.execute(RECORD_TICK, {"agent": agent, "error": error})
