"""What no OpenAPI document can say, taught to the fuzzer, so that what it takes for valid is valid.

Nothing here touches a request that is meant to be refused, and no check is loosened.
"""

import hashlib
import hmac
import os
import uuid
from collections.abc import MutableMapping
from datetime import UTC, datetime
from typing import Any

import requests
import schemathesis
from schemathesis.core.parameters import ParameterLocation

from agents.profiles import PROFILES

SECRET = "FUZZ_WEBHOOK_SECRET"
"""The variable with the webhook's secret, if it is to be used: no document can describe a signature over the body."""
AGENTS_OWN = ("house-", "dust-")
AMOUNTS = ("initial_equity", "amount", "price")
SYMBOLS = sorted({symbol for profile in PROFILES.values() for symbol in profile.symbols})

Case = schemathesis.Case[Any]


@schemathesis.hook
def before_call(_context: schemathesis.HookContext, case: Case, kwargs: dict[str, Any]) -> None:
    """Make a request that fits the document agree with itself, with the clock and with the agents there are; sign it."""
    if isinstance(case.body, dict) and _is_meant_to_be_valid(case, ParameterLocation.BODY):
        case.body = _agreeing(case.body, case)
    if case.meta is not None and case.meta.generation.mode.is_positive:
        _settle_headers(case.headers)
    is_signed = "X-ML-Signature" in case.headers and "X-ML-Timestamp" not in case.headers
    if SECRET in os.environ and is_signed and _is_meant_to_be_valid(case, ParameterLocation.HEADER):
        # At the last moment, when the body is what will be sent.
        kwargs["auth"] = _sign


def _settle_headers(headers: MutableMapping[str, str]) -> None:
    """Headers whose validity is a matter of what went before: a key not used yet, the present state, the present time."""
    if "Idempotency-Key" in headers:
        headers["Idempotency-Key"] = uuid.uuid4().hex
    for name in ("If-Match", "X-ML-Timestamp"):
        headers.pop(name, None)


def _is_meant_to_be_valid(case: Case, location: ParameterLocation) -> bool:
    return case.meta is not None and not case.meta.is_negative_at(location)


def _agreeing(body: dict[str, Any], case: Case) -> dict[str, Any]:
    agreed = _sensible(body)
    if isinstance(body.get("signal"), dict):
        agreed["signal"] = _agreeing(body["signal"], case)
    if "accounts" in body:
        # Each account once, however its money differs: unlike whole items, that cannot be said.
        entries = {entry["account_id"]: _agreeing(entry, case) for entry in body["accounts"]}
        agreed["accounts"] = list(entries.values())
    if "agent_name" in body and "agent" in case.path_parameters:
        agreed["agent_name"] = case.path_parameters["agent"]
    if "account_id" in body and "account_id" in case.query:
        agreed["account_id"] = case.query["account_id"]
    if "initial_equity" in body and str(body.get("account_id")).startswith(AGENTS_OWN):
        # An agent's own account can be opened by its agent alone, which the path names.
        agreed["account_id"] = f"not-{body['account_id']}"[:64]
    return agreed


def _sensible(body: dict[str, Any]) -> dict[str, Any]:
    agreed = dict(body)
    for name in AMOUNTS:
        # A multiple of 1e-8, which would say it, is a matter of rounding among binary numbers.
        if name in body:
            agreed[name] = max(round(body[name], 8), 1e-8)
    if "symbols" in body:
        agreed["symbols"] = [_known_symbol(symbol) for symbol in body["symbols"]]
    if "symbol" in body:
        agreed["symbol"] = _known_symbol(body["symbol"])
    if "url" in body:
        # Nobody listens there; which hosts may be told of events is a matter of networks.
        agreed["url"] = f"http://127.0.0.1:9/{hashlib.sha256(body['url'].encode()).hexdigest()}"
    if body.get("timestamp") is not None:
        agreed["timestamp"] = datetime.now(UTC).isoformat()
    return agreed


def _known_symbol(symbol: str) -> str:
    """One that agents trade: another is refused, and which there are depends on the profiles."""
    return symbol if symbol in SYMBOLS else SYMBOLS[sum(map(ord, symbol)) % len(SYMBOLS)]


def _sign(request: requests.PreparedRequest) -> requests.PreparedRequest:
    body = request.body or b""
    raw = body.encode() if isinstance(body, str) else body
    secret = os.environ[SECRET].encode()
    request.headers["X-ML-Signature"] = hmac.new(secret, raw, hashlib.sha256).hexdigest()
    return request
