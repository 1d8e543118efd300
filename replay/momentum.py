"""Signals where none are recorded: momentum as a t-statistic, how surprising the last returns were without a drift.

Method: t = mean / (standard deviation / sqrt(n)) of the last n log returns of a symbol's closes (the ordinary
one-sample t-statistic); confidence = Phi(|t|), the chance under the normal approximation that the drift has the sign it
shows. Below ``SILENT_BELOW`` the model says nothing. Sums are carried along, so a candle costs the same for any n.

It shows what the agents do with signals. It is no advice to trade.
"""

import math
from collections import deque
from datetime import datetime
from decimal import Decimal

from agents.model import Action, Signal
from replay.candles import Bar

LOOKBACK = 288
"""Returns looked at: a day of five-minute candles."""
SILENT_BELOW = 1.0
"""Smaller |t| says too little about the direction."""

_STEPS = 10_000
_CONFIDENCES = tuple(Decimal(step) / _STEPS for step in range(_STEPS + 1))
_SQRT_2 = math.sqrt(2)


class Momentum:
    """At most one signal per symbol and candle, known when the candle closes."""

    def __init__(self) -> None:
        self._symbols: dict[str, _Returns] = {}
        self._next: list[Signal] = []

    def due(self, _now: datetime) -> list[Signal]:
        """The signals of the bar seen last."""
        return self._next

    def see(self, bar: Bar) -> None:
        """Learn the bar's closes."""
        self._next = []
        for symbol, candle in bar.candles.items():
            returns = self._symbols.get(symbol)
            if returns is None:
                returns = self._symbols[symbol] = _Returns()
            t = returns.t_after(float(candle.close))
            if t is not None and abs(t) >= SILENT_BELOW:
                name = f"momentum-{symbol}-{candle.open_time}"
                action = Action.BUY if t > 0 else Action.SELL
                self._next.append(Signal(name, symbol, action, _confidence(t), candle.close, bar.ends))


class _Returns:
    """The last log returns of one symbol, with their sum and the sum of their squares."""

    __slots__ = ("_close", "_returns", "_squares", "_sum")

    def __init__(self) -> None:
        self._close = 0.0
        self._returns: deque[float] = deque()
        self._sum = 0.0
        self._squares = 0.0

    def t_after(self, close: float) -> float | None:
        """The t-statistic with the return to ``close``; None while there are too few returns."""
        before, self._close = self._close, close
        if not before:
            return None
        change = math.log(close / before)
        self._returns.append(change)
        self._sum += change
        self._squares += change * change
        if len(self._returns) <= LOOKBACK:
            return None
        oldest = self._returns.popleft()
        self._sum -= oldest
        self._squares -= oldest * oldest
        mean = self._sum / LOOKBACK
        variance = (self._squares - self._sum * mean) / (LOOKBACK - 1)
        # Returns that are all the same leave a variance of rounding errors only.
        if variance <= 1e-18:
            return 0.0
        return mean / math.sqrt(variance / LOOKBACK)


def _confidence(t: float) -> Decimal:
    """The normal distribution's value at |t|, to four decimals."""
    return _CONFIDENCES[round((1 + math.erf(abs(t) / _SQRT_2)) / 2 * _STEPS)]
