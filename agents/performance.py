"""What a series of days says of performance: growth, drawdown, and the ratios that weigh one against the other.

All of it from daily returns, so that money paid in or out changes nothing. What is not defined for a
series, such as a ratio to a deviation of zero, is None. Markets of crypto assets have no holidays: a
year has 365 days.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal

from agents.model import ONE, ZERO

DAYS_PER_YEAR = 365

Returns = Sequence[Decimal]
"""One number per day, 0.01 being one percent."""


@dataclass(frozen=True, slots=True)
class Day:
    """What one day was worth: ``profit_loss`` was earned with ``capital``, the opening and all that came in."""

    day: date
    capital: Decimal
    profit_loss: Decimal
    closing: Decimal


@dataclass(frozen=True, slots=True)
class Drawdown:
    """The fall of an index of growth from a peak, as a fraction of it.

    Positions count returns: 0 is the start of the series, n is after its nth return. ``recovered`` is where
    the index was at the peak's height again, None if it never was.
    """

    depth: Decimal
    peak: int
    trough: int
    recovered: int | None


def returns_of(days: Sequence[Day]) -> list[Decimal]:
    """Each day's return on its capital; days without any are left out.

    What comes in counts from the day's beginning, what goes out until its end, as the CFA Institute's *Global
    Investment Performance Standards* allow for portfolios that are valued daily.
    """
    return [day.profit_loss / day.capital for day in days if day.capital > 0]


def growth(returns: Returns) -> list[Decimal]:
    """What one unit became: 1 at the start, then after each return (the geometric link of a time-weighted return)."""
    index = [ONE]
    for change in returns:
        index.append(index[-1] * (ONE + change))
    return index


def time_weighted_return(returns: Returns) -> Decimal | None:
    """The product of all growth less one (Bacon, *Practical Portfolio Performance Measurement*, 2nd ed., 2.4)."""
    return growth(returns)[-1] - ONE if returns else None


def annual_growth(returns: Returns) -> Decimal | None:
    """Compound annual growth rate: total growth to the power of days per year over days, less one (Bacon, 2.5)."""
    if not returns:
        return None
    total = growth(returns)[-1]
    return total ** (Decimal(DAYS_PER_YEAR) / len(returns)) - ONE if total > 0 else -ONE


def volatility(returns: Returns) -> Decimal | None:
    """Annualised sample standard deviation of daily returns (Bacon, 4.1)."""
    deviation = _deviation(returns)
    return None if deviation is None else deviation * Decimal(DAYS_PER_YEAR).sqrt()


def sharpe(returns: Returns) -> Decimal | None:
    """Mean daily return over its standard deviation, annualised; riskless interest counts as zero.

    W. F. Sharpe, *The Sharpe Ratio*, Journal of Portfolio Management 21 (1994).
    """
    deviation = _deviation(returns)
    return _mean(returns) / deviation * Decimal(DAYS_PER_YEAR).sqrt() if deviation else None


def sortino(returns: Returns) -> Decimal | None:
    """Mean daily return over its downside deviation from zero, annualised.

    F. A. Sortino and L. N. Price, *Performance Measurement in a Downside Risk Framework*, Journal of Investing 3 (1994).
    """
    if not returns:
        return None
    downside = _mean([min(change, ZERO) ** 2 for change in returns]).sqrt()
    return _mean(returns) / downside * Decimal(DAYS_PER_YEAR).sqrt() if downside else None


def calmar(returns: Returns) -> Decimal | None:
    """Annual growth over the deepest drawdown (T. W. Young, *Calmar Ratio: A Smoother Tool*, Futures 20, 1991)."""
    rate, deepest = annual_growth(returns), deepest_drawdown(returns)
    return rate / deepest.depth if rate is not None and deepest is not None else None


def deepest_drawdown(returns: Returns) -> Drawdown | None:
    """The deepest fall from a peak, the start being one (Bacon, 4.4); None if growth never fell."""
    index = growth(returns)
    peak, deepest = 0, None
    for position, height in enumerate(index):
        if height >= index[peak]:
            peak = position
            continue
        depth = ONE - height / index[peak]
        if deepest is None or depth > deepest.depth:
            deepest = Drawdown(depth, peak, position, None)
    if deepest is None:
        return None
    after = range(deepest.trough + 1, len(index))
    recovered = next((position for position in after if index[position] >= index[deepest.peak]), None)
    return Drawdown(deepest.depth, deepest.peak, deepest.trough, recovered)


def last_peak(returns: Returns) -> int:
    """Where growth was highest, the last time that it was: 0 is the start of the series."""
    index = growth(returns)
    return max(range(len(index)), key=lambda position: (index[position], position))


def _mean(numbers: Returns) -> Decimal:
    return sum(numbers, ZERO) / len(numbers)


def _deviation(returns: Returns) -> Decimal | None:
    """The sample's standard deviation; None for fewer than two."""
    if len(returns) < 2:
        return None
    mean = _mean(returns)
    return (sum(((change - mean) ** 2 for change in returns), ZERO) / (len(returns) - 1)).sqrt()
