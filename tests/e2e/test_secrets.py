"""A whole run at DEBUG with secrets that can be recognised: none of them is in anything that was written."""

import base64
import hashlib
import hmac
import json
import os
import re
import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import closing, contextmanager, suppress
from pathlib import Path
from threading import Thread
from urllib.parse import quote

import pytest
import redis
import requests
from sqlalchemy import create_engine, text

from sandbox.embedded import EmbeddedPostgres, EmbeddedRedis
from sandbox.embedded.server import free_port
from tests.e2e.engine import ScriptedEngine
from tests.e2e.service import ROOT, Json, Service, unpacked, wait_for

MARKED = {
    "BINANCE_API_KEY": "MARKED0exchange0key" + "7f3a" * 12,
    "BINANCE_API_SECRET": "MARKED0exchange0secret" + "91bc" * 11,
    "ML_WEBHOOK_SECRET": "MARKED-webhook-secret-c2d4",
    "ML_WEBHOOK_SECRET_PREVIOUS": "MARKED-webhook-secret-before-d9e1",
    "API_TOKENS": "MARKED-api-token-5e6f",
    "FLOWER_PASSWORD": "MARKED-flower-password-8a9b",
    "DATABASE_PASSWORD": "MARKED-database-password-0c1d",
    "REDIS_PASSWORD": "MARKED-redis-password-2e3f",
    "SUBSCRIPTION_SECRET": "MARKED-subscription-secret-4a5b6c7d8e9f",
    "SUBSCRIPTION_SECRET_LATER": "MARKED-subscription-secret-later-1a2b3c4d",
}
SIGNATURE = re.compile(r"signature=[0-9a-f]{16,}", re.IGNORECASE)
"""Of a request to the exchange; it is worth its timestamp's few seconds only, and still belongs nowhere."""
KEPT_ON_PURPOSE = {
    ("trading", "subscriptions"): {"secret", "previous_secret"},
    ("trading", "idempotency_keys"): {"body"},
}
"""Events are signed with the first, so the service must know them. Whoever subscribes again with the same
Idempotency-Key gets the first answer again, the secret in it included, so that answer is kept as long as its key."""
BTC = 45_000
END = "nothing more is written"
LITTLE_RUNS = pytest.mark.timeout(240)


class Overheard:
    """Every command that reaches Redis: all tasks, results, states and counts that ever were, not only what is left."""

    def __init__(self, url: str) -> None:
        self._client = redis.Redis.from_url(url, socket_timeout=None)
        self._commands: list[str] = []
        self._thread = Thread(target=self._listen)
        self._thread.start()

    def _listen(self) -> None:
        with self._client.monitor() as monitor:  # type: ignore[no-untyped-call]  # the library's types end here
            while END not in (command := str(monitor.next_command()["command"])):
                self._commands.append(command)

    def said(self) -> str:
        self._client.echo(END)
        self._thread.join()
        self._client.close()
        return unpacked("\n".join(self._commands))


@contextmanager
def exchange(port: int, folder: Path, log: Path, **keys: str) -> Iterator[None]:
    """A sandbox exchange whose account has these keys."""
    command = [sys.executable, "-m", "sandbox.exchange", "--port", str(port), "--data", str(folder)]
    with log.open("a") as output:
        process = subprocess.Popen(command, cwd=ROOT, env=os.environ | keys, stdout=output, stderr=output)
    try:
        wait_for(lambda: _answers(f"http://127.0.0.1:{port}/api/v3/ping"), "the exchange answers", 30)
        yield
    finally:
        process.terminate()
        process.wait(20)


def _answers(url: str) -> bool:
    with suppress(requests.RequestException):
        return requests.get(url, timeout=2).ok
    return False


class Run:
    """One run with everything an attacker could read of it, by the name of the place."""

    def __init__(self, service: Service, urls: Mapping[str, str]) -> None:
        self.service = service
        self.urls = urls
        self.answers: list[str] = []
        self.told_once: list[str] = []

    def call(self, method: str, path: str, *statuses: int, token: str = MARKED["API_TOKENS"], **more: object) -> Json:
        headers = {"Authorization": f"Bearer {token}"} | dict(more.pop("headers", {}))  # type: ignore[call-overload]  # a mapping
        answer = requests.request(method, self.service.api + path, headers=headers, timeout=40, **more)  # type: ignore[arg-type]  # any of request()'s
        assert answer.status_code in statuses, (path, answer.text)
        self.answers.append(f"{method} {path}\n{answer.headers}\n{answer.text}")
        return dict(answer.json()) if answer.headers["Content-Type"].startswith("application/json") else {}

    def webhook(self, signature: str | None, body: bytes, *statuses: int) -> None:
        headers = {} if signature is None else {"X-ML-Signature": signature}
        self.call("POST", "/webhooks/ml-signals", *statuses, data=body, headers=headers)


def drive(run: Run) -> None:
    """Calls that work, calls that are refused, and an exchange that fails in every way."""
    service = run.service
    run.call("POST", "/agents/nova/start", 200, json={"initial_equity": 1000, "account_id": "alice"})
    subscribed = run.call(
        "POST",
        "/subscriptions",
        201,
        json={"url": "http://127.0.0.1:9/events", "secret": MARKED["SUBSCRIPTION_SECRET"]},
        headers={"Idempotency-Key": "subscribe-once"},
    )
    run.told_once.append(run.answers.pop())
    run.call(
        "POST",
        f"/subscriptions/{subscribed['id']}/rotate-secret",
        200,
        json={"secret": MARKED["SUBSCRIPTION_SECRET_LATER"]},
    )
    run.told_once.append(run.answers.pop())
    service.pin("BTCUSDT", BTC)
    buy = {"symbol": "BTCUSDT", "action": "buy", "confidence": 0.9, "price": BTC}
    for agent, expected in (("nova", "ordered"), ("atlas", None)):
        answer = run.call("POST", f"/agents/{agent}/signals?wait=25", 200, 409, json=buy)
        assert expected is None or answer["decision"]["code"] == expected, json.dumps(answer)
    body = json.dumps({"agent_name": "nova", "signal": {**buy, "symbol": "ETHUSDT"}}).encode()
    run.webhook(hmac.new(MARKED["ML_WEBHOOK_SECRET"].encode(), body, hashlib.sha256).hexdigest(), body, 200)
    run.webhook("f" * 64, body, 401)
    run.webhook(None, b"{", 401)
    run.call("POST", "/accounts/alice/withdrawals", 202, json={"amount": 999, "reference_id": "w", "liquidate": True})
    for token in ("", "wrong", MARKED["API_TOKENS"] + "x", MARKED["API_TOKENS"][:-1]):
        run.call("GET", "/agents", 401, token=token)
    run.call("POST", "/agents/nova/start", 400, data=b"{", headers={"Content-Type": "application/json"})
    run.call("POST", "/agents/nova/start", 422, json={"initial_equity": "NaN"})
    run.call("GET", f"/agents/{'x' * 40}", 404)
    for kind in ("reset", "server_error_after", "timeout_after"):
        with suppress(requests.HTTPError):
            service.add_fault(kind, count=2)
    run.call("POST", "/reconciliation", 202, json={"full": True})
    run.call("POST", "/agents/nova/signals?wait=5", 200, 202, json={**buy, "symbol": "SOLUSDT", "price": 100})
    service.clear_faults()
    for path in ("/openapi.json", "/docs", "/agents", "/audit", "/subscriptions", "/decisions", "/orders", "/metrics"):
        run.call("GET", path, 200)
    run.call("GET", "/ready", 200, 503)
    run.call("GET", f"/subscriptions/{subscribed['id']}/deliveries", 200)


def make_token(run: Run) -> str:
    """A token by the command, used once."""
    environment = os.environ | {"DATABASE_URL": run.urls["DATABASE_URL"]}
    command = [sys.executable, "-m", "api.tokens", "create", "alice-backend", "--scope", "read"]
    made = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, check=True)
    secret = made.stdout.strip()
    run.answers.append(made.stderr)
    wait_for(lambda: _answers_with(run.service.api + "/agents", secret), "the token works", 5)
    run.call("POST", "/trading/halt", 403, json={"reason": "x"}, token=secret)
    return secret


def _answers_with(url: str, token: str) -> bool:
    return requests.get(url, headers={"Authorization": f"Bearer {token}"}, timeout=10).ok


def in_the_database(url: str) -> str:
    """Every value of every column of every table, in either schema."""
    engine = create_engine(url)
    found = []
    with engine.connect() as connection:
        tables = connection.execute(
            text(
                "SELECT table_schema, table_name FROM information_schema.tables WHERE table_schema IN ('trading', 'investment')"
            )
        ).all()
        assert len(tables) > 20
        for schema, table in tables:
            columns = connection.execute(text(f"SELECT * FROM {schema}.{table} LIMIT 0")).keys()  # noqa: S608 - our own names
            hidden = KEPT_ON_PURPOSE.get((schema, table), set())
            shown = ", ".join(f'"{column}"::text' for column in columns if column not in hidden)
            rows = connection.execute(text(f"SELECT {shown} FROM {schema}.{table}")).all()  # noqa: S608 - our own names
            found += [f"{schema}.{table}: {row}" for row in rows]
    engine.dispose()
    return "\n".join(found)


def left_in_redis(url: str) -> str:
    found = []
    with redis.Redis.from_url(url) as client:
        read = {
            b"string": client.get,
            b"hash": client.hgetall,
            b"list": lambda key: client.lrange(key, 0, -1),
            b"set": client.smembers,
            b"zset": lambda key: client.zrange(key, 0, -1),
        }
        for key in client.scan_iter():
            with suppress(redis.ResponseError):
                found.append(f"{key!r}: {read[client.type(key)](key)!r}")
    return unpacked("\n".join(found))


def in_flower(address: str) -> str:
    """All pages that an operator can open, and what the API behind them says."""
    user = ("operator", MARKED["FLOWER_PASSWORD"])
    pages = {}
    for path in ("/", "/workers", "/tasks", "/broker", "/api/workers?refresh=1", "/api/tasks?limit=200", "/metrics"):
        answer = requests.get(address + path, auth=user, timeout=20)
        assert answer.status_code == 200, path
        pages[path] = answer.text
    tasks = list(requests.get(f"{address}/api/tasks?limit=200", auth=user, timeout=20).json())
    workers = list(requests.get(f"{address}/api/workers", auth=user, timeout=20).json())
    assert tasks
    assert len(workers) >= 2
    for path in [f"/task/{task}" for task in tasks[:20]] + [f"/worker/{quote(worker)}" for worker in workers]:
        answer = requests.get(address + path, auth=user, timeout=20)
        assert answer.status_code == 200, path
        pages[path] = answer.text
    assert requests.get(f"{address}/tasks", timeout=10).status_code == 401
    return "\n".join(pages.values())


def newest_order(run: Run) -> dict[str, str]:
    """What became of it; fields without a value are empty."""
    (order,) = run.call("GET", "/orders?limit=1", 200)["items"]
    return {name: str(value or "") for name, value in order.items()}


def marked_urls(postgres: EmbeddedPostgres, server: EmbeddedRedis) -> dict[str, str]:
    """Addresses with passwords; PostgreSQL trusts its own machine whatever the password, Redis does not."""
    plain = redis.Redis.from_url(server.url())
    with closing(plain):
        plain.config_set("requirepass", MARKED["REDIS_PASSWORD"])
    database = postgres.create_database("marked")
    return {
        "DATABASE_URL": database.replace("postgres@", f"postgres:{MARKED['DATABASE_PASSWORD']}@"),
        "REDIS_URL": server.url().replace("redis://", f"redis://:{MARKED['REDIS_PASSWORD']}@"),
    }


@pytest.fixture(scope="module")
def places(tmp_path_factory: pytest.TempPathFactory, postgres_server: EmbeddedPostgres) -> Iterator[dict[str, str]]:
    """What a run wrote, by the place where it is."""
    folder = tmp_path_factory.mktemp("secrets")
    engine, server, port = ScriptedEngine(), EmbeddedRedis(folder / "redis"), free_port()
    account = {"SANDBOX_API_KEY": MARKED["BINANCE_API_KEY"], "SANDBOX_API_SECRET": MARKED["BINANCE_API_SECRET"]}
    with engine.serving(), server:
        urls = marked_urls(postgres_server, server)
        overheard = Overheard(urls["REDIS_URL"])
        service = Service(
            folder / "data",
            **urls,
            **{name: value for name, value in MARKED.items() if name.startswith(("BINANCE_", "ML_", "API_"))},
            BINANCE_BASE_URL=f"http://127.0.0.1:{port}",
            ML_ENGINE_URL=engine.url,
            FLOWER_BASIC_AUTH=f"operator:{MARKED['FLOWER_PASSWORD']}",
            TICK_SECONDS="1",
            LOG_LEVEL="DEBUG",
            # The other exchange has other prices, which must not stop anybody from asking it.
            SERVICE_DAILY_LOSS="1",
            SERVICE_MAX_DRAWDOWN="1",
        )
        try:
            with exchange(port, folder / "exchange", folder / "exchange.log", **account):
                service.until_ready()
                run = Run(service, urls)
                drive(run)
                made = make_token(run)
            # Gone, and then back with another account: every signed request is refused.
            run.call("POST", "/reconciliation", 202)
            with exchange(
                port, folder / "other", folder / "exchange.log", SANDBOX_API_KEY="other", SANDBOX_API_SECRET="o"
            ):
                run.call("POST", "/agents/orion/start", 200, json={"initial_equity": 1000})
                signal = {"symbol": "BTCUSDT", "action": "buy", "confidence": 0.9, "price": BTC}
                run.call("POST", "/agents/orion/signals?wait=25", 200, json=signal)
                wait_for(lambda: "-2015" in newest_order(run)["error_code"], "the order is refused")
            flower = in_flower(service.flower)
        finally:
            service.stop()
            said = overheard.said()
        yield {
            "logs": service.written(),
            "answers": "\n".join(run.answers),
            "the database": in_the_database(urls["DATABASE_URL"]),
            "Redis, as it was written": said,
            "Redis, as it was left": left_in_redis(urls["REDIS_URL"]),
            "Flower": flower,
            "made": made,
            "told once": "\n".join(run.told_once),
        }
    postgres_server.drop_database("marked")


PLACES = ("logs", "answers", "the database", "Redis, as it was written", "Redis, as it was left", "Flower")


def forms(secret: str) -> tuple[str, ...]:
    """A secret as it is, in a URL, and as a password of HTTP basic authentication."""
    return secret, quote(secret, safe=""), base64.b64encode(f"operator:{secret}".encode()).decode()


@LITTLE_RUNS
@pytest.mark.parametrize("place", PLACES)
def test_no_secret_is_in_anything_that_a_run_at_debug_wrote(places: Mapping[str, str], place: str) -> None:
    written = places[place]
    secrets = {**MARKED, "a token of the book": places["made"]}

    assert len(written) > 1000
    assert [name for name, secret in secrets.items() if any(form in written for form in forms(secret))] == []
    assert SIGNATURE.findall(written) == []


def test_the_run_has_met_what_could_have_told_them(places: Mapping[str, str]) -> None:
    logs = places["logs"]
    assert " DEBUG " in logs
    assert " WARNING " in logs
    assert "the exchange cannot be reached" in logs
    assert MARKED["SUBSCRIPTION_SECRET"] in places["told once"]
    assert "agents.tick" in places["Redis, as it was written"]
    assert '[["nova"], {}' in places["Redis, as it was written"], "a task's arguments, which are written packed"
    assert "token alice-backend" in places["the database"] or "token create" in places["the database"]
