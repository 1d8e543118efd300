"""Candles, trades and day statistics, all computed from the market's price of each second."""

from dataclasses import dataclass
from decimal import Decimal
from functools import lru_cache

from sandbox.exchange.amounts import floor_to
from sandbox.exchange.market import Market
from sandbox.exchange.symbols import SYMBOLS

INTERVALS = {
    "1s": 1,
    "1m": 60,
    "3m": 180,
    "5m": 300,
    "15m": 900,
    "30m": 1800,
    "1h": 3600,
    "2h": 7200,
    "4h": 14_400,
    "6h": 21_600,
    "8h": 28_800,
    "12h": 43_200,
    "1d": 86_400,
}
"""Seconds by Binance's name of the interval."""

_SAMPLES = 30
_TRADES_PER_SECOND = 4


@dataclass(frozen=True, slots=True)
class Candle:
    """One candle; ``open_time`` in seconds, ``seconds`` its length."""

    open_time: int
    seconds: int
    open: Decimal
    high: Decimal
    low: Decimal
    close: Decimal
    volume: Decimal

    @property
    def quote_volume(self) -> Decimal:
        """Value traded, at the candle's middle price."""
        return self.volume * (self.open + self.high + self.low + self.close) / 4

    @property
    def trades(self) -> int:
        """Number of trades."""
        return self.seconds * _TRADES_PER_SECOND


class Candles:
    """Builds candles and remembers the finished ones."""

    def __init__(self, market: Market) -> None:
        """Build candles of this market."""
        self._market = market
        self._finished = lru_cache(maxsize=50_000)(self._build)

    def between(self, symbol: str, interval: int, first: int, last: int, now: int) -> list[Candle]:
        """Return the candles that open from ``first`` to ``last``, both seconds, the current one unfinished."""
        start = -(-first // interval) * interval
        return [
            self._candle(symbol, open_time, interval, now) for open_time in range(start, min(last, now) + 1, interval)
        ]

    def window(self, symbol: str, seconds: int, now: int) -> Candle:
        """Return one candle over the last ``seconds``, made of hours and good for day statistics."""
        piece = INTERVALS["1h"]
        parts = self.between(symbol, piece, now - seconds, now, now)
        return Candle(
            now - seconds,
            seconds,
            parts[0].open,
            max(part.high for part in parts),
            min(part.low for part in parts),
            parts[-1].close,
            sum((part.volume for part in parts), Decimal(0)),
        )

    def _candle(self, symbol: str, open_time: int, interval: int, now: int) -> Candle:
        last = open_time + interval - 1
        if last < now:
            return self._finished(symbol, open_time, interval, last, self._market.version)
        return self._build(symbol, open_time, interval, now, self._market.version)

    def _build(self, symbol: str, open_time: int, interval: int, last: int, _version: int) -> Candle:
        """Sample the candle's seconds: all of them up to a minute, thirty of them beyond.

        A candle opens at the close of the second before it, so that candles join. Between two samples, volume
        is that of the earlier one, so a candle under way has some from its first second on.
        """
        stride = 1 if interval <= INTERVALS["1m"] else interval // _SAMPLES
        seconds = range(open_time + stride - 1, last + 1, stride)
        opening, closing = (self._market.price(symbol, second) for second in (open_time - 1, last))
        prices = [opening, *(self._market.price(symbol, second) for second in seconds), closing]
        traded = sum(
            min(stride, last + 1 - second) * self._market.volume(symbol, second)
            for second in range(open_time, last + 1, stride)
        )
        volume = floor_to(Decimal(traded), SYMBOLS[symbol].step)
        return Candle(open_time, interval, opening, max(prices), min(prices), closing, volume)
