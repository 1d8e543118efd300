"""The ML engine, the exchange or Redis is down or talks nonsense: nothing is lost, and the next tick recovers."""

import importlib
from decimal import Decimal
from types import SimpleNamespace

import pytest
from redis.exceptions import RedisError

from agents.control import Command
from agents.model import Status, TradingState
from tasks.tick import run_tick
from tests.integration.trading.conftest import World


@pytest.fixture
def celery(world: World, monkeypatch: pytest.MonkeyPatch) -> SimpleNamespace:
    """The bodies of the Celery tasks, run here with the world's services."""
    monkeypatch.setenv("REDIS_URL", world.services.settings.redis_url)
    modules = [importlib.import_module(f"tasks.{name}") for name in ("trading", "upkeep")]
    for module in modules:
        monkeypatch.setattr(module, "services", lambda: world.services)
    trading, upkeep = modules
    return SimpleNamespace(
        signal=trading.signal, resolve=trading.resolve, sweep=upkeep.sweep, rehydrate=upkeep.rehydrate
    )


def last_error(world: World) -> str | None:
    error: str | None = world.one("SELECT last_error FROM trading.agents")["last_error"]
    return error


def test_exits_run_while_the_ml_engine_is_down_and_the_agent_says_why_it_does_nothing_else(world: World) -> None:
    world.open_account("atlas", "1000", "a")
    world.buy("atlas")
    world.engine.down = True
    world.venue.pin_price("BTCUSDT", "40000")

    world.tick("atlas")

    assert world.one("SELECT reason FROM trading.trades")["reason"] == "stop"
    assert last_error(world) == "ml_engine: the engine is down"
    assert world.alerts.sent == [("Tick of atlas met a problem", "ml_engine: the engine is down")]

    world.engine.down = False
    world.tick("atlas")

    assert last_error(world) is None
    world.check()


def test_a_tick_survives_the_exchange_being_down_and_the_next_one_recovers(world: World) -> None:
    world.open_account("atlas", "1000", "a")
    world.buy("atlas")
    world.advise("ETHUSDT", "buy")
    world.venue.pin_price("BTCUSDT", "40000")
    world.venue.stop()
    try:
        world.tick("atlas")
        error = last_error(world)
        codes = [row["code"] for row in world.rows("SELECT code FROM trading.decisions ORDER BY id")]
    finally:
        world.venue.restart()

    assert error is not None
    assert error.startswith("exchange: ")
    assert codes == ["ordered", "market_data_missing"]
    world.tick("atlas")
    assert last_error(world) is None
    assert world.one("SELECT reason FROM trading.trades")["reason"] == "stop"
    world.check()


def test_an_order_to_an_exchange_out_of_reach_is_refused_and_frees_the_money(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    world.open_account("atlas", "1000", "a")
    world.advise("BTCUSDT", "buy")
    place = world.services.exchange.place

    def place_while_down(**order: object) -> object:
        world.venue.stop()
        try:
            return place(**order)  # type: ignore[arg-type]  # handed on as they came
        finally:
            world.venue.restart()

    monkeypatch.setattr(world.services.exchange, "place", place_while_down)
    world.tick("atlas")

    refused = world.one("SELECT state, error_code FROM trading.orders")
    assert refused == {"state": "rejected", "error_code": "unreachable"}
    world.check()


NONSENSE: dict[str, dict[str, object]] = {
    "ETHUSDT": {"symbol": "ETHUSDT", "action": "moon", "confidence": Decimal("0.9"), "price": Decimal(1)},
    "BNBUSDT": {"malformed": "'text'"},
    "SOLUSDT": {"symbol": "BTCUSDT", "action": "buy", "confidence": Decimal("0.9"), "price": Decimal(1)},
    "XRPUSDT": {"symbol": "XRPUSDT", "action": "buy", "confidence": Decimal("NaN"), "price": Decimal(1)},
    "ADAUSDT": {"symbol": "ADAUSDT", "action": "buy", "confidence": Decimal("-1e20"), "price": Decimal(1)},
    "DOGEUSDT": {
        "symbol": "DOGEUSDT",
        "action": "buy",
        "confidence": Decimal("0.9"),
        "price": Decimal(1),
        "timestamp": Decimal("1e999999"),
    },
    "AVAXUSDT": {"symbol": "AVAX\x00USDT", "note\x00": "\ud800"},
    "LINKUSDT": {},
    "DOTUSDT": {"symbol": "DOTUSDT", "action": "buy", "confidence": True, "price": "7", "x": "y" * 100_000},
}


def test_malformed_signals_spoil_no_other_and_end_as_decisions(world: World) -> None:
    world.open_account("atlas", "1000", "a")
    world.advise("BTCUSDT", "buy")
    world.engine.answers |= NONSENSE

    for _ in range(2):
        world.tick("atlas")

    decisions = world.rows("SELECT code, detail FROM trading.decisions ORDER BY detail")
    malformed = [str(row["detail"]).partition(":")[0] for row in decisions if row["code"] == "malformed_signal"]
    assert sorted(malformed) == [
        "action",
        "confidence",
        "confidence",
        "confidence",
        "symbol",
        "symbol",
        "symbol",
        "symbol",
        "timestamp",
    ]
    assert [row["code"] for row in decisions if row["code"] != "malformed_signal"] == ["ordered"]
    assert last_error(world) is None
    world.check()


def test_a_signal_id_that_says_something_else_the_second_time_trades_nothing_more(world: World) -> None:
    world.open_account("nova", "1000", "a")
    world.advise("BTCUSDT", "buy")
    world.engine.answers["BTCUSDT"] = {**(world.engine.answers["BTCUSDT"] or {}), "id": "same"}
    world.tick("nova")
    world.advise("ETHUSDT", "buy")
    world.engine.answers["ETHUSDT"] = {**(world.engine.answers["ETHUSDT"] or {}), "id": "same"}

    world.tick("nova")

    assert world.placed("ETHUSDT") == 0
    codes = world.rows("SELECT code, detail FROM trading.decisions ORDER BY id")
    assert [row["code"] for row in codes] == ["ordered", "malformed_signal"]
    assert codes[1]["detail"] == "id: same is known with another symbol"
    world.check()


def test_state_that_cannot_be_read_withdraws_the_order(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    world.open_account("atlas", "1000", "a")
    world.advise("BTCUSDT", "buy")

    class Gone:
        def pipeline(self, **_: object) -> None:
            raise RedisError("gone")

    state = world.services.state
    with monkeypatch.context() as outage:
        real = state.agent
        outage.setattr(state, "agent", lambda agent: type(state)(Gone()).agent(agent))  # type: ignore[arg-type]  # stands in for a dead server
        assert state.agent("atlas") != real("atlas")
        world.tick("atlas")

    withdrawn = world.one("SELECT state, error_message FROM trading.orders")
    assert withdrawn["state"] == "withdrawn"
    assert world.one("SELECT cash, reserved FROM trading.accounts") == {"cash": 1000, "reserved": 0}
    assert world.placed() == 0
    world.check()


def test_missing_state_means_stopped_and_halted(world: World) -> None:
    world.open_account("atlas", "1000", "a")
    world.services.state.client.flushall()

    seen = world.services.state.agent("atlas")

    assert (seen.status, seen.trading) == (Status.STOPPED, TradingState.HALTED)


def test_after_redis_lost_everything_rehydrating_restores_state_and_schedule(
    world: World, celery: SimpleNamespace
) -> None:
    world.open_account("atlas", "1000", "a")
    world.open_account("nova", "1000", "b")
    world.open_account("orion", "1000", "c")
    world.command(Command.PAUSE, "nova")
    world.command(Command.STOP, "orion")
    world.switch(TradingState.REDUCING)
    before = {name: world.services.state.agent(name) for name in ("atlas", "nova", "orion")}
    client = world.services.state.client
    schedule = sorted(client.scan_iter("redbeat:tick:*"))
    assert schedule == ["redbeat:tick:atlas", "redbeat:tick:nova"]
    client.flushall()
    world.buy("atlas")
    assert world.placed() == 0

    celery.rehydrate()

    assert {name: world.services.state.agent(name) for name in before} == before
    assert sorted(client.scan_iter("redbeat:tick:*")) == schedule
    assert before["atlas"].trading is TradingState.REDUCING


def test_a_forgotten_decision_is_announced_again_and_a_fresh_one_is_not(world: World, celery: SimpleNamespace) -> None:
    world.open_account("atlas", "1000", "a")
    world.advise("BTCUSDT", "buy")
    world.push("atlas", **(world.engine.answers["BTCUSDT"] or {}), id="one")
    assert celery.sweep() == "0 announced"
    world.execute("UPDATE trading.decisions SET created_at = created_at - interval '6 seconds'")

    assert celery.sweep() == "1 announced"

    assert world.services.state.client.llen("signals") == 1


def test_the_announced_decision_is_made_once_however_often_it_is_announced(
    world: World, celery: SimpleNamespace
) -> None:
    world.open_account("atlas", "1000", "a")
    world.advise("BTCUSDT", "buy")
    decision = world.push("atlas", **(world.engine.answers["BTCUSDT"] or {}), id="one")

    assert [celery.signal(decision) for _ in range(3)] == ["done", "nothing pending", "nothing pending"]

    assert world.placed() == 1
    world.check()


def test_an_agent_that_another_worker_is_busy_with_is_left_to_it(world: World) -> None:
    world.open_account("atlas", "1000", "a")

    with world.another_worker().state.lease("atlas", wait_seconds=0):
        assert not run_tick(world.services, "atlas")

    assert run_tick(world.services, "atlas")


def test_the_periodic_resolve_books_what_a_dead_worker_left(world: World, celery: SimpleNamespace) -> None:
    world.open_account("atlas", "1000", "a")
    world.venue.add_fault("accept_then_timeout", seconds=0.05)
    world.buy("atlas")

    assert celery.resolve() == "1 agents, 0 orders still open"

    assert world.one("SELECT state FROM trading.orders")["state"] == "filled"
    world.check()
