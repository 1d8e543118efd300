from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from decimal import Decimal

import pytest

from adapters.exchange import Exchange
from agents.model import Side
from agents.orders import Accepted, Placement, Refused
from sandbox.exchange.process import ExchangeProcess
from tests.contract.exchange_adapter.ordering import new_id, order


def accepted(outcome: Placement) -> Accepted:
    assert isinstance(outcome, Accepted), outcome
    return outcome


def executed(outcome: Placement) -> Decimal:
    return sum((fill.quantity for fill in accepted(outcome).fills), Decimal(0))


def test_a_block_within_the_book_is_filled_whole_within_its_limit(exchange: Exchange) -> None:
    fills = accepted(order(exchange, "2.5", "45100")).fills
    assert sum(fill.quantity for fill in fills) == Decimal("2.5")
    assert all(fill.price <= Decimal(45_100) for fill in fills)
    assert all(fill.cost == fill.price * fill.quantity for fill in fills)
    assert all(abs(datetime.now(UTC) - fill.at) < timedelta(seconds=10) for fill in fills)
    assert len({fill.trade_id for fill in fills}) == len(fills)


def test_the_commission_of_a_purchase_is_paid_in_the_base_asset(exchange: Exchange) -> None:
    for fill in accepted(order(exchange, "0.5")).fills:
        assert fill.commission_asset == "BTC"
        assert fill.commission == (fill.quantity * Decimal("0.001")).quantize(Decimal("1e-8"))


def test_the_commission_of_a_sale_is_paid_in_the_quote_asset(exchange: Exchange, venue: ExchangeProcess) -> None:
    venue.set_balances(BTC=1)
    for fill in accepted(order(exchange, "0.5", "44900", side=Side.SELL)).fills:
        assert fill.commission_asset == "USDT"
        assert fill.commission == (fill.cost * Decimal("0.001")).quantize(Decimal("1e-8"))


def test_a_book_that_holds_less_than_the_block_fills_a_part_and_the_rest_expires(
    exchange: Exchange, venue: ExchangeProcess
) -> None:
    venue.add_fault("partial_fill", fraction="0.4")
    assert executed(order(exchange, "0.5")) == Decimal("0.2")


def test_a_thin_book_fills_no_more_than_it_holds(exchange: Exchange, venue: ExchangeProcess) -> None:
    venue.add_fault("thin_book", fraction="0.0001", symbol="BTCUSDT")
    assert executed(order(exchange, "50", "45100")) < 50


def test_a_limit_away_from_the_market_expires_at_once_without_a_fill(any_exchange: Exchange) -> None:
    bid = any_exchange.quotes(["BTCUSDT"])["BTCUSDT"].bid
    price = (bid * Decimal("0.95")).quantize(Decimal(1))
    assert accepted(order(any_exchange, "0.01", str(price))).fills == ()


def test_a_small_order_at_the_market_is_filled_and_found_again_by_its_client_id(any_exchange: Exchange) -> None:
    ask = any_exchange.quotes(["BTCUSDT"])["BTCUSDT"].ask
    price = (ask * Decimal("1.002")).quantize(Decimal(1))
    client_order_id = new_id()
    placed = accepted(order(any_exchange, "0.001", str(price), client_order_id=client_order_id))
    assert executed(placed) == Decimal("0.001")
    found = any_exchange.look_up(client_order_id, "BTCUSDT")
    assert isinstance(found, Accepted)
    assert found.exchange_order_id == placed.exchange_order_id
    assert executed(found) == Decimal("0.001")


@pytest.mark.parametrize(
    ("quantity", "price", "code", "reason"),
    [
        ("0.010000001", "45100", "-1111", "too much precision"),
        ("0.010005", "45100", "-1013", "LOT_SIZE"),
        ("0.01", "45100.001", "-1013", "PRICE_FILTER"),
        ("0.00001", "45100", "-1013", "NOTIONAL"),
        ("0.01", "200000", "-1013", "PERCENT_PRICE_BY_SIDE"),
        ("30000", "45100", "-1013", "LOT_SIZE"),
    ],
)
def test_an_order_outside_the_market_rules_is_refused_with_the_code_and_the_rule(
    exchange: Exchange, quantity: str, price: str, code: str, reason: str
) -> None:
    outcome = order(exchange, quantity, price)
    assert isinstance(outcome, Refused), outcome
    assert outcome.code == code
    assert reason in outcome.message


def test_an_order_below_the_least_notional_is_refused_everywhere(any_exchange: Exchange) -> None:
    bid = any_exchange.quotes(["BTCUSDT"])["BTCUSDT"].bid
    outcome = order(any_exchange, "0.00001", str(bid.quantize(Decimal(1))))
    assert isinstance(outcome, Refused), outcome
    assert outcome == Refused("-1013", "Filter failure: NOTIONAL")


def test_an_order_beyond_the_balance_is_refused_with_minus_2010(exchange: Exchange, venue: ExchangeProcess) -> None:
    venue.set_balances(USDT=100)
    assert order(exchange, "1") == Refused("-2010", "Account has insufficient balance for requested action.")


def test_an_order_of_an_unknown_symbol_is_refused_with_minus_1121(any_exchange: Exchange) -> None:
    assert order(any_exchange, symbol="NOSUCHUSDT") == Refused("-1121", "Invalid symbol.")


def test_an_illegal_client_order_id_is_refused_with_minus_1100(exchange: Exchange) -> None:
    outcome = order(exchange, client_order_id="no spaces here")
    assert isinstance(outcome, Refused), outcome
    assert outcome.code == "-1100"


@pytest.mark.parametrize(
    ("credentials", "code"), [({"api_secret": "wrong"}, "-1022"), ({"api_key": "x" * 64}, "-2015")]
)
def test_an_order_with_wrong_credentials_is_refused(
    connect: Callable[..., Exchange], credentials: dict[str, str], code: str
) -> None:
    outcome = order(connect(**credentials))
    assert isinstance(outcome, Refused), outcome
    assert outcome.code == code


def test_an_order_that_was_refused_left_nothing_on_the_exchange(exchange: Exchange) -> None:
    before = exchange.balances()
    assert isinstance(order(exchange, "0.00001"), Refused)
    assert exchange.balances() == before


def test_an_order_whose_time_has_passed_is_not_sent(exchange: Exchange) -> None:
    outcome = order(exchange, within=timedelta(0))
    assert isinstance(outcome, Refused)
    assert outcome.code == "expired_before_sending"
    assert "BTC" not in exchange.balances()
