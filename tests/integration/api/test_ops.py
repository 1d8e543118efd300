"""Probes, metrics, documentation, tokens, and life without Redis or without the book."""

import logging
import re
import time
from collections.abc import Callable
from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import text

from journal.database import Book

Start = Callable[..., dict[str, Any]]
Signal = Callable[..., dict[str, object]]
Scribe = Any
NOBODY_LISTENS = "redis://127.0.0.1:1/0"


def test_without_the_book_it_is_alive_but_not_ready_and_says_503(make_app: Callable[..., Flask]) -> None:
    client = make_app(DATABASE_URL="postgresql://nobody@127.0.0.1:1/none").test_client()
    assert client.get("/health").get_json() == {"status": "up", "agents_running": None}
    assert client.get("/ready").status_code == 503
    answer = client.post("/agents/atlas/start", json={"initial_equity": 1})
    assert (answer.status_code, answer.get_json()["status"]) == (503, "Service Unavailable")
    assert "127.0.0.1" not in answer.get_data(as_text=True)


def test_a_book_that_hangs_does_not_hang_the_probe(client: FlaskClient, book: Book) -> None:
    with book.unit_of_work() as session:
        session.execute(text("LOCK TABLE trading.agents IN ACCESS EXCLUSIVE MODE"))
        begun = time.monotonic()
        for _ in range(2):
            assert client.get("/health").get_json() == {"status": "up", "agents_running": None}
        assert time.monotonic() - begun < 5
    while client.get("/health").get_json()["agents_running"] is None:
        assert time.monotonic() - begun < 20


def test_without_redis_control_calls_are_committed_and_say_so(make_app: Callable[..., Flask]) -> None:
    client = make_app(REDIS_URL=NOBODY_LISTENS).test_client()
    begun = time.monotonic()
    started = client.post("/agents/atlas/start", json={"initial_equity": 10})
    assert (started.status_code, started.get_json()["status"]) == (200, "running")
    assert "Redis" in started.get_json()["warning"]
    assert "warning" in client.post("/agents/atlas/stop").get_json()
    assert client.get("/agents/atlas/status").get_json()["status"] == "stopped"
    assert time.monotonic() - begun < 10


def test_without_redis_signals_are_taken_in(make_app: Callable[..., Flask], signal: Signal) -> None:
    client = make_app(REDIS_URL=NOBODY_LISTENS).test_client()
    client.post("/agents/atlas/start", json={"initial_equity": 10})
    answer = client.post("/agents/atlas/signals?wait=0", json=signal())
    assert answer.status_code == 202
    assert len(client.get(answer.headers["Location"]).get_json()["items"]) == 1


def test_prometheus_reads_the_book(client: FlaskClient, start: Start, signal: Signal, scribe: Scribe) -> None:
    start(account_id="a", equity=250)
    start(account_id="b", equity=50)
    client.post("/agents/atlas/pause?account_id=b")
    client.post("/agents/atlas/signals?wait=0", json=signal())
    scribe.order(state="unknown")
    scribe.order(state="filled")
    scribe.run("UPDATE trading.agents SET last_tick_at = now() - interval '100 seconds'")
    figures = client.get("/metrics").get_data(as_text=True)
    for line in (
        'trading_agents_agent_running{agent="atlas"} 1.0',
        'trading_agents_equity{agent="atlas"} 300.0',
        'trading_agents_accounts{agent="atlas",status="paused"} 1.0',
        'trading_agents_pending_decisions{agent="atlas"} 1.0',
        'trading_agents_unresolved_orders{agent="atlas"} 1.0',
        'trading_agents_orders_total{agent="atlas",state="filled"} 1.0',
    ):
        assert line in figures
    age = re.search(r'trading_agents_tick_age_seconds{agent="atlas"} ([\d.]+)', figures)
    assert age is not None
    assert 100 <= float(age[1]) < 200


def test_the_documentation_comes_from_this_process_alone(client: FlaskClient) -> None:
    page = client.get("/docs").get_data(as_text=True)
    links = re.findall(r'(?:src|href)="([^"]+)"', page)
    assert len(links) == 3
    for link in links:
        assert link.startswith("/docs/assets/")
        with client.get(link) as asset:
            assert asset.status_code == 200
    assert "//" not in re.sub(r"<!.*?>", "", page)


def test_the_description_names_every_route(client: FlaskClient, app: Flask) -> None:
    spec = client.get("/openapi.json").get_json()
    described = {
        (re.sub(r"\{\w+\}", "<>", path), method.upper()) for path, item in spec["paths"].items() for method in item
    }
    undocumented = {"/openapi.json", "/docs", "/docs/assets/<>"}
    for rule in app.url_map.iter_rules():
        path = re.sub(r"<[^>]+>", "<>", rule.rule)
        if path not in undocumented:
            for method in (rule.methods or set()) - {"HEAD", "OPTIONS"}:
                assert (path, method) in described
    start = spec["components"]["schemas"]["StartRequest"]
    assert start["required"] == ["initial_equity"]
    assert start["properties"]["initial_equity"]["type"] == "number"


class TestTokens:
    @pytest.fixture
    def guarded(self, make_app: Callable[..., Flask]) -> FlaskClient:
        return make_app(API_TOKENS="first-token second-token").test_client()

    @pytest.mark.parametrize(
        "authorization",
        [None, "", "Bearer", "Bearer ", "Bearer wrong", "Basic Zmlyc3QtdG9rZW4=", "first-token", "Bearer é"],
    )
    def test_a_call_without_a_valid_token_is_refused(self, guarded: FlaskClient, authorization: str | None) -> None:
        headers = {"Authorization": authorization} if authorization is not None else {}
        for path in ("/agents", "/metrics", "/nothing", "/agents/atlas/status"):
            answer = guarded.get(path, headers=headers)
            assert (answer.status_code, answer.headers["WWW-Authenticate"]) == (401, "Bearer"), path

    @pytest.mark.parametrize("token", ["first-token", "second-token"])
    def test_any_of_the_tokens_opens_and_is_named_in_the_audit_log_only_by_its_digest(
        self, guarded: FlaskClient, scribe: Scribe, token: str
    ) -> None:
        headers = {"Authorization": f"Bearer {token}"}
        started = guarded.post("/agents/atlas/start", json={"initial_equity": 1}, headers=headers)
        assert started.status_code == 200
        actor = scribe.run("SELECT actor FROM trading.audit_log")
        assert re.fullmatch(r"token [0-9a-f]{8}", actor)

    @pytest.mark.parametrize("path", ["/health", "/ready", "/docs", "/openapi.json", "/docs/assets/swagger-ui.css"])
    def test_probes_and_documentation_need_no_token(self, guarded: FlaskClient, path: str) -> None:
        with guarded.get(path) as answer:
            assert answer.status_code in {200, 503}

    def test_the_webhook_has_its_signature_instead(self, guarded: FlaskClient) -> None:
        assert guarded.post("/webhooks/ml-signals").get_json()["message"] == "Invalid signature"


@pytest.mark.parametrize(
    ("origin", "status"),
    [("https://evil.example", 403), ("null", 403), ("http://localhost:8003", 200), ("http://127.0.0.1:3000", 200)],
)
def test_an_open_api_obeys_no_page_of_another_site(client: FlaskClient, origin: str, status: int) -> None:
    answer = client.post("/agents/atlas/stop", headers={"Origin": origin})
    assert answer.status_code == status


def test_an_open_api_says_so_at_start(make_app: Callable[..., Flask], caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.WARNING):
        make_app(API_TOKENS="t")
        assert "open" not in caplog.text
        make_app()
        assert "the API is open" in caplog.text


def test_an_error_of_ours_shows_no_trace(
    client: FlaskClient, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def fail(*_args: object) -> None:
        raise RuntimeError("the innermost secret")

    monkeypatch.setattr("journal.queries.agent_views", fail)
    answer = client.get("/agents")
    assert answer.status_code == 500
    assert set(answer.get_json()) == {"code", "status", "message"}
    assert "secret" not in answer.get_data(as_text=True)
    assert "the innermost secret" in caplog.text


def test_nothing_connects_before_the_first_request(make_app: Callable[..., Flask]) -> None:
    make_app(DATABASE_URL="postgresql://nobody@127.0.0.1:1/none", REDIS_URL=NOBODY_LISTENS)
