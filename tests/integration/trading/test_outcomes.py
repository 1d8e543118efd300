"""What the exchange may answer to an order, and what the book makes of each answer."""

from datetime import timedelta
from decimal import Decimal

import pytest

from adapters.exchange import Missing
from agents.orders import ABSENCE_PROVEN_AFTER
from tests.integration.trading.conftest import World

LOST_AFTER_ACCEPTING = {"kind": "accept_then_timeout", "seconds": 0.05}


def order(world: World) -> dict[str, object]:
    return dict(world.one("SELECT * FROM trading.orders ORDER BY id DESC LIMIT 1"))


def funds(world: World, account_id: str) -> dict[str, Decimal]:
    row = world.one("SELECT cash, reserved, balance FROM trading.accounts WHERE id = :id", id=account_id)
    return {name: Decimal(str(amount)) for name, amount in row.items()}


def test_a_partial_fill_scales_everyone_alike(world: World) -> None:
    for number, equity in enumerate(("1000", "3000", "50000")):
        world.open_account("atlas", equity, f"investor-{number}")
    world.venue.add_fault("partial_fill", fraction="0.3")

    world.buy("atlas")

    assert order(world)["state"] == "partially_filled"
    shares = world.rows("""
        SELECT l.quantity / s.quantity AS part FROM trading.legs l
        JOIN trading.shares s ON s.order_id = l.order_id AND s.account_id = l.account_id""")
    parts = [row["part"] for row in shares]
    assert len(parts) == 3
    assert max(parts) - min(parts) < Decimal("0.0001")
    assert all(funds(world, f"investor-{number}")["reserved"] == 0 for number in range(3))
    world.check()


def test_the_next_tick_finishes_an_exit_that_was_filled_in_part(world: World) -> None:
    world.open_account("atlas", "10000", "a")
    world.open_account("atlas", "20000", "b")
    world.buy("atlas")
    world.venue.pin_price("BTCUSDT", "40000")
    world.venue.add_fault("partial_fill", fraction="0.4")

    world.tick("atlas")

    assert world.one("SELECT count(*) AS n FROM trading.positions WHERE closed_at IS NULL AND cost > 0")["n"] == 2
    assert world.one("SELECT count(*) AS n FROM trading.trades")["n"] == 2
    world.check()

    world.tick("atlas")

    assert world.rows("SELECT id FROM trading.positions WHERE closed_at IS NULL AND cost > 0") == []
    trades = world.rows("SELECT reason FROM trading.trades WHERE account_id NOT LIKE 'dust%'")
    assert [row["reason"] for row in trades] == ["stop"] * 4
    world.check()


def test_an_order_that_nothing_fills_frees_everything(world: World) -> None:
    world.open_account("atlas", "1000", "a")
    world.venue.add_fault("partial_fill", fraction="0")

    world.buy("atlas")

    assert order(world)["state"] == "expired"
    assert funds(world, "a") == {"cash": Decimal(1000), "reserved": Decimal(0), "balance": Decimal(1000)}
    assert world.rows("SELECT id FROM trading.positions") == []
    world.check()


@pytest.mark.parametrize(
    "fault",
    [
        LOST_AFTER_ACCEPTING,
        {"kind": "accept_then_5xx", "status": 502},
        {"kind": "minus_1006"},
        {"kind": "minus_1007"},
    ],
    ids=lambda fault: fault["kind"],
)
def test_an_order_whose_answer_was_lost_is_looked_up_and_never_placed_again(
    world: World, fault: dict[str, object]
) -> None:
    world.open_account("atlas", "1000", "a")
    world.venue.add_fault(**fault)  # type: ignore[arg-type]  # the kind is among them

    world.buy("atlas")

    assert order(world)["state"] == "unknown"
    reserved = funds(world, "a")["reserved"]
    assert 0 < reserved < 100
    assert funds(world, "a")["cash"] == 1000 - reserved
    assert [title for title, _ in world.alerts.sent] == ["Order outcome unknown: atlas BTCUSDT"]
    world.check()

    world.tick("atlas")

    assert order(world)["state"] == "filled"
    assert funds(world, "a")["reserved"] == 0
    assert world.placed() == 1
    world.check()


def test_nothing_new_is_ordered_while_an_outcome_is_unknown(world: World) -> None:
    world.open_account("nova", "1000", "a")
    world.venue.add_fault(**LOST_AFTER_ACCEPTING)  # type: ignore[arg-type]  # the kind is among them
    world.venue.add_fault("error_before", method="GET", times=None)
    world.buy("nova")

    world.advise("ETHUSDT", "buy")
    world.tick("nova")

    codes = [row["code"] for row in world.rows("SELECT code FROM trading.decisions ORDER BY id")]
    assert codes == ["ordered", "order_unresolved"]
    assert world.placed("ETHUSDT") == 0
    world.check()


def test_an_exit_with_an_unknown_outcome_is_not_sold_twice(world: World) -> None:
    world.open_account("atlas", "1000", "a")
    world.buy("atlas")
    world.venue.pin_price("BTCUSDT", "40000")
    world.venue.add_fault(**LOST_AFTER_ACCEPTING)  # type: ignore[arg-type]  # the kind is among them

    world.tick("atlas")
    assert order(world)["state"] == "unknown"
    world.check()
    world.tick("atlas")

    assert world.placed() == 2
    assert world.one("SELECT reason FROM trading.trades")["reason"] == "stop"
    world.check()


def test_an_order_that_never_arrived_is_absent_only_once_that_is_proven(world: World) -> None:
    world.open_account("atlas", "1000", "a")
    world.venue.add_fault("error_before", status=503)
    world.buy("atlas")

    world.tick("atlas")
    assert order(world)["state"] == "unknown"
    assert funds(world, "a")["reserved"] > 0
    world.age_orders(31)
    world.tick("atlas")

    assert order(world)["state"] == "absent"
    assert funds(world, "a") == {"cash": Decimal(1000), "reserved": Decimal(0), "balance": Decimal(1000)}
    assert world.placed() == 0
    world.check()


def test_an_order_that_the_look_up_does_not_show_yet_is_waited_for(world: World) -> None:
    world.open_account("atlas", "1000", "a")
    world.venue.add_fault("lookup_lag", lookups=2)
    world.venue.add_fault(**LOST_AFTER_ACCEPTING)  # type: ignore[arg-type]  # the kind is among them
    world.buy("atlas")

    for state in ("unknown", "unknown", "filled"):
        world.tick("atlas")
        assert order(world)["state"] == state

    assert world.placed() == 1
    world.check()


def test_a_refused_order_keeps_the_exchanges_code_and_frees_the_money(world: World) -> None:
    world.open_account("atlas", "1000", "a")
    world.advise("BTCUSDT", "buy")
    decision = world.push("atlas", **world.engine.answers["BTCUSDT"] or {})
    exchange = world.services.exchange
    balances, exchange.balances = exchange.balances, lambda: {"USDT": Decimal(10**9)}  # type: ignore[method-assign]  # the money leaves right after it was looked at
    world.venue.set_balances(USDT=1)

    world.decide(decision)

    exchange.balances = balances  # type: ignore[method-assign]  # as it was
    refused = order(world)
    assert (refused["state"], refused["error_code"]) == ("rejected", "-2010")
    assert refused["error_message"]
    assert funds(world, "a") == {"cash": Decimal(1000), "reserved": Decimal(0), "balance": Decimal(1000)}
    assert world.one("SELECT code FROM trading.decisions")["code"] == "ordered"


def test_accounts_that_own_more_than_the_exchange_holds_enter_nothing_and_someone_is_told(world: World) -> None:
    world.open_account("atlas", "1000", "a")
    world.venue.set_balances(USDT="999.99")

    world.buy("atlas")

    decision = world.one("SELECT code, detail, counts FROM trading.decisions")
    assert decision["code"] == "venue_underfunded"
    assert decision["counts"] == {"venue_underfunded": 1}
    assert "999.99" in str(decision["detail"])
    assert world.alerts.sent
    assert world.placed() == 0


def test_the_age_that_proves_absence_is_reached_before_the_question_is_asked(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    world.open_account("atlas", "1000", "a")
    world.venue.add_fault("error_before", status=503)
    world.buy("atlas")
    world.age_orders(ABSENCE_PROVEN_AFTER // timedelta(seconds=1) - 3)

    def slow_look_up(*_question: str) -> Missing:
        world.age_orders(5)
        return Missing()

    monkeypatch.setattr(world.services.exchange, "look_up", slow_look_up)
    world.tick("atlas")
    assert order(world)["state"] == "unknown"
    world.tick("atlas")

    assert order(world)["state"] == "absent"


def test_a_filled_order_of_a_symbol_that_is_no_longer_listed_waits_unknown(world: World) -> None:
    world.open_account("atlas", "1000", "a")
    world.venue.add_fault(**LOST_AFTER_ACCEPTING)  # type: ignore[arg-type]  # the kind is among them
    world.buy("atlas")
    exchange = world.services.exchange
    markets = exchange.markets()
    exchange._markets = {}

    world.tick("atlas")
    assert order(world)["state"] == "unknown"
    exchange._markets = markets
    world.tick("atlas")

    assert order(world)["state"] == "filled"
    world.check()
