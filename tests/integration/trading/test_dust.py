"""What exits leave below the lot step, and commissions in every kind of asset."""

from collections.abc import Iterator
from decimal import Decimal

import pytest

from sandbox.exchange.process import ExchangeProcess
from tests.integration.trading.conftest import World, make_world


def dust(world: World) -> Decimal:
    held = world.one(
        "SELECT coalesce(sum(quantity), 0) AS held FROM trading.positions WHERE closed_at IS NULL AND account_id LIKE 'dust-%'"
    )["held"]
    return Decimal(held)


def test_dust_is_collected_and_sold_with_the_next_exit_over_many_rounds(world: World) -> None:
    for number, equity in enumerate(("1000.01", "333.333", "777.77777777")):
        world.open_account("atlas", equity, f"investor-{number}")
    world.without_cooldown()
    lot_step = world.services.exchange.markets()["BTCUSDT"].lot_step

    for _ in range(4):
        world.venue.pin_price("BTCUSDT", "45000")
        world.buy("atlas")
        world.venue.pin_price("BTCUSDT", "44000")
        world.tick("atlas")

        held = world.rows(
            "SELECT id FROM trading.positions WHERE closed_at IS NULL AND quantity > 0 AND account_id NOT LIKE 'dust-%'"
        )
        assert held == []
        assert 0 < dust(world) < lot_step
        world.check()

    sold = world.one("SELECT count(*) AS n, min(proceeds) AS least FROM trading.trades WHERE account_id = 'dust-atlas'")
    assert sold["n"] == 3
    assert world.one("SELECT cash FROM trading.accounts WHERE id = 'dust-atlas'")["cash"] >= sold["least"] >= 0


def test_dust_is_nobodys_account_to_the_platform(world: World) -> None:
    world.open_account("atlas", "1000", "a")
    world.without_cooldown()
    for price in ("40000", "35000"):
        world.buy("atlas")
        world.venue.pin_price("BTCUSDT", price)
        world.tick("atlas")
    assert world.rows("SELECT id FROM trading.trades WHERE account_id = 'dust-atlas'")

    assert world.rows("SELECT id FROM investment.account_transactions WHERE account_id LIKE 'dust-%'") == []


@pytest.fixture(scope="module")
def bnb_exchange(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ExchangeProcess]:
    """An exchange that takes its commissions in BNB, of which the exchange account has some."""
    process = ExchangeProcess.start(
        tmp_path_factory.mktemp("bnb-exchange"), bnb_commission="true", balances="USDT=1000000,BNB=10"
    )
    yield process
    process.stop()


@pytest.fixture
def bnb_world(database_url: str, redis_url: str, bnb_exchange: ExchangeProcess) -> Iterator[World]:
    yield from make_world(database_url, redis_url, bnb_exchange)


def test_commissions_in_bnb_are_charged_to_the_accounts_in_cash(bnb_world: World) -> None:
    world = bnb_world
    world.open_account("atlas", "1000", "a")
    world.open_account("atlas", "3000", "b")
    world.venue.pin_price("BNBUSDT", "300")
    world.buy("atlas")
    world.check()
    world.venue.pin_price("BTCUSDT", "47000")

    world.tick("atlas")

    assets = world.rows("SELECT DISTINCT commission_asset FROM trading.fills")
    assert [row["commission_asset"] for row in assets] == ["BNB"]
    for leg in world.rows("SELECT * FROM trading.legs WHERE account_id IN ('a', 'b')"):
        assert leg["fee_base"] == leg["fee_quote"] == 0
        # 0.1 % less the exchange's discount of 25 % for paying in BNB
        assert leg["fee_other_value"] == pytest.approx(leg["cost"] * Decimal("0.00075"), rel=Decimal("0.01"))
    assert world.one("SELECT count(*) AS n FROM trading.trades WHERE reason = 'target' AND profit_loss > 0")["n"] == 2
    world.check()


def test_bnb_itself_is_bought_and_sold_with_commissions_in_bnb(bnb_world: World) -> None:
    world = bnb_world
    world.venue.pin_price("BNBUSDT", "300")
    world.open_account("atlas", "1000", "a")
    world.open_account("atlas", "2000", "b")
    world.buy("atlas", "BNBUSDT")
    world.check()
    world.venue.pin_price("BNBUSDT", "270")

    world.tick("atlas")

    held = world.rows("SELECT id FROM trading.positions WHERE closed_at IS NULL AND account_id IN ('a', 'b')")
    assert held == []
    sold = world.rows("SELECT l.* FROM trading.legs l JOIN trading.orders o ON o.id = l.order_id WHERE o.side = 'sell'")
    assert all(leg["fee_base"] == 0 and leg["fee_other"] > 0 for leg in sold if leg["quantity"])
    world.check()


def test_a_commission_that_cannot_be_valued_yet_keeps_the_order_unknown_until_it_can(
    bnb_world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    world = bnb_world
    world.open_account("atlas", "1000", "a")
    world.advise("BTCUSDT", "buy")
    look = world.services.exchange.quotes

    with monkeypatch.context() as gap:
        gap.setattr(world.services.exchange, "quotes", lambda symbols: look([s for s in symbols if s != "BNBUSDT"]))
        world.tick("atlas")
    world.engine.answers.clear()
    assert world.one("SELECT state FROM trading.orders")["state"] == "unknown"
    world.check()

    world.tick("atlas")

    assert world.one("SELECT state FROM trading.orders")["state"] == "filled"
    assert world.placed() == 1
    world.check()
