"""What each tick leaves behind on its agent: when it ran, what went wrong, and what the agent was worth."""

from sqlalchemy import text
from sqlalchemy.orm import Session

RECORD_TICK = text("""
WITH ticked AS (
    UPDATE trading.agents SET last_tick_at = clock_timestamp(), last_error = :error WHERE name = :agent
    RETURNING name, equity, greatest(peak_equity, equity) AS peak
)
INSERT INTO trading.equity_points (agent, at, equity, drawdown)
SELECT name, date_trunc('minute', clock_timestamp()), equity, CASE WHEN peak > 0 THEN 1 - equity / peak ELSE 0 END FROM ticked
ON CONFLICT (agent, at) DO UPDATE SET equity = excluded.equity, drawdown = excluded.drawdown
""")
"""An agent's equity is kept by whoever judges it and by every flow, so that nothing has to be summed here."""


def record_tick(session: Session, agent: str, error: str | None) -> None:
    """Note that the agent's tick ran, with ``error`` or without, and its equity as the last of this minute."""
    session.execute(RECORD_TICK, {"agent": agent, "error": error})
