from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from decimal import Decimal

import ccxt

from sandbox.exchange.process import ExchangeProcess

CLIENTS = 6
ORDERS_EACH = 15


def test_orders_of_many_clients_at_once_lose_and_invent_nothing(
    exchange: ExchangeProcess, connect: Callable[..., ccxt.binance]
) -> None:
    def trade(number: int) -> list[str]:
        client = connect(exchange)
        orders = []
        for i in range(ORDERS_EACH):
            params = {"timeInForce": "IOC", "newClientOrderId": f"client-{number}-{i}"}
            orders.append(client.create_order("BTC/USDT", "limit", "buy", 0.1, 46_000, params))
        return [order["id"] for order in orders]

    with ThreadPoolExecutor(CLIENTS) as pool:
        ids = [order_id for done in pool.map(trade, range(CLIENTS)) for order_id in done]

    client = connect(exchange)
    assert len(set(ids)) == CLIENTS * ORDERS_EACH
    trades = client.private_get_mytrades({"symbol": "BTCUSDT", "limit": 1000})
    bought = sum(Decimal(trade["qty"]) - Decimal(trade["commission"]) for trade in trades)
    spent = sum(Decimal(trade["quoteQty"]) for trade in trades)
    free = {row["asset"]: Decimal(row["free"]) for row in client.private_get_account()["balances"]}
    assert sum(Decimal(trade["qty"]) for trade in trades) == Decimal("0.1") * CLIENTS * ORDERS_EACH
    assert free["BTC"] == bought
    assert free["USDT"] == 1_000_000_000 - spent
