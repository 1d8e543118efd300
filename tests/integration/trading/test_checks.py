"""Checks that need the exchange or the book's history, each by a decision that carries its code."""

from dataclasses import replace
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
    offer_little(world, monkeypatch)
    monkeypatch.setattr(world.services.exchange, "offered", lambda _symbol, _price: Decimal("0.0001"))

    assert decided(world)["counts"] == {"slippage_too_high": 1}


def test_a_best_offer_that_is_too_small_alone_is_judged_with_those_behind_it(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    world.open_account("atlas", "1000")
    offer_little(world, monkeypatch)

    assert decided(world)["code"] == "ordered"


def test_an_entry_takes_the_weight_of_a_quote_a_balance_and_an_order(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    world.open_account("atlas", "1000")
    spent = weights_of(world, monkeypatch)

    assert decided(world)["code"] == "ordered"
    assert spent == [2, 20, 1]


def test_the_balance_is_not_asked_for_again_where_the_last_reconciliation_proves_it(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    world.open_account("atlas", "1000")
    leave_unassigned(world, Decimal(1000))
    spent = weights_of(world, monkeypatch)

    assert decided(world)["code"] == "ordered"
    assert spent == [2, 1]


@pytest.mark.parametrize("change", ["a deposit", "time"])
def test_the_balance_is_asked_for_if_money_was_paid_in_since_the_last_reconciliation_or_that_was_long_ago(
    world: World, monkeypatch: pytest.MonkeyPatch, change: str
) -> None:
    world.open_account("atlas", "1000")
    leave_unassigned(world, Decimal(1001), minutes_ago=2 if change == "time" else 0)
    if change == "a deposit":
        world.open_account("atlas", "2", "another")
    spent = weights_of(world, monkeypatch)

    assert decided(world)["code"] == "ordered"
    assert spent == [2, 20, 1]


def offer_little(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    """The best offer alone could not be left again."""
    quote = world.services.exchange.quotes(["BTCUSDT"])["BTCUSDT"]
    small = replace(quote, ask_quantity=Decimal("0.0001"))
    monkeypatch.setattr(world.services.exchange, "quotes", lambda _symbols: {"BTCUSDT": small})


def weights_of(world: World, monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """What requests to the exchange cost from now on."""
    spent: list[int] = []
    world.services.exchange.markets()

    def spend(weight: int) -> bool:
        spent.append(weight)
        return True

    monkeypatch.setattr(world.services.exchange._client, "_spend_weight", spend)
    return spent


def leave_unassigned(world: World, amount: Decimal, minutes_ago: int = 0) -> None:
    """A reconciliation found so much that nobody owns; deposits of the minute before count as made since."""
    world.execute(
        """
        INSERT INTO trading.unassigned (asset, venue, assigned, amount, at)
        VALUES ('USDT', :amount + 1000, 1000, :amount, now() - make_interval(mins => :ago))
        """,
        amount=amount,
        ago=minutes_ago,
    )


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
