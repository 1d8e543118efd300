"""A pushed signal: what is read and asked for before it is decided."""

import threading
from decimal import Decimal

import pytest

from agents.control import Command
from journal.decisions import Basis
from runtime.bootstrap import WorkerServices
from tasks import pushing
from tasks.deciding import load_basis
from tasks.pushing import decide_pushed
from tests.integration.trading.conftest import World
from tests.integration.trading.test_checks import weights_of

WAIT_SECONDS = 10


def pushed(world: World, agent: str = "atlas") -> int:
    return world.push(agent, symbol="BTCUSDT", action="buy", confidence=Decimal(1), price=Decimal(45000))


def code_of(world: World, decision: int) -> object:
    return world.one("SELECT code FROM trading.decisions WHERE id = :id", id=decision)["code"]


def test_the_prices_of_an_announced_symbol_are_asked_for_once_and_its_order_is_paid_with_them(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    world.open_account("atlas", "1000")
    decision = pushed(world)
    spent = weights_of(world, monkeypatch)

    decide_pushed(world.services, decision, "BTCUSDT")

    assert code_of(world, decision) == "ordered"
    assert spent == [3, 20]


def test_a_decision_without_or_with_another_announced_symbol_is_made_at_its_own_prices(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    for agent, symbol, weights in (("atlas", None, [2, 20, 1]), ("nova", "ETHUSDT", [3, 2, 20])):
        world.open_account(agent, "1000")
        decision = pushed(world, agent)
        spent = weights_of(world, monkeypatch)

        decide_pushed(world.services, decision, symbol)

        order = world.one("SELECT symbol, ask FROM trading.orders WHERE decision_id = :id", id=decision)
        assert order["symbol"] == "BTCUSDT"
        assert abs(order["ask"] - 45000) < 100
        assert spent == weights


def test_what_was_read_while_another_worker_had_the_agent_is_read_again(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    world.open_account("atlas", "1000")
    world.command(Command.PAUSE, "atlas")
    decision = pushed(world)
    has_read = threading.Event()

    def load_and_tell(services: WorkerServices, decision_id: int) -> Basis | None:
        basis = load_basis(services, decision_id)
        has_read.set()
        return basis

    monkeypatch.setattr(pushing, "load_basis", load_and_tell)
    monkeypatch.setattr(pushing, "BASIS_NANOSECONDS", 0)
    task = threading.Thread(target=decide_pushed, args=[world.services, decision, "BTCUSDT"])
    with world.another_worker().state.lease("atlas", wait_seconds=0) as lease:
        assert lease is not None
        task.start()
        assert has_read.wait(WAIT_SECONDS)
        world.command(Command.RESUME, "atlas")
    task.join(WAIT_SECONDS)

    assert code_of(world, decision) == "ordered"


def test_a_decision_made_already_costs_no_order(world: World) -> None:
    world.open_account("atlas", "1000")
    decision = pushed(world)
    decide_pushed(world.services, decision, "BTCUSDT")

    assert decide_pushed(world.services, decision, "BTCUSDT") == "nothing pending"
    assert world.placed() == 1
