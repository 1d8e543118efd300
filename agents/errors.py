"""The error tree of the whole service.

::

    TradingError
    ├── InvalidInputError       a caller's value is out of range; names the field
    │   └── InvalidEntriesError values of some entries of a list are; names each
    ├── NotFoundError           no such agent, account, signal or order
    ├── ConflictError           the request contradicts the present state
    │   ├── StaleStateError     the state changed between reading it and writing
    │   ├── NotEnoughCashError  more was asked for than is free; says how much is
    │   └── RefusedEntriesError some entries of a list do; names each
    ├── SignalSourceError       the machine-learning engine gave no usable answer
    ├── ExchangeError           the exchange gave no usable answer to a read
    │   └── ExchangeBusyError   it was not asked: no request weight is left, or it wants a pause
    ├── BookError               the book refused or contradicts itself
    └── ProfileError            a profiles file is not as it must be; names line and field

An order's outcome is not an exception: it is a value with three cases, see
:class:`agents.orders.Placement`.
"""

from collections.abc import Mapping
from decimal import Decimal


class TradingError(Exception):
    """Base of every error this service raises on purpose."""


class InvalidInputError(TradingError):
    """A caller's value is not allowed.

    Args:
        field: the name of the offending field, as the caller wrote it.
        reason: what is allowed.
    """

    def __init__(self, field: str, reason: str) -> None:
        super().__init__(f"{field}: {reason}")
        self.field = field
        self.reason = reason


class InvalidEntriesError(InvalidInputError):
    """Some entries of a list that a caller sent are not allowed, so that none was carried out.

    Args:
        field: the name of the list.
        reasons: what is allowed, by the entries' positions from 0; at least one.
    """

    def __init__(self, field: str, reasons: Mapping[int, str]) -> None:
        super().__init__(field, _of_entries(reasons))
        self.reasons = reasons


class NotFoundError(TradingError):
    """The named thing does not exist."""


class ConflictError(TradingError):
    """The request contradicts the present state; the message says what to do instead."""


class StaleStateError(ConflictError):
    """The state read before is no longer the state now; read again and decide again."""


class NotEnoughCashError(ConflictError):
    """More cash was asked for than is free.

    Args:
        message: what to do instead.
        free: what could be had now, in quote.
    """

    def __init__(self, message: str, free: Decimal) -> None:
        super().__init__(message)
        self.free = free


class RefusedEntriesError(ConflictError):
    """Some entries of a list contradict the present state, so that none was carried out.

    Args:
        field: the name of the list.
        reasons: what to do instead, by the entries' positions from 0; at least one.
    """

    def __init__(self, field: str, reasons: Mapping[int, str]) -> None:
        super().__init__(f"{field}: {_of_entries(reasons)}")
        self.field = field
        self.reasons = reasons


class SignalSourceError(TradingError):
    """The machine-learning engine is down, slow or talking nonsense."""


class ExchangeError(TradingError):
    """The exchange did not answer a read, or answered what cannot be used."""


class ExchangeBusyError(ExchangeError):
    """Nothing was sent: the request weight is used up, or the exchange asked for a pause."""


class BookError(TradingError):
    """The book refused a write that should have been possible; nothing was written."""


class ProfileError(TradingError):
    """A profiles file is not as it must be; the message names the line and the field."""


def _of_entries(reasons: Mapping[int, str]) -> str:
    position = min(reasons)
    others = f"; and {len(reasons) - 1} more" if len(reasons) > 1 else ""
    return f"entry {position}: {reasons[position]}{others}"
