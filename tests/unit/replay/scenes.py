"""Candles and replays to vary one thing of."""

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path

from agents.model import Action, Signal
from agents.profiles import ORION, RiskProfile
from replay.candles import Bar, Candle
from replay.engine import Replay
from replay.markets import MARKETS

START = datetime(2026, 1, 1, tzinfo=UTC)
FIVE_MINUTES = timedelta(minutes=5)


def candle(  # the defaults are a market at rest
    opened: str = "100",
    high: str | None = None,
    low: str | None = None,
    close: str | None = None,
    *,
    symbol: str = "SOLUSDT",
    bar: int = 0,
    volume: str = "1000000",
) -> Candle:
    close = close or opened
    top, bottom = max(Decimal(opened), Decimal(close)), min(Decimal(opened), Decimal(close))
    return Candle(
        symbol,
        round((START + bar * FIVE_MINUTES).timestamp() * 1000),
        Decimal(opened),
        Decimal(high) if high else top,
        Decimal(low) if low else bottom,
        Decimal(close),
        Decimal(volume),
    )


def bar_of(*candles: Candle) -> Bar:
    at = datetime.fromtimestamp(candles[0].open_time / 1000, UTC)
    return Bar(at, at + FIVE_MINUTES, {each.symbol: each for each in candles})


def bars_of(*candles: Candle) -> list[Bar]:
    """One bar after another, of one candle each."""
    return [
        bar_of(each._replace(open_time=round((START + number * FIVE_MINUTES).timestamp() * 1000)))
        for number, each in enumerate(candles)
    ]


def signal(action: Action, bar: int, price: str = "100", symbol: str = "SOLUSDT", confidence: str = "0.9") -> Signal:
    """A signal that is due when the bar of that number opens."""
    at = START + bar * FIVE_MINUTES
    return Signal(f"{symbol}-{action}-{at:%H%M}", symbol, action, Decimal(confidence), Decimal(price), at)


class Script:
    """Signals by the moment at which they are due."""

    def __init__(self, *signals: Signal) -> None:
        self._signals = signals

    def due(self, now: datetime) -> list[Signal]:
        return [each for each in self._signals if each.at == now]

    def see(self, bar: Bar) -> None:
        """A script learns nothing."""


def replayed(
    bars: Sequence[Bar],
    *signals: Signal,
    profile: RiskProfile = ORION,
    deposits: Sequence[str] = ("10000",),
    seed: int = 1,
) -> Replay:
    replay = Replay(profile, MARKETS, [Decimal(each) for each in deposits], seed)
    replay.run(bars, Script(*signals))
    return replay


def written(folder: Path, *lines: str) -> Path:
    path = folder / "file.csv"
    path.write_text("\n".join(lines) + "\n")
    return path
