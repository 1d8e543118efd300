"""Checks that need the exchange or the book's history, each by a decision that carries its code."""

from decimal import Decimal

import pytest

from agents.errors import ExchangeError
from agents.model import Quote
from tests.integration.trading.conftest import World


def decided(world: World, agent: str = "atlas") -> dict[str, object]:
    decision = world.push(agent, symbol="BTCUSDT", action="buy", confidence=Decimal(1), price=Decimal(45000))
    world.decide(decision)
    return dict(world.one("SELECT code, detail, counts FROM trading.decisions WHERE id = :id", id=decision))


def test_nothing_is_entered_while_the_exchange_takes_no_more_requests(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    world.open_account("atlas", "1000")
    monkeypatch.setattr(world.services.exchange._client, "_spend_weight", lambda _weight: False)

    assert decided(world)["code"] == "exchange_weight_exhausted"


def test_nothing_is_entered_when_the_weight_runs_out_between_pricing_and_checking(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    world.open_account("atlas", "1000")
    world.services.exchange.markets()
    monkeypatch.setattr(world.services.exchange._client, "_spend_weight", lambda weight: weight < 5)

    assert decided(world)["code"] == "exchange_weight_exhausted"
    assert world.placed() == 0


def test_what_is_missing_of_the_market_is_named(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(_symbols: list[str]) -> dict[str, Quote]:
        raise ExchangeError("no answer")

    world.open_account("atlas", "1000")
    monkeypatch.setattr(world.services.exchange, "quotes", fail)

    assert decided(world)["detail"] == "no current quote for BTCUSDT"


def test_nothing_is_entered_across_a_wide_spread(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    world.open_account("atlas", "1000")
    seen = world.services.exchange.quotes(["BTCUSDT"])["BTCUSDT"]
    wide = Quote("BTCUSDT", Decimal(44900), Decimal(45100), seen.at)
    monkeypatch.setattr(world.services.exchange, "quotes", lambda _symbols: {"BTCUSDT": wide})

    assert decided(world) == {
        "code": "spread_too_wide",
        "detail": "the spread 0.004444 is wider than 0.002",
        "counts": {"spread_too_wide": 1},
    }


def test_nothing_is_entered_where_next_to_nothing_is_offered(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    world.open_account("atlas", "1000")
    monkeypatch.setattr(world.services.exchange, "offered", lambda _symbol, _price: Decimal("0.0001"))

    assert decided(world)["counts"] == {"slippage_too_high": 1}


def test_what_is_offered_is_the_exchanges_own_book_up_to_the_price(world: World) -> None:
    exchange = world.services.exchange
    ask = exchange.quotes(["BTCUSDT"])["BTCUSDT"].ask

    assert exchange.offered("BTCUSDT", ask - 1) == 0
    assert 0 < exchange.offered("BTCUSDT", ask) < exchange.offered("BTCUSDT", ask * 2)


def test_an_account_rests_after_a_loss_and_others_do_not(world: World) -> None:
    world.open_account("atlas", "1000", "loser")
    world.buy("atlas")
    world.open_account("atlas", "1000", "newcomer")
    world.venue.pin_price("BTCUSDT", "44000")
    world.tick("atlas")
    world.venue.pin_price("BTCUSDT", "45000")

    assert decided(world)["counts"] == {"ordered": 1, "cooldown": 1}
    world.check()
