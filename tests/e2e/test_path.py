"""From a call to the API to an order on the exchange and back, through real processes."""

import hashlib
import hmac
import json
import uuid
from collections.abc import Mapping
from decimal import Decimal

import pytest
import requests

from agents.profiles import PROFILES
from journal import opening
from journal.database import Book, connect
from journal.opening import StartRequest
from tests.e2e.engine import ScriptedEngine
from tests.e2e.service import Service, wait_for

BTC = 45_000


@pytest.fixture
def account() -> str:
    """An id that no other test uses."""
    return f"investor-{uuid.uuid4().hex[:8]}"


def open_in_the_book(service: Service, agent: str, equities: Mapping[str, Decimal]) -> None:
    """Open many accounts in one unit of work, by what the route calls: over HTTP a thousand take half a minute."""
    engine = connect(service.variables["DATABASE_URL"], pool_size=1)
    with Book(engine).unit_of_work() as session:
        for account_id, equity in equities.items():
            request = StartRequest(PROFILES[agent], Decimal(1), equity, account_id)
            opening.start(session, request, actor="test")
    engine.dispose()


def test_a_polled_signal_is_traded_by_a_worker_on_the_beat_of_the_schedule(
    service: Service, engine: ScriptedEngine, account: str
) -> None:
    service.pin("ETHUSDT", 2500)
    service.open_account("orion", account, 5000)
    engine.advise("ETHUSDT", "buy", 2500)

    [position] = wait_for(lambda: service.positions("orion", account_id=account), "a position")

    assert position["symbol"] == "ETHUSDT"
    [decision] = service.items("/decisions", agent="orion", account_id=account, code="ordered")
    assert (decision["source"], decision["account_code"]) == ("poll", "ordered")
    assert service.get("/agents/orion/status")["last_tick_at"] is not None


def test_a_posted_signal_answers_with_its_decision_and_its_filled_order(service: Service, account: str) -> None:
    service.pin("BTCUSDT", BTC)
    service.open_account("atlas", account, 1000)

    outcome = service.signal("atlas", "BTCUSDT", "buy", BTC)

    [order] = outcome["orders"]
    assert outcome["decision"]["code"] == "ordered"
    assert (order["side"], order["state"], order["reason"]) == ("buy", "filled", "signal")
    assert order["executed_quantity"] == order["quantity"] > 0


def test_what_was_bought_is_seen_in_every_view(service: Service, account: str) -> None:
    service.pin("BTCUSDT", BTC)
    service.open_account("atlas", account, 1000)
    [order] = service.signal("atlas", "BTCUSDT", "buy", BTC)["orders"]

    [position] = service.positions("atlas", account_id=account)
    status = service.get("/agents/atlas/status", account_id=account)
    metrics = service.get("/agents/atlas/metrics", account_id=account)
    own = service.get(f"/accounts/{account}")

    assert (position["symbol"], position["accounts"]) == ("BTCUSDT", 1)
    assert position["stop"] < BTC < position["target"]
    assert (status["status"], status["open_positions"]) == ("running", 1)
    assert status["cash"] < status["equity"] < 1000
    assert metrics["total_trades"] == metrics["total_profit"] == metrics["total_loss"] == metrics["win_rate"] == 0
    assert 0 < metrics["current_drawdown"] < 0.01
    assert own["equity"] == status["equity"]
    assert own["balance"] == 1000
    assert order["client_order_id"] in [o["client_order_id"] for o in service.items("/orders", agent="atlas")]
    [deposit] = service.items(f"/accounts/{account}/transactions")
    assert (deposit["transaction_type"], deposit["balance_before"], deposit["balance_after"]) == ("deposit", 0, 1000)


def test_a_signed_webhook_is_traded_by_a_worker(service: Service, account: str) -> None:
    service.pin("SOLUSDT", 100)
    service.open_account("nova", account, 1000)
    signal = {"symbol": "SOLUSDT", "action": "buy", "confidence": 0.8, "price": 100.0}
    body = json.dumps({"agent_name": "nova", "signal": signal}).encode()
    secret = service.variables["ML_WEBHOOK_SECRET"].encode()

    def call(signature: str) -> requests.Response:
        headers = {"X-ML-Signature": signature, "Content-Type": "application/json"}
        return requests.post(f"{service.api}/webhooks/ml-signals", data=body, headers=headers, timeout=10)

    refused = call(hmac.new(b"guessed", body, hashlib.sha256).hexdigest())
    assert (refused.status_code, refused.json()["message"]) == (401, "Invalid signature")
    accepted = call(hmac.new(secret, body, hashlib.sha256).hexdigest())
    assert (accepted.status_code, accepted.json()["status"]) == (200, "received")
    wait_for(lambda: service.positions("nova", account_id=account), "a position")
    [decision] = service.items("/decisions", signal_id=accepted.json()["signal_id"])
    assert (decision["source"], decision["code"]) == ("webhook", "ordered")


@pytest.mark.parametrize(("price", "outcome"), [(45_800, "profit"), (44_500, "loss")])
def test_a_sell_signal_closes_with_a_transaction_that_carries_the_result(
    service: Service, account: str, price: int, outcome: str
) -> None:
    service.pin("BTCUSDT", BTC)
    service.open_account("atlas", account, 1000)
    service.signal("atlas", "BTCUSDT", "buy", BTC)
    service.pin("BTCUSDT", price)

    [order] = service.signal("atlas", "BTCUSDT", "sell", price)["orders"]

    assert (order["side"], order["reason"]) == ("sell", "opposite_signal")
    assert service.positions("atlas", account_id=account) == []
    [trade] = service.items(f"/accounts/{account}/trades")
    [row] = service.rows(
        "SELECT * FROM investment.account_transactions WHERE account_id = :account AND transaction_type <> 'deposit'",
        account=account,
    )
    assert (row["transaction_type"], row["reference_type"]) == (outcome, "agent_trade")
    assert (str(row["reference_id"]), row["balance_before"]) == (trade["id"], 1000)
    signed = row["amount"] if outcome == "profit" else -row["amount"]
    assert row["balance_after"] - row["balance_before"] == signed
    assert float(signed) == pytest.approx(trade["profit_loss"])
    assert service.get("/agents/atlas/metrics", account_id=account)[f"total_{outcome}"] > 0


def test_a_paused_agent_buys_nothing_still_sells_at_its_stop_and_buys_again_when_resumed(
    service: Service, account: str
) -> None:
    service.pin("BTCUSDT", BTC)
    service.pin("ETHUSDT", 2500)
    service.open_account("atlas", account, 1000)
    service.signal("atlas", "BTCUSDT", "buy", BTC)

    assert service.post("/agents/atlas/pause")["status"] == "paused"
    denied = service.signal("atlas", "ETHUSDT", "buy", 2500)
    service.pin("BTCUSDT", 44_000)
    [trade] = wait_for(lambda: service.items(f"/accounts/{account}/trades"), "the stop sells")
    assert service.post("/agents/atlas/resume")["status"] == "running"
    # The account that lost is left alone for a while, see the code `cooldown`.
    service.open_account("atlas", f"{account}-next", 1000)
    resumed = service.signal("atlas", "ETHUSDT", "buy", 2500)

    assert (denied["decision"]["code"], denied["orders"]) == ("agent_paused", [])
    assert (trade["symbol"], trade["reason"]) == ("BTCUSDT", "stop")
    assert resumed["decision"]["code"] == "ordered"


def test_a_stop_that_asks_for_it_sells_what_is_held(service: Service, account: str) -> None:
    service.pin("BTCUSDT", BTC)
    service.open_account("orion", account, 1000)
    service.signal("orion", "BTCUSDT", "buy", BTC)

    stopped = service.post("/agents/orion/stop", {"close_positions": True})

    assert stopped["status"] == "stopped"
    [trade] = wait_for(lambda: service.items(f"/accounts/{account}/trades"), "the position is sold")
    assert trade["reason"] == "operator"
    assert service.positions("orion", account_id=account) == []


def test_a_signal_below_the_agents_confidence_is_answered_with_the_reason(service: Service, account: str) -> None:
    service.pin("BTCUSDT", BTC)
    service.open_account("atlas", account, 1000)

    outcome = service.signal("atlas", "BTCUSDT", "buy", BTC, confidence=0.74)

    assert outcome["orders"] == []
    [decision] = service.items("/decisions", account_id=account)
    assert decision["account_code"] == decision["code"] == "confidence_below_minimum"
    assert decision["detail"] == "confidence 0.74 is below atlas's minimum 0.75"


def test_a_thousand_accounts_are_served_by_one_order_divided_to_the_last_unit(service: Service, account: str) -> None:
    service.pin("BTCUSDT", BTC)
    # First by the service, which tells Redis that the agent runs.
    service.open_account("orion", account, 1000)
    open_in_the_book(service, "orion", {f"{account}-{number}": Decimal("100.37") + number for number in range(999)})

    outcome = service.signal("orion", "BTCUSDT", "buy", BTC)

    [order] = outcome["orders"]
    assert (outcome["decision"]["counts"]["ordered"], order["accounts"]) == (1000, 1000)
    statement = """
        SELECT count(*) AS legs, sum(l.quantity) AS quantity, sum(l.cost) AS cost, o.executed_quantity, o.executed_cost
        FROM trading.legs l JOIN trading.orders o ON o.id = l.order_id
        WHERE o.client_order_id = :order GROUP BY o.id
    """
    [sums] = service.rows(statement, order=order["client_order_id"])
    assert sums["legs"] == 1000
    assert (sums["quantity"], sums["cost"]) == (sums["executed_quantity"], sums["executed_cost"])
    mine = service.positions("orion", account_id=f"{account}-998")
    assert Decimal(str(mine[0]["quantity"])) > 0


def test_the_same_signal_posted_twice_is_one_decision_and_one_order(service: Service, account: str) -> None:
    service.pin("BTCUSDT", BTC)
    service.open_account("atlas", account, 1000)

    first, second = (service.signal("atlas", "BTCUSDT", "buy", BTC, id=f"twice-{account}") for _ in range(2))

    assert first == second
    assert len(first["orders"]) == 1
