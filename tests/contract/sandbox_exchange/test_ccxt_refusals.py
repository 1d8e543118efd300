"""Refusals as ccxt maps them, and with the exchange's own code in the text."""

import time
from collections.abc import Callable
from urllib.parse import urlencode

import ccxt
import pytest
import requests

from sandbox.exchange.process import ExchangeProcess
from sandbox.exchange.settings import DEMO_API_KEY, DEMO_API_SECRET
from sandbox.exchange.signing import signature_of

BTC = "BTC/USDT"
LIMIT = {"symbol": "BTCUSDT", "side": "BUY", "type": "LIMIT", "timeInForce": "GTC", "quantity": "1", "price": "44000"}


def place(client: ccxt.binance, **changes: str | None) -> None:
    """Send an order past ccxt's own rounding; None leaves a parameter out."""
    order = {name: value for name, value in (LIMIT | changes).items() if value is not None}
    client.private_post_order(order)


@pytest.mark.parametrize(
    ("changes", "error", "text"),
    [
        ({"price": "44000.001"}, ccxt.InvalidOrder, '"code":-1013,"msg":"Filter failure: PRICE_FILTER"'),
        ({"quantity": "0.000001"}, ccxt.InvalidOrder, '"code":-1013,"msg":"Filter failure: LOT_SIZE"'),
        ({"price": "10000"}, ccxt.InvalidOrder, '"code":-1013,"msg":"Filter failure: PERCENT_PRICE_BY_SIDE"'),
        ({"quantity": "0.0001"}, ccxt.BadRequest, '"code":-1013,"msg":"Filter failure: NOTIONAL"'),
        (
            {"type": "MARKET", "price": None, "timeInForce": None, "quantity": "105"},
            ccxt.InvalidOrder,
            '"code":-1013,"msg":"Filter failure: MARKET_LOT_SIZE"',
        ),
        ({"quantity": "1.0000000001"}, ccxt.BadRequest, '"code":-1111'),
        ({"newClientOrderId": "x" * 37}, ccxt.BadRequest, '"code":-1100'),
        ({"newClientOrderId": "no spaces"}, ccxt.BadRequest, '"code":-1100'),
        ({"quantity": "-1"}, ccxt.BadRequest, '"code":-1100'),
        ({"quantity": "1\n"}, ccxt.BadRequest, '"code":-1100'),
        ({"quantity": None}, ccxt.BadRequest, '"code":-1102'),
        ({"timeInForce": None}, ccxt.BadRequest, '"code":-1102'),
        ({"quantity": None, "type": "MARKET", "price": None, "timeInForce": None}, ccxt.BadRequest, '"code":-1102'),
        ({"type": "MARKET", "price": None}, ccxt.BadRequest, '"code":-1106'),
        ({"symbol": "NOPEUSDT"}, ccxt.BadSymbol, '"code":-1121,"msg":"Invalid symbol."'),
        ({"side": "HOLD"}, ccxt.BadRequest, '"code":-1117'),
        ({"type": "GUESS"}, ccxt.BadRequest, '"code":-1116'),
        ({"timeInForce": "DAY"}, ccxt.BadRequest, '"code":-1115'),
        (
            {"type": "STOP_LOSS_LIMIT", "stopPrice": "1"},
            ccxt.InvalidOrder,
            '"code":-2010,"msg":"Stop loss limit orders',
        ),
        ({"type": "LIMIT_MAKER", "timeInForce": None, "price": "46000"}, ccxt.OrderImmediatelyFillable, '"code":-2010'),
    ],
)
def test_a_wrong_order_is_refused_with_binances_code(
    client: ccxt.binance, changes: dict[str, str | None], error: type[Exception], text: str
) -> None:
    with pytest.raises(error):
        place(client, **changes)
    assert text in client.last_http_response
    assert client.fetch_open_orders(BTC) == []


def test_an_order_beyond_the_balance_is_insufficient_funds(client: ccxt.binance) -> None:
    with pytest.raises(ccxt.InsufficientFunds, match="Account has insufficient balance for requested action"):
        client.create_order(BTC, "limit", "sell", 1, 46_000)


def test_a_client_id_of_an_open_order_is_a_duplicate_and_free_again_once_it_filled(client: ccxt.binance) -> None:
    resting = client.create_order(BTC, "limit", "buy", 1, 44_000, {"newClientOrderId": "twice"})
    with pytest.raises(ccxt.InvalidOrder, match="Duplicate order sent"):
        client.create_order(BTC, "market", "buy", 1, None, {"newClientOrderId": "twice"})
    client.cancel_order(resting["id"], BTC)
    for _ in range(2):
        order = client.create_order(BTC, "market", "buy", 1, None, {"newClientOrderId": "twice"})
        assert order["status"] == "closed"
    assert client.fetch_order_with_client_order_id("twice", BTC)["id"] == order["id"]


def test_unknown_orders_are_minus_2013_to_look_up_and_minus_2011_to_cancel(client: ccxt.binance) -> None:
    with pytest.raises(ccxt.OrderNotFound, match=r'"code":-2013,"msg":"Order does not exist."'):
        client.fetch_order("999999", BTC)
    with pytest.raises(ccxt.OrderNotFound, match='"code":-2013'):
        client.fetch_order_with_client_order_id("nobody", BTC)
    with pytest.raises(ccxt.OrderNotFound, match=r'"code":-2011,"msg":"Unknown order sent."'):
        client.cancel_order("999999", BTC)
    with pytest.raises(ccxt.BadRequest, match='"code":-1102'):
        client.private_get_order({"symbol": "BTCUSDT"})


@pytest.mark.parametrize(
    ("credentials", "code", "error"),
    [
        ({"apiKey": "0" * 64}, -2015, ccxt.AuthenticationError),
        ({"apiKey": "what?"}, -2014, ccxt.AuthenticationError),
        ({"secret": "wrong"}, -1022, ccxt.AuthenticationError),
    ],
)
def test_wrong_credentials_are_authentication_errors(
    exchange: ExchangeProcess,
    connect: Callable[..., ccxt.binance],
    credentials: dict[str, str],
    code: int,
    error: type[Exception],
) -> None:
    with pytest.raises(error, match=f'"code":{code}'):
        connect(exchange, **credentials).private_get_account()


def signed(url: str, query: dict[str, object], method: str = "GET", body: str = "") -> requests.Response:
    text = urlencode(query)
    signature = signature_of(DEMO_API_SECRET, (text + body).encode())
    headers = {"X-MBX-APIKEY": DEMO_API_KEY, "Content-Type": "application/x-www-form-urlencoded"}
    return requests.request(method, f"{url}?{text}&signature={signature}", data=body, headers=headers, timeout=10)


@pytest.mark.parametrize(
    ("skew", "text"),
    [
        (-6000, "Timestamp for this request is outside of the recvWindow."),
        (3000, "Timestamp for this request was 1000ms ahead of the server's time."),
    ],
)
def test_a_clock_that_is_late_or_early_is_minus_1021(exchange: ExchangeProcess, skew: int, text: str) -> None:
    reply = signed(exchange.base_url + "/api/v3/account", {"timestamp": int(time.time() * 1000) + skew})
    assert reply.status_code == 400
    assert reply.json() == {"code": -1021, "msg": text}


def test_parameters_may_be_split_between_query_and_body_and_the_query_wins(exchange: ExchangeProcess) -> None:
    query = {"symbol": "BTCUSDT", "side": "BUY", "timestamp": int(time.time() * 1000), "type": "LIMIT"}
    body = "timeInForce=GTC&quantity=1&price=44000&newClientOrderId=%73plit&side=SELL"
    reply = signed(exchange.base_url + "/api/v3/order", query, "POST", body)
    assert reply.status_code == 200, reply.text
    assert (reply.json()["clientOrderId"], reply.json()["side"]) == ("split", "BUY")


def test_an_unsigned_private_request_names_the_missing_parameter(exchange: ExchangeProcess) -> None:
    reply = requests.get(exchange.base_url + "/api/v3/account", headers={"X-MBX-APIKEY": DEMO_API_KEY}, timeout=10)
    assert reply.json()["code"] == -1102


def test_an_unknown_path_is_404(exchange: ExchangeProcess) -> None:
    assert requests.get(exchange.base_url + "/api/v3/nothing", timeout=10).status_code == 404


def ask_until_refused(client: ccxt.binance, status: str = "4") -> None:
    """Ask twenty times at most, going on after refusals with another status; a new minute gives new weight."""
    for _ in range(20):
        try:
            client.public_get_exchangeinfo()
        except ccxt.DDoSProtection as refusal:
            if f" {status}" in str(refusal):
                raise


def test_beyond_the_weight_limit_requests_are_429_and_then_418(
    start_exchange: Callable[..., ExchangeProcess], connect: Callable[..., ccxt.binance]
) -> None:
    client = connect(start_exchange(weight_limit=100, abuse_limit=2))
    with pytest.raises(ccxt.DDoSProtection, match=r' 429 .*"code":-1003'):
        ask_until_refused(client)
    assert 0 < int(client.last_response_headers["Retry-After"]) <= 60
    with pytest.raises(ccxt.DDoSProtection, match=r' 418 .*"code":-1003'):
        ask_until_refused(client, status="418")
    assert 0 < int(client.last_response_headers["Retry-After"]) <= 120


def test_beyond_the_order_limit_orders_are_429_with_minus_1015(
    start_exchange: Callable[..., ExchangeProcess], connect: Callable[..., ccxt.binance]
) -> None:
    client = connect(start_exchange(order_limit_1d=2))
    for _ in range(5):
        client.create_order(BTC, "market", "buy", 0.1)
    price = client.fetch_ticker(BTC)["last"] * 0.9
    for _ in range(2):
        client.create_order(BTC, "limit", "buy", 0.1, price)
    with pytest.raises(ccxt.DDoSProtection, match='"code":-1015,"msg":"Too many new orders; current limit is 2 orders'):
        client.create_order(BTC, "limit", "buy", 0.1, price)
