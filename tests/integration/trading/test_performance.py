"""The daily snapshots that the platform reads."""

from collections.abc import Mapping
from datetime import UTC, date, datetime, timedelta
from itertools import pairwise
from typing import Any

from sqlalchemy import text

from journal import performance
from tests.integration.trading.conftest import World

SNAPSHOTS = """
SELECT account_id, snapshot_date, period_type, opening_balance, closing_balance, profit_loss, total_trades, winning_trades
FROM investment.performance_snapshots ORDER BY account_id, snapshot_date
"""


def rewrite(world: World, statement: str, **parameters: object) -> None:
    """Change the past, which the book itself refuses."""
    with world.services.book.unit_of_work() as session:
        session.execute(text("SET LOCAL session_replication_role = replica"))
        session.execute(text(statement), parameters)


def sync(world: World, day: date) -> list[Mapping[str, Any]]:
    with world.services.book.unit_of_work() as session:
        performance.sync_day(session, day)
    return world.rows(SNAPSHOTS)


def a_day_of_trading(world: World) -> date:
    """One account wins and then loses, the other only waits; all of it moved to one day of the past."""
    world.open_account("atlas", "1000", "a")
    world.open_account("nova", "500", "b")
    for price in ("47000", "44000"):
        world.buy("atlas")
        world.venue.pin_price("BTCUSDT", price)
        world.tick("atlas")
    day = datetime.now(UTC).date() - timedelta(days=3)
    noon = datetime(day.year, day.month, day.day, 12, tzinfo=UTC)
    rewrite(world, "UPDATE trading.trades SET closed_at = :noon", noon=noon)
    rewrite(world, "UPDATE trading.cash_flows SET created_at = :noon", noon=noon)
    return day


def test_a_snapshot_says_what_the_day_brought(world: World) -> None:
    day = a_day_of_trading(world)

    rows = sync(world, day)

    account = world.one("SELECT balance, total_profit, total_loss FROM trading.accounts WHERE id = 'a'")
    assert [row["account_id"] for row in rows] == ["a", "b"]
    assert rows[0] == {
        "account_id": "a",
        "snapshot_date": day,
        "period_type": "daily",
        "opening_balance": 0,
        "closing_balance": account["balance"],
        "profit_loss": account["total_profit"] - account["total_loss"],
        "total_trades": 2,
        "winning_trades": 1,
    }
    assert (rows[1]["closing_balance"], rows[1]["profit_loss"], rows[1]["total_trades"]) == (500, 0, 0)


def test_closing_less_opening_is_profit_and_loss_plus_the_days_flows(world: World) -> None:
    day = a_day_of_trading(world)
    rewrite(
        world,
        """
        INSERT INTO trading.cash_flows (account_id, flow_type, amount, reference_id, created_at)
        SELECT 'a', 'withdrawal', 100, 'w', created_at + interval '1 day' FROM trading.cash_flows WHERE account_id = 'a'""",
    )
    flows = {day: {"a": 1000, "b": 500}, day + timedelta(days=1): {"a": -100, "b": 0}}

    for offset in range(3):
        sync(world, day + timedelta(days=offset))

    rows = world.rows(SNAPSHOTS)
    assert len(rows) == 6
    for row in rows:
        flow = flows.get(row["snapshot_date"], {}).get(row["account_id"], 0)
        assert row["closing_balance"] - row["opening_balance"] == row["profit_loss"] + flow
    for account in ("a", "b"):
        days = [row for row in rows if row["account_id"] == account]
        for earlier, later in pairwise(days):
            assert later["opening_balance"] == earlier["closing_balance"]


def test_syncing_a_day_again_changes_nothing(world: World) -> None:
    day = a_day_of_trading(world)

    assert sync(world, day) == sync(world, day)


def test_syncing_a_day_again_corrects_what_came_in_since(world: World) -> None:
    day = a_day_of_trading(world)
    sync(world, day)
    rewrite(world, "UPDATE trading.cash_flows SET amount = 600 WHERE account_id = 'b'")

    assert sync(world, day)[1]["closing_balance"] == 600


def test_a_day_before_an_account_existed_has_no_snapshot_of_it(world: World) -> None:
    day = a_day_of_trading(world)

    assert sync(world, day - timedelta(days=1)) == []


def test_a_trade_at_midnight_belongs_to_the_day_that_begins(world: World) -> None:
    day = a_day_of_trading(world)
    midnight = datetime(day.year, day.month, day.day, tzinfo=UTC) + timedelta(days=1)
    rewrite(world, "UPDATE trading.trades SET closed_at = :midnight", midnight=midnight)

    assert sync(world, day)[0]["total_trades"] == 0
    assert sync(world, day + timedelta(days=1))[1]["total_trades"] == 2
