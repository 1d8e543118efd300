"""`make run` on an empty folder, with nothing given: what someone who watches sees, and what is left afterwards."""

import base64
import json
import re
from collections.abc import Iterator

import pytest
import redis
import requests

from tests.e2e.service import Json, Service, unpacked, wait_for

SECRETS = ("BINANCE_API_SECRET", "ML_WEBHOOK_SECRET")


@pytest.fixture(scope="module")
def first_run(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Service]:
    service = Service(tmp_path_factory.mktemp("first-run") / "data", DEMO="1", FLOWER_UNAUTHENTICATED_API="true")
    try:
        service.until_ready()
        yield service
    finally:
        service.stop()


@pytest.fixture(scope="module")
def order(first_run: Service) -> Json:
    """The first block that nova bought on a signal of the demo ML engine."""

    def bought() -> list[Json]:
        return [o for o in first_run.items("/orders", agent="nova", state="filled") if o["side"] == "buy"]

    return wait_for(bought, "nova buys", 60)[-1]


def test_the_terminal_shows_signals_decisions_and_orders_as_they_happen(first_run: Service, order: Json) -> None:
    wait_for(lambda: order["client_order_id"] in first_run.said(), "the order is shown")
    assert re.search(
        r"^\d\d:\d\d:\d\d decision  nova   \w+ buy 0\.\d\d: \d accounts? in one block", first_run.said(), re.MULTILINE
    )


def test_the_order_can_be_traced_from_the_signal_to_each_account(first_run: Service, order: Json) -> None:
    [decision] = [
        d
        for d in first_run.items("/decisions", agent="nova", symbol=order["symbol"], code="ordered")
        if order["client_order_id"] in d["order_ids"]
    ]
    legs = first_run.rows(
        """
        SELECT s.id AS signal, l.account_id, l.quantity FROM trading.orders o
        JOIN trading.decisions d ON d.id = o.decision_id JOIN trading.signals s ON s.id = d.signal_id
        JOIN trading.legs l ON l.order_id = o.id WHERE o.client_order_id = :order
        """,
        order=order["client_order_id"],
    )
    assert decision["source"] == "poll"
    assert {leg["signal"] for leg in legs} == {decision["signal_id"]}
    assert {leg["account_id"] for leg in legs} <= {f"demo-nova-{number}" for number in range(1, 6)}
    assert len(legs) == order["accounts"] > 0


def test_three_agents_run_and_tick(first_run: Service) -> None:
    wait_for(lambda: first_run.get("/health") == {"status": "up", "agents_running": 3}, "three agents run")
    agents = wait_for(lambda: ticked(first_run.items("/agents")), "all agents have ticked")
    assert {(agent["status"], agent["accounts"], agent["last_error"]) for agent in agents} == {("running", 5, None)}


@pytest.mark.usefixtures("order")
def test_no_secret_is_written_anywhere(first_run: Service) -> None:
    secrets = {first_run.variables[name] for name in SECRETS}
    pages = ("/", "/tasks", "/api/workers", "/api/tasks?limit=200", "/api/task/types")
    flower = "".join(requests.get(first_run.flower + page, timeout=20).text for page in pages)
    written = {
        "terminal and logs": first_run.written(),
        "Redis": dump(first_run.variables["REDIS_URL"]),
        "Flower": flower,
    }
    assert "agents.tick" in written["Flower"]
    assert "redbeat" in written["Redis"]
    assert len(secrets) == len(SECRETS)
    assert [place for place, text in written.items() for secret in secrets if secret in text] == []


def test_the_api_never_holds_the_exchange_keys(first_run: Service) -> None:
    api = first_run.child("api.app")
    environments = [process.environ() for process in (api, *api.children(recursive=True))]
    assert len(environments) > 1
    for environment in environments:
        assert not [name for name in environment if name.startswith("BINANCE_API")]
        assert first_run.variables["BINANCE_API_SECRET"] not in environment.values()
    assert "BINANCE_API_SECRET" in first_run.child("worker-ticks@").environ()


def ticked(agents: list[Json]) -> list[Json]:
    return agents if all(agent["last_tick_at"] for agent in agents) else []


def dump(redis_url: str) -> str:
    """All that Redis holds, as text."""
    with redis.Redis.from_url(redis_url) as client:
        return unpacked(repr([(key, value_of(client, key)) for key in client.scan_iter(count=1000)]))


def value_of(client: redis.Redis, key: bytes) -> object:
    match client.type(key):
        case b"string":
            return client.get(key)
        case b"hash":
            return client.hgetall(key)
        case b"set":
            return client.smembers(key)
        case b"list":
            return client.lrange(key, 0, -1)
        case b"zset":
            return client.zrange(key, 0, -1)
        case other:
            # Gone in between, or of a kind that this test does not know.
            assert other == b"none", other
            return None


def test_the_dump_of_redis_finds_what_a_message_hides(redis_url: str) -> None:
    """The test of secrets must be able to fail."""
    with redis.Redis.from_url(redis_url) as client:
        client.lpush("queue", json.dumps({"body": base64.b64encode(b'[["the-secret"]]').decode()}))
        client.hset("entry", "definition", "another-secret")
    assert "the-secret" in dump(redis_url)
    assert "another-secret" in dump(redis_url)
