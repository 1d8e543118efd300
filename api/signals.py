"""Taking in signals that are pushed rather than polled: by hand, or by the webhook in :mod:`api.webhooks`."""

import time
import uuid
from collections.abc import Mapping
from datetime import UTC, datetime
from decimal import Decimal
from http import HTTPStatus
from threading import BoundedSemaphore
from typing import Any

from flask import Response, jsonify, url_for

from agents.errors import ConflictError, InvalidInputError
from agents.model import Signal
from agents.signals import parse_signal
from api import idempotency, record_answers, schemas
from api.auth import actor
from api.blueprint import Blueprint
from api.services import profile_of, services
from journal import audit_log, control, record_queries, signals
from journal.tokens import Scope

POLL_SECONDS = 0.03
MOST_WAITING = 4
"""Requests of one process that may wait at once, half of its threads: the rest stay free for other calls."""

blueprint = Blueprint("signals", __name__, url_prefix="/agents", description="Signals sent by hand")

Answer = Mapping[str, Any]
_waiting = BoundedSemaphore(MOST_WAITING)


@blueprint.route("/<agent:agent>/signals", methods=["POST"])
@blueprint.needs(Scope.TRADE)
@blueprint.arguments(schemas.SignalBody)
@blueprint.arguments(schemas.WaitQuery, location="query")
@blueprint.response(200, record_answers.SignalOutcome)
@blueprint.alt_response(202, schema=record_answers.SignalPending, description="Not decided yet; look at `status_url`")
def post_signal(body: Answer, query: Answer, agent: str) -> Answer | Response:
    """Have an agent decide on a signal, and wait for the outcome, orders included.

    While many others wait already, the answer is 202 at once.
    """
    profile_of(agent)
    untimed_id = idempotency.signal_id() or f"sig-{uuid.uuid4().hex}"
    signal_id, decision_id = take_in(body, agent=agent, source="manual", untimed_id=untimed_id, sender=actor())
    if _settled_within(decision_id, query["wait"]):
        return _outcome(signal_id, decision_id)
    return _pending(signal_id)


def take_in(
    raw: Mapping[str, object], *, agent: str, source: str, untimed_id: str, sender: str | None = None
) -> tuple[str, int]:
    """Commit a signal and the agent's pending decision on it, then wake a worker.

    Args:
        raw: the signal as it was sent.
        agent: a known agent.
        source: how it came.
        untimed_id: the id of a signal that brings neither id nor timestamp.
        sender: who sent it by hand, for the audit log; None: nobody did.

    Returns:
        The ids of the signal and of the decision.

    Raises:
        ConflictError: the agent was never started, or the id is known with other content.
        InvalidInputError: names the field that is not as it must be.
    """
    signal = parse_signal(raw, received_at=datetime.now(UTC), untimed_id=untimed_id)
    at_hand = services()
    if not any(signal.symbol in profile.symbols for profile in at_hand.profiles.values()):
        raise InvalidInputError("symbol", f"{signal.symbol} is traded by no agent")
    # Outside of a unit of work, which would mark the request's key: a repetition has the same id, and is found to be known.
    with at_hand.book.direct_glance() as direct:
        decision_id = signals.take_in_new(direct, source=source, signal=signal, agent=agent, sender=sender)
    if decision_id is None:
        decision_id = _take_in_again(signal, agent=agent, source=source, sender=sender)
    at_hand.queue.announce_decision(decision_id, signal.symbol)
    return signal.id, decision_id


def _take_in_again(signal: Signal, *, agent: str, source: str, sender: str | None) -> int:
    """As :func:`take_in`, of what may be known already."""
    with services().book.unit_of_work() as session:
        if control.publication(session, agent) is None:
            raise ConflictError(f"agent {agent} was never started: start it first")
        decision_id = signals.take_in(session, source=source, signal=signal, agent=agent)
        if sender is not None:
            said = signals.said(signal)
            audit_log.record(
                session, actor=sender, action="signal", agent=agent, account_id=None, before={}, after=said
            )
    return decision_id


def _settled_within(decision_id: int, seconds: Decimal) -> bool:
    if not _waiting.acquire(blocking=False):
        return _is_settled(decision_id)
    try:
        deadline = time.monotonic() + float(seconds)
        while not (settled := _is_settled(decision_id)) and time.monotonic() < deadline:
            time.sleep(POLL_SECONDS)
        return settled
    finally:
        _waiting.release()


def _is_settled(decision_id: int) -> bool:
    with services().book.reading() as session:
        return record_queries.is_settled(session, decision_id)


def _outcome(signal_id: str, decision_id: int) -> Answer:
    with services().book.reading() as session:
        return {
            "signal_id": signal_id,
            "decision": record_queries.decisions(session, decision_id=decision_id, limit=1).rows[0],
            "orders": record_queries.orders(session, decision_id=decision_id, limit=schemas.MOST_PER_PAGE).rows,
        }


def _pending(signal_id: str) -> Response:
    url = url_for("records.decisions", signal_id=signal_id)
    response = jsonify({"signal_id": signal_id, "status": "pending", "status_url": url})
    response.status_code = HTTPStatus.ACCEPTED
    response.headers["Location"] = url
    return response
