"""Exit levels against a candle, of which only four prices are known and not their order: the worse order is taken.

The candle is judged at its low first, by the highest price known before it, and so a stop comes before a target that
the same candle touches. A stop is sold at the low itself, the worst price of the candle; a target at its own price and
no better; a trailing stop that the candle's own high has raised and a time limit, at the close.
"""

from collections.abc import Callable
from decimal import Decimal

from agents.exits import exit_reason, follow
from agents.model import Bracket, ExitReason, Quote
from replay.candles import Candle


def judge_candle(
    bracket: Bracket, candle: Candle, quote_at: Callable[[Decimal], Quote]
) -> tuple[Bracket, ExitReason | None, Quote]:
    """The bracket after the candle, why its positions are sold within it if they are, and at which quote.

    Args:
        bracket: the exit levels before the candle.
        candle: whose prices are judged.
        quote_at: bid and ask around a price.
    """
    lowest = quote_at(candle.low)
    reason = exit_reason(bracket, lowest)
    if reason in {ExitReason.STOP, ExitReason.TRAILING}:
        return bracket, reason, lowest
    highest = quote_at(candle.high)
    bracket = follow(bracket, highest)
    if exit_reason(bracket, highest) is ExitReason.TARGET:
        return bracket, ExitReason.TARGET, _at_target(bracket, lowest, highest)
    last = quote_at(candle.close)
    return bracket, exit_reason(bracket, last), last


def _at_target(bracket: Bracket, lowest: Quote, highest: Quote) -> Quote:
    """The highest quote with the bid lowered to the target, or to the candle's lowest where that is above it."""
    bid = max(bracket.target_price, lowest.bid)
    return Quote(highest.symbol, bid, highest.ask, highest.at)
