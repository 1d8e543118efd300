from decimal import Decimal

import pytest

from sandbox.exchange import filters
from sandbox.exchange.amounts import decimal_places
from sandbox.exchange.errors import ExchangeError
from sandbox.exchange.orders import OrderRequest
from sandbox.exchange.settings import Settings
from sandbox.exchange.symbols import SYMBOLS, SymbolSpec

BTC = SYMBOLS["BTCUSDT"]
AVERAGE = Decimal(45_000)


def check(order_type: str = "LIMIT", price: str = "45000", quantity: str = "0.01", quote: str = "0") -> None:
    amounts = (Decimal(price) if order_type != "MARKET" else Decimal(0), Decimal(quantity), Decimal(quote))
    filters.check(OrderRequest("BTCUSDT", "BUY", order_type, "GTC", "id", *amounts), BTC, Settings(), AVERAGE)


@pytest.mark.parametrize(
    ("order", "code", "message"),
    [
        ({"price": "45000.001"}, -1013, "Filter failure: PRICE_FILTER"),
        ({"price": "0"}, -1013, "Invalid price."),
        ({"price": "45000.000000001"}, -1111, "Parameter 'price' has too much precision."),
        ({"quantity": "0.000000001"}, -1111, "Parameter 'quantity' has too much precision."),
        ({"quantity": "0.000015"}, -1013, "Filter failure: LOT_SIZE"),
        ({"quantity": "9000.00001"}, -1013, "Filter failure: LOT_SIZE"),
        ({"quantity": "0"}, -1013, "Invalid quantity."),
        ({"order_type": "MARKET", "quantity": "104.00001"}, -1013, "Filter failure: MARKET_LOT_SIZE"),
        ({"quantity": "0.0001", "price": "45000"}, -1013, "Filter failure: NOTIONAL"),
        ({"quantity": "300"}, -1013, "Filter failure: NOTIONAL"),
        ({"order_type": "MARKET", "quantity": "0.0001"}, -1013, "Filter failure: NOTIONAL"),
        ({"order_type": "MARKET", "quantity": "0", "quote": "4.99"}, -1013, "Filter failure: NOTIONAL"),
        ({"price": "90000.01"}, -1013, "Filter failure: PERCENT_PRICE_BY_SIDE"),
        ({"price": "22499.99"}, -1013, "Filter failure: PERCENT_PRICE_BY_SIDE"),
    ],
)
def test_an_order_that_breaks_a_filter_is_refused_with_binances_words(
    order: dict[str, str], code: int, message: str
) -> None:
    with pytest.raises(ExchangeError) as refusal:
        check(**order)
    assert (refusal.value.code, refusal.value.message, refusal.value.status) == (code, message, 400)


@pytest.mark.parametrize(
    "order",
    [
        {},
        {"price": "90000"},
        {"price": "22500"},
        {"quantity": "0.00012", "price": "45000"},
        {"order_type": "MARKET", "quantity": "104"},
        {"order_type": "MARKET", "quantity": "0", "quote": "5"},
    ],
)
def test_an_order_on_the_edge_of_the_filters_passes(order: dict[str, str]) -> None:
    check(**order)


@pytest.mark.parametrize("spec", SYMBOLS.values(), ids=lambda spec: spec.name)
def test_no_price_times_quantity_needs_more_than_eight_places(spec: SymbolSpec) -> None:
    assert decimal_places(spec.tick * spec.step) <= 8


@pytest.mark.parametrize("spec", SYMBOLS.values(), ids=lambda spec: spec.name)
def test_a_start_price_is_a_valid_price(spec: SymbolSpec) -> None:
    assert spec.tick <= spec.start_price <= spec.max_price
    assert spec.start_price % spec.tick == 0
