"""Quotes that are asked for now and read later, before an exchange that may do anything meanwhile."""

import json
import select
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from decimal import Decimal

import pytest

from adapters import exchange_asked, exchange_client
from adapters.exchange import Exchange
from adapters.exchange_asked import AskedQuotes
from adapters.exchange_line import Line
from agents.model import Quote, Side
from agents.orders import Refused
from tests.unit.adapters.misbehaving_server import Answer, Drop, Hang, Reply, Stub

QUOTED = {"symbol": "BTCUSDT", "bidPrice": "100", "bidQty": "1", "askPrice": "101", "askQty": "2"}
RULES = {
    "symbols": [
        {
            "symbol": symbol,
            "status": "TRADING",
            "baseAsset": symbol[:3],
            "quoteAsset": "USDT",
            "orderTypes": ["LIMIT"],
            "filters": [
                {"filterType": "PRICE_FILTER", "tickSize": "0.01"},
                {"filterType": "LOT_SIZE", "stepSize": "0.1", "minQty": "0.1", "maxQty": "10"},
                {"filterType": "NOTIONAL", "minNotional": "5"},
            ],
        }
        for symbol in ("BTCUSDT", "ETHUSDT")
    ]
}


@pytest.fixture
def spent() -> list[int]:
    return []


@pytest.fixture
def bans() -> list[datetime]:
    return []


@pytest.fixture
def exchange(stub: Stub, spent: list[int], bans: list[datetime], monkeypatch: pytest.MonkeyPatch) -> Iterator[Exchange]:
    monkeypatch.setattr(exchange_client, "READ_TIMEOUT", timedelta(seconds=2))
    # A machine that stands still for a while is not late.
    monkeypatch.setattr(exchange_asked, "READ_WITHIN", timedelta(minutes=1))
    monkeypatch.setattr(exchange_client, "PAID_AHEAD_NANOSECONDS", 60_000_000_000)
    exchange = Exchange(
        api_key="key",
        api_secret="secret",
        base_url=stub.url,
        testnet=True,
        spend_weight=lambda weight: not spent.append(weight),  # type: ignore[func-returns-value]  # nothing is true enough
        on_ban=bans.append,
    )
    stub.answer_at("/api/v3/exchangeInfo", RULES)
    exchange.markets()
    spent.clear()
    yield exchange
    exchange._client._ccxt.session.close()
    exchange._client.line.close()


def one_in(request: AskedQuotes) -> Quote | None:
    return (request.quotes() or {}).get("BTCUSDT")


def asked(exchange: Exchange) -> AskedQuotes:
    request = exchange.ask_quotes(["BTCUSDT"])
    assert request is not None
    return request


def test_a_quote_is_dated_when_it_was_asked_for_and_costs_the_weight_of_one(
    stub: Stub, exchange: Exchange, spent: list[int]
) -> None:
    stub.answer(QUOTED)
    before = datetime.now(UTC)
    request = asked(exchange)
    sent = datetime.now(UTC)

    quote = one_in(request)

    assert quote is not None
    assert (quote.symbol, quote.bid, quote.ask, quote.ask_quantity) == (
        "BTCUSDT",
        Decimal(100),
        Decimal(101),
        Decimal(2),
    )
    assert before <= quote.at <= sent
    assert spent == [2]
    assert stub.seen[-1].query == {"symbol": "BTCUSDT"}


def test_quotes_of_several_symbols_are_asked_for_in_one_request(
    stub: Stub, exchange: Exchange, spent: list[int]
) -> None:
    stub.answer([QUOTED, QUOTED | {"symbol": "ETHUSDT", "bidPrice": "7"}])

    request = exchange.ask_quotes(["ETHUSDT", "NOSUCHUSDT", "BTCUSDT"])

    assert request is not None
    found = request.quotes() or {}
    assert {symbol: quote.bid for symbol, quote in found.items()} == {"BTCUSDT": Decimal(100), "ETHUSDT": Decimal(7)}
    assert spent == [4]
    assert stub.seen[-1].query == {"symbols": '["BTCUSDT","ETHUSDT"]'}


def test_an_answer_that_nobody_read_for_long_is_given_up(
    stub: Stub, exchange: Exchange, monkeypatch: pytest.MonkeyPatch
) -> None:
    stub.answer(QUOTED | {"bidPrice": "1"})
    with monkeypatch.context() as patience:
        patience.setattr(exchange_asked, "READ_WITHIN", timedelta(0))
        request = asked(exchange)
        assert select.select([exchange._client.line._connection.sock], [], [], 30)[0]
        assert request.quotes() is None

    stub.answer(QUOTED)
    quote = one_in(asked(exchange))

    assert quote is not None
    assert quote.bid == 100


def test_an_answer_is_read_once(stub: Stub, exchange: Exchange) -> None:
    stub.answer(QUOTED)
    request = asked(exchange)

    assert request.quotes()
    assert request.quotes() is None


@pytest.mark.parametrize(
    "reply",
    [
        Drop(),
        Hang(),
        Answer(500, b"{}"),
        Answer(200, b"no JSON"),
        Answer(200, b"[]"),
        Answer(200, json.dumps(QUOTED | {"bidPrice": "NaN"}).encode()),
        Answer(200, json.dumps(QUOTED | {"bidPrice": "102"}).encode()),
        Answer(200, json.dumps(QUOTED | {"symbol": "ETHUSDT"}).encode()),
        Answer(200, json.dumps(QUOTED).encode(), declared_length=1000),
    ],
)
def test_what_is_no_usable_answer_is_no_quote_and_spoils_no_later_one(
    stub: Stub, exchange: Exchange, reply: Reply
) -> None:
    stub.reply(reply)
    assert one_in(asked(exchange)) is None

    stub.answer(QUOTED)
    assert one_in(asked(exchange)) is not None


@pytest.mark.parametrize("status", [418, 429])
def test_the_exchanges_wish_for_no_requests_is_kept_to(
    stub: Stub, exchange: Exchange, bans: list[datetime], spent: list[int], status: int
) -> None:
    stub.answer({"code": -1003, "msg": "Too many requests."}, status, Retry_After="7")
    assert asked(exchange).quotes() is None

    assert exchange.ask_quotes(["BTCUSDT"]) is None
    assert len(stub.seen) == 2
    assert spent == [2]
    (until,) = bans
    assert timedelta(seconds=5) < until - datetime.now(UTC) < timedelta(seconds=8)


ORDER = {
    "client_order_id": "x",
    "symbol": "BTCUSDT",
    "side": Side.BUY,
    "quantity": Decimal(1),
    "limit_price": Decimal(1),
}


def place(stub: Stub, exchange: Exchange) -> None:
    stub.answer({"code": -2010, "msg": "Account has insufficient balance."}, 400)
    exchange.place(**ORDER, expires_at=datetime.now(UTC) + timedelta(seconds=9))  # type: ignore[arg-type]  # each has its type


def test_the_order_that_follows_is_paid_with_the_quotes_and_the_one_after_it_by_itself(
    stub: Stub, exchange: Exchange, spent: list[int]
) -> None:
    stub.answer(QUOTED)
    request = exchange.ask_quotes(["BTCUSDT"], then_order=True)
    assert request is not None
    assert request.quotes()

    place(stub, exchange)
    place(stub, exchange)

    assert spent == [3, 1]


def test_an_order_that_follows_late_is_paid_by_itself(
    stub: Stub, exchange: Exchange, spent: list[int], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(exchange_client, "PAID_AHEAD_NANOSECONDS", 0)
    stub.answer(QUOTED)
    request = exchange.ask_quotes(["BTCUSDT"], then_order=True)
    assert request is not None
    assert request.quotes()

    place(stub, exchange)

    assert spent == [3, 1]


def test_an_order_that_is_paid_is_not_sent_to_an_exchange_that_wants_no_requests(
    stub: Stub, exchange: Exchange, spent: list[int]
) -> None:
    stub.answer({"code": -1003, "msg": "Too many requests."}, 429, Retry_After="7")
    request = exchange.ask_quotes(["BTCUSDT"], then_order=True)
    assert request is not None
    assert request.quotes() is None
    asked = len(stub.seen)

    placement = exchange.place(**ORDER, expires_at=datetime.now(UTC) + timedelta(seconds=9))  # type: ignore[arg-type]  # each has its type

    assert isinstance(placement, Refused)
    assert placement.code == "rate_limited"
    assert len(stub.seen) == asked
    assert spent == [3]


def test_nothing_is_asked_for_without_weight(stub: Stub, exchange: Exchange, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(exchange._client, "_spend_weight", lambda _weight: False)

    assert exchange.ask_quotes(["BTCUSDT"]) is None
    assert len(stub.seen) == 1


def test_nothing_is_asked_of_a_symbol_that_cannot_be_traded(stub: Stub, exchange: Exchange) -> None:
    assert exchange.ask_quotes(["NOSUCHUSDT"]) is None
    assert len(stub.seen) == 1


def test_a_request_that_was_given_up_before_it_was_answered_spoils_no_later_one(stub: Stub, exchange: Exchange) -> None:
    stub.reply(Hang())
    dropped = asked(exchange)
    assert stub.hanging.wait(30)
    dropped.drop()

    stub.answer(QUOTED)
    quote = one_in(asked(exchange))

    assert dropped.quotes() is None
    assert quote is not None


def test_an_exchange_out_of_reach_is_asked_nothing(exchange: Exchange) -> None:
    exchange._client.line = Line("http://127.0.0.1:1/api/v3", timedelta(seconds=1))

    assert exchange.ask_quotes(["BTCUSDT"]) is None
