"""Orders, trades and balances in the shapes of Binance's replies."""

from collections.abc import Mapping, Sequence
from decimal import Decimal

from sandbox.exchange.amounts import ZERO, wire
from sandbox.exchange.orders import Order, Trade
from sandbox.exchange.settings import Settings
from sandbox.exchange.symbols import ASSETS

Report = dict[str, object]


def new_order(order: Order, trades: Sequence[Trade], response_type: str) -> Report:
    """Return the reply to a new order: ACK, RESULT or FULL."""
    ack: Report = {
        "symbol": order.symbol,
        "orderId": order.order_id,
        "orderListId": -1,
        "clientOrderId": order.client_order_id,
        "transactTime": order.time,
    }
    if response_type == "ACK":
        return ack
    result = ack | _progress(order) | {"workingTime": order.time, "selfTradePreventionMode": "EXPIRE_MAKER"}
    return result | {"fills": [_fill(trade) for trade in trades]} if response_type == "FULL" else result


def queried_order(order: Order) -> Report:
    """Return an order as queries show it."""
    report: Report = {
        "symbol": order.symbol,
        "orderId": order.order_id,
        "orderListId": -1,
        "clientOrderId": order.client_order_id,
        **_progress(order),
        "stopPrice": wire(ZERO),
        "icebergQty": wire(ZERO),
        "time": order.time,
        "updateTime": order.update_time,
        "isWorking": True,
        "workingTime": order.time,
        "selfTradePreventionMode": "EXPIRE_MAKER",
    }
    return report | {"expiryReason": order.expiry_reason} if order.expiry_reason else report


def cancelled_order(order: Order, cancel_id: str) -> Report:
    """Return the reply to a cancel; ``clientOrderId`` is the cancel's own id."""
    return {
        "symbol": order.symbol,
        "origClientOrderId": order.client_order_id,
        "orderId": order.order_id,
        "orderListId": -1,
        "clientOrderId": cancel_id,
        "transactTime": order.update_time,
        **_progress(order),
        "selfTradePreventionMode": "EXPIRE_MAKER",
    }


def own_trade(trade: Trade) -> Report:
    """Return an own trade."""
    return {
        "symbol": trade.symbol,
        "id": trade.trade_id,
        "orderId": trade.order_id,
        "orderListId": -1,
        "price": wire(trade.price),
        "qty": wire(trade.quantity),
        "quoteQty": wire(trade.quote_quantity),
        "commission": wire(trade.commission),
        "commissionAsset": trade.commission_asset,
        "time": trade.time,
        "isBuyer": trade.is_buyer,
        "isMaker": trade.is_maker,
        "isBestMatch": True,
    }


def account(
    balances: Mapping[str, tuple[Decimal, Decimal]], settings: Settings, now: int, *, omit_zero: bool
) -> Report:
    """Return the account with its balances."""
    rows = []
    for asset in ASSETS:
        free, locked = balances.get(asset, (ZERO, ZERO))
        if free or locked or not omit_zero:
            rows.append({"asset": asset, "free": wire(free), "locked": wire(locked)})
    maker, taker = settings.maker_commission, settings.taker_commission
    return {
        "makerCommission": int(maker * 10_000),
        "takerCommission": int(taker * 10_000),
        "buyerCommission": 0,
        "sellerCommission": 0,
        "commissionRates": _rates(settings),
        "canTrade": True,
        "canWithdraw": False,
        "canDeposit": False,
        "brokered": False,
        "requireSelfTradePrevention": False,
        "preventSor": False,
        "updateTime": now,
        "accountType": "SPOT",
        "balances": rows,
        "permissions": ["SPOT"],
        "uid": 1,
    }


def commission(symbol: str, settings: Settings) -> Report:
    """Return the account's commission rates for a symbol."""
    none = {"maker": wire(ZERO), "taker": wire(ZERO), "buyer": wire(ZERO), "seller": wire(ZERO)}
    return {
        "symbol": symbol,
        "standardCommission": _rates(settings),
        "specialCommission": none,
        "taxCommission": none,
        "discount": {
            "enabledForAccount": settings.bnb_commission,
            "enabledForSymbol": True,
            "discountAsset": "BNB",
            "discount": "0.75000000",
        },
    }


def _rates(settings: Settings) -> dict[str, str]:
    maker, taker = settings.maker_commission, settings.taker_commission
    return {"maker": wire(maker), "taker": wire(taker), "buyer": wire(ZERO), "seller": wire(ZERO)}


def _progress(order: Order) -> Report:
    return {
        "price": wire(order.price),
        "origQty": wire(order.quantity),
        "executedQty": wire(order.executed_quantity),
        "origQuoteOrderQty": wire(order.quote_quantity),
        "cummulativeQuoteQty": wire(order.executed_quote),
        "status": order.status,
        "timeInForce": order.time_in_force,
        "type": order.type,
        "side": order.side,
    }


def _fill(trade: Trade) -> Report:
    return {
        "price": wire(trade.price),
        "qty": wire(trade.quantity),
        "commission": wire(trade.commission),
        "commissionAsset": trade.commission_asset,
        "tradeId": trade.trade_id,
    }
