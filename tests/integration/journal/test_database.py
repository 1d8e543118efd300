"""How connections to the book behave."""

from typing import Any

from sqlalchemy import text

from journal.database import IDLE_IN_TRANSACTION_MS, LOCK_TIMEOUT_MS, NOTICE_SILENCE, STATEMENT_TIMEOUT_MS, connect


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
