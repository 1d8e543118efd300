"""A real receiver of events, and workers on a real book and a real Redis."""

import hashlib
import hmac
import json
import threading
import uuid
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest
from sqlalchemy import text

from adapters import state
from adapters.queue import TaskQueue, celery_app
from adapters.state import StateStore
from agents.model import TradingState
from journal import subscriptions, switch
from journal.database import Book, connect
from runtime.bootstrap import WorkerServices
from runtime.settings import load
from tasks.delivering import deliver_events


@dataclass
class Received:
    """One request as it came."""

    path: str
    headers: dict[str, str]
    body: bytes

    @property
    def event(self) -> dict[str, Any]:
        return dict(json.loads(self.body))

    def is_signed_with(self, secret: str) -> bool:
        """As docs/webhooks.md tells subscribers to check it."""
        signed = self.headers["X-Trading-Agents-Timestamp"].encode() + b"." + self.body
        expected = hmac.new(secret.encode(), signed, hashlib.sha256).hexdigest()
        return expected in self.headers["X-Trading-Agents-Signature"].split(",")


Behave = Callable[[BaseHTTPRequestHandler], None]


def answer(status: int, **headers: str) -> Behave:
    """Answer with a status."""

    def behave(request: BaseHTTPRequestHandler) -> None:
        request.send_response(status)
        for name, value in headers.items():
            request.send_header(name.replace("_", "-"), value)
        request.end_headers()

    return behave


@dataclass
class Receiver:
    """An HTTP server that keeps what it is sent, and behaves as a test wants."""

    server: ThreadingHTTPServer
    behave: Behave = field(default_factory=lambda: answer(200))
    got: list[Received] = field(default_factory=list)
    over: threading.Event = field(default_factory=threading.Event)

    def url(self, path: str = "/events") -> str:
        return f"http://127.0.0.1:{self.server.server_address[1]}{path}"

    def hang(self, _request: BaseHTTPRequestHandler) -> None:
        """Answer nothing until the test is over."""
        self.over.wait(30)

    def kinds(self) -> list[str]:
        return [received.event["kind"] for received in self.got]


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            received.got.append(Received(self.path, dict(self.headers), body))
            received.behave(self)

        def do_GET(self) -> None:
            received.got.append(Received(self.path, dict(self.headers), b""))

        def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the library's own name
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    received = Receiver(server)
    serving = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    serving.start()
    yield received
    received.over.set()
    server.shutdown()
    serving.join()
    server.server_close()


class RecordedAlerts:
    """Keeps what a person would have been told."""

    def __init__(self) -> None:
        self.sent: list[tuple[str, str]] = []

    def send(self, title: str, body: str) -> None:
        self.sent.append((title, body))


@dataclass
class Desk:
    """Where events are written, and delivered from."""

    services: WorkerServices
    alerts: RecordedAlerts

    def subscribe(self, url: str, kinds: list[str] | None = None, secret: str | None = None) -> tuple[uuid.UUID, str]:
        with self.services.book.unit_of_work() as session:
            row, made = subscriptions.create(session, url=url, kinds=kinds, secret=secret, actor="test")
            return row.id, made

    def happen(self, times: int = 1) -> None:
        """Something happens that is an event: the switch is turned."""
        for _ in range(times):
            with self.services.book.unit_of_work() as session:
                halted = switch.read(session).state is TradingState.HALTED
                turned = TradingState.ACTIVE if halted else TradingState.HALTED
                switch.turn(session, turned, reason="a test", actor="test")

    def deliver(self) -> str:
        return deliver_events(self.services)

    def pass_time(self, hours: int = 2) -> None:
        """Let so much time pass for subscriptions and deliveries."""
        ago = {"ago": f"{hours} hours"}
        for column in ("blocked_until", "leased_until", "failing_since", "previous_until"):
            self.execute(f"UPDATE trading.subscriptions SET {column} = {column} - CAST(:ago AS interval)", **ago)  # noqa: S608 - our own names
        for column in ("next_attempt_at", "requested_at"):
            self.execute(f"UPDATE trading.deliveries SET {column} = {column} - CAST(:ago AS interval)", **ago)  # noqa: S608 - our own names

    def execute(self, statement: str, **values: object) -> None:
        with self.services.book.unit_of_work() as session:
            session.execute(text(statement), values)

    def rows(self, statement: str, **values: object) -> list[dict[str, Any]]:
        with self.services.book.reading() as session:
            return [dict(row) for row in session.execute(text(statement), values).mappings()]

    def statuses(self) -> list[str]:
        return [row["status"] for row in self.rows("SELECT status FROM trading.deliveries ORDER BY position")]


@pytest.fixture
def desk(database_url: str, redis_url: str, monkeypatch: pytest.MonkeyPatch) -> Iterator[Desk]:
    # A machine that stands still for a while makes nobody fail; a test in which somebody hangs waits for less.
    monkeypatch.setattr("adapters.webhook_client.TIMEOUT_SECONDS", 30)
    services, alerts = worker(database_url, redis_url)
    yield Desk(services, alerts)
    services.book.engine.dispose()
    services.queue.app.close()
    services.state.client.close()


def worker(database_url: str, redis_url: str) -> tuple[WorkerServices, RecordedAlerts]:
    """A worker's services as far as delivering goes: it asks neither the exchange nor the ML engine."""
    settings = load({"DATABASE_URL": database_url, "REDIS_URL": redis_url, "ML_ENGINE_URL": "http://127.0.0.1:1"})
    queue, alerts = TaskQueue(celery_app(redis_url)), RecordedAlerts()
    services = WorkerServices(
        settings=settings,
        book=Book(connect(settings.database_url, pool_size=2), queue.announce_events),
        state=StateStore(state.connect(redis_url)),
        queue=queue,
        exchange=None,  # type: ignore[arg-type]  # not asked
        ml_engine=None,  # type: ignore[arg-type]  # not asked
        alerts=alerts,  # type: ignore[arg-type]  # a stand-in with the one method that is called
    )
    return services, alerts
