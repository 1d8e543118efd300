"""Looks at the outside for `GET /ready`."""

from datetime import UTC, datetime, timedelta

import pytest
from redis.exceptions import ConnectionError as RedisIsGone

from adapters.ml_engine import MLSignalConsumer
from adapters.probes import EngineProbe, ExchangeProbe
from tests.unit.adapters.misbehaving_server import Answer, Drop, Hang, Stub


class Shared:
    """What workers share: the budget of request weight and the ban."""

    def __init__(self) -> None:
        self.banned_until: datetime | None = None
        self.weight_left = 1

    def spend(self, weight: int) -> bool:
        self.weight_left -= weight
        return self.weight_left >= 0

    def ban(self, until: datetime) -> None:
        self.banned_until = until


@pytest.fixture
def shared() -> Shared:
    return Shared()


@pytest.fixture
def probe(stub: Stub, shared: Shared, monkeypatch: pytest.MonkeyPatch) -> ExchangeProbe:
    monkeypatch.setattr("adapters.probes.TIMEOUTS", (2, 2))
    return ExchangeProbe(
        stub.url, banned_until=lambda: shared.banned_until, spend_weight=shared.spend, note_ban=shared.ban
    )


def test_an_exchange_that_tells_the_time_is_up(stub: Stub, shared: Shared, probe: ExchangeProbe) -> None:
    told = datetime.now(UTC)
    stub.answer({"serverTime": int(told.timestamp() * 1000)})
    sight = probe.look()
    assert sight.is_up
    assert sight.clock_ahead is not None
    assert abs(sight.clock_ahead) <= datetime.now(UTC) - told + timedelta(milliseconds=1)
    assert [(seen.method, seen.path) for seen in stub.seen] == [("GET", "/api/v3/time")]
    assert "X-MBX-APIKEY" not in stub.seen[0].headers
    assert shared.weight_left == 0


@pytest.mark.parametrize("seconds", [5, -5])
def test_it_sees_a_clock_that_is_off(stub: Stub, probe: ExchangeProbe, seconds: int) -> None:
    off, told = timedelta(seconds=seconds), datetime.now(UTC)
    stub.answer({"serverTime": int((told + off).timestamp() * 1000)})
    sight = probe.look()
    assert sight.clock_ahead is not None
    assert abs(sight.clock_ahead - off) <= datetime.now(UTC) - told + timedelta(milliseconds=1)


@pytest.mark.parametrize(
    ("reply", "detail"),
    [
        (Drop(), "it does not answer (ConnectionError)"),
        (Hang(), "it does not answer (ReadTimeout)"),
        (Answer(503), "it answers with HTTP status 503"),
        (Answer(302, headers={"Location": "/"}), "it answers with HTTP status 302"),
        (Answer(200, b"nonsense"), "it does not tell the time"),
        (Answer(200, b'{"serverTime": null}'), "it does not tell the time"),
        (Answer(200, b'{"serverTime": 1' + b"0" * 5000), "it does not tell the time"),
    ],
)
def test_anything_else_is_down_with_the_reason(
    stub: Stub, probe: ExchangeProbe, reply: Answer | Drop | Hang, detail: str
) -> None:
    stub.reply(reply)
    sight = probe.look()
    assert (sight.is_up, sight.detail, sight.clock_ahead) == (False, detail, None)


def test_nothing_is_sent_while_the_exchange_wants_no_requests(stub: Stub, shared: Shared, probe: ExchangeProbe) -> None:
    shared.banned_until = datetime(2100, 1, 1, tzinfo=UTC)
    sight = probe.look()
    assert (sight.is_up, sight.detail) == (False, "it wants no requests until 2100-01-01T00:00:00Z")
    assert stub.seen == []


@pytest.mark.parametrize("status", [418, 429])
def test_a_ban_that_the_probe_meets_keeps_every_worker_from_the_exchange(
    stub: Stub, shared: Shared, probe: ExchangeProbe, status: int
) -> None:
    stub.answer({}, status, **{"Retry-After": "90"})
    assert probe.look().detail == f"it answers with HTTP status {status}"
    assert shared.banned_until is not None
    assert timedelta(seconds=80) < shared.banned_until - datetime.now(UTC) <= timedelta(seconds=90)


def test_nothing_is_sent_without_request_weight(stub: Stub, shared: Shared, probe: ExchangeProbe) -> None:
    shared.weight_left = 0
    assert probe.look().detail == "this minute's request weight is used up"
    assert stub.seen == []


def test_nothing_is_sent_while_nobody_knows_whether_it_may(
    stub: Stub, probe: ExchangeProbe, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail() -> None:
        raise RedisIsGone

    monkeypatch.setattr(probe, "_banned_until", fail)
    assert "out of reach" in str(probe.look().detail)
    assert stub.seen == []


@pytest.mark.parametrize(("status", "is_up"), [(200, True), (404, True), (500, True), (503, False)])
def test_an_engine_without_a_signal_is_up_and_one_behind_a_closed_door_is_down(
    stub: Stub, status: int, *, is_up: bool
) -> None:
    stub.answer({"signal": None}, status)
    assert EngineProbe(MLSignalConsumer(stub.url), "BTCUSDT").look().is_up is is_up
    assert [(seen.method, seen.path) for seen in stub.seen] == [("GET", "/api/v1/signals/latest/BTCUSDT")]
