"""What trading tells others: one event for each cause, written with it, whatever the number of accounts."""

from collections.abc import Mapping
from decimal import Decimal
from typing import Any

from agents.balances import Holdings
from agents.model import ZERO
from agents.reconciliation import Code, Discrepancy
from journal import deliveries, event_queries, flows, reconciliation, record_queries, withdrawals
from journal.flows import FlowRequest
from journal.reconciliation import Comparison
from tests.integration.trading.conftest import World

Event = Mapping[str, Any]


def events(world: World, kind: str) -> list[Event]:
    """The newest first."""
    with world.services.book.unit_of_work() as session:
        deliveries.publish(session)
        return event_queries.events(session, kind=kind, limit=100)


def test_a_block_that_closes_many_accounts_is_one_event_that_says_where_each_of_them_is(world: World) -> None:
    for name in "abc":
        world.open_account("nova", "9000", name)
    world.buy("nova")
    world.venue.pin_price("BTCUSDT", "60000")
    world.tick("nova")
    world.tick("nova")

    (event,) = events(world, "trade.closed")
    (order,) = world.rows("SELECT * FROM trading.orders WHERE side = 'sell'")
    trades = world.rows("SELECT * FROM trading.trades WHERE exit_order_id = :id", id=order["id"])
    assert (event["agent"], event["account_id"]) == ("nova", None)
    assert event["data"] == {
        "symbol": "BTCUSDT",
        "client_order_id": order["client_order_id"],
        "reason": "target",
        "trades": 3,
        "accounts": 3,
        "quantity": sum(trade["quantity"] for trade in trades),
        "average_price": round(order["executed_cost"] / order["executed_quantity"], 8),
        "net_profit": sum(trade["profit_loss"] for trade in trades),
        "trades_url": f"/trades?client_order_id={order['client_order_id']}",
    }
    assert event["data"]["net_profit"] > 0
    with world.services.book.reading() as session:
        found = record_queries.trades(session, client_order_id=order["client_order_id"], limit=10).rows
    assert {trade["account_id"] for trade in found} == set("abc")
    world.check()


def test_an_order_that_fills_in_no_part_closes_nothing_and_is_no_event(world: World) -> None:
    world.open_account("nova", "9000", "a")
    world.buy("nova")
    assert world.rows("SELECT id FROM trading.orders")
    assert events(world, "trade.closed") == []


def test_a_breaker_that_trips_for_accounts_and_agent_is_one_event_for_each_scope(world: World) -> None:
    for name in "ab":
        world.open_account("nova", "10000", name)
    world.buy("nova")
    world.venue.pin_price("BTCUSDT", "20000")
    world.tick("nova")
    world.tick("nova")

    tripped = {(event["data"]["scope"], event["data"]["kind"]): event for event in events(world, "breaker.tripped")}
    of_accounts = tripped["account", "daily_loss"]
    assert (of_accounts["agent"], of_accounts["account_id"]) == ("nova", None)
    assert of_accounts["data"]["accounts"] == 2
    assert sorted(of_accounts["data"]["account_ids"]) == ["a", "b"]
    of_agent = tripped["agent", "daily_loss"]["data"]
    assert (of_agent["accounts"], of_agent["account_ids"]) == (0, None)
    assert "lost" in of_agent["reason"]
    standing = world.one("SELECT count(DISTINCT (scope, kind)) AS n FROM trading.breakers")["n"]
    assert len(events(world, "breaker.tripped")) == standing


def test_a_withdrawal_that_a_worker_pays_or_cannot_pay_is_an_event(world: World) -> None:
    world.open_account("nova", "1000", "a")
    world.buy("nova")
    with world.services.book.unit_of_work() as session:
        request = FlowRequest("a", Decimal(900), "w-1")
        withdrawals.withdraw(session, request, liquidate=True, actor="test")
        flows.deposit(session, FlowRequest("a", Decimal(5), "d-1"), actor="test")
    assert events(world, "withdrawal.completed") == []
    world.venue.pin_price("BTCUSDT", "15000")
    world.tick("nova")

    assert events(world, "withdrawal.completed") == []
    (failed,) = events(world, "withdrawal.failed")
    assert (failed["agent"], failed["account_id"]) == ("nova", "a")
    assert (failed["data"]["reference_id"], failed["data"]["amount"]) == ("w-1", 900)
    assert failed["data"]["free"] < 900


def mismatch(size: int) -> Comparison:
    found = Discrepancy(
        Code.BALANCE_SHORT, "USDT", expected=Decimal(size), actual=ZERO, size=Decimal(size), detail="short"
    )
    return Comparison([found], frozenset(Code), {}, ZERO, Holdings({}, {}))


def test_a_mismatch_is_an_event_when_it_is_found_or_grows_and_not_while_it_stands(world: World) -> None:
    for size in (100, 100, 250):
        with world.services.book.unit_of_work() as session:
            run = reconciliation.begin(session, requested_by="test", is_full=False)
        with world.services.book.unit_of_work() as session:
            reconciliation.conclude(session, run, mismatch(size))

    found = events(world, "reconciliation.mismatch")
    assert len(found) == 2
    assert found[0]["data"]["discrepancies"] == 1
    assert found[0]["data"]["first"] == [{"code": "balance_short", "subject": "USDT", "detail": "short"}]
