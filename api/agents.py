"""Routes that start, pause, resume and stop agents, and tell how they stand."""

from collections.abc import Mapping
from decimal import Decimal
from http import HTTPStatus
from typing import Any

from flask import request

from agents.control import Command
from agents.errors import InvalidInputError
from agents.profile_fields import described as limits_of
from agents.profiles import seconds
from api import answers, etags, idempotency, schemas
from api.auth import actor
from api.blueprint import Blueprint
from api.control import account_of, announce, described, standing
from api.kept import kept, until_breakers_expire
from api.services import profile_of, services
from api.starting import start_alone, start_together
from journal import breaker_resets, control, queries
from journal.opening import StartRequest
from journal.tokens import Scope

blueprint = Blueprint("agents", __name__, url_prefix="/agents", description="Agents and their accounts")

Answer = Mapping[str, Any]
Tagged = tuple[Answer, int, Mapping[str, str]]


@blueprint.route("")
@kept()
@blueprint.response(200, answers.page_of(answers.Standing, "Agents"))
def list_agents() -> Answer:
    """All agents, those never started too."""
    at_hand = services()
    with at_hand.book.reading() as session:
        items = described(session, queries.agent_views(session, list(at_hand.profiles)))
    until_breakers_expire(items)
    return {"items": items, "next_cursor": None}


@blueprint.route("/<agent:agent>/start", methods=["POST"])
@blueprint.needs(Scope.TRADE)
@blueprint.arguments(schemas.StartRequest)
@blueprint.response(200, answers.StartAnswer)
def start(body: Answer, agent: str) -> Tagged:
    """Start an agent for an account, which is opened if it is new.

    Without `account_id` the agent trades its own house account. An account that was stopped runs again with the
    money it has.
    """
    profile = profile_of(agent)
    if body.get("agent_name", agent) != agent:
        raise InvalidInputError("agent_name", f"contradicts the path, which names {agent}")
    at_hand = services()
    asked = StartRequest(
        profile=profile,
        tick_seconds=at_hand.settings.tick_seconds or seconds(profile.tick),
        initial_equity=Decimal(body["initial_equity"]),
        account_id=body.get("account_id"),
        symbols=body.get("symbols"),
    )
    if _stands_alone(asked):
        answer = start_alone(asked, actor(), etags.of(agent, asked.account_id).as_expected())
    else:
        answer = start_together(asked, actor())
    return answer, HTTPStatus.OK, etags.of_view(answer, asked.account_id)


@blueprint.route("/<agent:agent>/pause", methods=["POST"])
@blueprint.needs(Scope.TRADE)
@blueprint.arguments(schemas.AccountBody, required=False)
@blueprint.arguments(schemas.AccountQuery, location="query")
@blueprint.response(200, answers.ControlAnswer)
def pause(body: Answer, query: Answer, agent: str) -> Tagged:
    """Open no more positions; exits still run."""
    return _change(Command.PAUSE, agent, body, query)


@blueprint.route("/<agent:agent>/resume", methods=["POST"])
@blueprint.needs(Scope.TRADE)
@blueprint.arguments(schemas.AccountBody, required=False)
@blueprint.arguments(schemas.AccountQuery, location="query")
@blueprint.response(200, answers.ControlAnswer)
def resume(body: Answer, query: Answer, agent: str) -> Tagged:
    """Trade again after a pause."""
    return _change(Command.RESUME, agent, body, query)


@blueprint.route("/<agent:agent>/stop", methods=["POST"])
@blueprint.needs(Scope.TRADE)
@blueprint.arguments(schemas.StopBody, required=False)
@blueprint.arguments(schemas.AccountQuery, location="query")
@blueprint.response(200, answers.ControlAnswer)
def stop(body: Answer, query: Answer, agent: str) -> Tagged:
    """Stop an agent with all its accounts, or one account.

    Positions stay unless `close_positions` is true. Each account of a stopped agent must be started again.
    """
    return _change(Command.STOP, agent, body, query, close_positions=body["close_positions"])


@blueprint.route("/<agent:agent>/status")
@kept()
@blueprint.arguments(schemas.AccountQuery, location="query")
@blueprint.response(200, answers.Standing)
def status(query: Answer, agent: str) -> Tagged:
    """How an agent or one of its accounts stands."""
    account_id = query.get("account_id")
    view = standing(agent, account_id)
    until_breakers_expire([view])
    return _tagged(view, account_id)


@blueprint.route("/<agent:agent>/profile")
@blueprint.response(200, answers.Profile)
def profile(agent: str) -> Answer:
    """Every limit of an agent's risk profile with its unit."""
    limits = limits_of(profile_of(agent))
    with services().book.reading() as session:
        view = queries.agent_views(session, [agent])[0]
    return {"agent": agent, "version": view["profile_version"], "limits": limits}


@blueprint.route("/<agent:agent>/breakers/reset", methods=["POST"])
@blueprint.needs(Scope.ADMIN)
@blueprint.arguments(schemas.AccountBody, required=False)
@blueprint.arguments(schemas.AccountQuery, location="query")
@blueprint.response(200, answers.ResetAnswer)
def reset_breakers(body: Answer, query: Answer, agent: str) -> Tagged:
    """Let an agent and all its accounts, or one account, enter again after losses that tripped a breaker.

    Losses of those who had one are measured from now on.
    """
    profile_of(agent)
    account_id = _account_named(body, query)
    with services().book.unit_of_work() as session:
        expected = etags.of(agent, account_id).as_expected()
        ended = breaker_resets.reset(session, agent, account_id, actor=actor(), precondition=expected)
    return _tagged(standing(agent, account_id), account_id, breakers_reset=ended)


@blueprint.route("/<agent:agent>/positions")
@kept()
@blueprint.arguments(schemas.AccountQuery, location="query")
@blueprint.response(200, answers.Positions)
def positions(query: Answer, agent: str) -> Answer:
    """Open positions, those of all accounts as one per symbol, or of one account."""
    profile_of(agent)
    account_id = query.get("account_id")
    with services().book.reading() as session:
        if account_id is not None:
            account_of(session, agent, account_id)
        held = queries.positions(session, agent, account_id=account_id)
    return {"total_positions": len(held), "positions": held}


def _stands_alone(asked: StartRequest) -> bool:
    """Whether a start asks for more than an account, so that it needs a transaction of its own."""
    has_conditions = any(name in request.headers for name in (etags.HEADER, idempotency.HEADER))
    return has_conditions or asked.account_id is None or asked.symbols is not None


def _change(command: Command, agent: str, body: Answer, query: Answer, *, close_positions: bool = False) -> Tagged:
    profile_of(agent)
    account_id = _account_named(body, query)
    with services().book.unit_of_work() as session:
        control.change(
            session,
            command,
            agent=agent,
            account_id=account_id,
            close_positions=close_positions,
            actor=actor(),
            precondition=etags.of(agent, account_id).as_expected(),
        )
    return _tagged(standing(agent, account_id), account_id, **announce(agent))


def _tagged(view: queries.View, account_id: str | None, **more: object) -> Tagged:
    """An answer about the account that the call named, or about the agent as a whole, with its tag."""
    return {**view, **more}, HTTPStatus.OK, etags.of_view(view, account_id)


def _account_named(body: Answer, query: Answer) -> str | None:
    """The account that the body or the query names.

    Raises:
        InvalidInputError: they name two.
    """
    named: set[str] = {part["account_id"] for part in (body, query) if "account_id" in part}
    if len(named) > 1:
        raise InvalidInputError("account_id", "differs between the body and the query")
    return next(iter(named), None)
