from collections.abc import Callable
from pathlib import Path

import ccxt
import pytest

from sandbox.exchange.process import ExchangeProcess

BTC = "BTC/USDT"


def test_everything_promised_before_a_crash_is_there_after_it(
    start_exchange: Callable[..., ExchangeProcess], connect: Callable[..., ccxt.binance]
) -> None:
    exchange = start_exchange()
    client = connect(exchange)
    exchange.pin_price("BTCUSDT", 45_000)
    filled = client.create_order(BTC, "market", "buy", 1)
    resting = client.create_order(BTC, "limit", "buy", 2, 44_000)
    balances = client.private_get_account()["balances"]
    trades = client.fetch_my_trades(BTC)
    hours_ago = client.milliseconds() - 7_200_000
    history = client.fetch_ohlcv("ETH/USDT", "1m", hours_ago, 50)

    exchange.kill()
    exchange.restart()

    client = connect(exchange)
    assert client.private_get_account()["balances"] == balances
    assert client.fetch_my_trades(BTC) == trades
    assert client.fetch_order(filled["id"], BTC)["status"] == "closed"
    assert [order["id"] for order in client.fetch_open_orders(BTC)] == [resting["id"]]
    assert client.fetch_ohlcv("ETH/USDT", "1m", hours_ago, 50) == history
    assert client.fetch_ticker(BTC)["last"] == 45_000
    exchange.pin_price("BTCUSDT", 43_900)
    assert client.fetch_order(resting["id"], BTC)["status"] == "closed"


def test_a_second_exchange_on_the_same_data_is_refused(exchange: ExchangeProcess) -> None:
    with pytest.raises(RuntimeError, match="in use by another exchange"):
        ExchangeProcess.start(exchange.data_dir)


def test_an_unknown_setting_is_refused_by_name(tmp_path: Path) -> None:
    with pytest.raises(TypeError, match="gravity"):
        ExchangeProcess.start(tmp_path, gravity=9.81)


def test_a_wrong_setting_is_named_by_the_process(tmp_path: Path) -> None:
    with pytest.raises(RuntimeError, match="SANDBOX_SEED"):
        ExchangeProcess.start(tmp_path, seed="x")
