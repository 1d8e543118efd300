"""The ML engine's webhook: signed signals, taken in at once and traded by a worker."""

import hashlib
import hmac
import time
from collections.abc import Mapping
from http import HTTPStatus
from typing import Any

from flask import request

from agents.errors import InvalidInputError
from agents.signals import content_id
from api import record_answers, schemas
from api.blueprint import Blueprint
from api.errors import ApiError, malformed_json
from api.numbers import parse_json
from api.services import profile_of, services
from api.signals import take_in

DEFAULT_AGENT = "atlas"
TOLERANCE_SECONDS = 300
"""How far a signed timestamp may be from now."""

blueprint = Blueprint("webhooks", __name__, url_prefix="/webhooks", description="Signals pushed by the ML engine")

_DESCRIPTION = {
    "parameters": [
        {
            "in": "header",
            "name": "X-ML-Signature",
            "required": True,
            "schema": {"type": "string"},
            "description": "hex HMAC-SHA256 of the raw body, or of `timestamp.body` if a timestamp is sent",
        },
        {
            "in": "header",
            "name": "X-ML-Timestamp",
            "schema": {"type": "string"},
            "description": "Unix seconds, at most five minutes from now",
        },
    ],
    "requestBody": {"required": True, "content": {"application/json": {"schema": schemas.WebhookBody}}},
}


@blueprint.route("/ml-signals", methods=["POST"])
@blueprint.needs(None)
@blueprint.doc(**_DESCRIPTION)
@blueprint.response(200, record_answers.SignalReceived)
def receive_ml_signal() -> Mapping[str, Any]:
    """Take in a signed signal; the same body twice is one signal."""
    body = request.get_data()
    _check_signature(body)
    try:
        message = parse_json(body)
    except ValueError as error:
        malformed_json(error)
    agent, signal = _parts(message)
    profile_of(agent)
    untimed_id = content_id("webhook", hashlib.sha256(body).hexdigest())
    signal_id, _decision = take_in(signal, agent=agent, source="webhook", untimed_id=untimed_id)
    return {"status": "received", "signal_id": signal_id}


def _check_signature(body: bytes) -> None:
    secrets = services().settings.ml_webhook_secrets
    if not secrets:
        raise ApiError(HTTPStatus.SERVICE_UNAVAILABLE, "no ML_WEBHOOK_SECRET is configured: webhooks are closed")
    timestamp = request.headers.get("X-ML-Timestamp")
    signed = body if timestamp is None else timestamp.encode() + b"." + body
    given = request.headers.get("X-ML-Signature", "").encode()
    # Every secret is tried, each in constant time, so that timing tells nothing.
    if sum(hmac.compare_digest(_signature(secret, signed), given) for secret in secrets) == 0:
        raise ApiError(HTTPStatus.UNAUTHORIZED, "Invalid signature")
    if timestamp is not None and not _is_recent(timestamp):
        raise ApiError(
            HTTPStatus.UNAUTHORIZED, f"X-ML-Timestamp must be Unix seconds within {TOLERANCE_SECONDS} s of now"
        )


def _signature(secret: str, signed: bytes) -> bytes:
    """As bytes: the comparison of texts refuses anything but ASCII."""
    return hmac.new(secret.encode(), signed, hashlib.sha256).hexdigest().encode()


def _is_recent(timestamp: str) -> bool:
    if not (timestamp.isascii() and timestamp.isdigit() and len(timestamp) <= 12):
        return False
    return abs(time.time() - int(timestamp)) <= TOLERANCE_SECONDS


def _parts(message: object) -> tuple[str, Mapping[str, object]]:
    if not isinstance(message, Mapping):
        raise InvalidInputError("body", "must be a JSON object")
    agent = message.get("agent_name", DEFAULT_AGENT)
    if not isinstance(agent, str):
        raise InvalidInputError("agent_name", "must be a string")
    signal = message.get("signal")
    if not isinstance(signal, Mapping):
        raise InvalidInputError("signal", "must be a JSON object")
    return agent, signal
