"""What there is for an agent's tick to do, in one look, so that a tick with nothing to do asks for nothing else."""

from collections.abc import Sequence
from dataclasses import dataclass

from sqlalchemy import text
from sqlalchemy.orm import Session

from agents.leeway import Memory
from agents.model import Bracket
from journal import control, holdings, leeways
from journal.holdings import AgentSnapshot

LOOK = text(f"""
SELECT {holdings.SEEN},
       ARRAY(SELECT DISTINCT b.symbol FROM trading.brackets b WHERE b.agent = a.name AND b.closed_at IS NULL) AS held,
       EXISTS (SELECT FROM trading.accounts c WHERE c.agent = a.name AND c.close_requested_at IS NOT NULL) AS closings,
       EXISTS (SELECT FROM trading.withdrawals w JOIN trading.accounts c ON c.id = w.account_id
               WHERE w.status = 'pending' AND c.agent = a.name) AS withdrawals,
       EXISTS (SELECT FROM trading.decisions d WHERE d.agent = a.name AND d.decided_at IS NULL) AS decisions,
       EXISTS (SELECT FROM trading.breakers t WHERE t.agent = a.name AND t.ended_at IS NULL AND t.action = 'close') AS breakers,
       EXISTS (SELECT FROM trading.breakers t WHERE t.ended_at IS NULL AND t.expires_at <= now())
           OR a.judged_version IS DISTINCT FROM a.book_version OR a.equity_day IS DISTINCT FROM current_date AS changes,
       EXISTS (SELECT FROM trading.agents WHERE agents.name <> a.name AND {control.IS_LATE}) AS others_wait
FROM {holdings.AGENT} WHERE a.name = :agent
""")  # noqa: S608 - our own text


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
    """An agent and what awaits it. What changes while it is read awaits the next tick.

    Raises:
        NotFoundError: it was never started.
    """
    row = holdings.row_of(session, LOOK, agent)
    return holdings.snapshot_in(row), Agenda(
        held=sorted(row.held),
        brackets=holdings.open_brackets(session, agent) if row.held else (),
        memory=leeways.remembered(session, agent) if row.held else None,
        closings=row.closings,
        withdrawals=row.withdrawals,
        decisions=row.decisions,
        breakers=row.breakers,
        changes=row.changes,
        others_wait=row.others_wait,
    )
