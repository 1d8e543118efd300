"""The daily, weekly and monthly snapshots that the platform reads."""

from collections.abc import Mapping
from datetime import UTC, date, datetime, time, timedelta
from decimal import Decimal
from itertools import pairwise
from typing import Any

import pytest
from sqlalchemy import text

from agents.errors import InvalidInputError
from agents.model import Quote
from journal import holdings, performance
from journal.flows import FlowRequest, deposit
from tasks.measuring import sync_performance
from tests.integration.trading.conftest import World

ROWS = """
SELECT account_id, snapshot_date, period_type, opening_balance, closing_balance, profit_loss, total_trades, winning_trades
FROM investment.performance_snapshots WHERE period_type = :period ORDER BY account_id, snapshot_date
"""
DAY = timedelta(days=1)
TODAY = datetime.now(UTC).date()
FIRST = TODAY - 3 * DAY
"""The day on which the tests' accounts trade."""

Row = Mapping[str, Any]


def at(day: date, hour: int = 12) -> datetime:
    return datetime.combine(day, time(hour), UTC)


def rewrite(world: World, statement: str, **parameters: object) -> None:
    """Change the past, which the book itself refuses."""
    with world.services.book.unit_of_work() as session:
        session.execute(text("SET LOCAL session_replication_role = replica"))
        session.execute(text(statement), parameters)


def move(world: World, moment: datetime) -> None:
    """Have everything that happened so far happen at one moment."""
    for table, column in (
        ("trades", "closed_at"),
        ("trades", "opened_at"),
        ("positions", "opened_at"),
        ("cash_flows", "created_at"),
        ("assignments", "started_at"),
    ):
        rewrite(world, f"UPDATE trading.{table} SET {column} = :moment", moment=moment)  # noqa: S608 - our own names
    rewrite(world, "DELETE FROM trading.mark_history")


def quote(world: World, bid: str, moment: datetime) -> None:
    price = Decimal(bid)
    with world.services.book.unit_of_work() as session:
        holdings.store_marks(session, [Quote("BTCUSDT", price, price, moment)])


def sync(world: World, day: date | None = None) -> tuple[str, list[str]]:
    shown: list[str] = []
    return sync_performance(world.services, day, shown.append), shown


def rows(world: World, period: str = "daily", account_id: str | None = None) -> list[Row]:
    found = world.rows(ROWS, period=period)
    return [row for row in found if account_id in {None, row["account_id"]}]


@pytest.fixture
def traded(world: World) -> World:
    """On one day of the past, account a wins and then loses; b only waits."""
    world.open_account("atlas", "1000", "a")
    world.open_account("nova", "500", "b")
    for price in ("47000", "44000"):
        world.buy("atlas")
        world.venue.pin_price("BTCUSDT", price)
        world.tick("atlas")
    move(world, at(FIRST))
    return world


@pytest.fixture
def held(world: World) -> World:
    """On one day of the past account a buys, and holds until today."""
    world.open_account("nova", "1000", "a")
    world.buy("nova")
    move(world, at(FIRST))
    return world


def test_a_snapshot_says_what_the_day_brought(traded: World) -> None:
    sync(traded)

    account = traded.one("SELECT balance, total_profit, total_loss FROM trading.accounts WHERE id = 'a'")
    first, *_ = rows(traded, account_id="a")
    assert first == {
        "account_id": "a",
        "snapshot_date": FIRST,
        "period_type": "daily",
        "opening_balance": 0,
        "closing_balance": account["balance"],
        "profit_loss": account["total_profit"] - account["total_loss"],
        "total_trades": 2,
        "winning_trades": 1,
    }
    waiting, *_ = rows(traded, account_id="b")
    assert (waiting["closing_balance"], waiting["profit_loss"], waiting["total_trades"]) == (500, 0, 0)


def test_an_open_position_counts_at_the_last_bid_before_the_days_close(held: World) -> None:
    position = held.one("SELECT quantity, cost FROM trading.positions")
    for bid, moment in (
        ("50000", at(FIRST, 13)),
        ("46000", at(FIRST, 23) + timedelta(minutes=59, seconds=59)),
        ("60000", at(FIRST + DAY, 0)),
        ("47000", at(FIRST + DAY, 1)),
        ("40000", at(TODAY, 0)),
    ):
        quote(held, bid, moment)

    sync(held)

    closings = [row["closing_balance"] for row in rows(held)]
    worth = [1000 - position["cost"] + position["quantity"] * bid for bid in (46000, 47000, 47000)]
    assert closings == [round(amount, 8) for amount in worth]


def test_a_position_counts_at_cost_while_no_price_is_known(held: World) -> None:
    sync(held)

    assert [row["closing_balance"] for row in rows(held)] == [1000, 1000, 1000]


def test_what_was_sold_since_counts_as_held_at_the_close_before(held: World) -> None:
    position = held.one("SELECT quantity, cost FROM trading.positions")
    for day in (FIRST, FIRST + DAY):
        quote(held, "46000", at(day))
    held.venue.pin_price("BTCUSDT", "40000")
    held.tick("nova")
    account = held.one("SELECT balance FROM trading.accounts WHERE id = 'a'")
    rewrite(held, "UPDATE trading.trades SET closed_at = :moment", moment=at(FIRST + 2 * DAY))

    sync(held)

    before = round(1000 - position["cost"] + position["quantity"] * 46000, 8)
    assert [row["closing_balance"] for row in rows(held)] == [before, before, account["balance"]]
    assert [row["total_trades"] for row in rows(held)] == [0, 0, 1]


def test_closing_less_opening_is_profit_and_loss_plus_the_days_flows(traded: World) -> None:
    rewrite(
        traded,
        "INSERT INTO trading.cash_flows (account_id, flow_type, amount, reference_id, created_at) "
        "VALUES ('a', 'withdrawal', 100, 'w', :moment)",
        moment=at(FIRST + DAY),
    )
    flows = {("a", FIRST): 1000, ("b", FIRST): 500, ("a", FIRST + DAY): -100}

    sync(traded)

    assert len(rows(traded)) == 6
    for row in rows(traded):
        flow = flows.get((row["account_id"], row["snapshot_date"]), 0)
        assert row["closing_balance"] - row["opening_balance"] == row["profit_loss"] + flow
    for account in ("a", "b"):
        for earlier, later in pairwise(rows(traded, account_id=account)):
            assert later["opening_balance"] == earlier["closing_balance"]


def test_a_deposit_is_no_profit(traded: World) -> None:
    with traded.services.book.unit_of_work() as session:
        deposit(session, FlowRequest("b", Decimal(250), "d"), actor="test")

    sync(traded, TODAY)

    last = rows(traded, account_id="b")[-1]
    assert (last["snapshot_date"], last["closing_balance"], last["profit_loss"]) == (TODAY, 750, 0)


def test_days_that_were_missed_are_filled_in(traded: World) -> None:
    done, shown = sync(traded)

    assert [row["snapshot_date"] for row in rows(traded, account_id="b")] == [FIRST, FIRST + DAY, FIRST + 2 * DAY]
    assert done == f"3 days, the last {TODAY - DAY}"
    assert shown[0] == f"day 1 of 3: 2 accounts for {FIRST}"


def test_syncing_again_changes_nothing(traded: World) -> None:
    sync(traded)
    before = [rows(traded, period) for period in ("daily", "weekly", "monthly")]

    assert sync(traded)[0] == "nothing to write"
    assert sync(traded, FIRST)[0].startswith("3 days")
    assert [rows(traded, period) for period in ("daily", "weekly", "monthly")] == before


def test_a_snapshot_that_somebody_else_wrote_first_is_corrected(traded: World) -> None:
    traded.execute(
        """
        INSERT INTO investment.performance_snapshots (account_id, snapshot_date, period_type, opening_balance, closing_balance,
                                                      profit_loss, total_trades, winning_trades)
        VALUES ('b', :day, 'daily', 1, 2, 3, 4, 5)""",
        day=FIRST,
    )

    sync(traded)

    found = rows(traded, account_id="b")
    assert [row["closing_balance"] for row in found] == [500, 500, 500]
    assert (found[0]["opening_balance"], found[0]["total_trades"], found[0]["winning_trades"]) == (0, 0, 0)


def test_a_day_that_was_synced_before_it_ended_is_written_again(traded: World) -> None:
    sync(traded, TODAY)
    assert traded.one("SELECT is_final FROM trading.synced_days WHERE day = :day", day=TODAY) == {"is_final": False}
    rewrite(traded, "UPDATE trading.synced_days SET is_final = false WHERE day = :day", day=TODAY - DAY)

    assert sync(traded)[1] == [f"day 1 of 1: 2 accounts for {TODAY - DAY}"]


def test_a_late_correction_corrects_that_day_and_all_days_after_it(traded: World) -> None:
    sync(traded)
    before = rows(traded, account_id="a")
    rewrite(
        traded,
        "UPDATE trading.trades SET profit_loss = profit_loss - 1, proceeds = proceeds - 1 WHERE profit_loss > 0",
    )

    sync(traded)

    after = rows(traded, account_id="a")
    assert [row["closing_balance"] for row in after] == [row["closing_balance"] - 1 for row in before]
    assert [row["profit_loss"] for row in after] == [before[0]["profit_loss"] - 1, 0, 0]


def test_weeks_and_months_add_their_days_up(traded: World) -> None:
    earlier = TODAY - 40 * DAY
    rewrite(traded, "UPDATE trading.cash_flows SET created_at = :moment", moment=at(earlier))

    sync(traded)

    def monday_of(day: date) -> date:
        return day - day.weekday() * DAY

    def first_of_month(day: date) -> date:
        return day.replace(day=1)

    for period, first_of in (("weekly", monday_of), ("monthly", first_of_month)):
        for account in ("a", "b"):
            found = rows(traded, period, account)
            days = rows(traded, account_id=account)
            assert [row["snapshot_date"] for row in found] == sorted({first_of(d["snapshot_date"]) for d in days})
            for row in found:
                own = [day for day in days if first_of(day["snapshot_date"]) == row["snapshot_date"]]
                assert row["opening_balance"] == own[0]["opening_balance"]
                assert row["closing_balance"] == own[-1]["closing_balance"]
                for column in ("profit_loss", "total_trades", "winning_trades"):
                    assert row[column] == sum(day[column] for day in own)


def test_a_day_before_an_account_existed_has_no_snapshot_of_it(traded: World) -> None:
    sync(traded, FIRST - 10 * DAY)

    assert min(row["snapshot_date"] for row in rows(traded)) == FIRST


def test_a_day_that_has_not_begun_is_refused(traded: World) -> None:
    with pytest.raises(InvalidInputError, match="has not begun"):
        sync(traded, TODAY + 2 * DAY)


def test_an_empty_book_has_nothing_to_write(world: World) -> None:
    assert sync(world)[0] == "nothing to write"


def test_a_trade_at_midnight_belongs_to_the_day_that_begins(traded: World) -> None:
    rewrite(traded, "UPDATE trading.trades SET closed_at = :midnight", midnight=at(FIRST + DAY, 0))

    sync(traded)

    assert [row["total_trades"] for row in rows(traded, account_id="a")] == [0, 2, 0]


def test_a_closed_account_has_its_last_snapshot_on_the_day_it_was_closed(traded: World) -> None:
    rewrite(
        traded,
        "INSERT INTO trading.cash_flows (account_id, flow_type, amount, reference_id, created_at) "
        "VALUES ('b', 'withdrawal', 500, 'end', :moment)",
        moment=at(FIRST + DAY),
    )
    rewrite(
        traded,
        "UPDATE trading.accounts SET status = 'stopped', cash = 0, balance = 0, closed_at = :moment WHERE id = 'b'",
        moment=at(FIRST + DAY),
    )

    sync(traded)

    assert [row["closing_balance"] for row in rows(traded, account_id="b")] == [500, 0]
    assert rows(traded, "monthly", "b")[-1]["closing_balance"] == 0
    assert traded.rows("SELECT accounts, closing FROM trading.agent_days WHERE agent = 'nova' ORDER BY day") == [
        {"accounts": 1, "closing": 500},
        {"accounts": 1, "closing": 0},
    ]


def test_an_agents_day_is_the_sum_of_its_accounts_and_a_move_between_agents_is_a_flow(traded: World) -> None:
    rewrite(traded, "UPDATE trading.assignments SET ended_at = :moment WHERE account_id = 'b'", moment=at(FIRST + DAY))
    rewrite(
        traded,
        "INSERT INTO trading.assignments (account_id, agent, started_at) VALUES ('b', 'atlas', :moment)",
        moment=at(FIRST + DAY),
    )
    rewrite(traded, "UPDATE trading.accounts SET agent = 'atlas' WHERE id = 'b'")

    sync(traded)

    days = traded.rows("SELECT * FROM trading.agent_days ORDER BY agent, day")
    profit = rows(traded, account_id="a")[0]["profit_loss"]
    assert [
        (d["agent"], d["accounts"], d["net_flows"], d["capital"], d["profit_loss"], d["closing"]) for d in days
    ] == [
        ("atlas", 1, 1000, 1000, profit, 1000 + profit),
        ("atlas", 2, 500, 1500 + profit, 0, 1500 + profit),
        ("atlas", 2, 0, 1500 + profit, 0, 1500 + profit),
        ("nova", 1, 500, 500, 0, 500),
        ("nova", 0, -500, 0, 0, 0),
    ]


def test_a_day_on_which_an_account_was_closed_stays_with_its_agent_when_another_one_opens_it_again(
    traded: World,
) -> None:
    sync(traded)
    before = traded.rows("SELECT * FROM trading.agent_days WHERE agent = 'nova' ORDER BY day")
    rewrite(traded, "UPDATE trading.assignments SET ended_at = :moment WHERE account_id = 'b'", moment=at(FIRST + DAY))
    rewrite(traded, "INSERT INTO trading.assignments (account_id, agent) VALUES ('b', 'atlas')")
    rewrite(traded, "UPDATE trading.accounts SET agent = 'atlas' WHERE id = 'b'")

    sync(traded, FIRST)

    assert traded.rows("SELECT * FROM trading.agent_days WHERE agent = 'nova' ORDER BY day") == before


def test_older_prices_are_thinned_out_to_the_last_of_each_hour(world: World) -> None:
    for minute in (10, 20, 59):
        quote(world, str(minute), at(FIRST) + timedelta(minutes=minute))
        quote(world, str(minute), at(TODAY - DAY) + timedelta(minutes=minute))
    quote(world, "60", at(FIRST, 13))

    with world.services.book.unit_of_work() as session:
        performance.thin_out(session)

    assert [row["bid"] for row in world.rows("SELECT bid FROM trading.mark_history ORDER BY at")] == [
        59,
        60,
        10,
        20,
        59,
    ]


def test_ten_thousand_accounts_are_synced_within_seconds(world: World) -> None:
    world.open_account("atlas", "1000", "a")
    world.buy("atlas")
    world.execute(
        """
        INSERT INTO trading.accounts (id, agent, status, cash, balance, peak_equity)
        SELECT 'many-' || n, 'atlas', 'running', 900, 1000, 1000 FROM generate_series(1, 10000) n"""
    )
    world.execute(
        """
        INSERT INTO trading.cash_flows (account_id, flow_type, amount, reference_id)
        SELECT id, 'deposit', 1000, 'start:' || id FROM trading.accounts WHERE id LIKE 'many-%'"""
    )
    world.execute(
        """
        INSERT INTO trading.positions (account_id, agent, symbol, quantity, cost, entry_price)
        SELECT id, 'atlas', 'BTCUSDT', 0.002, 100, 50000 FROM trading.accounts WHERE id LIKE 'many-%'"""
    )
    move(world, at(FIRST))
    quote(world, "46000", at(FIRST))
    began = datetime.now(UTC)

    sync(world)

    assert datetime.now(UTC) - began < timedelta(seconds=15)
    assert world.one(
        "SELECT count(*) AS rows, min(profit_loss) AS least FROM investment.performance_snapshots "
        "WHERE period_type = 'daily' AND account_id LIKE 'many-%' AND snapshot_date = :day",
        day=FIRST,
    ) == {"rows": 10000, "least": -8}
