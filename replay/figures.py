"""The metrics of a replay by the names and formulas of the service's own; what is not defined is None."""

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal
from itertools import groupby, pairwise

from agents.model import ZERO
from agents.trade_statistics import TradeTotals
from replay.book import Trade

Point = tuple[datetime, Decimal]


@dataclass(frozen=True, slots=True)
class Days:
    """Equity at the start and at the end of every UTC day, and the returns between."""

    closes: Sequence[Point]
    returns: Sequence[Decimal]


def days_of(points: Sequence[Point]) -> Days:
    """An equity curve by days; what comes at midnight closes the day before, and the last day may be a part of one."""
    closes = [points[0], *_last_of_each_day(points[1:])]
    return Days(closes, [after / before - 1 for (_, before), (_, after) in pairwise(closes)])


def _last_of_each_day(points: Sequence[Point]) -> Iterator[Point]:
    for _, day in groupby(points, key=lambda point: (point[0] - timedelta(microseconds=1)).date()):
        *_, last = day
        yield last


def trade_totals(trades: Sequence[Trade]) -> TradeTotals:
    """Sums over closed trades."""
    results = [trade.profit_loss for trade in trades]
    won = [result for result in results if result > 0]
    lost = [result for result in results if result < 0]
    return TradeTotals(sum(won, ZERO), -sum(lost, ZERO), len(results), len(won), len(lost))


def longest_streak(trades: Iterable[Trade], belongs: Callable[[Decimal], bool]) -> int:
    """The most trades in a row whose result ``belongs``; one sale for all accounts is one result."""
    sales = groupby(trades, key=lambda trade: (trade.symbol, trade.closed_at, trade.reason))
    results = (sum((trade.profit_loss for trade in sale), ZERO) for _, sale in sales)
    return max((len(list(run)) for is_of, run in groupby(results, key=belongs) if is_of), default=0)


def average_holding_time(trades: Sequence[Trade]) -> timedelta | None:
    """From entry to exit."""
    held = sum((trade.closed_at - trade.opened_at for trade in trades), timedelta(0))
    return held / len(trades) if trades else None
