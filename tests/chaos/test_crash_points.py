"""Each way to die, once and on purpose: what the book and the exchange say afterwards."""

import time

import pytest
from sqlalchemy import text

from runtime.failpoints import POINTS
from tests.chaos.conftest import until_back
from tests.chaos.run import RECOVERY_SECONDS
from tests.chaos.verdict import judge
from tests.chaos.world import World
from tests.e2e.service import wait_for

pytestmark = pytest.mark.xdist_group("chaos")

BOOK = """
SELECT (SELECT jsonb_agg(to_jsonb(a) ORDER BY a.id) FROM trading.accounts a) AS accounts,
       (SELECT jsonb_agg(to_jsonb(p) ORDER BY p.id) FROM trading.positions p) AS positions,
       (SELECT jsonb_agg(to_jsonb(o) ORDER BY o.id) FROM trading.orders o) AS orders,
       (SELECT jsonb_agg(to_jsonb(f) ORDER BY f.trade_id) FROM trading.fills f) AS fills,
       (SELECT jsonb_agg(to_jsonb(x) ORDER BY x.id) FROM investment.account_transactions x) AS transactions
"""
"""Everything that is money."""

LEAVES: dict[str, list[str]] = {
    "signals_stored": [],
    "intent_written": [],
    "intent_committed": ["intended"],
    "order_answered": ["intended"],
    "outcome_written": ["intended"],
    "outcome_committed": ["filled"],
}
"""The states of the orders in the book when a worker has died there."""

BECOMES = {
    "signals_stored": "filled",
    "intent_written": "filled",
    "intent_committed": "absent",
    "order_answered": "filled",
    "outcome_written": "filled",
    "outcome_committed": "filled",
}
"""What becomes of the order of the signal on which a worker dies. Only one that was never sent is given up."""


def orders(world: World) -> list[str]:
    return [row["state"] for row in world.rows("SELECT state FROM trading.orders ORDER BY id")]


def codes(world: World) -> list[str]:
    return [row["code"] for row in world.rows("SELECT code FROM trading.decisions ORDER BY id")]


def ticks(world: World) -> int:
    return world.processes.said().count("Task agents.tick[")


@pytest.mark.parametrize("point", POINTS)
def test_a_worker_that_dies_at_this_point_has_traded_its_signal_once(world: World, point: str) -> None:
    doomed, beat = world.processes.workers[0], world.processes.beats[0]
    doomed.start({point: 1.0})
    beat.start()
    world.advise("BTCUSDT", "buy", 0.9)
    wait_for(lambda: doomed.died_by_itself, f"it dies at {point}", 40)
    assert orders(world) == LEAVES[point]
    # The lease of the dead runs out by itself, which another test waits for.
    world.services.state.client.delete("lease:atlas")

    until_back(world)

    wait_for(lambda: orders(world) == [BECOMES[point]], f"the order is {BECOMES[point]}", 45)
    assert judge(world, []).breaches == []
    placed = world.venue.orders(["BTCUSDT"])
    assert len(placed) == (0 if point == "intent_committed" else 1)


def test_an_agent_runs_again_within_half_a_minute_after_every_process_was_killed(world: World) -> None:
    until_back(world)
    world.exchange.add_fault("slow", method="GET", path="/api/v3/ticker/bookTicker", seconds=3)
    wait_for(lambda: world.services.state.client.exists("lease:atlas"), "a worker holds the agent")

    world.processes.end()

    assert world.services.state.client.exists("lease:atlas", "redbeat::lock") == 2
    assert until_back(world) < RECOVERY_SECONDS


def test_agents_run_again_within_half_a_minute_after_redis_lost_everything(world: World) -> None:
    until_back(world)

    world.servers.lose_redis()

    assert world.services.state.client.dbsize() < 5
    assert until_back(world) < RECOVERY_SECONDS


def test_a_tick_in_which_postgresql_crashes_is_followed_by_one_that_trades(world: World) -> None:
    until_back(world)
    world.exchange.add_fault("slow", method="GET", path="/api/v3/ticker/bookTicker", seconds=2)
    world.advise("BTCUSDT", "buy", 0.9)
    wait_for(lambda: world.services.state.client.exists("lease:atlas"), "a tick is on its way")

    world.servers.postgres.kill()
    world.servers.postgres.start()

    assert until_back(world) < RECOVERY_SECONDS
    wait_for(lambda: orders(world) == ["filled"], "the signal is traded")
    assert judge(world, []).breaches == []


def test_two_beats_send_no_tick_twice(world: World) -> None:
    until_back(world)
    wait_for(lambda: "beat: Starting" in world.processes.beats[1].log.read_text(), "the second beat has started")
    before, began = ticks(world), time.monotonic()

    wait_for(lambda: time.monotonic() - began > 6, "six seconds have passed")

    made, passed = ticks(world) - before, time.monotonic() - began
    assert passed / 0.5 / 2 <= made <= passed / 0.5 + 2


def test_two_workers_that_get_every_message_several_times_trade_a_signal_once(world: World) -> None:
    until_back(world)
    app = world.services.queue.app
    for number, (symbol, action) in enumerate([("BTCUSDT", "buy"), ("ETHUSDT", "buy"), ("BTCUSDT", "sell")]):
        world.advise(symbol, action, 0.9)
        for _ in range(5):
            app.send_task("agents.tick", args=["atlas"])
            app.send_task("agents.signal", args=[number + 1])
            app.send_task("orders.resolve")
            app.send_task("signals.sweep")
        wait_for(lambda n=number: orders(world) == ["filled"] * (n + 1), f"{symbol} {action} is traded")  # type: ignore[misc]  # bound early on purpose

    assert judge(world, []).breaches == []
    assert len(world.venue.orders(["BTCUSDT", "ETHUSDT"])) == 3


def test_a_wiped_exchange_freezes_trading_and_edits_nothing(world: World) -> None:
    until_back(world)
    world.advise("BTCUSDT", "buy", 0.9)
    wait_for(lambda: orders(world) == ["filled"], "something is held")
    with world.book.unit_of_work() as session:
        session.execute(text("UPDATE trading.orders SET resolved_at = resolved_at - interval '1 minute'"))
    for beat in world.processes.beats:
        beat.terminate()
    money = world.rows(BOOK)

    world.exchange.wipe()
    world.services.queue.app.send_task("exchange.reconcile")

    switch = wait_for(
        lambda: [s for s in world.rows("SELECT * FROM trading.service_state") if s["state"] == "HALTED"], "it is halted"
    )
    assert switch[0]["reason"] == "venue_wiped"
    world.advise("ETHUSDT", "buy", 0.9)
    world.advise("BTCUSDT", "sell", 0.9)
    world.services.queue.app.send_task("agents.tick", args=["atlas"])
    wait_for(lambda: codes(world).count("trading_halted") == 2, "both signals are denied")
    assert world.rows(BOOK) == money
    assert world.venue.orders(["BTCUSDT", "ETHUSDT"]) == []
