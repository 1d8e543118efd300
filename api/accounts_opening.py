"""The route that has an agent serve many accounts by one call."""

from collections.abc import Mapping
from decimal import Decimal
from http import HTTPStatus
from typing import Any

from flask import Flask, request
from flask.typing import ResponseReturnValue
from marshmallow import fields, validate

from agents.errors import InvalidEntriesError, InvalidInputError, RefusedEntriesError
from agents.profiles import seconds
from api import etags, schemas
from api.answers import ControlAnswer
from api.auth import actor
from api.blueprint import Blueprint
from api.control import announce, standing
from api.fields import ACCOUNT_ID, AGENT, SYMBOL
from api.services import profile_of, services
from journal import opening
from journal.serving import Opening
from journal.tokens import Scope

blueprint = Blueprint("opening", __name__, url_prefix="/agents", description="Many accounts by one call")

MOST_ACCOUNTS = 10_000
LARGEST_BODY = 2 * 1024 * 1024
"""Ten thousand of the longest ids with the longest amounts fit; every other route takes less."""
MOST_NAMED = 100
"""So many refused entries are named in one answer."""

Answer = Mapping[str, Any]
Tagged = tuple[Answer, int, Mapping[str, str]]


class AccountOpening(schemas.Request):
    """An account to start."""

    account_id = fields.String(required=True, validate=ACCOUNT_ID, metadata={"description": "any id of yours"})
    initial_equity = schemas.opening_amount()


class AccountsBody(schemas.Request):
    """Who starts, and with how much money each."""

    agent_name = fields.String(validate=AGENT, metadata={"description": "if given, the agent of the path"})
    accounts = fields.List(
        fields.Nested(AccountOpening),
        required=True,
        validate=validate.Length(1, MOST_ACCOUNTS),
        metadata={"description": "each account once"},
    )
    symbols = fields.List(
        fields.String(validate=SYMBOL),
        validate=validate.Length(1, 100),
        metadata={"description": "symbols to trade, all of the profile's if left out", "example": ["BTCUSDT"]},
    )


class AccountsAnswer(ControlAnswer):
    """The standing of the agent that now serves them."""

    opened = fields.Integer(metadata={"description": "how many accounts are new"})
    restarted = fields.List(
        fields.String(), metadata={"description": "those that existed before and run with their own money"}
    )


def register(app: Flask) -> None:
    """Let the one route take a larger body than all others; belongs before whatever reads bodies."""

    @app.before_request
    def allow_more() -> None:
        if request.endpoint == f"{blueprint.name}.{start_accounts.__name__}":
            request.max_content_length = LARGEST_BODY


@blueprint.errorhandler(InvalidEntriesError)  # type: ignore[untyped-decorator] # the library ships no types
def _answer_invalid(error: InvalidEntriesError) -> ResponseReturnValue:
    return _refusal(HTTPStatus.UNPROCESSABLE_ENTITY, error)


@blueprint.errorhandler(RefusedEntriesError)  # type: ignore[untyped-decorator] # the library ships no types
def _answer_refused(error: RefusedEntriesError) -> ResponseReturnValue:
    return _refusal(HTTPStatus.CONFLICT, error)


@blueprint.route("/<agent:agent>/accounts", methods=["POST"])
@blueprint.needs(Scope.TRADE)
@blueprint.arguments(AccountsBody)
@blueprint.response(200, AccountsAnswer)
def start_accounts(body: Answer, agent: str) -> Tagged:
    """Start an agent for up to 10,000 accounts, all or none.

    What `start` says holds for each of them: it is opened if it is new, and runs again with the money it has if it was
    stopped. If one cannot be started, none is, and the error names every such entry by its position.
    """
    profile = profile_of(agent)
    if body.get("agent_name", agent) != agent:
        raise InvalidInputError("agent_name", f"contradicts the path, which names {agent}")
    at_hand = services()
    asked = opening.StartManyRequest(
        profile=profile,
        tick_seconds=at_hand.settings.tick_seconds or seconds(profile.tick),
        openings=[Opening(one["account_id"], Decimal(one["initial_equity"])) for one in body["accounts"]],
        symbols=body.get("symbols"),
    )
    with at_hand.book.unit_of_work() as session:
        expected = etags.of(agent, None).as_expected()
        started = opening.start_many(session, asked, actor=actor(), precondition=expected)
    view = standing(agent, None)
    answer = {**view, "opened": len(asked.openings) - len(started.restarted), "restarted": started.restarted}
    # Workers know an agent that was running already.
    told = announce(agent) if started.agent_started else {}
    return {**answer, **told}, HTTPStatus.OK, etags.of_view(view, None)


def _refusal(status: HTTPStatus, error: InvalidEntriesError | RefusedEntriesError) -> ResponseReturnValue:
    positions = sorted(error.reasons)[:MOST_NAMED]
    named = {position: {"account_id": [error.reasons[position]]} for position in positions}
    errors = {"json": {error.field: named}}
    return {"code": status.value, "status": status.phrase, "message": str(error), "errors": errors}, status
