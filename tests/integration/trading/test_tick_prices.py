"""Which prices a tick acts on, and how often it asks for them."""

from collections.abc import Mapping
from datetime import UTC, datetime

import pytest

from agents.errors import ExchangeError
from agents.model import Quote
from runtime.bootstrap import WorkerServices
from tasks import tick
from tasks.resolving import resolve_orders
from tests.integration.trading.conftest import World
from tests.integration.trading.test_checks import weights_of

SEVERAL_SYMBOLS, ONE_SYMBOL = 4, 2


def trade(world: World, *symbols: str) -> None:
    """Have the agent trade these from now on."""
    world.execute("UPDATE trading.agents SET symbols = :symbols", symbols=list(symbols))


def test_a_tick_asks_for_the_prices_of_all_its_symbols_in_one_request(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    world.open_account("atlas", "1000")
    world.buy("atlas")
    spent = weights_of(world, monkeypatch)

    world.tick("atlas")

    assert spent == [SEVERAL_SYMBOLS]


def test_a_tick_dates_prices_when_it_asks_for_them(world: World) -> None:
    world.open_account("atlas", "1000")
    before = datetime.now(UTC)

    world.tick("atlas")

    mark = world.one("SELECT bid, at FROM trading.marks WHERE symbol = 'BTCUSDT'")
    assert abs(mark["bid"] - 45000) < 100
    assert before <= mark["at"] <= datetime.now(UTC)


def test_what_is_held_beyond_the_agents_symbols_is_priced_too(world: World) -> None:
    world.open_account("atlas", "1000")
    world.buy("atlas", "BTCUSDT")
    trade(world, "ETHUSDT")
    world.venue.pin_price("BTCUSDT", "40000")

    world.tick("atlas")

    assert world.one("SELECT reason FROM trading.trades WHERE account_id NOT LIKE 'dust%'")["reason"] == "stop"
    world.check()


def test_symbols_that_came_since_the_last_tick_are_priced_at_once_and_cost_one_more_request(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    world.open_account("atlas", "1000")
    trade(world, "ETHUSDT")
    spent = weights_of(world, monkeypatch)
    world.tick("atlas")
    trade(world, "ETHUSDT", "BTCUSDT")

    world.tick("atlas")
    world.tick("atlas")

    assert spent == [ONE_SYMBOL, ONE_SYMBOL, SEVERAL_SYMBOLS, SEVERAL_SYMBOLS]
    marks = world.rows("SELECT symbol FROM trading.marks ORDER BY symbol")
    assert [mark["symbol"] for mark in marks] == ["BTCUSDT", "ETHUSDT"]


def test_prices_of_symbols_that_went_since_the_last_tick_are_not_kept(world: World) -> None:
    world.open_account("atlas", "1000")
    world.tick("atlas")
    world.execute("DELETE FROM trading.marks")
    trade(world, "ETHUSDT")

    world.tick("atlas")

    assert [mark["symbol"] for mark in world.rows("SELECT symbol FROM trading.marks")] == ["ETHUSDT"]


def test_after_an_order_was_resolved_prices_are_asked_for_anew(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    world.open_account("atlas", "1000")
    world.venue.add_fault("accept_then_timeout", seconds=0.05)
    world.buy("atlas")
    assert world.one("SELECT state FROM trading.orders")["state"] == "unknown"
    priced: list[datetime] = []
    resolve, quotes = resolve_orders, tick._quotes

    def resolved_at_forty_thousand(*arguments: object) -> None:
        resolve(*arguments)  # type: ignore[arg-type]  # handed on as they come
        world.venue.pin_price("BTCUSDT", "40000")
        priced.append(datetime.now(UTC))

    def recorded(*arguments: object) -> Mapping[str, Quote]:
        found = quotes(*arguments)  # type: ignore[arg-type]  # handed on as they come
        priced.append(found["BTCUSDT"].at)
        return found

    monkeypatch.setattr(tick, "resolve_orders", resolved_at_forty_thousand)
    monkeypatch.setattr(tick, "_quotes", recorded)

    world.tick("atlas")

    resolved, asked = priced
    assert asked > resolved
    assert world.one("SELECT reason FROM trading.trades WHERE account_id NOT LIKE 'dust%'")["reason"] == "stop"
    world.check()


def test_a_tick_whose_request_ahead_breaks_asks_once_more(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    world.open_account("atlas", "1000")
    world.buy("atlas")
    look = tick._look

    def breaking(services: WorkerServices, agent: str) -> object:
        services.exchange._client.line.close()
        return look(services, agent)

    monkeypatch.setattr(tick, "_look", breaking)
    spent = weights_of(world, monkeypatch)

    world.tick("atlas")

    assert spent == [SEVERAL_SYMBOLS, SEVERAL_SYMBOLS]
    assert world.one("SELECT last_error FROM trading.agents")["last_error"] is None


def test_without_rules_of_the_symbols_the_tick_says_so_and_the_next_one_recovers(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    world.open_account("atlas", "1000")

    def fail() -> None:
        raise ExchangeError("no rules today")

    with monkeypatch.context() as gap:
        gap.setattr(world.services.exchange, "markets", fail)
        world.tick("atlas")
    assert world.one("SELECT last_error FROM trading.agents")["last_error"] == "exchange: no rules today"

    world.tick("atlas")

    assert world.one("SELECT last_error FROM trading.agents")["last_error"] is None
