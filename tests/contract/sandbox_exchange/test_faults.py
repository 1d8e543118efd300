import time
from collections.abc import Callable
from typing import Any

import ccxt
import pytest
import requests

from sandbox.exchange.process import ExchangeProcess

BTC = "BTC/USDT"
IOC = {"timeInForce": "IOC", "newClientOrderId": "lost"}


def buy(client: ccxt.binance) -> dict[str, Any]:
    order: dict[str, Any] = client.create_order(BTC, "limit", "buy", 1, 45_100, IOC)
    return order


def look_up(client: ccxt.binance) -> dict[str, Any]:
    order: dict[str, Any] = client.fetch_order_with_client_order_id("lost", BTC)
    return order


@pytest.mark.parametrize(
    ("kind", "error"),
    [
        ("accept_then_timeout", ccxt.RequestTimeout),
        ("accept_then_5xx", ccxt.ExchangeNotAvailable),
        ("minus_1006", ccxt.OperationFailed),
        ("minus_1007", ccxt.RequestTimeout),
    ],
)
def test_an_order_whose_answer_is_lost_is_live_all_the_same(
    exchange: ExchangeProcess, connect: Callable[..., ccxt.binance], kind: str, error: type[Exception]
) -> None:
    client = connect(exchange, timeout=500)
    exchange.add_fault(kind)
    with pytest.raises(error):
        buy(client)
    assert look_up(client)["status"] == "closed"
    assert buy(client)["status"] == "closed"


def test_a_held_connection_is_closed_without_an_answer_in_the_end(
    exchange: ExchangeProcess, client: ccxt.binance
) -> None:
    exchange.add_fault("accept_then_timeout", seconds=0.1)
    with pytest.raises(ccxt.NetworkError):
        buy(client)
    assert look_up(client)["status"] == "closed"


@pytest.mark.parametrize(
    ("kind", "options", "error"),
    [
        ("error_before", {"status": 502}, ccxt.ExchangeNotAvailable),
        ("minus_1007", {"accept": False}, ccxt.RequestTimeout),
        ("rate_429", {"retry_after": 7}, ccxt.DDoSProtection),
        ("ban_418", {"retry_after": 7}, ccxt.DDoSProtection),
        ("timestamp_1021", {}, ccxt.InvalidNonce),
    ],
)
def test_a_request_that_failed_before_acceptance_left_no_order(
    exchange: ExchangeProcess, client: ccxt.binance, kind: str, options: dict[str, object], error: type[Exception]
) -> None:
    exchange.add_fault(kind, **options)
    with pytest.raises(error):
        buy(client)
    if "retry_after" in options:
        assert client.last_response_headers["Retry-After"] == "7"
    with pytest.raises(ccxt.OrderNotFound):
        look_up(client)


def test_a_slow_exchange_answers_in_the_end(exchange: ExchangeProcess, client: ccxt.binance) -> None:
    exchange.add_fault("slow", seconds=0.3)
    before = time.monotonic()
    assert buy(client)["status"] == "closed"
    assert time.monotonic() - before >= 0.3


def test_a_partial_fill_lets_a_share_of_the_order_through(exchange: ExchangeProcess, client: ccxt.binance) -> None:
    exchange.add_fault("partial_fill", fraction="0.25")
    order = buy(client)
    assert (order["status"], order["filled"]) == ("expired", 0.25)
    assert client.fetch_balance()["USDT"]["used"] == 0
    assert buy(client)["filled"] == 1


def test_a_thin_book_shows_and_fills_little_until_it_is_switched_off(
    exchange: ExchangeProcess, client: ccxt.binance
) -> None:
    exchange.add_fault("thin_book", fraction="0.0001", symbol="BTCUSDT", times=None)
    assert client.fetch_order_book(BTC)["asks"][0][1] < 0.01
    order = client.create_order(BTC, "market", "buy", 50)
    assert order["status"] == "expired"
    assert 0 < order["filled"] < 50
    exchange.clear_faults()
    assert client.create_order(BTC, "market", "buy", 50)["status"] == "closed"


def test_a_new_order_can_take_a_few_look_ups_to_appear(exchange: ExchangeProcess, client: ccxt.binance) -> None:
    exchange.add_fault("lookup_lag", lookups=2)
    buy(client)
    for _ in range(2):
        with pytest.raises(ccxt.OrderNotFound):
            look_up(client)
    assert look_up(client)["status"] == "closed"


def test_a_new_order_appears_in_time_however_seldom_it_is_looked_up(
    exchange: ExchangeProcess, client: ccxt.binance
) -> None:
    exchange.add_fault("lookup_lag", lookups=1000, seconds=0)
    buy(client)
    assert look_up(client)["status"] == "closed"


def test_the_exchange_counts_how_often_a_fault_has_struck(exchange: ExchangeProcess, client: ccxt.binance) -> None:
    fault = exchange.add_fault("slow", seconds=0, times=2)
    for _ in range(3):
        client.create_order(BTC, "limit", "buy", 1, 45_100, {"timeInForce": "IOC"})
    assert exchange.struck()[fault] == 2


def test_a_fault_hits_the_next_matching_requests_only(exchange: ExchangeProcess, client: ccxt.binance) -> None:
    exchange.add_fault("error_before", method="GET", path="/api/v3/time", times=2)
    buy(client)
    for _ in range(2):
        with pytest.raises(ccxt.ExchangeNotAvailable):
            client.fetch_time()
    assert client.fetch_time()


def test_faults_can_be_listed_and_cleared(exchange: ExchangeProcess) -> None:
    url = exchange.base_url + "/sandbox/faults"
    exchange.add_fault("error_before", probability=0.5)
    listed = requests.get(url, timeout=10).json()
    assert [(fault["kind"], fault["times"], fault["probability"]) for fault in listed["faults"]] == [
        ("error_before", None, 0.5)
    ]
    exchange.clear_faults()
    assert requests.get(url, timeout=10).json()["faults"] == []


def test_a_wipe_resets_orders_and_balances(exchange: ExchangeProcess, client: ccxt.binance) -> None:
    buy(client)
    exchange.wipe()
    assert client.fetch_balance()["USDT"]["free"] == 1e9
    assert client.fetch_orders(BTC) == []


@pytest.mark.parametrize(
    ("path", "body"),
    [
        ("faults", {"kind": "gremlins"}),
        ("faults", {"kind": "slow", "volume": 11}),
        ("faults", {"kind": "slow", "seconds": "long"}),
        ("faults", []),
        ("price", {"symbol": "NOPE", "price": "1"}),
        ("price", {"symbol": "BTCUSDT", "price": "NaN"}),
        ("price", {"symbol": "BTCUSDT", "price": "1.234"}),
        ("price", {"symbol": "BTCUSDT", "price": "0"}),
        ("balances", {"GOLD": "1"}),
        ("balances", {"USDT": "-1"}),
    ],
)
def test_a_malformed_order_to_the_sandbox_itself_is_refused(exchange: ExchangeProcess, path: str, body: object) -> None:
    reply = requests.post(f"{exchange.base_url}/sandbox/{path}", json=body, timeout=10)
    assert reply.status_code == 400
    assert reply.json()["msg"]


def test_balances_can_be_set(exchange: ExchangeProcess, client: ccxt.binance) -> None:
    exchange.set_balances(USDT=5, BNB="0.1")
    assert client.fetch_balance()["free"] == {**dict.fromkeys(client.fetch_balance()["free"], 0), "USDT": 5, "BNB": 0.1}
