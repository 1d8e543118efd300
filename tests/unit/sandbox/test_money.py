"""Whatever is traded, money is neither made nor lost."""

import itertools
import tempfile
from collections.abc import Callable
from decimal import Decimal
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sandbox.exchange.amounts import UNIT
from sandbox.exchange.errors import ExchangeError
from sandbox.exchange.exchange import Exchange
from sandbox.exchange.orders import Order, OrderRequest, Trade
from sandbox.exchange.service import Service
from sandbox.exchange.settings import Settings
from sandbox.exchange.store import Page
from sandbox.exchange.symbols import ASSETS

START = 1_790_000_000_000
FUNDS = {"USDT": Decimal(1_000_000), "ETH": Decimal(200)}
EVERYTHING = Page(first_id=0, limit=10_000)

Step = tuple[str, str, int, int, int, Decimal]

actions = st.lists(
    st.tuples(
        st.sampled_from(["LIMIT GTC", "LIMIT IOC", "LIMIT FOK", "LIMIT_MAKER GTC", "MARKET", "MARKET quote", "cancel"]),
        st.sampled_from(["BUY", "SELL"]),
        st.integers(1, 2_000_000),
        st.integers(-300, 300),
        st.integers(0, 40),
        st.sampled_from([Decimal(1), Decimal("0.37")]),
    ),
    max_size=25,
)


def request_of(service: Service, kind: str, side: str, units: int, offset: int, client_id: str) -> OrderRequest:
    """An order of ``units`` steps, ``offset`` hundredths of a per cent away from the price."""
    order_type, _, time_in_force = kind.partition(" ")
    quantity = units * Decimal("0.0001")
    if kind == "MARKET quote":
        value = Decimal(units)
        return OrderRequest("ETHUSDT", side, "MARKET", "GTC", client_id, quote_quantity=value)
    if kind == "MARKET":
        return OrderRequest("ETHUSDT", side, "MARKET", "GTC", client_id, quantity=quantity)
    price = service.market.price("ETHUSDT", service.second) * (1 + Decimal(offset) / 10_000)
    price = price.quantize(Decimal("0.01"))
    return OrderRequest("ETHUSDT", side, order_type, time_in_force, client_id, price, quantity)


def expected_totals(trades: list[Trade]) -> dict[str, Decimal]:
    totals = {asset: FUNDS.get(asset, Decimal(0)) for asset in ASSETS}
    for trade in trades:
        sign = 1 if trade.is_buyer else -1
        totals["ETH"] += sign * trade.quantity
        totals["USDT"] -= sign * trade.quote_quantity
        totals[trade.commission_asset] -= trade.commission
    return totals


def check_order(order: Order, trades: list[Trade], now: int) -> None:
    own = [trade for trade in trades if trade.order_id == order.order_id]
    assert sum((trade.quantity for trade in own), Decimal(0)) == order.executed_quantity
    assert sum((trade.quote_quantity for trade in own), Decimal(0)) == order.executed_quote
    assert order.executed_quantity <= order.quantity
    assert order.update_time <= now
    assert order.is_open or order.locked == 0
    if order.status == "FILLED":
        assert order.executed_quantity == order.quantity
    if order.type != "MARKET":
        assert all(t.price <= order.price if t.is_buyer else t.price >= order.price for t in own)


def check_books(exchange: Exchange, now: int) -> None:
    balances = exchange.balances()
    trades = exchange.trades("ETHUSDT", None, EVERYTHING)
    orders = exchange.orders("ETHUSDT", EVERYTHING)
    assert all(free >= 0 and locked >= 0 for free, locked in balances.values())
    totals = {asset: sum(balances.get(asset, (Decimal(0), Decimal(0)))) for asset in ASSETS}
    assert totals == expected_totals(trades)
    for asset, side in (("USDT", "BUY"), ("ETH", "SELL")):
        locked = sum((order.locked for order in orders if order.side == side), Decimal(0))
        assert balances[asset][1] == locked
    for order in orders:
        check_order(order, trades, now)


@settings(max_examples=40, deadline=None)
@given(steps=actions, pay_in_bnb=st.booleans())
def test_free_plus_locked_changes_only_by_trades_and_commissions(*, steps: list[Step], pay_in_bnb: bool) -> None:
    now = START
    refusals = set()
    with tempfile.TemporaryDirectory() as folder:
        funds = FUNDS | {"BNB": Decimal(0)}
        config = Settings(
            data=Path(folder), balances=funds, bnb_commission=pay_in_bnb, liquidity={"*": Decimal("0.05")}
        )
        service = Service(config, lambda: now)
        ids = (f"id-{i}" for i in itertools.count())
        for kind, side, units, offset, wait, fraction in steps:
            now += wait * 1000
            try:
                if kind == "cancel":
                    service.exchange.cancel_all("ETHUSDT")
                else:
                    service.exchange.place(request_of(service, kind, side, units, offset, next(ids)), fraction)
            except ExchangeError as refusal:
                refusals.add(refusal.code)
            check_books(service.exchange, now)
        service.store.close()
    assert refusals <= {-1013, -2010, -2011}


def market(side: str, quantity: str) -> OrderRequest:
    return OrderRequest("BTCUSDT", side, "MARKET", "GTC", f"{side}{quantity}", quantity=Decimal(quantity))


def test_commission_is_a_thousandth_of_what_is_received(service: Service) -> None:
    _, bought = service.exchange.place(market("BUY", "0.5"))
    assert {t.commission_asset for t in bought} == {"BTC"}
    assert sum(t.commission for t in bought) == Decimal("0.0005")
    _, sold = service.exchange.place(market("SELL", "0.4"))
    assert {t.commission_asset for t in sold} == {"USDT"}
    proceeds = sum((t.quote_quantity for t in sold), Decimal(0))
    commission = sum((t.commission for t in sold), Decimal(0))
    assert proceeds / 1000 - len(sold) * UNIT <= commission <= proceeds / 1000


def test_what_was_bought_cannot_be_sold_whole_because_commission_went_off_it(service: Service) -> None:
    service.exchange.place(market("BUY", "0.01"))
    with pytest.raises(ExchangeError, match=r"Account has insufficient balance for requested action."):
        service.exchange.place(market("SELL", "0.01"))
    assert service.exchange.place(market("SELL", "0.00999"))[0].status == "FILLED"


def test_with_enough_bnb_the_commission_is_three_quarters_of_its_value_in_bnb(
    open_service: Callable[..., Service],
) -> None:
    service = open_service(bnb_commission=True, balances={"USDT": Decimal(10_000), "BNB": Decimal(1)})
    _, (trade,) = service.exchange.place(market("BUY", "0.01"))
    bnb = service.market.price("BNBUSDT", service.second)
    bitcoin = service.market.price("BTCUSDT", service.second)
    assert trade.commission_asset == "BNB"
    assert trade.commission == pytest.approx(Decimal("0.00001") * bitcoin * Decimal("0.75") / bnb, abs=UNIT)
    assert service.exchange.balances()["BTC"] == (Decimal("0.01"), Decimal(0))


def test_with_too_little_bnb_the_whole_commission_comes_off_the_received_asset(
    open_service: Callable[..., Service],
) -> None:
    service = open_service(bnb_commission=True, balances={"USDT": Decimal(10_000), "BNB": UNIT})
    _, (trade,) = service.exchange.place(market("BUY", "0.01"))
    assert (trade.commission_asset, trade.commission) == ("BTC", Decimal("0.00001"))
    assert service.exchange.balances()["BNB"] == (UNIT, Decimal(0))
