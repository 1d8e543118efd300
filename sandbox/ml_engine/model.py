"""Momentum as a t-statistic: how surprising would the last returns be if the price had no drift?

Method: t = mean / (standard deviation / sqrt(n)) of the last n one-second log returns (the ordinary one-sample
t-statistic); confidence = Phi(|t|), the chance under the normal approximation that the drift has the sign it shows.

It is here to be watched, not to earn: over the sandbox's prices a round trip gains one to three basis points on
average, and its two commissions cost twenty.
"""

import math
import statistics
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from itertools import pairwise

LOOKBACK = 30
"""Number of one-second returns that are looked at: few, so that a position is seen to close within half a minute."""
BAR_MILLISECONDS = 5_000
"""A signal changes at most once per bar, so that whoever asks twice within one gets the same signal."""
HOLD_BELOW = 0.1
"""Smaller |t| says nothing about the direction."""


@dataclass(frozen=True, slots=True)
class Candle:
    """One second of trading: when it began (UTC milliseconds) and the last price in it."""

    open_time: int
    close: float


@dataclass(frozen=True, slots=True)
class Signal:
    """What the model says about one symbol. `timestamp` is the end of the bar it was computed from."""

    symbol: str
    action: str
    confidence: float
    price: float
    timestamp: datetime


def momentum(symbol: str, candles: Sequence[Candle]) -> Signal | None:
    """Return the signal of the newest complete bar, or None where the candles are too few.

    Args:
        symbol: The market, for example `BTCUSDT`.
        candles: One-second candles in order of time. The last one may still be moving and is never used.
    """
    if not candles:
        return None
    bar_end = candles[-1].open_time // BAR_MILLISECONDS * BAR_MILLISECONDS
    closes = [candle.close for candle in candles if candle.open_time < bar_end][-LOOKBACK - 1 :]
    if len(closes) <= LOOKBACK or min(closes) <= 0:
        return None
    t = t_statistic([math.log(after / before) for before, after in pairwise(closes)])
    return Signal(
        symbol=symbol,
        action=_action(t),
        confidence=statistics.NormalDist().cdf(abs(t)),
        price=closes[-1],
        timestamp=datetime.fromtimestamp(bar_end / 1000, tz=UTC),
    )


def t_statistic(returns: Sequence[float]) -> float:
    """Return mean over standard error; 0 where the returns do not vary, since then nothing can be inferred."""
    deviation = statistics.stdev(returns)
    if deviation == 0:
        return 0.0
    return statistics.fmean(returns) / (deviation / math.sqrt(len(returns)))


def _action(t: float) -> str:
    if abs(t) < HOLD_BELOW:
        return "hold"
    return "buy" if t > 0 else "sell"
