"""Every formula agrees with empyrical, a library that others trust, and is None where nothing is defined."""

import math
import random
from datetime import date, timedelta
from decimal import Decimal
from typing import Any

import empyrical  # type: ignore[import-untyped]  # ships no types
import numpy as np
import pytest

from agents import performance, trade_statistics
from agents.performance import Day, Drawdown
from agents.trade_statistics import TradeTotals

TOLERANCE = 1e-9


def walk(seed: int, length: int, drift: float, width: float) -> list[Decimal]:
    source = random.Random(seed)
    return [Decimal(repr(round(source.gauss(drift, width), 12))) for _ in range(length)]


GOLDEN = {
    "a year that rises": walk(1, 365, 0.002, 0.01),
    "a year that falls": walk(2, 365, -0.002, 0.02),
    "three wild years": walk(3, 1095, 0.0005, 0.08),
    "two days": [Decimal("0.01"), Decimal("-0.02")],
    "a fall at once": [Decimal("-0.5"), Decimal("0.1"), Decimal("0.2")],
    "nearly everything lost": [Decimal("0.1"), Decimal("-0.999"), Decimal("0.3")],
}
FORMULAS = {
    "time_weighted_return": empyrical.cum_returns_final,
    "annual_growth": lambda r: empyrical.cagr(r, annualization=365),
    "volatility": lambda r: empyrical.annual_volatility(r, annualization=365),
    "sharpe": lambda r: empyrical.sharpe_ratio(r, annualization=365),
    "sortino": lambda r: empyrical.sortino_ratio(r, annualization=365),
    "calmar": lambda r: empyrical.calmar_ratio(r, annualization=365),
}


def close(ours: Decimal | None, theirs: Any) -> bool:  # noqa: ANN401 - the library has no types
    assert ours is not None
    return math.isclose(float(ours), float(theirs), rel_tol=TOLERANCE, abs_tol=TOLERANCE)


@pytest.mark.parametrize("series", GOLDEN)
@pytest.mark.parametrize("formula", FORMULAS)
def test_a_formula_agrees_with_empyrical(formula: str, series: str) -> None:
    returns = GOLDEN[series]

    theirs = FORMULAS[formula](np.array([float(change) for change in returns]))

    assert close(getattr(performance, formula)(returns), theirs)


@pytest.mark.parametrize("series", GOLDEN)
def test_the_deepest_drawdown_agrees_with_empyrical(series: str) -> None:
    deepest = performance.deepest_drawdown(GOLDEN[series])

    assert deepest is not None
    assert close(-deepest.depth, empyrical.max_drawdown(np.array([float(change) for change in GOLDEN[series]])))


@pytest.mark.parametrize("formula", FORMULAS)
def test_nothing_is_defined_without_a_day(formula: str) -> None:
    assert getattr(performance, formula)([]) is None


@pytest.mark.parametrize("formula", ["volatility", "sharpe", "sortino", "calmar"])
def test_risk_is_not_defined_after_one_day_that_rose(formula: str) -> None:
    assert getattr(performance, formula)([Decimal("0.01")]) is None


@pytest.mark.parametrize("formula", ["sharpe", "sortino", "calmar"])
def test_a_ratio_to_no_risk_is_not_defined(formula: str) -> None:
    assert getattr(performance, formula)([Decimal("0.01")] * 10) is None


def test_whoever_lost_everything_has_lost_all_of_it_every_year() -> None:
    assert performance.annual_growth([Decimal("0.5"), Decimal(-1)]) == -1


def test_a_drawdown_says_where_it_began_where_it_was_deepest_and_where_it_ended() -> None:
    changes = ["0.1", "-0.2", "0.05", "-0.1", "0.5", "-0.01"]

    deepest = performance.deepest_drawdown([Decimal(change) for change in changes])

    assert deepest == Drawdown(Decimal("0.244"), peak=1, trough=4, recovered=5)
    assert performance.deepest_drawdown([Decimal("-0.1")]) == Drawdown(Decimal("0.1"), 0, 1, None)


def test_the_last_peak_is_the_latest_of_equal_ones() -> None:
    assert performance.last_peak([Decimal(0), Decimal("-0.5"), Decimal(1)]) == 3
    assert performance.last_peak([Decimal(1), Decimal("-0.5")]) == 1


def test_money_paid_in_or_out_is_no_return_and_a_day_without_money_is_none() -> None:
    capitals = [(1000, 10), (2000, 20), (0, 0), (1500, -15)]
    days = [
        Day(date(2026, 1, 1) + timedelta(days=n), Decimal(capital), Decimal(profit), Decimal(0))
        for n, (capital, profit) in enumerate(capitals)
    ]

    assert performance.returns_of(days) == [Decimal("0.01"), Decimal("0.01"), Decimal("-0.01")]


def test_trade_ratios_are_those_of_the_sums() -> None:
    totals = TradeTotals(profit=Decimal(300), loss=Decimal(100), trades=10, won=6, lost=3)

    assert trade_statistics.win_rate(totals) == Decimal("0.6")
    assert trade_statistics.average_win(totals) == 50
    assert close(trade_statistics.average_loss(totals), 100 / 3)
    assert trade_statistics.profit_factor(totals) == 3
    assert close(trade_statistics.payoff_ratio(totals), 1.5)
    assert trade_statistics.expectancy(totals) == 20


def test_without_trades_only_the_win_rate_is_a_number() -> None:
    none = TradeTotals(Decimal(0), Decimal(0), 0, 0, 0)

    assert trade_statistics.win_rate(none) == 0
    for formula in ("average_win", "average_loss", "profit_factor", "payoff_ratio", "expectancy"):
        assert getattr(trade_statistics, formula)(none) is None
