"""Pausing, resuming and stopping agents and accounts, each in one unit of work; starting is in :mod:`journal.opening`.

An agent and each of its accounts have a state of their own. Pausing an agent leaves the states of its
accounts alone, so that resuming it restores what was. Stopping an agent stops every account: to start one
account again must never start another one's trading.
"""

from dataclasses import dataclass
from datetime import UTC, datetime
from decimal import Decimal

from sqlalchemy import Boolean, ColumnElement, and_, case, exists, func, literal, literal_column, select, text, update
from sqlalchemy.orm import Session

from agents.control import Command, status_after
from agents.errors import NotFoundError
from agents.model import Status
from journal import audit_log, events, switch
from journal.models import Account, Agent
from journal.preconditions import Precondition, whatever_it_was
from journal.switch import Switch
from journal.trade_models import Position

NEVER_STARTED = {"agent_status": Status.STOPPED.value}
NEEDS_TICKS = """(
    agents.status <> 'stopped'
    OR EXISTS (SELECT FROM trading.accounts c WHERE c.agent = agents.name AND c.close_requested_at IS NOT NULL)
    OR EXISTS (SELECT FROM trading.withdrawals w JOIN trading.accounts c ON c.id = w.account_id
               WHERE w.status = 'pending' AND c.agent = agents.name)
)"""
"""SQL condition on ``trading.agents``."""
WAITED = """
extract(epoch FROM clock_timestamp() - coalesce(agents.last_tick_at, agents.created_at)) / agents.tick_seconds
"""
IS_LATE = f"{WAITED} > 3 AND {NEEDS_TICKS}"
"""SQL condition on ``trading.agents``: so many intervals without a tick, and an agent has been passed over."""
PASSED_OVER = f"SELECT name FROM trading.agents WHERE {IS_LATE} ORDER BY {WAITED} DESC"  # noqa: S608 - our own text


@dataclass(frozen=True, slots=True)
class Publication:
    """What Redis must know of one agent; ``needs_ticks`` says whether it belongs on the beat schedule."""

    agent: str
    status: Status
    version: int
    tick_seconds: Decimal
    needs_ticks: bool
    switch: Switch


def change(
    session: Session,
    command: Command,
    *,
    agent: str,
    account_id: str | None,
    close_positions: bool = False,
    actor: str,
    precondition: Precondition = whatever_it_was,
) -> None:
    """Pause, resume or stop an agent as a whole, or one account of it.

    Args:
        session: the open unit of work.
        command: anything but start.
        agent: a known agent's name; one that was never started counts as stopped.
        account_id: the account meant, or None for the agent as a whole.
        close_positions: with stop: have the agent's next ticks sell all that is held.
        actor: who asks, for the audit log.
        precondition: of the account, or of the agent as a whole.

    Raises:
        ConflictError: the command is illegal in the present state.
        NotFoundError: the agent has no such account.
    """
    row = lock_agent(session, agent)
    account = lock_account_of(session, agent, account_id) if account_id is not None else None
    precondition(_last_change(row, account))
    if row is None:
        status_after(Status.STOPPED, command, subject=f"agent {agent}")
        audit_log.record(
            session,
            actor=actor,
            action=command.value,
            agent=agent,
            account_id=account_id,
            before=NEVER_STARTED,
            after=NEVER_STARTED,
        )
        return
    before = audit_log.snapshot(row, account)
    if account is None:
        _change_agent(session, row, command, close_positions=close_positions)
    else:
        _change_account(account, command, close_positions=close_positions)
    row.version += 1
    row.revision += 1
    row.updated_at = datetime.now(UTC)
    session.flush()
    after = audit_log.snapshot(row, account)
    audit_log.record(
        session, actor=actor, action=command.value, agent=agent, account_id=account_id, before=before, after=after
    )
    record_states(session, row, account, before, action=command.value, actor=actor)


def record_states(
    session: Session, agent: Agent, account: Account | None, before: audit_log.State, *, action: str, actor: str
) -> None:
    """Note an event for each of agent and account whose state is not what it was ``before`` a control call."""
    subjects = ((agent, None, "agent_status"), (account, account.id if account else None, "account_status"))
    for subject, account_id, former in subjects:
        if subject is not None:
            events.record_agent_state(
                session,
                agent=agent.name,
                account_id=account_id,
                version=subject.version,
                before=before.get(former),
                after=subject.status,
                action=action,
                actor=actor,
            )


def close_done(session: Session, agent: str) -> bool:
    """Forget the requests to close of accounts that hold nothing any more; True when none is left.

    The agent's tick calls this after its exits; with True, a stopped agent comes off the schedule.
    """
    session.execute(
        update(Account)
        .where(Account.agent == agent, Account.close_requested_at.is_not(None), ~holds_something())
        .values(close_requested_at=None, version=Account.version + 1)
    )
    return not session.scalar(select(_is_closing(agent)))


def publication(session: Session, agent: str) -> Publication | None:
    """What Redis must know of one agent; None if it was never started."""
    return next(iter(_publications(session, Agent.name == agent)), None)


def publications(session: Session) -> list[Publication]:
    """What Redis must know of every agent."""
    return _publications(session)


def passed_over(session: Session) -> list[str]:
    """The agents that have waited longest for a tick, beyond any delay that is usual; the worst first."""
    return list(session.scalars(text(PASSED_OVER)))


def lock_agent(session: Session, name: str) -> Agent | None:
    """The agent's row, held until the unit of work ends; orders may still refer to it meanwhile."""
    return session.scalars(select(Agent).where(Agent.name == name).with_for_update(key_share=True)).one_or_none()


def lock_account(session: Session, account_id: str) -> Account | None:
    """The account's row, held until the unit of work ends. Lock its agent first."""
    return session.scalars(
        select(Account).where(Account.id == account_id).with_for_update(key_share=True)
    ).one_or_none()


def lock_account_of(session: Session, agent: str, account_id: str) -> Account:
    """The row of an account that the agent serves, held until the unit of work ends.

    Raises:
        NotFoundError: the agent serves no such account.
    """
    account = lock_account(session, account_id)
    if account is None or account.agent != agent or account.kind == "dust":
        raise NotFoundError(f"agent {agent} has no account {account_id}")
    return account


def holds_something() -> ColumnElement[bool]:
    """SQL condition on an account: it has an open position, or cash reserved for an order."""
    holding = exists().where(Position.account_id == Account.id, Position.closed_at.is_(None), Position.quantity > 0)
    return (Account.reserved > 0) | holding


def _last_change(agent: Agent | None, account: Account | None) -> int:
    if account is not None:
        return account.version
    return agent.revision if agent is not None else 0


def _change_agent(session: Session, agent: Agent, command: Command, *, close_positions: bool) -> None:
    agent.status = status_after(Status(agent.status), command, subject=f"agent {agent.name}")
    if command is Command.STOP:
        _stop_accounts(session, agent.name, close_positions=close_positions)


def _change_account(account: Account, command: Command, *, close_positions: bool) -> None:
    account.status = status_after(Status(account.status), command, subject=f"account {account.id}")
    account.version += 1
    account.updated_at = datetime.now(UTC)
    if close_positions:
        account.close_requested_at = datetime.now(UTC)


def _stop_accounts(session: Session, agent: str, *, close_positions: bool) -> None:
    """Stop every account in one statement, and of those that hold something ask for it to be sold if wished."""
    to_close = and_(literal(close_positions), holds_something())
    session.execute(
        update(Account)
        .where(Account.agent == agent, Account.kind != "dust", (Account.status != Status.STOPPED.value) | to_close)
        .values(
            status=Status.STOPPED.value,
            version=Account.version + 1,
            close_requested_at=case((to_close, func.now()), else_=Account.close_requested_at),
            updated_at=func.now(),
        )
    )


def _is_closing(agent: str) -> ColumnElement[bool]:
    return exists().where(Account.agent == agent, Account.close_requested_at.is_not(None))


def _publications(session: Session, *conditions: ColumnElement[bool]) -> list[Publication]:
    rows = session.execute(
        select(Agent.name, Agent.status, Agent.version, Agent.tick_seconds, literal_column(NEEDS_TICKS, Boolean))
        .where(*conditions)
        .order_by(Agent.name)
    )
    position = switch.read(session)
    return [
        Publication(
            agent=name,
            status=Status(status),
            version=version,
            tick_seconds=tick_seconds,
            needs_ticks=ticks,
            switch=position,
        )
        for name, status, version, tick_seconds, ticks in rows
    ]
