"""The ordered checks before an entry or a signalled exit; the first denial wins, missing data denies.

Signal checks hold for every account alike and run once; account checks run per account, after them.
"""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from enum import StrEnum

from agents.model import Account, Action, Market, Quote, Signal, Status, TradingState, plain
from agents.profiles import RiskProfile


class Code(StrEnum):
    """Every outcome of a decision; stable, shown in ``/decisions`` and in the docs."""

    ORDERED = "ordered"
    """Part of a block order; the order tells the rest."""
    HOLD = "hold"
    """The signal advises nothing."""
    MALFORMED_SIGNAL = "malformed_signal"
    """The signal lacks a field or has an impossible one; the detail names it."""
    AGENT_NOT_RUNNING = "agent_not_running"
    AGENT_PAUSED = "agent_paused"
    """Paused agents open nothing; exits still run."""
    TRADING_HALTED = "trading_halted"
    """The switch above all agents stands at HALTED, or could not be read."""
    TRADING_REDUCING = "trading_reducing"
    """The switch above all agents allows exits only."""
    CONFIDENCE_BELOW_MINIMUM = "confidence_below_minimum"
    SIGNAL_STALE = "signal_stale"
    SYMBOL_NOT_ALLOWED = "symbol_not_allowed"
    MARKET_DATA_MISSING = "market_data_missing"
    """No current quote or no trading rules for the symbol."""
    PRICE_AWAY_FROM_MARKET = "price_away_from_market"
    ORDER_UNRESOLVED = "order_unresolved"
    """An earlier order's outcome is unknown; nothing new before it is resolved."""
    VENUE_UNDERFUNDED = "venue_underfunded"
    """The exchange holds less of the asset than the accounts together own."""
    NO_ACCOUNTS = "no_accounts"
    """The agent serves no running account."""
    NO_POSITION = "no_position"
    """A sell signal, and nothing is held."""
    ACCOUNT_NOT_RUNNING = "account_not_running"
    ACCOUNT_PAUSED = "account_paused"
    WITHDRAWAL_PENDING = "withdrawal_pending"
    """The account's cash is awaited by its owner."""
    POSITION_ALREADY_OPEN = "position_already_open"
    TOO_MANY_POSITIONS = "too_many_positions"
    EXPOSURE_LIMIT = "exposure_limit"
    INSUFFICIENT_CASH = "insufficient_cash"
    BELOW_LOT_SIZE = "below_lot_size"
    """The whole block is smaller than the exchange's smallest order."""
    BELOW_MIN_NOTIONAL = "below_min_notional"
    """The whole block is worth less than the exchange accepts."""


@dataclass(frozen=True, slots=True)
class Denial:
    """Why not: a stable code and the figures behind it."""

    code: Code
    detail: str


@dataclass(frozen=True, slots=True)
class Situation:
    """All that the signal checks look at; None is data that could not be had."""

    signal: Signal
    profile: RiskProfile
    symbols: tuple[str, ...]
    status: Status
    trading: TradingState
    quote: Quote | None
    market: Market | None
    has_unresolved_order: bool
    now: datetime


def action_advises_something(situation: Situation) -> Denial | None:
    """A hold is a decision of its own."""
    if situation.signal.action is Action.HOLD:
        return Denial(Code.HOLD, "the signal advises to hold")
    return None


def agent_is_running(situation: Situation) -> Denial | None:
    """A stopped agent does nothing; a paused one opens nothing."""
    if situation.status is Status.STOPPED:
        return Denial(Code.AGENT_NOT_RUNNING, "the agent is stopped")
    if situation.status is Status.PAUSED and situation.signal.action is Action.BUY:
        return Denial(Code.AGENT_PAUSED, "the agent is paused: exits only")
    return None


def trading_is_allowed(situation: Situation) -> Denial | None:
    """HALTED stops all orders, REDUCING all entries."""
    if situation.trading is TradingState.HALTED:
        return Denial(Code.TRADING_HALTED, "trading is halted for the whole service")
    if situation.trading is TradingState.REDUCING and situation.signal.action is Action.BUY:
        return Denial(Code.TRADING_REDUCING, "the service is reducing: exits only")
    return None


def confidence_is_enough(situation: Situation) -> Denial | None:
    """The signal's confidence against the profile's minimum."""
    confidence, minimum = situation.signal.confidence, situation.profile.min_confidence
    if confidence < minimum:
        return Denial(
            Code.CONFIDENCE_BELOW_MINIMUM,
            f"confidence {plain(confidence)} is below {situation.profile.name}'s minimum {minimum}",
        )
    return None


def signal_is_fresh(situation: Situation) -> Denial | None:
    """The signal's age against the profile's limit."""
    age = situation.now - situation.signal.at
    if age > situation.profile.signal_max_age:
        limit = situation.profile.signal_max_age.total_seconds()
        return Denial(
            Code.SIGNAL_STALE, f"the signal is {age.total_seconds():.0f} s old, at most {limit:.0f} s are allowed"
        )
    return None


def symbol_is_allowed(situation: Situation) -> Denial | None:
    """Entries only in the agent's symbols; leaving one that it no longer trades is always allowed."""
    if situation.signal.action is Action.BUY and situation.signal.symbol not in situation.symbols:
        return Denial(Code.SYMBOL_NOT_ALLOWED, f"{situation.signal.symbol} is not among the agent's symbols")
    return None


def no_order_is_unresolved(situation: Situation) -> Denial | None:
    """Nothing new while an earlier order may be live."""
    if situation.has_unresolved_order:
        return Denial(Code.ORDER_UNRESOLVED, "the outcome of an earlier order is not known yet")
    return None


def market_data_is_present(situation: Situation) -> Denial | None:
    """Without rules and a quote nothing can be priced."""
    if situation.market is None:
        return Denial(Code.MARKET_DATA_MISSING, f"the exchange's rules for {situation.signal.symbol} are not known")
    if situation.quote is None:
        return Denial(Code.MARKET_DATA_MISSING, f"no current quote for {situation.signal.symbol}")
    return None


def price_is_near_market(situation: Situation) -> Denial | None:
    """The signal's price against the middle of the market."""
    if situation.quote is None:
        return market_data_is_present(situation)
    middle = (situation.quote.bid + situation.quote.ask) / 2
    deviation = abs(situation.signal.price - middle) / middle
    limit = situation.profile.max_price_deviation
    if deviation > limit:
        return Denial(
            Code.PRICE_AWAY_FROM_MARKET,
            f"the signal's price {plain(situation.signal.price)} is {deviation:.4f} away from the market's {plain(middle)}, "
            f"at most {limit} is allowed",
        )
    return None


SIGNAL_CHECKS: tuple[Callable[[Situation], Denial | None], ...] = (
    agent_is_running,
    trading_is_allowed,
    action_advises_something,
    symbol_is_allowed,
    confidence_is_enough,
    signal_is_fresh,
    no_order_is_unresolved,
    market_data_is_present,
    price_is_near_market,
)
"""In this order; the first denial is the decision."""


def judge_signal(situation: Situation) -> Denial | None:
    """The first reason not to act on the signal at all, or None."""
    return next((denial for check in SIGNAL_CHECKS if (denial := check(situation))), None)


def judge_account(account: Account, profile: RiskProfile) -> Code | None:
    """The first reason why this account may not enter, or None; figures are in the account's own record."""
    if account.status is not Status.RUNNING:
        return Code.ACCOUNT_PAUSED if account.status is Status.PAUSED else Code.ACCOUNT_NOT_RUNNING
    if account.withdrawal_pending:
        return Code.WITHDRAWAL_PENDING
    if account.holds_symbol:
        return Code.POSITION_ALREADY_OPEN
    if account.open_positions >= profile.max_open_positions:
        return Code.TOO_MANY_POSITIONS
    if account.exposure >= account.equity * profile.max_exposure:
        return Code.EXPOSURE_LIMIT
    if account.cash <= 0:
        return Code.INSUFFICIENT_CASH
    return None


def entry_budget(account: Account, profile: RiskProfile) -> Decimal:
    """Cash that one entry may take, commissions included, in quote.

    The least of: risk per trade over stop distance (so that a stop loses no more than the risk),
    the largest position, the room left under the exposure limit, and free cash.
    """
    equity = account.equity
    return min(
        equity * profile.risk_per_trade / profile.stop_loss,
        equity * profile.max_position,
        equity * profile.max_exposure - account.exposure,
        account.cash,
    )
