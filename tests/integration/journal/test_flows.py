"""Money in and out of accounts when many ask at once, and what a flow does to the highest equity."""

import threading
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from decimal import Decimal
from functools import partial
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import text

from agents.breakers import after_flow
from agents.errors import ConflictError, InvalidInputError, NotEnoughCashError, TradingError
from agents.profiles import PROFILES
from journal import audit, flows, opening, withdrawals
from journal.database import Book, connect
from journal.flows import FlowRequest
from journal.opening import StartRequest

THREADS = 20
AMOUNTS = st.decimals(min_value="0.00000001", max_value=10**9, places=8)


@pytest.fixture
def book(database_url: str) -> Iterator[Book]:
    engine = connect(database_url, pool_size=THREADS)
    yield Book(engine)
    engine.dispose()


def start(book: Book, account_id: str, equity: str, agent: str = "atlas") -> None:
    request = StartRequest(
        profile=PROFILES[agent], tick_seconds=Decimal(60), initial_equity=Decimal(equity), account_id=account_id
    )
    with book.unit_of_work() as session:
        opening.start(session, request, actor="test")


def deposit(book: Book, account_id: str, amount: object, reference: str) -> Decimal | None:
    with book.unit_of_work() as session:
        request = FlowRequest(account_id, Decimal(str(amount)), reference)
        return flows.deposit(session, request, actor="test").balance_after


def withdraw(book: Book, account_id: str, amount: object, reference: str, *, liquidate: bool = False) -> str:
    with book.unit_of_work() as session:
        request = FlowRequest(account_id, Decimal(str(amount)), reference)
        return withdrawals.withdraw(session, request, liquidate=liquidate, actor="test").status


def close(book: Book, account_id: str, reference: str) -> str:
    with book.unit_of_work() as session:
        return withdrawals.close(session, account_id, reference, actor="test").status


def read(book: Book, statement: str, **values: object) -> list[tuple[Any, ...]]:
    with book.reading() as session:
        return [tuple(row) for row in session.execute(text(statement), values)]


def hold(book: Book, account_id: str, cost: str) -> None:
    with book.unit_of_work() as session:
        values = {"account": account_id, "cost": Decimal(cost)}
        session.execute(
            text(
                "INSERT INTO trading.positions (account_id, agent, symbol, quantity, cost, entry_price) "
                "VALUES (:account, 'atlas', 'BTCUSDT', 1, :cost, :cost)"
            ),
            values,
        )
        session.execute(text("UPDATE trading.accounts SET cash = cash - :cost WHERE id = :account"), values)


def together(calls: Sequence[Callable[[], object]]) -> list[object]:
    """Run calls at the same moment; an error of ours counts as a result."""
    gate = threading.Barrier(len(calls))

    def run(call: Callable[[], object]) -> object:
        gate.wait()
        try:
            return call()
        except TradingError as error:
            return error

    with ThreadPoolExecutor(len(calls)) as pool:
        return list(pool.map(run, calls))


def assert_chained(book: Book, account_id: str) -> None:
    """Every balance begins where the one before it ended; cash, balance, flows and withdrawals agree."""
    rows = read(
        book,
        "SELECT transaction_type, amount, balance_before, balance_after FROM investment.account_transactions "
        "WHERE account_id = :id ORDER BY id",
        id=account_id,
    )
    balance = Decimal(0)
    for kind, amount, before, after in rows:
        assert before == balance
        balance += amount if kind == "deposit" else -amount
        assert after == balance >= 0
    assert read(book, "SELECT cash, balance FROM trading.accounts WHERE id = :id", id=account_id) == [(balance,) * 2]
    paid = "SELECT sum(amount) FROM trading.withdrawals WHERE account_id = :id AND status = 'completed'"
    sent = "SELECT sum(amount) FROM trading.cash_flows WHERE account_id = :id AND flow_type = 'withdrawal'"
    assert read(book, paid, id=account_id) == read(book, sent, id=account_id)


def test_of_many_withdrawals_at_once_exactly_the_payable_ones_succeed(book: Book) -> None:
    start(book, "a", "1050")
    results = together([partial(withdraw, book, "a", 100, f"w-{number}") for number in range(THREADS)])
    assert results.count("completed") == 10
    refusals = [result for result in results if isinstance(result, NotEnoughCashError)]
    assert len(refusals) == 10
    assert {refusal.free for refusal in refusals} == {Decimal(50)}
    assert read(book, "SELECT cash FROM trading.accounts WHERE id = 'a'") == [(50,)]
    assert_chained(book, "a")


def test_of_many_withdrawals_of_all_sizes_at_once_none_takes_what_is_not_there(book: Book) -> None:
    start(book, "a", "1000")
    amounts = [Decimal(37 * number % 23 * 11 + 1) for number in range(THREADS)]
    results = together([partial(withdraw, book, "a", amount, f"w-{n}") for n, amount in enumerate(amounts)])
    paid = sum(amount for amount, result in zip(amounts, results, strict=True) if result == "completed")
    ((cash,),) = read(book, "SELECT cash FROM trading.accounts WHERE id = 'a'")
    assert cash == 1000 - paid >= 0
    for amount, result in zip(amounts, results, strict=True):
        assert isinstance(result, NotEnoughCashError) == (result != "completed")
        assert result == "completed" or amount > cash
    assert_chained(book, "a")


def test_the_same_withdrawal_from_many_threads_is_one(book: Book) -> None:
    start(book, "a", "1000")
    assert together([partial(withdraw, book, "a", 300, "w-1")] * 10) == ["completed"] * 10
    assert read(book, "SELECT count(*) FROM trading.withdrawals") == [(1,)]
    assert read(book, "SELECT cash FROM trading.accounts WHERE id = 'a'") == [(700,)]
    assert_chained(book, "a")


def test_the_same_pending_withdrawal_from_many_threads_is_one(book: Book) -> None:
    start(book, "a", "1000")
    hold(book, "a", "600")
    assert together([partial(withdraw, book, "a", 500, "w-1", liquidate=True)] * 10) == ["pending"] * 10
    assert read(book, "SELECT count(*), sum(amount) FROM trading.withdrawals") == [(1, 500)]


def test_the_same_deposit_from_many_threads_is_one(book: Book) -> None:
    start(book, "a", "1000")
    assert together([partial(deposit, book, "a", 300, "d-1")] * 10) == [Decimal(1300)] * 10
    assert_chained(book, "a")


def test_one_reference_for_a_deposit_and_a_withdrawal_at_once_is_one_of_them(book: Book) -> None:
    start(book, "a", "1000")
    for number in range(5):
        results = together(
            [
                partial(deposit, book, "a", 10, f"r-{number}"),
                partial(withdraw, book, "a", 10, f"r-{number}"),
                partial(deposit, book, "a", 11, f"r-{number}"),
            ]
        )
        assert sum(isinstance(result, ConflictError) for result in results) == 2
    assert_chained(book, "a")


def test_pending_withdrawals_at_once_never_promise_more_than_the_account_is_worth(book: Book) -> None:
    start(book, "a", "1000")
    hold(book, "a", "900")
    results = together([partial(withdraw, book, "a", 150, f"w-{n}", liquidate=True) for n in range(THREADS)])
    assert results.count("pending") == 6
    assert read(book, "SELECT sum(amount) FROM trading.withdrawals") == [(900,)]


def test_a_closing_among_deposits_and_withdrawals_leaves_zero(book: Book) -> None:
    for number in range(4):
        name = f"a-{number}"
        start(book, name, "1000")
        results = together(
            [
                *(partial(deposit, book, name, 7, f"d-{n}") for n in range(6)),
                *(partial(withdraw, book, name, 300, f"w-{n}") for n in range(6)),
                partial(close, book, name, "c-1"),
                partial(close, book, name, "c-2"),
            ]
        )
        assert sum(isinstance(result, ConflictError) for result in results[-2:]) == 1
        assert read(book, "SELECT cash, balance, peak_equity FROM trading.accounts WHERE id = :id", id=name) == [
            (0, 0, 0)
        ]
        assert_chained(book, name)
    assert read(book, "SELECT sum(peak_equity) FROM trading.agents") == [(0,)]


def test_flows_of_accounts_that_move_between_agents_never_wait_for_ever(book: Book) -> None:
    for number in range(3):
        start(book, f"a-{number}", "100")
        start(book, f"n-{number}", "100", agent="nova")
    with book.unit_of_work() as session:
        session.execute(text("UPDATE trading.accounts SET status = 'stopped'"))
    results = together(
        [
            *(partial(start, book, f"a-{n}", "1", agent="nova") for n in range(3)),
            *(partial(start, book, f"n-{n}", "1", agent="atlas") for n in range(3)),
            *(partial(deposit, book, f"a-{n}", 5, "d") for n in range(3)),
            *(partial(withdraw, book, f"n-{n}", 5, "w") for n in range(3)),
        ]
    )
    assert all(result is None or "try again" in str(result) for result in results[:6])
    assert all(not isinstance(result, Exception) or "try again" in str(result) for result in results[6:])
    for number in range(3):
        assert_chained(book, f"a-{number}")
        assert_chained(book, f"n-{number}")


def test_an_account_that_the_platform_no_longer_knows_is_named_and_nothing_written(book: Book) -> None:
    start(book, "a", "100")
    with book.unit_of_work() as session:
        session.execute(text("CREATE TABLE investment.accounts (id text PRIMARY KEY)"))
        session.execute(
            text(
                "ALTER TABLE investment.account_transactions ADD FOREIGN KEY (account_id) "
                "REFERENCES investment.accounts (id) NOT VALID"
            )
        )
    with pytest.raises(InvalidInputError, match="account_id"):
        deposit(book, "a", 5, "d-1")
    with pytest.raises(InvalidInputError, match="account_id"):
        withdraw(book, "a", 5, "w-1")
    assert_chained(book, "a")


@given(peak=AMOUNTS, equity=AMOUNTS, amount=AMOUNTS, out=st.booleans())
def test_a_flow_leaves_the_drawdown_as_it_was(peak: Decimal, equity: Decimal, amount: Decimal, *, out: bool) -> None:
    flow = -min(amount, equity) if out else amount
    before = 1 - equity / max(peak, equity)

    later = max(after_flow(max(peak, equity), equity, flow), equity + flow)

    if equity + flow == 0:
        assert later == 0
    else:
        assert abs((1 - (equity + flow) / later) - before) < Decimal("1e-20")


def test_the_first_money_after_everything_was_withdrawn_begins_anew() -> None:
    assert after_flow(Decimal(0), Decimal(0), Decimal(50)) == 50
    assert after_flow(Decimal(100), Decimal(0), Decimal(50)) == 50
    assert after_flow(Decimal(100), Decimal(80), Decimal(-80)) == 0


@pytest.mark.parametrize(
    ("corruption", "code"),
    [
        ("UPDATE trading.withdrawals SET amount = 7 WHERE kind = 'withdrawal'", "withdrawal_payment_differs"),
        (
            "UPDATE trading.withdrawals SET status = 'pending', finished_at = NULL WHERE kind = 'withdrawal'",
            "withdrawal_payment_differs",
        ),
        ("DELETE FROM trading.withdrawals WHERE kind = 'withdrawal'", "withdrawal_payment_differs"),
        ("DELETE FROM trading.withdrawals WHERE kind = 'closing'", "closed_account_not_empty"),
        (
            (
                "INSERT INTO trading.positions (account_id, agent, symbol, quantity, cost, entry_price) "
                "VALUES ('closed', 'atlas', 'BTCUSDT', 1, 0, 1)"
            ),
            "closed_account_not_empty",
        ),
    ],
)
def test_the_audit_finds_a_withdrawal_that_was_tampered_with(book: Book, corruption: str, code: str) -> None:
    start(book, "a", "1000")
    start(book, "closed", "50")
    withdraw(book, "a", 300, "w-1")
    close(book, "closed", "c-1")
    with book.reading() as session:
        assert audit.breaches(session) == []
    with book.unit_of_work() as session:
        session.execute(text(corruption))
    with book.reading() as session:
        assert code in {finding.code for finding in audit.breaches(session)}
