"""The one switch above all agents: how it stands, and turning it."""

from collections.abc import Mapping
from http import HTTPStatus
from typing import Any

from sqlalchemy.orm import Session

from agents.model import TradingState
from api import answers, etags, schemas
from api.auth import actor
from api.blueprint import Blueprint
from api.control import announce_switch
from api.services import services
from journal import breaker_queries, breaker_resets, switch
from journal.tokens import Scope

blueprint = Blueprint("trading", __name__, url_prefix="/trading", description="The switch above all agents")

Answer = Mapping[str, Any]
Tagged = tuple[Answer, int, Mapping[str, str]]


@blueprint.route("")
@blueprint.response(200, answers.SwitchAnswer)
def show() -> Tagged:
    """How the switch stands, since when and why."""
    with services().book.reading() as session:
        return _tagged(_answer(session, switch.read(session)))


@blueprint.route("/halt", methods=["POST"])
@blueprint.needs(Scope.ADMIN)
@blueprint.arguments(schemas.ReasonBody)
@blueprint.response(200, answers.SwitchAnswer)
def halt(body: Answer) -> Tagged:
    """No orders at all, neither entries nor exits, until somebody turns it back."""
    return _turn(TradingState.HALTED, body)


@blueprint.route("/reduce", methods=["POST"])
@blueprint.needs(Scope.ADMIN)
@blueprint.arguments(schemas.ReasonBody)
@blueprint.response(200, answers.SwitchAnswer)
def reduce(body: Answer) -> Tagged:
    """Exits only."""
    return _turn(TradingState.REDUCING, body)


@blueprint.route("/activate", methods=["POST"])
@blueprint.needs(Scope.ADMIN)
@blueprint.arguments(schemas.ReasonBody)
@blueprint.response(200, answers.SwitchAnswer)
def activate(body: Answer) -> Tagged:
    """Trade as the agents' own states say."""
    return _turn(TradingState.ACTIVE, body)


@blueprint.route("/breakers/reset", methods=["POST"])
@blueprint.needs(Scope.ADMIN)
@blueprint.response(200, answers.ServiceResetAnswer)
def reset_breakers() -> Tagged:
    """Let all agents enter again after losses of the whole service; its losses are measured from now on."""
    with services().book.unit_of_work() as session:
        ended = breaker_resets.reset_service(session, actor=actor(), precondition=etags.SWITCH.as_expected())
        return _tagged({**_answer(session, switch.read(session)), "breakers_reset": ended})


def _turn(state: TradingState, body: Answer) -> Tagged:
    with services().book.unit_of_work() as session:
        expected = etags.SWITCH.as_expected()
        turned = switch.turn(session, state, reason=body["reason"], actor=actor(), precondition=expected)
        answer = _answer(session, turned)
    return _tagged({**answer, **announce_switch(turned)})


def _tagged(answer: Answer) -> Tagged:
    return answer, HTTPStatus.OK, etags.SWITCH.header(answer["version"])


def _answer(session: Session, position: switch.Switch) -> Answer:
    return {
        "state": position.state.value,
        "reason": position.reason,
        "version": position.version,
        "updated_at": position.updated_at,
        "breakers": breaker_queries.of_service(session),
    }
