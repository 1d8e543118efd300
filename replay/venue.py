"""A venue that fills LIMIT IOC orders out of candles, rather too badly than too well.

- The spread is twice ``HALF_SPREAD`` around every price of a candle.
- Every fill costs ``COMMISSION``, in the base asset on buys and in the quote asset on sales, as Binance takes it.
- All orders within one candle get at most ``PARTICIPATION`` of its volume, or as little as half of that: how much is
  drawn from the seed. What is left of an order expires.
"""

import random
from collections.abc import Mapping
from datetime import datetime
from decimal import ROUND_CEILING, ROUND_FLOOR, Decimal

from agents.model import ONE, ZERO, Block, Fill, Market, Quote, Side
from replay.candles import Candle

HALF_SPREAD = Decimal("0.0002")
"""Distance of bid and ask from a candle's price, as a fraction of it."""
COMMISSION = Decimal("0.001")
"""Binance spot's commission without discounts, as a fraction of what is received."""
PARTICIPATION = Decimal("0.10")
"""Largest share of a candle's volume."""

_BELOW, _ABOVE = ONE - HALF_SPREAD, ONE + HALF_SPREAD
_THOUSANDTH = Decimal("0.001")


class Venue:
    """Quotes and fills of one replay; ``seed`` decides how deep the market is at each order."""

    def __init__(self, markets: Mapping[str, Market], seed: int) -> None:
        self._markets = markets
        # Not for secrets: the same seed must give the same fills.
        self._random = random.Random(seed)  # noqa: S311
        self._trades = 0
        self._taken: dict[str, tuple[int, Decimal]] = {}

    def quote(self, symbol: str, price: Decimal, at: datetime) -> Quote:
        """Bid and ask around a candle's price, rounded away from it to the tick."""
        tick = self._markets[symbol].price_tick
        bid = (price * _BELOW).quantize(tick, ROUND_FLOOR)
        return Quote(symbol, bid, (price * _ABOVE).quantize(tick, ROUND_CEILING), at)

    def fill(self, block: Block, quote: Quote, candle: Candle, at: datetime) -> tuple[Fill, ...]:
        """What a LIMIT IOC order gets at ``quote`` within ``candle``; nothing where the limit is worse than it."""
        price = quote.ask if block.side is Side.BUY else quote.bid
        crosses = price <= block.limit_price if block.side is Side.BUY else price >= block.limit_price
        if not crosses:
            return ()
        market = self._markets[block.symbol]
        quantity = min(block.quantity, self._depth(candle, market))
        if quantity <= 0:
            return ()
        self._taken[block.symbol] = candle.open_time, self._taken_of(candle) + quantity
        self._trades += 1
        cost = quantity * price
        buys = block.side is Side.BUY
        return (
            Fill(
                trade_id=str(self._trades),
                price=price,
                quantity=quantity,
                cost=cost,
                commission=(quantity if buys else cost) * COMMISSION,
                commission_asset=market.base if buys else market.quote,
                at=at,
            ),
        )

    def _depth(self, candle: Candle, market: Market) -> Decimal:
        """What the candle's volume still gives, in whole lot steps."""
        share = PARTICIPATION * self._random.randint(500, 1000) * _THOUSANDTH
        left = candle.volume * share - self._taken_of(candle)
        return (left / market.lot_step).to_integral_value(ROUND_FLOOR) * market.lot_step

    def _taken_of(self, candle: Candle) -> Decimal:
        open_time, quantity = self._taken.get(candle.symbol, (candle.open_time, ZERO))
        return quantity if open_time == candle.open_time else ZERO
