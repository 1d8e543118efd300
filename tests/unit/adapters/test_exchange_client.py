"""The adapter before a server that misbehaves in ways the sandbox exchange does not."""

import json
import logging
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest

from adapters.exchange import Exchange, Missing
from agents.errors import ExchangeError
from agents.model import Side
from agents.orders import Accepted, Placement, Refused, Unknown
from tests.unit.adapters.misbehaving_server import Answer, Drop, Hang, Stub

KEY, SECRET = "the-public-key-0123", "the-private-secret-4567"
NOW_MS = 1_800_000_000_000
FILLED: dict[str, Any] = {
    "symbol": "BTCUSDT",
    "orderId": 28,
    "clientOrderId": "ta-1",
    "transactTime": NOW_MS,
    "executedQty": "0.30000000",
    "status": "FILLED",
    "side": "BUY",
    "fills": [
        {"price": "100.00", "qty": "0.1", "commission": "0.0001", "commissionAsset": "BTC", "tradeId": 56},
        {"price": "101.00", "qty": "0.2", "commission": "0.0002", "commissionAsset": "BTC", "tradeId": 57},
    ],
}
QUERIED = {name: value for name, value in FILLED.items() if name not in {"fills", "transactTime"}}


class Budget:
    """Notes the request weight that is asked for; has none left when told so."""

    def __init__(self) -> None:
        self.spent: list[int] = []
        self.empty = False

    def spend(self, weight: int) -> bool:
        self.spent.append(weight)
        return not self.empty


@pytest.fixture
def budget() -> Budget:
    return Budget()


@pytest.fixture
def bans() -> list[datetime]:
    return []


@pytest.fixture
def exchange(stub: Stub, budget: Budget, bans: list[datetime], monkeypatch: pytest.MonkeyPatch) -> Iterator[Exchange]:
    monkeypatch.setattr("adapters.exchange.ORDER_TIMEOUT", timedelta(seconds=2))
    exchange = Exchange(
        api_key=KEY, api_secret=SECRET, base_url=stub.url, testnet=True, spend_weight=budget.spend, on_ban=bans.append
    )
    yield exchange
    exchange._client._ccxt.session.close()


def place(exchange: Exchange, quantity: str = "0.3", price: str = "101") -> Placement:
    return exchange.place(
        client_order_id="ta-1",
        symbol="BTCUSDT",
        side=Side.BUY,
        quantity=Decimal(quantity),
        limit_price=Decimal(price),
        expires_at=datetime.now(UTC) + timedelta(seconds=10),
    )


def trade(number: int, quantity: str = "0.001") -> dict[str, object]:
    return {
        "id": number,
        "price": "100.00",
        "qty": quantity,
        "quoteQty": "0.1",
        "commission": "0",
        "commissionAsset": "BNB",
        "time": NOW_MS,
    }


def test_an_order_is_sent_as_a_limit_ioc_with_plain_numbers_and_its_own_id(stub: Stub, exchange: Exchange) -> None:
    stub.answer(FILLED)
    place(exchange, "0.300000000000000000", "1.01E+2")
    [seen] = stub.seen
    assert (seen.method, seen.path, seen.query) == ("POST", "/api/v3/order", {})
    assert seen.headers["X-MBX-APIKEY"] == KEY
    expected = {
        "symbol": "BTCUSDT",
        "side": "BUY",
        "type": "LIMIT",
        "timeInForce": "IOC",
        "quantity": "0.3",
        "price": "101",
        "newClientOrderId": "ta-1",
        "newOrderRespType": "FULL",
        "recvWindow": "5000",
    }
    assert seen.form.items() >= expected.items()
    assert set(seen.form) - set(expected) == {"timestamp", "signature"}


def test_the_signed_time_is_the_one_that_was_compared_with_the_expiry(
    stub: Stub, exchange: Exchange, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A process that sleeps between the two must not send an order that the exchange still takes as fresh."""
    stub.answer(FILLED)
    monkeypatch.setattr(exchange._client._ccxt, "nonce", lambda: 9_999_999_999_999)
    before = datetime.now(UTC)
    place(exchange)
    signed = int(stub.seen[0].form["timestamp"]) / 1000
    assert before.timestamp() - 0.001 <= signed <= datetime.now(UTC).timestamp()


def test_fills_keep_every_decimal(stub: Stub, exchange: Exchange) -> None:
    fills = [dict(FILLED["fills"][0], price="0.00000001", qty="123456789.12345678", commission="0.00000001")]
    stub.answer({**FILLED, "executedQty": "123456789.12345678", "fills": fills})
    outcome = place(exchange, "123456789.12345678")
    assert isinstance(outcome, Accepted)
    assert outcome.fills[0].quantity == Decimal("123456789.12345678")
    assert outcome.fills[0].cost == Decimal("1.2345678912345678")
    assert outcome.fills[0].at == datetime.fromtimestamp(NOW_MS / 1000, UTC)


@pytest.mark.parametrize(
    "change",
    [
        {"clientOrderId": "ta-2"},
        {"symbol": "ETHUSDT"},
        {"side": "SELL"},
        {"status": "NEW"},
        {"status": "PARTIALLY_FILLED"},
        {"status": None},
        {"orderId": None},
        {"executedQty": "0.4"},
        {"executedQty": "0.2"},
        {"executedQty": "NaN"},
        {"executedQty": "-0.3"},
        {"executedQty": 0.3},
        {"fills": []},
        {"fills": None},
        {"fills": {}},
        {"fills": [None, 7]},
        {"fills": [{"price": "100"}]},
        {"fills": [dict(FILLED["fills"][0], qty="0.3", price="0")]},
        {"fills": [dict(FILLED["fills"][0], qty="0.3", tradeId="x")]},
        {"fills": [dict(FILLED["fills"][0], qty="0.3", commission="much")]},
        {"transactTime": "yesterday"},
        {"transactTime": 10**30},
    ],
    ids=str,
)
def test_an_answer_that_contradicts_the_order_leaves_it_unknown(
    stub: Stub, exchange: Exchange, change: dict[str, object]
) -> None:
    stub.answer({**FILLED, **change})
    assert isinstance(place(exchange), Unknown)


@pytest.mark.parametrize(
    "reply",
    [
        Answer(200, b""),
        Answer(200, b"null"),
        Answer(200, b"[]"),
        Answer(200, b"[[]]"),
        Answer(200, b'"fine"'),
        Answer(200, b"{"),
        Answer(200, b"\xff\xfe\x00"),
        Answer(200, b"<html>Welcome</html>"),
        Answer(200, b"[" * 100_000),
        Answer(200, b'{"code": [], "msg": {}}'),
        Answer(200, b'{"success": false, "msg": "7"}'),
        Answer(200, json.dumps(FILLED).encode(), declared_length=100_000),
        Answer(302, b"", {"Location": "/api/v3/elsewhere"}),
        Answer(307, b"", {"Location": "/api/v3/elsewhere"}),
        Answer(400, b"nonsense"),
        Answer(503, b'{"code": -2010, "msg": "Account has insufficient balance for requested action."}'),
        Drop(),
        Hang(),
    ],
    ids=lambda reply: repr(reply)[:60],
)
def test_an_order_without_a_usable_answer_is_unknown_and_was_sent_once(
    stub: Stub, exchange: Exchange, reply: Answer | Drop | Hang
) -> None:
    stub.reply(reply)
    assert isinstance(place(exchange), Unknown)
    assert len(stub.seen) == 1


def test_a_refusal_that_only_ccxts_spot_table_knows_counts_at_any_address(stub: Stub, exchange: Exchange) -> None:
    stub.answer({"code": -1134, "msg": "strategyType was less than the minimum."}, 400)
    assert place(exchange) == Refused("-1134", "strategyType was less than the minimum.")


def test_without_request_weight_nothing_is_sent(stub: Stub, exchange: Exchange, budget: Budget) -> None:
    budget.empty = True
    outcome = place(exchange)
    assert isinstance(outcome, Refused)
    assert outcome.code == "weight_exhausted"
    assert exchange.look_up("ta-1", "BTCUSDT") == Unknown("weight_exhausted: this minute's request weight is used up")
    with pytest.raises(ExchangeError, match="weight_exhausted"):
        exchange.balances()
    assert stub.seen == []


def test_each_request_spends_its_weight_in_advance(stub: Stub, exchange: Exchange, budget: Budget) -> None:
    stub.answer(FILLED)
    place(exchange)
    stub.answer_at("/api/v3/order", QUERIED)
    stub.answer_at("/api/v3/myTrades", [trade(1, "0.3")])
    exchange.look_up("ta-1", "BTCUSDT")
    assert budget.spent == [1, 4, 5]


@pytest.mark.parametrize(("header", "seconds"), [("30", 30), (None, 60), ("soon", 60), ("9" * 40, 60)])
def test_a_ban_is_told_with_its_end(
    stub: Stub, exchange: Exchange, bans: list[datetime], header: str | None, seconds: int
) -> None:
    headers = {} if header is None else {"Retry_After": header}
    stub.answer({"code": -1003, "msg": "Way too much request weight used."}, 418, **headers)
    assert place(exchange) == Refused("-1003", "Way too much request weight used.")
    assert bans == [exchange.banned_until]
    assert abs(bans[0] - datetime.now(UTC) - timedelta(seconds=seconds)) < timedelta(seconds=5)


def test_a_read_is_tried_again_once_when_the_connection_breaks(stub: Stub, exchange: Exchange) -> None:
    stub.reply(Drop(), Answer(200, b'{"balances": []}'))
    assert exchange.balances() == {}
    stub.reply(Drop())
    with pytest.raises(ExchangeError, match="connection-lost"):
        exchange.balances()
    assert len(stub.seen) == 4


def test_a_look_up_asks_for_further_pages_of_trades(stub: Stub, exchange: Exchange) -> None:
    stub.answer_at("/api/v3/order", {**QUERIED, "executedQty": "1.2"})
    pages = [[trade(number) for number in range(1000)], [trade(number) for number in range(1000, 1200)]]
    stub.reply(*(Answer(200, json.dumps(page).encode()) for page in pages))
    found = exchange.look_up("ta-1", "BTCUSDT")
    assert isinstance(found, Accepted)
    assert len(found.fills) == 1200
    assert stub.seen[-1].query["fromId"] == "1000"


@pytest.mark.parametrize(
    "trades", [[], [trade(1, "0.1")], [trade(1, "0.4")], {}, [7], [{**trade(1, "0.3"), "time": None}]], ids=str
)
def test_a_look_up_whose_trades_do_not_add_up_stays_unknown(stub: Stub, exchange: Exchange, trades: object) -> None:
    stub.answer_at("/api/v3/order", QUERIED)
    stub.answer_at("/api/v3/myTrades", trades)
    assert isinstance(exchange.look_up("ta-1", "BTCUSDT"), Unknown)


@pytest.mark.parametrize("status", ["NEW", "PARTIALLY_FILLED", "PENDING_NEW", "A_STATUS_OF_TOMORROW"])
def test_a_look_up_of_an_order_that_is_still_open_stays_unknown(stub: Stub, exchange: Exchange, status: str) -> None:
    stub.answer_at("/api/v3/order", {**QUERIED, "status": status})
    assert exchange.look_up("ta-1", "BTCUSDT") == Unknown("the order is still open")


@pytest.mark.parametrize("status", ["CANCELED", "REJECTED", "EXPIRED", "EXPIRED_IN_MATCH"])
def test_a_look_up_of_an_order_that_ended_unfilled_has_no_fills(stub: Stub, exchange: Exchange, status: str) -> None:
    stub.answer_at("/api/v3/order", {**QUERIED, "status": status, "executedQty": "0.00000000"})
    assert exchange.look_up("ta-1", "BTCUSDT") == Accepted("28", ())


@pytest.mark.parametrize(
    ("status", "answer"),
    [
        (400, {"code": -2011, "msg": "Unknown order sent."}),
        (404, {}),
        (200, {}),
        (200, {"clientOrderId": "ta-2"}),
        (200, [{"code": -2013}]),
    ],
)
def test_only_minus_2013_counts_as_missing(stub: Stub, exchange: Exchange, status: int, answer: object) -> None:
    stub.answer(answer, status)
    assert isinstance(exchange.look_up("ta-1", "BTCUSDT"), Unknown)
    stub.answer({"code": -2013, "msg": "Order does not exist."}, 400)
    assert exchange.look_up("ta-1", "BTCUSDT") == Missing()


@pytest.mark.parametrize(
    "read", [Exchange.markets, Exchange.balances, Exchange.server_time_offset, lambda e: e.quotes(["BTCUSDT"])]
)
@pytest.mark.parametrize("nonsense", [b"", b"null", b"[]", b"7", b'"x"', b"{", b"{}", b'{"symbols": [7]}', b"<html>"])
def test_nonsense_in_answer_to_a_read_is_an_exchange_error(
    stub: Stub, exchange: Exchange, read: Callable[[Exchange], object], nonsense: bytes
) -> None:
    stub.reply(Answer(200, nonsense))
    with pytest.raises(ExchangeError):
        read(exchange)


def market(symbol: str, **changes: object) -> dict[str, object]:
    rules = [
        {"filterType": "PRICE_FILTER", "tickSize": "0.01000000"},
        {"filterType": "LOT_SIZE", "stepSize": "0.001", "minQty": "0.001", "maxQty": "9000"},
        {"filterType": "NOTIONAL", "minNotional": "5", "maxNotional": "9000000"},
    ]
    base = {"symbol": symbol, "status": "TRADING", "baseAsset": symbol[:3], "quoteAsset": "USDT"}
    return base | {"orderTypes": ["LIMIT", "MARKET"], "filters": rules} | changes


def test_symbols_that_cannot_be_traded_or_lack_a_rule_are_left_out(stub: Stub, exchange: Exchange) -> None:
    symbols = [
        market("AAAUSDT"),
        market("BBBUSDT", status="BREAK"),
        market("CCCUSDT", isSpotTradingAllowed=False),
        market("DDDUSDT", orderTypes=["MARKET"]),
        market("EEEUSDT", filters=[]),
        market("FFFUSDT", filters=[{**rule, "tickSize": "0", "stepSize": "0"} for rule in market("")["filters"]]),  # type: ignore[attr-defined]  # a list of dicts
    ]
    stub.answer({"symbols": symbols})
    assert set(exchange.markets()) == {"AAAUSDT"}


def test_market_rules_are_read_once(stub: Stub, exchange: Exchange) -> None:
    stub.answer({"symbols": [market("AAAUSDT")]})
    assert exchange.markets() is exchange.markets()
    assert len(stub.seen) == 1


def test_market_rules_are_read_again_when_a_symbol_has_gone(stub: Stub, exchange: Exchange) -> None:
    stub.answer_at("/api/v3/exchangeInfo", {"symbols": [market("AAAUSDT"), market("BBBUSDT")]})
    stub.answer({"code": -1121, "msg": "Invalid symbol."}, 400)
    with pytest.raises(ExchangeError, match="-1121"):
        exchange.quotes(["AAAUSDT", "BBBUSDT"])
    stub.answer_at("/api/v3/exchangeInfo", {"symbols": [market("AAAUSDT")]})
    book = {"symbol": "AAAUSDT", "bidPrice": "1.00", "bidQty": "5", "askPrice": "1.01", "askQty": "5"}
    stub.answer(book)
    assert set(exchange.quotes(["AAAUSDT", "BBBUSDT"])) == {"AAAUSDT"}
    assert stub.seen[-1].query["symbol"] == "AAAUSDT"


@pytest.mark.parametrize(
    "change",
    [{"bidPrice": "1.02"}, {"bidPrice": "0.00000000"}, {"askPrice": "0"}, {"bidQty": "0.0"}, {"askQty": "0"}],
    ids=str,
)
def test_a_crossed_or_one_sided_book_gives_no_quote(stub: Stub, exchange: Exchange, change: dict[str, str]) -> None:
    stub.answer_at("/api/v3/exchangeInfo", {"symbols": [market("AAAUSDT"), market("BBBUSDT")]})
    good = {"symbol": "AAAUSDT", "bidPrice": "1.00", "bidQty": "5", "askPrice": "1.01", "askQty": "5"}
    stub.answer([good, {**good, "symbol": "BBBUSDT", **change}])
    assert set(exchange.quotes(["AAAUSDT", "BBBUSDT"])) == {"AAAUSDT"}


def test_requests_are_signed_with_the_exchanges_clock_once_it_is_known(stub: Stub, exchange: Exchange) -> None:
    ahead, told, rounding = timedelta(seconds=100), datetime.now(UTC), timedelta(milliseconds=2)
    stub.answer({"serverTime": int((told + ahead).timestamp() * 1000)})
    measured = exchange.server_time_offset()
    assert abs(measured - ahead) <= datetime.now(UTC) - told + rounding
    stub.answer({"balances": []})
    exchange.balances()
    stub.answer(FILLED)
    assert isinstance(place(exchange), Accepted)
    for stamp in (stub.seen[1].query["timestamp"], stub.seen[2].form["timestamp"]):
        signed_at = datetime.fromtimestamp(int(stamp) / 1000, UTC) - measured
        assert told - rounding <= signed_at <= datetime.now(UTC) + rounding


def test_a_clock_refused_even_by_the_time_route_is_an_error_not_a_loop(stub: Stub, exchange: Exchange) -> None:
    stub.answer({"code": -1021, "msg": "Timestamp for this request is outside of the recvWindow."}, 400)
    with pytest.raises(ExchangeError, match="-1021"):
        exchange.balances()
    assert len(stub.seen) == 4


def test_no_secret_reaches_results_errors_or_logs(
    stub: Stub, exchange: Exchange, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    logging.getLogger("urllib3").setLevel(logging.INFO)
    said: list[object] = [repr(exchange)]
    for reply in (Answer(400, json.dumps({"code": -1, "msg": f"{KEY} {SECRET}"}).encode()), Drop(), Hang()):
        stub.reply(reply)
        said += (
            [place(exchange), exchange.look_up("ta-1", "BTCUSDT")] if not isinstance(reply, Hang) else [place(exchange)]
        )
        if not isinstance(reply, Hang):
            with pytest.raises(ExchangeError) as caught:
                exchange.balances()
            said.append(caught.getrepr())
    everything = " ".join(map(str, said)) + caplog.text
    assert len(stub.seen) > 3
    for secret in (KEY, SECRET, "signature="):
        assert secret not in everything


def test_live_trading_uses_binances_own_addresses() -> None:
    live = Exchange(
        api_key=KEY, api_secret=SECRET, base_url="http://127.0.0.1:1", testnet=False, spend_weight=lambda _weight: False
    )
    assert live._client._ccxt.urls["api"]["private"] == "https://api.binance.com/api/v3"
