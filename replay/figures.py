"""The figures of a replay, from its closed trades and its equity; what cannot be said is None."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal
from itertools import pairwise

from agents.model import ZERO
from replay.book import Trade

Point = tuple[datetime, Decimal]

_DAYS_A_YEAR = 365
"""Crypto markets never close, so a year has 365 daily returns."""


@dataclass(frozen=True, slots=True)
class Drawdown:
    """The deepest fall of equity below its highest before, as a fraction of that, and between which moments."""

    depth: Decimal
    peak_at: datetime
    trough_at: datetime


@dataclass(frozen=True, slots=True)
class TradeFigures:
    """What closed trades say; amounts in quote, after commissions."""

    trades: int
    winning: int
    total_profit: Decimal
    total_loss: Decimal
    best: Decimal | None
    worst: Decimal | None
    holding_time: timedelta | None

    @property
    def net_profit(self) -> Decimal:
        """Profits less losses."""
        return self.total_profit - self.total_loss

    @property
    def win_rate(self) -> Decimal | None:
        """Share of trades with a profit."""
        return Decimal(self.winning) / self.trades if self.trades else None

    @property
    def profit_factor(self) -> Decimal | None:
        """Profits over losses."""
        return self.total_profit / self.total_loss if self.total_loss else None

    @property
    def expectancy(self) -> Decimal | None:
        """Average result of a trade."""
        return self.net_profit / self.trades if self.trades else None


def trade_figures(trades: Sequence[Trade]) -> TradeFigures:
    """The figures of all given trades."""
    results = [trade.profit_loss for trade in trades]
    held = sum((trade.closed_at - trade.opened_at for trade in trades), timedelta(0))
    return TradeFigures(
        trades=len(trades),
        winning=sum(result > 0 for result in results),
        total_profit=sum((result for result in results if result > 0), ZERO),
        total_loss=-sum((result for result in results if result < 0), ZERO),
        best=max(results, default=None),
        worst=min(results, default=None),
        holding_time=held / len(trades) if trades else None,
    )


def deepest_drawdown(points: Sequence[Point]) -> Drawdown | None:
    """The deepest one of an equity curve; None where equity never fell."""
    deepest = None
    peak_at, peak = points[0]
    for at, equity in points:
        if equity > peak:
            peak_at, peak = at, equity
        elif equity < peak and (deepest is None or 1 - equity / peak > deepest.depth):
            deepest = Drawdown(1 - equity / peak, peak_at, at)
    return deepest


def sharpe_ratio(points: Sequence[Point]) -> Decimal | None:
    """Mean over standard deviation of daily returns, times the root of 365, without a risk-free rate.

    Source: W. F. Sharpe, "The Sharpe Ratio", Journal of Portfolio Management, 1994. None below three days, or if
    returns do not vary.
    """
    closes = list(_daily_closes(points))
    returns = [after / before - 1 for before, after in pairwise(closes)]
    if len(returns) < 2:
        return None
    mean = sum(returns, ZERO) / len(returns)
    variance = sum(((each - mean) ** 2 for each in returns), ZERO) / (len(returns) - 1)
    return mean / variance.sqrt() * Decimal(_DAYS_A_YEAR).sqrt() if variance else None


def _daily_closes(points: Sequence[Point]) -> Iterator[Decimal]:
    """The equity at the start, and the last one of each UTC day."""
    yield points[0][1]
    for (at, equity), (following, _) in pairwise(points[1:]):
        # A point at midnight closes the day before it.
        if _day(at) != _day(following):
            yield equity
    if len(points) > 1:
        yield points[-1][1]


def _day(at: datetime) -> int:
    return (at - timedelta(microseconds=1)).toordinal()
