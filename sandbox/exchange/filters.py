"""The symbol filters: what exchangeInfo announces and what a new order is held to.

Source: Binance Spot API documentation, "Filters".
"""

from decimal import Decimal

from sandbox.exchange.amounts import ZERO, decimal_places, is_multiple, wire
from sandbox.exchange.errors import ExchangeError, filter_failure, order_rejected, too_much_precision
from sandbox.exchange.market import AVERAGE_MINUTES
from sandbox.exchange.orders import OrderRequest
from sandbox.exchange.settings import Settings
from sandbox.exchange.symbols import SymbolSpec

ASSET_PRECISION = 8


def describe(spec: SymbolSpec, settings: Settings) -> list[dict[str, object]]:
    """Return the filters as exchangeInfo shows them."""
    up, down = str(settings.percent_price_up), str(settings.percent_price_down)
    return [
        {
            "filterType": "PRICE_FILTER",
            "minPrice": wire(spec.tick),
            "maxPrice": wire(spec.max_price),
            "tickSize": wire(spec.tick),
        },
        {
            "filterType": "LOT_SIZE",
            "minQty": wire(spec.step),
            "maxQty": wire(spec.max_quantity),
            "stepSize": wire(spec.step),
        },
        {
            "filterType": "MARKET_LOT_SIZE",
            "minQty": wire(ZERO),
            "maxQty": wire(spec.max_market_quantity),
            "stepSize": wire(ZERO),
        },
        {
            "filterType": "PERCENT_PRICE_BY_SIDE",
            "bidMultiplierUp": up,
            "bidMultiplierDown": down,
            "askMultiplierUp": up,
            "askMultiplierDown": down,
            "avgPriceMins": AVERAGE_MINUTES,
        },
        {
            "filterType": "NOTIONAL",
            "minNotional": wire(settings.min_notional),
            "applyMinToMarket": True,
            "maxNotional": wire(settings.max_notional),
            "applyMaxToMarket": False,
            "avgPriceMins": AVERAGE_MINUTES,
        },
        {"filterType": "MAX_NUM_ORDERS", "maxNumOrders": settings.max_open_orders},
    ]


def check(request: OrderRequest, spec: SymbolSpec, settings: Settings, average: Decimal) -> None:
    """Hold an order to precision, price, lot and notional filters.

    Args:
        request: The order.
        spec: Its symbol.
        settings: The exchange's bounds.
        average: The symbol's average price over five minutes.

    Raises:
        ExchangeError: -1111 for too many decimals, -1013 for everything else.
    """
    for name, amount in (
        ("quantity", request.quantity),
        ("price", request.price),
        ("quoteOrderQty", request.quote_quantity),
    ):
        if decimal_places(amount) > ASSET_PRECISION:
            raise too_much_precision(name)
    if request.limit is not None:
        _check_price(request.limit, spec, settings, average)
    if not request.quote_quantity:
        check_lot(request.quantity, request.type, spec)
    _check_notional(request, settings, average)


def check_lot(quantity: Decimal, order_type: str, spec: SymbolSpec) -> None:
    """Hold a quantity to LOT_SIZE and, for market orders, MARKET_LOT_SIZE."""
    if quantity <= 0:
        raise ExchangeError(-1013, "Invalid quantity.")
    if not spec.step <= quantity <= spec.max_quantity or not is_multiple(quantity, spec.step):
        raise filter_failure("LOT_SIZE")
    if order_type == "MARKET" and quantity > spec.max_market_quantity:
        raise filter_failure("MARKET_LOT_SIZE")


def check_chosen_lot(quantity: Decimal, spec: SymbolSpec) -> None:
    """Hold the quantity that the exchange chose for a ``quoteOrderQty`` order to the lot filters."""
    if quantity < spec.step:
        raise order_rejected("Order book liquidity is less than LOT_SIZE filter minimum quantity.")
    check_lot(quantity, "MARKET", spec)


def check_open_orders(count: int, settings: Settings) -> None:
    """Refuse a new order when the symbol has its maximum of open ones."""
    if count >= settings.max_open_orders:
        raise filter_failure("MAX_NUM_ORDERS")


def _check_price(price: Decimal, spec: SymbolSpec, settings: Settings, average: Decimal) -> None:
    if price <= 0:
        raise ExchangeError(-1013, "Invalid price.")
    if not spec.tick <= price <= spec.max_price or not is_multiple(price, spec.tick):
        raise filter_failure("PRICE_FILTER")
    if not average * settings.percent_price_down <= price <= average * settings.percent_price_up:
        raise filter_failure("PERCENT_PRICE_BY_SIDE")


def _check_notional(request: OrderRequest, settings: Settings, average: Decimal) -> None:
    """Hold the order's value to NOTIONAL; a market order is valued at the average price, without an upper bound."""
    if request.limit is None:
        value = request.quote_quantity or request.quantity * average
        too_large = False
    else:
        value = request.quantity * request.limit
        too_large = value > settings.max_notional
    if value < settings.min_notional or too_large:
        raise filter_failure("NOTIONAL")
