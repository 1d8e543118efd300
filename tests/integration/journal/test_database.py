"""How connections to the book behave."""

from typing import Any

import pytest
from sqlalchemy import text

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


def test_a_glance_reads_what_is_committed_and_leaves_the_connection_as_it_was(book: Book) -> None:
    with book.glancing() as session:
        assert session.scalar(text("SELECT count(*) FROM trading.agents")) == 0
    with book.unit_of_work() as session:
        session.execute(text("UPDATE trading.service_state SET reason = 'changed'"))
        session.rollback()
    with book.reading() as session:
        assert session.scalar(text("SELECT reason FROM trading.service_state")) != "changed"
