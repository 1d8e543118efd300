"""The demo ML engine's routes answer in the platform guide's shapes."""

import math
from unittest.mock import Mock

import pytest
import requests
from flask.testing import FlaskClient

from sandbox.ml_engine.app import create_app

START = 1_700_000_000_000


def rows(count: int = 66) -> list[list[object]]:
    """Candles as Binance writes them, rising with a wobble."""
    closes = [45_000 * math.exp(5e-5 * second + (1e-4 if second % 2 else -1e-4)) for second in range(count)]
    return [[START + i * 1000, "0", "0", "0", f"{close:.2f}", "0"] for i, close in enumerate(closes)]


@pytest.fixture
def exchange(monkeypatch: pytest.MonkeyPatch) -> Mock:
    """Stands for the exchange's answer: knows BTCUSDT, ETHUSDT and SOLUSDT, refuses others with 400."""

    def answer(_url: str, params: dict[str, str], timeout: float) -> Mock:
        assert timeout > 0
        known = params["symbol"] in {"BTCUSDT", "ETHUSDT", "SOLUSDT"}
        return Mock(status_code=200 if known else 400, json=Mock(return_value=rows()))

    asked = Mock(side_effect=answer)
    monkeypatch.setattr(requests.Session, "get", asked)
    return asked


@pytest.fixture
def client(exchange: Mock) -> FlaskClient:
    assert not exchange.called
    return create_app("http://exchange").test_client()


def test_a_batch_answers_each_symbol_with_a_signal_or_null(client: FlaskClient) -> None:
    answer = client.post("/api/v1/signals/batch", json=["BTCUSDT", "NOSUCH"]).get_json()
    assert answer["signals"]["NOSUCH"] is None
    signal = answer["signals"]["BTCUSDT"]
    assert signal == {
        "symbol": "BTCUSDT",
        "action": "buy",
        "confidence": signal["confidence"],
        "price": signal["price"],
        "timestamp": "2023-11-14T22:14:25Z",
    }
    assert 0.5 < signal["confidence"] <= 1


@pytest.mark.parametrize("body", [{"symbols": []}, ["BTCUSDT", 1], "BTCUSDT", ["X"] * 101])
def test_a_batch_that_is_no_short_array_of_symbols_is_refused(client: FlaskClient, body: object) -> None:
    assert client.post("/api/v1/signals/batch", json=body).status_code == 422


def test_the_latest_signal_of_an_unknown_symbol_is_not_found(client: FlaskClient) -> None:
    assert client.get("/api/v1/signals/latest/BTCUSDT").get_json()["signal"]["symbol"] == "BTCUSDT"
    assert client.get("/api/v1/signals/latest/NOSUCH").status_code == 404


def test_an_account_gets_signals_for_the_main_symbols(client: FlaskClient) -> None:
    answer = client.get("/api/v1/signals/account/42").get_json()
    assert answer["account_id"] == "42"
    assert set(answer["signals"]) == {"BTCUSDT", "ETHUSDT", "SOLUSDT"}


def test_asking_twice_within_a_second_costs_the_exchange_one_request(client: FlaskClient, exchange: Mock) -> None:
    client.get("/api/v1/signals/latest/BTCUSDT")
    client.get("/api/v1/signals/latest/BTCUSDT")
    assert exchange.call_count == 1


def test_an_exchange_that_is_down_makes_the_engine_answer_503(client: FlaskClient, exchange: Mock) -> None:
    exchange.side_effect = requests.ConnectionError("refused")
    answer = client.post("/api/v1/signals/batch", json=["BTCUSDT"])
    assert answer.status_code == 503
    assert "BTCUSDT" in answer.get_json()["detail"]
