"""The frozen values that decisions are made of.

Quantities are in the symbol's base asset, prices, costs and cash in its quote asset, all
``Decimal``; times are timezone-aware UTC; confidences and ratios are fractions of one.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal
from enum import StrEnum

ZERO = Decimal(0)
ONE = Decimal(1)


def plain(number: Decimal) -> str:
    """A number as people write it: no exponent, no needless zeros."""
    return f"{number.normalize():f}"


class Action(StrEnum):
    """What a signal advises."""

    BUY = "buy"
    SELL = "sell"
    HOLD = "hold"


class Side(StrEnum):
    """Side of an order."""

    BUY = "buy"
    SELL = "sell"


class Status(StrEnum):
    """State of an agent or an account; paused means exits only."""

    STOPPED = "stopped"
    RUNNING = "running"
    PAUSED = "paused"


class TradingState(StrEnum):
    """The one switch above all agents."""

    ACTIVE = "ACTIVE"
    REDUCING = "REDUCING"
    HALTED = "HALTED"


class ExitReason(StrEnum):
    """Why a position is being closed."""

    STOP = "stop"
    TARGET = "target"
    TRAILING = "trailing"
    TIME_LIMIT = "time_limit"
    DAILY_LOSS = "daily_loss"
    DRAWDOWN = "drawdown"
    OPPOSITE_SIGNAL = "opposite_signal"
    OPERATOR = "operator"
    WITHDRAWAL = "withdrawal"


class BreakerKind(StrEnum):
    """Which loss trips a breaker."""

    DAILY_LOSS = "daily_loss"
    DRAWDOWN = "drawdown"


@dataclass(frozen=True, slots=True)
class Signal:
    """One piece of advice, well formed; ``id`` is unique by the sender's id or by content."""

    id: str
    symbol: str
    action: Action
    confidence: Decimal
    price: Decimal
    at: datetime


@dataclass(frozen=True, slots=True)
class Quote:
    """Top of the exchange's book for one symbol at one moment."""

    symbol: str
    bid: Decimal
    ask: Decimal
    at: datetime
    ask_quantity: Decimal = ZERO
    """So much is offered at the best ask at least, in base asset."""


@dataclass(frozen=True, slots=True)
class Market:
    """The exchange's rules for one symbol (Binance filters PRICE_FILTER, LOT_SIZE, NOTIONAL)."""

    symbol: str
    base: str
    quote: str
    price_tick: Decimal
    lot_step: Decimal
    min_quantity: Decimal
    max_quantity: Decimal
    min_notional: Decimal
    max_notional: Decimal


@dataclass(frozen=True, slots=True)
class Account:
    """One account as an entry decision sees it.

    ``equity`` is cash, reserved cash and marked positions; ``exposure`` the marked positions plus
    what unresolved entries have reserved. ``since_loss`` is the time since its last losing trade, as far back
    as the profile's cooldown reaches; ``breaker`` the tripped breaker that keeps it from entering.
    """

    id: str
    number: int
    status: Status
    cash: Decimal
    equity: Decimal
    exposure: Decimal
    open_positions: int
    holds_symbol: bool
    withdrawal_pending: bool = False
    since_loss: timedelta | None = None
    breaker: BreakerKind | None = None


@dataclass(frozen=True, slots=True)
class Position:
    """One account's open position in one symbol; ``cost`` is all it paid, quote fees included.

    ``is_dust`` marks what earlier exits left in the agent's dust account; it leaves with the next sale.
    """

    id: int
    account_id: str
    account_number: int
    symbol: str
    quantity: Decimal
    cost: Decimal
    is_dust: bool = False


@dataclass(frozen=True, slots=True)
class Bracket:
    """The exit levels shared by every position that one entry order opened.

    ``trailing_stop`` is the allowed fall from ``highest_price`` as a fraction, or None for no trailing stop;
    ``leave_at`` the time from which the positions are left whatever the price, or None for no limit.
    """

    order_id: int
    symbol: str
    entry_price: Decimal
    stop_price: Decimal
    target_price: Decimal
    trailing_stop: Decimal | None
    highest_price: Decimal
    leave_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class Want:
    """What one account asks of a block: a quantity and the cash set aside for it (zero on exits).

    ``keeps_rest`` marks an exit that sells less than the account's whole position.
    """

    account_id: str
    account_number: int
    quantity: Decimal
    reserved: Decimal = ZERO
    keeps_rest: bool = False


@dataclass(frozen=True, slots=True)
class Block:
    """One order for many accounts: everything the exchange and the book need to know of it.

    ``wants`` is empty where the book itself knows what each account asks for.
    """

    symbol: str
    side: Side
    quantity: Decimal
    limit_price: Decimal
    wants: tuple[Want, ...] = ()


@dataclass(frozen=True, slots=True)
class Fill:
    """One execution on the exchange; ``commission`` is in ``commission_asset``."""

    trade_id: str
    price: Decimal
    quantity: Decimal
    cost: Decimal
    commission: Decimal
    commission_asset: str
    at: datetime


@dataclass(frozen=True, slots=True)
class Leg:
    """One account's part of a fill.

    ``fee_base`` and ``fee_quote`` are commissions paid in the symbol's own assets; ``fee_other`` is
    the part of a commission in a third asset and ``fee_other_value`` its worth in quote, which the
    account pays in cash. ``dust`` is what an exit leaves below the lot step (see
    :func:`agents.allocation.exit_legs`).
    """

    account_id: str
    quantity: Decimal
    cost: Decimal
    fee_base: Decimal = ZERO
    fee_quote: Decimal = ZERO
    fee_other: Decimal = ZERO
    fee_other_value: Decimal = ZERO
    dust: Decimal = ZERO
