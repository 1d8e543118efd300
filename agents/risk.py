"""The ordered checks of a signal before an entry or a signalled exit; the first denial wins, missing data denies.

They hold for every account alike and run once. What is checked per account, after them, is in
:mod:`agents.account_risk`; what is checked of the block in :mod:`agents.decision`.
"""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from agents.model import Action, Market, Quote, Signal, Status, TradingState, plain
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
    EXCHANGE_WEIGHT_EXHAUSTED = "exchange_weight_exhausted"
    """The exchange's request limit leaves no room to price or place anything."""
    MARKET_DATA_MISSING = "market_data_missing"
    """No current quote or no trading rules for the symbol."""
    PRICE_AWAY_FROM_MARKET = "price_away_from_market"
    SPREAD_TOO_WIDE = "spread_too_wide"
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
    COOLDOWN = "cooldown"
    """The account closed a trade with a loss a short time ago."""
    DAILY_LOSS = "daily_loss"
    """Too much was lost since 00:00 UTC, by the account, its agent or the whole service."""
    DRAWDOWN = "drawdown"
    """Too much was lost since the highest equity, by the account, its agent or the whole service."""
    RISK_LIMIT = "risk_limit"
    """The risk per trade allows less than one unit."""
    POSITION_LIMIT = "position_limit"
    """The largest position allowed is less than one unit."""
    BELOW_LOT_SIZE = "below_lot_size"
    """The whole block is smaller than the exchange's smallest order."""
    BELOW_MIN_NOTIONAL = "below_min_notional"
    """The whole block is worth less than the exchange accepts."""
    NOT_EXITABLE = "not_exitable"
    """After fees and at the stop the whole block would be worth less than the exchange accepts."""
    SLIPPAGE_TOO_HIGH = "slippage_too_high"
    """Within the slippage allowed the market offers next to nothing."""


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
    breaker: Denial | None = None
    """What a tripped breaker of the agent or of the whole service says to an entry."""
    is_exchange_busy: bool = False
    """Its request limit is used up, or it asked for a pause; then there is no market data either."""


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


def no_breaker_is_tripped(situation: Situation) -> Denial | None:
    """Losses of the agent or of the whole service end entries."""
    return situation.breaker if situation.signal.action is Action.BUY else None


def exchange_takes_requests(situation: Situation) -> Denial | None:
    """An entry takes request weight to price, to check and to place; without it nothing is begun."""
    if situation.is_exchange_busy:
        return Denial(Code.EXCHANGE_WEIGHT_EXHAUSTED, "the exchange's request limit is used up for now")
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


def spread_is_narrow(situation: Situation) -> Denial | None:
    """What an entry would lose at once if it were sold again, as a fraction of the market's middle."""
    if situation.signal.action is not Action.BUY:
        return None
    if situation.quote is None:
        return market_data_is_present(situation)
    bid, ask, limit = situation.quote.bid, situation.quote.ask, situation.profile.max_spread
    spread = 2 * (ask - bid) / (ask + bid)
    if spread > limit:
        return Denial(Code.SPREAD_TOO_WIDE, f"the spread {spread:.6f} is wider than {limit}")
    return None


SIGNAL_CHECKS: tuple[Callable[[Situation], Denial | None], ...] = (
    agent_is_running,
    trading_is_allowed,
    action_advises_something,
    symbol_is_allowed,
    confidence_is_enough,
    signal_is_fresh,
    no_breaker_is_tripped,
    no_order_is_unresolved,
    exchange_takes_requests,
    market_data_is_present,
    price_is_near_market,
    spread_is_narrow,
)
"""In this order; the first denial is the decision."""


def judge_signal(situation: Situation) -> Denial | None:
    """The first reason not to act on the signal at all, or None."""
    return next((denial for check in SIGNAL_CHECKS if (denial := check(situation))), None)
