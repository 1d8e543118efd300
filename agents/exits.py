"""When a position must be left: stop, target, trailing stop and time limit.

Prices are judged by what a sale would get (the bid), time by the quote's.
"""

from dataclasses import replace
from datetime import datetime
from decimal import Decimal

from agents.model import Bracket, ExitReason, Quote
from agents.profiles import RiskProfile


def open_bracket(
    order_id: int, symbol: str, entry_price: Decimal, profile: RiskProfile, opened_at: datetime
) -> Bracket:
    """The exit levels of an entry at ``entry_price`` under ``profile``."""
    return Bracket(
        order_id=order_id,
        symbol=symbol,
        entry_price=entry_price,
        stop_price=entry_price * (1 - profile.stop_loss),
        target_price=entry_price * (1 + profile.take_profit),
        trailing_stop=profile.trailing_stop,
        highest_price=entry_price,
        leave_at=None if profile.max_holding is None else opened_at + profile.max_holding,
    )


def follow(bracket: Bracket, quote: Quote) -> Bracket:
    """The bracket with the highest bid since entry brought up to date."""
    return replace(bracket, highest_price=max(bracket.highest_price, quote.bid))


def exit_reason(bracket: Bracket, quote: Quote) -> ExitReason | None:
    """Why the bracket's positions must be sold now, or None; the stop is judged first."""
    if quote.bid <= bracket.stop_price:
        return ExitReason.STOP
    if bracket.trailing_stop is not None and quote.bid <= bracket.highest_price * (1 - bracket.trailing_stop):
        return ExitReason.TRAILING
    if quote.bid >= bracket.target_price:
        return ExitReason.TARGET
    if bracket.leave_at is not None and quote.at >= bracket.leave_at:
        return ExitReason.TIME_LIMIT
    return None
