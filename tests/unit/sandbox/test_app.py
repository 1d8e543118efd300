from pathlib import Path

import pytest
from flask.testing import FlaskClient

from sandbox.exchange.app import create_app
from sandbox.exchange.clock import ManualClock
from sandbox.exchange.market import Market
from sandbox.exchange.settings import Settings


@pytest.fixture
def http(tmp_path: Path, clock: ManualClock) -> FlaskClient:
    return create_app(Settings(data=tmp_path), clock).test_client()


def test_the_time_is_the_injected_clocks(http: FlaskClient, clock: ManualClock) -> None:
    clock.advance(12.345)
    assert http.get("/api/v3/time").json == {"serverTime": clock.now}


@pytest.mark.parametrize("method", ["GET", "POST", "DELETE"])
def test_only_this_machine_may_switch_faults(http: FlaskClient, method: str) -> None:
    reply = http.open("/sandbox/faults", method=method, environ_base={"REMOTE_ADDR": "192.0.2.1"})
    assert reply.status_code == 403


def test_a_failure_inside_is_an_unknown_error_without_its_details(
    http: FlaskClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_: object) -> None:
        raise KeyError("internals")

    monkeypatch.setattr(Market, "book", fail)
    reply = http.get("/api/v3/depth?symbol=BTCUSDT")
    assert reply.status_code == 500
    assert reply.json == {"code": -1000, "msg": "An unknown error occurred while processing the request."}
