from collections.abc import Callable
from pathlib import Path

import ccxt
import pytest

from sandbox.exchange.process import ExchangeProcess
from sandbox.exchange.symbols import SYMBOLS

MINUTE = 60_000


def test_load_markets_takes_one_request_and_knows_ten_pairs_with_their_steps(client: ccxt.binance) -> None:
    markets = client.load_markets()
    assert {market["id"] for market in markets.values()} == set(SYMBOLS)
    bitcoin = markets["BTC/USDT"]
    assert bitcoin["spot"]
    assert bitcoin["active"]
    assert bitcoin["precision"]["price"] == 0.01
    assert bitcoin["precision"]["amount"] == 0.00001
    assert bitcoin["limits"]["cost"]["min"] == 5
    assert bitcoin["limits"]["market"]["max"] == 104


def test_markets_can_be_asked_for_by_name(client: ccxt.binance) -> None:
    assert set(client.load_markets(False, {"symbols": '["BTCUSDT","ETHUSDT"]'})) == {"BTC/USDT", "ETH/USDT"}  # noqa: FBT003 - ccxt's interface


def test_the_time_is_ours(client: ccxt.binance) -> None:
    assert abs(client.fetch_time() - client.milliseconds()) < 2000


def test_a_ticker_holds_bid_last_ask_and_the_days_range(client: ccxt.binance) -> None:
    ticker = client.fetch_ticker("ETH/USDT")
    assert ticker["bid"] < ticker["last"] < ticker["ask"]
    assert ticker["low"] <= ticker["last"] <= ticker["high"]
    assert set(client.fetch_tickers()) == set(client.markets)


def test_bids_and_asks_come_for_some_symbols_or_all(client: ccxt.binance) -> None:
    some = client.fetch_bids_asks(["BTC/USDT", "SOL/USDT"])
    assert set(some) == {"BTC/USDT", "SOL/USDT"}
    assert 0 < some["BTC/USDT"]["bid"] < some["BTC/USDT"]["ask"] < some["BTC/USDT"]["bid"] * 1.0002
    assert len(client.fetch_bids_asks()) == len(SYMBOLS)


def test_the_order_book_is_sorted_and_as_deep_as_asked(client: ccxt.binance) -> None:
    book = client.fetch_order_book("BTC/USDT", 20)
    assert len(book["bids"]) == len(book["asks"]) == 20
    assert book["bids"] == sorted(book["bids"], reverse=True)
    assert book["asks"] == sorted(book["asks"])


@pytest.mark.parametrize("interval", ["1s", "1m", "5m", "15m", "1h", "1d"])
def test_candles_of_every_interval_exist_at_once(client: ccxt.binance, interval: str) -> None:
    rows = client.fetch_ohlcv("ETH/USDT", interval, limit=30)
    assert len(rows) == 30
    for _, opening, high, low, close, volume in rows:
        assert 0 < low <= min(opening, close) <= max(opening, close) <= high
        assert volume > 0


def test_candles_from_a_time_on_are_the_same_when_asked_again(client: ccxt.binance) -> None:
    since = (client.milliseconds() // MINUTE - 100) * MINUTE
    rows = client.fetch_ohlcv("ETH/USDT", "1m", since, 10)
    assert [row[0] for row in rows] == [since + i * MINUTE for i in range(10)]
    assert client.fetch_ohlcv("ETH/USDT", "1m", since, 10) == rows


def test_a_raw_kline_has_twelve_elements(client: ccxt.binance) -> None:
    (row,) = client.public_get_klines({"symbol": "BTCUSDT", "interval": "1m", "limit": 1})
    assert len(row) == 12


def test_a_candle_file_can_be_replayed(
    start_exchange: Callable[..., ExchangeProcess], connect: Callable[..., ccxt.binance], tmp_path: Path
) -> None:
    rows = [f"BTCUSDT,{i * MINUTE},{100 + i},{101 + i},{99 + i},{100 + i},5" for i in range(120)]
    path = tmp_path / "candles.csv"
    path.write_text("\n".join(["symbol,open_time,open,high,low,close,volume", *rows]))
    client = connect(start_exchange(replay_file=path))
    assert 158 <= client.fetch_ticker("BTC/USDT")["last"] <= 162
    prices = [row[4] for row in client.fetch_ohlcv("BTC/USDT", "1m", limit=30)]
    assert prices == sorted(prices)
    assert client.fetch_ticker("ETH/USDT")["last"] > 1000


def test_public_trades_are_in_order_of_time(client: ccxt.binance) -> None:
    trades = client.fetch_trades("BTC/USDT", limit=50)
    assert len(trades) == 50
    assert [trade["timestamp"] for trade in trades] == sorted(trade["timestamp"] for trade in trades)


def test_the_average_price_of_a_pinned_symbol_is_its_price(client: ccxt.binance) -> None:
    assert client.public_get_avgprice({"symbol": "BTCUSDT"})["price"] == "45000.00000000"


def test_prices_come_single_listed_or_all(client: ccxt.binance) -> None:
    assert client.public_get_ticker_price({"symbol": "BTCUSDT"}) == {"symbol": "BTCUSDT", "price": "45000.00000000"}
    assert [row["symbol"] for row in client.public_get_ticker_price({"symbols": '["ETHUSDT"]'})] == ["ETHUSDT"]
    assert len(client.public_get_ticker_price()) == len(SYMBOLS)


@pytest.mark.parametrize(
    ("call", "code"),
    [
        (lambda client: client.public_get_klines({"symbol": "NOPE", "interval": "1m"}), -1121),
        (lambda client: client.public_get_klines({"interval": "1m"}), -1102),
        (lambda client: client.public_get_klines({"symbol": "BTCUSDT", "interval": "7m"}), -1120),
        (lambda client: client.public_get_depth({"symbol": "BTCUSDT", "limit": "x"}), -1100),
        (lambda client: client.public_get_exchangeinfo({"symbols": "[broken"}), -1100),
    ],
)
def test_a_malformed_public_request_is_refused_with_its_code(
    client: ccxt.binance, call: Callable[[ccxt.binance], object], code: int
) -> None:
    with pytest.raises(ccxt.BaseError, match=f'"code":{code}'):
        call(client)


def test_every_reply_tells_the_used_weight(client: ccxt.binance) -> None:
    client.fetch_time()
    before = int(client.last_response_headers["X-Mbx-Used-Weight-1m"])
    client.public_get_exchangeinfo()
    assert int(client.last_response_headers["X-Mbx-Used-Weight-1m"]) in {before + 20, 20}
