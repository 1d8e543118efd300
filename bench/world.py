"""Real servers to measure on: PostgreSQL and Redis as in production, and the sandbox exchange as a process."""

import os
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path

from sqlalchemy import text

from adapters import state
from adapters.alerts import NullAlerts
from adapters.exchange import Exchange
from adapters.ml_engine import MLSignalConsumer
from adapters.queue import TaskQueue, celery_app
from adapters.state import StateStore
from agents.signals import parse_signal
from journal import audit, control, signals
from journal.database import Book, connect
from runtime.bootstrap import WorkerServices
from runtime.publishing import publish
from runtime.settings import load
from sandbox.embedded import EmbeddedPostgres, EmbeddedRedis
from sandbox.exchange.process import ExchangeProcess
from sandbox.exchange.settings import DEMO_API_KEY, DEMO_API_SECRET

ROOT = Path(__file__).resolve().parent.parent
PROFILES_FILE = Path(__file__).with_name("profiles.toml")
AGENT, SYMBOL, PRICE = "bench", "BTCUSDT", "45000"
MIGRATED = "migrated"
DONE = "bench:done"
"""The list in Redis by which a task says that it is done."""
CLOSED_PORT = "http://127.0.0.1:1"
"""Where nothing listens."""


class BookError(AssertionError):
    """A measure left a book that breaks its own rules, so its figures are worth nothing."""


@dataclass
class Servers:
    """What runs while anything is measured."""

    folder: Path
    postgres: EmbeddedPostgres
    redis: EmbeddedRedis
    venue: ExchangeProcess

    def environment(self, database_url: str, **more: str) -> dict[str, str]:
        """Settings of a worker of its own on these servers."""
        return os.environ | {
            "DATABASE_URL": database_url,
            "REDIS_URL": self.redis.url(),
            "ML_ENGINE_URL": CLOSED_PORT,
            "BINANCE_BASE_URL": self.venue.base_url,
            "BINANCE_API_KEY": DEMO_API_KEY,
            "BINANCE_API_SECRET": DEMO_API_SECRET,
            "PROFILES_FILE": str(PROFILES_FILE),
            "SERVICE_DAILY_LOSS": "0.99",
            "SERVICE_MAX_DRAWDOWN": "0.99",
            "LOG_LEVEL": "WARNING",
            **more,
        }


@contextmanager
def servers() -> Iterator[Servers]:
    """Start everything, with the settings of `make run`: each commit is flushed to disk."""
    with (
        tempfile.TemporaryDirectory(prefix="bench-", ignore_cleanup_errors=True) as name,
        EmbeddedPostgres(Path(name) / "postgres") as postgres,
        EmbeddedRedis(Path(name) / "redis") as redis,
    ):
        url = postgres.create_database(MIGRATED)
        upgrade = [sys.executable, "-m", "alembic", "upgrade", "head"]
        subprocess.run(  # noqa: S603 - our own command
            upgrade, cwd=ROOT, env=os.environ | {"DATABASE_URL": url}, check=True, capture_output=True
        )
        venue = ExchangeProcess.start(
            Path(name) / "exchange", order_limit_10s=100_000, weight_limit=100_000_000, liquidity="*=1000"
        )
        try:
            venue.pin_price(SYMBOL, PRICE)
            yield Servers(Path(name), postgres, redis, venue)
        finally:
            venue.stop()


@dataclass
class World:
    """One book of its own with so many running accounts, and a worker's services on it."""

    servers: Servers
    url: str
    accounts: int
    services: WorkerServices

    def push(self, number: int, action: str) -> int:
        """Store a pushed signal as the control API does; the id of its decision."""
        fields = {
            "id": f"bench-{self.accounts}-{number}",
            "symbol": SYMBOL,
            "action": action,
            "confidence": Decimal("0.9"),
            "price": Decimal(PRICE),
        }
        signal = parse_signal(fields, received_at=datetime.now(UTC), untimed_id=str(fields["id"]))
        with self.services.book.direct_glance() as direct:
            decision = signals.take_in_new(direct, source="manual", signal=signal, agent=AGENT, sender="bench")
        if decision is None:
            raise BookError(f"signal {signal.id} is known already")
        return decision

    def orders_at_venue(self) -> int:
        """How many orders the exchange took since it started."""
        return len(self.services.exchange.orders_since(SYMBOL, 1))

    def check(self) -> None:
        """Hold every rule of the book.

        Raises:
            BookError: one is broken.
        """
        with self.services.book.reading() as session:
            broken = audit.breaches(session)
        if broken:
            raise BookError("\n".join(str(finding) for finding in broken))


@contextmanager
def world(servers: Servers, accounts: int) -> Iterator[World]:
    """A fresh book with ``accounts`` running accounts of one agent, each with a different sum of money."""
    name = f"bench_{accounts}_{datetime.now(UTC):%H%M%S%f}"
    url = servers.postgres.create_database(name, template=MIGRATED)
    services = _services(servers, url)
    _open_accounts(services.book, accounts)
    with services.book.reading() as session:
        publication = control.publication(session, AGENT)
    if publication is None:
        raise BookError(f"{AGENT} was not opened")
    services.state.client.flushall()
    publish(publication, state=services.state, queue=services.queue)
    try:
        yield World(servers, url, accounts, services)
    finally:
        services.book.engine.dispose()
        services.queue.app.close()
        services.state.client.close()
        servers.postgres.drop_database(name)


def _services(servers: Servers, url: str) -> WorkerServices:
    """A worker's, in this process."""
    settings = load(servers.environment(url))
    store = StateStore(state.connect(settings.redis_url))
    return WorkerServices(
        settings=settings,
        book=Book(connect(settings.database_url, pool_size=2)),
        state=store,
        queue=TaskQueue(celery_app(settings.redis_url)),
        exchange=Exchange(
            api_key=DEMO_API_KEY,
            api_secret=DEMO_API_SECRET,
            base_url=servers.venue.base_url,
            testnet=True,
            spend_weight=lambda weight: store.spend_weight(weight, 1_000_000_000),
        ),
        ml_engine=MLSignalConsumer(settings.ml_engine_url),
        alerts=NullAlerts(),
    )


OPEN_AGENT = """
INSERT INTO trading.agents (name, status, version, tick_seconds, symbols, equity, peak_equity, day_equity, equity_day)
SELECT :agent, 'running', 1, 3600, ARRAY[:symbol], sum(cash), sum(cash), sum(cash), current_date
FROM (SELECT {cash} AS cash FROM generate_series(1, :accounts) n) a
"""
OPEN_ACCOUNTS = """
INSERT INTO trading.accounts (id, agent, status, version, cash, balance, peak_equity, day_equity, equity_day)
SELECT CAST(md5(CAST(n AS text)) AS uuid), :agent, 'running', 1, cash, cash, cash, cash, current_date
FROM (SELECT n, {cash} AS cash FROM generate_series(1, :accounts) n) a ORDER BY n
"""
RECORD_OPENING = """
WITH assigned AS (INSERT INTO trading.assignments (account_id, agent) SELECT id, agent FROM trading.accounts),
told AS (
    INSERT INTO investment.account_transactions (account_id, transaction_type, amount, balance_before, balance_after)
    SELECT id, 'deposit', cash, 0, cash FROM trading.accounts
)
INSERT INTO trading.cash_flows (account_id, flow_type, amount, reference_id, balance_after)
SELECT id, 'deposit', cash, 'start:' || id, cash FROM trading.accounts
"""
CASH = "50 + CAST((n * 7919) % 10000 AS numeric) / 100"
"""Between 50 and 150, so that a block over 100,000 accounts stays below the exchange's largest order."""


def _open_accounts(book: Book, accounts: int) -> None:
    values = {"agent": AGENT, "symbol": SYMBOL, "accounts": accounts}
    with book.unit_of_work() as session:
        for statement in (OPEN_AGENT.format(cash=CASH), OPEN_ACCOUNTS.format(cash=CASH), RECORD_OPENING):
            session.execute(text(statement), values)
    with book.engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
        connection.execute(text("VACUUM ANALYZE"))
