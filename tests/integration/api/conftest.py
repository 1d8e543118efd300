"""The real application over a real database and a real Redis, called without a socket."""

import uuid
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from decimal import Decimal
from itertools import count
from typing import Any, cast

import pytest
import redis
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import CursorResult, text

from api.app import create_app
from journal.database import Book
from runtime.bootstrap import control_services
from runtime.settings import load
from sandbox.embedded import EmbeddedPostgres, EmbeddedRedis
from tests.integration.api.contract import believe

SECRET = "a shared secret"
AMPLE = dict.fromkeys(("RATE_LIMIT_READ", "RATE_LIMIT_CONTROL", "RATE_LIMIT_WEBHOOK"), "1000000/minute")
ENVIRONMENT = {"ML_ENGINE_URL": "http://127.0.0.1:1", "ML_WEBHOOK_SECRET": SECRET, **AMPLE}

Start = Callable[..., dict[str, Any]]


@pytest.fixture
def make_app(database_url: str, redis_url: str) -> Iterator[Callable[..., Flask]]:
    """Build the application with changed variables of the environment."""
    made: list[Flask] = []

    def make(**variables: str) -> Flask:
        servers = {"DATABASE_URL": database_url, "REDIS_URL": redis_url}
        made.append(believe(create_app(control_services(load(servers | ENVIRONMENT | variables)))))
        return made[-1]

    yield make
    for app in made:
        dispose(app)


def dispose(app: Flask) -> None:
    app.extensions["control"].book.engine.dispose()
    app.extensions["control"].state.client.close()


@pytest.fixture
def app(make_app: Callable[..., Flask]) -> Flask:
    return make_app()


@pytest.fixture
def client(app: Flask) -> FlaskClient:
    return app.test_client()


@pytest.fixture
def book(app: Flask) -> Book:
    found: Book = app.extensions["control"].book
    return found


@pytest.fixture
def start(client: FlaskClient) -> Start:
    """Start an agent as the platform does, and insist that it works."""

    def call(
        agent: str = "atlas", account_id: str | None = None, *, equity: object = 1000, **fields: object
    ) -> dict[str, Any]:
        named = {"account_id": account_id} if account_id else {}
        answer = client.post(f"/agents/{agent}/start", json={"initial_equity": equity, **named, **fields})
        assert answer.status_code == 200, answer.get_data(as_text=True)
        return dict(answer.get_json())

    return call


@dataclass
class Scribe:
    """Writes what a worker would write."""

    book: Book
    numbers: Iterator[int]

    def run(self, statement: str, **values: object) -> Any:  # noqa: ANN401 - whatever the statement returns
        with self.book.unit_of_work() as session:
            result = cast("CursorResult[Any]", session.execute(text(statement), values))
            return result.scalar() if result.returns_rows else None

    def order(
        self, *, agent: str = "atlas", symbol: str = "BTCUSDT", state: str = "filled", decision_id: int | None = None
    ) -> int:
        client_order_id = f"ta-{next(self.numbers):032x}"
        return int(
            self.run(
                "INSERT INTO trading.orders (client_order_id, agent, symbol, side, reason, decision_id, quantity, "
                "limit_price, bid, ask, state, agent_version, executed_quantity, executed_cost, resolved_at) VALUES "
                "(:id, :agent, :symbol, 'buy', 'signal', :decision, 2, 100, 99, 100, :state, 1, 2, 200, "
                "CASE WHEN :state NOT IN ('intended', 'unknown') THEN now() END) RETURNING id",
                id=client_order_id,
                agent=agent,
                symbol=symbol,
                decision=decision_id,
                state=state,
            )
        )

    def hold(
        self,
        account_id: str,
        *,
        agent: str = "atlas",
        symbol: str = "BTCUSDT",
        quantity: str,
        cost: str,
        order_id: int | None = None,
    ) -> None:
        """Give an account a position, paid from its cash."""
        self.run(
            "INSERT INTO trading.positions (account_id, agent, symbol, quantity, cost, entry_price, entry_order_id) "
            "VALUES (:account, :agent, :symbol, :quantity, :cost, :price, :order)",
            account=account_id,
            agent=agent,
            symbol=symbol,
            quantity=Decimal(quantity),
            cost=Decimal(cost),
            price=Decimal(cost) / Decimal(quantity),
            order=order_id,
        )
        self.run("UPDATE trading.accounts SET cash = cash - :cost WHERE id = :id", cost=Decimal(cost), id=account_id)

    def bracket(
        self, order_id: int, *, stop: str, target: str, trailing: str | None = None, highest: str = "100"
    ) -> None:
        self.run(
            "INSERT INTO trading.brackets (order_id, agent, symbol, entry_price, stop_price, target_price, trailing_stop, "
            "highest_price) SELECT id, agent, symbol, 100, :stop, :target, :trailing, :highest "
            "FROM trading.orders WHERE id = :id",
            id=order_id,
            stop=Decimal(stop),
            target=Decimal(target),
            trailing=Decimal(trailing) if trailing else None,
            highest=Decimal(highest),
        )

    def mark(self, symbol: str, bid: str) -> None:
        self.run(
            "INSERT INTO trading.marks VALUES (:symbol, :bid, :bid, now()) "
            "ON CONFLICT (symbol) DO UPDATE SET bid = excluded.bid",
            symbol=symbol,
            bid=Decimal(bid),
        )

    def trade(self, account_id: str, profit: str, *, agent: str = "atlas", symbol: str = "BTCUSDT") -> str:
        order_id = self.order(agent=agent, symbol=symbol)
        return str(
            self.run(
                "INSERT INTO trading.trades (account_id, agent, symbol, quantity, entry_price, exit_price, cost, "
                "proceeds, profit_loss, reason, exit_order_id, opened_at) VALUES (:account, :agent, :symbol, 1, 100, "
                "100 + :profit, 100, 100 + :profit, :profit, 'target', :order, now()) RETURNING id",
                account=account_id,
                agent=agent,
                symbol=symbol,
                profit=Decimal(profit),
                order=order_id,
            )
        )

    def decide(self, decision_id: int, code: str, **accounts: str) -> None:
        """Complete a decision; ``accounts`` are multiranges of account numbers by code."""
        self.run(
            "UPDATE trading.decisions SET code = :code, detail = 'because', counts = '{}', "
            "decided_at = clock_timestamp() WHERE id = :id",
            code=code,
            id=decision_id,
        )
        for outcome, numbers in accounts.items():
            self.run(
                "INSERT INTO trading.decision_outcomes VALUES (:id, :code, 1, CAST(:numbers AS int8multirange))",
                id=decision_id,
                code=outcome,
                numbers=numbers,
            )

    def count(self, table: str) -> int:
        return int(self.run(f"SELECT count(*) FROM {table}"))  # noqa: S608 - our own names


@pytest.fixture
def scribe(book: Book) -> Scribe:
    return Scribe(book, count(1))


def a_signal(**changes: object) -> dict[str, object]:
    signal: dict[str, object] = {"symbol": "BTCUSDT", "action": "buy", "confidence": 0.85, "price": 45000.0}
    return signal | changes


@pytest.fixture
def signal() -> Callable[..., dict[str, object]]:
    """A well-formed signal, with changed fields."""
    return a_signal


@pytest.fixture(scope="module")
def untouched_client(
    postgres_server: EmbeddedPostgres, migrated_template: str, redis_server: EmbeddedRedis
) -> Iterator[FlaskClient]:
    """One application for all tests of a module that change nothing, with orion running for two accounts."""
    name = f"untouched_{uuid.uuid4().hex}"
    database_url = postgres_server.create_database(name, template=migrated_template)
    redis_url = redis_server.url(1)
    with redis.Redis.from_url(redis_url) as server:
        server.flushdb()
    app = create_app(control_services(load({"DATABASE_URL": database_url, "REDIS_URL": redis_url, **ENVIRONMENT})))
    client = believe(app).test_client()
    for account_id in ("house-orion", "other"):
        body = {"initial_equity": 5, "account_id": account_id}
        assert client.post("/agents/orion/start", json=body).status_code == 200
    yield client
    dispose(app)
    postgres_server.drop_database(name)
