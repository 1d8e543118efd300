"""Who is asking, and is it fresh: API key, HMAC-SHA256 signature, timestamp.

The signed payload is the query string followed by the body, byte for byte as sent, without the ``signature``
parameter. Source: Binance Spot API documentation, "Request security".
"""

import hashlib
import hmac
import re
from collections.abc import Mapping
from decimal import Decimal, InvalidOperation

from sandbox.exchange.errors import (
    ExchangeError,
    bad_api_key_format,
    bad_signature,
    early_timestamp,
    illegal_characters,
    mandatory_parameter,
    stale_timestamp,
    unknown_api_key,
)

DEFAULT_WINDOW_MS = Decimal(5000)
MAX_WINDOW_MS = 60_000
_AHEAD_MS = 1000


def payload_of(query: bytes, body: bytes) -> bytes:
    """Return what the client signed: query and body as sent, each without its ``signature`` parameter."""
    return b"".join(_without_signature(part) for part in (query, body))


def signature_of(secret: str, payload: bytes) -> str:
    """Return the HMAC-SHA256 of the payload in hexadecimal."""
    return hmac.new(secret.encode(), payload, hashlib.sha256).hexdigest()


def check_key(sent: str | None, expected: str) -> None:
    """Hold a request to the account's API key.

    Raises:
        ExchangeError: -2014 when there is no usable key, -2015 when it is another.
    """
    if not sent or not re.fullmatch("[A-Za-z0-9]{1,128}", sent):
        raise bad_api_key_format()
    if not hmac.compare_digest(sent, expected):
        raise unknown_api_key()


def check_signature(values: Mapping[str, str], secret: str, payload: bytes) -> None:
    """Hold a request to its signature.

    Raises:
        ExchangeError: -1102 when there is none, -1022 when it is wrong.
    """
    signature = values.get("signature")
    if not signature:
        raise mandatory_parameter("signature")
    if not hmac.compare_digest(signature.lower().encode(), signature_of(secret, payload).encode()):
        raise bad_signature()


def check_time(values: Mapping[str, str], now: int) -> None:
    """Accept if timestamp < now + 1 s and now - timestamp <= recvWindow.

    Raises:
        ExchangeError: -1021 outside of that, -1102 without a timestamp, -1131 for too long a window.
    """
    timestamp = values.get("timestamp")
    if not timestamp:
        raise mandatory_parameter("timestamp")
    sent = _number("timestamp", timestamp)
    window = _number("recvWindow", values["recvWindow"]) if values.get("recvWindow") else DEFAULT_WINDOW_MS
    if window > MAX_WINDOW_MS:
        raise ExchangeError(-1131, "recvWindow must be less than 60000.")
    if sent >= now + _AHEAD_MS:
        raise early_timestamp()
    if now - sent > window:
        raise stale_timestamp()


def _number(name: str, text: str) -> Decimal:
    try:
        number = Decimal(text)
    except InvalidOperation:
        number = Decimal(-1)
    if not number.is_finite() or number < 0:
        raise illegal_characters(name, "^[0-9]{1,20}$")
    return number


def _without_signature(part: bytes) -> bytes:
    return b"&".join(pair for pair in part.split(b"&") if not pair.startswith(b"signature="))
