"""Intents and outcomes in the book alone, without an exchange: what each moves, and what is refused."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime
from decimal import Decimal

import pytest
from sqlalchemy import text

from agents.allocation import Total, total_of
from agents.control import Command
from agents.decision import judge_entries, judge_exits
from agents.errors import BookError, StaleStateError
from agents.exits import open_bracket
from agents.model import Block, Fill, Market, Quote, Side, TradingState
from agents.orders import OrderState
from agents.profiles import ATLAS
from journal import control, entries, holdings, intents, ledger, opening, switch
from journal import leaving as leaving_positions
from journal.database import Book
from journal.direct import Direct
from journal.intents import Intent
from journal.ledger import OpenOrder, Outcome
from journal.opening import StartRequest
from tests.integration.reference import entry_at, positions_of, shares_of
from tests.integration.trading.invariants import assert_book_holds

NOW = datetime.now(UTC)
PRICE = Decimal(50000)
QUOTE = Quote("BTCUSDT", PRICE, PRICE, NOW)
MARKET = Market(
    "BTCUSDT",
    "BTC",
    "USDT",
    price_tick=Decimal("0.01"),
    lot_step=Decimal("0.00001"),
    min_quantity=Decimal("0.00001"),
    max_quantity=Decimal(9000),
    min_notional=Decimal(5),
    max_notional=Decimal(9_000_000),
)

POSITIONS = leaving_positions.signalled("atlas", "BTCUSDT")


def open_account(book: Book, account_id: str, equity: str = "1000") -> None:
    with book.unit_of_work() as session:
        request = StartRequest(
            profile=ATLAS, tick_seconds=Decimal(60), initial_equity=Decimal(equity), account_id=account_id
        )
        opening.start(session, request, actor="test")


def entry(book: Book, cause: str = "one") -> Intent:
    with book.reading() as session:
        seen = holdings.agent_snapshot(session, "atlas")
        wants = entries.wants(Direct.of(session), entry_at(session, "atlas", QUOTE, ATLAS, PRICE))
    block = judge_entries(wants.numbers, wants.quantity, ATLAS, MARKET, PRICE).block
    assert block is not None
    return Intent(f"buy-{cause}", seen, block, "signal", QUOTE, shares=wants)


def leaving(book: Book, cause: str = "one") -> Intent:
    with book.reading() as session:
        seen = holdings.agent_snapshot(session, "atlas")
        wants = leaving_positions.wants(Direct.of(session), POSITIONS)
    block = judge_exits(wants.numbers, wants.quantity, MARKET, PRICE).block
    assert block is not None
    return Intent(f"sell-{cause}", seen, block, "stop", QUOTE, shares=wants)


def commit(book: Book, intent: Intent) -> OpenOrder:
    with book.direct_work() as direct:
        return intents.record_intent(direct, intent)


def fill_of(order: OpenOrder, part: str = "1", price: Decimal = PRICE, trade_id: str = "1") -> Fill:
    quantity = (order.quantity * Decimal(part)).quantize(MARKET.lot_step)
    asset, received = ("BTC", quantity) if order.side is Side.BUY else ("USDT", quantity * price)
    return Fill(trade_id, price, quantity, quantity * price, (received / 1000).quantize(Decimal("1e-8")), asset, NOW)


def settle(book: Book, order: OpenOrder, fills: Sequence[Fill], state: OrderState = OrderState.FILLED) -> bool:
    total = total_of(order.side, fills, MARKET, lambda _: PRICE) if fills else None
    bought = order.side is Side.BUY and fills
    bracket = open_bracket(order.id, order.symbol, PRICE, ATLAS, order.created_at) if bought else None
    with book.unit_of_work() as session:
        return ledger.record_outcome(session, order, Outcome(state, "42", fills, total, MARKET.lot_step, bracket))


def money(book: Book, account_id: str = "a") -> tuple[Decimal | int, ...]:
    with book.reading() as session:
        row = session.execute(
            text("SELECT cash, reserved, balance FROM trading.accounts WHERE id = :id"), {"id": account_id}
        ).one()
    return row.cash, row.reserved, row.balance


def count(book: Book, table: str) -> int:
    with book.reading() as session:
        return int(session.scalar(text(f"SELECT count(*) FROM trading.{table}")) or 0)  # noqa: S608 - our own tables


@pytest.fixture
def running(book: Book) -> Book:
    open_account(book, "a")
    open_account(book, "b", "3000")
    return book


def test_an_intent_sets_aside_exactly_what_each_account_promised(running: Book) -> None:
    order = commit(running, entry(running))

    with running.reading() as session:
        promised = {want.account_id: want.reserved for want in shares_of(session, order.id)}
    assert money(running, "a") == (1000 - promised["a"], promised["a"], 1000)
    assert money(running, "b") == (3000 - promised["b"], promised["b"], 3000)
    assert_book_holds(running)


def test_a_fill_pays_its_cost_and_gives_the_rest_back(running: Book) -> None:
    order = commit(running, entry(running))

    assert settle(running, order, [fill_of(order)])

    cash, reserved, balance = money(running)
    assert (reserved, balance) == (0, 1000)
    assert 900 <= cash < 901
    assert_book_holds(running)


@pytest.mark.parametrize(
    "state", [OrderState.REJECTED, OrderState.WITHDRAWN, OrderState.EXPIRED, OrderState.ABSENT], ids=str
)
def test_an_order_that_came_to_nothing_gives_everything_back(running: Book, state: OrderState) -> None:
    order = commit(running, entry(running))

    assert settle(running, order, [], state)

    assert money(running) == (1000, 0, 1000)
    assert money(running, "b") == (3000, 0, 3000)
    assert count(running, "positions") == count(running, "brackets") == 0
    assert_book_holds(running)


def test_the_last_part_of_a_position_takes_all_that_is_left_of_its_cost(running: Book) -> None:
    bought = commit(running, entry(running))
    settle(running, bought, [fill_of(bought)])
    for part, price in ((1, "0.333"), (2, "0.5"), (3, "1")):
        order = commit(running, leaving(running, str(part)))
        settle(
            running,
            order,
            [fill_of(order, price, trade_id=f"s{part}")],
            OrderState.FILLED if part == 3 else OrderState.PARTIALLY_FILLED,
        )
        assert_book_holds(running)

    with running.reading() as session:
        paid, returned = session.execute(
            text(
                "SELECT (SELECT sum(cost) FROM trading.legs WHERE order_id = :bought), (SELECT sum(cost) FROM trading.trades)"
            ),
            {"bought": bought.id},
        ).one()
    assert paid == returned
    assert money(running)[0] == money(running)[2]


def test_an_outcome_booked_twice_moves_money_once(running: Book) -> None:
    order = commit(running, entry(running))
    settle(running, order, [fill_of(order)])
    after = money(running)

    assert not settle(running, order, [fill_of(order)])
    assert not settle(running, order, [], OrderState.REJECTED)

    assert money(running) == after
    assert_book_holds(running)


def test_an_exit_claims_its_positions_so_that_no_other_exit_takes_them(running: Book) -> None:
    bought = commit(running, entry(running))
    settle(running, bought, [fill_of(bought)])
    first, second = leaving(running, "one"), leaving(running, "two")
    commit(running, first)
    with running.reading() as session:
        now = holdings.agent_snapshot(session, "atlas")
        assert positions_of(session, POSITIONS) == []

    with pytest.raises(StaleStateError, match="position changed"):
        commit(running, replace(second, seen=now))


def test_positions_come_free_again_when_the_exit_comes_to_nothing(running: Book) -> None:
    bought = commit(running, entry(running))
    settle(running, bought, [fill_of(bought)])
    order = commit(running, leaving(running))
    settle(running, order, [], OrderState.EXPIRED)

    with running.reading() as session:
        assert len(positions_of(session, POSITIONS)) == 2
    assert_book_holds(running)


@pytest.mark.parametrize("change", ["agent", "account", "booking", "halted", "reducing"])
def test_an_intent_decided_on_what_is_no_longer_so_is_refused_whole(running: Book, change: str) -> None:
    intent = entry(running)
    if change == "booking":
        commit(running, entry(running, "other"))
    else:
        with running.unit_of_work() as session:
            if change in {"halted", "reducing"}:
                switch.turn(session, TradingState(change.upper()), reason="a test", actor="test")
            else:
                account = "a" if change == "account" else None
                control.change(session, Command.PAUSE, agent="atlas", account_id=account, actor="test")
    orders = count(running, "orders")

    with pytest.raises(StaleStateError):
        commit(running, intent)

    assert count(running, "orders") == orders
    assert_book_holds(running)


def test_a_reducing_service_still_takes_exits(running: Book) -> None:
    bought = commit(running, entry(running))
    settle(running, bought, [fill_of(bought)])
    with running.unit_of_work() as session:
        switch.turn(session, TradingState.REDUCING, reason="a test", actor="test")

    assert commit(running, leaving(running)).side is Side.SELL


def test_a_division_of_something_else_than_the_fills_is_refused_whole(running: Book) -> None:
    order = commit(running, entry(running))
    before = money(running)
    filled = fill_of(order)
    short = Total(filled.quantity - MARKET.lot_step, filled.cost)

    with pytest.raises(BookError, match="quantity to be divided"), running.unit_of_work() as session:
        ledger.record_outcome(session, order, Outcome(OrderState.FILLED, "42", [filled], short))

    assert money(running) == before
    assert count(running, "fills") == 0


def test_an_unknown_order_can_no_longer_be_withdrawn(running: Book) -> None:
    order = commit(running, entry(running))
    with running.unit_of_work() as session:
        ledger.mark_unknown(session, order.id, "timeout")

    with pytest.raises(BookError, match="cannot go from unknown to withdrawn"):
        settle(running, order, [], OrderState.WITHDRAWN)


def test_a_lost_answer_is_noted_once_and_never_on_a_final_order(running: Book) -> None:
    order = commit(running, entry(running))
    for reason in ("timeout", "another timeout"):
        with running.unit_of_work() as session:
            ledger.mark_unknown(session, order.id, reason)
    with running.reading() as session:
        (unknown,) = ledger.unresolved_orders(session, "atlas")
        assert ledger.agents_with_unresolved_orders(session) == ["atlas"]
        said = session.scalar(text("SELECT error_message FROM trading.orders"))
    assert (unknown.state, said) == (OrderState.UNKNOWN, "timeout")

    settle(running, order, [fill_of(order)])
    with running.unit_of_work() as session:
        ledger.mark_unknown(session, order.id, "late")

    with running.reading() as session:
        assert session.scalar(text("SELECT state FROM trading.orders")) == "filled"
        assert ledger.unresolved_orders(session, "atlas") == []


def test_shares_are_read_in_the_order_that_dividing_needs(book: Book) -> None:
    for name in ("b", "B", "a-1", "a_1", "a", "A", "10", "9"):
        open_account(book, name)
    order = commit(book, entry(book))

    with book.reading() as session:
        names = [want.account_id for want in shares_of(session, order.id)]

    assert names == sorted(names)
    assert len(names) == 8


def test_an_agent_without_the_switchs_row_counts_as_halted(running: Book) -> None:
    intent = entry(running)
    with running.unit_of_work() as session:
        session.execute(text("DELETE FROM trading.service_state"))

    with running.reading() as session:
        assert holdings.agent_snapshot(session, "atlas").trading is TradingState.HALTED
    with pytest.raises(StaleStateError):
        commit(running, intent)


def test_a_block_of_one_is_a_block(book: Book) -> None:
    open_account(book, "only")
    intent = entry(book)

    assert isinstance(intent.block, Block)
    order = commit(book, intent)
    settle(book, order, [fill_of(order)])

    assert_book_holds(book)
