"""Withdrawals that need a sale, and closings: served by the agent's ticks, whatever state agent and account are in."""

import threading
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from decimal import ROUND_FLOOR, Decimal
from typing import Any

import pytest
from sqlalchemy import text
from sqlalchemy.orm import Session

from agents.control import Command
from agents.errors import ConflictError
from agents.model import TradingState
from journal import entries, flows, queries, withdrawals
from journal.direct import Direct
from journal.entries import Entry, EntryWants
from journal.flows import FlowRequest
from runtime.bootstrap import WorkerServices
from tasks.tick import run_tick
from tests.integration.trading.conftest import World


def deposit(world: World, account_id: str, amount: str, reference: str) -> None:
    with world.services.book.unit_of_work() as session:
        flows.deposit(session, FlowRequest(account_id, Decimal(amount), reference), actor="test")


def withdraw(world: World, account_id: str, amount: object, reference: str = "w-1") -> str:
    """As the control API does it, positions included."""
    with world.services.book.unit_of_work() as session:
        request = FlowRequest(account_id, Decimal(str(amount)), reference)
        asked = withdrawals.withdraw(session, request, liquidate=True, actor="test")
    world.publish(world.one("SELECT agent FROM trading.accounts WHERE id = :id", id=account_id)["agent"])
    return asked.status


def close(world: World, account_id: str, reference: str = "c-1") -> str:
    with world.services.book.unit_of_work() as session:
        asked = withdrawals.close(session, account_id, reference, actor="test")
    world.publish(world.one("SELECT agent FROM trading.accounts WHERE id = :id", id=account_id)["agent"])
    return asked.status


def state_of(world: World, reference: str = "w-1") -> str:
    return str(world.one("SELECT status FROM trading.withdrawals WHERE reference_id = :r", r=reference)["status"])


def account(world: World, account_id: str) -> Mapping[str, Any]:
    return world.one("SELECT * FROM trading.accounts WHERE id = :id", id=account_id)


def cash(world: World, account_id: str) -> Decimal:
    return Decimal(account(world, account_id)["cash"])


def held(world: World, account_id: str, symbol: str = "BTCUSDT") -> Decimal:
    row = world.one(
        "SELECT coalesce(sum(quantity), 0) AS n FROM trading.positions "
        "WHERE account_id = :id AND symbol = :symbol AND closed_at IS NULL",
        id=account_id,
        symbol=symbol,
    )
    return Decimal(row["n"])


def published(world: World, agent: str) -> bool:
    return bool(world.services.state.client.exists(f"redbeat:tick:{agent}"))


def test_a_withdrawal_beyond_free_cash_sells_only_what_it_needs_and_is_paid_in_the_same_tick(world: World) -> None:
    world.open_account("nova", "10000", "a")
    world.open_account("nova", "10000", "b")
    world.buy("nova")
    before, other = held(world, "a"), held(world, "b")
    amount = cash(world, "a") + 1000

    assert withdraw(world, "a", amount) == "pending"
    world.check()
    world.tick("nova")

    assert state_of(world) == "completed"
    sale = world.one("SELECT * FROM trading.orders WHERE side = 'sell'")
    assert (sale["reason"], sale["state"]) == ("withdrawal", "filled")
    assert held(world, "b") == other
    sold = before - held(world, "a")
    assert 0 < sold < before
    assert 0 <= cash(world, "a") < 10
    (paid,) = world.rows("SELECT * FROM investment.account_transactions WHERE transaction_type = 'withdrawal'")
    assert (paid["account_id"], paid["amount"], paid["reference_id"]) == ("a", amount, "w-1")
    world.check()


def test_everyone_who_needs_cash_sells_in_one_block(world: World) -> None:
    for name in "abc":
        world.open_account("nova", "9000", name)
    world.buy("nova")
    for name in "ab":
        withdraw(world, name, cash(world, name) + 700, f"w-{name}")

    world.tick("nova")

    assert world.one("SELECT count(*) AS n FROM trading.orders WHERE side = 'sell'")["n"] == 1
    assert (state_of(world, "w-a"), state_of(world, "w-b")) == ("completed", "completed")
    world.check()


def test_what_would_be_left_too_small_to_sell_is_sold_too(world: World) -> None:
    world.open_account("nova", "1000", "a")
    world.buy("nova")
    withdraw(world, "a", cash(world, "a") + held(world, "a") * 44900 - 4)

    world.tick("nova")

    assert state_of(world) == "completed"
    assert held(world, "a") == 0
    assert world.one("SELECT count(*) AS n FROM trading.brackets WHERE closed_at IS NULL")["n"] == 0
    world.check()


def test_more_than_one_position_is_sold_when_one_is_not_enough(world: World) -> None:
    world.open_account("nova", "10000", "a")
    world.buy("nova", "BTCUSDT")
    world.buy("nova", "ETHUSDT")
    world.buy("nova", "SOLUSDT")
    values = {s: held(world, "a", s) for s in ("BTCUSDT", "ETHUSDT", "SOLUSDT")}
    assert all(values.values())

    withdraw(world, "a", cash(world, "a") + 3500)
    world.tick("nova")

    assert state_of(world) == "completed"
    assert len(world.rows("SELECT id FROM trading.orders WHERE side = 'sell'")) == 2
    world.check()


def test_several_withdrawals_are_paid_in_their_order(world: World) -> None:
    world.open_account("nova", "10000", "a")
    world.buy("nova")
    free = cash(world, "a")
    assert withdraw(world, "a", free + 500, "first") == "pending"
    assert withdraw(world, "a", 200, "second") == "pending"

    world.venue.add_fault("partial_fill", fraction="0.1")
    world.tick("nova")
    world.check()
    assert state_of(world, "second") == "pending" or state_of(world, "first") == "completed"
    for _ in range(4):
        world.tick("nova")

    paid = world.rows(
        "SELECT reference_id FROM investment.account_transactions WHERE transaction_type = 'withdrawal' ORDER BY id"
    )
    assert [row["reference_id"] for row in paid] == ["first", "second"]
    world.check()


def test_while_a_withdrawal_is_pending_the_account_enters_nothing_and_the_others_do(world: World) -> None:
    world.open_account("nova", "10000", "a")
    world.open_account("nova", "10000", "b")
    world.buy("nova")
    world.switch(TradingState.HALTED)
    withdraw(world, "a", cash(world, "a") + 1000)
    world.tick("nova")
    assert state_of(world) == "pending"
    detail = world.one("SELECT detail FROM trading.withdrawals")["detail"]
    assert detail == "trading is halted"
    world.switch(TradingState.ACTIVE)
    world.venue.add_fault("partial_fill", fraction="0")

    world.buy("nova", "ETHUSDT")

    assert held(world, "a", "ETHUSDT") == 0 < held(world, "b", "ETHUSDT")
    codes = world.one("SELECT counts FROM trading.decisions ORDER BY id DESC LIMIT 1")["counts"]
    assert codes == {"ordered": 1, "withdrawal_pending": 1}
    world.tick("nova")
    assert state_of(world) == "completed"
    world.check()


@pytest.mark.parametrize("account_too", [False, True])
def test_a_stopped_agent_or_account_still_pays_and_then_rests(world: World, account_too: bool) -> None:  # noqa: FBT001 - a case
    world.open_account("nova", "10000", "a")
    world.buy("nova")
    world.command(Command.STOP, "nova", "a" if account_too else None)
    if account_too:
        world.command(Command.STOP, "nova")
    assert not published(world, "nova")

    assert withdraw(world, "a", cash(world, "a") + 1000) == "pending"
    assert published(world, "nova")
    world.tick("nova")

    assert state_of(world) == "completed"
    assert not published(world, "nova")
    assert held(world, "a") > 0
    world.check()


def test_a_paused_agent_pays(world: World) -> None:
    world.open_account("nova", "10000", "a")
    world.buy("nova")
    world.command(Command.PAUSE, "nova")
    withdraw(world, "a", cash(world, "a") + 1000)
    world.tick("nova")
    assert state_of(world) == "completed"
    world.check()


def test_a_deposit_can_pay_what_is_pending(world: World) -> None:
    world.open_account("nova", "10000", "a")
    world.buy("nova")
    world.switch(TradingState.HALTED)
    withdraw(world, "a", cash(world, "a") + 1000)
    before = held(world, "a")
    deposit(world, "a", "1000", "d-1")

    world.tick("nova")

    assert state_of(world) == "completed"
    assert held(world, "a") == before
    assert cash(world, "a") == 0
    world.check()


def test_when_the_market_fell_and_everything_is_sold_the_withdrawal_fails_and_someone_is_told(world: World) -> None:
    world.open_account("nova", "10000", "a")
    world.buy("nova")
    withdraw(world, "a", cash(world, "a") + held(world, "a") * 44900)
    withdraw(world, "a", 5, "small")
    world.venue.pin_price("BTCUSDT", "40000")

    world.tick("nova")

    failed = world.one("SELECT * FROM trading.withdrawals WHERE reference_id = 'w-1'")
    assert failed["status"] == "failed"
    assert failed["free"] > 9000
    assert "everything is sold" in failed["detail"]
    assert state_of(world, "small") == "completed"
    assert any("w-1 of a failed" in body for _, body in world.alerts.sent)
    rows = world.rows("SELECT amount FROM investment.account_transactions WHERE transaction_type = 'withdrawal'")
    assert [row["amount"] for row in rows] == [5]
    world.check()


def test_a_sale_whose_answer_is_lost_is_not_made_twice_and_pays_when_it_is_known(world: World) -> None:
    world.open_account("nova", "10000", "a")
    world.buy("nova")
    withdraw(world, "a", cash(world, "a") + 1000)
    world.venue.add_fault("accept_then_5xx", status=502)

    world.tick("nova")
    assert state_of(world) == "pending"
    world.check()
    world.tick("nova")

    assert state_of(world) == "completed"
    assert world.placed() == 2
    world.check()


def test_a_thin_market_takes_several_ticks(world: World) -> None:
    world.open_account("nova", "10000", "a")
    world.buy("nova")
    withdraw(world, "a", cash(world, "a") + 1000)
    world.venue.add_fault("partial_fill", fraction="0.3")

    world.tick("nova")
    assert state_of(world) == "pending"
    world.check()
    world.tick("nova")

    assert state_of(world) == "completed"
    world.check()


def test_a_position_that_is_too_small_to_be_sold_waits_and_says_so(world: World) -> None:
    world.open_account("atlas", "20", "small")
    world.open_account("atlas", "10000", "large")
    world.buy("atlas")
    withdraw(world, "small", cash(world, "small") + 1)

    world.tick("atlas")

    row = world.one("SELECT status, detail FROM trading.withdrawals")
    assert row["status"] == "pending"
    assert "less than the smallest order" in row["detail"]
    assert any("less than the smallest order" in body for _, body in world.alerts.sent)

    world.venue.pin_price("BTCUSDT", "47000")
    world.tick("atlas")
    assert state_of(world) == "completed"
    world.check()


def test_an_account_that_holds_nothing_is_closed_at_once(world: World) -> None:
    world.open_account("nova", "1234.56789012", "a")

    assert close(world, "a") == "completed"

    row = account(world, "a")
    assert (row["cash"], row["reserved"], row["balance"], row["peak_equity"], row["status"]) == (0, 0, 0, 0, "stopped")
    assert row["closed_at"] is not None
    assert world.rows("SELECT id FROM trading.assignments WHERE ended_at IS NULL") == []
    assert world.one("SELECT amount FROM trading.withdrawals")["amount"] == Decimal("1234.56789012")
    world.check()


def test_closing_sells_everything_pays_everything_and_leaves_zero(world: World) -> None:
    world.open_account("nova", "10000", "a")
    world.open_account("nova", "5000", "b")
    world.buy("nova", "BTCUSDT")
    world.buy("nova", "ETHUSDT")
    other = held(world, "b")

    assert close(world, "a") == "pending"
    world.tick("nova")

    row = account(world, "a")
    assert (row["cash"], row["reserved"], row["balance"], row["status"]) == (0, 0, 0, "stopped")
    assert row["closed_at"] is not None
    assert held(world, "a") == held(world, "a", "ETHUSDT") == 0
    assert held(world, "b") == other
    assert state_of(world, "c-1") == "completed"
    world.check()
    assert close(world, "a") == "completed"
    with pytest.raises(ConflictError, match="closed"):
        world.open_account("nova", "5", "a")
    with pytest.raises(ConflictError, match="closed"):
        deposit(world, "a", "5", "d-1")
    with pytest.raises(ConflictError, match="closed"):
        withdraw(world, "a", "5", "w-1")
    with pytest.raises(ConflictError, match="closed"):
        close(world, "a", "c-2")


def test_an_account_that_is_being_closed_takes_no_other_turn(world: World) -> None:
    world.open_account("nova", "10000", "a")
    world.buy("nova")
    world.switch(TradingState.HALTED)
    assert close(world, "a") == "pending"
    for attempt in (
        lambda: world.open_account("nova", "5", "a"),
        lambda: deposit(world, "a", "5", "d-1"),
        lambda: withdraw(world, "a", "5", "w-1"),
        lambda: close(world, "a", "c-2"),
    ):
        with pytest.raises(ConflictError, match="being closed"):
            attempt()
    assert close(world, "a") == "pending"
    world.tick("nova")
    assert state_of(world, "c-1") == "pending"
    world.switch(TradingState.ACTIVE)
    world.tick("nova")
    assert state_of(world, "c-1") == "completed"
    world.check()


def test_withdrawals_before_a_closing_are_paid_first(world: World) -> None:
    world.open_account("nova", "10000", "a")
    world.buy("nova")
    withdraw(world, "a", cash(world, "a") + 100)
    close(world, "a")

    world.tick("nova")

    assert (state_of(world), state_of(world, "c-1")) == ("completed", "completed")
    assert account(world, "a")["balance"] == 0
    world.check()


def test_closing_the_last_account_of_a_stopped_agent_takes_it_off_the_schedule(world: World) -> None:
    world.open_account("nova", "10000", "a")
    world.buy("nova")
    world.command(Command.STOP, "nova")
    close(world, "a")
    assert published(world, "nova")
    world.tick("nova")
    assert account(world, "a")["closed_at"] is not None
    assert not published(world, "nova")


def test_a_closing_during_an_entry_of_unknown_outcome_waits_for_it(world: World) -> None:
    world.open_account("nova", "10000", "a")
    world.venue.add_fault("accept_then_5xx", status=502)
    world.venue.add_fault("error_before", method="GET", times=None)
    world.buy("nova")
    assert account(world, "a")["reserved"] > 0
    assert close(world, "a") == "pending"
    world.check()
    world.venue.clear_faults()

    world.tick("nova")
    world.tick("nova")

    assert state_of(world, "c-1") == "completed"
    assert account(world, "a")["balance"] == 0
    world.check()


def test_flows_change_no_drawdown(world: World) -> None:
    world.open_account("nova", "10000", "a")
    world.buy("nova")
    world.venue.pin_price("BTCUSDT", "43000")
    world.tick("nova")

    def drawdowns() -> tuple[Decimal, Decimal]:
        with world.services.book.reading() as session:
            view = queries.account_view(session, "a")
            assert view is not None
            of_agent = queries.agent_views(session, ["nova"])[0]
        return round(view["current_drawdown"], 12), round(of_agent["current_drawdown"], 12)

    before = drawdowns()
    assert min(before) > 0
    deposit(world, "a", "12345.678", "d-1")
    assert drawdowns() == before
    withdraw(world, "a", "15000", "w-1")
    assert drawdowns() == before
    world.check()


def test_a_withdrawal_during_a_tick_that_buys_takes_only_what_is_free(world: World) -> None:
    world.open_account("nova", "10000", "a")
    world.open_account("nova", "10000", "b")
    gate = threading.Barrier(2)

    def take_all(number: int) -> bool:
        gate.wait()
        with suppress(ConflictError):
            with world.services.book.unit_of_work() as session:
                row = session.execute(text("SELECT cash FROM trading.accounts WHERE id = 'a'")).one()
                request = FlowRequest("a", row.cash.quantize(Decimal("0.01"), ROUND_FLOOR), f"w-{number}")
                withdrawals.withdraw(session, request, liquidate=False, actor="test")
            return True
        return False

    def buy(symbol: str) -> None:
        world.advise(symbol, "buy")
        gate.wait()
        world.tick("nova")

    with ThreadPoolExecutor(2) as pool:
        for number, symbol in enumerate(("BTCUSDT", "ETHUSDT", "SOLUSDT", "XRPUSDT")):
            withdrawn, bought = pool.submit(take_all, number), pool.submit(buy, symbol)
            bought.result()
            withdrawn.result()
            world.check()
            deposit(world, "a", "10000", f"d-{number}")

    assert account(world, "a")["reserved"] == 0
    world.check()


def test_withdrawals_asked_for_during_ticks_are_all_paid_once(world: World) -> None:
    for name in "abc":
        world.open_account("nova", "10000", name)
    world.buy("nova")
    other = world.another_worker()
    gate = threading.Barrier(5)

    def ask(name: str) -> None:
        gate.wait()
        for number in range(4):
            with world.services.book.unit_of_work() as session:
                request = FlowRequest(name, Decimal(1800), f"w-{number}")
                withdrawals.withdraw(session, request, liquidate=True, actor="test")

    def tick(services: WorkerServices) -> None:
        gate.wait()
        for _ in range(5):
            run_tick(services, "nova")

    with ThreadPoolExecutor(5) as pool:
        running = [pool.submit(ask, name) for name in "abc"]
        running += [pool.submit(tick, services) for services in (world.services, other)]
        for job in running:
            job.result()
    world.tick("nova")

    assert world.one("SELECT count(*) AS n FROM trading.withdrawals WHERE status = 'completed'")["n"] == 12
    for name in "abc":
        row = world.one(
            "SELECT count(*) AS n, sum(amount) AS total FROM investment.account_transactions "
            "WHERE account_id = :id AND transaction_type = 'withdrawal'",
            id=name,
        )
        assert (row["n"], row["total"]) == (4, 7200)
        assert held(world, name) > 0
    world.check()


def test_a_closing_whose_position_is_too_small_to_be_sold_says_so_and_leaves_with_the_others(world: World) -> None:
    world.open_account("atlas", "20", "small")
    world.open_account("atlas", "10000", "large")
    world.buy("atlas")
    assert close(world, "small") == "pending"

    world.tick("atlas")

    row = world.one("SELECT status, detail FROM trading.withdrawals")
    assert row["status"] == "pending"
    assert "less than the smallest order" in row["detail"]
    world.venue.pin_price("BTCUSDT", "47000")
    world.tick("atlas")
    assert state_of(world, "c-1") == "completed"
    assert account(world, "small")["balance"] == 0
    world.check()


def test_an_entry_decided_just_before_a_withdrawal_was_asked_for_is_not_committed(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    world.open_account("nova", "10000", "a")
    world.buy("nova")
    world.switch(TradingState.HALTED)
    withdraw(world, "a", cash(world, "a") + 1000)
    world.switch(TradingState.ACTIVE)
    see = entries.wants

    def see_no_withdrawal(_direct: Direct, entry: Entry) -> EntryWants:
        with Session(world.services.book.engine) as session:
            session.execute(text("SET LOCAL session_replication_role = replica"))
            session.execute(text("DELETE FROM trading.withdrawals"))
            found = see(Direct.of(session), entry)
            session.rollback()
        return found

    monkeypatch.setattr(entries, "wants", see_no_withdrawal)
    quote = world.services.exchange.quotes(["ETHUSDT"])["ETHUSDT"]

    world.decide(world.push("nova", symbol="ETHUSDT", action="buy", confidence=Decimal(1), price=quote.bid))

    assert world.placed("ETHUSDT") == 0
    assert account(world, "a")["reserved"] == 0
