"""Whether the book has changed: a stamp that stays the same exactly as long as nobody commits anything.

PostgreSQL gives every statement a snapshot: which transactions it sees. Two statements with equal snapshots see the
same rows, whatever the tables, so nobody who writes has to tell anybody that something changed, and none can forget
it. See "Snapshot Synchronization Functions" and ``pg_current_snapshot`` in PostgreSQL's documentation, chapter 9.27.
"""

import time
from collections.abc import Callable
from threading import Lock
from typing import Any

import psycopg2
from sqlalchemy import Engine
from sqlalchemy.exc import SQLAlchemyError

SNAPSHOT = "SELECT pg_current_snapshot()::text"


class Stamps:
    """Reads stamps over one connection of its own, which all threads share: a reading takes a tenth of a millisecond.

    Args:
        engine: of the book.
        clock: nanoseconds that only rise.
    """

    def __init__(self, engine: Engine, clock: Callable[[], int] = time.monotonic_ns) -> None:
        self._engine = engine
        self._clock = clock
        self._began = -1
        self._stamp: str | None = None
        self._lock = Lock()
        self._connection: Any = None
        self._cursor: Any = None

    def now(self) -> str | None:
        """The present stamp; None if the book is out of reach.

        Threads that wait while one reads share the next reading, which begins after all of them asked.
        """
        asked = self._clock()
        with self._lock:
            if self._began <= asked:
                self._began = self._clock()
                # The connection may have died since it was last used, so that a new one gets the second try.
                self._stamp = self._read() or self._read()
            return self._stamp

    def _read(self) -> str | None:
        try:
            if self._cursor is None:
                self._connect()
            self._cursor.execute(SNAPSHOT)
            stamp: str = self._cursor.fetchone()[0]
        except (psycopg2.Error, SQLAlchemyError):
            self._disconnect()
            return None
        return stamp

    def _connect(self) -> None:
        pooled = self._engine.raw_connection()
        self._connection = pooled.dbapi_connection
        # It is kept for good, so it is none of the pool's.
        pooled.detach()
        self._connection.autocommit = True
        self._cursor = self._connection.cursor()

    def _disconnect(self) -> None:
        connection, self._connection, self._cursor = self._connection, None, None
        if connection is not None:
            connection.close()
