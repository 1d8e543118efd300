from collections.abc import Callable
from decimal import Decimal

import pytest

from sandbox.exchange.clock import ManualClock
from sandbox.exchange.errors import ExchangeError
from sandbox.exchange.orders import Order, OrderRequest
from sandbox.exchange.service import Service
from sandbox.exchange.store import Page

FUNDS = {"USDT": Decimal(1_000_000), "BTC": Decimal(100)}


def limit(
    side: str, price: str, quantity: str = "1", *, client_id: str = "mine", order_type: str = "LIMIT", tif: str = "GTC"
) -> OrderRequest:
    return OrderRequest("BTCUSDT", side, order_type, tif, client_id, Decimal(price), Decimal(quantity))


def find(service: Service, order: Order) -> Order:
    return service.exchange.order("BTCUSDT", order.order_id, None)


@pytest.fixture
def service(open_service: Callable[..., Service]) -> Service:
    service = open_service(balances=FUNDS)
    service.exchange.pin("BTCUSDT", Decimal(45_000))
    return service


def test_a_resting_buy_fills_at_its_own_price_as_maker_when_the_market_comes_down(
    service: Service, clock: ManualClock
) -> None:
    order, trades = service.exchange.place(limit("BUY", "44900"))
    assert (order.status, trades) == ("NEW", [])
    assert service.exchange.balances()["USDT"] == (Decimal(955_100), Decimal(44_900))
    clock.advance(5)
    service.exchange.pin("BTCUSDT", Decimal(44_800))
    assert find(service, order).status == "FILLED"
    (trade,) = service.exchange.trades("BTCUSDT", order.order_id, Page())
    assert (trade.price, trade.is_maker, trade.commission) == (Decimal(44_900), True, Decimal("0.001"))
    assert service.exchange.balances()["USDT"] == (Decimal(955_100), Decimal(0))


def test_a_price_that_crossed_between_two_requests_fills_even_if_it_came_back(
    open_service: Callable[..., Service], clock: ManualClock
) -> None:
    service = open_service(balances=FUNDS)
    seconds = range(service.second + 1, service.second + 600)
    bottom = min(service.market.price("BTCUSDT", second) for second in seconds)
    order, _ = service.exchange.place(limit("BUY", str(bottom + 5)))
    assert order.status == "NEW"
    clock.advance(600)
    assert service.market.price("BTCUSDT", service.second) > bottom + 20
    assert find(service, order).status == "FILLED"


def test_a_limit_order_that_reaches_into_a_thin_book_trades_what_is_there_and_rests(
    open_service: Callable[..., Service], clock: ManualClock
) -> None:
    service = open_service(balances=FUNDS, liquidity={"*": Decimal("0.01")})
    ask = service.market.book("BTCUSDT", service.second).asks[0]
    order, trades = service.exchange.place(limit("BUY", str(ask.price), "2"))
    assert order.status == "PARTIALLY_FILLED"
    assert [trade.quantity for trade in trades] == [ask.quantity]
    service.exchange.pin("BTCUSDT", ask.price - 500)
    clock.advance(1)
    assert find(service, order).executed_quantity > ask.quantity
    for _ in range(20):
        clock.advance(1)
        service.exchange.open_orders(None)
    assert find(service, order).status == "FILLED"


def test_levels_that_were_taken_are_gone_until_the_next_second(service: Service, clock: ManualClock) -> None:
    def best() -> Decimal:
        return service.market.book("BTCUSDT", service.second).asks[0].price

    before = best()
    first = service.market.book("BTCUSDT", service.second).asks[0]
    service.exchange.place(limit("BUY", str(first.price), str(first.quantity), tif="IOC"))
    assert best() > before
    clock.advance(1)
    assert best() == before


def test_a_client_id_is_refused_while_its_order_is_open_and_accepted_after_that(service: Service) -> None:
    service.exchange.place(limit("BUY", "44000"))
    with pytest.raises(ExchangeError, match="Duplicate order sent") as refusal:
        service.exchange.place(limit("BUY", "44000"))
    assert refusal.value.code == -2010
    service.exchange.cancel("BTCUSDT", None, "mine")
    assert service.exchange.place(limit("BUY", "46000"))[0].status == "FILLED"
    assert service.exchange.place(limit("BUY", "46000"))[0].status == "FILLED"


def test_cancelling_gives_the_locked_money_back_and_works_once(service: Service) -> None:
    order, _ = service.exchange.place(limit("SELL", "46000", "3"))
    assert service.exchange.balances()["BTC"] == (Decimal(97), Decimal(3))
    assert service.exchange.cancel("BTCUSDT", order.order_id, None).status == "CANCELED"
    assert service.exchange.balances()["BTC"] == (Decimal(100), Decimal(0))
    with pytest.raises(ExchangeError, match="Unknown order sent"):
        service.exchange.cancel("BTCUSDT", order.order_id, None)


def test_a_limit_maker_that_would_trade_at_once_is_refused(service: Service) -> None:
    with pytest.raises(ExchangeError, match="Order would immediately match and take"):
        service.exchange.place(limit("BUY", "46000", order_type="LIMIT_MAKER"))


def test_a_taker_expires_the_accounts_own_resting_order_instead_of_trading_with_it(service: Service) -> None:
    maker, _ = service.exchange.place(limit("BUY", "44999.99", client_id="maker"))
    taker, trades = service.exchange.place(limit("SELL", "44900", client_id="taker"))
    assert taker.status == "FILLED"
    assert all(trade.price < Decimal("44999.99") for trade in trades)
    assert find(service, maker).status == "EXPIRED_IN_MATCH"
    assert service.exchange.balances()["USDT"][1] == 0


def test_more_open_orders_than_allowed_are_refused(open_service: Callable[..., Service]) -> None:
    service = open_service(max_open_orders=2)
    for number in range(2):
        service.exchange.place(limit("BUY", "40000", client_id=f"id{number}"))
    with pytest.raises(ExchangeError, match="Filter failure: MAX_NUM_ORDERS"):
        service.exchange.place(limit("BUY", "40000", client_id="id2"))


def test_a_restart_continues_orders_balances_pins_and_prices(
    open_service: Callable[..., Service], clock: ManualClock
) -> None:
    service = open_service(balances=FUNDS)
    tomorrow = service.market.price("ETHUSDT", service.second + 86_400)
    service.exchange.pin("BTCUSDT", Decimal(45_000))
    order, _ = service.exchange.place(limit("BUY", "44000"))
    balances = service.exchange.balances()
    clock.advance(3600)
    service = open_service(balances=FUNDS)
    assert service.exchange.balances() == balances
    assert service.market.price("BTCUSDT", service.second) == 45_000
    assert service.market.price("ETHUSDT", service.second + 82_800) == tomorrow
    service.exchange.pin("BTCUSDT", Decimal(43_000))
    assert find(service, order).status == "FILLED"


def test_a_refused_order_does_not_undo_what_happened_before_it(
    open_service: Callable[..., Service], clock: ManualClock
) -> None:
    service = open_service(balances=FUNDS)
    bottom = min(service.market.price("BTCUSDT", service.second + i) for i in range(1, 600))
    order, _ = service.exchange.place(limit("BUY", str(bottom + 5)))
    clock.advance(600)
    with pytest.raises(ExchangeError, match="insufficient balance"):
        service.exchange.place(limit("BUY", "44000", "100", client_id="too much"))
    assert find(service, order).status == "FILLED"
