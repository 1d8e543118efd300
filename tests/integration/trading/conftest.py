"""A worker's services on real PostgreSQL, real Redis and the sandbox exchange; only the ML engine is a stand-in."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from decimal import Decimal

import pytest
from sqlalchemy import text

from adapters import state
from adapters.alerts import NullAlerts
from adapters.exchange import Exchange
from adapters.queue import TaskQueue, celery_app
from adapters.state import StateStore
from agents.errors import SignalSourceError
from agents.profiles import PROFILES
from agents.signals import parse_signal
from journal import control, opening
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


class ScriptedEngine:
    """Says what a test tells it to say."""

    def __init__(self) -> None:
        self.answers: dict[str, Mapping[str, object] | None] = {}
        self.down = False

    def batch(self, symbols: tuple[str, ...]) -> dict[str, Mapping[str, object] | None]:
        if self.down:
            raise SignalSourceError("the engine is down")
        return {symbol: self.answers.get(symbol) for symbol in symbols}


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
            stored_signals.store_signal(session, source="manual", signal=signal)
            return stored_signals.request_decision(session, signal.id, agent)

    def decide(self, decision_id: int) -> None:
        decide(self.services, decision_id)

    def rows(self, statement: str, **parameters: object) -> list[Mapping[str, object]]:
        with self.services.book.reading() as session:
            return [dict(row) for row in session.execute(text(statement), parameters).mappings()]

    def one(self, statement: str, **parameters: object) -> Mapping[str, object]:
        (row,) = self.rows(statement, **parameters)
        return row


@pytest.fixture
def world(database_url: str, redis_url: str, exchange_process: ExchangeProcess) -> Iterator[World]:
    settings = load({"DATABASE_URL": database_url, "REDIS_URL": redis_url, "ML_ENGINE_URL": "http://127.0.0.1:1"})
    engine = ScriptedEngine()
    services = wire(settings, exchange_process, engine)
    exchange_process.clear_faults()
    exchange_process.wipe()
    exchange_process.pin_price("BTCUSDT", "45000")
    yield World(services, exchange_process, engine)
    exchange_process.clear_faults()
    services.book.engine.dispose()
    services.queue.app.close()


def wire(settings: Settings, venue: ExchangeProcess, engine: ScriptedEngine) -> WorkerServices:
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
        alerts=NullAlerts(),
    )
