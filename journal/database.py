"""Connections to the book, and its unit of work."""

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import psycopg2
from sqlalchemy import Engine, create_engine, event
from sqlalchemy.exc import DBAPIError, InvalidatePoolError
from sqlalchemy.orm import Session

from journal.direct import Direct
from journal.events import WRITTEN

STATEMENT_TIMEOUT_MS = 60_000
LOCK_TIMEOUT_MS = 10_000
IDLE_IN_TRANSACTION_MS = 20_000
"""A process that froze in the middle of a transaction gives its locks up; it finds out when it wakes."""
NOTICE_SILENCE = {"keepalives_idle": 5, "keepalives_interval": 2, "keepalives_count": 3, "tcp_user_timeout": 10_000}
"""A server whose machine or network vanished is given up after about ten seconds; the system's own default is hours."""
IDLE_SECONDS = 1
"""A connection that lay idle for longer is asked for a sign of life before it is used again."""
LAST_USED = "last_used"


def connect(url: str, *, pool_size: int = 5) -> Engine:
    """A pool of connections that notices dead ones and bounds every wait.

    Args:
        url: a SQLAlchemy URL of a PostgreSQL database.
        pool_size: connections kept open.
    """
    options = (
        f"-c timezone=UTC -c statement_timeout={STATEMENT_TIMEOUT_MS} -c lock_timeout={LOCK_TIMEOUT_MS} "
        f"-c idle_in_transaction_session_timeout={IDLE_IN_TRANSACTION_MS}"
    )
    engine = create_engine(
        url,
        pool_size=pool_size,
        max_overflow=pool_size,
        # The connection that was used last: its server process has its caches warm, which saves a third of a start's time there.
        pool_use_lifo=True,
        # Parameters hold secrets and what investors own: errors that are logged show none.
        hide_parameters=True,
        connect_args={"connect_timeout": 5, "options": options, "application_name": "trading-agents", **NOTICE_SILENCE},
    )
    _ping_what_lay_idle(engine)
    return engine


def _ping_what_lay_idle(engine: Engine) -> None:
    """As the pool's own ``pool_pre_ping``, which costs a round trip at every use, also of a connection used just now."""

    def note_use(connection: Any, record: Any) -> None:  # noqa: ANN401 - the driver's own
        record.info[LAST_USED] = time.monotonic()
        # In this order: a level that is set while every statement commits by itself is told to the server, in two round trips.
        if connection is not None and not connection.closed:
            connection.autocommit = False
            connection.isolation_level = connection.readonly = None

    def ping(connection: Any, record: Any, _fairy: Any) -> None:  # noqa: ANN401 - the driver's own
        if time.monotonic() - record.info.get(LAST_USED, time.monotonic()) <= IDLE_SECONDS:
            return
        try:
            engine.dialect.do_ping(connection)
        except engine.dialect.loaded_dbapi.Error as error:
            raise InvalidatePoolError from error

    event.listen(engine.pool, "checkin", note_use)
    event.listen(engine.pool, "checkout", ping)


class Book:
    """The way to the book: every write happens inside one :meth:`unit_of_work`.

    Args:
        engine: from :func:`connect`.
        on_events: called after the commit of a unit of work that wrote events; must not raise.
    """

    def __init__(self, engine: Engine, on_events: Callable[[], object] | None = None) -> None:
        self.engine = engine
        self.on_events = on_events
        self._views = engine.execution_options(isolation_level="REPEATABLE READ", postgresql_readonly=True)
        self._glances = engine.execution_options(isolation_level="AUTOCOMMIT")

    @contextmanager
    def unit_of_work(self) -> Iterator[Session]:
        """One transaction: committed when the block ends, rolled back if it raises."""
        with Session(self.engine, expire_on_commit=False) as session:
            with session.begin():
                yield session
            wrote_events = WRITTEN in session.info
        if wrote_events and self.on_events is not None:
            self.on_events()

    @contextmanager
    def reading(self) -> Iterator[Session]:
        """One consistent, read-only view of the book."""
        with Session(self._views) as session:
            yield session

    @contextmanager
    def glancing(self) -> Iterator[Session]:
        """For a single SELECT, which is a consistent view by itself and needs no transaction around it."""
        with Session(self._glances) as session:
            yield session

    @contextmanager
    def at_once(self) -> Iterator[Session]:
        """For a single execution that writes: a transaction by itself, committed when it returns. It writes no events."""
        with Session(self._glances) as session:
            yield session

    @contextmanager
    def direct_work(self) -> Iterator[Direct]:
        """One transaction, like :meth:`unit_of_work`, of statements that are sent as they are. It writes no events."""
        with self._driver_connection() as connection:
            yield Direct(connection)
            connection.commit()

    @contextmanager
    def direct_glance(self) -> Iterator[Direct]:
        """For single statements that are sent as they are, each a transaction by itself. They write no events."""
        with self._driver_connection() as connection:
            connection.autocommit = True
            yield Direct(connection)

    @contextmanager
    def _driver_connection(self) -> Iterator[Any]:
        """One of the pool's, rolled back and given back at the end, or given up if it broke. Errors are SQLAlchemy's."""
        try:
            pooled = self.engine.raw_connection()
            try:
                yield pooled.driver_connection
            except (psycopg2.OperationalError, psycopg2.InterfaceError):
                pooled.invalidate()
                raise
            finally:
                pooled.close()
        except psycopg2.Error as error:
            raise DBAPIError.instance(None, None, error, psycopg2.Error, hide_parameters=True) from error


MANY_ROWS = 1000
FOR_MANY_ROWS = """
SELECT set_config('enable_nestloop', 'off', true), set_config('work_mem', '64MB', true),
       set_config('plan_cache_mode', 'force_custom_plan', true)
"""


def expect_rows(direct: Direct, rows: int) -> None:
    """Have the rest of the transaction planned for so many rows, which the planner's statistics do not know of yet.

    It takes rows that were written a moment ago for few, joins them one by one and sorts them on disk.
    """
    if rows >= MANY_ROWS:
        direct.run(FOR_MANY_ROWS, {})
