"""Where prices come from: a seeded process that knows the price of every second, past and future.

The log price is a sum of smooth value noise at periods of 1, 3, 9, ... seconds up to six days (fractal noise; Perlin,
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

_PERIODS = tuple(3**power for power in range(13))
# Measured: with this factor the standard deviation over an hour is the symbol's volatility times sqrt(3600).
_AMPLITUDE = 0.55
_MOMENTUM_PERIODS = frozenset({27, 81, 243})
_MOMENTUM = 1.6
_SQRT_3 = math.sqrt(3)
_MASK_64 = 2**64 - 1


class PriceProcess(Protocol):
    """Anything that knows a symbol's price and traded volume at every second."""

    def price(self, symbol: str, second: int) -> float:
        """Return the last price of that second in USDT."""

    def volume(self, symbol: str, second: int) -> float:
        """Return the base quantity traded in that second."""


def _stream(*key: object) -> int:
    """Return the number of an endless row of random numbers, chosen by the key."""
    return int.from_bytes(hashlib.blake2b(repr(key).encode(), digest_size=8).digest(), "big")


def _uniform(stream: int, index: int) -> float:
    """Return the stream's number at ``index``, in [0, 1) (SplitMix64; Steele, Lea, Flood 2014)."""
    z = (stream + index * 0x9E3779B97F4A7C15) & _MASK_64
    z = ((z ^ (z >> 30)) * 0xBF58476D1CE4E5B9) & _MASK_64
    z = ((z ^ (z >> 27)) * 0x94D049BB133111EB) & _MASK_64
    return (z ^ (z >> 31)) / 2**64


class SeededPrices:
    """Prices as a pure function of (seed, symbol, second), anchored at the start price in the first second."""

    def __init__(self, seed: int, volatility: float, genesis: int) -> None:
        """Anchor the process at ``genesis``, the second in which every symbol is at its start price."""
        self._streams = {(s, p): _stream(seed, s, p) for s in SYMBOLS for p in ("volume", *_PERIODS)}
        self._volatility = volatility
        self._lattice = lru_cache(maxsize=200_000)(self._lattice_value)
        self._anchors = {symbol: self._noise(symbol, genesis) for symbol in SYMBOLS}

    def price(self, symbol: str, second: int) -> float:
        """Return the price of that second."""
        spec = SYMBOLS[symbol]
        move = self._noise(symbol, second) - self._anchors[symbol]
        return float(spec.start_price) * math.exp(move * spec.volatility * self._volatility)

    def volume(self, symbol: str, second: int) -> float:
        """Return a volume of a fifth of the best level, give or take."""
        spec = SYMBOLS[symbol]
        share = _uniform(self._streams[symbol, "volume"], second)
        return float(spec.level_notional / spec.start_price) * 0.4 * share

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
        centred = _SQRT_3 * (2 * _uniform(self._streams[symbol, period], cell) - 1)
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
    high and low) to the close. Symbols that the file does not have follow another process.
    """

    def __init__(self, path: Path, genesis: int, others: PriceProcess) -> None:
        """Load the file; ``others`` prices the symbols it lacks.

        Raises:
            SettingError: A symbol is unknown, a column missing, or a candle impossible.
        """
        self._candles = _read_candles(path)
        self._genesis = genesis
        self._others = others

    def price(self, symbol: str, second: int) -> float:
        """Return the price on the candle's path at that second."""
        if symbol not in self._candles:
            return self._others.price(symbol, second)
        candle, share, _ = self._at(symbol, second)
        turns = [candle.low, candle.high] if candle.close >= candle.open else [candle.high, candle.low]
        path = [candle.open, *turns, candle.close]
        leg = min(int(share * 3), 2)
        return path[leg] + (path[leg + 1] - path[leg]) * (share * 3 - leg)

    def volume(self, symbol: str, second: int) -> float:
        """Return the candle's volume per second."""
        if symbol not in self._candles:
            return self._others.volume(symbol, second)
        candle, _, seconds = self._at(symbol, second)
        return candle.volume / seconds

    def _at(self, symbol: str, second: int) -> tuple[_Candle, float, int]:
        """Return the candle at that second, the share of it that has passed, and its length in seconds."""
        candles = self._candles[symbol]
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
