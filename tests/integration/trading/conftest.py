"""A worker's services on real PostgreSQL, real Redis and the sandbox exchange; only the ML engine is a stand-in."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest
from sqlalchemy import text

from adapters import state
from adapters.exchange import Exchange
from adapters.queue import TaskQueue, celery_app
from adapters.state import StateStore
from agents.breakers import LossLimits
from agents.control import Command
from agents.errors import SignalSourceError
from agents.model import TradingState
from agents.profiles import PROFILES
from agents.signals import parse_signal
from journal import control, opening, switch
from journal import signals as stored_signals
from journal.database import Book, connect
from journal.opening import StartRequest
from runtime.bootstrap import WorkerServices
from runtime.publishing import publish
from runtime.settings import Settings, load
from sandbox.exchange.process import ExchangeProcess
from sandbox.exchange.settings import DEMO_API_KEY, DEMO_API_SECRET
from tasks.deciding import decide
from tasks.tick import run_tick
from tests.integration.trading.invariants import assert_book_holds, assert_venue_agrees


class ScriptedEngine:
    """Says what a test tells it to say."""

    def __init__(self) -> None:
        self.answers: dict[str, Mapping[str, object] | None] = {}
        self.down = False

    def batch(self, symbols: tuple[str, ...]) -> dict[str, Mapping[str, object] | None]:
        if self.down:
            raise SignalSourceError("the engine is down")
        return {symbol: self.answers.get(symbol) for symbol in symbols}


class RecordedAlerts:
    """Keeps what a person would have been told."""

    def __init__(self) -> None:
        self.sent: list[tuple[str, str]] = []

    def send(self, title: str, body: str) -> None:
        self.sent.append((title, body))


@pytest.fixture(scope="session")
def exchange_process(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ExchangeProcess]:
    process = ExchangeProcess.start(
        tmp_path_factory.mktemp("exchange"), order_limit_10s=100_000, weight_limit=1_000_000
    )
    yield process
    process.stop()


@dataclass
class World:
    """Everything a trading test touches."""

    services: WorkerServices
    venue: ExchangeProcess
    engine: ScriptedEngine
    alerts: RecordedAlerts
    opening: Mapping[str, Decimal]
    another_worker: Callable[[], WorkerServices]
    """Connections of a second worker to the same book, Redis and exchange."""

    def open_account(self, agent: str, equity: str, account_id: str | None = None) -> None:
        with self.services.book.unit_of_work() as session:
            request = StartRequest(
                profile=PROFILES[agent],
                tick_seconds=Decimal(60),
                initial_equity=Decimal(equity),
                account_id=account_id,
            )
            opening.start(session, request, actor="test")
        self.publish(agent)

    def publish(self, agent: str) -> None:
        with self.services.book.reading() as session:
            publication = control.publication(session, agent)
        assert publication is not None
        publish(publication, state=self.services.state, queue=self.services.queue)

    def command(self, command: Command, agent: str, account_id: str | None = None, *, close: bool = False) -> None:
        """Pause, resume or stop, as the control API does."""
        with self.services.book.unit_of_work() as session:
            control.change(session, command, agent=agent, account_id=account_id, close_positions=close, actor="test")
        self.publish(agent)

    def switch(self, state: TradingState) -> None:
        """Turn the switch above all agents, as the control API does."""
        with self.services.book.unit_of_work() as session:
            turned = switch.turn(session, state, reason="a test", actor="test")
        self.services.state.put_trading_state(turned.state, turned.version)

    def advise(self, symbol: str, action: str, confidence: str = "0.9") -> None:
        """The engine's newest signal for a symbol, at the market's present price."""
        quote = self.services.exchange.quotes([symbol])[symbol]
        self.engine.answers[symbol] = {
            "symbol": symbol,
            "action": action,
            "confidence": Decimal(confidence),
            "price": quote.bid,
            "timestamp": datetime.now(UTC).isoformat(),
        }

    def tick(self, agent: str) -> None:
        assert run_tick(self.services, agent)

    def push(self, agent: str, **fields: object) -> int:
        """Store a pushed signal and return its decision's id."""
        signal = parse_signal(fields, received_at=datetime.now(UTC), untimed_id=str(fields.get("id", "pushed")))
        with self.services.book.unit_of_work() as session:
            return stored_signals.take_in(session, source="manual", signal=signal, agent=agent)

    def decide(self, decision_id: int) -> None:
        decide(self.services, decision_id)

    def buy(self, agent: str, symbol: str = "BTCUSDT") -> None:
        """Have an agent buy and then hear nothing more of it."""
        self.advise(symbol, "buy")
        self.tick(agent)
        self.engine.answers.clear()

    def age_orders(self, seconds: int) -> None:
        """Let time pass for every order."""
        self.execute("UPDATE trading.orders SET created_at = created_at - make_interval(secs => :age)", age=seconds)

    def without_cooldown(self) -> None:
        """Let accounts enter again right after a loss."""
        profiles = {name: replace(profile, cooldown=timedelta(0)) for name, profile in PROFILES.items()}
        self.services = replace(self.services, settings=replace(self.services.settings, profiles=profiles))

    def without_fear(self) -> None:
        """Let no loss keep anybody from entering."""
        anything = {"cooldown": timedelta(0), "daily_loss": Decimal(1), "max_drawdown": Decimal(1)}
        settings = replace(
            self.services.settings,
            profiles={name: replace(profile, **anything) for name, profile in PROFILES.items()},  # type: ignore[arg-type]  # each has its field's type
            service_limits=LossLimits(daily_loss=Decimal(1), max_drawdown=Decimal(1)),
        )
        self.services = replace(self.services, settings=settings)

    def check(self) -> None:
        """The book agrees with itself and, when no order is open, with the exchange."""
        assert_book_holds(self.services.book)
        if not self.rows("SELECT id FROM trading.orders WHERE state IN ('intended', 'unknown')"):
            assert_venue_agrees(self.services.book, self.opening, self.services.exchange.balances())

    def placed(self, symbol: str = "BTCUSDT") -> int:
        """How many orders the exchange has ever taken for the symbol since it was wiped."""
        return len(self.services.exchange._client._ccxt.privateGetAllOrders({"symbol": symbol}))

    def execute(self, statement: str, **parameters: object) -> None:
        with self.services.book.unit_of_work() as session:
            session.execute(text(statement), parameters)

    def rows(self, statement: str, **parameters: object) -> list[Mapping[str, Any]]:
        with self.services.book.reading() as session:
            return [dict(row) for row in session.execute(text(statement), parameters).mappings()]

    def one(self, statement: str, **parameters: object) -> Mapping[str, Any]:
        (row,) = self.rows(statement, **parameters)
        return row


@pytest.fixture
def world(database_url: str, redis_url: str, exchange_process: ExchangeProcess) -> Iterator[World]:
    yield from make_world(database_url, redis_url, exchange_process)


def make_world(database_url: str, redis_url: str, venue: ExchangeProcess) -> Iterator[World]:
    settings = load({"DATABASE_URL": database_url, "REDIS_URL": redis_url, "ML_ENGINE_URL": "http://127.0.0.1:1"})
    engine, alerts = ScriptedEngine(), RecordedAlerts()
    workers: list[WorkerServices] = []

    def worker() -> WorkerServices:
        workers.append(wire(settings, venue, engine, alerts))
        return workers[-1]

    venue.clear_faults()
    venue.wipe()
    venue.pin_price("BTCUSDT", "45000")
    services = worker()
    yield World(services, venue, engine, alerts, services.exchange.balances(), worker)
    venue.clear_faults()
    for services in workers:
        services.book.engine.dispose()
        services.queue.app.close()
        services.state.client.close()


def wire(settings: Settings, venue: ExchangeProcess, engine: ScriptedEngine, alerts: RecordedAlerts) -> WorkerServices:
    store = StateStore(state.connect(settings.redis_url))
    return WorkerServices(
        settings=settings,
        book=Book(connect(settings.database_url)),
        state=store,
        queue=TaskQueue(celery_app(settings.redis_url)),
        exchange=Exchange(
            api_key=DEMO_API_KEY,
            api_secret=DEMO_API_SECRET,
            base_url=venue.base_url,
            testnet=True,
            spend_weight=lambda _weight: True,
        ),
        ml_engine=engine,  # type: ignore[arg-type]  # a stand-in with the one method a tick calls
        alerts=alerts,  # type: ignore[arg-type]  # a stand-in with the one method that is called
    )
