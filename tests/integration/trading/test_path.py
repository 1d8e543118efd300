"""From a signal to a filled, divided and journalled block order, and back out again."""

from agents.control import Command
from tests.integration.trading.conftest import World


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
    world.check()
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
    world.check()


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
    world.check()


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
    world.check()


def test_the_same_signal_polled_again_trades_once(world: World) -> None:
    world.open_account("atlas", "1000")
    world.advise("BTCUSDT", "buy")

    for _ in range(3):
        world.tick("atlas")

    assert world.one("SELECT count(*) AS n FROM trading.orders")["n"] == 1


def test_what_the_exchange_holds_changes_by_exactly_what_the_book_says(world: World) -> None:
    world.open_account("orion", "5000", "a")
    world.open_account("orion", "123.45678901", "b")
    world.buy("orion")
    world.check()
    world.venue.pin_price("BTCUSDT", "40000")
    world.tick("orion")

    assert world.one("SELECT count(*) AS n FROM trading.trades")["n"] == 2
    world.check()


def test_two_agents_in_one_symbol_leave_each_other_alone(world: World) -> None:
    world.open_account("atlas", "10000", "careful")
    world.open_account("nova", "10000", "bold")
    world.buy("atlas")
    world.buy("nova")
    world.venue.pin_price("BTCUSDT", "44000")

    world.tick("atlas")
    world.tick("nova")

    held = world.rows("SELECT account_id FROM trading.positions WHERE closed_at IS NULL AND cost > 0")
    assert [row["account_id"] for row in held] == ["bold"]
    trade = world.one("SELECT account_id, agent, reason FROM trading.trades")
    assert trade == {"account_id": "careful", "agent": "atlas", "reason": "stop"}
    world.check()


def test_two_agents_decide_on_the_same_signal_each_for_itself(world: World) -> None:
    world.open_account("atlas", "10000")
    world.open_account("nova", "10000")
    world.advise("BTCUSDT", "buy", "0.6")

    world.tick("atlas")
    world.tick("nova")

    decisions = world.rows("SELECT agent, code, detail FROM trading.decisions ORDER BY agent")
    assert [(row["agent"], row["code"]) for row in decisions] == [
        ("atlas", "confidence_below_minimum"),
        ("nova", "ordered"),
    ]
    assert decisions[0]["detail"] == "confidence 0.6 is below atlas's minimum 0.75"
    assert world.one("SELECT count(*) AS n FROM trading.signals")["n"] == 1


def test_a_signal_below_the_minimum_says_so_for_every_account(world: World) -> None:
    for number in range(3):
        world.open_account("atlas", "1000", f"investor-{number}")
    world.advise("BTCUSDT", "buy", "0.5")

    world.tick("atlas")

    decision = world.one("SELECT code, counts FROM trading.decisions")
    assert decision == {"code": "confidence_below_minimum", "counts": {"confidence_below_minimum": 3}}
    assert world.placed() == 0


def test_the_accounts_of_a_decision_are_kept_as_ranges_by_code(world: World) -> None:
    for number in range(4):
        world.open_account("atlas", "1000", f"investor-{number}")
    world.command(Command.PAUSE, "atlas", "investor-2")

    world.buy("atlas")

    outcomes = world.rows("""
        SELECT o.code, o.accounts_count, array_agg(a.id ORDER BY a.id) AS ids
        FROM trading.decision_outcomes o JOIN trading.accounts a ON a.number <@ o.accounts
        GROUP BY o.decision_id, o.code, o.accounts_count ORDER BY o.code""")
    assert outcomes == [
        {"code": "account_paused", "accounts_count": 1, "ids": ["investor-2"]},
        {"code": "ordered", "accounts_count": 3, "ids": ["investor-0", "investor-1", "investor-3"]},
    ]
    world.check()
