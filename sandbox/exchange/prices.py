"""Where prices come from: a seeded process that knows the price of every second, past and future.

The log price is a sum of smooth value noise at periods of 1, 2, 4, ... seconds up to six days (fractal noise; Perlin,
"An Image Synthesizer", 1985). Amplitudes grow with the square root of the period, so that it looks like a random walk
at every scale, yet each second is a pure function of seed, symbol and time: history exists before the exchange
started, a restart changes nothing, and no price can leave the sum of the amplitudes. The periods around a minute are
louder than a random walk's, which is the momentum a model can find.
"""

import csv
import hashlib
import math
from bisect import bisect_right
from collections import defaultdict
from functools import lru_cache
from pathlib import Path
from typing import NamedTuple, Protocol

from sandbox.exchange.settings import SettingError
from sandbox.exchange.symbols import SYMBOLS

_PERIODS = tuple(2**power for power in range(20))
# Measured: with this factor the standard deviation over an hour is the symbol's volatility times sqrt(3600).
_AMPLITUDE = 0.45
_MOMENTUM_PERIODS = range(16, 257)
_MOMENTUM = 1.6
_SQRT_3 = math.sqrt(3)


class PriceProcess(Protocol):
    """Anything that knows a symbol's price and traded volume at every second."""

    def price(self, symbol: str, second: int) -> float:
        """Return the last price of that second in USDT."""

    def volume(self, symbol: str, second: int) -> float:
        """Return the base quantity traded in that second."""


def uniform(*key: object) -> float:
    """Return a number in [0, 1) that depends on nothing but the key."""
    digest = hashlib.blake2b(repr(key).encode(), digest_size=8).digest()
    return int.from_bytes(digest, "big") / 2**64


class SeededPrices:
    """Prices as a pure function of (seed, symbol, second), anchored at the start price in the first second."""

    def __init__(self, seed: int, volatility: float, genesis: int) -> None:
        """Anchor the process at ``genesis``, the second in which every symbol is at its start price."""
        self._seed = seed
        self._volatility = volatility
        self._genesis = genesis
        self._lattice = lru_cache(maxsize=200_000)(self._lattice_value)
        self._log_price = lru_cache(maxsize=200_000)(self._noise)

    def price(self, symbol: str, second: int) -> float:
        """Return the price of that second."""
        spec = SYMBOLS[symbol]
        move = self._log_price(symbol, second) - self._log_price(symbol, self._genesis)
        return float(spec.start_price) * math.exp(move * spec.volatility * self._volatility)

    def volume(self, symbol: str, second: int) -> float:
        """Return a volume of a fifth of the best level, give or take."""
        spec = SYMBOLS[symbol]
        return float(spec.level_notional / spec.start_price) * 0.4 * uniform(self._seed, "volume", symbol, second)

    def _noise(self, symbol: str, second: int) -> float:
        total = 0.0
        for period in _PERIODS:
            cell, offset = divmod(second, period)
            here, there = self._lattice(symbol, period, cell), self._lattice(symbol, period, cell + 1)
            x = offset / period
            total += here + (there - here) * x * x * (3 - 2 * x)
        return total

    def _lattice_value(self, symbol: str, period: int, cell: int) -> float:
        """Return the octave's value at one of its lattice points, scaled by its amplitude."""
        loudness = _MOMENTUM if period in _MOMENTUM_PERIODS else 1.0
        centred = _SQRT_3 * (2 * uniform(self._seed, symbol, period, cell) - 1)
        return centred * loudness * _AMPLITUDE * math.sqrt(period)


class _Candle(NamedTuple):
    """One row of a replayed file; times in seconds."""

    open_time: int
    open: float
    high: float
    low: float
    close: float
    volume: float


class ReplayedPrices:
    """Candles of a file, replayed in a loop.

    The exchange's first second falls on the middle of the file: the first half is history, the second half the
    future, and then it starts over. Within a candle the price goes from the open over low and high (falling candles:
    high and low) to the close.
    """

    def __init__(self, path: Path, genesis: int) -> None:
        """Load the file.

        Raises:
            SettingError: A symbol is unknown, a column missing, or a candle impossible.
        """
        self._candles = _read_candles(path)
        self._genesis = genesis

    def price(self, symbol: str, second: int) -> float:
        """Return the price on the candle's path at that second."""
        candle, share, _ = self._at(symbol, second)
        turns = [candle.low, candle.high] if candle.close >= candle.open else [candle.high, candle.low]
        path = [candle.open, *turns, candle.close]
        leg = min(int(share * 3), 2)
        return path[leg] + (path[leg + 1] - path[leg]) * (share * 3 - leg)

    def volume(self, symbol: str, second: int) -> float:
        """Return the candle's volume per second."""
        candle, _, seconds = self._at(symbol, second)
        return candle.volume / seconds

    def _at(self, symbol: str, second: int) -> tuple[_Candle, float, int]:
        """Return the candle at that second, the share of it that has passed, and its length in seconds."""
        candles = self._candles.get(symbol)
        if candles is None:
            raise SettingError(f"SANDBOX_REPLAY_FILE has no candles of {symbol}")
        first, last = candles[0].open_time, candles[-1].open_time
        interval = candles[1].open_time - first
        span = last + interval - first
        moment = first + (second - self._genesis + span // 2) % span
        candle = candles[bisect_right(candles, moment, key=lambda c: c.open_time) - 1]
        return candle, min(1.0, (moment - candle.open_time + 1) / interval), interval


def _read_candles(path: Path) -> dict[str, list[_Candle]]:
    """Read the file's candles by symbol, in order of time."""
    candles: dict[str, list[_Candle]] = defaultdict(list)
    try:
        with path.open(newline="") as file:
            for row in csv.DictReader(file):
                prices = (float(row[name]) for name in ("open", "high", "low", "close", "volume"))
                candles[row["symbol"]].append(_Candle(int(row["open_time"]) // 1000, *prices))
    except (OSError, KeyError, ValueError) as error:
        raise SettingError(f"SANDBOX_REPLAY_FILE={path} cannot be read: {error}") from error
    for symbol, rows in candles.items():
        rows.sort()
        if (
            symbol not in SYMBOLS
            or len(rows) < 2
            or any(not 0 < c.low <= min(c.open, c.close) <= max(c.open, c.close) <= c.high for c in rows)
        ):
            raise SettingError(f"SANDBOX_REPLAY_FILE={path}: the candles of {symbol} cannot be replayed")
    return dict(candles)
