"""The audit log: every control call, in the transaction that carries it out."""

from collections.abc import Mapping

from sqlalchemy import insert
from sqlalchemy.orm import Session

from journal.models import Account, Agent, AuditLog

State = Mapping[str, str | None]


def snapshot(agent: Agent | None, account: Account | None) -> State:
    """The part of an agent's and an account's state that control calls change."""
    state: dict[str, str | None] = {}
    if agent is not None:
        state |= {"agent_status": agent.status, "agent_version": str(agent.version)}
    if account is not None:
        state |= {
            "account_status": account.status,
            "account_agent": account.agent,
            "cash": f"{account.cash:f}",
            "closed_at": account.closed_at.isoformat() if account.closed_at else None,
            "close_requested_at": account.close_requested_at.isoformat() if account.close_requested_at else None,
        }
    return state


def record(
    session: Session, *, actor: str, action: str, agent: str | None, account_id: str | None, before: State, after: State
) -> None:
    """Note who did what, and the state before and after it."""
    session.execute(
        insert(AuditLog).values(
            actor=actor, action=action, agent=agent, account_id=account_id, before=dict(before), after=dict(after)
        )
    )
