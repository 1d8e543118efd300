"""Equity over time: points at ticks and from the ledger, daily closes, drawdowns that flows do not touch."""

from datetime import UTC, datetime, time, timedelta
from decimal import Decimal

import pytest
from sqlalchemy import text

from agents.model import Quote
from journal import equity, holdings, performance, queries
from journal.equity import Curve
from journal.flows import FlowRequest, deposit
from tasks.measuring import sync_performance
from tests.integration.trading.conftest import World

NOW = datetime.now(UTC)
YESTERDAY = datetime.combine(NOW.date() - timedelta(days=1), time(), UTC)
HOUR = timedelta(hours=1)


def curve(world: World, agent: str, account_id: str | None = None, days: int = 90) -> Curve:
    with world.services.book.reading() as session:
        view = queries.account_view(session, account_id) if account_id else queries.agent_views(session, [agent])[0]
        assert view is not None
        return equity.curve(session, view, days)


def rewrite(world: World, statement: str, **parameters: object) -> None:
    """Change the past, which the book itself refuses."""
    with world.services.book.unit_of_work() as session:
        session.execute(text("SET LOCAL session_replication_role = replica"))
        session.execute(text(statement), parameters)


def quote(world: World, bid: str, moment: datetime) -> None:
    with world.services.book.unit_of_work() as session:
        holdings.store_marks(session, [Quote("BTCUSDT", Decimal(bid), Decimal(bid), moment)])


@pytest.fixture
def held(world: World) -> World:
    """Account a was opened at the beginning of the day before yesterday, bought an hour later, and holds."""
    world.open_account("nova", "1000", "a")
    world.buy("nova")
    opened = YESTERDAY - 24 * HOUR
    rewrite(world, "UPDATE trading.cash_flows SET created_at = :opened", opened=opened)
    rewrite(world, "UPDATE trading.accounts SET opened_at = :opened", opened=opened)
    rewrite(world, "UPDATE trading.positions SET opened_at = :moment", moment=opened + HOUR)
    rewrite(world, "DELETE FROM trading.mark_history")
    return world


def test_every_tick_leaves_one_point_a_minute(world: World) -> None:
    world.open_account("atlas", "1000", "a")
    world.tick("atlas")
    world.tick("atlas")

    rows = world.rows("SELECT agent, at, equity, drawdown FROM trading.equity_points ORDER BY at")

    assert 1 <= len(rows) <= 2
    assert (rows[-1]["agent"], rows[-1]["equity"], rows[-1]["drawdown"]) == ("atlas", 1000, 0)
    assert rows[-1]["at"].second == 0


def test_an_agents_curve_has_a_point_for_ten_minutes_and_ends_now(world: World) -> None:
    world.open_account("atlas", "1000", "a")
    for minutes, worth in ((-30, 1), (0, 990), (5, 980), (9, 985), (10, 995)):
        world.execute(
            "INSERT INTO trading.equity_points VALUES ('atlas', :at, :equity, 0.01)",
            at=YESTERDAY + timedelta(minutes=minutes),
            equity=worth,
        )

    points = curve(world, "atlas").points

    assert [point.equity for point in points] == [985, 995, 1000]
    assert points[-1].at >= NOW


def test_an_accounts_curve_follows_the_prices_of_the_time(held: World) -> None:
    position = held.one("SELECT quantity, cost FROM trading.positions")
    quantity, cost = Decimal(position["quantity"]), Decimal(position["cost"])
    quote(held, "46000", YESTERDAY - HOUR)
    quote(held, "40000", YESTERDAY + HOUR)

    points = curve(held, "nova", "a").points

    def worth(bid: int) -> Decimal:
        return round(1000 - cost + quantity * bid, 8)

    by_time = {point.at: point for point in points}
    assert by_time[YESTERDAY].equity == worth(46000)
    assert by_time[YESTERDAY + 2 * HOUR].equity == worth(40000)
    assert abs(by_time[YESTERDAY + 2 * HOUR].drawdown - (1 - worth(40000) / worth(46000))) < Decimal("1e-20")
    assert points[1].at - points[0].at == timedelta(minutes=10)


def test_a_deposit_lifts_the_curve_and_leaves_the_drawdown(held: World) -> None:
    quote(held, "45000", YESTERDAY - HOUR)
    quote(held, "40000", YESTERDAY)
    with held.services.book.unit_of_work() as session:
        deposit(session, FlowRequest("a", Decimal(5000), "d"), actor="test")
    moment = YESTERDAY + HOUR / 2
    rewrite(held, "UPDATE trading.cash_flows SET created_at = :moment WHERE reference_id = 'd'", moment=moment)

    by_time = {point.at: point for point in curve(held, "nova", "a").points}

    before, after = by_time[YESTERDAY + HOUR / 3], by_time[YESTERDAY + HOUR]
    assert after.equity - before.equity == 5000
    assert after.drawdown == before.drawdown > 0


def test_closes_carry_growth_and_drawdown_and_are_limited_to_the_newest(held: World) -> None:
    quote(held, "46000", YESTERDAY - HOUR)
    quote(held, "40000", YESTERDAY + HOUR)
    sync_performance(held.services, None, lambda _progress: None)

    closes = curve(held, "nova", "a").closes

    assert [close.date for close in closes] == [(YESTERDAY - HOUR).date(), YESTERDAY.date()]
    first, second = closes
    assert [close.net_flows for close in closes] == [1000, 0]
    assert second.equity == first.equity + second.profit_loss
    assert second.drawdown > first.drawdown == 0
    assert abs(second.growth - (second.equity / 1000 - 1)) < Decimal("1e-20")
    assert curve(held, "nova", "a", days=1).closes == [second]
    assert [close.equity for close in curve(held, "nova").closes] == [first.equity, second.equity]


def test_the_points_of_an_account_go_on_from_its_closes(held: World) -> None:
    quote(held, "46000", YESTERDAY - HOUR)
    quote(held, "40000", YESTERDAY + 23 * HOUR)
    sync_performance(held.services, None, lambda _progress: None)

    found = curve(held, "nova", "a")

    midnight = next(point for point in found.points if point.at == YESTERDAY + 24 * HOUR)
    assert midnight.equity == found.closes[-1].equity
    assert abs(midnight.drawdown - found.closes[-1].drawdown) < Decimal("1e-20")


def test_older_points_of_agents_are_thinned_out_to_the_last_of_each_hour(world: World) -> None:
    world.open_account("atlas", "1000", "a")
    for minutes in (0, 59, 60):
        world.execute(
            "INSERT INTO trading.equity_points VALUES ('atlas', :at, :equity, 0)",
            at=YESTERDAY - 48 * HOUR + timedelta(minutes=minutes),
            equity=minutes,
        )

    with world.services.book.unit_of_work() as session:
        performance.thin_out(session)

    assert [row["equity"] for row in world.rows("SELECT equity FROM trading.equity_points ORDER BY at")] == [59, 60]
