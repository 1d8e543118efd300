from collections.abc import Callable
from decimal import Decimal
from typing import Any

import ccxt
import pytest

from sandbox.exchange.process import ExchangeProcess

BTC = "BTC/USDT"


def free(client: ccxt.binance, asset: str) -> Decimal:
    rows = client.private_get_account()["balances"]
    return Decimal(next(row["free"] for row in rows if row["asset"] == asset))


def test_the_balance_is_a_billion_usdt(client: ccxt.binance) -> None:
    assert client.fetch_balance()["USDT"] == {"free": 1e9, "used": 0, "total": 1e9}
    assert list(client.fetch_balance({"omitZeroBalances": "true"})["total"]) == ["USDT"]


def test_a_limit_ioc_order_fills_at_the_book_and_reports_its_fills(client: ccxt.binance) -> None:
    order = client.create_order(
        BTC, "limit", "buy", 0.5, 45_100, {"timeInForce": "IOC", "newClientOrderId": "my-first_id"}
    )
    assert order["status"] == "closed"
    assert order["clientOrderId"] == "my-first_id"
    assert order["filled"] == 0.5
    assert 45_000 < order["average"] < 45_010
    assert order["fees"] == [{"currency": "BTC", "cost": 0.0005}]
    fills = order["info"]["fills"]
    spent = sum(Decimal(fill["price"]) * Decimal(fill["qty"]) for fill in fills)
    assert spent == Decimal(order["info"]["cummulativeQuoteQty"])
    assert free(client, "USDT") == 1_000_000_000 - spent
    assert free(client, "BTC") == Decimal("0.4995")


def test_a_limit_ioc_order_out_of_reach_expires_without_a_trace_in_the_balances(client: ccxt.binance) -> None:
    order = client.create_order(BTC, "limit", "buy", 1, 44_000, {"timeInForce": "IOC"})
    assert (order["status"], order["filled"], order["info"]["fills"]) == ("expired", 0, [])
    assert client.fetch_balance()["USDT"]["free"] == 1e9


def test_a_large_ioc_order_takes_only_the_levels_within_its_limit(client: ccxt.binance) -> None:
    order = client.create_order(BTC, "limit", "buy", 180, 45_030, {"timeInForce": "IOC"})
    assert order["status"] == "expired"
    assert 0 < order["filled"] < 180
    prices = [float(fill["price"]) for fill in order["info"]["fills"]]
    assert len(prices) > 1
    assert prices == sorted(prices)
    assert max(prices) <= 45_030


def test_fill_or_kill_fills_whole_or_not_at_all(client: ccxt.binance) -> None:
    killed = client.create_order(BTC, "limit", "buy", 180, 45_030, {"timeInForce": "FOK"})
    assert (killed["status"], killed["filled"]) == ("expired", 0)
    filled = client.create_order(BTC, "limit", "buy", 1, 45_030, {"timeInForce": "FOK"})
    assert (filled["status"], filled["filled"]) == ("closed", 1)


def test_market_orders_buy_and_sell(client: ccxt.binance) -> None:
    bought = client.create_order(BTC, "market", "buy", 0.2)
    assert (bought["status"], bought["filled"]) == ("closed", 0.2)
    sold = client.create_order(BTC, "market", "sell", 0.1998)
    assert (sold["status"], sold["filled"]) == ("closed", 0.1998)
    assert sold["fees"][0]["currency"] == "USDT"
    assert free(client, "BTC") == 0


def test_a_market_buy_for_a_sum_spends_at_most_that_sum(client: ccxt.binance) -> None:
    order = client.create_order(BTC, "market", "buy", None, None, {"quoteOrderQty": 1000})
    assert order["status"] == "closed"
    assert 999 < order["cost"] <= 1000
    assert order["info"]["origQuoteOrderQty"] == "1000.00000000"
    assert client.create_market_buy_order_with_cost(BTC, 500)["cost"] <= 500


def test_a_market_order_on_a_thin_book_ends_expired_with_fills(
    start_exchange: Callable[..., ExchangeProcess], connect: Callable[..., ccxt.binance]
) -> None:
    client = connect(start_exchange(liquidity="*=1,DOTUSDT=0.001"))
    order = client.create_order("DOT/USDT", "market", "buy", 10_000)
    assert order["status"] == "expired"
    assert 0 < order["filled"] < 10_000
    assert order["info"]["fills"]
    assert client.fetch_order(order["id"], "DOT/USDT")["info"]["expiryReason"] == "INSUFFICIENT_LIQUIDITY"


def test_an_empty_book_fills_nothing_and_has_no_best_price(
    start_exchange: Callable[..., ExchangeProcess], connect: Callable[..., ccxt.binance]
) -> None:
    client = connect(start_exchange(liquidity="DOTUSDT=0"))
    order = client.create_order("DOT/USDT", "market", "buy", 100)
    assert (order["status"], order["filled"]) == ("expired", 0)
    with pytest.raises(ccxt.InvalidOrder, match="Order book liquidity is less than"):
        client.create_market_buy_order_with_cost("DOT/USDT", 100)
    assert client.public_get_ticker_bookticker({"symbol": "DOTUSDT"})["askPrice"] == "0.00000000"


def test_a_limit_maker_rests_and_can_be_found_listed_and_cancelled(client: ccxt.binance) -> None:
    client.options["fetchOpenOrders"] = {"warnWithoutSymbol": False}
    order = client.create_order(BTC, "limit", "buy", 1, 44_000, {"postOnly": True, "newOrderRespType": "RESULT"})
    assert order["status"] == "open"
    assert client.fetch_balance()["USDT"]["used"] == 44_000
    assert client.fetch_order(order["id"], BTC)["type"] == "limit"
    assert client.fetch_order_with_client_order_id(order["clientOrderId"], BTC)["id"] == order["id"]
    assert [o["id"] for o in client.fetch_open_orders(BTC)] == [order["id"]]
    assert [o["id"] for o in client.fetch_open_orders()] == [order["id"]]
    cancelled = client.cancel_order(order["id"], BTC)
    assert cancelled["status"] == "canceled"
    assert cancelled["info"]["origClientOrderId"] == order["clientOrderId"]
    assert cancelled["clientOrderId"] != order["clientOrderId"]
    assert client.fetch_balance()["USDT"]["used"] == 0


def test_a_resting_order_fills_as_maker_when_the_price_comes(exchange: ExchangeProcess, client: ccxt.binance) -> None:
    order = client.create_order(BTC, "limit", "buy", 1, 44_500)
    exchange.pin_price("BTCUSDT", 44_400)
    assert client.fetch_order(order["id"], BTC)["status"] == "closed"
    (trade,) = client.fetch_my_trades(BTC)
    assert (trade["takerOrMaker"], trade["price"], trade["order"]) == ("maker", 44_500, order["id"])
    assert trade["fee"] == {"currency": "BTC", "cost": 0.001}


def test_all_open_orders_of_a_symbol_can_be_cancelled_at_once(client: ccxt.binance) -> None:
    for price in (44_000, 44_001):
        client.create_order(BTC, "limit", "buy", 1, price)
    assert len(client.cancel_all_orders(BTC)) == 2
    assert client.fetch_open_orders(BTC) == []
    with pytest.raises(ccxt.OrderNotFound):
        client.cancel_all_orders(BTC)


def test_orders_and_trades_can_be_listed_by_order_id_and_page(client: ccxt.binance) -> None:
    orders = [client.create_order(BTC, "market", "buy", 0.01) for _ in range(3)]
    ids = [order["id"] for order in orders]
    assert [order["id"] for order in client.fetch_orders(BTC)] == ids
    assert [order["id"] for order in client.fetch_orders(BTC, limit=2)] == ids[1:]
    assert [trade["order"] for trade in client.fetch_order_trades(ids[1], BTC)] == [ids[1]]
    trades = client.fetch_my_trades(BTC)
    assert [trade["order"] for trade in trades] == ids
    assert client.fetch_my_trades(BTC, trades[0]["timestamp"], 2) == trades[:2]
    raw = client.private_get_mytrades({"symbol": "BTCUSDT", "fromId": trades[1]["id"]})
    assert [str(row["id"]) for row in raw] == [trade["id"] for trade in trades[1:]]


def test_response_types_are_as_long_as_asked(client: ccxt.binance) -> None:
    def reply(kind: str) -> dict[str, Any]:
        return dict(client.create_order(BTC, "market", "buy", 0.01, None, {"newOrderRespType": kind})["info"])

    assert set(reply("ACK")) == {"symbol", "orderId", "orderListId", "clientOrderId", "transactTime"}
    assert "executedQty" in reply("RESULT")
    assert "fills" not in reply("RESULT")
    assert "fills" in reply("FULL")


def test_a_test_order_is_checked_and_forgotten(client: ccxt.binance) -> None:
    client.create_order(BTC, "limit", "buy", 1, 44_000, {"test": True})
    assert client.fetch_orders(BTC) == []
    with pytest.raises(ccxt.BaseError, match="Filter failure: NOTIONAL"):
        client.create_order(BTC, "limit", "buy", 0.0001, 44_000, {"test": True})


def test_commission_rates_can_be_asked_for(client: ccxt.binance) -> None:
    rates = client.private_get_account_commission({"symbol": "BTCUSDT"})["standardCommission"]
    assert (rates["maker"], rates["taker"]) == ("0.00100000", "0.00100000")


def test_order_counts_are_in_the_headers_and_can_be_asked_for(client: ccxt.binance) -> None:
    client.create_order(BTC, "limit", "buy", 1, 44_000)
    counts = {name.upper(): value for name, value in client.last_response_headers.items()}
    assert int(counts["X-MBX-ORDER-COUNT-10S"]) >= 1
    assert int(counts["X-MBX-ORDER-COUNT-1D"]) >= 1
    limits = client.private_get_ratelimit_order()
    assert [(row["interval"], int(row["intervalNum"])) for row in limits] == [("SECOND", 10), ("DAY", 1)]
