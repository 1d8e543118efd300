"""Answers that get lost, and what a look-up then finds."""

from datetime import UTC, datetime, timedelta
from decimal import Decimal

import pytest

from adapters.exchange import Exchange, Missing
from agents.errors import ExchangeError
from agents.orders import Accepted, Refused, Unknown
from sandbox.exchange.process import ExchangeProcess
from tests.contract.exchange_adapter.ordering import crash, new_id, order


def test_a_look_up_finds_the_same_fills_as_the_answer_to_the_order(exchange: Exchange) -> None:
    client_order_id = new_id()
    placed = order(exchange, "30", "45200", client_order_id=client_order_id)
    assert isinstance(placed, Accepted), placed
    assert len(placed.fills) > 1
    assert exchange.look_up(client_order_id, "BTCUSDT") == placed


def test_an_expired_order_is_found_without_fills(exchange: Exchange) -> None:
    client_order_id = new_id()
    placed = order(exchange, "1", "40000", client_order_id=client_order_id)
    assert exchange.look_up(client_order_id, "BTCUSDT") == placed
    assert isinstance(placed, Accepted)
    assert placed.fills == ()


def test_an_order_the_exchange_never_saw_is_missing(any_exchange: Exchange) -> None:
    assert any_exchange.look_up(new_id(), "BTCUSDT") == Missing()


@pytest.mark.parametrize(
    "fault",
    [
        {"kind": "accept_then_timeout", "seconds": 5},
        {"kind": "accept_then_timeout", "seconds": 0.01},
        {"kind": "accept_then_5xx", "status": 502},
        {"kind": "accept_then_5xx", "status": 504},
        {"kind": "minus_1006"},
        {"kind": "minus_1007"},
    ],
    ids=lambda fault: "-".join(str(value) for value in fault.values()),
)
def test_an_accepted_order_whose_answer_is_lost_is_unknown_and_then_found_with_its_fills(
    exchange: Exchange, venue: ExchangeProcess, fault: dict[str, object], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("adapters.exchange.ORDER_TIMEOUT", timedelta(seconds=0.3))
    venue.add_fault(str(fault["kind"]), **{name: value for name, value in fault.items() if name != "kind"})
    client_order_id = new_id()
    outcome = order(exchange, "0.25", client_order_id=client_order_id)
    assert isinstance(outcome, Unknown), outcome
    found = exchange.look_up(client_order_id, "BTCUSDT")
    assert isinstance(found, Accepted), found
    assert sum(fill.quantity for fill in found.fills) == Decimal("0.25")
    assert exchange.balances()["BTC"] == sum(fill.quantity - fill.commission for fill in found.fills)


@pytest.mark.parametrize("status", [500, 502, 503, 504])
def test_a_5xx_before_acceptance_is_unknown_and_then_missing(
    exchange: Exchange, venue: ExchangeProcess, status: int
) -> None:
    venue.add_fault("error_before", status=status)
    client_order_id = new_id()
    assert isinstance(order(exchange, client_order_id=client_order_id), Unknown)
    assert exchange.look_up(client_order_id, "BTCUSDT") == Missing()


def test_a_look_up_that_lags_behind_says_missing_and_finds_the_order_later(
    exchange: Exchange, venue: ExchangeProcess
) -> None:
    venue.add_fault("lookup_lag", lookups=1)
    client_order_id = new_id()
    placed = order(exchange, client_order_id=client_order_id)
    assert exchange.look_up(client_order_id, "BTCUSDT") == Missing()
    assert exchange.look_up(client_order_id, "BTCUSDT") == placed


def test_an_order_survives_the_exchange_being_killed_and_is_found_after_its_restart(
    exchange: Exchange, venue: ExchangeProcess
) -> None:
    client_order_id = new_id()
    placed = order(exchange, client_order_id=client_order_id)
    crash(venue)
    assert isinstance(exchange.look_up(client_order_id, "BTCUSDT"), Unknown)
    venue.restart()
    assert exchange.look_up(client_order_id, "BTCUSDT") == placed


def test_an_order_to_an_exchange_that_is_down_is_refused_for_it_never_left(
    exchange: Exchange, venue: ExchangeProcess
) -> None:
    crash(venue)
    try:
        outcome = order(exchange)
    finally:
        venue.restart()
    assert outcome == Refused("unreachable", "the exchange cannot be reached")


def test_the_same_client_order_id_sent_twice_is_filled_twice_so_it_must_be_looked_up_instead(
    exchange: Exchange,
) -> None:
    """The rule of Binance that forbids blind repeats: the id of a filled order is free again."""
    client_order_id = new_id()
    for _ in range(2):
        assert isinstance(order(exchange, "0.1", client_order_id=client_order_id), Accepted)
    assert exchange.balances()["BTC"] > Decimal("0.15")


@pytest.mark.parametrize("kind", ["rate_429", "ban_418"])
def test_after_429_or_418_an_order_is_refused_and_nothing_is_sent_before_the_time_asked_for(
    exchange: Exchange, venue: ExchangeProcess, kind: str
) -> None:
    venue.add_fault(kind, retry_after=7)
    outcome = order(exchange)
    assert isinstance(outcome, Refused)
    assert outcome.code == "-1003"
    assert exchange.banned_until is not None
    assert timedelta(seconds=5) < exchange.banned_until - datetime.now(UTC) <= timedelta(seconds=7)
    again = order(exchange)
    assert isinstance(again, Refused)
    assert again.code == "rate_limited"
    assert isinstance(exchange.look_up(new_id(), "BTCUSDT"), Unknown)
    with pytest.raises(ExchangeError, match="rate_limited"):
        exchange.balances()


def test_an_order_refused_for_its_timestamp_is_not_repeated_but_the_next_one_works(
    exchange: Exchange, venue: ExchangeProcess
) -> None:
    venue.add_fault("timestamp_1021")
    outcome = order(exchange)
    assert isinstance(outcome, Refused)
    assert outcome.code == "-1021"
    assert "BTC" not in exchange.balances()
    assert isinstance(order(exchange), Accepted)
