"""What running, paused and stopped mean, for an agent and for one account, and the switch above them."""

from collections.abc import Mapping

import pytest

from agents.control import Command
from agents.model import Quote, TradingState
from tasks import tick
from tests.integration.trading.conftest import World


def codes(world: World) -> list[str]:
    return [row["code"] for row in world.rows("SELECT code FROM trading.decisions ORDER BY id")]


def reasons(world: World) -> list[str]:
    return [row["reason"] for row in world.rows("SELECT reason FROM trading.trades WHERE account_id NOT LIKE 'dust%'")]


def holders(world: World) -> list[str]:
    rows = world.rows("SELECT account_id FROM trading.positions WHERE closed_at IS NULL AND cost > 0 ORDER BY 1")
    return [row["account_id"] for row in rows]


def fall(world: World) -> None:
    """Down through every stop."""
    world.venue.pin_price("BTCUSDT", "40000")


def on_schedule(world: World) -> bool:
    return bool(world.services.state.client.exists("redbeat:tick:atlas"))


@pytest.fixture
def invested(world: World) -> World:
    """Atlas runs for two accounts, both of which hold bitcoin."""
    world.open_account("atlas", "1000", "a")
    world.open_account("atlas", "2000", "b")
    world.buy("atlas")
    assert holders(world) == ["a", "b"]
    return world


def test_a_paused_agent_enters_nothing(world: World) -> None:
    world.open_account("atlas", "1000", "a")
    world.command(Command.PAUSE, "atlas")

    world.buy("atlas")

    assert codes(world) == ["agent_paused"]
    assert world.placed() == 0


def test_a_paused_agent_still_sells_at_its_stop(invested: World) -> None:
    invested.command(Command.PAUSE, "atlas")
    fall(invested)

    invested.tick("atlas")

    assert reasons(invested) == ["stop", "stop"]
    assert holders(invested) == []
    invested.check()


def test_a_paused_agent_still_follows_a_sell_signal(invested: World) -> None:
    invested.command(Command.PAUSE, "atlas")
    invested.advise("BTCUSDT", "sell")

    invested.tick("atlas")

    assert reasons(invested) == ["opposite_signal", "opposite_signal"]
    invested.check()


def test_a_resumed_agent_enters_again(world: World) -> None:
    world.open_account("atlas", "1000", "a")
    world.command(Command.PAUSE, "atlas")
    world.command(Command.RESUME, "atlas")

    world.buy("atlas")

    assert codes(world) == ["ordered"]
    world.check()


def test_a_stopped_agent_keeps_its_positions_and_does_nothing(invested: World) -> None:
    invested.command(Command.STOP, "atlas")
    fall(invested)
    invested.advise("BTCUSDT", "sell")

    invested.tick("atlas")

    assert holders(invested) == ["a", "b"]
    assert invested.placed() == 1
    assert codes(invested) == ["ordered"]
    assert not on_schedule(invested)
    invested.check()


def test_a_signal_pushed_to_a_stopped_agent_ends_as_a_decision(invested: World) -> None:
    invested.command(Command.STOP, "atlas")
    invested.advise("BTCUSDT", "sell")

    invested.decide(invested.push("atlas", **(invested.engine.answers["BTCUSDT"] or {})))

    assert codes(invested) == ["ordered", "agent_not_running"]
    assert holders(invested) == ["a", "b"]


def test_stopping_with_close_positions_sells_everything_and_takes_the_agent_off_the_schedule(invested: World) -> None:
    invested.command(Command.STOP, "atlas", close=True)
    assert on_schedule(invested)

    invested.tick("atlas")

    assert reasons(invested) == ["operator", "operator"]
    assert holders(invested) == []
    assert not on_schedule(invested)
    assert invested.rows("SELECT id FROM trading.accounts WHERE close_requested_at IS NOT NULL") == []
    invested.check()


def test_a_close_that_is_filled_in_part_stays_on_the_schedule_until_it_is_done(invested: World) -> None:
    invested.command(Command.STOP, "atlas", close=True)
    invested.venue.add_fault("partial_fill", fraction="0.5")

    invested.tick("atlas")
    assert on_schedule(invested)
    invested.check()
    invested.tick("atlas")

    assert holders(invested) == []
    assert not on_schedule(invested)
    invested.check()


def test_an_agent_stopped_while_its_tick_runs_sells_nothing_more_in_that_tick(
    invested: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    fall(invested)
    look = tick._quotes

    def stop_meanwhile(*arguments: object) -> Mapping[str, Quote]:
        found = look(*arguments)  # type: ignore[arg-type]  # handed on as they come
        if invested.one("SELECT status FROM trading.agents")["status"] == "running":
            invested.command(Command.STOP, "atlas")
        return found

    monkeypatch.setattr(tick, "_quotes", stop_meanwhile)
    invested.tick("atlas")

    assert holders(invested) == ["a", "b"]
    assert invested.placed() == 1
    invested.check()


def test_a_stopped_account_keeps_its_position_while_the_others_leave(invested: World) -> None:
    invested.command(Command.STOP, "atlas", "a")
    fall(invested)

    invested.tick("atlas")
    invested.tick("atlas")

    assert holders(invested) == ["a"]
    assert reasons(invested) == ["stop"]
    invested.check()


def test_stopping_one_account_with_close_positions_sells_its_position_alone(invested: World) -> None:
    invested.command(Command.STOP, "atlas", "a", close=True)

    invested.tick("atlas")

    assert holders(invested) == ["b"]
    assert reasons(invested) == ["operator"]
    assert on_schedule(invested)
    invested.check()


def test_a_paused_account_enters_nothing_but_leaves_with_the_others(world: World) -> None:
    world.open_account("atlas", "1000", "a")
    world.open_account("atlas", "1000", "b")
    world.buy("atlas")
    world.open_account("atlas", "1000", "c")
    world.command(Command.PAUSE, "atlas", "a")
    world.command(Command.PAUSE, "atlas", "c")
    world.advise("BTCUSDT", "buy")
    world.tick("atlas")
    assert holders(world) == ["a", "b"]
    world.engine.answers.clear()
    fall(world)

    world.tick("atlas")

    assert holders(world) == []
    world.check()


def test_a_halted_service_sends_no_order_at_all(invested: World) -> None:
    invested.switch(TradingState.HALTED)
    fall(invested)
    invested.advise("BTCUSDT", "sell")

    invested.tick("atlas")

    assert codes(invested) == ["ordered", "trading_halted"]
    assert holders(invested) == ["a", "b"]
    assert invested.placed() == 1
    invested.check()


def test_a_halted_service_leaves_at_the_next_tick_after_it_is_active_again(invested: World) -> None:
    invested.switch(TradingState.HALTED)
    fall(invested)
    invested.tick("atlas")
    invested.switch(TradingState.ACTIVE)

    invested.tick("atlas")

    assert holders(invested) == []
    invested.check()


def test_a_reducing_service_only_leaves(invested: World) -> None:
    invested.switch(TradingState.REDUCING)
    invested.open_account("atlas", "5000", "c")
    invested.advise("BTCUSDT", "buy")
    invested.tick("atlas")
    assert codes(invested) == ["ordered", "trading_reducing"]
    invested.engine.answers.clear()
    fall(invested)

    invested.tick("atlas")

    assert holders(invested) == []
    invested.check()
