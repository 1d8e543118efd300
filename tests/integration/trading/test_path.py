"""From a signal to a filled, divided and journalled block order, and back out again."""

from decimal import Decimal

from tests.integration.trading.conftest import World

FUNDS = """
SELECT a.id, a.cash, a.reserved, a.balance, coalesce(sum(p.cost), 0) AS invested
FROM trading.accounts a LEFT JOIN trading.positions p ON p.account_id = a.id AND p.closed_at IS NULL
GROUP BY a.id
"""


def assert_books_balance(world: World) -> None:
    for row in world.rows(FUNDS):
        assert row["cash"] + row["reserved"] + row["invested"] == row["balance"], row
    for row in world.rows("""
        SELECT o.id, o.executed_quantity, o.executed_cost, coalesce(l.quantity, 0) AS quantity, coalesce(l.cost, 0) AS cost
        FROM trading.orders o
        LEFT JOIN (SELECT order_id, sum(quantity) quantity, sum(cost) AS cost FROM trading.legs GROUP BY 1) l ON l.order_id = o.id
    """):
        assert (row["executed_quantity"], row["executed_cost"]) == (row["quantity"], row["cost"])


def test_one_signal_becomes_one_block_order_divided_among_all_accounts(world: World) -> None:
    for number, equity in enumerate(("1000", "2500.5", "777.77")):
        world.open_account("atlas", equity, f"investor-{number}")
    world.advise("BTCUSDT", "buy")

    world.tick("atlas")

    order = world.one("SELECT * FROM trading.orders")
    assert order["state"] == "filled"
    assert order["reason"] == "signal"
    legs = world.rows("SELECT * FROM trading.legs ORDER BY account_id")
    assert [leg["account_id"] for leg in legs] == ["investor-0", "investor-1", "investor-2"]
    assert sum(leg["quantity"] for leg in legs) == order["executed_quantity"]
    assert_books_balance(world)
    decision = world.one("SELECT * FROM trading.decisions")
    assert (decision["code"], decision["counts"]) == ("ordered", {"ordered": 3})


def test_a_target_closes_every_position_with_a_profit_that_the_platform_can_read(world: World) -> None:
    world.open_account("atlas", "1000", "investor-1")
    world.open_account("atlas", "3000", "investor-2")
    world.advise("BTCUSDT", "buy")
    world.tick("atlas")
    world.venue.pin_price("BTCUSDT", "47000")

    world.tick("atlas")

    trades = world.rows("SELECT * FROM trading.trades ORDER BY account_id")
    assert [trade["reason"] for trade in trades if trade["account_id"] != "dust-atlas"] == ["target", "target"]
    for trade in trades:
        assert trade["profit_loss"] > 0
        (entry,) = world.rows(
            "SELECT * FROM investment.account_transactions WHERE reference_id = :id", id=str(trade["id"])
        )
        assert entry["transaction_type"] == "profit"
        assert entry["balance_before"] + entry["amount"] == entry["balance_after"]
        account = world.one("SELECT * FROM trading.accounts WHERE id = :id", id=trade["account_id"])
        assert account["balance"] == account["cash"] == entry["balance_after"]
    held = world.rows("SELECT * FROM trading.positions WHERE closed_at IS NULL AND account_id <> 'dust-atlas'")
    assert held == []
    assert_books_balance(world)


def test_a_stop_closes_with_a_loss(world: World) -> None:
    world.open_account("atlas", "1000")
    world.advise("BTCUSDT", "buy")
    world.tick("atlas")
    world.venue.pin_price("BTCUSDT", "44000")

    world.tick("atlas")

    trade = world.one("SELECT * FROM trading.trades")
    assert trade["reason"] == "stop"
    assert trade["profit_loss"] < 0
    assert (
        world.one("SELECT total_loss FROM trading.accounts WHERE id = 'house-atlas'")["total_loss"]
        == -trade["profit_loss"]
    )
    assert_books_balance(world)


def test_a_sell_signal_closes_what_is_held(world: World) -> None:
    world.open_account("nova", "1000")
    world.advise("BTCUSDT", "buy")
    world.tick("nova")
    world.advise("BTCUSDT", "sell")

    world.tick("nova")

    assert [row["code"] for row in world.rows("SELECT code FROM trading.decisions ORDER BY id")] == [
        "ordered",
        "ordered",
    ]
    assert world.one("SELECT reason FROM trading.trades")["reason"] == "opposite_signal"
    assert_books_balance(world)


def test_the_same_signal_polled_again_trades_once(world: World) -> None:
    world.open_account("atlas", "1000")
    world.advise("BTCUSDT", "buy")

    for _ in range(3):
        world.tick("atlas")

    assert world.one("SELECT count(*) AS n FROM trading.orders")["n"] == 1


def test_what_the_exchange_holds_changes_by_exactly_what_the_book_says(world: World) -> None:
    before = world.services.exchange.balances()
    world.open_account("orion", "5000", "a")
    world.open_account("orion", "123.45678901", "b")
    world.advise("BTCUSDT", "buy")
    world.tick("orion")
    world.venue.pin_price("BTCUSDT", "40000")
    world.tick("orion")

    after = world.services.exchange.balances()

    booked = world.one("SELECT sum(balance) AS cash FROM trading.accounts WHERE kind <> 'dust'")["cash"]
    assert after["USDT"] - before["USDT"] == booked - Decimal("5123.45678901")
    dust = world.one("SELECT coalesce(sum(quantity), 0) AS held FROM trading.positions WHERE closed_at IS NULL")["held"]
    assert after.get("BTC", 0) - before.get("BTC", 0) == dust
