"""What operators do to a running service, and what happens to it: Flower's buttons, and a kill in the middle of work."""

import hashlib
import hmac
import time
import uuid
from datetime import UTC, datetime
from urllib.parse import urlencode

import psutil
import pytest
import redis
import requests

from tests.e2e.service import Json, Service, is_alive, wait_for

BTC = 45_000


@pytest.fixture
def account() -> str:
    """An id that no other test uses."""
    return f"investor-{uuid.uuid4().hex[:8]}"


def trigger(service: Service, task: str, *arguments: str) -> str:
    """Have Flower send a task, as an operator would; the task's id."""
    url = f"{service.flower}/api/task/async-apply/{task}"
    answer = requests.post(url, json={"args": arguments}, timeout=20)
    assert answer.status_code == 200, answer.text
    return str(answer.json()["task-id"])


def state_of(service: Service, task_id: str) -> str | None:
    answer = requests.get(f"{service.flower}/api/task/info/{task_id}", timeout=20)
    return str(answer.json()["state"]) if answer.status_code == 200 else None


def orders_at_the_exchange(service: Service, symbol: str) -> list[Json]:
    """What the exchange says it has, asked with the account's own keys."""
    query = urlencode({"symbol": symbol, "limit": 1000, "timestamp": int(time.time() * 1000)})
    secret = service.variables["BINANCE_API_SECRET"].encode()
    signature = hmac.new(secret, query.encode(), hashlib.sha256).hexdigest()
    answer = requests.get(
        f"{service.exchange}/api/v3/allOrders?{query}&signature={signature}",
        headers={"X-MBX-APIKEY": service.variables["BINANCE_API_KEY"]},
        timeout=10,
    )
    answer.raise_for_status()
    return list(answer.json())


def test_a_tick_that_flower_triggers_twice_does_no_harm(service: Service, account: str) -> None:
    service.pin("BTCUSDT", BTC)
    service.open_account("nova", account, 1000)
    service.signal("nova", "BTCUSDT", "buy", BTC)
    before = len(service.items("/orders", agent="nova"))

    tasks = [trigger(service, "agents.tick", "nova") for _ in range(2)]

    wait_for(lambda: {state_of(service, task) for task in tasks} == {"SUCCESS"}, "both ticks are done")
    assert len(service.items("/orders", agent="nova")) == before
    assert service.get("/agents/nova/status")["last_error"] is None


def test_a_performance_sync_that_flower_triggers_twice_writes_the_same_rows(service: Service, account: str) -> None:
    today = datetime.now(UTC).date().isoformat()
    statement = "SELECT * FROM investment.performance_snapshots WHERE account_id = :account ORDER BY period_type"
    service.open_account("orion", account, 1000)

    def synced() -> list[Json]:
        task = trigger(service, "performance.sync", today)
        wait_for(lambda: state_of(service, task) == "SUCCESS", "the sync is done")
        return service.rows(statement, account=account)

    first, second = synced(), synced()

    assert first == second
    assert [(row["period_type"], row["closing_balance"]) for row in first] == [
        ("daily", 1000),
        ("monthly", 1000),
        ("weekly", 1000),
    ]
    assert first[0]["snapshot_date"].isoformat() == today
    [snapshot] = service.items(f"/accounts/{account}/performance")
    assert (snapshot["closing_balance"], snapshot["profit_loss"], snapshot["total_trades"]) == (1000, 0, 0)


def test_a_worker_killed_while_the_exchange_answers_comes_back_and_nothing_is_doubled(
    service: Service, account: str
) -> None:
    service.pin("BTCUSDT", BTC)
    service.open_account("orion", account, 1000)
    known = {order["clientOrderId"] for order in orders_at_the_exchange(service, "BTCUSDT")}
    service.add_fault("accept_then_timeout", seconds=60)
    body = {"symbol": "BTCUSDT", "action": "buy", "price": BTC, "confidence": 0.9}
    pending = service.post("/agents/orion/signals?wait=0", body, status=202)
    accepted = wait_for(
        lambda: [o for o in orders_at_the_exchange(service, "BTCUSDT") if o["clientOrderId"] not in known],
        "the exchange has the order",
    )
    log = service.data_dir / "logs" / "worker-signals.log"
    starts = log.read_text().count(" ready.")

    kill_whole(service.child("worker-signals@"))
    # What the dead worker held runs out by itself after a while; the test does not wait for that.
    with redis.Redis.from_url(service.variables["REDIS_URL"]) as client:
        client.delete("lease:orion")

    [position] = wait_for(
        lambda: service.positions("orion", account_id=account), "the order is looked up and booked", 40
    )
    [order] = [o for o in service.items("/orders", agent="orion") if o["client_order_id"] not in known][:1]
    [decision] = service.items("/decisions", signal_id=pending["signal_id"])
    assert decision["order_ids"] == [order["client_order_id"]] == [o["clientOrderId"] for o in accepted]
    assert order["state"] == "filled"
    assert float(accepted[0]["executedQty"]) == pytest.approx(order["executed_quantity"])
    # The fee is paid from what is bought.
    assert position["quantity"] == pytest.approx(order["executed_quantity"] * 0.999, rel=1e-6)
    after = [o["clientOrderId"] for o in orders_at_the_exchange(service, "BTCUSDT")]
    assert after.count(order["client_order_id"]) == 1
    assert set(after) - known == {order["client_order_id"]}
    wait_for(lambda: log.read_text().count(" ready.") > starts, "the worker is back", 60)
    served = service.signal("orion", "BTCUSDT", "sell", BTC)
    assert served["orders"][0]["state"] == "filled"


def kill_whole(worker: psutil.Process) -> None:
    """Kill a worker and the process that does its work, as a power cut would."""
    processes = [worker, *worker.children(recursive=True)]
    for process in processes:
        process.kill()
    wait_for(lambda: not any(map(is_alive, processes)), "the worker is dead")
