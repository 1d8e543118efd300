"""Which failures prove that an order was not placed: three tables and the rule that reads them.

What no table lists may have reached the matching engine. Taking a live order for refused would leave
money on the exchange that the book knows nothing of; taking a refused one for live costs a look-up.

Sources: Binance's error codes and general API information (binance-spot-api-docs: "HTTP 5XX ... the
execution status is UNKNOWN"), ccxt's error hierarchy.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from types import MappingProxyType

import ccxt
from urllib3.exceptions import ConnectTimeoutError, MaxRetryError, NewConnectionError

MESSAGE_LIMIT = 300


class Placed(StrEnum):
    """Whether the request of a failed order may have had its effect."""

    NO = "no"
    MAYBE = "maybe"


_NO_CODES = (
    *(-1002, -1003, -1004, -1010, -1013, -1014, -1015, -1016, -1020, -1021, -1022),
    *range(-1106, -1099),
    *(-1108, -1111, -1112),
    *range(-1120, -1113),
    *(-1121, -1127, -1128, -1130, -1131, -1145, -1220),
    *(-2008, -2010, -2014, -2015),
)
_MAYBE_CODES = (-1000, -1001, -1006, -1007, -1008, -2021, -2022)

PLACED_BY_CODE: Mapping[str, Placed] = MappingProxyType(
    {str(code): Placed.NO for code in _NO_CODES} | {str(code): Placed.MAYBE for code in _MAYBE_CODES}
)
"""By Binance's code in the answer's body."""

ORIGINAL_IS_LIVE = frozenset({"Duplicate order sent."})
"""Messages of code -2010 that speak of an earlier order with the same client order id."""

PLACED_BY_STATUS: Mapping[int, Placed] = MappingProxyType(dict.fromkeys((403, 404, 418, 429, 451), Placed.NO))
"""By HTTP status, for answers without a listed code: stopped before the order service. 5xx is always a maybe."""

_NO_CLASSES: tuple[type[ccxt.BaseError], ...] = (
    ccxt.AuthenticationError,
    ccxt.PermissionDenied,
    ccxt.AccountNotEnabled,
    ccxt.AccountSuspended,
    ccxt.ArgumentsRequired,
    ccxt.BadRequest,
    ccxt.BadSymbol,
    ccxt.OperationRejected,
    ccxt.NoChange,
    ccxt.MarginModeAlreadySet,
    ccxt.MarketClosed,
    ccxt.ManualInteractionNeeded,
    ccxt.RestrictedLocation,
    ccxt.InsufficientFunds,
    ccxt.InvalidAddress,
    ccxt.AddressPending,
    ccxt.InvalidOrder,
    ccxt.OrderImmediatelyFillable,
    ccxt.OrderNotFillable,
    ccxt.ContractUnavailable,
    ccxt.NotSupported,
    ccxt.InvalidProxySettings,
    ccxt.DDoSProtection,
    ccxt.RateLimitExceeded,
    ccxt.InvalidNonce,
)
_MAYBE_CLASSES: tuple[type[ccxt.BaseError], ...] = (
    ccxt.BaseError,
    ccxt.ExchangeError,
    ccxt.OrderNotFound,
    ccxt.OrderNotCached,
    ccxt.DuplicateOrderId,
    ccxt.ExchangeClosedByUser,
    ccxt.OperationFailed,
    ccxt.NetworkError,
    ccxt.ExchangeNotAvailable,
    ccxt.OnMaintenance,
    ccxt.ChecksumError,
    ccxt.RequestTimeout,
    ccxt.BadResponse,
    ccxt.NullResponse,
    ccxt.CancelPending,
    ccxt.UnsubscribeError,
)

PLACED_BY_CLASS: Mapping[type[Exception], Placed] = MappingProxyType(
    dict.fromkeys(_NO_CLASSES, Placed.NO) | dict.fromkeys(_MAYBE_CLASSES, Placed.MAYBE)
)
"""By ccxt's class, when neither code nor status is listed. Every class of ccxt's hierarchy is here."""


@dataclass(frozen=True, slots=True)
class Failure:
    """Why a request failed, in words that hold no secret.

    ``code`` is Binance's code, ``http-<status>`` (always so for 5xx) or a name of ours; ``lost`` means that
    the connection broke before any answer, so that a read may be tried again.
    """

    placed: Placed
    code: str
    message: str
    lost: bool = False

    def __str__(self) -> str:
        return f"{self.code}: {self.message}"


def classify(error: Exception, status: int | None, body: str | None) -> Failure:
    """Say what a failed request means for an order.

    Args:
        error: what ccxt raised. Its text is not used: it holds signed addresses.
        status: of the HTTP answer; None if none arrived.
        body: of the HTTP answer; None if it did not arrive whole.
    """
    code, message = _venue_error(body)
    if status is None:
        return _unanswered(error)
    if status >= 500:
        return Failure(Placed.MAYBE, f"http-{status}", f"{code} {message}".strip() or type(error).__name__)
    if message in ORIGINAL_IS_LIVE:
        placed = Placed.MAYBE
    else:
        by_class = PLACED_BY_CLASS.get(type(error), Placed.MAYBE)
        placed = PLACED_BY_CODE.get(code) or PLACED_BY_STATUS.get(status) or by_class
    return Failure(placed, code or f"http-{status}", message or f"{type(error).__name__} with HTTP status {status}")


def _unanswered(error: Exception) -> Failure:
    if _never_connected(error):
        return Failure(Placed.NO, "unreachable", "the exchange cannot be reached", lost=True)
    if isinstance(error, ccxt.RequestTimeout):
        return Failure(Placed.MAYBE, "timeout", "no answer in time")
    if isinstance(error, ccxt.NetworkError):
        return Failure(Placed.MAYBE, "connection-lost", "the connection broke before an answer", lost=True)
    names = " after ".join(type(link).__name__ for link in (error, error.__cause__) if link is not None)
    return Failure(PLACED_BY_CLASS.get(type(error), Placed.MAYBE), "no-answer", f"{names}, before any answer")


def _never_connected(error: Exception) -> bool:
    """Whether no connection came to be, so that nothing can have been sent: refused, no such host, no route."""
    cause = error.__cause__
    wrapped = cause.args[0] if cause is not None and cause.args else None
    reason = wrapped.reason if isinstance(wrapped, MaxRetryError) else None
    return isinstance(reason, (NewConnectionError, ConnectTimeoutError))


def _venue_error(body: str | None) -> tuple[str, str]:
    """Code and message of Binance's error body ``{"code": -1, "msg": "..."}``; empty strings if it is none."""
    try:
        answer = json.loads(body or "")
    except (ValueError, RecursionError):
        return "", ""
    if not isinstance(answer, dict) or not isinstance(answer.get("code"), int):
        return "", ""
    return str(answer["code"]), str(answer.get("msg", ""))[:MESSAGE_LIMIT]
