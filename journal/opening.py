"""Starting: the first use of an agent, the opening of accounts, and starting again what was stopped."""

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from decimal import Decimal

from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Session

from agents.control import Command, status_after
from agents.errors import (
    ConflictError,
    InvalidEntriesError,
    InvalidInputError,
    RefusedEntriesError,
    StaleStateError,
)
from agents.model import Status
from agents.profile_fields import content
from agents.profiles import RiskProfile
from journal import audit_log, profiles, serving, startable, starting_points
from journal.control import lock_agent, record_states
from journal.models import Agent
from journal.preconditions import Precondition, whatever_it_was
from journal.serving import Opening, UnknownToPlatformError
from journal.startable import HOUSE


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
class StartManyRequest:
    """What ``POST /agents/{agent}/accounts`` asks for; see :class:`StartRequest`."""

    profile: RiskProfile
    tick_seconds: Decimal
    openings: Sequence[Opening]
    symbols: Sequence[str] | None = None


@dataclass(frozen=True, slots=True)
class Started:
    """Which account now runs, and whether it was opened for that, and the agent started."""

    account_id: str
    opened: bool
    agent_started: bool = field(default=False, compare=False)


@dataclass(frozen=True, slots=True)
class StartedMany:
    """Which of the accounts were there before, in the order they were asked for, and whether the agent was started."""

    restarted: Sequence[str]
    agent_started: bool


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
    account_id = request.account_id or HOUSE + request.profile.name
    opening = Opening(account_id, request.initial_equity)
    many = StartManyRequest(request.profile, request.tick_seconds, [opening], request.symbols)

    def check(agent: Agent, known: serving.Known) -> None:
        if request.account_id is None:
            precondition(agent.revision)
        else:
            precondition(known[account_id].version if account_id in known else None)

    try:
        started = _start(session, many, actor=actor, check=check)
    except InvalidEntriesError as error:
        raise InvalidInputError("account_id", error.reasons[0]) from None
    except RefusedEntriesError as error:
        raise ConflictError(error.reasons[0]) from None
    return Started(account_id, opened=not started.restarted, agent_started=started.agent_started)


def start_many(
    session: Session, request: StartManyRequest, *, actor: str, precondition: Precondition = whatever_it_was
) -> StartedMany:
    """Let an agent trade all of some accounts, or none of them if one cannot be started.

    Args:
        session: the open unit of work.
        request: who and with what.
        actor: who asks, for the audit log.
        precondition: of the agent as a whole.

    Raises:
        ConflictError: the agent is in no state to be started.
        InvalidInputError: a symbol that this agent cannot have.
        InvalidEntriesError: account ids that this agent or the platform cannot have, or that are there twice.
        RefusedEntriesError: accounts in no state to be started.
    """
    return _start(session, request, actor=actor, check=lambda agent, _known: precondition(agent.revision))


def _start(
    session: Session, request: StartManyRequest, *, actor: str, check: Callable[[Agent, serving.Known], None]
) -> StartedMany:
    name, openings = request.profile.name, request.openings
    startable.check_ids(name, openings)
    _check_symbols(request)
    around = serving.look(session, name, openings)
    agents = _lock_agents(session, request, around.agents)
    known = serving.lock_accounts(session, openings)
    agent = agents[name]
    check(agent, known)
    before = audit_log.snapshot(agent, None)
    _start_agent(agent, request)
    profiles.adopt_locked(session, agent, request.profile, actor=actor)
    startable.check_accounts(agent, openings, known)
    if misfits := serving.misfits(around.types, openings):
        raise InvalidEntriesError("accounts", misfits)
    _take_over(session, agents, agent, known)
    _serve(session, agent, openings, known, types=around.types, actor=actor, before=before)
    record_states(session, agent, None, before, action="start", actor=actor)
    restarted = [one.account_id for one in openings if one.account_id in known]
    return StartedMany(restarted, agent_started=before["agent_status"] != agent.status)


def _check_symbols(request: StartManyRequest) -> None:
    strangers = sorted(set(request.symbols or ()) - set(request.profile.symbols))
    if strangers:
        raise InvalidInputError("symbols", f"{request.profile.name} does not trade {', '.join(strangers)}")


def _lock_agents(session: Session, request: StartManyRequest, concerned: Collection[str]) -> dict[str, Agent]:
    """Lock in order of name, so that two reassignments never wait for each other in a circle."""
    name = request.profile.name
    if name not in concerned:
        _create_agent(session, request)
    return {other: agent for other in sorted({*concerned, name}) if (agent := lock_agent(session, other))}


def _create_agent(session: Session, request: StartManyRequest) -> None:
    row = {
        "name": request.profile.name,
        "profile": content(request.profile),
        "tick_seconds": request.tick_seconds,
        "symbols": list(request.symbols or request.profile.symbols),
    }
    session.execute(insert(Agent).values(**row).on_conflict_do_nothing())


def _start_agent(agent: Agent, request: StartManyRequest) -> None:
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


def _check_same_symbols(agent: Agent, request: StartManyRequest) -> None:
    if request.symbols is not None and set(request.symbols) != set(agent.symbols):
        raise ConflictError(
            f"agent {agent.name} is running with symbols {', '.join(agent.symbols)}: "
            "leave symbols out, or stop the agent to change them"
        )


def _take_over(session: Session, agents: Mapping[str, Agent], agent: Agent, known: serving.Known) -> None:
    """Move accounts of other agents, which are stopped and hold nothing, so that their equity is their cash."""
    moving = [account for account in known.values() if account.agent != agent.name]
    for account in moving:
        if account.agent not in agents:
            raise StaleStateError(f"account {account.id} was assigned anew at this moment: try again")
        starting_points.move_agent(agents[account.agent], -account.cash)
        starting_points.move_agent(agent, account.cash)
    if moving:
        serving.move(session, agent.name, [account.id for account in moving])


def _serve(
    session: Session,
    agent: Agent,
    openings: Sequence[Opening],
    known: serving.Known,
    *,
    types: Mapping[str, str],
    actor: str,
    before: audit_log.State,
) -> None:
    money = sum((one.equity for one in openings if one.account_id not in known), Decimal(0))
    if money:
        starting_points.move_service(session, agent, money)
    # Last, so that all changes of the agent go out at once.
    agent.revision += 1
    session.flush()
    after = audit_log.snapshot(agent, None)
    house = HOUSE + agent.name
    try:
        serving.serve(
            session, agent.name, openings, known, types=types, house=house, actor=actor, before=before, after=after
        )
    except UnknownToPlatformError as error:
        named = {n: one.account_id for n, one in enumerate(openings)}
        unknown = {n: "is not known to the platform's own tables" for n in named if named[n] == error.account_id}
        raise InvalidEntriesError("accounts", unknown or {0: "is not known to the platform's own tables"}) from None
