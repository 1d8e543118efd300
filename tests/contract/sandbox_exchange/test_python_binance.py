"""A second, independent client library: python-binance."""

import warnings
from collections.abc import Iterator
from typing import TYPE_CHECKING

import pytest

from sandbox.exchange.process import ExchangeProcess
from sandbox.exchange.settings import DEMO_API_KEY, DEMO_API_SECRET
from sandbox.exchange.symbols import SYMBOLS

if TYPE_CHECKING:
    from binance.client import Client


@pytest.fixture
def binance(exchange: ExchangeProcess, monkeypatch: pytest.MonkeyPatch) -> "Iterator[Client]":
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # The library warns about its own dependencies while it is imported.
        from binance.client import Client  # noqa: PLC0415 - see above

        monkeypatch.setattr(Client, "API_TESTNET_URL", exchange.base_url + "/api")
        client = Client(DEMO_API_KEY, DEMO_API_SECRET, testnet=True)
    yield client
    client.close_connection()


def test_market_data(binance: "Client") -> None:
    assert binance.ping() == {}
    assert binance.get_server_time()["serverTime"] > 0
    assert {row["symbol"] for row in binance.get_exchange_info()["symbols"]} == set(SYMBOLS)
    assert binance.get_symbol_info("BTCUSDT")["baseAsset"] == "BTC"
    assert len(binance.get_order_book(symbol="BTCUSDT", limit=5)["asks"]) == 5
    assert binance.get_orderbook_ticker(symbol="BTCUSDT")["askPrice"]
    assert binance.get_symbol_ticker(symbol="BTCUSDT")["price"] == "45000.00000000"
    assert binance.get_avg_price(symbol="BTCUSDT")["mins"] == 5
    assert len(binance.get_klines(symbol="ETHUSDT", interval=binance.KLINE_INTERVAL_1MINUTE, limit=7)) == 7
    assert len(binance.get_recent_trades(symbol="BTCUSDT", limit=3)) == 3
    assert len(binance.get_ticker()) == len(SYMBOLS)


def test_historical_klines_are_paged_to_the_end(binance: "Client") -> None:
    rows = binance.get_historical_klines("ETHUSDT", binance.KLINE_INTERVAL_1SECOND, "20 minutes ago UTC")
    assert 1198 <= len(rows) <= 1202
    assert [row[0] for row in rows] == sorted({row[0] for row in rows})


def test_an_orders_life(binance: "Client") -> None:
    assert binance.get_asset_balance("USDT")["free"] == "1000000000.00000000"
    resting = binance.order_limit_buy(symbol="BTCUSDT", quantity=1, price="44000", newClientOrderId="resting")
    assert resting["status"] == "NEW"
    assert binance.get_order(symbol="BTCUSDT", origClientOrderId="resting")["orderId"] == resting["orderId"]
    assert [order["orderId"] for order in binance.get_open_orders(symbol="BTCUSDT")] == [resting["orderId"]]
    cancelled = binance.cancel_order(symbol="BTCUSDT", orderId=resting["orderId"])
    assert cancelled["status"] == "CANCELED"
    assert binance.get_all_orders(symbol="BTCUSDT")[0]["status"] == "CANCELED"


def test_market_and_immediate_orders_and_their_trades(binance: "Client") -> None:
    bought = binance.order_market_buy(symbol="BTCUSDT", quantity="0.1")
    assert bought["status"] == "FILLED"
    spent = binance.order_market_buy(symbol="BTCUSDT", quoteOrderQty="100")
    assert spent["status"] == "FILLED"
    sold = binance.create_order(
        symbol="BTCUSDT", side="SELL", type="LIMIT", timeInForce="IOC", quantity="0.05", price="44900"
    )
    assert sold["executedQty"] == "0.05000000"
    trades = binance.get_my_trades(symbol="BTCUSDT")
    assert [trade["isBuyer"] for trade in trades] == [True, True, False]
    assert binance.create_test_order(symbol="BTCUSDT", side="BUY", type="MARKET", quantity="1") == {}


def test_refusals_carry_code_and_message(binance: "Client") -> None:
    from binance.exceptions import BinanceAPIException  # noqa: PLC0415 - only importable once the client is

    with pytest.raises(BinanceAPIException) as refusal:
        binance.order_market_sell(symbol="BTCUSDT", quantity=1)
    assert refusal.value.code == -2010
    assert refusal.value.message == "Account has insufficient balance for requested action."
