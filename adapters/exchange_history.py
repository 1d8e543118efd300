"""The exchange's own record of what was traded: pages of all orders and all trades of a symbol, oldest first."""

from collections.abc import Callable, Iterator, Mapping
from typing import Any

from adapters.exchange_answers import AnswerError, OrderAnswer, a_list, an_object, moment, number, text, trades
from agents.model import ZERO, Fill, Side
from agents.reconciliation import FillRecord, OrderRecord

PAGE = 1000
"""Rows that one request gives at most."""

Read = Callable[[str, Mapping[str, object]], Any]
"""Asks one route; what it raises passes through."""


def orders_since(read: Read, symbol: str, first_id: int | None) -> list[OrderRecord]:
    """All orders from ``first_id`` on; the newest 1000 if it is None."""
    pages = _pages(read, "privateGetAllOrders", "orderId", symbol, first_id)
    return [_order(entry, symbol) for entry in pages]


def trades_since(read: Read, symbol: str, first_id: int | None) -> list[FillRecord]:
    """All trades from ``first_id`` on; the newest 1000 if it is None."""
    pages = _pages(read, "privateGetMyTrades", "fromId", symbol, first_id)
    return [_trade(entry, symbol) for entry in pages]


def fills_of_order(read: Read, symbol: str, order: OrderAnswer) -> tuple[Fill, ...]:
    """All fills of one order, with their commissions."""
    question = {"symbol": symbol, "orderId": order.id, "limit": PAGE}
    found: tuple[Fill, ...] = ()
    while sum((fill.quantity for fill in found), ZERO) < order.executed:
        following = {"fromId": int(found[-1].trade_id) + 1} if found else {}
        page = trades(read("privateGetMyTrades", {**question, **following}))
        found += page
        if len(page) < PAGE:
            break
    return found


def _pages(read: Read, route: str, first: str, symbol: str, first_id: int | None) -> Iterator[Mapping[str, object]]:
    """The entries of every page, each page asked for from the last one's last id on."""
    id_field = "orderId" if first == "orderId" else "id"
    while True:
        beginning = {} if first_id is None else {first: first_id}
        page = [an_object(entry) for entry in a_list(read(route, {"symbol": symbol, "limit": PAGE, **beginning}))]
        page.sort(key=lambda entry: _whole(entry, id_field))
        if page and first_id is not None and _whole(page[0], id_field) < first_id:
            raise AnswerError("the answer is about an earlier page")
        yield from page
        if first_id is None or len(page) < PAGE:
            return
        first_id = _whole(page[-1], id_field) + 1


def _order(entry: Mapping[str, object], symbol: str) -> OrderRecord:
    if text(entry, "symbol") != symbol:
        raise AnswerError("the answer is about another symbol")
    return OrderRecord(
        symbol=symbol,
        id=_whole(entry, "orderId"),
        client_order_id=text(entry, "clientOrderId"),
        side=_side(entry),
        quantity=number(entry, "origQty"),
        executed_quantity=number(entry, "executedQty"),
        executed_cost=number(entry, "cummulativeQuoteQty"),
        at=moment(entry, "time"),
    )


def _trade(entry: Mapping[str, object], symbol: str) -> FillRecord:
    if text(entry, "symbol") != symbol:
        raise AnswerError("the answer is about another symbol")
    (fill,) = trades([entry])
    return FillRecord(
        symbol=symbol,
        trade_id=int(fill.trade_id),
        order_id=_whole(entry, "orderId"),
        price=fill.price,
        quantity=fill.quantity,
        cost=fill.cost,
        commission=fill.commission,
        commission_asset=fill.commission_asset,
    )


def _side(entry: Mapping[str, object]) -> Side:
    try:
        return Side(text(entry, "side").lower())
    except ValueError:
        raise AnswerError("side is neither BUY nor SELL") from None


def _whole(entry: Mapping[str, object], field: str) -> int:
    value = text(entry, field)
    if not value.isdecimal():
        raise AnswerError(f"{field} is no whole number")
    return int(value)
