"""Made-up candles: a random walk whose drift changes every few days, the same for the same seed.

The drifts are planted, so that a momentum model has something to find; what it earns here says nothing about a market.
"""

import math
import random
from collections.abc import Iterator, Sequence
from datetime import datetime, timedelta
from pathlib import Path

from replay.candles import COLUMNS
from replay.markets import MARKETS

START_PRICES = {
    "BTCUSDT": 45_000.0,
    "ETHUSDT": 2_500.0,
    "BNBUSDT": 310.0,
    "SOLUSDT": 100.0,
    "XRPUSDT": 0.55,
    "ADAUSDT": 0.5,
    "DOGEUSDT": 0.085,
    "AVAXUSDT": 36.0,
    "LINKUSDT": 15.0,
    "DOTUSDT": 7.5,
}
"""USDT at the first candle, of the symbols that can be made."""

_DAILY_VOLATILITY = 0.03
_DAILY_DRIFT = 0.008
_DRIFT_LASTS = timedelta(days=3)
_DAILY_VOLUME = 50_000_000.0
_DAY = timedelta(days=1)


def write_candles(
    path: Path, symbols: Sequence[str], start: datetime, length: timedelta, count: int, seed: int
) -> None:
    """Write ``count`` candles of each symbol, each candle ``length`` long."""
    walks = [_walk(symbol, length, random.Random(f"{seed} {symbol}")) for symbol in symbols]  # noqa: S311  # repeatable, not secret
    with path.open("w", encoding="utf-8") as file:
        file.write(",".join(COLUMNS) + "\n")
        first, step = round(start.timestamp() * 1000), length // timedelta(milliseconds=1)
        for open_time in range(first, first + count * step, step):
            file.writelines(f"{symbol},{open_time},{next(walk)}\n" for symbol, walk in zip(symbols, walks, strict=True))


def _walk(symbol: str, length: timedelta, chance: random.Random) -> Iterator[str]:
    """Endless ``open,high,low,close,volume``; a candle opens at the close before it."""
    decimals = -int(MARKETS[symbol].price_tick.adjusted())
    days = length / _DAY
    deviation = _DAILY_VOLATILITY * math.sqrt(days)
    regime = round(_DRIFT_LASTS / length)
    price, drift, left = START_PRICES[symbol], 0.0, 0
    while True:
        if not left:
            drift, left = chance.gauss(0, _DAILY_DRIFT) * days, max(1, round(chance.expovariate(1 / regime)))
        left -= 1
        opened, price = price, price * math.exp(drift + chance.gauss(0, deviation))
        high = max(opened, price) * math.exp(abs(chance.gauss(0, deviation / 2)))
        low = min(opened, price) * math.exp(-abs(chance.gauss(0, deviation / 2)))
        volume = _DAILY_VOLUME * days / price * math.exp(chance.gauss(0, 0.6))
        yield f"{opened:.{decimals}f},{high:.{decimals}f},{low:.{decimals}f},{price:.{decimals}f},{volume:.3f}"
