"""What running sums over closed trades say: how often it wins, and how much more than it loses.

A trade that brings nothing is neither won nor lost. What is not defined is None, but for the win rate.
"""

from dataclasses import dataclass
from decimal import Decimal

from agents.model import ZERO


@dataclass(frozen=True, slots=True)
class TradeTotals:
    """Sums over trades; ``profit`` and ``loss`` are both 0 or more."""

    profit: Decimal
    loss: Decimal
    trades: int
    won: int
    lost: int


def win_rate(totals: TradeTotals) -> Decimal:
    """Trades won over all trades, 0 without any: the platform does arithmetic on it."""
    return ratio(Decimal(totals.won), Decimal(totals.trades)) or ZERO


def average_win(totals: TradeTotals) -> Decimal | None:
    """Profit per trade won."""
    return ratio(totals.profit, Decimal(totals.won))


def average_loss(totals: TradeTotals) -> Decimal | None:
    """Loss per trade lost, 0 or more."""
    return ratio(totals.loss, Decimal(totals.lost))


def profit_factor(totals: TradeTotals) -> Decimal | None:
    """Gross profit over gross loss (R. Pardo, *The Evaluation and Optimization of Trading Strategies*, ch. 12)."""
    return ratio(totals.profit, totals.loss)


def payoff_ratio(totals: TradeTotals) -> Decimal | None:
    """Average win over average loss (Pardo, ch. 12)."""
    won, lost = average_win(totals), average_loss(totals)
    return ratio(won, lost) if won is not None and lost is not None else None


def expectancy(totals: TradeTotals) -> Decimal | None:
    """What a trade brings on average (V. K. Tharp, *Trade Your Way to Financial Freedom*, ch. 7), in money."""
    return ratio(totals.profit - totals.loss, Decimal(totals.trades))


def ratio(part: Decimal, whole: Decimal) -> Decimal | None:
    """One over the other; None if that is not defined."""
    return part / whole if whole else None
