"""The figures of a report, on series small enough to reckon by hand."""

from datetime import timedelta
from decimal import Decimal

from agents.model import ExitReason
from agents.trade_statistics import TradeTotals
from replay.book import Trade
from replay.figures import Point, average_holding_time, days_of, longest_streak, trade_totals
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


def test_trades_are_summed_by_their_result() -> None:
    trades = [trade("30"), trade("-10", hours=3), trade("0"), trade("-5")]

    assert trade_totals(trades) == TradeTotals(profit=Decimal(30), loss=Decimal(15), trades=4, won=1, lost=2)
    assert average_holding_time(trades) == timedelta(hours=1, minutes=30)


def test_without_trades_there_is_no_holding_time() -> None:
    assert trade_totals([]) == TradeTotals(Decimal(0), Decimal(0), 0, 0, 0)
    assert average_holding_time([]) is None


def test_a_streak_is_broken_by_any_other_result() -> None:
    trades = [trade(result, hours) for hours, result in enumerate(["1", "2", "0", "3", "-1", "-1", "-2", "4"])]

    assert longest_streak(trades, lambda result: result > 0) == 2
    assert longest_streak(trades, lambda result: result < 0) == 3
    assert longest_streak([], lambda result: result > 0) == 0


def test_one_sale_for_two_accounts_is_one_result_of_a_streak() -> None:
    assert longest_streak([trade("1"), trade("1"), trade("2", hours=2)], lambda result: result > 0) == 2


def test_days_close_at_midnight_whatever_lies_between() -> None:
    closes = [(START + timedelta(days=day), Decimal(each)) for day, each in enumerate(["100", "110", "99", "108.9"])]
    noons = [(at + timedelta(hours=12), Decimal(50)) for at, _ in closes[:-1]]
    days = days_of(sorted([*closes, *noons]))

    assert days.closes == closes
    assert days.returns == [Decimal("0.1"), Decimal("-0.1"), Decimal("0.1")]


def test_a_day_that_is_not_over_counts_with_what_it_has() -> None:
    points: list[Point] = [(START, Decimal(100)), (START + timedelta(hours=30), Decimal(120))]

    assert days_of(points).closes == points
