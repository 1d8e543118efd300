"""Starting: the first use of an agent, the opening of accounts, and starting again what was stopped."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from decimal import Decimal

from sqlalchemy import func, select, update
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Session

from agents.control import Command, status_after
from agents.errors import ConflictError, InvalidInputError, StaleStateError
from agents.model import Status
from agents.profile_fields import content
from agents.profiles import RiskProfile
from journal import audit_log, flows, outward, profiles, starting_points
from journal.control import holds_something, lock_account, lock_agent, record_states
from journal.models import Account, Agent, Assignment, CashFlow
from journal.preconditions import Precondition, whatever_it_was

HOUSE, DUST = "house-", "dust-"
"""How the ids of an agent's own accounts begin; the agent's name follows."""
START = "start:"
"""How the reference of the flow that opens an account begins; the account's id follows."""


@dataclass(frozen=True, slots=True)
class StartRequest:
    """What ``POST /agents/{agent}/start`` asks for."""

    profile: RiskProfile
    tick_seconds: Decimal
    initial_equity: Decimal
    """Used when the account is opened; an account that exists keeps its own money."""
    account_id: str | None = None
    """None: the agent's house account."""
    symbols: Sequence[str] | None = None
    """None: all symbols of the profile."""


@dataclass(frozen=True, slots=True)
class Started:
    """Which account now runs, and whether it was opened for that."""

    account_id: str
    opened: bool


def start(
    session: Session, request: StartRequest, *, actor: str, precondition: Precondition = whatever_it_was
) -> Started:
    """Let an agent trade one account: opened if it is new, started again if it was stopped.

    Args:
        session: the open unit of work.
        request: who and with what.
        actor: who asks, for the audit log.
        precondition: of the account that the request names, or of the agent as a whole if it names none.

    Raises:
        ConflictError: the account or the agent is in no state to be started; the message says what to do.
        InvalidInputError: a symbol or an account id that this agent cannot have.
    """
    name = request.profile.name
    account_id = request.account_id or HOUSE + name
    _check_account_id(name, account_id)
    _check_symbols(request)
    _create_agent(session, request)
    agents = _lock_agents(session, {name} | _agent_of(session, account_id))
    account = lock_account(session, account_id)
    agent = agents[name]
    _check(precondition, request, agent, account)
    before = audit_log.snapshot(agent, account)
    _start_agent(agent, request)
    agent.revision += 1
    profiles.adopt_locked(session, agent, request.profile, actor=actor)
    if account is None:
        served = _open_account(session, agent, account_id, request.initial_equity)
    else:
        served = _start_account(session, agents, agent, account)
    session.flush()
    after = audit_log.snapshot(agent, served)
    audit_log.record(
        session, actor=actor, action="start", agent=name, account_id=account_id, before=before, after=after
    )
    record_states(session, agent, served, before, action="start", actor=actor)
    return Started(account_id, opened=account is None)


def _check(precondition: Precondition, request: StartRequest, agent: Agent, account: Account | None) -> None:
    if request.account_id is None:
        precondition(agent.revision)
    else:
        precondition(account.version if account is not None else None)


def _check_account_id(agent: str, account_id: str) -> None:
    if account_id.startswith(DUST) or (account_id.startswith(HOUSE) and account_id != HOUSE + agent):
        raise InvalidInputError("account_id", f"ids beginning with {HOUSE} and {DUST} are the agents' own")


def _check_symbols(request: StartRequest) -> None:
    strangers = sorted(set(request.symbols or ()) - set(request.profile.symbols))
    if strangers:
        raise InvalidInputError("symbols", f"{request.profile.name} does not trade {', '.join(strangers)}")


def _create_agent(session: Session, request: StartRequest) -> None:
    row = {
        "name": request.profile.name,
        "profile": content(request.profile),
        "tick_seconds": request.tick_seconds,
        "symbols": list(request.symbols or request.profile.symbols),
    }
    session.execute(insert(Agent).values(**row).on_conflict_do_nothing())


def _agent_of(session: Session, account_id: str) -> set[str]:
    return set(session.scalars(select(Account.agent).where(Account.id == account_id)))


def _lock_agents(session: Session, names: set[str]) -> dict[str, Agent]:
    """Lock in order of name, so that two reassignments never wait for each other in a circle."""
    return {name: agent for name in sorted(names) if (agent := lock_agent(session, name))}


def _start_agent(agent: Agent, request: StartRequest) -> None:
    """Have the agent run. Its version rises only if it did not: orders on their way are withdrawn by a change of it."""
    if agent.status == Status.RUNNING:
        _check_same_symbols(agent, request)
        return
    agent.status = status_after(Status(agent.status), Command.START, subject=f"agent {agent.name}")
    agent.symbols = list(request.symbols or request.profile.symbols)
    agent.tick_seconds = request.tick_seconds
    agent.last_error = None
    agent.version += 1
    agent.updated_at = datetime.now(UTC)


def _check_same_symbols(agent: Agent, request: StartRequest) -> None:
    if request.symbols is not None and set(request.symbols) != set(agent.symbols):
        raise ConflictError(
            f"agent {agent.name} is running with symbols {', '.join(agent.symbols)}: "
            "leave symbols out, or stop the agent to change them"
        )


def _open_account(session: Session, agent: Agent, account_id: str, equity: Decimal) -> Account:
    starting_points.move_service(session, agent, equity)
    opened: Account | None = session.scalar(
        insert(Account)
        .values(
            id=account_id,
            agent=agent.name,
            kind="house" if account_id == HOUSE + agent.name else "investor",
            status=Status.RUNNING.value,
            version=1,
            cash=equity,
            balance=equity,
        )
        .on_conflict_do_nothing()
        .returning(Account)
    )
    if opened is None:
        raise StaleStateError(f"account {account_id} was opened by another call at this moment: try again")
    starting_points.begin_account(opened)
    reference = START + account_id
    session.add(Assignment(account_id=account_id, agent=agent.name))
    session.add(
        CashFlow(
            account_id=account_id, flow_type="deposit", amount=equity, reference_id=reference, balance_after=equity
        )
    )
    outward.record_flow(
        session,
        account_id=account_id,
        transaction_type="deposit",
        amount=equity,
        balance_before=Decimal(0),
        balance_after=equity,
        description=f"Opening of the account with agent {agent.name}",
        reference_type="agent_start",
        reference_id=reference,
    )
    return opened


def _start_account(session: Session, agents: dict[str, Agent], agent: Agent, account: Account) -> Account:
    flows.check_open(session, account)
    if account.agent != agent.name:
        _reassign(session, agents, agent, account)
    account.status = status_after(Status(account.status), Command.START, subject=f"account {account.id}")
    account.version += 1
    account.close_requested_at = None
    account.updated_at = datetime.now(UTC)
    return account


def _reassign(session: Session, agents: dict[str, Agent], agent: Agent, account: Account) -> None:
    """Move an account that is stopped and holds nothing, so that its equity is its cash."""
    if account.agent not in agents:
        raise StaleStateError(f"account {account.id} was assigned anew at this moment: try again")
    holds = session.scalar(select(holds_something()).where(Account.id == account.id))
    if account.status != Status.STOPPED or holds:
        raise ConflictError(
            f"account {account.id} is assigned to agent {account.agent} and is {account.status}"
            f"{' with open positions' if holds else ''}: stop it there with close_positions first"
        )
    former = agents[account.agent]
    starting_points.move_agent(former, -account.cash)
    starting_points.move_agent(agent, account.cash)
    session.execute(
        update(Assignment)
        .where(Assignment.account_id == account.id, Assignment.ended_at.is_(None))
        .values(ended_at=func.now())
    )
    session.add(Assignment(account_id=account.id, agent=agent.name))
    account.agent = agent.name
