"""Control calls in the book: each whole or not at all, also when many come at once."""

import threading
import uuid
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from decimal import Decimal
from functools import partial
from typing import Any

import pytest
from sqlalchemy import text

from agents.control import Command
from agents.errors import ConflictError, InvalidInputError, NotFoundError, TradingError
from agents.model import Status, TradingState
from agents.profiles import PROFILES
from journal import control, opening, outward_queries
from journal.database import Book, connect
from journal.opening import Started, StartRequest

NOBODY = "00000000-0000-4000-8000-000000000000"


def start(book: Book, agent: str = "atlas", account_id: str | None = None, equity: str = "1000") -> Started:
    request = StartRequest(
        profile=PROFILES[agent], tick_seconds=Decimal(60), initial_equity=Decimal(equity), account_id=account_id
    )
    with book.unit_of_work() as session:
        return opening.start(session, request, actor="test")


def change(
    book: Book, command: Command, agent: str = "atlas", account_id: str | None = None, *, close_positions: bool = False
) -> None:
    with book.unit_of_work() as session:
        control.change(
            session, command, agent=agent, account_id=account_id, close_positions=close_positions, actor="test"
        )


def read(book: Book, statement: str, **values: object) -> list[tuple[Any, ...]]:
    with book.reading() as session:
        return [tuple(row) for row in session.execute(text(statement), values)]


def hold(book: Book, account_id: str, agent: str = "atlas") -> None:
    with book.unit_of_work() as session:
        session.execute(
            text(
                "INSERT INTO trading.positions (account_id, agent, symbol, quantity, cost, entry_price) "
                "VALUES (:account, :agent, 'BTCUSDT', 1, 100, 100)"
            ),
            {"account": account_id, "agent": agent},
        )


def test_opening_writes_account_assignment_flow_transaction_and_audit_together(book: Book) -> None:
    assert start(book, account_id="a", equity="12.5") == Started("a", opened=True)
    assert read(
        book, "SELECT agent, kind, status, version, cash, reserved, balance, peak_equity FROM trading.accounts"
    ) == [("atlas", "investor", "running", 1, Decimal("12.5"), 0, Decimal("12.5"), Decimal("12.5"))]
    assert read(book, "SELECT account_id, agent, ended_at FROM trading.assignments") == [("a", "atlas", None)]
    assert read(book, "SELECT flow_type, amount, reference_id FROM trading.cash_flows") == [
        ("deposit", Decimal("12.5"), "start:a")
    ]
    assert read(
        book,
        "SELECT account_id, transaction_type, amount, balance_before, balance_after, reference_type, reference_id "
        "FROM investment.account_transactions",
    ) == [("a", "deposit", Decimal("12.5"), 0, Decimal("12.5"), "agent_start", "start:a")]
    ((actor, action, agent, account_id, before, after),) = read(
        book, "SELECT actor, action, agent, account_id, before, after FROM trading.audit_log"
    )
    assert (actor, action, agent, account_id) == ("test", "start", "atlas", "a")
    assert (before["agent_status"], "account_status" in before) == ("stopped", False)
    assert (after["agent_status"], after["account_status"], Decimal(after["cash"])) == (
        "running",
        "running",
        Decimal("12.5"),
    )


def test_a_refused_start_leaves_no_trace(book: Book) -> None:
    request = StartRequest(
        profile=PROFILES["atlas"], tick_seconds=Decimal(60), initial_equity=Decimal(1), symbols=["XYZUSDT"]
    )
    with pytest.raises(InvalidInputError, match="XYZUSDT"), book.unit_of_work() as session:
        opening.start(session, request, actor="test")
    with pytest.raises(InvalidInputError, match="account_id"):
        start(book, account_id="house-nova")
    assert read(book, "SELECT count(*) FROM trading.agents") == [(0,)]


def test_a_restart_writes_no_second_deposit(book: Book) -> None:
    start(book, account_id="a")
    change(book, Command.STOP)
    assert start(book, account_id="a", equity="5") == Started("a", opened=False)
    assert read(book, "SELECT count(*) FROM investment.account_transactions") == [(1,)]
    assert read(book, "SELECT cash FROM trading.accounts") == [(1000,)]


def test_a_move_to_another_agent_ends_one_assignment_and_begins_the_next(book: Book) -> None:
    start(book, "atlas", "a", "300")
    start(book, "atlas", "b", "100")
    change(book, Command.STOP, "atlas", "a")
    start(book, "nova", "a")
    assert read(book, "SELECT agent, ended_at IS NULL FROM trading.assignments WHERE account_id = 'a' ORDER BY id") == [
        ("atlas", False),
        ("nova", True),
    ]
    assert read(book, "SELECT name, peak_equity FROM trading.agents ORDER BY name") == [("atlas", 100), ("nova", 300)]


def test_an_account_that_holds_something_does_not_move(book: Book) -> None:
    start(book, "atlas", "a")
    hold(book, "a")
    change(book, Command.STOP, "atlas", "a")
    with pytest.raises(ConflictError, match="open positions"):
        start(book, "nova", "a")
    assert read(book, "SELECT agent FROM trading.accounts") == [("atlas",)]


def test_a_paused_agent_opens_no_account(book: Book) -> None:
    start(book, account_id="a")
    change(book, Command.PAUSE)
    with pytest.raises(ConflictError, match="agent atlas is paused: resume it"):
        start(book, account_id="b")
    assert read(book, "SELECT id FROM trading.accounts") == [("a",)]


def test_control_of_an_unknown_account_or_of_dust_is_not_found(book: Book) -> None:
    start(book, account_id="a")
    with book.unit_of_work() as session:
        session.execute(text("INSERT INTO trading.accounts (id, agent, kind) VALUES ('dust-atlas', 'atlas', 'dust')"))
    for account_id in ("nobody", "dust-atlas"):
        with pytest.raises(NotFoundError):
            change(book, Command.STOP, account_id=account_id)


def test_an_agent_to_be_closed_needs_ticks_until_nothing_is_held(book: Book) -> None:
    for account_id in ("a", "b"):
        start(book, account_id=account_id)
    hold(book, "a")
    change(book, Command.STOP, close_positions=True)
    with book.unit_of_work() as session:
        assert not control.close_done(session, "atlas")
        publication = control.publication(session, "atlas")
    assert publication is not None
    assert (publication.status, publication.needs_ticks) == (Status.STOPPED, True)
    with book.unit_of_work() as session:
        session.execute(text("UPDATE trading.positions SET quantity = 0, cost = 0, closed_at = now()"))
        assert control.close_done(session, "atlas")
        publication = control.publication(session, "atlas")
    assert publication is not None
    assert not publication.needs_ticks


def test_cash_reserved_for_an_open_order_keeps_a_close_request_alive(book: Book) -> None:
    start(book, account_id="a")
    with book.unit_of_work() as session:
        session.execute(text("UPDATE trading.accounts SET cash = cash - 10, reserved = 10"))
    change(book, Command.STOP, close_positions=True)
    with book.unit_of_work() as session:
        assert not control.close_done(session, "atlas")


def test_what_is_published_of_an_agent_includes_the_switch_above_it(book: Book) -> None:
    start(book)
    with book.unit_of_work() as session:
        session.execute(text("UPDATE trading.service_state SET state = 'REDUCING'"))
    with book.reading() as session:
        (publication,) = control.publications(session)
    assert (publication.agent, publication.status, publication.version) == ("atlas", Status.RUNNING, 1)
    assert publication.switch.state is TradingState.REDUCING


def together(*calls: Callable[[], object]) -> list[object]:
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


def test_of_many_starts_of_one_account_at_once_one_opens_it(book: Book) -> None:
    results = together(*(lambda: start(book, account_id="a") for _ in range(4)))
    assert [result for result in results if isinstance(result, Started)] == [Started("a", opened=True)]
    assert sum(isinstance(result, ConflictError) for result in results) == 3
    assert read(book, "SELECT sum(amount) FROM investment.account_transactions") == [(1000,)]


def test_of_two_agents_that_open_one_account_at_once_one_gets_it(book: Book) -> None:
    for number in range(5):
        results = together(
            partial(start, book, "atlas", f"a{number}"),
            partial(start, book, "nova", f"a{number}"),
        )
        assert sum(isinstance(result, Started) for result in results) == 1
        assert sum(isinstance(result, ConflictError) for result in results) == 1
    assert read(book, "SELECT count(*) FROM trading.assignments WHERE ended_at IS NULL") == [(5,)]


def test_accounts_that_swap_agents_at_once_never_wait_for_each_other_for_ever(book: Book) -> None:
    start(book, "atlas", "a")
    start(book, "nova", "n")
    for agent, account_id in (("atlas", "a"), ("nova", "n")):
        change(book, Command.STOP, agent, account_id)
    results = together(lambda: start(book, "nova", "a"), lambda: start(book, "atlas", "n"))
    assert all(isinstance(result, Started) for result in results)
    assert read(book, "SELECT id, agent FROM trading.accounts ORDER BY id") == [("a", "nova"), ("n", "atlas")]


def test_a_stop_while_accounts_are_being_started_stops_all_or_is_seen_by_the_rest(book: Book) -> None:
    start(book, account_id="first")
    together(
        *(partial(start, book, "atlas", f"a{n}") for n in range(4)),
        lambda: change(book, Command.STOP),
    )
    (status,) = read(book, "SELECT status FROM trading.agents")
    running = read(book, "SELECT count(*) FROM trading.accounts WHERE status = 'running'")
    assert (status == ("stopped",)) == (running == [(0,)])
    # Only the agent's own changes count: its start, its stop, and its start anew if a call came after that.
    assert read(book, "SELECT version FROM trading.agents") == [(3 if status == ("running",) else 2,)]


class TestAPlatformThatOwnsTheTables:
    @pytest.fixture
    def book(self, database_url: str) -> Any:  # noqa: ANN401 - a generator of books
        """The platform's own table, with ids of its own types and an investor it knows."""
        engine = connect(database_url)
        with engine.begin() as connection:
            connection.execute(text("DROP TABLE investment.account_transactions"))
            connection.execute(text("CREATE TABLE investment.accounts (id uuid PRIMARY KEY)"))
            connection.execute(text("CREATE TYPE investment.kind AS ENUM ('deposit', 'withdrawal', 'profit', 'loss')"))
            connection.execute(
                text(
                    "CREATE TABLE investment.account_transactions ("
                    "id uuid PRIMARY KEY DEFAULT gen_random_uuid(), "
                    "account_id uuid NOT NULL REFERENCES investment.accounts (id), "
                    "transaction_type investment.kind NOT NULL, amount numeric(15, 2) NOT NULL, "
                    "balance_before numeric(15, 2) NOT NULL, balance_after numeric(15, 2) NOT NULL, "
                    "description varchar(255), reference_type varchar(50), reference_id uuid, "
                    "created_at timestamp DEFAULT now())"
                )
            )
        yield Book(engine)
        engine.dispose()

    def test_an_account_it_knows_is_opened_and_shown_to_it(self, book: Book) -> None:
        known = str(uuid.uuid4())
        with book.unit_of_work() as session:
            session.execute(text("INSERT INTO investment.accounts VALUES (:id)"), {"id": known})
        start(book, account_id=known, equity="250.5")
        assert read(
            book, "SELECT CAST(account_id AS text), amount, reference_id FROM investment.account_transactions"
        ) == [(known, Decimal("250.50"), None)]

    def test_its_transactions_are_read_page_by_page(self, book: Book) -> None:
        known = str(uuid.uuid4())
        with book.unit_of_work() as session:
            session.execute(text("INSERT INTO investment.accounts VALUES (:id)"), {"id": known})
            for day in (1, 2, 3):
                session.execute(
                    text(
                        "INSERT INTO investment.account_transactions VALUES (gen_random_uuid(), :id, 'profit', :day, "
                        "0, 0, NULL, NULL, NULL, DATE '2026-01-01' + CAST(:day AS integer))"
                    ),
                    {"id": known, "day": day},
                )
        with book.reading() as session:
            first = outward_queries.transactions(session, known, limit=2)
            second = outward_queries.transactions(session, known, before=str(first[-1]["id"]), limit=2)
            assert [row["amount"] for row in (*first, *second)] == [3, 2, 1]
            assert outward_queries.transactions(session, "not-a-uuid", limit=2) == []
            assert outward_queries.transactions(session, known, before="17", limit=2) == []

    @pytest.mark.parametrize(
        "account_id", ["investor-1", "0" * 31, "0" * 32, "1-23456781234567812345678123456780", NOBODY, None]
    )
    def test_an_account_it_cannot_know_is_refused_by_name_and_nothing_written(
        self, book: Book, account_id: str | None
    ) -> None:
        with pytest.raises(InvalidInputError, match="account_id"):
            start(book, account_id=account_id)
        assert read(book, "SELECT count(*) FROM trading.accounts") == [(0,)]
