import base64
import gzip
import json
import socket
import threading
from decimal import Decimal

import pytest

from adapters.ml_engine import MLSignalConsumer
from agents.errors import SignalSourceError
from tests.unit.adapters.misbehaving_server import Answer, Drop, Hang, Stub, Trickle

BUY = {
    "symbol": "BTCUSDT",
    "action": "buy",
    "confidence": 0.8,
    "price": 45000.1,
    "timestamp": "2026-01-01T00:00:00Z",
}


@pytest.fixture
def engine(stub: Stub, monkeypatch: pytest.MonkeyPatch) -> MLSignalConsumer:
    monkeypatch.setattr("adapters.ml_engine.READ_TIMEOUT", 2)
    monkeypatch.setattr("adapters.ml_engine.TOTAL_TIMEOUT", 4)
    return MLSignalConsumer(stub.url)


def test_all_symbols_are_asked_for_in_one_bare_array(stub: Stub, engine: MLSignalConsumer) -> None:
    stub.answer({"signals": {"BTCUSDT": BUY, "ETHUSDT": None}})
    signals = engine.batch(["BTCUSDT", "ETHUSDT"])
    [seen] = stub.seen
    assert (seen.method, seen.path) == ("POST", "/api/v1/signals/batch")
    assert json.loads(seen.body) == ["BTCUSDT", "ETHUSDT"]
    assert signals == {
        "BTCUSDT": {**BUY, "confidence": Decimal("0.8"), "price": Decimal("45000.1")},
        "ETHUSDT": None,
    }


def test_credentials_in_the_address_log_in(stub: Stub) -> None:
    stub.answer({"signals": {}})
    MLSignalConsumer(stub.url.replace("://", "://plat%40form:se%3Acret@")).batch(["BTCUSDT"])
    [seen] = stub.seen
    assert seen.headers["authorization"] == "Basic " + base64.b64encode(b"plat@form:se:cret").decode()


def test_a_connection_is_used_again_after_an_answer(stub: Stub, engine: MLSignalConsumer) -> None:
    stub.answer({"signals": {}})
    for _ in range(3):
        engine.batch(["BTCUSDT"])
    pool = engine._pool.connection_from_url(stub.url)
    assert (pool.num_connections, pool.num_requests) == (1, 3)


def test_numbers_keep_every_decimal(stub: Stub, engine: MLSignalConsumer) -> None:
    stub.reply(Answer(200, b'{"signals": {"BTCUSDT": {"price": 0.1000000000000000055511151231257827}}}'))
    assert engine.batch(["BTCUSDT"]) == {"BTCUSDT": {"price": Decimal("0.1000000000000000055511151231257827")}}


def test_only_the_symbols_asked_for_are_returned_and_all_of_them(stub: Stub, engine: MLSignalConsumer) -> None:
    stub.answer({"signals": {"DOGEUSDT": BUY}})
    assert engine.batch(["BTCUSDT"]) == {"BTCUSDT": None}


def test_no_symbols_ask_nothing(stub: Stub, engine: MLSignalConsumer) -> None:
    assert engine.batch([]) == {}
    assert stub.seen == []


@pytest.mark.parametrize("value", [b"7", b'"buy"', b"[]", b"true", b'"' + b"x" * 5000 + b'"'])
def test_a_signal_that_is_no_object_is_marked_and_spoils_no_other(
    stub: Stub, engine: MLSignalConsumer, value: bytes
) -> None:
    stub.reply(Answer(200, b'{"signals": {"BTCUSDT": ' + value + b', "ETHUSDT": {"action": "buy"}}}'))
    signals = engine.batch(["BTCUSDT", "ETHUSDT"])
    assert signals["ETHUSDT"] == {"action": "buy"}
    assert signals["BTCUSDT"] is not None
    [(name, what)] = signals["BTCUSDT"].items()
    assert name == "malformed"
    assert len(str(what)) <= 200


@pytest.mark.parametrize("number", [b"NaN", b"Infinity", b"-Infinity", b"1e99999999999999999999", b"9" * 5000])
def test_a_number_that_is_none_spoils_only_its_own_signal(stub: Stub, engine: MLSignalConsumer, number: bytes) -> None:
    stub.reply(Answer(200, b'{"signals": {"BTCUSDT": {"price": ' + number + b'}, "ETHUSDT": {"price": 2}}}'))
    signals = engine.batch(["BTCUSDT", "ETHUSDT"])
    assert signals["ETHUSDT"] == {"price": 2}
    assert signals["BTCUSDT"] is not None
    price = signals["BTCUSDT"]["price"]
    assert isinstance(price, Decimal)
    assert not price.is_finite()


@pytest.mark.parametrize("status", [404, 405, 500, 503])
def test_an_engine_without_a_batch_route_is_asked_symbol_by_symbol(
    stub: Stub, engine: MLSignalConsumer, status: int
) -> None:
    stub.answer({"detail": "no"}, status)
    stub.answer_at("/api/v1/signals/latest/BTCUSDT", {"signal": BUY})
    stub.answer_at("/api/v1/signals/latest/ETHUSDT", {"detail": "Internal Server Error"}, 500)
    stub.answer_at("/api/v1/signals/latest/SOLUSDT", {"signal": None})
    signals = engine.batch(["BTCUSDT", "ETHUSDT", "SOLUSDT"])
    assert signals["BTCUSDT"] is not None
    assert signals["BTCUSDT"]["action"] == "buy"
    assert (signals["ETHUSDT"], signals["SOLUSDT"]) == (None, None)
    assert [seen.method for seen in stub.seen] == ["POST", "GET", "GET", "GET"]


def test_an_address_with_neither_route_is_an_error_not_an_absence_of_signals(
    stub: Stub, engine: MLSignalConsumer
) -> None:
    stub.answer({"detail": "Not Found"}, 404)
    with pytest.raises(SignalSourceError, match="neither"):
        engine.batch(["BTCUSDT", "ETHUSDT"])


@pytest.mark.parametrize("status", [404, 500])
def test_one_symbol_without_a_signal_is_none(stub: Stub, engine: MLSignalConsumer, status: int) -> None:
    stub.answer({"detail": "no signal"}, status)
    assert engine.latest("BTCUSDT") is None


def test_a_symbol_cannot_lead_elsewhere(stub: Stub, engine: MLSignalConsumer) -> None:
    stub.answer({"signal": None})
    engine.latest("../account/1?x=")
    assert stub.seen[0].path == "/api/v1/signals/latest/..%2Faccount%2F1%3Fx%3D"


@pytest.mark.parametrize(
    "reply",
    [
        Answer(200, b""),
        Answer(200, b"<html>"),
        Answer(200, b"\xff\xfe\xfa"),
        Answer(200, b"null"),
        Answer(200, b"[]"),
        Answer(200, b"7"),
        Answer(200, b"{}"),
        Answer(200, b'{"signals": null}'),
        Answer(200, b'{"signals": []}'),
        Answer(200, b"[" * 100_000),
        Answer(200, b'{"signals": {"BTCUSDT": "' + b"x" * 1_000_001 + b'"}}'),
        Answer(200, b'{"signals": {}}', declared_length=1000),
        Answer(200, gzip.compress(b'{"signals": {}}', mtime=0), {"Content_Encoding": "gzip"}),
        Answer(301, b"", {"Location": "/elsewhere"}),
        Answer(401, b'{"signals": {}}'),
        Answer(422, b'{"signals": {}}'),
        Drop(),
        Hang(),
        Trickle(0.05),
    ],
    ids=lambda reply: repr(reply)[:60],
)
def test_an_engine_that_is_slow_or_talks_nonsense_is_a_signal_source_error(
    stub: Stub, engine: MLSignalConsumer, reply: Answer | Drop | Hang | Trickle
) -> None:
    stub.reply(reply)
    with pytest.raises(SignalSourceError):
        engine.batch(["BTCUSDT"])


def test_nonsense_in_answer_to_one_symbol_is_a_signal_source_error(stub: Stub, engine: MLSignalConsumer) -> None:
    stub.answer({"signal_of": "nothing"})
    with pytest.raises(SignalSourceError, match="'signal'"):
        engine.latest("BTCUSDT")


def test_an_engine_that_is_down_is_a_signal_source_error_and_is_asked_again_later(
    stub: Stub, engine: MLSignalConsumer
) -> None:
    with socket.create_server(("127.0.0.1", 0)) as unused:
        nobody = MLSignalConsumer(f"http://127.0.0.1:{unused.getsockname()[1]}")
    with pytest.raises(SignalSourceError):
        nobody.batch(["BTCUSDT"])
    stub.reply(Drop(), Answer(200, b'{"signals": {}}'))
    with pytest.raises(SignalSourceError):
        engine.batch(["BTCUSDT"])
    assert engine.batch(["BTCUSDT"]) == {"BTCUSDT": None}


def test_an_engine_that_never_stops_sending_is_left_after_the_time_for_a_whole_call(
    stub: Stub, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("adapters.ml_engine.TOTAL_TIMEOUT", 0.2)
    stub.reply(Trickle(0.01))
    failures: list[Exception] = []

    def ask() -> None:
        try:
            MLSignalConsumer(stub.url).batch(["BTCUSDT"])
        except SignalSourceError as error:
            failures.append(error)

    asking = threading.Thread(target=ask, daemon=True)
    asking.start()
    asking.join(5)
    assert [str(failure) for failure in failures] == ["the ML engine is too slow"]
