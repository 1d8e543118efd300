"""The exchange's own record of orders and trades, as reconciliation reads it."""

from decimal import Decimal

import pytest

from adapters import exchange_history
from adapters.exchange import Exchange
from adapters.exchange_client import ExchangeClient
from agents.errors import ExchangeError
from agents.model import Side
from agents.orders import Accepted
from sandbox.exchange.process import ExchangeProcess
from tests.contract.exchange_adapter.ordering import new_id, order


def test_an_order_and_its_trades_are_listed_with_all_amounts(exchange: Exchange) -> None:
    client_order_id = new_id()
    outcome = order(exchange, "0.5", client_order_id=client_order_id)
    assert isinstance(outcome, Accepted)

    (listed,) = exchange.orders_since("BTCUSDT", 0)
    trades = exchange.trades_since("BTCUSDT", 0)

    assert (str(listed.id), listed.client_order_id, listed.side) == (
        outcome.exchange_order_id,
        client_order_id,
        Side.BUY,
    )
    assert listed.quantity == listed.executed_quantity == Decimal("0.5")
    assert listed.executed_cost == sum(fill.cost for fill in outcome.fills)
    assert {trade.order_id for trade in trades} == {listed.id}
    assert [(str(t.trade_id), t.price, t.quantity, t.cost, t.commission, t.commission_asset) for t in trades] == [
        (f.trade_id, f.price, f.quantity, f.cost, f.commission, f.commission_asset) for f in outcome.fills
    ]


def test_only_what_came_from_an_id_on_is_listed(exchange: Exchange) -> None:
    for _ in range(3):
        order(exchange)
    first, second, third = exchange.orders_since("BTCUSDT", None)

    assert exchange.orders_since("BTCUSDT", second.id) == [second, third]
    assert exchange.orders_since("BTCUSDT", third.id + 1) == []
    trades = exchange.trades_since("BTCUSDT", None)
    assert [trade.order_id for trade in exchange.trades_since("BTCUSDT", trades[-1].trade_id)] == [third.id]
    assert first.id < second.id < third.id


def test_long_lists_come_in_pages_without_a_gap_or_a_double(
    exchange: Exchange, monkeypatch: pytest.MonkeyPatch
) -> None:
    for _ in range(5):
        order(exchange)
    orders, trades = exchange.orders_since("BTCUSDT", 0), exchange.trades_since("BTCUSDT", 0)

    monkeypatch.setattr(exchange_history, "PAGE", 2)

    assert exchange.orders_since("BTCUSDT", 0) == orders
    assert exchange.trades_since("BTCUSDT", 0) == trades
    assert len(exchange.orders_since("BTCUSDT", None)) == 2


def test_an_answer_that_ignores_the_page_asked_for_is_refused(
    exchange: Exchange, monkeypatch: pytest.MonkeyPatch
) -> None:
    order(exchange)
    (listed,) = exchange.orders_since("BTCUSDT", 0)
    send = ExchangeClient.send

    def from_the_beginning(self: ExchangeClient, route: str, parameters: dict[str, object]) -> object:
        return send(self, route, {**parameters, "orderId": 0})

    monkeypatch.setattr(ExchangeClient, "send", from_the_beginning)
    with pytest.raises(ExchangeError, match="earlier page"):
        exchange.orders_since("BTCUSDT", listed.id + 1)


def test_a_list_costs_the_weight_the_exchange_charges(exchange: Exchange, monkeypatch: pytest.MonkeyPatch) -> None:
    outcome = order(exchange)
    assert isinstance(outcome, Accepted)
    spent: list[int] = []

    def spend(weight: int) -> bool:
        spent.append(weight)
        return True

    monkeypatch.setattr(exchange._client, "_spend_weight", spend)

    exchange.orders_since("BTCUSDT", 0)
    exchange.trades_since("BTCUSDT", 0)
    exchange._client.send("privateGetMyTrades", {"symbol": "BTCUSDT", "orderId": outcome.exchange_order_id})

    assert spent == [20, 20, 5]


def test_an_outage_fails_with_the_status(exchange: Exchange, venue: ExchangeProcess) -> None:
    venue.add_fault("error_before", method="GET", path="/api/v3/allOrders", status=502, times=None)
    with pytest.raises(ExchangeError, match="http-502"):
        exchange.orders_since("BTCUSDT", 0)
