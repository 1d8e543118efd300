"""From what a sender wrote to a well-formed :class:`agents.model.Signal`, or an error naming the field."""

import hashlib
import re
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from decimal import Decimal

from agents.errors import InvalidInputError
from agents.model import Action, Signal

SYMBOL_PATTERN = re.compile(r"[A-Z0-9]{2,20}")
ID_PATTERN = re.compile(r"[A-Za-z0-9_.:-]{1,64}")
MAX_PRICE = Decimal(10) ** 12
MAX_DIGITS = 40
DECIMALS = 12
"""Confidence and price are rounded to this many decimals, so that the book holds them exactly."""
CLOCK_TOLERANCE = timedelta(seconds=60)
"""How far ahead of us a sender's clock may be."""


def parse_signal(
    raw: Mapping[str, object],
    *,
    received_at: datetime,
    untimed_id: str | None = None,
    expected_symbol: str | None = None,
) -> Signal:
    """Read a signal as JSON gave it, with numbers as int or Decimal; unknown fields are ignored.

    Args:
        raw: ``symbol``, ``action``, ``confidence`` and ``price``, optionally ``timestamp`` and ``id``.
        received_at: now, for a signal without a timestamp and to refuse one from the future.
        untimed_id: id of a signal that has neither id nor timestamp; without it a timestamp is required.
        expected_symbol: the symbol that was asked for, when it was.

    Raises:
        InvalidInputError: names the first field that is not as it must be.
    """
    symbol = _symbol(raw.get("symbol"), expected_symbol)
    action = _action(raw.get("action"))
    confidence = _number(raw, "confidence")
    if not 0 <= confidence <= 1:
        raise InvalidInputError("confidence", "must be from 0 to 1")
    price = _number(raw, "price")
    if price <= 0:
        raise InvalidInputError("price", "must be above 0")
    timestamp = raw.get("timestamp")
    if timestamp is None and untimed_id is None:
        raise InvalidInputError("timestamp", "is missing")
    at = received_at if timestamp is None else _timestamp(timestamp, received_at)
    sender_id = _id(raw.get("id"))
    if sender_id is None and timestamp is None:
        sender_id = untimed_id
    return Signal(
        id=sender_id
        or content_id(symbol, action, f"{confidence.normalize():f}", f"{price.normalize():f}", at.isoformat()),
        symbol=symbol,
        action=action,
        confidence=confidence,
        price=price,
        at=at,
    )


def content_id(*parts: str) -> str:
    """An id that is the same for the same content: 36 characters of ``[a-z0-9-]``."""
    return "sig-" + hashlib.sha256("\x1f".join(parts).encode()).hexdigest()[:32]


def _symbol(value: object, expected: str | None) -> str:
    if not isinstance(value, str) or not SYMBOL_PATTERN.fullmatch(value):
        raise InvalidInputError("symbol", "must be 2 to 20 capital letters or digits, like BTCUSDT")
    if expected is not None and value != expected:
        raise InvalidInputError("symbol", f"must be {expected}, the symbol that was asked for")
    return value


def _action(value: object) -> Action:
    if not isinstance(value, str) or value not in set(Action):
        raise InvalidInputError("action", "must be buy, sell or hold")
    return Action(value)


def _number(raw: Mapping[str, object], field: str) -> Decimal:
    value = raw.get(field)
    if isinstance(value, bool) or not isinstance(value, int | Decimal):
        raise InvalidInputError(field, "must be a number")
    number = Decimal(value)
    if number.is_finite() and number > 0 and number.adjusted() < -MAX_DIGITS:
        # Too small to differ from nothing after rounding, yet a number like any other.
        number = Decimal(0)
    if not _is_ordinary(number) or number < -MAX_PRICE:
        raise InvalidInputError(field, "must be a finite number of ordinary size")
    if number > MAX_PRICE:
        raise InvalidInputError(field, f"must be at most {MAX_PRICE:f}")
    return round(number, DECIMALS)


def _is_ordinary(number: Decimal) -> bool:
    """Whether arithmetic on the number is quick and cannot overflow."""
    return number.is_finite() and len(number.as_tuple().digits) <= MAX_DIGITS and abs(number.adjusted()) <= MAX_DIGITS


def _timestamp(value: object, received_at: datetime) -> datetime:
    try:
        at = _read_timestamp(value)
    except (ValueError, OverflowError, OSError):
        raise InvalidInputError("timestamp", "must be an ISO 8601 time or Unix seconds") from None
    if at > received_at + CLOCK_TOLERANCE:
        raise InvalidInputError("timestamp", "must not be in the future")
    return at


def _read_timestamp(value: object) -> datetime:
    if isinstance(value, str):
        at = datetime.fromisoformat(value)
        return at.astimezone(UTC) if at.tzinfo else at.replace(tzinfo=UTC)
    if isinstance(value, int | Decimal) and not isinstance(value, bool) and _is_ordinary(Decimal(value)):
        return datetime.fromtimestamp(0, UTC) + timedelta(microseconds=int(value * 1_000_000))
    raise ValueError(value)


def _id(value: object) -> str | None:
    if value is None:
        return None
    if not isinstance(value, str) or not ID_PATTERN.fullmatch(value):
        raise InvalidInputError("id", "must be 1 to 64 letters, digits or any of _ . : -")
    return value
