"""What each tick leaves behind: the prices it saw, when it ran, what went wrong, and what the agent was worth."""

from collections.abc import Collection

from sqlalchemy import text
from sqlalchemy.orm import Session

from agents.model import Quote
from journal.database import MAY_BE_LOST
from journal.holdings import STORE_MARKS, marks_of

RECORD_TICK = """
WITH ticked AS (
    UPDATE trading.agents SET last_tick_at = clock_timestamp(), last_error = :error WHERE name = :agent
    RETURNING name, equity, greatest(peak_equity, equity) AS peak
)
INSERT INTO trading.equity_points (agent, at, equity, drawdown)
SELECT name, date_trunc('minute', clock_timestamp()), equity, CASE WHEN peak > 0 THEN 1 - equity / peak ELSE 0 END FROM ticked
ON CONFLICT (agent, at) DO UPDATE SET equity = excluded.equity, drawdown = excluded.drawdown
"""
"""An agent's equity is kept by whoever judges it and by every flow, so that nothing has to be summed here."""
MUST_LAST = text("SET LOCAL synchronous_commit TO DEFAULT")
WITH_MARKS, WITHOUT_MARKS = text(f"{MAY_BE_LOST}{STORE_MARKS};{RECORD_TICK}"), text(f"{MAY_BE_LOST}{RECORD_TICK}")


def record_tick(session: Session, agent: str, error: str | None, quotes: Collection[Quote] = ()) -> None:
    """Note that the agent's tick ran, with ``error`` or without, and its equity as the last of this minute.

    Args:
        session: a unit of work of which nothing else depends.
        agent: whose tick.
        error: what went wrong, or None.
        quotes: prices that are not kept as marks yet.
    """
    values = {"agent": agent, "error": error}
    if quotes:
        session.execute(WITH_MARKS, values | marks_of(quotes))
    else:
        session.execute(WITHOUT_MARKS, values)


def must_last(session: Session) -> None:
    """Have the unit of work wait for the disk after all, for it holds more than prices and the tick."""
    session.execute(MUST_LAST)
