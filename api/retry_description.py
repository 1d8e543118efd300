"""What the OpenAPI document says of safe retries and of changes that depend on a state: their headers."""

from collections.abc import Iterator, Mapping
from http import HTTPStatus
from typing import Any

from apispec import BasePlugin
from werkzeug.routing import Rule

from api import etags, idempotency

Described = dict[str, Any]

SHOWING_A_TAG = frozenset({"agents.status", "accounts.account", "trading.show"})
DEPENDING_ON_A_STATE = frozenset(
    {
        "agents.start",
        "opening.start_accounts",
        "agents.pause",
        "agents.resume",
        "agents.stop",
        "agents.reset_breakers",
        "trading.halt",
        "trading.reduce",
        "trading.activate",
        "trading.reset_breakers",
        "flows.deposit",
        "flows.withdraw",
        "flows.close",
    }
)
"""Views that heed ``If-Match``, and answer with the tag after the change."""

KEY = {
    "in": "header",
    "name": idempotency.HEADER,
    "schema": {"type": "string", "minLength": 1, "maxLength": 128, "pattern": "^[ -~]+$"},
    "description": "any name of yours for this request: sent again under it, it is carried out once and answered alike",
}
CONDITION = {
    "in": "header",
    "name": etags.HEADER,
    "schema": {"type": "string"},
    "description": "an `ETag` that an answer gave (or several, or `*`): if it has changed since then, 412 and no change",
}
REPLAYED = {
    "description": "the first answer to this `Idempotency-Key`, given again",
    "schema": {"type": "string", "enum": ["true"]},
}
TAG = {
    "description": "stands for the state that control calls change; for `If-Match`",
    "required": True,
    "schema": {"type": "string"},
}


class SafeRetries(BasePlugin):
    """Adds the headers to the operations that heed or give them."""

    def operation_helper(self, path: str | None = None, operations: Described | None = None, **given: Rule) -> None:  # noqa: ARG002 - the library's own name
        """Add them to the operations of one path."""
        endpoint = given["rule"].endpoint
        for method, operation in (operations or {}).items():
            if method == "post" and endpoint not in idempotency.EXEMPT:
                _takes(operation, KEY)
                for answer in _successes(operation):
                    answer.setdefault("headers", {})[idempotency.REPLAYED] = REPLAYED
            if endpoint in DEPENDING_ON_A_STATE:
                _takes(operation, CONDITION)
            if endpoint in DEPENDING_ON_A_STATE | SHOWING_A_TAG:
                for answer in _successes(operation):
                    answer.setdefault("headers", {})["ETag"] = TAG


def _takes(operation: Described, parameter: Mapping[str, Any]) -> None:
    operation.setdefault("parameters", []).append(dict(parameter))


def _successes(operation: Described) -> Iterator[Described]:
    for status, answer in operation["responses"].items():
        if int(status) < HTTPStatus.MULTIPLE_CHOICES and isinstance(answer, dict):
            yield answer
