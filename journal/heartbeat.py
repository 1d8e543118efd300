"""What each tick leaves behind: the prices it saw, when it ran, what went wrong, and what the agent was worth."""

from collections.abc import Collection

from sqlalchemy import text
from sqlalchemy.orm import Session

from agents.model import Quote
from journal.database import MAY_BE_LOST
from journal.holdings import STORE_MARKS, marks_of
from journal.leeways import Sums, sums_in

RECORD_TICK = "SELECT * FROM trading.record_tick(:agent, :error, :following)"
"""An agent's equity is kept by whoever judges it and by every flow, so that nothing has to be summed here."""
WITH_MARKS, WITHOUT_MARKS = text(f"{MAY_BE_LOST}{STORE_MARKS};{RECORD_TICK}"), text(f"{MAY_BE_LOST}{RECORD_TICK}")
MUST_LAST = text("SET LOCAL synchronous_commit TO DEFAULT")


def record_tick(
    session: Session, agent: str, error: str | None, quotes: Collection[Quote], *, following: bool
) -> Sums | None:
    """Note that the agent's tick ran, with ``error`` or without, and its equity as the last of this minute.

    Args:
        session: a unit of work on which nothing else depends.
        agent: whose tick.
        error: what went wrong, or None.
        quotes: prices that are not kept as marks yet.
        following: whether the agent's equity is to follow the prices, for no account can trip at them.

    Returns:
        What it is worth now, for :func:`journal.breakers.judge_sums`, if it followed.
    """
    values = {"agent": agent, "error": error, "following": following}
    statement = WITH_MARKS if quotes else WITHOUT_MARKS
    return sums_in(session.execute(statement, values | (marks_of(quotes) if quotes else {})).one_or_none())


def must_last(session: Session) -> None:
    """Have the unit of work wait for the disk after all, for it holds more than prices and the tick."""
    session.execute(MUST_LAST)
