"""Everything real that runs are made in: servers that serve many runs, and what is new in each."""

import os
import random
import re
import shutil
import subprocess
import sys
from collections import Counter
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any, Self

import redis
from flask.testing import FlaskClient
from sqlalchemy import text

from agents.profiles import PROFILES
from api.app import create_app
from journal import opening
from journal.database import Book, connect
from journal.opening import StartRequest
from runtime.bootstrap import ControlServices, control_services
from runtime.settings import load
from sandbox.embedded import EmbeddedPostgres, EmbeddedRedis
from sandbox.exchange.process import ExchangeProcess
from sandbox.exchange.settings import DEMO_API_KEY, DEMO_API_SECRET
from tests.chaos.nursery import ROOT, Nursery
from tests.chaos.plan import PRICES, SYMBOLS, Plan
from tests.chaos.processes import Processes
from tests.chaos.venue import Venue
from tests.e2e.engine import ScriptedEngine

TEMPLATE = "migrated"
WEBHOOK_SECRET = "for the webhook"
OURS = re.compile(r"(DATABASE_URL|REDIS_URL|ML_|BINANCE_|SANDBOX_|API_TOKENS|TICK_SECONDS|HOST$|ALERT_URLS|CHAOS_)")

HISTORY = """
CREATE SCHEMA chaos;
CREATE TABLE chaos.history (
    id bigint GENERATED ALWAYS AS IDENTITY, order_id bigint, before text, after text, at timestamptz DEFAULT clock_timestamp());
CREATE FUNCTION chaos.note() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    INSERT INTO chaos.history (order_id, before, after)
    VALUES (NEW.id, CASE WHEN TG_OP = 'UPDATE' THEN OLD.state END, NEW.state);
    RETURN NULL;
END $$;
CREATE TRIGGER note AFTER INSERT OR UPDATE OF state ON trading.orders FOR EACH ROW EXECUTE FUNCTION chaos.note();
"""
"""Keeps every state that an order was in, for the book itself keeps only the last."""


class Servers:
    """PostgreSQL, Redis and the scripted engine of one lane; they outlive its runs, however often they are killed.

    Args:
        folder: for their data; created.
        nursery: where Celery processes are forked.
    """

    def __init__(self, folder: Path, nursery: Nursery) -> None:
        folder.mkdir(parents=True)
        self.folder = folder
        self.nursery = nursery
        self.postgres = EmbeddedPostgres(folder / "postgres", durable=False)
        self.redis = EmbeddedRedis(folder / "redis")
        self.engine = ScriptedEngine()
        self._stack = ExitStack()

    def __enter__(self) -> Self:
        self._stack.enter_context(self.postgres)
        self._stack.enter_context(self.redis)
        self._stack.enter_context(self.engine.serving())
        url = self.postgres.create_database(TEMPLATE)
        upgrade = [sys.executable, "-m", "alembic", "upgrade", "head"]
        subprocess.run(upgrade, cwd=ROOT, env=os.environ | {"DATABASE_URL": url}, check=True, capture_output=True)
        with _book(url) as book, book.unit_of_work() as session:
            session.execute(text(HISTORY))
        return self

    def __exit__(self, *_: object) -> None:
        self._stack.close()

    def lose_redis(self) -> None:
        """Kill Redis, lose what it kept on disk, and start it again."""
        self.redis.kill()
        shutil.rmtree(self.folder / "redis" / "appendonlydir", ignore_errors=True)
        self.redis.start()

    @contextmanager
    def world(self, plan: Plan) -> Iterator["World"]:
        """Fresh everything for one run: database, Redis, exchange, accounts, processes that are not started yet."""
        name = f"run_{plan.seed}"
        folder = self.folder / name
        folder.mkdir()
        with ExitStack() as stack:
            self.postgres.drop_database(name)
            url = self.postgres.create_database(name, template=TEMPLATE)
            stack.callback(self.postgres.drop_database, name)
            with redis.Redis.from_url(self.redis.url()) as client:
                client.flushall()
            self.engine.advice.clear()
            exchange = _start_exchange(folder / "exchange", plan)
            stack.callback(exchange.stop)
            own = {"TICK_SECONDS": str(plan.tick_seconds), "TMPDIR": str(folder)}
            environment = self._environment(url, exchange) | own
            services = stack.enter_context(_services(environment))
            processes = Processes(
                self.nursery,
                environment,
                folder,
                shared_queues=plan.shared_queues,
                kill_at=plan.kill_at,
                rng=random.Random(plan.seed),
            )
            stack.callback(processes.end)
            world = World(self, plan, exchange, services, processes, folder)
            world.open_accounts()
            yield world

    def _environment(self, database_url: str, exchange: ExchangeProcess) -> dict[str, str]:
        inherited = {name: value for name, value in os.environ.items() if not OURS.match(name)}
        return inherited | {
            "DATABASE_URL": database_url,
            "REDIS_URL": self.redis.url(),
            "ML_ENGINE_URL": self.engine.url,
            "ML_WEBHOOK_SECRET": WEBHOOK_SECRET,
            "BINANCE_BASE_URL": exchange.base_url,
            "BINANCE_API_KEY": DEMO_API_KEY,
            "BINANCE_API_SECRET": DEMO_API_SECRET,
            "PYTHONUNBUFFERED": "1",
        }


@dataclass
class World:
    """One run's own things."""

    servers: Servers
    plan: Plan
    exchange: ExchangeProcess
    services: ControlServices
    processes: Processes
    folder: Path
    prices: dict[str, Decimal] = field(default_factory=lambda: dict(PRICES))
    strikes: Counter[str] = field(default_factory=Counter)
    """How often each fault struck."""
    _numbers: dict[int, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.opening = self.venue.balances()
        self.api: FlaskClient = create_app(self.services).test_client()
        for symbol, price in self.prices.items():
            self.exchange.pin_price(symbol, price)

    @property
    def venue(self) -> Venue:
        """The exchange as it sees itself."""
        return Venue(self.exchange.base_url)

    @property
    def book(self) -> Book:
        return self.services.book

    def open_accounts(self) -> None:
        """Start every agent in the book alone: the workers must find out by themselves."""
        with self.book.unit_of_work() as session:
            for agent, accounts in self.plan.accounts.items():
                for account_id, equity in accounts.items():
                    request = StartRequest(PROFILES[agent], self.plan.tick_seconds, equity, account_id, SYMBOLS)
                    opening.start(session, request, actor="chaos")

    def switch_faults_on(self) -> None:
        """Have the exchange misbehave as planned; it forgets that when it is killed."""
        options = {fault.name: dict(fault.options) for fault in self.plan.faults}
        self._numbers = {self.exchange.add_fault(str(o.pop("kind")), **o): name for name, o in options.items()}

    def note_strikes(self) -> None:
        """Count how often the faults have struck, before the exchange forgets it."""
        struck = self.exchange.struck()
        self.strikes += Counter({name: struck.get(number, 0) for number, name in self._numbers.items()})

    def move(self, symbol: str, price: Decimal) -> None:
        self.prices[symbol] = price
        self.exchange.pin_price(symbol, price)

    def advise(self, symbol: str, action: str, confidence: float) -> None:
        self.servers.engine.advise(symbol, action, float(self.prices[symbol]), confidence)

    def rows(self, statement: str, **values: object) -> list[dict[str, Any]]:
        with self.book.reading() as session:
            return [dict(row) for row in session.execute(text(statement), values).mappings()]

    def now(self) -> datetime:
        return datetime.now(UTC)


def _start_exchange(folder: Path, plan: Plan) -> ExchangeProcess:
    return ExchangeProcess.start(
        folder,
        balances="USDT=1000000000,BNB=1000",
        bnb_commission=str(plan.fees_in_bnb).lower(),
        order_limit_10s=100_000,
        weight_limit=1_000_000,
        seed=plan.seed,
    )


@contextmanager
def _services(environment: dict[str, str]) -> Iterator[ControlServices]:
    services = control_services(load(environment))
    try:
        yield services
    finally:
        services.book.engine.dispose()
        services.queue.app.close()
        services.state.client.close()


@contextmanager
def _book(url: str) -> Iterator[Book]:
    engine = connect(url, pool_size=1)
    try:
        yield Book(engine)
    finally:
        engine.dispose()
