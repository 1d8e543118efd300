"""Metrics of agents and accounts: what trading left in the running sums, and what the days say."""

from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest
from sqlalchemy import text

from journal import metrics, queries
from journal.flows import FlowRequest, deposit
from journal.queries import View
from tasks.measuring import sync_performance
from tests.integration.trading.conftest import World

TODAY = datetime.now(UTC).date()
DAY = timedelta(days=1)


def measured(world: World, agent: str, account_id: str | None = None) -> View:
    with world.services.book.reading() as session:
        view = queries.account_view(session, account_id) if account_id else queries.agent_views(session, [agent])[0]
        assert view is not None
        return metrics.metrics(session, view)


def trade(world: World, *prices: str) -> None:
    """Buy at 45000 and sell at each price, in turn, a day apart: after a loss an account waits."""
    for price in prices:
        age_trades(world)
        world.venue.pin_price("BTCUSDT", "45000")
        world.buy("atlas")
        world.venue.pin_price("BTCUSDT", price)
        world.tick("atlas")


def age_trades(world: World) -> None:
    """Move all trades to a day before, which the book itself refuses."""
    with world.services.book.unit_of_work() as session:
        session.execute(text("SET LOCAL session_replication_role = replica"))
        session.execute(
            text("UPDATE trading.trades SET opened_at = opened_at - :day, closed_at = closed_at - :day"), {"day": DAY}
        )


@pytest.fixture
def traded(world: World) -> World:
    """Three wins, two losses and a win of account a; b joined for the last two."""
    world.open_account("atlas", "1000", "a")
    trade(world, "47000", "48000", "47500", "43000")
    world.open_account("atlas", "3000", "b")
    trade(world, "42000", "47000")
    return world


def test_trades_leave_best_and_worst_streaks_fees_and_times(traded: World) -> None:
    a, b = measured(traded, "atlas", "a"), measured(traded, "atlas", "b")
    trades = traded.rows("SELECT * FROM trading.trades WHERE account_id = 'a' ORDER BY closed_at")
    legs = traded.one(
        "SELECT sum(l.fee_base * o.executed_cost / o.executed_quantity + l.fee_quote) AS fees, sum(l.cost) AS value "
        "FROM trading.legs l JOIN trading.orders o ON o.id = l.order_id WHERE l.account_id = 'a'"
    )
    profits = [row["profit_loss"] for row in trades]

    assert [profit > 0 for profit in profits] == [True, True, True, False, False, True]
    assert (a["best_trade"], a["worst_trade"], a["losing_trades"]) == (max(profits), min(profits), 2)
    assert (a["current_streak"], a["longest_winning_streak"], a["longest_losing_streak"]) == (1, 3, 2)
    assert (b["current_streak"], b["longest_winning_streak"], b["longest_losing_streak"]) == (1, 1, 1)
    assert a["average_win"] == a["total_profit"] / 4
    assert a["expectancy"] == sum(profits) / 6
    assert abs(a["fees"] - legs["fees"]) < Decimal("1e-12")
    assert a["traded_value"] == legs["value"]
    held = sum(((row["closed_at"] - row["opened_at"]) for row in trades), timedelta())
    assert abs(a["average_holding_seconds"] - Decimal(held / timedelta(seconds=6))) < Decimal("1e-5")
    assert abs(a["exposure_time"] - Decimal(held / timedelta(seconds=1)) / _age(traded)) < Decimal("0.1")


def _age(world: World) -> Decimal:
    row = world.one("SELECT extract(epoch FROM now() - opened_at) AS age FROM trading.accounts WHERE id = 'a'")
    return Decimal(row["age"])


def test_an_agent_sums_its_accounts_up_and_one_sale_for_all_is_one_result(traded: World) -> None:
    agent, a, b = measured(traded, "atlas"), measured(traded, "atlas", "a"), measured(traded, "atlas", "b")

    for name in ("total_profit", "total_loss", "total_trades", "fees", "traded_value"):
        assert agent[name] == a[name] + b[name], name
    assert agent["best_trade"] == max(a["best_trade"], b["best_trade"])
    assert agent["worst_trade"] == min(a["worst_trade"], b["worst_trade"])
    assert (agent["current_streak"], agent["longest_winning_streak"], agent["longest_losing_streak"]) == (1, 3, 2)


def test_exposure_goes_on_while_something_is_held(world: World) -> None:
    world.open_account("atlas", "1000", "a")
    world.buy("atlas")
    world.execute("UPDATE trading.accounts SET opened_at = now() - interval '100 seconds'")
    world.execute("UPDATE trading.account_stats SET exposed_since = now() - interval '50 seconds'")

    assert abs(measured(world, "atlas", "a")["exposure_time"] - Decimal("0.5")) < Decimal("0.02")


def test_sums_begun_by_the_migration_are_those_kept_since(traded: World) -> None:
    def sums() -> list[Any]:
        return [
            traded.rows(
                "SELECT subject.*, round(exposed_seconds, 3) AS exposed FROM trading.account_stats subject "
                "ORDER BY account_id"
            ),
            traded.rows("SELECT subject.* FROM trading.agent_stats subject"),
        ]

    migration: dict[str, Any] = {}
    with open("alembic/versions/0009_trade_stats.py", encoding="utf-8") as source:  # noqa: PTH123 - read as text
        exec(source.read().split("def streaks")[0].replace("from alembic import op", ""), migration)  # noqa: S102 - ours
    trade(traded, "45000")
    before = sums()
    traded.execute("DELETE FROM trading.account_stats")
    traded.execute("DELETE FROM trading.agent_stats")
    for statement in (migration["SUMS"], migration["AGENTS"]):
        traded.execute(statement)
    for table, key in (("account_stats", "account_id"), ("agent_stats", "agent")):
        for statement in (migration["EXPOSED"], migration["STREAKS"]):
            traded.execute(statement.format(table=table, key=key, subject=key))

    assert sums() == before


def test_reading_metrics_looks_at_no_trade_and_no_leg(traded: World) -> None:
    with traded.services.book.unit_of_work() as session:
        for table in ("trades", "legs", "fills", "shares"):
            session.execute(text(f"ALTER TABLE trading.{table} RENAME TO {table}_out_of_reach"))
        for view in (queries.account_view(session, "a"), queries.agent_views(session, ["atlas"])[0]):
            assert view is not None
            assert metrics.metrics(session, view)["total_trades"] > 0
        session.rollback()


def test_before_anything_happened_only_the_promised_numbers_are_numbers(world: World) -> None:
    world.open_account("atlas", "1000", "a")

    for account_id in (None, "a"):
        figures = measured(world, "atlas", account_id)
        for name in ("total_profit", "total_loss", "win_rate", "total_trades", "current_drawdown", "fees", "days"):
            assert figures[name] == 0, name
        for name in ("profit_factor", "expectancy", "average_win", "best_trade", "sharpe", "sortino", "calmar", "cagr"):
            assert figures[name] is None, name
        assert (figures["return_day"], figures["return_total"]) == (0, 0)


def test_an_agent_that_was_never_started_has_no_figures(world: World) -> None:
    figures = measured(world, "orion")

    assert (figures["total_trades"], figures["return_total"], figures["exposure_time"]) == (0, None, None)


def written_days(world: World) -> None:
    """Account a has three days behind it, of which the second lost a tenth and the third won a fifth."""
    world.open_account("atlas", "1000", "a")
    world.execute("UPDATE trading.accounts SET balance = 1080, cash = 1080, peak_equity = 1200")
    for ago, opening, profit in ((3, 0, 0), (2, 1000, -100), (1, 900, 180)):
        flows = 1000 if ago == 3 else 0
        row = {
            "day": TODAY - ago * DAY,
            "opening": opening,
            "flows": flows,
            "capital": opening + flows,
            "profit": profit,
            "closing": opening + flows + profit,
        }
        for table, columns, values in (
            ("account_days", "account_id, realised, trades, winning_trades,", "'a', 0, 0, 0,"),
            ("agent_days", "accounts,", "1,"),
        ):
            world.execute(
                f"INSERT INTO trading.{table} ({columns} agent, day, opening, net_flows, capital, profit_loss, closing) "  # noqa: S608 - ours
                f"VALUES ({values} 'atlas', :day, :opening, :flows, :capital, :profit, :closing)",
                **row,
            )
        world.execute(
            "INSERT INTO trading.synced_days (day, is_final, accounts, trades, net_flows, realised_profit) "
            "VALUES (:day, true, 1, 0, 0, 0)",
            day=row["day"],
        )
    moment = datetime.combine(TODAY - 3 * DAY, datetime.min.time(), UTC)
    with world.services.book.unit_of_work() as session:
        session.execute(text("SET LOCAL session_replication_role = replica"))
        session.execute(text("UPDATE trading.cash_flows SET created_at = :moment"), {"moment": moment})


@pytest.mark.parametrize("account_id", [None, "a"])
def test_days_give_returns_drawdowns_and_ratios(world: World, account_id: str | None) -> None:
    written_days(world)

    figures = measured(world, "atlas", account_id)

    assert figures["days"] == 3
    assert (figures["return_day"], figures["return_week"], figures["return_total"]) == (
        0,
        Decimal("0.08"),
        Decimal("0.08"),
    )
    assert figures["max_drawdown"] == Decimal("0.1")
    assert figures["max_drawdown_from"] == TODAY - 3 * DAY
    assert figures["max_drawdown_to"] == TODAY - 2 * DAY
    assert figures["max_drawdown_recovered"] == TODAY - DAY
    assert figures["cagr"] > 0
    assert figures["sharpe"] > 0


def test_a_deposit_of_today_is_no_return(world: World) -> None:
    written_days(world)
    with world.services.book.unit_of_work() as session:
        deposit(session, FlowRequest("a", Decimal(920), "d"), actor="test")
        session.execute(text("UPDATE trading.accounts SET cash = cash + 200, balance = balance + 200"))

    figures = measured(world, "atlas", "a")

    assert figures["return_day"] == Decimal("0.1")
    assert abs(figures["return_total"] - Decimal("0.188")) < Decimal("1e-20")


def test_a_present_fall_that_is_deeper_than_any_between_closes_is_the_deepest(world: World) -> None:
    written_days(world)
    world.execute("UPDATE trading.accounts SET peak_equity = 2160")

    figures = measured(world, "atlas", "a")

    assert (figures["current_drawdown"], figures["max_drawdown"]) == (Decimal("0.5"), Decimal("0.5"))
    assert (figures["max_drawdown_to"], figures["max_drawdown_recovered"]) == (TODAY, None)


def test_metrics_and_snapshots_tell_the_same_story(world: World) -> None:
    world.open_account("atlas", "1000", "a")
    trade(world, "47000")
    sync_performance(world.services, TODAY, lambda _progress: None)
    world.execute("UPDATE trading.synced_days SET is_final = true")

    figures = measured(world, "atlas", "a")

    snapshot = world.one(
        "SELECT profit_loss FROM investment.performance_snapshots WHERE account_id = 'a' AND period_type = 'daily'"
    )
    assert figures["return_total"] == snapshot["profit_loss"] / 1000
