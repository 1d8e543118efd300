"""How connections to the book behave."""

from typing import Any

import psycopg2
import pytest
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError, OperationalError

from journal import database
from journal.database import (
    IDLE_IN_TRANSACTION_MS,
    LOCK_TIMEOUT_MS,
    NOTICE_SILENCE,
    STATEMENT_TIMEOUT_MS,
    Book,
    connect,
)


def test_every_wait_on_the_book_is_bounded_and_a_frozen_transaction_loses_its_locks(database_url: str) -> None:
    engine = connect(database_url)
    with engine.connect() as connection:
        shown = {
            name: connection.scalar(text("SELECT current_setting(:name)"), {"name": name})
            for name in ("statement_timeout", "lock_timeout", "idle_in_transaction_session_timeout", "TimeZone")
        }
    engine.dispose()

    assert shown == {
        "statement_timeout": f"{STATEMENT_TIMEOUT_MS // 60_000}min",
        "lock_timeout": f"{LOCK_TIMEOUT_MS // 1000}s",
        "idle_in_transaction_session_timeout": f"{IDLE_IN_TRANSACTION_MS // 1000}s",
        "TimeZone": "UTC",
    }


def test_a_server_that_vanished_from_the_network_is_given_up_in_seconds(database_url: str) -> None:
    engine = connect(database_url)
    with engine.connect() as connection:
        raw: Any = connection.connection.driver_connection
        used = raw.get_dsn_parameters()
    engine.dispose()

    assert {name: int(used[name]) for name in NOTICE_SILENCE} == NOTICE_SILENCE
    assert NOTICE_SILENCE["tcp_user_timeout"] <= 10_000


def test_a_connection_that_died_while_it_lay_idle_is_replaced_before_it_is_used(
    database_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(database, "IDLE_SECONDS", -1)
    engine, other = connect(database_url), connect(database_url)
    with engine.connect() as connection:
        used = connection.scalar(text("SELECT pg_backend_pid()"))
    with other.connect() as connection:
        connection.execute(text("SELECT pg_terminate_backend(:pid, 5000)"), {"pid": used})

    with engine.connect() as connection:
        assert connection.scalar(text("SELECT pg_backend_pid()")) != used
    engine.dispose()
    other.dispose()


def test_a_connection_that_was_used_just_now_is_not_asked_for_a_sign_of_life(
    database_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    engine = connect(database_url)
    asked: list[object] = []
    monkeypatch.setattr(engine.dialect, "do_ping", asked.append)
    for _ in range(3):
        with engine.connect() as connection:
            connection.execute(text("SELECT 1"))
    engine.dispose()

    assert asked == []


def test_a_glance_asks_the_server_for_nothing_but_what_it_reads(database_url: str) -> None:
    engine, other = connect(database_url), connect(database_url)
    glance = "SELECT pg_backend_pid() AS pid"
    with Book(engine).direct_glance() as direct:
        used = direct.rows(glance, {})[0].pid
    with other.connect() as connection:
        asked_last = connection.scalar(text("SELECT query FROM pg_stat_activity WHERE pid = :pid"), {"pid": used})
    engine.dispose()
    other.dispose()

    assert asked_last == glance


def test_a_glance_reads_what_is_committed_and_leaves_the_connection_as_it_was(book: Book) -> None:
    with book.glancing() as session:
        assert session.scalar(text("SELECT count(*) FROM trading.agents")) == 0
    with book.unit_of_work() as session:
        session.execute(text("UPDATE trading.service_state SET reason = 'changed'"))
        session.rollback()
    with book.reading() as session:
        assert session.scalar(text("SELECT reason FROM trading.service_state")) != "changed"


MARKED = "SELECT count(*) AS marks FROM trading.marks WHERE symbol = %(symbol)s"
MARK = "INSERT INTO trading.marks (symbol, bid, ask, at) VALUES (%(symbol)s, 1, 1, now())"


def marks(book: Book, symbol: str) -> object:
    with book.direct_glance() as direct:
        (row,) = direct.rows(MARKED, {"symbol": symbol})
    return row.marks


def test_direct_work_is_committed_at_its_end_and_leaves_nothing_if_it_raises(book: Book) -> None:
    with pytest.raises(ZeroDivisionError), book.direct_work() as direct:  # noqa: PT012 - what was written before counts
        direct.run(MARK, {"symbol": "LOSTUSDT"})
        raise ZeroDivisionError
    with book.direct_work() as direct:
        direct.run(MARK, {"symbol": "KEPTUSDT"})
        assert marks(book, "KEPTUSDT") == 0

    assert (marks(book, "LOSTUSDT"), marks(book, "KEPTUSDT")) == (0, 1)


def test_each_direct_statement_of_a_glance_is_a_transaction_and_the_next_work_is_one_again(book: Book) -> None:
    with book.direct_glance() as direct:
        direct.run(MARK, {"symbol": "ONEUSDT"})
        assert marks(book, "ONEUSDT") == 1
    with book.unit_of_work() as session:
        session.execute(text("DELETE FROM trading.marks WHERE symbol = 'ONEUSDT'"))
        session.rollback()

    assert marks(book, "ONEUSDT") == 1


def test_a_direct_statement_that_fails_raises_as_any_other_and_its_connection_is_used_again(book: Book) -> None:
    with pytest.raises(DBAPIError) as failed, book.direct_work() as direct:
        direct.run(MARK, {"symbol": None})

    assert isinstance(failed.value.orig, psycopg2.errors.NotNullViolation)
    assert marks(book, "ANYUSDT") == 0


def test_a_direct_statement_on_a_connection_that_broke_fails_once(database_url: str) -> None:
    engine, other = connect(database_url, pool_size=1), connect(database_url)
    book = Book(engine)
    with pytest.raises(OperationalError), book.direct_work() as direct:  # noqa: PT012 - it breaks in the middle
        (used,) = direct.rows("SELECT pg_backend_pid() AS pid", {})
        with other.connect() as connection:
            connection.execute(text("SELECT pg_terminate_backend(:pid, 5000)"), {"pid": used.pid})
        direct.rows("SELECT 1 AS one", {})

    with book.direct_work() as direct:
        assert direct.rows("SELECT 1 AS one", {})[0].one == 1
    engine.dispose()
    other.dispose()
