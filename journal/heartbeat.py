"""What each tick leaves behind on its agent: when it ran, and what went wrong."""

from sqlalchemy import text
from sqlalchemy.orm import Session

RECORD_TICK = text(
    "UPDATE trading.agents SET last_tick_at = clock_timestamp(), last_error = :error WHERE name = :agent"
)


def record_tick(session: Session, agent: str, error: str | None) -> None:
    """Note that the agent's tick ran, with ``error`` or without."""
    session.execute(RECORD_TICK, {"agent": agent, "error": error})
