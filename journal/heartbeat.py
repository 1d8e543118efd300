"""What each tick leaves behind: the prices it saw, when it ran, what went wrong, and what the agent was worth."""

from collections.abc import Collection

from sqlalchemy import text
from sqlalchemy.orm import Session

from agents.model import Quote
from journal.holdings import STORE_MARKS, marks_of
from journal.leeways import Sums, sums_in

RECORD_TICK = "SELECT * FROM trading.record_tick(:agent, :error, :following)"
"""An agent's equity is kept by whoever judges it and by every flow, so that nothing has to be summed here."""
WITH_MARKS, WITHOUT_MARKS = text(f"{STORE_MARKS};{RECORD_TICK}"), text(RECORD_TICK)
"""Two statements in one round trip, and in one transaction; the answer is the second one's."""


def record_tick(
    session: Session, agent: str, error: str | None, quotes: Collection[Quote], *, following: bool
) -> Sums | None:
    """Note that the agent's tick ran, with ``error`` or without, and its equity as the last of this minute.

    Args:
        session: whose commit waits for no disk, unless an equity is the highest ever; so nothing else is to be in it.
        agent: whose tick.
        error: what went wrong, or None.
        quotes: prices that are not kept as marks yet.
        following: whether the agent's equity is to follow the prices, for no account can trip at them.

    Returns:
        What it is worth now, if it followed.
    """
    values = {"agent": agent, "error": error, "following": following}
    statement = WITH_MARKS if quotes else WITHOUT_MARKS
    return sums_in(session.execute(statement, values | (marks_of(quotes) if quotes else {})).one_or_none())
