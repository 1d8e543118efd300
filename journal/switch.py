"""The one switch above all agents: ACTIVE, REDUCING (exits only) or HALTED (no orders at all); it stays as it was left."""

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import select, text
from sqlalchemy.orm import Session

from agents.model import TradingState
from journal import audit_log, events
from journal.models import ServiceState
from journal.preconditions import Precondition, whatever_it_was


@dataclass(frozen=True, slots=True)
class Switch:
    """How the switch stands, since when and why; ``version`` rises with every change."""

    state: TradingState
    reason: str
    version: int
    updated_at: datetime


def read(session: Session) -> Switch:
    """How the switch stands now."""
    row = session.scalars(select(ServiceState)).one()
    return Switch(TradingState(row.state), row.reason, row.version, row.updated_at)


def turn(
    session: Session,
    state: TradingState,
    *,
    reason: str,
    actor: str,
    precondition: Precondition = whatever_it_was,
) -> Switch:
    """Turn the switch and note in the audit log who did and why; turning it to where it stands changes only the reason.

    Args:
        session: the open unit of work.
        state: where to.
        reason: for whoever asks later why trading stopped.
        actor: who asks.
        precondition: of the switch.
    """
    session.execute(text("SELECT FROM trading.service_state FOR UPDATE"))
    before = read(session)
    precondition(before.version)
    session.execute(
        text(
            "UPDATE trading.service_state SET state = :state, reason = :reason, version = version + 1, updated_at = now()"
        ),
        {"state": state.value, "reason": reason},
    )
    session.expire_all()
    after = read(session)
    audit_log.record(
        session,
        actor=actor,
        action=f"trading {state.value}",
        agent=None,
        account_id=None,
        before={"state": before.state.value, "reason": before.reason},
        after={"state": after.state.value, "reason": after.reason},
    )
    events.record_trading_state(
        session, version=after.version, before=before.state, after=after.state, reason=reason, actor=actor
    )
    return after
