"""The life of an order: its states, which follows which, its id, and the three outcomes of placing it."""

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta
from decimal import Decimal
from enum import StrEnum
from types import MappingProxyType

from agents.errors import BookError
from agents.model import Fill, Side


class OrderState(StrEnum):
    """Where an order stands. Every order is a LIMIT IOC, so an answer is final."""

    INTENDED = "intended"
    """Committed; from here on it may be live on the exchange."""
    UNKNOWN = "unknown"
    """The exchange's answer was lost; to be looked up, never placed again."""
    FILLED = "filled"
    PARTIALLY_FILLED = "partially_filled"
    """The rest expired at once."""
    EXPIRED = "expired"
    """Nothing filled."""
    REJECTED = "rejected"
    """The exchange refused it, with a code."""
    WITHDRAWN = "withdrawn"
    """Never sent: the agent's state changed after the intent was committed."""
    ABSENT = "absent"
    """Proven never to have reached the exchange."""


UNRESOLVED = frozenset({OrderState.INTENDED, OrderState.UNKNOWN})
"""States in which money stays reserved and the exchange must be asked."""

_FINAL = frozenset(OrderState) - UNRESOLVED

TRANSITIONS: Mapping[OrderState, frozenset[OrderState]] = MappingProxyType(
    {
        OrderState.INTENDED: _FINAL | {OrderState.UNKNOWN},
        OrderState.UNKNOWN: _FINAL - {OrderState.WITHDRAWN},
    }
)
"""Which states may follow which; a final state has no successor."""

SEND_WITHIN = timedelta(seconds=10)
"""An intent older than this is never sent, only looked up."""
RECEIVE_WINDOW = timedelta(seconds=5)
"""Binance rejects a request older than its recvWindow, also right before matching (-1021)."""
ABSENCE_PROVEN_AFTER = timedelta(seconds=30)
"""Age at which a look-up that finds nothing proves absence: the order can no longer have been sent
(``SEND_WITHIN``), no longer be accepted (``RECEIVE_WINDOW``), and look-ups lag no longer than the rest."""


def check_transition(old: OrderState, new: OrderState) -> None:
    """Refuse a change of state that the table does not list.

    Raises:
        BookError: the change is not legal.
    """
    if new not in TRANSITIONS.get(old, frozenset()):
        raise BookError(f"an order cannot go from {old} to {new}")


def client_order_id(agent: str, symbol: str, side: Side, cause: str) -> str:
    """The id under which an order is known to the exchange, the same for the same cause.

    Args:
        agent: the agent's name.
        symbol: as the exchange writes it.
        side: side of the order.
        cause: what the order is for, unique within agent, symbol and side.

    Returns:
        35 characters of ``[a-z0-9-]`` (Binance allows 36).
    """
    digest = hashlib.sha256(f"{agent}\x1f{symbol}\x1f{side}\x1f{cause}".encode()).hexdigest()
    return f"ta-{digest[:32]}"


@dataclass(frozen=True, slots=True)
class Accepted:
    """The exchange took the order and says what became of it."""

    exchange_order_id: str
    fills: tuple[Fill, ...]


@dataclass(frozen=True, slots=True)
class Refused:
    """The exchange proved that it did not take the order."""

    code: str
    message: str


@dataclass(frozen=True, slots=True)
class Unknown:
    """Nobody knows: a timeout, a reset, a 5xx, -1006 or -1007. The order may be live."""

    reason: str


Placement = Accepted | Refused | Unknown


def state_after(requested: Decimal, fills: tuple[Fill, ...]) -> OrderState:
    """The final state of an accepted IOC order of ``requested`` quantity."""
    executed = sum((fill.quantity for fill in fills), Decimal(0))
    if executed == 0:
        return OrderState.EXPIRED
    return OrderState.FILLED if executed >= requested else OrderState.PARTIALLY_FILLED
