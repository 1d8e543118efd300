"""What there is for an agent's tick to do, in one look, so that a tick with nothing to do asks for nothing else."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Row, text
from sqlalchemy.orm import Session

from agents.leeway import Memory
from agents.model import Bracket
from journal import holdings, leeways
from journal.holdings import AgentSnapshot

LOOK = text("SELECT *, switch AS trading FROM trading.look(:agent)")


@dataclass(frozen=True, slots=True)
class Agenda:
    """What awaits an agent at the beginning of a tick; what comes up later awaits the next one."""

    held: Sequence[str]
    """Symbols in which it has positions with exit levels."""
    brackets: Sequence[Bracket]
    """Those levels."""
    memory: Memory | None
    """What the last judging of losses left behind, if it is still valid and anything is held."""
    closings: bool
    """An operator wants positions of an account closed."""
    withdrawals: bool
    decisions: bool
    """A signal is to be decided on."""
    breakers: bool
    """A breaker that closes positions stands, of the agent or of one of its accounts, or did when anyone last looked."""
    changes: bool
    """Its accounts are worth something else than when they were last judged, whatever the prices; or a breaker expired."""
    others_wait: bool
    """Other agents were passed over, see :func:`journal.control.passed_over`."""


def look(session: Session, agent: str) -> tuple[AgentSnapshot, Agenda]:
    """An agent and what awaits it, at one moment.

    Raises:
        NotFoundError: it was never started.
    """
    row = holdings.row_of(session, LOOK, agent)
    held = sorted(set(row.held))
    return holdings.snapshot_in(row), Agenda(
        held=held,
        brackets=_brackets(row) if held else (),
        memory=leeways.memory_in(row) if held else None,
        closings=row.closings,
        withdrawals=row.withdrawals,
        decisions=row.decisions,
        breakers=row.breakers,
        changes=row.changes,
        others_wait=row.others_wait,
    )


def _brackets(row: Row[Any]) -> list[Bracket]:
    columns = (
        row.brackets,
        row.held,
        row.entry_prices,
        row.stop_prices,
        row.target_prices,
        row.trailing_stops,
        row.highest_prices,
        row.leave_ats,
    )
    return [Bracket(*values) for values in zip(*columns, strict=True)]
