"""Workers that die between two commits, and workers that do the same thing at once."""

import threading
from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from functools import partial

import pytest

from agents.allocation import limit_price
from agents.control import Command
from agents.decision import judge_entries
from agents.errors import StaleStateError
from agents.model import Side
from agents.orders import SEND_WITHIN, OrderState, Placement, Refused, client_order_id
from agents.profiles import PROFILES
from journal import entries, holdings, intents, ledger
from journal.direct import Direct
from journal.intents import Intent
from journal.ledger import OpenOrder, Outcome
from runtime.bootstrap import WorkerServices
from tasks.deciding import decide
from tasks.execution import settle
from tasks.tick import run_tick
from tests.integration.reference import entry_at
from tests.integration.trading.conftest import World


def entry_intent(world: World, agent: str = "atlas", cause: str = "by hand") -> Intent:
    """An entry as a worker decides it, before anything is written."""
    quote = world.services.exchange.quotes(["BTCUSDT"])["BTCUSDT"]
    market = world.services.exchange.markets()["BTCUSDT"]
    profile = PROFILES[agent]
    with world.services.book.reading() as session:
        seen = holdings.agent_snapshot(session, agent)
        price = limit_price(Side.BUY, quote, profile.max_slippage, market)
        wants = entries.wants(Direct.of(session), entry_at(session, agent, quote, profile, price))
    block = judge_entries(wants.numbers, wants.quantity, profile, market, price).block
    assert block is not None
    client_id = client_order_id(agent, "BTCUSDT", Side.BUY, cause)
    return Intent(client_id, seen, block, "signal", quote, shares=wants)


def commit(world: World, intent: Intent) -> OpenOrder:
    with world.services.book.direct_work() as direct:
        return intents.record_intent(direct, intent)


def send(world: World, order: OpenOrder) -> Placement:
    return world.services.exchange.place(
        client_order_id=order.client_order_id,
        symbol=order.symbol,
        side=order.side,
        quantity=order.quantity,
        limit_price=order.limit_price,
        expires_at=order.created_at + SEND_WITHIN,
    )


def state_of(world: World, order: OpenOrder) -> object:
    return world.one("SELECT state FROM trading.orders WHERE id = :id", id=order.id)["state"]


def at_once(*workers: Callable[[], object]) -> None:
    """Run all of them in threads of their own that start together; the first error is raised."""
    ready = threading.Barrier(len(workers))
    errors: list[BaseException] = []

    def run(work: Callable[[], object]) -> None:
        ready.wait(10)
        try:
            work()
        except Exception as error:  # noqa: BLE001 - handed to the test below
            errors.append(error)

    threads = [threading.Thread(target=run, args=(work,)) for work in workers]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)
    if errors:
        raise errors[0]


def test_an_intent_whose_worker_died_before_sending_is_absent_once_that_is_proven(world: World) -> None:
    world.open_account("atlas", "1000", "a")
    order = commit(world, entry_intent(world))
    world.check()

    world.tick("atlas")
    assert state_of(world, order) == "unknown"
    world.age_orders(31)
    world.tick("atlas")

    assert state_of(world, order) == "absent"
    assert world.one("SELECT cash FROM trading.accounts WHERE id = 'a'")["cash"] == 1000
    assert world.placed() == 0
    world.check()


def test_an_order_whose_worker_died_after_sending_is_found_and_booked(world: World) -> None:
    world.open_account("atlas", "1000", "a")
    order = commit(world, entry_intent(world))
    send(world, order)

    world.tick("atlas")

    assert state_of(world, order) == "filled"
    assert world.placed() == 1
    assert world.one("SELECT count(*) AS n FROM trading.brackets WHERE closed_at IS NULL")["n"] == 1
    world.check()


def test_a_sale_whose_worker_died_after_sending_is_found_and_booked(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    world.open_account("atlas", "1000", "a")
    world.buy("atlas")
    world.venue.pin_price("BTCUSDT", "40000")
    place = world.services.exchange.place

    def die(**order: object) -> None:
        place(**order)  # type: ignore[arg-type]  # handed on as they came
        raise KeyboardInterrupt

    with monkeypatch.context() as dying:
        dying.setattr(world.services.exchange, "place", die)
        with pytest.raises(KeyboardInterrupt):
            world.tick("atlas")
    world.check()

    world.tick("atlas")

    assert world.one("SELECT reason FROM trading.trades WHERE account_id = 'a'")["reason"] == "stop"
    assert world.placed() == 2
    world.check()


def test_an_intent_is_not_sent_after_its_time(world: World) -> None:
    world.open_account("atlas", "1000", "a")
    order = commit(world, entry_intent(world))

    answer = world.services.exchange.place(
        client_order_id=order.client_order_id,
        symbol=order.symbol,
        side=order.side,
        quantity=order.quantity,
        limit_price=order.limit_price,
        expires_at=order.created_at - timedelta(seconds=1),
    )

    assert isinstance(answer, Refused)
    assert world.placed() == 0


def test_the_same_intent_twice_is_refused_whole(world: World) -> None:
    world.open_account("atlas", "1000", "a")
    intent = entry_intent(world)
    commit(world, intent)

    with pytest.raises(StaleStateError):
        commit(world, intent)

    with pytest.raises(StaleStateError, match="in the book already"):
        commit(world, entry_intent(world))
    assert world.one("SELECT count(*) AS n FROM trading.shares")["n"] == 1
    world.check()


def test_an_outcome_is_booked_once(world: World) -> None:
    world.open_account("atlas", "1000", "a")
    order = commit(world, entry_intent(world))
    settle(world.services, order, send(world, order))
    money = world.one("SELECT cash, reserved FROM trading.accounts")

    with world.services.book.unit_of_work() as session:
        again = ledger.record_outcome(session, order, Outcome(OrderState.REJECTED))

    assert not again
    assert world.one("SELECT cash, reserved FROM trading.accounts") == money
    world.check()


def test_an_account_paused_between_reading_and_committing_stops_the_intent(world: World) -> None:
    world.open_account("atlas", "1000", "a")
    world.open_account("atlas", "1000", "b")
    intent = entry_intent(world)
    world.command(Command.PAUSE, "atlas", "b")

    with pytest.raises(StaleStateError):
        commit(world, intent)

    assert world.rows("SELECT id FROM trading.orders") == []
    world.check()


def test_cash_that_left_between_reading_and_committing_stops_the_intent(world: World) -> None:
    world.open_account("atlas", "1000", "a")
    intent = entry_intent(world)
    world.execute("UPDATE trading.accounts SET cash = 1, balance = 1")

    with pytest.raises(StaleStateError, match="an account or position changed"):
        commit(world, intent)

    assert world.rows("SELECT id FROM trading.orders") == []
    assert world.one("SELECT cash, reserved FROM trading.accounts") == {"cash": 1, "reserved": 0}


def test_an_agent_stopped_after_the_commit_sends_nothing(world: World) -> None:
    world.open_account("atlas", "1000", "a")
    world.advise("BTCUSDT", "buy")
    decision = world.push("atlas", **(world.engine.answers["BTCUSDT"] or {}))

    def stop(point: str) -> None:
        if point == "intent_committed":
            world.command(Command.STOP, "atlas")

    decide(replace(world.services, reach=stop), decision)

    assert world.one("SELECT state FROM trading.orders")["state"] == "withdrawn"
    assert world.one("SELECT cash, reserved FROM trading.accounts") == {"cash": 1000, "reserved": 0}
    assert world.placed() == 0
    world.check()


def test_two_workers_that_decide_the_same_decision_send_one_order(world: World) -> None:
    for number in range(20):
        world.open_account("atlas", "1000", f"investor-{number}")
    other = world.another_worker()
    world.advise("BTCUSDT", "buy")
    for attempt in range(3):
        decision = world.push("atlas", **{**(world.engine.answers["BTCUSDT"] or {}), "id": f"push-{attempt}"})

        at_once(partial(decide, world.services, decision), partial(decide, other, decision))

        assert world.one("SELECT code FROM trading.decisions WHERE id = :id", id=decision)["code"]
    assert world.one("SELECT count(*) AS n FROM trading.orders")["n"] == world.placed() == 1
    world.check()


def test_two_workers_that_decide_different_signals_never_spend_the_same_money(world: World) -> None:
    world.open_account("nova", "1000", "a")
    other = world.another_worker()
    symbols = ("BTCUSDT", "ETHUSDT")
    pending = []
    for symbol in symbols:
        world.advise(symbol, "buy")
        pending.append(world.push("nova", **(world.engine.answers[symbol] or {}), id=symbol))

    at_once(lambda: decide(world.services, pending[0]), lambda: decide(other, pending[1]))

    for decision in pending:
        world.decide(decision)
    codes = {row["code"] for row in world.rows("SELECT code FROM trading.decisions")}
    assert codes <= {"ordered", "order_unresolved"}
    world.check()


def test_many_workers_ticking_one_agent_trade_a_signal_once(world: World) -> None:
    world.open_account("atlas", "1000", "a")
    workers = [world.services, world.another_worker(), world.another_worker()]
    world.advise("BTCUSDT", "buy")

    def tick(services: WorkerServices) -> None:
        run_tick(services, "atlas")

    at_once(*(partial(tick, worker) for worker in workers))

    assert world.one("SELECT count(*) AS n FROM trading.orders")["n"] == world.placed() == 1
    world.check()


def test_two_workers_without_the_courtesy_of_a_lease_sell_a_position_once(world: World) -> None:
    world.open_account("atlas", "1000", "a")
    world.buy("atlas")
    world.venue.pin_price("BTCUSDT", "40000")
    other = world.another_worker()

    def tick(services: WorkerServices) -> None:
        services.state.client.delete("lease:atlas")
        run_tick(services, "atlas")

    for _ in range(2):
        at_once(lambda: tick(world.services), lambda: tick(other))
    world.tick("atlas")

    assert world.one("SELECT reason FROM trading.trades WHERE account_id = 'a'")["reason"] == "stop"
    assert world.placed() == 2
    world.check()
