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

    def depth(self, candle: Candle) -> Decimal:
        """What one more order can have of the candle's volume, in whole lot steps."""
        share = PARTICIPATION * self._random.randint(500, 1000) * _THOUSANDTH
        open_time, taken = self._taken.get(candle.symbol, (candle.open_time, ZERO))
        if open_time != candle.open_time:
            taken = ZERO
        self._taken[candle.symbol] = candle.open_time, taken
        step = self._markets[candle.symbol].lot_step
        return (max(candle.volume * share - taken, ZERO) / step).to_integral_value(ROUND_FLOOR) * step

    def fill(self, block: Block, quote: Quote, depth: Decimal) -> tuple[Fill, ...]:
        """What a LIMIT IOC order gets at ``quote``; nothing where the limit is worse than it.

        Args:
            block: the order.
            quote: the market at that moment.
            depth: what :meth:`depth` of the candle gave for this order.
        """
        buys = block.side is Side.BUY
        price = quote.ask if buys else quote.bid
        crosses = price <= block.limit_price if buys else price >= block.limit_price
        quantity = min(block.quantity, depth)
        if not crosses or not quantity:
            return ()
        open_time, taken = self._taken[block.symbol]
        self._taken[block.symbol] = open_time, taken + quantity
        self._trades += 1
        market, cost = self._markets[block.symbol], quantity * price
        return (
            Fill(
                trade_id=str(self._trades),
                price=price,
                quantity=quantity,
                cost=cost,
                commission=(quantity if buys else cost) * COMMISSION,
                commission_asset=market.base if buys else market.quote,
                at=quote.at,
            ),
        )
