"""The figures of a report, on series small enough to reckon by hand."""

from datetime import timedelta
from decimal import Decimal

import pytest

from agents.model import ExitReason
from replay.book import Trade
from replay.figures import Point, deepest_drawdown, sharpe_ratio, trade_figures
from tests.unit.replay.scenes import START


def trade(result: str, hours: int = 1) -> Trade:
    return Trade(
        account_id="account-1",
        symbol="SOLUSDT",
        quantity=Decimal(1),
        cost=Decimal(100),
        proceeds=100 + Decimal(result),
        fees=Decimal("0.2"),
        reason=ExitReason.STOP,
        opened_at=START,
        closed_at=START + timedelta(hours=hours),
    )


def daily(*equity: str) -> list[Point]:
    return [(START + timedelta(days=day), Decimal(each)) for day, each in enumerate(equity)]


def test_trades_are_summed_by_their_result() -> None:
    figures = trade_figures([trade("30"), trade("-10", hours=3), trade("0"), trade("-5")])

    assert (figures.trades, figures.winning, figures.win_rate) == (4, 1, Decimal("0.25"))
    assert [figures.total_profit, figures.total_loss, figures.net_profit] == [30, 15, 15]
    assert [figures.profit_factor, figures.expectancy] == [2, Decimal("3.75")]
    assert [figures.best, figures.worst, figures.holding_time] == [30, -10, timedelta(hours=1, minutes=30)]


def test_without_trades_what_cannot_be_said_is_none() -> None:
    figures = trade_figures([])

    assert (figures.win_rate, figures.profit_factor, figures.expectancy) == (None, None, None)
    assert (figures.best, figures.worst, figures.holding_time) == (None, None, None)
    assert figures.net_profit == 0


def test_the_deepest_drawdown_is_told_with_its_dates() -> None:
    fall = deepest_drawdown(daily("100", "120", "90", "130", "117"))

    assert fall is not None
    assert (fall.depth, fall.peak_at, fall.trough_at) == (
        Decimal("0.25"),
        START + timedelta(days=1),
        START + timedelta(days=2),
    )
    assert deepest_drawdown(daily("100", "100", "101")) is None


def test_the_sharpe_ratio_is_of_daily_returns_whatever_lies_between() -> None:
    by_day = sharpe_ratio(daily("100", "110", "99", "108.9"))
    hours = [(at + timedelta(hours=12), Decimal(50)) for at, _ in daily("1", "1", "1")]
    by_hour = sharpe_ratio(sorted([*daily("100", "110", "99", "108.9"), *hours]))

    # Returns 0.1, -0.1, 0.1: mean 1/30, standard deviation sqrt(4/300).
    assert by_day == pytest.approx(Decimal((1 / 30) / (4 / 300) ** 0.5 * 365**0.5))
    assert by_hour == by_day


@pytest.mark.parametrize("equity", [("100",), ("100", "101"), ("100", "100", "100")])
def test_too_few_or_equal_days_have_no_sharpe_ratio(equity: tuple[str, ...]) -> None:
    assert sharpe_ratio(daily(*equity)) is None
