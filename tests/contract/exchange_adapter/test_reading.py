from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from decimal import Decimal

import pytest

from adapters.exchange import Exchange
from agents.errors import ExchangeError
from agents.model import Market
from agents.orders import Accepted
from agents.profiles import SYMBOLS
from sandbox.exchange.process import ExchangeProcess
from tests.contract.exchange_adapter.ordering import crash, order


def test_market_rules_come_exactly_as_the_exchange_writes_them(exchange: Exchange) -> None:
    assert exchange.markets()["BTCUSDT"] == Market(
        symbol="BTCUSDT",
        base="BTC",
        quote="USDT",
        price_tick=Decimal("0.01"),
        lot_step=Decimal("0.00001"),
        min_quantity=Decimal("0.00001"),
        max_quantity=Decimal(9000),
        min_notional=Decimal(5),
        max_notional=Decimal(9_000_000),
    )


def test_every_symbol_of_the_built_in_agents_has_market_rules(any_exchange: Exchange) -> None:
    assert set(SYMBOLS) <= set(any_exchange.markets())


def test_quotes_of_all_symbols_come_in_one_request_with_bid_below_ask(any_exchange: Exchange) -> None:
    before = datetime.now(UTC)
    quotes = any_exchange.quotes(SYMBOLS)
    assert set(quotes) == set(SYMBOLS)
    for symbol, quote in quotes.items():
        assert quote.symbol == symbol
        assert 0 < quote.bid < quote.ask
        assert before <= quote.at <= datetime.now(UTC)


def test_a_pinned_price_lies_between_bid_and_ask(exchange: Exchange, venue: ExchangeProcess) -> None:
    venue.pin_price("BTCUSDT", 44_000)
    quote = exchange.quotes(["BTCUSDT"])["BTCUSDT"]
    assert quote.bid <= 44_000 <= quote.ask
    assert quote.ask - quote.bid < 100


def test_symbols_the_exchange_does_not_know_have_no_quote(any_exchange: Exchange) -> None:
    assert set(any_exchange.quotes(["BTCUSDT", "NOSUCHUSDT"])) == {"BTCUSDT"}
    assert any_exchange.quotes(["NOSUCHUSDT"]) == {}
    assert any_exchange.quotes([]) == {}


def test_balances_are_exact_and_leave_out_what_is_not_held(exchange: Exchange, venue: ExchangeProcess) -> None:
    venue.set_balances(USDT="1000000000.00000001")
    assert exchange.balances() == {"USDT": Decimal("1000000000.00000001")}


def test_a_purchase_moves_the_balances_by_its_cost_and_quantity_less_commission(exchange: Exchange) -> None:
    before = exchange.balances()
    outcome = order(exchange, "0.5")
    assert isinstance(outcome, Accepted), outcome
    cost = sum(fill.cost for fill in outcome.fills)
    commission = sum(fill.commission for fill in outcome.fills)
    after = exchange.balances()
    assert after["USDT"] == before["USDT"] - cost
    assert after["BTC"] == Decimal("0.5") - commission


def test_the_clocks_of_the_exchange_and_of_this_machine_are_compared(exchange: Exchange) -> None:
    began = datetime.now(UTC)
    ahead = exchange.server_time_offset()
    assert abs(ahead) <= datetime.now(UTC) - began + timedelta(milliseconds=1)


def test_the_testnet_accepts_our_clock(any_exchange: Exchange) -> None:
    any_exchange.server_time_offset()
    any_exchange.balances()


def test_a_wrong_secret_is_told_with_the_code_and_without_the_secret(connect: Callable[..., Exchange]) -> None:
    with pytest.raises(ExchangeError, match="-1022") as caught:
        connect(api_secret="not the secret").balances()
    assert "not the secret" not in str(caught.value)


def test_reads_during_an_outage_fail_with_the_status(exchange: Exchange, venue: ExchangeProcess) -> None:
    venue.add_fault("error_before", method="GET", path="/api/v3/account", status=502, times=None, probability=1.0)
    with pytest.raises(ExchangeError, match="http-502"):
        exchange.balances()


def test_a_read_refused_for_a_stale_timestamp_is_tried_again_with_a_corrected_clock(
    exchange: Exchange, venue: ExchangeProcess
) -> None:
    venue.add_fault("timestamp_1021", method="GET", path="/api/v3/account")
    assert exchange.balances()["USDT"] > 0


def test_an_exchange_that_is_down_is_told_as_unreachable_and_works_again_when_it_is_back(
    exchange: Exchange, venue: ExchangeProcess
) -> None:
    exchange.balances()
    crash(venue)
    with pytest.raises(ExchangeError, match="unreachable"):
        exchange.balances()
    venue.restart()
    assert exchange.balances()["USDT"] > 0
